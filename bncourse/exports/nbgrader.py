"""A course folder for nbgrader, whose autograde gives the points that `grade` gives.

As set up here, nbgrader's autograde runs no kernel: the steps in nbgrader_steps.py grade the submitted file in the
sandbox. With other settings nbgrader runs the notebook, gives a check cell nothing for any line on stderr, and takes
the cell's last value as its score: that value is then `points`, which has the file graded in a process of its own.
"""

import json
import subprocess
import sys
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bncourse.authoring import sources
from bncourse.course import curriculum
from bncourse.course.errors import CourseError
from bncourse.course.kernel import shell
from bncourse.course.paths import shown
from bncourse.exports.release import chosen, without_course_links

if TYPE_CHECKING:
    from nbformat import NotebookNode

TEMPLATES = Path(__file__).parent / "templates" / "nbgrader"

# nbgrader shows students the cell without these lines.
HIDDEN = """\
### BEGIN HIDDEN TESTS
from bncourse.exports.nbgrader import points as check
### END HIDDEN TESTS
"""


def write(out: Path, chapters: Iterable[str] = ()) -> list[Path]:
    """Write an nbgrader course folder with the named chapters (all, if none are named); the paths written.

    CourseError if one of the files is there already and differs: nothing is written then.
    """
    import nbformat

    files = {path.name: path.read_text(encoding="utf-8") for path in sorted(TEMPLATES.iterdir())}
    for stem in chosen(chapters):
        files[f"source/{stem}/{stem}.ipynb"] = nbformat.writes(build_source(stem)) + "\n"
    paths = {out / name: text for name, text in files.items()}
    try:
        for path, text in paths.items():
            if path.exists() and path.read_text(encoding="utf-8") != text:
                raise CourseError(f"{shown(path)} is there already and differs; move it away, or name a new folder")
        for path, text in paths.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise CourseError(f"cannot write into {shown(out)}: {error.strerror}") from None
    return list(paths)


def build_source(stem: str) -> "NotebookNode":
    """What nbgrader makes its release version from: solutions, marked, and check cells whose value is their points."""
    notebook = sources.read_source(stem)
    notebook.metadata["bncourse"] = {"chapter": stem}
    for cell in notebook.cells:
        if cell.metadata.get("bncourse", {}).get("role") == "check":
            cell.source = HIDDEN + cell.source
    return without_course_links(notebook)


def feedback(path: Path) -> dict[str, dict[str, Any]]:
    """Of each exercise in a notebook file, by id: its points, 0 for a bonus, and the report as text and as HTML."""
    from bncourse.checking.report import as_html, as_text
    from bncourse.grading.grade import Options, grade_submission
    from bncourse.grading.handed_in.submissions import Submission

    submission = Submission(path.stem, path.stem, path.name, {}, (path, *sorted(path.parent.glob("*.py"))))
    graded = grade_submission(submission, submission.read(), Options())
    points = {exercise.exercise: exercise.points * (not exercise.bonus) for exercise in graded.row.exercises}
    return {
        exercise: {"points": points[exercise], "text": as_text(report), "html": as_html(report)}
        for exercise, report in graded.reports.items()
    }


def points(exercise_id: str) -> int:
    """Show the report on an exercise of the notebook that runs, as it was last saved, and return its points."""
    (exercise,) = curriculum.find(exercise_id)
    # Where the kernel started: a student's cell may have moved elsewhere.
    path = Path(getattr(shell(), "starting_dir", ".")) / f"{exercise.chapter}.ipynb"
    if not path.is_file():
        raise CourseError(f"{path} does not exist: the notebook of exercise {exercise.id} keeps its name")
    report = _feedback_from_elsewhere(path.resolve(), path.stat().st_mtime_ns).get(exercise.id)
    if report is None:
        raise CourseError(f"{path} cannot be graded; 'python -m bncourse check --notebook {path.name}' says why")
    if shell():
        from IPython.display import display

        display({"text/html": report["html"], "text/plain": report["text"]}, raw=True)
    else:
        print(report["text"])
    return int(report["points"])


@cache
def _feedback_from_elsewhere(path: Path, saved: int) -> dict[str, dict[str, Any]]:
    """`feedback`, by a process of its own: neither warnings nor a patched library of this kernel reach it."""
    command = [sys.executable, "-P", "-m", "bncourse.exports.nbgrader", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", stdin=subprocess.DEVNULL)
    if done.returncode:
        why = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise CourseError(f"{path.name} could not be graded: {why}")
    reports: dict[str, dict[str, Any]] = json.loads(done.stdout)
    return reports


if __name__ == "__main__":
    print(json.dumps(feedback(Path(sys.argv[1]))))
