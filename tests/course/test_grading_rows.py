"""A line of results.jsonl: programs rely on its fields, and what is no such line is none."""

import json

import pytest

from bncourse.checking.status import Status
from bncourse.grading.rows import ExerciseRow, Row, by_name, full_points

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
             "explains_all": True},
            {"exercise": "3.10", "status": "failed", "points": 2, "max": 7, "failed_checks": ["test_eps"],
             "diagnosis": "ε stands outside the root.", "explains_all": False},
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
