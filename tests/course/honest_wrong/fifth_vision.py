"""Wrong answers to chapter 11, a fifth sample, written before a look at checks or mistakes."""

# ruff: noqa: F811  one name has many answers

import numpy as np
import torch
import torch.distributed as dist
from torch import nn
from torch.nn import functional as F

from tests.course.honest_wrong import wrong


@wrong("11.1", "A ReLU follows the sum, so negative inputs come out")
class ResidualBlock(nn.Module):
    """A ReLU follows the sum, as in ResNet."""

    def __init__(self, channels):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        nn.init.zeros_(self.bn2.weight)

    def forward(self, x):
        out = F.relu(self.bn1(self.conv1(x)))
        return F.relu(self.bn2(self.conv2(out)) + x)


@wrong("11.1", "Both γ start at 0. Then nothing reaches the second")
class ResidualBlock(nn.Module):
    """Both gammas start at 0."""

    def __init__(self, channels):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1)
        self.bn2 = nn.BatchNorm2d(channels)
        for bn in (self.bn1, self.bn2):
            nn.init.constant_(bn.weight, 0)

    def forward(self, x):
        return x + self.bn2(self.conv2(torch.relu(self.bn1(self.conv1(x)))))


@wrong("11.1", "The last γ starts at 1, as PyTorch sets it; a new")
class ResidualBlock(nn.Module):
    """No gamma is set to 0."""

    def __init__(self, channels):
        super().__init__()
        self.branch = nn.Sequential(
            nn.Conv2d(channels, channels, 3, padding=1, bias=False),
            nn.BatchNorm2d(channels),
            nn.ReLU(inplace=True),
            nn.Conv2d(channels, channels, 3, padding=1, bias=False),
            nn.BatchNorm2d(channels),
        )

    def forward(self, x):
        return x + self.branch(x)


@wrong("11.1", "This is the block that normalises first: BN, ReLU,")
class ResidualBlock(nn.Module):
    """Pre-activation: normalization, ReLU, convolution; the last convolution follows the last normalization."""

    def __init__(self, channels):
        super().__init__()
        self.bn1, self.bn2 = nn.BatchNorm2d(channels), nn.BatchNorm2d(channels)
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        nn.init.zeros_(self.bn2.weight)

    def forward(self, x):
        out = self.conv1(F.relu(self.bn1(x)))
        return x + self.conv2(F.relu(self.bn2(out)))


class Frozen(nn.Module):
    def __init__(self, num_features, eps=1e-5):
        super().__init__()
        self.eps = eps
        self.register_buffer("weight", torch.ones(num_features))
        self.register_buffer("bias", torch.zeros(num_features))
        self.register_buffer("running_mean", torch.zeros(num_features))
        self.register_buffer("running_var", torch.ones(num_features))
        self.register_buffer("num_batches_tracked", torch.tensor(0))


@wrong("11.2", "ε is missing: a variance of 0 would divide by 0.")
class FrozenBatchNorm2d(Frozen):
    """eps is not under the root: it is left out."""

    def forward(self, x):
        scale = self.weight * self.running_var.rsqrt()
        shift = self.bias - self.running_mean * scale
        return x * scale[:, None, None] + shift[:, None, None]


@wrong("11.2", "A state dict with num_batches_tracked is refused:")
class FrozenBatchNorm2d(nn.Module):
    """torchvision's without the method that drops the counter: loading strictly fails."""

    def __init__(self, num_features, eps=1e-5):
        super().__init__()
        self.eps = eps
        for name, value in (("weight", 1.0), ("bias", 0.0), ("running_mean", 0.0), ("running_var", 1.0)):
            self.register_buffer(name, torch.full((num_features,), value))

    def forward(self, x):
        scale = (self.weight / (self.running_var + self.eps).sqrt()).view(1, -1, 1, 1)
        return (x - self.running_mean.view(1, -1, 1, 1)) * scale + self.bias.view(1, -1, 1, 1)


@wrong("11.2", "The layer is an nn.BatchNorm2d put into evaluation")
class FrozenBatchNorm2d(nn.BatchNorm2d):
    """A BatchNorm2d in evaluation mode: train() thaws it, and gamma and beta stay parameters."""

    def __init__(self, num_features, eps=1e-5):
        super().__init__(num_features, eps=eps)
        self.eval()
        self.weight.requires_grad_(False)
        self.bias.requires_grad_(False)


@wrong("11.2", "`torch.no_grad()` in `forward` cuts off the")
class FrozenBatchNorm2d(Frozen):
    """The forward pass runs without gradients: none reaches x."""

    @torch.no_grad()
    def forward(self, x):
        return F.batch_norm(x, self.running_mean, self.running_var, self.weight, self.bias, False, 0.0, self.eps)


@wrong("11.3", "A class absent from both counts with 0 and pulls")
def mean_iou(prediction, target, num_classes, ignore_index=255):
    """Absent classes count as 0."""
    keep = target != ignore_index
    p, t = prediction[keep], target[keep]
    ious = []
    for k in range(num_classes):
        both = ((p == k) & (t == k)).sum()
        either = ((p == k) | (t == k)).sum()
        ious.append(both / either if either else 0.0)
    return np.mean(ious)


@wrong("11.3", "The union is taken as the sum of both sizes; what")
def mean_iou(prediction, target, num_classes, ignore_index=255):
    """The union is the sum of both areas: Dice without its 2."""
    keep = target != ignore_index
    p, t = prediction[keep], target[keep]
    ious = []
    for k in range(num_classes):
        union = (p == k).sum() + (t == k).sum()
        if union:
            ious.append(((p == k) & (t == k)).sum() / union)
    return np.mean(ious)


@wrong("11.3", "The mean IoU of each image is taken and averaged.")
def mean_iou(prediction, target, num_classes, ignore_index=255):
    """The mean over images of each image's mean."""
    p = prediction.reshape(-1, *prediction.shape[-2:])
    t = target.reshape(-1, *target.shape[-2:])
    scores = []
    for a, b in zip(p, t):
        keep = b != ignore_index
        a, b = a[keep], b[keep]
        ious = [
            np.sum((a == k) & (b == k)) / np.sum((a == k) | (b == k))
            for k in range(num_classes)
            if np.any((a == k) | (b == k))
        ]
        if ious:
            scores.append(np.mean(ious))
    return np.mean(scores)


@wrong("11.3", "Only the classes of the target are averaged: one")
def mean_iou(prediction, target, num_classes, ignore_index=255):
    """A class that occurs in the prediction alone is left out."""
    valid = target != ignore_index
    p, t = prediction[valid], target[valid]
    ious = []
    for k in np.unique(t):
        inter = np.logical_and(p == k, t == k).sum()
        union = np.logical_or(p == k, t == k).sum()
        ious.append(inter / union)
    return float(np.mean(ious))


@wrong("11.3", "Ignored pixels count: what was predicted there")
def mean_iou(prediction, target, num_classes, ignore_index=255):
    """Ignored pixels stay in the prediction's area."""
    ious = []
    for k in range(num_classes):
        p = prediction == k
        t = (target == k) & (target != ignore_index)
        union = (p | t).sum()
        if union > 0:
            ious.append((p & t).sum() / union)
    return np.mean(ious)


@wrong("11.4", "Widths and heights have a + 1, as in code for boxes")
def box_iou(a, b):
    """The + 1 of older code."""
    area_a = (a[:, 2] - a[:, 0] + 1) * (a[:, 3] - a[:, 1] + 1)
    area_b = (b[:, 2] - b[:, 0] + 1) * (b[:, 3] - b[:, 1] + 1)
    lt = np.maximum(a[:, None, :2], b[None, :, :2])
    rb = np.minimum(a[:, None, 2:], b[None, :, 2:])
    wh = np.maximum(rb - lt + 1, 0)
    inter = wh[..., 0] * wh[..., 1]
    return inter / (area_a[:, None] + area_b - inter)


@wrong("11.4", "Widths and heights of what is shared are not cut at")
def box_iou(a, b):
    """Negative sides are not cut at 0."""
    area_a = (a[:, 2] - a[:, 0]) * (a[:, 3] - a[:, 1])
    area_b = (b[:, 2] - b[:, 0]) * (b[:, 3] - b[:, 1])
    wh = np.minimum(a[:, None, 2:], b[:, 2:]) - np.maximum(a[:, None, :2], b[:, :2])
    inter = wh[..., 0] * wh[..., 1]
    return inter / (area_a[:, None] + area_b - inter)


@wrong("11.4", "What is shared is divided by the sum of both areas,")
def box_iou(a, b):
    """The shared area is counted twice in the union."""
    area_a = np.prod(a[:, 2:] - a[:, :2], axis=1)
    area_b = np.prod(b[:, 2:] - b[:, :2], axis=1)
    wh = np.clip(np.minimum(a[:, None, 2:], b[:, 2:]) - np.maximum(a[:, None, :2], b[:, :2]), 0, None)
    inter = wh.prod(axis=2)
    return inter / (area_a[:, None] + area_b)


@wrong("11.4", "Boxes are read as x, y, width, height; they are x1,")
def box_iou(a, b):
    """Boxes are taken for x, y, width, height."""
    result = np.zeros((len(a), len(b)))
    for i, (x1, y1, w1, h1) in enumerate(a):
        for j, (x2, y2, w2, h2) in enumerate(b):
            iw = max(0, min(x1 + w1, x2 + w2) - max(x1, x2))
            ih = max(0, min(y1 + h1, y2 + h2) - max(y1, y2))
            inter = iw * ih
            result[i, j] = inter / (w1 * h1 + w2 * h2 - inter)
    return result


class Sync(nn.Module):
    def __init__(self, num_features, eps=1e-5, momentum=0.1):
        super().__init__()
        self.eps, self.momentum = eps, momentum
        self.weight = nn.Parameter(torch.ones(num_features))
        self.bias = nn.Parameter(torch.zeros(num_features))
        self.register_buffer("running_mean", torch.zeros(num_features))
        self.register_buffer("running_var", torch.ones(num_features))

    def finish(self, x, mean, var):
        shape = (1, -1) + (1,) * (x.ndim - 2)
        y = (x - mean.view(shape)) / torch.sqrt(var.view(shape) + self.eps)
        return self.weight.view(shape) * y + self.bias.view(shape)

    @torch.no_grad()
    def move(self, mean, var, m):
        self.running_mean.lerp_(mean, self.momentum)
        self.running_var.lerp_(var * m / (m - 1), self.momentum)


@wrong("11.5", "Means and variances of the processes are averaged:")
class SyncBatchNorm(Sync):
    """The local means and variances are averaged; all_reduce gives no gradient."""

    def forward(self, x):
        if not self.training:
            return self.finish(x, self.running_mean, self.running_var)
        axes = (0, *range(2, x.ndim))
        world = dist.get_world_size()
        mean, var = x.mean(axes), x.var(axes, unbiased=False)
        dist.all_reduce(mean)
        dist.all_reduce(var)
        mean, var = mean / world, var / world
        self.move(mean, var, world * x.numel() // x.shape[1])
        return self.finish(x, mean, var)


@wrong("11.5", "Nothing is exchanged: each process normalises by")
class SyncBatchNorm(Sync):
    """Nothing is exchanged: each process normalises by its own batch."""

    def forward(self, x):
        if not self.training:
            return self.finish(x, self.running_mean, self.running_var)
        axes = (0, *range(2, x.ndim))
        mean, var = x.mean(axes), x.var(axes, unbiased=False)
        self.move(mean, var, x.numel() // x.shape[1])
        return self.finish(x, mean, var)


@wrong("11.5", "Two slips: a bare all_reduce passes no gradient on")
class SyncBatchNorm(Sync):
    """Sums and squares are added up: E[x^2] - mean^2 cancels; bare all_reduce hands on no gradient."""

    def forward(self, x):
        if not self.training:
            return self.finish(x, self.running_mean, self.running_var)
        axes = (0, *range(2, x.ndim))
        count = torch.full((1,), float(x.numel() // x.shape[1]))
        total = torch.cat([x.sum(axes), (x * x).sum(axes), count])
        dist.all_reduce(total)
        c, m = x.shape[1], total[-1]
        mean = total[:c] / m
        var = total[c : 2 * c] / m - mean**2
        self.move(mean, var, m)
        return self.finish(x, mean, var)


@wrong("11.5", "all_reduce cuts the graph: no gradient flows")
class SyncBatchNorm(Sync):
    """Right in two passes, but the statistics are exchanged as constants: all_reduce hands on no gradient."""

    def forward(self, x):
        if not self.training:
            return self.finish(x, self.running_mean, self.running_var)
        axes = (0, *range(2, x.ndim))
        shape = (1, -1) + (1,) * (x.ndim - 2)
        with torch.no_grad():
            m = torch.tensor(float(x.numel() // x.shape[1]))
            dist.all_reduce(m)
            mean = x.sum(axes)
            dist.all_reduce(mean)
            mean = mean / m
            var = ((x - mean.view(shape)) ** 2).sum(axes)
            dist.all_reduce(var)
            var = var / m
        self.move(mean, var, m)
        return self.finish(x, mean, var)
