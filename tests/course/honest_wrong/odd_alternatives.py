"""Less usual wrong answers to chapter 14: crashes, own ways, half-remembered recipes."""

# ruff: noqa: F811  one name has many answers

import numpy as np

from tests.course.honest_wrong import wrong


def standard(x, axes, eps):
    return (x - x.mean(axes, keepdims=True)) / np.sqrt(x.var(axes, keepdims=True) + eps)


def by_channel(v, x):
    return v.reshape(1, -1, *[1] * (x.ndim - 2))


@wrong("14.1", "Only axis 1")
def layer_norm(x, gamma, beta, eps=1e-5):
    """The channels alone, axis 1."""
    return gamma * standard(x, 1, eps) + beta


@wrong("14.1", "one number a channel, as for batch")
def layer_norm(x, gamma, beta, eps=1e-5):
    """gamma and beta are made as for batch normalization, one number for each channel."""
    shape = (1, -1) + (1,) * (x.ndim - 2)
    return gamma.reshape(shape) * standard(x, tuple(range(1, x.ndim)), eps) + beta.reshape(shape)


@wrong("14.2", "laid against the last axis")
def instance_norm(x, gamma, beta, eps=1e-5):
    """gamma and beta are laid along the width."""
    return gamma * standard(x, tuple(range(2, x.ndim)), eps) + beta


@wrong("14.2", "come out as its last one")
def instance_norm(x, gamma, beta, eps=1e-5):
    """out takes the values of the loop's last image only."""
    out = np.zeros(x.shape)
    for n in range(x.shape[0]):
        for c in range(x.shape[1]):
            z = (x[n, c] - x[n, c].mean()) / np.sqrt(x[n, c].var() + eps)
        out[n] = gamma[c] * z + beta[c]
    return out


@wrong("14.3", "over the batch as well")
def group_norm(x, num_groups, gamma, beta, eps=1e-5):
    """The batch is averaged as well."""
    if x.shape[1] % num_groups:
        raise ValueError("groups")
    g = x.reshape(x.shape[0], num_groups, -1)
    return by_channel(gamma, x) * standard(g, (0, 2), eps).reshape(x.shape) + by_channel(beta, x)


@wrong("14.3", "cut to one per group")
def group_norm(x, num_groups, gamma, beta, eps=1e-5):
    """gamma and beta are cut to one for each group."""
    if x.shape[1] % num_groups:
        raise ValueError("groups")
    g = standard(x.reshape(x.shape[0], num_groups, -1), 2, eps)
    g = g * gamma[:num_groups, None] + beta[:num_groups, None]
    return g.reshape(x.shape)


@wrong("14.4", "means and standard deviations and normalise once")
def batch_channel_norm(x, gamma, beta, iota, eps=1e-5):
    """The two roots are mixed and the means as well; iota once for the deviation."""
    b, c = (0, *range(2, x.ndim)), tuple(range(1, x.ndim))
    mean = iota * x.mean(b, keepdims=True) + (1 - iota) * x.mean(c, keepdims=True)
    std = iota * np.sqrt(x.var(b, keepdims=True) + eps) + (1 - iota) * np.sqrt(x.var(c, keepdims=True) + eps)
    return by_channel(gamma, x) * (x - mean) / std + by_channel(beta, x)


@wrong("14.4")
def batch_channel_norm(x, gamma, beta, iota, eps=1e-5):
    """gamma scales the batch part alone, beta shifts the layer part."""
    batch, layer = standard(x, (0, *range(2, x.ndim)), eps), standard(x, tuple(range(1, x.ndim)), eps)
    return iota * by_channel(gamma, x) * batch + (1 - iota) * (layer + by_channel(beta, x))


@wrong("14.5", "divided by its length")
def weight_standardize(weight, eps=1e-5):
    """Scaled by the root of the fan-in as well, as some published layers do."""
    axes = tuple(range(1, weight.ndim))
    fan_in = np.prod(weight.shape[1:])
    mean, var = weight.mean(axes, keepdims=True), weight.var(axes, keepdims=True)
    return (weight - mean) / np.sqrt(var * fan_in + eps)


@wrong("14.5", "two-dimensional convolutions")
def weight_standardize(weight, eps=1e-5):
    """For convolutions of images alone."""
    mean = weight.mean(axis=(1, 2, 3), keepdims=True)
    std = weight.std(axis=(1, 2, 3), keepdims=True)
    return (weight - mean) / (std + eps)


@wrong("14.6", "have changed places")
def adaptive_instance_norm(content, style, eps=1e-5):
    """Content and style have changed places."""
    c, s = tuple(range(2, content.ndim)), tuple(range(2, style.ndim))
    z = (style - style.mean(s, keepdims=True)) / np.sqrt(style.var(s, keepdims=True) + eps)
    return content.std(c, keepdims=True) * z + content.mean(c, keepdims=True)


@wrong("14.6", "Only the mean is exchanged")
def adaptive_instance_norm(content, style, eps=1e-5):
    """The content's deviation is left as it is: only the means are exchanged."""
    c, s = tuple(range(2, content.ndim)), tuple(range(2, style.ndim))
    shape = content.shape[:2] + (1,) * (content.ndim - 2)
    return content - content.mean(c, keepdims=True) + style.mean(s).reshape(shape)
