"""class.html: what an instructor wants to know of a whole class, on one page."""

import ast
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from statistics import mean, median

from bncourse.checking.status import Status
from bncourse.course import curriculum
from bncourse.course.files import write_whole
from bncourse.course.language import ENGLISH, Translate
from bncourse.grading.reports.feedback import slug
from bncourse.grading.reports.rendering import one_line, render, words
from bncourse.grading.rows import ExerciseRow, Row, by_name, full_marks, full_points

MOST_CHECKS = 20
MOST_LINES = 3
Answers = Mapping[str, Sequence[ExerciseRow]]  # by exercise


@dataclass
class Standing:
    """How the answers of a class to one exercise stand; `share` is the mean share of its points."""

    exercise: str
    points: int
    share: float
    counts: Counter[Status]
    bonus: bool


@dataclass
class WrongAnswers:
    """The wrong answers to one exercise: how many there are, how many no known mistake explains, and those it does.

    A mistake is (sentence, how many made it, how many of them others too); the commonest comes first.
    """

    exercise: str
    count: int
    unexplained: int
    mistakes: list[tuple[str, int, int]]


def write(rows: Iterable[Row], path: Path, language: str = ENGLISH) -> None:
    """Write class.html, in a language, for the rows of all submissions; it links to feedback/ beside it."""
    write_whole(path, render("class.html", language, **content(by_name(rows), language)))


def content(rows: Sequence[Row], language: str = ENGLISH) -> dict[str, object]:
    """What the template shows, by name; the sentences of checks are left for it to translate."""
    _ = words(language)
    full = full_points(rows)
    graded = [row for row in rows if row.status == "graded"]
    answers: dict[str, list[ExerciseRow]] = {exercise: [] for exercise in full}
    for exercise in (exercise for row in graded for exercise in row.exercises):
        answers[exercise.exercise].append(exercise)
    standings = [_standing(name, full[name], answers[name], len(graded)) for name in full if graded]
    counted = [standing for standing in standings if not standing.bonus]  # many leave a bonus out
    wrong = [_wrong_answers(name, answers[name]) for name in full if _attempts(answers[name])]
    mistakes = [(count, answers.exercise, sentence) for answers in wrong for sentence, count, _ in answers.mistakes]
    namesakes = {name for name, count in Counter(row.name for row in rows).items() if count > 1}
    return {
        "date": datetime.now().strftime(_("%d %B %Y, %H:%M")).lstrip("0"),
        "statuses": Status, "full": full, "total": full_marks(rows), "graded": len(graded),
        "points": [row.points for row in graded], "mean": mean, "median": median,
        "histogram": _histogram(graded, full_marks(rows)), "standings": standings,
        "hardest": min(counted, key=lambda standing: standing.share, default=None),
        "nobody": [standing.exercise for standing in counted if not standing.counts[Status.SOLVED]],
        "wrong": wrong, "checks": _failed_checks(answers),
        "commonest": max(mistakes, key=lambda mistake: mistake[0], default=None),
        "most": max([1, *(count for count, *_ in mistakes), *(answers.unexplained for answers in wrong)]),
        "rows": [_student(row, namesakes) | _points(row, full) for row in rows],
        "human": [_student(row, namesakes) | _review(row, _) for row in rows if row.reason or row.review],
    }  # fmt: skip


def _histogram(graded: Iterable[Row], total: int) -> list[int]:
    """How many students have up to 10 % of all points, up to 20 % and so on."""
    counts = [0] * 10
    for row in graded:
        counts[min(10 * row.points // total, 9) if total else 0] += 1
    return counts


def _standing(name: str, points: int, answers: Sequence[ExerciseRow], students: int) -> Standing:
    counts = Counter(answer.status for answer in answers)
    counts[Status.MISSING] += students - len(answers)
    share = sum(answer.points for answer in answers) / (points * students)
    return Standing(name, points, share, counts, any(answer.bonus for answer in answers))


def _attempts(answers: Iterable[ExerciseRow]) -> list[ExerciseRow]:
    """The answers that are there and wrong."""
    return [answer for answer in answers if answer.status.is_attempt]


def _wrong_answers(name: str, answers: Iterable[ExerciseRow]) -> WrongAnswers:
    wrong = _attempts(answers)
    more = Counter(answer.diagnosis for answer in wrong if not answer.explains_all)
    counts = Counter(answer.diagnosis for answer in wrong).most_common()
    mistakes = [(sentence, count, more[sentence]) for sentence, count in counts if sentence]
    return WrongAnswers(name, len(wrong), sum(not answer.diagnosis for answer in wrong), mistakes)


def _failed_checks(answers: Answers) -> list[dict[str, object]]:
    """The checks that most wrong answers failed, each in the sentence that the learner reads."""
    counts = Counter(
        (name, check) for name in answers for answer in _attempts(answers[name]) for check in answer.failed_checks
    )
    return [
        {"exercise": name, "sentence": _sentence(name, check), "count": count}
        for (name, check), count in counts.most_common(MOST_CHECKS)
    ]


def _sentence(exercise_id: str, check: str) -> str:
    exercise = curriculum.exercises().get(exercise_id)
    docstrings = _docstrings(exercise.check_file) if exercise else {}
    return docstrings.get(check) or check.removeprefix("test_").replace("_", " ")


@cache
def _docstrings(path: Path) -> dict[str, str]:
    """Check -> its docstring, read without importing the file."""
    checks = [node for node in ast.parse(path.read_text(encoding="utf-8")).body if isinstance(node, ast.FunctionDef)]
    return {check.name: " ".join((ast.get_docstring(check) or "").split()) for check in checks}


def _student(row: Row, namesakes: set[str]) -> dict[str, object]:
    """How a student is linked: by name, and by the key too where two have one name."""
    name = one_line(row.name, 50)
    if row.name in namesakes and row.student != row.name:
        name += f" ({one_line(row.student, 50)})"
    return {"name": name, "slug": slug(row.student)}


def _review(row: Row, _: Translate) -> dict[str, object]:
    lines = [_(one_line(line, 120)) for line in [row.reason, *row.review] if line]
    if len(lines) > MOST_LINES:
        more = _("and {more} more; gradebook.csv has them").format(more=len(lines) - MOST_LINES + 1)
        lines = [*lines[: MOST_LINES - 1], more]
    return {"lines": lines}


def _points(row: Row, full: Iterable[str]) -> dict[str, object]:
    """One line of the big table: (status, points) of every exercise."""
    answers = {exercise.exercise: (exercise.status, exercise.points) for exercise in row.exercises}
    return {"points": row.points, "cells": [answers.get(name, (Status.MISSING, 0)) for name in full]}
