"""From the measurement that decides a claim to a verdict: the rule that `book/ledger.md` states."""

from collections.abc import Mapping
from enum import StrEnum

import numpy as np
from scipy import stats

from bncourse.ledger.claims import Claim
from bncourse.ledger.entries import Evidence

FALSE_DISCOVERIES = 0.05  # the share of wrong directions that is allowed over all claims


class Verdict(StrEnum):
    """What is known of a claim, in the words of the ledger."""

    REPRODUCED = "reproduced"
    SMALLER = "smaller"
    LARGER = "larger"
    NO_EFFECT = "no effect here"
    OPPOSITE = "opposite"
    UNDECIDED = "undecided"
    HOLDS = "holds"
    FAILS = "does not hold"
    UNTESTED = "not tested"

    @property
    def has_direction(self) -> bool:
        """Whether it says that there is an effect, for the claim or against it."""
        return self in (Verdict.REPRODUCED, Verdict.SMALLER, Verdict.LARGER, Verdict.OPPOSITE)


class Agreement(StrEnum):
    """What a few seeds of this build say of the stored run."""

    AGREES = "agrees"
    CANNOT_TELL = "cannot tell"
    DISAGREES = "disagrees"


def verdicts(decisive: Mapping[Claim, Evidence | None]) -> dict[str, Verdict]:
    """The verdict on each claim by id, from the one measurement that decides it; None where there is none.

    Directions pass the procedure of Benjamini and Hochberg, so that over all claims 5 % of them at most are expected
    to be wrong; one that does not pass is "undecided".
    """
    measured = [(claim, entry) for claim, entry in decisive.items() if entry and not entry.is_parity]
    adjusted = stats.false_discovery_control([probability(entry) for _, entry in measured]) if measured else []
    doubtful = {claim.id for (claim, _), value in zip(measured, adjusted) if value > FALSE_DISCOVERIES}
    alone = {claim.id: verdict_alone(claim, entry) for claim, entry in decisive.items()}
    return {
        name: Verdict.UNDECIDED if name in doubtful and verdict.has_direction else verdict
        for name, verdict in alone.items()
    }


def verdict_alone(claim: Claim, entry: Evidence | None) -> Verdict:
    """The verdict of one interval: what is true of every effect in it, else "undecided"."""
    if entry is None:
        return Verdict.UNTESTED
    if entry.is_parity:
        return Verdict.HOLDS if entry.high <= entry.null else Verdict.FAILS
    if entry.high < entry.null:
        return Verdict.OPPOSITE
    if entry.low > entry.null:
        return _size(claim, entry)
    margin = claim.margin or 0.0
    low, high = (1 / margin, margin) if _is_ratio(entry) and margin else (entry.null - margin, entry.null + margin)
    return Verdict.NO_EFFECT if low < entry.low and entry.high < high else Verdict.UNDECIDED


def _size(claim: Claim, entry: Evidence) -> Verdict:
    """Of an effect in the guide's direction: whether it has the guide's size."""
    if claim.number is None:
        return Verdict.REPRODUCED
    least, most = claim.number.allowed
    if entry.high < least:
        return Verdict.SMALLER
    if entry.low > most:
        return Verdict.LARGER
    return Verdict.REPRODUCED if least <= entry.low and entry.high <= most else Verdict.UNDECIDED


def agreement(claim: Claim, stored: Evidence, build: Evidence) -> Agreement:
    """Whether a build repeats a stored run: disagrees where their 99 % intervals do not touch.

    It agrees where its own interval gives the same verdict; one that is undecided by itself cannot tell.
    """
    (low, high), (build_low, build_high) = interval(stored, 0.99), interval(build, 0.99)
    if build_low > high or build_high < low:
        return Agreement.DISAGREES
    own = verdict_alone(claim, build)
    same = own == verdict_alone(claim, stored) and own != Verdict.UNDECIDED
    return Agreement.AGREES if same else Agreement.CANNOT_TELL


def interval(entry: Evidence, confidence: float) -> tuple[float, float]:
    """The interval of an entry, which is a 95 % one, at another confidence."""
    factor = _quantile(entry, confidence) / _quantile(entry, 0.95)
    effect, low, high = (float(_scaled(entry, value)) for value in (entry.effect, entry.low, entry.high))
    ends = effect - factor * (effect - low), effect + factor * (high - effect)
    low, high = np.exp(ends) if _is_ratio(entry) else ends
    return float(low), float(high)


def probability(entry: Evidence) -> float:
    """Two-sided p-value of no effect, from the effect and the width of its 95 % interval."""
    effect, low, high, null = (_scaled(entry, value) for value in (entry.effect, entry.low, entry.high, entry.null))
    error = (high - low) / 2 / _quantile(entry, 0.95)
    if not error > 0:
        return 0.0 if effect != null and error == 0 else 1.0
    return float(2 * _distribution(entry).sf(abs(effect - null) / error))


def _quantile(entry: Evidence, confidence: float) -> float:
    return float(_distribution(entry).ppf((1 + confidence) / 2))


def _distribution(entry: Evidence) -> "stats.rv_frozen":
    """Student's t of a mean over seeds; the normal one of a bootstrap, which is entered as one number."""
    return stats.t(entry.count - 1) if entry.count > 1 else stats.norm()


def _scaled(entry: Evidence, value: float) -> float:
    return float(np.log(value)) if _is_ratio(entry) else value


def _is_ratio(entry: Evidence) -> bool:
    return entry.unit == "x"
