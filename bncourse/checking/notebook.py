"""`check("3.1")` in a notebook: the functions of the running kernel against the checks."""

from typing import Any

from bncourse.checking.attempts import hints_earned
from bncourse.checking.judging import judge
from bncourse.checking.learner import Answers
from bncourse.checking.report import Report, as_html, as_text, report
from bncourse.checking.status import Status
from bncourse.course import curriculum
from bncourse.course.kernel import in_notebook
from bncourse.course.language import chosen, translator


class CheckFailed(AssertionError):
    """The answer is not right yet; the report has been printed already."""

    def _render_traceback_(self) -> list[str]:
        return [str(self)]


def check_namespace(name: str, namespace: dict[str, Any]) -> None:
    """Check one exercise, or a whole chapter, in a namespace; show reports; raise CheckFailed unless all is solved."""
    unsolved, language = [], chosen()
    for exercise in curriculum.find(name):
        result = judge([exercise], Answers(namespace))[exercise.id]
        _show(report(result, hints_earned(result), language))
        if result.status != Status.SOLVED:
            unsolved.append(exercise.id)
    if unsolved:
        _ = translator(language, "checks/report")
        raise CheckFailed(_("{exercises} not solved yet").format(exercises=", ".join(unsolved)))


def _show(content: Report) -> None:
    if not in_notebook():
        print(as_text(content))
        return
    from IPython.display import display

    display({"text/html": as_html(content), "text/plain": as_text(content)}, raw=True)
