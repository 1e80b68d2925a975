"""Still more wrong answers to chapters 10 and 11, written before any look at checks, mistakes or this bank."""

# ruff: noqa: F811  one name has many answers

import copy

import numpy as np
import torch
import torch.distributed as dist
from torch import nn
from torch.nn import functional as F

from tests.course.honest_wrong import wrong


@wrong("10.1", "ε is PyTorch's default 1e-5, whatever it was in")
def keras_to_torch(weights, momentum, epsilon):
    """Eps: PyTorch's default instead of epsilon."""
    g, b, m, v = (torch.tensor(w) for w in weights)
    return {"weight": g, "bias": b, "running_mean": m, "running_var": v}, 1 - momentum, 1e-5


@wrong("10.1", "ε and momentum are returned in the other order:")
def keras_to_torch(weights, momentum, epsilon):
    """Epsilon before momentum."""
    g, b, m, v = (torch.tensor(w) for w in weights)
    return {"weight": g, "bias": b, "running_mean": m, "running_var": v}, epsilon, 1 - momentum


@wrong("10.2", "Only the model's own children are looked at", named=False)
def replace_batchnorm(model, factory):
    """Direct children of one class, and the mode is lost."""
    new = copy.deepcopy(model)
    for name, child in new.named_children():
        if isinstance(child, nn.BatchNorm2d):
            setattr(new, name, factory(child.num_features))
    return new


@wrong("10.2", "The model that came in is changed: copy it once,")
def replace_batchnorm(model, factory):
    """The recursion changes the model itself, and the mode is lost."""

    def walk(parent):
        for name, child in parent.named_children():
            if isinstance(child, (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.SyncBatchNorm)):
                setattr(parent, name, factory(child.num_features))
            else:
                walk(child)

    walk(model)
    return model


@wrong("10.2", "The new modules are in training mode, as the factory", named=False)
def replace_batchnorm(model, factory):
    """The mode is lost, and a layer in two places becomes two or is replaced once."""

    def convert(module):
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            return factory(module.num_features)
        for name, child in list(module.named_children()):
            setattr(module, name, convert(child))
        return module

    return convert(copy.deepcopy(model))


@wrong("10.2")
def replace_batchnorm(model, factory):
    """A whole path as a name."""
    new = copy.deepcopy(model)
    for name, m in list(new.named_modules()):
        if isinstance(m, (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.SyncBatchNorm)):
            r = factory(m.num_features)
            r.train(m.training)
            new._modules[name] = r
    return new


@wrong("10.2", "γ and β were carried over", named=False)
def replace_batchnorm(model, factory):
    """Weights are carried over, which fails where there is no bias."""
    new = copy.deepcopy(model)
    made = {}

    def conv(m):
        if m in made:
            return made[m]
        if isinstance(m, nn.modules.batchnorm._BatchNorm):
            r = factory(m.num_features).train(m.training)
            if m.affine and getattr(r, "weight", None) is not None and r.weight.shape == m.weight.shape:
                r.weight.data.copy_(m.weight.data)
                r.bias.data.copy_(m.bias.data)
            made[m] = r
            return r
        for name, child in m._modules.items():
            if child is not None:
                m._modules[name] = conv(child)
        return m

    return conv(new)


@wrong("10.3", "Of the convolution's options you take stride", named=False)
def fold_batchnorm(conv, bn):
    """No dilation, groups or padding mode, no affine=False, float32 alone."""
    fused = nn.Conv2d(
        conv.in_channels,
        conv.out_channels,
        kernel_size=conv.kernel_size,
        stride=conv.stride,
        padding=conv.padding,
        bias=True,
    )
    with torch.no_grad():
        w = bn.weight / torch.sqrt(bn.running_var + bn.eps)
        fused.weight.copy_(conv.weight * w[:, None, None, None])
        b = conv.bias if conv.bias is not None else torch.zeros(conv.out_channels)
        fused.bias.copy_((b - bn.running_mean) * w + bn.bias)
    return fused


@wrong("10.3", "μ is added; the normalization subtracts it.")
def fold_batchnorm(conv, bn):
    """The mean is added."""
    f = copy.deepcopy(conv)
    with torch.no_grad():
        s = (bn.weight if bn.affine else 1) / torch.sqrt(bn.running_var + bn.eps)
        b = conv.bias if conv.bias is not None else torch.zeros_like(bn.running_mean)
        f.weight = nn.Parameter(conv.weight * s[:, None, None, None])
        f.bias = nn.Parameter((b + bn.running_mean) * s + (bn.bias if bn.affine else 0))
    return f


@wrong("10.3", "The convolution's bias is forgotten: the new bias")
def fold_batchnorm(conv, bn):
    """Old bias forgotten."""
    f = copy.deepcopy(conv)
    with torch.no_grad():
        s = (bn.weight if bn.affine else 1) / torch.sqrt(bn.running_var + bn.eps)
        f.weight = nn.Parameter(conv.weight * s[:, None, None, None])
        f.bias = nn.Parameter((bn.bias if bn.affine else 0) - bn.running_mean * s)
    return f


@wrong("11.1", "The last γ starts at 1")
class ResidualBlock(nn.Module):
    """Gamma stays 1."""

    def __init__(self, channels):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, kernel_size=3, padding=1)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, kernel_size=3, padding=1)
        self.bn2 = nn.BatchNorm2d(channels)

    def forward(self, x):
        y = F.relu(self.bn1(self.conv1(x)))
        y = self.bn2(self.conv2(y))
        return x + y


@wrong("11.1", "The last γ is a constant 0: it requires no")
class ResidualBlock(nn.Module):
    """The zero gamma requires no gradient."""

    def __init__(self, channels):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.bn2.weight = nn.Parameter(torch.zeros(channels), requires_grad=False)

    def forward(self, x):
        out = self.bn2(self.conv2(torch.relu(self.bn1(self.conv1(x)))))
        return out + x


@wrong("11.1", "The second pair is missing", named=False)
class ResidualBlock(nn.Module):
    """One pair, and a ReLU behind it."""

    def __init__(self, channels):
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, padding=1)
        self.bn = nn.BatchNorm2d(channels)
        nn.init.zeros_(self.bn.weight)

    def forward(self, x):
        return x + F.relu(self.bn(self.conv(x)))


@wrong("11.2", "weight and bias are parameters with")
class FrozenBatchNorm2d(nn.BatchNorm2d):
    """A BatchNorm2d that stays in evaluation mode: it has parameters."""

    def __init__(self, num_features, eps=1e-5):
        super().__init__(num_features, eps=eps)
        self.weight.requires_grad_(False)
        self.bias.requires_grad_(False)
        self.eval()

    def train(self, mode=True):
        return super().train(False)


@wrong("11.2", "`torch.no_grad()` in `forward` cuts off the")
class FrozenBatchNorm2d(nn.Module):
    """Forward under no_grad: no gradient to x."""

    def __init__(self, num_features, eps=1e-5):
        super().__init__()
        self.eps = eps
        self.register_buffer("weight", torch.ones(num_features))
        self.register_buffer("bias", torch.zeros(num_features))
        self.register_buffer("running_mean", torch.zeros(num_features))
        self.register_buffer("running_var", torch.ones(num_features))
        self.register_buffer("num_batches_tracked", torch.tensor(0))

    @torch.no_grad()
    def forward(self, x):
        return F.batch_norm(x, self.running_mean, self.running_var, self.weight, self.bias, eps=self.eps)


@wrong("11.3")
def mean_iou(prediction, target, num_classes, ignore_index=255):
    """One ratio for each class of each image."""
    if prediction.ndim == 2:
        prediction, target = prediction[None], target[None]
    scores = []
    for p, t in zip(prediction, target):
        valid = t != ignore_index
        for k in range(num_classes):
            inter = np.logical_and(p == k, t == k)[valid].sum()
            union = np.logical_or(p == k, t == k)[valid].sum()
            if union > 0:
                scores.append(inter / union)
    return float(np.mean(scores))


@wrong("11.3", "All intersections are divided by all unions: large")
def mean_iou(prediction, target, num_classes, ignore_index=255):
    """Global: sum of intersections over sum of unions."""
    valid = target != ignore_index
    p, t = prediction[valid], target[valid]
    inter, union = 0, 0
    for k in range(num_classes):
        inter += np.sum((p == k) & (t == k))
        union += np.sum((p == k) | (t == k))
    return inter / union


@wrong("11.3", "Only the classes of the target are averaged: one")
def mean_iou(prediction, target, num_classes, ignore_index=255):
    """Classes that occur in target only."""
    m = target != ignore_index
    p, t = prediction[m], target[m]
    scores = []
    for k in np.unique(t):
        scores.append(np.sum((p == k) & (t == k)) / np.sum((p == k) | (t == k)))
    return np.mean(scores)


@wrong("11.4", "The result is transposed, (M, N).")
def box_iou(a, b):
    """(M, N): transposed."""
    result = []
    for q in b:
        row = []
        for p in a:
            w = max(0, min(p[2], q[2]) - max(p[0], q[0]))
            h = max(0, min(p[3], q[3]) - max(p[1], q[1]))
            union = (p[2] - p[0]) * (p[3] - p[1]) + (q[2] - q[0]) * (q[3] - q[1]) - w * h
            row.append(w * h / union)
        result.append(row)
    return np.array(result).reshape(len(b), len(a))


@wrong("11.4", "The product of width and height is cut at 0, not")
def box_iou(a, b):
    """Clips the product, not the sides."""
    tl = np.maximum(a[:, None, :2], b[None, :, :2])
    br = np.minimum(a[:, None, 2:], b[None, :, 2:])
    inter = np.prod(br - tl, axis=2)
    inter = np.maximum(inter, 0)
    aa = np.prod(a[:, 2:] - a[:, :2], axis=1)
    ab = np.prod(b[:, 2:] - b[:, :2], axis=1)
    return inter / (aa[:, None] + ab[None, :] - inter)


@wrong("11.5", "all_reduce cuts the graph: no gradient flows")
class SyncBatchNorm(nn.Module):
    """A bare all_reduce."""

    def __init__(self, num_features, eps=1e-5, momentum=0.1):
        super().__init__()
        self.eps = eps
        self.momentum = momentum
        self.weight = nn.Parameter(torch.ones(num_features))
        self.bias = nn.Parameter(torch.zeros(num_features))
        self.register_buffer("running_mean", torch.zeros(num_features))
        self.register_buffer("running_var", torch.ones(num_features))

    def forward(self, x):
        dims = [0] + list(range(2, x.dim()))
        view = [1, -1] + [1] * (x.dim() - 2)
        if self.training:
            with torch.no_grad():
                n = torch.tensor([float(x.numel() // x.size(1))])
                s = x.sum(dims)
                dist.all_reduce(n)
                dist.all_reduce(s)
                mean = s / n
                sq = ((x - mean.view(view)) ** 2).sum(dims)
                dist.all_reduce(sq)
                var = sq / n
                self.running_mean.mul_(1 - self.momentum).add_(self.momentum * mean)
                self.running_var.mul_(1 - self.momentum).add_(self.momentum * sq / (n - 1))
        else:
            mean, var = self.running_mean, self.running_var
        y = (x - mean.view(view)) / torch.sqrt(var.view(view) + self.eps)
        return y * self.weight.view(view) + self.bias.view(view)


@wrong("11.1", "has to be the identity whatever its filters are")
class ResidualBlock(nn.Module):
    """The last convolution is zeroed, not gamma."""

    def __init__(self, channels):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        nn.init.zeros_(self.conv2.weight)

    def forward(self, x):
        h = F.relu(self.bn1(self.conv1(x)))
        return x + self.bn2(self.conv2(h))


@wrong("11.1", "by `+=`, to x or to another name for it")
class ResidualBlock(nn.Module):
    """X += : changes x in place."""

    def __init__(self, channels):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1)
        self.bn2 = nn.BatchNorm2d(channels)
        self.bn2.weight.data.fill_(0.0)

    def forward(self, x):
        out = self.bn2(self.conv2(torch.relu(self.bn1(self.conv1(x)))))
        x += out
        return x


@wrong("11.4", "another shape than (N, M), or none at all")
def box_iou(a, b):
    """np.array of lists: empty result has another shape."""
    out = []
    for p in a:
        row = []
        for q in b:
            w = max(0.0, min(p[2], q[2]) - max(p[0], q[0]))
            h = max(0.0, min(p[3], q[3]) - max(p[1], q[1]))
            i = w * h
            row.append(i / ((p[2] - p[0]) * (p[3] - p[1]) + (q[2] - q[0]) * (q[3] - q[1]) - i))
        out.append(row)
    return np.array(out)
