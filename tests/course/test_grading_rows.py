"""A line of results.jsonl: programs rely on its fields, and what is no such line is none."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bncourse.checking.status import Status
from bncourse.grading.rows import ExerciseRow, Row, by_name, full_marks, full_points

SOLVED = ExerciseRow("3.1", Status.SOLVED, 5, 5, [], None, True)
WRONG = ExerciseRow("3.10", Status.FAILED, 2, 7, ["test_eps"], "ε stands outside the root.", False)
ROW = Row(
    "ada", "Ada", "ada/03.ipynb", {"canvas": "7"}, "d1", "d2", "graded", "", [SOLVED, WRONG], ["late"], ["eval"], 0.5
)


def test_a_line_has_the_fields_that_programs_read():
    assert json.loads(ROW.to_json()) == {
        "student": "ada", "name": "Ada", "source": "ada/03.ipynb", "ids": {"canvas": "7"}, "digest": "d1",
        "checks": "d2", "status": "graded", "reason": "", "points": 7, "max": 12, "notes": ["late"],
        "review": ["eval"], "seconds": 0.5, "assignment": "",
        "exercises": [
            {"exercise": "3.1", "status": "solved", "points": 5, "max": 5, "failed_checks": [], "diagnosis": None,
             "explains_all": True, "bonus": False},
            {"exercise": "3.10", "status": "failed", "points": 2, "max": 7, "failed_checks": ["test_eps"],
             "diagnosis": "ε stands outside the root.", "explains_all": False, "bonus": False},
        ],
    }  # fmt: skip
    assert "\n" not in ROW.to_json() and "ε" in ROW.to_json()


def test_a_row_comes_back_as_it_was_written():
    back = Row.from_json(ROW.to_json())
    assert back == ROW
    assert back.exercises[0].status is Status.SOLVED


WHOLE = json.loads(ROW.to_json())
DAMAGED = [
    "", "null", "7", "[]", '"text"', "{}", ROW.to_json()[:-1], json.dumps(WHOLE | {"another": 1}),
    json.dumps(WHOLE | {"exercises": None}), json.dumps(WHOLE | {"exercises": ["3.1"]}),
    json.dumps(WHOLE | {"exercises": [WHOLE["exercises"][0] | {"status": "perfect"}]}),
    json.dumps({name: value for name, value in WHOLE.items() if name != "digest"}),
]  # fmt: skip


@pytest.mark.parametrize("line", DAMAGED)
def test_what_is_no_row_is_refused(line):
    with pytest.raises((ValueError, TypeError, KeyError)):
        Row.from_json(line)


def test_points_are_those_of_the_exercises():
    forged = Row.from_json(json.dumps(WHOLE | {"points": 100, "max": 100}))
    assert (forged.points, forged.max) == (7, 12)


def test_rows_stand_by_name_and_exercises_in_the_order_of_the_curriculum():
    zoe, adam = (Row(name, name, "", {}, "", "", "graded", exercises=[WRONG, SOLVED]) for name in ("Zoe", "adam"))
    assert by_name([zoe, adam, ROW]) == [ROW, adam, zoe]
    assert list(full_points([zoe, ROW]).items()) == [("3.1", 5), ("3.10", 7)]


def with_bonus(*points):
    """A row of 3.1 and 3.2, a bonus 3.3, and 4.1, with so many points of 5 each."""
    names = ("3.1", "3.2", "3.3", "4.1")
    exercises = [
        ExerciseRow(name, Status.FAILED, got, 5, [], None, True, name == "3.3") for name, got in zip(names, points)
    ]
    return Row("ada", "Ada", "", {}, "", "", "graded", exercises=exercises)


@given(st.lists(st.integers(0, 5), min_size=4, max_size=4))
def test_a_bonus_makes_up_for_points_lost_in_its_chapter_and_lowers_no_share(points):
    first, second, bonus, other = points
    row, without = with_bonus(*points), with_bonus(first, second, 0, other)
    assert row.max == without.max == full_marks([row]) == 15
    assert row.points == min(first + second + bonus, 10) + other
    assert without.points <= row.points <= row.max


def test_a_bonus_that_is_all_there_is_counts_like_any_other():
    row = Row("ada", "Ada", "", {}, "", "", "graded", exercises=[with_bonus(0, 0, 3, 0).exercises[2]])
    assert (row.points, row.max) == (3, 5)
