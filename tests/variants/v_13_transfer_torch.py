"""Right answers to 13.1 and 13.2 in other styles, all of which must get full points."""

import copy
import functools
import types

import torch
from torch import nn
from torch.nn import functional as F

from bncourse.checking import variant

KINDS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.SyncBatchNorm)

# 13.1


@variant("13.1")
def freeze_batchnorm(model):
    """Each layer gets a class derived from its own, whose `train` stays in evaluation mode; nothing is returned."""

    def train(self, mode=True):
        return super(type(self), self).train(False)

    for module in model.modules():
        if isinstance(module, KINDS) and not type(module).__name__.startswith("Frozen"):
            module.__class__ = type("Frozen" + type(module).__name__, (type(module),), {"train": train})
            module.train()
            module.requires_grad_(False)


@variant("13.1")
def freeze_batchnorm(model):
    """`train` of each layer is hidden by a function that does nothing."""
    for module in model.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            module.eval()
            module.train = lambda mode=True, module=module: module
            for parameter in module.parameters():
                parameter.requires_grad_(False)
    return model


@variant("13.1")
def freeze_batchnorm(model):
    """The model's own `train` is followed by an `eval` of the layers."""
    norms = [module for module in model.modules() if isinstance(module, nn.modules.batchnorm._BatchNorm)]
    original = type(model).train

    def train(self, mode=True):
        original(self, mode)
        for norm in norms:
            norm.training = False
        return self

    model.train = types.MethodType(train, model)
    for norm in norms:
        norm.training = False
        for parameter in (norm.weight, norm.bias):
            if parameter is not None:
                parameter.requires_grad, parameter.grad = False, None
    return model


@variant("13.1")
def freeze_batchnorm(model):
    """A hook before each forward pass puts the layer into evaluation mode."""
    stack = [model]
    while stack:
        module = stack.pop()
        stack.extend(module.children())
        if isinstance(module, KINDS):
            module.register_forward_pre_hook(lambda layer, inputs: layer.eval() and None)
            for parameter in module.parameters():
                parameter.requires_grad = False
    return model


@variant("13.1")
def freeze_batchnorm(model):
    """The forward pass is replaced by a fixed map, whatever the mode."""

    def forward(layer, x):
        without = layer.running_mean is None
        gamma, beta = (None if p is None else p.detach() for p in (layer.weight, layer.bias))
        return F.batch_norm(x, layer.running_mean, layer.running_var, gamma, beta, training=without, eps=layer.eps)

    for _, module in model.named_modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            module.forward = functools.partial(forward, module)
            module.requires_grad_(False)
            module.momentum = 0.0


# 13.2


@variant("13.2")
def adapt_statistics(model, loader):
    """Layer by layer: the inputs of all images together, pooled, in evaluation mode; n in the variance."""
    modes = {module: module.training for module in model.modules()}
    model.eval()
    batches = list(loader)
    norms = [
        m for m in model.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm) and m.running_mean is not None
    ]
    with torch.no_grad():
        for norm in norms:
            inputs = []
            handle = norm.register_forward_pre_hook(
                lambda module, x, inputs=inputs: inputs.append(x[0].transpose(0, 1))
            )
            for images in batches:
                model(images)
            handle.remove()
            values = torch.cat([part.flatten(1) for part in inputs], dim=1)
            norm.running_mean.copy_(values.mean(1))
            norm.running_var.copy_(values.var(1, unbiased=False))
    for module, mode in modes.items():
        module.training = mode


@variant("13.2")
def adapt_statistics(model, loader):
    """One pass; sums of counts, means and squares around them, merged over the batches; n - 1."""
    modes = [(module, module.training) for module in model.modules()]
    norms = [module for module, _ in modes if isinstance(module, nn.modules.batchnorm._BatchNorm)]
    norms = [norm for norm in norms if norm.track_running_stats]
    merged, handles = {norm: None for norm in norms}, []

    def collect(norm, inputs):
        x = inputs[0].transpose(0, 1).flatten(1)
        count, mean = x.shape[1], x.mean(1)
        squares = ((x - mean[:, None]) ** 2).sum(1)
        if merged[norm] is not None:
            n, m, s = merged[norm]
            total, step = n + count, mean - m
            squares = s + squares + step**2 * n * count / total
            count, mean = total, m + step * count / total
        merged[norm] = count, mean, squares

    model.eval()
    kept = {norm: norm.momentum for norm in norms}
    for norm in norms:
        norm.training, norm.momentum = True, 0.0
        handles.append(norm.register_forward_pre_hook(collect))
    with torch.inference_mode():
        for images in loader:
            model(images)
    for handle in handles:
        handle.remove()
    for norm, momentum in kept.items():
        count, mean, squares = merged[norm]
        norm.momentum = momentum
        norm.running_mean.copy_(mean.clone())
        norm.running_var.copy_(squares.clone() / (count - 1))
    for module, mode in modes:
        module.training = mode
    return model


@variant("13.2")
def adapt_statistics(model, loader):
    """A twin whose layers take over each batch with momentum 1; the batches' statistics are averaged by their sizes."""
    twin = copy.deepcopy(model).eval()
    twins = [module for module in twin.modules() if isinstance(module, KINDS) and module.running_mean is not None]
    own = [module for module in model.modules() if isinstance(module, KINDS) and module.running_mean is not None]
    for norm in twins:
        norm.train()
        norm.momentum = 1.0
    sums, total = [[0.0, 0.0] for _ in twins], 0
    for images in loader:
        twin(images)
        total += len(images)
        for pair, norm in zip(sums, twins):
            pair[0] += len(images) * norm.running_mean.detach().clone()
            pair[1] += len(images) * norm.running_var.detach().clone()
    for (mean, var), norm in zip(sums, own):
        norm.running_mean.copy_(mean / total)
        norm.running_var.copy_(var / total)
    return model


# 13.4


@variant("13.4")
def ema_update(average, model, decay):
    """A new state dict, loaded; nothing is returned."""
    own, theirs = average.state_dict(), model.state_dict()
    new = {}
    for name, value in own.items():
        if value.dtype.is_floating_point:
            new[name] = value * decay + theirs[name].type_as(value) * (1.0 - decay)
        else:
            new[name] = theirs[name]
    average.load_state_dict(new)


@variant("13.4")
@torch.no_grad()
def ema_update(average, model, decay):
    """In place, all floats at once by torch._foreach; the model is converted in the sum."""
    olds = [*average.parameters(), *average.buffers()]
    news = [*model.parameters(), *model.buffers()]
    floats = [(old, new) for old, new in zip(olds, news) if torch.is_floating_point(old)]
    left, right = [old for old, _ in floats], [new.to(old) for old, new in floats]
    torch._foreach_mul_(left, decay)
    torch._foreach_add_(left, right, alpha=1 - decay)
    for old, new in zip(olds, news):
        if not torch.is_floating_point(old):
            old.copy_(new)
    return average


@variant("13.4")
def ema_update(average, model, decay):
    """lerp_ on what `.data` gives, buffers first, by name."""
    for (name, old), (_, new) in zip(average.named_buffers(), model.named_buffers()):
        if old.dtype in (torch.float16, torch.bfloat16, torch.float32, torch.float64):
            old.data.lerp_(new.data.to(old.dtype), 1 - decay)
        else:
            old.data.copy_(new.data)
    theirs = dict(model.named_parameters())
    for name, old in average.named_parameters():
        old.data.lerp_(theirs[name].detach().to(old.dtype), 1 - decay)


@variant("13.4")
def ema_update(average, model, decay):
    """Module by module, each once; tensors are replaced, not changed; the sum in float64."""
    for part, other in zip(average.modules(), model.modules()):
        for name, old in [*part._parameters.items()]:
            if old is not None:
                mixed = decay * old.detach().double() + (1 - decay) * other._parameters[name].detach().double()
                old.data = mixed.to(old.dtype)
        for name, old in [*part._buffers.items()]:
            if old is not None:
                new = other._buffers[name].detach()
                if old.is_floating_point():
                    part._buffers[name] = (decay * old.double() + (1 - decay) * new.double()).to(old.dtype)
                else:
                    part._buffers[name] = new.clone()
    return average
