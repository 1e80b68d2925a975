"""Wrong answers to chapter 14, a fifth sample, written before a look at checks or mistakes."""

# ruff: noqa: F811  one name has many answers

import numpy as np

from tests.course.honest_wrong import wrong


def spread(v, x):
    return v.reshape((1, -1) + (1,) * (x.ndim - 2))


@wrong("14.1", "Only the last axis is averaged, as language models")
def layer_norm(x, gamma, beta, eps=1e-5):
    """Only the last axis, as in transformers."""
    mean = x.mean(axis=-1, keepdims=True)
    var = x.var(axis=-1, keepdims=True)
    return gamma * (x - mean) / np.sqrt(var + eps) + beta


@wrong("14.1", "Statistics over the batch: you average over axis 0.")
def layer_norm(x, gamma, beta, eps=1e-5):
    """The batch's axis: batch normalization of features."""
    mean, var = x.mean(axis=0), x.var(axis=0)
    return gamma * (x - mean) / np.sqrt(var + eps) + beta


@wrong("14.1", "The variance divides by n - 1, and ε is added to")
def layer_norm(x, gamma, beta, eps=1e-5):
    """The unbiased deviation, with eps beside it, as in the annotated transformer."""
    axes = tuple(range(1, x.ndim))
    mean = x.mean(axis=axes, keepdims=True)
    std = x.std(axis=axes, ddof=1, keepdims=True)
    return gamma * (x - mean) / (std + eps) + beta


@wrong("14.1", "γ and β are not used: you return the normalised")
def layer_norm(x, gamma, beta, eps=1e-5):
    """gamma and beta are forgotten."""
    axes = tuple(range(1, x.ndim))
    mean = x.mean(axis=axes, keepdims=True)
    return (x - mean) / np.sqrt(x.var(axis=axes, keepdims=True) + eps)


@wrong("14.2", "The axes are written for pictures, (2, 3). Let them")
def instance_norm(x, gamma, beta, eps=1e-5):
    """Only images: the axes are (2, 3)."""
    mean = x.mean(axis=(2, 3), keepdims=True)
    var = x.var(axis=(2, 3), keepdims=True)
    return gamma.reshape(1, -1, 1, 1) * (x - mean) / np.sqrt(var + eps) + beta.reshape(1, -1, 1, 1)


@wrong("14.2", "These are the axes of layer normalization: your")
def instance_norm(x, gamma, beta, eps=1e-5):
    """The channels are averaged too: layer normalization."""
    axes = tuple(range(1, x.ndim))
    mean, var = x.mean(axes, keepdims=True), x.var(axes, keepdims=True)
    return spread(gamma, x) * (x - mean) / np.sqrt(var + eps) + spread(beta, x)


@wrong("14.2", "These are the axes of batch normalization: your")
def instance_norm(x, gamma, beta, eps=1e-5):
    """The batch is averaged too: batch normalization."""
    axes = (0, *range(2, x.ndim))
    mean, var = x.mean(axes, keepdims=True), x.var(axes, keepdims=True)
    return spread(gamma, x) * (x - mean) / np.sqrt(var + eps) + spread(beta, x)


@wrong("14.3", "`num_groups` is taken for the number of channels in")
def group_norm(x, num_groups, gamma, beta, eps=1e-5):
    """num_groups is taken for the channels of a group."""
    n, c = x.shape[:2]
    if c % num_groups:
        raise ValueError("does not divide")
    g = x.reshape(n, c // num_groups, -1)
    y = (g - g.mean(2, keepdims=True)) / np.sqrt(g.var(2, keepdims=True) + eps)
    return spread(gamma, x) * y.reshape(x.shape) + spread(beta, x)


@wrong("14.3", "Channels that cannot be divided are not refused:")
def group_norm(x, num_groups, gamma, beta, eps=1e-5):
    """No error where the groups do not divide the channels: the last group is smaller."""
    y = np.empty(x.shape)
    for group in np.array_split(np.arange(x.shape[1]), num_groups):
        part = x[:, group]
        axes = tuple(range(1, x.ndim))
        y[:, group] = (part - part.mean(axes, keepdims=True)) / np.sqrt(part.var(axes, keepdims=True) + eps)
    return spread(gamma, x) * y + spread(beta, x)


@wrong("14.3", "Your groups are interleaved: with two groups,")
def group_norm(x, num_groups, gamma, beta, eps=1e-5):
    """The groups interleave: channels 0, 2, 4 and 1, 3, 5."""
    n, c = x.shape[:2]
    if c % num_groups:
        raise ValueError("num_groups")
    y = np.empty(x.shape)
    for k in range(num_groups):
        part = x[:, k::num_groups]
        axes = tuple(range(1, x.ndim))
        y[:, k::num_groups] = (part - part.mean(axes, keepdims=True)) / np.sqrt(part.var(axes, keepdims=True) + eps)
    return spread(gamma, x) * y + spread(beta, x)


@wrong("14.3", "The groups are averaged over the batch as well.")
def group_norm(x, num_groups, gamma, beta, eps=1e-5):
    """The whole batch shares the statistics of a group."""
    n, c = x.shape[:2]
    if c % num_groups != 0:
        raise ValueError("channels")
    g = x.reshape(n, num_groups, -1)
    mean, var = g.mean(axis=(0, 2), keepdims=True), g.var(axis=(0, 2), keepdims=True)
    return spread(gamma, x) * ((g - mean) / np.sqrt(var + eps)).reshape(x.shape) + spread(beta, x)


def both(x, eps):
    batch, layer = (0, *range(2, x.ndim)), tuple(range(1, x.ndim))
    return [(x - x.mean(a, keepdims=True)) / np.sqrt(x.var(a, keepdims=True) + eps) for a in (batch, layer)]


@wrong("14.4", "ι and 1 - ι have changed places: ι belongs to the")
def batch_channel_norm(x, gamma, beta, iota, eps=1e-5):
    """The shares are exchanged."""
    b, n = both(x, eps)
    return spread(gamma, x) * ((1 - iota) * b + iota * n) + spread(beta, x)


@wrong("14.4", "The second part normalises what the first has made")
def batch_channel_norm(x, gamma, beta, iota, eps=1e-5):
    """The batch-normalised values are layer-normalised: one after the other."""
    b, _ = both(x, eps)
    _, n = both(b, eps)
    return spread(gamma, x) * (iota * b + (1 - iota) * n) + spread(beta, x)


@wrong("14.4", "You mix the means and the variances and normalise")
def batch_channel_norm(x, gamma, beta, iota, eps=1e-5):
    """The statistics are mixed, not the normalised values."""
    batch, layer = (0, *range(2, x.ndim)), tuple(range(1, x.ndim))
    mean = iota * x.mean(batch, keepdims=True) + (1 - iota) * x.mean(layer, keepdims=True)
    var = iota * x.var(batch, keepdims=True) + (1 - iota) * x.var(layer, keepdims=True)
    return spread(gamma, x) * (x - mean) / np.sqrt(var + eps) + spread(beta, x)


@wrong("14.4", "The second part is instance normalization: each")
def batch_channel_norm(x, gamma, beta, iota, eps=1e-5):
    """Instance normalization in the place of layer normalization."""
    b, _ = both(x, eps)
    axes = tuple(range(2, x.ndim))
    n = (x - x.mean(axes, keepdims=True)) / np.sqrt(x.var(axes, keepdims=True) + eps)
    return spread(gamma, x) * (iota * b + (1 - iota) * n) + spread(beta, x)


@wrong("14.5", "One mean and variance for the whole layer. Each")
def weight_standardize(weight, eps=1e-5):
    """All weights of the layer together."""
    return (weight - weight.mean()) / np.sqrt(weight.var() + eps)


@wrong("14.5", "You divide by the unbiased standard deviation plus")
def weight_standardize(weight, eps=1e-5):
    """eps outside of the root, as in the authors' code, and the deviation with n - 1."""
    axes = tuple(range(1, weight.ndim))
    w = weight - weight.mean(axis=axes, keepdims=True)
    return w / (w.std(axis=axes, keepdims=True, ddof=1) + eps)


@wrong("14.5", "The weights are centred but not scaled: the")
def weight_standardize(weight, eps=1e-5):
    """Only the mean is taken out."""
    axes = tuple(range(1, weight.ndim))
    return weight - weight.mean(axis=axes, keepdims=True)


@wrong("14.5", "Each kernel weight[i, j] is standardised by itself.")
def weight_standardize(weight, eps=1e-5):
    """Each kernel by itself: axes from 2 on; for linear layers axis 1."""
    axes = tuple(range(2, weight.ndim)) or (1,)
    mean = weight.mean(axis=axes, keepdims=True)
    return (weight - mean) / np.sqrt(weight.var(axis=axes, keepdims=True) + eps)


def moments(x):
    axes = tuple(range(2, x.ndim))
    return x.mean(axes, keepdims=True), x.var(axes, keepdims=True)


@wrong("14.6", "All statistics have changed places: the content is")
def adaptive_instance_norm(content, style, eps=1e-5):
    """Content and style are exchanged."""
    mc, vc = moments(content)
    ms, vs = moments(style)
    spatial = style.shape[2:] == content.shape[2:]
    base = style if spatial else content
    return np.sqrt(vc) * (base - ms) / np.sqrt(vs + eps) + mc


@wrong("14.6", "The style's variance multiplies the normalised")
def adaptive_instance_norm(content, style, eps=1e-5):
    """The style's variance in place of its deviation."""
    mc, vc = moments(content)
    ms, vs = moments(style)
    return vs * (content - mc) / np.sqrt(vc + eps) + ms


@wrong("14.6", "The style's mean and standard deviation, with ε")
def adaptive_instance_norm(content, style, eps=1e-5):
    """The style's statistics are taken over the batch too: one style for all images."""
    mc, vc = moments(content)
    axes = (0, *range(2, style.ndim))
    ms, vs = style.mean(axes, keepdims=True), style.var(axes, keepdims=True)
    return np.sqrt(vs + eps) * (content - mc) / np.sqrt(vc + eps) + ms


@wrong("14.6", "The style's mean is missing: the content gets the")
def adaptive_instance_norm(content, style, eps=1e-5):
    """The style's mean is forgotten."""
    mc, vc = moments(content)
    _, vs = moments(style)
    return np.sqrt(vs + eps) * (content - mc) / np.sqrt(vc + eps)
