"""What students receive: exercises, package, requirements, and of the checks only those that the instructor allows."""

import hashlib
import json
import os
from pathlib import Path

from bncourse import __version__, cells, notebooks
from bncourse.errors import CourseError
from bncourse.grading import leaks
from bncourse.paths import CHECKS, EXERCISES, RELEASE, ROOT, shown

TEMPLATES = Path(__file__).parent / "templates" / "release"

NOTE = """\
*Write each answer into the cell that says `YOUR CODE HERE`. You may add cells of your own; those that hold answers keep
their place and their name.*"""

CHECKING = {
    "public": """\
The cell below an answer, such as `check("3.1")`, says what is right, what is not, and which input shows it. The same
in a terminal, for all notebooks or one exercise:

    make check
    make check ID=3.1        # without make: python -m bncourse check 3.1

These points are for you; the ones that count come from your instructor's own grading.""",
    "none": """\
This copy has no checks: a cell such as `check("3.1")` only says so. Try your answers on small examples of your own.
Your instructor grades the notebooks that you hand in.""",
}


def write(out, self_check="public", chapters=()):
    """Write a release of the named chapters (all, if none are named) into the folder `out`; the paths written.

    CourseError, before anything is written, if a file would give an answer away, or if `out` holds anything that is not
    the unchanged file of an earlier release.
    """
    if self_check not in CHECKING:
        raise CourseError(f"unknown self-check '{self_check}'; there are {' and '.join(CHECKING)}")
    stems = chosen(chapters)
    files = _course(stems) | _templates(self_check)
    if self_check == "public":
        files |= {f"tests/checks/test_{stem}.py": (CHECKS / f"test_{stem}.py").read_bytes() for stem in stems}
    _refuse_leaks(files)
    manifest = {"version": __version__, "self_check": self_check, "chapters": stems, "files": _digests(files)}
    stale = _stale(Path(out), files)
    return _put(Path(out), {RELEASE.name: json.dumps(manifest, indent=1).encode() + b"\n", **files}, stale)


def chosen(chapters):
    """The stems that "3", "03" or "03_normalize" name, in order; all of them for no names."""
    known = {name: stem for stem in notebooks.stems() for name in (stem, stem[:2], stem[:2].lstrip("0"))}
    for name in map(str, chapters):
        if name not in known:
            raise CourseError(f"unknown chapter '{name}'; the chapters are {', '.join(notebooks.stems())}")
    named = {known[str(name)] for name in chapters}
    return [stem for stem in notebooks.stems() if stem in named or not named]


def without_course_links(notebook):
    """A generated notebook for students: without the cell that fetches the whole course, with a note of its own."""
    notebook.cells = [cell for cell in notebook.cells if cell.metadata.get("bncourse", {}).get("role") != "colab"]
    note = next(cell for cell in notebook.cells[1:] if cell.cell_type == "markdown")
    note.source, note.id = NOTE, "write-each-answer"
    notebook.metadata["bncourse"].pop("digest", None)
    return notebook


def _course(stems):
    import nbformat

    files = {}
    for stem in stems:
        exercise = notebooks.build_exercise(stem)
        _refuse_edited(stem, exercise)
        files[f"exercises/{stem}.ipynb"] = nbformat.writes(without_course_links(exercise)).encode() + b"\n"
    for path in sorted((ROOT / "bncourse").rglob("*.py")):
        if (ROOT / "bncourse" / "grading") not in path.parents:
            files[path.relative_to(ROOT).as_posix()] = path.read_bytes()
    for name in ("constraints.txt", "LICENSE"):
        files[name] = (ROOT / name).read_bytes()
    files["requirements.txt"] = requirements("To learn").encode()
    return files


def requirements(*purposes):
    """The sections of requirements.txt under these headings, such as "To learn"."""
    sections = (ROOT / "requirements.txt").read_text(encoding="utf-8").split("\n\n")
    headings = tuple(f"# {purpose}" for purpose in purposes)
    return "\n".join(section.strip() + "\n" for section in sections if section.startswith(headings))


def _templates(self_check):
    readme = (TEMPLATES / "README.md").read_text(encoding="utf-8").format(checking=CHECKING[self_check])
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


# Refusals


def _refuse_edited(stem, exercise):
    """CourseError unless exercises/ holds what the source gives: an edited notebook may hold answers in any words."""
    path = EXERCISES / f"{stem}.ipynb"
    way_out = f"move it away (to work/ if its answers are yours) and run 'python -m bncourse notebooks {stem}'"
    found = notebooks.load(path)["cells"]
    if any(cell.get("outputs") for cell in found):
        raise CourseError(f"nothing was released: {shown(path)} has outputs; {way_out}")
    expected = {cell.id: cell.source for cell in exercise.cells}
    edited = [name for cell in found if expected.get(name := cells.name_of(cell)) != cells.source_of(cell)]
    if edited or len(found) != len(expected):
        what = f"cell '{edited[0]}' was edited and may hold an answer" if edited else "a cell was deleted"
        raise CourseError(f"nothing was released: {shown(path)}: {what}; {way_out}")


def _refuse_leaks(files):
    known = leaks.answers()
    for name, content in files.items():
        found = leaks.leak(name, content, known)
        if found:
            raise CourseError(f"nothing was released: {found}; take it out there, or leave the file's chapter out")


def _stale(out, files):
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


def _is_below(folder, path):
    return folder.resolve() in path.resolve().parents


# Writing


def _put(out, files, stale):
    written = []
    try:
        for path in stale:
            path.unlink()
        for name, content in files.items():
            path = out / name
            path.parent.mkdir(parents=True, exist_ok=True)
            unfinished = path.with_name(f"{path.name}.unfinished")
            unfinished.write_bytes(content)
            os.replace(unfinished, path)
            written.append(path)
    except OSError as error:
        raise CourseError(f"cannot write into {shown(out)}: {error.strerror}") from None
    return written


def _digests(files):
    return {name: _digest(content) for name, content in files.items()}


def _digest(content):
    return hashlib.sha256(content).hexdigest()[:16]
