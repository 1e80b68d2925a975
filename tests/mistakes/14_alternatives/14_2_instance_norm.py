"""Known wrong answers to exercise 14.2, each with the sentence that helps."""

import numpy as np

from bncourse.checking import mistake


def normalised(x, axes, eps, ddof=0):
    mean = x.mean(axes, keepdims=True)
    return (x - mean) / np.sqrt(x.var(axes, keepdims=True, ddof=ddof) + eps)


def places(x):
    return tuple(range(2, x.ndim))


def per_channel(values, x):
    return values.reshape(-1, *[1] * (x.ndim - 2))


def scaled(x_hat, gamma, beta):
    return per_channel(gamma, x_hat) * x_hat + per_channel(beta, x_hat)


@mistake("14.2")
def instance_norm(x, gamma, beta, eps=1e-5):
    """These are the axes of batch normalization: your statistics mix the images. Each image stands by itself, so axis 0 is
    not averaged."""
    return scaled(normalised(x, (0, *places(x)), eps), gamma, beta)


@mistake("14.2")
def instance_norm(x, gamma, beta, eps=1e-5):
    """These are the axes of layer normalization: your statistics mix the channels. Each channel of an image stands by
    itself, so axis 1 is not averaged."""
    return scaled(normalised(x, tuple(range(1, x.ndim)), eps), gamma, beta)


@mistake("14.2")
def instance_norm(x, gamma, beta, eps=1e-5):
    """One mean and variance for the whole tensor. Each channel of each image has its own."""
    return scaled(normalised(x, None, eps), gamma, beta)


@mistake("14.2")
def instance_norm(x, gamma, beta, eps=1e-5):
    """Only the batch is averaged, axis 0: each position gets its own statistics. Average over the positions instead."""
    return scaled(normalised(x, 0, eps), gamma, beta)


@mistake("14.2")
def instance_norm(x, gamma, beta, eps=1e-5):
    """Only the last axis is averaged: the rows of a picture get statistics of their own. All spatial axes count."""
    return scaled(normalised(x, -1, eps), gamma, beta)


@mistake("14.2")
def instance_norm(x, gamma, beta, eps=1e-5):
    """The axes are written for pictures, (2, 3). Let them follow from `x.ndim`: signals and volumes come too."""
    return scaled(normalised(x, (2, 3), eps), gamma, beta)


@mistake("14.2")
def instance_norm(x, gamma, beta, eps=1e-5):
    """Written for signals (N, C, L): only the last axis is averaged, and γ and β are laid along the last axis but one. Let the axes and
    the shape (C, 1, …) follow from `x.ndim`."""
    return gamma[None, :, None] * normalised(x, -1, eps) + beta[None, :, None]


@mistake("14.2")
def instance_norm(x, gamma, beta, eps=1e-5):
    """Written for signals (N, C, L): only the last axis is averaged, and γ and β are laid along the last axis but one. Let the axes and
    the shape (C, 1, …) follow from `x.ndim`. And the argument ε is ignored."""
    return gamma[None, :, None] * normalised(x, -1, 1e-5) + beta[None, :, None]


@mistake("14.2")
def instance_norm(x, gamma, beta, eps=1e-5):
    """The axes follow from `x.ndim`, the shape of γ and β does not: (1, C, 1, 1) suits pictures alone."""
    gamma, beta = gamma.reshape(1, -1, 1, 1), beta.reshape(1, -1, 1, 1)
    return gamma * normalised(x, places(x), eps) + beta


@mistake("14.2")
def instance_norm(x, gamma, beta, eps=1e-5):
    """The last two axes are averaged, (-2, -1). In a signal (N, C, L) that takes in the channels, in a volume it leaves out
    an axis: average over the axes from 2 on."""
    return scaled(normalised(x, (-2, -1), eps), gamma, beta)


@mistake("14.2")
def instance_norm(x, gamma, beta, eps=1e-5):
    """The statistics are those of the first image, used for all. Each image has its own."""
    first = x[:1]
    mean, var = first.mean(places(x), keepdims=True), first.var(places(x), keepdims=True)
    return scaled((x - mean) / np.sqrt(var + eps), gamma, beta)


@mistake("14.2")
def instance_norm(x, gamma, beta, eps=1e-5):
    """The mean is that of each image's channel, but the variance is taken over the batch as well."""
    var = x.var((0, *places(x)), keepdims=True)
    return scaled((x - x.mean(places(x), keepdims=True)) / np.sqrt(var + eps), gamma, beta)


@mistake("14.2")
def instance_norm(x, gamma, beta, eps=1e-5):
    """The variance divides by n - 1. Normalising uses the biased one, which divides by n."""
    return scaled(normalised(x, places(x), eps, ddof=1), gamma, beta)


@mistake("14.2", caught_by="test_channels_of_images_by_hand")
def instance_norm(x, gamma, beta, eps=1e-5):
    """ε stands outside the root: you divide by √σ² + ε instead of √(σ² + ε)."""
    mean, std = x.mean(places(x), keepdims=True), x.std(places(x), keepdims=True)
    return scaled((x - mean) / (std + eps), gamma, beta)


@mistake("14.2")
def instance_norm(x, gamma, beta, eps=1e-5):
    """ε is missing: a flat channel is divided by 0."""
    return scaled(normalised(x, places(x), 0), gamma, beta)


@mistake("14.2")
def instance_norm(x, gamma, beta, eps=1e-5):
    """The argument ε is ignored: a number of your own stands in the formula, whatever the caller asks for."""
    return scaled(normalised(x, places(x), 1e-5), gamma, beta)


@mistake("14.2")
def instance_norm(x, gamma, beta, eps=1e-3):
    """ε is 1e-3 unless given. That is the habit of Keras; here it is 1e-5, as in PyTorch."""
    return scaled(normalised(x, places(x), eps), gamma, beta)


@mistake("14.2")
def instance_norm(x, gamma, beta, eps=1e-5):
    """The square root is missing: you divide by the variance, not by the standard deviation."""
    mean, var = x.mean(places(x), keepdims=True), x.var(places(x), keepdims=True)
    return scaled((x - mean) / (var + eps), gamma, beta)


@mistake("14.2")
def instance_norm(x, gamma, beta, eps=1e-5):
    """The values are centred but not scaled: the division is missing."""
    return scaled(x - x.mean(places(x), keepdims=True), gamma, beta)


@mistake("14.2")
def instance_norm(x, gamma, beta, eps=1e-5):
    """The values are scaled but not centred: the mean is never subtracted."""
    return scaled(x / np.sqrt(x.var(places(x), keepdims=True) + eps), gamma, beta)


@mistake("14.2", caught_by="test_instance_norm_survives_a_large_mean_in_float32")
def instance_norm(x, gamma, beta, eps=1e-5):
    """The variance is the mean of squares minus the square of the mean: with a large mean in float32 two huge numbers
    cancel and noise is left, even below zero. Subtract the mean first, then square."""
    mean = x.mean(places(x), keepdims=True)
    return scaled((x - mean) / np.sqrt((x * x).mean(places(x), keepdims=True) - mean * mean + eps), gamma, beta)


@mistake("14.2")
def instance_norm(x, gamma, beta, eps=1e-5):
    """γ and β are not used: PyTorch's InstanceNorm2d leaves them out unless told otherwise, this exercise has them."""
    return normalised(x, places(x), eps)


@mistake("14.2")
def instance_norm(x, gamma, beta, eps=1e-5):
    """γ is not used: the normalised values are shifted but never scaled."""
    return normalised(x, places(x), eps) + per_channel(beta, x)


@mistake("14.2")
def instance_norm(x, gamma, beta, eps=1e-5):
    """β is not used: the normalised values are scaled but never shifted."""
    return per_channel(gamma, x) * normalised(x, places(x), eps)


@mistake("14.2")
def instance_norm(x, gamma, beta, eps=1e-5):
    """γ and β have changed places."""
    return scaled(normalised(x, places(x), eps), beta, gamma)


@mistake("14.2")
def instance_norm(x, gamma, beta, eps=1e-5):
    """β is added before γ multiplies: γ(x̂ + β). First scale, then shift."""
    return per_channel(gamma, x) * (normalised(x, places(x), eps) + per_channel(beta, x))


@mistake("14.2")
def instance_norm(x, gamma, beta, eps=1e-5):
    """γ and β of shape (C,) are laid against the last axis of x. Channels stand on axis 1: reshape them to (C, 1, 1) for
    images."""
    return gamma * normalised(x, places(x), eps) + beta


@mistake("14.2")
def instance_norm(x, gamma, beta, eps=1e-5):
    """γ and β are laid along axis 0, as if they belonged to images. They belong to channels, axis 1."""
    shape = (-1, *[1] * (x.ndim - 1))
    return gamma.reshape(shape) * normalised(x, places(x), eps) + beta.reshape(shape)


@mistake("14.2", caught_by="test_instance_norm_leaves_its_input_alone")
def instance_norm(x, gamma, beta, eps=1e-5):
    """x itself is overwritten (`x -= mean`, or `out = x` without a copy): the caller's data are gone. Compute into a new array."""
    x -= x.mean(places(x), keepdims=True)
    x /= np.sqrt((x**2).mean(places(x), keepdims=True) + eps)
    return scaled(x, gamma, beta)


@mistake("14.2")
def instance_norm(x, gamma, beta, eps=1e-5):
    """You call PyTorch, which is forbidden here: you write the instance normalization yourself, with NumPy."""
    import torch

    x, gamma, beta = (torch.tensor(np.ascontiguousarray(values), dtype=torch.float64) for values in (x, gamma, beta))
    return torch.nn.functional.instance_norm(x, weight=gamma, bias=beta, eps=eps).numpy()


def centred(x, axes):
    """x in float64 without its mean, and its variance."""
    x = np.asarray(x, dtype=np.float64)
    return x - x.mean(axes, keepdims=True), x.var(axes, keepdims=True)


@mistake("14.2")
def instance_norm(x, gamma, beta, eps=1e-5):
    """Each channel is stretched to run from 0 to 1. Its mean should become 0 and its variance 1."""
    low, high = x.min(places(x), keepdims=True), x.max(places(x), keepdims=True)
    return per_channel(gamma, x) * (x - low) / (high - low + eps) + per_channel(beta, x)


@mistake("14.2")
def instance_norm(x, gamma, beta, eps=1e-5):
    """You divide by the mean distance from the mean. Divide by the root of the variance, the mean of squared distances."""
    values, _ = centred(x, places(x))
    distance = np.abs(values).mean(places(x), keepdims=True)
    return per_channel(gamma, x) * values / (distance + eps) + per_channel(beta, x)


@mistake("14.2")
def instance_norm(x, gamma, beta, eps=1e-5):
    """You multiply by 1 + γ. Some networks store γ that way; here γ itself is the scale."""
    return (1 + per_channel(gamma, x)) * normalised(x, places(x), eps) + per_channel(beta, x)


@mistake("14.2")
def instance_norm(x, gamma, beta, eps=1e-5):
    """You take the last axis for the channels and average over those between. Here channels stand on axis 1."""
    axes = tuple(range(1, x.ndim - 1))
    return per_channel(gamma, x) * normalised(x, axes, eps) + per_channel(beta, x)


@mistake("14.2", caught_by="test_each_channel_of_each_image")
def instance_norm(x, gamma, beta, eps=1e-5):
    """One, two and three spatial axes are handled. A film of volumes has four: let the axes follow from `x.ndim`."""
    return scaled(normalised(x, {3: 2, 4: (2, 3), 5: (2, 3, 4)}[x.ndim], eps), gamma, beta)


@mistake("14.2", caught_by="test_gamma_and_beta_belong_to_channels")
def instance_norm(x, gamma, beta, eps=1e-5):
    """You lay γ and β against the last axis wherever NumPy allows it, that is where an image is as wide as it has channels. They belong to axis 1, always."""
    x_hat = normalised(x, places(x), eps)
    return gamma * x_hat + beta if x.shape[-1] == len(gamma) else scaled(x_hat, gamma, beta)


@mistake("14.2", caught_by="test_instance_norm_eps")
def instance_norm(x, gamma, beta, eps=1e-5):
    """A channel that hardly varies comes out as β, as if it were flat. ε looks after it: the formula is the same for all."""
    hardly = x.var(places(x), keepdims=True) < 1e-5
    return scaled(np.where(hardly, 0, normalised(x, places(x), eps)), gamma, beta)


@mistake("14.2")
def instance_norm(x, gamma, beta, eps=1e-5):
    """All channels of an image come out as its last one: the line that stores the result comes after the loop over
    channels, not in it."""
    out = np.zeros(x.shape)
    for n in range(x.shape[0]):
        for c in range(x.shape[1]):
            z = (x[n, c] - x[n, c].mean()) / np.sqrt(x[n, c].var() + eps)
        out[n] = gamma[c] * z + beta[c]
    return out


@mistake("14.2")
def instance_norm(x, gamma, beta, eps=1e-5):
    """γ and β are applied to x before it is normalised, and the normalisation takes them out again. First normalise, then scale and shift."""
    return normalised(scaled(x, gamma, beta), places(x), eps)
