"""Known wrong answers to exercise 4.3, each with the sentence that helps."""

import numpy as np

from bncourse.checking import mistake


def channel_axes(x):
    return (0, *range(2, x.ndim))


def per_channel(values, x):
    return values.reshape(-1, *[1] * (x.ndim - 2))


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


@mistake("4.3", caught_by="test_dgamma_of_images_sums_dy_times_x_hat")
def scale_shift_backward(dy, x_hat, gamma):
    """The sums run over the batch alone, so every pixel has a γ of its own. Sum over the spatial axes as well."""
    return per_channel(gamma, dy) * dy, (dy * x_hat).sum(0), dy.sum(0)


@mistake("4.3", caught_by="test_dbeta_of_images_sums_dy")
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
    """Only two shapes are handled, (N, D) and (N, C, H, W). Let the axes follow from `dy.ndim`."""
    axes = 0 if dy.ndim == 2 else (0, 2, 3)
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


@mistake("4.3", caught_by="test_dx_hat_of_images_is_gamma_times_dy")
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
    """γ enters dβ: you sum dx_hat where dy must be summed. β is added after γ has multiplied."""
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


@mistake("4.3", caught_by="test_two_numbers_go_back_as_by_hand")
def scale_shift_backward(dy, x_hat, gamma):
    """γ is shaped for images only, (1, C, 1, 1). Use as many ones as dy has spatial axes."""
    return gamma.reshape(1, -1, 1, 1) * dy, sums(dy * x_hat), sums(dy)


@mistake("4.3", caught_by="test_features_give_all_three_gradients")
def scale_shift_backward(dy, x_hat, gamma):
    """All channels get the same γ in dx_hat: yours averages `gamma` into one number."""
    return np.mean(gamma) * dy, sums(dy * x_hat), sums(dy)


@mistake("4.3")
def scale_shift_backward(dy, x_hat, gamma):
    """dy itself is overwritten (`dy *= gamma`): dγ and dβ, summed after it, hold a γ too many. Compute into a new array."""
    dy *= per_channel(gamma, dy)
    return dy, sums(dy * x_hat), sums(dy)


@mistake("4.3", caught_by="test_scale_shift_backward_leaves_its_arguments_alone")
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


@mistake("4.3", caught_by="test_scale_and_shift_go_back_through_any_number_of_axes")
def scale_shift_backward(dy, x_hat, gamma):
    """Features, sequences and images are handled; a film or a volume has more axes.
    Let axes and shape follow from `dy.ndim`.
    """
    axes = {2: (0,), 3: (0, 2), 4: (0, 2, 3)}[dy.ndim]
    return per_channel(gamma, dy) * dy, (dy * x_hat).sum(axes), dy.sum(axes)


@mistake("4.3")
def scale_shift_backward(dy, x_hat, gamma):
    """`reshape(-1, C)` takes neighbouring pixels for channels. Move axis 1 to the end first, with `np.moveaxis(dy, 1, -1)`."""
    dy_rows, x_hat_rows = dy.reshape(-1, len(gamma)), x_hat.reshape(-1, len(gamma))
    return (gamma * dy_rows).reshape(dy.shape), (dy_rows * x_hat_rows).sum(0), dy_rows.sum(0)


@mistake("4.3")
def scale_shift_backward(dy, x_hat, gamma):
    """The axes (0, 2, 3) are written into the code. Let them follow from `dy.ndim`: the number of spatial axes is free, and features have none."""
    axes = (0, 2, 3)
    return gamma.reshape(1, -1, 1, 1) * dy, (dy * x_hat).sum(axes), dy.sum(axes)


@mistake("4.3")
def scale_shift_backward(dy, x_hat, gamma):
    """`[:, None, None]` gives γ the shape (C, 1, 1), which fits images alone. Use as many ones as dy has spatial axes."""
    return gamma[:, None, None] * dy, sums(dy * x_hat), sums(dy)


@mistake("4.3")
def scale_shift_backward(dy, x_hat, gamma):
    """All is done as for features (N, D): γ is laid against the last axis, and the sums run over the batch alone. Channels stand on axis 1, and their sums run over the spatial axes as well."""
    return gamma * dy, (dy * x_hat).sum(0), dy.sum(0)


@mistake("4.3")
def scale_shift_backward(dy, x_hat, gamma):
    """dx̂ is γ alone, as if the gradient from above were 1. By the chain rule it is dy times γ."""
    axes = channel_axes(dy)
    return np.ones_like(dy) * per_channel(gamma, dy), (dy * x_hat).sum(axes), dy.sum(axes)


@mistake("4.3")
def scale_shift_backward(dy, x_hat, gamma):
    """γ enters dγ and dβ: you sum γ · dy where dy must be summed. Only dx̂ has a γ, since x̂ alone is multiplied by it."""
    axes = channel_axes(dy)
    dx_hat = dy * per_channel(gamma, dy)
    return dx_hat, (dx_hat * x_hat).sum(axes), dx_hat.sum(axes)
