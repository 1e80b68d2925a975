"""Known wrong answers to exercise 14.5, each with the sentence that helps."""

import numpy as np

from bncourse.checking import mistake


def centred(x, axes):
    """x in float64 without its mean, and its variance."""
    x = np.asarray(x, dtype=np.float64)
    return x - x.mean(axes, keepdims=True), x.var(axes, keepdims=True)


def samples(x):
    """All axes but the first."""
    return tuple(range(1, x.ndim))


@mistake("14.5")
def weight_standardize(weight, eps=1e-5):
    """The centred filter is divided by its largest entry. Divide by its standard deviation."""
    values, _ = centred(weight, samples(weight))
    return values / (np.abs(values).max(samples(weight), keepdims=True) + eps)


@mistake("14.5")
def weight_standardize(weight, eps=1e-5):
    """This is spectral normalization: the weights are divided by their largest
    singular value. Each filter should have mean 0 and variance 1.
    """
    return weight / (np.linalg.norm(np.reshape(weight, (len(weight), -1)), 2) + eps)


@mistake("14.5")
def weight_standardize(weight, eps=1e-5):
    """The variance is that of each filter, but the mean is that of the whole layer. Each filter has its own mean."""
    _, var = centred(weight, samples(weight))
    return (weight - np.mean(weight)) / np.sqrt(var + eps)


def standardised(weight, axes, eps, ddof=0):
    mean = weight.mean(axes, keepdims=True)
    return (weight - mean) / np.sqrt(weight.var(axes, keepdims=True, ddof=ddof) + eps)


@mistake("14.5")
def weight_standardize(weight, eps=1e-5):
    """One mean and variance for the whole layer. Each output filter has its own."""
    return standardised(weight, None, eps)


@mistake("14.5")
def weight_standardize(weight, eps=1e-5):
    """Your statistics belong to input channels: axis 1 is left out of the mean. Output filters stand on axis 0."""
    return standardised(weight, (0, *range(2, weight.ndim)), eps)


@mistake("14.5")
def weight_standardize(weight, eps=1e-5):
    """You average over axis 0, the output filters. That is the axis to leave out."""
    return standardised(weight, 0, eps)


@mistake("14.5")
def weight_standardize(weight, eps=1e-5):
    """The axes (0, 1, 2) are those of a kernel whose output filters come last, as in JAX. Here they come first, and the layer may have any
    number of axes."""
    values, var = centred(weight, (0, 1, 2))
    return values / np.sqrt(var + eps)


@mistake("14.5")
def weight_standardize(weight, eps=1e-5):
    """You average over axes 0 and 1: each place of a kernel gets statistics over all filters. Leave out axis 0, the output filters, and take
    in all others."""
    values, var = centred(weight, (0, 1))
    return values / np.sqrt(var + eps)


@mistake("14.5")
def weight_standardize(weight, eps=1e-5):
    """Each kernel weight[i, j] is standardised by itself. A filter takes all its input channels together."""
    return standardised(weight, tuple(range(2, weight.ndim)) or 1, eps)


@mistake("14.5")
def weight_standardize(weight, eps=1e-5):
    """Only axis 1, the input channels, is averaged: each place of a kernel gets its own statistics."""
    return standardised(weight, 1, eps)


@mistake("14.5")
def weight_standardize(weight, eps=1e-5):
    """Only the last axis is averaged: each row of a kernel gets its own statistics."""
    return standardised(weight, -1, eps)


@mistake("14.5")
def weight_standardize(weight, eps=1e-5):
    """You average over all axes but the last. Output filters come last in Keras; here, as in PyTorch, they come first."""
    return standardised(weight, tuple(range(weight.ndim - 1)), eps)


@mistake("14.5", caught_by="test_two_filters_by_hand")
def weight_standardize(weight, eps=1e-5):
    """The axes are written for two-dimensional convolutions, (1, 2, 3). Let them follow from `weight.ndim`."""
    return standardised(weight, (1, 2, 3), eps)


@mistake("14.5")
def weight_standardize(weight, eps=1e-5):
    """The variance divides by n - 1. Here it divides by n."""
    return standardised(weight, samples(weight), eps, ddof=1)


@mistake("14.5")
def weight_standardize(weight, eps=1e-5):
    """You divide by the unbiased standard deviation plus ε. That is the authors'
    PyTorch code; their TensorFlow code and this exercise divide the variance by n,
    and here ε stands under the root.
    """
    axes = samples(weight)
    return (weight - weight.mean(axes, keepdims=True)) / (weight.std(axes, keepdims=True, ddof=1) + eps)


@mistake("14.5")
def weight_standardize(weight, eps=1e-5):
    """ε stands outside the root: you divide by √σ² + ε instead of √(σ² + ε)."""
    axes = samples(weight)
    return (weight - weight.mean(axes, keepdims=True)) / (weight.std(axes, keepdims=True) + eps)


@mistake("14.5")
def weight_standardize(weight, eps=1e-5):
    """ε is missing: a filter of equal weights is divided by 0."""
    return standardised(weight, samples(weight), 0)


@mistake("14.5")
def weight_standardize(weight, eps=1e-5):
    """The argument ε is ignored: a number of your own stands in the formula, whatever the caller asks for."""
    return standardised(weight, samples(weight), 1e-5)


@mistake("14.5")
def weight_standardize(weight, eps=1e-3):
    """ε is 1e-3 unless given. Here it is 1e-5; weights are small, so the difference shows."""
    return standardised(weight, samples(weight), eps)


@mistake("14.5")
def weight_standardize(weight, eps=1e-5):
    """The square root is missing: you divide by the variance, not by the standard deviation."""
    axes = samples(weight)
    return (weight - weight.mean(axes, keepdims=True)) / (weight.var(axes, keepdims=True) + eps)


@mistake("14.5")
def weight_standardize(weight, eps=1e-5):
    """The weights are centred but not scaled: the division is missing."""
    return weight - weight.mean(samples(weight), keepdims=True)


@mistake("14.5")
def weight_standardize(weight, eps=1e-5):
    """The weights are scaled but not centred: the mean is never subtracted."""
    return weight / np.sqrt(weight.var(samples(weight), keepdims=True) + eps)


@mistake("14.5")
def weight_standardize(weight, eps=1e-5):
    """The variance is not taken about the mean: the mean of w² is not the variance unless the mean is 0."""
    axes = samples(weight)
    return (weight - weight.mean(axes, keepdims=True)) / np.sqrt((weight**2).mean(axes, keepdims=True) + eps)


@mistake("14.5")
def weight_standardize(weight, eps=1e-5):
    """This is weight normalization: each filter is divided by its length and not centred."""
    return weight / np.sqrt((weight**2).sum(samples(weight), keepdims=True) + eps)


@mistake("14.5")
def weight_standardize(weight, eps=1e-5):
    """The centred filter is divided by its length, √Σw², so that its length is 1. Divide by its standard deviation: the mean of
    the squares, not their sum."""
    centred = weight - weight.mean(samples(weight), keepdims=True)
    return centred / np.sqrt((centred**2).sum(samples(weight), keepdims=True) + eps)


@mistake("14.5")
def weight_standardize(weight, eps=1e-5):
    """You also divide by the root of the number of inputs, as scaled weight standardization does. Plain weight
    standardization leaves each filter with variance 1."""
    return standardised(weight, samples(weight), eps) / np.sqrt(weight[0].size)


@mistake("14.5")
def weight_standardize(weight, eps=1e-5):
    """You multiply the filters by the standard deviation of the whole layer. No scale
    follows: each filter is left with variance 1.
    """
    return weight.std() * standardised(weight, samples(weight), eps)


@mistake("14.5", caught_by="test_small_weights_come_out_with_variance_one")
def weight_standardize(weight, eps=1e-5):
    """The filters come out as rows of a matrix. The result has the shape of the weights."""
    return standardised(weight.reshape(len(weight), -1), 1, eps)


@mistake("14.5", caught_by="test_weights_stay_as_they_are")
def weight_standardize(weight, eps=1e-5):
    """The weights themselves are overwritten (`weight -= mean`). What is trained are the raw weights: compute into a new
    array."""
    axes = samples(weight)
    weight -= weight.mean(axes, keepdims=True)
    weight /= np.sqrt((weight**2).mean(axes, keepdims=True) + eps)
    return weight


@mistake("14.5")
def weight_standardize(weight, eps=1e-5):
    """You let PyTorch normalise the weights; here you write it."""
    import torch

    tensor = torch.tensor(np.ascontiguousarray(weight), dtype=torch.float64)
    return torch.nn.functional.layer_norm(tensor, tuple(tensor.shape[1:]), eps=eps).numpy()


@mistake("14.5", caught_by="test_each_filter_over_all_its_weights")
def weight_standardize(weight, eps=1e-5):
    """Linear layers and convolutions along one or two axes are handled; those of
    volumes have weights with five. Let the axes follow from `weight.ndim`.
    """
    values, var = centred(weight, {2: 1, 3: (1, 2), 4: (1, 2, 3)}[weight.ndim])
    return values / np.sqrt(var + eps)


@mistake("14.5", caught_by="test_weight_eps")
def weight_standardize(weight, eps=1e-5):
    """A filter whose weights are nearly equal becomes 0, as if they were quite equal. ε looks after it: the formula is the same for all."""
    values, var = centred(weight, samples(weight))
    return np.where(var < 1e-5, 0, values / np.sqrt(var + eps))


@mistake("14.5")
def weight_standardize(weight, eps=1e-5):
    """The variance divides by n - 1, and no ε is added to it. Divide by n, and add ε under the root."""
    rows = weight.reshape(len(weight), -1)
    rows = (rows - rows.mean(1, keepdims=True)) / rows.std(1, ddof=1, keepdims=True)
    return rows.reshape(weight.shape)


@mistake("14.5")
def weight_standardize(weight, eps=1e-5):
    """The centred filter is divided by its length, and ε is left out. Divide by √(σ² + ε): the mean of the squares, not their sum, and ε
    under the root."""
    centred = weight - weight.mean(samples(weight), keepdims=True)
    return centred / np.sqrt((centred**2).sum(samples(weight), keepdims=True))


@mistake("14.5")
def weight_standardize(weight, eps=1e-5):
    """Each pair of output and input channel gets statistics of its own; in a fully connected layer that is each weight alone, and all become 0. A filter takes all its input channels together."""
    flat = weight.reshape(*weight.shape[:2], -1)
    return standardised(flat, (2,), eps).reshape(weight.shape)


@mistake("14.5")
def weight_standardize(weight, eps=1e-5):
    """Each filter is centred by itself, but divided by one deviation, that of the whole layer. Each filter has its own."""
    centred = weight - weight.mean(tuple(range(1, weight.ndim)), keepdims=True)
    return centred / np.sqrt(centred.var() + eps)
