"""Known wrong answers to exercise 3.3, each with the sentence that helps."""

import numpy as np

from bncourse.checking import mistake


def channel_axes(x):
    return (0, *range(2, x.ndim))


def per_channel(values, x):
    return values.reshape(-1, *[1] * (x.ndim - 2))


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


@mistake("3.3", caught_by="test_an_image_gets_the_same_answer_alone_and_in_company")
def normalize_inference(x, moving_mean, moving_var, eps=1e-5):
    """Moving statistics only for a batch of one, batch statistics otherwise: the answer still depends on the other
    samples of the batch."""
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


@mistake("3.3", caught_by="test_inference_eps_is_added_under_the_root")
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


@mistake("3.3", caught_by="test_inference_changes_nothing")
def normalize_inference(x, moving_mean, moving_var, eps=1e-5):
    """Inference updates the moving statistics. They are what training left behind; inference only reads them."""
    result = (x - per_channel(moving_mean, x)) / np.sqrt(per_channel(moving_var, x) + eps)
    axes = channel_axes(x)
    moving_mean += 0.1 * (x.mean(axes) - moving_mean)
    moving_var += 0.1 * (x.var(axes) - moving_var)
    return result


@mistake("3.3")
def normalize_inference(x, moving_mean, moving_var, eps=1e-5):
    """x itself is overwritten (`x -= mean`, or `out = x` without a copy): the caller's data are gone. Compute into a new array."""
    x -= per_channel(moving_mean, x)
    x /= np.sqrt(per_channel(moving_var, x) + eps)
    return x


@mistake("3.3", caught_by="test_one_pixel_by_hand")
def normalize_inference(x, moving_mean, moving_var, eps=1e-5):
    """ε = 0 is refused. It only keeps the divisor from 0, and where the variance is positive nothing is amiss without it."""
    if eps <= 0:
        raise ValueError("eps must be positive")
    return (x - per_channel(moving_mean, x)) / np.sqrt(per_channel(moving_var, x) + eps)


@mistake("3.3", caught_by="test_statistics_belong_to_channels_whatever_the_shape")
def normalize_inference(x, moving_mean, moving_var, eps=1e-5):
    """Sequences and images are handled; a film or a volume has more axes. Count the ones in the shape by `x.ndim`."""
    shape = {3: (-1, 1), 4: (-1, 1, 1)}[x.ndim]
    return (x - moving_mean.reshape(shape)) / np.sqrt(moving_var.reshape(shape) + eps)


@mistake("3.3", caught_by="test_inference_eps_is_1e_minus_5_unless_given")
def normalize_inference(x, moving_mean, moving_var, eps=1e-5):
    """A moving variance of 0 is replaced by 1. ε alone keeps the divisor from 0, and the formula asks for √ε there."""
    var = np.where(moving_var == 0, 1, moving_var)
    return (x - per_channel(moving_mean, x)) / np.sqrt(per_channel(var, x) + eps)


@mistake("3.3")
def normalize_inference(x, moving_mean, moving_var, eps=1e-5):
    """`eps or 1e-5` replaces an ε of 0 by the default: 0 is false in Python, and an ε that the caller may ask for."""
    return (x - per_channel(moving_mean, x)) / np.sqrt(per_channel(moving_var, x) + (eps or 1e-5))


@mistake("3.3")
def normalize_inference(x, moving_mean, moving_var, eps=1e-5):
    """`[:, None, None]` gives the statistics the shape (C, 1, 1), which fits images alone. Use as many ones as x has spatial axes."""
    mean, var = moving_mean[:, None, None], moving_var[:, None, None]
    return (x - mean) / np.sqrt(var + eps)


@mistake("3.3")
def normalize_inference(x, moving_mean, moving_var, eps=1e-5):
    """`x.reshape(-1, C)` takes neighbouring pixels for channels. Move axis 1 to the end first, with `np.moveaxis(x, 1, -1)`."""
    rows = x.reshape(-1, x.shape[1])
    return ((rows - moving_mean) / np.sqrt(moving_var + eps)).reshape(x.shape)


@mistake("3.3")
def normalize_inference(x, moving_mean, moving_var, eps=1e-5):
    """Each sample takes the statistics that stand at its own number, `moving_mean[i]`. They belong to channels, on axis 1."""
    pairs = [(x[i] - moving_mean[i]) / np.sqrt(moving_var[i] + eps) for i in range(len(x))]
    return np.array(pairs)
