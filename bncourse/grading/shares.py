"""Who pays for what: the time of one notebook, and the memory of its results, divided among its exercises."""

import contextlib
import time
from collections import Counter

from bncourse.grading import codec

MOST_TOLD = 24 * 2**20  # bytes of all that the answers to one exercise may take


class Ended(Exception):
    """The submission's process is gone; the text says why, as far as that is known."""


class Shares:
    """What each exercise of a notebook may use of time and memory, so that none lives at the expense of another."""

    def __init__(self, seconds):
        self.seconds = seconds
        self._spent, self._told, self._reasons = Counter(), Counter(), {}

    def left(self, payer):
        """Seconds; Ended, with the reason that the payer met first, if there are none."""
        share = self.seconds * getattr(payer, "effort", 1.0)
        left = share - self._spent[payer]
        if left <= 0:
            raise Ended(self._reasons.get(payer) or f"the time for one exercise is used up ({share:.3g} s)")
        return left

    def reason(self, payer, error, late):
        """The error to tell: of one that comes of how little time was left, that which the payer met first."""
        first = self._reasons.setdefault(payer, error)
        return first if late else error

    @contextlib.contextmanager
    def charged(self, payer):
        begun = time.monotonic()
        try:
            yield
        finally:
            self._spent[payer] += time.monotonic() - begun

    def weigh(self, payer, weight):
        """Count what the grader is to keep."""
        self._told[payer] += weight
        if self._told[payer] > MOST_TOLD:
            raise codec.Refused(f"more than {MOST_TOLD >> 20} MiB in all")
