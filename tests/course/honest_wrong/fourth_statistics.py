"""Wrong answers to chapter 2, a fourth sample, written before a look at checks or mistakes."""

# ruff: noqa: F811  one name has many answers

import numpy as np

from tests.course.honest_wrong import wrong


@wrong("2.1", "You average over axis 1, the features of each")
def batch_mean(x):
    """The mean is taken over the features of each sample (axis 1)."""
    return x.mean(axis=1)


@wrong("2.1", "The result has shape (1, D): `keepdims=True` keeps")
def batch_mean(x):
    """keepdims leaves the shape (1, D)."""
    return np.mean(x, axis=0, keepdims=True)


@wrong("2.2", "This is the standard deviation, the root of the")
def batch_variance(x):
    """np.std gives the standard deviation; the root should not be there."""
    mu = x.mean(axis=0)
    return np.sqrt(((x - mu) ** 2).mean(axis=0))


@wrong("2.2", "The distances are those from the mean of all")
def batch_variance(x):
    """The mean of all numbers is subtracted, not that of each feature."""
    return np.mean((x - x.mean()) ** 2, axis=0)


@wrong("2.2", "The variance is the mean of squares minus the")
def batch_variance(x):
    """mean of squares minus square of the mean cancels in float32."""
    n = len(x)
    s = x.sum(axis=0)
    ss = (x * x).sum(axis=0)
    return ss / n - (s / n) ** 2


@wrong("2.2", "x itself is overwritten (`x -= mean`, or `out = x`")
def batch_variance(x):
    """x -= mean changes the argument."""
    x -= x.mean(axis=0)
    return (x**2).sum(axis=0) / x.shape[0]


@wrong("2.2", "You average the distances from the mean, not their")
def batch_variance(x):
    """np.ptp-like: the mean absolute deviation, not the mean square."""
    return np.abs(x - x.mean(axis=0)).mean(axis=0)


@wrong("2.3", "The axes (0, 2, 3) are written into the code. Let")
def channel_statistics(x):
    """The axes are written for images: (0, 2, 3) fails for all but 4-d."""
    mean = np.mean(x, axis=(0, 2, 3))
    var = np.var(x, axis=(0, 2, 3))
    return mean, var


@wrong("2.3", "The variance is the mean of the variances of single")
def channel_statistics(x):
    """The variance is computed for each image and then averaged: the differences between images are lost."""
    flat = x.reshape(x.shape[0], x.shape[1], -1).astype(np.float64)
    mean = flat.mean(axis=(0, 2))
    var = flat.var(axis=2).mean(axis=0)
    return mean, var


@wrong("2.3", "Statistics for the last axis: channels come last in")
def channel_statistics(x):
    """Channels are taken to be last: statistics over all axes but the last one."""
    axes = tuple(range(x.ndim - 1))
    return x.mean(axis=axes), x.var(axis=axes)


@wrong("2.3", "The variance divides by n - 1. That is the unbiased")
def channel_statistics(x):
    """swapaxes and reshape are done right, but the variance is unbiased."""
    c = np.swapaxes(x, 0, 1).reshape(x.shape[1], -1).astype(float)
    return c.mean(1), c.var(1, ddof=1)


@wrong("2.3")
def channel_statistics(x):
    """Variance unbiased and axes fixed for images: two slips."""
    if x.ndim == 4:
        return x.mean(axis=(0, 2, 3)), x.var(axis=(0, 2, 3), ddof=1)
    return x.mean(axis=0), x.var(axis=0, ddof=1)


@wrong("2.4", "The variances are averaged, but how far the two")
def merge_statistics(count_a, mean_a, var_a, count_b, mean_b, var_b):
    """The within variances are averaged by count; the term for the distance of the means is missing."""
    count_a, count_b = int(count_a), int(count_b)
    n = count_a + count_b
    wa, wb = count_a / n, count_b / n
    return n, wa * mean_a + wb * mean_b, wa * var_a + wb * var_b


@wrong("2.4", "The term δ² · a · b / n is that of the *sum* of")
def merge_statistics(count_a, mean_a, var_a, count_b, mean_b, var_b):
    """The between term is delta² · na · nb / n, which belongs to the sum of squares and not to the variance."""
    count_a, count_b = int(count_a), int(count_b)
    n = count_a + count_b
    delta = np.subtract(mean_b, mean_a, dtype=float)
    mean = mean_a + delta * (count_b / n)
    var = (count_a * np.asarray(var_a, float) + count_b * np.asarray(var_b, float)) / n + delta**2 * (
        count_a * count_b / n
    )
    return n, mean, var


@wrong("2.4", "The mean is the plain average of both means, and")
def merge_statistics(count_a, mean_a, var_a, count_b, mean_b, var_b):
    """The mean is the plain average of the two means, as if both counts were equal."""
    n = int(count_a) + int(count_b)
    mean_a, mean_b = np.asarray(mean_a, np.float64), np.asarray(mean_b, np.float64)
    mean = (mean_a + mean_b) / 2
    m2 = int(count_a) * (var_a + (mean_a - mean) ** 2) + int(count_b) * (var_b + (mean_b - mean) ** 2)
    return n, mean, m2 / n


@wrong("2.4", "The merged variance is the mean of squares minus")
def merge_statistics(count_a, mean_a, var_a, count_b, mean_b, var_b):
    """E[x²] - E[x]² is rebuilt from the parts: cancels when means are large."""
    na, nb = int(count_a), int(count_b)
    n = na + nb
    mean = (na * mean_a + nb * mean_b) / n
    second = (na * (var_a + mean_a**2) + nb * (var_b + mean_b**2)) / n
    return n, mean, second - mean**2


@wrong("2.5", "The conventions have changed places: Keras's")
def update_moving(moving, batch, momentum, convention):
    """The conventions are exchanged: keras gets PyTorch's formula."""
    if convention == "keras":
        return (1 - momentum) * moving + momentum * batch
    elif convention == "pytorch":
        return momentum * moving + (1 - momentum) * batch
    raise ValueError(convention)


@wrong("2.5", 'Names like "Keras" and "PyTorch" are taken too: you')
def update_moving(moving, batch, momentum, convention):
    """convention.lower() lets "Keras" through, which must raise ValueError."""
    convention = convention.lower()
    if convention == "keras":
        momentum = 1 - momentum
    elif convention != "pytorch":
        raise ValueError("unknown convention")
    return moving + momentum * (batch - moving)


@wrong("2.5", "An unknown convention raises KeyError, from a")
def update_moving(moving, batch, momentum, convention):
    """An unknown convention raises KeyError, not ValueError."""
    keep = {"keras": momentum, "pytorch": 1 - momentum}[convention]
    return keep * moving + (1 - keep) * batch


@wrong("2.6", "`rng.permuted` shuffles each feature by itself and")
def batch_mean_spread(x, batch_size, draws, rng):
    """permuted shuffles every column by itself: the batches are not whole rows."""
    means = []
    for _ in range(draws):
        shuffled = rng.permuted(x, axis=0)
        means.append(shuffled[:batch_size].mean(axis=0))
    return np.std(means, axis=0)


@wrong("2.6", "Rows are drawn with replacement, so one may be in a")
def batch_mean_spread(x, batch_size, draws, rng):
    """rng.integers draws with replacement."""
    idx = rng.integers(0, len(x), size=(draws, batch_size))
    return x[idx].mean(axis=1).std(axis=0)


@wrong("2.6", "All batches are the same one: the rows are drawn")
def batch_mean_spread(x, batch_size, draws, rng):
    """The same first rows again and again: rng.choice is called once, outside of the loop."""
    rows = rng.choice(len(x), batch_size, replace=False)
    means = np.array([x[rows].mean(0) for _ in range(draws)])
    return means.std(0)


@wrong("2.6", "Nothing is drawn: this is the formula σ/√m, which")
def batch_mean_spread(x, batch_size, draws, rng):
    """It returns the theoretical standard error sigma / sqrt(batch size), nothing is drawn."""
    return x.std(axis=0) / np.sqrt(batch_size)


@wrong("2.6", "The standard deviation of all rows drawn is returned", named=False)
def batch_mean_spread(x, batch_size, draws, rng):
    """The standard deviation of all drawn values, not of the batch means."""
    drawn = [x[rng.permutation(len(x))[:batch_size]] for _ in range(draws)]
    return np.concatenate(drawn).std(axis=0)


@wrong("2.6", "The batches are successive pieces of one shuffled")
def batch_mean_spread(x, batch_size, draws, rng):
    """The population is shuffled once and batches are consecutive slices that start over: a draw depends on the
    others."""
    order = rng.permutation(len(x))
    means = []
    for d in range(draws):
        rows = [order[(d * batch_size + i) % len(x)] for i in range(batch_size)]
        means.append(x[rows].mean(axis=0))
    return np.std(means, axis=0)
