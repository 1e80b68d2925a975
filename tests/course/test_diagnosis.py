"""What people get wrong is named truly, or not at all: wrong answers in the styles of public code, judged by hand."""

import importlib
from pathlib import Path

import pytest

from bncourse.checking.judging import judge
from bncourse.checking.learner import Answers
from bncourse.course import curriculum, notebooks
from bncourse.course.paths import SOLUTIONS
from tests.course.honest_wrong import bank

for path in sorted((Path(__file__).parent / "honest_wrong").glob("[a-z]*.py")):
    importlib.import_module(f"tests.course.honest_wrong.{path.stem}")
bank.sort(key=lambda answer: answer.exercise)  # what an exercise's known mistakes answer is kept, but not for all


@pytest.fixture(scope="module")
def diagnosed():
    """The result of an answer beside the reference answers of its chapter."""
    references = {}

    def judged(answer):
        exercise = curriculum.exercises()[answer.exercise]
        if exercise.chapter not in references:
            references[exercise.chapter] = notebooks.execute(SOLUTIONS / f"{exercise.chapter}.ipynb").namespace
        answers = Answers({**references[exercise.chapter], answer.value.__name__: answer.value})
        return judge([exercise], answers)[answer.exercise]

    return judged


@pytest.mark.parametrize("answer", bank, ids=[f"{answer.exercise}-{i}" for i, answer in enumerate(bank)])
def test_a_wrong_answer_is_told_nothing_untrue(answer, diagnosed):
    result = diagnosed(answer)
    assert result.points < result.max
    if result.diagnosis:
        assert any(words in result.diagnosis for words in answer.true), result.diagnosis
    else:
        assert not answer.named


def test_what_rounding_alone_parts_is_no_second_slip(diagnosed):
    """Sums in another order, in float32 about a large mean, are no reason for "among other things"."""
    (answer,) = [one for one in bank if one.exercise == "14.3" and "The groups interleave" in (one.value.__doc__ or "")]
    result = diagnosed(answer)
    assert "interleaved" in result.diagnosis
    assert result.explains_all
