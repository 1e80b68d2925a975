"""The pages' experiments once more, with all their seeds: from `book/NN_stem.md` to `book/results/NN_stem.json`."""

import json
import os
import platform
import subprocess
import tempfile
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bncourse.course.curriculum import find_chapters
from bncourse.course.errors import CourseError
from bncourse.course.files import write_whole
from bncourse.course.paths import RESULTS, ROOT, shown
from bncourse.ledger.entries import FIRST_SEED, FULL, Evidence, entries_of_notebook

PAGES = ROOT / "book"


@dataclass(frozen=True)
class StoredRun:
    """A page's measurements with other seeds, where they come from, and how learning rates were chosen for them."""

    page: str
    seeds: list[int]
    full: bool
    date: str
    commit: str
    machine: str
    versions: dict[str, str]
    processor_seconds: int
    choices: dict[str, dict[str, Any]]
    evidence: list[Evidence]

    def again(self, entry: Evidence) -> Evidence | None:
        """The same measurement in this run; None if there is none, and of a parity, which no seed changes."""
        same = (other for other in self.evidence if other.measurement == entry.measurement)
        return None if entry.is_parity else next(same, None)


def stored(stem: str, folder: Path | None = None) -> StoredRun | None:
    """The stored run of a page, in `folder` or else in `book/results`, if there is one; CourseError if unreadable."""
    path = (folder or RESULTS) / f"{stem}.json"
    if not path.exists():
        return None
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        evidence = [Evidence(**entry) for entry in content.pop("evidence")]
        return StoredRun(**content, evidence=evidence)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise CourseError(f"{shown(path)} is no stored run: {error}; 'make experiments' writes it anew") from error


def pages(names: Collection[str] = ()) -> list[str]:
    """Stems of the pages with experiments that `names` name, as in `curriculum.find`, or of all."""
    texts = {path.stem: path.read_text(encoding="utf-8") for path in sorted(PAGES.glob("[0-9][0-9]_*.md"))}
    stems = [stem for stem, text in texts.items() if "evidence(" in text]
    if not names:
        return stems
    numbers = [stem[:2] for stem in find_chapters(names)]
    without = sorted(set(numbers) - {stem[:2] for stem in stems})
    if without:
        raise CourseError(f"no experiments in {', '.join(without)}; there are some in {', '.join(stems)}")
    return [stem for stem in stems if stem[:2] in numbers]


def run_all(names: Collection[str], first_seed: int, full: bool) -> Iterator[Path]:
    """`train` for and `run` each page that `names` name, or all; yields each path written."""
    for stem in pages(names):
        if full:
            yield from train(stem)
        yield run(stem, first_seed, full)


def train(stem: str) -> Iterator[Path]:
    """Train what a page loads because no page has time for it: networks, then series; yields the record of each."""
    from bncourse.lab.vision import trainings
    from bncourse.ledger import series
    from bncourse.pretraining import trainings as pretrainings

    for name in trainings.OF_PAGE.get(stem, []):
        path = RESULTS / f"{name}.json"
        trainings.keep(path, trainings.PLANS[name], provenance())
        yield path
    for name in pretrainings.OF_PAGE.get(stem, []):
        path = RESULTS / f"{name}.json"
        pretrainings.keep(path, pretrainings.PLANS[name], provenance())
        yield path
    for name in series.OF_PAGE.get(stem, []):
        path = RESULTS / f"{name}.json"
        series.keep(path, series.arms(name), provenance())
        yield path


def run(stem: str, first_seed: int, full: bool) -> Path:
    """Execute a page with seeds from `first_seed` on, with `full` as many as it names at most; store a `StoredRun`.

    Returns the file written. Raises CourseError where a cell fails.
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
    entries = entries_of_notebook(notebook)
    content = StoredRun(
        page=stem,
        seeds=entries.costs[-1].seeds if entries.costs else [],
        full=full,
        **provenance(),
        processor_seconds=round(sum(cost.seconds for cost in entries.costs)),
        choices=entries.choices,
        evidence=[_rounded(entry) for entry in entries.evidence],
    )
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{stem}.json"
    write_whole(path, json.dumps(asdict(content), indent=1) + "\n")
    return path


@contextmanager
def _environment(first_seed: int, full: bool) -> Iterator[None]:
    settings = {"BNCOURSE_PAGE": "1", "OMP_NUM_THREADS": "1", FIRST_SEED: str(first_seed), FULL: "1" if full else ""}
    before = {name: os.environ.get(name) for name in settings}
    os.environ.update(settings)
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})


def _rounded(entry: Evidence) -> Evidence:
    rounded: dict[str, Any] = {
        name: float(f"{value:.4g}") if isinstance(value, float) else value for name, value in vars(entry).items()
    }
    return Evidence(**rounded)


def provenance() -> dict[str, Any]:
    """Where and when something is measured: date, commit, machine and versions."""
    machine = f"{platform.system()} {platform.machine()}, {os.cpu_count()} processors"
    return {"date": time.strftime("%Y-%m-%d"), "commit": commit(), "machine": machine, "versions": _versions()}


def commit() -> str:
    """The short name of the commit that the course stands at; "unknown" outside of a repository."""
    command = ["git", "rev-parse", "--short", "HEAD"]
    answer = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    return answer.stdout.strip() or "unknown"


def _versions() -> dict[str, str]:
    import numpy
    import torch

    return {"python": platform.python_version(), "torch": torch.__version__, "numpy": numpy.__version__}
