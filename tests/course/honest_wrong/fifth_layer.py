"""Wrong answers to chapter 5, a fifth sample, written before a look at checks or mistakes."""

# ruff: noqa: F811  one name has many answers

import numpy as np
import torch
from torch import nn

from tests.course.honest_wrong import wrong


def spread(v, x):
    return v.reshape((1, -1) + (1,) * (x.ndim - 2))


@wrong("5.1", "The running variance takes in the biased batch")
def batchnorm_forward(x, gamma, beta, running_mean, running_var, *, training, momentum=0.1, eps=1e-5):
    """The biased variance goes into running_var."""
    axes = (0, *range(2, x.ndim))
    if training:
        mean, var = x.mean(axes), x.var(axes)
        running_mean = (1 - momentum) * running_mean + momentum * mean
        running_var = (1 - momentum) * running_var + momentum * var
    else:
        mean, var = running_mean, running_var
    inv = 1 / np.sqrt(var + eps)
    x_hat = (x - spread(mean, x)) * spread(inv, x)
    return spread(gamma, x) * x_hat + spread(beta, x), running_mean, running_var, (x_hat, gamma, inv)


@wrong("5.1", "Momentum is reversed: you keep `momentum` of the")
def batchnorm_forward(x, gamma, beta, running_mean, running_var, *, training, momentum=0.1, eps=1e-5):
    """momentum is the share that is kept, as in CS231n."""
    axes = (0, *range(2, x.ndim))
    m = x.size // x.shape[1]
    if training:
        mean, var = x.mean(axes), x.var(axes)
        running_mean = momentum * running_mean + (1 - momentum) * mean
        running_var = momentum * running_var + (1 - momentum) * var * m / (m - 1)
    else:
        mean, var = running_mean, running_var
    inv = 1 / np.sqrt(var + eps)
    x_hat = (x - spread(mean, x)) * spread(inv, x)
    return spread(gamma, x) * x_hat + spread(beta, x), running_mean, running_var, (x_hat, gamma, inv)


@wrong("5.1", "The running statistics are changed in place")
def batchnorm_forward(x, gamma, beta, running_mean, running_var, *, training, momentum=0.1, eps=1e-5):
    """The running statistics are updated in place: the arguments change."""
    axes = (0, *range(2, x.ndim))
    m = x.size // x.shape[1]
    if training:
        mean, var = x.mean(axes), x.var(axes)
        running_mean *= 1 - momentum
        running_mean += momentum * mean
        running_var *= 1 - momentum
        running_var += momentum * var * m / (m - 1)
    else:
        mean, var = running_mean, running_var
    inv = 1 / np.sqrt(var + eps)
    x_hat = (x - spread(mean, x)) * spread(inv, x)
    return spread(gamma, x) * x_hat + spread(beta, x), running_mean, running_var, (x_hat, gamma, inv)


@wrong("5.1", "In training the batch is normalised with the")
def batchnorm_forward(x, gamma, beta, running_mean, running_var, *, training, momentum=0.1, eps=1e-5):
    """In training y is normalised with the moved running statistics."""
    axes = (0, *range(2, x.ndim))
    m = x.size // x.shape[1]
    if training:
        running_mean = (1 - momentum) * running_mean + momentum * x.mean(axes)
        running_var = (1 - momentum) * running_var + momentum * x.var(axes) * m / (m - 1)
    inv = 1 / np.sqrt(running_var + eps)
    x_hat = (x - spread(running_mean, x)) * spread(inv, x)
    return spread(gamma, x) * x_hat + spread(beta, x), running_mean, running_var, (x_hat, gamma, inv)


@wrong("5.2", "γ is missing in dx: what reaches x̂ is γ · dy.")
def batchnorm_backward(dy, cache):
    """dx leaves out gamma."""
    x_hat, gamma, var, eps = cache
    inv = 1 / np.sqrt(var + eps)
    axes = (0, *range(2, dy.ndim))
    dgamma, dbeta = (dy * x_hat).sum(axes), dy.sum(axes)
    m = dy.size // dy.shape[1]
    dx = spread(inv, dy) * (dy - spread(dbeta, dy) / m - x_hat * spread(dgamma, dy) / m)
    return dx, dgamma, dbeta


@wrong("5.2", "Sums are divided by the batch size. m counts all")
def batchnorm_backward(dy, cache):
    """m is the batch size, not the number of values."""
    x_hat, gamma, var, eps = cache
    inv = 1 / np.sqrt(var + eps)
    axes = (0, *range(2, dy.ndim))
    dgamma, dbeta = (dy * x_hat).sum(axes), dy.sum(axes)
    m = dy.shape[0]
    dx = spread(gamma * inv, dy) * (dy - spread(dbeta, dy) / m - x_hat * spread(dgamma, dy) / m)
    return dx, dgamma, dbeta


@wrong("5.2", "The path through the variance is missing: the term")
def batchnorm_backward(dy, cache):
    """The second term of dx, through the variance, is missing."""
    x_hat, gamma, var, eps = cache
    inv = 1 / np.sqrt(var + eps)
    axes = (0, *range(2, dy.ndim))
    dgamma, dbeta = (dy * x_hat).sum(axes), dy.sum(axes)
    dx_hat = dy * spread(gamma, dy)
    dx = spread(inv, dy) * (dx_hat - dx_hat.mean(axes, keepdims=True))
    return dx, dgamma, dbeta


@wrong("5.3", "A forward difference, (f(x + h) - f(x)) / h. Use")
def numerical_gradient(f, x, dy, h=1e-5):
    """A one-sided difference."""
    x = x.detach().clone()
    base = (f(x.clone()) * dy).sum()
    grad = torch.zeros_like(x)
    for i in range(x.numel()):
        moved = x.clone().reshape(-1)
        moved[i] += h
        grad.view(-1)[i] = ((f(moved.reshape(x.shape)) * dy).sum() - base) / h
    return grad


@wrong("5.3", "Each entry is moved by h/2 to either side, so the")
def numerical_gradient(f, x, dy, h=1e-5):
    """2h in place of h in the steps, but division by 2h."""
    grad = torch.zeros(x.shape, dtype=x.dtype)
    flat = x.detach().clone().reshape(-1)
    out = grad.reshape(-1)
    for i in range(flat.numel()):
        up, down = flat.clone(), flat.clone()
        up[i] += h / 2
        down[i] -= h / 2
        out[i] = ((f(up.reshape(x.shape)) - f(down.reshape(x.shape))) * dy).sum() / (2 * h)
    return grad


@wrong("5.3", "x is moved in place and put back by adding and")
def numerical_gradient(f, x, dy, h=1e-5):
    """x is moved and moved back by adding h: its bits change."""
    grad = torch.zeros_like(x)
    with torch.no_grad():
        for index in np.ndindex(*x.shape):
            x[index] += h
            up = (f(x) * dy).sum().item()
            x[index] -= 2 * h
            down = (f(x) * dy).sum().item()
            x[index] += h
            grad[index] = (up - down) / (2 * h)
    return grad


class Base(nn.Module):
    def __init__(self, num_features, eps=1e-5, momentum=0.1, affine=True, track_running_stats=True):
        super().__init__()
        self.eps, self.momentum = eps, momentum
        self.weight = nn.Parameter(torch.ones(num_features)) if affine else None
        self.bias = nn.Parameter(torch.zeros(num_features)) if affine else None
        self.track_running_stats = track_running_stats
        self.register_buffer("running_mean", torch.zeros(num_features) if track_running_stats else None)
        self.register_buffer("running_var", torch.ones(num_features) if track_running_stats else None)
        self.register_buffer("num_batches_tracked", torch.tensor(0) if track_running_stats else None)

    def finish(self, x, mean, var):
        y = (x - spread(mean, x)) / torch.sqrt(spread(var, x) + self.eps)
        return y if self.weight is None else spread(self.weight, x) * y + spread(self.bias, x)

    def move(self, mean, var, m):
        with torch.no_grad():
            self.num_batches_tracked += 1
            share = 1 / float(self.num_batches_tracked) if self.momentum is None else self.momentum
            self.running_mean += share * (mean - self.running_mean)
            self.running_var += share * (var * m / (m - 1) - self.running_var)


@wrong("5.4", "momentum=None is taken for 0.1. It stands for the")
class BatchNorm(Base):
    """momentum=None is taken for 0.1."""

    def forward(self, x):
        axes = (0, *range(2, x.ndim))
        if self.momentum is None:
            self.momentum = 0.1
        if self.training or not self.track_running_stats:
            mean, var = x.mean(axes), x.var(axes, unbiased=False)
            if self.training and self.track_running_stats:
                self.move(mean, var, x.numel() // x.shape[1])
        else:
            mean, var = self.running_mean, self.running_var
        return self.finish(x, mean, var)


@wrong("5.4", "Running statistics are plain attributes: they are")
class BatchNorm(Base):
    """The running statistics are plain attributes: not in the state dict."""

    def __init__(self, num_features, eps=1e-5, momentum=0.1, affine=True, track_running_stats=True):
        super().__init__(num_features, eps, momentum, affine, track_running_stats)
        if track_running_stats:
            del self.running_mean, self.running_var, self.num_batches_tracked
            self.running_mean = torch.zeros(num_features)
            self.running_var = torch.ones(num_features)
            self.num_batches_tracked = torch.tensor(0)

    def forward(self, x):
        axes = (0, *range(2, x.ndim))
        if self.training or not self.track_running_stats:
            mean, var = x.mean(axes), x.var(axes, unbiased=False)
            if self.training and self.track_running_stats:
                self.move(mean, var, x.numel() // x.shape[1])
        else:
            mean, var = self.running_mean, self.running_var
        return self.finish(x, mean, var)


@wrong("5.4", "The unbiased variance normalises (PyTorch's `var`")
class BatchNorm(Base):
    """The unbiased variance also normalises."""

    def forward(self, x):
        axes = (0, *range(2, x.ndim))
        if self.training or not self.track_running_stats:
            mean, var = x.mean(axes), x.var(axes)
            if self.training and self.track_running_stats:
                m = x.numel() // x.shape[1]
                self.move(mean, var * (m - 1) / m, m)
        else:
            mean, var = self.running_mean, self.running_var
        return self.finish(x, mean, var)


@wrong("5.4", "The running statistics keep the gradient history of")
class BatchNorm(Base):
    """The running statistics are assigned without detach: they hold the graph of the step before."""

    def forward(self, x):
        axes = (0, *range(2, x.ndim))
        m = x.numel() // x.shape[1]
        if self.training or not self.track_running_stats:
            mean, var = x.mean(axes), x.var(axes, unbiased=False)
            if self.training and self.track_running_stats:
                self.num_batches_tracked = self.num_batches_tracked + 1
                k = 1 / self.num_batches_tracked if self.momentum is None else self.momentum
                self.running_mean = (1 - k) * self.running_mean + k * mean
                self.running_var = (1 - k) * self.running_var + k * var * m / (m - 1)
        else:
            mean, var = self.running_mean, self.running_var
        return self.finish(x, mean, var)


@wrong("5.5", "dγ and dβ are summed over the batch alone, so that")
class BatchNormFunction(torch.autograd.Function):
    """The gradient of gamma is not summed over the positions."""

    @staticmethod
    def forward(ctx, x, gamma, beta, eps):
        axes = (0, *range(2, x.ndim))
        mean, var = x.mean(axes, keepdim=True), x.var(axes, unbiased=False, keepdim=True)
        inv = 1 / torch.sqrt(var + eps)
        x_hat = (x - mean) * inv
        ctx.save_for_backward(x_hat, gamma, inv)
        return spread(gamma, x) * x_hat + spread(beta, x)

    @staticmethod
    def backward(ctx, dy):
        x_hat, gamma, inv = ctx.saved_tensors
        axes = (0, *range(2, dy.ndim))
        g = dy * spread(gamma, dy)
        dx = inv * (g - g.mean(axes, keepdim=True) - x_hat * (g * x_hat).mean(axes, keepdim=True))
        return dx, (dy * x_hat).sum(0), dy.sum(0), None


@wrong("5.5", "backward returns three values; apply has four")
class BatchNormFunction(torch.autograd.Function):
    """Only three gradients are returned: the None for eps is missing."""

    @staticmethod
    def forward(ctx, x, gamma, beta, eps):
        axes = (0, *range(2, x.ndim))
        mean, var = x.mean(axes, keepdim=True), x.var(axes, unbiased=False, keepdim=True)
        inv = 1 / torch.sqrt(var + eps)
        x_hat = (x - mean) * inv
        ctx.save_for_backward(x_hat, gamma, inv)
        return spread(gamma, x) * x_hat + spread(beta, x)

    @staticmethod
    def backward(ctx, dy):
        x_hat, gamma, inv = ctx.saved_tensors
        axes = (0, *range(2, dy.ndim))
        g = dy * spread(gamma, dy)
        dx = inv * (g - g.mean(axes, keepdim=True) - x_hat * (g * x_hat).mean(axes, keepdim=True))
        return dx, (dy * x_hat).sum(axes), dy.sum(axes)


@wrong("5.5", "Mean and variance are treated as constants in")
class BatchNormFunction(torch.autograd.Function):
    """dx is gamma / deviation times dy: the batch's statistics are constants."""

    @staticmethod
    def forward(ctx, x, gamma, beta, eps):
        axes = (0, *range(2, x.ndim))
        mean, var = x.mean(axes, keepdim=True), x.var(axes, unbiased=False, keepdim=True)
        inv = 1 / torch.sqrt(var + eps)
        x_hat = (x - mean) * inv
        ctx.save_for_backward(x_hat, gamma, inv)
        return spread(gamma, x) * x_hat + spread(beta, x)

    @staticmethod
    def backward(ctx, dy):
        x_hat, gamma, inv = ctx.saved_tensors
        axes = (0, *range(2, dy.ndim))
        return dy * spread(gamma, dy) * inv, (dy * x_hat).sum(axes), dy.sum(axes), None
