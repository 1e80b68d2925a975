"""Which chapters and exercises there are, read from the check files without importing them."""

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from bncourse.course.errors import CourseError
from bncourse.course.paths import CHECKS, require_checkout

BONUS = {"1.3"}  # no part of full marks: their points make up for points lost in their chapter


@dataclass(frozen=True)
class Exercise:
    """One exercise: its id "3.1", the stem of its chapter, and its checks with their points."""

    id: str
    chapter: str
    checks: dict[str, int] = field(default_factory=dict)

    @property
    def points(self) -> int:
        return sum(self.checks.values())

    @property
    def bonus(self) -> bool:
        return self.id in BONUS

    @property
    def cell(self) -> str:
        """Id of the notebook cell that holds the answer."""
        return f"ex-{self.id.replace('.', '-')}"

    @property
    def check_file(self) -> Path:
        return CHECKS / f"test_{self.chapter}.py"


@cache
def exercises() -> dict[str, Exercise]:
    """All exercises by id, in the order of the curriculum."""
    require_checkout()
    by_id: dict[str, Exercise] = {}
    for path in sorted(CHECKS.glob("test_*.py")):
        chapter = path.stem.removeprefix("test_")
        for exercise_id, check, points in _checks_in(path):
            by_id.setdefault(exercise_id, Exercise(exercise_id, chapter)).checks[check] = points
    return dict(sorted(by_id.items(), key=lambda item: _order(item[0])))


def _order(exercise_id: str) -> tuple[int, ...]:
    return tuple(int(part) for part in exercise_id.split("."))


def _checks_in(path: Path) -> Iterator[tuple[str, str, int]]:
    """(exercise id, check name, points) for each function under @exercise("3.1", points=2)."""
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if not isinstance(node, ast.FunctionDef):
            continue
        for mark in node.decorator_list:
            if isinstance(mark, ast.Call) and getattr(mark.func, "id", None) == "exercise":
                (exercise_id,) = (ast.literal_eval(argument) for argument in mark.args)
                (points,) = (ast.literal_eval(keyword.value) for keyword in mark.keywords)
                yield exercise_id, node.name, points


def chapters() -> list[str]:
    """Stems of all chapters that have exercises, such as "03_normalize"."""
    return list(dict.fromkeys(exercise.chapter for exercise in exercises().values()))


def of_chapter(stem: str) -> list[Exercise]:
    """The exercises of one chapter, in order."""
    return [exercise for exercise in exercises().values() if exercise.chapter == stem]


def find(name: str) -> list[Exercise]:
    """The exercises that "3.1", "3", "03" or "03_normalize" names; CourseError if there are none."""
    name = str(name)  # a learner may write check(3.1)
    if name in exercises():
        return [exercises()[name]]
    stems = {key: stem for stem in chapters() for key in (stem, stem[:2], stem[:2].lstrip("0"))}
    if name in stems:
        return of_chapter(stems[name])
    chapter = name.split(".")[0]
    if chapter in stems:
        ids = ", ".join(exercise.id for exercise in of_chapter(stems[chapter]))
        raise CourseError(f"unknown exercise '{name}'; chapter {chapter} has {ids}")
    raise CourseError(f"unknown exercise or chapter '{name}'; the chapters are {', '.join(chapters())}")


def find_chapters(names: Iterable[str]) -> list[str]:
    """Stems of the chapters that names as in `find` name or belong to, in order; of all, if there are no names."""
    named = {exercise.chapter for name in names for exercise in find(name)}
    return [stem for stem in chapters() if stem in named or not named]
