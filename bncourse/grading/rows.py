"""What grading finds out about one submission: a line of results.jsonl, which is written and read only here."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Literal, Self

from bncourse.checking.status import Status

if TYPE_CHECKING:
    from bncourse.checking.judging import Result

STATUSES = {status.value: status for status in Status}


@dataclass
class ExerciseRow:
    """How the answer to one exercise stands."""

    exercise: str
    status: Status
    points: int
    max: int
    failed_checks: list[str]
    diagnosis: str | None  # the sentence of a known mistake
    explains_all: bool  # whether the diagnosis explains all that failed
    bonus: bool = False

    @classmethod
    def of(cls, result: "Result") -> Self:
        """The row of what the checks said."""
        return cls(**result.as_json() | {"status": result.status, "explains_all": result.explains_all})


@dataclass
class Row:
    """One submission. `checks` is a digest of all that decides points beside the submission, whose own is `digest`."""

    student: str
    name: str
    source: str
    ids: dict[str, str]
    digest: str
    checks: str
    status: Literal["graded", "unreadable"]
    reason: str = ""  # why it is unreadable
    points: int = field(init=False)
    max: int = field(init=False)
    exercises: list[ExerciseRow] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    review: list[str] = field(default_factory=list)  # what a human should look at
    seconds: float = 0.0
    assignment: str = ""  # the exercises that were asked for

    def __post_init__(self) -> None:
        chapters = [of_chapter(exercises) for exercises in by_chapter(self.exercises).values()]
        self.points, self.max = sum(points for points, _ in chapters), sum(full for _, full in chapters)

    def to_json(self) -> str:
        """The row as one line, without its end."""
        return json.dumps(asdict(self), ensure_ascii=False)

    @classmethod
    def from_json(cls, line: str) -> Self:
        """The row in a line; ValueError, TypeError or KeyError if it holds none."""
        fields = json.loads(line)
        del fields["points"], fields["max"]
        rows = [ExerciseRow(**entry | {"status": STATUSES[entry["status"]]}) for entry in fields["exercises"]]
        return cls(**fields | {"exercises": rows})


def by_name(rows: Iterable[Row]) -> list[Row]:
    """Rows as people look them up."""
    return sorted(rows, key=lambda row: (row.name.casefold(), row.student))


def by_chapter(exercises: Iterable[ExerciseRow]) -> dict[str, list[ExerciseRow]]:
    """The rows of each chapter, whose number is the key."""
    chapters: dict[str, list[ExerciseRow]] = {}
    for exercise in exercises:
        chapters.setdefault(exercise.exercise.split(".")[0], []).append(exercise)
    return chapters


def of_chapter(exercises: Sequence[ExerciseRow]) -> tuple[int, int]:
    """Points reached in one chapter, and its full marks.

    A bonus makes up for points lost in the other exercises; where no other is asked for, it counts like one.
    """
    full = sum(exercise.max for exercise in exercises if not exercise.bonus) or sum(row.max for row in exercises)
    return min(sum(exercise.points for exercise in exercises), full), full


def full_marks(rows: Iterable[Row]) -> int:
    """What all exercises of all rows add up to, where nothing is lost."""
    exercises = {exercise.exercise: exercise for row in rows for exercise in row.exercises}
    return sum(of_chapter(group)[1] for group in by_chapter(exercises.values()).values())


def full_points(rows: Iterable[Row]) -> dict[str, int]:
    """Exercise -> its points, over all exercises of all rows, in the order of the curriculum."""
    full: dict[str, int] = {}
    for exercise in (exercise for row in rows for exercise in row.exercises):
        full[exercise.exercise] = max(exercise.max, full.get(exercise.exercise, 0))
    return dict(sorted(full.items(), key=lambda item: tuple(map(int, item[0].split(".")))))
