"""Known wrong answers to 4.1 and 4.2, each with the sentence that helps."""

import numpy as np

from bncourse.checking import mistake


def channel_axes(x):
    return (0, *range(2, x.ndim))


def per_channel(values, x):
    return values.reshape(-1, *[1] * (x.ndim - 2))


# 4.1


@mistake("4.1")
def scale_shift(x_hat, gamma, beta):
    """γ is not used: only β is added."""
    return x_hat + per_channel(beta, x_hat)


@mistake("4.1")
def scale_shift(x_hat, gamma, beta):
    """β is not used: the values are scaled but not shifted."""
    return per_channel(gamma, x_hat) * x_hat


@mistake("4.1")
def scale_shift(x_hat, gamma, beta):
    """γ and β have changed places: γ multiplies, β is added."""
    return per_channel(beta, x_hat) * x_hat + per_channel(gamma, x_hat)


@mistake("4.1")
def scale_shift(x_hat, gamma, beta):
    """The brackets are wrong: you compute γ (x̂ + β), so β is scaled too. First scale, then shift."""
    return per_channel(gamma, x_hat) * (x_hat + per_channel(beta, x_hat))


@mistake("4.1")
def scale_shift(x_hat, gamma, beta):
    """β is subtracted instead of added."""
    return per_channel(gamma, x_hat) * x_hat - per_channel(beta, x_hat)


@mistake("4.1")
def scale_shift(x_hat, gamma, beta):
    """You divide by γ instead of multiplying by it."""
    return x_hat / per_channel(gamma, x_hat) + per_channel(beta, x_hat)


@mistake("4.1")
def scale_shift(x_hat, gamma, beta):
    """You multiply by 1 + γ. Some libraries store γ that way; here γ itself is the factor, and starts at 1."""
    return (1 + per_channel(gamma, x_hat)) * x_hat + per_channel(beta, x_hat)


@mistake("4.1")
def scale_shift(x_hat, gamma, beta):
    """The sign of γ is lost: you multiply by |γ|. A negative γ turns a channel over."""
    return abs(per_channel(gamma, x_hat)) * x_hat + per_channel(beta, x_hat)


@mistake("4.1")
def scale_shift(x_hat, gamma, beta):
    """γ is applied twice: you multiply by its square."""
    return per_channel(gamma, x_hat) ** 2 * x_hat + per_channel(beta, x_hat)


@mistake("4.1")
def scale_shift(x_hat, gamma, beta):
    """γ is taken for a variance: you multiply by its square root. γ itself is the factor."""
    return np.sqrt(per_channel(gamma, x_hat)) * x_hat + per_channel(beta, x_hat)


@mistake("4.1")
def scale_shift(x_hat, gamma, beta):
    """All channels get the same γ and β: yours average each array into one number."""
    return np.mean(gamma) * x_hat + np.mean(beta)


@mistake("4.1")
def scale_shift(x_hat, gamma, beta):
    """All channels get the same γ, the mean of `gamma`. Each has its own."""
    return np.mean(gamma) * x_hat + per_channel(beta, x_hat)


@mistake("4.1")
def scale_shift(x_hat, gamma, beta):
    """All channels get the first γ and the first β. Each has its own."""
    return gamma[0] * x_hat + beta[0]


@mistake("4.1")
def scale_shift(x_hat, gamma, beta):
    """(C,) is laid against the last axis of x_hat. Channels stand on axis 1: reshape γ and β to (C, 1, 1) for images."""
    return gamma * x_hat + beta


@mistake("4.1")
def scale_shift(x_hat, gamma, beta):
    """γ is in the right shape, but β is laid against the last axis of x_hat. Channels stand on axis 1."""
    return per_channel(gamma, x_hat) * x_hat + beta


@mistake("4.1")
def scale_shift(x_hat, gamma, beta):
    """γ and β are shaped for images only, (1, C, 1, 1). Use as many ones as x_hat has spatial axes."""
    return gamma.reshape(1, -1, 1, 1) * x_hat + beta.reshape(1, -1, 1, 1)


@mistake("4.1")
def scale_shift(x_hat, gamma, beta):
    """Only two shapes are provided for, (N, D) and (N, C, H, W). Let the shape of γ follow from `x_hat.ndim`."""
    shape = {2: (1, -1), 4: (1, -1, 1, 1)}[x_hat.ndim]
    return gamma.reshape(shape) * x_hat + beta.reshape(shape)


@mistake("4.1")
def scale_shift(x_hat, gamma, beta):
    """A 3-D input is read as (N, L, C). Its channels stand on axis 1, as everywhere here: (N, C, L)."""
    if x_hat.ndim == 3:
        return gamma * x_hat + beta
    return per_channel(gamma, x_hat) * x_hat + per_channel(beta, x_hat)


@mistake("4.1")
def scale_shift(x_hat, gamma, beta):
    """γ and β run down the batch: you gave them the shape of axis 0. They belong to the channels, axis 1."""
    shape = (-1, *[1] * (x_hat.ndim - 1))
    return gamma.reshape(shape) * x_hat + beta.reshape(shape)


@mistake("4.1")
def scale_shift(x_hat, gamma, beta):
    """x_hat is normalised once more before it is scaled. Take it as it comes, whatever its mean and variance."""
    axes = channel_axes(x_hat)
    x_hat = (x_hat - x_hat.mean(axes, keepdims=True)) / np.sqrt(x_hat.var(axes, keepdims=True) + 1e-5)
    return per_channel(gamma, x_hat) * x_hat + per_channel(beta, x_hat)


@mistake("4.1")
def scale_shift(x_hat, gamma, beta):
    """Negative results are cut off at 0. That is the ReLU, a layer of its own that comes later."""
    return np.maximum(per_channel(gamma, x_hat) * x_hat + per_channel(beta, x_hat), 0)


@mistake("4.1")
def scale_shift(x_hat, gamma, beta):
    """A batch of one loses its batch axis: the result is squeezed and no longer has the shape of x_hat."""
    y = per_channel(gamma, x_hat) * x_hat + per_channel(beta, x_hat)
    return y[0] if len(y) == 1 else y


@mistake("4.1")
def scale_shift(x_hat, gamma, beta):
    """x_hat itself is overwritten (`x_hat *= gamma`), but the backward pass still needs it. Compute into a new array."""
    x_hat *= per_channel(gamma, x_hat)
    x_hat += per_channel(beta, x_hat)
    return x_hat


@mistake("4.1")
def scale_shift(x_hat, gamma, beta):
    """You call PyTorch's own batch normalization; here you write it."""
    import torch

    x_hat, gamma, beta = (torch.tensor(a, dtype=torch.float64) for a in (x_hat, gamma, beta))
    zeros, ones = torch.zeros_like(gamma), torch.ones_like(gamma)
    return torch.nn.functional.batch_norm(x_hat, zeros, ones, gamma, beta, eps=0.0).numpy()


# 4.2


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
    """The deviation does not come back: γ is 1."""
    return np.ones_like(var, dtype=float), mean


@mistake("4.2")
def identity_parameters(mean, var, eps):
    """The argument ε is ignored: 1e-5 is written into the formula, whatever the caller asks for."""
    return np.sqrt(var + 1e-5), mean


@mistake("4.2")
def identity_parameters(mean, var, eps):
    """ε is squared before it is added."""
    return np.sqrt(var + eps**2), mean


@mistake("4.2")
def identity_parameters(mean, var, eps):
    """ε is subtracted, as if to undo its addition. The root that γ undoes held σ² + ε."""
    return np.sqrt(var - eps), mean


@mistake("4.2")
def identity_parameters(mean, var, eps):
    """ε is a lower bound of γ in your answer; it should be added to the variance, always."""
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


@mistake("4.2")
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


@mistake("4.2")
def identity_parameters(mean, var, eps):
    """`var` itself is overwritten (`var += eps`): the caller's variance is gone. Compute into a new array."""
    var += eps
    return np.sqrt(var), mean
