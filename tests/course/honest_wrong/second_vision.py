"""More wrong answers to chapter 11 written before any look at checks, mistakes or this bank."""

# ruff: noqa: F811  one name has many answers

import numpy as np
import torch
import torch.distributed as dist
from torch import nn
from torch.nn import functional as F

from tests.course.honest_wrong import wrong


@wrong("11.1", "A ReLU follows the sum, so negative inputs come")
class ResidualBlock(nn.Module):
    """ReLU after the sum."""

    def __init__(self, channels):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        nn.init.zeros_(self.bn2.weight)

    def forward(self, x):
        out = torch.relu(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        return torch.relu(out + x)


@wrong("11.1", "The first γ starts at 0 instead of the last one.")
class ResidualBlock(nn.Module):
    """The first gamma at 0 instead of the last."""

    def __init__(self, channels):
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(channels, channels, 3, 1, 1, bias=False),
            nn.BatchNorm2d(channels),
            nn.ReLU(),
            nn.Conv2d(channels, channels, 3, 1, 1, bias=False),
            nn.BatchNorm2d(channels),
        )
        nn.init.constant_(self.body[1].weight, 0)

    def forward(self, x):
        return self.body(x) + x


@wrong("11.1", "The branch is added in place")
class ResidualBlock(nn.Module):
    """X += in place, last gamma frozen at 0."""

    def __init__(self, channels):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1)
        self.bn2 = nn.BatchNorm2d(channels)
        self.bn2.weight = nn.Parameter(torch.zeros(channels), requires_grad=False)

    def forward(self, x):
        y = self.bn2(self.conv2(self.bn1(self.conv1(x)).relu()))
        x += y
        return x


@wrong("11.2", "weight and bias are parameters with requires_grad=False.")
class FrozenBatchNorm2d(nn.Module):
    """Parameters with requires_grad False instead of buffers."""

    def __init__(self, num_features, eps=1e-5):
        super().__init__()
        self.eps = eps
        self.weight = nn.Parameter(torch.ones(num_features), requires_grad=False)
        self.bias = nn.Parameter(torch.zeros(num_features), requires_grad=False)
        self.register_buffer("running_mean", torch.zeros(num_features))
        self.register_buffer("running_var", torch.ones(num_features))
        self.register_buffer("num_batches_tracked", torch.tensor(0))

    def forward(self, x):
        scale = self.weight * (self.running_var + self.eps).rsqrt()
        shift = self.bias - self.running_mean * scale
        return x * scale.reshape(1, -1, 1, 1) + shift.reshape(1, -1, 1, 1)


@wrong("11.2", "ε is missing: a variance of 0 would divide by 0.")
class FrozenBatchNorm2d(nn.Module):
    """No eps under the root (as in the old torchvision), num_batches_tracked missing."""

    def __init__(self, num_features, eps=1e-5):
        super().__init__()
        self.register_buffer("weight", torch.ones(num_features))
        self.register_buffer("bias", torch.zeros(num_features))
        self.register_buffer("running_mean", torch.zeros(num_features))
        self.register_buffer("running_var", torch.ones(num_features))

    def forward(self, x):
        w = self.weight.reshape(1, -1, 1, 1)
        b = self.bias.reshape(1, -1, 1, 1)
        rv = self.running_var.reshape(1, -1, 1, 1)
        rm = self.running_mean.reshape(1, -1, 1, 1)
        scale = w * rv.rsqrt()
        return x * scale + (b - rm * scale)


@wrong("11.2", "In training the batch's own statistics normalise.")
class FrozenBatchNorm2d(nn.Module):
    """Uses batch statistics in training mode."""

    def __init__(self, num_features, eps=1e-5):
        super().__init__()
        self.eps = eps
        for name, value in (("weight", 1.0), ("bias", 0.0), ("running_mean", 0.0), ("running_var", 1.0)):
            self.register_buffer(name, torch.full((num_features,), value))
        self.register_buffer("num_batches_tracked", torch.tensor(0))

    def forward(self, x):
        return F.batch_norm(
            x, self.running_mean.clone(), self.running_var.clone(), self.weight, self.bias, self.training, 0.0, self.eps
        )


@wrong("11.3", "A class absent from both counts with 0 and pulls")
def mean_iou(prediction, target, num_classes, ignore_index=255):
    """Absent classes count as 0."""
    valid = target != ignore_index
    p, t = prediction[valid], target[valid]
    ious = np.zeros(num_classes)
    for c in range(num_classes):
        inter = np.logical_and(p == c, t == c).sum()
        union = np.logical_or(p == c, t == c).sum()
        ious[c] = inter / max(union, 1)
    return ious.mean()


@wrong("11.3", "Only the classes of the target are averaged: one")
def mean_iou(prediction, target, num_classes, ignore_index=255):
    """Only classes of the target count."""
    keep = target != ignore_index
    p, t = prediction[keep], target[keep]
    scores = []
    for c in np.unique(t):
        scores.append(((p == c) & (t == c)).sum() / ((p == c) | (t == c)).sum())
    return float(np.mean(scores))


@wrong("11.3", "Each class's intersection is divided by its pixels")
def mean_iou(prediction, target, num_classes, ignore_index=255):
    """Recall of each class instead of IoU; uint8 confusion overflow."""
    keep = target != ignore_index
    idx = num_classes * target[keep] + prediction[keep]
    conf = np.bincount(idx, minlength=num_classes**2)[: num_classes**2].reshape(num_classes, num_classes)
    rows = conf.sum(1)
    present = rows > 0
    return (np.diag(conf)[present] / rows[present]).mean()


@wrong("11.3", "The mean IoU of each image is taken and averaged.")
def mean_iou(prediction, target, num_classes, ignore_index=255):
    """Mean of the images' IoUs."""
    if target.ndim < 3:
        prediction, target = prediction[None], target[None]
    per_image = []
    for p, t in zip(prediction, target):
        keep = t != ignore_index
        ious = []
        for c in range(num_classes):
            u = ((p == c) | (t == c))[keep].sum()
            if u > 0:
                ious.append(((p == c) & (t == c))[keep].sum() / u)
        if ious:
            per_image.append(np.mean(ious))
    return np.mean(per_image)


@wrong("11.4", "Widths and heights of what is shared are not cut")
def box_iou(a, b):
    """Negative sides not cut off at 0."""
    w = np.minimum(a[:, None, 2], b[None, :, 2]) - np.maximum(a[:, None, 0], b[None, :, 0])
    h = np.minimum(a[:, None, 3], b[None, :, 3]) - np.maximum(a[:, None, 1], b[None, :, 1])
    inter = w * h
    area_a = (a[:, 2] - a[:, 0]) * (a[:, 3] - a[:, 1])
    area_b = (b[:, 2] - b[:, 0]) * (b[:, 3] - b[:, 1])
    return inter / (area_a[:, None] + area_b[None] - inter)


@wrong("11.4", "What is shared is divided by the sum of both areas,")
def box_iou(a, b):
    """Divides by the sum of areas (shared counted twice)."""
    out = np.zeros((len(a), len(b)))
    for i in range(len(a)):
        for j in range(len(b)):
            w = max(0, min(a[i][2], b[j][2]) - max(a[i][0], b[j][0]))
            h = max(0, min(a[i][3], b[j][3]) - max(a[i][1], b[j][1]))
            s = (a[i][2] - a[i][0]) * (a[i][3] - a[i][1]) + (b[j][2] - b[j][0]) * (b[j][3] - b[j][1])
            out[i, j] = w * h / s
    return out


@wrong("11.4", "Widths and heights have a + 1", "Boxes are read as x, y, width, height", named=False)
def box_iou(a, b):
    """Plus 1, and the last two taken for width and height."""
    x2a, y2a = a[:, 0] + a[:, 2], a[:, 1] + a[:, 3]
    x2b, y2b = b[:, 0] + b[:, 2], b[:, 1] + b[:, 3]
    w = np.minimum(x2a[:, None], x2b) - np.maximum(a[:, 0][:, None], b[:, 0]) + 1
    h = np.minimum(y2a[:, None], y2b) - np.maximum(a[:, 1][:, None], b[:, 1]) + 1
    inter = np.clip(w, 0, None) * np.clip(h, 0, None)
    return inter / ((a[:, 2] + 1) * (a[:, 3] + 1))[:, None].__add__(((b[:, 2] + 1) * (b[:, 3] + 1)) - inter)


@wrong("11.4", "The result is transposed, (M, N).")
def box_iou(a, b):
    """Returns (M, N)."""
    lt = np.maximum(a[None, :, :2], b[:, None, :2])
    rb = np.minimum(a[None, :, 2:], b[:, None, 2:])
    wh = np.clip(rb - lt, 0, None)
    inter = wh[..., 0] * wh[..., 1]
    sa = np.prod(a[:, 2:] - a[:, :2], axis=1)
    sb = np.prod(b[:, 2:] - b[:, :2], axis=1)
    return inter / (sa[None] + sb[:, None] - inter)


@wrong("11.5", "all_reduce cuts the graph: no gradient flows through")
class SyncBatchNorm(nn.Module):
    """Statistics by all_reduce without gradient."""

    def __init__(self, num_features, eps=1e-5, momentum=0.1):
        super().__init__()
        self.eps, self.momentum = eps, momentum
        self.weight = nn.Parameter(torch.ones(num_features))
        self.bias = nn.Parameter(torch.zeros(num_features))
        self.register_buffer("running_mean", torch.zeros(num_features))
        self.register_buffer("running_var", torch.ones(num_features))

    def forward(self, x):
        shape = [1, -1] + [1] * (x.dim() - 2)
        if self.training:
            dims = [0] + list(range(2, x.dim()))
            with torch.no_grad():
                n = torch.tensor(float(x.numel() // x.size(1)))
                dist.all_reduce(n)
                s = x.sum(dims)
                dist.all_reduce(s)
                mean = s / n
                q = ((x - mean.view(shape)) ** 2).sum(dims)
                dist.all_reduce(q)
                var = q / n
                self.running_mean += self.momentum * (mean - self.running_mean)
                self.running_var += self.momentum * (q / (n - 1) - self.running_var)
        else:
            mean, var = self.running_mean, self.running_var
        xhat = (x - mean.view(shape)) / torch.sqrt(var.view(shape) + self.eps)
        return xhat * self.weight.view(shape) + self.bias.view(shape)


@wrong("11.5", "Means and variances of the processes are averaged")
class SyncBatchNorm(nn.Module):
    """Averages the processes' means and variances."""

    def __init__(self, num_features, eps=1e-5, momentum=0.1):
        super().__init__()
        self.eps, self.momentum = eps, momentum
        self.weight = nn.Parameter(torch.ones(num_features))
        self.bias = nn.Parameter(torch.zeros(num_features))
        self.register_buffer("running_mean", torch.zeros(num_features))
        self.register_buffer("running_var", torch.ones(num_features))

    class AllSum(torch.autograd.Function):
        @staticmethod
        def forward(ctx, t):
            t = t.clone()
            dist.all_reduce(t)
            return t

        @staticmethod
        def backward(ctx, g):
            g = g.clone()
            dist.all_reduce(g)
            return g

    def forward(self, x):
        shape = [1, -1] + [1] * (x.dim() - 2)
        if self.training:
            dims = [0] + list(range(2, x.dim()))
            world = dist.get_world_size()
            mean = self.AllSum.apply(x.mean(dims)) / world
            var = self.AllSum.apply(x.var(dims, unbiased=False)) / world
            n = torch.tensor(float(x.numel() // x.size(1)))
            dist.all_reduce(n)
            with torch.no_grad():
                self.running_mean.lerp_(mean, self.momentum)
                self.running_var.lerp_(var * n / (n - 1), self.momentum)
        else:
            mean, var = self.running_mean, self.running_var
        xhat = (x - mean.view(shape)) / torch.sqrt(var.view(shape) + self.eps)
        return xhat * self.weight.view(shape) + self.bias.view(shape)


@wrong(
    "11.5",
    "The running variance is unbiased with the process's own count",
    "The processes exchange in evaluation too",
    named=False,
)
class SyncBatchNorm(nn.Module):
    """Unbiased with the local count; exchanged in evaluation too."""

    def __init__(self, num_features, eps=1e-5, momentum=0.1):
        super().__init__()
        self.eps, self.momentum = eps, momentum
        self.weight = nn.Parameter(torch.ones(num_features))
        self.bias = nn.Parameter(torch.zeros(num_features))
        self.register_buffer("running_mean", torch.zeros(num_features))
        self.register_buffer("running_var", torch.ones(num_features))

    class AllSum(torch.autograd.Function):
        @staticmethod
        def forward(ctx, t):
            t = t.clone()
            dist.all_reduce(t)
            return t

        @staticmethod
        def backward(ctx, g):
            g = g.clone()
            dist.all_reduce(g)
            return g

    def forward(self, x):
        shape = [1, -1] + [1] * (x.dim() - 2)
        dims = [0] + list(range(2, x.dim()))
        local = x.numel() // x.size(1)
        n = torch.tensor(float(local))
        dist.all_reduce(n)
        mean = self.AllSum.apply(x.sum(dims)) / n
        var = self.AllSum.apply((x - mean.view(shape)).pow(2).sum(dims)) / n
        if self.training:
            with torch.no_grad():
                self.running_mean.lerp_(mean, self.momentum)
                self.running_var.lerp_(var * local / max(local - 1, 1), self.momentum)
        else:
            mean, var = self.running_mean, self.running_var
        xhat = (x - mean.view(shape)) / torch.sqrt(var.view(shape) + self.eps)
        return xhat * self.weight.view(shape) + self.bias.view(shape)
