"""Wrong answers to chapters 7, 10, 11, 12 and 13."""

# ruff: noqa: F811  one name has many answers

import copy

import numpy as np
import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from tests.course.honest_wrong import wrong


def interval(low=2.5, high=97.5, seed=None, middle=np.median, pick=None):
    """A bootstrap interval that draws resample by resample, with one or another slip."""

    def speedup_interval(baseline, treated, rng, draws=2000):
        if seed is not None:
            rng = np.random.default_rng(seed)
        draw = pick or rng.choice
        found = []
        for _ in range(draws):
            first, second = draw(baseline, len(baseline)), draw(treated, len(treated))
            found.append(middle(first) / middle(second))
        return (np.median(baseline) / np.median(treated), np.percentile(found, low), np.percentile(found, high))

    return speedup_interval


wrong("7.2", "a seed of its own", "with a fixed seed")(interval(seed=1))
wrong("7.2", "cut off at each end, which leaves 90 %")(interval(5, 95))
wrong("7.2", "of the resamples means")(interval(middle=np.mean))
wrong("7.2", "global generator")(interval(pick=np.random.choice))
wrong("7.2", "2.5 and 97.5", "Write 2", "cut off next to nothing")(interval(0.025, 0.975))


def replaced(kinds, into_child=False):
    """Batch normalizations of these kinds are replaced, going down child by child."""

    def replace_batchnorm(model, factory):
        def walk(parent):
            for name, child in parent.named_children():
                if isinstance(child, kinds):
                    setattr(child if into_child else parent, name, factory(child.num_features))
                else:
                    walk(child)

        twin = copy.deepcopy(model)
        walk(twin)
        return twin

    return replace_batchnorm


wrong("10.2", "Only nn.BatchNorm3d is replaced")(replaced(nn.BatchNorm3d))
wrong("10.2", "the new module is put into the old one")(replaced(nn.BatchNorm2d, into_child=True))
wrong("10.2", "SyncBatchNorm is left out", "itself comes back unreplaced", "Missing are the mode")(
    replaced((nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d))
)


@wrong("10.2", "One that stands in two places is", "named_children gives a module only once")
def replace_batchnorm(model, factory):
    def converted(module):
        if isinstance(module, _BatchNorm):
            return factory(module.num_features).train(module.training)
        for name, child in module.named_children():
            module._modules[name] = converted(child)
        return module

    return converted(copy.deepcopy(model))


@wrong("11.4", "kept from falling below a constant")
def box_iou(a, b):
    """The divisor is kept at a millionth or more."""
    corner = np.maximum(a[:, None, :2], b[None, :, :2]), np.minimum(a[:, None, 2:], b[None, :, 2:])
    width, height = np.moveaxis(np.maximum(corner[1] - corner[0], 0), -1, 0)
    area = [(c[:, 2] - c[:, 0]) * (c[:, 3] - c[:, 1]) for c in (a, b)]
    return width * height / np.maximum(area[0][:, None] + area[1] - width * height, 1e-6)


def norms_of(model):
    return [layer for layer in model.modules() if isinstance(layer, _BatchNorm)]


def recomputed(weights):
    """One pass in training mode, with the momentum that `weights` gives for a batch of b after n samples."""

    def recompute_statistics(model, loader):
        modes, norms = {m: m.training for m in model.modules()}, [m for m in norms_of(model) if m.track_running_stats]
        kept = {m: m.momentum for m in norms}
        for m in norms:
            m.reset_running_stats()
        model.train()
        seen = 0
        with torch.no_grad():
            for images, *_ in loader:
                for m in norms:
                    m.momentum = weights(len(images), seen)
                model(images)
                seen += len(images)
        for m in norms:
            m.momentum = kept[m]
        for m, mode in modes.items():
            m.training = mode

    return recompute_statistics


wrong("12.3", "makes the mean right")(recomputed(lambda b, n: b / (b + n)))
wrong("12.3", "as momentum=None and PyTorch's update_bn do")(recomputed(lambda b, n: None))


def frozen(*kinds, **attributes):
    """Evaluation mode and no gradients for layers of these kinds, until the next train()."""

    def freeze_batchnorm(model):
        for module in model.modules():
            if isinstance(module, kinds):
                for name, value in attributes.items():
                    setattr(module, name, value)
                module.eval()
                module.requires_grad_(False)
        return model

    return freeze_batchnorm


UNDONE = "puts them back into training mode", "puts the layers back into training mode"
wrong("13.1", *UNDONE)(frozen(nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d))
wrong("13.1", *UNDONE)(frozen(_BatchNorm))
wrong("13.1", "stops the updates")(frozen(nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, track_running_stats=False))
wrong("13.1", *UNDONE, "BatchNorm2d` is frozen")(frozen(nn.BatchNorm2d))


@wrong(
    "13.2",
    "BatchNorm2d` is adapted",
    "reach `BatchNorm2d` alone",
    "left in training mode",
    "dropout is on",
)
def adapt_statistics(model, loader):
    for layer in model.modules():
        if isinstance(layer, nn.BatchNorm2d):
            layer.reset_running_stats()
            layer.momentum = None
    model.train()
    with torch.no_grad():
        for images in loader:
            model(images)


@wrong("13.2", "ropout")
def adapt_statistics(model, loader):
    """PyTorch's own update_bn, nearly."""
    momenta, was = {}, model.training
    for layer in norms_of(model):
        layer.reset_running_stats()
        momenta[layer], layer.momentum = layer.momentum, None
    model.train()
    with torch.no_grad():
        for images in loader:
            model(images)
    for layer, momentum in momenta.items():
        layer.momentum = momentum
    model.train(was)
