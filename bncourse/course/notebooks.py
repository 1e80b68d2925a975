"""A chapter's notebook as a learner has it: copied into work/, read, executed for the names that it defines."""

import ast
import contextlib
import os
import sys
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

from bncourse.course import cells, curriculum, identity
from bncourse.course.errors import CourseError
from bncourse.course.language import NOTE as NOTE_OF_LANGUAGE
from bncourse.course.language import chosen, known
from bncourse.course.paths import EXERCISES, SOLUTIONS, WORK, shown

Limit = Callable[[cells.Cell], contextlib.AbstractContextManager[object]]


def copy_missing(language: str | None = None) -> list[Path]:
    """Copy into work/ each exercise notebook that it lacks, never over one that is there; the paths copied.

    A `language` is noted there for this and later calls, and for checks; a chapter without it comes in English.
    """
    copied = []
    try:
        WORK.mkdir(exist_ok=True)
        if language:
            NOTE_OF_LANGUAGE.write_text(known(language) + "\n")
        for english in sorted(EXERCISES.glob("*.ipynb")):
            other = EXERCISES / chosen() / english.name
            source = other if other.is_file() else english
            target = WORK / source.name
            with contextlib.suppress(FileExistsError), open(target, "xb") as file:
                file.write(source.read_bytes())
                copied.append(target)
    except OSError as error:
        raise CourseError(f"cannot write into {shown(WORK)}: {error.strerror}; is the folder read-only?") from None
    return copied


def load(path: Path | str) -> cells.RawNotebook:
    """A notebook file as a dict with a list of cells; CourseError in one line if it is none."""
    path = Path(path)
    try:
        return cells.parse(path.read_bytes())
    except FileNotFoundError:
        raise CourseError(f"{shown(path)} does not exist; `make lab` puts the exercise notebooks into work/") from None
    except OSError as error:
        raise CourseError(f"cannot read {shown(path)}: {error.strerror}") from None
    except ValueError as error:
        raise CourseError(f"{shown(path)} is not a notebook{error}") from None


@cache
def asked() -> dict[str, dict[str, str]]:
    """For each chapter, the name that each of its answer cells is to define: the first that the stub defines."""
    chapters: dict[str, dict[str, str]] = {}
    for stem in curriculum.chapters():
        path = next((path for folder in (EXERCISES, SOLUTIONS) if (path := folder / f"{stem}.ipynb").exists()), None)
        named = [(cells.name_of(cell), cells.source_of(cell)) for cell in load(path)["cells"]] if path else []
        chapters[stem] = {
            name: next(
                node.name for node in ast.parse(source).body if isinstance(node, (ast.FunctionDef, ast.ClassDef))
            )
            for name, source in named
            if cells.ANSWER.match(name)
        }
    return chapters


def read(path: Path | str) -> identity.Reading:
    """The code of a notebook of the course, each answer in a cell of its name; CourseError if it is none."""
    reading = identity.read(load(path), Path(path).stem, asked())
    if reading.chapter is None:
        raise CourseError(f"{shown(path)} is not an exercise notebook of this course: it has no cell named ex-…")
    return reading


def execute(path: Path | str, limit: Limit = contextlib.nullcontext) -> cells.Definitions:
    """Execute what a notebook of the course defines, each cell inside its `limit`; CourseError if it is none.

    Answer cells are executed whole, of other cells definitions and what answers need.
    """
    reading = read(path)
    definitions = cells.Definitions(reading.code, misplaced=reading.problems)
    with _no_windows(), _beside(Path(path).resolve().parent):
        for cell in reading.code:
            with limit(cell):
                definitions.execute(cell)
    return definitions


_modules_beside: dict[str, str] = {}  # module -> the folder of the notebook that it lies beside


@contextlib.contextmanager
def _beside(folder: Path) -> Iterator[None]:
    """As in a kernel there, modules in this folder can be imported; those of another notebook's are forgotten."""
    for name in [name for name, other in _modules_beside.items() if other != str(folder)]:
        sys.modules.pop(name, None)
        sys.path[:] = [path for path in sys.path if path != _modules_beside[name]]
        del _modules_beside[name]
    before = set(sys.modules)
    sys.path.insert(0, str(folder))
    try:
        yield
    finally:
        files = {name: getattr(sys.modules[name], "__file__", None) for name in set(sys.modules) - before}
        modules = [name for name, file in files.items() if file and Path(file).parent == folder]
        _modules_beside.update(dict.fromkeys(modules, str(folder)))
        if not modules:
            sys.path.remove(str(folder))  # else it stays, for imports inside of functions


@contextlib.contextmanager
def _no_windows() -> Iterator[None]:
    """Figures that a learner's cell draws open no window; the environment is afterwards as it was."""
    before = os.environ.get("MPLBACKEND")
    os.environ.setdefault("MPLBACKEND", "Agg")
    try:
        yield
    finally:
        if before is None:
            del os.environ["MPLBACKEND"]
