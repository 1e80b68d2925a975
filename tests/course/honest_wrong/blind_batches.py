"""Wrong answers to 12.1 to 12.3, written before any look at checks, mistakes or this bank."""

# ruff: noqa: F811  one name has many answers

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from tests.course.honest_wrong import wrong


def train(model, loader, epochs=3, forward=None):
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for _ in range(epochs):
        for x, y, *domain in loader:
            optimizer.zero_grad()
            F.cross_entropy((forward or model)(x, *domain), y).backward()
            optimizer.step()
    return model


@wrong("12.1", "`ghost_size` is taken for the number of ghost")
def ghost_batch_norm(x, ghost_size, eps=1e-5):
    """ghost_size as the number of ghosts: np.array_split(x, ghost_size)."""
    axes = (0, *range(2, x.ndim))
    out = []
    for part in np.array_split(x, ghost_size):
        mu, var = part.mean(axis=axes, keepdims=True), part.var(axis=axes, keepdims=True)
        out.append((part - mu) / np.sqrt(var + eps))
    return np.concatenate(out, axis=0)


@wrong("12.1", "Every so-many-th sample goes into one ghost")
def ghost_batch_norm(x, ghost_size, eps=1e-5):
    """Every k-th sample: x[i::k] makes a ghost (interleaved)."""
    n_ghosts = -(-len(x) // ghost_size)
    axes = (0, *range(2, x.ndim))
    y = np.empty(x.shape)
    for g in range(n_ghosts):
        chunk = x[g::n_ghosts]
        y[g::n_ghosts] = (chunk - chunk.mean(axes, keepdims=True)) / np.sqrt(chunk.var(axes, keepdims=True) + eps)
    return y


@wrong("12.1", "Each position has statistics of its own: the")
def ghost_batch_norm(x, ghost_size, eps=1e-5):
    """Statistics over the samples only (axis 0), and the last incomplete ghost is dropped."""
    n = len(x) // ghost_size
    parts = []
    for i in range(n):
        g = x[i * ghost_size : (i + 1) * ghost_size]
        parts.append((g - g.mean(0)) / np.sqrt(g.var(0) + eps))
    return np.concatenate(parts)


@wrong("12.2", "The sums leave padding out, but they are divided")
def masked_batch_norm(x, mask, eps=1e-5):
    """Zeroes the padding, but divides by all N * T steps."""
    m = mask[..., None].astype(float)
    mean = np.mean(np.where(m > 0, x, 0.0), axis=(0, 1))
    var = np.mean(np.where(m > 0, x - mean, 0.0) ** 2, axis=(0, 1))
    return np.where(m > 0, (x - mean) / np.sqrt(var + eps), 0.0)


@wrong("12.2", "Padding comes out as −μ/σ or the like: set it to")
def masked_batch_norm(x, mask, eps=1e-5):
    """Padding is not zeroed in the result."""
    m = mask.astype(bool)
    real = x[m]
    return (x - real.mean(axis=0)) / np.sqrt(real.var(axis=0) + eps)


@wrong("12.2", "Each sequence is normalised by itself: that is")
def masked_batch_norm(x, mask, eps=1e-5):
    """Each sequence by itself."""
    out = np.zeros(x.shape)
    for n in range(len(x)):
        keep = mask[n].astype(bool)
        if not keep.any():
            continue
        seq = x[n][keep]
        out[n, keep] = (seq - seq.mean(axis=0)) / np.sqrt(seq.var(axis=0) + eps)
    return out


@wrong("12.2", "A value of 0 at a real step is left out like")
def masked_batch_norm(x, mask, eps=1e-5):
    """Takes x != 0 for the mask."""
    valid = (x != 0) & mask[:, :, None].astype(bool)
    cnt = valid.sum(axis=(0, 1))
    mean = np.where(valid, x, 0).sum(axis=(0, 1)) / cnt
    var = (np.where(valid, x - mean, 0) ** 2).sum(axis=(0, 1)) / cnt
    return np.where(valid, (x - mean) / np.sqrt(var + eps), 0)


@wrong("12.3", "The batches' means and variances are averaged")
def recompute_statistics(model, loader):
    """update_bn: momentum None, a mean of the batches' statistics."""
    modes = {m: m.training for m in model.modules()}
    bns = [m for m in model.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm) and m.track_running_stats]
    old = [bn.momentum for bn in bns]
    for bn in bns:
        bn.reset_running_stats()
        bn.momentum = None
    model.train()
    with torch.no_grad():
        for x, _ in loader:
            model(x)
    for bn, mom in zip(bns, old):
        bn.momentum = mom
    for m, t in modes.items():
        m.training = t
    return model


@wrong("12.3", "The mean is right. The variance is the weighted")
def recompute_statistics(model, loader):
    """Sizes weigh, but the variance is the mean of the batches' variances, without that of their means."""
    bns = [m for m in model.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm) and m.track_running_stats]
    modes = [(m, m.training) for m in model.modules()]
    acc = {bn: [0, 0.0, 0.0] for bn in bns}

    def hook(mod, inp):
        v = inp[0].detach().transpose(0, 1).flatten(1).double()
        n = v.shape[1]
        acc[mod][0] += n
        acc[mod][1] = acc[mod][1] + n * v.mean(1)
        acc[mod][2] = acc[mod][2] + n * v.var(1, unbiased=False)

    handles = [bn.register_forward_pre_hook(hook) for bn in bns]
    model.train()
    with torch.no_grad():
        for x, _ in loader:
            model(x)
        for bn, (n, s, q) in acc.items():
            bn.running_mean.copy_(s / n)
            bn.running_var.copy_(q / n)
    for h in handles:
        h.remove()
    for m, t in modes:
        m.training = t


@wrong("12.3", "The pass runs in evaluation mode: later layers")
def recompute_statistics(model, loader):
    """In evaluation mode: later layers see what the old statistics normalised."""
    bns = [m for m in model.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm) and m.track_running_stats]
    modes = [(m, m.training) for m in model.modules()]
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
        everything = torch.cat(seen[bn], dim=1).double()
        bn.running_mean.copy_(everything.mean(1))
        bn.running_var.copy_(everything.var(1))
    for m, t in modes:
        m.training = t
