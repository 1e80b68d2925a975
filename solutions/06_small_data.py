# %% [markdown]
# # Exercises 6: Small data
#
# They belong to the page *Small data: faces in changing light*. You write the four parts of its worked example with PyTorch: images in
# other light and at other angles, the network, one epoch of training, and the test.

# %% tags=["setup"]
import torch
from torch import nn
from torch.nn import functional as F

from bncourse import check

# %% [markdown]
# ## 6.1 Other light, other angle
#
# Write `relight_and_rotate`. `images` is a tensor `(N, 1, H, W)` with values from 0 to 1; `gammas` and `degrees` are tensors `(N,)`, a
# light and an angle for each image. All three are float32, or all three float64. Return a tensor `(N, 1, H, W)` in which image $n$
#
# - has another light: each pixel is raised to the power `gammas[n]`, so gammas above 1 darken;
# - is turned by `degrees[n]` degrees about its centre, in a frame that stays as large as it was.
#
# `H` and `W` may differ. A turned image is turned, not sheared: a square in the picture stays a square. Note that
# `affine_grid` and `grid_sample` measure both sides of an image from −1 to 1, however long they are.
#
# *Free:* the direction of a positive angle (the same for all images), the interpolation, what stands in the corners that the turned
# picture leaves empty, light first or angle first, any function of PyTorch, NumPy or SciPy. *Forbidden:* changing an argument.


# %% exercise="6.1"
def relight_and_rotate(images, gammas, degrees):
    """images (N, 1, H, W) raised to their gammas (N,) and turned by their degrees (N,) about the centre; same shape."""
    # BEGIN SOLUTION
    height, width = images.shape[-2:]
    gammas = torch.as_tensor(gammas).to(images)
    angles = torch.deg2rad(torch.as_tensor(degrees).to(images))
    cos, sin, zero = angles.cos(), angles.sin(), torch.zeros_like(angles)
    rows = [cos, -sin * height / width, zero], [sin * width / height, cos, zero]
    rotation = torch.stack([torch.stack(row, 1) for row in rows], 1)
    grid = F.affine_grid(rotation, images.shape, align_corners=False)
    lit = images ** gammas.view(-1, 1, 1, 1)
    return F.grid_sample(lit, grid, padding_mode="border", align_corners=False)
    # END SOLUTION


# %%
check("6.1")

# %% [markdown]
# ## 6.2 A network with and without
#
# Write `make_cnn`: a new network, a `torch.nn.Module`, for grey images `(N, 1, H, W)` of any size from 12 × 12 on; the size
# is not known in advance. It returns logits `(N, num_classes)`: no softmax at its end.
#
# Build it from at least two blocks *convolution, batch normalization, ReLU*, in this order, with or without pooling after a block, and a
# last layer for the logits. With `batch_norm=True` every convolution of a block is followed by its own batch normalization, with γ, β and
# running statistics, and has no bias: β does its work. With `batch_norm=False` the normalization is left out, parameters and all; the
# convolutions are the same, and have a bias. The network is returned in training mode.
#
# *Free:* number and width of the blocks, kernel, stride, pooling, initialization; `nn.Sequential` or a class; `nn.BatchNorm2d` or your own layer
# of 5.4. Use modules for convolutions and normalization (`nn.Conv2d`, not `F.conv2d`). *Forbidden:* two networks that share parameters.


# %% exercise="6.2"
def make_cnn(num_classes, batch_norm):
    """A new network from images (N, 1, H, W) to logits (N, num_classes), with or without batch normalization."""
    # BEGIN SOLUTION

    def block(inputs, outputs):
        convolution = nn.Conv2d(inputs, outputs, 3, padding=1, bias=not batch_norm)
        return [convolution, *([nn.BatchNorm2d(outputs)] if batch_norm else []), nn.ReLU()]

    return nn.Sequential(
        *block(1, 8),
        nn.MaxPool2d(2),
        *block(8, 16),
        nn.MaxPool2d(2),
        *block(16, 16),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(16, num_classes),
    )
    # END SOLUTION


# %%
check("6.2")

# %% [markdown]
# ## 6.3 One epoch
#
# Write `train_epoch`: one pass over `loader`, which yields pairs of images and labels, batch by batch, and may be a
# `DataLoader`, a list or a generator. For each batch, moved to `device`: the mean cross-entropy of the model's logits, its
# gradient, one step of `optimizer`. Every batch counts, a smaller last one too. The model is trained in training mode,
# whatever mode it was in.
#
# Return a float: the mean cross-entropy **per sample** over the epoch, of the same losses whose gradients were used.
# Batches may differ in size, so it is not the mean of the batch means. No gradient from before the call, or from another
# batch, may enter a step.
#
# *Free:* the mode in which you leave the model, any function of PyTorch. *Forbidden:* walking through `loader` twice; a new optimizer.


# %% exercise="6.3"
def train_epoch(model, loader, optimizer, device):
    """Train model on each batch of loader once; returns the mean cross-entropy per sample, a float."""
    # BEGIN SOLUTION
    model.train()
    total, count = 0.0, 0
    for images, labels in loader:
        images, labels = images.to(device), labels.to(device)
        loss = F.cross_entropy(model(images), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(labels)
        count += len(labels)
    return total / count
    # END SOLUTION


# %%
check("6.3")

# %% [markdown]
# ## 6.4 The test
#
# Write `evaluate`: the share of images in `loader` (pairs of images and labels, batch by batch, as in 6.3) whose largest
# logit is that of their label, a float from 0 to 1. Images are moved to `device`, where the model is; labels go there too,
# or the logits come back to them. Normalization uses its running statistics, dropout is off, and no gradient is recorded.
#
# Afterwards the model is as it was: parameters, buffers, gradients, and the mode of **every** module in it. A layer that
# was frozen in evaluation mode inside a model in training mode stays in evaluation mode.
#
# *Free:* any function of PyTorch. *Forbidden:* leaving a trace; walking through `loader` twice.


# %% exercise="6.4"
def evaluate(model, loader, device):
    """Accuracy of model over the batches of loader, 0 to 1, in evaluation mode; every module keeps its mode."""
    # BEGIN SOLUTION
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    right, count = 0, 0
    with torch.no_grad():
        for images, labels in loader:
            verdicts = model(images.to(device)).argmax(1)
            right += (verdicts == labels.to(device)).sum().item()
            count += len(labels)
    for module, mode in modes:
        module.training = mode
    return right / count
    # END SOLUTION


# %%
check("6.4")
