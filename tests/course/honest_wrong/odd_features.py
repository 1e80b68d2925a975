"""Less usual wrong answers to chapters 1 and 2: crashes, own ways, half-remembered recipes."""

# ruff: noqa: F811  one name has many answers

import copy

import numpy as np
import torch

from tests.course.honest_wrong import wrong


@wrong("1.1", "convert to bytes")
def adjust_brightness(images, gain, offset):
    """Goes by way of bytes, which rounds."""
    out = np.clip(gain * images + offset, 0, 1) * 255
    return out.astype(np.uint8) / 255


@wrong("1.1", "works for four axes only")
def adjust_brightness(images, gain, offset):
    """Written for four axes, pixel by pixel."""
    out = np.zeros(images.shape)
    n, c, h, w = images.shape
    for i in range(n):
        for j in range(c):
            for k in range(h):
                for m in range(w):
                    out[i, j, k, m] = min(max(gain * images[i, j, k, m] + offset, 0), 1)
    return out


@wrong("1.2", "that do not vary are left out")
def mean_shift(source, target):
    """Features that do not vary are left out of the list."""
    shifts = []
    for s, t in zip(source.T, target.T):
        if s.max() == s.min():
            continue
        shifts.append((t.mean() - s.mean()) / s.std())
    return np.array(shifts)


@wrong("1.2", "std()` without an axis")
def mean_shift(source, target):
    """One deviation over all features."""
    same = source.max(0) == source.min(0)
    return np.where(same, 0, (target.mean(0) - source.mean(0)) / np.std(source))


@wrong("1.2", "absolute value is taken")
def mean_shift(source, target):
    """The size of the shift without its sign."""
    sd = source.std(0)
    out = np.zeros(source.shape[1])
    ok = np.ptp(source, axis=0) > 0
    out[ok] = np.abs(target.mean(0) - source.mean(0))[ok] / sd[ok]
    return out


@wrong("1.3", "direct children")
def layer_statistics(model, x, layer_type):
    """Runs the layers one after the other, as if every model were a Sequential."""
    stats, twin = [], copy.deepcopy(model)
    with torch.no_grad():
        out = x.clone()
        for layer in twin:
            out = layer(out)
            if isinstance(layer, layer_type):
                stats.append((out.mean().item(), out.std().item()))
    return stats


@wrong("1.3", "subclasses are missed")
def layer_statistics(model, x, layer_type):
    """The mode is put back for the model alone; frozen layers inside lose theirs. A subclass is not recognised."""
    stats, was = [], model.training
    model.eval()
    handles = [
        m.register_forward_hook(lambda m, i, o: stats.append((o.mean().item(), o.std().item())))
        for m in model.modules()
        if type(m) is layer_type
    ]
    with torch.no_grad():
        model(x.clone())
    for h in handles:
        h.remove()
    model.train(was)
    return stats


@wrong("1.3", "what goes into the modules")
def layer_statistics(model, x, layer_type):
    """Statistics of what goes in, not of what comes out."""
    stats, twin = [], copy.deepcopy(model)
    for m in twin.modules():
        if isinstance(m, layer_type):
            m.register_forward_pre_hook(lambda m, i: stats.append((i[0].mean().item(), i[0].std().item())))
    with torch.no_grad():
        twin(x.clone())
    return stats


@wrong("1.4", "from the very first time")
def internal_drift(history):
    """Drift since the beginning, not from one time to the next."""
    return np.abs(history[1:, :, 0] - history[0, :, 0]) / history[:-1, :, 1]


@wrong("1.4", "unpacks the first axis")
def internal_drift(history):
    """Unpacks the first axis, which is time."""
    mean, std = history
    return np.abs(mean[1:] - mean[:-1]) / std[:-1]


@wrong("1.4", "first row of zeros")
def internal_drift(history):
    """A row of zeros for the first time stands at the top."""
    drift = np.zeros(history.shape[:2])
    for t in range(1, len(history)):
        drift[t] = np.abs(history[t, :, 0] - history[t - 1, :, 0]) / history[t - 1, :, 1]
    return drift


@wrong("2.1", "is rounded to three decimals")
def batch_mean(x):
    """Rounded for printing."""
    return np.round(np.mean(x, axis=0), 3)


@wrong("2.1", "the last row alone is left")
def batch_mean(x):
    """The variable of the inner loop is never added up: the last row is left."""
    mean = np.zeros(x.shape[1])
    for d in range(x.shape[1]):
        for n in range(x.shape[0]):
            mean[d] = x[n, d]
        mean[d] /= x.shape[0]
    return mean


@wrong("2.2", "divides by n - 1")
def batch_variance(x):
    """The diagonal of np.cov, which divides by n - 1 and has no diagonal for one feature."""
    return np.diag(np.cov(x, rowvar=False))


@wrong("2.2", "A batch of one gives NaN")
def batch_variance(x):
    """Bessel's correction is taken back by a factor, which is 0 times nothing for a batch of one."""
    n = x.shape[0]
    return np.var(x, axis=0, ddof=1) * (n - 1) / n


@wrong("2.2", "not their squares")
def batch_variance(x):
    """The mean absolute deviation."""
    return np.mean(np.abs(x - x.mean(0)), axis=0)


@wrong("2.3", "means are those of samples")
def channel_statistics(x):
    """The mean of a channel is indexed as a sample."""
    means = np.array([x[c].mean() for c in range(x.shape[1])])
    variances = np.array([x[:, c].var() for c in range(x.shape[1])])
    return means, variances


@wrong("2.3", "The variance comes first")
def channel_statistics(x):
    """Returns variance and mean in the wrong order."""
    axes = tuple(i for i in range(x.ndim) if i != 1)
    return np.var(x, axis=axes), np.mean(x, axis=axes)


@wrong("2.3", "keep the axes of x")
def channel_statistics(x):
    """The statistics keep their axes, ready to be broadcast."""
    axes = tuple(i for i in range(x.ndim) if i != 1)
    mean = x.mean(axis=axes, keepdims=True)
    return mean, ((x - mean) ** 2).mean(axis=axes, keepdims=True)


@wrong("2.4", "plain average of both means, and the variance is taken about that")
def merge_statistics(count_a, mean_a, var_a, count_b, mean_b, var_b):
    """The means are averaged without their counts; the rest is right."""
    n = int(count_a) + int(count_b)
    p, q = int(count_a) / n, int(count_b) / n
    mean = (mean_a + mean_b) / 2
    return n, mean, p * (var_a + (mean_a - mean) ** 2) + q * (var_b + (mean_b - mean) ** 2)


@wrong("2.4", "is that of the *sum* of squares")
def merge_statistics(count_a, mean_a, var_a, count_b, mean_b, var_b):
    """The term between the parts is not divided by the joint count a second time."""
    n = int(count_a) + int(count_b)
    delta = mean_b - mean_a
    mean = mean_a + delta * (int(count_b) / n)
    m_a, m_b = var_a * int(count_a), var_b * int(count_b)
    return n, mean, (m_a + m_b) / n + delta**2 * (int(count_a) * int(count_b) / n)


@wrong("2.4", "the wrong way round")
def merge_statistics(count_a, mean_a, var_a, count_b, mean_b, var_b):
    """Each part's count goes with the other part's mean."""
    n = int(count_a) + int(count_b)
    wa, wb = int(count_a) / n, int(count_b) / n
    mean = wb * mean_a + wa * mean_b
    return n, mean, wa * var_a + wb * var_b + wa * wb * (mean_a - mean_b) ** 2


@wrong("2.5", "Nothing is returned")
def update_moving(moving, batch, momentum, convention):
    """Nothing is returned."""
    if convention == "keras":
        moving = momentum * moving + (1 - momentum) * batch
    elif convention == "pytorch":
        moving = (1 - momentum) * moving + momentum * batch
    else:
        raise ValueError(convention)


@wrong("2.5", "raises KeyError")
def update_moving(moving, batch, momentum, convention):
    """An unknown convention raises a KeyError."""
    keep = {"keras": momentum, "pytorch": 1 - momentum}[convention]
    return keep * moving + (1 - keep) * batch


@wrong("2.5", "moving itself is changed")
def update_moving(moving, batch, momentum, convention):
    """moving is changed in place where it is an array."""
    if convention not in ("keras", "pytorch"):
        raise ValueError("convention")
    a = momentum if convention == "keras" else 1 - momentum
    moving *= a
    moving += (1 - a) * batch
    return moving


@wrong("2.6", "a run of neighbouring rows")
def batch_mean_spread(x, batch_size, draws, rng):
    """A batch is a run of neighbours from a random start."""
    means = []
    for _ in range(draws):
        start = rng.integers(0, len(x) - batch_size + 1)
        means.append(x[start : start + batch_size].mean(0))
    return np.std(means, axis=0)


@wrong("2.6", "standard deviation within each batch")
def batch_mean_spread(x, batch_size, draws, rng):
    """The mean of the batches' own deviations, not the deviation of their means."""
    spreads = [x[rng.permutation(len(x))[:batch_size]].std(axis=0) for _ in range(draws)]
    return np.mean(spreads, axis=0)


@wrong("2.6", "runs over the features")
def batch_mean_spread(x, batch_size, draws, rng):
    """The deviation runs over the features, one number for each draw."""
    means = np.stack([x[rng.choice(len(x), batch_size, replace=False)].mean(0) for _ in range(draws)])
    return means.std(axis=1)
