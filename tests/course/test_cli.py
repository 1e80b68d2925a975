"""The command line: what scripts may rely on, and one clear line for everything that goes wrong."""

import json
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import nbformat
import pytest

from bncourse.__main__ import main
from bncourse.checking import attempts
from bncourse.course import curriculum
from bncourse.course.paths import ROOT, SOLUTIONS

RIGHT = "def normalize(x, mean, var, eps=1e-5):\n    return (x - mean) / np.sqrt(var + eps)"
WRONG = "def normalize(x, mean, var, eps=1e-5):\n    return (x - mean) / (np.sqrt(var) + eps)"


@pytest.fixture
def run(capsys):
    """run("check", ...) -> (exit status, stdout, stderr)."""

    def call(*arguments):
        status = main([str(argument) for argument in arguments])
        out, err = capsys.readouterr()
        return status, out, err

    return call


def rows(out):
    return [json.loads(line) for line in out.splitlines()]


def test_json_has_one_object_a_line_in_the_order_of_the_curriculum(run, notebook):
    status, out, err = run("check", "--json", "--notebook", notebook("03_normalize", {"ex-3-1": RIGHT}))
    found = rows(out)
    assert [row["exercise"] for row in found] == [exercise.id for exercise in curriculum.of_chapter("03_normalize")]
    assert all(
        list(row) == ["exercise", "status", "points", "max", "bonus", "failed_checks", "diagnosis"] for row in found
    )
    full = curriculum.exercises()["3.1"].points
    assert found[0] == {
        "exercise": "3.1", "status": "solved", "points": full, "max": full, "bonus": False, "failed_checks": [],
        "diagnosis": None,
    }  # fmt: skip
    assert [row["status"] for row in found[1:]] == ["unsolved"] * 3
    assert (status, err) == (1, "")


def test_solved_exits_with_0(run, notebook):
    status, out, _ = run("check", "3.1", "--notebook", notebook("03_normalize", {"ex-3-1": RIGHT}))
    assert status == 0
    assert "solved" in out


def test_what_is_left_of_a_bonus_is_no_failure(run, notebook):
    text = (SOLUTIONS / "01_covariate_shift.py").read_text(encoding="utf-8")
    answers = {
        f"ex-1-{number}": re.search(rf'exercise="1\.{number}"\n(.*?)\n\n*# %%', text, re.S)[1] for number in (1, 2, 4)
    }
    path = notebook("01_covariate_shift", answers)
    status, out, _ = run("check", "1", "--notebook", path)
    assert status == 0
    assert "13 of 13 points" in out and re.search(r"1\.3 +.*0 of 7 +bonus", out)
    assert run("check", "1.3", "--notebook", path)[0] == 1


def test_failure_shows_diagnosis_smallest_input_expected_and_got(run, notebook):
    status, out, _ = run("check", "3.1", "--notebook", notebook("03_normalize", {"ex-3-1": WRONG}))
    assert status == 1
    for words in ("What happened: ε stands outside the root", "expected", "got", "normalize(x, mean, var"):
        assert words in out


@pytest.mark.parametrize(
    ("answer", "status", "says"),
    [
        (None, "missing", "no cell defines normalize"),
        ("def something_else(x):\n    return x", "missing", "normalize is not defined"),
        ("def normalize(x, mean, var, eps=1e-5):\n    raise NotImplementedError()", "unsolved", "not solved yet"),
        ("def normalize(x, mean, var, eps=1e-5)\n    return x", "error", "SyntaxError: expected ':'"),
        ("def normalize(x) -> f(:\n    return x", "error", f"line 1, read by Python 3.{sys.version_info.minor}: def"),
        ("def normalize(*args, **kwargs):\n    return normalize(*args, **kwargs)", "error", "RecursionError"),
        ("import sys\nsys.exit(3)", "error", "SystemExit: 3"),
        ("def normalize(x, mean, var, eps=1e-5):\n    raise BaseException('out')", "error", "BaseException: out"),
        ("def normalize(x, mean, var, eps=1e-5):\n    return x / undefined", "error", "line 2: return x / undefined"),
        ("normalize = 3", "error", "'int' object is not callable"),
        ("def normalize(x):\n    return x", "error", "TypeError"),
    ],
)
def test_missing_unsolved_and_crashing_answers_are_told_apart(run, notebook, answer, status, says):
    path = notebook("03_normalize", {"ex-3-1": answer})
    _, out, _ = run("check", "3.1", "--json", "--notebook", path)
    (row,) = rows(out)
    assert (row["status"], row["points"]) == (status, 0)
    _, out, _ = run("check", "3.1", "--notebook", path)
    assert says in out
    assert "Traceback" not in out


def test_an_endless_loop_is_stopped(run, notebook, monkeypatch):
    from bncourse.checking import learner, watching

    monkeypatch.setattr(learner, "time_limit", lambda seconds: watching.time_limit(0.2))
    path = notebook("03_normalize", {"ex-3-1": "def normalize(x, mean, var, eps=1e-5):\n    while True:\n        pass"})
    _, out, _ = run("check", "3.1", "--notebook", path)
    assert "is there a loop that never ends?" in out


@pytest.mark.parametrize(
    ("cell", "says"), [("ex-3-1", "TimeUp: still running"), ("setup", "the cell that begins with 'while True:")]
)
def test_a_cell_that_never_ends_is_stopped_and_told(run, notebook, monkeypatch, cell, says):
    from bncourse.checking import terminal, watching

    monkeypatch.setattr(terminal, "cell_limit", lambda cell: watching.cell_limit(cell, 0.3))
    path = notebook("03_normalize", {"ex-3-1": RIGHT})
    content = json.loads(path.read_text())
    one = next(one for one in content["cells"] if cell in (one["id"], one["metadata"].get("bncourse", {}).get("role")))
    one["source"] = "while True:\n    print('for ever')"
    path.write_text(json.dumps(content))
    status, out, err = run("check", "3.1", "--notebook", path)
    assert status == (1 if cell == "ex-3-1" else 2)
    assert says in out + err
    assert "is there a loop that never ends?" in out + err


@pytest.mark.parametrize("answer", ["def normalize(x, mean, var, eps=1e-5):\n    return input('x? ')", "input('x? ')"])
def test_nobody_is_asked_for_input(run, notebook, answer):
    _, out, _ = run("check", "3.1", "--notebook", notebook("03_normalize", {"ex-3-1": answer}))
    assert "EOFError: input() gets no answer" in out


def test_a_renamed_cell_is_known_by_the_name_that_it_defines(run, notebook):
    path = notebook("03_normalize", {"ex-3-1": RIGHT})
    path.write_text(path.read_text().replace('"id": "ex-3-1"', '"id": "my-best-try"'))
    _, out, _ = run("check", "3.1", "--json", "--notebook", path)
    assert rows(out)[0]["status"] == "solved"


def test_checking_leaves_the_environment_as_it_was(run, notebook, monkeypatch):
    monkeypatch.delenv("MPLBACKEND", raising=False)
    before = dict(os.environ)
    draws = "import os\nfrom matplotlib import pyplot\npyplot.figure()\n" + RIGHT
    assert run("check", "3.1", "--notebook", notebook("03_normalize", {"ex-3-1": draws}))[0] == 0
    assert {name: value for name, value in os.environ.items() if name != "PYTEST_CURRENT_TEST"} == {
        name: value for name, value in before.items() if name != "PYTEST_CURRENT_TEST"
    }


def test_outputs_of_50_mb_do_no_harm(run, notebook):
    path = notebook("03_normalize", {"ex-3-1": RIGHT})
    content = json.loads(path.read_text())
    cell = next(cell for cell in content["cells"] if cell["id"] == "ex-3-1")
    cell["outputs"] = [{"output_type": "stream", "name": "stdout", "text": "x" * 50_000_000}]
    path.write_text(json.dumps(content))
    assert run("check", "3.1", "--notebook", path)[0] == 0


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "it is empty"),
        (b'{"cells": [{"cell_type": "co', "its JSON breaks off or is damaged"),
        (b"\x89PNG\r\n\xff\x00", "it is not text"),
        (b"[1, 2]", "it has no list of cells"),
        (b'{"nbformat": 3, "worksheets": []}', "it has no list of cells"),
        (b"[" * 100_000, "is not a notebook"),
        (b'{"cells": []}', "is not an exercise notebook of this course"),
    ],
)
def test_a_bad_notebook_gets_one_line(run, tmp_path, content, says):
    path = tmp_path / "mine.ipynb"
    path.write_bytes(content)
    status, out, err = run("check", "--notebook", path)
    assert (status, out) == (2, "")
    assert says in err
    assert "mine.ipynb" in err
    assert err.count("\n") == 1
    assert path.read_bytes() == content


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["check", "3.9"], "unknown exercise '3.9'; chapter 3 has 3.1, 3.2, 3.3, 3.4"),
        (["check", "99"], "unknown exercise or chapter '99'"),
        (["check", "--notebook", "absent.ipynb"], "absent.ipynb does not exist"),
        (["check", "--notebook", "."], "cannot read"),
        (["check", "--frobnicate"], "unrecognized arguments: --frobnicate"),
        (["frobnicate"], "invalid choice"),
        ([], "required"),
        (["experiments", "--first-seed", "first"], "invalid int value: 'first'"),
        (["grade", "submissions"], "required: --out"),
        (["release", "{tmp}/out", "--self-check", "all"], "invalid choice: 'all'"),
    ],
)
def test_wrong_use_gets_one_line_and_status_2(run, arguments, says, tmp_path):
    status, out, err = run(*(argument.format(tmp=tmp_path) for argument in arguments))
    assert (status, out) == (2, "")
    assert says in err
    assert err.count("\n") == 1


def exercises_checked(run, name, tmp_path):
    _, out, _ = run("check", name, "--json")
    return [row["exercise"] for row in rows(out)]


def notebooks_written(run, name, tmp_path):
    from bncourse.authoring import sources

    with pytest.MonkeyPatch.context() as patch:
        for folder in ("EXERCISES", "SOLUTIONS"):
            patch.setattr(sources, folder, tmp_path / folder.lower())
            (tmp_path / folder.lower()).mkdir(exist_ok=True)
        for build in ("build_exercise", "build_solution"):
            patch.setattr(sources, build, lambda stem: nbformat.v4.new_notebook())
        assert run("notebooks", name)[0] == 0
    return sorted(path.stem for path in (tmp_path / "exercises").glob("*.ipynb"))


def experiments_run(run, name, tmp_path):
    from bncourse.ledger import experiments

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(experiments, "run", lambda stem, first_seed, full: Path(stem))
        status, out, _ = run("experiments", name)
    assert status == 0
    return [line.removeprefix("wrote ") for line in out.splitlines()]


def chapters_released(run, name, tmp_path):
    assert run("release", tmp_path / "out", "--chapters", name)[0] == 0
    return [path.stem for path in (tmp_path / "out" / "exercises").glob("*.ipynb")]


def chapters_for_nbgrader(run, name, tmp_path):
    assert run("nbgrader", tmp_path / "out", "--chapters", name)[0] == 0
    return [path.name for path in (tmp_path / "out" / "source").iterdir()]


def chapters_for_gradescope(run, name, tmp_path):
    assert run("gradescope", tmp_path / "out.zip", "--chapters", name)[0] == 0
    with zipfile.ZipFile(tmp_path / "out.zip") as archive:
        return [Path(file).stem for file in archive.namelist() if file.startswith("exercises/")]


@pytest.mark.parametrize("name", ["3", "03", "3.1", "03_normalize"])
@pytest.mark.parametrize(
    "chosen_by",
    [
        exercises_checked,
        notebooks_written,
        experiments_run,
        chapters_released,
        chapters_for_nbgrader,
        chapters_for_gradescope,
    ],
)
def test_all_commands_understand_the_same_names(run, chosen_by, name, tmp_path):
    ids = ["3.1"] if name == "3.1" else [exercise.id for exercise in curriculum.of_chapter("03_normalize")]
    assert chosen_by(run, name, tmp_path) == (ids if chosen_by is exercises_checked else ["03_normalize"])


@pytest.mark.parametrize(
    "arguments",
    [
        ["check"],
        ["notebooks"],
        ["experiments"],
        ["grade", "{tmp}", "--out", "{tmp}/out", "--exercises"],
        ["release", "{tmp}/out", "--chapters"],
        ["nbgrader", "{tmp}/out", "--chapters"],
        ["gradescope", "{tmp}/out.zip", "--chapters"],
    ],
    ids=lambda arguments: arguments[0],
)
@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("99", "unknown exercise or chapter '99'; the chapters are 01_covariate_shift, "),
        ("3.9", "unknown exercise '3.9'; chapter 3 has 3.1, 3.2, 3.3, 3.4"),
    ],
)
def test_all_commands_refuse_an_unknown_name_in_the_same_words(run, arguments, name, says, tmp_path):
    status, out, err = run(*(argument.format(tmp=tmp_path) for argument in arguments), name)
    assert (status, out) == (2, "")
    assert err.splitlines()[-1].startswith(says)
    assert not list(tmp_path.iterdir())


def test_without_chapters_all_are_exported(run, tmp_path):
    assert run("release", tmp_path / "out")[0] == 0
    assert sorted(path.stem for path in (tmp_path / "out" / "exercises").iterdir()) == curriculum.chapters()


def test_a_copy_without_the_grader_has_no_commands_for_instructors(run, monkeypatch, tmp_path):
    from bncourse import __main__

    monkeypatch.setattr(__main__, "GRADING", tmp_path / "grading")
    for command in ("grade", "release", "nbgrader", "gradescope"):
        status, _, err = run(command)
        assert (status, "invalid choice" in err) == (2, True)


def test_a_notebook_of_another_chapter_is_named(run, notebook):
    status, _, err = run("check", "1.1", "--notebook", notebook("03_normalize", {}))
    assert status == 2
    assert "1.1 belongs to 01_covariate_shift.ipynb" in err
    assert "is of chapter 03_normalize" in err


def test_without_names_all_of_work_is_checked(run, notebook, tmp_path, monkeypatch):
    from bncourse.checking import terminal

    monkeypatch.setattr(terminal, "WORK", tmp_path)
    monkeypatch.setattr(attempts, "WORK", tmp_path)
    notebook("03_normalize", {"ex-3-1": RIGHT})
    (tmp_path / "01_covariate_shift.ipynb").write_text("{")
    _, out, _ = run("check", "--json")
    by_id = {row["exercise"]: row["status"] for row in rows(out)}
    assert list(by_id) == list(curriculum.exercises())
    assert (by_id["1.1"], by_id["3.1"], by_id["3.2"]) == ("error", "solved", "unsolved")


def test_checking_numpy_answers_does_not_import_pytorch(notebook):
    path = notebook("03_normalize", {"ex-3-1": RIGHT})
    code = "import sys; from bncourse.__main__ import main; main(sys.argv[1:]); print('torch' in sys.modules)"
    command = [sys.executable, "-c", code, "check", "3.1", "--notebook", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "False"
    assert "solved" in done.stdout


def test_an_older_python_is_refused_in_one_line():
    code = "import sys; sys.version_info = (3, 10, 4, 'final', 0); import bncourse"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr == "bncourse needs Python 3.11 or newer; this is 3.10\n"


@pytest.mark.parametrize("encoding", ["cp1252", "cp932", "ascii"])
@pytest.mark.parametrize("arguments", [("check", "3.1"), ("check", "3.1", "--json"), ("grade", "--help")])
def test_a_pipe_of_any_encoding_is_written_to(notebook, arguments, encoding):
    """On Windows a pipe has the encoding of the country, which lacks ε or █."""
    path = notebook("03_normalize", {"ex-3-1": RIGHT.replace("sqrt(var + eps)", "sqrt(var) + eps")})
    files = ["--notebook", str(path)] if arguments[0] == "check" else []
    command = [sys.executable, "-m", "bncourse", *arguments, *files]
    done = subprocess.run(command, cwd=ROOT, env=os.environ | {"PYTHONIOENCODING": encoding}, capture_output=True)
    assert (done.returncode, done.stderr) == (1 if files else 0, b"")
    done.stdout.decode("utf-8")


def test_without_fork_grading_is_refused_in_one_line(run, monkeypatch, tmp_path):
    monkeypatch.delattr(os, "fork")
    status, _, err = run("grade", tmp_path, "--out", tmp_path / "out")
    assert status == 2
    assert "Windows Subsystem for Linux" in err and err.count("\n") == 1
