"""Where things are. One stem names a chapter in every folder."""

from pathlib import Path

from bncourse.course.errors import CourseError

ROOT = Path(__file__).resolve().parent.parent.parent
SOLUTIONS = ROOT / "solutions"
EXERCISES = ROOT / "exercises"
WORK = ROOT / "work"
CHECKS = ROOT / "tests" / "checks"
MISTAKES = ROOT / "tests" / "mistakes"
VARIANTS = ROOT / "tests" / "variants"
RESULTS = ROOT / "book" / "results"
RELEASE = ROOT / "release.json"  # there only in a copy made for students


def shown(path: Path | str) -> str:
    """A path as the user would type it: relative to where they stand, if it lies below."""
    path = Path(path)
    try:
        return str(path.resolve().relative_to(Path.cwd()))
    except ValueError:
        return str(path)


def require_checkout() -> None:
    """Raise CourseError unless the package runs from a checkout, where checks and notebooks lie beside it."""
    if RELEASE.exists() and not any(CHECKS.glob("test_*.py")):
        raise CourseError("this copy of the course has no checks: hand your notebook in, and your instructor grades it")
    if not CHECKS.is_dir():
        raise CourseError(
            f"{CHECKS} is missing: install the package from a clone of the course with 'pip install -e .'"
        )
