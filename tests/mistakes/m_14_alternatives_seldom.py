"""Rarer wrong answers to the exercises of chapter 14, each with the sentence that helps."""

import numpy as np

from bncourse.checking import mistake


def normalised(x, axes, eps):
    x = np.asarray(x, dtype=np.float64)
    return (x - x.mean(axes, keepdims=True)) / np.sqrt(x.var(axes, keepdims=True) + eps)


def centred(x, axes):
    """x in float64 without its mean, and its variance."""
    x = np.asarray(x, dtype=np.float64)
    return x - x.mean(axes, keepdims=True), x.var(axes, keepdims=True)


def samples(x):
    """All axes but the first."""
    return tuple(range(1, x.ndim))


def positions(x):
    return tuple(range(2, x.ndim))


def along_channels(values, x):
    return np.reshape(values, (1, -1, *[1] * (x.ndim - 2)))


# 14.1


@mistake("14.1")
def layer_norm(x, gamma, beta, eps=1e-5):
    """ε is used as a lower bound of the deviation. It is added to the variance, always."""
    x, var = centred(x, samples(x))
    return gamma * x / np.maximum(np.sqrt(var), eps) + beta


@mistake("14.1")
def layer_norm(x, gamma, beta, eps=1e-5):
    """ε is squared before it is added to the variance. It is added as it is."""
    return gamma * normalised(x, samples(x), eps**2) + beta


@mistake("14.1")
def layer_norm(x, gamma, beta, eps=1e-5):
    """γ divides. It is a scale: the normalised values are multiplied by it."""
    return normalised(x, samples(x), eps) / gamma + beta


@mistake("14.1")
def layer_norm(x, gamma, beta, eps=1e-5):
    """You multiply by 1 + γ. Some networks store γ that way; here γ itself is the scale."""
    return (1 + gamma) * normalised(x, samples(x), eps) + beta


@mistake("14.1")
def layer_norm(x, gamma, beta, eps=1e-5):
    """β is subtracted. It is the shift: add it."""
    return gamma * normalised(x, samples(x), eps) - beta


@mistake("14.1")
def layer_norm(x, gamma, beta, eps=1e-5):
    """The result keeps the flattened shape (N, everything else). Reshape it back to the shape of x."""
    flat = normalised(np.reshape(x, (len(x), -1)), 1, eps)
    return np.ravel(gamma) * flat + np.ravel(beta)


@mistake("14.1")
def layer_norm(x, gamma, beta, eps=1e-5):
    """Mean and variance have the shape (N,) and are laid along the last axis of x. `keepdims=True` keeps them along axis 0."""
    x = np.asarray(x, dtype=np.float64)
    return gamma * (x - x.mean(samples(x))) / np.sqrt(x.var(samples(x)) + eps) + beta


@mistake("14.1")
def layer_norm(x, gamma, beta, eps=1e-5):
    """The median is subtracted. The mean should be."""
    x = np.asarray(x, dtype=np.float64)
    middle = np.median(x, samples(x), keepdims=True)
    return gamma * (x - middle) / np.sqrt(x.var(samples(x), keepdims=True) + eps) + beta


# 14.2


@mistake("14.2")
def instance_norm(x, gamma, beta, eps=1e-5):
    """Each channel is stretched to run from 0 to 1. Its mean should become 0 and its variance 1."""
    low, high = x.min(positions(x), keepdims=True), x.max(positions(x), keepdims=True)
    return along_channels(gamma, x) * (x - low) / (high - low + eps) + along_channels(beta, x)


@mistake("14.2")
def instance_norm(x, gamma, beta, eps=1e-5):
    """You divide by the mean distance from the mean. Divide by the root of the variance, the mean of squared distances."""
    values, _ = centred(x, positions(x))
    distance = np.abs(values).mean(positions(x), keepdims=True)
    return along_channels(gamma, x) * values / (distance + eps) + along_channels(beta, x)


@mistake("14.2")
def instance_norm(x, gamma, beta, eps=1e-5):
    """You multiply by 1 + γ. Some networks store γ that way; here γ itself is the scale."""
    return (1 + along_channels(gamma, x)) * normalised(x, positions(x), eps) + along_channels(beta, x)


@mistake("14.2")
def instance_norm(x, gamma, beta, eps=1e-5):
    """You take the last axis for the channels and average over those between. Here channels stand on axis 1."""
    axes = tuple(range(1, x.ndim - 1))
    return along_channels(gamma, x) * normalised(x, axes, eps) + along_channels(beta, x)


# 14.3


def in_groups(x, num_groups, eps):
    """x normalised in groups, in its own shape."""
    return normalised(np.reshape(x, (len(x), num_groups, -1)), 2, eps).reshape(x.shape)


def refuse(channels, num_groups):
    if channels % num_groups:
        raise ValueError(f"{num_groups} groups do not divide {channels} channels")


@mistake("14.3")
def group_norm(x, num_groups, gamma, beta, eps=1e-5):
    """γ and β are averaged within each group. They belong to channels, one each."""
    refuse(x.shape[1], num_groups)
    of_group = x.shape[1] // num_groups
    gamma, beta = (np.reshape(one, (num_groups, -1)).mean(1).repeat(of_group) for one in (gamma, beta))
    return along_channels(gamma, x) * in_groups(x, num_groups, eps) + along_channels(beta, x)


@mistake("14.3")
def group_norm(x, num_groups, gamma, beta, eps=1e-5):
    """γ and β act before the normalization, which then takes them away again. They act on the normalised values."""
    refuse(x.shape[1], num_groups)
    return in_groups(along_channels(gamma, x) * x + along_channels(beta, x), num_groups, eps)


@mistake("14.3")
def group_norm(x, num_groups, gamma, beta, eps=1e-5):
    """You ask whether num_groups divides the number of images, `x.shape[0]`. Channels are cut: ask of `x.shape[1]`."""
    refuse(x.shape[0], num_groups)
    return along_channels(gamma, x) * in_groups(x, num_groups, eps) + along_channels(beta, x)


@mistake("14.3")
def group_norm(x, num_groups, gamma, beta, eps=1e-5):
    """Only more groups than channels are refused. Four groups of six channels do not fit either: ask for the remainder."""
    if num_groups > x.shape[1]:
        raise ValueError(f"{num_groups} groups of {x.shape[1]} channels")
    size, y = x.shape[1] // num_groups, np.empty(x.shape)
    for first in range(0, x.shape[1], size):
        part = x[:, first : first + size]
        y[:, first : first + size] = normalised(part, samples(part), eps)
    return along_channels(gamma, x) * y + along_channels(beta, x)


@mistake("14.3")
def group_norm(x, num_groups, gamma, beta, eps=1e-5):
    """Channels that cannot be divided raise a bare `Exception` in your answer, which a caller cannot tell from others. Raise ValueError."""
    if x.shape[1] % num_groups:
        raise Exception(f"{num_groups} groups do not divide {x.shape[1]} channels")
    return along_channels(gamma, x) * in_groups(x, num_groups, eps) + along_channels(beta, x)


# 14.4


def parts(x, eps):
    """x normalised over the batch, and over the channels of each image."""
    return normalised(x, (0, *positions(x)), eps), normalised(x, samples(x), eps)


def mixed(x, gamma, beta, over_batch, over_channels, eps=1e-5):
    batch, layer = parts(x, eps)
    return along_channels(gamma, x) * (over_batch * batch + over_channels * layer) + along_channels(beta, x)


@mistake("14.4")
def batch_channel_norm(x, gamma, beta, iota, eps=1e-5):
    """The parts are weighed with √ι and √(1 - ι). That would keep the variance if they were independent; here the weights are ι and 1 - ι."""
    return mixed(x, gamma, beta, np.sqrt(abs(iota)), np.sqrt(abs(1 - iota)), eps)


@mistake("14.4")
def batch_channel_norm(x, gamma, beta, iota, eps=1e-5):
    """The mixture is divided by √(ι² + (1 - ι)²). It is used as it is, even if its variance is not 1."""
    length = np.hypot(iota, 1 - iota)
    return mixed(x, gamma, beta, iota / length, (1 - iota) / length, eps)


@mistake("14.4")
def batch_channel_norm(x, gamma, beta, iota, eps=1e-5):
    """ι is ignored: you add the two parts."""
    return mixed(x, gamma, beta, 1.0, 1.0, eps)


@mistake("14.4")
def batch_channel_norm(x, gamma, beta, iota, eps=1e-5):
    """ι chooses between the two parts in your answer. It mixes them."""
    return mixed(x, gamma, beta, float(iota >= 0.5), float(iota < 0.5), eps)


@mistake("14.4")
def batch_channel_norm(x, gamma, beta, iota, eps=1e-5):
    """γ and β act on the layer-normalised part alone. They act on the mixture."""
    batch, layer = parts(x, eps)
    return iota * batch + (1 - iota) * (along_channels(gamma, x) * layer + along_channels(beta, x))


@mistake("14.4")
def batch_channel_norm(x, gamma, beta, iota, eps=1e-5):
    """The second part normalises what the first has made of x. Both parts begin with x itself."""
    batch, _ = parts(x, eps)
    mixture = iota * batch + (1 - iota) * normalised(batch, samples(x), eps)
    return along_channels(gamma, x) * mixture + along_channels(beta, x)


# 14.5


@mistake("14.5")
def weight_standardize(weight, eps=1e-5):
    """The centred filter is divided by its largest entry. Divide by its standard deviation."""
    values, _ = centred(weight, samples(weight))
    return values / (np.abs(values).max(samples(weight), keepdims=True) + eps)


@mistake("14.5")
def weight_standardize(weight, eps=1e-5):
    """This is spectral normalization: the weights are divided by their largest singular value. Each filter is to have mean 0 and variance 1."""
    return weight / (np.linalg.norm(np.reshape(weight, (len(weight), -1)), 2) + eps)


@mistake("14.5")
def weight_standardize(weight, eps=1e-5):
    """The variance is that of each filter, but the mean is that of the whole layer. Each filter has its own mean."""
    _, var = centred(weight, samples(weight))
    return (weight - np.mean(weight)) / np.sqrt(var + eps)


# 14.6


@mistake("14.6")
def adaptive_instance_norm(content, style, eps=1e-5):
    """Of the style only a piece as large as the content is used. Its statistics are those of all its positions."""
    style = np.asarray(style, dtype=np.float64)[tuple(slice(0, length) for length in content.shape)]
    deviation = style.std(positions(style), keepdims=True)
    return normalised(content, positions(content), eps) * deviation + style.mean(positions(style), keepdims=True)


@mistake("14.6")
def adaptive_instance_norm(content, style, eps=1e-5):
    """One mean and one deviation for all of the content, and of the style. Each channel of each image has its own."""
    axes = tuple(range(content.ndim))
    return normalised(content, axes, eps) * np.std(style, dtype=np.float64) + np.mean(style, dtype=np.float64)


@mistake("14.6")
def adaptive_instance_norm(content, style, eps=1e-5):
    """ε is left out, and a flat channel divided by 1 instead of by 0. Add ε to the content's variance, always."""
    values, var = centred(content, positions(content))
    style = np.asarray(style, dtype=np.float64)
    deviation, axes = np.where(var == 0, 1, np.sqrt(var)), positions(style)
    return values / deviation * style.std(axes, keepdims=True) + style.mean(axes, keepdims=True)


@mistake("14.6")
def adaptive_instance_norm(content, style, eps=1e-5):
    """The means have changed places: you subtract the style's and add the content's."""
    _, var = centred(content, positions(content))
    style, axes = np.asarray(style, dtype=np.float64), positions(style)
    scale = style.std(axes, keepdims=True) / np.sqrt(var + eps)
    return (content - style.mean(axes, keepdims=True)) * scale + content.mean(positions(content), keepdims=True)


@mistake("14.6")
def adaptive_instance_norm(content, style, eps=1e-5):
    """The deviations are exchanged before the mean is taken off, so the difference of the means is not what remains. Subtract the content's mean first."""
    _, var = centred(content, positions(content))
    style, axes = np.asarray(style, dtype=np.float64), positions(style)
    scale = style.std(axes, keepdims=True) / np.sqrt(var + eps)
    shift = style.mean(axes, keepdims=True) - content.mean(positions(content), keepdims=True)
    return content * scale + shift


@mistake("14.6")
def adaptive_instance_norm(content, style, eps=1e-5):
    """The result is cut to 0…1. Features are no pixels: leave them as they come out."""
    style, axes = np.asarray(style, dtype=np.float64), positions(style)
    y = normalised(content, positions(content), eps) * style.std(axes, keepdims=True)
    return np.clip(y + style.mean(axes, keepdims=True), 0, 1)
