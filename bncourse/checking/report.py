"""Telling a learner what the checks found: one content, as plain text and as HTML."""

import re
import textwrap
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from html import escape
from typing import Any

import numpy as np

from bncourse.checking.compare import Mismatch, as_array
from bncourse.checking.judging import Failure, Result
from bncourse.checking.learner import AnswerCrashed, Call, Forbidden
from bncourse.checking.status import Status

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


def report(result: Result, hints: Iterable[str] = ()) -> Report:
    """The report on a result; `hints` are those that the learner has earned."""
    title = f"{result.exercise.id}: {_verdict(result)}" + (f"; {result.note}" if result.note else "")
    if result.status in (Status.MISSING, Status.UNSOLVED):
        return Report(result.exercise.id, title, False, None, "", [], [], [], list(hints))
    details = _details(result.main_failure) if result.failures else []
    failed = _failed(result) if result.failures else []
    solved, passed = result.status == Status.SOLVED, list(result.passed.values())
    explains = "What happened" if result.explains_all else "What happened, among other things"
    return Report(result.exercise.id, title, solved, result.diagnosis, explains, passed, failed, details, list(hints))


def _failed(result: Result) -> list[str]:
    """What failed, in words: what is shown first, then what seems to have other reasons; the rest is counted."""
    main, shown = result.main_failure, result.main_failure.statement
    same = [*result.explained]
    if not result.diagnosis and main.is_of_form:
        shown = "The answer has the form that is asked for: type, shape, parts and their names."
        same = [failure for failure in result.failures if failure.is_of_form]
    elif not result.diagnosis and main.status == Status.ERROR:
        same = [failure for failure in result.failures if str(failure.error) == str(main.error)]
    others = [failure.statement for failure in result.failures if failure is not main and failure not in same]
    more = len(result.failures) - len(others) - (shown == main.statement)
    counted = [f"{more} more, probably for the same reason"] if more else []
    return list(dict.fromkeys([shown, *others, *counted]))


def _verdict(result: Result) -> str:
    points = f"{result.points} of {result.max} points"
    if result.status == Status.SOLVED:
        return f"solved, {points}"
    if result.status == Status.UNSOLVED:
        return f"not solved yet, {points}; write your answer where the cell says YOUR CODE HERE, and run it"
    if result.status == Status.MISSING:
        return f"no answer found, {points}; {result.failures[0].error}"
    return f"not right yet, {points}" if result.status == Status.FAILED else f"your code stops with an error, {points}"


def _details(failure: Failure) -> list[tuple[str, str]]:
    rows: list[tuple[str, str]] = []
    call, error = failure.call, failure.error
    if call:
        rows.append(("with" if call.probe else "call", _call_line(call)))
        rows += [(f"  {name}", brief(value)) for name, value in call.arguments if not _is_short(value)]
    if isinstance(error, Mismatch):
        rows += _comparison(error, call)
    elif isinstance(error, AnswerCrashed):
        rows.append(("error", str(error)))
        if error.where:
            rows.append(("at", error.where))
    elif isinstance(error, Forbidden):
        rows.append(("forbidden", f"the answer {error}"))
    elif str(error):
        rows.append(("problem", str(error)))
    if call and call.printed.strip():
        rows.append(("printed", "\n".join(call.printed.strip()[-400:].splitlines()[-8:])))
    return rows


def _comparison(error: Mismatch, call: Call | None) -> list[tuple[str, str]]:
    rows = [("problem", error.problem + _place(error.location, call))]
    if error.got is None or error.expected is None:
        return rows
    try:
        got, expected = as_array(error.got), as_array(error.expected)
    except (TypeError, ValueError):
        return [*rows, ("expected", brief(error.expected)), ("got", brief(error.got))]
    if got.shape != expected.shape or expected.size <= FEW:
        return [*rows, ("expected", brief(expected)), ("got", brief(got))]
    wrong = ~np.isclose(got, expected, rtol=1e-5, equal_nan=True)
    rows.append(("differ", f"{wrong.sum()} of {wrong.size} values, the first of them:"))
    for index in map(tuple, np.argwhere(wrong)[:3]):
        rows.append((f"  [{', '.join(map(str, index))}]", f"expected {expected[index]:.6g}, got {got[index]:.6g}"))
    return rows


def _place(location: str, call: Call | None) -> str:
    """Where in the result; of what a check has put together itself, only the names."""
    if call and call.probe:
        names = re.findall(r"\['(.+?)'\]", location)
        part = re.fullmatch(r"\[(\d+)\]", location)
        return f" This is {', '.join(names)}." if names else f" This is part {int(part[1]) + 1}." if part else ""
    return f" This is result{location}." if location else ""


def _call_line(call: Call) -> str:
    inside = [f"{name}={brief(value)}" if _is_short(value) else name for name, value in call.arguments]
    return f"{call.answer}: {', '.join(inside)}" if call.probe else f"{call.name}({', '.join(inside)})"


def _is_short(value: object) -> bool:
    return isinstance(value, (bool, int, float, str, dict, type(None), np.generic))


def brief(value: Any) -> str:
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
    span = f" from {finite.min():.5g} to {finite.max():.5g}" if finite.size else ""
    return f"array of shape {array.shape}, {kind},{span}"


def as_text(content: Report) -> str:
    """The report for a terminal."""
    lines = [content.title]
    if content.diagnosis:
        lines += textwrap.wrap(
            f"{content.diagnosis_title}: {content.diagnosis}", 96, initial_indent="  ", subsequent_indent="  "
        )
    lines += [f"  passed  {statement}" for statement in content.passed]
    for i, statement in enumerate(content.failed):
        lines.append(f"  failed  {statement}")
        if i == 0:
            lines += _columns(content.details)
    lines += [f"  hint    {hint}" for hint in content.hints]
    return "\n".join(lines)


def _columns(details: list[tuple[str, str]]) -> Iterator[str]:
    width = max((len(name) for name, _ in details), default=0) + 2
    for name, value in details:
        first, *rest = value.splitlines() or [""]
        yield f"            {name:<{width}}{first}"
        yield from (" " * (12 + width) + line for line in rest)


COLOURS = {True: "#1a7f5a", False: "#b3541e"}


def as_html(content: Report) -> str:
    """The report for a notebook; readable in light and dark, all values escaped."""
    parts = [f"<strong>{escape(content.title)}</strong>"]
    if content.diagnosis:
        diagnosis = f"<strong>{content.diagnosis_title}:</strong> {escape(content.diagnosis)}"
        parts.append(f'<p style="margin:.4em 0">{diagnosis}</p>')
    parts.append('<ul style="list-style:none;margin:.4em 0;padding:0">')
    for i, statement in enumerate(content.failed):
        parts.append(f"<li>✗ {escape(statement)}{_table(content.details) if i == 0 else ''}</li>")
    parts += [f"<li>✓ {escape(statement)}</li>" for statement in content.passed]
    parts.append("</ul>")
    for number, hint in enumerate(content.hints, 1):
        parts.append(f"<details><summary>Hint {number}</summary>{escape(hint)}</details>")
    style = f"border-left:4px solid {COLOURS[content.solved]};padding:.3em .8em;margin:.3em 0"
    return f'<div style="{style}">{"".join(parts)}</div>'


def _table(details: list[tuple[str, str]]) -> str:
    rows = "".join(
        f'<tr style="text-align:left;vertical-align:top"><th scope="row">{escape(name.strip())}</th><td>'
        f'<pre style="margin:0;background:none;color:inherit">{escape(value)}</pre></td></tr>'
        for name, value in details
    )
    return f'<table style="margin:.3em 0 .6em 1.2em">{rows}</table>'
