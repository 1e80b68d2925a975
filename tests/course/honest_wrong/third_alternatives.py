"""Still more wrong answers to chapter 14, written before any look at checks, mistakes or this bank."""

# ruff: noqa: F811  one name has many answers

import numpy as np

from tests.course.honest_wrong import wrong


@wrong("14.1", "Statistics over the batch: you average over axis 0.")
def layer_norm(x, gamma, beta, eps=1e-5):
    """Batch norm axes."""
    mean = x.mean(axis=0, keepdims=True)
    var = x.var(axis=0, keepdims=True)
    return gamma * ((x - mean) / np.sqrt(var + eps)) + beta


@wrong("14.1", "The variance is the mean of squares minus the")
def layer_norm(x, gamma, beta, eps=1e-5):
    """Mean of squares minus square of the mean."""
    ax = tuple(range(1, x.ndim))
    mean = np.mean(x, axis=ax, keepdims=True)
    var = np.mean(x * x, axis=ax, keepdims=True) - mean * mean
    return gamma * (x - mean) / np.sqrt(var + eps) + beta


@wrong("14.2", "γ and β of shape (C,) are laid against the last")
def instance_norm(x, gamma, beta, eps=1e-5):
    """Gamma on the last axis."""
    ax = tuple(range(2, x.ndim))
    xn = (x - x.mean(ax, keepdims=True)) / np.sqrt(x.var(ax, keepdims=True) + eps)
    return gamma * xn + beta


@wrong("14.2", "The variance divides by n - 1. Normalising uses the")
def instance_norm(x, gamma, beta, eps=1e-5):
    """ddof=1, as torch's var by default."""
    n, c = x.shape[:2]
    f = x.reshape(n, c, -1)
    f = (f - f.mean(-1, keepdims=True)) / np.sqrt(f.var(-1, ddof=1, keepdims=True) + eps)
    return (f * gamma[:, None] + beta[:, None]).reshape(x.shape)


@wrong("14.3", "The groups are averaged over the batch as well.")
def group_norm(x, num_groups, gamma, beta, eps=1e-5):
    """Groups over the batch as well: axis 0."""
    n, c = x.shape[:2]
    if c % num_groups:
        raise ValueError("bad groups")
    g = x.reshape(n, num_groups, -1)
    mean = g.mean(axis=(0, 2), keepdims=True)
    var = g.var(axis=(0, 2), keepdims=True)
    y = ((g - mean) / np.sqrt(var + eps)).reshape(x.shape)
    s = (1, c) + (1,) * (x.ndim - 2)
    return y * gamma.reshape(s) + beta.reshape(s)


@wrong("14.3", "The axes are written for pictures, (2, 3, 4). Let")
def group_norm(x, num_groups, gamma, beta, eps=1e-5):
    """Written for N, C, H, W."""
    N, C, H, W = x.shape
    if C % num_groups != 0:
        raise ValueError("C must be divisible by num_groups")
    x = x.reshape(N, num_groups, C // num_groups, H, W)
    mean = x.mean(axis=(2, 3, 4), keepdims=True)
    var = x.var(axis=(2, 3, 4), keepdims=True)
    x = (x - mean) / np.sqrt(var + eps)
    x = x.reshape(N, C, H, W)
    return x * gamma.reshape(1, C, 1, 1) + beta.reshape(1, C, 1, 1)


@wrong("14.4", "γ and β act twice: on each part and again on the")
def batch_channel_norm(x, gamma, beta, iota, eps=1e-5):
    """Gamma and beta on both parts and then again."""
    s = (1, -1, *[1] * (x.ndim - 2))
    g, b = gamma.reshape(s), beta.reshape(s)

    def norm(ax):
        return g * (x - x.mean(ax, keepdims=True)) / np.sqrt(x.var(ax, keepdims=True) + eps) + b

    y = iota * norm((0, *range(2, x.ndim))) + (1 - iota) * norm(tuple(range(1, x.ndim)))
    return g * y + b


@wrong("14.4", "The second part is instance normalization: each")
def batch_channel_norm(x, gamma, beta, iota, eps=1e-5):
    """Instance norm for layer norm."""
    a = (0, *range(2, x.ndim))
    i = tuple(range(2, x.ndim))
    bn = (x - x.mean(a, keepdims=True)) / np.sqrt(x.var(a, keepdims=True) + eps)
    ln = (x - x.mean(i, keepdims=True)) / np.sqrt(x.var(i, keepdims=True) + eps)
    s = (1, -1, *[1] * (x.ndim - 2))
    return gamma.reshape(s) * (iota * bn + (1 - iota) * ln) + beta.reshape(s)


@wrong("14.5", "The weights are centred but not scaled: the")
def weight_standardize(weight, eps=1e-5):
    """Mean only: centred, not divided."""
    ax = tuple(range(1, weight.ndim))
    return weight - weight.mean(axis=ax, keepdims=True)


@wrong("14.5", "The centred filter is divided by its length, √Σw²,")
def weight_standardize(weight, eps=1e-5):
    """Weight normalization: divided by the L2 norm."""
    w = weight.reshape(weight.shape[0], -1)
    w = w - w.mean(1, keepdims=True)
    w = w / np.sqrt((w**2).sum(1, keepdims=True) + eps)
    return w.reshape(weight.shape)


@wrong("14.6", "All statistics have changed places: the content is")
def adaptive_instance_norm(content, style, eps=1e-5):
    """Content and style have changed places throughout."""
    n, c = content.shape[:2]
    x, s = content.reshape(n, c, -1), style.reshape(n, c, -1)
    mc, vc = x.mean(2, keepdims=True), x.var(2, keepdims=True)
    ms, vs = s.mean(2, keepdims=True), s.var(2, keepdims=True)
    y = (x - ms) / np.sqrt(vs + eps) * np.sqrt(vc) + mc
    return y.reshape(content.shape)


@wrong("14.6", "The variances divide by n - 1, and ε stands under")
def adaptive_instance_norm(content, style, eps=1e-5):
    """Unbiased variances, as in published code."""

    def calc(feat):
        n, c = feat.shape[:2]
        flat = feat.reshape(n, c, -1)
        var = flat.var(axis=2, ddof=1) + eps
        shape = (n, c) + (1,) * (content.ndim - 2)
        return flat.mean(axis=2).reshape(shape), np.sqrt(var).reshape(shape)

    m, s = calc(content)
    sm, ss = calc(style)
    return (content - m) / s * ss + sm
