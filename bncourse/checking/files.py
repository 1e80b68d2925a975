"""Answers that lie in notebook files against the checks."""

from bncourse.checking.learner import AnswerMissing, Answers, cell_problem
from bncourse.checking.live import judged
from bncourse.checking.runner import Failure, Result


def judge_notebook(notebook, exercises):
    """Results by exercise id for the answers in a notebooks.Notebook."""
    return judge_defined(exercises, Answers(notebook.names), notebook.answers, notebook.errors)


def judge_defined(exercises, answers, cells, errors):
    """Results by exercise id, given which answer `cells` there were, and the `errors` that ended some of them."""
    results, judgeable = {}, []
    for exercise in exercises:
        if exercise.cell not in cells:
            results[exercise.id] = lost(
                exercise, AnswerMissing(f"the notebook has no cell {exercise.cell}; take it from a fresh copy")
            )
        elif exercise.cell in errors:
            results[exercise.id] = lost(exercise, cell_problem(errors[exercise.cell], exercise.cell))
        else:
            judgeable.append(exercise)
    if judgeable:
        results |= judged(judgeable, answers)
    return {exercise.id: results[exercise.id] for exercise in exercises}


def lost(exercise, error):
    """The result of an exercise whose answer could not be had at all."""
    return Result(exercise, failures=[Failure(check, "The answer can be run.", error) for check in exercise.checks])
