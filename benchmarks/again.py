"""Two complete runs of the experiments, compared claim by claim: `python -m benchmarks.again FOLDER`.

FOLDER holds the results of the other run, such as `book/results` of a second clone after
`python -m bncourse experiments --first-seed 5000` there. Claims that a formula decides are left out: no seed changes
them.
"""

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from bncourse.ledger import experiments
from bncourse.ledger.claims import Claim, claims
from bncourse.ledger.entries import Evidence
from bncourse.ledger.verdicts import verdicts

WORLDS = 500
Run = dict[Claim, Evidence]


def of_run(folder: Path, asked: list[Claim]) -> Run:
    """The measurement that decides each claim, as far as seeds decide it."""
    rows = {}
    for path in sorted(folder.glob("[0-9]*.json")):
        stored = experiments.stored(path.stem, folder)
        rows |= {entry.measurement: entry for entry in stored.evidence} if stored else {}
    return {claim: rows[claim.row] for claim in asked if claim.row in rows and not rows[claim.row].is_parity}


def touch(first: Evidence, second: Evidence) -> bool:
    return first.low <= second.high and second.low <= first.high


def scaled(entry: Evidence, values: tuple[float, ...]) -> np.ndarray:
    return np.log(values) if entry.unit == "x" else np.asarray(values)


def expected(first: Run, second: Run) -> tuple[float, float]:
    """How many intervals touch and verdicts differ of two such runs, if the truth is what these two say on average."""
    rng = np.random.default_rng(0)
    touching, differing = [], []
    for _ in range(WORLDS):
        runs: list[Run] = [{}, {}]
        for claim, entry in first.items():
            other = second[claim]
            middle = scaled(entry, (entry.effect, other.effect)).mean()
            for run, measured in zip(runs, (entry, other)):
                effect, low, high = scaled(measured, (measured.effect, measured.low, measured.high))
                drawn = rng.normal(middle, max(high - low, 1e-12) / 2 / 1.96)
                ends = np.array([effect, low, high]) - effect + drawn
                effect, low, high = np.exp(ends) if measured.unit == "x" else ends
                run[claim] = replace(measured, effect=float(effect), low=float(low), high=float(high))
        one_says, other_says = verdicts(runs[0]), verdicts(runs[1])
        touching.append(sum(touch(runs[0][claim], runs[1][claim]) for claim in first))
        differing.append(sum(one_says[name] != other_says[name] for name in one_says))
    return float(np.mean(touching)), float(np.mean(differing))


def main() -> None:
    parser = argparse.ArgumentParser(description="Compare two complete runs of the experiments.")
    parser.add_argument("folder", type=Path)
    asked = list(claims().values())
    second = of_run(parser.parse_args().folder, asked)
    first = {claim: entry for claim, entry in of_run(experiments.RESULTS, asked).items() if claim in second}
    second = {claim: second[claim] for claim in first}
    says, again = verdicts(first), verdicts(second)
    table = Table("claim", "stored run", "other run", "intervals", "verdict", "other verdict")
    for claim, entry in first.items():
        other = second[claim]
        shown = [f"{each.effect:.3g} [{each.low:.3g}, {each.high:.3g}] {each.unit}" for each in (entry, other)]
        verdict, other_verdict = says[claim.id], again[claim.id]
        changed = "" if verdict == other_verdict else str(other_verdict)
        table.add_row(claim.id, *shown, "touch" if touch(entry, other) else "apart", verdict, changed)
    touching, differing = expected(first, second)
    console = Console(width=150)
    console.print(table)
    touch_now = sum(touch(first[claim], second[claim]) for claim in first)
    differ_now = sum(says[name] != again[name] for name in says)
    console.print(f"{len(first)} claims: {touch_now} intervals touch, expected {touching:.1f}")
    console.print(f"{differ_now} verdicts differ, expected {differing:.1f}")


if __name__ == "__main__":
    main()
