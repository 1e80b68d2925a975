"""More wrong answers to chapters 1 and 2 written before any look at checks, mistakes or this bank."""

# ruff: noqa: F811  one name has many answers

import copy

import numpy as np
import torch

from tests.course.honest_wrong import wrong


@wrong("1.1", "You cut off after the product and add the offset")
def adjust_brightness(images, gain, offset):
    """Cuts off before the offset is added."""
    out = np.clip(images * gain, 0.0, 1.0)
    out = out + offset
    return out


@wrong("1.1", "The offset is added before the multiplication,")
def adjust_brightness(images, gain, offset):
    """Adds the offset before the gain."""
    return np.minimum(np.maximum(gain * (images + offset), 0), 1)


@wrong("1.1", "Only values above 1 are cut off", "`*=` and `+=` change the caller", named=False)
def adjust_brightness(images, gain, offset):
    """Only cuts at 1, not at 0; works in place on images."""
    images *= gain
    images += offset
    images[images > 1] = 1
    return images


@wrong("1.1", "The gain acts on the distance from the mean, which")
def adjust_brightness(images, gain, offset):
    """Contrast: gain works around the mean of the image."""
    m = images.mean()
    return np.clip((images - m) * gain + m + offset, 0, 1)


@wrong("1.2", "You divide by the standard deviation of target, which is 0 where target does not vary")
def mean_shift(source, target):
    """Divides by the target's deviation."""
    mu_s = source.mean(axis=0)
    mu_t = target.mean(axis=0)
    const = np.ptp(source, axis=0) == 0
    sd = target.std(axis=0)
    sd[const] = 1.0
    shift = (mu_t - mu_s) / sd
    shift[const] = 0
    return shift


@wrong("1.2", "Source and target have changed places in the difference:")
def mean_shift(source, target):
    """Sign: source minus target."""
    s, t = source.astype(np.float64), target.astype(np.float64)
    result = np.zeros(s.shape[1])
    for d in range(s.shape[1]):
        if s[:, d].min() != s[:, d].max():
            result[d] = (s[:, d].mean() - t[:, d].mean()) / np.sqrt(np.mean((s[:, d] - s[:, d].mean()) ** 2))
    return result


@wrong("1.2", "The standard deviation divides by N - 1 (`ddof=1`);")
def mean_shift(source, target):
    """Ddof=1, and constant features are recognised by std == 0 only."""
    std = source.std(axis=0, ddof=1)
    diff = target.mean(axis=0) - source.mean(axis=0)
    return np.divide(diff, std, out=np.zeros_like(diff), where=std != 0)


@wrong("1.2", "One standard deviation for the whole array: `std()` without")
def mean_shift(source, target):
    """Standard deviation over all features together."""
    delta = np.mean(target, axis=0) - np.mean(source, axis=0)
    flat = np.ptp(source, axis=0) == 0
    delta[flat] = 0.0
    return delta / np.std(source)


@wrong("1.3", "Only direct children of the model are searched:")
def layer_statistics(model, x, layer_type):
    """Hooks only the direct children of the model."""
    stats, handles = [], []

    def hook(m, inp, out):
        stats.append((out.detach().mean().item(), out.detach().std().item()))

    twin = copy.deepcopy(model)
    for child in twin.children():
        if isinstance(child, layer_type):
            handles.append(child.register_forward_hook(hook))
    with torch.no_grad():
        twin(x.clone())
    for h in handles:
        h.remove()
    return stats


@wrong("1.3", "Outputs are kept and looked at after the whole")
def layer_statistics(model, x, layer_type):
    """Keeps the output itself, so a later in-place ReLU overwrites it."""
    outputs = []
    twin = copy.deepcopy(model)
    for m in twin.modules():
        if isinstance(m, layer_type):
            m.register_forward_hook(lambda mod, inp, out: outputs.append(out))
    with torch.no_grad():
        twin(x.clone())
    return [(float(o.mean()), float(o.std())) for o in outputs]


@wrong("1.3", "The model is left in evaluation mode.")
def layer_statistics(model, x, layer_type):
    """Leaves the model in eval mode."""
    model.eval()
    result, hooks = [], []

    def save(module, args, output):
        result.append((output.mean().item(), output.std().item()))

    for module in model.modules():
        if isinstance(module, layer_type):
            hooks.append(module.register_forward_hook(save))
    with torch.no_grad():
        model(x.clone())
    for handle in hooks:
        handle.remove()
    return result


@wrong("1.3", "The statistics are those of what goes into the")
def layer_statistics(model, x, layer_type):
    """Input of the module instead of its output."""
    found = []
    twin = copy.deepcopy(model)

    def pre(module, args):
        found.append((args[0].mean().item(), args[0].std().item()))

    for m in twin.modules():
        if isinstance(m, layer_type):
            m.register_forward_pre_hook(pre)
    with torch.no_grad():
        twin(x.clone())
    return found


@wrong("1.4", "You divide by the standard deviation after the change; it")
def internal_drift(history):
    """Divides by the later deviation."""
    mu = history[:, :, 0]
    sigma = history[:, :, 1]
    return abs(mu[1:] - mu[:-1]) / sigma[1:]


@wrong("1.4", "The change is taken between layers; it belongs")
def internal_drift(history):
    """Difference along the layers instead of time."""
    mu, sd = history[..., 0], history[..., 1]
    return np.abs(np.diff(mu)) / sd[:, :-1]


@wrong("1.4", "Both the change and the standard deviation are taken from")
def internal_drift(history):
    """Loop starts at the first time always: drift from the start, not from the step before."""
    T, L, _ = history.shape
    d = np.zeros((T - 1, L))
    for t in range(T - 1):
        for k in range(L):
            d[t, k] = abs(history[t + 1, k, 0] - history[0, k, 0]) / history[0, k, 1]
    return d


@wrong("1.4", "mean standard deviation over all times")
def internal_drift(history):
    """Divides by the mean deviation over time."""
    mean, sd = np.moveaxis(history, -1, 0)
    return np.abs(mean[1:] - mean[:-1]) / sd.mean(axis=0)


@wrong("2.1", "The sum is divided by D, the number of features.")
def batch_mean(x):
    """Divides by the number of features."""
    total = np.zeros(x.shape[1])
    for row in x:
        total += row
    return total / len(total)


@wrong("2.1", "The result has shape (1, D): `keepdims=True` keeps")
def batch_mean(x):
    """Keeps the batch axis."""
    return np.mean(x, axis=0, keepdims=True)


@wrong("2.1", "The first sample is left out: the loop starts at")
def batch_mean(x):
    """Skips the first row."""
    s = np.zeros(x.shape[1])
    for i in range(1, x.shape[0]):
        s = s + x[i]
    return s / x.shape[0]


@wrong("2.2", "The distances are averaged first and squared afterwards.")
def batch_variance(x):
    """Square of the mean deviation instead of the mean of squares."""
    mu = x.mean(axis=0)
    return np.mean(x - mu, axis=0) ** 2


@wrong("2.2", "The variance is the mean of squares minus the square")
def batch_variance(x):
    """One-pass formula, cancels in float32."""
    mean = x.sum(axis=0) / x.shape[0]
    mean_sq = (x * x).sum(axis=0) / x.shape[0]
    return mean_sq - mean**2


@wrong("2.2", "You average the distances from the mean, not", named=False)
def batch_variance(x):
    """Mean absolute deviation, divided by n - 1."""
    n = x.shape[0]
    return np.abs(x - x.mean(0)).sum(0) / max(n - 1, 1)


@wrong("2.2", "The sum of the squared distances is divided by")
def batch_variance(x):
    """Divides by D."""
    n, d = x.shape
    mu = x.sum(axis=0) / n
    return ((x - mu) ** 2).sum(axis=0) / d


@wrong("2.3", "The variance is the mean of the variances of single")
def channel_statistics(x):
    """Mean of the variances of the images."""
    N, C = x.shape[:2]
    flat = x.reshape(N, C, -1)
    mean = flat.mean(axis=2).mean(axis=0)
    var = flat.var(axis=2).mean(axis=0)
    return mean, var


@wrong("2.3", "`x.reshape(C, -1)` cuts the memory into C pieces,")
def channel_statistics(x):
    """Reshape without transpose mixes the channels."""
    C = x.shape[1]
    values = x.reshape(C, -1)
    return values.mean(axis=1), values.var(axis=1)


@wrong("2.3", "The axes (0, 2, 3) are written into the code. Let")
def channel_statistics(x):
    """Returns the standard deviation; only for 4 axes."""
    mean = np.mean(x, axis=(0, 2, 3))
    std = np.std(x, axis=(0, 2, 3))
    return mean, std


@wrong("2.3", "The results keep the axes of x, shape (1, C, 1,")
def channel_statistics(x):
    """Keepdims left: shape (1, C, 1, 1)."""
    axes = tuple(a for a in range(x.ndim) if a != 1)
    mu = x.mean(axis=axes, keepdims=True)
    return mu, np.mean((x - mu) ** 2, axis=axes, keepdims=True)


@wrong("2.4", "The variances are averaged, but how far the two")
def merge_statistics(count_a, mean_a, var_a, count_b, mean_b, var_b):
    """Leaves out the term between the means."""
    n = int(count_a) + int(count_b)
    wa, wb = int(count_a) / n, int(count_b) / n
    return n, wa * mean_a + wb * mean_b, wa * var_a + wb * var_b


@wrong("2.4", "The merged variance is the mean of squares minus")
def merge_statistics(count_a, mean_a, var_a, count_b, mean_b, var_b):
    """Through the mean squares: cancels."""
    count_a, count_b = int(count_a), int(count_b)
    n = count_a + count_b
    mean = (count_a * mean_a + count_b * mean_b) / n
    ex2 = (count_a * (var_a + mean_a**2) + count_b * (var_b + mean_b**2)) / n
    return n, mean, ex2 - mean**2


@wrong("2.4", "The term δ² · a · b / n is that of the *sum* of")
def merge_statistics(count_a, mean_a, var_a, count_b, mean_b, var_b):
    """Chan's formula, the between term divided by n instead of n squared."""
    na, nb = int(count_a), int(count_b)
    n = na + nb
    delta = mean_b - mean_a
    mean = mean_a + delta * nb / n
    var = (na * var_a + nb * var_b) / n + delta**2 * na * nb / n
    return n, mean, var


@wrong("2.4", "The mean is the plain average of both means, and")
def merge_statistics(count_a, mean_a, var_a, count_b, mean_b, var_b):
    """Mean of the two means, counts ignored there."""
    n = int(count_a) + int(count_b)
    mean = (mean_a + mean_b) / 2
    var = (count_a * (var_a + (mean_a - mean) ** 2) + count_b * (var_b + (mean_b - mean) ** 2)) / n
    return n, mean, var


@wrong("2.5", "The conventions have changed places: Keras's momentum")
def update_moving(moving, batch, momentum, convention):
    """Conventions swapped."""
    if convention == "pytorch":
        return moving * momentum + batch * (1.0 - momentum)
    elif convention == "keras":
        return moving - momentum * (moving - batch)
    else:
        raise ValueError(convention)


@wrong("2.5", "An unknown convention is taken for PyTorch's: the")
def update_moving(moving, batch, momentum, convention):
    """Anything but keras is taken for pytorch."""
    if convention == "keras":
        momentum = 1 - momentum
    return moving + momentum * (batch - moving)


@wrong("2.5", 'Names like "Keras" and "PyTorch" are taken too', named=False)
def update_moving(moving, batch, momentum, convention):
    """Returns the ValueError instead of raising it; case is ignored."""
    name = convention.lower()
    if name == "keras":
        return momentum * moving + (1 - momentum) * batch
    if name == "pytorch":
        return (1 - momentum) * moving + momentum * batch
    return ValueError("convention must be keras or pytorch")


@wrong("2.6", "Rows are drawn with replacement, so one may be")
def batch_mean_spread(x, batch_size, draws, rng):
    """With replacement."""
    means = []
    for _ in range(draws):
        idx = rng.integers(0, len(x), size=batch_size)
        means.append(x[idx].mean(0))
    return np.stack(means).std(0)


@wrong("2.6", "The batches are neighbouring slices of one shuffled")
def batch_mean_spread(x, batch_size, draws, rng):
    """One permutation, cut into consecutive batches, starts again only when used up."""
    n = x.shape[0]
    order, means = rng.permutation(n), []
    start = 0
    for _ in range(draws):
        if start + batch_size > n:
            order, start = rng.permutation(n), 0
        means.append(x[order[start : start + batch_size]].mean(axis=0))
        start += batch_size
    return np.std(np.array(means), axis=0)


@wrong("2.6", "The variance of the batch means is returned. Take")
def batch_mean_spread(x, batch_size, draws, rng):
    """Variance instead of deviation."""
    means = np.empty((draws, x.shape[1]))
    for k in range(draws):
        means[k] = rng.choice(x, size=batch_size, replace=False, axis=0).mean(axis=0)
    return means.var(axis=0)


@wrong("2.6", "Nothing is drawn: this is the formula σ/√m, which")
def batch_mean_spread(x, batch_size, draws, rng):
    """Deviation of all numbers, divided by sqrt(batch_size): theory instead of draws."""
    return x.std(axis=0) / np.sqrt(batch_size)
