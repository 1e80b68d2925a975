"""A chapter's notebooks made from their source: the exercise with its answers cut out, the solution executed.

The one hand-written source of a chapter's notebooks is solutions/NN_stem.py in jupytext's percent format:
an answer cell is marked `# %% exercise="3.1"` and holds `# BEGIN SOLUTION` ... `# END SOLUTION`.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from bncourse.course import cells, curriculum, notebooks
from bncourse.course.errors import CourseError
from bncourse.course.files import write_whole
from bncourse.course.paths import EXERCISES, ROOT, SOLUTIONS, WORK, shown

if TYPE_CHECKING:
    from nbformat import NotebookNode

NOTE = """\
*The answers in this notebook are yours if it lies in `work/`, where `make lab` puts it. The copies in `exercises/` and
`solutions/` are generated from `solutions/{stem}.py` by `make notebooks`: edit that file instead.*

*Of an answer, the last definition before its check counts. Cells of your own may hold helpers: whoever grades the file
runs their imports, functions, classes and constants, and whatever sets a name that an answer uses. A `helper.py` that
you hand in beside the notebook can be imported.*"""

COLAB = """\
# On Colab this fetches the course and what Colab lacks; its PyTorch stays. Elsewhere it only looks for the course.
import importlib.util
import subprocess
import sys

if "google.colab" in sys.modules:
    pip = [sys.executable, "-m", "pip", "install", "--quiet"]
    subprocess.run(["git", "clone", "--quiet", "--depth=1", "{url}", "/content/course"])
    subprocess.run([*pip, "--no-deps", "-e", "/content/course"])
    subprocess.run([*pip, "hypothesis", "mlxtend", "pooch", "rich", "tqdm"])
    sys.path.insert(0, "/content/course")
elif importlib.util.find_spec("bncourse") is None:
    raise SystemExit(
        "This notebook needs the course: git clone {url}, in that folder make setup and make lab, and open it there"
    )"""

REGION = re.compile(r"^([ \t]*)# BEGIN SOLUTION\n(.*?)^[ \t]*# END SOLUTION[ \t]*$", re.M | re.S)


def stems() -> list[str]:
    """Chapters that have a source, in order."""
    return [path.stem for path in sorted(SOLUTIONS.glob("*.py"))]


def build_exercise(stem: str) -> NotebookNode:
    """The learner's notebook of one chapter, answers cut out."""
    notebook = read_source(stem)
    for cell in notebook.cells:
        marks = cell.metadata.get("bncourse", {})
        if marks.get("role") == "answer":
            cell.source = _without_solution(cell.source, marks["exercise"], stem)
    return sealed(notebook, stem)


def build_solution(stem: str, execute: bool = True) -> NotebookNode:
    """The solution notebook of one chapter, executed."""
    notebook = read_source(stem)
    for cell in notebook.cells:
        cell.source = re.sub(r"^[ \t]*# (?:BEGIN|END) SOLUTION\n?", "", cell.source, flags=re.M).rstrip()
    if execute:
        from nbclient import NotebookClient

        NotebookClient(
            notebook, kernel_name="python3", timeout=300, resources={"metadata": {"path": ROOT}},
            extra_arguments=["--log-level=40"],  # the kernel's start needs no remark
        ).execute()  # fmt: skip
        for cell in notebook.cells:
            cell.metadata.pop("execution", None)
    return sealed(notebook, stem)


def write_notebooks(names: Sequence[str] = ()) -> Iterator[Path]:
    """Write both notebooks of the named chapters, or of all; yields each path written.

    CourseError, before anything is written, if one of the files was edited by hand.
    """
    import nbformat

    wanted = curriculum.find_chapters(names) if names else stems()
    for stem in wanted:
        for folder in (EXERCISES, SOLUTIONS):
            refuse_if_edited(folder / f"{stem}.ipynb")
    for stem in wanted:
        for folder, build in ((EXERCISES, build_exercise), (SOLUTIONS, build_solution)):
            path = folder / f"{stem}.ipynb"
            write_whole(path, nbformat.writes(build(stem)) + "\n")
            yield path


def read_source(stem: str) -> NotebookNode:
    """The notebook that a source gives, solutions still in it, each cell with its id, role and nbgrader's metadata."""
    import jupytext
    from nbformat.v4 import new_code_cell, new_markdown_cell

    path = SOLUTIONS / f"{stem}.py"
    if not path.exists():
        raise CourseError(f"{shown(path)} does not exist: it is the source of the chapter's notebooks")
    notebook: NotebookNode = jupytext.read(path, fmt="py:percent")
    colab = new_code_cell(COLAB.format(url=_repository()), metadata={"tags": ["colab"]})
    notebook.cells[1:1] = [new_markdown_cell(NOTE.format(stem=stem)), colab]
    points = {exercise.id: exercise.points for exercise in curriculum.of_chapter(stem)}
    taken: set[str] = set()
    for cell in notebook.cells:
        _label(cell, points, taken, path)
    notebook.metadata = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    return notebook


def _label(cell: NotebookNode, points: dict[str, int], taken: set[str], path: Path) -> None:
    """Give a cell its stable id, its role, and nbgrader's metadata."""
    exercise = cell.metadata.pop("exercise", None)
    check = re.fullmatch(r"check\(\"(\d+\.\d+)\"\)", cell.source.strip())
    heading = re.match(r"##+ (\d+\.\d+) ", cell.source) if cell.cell_type == "markdown" else None
    if exercise:
        role, name = "answer", exercise
        _nbgrader(cell, f"ex-{exercise}", solution=True)
    elif check:
        role, name = "check", check[1]
        counted = 0 if name in curriculum.BONUS else _points(points, name, path)
        _nbgrader(cell, f"check-{name}", grade=True, locked=True, points=counted)
    elif heading:
        role, name = "question", heading[1]
        first, _, rest = cell.source.partition("\n")
        kind = "bonus points" if name in curriculum.BONUS else "points"
        cell.source = f"{first}\n\n*{_points(points, name, path)} {kind}*\n{rest}"
        _nbgrader(cell, f"q-{name}", locked=True)
    else:
        tags = cell.metadata.get("tags", [])
        role, name = next((tag for tag in tags if tag in ("setup", "colab")), "course"), None
        cell.id = _slug(cell, taken)
    if name:
        cell.id = cell.metadata["nbgrader"]["grade_id"]
    if cell.id in taken:
        raise CourseError(f"{shown(path)}: two cells are named {cell.id}; give one of them another first line")
    taken.add(cell.id)
    if cell.cell_type == "code":
        cell.metadata["bncourse"] = {"role": role, **({"exercise": name} if name else {})}


def _points(points: dict[str, int], exercise_id: str, path: Path) -> int:
    if exercise_id not in points:
        raise CourseError(f"{shown(path)}: exercise {exercise_id} has no checks in tests/checks/test_{path.stem}.py")
    return points[exercise_id]


def _nbgrader(cell: NotebookNode, name: str, **settings: bool | int) -> None:
    defaults = {"grade": False, "solution": False, "locked": False, "task": False, "schema_version": 3}
    cell.metadata["nbgrader"] = {**defaults, "grade_id": name.replace(".", "-"), **settings}


def _slug(cell: NotebookNode, taken: set[str]) -> str:
    words = re.findall(r"[a-z0-9]+", cell.source.lower().split("\n")[0])
    slug = ("-".join(words) or cell.cell_type)[:40].strip("-")
    numbered = (f"{slug}-{number}" for number in itertools.count(2))
    return next(name for name in itertools.chain([slug], numbered) if name not in taken)


def _without_solution(source: str, exercise_id: str, stem: str) -> str:
    stub = rf'\1# YOUR CODE HERE\n\1raise NotImplementedError("exercise {exercise_id}")'
    cut, regions = REGION.subn(stub, source)
    if not regions or "SOLUTION" in cut:
        raise CourseError(
            f"solutions/{stem}.py: exercise {exercise_id} needs # BEGIN SOLUTION and # END SOLUTION in pairs"
        )
    return cut


def sealed(notebook: NotebookNode, stem: str) -> NotebookNode:
    notebook.metadata["bncourse"] = {"chapter": stem, "digest": _digest(notebook.cells)}
    return notebook


def _digest(raw_cells: Iterable[cells.RawCell]) -> str:
    sources = [cells.source_of(cell) for cell in raw_cells]
    return hashlib.sha256(json.dumps(sources).encode()).hexdigest()[:16]


def refuse_if_edited(path: Path) -> None:
    """CourseError unless the file is absent or just what the generator wrote."""
    if not path.exists():
        return
    way_out = f"move it away (to {shown(WORK)}/ if its answers are yours), then run this again"
    try:
        notebook = notebooks.load(path)
    except CourseError as error:
        raise CourseError(f"{error}; {way_out}") from None
    if notebook.get("metadata", {}).get("bncourse", {}).get("digest") != _digest(notebook["cells"]):
        raise CourseError(f"{shown(path)} was edited by hand and would be overwritten; {way_out}")


def _repository() -> str:
    config = (ROOT / "_config.yml").read_text(encoding="utf-8")
    return str(re.findall(r"^\s*url\s*:\s*(\S+)", config, re.M)[0])
