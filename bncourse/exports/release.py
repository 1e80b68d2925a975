"""What students receive: exercises, package, requirements, and of the checks only those that the instructor allows."""

import hashlib
import json
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from bncourse import __version__
from bncourse.authoring import sources
from bncourse.course import cells, curriculum, notebooks
from bncourse.course.errors import CourseError
from bncourse.course.files import write_whole
from bncourse.course.paths import CHECKS, EXERCISES, RELEASE, ROOT, shown
from bncourse.exports import leaks

if TYPE_CHECKING:
    from nbformat import NotebookNode

INSTRUCTORS_ONLY = ("grading", "exports")  # rooms of the package that students get no copy of
TEMPLATES = Path(__file__).parent / "templates" / "release"

NOTE = """\
*Write each answer into the cell that says `YOUR CODE HERE`. You may add cells of your own; those that hold answers keep
their place and their name.*"""

SELF_CHECKS = ("public", "none")


def write(out: Path, self_check: str = "public", chapters: Iterable[str] = ()) -> list[Path]:
    """Write a release of the named chapters (all, if none are named) into the folder `out`; the paths written.

    CourseError, before anything is written, if a file would give an answer away, or if `out` holds anything that is not
    the unchanged file of an earlier release.
    """
    if self_check not in SELF_CHECKS:
        raise CourseError(f"unknown self-check '{self_check}'; there are {' and '.join(SELF_CHECKS)}")
    stems = chosen(chapters)
    files = _course(stems) | _templates(self_check)
    if self_check == "public":
        files |= {f"tests/checks/test_{stem}.py": (CHECKS / f"test_{stem}.py").read_bytes() for stem in stems}
    _refuse_leaks(files)
    manifest = {"version": __version__, "self_check": self_check, "chapters": stems, "files": _digests(files)}
    stale = _stale(out, files)
    return _put(out, {RELEASE.name: json.dumps(manifest, indent=1).encode() + b"\n", **files}, stale)


def chosen(chapters: Iterable[str]) -> list[str]:
    """The stems that "3", "03" or "03_normalize" name, in order; all of them for no names."""
    return curriculum.find_chapters(chapters)


def without_course_links(notebook: "NotebookNode") -> "NotebookNode":
    """A generated notebook for students: without the cell that fetches the whole course, with a note of its own."""
    notebook.cells = [cell for cell in notebook.cells if cell.metadata.get("bncourse", {}).get("role") != "colab"]
    note = next(cell for cell in notebook.cells[1:] if cell.cell_type == "markdown")
    note.source, note.id = NOTE, "write-each-answer"
    notebook.metadata["bncourse"].pop("digest", None)
    return notebook


def _course(stems: Iterable[str]) -> dict[str, bytes]:
    import nbformat

    files = {}
    for stem in stems:
        exercise = sources.build_exercise(stem)
        _refuse_edited(stem, exercise)
        files[f"exercises/{stem}.ipynb"] = nbformat.writes(without_course_links(exercise)).encode() + b"\n"
    for path in sorted((ROOT / "bncourse").rglob("*.py")):
        if path.relative_to(ROOT / "bncourse").parts[0] not in INSTRUCTORS_ONLY:
            files[path.relative_to(ROOT).as_posix()] = path.read_bytes()
    for name in ("constraints.txt", "LICENSE"):
        files[name] = (ROOT / name).read_bytes()
    files["requirements.txt"] = requirements().encode()
    return files


def requirements(*extras: str) -> str:
    """What a learner needs, and what the extras of pyproject.toml add, in the form of requirements.txt."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    lists = [project["dependencies"], *(project["optional-dependencies"][extra] for extra in extras)]
    return "".join(f"{requirement}\n" for requirements in lists for requirement in requirements)


def _templates(self_check: str) -> dict[str, bytes]:
    checking = (TEMPLATES / f"checking_{self_check}.md").read_text(encoding="utf-8").strip()
    readme = (TEMPLATES / "README.md").read_text(encoding="utf-8").format(checking=checking)
    files = {
        "README.md": readme.encode(),
        "Makefile": (TEMPLATES / "Makefile").read_bytes(),
        "pyproject.toml": (TEMPLATES / "pyproject.toml").read_bytes(),
        ".gitignore": (TEMPLATES / "gitignore").read_bytes(),
    }
    if self_check == "public":
        files[".github/workflows/classroom.yml"] = (TEMPLATES / "classroom.yml").read_bytes()
        files[".github/points.py"] = (TEMPLATES / "points.py").read_bytes()
    return files


def _refuse_edited(stem: str, exercise: "NotebookNode") -> None:
    """CourseError unless exercises/ holds what the source gives: an edited notebook may hold answers in any words."""
    path = EXERCISES / f"{stem}.ipynb"
    way_out = f"move it away (to work/ if its answers are yours) and run 'python -m bncourse notebooks {stem}'"
    in_file = notebooks.load(path)["cells"]
    if any(cell.get("outputs") for cell in in_file):
        raise CourseError(f"nothing was released: {shown(path)} has outputs; {way_out}")
    expected = {cell.id: cell.source for cell in exercise.cells}
    edited = [name for cell in in_file if expected.get(name := cells.name_of(cell)) != cells.source_of(cell)]
    if edited or len(in_file) != len(expected):
        what = f"cell '{edited[0]}' was edited and may hold an answer" if edited else "a cell was deleted"
        raise CourseError(f"nothing was released: {shown(path)}: {what}; {way_out}")


def _refuse_leaks(files: Mapping[str, bytes]) -> None:
    answers = leaks.answers()
    for name, content in files.items():
        leak = leaks.leak(name, content, answers)
        if leak:
            raise CourseError(f"nothing was released: {leak}; take it out there, or leave the file's chapter out")


def _stale(out: Path, files: Iterable[str]) -> list[Path]:
    """Files of an earlier release in `out` that the new one lacks; CourseError if anything there is somebody's own."""
    if out.exists() and not out.is_dir():
        raise CourseError(f"{shown(out)} is a file; name a folder for the release")
    if not out.exists() or not any(out.iterdir()):
        return []
    try:
        earlier = dict(json.loads((out / RELEASE.name).read_text(encoding="utf-8"))["files"])
    except (OSError, ValueError, KeyError, TypeError):
        raise CourseError(f"{shown(out)} is not empty and no earlier release; name a new folder") from None
    for name in {*earlier, *files}:
        path = out / name
        if path.exists() and (path.is_symlink() or earlier.get(name) != _digest(path.read_bytes())):
            raise CourseError(f"{shown(path)} was changed since it was released; move it away, or name a new folder")
    return [path for name in earlier if name not in files and (path := out / name).is_file() and _is_below(out, path)]


def _is_below(folder: Path, path: Path) -> bool:
    return folder.resolve() in path.resolve().parents


def _put(out: Path, files: Mapping[str, bytes], stale: Iterable[Path]) -> list[Path]:
    try:
        for path in stale:
            path.unlink()
        for name in files:
            (out / name).parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CourseError(f"cannot write into {shown(out)}: {error.strerror}") from None
    for name, content in files.items():
        write_whole(out / name, content)
    return [out / name for name in files]


def _digests(files: Mapping[str, bytes]) -> dict[str, str]:
    return {name: _digest(content) for name, content in files.items()}


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:16]
