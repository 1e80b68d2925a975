"""More wrong answers to chapters 3 and 4 written before any look at checks, mistakes or this bank."""

# ruff: noqa: F811  one name has many answers

import numpy as np

from tests.course.honest_wrong import wrong


@wrong("3.1", "ε stands outside the root: you divide by √σ² +")
def normalize(x, mean, var, eps=1e-5):
    """Eps outside of the root."""
    return (x - mean) / (np.sqrt(var) + eps)


@wrong("3.1", "You use the statistics of x itself. Use those that")
def normalize(x, mean, var, eps=1e-5):
    """Uses the statistics of x instead of those given."""
    mean = x.mean(axis=0)
    var = x.var(axis=0)
    return (x - mean) / np.sqrt(var + eps)


@wrong("3.1", "The square root is missing", "The argument ε is ignored", named=False)
def normalize(x, mean, var, eps=1e-5):
    """Divides by the variance, and ignores the eps handed over."""
    eps = 1e-5
    return (x - mean[None, :]) / (var[None, :] + eps)


@wrong("3.1", "ε steps in only where the standard deviation")
def normalize(x, mean, var, eps=1e-5):
    """Eps added to the mean's difference: in the numerator."""
    std = np.sqrt(var)
    std[std == 0] = eps
    return (x - mean) / std


@wrong("3.2", "Each pixel gets its own statistics: you average")
def batch_normalize(x, eps=1e-5):
    """Per position: only the batch axis."""
    mu = np.mean(x, axis=0)
    var = np.mean((x - mu) ** 2, axis=0)
    return (x - mu) / np.sqrt(var + eps)


@wrong("3.2", "The variance divides by n - 1. Normalising uses")
def batch_normalize(x, eps=1e-5):
    """Unbiased variance."""
    axes = (0,) + tuple(range(2, x.ndim))
    mu = x.mean(axis=axes, keepdims=True)
    centred = x - mu
    n = x.size / x.shape[1]
    var = (centred**2).sum(axis=axes, keepdims=True) / (n - 1)
    return centred / np.sqrt(var + eps)


@wrong("3.2", "ε is squared before it is added")
def batch_normalize(x, eps=1e-5):
    """Eps squared under the root: sqrt(var) and eps added as sizes."""
    axes = tuple(i for i in range(x.ndim) if i != 1)
    mu = x.mean(axis=axes, keepdims=True)
    var = ((x - mu) ** 2).mean(axis=axes, keepdims=True)
    return (x - mu) / np.sqrt(var + eps**2)


@wrong("3.2", "One mean and variance for the whole tensor. Each")
def batch_normalize(x, eps=1e-5):
    """Whole array: one mean for all channels."""
    x64 = x.astype(np.float64)
    return (x64 - x64.mean()) / np.sqrt(x64.var() + eps)


@wrong("3.3", "(C,) is laid against the last axis of x. Channels")
def normalize_inference(x, moving_mean, moving_var, eps=1e-5):
    """No reshape: the statistics broadcast along the last axis."""
    return (x - moving_mean) / np.sqrt(moving_var + eps)


@wrong("3.3", "The square root is missing: you divide by the variance,")
def normalize_inference(x, moving_mean, moving_var, eps=1e-5):
    """Variance taken for deviation."""
    shape = [1, -1] + [1] * (x.ndim - 2)
    return (x - moving_mean.reshape(shape)) / (moving_var.reshape(shape) + eps)


@wrong("3.3", "Moving statistics only for a batch of one, batch")
def normalize_inference(x, moving_mean, moving_var, eps=1e-5):
    """Batch statistics when there is more than one image."""
    shape = (1, -1) + (1,) * (x.ndim - 2)
    if len(x) > 1:
        axes = (0,) + tuple(range(2, x.ndim))
        moving_mean, moving_var = x.mean(axes), x.var(axes)
    return (x - moving_mean.reshape(shape)) / np.sqrt(moving_var.reshape(shape) + eps)


@wrong("3.4", "The result is float32. The next layer of a half")
def normalize_half(x, eps=1e-5):
    """Result stays float32."""
    x32 = x.astype("float32")
    axes = (0, *range(2, x.ndim))
    m = x32.mean(axes, keepdims=True)
    v = x32.var(axes, keepdims=True)
    return (x32 - m) / np.sqrt(v + eps)


@wrong("3.4", "The statistics are right, but they are rounded")
def normalize_half(x, eps=1e-5):
    """Statistics rounded to float16 before the division."""
    axes = (0, *range(2, x.ndim))
    m = x.astype(np.float32).mean(axes, keepdims=True).astype(np.float16)
    v = x.astype(np.float32).var(axes, keepdims=True).astype(np.float16)
    return ((x - m) / np.sqrt(v + np.float16(eps))).astype(np.float16)


@wrong("3.4", "The deviations are squared in float16", named=False)
def normalize_half(x, eps=1e-5):
    """Clips the overflow away: squares in float16 cut off at 65504."""
    axes = (0, *range(2, x.ndim))
    mean = x.mean(axes, keepdims=True, dtype=np.float32)
    dev = (x - mean).astype(np.float16)
    sq = np.minimum(dev * dev, np.float16(65504))
    var = sq.mean(axes, keepdims=True, dtype=np.float32)
    return (dev / np.sqrt(var + eps)).astype(np.float16)


@wrong("3.4", "The differences are formed in float16 before the")
def normalize_half(x, eps=1e-5):
    """Float32 too late: after the mean is subtracted."""
    axes = (0,) + tuple(range(2, x.ndim))
    d = (x - x.mean(axis=axes, keepdims=True)).astype(np.float32)
    var = np.mean(d * d, axis=axes, keepdims=True)
    return (d / np.sqrt(var + eps)).astype(np.float16)


@wrong("4.1", "The brackets are wrong: you compute γ (x̂ + β),")
def scale_shift(x_hat, gamma, beta):
    """Beta scaled along: gamma * (x + beta)."""
    sh = (1, len(gamma)) + (1,) * (x_hat.ndim - 2)
    return gamma.reshape(sh) * (x_hat + beta.reshape(sh))


@wrong("4.1", "(C,) is laid against the last axis of x_hat. Channels")
def scale_shift(x_hat, gamma, beta):
    """Broadcasts along the last axis."""
    return x_hat * gamma + beta


@wrong("4.1", "You multiply by 1 + γ. Some libraries store γ that")
def scale_shift(x_hat, gamma, beta):
    """Gamma is 1 + gamma, as in some networks."""
    sh = (1, -1) + (1,) * (x_hat.ndim - 2)
    return x_hat * (1 + gamma.reshape(sh)) + beta.reshape(sh)


@wrong("4.2", "the offset of the normalisation itself")
def identity_parameters(mean, var, eps):
    """Beta is -mean / std."""
    gamma = np.sqrt(var + eps)
    beta = -mean / gamma
    return gamma, beta


@wrong("4.2", "The pair is in the wrong order: γ comes first,")
def identity_parameters(mean, var, eps):
    """The pair reversed."""
    beta = mean
    gamma = (var + eps) ** 0.5
    return beta, gamma


@wrong("4.2", "The variance is taken for a standard deviation:")
def identity_parameters(mean, var, eps):
    """Eps forgotten and variance for deviation."""
    return var, mean


@wrong("4.3", "x̂ is missing in dγ: the derivative of γ x̂ with")
def scale_shift_backward(dy, x_hat, gamma):
    """Dgamma without x_hat."""
    axes = (0,) + tuple(range(2, dy.ndim))
    g = gamma.reshape((1, -1) + (1,) * (dy.ndim - 2))
    return dy * g, dy.sum(axis=axes), dy.sum(axis=axes)


@wrong("4.3", "dγ and dβ are averaged where they should be summed:")
def scale_shift_backward(dy, x_hat, gamma):
    """Means instead of sums."""
    axes = (0,) + tuple(range(2, dy.ndim))
    g = gamma.reshape((1, -1) + (1,) * (dy.ndim - 2))
    return dy * g, (dy * x_hat).mean(axis=axes), dy.mean(axis=axes)


@wrong("4.3", "The order of the tuple is another one: dx_hat comes")
def scale_shift_backward(dy, x_hat, gamma):
    """Order: dgamma, dbeta first."""
    axes = (0,) + tuple(range(2, dy.ndim))
    g = gamma.reshape((1, -1) + (1,) * (dy.ndim - 2))
    dgamma, dbeta = np.sum(dy * x_hat, axis=axes), np.sum(dy, axis=axes)
    return dgamma, dbeta, g * dy


@wrong("4.3", "γ enters dγ and dβ")
def scale_shift_backward(dy, x_hat, gamma):
    """Dx_hat times x_hat: gradient of the square."""
    axes = (0, *range(2, dy.ndim))
    g = gamma.reshape(1, -1, *[1] * (dy.ndim - 2))
    dgamma = np.sum(x_hat * dy * g, axis=axes)
    return dy * g, dgamma, np.sum(dy * g, axis=axes)


@wrong("4.4", "The factor 1/2 of the root's derivative is missing,")
def normalize_backward(dx_hat, x_hat, var, eps):
    """The term of the variance doubled."""
    axes = (0,) + tuple(range(2, x_hat.ndim))
    shape = (1, -1) + (1,) * (x_hat.ndim - 2)
    s = np.sqrt(var + eps).reshape(shape)
    a = dx_hat.mean(axis=axes, keepdims=True)
    b = 2 * x_hat * (dx_hat * x_hat).mean(axis=axes, keepdims=True)
    return (dx_hat - a - b) / s


@wrong("4.4", "m is the batch size in your answer. For images")
def normalize_backward(dx_hat, x_hat, var, eps):
    """M is the number of samples, positions forgotten."""
    axes = (0,) + tuple(range(2, x_hat.ndim))
    shape = (1, -1) + (1,) * (x_hat.ndim - 2)
    m = x_hat.shape[0]
    inv = (1.0 / np.sqrt(var + eps)).reshape(shape)
    s1 = dx_hat.sum(axis=axes, keepdims=True)
    s2 = (dx_hat * x_hat).sum(axis=axes, keepdims=True)
    return inv / m * (m * dx_hat - s1 - x_hat * s2)


@wrong("4.4", "ε is left out on the way back", "The term through the variance is added", named=False)
def normalize_backward(dx_hat, x_hat, var, eps):
    """Sign of the variance term, and eps left out."""
    axes = (0,) + tuple(range(2, x_hat.ndim))
    shape = (1, -1) + (1,) * (x_hat.ndim - 2)
    s = np.sqrt(var).reshape(shape)
    return (
        dx_hat - dx_hat.mean(axis=axes, keepdims=True) + x_hat * (dx_hat * x_hat).mean(axis=axes, keepdims=True)
    ) / s


@wrong("4.4", "The square root is missing: you divide by σ² +")
def normalize_backward(dx_hat, x_hat, var, eps):
    """Divides by var + eps instead of its root."""
    ax = (0, *range(2, dx_hat.ndim))
    v = (var + eps).reshape(1, -1, *[1] * (dx_hat.ndim - 2))
    proj = x_hat * np.mean(dx_hat * x_hat, axis=ax, keepdims=True)
    return (dx_hat - np.mean(dx_hat, axis=ax, keepdims=True) - proj) / v
