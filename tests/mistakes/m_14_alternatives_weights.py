"""Known wrong answers to 14.5, weight standardization, each with the sentence that helps."""

import numpy as np

from bncourse.checking import mistake


def filter_axes(weight):
    return tuple(range(1, weight.ndim))


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


@mistake("14.5")
def weight_standardize(weight, eps=1e-5):
    """The axes are written for two-dimensional convolutions, (1, 2, 3). Let them follow from `weight.ndim`."""
    return standardised(weight, (1, 2, 3), eps)


@mistake("14.5")
def weight_standardize(weight, eps=1e-5):
    """The variance divides by n - 1. Here it divides by n."""
    return standardised(weight, filter_axes(weight), eps, ddof=1)


@mistake("14.5")
def weight_standardize(weight, eps=1e-5):
    """You divide by the unbiased deviation plus ε. That is the authors' PyTorch code; their TensorFlow code and this exercise
    divide the variance by n, and here ε stands under the root."""
    axes = filter_axes(weight)
    return (weight - weight.mean(axes, keepdims=True)) / (weight.std(axes, keepdims=True, ddof=1) + eps)


@mistake("14.5")
def weight_standardize(weight, eps=1e-5):
    """ε stands outside the root: you divide by √σ² + ε instead of √(σ² + ε)."""
    axes = filter_axes(weight)
    return (weight - weight.mean(axes, keepdims=True)) / (weight.std(axes, keepdims=True) + eps)


@mistake("14.5")
def weight_standardize(weight, eps=1e-5):
    """ε is missing: a filter of equal weights is divided by 0."""
    return standardised(weight, filter_axes(weight), 0)


@mistake("14.5")
def weight_standardize(weight, eps=1e-5):
    """The argument ε is ignored: 1e-5 is written into the formula, whatever the caller asks for."""
    return standardised(weight, filter_axes(weight), 1e-5)


@mistake("14.5")
def weight_standardize(weight, eps=1e-3):
    """ε is 1e-3 unless given. Here it is 1e-5; weights are small, so the difference shows."""
    return standardised(weight, filter_axes(weight), eps)


@mistake("14.5")
def weight_standardize(weight, eps=1e-5):
    """The square root is missing: you divide by the variance, not by the standard deviation."""
    axes = filter_axes(weight)
    return (weight - weight.mean(axes, keepdims=True)) / (weight.var(axes, keepdims=True) + eps)


@mistake("14.5")
def weight_standardize(weight, eps=1e-5):
    """The weights are centred but not scaled: the division is missing."""
    return weight - weight.mean(filter_axes(weight), keepdims=True)


@mistake("14.5")
def weight_standardize(weight, eps=1e-5):
    """The weights are scaled but not centred: the mean is never subtracted."""
    return weight / np.sqrt(weight.var(filter_axes(weight), keepdims=True) + eps)


@mistake("14.5")
def weight_standardize(weight, eps=1e-5):
    """The variance is not taken about the mean: the mean of w² is not the variance unless the mean is 0."""
    axes = filter_axes(weight)
    return (weight - weight.mean(axes, keepdims=True)) / np.sqrt((weight**2).mean(axes, keepdims=True) + eps)


@mistake("14.5")
def weight_standardize(weight, eps=1e-5):
    """This is weight normalization: each filter is divided by its length and not centred."""
    return weight / np.sqrt((weight**2).sum(filter_axes(weight), keepdims=True) + eps)


@mistake("14.5")
def weight_standardize(weight, eps=1e-5):
    """The centred filter is divided by its length, √Σw², so that its length is 1. Divide by its standard deviation: the mean of
    the squares, not their sum."""
    centred = weight - weight.mean(filter_axes(weight), keepdims=True)
    return centred / np.sqrt((centred**2).sum(filter_axes(weight), keepdims=True) + eps)


@mistake("14.5")
def weight_standardize(weight, eps=1e-5):
    """You also divide by the root of the number of inputs, as scaled weight standardization does. Plain weight
    standardization leaves each filter with variance 1."""
    return standardised(weight, filter_axes(weight), eps) / np.sqrt(weight[0].size)


@mistake("14.5")
def weight_standardize(weight, eps=1e-5):
    """The filters get back the deviation of the whole layer. No scale follows: each filter is left with variance 1."""
    return weight.std() * standardised(weight, filter_axes(weight), eps)


@mistake("14.5")
def weight_standardize(weight, eps=1e-5):
    """The filters come out as rows of a matrix. The result has the shape of the weights."""
    return standardised(weight.reshape(len(weight), -1), 1, eps)


@mistake("14.5")
def weight_standardize(weight, eps=1e-5):
    """The weights themselves are overwritten (`weight -= mean`). What is trained are the raw weights: compute into a new
    array."""
    axes = filter_axes(weight)
    weight -= weight.mean(axes, keepdims=True)
    weight /= np.sqrt((weight**2).mean(axes, keepdims=True) + eps)
    return weight


@mistake("14.5")
def weight_standardize(weight, eps=1e-5):
    """You let PyTorch normalise the weights; here you write it."""
    import torch

    tensor = torch.tensor(np.ascontiguousarray(weight), dtype=torch.float64)
    return torch.nn.functional.layer_norm(tensor, tuple(tensor.shape[1:]), eps=eps).numpy()
