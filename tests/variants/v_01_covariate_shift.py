"""Right answers to chapter 1 in other styles, all of which must get full points."""

import numpy as np

from bncourse.checking import variant

# 1.1


@variant("1.1")
def adjust_brightness(images, gain, offset):
    """Minimum and maximum instead of clip."""
    return np.minimum(np.maximum(images * gain + offset, 0), 1)


@variant("1.1")
def adjust_brightness(images, gain, offset):
    """In place, on a copy."""
    result = np.array(images, dtype=np.float64)
    result *= gain
    result += offset
    result[result < 0] = 0.0
    result[result > 1] = 1.0
    return result


@variant("1.1")
def adjust_brightness(images, gain, offset):
    """Pixel by pixel."""
    result = np.empty(images.shape)
    for place in np.ndindex(images.shape):
        result[place] = min(1.0, max(0.0, gain * images[place] + offset))
    return result


@variant("1.1")
def adjust_brightness(images, gain, offset):
    """Chosen by conditions, in float32."""
    y = np.float32(gain) * images.astype(np.float32) + np.float32(offset)
    return np.where(y < 0, 0, np.where(y > 1, 1, y))


# 1.2


@variant("1.2")
def mean_shift(source, target):
    """Feature by feature."""
    shifts = []
    for before, after in zip(source.T, target.T):
        deviation = np.sqrt(np.mean((before - before.mean()) ** 2))
        shifts.append(0.0 if len(set(before.tolist())) == 1 else (after.mean() - before.mean()) / deviation)
    return np.array(shifts)


@variant("1.2")
def mean_shift(source, target):
    """Division only where the largest value is above the smallest."""
    source, target = np.asarray(source, np.float64), np.asarray(target, np.float64)
    deviation = source.std(axis=0, ddof=0)
    difference = target.mean(axis=0) - source.mean(axis=0)
    return np.divide(difference, deviation, out=np.zeros_like(difference), where=np.ptp(source, axis=0) > 0)


@variant("1.2")
def mean_shift(source, target):
    """Divide first, then clear the features of which every sample equals the first."""
    with np.errstate(divide="ignore", invalid="ignore"):
        shift = (np.mean(target, 0) - np.mean(source, 0)) / np.std(source, 0)
    shift[(source == source[0]).all(axis=0)] = 0
    return shift


@variant("1.2")
def mean_shift(source, target):
    """A mask, and a matrix product for the means."""
    n, m = len(source), len(target)
    mean = np.ones(n) @ source / n
    difference = np.ones(m) @ target / m - mean
    deviation = np.sqrt(np.einsum("nd,nd->d", source - mean, source - mean) / n)
    shift = np.zeros(source.shape[1])
    varies = np.diff(np.sort(source, axis=0), axis=0).any(axis=0)
    shift[varies] = difference[varies] / deviation[varies]
    return shift


# 1.3


@variant("1.3")
def layer_statistics(model, x, layer_type):
    """Hooks on the model itself, removed in the end; evaluation mode, restored module by module; deviation with n."""
    import torch

    pairs, handles = [], []
    modes = {module: module.training for module in model.modules()}

    def hook(module, inputs, output):
        pairs.append((output.mean().item(), output.std(unbiased=False).item()))

    for module in model.modules():
        if isinstance(module, layer_type):
            handles.append(module.register_forward_hook(hook))
    try:
        model.eval()
        with torch.no_grad():
            model(x)
    finally:
        for handle in handles:
            handle.remove()
        for module, mode in modes.items():
            module.training = mode
    return pairs


@variant("1.3")
def layer_statistics(model, x, layer_type):
    """Hooks on the model in the mode it is in; the buffers are put back afterwards; NumPy floats."""
    import torch

    outputs, handles = [], []
    buffers = [buffer.clone() for buffer in model.buffers()]
    for module in model.modules():
        if isinstance(module, layer_type):
            handles.append(module.register_forward_hook(lambda m, i, output: outputs.append(output.detach().clone())))
    with torch.no_grad():
        model(x)
        for buffer, before in zip(model.buffers(), buffers):
            buffer.copy_(before)
    for handle in handles:
        handle.remove()
    return [[np.mean(output.numpy()), np.std(output.numpy(), ddof=1)] for output in outputs]


@variant("1.3")
def layer_statistics(model, x, layer_type):
    """One hook for all modules of the process, a functional call with copied buffers."""
    import torch
    from torch.nn.modules.module import register_module_forward_hook

    pairs = []

    def hook(module, inputs, output):
        if isinstance(module, layer_type):
            pairs.append((float(output.mean()), float(output.std())))

    state = {name: value.detach().clone() for name, value in model.state_dict().items()}
    handle = register_module_forward_hook(hook)
    try:
        with torch.inference_mode():
            torch.func.functional_call(model, state, (x,))
    finally:
        handle.remove()
    return pairs


@variant("1.3")
def layer_statistics(model, x, layer_type):
    """Forward methods of a twin wrapped, without hooks."""
    import copy

    import torch

    twin, pairs = copy.deepcopy(model), []

    def watched(forward):
        def run(*args, **kwargs):
            output = forward(*args, **kwargs)
            pairs.append((output.mean().item(), output.var(unbiased=False).sqrt().item()))
            return output

        return run

    for module in twin.modules():
        if isinstance(module, layer_type):
            module.forward = watched(module.forward)
    with torch.no_grad():
        twin(x)
    return pairs


# 1.4


@variant("1.4")
def internal_drift(history):
    """Slices instead of diff."""
    return abs(history[1:, :, 0] - history[:-1, :, 0]) / history[:-1, :, 1]


@variant("1.4")
def internal_drift(history):
    """Two loops."""
    times, layers = len(history), len(history[0])
    result = np.zeros((times - 1, layers))
    for t in range(times - 1):
        for layer in range(layers):
            mean, deviation = history[t][layer]
            result[t, layer] = abs(history[t + 1][layer][0] - mean) / deviation
    return result


@variant("1.4")
def internal_drift(history):
    """Layers first, and the square root of a square."""
    mean, deviation = np.moveaxis(np.array(history, dtype=np.float64), -1, 0)
    change = (np.roll(mean, -1, axis=0) - mean)[:-1]
    return np.sqrt((change / deviation[:-1]) ** 2)
