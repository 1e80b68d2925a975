"""`check("3.1")` in a notebook, the fixture that checks get, and what a report says."""

import contextlib
import importlib
import io
import os
import subprocess
import sys

import numpy as np
import pytest

from bncourse import check
from bncourse.checking import NUMPY_ONLY, assert_close, attempts, marks, watching
from bncourse.checking.compare import Mismatch
from bncourse.checking.judging import judge
from bncourse.checking.learner import Answers, Forbidden, Learner
from bncourse.checking.marks import Guide
from bncourse.checking.notebook import CheckFailed, check_namespace
from bncourse.checking.report import as_html, as_text, report
from bncourse.checking.watching import TimeUp
from bncourse.course import curriculum
from bncourse.course.errors import CourseError
from tests.course.honest_wrong.layers import forward


@pytest.fixture(autouse=True)
def own_tries(tmp_path, monkeypatch):
    monkeypatch.setattr(attempts, "WORK", tmp_path)
    monkeypatch.setattr(attempts, "_FILE", tmp_path / ".tries.json")
    attempts._counts.cache_clear()
    yield
    attempts._counts.cache_clear()


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


def test_checking_a_numpy_answer_imports_nothing_that_it_does_not_need():
    code = (
        "import sys, numpy as np\nfrom bncourse import check\n"
        "def normalize(x, mean, var, eps=1e-5): return (x - mean) / np.sqrt(var + eps)\n"
        "check('3.1')\nprint(*(set(sys.modules) & {'torch', 'matplotlib', 'scipy', 'rich', 'IPython', 'nbformat'}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "3.1: solved" in done.stdout
    assert done.stdout.splitlines()[-1] == ""


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


def test_hints_outlast_a_restart_of_the_kernel(capsys):
    for _ in range(2):
        attempts._counts.cache_clear()
        with pytest.raises(CheckFailed):
            check_namespace("3.1", {"normalize": wrong})
    assert "\n  hint " in capsys.readouterr().out


def test_a_check_that_did_not_run_is_no_pass(monkeypatch):
    broken = curriculum.Exercise("3.1", "03_normalize", {"test_that_is_not_there": 1})
    with pytest.raises(CourseError, match="3.1 could not be checked"):
        judge([broken], Answers({"normalize": right}))


def test_a_check_file_is_executed_once_and_again_when_it_has_changed(tmp_path, monkeypatch):
    path = tmp_path / "test_99_counted.py"
    source = """
from bncourse.checking import exercise, guide
print("executed")
guide("99.1", hints=["Think."])
@exercise("99.1", points=1)
def test_anything(learner):
    assert learner.answer() == {}
"""
    counted = curriculum.Exercise("99.1", "99_counted", {"test_anything": 1})
    monkeypatch.setattr(curriculum, "CHECKS", tmp_path)
    monkeypatch.setitem(marks.guides, "99.1", Guide())
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        for content, answer in ((source.format(1), 1), (source.format(2), 2)):
            path.write_text(content)
            os.utime(path, (answer, answer))
            for _ in range(2):
                assert marks.guide_of(counted).hints == ("Think.",)
                assert judge([counted], Answers({"answer": lambda: answer}))["99.1"].points == 1  # noqa: B023
    assert printed.getvalue() == "executed\n" * 2


def test_checks_leave_the_settings_of_hypothesis_alone():
    """They judge alike each time, whatever the profile of whoever runs them."""
    code = (
        "import hypothesis; before = hypothesis.settings.default; from bncourse.checking.properties import given, st\n"
        "assert hypothesis.settings.default is before\n"
        "@given(st.integers())\n"
        "def check(n): drawn.append(n)\n"
        "drawn = []; check(); print(drawn)"
    )
    runs = [subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True) for _ in range(2)]
    assert runs[0].stdout == runs[1].stdout
    assert 1 < runs[0].stdout.count(",") + 1 <= 12


def test_what_the_answer_prints_is_shown_for_the_failing_call_only(capsys):
    def talkative(x, mean, var, eps=1e-5):
        print("shape", x.shape)
        return wrong(x, mean, var, eps)

    with pytest.raises(CheckFailed):
        check_namespace("3.1", {"normalize": talkative})
    assert capsys.readouterr().out.count("shape (") == 1


@pytest.mark.parametrize("step", range(1, 8))
def test_a_time_limit_inside_of_print_loses_nothing_that_was_printed(step):
    """A loop that prints for ever is ended somewhere in `write`, whose steps this stops one by one."""
    from bncourse.course.quiet import LastWords

    printed, seen = LastWords(), []
    printed.write("before ")

    def trace(frame, event, argument):
        if frame.f_code is LastWords.write.__code__ and event == "line":
            seen.append(frame.f_lineno)
            if len(seen) == step:
                raise TimeUp
        return trace

    tracing = sys.gettrace()
    sys.settrace(trace)
    try:
        with contextlib.suppress(TimeUp):
            printed.write("after")
    finally:
        sys.settrace(tracing)
    assert printed.getvalue() in ("before ", "before after")


def test_of_what_is_printed_the_end_is_kept_and_input_comes_back():
    import builtins

    from bncourse.course.quiet import MOST, LastWords, quiet

    printed, before = LastWords(), (builtins.input, sys.stdin)
    with quiet(printed):
        for number in range(100_000):
            print(number)
        print("y" * 10 * MOST, end="end")
        with pytest.raises(EOFError, match="nobody types"):
            input()
        assert sys.stdin.read() == ""
    assert printed.getvalue() == "y" * (MOST - 3) + "end"
    assert (builtins.input, sys.stdin) == before


def test_who_ran_out_of_time_once_is_not_asked_again(monkeypatch):
    from bncourse.checking import learner, watching

    calls = []

    def endless(x, eps=1e-5):
        calls.append(x)
        while True:
            print("for ever")

    monkeypatch.setattr(learner, "time_limit", lambda seconds: watching.time_limit(0.2))
    exercise = curriculum.exercises()["3.2"]
    result = judge([exercise], Answers({"batch_normalize": endless}))["3.2"]
    assert result.status == "error"
    assert len(calls) == 1
    assert report(result).failed[1:] == [f"{len(exercise.checks) - 1} more, probably for the same reason"]
    assert len(str(report(result).details)) < 2000


def test_a_limit_within_a_limit_leaves_the_outer_one_alone():
    from bncourse.checking.watching import TimeUp, time_limit

    def wait():
        with time_limit(5):
            pass
        while True:
            pass

    with pytest.raises(TimeUp, match="0.2 s"), time_limit(0.2):
        wait()


def test_an_import_is_not_cut_off_halfway(tmp_path, monkeypatch):
    from bncourse.checking.watching import TimeUp, time_limit

    (tmp_path / "slow_to_import.py").write_text("import time\ntime.sleep(0.5)\nwhole = True\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    with time_limit(0.2):
        slow = importlib.import_module("slow_to_import")
    assert slow.whole
    del sys.modules["slow_to_import"]
    with pytest.raises(TimeUp), time_limit(0.2):
        importlib.import_module("slow_to_import")

        while True:
            pass
    assert sys.modules["slow_to_import"].whole
    del sys.modules["slow_to_import"]


@pytest.mark.parametrize("source", ["while True: pass", "import time\nwhile True: time.sleep(0.01)"])
def test_an_import_that_never_ends_is_ended(source, tmp_path, monkeypatch):
    (tmp_path / "never_imported.py").write_text(source)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(watching, "LONGEST_IMPORT", 0.3)
    with pytest.raises(watching.TimeUp), watching.time_limit(0.2):
        importlib.import_module("never_imported")


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

    biased_and_eps_outside = forward(unbiased=False, eps_outside=True)
    with pytest.raises(CheckFailed):
        check_namespace("5.1", {"batchnorm_forward": biased_and_eps_outside})
    assert "What happened, among other things: The running variance takes in the biased" in capsys.readouterr().out
    with pytest.raises(CheckFailed):
        check_namespace("3.1", {"normalize": eps_outside_and_data_overwritten})
    assert "What happened: ε stands outside" not in capsys.readouterr().out


def test_a_list_that_holds_itself_is_judged_like_any_other():
    endless = []
    endless.append(endless)
    exercise = curriculum.exercises()["3.2"]
    result = judge([exercise], Answers({"batch_normalize": lambda x, eps=1e-5: endless}))["3.2"]
    assert (result.status, result.points, result.diagnosis) == ("failed", 0, None)
    assert "of type list" in as_text(report(result))


def test_an_answer_unlike_any_mistake_gets_no_diagnosis():
    exercise = curriculum.exercises()["3.1"]
    result = judge([exercise], Answers({"normalize": lambda x, mean, var, eps=1e-5: np.cos(x)}))["3.1"]
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


def test_a_report_knows_its_exercise():
    exercise = curriculum.exercises()["3.1"]
    for answers in ({}, {"normalize": right}, {"normalize": wrong}):
        assert report(judge([exercise], Answers(answers))["3.1"]).exercise_id == "3.1"


def test_what_has_the_same_reason_is_counted_and_not_told():
    exercise = curriculum.exercises()["3.1"]

    def misspelt(x, mean, var, eps=1e-5):
        return (x - meen) / np.sqrt(var + eps)  # noqa: F821

    for answer in (wrong, misspelt):
        content = report(judge([exercise], Answers({"normalize": answer}))["3.1"])
        assert len(content.failed) == 2
        assert content.failed[1].endswith("more, probably for the same reason")


@pytest.mark.parametrize("answer", [lambda *args: None, lambda x, *args, **options: (x[..., None], x)])
def test_a_wrong_form_is_called_so_and_not_another_property(answer):
    exercise = curriculum.exercises()["3.1"]
    content = report(judge([exercise], Answers({"normalize": answer}))["3.1"])
    assert content.failed[0].startswith("The answer has the form that is asked for")


def test_a_report_says_nothing_of_how_a_check_is_made():
    exercise = curriculum.exercises()["5.1"]
    content = report(judge([exercise], Answers({"batchnorm_forward": lambda x, *args, **options: (x, x, x, x)}))["5.1"])
    first, call = content.details[0]
    assert first == "with"
    assert call.startswith("batchnorm_forward: x, gamma, beta")
    assert "element" not in str(content.details)


def test_any_number_of_arguments_is_named_by_what_takes_them():
    one = learner(several=lambda x, *others: None, few=lambda x: None)
    one.several(1, 2, 3)
    with contextlib.suppress(Exception):
        one.few(1, 2)
    assert [[name for name, _ in call.arguments] for call in one.calls] == [
        ["x", "others 1", "others 2"],
        ["x", "argument 2"],
    ]


def test_reports_escape_what_the_answer_says():
    def hostile(x, mean, var, eps=1e-5):
        raise ValueError("<script>alert(1)</script>")

    exercise = curriculum.exercises()["3.1"]
    result = judge([exercise], Answers({"normalize": hostile}))["3.1"]
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
    result = judge([exercise], Answers({"batch_normalize": off_in_one_place}))["3.2"]
    text = as_text(report(result))
    assert "1 of 120 values" in text
    assert "[0, 1, 2, 3]" in text
    assert result.diagnosis is None
