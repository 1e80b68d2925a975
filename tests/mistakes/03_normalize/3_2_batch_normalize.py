"""Known wrong answers to exercise 3.2, each with the sentence that helps."""

import numpy as np

from bncourse.checking import mistake


def channel_axes(x):
    return (0, *range(2, x.ndim))


@mistake("3.2")
def batch_normalize(x, eps=1e-5):
    """The variance divides by n - 1. Normalising uses the biased one, which divides by n."""
    axes = channel_axes(x)
    return (x - x.mean(axes, keepdims=True)) / np.sqrt(x.var(axes, ddof=1, keepdims=True) + eps)


@mistake("3.2")
def batch_normalize(x, eps=1e-5):
    """The square root is missing: you divide by the variance, not by the standard deviation."""
    axes = channel_axes(x)
    return (x - x.mean(axes, keepdims=True)) / (x.var(axes, keepdims=True) + eps)


@mistake("3.2")
def batch_normalize(x, eps=1e-5):
    """ε stands outside the root: you divide by √σ² + ε instead of √(σ² + ε)."""
    axes = channel_axes(x)
    return (x - x.mean(axes, keepdims=True)) / (x.std(axes, keepdims=True) + eps)


@mistake("3.2")
def batch_normalize(x, eps=1e-5):
    """ε is missing: a channel that is constant in the batch is divided by 0."""
    axes = channel_axes(x)
    return (x - x.mean(axes, keepdims=True)) / x.std(axes, keepdims=True)


@mistake("3.2")
def batch_normalize(x, eps=1e-5):
    """The argument ε is ignored: 1e-5 is written into the formula, whatever the caller asks for."""
    axes = channel_axes(x)
    return (x - x.mean(axes, keepdims=True)) / np.sqrt(x.var(axes, keepdims=True) + 1e-5)


@mistake("3.2", caught_by="test_four_numbers_get_mean_0_and_variance_1")
def batch_normalize(x, eps=1e-3):
    """ε is 1e-3 unless given. That is the habit of Keras; here it is 1e-5, as in PyTorch."""
    axes = channel_axes(x)
    return (x - x.mean(axes, keepdims=True)) / np.sqrt(x.var(axes, keepdims=True) + eps)


@mistake("3.2", caught_by="test_variance_survives_a_large_mean_in_float32")
def batch_normalize(x, eps=1e-5):
    """The variance is the mean of squares minus the square of the mean, in float32: with a large mean, two huge
    numbers cancel and noise is left, even below zero. Subtract the mean first, then square."""
    axes = channel_axes(x)
    mean = x.mean(axes, keepdims=True)
    return (x - mean) / np.sqrt((x * x).mean(axes, keepdims=True) - mean * mean + eps)


@mistake("3.2")
def batch_normalize(x, eps=1e-5):
    """The variance is the mean of squares minus the square of the mean, cut off at 0: with a large mean in float32 two
    huge numbers cancel, and cutting off hides only the sign. Subtract the mean first, then square."""
    axes = channel_axes(x)
    mean = x.mean(axes, keepdims=True)
    var = np.maximum((x * x).mean(axes, keepdims=True) - mean * mean, 0)
    return (x - mean) / np.sqrt(var + eps)


@mistake("3.2")
def batch_normalize(x, eps=1e-5):
    """The variance is not taken about the mean: the mean of x² is not the variance unless the mean is 0."""
    axes = channel_axes(x)
    return (x - x.mean(axes, keepdims=True)) / np.sqrt((x**2).mean(axes, keepdims=True) + eps)


@mistake("3.2")
def batch_normalize(x, eps=1e-5):
    """One mean and variance for the whole tensor. Each feature or channel has its own."""
    return (x - x.mean()) / np.sqrt(x.var() + eps)


@mistake("3.2")
def batch_normalize(x, eps=1e-5):
    """These are the axes of layer normalization: each sample by itself, over its own features. Batch normalization
    averages over the batch, each channel by itself."""
    axes = tuple(range(1, x.ndim))
    return (x - x.mean(axes, keepdims=True)) / np.sqrt(x.var(axes, keepdims=True) + eps)


@mistake("3.2")
def batch_normalize(x, eps=1e-5):
    """These are the axes of instance normalization: each image by itself. The batch axis, axis 0, must be averaged too."""
    axes = tuple(range(2, x.ndim)) or 0
    return (x - x.mean(axes, keepdims=True)) / np.sqrt(x.var(axes, keepdims=True) + eps)


@mistake("3.2")
def batch_normalize(x, eps=1e-5):
    """Each pixel gets its own statistics: you average over the batch alone. A channel shares one mean and one variance
    over the batch and all its pixels."""
    return (x - x.mean(0)) / np.sqrt(x.var(0) + eps)


@mistake("3.2")
def batch_normalize(x, eps=1e-5):
    """A 3-D input (N, C, L) is averaged over the batch alone; its last axis is spatial too."""
    axes = 0 if x.ndim == 3 else channel_axes(x)
    return (x - x.mean(axes, keepdims=True)) / np.sqrt(x.var(axes, keepdims=True) + eps)


@mistake("3.2")
def batch_normalize(x, eps=1e-5):
    """Statistics for the last axis: channels come last in Keras, but stand on axis 1 here."""
    axes = tuple(range(x.ndim - 1))
    return (x - x.mean(axes, keepdims=True)) / np.sqrt(x.var(axes, keepdims=True) + eps)


@mistake("3.2")
def batch_normalize(x, eps=1e-5):
    """Only two shapes are handled, (N, D) and (N, C, H, W). Let the axes follow from `x.ndim`."""
    axes = 0 if x.ndim == 2 else (0, 2, 3)
    return (x - x.mean(axes, keepdims=True)) / np.sqrt(x.var(axes, keepdims=True) + eps)


@mistake("3.2")
def batch_normalize(x, eps=1e-5):
    """The values are centred but not scaled: the division is missing."""
    return x - x.mean(channel_axes(x), keepdims=True)


@mistake("3.2")
def batch_normalize(x, eps=1e-5):
    """The values are scaled but not centred: the mean is never subtracted."""
    return x / np.sqrt(x.var(channel_axes(x), keepdims=True) + eps)


@mistake("3.2", caught_by="test_image_channels_each_have_their_own_statistics")
def batch_normalize(x, eps=1e-5):
    """A batch of one is handed back as it came. For images it has pixels to average over; for features its result is 0."""
    if len(x) == 1:
        return x
    axes = channel_axes(x)
    return (x - x.mean(axes, keepdims=True)) / np.sqrt(x.var(axes, keepdims=True) + eps)


@mistake("3.2")
def batch_normalize(x, eps=1e-5):
    """The sums are divided by the batch size alone, not by the number of values that were summed."""
    axes = channel_axes(x)
    mean = x.sum(axes, keepdims=True) / len(x)
    var = ((x - mean) ** 2).sum(axes, keepdims=True) / len(x)
    return (x - mean) / np.sqrt(var + eps)


@mistake("3.2", caught_by="test_batch_normalize_leaves_its_input_alone")
def batch_normalize(x, eps=1e-5):
    """x itself is overwritten (`x -= mean`, or `out = x` without a copy): the caller's data are gone. Compute into a new array."""
    axes = channel_axes(x)
    x -= x.mean(axes, keepdims=True)
    x /= np.sqrt(x.var(axes, keepdims=True) + eps)
    return x


@mistake("3.2")
def batch_normalize(x, eps=1e-5):
    """The variance is averaged over images: yours is the mean of the variances of single images. The variance of the
    whole channel also holds how far the images' means lie apart."""
    axes = channel_axes(x)
    within = tuple(range(2, x.ndim))
    var = x.var(within, keepdims=True).mean(0, keepdims=True) if within else x.var(0, keepdims=True)
    return (x - x.mean(axes, keepdims=True)) / np.sqrt(var + eps)


@mistake("3.2", caught_by="test_features_each_have_their_own_statistics")
def batch_normalize(x, eps=1e-5):
    """In (N, D) the longer axis is taken for the batch. The batch is axis 0, even if it has fewer samples than there are features."""
    axes = int(np.argmax(x.shape)) if x.ndim == 2 else (0, *range(2, x.ndim))
    return (x - x.mean(axes, keepdims=True)) / np.sqrt(x.var(axes, keepdims=True) + eps)


@mistake("3.2", caught_by="test_any_number_of_spatial_axes")
def batch_normalize(x, eps=1e-5):
    """Features, sequences and images are handled; a film or a volume has more axes. Let them follow from `x.ndim`."""
    axes = {2: 0, 3: (0, 2), 4: (0, 2, 3)}[x.ndim]
    return (x - x.mean(axes, keepdims=True)) / np.sqrt(x.var(axes, keepdims=True) + eps)


@mistake("3.2", caught_by="test_eps_is_added_under_the_root")
def batch_normalize(x, eps=1e-5):
    """A channel that hardly varies is set to 0, as if it were constant. ε looks after it: the formula is the same for all channels."""
    axes = (0, *range(2, x.ndim))
    var = x.var(axes, keepdims=True)
    return np.where(var < 1e-5, 0, (x - x.mean(axes, keepdims=True)) / np.sqrt(var + eps))


@mistake("3.2")
def batch_normalize(x, eps=1e-5):
    """`eps or 1e-5` replaces an ε of 0 by the default: 0 is false in Python, and an ε that the caller may ask for."""
    axes = channel_axes(x)
    return (x - x.mean(axes, keepdims=True)) / np.sqrt(x.var(axes, keepdims=True) + (eps or 1e-5))


@mistake("3.2")
def batch_normalize(x, eps=1e-5):
    """`x.reshape(-1, C)` takes neighbouring pixels for channels. Move axis 1 to the end first, with `np.moveaxis(x, 1, -1)`."""
    rows = x.reshape(-1, x.shape[1])
    return ((rows - rows.mean(0)) / np.sqrt(rows.var(0) + eps)).reshape(x.shape)


@mistake("3.2")
def batch_normalize(x, eps=1e-5):
    """Mean and variance of shape (C,) are laid against the last axis of x. Channels stand on axis 1: `keepdims=True` leaves each axis its place."""
    axes = channel_axes(x)
    return (x - x.mean(axes)) / np.sqrt(x.var(axes) + eps)


@mistake("3.2")
def batch_normalize(x, eps=1e-5):
    """The axes (0, 2, 3) are written into the code. Let them follow from `x.ndim`: the number of spatial axes is free, and features have none."""
    axes = (0, 2, 3)
    return (x - x.mean(axes, keepdims=True)) / np.sqrt(x.var(axes, keepdims=True) + eps)


@mistake("3.2")
def batch_normalize(x, eps=1e-5):
    """The variance of a channel is the sum of squares over n minus the square of the mean, over rows of float32: with a large mean, two huge numbers cancel and noise is left. Subtract the mean first, then square."""
    last = np.moveaxis(x, 1, -1)
    rows = last.reshape(-1, x.shape[1])
    n = len(rows)
    mean = rows.sum(0) / n
    var = (rows * rows).sum(0) / n - mean**2
    return np.moveaxis(((rows - mean) / np.sqrt(var + eps)).reshape(last.shape), -1, 1)


@mistake("3.2")
def batch_normalize(x, eps=1e-5):
    """The statistics get the shape (C, 1, 1), which fits images alone. `keepdims=True` gives them the right one for any number of spatial axes."""
    axes = channel_axes(x)
    return (x - x.mean(axes)[:, None, None]) / np.sqrt(x.var(axes)[:, None, None] + eps)


@mistake("3.2")
def batch_normalize(x, eps=1e-5):
    """The statistics get the shape (1, C, 1, 1), which fits images alone. `keepdims=True` gives them the right one for any number of spatial axes."""
    axes, shape = channel_axes(x), (1, -1, 1, 1)
    return (x - x.mean(axes).reshape(shape)) / np.sqrt(x.var(axes).reshape(shape) + eps)


@mistake("3.2")
def batch_normalize(x, eps=1e-5):
    """Mean and variance run over axis 1, the channels. Each channel has its own, over the batch and all pixels: every axis but 1."""
    return (x - x.mean(1, keepdims=True)) / np.sqrt(x.var(1, keepdims=True) + eps)


@mistake("3.2")
def batch_normalize(x, eps=1e-5):
    """The channels are moved to the end and never back: `reshape(x.shape)` does not undo that. Take the moved shape, then move the last axis back to 1."""
    rows = np.moveaxis(x, 1, -1).reshape(-1, x.shape[1])
    return ((rows - rows.mean(0)) / np.sqrt(rows.var(0) + eps)).reshape(x.shape)


@mistake("3.2")
def batch_normalize(x, eps=1e-5):
    """You divide by the length of the centred channel, the root of the sum of its
    squares. The standard deviation is the root of their mean.
    """
    axes = channel_axes(x)
    centred = x - x.mean(axes, keepdims=True)
    return centred / np.sqrt((centred**2).sum(axes, keepdims=True) + eps)


@mistake("3.2")
def batch_normalize(x, eps=1e-5):
    """Two slips: the variance divides by n - 1, and ε stands outside the root. Take the biased variance and divide by √(σ² + ε)."""
    axes = channel_axes(x)
    return (x - x.mean(axes, keepdims=True)) / (x.std(axes, ddof=1, keepdims=True) + eps)


@mistake("3.2")
def batch_normalize(x, eps=1e-5):
    """Only two shapes are let in, two axes or four. Let the axes follow from `x.ndim`: the number of spatial axes is free."""
    assert x.ndim in (2, 4)
    axes = channel_axes(x)
    return (x - x.mean(axes, keepdims=True)) / np.sqrt(x.var(axes, keepdims=True) + eps)


@mistake("3.2")
def batch_normalize(x, eps=1e-5):
    """ε is squared before it is added. It stands under the root as it is: √(σ² + ε)."""
    axes = channel_axes(x)
    return (x - x.mean(axes, keepdims=True)) / np.sqrt(x.var(axes, keepdims=True) + eps**2)


@mistake("3.2")
def batch_normalize(x, eps=1e-5):
    """`x.reshape(C, -1)` cuts the array into C pieces in the order of memory, in which whole images follow each other. Move axis 1 to the front first, with `np.moveaxis(x, 1, 0)`."""
    rows = x.reshape(x.shape[1], -1)
    return ((rows - rows.mean(1, keepdims=True)) / np.sqrt(rows.var(1, keepdims=True) + eps)).reshape(x.shape)


@mistake("3.2")
def batch_normalize(x, eps=1e-5):
    """Only two and four axes are handled, by `if` and `elif`: for signals and volumes no branch sets the statistics. Let the axes follow from `x.ndim`."""
    if x.ndim == 2:
        mean, var = x.mean(0), x.var(0)
    elif x.ndim == 4:
        mean, var = x.mean((0, 2, 3), keepdims=True), x.var((0, 2, 3), keepdims=True)
    return (x - mean) / np.sqrt(var + eps)
