"""More wrong answers to 12.1 to 12.3 written before any look at checks, mistakes or this bank."""

# ruff: noqa: F811  one name has many answers

import numpy as np
import torch
from torch import nn

from tests.course.honest_wrong import wrong


@wrong("12.1", "Every so-many-th sample goes into one ghost batch,")
def ghost_batch_norm(x, ghost_size, eps=1e-5):
    """Interleaved ghosts: every k-th sample."""
    if len(x) % ghost_size:
        raise ValueError("ghost_size must divide the batch")
    k = len(x) // ghost_size
    axes = (0, *range(2, x.ndim))
    out = np.empty(x.shape)
    for g in range(k):
        part = x[g::k]
        m, v = part.mean(axes, keepdims=True), part.var(axes, keepdims=True)
        out[g::k] = (part - m) / np.sqrt(v + eps)
    return out


@wrong("12.1", "`ghost_size` is taken for the number of ghost batches;")
def ghost_batch_norm(x, ghost_size, eps=1e-5):
    """Ghost_size taken for the number of ghosts."""
    axes = (0,) + tuple(range(2, x.ndim))
    out = []
    for chunk in np.array_split(x, ghost_size):
        mu = chunk.mean(axis=axes, keepdims=True)
        var = chunk.var(axis=axes, keepdims=True)
        out.append((chunk - mu) / np.sqrt(var + eps))
    return np.concatenate(out, axis=0)


@wrong("12.1", "Each position has statistics of its own: the mean")
def ghost_batch_norm(x, ghost_size, eps=1e-5):
    """Drops the remainder; only the batch axis."""
    n = len(x) // ghost_size * ghost_size
    g = x[:n].reshape(-1, ghost_size, *x.shape[1:])
    y = (g - g.mean(1, keepdims=True)) / np.sqrt(g.var(1, keepdims=True) + eps)
    return y.reshape(n, *x.shape[1:])


@wrong("12.2", "The sums leave padding out, but they are divided")
def masked_batch_norm(x, mask, eps=1e-5):
    """Zeros of the padding count: sums over the real, divided by N * T."""
    m = mask.astype(float)[..., None]
    x = np.where(m > 0, x, 0)
    n = x.shape[0] * x.shape[1]
    mean = x.sum((0, 1)) / n
    var = (m * (x - mean) ** 2).sum((0, 1)) / n
    return m * (x - mean) / np.sqrt(var + eps)


@wrong("12.2", "Each sequence is normalised by itself: that is")
def masked_batch_norm(x, mask, eps=1e-5):
    """Statistics a sequence."""
    out = np.zeros(x.shape)
    for i in range(len(x)):
        real = mask[i].astype(bool)
        if real.any():
            v = x[i][real]
            out[i][real] = (v - v.mean(0)) / np.sqrt(v.var(0) + eps)
    return out


@wrong("12.2", "The mean leaves padding out, the variance does not", "Padding comes out as", named=False)
def masked_batch_norm(x, mask, eps=1e-5):
    """Padding not set to 0, variance around with padding at -mean."""
    m = mask.astype(np.float64)[:, :, None]
    count = m.sum()
    xm = np.where(m == 1, x, 0.0)
    mean = xm.sum(axis=(0, 1)) / count
    var = ((xm - mean) ** 2).sum(axis=(0, 1)) / count
    return (xm - mean) / np.sqrt(var + eps)


@wrong("12.2", "The variance is divided by n − 1; in normalising")
def masked_batch_norm(x, mask, eps=1e-5):
    """Unbiased variance over the real steps."""
    keep = mask > 0
    v = x[keep].astype(np.float64)
    n = len(v)
    mu = v.sum(0) / n
    var = ((v - mu) ** 2).sum(0) / max(n - 1, 1)
    y = np.zeros(x.shape)
    y[keep] = (v - mu) / np.sqrt(var + eps)
    return y


@wrong("12.3", "The batches' means and variances are averaged,")
def recompute_statistics(model, loader):
    """Mean of means, mean of variances by momentum None."""
    bns = [m for m in model.modules() if isinstance(m, (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d))]
    bns = [m for m in bns if m.track_running_stats]
    modes = [(m, m.training) for m in model.modules()]
    momenta = [m.momentum for m in bns]
    for m in bns:
        m.reset_running_stats()
        m.momentum = None
    model.train()
    with torch.no_grad():
        for x, _ in loader:
            model(x)
    for m, mom in zip(bns, momenta):
        m.momentum = mom
    for m, t in modes:
        m.training = t


@wrong("12.3", "The mean is right. The variance is the weighted")
def recompute_statistics(model, loader):
    """Weights the variances by count, but forgets the spread of the means."""
    bns = [m for m in model.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm) and m.track_running_stats]
    modes = [(m, m.training) for m in model.modules()]
    acc = {m: [0, 0.0, 0.0] for m in bns}

    def hook(m, args):
        v = args[0].detach().double().transpose(0, 1).flatten(1)
        n = v.shape[1]
        acc[m][0] += n
        acc[m][1] = acc[m][1] + n * v.mean(1)
        acc[m][2] = acc[m][2] + n * v.var(1, unbiased=False)

    handles = [m.register_forward_pre_hook(hook) for m in bns]
    model.train()
    with torch.no_grad():
        for x, _ in loader:
            model(x)
    for h in handles:
        h.remove()
    for m, (n, s, q) in acc.items():
        m.running_mean.copy_(s / n)
        m.running_var.copy_(q / n)
    for m, t in modes:
        m.training = t
    return model


@wrong("12.3", "You watch the layers while they are in evaluation mode", "The variance is taken as E[x²]", named=False)
def recompute_statistics(model, loader):
    """Pass in evaluation mode; E[x2] - mean2 in float32."""
    bns = [m for m in model.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm) and m.track_running_stats]
    modes = [(m, m.training) for m in model.modules()]
    acc = {m: [0, 0.0, 0.0] for m in bns}

    def hook(m, args):
        v = args[0].detach().transpose(0, 1).flatten(1)
        acc[m][0] += v.shape[1]
        acc[m][1] = acc[m][1] + v.sum(1)
        acc[m][2] = acc[m][2] + (v**2).sum(1)

    handles = [m.register_forward_pre_hook(hook) for m in bns]
    model.eval()
    with torch.no_grad():
        for x, _ in loader:
            model(x)
    for h in handles:
        h.remove()
    for m, (n, s, q) in acc.items():
        m.running_mean.copy_(s / n)
        m.running_var.copy_(q / n - (s / n) ** 2)
    for m, t in modes:
        m.training = t


@wrong("12.3", "With momentum 1 the statistics are those of the")
def recompute_statistics(model, loader):
    """Only the last batch's statistics: momentum 1."""
    norms = [m for m in model.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm) and m.track_running_stats]
    modes = [(m, m.training) for m in model.modules()]
    before = [m.momentum for m in norms]
    for m in norms:
        m.momentum = 1.0
    model.train()
    with torch.no_grad():
        for x, _ in loader:
            model(x)
    for m, b in zip(norms, before):
        m.momentum = b
    for m, t in modes:
        m.training = t
    return model
