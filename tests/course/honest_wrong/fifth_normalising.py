"""Wrong answers to chapters 3 and 4, a fifth sample, written before a look at checks or mistakes."""

# ruff: noqa: F811  one name has many answers

import numpy as np

from tests.course.honest_wrong import wrong


@wrong("3.1", "ε stands outside the root: you divide by √σ² + ε")
def normalize(x, mean, var, eps=1e-5):
    """eps is added to the deviation, outside of the root."""
    return (x - mean) / (np.sqrt(var) + eps)


@wrong("3.1", "You use the statistics of x itself. Use those that")
def normalize(x, mean, var, eps=1e-5):
    """The given statistics are ignored: x's own are used."""
    return (x - x.mean(axis=0)) / np.sqrt(x.var(axis=0) + eps)


@wrong("3.1", "The square root is missing: you divide by the")
def normalize(x, mean, var, eps=1e-5):
    """Division by the variance, no root."""
    return (x - mean) / (var + eps)


@wrong("3.1", "Brackets are missing: only the mean is divided, x -")
def normalize(x, mean, var, eps=1e-5):
    """The mean is divided by the root only: precedence of the operators."""
    return x - mean / np.sqrt(var + eps)


@wrong("3.2", "Each pixel gets its own statistics: you average")
def batch_normalize(x, eps=1e-5):
    """Only axis 0 is averaged: each pixel has statistics of its own."""
    mu = x.mean(axis=0)
    var = x.var(axis=0)
    return (x - mu) / np.sqrt(var + eps)


@wrong("3.2", "The variance divides by n - 1. Normalising uses the")
def batch_normalize(x, eps=1e-5):
    """The unbiased variance."""
    axes = (0,) + tuple(range(2, x.ndim))
    mean = x.mean(axis=axes, keepdims=True)
    var = x.var(axis=axes, ddof=1, keepdims=True)
    return (x - mean) / np.sqrt(var + eps)


@wrong("3.2", "One mean and variance for the whole tensor. Each")
def batch_normalize(x, eps=1e-5):
    """One mean and one variance for the whole batch."""
    return (x - np.mean(x)) / np.sqrt(np.var(x) + eps)


@wrong("3.2", "Only two and four axes are handled, by `if` and")
def batch_normalize(x, eps=1e-5):
    """if/else for two and four axes, as in CS231n; volumes and sequences fall through."""
    if x.ndim == 2:
        mean, var = x.mean(0), x.var(0)
    elif x.ndim == 4:
        mean = x.mean((0, 2, 3)).reshape(1, -1, 1, 1)
        var = x.var((0, 2, 3)).reshape(1, -1, 1, 1)
    return (x - mean) / np.sqrt(var + eps)


@wrong("3.3", "(C,) is laid against the last axis of x. Channels")
def normalize_inference(x, moving_mean, moving_var, eps=1e-5):
    """No reshape: the statistics meet the last axis."""
    return (x - moving_mean) / np.sqrt(moving_var + eps)


@wrong("3.3", "The square root is missing: you divide by the")
def normalize_inference(x, moving_mean, moving_var, eps=1e-5):
    """The moving variance is taken for a deviation."""
    shape = (1, -1) + (1,) * (x.ndim - 2)
    return (x - moving_mean.reshape(shape)) / (moving_var.reshape(shape) + eps)


@wrong("3.3", "The statistics are shaped for images only, (1, C,")
def normalize_inference(x, moving_mean, moving_var, eps=1e-5):
    """Broadcast for four axes only."""
    m = moving_mean[None, :, None, None]
    v = moving_var[None, :, None, None]
    return (x - m) / np.sqrt(v + eps)


@wrong("3.4", "The statistics are right, but they are rounded to")
def normalize_half(x, eps=1e-5):
    """float32 for the mean and the variance, but x is subtracted and divided in float16."""
    axes = (0, *range(2, x.ndim))
    mean = x.mean(axes, keepdims=True, dtype=np.float32).astype(np.float16)
    var = x.astype(np.float32).var(axes, keepdims=True).astype(np.float16)
    return (x - mean) / np.sqrt(var + np.float16(eps))


@wrong("3.4", "The result is float32. The next layer of a half")
def normalize_half(x, eps=1e-5):
    """The result is not rounded to float16."""
    y = x.astype(np.float32)
    axes = (0, *range(2, x.ndim))
    return (y - y.mean(axes, keepdims=True)) / np.sqrt(y.var(axes, keepdims=True) + eps)


@wrong("3.4", "All is computed in float16: squares above 65504")
def normalize_half(x, eps=1e-5):
    """All in float16; np.var of float16 gives inf."""
    axes = (0, *range(2, x.ndim))
    mean = x.mean(axis=axes, keepdims=True)
    var = ((x - mean) ** 2).mean(axis=axes, keepdims=True)
    return ((x - mean) / np.sqrt(var + eps)).astype(np.float16)


@wrong("4.1", "(C,) is laid against the last axis of x_hat.")
def scale_shift(x_hat, gamma, beta):
    """gamma and beta meet the last axis."""
    return gamma * x_hat + beta


@wrong("4.1", "The brackets are wrong: you compute γ (x̂ + β), so")
def scale_shift(x_hat, gamma, beta):
    """The shift comes before the scale."""
    shape = [1] * x_hat.ndim
    shape[1] = -1
    return gamma.reshape(shape) * (x_hat + beta.reshape(shape))


@wrong("4.1", "γ is in the right shape, but β is laid against the")
def scale_shift(x_hat, gamma, beta):
    """beta is not reshaped."""
    shape = (1, -1) + (1,) * (x_hat.ndim - 2)
    return x_hat * gamma.reshape(shape) + beta


@wrong("4.2", "ε is forgotten: you return √σ², but the")
def identity_parameters(mean, var, eps):
    """gamma is the root of the variance, without eps."""
    return np.sqrt(var), mean


@wrong("4.2", "γ is the inverse of what it should be: 1 / √(σ² +")
def identity_parameters(mean, var, eps):
    """gamma is 1 / deviation, the inverse."""
    return 1 / np.sqrt(var + eps), mean


@wrong("4.2", "The pair is in the wrong order: γ comes first, then")
def identity_parameters(mean, var, eps):
    """beta and gamma are returned in the wrong order."""
    gamma = np.sqrt(var + eps)
    beta = mean
    return beta, gamma


@wrong("4.2", "β is -μ / √(σ² + ε), the offset of the")
def identity_parameters(mean, var, eps):
    """beta has the wrong sign and is divided: the fold of a layer."""
    gamma = np.sqrt(var + eps)
    return gamma, -mean / gamma


@wrong("4.3", "dγ and dβ have changed places.")
def scale_shift_backward(dy, x_hat, gamma):
    """dgamma is the sum of dy alone, dbeta the sum of dy * x_hat: the two are exchanged."""
    axes = (0,) + tuple(range(2, dy.ndim))
    shape = (1, -1) + (1,) * (dy.ndim - 2)
    dgamma = dy.sum(axis=axes)
    dbeta = (dy * x_hat).sum(axis=axes)
    return dy * gamma.reshape(shape), dgamma, dbeta


@wrong("4.3", "dγ and dβ are averaged where they should be summed:")
def scale_shift_backward(dy, x_hat, gamma):
    """Means in place of sums."""
    axes = (0,) + tuple(range(2, dy.ndim))
    g = gamma.reshape((1, -1) + (1,) * (dy.ndim - 2))
    return dy * g, np.mean(dy * x_hat, axis=axes), np.mean(dy, axis=axes)


@wrong("4.3", "The sums run over the batch alone, so every pixel")
def scale_shift_backward(dy, x_hat, gamma):
    """Sums over the batch only."""
    shape = [1, -1] + [1] * (dy.ndim - 2)
    dx_hat = dy * gamma.reshape(shape)
    dgamma = np.sum(dy * x_hat, axis=0)
    dbeta = np.sum(dy, axis=0)
    return dx_hat, dgamma, dbeta


@wrong("4.4", "Mean and variance are treated as constants. They")
def normalize_backward(dx_hat, x_hat, var, eps):
    """Mean and variance are taken for constants."""
    shape = (1, -1) + (1,) * (x_hat.ndim - 2)
    return dx_hat / np.sqrt(var + eps).reshape(shape)


@wrong("4.4", "The way through the variance is missing: subtract")
def normalize_backward(dx_hat, x_hat, var, eps):
    """The term of the variance is left out."""
    axes = (0, *range(2, x_hat.ndim))
    shape = (1, -1) + (1,) * (x_hat.ndim - 2)
    inv = 1 / np.sqrt(var.reshape(shape) + eps)
    return inv * (dx_hat - dx_hat.mean(axis=axes, keepdims=True))


@wrong("4.4", "m is the batch size in your answer. For images it")
def normalize_backward(dx_hat, x_hat, var, eps):
    """The closed form of CS231n with N for the batch in place of m."""
    N = x_hat.shape[0]
    axes = (0, *range(2, x_hat.ndim))
    shape = (1, -1) + (1,) * (x_hat.ndim - 2)
    inv = 1 / np.sqrt(var.reshape(shape) + eps)
    total = dx_hat.sum(axis=axes, keepdims=True)
    along = (dx_hat * x_hat).sum(axis=axes, keepdims=True)
    return inv / N * (N * dx_hat - total - x_hat * along)


@wrong("4.4", "The term through the variance is added; its sign is")
def normalize_backward(dx_hat, x_hat, var, eps):
    """The sign of the variance's term is wrong."""
    axes = (0, *range(2, x_hat.ndim))
    shape = (1, -1) + (1,) * (x_hat.ndim - 2)
    std = np.sqrt(var + eps).reshape(shape)
    mean = dx_hat.mean(axis=axes, keepdims=True)
    along = (dx_hat * x_hat).mean(axis=axes, keepdims=True)
    return (dx_hat - mean + x_hat * along) / std
