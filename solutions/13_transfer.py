# %% [markdown]
# # Exercises 13: Transfer
#
# They belong to the page *Transfer: whose statistics?*. In 13.1 you freeze the batch normalization of a model, in 13.2 you
# give it the statistics of another domain, both with PyTorch. In 13.3 you scale features without looking at the test part,
# with NumPy. In 13.4, with PyTorch again, you average the weights of a model, and its statistics with them.

# %% tags=["setup"]
import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from bncourse import check

# %% [markdown]
# ## 13.1 Frozen stays frozen
#
# Write `freeze_batchnorm`. It changes `model` itself so that, from then on, every batch normalization in it is a fixed map:
#
# - it normalises with its running statistics, and neither these nor `num_batches_tracked` move any more, *also after*
#   `model.train()`, which a training loop calls at the start of every epoch, and after `model.eval()` and `model.train()`
#   again;
# - its γ and β take no gradient and keep their values, whatever the optimizer does.
#
# Batch normalization is `nn.BatchNorm1d`, `2d` and `3d`, `nn.SyncBatchNorm`, and whatever is derived from them, at any depth;
# `model` may itself be one. It may come without γ and β (`affine=False`), with any ε and momentum, and without running
# statistics (`track_running_stats=False`): such a layer has none to freeze and goes on normalising with the batch; its γ and β
# are frozen all the same.
#
# Everything else is as if you had changed nothing: other layers train, dropout and all other modules have the mode that
# `model.train()` or `model.eval()` gave them, other normalizations (group, layer, instance) go on as before, gradients flow
# *through* the frozen layers, and the state dict has the names and values that it had. Right after your call each of the
# other modules is in the mode in which it came.
#
# For example, a layer with running mean 1, running variance 4, γ = 3 and β = 0.5 turns 5 into
# 3 · (5 − 1) / 2 + 0.5 = 6.5 (nearly, because of ε), whatever else is in the batch, and in both modes.
#
# *Free:* how the layer is kept from training mode; what is returned (the model or nothing); whether a `.grad` that γ and β had
# before is kept. *Forbidden:* working on a copy.
#
# A trap that is not checked: a function put on a layer, `layer.train = lambda ...`, keeps `torch.save(model)` from working,
# in a deep copy it still means the old layer, and `convert_sync_batchnorm` unfreezes the layer. A class of your own, not
# derived from a batch normalization, avoids all three.


# %% exercise="13.1"
def freeze_batchnorm(model):
    """Make every batch normalization in `model` a fixed map, also in training mode; changes the model, returns it."""
    # BEGIN SOLUTION
    for module in model.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            module.eval().requires_grad_(False)
            module.__class__ = Frozen  # its tensors and settings stay
    return model


class Frozen(nn.Module):
    """What was a batch normalization: without a training mode, also after a copy, a pickle or a conversion."""

    def train(self, mode=True):
        return self

    def forward(self, x):
        uses_batch = self.running_mean is None
        return F.batch_norm(x, self.running_mean, self.running_var, self.weight, self.bias, uses_batch, eps=self.eps)

    # END SOLUTION


# %%
check("13.1")

# %% [markdown]
# ## 13.2 The statistics of another domain
#
# Write `adapt_statistics`, the method AdaBN. `loader` yields batches of unlabelled images of the target domain, each a tensor
# `(B, ...)` as `model` takes it; B may differ from batch to batch. Afterwards every batch normalization in the model
# (`nn.BatchNorm1d`, `2d`, `3d` and what is derived from them, at any depth) has in `running_mean` and `running_var` the mean and variance of what
# comes into it when *all these images* go through the model, and nothing of the source is left in them.
#
# - A layer that lies behind other batch normalizations gets what these give it with the statistics of the target, those of
#   the batch or of all images, not with those of the source.
# - Dropout of every kind is off during the pass, whatever mode the model comes in.
# - All else stays: weights, γ and β, every `.grad`, `requires_grad`, momenta and other settings, hooks, the mode of each
#   module, statistics of other normalizations, and the images. A batch normalization without running statistics still has none.
#
# For example, a first layer that gets 1, 3 in one batch and 5, 7 in the next has a running mean of 4. Its running variance is that of the
# four numbers, 5 (or 6.67 with n − 1), or the average of the two batches', 1 (or 2).
#
# *Free:* statistics of all images at once (pooled) or averages over the batches; n or n − 1 in the variance; in one pass or layer
# by layer; `num_batches_tracked`; what is returned (the model or nothing). *Forbidden:* working on a copy; leaving traces.


# %% exercise="13.2"
def adapt_statistics(model, loader):
    """Give every batch normalization in `model` the statistics of the images in `loader`; changes the model, returns it."""
    # BEGIN SOLUTION
    modes = [(module, module.training) for module in model.modules()]
    norms = [module for module, _ in modes if isinstance(module, nn.modules.batchnorm._BatchNorm)]
    momenta = [norm.momentum for norm in norms]
    model.eval()
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # the plain average over all batches
        norm.train()
    with torch.no_grad():
        for images in loader:
            model(images)
    for norm, momentum in zip(norms, momenta):
        norm.momentum = momentum
    for module, mode in modes:
        module.training = mode
    return model
    # END SOLUTION


# %%
check("13.2")

# %% [markdown]
# ## 13.3 Scaled features, no leak
#
# Back to NumPy. `train` is `(N, D)`, `test` is `(M, D)`: D features of images on which a linear classifier is to be trained,
# and of those on which it will be tested. Write `scale_features`, which returns both, scaled: a pair of arrays `(N, D)` and `(M, D)`.
#
# From each feature you subtract its mean over the **training** part, then you divide it by its standard deviation there
# (with n), in both parts: the test images must have no influence on the scaling. There is no ε. A feature that does not
# vary in the training part is only centred.
#
# For example, with 1 and 3 in `train` and 4 in `test`, the mean is 2 and the standard deviation 1: −1, 1 and 2
# come out.
#
# Expect features in float32 whose mean is ten thousand times their standard deviation.
#
# *Free:* dtypes of the results, a list or a tuple. *Forbidden:* changing `train` or `test`; other libraries, such as
# scikit-learn's `StandardScaler`.


# %% exercise="13.3"
def scale_features(train, test):
    """Features `train` (N, D) and `test` (M, D), both standardised with the mean and standard deviation of `train`."""
    # BEGIN SOLUTION
    mean, deviation = train.mean(0), train.std(0)
    deviation = np.where(deviation > 0, deviation, 1)
    return (train - mean) / deviation, (test - mean) / deviation
    # END SOLUTION


# %%
check("13.3")

# %% [markdown]
# ## 13.4 Averaged weights, and their statistics
#
# Many recipes train one model and use another: an exponential moving average (EMA) of its weights, which moves a little after each
# training step. Its running statistics have to move too. Exact ones are recomputed (exercise 12.3), copied
# ones belong to the weights of the last step. The recipes of YOLO and of timm average them like the weights, and so do you.
#
# Write `ema_update`. `average` and `model` are two models of the same structure, `decay` is a number from 0 to 1. The function changes
# `average` itself:
#
# - Each parameter becomes `decay` times itself plus `1 - decay` times the one of `model` in the same place, whether it is trained or
#   frozen. A parameter that stands in two places, as in a shared layer, is averaged once.
# - Each buffer of a floating-point type likewise: running means, running variances, and all others.
# - Each buffer of another type, such as `num_batches_tracked` or a mask, becomes a copy of the one of `model`.
#
# `average` may be held in float32 while `model` is in bfloat16, where a small step is rounded away: you compute in the type of `average`,
# which stays what it is. `average` is part of no graph: afterwards its parameters are leaves as before, with the `requires_grad` and
# `.grad` that they had. The modes of all modules stay as they were, and so does all of `model`.
#
# For example, with `decay` 0.9, a weight of 1 in `average` and 2 in `model` becomes 1.1, running means of 10 and 20 become 11, and counters
# of 3 and 8 become 8.
#
# *Free:* whether tensors of `average` are changed or replaced; what becomes of buffers that are not in the state dict; what is
# returned (`average` or nothing). *Forbidden:* working on a copy; changing `model`; `torch.optim.swa_utils`.


# %% exercise="13.4"
def ema_update(average, model, decay):
    """Move `average` towards `model`: parameters and statistics averaged, counters copied; changes `average`."""
    # BEGIN SOLUTION
    parameters = zip(average.parameters(), model.parameters())
    buffers = zip(average.buffers(), model.buffers())
    with torch.no_grad():
        for old, new in [*parameters, *buffers]:
            if old.is_floating_point():
                new = decay * old + (1 - decay) * new.to(old.dtype)
            old.copy_(new)
    # END SOLUTION


# %%
check("13.4")
