"""A row is graded again once anything has changed that decides its points, and only then."""

import shutil

import pytest

from bncourse.course.paths import ROOT, SOLUTIONS
from bncourse.grading import digest, run
from bncourse.grading.grade import Options
from bncourse.grading.sandbox.launch import Limits


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    """A copy of what decides points, and of a page of the book, which does not."""
    folder = tmp_path_factory.mktemp("course")
    for name in ("bncourse", "tests/checks", "tests/mistakes"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "book").mkdir()
    shutil.copy(ROOT / "book" / "instructors.md", folder / "book")
    return folder


@pytest.fixture
def course(original, tmp_path):
    return shutil.copytree(original, tmp_path / "course")


@pytest.fixture(autouse=True)
def forgotten():
    """A digest is computed once a run: here the course changes between runs."""
    yield
    forget()


def forget():
    digest.grading_digest.cache_clear()
    digest.environment.cache_clear()


def edit(path, more="\n# a comment\n"):
    path.write_text(path.read_text(encoding="utf-8") + more, encoding="utf-8")


THRESHOLDS = "\nNEEDED = (0.1, 0.2, 0.3, 0.4, 0.5)\n"  # of 15.1
DECIDING = {
    "bncourse/course/capstone.py": THRESHOLDS,
    "bncourse/grading/sandbox/codec.py": "\n# a comment\n",
    "bncourse/course/cells.py": "\n# a comment\n",
    "tests/checks/test_03_normalize.py": "\n# a comment\n",
    "tests/mistakes/03_normalize/3_1_normalize.py": "\n# a comment\n",
}


@pytest.mark.parametrize("name", DECIDING)
def test_whatever_decides_points_changes_the_digest(course, original, name):
    edit(course / name, DECIDING[name])
    assert digest.course_digest(course) != digest.course_digest(original)


@pytest.mark.parametrize("name", ["tests/checks/data.csv", "tests/mistakes/new/1_1_new.py", "bncourse/new/module.py"])
def test_a_new_file_beside_the_checks_changes_the_digest(course, original, name):
    (course / name).parent.mkdir(exist_ok=True)
    (course / name).write_text("1")
    assert digest.course_digest(course) != digest.course_digest(original)


def test_a_renamed_file_changes_the_digest(course, original):
    path = course / "tests" / "checks" / "test_03_normalize.py"
    path.rename(path.with_name("test_16_normalize.py"))
    assert digest.course_digest(course) != digest.course_digest(original)


def test_what_decides_nothing_does_not_change_the_digest(course, original):
    edit(course / "book" / "instructors.md", "\n<!-- a comment -->\n")
    edit(course / "bncourse" / "grading" / "reports" / "templates" / "style.css", "\n/* a comment */\n")
    (course / "bncourse" / "__pycache__").mkdir()
    (course / "bncourse" / "__pycache__" / "check.py").write_text("")
    assert digest.course_digest(course) == digest.course_digest(original)


OTHERS = [
    Options(exercises=("3.1",)),
    Options(Limits(check=5)),
    Options(Limits(memory=4)),
    Options(Limits(submission=9)),
]


@pytest.mark.parametrize("options", OTHERS)
def test_exercises_and_limits_belong_to_the_digest(options):
    assert options.digest != Options().digest


def test_folders_and_the_duty_of_a_sandbox_do_not():
    assert Options(hidden=("/somewhere",), require_sandbox=True).digest == Options().digest


@pytest.mark.parametrize("library", ["numpy", "torch", "hypothesis", "pytest"])
def test_versions_of_libraries_belong_to_the_digest(library, monkeypatch):
    before = Options().digest
    versions = digest.metadata.version
    monkeypatch.setattr(digest.metadata, "version", lambda name: "0.1" if name == library else versions(name))
    forget()
    assert Options().digest != before


def test_the_minor_version_of_python_belongs_to_the_digest(monkeypatch):
    before = Options().digest
    monkeypatch.setattr(digest.sys, "version_info", (3, 99, 0))
    forget()
    assert Options().digest != before


def test_a_threshold_that_was_changed_has_every_row_graded_again(course, tmp_path, monkeypatch):
    monkeypatch.setattr(digest, "ROOT", course)
    forget()
    (tmp_path / "class" / "ada").mkdir(parents=True)
    shutil.copy(SOLUTIONS / "03_normalize.ipynb", tmp_path / "class" / "ada")
    options = Options(exercises=("3.1",))
    written = []
    for more in ("", "", THRESHOLDS):
        edit(course / "bncourse" / "course" / "capstone.py", more)
        forget()
        rows = run.grade(tmp_path / "class", tmp_path / "out", options)
        written.append((tmp_path / "out" / "results.jsonl").read_text(encoding="utf-8").count("\n"))
    assert written == [1, 1, 2], "the second run has nothing to do, the third grades again"
    assert [row.checks for row in rows] == [options.digest]
