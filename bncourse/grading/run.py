"""Many submissions: graded side by side, written down one by one, and taken up again where a run was stopped."""

import contextlib
import json
import os
import sys
from dataclasses import dataclass

from tqdm import tqdm

from bncourse import curriculum
from bncourse.errors import CourseError
from bncourse.grading import class_report, feedback, gradebook, pools, submissions
from bncourse.grading.grade import Graded, checks_digest, grade_submission
from bncourse.grading.material import Material
from bncourse.paths import shown

ATTEMPTS = 2  # how often a submission is tried whose grading process ends, before a human is asked


@dataclass(frozen=True)
class Task:
    """A submission as it travels to the process that grades it: its files are read already."""

    student: str
    name: str
    source: str
    ids: dict
    notes: tuple[str, ...]
    material: Material

    def read(self):
        return self.material


def graded(task, options):
    """The row of one submission, and its feedback page: what runs in every worker, here or on a cluster."""
    result = grade_submission(task, options)
    return result.row, feedback.page(result.row, result.reports)


def grade(folder, out, options, *, workers=1, scheduler=None, canvas_export=None, assignment=None):
    """Grade all submissions in `folder` into `out`; returns the rows. Rows of an earlier run that still hold stay."""
    for exercise in options.exercises:
        curriculum.find(exercise)
    if canvas_export:
        gradebook.check_canvas_export(canvas_export, assignment or gradebook.ASSIGNMENT)
    found = submissions.find(folder)
    feedback_folder = out / "feedback"
    try:
        feedback_folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CourseError(f"cannot write into {shown(out)}: {error.strerror}") from None
    with _alone(out), Results(out / "results.jsonl") as results:
        open_ones = [one for one in found if _is_open(one, results, options)]
        if len(open_ones) < len(found):
            print(f"{len(found) - len(open_ones)} of {len(found)} submissions are graded already", file=sys.stderr)
        _grade_all(open_ones, len(found), results, feedback_folder, options, workers, scheduler)
        rows = sorted(results.read(), key=lambda row: row["student"])
    name = {"assignment": assignment} if assignment else {}
    gradebook.write(rows, out, canvas_export=canvas_export, **name)
    class_report.write(rows, out / "class.html")
    return rows


def _is_open(submission, results, options):
    """Whether a submission has no row yet, or one made from other files or with other checks."""
    row = results.rows.get(submission.student)
    return row is None or row != (submission.read().digest, checks_digest(options.exercises))


def _task(one):
    return Task(one.student, one.name, one.source, one.ids, one.notes, one.read())


def _grade_all(submissions, count, results, folder, options, workers, scheduler):
    pool = pools.Cluster(scheduler) if scheduler else pools.Local(workers)
    waiting, failed = {}, {}
    known = count - len(submissions)
    with pool, tqdm(total=count, initial=known, unit=" submissions", desc="graded", smoothing=0.05) as bar:
        tasks, again = map(_task, submissions), []
        while True:
            # A second attempt is made alone, so that what ends a process twice is the culprit and no bystander.
            while task := (None if waiting else again.pop()) if again else _next(tasks, len(waiting) < pool.room):
                waiting[pool.submit(graded, task, options)] = task
            if not waiting:
                return
            for future in pool.first_done(waiting):
                task = waiting.pop(future)
                try:
                    row, page = future.result()
                except CourseError:
                    raise
                except Exception as error:
                    # The process that graded is gone, which the submission may or may not have brought about.
                    failed[task.student] = failed.get(task.student, 0) + 1
                    pool.renew()
                    if failed[task.student] < ATTEMPTS:
                        again.append(task)
                        continue
                    row, page = _given_up(task, error, options)
                _same_checks(row, options)
                _write(folder / f"{feedback.slug(task.student)}.html", page)
                results.add(row)
                bar.update()


def _next(tasks, room):
    return next(tasks, None) if room else None


def _given_up(task, error, options):
    reason = "it could not be graded: the process that graded it ended, twice"
    row = {
        "student": task.student, "name": task.name, "source": task.source, "ids": task.ids,
        "digest": task.material.digest, "checks": checks_digest(options.exercises), "status": "unreadable",
        "reason": reason, "points": 0, "max": 0, "exercises": [], "notes": list(task.notes),
        "review": [f"{reason} ({type(error).__name__})"], "seconds": 0.0,
    }  # fmt: skip
    graded = Graded(row, [])
    return graded.row, feedback.page(graded.row, graded.reports)


def _same_checks(row, options):
    if row["checks"] != checks_digest(options.exercises):
        raise CourseError("a worker of the cluster has another version of the course; install this one there")


class Results:
    """results.jsonl: one line a submission, written as it is graded; of several lines of a student the last counts."""

    def __init__(self, path):
        self.path = path
        self.rows = {}

    def __enter__(self):
        rows = self.read()
        self.rows = {row["student"]: (row["digest"], row["checks"]) for row in rows}
        # Written anew, so that a line that a killed run left unfinished is gone.
        _write(self.path, "".join(_line(row) for row in rows))
        self._file = self.path.open("a", encoding="utf-8")
        return self

    def __exit__(self, *_):
        self._file.close()

    def add(self, row):
        self._file.write(_line(row))
        self._file.flush()
        self.rows[row["student"]] = (row["digest"], row["checks"])

    def read(self):
        """The rows that are whole, one a student."""
        rows = {}
        with contextlib.suppress(FileNotFoundError), self.path.open(encoding="utf-8") as lines:
            for line in lines:
                try:
                    row = json.loads(line)
                    rows[row["student"]] = row
                    row["digest"], row["checks"]
                except (ValueError, TypeError, KeyError):
                    continue
        return list(rows.values())


def _line(row):
    return json.dumps(row, ensure_ascii=False) + "\n"


def _write(path, text):
    beside = path.with_name(path.name + ".tmp")
    try:
        beside.write_text(text, encoding="utf-8")
        os.replace(beside, path)
    except OSError as error:
        raise CourseError(f"cannot write {shown(path)}: {error.strerror}") from None


@contextlib.contextmanager
def _alone(out):
    """CourseError if another run writes into the same results."""
    with (out / ".lock").open("w") as lock:
        try:
            import fcntl

            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except ImportError:
            pass
        except OSError:
            raise CourseError(f"another run is writing into {shown(out)}; wait for it or name another folder") from None
        yield
