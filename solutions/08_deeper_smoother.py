# %% [markdown]
# # Exercises 8: Deeper and smoother
#
# They belong to the page *Deeper and smoother*. You build networks of any depth, read their gradients layer by layer, and
# walk along a gradient to see how rough the loss is. All five use PyTorch. The functions that measure leave a model as they
# found it.

# %% tags=["setup"]
import torch
from torch import nn

from bncourse import check

# %% [markdown]
# ## 8.1 A plain network of any depth
#
# Write `plain_network`. It returns an `nn.Module` that maps `x` of shape `(N, in_features)` to logits `(N, num_classes)`:
#
# - `depth` hidden layers of `width` units, one after the other, `depth` at least 1. Each is a linear layer, then, with
#   `batch_norm=True`, an `nn.BatchNorm1d`, then the activation;
# - a last linear layer, with nothing after it.
#
# `activation` is a class such as `nn.ReLU`, or one that you do not know; `activation()` makes a module of it. Every layer
# has parameters of its own, and `model.parameters()` knows them all. For example, depth 2 with normalization is linear,
# normalization, activation, linear, normalization, activation, linear.
#
# *Free:* `nn.Sequential` or a class of your own; a bias in a linear layer that normalization follows (it would be taken out
# again, so there is no need for one; all other linear layers have one); the initial weights; one activation module for all
# layers or one for each.


# %% exercise="8.1"
def plain_network(depth, width, in_features, num_classes, batch_norm, activation):
    """A network of depth hidden layers: x (N, in_features) to logits (N, num_classes)."""
    # BEGIN SOLUTION
    layers, inputs = [], in_features
    for _ in range(depth):
        layers.append(nn.Linear(inputs, width, bias=not batch_norm))
        if batch_norm:
            layers.append(nn.BatchNorm1d(width))
        layers.append(activation())
        inputs = width
    return nn.Sequential(*layers, nn.Linear(inputs, num_classes))
    # END SOLUTION


# %%
check("8.1")

# %% [markdown]
# ## 8.2 Gradients, layer by layer
#
# Write `gradient_norms`. `loss` is a scalar tensor that was just computed with `model` and still has its graph. Return the
# L2 norm (the root of the sum of all squares) of its gradient with respect to each weight matrix, as a list of floats,
# front to back: in the order of `model.parameters()`. A weight matrix has two axes; biases, and γ and β of normalizations,
# have one and are left out.
#
# The model is left as it was, the `.grad` of each parameter included: there may be old gradients in it, which belong to the
# caller and not to `loss`. For example, a single linear layer without bias and the loss 3w₁ + 4w₂ give `[5.0]`.
#
# *Free:* whether `loss` can be differentiated once more afterwards; floats or tensors in the list. *Forbidden:* changing the model.


# %% exercise="8.2"
def gradient_norms(model, loss):
    """L2 norm of the gradient of loss for each weight matrix of model, front to back, a list of floats."""
    # BEGIN SOLUTION
    weights = [parameter for parameter in model.parameters() if parameter.dim() == 2]
    return [gradient.norm().item() for gradient in torch.autograd.grad(loss, weights)]
    # END SOLUTION


# %%
check("8.2")

# %% [markdown]
# ## 8.3 The loss along the gradient
#
# Write `loss_range`. `loss_fn(model)` runs the model on a batch that it knows and returns the loss, a scalar tensor. Let $\theta$
# be all parameters of the model as they are now, and $g$ the gradient of the loss there. For each $\eta$ in the list `step_sizes`
# compute the loss at
#
# $$\theta - \eta\, g$$
#
# and return the smallest and the largest of these losses, `(min, max)`. All steps begin at the same $\theta$ and go along the same
# $g$, which is used as it is, not normalised. The loss at $\theta$ itself counts only if 0 is among the step sizes.
#
# Afterwards the model is as it was, bit for bit: parameters, every `.grad`, modes, and buffers. A batch normalization in training
# mode moves its running statistics, its counter too, whenever the model runs.
#
# For example, with one parameter 3 and the loss $\theta^2$, step sizes 0.25 and 1 lead to 1.5 and −3, so the answer is (2.25, 9).
#
# *Free:* working on `model` and putting everything back, or on a copy of it; floats or tensors. *Forbidden:* changing the mode
# that the model runs in.


# %% exercise="8.3"
import copy


def loss_range(model, loss_fn, step_sizes):
    """Smallest and largest loss_fn(model) at the given steps along the negative gradient, (min, max)."""
    # BEGIN SOLUTION
    losses = []
    for step_size in step_sizes:
        twin = copy.deepcopy(model)
        gradients = torch.autograd.grad(loss_fn(twin), list(twin.parameters()))
        with torch.no_grad():
            for parameter, gradient in zip(twin.parameters(), gradients):
                parameter -= step_size * gradient
            losses.append(loss_fn(twin).item())
    return min(losses), max(losses)
    # END SOLUTION


# %%
check("8.3")

# %% [markdown]
# ## 8.4 The gradient along the gradient
#
# Write `gradient_change`: how far is the gradient at the end of a step from the gradient at its beginning? With $\theta$, $g$ and the
# step sizes as in 8.3, let $g(\eta)$ be the gradient at $\theta - \eta\, g$. Return the largest distance
#
# $$\max_\eta\, \lVert g(\eta) - g \rVert$$
#
# where the norm is the L2 norm over all parameters together, as if they stood in one long vector. It is not divided by anything.
#
# The model is left as it was, as in 8.3. For example, with one parameter 3 and the loss $\theta^2$, the gradient is 6; step size 1
# leads to −3, where it is −6: the distance is 12.
#
# *Free* and *forbidden:* as in 8.3.


# %% exercise="8.4"
def gradient_change(model, loss_fn, step_sizes):
    """Largest L2 distance between the gradient of loss_fn(model) here and at steps along the negative gradient."""

    # BEGIN SOLUTION
    def gradients(of):
        return torch.autograd.grad(loss_fn(of), list(of.parameters()))

    here = gradients(copy.deepcopy(model))
    distances = []
    for step_size in step_sizes:
        twin = copy.deepcopy(model)
        with torch.no_grad():
            for parameter, gradient in zip(twin.parameters(), here):
                parameter -= step_size * gradient
        squares = [(after - before).square().sum() for after, before in zip(gradients(twin), here)]
        distances.append(sum(squares).sqrt().item())
    return max(distances)
    # END SOLUTION


# %%
check("8.4")

# %% [markdown]
# ## 8.5 The effective learning rate
#
# Write `effective_learning_rate`. In front of a batch normalization only the direction of a weight counts, and a step of size `lr`
# turns a long weight less than a short one. How fast the direction turns is governed by
#
# $$\frac{\text{lr}}{\lVert w \rVert^2}$$
#
# where $\lVert w \rVert^2$ is the sum of the squares of all entries. `lr` is a number above 0, `weight` a tensor of any shape, such as
# `(out, in)` or `(out, in, 3, 3)`, perhaps a parameter that requires a gradient. For example, 0.1 with a weight of four twos gives
# 0.1 / 16 = 0.00625.
#
# *Free:* a float or a tensor of one number. *Forbidden:* changing `weight`.


# %% exercise="8.5"
def effective_learning_rate(lr, weight):
    """Learning rate lr over the squared L2 norm of weight, for a weight that normalization follows."""
    # BEGIN SOLUTION
    return lr / weight.detach().square().sum().item()
    # END SOLUTION


# %%
check("8.5")
