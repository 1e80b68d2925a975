"""Known wrong answers to 2.1 and 2.2, each with the sentence that helps. Those to 2.3 to 2.6 stand beside."""

import numpy as np

from bncourse.checking import mistake

# 2.1


@mistake("2.1")
def batch_mean(x):
    """You average over axis 1, the features of each sample. The batch is axis 0: that axis disappears."""
    return x.mean(axis=1)


@mistake("2.1")
def batch_mean(x):
    """One mean of all numbers: `x.mean()` without an axis. Each feature has its own mean over the batch."""
    return x.mean()


@mistake("2.1")
def batch_mean(x):
    """Every feature gets the mean of all numbers. Each feature has its own mean over the batch."""
    return np.full(x.shape[1], x.mean())


@mistake("2.1")
def batch_mean(x):
    """The sum is not divided by the number of samples."""
    return x.sum(axis=0)


@mistake("2.1")
def batch_mean(x):
    """The sum is divided by N - 1. That belongs to the unbiased variance; a mean divides by N."""
    return x.sum(axis=0) / (len(x) - 1)


@mistake("2.1")
def batch_mean(x):
    """The sum is divided by D, the number of features. Divide by N, the number of samples."""
    return x.sum(axis=0) / x.shape[1]


@mistake("2.1")
def batch_mean(x):
    """The sum over the batch is divided by `x.size`, which counts all numbers. Each sum has N numbers in it."""
    return x.sum(axis=0) / x.size


@mistake("2.1")
def batch_mean(x):
    """The result has shape (1, D): `keepdims=True` keeps the batch axis. Here it should disappear."""
    return x.mean(axis=0, keepdims=True)


@mistake("2.1")
def batch_mean(x):
    """This is the median. The mean is the sum over the number of samples; for 2, 4, 6, 8 the two agree by chance."""
    return np.median(x, axis=0)


@mistake("2.1")
def batch_mean(x):
    """This is the middle between the smallest and the largest value. The mean counts every sample."""
    return (x.min(axis=0) + x.max(axis=0)) / np.float64(2)


@mistake("2.1")
def batch_mean(x):
    """Whole numbers are divided by `//`, which rounds down. Use /."""
    return x.sum(axis=0) // len(x)


@mistake("2.1")
def batch_mean(x):
    """The loop adds to x itself: `total = x[0]` is a view, so `total += ...` changes the caller's data. Copy it
    first."""
    total = x[0]
    for row in x[1:]:
        total += row
    return total / len(x)


@mistake("2.1")
def batch_mean(x):
    """The mean is updated as (mean + x) / 2, so the last sample weighs one half. Every sample weighs 1 / N."""
    mean = x[0] * 1.0
    for row in x[1:]:
        mean = (mean + row) / 2
    return mean


@mistake("2.1")
def batch_mean(x):
    """The first sample is left out: the loop starts at 1."""
    return x[1:].sum(axis=0) / len(x)


@mistake("2.1")
def batch_mean(x):
    """The last sample is left out: the loop ends one too early."""
    return x[:-1].sum(axis=0) / len(x)


@mistake("2.1")
def batch_mean(x):
    """A batch of one is handed back as it came, shape (1, D). Its mean has shape (D,) like that of any batch."""
    return x if len(x) == 1 else x.mean(axis=0)


@mistake("2.1")
def batch_mean(x):
    """Zeros are left out of the mean. A black pixel is a value like any other."""
    return x.sum(axis=0) / np.maximum((x != 0).sum(axis=0), 1)


@mistake("2.1")
def batch_mean(x):
    """The absolute values are averaged: negative values lose their sign."""
    return np.abs(x).mean(axis=0)


@mistake("2.1")
def batch_mean(x):
    """This is the root of the mean square. The mean adds the values themselves."""
    return np.sqrt((x * 1.0 * x).mean(axis=0))


@mistake("2.1")
def batch_mean(x):
    """You call PyTorch's mean; here NumPy does, or your own sum."""
    import torch

    return torch.tensor(np.ascontiguousarray(x)).double().mean(0).numpy()


# 2.2


@mistake("2.2")
def batch_variance(x):
    """The variance divides by n - 1. That is the unbiased one; normalising uses the biased one, which divides by n."""
    return x.var(axis=0, ddof=1)


@mistake("2.2")
def batch_variance(x):
    """The variance divides by n - 1, but for a batch of one, which gets 0. The biased variance divides by n, always."""
    return x.var(axis=0, ddof=min(1, len(x) - 1))


@mistake("2.2")
def batch_variance(x):
    """This is the standard deviation, the root of the variance."""
    return x.std(axis=0)


@mistake("2.2")
def batch_variance(x):
    """The variance is the mean of squares minus the square of the mean, in the precision of x: with a large mean, two
    huge numbers cancel and noise is left, even below zero. Subtract the mean first, then square."""
    return (x * x).mean(axis=0) - x.mean(axis=0) ** 2


@mistake("2.2")
def batch_variance(x):
    """The variance is the mean of squares minus the square of the mean, cut off at 0: with a large mean two huge
    numbers cancel, and cutting off hides only the sign. Subtract the mean first, then square."""
    return np.maximum((x * x).mean(axis=0) - x.mean(axis=0) ** 2, 0)


@mistake("2.2")
def batch_variance(x):
    """The variance is the square of the mean minus the mean of squares: the wrong way round, so it is negative."""
    x = x.astype(np.float64)
    return x.mean(axis=0) ** 2 - (x * x).mean(axis=0)


@mistake("2.2")
def batch_variance(x):
    """The mean is not subtracted: the mean of x² is not the variance unless the mean is 0."""
    return (x.astype(np.float64) ** 2).mean(axis=0)


@mistake("2.2")
def batch_variance(x):
    """You average the distances from the mean, not their squares."""
    return np.abs(x - x.mean(axis=0)).mean(axis=0)


@mistake("2.2")
def batch_variance(x):
    """The distances are averaged first and squared afterwards. Their mean is always 0; square them first."""
    return (x - x.mean(axis=0)).mean(axis=0) ** 2


@mistake("2.2")
def batch_variance(x):
    """The sum of the squared distances is not divided by n."""
    return ((x - x.mean(axis=0)) ** 2).sum(axis=0)


@mistake("2.2")
def batch_variance(x):
    """The sum of the squared distances is divided by D, the number of features. Divide by N, the number of samples."""
    return ((x - x.mean(axis=0)) ** 2).sum(axis=0) / x.shape[1]


@mistake("2.2")
def batch_variance(x):
    """You take the variance over axis 1, the features of each sample. The batch is axis 0."""
    return x.var(axis=1)


@mistake("2.2")
def batch_variance(x):
    """One variance of all numbers: `x.var()` without an axis. Each feature has its own."""
    return x.var()


@mistake("2.2")
def batch_variance(x):
    """The distances are those from the mean of all numbers. Each feature varies about its own mean."""
    return ((x - x.mean()) ** 2).mean(axis=0)


@mistake("2.2")
def batch_variance(x):
    """The distances are those from the median. The variance is taken about the mean."""
    return ((x - np.median(x, axis=0)) ** 2).mean(axis=0)


@mistake("2.2")
def batch_variance(x):
    """The first sample stands in for the mean: the squares are taken about x[0], and not put right afterwards."""
    return ((x - x[0] * 1.0) ** 2).mean(axis=0)


@mistake("2.2")
def batch_variance(x):
    """The result has shape (1, D): `keepdims=True` keeps the batch axis. Here it should disappear."""
    return x.var(axis=0, keepdims=True)


@mistake("2.2")
def batch_variance(x):
    """ε is added. It belongs under the root when you normalise, not into the variance."""
    return x.var(axis=0) + 1e-5


@mistake("2.2")
def batch_variance(x):
    """Welford's update uses the same distance twice. It is the distance from the old mean times that from the new
    one."""
    mean, squares = np.zeros(x.shape[1]), np.zeros(x.shape[1])
    for count, row in enumerate(x, 1):
        delta = row - mean
        mean += delta / count
        squares += delta * delta
    return squares / len(x)


@mistake("2.2")
def batch_variance(x):
    """Welford's update uses the distance from the new mean twice. It is the old distance times the new one."""
    mean, squares = np.zeros(x.shape[1]), np.zeros(x.shape[1])
    for count, row in enumerate(x, 1):
        mean += (row - mean) / count
        squares += (row - mean) ** 2
    return squares / len(x)


@mistake("2.2")
def batch_variance(x):
    """x itself is overwritten (`x -= mean`): the caller's data are gone. Compute into a new array."""
    x -= x.mean(axis=0)
    return (x * x).mean(axis=0)


@mistake("2.2")
def batch_variance(x):
    """You call PyTorch's variance; here you write it with NumPy."""
    import torch

    return torch.tensor(np.ascontiguousarray(x)).double().var(0, correction=0).numpy()
