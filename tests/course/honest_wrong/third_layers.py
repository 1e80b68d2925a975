"""Still more wrong answers to chapter 5, written before any look at checks, mistakes or this bank."""

# ruff: noqa: F811  one name has many answers

import numpy as np
import torch
from torch import nn

from tests.course.honest_wrong import wrong


@wrong("5.1", "All is done as for features (N, D), over the batch")
def batchnorm_forward(x, gamma, beta, running_mean, running_var, *, training, momentum=0.1, eps=1e-5):
    """As for features, and the biased variance is stored."""
    if not training:
        x_hat = (x - running_mean) / np.sqrt(running_var + eps)
        return gamma * x_hat + beta, running_mean, running_var, None
    mean = x.mean(axis=0)
    var = ((x - mean) ** 2).mean(axis=0)
    x_hat = (x - mean) / np.sqrt(var + eps)
    running_mean = (1.0 - momentum) * running_mean + momentum * mean
    running_var = (1.0 - momentum) * running_var + momentum * var
    return gamma * x_hat + beta, running_mean, running_var, (x_hat, gamma, var, eps)


@wrong("5.1", "Batch statistics in both modes: at inference the")
def batchnorm_forward(x, gamma, beta, running_mean, running_var, *, training, momentum=0.1, eps=1e-5):
    """Batch statistics in both modes."""
    axes = tuple(i for i in range(x.ndim) if i != 1)
    s = (1, -1) + (1,) * (x.ndim - 2)
    m = x.size // x.shape[1]
    mean = x.mean(axis=axes)
    var = x.var(axis=axes)
    x_hat = (x - mean.reshape(s)) / np.sqrt(var.reshape(s) + eps)
    y = gamma.reshape(s) * x_hat + beta.reshape(s)
    if training:
        running_mean = (1 - momentum) * running_mean + momentum * mean
        running_var = (1 - momentum) * running_var + momentum * var * m / (m - 1)
    return y, running_mean, running_var, (x_hat, gamma, var, eps)


@wrong("5.2")
def batchnorm_backward(dy, cache):
    """Step by step, with the power -1.5 of the deviation, not of the variance."""
    x_hat, gamma, var, eps = cache
    dims = (0, *range(2, dy.ndim))
    view = (1, -1, *[1] * (dy.ndim - 2))
    m = dy.size // dy.shape[1]
    std = np.sqrt(var + eps).reshape(view)
    xmu = x_hat * std
    dxhat = dy * gamma.reshape(view)
    dvar = (dxhat * xmu * -0.5 * std**-1.5).sum(dims, keepdims=True)
    dmu = (-dxhat / std).sum(dims, keepdims=True)
    dx = dxhat / std + dvar * 2 * xmu / m + dmu / m
    return dx, (dy * x_hat).sum(dims), dy.sum(dims)


@wrong("5.2", "Sums are divided by the batch size. m counts all")
def batchnorm_backward(dy, cache):
    """m is the batch size."""
    x_hat, gamma, var, eps = cache
    N = dy.shape[0]
    ax = (0, *range(2, dy.ndim))
    s = (1, -1, *[1] * (dy.ndim - 2))
    dgamma, dbeta = np.sum(dy * x_hat, axis=ax), np.sum(dy, axis=ax)
    dxh = dy * gamma.reshape(s)
    dx = (N * dxh - dxh.sum(ax, keepdims=True) - x_hat * (dxh * x_hat).sum(ax, keepdims=True)) / N
    return dx / np.sqrt(var + eps).reshape(s), dgamma, dbeta


@wrong("5.2", "Your backward is that of features (N, D), while")
def batchnorm_backward(dy, cache):
    """As for features."""
    x_hat, gamma, var, eps = cache
    m = len(dy)
    dgamma = (dy * x_hat).sum(axis=0)
    dbeta = dy.sum(axis=0)
    dx = gamma / (m * np.sqrt(var + eps)) * (m * dy - x_hat * dgamma - dbeta)
    return dx, dgamma, dbeta


@wrong("5.3", "All entries are moved at once, and nothing is")
def numerical_gradient(f, x, dy, h=1e-5):
    """All entries are moved at once."""
    with torch.no_grad():
        up = f(x.clone() + h)
        down = f(x.clone() - h)
        return ((up - down) * dy) / (2 * h)


@wrong("5.3", "f may return a view of x, and what it returned for")
def numerical_gradient(f, x, dy, h=1e-5):
    """f may return a view of the tensor that is moved on."""
    grad = torch.zeros_like(x)
    xd = x.detach()
    for i in np.ndindex(*x.shape):
        old = xd[i].clone()
        xd[i] = old + h
        fp = f(xd)
        xd[i] = old - h
        fm = f(xd)
        xd[i] = old
        grad[i] = ((fp - fm) * dy).sum().detach() / (2 * h)
    return grad.detach()


@wrong(
    "5.4",
    "The mode is taken from torch.is_grad_enabled()",
    "running_var takes in the biased",
    "num_batches_tracked is never counted",
    named=False,
)
class BatchNorm(nn.Module):
    """The mode from is_grad_enabled, a biased running variance, no counter, no momentum None."""

    def __init__(self, num_features, eps=1e-5, momentum=0.1, affine=True, track_running_stats=True):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(num_features)) if affine else None
        self.bias = nn.Parameter(torch.zeros(num_features)) if affine else None
        self.register_buffer("running_mean", torch.zeros(num_features) if track_running_stats else None)
        self.register_buffer("running_var", torch.ones(num_features) if track_running_stats else None)
        self.register_buffer("num_batches_tracked", torch.tensor(0) if track_running_stats else None)
        self.eps, self.momentum = eps, momentum

    def forward(self, x):
        shape = (1, -1, *[1] * (x.dim() - 2))
        dims = (0, *range(2, x.dim()))
        if not torch.is_grad_enabled() and self.running_mean is not None:
            x_hat = (x - self.running_mean.view(shape)) / torch.sqrt(self.running_var.view(shape) + self.eps)
        else:
            mean = x.mean(dims)
            var = ((x - mean.view(shape)) ** 2).mean(dims)
            x_hat = (x - mean.view(shape)) / torch.sqrt(var.view(shape) + self.eps)
            if self.running_mean is not None:
                self.running_mean = (1.0 - self.momentum) * self.running_mean + self.momentum * mean.detach()
                self.running_var = (1.0 - self.momentum) * self.running_var + self.momentum * var.detach()
        if self.weight is None:
            return x_hat
        return self.weight.view(shape) * x_hat + self.bias.view(shape)


@wrong("5.5", "backward returns three values; apply has four")
class BatchNormFunction(torch.autograd.Function):
    """Three gradients for four arguments."""

    @staticmethod
    def forward(ctx, x, gamma, beta, eps):
        dims = tuple(i for i in range(x.dim()) if i != 1)
        shape = [1, -1] + [1] * (x.dim() - 2)
        mean = x.mean(dims).view(shape)
        istd = (x.var(dims, unbiased=False) + eps).rsqrt().view(shape)
        xhat = (x - mean) * istd
        ctx.save_for_backward(xhat, gamma, istd)
        return xhat * gamma.view(shape) + beta.view(shape)

    @staticmethod
    def backward(ctx, dy):
        xhat, gamma, istd = ctx.saved_tensors
        dims = tuple(i for i in range(dy.dim()) if i != 1)
        dgamma = (dy * xhat).sum(dims)
        dbeta = dy.sum(dims)
        g = dy * gamma.view([1, -1] + [1] * (dy.dim() - 2))
        dx = istd * (g - g.mean(dims, keepdim=True) - xhat * (g * xhat).mean(dims, keepdim=True))
        return dx, dgamma, dbeta
