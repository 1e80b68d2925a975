"""Right answers to 5.3, 5.4 and 5.5 in other styles: every check must accept them."""

import numpy as np
import torch
from torch import nn

from bncourse.checking import variant

# 5.3


@variant("5.3")
def numerical_gradient(f, x, dy, h=1e-5):
    """x moved in place, the old value kept and put back."""
    x = x.detach()
    gradient = torch.empty_like(x)
    for index in np.ndindex(*x.shape):
        old = x[index].clone()
        x[index] = old + h
        high = (f(x) * dy).sum()
        x[index] = old - h
        low = (f(x) * dy).sum()
        x[index] = old
        gradient[index] = (high - low) / (2 * h)
    return gradient


@variant("5.3")
def numerical_gradient(f, x, dy, h=1e-5):
    """Unit steps from an identity matrix."""
    with torch.no_grad():
        steps = h * torch.eye(x.numel(), dtype=x.dtype).reshape(-1, *x.shape)
        slopes = [((f(x + step) * dy).sum() - (f(x - step) * dy).sum()) / (2 * h) for step in steps]
    return torch.stack(slopes).reshape(x.shape)


@variant("5.3")
def numerical_gradient(f, x, dy, h=1e-5):
    """Through a flat NumPy copy."""
    flat = x.detach().numpy().copy().ravel()

    def loss(values):
        return float(torch.sum(f(torch.from_numpy(values).reshape(x.shape)) * dy))

    gradient = []
    for i in range(len(flat)):
        high, low = flat.copy(), flat.copy()
        high[i] += h
        low[i] -= h
        gradient.append((loss(high) - loss(low)) / (2 * h))
    return torch.tensor(gradient, dtype=x.dtype).reshape(x.shape)


# 5.4


@variant("5.4")
class BatchNorm(nn.Module):
    """Channels last inside, reset_parameters, running statistics by plain assignment under no_grad."""

    def __init__(self, num_features, eps=1e-5, momentum=0.1, affine=True, track_running_stats=True):
        super().__init__()
        self.num_features, self.eps, self.momentum = num_features, eps, momentum
        self.affine, self.track_running_stats = affine, track_running_stats
        for name in ("weight", "bias"):
            self.register_parameter(name, nn.Parameter(torch.empty(num_features)) if affine else None)
        self.register_buffer("running_mean", torch.zeros(num_features) if track_running_stats else None)
        self.register_buffer("running_var", torch.ones(num_features) if track_running_stats else None)
        self.register_buffer("num_batches_tracked", torch.tensor(0, dtype=torch.long) if track_running_stats else None)
        if affine:
            nn.init.ones_(self.weight)
            nn.init.zeros_(self.bias)

    def forward(self, x):
        rows = x.movedim(1, -1)
        flat = rows.reshape(-1, x.shape[1])
        if self.training and self.track_running_stats:
            with torch.no_grad():
                self.num_batches_tracked.add_(1)
                weight = self.momentum if self.momentum is not None else 1.0 / float(self.num_batches_tracked)
                self.running_mean = (1 - weight) * self.running_mean + weight * flat.mean(0)
                self.running_var = (1 - weight) * self.running_var + weight * flat.var(0)
        if self.training or not self.track_running_stats:
            mean = flat.mean(0)
            var = ((flat - mean) ** 2).mean(0)
        else:
            mean, var = self.running_mean, self.running_var
        y = (rows - mean) * (var + self.eps).rsqrt()
        if self.affine:
            y = y * self.weight + self.bias
        return y.movedim(-1, 1)


@variant("5.4")
class BatchNorm(nn.Module):
    """keepdim and var_mean; weight and bias folded into one scale and one offset."""

    def __init__(self, num_features, eps=1e-5, momentum=0.1, affine=True, track_running_stats=True):
        nn.Module.__init__(self)
        self.eps = eps
        self.momentum = momentum
        self.weight = torch.nn.Parameter(torch.full((num_features,), 1.0)) if affine else None
        self.bias = torch.nn.Parameter(torch.full((num_features,), 0.0)) if affine else None
        self.tracks = track_running_stats
        self.register_buffer("running_mean", None)
        self.register_buffer("running_var", None)
        self.register_buffer("num_batches_tracked", None)
        if track_running_stats:
            self.running_mean = torch.zeros(num_features)
            self.running_var = torch.ones(num_features)
            self.num_batches_tracked = torch.zeros((), dtype=torch.int64)

    def forward(self, x):
        dims = [d for d in range(x.ndim) if d != 1]
        as_x = [1 if d != 1 else -1 for d in range(x.ndim)]
        if self.training or not self.tracks:
            var, mean = torch.var_mean(x, dim=dims, correction=0)
            if self.tracks:
                self.update(mean.data, torch.var(x.data, dim=dims, correction=1))
        else:
            mean, var = self.running_mean, self.running_var
        scale = 1 / (var + self.eps) ** 0.5
        if self.weight is not None:
            scale = scale * self.weight
        y = (x - mean.reshape(as_x)) * scale.reshape(as_x)
        return y if self.bias is None else y + self.bias.reshape(as_x)

    def update(self, mean, var):
        self.num_batches_tracked += 1
        m = 1 / int(self.num_batches_tracked) if self.momentum is None else self.momentum
        self.running_mean += m * (mean - self.running_mean)
        self.running_var += m * (var - self.running_var)


@variant("5.4")
class BatchNorm(nn.Module):
    """Statistics channel by channel, stacked."""

    def __init__(self, num_features, eps=1e-5, momentum=0.1, affine=True, track_running_stats=True):
        super().__init__()
        self.settings = (eps, momentum, affine, track_running_stats)
        self.weight = self.bias = None
        if affine:
            self.weight, self.bias = nn.Parameter(torch.ones(num_features)), nn.Parameter(torch.zeros(num_features))
        make = (torch.zeros, torch.ones, lambda n: torch.tensor(0))
        for name, first in zip(("running_mean", "running_var", "num_batches_tracked"), make):
            self.register_buffer(name, first(num_features) if track_running_stats else None)

    def forward(self, x):
        eps, momentum, affine, track = self.settings
        channels = list(x.unbind(1))
        if self.training or not track:
            mean = torch.stack([channel.mean() for channel in channels])
            var = torch.stack([((channel - channel.mean()) ** 2).mean() for channel in channels])
        else:
            mean, var = self.running_mean, self.running_var
        if self.training and track:
            m = channels[0].numel()
            self.num_batches_tracked += 1
            rate = momentum if momentum is not None else 1 / self.num_batches_tracked.item()
            with torch.no_grad():
                self.running_mean.mul_(1 - rate).add_(rate * mean)
                self.running_var.mul_(1 - rate).add_(rate * var * m / (m - 1))
        done = [(channel - mean[c]) / torch.sqrt(var[c] + eps) for c, channel in enumerate(channels)]
        if affine:
            done = [self.weight[c] * channel + self.bias[c] for c, channel in enumerate(done)]
        return torch.stack(done, 1)


# 5.5


def over(x):
    return [d for d in range(x.dim()) if d != 1]


@variant("5.5")
class BatchNormFunction(torch.autograd.Function):
    """setup_context, and everything recomputed in backward."""

    @staticmethod
    def forward(x, gamma, beta, eps):
        last = x.movedim(1, -1)
        flat = last.reshape(-1, x.shape[1])
        y = (last - flat.mean(0)) / torch.sqrt(flat.var(0, unbiased=False) + eps) * gamma + beta
        return y.movedim(-1, 1)

    @staticmethod
    def setup_context(ctx, inputs, output):
        x, gamma, _, ctx.eps = inputs
        ctx.save_for_backward(x, gamma)

    @staticmethod
    def backward(ctx, dy):
        x, gamma = ctx.saved_tensors
        mean = x.mean(over(x), keepdim=True)
        std = torch.sqrt(x.var(over(x), keepdim=True, unbiased=False) + ctx.eps)
        x_hat = (x - mean) / std
        dx_hat = dy * gamma.reshape(mean.shape)
        average = lambda values: values.mean(over(x), keepdim=True)
        dx = (dx_hat - average(dx_hat) - x_hat * average(dx_hat * x_hat)) / std
        return dx, (dy * x_hat).sum(over(x)), dy.sum(over(x)), None


@variant("5.5")
class BatchNormFunction(torch.autograd.Function):
    """Attributes of ctx instead of save_for_backward; only the gradients that are asked for."""

    @staticmethod
    def forward(ctx, x, gamma, beta, eps):
        shape = [1, -1] + [1] * (x.dim() - 2)
        var, mean = torch.var_mean(x, dim=over(x), correction=0)
        ctx.std = (var + eps).sqrt().view(shape)
        ctx.x_hat = (x - mean.view(shape)) / ctx.std
        ctx.gamma = gamma.view(shape)
        return ctx.gamma * ctx.x_hat + beta.view(shape)

    @staticmethod
    def backward(ctx, dy):
        axes = over(dy)
        m = dy.numel() / dy.shape[1]
        dgamma, dbeta = (dy * ctx.x_hat).sum(axes), dy.sum(axes)
        dx = None
        if ctx.needs_input_grad[0]:
            back = lambda values: values.view(ctx.gamma.shape)
            dx = ctx.gamma / ctx.std * (dy - (back(dbeta) + ctx.x_hat * back(dgamma)) / m)
        return dx, dgamma, dbeta, None


@variant("5.5")
class BatchNormFunction(torch.autograd.Function):
    """The paths through variance and mean, one after the other."""

    @staticmethod
    def forward(ctx, x, gamma, beta, eps):
        shape = (1, -1, *(1,) * (x.dim() - 2))
        centred = x - x.mean(over(x)).view(shape)
        var = (centred**2).mean(over(x)).view(shape)
        ctx.save_for_backward(centred, var + eps, gamma.view(shape))
        return centred / (var + eps) ** 0.5 * gamma.view(shape) + beta.view(shape)

    @staticmethod
    def backward(ctx, dy):
        centred, v, gamma = ctx.saved_tensors
        m = dy.numel() // dy.shape[1]
        dx_hat = gamma * dy
        dv = (dx_hat * centred * -0.5 * v**-1.5).sum(over(dy), keepdim=True)
        dcentred = dx_hat * v**-0.5 + 2 * centred * dv / m
        dx = dcentred - dcentred.sum(over(dy), keepdim=True) / m
        return dx, (dy * centred * v**-0.5).sum(over(dy)), dy.sum(over(dy)), None
