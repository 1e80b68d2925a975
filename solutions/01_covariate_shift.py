# %% [markdown]
# # Exercises 1: Covariate shift
#
# They belong to the page *Covariate shift: when the pictures change*. You change the light of an image, measure by how much
# two sets of images differ, and follow a network as it trains. 1.3, which comes last, is a bonus: it needs PyTorch, and full marks
# do without it. The others need NumPy alone. Each answer is checked by the cell below it; a check may be run as often as you like.

# %% tags=["setup"]
import numpy as np

from bncourse import check

# %% [markdown]
# ## 1.1 Change the light
#
# Write `adjust_brightness`: multiply every pixel by `gain`, add `offset`, and cut what lies outside [0, 1] off at 0 and 1, since
# a camera can store nothing darker than black or brighter than white:
#
# $$y = \operatorname{clip}(\text{gain} \cdot x + \text{offset},\ 0,\ 1)$$
#
# `images` has values in [0, 1] and any shape, such as `(N, C, H, W)`; the result has the same shape. `gain` and `offset` are
# numbers. Either may be negative: gain −1 with offset 1 turns black into white. For example, with gain 2 and offset −0.5 the
# pixels 0, 0.25, 0.5, 1 become 0, 0, 0.5, 1.
#
# *About 5 minutes. Free:* any NumPy function, loops, the dtype of the result. *Forbidden:* changing `images`; other libraries.


# %% exercise="1.1"
def adjust_brightness(images, gain, offset):
    """Brightness gain * images + offset, cut off at 0 and 1; returns the shape of images."""
    # BEGIN SOLUTION
    return np.clip(gain * images + offset, 0, 1)
    # END SOLUTION


# %%
check("1.1")

# %% [markdown]
# ## 1.2 Measure a shift
#
# Write `mean_shift`: how far has the mean of each feature moved between two data sets, counted in standard deviations of the
# first? For `source` of shape `(N, D)` and `target` of shape `(M, D)`, with N and M equal or not, return for each feature
#
# $$s_d = \frac{\text{mean of } target_d - \text{mean of } source_d}{\text{standard deviation of } source_d}$$
#
# of shape `(D,)`. The standard deviation divides by the number of samples N, not N − 1. For a feature that never varies in
# `source` the result is 0, whatever `target` holds. Rounding can give such a feature a standard deviation that is not quite 0,
# so compare its smallest value with its largest. For example, 2, 4, 6, 8 against 1, 2, 3, 4 gives −2.5 / √5 = −1.118.
#
# *About 10 minutes. Free:* any NumPy function, loops, how you find out that a feature does not vary. *Forbidden:* changing
# `source` or `target`; other libraries.


# %% exercise="1.2"
def mean_shift(source, target):
    """Shift of each feature's mean from source (N, D) to target (M, D), in standard deviations of source; returns (D,)."""
    # BEGIN SOLUTION
    varies = source.max(0) > source.min(0)
    deviation = np.where(varies, source.std(0), 1)
    return np.where(varies, (target.mean(0) - source.mean(0)) / deviation, 0)
    # END SOLUTION


# %%
check("1.2")

# %% [markdown]
# ## 1.4 Follow the drift
#
# While a network with L layers trained, somebody looked at it T times and kept the mean and the standard deviation of what each
# layer put out: `history` is an array of shape `(T, L, 2)`, where `history[t, l, 0]` is the mean of layer l at time t and
# `history[t, l, 1]` its standard deviation, always above 0. Write `internal_drift`: by how much did each mean move from one time to the next, up or down, counted in the
# standard deviation at the *earlier* of the two?
#
# $$d_{tl} = \frac{|\mu_{t+1,l} - \mu_{tl}|}{\sigma_{tl}}$$
#
# The result has shape `(T - 1, L)`. For example, a layer that goes from mean 1, standard deviation 2 to mean 4,
# standard deviation 6 has drifted by 3 / 2 = 1.5.
#
# *About 10 minutes. Free:* any NumPy function, loops. *Forbidden:* changing `history`; other libraries.


# %% exercise="1.4"
def internal_drift(history):
    """Change of each layer's mean, in standard deviations before it, from history (T, L, 2); returns (T - 1, L)."""
    # BEGIN SOLUTION
    mean, deviation = history[..., 0], history[..., 1]
    return np.abs(np.diff(mean, axis=0)) / deviation[:-1]
    # END SOLUTION


# %%
check("1.4")

# %% [markdown]
# ## 1.3 Look inside a network
#
# This one is optional. It asks for more PyTorch than the pages before chapter 5 do: its points make up for points that you lost in
# the other exercises of this chapter, and full marks do without them.
#
# PyTorch returns the output of the last layer alone. To see what comes out of a layer in the middle, let PyTorch call a function
# of yours there. Such a function is a *forward hook*: PyTorch calls it with `(module, inputs, output)` each time after the module
# has run. `register_forward_hook` puts it on a module, and the handle that it returns takes it off again:
#
# ```python
# import torch
#
# layer = torch.nn.Linear(3, 2)
# handle = layer.register_forward_hook(lambda module, inputs, output: print(output.shape))
# layer(torch.zeros(5, 3))   # prints torch.Size([5, 2])
# handle.remove()
# layer(torch.zeros(5, 3))   # prints nothing
# ```
#
# A hook that returns something replaces the output by it, so let yours return nothing.
#
# Write `layer_statistics` with PyTorch: run `model` once on the batch `x` and return, for every module of class `layer_type`
# (subclasses count), the mean and the standard deviation over all values of its *output*: a list of pairs of Python floats, one
# pair for each module.
#
# - The pairs stand in the order in which the modules *run*. That need not be the order in which they were registered, and
#   they may sit at any depth, `model` itself included. A module that does not run has no pair.
# - Afterwards everything is as it was: no hook of yours is left and none of the model's is gone; the mode of each module, its
#   weights, its buffers and every `.grad` are unchanged. A batch normalization in training mode updates its buffers whenever
#   it runs, so think about that one.
# - A later module may overwrite an output in place, as `nn.ReLU(inplace=True)` does. What counts is the output as its module
#   returned it.
#
# *About 20 minutes. Free:* n or n − 1 in the standard deviation; whether the model runs in the mode it is in or in evaluation
# mode; what you do with a module that runs more than once (one pair or several); hooks or other means.

# %% exercise="1.3"
import copy

import torch


def layer_statistics(model, x, layer_type):
    """Mean and standard deviation of the output of each module of layer_type, a list of pairs in forward order."""
    # BEGIN SOLUTION
    statistics = {}

    def record(module, inputs, output):
        statistics.setdefault(module, (output.mean().item(), output.std().item()))

    twin = copy.deepcopy(model)  # its hooks and buffers may change, those of model may not
    for module in twin.modules():
        if isinstance(module, layer_type):
            module.register_forward_hook(record)
    with torch.no_grad():
        twin(x.clone())  # a first layer that works in place would overwrite x
    return list(statistics.values())
    # END SOLUTION


# %%
check("1.3")
