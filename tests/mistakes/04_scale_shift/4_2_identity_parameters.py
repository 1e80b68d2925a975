"""Known wrong answers to exercise 4.2, each with the sentence that helps."""

import numpy as np

from bncourse.checking import mistake


@mistake("4.2")
def identity_parameters(mean, var, eps):
    """ε is forgotten: you return √σ², but the normalisation divided by √(σ² + ε)."""
    return np.sqrt(var), mean


@mistake("4.2")
def identity_parameters(mean, var, eps):
    """ε stands outside the root: γ is √(σ² + ε), not √σ² + ε."""
    return np.sqrt(var) + eps, mean


@mistake("4.2")
def identity_parameters(mean, var, eps):
    """The square root is missing: x - μ was divided by the root of σ² + ε, so γ is that root."""
    return var + eps, mean


@mistake("4.2")
def identity_parameters(mean, var, eps):
    """The variance is taken for a standard deviation: you return it as γ."""
    return var, mean


@mistake("4.2")
def identity_parameters(mean, var, eps):
    """The variance is squared under the root: it is taken for a standard deviation."""
    return np.sqrt(var**2 + eps), mean


@mistake("4.2")
def identity_parameters(mean, var, eps):
    """γ is the inverse of what it should be: 1 / √(σ² + ε) normalises once more instead of undoing it."""
    return 1 / np.sqrt(var + eps), mean


@mistake("4.2")
def identity_parameters(mean, var, eps):
    """These are the factor and offset that normalise, 1 / √(σ² + ε) and -μ / √(σ² + ε). The opposite is asked for."""
    return 1 / np.sqrt(var + eps), -mean / np.sqrt(var + eps)


@mistake("4.2")
def identity_parameters(mean, var, eps):
    """The sign of β is wrong: the mean was subtracted, so β adds it back."""
    return np.sqrt(var + eps), -mean


@mistake("4.2")
def identity_parameters(mean, var, eps):
    """β is μ times γ. It is added after γ has done its work, so it is μ itself."""
    return np.sqrt(var + eps), mean * np.sqrt(var + eps)


@mistake("4.2")
def identity_parameters(mean, var, eps):
    """β is μ / γ, as if it were added before γ multiplies. It comes after."""
    return np.sqrt(var + eps), mean / np.sqrt(var + eps)


@mistake("4.2")
def identity_parameters(mean, var, eps):
    """The pair is in the wrong order: γ comes first, then β."""
    return mean, np.sqrt(var + eps)


@mistake("4.2")
def identity_parameters(mean, var, eps):
    """γ = 1 and β = 0 are the values that training starts with. They keep x̂ as it is; asked is what brings x back."""
    return np.ones_like(var, dtype=float), np.zeros_like(mean, dtype=float)


@mistake("4.2")
def identity_parameters(mean, var, eps):
    """The mean does not come back: β is 0."""
    return np.sqrt(var + eps), np.zeros_like(mean, dtype=float)


@mistake("4.2")
def identity_parameters(mean, var, eps):
    """The standard deviation does not come back: γ is 1."""
    return np.ones_like(var, dtype=float), mean


@mistake("4.2")
def identity_parameters(mean, var, eps):
    """The argument ε is ignored: 1e-5 is written into the formula, whatever the caller asks for."""
    return np.sqrt(var + 1e-5), mean


@mistake("4.2", caught_by="test_what_was_normalised_comes_back")
def identity_parameters(mean, var, eps):
    """ε is squared before it is added."""
    return np.sqrt(var + eps**2), mean


@mistake("4.2")
def identity_parameters(mean, var, eps):
    """ε is subtracted, as if to undo its addition. The root that γ undoes held σ² + ε."""
    return np.sqrt(var - eps), mean


@mistake("4.2")
def identity_parameters(mean, var, eps):
    """ε steps in only where the standard deviation is 0 or tiny; it should be added to the variance, always."""
    return np.maximum(np.sqrt(var), eps), mean


@mistake("4.2")
def identity_parameters(mean, var, eps):
    """ε is added to β as well. It stands under the root only."""
    return np.sqrt(var + eps), mean + eps


@mistake("4.2")
def identity_parameters(mean, var, eps):
    """All channels get the same γ and β: yours average each array into one number. Each channel has its own."""
    return np.full(np.shape(var), np.sqrt(np.mean(var) + eps)), np.full(np.shape(mean), np.mean(mean))


@mistake("4.2")
def identity_parameters(mean, var, eps):
    """The result is one pair of numbers, averaged over the channels. Each channel has its own pair, shape (C,)."""
    return np.sqrt(np.mean(var) + eps), np.mean(mean)


@mistake("4.2", caught_by="test_every_channel_gets_its_own_identity")
def identity_parameters(mean, var, eps):
    """The sign of the mean is lost: β is |μ|."""
    return np.sqrt(var + eps), abs(mean)


@mistake("4.2")
def identity_parameters(mean, var, eps):
    """The result has the shape (1, C, 1, 1), ready for images. Asked is (C,); the caller brings it into shape."""
    return np.reshape(np.sqrt(var + eps), (1, -1, 1, 1)), np.reshape(mean, (1, -1, 1, 1))


@mistake("4.2")
def identity_parameters(mean, var, eps):
    """`math.sqrt` takes one number only; `np.sqrt` takes arrays as well."""
    import math

    return math.sqrt(var + eps), mean


@mistake("4.2", caught_by="test_identity_leaves_its_arguments_alone")
def identity_parameters(mean, var, eps):
    """`var` itself is overwritten (`var += eps`): the caller's variance is gone. Compute into a new array."""
    var += eps
    return np.sqrt(var), mean


@mistake("4.2", caught_by="test_two_numbers_as_by_hand")
def identity_parameters(mean, var, eps):
    """`mean.copy()` is a method of arrays, which a plain number lacks. Use what serves both, such as `np.copy(mean)`."""
    return np.sqrt(var + eps), mean.copy()


@mistake("4.2", caught_by="test_identity_counts_eps")
def identity_parameters(mean, var, eps):
    """Where the variance is 0 you leave γ at 1. The normalisation divided by √ε there, and γ has to undo that too."""
    return np.where(np.equal(var, 0), 1, np.sqrt(var + eps)), mean


@mistake("4.2")
def identity_parameters(mean, var, eps):
    """β is -μ / √(σ² + ε), the offset of the normalisation itself. β has to undo it: after γ has multiplied, the mean is added back, so β is μ."""
    return np.sqrt(var + eps), -mean / np.sqrt(var + eps)
