"""Trainings repeated over seeds: what is kept of them, how an interrupted run goes on, and what is refused."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from bncourse.course.errors import CourseError
from bncourse.course.paths import RESULTS
from bncourse.lab.vision import trainings
from bncourse.lab.vision.blocks import FrozenBatchNorm
from bncourse.lab.vision.trainings import PLANS, Trained
from bncourse.ledger import series
from tests.chosen import chapters

ABOUT = {"commit": "abc"}
ARMS = {"BN": series._pairs("bn"), "GN": series._pairs("gn")}
KEPT = [name for page, names in series.OF_PAGE.items() if page in chapters() for name in names]


@pytest.fixture
def trained(monkeypatch):
    """The plans that were trained; each training is none, and reaches 10 times its seed, and 1 with GN."""
    plans = []

    def train(plan):
        plans.append(plan)
        return Trained(plan, seconds=7.4)

    def tested(plan, scenes):
        return {"box AP50": 10.0 * plan.seed + (plan.norm == "gn"), "mask AP50": 1 / 3}

    monkeypatch.setattr(series, "train", train)
    monkeypatch.setattr(series, "tested", tested)
    monkeypatch.setattr(series, "REPORT", 4)
    return plans


def test_each_arm_is_trained_with_each_seed_and_its_values_come_back_in_their_order(trained, tmp_path):
    path = tmp_path / "series.json"
    series.keep(path, ARMS, ABOUT)
    assert [(plan.norm, plan.seed) for plan in trained] == [(norm, n) for n in series.SEEDS for norm in ("bn", "gn")]
    row = json.loads(path.read_text())[-1]
    assert row["arm"] == "GN" and row["commit"] == "abc" and row["processor_seconds"] == 7
    values = series.values(path)
    np.testing.assert_array_equal(values["GN"]["box AP50"] - values["BN"]["box AP50"], 1)
    np.testing.assert_array_equal(values["BN"]["box AP50"], [0, 10, 20])
    assert values["BN"]["mask AP50"][0] == 0.33


def test_an_interrupted_series_goes_on_where_it_stopped(trained, tmp_path, monkeypatch):
    path, train = tmp_path / "series.json", series.train

    def interrupted(plan):
        if len(trained) == 3:
            raise KeyboardInterrupt
        return train(plan)

    monkeypatch.setattr(series, "train", interrupted)
    with pytest.raises(KeyboardInterrupt):
        series.keep(path, ARMS, ABOUT)
    with pytest.raises(CourseError, match="series.json is not complete: 'make experiments' goes on"):
        series.values(path)
    monkeypatch.setattr(series, "train", train)
    series.keep(path, ARMS, {"commit": "later"})
    assert len(trained) == len(set(trained)) == 6
    assert [row["commit"] for row in json.loads(path.read_text())] == ["abc"] * 3 + ["later"] * 3


def test_only_trainings_whose_plan_has_changed_are_repeated(trained, tmp_path):
    path = tmp_path / "series.json"
    series.keep(path, ARMS, ABOUT)
    trained.clear()
    series.keep(path, {**ARMS, "GN": replace(ARMS["GN"], steps=5)}, ABOUT)
    assert {(plan.norm, plan.steps) for plan in trained} == {("gn", 5)}
    assert len(json.loads(path.read_text())) == 6


def test_a_network_that_is_stored_is_not_trained_again(trained, tmp_path, monkeypatch):
    path, plan = tmp_path / "series.json", PLANS["detector_bn"]
    monkeypatch.setattr(series, "stored", lambda record: (plan, {}))
    series.keep(path, {"BN": plan}, ABOUT)
    assert [plan.seed for plan in trained] == [1, 2]
    rows = json.loads(path.read_text())
    record = json.loads((RESULTS / "detector_bn.json").read_text())
    assert [row["weights"] for row in rows] == [record["sha256"], None, None]
    assert rows[0]["processor_seconds"] == record["processor_seconds"]


@pytest.mark.parametrize("content", ["no JSON", "{}", "[1]", '[{"arm": "BN"}]', "[]"])
def test_a_file_that_is_no_series_is_told_in_one_line(content, tmp_path):
    path = tmp_path / "series.json"
    path.write_text(content)
    with pytest.raises(CourseError, match="series.json .*make experiments") as failure:
        series.values(path)
    assert "\n" not in str(failure.value)


@pytest.mark.parametrize("name", KEPT)
def test_what_is_kept_is_of_today(name):
    rows, arms = json.loads((RESULTS / f"{name}.json").read_text()), series.arms(name)
    plans = [type(arms[row["arm"]])(**row["plan"]) for row in rows]
    seeds = series.SEEDS_OF.get(name, series.SEEDS)
    kept = [(row["arm"], plan) for row, plan in zip(rows, plans)]
    assert kept == [(arm, replace(plan, seed=n)) for n in seeds for arm, plan in arms.items()]
    for row, plan in zip(rows, plans):
        assert {"commit", "date", "machine", "versions", "processor_seconds"} <= set(row)
        assert row["weights"] == series._record_of(plan).get("sha256"), "the network that is stored is another one"


def test_each_segmenter_is_trained_with_the_rate_that_was_best_with_another_seed():
    chosen = series.best_rates(RESULTS / "segmenter_rates.json")
    assert chosen == {arm: plan.learning_rate for arm, plan in series.ARMS["segmenter_seeds"].items()}
    assert not set(series.SEEDS_OF["segmenter_rates"]) & set(series.SEEDS)


def test_the_best_rate_is_that_of_the_best_mean_on_scenes_to_choose_by(tmp_path):
    path, about = tmp_path / "series.json", {"weights": None}
    reached = {"BN, 0.01": ((50, 40), (60, 60)), "BN, 0.03": ((48, 44), (0, 0)), "none, 0.01": ((1, 1), (9, 9))}
    rows = [
        {"arm": arm, "plan": {"seed": seed}, **about, "results": {"mIoU to choose by": choose[seed], "mIoU": of[seed]}}
        for arm, (choose, of) in reached.items()
        for seed in range(2)
    ]
    path.write_text(json.dumps(rows))
    assert series.best_rates(path) == {"BN": 0.03, "none": 0.01}


@pytest.mark.parametrize("name", [name for name in series.ARMS["detector_pairs"] if "begun" in name])
def test_a_detector_that_begins_with_a_stored_backbone_has_new_heads_without_a_norm(name):
    plan = series.ARMS["detector_pairs"][name]
    model, (earlier, _) = plan.model(), trainings.stored(RESULTS / f"{plan.begun}.json")
    images = plan.scenes_of(4, 3, "report").images
    with torch.no_grad():
        ours, theirs = (net.eval().proposals(images).features for net in (model, earlier))
    torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-4)
    assert not any("norm" in type(part).__name__.lower() for part in (*model.box_features, *model.mask_head))


def test_a_frozen_norm_is_bn_in_evaluation_and_learns_nothing():
    torch.manual_seed(0)
    bn, frozen, x = torch.nn.BatchNorm2d(3), FrozenBatchNorm(3), torch.randn(4, 3, 5, 5) * 3 + 1
    bn(x)
    frozen.load_state_dict(bn.state_dict())
    before = frozen.train()(x)
    torch.testing.assert_close(before, bn.eval()(x))
    frozen(5 * x)
    assert torch.equal(frozen.eval()(x), before) and not list(frozen.parameters())
