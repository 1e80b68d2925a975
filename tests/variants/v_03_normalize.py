"""Right answers to chapter 3 in other styles: every check must accept them."""

import numpy as np

from bncourse.checking import variant

# 3.1


@variant("3.1")
def normalize(x, mean, var, eps=1e-5):
    """Loops over every number."""
    result = np.zeros(x.shape)
    for n in range(x.shape[0]):
        for d in range(x.shape[1]):
            result[n, d] = (x[n, d] - mean[d]) / (var[d] + eps) ** 0.5
    return result


@variant("3.1")
def normalize(x, mean, var, eps=1e-5):
    """In place on a float64 copy."""
    result = np.array(x, dtype=np.float64)
    result -= mean
    result *= (var + eps) ** -0.5
    return result


@variant("3.1")
def normalize(x, mean, var, eps=1e-5):
    """A scale and an offset for each feature."""
    scale = 1 / np.sqrt(np.add(var, eps))
    return np.einsum("nd,d->nd", x, scale) - mean * scale


# 3.2


@variant("3.2")
def batch_normalize(x, eps=1e-5):
    """One channel after the other, through a view."""
    result = np.array(x, dtype=np.float64)
    for channel in np.moveaxis(result, 1, 0):
        channel -= channel.mean()
        channel /= np.sqrt((channel * channel).mean() + eps)
    return result


@variant("3.2")
def batch_normalize(x, eps=1e-5):
    """Channels as rows of a matrix."""
    rows = np.moveaxis(np.asarray(x), 1, 0).reshape(x.shape[1], -1)
    rows = (rows - rows.mean(1)[:, None]) / np.sqrt(rows.var(1)[:, None] + eps)
    moved = (x.shape[1], x.shape[0], *x.shape[2:])
    return np.moveaxis(rows.reshape(moved), 0, 1)


@variant("3.2")
def batch_normalize(x, eps=1e-5):
    """Squares minus a square, safe because the sums are float64."""
    wide = x.astype(np.float64)
    axes = tuple(axis for axis in range(x.ndim) if axis != 1)
    mean = wide.mean(axes, keepdims=True)
    var = np.maximum((wide**2).mean(axes, keepdims=True) - mean**2, 0)
    return (wide - mean) / np.sqrt(var + eps)


@variant("3.2")
def batch_normalize(x, eps=1e-5):
    """einsum over flattened positions."""
    flat = x.reshape(x.shape[0], x.shape[1], -1).astype(np.float64)
    count = flat.shape[0] * flat.shape[2]
    centred = flat - (np.einsum("ncs->c", flat) / count)[None, :, None]
    var = np.einsum("ncs,ncs->c", centred, centred) / count
    return (centred * (1 / np.sqrt(var + eps))[None, :, None]).reshape(x.shape)


# 3.3


@variant("3.3")
def normalize_inference(x, moving_mean, moving_var, eps=1e-5):
    """Channels moved to the end, where (C,) broadcasts."""
    last = np.moveaxis(x, 1, -1)
    return np.moveaxis((last - moving_mean) / np.sqrt(moving_var + eps), -1, 1)


@variant("3.3")
def normalize_inference(x, moving_mean, moving_var, eps=1e-5):
    """Folded into a scale and an offset, as a deployed network has it."""
    scale = 1 / np.sqrt(moving_var + eps)
    offset = -moving_mean * scale
    shape = [1] * x.ndim
    shape[1] = -1
    return x * scale.reshape(shape) + offset.reshape(shape)


@variant("3.3")
def normalize_inference(x, moving_mean, moving_var, eps=1e-5):
    """One image and one channel at a time."""
    result = np.empty(x.shape)
    for n, image in enumerate(x):
        for c, channel in enumerate(image):
            result[n, c] = (channel - moving_mean[c]) / (moving_var[c] + eps) ** 0.5
    return result


# 3.4


@variant("3.4")
def normalize_half(x, eps=1e-5):
    """float64 inside."""
    axes = (0, *range(2, x.ndim))
    wide = x.astype(np.float64)
    centred = wide - wide.mean(axes, keepdims=True)
    return (centred / np.sqrt((centred**2).mean(axes, keepdims=True) + eps)).astype(np.float16)


@variant("3.4")
def normalize_half(x, eps=1e-5):
    """NumPy's own mean and var, told to work in float32."""
    axes = (0, *range(2, x.ndim))
    mean = x.mean(axes, dtype=np.float32, keepdims=True)
    var = x.var(axes, dtype=np.float32, keepdims=True)
    return np.float16((x - mean) / np.sqrt(var + np.float32(eps)))


@variant("3.4")
def normalize_half(x, eps=1e-5):
    """One channel after the other into a float16 result."""
    result = np.empty_like(x)
    for c in range(x.shape[1]):
        values = np.float32(x[:, c])
        values -= values.mean()
        result[:, c] = values / np.sqrt(np.mean(values**2) + np.float32(eps))
    return result
