"""Plain `pytest tests/checks` runs the checks against the solutions."""

import pytest

from bncourse.checking import registry
from bncourse.checking.learner import Answers, Learner
from bncourse.paths import SOLUTIONS


@pytest.fixture
def learner(request):
    """The reference solution of the chapter, called as a learner's answer is."""
    from bncourse import notebooks

    id = request.node.get_closest_marker("exercise").args[0]
    stem = request.path.stem.removeprefix("test_")
    answers = Answers(notebooks.run(SOLUTIONS / f"{stem}.ipynb").namespace)
    return Learner(answers, registry.guides.get(id, registry.Guide()))
