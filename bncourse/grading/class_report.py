"""class.html: what an instructor wants to know of a whole class, on one page."""

import ast
from collections import Counter
from datetime import datetime
from functools import cache
from statistics import mean, median

from bncourse import curriculum
from bncourse.checking.terminal import SAID
from bncourse.grading import class_figures
from bncourse.grading.feedback import slug
from bncourse.grading.gradebook import full_points
from bncourse.grading.pages import one_line, put, render, title_of

ATTEMPTED = ("failed", "error")  # there was an answer, and it was not right
MOST_CHECKS = 20
MOST_LINES = 3


def write(rows, path):
    """Write class.html for the rows of all submissions; it links to feedback/ beside it."""
    rows = sorted(rows, key=lambda row: (row["name"].casefold(), row["student"]))
    put(path, render("class.html", **content(rows)))


def content(rows):
    """What the template shows, by name."""
    full = full_points(rows)
    graded = [row for row in rows if row["status"] == "graded"]
    answers = {id: [] for id in full}
    for row in graded:
        for one in row["exercises"]:
            answers[one["exercise"]].append(one)
    exercises = [_exercise(id, full[id], found, len(graded)) for id, found in answers.items()] if graded else []
    return {
        "date": f"{datetime.now():%d %B %Y, %H:%M}".lstrip("0"),
        "full": full, "total": sum(full.values()), "said": SAID, "exercises": exercises,
        "hardest": min(exercises, key=lambda one: one["share"], default=None),
        "nobody": [one for one in exercises if not one["counts"]["solved"]],
        **_totals(rows, graded), **_figures(graded, full, exercises),
        **_wrong_answers(answers), **_students(rows, full),
    }  # fmt: skip


def _totals(rows, graded):
    points = [row["points"] for row in graded]
    middle = {"mean": mean(points), "median": median(points)} if points else {}
    return {"graded": len(graded), "unreadable": len(rows) - len(graded), **middle}


def _figures(graded, full, exercises):
    if not exercises:
        return {"figures": {}}
    percents = [100 * row["points"] / sum(full.values()) for row in graded]
    shares, statuses = class_figures.shares(exercises), class_figures.statuses(exercises)
    return {"figures": {"totals": class_figures.histogram(percents), "shares": shares, "statuses": statuses}}


def _wrong_answers(answers):
    wrong = {id: [one for one in found if one["status"] in ATTEMPTED] for id, found in answers.items()}
    misconceptions = [{"id": id, "title": title_of(id), **_mistakes(found)} for id, found in wrong.items() if found]
    known = [kind | {"id": one["id"], "title": one["title"]} for one in misconceptions for kind in one["kinds"]]
    commonest = max(known, key=lambda kind: kind["count"], default=None)
    most = max((count for one in misconceptions for count in one["all_counts"]), default=1)
    return {"misconceptions": misconceptions, "commonest": commonest, "most": most, "checks": _checks(wrong)}


def _students(rows, full):
    namesakes = {name for name, count in Counter(row["name"] for row in rows).items() if count > 1}
    human = [_for_a_human(row, namesakes) for row in rows if row["reason"] or row["review"]]
    return {"rows": [_line(row, full, namesakes) for row in rows], "human": human}


def _exercise(id, points, found, students):
    counts = Counter(one["status"] for one in found)
    counts["missing"] += students - len(found)
    share = sum(one["points"] for one in found) / (points * students)
    return {"id": id, "title": title_of(id), "share": share, "points": points, "counts": counts}


def _mistakes(wrong):
    """The known mistakes by number of students, and how many wrong answers no known mistake fits."""
    counts = Counter(one["diagnosis"] for one in wrong)
    more = Counter(one["diagnosis"] for one in wrong if not one["explains_all"])
    unknown = counts.pop(None, 0)
    kinds = [{"words": words, "count": count, "more": more[words]} for words, count in counts.most_common()]
    return {"kinds": kinds, "unknown": unknown, "wrong": len(wrong), "all_counts": [*counts.values(), unknown]}


def _checks(wrong):
    """The checks that most wrong answers failed, each in the words that the learner reads."""
    counts = Counter((id, check) for id, found in wrong.items() for one in found for check in one["failed_checks"])
    return [
        {"id": id, "words": _words(id).get(check) or check.removeprefix("test_").replace("_", " "), "count": count}
        for (id, check), count in counts.most_common(MOST_CHECKS)
    ]


def _words(exercise_id):
    exercise = curriculum.exercises().get(exercise_id)
    return _docstrings(exercise.check_file) if exercise else {}


@cache
def _docstrings(path):
    """Check -> its docstring, read without importing the file."""
    checks = [node for node in ast.parse(path.read_text(encoding="utf-8")).body if isinstance(node, ast.FunctionDef)]
    return {check.name: " ".join((ast.get_docstring(check) or "").split()) for check in checks}


def _who(row, namesakes):
    """How a student is linked: by name, and by the key too where two have one name."""
    name = one_line(row["name"], 50)
    if row["name"] in namesakes and row["student"] != row["name"]:
        name += f" ({one_line(row['student'], 50)})"
    return {"name": name, "slug": slug(row["student"])}


def _for_a_human(row, namesakes):
    lines = [one_line(line, 120) for line in [row["reason"], *row["review"]] if line]
    if len(lines) > MOST_LINES:
        lines = [*lines[: MOST_LINES - 1], f"and {len(lines) - MOST_LINES + 1} more; gradebook.csv has them"]
    return _who(row, namesakes) | {"lines": lines}


def _line(row, full, namesakes):
    """One row of the big table: (status, points) of every exercise."""
    found = {one["exercise"]: (one["status"], one["points"]) for one in row["exercises"]}
    cells = [found.get(id, ("missing", 0)) for id in full]
    return _who(row, namesakes) | {"points": row["points"], "cells": cells}
