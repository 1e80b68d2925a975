"""Wrong answers to chapter 5, written before any look at checks, mistakes or this bank."""

# ruff: noqa: F811  one name has many answers

import itertools

import numpy as np
import torch
from torch import nn

from tests.course.honest_wrong import wrong


@wrong("5.1", "Momentum is reversed: you keep `momentum` of the")
def batchnorm_forward(x, gamma, beta, running_mean, running_var, *, training, momentum=0.1, eps=1e-5):
    """Keras' momentum: momentum * running + (1 - momentum) * batch."""
    axis = (0, *range(2, x.ndim))
    sh = (1, -1) + (1,) * (x.ndim - 2)
    if training:
        mu, var = x.mean(axis=axis), x.astype(np.float64).var(axis=axis)
        m = x.size / x.shape[1]
        running_mean = momentum * running_mean + (1 - momentum) * mu
        running_var = momentum * running_var + (1 - momentum) * var * m / (m - 1)
    else:
        mu, var = running_mean, running_var
    x_hat = (x - mu.reshape(sh)) / np.sqrt(var.reshape(sh) + eps)
    return gamma.reshape(sh) * x_hat + beta.reshape(sh), running_mean, running_var, (x_hat, gamma, var, eps)


@wrong("5.1", "The running variance takes in the biased batch")
def batchnorm_forward(x, gamma, beta, running_mean, running_var, *, training, momentum=0.1, eps=1e-5):
    """The biased variance goes into the running variance."""
    axis = (0, *range(2, x.ndim))
    sh = (1, -1) + (1,) * (x.ndim - 2)
    if training:
        mean = x.mean(axis=axis)
        var = np.mean((x - mean.reshape(sh)) ** 2, axis=axis)
        running_mean = running_mean + momentum * (mean - running_mean)
        running_var = running_var + momentum * (var - running_var)
    else:
        mean, var = running_mean, running_var
    x_hat = (x - mean.reshape(sh)) / np.sqrt(var.reshape(sh) + eps)
    cache = dict(x_hat=x_hat, gamma=gamma, std=np.sqrt(var + eps))
    return gamma.reshape(sh) * x_hat + beta.reshape(sh), running_mean, running_var, cache


@wrong("5.1", "In training the batch is normalised with the")
def batchnorm_forward(x, gamma, beta, running_mean, running_var, *, training, momentum=0.1, eps=1e-5):
    """Updates first and normalises by the running statistics in both modes."""
    axis = (0, *range(2, x.ndim))
    sh = (1, -1) + (1,) * (x.ndim - 2)
    if training:
        mean = x.mean(axis=axis)
        var = ((x - mean.reshape(sh)) ** 2).mean(axis=axis)
        n = x.size // x.shape[1]
        running_mean = (1 - momentum) * running_mean + momentum * mean
        running_var = (1 - momentum) * running_var + momentum * var * n / (n - 1)
    x_hat = (x - running_mean.reshape(sh)) / np.sqrt(running_var.reshape(sh) + eps)
    out = gamma.reshape(sh) * x_hat + beta.reshape(sh)
    return out, running_mean, running_var, (x_hat, gamma, running_var, eps)


@wrong("5.1", "The correction of the running variance uses the")
def batchnorm_forward(x, gamma, beta, running_mean, running_var, *, training, momentum=0.1, eps=1e-5):
    """The unbiased correction with N, the number of samples, in place of m."""
    axis = (0, *range(2, x.ndim))
    sh = (1, -1) + (1,) * (x.ndim - 2)
    N = x.shape[0]
    if training:
        mean = x.mean(axis=axis)
        var = ((x - mean.reshape(sh)) ** 2).mean(axis=axis)
        new_mean = (1 - momentum) * running_mean + momentum * mean
        new_var = (1 - momentum) * running_var + momentum * var * N / (N - 1)
    else:
        mean, var, new_mean, new_var = running_mean, running_var, running_mean, running_var
    x_hat = (x - mean.reshape(sh)) / np.sqrt(var.reshape(sh) + eps)
    return gamma.reshape(sh) * x_hat + beta.reshape(sh), new_mean, new_var, (x_hat, gamma, var, eps)


@wrong("5.2", "γ is missing in dx: what reaches x̂ is γ · dy")
def batchnorm_backward(dy, cache):
    """Forgets gamma in dx."""
    x_hat, gamma, var, eps = cache
    ax = (0, *range(2, dy.ndim))
    sh = (1, -1) + (1,) * (dy.ndim - 2)
    m = dy.size / dy.shape[1]
    dgamma = np.sum(dy * x_hat, axis=ax)
    dbeta = np.sum(dy, axis=ax)
    dx = (m * dy - dbeta.reshape(sh) - x_hat * dgamma.reshape(sh)) / (m * np.sqrt(var + eps).reshape(sh))
    return dx, dgamma, dbeta


@wrong("5.2", "The path through the variance is missing: the")
def batchnorm_backward(dy, cache):
    """Only through the mean, the term of the variance is left out."""
    x_hat, gamma, var, eps = cache
    ax = (0, *range(2, dy.ndim))
    sh = (1, -1) + (1,) * (dy.ndim - 2)
    dx_hat = dy * gamma.reshape(sh)
    dx = (dx_hat - dx_hat.mean(axis=ax, keepdims=True)) / np.sqrt(var + eps).reshape(sh)
    return dx, (dy * x_hat).sum(axis=ax), dy.sum(axis=ax)


@wrong("5.2", "dγ and dβ have changed places")
def batchnorm_backward(dy, cache):
    """Order dx, dbeta, dgamma; and m counts samples only."""
    x_hat, gamma, var, eps = cache
    ax = (0, *range(2, dy.ndim))
    sh = (1, -1) + (1,) * (dy.ndim - 2)
    m = dy.shape[0]
    dgamma, dbeta = (dy * x_hat).sum(axis=ax), dy.sum(axis=ax)
    factor = (gamma / np.sqrt(var + eps)).reshape(sh)
    dx = factor * (dy - (dbeta.reshape(sh) + x_hat * dgamma.reshape(sh)) / m)
    return dx, dbeta, dgamma


@wrong("5.3", "A forward difference, (f(x + h) - f(x)) / h.")
def numerical_gradient(f, x, dy, h=1e-5):
    """Forward difference, (L(x + h) - L(x)) / h."""
    grad = torch.zeros_like(x)
    with torch.no_grad():
        base = (f(x.clone()) * dy).sum()
        for idx in itertools.product(*(range(s) for s in x.shape)):
            moved = x.clone()
            moved[idx] += h
            grad[idx] = ((f(moved) * dy).sum() - base) / h
    return grad


@wrong("5.3", "x is moved in place and put back by adding and")
def numerical_gradient(f, x, dy, h=1e-5):
    """cs231n: moves x itself by += h, -= 2h, += h: rounding leaves x changed."""
    grad = torch.zeros(x.shape, dtype=x.dtype)
    data = x.detach()
    for ix in np.ndindex(*x.shape):
        with torch.no_grad():
            data[ix] += h
            pos = (f(x) * dy).sum()
            data[ix] -= 2 * h
            neg = (f(x) * dy).sum()
            data[ix] += h
            grad[ix] = (pos - neg) / (2 * h)
    return grad


@wrong("5.3", "The difference is divided by h; the two points")
def numerical_gradient(f, x, dy, h=1e-5):
    """Divides by h and not by 2h."""
    result = torch.empty(x.shape, dtype=x.dtype)
    with torch.no_grad():
        for idx in np.ndindex(*x.shape):
            step = torch.zeros(x.shape, dtype=x.dtype)
            step[idx] = h
            result[idx] = (((f(x + step) - f(x - step)) * dy) / h).sum()
    return result


@wrong("5.4", "The unbiased variance normalises (PyTorch's")
class BatchNorm(nn.Module):
    """x.var(...) unbiased for normalising too."""

    def __init__(self, num_features, eps=1e-5, momentum=0.1, affine=True, track_running_stats=True):
        super().__init__()
        self.eps = eps
        self.momentum = momentum
        self.weight = nn.Parameter(torch.ones(num_features)) if affine else None
        self.bias = nn.Parameter(torch.zeros(num_features)) if affine else None
        if track_running_stats:
            self.register_buffer("running_mean", torch.zeros(num_features))
            self.register_buffer("running_var", torch.ones(num_features))
            self.register_buffer("num_batches_tracked", torch.tensor(0))
        else:
            self.running_mean = self.running_var = self.num_batches_tracked = None

    def forward(self, x):
        dims = [d for d in range(x.dim()) if d != 1]
        shape = [1, -1] + [1] * (x.dim() - 2)
        if self.training or self.running_mean is None:
            mean = x.mean(dims)
            var = x.var(dims)
            if self.running_mean is not None:
                with torch.no_grad():
                    self.num_batches_tracked += 1
                    f = 1.0 / float(self.num_batches_tracked) if self.momentum is None else self.momentum
                    self.running_mean.mul_(1 - f).add_(f * mean)
                    self.running_var.mul_(1 - f).add_(f * var)
        else:
            mean, var = self.running_mean, self.running_var
        out = (x - mean.view(shape)) / (var.view(shape) + self.eps).sqrt()
        if self.weight is not None:
            out = out * self.weight.view(shape) + self.bias.view(shape)
        return out


@wrong("5.4", "momentum=None is taken for 0.1. It stands for")
class BatchNorm(nn.Module):
    """momentum=None is taken as 0.1; num_batches_tracked counts but is not used."""

    def __init__(self, num_features, eps=1e-5, momentum=0.1, affine=True, track_running_stats=True):
        super().__init__()
        self.eps = eps
        self.momentum = 0.1 if momentum is None else momentum
        self.register_parameter("weight", nn.Parameter(torch.ones(num_features)) if affine else None)
        self.register_parameter("bias", nn.Parameter(torch.zeros(num_features)) if affine else None)
        self.register_buffer("running_mean", torch.zeros(num_features) if track_running_stats else None)
        self.register_buffer("running_var", torch.ones(num_features) if track_running_stats else None)
        self.register_buffer("num_batches_tracked", torch.tensor(0) if track_running_stats else None)

    def forward(self, x):
        dims = [d for d in range(x.dim()) if d != 1]
        shape = [1, -1] + [1] * (x.dim() - 2)
        if self.training or self.running_mean is None:
            mean, var = x.mean(dims), x.var(dims, unbiased=False)
            if self.running_mean is not None:
                n = x.numel() / x.size(1)
                with torch.no_grad():
                    self.num_batches_tracked.add_(1)
                    self.running_mean.copy_((1 - self.momentum) * self.running_mean + self.momentum * mean)
                    self.running_var.copy_((1 - self.momentum) * self.running_var + self.momentum * var * n / (n - 1))
        else:
            mean, var = self.running_mean, self.running_var
        out = (x - mean.view(shape)) / torch.sqrt(var.view(shape) + self.eps)
        if self.weight is None:
            return out
        return out * self.weight.view(shape) + self.bias.view(shape)


@wrong("5.4", "Running statistics are plain attributes: they")
class BatchNorm(nn.Module):
    """Running statistics are plain attributes, not buffers."""

    def __init__(self, num_features, eps=1e-5, momentum=0.1, affine=True, track_running_stats=True):
        super().__init__()
        self.eps, self.momentum, self.track = eps, momentum, track_running_stats
        self.weight = nn.Parameter(torch.ones(num_features)) if affine else None
        self.bias = nn.Parameter(torch.zeros(num_features)) if affine else None
        self.running_mean = torch.zeros(num_features) if track_running_stats else None
        self.running_var = torch.ones(num_features) if track_running_stats else None
        self.num_batches_tracked = torch.tensor(0) if track_running_stats else None

    def forward(self, x):
        dims = (0, *range(2, x.dim()))
        shape = (1, -1) + (1,) * (x.dim() - 2)
        if self.training or not self.track:
            mean, var = x.mean(dims), x.var(dims, unbiased=False)
            if self.track:
                self.num_batches_tracked += 1
                m = self.momentum if self.momentum is not None else 1 / self.num_batches_tracked.item()
                n = x.numel() // x.shape[1]
                self.running_mean = (1 - m) * self.running_mean + m * mean.detach()
                self.running_var = (1 - m) * self.running_var + m * var.detach() * n / (n - 1)
        else:
            mean, var = self.running_mean, self.running_var
        y = (x - mean.reshape(shape)) / torch.sqrt(var.reshape(shape) + self.eps)
        return y if self.weight is None else self.weight.reshape(shape) * y + self.bias.reshape(shape)


@wrong("5.4", "evaluation normalises with 0 and 1", "gradient history of every batch", named=False)
class BatchNorm(nn.Module):
    """Without running statistics evaluation normalises by 0 and 1; with them: statistics moved without detach."""

    def __init__(self, num_features, eps=1e-5, momentum=0.1, affine=True, track_running_stats=True):
        super().__init__()
        self.eps, self.momentum = eps, momentum
        self.track_running_stats = track_running_stats
        self.weight = nn.Parameter(torch.ones(num_features)) if affine else None
        self.bias = nn.Parameter(torch.zeros(num_features)) if affine else None
        for name, value in (("running_mean", 0.0), ("running_var", 1.0)):
            self.register_buffer(name, torch.full((num_features,), value) if track_running_stats else None)
        self.register_buffer("num_batches_tracked", torch.tensor(0) if track_running_stats else None)

    def forward(self, x):
        dims = (0, *range(2, x.dim()))
        shape = (1, -1) + (1,) * (x.dim() - 2)
        if self.training:
            mean, var = x.mean(dims), x.var(dims, unbiased=False)
            if self.track_running_stats:
                self.num_batches_tracked = self.num_batches_tracked + 1
                m = self.momentum if self.momentum is not None else 1 / self.num_batches_tracked.item()
                n = x.numel() // x.shape[1]
                self.running_mean = (1 - m) * self.running_mean + m * mean
                self.running_var = (1 - m) * self.running_var + m * var * n / (n - 1)
        elif self.track_running_stats:
            mean, var = self.running_mean, self.running_var
        else:
            mean, var = x.new_zeros(x.shape[1]), x.new_ones(x.shape[1])
        y = (x - mean.reshape(shape)) / torch.sqrt(var.reshape(shape) + self.eps)
        return y if self.weight is None else self.weight.reshape(shape) * y + self.bias.reshape(shape)


@wrong("5.5", "γ is missing in dx: what reaches x̂ is γ · dy")
class BatchNormFunction(torch.autograd.Function):
    """dx without the factor gamma."""

    @staticmethod
    def forward(ctx, x, gamma, beta, eps):
        dims = [i for i in range(x.dim()) if i != 1]
        mu = x.mean(dims, keepdim=True)
        var = x.var(dims, unbiased=False, keepdim=True)
        inv = torch.rsqrt(var + eps)
        xhat = (x - mu) * inv
        ctx.save_for_backward(xhat, gamma, inv)
        return xhat * gamma.view(mu.shape) + beta.view(mu.shape)

    @staticmethod
    def backward(ctx, dy):
        xhat, gamma, inv = ctx.saved_tensors
        dims = [i for i in range(dy.dim()) if i != 1]
        dgamma, dbeta = (dy * xhat).sum(dims), dy.sum(dims)
        dx = inv * (dy - dy.mean(dims, keepdim=True) - xhat * (dy * xhat).mean(dims, keepdim=True))
        return dx, dgamma, dbeta, None


@wrong("5.5", "backward returns three values; apply has four")
class BatchNormFunction(torch.autograd.Function):
    """Three gradients only, none for eps."""

    @staticmethod
    def forward(ctx, x, gamma, beta, eps):
        dims = [i for i in range(x.dim()) if i != 1]
        shape = [1, -1] + [1] * (x.dim() - 2)
        inv = 1 / torch.sqrt(x.var(dims, unbiased=False, keepdim=True) + eps)
        xhat = (x - x.mean(dims, keepdim=True)) * inv
        ctx.save_for_backward(xhat, gamma, inv)
        ctx.shape = shape
        return xhat * gamma.view(shape) + beta.view(shape)

    @staticmethod
    def backward(ctx, dy):
        xhat, gamma, inv = ctx.saved_tensors
        dims = [i for i in range(dy.dim()) if i != 1]
        g = dy * gamma.view(ctx.shape)
        dx = inv * (g - g.mean(dims, keepdim=True) - xhat * (g * xhat).mean(dims, keepdim=True))
        return dx, (dy * xhat).sum(dims), dy.sum(dims)


@wrong("5.5", "dγ is the sum of dy times the centred x; x̂ is")
class BatchNormFunction(torch.autograd.Function):
    """dgamma from x centred, not normalised: dy * (x - mean)."""

    @staticmethod
    def forward(ctx, x, gamma, beta, eps):
        dims = (0, *range(2, x.dim()))
        shape = (1, -1) + (1,) * (x.dim() - 2)
        centred = x - x.mean(dims, keepdim=True)
        std = torch.sqrt((centred**2).mean(dims, keepdim=True) + eps)
        ctx.save_for_backward(centred, std, gamma)
        return gamma.view(shape) * centred / std + beta.view(shape)

    @staticmethod
    def backward(ctx, dy):
        centred, std, gamma = ctx.saved_tensors
        dims = (0, *range(2, dy.dim()))
        shape = (1, -1) + (1,) * (dy.dim() - 2)
        dgamma = (dy * centred).sum(dims)
        dbeta = dy.sum(dims)
        g = dy * gamma.view(shape)
        dx = (g - g.mean(dims, keepdim=True) - centred / std**2 * (g * centred).mean(dims, keepdim=True)) / std
        return dx, dgamma, dbeta, None
