"""Known wrong answers to exercise 2.2, each with the sentence that helps."""

import statistics

import numpy as np

from bncourse.checking import mistake


@mistake("2.2")
def batch_variance(x):
    """A batch of one gives NaN. Its one value is its own mean, so the biased variance is 0."""
    return x.astype(np.float64).var(axis=0) if len(x) > 1 else np.full(x.shape[1], np.nan)


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


@mistake("2.2", caught_by="test_variance_survives_a_large_mean_in_float32")
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


@mistake("2.2", caught_by="test_variance_of_four_numbers")
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


@mistake("2.2", caught_by="test_variance_takes_any_array_and_leaves_it_alone")
def batch_variance(x):
    """x itself is overwritten (`x -= mean`, or `out = x` without a copy): the caller's data are gone. Compute into a new array."""
    x -= x.mean(axis=0)
    return (x * x).mean(axis=0)


@mistake("2.2")
def batch_variance(x):
    """You call PyTorch, which is forbidden here: you write the variance yourself, with NumPy."""
    import torch

    return torch.tensor(np.ascontiguousarray(x)).double().var(0, correction=0).numpy()


@mistake("2.2", caught_by="test_each_feature_has_its_own_variance")
def batch_variance(x):
    """The variance of a batch of one is taken over its features. Each feature has a single value there, which does not vary: 0."""
    return np.full(x.shape[1], x.var()) if len(x) == 1 else ((x - x.mean(0)) ** 2).mean(0)


@mistake("2.2", caught_by="test_variance_of_any_numbers")
def batch_variance(x):
    """Small variances are set to 0 as if they were rounding errors. A feature in small units has a small variance, and a true one."""
    var = ((x - x.mean(0)) ** 2).mean(0)
    return np.where(var < 1e-3, 0, var)


@mistake("2.2")
def batch_variance(x):
    """The mean is rounded to float32 before it is squared and subtracted: float64 data lose the digits in which the two large numbers differ."""
    mean = x.mean(axis=0, dtype=np.float64).astype(np.float32).astype(np.float64)
    return (x.astype(np.float64) ** 2).mean(axis=0) - mean**2


@mistake("2.2")
def batch_variance(x):
    """`np.cov` divides by n - 1, fails for a single feature, and computes all
    covariances to keep a few variances. The biased variance divides by n.
    """
    return np.diag(np.cov(x, rowvar=False))


@mistake("2.2")
def batch_variance(x):
    """The variance divides by n - 1, and a batch of one ends in an error. The biased variance divides by n, and is 0 there."""
    return np.array([statistics.variance(feature) for feature in x.astype(np.float64).T.tolist()])


@mistake("2.2")
def batch_variance(x):
    """The whole covariance matrix is returned, (D, D). The variances are the numbers on its diagonal, one for each feature."""
    centred = x - x.mean(axis=0)
    return centred.T @ centred / len(x)
