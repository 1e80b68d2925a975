"""Wrong answers to 13.4, in the ways of public recipes."""

# ruff: noqa: F811  one name has many answers

import copy

import torch
from torch import nn

from tests.course.honest_wrong import wrong


@wrong("13.4", "The buffers that are not floating-point numbers stay as they were")
def ema_update(average, model, decay):
    """As in YOLOv5: floating-point entries of the state dict alone; counters stay, a shared layer moves twice."""
    with torch.no_grad():
        msd = model.state_dict()
        for k, v in average.state_dict().items():
            if v.dtype.is_floating_point:
                v *= decay
                v += (1.0 - decay) * msd[k].detach()


@wrong("13.4", "Counters are averaged too, and what is behind the point")
@torch.no_grad()
def ema_update(average, model, decay):
    """As in timm's ModelEmaV2: the whole state dict, counters averaged and cut off."""
    for ema_v, model_v in zip(average.state_dict().values(), model.state_dict().values()):
        ema_v.copy_(decay * ema_v + (1.0 - decay) * model_v)


@wrong("13.4", "Only the parameters are averaged.")
def ema_update(average, model, decay):
    """Parameters alone."""
    with torch.no_grad():
        for a, p in zip(average.parameters(), model.parameters()):
            a.mul_(decay).add_(p, alpha=1 - decay)
    return average


@wrong("13.4", "The running statistics are copied, as PyTorch's `AveragedModel`")
def ema_update(average, model, decay):
    """Parameters averaged, buffers copied."""
    with torch.no_grad():
        for a, p in zip(average.parameters(), model.parameters()):
            a.mul_(decay).add_(p.detach(), alpha=1 - decay)
        for a, b in zip(average.buffers(), model.buffers()):
            a.copy_(b)


@wrong("13.4", "A counter is multiplied in place by a number with a point")
def ema_update(average, model, decay):
    """All tensors in place, counters too: PyTorch refuses."""
    with torch.no_grad():
        for a, p in zip(average.parameters(), model.parameters()):
            a.mul_(decay).add_(p, alpha=1 - decay)
        for a, b in zip(average.buffers(), model.buffers()):
            a.mul_(decay).add_(b, alpha=1 - decay)
    return average


@wrong("13.4", "`lerp_` wants both tensors of one type")
def ema_update(average, model, decay):
    """lerp_ on tensors of two types."""
    with torch.no_grad():
        for a, p in zip(average.parameters(), model.parameters()):
            a.lerp_(p, 1 - decay)
        for a, b in zip(average.buffers(), model.buffers()):
            if a.is_floating_point():
                a.lerp_(b, 1 - decay)
            else:
                a.copy_(b)


@wrong("13.4", "`decay` and `1 - decay` are swapped")
def ema_update(average, model, decay):
    """lerp_ by the decay, which is the weight of the model there; and of two types."""
    with torch.no_grad():
        for a, p in zip(average.parameters(), model.parameters()):
            a.lerp_(p.to(a.dtype), decay)
        for a, b in zip(average.buffers(), model.buffers()):
            if a.is_floating_point():
                a.lerp_(b.to(a.dtype), decay)
            else:
                a.copy_(b)


@wrong("13.4", "`(1 - decay) * new` is computed in the type of the model")
def ema_update(average, model, decay):
    """A new state dict, with products in the type of the model."""
    new = {}
    theirs = model.state_dict()
    for name, value in average.state_dict().items():
        if value.is_floating_point():
            new[name] = decay * value + (1 - decay) * theirs[name]
        else:
            new[name] = theirs[name]
    average.load_state_dict(new)
    return average


@wrong("13.4", "Of the buffers only those of batch normalizations")
def ema_update(average, model, decay):
    """The parameters, and of the buffers those of batch normalizations alone."""
    with torch.no_grad():
        for a, p in zip(average.parameters(), model.parameters()):
            a.copy_(decay * a + (1 - decay) * p.to(a.dtype))
        for a, m in zip(average.modules(), model.modules()):
            if isinstance(a, (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)) and a.running_mean is not None:
                a.running_mean.copy_(decay * a.running_mean + (1 - decay) * m.running_mean.to(a.running_mean.dtype))
                a.running_var.copy_(decay * a.running_var + (1 - decay) * m.running_var.to(a.running_var.dtype))
                a.num_batches_tracked.copy_(m.num_batches_tracked)
    return average


@wrong("13.4", "A new model is returned and `average` stays")
def ema_update(average, model, decay):
    """A copy is averaged and returned."""
    new = copy.deepcopy(average)
    state, theirs = new.state_dict(), model.state_dict()
    for name in state:
        if state[name].is_floating_point():
            state[name] = decay * state[name] + (1 - decay) * theirs[name].to(state[name].dtype)
        else:
            state[name] = theirs[name]
    new.load_state_dict(state)
    return new


@wrong("13.4", "`no_grad` is missing: PyTorch refuses")
def ema_update(average, model, decay):
    """No no_grad, in place."""
    for a, p in zip(average.parameters(), model.parameters()):
        a.mul_(decay).add_((1 - decay) * p)
    for a, b in zip(average.buffers(), model.buffers()):
        if a.is_floating_point():
            a.mul_(decay).add_((1 - decay) * b)
        else:
            a.copy_(b)
    return average


@wrong("13.4", "Only parameters of `average` that take a gradient")
def ema_update(average, model, decay):
    """Right but for parameters of the average without gradients, which are left out."""
    with torch.no_grad():
        for a, p in zip(average.parameters(), model.parameters()):
            if a.requires_grad:
                a.copy_(decay * a + (1 - decay) * p.to(a.dtype))
        for a, b in zip(average.buffers(), model.buffers()):
            a.copy_(decay * a + (1 - decay) * b.to(a.dtype) if a.is_floating_point() else b)


@wrong("13.4", "The buffers that are not floating-point numbers stay as they were")
def ema_update(average, model, decay):
    """.data in new tensors; of buffers the running ones by name, assigned to the module."""
    for a, p in zip(average.parameters(), model.parameters()):
        a.data = decay * a.data + (1 - decay) * p.data.to(a.dtype)
    for (name, a), (_, b) in zip(average.named_buffers(), model.named_buffers()):
        if "running" in name:
            a.data = decay * a.data + (1 - decay) * b.data.to(a.dtype)
    return average
