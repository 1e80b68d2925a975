"""Every exercise: its solution is right, nothing else gets full points, every known mistake is named as itself."""

from types import SimpleNamespace

import pytest

from bncourse import curriculum, notebooks
from bncourse.checking import registry
from bncourse.checking.files import judge_notebook
from bncourse.checking.learner import Answers
from bncourse.checking.live import judged
from bncourse.paths import EXERCISES, SOLUTIONS

EXERCISES_OF = curriculum.exercises()
every_exercise = pytest.mark.parametrize("exercise", EXERCISES_OF.values(), ids=list(EXERCISES_OF))


def known(answers_of):
    """(exercise, answer) pairs, named by exercise and number."""
    pairs = [
        (one, answer, f"{one.id}-{i}") for one in EXERCISES_OF.values() for i, answer in enumerate(answers_of(one))
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
            loaded[chapter] = Answers(notebooks.run(SOLUTIONS / f"{chapter}.ipynb").namespace)
        return loaded[chapter]

    return of


def names_of(exercise):
    return {mistake.name for mistake in registry.mistakes_of(exercise)}


@every_exercise
def test_solution_gets_full_points(exercise, reference):
    result = judged([exercise], reference(exercise.chapter))[exercise.id]
    assert (result.status, result.points) == ("solved", exercise.points), result.failures


@every_exercise
def test_untouched_exercise_gets_no_points_and_counts_as_unsolved(exercise):
    notebook = notebooks.run(EXERCISES / f"{exercise.chapter}.ipynb")
    result = judge_notebook(notebook, [exercise])[exercise.id]
    assert (result.status, result.points) == ("unsolved", 0)


@known(registry.mistakes_of)
def test_mistake_loses_points_and_is_diagnosed_as_itself(exercise, answer, reference):
    answers = reference(exercise.chapter).overlaid({answer.name: answer.value})
    result = judged([exercise], answers)[exercise.id]
    assert result.points < exercise.points
    assert result.diagnosis == answer.words


@known(registry.variants_of)
def test_right_answer_in_another_style_gets_full_points(exercise, answer, reference):
    answers = reference(exercise.chapter).overlaid({answer.name: answer.value})
    result = judged([exercise], answers)[exercise.id]
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
    assert judged([exercise], answers)[exercise.id].points == 0


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
    assert judged([exercise], answers)[exercise.id].points < exercise.points


@every_exercise
def test_exercise_is_complete(exercise):
    """Hints, points, mistakes with sentences that differ, and three right answers in other styles."""
    chapters_with_ten = ("02", "03", "04", "05", "14")
    judged([exercise], Answers({}))
    mistakes = registry.mistakes_of(exercise)
    assert len(mistakes) >= (10 if exercise.chapter[:2] in chapters_with_ten else 5)
    assert len({mistake.words for mistake in mistakes}) == len(mistakes)
    assert all(len(mistake.words) > 20 for mistake in mistakes)
    assert len(registry.variants_of(exercise)) >= 3
    assert registry.guides[exercise.id].hints
    assert all(points > 0 for points in exercise.checks.values())
