"""Gradescope: the zip that it takes as an autograder, and what runs in its container for every submission."""

import io
import json
import sys
import time
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from bncourse.course import curriculum
from bncourse.course.curriculum import Exercise
from bncourse.course.errors import CourseError
from bncourse.course.files import write_whole
from bncourse.course.paths import CHECKS, EXERCISES, MISTAKES, ROOT, shown
from bncourse.exports.release import chosen, requirements

if TYPE_CHECKING:
    from bncourse.checking.report import Report
    from bncourse.grading.rows import ExerciseRow

TEMPLATES = Path(__file__).parent / "templates" / "gradescope"
SHOWN = {"output_format": "text", "visibility": "visible"}
PROOF = "bncourse/exports/gradescope.py"  # a zip with this file in it is one of ours


def build(out: Path, chapters: Iterable[str] = ()) -> Path:
    """Write the autograder for the named chapters (all, if none are named) to the zip file `out`; returns its path.

    CourseError if `out` is there and is no such zip.
    """
    files = _files(chosen(chapters))
    if out.exists() and not _is_ours(out):
        raise CourseError(f"{shown(out)} is there already and is no autograder of this course; name another file")
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            entry = zipfile.ZipInfo(name, (2000, 1, 1, 0, 0, 0))
            entry.external_attr = (0o100000 | _mode(name)) << 16
            archive.writestr(entry, data, zipfile.ZIP_DEFLATED)
    write_whole(out, content.getvalue())
    return out


def _files(stems: Iterable[str]) -> dict[str, bytes]:
    files = {path.name: path.read_bytes() for path in sorted(TEMPLATES.iterdir())}
    files["requirements.txt"] = requirements("grade").encode()
    paths = [ROOT / "constraints.txt", ROOT / "pyproject.toml"]
    paths += [path for path in sorted((ROOT / "bncourse").rglob("*")) if path.suffix in (".py", ".html", ".css")]
    for stem in stems:
        paths += [CHECKS / f"test_{stem}.py", *sorted((MISTAKES / stem).glob("*.py")), EXERCISES / f"{stem}.ipynb"]
    return files | {path.relative_to(ROOT).as_posix(): path.read_bytes() for path in paths}


def _mode(name: str) -> int:
    if name.startswith("tests/"):
        return 0o600
    return 0o755 if name in ("setup.sh", "run_autograder") else 0o644


def _is_ours(path: Path) -> bool:
    try:
        with zipfile.ZipFile(path) as archive:
            return PROOF in archive.namelist()
    except (OSError, zipfile.BadZipFile):
        return False


def main(folder: str, results: str) -> None:
    """Grade the submission in a folder and write the file `results`, whatever happens on the way."""
    start = time.perf_counter()
    try:
        content = graded(Path(folder))
    except BaseException as error:  # without a file Gradescope tells nobody anything
        content = failed(error)
    content["execution_time"] = round(time.perf_counter() - start, 3)
    write_whole(Path(results), json.dumps(content, indent=1))


def graded(folder: Path) -> dict[str, object]:
    """What Gradescope is to show of the submission in `folder`."""
    from bncourse.grading.grade import Options, grade_submission
    from bncourse.grading.handed_in.submissions import Submission
    from bncourse.grading.sandbox.launch import warn_if_weaker

    warn_if_weaker(required=False)
    submission = Submission("submission", "submission", folder.name, {}, (folder,))
    graded = grade_submission(submission, submission.read(), Options(hidden=(str(folder.resolve()),)))
    row, rows = graded.row, {exercise.exercise: exercise for exercise in graded.row.exercises}
    tests = [
        _test(exercise, rows.get(name), graded.reports.get(name)) for name, exercise in curriculum.exercises().items()
    ]
    return {
        "score": row.points, "output": "\n".join(line for line in [row.reason, *row.notes] if line),
        **SHOWN, "stdout_visibility": "hidden", "tests": tests,
        "extra_data": {"review": row.review, "digest": row.digest, "checks": row.checks},
    }  # fmt: skip


def _test(exercise: Exercise, row: "ExerciseRow | None", report: "Report | None") -> dict[str, object]:
    from bncourse.checking.report import as_text
    from bncourse.grading.reports.rendering import harmless, title_of

    nothing = f"no notebook of {exercise.chapter} was found in what was handed in"
    return {
        "number": exercise.id, "name": f"{title_of(exercise.id) or exercise.id}{' (bonus)' * exercise.bonus}",
        "score": row.points if row else 0, "max_score": exercise.points,
        "status": "passed" if row and row.status == "solved" else "failed",
        "output": harmless(as_text(report)) if report else nothing, **SHOWN,
    }  # fmt: skip


def failed(error: BaseException) -> dict[str, object]:
    """What Gradescope is to show when it is the autograder that fails."""
    reason = " ".join(f"{type(error).__name__}: {error}".split())[:500]
    print(reason, file=sys.stderr)
    apology = "The autograder could not grade this submission, which need not be its fault. Please tell your instructor"
    return {"score": 0, "output": f"{apology}: {reason}", **SHOWN, "stdout_visibility": "hidden", "tests": []}


if __name__ == "__main__":
    main(*sys.argv[1:])
