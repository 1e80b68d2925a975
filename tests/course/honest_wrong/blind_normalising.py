"""Wrong answers to chapters 3 and 4, written before any look at checks, mistakes or this bank."""

# ruff: noqa: F811  one name has many answers

import numpy as np

from tests.course.honest_wrong import wrong


@wrong("3.1", "ε stands outside the root: you divide by √σ² + ε")
def normalize(x, mean, var, eps=1e-5):
    """eps is added after the root."""
    std = np.sqrt(var)
    return (x - mean) / (std + eps)


@wrong("3.1", "The square root is missing: you divide by the")
def normalize(x, mean, var, eps=1e-5):
    """Treats var as a standard deviation, and leaves eps."""
    out = np.empty(x.shape)
    for i, row in enumerate(x):
        for j, v in enumerate(row):
            out[i, j] = (v - mean[j]) / (var[j] + eps)
    return out


@wrong("3.1", "You use the statistics of x itself. Use those")
def normalize(x, mean, var, eps=1e-5):
    """The statistics of x itself instead of those given."""
    mean = np.mean(x, axis=0)
    var = np.var(x, axis=0)
    return (x - mean) * (var + eps) ** -0.5


@wrong("3.2", "Each pixel gets its own statistics: you average")
def batch_normalize(x, eps=1e-5):
    """Over the batch only: each pixel by itself."""
    mu = x.mean(axis=0, keepdims=True)
    sigma2 = np.square(x - mu).mean(axis=0, keepdims=True)
    return (x - mu) / np.sqrt(sigma2 + eps)


@wrong("3.2", "These are the axes of instance normalization")
def batch_normalize(x, eps=1e-5):
    """One mean and one variance for each image (instance norm) where there are positions; else over the batch."""
    axes = tuple(range(2, x.ndim)) or (0,)
    mu = x.mean(axis=axes, keepdims=True)
    return (x - mu) / np.sqrt(x.var(axis=axes, keepdims=True) + eps)


@wrong("3.2", "The variance divides by n - 1. Normalising uses")
def batch_normalize(x, eps=1e-5):
    """ddof=1 in the variance."""
    ax = (0,) + tuple(range(2, x.ndim))
    x = x.astype(np.float64)
    return (x - x.mean(axis=ax, keepdims=True)) / np.sqrt(np.var(x, axis=ax, keepdims=True, ddof=1) + eps)


@wrong("3.3", "(C,) is laid against the last axis of x")
def normalize_inference(x, moving_mean, moving_var, eps=1e-5):
    """Broadcasts (C,) along the last axis."""
    return (x - moving_mean) / np.sqrt(moving_var + eps)


@wrong("3.3", "Batch statistics at inference: the result for")
def normalize_inference(x, moving_mean, moving_var, eps=1e-5):
    """Uses the batch's statistics, like 3.2."""
    axes = (0, *range(2, x.ndim))
    mean, var = x.mean(axes, keepdims=True), x.var(axes, keepdims=True)
    return (x - mean) / np.sqrt(var + eps)


@wrong("3.3", "The statistics are shaped for images only, (1")
def normalize_inference(x, moving_mean, moving_var, eps=1e-5):
    """Only for four axes: [None, :, None, None]."""
    m = moving_mean[None, :, None, None]
    v = moving_var[None, :, None, None]
    return (x - m) / np.sqrt(v + eps)


@wrong("3.4", "The result is float32. The next layer of a half")
def normalize_half(x, eps=1e-5):
    """Forgets to round back to float16."""
    x32 = x.astype("float32")
    axes = (0, *range(2, x.ndim))
    mean = x32.mean(axis=axes, keepdims=True)
    var = x32.var(axis=axes, keepdims=True)
    return (x32 - mean) / np.sqrt(var + eps)


@wrong("3.4", "The statistics are right, but they are rounded")
def normalize_half(x, eps=1e-5):
    """Statistics in float32, but they are rounded to float16 before the quotient."""
    axes = (0, *range(2, x.ndim))
    mean = x.mean(axis=axes, keepdims=True, dtype=np.float32)
    var = x.var(axis=axes, keepdims=True, dtype=np.float32)
    return (x - mean.astype(np.float16)) / np.sqrt(var.astype(np.float16) + np.float16(eps))


@wrong("3.4", "The deviations are squared in float16 and only")
def normalize_half(x, eps=1e-5):
    """Converts too late: x - mean and its square are float16."""
    ax = (0, *range(2, x.ndim))
    d = x - x.mean(ax, keepdims=True)
    v = (d * d).astype(np.float32).mean(ax, keepdims=True)
    return (d.astype(np.float32) / np.sqrt(v + eps)).astype(np.float16)


@wrong("4.1", "The brackets are wrong: you compute γ (x̂ + β)")
def scale_shift(x_hat, gamma, beta):
    """gamma * (x_hat + beta)."""
    ones = (1,) * (x_hat.ndim - 2)
    g, b = gamma.reshape(1, -1, *ones), beta.reshape(1, -1, *ones)
    return g * (x_hat + b)


@wrong("4.1", "(C,) is laid against the last axis of x_hat")
def scale_shift(x_hat, gamma, beta):
    """einsum over the last axis as channel, TensorFlow style."""
    return np.einsum("...c,c->...c", x_hat, gamma) + beta


@wrong("4.1", "You multiply by 1 + γ. Some libraries store γ")
def scale_shift(x_hat, gamma, beta):
    """(1 + gamma) * x_hat + beta, as with zero-initialised gamma (FiLM)."""
    y = np.moveaxis(x_hat, 1, -1)
    y = y * (1 + gamma) + beta
    return np.moveaxis(y, -1, 1)


@wrong("4.2", "ε is forgotten: you return √σ², but the")
def identity_parameters(mean, var, eps):
    """gamma without eps."""
    gamma = np.sqrt(var)
    beta = np.array(mean)
    return gamma, beta


@wrong("4.2", "These are the factor and offset that normalise")
def identity_parameters(mean, var, eps):
    """The forward's scale and shift: 1/sqrt and -mean/sqrt."""
    inv = 1.0 / np.sqrt(var + eps)
    return inv, -mean * inv


@wrong("4.2", "The pair is in the wrong order: γ comes first")
def identity_parameters(mean, var, eps):
    """Order swapped: (beta, gamma)."""
    beta = mean
    gamma = (var + eps) ** 0.5
    return beta, gamma


@wrong("4.3", "dγ and dβ are divided by the batch size. The")
def scale_shift_backward(dy, x_hat, gamma):
    """dgamma and dbeta averaged over the batch's samples."""
    n = dy.shape[0]
    axes = tuple(i for i in range(dy.ndim) if i != 1)
    g = gamma.reshape([-1 if i == 1 else 1 for i in range(dy.ndim)])
    return dy * g, (dy * x_hat).sum(axis=axes) / n, dy.sum(axis=axes) / n


@wrong("4.3", "dγ and dβ have changed places")
def scale_shift_backward(dy, x_hat, gamma):
    """dgamma and dbeta swapped in the tuple."""
    axes = (0, *range(2, dy.ndim))
    shape = (1, -1) + (1,) * (dy.ndim - 2)
    dbeta = dy.sum(axis=axes)
    dgamma = np.sum(dy * x_hat, axis=axes)
    return gamma.reshape(shape) * dy, dbeta, dgamma


@wrong("4.3", "The sums run over the batch alone, so every")
def scale_shift_backward(dy, x_hat, gamma):
    """Sums over axis 0 only, as for features."""
    shape = (1, -1) + (1,) * (dy.ndim - 2)
    dx_hat = dy * gamma.reshape(shape)
    dgamma = np.sum(dy * x_hat, axis=0)
    dbeta = np.sum(dy, axis=0)
    return dx_hat, dgamma, dbeta


@wrong("4.4", "Mean and variance are treated as constants. They")
def normalize_backward(dx_hat, x_hat, var, eps):
    """Mean and variance as constants: dx_hat / std."""
    shape = (1, -1) + (1,) * (dx_hat.ndim - 2)
    return dx_hat / np.sqrt(var + eps).reshape(shape)


@wrong("4.4", "Both subtracted terms are sums; each is a mean")
def normalize_backward(dx_hat, x_hat, var, eps):
    """Sums instead of means, as m is forgotten."""
    axes = (0, *range(2, dx_hat.ndim))
    shape = (1, -1) + (1,) * (dx_hat.ndim - 2)
    inv = (1 / np.sqrt(var + eps)).reshape(shape)
    s1 = dx_hat.sum(axes, keepdims=True)
    s2 = (dx_hat * x_hat).sum(axes, keepdims=True)
    return inv * (dx_hat - s1 - x_hat * s2)


@wrong("4.4", "m is the batch size in your answer. For images")
def normalize_backward(dx_hat, x_hat, var, eps):
    """m is the batch size N where positions count too; step by step."""
    N = dx_hat.shape[0]
    axes = (0, *range(2, dx_hat.ndim))
    shape = (1, -1) + (1,) * (dx_hat.ndim - 2)
    std = np.sqrt(var + eps).reshape(shape)
    xmu = x_hat * std
    dvar = np.sum(dx_hat * xmu * -0.5 * std**-3, axis=axes, keepdims=True)
    dmu = np.sum(-dx_hat / std, axis=axes, keepdims=True)
    return dx_hat / std + dvar * 2 * xmu / N + dmu / N


@wrong("4.4", "The square root is missing: you divide by σ² +")
def normalize_backward(dx_hat, x_hat, var, eps):
    """Divides by var + eps, no root."""
    axes = (0, *range(2, dx_hat.ndim))
    denominator = (var + eps).reshape((1, -1) + (1,) * (dx_hat.ndim - 2))
    inner = dx_hat - dx_hat.mean(axes, keepdims=True) - x_hat * np.mean(dx_hat * x_hat, axes, keepdims=True)
    return inner / denominator
