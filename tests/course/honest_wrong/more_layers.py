"""More wrong answers to chapter 5; the docstring says what is wrong."""

# ruff: noqa: F811  one name has many answers

import numpy as np
import torch
from torch import nn

from tests.course.honest_wrong import wrong


def spread(v, x):
    return v.reshape(1, -1, *[1] * (x.ndim - 2))


@wrong("5.1", "Two slips in the running statistics")
def batchnorm_forward(x, gamma, beta, running_mean, running_var, *, training, momentum=0.1, eps=1e-5):
    """As in CS231n: momentum is the share of the old, and the biased variance goes into the running one."""
    axes = (0, *range(2, x.ndim))
    if training:
        sample_mean, sample_var = x.mean(axes), x.var(axes)
        x_hat = (x - spread(sample_mean, x)) / np.sqrt(spread(sample_var, x) + eps)
        running_mean = momentum * running_mean + (1 - momentum) * sample_mean
        running_var = momentum * running_var + (1 - momentum) * sample_var
        cache = (x_hat, gamma, sample_var, eps)
    else:
        x_hat = (x - spread(running_mean, x)) / np.sqrt(spread(running_var, x) + eps)
        cache = None
    return spread(gamma, x) * x_hat + spread(beta, x), running_mean, running_var, cache


@wrong("5.1", "changed in place")
def batchnorm_forward(x, gamma, beta, running_mean, running_var, *, training, momentum=0.1, eps=1e-5):
    """The running statistics of the caller are overwritten in place."""
    axes, m = (0, *range(2, x.ndim)), x.size // x.shape[1]
    if training:
        mean, var = x.mean(axes), x.var(axes)
        running_mean *= 1 - momentum
        running_mean += momentum * mean
        running_var *= 1 - momentum
        running_var += momentum * var * m / (m - 1)
    else:
        mean, var = running_mean, running_var
    x_hat = (x - spread(mean, x)) / np.sqrt(spread(var, x) + eps)
    return spread(gamma, x) * x_hat + spread(beta, x), running_mean, running_var, (x_hat, gamma, var, eps)


@wrong("5.1", "as they are after the update")
def batchnorm_forward(x, gamma, beta, running_mean, running_var, *, training, momentum=0.1, eps=1e-5):
    """In training x is normalised by the running statistics that were just updated."""
    axes, m = (0, *range(2, x.ndim)), x.size // x.shape[1]
    if training:
        running_mean = (1 - momentum) * running_mean + momentum * x.mean(axes)
        running_var = (1 - momentum) * running_var + momentum * x.var(axes) * m / (m - 1)
    x_hat = (x - spread(running_mean, x)) / np.sqrt(spread(running_var, x) + eps)
    return spread(gamma, x) * x_hat + spread(beta, x), running_mean, running_var, (x_hat, gamma, running_var, eps)


@wrong("5.2", "divided by the batch size")
def batchnorm_backward(dy, cache):
    """m is the batch size where it should be the number of values of a channel."""
    x_hat, gamma, var, eps = cache
    N = dy.shape[0]
    axes = (0, *range(2, dy.ndim))
    dbeta = dy.sum(axis=axes)
    dgamma = (dy * x_hat).sum(axis=axes)
    dx_hat = dy * spread(gamma, dy)
    dx = (N * dx_hat - dx_hat.sum(axes, keepdims=True) - x_hat * (dx_hat * x_hat).sum(axes, keepdims=True)) / N
    return dx / np.sqrt(spread(var, dy) + eps), dgamma, dbeta


@wrong("5.2", "γ is missing in dx")
def batchnorm_backward(dy, cache):
    """gamma is forgotten on the way to x."""
    x_hat, gamma, var, eps = cache
    axes = (0, *range(2, dy.ndim))
    dgamma, dbeta = np.sum(dy * x_hat, axis=axes), np.sum(dy, axis=axes)
    m = dy.size / dy.shape[1]
    dx = dy - spread(dbeta, dy) / m - x_hat * spread(dgamma, dy) / m
    return dx / spread(np.sqrt(var + eps), dy), dgamma, dbeta


@wrong("5.2", "dγ holds γ once more")
def batchnorm_backward(dy, cache):
    """dy is scaled by gamma before dgamma is taken of it."""
    x_hat, gamma, var, eps = cache
    axes = (0, *range(2, dy.ndim))
    dbeta = dy.sum(axes)
    dy = dy * spread(gamma, dy)
    dgamma = (dy * x_hat).sum(axes)
    dx = dy - dy.mean(axes, keepdims=True) - x_hat * (dy * x_hat).mean(axes, keepdims=True)
    return dx / np.sqrt(spread(var, dy) + eps), dgamma, dbeta


@wrong("5.2", "keep axes of length 1")
def batchnorm_backward(dy, cache):
    """The gradients of gamma and beta keep the axes that were summed away."""
    x_hat, gamma, var, eps = cache
    axes = (0, *range(2, dy.ndim))
    dbeta = dy.sum(axes, keepdims=True)
    dgamma = (dy * x_hat).sum(axes, keepdims=True)
    m = dy.size // dy.shape[1]
    dx = spread(gamma / np.sqrt(var + eps), dy) * (dy - dbeta / m - x_hat * dgamma / m)
    return dx, dgamma, dbeta


@wrong("5.3", "A forward difference")
def numerical_gradient(f, x, dy, h=1e-5):
    """A difference to one side."""
    grad = torch.zeros_like(x, requires_grad=False)
    x = x.detach().clone()
    start = (f(x.clone()) * dy).sum().item()
    for index in np.ndindex(*x.shape):
        moved = x.clone()
        moved[index] += h
        grad[index] = ((f(moved) * dy).sum().item() - start) / h
    return grad


@wrong("5.3", "f may return a view of x")
def numerical_gradient(f, x, dy, h=1e-5):
    """As in CS231n: x itself is moved and put back; where f returns a view of it, pos and neg are the same."""
    with torch.no_grad():
        grad = torch.zeros_like(x)
        for ix in np.ndindex(*x.shape):
            oldval = x[ix].item()
            x[ix] = oldval + h
            pos = f(x)
            x[ix] = oldval - h
            neg = f(x)
            x[ix] = oldval
            grad[ix] = ((pos - neg) * dy).sum() / (2 * h)
    return grad


@wrong("5.3", "put back by adding and subtracting h")
def numerical_gradient(f, x, dy, h=1e-5):
    """Moves a flattened x, and puts it back by arithmetic; without gaps it is a view, with gaps a copy."""
    with torch.no_grad():
        flat, grad = x.detach().reshape(-1), torch.zeros(x.numel(), dtype=x.dtype)
        for i in range(x.numel()):
            flat[i] += h
            up = (f(x) * dy).sum().item()
            flat[i] -= 2 * h
            down = (f(x) * dy).sum().item()
            flat[i] += h
            grad[i] = (up - down) / (2 * h)
    return grad.reshape(x.shape)


def layer(buffers=True, average=True, unbiased=True, count=True, initial=torch.ones, detached=True):
    """The module of 5.4 with one or another slip."""

    class BatchNorm(nn.Module):
        def __init__(self, num_features, eps=1e-5, momentum=0.1, affine=True, track_running_stats=True):
            super().__init__()
            self.eps, self.momentum, self.track_running_stats = eps, momentum, track_running_stats
            self.weight = nn.Parameter(initial(num_features)) if affine else None
            self.bias = nn.Parameter(torch.zeros(num_features)) if affine else None
            if not track_running_stats:
                self.running_mean = self.running_var = self.num_batches_tracked = None
            elif buffers:
                self.register_buffer("running_mean", torch.zeros(num_features))
                self.register_buffer("running_var", torch.ones(num_features))
                self.register_buffer("num_batches_tracked", torch.tensor(0, dtype=torch.long))
            else:
                self.running_mean, self.running_var = torch.zeros(num_features), torch.ones(num_features)
                self.num_batches_tracked = torch.tensor(0)

        def forward(self, x):
            dims = [d for d in range(x.dim()) if d != 1]
            mean, var = self.running_mean, self.running_var
            if self.training or not self.track_running_stats:
                mean, var = x.mean(dims), x.var(dims, unbiased=False)
            if self.training and self.track_running_stats:
                if count:
                    self.num_batches_tracked += 1
                factor = self.momentum
                if factor is None and average:
                    factor = 1.0 / float(self.num_batches_tracked)
                m = x.numel() / x.size(1)
                stored = var * m / (m - 1) if unbiased else var
                new_mean, new_var = (mean.detach(), stored.detach()) if detached else (mean, stored)
                self.running_mean = (1 - factor) * self.running_mean + factor * new_mean
                self.running_var = (1 - factor) * self.running_var + factor * new_var
            y = (x - spread(mean, x)) / torch.sqrt(spread(var, x) + self.eps)
            return y if self.weight is None else y * spread(self.weight, x) + spread(self.bias, x)

    return BatchNorm


wrong("5.4", "plain attributes")(
    layer(buffers=False)
)  # the running statistics are plain attributes, unknown to the state dict
wrong("5.4", "momentum=None is not handled")(layer(average=False))  # momentum=None is not thought of and crashes
wrong("5.4", "takes in the biased variance")(layer(unbiased=False))  # the biased variance goes into the running one
wrong("5.4", "never counted")(
    layer(count=False, average=False)
)  # num_batches_tracked stays 0, and momentum=None crashes
wrong("5.4")(layer(initial=torch.rand))  # weight starts at random numbers
wrong("5.4", "keep the gradient history")(
    layer(detached=False)
)  # the running statistics carry the graph of all batches


@wrong("5.4", "Three things differ from PyTorch")
class BatchNorm(nn.Module):
    """As in d2l: the names are gamma, beta, moving_mean, and the mode is asked of autograd."""

    def __init__(self, num_features, eps=1e-5, momentum=0.1, affine=True, track_running_stats=True):
        super().__init__()
        self.eps, self.momentum = eps, momentum
        self.gamma = nn.Parameter(torch.ones(num_features))
        self.beta = nn.Parameter(torch.zeros(num_features))
        self.register_buffer("moving_mean", torch.zeros(num_features))
        self.register_buffer("moving_var", torch.ones(num_features))

    def forward(self, x):
        if not torch.is_grad_enabled():
            x_hat = (x - spread(self.moving_mean, x)) / torch.sqrt(spread(self.moving_var, x) + self.eps)
        else:
            dims = (0, *range(2, x.dim()))
            mean = x.mean(dim=dims)
            var = ((x - spread(mean, x)) ** 2).mean(dim=dims)
            x_hat = (x - spread(mean, x)) / torch.sqrt(spread(var, x) + self.eps)
            self.moving_mean = (1.0 - self.momentum) * self.moving_mean + self.momentum * mean.detach()
            self.moving_var = (1.0 - self.momentum) * self.moving_var + self.momentum * var.detach()
        return spread(self.gamma, x) * x_hat + spread(self.beta, x)


def function(per_sample=False, scaled=True, gradients=4, correction=0, summed=True):
    """The autograd function of 5.5 with one or another slip."""

    class BatchNormFunction(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x, gamma, beta, eps):
            dims = [0] + list(range(2, x.dim()))
            mean = x.mean(dims, keepdim=True)
            std = torch.sqrt(x.var(dims, keepdim=True, correction=correction) + eps)
            x_hat = (x - mean) / std
            ctx.save_for_backward(x_hat, gamma, std)
            ctx.dims = dims
            return spread(gamma, x) * x_hat + spread(beta, x)

        @staticmethod
        def backward(ctx, grad):
            x_hat, gamma, std = ctx.saved_tensors
            m = len(grad) if per_sample else grad.numel() // grad.shape[1]
            dgamma, dbeta = (grad * x_hat).sum(ctx.dims), grad.sum(ctx.dims)
            g = grad * spread(gamma, grad) if scaled else grad
            dx = m * g - g.sum(ctx.dims, keepdim=True) - x_hat * (g * x_hat).sum(ctx.dims, keepdim=True)
            dx = dx / (m * std)
            if not summed:
                dgamma = dgamma / m
            return (dx, dgamma, dbeta, None)[:gradients]

    return BatchNormFunction


wrong("5.5", "divided by the batch size")(function(per_sample=True))  # m is the batch size
wrong("5.5", "γ is missing in dx")(function(scaled=False))  # gamma is forgotten on the way to x
wrong("5.5", "ε needs its None")(function(gradients=3))  # there is no None for eps
wrong("5.5", "unbiased variance normalises")(function(correction=1))  # the variance of the forward is unbiased
wrong("5.5", "dγ is a mean")(function(summed=False))  # dgamma is averaged, not summed
