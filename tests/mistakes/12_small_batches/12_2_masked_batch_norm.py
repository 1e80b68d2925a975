"""Known wrong answers to exercise 12.2, each with the sentence that helps."""

import numpy as np

from bncourse.checking import mistake


def over(x, axes, eps, ddof=0):
    return (x - x.mean(axes, keepdims=True)) / np.sqrt(x.var(axes, keepdims=True, ddof=ddof) + eps)


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
    """The count of real steps is kept at 2 or more. At least one step is real, so nothing is divided by 0; a single real step is its own mean and comes out 0."""
    weight = mask[..., None].astype(float)
    count = max(weight.sum(), 2.0)
    mean = (weight * x).sum((0, 1)) / count
    return standardised(x, mask, mean, (weight * (x - mean) ** 2).sum((0, 1)) / count, eps)


@mistake("12.2")
def masked_batch_norm(x, mask, eps=1e-5):
    """ε is added to the count of real steps, which moves the mean. At least one step is real, so nothing is divided by 0: ε belongs under the root alone."""
    weight = mask[..., None].astype(float)
    count = weight.sum() + eps
    mean = (weight * x).sum((0, 1)) / count
    return standardised(x, mask, mean, (weight * (x - mean) ** 2).sum((0, 1)) / count, eps)


@mistake("12.2")
def masked_batch_norm(x, mask, eps=1e-5):
    """`x[mask]` picks out steps only if the mask holds bools: with numbers it means places, or is an error. Take x[mask.astype(bool)], or mask != 0."""
    result = np.zeros(x.shape)
    values = x[mask]
    result[mask] = (values - values.mean(0)) / np.sqrt(values.var(0) + eps)
    return result


@mistake("12.2")
def masked_batch_norm(x, mask, eps=1e-5):
    """The mean leaves padding out, the variance does not: after centring, padding is no longer 0, so the deviations must be masked too."""
    mean, _ = moments(x, mask)
    return standardised(x, mask, mean, ((x * mask[..., None] - mean) ** 2).sum((0, 1)) / mask.sum(), eps)


@mistake("12.2", caught_by="test_three_real_numbers")
def masked_batch_norm(x, mask, eps=1e-5):
    """The variance leaves padding out, the mean does not."""
    mean = (x * mask[..., None]).mean((0, 1))
    var = (mask[..., None] * (x - mean) ** 2).sum((0, 1)) / mask.sum()
    return standardised(x, mask, mean, var, eps)


@mistake("12.2")
def masked_batch_norm(x, mask, eps=1e-5):
    """Padding comes out as −μ/σ or the like: set it to 0 after normalising."""
    mean, var = moments(x, mask)
    return (x - mean) / np.sqrt(var + eps)


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
    """Each time step has statistics of its own; the exercise asks for one mean and one variance over all real steps of
    all sequences."""
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


@mistake("12.2", caught_by="test_every_real_step_counts_the_same")
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


@mistake("12.2", caught_by="test_the_mask_may_have_any_form")
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


@mistake("12.2", caught_by="test_masked_leaves_its_inputs_alone")
def masked_batch_norm(x, mask, eps=1e-5):
    """x itself is written to: the caller's sequences are changed. Work on a copy."""
    x[...] = standardised(x, mask, *moments(x, mask), eps)
    return x


@mistake("12.2")
def masked_batch_norm(x, mask, eps=1e-5):
    """You call PyTorch, which is forbidden here: you write the normalization yourself, with NumPy."""
    import torch

    real, result = mask.astype(bool), np.zeros(x.shape)
    values = torch.from_numpy(x[real])
    result[real] = torch.nn.functional.batch_norm(values, None, None, training=True, eps=eps).numpy()
    return result


@mistake("12.2", caught_by="test_masked_eps")
def masked_batch_norm(x, mask, eps=1e-5):
    """An ε of 1 or more is refused. It is unusual, but the formula takes it like any other."""
    if eps >= 1:
        raise ValueError("eps should be small")
    return standardised(x, mask, *moments(x, mask), eps)


@mistake("12.2", caught_by="test_what_stands_in_the_padding_plays_no_part")
def masked_batch_norm(x, mask, eps=1e-5):
    """A real step in which all features are 0 is left out like padding. The mask alone says what is real."""
    real = mask * x.any(axis=2)
    return standardised(x, mask, *moments(x, real), eps)


@mistake("12.2", caught_by="test_without_padding_it_is_batch_normalization")
def masked_batch_norm(x, mask, eps=1e-5):
    """A single sequence without padding is taken for a batch of one and comes out as 0. Its steps have a mean and a variance."""
    if len(x) == 1 and mask.all():
        return np.zeros(x.shape)
    return standardised(x, mask, *moments(x, mask), eps)


@mistake("12.2")
def masked_batch_norm(x, mask, eps=1e-5):
    """Padding is set to 0 before, but then counts in mean and variance like real steps, and in the result it is no longer 0. Divide by the
    number of real steps, and set padding to 0 at the end."""
    blank = np.where(mask[..., None] != 0, x, 0)
    return over(blank, (0, 1), eps)


@mistake("12.2")
def masked_batch_norm(x, mask, eps=1e-5):
    """x itself is written to: its padding is now NaN, in the caller's sequences. Put NaN into a copy."""
    x[~mask.astype(bool)] = np.nan
    return np.nan_to_num((x - np.nanmean(x, axis=(0, 1))) / np.sqrt(np.nanvar(x, axis=(0, 1)) + eps))


@mistake("12.2")
def masked_batch_norm(x, mask, eps=1e-5):
    """A value of 0 at a real step is left out like padding. The mask alone says what is real."""
    real = np.where((x != 0) & mask.astype(bool)[..., None], x, np.nan)
    return np.nan_to_num((real - np.nanmean(real, (0, 1))) / np.sqrt(np.nanvar(real, (0, 1)) + eps))


@mistake("12.2")
def masked_batch_norm(x, mask, eps=1e-5):
    """Padding is set to 0, and these zeros are then counted in the mean and the variance like real steps. Divide by the number of real steps, and
    leave padding out of the squared distances too."""
    blank = np.where(mask[..., None] != 0, x, 0)
    return standardised(blank, mask, blank.mean((0, 1)), blank.var((0, 1)), eps)
