"""Plain `pytest tests/checks` runs the checks against the solutions."""

from collections.abc import Iterator
from functools import cache

import pytest

from bncourse.checking import marks
from bncourse.checking.learner import Answers, Learner
from bncourse.checking.watching import one_thread
from bncourse.course.paths import SOLUTIONS


@pytest.fixture
def learner(request: pytest.FixtureRequest) -> Iterator[Learner]:
    """The reference solution of the chapter, called as a learner's answer is."""
    exercise_id = request.node.get_closest_marker("exercise").args[0]
    answers = reference_answers(request.path.stem.removeprefix("test_"))
    with one_thread():
        yield Learner(answers, marks.guides.get(exercise_id, marks.Guide()))


@cache
def reference_answers(chapter: str) -> Answers:
    """What the solution notebook of a chapter defines. It is executed once."""
    from bncourse.course import notebooks

    return Answers(notebooks.execute(SOLUTIONS / f"{chapter}.ipynb").namespace)
