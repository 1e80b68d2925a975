"""How an answer stands: one word for scripts, and the words, sign and colour that people see."""

from enum import StrEnum
from typing import Self


class Status(StrEnum):
    """The status of one answer. Its value is what `--json` and results hold."""

    words: str  # what a learner reads
    sign: str  # stands beside the words, so that colour is never needed
    colour: str  # of Okabe and Ito's palette

    SOLVED = "solved", "solved", "✓", "#0072B2"
    FAILED = "failed", "not right yet", "✗", "#D55E00"
    ERROR = "error", "stops with an error", "!", "#CC79A7"
    UNSOLVED = "unsolved", "not solved yet", "○", "#56B4E9"
    MISSING = "missing", "no answer found", "–", "transparent"

    def __new__(cls, value: str, words: str, sign: str, colour: str) -> Self:
        status = str.__new__(cls, value)
        status._value_, status.words, status.sign, status.colour = value, words, sign, colour
        return status

    @property
    def is_attempt(self) -> bool:
        """Whether there was an answer, and it was not right."""
        return self in (Status.FAILED, Status.ERROR)
