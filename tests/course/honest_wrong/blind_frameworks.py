"""Wrong answers to chapters 9 and 10, written before any look at checks, mistakes or this bank."""

# ruff: noqa: F811  one name has many answers

import copy

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from tests.course.honest_wrong import wrong


@wrong("9.1", "`train()` for the whole model switches dropout on", "All of the model is in training mode, dropout")
def prediction_noise(model, image, companions):
    """model.train() for all: dropout is on as well."""
    net = copy.deepcopy(model)
    net.train()
    outs = []
    with torch.no_grad():
        for comp in companions:
            batch = torch.cat([image.unsqueeze(0), comp], dim=0)
            outs.append(net(batch)[0])
    return torch.stack(outs).std(dim=0)


@wrong("9.1", "The noise is 0: whatever images")
def prediction_noise(model, image, companions):
    """All in evaluation mode: the company makes no difference."""
    net = copy.deepcopy(model).eval()
    logits = []
    with torch.no_grad():
        for c in companions:
            logits.append(net(torch.cat((image[None], c)))[0].numpy())
    return np.std(logits, axis=0)


@wrong("9.1", "These are probabilities (softmax); asked for is")
def prediction_noise(model, image, companions):
    """Probabilities: softmax of the logits."""
    net = copy.deepcopy(model).eval()
    for m in net.modules():
        if isinstance(m, (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)):
            m.train()
    with torch.no_grad():
        probs = [F.softmax(net(torch.cat([image[None], c])), dim=1)[0] for c in companions]
    return torch.stack(probs).std(0, unbiased=False)


@wrong("9.1", "the last row is read")
def prediction_noise(model, image, companions):
    """The last row is read, where the last companion stands."""
    net = copy.deepcopy(model).eval()
    for m in net.modules():
        if isinstance(m, nn.modules.batchnorm._BatchNorm):
            m.train()
    with torch.no_grad():
        rows = torch.stack([net(torch.cat([image[None], c]))[-1] for c in companions])
    return rows.std(0)


@wrong("9.2", "The division by 1 - p is missing: dropout is")
def variance_shift(x, p, eps=1e-5):
    """Not inverted dropout: no division by 1 - p."""
    x = x.double()
    dims = [d for d in range(x.dim()) if d != 1]
    mu, var = x.mean(dims), x.var(dims, unbiased=False)
    q = 1 - p
    train_var = q * (var + mu**2) - (q * mu) ** 2
    return (train_var + eps) / (var + eps)


@wrong("9.2", "The factor 1/(1 - p) alone: that is all only")
def variance_shift(x, p, eps=1e-5):
    """Only var / (1 - p): forgets the mean."""
    x = x.double()
    dims = [d for d in range(x.dim()) if d != 1]
    var = x.var(dims, unbiased=False)
    return (var / (1 - p) + eps) / (var + eps)


@wrong("9.2", "Upside down: training stands above, inference")
def variance_shift(x, p, eps=1e-5):
    """Inference over training: upside down."""
    a = np.asarray(x, dtype=np.float64)
    a = np.moveaxis(a, 1, 0).reshape(a.shape[1], -1)
    m, v = a.mean(1), a.var(1)
    v_train = (a**2).mean(1) / (1 - p) - m**2
    return (v + eps) / (v_train + eps)


@wrong("10.1", "Momentum came over as it was. 0.99 is the weight")
def keras_to_torch(weights, momentum, epsilon):
    """Momentum is handed on as it is."""
    g, b, m, v = weights
    sd = {
        "weight": torch.from_numpy(g.copy()),
        "bias": torch.from_numpy(b.copy()),
        "running_mean": torch.from_numpy(m.copy()),
        "running_var": torch.from_numpy(v.copy()),
    }
    return sd, momentum, epsilon


@wrong("10.1", "γ and β are swapped: Keras gives gamma first")
def keras_to_torch(weights, momentum, epsilon):
    """Order beta, gamma."""
    beta, gamma, mean, var = [torch.tensor(w) for w in weights]
    return (
        {"weight": gamma, "bias": beta, "running_mean": mean, "running_var": var},
        1.0 - momentum,
        epsilon,
    )


@wrong("10.1", "ε and momentum are returned in the other order")
def keras_to_torch(weights, momentum, epsilon):
    """Returns eps before momentum."""
    keys = ["weight", "bias", "running_mean", "running_var"]
    state = dict(zip(keys, map(torch.tensor, weights)))
    return state, epsilon, 1 - momentum


@wrong("10.1", "The names are Keras's. PyTorch calls them")
def keras_to_torch(weights, momentum, epsilon):
    """Keeps Keras' names in the state dict."""
    names = ["gamma", "beta", "moving_mean", "moving_variance"]
    return {n: torch.tensor(w) for n, w in zip(names, weights)}, 1 - momentum, epsilon


@wrong("10.2", "Only the model's own children are looked at: a")
def replace_batchnorm(model, factory):
    """Only direct children, no recursion."""
    new = copy.deepcopy(model)
    for name, child in new.named_children():
        if isinstance(child, nn.modules.batchnorm._BatchNorm):
            new_layer = factory(child.num_features)
            new_layer.train(child.training)
            setattr(new, name, new_layer)
    return new


@wrong("10.2", "And one that stands in two places becomes two")
def replace_batchnorm(model, factory):
    """Recursion in place of the model that came in: no copy."""

    def swapped(module):
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            return factory(module.num_features).train(module.training)
        for name, child in module.named_children():
            setattr(module, name, swapped(child))
        return module

    return swapped(model)


@wrong("10.2", "Only nn.BatchNorm2d is replaced; all kinds")
def replace_batchnorm(model, factory):
    """The mode is not carried over; and BatchNorm2d only."""

    def swap(m):
        for name, child in m.named_children():
            if isinstance(child, nn.BatchNorm2d):
                setattr(m, name, factory(child.num_features))
            else:
                swap(child)

    out = copy.deepcopy(model)
    swap(out)
    return out


@wrong("10.3", "The convolution's bias is forgotten: the new")
def fold_batchnorm(conv, bn):
    """The bias of the convolution is dropped."""
    fused = copy.deepcopy(conv)
    g = bn.weight if bn.weight is not None else torch.ones_like(bn.running_mean)
    b = bn.bias if bn.bias is not None else torch.zeros_like(bn.running_mean)
    t = (g / torch.sqrt(bn.running_var + bn.eps)).detach()
    fused.weight = nn.Parameter((conv.weight * t[:, None, None, None]).detach())
    fused.bias = nn.Parameter((b - bn.running_mean * t).detach())
    return fused


@wrong("10.3", "Of the convolution's options you take stride and")
def fold_batchnorm(conv, bn):
    """A new Conv2d without dilation and groups and padding mode."""
    new = nn.Conv2d(
        conv.in_channels, conv.out_channels, conv.kernel_size, stride=conv.stride, padding=conv.padding, bias=True
    ).to(conv.weight.dtype)
    with torch.no_grad():
        std = torch.sqrt(bn.running_var + bn.eps)
        gamma = bn.weight if bn.affine else torch.ones_like(std)
        beta = bn.bias if bn.affine else torch.zeros_like(std)
        b = conv.bias if conv.bias is not None else torch.zeros_like(std)
        new.weight.copy_(conv.weight * (gamma / std).reshape(-1, 1, 1, 1))
        new.bias.copy_((b - bn.running_mean) * gamma / std + beta)
    return new


@wrong("10.3", "The convolution's bias is not scaled. It goes")
def fold_batchnorm(conv, bn):
    """The conv's bias is added without the scale; eps outside of the root."""
    fused = copy.deepcopy(conv)
    with torch.no_grad():
        scale = 1 / (torch.sqrt(bn.running_var) + bn.eps)
        if bn.affine:
            scale = scale * bn.weight
        bias = -bn.running_mean * scale
        if bn.affine:
            bias = bias + bn.bias
        if conv.bias is not None:
            bias = bias + conv.bias
        fused.weight = nn.Parameter(conv.weight * scale.view(-1, 1, 1, 1))
        fused.bias = nn.Parameter(bias)
    return fused
