"""Known wrong answers to exercise 14.1, each with the sentence that helps."""

import numpy as np

from bncourse.checking import mistake


def normalised(x, axes, eps, ddof=0):
    mean = x.mean(axes, keepdims=True)
    return (x - mean) / np.sqrt(x.var(axes, keepdims=True, ddof=ddof) + eps)


def sample_axes(x):
    return tuple(range(1, x.ndim))


@mistake("14.1")
def layer_norm(x, gamma, beta, eps=1e-5):
    """Statistics over the batch: you average over axis 0. Layer normalization knows nothing of the other samples."""
    return gamma * normalised(x, 0, eps) + beta


@mistake("14.1")
def layer_norm(x, gamma, beta, eps=1e-5):
    """These are the axes of batch normalization: each channel over the batch and all positions. Here each sample stands
    by itself: only axis 0 is left out."""
    return gamma * normalised(x, (0, *range(2, x.ndim)), eps) + beta


@mistake("14.1")
def layer_norm(x, gamma, beta, eps=1e-5):
    """These are the axes of instance normalization: each channel of an image by itself. A layer takes all channels of
    a sample together."""
    return gamma * normalised(x, tuple(range(2, x.ndim)) or 1, eps) + beta


@mistake("14.1")
def layer_norm(x, gamma, beta, eps=1e-5):
    """Only the last axis is averaged, as language models do it. Here it is all axes but the first."""
    return gamma * normalised(x, -1, eps) + beta


@mistake("14.1")
def layer_norm(x, gamma, beta, eps=1e-5):
    """Only axis 1, the channels, is averaged: each position of an image gets its own statistics. Here they are over all
    axes but the first."""
    return gamma * normalised(x, 1, eps) + beta


@mistake("14.1")
def layer_norm(x, gamma, beta, eps=1e-5):
    """One mean and variance for the whole tensor. Each sample has its own."""
    return gamma * normalised(x, None, eps) + beta


@mistake("14.1")
def layer_norm(x, gamma, beta, eps=1e-5):
    """The axes are written for images, (1, 2, 3). Let them follow from `x.ndim`: features and sequences come too."""
    return gamma * normalised(x, (1, 2, 3), eps) + beta


@mistake("14.1")
def layer_norm(x, gamma, beta, eps=1e-5):
    """The statistics are those of the first sample, used for all. Each sample has its own."""
    axes = sample_axes(x)
    return gamma * (x - x[:1].mean(axes, keepdims=True)) / np.sqrt(x[:1].var(axes, keepdims=True) + eps) + beta


@mistake("14.1")
def layer_norm(x, gamma, beta, eps=1e-5):
    """The variance divides by n - 1. Normalising uses the biased one, which divides by n."""
    return gamma * normalised(x, sample_axes(x), eps, ddof=1) + beta


@mistake("14.1")
def layer_norm(x, gamma, beta, eps=1e-5):
    """The variance is averaged over the channels: yours is the mean of the variances of single channels. The variance of
    the whole sample also holds how far the channels' means lie apart."""
    within = tuple(range(2, x.ndim))
    var = x.var(within, keepdims=True).mean(1, keepdims=True) if within else x.var(1, keepdims=True)
    return gamma * (x - x.mean(sample_axes(x), keepdims=True)) / np.sqrt(var + eps) + beta


@mistake("14.1")
def layer_norm(x, gamma, beta, eps=1e-5):
    """ε stands outside the root: you divide by √σ² + ε instead of √(σ² + ε)."""
    axes = sample_axes(x)
    return gamma * (x - x.mean(axes, keepdims=True)) / (x.std(axes, keepdims=True) + eps) + beta


@mistake("14.1")
def layer_norm(x, gamma, beta, eps=1e-5):
    """ε is missing: a sample of equal values is divided by 0."""
    return gamma * normalised(x, sample_axes(x), 0) + beta


@mistake("14.1")
def layer_norm(x, gamma, beta, eps=1e-5):
    """The argument ε is ignored: a number of your own stands in the formula, whatever the caller asks for."""
    return gamma * normalised(x, sample_axes(x), 1e-5) + beta


@mistake("14.1", caught_by="test_rows_by_hand")
def layer_norm(x, gamma, beta, eps=1e-3):
    """ε is 1e-3 unless given. That is the habit of Keras; here it is 1e-5, as in PyTorch."""
    return gamma * normalised(x, sample_axes(x), eps) + beta


@mistake("14.1")
def layer_norm(x, gamma, beta, eps=1e-5):
    """The square root is missing: you divide by the variance, not by the standard deviation."""
    axes = sample_axes(x)
    return gamma * (x - x.mean(axes, keepdims=True)) / (x.var(axes, keepdims=True) + eps) + beta


@mistake("14.1")
def layer_norm(x, gamma, beta, eps=1e-5):
    """The values are scaled but not centred. That is RMS normalization if you also leave the mean out of the variance;
    layer normalization subtracts the mean."""
    return gamma * x / np.sqrt(x.var(sample_axes(x), keepdims=True) + eps) + beta


@mistake("14.1")
def layer_norm(x, gamma, beta, eps=1e-5):
    """This is RMS normalization: you divide by the root of the mean square and never subtract the mean."""
    return gamma * x / np.sqrt((x**2).mean(sample_axes(x), keepdims=True) + eps) + beta


@mistake("14.1")
def layer_norm(x, gamma, beta, eps=1e-5):
    """The values are centred but not scaled: the division is missing."""
    return gamma * (x - x.mean(sample_axes(x), keepdims=True)) + beta


@mistake("14.1", caught_by="test_layer_norm_survives_a_large_mean_in_float32")
def layer_norm(x, gamma, beta, eps=1e-5):
    """The variance is the mean of squares minus the square of the mean: with a large mean in float32 two huge numbers
    cancel and noise is left, even below zero. Subtract the mean first, then square."""
    axes = sample_axes(x)
    mean = x.mean(axes, keepdims=True)
    return gamma * (x - mean) / np.sqrt((x * x).mean(axes, keepdims=True) - mean * mean + eps) + beta


@mistake("14.1")
def layer_norm(x, gamma, beta, eps=1e-5):
    """The variance is the mean of squares minus the square of the mean, cut off at 0: with a large mean in float32 two
    huge numbers cancel, and cutting off hides only the sign. Subtract the mean first, then square."""
    axes = sample_axes(x)
    mean = x.mean(axes, keepdims=True)
    var = np.maximum((x * x).mean(axes, keepdims=True) - mean * mean, 0)
    return gamma * (x - mean) / np.sqrt(var + eps) + beta


@mistake("14.1")
def layer_norm(x, gamma, beta, eps=1e-5):
    """γ is not used: the normalised values are shifted but never scaled."""
    return normalised(x, sample_axes(x), eps) + beta


@mistake("14.1")
def layer_norm(x, gamma, beta, eps=1e-5):
    """β is not used: the normalised values are scaled but never shifted."""
    return gamma * normalised(x, sample_axes(x), eps)


@mistake("14.1")
def layer_norm(x, gamma, beta, eps=1e-5):
    """γ and β have changed places."""
    return beta * normalised(x, sample_axes(x), eps) + gamma


@mistake("14.1")
def layer_norm(x, gamma, beta, eps=1e-5):
    """β is added before γ multiplies: γ(x̂ + β). First scale, then shift."""
    return gamma * (normalised(x, sample_axes(x), eps) + beta)


@mistake("14.1")
def layer_norm(x, gamma, beta, eps=1e-5):
    """One γ and one β for all elements: yours are averaged into one number. Each element has its own."""
    return gamma.mean() * normalised(x, sample_axes(x), eps) + beta.mean()


@mistake("14.1")
def layer_norm(x, gamma, beta, eps=1e-5):
    """γ and β are taken as one per channel, their first entry in each. In this exercise each element has its own."""
    first = (slice(None), *[slice(0, 1)] * (x.ndim - 2))
    return gamma[first] * normalised(x, sample_axes(x), eps) + beta[first]


@mistake("14.1", caught_by="test_layer_norm_leaves_its_input_alone")
def layer_norm(x, gamma, beta, eps=1e-5):
    """x itself is overwritten (`x -= mean`, or `out = x` without a copy): the caller's data are gone. Compute into a new array."""
    axes = sample_axes(x)
    x -= x.mean(axes, keepdims=True)
    x /= np.sqrt((x**2).mean(axes, keepdims=True) + eps)
    return gamma * x + beta


@mistake("14.1")
def layer_norm(x, gamma, beta, eps=1e-5):
    """You call PyTorch, which is forbidden here: you write the layer normalization yourself, with NumPy."""
    import torch

    arrays = (torch.tensor(np.ascontiguousarray(values), dtype=torch.float64) for values in (x, gamma, beta))
    x, gamma, beta = arrays
    return torch.nn.functional.layer_norm(x, tuple(x.shape[1:]), gamma, beta, eps).numpy()


def centred(x, axes):
    """x in float64 without its mean, and its variance."""
    x = np.asarray(x, dtype=np.float64)
    return x - x.mean(axes, keepdims=True), x.var(axes, keepdims=True)


@mistake("14.1")
def layer_norm(x, gamma, beta, eps=1e-5):
    """ε steps in only where the standard deviation is 0 or tiny. It is added to the variance, always."""
    x, var = centred(x, sample_axes(x))
    return gamma * x / np.maximum(np.sqrt(var), eps) + beta


@mistake("14.1")
def layer_norm(x, gamma, beta, eps=1e-5):
    """ε is squared before it is added to the variance. It is added as it is."""
    return gamma * normalised(x, sample_axes(x), eps**2) + beta


@mistake("14.1")
def layer_norm(x, gamma, beta, eps=1e-5):
    """γ divides. It is a scale: the normalised values are multiplied by it."""
    return normalised(x, sample_axes(x), eps) / gamma + beta


@mistake("14.1")
def layer_norm(x, gamma, beta, eps=1e-5):
    """You multiply by 1 + γ. Some networks store γ that way; here γ itself is the scale."""
    return (1 + gamma) * normalised(x, sample_axes(x), eps) + beta


@mistake("14.1")
def layer_norm(x, gamma, beta, eps=1e-5):
    """β is subtracted. It is the shift: add it."""
    return gamma * normalised(x, sample_axes(x), eps) - beta


@mistake("14.1")
def layer_norm(x, gamma, beta, eps=1e-5):
    """The result keeps the flattened shape (N, everything else). Reshape it back to the shape of x."""
    flat = normalised(np.reshape(x, (len(x), -1)), 1, eps)
    return np.ravel(gamma) * flat + np.ravel(beta)


@mistake("14.1")
def layer_norm(x, gamma, beta, eps=1e-5):
    """Mean and variance have the shape (N,) and are laid along the last axis of x. `keepdims=True` keeps them along axis 0."""
    x = np.asarray(x, dtype=np.float64)
    return gamma * (x - x.mean(sample_axes(x))) / np.sqrt(x.var(sample_axes(x)) + eps) + beta


@mistake("14.1")
def layer_norm(x, gamma, beta, eps=1e-5):
    """The median is subtracted. The mean should be."""
    x = np.asarray(x, dtype=np.float64)
    middle = np.median(x, sample_axes(x), keepdims=True)
    return gamma * (x - middle) / np.sqrt(x.var(sample_axes(x), keepdims=True) + eps) + beta


@mistake("14.1", caught_by="test_each_sample_over_all_its_axes")
def layer_norm(x, gamma, beta, eps=1e-5):
    """Features, sequences and images are handled; a film or a volume has more axes. Let them follow from `x.ndim`."""
    return gamma * normalised(x, {2: 1, 3: (1, 2), 4: (1, 2, 3)}[x.ndim], eps) + beta


@mistake("14.1", caught_by="test_gamma_and_beta_belong_to_elements")
def layer_norm(x, gamma, beta, eps=1e-5):
    """For images γ and β are taken as one per channel, as in batch normalization.
    Here every pixel of every channel has its own.
    """
    if x.ndim == 4:
        gamma, beta = gamma[:, :1, :1], beta[:, :1, :1]
    return gamma * normalised(x, sample_axes(x), eps) + beta


@mistake("14.1", caught_by="test_layer_norm_eps")
def layer_norm(x, gamma, beta, eps=1e-5):
    """A sample that hardly varies comes out as β, as if all its values were equal. ε looks after it: the formula is the same for all."""
    hardly = x.var(sample_axes(x), keepdims=True) < 1e-5
    return gamma * np.where(hardly, 0, normalised(x, sample_axes(x), eps)) + beta


@mistake("14.1")
def layer_norm(x, gamma, beta, eps=1e-5):
    """γ and β are not used: you return the normalised values. Multiply them by γ, then add β."""
    return normalised(x, sample_axes(x), eps)


@mistake("14.1")
def layer_norm(x, gamma, beta, eps=1e-5):
    """γ and β are reshaped to (1, C, 1, …), one number a channel, as for batch normalization. Here they have the shape of one sample: leave it."""
    shape = (1, -1, *[1] * (x.ndim - 2))
    return gamma.reshape(shape) * normalised(x, sample_axes(x), eps) + beta.reshape(shape)


@mistake("14.1")
def layer_norm(x, gamma, beta, eps=1e-5):
    """The variance divides by n - 1, and ε is added to the standard deviation, as
    in some published transformers. Divide by n, and add ε under the root.
    """
    axes = sample_axes(x)
    return gamma * (x - x.mean(axes, keepdims=True)) / (x.std(axes, keepdims=True, ddof=1) + eps) + beta
