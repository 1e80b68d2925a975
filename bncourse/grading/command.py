"""The grade command: what was asked for, and what is said at the end."""

from bncourse import curriculum
from bncourse.errors import CourseError
from bncourse.grading import run
from bncourse.grading.grade import Options
from bncourse.grading.sandbox import Limits, warn_if_weaker
from bncourse.paths import shown


def grade(options):
    """Grade a folder as the command line asks; 0 however bad the submissions are."""
    if options.workers < 1:
        raise CourseError(f"--workers {options.workers}: at least 1 is needed")
    limits = Limits(options.check_seconds, options.submission_seconds, options.memory)
    if min(limits.check, limits.submission, limits.memory) <= 0:
        raise CourseError("limits of time and memory are to be above 0")
    if not options.scheduler:
        warn_if_weaker(options.require_sandbox)
    exercises = tuple(exercise.id for name in options.exercises for exercise in curriculum.find(name))
    hidden = (str(options.submissions.resolve()), str(options.out.resolve()))
    rows = run.grade(
        options.submissions,
        options.out,
        Options(limits, exercises, hidden, options.require_sandbox),
        workers=options.workers,
        scheduler=options.scheduler,
        canvas_export=options.canvas,
        assignment=options.assignment,
    )
    _say(rows, options.out)


def _say(rows, out):
    unreadable = sum(row["status"] != "graded" for row in rows)
    for_a_human = sum(bool(row["review"]) for row in rows)
    print(f"{len(rows)} submissions graded, {unreadable} of them unreadable; {for_a_human} need a human's eye")
    print(f"points: {shown(out / 'gradebook.csv')}; the class: {shown(out / 'class.html')}")
