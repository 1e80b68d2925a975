"""Right answers to 12.3 in other styles, all of which must get full points."""

import copy

import torch
from torch import nn

from bncourse.checking import variant

# 12.3

NORMALIZATIONS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)


@variant("12.3")
def recompute_statistics(model, loader):
    """All inputs kept and joined at the end; the variance divided by n - 1; nothing returned."""
    layers = [
        layer for layer in model.modules() if isinstance(layer, NORMALIZATIONS) and layer.running_mean is not None
    ]
    inputs, handles = {layer: [] for layer in layers}, []
    for layer in layers:
        handles.append(layer.register_forward_pre_hook(lambda layer, args: inputs[layer].append(args[0].clone())))
    training = {module: module.training for module in model.modules()}
    model.train()
    with torch.no_grad():
        for images, _ in loader:
            model(images)
    for handle in handles:
        handle.remove()
    for layer, parts in inputs.items():
        values = torch.cat([part.movedim(1, 0).reshape(part.shape[1], -1) for part in parts], dim=1)
        layer.running_mean.data = values.mean(dim=1)
        layer.running_var.data = values.var(dim=1)
    for module, mode in training.items():
        module.training = mode


@variant("12.3")
@torch.no_grad()
def recompute_statistics(model, loader):
    """Momentum 1 makes the running statistics those of the last batch; they are read after each, weighed, and merged."""
    layers = [layer for layer in model.modules() if isinstance(layer, NORMALIZATIONS) and layer.track_running_stats]
    before = [(layer, layer.momentum) for layer in layers]
    modes = [(module, module.training) for module in model.modules()]
    sizes, sums = {}, {layer: [0, 0, 0] for layer in layers}
    handles = [
        layer.register_forward_hook(lambda layer, args, y: sizes.__setitem__(layer, y.numel() // y.shape[1]))
        for layer in layers
    ]
    model.train()
    for layer in layers:
        layer.momentum = 1.0
    for batch in loader:
        model(batch[0])
        for layer in layers:
            n, mean = sizes[layer], layer.running_mean.double()
            square = layer.running_var.double() * (n - 1) / n + mean**2
            for place, value in enumerate((n, n * mean, n * square)):
                sums[layer][place] = sums[layer][place] + value
    for layer, (n, total, squares) in sums.items():
        layer.running_mean.copy_(total / n)
        layer.running_var.copy_(squares / n - (total / n) ** 2)
    for layer, momentum in before:
        layer.momentum = momentum
    for handle in handles:
        handle.remove()
    for module, mode in modes:
        module.train(mode) if not list(module.children()) else setattr(module, "training", mode)
    return model


@variant("12.3")
def recompute_statistics(model, loader):
    """A copy of the model makes the pass, with its forward methods replaced; the statistics are brought home by name."""
    twin, seen = copy.deepcopy(model).train(), {}

    def watched(name, layer):
        forward = layer.forward

        def forward_and_note(x):
            seen.setdefault(name, []).append(x.transpose(0, 1).flatten(1))
            return forward(x)

        layer.forward = forward_and_note

    for name, layer in twin.named_modules():
        if isinstance(layer, nn.modules.batchnorm._BatchNorm):
            watched(name, layer)
    with torch.inference_mode():
        for x, _ in loader:
            twin(x)
        for name, layer in model.named_modules():
            if name in seen and layer.track_running_stats:
                values = torch.cat(seen[name], 1)
                layer.running_mean.copy_(values.mean(1))
                layer.running_var.copy_(values.var(1, unbiased=False))
    return model
