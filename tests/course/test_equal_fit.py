"""Arms at equal fit: when a run stops, which of its networks counts, and what is left of a gain."""

import json

import numpy as np
import pytest

from bncourse.lab.ensembles.networks import MLPs
from bncourse.lab.runs import crossed, train
from bncourse.ledger import equal_fit
from bncourse.ledger.equal_fit import Stopped, fitted, gained, stopping_places, train_until_stopped


@pytest.mark.parametrize(
    ("validated", "place", "early"),
    [
        ([0.1, 0.5, 0.4, 0.4, 0.9], 1, True),  # the last test comes too late
        ([0.1, 0.5, 0.4, 0.6, 0.5], 3, False),
        ([0.1, 0.5, 0.5, 0.5, 0.5], 1, True),  # as good is not better
        ([0.1, 0.2, 0.3, 0.4, 0.5], 4, False),
        ([0.5, 0.2, 0.3, 0.4, 0.4], 0, True),
    ],
)
def test_a_run_stops_when_two_tests_in_a_row_were_no_better_and_its_best_counts(validated, place, early):
    places, stopped = stopping_places(np.array([validated]), patience=2)
    assert (places[0], stopped[0]) == (place, early)


def blobs(count, seed):
    """Images whose class is the row that is bright, with noise."""
    generator = np.random.default_rng(seed)
    labels = np.arange(count) % 3
    images = generator.normal(size=(count, 1, 5, 6)).astype(np.float32)
    images[np.arange(count), :, labels] += 0.7
    return images, labels


def test_what_counts_is_the_network_of_the_best_validated_step_on_other_images():
    known, validation, test = (blobs(60, seed) for seed in range(3))
    make = {"seeds": [3, 4], "norm": "batch"}
    stopped = train_until_stopped(
        MLPs((30, 8, 3), **make), *known, validation=validation, test=test,
        steps=12, every=2, patience=2, batch_size=20, rates=0.3,
    )  # fmt: skip
    for member, steps in enumerate(stopped.steps):
        nets = MLPs((30, 8, 3), **make)
        if steps:
            again = train(nets, *known, steps=12, every=2, batch_size=20, rates=0.3, test=validation)
            assert again.accuracy[member, again.steps.index(steps)] == stopped.validated[member]
            nets = MLPs((30, 8, 3), **make)
            train(nets, *known, steps=int(steps), batch_size=20, rates=0.3)
        assert nets.accuracy(*test)[member] == pytest.approx(stopped.accuracy[member])


def hill(best, ahead):
    """A training whose accuracy is highest at the rate `best`, and `ahead` there."""

    def run(rates, seeds):
        grid = crossed(rates=rates, seeds=seeds)
        noise = 0.01 * np.sin(grid["seeds"])
        accuracy = 0.5 + ahead - 0.1 * np.log10(grid["rates"] / best) ** 2 + noise
        ones = np.ones(len(grid))
        return Stopped(100 * ones, accuracy, accuracy, ones > 0).arranged(grid)

    return run


def test_each_arm_has_the_rate_that_is_best_where_it_stops(tmp_path, monkeypatch):
    path = tmp_path / "run.json"
    monkeypatch.setattr("bncourse.ledger.rates.enter_choice", lambda *_: None)
    plain = fitted(path, "plain", hill(0.1, 0.0), (0.03, 0.1, 0.3), range(20))
    treated = fitted(path, "treated", hill(0.3, 0.04), (0.03, 0.1, 0.3, 1.0), range(20))
    assert (plain.choice.rate, treated.choice.rate) == (0.1, 0.3)
    assert plain.choice.seeds == len(equal_fit.CHOOSING) >= 10
    assert not set(equal_fit.CHOOSING) & set(range(100, 130))
    effect, low, high = gained(plain, treated)
    assert effect == pytest.approx(4) and low <= effect <= high
    assert plain.at_best.steps.tolist() == [100] * 20


def test_a_stored_choice_is_taken_and_no_seed_chooses_again(tmp_path, monkeypatch):
    entered = {}
    monkeypatch.setattr("bncourse.ledger.rates.enter_choice", entered.__setitem__)
    monkeypatch.setattr("bncourse.ledger.rates.device", lambda: type("cpu", (), {"type": "cpu"}))
    path = tmp_path / "run.json"
    fitted(path, "arm", hill(0.1, 0.0), (0.03, 0.1, 0.3), range(3))
    path.write_text(json.dumps({"choices": entered}), "utf8")

    def only_reported(rates, seeds):
        assert not set(seeds) & set(equal_fit.CHOOSING)
        return hill(0.1, 0.0)(rates, seeds)

    assert fitted(path, "arm", only_reported, (0.03, 0.1, 0.3), range(3)).choice.rate == 0.1
