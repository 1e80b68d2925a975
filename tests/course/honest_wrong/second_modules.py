"""More wrong answers to 5.4 and 5.5 written before any look at checks, mistakes or this bank."""

# ruff: noqa: F811  one name has many answers

import torch
from torch import nn

from tests.course.honest_wrong import wrong


@wrong("5.4", "momentum=None is taken for 0.1. It stands for the")
class BatchNorm(nn.Module):
    """Momentum None is treated as 0.1."""

    def __init__(self, num_features, eps=1e-5, momentum=0.1, affine=True, track_running_stats=True):
        super().__init__()
        self.eps = eps
        self.momentum = momentum if momentum is not None else 0.1
        if affine:
            self.weight = nn.Parameter(torch.ones(num_features))
            self.bias = nn.Parameter(torch.zeros(num_features))
        else:
            self.weight = self.bias = None
        self.register_buffer("running_mean", torch.zeros(num_features) if track_running_stats else None)
        self.register_buffer("running_var", torch.ones(num_features) if track_running_stats else None)
        self.register_buffer("num_batches_tracked", torch.tensor(0) if track_running_stats else None)

    def forward(self, x):
        shape = [1, -1] + [1] * (x.dim() - 2)
        if self.training or self.running_mean is None:
            dims = [0] + list(range(2, x.dim()))
            mean = x.mean(dims)
            var = ((x - mean.view(shape)) ** 2).mean(dims)
            if self.running_mean is not None:
                n = x.numel() / x.size(1)
                with torch.no_grad():
                    self.num_batches_tracked += 1
                    self.running_mean.mul_(1 - self.momentum).add_(self.momentum * mean)
                    self.running_var.mul_(1 - self.momentum).add_(self.momentum * var * n / (n - 1))
        else:
            mean, var = self.running_mean, self.running_var
        out = (x - mean.view(shape)) / torch.sqrt(var.view(shape) + self.eps)
        if self.weight is not None:
            out = out * self.weight.view(shape) + self.bias.view(shape)
        return out


@wrong("5.4", "With track_running_stats=False evaluation normalises")
class BatchNorm(nn.Module):
    """No statistics tracked: evaluation uses mean 0 and variance 1."""

    def __init__(self, num_features, eps=1e-5, momentum=0.1, affine=True, track_running_stats=True):
        super().__init__()
        self.eps, self.momentum, self.num_features = eps, momentum, num_features
        self.weight = nn.Parameter(torch.ones(num_features)) if affine else None
        self.bias = nn.Parameter(torch.zeros(num_features)) if affine else None
        self.register_buffer("running_mean", torch.zeros(num_features) if track_running_stats else None)
        self.register_buffer("running_var", torch.ones(num_features) if track_running_stats else None)
        self.register_buffer("num_batches_tracked", torch.tensor(0) if track_running_stats else None)

    def forward(self, x):
        shape = [1, -1] + [1] * (x.dim() - 2)
        if self.training:
            dims = [0] + list(range(2, x.dim()))
            mean, var = x.mean(dims), x.var(dims, unbiased=False)
            if self.running_mean is not None:
                n = x.numel() / x.size(1)
                with torch.no_grad():
                    self.num_batches_tracked += 1
                    f = 1 / float(self.num_batches_tracked) if self.momentum is None else self.momentum
                    self.running_mean += f * (mean - self.running_mean)
                    self.running_var += f * (var * n / (n - 1) - self.running_var)
        elif self.running_mean is not None:
            mean, var = self.running_mean, self.running_var
        else:
            mean, var = torch.zeros(self.num_features).to(x), torch.ones(self.num_features).to(x)
        out = (x - mean.view(shape)) / torch.sqrt(var.view(shape) + self.eps)
        if self.weight is not None:
            out = out * self.weight.view(shape) + self.bias.view(shape)
        return out


@wrong("5.4", "gradient history of every batch", "num_batches_tracked is a float", named=False)
class BatchNorm(nn.Module):
    """Gradient flows into the running statistics, which are assigned new and keep the graph; counter a float."""

    def __init__(self, num_features, eps=1e-5, momentum=0.1, affine=True, track_running_stats=True):
        super().__init__()
        self.eps, self.momentum, self.track = eps, momentum, track_running_stats
        self.weight = nn.Parameter(torch.ones(num_features)) if affine else None
        self.bias = nn.Parameter(torch.zeros(num_features)) if affine else None
        self.register_buffer("running_mean", torch.zeros(num_features) if track_running_stats else None)
        self.register_buffer("running_var", torch.ones(num_features) if track_running_stats else None)
        self.register_buffer("num_batches_tracked", torch.tensor(0.0) if track_running_stats else None)

    def forward(self, x):
        shape = [1, -1] + [1] * (x.dim() - 2)
        if self.training or not self.track:
            dims = [0] + list(range(2, x.dim()))
            mean, var = x.mean(dims), x.var(dims, unbiased=False)
            if self.track:
                n = x.numel() / x.size(1)
                self.num_batches_tracked = self.num_batches_tracked + 1
                f = 1 / self.num_batches_tracked.item() if self.momentum is None else self.momentum
                self.running_mean = (1 - f) * self.running_mean + f * mean
                self.running_var = (1 - f) * self.running_var + f * var * n / (n - 1)
        else:
            mean, var = self.running_mean, self.running_var
        out = (x - mean.view(shape)) / torch.sqrt(var.view(shape) + self.eps)
        if self.weight is not None:
            out = out * self.weight.view(shape) + self.bias.view(shape)
        return out


@wrong("5.4", "The mode is taken from torch.is_grad_enabled().")
class BatchNorm(nn.Module):
    """Takes the mode from torch.is_grad_enabled."""

    def __init__(self, num_features, eps=1e-5, momentum=0.1, affine=True, track_running_stats=True):
        super().__init__()
        self.eps, self.momentum = eps, momentum
        self.weight = nn.Parameter(torch.ones(num_features)) if affine else None
        self.bias = nn.Parameter(torch.zeros(num_features)) if affine else None
        self.register_buffer("running_mean", torch.zeros(num_features) if track_running_stats else None)
        self.register_buffer("running_var", torch.ones(num_features) if track_running_stats else None)
        self.register_buffer("num_batches_tracked", torch.tensor(0) if track_running_stats else None)

    def forward(self, x):
        sh = (1, -1) + (1,) * (x.dim() - 2)
        if torch.is_grad_enabled() or self.running_mean is None:
            ax = tuple(i for i in range(x.dim()) if i != 1)
            mean = x.mean(ax)
            var = x.var(ax, correction=0)
            if self.running_mean is not None:
                k = x.numel() / x.shape[1]
                self.num_batches_tracked += 1
                f = self.momentum if self.momentum is not None else 1 / self.num_batches_tracked.item()
                self.running_mean.lerp_(mean.detach(), f)
                self.running_var.lerp_(var.detach() * k / (k - 1), f)
        else:
            mean, var = self.running_mean, self.running_var
        y = (x - mean.view(sh)) / (var.view(sh) + self.eps).sqrt()
        return y if self.weight is None else y * self.weight.view(sh) + self.bias.view(sh)


@wrong("5.5", "Mean and variance are treated as constants in backward:")
class BatchNormFunction(torch.autograd.Function):
    """Mean and variance as constants in the backward."""

    @staticmethod
    def forward(ctx, x, gamma, beta, eps):
        dims = [0] + list(range(2, x.dim()))
        shape = [1, -1] + [1] * (x.dim() - 2)
        mean, var = x.mean(dims), x.var(dims, unbiased=False)
        inv = torch.rsqrt(var + eps)
        xhat = (x - mean.view(shape)) * inv.view(shape)
        ctx.save_for_backward(xhat, gamma, inv)
        return xhat * gamma.view(shape) + beta.view(shape)

    @staticmethod
    def backward(ctx, dy):
        xhat, gamma, inv = ctx.saved_tensors
        dims = [0] + list(range(2, dy.dim()))
        shape = [1, -1] + [1] * (dy.dim() - 2)
        return dy * (gamma * inv).view(shape), (dy * xhat).sum(dims), dy.sum(dims), None


@wrong("5.5", "dγ and dβ have changed places: backward returns")
class BatchNormFunction(torch.autograd.Function):
    """Returns dgamma and dbeta swapped."""

    @staticmethod
    def forward(ctx, x, gamma, beta, eps):
        dims = [0] + list(range(2, x.dim()))
        shape = [1, -1] + [1] * (x.dim() - 2)
        inv = torch.rsqrt(x.var(dims, unbiased=False) + eps)
        xhat = (x - x.mean(dims).view(shape)) * inv.view(shape)
        ctx.save_for_backward(xhat, gamma, inv)
        return xhat * gamma.view(shape) + beta.view(shape)

    @staticmethod
    def backward(ctx, dy):
        xhat, gamma, inv = ctx.saved_tensors
        dims = [0] + list(range(2, dy.dim()))
        shape = [1, -1] + [1] * (dy.dim() - 2)
        db, dg = dy.sum(dims), (dy * xhat).sum(dims)
        m = dy.numel() / dy.size(1)
        dx = (gamma * inv).view(shape) * (dy - db.view(shape) / m - xhat * dg.view(shape) / m)
        return dx, db, dg, None


@wrong("5.5", "The unbiased variance normalises; x̂", "γ is missing in dx", named=False)
class BatchNormFunction(torch.autograd.Function):
    """Unbiased variance in the forward; gamma left out of dx."""

    @staticmethod
    def forward(ctx, x, gamma, beta, eps):
        dims = [0] + list(range(2, x.dim()))
        shape = [1, -1] + [1] * (x.dim() - 2)
        inv = torch.rsqrt(x.var(dims) + eps)
        xhat = (x - x.mean(dims).view(shape)) * inv.view(shape)
        ctx.save_for_backward(xhat, gamma, inv)
        return xhat * gamma.view(shape) + beta.view(shape)

    @staticmethod
    def backward(ctx, dy):
        xhat, gamma, inv = ctx.saved_tensors
        dims = [0] + list(range(2, dy.dim()))
        shape = [1, -1] + [1] * (dy.dim() - 2)
        db, dg = dy.sum(dims), (dy * xhat).sum(dims)
        m = dy.numel() / dy.size(1)
        dx = inv.view(shape) * (dy - db.view(shape) / m - xhat * dg.view(shape) / m)
        return dx, dg, db, None


@wrong("5.5", "Sums are divided by m - 1 in backward")
class BatchNormFunction(torch.autograd.Function):
    """Dx divides by m - 1."""

    @staticmethod
    def forward(ctx, x, gamma, beta, eps):
        ax = tuple(i for i in range(x.dim()) if i != 1)
        mean = x.mean(ax, keepdim=True)
        std = (x.var(ax, keepdim=True, correction=0) + eps).sqrt()
        z = (x - mean) / std
        ctx.save_for_backward(z, gamma, std)
        ctx.ax = ax
        return z * gamma.view(std.shape) + beta.view(std.shape)

    @staticmethod
    def backward(ctx, dy):
        z, gamma, std = ctx.saved_tensors
        g = dy * gamma.view(std.shape)
        m = dy.numel() / dy.shape[1]
        dx = g - g.sum(ctx.ax, keepdim=True) / (m - 1) - z * (g * z).sum(ctx.ax, keepdim=True) / (m - 1)
        return dx / std, (dy * z).sum(ctx.ax), dy.sum(ctx.ax), None
