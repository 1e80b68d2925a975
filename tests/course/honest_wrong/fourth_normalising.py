"""Wrong answers to chapters 3 and 4, a fourth sample, written before a look at checks or mistakes."""

# ruff: noqa: F811  one name has many answers

import numpy as np

from tests.course.honest_wrong import wrong


@wrong("3.1", "ε stands outside the root: you divide by √σ² + ε")
def normalize(x, mean, var, eps=1e-5):
    """ε is added to the standard deviation, outside of the root."""
    std = np.sqrt(var)
    return (x - mean) / (std + eps)


@wrong("3.1", "You use the statistics of x itself. Use those that")
def normalize(x, mean, var, eps=1e-5):
    """The given statistics are not used: mean and variance are computed from x."""
    mean = x.mean(axis=0)
    var = x.var(axis=0)
    return (x - mean) / np.sqrt(var + eps)


@wrong("3.1", "The square root is missing: you divide by the")
def normalize(x, mean, var, eps=1e-5):
    """Divided by var + eps, the root is missing."""
    out = np.zeros(x.shape)
    for n in range(x.shape[0]):
        for d in range(x.shape[1]):
            out[n, d] = (x[n, d] - mean[d]) / (var[d] + eps)
    return out


@wrong("3.1", "ε is a lower bound of the variance in your answer;")
def normalize(x, mean, var, eps=1e-5):
    """eps is a floor (maximum of var and eps) in place of a summand."""
    return (x - mean) / np.sqrt(np.maximum(var, eps))


@wrong("3.1", "The distance from the mean is squared and the root")
def normalize(x, mean, var, eps=1e-5):
    """The root of the squared quotient is taken, which loses the sign."""
    z = (x - mean) ** 2 / (var + eps)
    return np.sqrt(z)


@wrong("3.2", "A 3-D input (N, C, L) is averaged over the batch")
def batch_normalize(x, eps=1e-5):
    """Only 2-d and 4-d are thought of; with one or three spatial axes the statistics are over the batch alone."""
    axes = (0, 2, 3) if x.ndim == 4 else 0
    mean = x.mean(axis=axes, keepdims=True)
    var = x.var(axis=axes, keepdims=True)
    return (x - mean) / np.sqrt(var + eps)


@wrong("3.2", "These are the axes of instance normalization: each")
def batch_normalize(x, eps=1e-5):
    """Statistics of each image and channel: the batch axis is missing from the axes."""
    axes = tuple(range(2, x.ndim)) or (0,)
    mu = np.mean(x, axis=axes, keepdims=True)
    sq = np.mean((x - mu) ** 2, axis=axes, keepdims=True)
    return (x - mu) / np.sqrt(sq + eps)


@wrong("3.2", "One mean and variance for the whole tensor. Each")
def batch_normalize(x, eps=1e-5):
    """One mean and one variance for the whole array."""
    x = np.asarray(x, dtype=np.float64)
    return (x - np.mean(x)) / np.sqrt(np.var(x) + eps)


@wrong("3.2", "`x.reshape(C, -1)` cuts the array into C pieces in")
def batch_normalize(x, eps=1e-5):
    """Reshaped to (C, -1) without moving the channel axis to the front: values of different channels are mixed."""
    C = x.shape[1]
    flat = x.reshape(C, -1)
    mean = flat.mean(axis=1, keepdims=True)
    var = flat.var(axis=1, keepdims=True)
    return ((flat - mean) / np.sqrt(var + eps)).reshape(x.shape)


@wrong("3.2", "Two slips: the variance divides by n - 1, and ε")
def batch_normalize(x, eps=1e-5):
    """eps outside of the root, and ddof=1."""
    axes = (0, *range(2, x.ndim))
    return (x - x.mean(axes, keepdims=True)) / (x.std(axes, keepdims=True, ddof=1) + eps)


@wrong("3.3", "The moving mean stands with the variance of the")
def normalize_inference(x, moving_mean, moving_var, eps=1e-5):
    """The mean is the moving one, but the variance is that of the batch."""
    shape = (1, -1) + (1,) * (x.ndim - 2)
    axes = (0,) + tuple(range(2, x.ndim))
    var = x.var(axis=axes).reshape(shape)
    return (x - moving_mean.reshape(shape)) / np.sqrt(var + eps)


@wrong("3.3", "The statistics are shaped for images only, (1, C,")
def normalize_inference(x, moving_mean, moving_var, eps=1e-5):
    """The statistics are reshaped for images only, (1, C, 1, 1)."""
    m = moving_mean[None, :, None, None]
    v = moving_var[None, :, None, None]
    return (x - m) / np.sqrt(v + eps)


@wrong("3.3", "(C,) is laid against the last axis of x. Channels")
def normalize_inference(x, moving_mean, moving_var, eps=1e-5):
    """NumPy broadcasts (C,) against the last axis; the channel axis is the second."""
    return (x - moving_mean) / np.sqrt(moving_var + eps)


@wrong("3.3", "The square root is missing: you divide by the")
def normalize_inference(x, moving_mean, moving_var, eps=1e-5):
    """The running variance is treated as a standard deviation: no root."""
    s = (1, len(moving_mean)) + (1,) * (x.ndim - 2)
    return (x - moving_mean.reshape(s)) / (moving_var.reshape(s) + eps)


@wrong("3.4", "The mean is added up in float16, where the sum")
def normalize_half(x, eps=1e-5):
    """The mean is still computed in float16; only the variance is in float32."""
    axes = (0, *range(2, x.ndim))
    mean = np.add.reduce(x, axis=axes, keepdims=True, dtype=np.float16) / np.float16(x.size // x.shape[1])
    d = x.astype(np.float32) - mean.astype(np.float32)
    var = (d**2).mean(axis=axes, keepdims=True)
    return (d / np.sqrt(var + eps)).astype(np.float16)


@wrong("3.4", "The result is float32. The next layer of a half")
def normalize_half(x, eps=1e-5):
    """The result stays float32; it is not rounded to float16."""
    h = x.astype(np.float32)
    axes = tuple(a for a in range(h.ndim) if a != 1)
    return (h - h.mean(axis=axes, keepdims=True)) / np.sqrt(h.var(axis=axes, keepdims=True) + eps)


@wrong("3.4", "The statistics are right, but they are rounded to")
def normalize_half(x, eps=1e-5):
    """The statistics are computed in float32 but rounded to float16 before they are used."""
    axes = (0,) + tuple(range(2, x.ndim))
    mean = x.mean(axis=axes, keepdims=True, dtype=np.float32).astype(x.dtype)
    var = x.var(axis=axes, keepdims=True, dtype=np.float32).astype(x.dtype)
    return ((x - mean) / np.sqrt(var + np.float16(eps))).astype(np.float16)


@wrong("4.1", "γ and β are shaped for images only, (1, C, 1, 1).")
def scale_shift(x_hat, gamma, beta):
    """gamma and beta are reshaped for 4-d images only."""
    return gamma.reshape(1, -1, 1, 1) * x_hat + beta.reshape(1, -1, 1, 1)


@wrong("4.1", "The brackets are wrong: you compute γ (x̂ + β), so")
def scale_shift(x_hat, gamma, beta):
    """β is added before γ multiplies."""
    s = [1] * x_hat.ndim
    s[1] = len(gamma)
    return gamma.reshape(s) * (x_hat + beta.reshape(s))


@wrong("4.1", "x_hat itself is overwritten, by `x_hat *= gamma` or")
def scale_shift(x_hat, gamma, beta):
    """x_hat is changed in place (*=)."""
    out = np.moveaxis(x_hat, 1, -1)
    out *= gamma
    out += beta
    return np.moveaxis(out, -1, 1)


@wrong("4.2", "ε is forgotten: you return √σ², but the")
def identity_parameters(mean, var, eps):
    """ε is forgotten: gamma is the plain standard deviation."""
    return np.sqrt(var), mean


@wrong("4.2", "γ is the inverse of what it should be: 1 / √(σ² +")
def identity_parameters(mean, var, eps):
    """gamma is one over the root, so it normalises a second time."""
    gamma = 1.0 / np.sqrt(var + eps)
    beta = mean
    return gamma, beta


@wrong("4.2", "β is μ times γ. It is added after γ has done its")
def identity_parameters(mean, var, eps):
    """beta is multiplied by gamma, as if the shift came before the scale."""
    gamma = np.sqrt(np.asarray(var) + eps)
    return gamma, gamma * mean


@wrong("4.3", "dγ and dβ are averaged where they should be summed:")
def scale_shift_backward(dy, x_hat, gamma):
    """dgamma and dbeta are means over the batch and positions, not sums."""
    axes = (0,) + tuple(range(2, dy.ndim))
    shape = (1, -1) + (1,) * (dy.ndim - 2)
    return dy * gamma.reshape(shape), np.mean(dy * x_hat, axis=axes), np.mean(dy, axis=axes)


@wrong("4.3", "The sums run over the batch alone, so every pixel")
def scale_shift_backward(dy, x_hat, gamma):
    """The sums run over the batch alone: with positions dgamma and dbeta have shape (C, *S)."""
    g = gamma.reshape((1, -1) + (1,) * (dy.ndim - 2))
    dgamma = np.sum(dy * x_hat, axis=0)
    dbeta = np.sum(dy, axis=0)
    return dy * g, dgamma, dbeta


@wrong("4.3", "γ is missing in dx_hat: what was multiplied by γ on")
def scale_shift_backward(dy, x_hat, gamma):
    """dx_hat is dy itself: the factor gamma is forgotten."""
    axes = tuple(i for i in range(dy.ndim) if i != 1)
    return dy.copy(), (dy * x_hat).sum(axes), dy.sum(axes)


@wrong("4.3", "dγ and dβ have changed places.")
def scale_shift_backward(dy, x_hat, gamma):
    """dgamma and dbeta are returned in each other's place."""
    axes = tuple(i for i in range(dy.ndim) if i != 1)
    dx_hat = np.einsum("nc...,c->nc...", dy, gamma)
    return dx_hat, dy.sum(axes), (dy * x_hat).sum(axes)


@wrong("4.3")
def scale_shift_backward(dy, x_hat, gamma):
    """dx_hat lacks gamma, and the sums are means."""
    axes = (0, *range(2, dy.ndim))
    return dy + 0, (dy * x_hat).mean(axes), dy.mean(axes)


@wrong("4.4", "Mean and variance are treated as constants. They")
def normalize_backward(dx_hat, x_hat, var, eps):
    """Mean and variance are treated as constants."""
    shape = (1, -1) + (1,) * (x_hat.ndim - 2)
    return dx_hat / np.sqrt(var.reshape(shape) + eps)


@wrong("4.4", "The way through the variance is missing: subtract")
def normalize_backward(dx_hat, x_hat, var, eps):
    """The path through the variance is missing."""
    axes = (0, *range(2, x_hat.ndim))
    std = np.sqrt(var + eps).reshape((1, -1) + (1,) * (x_hat.ndim - 2))
    return (dx_hat - dx_hat.mean(axis=axes, keepdims=True)) / std


@wrong("4.4", "m is the batch size in your answer. For images it")
def normalize_backward(dx_hat, x_hat, var, eps):
    """m is the batch size; the positions are not counted."""
    N = x_hat.shape[0]
    axes = (0, *range(2, x_hat.ndim))
    std = np.sqrt(var + eps).reshape((1, -1) + (1,) * (x_hat.ndim - 2))
    sum1 = np.sum(dx_hat, axis=axes, keepdims=True)
    sum2 = np.sum(dx_hat * x_hat, axis=axes, keepdims=True)
    return (N * dx_hat - sum1 - x_hat * sum2) / (N * std)


@wrong("4.4", "x - μ is taken for x_hat · √σ². The forward pass")
def normalize_backward(dx_hat, x_hat, var, eps):
    """x - mean is rebuilt as x_hat * sqrt(var), without ε."""
    axes = (0, *range(2, x_hat.ndim))
    s = (1, -1) + (1,) * (x_hat.ndim - 2)
    m = x_hat.size / x_hat.shape[1]
    v = var.reshape(s)
    xmu = x_hat * np.sqrt(v)
    ivar = 1 / np.sqrt(v + eps)
    dvar = np.sum(dx_hat * xmu, axis=axes, keepdims=True) * -0.5 * ivar**3
    dmu = -np.sum(dx_hat * ivar, axis=axes, keepdims=True)
    return dx_hat * ivar + dvar * 2 * xmu / m + dmu / m


@wrong("4.4", "The way through the variance divides by m - 1. The")
def normalize_backward(dx_hat, x_hat, var, eps):
    """The variance's gradient path uses m - 1, as if the variance had been unbiased."""
    axes = (0, *range(2, x_hat.ndim))
    s = (1, -1) + (1,) * (x_hat.ndim - 2)
    m = x_hat.size // x_hat.shape[1]
    std = np.sqrt(var + eps).reshape(s)
    return (
        dx_hat - dx_hat.mean(axes, keepdims=True) - x_hat * (dx_hat * x_hat).sum(axes, keepdims=True) / max(m - 1, 1)
    ) / std
