"""The exercises and chapters that a run of the tests is about: all, or those that `pytest --of 3.1` names."""

import os

from bncourse.course import curriculum
from bncourse.course.curriculum import Exercise

OF = "BNCOURSE_TESTS_OF"  # read where tests are parametrised, also in the processes that xdist starts


def exercises() -> dict[str, Exercise]:
    """The exercises that are tested, by id."""
    name = os.environ.get(OF)
    return {exercise.id: exercise for exercise in curriculum.find(name)} if name else curriculum.exercises()


def chapters() -> list[str]:
    """The stems of the chapters that are tested."""
    return list(dict.fromkeys(exercise.chapter for exercise in exercises().values()))
