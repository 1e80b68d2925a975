"""Less usual wrong answers to chapters 10 and 11: crashes, own ways, half-remembered recipes."""

# ruff: noqa: F811  one name has many answers

import copy

import numpy as np
import torch
import torch.distributed as dist
from torch import nn
from torch.nn import functional as F
from torch.nn.modules.batchnorm import _BatchNorm

from tests.course.honest_wrong import wrong


@wrong("10.1", "Mean and variance are swapped")
def keras_to_torch(weights, momentum, epsilon):
    """Mean and variance are exchanged."""
    gamma, beta, var, mean = (torch.tensor(w) for w in weights)
    return dict(weight=gamma, bias=beta, running_mean=mean, running_var=var), 1 - momentum, epsilon


@wrong("10.1", "You return a layer")
def keras_to_torch(weights, momentum, epsilon):
    """A layer comes back where three things were asked for."""
    gamma, beta, mean, var = weights
    layer = nn.BatchNorm2d(len(gamma), eps=epsilon, momentum=1 - momentum)
    layer.weight.data, layer.bias.data = torch.tensor(gamma), torch.tensor(beta)
    layer.running_mean, layer.running_var = torch.tensor(mean), torch.tensor(var)
    return layer


@wrong("10.1", "counts twice")
def keras_to_torch(weights, momentum, epsilon):
    """epsilon is put into the variance, and once more into eps."""
    gamma, beta, mean, var = weights
    state = {"weight": gamma, "bias": beta, "running_mean": mean, "running_var": var + epsilon}
    return {k: torch.tensor(np.asarray(v)) for k, v in state.items()}, 1 - momentum, epsilon


@wrong("10.2", "setattr does not follow a path", named=False)
def replace_batchnorm(model, factory):
    """setattr with a path that has dots in it adds a module of that name, and replaces none below the top."""
    new = copy.deepcopy(model)
    for name, module in list(new.named_modules()):
        if isinstance(module, _BatchNorm):
            setattr(new, name, factory(module.num_features).train(module.training))
    return new


@wrong("10.2", "serves all layers of that width")
def replace_batchnorm(model, factory):
    """One new module for each number of features serves all layers of that width."""
    made = {}

    def convert(parent):
        for name, child in parent.named_children():
            if isinstance(child, _BatchNorm):
                made.setdefault(child.num_features, factory(child.num_features).train(child.training))
                setattr(parent, name, made[child.num_features])
            else:
                convert(child)
        return parent

    return convert(copy.deepcopy(model))


@wrong("10.2", "were carried over", named=False)
def replace_batchnorm(model, factory):
    """As in convert_sync_batchnorm: the weights are carried over where the new module has such."""

    def convert(module):
        out = module
        if isinstance(module, _BatchNorm):
            out = factory(module.num_features).train(module.training)
            if module.affine and getattr(out, "weight", None) is not None:
                with torch.no_grad():
                    out.weight.copy_(module.weight)
                    out.bias.copy_(module.bias)
            return out
        for name, child in module.named_children():
            out.add_module(name, convert(child))
        return out

    return convert(copy.deepcopy(model))


@wrong("10.3", "tensors are float32")
def fold_batchnorm(conv, bn):
    """As in the usual fusion, with the new convolution in float32 whatever came in."""
    fused = nn.Conv2d(conv.in_channels, conv.out_channels, conv.kernel_size, conv.stride, conv.padding, conv.dilation,
                      conv.groups, True, conv.padding_mode)  # fmt: skip
    scale = (bn.weight if bn.affine else 1) / torch.sqrt(bn.running_var + bn.eps)
    b = conv.bias if conv.bias is not None else 0
    with torch.no_grad():
        fused.weight.copy_(conv.weight * scale[:, None, None, None])
        fused.bias.copy_((b - bn.running_mean) * scale + (bn.bias if bn.affine else 0))
    return fused


@wrong("10.3", "stays without")
def fold_batchnorm(conv, bn):
    """The new convolution has a bias only where the old one had."""
    fused = copy.deepcopy(conv)
    gamma = bn.weight if bn.affine else torch.ones_like(bn.running_var)
    beta = bn.bias if bn.affine else torch.zeros_like(bn.running_var)
    scale = gamma / (bn.running_var + bn.eps).sqrt()
    fused.weight.data = conv.weight.data * scale.view(-1, 1, 1, 1)
    if fused.bias is not None:
        fused.bias.data = beta + (conv.bias - bn.running_mean) * scale
    return fused


@wrong("10.3", "along the input channels")
def fold_batchnorm(conv, bn):
    """The scale is laid along the input channels."""
    fused = copy.deepcopy(conv)
    with torch.no_grad():
        scale = (bn.weight if bn.affine else 1) / torch.sqrt(bn.running_var + bn.eps)
        b = conv.bias if conv.bias is not None else 0
        fused.weight.copy_(conv.weight * scale.view(1, -1, 1, 1))
        fused.bias = nn.Parameter((b - bn.running_mean) * scale + (bn.bias if bn.affine else 0))
    return fused


@wrong("10.3", "put into an nn.Sequential")
def fold_batchnorm(conv, bn):
    """The two layers in a Sequential, in evaluation mode."""
    return nn.Sequential(copy.deepcopy(conv), copy.deepcopy(bn)).eval()


@wrong("11.1", "One BN serves both pairs")
class ResidualBlock(nn.Module):
    """One normalization serves both convolutions, so the first gamma is 0 as well."""

    def __init__(self, channels):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, 1, 1, bias=False)
        self.conv2 = nn.Conv2d(channels, channels, 3, 1, 1, bias=False)
        self.bn = nn.BatchNorm2d(channels)
        self.bn.weight.data.zero_()

    def forward(self, x):
        return x + self.bn(self.conv2(F.relu(self.bn(self.conv1(x)))))


@wrong("11.1", "block that normalises first")
class ResidualBlock(nn.Module):
    """As in ResNet v2: normalization and ReLU come before the convolution, and the last convolution is 0."""

    def __init__(self, channels):
        super().__init__()
        self.bn1, self.bn2 = nn.BatchNorm2d(channels), nn.BatchNorm2d(channels)
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1)
        nn.init.zeros_(self.conv2.weight)
        nn.init.zeros_(self.conv2.bias)

    def forward(self, x):
        return x + self.conv2(F.relu(self.bn2(self.conv1(F.relu(self.bn1(x))))))


@wrong("11.1", "is a constant 0")
class ResidualBlock(nn.Module):
    """gamma is 0 and takes no gradient, so the block stays the identity for ever."""

    def __init__(self, channels):
        super().__init__()
        self.branch = nn.Sequential(
            nn.Conv2d(channels, channels, 3, padding=1), nn.BatchNorm2d(channels), nn.ReLU(),
            nn.Conv2d(channels, channels, 3, padding=1), nn.BatchNorm2d(channels),
        )  # fmt: skip
        self.branch[4].weight = nn.Parameter(torch.zeros(channels), requires_grad=False)

    def forward(self, x):
        return x + self.branch(x)


@wrong("11.2", "is given `self.training`")
class FrozenBatchNorm2d(nn.Module):
    """F.batch_norm is given the mode: in training it uses the batch and moves the statistics."""

    def __init__(self, num_features, eps=1e-5):
        super().__init__()
        self.eps = eps
        self.register_buffer("weight", torch.ones(num_features))
        self.register_buffer("bias", torch.zeros(num_features))
        self.register_buffer("running_mean", torch.zeros(num_features))
        self.register_buffer("running_var", torch.ones(num_features))
        self.register_buffer("num_batches_tracked", torch.tensor(0))

    def forward(self, x):
        return F.batch_norm(
            x, self.running_mean, self.running_var, self.weight, self.bias, self.training, 0.1, self.eps
        )


@wrong("11.2", "put into evaluation mode in __init__")
class FrozenBatchNorm2d(nn.BatchNorm2d):
    """A BatchNorm2d without gradients, in evaluation mode until the next train()."""

    def __init__(self, num_features, eps=1e-5):
        super().__init__(num_features, eps=eps)
        self.eval()
        for p in self.parameters():
            p.requires_grad = False


@wrong("11.2", "square root is missing")
class FrozenBatchNorm2d(nn.Module):
    """The root is missing."""

    def __init__(self, num_features, eps=1e-5):
        super().__init__()
        self.eps = eps
        for name, start in dict(weight=1.0, bias=0.0, running_mean=0.0, running_var=1.0).items():
            self.register_buffer(name, start * torch.ones(num_features))
        self.register_buffer("num_batches_tracked", torch.zeros((), dtype=torch.long))

    def forward(self, x):
        w, b, m, v = (t[None, :, None, None] for t in (self.weight, self.bias, self.running_mean, self.running_var))
        return w * (x - m) / (v + self.eps) + b


def scored(score, per_image=False):
    """A mean over classes of another score, or over other pixels."""

    def mean_iou(prediction, target, num_classes, ignore_index=255):
        def one(p, t):
            keep = t != ignore_index
            p, t = p[keep], t[keep]
            found = []
            for k in range(num_classes):
                hit, a, b = np.sum((p == k) & (t == k)), np.sum(p == k), np.sum(t == k)
                if a + b > 0:
                    found.append(score(hit, a, b))
            return np.mean(found)

        if per_image and prediction.ndim > 2:
            return np.mean([one(p, t) for p, t in zip(prediction, target)])
        return one(prediction, target)

    return mean_iou


def iou(hit, a, b):
    return hit / (a + b - hit)


wrong("11.3", "Dice score")(scored(lambda hit, a, b: 2 * hit / (a + b)))  # Dice
wrong("11.3", "that is its recall")(scored(lambda hit, a, b: hit / b if b else 0.0))  # the recall of each class
wrong("11.3", "mean IoU of each image")(scored(iou, per_image=True))  # the mean over images


@wrong("11.3", "divided by all unions")
def mean_iou(prediction, target, num_classes, ignore_index=255):
    """All intersections over all unions: classes with many pixels weigh more."""
    keep = target != ignore_index
    p, t = prediction[keep], target[keep]
    inter = sum(((p == k) & (t == k)).sum() for k in range(num_classes))
    union = sum(((p == k) | (t == k)).sum() for k in range(num_classes))
    return inter / union


@wrong("11.4", "read as x, y, width, height")
def box_iou(a, b):
    """The boxes are read as x, y, width, height."""
    x1, y1 = np.maximum(a[:, None, 0], b[:, 0]), np.maximum(a[:, None, 1], b[:, 1])
    x2 = np.minimum((a[:, 0] + a[:, 2])[:, None], b[:, 0] + b[:, 2])
    y2 = np.minimum((a[:, 1] + a[:, 3])[:, None], b[:, 1] + b[:, 3])
    inter = np.clip(x2 - x1, 0, None) * np.clip(y2 - y1, 0, None)
    return inter / ((a[:, 2] * a[:, 3])[:, None] + b[:, 2] * b[:, 3] - inter)


@wrong("11.4", "the boxes' own type")
def box_iou(a, b):
    """The result has the dtype of a: whole numbers for whole boxes."""
    out = np.zeros((len(a), len(b)), dtype=a.dtype)
    for i in range(len(a)):
        for j in range(len(b)):
            w = min(a[i, 2], b[j, 2]) - max(a[i, 0], b[j, 0])
            h = min(a[i, 3], b[j, 3]) - max(a[i, 1], b[j, 1])
            if w > 0 and h > 0:
                areas = (a[i, 2] - a[i, 0]) * (a[i, 3] - a[i, 1]) + (b[j, 2] - b[j, 0]) * (b[j, 3] - b[j, 1])
                out[i, j] = w * h / (areas - w * h)
    return out


@wrong("11.4", "in the same row only")
def box_iou(a, b):
    """Pairs, a[i] with b[i], not each with each."""
    lt, rb = np.maximum(a[:, :2], b[:, :2]), np.minimum(a[:, 2:], b[:, 2:])
    inter = np.clip(rb - lt, 0, None).prod(axis=1)
    return inter / ((a[:, 2:] - a[:, :2]).prod(1) + (b[:, 2:] - b[:, :2]).prod(1) - inter)


@wrong("11.4", "has nothing to stack")
def box_iou(a, b):
    """Rows are stacked: without boxes there is nothing to stack."""

    def one(p, q):
        w, h = min(p[2], q[2]) - max(p[0], q[0]), min(p[3], q[3]) - max(p[1], q[1])
        inter = max(w, 0) * max(h, 0)
        return inter / ((p[2] - p[0]) * (p[3] - p[1]) + (q[2] - q[0]) * (q[3] - q[1]) - inter)

    return np.stack([np.array([one(p, q) for q in b]) for p in a])


@wrong("11.5", "all_reduce cuts the graph")
class SyncBatchNorm(nn.Module):
    """The counts are right, but all_reduce knows nothing of gradients: what goes through the statistics is lost."""

    def __init__(self, num_features, eps=1e-5, momentum=0.1):
        super().__init__()
        self.eps, self.momentum = eps, momentum
        self.weight, self.bias = nn.Parameter(torch.ones(num_features)), nn.Parameter(torch.zeros(num_features))
        self.register_buffer("running_mean", torch.zeros(num_features))
        self.register_buffer("running_var", torch.ones(num_features))

    def forward(self, x):
        shape, dims = [1, -1] + [1] * (x.dim() - 2), [0, *range(2, x.dim())]
        mean, var = self.running_mean, self.running_var
        if self.training:
            with torch.no_grad():
                count = torch.tensor([float(x.numel() // x.shape[1])])
                dist.all_reduce(count)
                mean = x.sum(dims)
                dist.all_reduce(mean)
                mean = mean / count
                var = (x - mean.view(shape)).pow(2).sum(dims)
                dist.all_reduce(var)
                var = var / count
                self.running_mean.lerp_(mean, self.momentum)
                self.running_var.lerp_(var * count / (count - 1), self.momentum)
        y = (x - mean.view(shape)) / torch.sqrt(var.view(shape) + self.eps)
        return y * self.weight.view(shape) + self.bias.view(shape)
