"""Wrong answers to chapters 1 to 4."""

# ruff: noqa: F811  one name has many answers

import numpy as np

from tests.course.honest_wrong import wrong

MEAN_OF_SQUARES = "minus the square of the mean"


def axes_of(x):
    return tuple(i for i in range(x.ndim) if i != 1)


def columns(v, x):
    return np.asarray(v).reshape([1, -1] + [1] * (x.ndim - 2))


@wrong("1.2", "divide by the standard deviation of target")
def mean_shift(source, target):
    mu_s, mu_t = np.mean(source, 0), np.mean(target, 0)
    sigma = np.std(target, 0)
    return np.divide(mu_t - mu_s, sigma, out=np.zeros_like(mu_s), where=sigma > 0)


@wrong("1.2", "standard deviation of both sets together")
def mean_shift(source, target):
    every = np.vstack([source, target])
    z = (every - every.mean(0)) / (every.std(0) + 1e-8)
    return z[len(source) :].mean(0) - z[: len(source)].mean(0)


@wrong("2.2", "cut off at 0", MEAN_OF_SQUARES)
def batch_variance(x):
    total, squares = np.zeros(x.shape[1], x.dtype), np.zeros(x.shape[1], x.dtype)
    for row in x:
        total += row
        squares += row * row
    return np.clip(squares / len(x) - (total / len(x)) ** 2, 0, None)


@wrong("2.2", "A batch of one gives NaN")
def batch_variance(x):
    if len(x) < 2:
        return np.array([np.nan] * x.shape[1])
    mean = sum(x.astype(np.float64)) / len(x)
    return sum((row - mean) ** 2 for row in x.astype(np.float64)) / len(x)


@wrong("2.2", "divides by n - 1")
def batch_variance(x):
    mean, m2 = np.zeros(x.shape[1]), np.zeros(x.shape[1])
    for count, row in enumerate(x, 1):
        delta = row - mean
        mean = mean + delta / count
        m2 = m2 + delta * (row - mean)
    return m2 / (len(x) - 1) if len(x) > 1 else m2


@wrong("2.3", MEAN_OF_SQUARES)
def channel_statistics(x):
    n = x.size // x.shape[1]
    rows = np.moveaxis(x, 1, 0).reshape(x.shape[1], -1)
    first, second = rows.sum(1), np.einsum("ij,ij->i", rows, rows)
    return first / n, second / n - (first / n) ** 2


@wrong("2.3", "mean of the variances of single images")
def channel_statistics(x):
    positions = tuple(range(2, x.ndim))
    return x.mean(axes_of(x)), np.stack([image.var(tuple(np.subtract(positions, 1))) for image in x]).mean(0)


@wrong("2.6", "of your own with a fixed seed", named=False)
def batch_mean_spread(x, batch_size, draws, rng):
    rng = np.random.default_rng(seed=42)
    means = np.empty((draws, x.shape[1]))
    for i in range(draws):
        order = np.arange(len(x))
        rng.shuffle(order)
        means[i] = x[order[:batch_size]].mean(0)
    return means.std(0)


@wrong("2.6", "slices of one shuffled order", "One shuffled order")
def batch_mean_spread(x, batch_size, draws, rng):
    order, means = rng.permutation(len(x)), []
    for i in range(draws):
        means.append(x[order[i * batch_size : (i + 1) * batch_size]].mean(0))
    return np.array(means).std(0)


@wrong("2.6", "with replacement")
def batch_mean_spread(x, batch_size, draws, rng):
    return np.std([np.mean([x[rng.integers(0, len(x))] for _ in range(batch_size)], 0) for _ in range(draws)], 0)


@wrong("3.2", MEAN_OF_SQUARES)
def batch_normalize(x, eps=1e-5):
    channels = np.moveaxis(x, 1, 0).reshape(x.shape[1], -1)
    mean = np.average(channels, axis=1)
    second = (channels * channels).sum(1) / channels.shape[1]
    std = np.sqrt(second - mean * mean + eps)
    return (x - columns(mean, x)) / columns(std, x)


@wrong("3.2", "takes neighbouring pixels for channels")
def batch_normalize(x, eps=1e-5):
    """The channels are not moved to the end before the pixels become rows."""
    rows = x.reshape(-1, x.shape[1])
    z = (rows - rows.mean(0)) / np.sqrt(rows.var(0) + eps)
    return z.reshape(x.shape)


@wrong("3.2", "Each pixel gets its own statistics")
def batch_normalize(x, eps=1e-5):
    mu = sum(x) / len(x)
    var = sum((x - mu) ** 2) / len(x)
    return (x - mu) / (var + eps) ** 0.5


@wrong("3.2", "divides by n - 1", "ε stands outside the root")
def batch_normalize(x, eps=1e-5):
    axes = axes_of(x)
    return (x - x.mean(axes, keepdims=True)) / (x.std(axes, keepdims=True, ddof=1) + eps)


@wrong("3.2")
def batch_normalize(x, eps=1e-5):
    """A name is misspelt where x has more than two axes."""
    if x.ndim == 2:
        return (x - x.mean(0)) / np.sqrt(x.var(0) + eps)
    axes = axes_of(x)
    return (x - x.mean(axes, keepdims=True)) / np.sqrt(x.var(axes, keepdim_=True) + epsilon)  # noqa: F821


@wrong("3.3", "shaped for images only", "fits images alone")
def normalize_inference(x, moving_mean, moving_var, eps=1e-5):
    return (x - moving_mean[:, None, None]) / np.sqrt(moving_var[:, None, None] + eps)


@wrong("3.3", "1e-3 unless given")
def normalize_inference(x, moving_mean, moving_var, eps=0.001):
    inv = 1 / np.sqrt(np.asarray(moving_var, float) + eps)
    return x * columns(inv, x) - columns(moving_mean * inv, x)


@wrong("4.4", "means run over the batch alone", "m is the batch size")
def normalize_backward(dx_hat, x_hat, var, eps):
    n = dx_hat.shape[0]
    std = np.sqrt(var + eps).reshape([-1] + [1] * (x_hat.ndim - 2))
    return (n * dx_hat - dx_hat.sum(0) - x_hat * (dx_hat * x_hat).sum(0)) / (n * std)


@wrong("4.4", "constants")
def normalize_backward(dx_hat, x_hat, var, eps):
    return dx_hat * columns((var + eps) ** -0.5, x_hat)
