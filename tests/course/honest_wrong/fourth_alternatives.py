"""Wrong answers to chapter 14, a fourth sample, written before a look at checks or mistakes."""

# ruff: noqa: F811  one name has many answers

import numpy as np

from tests.course.honest_wrong import wrong


@wrong("14.1", "Only the last axis is averaged, as language models")
def layer_norm(x, gamma, beta, eps=1e-5):
    """Only the last axis is averaged, as nn.LayerNorm(D) does."""
    mean = x.mean(axis=-1, keepdims=True)
    var = x.var(axis=-1, keepdims=True)
    return gamma * (x - mean) / np.sqrt(var + eps) + beta


@wrong("14.1", "The variance divides by n - 1. Normalising uses the")
def layer_norm(x, gamma, beta, eps=1e-5):
    """The unbiased variance, as torch.std gives it."""
    axes = tuple(range(1, x.ndim))
    mean = x.mean(axis=axes, keepdims=True)
    var = x.var(axis=axes, keepdims=True, ddof=1)
    return gamma * ((x - mean) / np.sqrt(var + eps)) + beta


@wrong("14.1", "Statistics over the batch: you average over axis 0.")
def layer_norm(x, gamma, beta, eps=1e-5):
    """Averaged over the batch (axis 0): batch normalization of every element."""
    mu = np.mean(x, axis=0)
    sigma2 = np.var(x, axis=0)
    return gamma * (x - mu) / np.sqrt(sigma2 + eps) + beta


@wrong("14.2", "The axes are written for pictures, (2, 3). Let them")
def instance_norm(x, gamma, beta, eps=1e-5):
    """The axes (2, 3) are fixed: one and three spatial axes are not covered."""
    mean = x.mean(axis=(2, 3), keepdims=True)
    var = x.var(axis=(2, 3), keepdims=True)
    return (x - mean) / np.sqrt(var + eps) * gamma[None, :, None, None] + beta[None, :, None, None]


@wrong("14.2", "These are the axes of batch normalization: your")
def instance_norm(x, gamma, beta, eps=1e-5):
    """The batch is in the statistics too: that is batch normalization."""
    axes = (0,) + tuple(range(2, x.ndim))
    s = (1, -1) + (1,) * (x.ndim - 2)
    mean, var = x.mean(axes, keepdims=True), x.var(axes, keepdims=True)
    return gamma.reshape(s) * (x - mean) / np.sqrt(var + eps) + beta.reshape(s)


@wrong("14.2", "These are the axes of layer normalization: your")
def instance_norm(x, gamma, beta, eps=1e-5):
    """The channel is in the statistics too: that is layer normalization."""
    n, c = x.shape[:2]
    s = (1, c) + (1,) * (x.ndim - 2)
    flat = x.reshape(n, -1)
    norm = (flat - flat.mean(1, keepdims=True)) / np.sqrt(flat.var(1, keepdims=True) + eps)
    return norm.reshape(x.shape) * gamma.reshape(s) + beta.reshape(s)


@wrong("14.3", "Your groups are interleaved: with two groups,")
def group_norm(x, num_groups, gamma, beta, eps=1e-5):
    """Groups are made of every G-th channel: reshape (N, C // G, G, ...) instead of (N, G, C // G, ...)."""
    n, c = x.shape[:2]
    if c % num_groups:
        raise ValueError("num_groups must divide the channels")
    g = x.reshape(n, c // num_groups, num_groups, -1)
    g = (g - g.mean(axis=(1, 3), keepdims=True)) / np.sqrt(g.var(axis=(1, 3), keepdims=True) + eps)
    s = (1, c) + (1,) * (x.ndim - 2)
    return g.reshape(x.shape) * gamma.reshape(s) + beta.reshape(s)


@wrong("14.3", "`num_groups` is taken for the number of channels in")
def group_norm(x, num_groups, gamma, beta, eps=1e-5):
    """num_groups is taken for the number of channels in a group."""
    n, c = x.shape[:2]
    if c % num_groups != 0:
        raise ValueError(f"{c} channels cannot be cut into {num_groups} groups")
    g = x.reshape(n, c // num_groups, -1)
    g = (g - g.mean(axis=2, keepdims=True)) / np.sqrt(g.var(axis=2, keepdims=True) + eps)
    s = (1, c) + (1,) * (x.ndim - 2)
    return g.reshape(x.shape) * gamma.reshape(s) + beta.reshape(s)


@wrong("14.3", "Channels that cannot be divided raise an")
def group_norm(x, num_groups, gamma, beta, eps=1e-5):
    """An assert in place of the ValueError."""
    n, c = x.shape[:2]
    assert c % num_groups == 0, "channels must be divisible by groups"
    g = x.reshape(n, num_groups, -1)
    g = (g - g.mean(axis=2, keepdims=True)) / np.sqrt(g.var(axis=2, keepdims=True) + eps)
    s = (1, c) + (1,) * (x.ndim - 2)
    return g.reshape(x.shape) * gamma.reshape(s) + beta.reshape(s)


@wrong("14.3", "The mean is that of a group, the variance that of")
def group_norm(x, num_groups, gamma, beta, eps=1e-5):
    """The mean is that of a group, but the variance is that of each channel."""
    n, c = x.shape[:2]
    if c % num_groups:
        raise ValueError("not divisible")
    g = x.reshape(n, num_groups, c // num_groups, -1)
    mean = g.mean(axis=(2, 3), keepdims=True)
    var = g.var(axis=3, keepdims=True)
    s = (1, c) + (1,) * (x.ndim - 2)
    return ((g - mean) / np.sqrt(var + eps)).reshape(x.shape) * gamma.reshape(s) + beta.reshape(s)


@wrong("14.3", "γ and β are cut to one per group, their first")
def group_norm(x, num_groups, gamma, beta, eps=1e-5):
    """No check that the groups divide, and γ, β one a group."""
    n, c = x.shape[:2]
    g = x.reshape(n, num_groups, -1)
    g = (g - g.mean(axis=2, keepdims=True)) / np.sqrt(g.var(axis=2, keepdims=True) + eps)
    k = num_groups
    return (g * gamma[:k].reshape(1, k, 1) + beta[:k].reshape(1, k, 1)).reshape(x.shape)


@wrong("14.4", "ι and 1 - ι have changed places: ι belongs to the")
def batch_channel_norm(x, gamma, beta, iota, eps=1e-5):
    """iota weighs the layer part and 1 - iota the batch part."""
    batch = (0,) + tuple(range(2, x.ndim))
    within = tuple(range(1, x.ndim))
    xb = (x - x.mean(batch, keepdims=True)) / np.sqrt(x.var(batch, keepdims=True) + eps)
    xl = (x - x.mean(within, keepdims=True)) / np.sqrt(x.var(within, keepdims=True) + eps)
    s = (1, -1) + (1,) * (x.ndim - 2)
    return gamma.reshape(s) * ((1 - iota) * xb + iota * xl) + beta.reshape(s)


@wrong("14.4", "γ and β act on the batch-normalised part alone.")
def batch_channel_norm(x, gamma, beta, iota, eps=1e-5):
    """γ and β act on the batch part alone, before the mixture."""
    batch = (0,) + tuple(range(2, x.ndim))
    within = tuple(range(1, x.ndim))
    s = (1, -1) + (1,) * (x.ndim - 2)
    xb = (x - x.mean(batch, keepdims=True)) / np.sqrt(x.var(batch, keepdims=True) + eps)
    xl = (x - x.mean(within, keepdims=True)) / np.sqrt(x.var(within, keepdims=True) + eps)
    return iota * (gamma.reshape(s) * xb + beta.reshape(s)) + (1 - iota) * xl


@wrong("14.4", "The second part averages the channels alone,")
def batch_channel_norm(x, gamma, beta, iota, eps=1e-5):
    """The layer part averages over the channels only, at each position by itself."""
    axes = (0, *range(2, x.ndim))
    shape = [1] * x.ndim
    shape[1] = -1
    bn = (x - x.mean(axes, keepdims=True)) / np.sqrt(x.var(axes, keepdims=True) + eps)
    ln = (x - x.mean(1, keepdims=True)) / np.sqrt(x.var(1, keepdims=True) + eps)
    return gamma.reshape(shape) * (iota * bn + (1 - iota) * ln) + beta.reshape(shape)


@wrong("14.4", "The second part normalises what the first has made")
def batch_channel_norm(x, gamma, beta, iota, eps=1e-5):
    """Normalised twice, one after the other, and mixed with x: batch first, then layer of the result."""
    batch = (0,) + tuple(range(2, x.ndim))
    within = tuple(range(1, x.ndim))
    s = (1, -1) + (1,) * (x.ndim - 2)
    xb = (x - x.mean(batch, keepdims=True)) / np.sqrt(x.var(batch, keepdims=True) + eps)
    xl = (xb - xb.mean(within, keepdims=True)) / np.sqrt(xb.var(within, keepdims=True) + eps)
    return gamma.reshape(s) * (iota * xb + (1 - iota) * xl) + beta.reshape(s)


@wrong("14.5", "The axes are written for two-dimensional")
def weight_standardize(weight, eps=1e-5):
    """The axes (1, 2, 3) are fixed, so a linear layer and other convolutions fail."""
    mean = weight.mean(axis=(1, 2, 3), keepdims=True)
    var = weight.var(axis=(1, 2, 3), keepdims=True)
    return (weight - mean) / np.sqrt(var + eps)


@wrong("14.5", "ε stands outside the root: you divide by √σ² + ε")
def weight_standardize(weight, eps=1e-5):
    """ε is added to the standard deviation, as in the reference implementation."""
    flat = weight.reshape(weight.shape[0], -1)
    w = flat - flat.mean(axis=1, keepdims=True)
    std = flat.std(axis=1, keepdims=True) + eps
    return (w / std).reshape(weight.shape)


@wrong("14.5", "Each filter is centred by itself, but divided by")
def weight_standardize(weight, eps=1e-5):
    """The mean is that of each filter, the variance that of the whole layer."""
    axes = tuple(range(1, weight.ndim))
    w = weight - weight.mean(axis=axes, keepdims=True)
    return w / np.sqrt(w.var() + eps)


@wrong("14.5", "You average over axis 0, the output filters. That")
def weight_standardize(weight, eps=1e-5):
    """The variance is over the output filters (axis 0): as batch normalization does."""
    mean = weight.mean(axis=0, keepdims=True)
    var = ((weight - mean) ** 2).mean(axis=0, keepdims=True)
    return (weight - mean) / np.sqrt(var + eps)


@wrong("14.6", "All statistics have changed places: the content is")
def adaptive_instance_norm(content, style, eps=1e-5):
    """Content and style are exchanged."""
    c_axes, s_axes = tuple(range(2, content.ndim)), tuple(range(2, style.ndim))
    one = (1,) * (content.ndim - 2)
    n, c = content.shape[:2]
    mc, vc = content.mean(c_axes).reshape(n, c, *one), content.var(c_axes).reshape(n, c, *one)
    ms, vs = style.mean(s_axes).reshape(n, c, *one), style.var(s_axes).reshape(n, c, *one)
    return np.sqrt(vc) * (content - ms) / np.sqrt(vs + eps) + mc


@wrong("14.6", "The styles are thrown together: their statistics")
def adaptive_instance_norm(content, style, eps=1e-5):
    """The style is averaged over the whole batch: every image gets the same style."""
    axes = tuple(range(2, content.ndim))
    s_axes = (0,) + tuple(range(2, style.ndim))
    shape = (1, -1) + (1,) * (content.ndim - 2)
    x = (content - content.mean(axes, keepdims=True)) / np.sqrt(content.var(axes, keepdims=True) + eps)
    return style.std(s_axes).reshape(shape) * x + style.mean(s_axes).reshape(shape)


@wrong("14.6", "The style's variance multiplies the normalised")
def adaptive_instance_norm(content, style, eps=1e-5):
    """The scale is the variance of the style; its root is missing."""
    n, c = content.shape[:2]
    x = content.reshape(n, c, -1)
    s = style.reshape(n, c, -1)
    normed = (x - x.mean(2, keepdims=True)) / np.sqrt(x.var(2, keepdims=True) + eps)
    return (normed * s.var(2, keepdims=True) + s.mean(2, keepdims=True)).reshape(content.shape)
