"""What students receive: it works alone, holds no answer, and is refused if it would hold one."""

import json
import os
import shutil
import subprocess
import sys

import pytest
import yaml

from bncourse.authoring import sources
from bncourse.course import notebooks
from bncourse.course.errors import CourseError
from bncourse.course.paths import CHECKS, EXERCISES, MISTAKES, ROOT, SOLUTIONS
from bncourse.exports import leaks, release

RIGHT = "def normalize(x, mean, var, eps=1e-5):\n    return (x - mean) / np.sqrt(var + eps)"
WRONG = "def normalize(x, mean, var, eps=1e-5):\n    return (x - mean) / (np.sqrt(var) + eps)"
ALL = sources.stems()
NO_CHECKS = "this copy of the course has no checks: hand your notebook in, and your instructor grades it\n"


@pytest.fixture(scope="module")
def released(tmp_path_factory):
    """released("public", "3") is the folder of a release of chapter 3, or of all that are named, written once."""
    written = {}

    def folder(self_check, *chapters):
        if (self_check, chapters) not in written:
            written[self_check, chapters] = tmp_path_factory.mktemp("release") / "out"
            release.write(written[self_check, chapters], self_check, chapters)
        return written[self_check, chapters]

    return folder


def files_in(folder):
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


# It works alone


@pytest.fixture
def run(tmp_path, released):
    """run("public", {"ex-3-1": source}, *arguments) runs a command in a release of chapter 3, so filled in."""

    def call(self_check, answers, *arguments):
        folder = tmp_path / "clean"
        shutil.copytree(released(self_check, "3"), folder)
        path = folder / "exercises" / "03_normalize.ipynb"
        content = json.loads(path.read_text(encoding="utf-8"))
        for cell in content["cells"]:
            cell["source"] = answers.get(cell["id"], cell["source"])
        path.write_text(json.dumps(content), encoding="utf-8")
        environment = {**os.environ, "PYTHONPATH": str(folder)}
        command = [sys.executable, "-m", "bncourse", *arguments]
        return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)

    return call


def statuses(done):
    assert done.stderr == ""
    return {row["exercise"]: (row["status"], row["points"]) for row in map(json.loads, done.stdout.splitlines())}


def test_a_release_checks_answers_as_the_course_does(run):
    done = run("public", {"ex-3-1": RIGHT}, "check", "3", "--json")
    assert statuses(done) == {
        "3.1": ("solved", 5), "3.2": ("unsolved", 0), "3.3": ("unsolved", 0), "3.4": ("unsolved", 0),
    }  # fmt: skip


def test_a_release_shows_what_fails_but_no_diagnosis(run):
    done = run("public", {"ex-3-1": WRONG}, "check", "3.1")
    assert done.returncode == 1
    assert "expected" in done.stdout
    assert "What happened" not in done.stdout


def test_without_checks_the_command_says_so_in_one_line(run):
    done = run("none", {"ex-3-1": RIGHT}, "check", "3.1")
    assert (done.returncode, done.stdout, done.stderr) == (2, "", NO_CHECKS)


def test_without_checks_the_notebook_says_so_in_one_line(released):
    code = "from bncourse import check\ntry:\n    check('3.1')\nexcept Exception as error:\n    print(error)"
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=released("none"), capture_output=True, text=True, check=True)
    assert done.stdout == NO_CHECKS


@pytest.mark.parametrize("self_check", release.SELF_CHECKS)
def test_lab_copies_the_notebooks_of_a_release(run, self_check):
    done = run(self_check, {}, "lab", "--no-open")
    assert done.returncode == 0
    assert done.stdout == "copied work/03_normalize.ipynb\n"


def test_the_classroom_workflow_writes_the_points_into_the_summary(tmp_path, run):
    run("public", {"ex-3-1": RIGHT}, "lab", "--no-open")
    folder = tmp_path / "clean"
    workflow = yaml.safe_load((folder / ".github" / "workflows" / "classroom.yml").read_text(encoding="utf-8"))
    step = workflow["jobs"]["check"]["steps"][-1]["run"]
    python = f"{os.path.dirname(sys.executable)}{os.pathsep}{os.environ['PATH']}"
    summary = tmp_path / "summary.md"
    environment = {**os.environ, "PATH": python, "PYTHONPATH": str(folder), "GITHUB_STEP_SUMMARY": str(summary)}
    subprocess.run(["bash", "-e", "-c", step], cwd=folder, env=environment, check=True)
    summary = summary.read_text(encoding="utf-8")
    assert summary.startswith("**5 of 23 points**\n")
    assert "| 3.1 | solved | 5 of 5 |" in summary
    assert "| 3.2 | unsolved | 0 of 7 |" in summary


# What it holds


def test_public_adds_the_checks_and_the_workflow_and_nothing_else(released):
    added = files_in(released("public")) - files_in(released("none"))
    checks = {f"tests/checks/test_{stem}.py" for stem in ALL}
    assert {name for name in added if "__pycache__" not in name} == checks | {
        ".github/workflows/classroom.yml", ".github/points.py",
    }  # fmt: skip


def test_no_solutions_mistakes_variants_grader_or_history(released):
    names = " ".join(files_in(released("public")))
    for word in ("solutions", "mistakes", "variants", "grading", "exports", "v_0", ".git/", "conftest"):
        assert word not in names


# Lines of any module and any training loop, which notebooks may show in code that they give.
IDIOMS = {
    "super().__init__()", "optimizer.zero_grad()", "optimizer.step()", "for _ in range(epochs):", "return model.eval()",
    "model.train()", "@staticmethod", "def backward(ctx, dy):", "def forward(self, x):",
}  # fmt: skip


@pytest.mark.parametrize("self_check", release.SELF_CHECKS)
def test_no_line_of_a_solution_is_in_a_notebook(released, self_check):
    cut = [
        line.strip()
        for stem in ALL
        for region in sources.REGION.findall((SOLUTIONS / f"{stem}.py").read_text(encoding="utf-8"))
        for line in region[1].splitlines()
    ]
    for path in released(self_check).rglob("*.ipynb"):
        text = "".join("".join(cell["source"]) for cell in notebooks.load(path)["cells"])
        assert not [line for line in cut if len(line) > 12 and line not in IDIOMS and line in text]


def test_notebooks_do_not_fetch_the_whole_course(released):
    text = "".join(path.read_text(encoding="utf-8") for path in released("public").rglob("*.ipynb"))
    assert text
    for word in ("clone", "github", "solutions/"):
        assert word not in text


def test_students_need_not_install_what_builds_the_course(released):
    text = (released("none") / "requirements.txt").read_text(encoding="utf-8")
    assert "numpy" in text and "jupyterlab" in text
    assert "jupyter-book" not in text and "playwright" not in text


def test_only_the_named_chapters_are_released(tmp_path):
    release.write(tmp_path / "out", "public", chapters=["3", "04_scale_shift"])
    names = files_in(tmp_path / "out")
    assert {name for name in names if name.startswith(("exercises", "tests"))} == {
        "exercises/03_normalize.ipynb", "tests/checks/test_03_normalize.py",
        "exercises/04_scale_shift.ipynb", "tests/checks/test_04_scale_shift.py",
    }  # fmt: skip


# It is refused if it would give an answer away


def refused(tmp_path, **options):
    """The one line that says why, after making sure that nothing was written."""
    with pytest.raises(CourseError) as stopped:
        release.write(tmp_path / "out", **({"chapters": ["3"]} | options))
    assert "\n" not in str(stopped.value)
    assert not (tmp_path / "out").exists()
    return str(stopped.value)


@pytest.fixture
def course(tmp_path, monkeypatch):
    """Copies of exercises/ and tests/checks/ that a test may spoil."""
    for name, folder in (("EXERCISES", EXERCISES), ("CHECKS", CHECKS)):
        shutil.copytree(folder, tmp_path / name.lower(), ignore=shutil.ignore_patterns("__pycache__", ".*"))
        monkeypatch.setattr(release, name, tmp_path / name.lower())
    return tmp_path


@pytest.mark.parametrize("answer", [RIGHT, WRONG, "def normalize(x, m, v, eps=1e-5):\n    return my_own_way(x, m, v)"])
def test_an_exercise_notebook_with_an_answer_is_refused(course, answer):
    path = course / "exercises" / "03_normalize.ipynb"
    content = json.loads(path.read_text(encoding="utf-8"))
    next(cell for cell in content["cells"] if cell["id"] == "ex-3-1")["source"] = answer
    path.write_text(json.dumps(content), encoding="utf-8")
    said = refused(course)
    assert "03_normalize.ipynb: cell 'ex-3-1' was edited and may hold an answer" in said
    assert "python -m bncourse notebooks 03_normalize" in said


def test_an_exercise_notebook_with_outputs_is_refused(course):
    path = course / "exercises" / "03_normalize.ipynb"
    content = json.loads(path.read_text(encoding="utf-8"))
    cell = next(cell for cell in content["cells"] if cell["id"] == "check-3-1")
    cell["outputs"] = [{"output_type": "stream", "name": "stdout", "text": "solved"}]
    path.write_text(json.dumps(content), encoding="utf-8")
    assert "has outputs" in refused(course)


def test_a_solution_notebook_in_place_of_the_exercise_is_refused(course):
    shutil.copy(SOLUTIONS / "03_normalize.ipynb", course / "exercises" / "03_normalize.ipynb")
    assert "03_normalize.ipynb" in refused(course)


def test_checks_that_hold_an_answer_are_refused(course):
    with open(course / "checks" / "test_03_normalize.py", "a", encoding="utf-8") as file:
        file.write("\n\ndef oracle(x, mean, var, eps):\n    return (x - mean) / np.sqrt(var + eps)\n")
    assert "tests/checks/test_03_normalize.py holds the answer to 3.1" in refused(course)


def test_what_is_not_shipped_is_not_searched(course):
    (course / "checks" / "test_03_normalize.py").write_text("# BEGIN SOLUTION\n")
    release.write(course / "out", "none", chapters=["4"])


def test_a_catalogue_of_mistakes_among_the_checks_is_refused(course):
    shutil.copy(MISTAKES / "03_normalize" / "3_1_normalize.py", course / "checks" / "test_03_normalize.py")
    # No checks are left then, so the file is found out before it is searched, or by the search.
    assert "03_normalize" in refused(course)


# What gives an answer away

REGION_3_3 = """\
channel_shape = (-1, *[1] * (x.ndim - 2))
mean = moving_mean.reshape(channel_shape)
var = moving_var.reshape(channel_shape)
return (x - mean) / np.sqrt(var + eps)
"""


def function(body, name="anything"):
    return f"def {name}(*args):\n" + "".join(f"    {line}\n" for line in body.splitlines())


@pytest.fixture(scope="module")
def known():
    return leaks.answers()


@pytest.mark.parametrize(
    ("exercise", "text"),
    [
        ("3.1", RIGHT),
        ("3.1", function("return ((x-mean)\n    /np.sqrt(var   +eps))  # as on the page")),
        ("3.1", f'"""Notes.\n\n{RIGHT}\n"""'),
        ("3.1", "# return (x - mean) / np.sqrt(var + eps)"),
        ("3.1", function("def inner():\n    if True:\n        return (x - mean) / np.sqrt(var + eps)")),
        ("4.2", "hint = 'return np.sqrt(var + eps), mean'"),
    ],
)
def test_an_answer_is_found_whatever_its_layout(known, exercise, text):
    assert leaks.leak("a.py", text.encode(), known) == f"a.py holds the answer to {exercise}"


def test_an_answer_of_several_statements_is_found_under_other_names(known):
    body = REGION_3_3.replace("mean", "mu").replace("channel_shape", "s").replace("x", "values").replace("var", "v")
    assert leaks.leak("a.py", function(body).encode(), known) == "a.py holds the answer to 3.3"


def test_an_answer_is_found_in_text_and_in_every_cell(known):
    assert leaks.leak("README.md", RIGHT.encode(), known) == "README.md holds the answer to 3.1"
    cell = {"cell_type": "markdown", "id": "a", "source": ["Do it so:\n", "\n", "    " + RIGHT.splitlines()[1]]}
    content = json.dumps({"cells": [cell]}).encode()
    assert leaks.leak("a.ipynb", content, known) == "a.ipynb, cell a, holds the answer to 3.1"


@pytest.mark.parametrize("mark", ["# BEGIN SOLUTION", "    ### END SOLUTION  "])
def test_a_solution_mark_is_found(known, mark):
    assert "mark BEGIN SOLUTION" in leaks.leak("a.py", f"x = 1\n{mark}\n".encode(), known)


def test_every_source_solution_and_catalogue_gives_answers_away(known):
    for folder in (SOLUTIONS, MISTAKES):
        for path in [*folder.rglob("*.py"), *folder.rglob("*.ipynb")]:
            assert leaks.leak(path.name, path.read_bytes(), known), path


def test_every_exercise_has_a_known_answer(known):
    from bncourse.course import curriculum

    assert {answer.exercise for answer in known} == set(curriculum.exercises())


@pytest.mark.parametrize("text", ["return x", function("y = x.mean()\nreturn y"), "def broken(:", "mean = 3"])
def test_ordinary_code_is_no_answer(known, text):
    assert leaks.leak("a.py", text.encode(), known) is None


# Where it is written


def test_a_folder_with_files_of_somebodys_own_is_left_alone(tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.txt").write_text("mine")
    with pytest.raises(CourseError, match="is not empty and no earlier release"):
        release.write(tmp_path / "out", "none", ["3"])
    assert files_in(tmp_path / "out") == {"thesis.txt"}


def test_a_file_is_no_folder(tmp_path):
    (tmp_path / "out").write_text("mine")
    with pytest.raises(CourseError, match="is a file"):
        release.write(tmp_path / "out", "none", ["3"])
    assert (tmp_path / "out").read_text() == "mine"


def test_an_earlier_release_is_replaced_and_loses_what_the_new_one_lacks(tmp_path):
    out = tmp_path / "out"
    release.write(out, "public", ["3", "4"])
    (out / "notes.txt").write_text("mine")
    release.write(out, "none", ["3"])
    names = files_in(out)
    assert "notes.txt" in names
    assert not [name for name in names if "04_scale_shift" in name or name.startswith("tests")]


def test_a_changed_file_of_an_earlier_release_is_not_overwritten(tmp_path):
    out = tmp_path / "out"
    release.write(out, "public", ["3"])
    mine = out / "exercises" / "03_normalize.ipynb"
    mine.write_text("my answers")
    with pytest.raises(CourseError, match="03_normalize.ipynb was changed since it was released"):
        release.write(out, "none", ["4"])
    assert mine.read_text() == "my answers"
    assert "tests/checks/test_03_normalize.py" in files_in(out)


def test_a_forged_list_of_files_deletes_nothing_outside(tmp_path):
    out, precious = tmp_path / "out", tmp_path / "precious.txt"
    release.write(out, "none", ["3"])
    precious.write_text("mine")
    content = json.loads((out / "release.json").read_text())
    content["files"]["../precious.txt"] = release._digest(b"mine")
    (out / "release.json").write_text(json.dumps(content))
    release.write(out, "none", ["3"])
    assert precious.read_text() == "mine"


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"self_check": "all"}, "unknown self-check 'all'; there are public and none"),
        ({"chapters": ["99"]}, "unknown exercise or chapter '99'; the chapters are 01_"),
    ],
)
def test_wrong_use_is_told_in_one_line(tmp_path, options, says):
    assert says in refused(tmp_path, **options)


def test_the_course_itself_is_never_the_target():
    with pytest.raises(CourseError, match="is not empty and no earlier release"):
        release.write(ROOT, "none", ["3"])
