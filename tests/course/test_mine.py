"""`mine("3.1")`: the learner's own answer if it is right, else the reference, with a note that says so."""

import numpy as np
import pytest

from bncourse import mine
from bncourse.checking import mine as module
from bncourse.course.errors import CourseError

RIGHT = "def normalize(x, mean, var, eps=1e-5):\n    'My own.'\n    return (x - mean) / (var + eps) ** 0.5"
WRONG = "def normalize(x, mean, var, eps=1e-5):\n    'My own.'\n    return (x - mean) / (var + eps)"


@pytest.fixture
def work(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "WORK", tmp_path)
    return tmp_path


def test_a_right_answer_is_carried_forward(work, notebook, capsys):
    notebook("03_normalize", {"ex-3-1": RIGHT})
    assert mine("3.1").__doc__ == "My own."
    assert "3.1: your own answer, from" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("cells", "why"),
    [({"ex-3-1": WRONG}, "has 0 of 5 points so far"), ({}, "has 0 of 5 points so far"), ({"ex-3-1": None}, "0 of 5")],
)
def test_otherwise_the_reference_stands_in_and_a_note_says_why(work, notebook, capsys, cells, why):
    notebook("03_normalize", cells)
    assert mine("3.1")(np.array([[4.0]]), np.array([2.0]), np.array([4.0]), 0.0) == 1.0
    said = capsys.readouterr().out
    assert "3.1: the reference solution, because" in said
    assert why in said


def test_without_a_notebook_or_with_a_broken_one_the_reference_stands_in(work, capsys):
    mine("3.1")
    (work / "03_normalize.ipynb").write_text("{")
    mine("3.1")
    said = capsys.readouterr().out
    assert "is not there" in said
    assert "breaks off or is damaged" in said


def test_a_page_always_shows_the_reference(work, notebook, monkeypatch, capsys):
    monkeypatch.setenv("BNCOURSE_PAGE", "1")
    notebook("03_normalize", {"ex-3-1": RIGHT})
    assert mine("3.1").__doc__ != "My own."
    assert capsys.readouterr().out == ""


def test_without_solutions_one_line_says_so(work, monkeypatch, tmp_path):
    monkeypatch.setattr(module, "SOLUTIONS", tmp_path / "none")
    with pytest.raises(CourseError, match="3.1 is not solved yet, and this copy of the course holds no solutions"):
        mine("3.1")


@pytest.mark.parametrize("name", ["3", "3.9", "nothing"])
def test_only_one_exercise_can_be_mine(work, name):
    with pytest.raises(CourseError):
        mine(name)
