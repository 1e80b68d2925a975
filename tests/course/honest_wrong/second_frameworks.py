"""More wrong answers to chapter 10 written before any look at checks, mistakes or this bank."""

# ruff: noqa: F811  one name has many answers

import copy

import numpy as np
import torch
from torch import nn

from tests.course.honest_wrong import wrong


@wrong("10.1", "Momentum came over as it was. 0.99 is the weight")
def keras_to_torch(weights, momentum, epsilon):
    """Momentum not converted."""
    gamma, beta, mean, var = weights
    sd = {
        "weight": torch.from_numpy(gamma.copy()),
        "bias": torch.from_numpy(beta.copy()),
        "running_mean": torch.from_numpy(mean.copy()),
        "running_var": torch.from_numpy(var.copy()),
        "num_batches_tracked": torch.tensor(0),
    }
    return sd, momentum, epsilon


@wrong("10.1", "γ and β are swapped: Keras gives gamma first. weight")
def keras_to_torch(weights, momentum, epsilon):
    """Gamma and beta swapped."""
    beta, gamma, mean, var = [torch.as_tensor(np.array(w)) for w in weights]
    return dict(weight=gamma, bias=beta, running_mean=mean, running_var=var), 1 - momentum, epsilon


@wrong("10.1", "running_var got the standard deviation", "ε and momentum are returned in the other order", named=False)
def keras_to_torch(weights, momentum, epsilon):
    """Variance converted to unbiased-looking deviation (sqrt), eps and momentum in the wrong order."""
    gamma, beta, mean, var = [torch.tensor(w) for w in weights]
    sd = {"weight": gamma, "bias": beta, "running_mean": mean, "running_var": var.sqrt()}
    return sd, epsilon, 1 - momentum


@wrong("10.2", "Only the model's own children are looked at: a")
def replace_batchnorm(model, factory):
    """Children only: nested ones stay."""
    new = copy.deepcopy(model)
    bn = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.SyncBatchNorm)
    if isinstance(new, bn):
        return factory(new.num_features).train(new.training)
    made = {}
    for name, child in list(new._modules.items()):
        if isinstance(child, bn):
            if child not in made:
                made[child] = factory(child.num_features).train(child.training)
            setattr(new, name, made[child])
    return new


@wrong("10.2", "The new modules are in training mode, as the factory")
def replace_batchnorm(model, factory):
    """Mode not handed on."""
    bn = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.SyncBatchNorm)
    new, made = copy.deepcopy(model), {}

    def visit(m):
        if isinstance(m, bn):
            if m not in made:
                made[m] = factory(m.num_features)
            return made[m]
        for name, child in list(m._modules.items()):
            if child is not None:
                m._modules[name] = visit(child)
        return m

    return visit(new)


@wrong("10.2", "The model that came in is changed: copy it once,")
def replace_batchnorm(model, factory):
    """No copy, and only BatchNorm2d."""
    if isinstance(model, nn.BatchNorm2d):
        return factory(model.num_features).train(model.training)
    for name, child in model.named_children():
        setattr(model, name, replace_2d(child, factory))
    return model


def replace_2d(module, factory):
    if isinstance(module, nn.BatchNorm2d):
        return factory(module.num_features).train(module.training)
    for name, child in module.named_children():
        setattr(module, name, replace_2d(child, factory))
    return module


@wrong("10.2", "All with the same number of features get one and")
def replace_batchnorm(model, factory):
    """All norms get one and the same new module by width."""
    new = copy.deepcopy(model)
    kinds = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.SyncBatchNorm)
    cache = {}

    def swap(m):
        if isinstance(m, kinds):
            if m.num_features not in cache:
                cache[m.num_features] = factory(m.num_features).train(m.training)
            return cache[m.num_features]
        for name, child in m.named_children():
            setattr(m, name, swap(child))
        return m

    return swap(new)


@wrong("10.3", "The convolution's bias is not scaled. It goes through")
def fold_batchnorm(conv, bn):
    """Bias of the convolution not scaled."""
    new = copy.deepcopy(conv)
    w = bn.weight if bn.affine else torch.ones_like(bn.running_mean)
    b = bn.bias if bn.affine else torch.zeros_like(bn.running_mean)
    with torch.no_grad():
        std = (bn.running_var + bn.eps).sqrt()
        new.weight.copy_(conv.weight * (w / std)[:, None, None, None])
        old = conv.bias if conv.bias is not None else 0
        new.bias = nn.Parameter(old + b - w * bn.running_mean / std)
    return new


@wrong("10.3", "Of the convolution's options you take stride and")
def fold_batchnorm(conv, bn):
    """A new Conv2d without groups and dilation."""
    new = nn.Conv2d(conv.in_channels, conv.out_channels, conv.kernel_size, conv.stride, conv.padding, bias=True).to(
        conv.weight.dtype
    )
    w = bn.weight if bn.affine else torch.ones_like(bn.running_mean)
    b = bn.bias if bn.affine else torch.zeros_like(bn.running_mean)
    old = conv.bias if conv.bias is not None else torch.zeros_like(bn.running_mean)
    scale = w / torch.sqrt(bn.running_var + bn.eps)
    new.weight.data = conv.weight.data * scale.detach().reshape(-1, 1, 1, 1)
    new.bias.data = ((old - bn.running_mean) * scale + b).detach()
    return new


@wrong("10.3", "μ is subtracted without the scale. It is subtracted")
def fold_batchnorm(conv, bn):
    """Eps forgotten; mean not scaled."""
    new = copy.deepcopy(conv)
    with torch.no_grad():
        scale = 1 / torch.sqrt(bn.running_var)
        if bn.affine:
            scale = scale * bn.weight
        new.weight.copy_(conv.weight * scale.view(-1, 1, 1, 1))
        shift = -bn.running_mean
        if conv.bias is not None:
            shift = shift + conv.bias * scale
        if bn.affine:
            shift = shift + bn.bias
        new.bias = nn.Parameter(shift)
    return new


@wrong("10.3", "μ is added; the normalization subtracts it.")
def fold_batchnorm(conv, bn):
    """Batch norm's mean added instead of subtracted."""
    out = copy.deepcopy(conv)
    scale = (bn.running_var + bn.eps) ** -0.5
    beta = 0
    if bn.affine:
        scale, beta = scale * bn.weight, bn.bias
    b = conv.bias if conv.bias is not None else torch.zeros_like(bn.running_mean)
    out.weight = nn.Parameter((conv.weight * scale[:, None, None, None]).detach())
    out.bias = nn.Parameter(((b + bn.running_mean) * scale + beta).detach())
    return out
