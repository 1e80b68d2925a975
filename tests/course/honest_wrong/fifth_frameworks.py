"""Wrong answers to chapter 10, a fifth sample, written before a look at checks or mistakes."""

# ruff: noqa: F811  one name has many answers

import copy

import torch
from torch import nn

from tests.course.honest_wrong import wrong

NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.SyncBatchNorm)


@wrong("10.1", "Momentum came over as it was. 0.99 is the weight of")
def keras_to_torch(weights, momentum, epsilon):
    """The momentum is handed on as it is."""
    names = ["weight", "bias", "running_mean", "running_var"]
    return {name: torch.tensor(w) for name, w in zip(names, weights)}, momentum, epsilon


@wrong("10.1", "γ and β are swapped: Keras gives gamma first.")
def keras_to_torch(weights, momentum, epsilon):
    """beta and gamma are exchanged."""
    beta, gamma, mean, var = (torch.from_numpy(w.copy()) for w in weights)
    state = {"weight": gamma, "bias": beta, "running_mean": mean, "running_var": var}
    return state, 1 - momentum, epsilon


@wrong("10.1", "The names are Keras's. PyTorch calls them weight,")
def keras_to_torch(weights, momentum, epsilon):
    """Keras's names stay."""
    gamma, beta, mean, var = map(torch.tensor, weights)
    state = {"gamma": gamma, "beta": beta, "moving_mean": mean, "moving_variance": var}
    return state, 1 - momentum, epsilon


@wrong("10.1", "ε is PyTorch's default 1e-5, whatever it was in")
def keras_to_torch(weights, momentum, epsilon):
    """eps is PyTorch's default."""
    gamma, beta, mean, var = map(torch.tensor, weights)
    state = {"weight": gamma, "bias": beta, "running_mean": mean, "running_var": var}
    return state, round(1 - momentum, 6), 1e-5


@wrong("10.1", "running_var got the standard deviation, the root of")
def keras_to_torch(weights, momentum, epsilon):
    """The variance is turned into a deviation."""
    gamma, beta, mean, var = map(torch.tensor, weights)
    state = {"weight": gamma, "bias": beta, "running_mean": mean, "running_var": var.sqrt()}
    return state, 1 - momentum, epsilon


@wrong("10.2", "The model that came in is changed: copy it once,")
def replace_batchnorm(model, factory):
    """The model itself is changed, not a copy."""

    def swap(module):
        for name, child in module.named_children():
            if isinstance(child, NORMS):
                new = factory(child.num_features)
                new.train(child.training)
                setattr(module, name, new)
            else:
                swap(child)
        return module

    return swap(model)


@wrong("10.2", "Only the model's own children are looked at: a")
def replace_batchnorm(model, factory):
    """Only the direct children are looked at."""
    new = copy.deepcopy(model)
    for name, child in new.named_children():
        if isinstance(child, NORMS):
            setattr(new, name, factory(child.num_features).train(child.training))
    return new


@wrong("10.2", "The new modules are in training mode, as the")
def replace_batchnorm(model, factory):
    """The mode is not handed on."""
    model = copy.deepcopy(model)
    made = {}

    def swap(module):
        if isinstance(module, NORMS):
            if module not in made:
                made[module] = factory(module.num_features)
            return made[module]
        for name, child in list(module._modules.items()):
            if child is not None:
                module._modules[name] = swap(child)
        return module

    return swap(model)


@wrong("10.2", "All with the same number of features get one and")
def replace_batchnorm(model, factory):
    """One call of the factory for each number of features."""
    model = copy.deepcopy(model)
    cache = {}

    def swap(module):
        if isinstance(module, NORMS):
            c = module.num_features
            if c not in cache:
                cache[c] = factory(c).train(module.training)
            return cache[c]
        for name, child in list(module._modules.items()):
            if child is not None:
                module._modules[name] = swap(child)
        return module

    return swap(model)


@wrong("10.2", "Only modules whose class is exactly nn.BatchNorm2d")
def replace_batchnorm(model, factory):
    """Only BatchNorm2d, by its exact class."""
    model = copy.deepcopy(model)
    if type(model) is nn.BatchNorm2d:
        return factory(model.num_features).train(model.training)
    for name, module in list(model.named_modules()):
        if type(module) is nn.BatchNorm2d:
            *path, last = name.split(".")
            parent = model.get_submodule(".".join(path))
            setattr(parent, last, factory(module.num_features).train(module.training))
    return model


@wrong("10.3", "The convolution's bias is forgotten: the new bias")
def fold_batchnorm(conv, bn):
    """The convolution's own bias is forgotten."""
    new = copy.deepcopy(conv)
    gamma = torch.ones_like(bn.running_var) if bn.weight is None else bn.weight
    beta = torch.zeros_like(bn.running_var) if bn.bias is None else bn.bias
    scale = (gamma / torch.sqrt(bn.running_var + bn.eps)).detach()
    new.weight = nn.Parameter(conv.weight.detach() * scale.view(-1, 1, 1, 1))
    new.bias = nn.Parameter((beta - bn.running_mean * scale).detach())
    return new


@wrong("10.3", "The convolution's bias is not scaled. It goes")
def fold_batchnorm(conv, bn):
    """The old bias is added, not scaled."""
    new = copy.deepcopy(conv)
    gamma = torch.ones_like(bn.running_var) if bn.weight is None else bn.weight
    beta = torch.zeros_like(bn.running_var) if bn.bias is None else bn.bias
    scale = (gamma / torch.sqrt(bn.running_var + bn.eps)).detach()
    bias = torch.zeros_like(scale) if conv.bias is None else conv.bias.detach()
    new.weight = nn.Parameter(conv.weight.detach() * scale.view(-1, 1, 1, 1))
    new.bias = nn.Parameter(bias + (beta - bn.running_mean * scale).detach())
    return new


@wrong("10.3", "Of the convolution's options you take stride and")
def fold_batchnorm(conv, bn):
    """A new convolution without padding mode, dilation and groups."""
    gamma = torch.ones_like(bn.running_var) if bn.weight is None else bn.weight
    beta = torch.zeros_like(bn.running_var) if bn.bias is None else bn.bias
    new = nn.Conv2d(conv.in_channels, conv.out_channels, conv.kernel_size, conv.stride, conv.padding)
    new = new.to(conv.weight.dtype)
    scale = gamma / torch.sqrt(bn.running_var + bn.eps)
    with torch.no_grad():
        new.weight.copy_(conv.weight * scale[:, None, None, None])
        bias = 0 if conv.bias is None else conv.bias
        new.bias.copy_(beta + (bias - bn.running_mean) * scale)
    return new


@wrong("10.3", "ε is missing: a channel that never varied is")
def fold_batchnorm(conv, bn):
    """eps is left out."""
    new = copy.deepcopy(conv)
    gamma = torch.ones_like(bn.running_var) if bn.weight is None else bn.weight
    beta = torch.zeros_like(bn.running_var) if bn.bias is None else bn.bias
    scale = (gamma / torch.sqrt(bn.running_var)).detach()
    bias = torch.zeros_like(scale) if conv.bias is None else conv.bias.detach()
    new.weight = nn.Parameter(conv.weight.detach() * scale.view(-1, 1, 1, 1))
    new.bias = nn.Parameter(beta.detach() + (bias - bn.running_mean) * scale)
    return new


@wrong("10.3", "The scale lies along the input channels. The weight")
def fold_batchnorm(conv, bn):
    """The scale meets the input channels of the kernel; where they are others, nothing fits."""
    new = copy.deepcopy(conv)
    gamma = torch.ones_like(bn.running_var) if bn.weight is None else bn.weight
    beta = torch.zeros_like(bn.running_var) if bn.bias is None else bn.bias
    scale = (gamma / torch.sqrt(bn.running_var + bn.eps)).detach()
    bias = torch.zeros_like(scale) if conv.bias is None else conv.bias.detach()
    new.weight = nn.Parameter(conv.weight.detach() * scale.view(1, -1, 1, 1))
    new.bias = nn.Parameter(beta.detach() + (bias - bn.running_mean) * scale)
    return new


def modes_of(model):
    return [(module, module.training) for module in model.modules()]


def restore(modes):
    for module, mode in modes:
        module.training = mode


@wrong("10.4", "The model is exported in the mode in which it")
def export_with_parity(model, export, batches):
    """The model is exported in the mode in which it is."""
    program = export(copy.deepcopy(model), batches[0])
    twin = copy.deepcopy(model).eval()
    with torch.no_grad():
        return program, max((program(b) - twin(b)).abs().max().item() for b in batches)


@wrong("10.4", "Two things: the program is compared with the model")
def export_with_parity(model, export, batches):
    """The model is compared in the mode in which it came."""
    twin = copy.deepcopy(model)
    program = export(copy.deepcopy(model).eval(), batches[0])
    with torch.no_grad():
        return program, max((program(b) - twin(b)).abs().max().item() for b in batches)


@wrong("10.4", "Only the first batch is compared, the one that was")
def export_with_parity(model, export, batches):
    """Only the first batch is compared."""
    modes = modes_of(model)
    model.eval()
    with torch.no_grad():
        program = export(model, batches[0])
        difference = (program(batches[0]) - model(batches[0])).abs().max().item()
    restore(modes)
    return program, difference if difference == difference else float("inf")


@wrong("10.4", "A NaN is passed over: Python's `max` keeps its")
def export_with_parity(model, export, batches):
    """NaN: max of Python drops it."""
    modes = modes_of(model)
    model.eval()
    worst = 0.0
    with torch.no_grad():
        program = export(model, batches[0])
        for b in batches:
            worst = max(worst, (program(b) - model(b)).abs().max().item())
    restore(modes)
    return program, worst


@wrong("10.4", "Afterwards the model is put into training mode,")
def export_with_parity(model, export, batches):
    """model.train() at the end: every module is in training mode."""
    model.eval()
    worst = torch.tensor(0.0)
    with torch.no_grad():
        program = export(model, batches[0])
        for b in batches:
            worst = torch.maximum(worst, (program(b) - model(b)).abs().max())
    model.train()
    return program, float("inf") if worst.isnan() else worst.item()


@wrong("10.4", "The difference is the mean over all outputs of all")
def export_with_parity(model, export, batches):
    """The mean difference."""
    modes = modes_of(model)
    model.eval()
    with torch.no_grad():
        program = export(model, batches[0])
        gaps = torch.cat([(program(b) - model(b)).abs().flatten() for b in batches])
    restore(modes)
    return program, float("inf") if gaps.isnan().any() else gaps.mean().item()
