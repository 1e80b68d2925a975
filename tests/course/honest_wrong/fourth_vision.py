"""Wrong answers to chapter 11, a fourth sample, written before a look at checks or mistakes."""

# ruff: noqa: F811  one name has many answers

import numpy as np
import torch
import torch.distributed as dist
from torch import nn

from tests.course.honest_wrong import wrong


@wrong("11.1", "A ReLU follows the sum, so negative inputs come out")
class ResidualBlock(nn.Module):
    """A ReLU after the sum, as in ResNet: negative inputs come out 0."""

    def __init__(self, channels):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        nn.init.zeros_(self.bn2.weight)

    def forward(self, x):
        out = torch.relu(self.bn1(self.conv1(x)))
        return torch.relu(x + self.bn2(self.conv2(out)))


@wrong("11.1", "Both γ start at 0. Then nothing reaches the second")
class ResidualBlock(nn.Module):
    """The γ of both normalizations starts at 0: the first pair's should be 1."""

    def __init__(self, channels):
        super().__init__()
        self.branch = nn.Sequential(
            nn.Conv2d(channels, channels, 3, padding=1),
            nn.BatchNorm2d(channels),
            nn.ReLU(),
            nn.Conv2d(channels, channels, 3, padding=1),
            nn.BatchNorm2d(channels),
        )
        for m in self.modules():
            if isinstance(m, nn.BatchNorm2d):
                nn.init.constant_(m.weight, 0)

    def forward(self, x):
        return x + self.branch(x)


@wrong("11.1", "The branch is added in place, by `+=`, to x or to")
class ResidualBlock(nn.Module):
    """x += branch changes the input in place."""

    def __init__(self, channels):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, 1, 1)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, 1, 1)
        self.bn2 = nn.BatchNorm2d(channels)
        self.bn2.weight.data.fill_(0)

    def forward(self, x):
        out = self.bn2(self.conv2(torch.relu(self.bn1(self.conv1(x)))))
        x += out
        return x


@wrong("11.2", "weight and bias are parameters with")
class FrozenBatchNorm2d(nn.Module):
    """weight and bias are parameters with requires_grad=False, not buffers."""

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
        return x * scale.view(1, -1, 1, 1) + shift.view(1, -1, 1, 1)


@wrong("11.2", "A state dict with num_batches_tracked is refused:")
class FrozenBatchNorm2d(nn.Module):
    """num_batches_tracked is neither kept nor dropped: strict loading fails."""

    def __init__(self, num_features, eps=1e-5):
        super().__init__()
        self.eps = eps
        self.register_buffer("weight", torch.ones(num_features))
        self.register_buffer("bias", torch.zeros(num_features))
        self.register_buffer("running_mean", torch.zeros(num_features))
        self.register_buffer("running_var", torch.ones(num_features))

    def forward(self, x):
        w, b, m, v = (t.reshape(1, -1, 1, 1) for t in (self.weight, self.bias, self.running_mean, self.running_var))
        return w * (x - m) / torch.sqrt(v + self.eps) + b


@wrong("11.2", "The counter is dropped only where the layer is")
class FrozenBatchNorm2d(nn.Module):
    """num_batches_tracked is dropped without the prefix, so only a layer that stands alone loads."""

    def __init__(self, num_features, eps=1e-5):
        super().__init__()
        self.eps = eps
        self.register_buffer("weight", torch.ones(num_features))
        self.register_buffer("bias", torch.zeros(num_features))
        self.register_buffer("running_mean", torch.zeros(num_features))
        self.register_buffer("running_var", torch.ones(num_features))

    def _load_from_state_dict(self, state_dict, prefix, *args):
        state_dict.pop("num_batches_tracked", None)
        super()._load_from_state_dict(state_dict, prefix, *args)

    def forward(self, x):
        return nn.functional.batch_norm(
            x, self.running_mean, self.running_var, self.weight, self.bias, False, 0.0, self.eps
        )


@wrong("11.3", "A class absent from both counts with 0 and pulls")
def mean_iou(prediction, target, num_classes, ignore_index=255):
    """The mean is over all classes; an absent one counts as 0."""
    keep = target != ignore_index
    p, t = prediction[keep].astype(int), target[keep].astype(int)
    ious = np.zeros(num_classes)
    for k in range(num_classes):
        union = ((p == k) | (t == k)).sum()
        if union:
            ious[k] = ((p == k) & (t == k)).sum() / union
    return ious.mean()


@wrong("11.3", "The class numbers are turned into uint8 before")
def mean_iou(prediction, target, num_classes, ignore_index=255):
    """num_classes * target + prediction overflows in uint8, to which all is cast."""
    keep = target != ignore_index
    p, t = prediction[keep], target[keep]
    hist = np.bincount(np.uint8(num_classes) * t.astype(np.uint8) + p.astype(np.uint8), minlength=num_classes**2)[
        : num_classes**2
    ].reshape(num_classes, num_classes)
    inter = np.diag(hist)
    union = hist.sum(0) + hist.sum(1) - inter
    return (inter[union > 0] / union[union > 0]).mean()


@wrong("11.3", "Only the classes of the target are averaged: one")
def mean_iou(prediction, target, num_classes, ignore_index=255):
    """Only classes that occur in the target enter the mean."""
    valid = target != ignore_index
    pred, true = prediction[valid], target[valid]
    ious = []
    for k in np.unique(true):
        inter = np.logical_and(pred == k, true == k).sum()
        union = np.logical_or(pred == k, true == k).sum()
        ious.append(inter / union)
    return float(np.mean(ious))


@wrong("11.3", "The mean IoU of each image is taken and averaged.")
def mean_iou(prediction, target, num_classes, ignore_index=255):
    """The IoU of each image is averaged over the images, not all pixels together."""

    def one(p, t):
        v = t != ignore_index
        p, t = p[v], t[v]
        vals = []
        for k in range(num_classes):
            u = np.sum((p == k) | (t == k))
            if u > 0:
                vals.append(np.sum((p == k) & (t == k)) / u)
        return np.mean(vals) if vals else np.nan

    if prediction.ndim == 3:
        return np.nanmean([one(p, t) for p, t in zip(prediction, target)])
    return one(prediction, target)


@wrong("11.3", "Pixels whose *prediction* is ignore_index are")
def mean_iou(prediction, target, num_classes, ignore_index=255):
    """Pixels that are predicted as ignore_index are left out as well."""
    keep = (target != ignore_index) & (prediction != ignore_index)
    p, t = prediction[keep].astype(int), target[keep].astype(int)
    cm = np.zeros((num_classes, num_classes), int)
    np.add.at(cm, (t, p), 1)
    inter = np.diag(cm)
    union = cm.sum(0) + cm.sum(1) - inter
    return np.mean(inter[union > 0] / union[union > 0])


@wrong("11.4", "Widths and heights of what is shared are not cut at")
def box_iou(a, b):
    """Width and height of the overlap are not cut off at 0: two negative sides give a positive area."""
    a, b = np.asarray(a, float), np.asarray(b, float)
    lt = np.maximum(a[:, None, :2], b[None, :, :2])
    rb = np.minimum(a[:, None, 2:], b[None, :, 2:])
    wh = rb - lt
    inter = wh[..., 0] * wh[..., 1]

    def area(z):
        return (z[:, 2] - z[:, 0]) * (z[:, 3] - z[:, 1])

    return inter / (area(a)[:, None] + area(b)[None] - inter)


@wrong("11.4", "What is shared is divided by the sum of both areas,")
def box_iou(a, b):
    """The union counts the shared area twice."""
    out = np.zeros((len(a), len(b)))
    for i in range(len(a)):
        for j in range(len(b)):
            w = min(a[i][2], b[j][2]) - max(a[i][0], b[j][0])
            h = min(a[i][3], b[j][3]) - max(a[i][1], b[j][1])
            inter = max(w, 0) * max(h, 0)
            area_a = (a[i][2] - a[i][0]) * (a[i][3] - a[i][1])
            area_b = (b[j][2] - b[j][0]) * (b[j][3] - b[j][1])
            out[i, j] = inter / (area_a + area_b)
    return out


@wrong("11.4", "Boxes are read as x, y, width, height; they are x1,")
def box_iou(a, b):
    """The last two numbers are read as width and height."""
    a = np.asarray(a, dtype=np.float64)
    b = np.asarray(b, dtype=np.float64)
    ax2, ay2 = a[:, 0] + a[:, 2], a[:, 1] + a[:, 3]
    bx2, by2 = b[:, 0] + b[:, 2], b[:, 1] + b[:, 3]
    iw = np.clip(np.minimum(ax2[:, None], bx2) - np.maximum(a[:, None, 0], b[:, 0]), 0, None)
    ih = np.clip(np.minimum(ay2[:, None], by2) - np.maximum(a[:, None, 1], b[:, 1]), 0, None)
    inter = iw * ih
    return inter / ((a[:, 2] * a[:, 3])[:, None] + b[:, 2] * b[:, 3] - inter)


@wrong("11.4")
def box_iou(a, b):
    """ "+ 1" in the widths, and no cut at 0."""
    a, b = np.asarray(a, float), np.asarray(b, float)
    w = np.minimum(a[:, None, 2], b[:, 2]) - np.maximum(a[:, None, 0], b[:, 0]) + 1
    h = np.minimum(a[:, None, 3], b[:, 3]) - np.maximum(a[:, None, 1], b[:, 1]) + 1
    inter = w * h
    sa = (a[:, 2] - a[:, 0] + 1) * (a[:, 3] - a[:, 1] + 1)
    sb = (b[:, 2] - b[:, 0] + 1) * (b[:, 3] - b[:, 1] + 1)
    return inter / (sa[:, None] + sb - inter)


@wrong("11.5", "The means of the processes are averaged unweighted,")
class SyncBatchNorm(nn.Module):
    """The means of the processes are averaged, each counting the same however many values it holds."""

    def __init__(self, num_features, eps=1e-5, momentum=0.1):
        super().__init__()
        self.eps, self.momentum = eps, momentum
        self.weight = nn.Parameter(torch.ones(num_features))
        self.bias = nn.Parameter(torch.zeros(num_features))
        self.register_buffer("running_mean", torch.zeros(num_features))
        self.register_buffer("running_var", torch.ones(num_features))

    def forward(self, x):
        import torch.distributed.nn.functional as dnn

        shape = [1, -1] + [1] * (x.dim() - 2)
        dims = [d for d in range(x.dim()) if d != 1]
        if self.training:
            world = dist.get_world_size()
            count = torch.tensor([x.numel() / x.shape[1]])
            dist.all_reduce(count)
            mean = dnn.all_reduce(x.mean(dims)) / world
            var = dnn.all_reduce(((x - mean.view(shape)) ** 2).mean(dims)) / world
            with torch.no_grad():
                n = count.item()
                self.running_mean.lerp_(mean, self.momentum)
                self.running_var.lerp_(var * n / (n - 1), self.momentum)
        else:
            mean, var = self.running_mean, self.running_var
        return (x - mean.view(shape)) / (var.view(shape) + self.eps).sqrt() * self.weight.view(shape) + self.bias.view(
            shape
        )


@wrong("11.5", "all_reduce cuts the graph: no gradient flows")
class SyncBatchNorm(nn.Module):
    """all_reduce replaces the sums in place, outside of autograd: the gradient does not know the other
    processes."""

    def __init__(self, num_features, eps=1e-5, momentum=0.1):
        super().__init__()
        self.eps, self.momentum = eps, momentum
        self.weight = nn.Parameter(torch.ones(num_features))
        self.bias = nn.Parameter(torch.zeros(num_features))
        self.register_buffer("running_mean", torch.zeros(num_features))
        self.register_buffer("running_var", torch.ones(num_features))

    def forward(self, x):
        shape = [1, -1] + [1] * (x.dim() - 2)
        dims = [d for d in range(x.dim()) if d != 1]
        if self.training:
            with torch.no_grad():
                n = torch.tensor(float(x.numel() // x.shape[1]), dtype=x.dtype)
                s = x.sum(dims)
                dist.all_reduce(n)
                dist.all_reduce(s)
                mean = s / n
                sq = ((x - mean.view(shape)) ** 2).sum(dims)
                dist.all_reduce(sq)
                var = sq / n
                self.running_mean += self.momentum * (mean - self.running_mean)
                self.running_var += self.momentum * (sq / (n - 1) - self.running_var)
        else:
            mean, var = self.running_mean, self.running_var
        y = (x - mean.view(shape)) / torch.sqrt(var.view(shape) + self.eps)
        return y * self.weight.view(shape) + self.bias.view(shape)


@wrong("11.5", "The running variance is unbiased with the process's")
class SyncBatchNorm(nn.Module):
    """The unbiased factor uses the process's own count."""

    def __init__(self, num_features, eps=1e-5, momentum=0.1):
        super().__init__()
        self.eps, self.momentum = eps, momentum
        self.weight = nn.Parameter(torch.ones(num_features))
        self.bias = nn.Parameter(torch.zeros(num_features))
        self.register_buffer("running_mean", torch.zeros(num_features))
        self.register_buffer("running_var", torch.ones(num_features))

    def forward(self, x):
        from torch.distributed.nn.functional import all_reduce

        shape = [1, -1] + [1] * (x.dim() - 2)
        dims = [d for d in range(x.dim()) if d != 1]
        if self.training:
            m = x.numel() / x.shape[1]
            total = torch.tensor(m)
            dist.all_reduce(total)
            mean = all_reduce(x.sum(dims)) / total
            var = all_reduce(((x - mean.view(shape)) ** 2).sum(dims)) / total
            with torch.no_grad():
                self.running_mean.mul_(1 - self.momentum).add_(mean, alpha=self.momentum)
                self.running_var.mul_(1 - self.momentum).add_(var * m / max(m - 1, 1), alpha=self.momentum)
        else:
            mean, var = self.running_mean, self.running_var
        y = (x - mean.view(shape)) / torch.sqrt(var.view(shape) + self.eps)
        return y * self.weight.view(shape) + self.bias.view(shape)
