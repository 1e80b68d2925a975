"""Right answers to chapter 14 in other styles: every check must accept them."""

import numpy as np

from bncourse.checking import variant

# 14.1


@variant("14.1")
def layer_norm(x, gamma, beta, eps=1e-5):
    """One sample after the other."""
    result = np.empty(x.shape)
    for n, sample in enumerate(x):
        centred = sample - sample.mean()
        result[n] = gamma * centred / np.sqrt((centred * centred).mean() + eps) + beta
    return result


@variant("14.1")
def layer_norm(x, gamma, beta, eps=1e-5):
    """Samples as rows of a matrix, in NumPy's own mean and var."""
    rows = x.reshape(len(x), -1)
    rows = (rows - rows.mean(1)[:, None]) / np.sqrt(rows.var(1) + eps)[:, None]
    return (rows * gamma.ravel() + beta.ravel()).reshape(x.shape)


@variant("14.1")
def layer_norm(x, gamma, beta, eps=1e-5):
    """Squares minus a square, safe because it is done in float64."""
    wide = x.astype(np.float64)
    axes = tuple(range(1, x.ndim))
    mean = wide.mean(axis=axes, keepdims=True)
    var = np.maximum((wide**2).mean(axis=axes, keepdims=True) - mean**2, 0)
    scale = gamma / np.sqrt(var + eps)
    return wide * scale + (beta - mean * scale)


@variant("14.1")
def layer_norm(x, gamma, beta, eps=1e-5):
    """einsum over flattened samples, in place on a float64 copy."""
    flat = np.array(x, dtype=np.float64).reshape(len(x), -1)
    flat -= np.einsum("nd->n", flat)[:, None] / flat.shape[1]
    flat *= ((np.einsum("nd,nd->n", flat, flat) / flat.shape[1] + eps) ** -0.5)[:, None]
    result = flat.reshape(x.shape)
    result *= gamma
    result += beta
    return result


@variant("14.1")
def layer_norm(x, gamma, beta, eps=1e-5):
    """The samples last, where statistics broadcast."""
    last = np.moveaxis(x, 0, -1)
    axes = tuple(range(last.ndim - 1))
    return np.moveaxis((last - last.mean(axes)) / np.sqrt(last.var(axes) + eps), -1, 0) * gamma + beta


# 14.2


@variant("14.2")
def instance_norm(x, gamma, beta, eps=1e-5):
    """One image and one channel at a time."""
    result = np.empty(x.shape)
    for n, image in enumerate(x):
        for c, channel in enumerate(image):
            result[n, c] = gamma[c] * (channel - channel.mean()) / (channel.var() + eps) ** 0.5 + beta[c]
    return result


@variant("14.2")
def instance_norm(x, gamma, beta, eps=1e-5):
    """Positions as one axis."""
    flat = x.reshape(*x.shape[:2], -1)
    x_hat = (flat - flat.mean(2, keepdims=True)) / np.sqrt(flat.var(2, keepdims=True) + eps)
    return (gamma[:, None] * x_hat + beta[:, None]).reshape(x.shape)


@variant("14.2")
def instance_norm(x, gamma, beta, eps=1e-5):
    """Batch normalization of images one by one."""

    def batch_normalized(image):
        axes = (0, *range(2, image.ndim))
        return (image - image.mean(axes, keepdims=True)) / np.sqrt(image.var(axes, keepdims=True) + eps)

    x_hat = np.concatenate([batch_normalized(x[n : n + 1]) for n in range(len(x))])
    return np.moveaxis(np.moveaxis(x_hat, 1, -1) * gamma + beta, -1, 1)


@variant("14.2")
def instance_norm(x, gamma, beta, eps=1e-5):
    """A scale and an offset for each image and channel, by einsum in float64."""
    flat = x.reshape(*x.shape[:2], -1).astype(np.float64)
    mean = np.einsum("ncs->nc", flat) / flat.shape[2]
    centred = flat - mean[:, :, None]
    scale = gamma / np.sqrt(np.einsum("ncs,ncs->nc", centred, centred) / flat.shape[2] + eps)
    return (np.einsum("ncs,nc->ncs", centred, scale) + beta[None, :, None]).reshape(x.shape)


# 14.3


@variant("14.3")
def group_norm(x, num_groups, gamma, beta, eps=1e-5):
    """Groups by np.split, which refuses unequal parts itself."""
    parts = []
    for part in np.split(x, num_groups, axis=1):
        axes = tuple(range(1, x.ndim))
        parts.append((part - part.mean(axes, keepdims=True)) / np.sqrt(part.var(axes, keepdims=True) + eps))
    shape = (-1, *[1] * (x.ndim - 2))
    return np.concatenate(parts, axis=1) * gamma.reshape(shape) + beta.reshape(shape)


@variant("14.3")
def group_norm(x, num_groups, gamma, beta, eps=1e-5):
    """Groups as rows of a matrix."""
    size, left = divmod(x.shape[1], num_groups)
    if left:
        raise ValueError(f"{num_groups} does not divide {x.shape[1]}")
    rows = x.reshape(len(x) * num_groups, -1)
    rows = (rows - rows.mean(1, keepdims=True)) / np.sqrt(rows.var(1, keepdims=True) + eps)
    x_hat = rows.reshape(len(x), num_groups * size, -1)
    return (gamma[:, None] * x_hat + beta[:, None]).reshape(x.shape)


@variant("14.3")
def group_norm(x, num_groups, gamma, beta, eps=1e-5):
    """Slices of channels, one image after the other, in place on a float64 copy."""
    if not (x.shape[1] / num_groups).is_integer():
        raise ValueError("unequal groups")
    result, size = np.array(x, dtype=np.float64), x.shape[1] // num_groups
    for image in result:
        for first in range(0, x.shape[1], size):
            group = image[first : first + size]
            group -= group.mean()
            group /= np.sqrt(np.mean(group**2) + eps)
        for channel, scale, shift in zip(range(len(image)), gamma, beta):
            image[channel] = scale * image[channel] + shift
    return result


@variant("14.3")
def group_norm(x, num_groups, gamma, beta, eps=1e-5):
    """A matrix that says which channel is in which group, and einsum."""
    channels = x.shape[1]
    if channels % num_groups:
        raise ValueError(f"{channels} channels, {num_groups} groups")
    member = np.kron(np.eye(num_groups), np.ones((channels // num_groups, 1)))
    flat = x.reshape(len(x), channels, -1).astype(np.float64)
    count = channels // num_groups * flat.shape[2]
    centred = flat - np.einsum("nds,dg,cg->nc", flat, member, member)[:, :, None] / count
    var = np.einsum("nds,nds,dg,cg->nc", centred, centred, member, member) / count
    x_hat = centred / np.sqrt(var + eps)[:, :, None]
    return (gamma[:, None] * x_hat + beta[:, None]).reshape(x.shape)


# 14.4


@variant("14.4")
def batch_channel_norm(x, gamma, beta, iota, eps=1e-5):
    """Channels and images as rows of a matrix, in turn."""

    def rows_normalized(array):
        rows = array.reshape(len(array), -1)
        rows = (rows - rows.mean(1, keepdims=True)) / np.sqrt(rows.var(1, keepdims=True) + eps)
        return rows.reshape(array.shape)

    by_channel = rows_normalized(x.swapaxes(0, 1)).swapaxes(0, 1)
    mixture = by_channel * iota + rows_normalized(x) * (1 - iota)
    return np.moveaxis(np.moveaxis(mixture, 1, -1) * gamma + beta, -1, 1)


@variant("14.4")
def batch_channel_norm(x, gamma, beta, iota, eps=1e-5):
    """Loops over channels and over images, in float64."""
    mixture = np.zeros(x.shape)
    for c in range(x.shape[1]):
        values = x[:, c].astype(np.float64)
        mixture[:, c] += iota * (values - values.mean()) / (values.var() + eps) ** 0.5
    for n in range(len(x)):
        values = x[n].astype(np.float64)
        mixture[n] += (1 - iota) * (values - values.mean()) / (values.var() + eps) ** 0.5
    for c in range(x.shape[1]):
        mixture[:, c] = gamma[c] * mixture[:, c] + beta[c]
    return mixture


@variant("14.4")
def batch_channel_norm(x, gamma, beta, iota, eps=1e-5):
    """From the layer's part towards the batch's by the share ι; γ and β inside."""
    channels = (-1, *[1] * (x.ndim - 2))
    parts = {}
    for axis in (0, 1):
        axes = tuple(range(x.ndim))[:axis] + tuple(range(x.ndim))[axis + 1 :]
        parts[axis] = (x - x.mean(axes, keepdims=True)) * (x.var(axes, keepdims=True) + eps) ** -0.5
    over_channels, over_batch = parts[0], parts[1]
    return beta.reshape(channels) + gamma.reshape(channels) * (over_channels + iota * (over_batch - over_channels))


# 14.5


@variant("14.5")
def weight_standardize(weight, eps=1e-5):
    """One filter after the other."""
    return np.array([(one - one.mean()) / np.sqrt(one.var() + eps) for one in weight])


@variant("14.5")
def weight_standardize(weight, eps=1e-5):
    """Filters as rows of a matrix, in float64."""
    rows = weight.reshape(weight.shape[0], -1).astype(np.float64)
    rows -= rows.mean(axis=1, keepdims=True)
    rows /= np.sqrt((rows**2).mean(axis=1, keepdims=True) + eps)
    return rows.reshape(weight.shape)


@variant("14.5")
def weight_standardize(weight, eps=1e-5):
    """Filters last, where statistics broadcast."""
    filters = np.moveaxis(weight, 0, -1)
    axes = tuple(range(filters.ndim - 1))
    centred = filters - filters.mean(axes)
    return np.moveaxis(centred * (np.square(centred).mean(axes) + eps) ** -0.5, -1, 0)


# 14.6


@variant("14.6")
def adaptive_instance_norm(content, style, eps=1e-5):
    """ε under both roots, as in published code."""

    def statistics(x):
        flat = x.reshape(*x.shape[:2], -1)
        shape = (*x.shape[:2], *[1] * (content.ndim - 2))
        return flat.mean(2).reshape(shape), np.sqrt(flat.var(2) + eps).reshape(shape)

    (mean, std), (style_mean, style_std) = statistics(content), statistics(style)
    return style_std * (content - mean) / std + style_mean


@variant("14.6")
def adaptive_instance_norm(content, style, eps=1e-5):
    """One image and one channel at a time."""
    result = np.empty(content.shape)
    for n, c in np.ndindex(content.shape[:2]):
        ours, theirs = content[n, c].astype(np.float64), style[n, c].astype(np.float64)
        result[n, c] = theirs.std() * (ours - ours.mean()) / np.sqrt(ours.var() + eps) + theirs.mean()
    return result


@variant("14.6")
def adaptive_instance_norm(content, style, eps=1e-5):
    """A scale and an offset for each image and channel, by einsum over flattened positions."""
    ours, theirs = (x.reshape(*x.shape[:2], -1).astype(np.float64) for x in (content, style))
    scale = theirs.std(2) / np.sqrt(ours.var(2) + eps)
    offset = theirs.mean(2) - scale * ours.mean(2)
    return (np.einsum("ncs,nc->ncs", ours, scale) + offset[:, :, None]).reshape(content.shape)


@variant("14.6")
def adaptive_instance_norm(content, style, eps=1e-5):
    """In place on a copy, channels of all images as rows."""
    rows = np.array(content, dtype=np.float64).reshape(content.shape[0] * content.shape[1], -1)
    source = np.reshape(style, (len(rows), -1))
    rows -= rows.mean(1, keepdims=True)
    rows /= np.sqrt(np.mean(rows**2, 1, keepdims=True) + eps)
    rows *= source.std(1, keepdims=True)
    rows += source.mean(1, keepdims=True)
    return rows.reshape(content.shape)
