"""Known wrong answers to chapter 4, each with the sentence that helps."""

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


# 4.3


def sums(values):
    return values.sum(channel_axes(values))


@mistake("4.3")
def scale_shift_backward(dy, x_hat, gamma):
    """dγ and dβ are not summed: they have the shape of dy. One γ served the whole channel, so its gradients add up."""
    return per_channel(gamma, dy) * dy, dy * x_hat, dy


@mistake("4.3")
def scale_shift_backward(dy, x_hat, gamma):
    """dγ is not summed: it has the shape of dy. One γ served the whole channel, so its gradients add up."""
    return per_channel(gamma, dy) * dy, dy * x_hat, sums(dy)


@mistake("4.3")
def scale_shift_backward(dy, x_hat, gamma):
    """dβ is not summed: it has the shape of dy. One β served the whole channel, so its gradients add up."""
    return per_channel(gamma, dy) * dy, sums(dy * x_hat), dy


@mistake("4.3")
def scale_shift_backward(dy, x_hat, gamma):
    """dγ and dβ are averaged where they should be summed: each number of the channel adds its full share."""
    axes = channel_axes(dy)
    return per_channel(gamma, dy) * dy, (dy * x_hat).mean(axes), dy.mean(axes)


@mistake("4.3")
def scale_shift_backward(dy, x_hat, gamma):
    """dγ is averaged where it should be summed: each number of the channel adds its full share."""
    return per_channel(gamma, dy) * dy, (dy * x_hat).mean(channel_axes(dy)), sums(dy)


@mistake("4.3")
def scale_shift_backward(dy, x_hat, gamma):
    """dβ is averaged where it should be summed: each number of the channel adds its full share."""
    return per_channel(gamma, dy) * dy, sums(dy * x_hat), dy.mean(channel_axes(dy))


@mistake("4.3")
def scale_shift_backward(dy, x_hat, gamma):
    """dγ and dβ are divided by the batch size. The loss has averaged already, if it averages; here you only sum."""
    return per_channel(gamma, dy) * dy, sums(dy * x_hat) / len(dy), sums(dy) / len(dy)


@mistake("4.3")
def scale_shift_backward(dy, x_hat, gamma):
    """The sums run over the batch alone, so every pixel has a γ of its own. Sum over the spatial axes as well."""
    return per_channel(gamma, dy) * dy, (dy * x_hat).sum(0), dy.sum(0)


@mistake("4.3")
def scale_shift_backward(dy, x_hat, gamma):
    """The sums run over the spatial axes alone, so every image has a γ of its own. Sum over the batch, axis 0, as well."""
    axes = tuple(range(2, dy.ndim)) or 0
    return per_channel(gamma, dy) * dy, (dy * x_hat).sum(axes), dy.sum(axes)


@mistake("4.3")
def scale_shift_backward(dy, x_hat, gamma):
    """The sums run over all axes and give one number. Each channel has its own γ and β: leave axis 1 out."""
    return per_channel(gamma, dy) * dy, (dy * x_hat).sum(), dy.sum()


@mistake("4.3")
def scale_shift_backward(dy, x_hat, gamma):
    """The sums run over each sample instead of each channel. Sum over all axes but axis 1."""
    axes = tuple(range(1, dy.ndim))
    return per_channel(gamma, dy) * dy, (dy * x_hat).sum(axes), dy.sum(axes)


@mistake("4.3")
def scale_shift_backward(dy, x_hat, gamma):
    """The sums keep the last axis, where Keras has its channels. Here they stand on axis 1."""
    axes = tuple(range(dy.ndim - 1))
    return per_channel(gamma, dy) * dy, (dy * x_hat).sum(axes), dy.sum(axes)


@mistake("4.3")
def scale_shift_backward(dy, x_hat, gamma):
    """A 3-D gradient (N, C, L) is summed over the batch alone; its last axis is spatial too."""
    axes = 0 if dy.ndim == 3 else channel_axes(dy)
    return per_channel(gamma, dy) * dy, (dy * x_hat).sum(axes), dy.sum(axes)


@mistake("4.3")
def scale_shift_backward(dy, x_hat, gamma):
    """Only two shapes are provided for, (N, D) and (N, C, H, W). Let the axes follow from `dy.ndim`."""
    axes = {2: 0, 4: (0, 2, 3)}[dy.ndim]
    return per_channel(gamma, dy) * dy, (dy * x_hat).sum(axes), dy.sum(axes)


@mistake("4.3")
def scale_shift_backward(dy, x_hat, gamma):
    """The sums are right, but keep their axes of length 1 (`keepdims`). dγ and dβ have the shape of γ, (C,)."""
    axes = channel_axes(dy)
    return per_channel(gamma, dy) * dy, (dy * x_hat).sum(axes, keepdims=True), dy.sum(axes, keepdims=True)


@mistake("4.3")
def scale_shift_backward(dy, x_hat, gamma):
    """x̂ is missing in dγ: the derivative of γ x̂ with respect to γ is x̂."""
    return per_channel(gamma, dy) * dy, sums(dy), sums(dy)


@mistake("4.3")
def scale_shift_backward(dy, x_hat, gamma):
    """dy is missing in dγ: you sum x̂ alone. By the chain rule, x̂ is multiplied by the upstream gradient first."""
    return per_channel(gamma, dy) * dy, sums(x_hat), sums(dy)


@mistake("4.3")
def scale_shift_backward(dy, x_hat, gamma):
    """dβ contains x̂: the derivative of γ x̂ + β with respect to β is 1."""
    return per_channel(gamma, dy) * dy, sums(dy * x_hat), sums(dy * x_hat)


@mistake("4.3")
def scale_shift_backward(dy, x_hat, gamma):
    """dγ and dβ have changed places."""
    return per_channel(gamma, dy) * dy, sums(dy), sums(dy * x_hat)


@mistake("4.3")
def scale_shift_backward(dy, x_hat, gamma):
    """The order of the tuple is another one: dx_hat comes first, then dgamma, then dbeta."""
    return sums(dy * x_hat), sums(dy), per_channel(gamma, dy) * dy


@mistake("4.3")
def scale_shift_backward(dy, x_hat, gamma):
    """γ is missing in dx_hat: what was multiplied by γ on the way forward is multiplied by γ on the way back."""
    return dy, sums(dy * x_hat), sums(dy)


@mistake("4.3")
def scale_shift_backward(dy, x_hat, gamma):
    """dx_hat is divided by γ. The way back is no inverse: it multiplies by the same factor as the way forward."""
    return dy / per_channel(gamma, dy), sums(dy * x_hat), sums(dy)


@mistake("4.3")
def scale_shift_backward(dy, x_hat, gamma):
    """dx_hat is multiplied by the size of γ without its sign."""
    return abs(per_channel(gamma, dy)) * dy, sums(dy * x_hat), sums(dy)


@mistake("4.3")
def scale_shift_backward(dy, x_hat, gamma):
    """dx_hat is summed or averaged over the batch. Each x̂ went into one y only, so its gradient stays by itself."""
    mean = dy.mean(channel_axes(dy), keepdims=True)
    return per_channel(gamma, dy) * np.broadcast_to(mean, dy.shape), sums(dy * x_hat), sums(dy)


@mistake("4.3")
def scale_shift_backward(dy, x_hat, gamma):
    """dx_hat contains x̂: the derivative of γ x̂ with respect to x̂ is γ alone."""
    return per_channel(gamma, dy) * dy * x_hat, sums(dy * x_hat), sums(dy)


@mistake("4.3")
def scale_shift_backward(dy, x_hat, gamma):
    """γ enters dγ: you sum dx_hat · x̂, and dx_hat holds a γ. Use dy."""
    dx_hat = per_channel(gamma, dy) * dy
    return dx_hat, sums(dx_hat * x_hat), sums(dy)


@mistake("4.3")
def scale_shift_backward(dy, x_hat, gamma):
    """γ enters dβ: you sum dx_hat where dy is to be summed. β is added after γ has multiplied."""
    dx_hat = per_channel(gamma, dy) * dy
    return dx_hat, sums(dy * x_hat), sums(dx_hat)


@mistake("4.3")
def scale_shift_backward(dy, x_hat, gamma):
    """dγ is a product of two sums, Σdy · Σx̂. Multiply number by number first, then sum."""
    return per_channel(gamma, dy) * dy, sums(dy) * sums(x_hat), sums(dy)


@mistake("4.3")
def scale_shift_backward(dy, x_hat, gamma):
    """The signs of dγ and dβ are turned round. The gradient is asked for, not the step that descends it."""
    return per_channel(gamma, dy) * dy, -sums(dy * x_hat), -sums(dy)


@mistake("4.3")
def scale_shift_backward(dy, x_hat, gamma):
    """γ is laid against the last axis of dy. Channels stand on axis 1: reshape it to (C, 1, 1) for images."""
    return gamma * dy, sums(dy * x_hat), sums(dy)


@mistake("4.3")
def scale_shift_backward(dy, x_hat, gamma):
    """γ is shaped for images only, (1, C, 1, 1). Use as many ones as dy has spatial axes."""
    return gamma.reshape(1, -1, 1, 1) * dy, sums(dy * x_hat), sums(dy)


@mistake("4.3")
def scale_shift_backward(dy, x_hat, gamma):
    """All channels get the same γ in dx_hat: yours averages `gamma` into one number."""
    return np.mean(gamma) * dy, sums(dy * x_hat), sums(dy)


@mistake("4.3")
def scale_shift_backward(dy, x_hat, gamma):
    """dy itself is overwritten (`dy *= gamma`): dγ and dβ, summed after it, hold a γ too many. Compute into a new array."""
    dy *= per_channel(gamma, dy)
    return dy, sums(dy * x_hat), sums(dy)


@mistake("4.3")
def scale_shift_backward(dy, x_hat, gamma):
    """dy itself is overwritten (`dy *= gamma`): another layer may need it still. Compute into a new array."""
    dgamma, dbeta = sums(dy * x_hat), sums(dy)
    dy *= per_channel(gamma, dy)
    return dy, dgamma, dbeta


@mistake("4.3")
def scale_shift_backward(dy, x_hat, gamma):
    """PyTorch's autograd does the work for you; here you write it."""
    import torch

    x_hat, gamma = (torch.tensor(a, dtype=torch.float64, requires_grad=True) for a in (x_hat, gamma))
    beta = torch.zeros_like(gamma, requires_grad=True)
    y = gamma.reshape(-1, *[1] * (x_hat.ndim - 2)) * x_hat + beta.reshape(-1, *[1] * (x_hat.ndim - 2))
    y.backward(torch.tensor(dy, dtype=torch.float64))
    return x_hat.grad.numpy(), gamma.grad.numpy(), beta.grad.numpy()


# 4.4


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


@mistake("4.4")
def normalize_backward(dx_hat, x_hat, var, eps):
    """You multiply by √(σ² + ε). The way back is no inverse: what was divided on the way forward is divided again."""
    return closed_form(dx_hat, x_hat, var, eps) * (per_channel(var, x_hat) + eps)


@mistake("4.4")
def normalize_backward(dx_hat, x_hat, var, eps):
    """The variance is computed anew from x_hat, where it is nearly 1. The variance of x is given: `var`."""
    return closed_form(dx_hat, x_hat, x_hat.var(channel_axes(x_hat)), eps)


@mistake("4.4")
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


@mistake("4.4")
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
    """Only two shapes are provided for, (N, D) and (N, C, H, W). Let the axes follow from `x_hat.ndim`."""
    return closed_form(dx_hat, x_hat, var, eps, axes={2: 0, 4: (0, 2, 3)}[x_hat.ndim])


@mistake("4.4")
def normalize_backward(dx_hat, x_hat, var, eps):
    """`var` is laid against the last axis of x_hat. Channels stand on axis 1: reshape it to (C, 1, 1) for images."""
    minus = mean_of(dx_hat) + x_hat * mean_of(dx_hat * x_hat)
    return (dx_hat - minus) / np.sqrt(var + eps)


@mistake("4.4")
def normalize_backward(dx_hat, x_hat, var, eps):
    """A batch of one is treated as at inference, dx_hat / √(σ² + ε). Images of one still have pixels to average over;
    features of one have gradient 0."""
    if len(x_hat) == 1:
        return dx_hat / std_of(var, eps, x_hat)
    return closed_form(dx_hat, x_hat, var, eps)


@mistake("4.4")
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
