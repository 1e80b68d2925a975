"""Telling a learner what the checks found: one content, as plain text and as HTML."""

import textwrap
from dataclasses import dataclass
from html import escape

import numpy as np

from bncourse.checking.compare import Mismatch, as_array
from bncourse.checking.learner import AnswerCrashed, Forbidden

FEW = 16  # arrays of at most so many numbers are shown whole


@dataclass
class Report:
    """What is to be said of one result, before it takes a form."""

    title: str
    solved: bool
    diagnosis: str | None
    diagnosis_title: str
    passed: list[str]
    failed: list[str]
    details: list[tuple[str, str]]
    hints: list[str]


def report(result, hints=()):
    """The report on a result; `hints` are those that the learner has earned."""
    title = f"{result.exercise.id}: {_verdict(result)}"
    if result.status in ("missing", "unsolved"):
        return Report(title, False, None, "", [], [], [], list(hints))
    details = _details(result.shown) if result.failures else []
    in_order = sorted(result.failures, key=lambda failure: failure is not result.shown)
    failed = list(dict.fromkeys(failure.words for failure in in_order))
    solved, passed = result.status == "solved", list(result.passed.values())
    explains = "What happened" if result.explains_all else "What happened, among other things"
    return Report(title, solved, result.diagnosis, explains, passed, failed, details, list(hints))


def _verdict(result):
    points = f"{result.points} of {result.max} points"
    if result.status == "solved":
        return f"solved, {points}"
    if result.status == "unsolved":
        return f"not solved yet, {points}; write your answer where the cell says YOUR CODE HERE, and run it"
    if result.status == "missing":
        return f"no answer found, {points}; {result.failures[0].error}"
    return f"not right yet, {points}" if result.status == "failed" else f"your code stops with an error, {points}"


def _details(failure):
    rows, call, error = [], failure.call, failure.error
    if call:
        rows.append(("call", _call_line(call)))
        rows += [(f"  {name}", shown(value)) for name, value in call.arguments if not _is_short(value)]
    if isinstance(error, Mismatch):
        rows += _comparison(error)
    elif isinstance(error, AnswerCrashed):
        rows.append(("error", str(error)))
        if error.where:
            rows.append(("at", error.where))
    elif isinstance(error, Forbidden):
        rows.append(("forbidden", f"the answer {error}"))
    elif str(error):
        rows.append(("problem", str(error)))
    if call and call.printed.strip():
        rows.append(("printed", call.printed.strip()[-400:]))
    return rows


def _comparison(error):
    rows = [("problem", error.problem + (f" This is element {error.place} of the result." if error.place else ""))]
    if error.got is None or error.expected is None:
        return rows
    try:
        got, expected = as_array(error.got), as_array(error.expected)
    except (TypeError, ValueError):
        return [*rows, ("expected", shown(error.expected)), ("got", shown(error.got))]
    if got.shape != expected.shape or expected.size <= FEW:
        return [*rows, ("expected", shown(expected)), ("got", shown(got))]
    wrong = ~np.isclose(got, expected, rtol=1e-5, equal_nan=True)
    places = np.argwhere(wrong)[:3]
    rows.append(("differ", f"{wrong.sum()} of {wrong.size} values, the first of them:"))
    for place in map(tuple, places):
        where = ", ".join(map(str, place))
        rows.append((f"  [{where}]", f"expected {expected[place]:.6g}, got {got[place]:.6g}"))
    return rows


def _call_line(call):
    inside = [f"{name}={shown(value)}" if _is_short(value) else name for name, value in call.arguments]
    return f"{call.name}({', '.join(inside)})"


def _is_short(value):
    return isinstance(value, (bool, int, float, str, dict, type(None), np.generic))


def shown(value):
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


def as_text(content):
    """The report for a terminal."""
    lines = [content.title]
    if content.diagnosis:
        lines += textwrap.wrap(
            f"{content.diagnosis_title}: {content.diagnosis}", 96, initial_indent="  ", subsequent_indent="  "
        )
    lines += [f"  passed  {words}" for words in content.passed]
    for i, words in enumerate(content.failed):
        lines.append(f"  failed  {words}")
        if i == 0:
            lines += _columns(content.details)
    lines += [f"  hint    {hint}" for hint in content.hints]
    return "\n".join(lines)


def _columns(details):
    width = max((len(name) for name, _ in details), default=0) + 2
    for name, value in details:
        first, *rest = value.splitlines() or [""]
        yield f"            {name:<{width}}{first}"
        yield from (" " * (12 + width) + line for line in rest)


COLOURS = {True: "#1a7f5a", False: "#b3541e"}


def as_html(content):
    """The report for a notebook; readable in light and dark, all values escaped."""
    parts = [f"<strong>{escape(content.title)}</strong>"]
    if content.diagnosis:
        words = f"<strong>{content.diagnosis_title}:</strong> {escape(content.diagnosis)}"
        parts.append(f'<p style="margin:.4em 0">{words}</p>')
    parts.append('<ul style="list-style:none;margin:.4em 0;padding:0">')
    for i, words in enumerate(content.failed):
        parts.append(f"<li>✗ {escape(words)}{_table(content.details) if i == 0 else ''}</li>")
    parts += [f"<li>✓ {escape(words)}</li>" for words in content.passed]
    parts.append("</ul>")
    for number, hint in enumerate(content.hints, 1):
        parts.append(f"<details><summary>Hint {number}</summary>{escape(hint)}</details>")
    style = f"border-left:4px solid {COLOURS[content.solved]};padding:.3em .8em;margin:.3em 0"
    return f'<div style="{style}">{"".join(parts)}</div>'


def _table(details):
    rows = "".join(
        f'<tr style="text-align:left;vertical-align:top"><th scope="row">{escape(name.strip())}</th><td>'
        f'<pre style="margin:0;background:none;color:inherit">{escape(value)}</pre></td></tr>'
        for name, value in details
    )
    return f'<table style="margin:.3em 0 .6em 1.2em">{rows}</table>'
