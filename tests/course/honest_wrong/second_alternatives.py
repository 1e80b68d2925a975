"""More wrong answers to chapter 14 written before any look at checks, mistakes or this bank."""

# ruff: noqa: F811  one name has many answers

import numpy as np

from tests.course.honest_wrong import wrong


@wrong("14.1", "Only the last axis is averaged, as language models")
def layer_norm(x, gamma, beta, eps=1e-5):
    """Only the last axis."""
    mu = x.mean(axis=-1, keepdims=True)
    var = x.var(axis=-1, keepdims=True)
    return gamma * (x - mu) / np.sqrt(var + eps) + beta


@wrong("14.1", "Statistics over the batch: you average over axis")
def layer_norm(x, gamma, beta, eps=1e-5):
    """Over the batch."""
    mu = np.mean(x, axis=0)
    sigma2 = np.mean((x - mu) ** 2, axis=0)
    return gamma * ((x - mu) / np.sqrt(sigma2 + eps)) + beta


@wrong("14.1", "The variance divides by n - 1, and ε is added to")
def layer_norm(x, gamma, beta, eps=1e-5):
    """Eps outside, ddof=1 as torch.std does."""
    axes = tuple(range(1, x.ndim))
    mean = x.mean(axes, keepdims=True)
    std = x.std(axes, keepdims=True, ddof=1)
    return gamma * (x - mean) / (std + eps) + beta


@wrong("14.1", "One γ and one β for all elements: yours are averaged")
def layer_norm(x, gamma, beta, eps=1e-5):
    """Gamma and beta a channel: taken for (C,) by reshaping their mean."""
    flat = x.reshape(len(x), -1)
    z = (flat - flat.mean(1, keepdims=True)) / np.sqrt(flat.var(1, keepdims=True) + eps)
    return z.reshape(x.shape) * gamma.mean() + beta.mean()


@wrong("14.2", "These are the axes of layer normalization: your")
def instance_norm(x, gamma, beta, eps=1e-5):
    """Over channels too: layer normalization."""
    ax = tuple(range(1, x.ndim))
    sh = (1, -1) + (1,) * (x.ndim - 2)
    m, v = x.mean(ax, keepdims=True), x.var(ax, keepdims=True)
    return gamma.reshape(sh) * (x - m) / np.sqrt(v + eps) + beta.reshape(sh)


@wrong("14.2", "γ and β are applied to x before it is normalised")
def instance_norm(x, gamma, beta, eps=1e-5):
    """Gamma applied before the normalization (lost)."""
    ax = tuple(range(2, x.ndim))
    sh = (1, -1) + (1,) * (x.ndim - 2)
    z = x * gamma.reshape(sh) + beta.reshape(sh)
    m, v = z.mean(ax, keepdims=True), z.var(ax, keepdims=True)
    return (z - m) / np.sqrt(v + eps)


@wrong("14.2", "The axes are written for pictures, (2, 3). Let")
def instance_norm(x, gamma, beta, eps=1e-5):
    """Only two spatial axes; unbiased."""
    m = x.mean(axis=(2, 3), keepdims=True)
    v = x.var(axis=(2, 3), keepdims=True, ddof=1)
    return gamma[None, :, None, None] * (x - m) / np.sqrt(v + eps) + beta[None, :, None, None]


@wrong("14.3", "Your groups are interleaved: with two groups, channels")
def group_norm(x, num_groups, gamma, beta, eps=1e-5):
    """Groups interleaved: channel modulo groups."""
    n, c, *s = x.shape
    if c % num_groups != 0:
        raise ValueError("num_groups must divide C")
    g = x.reshape(n, c // num_groups, num_groups, *s)
    ax = (1, *range(3, g.ndim))
    g = (g - g.mean(ax, keepdims=True)) / np.sqrt(g.var(ax, keepdims=True) + eps)
    sh = (1, c) + (1,) * len(s)
    return g.reshape(x.shape) * gamma.reshape(sh) + beta.reshape(sh)


@wrong("14.3", "`num_groups` is taken for the number of channels")
def group_norm(x, num_groups, gamma, beta, eps=1e-5):
    """Num_groups taken for channels a group."""
    n, c, *s = x.shape
    if c % num_groups:
        raise ValueError("not divisible")
    g = x.reshape(n, -1, num_groups, *s)
    ax = tuple(range(2, g.ndim))
    g = (g - g.mean(ax, keepdims=True)) / np.sqrt(g.var(ax, keepdims=True) + eps)
    sh = (1, c) + (1,) * len(s)
    return gamma.reshape(sh) * g.reshape(x.shape) + beta.reshape(sh)


@wrong("14.3", "The groups are averaged over the batch as well.")
def group_norm(x, num_groups, gamma, beta, eps=1e-5):
    """No ValueError: last group smaller; statistics over the batch as well."""
    c = x.shape[1]
    out = np.empty_like(x)
    ax = (0, *range(1, x.ndim))
    for idx in np.array_split(np.arange(c), num_groups):
        part = x[:, idx]
        out[:, idx] = (part - part.mean(ax, keepdims=True)) / np.sqrt(part.var(ax, keepdims=True) + eps)
    sh = (1, c) + (1,) * (x.ndim - 2)
    return out * gamma.reshape(sh) + beta.reshape(sh)


@wrong("14.3", "`num_groups` is ignored: each channel is a group")
def group_norm(x, num_groups, gamma, beta, eps=1e-5):
    """Statistics per channel: instance normalization, num_groups checked only."""
    if x.shape[1] % num_groups:
        raise ValueError(num_groups)
    ax = tuple(range(2, x.ndim))
    sh = (1, -1, *[1] * (x.ndim - 2))
    if not ax:
        return beta + 0 * x
    z = (x - x.mean(ax, keepdims=True)) / np.sqrt(x.var(ax, keepdims=True) + eps)
    return z * gamma.reshape(sh) + beta.reshape(sh)


@wrong("14.4", "ι and 1 - ι have changed places: ι belongs to the")
def batch_channel_norm(x, gamma, beta, iota, eps=1e-5):
    """Iota and 1 - iota swapped."""
    sh = (1, -1) + (1,) * (x.ndim - 2)
    ab, al = (0,) + tuple(range(2, x.ndim)), tuple(range(1, x.ndim))
    xb = (x - x.mean(ab, keepdims=True)) / np.sqrt(x.var(ab, keepdims=True) + eps)
    xl = (x - x.mean(al, keepdims=True)) / np.sqrt(x.var(al, keepdims=True) + eps)
    return gamma.reshape(sh) * (iota * xl + (1 - iota) * xb) + beta.reshape(sh)


@wrong("14.4", "The second part normalises what the first has made")
def batch_channel_norm(x, gamma, beta, iota, eps=1e-5):
    """Layer normalised one after the other: of x_batch, not of x."""
    sh = (1, -1) + (1,) * (x.ndim - 2)
    ab, al = (0,) + tuple(range(2, x.ndim)), tuple(range(1, x.ndim))
    xb = (x - x.mean(ab, keepdims=True)) / np.sqrt(x.var(ab, keepdims=True) + eps)
    xl = (xb - xb.mean(al, keepdims=True)) / np.sqrt(xb.var(al, keepdims=True) + eps)
    return gamma.reshape(sh) * (iota * xb + (1 - iota) * xl) + beta.reshape(sh)


@wrong("14.4", "You mix the means and the variances", named=False)
def batch_channel_norm(x, gamma, beta, iota, eps=1e-5):
    """Mixes the statistics (switchable normalization), not the normalised values; beta twice."""
    sh = (1, -1) + (1,) * (x.ndim - 2)
    ab, al = (0,) + tuple(range(2, x.ndim)), tuple(range(1, x.ndim))
    mean = iota * x.mean(ab, keepdims=True) + (1 - iota) * x.mean(al, keepdims=True)
    var = iota * x.var(ab, keepdims=True) + (1 - iota) * x.var(al, keepdims=True)
    return gamma.reshape(sh) * (x - mean) / np.sqrt(var + eps) + 2 * beta.reshape(sh)


@wrong("14.5", "Your statistics belong to input channels: axis")
def weight_standardize(weight, eps=1e-5):
    """Per input channel: axis 1 kept instead of axis 0."""
    ax = (0,) + tuple(range(2, weight.ndim))
    m = weight.mean(axis=ax, keepdims=True)
    v = weight.var(axis=ax, keepdims=True)
    return (weight - m) / np.sqrt(v + eps)


@wrong("14.5", "Each pair of output and input channel gets statistics")
def weight_standardize(weight, eps=1e-5):
    """Kernel axes only: each (out, in) slice by itself."""
    flat = weight.reshape(weight.shape[0], weight.shape[1], -1)
    out = (flat - flat.mean(-1, keepdims=True)) / np.sqrt(flat.var(-1, keepdims=True) + eps)
    return out.reshape(weight.shape)


@wrong(
    "14.5",
    "You divide by the unbiased standard deviation plus",
    "The weights themselves are overwritten",
    "The variance divides by n - 1. Here",
    named=False,
)
def weight_standardize(weight, eps=1e-5):
    """Torch code: std unbiased plus eps, and in place."""
    w = weight.reshape(len(weight), -1)
    w -= w.mean(axis=1, keepdims=True)
    w /= w.std(axis=1, ddof=1, keepdims=True) + eps
    return w.reshape(weight.shape)


@wrong("14.6", "Content and style have changed places: you give")
def adaptive_instance_norm(content, style, eps=1e-5):
    """Content and style exchanged."""
    n, c = content.shape[:2]
    f, s = content.reshape(n, c, -1), style.reshape(n, c, -1)
    cm, cs = f.mean(-1, keepdims=True), f.std(-1, keepdims=True)
    sm, sv = s.mean(-1, keepdims=True), s.var(-1, keepdims=True)
    return (cs * (s - sm) / np.sqrt(sv + eps) + cm).reshape(style.shape)


@wrong("14.6", "The style's variance multiplies the normalised")
def adaptive_instance_norm(content, style, eps=1e-5):
    """Style's variance for its deviation."""
    n, c = content.shape[:2]
    f, s = content.reshape(n, c, -1), style.reshape(n, c, -1)
    norm = (f - f.mean(-1, keepdims=True)) / np.sqrt(f.var(-1, keepdims=True) + eps)
    return (norm * s.var(-1, keepdims=True) + s.mean(-1, keepdims=True)).reshape(content.shape)


@wrong(
    "14.6", "The styles are thrown together", "Only the style's standard deviation is given to the content", named=False
)
def adaptive_instance_norm(content, style, eps=1e-5):
    """The style's statistics over the batch; mean not added."""
    ax = tuple(range(2, content.ndim))
    m, v = content.mean(ax, keepdims=True), content.var(ax, keepdims=True)
    sd = style.std((0, *range(2, style.ndim))).reshape((1, -1) + (1,) * len(ax))
    return sd * (content - m) / np.sqrt(v + eps)


@wrong("14.6", "All images take the style of the first. The second")
def adaptive_instance_norm(content, style, eps=1e-5):
    """Style shuffled over the batch: always the first style."""
    n, c = content.shape[:2]
    f, s = content.reshape(n, c, -1), style.reshape(n, c, -1)[:1]
    z = (f - f.mean(2, keepdims=True)) / np.sqrt(f.var(2, keepdims=True) + eps)
    return (z * s.std(2, keepdims=True) + s.mean(2, keepdims=True)).reshape(content.shape)
