"""Known wrong answers to exercise 14.3, each with the sentence that helps."""

import math

import numpy as np

from bncourse.checking import mistake


def normalised(x, axes, eps, ddof=0):
    mean = x.mean(axes, keepdims=True)
    return (x - mean) / np.sqrt(x.var(axes, keepdims=True, ddof=ddof) + eps)


def per_channel(values, x):
    return values.reshape(-1, *[1] * (x.ndim - 2))


def scaled(x_hat, gamma, beta):
    return per_channel(gamma, x_hat) * x_hat + per_channel(beta, x_hat)


def require_divisible(x, num_groups):
    if x.shape[1] % num_groups:
        raise ValueError("channels not divisible")


def in_groups(x, num_groups):
    """x with axis 1 cut in two: (N, num_groups, channels in a group, ...)."""
    require_divisible(x, num_groups)
    return x.reshape(x.shape[0], num_groups, x.shape[1] // num_groups, *x.shape[2:])


def group_axes(groups):
    return tuple(range(2, groups.ndim))


def grouped(x, num_groups, eps, ddof=0):
    groups = in_groups(x, num_groups)
    return normalised(groups, group_axes(groups), eps, ddof).reshape(x.shape)


@mistake("14.3")
def group_norm(x, num_groups, gamma, beta, eps=1e-5):
    """Your groups are interleaved: with two groups, channels 0, 2, 4 and 1, 3, 5. A group is made of neighbours."""
    require_divisible(x, num_groups)
    groups = x.reshape(x.shape[0], x.shape[1] // num_groups, num_groups, *x.shape[2:])
    x_hat = normalised(groups, (1, *range(3, groups.ndim)), eps).reshape(x.shape)
    return scaled(x_hat, gamma, beta)


@mistake("14.3", caught_by="test_each_group_of_each_image")
def group_norm(x, num_groups, gamma, beta, eps=1e-5):
    """`num_groups` is taken for the number of channels in a group. It is the number of groups."""
    require_divisible(x, num_groups)
    return scaled(grouped(x, x.shape[1] // num_groups, eps), gamma, beta)


@mistake("14.3", caught_by="test_groups_of_neighbours_by_hand")
def group_norm(x, num_groups, gamma, beta, eps=1e-5):
    """`num_groups` is ignored: all channels of an image form one group, which is layer normalization."""
    require_divisible(x, num_groups)
    return scaled(grouped(x, 1, eps), gamma, beta)


@mistake("14.3")
def group_norm(x, num_groups, gamma, beta, eps=1e-5):
    """`num_groups` is ignored: each channel is a group of its own, which is instance normalization."""
    require_divisible(x, num_groups)
    return scaled(grouped(x, x.shape[1], eps), gamma, beta)


@mistake("14.3")
def group_norm(x, num_groups, gamma, beta, eps=1e-5):
    """`num_groups` is ignored: there are always two groups."""
    require_divisible(x, num_groups)
    return scaled(grouped(x, 2, eps), gamma, beta)


@mistake("14.3")
def group_norm(x, num_groups, gamma, beta, eps=1e-5):
    """The groups are averaged over the batch as well. Each image stands by itself: axis 0 is not averaged."""
    groups = in_groups(x, num_groups)
    return scaled(normalised(groups, (0, *group_axes(groups)), eps).reshape(x.shape), gamma, beta)


@mistake("14.3")
def group_norm(x, num_groups, gamma, beta, eps=1e-5):
    """Only the channels of a group are averaged, position by position. A group takes in its positions too."""
    return scaled(normalised(in_groups(x, num_groups), 2, eps).reshape(x.shape), gamma, beta)


@mistake("14.3")
def group_norm(x, num_groups, gamma, beta, eps=1e-5):
    """The batch is cut into groups, not the channels: your reshape begins with axis 0."""
    require_divisible(x, num_groups)
    groups = x.reshape(num_groups, -1, *x.shape[2:]) if x.size % (num_groups * x[0, 0].size) == 0 else x[None]
    return scaled(normalised(groups, tuple(range(1, groups.ndim)), eps).reshape(x.shape), gamma, beta)


@mistake("14.3")
def group_norm(x, num_groups, gamma, beta, eps=1e-5):
    """The axes are written for pictures, (2, 3, 4). Let them follow from the shape: features and volumes come too."""
    return scaled(normalised(in_groups(x, num_groups), (2, 3, 4), eps).reshape(x.shape), gamma, beta)


@mistake("14.3")
def group_norm(x, num_groups, gamma, beta, eps=1e-5):
    """Channels that cannot be divided are not refused: your last group takes in what is left over."""
    size = max(x.shape[1] // num_groups, 1)
    starts = [size * group for group in range(1, num_groups)]
    parts = [part for part in np.split(x, starts, axis=1) if part.size]
    return scaled(np.concatenate([grouped(part, 1, eps) for part in parts], axis=1), gamma, beta)


@mistake("14.3", caught_by="test_channels_that_cannot_be_divided")
def group_norm(x, num_groups, gamma, beta, eps=1e-5):
    """Channels that cannot be divided are not refused: `array_split` makes groups of unequal size."""
    parts = [part for part in np.array_split(x, num_groups, axis=1) if part.size]
    return scaled(np.concatenate([grouped(part, 1, eps) for part in parts], axis=1), gamma, beta)


@mistake("14.3")
def group_norm(x, num_groups, gamma, beta, eps=1e-5):
    """Channels that cannot be divided are not refused: you fall back to one group. The caller asked for another number and
    would never know."""
    return scaled(grouped(x, 1 if x.shape[1] % num_groups else num_groups, eps), gamma, beta)


@mistake("14.3")
def group_norm(x, num_groups, gamma, beta, eps=1e-5):
    """Channels that cannot be divided are not refused: you take the next smaller number that divides them. The caller asked for
    another one and would never know."""
    while x.shape[1] % num_groups:
        num_groups -= 1
    return scaled(grouped(x, num_groups, eps), gamma, beta)


@mistake("14.3")
def group_norm(x, num_groups, gamma, beta, eps=1e-5):
    """Channels that cannot be divided are not refused: you take the greatest common divisor. The caller asked for another number of
    groups and would never know."""
    return scaled(grouped(x, math.gcd(num_groups, x.shape[1]), eps), gamma, beta)


@mistake("14.3")
def group_norm(x, num_groups, gamma, beta, eps=1e-5):
    """Whether num_groups divides the channels is never asked: where channels and positions together can be cut, the reshape with -1
    goes through, and a channel is cut in half."""
    groups = x.reshape(len(x), num_groups, -1)
    return scaled(normalised(groups, 2, eps).reshape(x.shape), gamma, beta)


@mistake("14.3")
def group_norm(x, num_groups, gamma, beta, eps=1e-5):
    """Channels that cannot be divided are not refused: those that are left over belong to no group and come out as β."""
    size, y = x.shape[1] // num_groups, np.zeros(x.shape)
    for group in range(num_groups if size else 0):
        part = slice(group * size, (group + 1) * size)
        y[:, part] = normalised(x[:, part], tuple(range(1, x.ndim)), eps)
    return scaled(y, gamma, beta)


@mistake("14.3")
def group_norm(x, num_groups, gamma, beta, eps=1e-5):
    """Axes and cut follow from the shape of x, that of γ and β does not: (1, C, 1, 1) suits pictures alone."""
    gamma, beta = gamma.reshape(1, -1, 1, 1), beta.reshape(1, -1, 1, 1)
    return gamma * grouped(x, num_groups, eps) + beta


@mistake("14.3")
def group_norm(x, num_groups, gamma, beta, eps=1e-5):
    """Channels that cannot be divided raise an AssertionError in your answer; a ValueError is asked for. An assert is also
    gone when Python runs with -O."""
    assert x.shape[1] % num_groups == 0
    return scaled(grouped(x, num_groups, eps), gamma, beta)


@mistake("14.3")
def group_norm(x, num_groups, gamma, beta, eps=1e-5):
    """Channels that cannot be divided give None: the error is returned or swallowed, not raised."""
    if x.shape[1] % num_groups:
        return None
    return scaled(grouped(x, num_groups, eps), gamma, beta)


@mistake("14.3")
def group_norm(x, num_groups, gamma, beta, eps=1e-5):
    """The result keeps the shape of the groups: reshape it back to the shape of x."""
    groups = in_groups(x, num_groups)
    x_hat = normalised(groups, group_axes(groups), eps)
    shape = (num_groups, -1, *[1] * (x.ndim - 2))
    return gamma.reshape(shape) * x_hat + beta.reshape(shape)


@mistake("14.3")
def group_norm(x, num_groups, gamma, beta, eps=1e-5):
    """γ and β are one per group: each group gets those of its first channel. They belong to channels."""
    x_hat, size = grouped(x, num_groups, eps), x.shape[1] // num_groups
    return scaled(x_hat, np.repeat(gamma[::size], size), np.repeat(beta[::size], size))


@mistake("14.3")
def group_norm(x, num_groups, gamma, beta, eps=1e-5):
    """γ and β of shape (C,) are laid against the last axis of x. Channels stand on axis 1: reshape them to (C, 1, 1) for
    images."""
    return gamma * grouped(x, num_groups, eps) + beta


@mistake("14.3")
def group_norm(x, num_groups, gamma, beta, eps=1e-5):
    """γ is not used: the normalised values are shifted but never scaled."""
    return grouped(x, num_groups, eps) + per_channel(beta, x)


@mistake("14.3")
def group_norm(x, num_groups, gamma, beta, eps=1e-5):
    """β is not used: the normalised values are scaled but never shifted."""
    return per_channel(gamma, x) * grouped(x, num_groups, eps)


@mistake("14.3")
def group_norm(x, num_groups, gamma, beta, eps=1e-5):
    """γ and β have changed places."""
    return scaled(grouped(x, num_groups, eps), beta, gamma)


@mistake("14.3")
def group_norm(x, num_groups, gamma, beta, eps=1e-5):
    """β is added before γ multiplies: γ(x̂ + β). First scale, then shift."""
    return per_channel(gamma, x) * (grouped(x, num_groups, eps) + per_channel(beta, x))


@mistake("14.3")
def group_norm(x, num_groups, gamma, beta, eps=1e-5):
    """The variance divides by n - 1. Normalising uses the biased one, which divides by n."""
    return scaled(grouped(x, num_groups, eps, ddof=1), gamma, beta)


@mistake("14.3")
def group_norm(x, num_groups, gamma, beta, eps=1e-5):
    """The variance is averaged over the channels of a group: yours is the mean of the channels' variances. The variance of
    the group also holds how far the channels' means lie apart."""
    groups = in_groups(x, num_groups)
    within = tuple(range(3, groups.ndim))
    var = groups.var(within, keepdims=True).mean(2, keepdims=True) if within else groups.var(2, keepdims=True)
    x_hat = (groups - groups.mean(group_axes(groups), keepdims=True)) / np.sqrt(var + eps)
    return scaled(x_hat.reshape(x.shape), gamma, beta)


@mistake("14.3")
def group_norm(x, num_groups, gamma, beta, eps=1e-5):
    """ε stands outside the root: you divide by √σ² + ε instead of √(σ² + ε)."""
    groups = in_groups(x, num_groups)
    axes = group_axes(groups)
    x_hat = (groups - groups.mean(axes, keepdims=True)) / (groups.std(axes, keepdims=True) + eps)
    return scaled(x_hat.reshape(x.shape), gamma, beta)


@mistake("14.3")
def group_norm(x, num_groups, gamma, beta, eps=1e-5):
    """ε is missing: a flat group is divided by 0."""
    return scaled(grouped(x, num_groups, 0), gamma, beta)


@mistake("14.3")
def group_norm(x, num_groups, gamma, beta, eps=1e-5):
    """The argument ε is ignored: a number of your own stands in the formula, whatever the caller asks for."""
    return scaled(grouped(x, num_groups, 1e-5), gamma, beta)


@mistake("14.3")
def group_norm(x, num_groups, gamma, beta, eps=1e-3):
    """ε is 1e-3 unless given. That is the habit of Keras; here it is 1e-5, as in PyTorch."""
    return scaled(grouped(x, num_groups, eps), gamma, beta)


@mistake("14.3")
def group_norm(x, num_groups, gamma, beta, eps=1e-5):
    """The square root is missing: you divide by the variance, not by the standard deviation."""
    groups = in_groups(x, num_groups)
    axes = group_axes(groups)
    x_hat = (groups - groups.mean(axes, keepdims=True)) / (groups.var(axes, keepdims=True) + eps)
    return scaled(x_hat.reshape(x.shape), gamma, beta)


@mistake("14.3")
def group_norm(x, num_groups, gamma, beta, eps=1e-5):
    """The values are centred but not scaled: the division is missing."""
    groups = in_groups(x, num_groups)
    return scaled((groups - groups.mean(group_axes(groups), keepdims=True)).reshape(x.shape), gamma, beta)


@mistake("14.3", caught_by="test_group_norm_survives_a_large_mean_in_float32")
def group_norm(x, num_groups, gamma, beta, eps=1e-5):
    """The variance is the mean of squares minus the square of the mean: with a large mean in float32 two huge numbers
    cancel and noise is left, even below zero. Subtract the mean first, then square."""
    groups = in_groups(x, num_groups)
    axes = group_axes(groups)
    mean = groups.mean(axes, keepdims=True)
    x_hat = (groups - mean) / np.sqrt((groups * groups).mean(axes, keepdims=True) - mean * mean + eps)
    return scaled(x_hat.reshape(x.shape), gamma, beta)


@mistake("14.3", caught_by="test_group_norm_leaves_its_input_alone")
def group_norm(x, num_groups, gamma, beta, eps=1e-5):
    """x itself is overwritten (`groups -= mean`): a reshape is a view of the caller's data. Compute into a new array."""
    groups = in_groups(x, num_groups)
    axes = group_axes(groups)
    groups -= groups.mean(axes, keepdims=True)
    groups /= np.sqrt((groups**2).mean(axes, keepdims=True) + eps)
    return scaled(groups.reshape(x.shape), gamma, beta)


@mistake("14.3")
def group_norm(x, num_groups, gamma, beta, eps=1e-5):
    """You call PyTorch, which is forbidden here: you write the group normalization yourself, with NumPy."""
    import torch

    x, gamma, beta = (torch.tensor(np.ascontiguousarray(values), dtype=torch.float64) for values in (x, gamma, beta))
    return torch.nn.functional.group_norm(x, num_groups, gamma, beta, eps).numpy()


def samples(x):
    """All axes but the first."""
    return tuple(range(1, x.ndim))


@mistake("14.3")
def group_norm(x, num_groups, gamma, beta, eps=1e-5):
    """γ and β are averaged within each group. They belong to channels, one each."""
    of_group = x.shape[1] // num_groups
    gamma, beta = (np.reshape(one, (num_groups, -1)).mean(1).repeat(of_group) for one in (gamma, beta))
    return per_channel(gamma, x) * grouped(x, num_groups, eps) + per_channel(beta, x)


@mistake("14.3")
def group_norm(x, num_groups, gamma, beta, eps=1e-5):
    """γ and β act before the normalization, which then takes them away again. They act on the normalised values."""
    return grouped(per_channel(gamma, x) * x + per_channel(beta, x), num_groups, eps)


@mistake("14.3")
def group_norm(x, num_groups, gamma, beta, eps=1e-5):
    """You ask whether num_groups divides the number of images, `x.shape[0]`. Channels are cut: ask of `x.shape[1]`."""
    if x.shape[0] % num_groups:
        raise ValueError(f"{num_groups} groups do not divide {x.shape[0]} images")
    return scaled(normalised(x.reshape(len(x), num_groups, -1), 2, eps).reshape(x.shape), gamma, beta)


@mistake("14.3")
def group_norm(x, num_groups, gamma, beta, eps=1e-5):
    """Only more groups than channels are refused. Four groups of six channels do not fit either: ask for the remainder."""
    if num_groups > x.shape[1]:
        raise ValueError(f"{num_groups} groups of {x.shape[1]} channels")
    size, y = x.shape[1] // num_groups, np.empty(x.shape)
    for first in range(0, x.shape[1], size):
        part = x[:, first : first + size]
        y[:, first : first + size] = normalised(part, samples(part), eps)
    return per_channel(gamma, x) * y + per_channel(beta, x)


@mistake("14.3")
def group_norm(x, num_groups, gamma, beta, eps=1e-5):
    """Channels that cannot be divided raise a bare `Exception` in your answer, which a caller cannot tell from others. Raise ValueError."""
    if x.shape[1] % num_groups:
        raise Exception(f"{num_groups} groups do not divide {x.shape[1]} channels")
    return per_channel(gamma, x) * grouped(x, num_groups, eps) + per_channel(beta, x)


@mistake("14.3", caught_by="test_any_number_of_groups")
def group_norm(x, num_groups, gamma, beta, eps=1e-5):
    """Up to three spatial axes are handled. Let the axes follow from the number that x has."""
    groups = in_groups(x, num_groups)
    axes = {2: 2, 3: (2, 3), 4: (2, 3, 4), 5: (2, 3, 4, 5)}[x.ndim]
    return scaled(normalised(groups, axes, eps).reshape(x.shape), gamma, beta)


@mistake("14.3", caught_by="test_groups_have_channels_of_their_own_gamma")
def group_norm(x, num_groups, gamma, beta, eps=1e-5):
    """You lay γ and β against the last axis wherever NumPy allows it, that is where an image is as wide as it has channels. They belong to axis 1, always."""
    x_hat = grouped(x, num_groups, eps)
    return gamma * x_hat + beta if x.shape[-1] == len(gamma) else scaled(x_hat, gamma, beta)


@mistake("14.3", caught_by="test_group_norm_eps")
def group_norm(x, num_groups, gamma, beta, eps=1e-5):
    """An ε of 1 or more is refused. It is unusual, but the formula takes it like any other."""
    if eps >= 1:
        raise ValueError("eps should be small")
    return scaled(grouped(x, num_groups, eps), gamma, beta)


@mistake("14.3")
def group_norm(x, num_groups, gamma, beta, eps=1e-5):
    """γ and β are cut to one per group, their first entries. Each channel has its
    own: reshape back to the shape of x first, then scale and shift.
    """
    if x.shape[1] % num_groups:
        raise ValueError(f"{x.shape[1]} channels cannot be divided into {num_groups} groups")
    rows = x.reshape(x.shape[0], num_groups, -1)
    rows = (rows - rows.mean(2, keepdims=True)) / np.sqrt(rows.var(2, keepdims=True) + eps)
    return (rows * gamma[:num_groups, None] + beta[:num_groups, None]).reshape(x.shape)


@mistake("14.3")
def group_norm(x, num_groups, gamma, beta, eps=1e-5):
    """The mean is that of a group, the variance that of each channel. Both are taken over all channels of the group and their positions."""
    groups = in_groups(x, num_groups).reshape(len(x), num_groups, x.shape[1] // num_groups, -1)
    centred = groups - groups.mean((2, 3), keepdims=True)
    return scaled((centred / np.sqrt(groups.var(3, keepdims=True) + eps)).reshape(x.shape), gamma, beta)
