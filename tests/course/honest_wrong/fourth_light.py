"""Wrong answers to chapter 1, a fourth sample, written before a look at checks or mistakes."""

# ruff: noqa: F811  one name has many answers

import copy

import numpy as np
import torch

from tests.course.honest_wrong import wrong


@wrong("1.1", "The offset is added before the multiplication, so")
def adjust_brightness(images, gain, offset):
    """The offset is added before the gain multiplies, so it is multiplied as well."""
    return np.clip((images + offset) * gain, 0.0, 1.0)


@wrong("1.1", "You cut off after the product and add the offset to")
def adjust_brightness(images, gain, offset):
    """It is cut off after the gain and not after the offset, so the result can leave [0, 1]."""
    bright = np.minimum(np.maximum(gain * images, 0), 1)
    return bright + offset


@wrong("1.1", "The gain acts on the distance from middle grey,")
def adjust_brightness(images, gain, offset):
    """The contrast is changed about middle grey (x - 0.5) instead of about black."""
    out = gain * (images - 0.5) + 0.5 + offset
    out[out < 0] = 0
    out[out > 1] = 1
    return out


@wrong("1.1", "The smallest and the largest value are stretched to")
def adjust_brightness(images, gain, offset):
    """The result is rescaled to [0, 1] by its own smallest and largest value instead of cut off."""
    out = images * gain + offset
    return (out - out.min()) / (out.max() - out.min())


@wrong("1.2", "`np.nan_to_num` turns NaN into 0 but infinity into")
def mean_shift(source, target):
    """nan_to_num makes 0 / 0 a zero, but a feature that never varies and has moved becomes a huge number (and
    rounding is not seen)."""
    with np.errstate(all="ignore"):
        shift = (target.mean(axis=0) - source.mean(axis=0)) / source.std(axis=0)
    return np.nan_to_num(shift)


@wrong("1.2", "You divide by the standard deviation of both sets together;")
def mean_shift(source, target):
    """The standard deviation is that of both sets together, not of the source."""
    pooled = np.concatenate([source, target]).std(axis=0)
    constant = source.max(axis=0) == source.min(axis=0)
    pooled = np.where(constant, 1, pooled)
    return np.where(constant, 0, (np.mean(target, 0) - np.mean(source, 0)) / pooled)


@wrong("1.2", "The absolute value is taken: a shift downwards is")
def mean_shift(source, target):
    """The absolute value is taken: a shift downwards comes out positive."""
    result = np.zeros(source.shape[1])
    for d in range(source.shape[1]):
        s, t = source[:, d], target[:, d]
        if s.max() > s.min():
            result[d] = abs(t.mean() - s.mean()) / s.std()
    return result


@wrong("1.2", "Where source does not vary you divide by 1, so the")
def mean_shift(source, target):
    """A standard deviation of 0 is replaced by 1, so a feature that never varies gets the plain difference instead
    of 0."""
    std = source.std(0)
    std[source.max(0) == source.min(0)] = 1.0
    return (target.mean(0) - source.mean(0)) / std


@wrong("1.2", "You divide by the standard error, the standard deviation")
def mean_shift(source, target):
    """The standard error of the source (std / sqrt(N)) is the unit, as in a t-test."""
    n = len(source)
    constant = np.ptp(source, axis=0) == 0
    se = np.where(constant, 1, source.std(axis=0) / np.sqrt(n))
    return np.where(constant, 0, (target.mean(0) - source.mean(0)) / se)


@wrong("1.3", "Outputs are kept and looked at after the whole")
def layer_statistics(model, x, layer_type):
    """The outputs are kept as they are and measured after the run, when a later in-place ReLU has overwritten
    them."""
    model = copy.deepcopy(model)
    outputs = []
    for module in model.modules():
        module._forward_hooks.clear()
        if isinstance(module, layer_type):
            module.register_forward_hook(lambda m, i, o: outputs.append(o.detach()))
    with torch.no_grad():
        model(x)
    return [(o.mean().item(), o.std().item()) for o in outputs]


@wrong("1.3", "`model.train(...)` at the end sets all modules to")
def layer_statistics(model, x, layer_type):
    """The model is switched to eval() and back with train(), which puts every module in training mode, whatever it
    was in."""
    stats, handles = [], []

    def hook(module, inputs, output):
        stats.append((float(output.mean()), float(output.std())))

    for m in model.modules():
        if isinstance(m, layer_type):
            handles.append(m.register_forward_hook(hook))
    model.eval()
    with torch.no_grad():
        model(x)
    model.train()
    for h in handles:
        h.remove()
    return stats


@wrong("1.3", "Only direct children of the model are searched:")
def layer_statistics(model, x, layer_type):
    """Only the direct children are looked at: a layer deeper down, or the model itself, is not found."""
    net = copy.deepcopy(model)
    found = []
    for child in net.children():
        if isinstance(child, layer_type):
            child.register_forward_hook(lambda m, inp, out: found.append((out.mean().item(), out.std().item())))
    with torch.no_grad():
        net(x)
    return found


@wrong("1.3", "The statistics are those of what goes into the")
def layer_statistics(model, x, layer_type):
    """What the hook measures is the input of the layer, not its output."""
    net = copy.deepcopy(model).eval()
    found = []

    def remember(module, inputs, output):
        a = inputs[0].detach()
        found.append((a.mean().item(), a.std().item()))

    for m in net.modules():
        if isinstance(m, layer_type):
            m.register_forward_hook(remember)
    net(x)
    return found


@wrong("1.3", "Your hook returns what it computed", named=False)
def layer_statistics(model, x, layer_type):
    """The hook returns the centred output, which replaces the output of the layer."""
    net = copy.deepcopy(model)
    rows = []

    def hook(m, i, o):
        rows.append((o.mean().item(), o.std().item()))
        return o - o.mean()

    for m in net.modules():
        if isinstance(m, layer_type):
            m.register_forward_hook(hook)
    with torch.no_grad():
        net(x)
    return rows


@wrong("1.4", "You divide by the standard deviation after the change; it is")
def internal_drift(history):
    """Divided by the standard deviation of the later time."""
    mu, sigma = history[..., 0], history[..., 1]
    return np.abs(np.diff(mu, axis=0)) / sigma[1:]


@wrong("1.4", "Both the change and the standard deviation are taken from")
def internal_drift(history):
    """The change is measured from the very first time, not from the time before."""
    mean = history[:, :, 0]
    std = history[:, :, 1]
    return np.abs(mean[1:] - mean[0]) / std[0]


@wrong("1.4", "The absolute value is missing: a mean that falls")
def internal_drift(history):
    """Without the absolute value, so a mean that falls gives a negative drift."""
    T, L, _ = history.shape
    drift = np.empty((T - 1, L))
    for t in range(T - 1):
        drift[t] = (history[t + 1, :, 0] - history[t, :, 0]) / history[t, :, 1]
    return drift
