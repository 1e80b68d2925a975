"""Wrong answers to chapters 13 and 15, a fourth sample, written before a look at checks or mistakes."""

# ruff: noqa: F811  one name has many answers

import numpy as np
import torch
from torch import nn

from tests.course.honest_wrong import wrong


@wrong("13.1", "γ and β are frozen and the layers are in evaluation")
def freeze_batchnorm(model):
    """eval() on the layers is undone by the next model.train()."""
    for m in model.modules():
        if isinstance(m, nn.modules.batchnorm._BatchNorm):
            m.eval()
            for p in m.parameters():
                p.requires_grad = False
    return model


@wrong("13.1", "With `momentum = 0` the running statistics do not")
def freeze_batchnorm(model):
    """momentum = 0 keeps the running statistics, but in training mode the batch still normalises."""
    for m in model.modules():
        if isinstance(m, (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.SyncBatchNorm)):
            m.momentum = 0.0
            if m.affine:
                m.weight.requires_grad_(False)
                m.bias.requires_grad_(False)
    return model


@wrong("13.1", "The statistics stay, but γ and β still take")
def freeze_batchnorm(model):
    """γ and β are still trained; only the mode is frozen."""

    def stay(self, mode=True):
        nn.Module.train(self, False)
        return self

    import types

    for m in model.modules():
        if isinstance(m, nn.modules.batchnorm._BatchNorm):
            if m.running_mean is None:
                continue
            m.eval()
            m.train = types.MethodType(stay, m)
    return model


@wrong("13.1", "Where the model is itself a batch normalization,")
def freeze_batchnorm(model):
    """model.train is replaced by a function that calls eval() of each layer; where the model is itself the layer,
    that calls itself."""
    bns = [m for m in model.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm)]
    old_train = model.train

    def train(mode=True):
        old_train(mode)
        for b in bns:
            b.eval()
        return model

    model.train = train
    for b in bns:
        b.eval()
        for p in b.parameters():
            p.requires_grad = False
    return model


@wrong("13.2", "The layers keep their momentum and what they knew:")
def adapt_statistics(model, loader):
    """The running statistics are only moved on from the source's: no reset, usual momentum."""
    modes = [(m, m.training) for m in model.modules()]
    model.eval()
    for m in model.modules():
        if isinstance(m, (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)):
            m.train()
    with torch.no_grad():
        for x in loader:
            model(x)
    for m, t in modes:
        m.training = t
    return model


@wrong("13.2", "PyTorch's `update_bn`, or the same by hand, puts")
def adapt_statistics(model, loader):
    """model.train() turns dropout on in the pass."""
    modes = [(m, m.training) for m in model.modules()]
    momenta = {}
    for m in model.modules():
        if isinstance(m, nn.modules.batchnorm._BatchNorm) and m.track_running_stats:
            momenta[m] = m.momentum
            m.reset_running_stats()
            m.momentum = None
    model.train()
    with torch.no_grad():
        for x in loader:
            model(x)
    for m, t in modes:
        m.training = t
    for m, mom in momenta.items():
        m.momentum = mom
    return model


@wrong("13.2", "The momentum is left at `None`: in the next")
def adapt_statistics(model, loader):
    """momentum stays None afterwards."""
    modes = [(m, m.training) for m in model.modules()]
    model.eval()
    for m in model.modules():
        if isinstance(m, (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)) and m.running_mean is not None:
            m.reset_running_stats()
            m.momentum = None
            m.train()
    with torch.no_grad():
        for x in loader:
            model(x)
    for m, t in modes:
        m.training = t
    return model


@wrong("13.2", "The means are those of the target, the variances")
def adapt_statistics(model, loader):
    """The mean is that of the target, but the variance stays the source's."""
    bns = [m for m in model.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm) and m.running_mean is not None]
    modes = [(m, m.training) for m in model.modules()]
    old = [(bn, bn.running_var.clone(), bn.momentum) for bn in bns]
    model.eval()
    for bn in bns:
        bn.reset_running_stats()
        bn.momentum = None
        bn.train()
    with torch.no_grad():
        for x in loader:
            model(x)
    for bn, var, momentum in old:
        bn.running_var.copy_(var)
        bn.momentum = momentum
    for m, t in modes:
        m.training = t
    return model


@wrong("13.3", "Only which features are constant is learnt from the")
def scale_features(train, test):
    """Mean and standard deviation of both parts together: the test part leaks."""
    both = np.concatenate([train, test]).astype(np.float64)
    mean, std = both.mean(0), both.std(0)
    std[train.max(0) == train.min(0)] = 1
    return (train - mean) / std, (test - mean) / std


@wrong("13.3", "The test part is scaled with its own mean and")
def scale_features(train, test):
    """The test part is scaled with its own statistics."""

    def scale(a):
        a = a.astype(np.float64)
        std = a.std(axis=0)
        std[np.ptp(a, axis=0) == 0] = 1
        return (a - a.mean(axis=0)) / std

    return scale(train), scale(test)


@wrong("13.3", "1e-8 is added to the standard deviation: a feature that does")
def scale_features(train, test):
    """1e-8 is added to the standard deviation, and a feature that does not vary is blown up in the test part."""
    mu = train.mean(axis=0, dtype=np.float64)
    sigma = train.std(axis=0, dtype=np.float64)
    return (train - mu) / (sigma + 1e-8), (test - mu) / (sigma + 1e-8)


@wrong("13.3")
def scale_features(train, test):
    """Unbiased standard deviation, and ε added."""
    mu = train.mean(axis=0, dtype=np.float64)
    sd = train.std(axis=0, ddof=1, dtype=np.float64) + 1e-7
    return (train - mu) / sd, (test - mu) / sd


@wrong("15.1", "Only the mode is changed. eval() is needed, but the")
def rescue(model, source_loader, target_images):
    """eval() alone: the running statistics of micro-batches, and of the day, are used on the night."""
    return model.eval()


@wrong("15.1", "The statistics are the night's, but the model is")
def rescue(model, source_loader, target_images):
    """The statistics are recomputed on the target, but the model is returned in training mode, where one image
    alone cannot be normalised."""
    model.train()
    for m in model.modules():
        if isinstance(m, nn.BatchNorm1d):
            m.reset_running_stats()
            m.momentum = None
    with torch.no_grad():
        model(target_images)
    return model


@wrong("15.1", "The statistics are recomputed on source images")
def rescue(model, source_loader, target_images):
    """The statistics are recomputed on the source images: they are those of the day."""
    for m in model.modules():
        if isinstance(m, nn.BatchNorm1d):
            m.reset_running_stats()
            m.momentum = None
    images = torch.cat([x for x, _ in source_loader])
    model.train()
    with torch.no_grad():
        model(images)
    return model.eval()


@wrong("15.1")
def rescue(model, source_loader, target_images):
    """The statistics are recomputed on the target batch by default momentum 0.1, one pass: hardly moved."""
    model.train()
    with torch.no_grad():
        model(target_images)
    return model.eval()
