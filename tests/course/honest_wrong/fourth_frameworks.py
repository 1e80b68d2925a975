"""Wrong answers to chapter 10, a fourth sample, written before a look at checks or mistakes."""

# ruff: noqa: F811  one name has many answers

import copy

import torch
from torch import nn

from tests.course.honest_wrong import wrong


@wrong("10.1", "Momentum came over as it was. 0.99 is the weight of")
def keras_to_torch(weights, momentum, epsilon):
    """The momentum is passed on as it is: Keras's 0.99 means 0.01 in PyTorch."""
    gamma, beta, mean, var = [torch.tensor(w) for w in weights]
    state = {"weight": gamma, "bias": beta, "running_mean": mean, "running_var": var}
    return state, momentum, epsilon


@wrong("10.1", "γ and β are swapped: Keras gives gamma first.")
def keras_to_torch(weights, momentum, epsilon):
    """gamma and beta are in each other's place."""
    names = ["bias", "weight", "running_mean", "running_var"]
    state = {n: torch.from_numpy(w.copy()) for n, w in zip(names, weights)}
    state["num_batches_tracked"] = torch.tensor(0)
    return state, 1 - momentum, epsilon


@wrong("10.1", "running_var got the standard deviation, the root of")
def keras_to_torch(weights, momentum, epsilon):
    """The variance is turned into a standard deviation."""
    gamma, beta, moving_mean, moving_var = weights
    state_dict = {
        "weight": torch.as_tensor(gamma).clone(),
        "bias": torch.as_tensor(beta).clone(),
        "running_mean": torch.as_tensor(moving_mean).clone(),
        "running_var": torch.as_tensor(moving_var).clone().sqrt(),
    }
    return state_dict, 1 - momentum, epsilon


@wrong("10.1")
def keras_to_torch(weights, momentum, epsilon):
    """Momentum not turned round, and PyTorch's default eps."""
    gamma, beta, mean, var = [torch.tensor(w) for w in weights]
    return {"weight": gamma, "bias": beta, "running_mean": mean, "running_var": var}, momentum, 1e-5


@wrong("10.2", "The model that came in is changed, and comes back.")
def replace_batchnorm(model, factory):
    """The model that came in is changed: there is no copy."""
    kinds = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.SyncBatchNorm)
    done = {}

    def make(bn):
        if bn not in done:
            done[bn] = factory(bn.num_features).train(bn.training)
        return done[bn]

    if isinstance(model, kinds):
        return make(model)

    def walk(module):
        for name, child in list(module._modules.items()):
            if isinstance(child, kinds):
                setattr(module, name, make(child))
            elif child is not None:
                walk(child)

    walk(model)
    return model


@wrong("10.2", "The new modules are in training mode, as the")
def replace_batchnorm(model, factory):
    """The mode is forgotten: new modules are in training mode though the replaced one was in evaluation mode."""
    kinds = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.SyncBatchNorm)
    model = copy.deepcopy(model)
    done = {}

    def walk(module):
        if isinstance(module, kinds):
            if id(module) not in done:
                done[id(module)] = (factory(module.num_features), module)
            return done[id(module)][0]
        for name, child in list(module._modules.items()):
            if child is not None:
                module._modules[name] = walk(child)
        return module

    return walk(model)


@wrong("10.2", "A model that is a batch normalization itself comes")
def replace_batchnorm(model, factory):
    """A model that is itself a batch normalization is returned as it is: only children are looked at."""
    kinds = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.SyncBatchNorm)
    model = copy.deepcopy(model)
    done = {}

    def walk(module):
        for name, child in list(module._modules.items()):
            if isinstance(child, kinds):
                if id(child) not in done:
                    done[id(child)] = factory(child.num_features).train(child.training), child
                setattr(module, name, done[id(child)][0])
            elif child is not None:
                walk(child)

    walk(model)
    return model


@wrong("10.2", "One that stands in two places becomes two new")
def replace_batchnorm(model, factory):
    """factory is called anew for each place: a normalization used twice becomes two modules."""

    def convert(module):
        if isinstance(module, (nn.modules.batchnorm._BatchNorm,)):
            new = factory(module.num_features)
            new.train(module.training)
            return new
        for name in list(module._modules):
            if module._modules[name] is not None:
                module._modules[name] = convert(module._modules[name])
        return module

    return convert(copy.deepcopy(model))


@wrong("10.2", "`nn.BatchNorm3d` is forgotten: models of volumes")
def replace_batchnorm(model, factory):
    """BatchNorm3d is forgotten in the list."""
    model = copy.deepcopy(model)
    kinds = (nn.BatchNorm1d, nn.BatchNorm2d, nn.SyncBatchNorm)
    new = {}

    def get(bn):
        if id(bn) not in new:
            new[id(bn)] = (factory(bn.num_features).train(bn.training), bn)
        return new[id(bn)][0]

    if isinstance(model, kinds):
        return get(model)
    for parent in list(model.modules()):
        for name, child in list(parent._modules.items()):
            if isinstance(child, kinds):
                parent._modules[name] = get(child)
    return model


@wrong("10.3", "The convolution's bias is not scaled. It goes")
def fold_batchnorm(conv, bn):
    """The bias of the convolution is not scaled by γ / σ."""
    fused = copy.deepcopy(conv)
    with torch.no_grad():
        gamma = bn.weight if bn.affine else torch.ones_like(bn.running_var)
        beta = bn.bias if bn.affine else torch.zeros_like(bn.running_var)
        scale = gamma / torch.sqrt(bn.running_var + bn.eps)
        bias = conv.bias if conv.bias is not None else torch.zeros_like(beta)
        fused.weight = nn.Parameter(conv.weight * scale.view(-1, 1, 1, 1))
        fused.bias = nn.Parameter(beta + bias - bn.running_mean * scale)
    return fused


@wrong("10.3", "Of the convolution's options you take stride and")
def fold_batchnorm(conv, bn):
    """The new convolution is made without padding mode, dilation and groups."""
    fused = nn.Conv2d(conv.in_channels, conv.out_channels, conv.kernel_size, conv.stride, conv.padding, bias=True)
    fused = fused.to(conv.weight.dtype)
    with torch.no_grad():
        gamma = bn.weight if bn.affine else torch.ones_like(bn.running_var)
        beta = bn.bias if bn.affine else torch.zeros_like(bn.running_var)
        scale = gamma / torch.sqrt(bn.running_var + bn.eps)
        bias = conv.bias if conv.bias is not None else torch.zeros_like(beta)
        fused.weight.copy_(conv.weight * scale.reshape(-1, 1, 1, 1))
        fused.bias.copy_((bias - bn.running_mean) * scale + beta)
    return fused


@wrong("10.3", "ε is missing: a channel that never varied is")
def fold_batchnorm(conv, bn):
    """ε is forgotten under the root."""
    out = copy.deepcopy(conv)
    std = bn.running_var.sqrt()
    g = bn.weight.detach() if bn.weight is not None else torch.ones_like(std)
    b = bn.bias.detach() if bn.bias is not None else torch.zeros_like(std)
    cb = conv.bias.detach() if conv.bias is not None else torch.zeros_like(std)
    out.weight = nn.Parameter(conv.weight.detach() * (g / std)[:, None, None, None])
    out.bias = nn.Parameter((cb - bn.running_mean) * g / std + b)
    return out


@wrong("10.3", "The scale lies along the input channels. The weight")
def fold_batchnorm(conv, bn):
    """The scale is put on the input channels (1, -1, 1, 1)."""
    out = copy.deepcopy(conv)
    g = bn.weight.detach() if bn.weight is not None else torch.ones_like(bn.running_var)
    b = bn.bias.detach() if bn.bias is not None else torch.zeros_like(bn.running_var)
    scale = g / torch.sqrt(bn.running_var + bn.eps)
    cb = conv.bias.detach() if conv.bias is not None else torch.zeros_like(b)
    out.weight = nn.Parameter(conv.weight.detach() * scale.view(1, -1, 1, 1))
    out.bias = nn.Parameter((cb - bn.running_mean) * scale + b)
    return out


@wrong("10.3", "The convolution's bias is forgotten: the new bias")
def fold_batchnorm(conv, bn):
    """The convolution's bias is ignored, and ε too."""
    out = copy.deepcopy(conv)
    std = bn.running_var.sqrt()
    g = bn.weight.detach() if bn.weight is not None else torch.ones_like(std)
    b = bn.bias.detach() if bn.bias is not None else torch.zeros_like(std)
    out.weight = nn.Parameter(conv.weight.detach() * (g / std).view(-1, 1, 1, 1))
    out.bias = nn.Parameter(b - bn.running_mean * g / std)
    return out
