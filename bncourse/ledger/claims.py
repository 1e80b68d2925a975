"""The claims of the guide, and the one question that decides each: `book/claims.yml`, read and checked."""

from dataclasses import dataclass, field
from math import inf
from pathlib import Path
from typing import Any

import yaml

from bncourse.course.errors import CourseError
from bncourse.course.paths import ROOT, shown

CLAIMS = ROOT / "book" / "claims.yml"
TOLERANCE = 1.5  # by which factor an effect may miss the guide's number

Measurement = tuple[str, str]


@dataclass(frozen=True)
class Number:
    """What the guide promises: the least and the largest effect that `words` such as "about" name."""

    words: str
    least: float
    most: float

    @property
    def allowed(self) -> tuple[float, float]:
        """Effects that count as that number, (low, high)."""
        return self.least / TOLERANCE, self.most * TOLERANCE


@dataclass(frozen=True, eq=False)
class Claim:
    """A sentence of the guide, and how it is decided.

    `row` is the measurement that decides, (the claim it is entered under, what is compared); None where no page has
    tested the sentence. `margin` is the smallest effect that matters, in the row's unit, or a factor of a ratio; None
    of a formula. `left_out` maps what is compared in other measurements to the reason why they are no evidence.
    """

    id: str
    says: str
    lines: str
    question: str
    why: str
    source: str
    row: Measurement | None = None
    margin: float | None = None
    number: Number | None = None
    caution: str = ""
    changed: str = ""
    left_out: dict[str, str] = field(default_factory=dict)


def claims(path: Path = CLAIMS) -> dict[str, Claim]:
    """All claims by id, in their order; CourseError for a file that is none of claims."""
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
        read = {name: _claim(name, fields) for name, fields in content.items()}
    except (OSError, yaml.YAMLError, ValueError, TypeError, AttributeError) as error:
        raise CourseError(f"{shown(path)}: {' '.join(str(error).split())}") from error
    rows = [claim.row for claim in read.values() if claim.row]
    twice = sorted({f"{claim} | {what}" for claim, what in rows if rows.count((claim, what)) > 1})
    if twice:
        raise CourseError(f"{shown(path)}: decides more than one claim: {', '.join(twice)}")
    return read


def _claim(name: str, fields: dict[str, Any]) -> Claim:
    try:
        row, number, left_out = fields.pop("row", None), fields.pop("number", None), fields.pop("left out", {})
        return Claim(
            id=name,
            lines=str(fields.pop("lines")).replace("-", "–"),
            row=_measurement(name, row) if row else None,
            number=_number(number) if number else None,
            left_out=dict(left_out),
            **fields,
        )
    except (KeyError, ValueError, TypeError) as error:
        raise ValueError(f"{name}: {error}") from error


def _measurement(name: str, row: str) -> Measurement:
    """ "D2 | what" of another claim, "what" of this one."""
    claim, bar, what = row.partition(" | ")
    return (claim, what) if bar else (name, row)


def _number(number: dict[str, Any]) -> Number:
    """{"about": 14} and the like."""
    ((words, value),) = number.items()
    match words:
        case "about":
            return Number(words, value, value)
        case "up to":
            return Number(words, -inf, value)
        case "at least":
            return Number(words, value, inf)
        case "between":
            least, most = value
            return Number(words, least, most)
    raise ValueError(f"a number is about, up to, at least or between, not {words!r}")
