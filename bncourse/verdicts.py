"""From what the pages measured to a verdict on each claim: the rule that `book/ledger.md` states."""

import ast
import json
from pathlib import Path

from bncourse.paths import RESULTS

REPRODUCED, PARTLY, NOT_HERE, DISPUTED = "reproduced", "partly", "not at this scale", "disputed"
OPEN = "not written yet"
VERDICTS = (REPRODUCED, PARTLY, NOT_HERE, DISPUTED, OPEN)


def verdict_of_entry(entry):
    """The verdict on one piece of evidence, a dictionary of `bncourse.results.evidence`."""
    low, high, null, guide = (entry[key] for key in ("low", "high", "null", "guide"))
    if entry["unit"] == "parity":
        return REPRODUCED if high <= null else DISPUTED
    if high < null:
        return DISPUTED
    if not low > null:  # so that NaN is no evidence
        return NOT_HERE
    return REPRODUCED if guide is None or high >= guide else PARTLY


def verdict(entries):
    """The verdict on a claim from all its pieces of evidence; of none, "not written yet"."""
    found = {verdict_of_entry(entry) for entry in entries}
    if not found:
        return OPEN
    if len(found) == 1:
        return found.pop()
    return PARTLY if found & {REPRODUCED, PARTLY} else DISPUTED


def glued(path):
    """What a page handed to its text, {name: value}, read from the `.glue.json` that the build keeps of it.

    Only numbers and texts; what is neither is left out.
    """
    path, values = Path(path), {}
    if not path.exists():
        return values
    for name, output in json.loads(path.read_text(encoding="utf-8")).items():
        try:
            values[name] = ast.literal_eval(output["data"]["text/plain"])
        except (KeyError, ValueError, SyntaxError):
            continue
    return values


def entries_in(values, kind="evidence"):
    """The entries of one kind, "evidence" or "cost", among the glued values of a page, as dictionaries in order."""
    return [json.loads(value) for name, value in values.items() if name.startswith(f"{kind} ")]


def stored(stem):
    """What `bncourse.experiments` stored of a page's run with other seeds; empty if there is none."""
    path = RESULTS / f"{stem}.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
