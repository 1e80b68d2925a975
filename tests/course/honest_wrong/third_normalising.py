"""Still more wrong answers to chapters 3 and 4, written before any look at checks, mistakes or this bank."""

# ruff: noqa: F811  one name has many answers

import numpy as np

from tests.course.honest_wrong import wrong


@wrong("3.1", "You multiply by the standard deviation instead of")
def normalize(x, mean, var, eps=1e-5):
    """Multiplies by the root."""
    return (x - mean) * np.sqrt(var + eps)


@wrong("3.1", "Brackets are missing: only the mean is divided, x -")
def normalize(x, mean, var, eps=1e-5):
    """Brackets: x - mean / sqrt."""
    return x - mean / np.sqrt(var + eps)


@wrong("3.1")
def normalize(x, mean, var, eps=1e-5):
    """An epsilon of its own, 1e-8."""
    epsilon = 1e-8
    return np.divide(np.subtract(x, mean), np.sqrt(np.add(var, epsilon)))


@wrong("3.2", "These are the axes of layer normalization: each")
def batch_normalize(x, eps=1e-5):
    """Per-sample: layer norm axes."""
    axes = tuple(range(1, x.ndim))
    mean = x.mean(axis=axes, keepdims=True)
    var = x.var(axis=axes, keepdims=True)
    return (x - mean) / np.sqrt(var + eps)


@wrong("3.2", "Two slips: the variance divides by n - 1, and ε")
def batch_normalize(x, eps=1e-5):
    """The unbiased deviation plus eps."""
    axes = (0,) + tuple(range(2, x.ndim))
    mu = np.mean(x, axis=axes, keepdims=True)
    sigma = np.std(x, axis=axes, ddof=1, keepdims=True)
    return (x - mu) / (sigma + eps)


@wrong("3.3")
def normalize_inference(x, moving_mean, moving_var, eps=1e-5):
    """Moving statistics are first moved towards the batch."""
    axes = tuple(i for i in range(x.ndim) if i != 1)
    shape = [1] * x.ndim
    shape[1] = x.shape[1]
    mean = 0.9 * moving_mean + 0.1 * x.mean(axis=axes)
    var = 0.9 * moving_var + 0.1 * x.var(axis=axes)
    return (x - mean.reshape(shape)) / np.sqrt(var.reshape(shape) + eps)


@wrong("3.3", "ε stands outside the root: you divide by √σ² + ε")
def normalize_inference(x, moving_mean, moving_var, eps=1e-5):
    """Eps outside the root."""
    shape = [1] * x.ndim
    shape[1] = len(moving_mean)
    return (x - moving_mean.reshape(shape)) / (np.sqrt(moving_var.reshape(shape)) + eps)


@wrong("3.3", "Moving statistics only for a batch of one, batch")
def normalize_inference(x, moving_mean, moving_var, eps=1e-5):
    """Batch statistics if the batch is larger than one."""
    view = (1, -1) + (1,) * (x.ndim - 2)
    if x.shape[0] > 1:
        axes = (0,) + tuple(range(2, x.ndim))
        mean, var = x.mean(axes), x.var(axes)
    else:
        mean, var = moving_mean, moving_var
    return (x - mean.reshape(view)) / np.sqrt(var.reshape(view) + eps)


@wrong("3.3", "(C,) is laid against the last axis of x", named=False)
def normalize_inference(x, moving_mean, moving_var, eps=1e-5):
    """The mean lies along axis 1, the variance along the last axis."""
    n = x.ndim - 2
    mean = moving_mean.reshape((-1,) + (1,) * n)
    return (x - mean) / np.sqrt(moving_var + eps).reshape((1,) * n + (-1,))


@wrong("3.4", "The deviations are squared in float16 and only")
def normalize_half(x, eps=1e-5):
    """Squares are taken in float16."""
    axes = (0, *range(2, x.ndim))
    mean = x.mean(axes, keepdims=True, dtype=np.float32)
    centered = x - mean.astype(np.float16)
    var = (centered**2).mean(axes, keepdims=True, dtype=np.float32)
    return (centered / np.sqrt(var + eps)).astype(np.float16)


@wrong("3.4", "The variance is taken in float32, but the mean is")
def normalize_half(x, eps=1e-5):
    """The difference is taken in float16."""
    axes = (0, *range(2, x.ndim))
    xf = x.astype(np.float32)
    mean = np.float16(xf.mean(axes, keepdims=True))
    std = np.sqrt(xf.var(axes, keepdims=True) + eps)
    return np.float16((x - mean) / std)


@wrong("4.1", "β is not used: the values are scaled but not")
def scale_shift(x_hat, gamma, beta):
    """No beta."""
    g = gamma.reshape(1, -1, *(1,) * (x_hat.ndim - 2))
    return g * x_hat


@wrong("4.1", "γ and β have changed places: γ multiplies, β is")
def scale_shift(x_hat, gamma, beta):
    """Gamma and beta swapped."""
    s = (1, x_hat.shape[1]) + (1,) * (x_hat.ndim - 2)
    return beta.reshape(s) * x_hat + gamma.reshape(s)


@wrong("4.2", "The square root is missing: x - μ was divided by")
def identity_parameters(mean, var, eps):
    """Gamma = var + eps."""
    return var + eps, mean


@wrong("4.2", "The sign of β is wrong: the mean was subtracted, so")
def identity_parameters(mean, var, eps):
    """Beta negated."""
    gamma = np.sqrt(var + eps)
    return gamma, -mean


@wrong("4.3", "γ is missing in dx_hat: what was multiplied by γ on")
def scale_shift_backward(dy, x_hat, gamma):
    """dx_hat = dy, gamma missing."""
    ax = (0, *range(2, dy.ndim))
    return dy.copy(), np.sum(dy * x_hat, ax), np.sum(dy, ax)


@wrong("4.3", "The sums are right, but keep their axes of length 1")
def scale_shift_backward(dy, x_hat, gamma):
    """Keepdims gradients."""
    ax = tuple(i for i in range(dy.ndim) if i != 1)
    g = gamma.reshape([1, -1] + [1] * (dy.ndim - 2))
    return dy * g, (dy * x_hat).sum(axis=ax, keepdims=True), dy.sum(axis=ax, keepdims=True)


@wrong("4.3")
def scale_shift_backward(dy, x_hat, gamma):
    """dbeta is taken for 1, the derivative of y itself."""
    ax = (0, *range(2, dy.ndim))
    shape = [1, -1] + [1] * (dy.ndim - 2)
    dbeta = np.ones_like(gamma)
    return dy * gamma.reshape(shape), (dy * x_hat).sum(ax), dbeta


@wrong("4.3", "dx_hat contains x̂", named=False)
def scale_shift_backward(dy, x_hat, gamma):
    """The factors of dx_hat and dgamma have changed places."""
    ax = (0, *range(2, dy.ndim))
    g = gamma.reshape([1, -1] + [1] * (dy.ndim - 2))
    return dy * x_hat, (dy * g).sum(ax), dy.sum(ax)


@wrong("4.4", "The way through the variance is missing: subtract")
def normalize_backward(dx_hat, x_hat, var, eps):
    """Path through the variance is missing."""
    ax = (0, *range(2, dx_hat.ndim))
    std = np.sqrt(var + eps).reshape([1, -1] + [1] * (dx_hat.ndim - 2))
    return (dx_hat - dx_hat.mean(axis=ax, keepdims=True)) / std


@wrong("4.4", "The term through the variance is added; its sign is")
def normalize_backward(dx_hat, x_hat, var, eps):
    """Step by step, with a wrong sign in dvar."""
    ax = (0, *range(2, dx_hat.ndim))
    s = [1, -1] + [1] * (dx_hat.ndim - 2)
    v = var.reshape(s)
    m = dx_hat.size / dx_hat.shape[1]
    xmu = x_hat * np.sqrt(v + eps)
    dvar = (dx_hat * xmu).sum(ax, keepdims=True) * 0.5 * (v + eps) ** -1.5
    dmu = -(dx_hat / np.sqrt(v + eps)).sum(ax, keepdims=True)
    return dx_hat / np.sqrt(v + eps) + dvar * 2 * xmu / m + dmu / m


@wrong("4.4")
def normalize_backward(dx_hat, x_hat, var, eps):
    """Step by step, with x_hat for x - mean."""
    ax = (0, *range(2, dx_hat.ndim))
    s = [1, -1] + [1] * (dx_hat.ndim - 2)
    m = dx_hat.size // dx_hat.shape[1]
    istd = 1 / np.sqrt(var + eps).reshape(s)
    dvar = np.sum(dx_hat * x_hat * -0.5 * istd**3, axis=ax, keepdims=True)
    dmean = np.sum(dx_hat * -istd, axis=ax, keepdims=True)
    return dx_hat * istd + dvar * 2 * x_hat / m + dmean / m


@wrong("4.1", "an assignment into it")
def scale_shift(x_hat, gamma, beta):
    """Loop over channels writes into x_hat."""
    for c in range(x_hat.shape[1]):
        x_hat[:, c] = gamma[c] * x_hat[:, c] + beta[c]
    return x_hat
