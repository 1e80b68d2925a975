"""Trainings repeated over seeds: what each one reached is kept, not its weights (`book/11_vision_tasks.md`)."""

import json
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
from torch import nn

from bncourse.course.errors import CourseError
from bncourse.course.files import write_whole
from bncourse.course.paths import RESULTS, shown
from bncourse.lab.vision import weights
from bncourse.lab.vision.precision import tested
from bncourse.lab.vision.segmenter import Segmenter, labelled, labelled_scenes
from bncourse.lab.vision.trainings import PLANS, Plan, mean_iou, stored, train
from bncourse.ledger import sequences

SEEDS = range(3)
SEEDS_OF = {  # of series with others; the seeds that choose a rate are not reported
    "sequences": range(3),
    "sequences_rates": range(1000, 1001),
    "segmenter_rates": range(100, 101),
}
REPORT = 500  # scenes that a network is measured on; nothing is chosen by them


def _pairs(norm: str, begun: str = "") -> Plan:
    """Darker scenes with more clutter, 2 a step; half as many steps with a backbone that has learnt before."""
    steps = 1600 if begun else 3200
    return Plan(
        "detector", norm, steps, batch_size=2, learning_rate=0.00625, warm_up=steps // 8, every=0, scenes=2 * steps,
        clutter=4, darkest=0.1, begun=begun,
    )  # fmt: skip


def _rates(arm: str) -> dict[str, Plan]:
    """A segmenter's arm with each learning rate that it may take, a quarter as long as it is trained in the end."""
    plan = PLANS[f"segmenter_{arm.lower()}"]
    short = replace(plan, steps=plan.steps // 4, every=0)
    return {f"{arm}, {rate}": replace(short, learning_rate=rate) for rate in (0.003, 0.01, 0.03, 0.1)}


ARMS: dict[str, Mapping[str, Plan | sequences.Plan]] = {
    "detector_seeds": {"BN": PLANS["detector_bn"], "GN": PLANS["detector_gn"]},
    "detector_pairs": {
        "none": _pairs("none"),
        "BN": _pairs("bn"),
        "GN": _pairs("gn"),
        "BN, begun": _pairs("bn", "detector_bn"),
        "frozen, begun": _pairs("frozen", "detector_bn"),
    },
    "segmenter_rates": {name: plan for arm in ("none", "BN", "GN") for name, plan in _rates(arm).items()},
    "segmenter_seeds": {arm: PLANS[f"segmenter_{arm.lower()}"] for arm in ("none", "BN", "GN")},
    "sequences_rates": sequences.TRIED,
}
# Which of them a page loads.
OF_PAGE = {
    "11_vision_tasks": ["detector_seeds", "detector_pairs", "segmenter_rates", "segmenter_seeds"],
    "12_small_batches": ["sequences_rates", "sequences"],
}


def arms(name: str) -> Mapping[str, Plan | sequences.Plan]:
    """The arms of a series; those of "sequences" at the rates that its "sequences_rates" has found."""
    if name != "sequences":
        return ARMS[name]
    by_arm = values(RESULTS / "sequences_rates.json")
    return sequences.chosen({arm: reached["error"] for arm, reached in by_arm.items()})


def keep(path: Path, arms: Mapping[str, Plan | sequences.Plan], about: dict[str, Any]) -> None:
    """Train each arm with each seed and write to `path` what it reached; `about` says on what.

    The file is written after each training. One that stands there with the plan of today is not repeated, so that what
    was interrupted goes on; whoever deletes the file begins anew.
    """
    before, rows = _rows(path) if path.exists() else [], []
    for seed in SEEDS_OF.get(path.stem, SEEDS):
        for arm, plan in arms.items():
            plan = replace(plan, seed=seed)
            record = _record_of(plan)
            same = [row for row in before if row["plan"] == asdict(plan) and row["weights"] == record.get("sha256")]
            rows.append({**(same[0] if same else _measured(plan, record, about)), "arm": arm})
            write_whole(path, json.dumps(rows, indent=1) + "\n")


def _record_of(plan: Plan | sequences.Plan) -> dict[str, Any]:
    """The record of the network that is stored of this training; empty where there is none."""
    name = next((name for name, other in PLANS.items() if other == plan), None)
    return {"name": name, **weights.record_of(RESULTS / f"{name}.json")} if name else {}


def _measured(plan: Plan | sequences.Plan, record: Mapping[str, Any], about: dict[str, Any]) -> dict[str, Any]:
    """What a training reached; of one whose network is stored, what this network reaches."""
    if isinstance(plan, sequences.Plan):
        return {"arm": "", "plan": asdict(plan), **about, "weights": None, **sequences.trained(plan)}
    if record:
        model, seconds = stored(RESULTS / f"{record['name']}.json")[0], record["processor_seconds"]
    else:
        trained = train(plan)
        model, seconds = trained.model, round(trained.seconds)
    results = _results(model, plan)
    return {
        "arm": "",
        "plan": asdict(plan),
        **about,
        "processor_seconds": seconds,
        "weights": record.get("sha256"),
        "results": {name: round(value, 2) for name, value in results.items()},
    }


def _results(model: nn.Module, plan: Plan) -> dict[str, float]:
    """A detector's precision; a segmenter's mean IoU on scenes to report, and on scenes to choose a rate by."""
    if isinstance(model, Segmenter):
        scenes = {"mIoU": labelled_scenes(REPORT, 3, "report"), "mIoU to choose by": labelled_scenes(300, 2, "choose")}
        return {name: mean_iou(labelled(model, each.images), each.labels) for name, each in scenes.items()}
    return tested(model, plan.scenes_of(REPORT, 3, "report"))  # type: ignore[arg-type]  # all others are detectors


def best_rates(path: Path) -> dict[str, float]:
    """The learning rate of each arm of a series of segmenters' rates with which it is best on scenes to choose by."""
    arms: dict[str, dict[float, float]] = {}
    for name, results in values(path).items():
        arm, _, rate = name.rpartition(", ")
        arms.setdefault(arm, {})[float(rate)] = results["mIoU to choose by"].mean()
    return {arm: max(of_rate, key=of_rate.__getitem__) for arm, of_rate in arms.items()}


def _rows(path: Path) -> list[dict[str, Any]]:
    try:
        rows: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))
        complete = all({"arm", "plan", "weights", "results"} <= set(row) for row in rows)
    except (OSError, ValueError, TypeError) as error:
        raise CourseError(f"{shown(path)} is no series of trainings: delete it, then run 'make experiments'") from error
    if not complete:
        raise CourseError(f"{shown(path)} is no series of trainings: delete it, then run 'make experiments'")
    return rows


def values(path: Path) -> dict[str, dict[str, np.ndarray]]:
    """What each arm reached, by arm and measure: `(S,)`, one a seed, the seeds of all arms in the same order.

    Raises CourseError where the file is none of `keep`, or where a seed is missing in an arm.
    """
    arms: dict[str, dict[int, dict[str, float]]] = {}
    for row in _rows(path):
        arms.setdefault(row["arm"], {})[row["plan"]["seed"]] = row["results"]
    seeds = sorted(set().union(*arms.values()))
    if not seeds or any(sorted(of_arm) != seeds for of_arm in arms.values()):
        raise CourseError(f"{shown(path)} is not complete: 'make experiments' goes on with it")
    return {
        arm: {name: np.array([of_seed[seed][name] for seed in seeds]) for name in of_seed[seeds[0]]}
        for arm, of_seed in arms.items()
    }
