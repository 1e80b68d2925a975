"""The check command: which notebooks, which exercises, and the progress table."""

import json

from rich.console import Console
from rich.table import Table

from bncourse import curriculum, notebooks
from bncourse.checking import registry
from bncourse.checking.files import judge_notebook, lost
from bncourse.checking.learner import AnswerCrashed, AnswerMissing
from bncourse.checking.report import as_text, report
from bncourse.checking.tries import hints_earned
from bncourse.errors import CourseError
from bncourse.paths import EXERCISES, WORK, shown


def check(names, files, as_json):
    """Check the named exercises and chapters (or all) in the given notebooks (or all); the exit status."""
    named = {exercise.id: exercise for name in names for exercise in curriculum.find(name)}
    wanted = [one for id, one in curriculum.exercises().items() if id in named or not names]
    results = _in_files(files, wanted, bool(names)) if files else _in_folder(wanted)
    if as_json:
        for result in results:
            print(json.dumps(result.as_json(), ensure_ascii=False))
    else:
        _print(results)
    return 0 if all(result.status == "solved" for result in results) else 1


def _in_files(files, wanted, some_named):
    by_chapter = {}
    for path in files:
        chapter = notebooks.chapter_of(path, notebooks.load(path))
        if chapter in by_chapter:
            raise CourseError(f"{shown(by_chapter[chapter])} and {shown(path)} are both of chapter {chapter}; name one")
        by_chapter[chapter] = path
    for exercise in wanted:
        if some_named and exercise.chapter not in by_chapter:
            have = ", ".join(f"{shown(path)} is of chapter {chapter}" for chapter, path in by_chapter.items())
            raise CourseError(f"exercise {exercise.id} belongs to {exercise.chapter}.ipynb, but {have}")
    results = []
    for chapter, path in by_chapter.items():
        of_chapter = [exercise for exercise in wanted if exercise.chapter == chapter]
        if of_chapter:
            results += judge_notebook(notebooks.run(path), of_chapter).values()
    return sorted(results, key=lambda result: list(curriculum.exercises()).index(result.exercise.id))


def _in_folder(wanted):
    folder = WORK if WORK.is_dir() else EXERCISES
    results = []
    for chapter in dict.fromkeys(exercise.chapter for exercise in wanted):
        of_chapter = [exercise for exercise in wanted if exercise.chapter == chapter]
        path = folder / f"{chapter}.ipynb"
        if not path.exists():
            results += [
                lost(exercise, AnswerMissing(f"{shown(path)} is not there; make lab copies it"))
                for exercise in of_chapter
            ]
            continue
        try:
            results += judge_notebook(notebooks.run(path), of_chapter).values()
        except CourseError as error:
            results += [lost(exercise, AnswerCrashed(error)) for exercise in of_chapter]
    return results


def _print(results):
    console = Console(highlight=False)
    for result in results:
        hints = registry.guides.get(result.exercise.id, registry.Guide()).hints
        if result.status in ("failed", "error"):
            console.print(as_text(report(result, hints_earned(result, hints))), markup=False, soft_wrap=True)
            console.print()
    table = Table(box=None, pad_edge=False)
    for heading, justify in (("exercise", "left"), ("status", "left"), ("points", "right"), ("", "left")):
        table.add_column(heading, justify=justify)
    for result in results:
        note = str(result.failures[0].error) if result.status == "missing" else ""
        table.add_row(result.exercise.id, SAID[result.status], f"{result.points} of {result.max}", note)
    console.print(table)
    console.print()
    for chapter in dict.fromkeys(result.exercise.chapter for result in results):
        of_chapter = [result for result in results if result.exercise.chapter == chapter]
        console.print(_progress(chapter, of_chapter), markup=False)


SAID = {
    "solved": "solved",
    "failed": "not right yet",
    "unsolved": "not solved yet",
    "missing": "no answer found",
    "error": "stops with an error",
}


def _progress(name, results, width=20):
    points, full = sum(result.points for result in results), sum(result.max for result in results)
    done = width * points // full
    return f"{name:<24} {'█' * done}{'░' * (width - done)} {points} of {full} points"
