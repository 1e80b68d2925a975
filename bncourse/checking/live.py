"""`check("3.1")` in a notebook: the functions of the running kernel against the checks."""

import sys

from bncourse import curriculum
from bncourse.checking import registry
from bncourse.checking.diagnosis import diagnose
from bncourse.checking.learner import Answers
from bncourse.checking.report import as_html, as_text, report
from bncourse.checking.runner import run_checks
from bncourse.checking.tries import hints_earned
from bncourse.checking.watching import one_thread


class CheckFailed(AssertionError):
    """The answer is not right yet; what was found has been printed already."""

    def _render_traceback_(self):
        return [str(self)]


def check_namespace(exercise_id, namespace):
    """Check one exercise, or a whole chapter, in a namespace; show reports; raise CheckFailed unless all is solved."""
    unsolved = []
    for exercise in curriculum.find(exercise_id):
        result = judged([exercise], Answers(namespace))[exercise.id]
        hints = registry.guides.get(exercise.id, registry.Guide()).hints
        _show(report(result, hints_earned(result, hints)))
        if result.status != "solved":
            unsolved.append(exercise.id)
    if unsolved:
        raise CheckFailed(f"{', '.join(unsolved)} not solved yet")


def judged(exercises, answers):
    """Results by exercise id, each with its diagnosis."""
    results = run_checks(exercises, answers)
    with one_thread():
        for result in results.values():
            result.diagnosis, result.explains_all = diagnose(result, answers)
    return results


def _show(content):
    shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    if shell is None or not hasattr(shell, "kernel"):
        print(as_text(content))
        return
    from IPython.display import display

    display({"text/html": as_html(content), "text/plain": as_text(content)}, raw=True)
