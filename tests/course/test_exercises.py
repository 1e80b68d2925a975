"""Every exercise: its solution is right, nothing else gets full points, every known mistake is named as itself."""

import copy
import pickle
import sys
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from bncourse.checking import marks
from bncourse.checking.judging import judge, judge_notebook
from bncourse.checking.learner import Answers
from bncourse.course import notebooks
from bncourse.course.paths import EXERCISES, SOLUTIONS
from tests import chosen

EXERCISES_OF = chosen.exercises()
every_exercise = pytest.mark.parametrize("exercise", EXERCISES_OF.values(), ids=list(EXERCISES_OF))


def known(answers_of):
    """(exercise, answer) pairs, named by exercise and number."""
    pairs = [
        (one, answer, f"{one.id}-{answer.name}-{i}")
        for one in EXERCISES_OF.values()
        for i, answer in enumerate(answers_of(one))
    ]
    return pytest.mark.parametrize(
        ("exercise", "answer"), [pair[:2] for pair in pairs], ids=[pair[2] for pair in pairs]
    )


@pytest.fixture(scope="module")
def reference():
    """The reference answers of a chapter."""
    loaded = {}

    def of(chapter):
        if chapter not in loaded:
            loaded[chapter] = Answers(notebooks.execute(SOLUTIONS / f"{chapter}.ipynb").namespace)
        return loaded[chapter]

    return of


def names_of(exercise):
    return {mistake.name for mistake in marks.mistakes_of(exercise)}


@every_exercise
def test_solution_gets_full_points(exercise, reference):
    result = judge([exercise], reference(exercise.chapter))[exercise.id]
    assert (result.status, result.points) == ("solved", exercise.points), result.failures


@every_exercise
def test_untouched_exercise_gets_no_points_and_counts_as_unsolved(exercise):
    notebook = notebooks.execute(EXERCISES / f"{exercise.chapter}.ipynb")
    result = judge_notebook(notebook, [exercise])[exercise.id]
    assert (result.status, result.points) == ("unsolved", 0)


@known(marks.mistakes_of)
def test_mistake_loses_points_and_is_diagnosed_as_itself(exercise, answer, reference):
    answers = reference(exercise.chapter).overlaid({answer.name: answer.value})
    result = judge([exercise], answers)[exercise.id]
    assert result.points < exercise.points
    assert result.diagnosis == answer.explanation
    assert set(answer.caught_by) <= {failure.check for failure in result.failures}


@every_exercise
def test_each_check_is_proven_needed_by_a_mistake(exercise):
    """A check that is deleted, renamed or added without a wrong answer that it catches is noticed here."""
    assert {check for mistake in marks.mistakes_of(exercise) for check in mistake.caught_by} == set(exercise.checks)


@known(marks.variants_of)
def test_right_answer_in_another_style_gets_full_points(exercise, answer, reference):
    answers = reference(exercise.chapter).overlaid({answer.name: answer.value})
    result = judge([exercise], answers)[exercise.id]
    assert result.points == exercise.points, result.failures


NON_ANSWERS = {
    "returns None": lambda *args, **kwargs: None,
    "returns its first argument": lambda *args, **kwargs: args[0] if args else None,
    "returns all its arguments": lambda *args, **kwargs: args,
    "returns zero": lambda *args, **kwargs: 0.0,
    "returns NaN": lambda *args, **kwargs: float("nan"),
    "returns an object that equals anything": lambda *args, **kwargs: AlwaysEqual(),
}


class AlwaysEqual:
    def __eq__(self, other):
        return True

    def __ne__(self, other):
        return False

    shape, dtype, ndim, __hash__ = (), float, 0, None


@every_exercise
@pytest.mark.parametrize("answer", NON_ANSWERS.values(), ids=NON_ANSWERS.keys())
def test_an_answer_that_does_nothing_gets_no_points(exercise, answer, reference):
    answers = reference(exercise.chapter).overlaid(dict.fromkeys(names_of(exercise), answer))
    assert judge([exercise], answers)[exercise.id].points == 0


@every_exercise
def test_an_answer_that_is_right_once_loses_points(exercise, reference):
    right = reference(exercise.chapter)

    def only_once(function):
        calls = SimpleNamespace(count=0)

        def answer(*args, **kwargs):
            calls.count += 1
            if calls.count > 1:
                raise RuntimeError("only once")
            return function(*args, **kwargs)

        return answer

    answers = right.overlaid({name: only_once(getattr(right, name)) for name in names_of(exercise)})
    assert judge([exercise], answers)[exercise.id].points < exercise.points


@every_exercise
def test_exercise_is_complete(exercise):
    """Hints, points, mistakes with sentences that differ, and three right answers in other styles."""
    chapters_with_ten = ("02", "03", "04", "05", "14")
    judge([exercise], Answers({}))
    mistakes = marks.mistakes_of(exercise)
    assert len(mistakes) >= (10 if exercise.chapter[:2] in chapters_with_ten else 5)
    assert len({mistake.explanation for mistake in mistakes}) == len(mistakes)
    assert all(len(mistake.explanation) > 20 for mistake in mistakes)
    assert len(marks.variants_of(exercise)) >= 3
    assert marks.guides[exercise.id].hints
    assert all(points > 0 for points in exercise.checks.values())


@pytest.mark.ch_13
@pytest.mark.ex_13_1
@pytest.mark.parametrize("way", ["a copy", "a pickle", "a conversion"])
def test_a_model_frozen_by_the_solution_stays_frozen_in(way, reference, monkeypatch):
    """The text of 13.1 names these as the traps of another way to freeze."""
    answers = reference("13_transfer")
    monkeypatch.setattr(sys.modules["__main__"], "Frozen", answers.Frozen, raising=False)
    model = nn.Sequential(nn.BatchNorm2d(2, eps=0.1), nn.BatchNorm2d(2, affine=False))
    x = torch.randn(4, 2, 3, 3)
    model(x)
    expected = model.eval()(x).detach()
    model = answers.freeze_batchnorm(model.train())
    twin = {
        "a copy": copy.deepcopy,
        "a pickle": lambda model: pickle.loads(pickle.dumps(model)),
        "a conversion": nn.SyncBatchNorm.convert_sync_batchnorm,
    }[way](model)
    assert torch.allclose(twin.train()(x), expected)
    assert twin[0].train() is twin[0]
    assert (
        twin.state_dict().keys()
        == nn.Sequential(nn.BatchNorm2d(2), nn.BatchNorm2d(2, affine=False)).state_dict().keys()
    )
