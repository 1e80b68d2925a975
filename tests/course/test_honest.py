"""Honest notebooks and hand-ins, however they were saved: kernel, file and class say the same of each."""

import asyncio
import importlib
import json
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
from IPython.core.interactiveshell import InteractiveShell

from bncourse.checking import notebook as door
from bncourse.checking.judging import judge_notebook
from bncourse.course import curriculum, notebooks
from bncourse.exports import gradescope, nbgrader
from bncourse.grading.grade import Options, grade_submission
from bncourse.grading.handed_in import submissions
from bncourse.grading.handed_in.submissions import Submission
from tests.course.honest.hand_ins import HAND_INS, POINTS
from tests.course.honest.notebooks import FILES, NAMES, NOTEBOOKS, STEM, code, codes, solved

for module in ("marks", "places", "own_code", "magics", "partly"):
    importlib.import_module(f"tests.course.honest.{module}")

MORE_TO_SAY = {"a_renamed_copy_beside_the_stub"}
EXERCISES = curriculum.of_chapter(STEM)


@pytest.fixture(scope="module")
def shell():
    shell = InteractiveShell.instance()
    shell.enable_gui = lambda gui=None: None  # a kernel has windows to give, or none
    # What is awaited gets a loop of its own: a browser driven by this process may have one running.
    shell.loop_runner = lambda coroutine: ThreadPoolExecutor(1).submit(asyncio.run, coroutine).result()
    return shell


@pytest.fixture
def live(shell, monkeypatch, tmp_path):
    """live(notebook): (status, points) by exercise as the checks say in IPython, the best of each.

    All cells run from top to bottom; what is not solved then is checked again, as people do.
    """
    results = {}

    def judged(exercises, answers):
        said = judge(exercises, answers)
        for exercise, result in said.items():
            earlier = results.get(exercise, ("", -1))
            results[exercise] = max(earlier, (result.status.value, result.points), key=lambda pair: pair[1])
        return said

    judge = door.judge
    monkeypatch.setattr(door, "judge", judged)
    monkeypatch.setattr(door, "_show", lambda report: None)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))

    def run(notebook):
        shell.reset(new_session=False)
        for cell in codes(notebook):
            shell.run_cell("".join(cell.get("source", cell.get("input", ""))), silent=True)
        for exercise in EXERCISES:
            if results.get(exercise.id, ("", -1))[0] != "solved":
                shell.run_cell(f'from bncourse import check\ncheck("{exercise.id}")', silent=True)
        return dict(sorted(results.items()))

    before = set(sys.modules)
    yield run
    for name in set(sys.modules) - before:
        if getattr(sys.modules[name], "__file__", None) == str(tmp_path / f"{name}.py"):
            del sys.modules[name]


def written(name, folder):
    """The notebook of that name in a folder, with what lies beside it."""
    notebook = NOTEBOOKS[name](solved())
    path = folder / NAMES[name]
    path.write_text(json.dumps(notebook, ensure_ascii=False), encoding="utf-8")
    for file, text in FILES[name].items():
        (folder / file).write_text(text, encoding="utf-8")
    return notebook, path


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_kernel_file_class_and_other_graders_agree(name, live, tmp_path):
    notebook, path = written(name, tmp_path)
    if "cells" not in notebook:
        notebook = {"cells": notebook["worksheets"][0]["cells"]}
    in_kernel = live(notebook)
    in_file = {
        exercise: (result.status.value, result.points)
        for exercise, result in judge_notebook(notebooks.execute(path), EXERCISES).items()
    }
    submission = Submission("ada", "ada", "ada", {}, (tmp_path,))
    row = grade_submission(submission, submission.read(), Options()).row
    in_class = {exercise.exercise: (exercise.status.value, exercise.points) for exercise in row.exercises}
    assert in_class == in_file, row
    points = {exercise: points for exercise, (_, points) in in_file.items()}
    assert {exercise: report["points"] for exercise, report in nbgrader.feedback(path).items()} == points
    tests = {test["number"]: test["score"] for test in gradescope.graded(tmp_path)["tests"]}
    assert {exercise: score for exercise, score in tests.items() if exercise in points} == points
    for exercise, (status, points) in in_kernel.items():
        assert in_file[exercise][1] == points
        # Where a cell does not run at all, the kernel knows no more than that a name is missing.
        assert status in (in_file[exercise][0], "missing")
    # A human is asked where something is missing, and nowhere else.
    statuses = {status for status, _ in in_class.values()}
    assert bool(row.review) == ("missing" in statuses or name in MORE_TO_SAY), row.review


@pytest.mark.parametrize("name", HAND_INS)
def test_what_is_handed_in_gets_the_points_of_the_notebook_that_was_worked_in(name, tmp_path):
    pack, due = HAND_INS[name]
    files, folder = pack(), tmp_path / "class"
    if isinstance(files, bytes):
        folder = tmp_path / "class.zip"
        folder.write_bytes(files)
    for path, content in files.items() if isinstance(files, dict) else ():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
    rows = [grade_submission(submission, submission.read(), Options()).row for submission in submissions.find(folder)]
    states = {student: state if isinstance(state, tuple) else (state, "") for student, state in due.items()}
    assert {row.student: row.points for row in rows} == {
        student: POINTS[state] for student, (state, _) in states.items()
    }
    assert {row.student for row in rows if row.review} == {student for student, (_, review) in states.items() if review}


@pytest.mark.parametrize("text", ["'" * 3, "%\\\n", "!", "a = (\n%", "\x00", "%%time\n%%time", "? \\\n?", "\ufeff" * 3])
def test_a_cell_of_any_text_spoils_no_other(text, tmp_path):
    notebook = solved()
    notebook["cells"].insert(4, code(text))
    (tmp_path / f"{STEM}.ipynb").write_text(json.dumps(notebook), encoding="utf-8")
    results = judge_notebook(notebooks.execute(tmp_path / f"{STEM}.ipynb"), EXERCISES)
    assert {result.status.value for result in results.values()} == {"solved"}


def test_a_file_name_of_many_digits_is_graded(tmp_path):
    name = f"{STEM} {'9' * 200}.ipynb"
    (tmp_path / name).write_text(json.dumps(solved()), encoding="utf-8")
    (tmp_path / "large.py").write_bytes(b"#" * 200_000)
    submission = Submission("ada", "ada", "ada", {}, (tmp_path,))
    row = grade_submission(submission, submission.read(), Options()).row
    assert (row.points, row.review) == (row.max, [])
