"""Grids of settings, and the training of many networks: rates, tests, reports, progress."""

import numpy as np
import pytest
import torch
from torch import nn

from bncourse.lab import training
from bncourse.lab.ensembles.networks import MLPs
from bncourse.lab.runs import crossed, descend, train


def blobs(count=60, classes=3):
    """Images whose class is the row that is bright."""
    generator = np.random.default_rng(0)
    labels = np.arange(count) % classes
    images = generator.normal(size=(count, 1, 5, 6)).astype(np.float32)
    images[np.arange(count), :, labels] += 2
    return images, labels


IMAGES, LABELS = blobs()


def networks(norm="none", seeds=(3, 1, 1), **options):
    return MLPs((30, 8, 12, 3), seeds, norm=norm, **options)


@pytest.mark.parametrize("decay, factors", [(0.0, [1, 1, 1, 1]), (0.5, [1, 1, 1, 0.5]), (1.0, [1, 0.75, 0.5, 0.25])])
def test_momentum_and_falling_rates_are_those_of_sgd(decay, factors):
    nets, model = MLPs((30, 3), seeds=[0, 1]), nn.Sequential(nn.Flatten(), nn.Linear(30, 3))
    with torch.no_grad():
        for parameter, values in zip(model.parameters(), nets.parameters, strict=True):
            parameter.copy_(values[1])
    optimizer = torch.optim.SGD(model.parameters(), lr=0.2, momentum=0.9)
    train(nets, IMAGES, LABELS, steps=4, batch_size=60, rates=0.2, momentum=0.9, decay=decay)
    for factor in factors:  # the batch is the whole set: its order does not matter
        optimizer.param_groups[0]["lr"] = 0.2 * factor
        training.train_step(model, torch.as_tensor(IMAGES), torch.as_tensor(LABELS), optimizer)
    for parameter, values in zip(model.parameters(), nets.parameters):
        torch.testing.assert_close(values[1], parameter.detach(), rtol=1e-4, atol=1e-5)


def test_where_the_batch_size_varies_a_step_sees_the_first_images_of_its_batch():
    nets, own, sizes = networks("batch"), networks("batch"), [16, 4, 2, 8]
    runs = train(nets, IMAGES, LABELS, steps=4, batch_size=16, rates=0.2, momentum=0.9, sizes=sizes)
    order = [list(training.batches(60, 16, 4, int(seed))) for seed in own.seeds]
    velocity = None
    for step, size in enumerate(sizes):
        x, y = own.take(IMAGES, LABELS, torch.stack([batches[step][:size] for batches in order]))
        losses, velocity = descend(own, x, y, 0.2, 0.9, velocity)
        np.testing.assert_allclose(runs.loss[:, step], losses, rtol=1e-5)


def test_runs_report_every_test_and_what_evaluate_returned():
    nets = networks("batch")
    runs = train(
        nets, IMAGES, LABELS, steps=25, batch_size=16, every=10,
        test=(IMAGES, LABELS), evaluate=lambda nets, step: (step, nets.accuracy(IMAGES, LABELS)),
    )  # fmt: skip
    assert runs.steps == [0, 10, 20, 25] == [step for step, _ in runs.records]
    np.testing.assert_allclose(runs.accuracy.T, [accuracy for _, accuracy in runs.records])
    assert runs.accuracy.shape == runs.test_loss.shape == (3, 4) and runs.loss.shape == (3, 25)
    assert (runs.accuracy[:, -1] > runs.accuracy[:, 0]).all() and (runs.test_loss[:, -1] < runs.test_loss[:, 0]).all()
    assert runs.seconds > 0 and runs.device == training.device().type


@pytest.mark.parametrize("options", [{}, {"dropout": 0.5}], ids=str)
def test_looking_does_not_change_the_run(options):
    def look(nets, step):
        nets.accuracy(IMAGES, LABELS, training=True)
        nets.gradients(*nets.take(IMAGES, LABELS, np.arange(16)))

    watched, unseen = networks("batch", **options), networks("batch", **options)
    train(watched, IMAGES, LABELS, steps=6, batch_size=16, every=1, evaluate=look)
    train(unseen, IMAGES, LABELS, steps=6, batch_size=16)
    assert all(torch.equal(here, there) for here, there in zip(watched.parameters, unseen.parameters))


def test_progress_on_a_page_is_one_line(monkeypatch, capfd):
    monkeypatch.setenv("BNCOURSE_PAGE", "1")
    device = training.device().type
    train(networks("none"), IMAGES, LABELS, steps=2, batch_size=16)
    train(networks("none", seeds=[0]), IMAGES, LABELS, steps=2, batch_size=16, label="plain")
    out, error = capfd.readouterr()
    first, second = out.splitlines()
    assert first.startswith(f"3 runs of 2 steps on {device} in ") and first.endswith(" s")
    assert second.startswith(f'1 run of "plain", 2 steps each, on {device} in ')
    assert error == ""


def test_progress_in_a_pipe_is_silent(monkeypatch, capfd):
    monkeypatch.delenv("BNCOURSE_PAGE", raising=False)
    train(networks("none"), IMAGES, LABELS, steps=2, batch_size=16)
    assert capfd.readouterr() == ("", "")


def test_a_grid_lists_every_combination_and_folds_results_back():
    grid = crossed(rates=(0.1, 1.0), gains=(0.5, 1.0, 2.0), seeds=range(4))
    assert len(grid) == 24 and grid.shape == (2, 3, 4)
    combinations = list(zip(grid["rates"], grid["gains"], grid["seeds"]))
    assert len(set(combinations)) == 24
    values = np.array([[100 * rate + 10 * gain + seed, -1] for rate, gain, seed in combinations])
    folded = grid.arranged(values)
    assert folded.shape == (2, 3, 4, 2)
    assert folded[1, 2, 3, 0] == 100 * 1.0 + 10 * 2.0 + 3
    np.testing.assert_array_equal(np.array(grid.axes["gains"])[grid.place("gains")], grid["gains"])


def test_too_few_images_for_a_batch_are_named():
    with pytest.raises(ValueError, match="60 images are fewer than a batch of 64"):
        train(networks("none"), IMAGES, LABELS, steps=1)
