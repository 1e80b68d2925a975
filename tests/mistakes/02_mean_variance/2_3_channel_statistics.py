"""Known wrong answers to exercise 2.3, each with the sentence that helps."""

import numpy as np

from bncourse.checking import mistake


def channel_axes(x):
    return (0, *range(2, x.ndim))


@mistake("2.3")
def channel_statistics(x):
    """One mean and variance for the whole tensor. Each channel has its own."""
    return x.mean(), x.var()


@mistake("2.3")
def channel_statistics(x):
    """The whole tensor's mean and variance, once for each channel. Each channel has its own."""
    return np.full(x.shape[1], x.mean()), np.full(x.shape[1], x.var())


@mistake("2.3")
def channel_statistics(x):
    """These are the axes of layer normalization: one mean for each sample. Batch normalization keeps axis 1, the
    channels."""
    axes = tuple(range(1, x.ndim))
    return x.mean(axes), x.var(axes)


@mistake("2.3")
def channel_statistics(x):
    """These are the axes of instance normalization: each image by itself. The batch axis, axis 0, must be averaged
    too."""
    axes = tuple(range(2, x.ndim)) or 0
    return x.mean(axes), x.var(axes)


@mistake("2.3")
def channel_statistics(x):
    """Each position gets its own statistics: you average over the batch alone, not over the spatial axes."""
    return x.mean(0), x.var(0)


@mistake("2.3", caught_by="test_two_images_by_hand")
def channel_statistics(x):
    """A 3-D input (N, C, L) is averaged over the batch alone; its last axis is spatial too."""
    axes = 0 if x.ndim == 3 else channel_axes(x)
    return x.mean(axes), x.var(axes)


@mistake("2.3")
def channel_statistics(x):
    """Statistics for the last axis: channels come last in Keras, but stand on axis 1 here."""
    axes = tuple(range(x.ndim - 1))
    return x.mean(axes), x.var(axes)


@mistake("2.3")
def channel_statistics(x):
    """The axes (0, 2, 3) are written into the code. Let them follow from `x.ndim`: the number of spatial axes is
    free."""
    return x.mean((0, 2, 3)), x.var((0, 2, 3))


@mistake("2.3")
def channel_statistics(x):
    """Only two shapes are handled, (N, C) and (N, C, H, W). Let the axes follow from `x.ndim`."""
    axes = 0 if x.ndim == 2 else (0, 2, 3)
    return x.mean(axes), x.var(axes)


@mistake("2.3")
def channel_statistics(x):
    """`x.reshape(C, -1)` cuts the memory into C pieces, which mix samples and channels. Move axis 1 to the front
    first."""
    rows = x.reshape(x.shape[1], -1)
    return rows.mean(1), rows.var(1)


@mistake("2.3")
def channel_statistics(x):
    """`x.reshape(-1, C)` takes neighbouring pixels for channels. Move axis 1 to the end first."""
    columns = x.reshape(-1, x.shape[1])
    return columns.mean(0), columns.var(0)


@mistake("2.3")
def channel_statistics(x):
    """The variance is the mean of the variances of single images. That of the channel also holds how far the
    images' means lie apart."""
    axes = tuple(range(2, x.ndim))
    return x.mean(channel_axes(x)), x.var(axes).mean(0)


@mistake("2.3")
def channel_statistics(x):
    """The variance is that of the images' means. That of the channel also holds how the pixels vary within an image."""
    means = x.mean(tuple(range(2, x.ndim)))
    return means.mean(0), means.var(0)


@mistake("2.3")
def channel_statistics(x):
    """The variance is the mean of the variances of single positions, each about its own mean. All positions of a
    channel vary about one mean."""
    axes = tuple(range(1, x.ndim - 1))
    return x.mean(channel_axes(x)), x.var(0).mean(axes)


@mistake("2.3")
def channel_statistics(x):
    """The variance divides by n - 1. That is the unbiased one; normalising uses the biased one, which divides by n."""
    axes = channel_axes(x)
    return x.mean(axes), x.var(axes, ddof=1)


@mistake("2.3")
def channel_statistics(x):
    """The second result is the standard deviation, the root of the variance."""
    axes = channel_axes(x)
    return x.mean(axes), x.std(axes)


@mistake("2.3")
def channel_statistics(x):
    """The variance comes first and the mean second. Return the mean first."""
    axes = channel_axes(x)
    return x.var(axes), x.mean(axes)


@mistake("2.3")
def channel_statistics(x):
    """Only the mean is returned. Return both: `return mean, var`."""
    return x.mean(channel_axes(x))


@mistake("2.3", caught_by="test_channel_variance_survives_a_large_mean_in_float32")
def channel_statistics(x):
    """The variance is the mean of squares minus the square of the mean, in the precision of x: with a large mean, two
    huge numbers cancel and noise is left, even below zero. Subtract the mean first, then square."""
    axes = channel_axes(x)
    mean = x.mean(axes)
    return mean, (x * x).mean(axes) - mean * mean


@mistake("2.3")
def channel_statistics(x):
    """The variance is the mean of squares minus the square of the mean, cut off at 0: with a large mean two huge
    numbers cancel, and cutting off hides only the sign. Subtract the mean first, then square."""
    axes = channel_axes(x)
    mean = x.mean(axes)
    return mean, np.maximum((x * x).mean(axes) - mean * mean, 0)


@mistake("2.3")
def channel_statistics(x):
    """The mean is not subtracted: the mean of x² is not the variance unless the mean is 0."""
    axes = channel_axes(x)
    return x.mean(axes), (x.astype(np.float64) ** 2).mean(axes)


@mistake("2.3")
def channel_statistics(x):
    """The distances are those from the mean of all channels. Each channel varies about its own mean."""
    axes = channel_axes(x)
    return x.mean(axes), ((x - x.mean()) ** 2).mean(axes)


@mistake("2.3")
def channel_statistics(x):
    """The sums are divided by the batch size alone, not by the number of values that were summed."""
    axes = channel_axes(x)
    deviations = x - x.mean(axes, keepdims=True)
    return x.sum(axes) / len(x), (deviations**2).sum(axes) / len(x)


@mistake("2.3")
def channel_statistics(x):
    """The results keep the axes of x, shape (1, C, 1, 1) for images: `keepdims=True`. Here they have shape (C,)."""
    axes = channel_axes(x)
    return x.mean(axes, keepdims=True), x.var(axes, keepdims=True)


@mistake("2.3")
def channel_statistics(x):
    """Only the first image is measured. The statistics are taken over the whole batch."""
    axes = tuple(range(1, x.ndim - 1))
    return x[0].mean(axes), x[0].var(axes)


@mistake("2.3", caught_by="test_each_channel_of_images_has_its_own_statistics")
def channel_statistics(x):
    """ε is added. It belongs under the root when you normalise, not into the variance."""
    axes = channel_axes(x)
    return x.mean(axes), x.var(axes) + 1e-5


@mistake("2.3", caught_by="test_statistics_take_any_array_and_leave_it_alone")
def channel_statistics(x):
    """x itself is overwritten (`x -= mean`, or `out = x` without a copy): the caller's data are gone. Compute into a new array."""
    axes = channel_axes(x)
    mean = x.mean(axes, keepdims=True)
    x -= mean
    return mean.reshape(-1), (x * x).mean(axes)


@mistake("2.3")
def channel_statistics(x):
    """You call PyTorch, which is forbidden here: you write mean and variance yourself, with NumPy."""
    import torch

    x, axes = torch.tensor(np.ascontiguousarray(x)).double(), channel_axes(x)
    return x.mean(axes).numpy(), x.var(axes, correction=0).numpy()


@mistake("2.3", caught_by="test_statistics_for_any_number_of_spatial_axes")
def channel_statistics(x):
    """Features, sequences and images are handled; a film or a volume has one
    spatial axis more. Let the axes follow from `x.ndim`.
    """
    axes = {2: (0,), 3: (0, 2), 4: (0, 2, 3)}[x.ndim]
    return x.mean(axes), x.var(axes)


@mistake("2.3", caught_by="test_no_values_no_statistics")
def channel_statistics(x):
    """An empty array gives two single numbers. The results have one entry per channel even then, shape (C,)."""
    if not x.size:
        return np.nan, np.nan
    axes = (0, *range(2, x.ndim))
    return x.mean(axes), x.var(axes)


@mistake("2.3")
def channel_statistics(x):
    """The mean, of shape (C,), is subtracted along the last axis of x. Channels stand on axis 1: take the mean with `keepdims=True`, or reshape it to (C, 1, 1) for images."""
    mean = x.mean(channel_axes(x))
    return mean, ((x - mean) ** 2).mean(channel_axes(x))


@mistake("2.3")
def channel_statistics(x):
    """For no values at all you return mean and variance 0, which nobody measured. Return NaN, or raise an error."""
    if not x.size:
        return np.zeros(x.shape[1]), np.zeros(x.shape[1])
    return x.mean(channel_axes(x)), x.var(channel_axes(x))


@mistake("2.3")
def channel_statistics(x):
    """The means are those of samples: `x[c]` is sample c. Channel c is `x[:, c]`."""
    return np.array([x[c].mean() for c in range(x.shape[1])]), x.var(channel_axes(x))


@mistake("2.3")
def channel_statistics(x):
    """Each image has a mean and a variance of its own, over its positions alone: (N, C). A channel has one of each over the whole batch: average over axis 0 too."""
    flat = x.reshape(*x.shape[:2], -1)
    return flat.mean(2), flat.var(2)
