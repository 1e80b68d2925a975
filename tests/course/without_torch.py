"""A program that judges known answers to each NumPy exercise where Python, NumPy and Hypothesis are all there is.

So it is in a browser. It prints a line of JSON an answer: exercise, kind, place, status, points, diagnosis.
"""

import importlib.abc
import json
import signal
import sys

ALLOWED = {*sys.stdlib_module_names, "bncourse", "numpy", "hypothesis", "_hypothesis_globals", "sortedcontainers"}


class Nothing(importlib.abc.MetaPathFinder):
    """Finds that everything else is missing."""

    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] not in ALLOWED and not name.startswith("_sysconfigdata"):  # Python's own
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
        return None


def known_answers(exercise):
    """(kind, place, answers) of each."""
    solved, untouched = (
        Answers(notebooks.execute(folder / f"{exercise.chapter}.ipynb").names) for folder in (SOLUTIONS, EXERCISES)
    )
    yield "solution", 0, solved
    yield "stub", 0, untouched
    for kind, known in (("mistake", marks.mistakes_of(exercise)), ("variant", marks.variants_of(exercise))):
        for place, answer in enumerate(known[: int(sys.argv[1])]):
            yield kind, place, solved.overlaid({answer.name: answer.value})


if __name__ == "__main__":
    sys.meta_path.insert(0, Nothing())

    import bncourse.checking.properties  # noqa: F401  loads Hypothesis, before the platform has another name
    from bncourse.checking import marks
    from bncourse.checking.judging import judge
    from bncourse.checking.learner import Answers
    from bncourse.checking.report import as_html, report
    from bncourse.course import curriculum, notebooks
    from bncourse.course.paths import EXERCISES, SOLUTIONS
    from bncourse.publishing.needs import needs_torch

    sys.platform = "emscripten"  # where Hypothesis draws none of the constants in the modules beside it
    if hasattr(signal, "setitimer"):
        del signal.setitimer  # and nothing ends a call

    for exercise in curriculum.exercises().values():
        if needs_torch(exercise):
            continue
        for kind, place, answers in known_answers(exercise):
            result = judge([exercise], answers)[exercise.id]
            as_html(report(result))
            found = exercise.id, kind, place, result.status, result.points, result.diagnosis
            print(json.dumps(found), flush=True)
