"""Wrong answers to chapter 13, a fifth sample, written before a look at checks or mistakes."""

# ruff: noqa: F811  one name has many answers

import numpy as np
import torch
from torch import nn

from tests.course.honest_wrong import wrong

NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.SyncBatchNorm)


@wrong("13.1", "γ and β are frozen and the layers are in evaluation")
def freeze_batchnorm(model):
    """eval() alone, which model.train() undoes."""
    for m in model.modules():
        if isinstance(m, NORMS):
            m.eval()
            for p in m.parameters():
                p.requires_grad = False
    return model


@wrong("13.1", "`requires_grad = False` stops γ and β, not the")
def freeze_batchnorm(model):
    """Only gamma and beta are frozen."""
    for m in model.modules():
        if isinstance(m, NORMS) and m.affine:
            m.weight.requires_grad_(False)
            m.bias.requires_grad_(False)
    return model


@wrong("13.1", "With `momentum = 0` the running statistics do not")
def freeze_batchnorm(model):
    """momentum = 0: the statistics do not move, but the batch still normalises, and the counter counts."""
    for m in model.modules():
        if isinstance(m, NORMS):
            m.momentum = 0.0
            for p in m.parameters():
                p.requires_grad = False
    return model


@wrong("13.1", "All parameters of the model are frozen, so that")
def freeze_batchnorm(model):
    """All parameters of the model are frozen."""
    for p in model.parameters():
        p.requires_grad = False
    for m in model.modules():
        if isinstance(m, NORMS) and m.track_running_stats:
            m.eval()
            m.train = lambda mode=True, m=m: m
    return model


@wrong("13.1", "The statistics stay, but γ and β still take")
def freeze_batchnorm(model):
    """Statistics stay, gamma and beta still learn."""
    for m in model.modules():
        if isinstance(m, NORMS) and m.track_running_stats:
            m.eval()
            m.train = lambda mode=True, m=m: m
    return model


def norms_of(model):
    return [m for m in model.modules() if isinstance(m, NORMS) and m.track_running_stats]


@wrong("13.2", "The layers keep their momentum and what they knew:")
def adapt_statistics(model, loader):
    """The layers keep their momentum and what they knew."""
    modes = {m: m.training for m in model.modules()}
    model.eval()
    for m in norms_of(model):
        m.train()
    with torch.no_grad():
        for x in loader:
            model(x)
    for m, mode in modes.items():
        m.training = mode
    return model


@wrong("13.2", "PyTorch's `update_bn`, or the same by hand, puts")
def adapt_statistics(model, loader):
    """model.train(): dropout is on, and the model stays in training mode."""
    momenta = {}
    for m in norms_of(model):
        m.reset_running_stats()
        momenta[m], m.momentum = m.momentum, None
    model.train()
    with torch.no_grad():
        for x in loader:
            model(x)
    for m, momentum in momenta.items():
        m.momentum = momentum
    return model


@wrong("13.2", "The momentum is left at `None`: in the next")
def adapt_statistics(model, loader):
    """momentum=None is left in the layers."""
    modes = {m: m.training for m in model.modules()}
    model.eval()
    for m in norms_of(model):
        m.reset_running_stats()
        m.momentum = None
        m.train()
    with torch.no_grad():
        for x in loader:
            model(x)
    for m, mode in modes.items():
        m.training = mode
    return model


@wrong("13.2", "With momentum 1 each batch wipes out the one")
def adapt_statistics(model, loader):
    """Only the last batch is left: momentum 1."""
    modes = {m: m.training for m in model.modules()}
    momenta = {m: m.momentum for m in norms_of(model)}
    model.eval()
    for m in momenta:
        m.momentum = 1.0
        m.train()
    with torch.no_grad():
        for x in loader:
            model(x)
    for m, mode in modes.items():
        m.training = mode
    for m, momentum in momenta.items():
        m.momentum = momentum
    return model


@wrong("13.2", "All parameters have been frozen along the way.")
def adapt_statistics(model, loader):
    """Gradients are recorded, and the gradient step is harmless, but requires_grad is switched off for good."""
    modes = {m: m.training for m in model.modules()}
    momenta = {m: m.momentum for m in norms_of(model)}
    for p in model.parameters():
        p.requires_grad_(False)
    model.eval()
    for m in momenta:
        m.reset_running_stats()
        m.momentum = None
        m.train()
    for x in loader:
        model(x)
    for m, mode in modes.items():
        m.training = mode
    for m, momentum in momenta.items():
        m.momentum = momentum
    return model


@wrong("13.3", "The test part is scaled with its own mean and")
def scale_features(train, test):
    """The test part is scaled by its own statistics."""

    def scaled(x):
        x = np.asarray(x, dtype=np.float64)
        std = x.std(0)
        constant = x.min(0) == x.max(0)
        return (x - x.mean(0)) / np.where(constant, 1, std)

    return scaled(train), scaled(test)


@wrong("13.3", "Mean and standard deviation are taken over training")
def scale_features(train, test):
    """Both parts together give the statistics."""
    both = np.concatenate([train, test]).astype(np.float64)
    mean, std = both.mean(0), both.std(0)
    std[both.min(0) == both.max(0)] = 1
    return (train - mean) / std, (test - mean) / std


@wrong("13.3", "A feature that does not vary in the training part")
def scale_features(train, test):
    """A constant feature: 0 / 0 is NaN."""
    mean, std = train.astype(np.float64).mean(0), train.astype(np.float64).std(0)
    return (train - mean) / std, (test - mean) / std


@wrong("13.3", "Features are brought between 0 and 1 by minimum and")
def scale_features(train, test):
    """Scaled to [0, 1] by the smallest and largest value of train."""
    low, high = train.min(0), train.max(0)
    width = np.where(high == low, 1, high - low)
    return (train - low) / width, (test - low) / width


@wrong("13.4", "Only the parameters are averaged. The buffers stay")
def ema_update(average, model, decay):
    """Only the parameters; the buffers stay."""
    with torch.no_grad():
        for a, p in zip(average.parameters(), model.parameters()):
            a.mul_(decay).add_(p.to(a.dtype), alpha=1 - decay)


@wrong("13.4", "The running statistics are copied, as PyTorch's")
def ema_update(average, model, decay):
    """The buffers are copied from the model."""
    with torch.no_grad():
        for a, p in zip(average.parameters(), model.parameters()):
            a.mul_(decay).add_(p.to(a.dtype), alpha=1 - decay)
        for a, b in zip(average.buffers(), model.buffers()):
            a.copy_(b)


@wrong("13.4", "`decay` and `1 - decay` are swapped: the average")
def ema_update(average, model, decay):
    """decay is the share of the model."""
    with torch.no_grad():
        ours, theirs = average.state_dict(), model.state_dict()
        for name, value in ours.items():
            if value.is_floating_point():
                value.copy_((1 - decay) * value + decay * theirs[name].to(value.dtype))
            else:
                value.copy_(theirs[name])


@wrong("13.4", "A shared layer is averaged twice: a state dict")
def ema_update(average, model, decay):
    """Walks over the state dict, in which a shared parameter stands twice: it is averaged twice."""
    with torch.no_grad():
        theirs = model.state_dict()
        for name, value in average.state_dict().items():
            if value.is_floating_point():
                value.mul_(decay).add_(theirs[name].to(value.dtype), alpha=1 - decay)
            else:
                value.copy_(theirs[name])


@wrong("13.4", "A parameter of the model that takes no gradient is")
def ema_update(average, model, decay):
    """Frozen parameters are left out."""
    with torch.no_grad():
        for a, p in zip(average.parameters(), model.parameters()):
            if p.requires_grad:
                a.mul_(decay).add_(p.to(a.dtype), alpha=1 - decay)
        for a, b in zip(average.buffers(), model.buffers()):
            if a.is_floating_point():
                a.mul_(decay).add_(b.to(a.dtype), alpha=1 - decay)
            else:
                a.copy_(b)
