"""Gradescope: the zip that it takes as an autograder, and what runs in its container for every submission."""

import json
import os
import sys
import time
import zipfile
from pathlib import Path

from bncourse import curriculum
from bncourse.errors import CourseError
from bncourse.grading.release import chosen, requirements
from bncourse.paths import CHECKS, EXERCISES, MISTAKES, ROOT, shown

TEMPLATES = Path(__file__).parent / "templates" / "gradescope"
PROOF = "bncourse/grading/gradescope.py"  # a zip with this file in it is one of ours


# Building the zip


def build(out, chapters=()):
    """Write the autograder for the named chapters (all, if none are named) to the zip file `out`; returns its path.

    CourseError if `out` is there and is no such zip.
    """
    out = Path(out)
    files = _files(chosen(chapters))
    if out.exists() and not _is_ours(out):
        raise CourseError(f"{shown(out)} is there already and is no autograder of this course; name another file")
    unfinished = out.with_name(f"{out.name}.unfinished")
    try:
        with zipfile.ZipFile(unfinished, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in files.items():
                entry = zipfile.ZipInfo(name, (2000, 1, 1, 0, 0, 0))
                entry.external_attr = (0o100000 | _mode(name)) << 16
                archive.writestr(entry, content, zipfile.ZIP_DEFLATED)
        os.replace(unfinished, out)
    except OSError as error:
        raise CourseError(f"cannot write {shown(out)}: {error.strerror}") from None
    return out


def _files(stems):
    files = {path.name: path.read_bytes() for path in sorted(TEMPLATES.iterdir())}
    files["requirements.txt"] = requirements("To learn", "To grade").encode()
    paths = [ROOT / "constraints.txt", ROOT / "pyproject.toml"]
    paths += [path for path in sorted((ROOT / "bncourse").rglob("*")) if path.suffix in (".py", ".html", ".css")]
    for stem in stems:
        paths += [CHECKS / f"test_{stem}.py", *sorted(MISTAKES.glob(f"m_{stem}*.py")), EXERCISES / f"{stem}.ipynb"]
    return files | {path.relative_to(ROOT).as_posix(): path.read_bytes() for path in paths}


def _mode(name):
    if name.startswith("tests/"):
        return 0o600
    return 0o755 if name in ("setup.sh", "run_autograder") else 0o644


def _is_ours(path):
    try:
        with zipfile.ZipFile(path) as archive:
            return PROOF in archive.namelist()
    except (OSError, zipfile.BadZipFile):
        return False


# In the container


def main(submission, results):
    """Grade the folder `submission` and write the file `results`, whatever happens on the way."""
    start, path = time.perf_counter(), Path(results)
    try:
        told = graded(Path(submission))
    except BaseException as error:  # without a file Gradescope tells nobody anything
        told = failed(error)
    told["execution_time"] = round(time.perf_counter() - start, 3)
    unfinished = path.with_name(f"{path.name}.unfinished")
    unfinished.write_text(json.dumps(told, indent=1), encoding="utf-8")
    os.replace(unfinished, path)


def graded(folder):
    """What Gradescope is to show of the submission in `folder`."""
    from bncourse.grading.grade import Options, grade_submission
    from bncourse.grading.sandbox import warn_if_weaker
    from bncourse.grading.submissions import Submission

    warn_if_weaker(required=False)
    result = grade_submission(
        Submission("submission", "submission", folder.name, {}, (folder,)), Options(hidden=(str(folder.resolve()),))
    )
    row = result.row
    reports = {one["exercise"]: (one, report) for one, report in zip(row["exercises"], result.reports)}
    tests = [_test(exercise, *reports.get(exercise.id, (None, None))) for exercise in curriculum.exercises().values()]
    said = [row["reason"], *row["notes"]]
    return {
        "score": row["points"], "output": "\n".join(line for line in said if line), "output_format": "text",
        "visibility": "visible", "stdout_visibility": "hidden", "tests": tests,
        "extra_data": {"review": row["review"], "digest": row["digest"], "checks": row["checks"]},
    }  # fmt: skip


def _test(exercise, result, report):
    from bncourse.checking.report import as_text
    from bncourse.grading.pages import harmless, title_of

    nothing = f"no notebook of {exercise.chapter} was found in what was handed in"
    return {
        "number": exercise.id, "name": title_of(exercise.id) or exercise.id,
        "score": result["points"] if result else 0, "max_score": exercise.points,
        "status": "passed" if result and result["status"] == "solved" else "failed",
        "output": harmless(as_text(report)) if report else nothing,
        "output_format": "text", "visibility": "visible",
    }  # fmt: skip


def failed(error):
    """What Gradescope is to show when it is the autograder that fails."""
    reason = " ".join(f"{type(error).__name__}: {error}".split())[:500]
    print(reason, file=sys.stderr)
    words = "The autograder could not grade this submission, which need not be its fault. Please tell your instructor"
    return {"score": 0, "output": f"{words}: {reason}", "output_format": "text", "visibility": "visible",
            "stdout_visibility": "hidden", "tests": []}  # fmt: skip


if __name__ == "__main__":
    main(*sys.argv[1:])
