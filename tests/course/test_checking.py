"""`check("3.1")` in a notebook, the fixture that checks get, and what a report says."""

import numpy as np
import pytest

from bncourse import check, curriculum
from bncourse.checking import NUMPY_ONLY, assert_close, tries
from bncourse.checking.compare import Mismatch
from bncourse.checking.learner import Answers, Forbidden, Learner
from bncourse.checking.live import CheckFailed, check_namespace, judged
from bncourse.checking.registry import Guide
from bncourse.checking.report import as_html, as_text, report
from bncourse.errors import CourseError


@pytest.fixture(autouse=True)
def own_tries(tmp_path, monkeypatch):
    monkeypatch.setattr(tries, "WORK", tmp_path)
    monkeypatch.setattr(tries, "_FILE", tmp_path / ".tries.json")
    monkeypatch.setattr(tries, "_counts", None)


def right(x, mean, var, eps=1e-5):
    return (x - mean) / np.sqrt(var + eps)


def wrong(x, mean, var, eps=1e-5):
    return (x - mean) / (np.sqrt(var) + eps)


# check() in a session


def test_check_takes_the_functions_of_the_caller_prints_and_returns_nothing(capsys):
    namespace = {"normalize": right, "check": check}
    exec("result = check('3.1')", namespace)
    assert namespace["result"] is None
    assert "3.1: solved" in capsys.readouterr().out


def test_check_raises_one_line_unless_solved(capsys):
    with pytest.raises(CheckFailed) as failed:
        check_namespace("3.1", {"normalize": wrong})
    assert str(failed.value) == "3.1 not solved yet"
    assert failed.value._render_traceback_() == ["3.1 not solved yet"]
    assert "ε stands outside the root" in capsys.readouterr().out


def test_check_of_a_chapter_checks_all_its_exercises(capsys):
    with pytest.raises(CheckFailed, match="3.2, 3.3, 3.4 not solved yet"):
        check_namespace("3", {"normalize": right})
    assert capsys.readouterr().out.count("no answer found") == 3


def test_unknown_exercise_is_named():
    with pytest.raises(CourseError, match="unknown exercise '3.9'; chapter 3 has 3.1, 3.2, 3.3, 3.4"):
        check("3.9")


def test_hints_unfold_after_the_second_failed_try_one_by_one(capsys):
    hints = []
    for _ in range(4):
        with pytest.raises(CheckFailed):
            check_namespace("3.1", {"normalize": wrong})
        hints.append(capsys.readouterr().out.count("\n  hint "))
    assert hints == [0, 1, 2, 2]


def test_hints_outlast_a_restart_of_the_kernel(capsys, monkeypatch):
    for _ in range(2):
        monkeypatch.setattr(tries, "_counts", None)
        with pytest.raises(CheckFailed):
            check_namespace("3.1", {"normalize": wrong})
    assert "\n  hint " in capsys.readouterr().out


def test_a_check_that_did_not_run_is_no_pass(monkeypatch):
    broken = curriculum.Exercise("3.1", "03_normalize", {"test_that_is_not_there": 1})
    with pytest.raises(CourseError, match="3.1 could not be checked"):
        judged([broken], Answers({"normalize": right}))


def test_what_the_answer_prints_is_shown_for_the_failing_call_only(capsys):
    def talkative(x, mean, var, eps=1e-5):
        print("shape", x.shape)
        return wrong(x, mean, var, eps)

    with pytest.raises(CheckFailed):
        check_namespace("3.1", {"normalize": talkative})
    assert capsys.readouterr().out.count("shape (") == 1


# The learner fixture


def learner(**answers):
    return Learner(Answers(answers))


def test_answers_get_copies_and_changes_are_noted():
    x = np.zeros(3)
    one = learner(fill=lambda x, y: x.fill(7))
    one.fill(x, np.ones(2))
    assert one.changed == ["x"]
    assert x.sum() == 0


@pytest.mark.parametrize("view", [lambda x: x[::2, 1:], lambda x: x.T, lambda x: x[::-1], lambda x: x[:, :0]])
def test_copies_keep_values_strides_and_the_read_only_flag(view):
    x = view(np.arange(24.0).reshape(4, 6))
    x.flags.writeable = False
    twin = learner(same=lambda x: x).same(x)
    assert np.array_equal(twin, x)
    assert twin.size == 0 or twin.strides == x.strides
    assert not twin.flags.writeable or twin.size == 0
    assert not np.shares_memory(twin, x)


def test_a_forbidden_library_is_noticed_even_if_the_answer_imports_it():
    def zscore(x):
        from scipy import stats

        return stats.zscore(x)

    with pytest.raises(Forbidden, match="scipy"):
        Learner(Answers({"zscore": zscore}), Guide(forbids=NUMPY_ONLY)).zscore(np.arange(3.0))


def test_a_forbidden_builtin_is_noticed():
    import torch

    def answer(x):
        return torch.batch_norm(torch.tensor(x), None, None, None, None, True, 0.1, 1e-5, False).numpy()

    with pytest.raises(Forbidden, match="torch"):
        Learner(Answers({"answer": answer}), Guide(forbids=("torch._C.batch_norm", "torch.batch_norm"))).answer(
            np.ones((2, 2))
        )


def probe_that_sees_only_its_arguments(answers, x):
    import numpy

    return answers.double(numpy.asarray(x))


def probe_that_uses_a_global_of_the_check(answers, x):
    return np.sum(x)


def test_a_probe_runs_alone_beside_the_answers():
    assert learner(double=lambda x: 2 * x).run(probe_that_sees_only_its_arguments, 4) == 8
    with pytest.raises(Exception, match="name 'np' is not defined"):
        learner().run(probe_that_uses_a_global_of_the_check, np.ones(2))


def test_raises_accepts_the_right_error_only():
    def refuse(kind):
        raise kind("no")

    one = learner(refuse=refuse)
    with one.raises(ValueError, "should be refused"):
        one.refuse(ValueError)
    with pytest.raises(Exception, match="TypeError: no"), one.raises(ValueError, "should be refused"):
        one.refuse(TypeError)
    with pytest.raises(AssertionError, match="should be refused"), one.raises(ValueError, "should be refused"):
        pass


def test_nested_and_ragged_arguments_can_be_weighed():
    one = learner(anything=lambda *args: None)
    one.anything([[1.0, 2.0], [3.0]], {"a": np.ones((2, 2))}, None)
    assert one.calls[0].size == 8


# Diagnosis


def test_two_slips_at_once_are_explained_in_part(capsys):
    def eps_outside_and_data_overwritten(x, mean, var, eps=1e-5):
        x[...] = (x - mean) / (np.sqrt(var) + eps)
        return x

    def no_guard_and_wrong_deviation(source, target):
        with np.errstate(all="ignore"):
            return (target.mean(0) - source.mean(0)) / target.std(0)

    with pytest.raises(CheckFailed):
        check_namespace("1.2", {"mean_shift": no_guard_and_wrong_deviation})
    assert "What happened, among other things: You divide by the deviation of target" in capsys.readouterr().out
    with pytest.raises(CheckFailed):
        check_namespace("3.1", {"normalize": eps_outside_and_data_overwritten})
    assert "What happened: ε stands outside" not in capsys.readouterr().out


def test_an_answer_unlike_any_mistake_gets_no_diagnosis():
    exercise = curriculum.exercises()["3.1"]
    result = judged([exercise], Answers({"normalize": lambda x, mean, var, eps=1e-5: np.cos(x)}))["3.1"]
    assert result.status == "failed"
    assert result.diagnosis is None


# Comparison


@pytest.mark.parametrize(
    ("got", "problem"),
    [
        (None, "None: is a return missing"),
        ("text", "type str, not an array"),
        (np.zeros((3, 1)), r"shape \(3, 1\) instead of \(3,\)"),
        (np.array([1.0, 2.0, np.nan]), "values differ"),
        (np.array([None, 1, 2]), "not an array"),
        ([1.0, 2.0, [3.0]], "not an array"),
    ],
)
def test_comparison_says_what_is_wrong(got, problem):
    with pytest.raises(Mismatch, match=problem):
        assert_close(got, np.array([1.0, 2.0, 3.0]))


def test_comparison_looks_at_values_not_at_types():
    import torch

    assert_close([1, 2, 3], np.array([1.0, 2.0, 3.0]))
    assert_close(torch.tensor([1.0, float("nan")], requires_grad=True), np.array([1.0, np.nan]))
    assert_close((np.float32(1), [2]), [1.0, np.array([2.0])])
    with pytest.raises(Mismatch, match="2 elements instead of 3"):
        assert_close((1, 2), (1, 2, 3))


# Reports


def test_reports_escape_what_the_answer_says():
    def hostile(x, mean, var, eps=1e-5):
        raise ValueError("<script>alert(1)</script>")

    exercise = curriculum.exercises()["3.1"]
    result = judged([exercise], Answers({"normalize": hostile}))["3.1"]
    assert "<script>" not in as_html(report(result))
    assert "<script>" in as_text(report(result))


def test_large_arrays_are_cut_to_what_differs():
    def off_in_one_place(x, eps=1e-5):
        axes = (0, *range(2, x.ndim))
        y = (x - x.mean(axes, keepdims=True)) / np.sqrt(x.var(axes, keepdims=True) + eps)
        if y.size > 50:
            y[0, 1, 2, 3] += 1
        return y

    exercise = curriculum.exercises()["3.2"]
    result = judged([exercise], Answers({"batch_normalize": off_in_one_place}))["3.2"]
    text = as_text(report(result))
    assert "1 of 120 values" in text
    assert "[0, 1, 2, 3]" in text
    assert result.diagnosis is None
