"""Who pays for what: the time of one notebook, and the memory of its results, divided among its exercises."""

import contextlib
import time
from collections import Counter, defaultdict
from collections.abc import Iterator

from bncourse.checking.marks import Guide
from bncourse.grading.sandbox import codec

MOST_BYTES = 24 * 2**20  # of all that the answers to one exercise may take


class WorkerDied(Exception):
    """The submission's process is gone; the text says why, as far as that can be seen."""


class Budget:
    """What each exercise of a notebook may use of time and memory, so that none lives at the expense of another.

    An exercise is named by its guide; None stands for all cells that belong to no exercise. `seconds` is the share of
    an exercise of ordinary effort.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._spent: defaultdict[Guide | None, float] = defaultdict(float)
        self._bytes: Counter[Guide | None] = Counter()
        self._reasons: dict[Guide | None, Exception] = {}

    def left(self, guide: Guide | None) -> float:
        """Seconds; WorkerDied, with the reason that the exercise met first, if there are none."""
        share = self.seconds * (guide.effort if guide else 1.0)
        left = share - self._spent[guide]
        if left <= 0:
            raise WorkerDied(self._reasons.get(guide) or f"the time for one exercise is used up ({share:.3g} s)")
        return left

    def reason(self, guide: Guide, error: Exception, late: bool) -> Exception:
        """The error to report: of one that comes of how little time was left, that which the exercise met first."""
        first = self._reasons.setdefault(guide, error)
        return first if late else error

    @contextlib.contextmanager
    def timing(self, guide: Guide | None) -> Iterator[None]:
        """Count the seconds that the block takes."""
        start = time.monotonic()
        try:
            yield
        finally:
            self._spent[guide] += time.monotonic() - start

    def charge(self, guide: Guide | None, size: int) -> None:
        """Count bytes that the grader is to keep; Refused if they are too many."""
        self._bytes[guide] += size
        if self._bytes[guide] > MOST_BYTES:
            raise codec.Refused(f"more than {MOST_BYTES >> 20} MiB in all")
