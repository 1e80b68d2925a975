"""Wrong answers to chapters 5, 12 and 14."""

# ruff: noqa: F811  one name has many answers

import numpy as np

from tests.course.honest_wrong import wrong


def forward(unbiased=True, weight_of_new=True, keep=False, eps_outside=False):
    """A forward pass through rows, with one or another slip."""

    def batchnorm_forward(x, gamma, beta, running_mean, running_var, *, training, momentum=0.1, eps=1e-5):
        rows = np.moveaxis(x, 1, -1)
        flat, shape = rows.reshape(-1, x.shape[1]), rows.shape
        mean, var = running_mean, running_var
        if training:
            mean, var = flat.mean(0, keepdims=keep), flat.var(0, keepdims=keep)
            stored = var * len(flat) / (len(flat) - 1) if unbiased else var
            new = momentum if weight_of_new else 1 - momentum
            running_mean = running_mean * (1 - new) + new * mean
            running_var = running_var * (1 - new) + new * stored
        std = np.sqrt(var) + eps if eps_outside else np.sqrt(var + eps)
        x_hat = (flat - mean) / std
        y = np.moveaxis((gamma * x_hat + beta).reshape(shape), -1, 1)
        return y, running_mean, running_var, (x_hat, gamma, std)

    return batchnorm_forward


wrong("5.1", "takes in the biased batch variance")(forward(unbiased=False))
wrong("5.1", "Momentum is reversed")(forward(weight_of_new=False))
wrong("5.1", "(1, C)", "keepdims")(forward(keep=True))
wrong("5.1", "takes in the biased batch variance", "outside the root")(forward(unbiased=False, eps_outside=True))


@wrong("12.1", "filled up with samples of the one before")
def ghost_batch_norm(x, ghost_size, eps=1e-5):
    """The last ghost is filled up with samples of the one before."""
    axes, out = (0, *range(2, x.ndim)), np.empty(x.shape)
    for i in range(0, len(x), ghost_size):
        ghost = x[max(0, min(i, len(x) - ghost_size)) :][:ghost_size]
        out[i : i + ghost_size] = (x[i : i + ghost_size] - ghost.mean(axes, keepdims=True)) / np.sqrt(
            ghost.var(axes, keepdims=True) + eps
        )
    return out


@wrong("12.2", "kept at 2 or more")
def masked_batch_norm(x, mask, eps=1e-5):
    """The number of real steps is kept at two or more."""
    m = np.asarray(mask, float)[..., np.newaxis]
    n = max(2, np.count_nonzero(mask))
    real = np.where(m, x, 0.0)
    mean = real.sum(axis=(0, 1)) / n
    var = (np.where(m, x - mean, 0.0) ** 2).sum(axis=(0, 1)) / n
    return np.where(m, (x - mean) / np.sqrt(var + eps), 0.0)


@wrong("12.2", "Padding is counted")
def masked_batch_norm(x, mask, eps=1e-5):
    z = (x - np.mean(x, (0, 1))) / np.sqrt(np.var(x, (0, 1)) + eps)
    z[~np.asarray(mask, bool)] = 0
    return z


@wrong("14.1", "minus the square of the mean")
def layer_norm(x, gamma, beta, eps=1e-5):
    flat = x.reshape(len(x), -1)
    mean, second = flat.mean(1), np.square(flat).mean(1)
    z = (flat - mean[:, None]) / np.sqrt(second[:, None] - mean[:, None] ** 2 + eps)
    return gamma * z.reshape(x.shape) + beta


@wrong("14.2", "only the last axis is averaged", "Only the last axis is averaged", named=False)
def instance_norm(x, gamma, beta, eps=1e-5):
    mean = x.sum(-1, keepdims=True) / x.shape[-1]
    var = ((x - mean) ** 2).sum(-1, keepdims=True) / x.shape[-1]
    shape = [1, -1] + [1] * (x.ndim - 2)
    return gamma.reshape(shape) * (x - mean) / (var + 0.00001) ** 0.5 + beta.reshape(shape)


@wrong("14.2", "written for pictures, (2, 3)")
def instance_norm(x, gamma, beta, eps=1e-5):
    n, c, h, w = x.shape
    rows = x.reshape(n * c, h * w)
    rows = (rows - rows.mean(1, keepdims=True)) / np.sqrt(rows.var(1, keepdims=True) + eps)
    return gamma[None, :, None, None] * rows.reshape(x.shape) + beta[None, :, None, None]


@wrong("14.3", "divides the channels is never asked")
def group_norm(x, num_groups, gamma, beta, eps=1e-5):
    """Nobody asks whether the channels can be divided; where the pixels can, a channel is cut in half."""
    parts = x.reshape(x.shape[0], num_groups, -1)
    parts = (parts - parts.mean(2, keepdims=True)) / np.sqrt(parts.var(2, keepdims=True) + eps)
    shape = [1, -1] + [1] * (x.ndim - 2)
    return parts.reshape(x.shape) * gamma.reshape(shape) + beta.reshape(shape)


@wrong("14.3", "those that are left over")
def group_norm(x, num_groups, gamma, beta, eps=1e-5):
    """The channels that are left over are never normalised."""
    y, size = np.zeros(x.shape), x.shape[1] // num_groups
    for g in range(num_groups):
        part = x[:, g * size : (g + 1) * size]
        axes = tuple(range(1, x.ndim))
        y[:, g * size : (g + 1) * size] = (part - part.mean(axes, keepdims=True)) / np.sqrt(
            part.var(axes, keepdims=True) + eps
        )
    shape = [1, -1] + [1] * (x.ndim - 2)
    return y * gamma.reshape(shape) + beta.reshape(shape)


@wrong("14.3", "raise an AssertionError")
def group_norm(x, num_groups, gamma, beta, eps=1e-5):
    assert x.shape[1] % num_groups == 0
    parts = x.reshape(len(x) * num_groups, -1).T
    parts = ((parts - parts.mean(0)) / np.sqrt(parts.var(0) + eps)).T
    shape = [1, -1] + [1] * (x.ndim - 2)
    return parts.reshape(x.shape) * gamma.reshape(shape) + beta.reshape(shape)


@wrong("14.5", "You average over axes 0 and 1")
def weight_standardize(weight, eps=1e-5):
    """One mean for each place of a kernel, over all filters and inputs."""
    mean, std = np.mean(weight, (0, 1)), np.sqrt(np.var(weight, (0, 1)) + eps)
    return (weight - mean) / std


@wrong("14.5", "ε is missing", "unbiased", "divides by n - 1", "and no ε is added")
def weight_standardize(weight, eps=1e-5):
    rows = weight.reshape(len(weight), -1)
    rows = (rows - rows.mean(1, keepdims=True)) / rows.std(1, ddof=1, keepdims=True)
    return rows.reshape(weight.shape)
