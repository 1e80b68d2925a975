"""Less usual wrong answers to chapters 3 and 4: crashes, own ways, half-remembered recipes."""

# ruff: noqa: F811  one name has many answers

import numpy as np

from tests.course.honest_wrong import wrong


@wrong("3.1", "lower bound of the variance")
def normalize(x, mean, var, eps=1e-5):
    """eps is a floor for the variance, not added to it."""
    return (x - mean) / np.sqrt(np.maximum(var, eps))


@wrong("3.1", "laid on its rows")
def normalize(x, mean, var, eps=1e-5):
    """The statistics are made a column, one number for each sample."""
    return (x - mean[:, np.newaxis]) / np.sqrt(var[:, np.newaxis] + eps)


@wrong("3.1", "The variance is squared")
def normalize(x, mean, var, eps=1e-5):
    """var is squared, as if it were a deviation."""
    return (x - mean) / np.sqrt(var**2 + eps)


@wrong("3.2", "Only two shapes")
def batch_normalize(x, eps=1e-5):
    """As in d2l: two or four axes, and no other."""
    assert len(x.shape) in (2, 4)
    if len(x.shape) == 2:
        mean = x.mean(axis=0)
        var = ((x - mean) ** 2).mean(axis=0)
    else:
        mean = x.mean(axis=(0, 2, 3), keepdims=True)
        var = ((x - mean) ** 2).mean(axis=(0, 2, 3), keepdims=True)
    return (x - mean) / np.sqrt(var + eps)


@wrong("3.2", "length of the centred channel")
def batch_normalize(x, eps=1e-5):
    """Divides by the length of the centred channel, not by its deviation."""
    rows = np.swapaxes(x, 0, 1).reshape(x.shape[1], -1)
    rows = rows - rows.mean(axis=1, keepdims=True)
    rows = rows / np.sqrt(np.sum(rows**2, axis=1, keepdims=True) + eps)
    return np.swapaxes(rows.reshape(x.shape[1], x.shape[0], *x.shape[2:]), 0, 1)


@wrong("3.3", "x itself is overwritten")
def normalize_inference(x, moving_mean, moving_var, eps=1e-5):
    """out is x itself, which is overwritten channel by channel."""
    out = x
    for c in range(x.shape[1]):
        out[:, c] = (x[:, c] - moving_mean[c]) / np.sqrt(moving_var[c] + eps)
    return out


@wrong("3.3", "statistics that stand at its own number")
def normalize_inference(x, moving_mean, moving_var, eps=1e-5):
    """Loops over the samples and takes the statistics of the sample's number."""
    out = np.zeros_like(x)
    for i in range(x.shape[0]):
        out[i] = (x[i] - moving_mean[i]) / np.sqrt(moving_var[i] + eps)
    return out


@wrong("3.4", "ε stays what it was")
def normalize_half(x, eps=1e-5):
    """x is scaled down by 256 against the overflow, eps is not; all in float16."""
    z = x / np.float16(256)
    axes = (0, *range(2, x.ndim))
    var = z.var(axes, keepdims=True)
    return ((z - z.mean(axes, keepdims=True)) / np.sqrt(var + np.float16(eps))).astype(np.float16)


@wrong("3.4", "Each pixel gets its own statistics")
def normalize_half(x, eps=1e-5):
    """float32 and back, but over the batch alone."""
    z = x.astype(np.float32)
    return ((z - z.mean(0)) / np.sqrt(z.var(0) + eps)).astype(np.float16)


@wrong("4.1", "by the number of the sample")
def scale_shift(x_hat, gamma, beta):
    """gamma is taken by the number of the sample."""
    y = np.empty(x_hat.shape)
    for n in range(len(x_hat)):
        y[n] = gamma[n] * x_hat[n] + beta[n]
    return y


@wrong("4.1", "matrix product with `np.diag(gamma)`")
def scale_shift(x_hat, gamma, beta):
    """A matrix product with the diagonal matrix of gamma, on the last axis."""
    return x_hat @ np.diag(gamma) + beta


@wrong("4.2", "values that training starts with")
def identity_parameters(mean, var, eps):
    """The initial values of the layer: 1 and 0."""
    return np.ones_like(mean), np.zeros_like(mean)


@wrong("4.2", "that normalise")
def identity_parameters(mean, var, eps):
    """The factor and the shift of the normalisation itself, not those that undo it."""
    gamma = 1 / np.sqrt(var + eps)
    return gamma, -mean * gamma


@wrong("4.3", "dx̂ is γ alone")
def scale_shift_backward(dy, x_hat, gamma):
    """dx_hat is gamma, as if dy were 1."""
    axes = (0, *range(2, dy.ndim))
    dx_hat = np.ones_like(dy) * gamma.reshape(-1, *[1] * (dy.ndim - 2))
    return dx_hat, np.sum(dy * x_hat, axis=axes), np.sum(dy, axis=axes)


@wrong("4.3", "order of the tuple")
def scale_shift_backward(dy, x_hat, gamma):
    """Returns the gradients of the parameters first."""
    axes = (0, *range(2, dy.ndim))
    dgamma, dbeta = np.sum(dy * x_hat, axis=axes), np.sum(dy, axis=axes)
    return dgamma, dbeta, dy * gamma.reshape(-1, *[1] * (dy.ndim - 2))


@wrong("4.4", "the diagonal of the Jacobian")
def normalize_backward(dx_hat, x_hat, var, eps):
    """Only the diagonal of the Jacobian: what each number does to itself."""
    m = dx_hat.size / dx_hat.shape[1]
    std = np.sqrt(var + eps).reshape(-1, *[1] * (dx_hat.ndim - 2))
    return dx_hat * (1 - 1 / m - x_hat**2 / m) / std


@wrong("4.4", "divides by m - 1")
def normalize_backward(dx_hat, x_hat, var, eps):
    """m - 1 where the forward had divided by m."""
    axes = (0, *range(2, dx_hat.ndim))
    m = dx_hat.size // dx_hat.shape[1]
    std = np.sqrt(var + eps).reshape(-1, *[1] * (dx_hat.ndim - 2))
    s1 = dx_hat.sum(axes, keepdims=True)
    s2 = (dx_hat * x_hat).sum(axes, keepdims=True)
    return (dx_hat - s1 / m - x_hat * s2 / max(m - 1, 1)) / std
