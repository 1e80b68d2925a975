# %% [markdown]
# # Exercises 9: Regularisation
#
# They belong to the page *Noise from the rest of the batch: batch normalization as a regulariser*. In 9.1 you measure how much
# the other images of a batch move a network's answer to one image. In 9.2 you measure how dropout changes the variance that
# a batch normalization after it sees. Both use PyTorch.

# %% tags=["setup"]
import copy

import torch

from bncourse import check

# %% [markdown]
# ## 9.1 How much the rest of the batch moves the answer
#
# Write `prediction_noise`. `image` is one image, a tensor `(C, H, W)`. `companions` is a list of K ≥ 2 tensors
# `(B, C, H, W)`, the other images of K batches; B may differ from one batch to the next, and is 1 or more. Join the image
# to the first companions, so that they make one batch of B + 1 images. Run `model` on it and keep the logits of *your
# image*. Do the same with each of the other companions. Return the standard deviation of these K answers, one number for
# each class, shape `(num_classes,)`.
#
# - Every batch normalization in the model normalises with the statistics of the batch, whatever mode the model comes in. It
#   may be an `nn.BatchNorm1d`, `2d` or `3d`, with any options, and sit at any depth.
# - Dropout of every kind is off: only the companions may make a difference.
# - Afterwards the model is as it was: running statistics and their counters, the mode of each module, momenta and other
#   settings, weights, every `.grad`. So are `image`, `companions` and the state of PyTorch's random numbers.
#
# For example, a batch normalization turns a 2 beside a 4 into −1, and a 2 beside 4, 6 and 8 into −1.342. If −1 and −1.342
# are all that reaches a logit, its noise is 0.171 (or 0.242 with n − 1).
#
# *Free:* n or n − 1 in the standard deviation, where in the batch your image stands, a copy of the model or
# the model itself, the kind of the result: tensor, array or list. *Forbidden:* probabilities for logits; leaving traces.


# %% exercise="9.1"
def prediction_noise(model, image, companions):
    """Deviation (num_classes,) of the logits of image (C, H, W) over its companions, tensors (B, C, H, W)."""
    # BEGIN SOLUTION
    twin = copy.deepcopy(model).eval()  # its buffers may move, those of model may not
    for module in twin.modules():
        if hasattr(module, "running_mean"):
            module.train()
    with torch.no_grad():
        batches = [torch.cat([image.reshape(1, *others.shape[1:]), others]) for others in companions]
        return torch.stack([twin(batch)[0] for batch in batches]).std(0)
    # END SOLUTION


# %%
check("9.1")

# %% [markdown]
# ## 9.2 What dropout does to a variance
#
# `x`, a tensor `(N, D)` or `(N, C, *S)` with any number of spatial axes, goes into dropout, and what comes out goes into a batch
# normalization. At inference dropout does nothing. In training it sets each value to 0 with probability `p`, by itself, and
# divides those that stay by 1 − p ("inverted" dropout, the one of `nn.Dropout`). So the layer behind it sees one variance in
# training and another at inference. Write `variance_shift`, which returns the ratio of what stands under its root in the two
# modes, for each feature or channel, shape `(D,)` or `(C,)`:
#
# $$\frac{\text{variance in training} + \varepsilon}{\text{variance at inference} + \varepsilon}$$
#
# - The variance at inference is that of the values of a feature, or of a channel over the batch and all positions, divided by
#   their number m.
# - The variance in training is taken over the values *and* over all masks that dropout may draw: it depends on `x` and `p`
#   alone, not on chance. Work it out on paper: what are the mean and the mean square of a value that is 0 with probability
#   p, and else x / (1 − p)?
#
# For example, p = ½ turns 2, 4, 6, 8 into the values 0, 0, 0, 0, 4, 8, 12, 16, all equally likely: mean 5, mean square 60,
# variance 35. At inference it is 5, and the ratio 7.
#
# `x` may be float32 with a mean ten thousand times its standard deviation; 0 ≤ p < 1.
#
# *Free:* one number in the place of one for each feature: the mean of the ratios; the kind and dtype of
# the result. *Forbidden:* drawing random numbers, so `nn.Dropout` too; changing `x`.


# %% exercise="9.2"
def variance_shift(x, p, eps=1e-5):
    """Variance + eps in training over that at inference, behind dropout p, for each channel of x (N, C, *S)."""
    # BEGIN SOLUTION
    x = torch.as_tensor(x, dtype=torch.float64)
    axes = (0, *range(2, x.dim()))
    mean, inference = x.mean(axes), x.var(axes, correction=0)
    training = (inference + p * mean**2) / (1 - p)
    return (training + eps) / (inference + eps)
    # END SOLUTION


# %%
check("9.2")
