"""nbgrader, run for real: the course folder is one it accepts, and its points are those of our own checks."""

import copy
import csv
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from bncourse.authoring import sources
from bncourse.checking.judging import judge_notebook
from bncourse.course import curriculum, notebooks
from bncourse.course.errors import CourseError
from bncourse.course.paths import EXERCISES, ROOT, SOLUTIONS
from bncourse.exports import leaks, nbgrader

pytestmark = pytest.mark.needs_nbgrader

STEM = "03_normalize"
OF_CHAPTER = curriculum.of_chapter(STEM)
# The Python whose nbgrader is run: this one, unless nbgrader lives in an environment of its own.
PYTHON = os.environ.get("NBGRADER_PYTHON", sys.executable)
ABSENT = (
    "nbgrader is not installed: pip install -c constraints.txt nbgrader==0.9.6 (or name its Python: NBGRADER_PYTHON=)"
)


def python(*arguments, cwd):
    """Run Python where nbgrader is; what it printed."""
    path = f"{Path(PYTHON).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    command = [PYTHON, *map(str, arguments)]
    done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False)
    if "No module named 'nbgrader'" in done.stderr or "No module named nbgrader" in done.stderr:
        pytest.fail(ABSENT)
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """A course folder with the release version of chapter 3, made by nbgrader."""
    folder = tmp_path_factory.mktemp("nbgrader") / "course"
    nbgrader.write(folder, ["3"])
    python("-m", "nbgrader", "generate_assignment", STEM, cwd=folder)
    return folder


@pytest.fixture(scope="module")
def released(course):
    return json.loads((course / "release" / STEM / f"{STEM}.ipynb").read_text(encoding="utf-8"))


# What students get


def test_source_notebooks_are_valid_for_nbgrader(tmp_path):
    nbgrader.write(tmp_path)
    code = (
        "import sys, nbformat\nfrom nbgrader import nbgraderformat\n"
        "for path in sys.argv[1:]:\n"
        "    notebook = nbformat.read(path, as_version=4)\n"
        "    nbformat.validate(notebook)\n"
        "    nbgraderformat.MetadataValidator().validate_nb(notebook)\n"
        "    marked = [cell.metadata.nbgrader for cell in notebook.cells if 'nbgrader' in cell.metadata]\n"
        "    print({one.schema_version for one in marked}, nbgraderformat.MetadataValidator.schema_version)\n"
    )
    paths = [*sorted((tmp_path / "source").rglob("*.ipynb")), *sorted(EXERCISES.glob("*.ipynb"))]
    assert len(paths) == 2 * len(sources.stems())
    assert python("-c", code, *paths, cwd=tmp_path).splitlines() == ["{3} 3"] * len(paths)


def test_students_get_the_exercises_without_an_answer(released):
    exercise = {cell["id"]: "".join(cell["source"]) for cell in notebooks.load(EXERCISES / f"{STEM}.ipynb")["cells"]}
    for cell in released["cells"]:
        source = "".join(cell["source"])
        if cell["id"].startswith("ex-"):
            id = cell["id"][3:].replace("-", ".")
            source = source.replace("NotImplementedError()", f'NotImplementedError("exercise {id}")')
        if cell["id"].startswith(("ex-", "check-", "q-")):
            assert source == exercise[cell["id"]]
    assert leaks.leak("release.ipynb", json.dumps(released).encode(), leaks.answers()) is None


# What they hand in

ANSWERS = {
    cell["id"]: "".join(cell["source"])
    for cell in notebooks.load(SOLUTIONS / f"{STEM}.ipynb")["cells"]
    if cell["id"].startswith("ex-")
}
MISTAKES = {
    "ex-3-1": "def normalize(x, mean, var, eps=1e-5):\n    return (x - mean) / (np.sqrt(var) + eps)",
    "ex-3-2": "def batch_normalize(x, eps=1e-5):\n    return (x - x.mean(0)) / np.sqrt(x.var(0) + eps)",
    "ex-3-3": ANSWERS["ex-3-3"].replace("1e-5", "1e-3"),
    "ex-3-4": "def normalize_half(x, eps=1e-5):\n    return batch_normalize(x, eps)",
}


def cell(source):
    return {"cell_type": "code", "id": "mine", "metadata": {}, "outputs": [], "execution_count": None, "source": source}


def without(*names):
    def edit(notebook):
        notebook["cells"] = [one for one in notebook["cells"] if one["id"] not in names]

    return edit


def with_cell(source):
    def edit(notebook):
        notebook["cells"].insert(3, cell(source))

    return edit


def copied(notebook):
    place = [one["id"] for one in notebook["cells"]].index("ex-3-1")
    notebook["cells"].insert(place + 1, copy.deepcopy(notebook["cells"][place]) | {"id": "copy"})
    notebook["metadata"]["kernelspec"] = {"name": "julia-1.9", "display_name": "Julia", "language": "julia"}


NOISE = """\
import os, sys, warnings
print("careful", file=sys.stderr)
warnings.simplefilter("error")
np.seterr(all="raise")
os.chdir("/")
1 / 0"""
HONEST = {
    "all right": (ANSWERS, None),
    "untouched": ({}, None),
    "one mistake": (ANSWERS | {"ex-3-1": MISTAKES["ex-3-1"]}, None),
    "only mistakes": (MISTAKES, None),
    "noise on stderr": (
        ANSWERS | {"ex-3-1": ANSWERS["ex-3-1"] + "\nimport sys\nprint('old', file=sys.stderr)"},
        with_cell(NOISE),
    ),
    "check cell deleted": (ANSWERS, without("check-3-2")),
}
STRANGE = {
    "answer and check deleted": (ANSWERS, without("ex-3-1", "check-3-1")),
    "answer copied and other kernel": (ANSWERS, copied),
    "ends the kernel": (ANSWERS, with_cell("import os\nos._exit(1)")),
    "forges points": (
        MISTAKES,
        with_cell(
            "import sys\nimport bncourse.exports.nbgrader as grader\ngrader.points = lambda id: 5\n"
            "int.__repr__ = None\nsys.displayhook = print"
        ),
    ),
}


def hand_in(course, released, students):
    for student, (answers, edit) in students.items():
        notebook = copy.deepcopy(released)
        for one in notebook["cells"]:
            one["source"] = answers.get(one["id"], one["source"])
        if edit:
            edit(notebook)
        path = course / "submitted" / student / STEM / f"{STEM}.ipynb"
        path.parent.mkdir(parents=True)
        path.write_text(json.dumps(notebook), encoding="utf-8")


def ours(course, student):
    """Points by exercise as our own checks give them to what the student handed in."""
    notebook = notebooks.execute(course / "submitted" / student / STEM / f"{STEM}.ipynb")
    return {id: result.points for id, result in judge_notebook(notebook, OF_CHAPTER).items()}


def theirs(course, student):
    """Points by exercise as they stand in what nbgrader graded: the value of each check cell."""
    cells = notebooks.load(course / "autograded" / student / STEM / f"{STEM}.ipynb")["cells"]
    values = {}
    for one in cells:
        name = one["metadata"].get("nbgrader", {}).get("grade_id", "")
        if name.startswith("check-"):
            (value,) = [output for output in one["outputs"] if output["output_type"] == "execute_result"]
            values[name[6:].replace("-", ".")] = int("".join(value["data"]["text/plain"]))
    return dict(sorted(values.items()))


def exported(course):
    python("-m", "nbgrader", "export", cwd=course)
    with open(course / "grades.csv", newline="", encoding="utf-8") as file:
        return {row["student_id"]: (float(row["score"]), float(row["max_score"])) for row in csv.DictReader(file)}


@pytest.fixture(scope="module")
def graded(course, released):
    """The course folder after all students were autograded with its own settings, and what nbgrader exports."""
    hand_in(course, released, HONEST | STRANGE)
    python("-m", "nbgrader", "autograde", STEM, cwd=course)
    return course, exported(course)


@pytest.mark.parametrize("student", HONEST | STRANGE)
def test_nbgrader_exports_the_points_of_our_own_checks(graded, student):
    course, scores = graded
    expected = ours(course, student)
    assert theirs(course, student) == expected
    assert scores[student] == (sum(expected.values()), sum(exercise.points for exercise in OF_CHAPTER))


def test_the_class_has_full_no_and_partial_points(graded):
    course, scores = graded
    full = sum(exercise.points for exercise in OF_CHAPTER)
    assert (scores["all right"][0], scores["untouched"][0]) == (full, 0)
    partial = ours(course, "only mistakes")
    assert all(0 < partial[exercise.id] < exercise.points for exercise in OF_CHAPTER)


def test_a_check_cell_shows_the_report_with_its_diagnosis(graded):
    course, _ = graded
    text = (course / "autograded" / "one mistake" / STEM / f"{STEM}.ipynb").read_text(encoding="utf-8")
    assert "ε stands outside the root" in text


def test_with_settings_of_ones_own_nbgrader_gives_the_same_points(course, released, tmp_path):
    """Then it runs the notebooks in a kernel, where noise is a trap and the last value of a cell its score."""
    plain = tmp_path / "plain"
    leave_out = shutil.ignore_patterns("nbgrader_config.py", "submitted", "autograded", "grades.csv")
    shutil.copytree(course, plain, ignore=leave_out)
    students = {name: HONEST[name] for name in ("only mistakes", "noise on stderr")}
    hand_in(plain, released, students)
    python("-m", "nbgrader", "autograde", STEM, cwd=plain)
    for student in students:
        assert theirs(plain, student) == ours(plain, student)


# Writing the folder


def test_writing_again_changes_nothing(tmp_path):
    first = nbgrader.write(tmp_path, ["3"])
    before = {path: path.read_bytes() for path in first}
    assert {path: path.read_bytes() for path in nbgrader.write(tmp_path, ["3"])} == before


def test_a_file_that_differs_is_never_overwritten(tmp_path):
    (tmp_path / "nbgrader_config.py").write_text("c = mine")
    with pytest.raises(CourseError, match="nbgrader_config.py is there already and differs") as stopped:
        nbgrader.write(tmp_path, ["3"])
    assert "\n" not in str(stopped.value)
    assert [path.name for path in tmp_path.iterdir()] == ["nbgrader_config.py"]


def test_an_unknown_chapter_is_refused(tmp_path):
    with pytest.raises(CourseError, match="unknown exercise or chapter '99'"):
        nbgrader.write(tmp_path / "out", ["99"])
    assert not (tmp_path / "out").exists()
