# %% [markdown]
# # Exercises 2: Mean and variance
#
# They belong to the page *Mean and variance: what a batch knows*. Only NumPy is needed. Each answer is checked by the
# cell below it; a check may be run as often as you like.

# %% tags=["setup"]
import numpy as np

from bncourse import check

# %% [markdown]
# ## 2.1 The mean of a batch
#
# Write `batch_mean`: `x` of shape `(N, D)` holds `N` samples of `D` features; return the mean of each feature over
# the batch,
#
# $$\mu_d = \frac{1}{N} \sum_n x_{nd}$$
#
# with shape `(D,)`. `N` and `D` may be 1, and `x` may be of any floating-point precision.
#
# *Free:* any NumPy function, loops, the dtype of the result. *Forbidden:* changing `x`; other libraries.


# %% exercise="2.1"
def batch_mean(x):
    """Mean of each feature of x (N, D) over the batch; returns (D,)."""
    # BEGIN SOLUTION
    return x.mean(axis=0)
    # END SOLUTION


# %%
check("2.1")

# %% [markdown]
# ## 2.2 The variance of a batch
#
# Write `batch_variance`: for `x` of shape `(N, D)` return the *biased* variance of each feature,
#
# $$\sigma^2_d = \frac{1}{N} \sum_n (x_{nd} - \mu_d)^2$$
#
# with shape `(D,)`. A feature that never varies has variance 0, and so has every feature of a batch of one. `x` may be of any
# floating-point precision.
#
# In float32 the mean may be ten thousand times the standard deviation: of the formulas on the page, take one that
# survives this. Your result may be off by 3 % there.
#
# *Free:* any NumPy function, loops, the dtype of the result, your answers to other exercises. *Forbidden:* changing
# `x`; other libraries.


# %% exercise="2.2"
def batch_variance(x):
    """Biased variance of each feature of x (N, D) over the batch; returns (D,)."""
    # BEGIN SOLUTION
    deviations = x - x.mean(axis=0)
    return (deviations**2).mean(axis=0)
    # END SOLUTION


# %%
check("2.2")

# %% [markdown]
# ## 2.3 The statistics of a channel
#
# Write `channel_statistics`: for `x` of shape `(N, C, *S)`, images or volumes with one, two, three or more spatial
# axes, or with none, return the mean and the biased variance of each *channel* over the batch and all positions: a
# tuple `(mean, var)`, both of shape `(C,)`. For example, `x` of shape `(8, 3, 28, 28)` gives two arrays of shape
# `(3,)`, with 8 · 28 · 28 numbers behind each entry.
#
# As in 2.2, `x` may be of any floating-point precision, and in float32 the mean may be ten thousand times the standard
# deviation. A channel without a single value has no statistics: for a spatial axis of length 0, return NaN or raise an
# error.
#
# *Free:* any NumPy function, loops, the dtype of the results, your answers to other exercises. *Forbidden:* changing
# `x`; other libraries.


# %% exercise="2.3"
def channel_statistics(x):
    """Mean and biased variance of each channel of x (N, C, *S); returns two arrays (C,)."""
    # BEGIN SOLUTION
    axes = (0, *range(2, x.ndim))
    mean = x.mean(axis=axes, keepdims=True)
    var = ((x - mean) ** 2).mean(axis=axes)
    return mean.reshape(-1), var
    # END SOLUTION


# %%
check("2.3")

# %% [markdown]
# ## 2.4 Merge two parts
#
# Write `merge_statistics`: two parts of a data set were measured separately, each with its count, its mean and its
# biased variance. Return `(count, mean, var)` of both together, again with the biased variance. For example, 2 and 4
# (count 2, mean 3, variance 1) and 6 and 8 (count 2, mean 7, variance 1) give `(4, 5.0, 5.0)`.
#
# Means and variances are arrays `(D,)`, one entry a feature, or single numbers, floats or whole. One part may be empty: its
# count is 0, and its mean and variance are then any finite numbers, which must not matter. If both are empty, you may raise an
# error; if you return something, its count is 0, and its mean and variance do not matter.
#
# Counts are whole numbers, Python's or NumPy's, and may be in the billions: two of NumPy's int32 can add up to more than
# int32 holds, while Python's `int` holds any. The means may be ten thousand times the standard deviations in float32, and a
# million times in float64: the merged variance may be off by 3 % there.
#
# *Free:* any NumPy function, the types of the results. *Forbidden:* changing an argument; other libraries.


# %% exercise="2.4"
def merge_statistics(count_a, mean_a, var_a, count_b, mean_b, var_b):
    """Count, mean and biased variance of two parts together; means and variances (D,) or numbers."""
    # BEGIN SOLUTION
    count = int(count_a) + int(count_b)
    share = int(count_b) / count
    delta = mean_b - mean_a
    mean = mean_a + share * delta
    var = (1 - share) * var_a + share * var_b + share * (1 - share) * delta**2
    return count, mean, var
    # END SOLUTION


# %%
check("2.4")

# %% [markdown]
# ## 2.5 Update a moving average
#
# Write `update_moving`: one step of a moving average, in either framework's convention. With `convention="keras"`,
# momentum is the share of the *old* value that is kept; with `convention="pytorch"`, it is the share of the *batch*
# that comes in. Return the new value. Any other `convention`, `"Keras"`, `"torch"` or `""` among them, raises
# `ValueError`.
#
# `moving` and `batch` are arrays of one shape, or single numbers; `momentum` is a number from 0 to 1, both included. For example,
# `update_moving(4.0, 10.0, 0.25, "keras")` is 8.5, and with `"pytorch"` it is 5.5.
#
# *Free:* any NumPy function, the dtype of the result. *Forbidden:* changing `moving` or `batch`; other libraries.


# %% exercise="2.5"
def update_moving(moving, batch, momentum, convention):
    """One step of a moving average in the convention "keras" or "pytorch"; ValueError for any other."""
    # BEGIN SOLUTION
    if convention == "keras":
        return momentum * moving + (1 - momentum) * batch
    if convention == "pytorch":
        return (1 - momentum) * moving + momentum * batch
    raise ValueError(f"unknown convention {convention!r}; there are 'keras' and 'pytorch'")
    # END SOLUTION


# %%
check("2.5")

# %% [markdown]
# ## 2.6 How far batch means spread
#
# Write `batch_mean_spread`: from the data `x` of shape `(N, D)`, draw `draws` batches of `batch_size` rows each, take
# the mean of each batch, and return the standard deviation of these means over the draws, one for each feature, shape
# `(D,)`.
#
# A batch is made of whole rows, drawn *without replacement*: no row twice in one batch. Each batch is drawn
# *independently* of the others, from all `N` rows again. `rng` is a `np.random.Generator` and the only source of
# chance: the same state of `rng` gives the same result. `draws` is at least 2, `batch_size` from 1 to `N`.
#
# *Free:* any NumPy function, any method of `rng`, division by `draws` or by `draws - 1`. *Forbidden:* changing `x`.


# %% exercise="2.6"
def batch_mean_spread(x, batch_size, draws, rng):
    """Standard deviation, over draws random batches, of the batch mean of x (N, D); returns (D,)."""
    # BEGIN SOLUTION
    means = [x[rng.choice(len(x), batch_size, replace=False)].mean(axis=0) for _ in range(draws)]
    return np.std(means, axis=0)
    # END SOLUTION


# %%
check("2.6")
