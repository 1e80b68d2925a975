"""Known wrong answers to exercise 2.1, each with the sentence that helps."""

import numpy as np

from bncourse.checking import mistake


@mistake("2.1")
def batch_mean(x):
    """You average over axis 1, the features of each sample. The batch is axis 0: that axis disappears."""
    return x.mean(axis=1)


@mistake("2.1", caught_by="test_mean_of_four_numbers")
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


@mistake("2.1", caught_by="test_mean_leaves_its_input_alone")
def batch_mean(x):
    """The loop adds to x itself: its first row, or a view of it such as `total = x[0]`, gathers the sum, and `+=` changes the
    caller's data. Begin with a copy."""
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
    """You call PyTorch, which is forbidden here: the mean is computed by NumPy, or by your own sum."""
    import torch

    return torch.tensor(np.ascontiguousarray(x)).double().mean(0).numpy()


@mistake("2.1", caught_by="test_each_feature_has_its_own_mean")
def batch_mean(x):
    """A batch of one is averaged over its features. Its features too have a mean each: the one value that is there."""
    return np.full(x.shape[1], x.mean()) if len(x) == 1 else x.mean(axis=0)


@mistake("2.1", caught_by="test_mean_of_any_numbers_in_any_precision")
def batch_mean(x):
    """`isinstance(x[0, 0], float)` is true for float64 alone, so you refuse float32 and float16. Average whatever precision comes."""
    if not isinstance(x[0, 0], float):
        raise TypeError("x must hold floats")
    return x.mean(axis=0)


@mistake("2.1")
def batch_mean(x):
    """The mean is rounded to three decimals. Return all its digits: rounding is for printing."""
    return np.round(x.mean(axis=0), 3)


@mistake("2.1")
def batch_mean(x):
    """Nothing is added up: the last row alone is left, divided by N. Where the loop says `=`, it should say `+=`."""
    return x[-1] / np.float64(len(x))


@mistake("2.1")
def batch_mean(x):
    """The `return` stands inside the loop, which ends with the first sample: move it to the left, behind the loop."""
    return x[0] / np.float64(len(x))
