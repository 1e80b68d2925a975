"""Wrong answers to chapter 11, written before any look at checks, mistakes or this bank."""

# ruff: noqa: F811  one name has many answers

import numpy as np
import torch
import torch.distributed as dist
from torch import nn
from torch.nn import functional as F

from tests.course.honest_wrong import wrong


class _SyncBase(nn.Module):
    def __init__(self, num_features, eps=1e-5, momentum=0.1):
        super().__init__()
        self.eps = eps
        self.momentum = momentum
        self.weight = nn.Parameter(torch.ones(num_features))
        self.bias = nn.Parameter(torch.zeros(num_features))
        self.register_buffer("running_mean", torch.zeros(num_features))
        self.register_buffer("running_var", torch.ones(num_features))


class _ReduceSum(torch.autograd.Function):
    @staticmethod
    def forward(ctx, t):
        t = t.clone()
        dist.all_reduce(t)
        return t

    @staticmethod
    def backward(ctx, grad):
        grad = grad.clone()
        dist.all_reduce(grad)
        return grad


@wrong("11.1", "A ReLU follows the sum, so negative inputs come")
class ResidualBlock(nn.Module):
    """ReLU after the sum, as in ResNet."""

    def __init__(self, channels):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        nn.init.constant_(self.bn2.weight, 0)

    def forward(self, x):
        out = F.relu(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        return F.relu(out + x)


@wrong("11.1", "The first γ starts at 0 instead of the last one")
class ResidualBlock(nn.Module):
    """zero-init of the first norm, not of the last."""

    def __init__(self, channels):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1)
        self.bn2 = nn.BatchNorm2d(channels)
        nn.init.zeros_(self.bn1.weight)

    def forward(self, x):
        identity = x
        x = torch.relu(self.bn1(self.conv1(x)))
        return identity + self.bn2(self.conv2(x))


@wrong("11.1", "The skip is missing: the block returns its")
class ResidualBlock(nn.Module):
    """Forgets + x."""

    def __init__(self, channels):
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(channels, channels, 3, 1, 1),
            nn.BatchNorm2d(channels),
            nn.ReLU(),
            nn.Conv2d(channels, channels, 3, 1, 1),
            nn.BatchNorm2d(channels),
        )
        self.body[4].weight.data.zero_()

    def forward(self, x):
        return self.body(x)


@wrong("11.2", "weight and bias are parameters with")
class FrozenBatchNorm2d(nn.Module):
    """weight and bias are parameters with requires_grad=False."""

    def __init__(self, num_features, eps=1e-5):
        super().__init__()
        self.eps = eps
        self.weight = nn.Parameter(torch.ones(num_features), requires_grad=False)
        self.bias = nn.Parameter(torch.zeros(num_features), requires_grad=False)
        self.register_buffer("running_mean", torch.zeros(num_features))
        self.register_buffer("running_var", torch.ones(num_features))
        self.register_buffer("num_batches_tracked", torch.tensor(0))

    def forward(self, x):
        return F.batch_norm(x, self.running_mean, self.running_var, self.weight, self.bias, False, 0.0, self.eps)


@wrong("11.2", "A state dict with num_batches_tracked is")
class FrozenBatchNorm2d(nn.Module):
    """num_batches_tracked is unexpected: strict loading fails (Detectron's without the _load_from_state_dict)."""

    def __init__(self, num_features, eps=1e-5):
        super().__init__()
        self.eps = eps
        self.register_buffer("weight", torch.ones(num_features))
        self.register_buffer("bias", torch.zeros(num_features))
        self.register_buffer("running_mean", torch.zeros(num_features))
        self.register_buffer("running_var", torch.ones(num_features))

    def forward(self, x):
        w = self.weight.reshape(1, -1, 1, 1)
        b = self.bias.reshape(1, -1, 1, 1)
        rv = self.running_var.reshape(1, -1, 1, 1)
        rm = self.running_mean.reshape(1, -1, 1, 1)
        scale = w * (rv + self.eps).rsqrt()
        return x * scale + (b - rm * scale)


@wrong("11.2", "F.batch_norm is given `self.training`: in")
class FrozenBatchNorm2d(nn.Module):
    """F.batch_norm(training=self.training): the batch's statistics in training, and they move."""

    def __init__(self, num_features, eps=1e-5):
        super().__init__()
        self.eps = eps
        for name, make in dict(
            weight=torch.ones, bias=torch.zeros, running_mean=torch.zeros, running_var=torch.ones
        ).items():
            self.register_buffer(name, make(num_features))
        self.register_buffer("num_batches_tracked", torch.tensor(0))

    def forward(self, x):
        return F.batch_norm(
            x, self.running_mean, self.running_var, self.weight, self.bias, training=self.training, eps=self.eps
        )


@wrong("11.3", "A class absent from both counts with 0 and pulls")
def mean_iou(prediction, target, num_classes, ignore_index=255):
    """Absent classes count as 0."""
    keep = target != ignore_index
    p, t = prediction[keep].astype(int), target[keep].astype(int)
    ious = np.zeros(num_classes)
    for c in range(num_classes):
        inter = ((p == c) & (t == c)).sum()
        union = ((p == c) | (t == c)).sum()
        ious[c] = inter / union if union > 0 else 0
    return ious.mean()


@wrong("11.3", "This is the Dice score, twice the intersection")
def mean_iou(prediction, target, num_classes, ignore_index=255):
    """Dice: 2 * intersection over the sum."""
    valid = target.ravel() != ignore_index
    p, t = prediction.ravel()[valid], target.ravel()[valid]
    scores = []
    for k in range(num_classes):
        total = (p == k).sum() + (t == k).sum()
        if total == 0:
            continue
        scores.append(2 * np.logical_and(p == k, t == k).sum() / total)
    return float(np.mean(scores))


@wrong("11.3", "num_classes * target + prediction overflows in")
def mean_iou(prediction, target, num_classes, ignore_index=255):
    """bincount on num_classes * target + prediction in uint8: overflows; predicted 255 too."""
    valid = (target != ignore_index) & (prediction < num_classes)
    hist = np.bincount(num_classes * target[valid] + prediction[valid], minlength=num_classes**2)
    hist = hist[: num_classes**2].reshape(num_classes, num_classes)
    inter = np.diag(hist)
    union = hist.sum(0) + hist.sum(1) - inter
    return (inter[union > 0] / union[union > 0]).mean()


@wrong("11.4", "Widths and heights of what is shared are not cut")
def box_iou(a, b):
    """No clip at 0: two negative sides multiply to a positive area."""
    lt = np.maximum(a[:, None, :2], b[:, :2])
    rb = np.minimum(a[:, None, 2:], b[:, 2:])
    wh = rb - lt
    inter = wh[..., 0] * wh[..., 1]

    def area(z):
        return (z[:, 2] - z[:, 0]) * (z[:, 3] - z[:, 1])

    return inter / (area(a)[:, None] + area(b)[None, :] - inter)


@wrong("11.4", "Boxes are read as x, y, width, height; they are")
def box_iou(a, b):
    """Boxes as x, y, w, h (COCO)."""
    out = np.zeros((len(a), len(b)))
    for i, (ax, ay, aw, ah) in enumerate(a):
        for j, (bx, by, bw, bh) in enumerate(b):
            w = max(0, min(ax + aw, bx + bw) - max(ax, bx))
            h = max(0, min(ay + ah, by + bh) - max(ay, by))
            inter = w * h
            out[i, j] = inter / (aw * ah + bw * bh - inter)
    return out


@wrong("11.4", "What is shared is divided by the sum of both")
def box_iou(a, b):
    """Union is the sum of the areas, the intersection is not taken off."""
    x1 = np.maximum(a[:, 0:1], b[:, 0])
    y1 = np.maximum(a[:, 1:2], b[:, 1])
    x2 = np.minimum(a[:, 2:3], b[:, 2])
    y2 = np.minimum(a[:, 3:4], b[:, 3])
    inter = np.clip(x2 - x1, 0, None) * np.clip(y2 - y1, 0, None)
    area_a = (a[:, 2] - a[:, 0]) * (a[:, 3] - a[:, 1])
    area_b = (b[:, 2] - b[:, 0]) * (b[:, 3] - b[:, 1])
    return inter / (area_a[:, None] + area_b[None, :])


@wrong("11.5", "The means of the processes are averaged")
class SyncBatchNorm(_SyncBase):
    """Mean of the processes' means: local batches of other sizes count the same."""

    def forward(self, x):
        shape = (1, -1) + (1,) * (x.dim() - 2)
        if self.training:
            dims = (0, *range(2, x.dim()))
            world = dist.get_world_size()
            mean = _ReduceSum.apply(x.mean(dims)) / world
            var = _ReduceSum.apply((x - mean.view(shape)).pow(2).mean(dims)) / world
            n = torch.tensor(float(x.numel() // x.shape[1]))
            dist.all_reduce(n)
            with torch.no_grad():
                self.running_mean.mul_(1 - self.momentum).add_(self.momentum * mean)
                self.running_var.mul_(1 - self.momentum).add_(self.momentum * var * n / (n - 1))
        else:
            mean, var = self.running_mean, self.running_var
        out = (x - mean.view(shape)) * torch.rsqrt(var.view(shape) + self.eps)
        return out * self.weight.view(shape) + self.bias.view(shape)


@wrong("11.5", "all_reduce cuts the graph: no gradient flows")
class SyncBatchNorm(_SyncBase):
    """all_reduce without a gradient: the sums are treated as constants (detached)."""

    def forward(self, x):
        shape = (1, -1) + (1,) * (x.dim() - 2)
        if self.training:
            dims = (0, *range(2, x.dim()))
            total = x.detach().sum(dims)
            n = torch.tensor(float(x.numel() // x.shape[1]))
            dist.all_reduce(total)
            dist.all_reduce(n)
            mean = total / n
            sq = (x.detach() - mean.view(shape)).pow(2).sum(dims)
            dist.all_reduce(sq)
            var = sq / n
            with torch.no_grad():
                self.running_mean.mul_(1 - self.momentum).add_(self.momentum * mean)
                self.running_var.mul_(1 - self.momentum).add_(self.momentum * var * n / (n - 1))
        else:
            mean, var = self.running_mean, self.running_var
        out = (x - mean.view(shape)) * torch.rsqrt(var.view(shape) + self.eps)
        return out * self.weight.view(shape) + self.bias.view(shape)


@wrong("11.5", "measured from the process's own mean", "with the process's own count", named=False)
class SyncBatchNorm(_SyncBase):
    """The running variance is unbiased with the local count; also the joint var from local means (within only)."""

    def forward(self, x):
        shape = (1, -1) + (1,) * (x.dim() - 2)
        if self.training:
            dims = (0, *range(2, x.dim()))
            local = x.numel() // x.shape[1]
            n = torch.tensor(float(local))
            dist.all_reduce(n)
            mean = _ReduceSum.apply(x.sum(dims)) / n
            own = x.mean(dims, keepdim=True)
            var = _ReduceSum.apply((x - own).pow(2).sum(dims)) / n
            with torch.no_grad():
                self.running_mean.lerp_(mean, self.momentum)
                self.running_var.lerp_(var * local / max(local - 1, 1), self.momentum)
        else:
            mean, var = self.running_mean, self.running_var
        out = (x - mean.view(shape)) / torch.sqrt(var.view(shape) + self.eps)
        return out * self.weight.view(shape) + self.bias.view(shape)
