"""What a page measured: handed to its text, its figures and the ledger, and read back from the executed page."""

import ast
import json
import os
import sys
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, SupportsFloat

import numpy as np
from numpy.typing import ArrayLike

from bncourse.lab.statistics import confidence_interval
from bncourse.ledger.costs import cell_number, watch_cells

if TYPE_CHECKING:
    from nbformat import NotebookNode

FULL, FIRST_SEED = "BNCOURSE_FULL", "BNCOURSE_FIRST_SEED"
PARITY = "parity"
GLUED = "text/plain"

_seeds: set[int] = set()


@dataclass(frozen=True)
class Evidence:
    """One measurement for or against a claim: an effect, its 95 % interval, and what the rule compares it with.

    More effect speaks for the claim. `null` is none at all, or of a parity the difference that is allowed. `count` says
    how many values it is the mean of, `cell` where it was entered.
    """

    claim: str
    what: str
    effect: float
    low: float
    high: float
    count: int
    null: float
    unit: str
    scale: str
    cell: int

    @property
    def is_parity(self) -> bool:
        """Whether two ways to compute the same were compared."""
        return self.unit == PARITY

    @property
    def measurement(self) -> tuple[str, str]:
        """What it measures, by which the same measurement is found again in another run of its page."""
        return self.claim, self.what


@dataclass(frozen=True)
class Cost:
    """What a cell took: processor `seconds`, the process's `peak` in MiB.

    `seeds` are those of the page so far, `trained` on which devices and in which precisions it has trained so far.
    """

    cell: int
    seconds: float
    peak: float
    seeds: list[int]
    date: str
    trained: list[str] = field(default_factory=list)


@dataclass
class Entries:
    """All that the cells of one page entered, in their order; `data` for figures and `choices` of rates by name."""

    evidence: list[Evidence] = field(default_factory=list)
    costs: list[Cost] = field(default_factory=list)
    data: dict[str, object] = field(default_factory=dict)
    choices: dict[str, dict[str, Any]] = field(default_factory=dict)

    @property
    def trained(self) -> str:
        """On which device and in which precision the page trained: "cpu, float32"."""
        return "; ".join(self.costs[-1].trained) if self.costs else ""


def entries_of_page(path: Path) -> Entries:
    """What a page entered, from the `.glue.json` that the build keeps of it; nothing where there is none."""
    outputs = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    return _read((name, output["data"].get(GLUED, "")) for name, output in outputs.items())


def entries_of_notebook(notebook: "NotebookNode") -> Entries:
    """What the cells of an executed notebook entered."""
    outputs = (output for cell in notebook.cells for output in cell.get("outputs", []))
    glued = ((output.get("metadata", {}).get("scrapbook"), output) for output in outputs)
    return _read(
        (scrapbook["name"], output["data"].get(scrapbook["mime_prefix"] + GLUED, ""))
        for scrapbook, output in glued
        if scrapbook
    )


def _enter(name: str, content: object) -> None:
    from myst_nb import glue

    glue(name, json.dumps(content), display=False)


def _read(outputs: Iterable[tuple[str, str]]) -> Entries:
    entries = Entries()
    for name, text in outputs:
        match name.split(" ", 1):
            case ["evidence", _]:
                entries.evidence.append(Evidence(**_content(text)))
            case ["cost", _]:
                entries.costs.append(Cost(**_content(text)))
            case ["data", key]:
                entries.data[key] = _content(text)
            case ["choice", key]:
                entries.choices[key] = _content(text)
    return entries


def _content(text: str) -> Any:
    return json.loads(ast.literal_eval(text))  # IPython shows a text as its repr


def _enter_cost(cell: int, seconds: float, peak: float) -> None:
    training = sys.modules.get("bncourse.lab.training")  # not imported for it: a page may do without PyTorch
    trained = sorted(training.trained) if training else []
    _enter(f"cost {cell}", asdict(Cost(cell, seconds, peak, sorted(_seeds), time.strftime("%Y-%m-%d"), trained)))


# On import, which is in the first cell of a page: that cell would be missing from the costs otherwise.
watch_cells(_enter_cost)


def seeds(shown: int, full: int) -> range:
    """The seeds of an experiment: `shown` many on a page, `full` many in `make experiments`."""
    first = int(os.environ.get(FIRST_SEED, 0))
    chosen = range(first, first + (full if os.environ.get(FULL) else shown))
    _seeds.update(chosen)
    return chosen


def measured(name: str, value: ArrayLike) -> None:
    """Make a measured number available to the page's text under `name`, by glue.

    A number is handed on as it is. Of several, one a seed `(S,)`, the text gets the mean as `name` and the half width
    of its 95 % confidence interval (Student's t) as `name_ci`.
    """
    from myst_nb import glue

    values = np.asarray(value)
    if values.ndim:
        glue(f"{name}_ci", confidence_interval(values), display=False)
        values = values.mean()
    glue(name, values.item(), display=False)


def recorded(name: str, data: object) -> None:
    """Hand `data`, numbers, texts, lists and dictionaries of them, to a figure of the page; four digits are kept."""
    _enter(f"data {name}", _short(data))


def enter_choice(name: str, choice: dict[str, Any]) -> None:
    """Keep how the learning rate of an arm was chosen, for the stored run; `bncourse.ledger.rates` calls it."""
    _enter(f"choice {name}", choice)


def _short(data: object) -> object:
    if isinstance(data, dict):
        return {str(key): _short(value) for key, value in data.items()}
    if isinstance(data, (list, tuple, range, np.ndarray)):
        return [_short(value) for value in data]
    if isinstance(data, (float, np.floating)):
        return float(f"{data:.4g}") if np.isfinite(data) else None
    return data.item() if isinstance(data, np.generic) else data


def evidence(
    claim: str,
    what: str,
    effect: ArrayLike,
    *,
    interval: Iterable[SupportsFloat] | None = None,
    null: SupportsFloat = 0.0,
    unit: str = "",
    scale: str = "",
) -> None:
    """Enter what a page measured into the ledger's row of `claim`, an id of the guide's claims such as "C2".

    `what` says in a few words what was compared. `effect` is turned so that more of it speaks for the claim and `null`
    is none at all: one value a seed `(S,)`, of which the ledger shows mean and 95 % interval (Student's t), or one
    number with its `interval` (low, high), from a bootstrap for instance. `unit` follows the numbers; `scale` says on
    what they were measured.
    Raises ValueError for one number without its interval.
    """
    values = np.asarray(effect, dtype=float)
    if interval is None:
        if values.size < 2:
            raise ValueError(f"{claim}: one number needs its interval")
        half = confidence_interval(values)
        interval = (values.mean() - half, values.mean() + half)
    low, high = (float(bound) for bound in interval)
    entry = Evidence(
        claim, what, float(values.mean()), low, high, count=values.size, null=float(null),
        unit=unit, scale=scale, cell=cell_number(),
    )  # fmt: skip
    _enter(f"evidence {claim} {what}", asdict(entry))


def parity(claim: str, what: str, difference: SupportsFloat, tolerance: float, scale: str = "") -> None:
    """Enter into the ledger by how much two ways to compute the same differ, and the `tolerance` that is allowed."""
    difference = float(difference)
    evidence(claim, what, difference, interval=(difference, difference), null=tolerance, unit=PARITY, scale=scale)
