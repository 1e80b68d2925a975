"""Answers that lie in notebook files against the checks."""

from bncourse.checking.learner import AnswerCrashed, AnswerMissing, Answers, AnswerUnsolved
from bncourse.checking.live import judged
from bncourse.checking.runner import Failure, Result


def judge_notebook(notebook, exercises):
    """Results by exercise id for the answers in a notebooks.Notebook."""
    answers = Answers(notebook.namespace)
    for defined in notebook.answers.values():
        answers = answers.overlaid(defined)
    results, judgeable = {}, []
    for exercise in exercises:
        if exercise.cell not in notebook.answers:
            results[exercise.id] = lost(
                exercise, AnswerMissing(f"the notebook has no cell {exercise.cell}; take it from a fresh copy")
            )
        elif exercise.cell in notebook.errors:
            results[exercise.id] = lost(exercise, _problem(notebook.errors[exercise.cell], exercise))
        else:
            judgeable.append(exercise)
    if judgeable:
        results |= judged(judgeable, answers)
    return {exercise.id: results[exercise.id] for exercise in exercises}


def lost(exercise, error):
    """The result of an exercise whose answer could not be had at all."""
    return Result(exercise, failures=[Failure(check, "The answer can be run.", error) for check in exercise.checks])


def _problem(error, exercise):
    if isinstance(error, NotImplementedError):
        return AnswerUnsolved(exercise.cell)
    where = f"cell {exercise.cell}"
    if isinstance(error, SyntaxError) and error.text:
        where += f", line {error.lineno}: {error.text.strip()}"
    return AnswerCrashed(error, where)
