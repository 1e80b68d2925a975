"""Still more wrong answers to chapters 1 and 2, written before any look at checks, mistakes or this bank."""

# ruff: noqa: F811  one name has many answers

import copy

import numpy as np
import torch

from tests.course.honest_wrong import wrong


@wrong("1.1", "You stretch the result so that it just fills", "are stretched to 0 and 1", named=False)
def adjust_brightness(images, gain, offset):
    """The result is stretched to [0, 1] instead of cut off; where all its values are equal, 0 is divided by 0."""
    out = gain * images + offset
    out = (out - out.min()) / (out.max() - out.min())
    return out


@wrong("1.1", "You cut off after the product and add the offset to")
def adjust_brightness(images, gain, offset):
    """Clips gain * images and adds the offset afterwards."""
    scaled = np.clip(images * gain, 0, 1)
    return scaled + offset


@wrong("1.1", "Only values above 1 are cut off; those below 0 stay.")
def adjust_brightness(images, gain, offset):
    """Cuts off above 1 only."""
    return np.minimum(gain * images + offset, 1.0)


@wrong("1.1", "You convert to bytes", named=False)
def adjust_brightness(images, gain, offset):
    """By way of bytes, as for pictures from 0 to 255."""
    img = (images * 255).astype(np.uint8)
    img = np.clip(gain * img.astype(float) + offset * 255, 0, 255).astype(np.uint8)
    return img / 255.0


@wrong("1.2", "The absolute value is taken: a shift downwards is")
def mean_shift(source, target):
    """Distance: absolute value."""
    d = np.abs(target.mean(axis=0) - source.mean(axis=0))
    s = source.std(axis=0)
    flat = source.max(axis=0) == source.min(axis=0)
    return np.where(flat, 0, d / np.where(flat, 1, s))


@wrong("1.2", "Source and target have changed places in the")
def mean_shift(source, target):
    """Source minus target."""
    res = []
    for i in range(source.shape[1]):
        s, t = source[:, i], target[:, i]
        if np.max(s) == np.min(s):
            res.append(0.0)
        else:
            res.append((np.mean(s) - np.mean(t)) / np.std(s))
    return np.array(res)


@wrong("1.3", "Outputs are kept and looked at after the whole")
def layer_statistics(model, x, layer_type):
    """Outputs are kept, an in-place ReLU overwrites them."""
    model = copy.deepcopy(model).eval()
    activations = []
    for module in model.modules():
        if isinstance(module, layer_type):
            module.register_forward_hook(lambda m, i, o: activations.append(o.detach()))
    with torch.no_grad():
        model(x)
    return [(a.mean().item(), a.std().item()) for a in activations]


@wrong("1.3", "The pairs stand in the order in which the modules were", named=False)
def layer_statistics(model, x, layer_type):
    """In the order of named_modules()."""
    net = copy.deepcopy(model)
    results = {}

    def make_hook(name):
        def hook(module, inputs, output):
            out = output.detach().clone()
            results[name] = (out.mean().item(), out.std(unbiased=False).item())

        return hook

    names = []
    for name, module in net.named_modules():
        if isinstance(module, layer_type):
            names.append(name)
            module.register_forward_hook(make_hook(name))
    with torch.no_grad():
        net(x.clone())
    return [results[n] for n in names if n in results]


@wrong("1.3", "Types are compared with `==` or `is`, so subclasses")
def layer_statistics(model, x, layer_type):
    """type(m) == layer_type: subclasses do not count."""
    m2 = copy.deepcopy(model).eval()
    stats = []
    for m in m2.modules():
        if type(m) == layer_type:  # noqa: E721
            m.register_forward_hook(lambda mod, i, o: stats.append((o.mean().item(), o.std().item())))
    with torch.no_grad():
        m2(x.clone())
    return stats


@wrong("1.4", "The change is taken between layers; it belongs")
def internal_drift(history):
    """np.diff over the layers axis."""
    mean = history[:, :, 0]
    std = history[:, :, 1]
    return np.abs(np.diff(mean)) / std[:, :-1]


@wrong("1.4", "You divide by the mean before the change: a")
def internal_drift(history):
    """Relative change: divides by the mean."""
    mean = history[..., 0]
    return np.abs((mean[1:] - mean[:-1]) / mean[:-1])


@wrong("2.1", "You average over axis 1, the features of each")
def batch_mean(x):
    """Axis 1: a mean per sample."""
    return np.mean(x, axis=1)


@wrong("2.1")
def batch_mean(x):
    """The sum of all numbers over N."""
    N = x.shape[0]
    return np.sum(x) / N


@wrong("2.1", "The sum is divided by D, the number of features.")
def batch_mean(x):
    """Divides by D."""
    return x.sum(axis=0) / x.shape[1]


@wrong("2.1")
def batch_mean(x):
    """Squeezed: one feature gives shape ()."""
    return np.squeeze(np.mean(x, axis=0, keepdims=True))


@wrong("2.2", "`np.cov` divides by n - 1, fails for a single feature")
def batch_variance(x):
    """The diagonal of np.cov: n - 1, and an error for one feature."""
    return np.diag(np.cov(x, rowvar=False))


@wrong("2.2", "You average the distances from the mean, not their")
def batch_variance(x):
    """Mean absolute deviation."""
    mu = x.mean(axis=0)
    return np.abs(x - mu).mean(axis=0)


@wrong("2.3", "The variance comes first and the mean second.")
def channel_statistics(x):
    """(var, mean) as tf / torch.var_mean."""
    ax = tuple(i for i in range(x.ndim) if i != 1)
    return np.var(x, axis=ax), np.mean(x, axis=ax)


@wrong("2.3", "The results keep the axes of x, shape (1, C, 1, 1)")
def channel_statistics(x):
    """Keepdims: (1, C, 1, 1)."""
    ax = (0,) + tuple(range(2, x.ndim))
    mean = x.mean(axis=ax, keepdims=True)
    return mean, ((x - mean) ** 2).mean(axis=ax, keepdims=True)


@wrong("2.3", "The means are those of samples", named=False)
def channel_statistics(x):
    """x[c] is a sample, not a channel."""
    means, variances = [], []
    for c in range(x.shape[1]):
        ch = x[c]
        means.append(ch.mean())
        variances.append(ch.var())
    return np.array(means), np.array(variances)


@wrong("2.4", "Two counts of NumPy's int32 are added as int32,")
def merge_statistics(count_a, mean_a, var_a, count_b, mean_b, var_b):
    """Sum of counts in int32: overflows."""
    n = count_a + count_b
    w = count_b / n
    d = mean_b - mean_a
    return n, mean_a + w * d, var_a * (1 - w) + var_b * w + w * (1 - w) * d**2


@wrong("2.4", "The third result is the sum of squared distances,")
def merge_statistics(count_a, mean_a, var_a, count_b, mean_b, var_b):
    """The sum of squares, not divided by the count."""
    na, nb = int(count_a), int(count_b)
    n = na + nb
    delta = mean_b - mean_a
    mean = mean_a + delta * nb / n
    m2 = var_a * na + var_b * nb + delta**2 * na * nb / n
    return n, mean, m2


@wrong("2.5", 'Names like "Keras" and "PyTorch" are taken too', "Spaces around the name are accepted", named=False)
def update_moving(moving, batch, momentum, convention):
    """Small letters, and spaces stripped."""
    convention = convention.lower().strip()
    if convention not in ("keras", "pytorch"):
        raise ValueError(convention)
    keep = momentum if convention == "keras" else 1 - momentum
    return keep * moving + (1 - keep) * batch


@wrong("2.5")
def update_moving(moving, batch, momentum, convention):
    """Optimizer momentum: the keras branch adds the whole batch."""
    if convention == "keras":
        return momentum * moving + batch
    if convention == "pytorch":
        return (1 - momentum) * moving + momentum * batch
    raise ValueError("unknown convention")


@wrong("2.5", "An unknown convention gives None: no branch")
def update_moving(moving, batch, momentum, convention):
    """Returns None for an unknown convention."""
    if convention == "keras":
        return momentum * moving + (1 - momentum) * batch
    if convention == "pytorch":
        return momentum * batch + (1 - momentum) * moving


@wrong("2.5", "An unknown convention raises KeyError, from a")
def update_moving(moving, batch, momentum, convention):
    """KeyError from a dict in place of ValueError."""
    new_share = {"keras": 1 - momentum, "pytorch": momentum}[convention]
    return moving + new_share * (batch - moving)


@wrong("2.6")
def batch_mean_spread(x, batch_size, draws, rng):
    """Windows of one permutation."""
    perm = rng.permutation(len(x))
    means = []
    for i in range(draws):
        start = (i * batch_size) % (len(x) - batch_size + 1)
        means.append(x[perm[start : start + batch_size]].mean(axis=0))
    return np.std(np.array(means), axis=0)


@wrong("2.6", "You average the standard deviation within each batch.")
def batch_mean_spread(x, batch_size, draws, rng):
    """Mean of the deviations within the batches."""
    stds = []
    for _ in range(draws):
        idx = rng.permutation(len(x))[:batch_size]
        stds.append(x[idx].std(axis=0))
    return np.mean(stds, axis=0)


@wrong("2.6")
def batch_mean_spread(x, batch_size, draws, rng):
    """A generator without a seed in place of rng."""
    rng = np.random.default_rng()
    means = np.array([x[rng.choice(len(x), batch_size, replace=False)].mean(0) for _ in range(draws)])
    return means.std(axis=0, ddof=1)


@wrong("2.6", "The variance of the batch means is returned. Take")
def batch_mean_spread(x, batch_size, draws, rng):
    """The variance of the means."""
    means = []
    for _ in range(draws):
        rows = rng.choice(x.shape[0], size=batch_size, replace=False)
        means.append(x[rows].mean(axis=0))
    return np.var(np.stack(means), axis=0)


@wrong("1.1", "`np.clip(..., 0, 1)` belongs around all of it")
def adjust_brightness(images, gain, offset):
    """Clips before it scales and shifts, so the result leaves [0, 1]."""
    images = np.clip(images, 0.0, 1.0)
    return images * gain + offset


@wrong("2.1", "The loop adds to x itself")
def batch_mean(x):
    """Sums into the first row of x."""
    for i in range(1, x.shape[0]):
        x[0] += x[i]
    return x[0] / x.shape[0]
