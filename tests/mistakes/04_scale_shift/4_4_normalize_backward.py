"""Known wrong answers to exercise 4.4, each with the sentence that helps."""

import numpy as np

from bncourse.checking import mistake


def channel_axes(x):
    return (0, *range(2, x.ndim))


def per_channel(values, x):
    return values.reshape(-1, *[1] * (x.ndim - 2))


def mean_of(values, axes=None):
    return values.mean(channel_axes(values) if axes is None else axes, keepdims=True)


def closed_form(dx_hat, x_hat, var, eps, axes=None):
    """The right answer where the axes are left as they are."""
    minus = mean_of(dx_hat, axes) + x_hat * mean_of(dx_hat * x_hat, axes)
    return (dx_hat - minus) / np.sqrt(per_channel(var, x_hat) + eps)


def std_of(var, eps, x_hat):
    return np.sqrt(per_channel(var, x_hat) + eps)


@mistake("4.4")
def normalize_backward(dx_hat, x_hat, var, eps):
    """Mean and variance are treated as constants. They depend on x: the ways through both of them are missing."""
    return dx_hat / std_of(var, eps, x_hat)


@mistake("4.4")
def normalize_backward(dx_hat, x_hat, var, eps):
    """The way through the variance is missing: subtract x_hat times the mean of dx_hat · x_hat as well."""
    return (dx_hat - mean_of(dx_hat)) / std_of(var, eps, x_hat)


@mistake("4.4")
def normalize_backward(dx_hat, x_hat, var, eps):
    """The way through the mean is missing: subtract the mean of dx_hat as well."""
    return (dx_hat - x_hat * mean_of(dx_hat * x_hat)) / std_of(var, eps, x_hat)


@mistake("4.4")
def normalize_backward(dx_hat, x_hat, var, eps):
    """ε is left out on the way back: the forward pass divided by √(σ² + ε), so does the backward pass."""
    return closed_form(dx_hat, x_hat, var, 0.0)


@mistake("4.4")
def normalize_backward(dx_hat, x_hat, var, eps):
    """The argument ε is ignored: 1e-5 is written into the formula, whatever the caller asks for."""
    return closed_form(dx_hat, x_hat, var, 1e-5)


@mistake("4.4")
def normalize_backward(dx_hat, x_hat, var, eps):
    """ε stands outside the root: you divide by √σ² + ε instead of √(σ² + ε)."""
    return closed_form(dx_hat, x_hat, (np.sqrt(var) + eps) ** 2, 0.0)


@mistake("4.4")
def normalize_backward(dx_hat, x_hat, var, eps):
    """The square root is missing: you divide by σ² + ε."""
    return closed_form(dx_hat, x_hat, (var + eps) ** 2, 0.0)


@mistake("4.4")
def normalize_backward(dx_hat, x_hat, var, eps):
    """The variance is taken for a standard deviation: it is squared before the root is taken."""
    return closed_form(dx_hat, x_hat, var**2, eps)


@mistake("4.4")
def normalize_backward(dx_hat, x_hat, var, eps):
    """The division by √(σ² + ε) is missing: the forward pass divided, so does the backward pass."""
    return dx_hat - mean_of(dx_hat) - x_hat * mean_of(dx_hat * x_hat)


@mistake("4.4", caught_by="test_four_numbers_go_back_as_by_hand")
def normalize_backward(dx_hat, x_hat, var, eps):
    """You multiply by √(σ² + ε). The way back is no inverse: what was divided on the way forward is divided again."""
    return closed_form(dx_hat, x_hat, var, eps) * (per_channel(var, x_hat) + eps)


@mistake("4.4")
def normalize_backward(dx_hat, x_hat, var, eps):
    """The variance is computed anew from x_hat, where it is nearly 1. The variance of x is given: `var`."""
    return closed_form(dx_hat, x_hat, x_hat.var(channel_axes(x_hat)), eps)


@mistake("4.4", caught_by="test_features_go_back")
def normalize_backward(dx_hat, x_hat, var, eps):
    """All channels get the same variance: yours average `var` into one number."""
    return closed_form(dx_hat, x_hat, np.full_like(var, var.mean()), eps)


@mistake("4.4")
def normalize_backward(dx_hat, x_hat, var, eps):
    """Both subtracted terms are sums; each is a mean, 1/m of the sum."""
    m = x_hat.size // x_hat.shape[1]
    minus = m * (mean_of(dx_hat) + x_hat * mean_of(dx_hat * x_hat))
    return (dx_hat - minus) / std_of(var, eps, x_hat)


@mistake("4.4")
def normalize_backward(dx_hat, x_hat, var, eps):
    """dx_hat is not averaged but summed in the way through the mean; that term is 1/m of the sum."""
    m = x_hat.size // x_hat.shape[1]
    return (dx_hat - m * mean_of(dx_hat) - x_hat * mean_of(dx_hat * x_hat)) / std_of(var, eps, x_hat)


@mistake("4.4")
def normalize_backward(dx_hat, x_hat, var, eps):
    """dx_hat · x_hat is not averaged but summed in the way through the variance; that term is 1/m of the sum."""
    m = x_hat.size // x_hat.shape[1]
    return (dx_hat - mean_of(dx_hat) - m * x_hat * mean_of(dx_hat * x_hat)) / std_of(var, eps, x_hat)


@mistake("4.4")
def normalize_backward(dx_hat, x_hat, var, eps):
    """The sums are divided by √m where they should be divided by m."""
    root = np.sqrt(x_hat.size // x_hat.shape[1])
    minus = root * (mean_of(dx_hat) + x_hat * mean_of(dx_hat * x_hat))
    return (dx_hat - minus) / std_of(var, eps, x_hat)


@mistake("4.4")
def normalize_backward(dx_hat, x_hat, var, eps):
    """m is the batch size in your answer. For images it counts every pixel of the channel too: N · H · W."""
    pixels = x_hat[0, 0].size
    minus = pixels * (mean_of(dx_hat) + x_hat * mean_of(dx_hat * x_hat))
    return (dx_hat - minus) / std_of(var, eps, x_hat)


@mistake("4.4")
def normalize_backward(dx_hat, x_hat, var, eps):
    """The way through the variance divides by m - 1. The variance of the forward pass is the biased one, over m."""
    m = x_hat.size // x_hat.shape[1]
    along = x_hat * mean_of(dx_hat * x_hat) * m / max(m - 1, 1)
    return (dx_hat - mean_of(dx_hat) - along) / std_of(var, eps, x_hat)


@mistake("4.4")
def normalize_backward(dx_hat, x_hat, var, eps):
    """Both ways divide by m - 1 instead of m."""
    m = x_hat.size // x_hat.shape[1]
    minus = (mean_of(dx_hat) + x_hat * mean_of(dx_hat * x_hat)) * m / max(m - 1, 1)
    return (dx_hat - minus) / std_of(var, eps, x_hat)


@mistake("4.4")
def normalize_backward(dx_hat, x_hat, var, eps):
    """The term through the variance is added; its sign is minus, from the derivative of (σ² + ε) to the power -1/2."""
    return (dx_hat - mean_of(dx_hat) + x_hat * mean_of(dx_hat * x_hat)) / std_of(var, eps, x_hat)


@mistake("4.4")
def normalize_backward(dx_hat, x_hat, var, eps):
    """The term through the mean is added; its sign is minus, since the mean is subtracted from x."""
    return (dx_hat + mean_of(dx_hat) - x_hat * mean_of(dx_hat * x_hat)) / std_of(var, eps, x_hat)


@mistake("4.4")
def normalize_backward(dx_hat, x_hat, var, eps):
    """Both subtracted terms are added instead."""
    return (dx_hat + mean_of(dx_hat) + x_hat * mean_of(dx_hat * x_hat)) / std_of(var, eps, x_hat)


@mistake("4.4")
def normalize_backward(dx_hat, x_hat, var, eps):
    """The sign of the whole gradient is turned round."""
    return -closed_form(dx_hat, x_hat, var, eps)


@mistake("4.4")
def normalize_backward(dx_hat, x_hat, var, eps):
    """The factor 1/2 of the root's derivative is missing, so the way through the variance counts twice."""
    return (dx_hat - mean_of(dx_hat) - 2 * x_hat * mean_of(dx_hat * x_hat)) / std_of(var, eps, x_hat)


@mistake("4.4")
def normalize_backward(dx_hat, x_hat, var, eps):
    """The factor 2 of the square's derivative is missing, so the way through the variance counts half."""
    return (dx_hat - mean_of(dx_hat) - 0.5 * x_hat * mean_of(dx_hat * x_hat)) / std_of(var, eps, x_hat)


@mistake("4.4")
def normalize_backward(dx_hat, x_hat, var, eps):
    """The mean of dx_hat · x_hat is subtracted as it is. It belongs along x_hat: multiply it by x_hat first."""
    return (dx_hat - mean_of(dx_hat) - mean_of(dx_hat * x_hat)) / std_of(var, eps, x_hat)


@mistake("4.4")
def normalize_backward(dx_hat, x_hat, var, eps):
    """x_hat is multiplied by the mean of dx_hat. It should be the mean of the products dx_hat · x_hat."""
    return (dx_hat - mean_of(dx_hat) - x_hat * mean_of(dx_hat)) / std_of(var, eps, x_hat)


@mistake("4.4")
def normalize_backward(dx_hat, x_hat, var, eps):
    """The way through the variance is too strong by σ² + ε: either x - μ stands there in place of x_hat, or the exponent
    of the derivative is -1/2 in place of -3/2."""
    centred = x_hat * std_of(var, eps, x_hat)
    return (dx_hat - mean_of(dx_hat) - centred * mean_of(dx_hat * centred)) / std_of(var, eps, x_hat)


@mistake("4.4")
def normalize_backward(dx_hat, x_hat, var, eps):
    """You take away all of the part along x_hat, as if ε were 0. Divide Σ dx_hat · x_hat by m, not by Σ x_hat²."""
    along = x_hat * mean_of(dx_hat * x_hat) / mean_of(x_hat**2)
    return (dx_hat - mean_of(dx_hat) - along) / std_of(var, eps, x_hat)


@mistake("4.4")
def normalize_backward(dx_hat, x_hat, var, eps):
    """You normalise the gradient as the forward pass normalises x. The way back is the derivative, not the same again."""
    return (dx_hat - mean_of(dx_hat)) / np.sqrt(dx_hat.var(channel_axes(dx_hat), keepdims=True) + eps)


@mistake("4.4")
def normalize_backward(dx_hat, x_hat, var, eps):
    """Brackets are missing: only the last term is divided by √(σ² + ε)."""
    return dx_hat - mean_of(dx_hat) - x_hat * mean_of(dx_hat * x_hat) / std_of(var, eps, x_hat)


@mistake("4.4")
def normalize_backward(dx_hat, x_hat, var, eps):
    """Only dx_hat is divided by √(σ² + ε). What comes through the mean and the variance is divided too."""
    return dx_hat / std_of(var, eps, x_hat) - mean_of(dx_hat) - x_hat * mean_of(dx_hat * x_hat)


@mistake("4.4")
def normalize_backward(dx_hat, x_hat, var, eps):
    """The direct way is missing: only what comes through the variance is left. The gradients of several ways add up."""
    return -x_hat * mean_of(dx_hat * x_hat) / std_of(var, eps, x_hat)


@mistake("4.4")
def normalize_backward(dx_hat, x_hat, var, eps):
    """The way through the variance is too weak by √(σ² + ε): in dinverse, x_hat stands where x - μ belongs."""
    std = std_of(var, eps, x_hat)
    return (dx_hat - mean_of(dx_hat) - x_hat * mean_of(dx_hat * x_hat) / std) / std


@mistake("4.4")
def normalize_backward(dx_hat, x_hat, var, eps):
    """The way through the variance is too strong by √(σ² + ε): the derivative of 1/√(σ² + ε) has the power -3/2."""
    std = std_of(var, eps, x_hat)
    return (dx_hat - mean_of(dx_hat) - x_hat * mean_of(dx_hat * x_hat) * std) / std


@mistake("4.4")
def normalize_backward(dx_hat, x_hat, var, eps):
    """The means run over the whole tensor. Each channel has its own: leave axis 1 out."""
    return closed_form(dx_hat, x_hat, var, eps, axes=tuple(range(x_hat.ndim)))


@mistake("4.4")
def normalize_backward(dx_hat, x_hat, var, eps):
    """The means run over each sample, as in layer normalization. Average over all axes but axis 1."""
    return closed_form(dx_hat, x_hat, var, eps, axes=tuple(range(1, x_hat.ndim)))


@mistake("4.4", caught_by="test_gradient_has_no_part_along_a_shift_or_a_stretch")
def normalize_backward(dx_hat, x_hat, var, eps):
    """The means run over each image by itself, as in instance normalization. Average over the batch, axis 0, as well."""
    return closed_form(dx_hat, x_hat, var, eps, axes=tuple(range(2, x_hat.ndim)) or 0)


@mistake("4.4")
def normalize_backward(dx_hat, x_hat, var, eps):
    """The means run over the batch alone, so every pixel is a feature of its own. Average over the spatial axes too."""
    return closed_form(dx_hat, x_hat, var, eps, axes=0)


@mistake("4.4")
def normalize_backward(dx_hat, x_hat, var, eps):
    """A 3-D input (N, C, L) is averaged over the batch alone; its last axis is spatial too."""
    return closed_form(dx_hat, x_hat, var, eps, axes=0 if x_hat.ndim == 3 else None)


@mistake("4.4")
def normalize_backward(dx_hat, x_hat, var, eps):
    """The means keep the last axis, where Keras has its channels. Here they stand on axis 1."""
    return closed_form(dx_hat, x_hat, var, eps, axes=tuple(range(x_hat.ndim - 1)))


@mistake("4.4")
def normalize_backward(dx_hat, x_hat, var, eps):
    """Only two shapes are handled, (N, D) and (N, C, H, W). Let the axes follow from `x_hat.ndim`."""
    return closed_form(dx_hat, x_hat, var, eps, axes=0 if x_hat.ndim == 2 else (0, 2, 3))


@mistake("4.4")
def normalize_backward(dx_hat, x_hat, var, eps):
    """`var` is laid against the last axis of x_hat. Channels stand on axis 1: reshape it to (C, 1, 1) for images."""
    minus = mean_of(dx_hat) + x_hat * mean_of(dx_hat * x_hat)
    return (dx_hat - minus) / np.sqrt(var + eps)


@mistake("4.4", caught_by=("test_images_go_back", "test_one_value_behind_a_statistic_gets_no_gradient"))
def normalize_backward(dx_hat, x_hat, var, eps):
    """A batch of one is treated as at inference, dx_hat / √(σ² + ε). Images of one still have pixels to average over;
    features of one have gradient 0."""
    if len(x_hat) == 1:
        return dx_hat / std_of(var, eps, x_hat)
    return closed_form(dx_hat, x_hat, var, eps)


@mistake("4.4", caught_by="test_normalize_backward_leaves_its_arguments_alone")
def normalize_backward(dx_hat, x_hat, var, eps):
    """dx_hat itself is overwritten (`dx_hat -= ...`): the caller's gradient is gone. Compute into a new array."""
    minus = mean_of(dx_hat) + x_hat * mean_of(dx_hat * x_hat)
    dx_hat -= minus
    dx_hat /= std_of(var, eps, x_hat)
    return dx_hat


@mistake("4.4")
def normalize_backward(dx_hat, x_hat, var, eps):
    """PyTorch's autograd does the work for you; here you write it."""
    import torch

    x = torch.tensor(x_hat * std_of(var, eps, x_hat), dtype=torch.float64, requires_grad=True)
    axes = channel_axes(x_hat)
    centred = x - x.mean(axes, keepdim=True)
    (centred / torch.sqrt((centred**2).mean(axes, keepdim=True) + eps)).backward(torch.tensor(dx_hat))
    return x.grad.numpy()


@mistake("4.4", caught_by="test_normalisation_goes_back_through_any_number_of_axes")
def normalize_backward(dx_hat, x_hat, var, eps):
    """Features, sequences and images are handled; a film or a volume has more axes.
    Let them follow from `x_hat.ndim`.
    """
    return closed_form(dx_hat, x_hat, var, eps, {2: 0, 3: (0, 2), 4: (0, 2, 3)}[x_hat.ndim])


@mistake("4.4", caught_by="test_eps_counts_on_the_way_back")
def normalize_backward(dx_hat, x_hat, var, eps):
    """A channel of variance 0 gets no gradient. With ε under the root it has one: its numbers could still move apart."""
    return np.where(per_channel(var, x_hat) > 0, closed_form(dx_hat, x_hat, var, eps), 0)


@mistake("4.4")
def normalize_backward(dx_hat, x_hat, var, eps):
    """This is the gradient of (x - μ) / (σ + ε), with ε outside the root. The forward pass was (x - μ) / √(σ² + ε)."""
    m = x_hat.size // x_hat.shape[1]
    centred = x_hat * std_of(var, eps, x_hat)
    divisor = np.sqrt(per_channel(var, x_hat)) + eps
    ddivisor = -m * mean_of(dx_hat * centred) / divisor**2
    dcentred = dx_hat / divisor + ddivisor * centred / (m * divisor)
    return dcentred - mean_of(dcentred)


@mistake("4.4")
def normalize_backward(dx_hat, x_hat, var, eps):
    """`reshape(-1, C)` takes neighbouring pixels for channels. Move axis 1 to the end first, with `np.moveaxis(x_hat, 1, -1)`."""
    upstream, rows = dx_hat.reshape(-1, len(var)), x_hat.reshape(-1, len(var))
    return closed_form(upstream, rows, var, eps).reshape(x_hat.shape)


@mistake("4.4")
def normalize_backward(dx_hat, x_hat, var, eps):
    """The axes (0, 2, 3) are written into the code. Let them follow from `x_hat.ndim`: the number of spatial axes is free, and features have none."""
    axes = (0, 2, 3)
    minus = mean_of(dx_hat, axes) + x_hat * mean_of(dx_hat * x_hat, axes)
    return (dx_hat - minus) / np.sqrt(var.reshape(1, -1, 1, 1) + eps)


@mistake("4.4")
def normalize_backward(dx_hat, x_hat, var, eps):
    """`[:, None, None]` gives `var` the shape (C, 1, 1), which fits images alone. Use as many ones as x_hat has spatial axes."""
    minus = mean_of(dx_hat) + x_hat * mean_of(dx_hat * x_hat)
    return (dx_hat - minus) / np.sqrt(var[:, None, None] + eps)


@mistake("4.4")
def normalize_backward(dx_hat, x_hat, var, eps):
    """All is done as for features (N, D): the means run over the batch alone, and `var` is laid against the last axis. Channels stand on axis 1, and their means run over the spatial axes as well."""
    minus = dx_hat.mean(0) + x_hat * (dx_hat * x_hat).mean(0)
    return (dx_hat - minus) / np.sqrt(var + eps)


@mistake("4.4")
def normalize_backward(dx_hat, x_hat, var, eps):
    """x - μ is taken for x_hat · √σ². The forward pass divided by √(σ² + ε), so x - μ is x_hat · √(σ² + ε)."""
    m, var = x_hat.size // x_hat.shape[1], per_channel(var, x_hat)
    inverse, centred = 1 / np.sqrt(var + eps), x_hat * np.sqrt(var)
    dvar = -0.5 * inverse**3 * m * mean_of(dx_hat * centred)
    return (dx_hat - mean_of(dx_hat)) * inverse + dvar * 2 * centred / m


@mistake("4.4")
def normalize_backward(dx_hat, x_hat, var, eps):
    """Only what each number does to its own x̂ is counted, the diagonal of the Jacobian. Through mean and variance it changes all others of its channel too."""
    m = x_hat.size / x_hat.shape[1]
    return dx_hat * (1 - 1 / m - x_hat**2 / m) / std_of(var, eps, x_hat)
