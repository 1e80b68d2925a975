"""Known wrong answers to exercise 9.2, each with the sentence that helps."""

import torch

from bncourse.checking import mistake


def moments(x):
    """Mean and variance of each channel, in float64."""
    axes = (0, *range(2, x.dim()))
    return x.double().mean(axes), x.double().var(axes, correction=0)


@mistake("9.2")
def variance_shift(x, p, eps=1e-5):
    """p μ² is subtracted. Dropout only ever adds variance: the term is added."""
    mean, var = moments(x)
    return ((var - p * mean**2) / (1 - p) + eps) / (var + eps)


@mistake("9.2")
def variance_shift(x, p, eps=1e-5):
    """One ratio of the variances averaged over features. Take each feature's ratio first; only those may be averaged."""
    mean, var = moments(x)
    return (((var + p * mean**2) / (1 - p)).mean() + eps) / (var.mean() + eps)


@mistake("9.2")
def variance_shift(x, p, eps=1e-5):
    """You return the largest ratio. The exercise asks for that of each feature, or their mean."""
    mean, var = moments(x)
    return (((var + p * mean**2) / (1 - p) + eps) / (var + eps)).max()


@mistake("9.2")
def variance_shift(x, p, eps=1e-5):
    """Dropped and kept values count half each, whatever p is. A value is 0 with probability p and x / (1 - p) with 1 - p."""
    values = torch.cat([torch.zeros_like(x), x / (1 - p)])
    return (moments(values)[1] + eps) / (moments(x)[1] + eps)


@mistake("9.2", caught_by="test_eps_is_added_to_both_variances")
def variance_shift(x, p, eps=1e-5):
    """A feature that never varies gets the ratio 1. Dropout makes it vary in training, and ε keeps the ratio finite."""
    mean, var = moments(x)
    ratio = ((var + p * mean**2) / (1 - p) + eps) / (var + eps)
    return torch.where(var > 0, ratio, torch.ones_like(ratio))


@mistake("9.2", caught_by="test_a_large_mean_in_float32")
def variance_shift(x, p, eps=1e-5):
    """(σ² + μ²) / (1 - p) - μ² is right on paper, but in float32 two huge numbers leave nothing of σ² where the mean is large. Write (σ² + p μ²) / (1 - p), or compute in float64."""
    axes = (0, *range(2, x.dim()))
    mean, var = x.mean(axes), x.var(axes, correction=0)
    return ((var + mean**2) / (1 - p) - mean**2 + eps) / (var + eps)


def _axes(x):
    return (0, *range(2, x.dim()))


def _moments(x, axes=None, correction=0):
    """Mean and variance of each channel, in float64."""
    x = x.double()
    axes = _axes(x) if axes is None else axes
    return x.mean(axes), x.var(axes, correction=correction)


def _ratio(training, inference, eps):
    return (training + eps) / (inference + eps)


# The variance in training
@mistake("9.2")
def variance_shift(x, p, eps=1e-5):
    """The factor 1/(1 - p) alone: that is all only where the mean is 0. Dropout also makes a value jump between 0 and
    itself, which costs p μ² more."""
    mean, var = _moments(x)
    return _ratio(var / (1 - p), var, eps)


@mistake("9.2")
def variance_shift(x, p, eps=1e-5):
    """The factor 1/(1 - p), squared: that is the variance of the values that stay. Those at 0 belong to it too."""
    mean, var = _moments(x)
    return _ratio(var / (1 - p) ** 2, var, eps)


@mistake("9.2")
def variance_shift(x, p, eps=1e-5):
    """The division by 1 - p is missing: dropout is inverted, what stays is made larger so that the mean is kept."""
    mean, var = _moments(x)
    return _ratio((1 - p) * var + p * (1 - p) * mean**2, var, eps)


@mistake("9.2")
def variance_shift(x, p, eps=1e-5):
    """σ² + p μ² is only the numerator; it stands over 1 - p."""
    mean, var = _moments(x)
    return _ratio(var + p * mean**2, var, eps)


@mistake("9.2")
def variance_shift(x, p, eps=1e-5):
    """The division by 1 - p reaches only one of the two terms: (σ² + p μ²) stands over it as a whole."""
    mean, var = _moments(x)
    return _ratio(var + p * mean**2 / (1 - p), var, eps)


@mistake("9.2")
def variance_shift(x, p, eps=1e-5):
    """The division by 1 - p reaches only σ², not p μ²."""
    mean, var = _moments(x)
    return _ratio(var / (1 - p) + p * mean**2, var, eps)


@mistake("9.2")
def variance_shift(x, p, eps=1e-5):
    """μ² counts in full: only the share p of it is added."""
    mean, var = _moments(x)
    return _ratio((var + mean**2) / (1 - p), var, eps)


@mistake("9.2")
def variance_shift(x, p, eps=1e-5):
    """The mean square in training is right, (σ² + μ²)/(1 - p), but the wrong mean is taken off it: dropout leaves the
    mean at μ, inverted as it is."""
    mean, var = _moments(x)
    return _ratio((var + mean**2) / (1 - p) - ((1 - p) * mean) ** 2, var, eps)


@mistake("9.2")
def variance_shift(x, p, eps=1e-5):
    """p times the mean square in place of p times the squared mean: σ² is counted once more in it."""
    mean, var = _moments(x)
    return _ratio((var + p * (var + mean**2)) / (1 - p), var, eps)


@mistake("9.2")
def variance_shift(x, p, eps=1e-5):
    """The mean is not squared: the term is p μ²."""
    mean, var = _moments(x)
    return _ratio((var + p * mean.abs()) / (1 - p), var, eps)


@mistake("9.2")
def variance_shift(x, p, eps=1e-5):
    """p is taken for the probability of staying. Here, as in PyTorch, it is that of being dropped."""
    mean, var = _moments(x)
    return _ratio((var + (1 - p) * mean**2) / max(p, 1e-12), var, eps)


@mistake("9.2", caught_by="test_no_chance_in_it")
def variance_shift(x, p, eps=1e-5):
    """Masks are drawn at random: with one the result is another one each time, with many it comes near the right ratio.
    The variance over all masks can be worked out exactly."""
    many = x.double().repeat(200, *[1] * (x.dim() - 1))
    values = torch.nn.functional.dropout(many, p, training=True)
    return _ratio(_moments(values)[1], _moments(x)[1], eps)


@mistake("9.2")
def variance_shift(x, p, eps=1e-5):
    """The mask falls on whole samples: the variance of means over masks was added. Each value is dropped by itself."""
    mean, var = _moments(x)
    count = x.numel() // x.shape[1]
    return _ratio(var + p / (1 - p) * (var + mean**2) / count, var, eps)


# Which ratio
@mistake("9.2")
def variance_shift(x, p, eps=1e-5):
    """Upside down: training stands above, inference below."""
    mean, var = _moments(x)
    return _ratio(var, (var + p * mean**2) / (1 - p), eps)


@mistake("9.2")
def variance_shift(x, p, eps=1e-5):
    """The ratio of standard deviations: the exercise asks for that of the variances, under the root."""
    mean, var = _moments(x)
    return _ratio((var + p * mean**2) / (1 - p), var, eps).sqrt()


@mistake("9.2")
def variance_shift(x, p, eps=1e-5):
    """The difference of the two variances, not their ratio."""
    mean, var = _moments(x)
    return (var + p * mean**2) / (1 - p) - var


@mistake("9.2")
def variance_shift(x, p, eps=1e-5):
    """How much is added, the ratio minus 1. The exercise asks for the ratio itself."""
    mean, var = _moments(x)
    return _ratio((var + p * mean**2) / (1 - p), var, eps) - 1


@mistake("9.2")
def variance_shift(x, p, eps=1e-5):
    """Only the variance in training is returned; divide by the one at inference."""
    mean, var = _moments(x)
    return (var + p * mean**2) / (1 - p)


# Which statistics
@mistake("9.2")
def variance_shift(x, p, eps=1e-5):
    """The variance divides by m - 1. Batch normalization normalises with the biased one: `correction=0`."""
    mean, var = _moments(x, correction=1)
    return _ratio((var + p * mean**2) / (1 - p), var, eps)


@mistake("9.2")
def variance_shift(x, p, eps=1e-5):
    """One variance for the whole tensor. Batch normalization has one for each feature or channel."""
    x = x.double()
    mean, var = x.mean(), x.var(correction=0)
    return _ratio((var + p * mean**2) / (1 - p), var, eps)


@mistake("9.2")
def variance_shift(x, p, eps=1e-5):
    """Each feature has its own variance, but the mean is that of all features together."""
    _, var = _moments(x)
    return _ratio((var + p * x.double().mean() ** 2) / (1 - p), var, eps)


@mistake("9.2")
def variance_shift(x, p, eps=1e-5):
    """Statistics for each sample, over its features. Batch normalization takes them over the batch."""
    mean, var = _moments(x, tuple(range(1, x.dim())))
    return _ratio((var + p * mean**2) / (1 - p), var, eps)


@mistake("9.2")
def variance_shift(x, p, eps=1e-5):
    """Statistics for every position: the average runs over the batch alone. A channel's runs over all positions too."""
    mean, var = _moments(x, 0)
    return _ratio((var + p * mean**2) / (1 - p), var, eps)


@mistake("9.2")
def variance_shift(x, p, eps=1e-5):
    """Statistics for the last axis: channels come last in Keras, but stand on axis 1 here."""
    mean, var = _moments(x, tuple(range(x.dim() - 1)))
    return _ratio((var + p * mean**2) / (1 - p), var, eps)


@mistake("9.2", caught_by="test_channels_over_the_batch_and_all_positions")
def variance_shift(x, p, eps=1e-5):
    """Only two shapes are handled, (N, D) and (N, C, H, W). Let the axes follow from `x.dim()`."""
    mean, var = _moments(x, {2: 0, 4: (0, 2, 3)}[x.dim()])
    return _ratio((var + p * mean**2) / (1 - p), var, eps)


@mistake("9.2")
def variance_shift(x, p, eps=1e-5):
    """The variance is a difference of two huge numbers, the mean square and the squared mean: in float32 nothing is left
    of it where the mean is large. Take the mean of squared distances, or convert to float64 first."""
    axes = _axes(x)
    mean, square = x.mean(axes), (x**2).mean(axes)
    inference = square - mean**2
    return _ratio(square / (1 - p) - mean**2, inference, eps)


# ε
@mistake("9.2")
def variance_shift(x, p, eps=1e-5):
    """ε is missing: a feature that never varies is divided by 0."""
    mean, var = _moments(x)
    return _ratio((var + p * mean**2) / (1 - p), var, 0.0)


@mistake("9.2")
def variance_shift(x, p, eps=1e-5):
    """The argument ε is ignored: 1e-5 is written into the formula, whatever the caller asks for."""
    mean, var = _moments(x)
    return _ratio((var + p * mean**2) / (1 - p), var, 1e-5)


@mistake("9.2", caught_by="test_four_numbers_by_hand")
def variance_shift(x, p, eps=1e-3):
    """ε is 1e-3 unless given. That is the habit of Keras; here it is 1e-5, as in PyTorch."""
    mean, var = _moments(x)
    return _ratio((var + p * mean**2) / (1 - p), var, eps)


@mistake("9.2")
def variance_shift(x, p, eps=1e-5):
    """ε stands below only. Both modes add it under their root."""
    mean, var = _moments(x)
    return (var + p * mean**2) / (1 - p) / (var + eps)


@mistake("9.2", caught_by="test_all_masks_listed")
def variance_shift(x, p, eps=1e-5):
    """ε goes through dropout: it is added to σ² before the variance in training is worked out. It joins at the end."""
    mean, var = _moments(x)
    return (var + eps + p * mean**2) / (1 - p) / (var + eps)


@mistake("9.2")
def variance_shift(x, p, eps=1e-5):
    """Variances below ε are lifted to ε (`clamp`) instead of having it added."""
    mean, var = _moments(x)
    return ((var + p * mean**2) / (1 - p)).clamp(min=eps) / var.clamp(min=eps)


@mistake("9.2")
def variance_shift(x, p, eps=1e-5):
    """x is overwritten: it was centred or scaled in place. Compute into a new tensor."""
    mean, var = _moments(x)
    x /= 1 - p
    return _ratio((var + p * mean**2) / (1 - p), var, eps)


@mistake("9.2", caught_by="test_each_feature_has_its_own_ratio")
def variance_shift(x, p, eps=1e-5):
    """A rate above 0.8 is refused. It is unusual, but the formula takes every p below 1."""
    if p > 0.8:
        raise ValueError("p should be smaller")
    mean, var = moments(x)
    return ((var + p * mean**2) / (1 - p) + eps) / (var + eps)


@mistake("9.2", caught_by="test_takes_any_tensor_and_leaves_it_alone")
def variance_shift(x, p, eps=1e-5):
    """`view` asks for numbers that lie side by side in memory, and fails for a tensor with gaps or exchanged axes. `reshape` takes them all."""
    rows = x.double().view(len(x), x.shape[1], -1)
    mean, var = rows.mean((0, 2)), rows.var((0, 2), correction=0)
    return ((var + p * mean**2) / (1 - p) + eps) / (var + eps)
