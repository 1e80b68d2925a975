"""Many networks trained as one are the same networks trained alone, whatever happens to the others."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from bncourse.lab import training
from bncourse.lab.ensembles.networks import CNNs, MLPs, Networks
from bncourse.lab.runs import descend, train
from bncourse.lab.training import fit

MLP_NORMS = ("none", "batch", "layer", "group")
CNN_NORMS = (*MLP_NORMS, "instance")
EVERY_KIND = [("mlp", norm) for norm in MLP_NORMS] + [("cnn", norm) for norm in CNN_NORMS]
ACTIVATIONS = {"relu": nn.ReLU, "tanh": nn.Tanh, "sigmoid": nn.Sigmoid}
CHANNELS = (8, "M", 4, 4)


def stripes(count=60, classes=3):
    """Images of two channels whose class is the row that is bright."""
    generator = np.random.default_rng(0)
    labels = np.arange(count) % classes
    images = generator.normal(size=(count, 2, 5, 6)).astype(np.float32)
    images[np.arange(count), :, labels] += 2
    return images, labels


IMAGES, LABELS = stripes()


def networks(kind, norm, seeds=(3, 1, 1), gains=(1.0, 0.5, 1.0), **options):
    options = {"groups": 2, **options}
    if kind == "mlp":
        return MLPs((60, 8, 12, 3), seeds, gains, norm=norm, **options)
    return CNNs(CHANNELS, (2, 5, 6), seeds, gains, classes=3, norm=norm, **options)


def norm_module(norm, features, dense, groups=2):
    return {
        "batch": nn.BatchNorm1d if dense else nn.BatchNorm2d,
        "layer": nn.LayerNorm if dense else lambda channels: nn.GroupNorm(1, channels),
        "group": lambda channels: nn.GroupNorm(groups, channels),
        "instance": lambda channels: nn.InstanceNorm2d(channels, affine=True),
    }[norm](features)


def alone(nets, member):
    """The member as modules of torch.nn, with its values."""
    dense, modules = isinstance(nets, MLPs), []
    shapes = [layer.weight.shape[1:] for layer in nets.layers]
    plan = [shape[0] for shape in shapes[:-1]] if dense else nets.channels
    inputs = shapes[0][1]
    if dense:
        modules.append(nn.Flatten())
    for outputs in plan:
        if outputs == "M":
            modules.append(nn.MaxPool2d(2))
            continue
        bias = nets.norm == "none"
        mix = nn.Linear(inputs, outputs, bias) if dense else nn.Conv2d(inputs, outputs, 3, padding=1, bias=bias)
        norm = [] if nets.norm == "none" else [norm_module(nets.norm, outputs, dense)]
        modules += [mix, *norm, ACTIVATIONS[nets.activation]()]
        inputs = outputs
    model = nn.Sequential(*modules, nn.Flatten(), nn.Linear(shapes[-1][1], shapes[-1][0]))
    with torch.no_grad():
        for parameter, values in zip(model.parameters(), nets.parameters, strict=True):
            parameter.copy_(values[member])
    return model


def assert_same_values(nets, member, model, tolerance=2e-5):
    for parameter, values in zip(model.parameters(), nets.parameters, strict=True):
        torch.testing.assert_close(values[member], parameter, rtol=tolerance, atol=tolerance)
    running = [buffer for name, buffer in model.named_buffers() if "running" in name]
    assert len(running) == len(nets.buffers)
    for buffer, values in zip(running, nets.buffers):
        torch.testing.assert_close(values[member], buffer, rtol=tolerance, atol=tolerance)
    x = torch.as_tensor(IMAGES)
    with torch.no_grad():
        inferred = nets.forward(x.expand(nets.members, *x.shape), training=False)[member]
        torch.testing.assert_close(inferred, model.eval()(x), rtol=10 * tolerance, atol=10 * tolerance)


@pytest.mark.parametrize("kind, norm", EVERY_KIND)
def test_a_member_trains_like_the_same_modules_alone(kind, norm):
    """Losses, weights, running statistics and verdicts of `fit`, which uses torch.optim.SGD, on the same batches."""
    nets, rates = networks(kind, norm), (0.1, 0.3, 0.02)
    models = [alone(nets, member) for member in range(3)]
    runs = train(nets, IMAGES, LABELS, steps=8, batch_size=16, rates=rates, momentum=0.5)
    for member, (model, rate) in enumerate(zip(models, rates)):
        seed = int(nets.seeds[member])
        history = fit(
            model, IMAGES, LABELS, steps=8, batch_size=16, learning_rate=rate, momentum=0.5, seed=seed, on="cpu"
        )
        np.testing.assert_allclose(runs.loss[member], history.loss, rtol=1e-4)
        assert_same_values(nets, member, model)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_a_member_trains_like_the_same_modules_with_each_activation(activation):
    nets = networks("mlp", "batch", activation=activation, init="xavier")
    model = alone(nets, 0)
    train(nets, IMAGES, LABELS, steps=5, batch_size=16, rates=0.3)
    fit(model, IMAGES, LABELS, steps=5, batch_size=16, learning_rate=0.3, seed=3, on="cpu")
    assert_same_values(nets, 0, model)


@pytest.mark.parametrize("kind, norm", EVERY_KIND)
def test_a_diverged_member_leaves_the_others_bit_for_bit_alone(kind, norm):
    runs, nets = [], []
    for rate in (0.1, 1e30):
        nets.append(networks(kind, norm))
        runs.append(
            train(nets[-1], IMAGES, LABELS, steps=6, batch_size=16, rates=(0.1, rate, 0.2), test=(IMAGES, LABELS))
        )
    calm, wild = runs
    others = [0, 2]
    np.testing.assert_array_equal(calm.loss[others], wild.loss[others])
    np.testing.assert_array_equal(calm.accuracy[others], wild.accuracy[others])
    for here, there in zip(nets[0].parameters + nets[0].buffers, nets[1].parameters + nets[1].buffers):
        assert torch.equal(here[others], there[others])
    assert not calm.diverged.any()
    assert list(wild.diverged) == [False, True, False]
    assert wild.accuracy[1, -1] == pytest.approx(1 / 3)


@pytest.mark.parametrize("kind", ["mlp", "cnn"])
@pytest.mark.parametrize("options", [{}, {"dropout": 0.5}, {"ghost": 4}], ids=str)
def test_a_run_is_the_same_in_every_ensemble(kind, options):
    """Weights, batches and masks come from the member's own seed."""
    small = networks(kind, "batch", seeds=[5], gains=1.0, **options)
    large = networks(kind, "batch", seeds=[7, 5, 2], gains=[1.0, 1.0, 3.0], **options)
    loss = [train(nets, IMAGES, LABELS, steps=5, batch_size=16).loss for nets in (small, large)]
    np.testing.assert_allclose(loss[0][0], loss[1][1], rtol=1e-4)
    assert not np.allclose(loss[1][0], loss[1][1], rtol=1e-2)


def test_members_of_one_seed_differ_by_their_gain_only():
    nets = networks("cnn", "none", seeds=[4, 4, 9], gains=[1.0, 0.1, 1.0])
    for weight in nets.weights:
        torch.testing.assert_close(weight[1], 0.1 * weight[0])
        assert not torch.allclose(weight[0], weight[2], atol=0.01)


@pytest.mark.parametrize(
    "init, expected", [("he", (2 / 300) ** 0.5), ("xavier", (2 / 500) ** 0.5), (0.05, 0.05)], ids=str
)
def test_weights_have_the_deviation_of_their_initialisation(init, expected):
    layer = MLPs((300, 200, 10), range(3), 0.5, init=init).layers[0]
    assert layer.weight.std().item() == pytest.approx(0.5 * expected, rel=0.02)
    assert layer.bias.abs().max() == 0
    convolution = CNNs((64,), (32, 4, 4), range(3), 0.5, init=init).layers[0]
    fan = {"he": 9 * 32 / 2, "xavier": 9 * (32 + 64) / 2}
    expected = fan[init] ** -0.5 if init in fan else expected
    assert convolution.weight.std().item() == pytest.approx(0.5 * expected, rel=0.02)


@pytest.mark.parametrize("kind", ["mlp", "cnn"])
def test_ghost_batches_are_normalised_apart(kind):
    nets = networks(kind, "batch", ghost=5)
    model = alone(nets, 2)
    first, norm = [module for module in model if not isinstance(module, nn.Flatten)][:2]
    x, kept = torch.as_tensor(IMAGES[:20]), []
    nets.forward(x.expand(3, *x.shape), keep=kept)
    inputs = first(x.flatten(1) if kind == "mlp" else x)
    norm.momentum = 1.0
    outputs, statistics = [], []
    for part in inputs.split(5):
        outputs.append(norm(part))
        statistics.append(torch.stack([norm.running_mean, norm.running_var]))
    torch.testing.assert_close(kept[0].normalised[2], torch.cat(outputs), rtol=1e-5, atol=1e-5)
    mean, var = torch.stack(statistics).mean(0)
    torch.testing.assert_close(nets.layers[0].running_mean[2], 0.1 * mean)
    torch.testing.assert_close(nets.layers[0].running_var[2], 0.9 + 0.1 * var)
    with pytest.raises(ValueError, match="a batch of 12 cannot be cut into ghost batches of 5"):
        nets.forward(x[:12].expand(3, -1, -1, -1, -1))


def test_a_batch_of_one_has_no_batch_statistics():
    with pytest.raises(ValueError, match="more than 1 value per channel"):
        networks("mlp", "batch").forward(torch.zeros(3, 1, 2, 5, 6))


def forwarded(nets, **options):
    kept, x = [], torch.as_tensor(IMAGES)
    with torch.no_grad(), nets.restored():
        return nets.forward(x.expand(nets.members, *x.shape), keep=kept, **options), kept


@pytest.mark.parametrize("kind", ["mlp", "cnn"])
@pytest.mark.parametrize("place, at", [("output", "output"), ("norm", "linear")])
def test_dropout_drops_where_it_is_told(kind, place, at):
    _, whole = forwarded(networks(kind, "batch"))
    _, kept = forwarded(networks(kind, "batch", dropout=0.25, dropout_at=place))
    before, after = getattr(whole[0], at), getattr(kept[0], at)
    dropped = (after == 0) & (before != 0)
    assert 0.2 < dropped.sum() / (before != 0).sum() < 0.3
    torch.testing.assert_close(after[~dropped], before[~dropped] / 0.75)


@pytest.mark.parametrize("kind", ["mlp", "cnn"])
def test_dropout_at_the_head_comes_after_every_hidden_layer(kind):
    expected, whole = forwarded(networks(kind, "batch"))
    logits, kept = forwarded(networks(kind, "batch", dropout=0.25, dropout_at="head"))
    for here, there in zip(kept, whole):
        torch.testing.assert_close(here.output, there.output)
    assert not torch.allclose(logits, expected, atol=0.01)


@pytest.mark.parametrize("place", ["output", "norm", "head"])
def test_there_is_no_dropout_outside_of_training(place):
    nets = networks("cnn", "batch", dropout=0.25, dropout_at=place)
    torch.testing.assert_close(
        forwarded(nets, training=False)[0], forwarded(networks("cnn", "batch"), training=False)[0]
    )


def test_members_of_one_seed_have_one_mask():
    _, kept = forwarded(networks("mlp", "batch", dropout=0.25, dropout_at="norm"))
    masks = kept[0].linear == 0
    assert torch.equal(masks[1], masks[2]) and not torch.equal(masks[0], masks[1])


@pytest.mark.parametrize("kind", ["mlp", "cnn"])
def test_residual_layers_add_their_input(kind):
    nets = (
        MLPs((60, 8, 8, 3), range(2), norm="batch", residual=True)
        if kind == "mlp"
        else CNNs((4, 4), (2, 5, 6), range(2), classes=3, norm="batch", residual=True)
    )
    _, (first, second) = forwarded(nets)
    torch.testing.assert_close(first.output, first.normalised.relu())
    torch.testing.assert_close(second.output, first.output + second.normalised.relu())


@pytest.mark.parametrize("kind, norm", EVERY_KIND)
def test_gradients_are_those_of_the_member_alone_and_change_nothing(kind, norm):
    nets = networks(kind, norm)
    model, before = alone(nets, 1), [tensor.clone() for tensor in nets.parameters + nets.buffers]
    x, y = nets.take(IMAGES, LABELS, np.arange(48).reshape(3, 16))
    losses, gradients = nets.gradients(x, y)
    loss = F.cross_entropy(model(x[1]), y[1])
    torch.testing.assert_close(losses[1], loss.detach())
    for ours, theirs in zip(gradients, torch.autograd.grad(loss, list(model.parameters()))):
        torch.testing.assert_close(ours[1], theirs, rtol=1e-4, atol=1e-5)
    of_weights = nets.gradients(x, y, of=nets.weights)[1]
    assert [gradient.shape for gradient in of_weights] == [weight.shape for weight in nets.weights]
    for tensor, old in zip(nets.parameters + nets.buffers, before):
        assert torch.equal(tensor, old)


@pytest.mark.parametrize("kind", ["mlp", "cnn"])
def test_gradients_reach_what_the_hidden_layers_kept(kind):
    nets, kept = networks(kind, "batch"), []
    x, y = nets.take(IMAGES, LABELS, np.arange(16))
    logits = nets.forward(x, keep=kept)
    loss = F.cross_entropy(logits.flatten(0, 1), y.flatten(), reduction="sum")
    linear, normalised, output = torch.autograd.grad(loss, kept[-1])
    error = logits.softmax(2) - F.one_hot(y, 3)
    torch.testing.assert_close(output.flatten(2), error @ nets.weights[-1], rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(normalised, output * (kept[-1].normalised > 0))
    batch_and_space = [1, *range(3, linear.dim())]
    assert linear.abs().max() > 1e-2
    assert linear.sum(batch_and_space).abs().max() < 1e-4, "batch norm: a shift of its input changes nothing"
    assert [hidden.output.shape[:2] for hidden in kept] == [(3, 16)] * len(kept)


def test_a_move_adds_scale_times_direction_and_restored_undoes_it():
    nets = networks("mlp", "batch")
    before = [parameter.clone() for parameter in nets.parameters]
    direction = [torch.ones_like(parameter) for parameter in before]
    with nets.restored():
        nets.move(direction, (1.0, 0.0, -2.0))
        nets.forward(torch.as_tensor(IMAGES).expand(3, -1, -1, -1, -1))
        for parameter, old in zip(nets.parameters, before):
            for member, change in enumerate((1.0, 0.0, -2.0)):
                torch.testing.assert_close(parameter[member], old[member] + change)
        assert nets.layers[0].running_mean.abs().max() > 0
    assert all(torch.equal(parameter, old) for parameter, old in zip(nets.parameters, before))
    assert nets.layers[0].running_mean.abs().max() == 0


def test_a_member_trains_and_is_tested_on_its_own_images():
    nets = networks("cnn", "batch")
    own = np.stack([np.random.default_rng(member).permutation(60)[:20] for member in range(3)])
    others = np.stack([np.setdiff1d(np.arange(60), chosen) for chosen in own])
    model = alone(nets, 1)
    runs = train(nets, IMAGES, LABELS, steps=6, batch_size=8, subset=own, test=(IMAGES, LABELS, others))
    history = fit(model, IMAGES[own[1]], LABELS[own[1]], steps=6, batch_size=8, seed=1, on="cpu")
    np.testing.assert_allclose(runs.loss[1], history.loss, rtol=1e-4)
    expected = training.accuracy(model, IMAGES[others[1]], LABELS[others[1]])
    assert runs.accuracy[1, -1] == pytest.approx(expected)
    assert nets.accuracy(IMAGES, LABELS, subset=others, batch_size=7)[1] == pytest.approx(expected)


def test_test_loss_and_accuracy_are_means_over_the_images():
    nets = networks("mlp", "layer")
    model = alone(nets, 0)
    accuracy, loss = nets.test(IMAGES, LABELS, batch_size=13)
    logits = model(torch.as_tensor(IMAGES))
    torch.testing.assert_close(loss[0], F.cross_entropy(logits, torch.as_tensor(LABELS)).detach())
    assert accuracy[0].item() == pytest.approx(training.accuracy(model, IMAGES, LABELS))


def test_a_test_in_training_mode_uses_the_statistics_of_each_batch_and_keeps_the_running_ones():
    nets = networks("cnn", "batch")
    train(nets, IMAGES, LABELS, steps=3, batch_size=16)
    model, before = alone(nets, 0).train(), [buffer.clone() for buffer in nets.buffers]
    accuracy, loss = nets.test(IMAGES, LABELS, training=True, batch_size=6)
    logits = torch.cat([model(part) for part in torch.as_tensor(IMAGES).split(6)])
    torch.testing.assert_close(loss[0], F.cross_entropy(logits, torch.as_tensor(LABELS)).detach())
    assert all(torch.equal(buffer, old) for buffer, old in zip(nets.buffers, before))
    assert not torch.allclose(loss, nets.test(IMAGES, LABELS)[1])


def test_a_member_whose_logits_are_not_finite_has_the_accuracy_of_chance():
    nets = networks("mlp", "none")
    with torch.no_grad():
        nets.layers[-1].bias[1, 0] = torch.inf  # every verdict is class 0, and a third of the labels
    labels = np.zeros_like(LABELS)
    assert nets.accuracy(IMAGES, labels)[1] == pytest.approx(1 / 3)
    assert list(nets.diverged()) == [False, True, False]


@pytest.mark.parametrize("kind, norm", EVERY_KIND)
@pytest.mark.parametrize("options", [{}, {"dropout": 0.5, "ghost": 8}], ids=str)
def test_training_runs_on_the_meta_device(kind, norm, options):
    """Shapes and devices agree without a number: a tensor left on the CPU would raise."""
    nets = networks(kind, norm, on="meta", **options)
    subset = np.tile(np.arange(40), (3, 1))
    runs = train(
        nets, IMAGES, LABELS, steps=1, batch_size=16, rates=(0.1, 0.2, 0.3), momentum=0.9, subset=subset,
        test=(IMAGES, LABELS, subset),
    )  # fmt: skip
    assert runs.device == "meta" and runs.loss.shape == (3, 1) and runs.accuracy.shape == (3, 2)
    x, y = nets.take(IMAGES, LABELS, np.arange(16))
    losses, velocity = descend(nets, x, y, 0.1)
    assert {tensor.device.type for tensor in [x, y, losses, *velocity, *nets.buffers]} == {"meta"}


@pytest.mark.parametrize(
    "options, words",
    [
        ({"norm": "bn"}, "unknown norm 'bn': none, batch, layer, group, instance"),
        ({"activation": "gelu"}, "unknown activation 'gelu': relu, tanh, sigmoid"),
        ({"init": "lecun"}, "unknown init 'lecun': he, xavier or a number"),
        ({"dropout_at": "input"}, "unknown dropout_at 'input': output, norm, head"),
        ({"norm": "instance"}, "is for CNNs"),
    ],
    ids=str,
)
def test_what_does_not_exist_is_named_with_the_way_out(options, words):
    with pytest.raises(ValueError, match=words):
        MLPs((4, 3, 2), range(2), **options)


def test_an_ensemble_without_a_forward_cannot_be_made():
    with pytest.raises(TypeError, match="abstract"):
        Networks([0])
