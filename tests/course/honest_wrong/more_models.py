"""More wrong answers to chapters 10, 11 and 13; the docstring says what is wrong."""

# ruff: noqa: F811  one name has many answers

import copy

import numpy as np
import torch
import torch.distributed as dist
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from tests.course.honest_wrong import wrong


@wrong("10.1", "Momentum came over as it was")
def keras_to_torch(weights, momentum, epsilon):
    """The momentum is handed on as it is."""
    gamma, beta, mean, var = weights
    state = {"weight": gamma, "bias": beta, "running_mean": mean, "running_var": var}
    return {k: torch.tensor(v) for k, v in state.items()}, momentum, epsilon


@wrong("10.1", "swapped: Keras gives gamma first, and weight")
def keras_to_torch(weights, momentum, epsilon):
    """beta and gamma are taken in the wrong order, and epsilon is left at PyTorch's default."""
    state = {}
    state["bias"], state["weight"] = torch.from_numpy(weights[0].copy()), torch.from_numpy(weights[1].copy())
    state["running_mean"], state["running_var"] = torch.tensor(weights[2]), torch.tensor(weights[3])
    return state, 1 - momentum, 1e-5


@wrong("10.1", "taken for a standard deviation")
def keras_to_torch(weights, momentum, epsilon):
    """The moving variance is taken for a deviation, and squared."""
    names = ["weight", "bias", "running_mean", "running_var"]
    state = {n: torch.as_tensor(np.array(w)) for n, w in zip(names, weights)}
    state["running_var"] = state["running_var"] ** 2
    return state, 1.0 - momentum, epsilon


@wrong("10.1", "names have a prefix")
def keras_to_torch(weights, momentum, epsilon):
    """Names that end as a larger model's do, bn., which a layer alone does not load."""
    keys = ("bn.weight", "bn.bias", "bn.running_mean", "bn.running_var")
    return {k: torch.tensor(w) for k, w in zip(keys, weights)}, 1 - momentum, epsilon


@wrong("10.2", "Only the model's own children")
def replace_batchnorm(model, factory):
    """Only the children at the top are looked at."""
    new = copy.deepcopy(model)
    for name, child in new.named_children():
        if isinstance(child, _BatchNorm):
            setattr(new, name, factory(child.num_features).train(child.training))
    return new


@wrong("10.2", "The model that came in is changed")
def replace_batchnorm(model, factory):
    """As people write it for GroupNorm: in the model itself, and the new modules are in training mode."""
    for name, module in model.named_children():
        if len(list(module.children())) > 0:
            replace_batchnorm(module, factory)
        if isinstance(module, (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.SyncBatchNorm)):
            setattr(model, name, factory(module.num_features))
    return model


def folded(eps=True, bias=True, scaled_bias=True, root=True, options=True, plain=True, own=False):
    """A new convolution with one or another slip."""

    def fold_batchnorm(conv, bn):
        kwargs = dict(stride=conv.stride, padding=conv.padding)
        if options:
            kwargs.update(dilation=conv.dilation, groups=conv.groups, padding_mode=conv.padding_mode)
        fused = nn.Conv2d(conv.in_channels, conv.out_channels, conv.kernel_size, bias=True, **kwargs)
        fused = conv if own else fused.to(conv.weight.dtype)
        with torch.no_grad():
            var = bn.running_var + (bn.eps if eps else 0)
            gamma, beta = (bn.weight, bn.bias) if bn.affine or not plain else (1, 0)
            factor = gamma / (torch.sqrt(var) if root else var)
            b = conv.bias if conv.bias is not None and bias else torch.zeros_like(bn.running_mean)
            fused.weight = nn.Parameter(conv.weight * factor.reshape(-1, 1, 1, 1))
            if scaled_bias:
                fused.bias = nn.Parameter((b - bn.running_mean) * factor + beta)
            else:
                fused.bias = nn.Parameter(b - bn.running_mean * factor + beta)
        return fused

    return fold_batchnorm


wrong("10.3", "ε is missing")(folded(eps=False))  # eps is forgotten
wrong("10.3", "convolution's bias is forgotten")(
    folded(bias=False, plain=False)
)  # the convolution's bias is forgotten, and affine=False crashes
wrong("10.3", "bias is not scaled")(folded(scaled_bias=False))  # the convolution's bias is not scaled
wrong("10.3", "square root is missing")(folded(root=False))  # the root is missing
wrong("10.3", "stride and padding alone")(folded(options=False))  # dilation, groups and padding mode are forgotten
wrong("10.3", "that came in is changed")(folded(own=True))  # the convolution itself is changed


def block(last="weight", relu=False, padding=1, which=1, inplace=False):
    """A residual block with one or another slip."""

    class ResidualBlock(nn.Module):
        def __init__(self, channels):
            super().__init__()
            self.conv1 = nn.Conv2d(channels, channels, kernel_size=3, stride=1, padding=padding, bias=False)
            self.bn1 = nn.BatchNorm2d(channels)
            self.relu = nn.ReLU(inplace=True)
            self.conv2 = nn.Conv2d(channels, channels, kernel_size=3, stride=1, padding=padding, bias=False)
            self.bn2 = nn.BatchNorm2d(channels)
            nn.init.constant_(getattr(self.bn2 if which else self.bn1, last), 0)

        def forward(self, x):
            identity = x
            out = self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x)))))
            if inplace:
                identity += out
                return identity
            out = out + identity
            return self.relu(out) if relu else out

    return ResidualBlock


wrong("11.1", "ReLU follows the sum")(block(relu=True))  # the ReLU of ResNet behind the sum
wrong("11.1", "last γ starts at 1")(block(last="bias"))  # beta begins at 0, as it does anyway; gamma at 1
wrong("11.1", "have no padding")(block(padding=0))  # the branch is smaller than x
wrong("11.1", "first γ starts at 0")(block(which=0))  # the gamma of the first normalization is 0
wrong("11.1", "added in place")(block(inplace=True))  # x is changed: at the start adding zeros


def frozen_layer(buffers=True, counter=True, eps=True, prefix=True, shifted=True, detached=False):
    """A frozen layer with one or another slip."""

    class FrozenBatchNorm2d(nn.Module):
        def __init__(self, num_features, eps=1e-5):
            super().__init__()
            self.eps = eps
            for name, value in (("weight", 1.0), ("bias", 0.0), ("running_mean", 0.0), ("running_var", 1.0)):
                tensor = torch.full((num_features,), value)
                if buffers or name.startswith("running"):
                    self.register_buffer(name, tensor)
                else:
                    setattr(self, name, nn.Parameter(tensor, requires_grad=False))

        def _load_from_state_dict(self, state_dict, own, *rest):
            if counter:
                state_dict.pop((own if prefix else "") + "num_batches_tracked", None)
            super()._load_from_state_dict(state_dict, own, *rest)

        def forward(self, x):
            w, b = self.weight.reshape(1, -1, 1, 1), self.bias.reshape(1, -1, 1, 1)
            rv, rm = self.running_var.reshape(1, -1, 1, 1), self.running_mean.reshape(1, -1, 1, 1)
            scale = w * (rv + (self.eps if eps else 0)).rsqrt()
            bias = b - rm * scale if shifted else b - rm
            if detached:
                with torch.no_grad():
                    return x * scale + bias
            return x * scale + bias

    return FrozenBatchNorm2d


wrong("11.2", "requires_grad=False")(
    frozen_layer(buffers=False)
)  # weight and bias are parameters that take no gradient
wrong("11.2", "num_batches_tracked is refused")(frozen_layer(counter=False))  # num_batches_tracked is unexpected
wrong("11.2", "ε is missing")(frozen_layer(eps=False))  # as in old torchvision, without eps
wrong("11.2", "only where the layer is loaded alone")(
    frozen_layer(prefix=False)
)  # the counter is dropped for a layer alone, not inside of a model
wrong("11.2", "subtracted as it is from the scaled input")(frozen_layer(shifted=False))  # the mean is not scaled
wrong("11.2", "in `forward` cuts off the gradients")(frozen_layer(detached=True))  # no gradient flows through


@wrong("11.3", "overflows in uint8")
def mean_iou(prediction, target, num_classes, ignore_index=255):
    """num_classes * target overflows in uint8, and the confusion matrix is wrong."""
    valid = target != ignore_index
    hist = np.bincount(num_classes * target[valid] + prediction[valid], minlength=num_classes**2)
    hist = hist[: num_classes**2].reshape(num_classes, num_classes)
    union = hist.sum(0) + hist.sum(1) - np.diag(hist)
    present = union > 0
    return np.mean(np.diag(hist)[present] / union[present])


@wrong("11.3", "absent from both counts with 0")
def mean_iou(prediction, target, num_classes, ignore_index=255):
    """A class that is absent from both counts 0."""
    mask = target != ignore_index
    ious = []
    for c in range(num_classes):
        p, t = prediction[mask] == c, target[mask] == c
        ious.append(np.logical_and(p, t).sum() / (np.logical_or(p, t).sum() + 1e-10))
    return float(np.mean(ious))


@wrong("11.3", "Ignored pixels count")
def mean_iou(prediction, target, num_classes, ignore_index=255):
    """What is predicted on ignored pixels enlarges the unions."""
    ious = []
    for c in range(num_classes):
        p, t = prediction == c, target == c
        if (p | t).any():
            ious.append((p & t).sum() / (p | t).sum())
    return np.mean(ious)


@wrong("11.3", "Only the classes of the target")
def mean_iou(prediction, target, num_classes, ignore_index=255):
    """The mean over the classes in the target: one that is only predicted does not count."""
    keep = target != ignore_index
    prediction, target = prediction[keep], target[keep]
    scores = []
    for c in np.unique(target):
        inter = ((prediction == c) & (target == c)).sum()
        scores.append(inter / ((prediction == c).sum() + (target == c).sum() - inter))
    return sum(scores) / len(scores)


@wrong("11.4", "have a + 1")
def box_iou(a, b):
    """The old + 1 of width and height."""
    ious = np.zeros((len(a), len(b)))
    for i, p in enumerate(a):
        for j, q in enumerate(b):
            w = max(0, min(p[2], q[2]) - max(p[0], q[0]) + 1)
            h = max(0, min(p[3], q[3]) - max(p[1], q[1]) + 1)
            area = (p[2] - p[0] + 1) * (p[3] - p[1] + 1) + (q[2] - q[0] + 1) * (q[3] - q[1] + 1)
            ious[i, j] = w * h / (area - w * h)
    return ious


@wrong("11.4", "product of width and height is cut")
def box_iou(a, b):
    """Width times height is cut off at 0, not each: two negative ones give an overlap."""
    x1, y1 = np.maximum(a[:, None, 0], b[:, 0]), np.maximum(a[:, None, 1], b[:, 1])
    x2, y2 = np.minimum(a[:, None, 2], b[:, 2]), np.minimum(a[:, None, 3], b[:, 3])
    inter = np.maximum((x2 - x1) * (y2 - y1), 0)
    area = lambda box: (box[:, 2] - box[:, 0]) * (box[:, 3] - box[:, 1])  # noqa: E731
    return inter / (area(a)[:, None] + area(b)[None] - inter)


@wrong("11.4", "counted twice")
def box_iou(a, b):
    """The overlap is counted twice in the union."""
    lt = np.maximum(a[:, None, :2], b[:, :2])
    rb = np.minimum(a[:, None, 2:], b[:, 2:])
    wh = np.clip(rb - lt, 0, None)
    inter = wh[:, :, 0] * wh[:, :, 1]
    return inter / (np.prod(a[:, 2:] - a[:, :2], axis=1)[:, None] + np.prod(b[:, 2:] - b[:, :2], axis=1))


@wrong("11.5")
class SyncBatchNorm(nn.Module):
    """The means and variances of the processes are averaged, however many values they have; no gradient through."""

    def __init__(self, num_features, eps=1e-5, momentum=0.1):
        super().__init__()
        self.eps, self.momentum = eps, momentum
        self.weight, self.bias = nn.Parameter(torch.ones(num_features)), nn.Parameter(torch.zeros(num_features))
        self.register_buffer("running_mean", torch.zeros(num_features))
        self.register_buffer("running_var", torch.ones(num_features))

    def forward(self, x):
        shape = [1, -1] + [1] * (x.dim() - 2)
        mean, var = self.running_mean, self.running_var
        if self.training:
            dims = [0] + list(range(2, x.dim()))
            mean, sqr = x.mean(dims).detach().clone(), (x * x).mean(dims).detach().clone()
            dist.all_reduce(mean)
            dist.all_reduce(sqr)
            mean, sqr = mean / dist.get_world_size(), sqr / dist.get_world_size()
            var = sqr - mean**2
            self.running_mean += self.momentum * (mean - self.running_mean)
            self.running_var += self.momentum * (var - self.running_var)
        y = (x - mean.view(shape)) / torch.sqrt(var.view(shape) + self.eps)
        return y * self.weight.view(shape) + self.bias.view(shape)


@wrong("13.1", "normalises with the batch and not with them")
def freeze_batchnorm(model):
    """Momentum 0 and no gradients: in training mode the layer still normalises with the batch."""
    for m in model.modules():
        if isinstance(m, _BatchNorm):
            m.momentum = 0.0
            for p in m.parameters():
                p.requires_grad = False
    return model


@wrong("13.1", "still take gradients")
def freeze_batchnorm(model):
    """The train of the model is replaced, and freezes the statistics; gamma and beta still learn."""
    usual = model.train

    def train(mode=True):
        usual(mode)
        for m in model.modules():
            if isinstance(m, (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)):
                m.eval()
        return model

    model.train = train
    model.train(model.training)
    return model


@wrong("13.2", "keep their momentum and what they knew")
def adapt_statistics(model, loader):
    """The old statistics stay in the running average, which moves by the layer's momentum."""
    modes = {m: m.training for m in model.modules()}
    model.eval()
    for m in model.modules():
        if isinstance(m, _BatchNorm):
            m.train()
    with torch.no_grad():
        for images in loader:
            model(images)
    for m, mode in modes.items():
        m.training = mode
    return model


@wrong("13.2", "still normalised with the source's statistics")
@torch.no_grad()
def adapt_statistics(model, loader):
    """In evaluation mode, by hooks: a later layer gets what the statistics of the source give it."""
    modes = [(m, m.training) for m in model.modules()]
    model.eval()
    inputs, handles = {}, []
    for m in model.modules():
        if isinstance(m, _BatchNorm) and m.running_mean is not None:
            handles.append(m.register_forward_pre_hook(lambda m, args: inputs.setdefault(m, []).append(args[0])))
    for images in loader:
        model(images)
    for h in handles:
        h.remove()
    for m, seen in inputs.items():
        values = torch.cat([x.transpose(0, 1).flatten(1) for x in seen], 1)
        m.running_mean.copy_(values.mean(1))
        m.running_var.copy_(values.var(1, unbiased=False))
    for m, mode in modes:
        m.training = mode
    return model


@wrong("13.3", "its own mean and standard deviation")
def scale_features(train, test):
    """Each part is scaled with its own statistics."""

    def scaled(x):
        std = x.std(axis=0)
        return (x - x.mean(axis=0)) / np.where(x.max(0) == x.min(0), 1, std)

    return scaled(train), scaled(test)


@wrong("13.3", "over training and test part together")
def scale_features(train, test):
    """The statistics are those of both parts together."""
    both = np.concatenate([train, test]).astype(np.float64)
    mean, std = both.mean(0), both.std(0)
    std[std == 0] = 1
    return (train - mean) / std, (test - mean) / std


@wrong("13.3", "1e-8 is added to the standard deviation")
def scale_features(train, test):
    """1e-8 is added to the deviation: a feature that does not vary in train becomes huge in test."""
    mu = np.mean(train, axis=0, keepdims=True)
    sigma = np.std(train, axis=0, keepdims=True)
    return (train - mu) / (sigma + 1e-8), (test - mu) / (sigma + 1e-8)


@wrong("13.3", "set to 0 in the test part too")
def scale_features(train, test):
    """A feature that does not vary in train becomes 0 in test as well."""
    mu, sigma = train.mean(0), train.std(0)
    varies = train.max(0) > train.min(0)
    safe = np.where(varies, sigma, 1)
    return np.where(varies, (train - mu) / safe, 0), np.where(varies, (test - mu) / safe, 0)
