"""Sources and notebooks in step; nothing that a learner wrote is ever overwritten."""

import importlib.util
import json
import os
import subprocess
import sys

import nbformat
import pytest

from bncourse.authoring import sources
from bncourse.course import cells, curriculum, notebooks
from bncourse.course.errors import CourseError
from bncourse.course.paths import EXERCISES, SOLUTIONS
from tests import chosen

every_chapter = pytest.mark.parametrize("stem", chosen.chapters())


def texts(notebook):
    return [(cell["id"], cells.source_of(cell)) for cell in notebook["cells"]]


@every_chapter
def test_exercise_notebook_is_what_its_source_gives(stem):
    written = nbformat.read(EXERCISES / f"{stem}.ipynb", as_version=4)
    assert written == sources.build_exercise(stem), f"edit solutions/{stem}.py, then run `make notebooks`"


@every_chapter
def test_solution_notebook_has_the_cells_of_its_source(stem):
    written = nbformat.read(SOLUTIONS / f"{stem}.ipynb", as_version=4)
    expected = sources.build_solution(stem, execute=False)
    assert texts(written) == texts(expected), f"edit solutions/{stem}.py, then run `make notebooks`"


@every_chapter
def test_notebooks_are_valid_and_their_cells_named(stem):
    for folder in (EXERCISES, SOLUTIONS):
        notebook = nbformat.read(folder / f"{stem}.ipynb", as_version=4)
        nbformat.validate(notebook)
        ids = [cell.id for cell in notebook.cells]
        assert len(set(ids)) == len(ids)
        for exercise in curriculum.of_chapter(stem):
            name = exercise.id.replace(".", "-")
            assert {f"q-{name}", f"ex-{name}", f"check-{name}"} <= set(ids)


@every_chapter
def test_exercise_notebook_holds_no_line_of_a_solution(stem):
    solution = (SOLUTIONS / f"{stem}.py").read_text(encoding="utf-8")
    cut = [line.strip() for region in sources.REGION.findall(solution) for line in region[1].splitlines()]
    learners = "\n".join(source for _, source in texts(notebooks.load(EXERCISES / f"{stem}.ipynb")))
    assert cut
    assert not [line for line in cut if len(line) > 12 and line in learners]


@every_chapter
def test_nbgrader_finds_points_and_locks(stem):
    cells = {cell["id"]: cell for cell in notebooks.load(EXERCISES / f"{stem}.ipynb")["cells"]}
    for exercise in curriculum.of_chapter(stem):
        answer = cells[exercise.cell]["metadata"]["nbgrader"]
        check = cells[exercise.cell.replace("ex", "check")]["metadata"]["nbgrader"]
        assert (answer["solution"], answer["locked"], answer["schema_version"]) == (True, False, 3)
        counted = 0 if exercise.bonus else exercise.points
        assert (check["grade"], check["locked"], check["points"]) == (True, True, counted)


def test_a_bonus_stands_behind_the_other_exercises_and_says_what_it_is():
    order = [cell["id"] for cell in notebooks.load(EXERCISES / "01_covariate_shift.ipynb")["cells"]]
    questions = [name for name in order if name.startswith("q-")]
    assert questions == ["q-1-1", "q-1-2", "q-1-4", "q-1-3"]
    assert [exercise.id for exercise in curriculum.exercises().values() if exercise.bonus] == ["1.3"]
    (text,) = (
        source for name, source in texts(notebooks.load(EXERCISES / "01_covariate_shift.ipynb")) if name == "q-1-3"
    )
    assert "*7 bonus points*" in text


@pytest.fixture
def folders(tmp_path, monkeypatch):
    """exercises/, solutions/ and work/ in a folder of the test's own; solutions hold the sources."""
    for name in ("EXERCISES", "SOLUTIONS", "WORK"):
        folder = tmp_path / name.lower()
        for module in (notebooks, sources):
            monkeypatch.setattr(module, name, folder)
        folder.mkdir()
    source = (SOLUTIONS / "03_normalize.py").read_text(encoding="utf-8")
    (tmp_path / "solutions" / "03_normalize.py").write_text(source, encoding="utf-8")
    return tmp_path


def test_a_filled_in_notebook_in_exercises_stops_the_generator(folders):
    path = folders / "exercises" / "03_normalize.ipynb"
    path.write_text(nbformat.writes(sources.build_exercise("03_normalize")))
    filled = json.loads(path.read_text())
    next(cell for cell in filled["cells"] if cell["id"] == "ex-3-1")["source"] = "def normalize(x): return 'mine'"
    path.write_text(json.dumps(filled))
    before = path.read_bytes()
    with pytest.raises(CourseError, match="03_normalize.ipynb was edited by hand .* move it away") as stopped:
        list(sources.write_notebooks())
    assert "\n" not in str(stopped.value)
    assert path.read_bytes() == before


def test_a_damaged_notebook_in_exercises_is_not_overwritten(folders):
    path = folders / "exercises" / "03_normalize.ipynb"
    path.write_text('{"cells": [{"source": "my answer')
    with pytest.raises(CourseError, match="move it away"):
        list(sources.write_notebooks())
    assert "my answer" in path.read_text()


def test_untouched_notebooks_are_generated_again(folders, monkeypatch):
    monkeypatch.setattr(sources, "build_solution", lambda stem: sources.build_exercise(stem))
    first = list(sources.write_notebooks())
    assert [path.name for path in sources.write_notebooks()] == [path.name for path in first]


def test_lab_copies_what_is_missing_and_never_overwrites(folders):
    for name in ("01_a", "02_b"):
        (folders / "exercises" / f"{name}.ipynb").write_text("fresh")
    (folders / "work" / "01_a.ipynb").write_text("my answers")
    assert [path.name for path in notebooks.copy_missing()] == ["02_b.ipynb"]
    assert (folders / "work" / "01_a.ipynb").read_text() == "my answers"
    assert notebooks.copy_missing() == []


def test_a_source_without_solution_marks_is_refused(folders):
    source = folders / "solutions" / "03_normalize.py"
    source.write_text(source.read_text().replace("# END SOLUTION", "", 1))
    with pytest.raises(CourseError, match="3.1 needs # BEGIN SOLUTION and # END SOLUTION"):
        sources.build_exercise("03_normalize")


def test_an_exercise_without_checks_is_refused(folders):
    source = folders / "solutions" / "03_normalize.py"
    source.write_text(
        source.read_text().replace('exercise="3.1"', 'exercise="3.9"').replace('check("3.1")', 'check("3.9")')
    )
    with pytest.raises(CourseError, match="3.9 has no checks"):
        sources.build_exercise("03_normalize")


def test_read_only_folder_is_told_in_one_line(folders):
    if os.geteuid() == 0:  # root may write anywhere: put a file where the folder should be
        (folders / "exercises").rmdir()
        (folders / "exercises").write_text("")
    else:
        (folders / "exercises").chmod(0o500)
    with pytest.raises(CourseError, match="cannot (write|read) "):
        list(sources.write_notebooks())


# Reading answers


def test_cells_of_the_learners_own_may_define_helpers(notebook):
    path = notebook(
        "03_normalize", {"ex-3-1": "def normalize(x, mean, var, eps=1e-5):\n    return helper(x, mean, var + eps)"}
    )
    content = json.loads(path.read_text())
    mine = {"cell_type": "code", "id": "mine", "metadata": {}, "outputs": [], "execution_count": None}
    mine["source"] = "%matplotlib inline\nlong_training_run()\ndef helper(x, m, v):\n    return (x - m) / v ** 0.5"
    content["cells"].insert(3, mine)
    path.write_text(json.dumps(content))
    assert notebooks.execute(path).namespace["helper"](3.0, 1.0, 4.0) == 1.0


def test_the_answer_is_the_cell_of_that_name(notebook):
    path = notebook("03_normalize", {"ex-3-1": "def normalize(x, mean, var, eps=1e-5):\n    return 'the answer'"})
    content = json.loads(path.read_text())
    other = {"cell_type": "code", "id": "trial", "metadata": {}, "outputs": [], "execution_count": None}
    other["source"] = "def normalize(x, mean, var, eps=1e-5):\n    return 'a trial'"
    content["cells"].append(other)
    path.write_text(json.dumps(content))
    assert notebooks.execute(path).answers["ex-3-1"]["normalize"](0, 0, 0) == "the answer"


@every_chapter
def test_on_colab_the_first_cell_fetches_the_course_and_leaves_pytorch_alone(stem, monkeypatch):
    notebook = notebooks.load(EXERCISES / f"{stem}.ipynb")
    setup = next(source for cell, source in zip(notebook["cells"], texts(notebook)) if cell["cell_type"] == "code")[1]
    commands = []
    monkeypatch.setattr(subprocess, "run", lambda command: commands.append(command))
    monkeypatch.setattr(sys, "path", list(sys.path))
    exec(setup, {})
    assert commands == []
    monkeypatch.setitem(sys.modules, "google.colab", object())
    exec(setup, {})
    clone, course, rest = commands
    assert clone[:2] == ["git", "clone"] and "/content/course" in clone and "/content/course" in sys.path
    assert "--no-deps" in course and "/content/course" in course
    assert rest[:4] == [sys.executable, "-m", "pip", "install"]
    assert not [word for word in rest if word.startswith(("torch", "numpy", "--upgrade", "-U", "-r"))]


@every_chapter
def test_a_notebook_alone_says_how_to_get_the_course(stem, monkeypatch):
    notebook = notebooks.load(EXERCISES / f"{stem}.ipynb")
    first = next(source for cell, source in zip(notebook["cells"], texts(notebook)) if cell["cell_type"] == "code")[1]
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(SystemExit, match=r"git clone https://\S+, in that folder make setup and make lab"):
        exec(first, {})
