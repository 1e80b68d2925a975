# %% [markdown]
# # Exercises 5: The layer
#
# They belong to the page *The layer, forward and backward*. In 5.1 and 5.2 you write with NumPy what a batch normalization
# layer computes, from 5.3 on with PyTorch. At the end you have a layer that takes the place of PyTorch's own.

# %% tags=["setup"]
import numpy as np

from bncourse import check

# %% [markdown]
# ## 5.1 Forward, in both modes
#
# Write `batchnorm_forward`. `x` is `(N, D)` or `(N, C, *S)` with any number of spatial axes; `gamma`, `beta`, `running_mean` and
# `running_var` are `(D,)` or `(C,)`. Return four things:
#
# - `y`, shape of `x`: normalised, scaled by `gamma`, shifted by `beta`. With `training=True` the statistics are those of the
#   batch, with the biased variance; with `training=False` they are the running ones;
# - the new `running_mean` and `running_var`. In training each moves towards the batch by PyTorch's rule,
#   $(1 - \text{momentum}) \cdot \text{running} + \text{momentum} \cdot \text{batch}$, and the variance that goes in here is
#   the **unbiased** one, divided by $m - 1$, where $m$ is the number of values behind each statistic. At inference they
#   are what they were;
# - `cache`: whatever your 5.2 wants to have. It is yours; nobody looks into it.
#
# `eps`, 0 or more, stands under the root in both modes. Expect float32 data whose mean is ten thousand times their standard
# deviation, and float64 data whose mean is a million times theirs. Batches with one value for a channel do not occur in
# training; PyTorch refuses them.
#
# *Free:* dtypes of the results, any NumPy function, what is in `cache`. *Forbidden:* changing any argument, the running
# statistics included; other libraries.


# %% exercise="5.1"
def batchnorm_forward(x, gamma, beta, running_mean, running_var, *, training, momentum=0.1, eps=1e-5):
    """Batch normalization of x (N, C, *S); returns y, new running_mean (C,), new running_var (C,), cache."""
    # BEGIN SOLUTION
    axes = (0, *range(2, x.ndim))
    shape = (-1, *[1] * (x.ndim - 2))
    if training:
        m = x.size // x.shape[1]
        mean = x.mean(axes)
        var = ((x - mean.reshape(shape)) ** 2).mean(axes)
        running_mean = (1 - momentum) * running_mean + momentum * mean
        running_var = (1 - momentum) * running_var + momentum * var * m / (m - 1)
    else:
        mean, var = running_mean, running_var
    x_hat = (x - mean.reshape(shape)) / np.sqrt(var.reshape(shape) + eps)
    y = gamma.reshape(shape) * x_hat + beta.reshape(shape)
    return y, running_mean, running_var, (x_hat, gamma, var, eps)
    # END SOLUTION


# %%
check("5.1")

# %% [markdown]
# ## 5.2 Backward
#
# Write `batchnorm_backward`: `dy`, shape of `x`, is the gradient of the loss with respect to `y`, and `cache` is what your 5.1
# returned in **training** mode. Return the gradients with respect to `x` (shape of `x`), `gamma` and `beta` (both `(C,)`).
# Remember that mean and variance depend on `x` too: each number of `dx` depends on the whole channel. Leave what is in `cache` as
# it is: a second call with the same `cache` must give the same gradients.
#
# 5.1 and 5.2 are graded together: this check runs your forward, then your backward.
#
# *Free:* step by step or closed form, any NumPy function. *Forbidden:* changing `dy` or what is in `cache`; other libraries.


# %% exercise="5.2"
def batchnorm_backward(dy, cache):
    """Gradients dx (N, C, *S), dgamma (C,), dbeta (C,) of the training forward, from dy (N, C, *S)."""
    # BEGIN SOLUTION
    x_hat, gamma, var, eps = cache
    axes = (0, *range(2, dy.ndim))
    shape = (-1, *[1] * (dy.ndim - 2))
    dgamma = (dy * x_hat).sum(axes)
    dbeta = dy.sum(axes)
    m = dy.size // dy.shape[1]
    scale = (gamma / np.sqrt(var + eps)).reshape(shape)
    dx = scale * (dy - dbeta.reshape(shape) / m - x_hat * dgamma.reshape(shape) / m)
    return dx, dgamma, dbeta
    # END SOLUTION


# %%
check("5.2")

# %% [markdown]
# ## 5.3 A gradient by differences
#
# From here on you need PyTorch. Write `numerical_gradient`, which can check any backward pass. `f` takes a tensor of the shape of `x`
# and returns a tensor of the shape of `dy`. For each entry of `x`, one after the other, compute
#
# $$\frac{L(x + h) - L(x - h)}{2h} \quad\text{with}\quad L = \sum f(x) \cdot dy$$
#
# where only this entry is moved by `h`, and return all of them in the shape and dtype of `x`. Afterwards `x` must be what it was,
# bit for bit: note that `(a + h) - h` need not be `a`. `x` may require a gradient, and may have gaps in memory, as every second
# row of a matrix has. `f` may return a view of its argument, which changes when the argument does.
#
# *Free:* loops, moving `x` itself for a moment or working on a copy. *Forbidden:* autograd; leaving `x` changed.

# %% exercise="5.3"
import torch


def numerical_gradient(f, x, dy, h=1e-5):
    """Gradient of sum(f(x) * dy) with respect to x by central differences; returns the shape of x."""
    # BEGIN SOLUTION
    gradient = torch.zeros(x.shape, dtype=x.dtype)
    with torch.no_grad():
        for index in np.ndindex(*x.shape):
            higher, lower = x.detach().clone(), x.detach().clone()
            higher[index] += h
            lower[index] -= h
            gradient[index] = ((f(higher) * dy).sum() - (f(lower) * dy).sum()) / (2 * h)
    return gradient
    # END SOLUTION


# %%
check("5.3")

# %% [markdown]
# ## 5.4 The module
#
# Write `BatchNorm`, a `torch.nn.Module` that does what `torch.nn.BatchNorm1d`, `2d` and `3d` do, for input `(N, C)` or `(N, C, *S)`
# with any number of spatial axes:
#
# - `affine=True`: parameters `weight` (ones) and `bias` (zeros), shape `(C,)`; otherwise both attributes are `None`;
# - `track_running_stats=True`: buffers `running_mean` (zeros), `running_var` (ones) and `num_batches_tracked` (an integer 0,
#   shape `()`); otherwise all three attributes are `None`, and batch statistics are used in both modes;
# - in training: batch statistics; running statistics move by `momentum` towards the batch mean and the unbiased batch
#   variance, `num_batches_tracked` counts. `momentum=None` means the plain average over all batches so far;
# - in evaluation: running statistics, and nothing moves.
#
# `eps` stands under the root, in both modes. Expect float32 data whose mean is ten thousand times their standard deviation and,
# after `layer.double()`, float64 data whose mean is a million times theirs. The state dict must be interchangeable with PyTorch's
# own, both ways, so names count. `self.training` alone decides the mode. Gradients flow through the batch statistics, not into
# the running ones.
#
# *Free:* how you compute, helper methods, further attributes. *Forbidden:* PyTorch's own normalization layers and functions
# (`torch.nn.BatchNorm*`, `batch_norm`, `layer_norm`, `group_norm`, `instance_norm`), as base classes too; changing `x`.

# %% exercise="5.4"
from torch import nn


class BatchNorm(nn.Module):
    """Batch normalization of (N, C, *S), any number of spatial axes; state dict as that of torch.nn.BatchNorm2d."""

    def __init__(self, num_features, eps=1e-5, momentum=0.1, affine=True, track_running_stats=True):
        # BEGIN SOLUTION
        super().__init__()
        self.eps, self.momentum = eps, momentum
        self.weight = nn.Parameter(torch.ones(num_features)) if affine else None
        self.bias = nn.Parameter(torch.zeros(num_features)) if affine else None
        state = {
            "running_mean": torch.zeros(num_features),
            "running_var": torch.ones(num_features),
            "num_batches_tracked": torch.tensor(0),
        }
        for name, initial in state.items():
            self.register_buffer(name, initial if track_running_stats else None)
        # END SOLUTION

    def forward(self, x):
        # BEGIN SOLUTION
        shape = (-1, *[1] * (x.dim() - 2))
        h = x.to(
            torch.promote_types(x.dtype, torch.float32)
        )  # 16 bits, as in mixed precision, are too few for statistics
        if self.training or self.running_mean is None:
            axes = (0, *range(2, x.dim()))
            mean, var = h.mean(axes), h.var(axes, unbiased=False)
            if self.running_mean is not None:
                self._track(mean.detach(), var.detach(), x.numel() // x.shape[1])
        else:
            mean, var = self.running_mean, self.running_var
        y = (h - mean.view(shape)) / torch.sqrt(var.view(shape) + self.eps)
        if self.weight is not None:
            y = self.weight.view(shape) * y + self.bias.view(shape)
        return y.to(x.dtype)

    def _track(self, mean, var, count):
        self.num_batches_tracked += 1
        momentum = 1 / self.num_batches_tracked.item() if self.momentum is None else self.momentum
        self.running_mean.lerp_(mean, momentum)
        self.running_var.lerp_(var * count / (count - 1), momentum)
        # END SOLUTION


# %%
check("5.4")

# %% [markdown]
# ## 5.5 The autograd function
#
# Write `BatchNormFunction`, a `torch.autograd.Function` with `apply(x, gamma, beta, eps)`: the training forward of `x`, `(N, C)`
# or `(N, C, *S)`, without running statistics, and a backward that you write by hand. It returns gradients for `x`, `gamma` and
# `beta`, and `None` for `eps`. It must pass `torch.autograd.gradcheck` in float64.
#
# *Free:* `save_for_backward` or attributes of `ctx`, step by step or closed form, `forward` with `ctx` or with `setup_context`.
# *Forbidden:* autograd inside `backward`; PyTorch's own normalization functions; changing `x`.


# %% exercise="5.5"
class BatchNormFunction(torch.autograd.Function):
    """apply(x, gamma, beta, eps): batch normalization of x (N, C, *S) with batch statistics, backward by hand."""

    @staticmethod
    def forward(ctx, x, gamma, beta, eps):
        # BEGIN SOLUTION
        axes = (0, *range(2, x.dim()))
        shape = (-1, *[1] * (x.dim() - 2))
        scale = 1 / torch.sqrt(x.var(axes, unbiased=False) + eps)
        x_hat = (x - x.mean(axes).view(shape)) * scale.view(shape)
        ctx.save_for_backward(x_hat, gamma, scale)
        return gamma.view(shape) * x_hat + beta.view(shape)
        # END SOLUTION

    @staticmethod
    def backward(ctx, dy):
        # BEGIN SOLUTION
        x_hat, gamma, scale = ctx.saved_tensors
        axes = (0, *range(2, dy.dim()))
        shape = (-1, *[1] * (dy.dim() - 2))
        dgamma, dbeta = (dy * x_hat).sum(axes), dy.sum(axes)
        m = dy.numel() // dy.shape[1]
        dx = (gamma * scale).view(shape) * (dy - dbeta.view(shape) / m - x_hat * dgamma.view(shape) / m)
        return dx, dgamma, dbeta, None
        # END SOLUTION


# %%
check("5.5")
