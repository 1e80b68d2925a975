"""More wrong answers to chapter 14; the docstring says what is wrong."""

# ruff: noqa: F811  one name has many answers

import numpy as np

from tests.course.honest_wrong import wrong


def by_channel(v, x):
    return v.reshape(1, -1, *[1] * (x.ndim - 2))


def standard(x, axes, eps):
    return (x - x.mean(axes, keepdims=True)) / np.sqrt(x.var(axes, keepdims=True) + eps)


@wrong("14.1", "Only the last axis is averaged")
def layer_norm(x, gamma, beta, eps=1e-5):
    """As for transformers: the last axis alone."""
    mean = x.mean(axis=-1, keepdims=True)
    var = x.var(axis=-1, keepdims=True)
    return gamma * (x - mean) / np.sqrt(var + eps) + beta


@wrong("14.1", "divides by n - 1")
def layer_norm(x, gamma, beta, eps=1e-5):
    """As in the annotated transformer: the deviation is unbiased, and eps is added to it."""
    axes = tuple(range(1, x.ndim))
    return gamma * (x - x.mean(axes, keepdims=True)) / (x.std(axes, keepdims=True, ddof=1) + eps) + beta


@wrong("14.1", "γ and β are not used")
def layer_norm(x, gamma, beta, eps=1e-5):
    """gamma and beta are left out."""
    rows = x.reshape(x.shape[0], -1)
    return standard(rows, 1, eps).reshape(x.shape)


@wrong("14.2", "axes of batch normalization")
def instance_norm(x, gamma, beta, eps=1e-5):
    """The batch is averaged as well: batch normalization."""
    axes = tuple(i for i in range(x.ndim) if i != 1)
    return by_channel(gamma, x) * standard(x, axes, eps) + by_channel(beta, x)


@wrong("14.2", "axes of layer normalization")
def instance_norm(x, gamma, beta, eps=1e-5):
    """Over the channels, too: each image by itself."""
    axes = tuple(range(1, x.ndim))
    return by_channel(gamma, x) * standard(x, axes, eps) + by_channel(beta, x)


@wrong("14.3", "number of channels in a group")
def group_norm(x, num_groups, gamma, beta, eps=1e-5):
    """num_groups is taken for the size of a group."""
    if x.shape[1] % num_groups:
        raise ValueError("channels not divisible")
    g = x.reshape(x.shape[0], x.shape[1] // num_groups, -1)
    return by_channel(gamma, x) * standard(g, 2, eps).reshape(x.shape) + by_channel(beta, x)


@wrong("14.3", "interleaved")
def group_norm(x, num_groups, gamma, beta, eps=1e-5):
    """A group is every num_groups-th channel, not neighbours."""
    N, C = x.shape[:2]
    if C % num_groups != 0:
        raise ValueError
    g = x.reshape(N, C // num_groups, num_groups, *x.shape[2:])
    axes = (1, *range(3, g.ndim))
    return by_channel(gamma, x) * standard(g, axes, eps).reshape(x.shape) + by_channel(beta, x)


@wrong("14.3", "position by position")
def group_norm(x, num_groups, gamma, beta, eps=1e-5):
    """A group's statistics are taken over its channels alone, at each position."""
    N, C = x.shape[:2]
    if C % num_groups != 0:
        raise ValueError("num_channels must be divisible by num_groups")
    g = x.reshape(N, num_groups, C // num_groups, *x.shape[2:])
    return by_channel(gamma, x) * standard(g, 2, eps).reshape(x.shape) + by_channel(beta, x)


@wrong("14.4", "have changed places")
def batch_channel_norm(x, gamma, beta, iota, eps=1e-5):
    """iota and 1 - iota are exchanged."""
    batch = standard(x, (0, *range(2, x.ndim)), eps)
    layer = standard(x, tuple(range(1, x.ndim)), eps)
    return by_channel(gamma, x) * ((1 - iota) * batch + iota * layer) + by_channel(beta, x)


@wrong("14.4", "mix the means and the variances")
def batch_channel_norm(x, gamma, beta, iota, eps=1e-5):
    """Means and variances are mixed, not what is normalised."""
    b, c = (0, *range(2, x.ndim)), tuple(range(1, x.ndim))
    mean = iota * x.mean(b, keepdims=True) + (1 - iota) * x.mean(c, keepdims=True)
    var = iota * x.var(b, keepdims=True) + (1 - iota) * x.var(c, keepdims=True)
    return by_channel(gamma, x) * (x - mean) / np.sqrt(var + eps) + by_channel(beta, x)


@wrong("14.4", "what the first has made of x")
def batch_channel_norm(x, gamma, beta, iota, eps=1e-5):
    """The second normalises what the first gave, one after the other."""
    batch = standard(x, (0, *range(2, x.ndim)), eps)
    layer = standard(batch, tuple(range(1, x.ndim)), eps)
    return by_channel(gamma, x) * (iota * batch + (1 - iota) * layer) + by_channel(beta, x)


@wrong("14.4", "position by position")
def batch_channel_norm(x, gamma, beta, iota, eps=1e-5):
    """The layer's statistics are over the channels alone, at each position."""
    batch = standard(x, (0, *range(2, x.ndim)), eps)
    channel = standard(x, 1, eps)
    return by_channel(gamma, x) * (iota * batch + (1 - iota) * channel) + by_channel(beta, x)


@wrong("14.4", "act twice")
def batch_channel_norm(x, gamma, beta, iota, eps=1e-5):
    """gamma and beta act within each, and once more on the mixture."""
    batch = by_channel(gamma, x) * standard(x, (0, *range(2, x.ndim)), eps) + by_channel(beta, x)
    layer = by_channel(gamma, x) * standard(x, tuple(range(1, x.ndim)), eps) + by_channel(beta, x)
    return by_channel(gamma, x) * (iota * batch + (1 - iota) * layer) + by_channel(beta, x)


@wrong("14.5", "centred but not scaled")
def weight_standardize(weight, eps=1e-5):
    """The mean is taken away, the deviation forgotten."""
    return weight - weight.mean(axis=tuple(range(1, weight.ndim)), keepdims=True)


@wrong("14.5", "for the whole layer")
def weight_standardize(weight, eps=1e-5):
    """One mean and variance for all filters together."""
    return (weight - weight.mean()) / np.sqrt(weight.var() + eps)


@wrong("14.5", "is standardised by itself")
def weight_standardize(weight, eps=1e-5):
    """Each kernel of a filter by itself; a linear layer has none, and its axis is the last one."""
    axes = tuple(range(2, weight.ndim)) or (1,)
    return standard(weight, axes, eps)


def adaptive(within=2, swapped=False, root=True, first=False, means=True):
    """The style's statistics, with one or another slip."""

    def adaptive_instance_norm(content, style, eps=1e-5):
        c_axes, s_axes = tuple(range(2, content.ndim)), tuple(range(2, style.ndim))
        if within == 0:
            c_axes, s_axes = (0, *c_axes), (0, *s_axes)
        if within == 1:
            c_axes, s_axes = (1, *c_axes), (1, *s_axes)
        mu_c, var_c = content.mean(c_axes, keepdims=True), content.var(c_axes, keepdims=True)
        mu_s, var_s = style.mean(s_axes, keepdims=True), style.var(s_axes, keepdims=True)
        if first:
            mu_s, var_s = mu_s[:1], var_s[:1]
        sigma = np.sqrt(var_s) if root else var_s
        x_hat = (content - mu_c) / np.sqrt(var_c + eps)
        if not means:
            return sigma * x_hat + mu_c
        return mu_s * x_hat + sigma if swapped else sigma * x_hat + mu_s

    return adaptive_instance_norm


wrong("14.6", "taken over the batch as well")(adaptive(within=0))  # over the batch as well
wrong("14.6", "mix the channels")(adaptive(within=1))  # over the channels as well
wrong("14.6", "style's variance multiplies")(adaptive(root=False))  # the style's variance for its deviation
wrong("14.6", "take the style of the first")(adaptive(first=True))  # all images take the style of the first
wrong("14.6", "content's own mean is added")(adaptive(means=False))  # the content keeps its mean


@wrong("14.6", "divide by n - 1")
def adaptive_instance_norm(content, style, eps=1e-5):
    """As in the original code: the deviations are unbiased."""
    N, C = content.shape[:2]
    shape = (N, C) + (1,) * (content.ndim - 2)

    def calc_mean_std(feat):
        rows = feat.reshape(N, C, -1)
        return rows.mean(2).reshape(shape), np.sqrt(rows.var(2, ddof=1) + eps).reshape(shape)

    style_mean, style_std = calc_mean_std(style)
    content_mean, content_std = calc_mean_std(content)
    return (content - content_mean) / content_std * style_std + style_mean
