"""Which chapters and exercises there are, read from the check files without importing them."""

import ast
from dataclasses import dataclass, field
from functools import cache

from bncourse.errors import CourseError
from bncourse.paths import CHECKS, require_checkout


@dataclass(frozen=True)
class Exercise:
    """One exercise: its id "3.1", the stem of its chapter, and its checks with their points."""

    id: str
    chapter: str
    checks: dict[str, int] = field(default_factory=dict)

    @property
    def points(self):
        return sum(self.checks.values())

    @property
    def cell(self):
        """Id of the notebook cell that holds the answer."""
        return f"ex-{self.id.replace('.', '-')}"

    @property
    def check_file(self):
        return CHECKS / f"test_{self.chapter}.py"


@cache
def exercises():
    """All exercises by id, in the order of the curriculum."""
    require_checkout()
    found = {}
    for path in sorted(CHECKS.glob("test_*.py")):
        chapter = path.stem.removeprefix("test_")
        for id, check, points in _checks_in(path):
            found.setdefault(id, Exercise(id, chapter)).checks[check] = points
    return dict(sorted(found.items(), key=lambda item: _order(item[0])))


def _order(id):
    return tuple(int(part) for part in id.split("."))


def _checks_in(path):
    """(exercise id, check name, points) for each function under @exercise("3.1", points=2)."""
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if not isinstance(node, ast.FunctionDef):
            continue
        for mark in node.decorator_list:
            if isinstance(mark, ast.Call) and getattr(mark.func, "id", None) == "exercise":
                (id,) = (ast.literal_eval(argument) for argument in mark.args)
                (points,) = (ast.literal_eval(keyword.value) for keyword in mark.keywords)
                yield id, node.name, points


def chapters():
    """Stems of all chapters that have exercises, such as "03_normalize"."""
    return list(dict.fromkeys(exercise.chapter for exercise in exercises().values()))


def of_chapter(stem):
    """The exercises of one chapter, in order."""
    return [exercise for exercise in exercises().values() if exercise.chapter == stem]


def find(name):
    """The exercises that "3.1", "3", "03" or "03_normalize" names, as a list; CourseError if there are none."""
    name = str(name)
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
