"""Known wrong answers to exercise 4.1, each with the sentence that helps."""

import numpy as np

from bncourse.checking import mistake


def channel_axes(x):
    return (0, *range(2, x.ndim))


def per_channel(values, x):
    return values.reshape(-1, *[1] * (x.ndim - 2))


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


@mistake("4.1", caught_by="test_each_image_channel_has_its_own_gamma_and_beta")
def scale_shift(x_hat, gamma, beta):
    """(C,) is laid against the last axis of x_hat. Channels stand on axis 1: reshape γ and β to (C, 1, 1) for images."""
    return gamma * x_hat + beta


@mistake("4.1")
def scale_shift(x_hat, gamma, beta):
    """γ is in the right shape, but β is laid against the last axis of x_hat. Channels stand on axis 1."""
    return per_channel(gamma, x_hat) * x_hat + beta


@mistake("4.1", caught_by="test_four_numbers_are_scaled_and_shifted_as_by_hand")
def scale_shift(x_hat, gamma, beta):
    """γ and β are shaped for images only, (1, C, 1, 1). Use as many ones as x_hat has spatial axes."""
    return gamma.reshape(1, -1, 1, 1) * x_hat + beta.reshape(1, -1, 1, 1)


@mistake("4.1")
def scale_shift(x_hat, gamma, beta):
    """Only two shapes are handled, (N, D) and (N, C, H, W). Let the shape of γ follow from `x_hat.ndim`."""
    shape = (1, -1) if x_hat.ndim == 2 else (1, -1, 1, 1)
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
    """γ and β are taken by the number of the sample, `gamma[n]` for x_hat[n]. They belong to the channels: `gamma[c]` for x_hat[:, c]."""
    y = np.empty(x_hat.shape)
    for n in range(len(x_hat)):
        y[n] = gamma[n] * x_hat[n] + beta[n]
    return y


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


@mistake("4.1", caught_by="test_each_feature_has_its_own_gamma_and_beta")
def scale_shift(x_hat, gamma, beta):
    """A batch of one loses its batch axis: the result is squeezed and no longer has the shape of x_hat."""
    y = per_channel(gamma, x_hat) * x_hat + per_channel(beta, x_hat)
    return y[0] if len(y) == 1 else y


@mistake("4.1", caught_by="test_scale_and_shift_leave_their_arguments_alone")
def scale_shift(x_hat, gamma, beta):
    """x_hat itself is overwritten, by `x_hat *= gamma` or an assignment into it, but the backward pass still needs it. Compute into a new array."""
    x_hat *= per_channel(gamma, x_hat)
    x_hat += per_channel(beta, x_hat)
    return x_hat


@mistake("4.1")
def scale_shift(x_hat, gamma, beta):
    """You call PyTorch, which is forbidden here: you write scale and shift yourself, with NumPy."""
    import torch

    x_hat, gamma, beta = (torch.tensor(a, dtype=torch.float64) for a in (x_hat, gamma, beta))
    zeros, ones = torch.zeros_like(gamma), torch.ones_like(gamma)
    return torch.nn.functional.batch_norm(x_hat, zeros, ones, gamma, beta, eps=0.0).numpy()


@mistake("4.1", caught_by="test_scale_and_shift_take_any_number_of_axes")
def scale_shift(x_hat, gamma, beta):
    """Features, sequences and images are handled; a film or a volume has more axes.
    Count the ones in the shape by `x_hat.ndim`.
    """
    shape = {2: (-1,), 3: (-1, 1), 4: (-1, 1, 1)}[x_hat.ndim]
    return gamma.reshape(shape) * x_hat + beta.reshape(shape)


@mistake("4.1")
def scale_shift(x_hat, gamma, beta):
    """`[:, None, None]` gives γ and β the shape (C, 1, 1), which fits images alone. Use as many ones as x_hat has spatial axes."""
    return gamma[:, None, None] * x_hat + beta[:, None, None]


@mistake("4.1")
def scale_shift(x_hat, gamma, beta):
    """Two and four axes are handled; with any other number you return None. Let the
    shape of γ and β follow from `x_hat.ndim`.
    """
    if x_hat.ndim in (2, 4):
        return per_channel(gamma, x_hat) * x_hat + per_channel(beta, x_hat)


@mistake("4.1")
def scale_shift(x_hat, gamma, beta):
    """The matrix product with `np.diag(gamma)` runs along the last axis. Channels stand on axis 1."""
    return x_hat @ np.diag(gamma) + beta
