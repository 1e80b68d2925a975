"""Numbers that a page measured: handed to its text, and to the ledger as evidence for or against a claim."""

import json
import os

import numpy as np

from bncourse.costs import cell_number, note_seeds, watch_cells
from bncourse.figures import confidence_interval

watch_cells()

FULL, FIRST_SEED = "BNCOURSE_FULL", "BNCOURSE_FIRST_SEED"


def seeds(shown, full):
    """The seeds of an experiment: `shown` many on a page, `full` many in `make experiments`, as a range."""
    first = int(os.environ.get(FIRST_SEED, 0))
    chosen = range(first, first + (full if os.environ.get(FULL) else shown))
    note_seeds(chosen)
    return chosen


def measured(name, value):
    """Make a measured number available to the page's text under `name`, by glue.

    A number is given as it is. Of several, one a seed `(S,)`, the text gets the mean as `name` and the half width of
    its 95 % confidence interval (Student's t) as `name_ci`.
    """
    from myst_nb import glue

    values = np.asarray(value)
    if values.ndim:
        glue(f"{name}_ci", confidence_interval(values), display=False)
        values = values.mean()
    glue(name, values.item(), display=False)


def recorded(name, data):
    """Hand `data`, numbers, texts, lists and dictionaries of them, to a figure of the page; four digits are kept."""
    from myst_nb import glue

    glue(f"data {name}", json.dumps(_short(data), separators=(",", ":")), display=False)


def _short(data):
    if isinstance(data, dict):
        return {str(key): _short(value) for key, value in data.items()}
    if isinstance(data, (list, tuple, range, np.ndarray)):
        return [_short(value) for value in data]
    if isinstance(data, (float, np.floating)):
        return float(f"{data:.4g}") if np.isfinite(data) else None
    return data.item() if isinstance(data, np.generic) else data


def evidence(claim, what, effect, *, interval=None, null=0.0, guide=None, unit="", scale=""):
    """Enter what a page measured into the ledger's row of `claim`, an id of the guide's claims such as "C2".

    `what` says in a few words what was compared. `effect` is turned so that more of it speaks for the claim and `null`
    is none at all: one value a seed `(S,)`, of which the ledger shows mean and 95 % interval (Student's t), or one
    number with its `interval` (low, high), from a bootstrap for instance. `guide` is the least effect that the guide
    names, on the same scale, where it names one. `unit` follows the numbers; `scale` says on what they were measured.
    """
    from myst_nb import glue

    values = np.asarray(effect, dtype=float)
    if interval is None:
        if values.size < 2:
            raise ValueError(f"{claim}: one number needs its interval")
        half = confidence_interval(values)
        interval = (values.mean() - half, values.mean() + half)
    entry = {
        "claim": claim, "what": what, "effect": float(values.mean()), "low": float(interval[0]),
        "high": float(interval[1]), "count": int(values.size), "null": float(null),
        "guide": None if guide is None else float(guide), "unit": unit, "scale": scale, "cell": cell_number(),
    }  # fmt: skip
    glue(f"evidence {claim} {what}", json.dumps(entry), display=False)


def parity(claim, what, difference, tolerance, scale=""):
    """Enter into the ledger by how much two ways to compute the same differ, and the `tolerance` that is allowed."""
    difference = float(difference)
    evidence(claim, what, difference, interval=(difference, difference), null=tolerance, unit="parity", scale=scale)
