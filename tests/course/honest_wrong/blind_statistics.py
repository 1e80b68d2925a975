"""Wrong answers to chapters 1 and 2, written before any look at checks, mistakes or this bank."""

# ruff: noqa: F811  one name has many answers

import copy
import math
import statistics

import numpy as np
import torch

from tests.course.honest_wrong import wrong


def mean_of(x):
    return x.mean(axis=0)


@wrong("1.1", "You cut off after the product and add the offset")
def adjust_brightness(images, gain, offset):
    """Clips before the offset is added."""
    out = np.clip(images * gain, 0.0, 1.0)
    return out + offset


@wrong("1.1", "The offset is added before the multiplication")
def adjust_brightness(images, gain, offset):
    """The offset is multiplied by the gain as well: gain * (x + offset)."""
    brighter = gain * (images + offset)
    brighter[brighter < 0] = 0
    brighter[brighter > 1] = 1
    return brighter


@wrong("1.1", "You cut off at 0 and 255; these images have")
def adjust_brightness(images, gain, offset):
    """Thinks of 8-bit images: clips at 255."""
    img = images.astype(np.float32)
    return np.clip(img * gain + offset, 0, 255)


@wrong("1.2", "You divide by the standard deviation of target, with a")
def mean_shift(source, target):
    """Divides by the deviation of the target; nothing for constant features but an eps."""
    mu_s, mu_t = np.mean(source, axis=0), np.mean(target, axis=0)
    return (mu_t - mu_s) / (np.std(target, axis=0) + 1e-8)


@wrong("1.2", "The absolute value is taken: a shift downwards")
def mean_shift(source, target):
    """Absolute value of the shift."""
    D = source.shape[1]
    out = np.zeros(D)
    for d in range(D):
        s, t = source[:, d], target[:, d]
        if s.min() == s.max():
            continue
        out[d] = abs(t.mean() - s.mean()) / s.std()
    return out


@wrong("1.2", "The standard deviation divides by N - 1")
def mean_shift(source, target):
    """Sample deviation, n - 1, and std == 0 as the test for a constant feature."""
    result = []
    for s_col, t_col in zip(source.T, target.T):
        sd = s_col.std(ddof=1)
        result.append(0.0 if sd == 0 else (t_col.mean() - s_col.mean()) / sd)
    return np.array(result)


@wrong("1.3", "Outputs are kept and looked at after the whole")
def layer_statistics(model, x, layer_type):
    """Stores the outputs and takes the statistics at the end: an in-place ReLU has overwritten them."""
    outputs = []
    handles = []
    twin = copy.deepcopy(model)

    def hook(m, i, o):
        outputs.append(o)

    for m in twin.modules():
        if isinstance(m, layer_type):
            handles.append(m.register_forward_hook(hook))
    with torch.no_grad():
        twin(x.clone())
    return [(o.mean().item(), o.std().item()) for o in outputs]


@wrong("1.3", "Running a model in training mode updates the")
def layer_statistics(model, x, layer_type):
    """Runs the model itself in its own mode: a batch normalization in training updates its buffers."""
    stats = []

    def hook(module, inputs, output):
        stats.append((float(output.mean()), float(output.std())))

    handles = [m.register_forward_hook(hook) for m in model.modules() if isinstance(m, layer_type)]
    with torch.no_grad():
        model(x.clone())
    for h in handles:
        h.remove()
    return stats


@wrong("1.3", "The statistics are those of what goes into the")
def layer_statistics(model, x, layer_type):
    """type(m) is layer_type, so subclasses do not count; statistics of the input, not of the output."""
    twin = copy.deepcopy(model).eval()
    stats = []
    for m in twin.modules():
        if type(m) is layer_type:
            m.register_forward_hook(lambda m, i, o: stats.append((i[0].mean().item(), i[0].std().item())))
    with torch.no_grad():
        twin(x.clone())
    return stats


@wrong("1.4", "You divide by the standard deviation after the change; it")
def internal_drift(history):
    """Divides by the later deviation."""
    T, L, _ = history.shape
    drift = np.empty((T - 1, L))
    for t in range(1, T):
        drift[t - 1] = np.abs(history[t, :, 0] - history[t - 1, :, 0]) / history[t, :, 1]
    return drift


@wrong("1.4", "Both the change and the standard deviation are taken from")
def internal_drift(history):
    """Drift from the first time on, not from one time to the next."""
    mu, sigma = history[:, :, 0], history[:, :, 1]
    return np.abs(mu[1:] - mu[0]) / sigma[0]


@wrong("1.4", "The change is taken between layers; it belongs")
def internal_drift(history):
    """np.diff without axis: differences between layers; then tries to fit by transposing the deviations."""
    mean = history[..., 0]
    std = history[..., 1]
    return np.abs(np.diff(mean)) / std[:, :-1]


@wrong("2.1", "The sum is divided by D, the number of features")
def batch_mean(x):
    """Sum over the batch, divided by the number of features."""
    n, d = x.shape
    return x.sum(axis=0) / d


@wrong("2.1", "The result has shape (1, D): `keepdims=True`")
def batch_mean(x):
    """keepdims=True, from Keras code."""
    return np.mean(x, axis=0, keepdims=True)


@wrong("2.1", "The `return` stands inside the loop, which ends")
def batch_mean(x):
    """The total is returned inside the loop, after the first sample."""
    total = np.zeros(x.shape[1])
    for row in x:
        total += row
        return total / len(x)


@wrong("2.2", "The variance is the mean of squares minus the")
def batch_variance(x):
    """E[x^2] - E[x]^2 in the dtype of x."""
    return np.mean(np.square(x), axis=0) - np.square(np.mean(x, axis=0))


@wrong("2.2", "This is the standard deviation, the root of the")
def batch_variance(x):
    """Standard deviation instead of variance."""
    mu = x.mean(0)
    return np.sqrt(((x - mean_of(x)) ** 2).mean(0)) if mu.size else mu


@wrong("2.2", "The variance divides by n - 1, and a batch of")
def batch_variance(x):
    """statistics.variance of each column: n - 1, and an error for a batch of one."""
    return np.array([statistics.variance(col.tolist()) for col in x.T])


@wrong("2.3", "Statistics for the last axis: channels come last")
def channel_statistics(x):
    """Channels last, as in TensorFlow."""
    axes = tuple(range(x.ndim - 1))
    return x.mean(axis=axes), x.var(axis=axes)


@wrong("2.3", "The variance is that of the images' means. That")
def channel_statistics(x):
    """Mean over positions, then variance of the images' means: two-step variance."""
    n, c = x.shape[:2]
    per_image = x.reshape(n, c, -1).mean(axis=2)
    return per_image.mean(axis=0), per_image.var(axis=0)


@wrong("2.3", "`x.reshape(C, -1)` cuts the memory into C")
def channel_statistics(x):
    """reshape(C, -1) without a transpose."""
    flat = x.reshape(x.shape[1], -1)
    return flat.mean(axis=1), flat.var(axis=1)


@wrong("2.4", "The variances are averaged, but how far the two")
def merge_statistics(count_a, mean_a, var_a, count_b, mean_b, var_b):
    """Forgets the distance of the means in the variance."""
    n = int(count_a) + int(count_b)
    mean = (count_a * mean_a + count_b * mean_b) / n
    var = (count_a * var_a + count_b * var_b) / n
    return n, mean, var


@wrong("2.4", "The result is unbiased, divided by n - 1")
def merge_statistics(count_a, mean_a, var_a, count_b, mean_b, var_b):
    """Chan's formula with M2, but divides by n - 1 at the end."""
    n = int(count_a) + int(count_b)
    delta = mean_b - mean_a
    mean = mean_a + delta * int(count_b) / n
    m2 = var_a * int(count_a) + var_b * int(count_b) + delta**2 * int(count_a) * int(count_b) / n
    return n, mean, m2 / (n - 1)


@wrong("2.4", "In the mean the weights have changed places")
def merge_statistics(count_a, mean_a, var_a, count_b, mean_b, var_b):
    """The weights of the two parts are swapped in the mean."""
    n = int(count_a) + int(count_b)
    wa, wb = int(count_a) / n, int(count_b) / n
    mean = wb * mean_a + wa * mean_b
    var = wa * (var_a + (mean_a - mean) ** 2) + wb * (var_b + (mean_b - mean) ** 2)
    return n, mean, var


@wrong("2.5", "The conventions have changed places: Keras's")
def update_moving(moving, batch, momentum, convention):
    """The two conventions are swapped."""
    if convention == "keras":
        alpha = momentum
    elif convention == "pytorch":
        alpha = 1 - momentum
    else:
        raise ValueError(convention)
    return (1 - alpha) * moving + alpha * batch


@wrong("2.5", "You compare in small letters, so that")
def update_moving(moving, batch, momentum, convention):
    """Anything else than keras counts as pytorch."""
    if convention.lower() == "keras":
        return moving * momentum + batch * (1 - momentum)
    else:
        return moving * (1 - momentum) + batch * momentum


@wrong("2.5", "moving itself is changed (`*=`, `+=` or `[...]")
def update_moving(moving, batch, momentum, convention):
    """In place for arrays: moving *= ..."""
    if convention not in ("keras", "pytorch"):
        raise ValueError("convention must be keras or pytorch")
    keep = momentum if convention == "keras" else 1 - momentum
    moving *= keep
    moving += (1 - keep) * batch
    return moving


@wrong("2.6", "Rows are drawn with replacement, so one may be")
def batch_mean_spread(x, batch_size, draws, rng):
    """rng.integers: rows drawn with replacement."""
    means = np.zeros((draws, x.shape[1]))
    for i in range(draws):
        idx = rng.integers(0, x.shape[0], size=batch_size)
        means[i] = x[idx].mean(axis=0)
    return means.std(axis=0)


@wrong("2.6", "The batches are successive pieces of one")
def batch_mean_spread(x, batch_size, draws, rng):
    """One permutation, batches cut from it one after the other (wrapping round): not independent."""
    order = rng.permutation(len(x))
    means = []
    for k in range(draws):
        start = (k * batch_size) % len(x)
        rows = order[np.arange(start, start + batch_size) % len(x)]
        means.append(x[rows].mean(0))
    return np.std(np.array(means), axis=0)


@wrong("2.6", "Nothing is drawn: this is the formula σ/√m")
def batch_mean_spread(x, batch_size, draws, rng):
    """The theoretical standard error, std / sqrt(batch_size), without any draw."""
    return x.std(axis=0) / math.sqrt(batch_size)
