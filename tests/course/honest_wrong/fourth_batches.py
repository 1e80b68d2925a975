"""Wrong answers to exercises 12.1 to 12.3, a fourth sample, written before a look at checks or mistakes."""

# ruff: noqa: F811  one name has many answers

import numpy as np
import torch
from torch import nn

from tests.course.honest_wrong import wrong


@wrong("12.1", "`ghost_size` is taken for the number of ghost")
def ghost_batch_norm(x, ghost_size, eps=1e-5):
    """ghost_size is taken for the number of ghosts: the batch is split into ghost_size parts."""
    parts = []
    for part in np.array_split(x, ghost_size, axis=0):
        if len(part) == 0:
            continue
        axes = (0, *range(2, x.ndim))
        parts.append((part - part.mean(axes, keepdims=True)) / np.sqrt(part.var(axes, keepdims=True) + eps))
    return np.concatenate(parts)


@wrong("12.1", "Every so-many-th sample goes into one ghost batch,")
def ghost_batch_norm(x, ghost_size, eps=1e-5):
    """Every k-th sample goes into the same ghost: x[i::k], not neighbours."""
    if len(x) % ghost_size:
        raise ValueError("ghost_size must divide the batch")
    k = len(x) // ghost_size
    out = np.empty(x.shape)
    axes = (0, *range(2, x.ndim))
    for i in range(k):
        g = x[i::k]
        out[i::k] = (g - g.mean(axes, keepdims=True)) / np.sqrt(g.var(axes, keepdims=True) + eps)
    return out


@wrong("12.1", "The samples that are left over are lost: fewer come")
def ghost_batch_norm(x, ghost_size, eps=1e-5):
    """The samples that are left over are dropped: the result is shorter than x."""
    n_ghosts = x.shape[0] // ghost_size
    axes = (0,) + tuple(range(2, x.ndim))
    result = []
    for g in range(n_ghosts):
        chunk = x[g * ghost_size : (g + 1) * ghost_size]
        mu = chunk.mean(axis=axes, keepdims=True)
        var = chunk.var(axis=axes, keepdims=True)
        result.append((chunk - mu) / np.sqrt(var + eps))
    return np.concatenate(result, axis=0)


@wrong("12.2", "The variance leaves padding out, the mean does not.")
def masked_batch_norm(x, mask, eps=1e-5):
    """The mean divides by all steps N·T, padding included."""
    m = np.asarray(mask, bool)[..., None]
    xz = np.where(m, x, 0)
    mean = xz.mean(axis=(0, 1))
    var = np.where(m, (x - mean) ** 2, 0).sum(axis=(0, 1)) / m.sum()
    return np.where(m, (x - mean) / np.sqrt(var + eps), 0)


@wrong("12.2", "Each sequence is normalised by itself: that is")
def masked_batch_norm(x, mask, eps=1e-5):
    """Each sequence is normalised by its own statistics."""
    out = np.zeros(x.shape)
    for i in range(len(x)):
        real = np.asarray(mask[i], bool)
        if real.any():
            rows = x[i][real]
            out[i][real] = (rows - rows.mean(0)) / np.sqrt(rows.var(0) + eps)
    return out


@wrong("12.2", "Padding comes out as −μ/σ or the like: set it to 0")
def masked_batch_norm(x, mask, eps=1e-5):
    """Padding is not set to 0: it comes out normalised like the rest."""
    real = x[mask.astype(bool)]
    return (x - real.mean(axis=0)) / np.sqrt(real.var(axis=0) + eps)


@wrong("12.2", "A value of 0 at a real step is left out like")
def masked_batch_norm(x, mask, eps=1e-5):
    """The real steps are found by x != 0, not by the mask."""
    m = (x * np.asarray(mask)[..., None]) != 0
    n = np.maximum(m.sum(axis=(0, 1)), 1)
    mean = np.where(m, x, 0).sum(axis=(0, 1)) / n
    var = (np.where(m, x - mean, 0) ** 2).sum(axis=(0, 1)) / n
    return np.where(m, (x - mean) / np.sqrt(var + eps), 0)


@wrong("12.3", "The batches' means and variances are averaged, as")
def recompute_statistics(model, loader):
    """Batch means and variances are averaged with equal weight (momentum=None), as update_bn does."""
    bns = [m for m in model.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm) and m.track_running_stats]
    modes = {m: m.training for m in model.modules()}
    momenta = {bn: bn.momentum for bn in bns}
    model.eval()
    for bn in bns:
        bn.reset_running_stats()
        bn.momentum = None
        bn.train()
    with torch.no_grad():
        for x, _ in loader:
            model(x)
    for bn in bns:
        bn.momentum = momenta[bn]
    for m, t in modes.items():
        m.training = t
    return model


@wrong("12.3", "The pass runs in evaluation mode: later layers see")
def recompute_statistics(model, loader):
    """The layers see inputs normalised with the old running statistics: everything is in evaluation mode in the
    pass."""
    bns = [
        m
        for m in model.modules()
        if isinstance(m, (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)) and m.track_running_stats
    ]
    modes = {m: m.training for m in model.modules()}
    seen = {bn: [] for bn in bns}
    handles = [
        bn.register_forward_pre_hook(lambda m, i: seen[m].append(i[0].detach().transpose(0, 1).flatten(1)))
        for bn in bns
    ]
    model.eval()
    with torch.no_grad():
        for x, _ in loader:
            model(x)
    for h in handles:
        h.remove()
    for bn in bns:
        values = torch.cat(seen[bn], dim=1).double()
        bn.running_mean.copy_(values.mean(1))
        bn.running_var.copy_(values.var(1))
    for m, t in modes.items():
        m.training = t


@wrong("12.3", "The mean is right. The variance is the weighted")
def recompute_statistics(model, loader):
    """The sample-weighted mean is right, but the variance is the weighted mean of the batch variances."""
    bns = [m for m in model.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm) and m.running_mean is not None]
    modes = {m: m.training for m in model.modules()}
    acc = {bn: [0, 0.0, 0.0] for bn in bns}

    def hook(m, inputs):
        v = inputs[0].detach().transpose(0, 1).flatten(1).double()
        a = acc[m]
        a[0] += v.shape[1]
        a[1] = a[1] + v.mean(1) * v.shape[1]
        a[2] = a[2] + v.var(1, unbiased=False) * v.shape[1]

    handles = [bn.register_forward_pre_hook(hook) for bn in bns]
    for bn in bns:
        bn.train()
    with torch.no_grad():
        for x, _ in loader:
            model(x)
    for h in handles:
        h.remove()
    for bn in bns:
        n, s, v = acc[bn]
        bn.running_mean.copy_(s / n)
        bn.running_var.copy_(v / n)
    for m, t in modes.items():
        m.training = t


@wrong("12.3", "The model is left in evaluation mode, whatever it")
def recompute_statistics(model, loader):
    """model.train() and model.eval() at the end: modes are not what they were."""
    bns = [m for m in model.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm) and m.running_mean is not None]
    seen = {bn: [] for bn in bns}
    handles = [
        bn.register_forward_pre_hook(lambda m, i: seen[m].append(i[0].detach().transpose(0, 1).flatten(1).double()))
        for bn in bns
    ]
    model.eval()
    for m in model.modules():
        if isinstance(m, nn.modules.batchnorm._BatchNorm):
            m.train()
    with torch.no_grad():
        for x, _ in loader:
            model(x)
    for h in handles:
        h.remove()
    for bn in bns:
        v = torch.cat(seen[bn], 1)
        bn.running_mean.copy_(v.mean(1))
        bn.running_var.copy_(v.var(1, unbiased=False))
    model.eval()
