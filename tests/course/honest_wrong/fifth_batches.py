"""Wrong answers to exercises 12.1 to 12.3, a fifth sample, written before a look at checks or mistakes."""

# ruff: noqa: F811  one name has many answers

import numpy as np
import torch
from torch import nn

from tests.course.honest_wrong import wrong

NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)


@wrong("12.1", "`ghost_size` is taken for the number of ghost")
def ghost_batch_norm(x, ghost_size, eps=1e-5):
    """ghost_size is taken for the number of ghosts."""
    axes = (0, *range(2, x.ndim))
    out = []
    for part in np.array_split(x, ghost_size):
        mean, var = part.mean(axes, keepdims=True), part.var(axes, keepdims=True)
        out.append((part - mean) / np.sqrt(var + eps))
    return np.concatenate(out)


@wrong("12.1", "Every so-many-th sample goes into one ghost batch,")
def ghost_batch_norm(x, ghost_size, eps=1e-5):
    """Every ghost takes each k-th sample: a reshape the wrong way round."""
    n = len(x)
    if n % ghost_size:
        raise ValueError("does not divide")
    parts = n // ghost_size
    g = x.reshape(ghost_size, parts, *x.shape[1:])
    axes = (0, *range(3, g.ndim))
    mean, var = g.mean(axes, keepdims=True), g.var(axes, keepdims=True)
    return ((g - mean) / np.sqrt(var + eps)).reshape(x.shape)


@wrong("12.1", "The loop over len(x) // ghost_size ghost batches")
def ghost_batch_norm(x, ghost_size, eps=1e-5):
    """Left-over samples come out as 0."""
    y = np.zeros_like(x, dtype=float)
    axes = (0, *range(2, x.ndim))
    for i in range(len(x) // ghost_size):
        s = slice(i * ghost_size, (i + 1) * ghost_size)
        part = x[s]
        y[s] = (part - part.mean(axes, keepdims=True)) / np.sqrt(part.var(axes, keepdims=True) + eps)
    return y


@wrong("12.1", "Each position has statistics of its own: the mean")
def ghost_batch_norm(x, ghost_size, eps=1e-5):
    """Statistics over axis 0 of a ghost only: each pixel by itself."""
    out = []
    for i in range(0, x.shape[0], ghost_size):
        g = x[i : i + ghost_size]
        out.append((g - g.mean(0)) / np.sqrt(g.var(0) + eps))
    return np.concatenate(out, axis=0)


@wrong("12.2", "Padding is set to 0, and these zeros are then")
def masked_batch_norm(x, mask, eps=1e-5):
    """Padding is set to 0 and counted."""
    m = np.asarray(mask)[..., None].astype(float)
    x0 = np.where(m > 0, x, 0)
    mean = x0.mean(axis=(0, 1))
    var = x0.var(axis=(0, 1))
    return (x0 - mean) / np.sqrt(var + eps) * m


@wrong("12.2", "Each sequence is normalised by itself: that is")
def masked_batch_norm(x, mask, eps=1e-5):
    """Statistics of each sequence by itself."""
    m = np.asarray(mask)[..., None].astype(float)
    x0 = np.where(m > 0, x, 0)
    n = np.maximum(m.sum(axis=1, keepdims=True), 1)
    mean = (x0 * m).sum(axis=1, keepdims=True) / n
    var = ((x0 - mean) ** 2 * m).sum(axis=1, keepdims=True) / n
    return (x0 - mean) / np.sqrt(var + eps) * m


@wrong("12.2", "Padding comes out as −μ/σ or the like: set it to 0")
def masked_batch_norm(x, mask, eps=1e-5):
    """Padding is not set to 0 at the end."""
    real = np.asarray(mask).astype(bool)
    values = x[real]
    return (x - values.mean(axis=0)) / np.sqrt(values.var(axis=0) + eps)


@wrong("12.2", "The mean leaves padding out, the variance does not:")
def masked_batch_norm(x, mask, eps=1e-5):
    """In the variance the padding, shifted by the mean, counts too."""
    m = np.asarray(mask)[..., None].astype(float)
    x0 = np.where(m > 0, x, 0)
    n = m.sum()
    mean = x0.sum(axis=(0, 1)) / n
    var = ((x0 - mean) ** 2).sum(axis=(0, 1)) / n
    return (x0 - mean) / np.sqrt(var + eps) * m


def norms_of(model):
    return [m for m in model.modules() if isinstance(m, NORMS) and m.track_running_stats]


@wrong("12.3", "The batches' means and variances are averaged, as")
def recompute_statistics(model, loader):
    """momentum=None in one pass: the mean of the batches' means and variances."""
    modes = {m: m.training for m in model.modules()}
    momenta = {m: m.momentum for m in norms_of(model)}
    model.eval()
    for m in momenta:
        m.reset_running_stats()
        m.momentum = None
        m.train()
    with torch.no_grad():
        for x, _ in loader:
            model(x)
    for m, mode in modes.items():
        m.training = mode
    for m, momentum in momenta.items():
        m.momentum = momentum
    return model


@wrong("12.3", "The running averages are only moved on: what they")
def recompute_statistics(model, loader):
    """A pass in training mode with the layers' own momentum."""
    modes = {m: m.training for m in model.modules()}
    model.eval()
    for m in norms_of(model):
        m.train()
    with torch.no_grad():
        for x, _ in loader:
            model(x)
    for m, mode in modes.items():
        m.training = mode


@wrong("12.3", "You watch the layers while they are in evaluation")
def recompute_statistics(model, loader):
    """The inputs are gathered with the layers in evaluation mode."""
    modes = {m: m.training for m in model.modules()}
    seen, handles = {}, []
    for m in norms_of(model):
        seen[m] = []
        handles.append(m.register_forward_pre_hook(lambda m, args: seen[m].append(args[0].double())))
    model.eval()
    with torch.no_grad():
        for x, _ in loader:
            model(x)
    for h in handles:
        h.remove()
    for m, parts in seen.items():
        values = torch.cat([p.transpose(0, 1).flatten(1) for p in parts], dim=1)
        m.running_mean.copy_(values.mean(1))
        m.running_var.copy_(values.var(1, unbiased=False))
    for m, mode in modes.items():
        m.training = mode


@wrong("12.3", "The model is left in evaluation mode, whatever it")
def recompute_statistics(model, loader):
    """The whole model is in training mode: dropout disturbs, and the modes are not put back."""
    seen, handles = {}, []
    for m in norms_of(model):
        seen[m] = []
        handles.append(m.register_forward_pre_hook(lambda m, args: seen[m].append(args[0].double())))
    model.train()
    with torch.no_grad():
        for x, _ in loader:
            model(x)
    for h in handles:
        h.remove()
    for m, parts in seen.items():
        values = torch.cat([p.transpose(0, 1).flatten(1) for p in parts], dim=1)
        m.running_mean.copy_(values.mean(1))
        m.running_var.copy_(values.var(1, unbiased=False))
    model.eval()
