"""Right answers to 5.1 and 5.2 in other styles: every check must accept them. They keep the reference's cache."""

import numpy as np

from bncourse.checking import variant

# 5.1


@variant("5.1")
def batchnorm_forward(x, gamma, beta, running_mean, running_var, *, training, momentum=0.1, eps=1e-5):
    """One channel after the other, float64 inside."""
    y = np.array(x, dtype=np.float64)
    new_mean, new_var = np.array(running_mean, dtype=np.float64), np.array(running_var, dtype=np.float64)
    for c in range(x.shape[1]):
        values = y[:, c].copy()
        mean, var = (values.mean(), values.var()) if training else (running_mean[c], running_var[c])
        y[:, c] = (values - mean) / np.sqrt(var + eps) * gamma[c] + beta[c]
        if training:
            new_mean[c] += momentum * (mean - new_mean[c])
            new_var[c] += momentum * (values.var(ddof=1) - new_var[c])
    return y, new_mean, new_var, {"anything": None}


@variant("5.1")
def batchnorm_forward(x, gamma, beta, running_mean, running_var, *, training, momentum=0.1, eps=1e-5):
    """Channels moved to the end, where parameters broadcast; folded into one scale and one offset."""
    rows = np.moveaxis(x, 1, -1).reshape(-1, x.shape[1]).astype(np.float64)
    mean, var = (rows.mean(0), rows.var(0)) if training else (running_mean, running_var)
    scale = gamma / np.sqrt(var + eps)
    y = np.moveaxis(((rows - mean) * scale + beta).reshape(np.moveaxis(x, 1, -1).shape), -1, 1)
    if training:
        keep = 1 - momentum
        running_mean = running_mean * keep + mean * momentum
        running_var = running_var * keep + rows.var(0, ddof=1) * momentum
    return y, running_mean, running_var, None


@variant("5.1")
def batchnorm_forward(x, gamma, beta, running_mean, running_var, *, training, momentum=0.1, eps=1e-5):
    """einsum over flattened positions; copies of the running statistics changed in place; E[x²] - E[x]² in float64."""
    flat = x.reshape(x.shape[0], x.shape[1], -1).astype(np.float64)
    count = flat.shape[0] * flat.shape[2]
    running_mean, running_var = running_mean.astype(np.float64), running_var.astype(np.float64)
    if training:
        mean = np.einsum("ncs->c", flat) / count
        var = np.maximum(np.einsum("ncs,ncs->c", flat, flat) / count - mean**2, 0)
        running_mean *= 1 - momentum
        running_mean += momentum * mean
        running_var *= 1 - momentum
        running_var += momentum * var * count / (count - 1)
    else:
        mean, var = running_mean, running_var
    y = (flat - mean[:, None]) / np.sqrt(var[:, None] + eps) * gamma[:, None] + beta[:, None]
    return y.reshape(x.shape), running_mean, running_var, ()


# 5.2


@variant("5.2")
def batchnorm_backward(dy, cache):
    """Step by step through the computation graph."""
    x_hat, gamma, var, eps = cache
    axes, m = (0, *range(2, dy.ndim)), dy.size // dy.shape[1]
    column = lambda values: values.reshape(-1, *[1] * (dy.ndim - 2))
    std = np.sqrt(var + eps)
    centred = x_hat * column(std)
    dx_hat = dy * column(gamma)
    dvar = (dx_hat * centred).sum(axes) * -0.5 * std**-3
    dcentred = dx_hat / column(std) + column(dvar) * 2 * centred / m
    dx = dcentred - dcentred.mean(axes, keepdims=True)
    return dx, (dy * x_hat).sum(axes), dy.sum(axes)


@variant("5.2")
def batchnorm_backward(dy, cache):
    """The Jacobian of each channel as a matrix."""
    x_hat, gamma, var, eps = cache
    dx, dgamma, dbeta = np.zeros(dy.shape), np.zeros(len(gamma)), np.zeros(len(gamma))
    for c in range(dy.shape[1]):
        h, g = x_hat[:, c].ravel(), dy[:, c].ravel()
        m = len(h)
        jacobian = (m * np.eye(m) - 1 - np.outer(h, h)) / (m * np.sqrt(var[c] + eps))
        dx[:, c] = (gamma[c] * (jacobian @ g)).reshape(dy[:, c].shape)
        dgamma[c], dbeta[c] = g @ h, sum(g)
    return dx, dgamma, dbeta


@variant("5.2")
def batchnorm_backward(dy, cache):
    """The closed form over m, on channels as rows; the answer comes as a list."""
    x_hat, gamma, var, eps = cache
    rows = lambda array: np.moveaxis(array, 1, 0).reshape(array.shape[1], -1)
    h, g = rows(x_hat), rows(dy)
    m = g.shape[1]
    dgamma, dbeta = np.einsum("cm,cm->c", g, h), g.sum(1)
    inner = m * g - dbeta[:, None] - h * dgamma[:, None]
    dx = (gamma / (m * np.sqrt(var + eps)))[:, None] * inner
    moved = (dy.shape[1], dy.shape[0], *dy.shape[2:])
    return [np.moveaxis(dx.reshape(moved), 0, 1), dgamma, dbeta]
