"""From what the pages measured to a verdict on each claim: the rule that `book/ledger.md` states."""

from collections.abc import Iterable
from enum import StrEnum

from bncourse.ledger.entries import Evidence


class Verdict(StrEnum):
    """What the measurements say of a claim, in the words of the ledger."""

    REPRODUCED = "reproduced"
    PARTLY = "partly"
    NOT_HERE = "not at this scale"
    DISPUTED = "disputed"
    OPEN = "not written yet"


def verdict_of_entry(entry: Evidence) -> Verdict:
    """The verdict on one measurement."""
    if entry.is_parity:
        return Verdict.REPRODUCED if entry.high <= entry.null else Verdict.DISPUTED
    if entry.high < entry.null:
        return Verdict.DISPUTED
    if not entry.low > entry.null:  # so that NaN is no evidence
        return Verdict.NOT_HERE
    return Verdict.REPRODUCED if entry.guide is None or entry.high >= entry.guide else Verdict.PARTLY


def verdict(entries: Iterable[Evidence]) -> Verdict:
    """The verdict on a claim from all its measurements; of none, "not written yet"."""
    verdicts = {verdict_of_entry(entry) for entry in entries}
    if not verdicts:
        return Verdict.OPEN
    if len(verdicts) == 1:
        return verdicts.pop()
    return Verdict.PARTLY if verdicts & {Verdict.REPRODUCED, Verdict.PARTLY} else Verdict.DISPUTED
