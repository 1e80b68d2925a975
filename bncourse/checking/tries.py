"""How often an exercise was tried and failed: after the second time, hints unfold."""

import contextlib
import json

from bncourse.paths import WORK

_FILE = WORK / ".tries.json"
_counts = None


def hints_earned(result, hints):
    """Count this try if it failed, and return the hints that it has earned: one more with each try after the first."""
    counts = _read()
    if result.status in ("failed", "error"):
        counts[result.exercise.id] = counts.get(result.exercise.id, 0) + 1
        _write(counts)
    if result.status == "solved":
        return ()
    return hints[: max(0, counts.get(result.exercise.id, 0) - 1)]


def _read():
    global _counts
    if _counts is None:
        try:
            _counts = {str(id): int(count) for id, count in json.loads(_FILE.read_text()).items()}
        except (OSError, ValueError, AttributeError):
            _counts = {}
    return _counts


def _write(counts):
    if WORK.is_dir():
        # In a read-only folder the count lasts as long as this process.
        with contextlib.suppress(OSError):
            _FILE.write_text(json.dumps(counts))
