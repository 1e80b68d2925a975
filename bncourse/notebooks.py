"""Source -> exercise notebook, source -> executed solution notebook, notebook -> the names it defines.

The one hand-written source of a chapter's notebooks is solutions/NN_stem.py in jupytext's percent format:
an answer cell is marked `# %% exercise="3.1"` and holds `# BEGIN SOLUTION` ... `# END SOLUTION`.
"""

import contextlib
import hashlib
import json
import os
import re
from dataclasses import dataclass
from pathlib import Path

from bncourse import cells, curriculum
from bncourse.errors import CourseError
from bncourse.paths import EXERCISES, ROOT, SOLUTIONS, WORK, shown

NOTE = """\
*The answers in this notebook are yours if it lies in `work/`, where `make lab` puts it. The copies in `exercises/` and
`solutions/` are generated from `solutions/{stem}.py` by `make notebooks`: edit that file instead.*"""

COLAB = """\
# On Colab this fetches the course and what Colab lacks; its PyTorch stays. Anywhere else it does nothing.
import subprocess
import sys

if "google.colab" in sys.modules:
    pip = [sys.executable, "-m", "pip", "install", "--quiet"]
    subprocess.run(["git", "clone", "--quiet", "--depth=1", "{url}", "/content/course"])
    subprocess.run([*pip, "--no-deps", "-e", "/content/course"])
    subprocess.run([*pip, "hypothesis", "mlxtend", "pooch", "rich", "tqdm"])
    sys.path.insert(0, "/content/course")"""

REGION = re.compile(r"^([ \t]*)# BEGIN SOLUTION\n(.*?)^[ \t]*# END SOLUTION[ \t]*$", re.M | re.S)


# Source to notebooks


def stems():
    """Chapters that have a source, in order."""
    return [path.stem for path in sorted(SOLUTIONS.glob("*.py"))]


def build_exercise(stem):
    """The learner's notebook of one chapter, answers cut out, as an nbformat node."""
    notebook = read_source(stem)
    for cell in notebook.cells:
        id = cell.metadata.get("bncourse", {}).get("exercise")
        if id and cell.metadata["bncourse"]["role"] == "answer":
            cell.source = _without_solution(cell.source, id, stem)
    return _sealed(notebook, stem)


def build_solution(stem, execute=True):
    """The solution notebook of one chapter, executed, as an nbformat node."""
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
    return _sealed(notebook, stem)


def write_notebooks(names=()):
    """Write both notebooks of the named chapters, or of all; yields each path written.

    CourseError, before anything is written, if one of the files was edited by hand.
    """
    import nbformat

    wanted = [stem for stem in stems() if not names or stem in names or stem[:2].lstrip("0") in names]
    if not wanted:
        raise CourseError(f"no source for {', '.join(names)}; the chapters are {', '.join(stems())}")
    for stem in wanted:
        for folder in (EXERCISES, SOLUTIONS):
            _refuse_if_edited(folder / f"{stem}.ipynb")
    for stem in wanted:
        for folder, build in ((EXERCISES, build_exercise), (SOLUTIONS, build_solution)):
            path = folder / f"{stem}.ipynb"
            _write(path, nbformat.writes(build(stem)) + "\n")
            yield path


def copy_missing():
    """Copy into work/ each exercise notebook that it lacks, never over one that is there; the paths copied."""
    WORK.mkdir(exist_ok=True)
    copied = []
    for source in sorted(EXERCISES.glob("*.ipynb")):
        target = WORK / source.name
        with contextlib.suppress(FileExistsError), open(target, "xb") as file:
            file.write(source.read_bytes())
            copied.append(target)
    return copied


def read_source(stem):
    import jupytext

    path = SOLUTIONS / f"{stem}.py"
    notebook = jupytext.read(path, fmt="py:percent")
    notebook.cells.insert(1, _cell("code", COLAB.format(url=_repository()), tags=["colab"]))
    notebook.cells.insert(1, _cell("markdown", NOTE.format(stem=stem)))
    points = {exercise.id: exercise.points for exercise in curriculum.of_chapter(stem)}
    taken = set()
    for cell in notebook.cells:
        _label(cell, points, taken, path)
    notebook.metadata = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    return notebook


def _cell(kind, source, **metadata):
    from nbformat import v4

    return getattr(v4, f"new_{kind}_cell")(source, metadata=metadata)


def _label(cell, points, taken, path):
    """Give a cell its stable id, its role, and nbgrader's metadata."""
    exercise = cell.metadata.pop("exercise", None)
    checked = re.fullmatch(r"check\(\"(\d+\.\d+)\"\)", cell.source.strip())
    heading = re.match(r"##+ (\d+\.\d+) ", cell.source) if cell.cell_type == "markdown" else None
    if exercise:
        role, name = "answer", exercise
        _nbgrader(cell, f"ex-{exercise}", solution=True)
    elif checked:
        role, name = "check", checked[1]
        _nbgrader(cell, f"check-{name}", grade=True, locked=True, points=_points(points, name, path))
    elif heading:
        role, name = "question", heading[1]
        first, _, rest = cell.source.partition("\n")
        cell.source = f"{first}\n\n*{_points(points, name, path)} points*\n{rest}"
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


def _points(points, id, path):
    if id not in points:
        raise CourseError(f"{shown(path)}: exercise {id} has no checks in tests/checks/test_{path.stem}.py")
    return points[id]


def _nbgrader(cell, name, *, grade=False, solution=False, locked=False, points=None):
    cell.metadata["nbgrader"] = {
        "grade": grade, "grade_id": name.replace(".", "-"), "locked": locked, "schema_version": 3,
        "solution": solution, "task": False, **({"points": points} if points else {}),
    }  # fmt: skip


def _slug(cell, taken):
    words = re.findall(r"[a-z0-9]+", cell.source.lower().split("\n")[0])
    slug = ("-".join(words) or cell.cell_type)[:40].strip("-")
    number = 2
    name = slug
    while name in taken:
        name, number = f"{slug}-{number}", number + 1
    return name


def _without_solution(source, id, stem):
    stub = rf'\1# YOUR CODE HERE\n\1raise NotImplementedError("exercise {id}")'
    cut, regions = REGION.subn(stub, source)
    if not regions or "SOLUTION" in cut:
        raise CourseError(f"solutions/{stem}.py: exercise {id} needs # BEGIN SOLUTION and # END SOLUTION in pairs")
    return cut


def _sealed(notebook, stem):
    notebook.metadata["bncourse"] = {"chapter": stem, "digest": _digest(notebook.cells)}
    return notebook


def _digest(of_cells):
    sources = [cells.source_of(cell) for cell in of_cells]
    return hashlib.sha256(json.dumps(sources).encode()).hexdigest()[:16]


def _refuse_if_edited(path):
    """CourseError unless the file is absent or just what the generator wrote."""
    if not path.exists():
        return
    way_out = f"move it away (to {shown(WORK)}/ if its answers are yours), then run this again"
    try:
        notebook = load(path)
    except CourseError as error:
        raise CourseError(f"{error}; {way_out}") from None
    if notebook.get("metadata", {}).get("bncourse", {}).get("digest") != _digest(notebook["cells"]):
        raise CourseError(f"{shown(path)} was edited by hand and would be overwritten; {way_out}")


def _write(path, text):
    beside = path.with_suffix(".tmp")
    try:
        beside.write_text(text, encoding="utf-8")
        os.replace(beside, path)
    except OSError as error:
        raise CourseError(f"cannot write {shown(path)}: {error.strerror}; is the folder read-only?") from None


def _repository():
    match = re.search(r"^\s*url\s*:\s*(\S+)", (ROOT / "_config.yml").read_text(encoding="utf-8"), re.M)
    return match[1]


# Notebook to names


@dataclass
class Notebook(cells.Defined):
    """What a notebook's cells define, and what went wrong in which answer cell."""

    path: Path = None
    chapter: str = ""


def load(path):
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


def chapter_of(path, notebook):
    """The chapter that a notebook belongs to, by its answer cells, then its metadata, then its name."""
    names = [cells.name_of(cell) for cell in notebook["cells"]]
    chapter = cells.chapter_among(curriculum.chapters(), names, cells.marked_chapter(notebook), Path(path).stem)
    if chapter is None:
        raise CourseError(f"{shown(path)} is not an exercise notebook of this course: it has no cell named ex-…")
    return chapter


def run(path):
    """Execute what a notebook defines: setup and answer cells whole, of other cells imports, functions and constants.

    Returns a Notebook; `errors` maps the name of an answer cell to the exception that it raised.
    """
    notebook = load(path)
    result = Notebook(path=Path(path), chapter=chapter_of(path, notebook))
    with _no_windows():
        for cell in cells.code(notebook):
            result.run(cell)
    return result


@contextlib.contextmanager
def _no_windows():
    """Figures that a learner's cell draws open no window; the environment is afterwards as it was."""
    before = os.environ.get("MPLBACKEND")
    os.environ.setdefault("MPLBACKEND", "Agg")
    try:
        yield
    finally:
        if before is None:
            del os.environ["MPLBACKEND"]
