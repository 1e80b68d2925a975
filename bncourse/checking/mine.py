"""A learner's own earlier answers, carried forward to later chapters."""

import sys
from typing import Any

from bncourse.checking.judging import judge_notebook
from bncourse.checking.status import Status
from bncourse.checking.watching import cell_limit
from bncourse.course import curriculum, notebooks
from bncourse.course.curriculum import Exercise
from bncourse.course.errors import CourseError
from bncourse.course.kernel import on_page
from bncourse.course.paths import EXERCISES, SOLUTIONS, WORK, shown


def answer_of(exercise_id: str) -> Any:
    """The learner's answer to one exercise if it passes its checks, else the reference; a note says which.

    A page of the book always gets the reference: it shows the same to everyone.
    """
    exercise, *others = curriculum.find(exercise_id)
    if others:
        number = 1 + len(others)
        raise CourseError(f"'{exercise_id}' names {number} exercises; mine() takes one, such as '{exercise.id}'")
    if on_page():
        return _reference(exercise)
    path = (WORK if WORK.is_dir() else EXERCISES) / f"{exercise.chapter}.ipynb"
    on_colab = "google.colab" in sys.modules and not WORK.is_dir()
    reason = "on Colab your other notebooks are not at hand" if on_colab else f"{shown(path)} is not there"
    if path.exists() and not on_colab:
        try:
            notebook = notebooks.execute(path, cell_limit)
            result = judge_notebook(notebook, [exercise])[exercise.id]
            if result.status == Status.SOLVED:
                print(f"{exercise.id}: your own answer, from {shown(path)}")
                return notebook.answers[exercise.cell][notebooks.asked()[exercise.chapter][exercise.cell]]
            reason = f"your answer in {shown(path)} has {result.points} of {result.max} points so far"
        except CourseError as error:
            reason = str(error)
    reference = _reference(exercise)
    print(f"{exercise.id}: the reference solution, because {reason}")
    return reference


def _reference(exercise: Exercise) -> Any:
    path = SOLUTIONS / f"{exercise.chapter}.ipynb"
    if not path.exists():
        raise CourseError(f"exercise {exercise.id} is not solved yet, and this copy of the course holds no solutions")
    return notebooks.execute(path).answers[exercise.cell][notebooks.asked()[exercise.chapter][exercise.cell]]
