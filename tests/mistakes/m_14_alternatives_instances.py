"""Known wrong answers to 14.2, instance normalization, and 14.6, its adaptive form, each with the sentence that helps."""

import numpy as np

from bncourse.checking import mistake


def normalised(x, axes, eps, ddof=0):
    mean = x.mean(axes, keepdims=True)
    return (x - mean) / np.sqrt(x.var(axes, keepdims=True, ddof=ddof) + eps)


def places(x):
    return tuple(range(2, x.ndim))


def per_channel(values, x):
    return values.reshape(-1, *[1] * (x.ndim - 2))


# 14.2


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


@mistake("14.2")
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
    """The argument ε is ignored: 1e-5 is written into the formula, whatever the caller asks for."""
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


@mistake("14.2")
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


@mistake("14.2")
def instance_norm(x, gamma, beta, eps=1e-5):
    """x itself is overwritten (`x -= mean`): the caller's data are gone. Compute into a new array."""
    x -= x.mean(places(x), keepdims=True)
    x /= np.sqrt((x**2).mean(places(x), keepdims=True) + eps)
    return scaled(x, gamma, beta)


@mistake("14.2")
def instance_norm(x, gamma, beta, eps=1e-5):
    """You call PyTorch's own instance normalization; here you write it."""
    import torch

    x, gamma, beta = (torch.tensor(np.ascontiguousarray(values), dtype=torch.float64) for values in (x, gamma, beta))
    return torch.nn.functional.instance_norm(x, weight=gamma, bias=beta, eps=eps).numpy()


# 14.6


def style_of(style, content, axes=None, ddof=0):
    """Mean and deviation of the style, shaped to meet the content."""
    axes = places(style) if axes is None else axes
    shape = (*style.shape[:2], *[1] * (content.ndim - 2))
    mean = np.broadcast_to(style.mean(axes, keepdims=True), (*style.shape[:2], *[1] * (style.ndim - 2)))
    std = np.broadcast_to(style.std(axes, keepdims=True, ddof=ddof), mean.shape)
    return mean.reshape(shape), std.reshape(shape)


@mistake("14.6")
def adaptive_instance_norm(content, style, eps=1e-5):
    """Content and style have changed places: you give the style the statistics of the content."""
    mean, std = style_of(content, style)
    return std * normalised(style, places(style), eps) + mean


@mistake("14.6")
def adaptive_instance_norm(content, style, eps=1e-5):
    """The content is normalised and nothing more: the style's mean and deviation are not used."""
    return normalised(content, places(content), eps)


@mistake("14.6")
def adaptive_instance_norm(content, style, eps=1e-5):
    """Only the style's mean is given to the content; the content keeps a deviation of 1. The style has a deviation too."""
    return normalised(content, places(content), eps) + style_of(style, content)[0]


@mistake("14.6")
def adaptive_instance_norm(content, style, eps=1e-5):
    """Only the style's deviation is given to the content; its mean is missing, so the content's mean is 0."""
    return style_of(style, content)[1] * normalised(content, places(content), eps)


@mistake("14.6")
def adaptive_instance_norm(content, style, eps=1e-5):
    """Only the mean is exchanged: the content keeps its own deviation."""
    return content - content.mean(places(content), keepdims=True) + style_of(style, content)[0]


@mistake("14.6")
def adaptive_instance_norm(content, style, eps=1e-5):
    """The content is not normalised first: the style's deviation and mean act on the content as it is."""
    mean, std = style_of(style, content)
    return std * content + mean


@mistake("14.6")
def adaptive_instance_norm(content, style, eps=1e-5):
    """The style's variance multiplies the normalised content. Its standard deviation should."""
    mean, std = style_of(style, content)
    return std**2 * normalised(content, places(content), eps) + mean


@mistake("14.6")
def adaptive_instance_norm(content, style, eps=1e-5):
    """The style's mean is added before its deviation multiplies. First scale, then shift."""
    mean, std = style_of(style, content)
    return std * (normalised(content, places(content), eps) + mean)


@mistake("14.6")
def adaptive_instance_norm(content, style, eps=1e-5):
    """Deviation and mean of the style have changed places."""
    mean, std = style_of(style, content)
    return mean * normalised(content, places(content), eps) + std


@mistake("14.6")
def adaptive_instance_norm(content, style, eps=1e-5):
    """The content's statistics are those of batch normalization, taken over all images. Each image has its own."""
    mean, std = style_of(style, content)
    return std * normalised(content, (0, *places(content)), eps) + mean


@mistake("14.6")
def adaptive_instance_norm(content, style, eps=1e-5):
    """The styles are thrown together: their statistics are taken over all images. Each image has a style of its own."""
    mean, std = style_of(style, content, axes=(0, *places(style)))
    return std * normalised(content, places(content), eps) + mean


@mistake("14.6")
def adaptive_instance_norm(content, style, eps=1e-5):
    """The statistics mix the channels, as in layer normalization. Each channel has its own, in content and style."""
    mean, std = style_of(style, content, axes=tuple(range(1, style.ndim)))
    return std * normalised(content, tuple(range(1, content.ndim)), eps) + mean


@mistake("14.6")
def adaptive_instance_norm(content, style, eps=1e-5):
    """The style's statistics mix its channels; the content's do not. Each channel of the style has its own."""
    mean, std = style_of(style, content, axes=tuple(range(1, style.ndim)))
    return std * normalised(content, places(content), eps) + mean


@mistake("14.6")
def adaptive_instance_norm(content, style, eps=1e-5):
    """All images take the style of the first. The second image takes its style from the second."""
    mean, std = style_of(style, content)
    return std[:1] * normalised(content, places(content), eps) + mean[:1]


@mistake("14.6")
def adaptive_instance_norm(content, style, eps=1e-5):
    """The axes are written for pictures, (2, 3). Let them follow from `ndim`: signals and volumes come too."""
    mean, std = style.mean((2, 3), keepdims=True), style.std((2, 3), keepdims=True)
    return std * normalised(content, (2, 3), eps) + mean


@mistake("14.6")
def adaptive_instance_norm(content, style, eps=1e-5):
    """The style itself is added, position by position, not its mean: it must then have the content's size, and you lay one
    picture over the other."""
    return style_of(style, content)[1] * normalised(content, places(content), eps) + style


@mistake("14.6")
def adaptive_instance_norm(content, style, eps=1e-5):
    """The variances divide by n - 1, as PyTorch's `var` and `std` do unless told otherwise. Here they divide by n."""
    mean, std = style_of(style, content, ddof=1)
    return std * normalised(content, places(content), eps, ddof=1) + mean


@mistake("14.6")
def adaptive_instance_norm(content, style, eps=1e-5):
    """The variances divide by n - 1, and ε stands under both roots, as in published code. Here variances divide by n."""
    mean, std = style_of(style, content, ddof=1)
    return np.sqrt(std**2 + eps) * normalised(content, places(content), eps, ddof=1) + mean


@mistake("14.6")
def adaptive_instance_norm(content, style, eps=1e-5):
    """ε stands outside the root: you divide by √σ² + ε instead of √(σ² + ε)."""
    mean, std = style_of(style, content)
    within = places(content)
    centred = content - content.mean(within, keepdims=True)
    return std * centred / (content.std(within, keepdims=True) + eps) + mean


@mistake("14.6")
def adaptive_instance_norm(content, style, eps=1e-5):
    """ε is missing: a flat channel of the content is divided by 0."""
    mean, std = style_of(style, content)
    return std * normalised(content, places(content), 0) + mean


@mistake("14.6")
def adaptive_instance_norm(content, style, eps=1e-5):
    """The argument ε is ignored: 1e-5 is written into the formula, whatever the caller asks for."""
    mean, std = style_of(style, content)
    return std * normalised(content, places(content), 1e-5) + mean


@mistake("14.6")
def adaptive_instance_norm(content, style, eps=1e-3):
    """ε is 1e-3 unless given. That is the habit of Keras; here it is 1e-5, as in PyTorch."""
    mean, std = style_of(style, content)
    return std * normalised(content, places(content), eps) + mean


@mistake("14.6")
def adaptive_instance_norm(content, style, eps=1e-5):
    """Only half of the way: you return the mean of the content and the restyled content. That is a choice one can offer,
    but not asked here."""
    mean, std = style_of(style, content)
    return 0.5 * content + 0.5 * (std * normalised(content, places(content), eps) + mean)


@mistake("14.6")
def adaptive_instance_norm(content, style, eps=1e-5):
    """The content itself is overwritten (`content -= mean`): the caller's picture is gone. Compute into a new array."""
    mean, std = style_of(style, content)
    within = places(content)
    content -= content.mean(within, keepdims=True)
    content /= np.sqrt((content**2).mean(within, keepdims=True) + eps)
    return std * content + mean


@mistake("14.6")
def adaptive_instance_norm(content, style, eps=1e-5):
    """You call PyTorch's own instance normalization; here you write it."""
    import torch

    mean, std = style_of(style, content)
    tensor = torch.tensor(np.ascontiguousarray(content), dtype=torch.float64)
    return std * torch.nn.functional.instance_norm(tensor, eps=eps).numpy() + mean
