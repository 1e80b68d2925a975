"""What people get wrong is named truly, or not at all: wrong answers in the styles of public code, judged by hand."""

import importlib
import time
from pathlib import Path

import numpy as np
import pytest

from bncourse.checking import diagnosis, marks
from bncourse.checking.diagnosis import SLOW, Understudy
from bncourse.checking.judging import judge
from bncourse.checking.learner import Answers
from bncourse.checking.marks import Guide, KnownAnswer
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


def test_a_slow_mistake_is_asked_each_question_once():
    """A rejected answer to 15.1 is compared with thirty networks that are trained: nobody is to wait for that twice."""
    asked = []

    def normalize(x):
        asked.append(x)
        time.sleep(2 * SLOW)
        return x + 1

    mistake = KnownAnswer("3.1", "normalize", normalize, "It adds one.", ())
    x, results = np.arange(3.0), []
    for _ in range(2):
        results.append(Understudy(mistake, Answers({}), Guide()).normalize(x))
        results[-1] *= 2  # which spoils nothing for the next
    assert np.array_equal(*results) and np.array_equal(results[0], 2 * (x + 1)) and len(asked) == 1
    assert np.array_equal(Understudy(mistake, Answers({}), Guide()).normalize(x + 1), x + 2) and len(asked) == 2


def test_a_mistake_is_left_as_soon_as_a_third_of_the_failures_are_not_its_own(monkeypatch):
    exercise, replays = curriculum.exercises()["7.2"], []
    replayed = diagnosis._replayed
    monkeypatch.setattr(diagnosis, "_replayed", lambda *asked: replays.append(asked) or replayed(*asked))
    result = judge([exercise], Answers({"speedup_interval": lambda *arguments, **named: None}))["7.2"]
    failures, mistakes = len(result.failures), len(marks.mistakes_of(exercise))
    assert failures == 7 and result.diagnosis is None
    assert len(replays) < 0.75 * failures * mistakes
