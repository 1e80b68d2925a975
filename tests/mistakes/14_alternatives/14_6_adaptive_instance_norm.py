"""Known wrong answers to exercise 14.6, each with the sentence that helps."""

import numpy as np

from bncourse.checking import mistake


def normalised(x, axes, eps, ddof=0):
    mean = x.mean(axes, keepdims=True)
    return (x - mean) / np.sqrt(x.var(axes, keepdims=True, ddof=ddof) + eps)


def places(x):
    return tuple(range(2, x.ndim))


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
    """The content is normalised and nothing more: the style's mean and standard deviation are not used."""
    return normalised(content, places(content), eps)


@mistake("14.6")
def adaptive_instance_norm(content, style, eps=1e-5):
    """Only the style's mean is given to the content; the content keeps a standard
    deviation of 1. The style has a standard deviation too.
    """
    return normalised(content, places(content), eps) + style_of(style, content)[0]


@mistake("14.6")
def adaptive_instance_norm(content, style, eps=1e-5):
    """Only the style's standard deviation is given to the content; its mean is missing, so the content's mean is 0."""
    return style_of(style, content)[1] * normalised(content, places(content), eps)


@mistake("14.6")
def adaptive_instance_norm(content, style, eps=1e-5):
    """Only the mean is exchanged: the content keeps its own standard deviation."""
    return content - content.mean(places(content), keepdims=True) + style_of(style, content)[0]


@mistake("14.6")
def adaptive_instance_norm(content, style, eps=1e-5):
    """The content is not normalised first: the style's standard deviation and mean act on the content as it is."""
    mean, std = style_of(style, content)
    return std * content + mean


@mistake("14.6")
def adaptive_instance_norm(content, style, eps=1e-5):
    """The style's variance multiplies the normalised content. Its standard deviation should."""
    mean, std = style_of(style, content)
    return std**2 * normalised(content, places(content), eps) + mean


@mistake("14.6")
def adaptive_instance_norm(content, style, eps=1e-5):
    """The style's mean is added before its standard deviation multiplies. First scale, then shift."""
    mean, std = style_of(style, content)
    return std * (normalised(content, places(content), eps) + mean)


@mistake("14.6")
def adaptive_instance_norm(content, style, eps=1e-5):
    """Standard deviation and mean of the style have changed places."""
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


@mistake("14.6", caught_by="test_content_keeps_its_order")
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
    """The argument ε is ignored: a number of your own stands in the formula, whatever the caller asks for."""
    mean, std = style_of(style, content)
    return std * normalised(content, places(content), 1e-5) + mean


@mistake("14.6")
def adaptive_instance_norm(content, style, eps=1e-5):
    """The argument ε is ignored: 1e-5 stands under both roots, as in a helper with a default of its own. Hand eps over."""
    mean, std = style_of(style, content)
    return np.sqrt(std**2 + 1e-5) * normalised(content, places(content), 1e-5) + mean


@mistake("14.6")
def adaptive_instance_norm(content, style, eps=1e-5):
    """The argument ε is ignored: 1e-6 stands under both roots, as in a helper with a default of its own. Hand eps over."""
    mean, std = style_of(style, content)
    return np.sqrt(std**2 + 1e-6) * normalised(content, places(content), 1e-6) + mean


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


@mistake("14.6", caught_by="test_content_and_style_stay_as_they_are")
def adaptive_instance_norm(content, style, eps=1e-5):
    """The content itself is overwritten (`content -= mean`): the caller's picture is gone. Compute into a new array."""
    mean, std = style_of(style, content)
    within = places(content)
    content -= content.mean(within, keepdims=True)
    content /= np.sqrt((content**2).mean(within, keepdims=True) + eps)
    return std * content + mean


@mistake("14.6")
def adaptive_instance_norm(content, style, eps=1e-5):
    """You call PyTorch, which is forbidden here: you write the instance normalization yourself, with NumPy."""
    import torch

    mean, std = style_of(style, content)
    tensor = torch.tensor(np.ascontiguousarray(content), dtype=torch.float64)
    return std * torch.nn.functional.instance_norm(tensor, eps=eps).numpy() + mean


def centred(x, axes):
    """x in float64 without its mean, and its variance."""
    x = np.asarray(x, dtype=np.float64)
    return x - x.mean(axes, keepdims=True), x.var(axes, keepdims=True)


@mistake("14.6", caught_by="test_style_by_hand")
def adaptive_instance_norm(content, style, eps=1e-5):
    """Of the style only a piece as large as the content is used. Its statistics are those of all its positions."""
    style = np.asarray(style, dtype=np.float64)[tuple(slice(0, length) for length in content.shape)]
    deviation = style.std(places(style), keepdims=True)
    return normalised(content, places(content), eps) * deviation + style.mean(places(style), keepdims=True)


@mistake("14.6")
def adaptive_instance_norm(content, style, eps=1e-5):
    """One mean and one standard deviation for all of the content, and of the style.
    Each channel of each image has its own.
    """
    axes = tuple(range(content.ndim))
    return normalised(content, axes, eps) * np.std(style, dtype=np.float64) + np.mean(style, dtype=np.float64)


@mistake("14.6")
def adaptive_instance_norm(content, style, eps=1e-5):
    """ε is left out, and a flat channel divided by 1 instead of by 0. Add ε to the content's variance, always."""
    values, var = centred(content, places(content))
    style = np.asarray(style, dtype=np.float64)
    deviation, axes = np.where(var == 0, 1, np.sqrt(var)), places(style)
    return values / deviation * style.std(axes, keepdims=True) + style.mean(axes, keepdims=True)


@mistake("14.6")
def adaptive_instance_norm(content, style, eps=1e-5):
    """The means have changed places: you subtract the style's and add the content's."""
    _, var = centred(content, places(content))
    style, axes = np.asarray(style, dtype=np.float64), places(style)
    scale = style.std(axes, keepdims=True) / np.sqrt(var + eps)
    return (content - style.mean(axes, keepdims=True)) * scale + content.mean(places(content), keepdims=True)


@mistake("14.6")
def adaptive_instance_norm(content, style, eps=1e-5):
    """The standard deviations are exchanged before the mean is taken off, so the
    difference of the means is not what remains. Subtract the content's mean first.
    """
    _, var = centred(content, places(content))
    style, axes = np.asarray(style, dtype=np.float64), places(style)
    scale = style.std(axes, keepdims=True) / np.sqrt(var + eps)
    shift = style.mean(axes, keepdims=True) - content.mean(places(content), keepdims=True)
    return content * scale + shift


@mistake("14.6")
def adaptive_instance_norm(content, style, eps=1e-5):
    """The result is clipped to 0…1. Features are not pixels: leave them as they are."""
    style, axes = np.asarray(style, dtype=np.float64), places(style)
    y = normalised(content, places(content), eps) * style.std(axes, keepdims=True)
    return np.clip(y + style.mean(axes, keepdims=True), 0, 1)


@mistake("14.6", caught_by="test_each_channel_takes_its_own_style")
def adaptive_instance_norm(content, style, eps=1e-5):
    """Where content and style have equally many positions, each gets the style's
    value of the same rank. That hands over the whole histogram; the exercise asks
    for mean and standard deviation.
    """
    if content.shape == style.shape:
        rows = content.reshape(-1, content[0, 0].size)
        ranks = rows.argsort(1).argsort(1)
        return np.take_along_axis(np.sort(style.reshape(rows.shape), 1), ranks, 1).reshape(content.shape)
    mean, std = style_of(style, content)
    return std * normalised(content, places(content), eps) + mean


@mistake("14.6", caught_by="test_content_and_style_of_different_sizes")
def adaptive_instance_norm(content, style, eps=1e-5):
    """One and two spatial axes are handled; a film or a volume has more. Let them follow from `content.ndim`."""
    mean, std = style_of(style, content)
    return std * normalised(content, {3: 2, 4: (2, 3)}[content.ndim], eps) + mean


@mistake("14.6", caught_by="test_adaptive_eps")
def adaptive_instance_norm(content, style, eps=1e-5):
    """A channel of the content that hardly varies comes out flat, as the style's mean. ε looks after it: the formula is the same for all."""
    mean, std = style_of(style, content)
    hardly = content.var(places(content), keepdims=True) < 1e-5
    return std * np.where(hardly, 0, normalised(content, places(content), eps)) + mean


@mistake("14.6")
def adaptive_instance_norm(content, style, eps=1e-5):
    """The statistics of content and style are taken over the batch as well, as in batch normalization. Each image has its own."""
    mean, std = style_of(style, content, axes=(0, *places(style)))
    return std * normalised(content, (0, *places(content)), eps) + mean


@mistake("14.6")
def adaptive_instance_norm(content, style, eps=1e-5):
    """The content's own mean is added at the end. The content should get the style's mean."""
    std = style_of(style, content)[1]
    return std * normalised(content, places(content), eps) + content.mean(places(content), keepdims=True)


@mistake("14.6")
def adaptive_instance_norm(content, style, eps=1e-5):
    """All statistics have changed places: the content is normalised with those of the style, and then given its own."""
    mean, std = style_of(style, content)
    own_mean, own_std = style_of(content, content)
    return own_std * (content - mean) / np.sqrt(std**2 + eps) + own_mean


@mistake("14.6")
def adaptive_instance_norm(content, style, eps=1e-5):
    """The style's mean and standard deviation, with ε under its root, are taken over all images, so that all get one style. Each image takes the style of its own place in the batch."""
    mean, std = style_of(style, content, axes=(0, *places(style)))
    return np.sqrt(std**2 + eps) * normalised(content, places(content), eps) + mean


@mistake("14.6")
def adaptive_instance_norm(content, style, eps=1e-5):
    """The style's mean is missing: the content gets the standard deviation of the style, with ε under its root, and the mean 0. Add the mean at the end."""
    return np.sqrt(style_of(style, content)[1] ** 2 + eps) * normalised(content, places(content), eps)
