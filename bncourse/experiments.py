"""The pages' experiments once more, with all their seeds: from `book/NN_stem.md` to `book/results/NN_stem.json`."""

import ast
import json
import os
import platform
import subprocess
import tempfile
import time
from contextlib import contextmanager

from bncourse.errors import CourseError
from bncourse.paths import RESULTS, ROOT, shown
from bncourse.results import FIRST_SEED, FULL

PAGES = ROOT / "book"


def pages(names=()):
    """Stems of the pages with experiments that `names` name, "7", "07" or "07_faster_training", or of all."""
    texts = {path.stem: path.read_text(encoding="utf-8") for path in sorted(PAGES.glob("[0-9][0-9]_*.md"))}
    known = [stem for stem, text in texts.items() if "evidence(" in text]
    wanted = {name.zfill(2) for name in names}
    found = [stem for stem in known if not wanted or {stem, stem[:2]} & wanted]
    unknown = wanted - {key for stem in found for key in (stem, stem[:2])}
    if unknown:
        raise CourseError(f"no experiments in {', '.join(sorted(unknown))}; there are some in {', '.join(known)}")
    return found


def run_all(names, first_seed, full):
    """`run` each page that `names` name, or all; yields each path written."""
    for stem in pages(names):
        yield run(stem, first_seed, full)


def run(stem, first_seed, full):
    """Execute a page with seeds from `first_seed` on, with `full` as many as it names at most; return the file written.

    The file holds the page's evidence, and where it comes from: date, commit, versions, machine, seeds, seconds.
    Raises CourseError where a cell fails.
    """
    from myst_nb.core.read import read_myst_markdown_notebook
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError

    page = PAGES / f"{stem}.md"
    notebook = read_myst_markdown_notebook(page.read_text(encoding="utf-8"))
    with tempfile.TemporaryDirectory() as folder, _environment(first_seed, full):
        try:
            NotebookClient(
                notebook, kernel_name="python3", timeout=None, resources={"metadata": {"path": folder}},
                extra_arguments=["--log-level=40"],
            ).execute()  # fmt: skip
        except CellExecutionError as error:
            raise CourseError(f"{shown(page)} failed: {error.ename}: {error.evalue}") from None
    entries = [json.loads(value) for value in _glued(notebook, "evidence ")]
    costs = [json.loads(value) for value in _glued(notebook, "cost ")]
    content = {
        "page": stem,
        "seeds": costs[-1]["seeds"] if costs else [],
        "full": full,
        "date": time.strftime("%Y-%m-%d"),
        "commit": _commit(),
        "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} processors",
        "versions": _versions(),
        "processor_seconds": round(sum(cost["seconds"] for cost in costs)),
        "evidence": [_rounded(entry) for entry in entries],
    }
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{stem}.json"
    path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    return path


@contextmanager
def _environment(first_seed, full):
    settings = {"BNCOURSE_PAGE": "1", "OMP_NUM_THREADS": "1", FIRST_SEED: str(first_seed), FULL: "1" if full else ""}
    before = {name: os.environ.get(name) for name in settings}
    os.environ.update(settings)
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})


def _glued(notebook, start):
    """The glued texts whose names begin with `start`, of an executed notebook."""
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            if output.get("metadata", {}).get("scrapbook", {}).get("name", "").startswith(start):
                yield ast.literal_eval(output["data"]["application/papermill.record/text/plain"])


def _rounded(entry):
    return {name: float(f"{value:.4g}") if isinstance(value, float) else value for name, value in entry.items()}


def _commit():
    command = ["git", "rev-parse", "--short", "HEAD"]
    found = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    return found.stdout.strip() or "unknown"


def _versions():
    import numpy
    import torch

    return {"python": platform.python_version(), "torch": torch.__version__, "numpy": numpy.__version__}
