"""Many submissions: graded side by side, written down one by one, and taken up again where a run was stopped."""

import contextlib
import sys
from collections import Counter
from collections.abc import Container, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import replace
from pathlib import Path
from typing import Self

from filelock import FileLock, Timeout
from tqdm import tqdm

from bncourse.course import curriculum
from bncourse.course.errors import CourseError
from bncourse.course.files import write_whole
from bncourse.course.paths import shown
from bncourse.grading import pools
from bncourse.grading.grade import Options, grade_submission
from bncourse.grading.handed_in import submissions
from bncourse.grading.handed_in.material import Material
from bncourse.grading.handed_in.submissions import Submission
from bncourse.grading.reports import class_report, feedback, gradebook
from bncourse.grading.rows import Row
from bncourse.grading.sandbox.launch import warn_if_weaker

ATTEMPTS = 2  # how often a submission is tried whose grading process ends, before a human is asked


def grade(
    folder: Path,
    out: Path,
    options: Options,
    *,
    workers: int = 1,
    scheduler: str | None = None,
    canvas_export: Path | None = None,
    assignment: str | None = None,
) -> list[Row]:
    """Grade all submissions in `folder` into `out`; returns the rows, however bad the submissions are.

    `options.exercises` may name chapters too. Rows of an earlier run that still hold stay. CourseError for wrong use.
    """
    options, assignment = _checked(folder, out, options, workers), assignment or gradebook.ASSIGNMENT
    if not scheduler:
        warn_if_weaker(options.require_sandbox)
    if canvas_export:
        gradebook.check_canvas_export(canvas_export, assignment)
    handed_in = submissions.find(folder)
    try:
        (out / "feedback").mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CourseError(f"cannot write into {shown(out)}: {error.strerror}") from None
    with _alone(out), Results(out / "results.jsonl", options) as results:
        left = [submission for submission in handed_in if not results.holds(submission, options)]
        done = len(handed_in) - len(left)
        if done:
            print(f"{done} of {len(handed_in)} submissions are graded already", file=sys.stderr)
        pool = pools.Cluster(scheduler) if scheduler else pools.Local(workers)
        with pool, tqdm(None, "graded", len(handed_in), unit=" submissions", initial=done, smoothing=0.05) as progress:
            for row, page in _distribute(left, pool, options):
                write_whole(out / "feedback" / f"{feedback.slug(row.student)}.html", page)
                results.add(row)
                progress.update()
        rows = results.close({submission.student for submission in handed_in})
    gradebook.write(rows, out, canvas_export, assignment)
    class_report.write(rows, out / "class.html", options.language)
    return rows


def summary(rows: Sequence[Row], out: Path) -> str:
    """What there is to say at the end."""
    unreadable = sum(row.status == "unreadable" for row in rows)
    for_a_human = sum(bool(row.review) for row in rows)
    return (
        f"{len(rows)} submissions graded, {unreadable} of them unreadable; {for_a_human} need a human's eye\n"
        f"points: {shown(out / 'gradebook.csv')}; the class: {shown(out / 'class.html')}"
    )


def _checked(folder: Path, out: Path, options: Options, workers: int) -> Options:
    """The options with every exercise by its id, and with folders hidden that no submission may see."""
    if workers < 1:
        raise CourseError(f"--workers {workers}: at least 1 is needed")
    limits = options.limits
    if min(limits.check, limits.submission, limits.memory) <= 0:
        raise CourseError("limits of time and memory are to be above 0")
    exercises = tuple(exercise.id for name in options.exercises for exercise in curriculum.find(name))
    return replace(options, exercises=exercises, hidden=(str(folder.resolve()), str(out.resolve())))


@contextlib.contextmanager
def _alone(out: Path) -> Iterator[None]:
    """CourseError if another run writes into the same results."""
    try:
        lock = FileLock(out / ".lock").acquire(timeout=0)
    except Timeout:
        raise CourseError(f"another run is writing into {shown(out)}; wait for it or name another folder") from None
    except OSError as error:
        raise CourseError(f"cannot write into {shown(out)}: {error.strerror}") from None
    with lock:
        yield


def _distribute(left: Iterable[Submission], pool: pools.Pool, options: Options) -> Iterator[tuple[Row, str]]:
    """The row and the page of each submission, as they come; who ends the process that grades is tried again."""
    upcoming, again = iter(left), list[Submission]()
    waiting: dict[Future[tuple[Row, str]], tuple[Submission, Material]] = {}
    failures: Counter[str] = Counter()

    def start(submission: Submission) -> None:
        material = submission.read()
        waiting[pool.submit(row_and_page, submission, material, options)] = submission, material

    while True:
        while not again and len(waiting) < pool.room and (submission := next(upcoming, None)):
            start(submission)
        if again and not waiting:
            start(again.pop())  # alone, so that what ends a process twice is the culprit and no bystander
        if not waiting:
            return
        for future in wait(waiting, return_when=FIRST_COMPLETED).done:
            submission, material = waiting.pop(future)
            try:
                row, page = future.result()
            except CourseError:
                raise
            except Exception as error:
                # The process that graded is gone, which the submission may or may not have brought about.
                failures[submission.student] += 1
                pool.renew()
                if failures[submission.student] < ATTEMPTS:
                    again.append(submission)
                    continue
                row, page = _given_up(submission, material, error, options)
            yield row, page


def row_and_page(submission: Submission, material: Material, options: Options) -> tuple[Row, str]:
    """The row of one submission, and its feedback page: what runs in every worker, here or on a cluster."""
    graded = grade_submission(submission, material, options)
    return graded.row, feedback.page(graded.row, graded.reports, options.language)


def _given_up(submission: Submission, material: Material, error: Exception, options: Options) -> tuple[Row, str]:
    reason = "it could not be graded: the process that graded it ended, twice"
    row = Row(
        submission.student, submission.name, submission.source, submission.ids, material.digest, options.digest,
        "unreadable", reason, notes=[*submission.notes], review=[f"{reason} ({type(error).__name__})"],
        assignment=options.assignment,
    )  # fmt: skip
    return row, feedback.page(row, {}, options.language)


class Results:
    """results.jsonl: one line a submission, written as it is graded; of several lines of a student the last counts."""

    def __init__(self, path: Path, options: Options) -> None:
        self.path, self.assignment = path, options.assignment
        self._digests: dict[str, tuple[str, str]] = {}

    def __enter__(self) -> Self:
        rows = self.read()
        other = next((row.assignment for row in rows if row.assignment not in ("", self.assignment)), "")
        if other:
            raise CourseError(f"{shown(self.path)} holds results of {other}; name another folder for this")
        self._digests = {row.student: (row.digest, row.checks) for row in rows}
        # Written anew, so that a line that a killed run left unfinished is gone.
        write_whole(self.path, "".join(f"{row.to_json()}\n" for row in rows))
        self._file = self.path.open("a", encoding="utf-8")
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def holds(self, submission: Submission, options: Options) -> bool:
        """Whether a submission has a row, made from these very files, with all that decides points unchanged."""
        digests = self._digests.get(submission.student)
        return digests is not None and digests == (submission.read().digest, options.digest)

    def add(self, row: Row) -> None:
        self._file.write(f"{row.to_json()}\n")
        self._file.flush()

    def close(self, students: Container[str]) -> list[Row]:
        """The rows of these students; those of others are put aside, with a line on standard error."""
        self._file.close()
        rows = sorted(self.read(), key=lambda row: row.student)
        for row in rows:
            if row.student not in students:
                print(f"{row.student} was graded before, hands in nothing now, and is left out", file=sys.stderr)
                with self.path.with_name("left_out.jsonl").open("a", encoding="utf-8") as aside:
                    aside.write(f"{row.to_json()}\n")
        of_students = [row for row in rows if row.student in students]
        if len(of_students) < len(rows):
            write_whole(self.path, "".join(f"{row.to_json()}\n" for row in of_students))
        return of_students

    def read(self) -> list[Row]:
        """The rows that are whole, one a student."""
        rows: dict[str, Row] = {}
        with contextlib.suppress(FileNotFoundError), self.path.open(encoding="utf-8") as lines:
            for line in lines:
                with contextlib.suppress(ValueError, TypeError, KeyError):
                    row = Row.from_json(line)
                    rows[row.student] = row
        return list(rows.values())
