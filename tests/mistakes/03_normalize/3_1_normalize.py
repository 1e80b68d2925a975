"""Known wrong answers to exercise 3.1, each with the sentence that helps."""

import numpy as np

from bncourse.checking import mistake


@mistake("3.1")
def normalize(x, mean, var, eps=1e-5):
    """ε stands outside the root: you divide by √σ² + ε instead of √(σ² + ε)."""
    return (x - mean) / (np.sqrt(var) + eps)


@mistake("3.1")
def normalize(x, mean, var, eps=1e-5):
    """ε is missing: a feature that never varies is divided by 0."""
    return (x - mean) / np.sqrt(var)


@mistake("3.1")
def normalize(x, mean, var, eps=1e-5):
    """The argument ε is ignored: 1e-5 is written into the formula, whatever the caller asks for."""
    return (x - mean) / np.sqrt(var + 1e-5)


@mistake("3.1", caught_by="test_eps_is_1e_minus_5_unless_given")
def normalize(x, mean, var, eps=1e-3):
    """ε is 1e-3 unless given. That is the habit of Keras; here it is 1e-5, as in PyTorch."""
    return (x - mean) / np.sqrt(var + eps)


@mistake("3.1")
def normalize(x, mean, var, eps=1e-5):
    """The square root is missing: you divide by the variance, not by the standard deviation."""
    return (x - mean) / (var + eps)


@mistake("3.1")
def normalize(x, mean, var, eps=1e-5):
    """The variance is squared: `var` is taken for a standard deviation."""
    return (x - mean) / np.sqrt(var**2 + eps)


@mistake("3.1")
def normalize(x, mean, var, eps=1e-5):
    """The values are centred but not scaled: the division is missing."""
    return x - mean


@mistake("3.1")
def normalize(x, mean, var, eps=1e-5):
    """The values are scaled but not centred: the mean is never subtracted."""
    return x / np.sqrt(var + eps)


@mistake("3.1", caught_by="test_four_numbers_come_out_as_by_hand")
def normalize(x, mean, var, eps=1e-5):
    """The mean is added instead of subtracted."""
    return (x + mean) / np.sqrt(var + eps)


@mistake("3.1")
def normalize(x, mean, var, eps=1e-5):
    """You multiply by the standard deviation instead of dividing by it."""
    return (x - mean) * np.sqrt(var + eps)


@mistake("3.1")
def normalize(x, mean, var, eps=1e-5):
    """Brackets are missing: only the mean is divided, x - mean / √(σ² + ε)."""
    return x - mean / np.sqrt(var + eps)


@mistake("3.1")
def normalize(x, mean, var, eps=1e-5):
    """You use the statistics of x itself. Use those that are given: the caller decides which."""
    return (x - x.mean(0)) / np.sqrt(x.var(0) + eps)


@mistake("3.1")
def normalize(x, mean, var, eps=1e-5):
    """You use the mean of x itself with the given variance. Both are given."""
    return (x - x.mean(0)) / np.sqrt(var + eps)


@mistake("3.1")
def normalize(x, mean, var, eps=1e-5):
    """You use the given mean with the variance of x itself. Both are given."""
    return (x - mean) / np.sqrt(x.var(0) + eps)


@mistake("3.1")
def normalize(x, mean, var, eps=1e-5):
    """All features get the same statistics: yours average `mean` and `var` into one number."""
    return (x - np.mean(mean)) / np.sqrt(np.mean(var) + eps)


@mistake("3.1")
def normalize(x, mean, var, eps=1e-5):
    """The statistics run down the batch: feature statistics belong to the columns of x, yours are laid on its rows."""
    return (x - mean[:, None]) / np.sqrt(var[:, None] + eps)


@mistake("3.1")
def normalize(x, mean, var, eps=1e-5):
    """ε steps in only where the standard deviation is 0 or tiny; it should be added to the variance, always."""
    return (x - mean) / np.maximum(np.sqrt(var), eps)


@mistake("3.1")
def normalize(x, mean, var, eps=1e-5):
    """ε is a lower bound of the variance in your answer; it should be added to the variance, always."""
    return (x - mean) / np.sqrt(np.maximum(var, eps))


@mistake("3.1")
def normalize(x, mean, var, eps=1e-5):
    """ε is squared before it is added."""
    return (x - mean) / np.sqrt(var + eps**2)


@mistake("3.1", caught_by="test_takes_any_array_and_leaves_it_alone")
def normalize(x, mean, var, eps=1e-5):
    """x itself is overwritten (`x -= mean`, or `out = x` without a copy): the caller's data are gone. Compute into a new array."""
    x -= mean
    x /= np.sqrt(var + eps)
    return x


@mistake("3.1")
def normalize(x, mean, var, eps=1e-5):
    """You call PyTorch, which is forbidden here: you write the normalization yourself, with NumPy."""
    import torch

    return torch.nn.functional.batch_norm(
        *(torch.tensor(a, dtype=torch.float64) for a in (x, mean, var)), eps=eps
    ).numpy()


@mistake("3.1", caught_by="test_uses_the_statistics_it_is_given")
def normalize(x, mean, var, eps=1e-5):
    """A batch of one comes out as 0, as if its own mean were subtracted. Subtract the mean that is given, from one sample as from many."""
    return np.zeros(x.shape) if len(x) == 1 else (x - mean) / np.sqrt(var + eps)


@mistake("3.1", caught_by="test_eps_stands_under_the_root")
def normalize(x, mean, var, eps=1e-5):
    """An ε of 1 or more is refused. It is unusual, but the formula takes it like any other."""
    if eps >= 1:
        raise ValueError("eps should be small")
    return (x - mean) / np.sqrt(var + eps)


@mistake("3.1")
def normalize(x, mean, var, eps=1e-5):
    """`eps or 1e-5` replaces an ε of 0 by the default: 0 is false in Python, and an ε that the caller may ask for."""
    return (x - mean) / np.sqrt(var + (eps or 1e-5))


@mistake("3.1")
def normalize(x, mean, var, eps=1e-5):
    """ε is added to the quotient, after the division. It belongs under the root: √(σ² + ε)."""
    return (x - mean) / np.sqrt(var) + eps


@mistake("3.1")
def normalize(x, mean, var, eps=1e-5):
    """The distance from the mean is squared and the root of all is taken: that loses the sign. What lies below the mean comes out negative."""
    return np.sqrt((x - mean) ** 2 / (var + eps))
