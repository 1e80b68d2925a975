"""Known wrong answers to chapter 3, each with the sentence that helps."""

import numpy as np

from bncourse.checking import mistake


def channel_axes(x):
    return (0, *range(2, x.ndim))


def per_channel(values, x):
    return values.reshape(-1, *[1] * (x.ndim - 2))


# 3.1


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


@mistake("3.1")
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


@mistake("3.1")
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
    """ε is a lower bound of the standard deviation in your answer; it should be added to the variance, always."""
    return (x - mean) / np.maximum(np.sqrt(var), eps)


@mistake("3.1")
def normalize(x, mean, var, eps=1e-5):
    """ε is squared before it is added."""
    return (x - mean) / np.sqrt(var + eps**2)


@mistake("3.1")
def normalize(x, mean, var, eps=1e-5):
    """x itself is overwritten (`x -= mean`): the caller's data are gone. Compute into a new array."""
    x -= mean
    x /= np.sqrt(var + eps)
    return x


@mistake("3.1")
def normalize(x, mean, var, eps=1e-5):
    """You call PyTorch's own batch normalization; here you write it."""
    import torch

    return torch.nn.functional.batch_norm(
        *(torch.tensor(a, dtype=torch.float64) for a in (x, mean, var)), eps=eps
    ).numpy()


# 3.2


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


@mistake("3.2")
def batch_normalize(x, eps=1e-3):
    """ε is 1e-3 unless given. That is the habit of Keras; here it is 1e-5, as in PyTorch."""
    axes = channel_axes(x)
    return (x - x.mean(axes, keepdims=True)) / np.sqrt(x.var(axes, keepdims=True) + eps)


@mistake("3.2")
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
    """Only two shapes are provided for, (N, D) and (N, C, H, W). Let the axes follow from `x.ndim`."""
    axes = {2: 0, 4: (0, 2, 3)}[x.ndim]
    return (x - x.mean(axes, keepdims=True)) / np.sqrt(x.var(axes, keepdims=True) + eps)


@mistake("3.2")
def batch_normalize(x, eps=1e-5):
    """The values are centred but not scaled: the division is missing."""
    return x - x.mean(channel_axes(x), keepdims=True)


@mistake("3.2")
def batch_normalize(x, eps=1e-5):
    """The values are scaled but not centred: the mean is never subtracted."""
    return x / np.sqrt(x.var(channel_axes(x), keepdims=True) + eps)


@mistake("3.2")
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


@mistake("3.2")
def batch_normalize(x, eps=1e-5):
    """x itself is overwritten (`x -= mean`): the caller's data are gone. Compute into a new array."""
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


# 3.3


@mistake("3.3")
def normalize_inference(x, moving_mean, moving_var, eps=1e-5):
    """Batch statistics at inference: the result for one image depends on its companions. Use the moving statistics."""
    axes = channel_axes(x)
    return (x - x.mean(axes, keepdims=True)) / np.sqrt(x.var(axes, keepdims=True) + eps)


@mistake("3.3")
def normalize_inference(x, moving_mean, moving_var, eps=1e-5):
    """The moving mean stands with the variance of the batch. At inference both come from training."""
    var = x.var(channel_axes(x), keepdims=True)
    return (x - per_channel(moving_mean, x)) / np.sqrt(var + eps)


@mistake("3.3")
def normalize_inference(x, moving_mean, moving_var, eps=1e-5):
    """The moving variance stands with the mean of the batch. At inference both come from training."""
    mean = x.mean(channel_axes(x), keepdims=True)
    return (x - mean) / np.sqrt(per_channel(moving_var, x) + eps)


@mistake("3.3")
def normalize_inference(x, moving_mean, moving_var, eps=1e-5):
    """Moving statistics only for a batch of one, batch statistics otherwise: the answer still depends on the company."""
    mean, var = per_channel(moving_mean, x), per_channel(moving_var, x)
    if len(x) > 1:
        axes = channel_axes(x)
        mean, var = x.mean(axes, keepdims=True), x.var(axes, keepdims=True)
    return (x - mean) / np.sqrt(var + eps)


@mistake("3.3")
def normalize_inference(x, moving_mean, moving_var, eps=1e-5):
    """(C,) is laid against the last axis of x. Channels stand on axis 1: reshape the statistics to (C, 1, 1) for images."""
    return (x - moving_mean) / np.sqrt(moving_var + eps)


@mistake("3.3")
def normalize_inference(x, moving_mean, moving_var, eps=1e-5):
    """The statistics are shaped for images only, (1, C, 1, 1). Use as many ones as x has spatial axes."""
    shape = (1, -1, 1, 1)
    return (x - moving_mean.reshape(shape)) / np.sqrt(moving_var.reshape(shape) + eps)


@mistake("3.3")
def normalize_inference(x, moving_mean, moving_var, eps=1e-5):
    """ε stands outside the root: you divide by √σ² + ε instead of √(σ² + ε)."""
    return (x - per_channel(moving_mean, x)) / (np.sqrt(per_channel(moving_var, x)) + eps)


@mistake("3.3")
def normalize_inference(x, moving_mean, moving_var, eps=1e-5):
    """ε is missing: a channel that never varied in training is divided by 0."""
    return (x - per_channel(moving_mean, x)) / np.sqrt(per_channel(moving_var, x))


@mistake("3.3")
def normalize_inference(x, moving_mean, moving_var, eps=1e-5):
    """The argument ε is ignored: 1e-5 is written into the formula, whatever the caller asks for."""
    return (x - per_channel(moving_mean, x)) / np.sqrt(per_channel(moving_var, x) + 1e-5)


@mistake("3.3")
def normalize_inference(x, moving_mean, moving_var, eps=1e-3):
    """ε is 1e-3 unless given. That is the habit of Keras; here it is 1e-5, as in PyTorch."""
    return (x - per_channel(moving_mean, x)) / np.sqrt(per_channel(moving_var, x) + eps)


@mistake("3.3")
def normalize_inference(x, moving_mean, moving_var, eps=1e-5):
    """The square root is missing: you divide by the variance, not by the standard deviation."""
    return (x - per_channel(moving_mean, x)) / (per_channel(moving_var, x) + eps)


@mistake("3.3")
def normalize_inference(x, moving_mean, moving_var, eps=1e-5):
    """The moving variance is taken for a standard deviation: it is squared before the root is taken."""
    return (x - per_channel(moving_mean, x)) / np.sqrt(per_channel(moving_var, x) ** 2 + eps)


@mistake("3.3")
def normalize_inference(x, moving_mean, moving_var, eps=1e-5):
    """Mean and variance have changed places."""
    return (x - per_channel(moving_var, x)) / np.sqrt(per_channel(moving_mean, x) + eps)


@mistake("3.3")
def normalize_inference(x, moving_mean, moving_var, eps=1e-5):
    """The values are centred but not scaled: the division is missing."""
    return x - per_channel(moving_mean, x)


@mistake("3.3")
def normalize_inference(x, moving_mean, moving_var, eps=1e-5):
    """The values are scaled but not centred: the moving mean is never subtracted."""
    return x / np.sqrt(per_channel(moving_var, x) + eps)


@mistake("3.3")
def normalize_inference(x, moving_mean, moving_var, eps=1e-5):
    """One mean and variance for all channels: yours average the moving statistics into one number."""
    return (x - moving_mean.mean()) / np.sqrt(moving_var.mean() + eps)


@mistake("3.3")
def normalize_inference(x, moving_mean, moving_var, eps=1e-5):
    """A batch of one loses its batch axis: the result is squeezed and no longer has the shape of x."""
    result = (x - per_channel(moving_mean, x)) / np.sqrt(per_channel(moving_var, x) + eps)
    return result[0] if len(x) == 1 else result


@mistake("3.3")
def normalize_inference(x, moving_mean, moving_var, eps=1e-5):
    """The moving variance is multiplied by n / (n - 1) once more. What training stored is used as it is."""
    n = x.size // x.shape[1]
    return (x - per_channel(moving_mean, x)) / np.sqrt(per_channel(moving_var, x) * n / max(n - 1, 1) + eps)


@mistake("3.3")
def normalize_inference(x, moving_mean, moving_var, eps=1e-5):
    """Inference updates the moving statistics. They are what training left behind; inference only reads them."""
    result = (x - per_channel(moving_mean, x)) / np.sqrt(per_channel(moving_var, x) + eps)
    axes = channel_axes(x)
    moving_mean += 0.1 * (x.mean(axes) - moving_mean)
    moving_var += 0.1 * (x.var(axes) - moving_var)
    return result


@mistake("3.3")
def normalize_inference(x, moving_mean, moving_var, eps=1e-5):
    """x itself is overwritten (`x -= mean`): the caller's data are gone. Compute into a new array."""
    x -= per_channel(moving_mean, x)
    x /= np.sqrt(per_channel(moving_var, x) + eps)
    return x


# 3.4


def standardised(x, eps, axes=None):
    axes = channel_axes(x) if axes is None else axes
    mean = x.mean(axes, keepdims=True)
    return (x - mean) / np.sqrt(((x - mean) ** 2).mean(axes, keepdims=True) + eps)


@mistake("3.4")
def normalize_half(x, eps=1e-5):
    """All is computed in float16: squares above 65504 become infinity, small ones become 0. Convert to float32 first."""
    axes = channel_axes(x)
    mean = x.mean(axes, keepdims=True)
    var = ((x - mean) ** 2).mean(axes, keepdims=True)
    return (x - mean) / np.sqrt(var + np.float16(eps))


@mistake("3.4")
def normalize_half(x, eps=1e-5):
    """NumPy's `var` in float16 squares in float16: it overflows and underflows like your own formula. Convert first."""
    axes = channel_axes(x)
    return ((x - x.mean(axes, keepdims=True)) / np.sqrt(x.var(axes, keepdims=True) + eps)).astype(np.float16)


@mistake("3.4")
def normalize_half(x, eps=1e-5):
    """The result is float32. The next layer of a half precision network expects float16: convert back at the end."""
    return standardised(x.astype(np.float32), eps)


@mistake("3.4")
def normalize_half(x, eps=1e-5):
    """The mean is rounded to float16 before it is subtracted, which moves every value. Keep it in float32."""
    axes = channel_axes(x)
    y = x.astype(np.float32)
    mean = y.mean(axes, keepdims=True).astype(np.float16).astype(np.float32)
    return ((y - mean) / np.sqrt(((y - mean) ** 2).mean(axes, keepdims=True) + eps)).astype(np.float16)


@mistake("3.4")
def normalize_half(x, eps=1e-5):
    """The statistics are right, but they are rounded to float16 before they are used: large variances become infinity."""
    axes = channel_axes(x)
    y = x.astype(np.float32)
    mean, var = y.mean(axes, keepdims=True), y.var(axes, keepdims=True)
    return ((x - mean.astype(np.float16)) / np.sqrt(var.astype(np.float16) + np.float16(eps))).astype(np.float16)


@mistake("3.4")
def normalize_half(x, eps=1e-5):
    """ε is rounded to float16: below 6e-8 it becomes 0. Keep it in float32 like the variance."""
    return standardised(x.astype(np.float32), np.float32(np.float16(eps))).astype(np.float16)


@mistake("3.4")
def normalize_half(x, eps=1e-5):
    """Large values are clipped before they are squared. That avoids infinity but changes the data; use float32."""
    return standardised(np.clip(x, -250, 250).astype(np.float32), eps).astype(np.float16)


@mistake("3.4")
def normalize_half(x, eps=1e-5):
    """Infinities and NaN are replaced after the fact (`nan_to_num`); the values under them are lost. Use float32."""
    axes = channel_axes(x)
    mean = x.mean(axes, keepdims=True)
    var = ((x - mean) ** 2).mean(axes, keepdims=True)
    return np.nan_to_num((x - mean) / np.sqrt(var + np.float16(eps)))


@mistake("3.4")
def normalize_half(x, eps=1e-5):
    """The differences are formed in float16 before the conversion, so they overflow and are rounded. Convert x first."""
    axes = channel_axes(x)
    centred = (x - x.mean(axes, keepdims=True)).astype(np.float32)
    return (centred / np.sqrt((centred**2).mean(axes, keepdims=True) + eps)).astype(np.float16)


@mistake("3.4")
def normalize_half(x, eps=1e-5):
    """The variance divides by n - 1. Normalising uses the biased one, which divides by n."""
    axes = channel_axes(x)
    y = x.astype(np.float32)
    var = y.var(axes, ddof=1, keepdims=True)
    return ((y - y.mean(axes, keepdims=True)) / np.sqrt(var + eps)).astype(np.float16)


@mistake("3.4")
def normalize_half(x, eps=1e-5):
    """ε stands outside the root: you divide by √σ² + ε instead of √(σ² + ε)."""
    axes = channel_axes(x)
    y = x.astype(np.float32)
    return ((y - y.mean(axes, keepdims=True)) / (y.std(axes, keepdims=True) + eps)).astype(np.float16)


@mistake("3.4")
def normalize_half(x, eps=1e-5):
    """The argument ε is ignored: 1e-5 is written into the formula, whatever the caller asks for."""
    return standardised(x.astype(np.float32), 1e-5).astype(np.float16)


@mistake("3.4")
def normalize_half(x, eps=1e-3):
    """ε is 1e-3 unless given. That is the habit of Keras; here it is 1e-5, as in PyTorch."""
    return standardised(x.astype(np.float32), eps).astype(np.float16)


@mistake("3.4")
def normalize_half(x, eps=1e-5):
    """One mean and variance for the whole tensor. Each feature or channel has its own."""
    return standardised(x.astype(np.float32), eps, axes=tuple(range(x.ndim))).astype(np.float16)


@mistake("3.4")
def normalize_half(x, eps=1e-5):
    """Each pixel gets its own statistics: you average over the batch alone, not over the spatial axes."""
    return standardised(x.astype(np.float32), eps, axes=0).astype(np.float16)
