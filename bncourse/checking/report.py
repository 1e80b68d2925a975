"""Telling a learner what the checks found: one content, as plain text and as HTML, in the language asked for."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from html import escape
from typing import Any

import numpy as np

from bncourse.checking.compare import Mismatch, as_array
from bncourse.checking.judging import Failure, Result
from bncourse.checking.learner import AnswerCrashed, Call, Forbidden
from bncourse.checking.status import Status
from bncourse.course import language as languages
from bncourse.course.columns import cells_of, lines_of
from bncourse.course.language import ENGLISH, Translate

FEW = 16  # arrays of at most so many numbers are shown whole


@dataclass
class Report:
    """What is to be said of one result, before it takes a form."""

    exercise_id: str
    title: str
    solved: bool
    diagnosis: str | None
    diagnosis_title: str
    passed: list[str]
    failed: list[str]
    details: list[tuple[str, str]]
    hints: list[str]
    language: str = ENGLISH


def report(result: Result, hints: Iterable[str] = (), language: str = ENGLISH) -> Report:
    """The report on a result; `hints` are those that the learner has earned. What no catalogue knows stays English."""
    exercise = result.exercise
    _ = languages.of_checks(language, exercise.chapter)
    title = f"{exercise.id}: {_verdict(result, _)}" + (f"; {_(result.note)}" if result.note else "")
    earned = [_(hint) for hint in hints]
    if result.status in (Status.MISSING, Status.UNSOLVED):
        return Report(exercise.id, title, False, None, "", [], [], [], earned, language)
    details = _details(result.main_failure, _) if result.failures else []
    failed = _failed(result, _) if result.failures else []
    solved, passed = result.status == Status.SOLVED, [_(statement) for statement in result.passed.values()]
    explains = _("What happened") if result.explains_all else _("What happened, among other things")
    diagnosis = _(result.diagnosis) if result.diagnosis else None
    return Report(exercise.id, title, solved, diagnosis, explains, passed, failed, details, earned, language)


def _failed(result: Result, _: Translate) -> list[str]:
    """What failed, in words: what is shown first, then what seems to have other reasons; the rest is counted."""
    main, shown = result.main_failure, _(result.main_failure.statement)
    same, is_main = [*result.explained], True
    if not result.diagnosis and main.is_of_form:
        shown = _("The answer has the form that is asked for: type, shape, parts and their names.")
        same, is_main = [failure for failure in result.failures if failure.is_of_form], False
    elif not result.diagnosis and main.status == Status.ERROR:
        same = [failure for failure in result.failures if str(failure.error) == str(main.error)]
    others = [failure.statement for failure in result.failures if failure is not main and failure not in same]
    more = len(result.failures) - len(others) - is_main
    counted = [_("{more} more, probably for the same reason").format(more=more)] if more else []
    return list(dict.fromkeys([shown, *map(_, others), *counted]))


def _verdict(result: Result, _: Translate) -> str:
    points: dict[str, Any] = {"points": result.points, "max": result.max}
    if result.status == Status.SOLVED:
        return _("solved, {points} of {max} points").format(**points)
    if result.status == Status.UNSOLVED:
        return _(
            "not solved yet, {points} of {max} points; write your answer where the cell says YOUR CODE HERE, and run it"
        ).format(**points)
    if result.status == Status.MISSING:
        why = _(str(result.failures[0].error))
        return _("no answer found, {points} of {max} points; {why}").format(**points, why=why)
    if result.status == Status.FAILED:
        return _("not right yet, {points} of {max} points").format(**points)
    return _("your code stops with an error, {points} of {max} points").format(**points)


def _details(failure: Failure, _: Translate) -> list[tuple[str, str]]:
    rows: list[tuple[str, str]] = []
    call, error = failure.call, failure.error
    if call:
        rows.append((_("with") if call.probe else _("call"), _call_line(call, _)))
        rows += [(f"  {_named(name, _)}", brief(value, _)) for name, value in call.arguments if not _is_short(value)]
    if isinstance(error, Mismatch):
        rows += _comparison(error, call, _)
    elif isinstance(error, AnswerCrashed):
        kind, colon, words = str(error).partition(": ")
        rows.append((_("error"), f"{kind}: {_(words)}" if colon else _(kind)))
        if error.where:
            rows.append((_("at"), _(error.where)))
    elif isinstance(error, Forbidden):
        rows.append((_("forbidden"), _("the answer calls {name}").format(name=error.name)))
    elif str(error):
        rows.append((_("problem"), _(str(error))))
    if call and call.printed.strip():
        rows.append((_("printed"), "\n".join(call.printed.strip()[-400:].splitlines()[-8:])))
    return rows


def _comparison(error: Mismatch, call: Call | None, _: Translate) -> list[tuple[str, str]]:
    rows = [(_("problem"), _(error.problem) + _place(error.location, call, _))]
    if error.got is None or error.expected is None:
        return rows
    try:
        got, expected = as_array(error.got), as_array(error.expected)
    except (TypeError, ValueError):
        return [*rows, (_("expected"), brief(error.expected, _)), (_("got"), brief(error.got, _))]
    if got.shape != expected.shape or expected.size <= FEW:
        return [*rows, (_("expected"), brief(expected, _)), (_("got"), brief(got, _))]
    wrong = ~np.isclose(got, expected, rtol=1e-5, equal_nan=True)
    counted = _("{some} of {all} values, the first of them:").format(some=wrong.sum(), all=wrong.size)
    rows.append((_("differ"), counted))
    for index in map(tuple, np.argwhere(wrong)[:3]):
        both = {"expected": f"{expected[index]:.6g}", "got": f"{got[index]:.6g}"}
        rows.append((f"  [{', '.join(map(str, index))}]", _("expected {expected}, got {got}").format(**both)))
    return rows


def _place(location: str, call: Call | None, _: Translate) -> str:
    """Where in the result; of what a check has put together itself, only the names."""
    if call and call.probe:
        names = re.findall(r"\['(.+?)'\]", location)
        part = re.fullmatch(r"\[(\d+)\]", location)
        if names:
            return _(" This is {names}.").format(names=", ".join(names))
        return _(" This is part {number}.").format(number=int(part[1]) + 1) if part else ""
    return _(" This is result{location}.").format(location=location) if location else ""


def _named(name: str, _: Translate) -> str:
    """The name of an argument: the learner's own, or "argument 3", which is ours, where they gave none."""
    number = re.fullmatch(r"argument (\d+)", name)
    return _("argument {number}").format(number=number[1]) if number else name


def _call_line(call: Call, _: Translate) -> str:
    named = [(_named(name, _), value) for name, value in call.arguments]
    inside = [f"{name}={brief(value, _)}" if _is_short(value) else name for name, value in named]
    return f"{call.answer}: {', '.join(inside)}" if call.probe else f"{call.name}({', '.join(inside)})"


def _is_short(value: object) -> bool:
    return isinstance(value, (bool, int, float, str, dict, type(None), np.generic))


def brief(value: Any, _: Translate = str) -> str:
    """A value in few characters: small arrays whole, large ones by shape, type and range."""
    try:
        array = as_array(value)
    except (TypeError, ValueError):
        return repr(value)[:200]
    if isinstance(value, (bool, np.bool_)) or array.ndim == 0:
        return repr(value) if isinstance(value, (bool, int, str)) else f"{float(array):.6g}"
    if array.size <= FEW:
        return np.array2string(array, precision=5, separator=", ", max_line_width=76)
    kind = getattr(value, "dtype", array.dtype)
    finite = array[np.isfinite(array)] if array.dtype.kind == "f" else array
    about = {"shape": array.shape, "kind": kind}
    if not finite.size:
        return _("array of shape {shape}, {kind},").format(**about)
    ends = {"low": f"{finite.min():.5g}", "high": f"{finite.max():.5g}"}
    return _("array of shape {shape}, {kind}, from {low} to {high}").format(**about, **ends)


def as_text(content: Report) -> str:
    """The report for a terminal."""
    lines, _ = [content.title], _of_reports(content)
    if content.diagnosis:
        lines += [f"  {line}" for line in lines_of(f"{content.diagnosis_title}: {content.diagnosis}", 94)]
    heads = [_("passed"), _("failed"), _("hint")]
    wide = max(6, *map(cells_of, heads))
    passed, failed, hint = (f"  {_padded(head, wide)}  " for head in heads)
    lines += [passed + statement for statement in content.passed]
    for i, statement in enumerate(content.failed):
        lines.append(failed + statement)
        if i == 0:
            lines += _columns(content.details, " " * (wide + 6))
    lines += [hint + text for text in content.hints]
    return "\n".join(lines)


def _of_reports(content: Report) -> Translate:
    return languages.translator(content.language, "checks/report")


def _columns(details: list[tuple[str, str]], indent: str) -> Iterator[str]:
    width = max((cells_of(name) for name, _ in details), default=0) + 2
    for name, value in details:
        first, *rest = value.splitlines() or [""]
        yield f"{indent}{_padded(name, width)}{first}"
        yield from (indent + " " * width + line for line in rest)


def _padded(text: str, width: int) -> str:
    return text + " " * (width - cells_of(text))


COLOURS = {True: "#1a7f5a", False: "#b3541e"}


def as_html(content: Report) -> str:
    """The report for a notebook; readable in light and dark, all values escaped."""
    parts, _ = [f"<strong>{escape(content.title)}</strong>"], _of_reports(content)
    if content.diagnosis:
        diagnosis = f"<strong>{content.diagnosis_title}:</strong> {escape(content.diagnosis)}"
        parts.append(f'<p style="margin:.4em 0">{diagnosis}</p>')
    parts.append('<ul style="list-style:none;margin:.4em 0;padding:0">')
    for i, statement in enumerate(content.failed):
        parts.append(f"<li>✗ {escape(statement)}{_table(content.details) if i == 0 else ''}</li>")
    parts += [f"<li>✓ {escape(statement)}</li>" for statement in content.passed]
    parts.append("</ul>")
    for number, hint in enumerate(content.hints, 1):
        head = _("Hint {number}").format(number=number)
        parts.append(f"<details><summary>{head}</summary>{escape(hint)}</details>")
    style = f"border-left:4px solid {COLOURS[content.solved]};padding:.3em .8em;margin:.3em 0"
    return f'<div style="{style}">{"".join(parts)}</div>'


def _table(details: list[tuple[str, str]]) -> str:
    rows = "".join(
        f'<tr style="text-align:left;vertical-align:top"><th scope="row">{escape(name.strip())}</th><td>'
        f'<pre style="margin:0;background:none;color:inherit">{escape(value)}</pre></td></tr>'
        for name, value in details
    )
    return f'<table style="margin:.3em 0 .6em 1.2em">{rows}</table>'
