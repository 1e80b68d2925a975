"""Wrong answers to 5.1 to 5.3 and 5.5, a fourth sample, written before a look at checks or mistakes."""

# ruff: noqa: F811  one name has many answers

import numpy as np
import torch

from tests.course.honest_wrong import wrong


@wrong("5.1", "The running variance takes in the biased batch")
def batchnorm_forward(x, gamma, beta, running_mean, running_var, *, training, momentum=0.1, eps=1e-5):
    """The running variance gets the biased variance of the batch."""
    axes = (0,) + tuple(range(2, x.ndim))
    shape = (1, -1) + (1,) * (x.ndim - 2)
    if training:
        mean = x.mean(axis=axes, dtype=np.float64)
        var = ((x - mean.reshape(shape)) ** 2).mean(axis=axes)
        running_mean = (1 - momentum) * running_mean + momentum * mean
        running_var = (1 - momentum) * running_var + momentum * var
    else:
        mean, var = running_mean, running_var
    x_hat = (x - mean.reshape(shape)) / np.sqrt(var.reshape(shape) + eps)
    y = gamma.reshape(shape) * x_hat + beta.reshape(shape)
    return y, running_mean, running_var, (x_hat, gamma, var, eps)


@wrong("5.1", "Momentum is reversed: you keep `momentum` of the")
def batchnorm_forward(x, gamma, beta, running_mean, running_var, *, training, momentum=0.1, eps=1e-5):
    """Momentum the other way round, as CS231n and Keras have it: it keeps that share of the old."""
    axes = (0,) + tuple(range(2, x.ndim))
    shape = (1, -1) + (1,) * (x.ndim - 2)
    m = x.size // x.shape[1]
    if training:
        mean = x.astype(np.float64).mean(axis=axes)
        var = ((x - mean.reshape(shape)) ** 2).mean(axis=axes)
        running_mean = momentum * running_mean + (1 - momentum) * mean
        running_var = momentum * running_var + (1 - momentum) * var * m / (m - 1)
    else:
        mean, var = running_mean, running_var
    x_hat = (x - mean.reshape(shape)) / np.sqrt(var.reshape(shape) + eps)
    return gamma.reshape(shape) * x_hat + beta.reshape(shape), running_mean, running_var, (x_hat, gamma, var, eps)


@wrong("5.1", "The correction of the running variance uses the")
def batchnorm_forward(x, gamma, beta, running_mean, running_var, *, training, momentum=0.1, eps=1e-5):
    """The unbiased factor counts the samples N and not the values per channel."""
    axes = (0,) + tuple(range(2, x.ndim))
    shape = (1, -1) + (1,) * (x.ndim - 2)
    N = x.shape[0]
    if training:
        mean = x.astype(np.float64).mean(axis=axes)
        var = ((x - mean.reshape(shape)) ** 2).mean(axis=axes)
        running_mean = running_mean + momentum * (mean - running_mean)
        running_var = running_var + momentum * (var * N / max(N - 1, 1) - running_var)
    else:
        mean, var = running_mean, running_var
    x_hat = (x - mean.reshape(shape)) / np.sqrt(var.reshape(shape) + eps)
    return gamma.reshape(shape) * x_hat + beta.reshape(shape), running_mean, running_var, (x_hat, gamma, var, eps)


@wrong("5.1", "In training the batch is normalised with the")
def batchnorm_forward(x, gamma, beta, running_mean, running_var, *, training, momentum=0.1, eps=1e-5):
    """In training the new running statistics normalise, not those of the batch."""
    axes = (0,) + tuple(range(2, x.ndim))
    shape = (1, -1) + (1,) * (x.ndim - 2)
    m = x.size // x.shape[1]
    if training:
        mean = x.astype(np.float64).mean(axis=axes)
        var = x.astype(np.float64).var(axis=axes)
        running_mean = (1 - momentum) * running_mean + momentum * mean
        running_var = (1 - momentum) * running_var + momentum * var * m / (m - 1)
    x_hat = (x - running_mean.reshape(shape)) / np.sqrt(running_var.reshape(shape) + eps)
    return (
        gamma.reshape(shape) * x_hat + beta.reshape(shape),
        running_mean,
        running_var,
        (x_hat, gamma, running_var, eps),
    )


@wrong("5.1", "Two slips in the running statistics: `momentum` is")
def batchnorm_forward(x, gamma, beta, running_mean, running_var, *, training, momentum=0.1, eps=1e-5):
    """Biased running variance and momentum the wrong way round."""
    axes = (0,) + tuple(range(2, x.ndim))
    shape = (1, -1) + (1,) * (x.ndim - 2)
    if training:
        mean = x.astype(np.float64).mean(axis=axes)
        var = x.astype(np.float64).var(axis=axes)
        running_mean = momentum * running_mean + (1 - momentum) * mean
        running_var = momentum * running_var + (1 - momentum) * var
    else:
        mean, var = running_mean, running_var
    x_hat = (x - mean.reshape(shape)) / np.sqrt(var.reshape(shape) + eps)
    return gamma.reshape(shape) * x_hat + beta.reshape(shape), running_mean, running_var, (x_hat, gamma, var, eps)


@wrong("5.2", "γ is missing in dx: what reaches x̂ is γ · dy.")
def batchnorm_backward(dy, cache):
    """The gradient at x_hat lacks the factor gamma."""
    x_hat, gamma, var, eps = cache
    axes = (0,) + tuple(range(2, dy.ndim))
    std = np.sqrt(var + eps).reshape((1, -1) + (1,) * (dy.ndim - 2))

    def mean(a):
        return a.mean(axis=axes, keepdims=True)

    dx = (dy - mean(dy) - x_hat * mean(dy * x_hat)) / std
    return dx, (dy * x_hat).sum(axis=axes), dy.sum(axis=axes)


@wrong("5.2", "In the path through the variance, 1/(σ² + ε) stands")
def batchnorm_backward(dy, cache):
    """The derivative of the variance has the wrong power: (var + eps) ** -1 in place of -1.5."""
    x_hat, gamma, var, eps = cache
    axes = (0,) + tuple(range(2, dy.ndim))
    shape = (1, -1) + (1,) * (dy.ndim - 2)
    m = dy.size // dy.shape[1]
    v = var.reshape(shape) + eps
    xmu = x_hat * np.sqrt(v)
    dx_hat = dy * gamma.reshape(shape)
    dvar = np.sum(dx_hat * xmu * -0.5 * v**-1, axis=axes, keepdims=True)
    dmean = np.sum(-dx_hat / np.sqrt(v), axis=axes, keepdims=True)
    dx = dx_hat / np.sqrt(v) + dvar * 2 * xmu / m + dmean / m
    return dx, np.sum(dy * x_hat, axis=axes), np.sum(dy, axis=axes)


@wrong("5.3", "A forward difference, (f(x + h) - f(x)) / h.")
def numerical_gradient(f, x, dy, h=1e-5):
    """A forward difference, (L(x + h) - L(x)) / h, not a central one."""
    x0 = x.detach().clone()
    base = (f(x0.clone()) * dy).sum()
    grad = torch.zeros_like(x0)
    for idx in range(x0.numel()):
        step = torch.zeros(x0.numel(), dtype=x0.dtype)
        step[idx] = h
        grad.view(-1)[idx] = ((f(x0 + step.reshape(x0.shape)) * dy).sum() - base) / h
    return grad


@wrong("5.3", "The upstream gradient dy is not used: an all-ones")
def numerical_gradient(f, x, dy, h=1e-5):
    """dy is left out: the gradient of the sum of f(x)."""
    x0 = x.detach().clone().contiguous()
    grad = torch.zeros_like(x0)
    flat, g = x0.view(-1), grad.view(-1)
    for i in range(flat.numel()):
        old = flat[i].item()
        flat[i] = old + h
        plus = f(x0).sum().item()
        flat[i] = old - h
        minus = f(x0).sum().item()
        flat[i] = old
        g[i] = (plus - minus) / (2 * h)
    return grad


@wrong("5.3", "x is moved in place and put back by adding and")
def numerical_gradient(f, x, dy, h=1e-5):
    """x is moved by +h, -2h, +h, so rounding leaves it changed."""
    grad = torch.zeros(x.shape, dtype=x.dtype)
    with torch.no_grad():
        for idx in np.ndindex(*x.shape):
            x[idx] += h
            plus = (f(x) * dy).sum().item()
            x[idx] -= 2 * h
            minus = (f(x) * dy).sum().item()
            x[idx] += h
            grad[idx] = (plus - minus) / (2 * h)
    return grad


@wrong("5.3", "All entries are moved at once: that is one")
def numerical_gradient(f, x, dy, h=1e-5):
    """The whole of x is moved at once by h, so every entry gets the same total."""
    x = x.detach()
    total = ((f(x + h) * dy).sum() - (f(x - h) * dy).sum()) / (2 * h)
    return torch.full_like(x, total.item())


@wrong("5.5", "backward returns three values; apply has four")
class BatchNormFunction(torch.autograd.Function):
    """backward returns three gradients; there is none for eps."""

    @staticmethod
    def forward(ctx, x, gamma, beta, eps):
        dims = [0, *range(2, x.dim())]
        shape = [1, -1] + [1] * (x.dim() - 2)
        var, mean = torch.var_mean(x, dim=dims, unbiased=False, keepdim=True)
        inv = 1 / torch.sqrt(var + eps)
        xhat = (x - mean) * inv
        ctx.save_for_backward(xhat, inv, gamma)
        return gamma.view(shape) * xhat + beta.view(shape)

    @staticmethod
    def backward(ctx, dy):
        xhat, inv, gamma = ctx.saved_tensors
        dims = [0, *range(2, dy.dim())]
        shape = [1, -1] + [1] * (dy.dim() - 2)
        d = dy * gamma.view(shape)
        dx = inv * (d - d.mean(dims, keepdim=True) - xhat * (d * xhat).mean(dims, keepdim=True))
        return dx, (dy * xhat).sum(dims), dy.sum(dims)


@wrong("5.5", "The unbiased variance normalises, in forward and")
class BatchNormFunction(torch.autograd.Function):
    """The forward uses the unbiased variance (torch.var's default), the backward is that of the biased one."""

    @staticmethod
    def forward(ctx, x, gamma, beta, eps):
        dims = [0, *range(2, x.dim())]
        shape = [1, -1] + [1] * (x.dim() - 2)
        mean = x.mean(dim=dims, keepdim=True)
        var = x.var(dim=dims, keepdim=True)
        inv = 1 / torch.sqrt(var + eps)
        xhat = (x - mean) * inv
        ctx.save_for_backward(xhat, inv, gamma)
        return gamma.view(shape) * xhat + beta.view(shape)

    @staticmethod
    def backward(ctx, dy):
        xhat, inv, gamma = ctx.saved_tensors
        dims = [0, *range(2, dy.dim())]
        shape = [1, -1] + [1] * (dy.dim() - 2)
        d = dy * gamma.view(shape)
        dx = inv * (d - d.mean(dims, keepdim=True) - xhat * (d * xhat).mean(dims, keepdim=True))
        return dx, (dy * xhat).sum(dims), dy.sum(dims), None


@wrong("5.5", "The path through the variance is missing in")
class BatchNormFunction(torch.autograd.Function):
    """Only the direct path and the mean: the term through the variance is missing in dx."""

    @staticmethod
    def forward(ctx, x, gamma, beta, eps):
        dims = [0, *range(2, x.dim())]
        shape = [1, -1] + [1] * (x.dim() - 2)
        mean = x.mean(dim=dims, keepdim=True)
        var = ((x - mean) ** 2).mean(dim=dims, keepdim=True)
        std = torch.sqrt(var + eps)
        xhat = (x - mean) / std
        ctx.xhat, ctx.std, ctx.gamma = xhat, std, gamma.view(shape)
        return gamma.view(shape) * xhat + beta.view(shape)

    @staticmethod
    def backward(ctx, dy):
        dims = [0, *range(2, dy.dim())]
        dxhat = dy * ctx.gamma
        dx = dxhat / ctx.std - (dxhat / ctx.std).mean(dims, keepdim=True)
        return dx, (dy * ctx.xhat).sum(dims), dy.sum(dims), None
