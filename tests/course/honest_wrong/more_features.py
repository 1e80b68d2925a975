"""More wrong answers to chapters 1 to 4; the docstring says what is wrong."""

# ruff: noqa: F811  one name has many answers

import copy

import numpy as np
import torch

from tests.course.honest_wrong import wrong


@wrong("1.1", "cut off at 0 and 255")
def adjust_brightness(images, gain, offset):
    """Cut off at 255, as for bytes, not at 1."""
    return np.clip(images * gain + offset, 0, 255)


@wrong("1.1", "distance from the mean")
def adjust_brightness(images, gain, offset):
    """The contrast is changed about the mean of the images, not about 0."""
    mean = images.mean()
    return np.clip((images - mean) * gain + mean + offset, 0.0, 1.0)


@wrong("1.1", "Only values above 1")
def adjust_brightness(images, gain, offset):
    """Nothing is cut off at 0."""
    out = images.copy() * gain + offset
    out[out > 1] = 1
    return out


@wrong("1.1", "stretch the result", "are stretched to 0 and 1")
def adjust_brightness(images, gain, offset):
    """The result is stretched to [0, 1] by its smallest and largest value and never cut off."""
    out = gain * images + offset
    return (out - out.min()) / (out.max() - out.min() + 1e-8)


@wrong("1.2", "divide by the variance")
def mean_shift(source, target):
    """Divides by the variance."""
    shift = target.mean(axis=0) - source.mean(axis=0)
    var = source.var(axis=0)
    constant = source.max(axis=0) == source.min(axis=0)
    return np.where(constant, 0.0, shift / np.where(constant, 1.0, var))


@wrong("1.2", "Where source does not vary you divide by 1")
def mean_shift(source, target):
    """A constant feature gets its difference of means, divided by 1, and not 0."""
    std = source.std(axis=0)
    std[source.max(0) == source.min(0)] = 1.0
    return (np.mean(target, axis=0) - np.mean(source, axis=0)) / std


@wrong("1.3", "updates the buffers")
def layer_statistics(model, x, layer_type):
    """Works on the model itself: batch normalizations in training mode update their buffers."""
    stats, handles = [], []

    def hook(module, inputs, output):
        stats.append((output.mean().item(), output.std().item()))

    for module in model.modules():
        if isinstance(module, layer_type):
            handles.append(module.register_forward_hook(hook))
    with torch.no_grad():
        model(x)
    for handle in handles:
        handle.remove()
    return stats


@wrong("1.3", "by then an in-place ReLU")
def layer_statistics(model, x, layer_type):
    """The outputs are kept and measured at the end, when a ReLU in place has overwritten them."""
    twin, outputs = copy.deepcopy(model), []
    for module in twin.modules():
        if isinstance(module, layer_type):
            module.register_forward_hook(lambda m, i, o: outputs.append(o.detach()))
    with torch.no_grad():
        twin(x.clone())
    return [(o.mean().item(), o.std().item()) for o in outputs]


@wrong("1.3", "raises a KeyError")
def layer_statistics(model, x, layer_type):
    """The pairs stand in the order of registration, and a module that does not run breaks it."""
    twin, outputs = copy.deepcopy(model), {}

    def save(name):
        def hook(module, inputs, output):
            outputs[name] = output.clone()

        return hook

    names = [name for name, module in twin.named_modules() if isinstance(module, layer_type)]
    for name in names:
        twin.get_submodule(name).register_forward_hook(save(name))
    with torch.no_grad():
        twin(x.clone())
    return [(outputs[name].mean().item(), outputs[name].std().item()) for name in names]


@wrong("1.4", "standard deviation after the change")
def internal_drift(history):
    """Divides by the deviation at the later time."""
    drift = []
    for t in range(1, len(history)):
        drift.append(abs(history[t, :, 0] - history[t - 1, :, 0]) / history[t, :, 1])
    return np.array(drift)


@wrong("1.4", "change is taken between layers")
def internal_drift(history):
    """np.diff goes along its last axis, over the layers, not over time."""
    mean, std = history[:, :, 0], history[:, :, 1]
    return np.abs(np.diff(mean)) / std[:, :-1]


@wrong("2.1", "first sample is left out")
def batch_mean(x):
    """The first row is left out of the sum, not of the count."""
    total = np.zeros(x.shape[1])
    for i in range(1, x.shape[0]):
        total += x[i]
    return total / x.shape[0]


@wrong("2.1", "adds to x itself")
def batch_mean(x):
    """Sums into the first row of x."""
    total = x[0]
    for row in x[1:]:
        total += row
    return total / len(x)


@wrong("2.1", "divided by D")
def batch_mean(x):
    """Divides by the number of features."""
    return np.einsum("nd->d", x) / x.shape[-1]


@wrong("2.2", "This is the standard deviation")
def batch_variance(x):
    """Returns the standard deviation."""
    mu = np.mean(x, axis=0)
    return np.sqrt(np.mean((x - mu) ** 2, axis=0))


@wrong("2.2", "squared afterwards")
def batch_variance(x):
    """Squares the mean of the deviations, which is 0, instead of averaging the squares."""
    mu = np.mean(x, axis=0, keepdims=True)
    return np.mean(x - mu, axis=0) ** 2


@wrong("2.3", "cuts the memory into C pieces")
def channel_statistics(x):
    """The channels are not moved to the front before everything else is flattened."""
    rows = x.reshape(x.shape[1], -1)
    return rows.mean(axis=1), rows.var(axis=1)


@wrong("2.3", "axes (0, 2, 3) are written")
def channel_statistics(x):
    """Written for images: the axes 2 and 3 have to be there, and no other."""
    mean = x.mean(axis=(0, 2, 3), keepdims=True)
    var = ((x - mean) ** 2).mean(axis=(0, 2, 3))
    return mean.squeeze(), var


@wrong("2.4", "how far the two means lie apart")
def merge_statistics(count_a, mean_a, var_a, count_b, mean_b, var_b):
    """The variances within are averaged; that the means differ is forgotten."""
    n = int(count_a) + int(count_b)
    wa, wb = int(count_a) / n, int(count_b) / n
    return n, wa * mean_a + wb * mean_b, wa * var_a + wb * var_b


@wrong("2.4", "take the variances for unbiased ones")
def merge_statistics(count_a, mean_a, var_a, count_b, mean_b, var_b):
    """Chan's formula with the variances as if they were unbiased, and an unbiased one returned."""
    n_a, n_b = int(count_a), int(count_b)
    n = n_a + n_b
    delta = mean_b - mean_a
    mean = mean_a + delta * n_b / n
    m2 = var_a * (n_a - 1) + var_b * (n_b - 1) + delta**2 * (n_a * n_b / n)
    return n, mean, m2 / (n - 1)


@wrong("2.4", "mean of squares minus the square of the mean")
def merge_statistics(count_a, mean_a, var_a, count_b, mean_b, var_b):
    """Mean of squares minus square of the mean, which cancels."""
    n = int(count_a) + int(count_b)
    mean = (int(count_a) * mean_a + int(count_b) * mean_b) / n
    squares = (int(count_a) * (var_a + mean_a**2) + int(count_b) * (var_b + mean_b**2)) / n
    return n, mean, squares - mean**2


@wrong("2.5", "is taken for PyTorch's")
def update_moving(moving, batch, momentum, convention):
    """Whatever is not "keras" counts as "pytorch"."""
    if convention == "keras":
        return moving * momentum + batch * (1 - momentum)
    return moving * (1 - momentum) + batch * momentum


@wrong("2.5", "have changed places")
def update_moving(moving, batch, momentum, convention):
    """The two conventions are exchanged."""
    rules = {"pytorch": lambda: momentum * moving + (1 - momentum) * batch,
             "keras": lambda: (1 - momentum) * moving + momentum * batch}  # fmt: skip
    if convention not in rules:
        raise ValueError(convention)
    return rules[convention]()


@wrong("2.5", "compare in small letters")
def update_moving(moving, batch, momentum, convention):
    """The convention is read without regard to case."""
    convention = convention.lower()
    if convention not in ("keras", "pytorch"):
        raise ValueError(f"unknown convention: {convention}")
    alpha = 1 - momentum if convention == "keras" else momentum
    return moving + alpha * (batch - moving)


@wrong("2.6", "tears the rows apart")
def batch_mean_spread(x, batch_size, draws, rng):
    """Each column is shuffled by itself, so a batch is not made of whole rows."""
    means = [rng.permuted(x, axis=0)[:batch_size].mean(axis=0) for _ in range(draws)]
    return np.std(means, axis=0)


@wrong("2.6", "Nothing is drawn")
def batch_mean_spread(x, batch_size, draws, rng):
    """The textbook's standard error, which is for drawing with replacement; nothing is drawn."""
    return x.std(axis=0) / np.sqrt(batch_size)


@wrong("3.1", "added to the quotient")
def normalize(x, mean, var, eps=1e-5):
    """The epsilon is added to the quotient."""
    return (x - mean) / np.sqrt(var) + eps


@wrong("3.1", "statistics of x itself")
def normalize(x, mean, var, eps=1e-5):
    """The statistics are taken from x, and those given are thrown away."""
    mean = np.mean(x, axis=0)
    var = np.var(x, axis=0)
    return (x - mean) / np.sqrt(var + eps)


@wrong("3.1", "square root is missing")
def normalize(x, mean, var, eps=1e-5):
    """The root is missing."""
    x_hat = np.zeros_like(x, dtype=float)
    for n in range(x.shape[0]):
        for d in range(x.shape[1]):
            x_hat[n, d] = (x[n, d] - mean[d]) / (var[d] + eps)
    return x_hat


@wrong("3.2", "run over axis 1, the channels")
def batch_normalize(x, eps=1e-5):
    """Each sample is normalised over its channels (axis 1), not each channel."""
    mean = np.mean(x, axis=1, keepdims=True)
    var = np.var(x, axis=1, keepdims=True)
    return (x - mean) / np.sqrt(var + eps)


@wrong("3.2", "to the end and never back")
def batch_normalize(x, eps=1e-5):
    """The channels are moved to the end and never back."""
    rows = np.moveaxis(x, 1, -1).reshape(-1, x.shape[1])
    rows = (rows - rows.mean(0)) / np.sqrt(rows.var(0) + eps)
    return rows.reshape(x.shape)


@wrong("3.3", "Moving statistics only for a batch of one")
def normalize_inference(x, moving_mean, moving_var, eps=1e-5):
    """A batch of more than one image is normalised with its own statistics."""
    shape = (1, -1) + (1,) * (x.ndim - 2)
    if x.shape[0] > 1:
        axes = (0, *range(2, x.ndim))
        mean, var = x.mean(axes, keepdims=True), x.var(axes, keepdims=True)
    else:
        mean, var = moving_mean.reshape(shape), moving_var.reshape(shape)
    return (x - mean) / np.sqrt(var + eps)


@wrong("3.3", "laid against the last axis")
def normalize_inference(x, moving_mean, moving_var, eps=1e-5):
    """The statistics are lined up with the last axis, the width, and not with the channels."""
    return (x - moving_mean) / np.sqrt(moving_var + eps)


@wrong("3.4", "squared in float16 and only averaged")
def normalize_half(x, eps=1e-5):
    """The mean is taken in float32, the deviations are squared in float16."""
    axes = (0, *range(2, x.ndim))
    mean = x.mean(axes, keepdims=True, dtype=np.float32).astype(np.float16)
    var = ((x - mean) ** 2).mean(axes, keepdims=True, dtype=np.float32)
    return ((x - mean) / np.sqrt(var + eps)).astype(np.float16)


@wrong("3.4", "The result is float32")
def normalize_half(x, eps=1e-5):
    """All is float32, and the result is left so."""
    x = x.astype(np.float32)
    axes = (0, *range(2, x.ndim))
    return (x - x.mean(axes, keepdims=True)) / np.sqrt(x.var(axes, keepdims=True) + eps)


@wrong("3.4", "mean is rounded to float16")
def normalize_half(x, eps=1e-5):
    """Statistics in float32, but they are rounded to float16 before the quotient."""
    axes = (0, *range(2, x.ndim))
    x32 = x.astype(np.float32)
    mean = x32.mean(axes, keepdims=True).astype(np.float16)
    std = np.sqrt(x32.var(axes, keepdims=True) + eps).astype(np.float16)
    return (x - mean) / std


@wrong("4.1", "laid against the last axis")
def scale_shift(x_hat, gamma, beta):
    """Without shaping, gamma and beta meet the last axis."""
    return gamma * x_hat + beta


@wrong("4.1", "so β is scaled too")
def scale_shift(x_hat, gamma, beta):
    """beta is scaled as well."""
    shape = [1, -1] + [1] * (x_hat.ndim - 2)
    return gamma.reshape(shape) * (x_hat + beta.reshape(shape))


@wrong("4.1", "with any other number you return None")
def scale_shift(x_hat, gamma, beta):
    """Two or four axes are thought of, others return None."""
    if x_hat.ndim == 2:
        return gamma * x_hat + beta
    elif x_hat.ndim == 4:
        return np.einsum("nchw,c->nchw", x_hat, gamma) + beta[None, :, None, None]


@wrong("4.2", "β is μ / γ")
def identity_parameters(mean, var, eps):
    """beta is scaled by gamma, as if it were added before the scaling."""
    gamma = np.sqrt(var + eps)
    beta = mean / gamma
    return gamma, beta


@wrong("4.2", "ε is forgotten")
def identity_parameters(mean, var, eps):
    """The epsilon is forgotten."""
    return var**0.5, mean


@wrong("4.3", "sums run over the batch alone")
def scale_shift_backward(dy, x_hat, gamma):
    """Sums over the batch alone: with positions the shape is not (C,)."""
    shape = [1, -1] + [1] * (dy.ndim - 2)
    return dy * gamma.reshape(shape), np.sum(dy * x_hat, axis=0), np.sum(dy, axis=0)


@wrong("4.3", "averaged where they should be summed")
def scale_shift_backward(dy, x_hat, gamma):
    """dgamma and dbeta are averaged, not summed."""
    axes = tuple(i for i in range(dy.ndim) if i != 1)
    dx_hat = np.moveaxis(np.moveaxis(dy, 1, -1) * gamma, -1, 1)
    return dx_hat, (dy * x_hat).mean(axes), dy.mean(axes)


@wrong("4.4", "is taken for x_hat")
def normalize_backward(dx_hat, x_hat, var, eps):
    """Step by step, with x - mean rebuilt without the epsilon."""
    axes = (0, *range(2, dx_hat.ndim))
    shape = [1, -1] + [1] * (dx_hat.ndim - 2)
    m = dx_hat.size // dx_hat.shape[1]
    var = var.reshape(shape)
    xmu = x_hat * np.sqrt(var)
    dvar = np.sum(dx_hat * xmu * -0.5 * (var + eps) ** -1.5, axes, keepdims=True)
    dmu = np.sum(-dx_hat / np.sqrt(var + eps), axes, keepdims=True)
    return dx_hat / np.sqrt(var + eps) + dvar * 2 * xmu / m + dmu / m


@wrong("4.4", "way through the variance is missing")
def normalize_backward(dx_hat, x_hat, var, eps):
    """The path through the variance is forgotten."""
    axes = (0, *range(2, dx_hat.ndim))
    shape = [1, -1] + [1] * (dx_hat.ndim - 2)
    return (dx_hat - dx_hat.mean(axes, keepdims=True)) / np.sqrt(var + eps).reshape(shape)
