"""Known wrong answers to exercise 12.1, each with the sentence that helps."""

import numpy as np

from bncourse.checking import mistake


def over(x, axes, eps, ddof=0):
    return (x - x.mean(axes, keepdims=True)) / np.sqrt(x.var(axes, keepdims=True, ddof=ddof) + eps)


def spatial(x):
    return tuple(range(2, x.ndim))


def each_ghost(x, ghost_size, normalised):
    """A right answer, but for what is done to one ghost batch."""
    return np.concatenate([normalised(x[i : i + ghost_size]) for i in range(0, len(x), ghost_size)])


@mistake("12.1")
def ghost_batch_norm(x, ghost_size, eps=1e-5):
    """The whole batch shares its statistics: `ghost_size` is never used."""
    return over(x, (0, *spatial(x)), eps)


@mistake("12.1", caught_by="test_four_numbers_in_two_ghosts")
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
    return each_ghost(
        x, ghost_size, lambda ghost: over(ghost, (0, *spatial(x)), eps, ddof=1 if ghost[:, 0].size > 1 else 0)
    )


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
    """The values are only centred, not divided by their standard deviation."""
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


@mistake("12.1", caught_by="test_samples_that_are_left_over")
def ghost_batch_norm(x, ghost_size, eps=1e-5):
    """The samples that are left over join the ghost batch before them, which then has more than ghost_size."""
    count = max(len(x) // ghost_size, 1)
    starts = [ghost_size * i for i in range(count)] + [len(x)]
    return np.concatenate([over(x[a:b], (0, *spatial(x)), eps) for a, b in zip(starts, starts[1:])])


@mistake("12.1")
def ghost_batch_norm(x, ghost_size, eps=1e-5):
    """The batch is cut into parts of equal size, as many as ghost batches are needed, as torch.chunk cuts it: 9 samples in fours become 3, 3, 3 instead of 4, 4, 1."""
    count = -(-len(x) // ghost_size)
    return each_ghost(x, -(-len(x) // count), lambda ghost: over(ghost, (0, *spatial(x)), eps))


@mistake("12.1")
def ghost_batch_norm(x, ghost_size, eps=1e-5):
    """np.array_split cuts the batch into len(x) // ghost_size parts of about equal size: 7 samples in threes become 4 and 3, and no ghost batch may have more than ghost_size."""
    parts = np.array_split(x, max(len(x) // ghost_size, 1))
    return np.concatenate([over(part, (0, *spatial(x)), eps) for part in parts])


@mistake("12.1")
def ghost_batch_norm(x, ghost_size, eps=1e-5):
    """np.array_split spreads what is left over: 10 samples in fours become 4, 3, 3 instead of 4, 4, 2. Only the last ghost batch may be smaller."""
    parts = np.array_split(x, -(-len(x) // ghost_size))
    return np.concatenate([over(part, (0, *spatial(x)), eps) for part in parts])


@mistake("12.1")
def ghost_batch_norm(x, ghost_size, eps=1e-5):
    """A batch that does not fit is refused by an assert. It raises AssertionError, and nothing at all under python -O; raise ValueError, or let the last ghost batch be smaller."""
    assert len(x) % ghost_size == 0
    return each_ghost(x, ghost_size, lambda ghost: over(ghost, (0, *spatial(x)), eps))


@mistake("12.1")
def ghost_batch_norm(x, ghost_size, eps=1e-5):
    """The loop over len(x) // ghost_size ghost batches ends before the samples that are left over: they come out as 0."""
    result = np.zeros(x.shape)
    for i in range(0, len(x) - ghost_size + 1, ghost_size):
        result[i : i + ghost_size] = over(x[i : i + ghost_size], (0, *spatial(x)), eps)
    return result


@mistake("12.1")
def ghost_batch_norm(x, ghost_size, eps=1e-5):
    """The axes (0, 2, 3) are those of images. Sequences have one axis less and volumes one more: let the axes follow from `x.ndim`."""
    return each_ghost(x, ghost_size, lambda ghost: over(ghost, 0 if x.ndim == 2 else (0, 2, 3), eps))


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


@mistake("12.1", caught_by="test_ghosts_leave_their_input_alone")
def ghost_batch_norm(x, ghost_size, eps=1e-5):
    """The result is written into x: the caller's batch is changed."""
    x[...] = each_ghost(x, ghost_size, lambda ghost: over(ghost, (0, *spatial(x)), eps))
    return x


@mistake("12.1")
def ghost_batch_norm(x, ghost_size, eps=1e-5):
    """You call PyTorch, which is forbidden here: you write the normalization yourself, with NumPy."""
    import torch

    ghosts = torch.from_numpy(np.array(x)).split(ghost_size)
    return torch.cat([torch.nn.functional.batch_norm(g, None, None, training=True, eps=eps) for g in ghosts]).numpy()


@mistake("12.1", caught_by="test_ghost_eps")
def ghost_batch_norm(x, ghost_size, eps=1e-5):
    """An ε of 1 or more is refused. It is unusual, but the formula takes it like any other."""
    if eps >= 1:
        raise ValueError("eps should be small")
    return each_ghost(x, ghost_size, lambda ghost: over(ghost, (0, *spatial(x)), eps))


@mistake("12.1", caught_by="test_one_ghost_is_the_whole_batch")
def ghost_batch_norm(x, ghost_size, eps=1e-5):
    """A ghost batch of one image is refused. Its positions have a mean and a variance like those of any other."""
    if ghost_size < 2:
        raise ValueError("more than one sample is needed")
    return each_ghost(x, ghost_size, lambda ghost: over(ghost, (0, *spatial(x)), eps))


@mistake("12.1", caught_by="test_neighbours_share_statistics")
def ghost_batch_norm(x, ghost_size, eps=1e-5):
    """Features, sequences and images are handled; a volume has one axis more. Let the axes follow from `x.ndim`."""
    axes = {2: 0, 3: (0, 2), 4: (0, 2, 3)}[x.ndim]
    return each_ghost(x, ghost_size, lambda ghost: over(ghost, axes, eps))


@mistake("12.1")
def ghost_batch_norm(x, ghost_size, eps=1e-5):
    """The last ghost batch is filled up with samples of the one before. It has only what is left over, and is normalised with that alone."""
    axes, result = (0, *spatial(x)), np.empty(x.shape)
    for i in range(0, len(x), ghost_size):
        start = max(0, min(i, len(x) - ghost_size))
        ghost = x[start : start + ghost_size]
        centred = x[i : i + ghost_size] - ghost.mean(axes, keepdims=True)
        result[i : i + ghost_size] = centred / np.sqrt(ghost.var(axes, keepdims=True) + eps)
    return result
