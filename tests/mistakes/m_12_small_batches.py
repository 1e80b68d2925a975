"""Known wrong answers to exercises 12.1 and 12.2, each with the sentence that helps."""

import numpy as np

from bncourse.checking import mistake


def over(x, axes, eps, ddof=0):
    return (x - x.mean(axes, keepdims=True)) / np.sqrt(x.var(axes, keepdims=True, ddof=ddof) + eps)


def spatial(x):
    return tuple(range(2, x.ndim))


def each_ghost(x, ghost_size, normalised):
    """A right answer, but for what is done to one ghost batch."""
    return np.concatenate([normalised(x[i : i + ghost_size]) for i in range(0, len(x), ghost_size)])


# 12.1


@mistake("12.1")
def ghost_batch_norm(x, ghost_size, eps=1e-5):
    """The whole batch shares its statistics: `ghost_size` is never used."""
    return over(x, (0, *spatial(x)), eps)


@mistake("12.1")
def ghost_batch_norm(x, ghost_size, eps=1e-5):
    """`ghost_size` is taken for the number of ghost batches; it is the number of samples in each."""
    return np.concatenate([over(part, (0, *spatial(x)), eps) for part in np.array_split(x, ghost_size)])


@mistake("12.1")
def ghost_batch_norm(x, ghost_size, eps=1e-5):
    """Every so-many-th sample goes into one ghost batch, as a reshape to (ghost_size, -1) does it: neighbours belong together."""
    result, count = np.empty(x.shape), max(len(x) // ghost_size, 1)
    for first in range(count):
        result[first::count] = over(x[first::count], (0, *spatial(x)), eps)
    return result


@mistake("12.1")
def ghost_batch_norm(x, ghost_size, eps=1e-5):
    """Each position has statistics of its own: the mean is over the samples of the ghost batch alone, not over positions."""
    return each_ghost(x, ghost_size, lambda ghost: over(ghost, 0, eps))


@mistake("12.1")
def ghost_batch_norm(x, ghost_size, eps=1e-5):
    """All channels of a ghost batch share one mean and one variance; each channel has its own."""
    return each_ghost(x, ghost_size, lambda ghost: over(ghost, None, eps))


@mistake("12.1")
def ghost_batch_norm(x, ghost_size, eps=1e-5):
    """Each sample is normalised by itself over its channels: that is layer normalization, and asks no ghost batch."""
    return over(x, tuple(range(1, x.ndim)), eps)


@mistake("12.1")
def ghost_batch_norm(x, ghost_size, eps=1e-5):
    """The variance is divided by n − 1. For a ghost batch of two that makes the result smaller by a factor √½."""
    return each_ghost(x, ghost_size, lambda ghost: over(ghost, (0, *spatial(x)), eps, ddof=1 if ghost[:, 0].size > 1 else 0))


@mistake("12.1")
def ghost_batch_norm(x, ghost_size, eps=1e-5):
    """ε stands outside the root: you divide by √σ² + ε instead of √(σ² + ε)."""
    axes = (0, *spatial(x))
    return each_ghost(x, ghost_size, lambda g: (g - g.mean(axes, keepdims=True)) / (g.std(axes, keepdims=True) + eps))


@mistake("12.1")
def ghost_batch_norm(x, ghost_size, eps=1e-5):
    """ε is missing under the root."""
    with np.errstate(all="ignore"):
        return each_ghost(x, ghost_size, lambda ghost: over(ghost, (0, *spatial(x)), 0))


@mistake("12.1")
def ghost_batch_norm(x, ghost_size, eps=1e-5):
    """The argument eps is ignored: 1e-5 is written into the formula."""
    return each_ghost(x, ghost_size, lambda ghost: over(ghost, (0, *spatial(x)), 1e-5))


@mistake("12.1")
def ghost_batch_norm(x, ghost_size, eps=1e-5):
    """You divide by the variance: the root is missing."""
    axes = (0, *spatial(x))
    return each_ghost(x, ghost_size, lambda g: (g - g.mean(axes, keepdims=True)) / (g.var(axes, keepdims=True) + eps))


@mistake("12.1")
def ghost_batch_norm(x, ghost_size, eps=1e-5):
    """The values are only centred, not divided by their deviation."""
    return each_ghost(x, ghost_size, lambda ghost: ghost - ghost.mean((0, *spatial(x)), keepdims=True))


@mistake("12.1")
def ghost_batch_norm(x, ghost_size, eps=1e-5):
    """The statistics of the ghost batches are averaged, and the average serves all: each ghost batch is normalised with its own."""
    axes = (0, *spatial(x))
    ghosts = [x[i : i + ghost_size] for i in range(0, len(x), ghost_size)]
    mean = np.mean([ghost.mean(axes, keepdims=True) for ghost in ghosts], 0)
    var = np.mean([ghost.var(axes, keepdims=True) for ghost in ghosts], 0)
    return (x - mean) / np.sqrt(var + eps)


@mistake("12.1")
def ghost_batch_norm(x, ghost_size, eps=1e-5):
    """The statistics of the first ghost batch serve all of them."""
    axes = (0, *spatial(x))
    first = x[:ghost_size]
    return (x - first.mean(axes, keepdims=True)) / np.sqrt(first.var(axes, keepdims=True) + eps)


@mistake("12.1")
def ghost_batch_norm(x, ghost_size, eps=1e-5):
    """The mean is that of the ghost batch, the variance that of the whole batch."""
    axes = (0, *spatial(x))
    var = x.var(axes, keepdims=True)
    return each_ghost(x, ghost_size, lambda ghost: (ghost - ghost.mean(axes, keepdims=True)) / np.sqrt(var + eps))


@mistake("12.1")
def ghost_batch_norm(x, ghost_size, eps=1e-5):
    """The samples that are left over are lost: fewer come out than went in."""
    whole = x[: len(x) // ghost_size * ghost_size]
    return each_ghost(whole, ghost_size, lambda ghost: over(ghost, (0, *spatial(x)), eps))


@mistake("12.1")
def ghost_batch_norm(x, ghost_size, eps=1e-5):
    """The samples that are left over join the ghost batch before them, which then has more than ghost_size."""
    count = max(len(x) // ghost_size, 1)
    starts = [ghost_size * i for i in range(count)] + [len(x)]
    return np.concatenate([over(x[a:b], (0, *spatial(x)), eps) for a, b in zip(starts, starts[1:])])


@mistake("12.1")
def ghost_batch_norm(x, ghost_size, eps=1e-5):
    """The samples that are left over come out as they went in, not normalised."""
    result = np.array(x, dtype=float)
    for i in range(0, len(x) - ghost_size + 1, ghost_size):
        result[i : i + ghost_size] = over(x[i : i + ghost_size], (0, *spatial(x)), eps)
    return result


@mistake("12.1")
def ghost_batch_norm(x, ghost_size, eps=1e-5):
    """The axis of the ghost batches is still there: the result has the shape (ghosts, ghost_size, ...) instead of that of x."""
    ghosts = x[: len(x) // ghost_size * ghost_size].reshape(-1, ghost_size, *x.shape[1:])
    return over(ghosts, (1, *range(3, ghosts.ndim)), eps)


@mistake("12.1")
def ghost_batch_norm(x, ghost_size, eps=1e-5):
    """The result is written into x: the caller's batch is changed."""
    x[...] = each_ghost(x, ghost_size, lambda ghost: over(ghost, (0, *spatial(x)), eps))
    return x


@mistake("12.1")
def ghost_batch_norm(x, ghost_size, eps=1e-5):
    """PyTorch's batch normalization does the work; this exercise is about writing it in NumPy."""
    import torch

    ghosts = torch.from_numpy(np.array(x)).split(ghost_size)
    return torch.cat([torch.nn.functional.batch_norm(g, None, None, training=True, eps=eps) for g in ghosts]).numpy()


# 12.2


def standardised(x, mask, mean, var, eps):
    return np.where(mask[..., None] != 0, (x - mean) / np.sqrt(var + eps), 0.0)


def moments(x, mask, axes=(0, 1)):
    """Mean and variance over the real steps, axes kept."""
    weight = mask[..., None].astype(float)
    count = np.maximum(weight.sum(axes, keepdims=True), 1)
    mean = (weight * x).sum(axes, keepdims=True) / count
    return mean, (weight * (x - mean) ** 2).sum(axes, keepdims=True) / count


@mistake("12.2")
def masked_batch_norm(x, mask, eps=1e-5):
    """Padding is counted in the mean and the variance, and only blanked out at the end."""
    return standardised(x, mask, x.mean((0, 1)), x.var((0, 1)), eps)


@mistake("12.2")
def masked_batch_norm(x, mask, eps=1e-5):
    """The sums leave padding out, but they are divided by N · T: divide by the number of real steps."""
    weight = mask[..., None].astype(float)
    mean = (weight * x).mean((0, 1))
    return standardised(x, mask, mean, (weight * (x - mean) ** 2).mean((0, 1)), eps)


@mistake("12.2")
def masked_batch_norm(x, mask, eps=1e-5):
    """The mean leaves padding out, the variance does not: after centring, padding is no longer 0, so the deviations must be masked too."""
    mean, _ = moments(x, mask)
    return standardised(x, mask, mean, ((x * mask[..., None] - mean) ** 2).sum((0, 1)) / mask.sum(), eps)


@mistake("12.2")
def masked_batch_norm(x, mask, eps=1e-5):
    """The variance leaves padding out, the mean does not."""
    mean = (x * mask[..., None]).mean((0, 1))
    var = (mask[..., None] * (x - mean) ** 2).sum((0, 1)) / mask.sum()
    return standardised(x, mask, mean, var, eps)


@mistake("12.2")
def masked_batch_norm(x, mask, eps=1e-5):
    """Padding comes out as −μ/σ or the like: set it to 0 after normalising."""
    mean, var = moments(x, mask)
    return (x * mask[..., None] - mean) / np.sqrt(var + eps)


@mistake("12.2")
def masked_batch_norm(x, mask, eps=1e-5):
    """Padding comes out as it went in: set it to 0."""
    mean, var = moments(x, mask)
    return np.where(mask[..., None] != 0, (x - mean) / np.sqrt(var + eps), x)


@mistake("12.2")
def masked_batch_norm(x, mask, eps=1e-5):
    """The mask is read the wrong way round: here 1 marks a real step, not padding."""
    mean, var = moments(x, 1 - mask.astype(float))
    return standardised(x, 1 - mask.astype(float), mean, var, eps)


@mistake("12.2")
def masked_batch_norm(x, mask, eps=1e-5):
    """Each time step has statistics of its own; asked for is one mean and one variance over all real steps of all sequences."""
    return standardised(x, mask, *moments(x, mask, (0,)), eps)


@mistake("12.2")
def masked_batch_norm(x, mask, eps=1e-5):
    """Each sequence is normalised by itself: that is instance normalization over time."""
    return standardised(x, mask, *moments(x, mask, (1,)), eps)


@mistake("12.2")
def masked_batch_norm(x, mask, eps=1e-5):
    """All features share one mean and one variance; each feature has its own."""
    values = x[mask.astype(bool)]
    return standardised(x, mask, values.mean(), values.var(), eps)


@mistake("12.2")
def masked_batch_norm(x, mask, eps=1e-5):
    """Each step is normalised over its features: that is layer normalization."""
    return np.where(mask[..., None] != 0, over(x, 2, eps), 0.0)


@mistake("12.2")
def masked_batch_norm(x, mask, eps=1e-5):
    """The means of the sequences are averaged: a short sequence then counts as much as a long one. Every real step counts the same."""
    lengths = np.maximum(mask.sum(1), 1)[:, None]
    weight, used = mask[..., None], mask.any(1)
    mean = ((weight * x).sum(1) / lengths)[used].mean(0)
    var = ((weight * (x - mean) ** 2).sum(1) / lengths)[used].mean(0)
    return standardised(x, mask, mean, var, eps)


@mistake("12.2")
def masked_batch_norm(x, mask, eps=1e-5):
    """What is not 0 is taken for real, whatever the mask says: real values may be 0, and padding may be something else."""
    real = (x != 0).any(2)
    return standardised(x, mask, *moments(x, real), eps)


@mistake("12.2")
def masked_batch_norm(x, mask, eps=1e-5):
    """The padding is cut off behind the longest sequence; shorter ones keep theirs in the statistics."""
    longest = np.flatnonzero(mask.any(0)).max() + 1
    part = x[:, :longest]
    return standardised(x, mask, part.mean((0, 1)), part.var((0, 1)), eps)


@mistake("12.2")
def masked_batch_norm(x, mask, eps=1e-5):
    """The real steps are taken for the first ones of each sequence; the mask says where they are, and they may be elsewhere."""
    lengths = mask.astype(int).sum(1)
    front = np.arange(x.shape[1]) < lengths[:, None]
    return standardised(x, front, *moments(x, front), eps)


@mistake("12.2")
def masked_batch_norm(x, mask, eps=1e-5):
    """The variance is divided by n − 1; in normalising it is the biased one."""
    values = x[mask.astype(bool)]
    return standardised(x, mask, values.mean(0), values.var(0, ddof=1 if len(values) > 1 else 0), eps)


@mistake("12.2")
def masked_batch_norm(x, mask, eps=1e-5):
    """ε stands outside the root: you divide by √σ² + ε instead of √(σ² + ε)."""
    mean, var = moments(x, mask)
    return np.where(mask[..., None] != 0, (x - mean) / (np.sqrt(var) + eps), 0.0)


@mistake("12.2")
def masked_batch_norm(x, mask, eps=1e-5):
    """ε is missing under the root: a single real step becomes 0/0."""
    with np.errstate(all="ignore"):
        return standardised(x, mask, *moments(x, mask), 0)


@mistake("12.2")
def masked_batch_norm(x, mask, eps=1e-5):
    """The argument eps is ignored: 1e-5 is written into the formula."""
    return standardised(x, mask, *moments(x, mask), 1e-5)


@mistake("12.2")
def masked_batch_norm(x, mask, eps=1e-5):
    """You divide by the variance: the root is missing."""
    mean, var = moments(x, mask)
    return np.where(mask[..., None] != 0, (x - mean) / (var + eps), 0.0)


@mistake("12.2")
def masked_batch_norm(x, mask, eps=1e-5):
    """Only the real steps are returned, one below the other; the result has the shape of x."""
    return over(x[mask.astype(bool)], 0, eps)


@mistake("12.2")
def masked_batch_norm(x, mask, eps=1e-5):
    """The result is written into x: the caller's sequences are changed."""
    x[...] = standardised(x, mask, *moments(x, mask), eps)
    return x


@mistake("12.2")
def masked_batch_norm(x, mask, eps=1e-5):
    """PyTorch's batch normalization does the work; this exercise is about writing it in NumPy."""
    import torch

    real, result = mask.astype(bool), np.zeros(x.shape)
    values = torch.from_numpy(x[real])
    result[real] = torch.nn.functional.batch_norm(values, None, None, training=True, eps=eps).numpy()
    return result
