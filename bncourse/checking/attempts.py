"""How often an exercise was tried and failed: after the second time, hints unfold."""

import contextlib
import json
from functools import cache

from bncourse.checking import marks
from bncourse.checking.judging import Result
from bncourse.checking.status import Status
from bncourse.course.errors import CourseError
from bncourse.course.files import write_whole
from bncourse.course.paths import WORK

_FILE = WORK / ".tries.json"


def hints_earned(result: Result) -> tuple[str, ...]:
    """Count this try if it failed; the hints earned so far: one more with each failed try after the first."""
    counts, exercise_id = _counts(), result.exercise.id
    if result.status.is_attempt:
        counts[exercise_id] = counts.get(exercise_id, 0) + 1
        if WORK.is_dir():
            # In a read-only folder the count lasts as long as this process.
            with contextlib.suppress(CourseError):
                write_whole(_FILE, json.dumps(counts))
    if result.status == Status.SOLVED:
        return ()
    return marks.guides.get(exercise_id, marks.Guide()).hints[: max(0, counts.get(exercise_id, 0) - 1)]


@cache
def _counts() -> dict[str, int]:
    try:
        return {str(exercise_id): int(count) for exercise_id, count in json.loads(_FILE.read_text()).items()}
    except (OSError, ValueError, AttributeError, TypeError):
        return {}
