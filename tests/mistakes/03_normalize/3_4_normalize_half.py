"""Known wrong answers to exercise 3.4, each with the sentence that helps."""

import numpy as np

from bncourse.checking import mistake


def channel_axes(x):
    return (0, *range(2, x.ndim))


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
    """The deviations are squared in float16 and only averaged in float32: squares above 65504 are infinity by then, small ones 0. Convert x first."""
    axes = channel_axes(x)
    mean = x.mean(axes, keepdims=True, dtype=np.float32).astype(np.float16)
    var = ((x - mean) ** 2).mean(axes, keepdims=True, dtype=np.float32)
    return ((x - mean) / np.sqrt(var + eps)).astype(np.float16)


@mistake("3.4")
def normalize_half(x, eps=1e-5):
    """The result is float32. The next layer of a half precision network expects float16: convert back at the end."""
    return standardised(x.astype(np.float32), eps)


@mistake("3.4", caught_by="test_the_mean_is_not_rounded_to_half")
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


@mistake("3.4", caught_by="test_small_values_do_not_underflow")
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


@mistake("3.4", caught_by="test_half_channels_each_have_their_own_statistics")
def normalize_half(x, eps=1e-5):
    """Each pixel gets its own statistics: you average over the batch alone, not over the spatial axes."""
    return standardised(x.astype(np.float32), eps, axes=0).astype(np.float16)


@mistake("3.4", caught_by="test_large_values_do_not_overflow")
def normalize_half(x, eps=1e-5):
    """Values beyond 10,000 are taken for faults and cut off. float16 holds values up to 65,504, and they are data: convert them to float32."""
    return standardised(np.clip(x.astype(np.float32), -1e4, 1e4), eps).astype(np.float16)


@mistake("3.4", caught_by="test_half_comes_in_and_half_goes_out")
def normalize_half(x, eps=1e-5):
    """An ε of 1 or more is cut down. It is unusual, but the formula takes it like any other."""
    return standardised(x.astype(np.float32), min(eps, 0.1)).astype(np.float16)


@mistake("3.4")
def normalize_half(x, eps=1e-5):
    """The variance is taken in float32, but the mean is rounded to float16, as that of a float16 array always is, and so is the difference from it. Convert x first, and use that for both."""
    axes = channel_axes(x)
    var = x.astype(np.float32).var(axes, keepdims=True)
    return ((x - x.mean(axes, keepdims=True)) / np.sqrt(var + eps)).astype(np.float16)


@mistake("3.4")
def normalize_half(x, eps=1e-5):
    """The variance is the mean of squares minus the square of the mean: in float32 too, two large numbers cancel where the mean is large. Subtract the mean first, then square."""
    axes = channel_axes(x)
    y = x.astype(np.float32)
    mean = y.mean(axes, keepdims=True)
    return ((y - mean) / np.sqrt((y**2).mean(axes, keepdims=True) - mean**2 + eps)).astype(np.float16)


@mistake("3.4")
def normalize_half(x, eps=1e-5):
    """x is divided by 256 against the overflow, but ε stays what it was, far too large beside squares that shrank by 256². And float16 cannot hold small squares: convert to float32."""
    z = x / np.float16(256)
    axes = channel_axes(x)
    return (z - z.mean(axes, keepdims=True)) / np.sqrt(z.var(axes, keepdims=True) + np.float16(eps))


@mistake("3.4")
def normalize_half(x, eps=1e-5):
    """The mean is added up in float16, where the sum loses digits and soon is infinite; only the variance is taken in float32. Convert x first, and take both from that."""
    axes = channel_axes(x)
    mean = np.add.reduce(x, axis=axes, keepdims=True, dtype=np.float16) / np.float16(x.size // x.shape[1])
    centred = x.astype(np.float32) - mean.astype(np.float32)
    return (centred / np.sqrt((centred**2).mean(axes, keepdims=True) + eps)).astype(np.float16)
