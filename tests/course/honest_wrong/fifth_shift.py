"""Wrong answers to chapters 1 and 2, a fifth sample, written before a look at checks or mistakes."""

# ruff: noqa: F811  one name has many answers

import numpy as np
import torch

from tests.course.honest_wrong import wrong


@wrong("1.1", "You stretch the result so that it just fills [0,")
def adjust_brightness(images, gain, offset):
    """The result is scaled into [0, 1] by its own smallest and largest value in place of being cut."""
    out = images * gain + offset
    return (out - out.min()) / (out.max() - out.min() + 1e-8)


@wrong("1.1", "Only values above 1 are cut off; those below 0 stay.")
def adjust_brightness(images, gain, offset):
    """Only what is too bright is cut; negative values stay."""
    return np.minimum(gain * images + offset, 1.0)


@wrong("1.1", "The gain acts on the distance from middle grey,")
def adjust_brightness(images, gain, offset):
    """Contrast about the middle grey, as image editors do it: gain * (x - 0.5) + 0.5 + offset."""
    return np.clip(gain * (images - 0.5) + 0.5 + offset, 0, 1)


@wrong("1.1", "You cut off after the product and add the offset to")
def adjust_brightness(images, gain, offset):
    """The image is cut before the offset is added, and not after it."""
    return np.clip(images * gain, 0, 1) + offset


@wrong("1.2", "You divide by the standard deviation of target, and")
def mean_shift(source, target):
    """The deviation is the one of target."""
    spread = target.std(axis=0)
    shift = target.mean(axis=0) - source.mean(axis=0)
    return np.where(np.ptp(source, axis=0) == 0, 0.0, shift / np.where(spread == 0, 1, spread))


@wrong("1.2", "A small number is added to the standard deviation:")
def mean_shift(source, target):
    """A small number in the denominator: a constant feature gets a huge shift in place of 0."""
    return (target.mean(0) - source.mean(0)) / (source.std(0) + 1e-8)


@wrong("1.2", "The absolute value is taken: a shift downwards is")
def mean_shift(source, target):
    """The mean of the two differs only in size: the sign is lost by abs."""
    std = source.std(axis=0)
    constant = source.min(axis=0) == source.max(axis=0)
    std[constant] = 1.0
    shift = np.abs(target.mean(axis=0) - source.mean(axis=0)) / std
    shift[constant] = 0.0
    return shift


@wrong("1.2", "You divide by the pooled standard deviation, the")
def mean_shift(source, target):
    """The pooled deviation of both sets, as in Cohen's d."""
    constant = source.min(0) == source.max(0)
    pooled = np.sqrt((source.var(0) + target.var(0)) / 2)
    shift = (target.mean(0) - source.mean(0)) / np.where(pooled == 0, 1, pooled)
    return np.where(constant, 0, shift)


@wrong("1.3", "Your hooks stay on the model: take each off by its")
def layer_statistics(model, x, layer_type):
    """Hooks are never removed."""
    found = []

    def hook(module, inputs, output):
        found.append((output.mean().item(), output.std().item()))

    was = model.training
    model.eval()
    for module in model.modules():
        if isinstance(module, layer_type):
            module.register_forward_hook(hook)
    with torch.no_grad():
        model(x)
    model.train(was)
    return found


@wrong("1.3", "Outputs are kept and looked at after the whole")
def layer_statistics(model, x, layer_type):
    """The outputs are kept and measured at the end, when an in-place layer has overwritten them."""
    outputs, handles = [], []
    modes = {module: module.training for module in model.modules()}
    for module in model.modules():
        if isinstance(module, layer_type):
            handles.append(module.register_forward_hook(lambda m, i, o: outputs.append(o)))
    model.eval()
    with torch.no_grad():
        model(x)
    for handle in handles:
        handle.remove()
    for module, mode in modes.items():
        module.training = mode
    return [(o.mean().item(), o.std().item()) for o in outputs]


@wrong("1.3", "Running a model in training mode updates the")
def layer_statistics(model, x, layer_type):
    """The model is run in the mode it is in: batch normalization's buffers move."""
    stats = []
    handles = [
        m.register_forward_hook(lambda m, i, o: stats.append((float(o.mean()), float(o.std()))))
        for m in model.modules()
        if isinstance(m, layer_type)
    ]
    with torch.no_grad():
        model(x)
    for h in handles:
        h.remove()
    return stats


@wrong("1.4", "You divide by the standard deviation after the")
def internal_drift(history):
    """The deviation of the later time divides."""
    mean, std = history[..., 0], history[..., 1]
    return np.abs(mean[1:] - mean[:-1]) / std[1:]


@wrong("1.4", "The change is taken between layers; it belongs")
def internal_drift(history):
    """Differences run over the layers, not over time."""
    means = history[:, :, 0]
    stds = history[:, :, 1]
    return np.abs(np.diff(means, axis=1)) / stds[:, :-1]


@wrong("1.4", "Both the change and the standard deviation are")
def internal_drift(history):
    """Each time is compared with the first one, not with the one before."""
    mean, std = history[:, :, 0], history[:, :, 1]
    return np.abs(mean[1:] - mean[0]) / std[0]


@wrong("2.1", "The last sample is left out: the loop ends one too")
def batch_mean(x):
    """The loop stops one sample early but divides by N."""
    N, D = x.shape
    total = np.zeros(D)
    for i in range(N - 1):
        total += x[i]
    return total / N


@wrong("2.1", "The sum is not divided by the number of samples.")
def batch_mean(x):
    """The sum over the batch, without division."""
    return np.sum(x, axis=0)


@wrong("2.1", "The sum is divided by D, the number of features.")
def batch_mean(x):
    """Divided by the number of features: x.shape[1]."""
    return x.sum(axis=0) / x.shape[1]


@wrong("2.2", "The variance divides by n - 1. That is the unbiased")
def batch_variance(x):
    """ddof=1: the unbiased variance."""
    return np.var(x, axis=0, ddof=1)


@wrong("2.2", "The distances are averaged first and squared")
def batch_variance(x):
    """The square is outside of the mean: the square of the mean difference, always about 0."""
    mu = np.mean(x, axis=0)
    return np.mean(x - mu, axis=0) ** 2


@wrong("2.2", "The whole covariance matrix is returned, (D, D).")
def batch_variance(x):
    """Covariance matrix in place of its diagonal."""
    xc = x - x.mean(axis=0)
    return xc.T @ xc / len(x)


@wrong("2.3", "`x.reshape(-1, C)` takes neighbouring pixels for")
def channel_statistics(x):
    """The channels are not moved to the end before reshape(-1, C)."""
    C = x.shape[1]
    flat = x.reshape(-1, C)
    return flat.mean(axis=0), flat.var(axis=0)


@wrong("2.3", "The second result is the standard deviation, the")
def channel_statistics(x):
    """The standard deviation is returned in place of the variance."""
    axes = tuple(i for i in range(x.ndim) if i != 1)
    return x.mean(axis=axes), x.std(axis=axes)


@wrong("2.3", "Each image has a mean and a variance of its own,")
def channel_statistics(x):
    """Statistics for each image and channel: the batch is not averaged."""
    n, c = x.shape[:2]
    flat = x.reshape(n, c, -1)
    return flat.mean(axis=2), flat.var(axis=2)


@wrong("2.4", "The variances are averaged, but how far the two")
def merge_statistics(count_a, mean_a, var_a, count_b, mean_b, var_b):
    """The variances are averaged by count; the distance of the means is left out."""
    n = int(count_a) + int(count_b)
    mean = (count_a * mean_a + count_b * mean_b) / n
    var = (count_a * var_a + count_b * var_b) / n
    return n, mean, var


@wrong("2.4", "The mean is the plain average of both means. The")
def merge_statistics(count_a, mean_a, var_a, count_b, mean_b, var_b):
    """The means are averaged without regard to the counts."""
    n = int(count_a) + int(count_b)
    mean = (mean_a + mean_b) / 2
    delta = mean_b - mean_a
    var = (count_a * var_a + count_b * var_b) / n + delta**2 * count_a / n * count_b / n
    return n, mean, var


@wrong("2.4", "The merged variance is the mean of squares minus")
def merge_statistics(count_a, mean_a, var_a, count_b, mean_b, var_b):
    """E[x^2] - mean^2, which cancels."""
    n = int(count_a) + int(count_b)
    wa, wb = int(count_a) / n, int(count_b) / n
    mean = wa * mean_a + wb * mean_b
    second = wa * (var_a + mean_a**2) + wb * (var_b + mean_b**2)
    return n, mean, second - mean**2


@wrong("2.4", "The result is divided by n - 1, as in Chan's")
def merge_statistics(count_a, mean_a, var_a, count_b, mean_b, var_b):
    """Divides by n - 1, Chan's formula for the unbiased variance."""
    na, nb = int(count_a), int(count_b)
    if na == 0:
        return nb, mean_b, var_b
    if nb == 0:
        return na, mean_a, var_a
    n = na + nb
    delta = np.asarray(mean_b) - mean_a
    mean = mean_a + delta * nb / n
    m2 = var_a * na + var_b * nb + delta**2 * (na * nb / n)
    return n, mean, m2 / (n - 1)


@wrong("2.5", "The conventions have changed places: Keras's")
def update_moving(moving, batch, momentum, convention):
    """The two conventions are exchanged."""
    if convention == "keras":
        return (1 - momentum) * moving + momentum * batch
    if convention == "pytorch":
        return momentum * moving + (1 - momentum) * batch
    raise ValueError(convention)


@wrong("2.5", "An unknown convention is taken for PyTorch's: the")
def update_moving(moving, batch, momentum, convention):
    """Everything that is not keras is taken for PyTorch's: no ValueError."""
    if convention == "keras":
        return momentum * moving + (1 - momentum) * batch
    else:
        return (1 - momentum) * moving + momentum * batch


@wrong("2.5", 'Names like "Keras" and "PyTorch" are taken too: you')
def update_moving(moving, batch, momentum, convention):
    """Capital letters are accepted too: "Keras" raises no error."""
    convention = convention.lower()
    if convention not in ("keras", "pytorch"):
        raise ValueError("unknown convention")
    if convention == "pytorch":
        momentum = 1 - momentum
    return momentum * moving + (1 - momentum) * batch


@wrong("2.6", "Rows are drawn with replacement, so one may be in a")
def batch_mean_spread(x, batch_size, draws, rng):
    """With replacement: rng.integers."""
    means = []
    for _ in range(draws):
        idx = rng.integers(0, len(x), size=batch_size)
        means.append(x[idx].mean(axis=0))
    return np.std(means, axis=0)


@wrong("2.6", "`np.random.choice` and its like draw from NumPy's")
def batch_mean_spread(x, batch_size, draws, rng):
    """NumPy's global generator draws, rng is not used."""
    means = np.zeros((draws, x.shape[1]))
    for i in range(draws):
        rows = np.random.choice(len(x), batch_size, replace=False)
        means[i] = x[rows].mean(axis=0)
    return means.std(axis=0)


@wrong("2.6", "Nothing is drawn: this is the formula σ/√m, which")
def batch_mean_spread(x, batch_size, draws, rng):
    """The standard error by the formula s / sqrt(B), without drawing."""
    return x.std(axis=0) / np.sqrt(batch_size)


@wrong("2.6", "The variance of the batch means is returned. Take")
def batch_mean_spread(x, batch_size, draws, rng):
    """The variance of the means is returned, without the root."""
    means = np.stack([rng.choice(x, batch_size, replace=False).mean(axis=0) for _ in range(draws)])
    return means.var(axis=0)
