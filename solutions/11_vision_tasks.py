# %% [markdown]
# # Exercises 11: Vision tasks
#
# They belong to the page *Vision tasks: where the batch is small*. You write a residual block that begins as the identity, the two
# relatives of batch normalization that detectors use, and the two measures by which detectors and segmenters are judged.

# %% tags=["setup"]
import numpy as np
import torch
from torch import nn

from bncourse import check

# %% [markdown]
# ## 11.1 A block that begins as nothing
#
# Write `ResidualBlock(channels)`, an `nn.Module` from `(N, channels, H, W)` to the same shape: `x` plus a branch of two pairs, each a
# 3 × 3 convolution (`channels` in, `channels` out, stride 1, padding 1) followed by an `nn.BatchNorm2d`. The γ of the last
# `BatchNorm2d` starts at 0, everything else as PyTorch initialises it; all of it is trained.
#
# Nothing follows the sum, not even a ReLU. So at initialisation the block is **exactly** the identity, in training and in
# evaluation, for negative inputs too.
#
# *Free:* a ReLU between the two pairs, or none; a bias in the convolutions, or none; names. *Forbidden:* changing `x`.


# %% exercise="11.1"
class ResidualBlock(nn.Module):
    """x plus conv, BN, ReLU, conv, BN of x (N, channels, H, W); the last gamma starts at 0."""

    def __init__(self, channels):
        # BEGIN SOLUTION
        super().__init__()
        self.branch = nn.Sequential(
            nn.Conv2d(channels, channels, 3, padding=1, bias=False),
            nn.BatchNorm2d(channels),
            nn.ReLU(),
            nn.Conv2d(channels, channels, 3, padding=1, bias=False),
            nn.BatchNorm2d(channels),
        )
        nn.init.zeros_(self.branch[-1].weight)
        # END SOLUTION

    def forward(self, x):
        # BEGIN SOLUTION
        return x + self.branch(x)
        # END SOLUTION


# %%
check("11.1")

# %% [markdown]
# ## 11.2 Frozen for good
#
# Write `FrozenBatchNorm2d(num_features, eps=1e-5)`, an `nn.Module` for `(N, C, H, W)`. It holds `weight` (ones), `bias` (zeros),
# `running_mean` (zeros) and `running_var` (ones), each `(C,)`, as **buffers**: it has no parameters. In training as in evaluation
#
# $$y = \text{weight} \cdot \frac{x - \text{running\_mean}}{\sqrt{\text{running\_var} + \varepsilon}} + \text{bias}$$
#
# and nothing ever moves but what is loaded. Gradients flow through to `x`.
#
# It takes the place of an `nn.BatchNorm2d`: the state dict of one loads strictly, alone and as part of a larger model, although it
# also holds `num_batches_tracked`.
#
# *Free:* whether yours keeps that counter or drops it; `torch.nn.functional.batch_norm`, or your own arithmetic. *Forbidden:*
# changing `x`.


# %% exercise="11.2"
class FrozenBatchNorm2d(nn.Module):
    """Normalise x (N, C, H, W) by stored statistics, in both modes; loads the state dict of an nn.BatchNorm2d."""

    def __init__(self, num_features, eps=1e-5):
        # BEGIN SOLUTION
        super().__init__()
        self.eps = eps
        self.register_buffer("weight", torch.ones(num_features))
        self.register_buffer("bias", torch.zeros(num_features))
        self.register_buffer("running_mean", torch.zeros(num_features))
        self.register_buffer("running_var", torch.ones(num_features))
        self.register_buffer("num_batches_tracked", torch.tensor(0))
        # END SOLUTION

    def forward(self, x):
        # BEGIN SOLUTION
        scale = self.weight / torch.sqrt(self.running_var + self.eps)
        shift = self.bias - scale * self.running_mean
        return scale.view(-1, 1, 1) * x + shift.view(-1, 1, 1)
        # END SOLUTION


# %%
check("11.2")

# %% [markdown]
# ## 11.3 Mean intersection over union
#
# Write `mean_iou` with NumPy. `prediction` and `target` are integer arrays of one shape, `(H, W)`, `(N, H, W)` or any
# other, that hold, for each pixel, the predicted and the true class out of `num_classes`. Pixels whose *target* is
# `ignore_index` do not count, whatever was predicted there; it may be any number, one of the classes too. For each class
# $k$, over all other pixels together,
#
# $$\text{IoU}_k = \frac{\text{pixels that are } k \text{ in both}}{\text{pixels that are } k \text{ in at least one of the two}}$$
#
# Return the mean over the classes that occur in `prediction` or `target` there; a class absent from both is left out. At least
# one pixel counts. Masks are often `uint8`, and the two may have different dtypes.
#
# *Free:* loop over classes, or a confusion matrix. *Forbidden:* changing an argument; other libraries.


# %% exercise="11.3"
def mean_iou(prediction, target, num_classes, ignore_index=255):
    """Mean over the classes present of intersection over union, pixels of all images together; a number."""
    # BEGIN SOLUTION
    counts = target != ignore_index
    prediction, target = prediction[counts], target[counts]
    ious = []
    for k in range(num_classes):
        union = np.sum((prediction == k) | (target == k))
        if union:
            ious.append(np.sum((prediction == k) & (target == k)) / union)
    return np.mean(ious)
    # END SOLUTION


# %%
check("11.3")

# %% [markdown]
# ## 11.4 Intersection over union of boxes
#
# Write `box_iou` with NumPy. `a` `(N, 4)` and `b` `(M, 4)` are boxes as $x_1, y_1, x_2, y_2$ with $x_1 < x_2$ and
# $y_1 < y_2$, floats or signed integers; a box of width $x_2 - x_1$, without the "+ 1" of older code. Return `(N, M)`: the area that
# `a[i]` and `b[j]` share, divided by the area that they cover together. `N` or `M` may be 0: the answer is then empty and has
# that shape.
#
# *Free:* loops or broadcasting. *Forbidden:* changing an argument; other libraries.


# %% exercise="11.4"
def box_iou(a, b):
    """Intersection over union of every box of a (N, 4) with every one of b (M, 4), as x1 y1 x2 y2: (N, M)."""
    # BEGIN SOLUTION
    left_top = np.maximum(a[:, None, :2], b[None, :, :2])
    right_bottom = np.minimum(a[:, None, 2:], b[None, :, 2:])
    shared = (right_bottom - left_top).clip(min=0).prod(2)
    area_a = (a[:, 2:] - a[:, :2]).prod(1)
    area_b = (b[:, 2:] - b[:, :2]).prod(1)
    return shared / (area_a[:, None] + area_b - shared)
    # END SOLUTION


# %%
check("11.4")

# %% [markdown]
# ## 11.5 One batch in many processes
#
# Write `SyncBatchNorm(num_features, eps=1e-5, momentum=0.1)`, an `nn.Module` for `(N, C)` or `(N, C, *S)`. It runs in every process of
# `torch.distributed` at once, a process group exists already, and each process has a batch of its own, of at least one sample; together they
# hold at least two values a channel. In training all of them together compute what one batch normalization would compute on the joined batch:
#
# - the output is normalised by the mean and the biased variance over **all** processes' values, then scaled by `weight` and shifted by `bias`,
#   parameters `(C,)` that start at 1 and 0;
# - local batches may differ in their number of samples and of positions, so a process counts by its number of values; any number of processes;
# - if each process calls `backward` on a loss of its own, the gradient of its `x` is that of the sum of all losses. The gradients of `weight` and
#   `bias` are the process's own share: added over the processes they are those of the joined batch. Leave that to others
#   (`DistributedDataParallel` exchanges them after you, and divides their sum by the number of processes);
# - buffers `running_mean` (zeros) and `running_var` (ones), the same in all processes, move by `momentum` as in 5.4; the variance is unbiased with
#   the **joint** count.
#
# In evaluation the running statistics normalise, nothing moves, and nothing is exchanged: one process may evaluate alone.
#
# `torch.distributed.all_reduce(tensor)` replaces a tensor by the sum over all processes; it knows nothing of gradients.
# Expect float32 data whose mean is ten thousand times their standard deviation.
#
# `check` runs your class in one, two and three processes, played one after the other inside this one; a class that waits
# for ever there would wait for ever in real processes, too.
#
# *Free:* which collectives, and how many (not `send` and `recv`); autograd or a backward by hand; PyTorch's own differentiable
# collectives; counting the batches. *Forbidden:* PyTorch's own normalization layers and functions, `torch.nn.SyncBatchNorm` too; changing `x`.

# %% exercise="11.5"
import torch.distributed as dist


class SyncBatchNorm(nn.Module):
    """Batch normalization of the batch (N, C, *S) that all processes of torch.distributed hold together."""

    def __init__(self, num_features, eps=1e-5, momentum=0.1):
        # BEGIN SOLUTION
        super().__init__()
        self.eps, self.momentum = eps, momentum
        self.weight = nn.Parameter(torch.ones(num_features))
        self.bias = nn.Parameter(torch.zeros(num_features))
        self.register_buffer("running_mean", torch.zeros(num_features))
        self.register_buffer("running_var", torch.ones(num_features))
        # END SOLUTION

    def forward(self, x):
        # BEGIN SOLUTION
        shape = (-1, *[1] * (x.dim() - 2))
        h = x.to(
            torch.promote_types(x.dtype, torch.float32)
        )  # 16 bits, as in mixed precision, are too few for statistics
        mean, var = self._joint_statistics(h, shape) if self.training else (self.running_mean, self.running_var)
        x_hat = (h - mean.view(shape)) / torch.sqrt(var.view(shape) + self.eps)
        return (self.weight.view(shape) * x_hat + self.bias.view(shape)).to(x.dtype)

    def _joint_statistics(self, x, shape):
        axes = (0, *range(2, x.dim()))
        count = torch.tensor(x.numel() / x.shape[1], dtype=torch.float32, device=x.device)
        dist.all_reduce(count)
        mean = JointSum.apply(x.sum(axes)) / count
        var = JointSum.apply((x - mean.view(shape)).square().sum(axes)) / count
        with torch.no_grad():
            self.running_mean.lerp_(mean, self.momentum)
            self.running_var.lerp_(var * count / (count - 1), self.momentum)
        return mean, var


class JointSum(torch.autograd.Function):
    """The sum over all processes. Each of them uses it, so its gradient is the sum of their gradients."""

    @staticmethod
    def forward(ctx, x):
        total = x.clone()
        dist.all_reduce(total)
        return total

    @staticmethod
    def backward(ctx, dy):
        total = dy.clone()
        dist.all_reduce(total)
        return total
        # END SOLUTION


# %%
check("11.5")
