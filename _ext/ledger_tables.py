"""How the ledger writes what was measured: effects with their intervals, what the guide promises, badges, tables."""

from collections.abc import Sequence
from math import floor, isfinite, log10

from docutils import nodes

from bncourse.course.language import Translate
from bncourse.ledger.claims import Number
from bncourse.ledger.entries import Evidence
from bncourse.ledger.verdicts import Verdict

Cell = str | list[nodes.Node]


def shown(entry: Evidence, _: Translate = str) -> str:
    """An effect and its interval, in as many digits as the interval supports."""
    if entry.is_parity:
        largest, allowed = number(entry.high, ".0e"), number(entry.null, ".0e")
        return _("largest difference {largest}, allowed {allowed}").format(largest=largest, allowed=allowed)
    width = entry.high - entry.low
    digits = min(2, max(0, 1 - floor(log10(width)))) if width > 0 and isfinite(width) else 1
    effect, low, high = (number(value, f".{digits}f") for value in (entry.effect, entry.low, entry.high))
    unit = "×" if entry.unit == "x" else _(entry.unit)
    return f"{effect} [{low}, {high}] {unit}".strip()


def number(value: float, form: str) -> str:
    """A number as text, with a true minus sign and no negative zero."""
    return f"{value:z{form}}".replace("-", "−") if value else "0"


def promise(number: Number | None, _: Translate = str) -> str:
    """What the guide promises, as text."""
    if number is None:
        return ""
    ends = {f"{end:g}" for end in (number.least, number.most) if isfinite(end)}
    sorted_ends = sorted(ends, key=float)
    if len(sorted_ends) > 1:
        return _("; the guide: between {least} and {most}").format(least=sorted_ends[0], most=sorted_ends[-1])
    patterns = {
        "about": _("; the guide: about {number}"),
        "up to": _("; the guide: up to {number}"),
        "at least": _("; the guide: at least {number}"),
    }
    return patterns[number.words].format(number=sorted_ends[0])


def ranges(numbers: list[int]) -> str:
    """[0, 1, 2, 7] as "0–2, 7"."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][1] + 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    return ", ".join(f"{first}–{last}" if first < last else str(first) for first, last in runs) or "–"


def badge(verdict: Verdict, _: Translate = str) -> list[nodes.Node]:
    return [nodes.inline("", _(verdict), classes=["verdict-badge", verdict.replace(" ", "-")])]


def html(text: str) -> nodes.raw:
    return nodes.raw("", text, format="html")


def table(head: Sequence[str], rows: Sequence[Sequence[Cell]], kind: str) -> nodes.Node:
    """A table of texts, or lists of inline nodes, that scrolls inside its own box."""

    def row_of(cells: Sequence[Cell]) -> nodes.Node:
        entries = []
        for cell in cells:
            content = [nodes.Text(cell)] if isinstance(cell, str) else cell
            entries.append(nodes.entry("", nodes.paragraph("", "", *content)))
        return nodes.row("", *entries)

    group = nodes.tgroup("", *[nodes.colspec(colwidth=1) for _ in head], cols=len(head))
    group += [nodes.thead("", row_of(head)), nodes.tbody("", *map(row_of, rows))]
    return nodes.table("", group, classes=["ledger", f"ledger-{kind}"])
