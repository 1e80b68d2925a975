"""Recurrent networks for sequences of varied length: what their norms leave out, and how their rates were chosen."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from bncourse.lab.vision import scenes
from bncourse.ledger import sequences, series
from bncourse.ledger.sequences import GATES, LONGEST, NORMS, RATES, ROW, SHORTEST, TRIED, Reader, StepNorm

LENGTHS = torch.tensor([12, 30, 17, 30, 25, 30, 30, 21, 30, 30, 30, 11])


@pytest.fixture
def batch():
    """Twelve sequences with zeros after their end."""
    torch.manual_seed(0)
    x = torch.randn(len(LENGTHS), LONGEST, ROW)
    return x * (torch.arange(LONGEST) < LENGTHS[:, None])[..., None]


def made(cell, norm, **options):
    torch.manual_seed(1)
    return Reader(cell, norm, hidden=6, **options)


def test_with_a_mask_each_step_is_a_batch_norm_of_the_real_rows_alone(batch):
    """The plain network once more: every step with nn.BatchNorm1d of its own, a mask, and no order by length."""
    model = made("RNN", "BN, masked")
    norms = [[nn.BatchNorm1d(6) for _ in range(LONGEST)] for _ in range(2)]
    h = torch.zeros(len(LENGTHS), 6)
    for step in range(sequences.SHARED):
        real = step < LENGTHS
        into, across = (of[step].train() for of in norms)
        after = torch.tanh(into(model.into(batch[real, step])) + across(model.across(h[real])))
        h = h.masked_scatter(real[:, None], after)
    short = LENGTHS <= sequences.SHARED
    torch.testing.assert_close(model.train()(batch, LENGTHS)[short], model.out(h)[short])
    for norm, of in zip(model.norms, norms):
        for step in (0, sequences.SHARED - 1):
            torch.testing.assert_close(norm.mean[step], of[step].running_mean)
            torch.testing.assert_close(norm.var[step], of[step].running_var)


def test_a_step_that_too_few_sequences_reach_uses_the_running_statistics_and_leaves_them():
    norm = StepNorm("BN, masked", 3, 1.0).train()
    norm.mean += 2
    few = torch.randn(sequences.FEWEST - 1, 3)
    before = norm.mean.clone()
    torch.testing.assert_close(norm(few, 29), (few - 2) / (1 + 1e-5) ** 0.5)
    assert torch.equal(norm.mean, before)
    norm(torch.randn(sequences.FEWEST, 3), 29)
    assert not torch.equal(norm.mean[sequences.SHARED], before[0]), "late steps share the last set"


@pytest.mark.parametrize("cell", GATES)
@pytest.mark.parametrize("norm", NORMS)
def test_what_stands_in_the_padding_changes_an_answer_only_in_training_and_where_padding_counts(cell, norm, batch):
    padding = torch.arange(LONGEST) >= LENGTHS[:, None]
    other = batch.masked_fill(padding[..., None], 7.0)
    for training in (True, False):
        first, second = (made(cell, norm).train(training)(x, LENGTHS) for x in (batch, other))
        assert torch.equal(first, second) != (training and norm == "BN, padded")


@pytest.mark.parametrize("cell", GATES)
@pytest.mark.parametrize("norm", NORMS)
def test_the_order_of_a_batch_changes_no_answer(cell, norm, batch):
    order = torch.randperm(len(LENGTHS))
    mixed = made(cell, norm).train()(batch[order], LENGTHS[order])
    torch.testing.assert_close(mixed, made(cell, norm).train()(batch, LENGTHS)[order])


@pytest.mark.parametrize("cell", ["GRU", "LSTM"])
def test_without_a_norm_the_cells_are_those_of_pytorch(cell, batch):
    model, theirs = made(cell, "none"), getattr(nn, cell)(ROW, 6, batch_first=True)
    blocks = [0, 1, 2] if cell == "GRU" else [1, 0, 3, 2]  # theirs: input, forget, memory, output
    for ours, name in (
        (model.into.weight, "weight_ih_l0"),
        (model.across.weight, "weight_hh_l0"),
        (model.bias, "bias_ih_l0"),
    ):
        getattr(theirs, name).data = torch.cat([ours.data.split(6)[block] for block in blocks])
    theirs.bias_hh_l0.data.zero_()
    for row, length in enumerate(LENGTHS.tolist()):
        expected = model.out(theirs(batch[row : row + 1, :length])[0][:, -1])
        torch.testing.assert_close(model(batch, LENGTHS)[row : row + 1], expected)


def test_a_sequence_is_its_digit_stretched_lit_and_padded():
    images, _ = scenes.split("choose")
    x, lengths = sequences.sequences(images, torch.Generator().manual_seed(0))
    assert x.shape == (500, LONGEST, ROW) and lengths.min() == SHORTEST and lengths.max() == LONGEST
    for row in range(20):
        own, length = x[row], int(lengths[row])
        assert not own[length:].any()
        stretched = nn.functional.interpolate(images[row : row + 1], size=(length, ROW), mode="bilinear")[0, 0]
        design = torch.stack([stretched.flatten(), torch.ones(length * ROW)], 1)
        gain_and_offset = torch.linalg.lstsq(design, own[:length].reshape(-1, 1)).solution
        torch.testing.assert_close(design @ gain_and_offset, own[:length].reshape(-1, 1), atol=1e-4, rtol=1e-4)
        assert gain_and_offset[0] > 0


def test_each_arm_is_reported_at_the_rate_that_erred_least_and_nothing_is_reported_of_what_chose():
    errors = {name: np.array([5.0, 7.0]) for name in TRIED}
    errors["GRU, LN, 0.03"] = np.array([1.0, 9.0])
    errors["LSTM, none, 0.01"] = np.array([6.0, 5.0])
    plans = sequences.chosen(errors)
    assert list(plans) == [f"{cell}, {norm}" for cell in RATES for norm in NORMS]
    assert [(plans[arm].cell, plans[arm].norm) for arm in plans] == [(cell, norm) for cell in RATES for norm in NORMS]
    assert plans["GRU, LN"].learning_rate == 0.03 and plans["LSTM, none"].learning_rate == 0.01
    assert {plan.of for plan in TRIED.values()} == {"choose"} and {plan.of for plan in plans.values()} == {"report"}
    assert not set(series.SEEDS_OF["sequences"]) & set(series.SEEDS_OF["sequences_rates"])


def test_a_series_keeps_what_each_training_reached_and_repeats_none(tmp_path, monkeypatch):
    plans = []

    def trained(plan):
        plans.append(plan)
        return {"processor_seconds": 1, "steps": [2], "curve": [30.0], "results": {"error": 10.0 * plan.seed}}

    monkeypatch.setattr(sequences, "trained", trained)
    arms = {"GRU, LN": sequences.Plan("GRU", "LN", 0.01, steps=2)}
    for _ in range(2):
        series.keep(tmp_path / "sequences.json", arms, {"commit": "abc"})
    seeds = list(series.SEEDS_OF["sequences"])
    assert [plan.seed for plan in plans] == seeds
    np.testing.assert_array_equal(
        series.values(tmp_path / "sequences.json")["GRU, LN"]["error"], 10.0 * np.array(seeds)
    )


def test_a_training_is_repeatable_and_its_errors_are_those_of_its_images():
    plan = sequences.Plan("GRU", "BN, masked", 0.01, steps=4, every=2, batch_size=16)
    first, again = sequences.trained(plan), sequences.trained(plan)
    assert first["steps"] == [2, 4] and first["curve"] == again["curve"] and first["results"] == again["results"]
    assert 0 < first["results"]["error"] <= 100
    assert sequences.trained(replace(plan, every=0, of="choose"))["results"]["error"] == first["curve"][-1]
