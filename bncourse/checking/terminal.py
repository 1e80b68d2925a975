"""The check command: which notebooks, which exercises, and the progress table."""

import json
from collections.abc import Sequence
from itertools import groupby
from operator import attrgetter
from pathlib import Path

from rich.console import Console
from rich.table import Column, Table

from bncourse.checking.attempts import hints_earned
from bncourse.checking.judging import Result, judge_notebook, unavailable
from bncourse.checking.learner import AnswerCrashed, AnswerMissing
from bncourse.checking.report import as_text, report
from bncourse.checking.status import Status
from bncourse.checking.watching import cell_limit
from bncourse.course import curriculum, notebooks
from bncourse.course.curriculum import Exercise
from bncourse.course.errors import CourseError
from bncourse.course.language import Translate, chosen, of_checks, translator
from bncourse.course.paths import EXERCISES, WORK, shown

CHAPTER = attrgetter("chapter")


def check(names: Sequence[str], files: Sequence[Path], as_json: bool) -> int:
    """Check the named exercises and chapters (or all) in these notebooks (or all); the exit status."""
    named = {exercise.id for name in names for exercise in curriculum.find(name)}
    exercises = [exercise for exercise in curriculum.exercises().values() if exercise.id in named or not names]
    results = _in_files(files, exercises, bool(names)) if files else _in_folder(exercises)
    if as_json:
        for result in results:
            print(json.dumps(result.as_json(), ensure_ascii=False))
    else:
        _print(results)
    return 0 if all(result.status == Status.SOLVED for result in _counted(results)) else 1


def _in_files(files: Sequence[Path], exercises: Sequence[Exercise], some_named: bool) -> list[Result]:
    files_by_chapter: dict[str, Path] = {}
    for path in files:
        chapter = str(notebooks.read(path).chapter)
        if chapter in files_by_chapter:
            other = files_by_chapter[chapter]
            raise CourseError(f"{shown(other)} and {shown(path)} are both of chapter {chapter}; name one")
        files_by_chapter[chapter] = path
    for exercise in exercises:
        if some_named and exercise.chapter not in files_by_chapter:
            have = ", ".join(f"{shown(path)} is of chapter {chapter}" for chapter, path in files_by_chapter.items())
            raise CourseError(f"exercise {exercise.id} belongs to {exercise.chapter}.ipynb, but {have}")
    results: list[Result] = []
    for chapter, of_chapter in groupby(exercises, CHAPTER):
        if chapter in files_by_chapter:
            results += judge_notebook(notebooks.execute(files_by_chapter[chapter], cell_limit), [*of_chapter]).values()
    return results


def _in_folder(exercises: Sequence[Exercise]) -> list[Result]:
    folder = WORK if WORK.is_dir() else EXERCISES
    results: list[Result] = []
    for chapter, group in groupby(exercises, CHAPTER):
        of_chapter = list(group)
        path = folder / f"{chapter}.ipynb"
        if not path.exists():
            missing = AnswerMissing(f"{shown(path)} is not there; make lab copies it")
            results += [unavailable(exercise, missing) for exercise in of_chapter]
            continue
        try:
            results += judge_notebook(notebooks.execute(path, cell_limit), of_chapter).values()
        except CourseError as error:
            results += [unavailable(exercise, AnswerCrashed(error)) for exercise in of_chapter]
    return results


def _print(results: Sequence[Result]) -> None:
    console, language = Console(highlight=False), chosen()
    _ = translator(language, "checks/report")
    for result in results:
        if result.status.is_attempt:
            console.print(as_text(report(result, hints_earned(result), language)), markup=False, soft_wrap=True)
            console.print()
    heads = _("exercise"), _("status"), Column(_("points"), justify="right"), ""
    table = Table(*heads, box=None, pad_edge=False)
    for result in results:
        points = _("{points} of {max}").format(points=result.points, max=result.max)
        remark = _remark(result, _, of_checks(language, result.exercise.chapter))
        table.add_row(result.exercise.id, _(result.status.words), points, remark)
    console.print(table)
    console.print()
    for chapter, group in groupby(results, attrgetter("exercise.chapter")):
        console.print(_progress(chapter, list(group), _), markup=False)


def _remark(result: Result, _: Translate, of_chapter: Translate) -> str:
    note = str(result.failures[0].error) if result.status == Status.MISSING else result.note
    return "; ".join(filter(None, [_("bonus") if result.exercise.bonus else "", of_chapter(note)]))


def _counted(results: Sequence[Result]) -> Sequence[Result]:
    return [result for result in results if not result.exercise.bonus] or results


def _progress(chapter: str, results: Sequence[Result], _: Translate, width: int = 20) -> str:
    full = sum(result.max for result in _counted(results))
    points = min(sum(result.points for result in results), full)
    done = width * points // full
    counted = _("{points} of {full} points").format(points=points, full=full)
    return f"{chapter:<24} {'█' * done}{'░' * (width - done)} {counted}"
