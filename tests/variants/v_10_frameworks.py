"""Right answers to chapter 10 in other styles: every check must accept them."""

import copy
from collections import OrderedDict

import numpy as np
import torch
from torch import nn

from bncourse.checking import variant

# 10.1


@variant("10.1")
def keras_to_torch(weights, momentum, epsilon):
    """A layer that is filled, and its own state dict."""
    gamma, beta, moving_mean, moving_variance = (torch.from_numpy(np.array(array)) for array in weights)
    layer = nn.BatchNorm1d(len(gamma), eps=epsilon, momentum=1.0 - momentum)
    with torch.no_grad():
        layer.weight.copy_(gamma)
        layer.bias.copy_(beta)
        layer.running_mean.copy_(moving_mean)
        layer.running_var.copy_(moving_variance)
    return layer.state_dict(), layer.momentum, layer.eps


@variant("10.1")
def keras_to_torch(weights, momentum, epsilon):
    """Names spelled out, float64, no counter; the answer is a list."""
    state = OrderedDict()
    state["running_var"] = torch.as_tensor(weights[3], dtype=torch.float64)
    state["running_mean"] = torch.as_tensor(weights[2], dtype=torch.float64)
    state["bias"] = torch.as_tensor(weights[1], dtype=torch.float64)
    state["weight"] = torch.as_tensor(weights[0], dtype=torch.float64)
    return [state, torch.tensor(1 - momentum), epsilon]


@variant("10.1")
def keras_to_torch(weights, momentum, epsilon):
    """Through lists; Parameters for what is trained; a counter as large as you like."""
    gamma, beta, mean, var = [torch.Tensor(array.tolist()) for array in weights]
    trained = {"weight": nn.Parameter(gamma), "bias": nn.Parameter(beta)}
    kept = dict(running_mean=mean, running_var=var, num_batches_tracked=torch.tensor(1000))
    return trained | kept, abs(momentum - 1), np.float64(epsilon)


# 10.2


@variant("10.2")
def replace_batchnorm(model, factory):
    """Recursion over the children; a memory of what has been visited."""
    batch_norms = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.SyncBatchNorm)
    seen = {}

    def visit(module):
        if id(module) not in seen:
            if isinstance(module, batch_norms):
                new = factory(module.num_features)
                new.train(module.training)
                seen[id(module)] = new
            else:
                seen[id(module)] = module
                for name, child in module._modules.items():
                    if child is not None:
                        module._modules[name] = visit(child)
        return seen[id(module)]

    root = copy.deepcopy(model)
    return visit(root)


@variant("10.2")
def replace_batchnorm(model, factory):
    """deepcopy's own memory: each batch normalization is announced as already copied, to what the factory makes."""
    kinds = torch.nn.modules.batchnorm._BatchNorm
    memory = {}
    for module in model.modules():
        if isinstance(module, kinds):
            memory[id(module)] = factory(module.num_features).train(module.training)
    return copy.deepcopy(model, memory)


@variant("10.2")
def replace_batchnorm(model, factory):
    """Every parent's table of children, with a stand-in parent for the model itself."""
    holder = nn.Module()
    holder.model = copy.deepcopy(model)
    parents = list(holder.modules())
    norms = [module for module in parents if isinstance(module, torch.nn.modules.batchnorm._BatchNorm)]
    new = [factory(norm.num_features) for norm in norms]
    for norm, module in zip(norms, new):
        module.train(norm.training)
    for parent in parents:
        for name in list(parent._modules):
            for norm, module in zip(norms, new):
                if parent._modules[name] is norm:
                    parent._modules[name] = module
    return holder.model


@variant("10.2")
def replace_batchnorm(model, factory):
    """Paths and set_submodule-like assignment, later calls first; the mode set module by module."""
    new = copy.deepcopy(model)
    table = {}
    for path, module in reversed(list(new.named_modules(remove_duplicate=False))):
        if isinstance(module, (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.SyncBatchNorm)):
            if id(module) not in table:
                made = factory(module.num_features)
                for part in made.modules():
                    part.training = module.training
                table[id(module)] = made
            if path == "":
                return table[id(module)]
            *up, last = path.split(".")
            parent = new
            for name in up:
                parent = getattr(parent, name)
            parent.register_module(last, table[id(module)])
    return new


# 10.3


@variant("10.3")
def fold_batchnorm(conv, bn):
    """A new convolution, option by option."""
    new = nn.Conv2d(
        conv.in_channels, conv.out_channels, conv.kernel_size, conv.stride, conv.padding, conv.dilation, conv.groups,
        bias=True, padding_mode=conv.padding_mode, dtype=conv.weight.dtype,
    )  # fmt: skip
    std = (bn.running_var + bn.eps).sqrt()
    gamma = bn.weight if bn.weight is not None else torch.ones_like(std)
    beta = bn.bias if bn.bias is not None else torch.zeros_like(std)
    bias = conv.bias if conv.bias is not None else torch.zeros_like(std)
    new.weight.data = (conv.weight * (gamma / std)[:, None, None, None]).detach()
    new.bias.data = (gamma * (bias - bn.running_mean) / std + beta).detach()
    return new


@variant("10.3")
def fold_batchnorm(conv, bn):
    """The normalization says itself what it does to 0 and to 1; arithmetic in float64."""
    norm = copy.deepcopy(bn).double().eval()
    probe = torch.tensor([0.0, 1.0], dtype=torch.float64).view(2, 1, 1, 1).expand(2, bn.num_features, 1, 1)
    with torch.no_grad():
        shift, ones = norm(probe)[:, :, 0, 0]
        scale = ones - shift
        new = copy.deepcopy(conv)
        new.weight.copy_(torch.einsum("oihw,o->oihw", conv.weight.double(), scale))
        bias = shift if conv.bias is None else shift + scale * conv.bias.double()
        new.bias = nn.Parameter(bias.to(conv.weight.dtype), requires_grad=False)
    return new


@variant("10.3")
def fold_batchnorm(conv, bn):
    """Filter after filter, through NumPy in float64."""
    weight = conv.weight.detach().double().numpy().copy()
    bias = np.zeros(len(weight)) if conv.bias is None else conv.bias.detach().double().numpy().copy()
    for c in range(len(weight)):
        scale = 1 / np.sqrt(bn.running_var[c].item() + bn.eps)
        if bn.affine:
            scale *= bn.weight[c].item()
        weight[c] *= scale
        bias[c] = scale * (bias[c] - bn.running_mean[c].item()) + (bn.bias[c].item() if bn.affine else 0)
    new = copy.deepcopy(conv)
    dtype = conv.weight.dtype
    new.weight = nn.Parameter(torch.from_numpy(weight).to(dtype))
    new.register_parameter("bias", nn.Parameter(torch.from_numpy(bias).to(dtype)))
    return new


# 10.4


@variant("10.4")
def export_with_parity(model, export, batches):
    """The model itself, in evaluation mode for as long as it takes; each module goes back to its own mode."""
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        program = export(model, batches[0])
        worst = 0.0
        with torch.inference_mode():
            for images in batches:
                gap = (model(images) - program(images)).abs()
                worst = float("inf") if gap.isnan().any() else max(worst, gap.max().item())
    finally:
        for module, mode in modes:
            module.training = mode
    return [program, worst]


@variant("10.4")
def export_with_parity(model, export, batches):
    """All outputs in one tensor; gradients on; the difference is a tensor."""
    twin = copy.deepcopy(model)
    twin.train(False)
    program = export(twin, batches[0].clone())
    both = [torch.cat([answer(images).flatten() for images in batches]) for answer in (twin, program)]
    gap = torch.abs(both[0] - both[1])
    return program, torch.where(gap.isnan(), torch.inf, gap).amax()


@variant("10.4")
def export_with_parity(model, export, batches):
    """Through NumPy, last batch first; exported twice, the second time from a copy for that alone."""

    def at_inference():
        twin = copy.deepcopy(model)
        for module in twin.modules():
            module.training = False
        return twin.requires_grad_(False)

    deployed, program = at_inference(), export(at_inference(), batches[0])
    gaps = []
    for images in reversed(batches):
        gaps.extend(np.abs(program(images).numpy() - deployed(images).numpy()).ravel())
    largest = np.max(gaps)
    return export(at_inference(), batches[0]), np.float64(np.inf) if np.isnan(largest) else largest
