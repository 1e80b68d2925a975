# %% [markdown]
# # Exercises 12: Small batches
#
# They belong to the page *Small batches*. You cut a batch into ghosts, keep padding out of the statistics, recompute the
# statistics of a trained network, and repair six training functions, each with a bug that people reported from real
# projects. 12.1 and 12.2 are NumPy, the others PyTorch.

# %% tags=["setup"]
import contextlib
import copy

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint

from bncourse import check

# %% [markdown]
# ## 12.1 Ghost batches
#
# Write `ghost_batch_norm`. `x` is a batch of features `(N, D)` or of images `(N, C, *S)` with any number of spatial axes.
# Cut the batch, in its order, into ghost batches of `ghost_size` samples each: the first `ghost_size` samples, the next, and so on.
# Each ghost batch is normalised by itself, as training-mode batch normalization would do it: one mean and one biased variance for each
# feature or channel, over the samples of the ghost batch and all positions, and division by $\sqrt{\sigma^2 + \varepsilon}$. The
# result has the shape and the order of `x`.
#
# For example, 2, 4, 6, 8 in ghost batches of two becomes about −1, 1, −1, 1.
#
# *Free:* what happens where `ghost_size` does not divide N, either a last ghost batch of the samples that are left, so that 9 samples in fours become
# 4, 4 and 1, or a `ValueError` (an `assert` raises another error, or none where Python runs with `-O`).
# *Forbidden:* PyTorch and other libraries, changing `x`.


# %% exercise="12.1"
def ghost_batch_norm(x, ghost_size, eps=1e-5):
    """x (N, C, *S) or (N, D) normalised in ghost batches of ghost_size consecutive samples."""
    # BEGIN SOLUTION
    axes = (0, *range(2, x.ndim))
    parts = []
    for start in range(0, len(x), ghost_size):
        ghost = x[start : start + ghost_size]
        mean, var = ghost.mean(axes, keepdims=True), ghost.var(axes, keepdims=True)
        parts.append((ghost - mean) / np.sqrt(var + eps))
    return np.concatenate(parts)
    # END SOLUTION


# %%
check("12.1")

# %% [markdown]
# ## 12.2 Statistics without padding
#
# Write `masked_batch_norm`. `x` `(N, T, C)` holds N sequences of C features, padded to T steps; `mask` `(N, T)` is 1 (or
# True) where a step is real and 0 (or False) where it is padding, wherever in the sequence that is. At least one step is
# real. For each feature take one mean and one biased variance over **all real steps of all sequences together**, each real
# step counting the same. Normalise the real steps with $\sqrt{\sigma^2 + \varepsilon}$ in the denominator; padding comes
# out as 0. What stands in the padding of `x`, however large, plays no part; a real value may be 0.
#
# For example, the sequences 2, 4 and 6 with one step of padding become about −1.22, 0 and 1.22, 0.
#
# *Forbidden:* PyTorch and other libraries, changing `x` or `mask`.


# %% exercise="12.2"
def masked_batch_norm(x, mask, eps=1e-5):
    """x (N, T, C) normalised over the steps where mask (N, T) is 1; padding comes out 0."""
    # BEGIN SOLUTION
    real = mask.astype(bool)
    values = x[real]
    result = np.zeros(x.shape)
    result[real] = (values - values.mean(0)) / np.sqrt(values.var(0) + eps)
    return result
    # END SOLUTION


# %%
check("12.2")

# %% [markdown]
# ## 12.3 Precise statistics
#
# Write `recompute_statistics`. `model` has been trained, and holds batch normalization layers (`nn.BatchNorm1d`, `2d` or `3d`), at any
# depth. `loader` yields pairs `(x, y)`, once through all of the data, in batches that may differ in size. Replace the running statistics of each
# layer by those of the data:
#
# - walk through `loader` **once**, without gradients, with the batch normalization layers in training mode, as during training. So each layer sees
#   inputs that the layers before it normalised with batch statistics;
# - `running_mean` and `running_var` of a layer become the mean and the variance, per channel, of **all inputs it saw in this pass**,
#   as if they lay in one large array. What they were before plays no part.
#
# A mean of the batches' means is not that mean where batches differ in size, and a mean of the batches' variances is not
# that variance, as the batches differ in their means too. PyTorch's `torch.optim.swa_utils.update_bn` uses both. The inputs
# are float32, and their mean may be ten thousand times their standard deviation: there too the variance must be right
# to 3 %.
#
# A normalization without running statistics (`track_running_stats=False`) gets none: leave it as it is, and do the others.
# Everything else stays as it was too: weights, every `.grad`, `momentum`, the mode of each module, hooks. The model is
# changed in place.
#
# *Free:* a variance divided by n or by n − 1; what becomes of `num_batches_tracked`; what is returned, nothing or the model. *Forbidden:*
# a second walk through `loader`; keeping all inputs in memory is allowed, but there is no need to.


# %% exercise="12.3"
def recompute_statistics(model, loader):
    """Set the running statistics of every batch normalization in model to those of one pass over loader, in place."""
    # BEGIN SOLUTION
    layers = [m for m in model.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm) and m.track_running_stats]
    modes = [(module, module.training) for module in model.modules()]
    seen = {layer: (0, 0.0, 0.0) for layer in layers}  # count, mean, sum of squares about the mean

    def merge(layer, inputs):
        values = inputs[0].detach().double().transpose(0, 1).flatten(1)
        count, mean, squares = seen[layer]
        new, own = values.shape[1], values.mean(1)
        total, gap = count + new, own - mean
        around = (values - own[:, None]).square().sum(1)
        seen[layer] = total, mean + gap * new / total, squares + around + gap**2 * count * new / total

    hooks = [layer.register_forward_pre_hook(merge) for layer in layers]
    try:
        model.train()
        with torch.no_grad():
            for x, _ in loader:
                model(x)
            for layer, (count, mean, squares) in seen.items():
                layer.running_mean.copy_(mean)
                layer.running_var.copy_(squares / count)
    finally:
        for hook in hooks:
            hook.remove()
        for module, mode in modes:
            module.training = mode
    return model
    # END SOLUTION


# %%
check("12.3")

# %% [markdown]
# ## The clinic
#
# Six training functions, six patients, six exercises, 12.4 to 12.9; each can be solved without the others. All are called as `broken_k(make_model, loader)`:
# `make_model()` returns a new network with batch normalization in it, `loader` yields batches `(x, y)` and can be walked through again and again, and
# the trained network is returned, to be used for inference. They run without an error, at least most of the time, and the loss falls. Each has one
# bug, about batch normalization. The page tells the symptoms, and the threads in which people reported them.
#
# Repair each: write `clinic_1` to `clinic_6`, which are called in the same way and return the trained network. You may
# begin with `return broken_1(make_model, loader)`, to learn from `check` what is wrong with the patient.
#
# *Free, in all six:* all that is not the bug, such as the number of epochs, the learning rate and the optimizer, as long as
# the network learns to read nine of ten test samples, as it does in a healthy patient with `train` as it is; the functions
# below, used or not; helpers that you define inside. *Forbidden, in all six:* taking batch normalization out of the
# network, or training it in evaluation mode.
#
# The training itself is the same for all and has no bug. Nor has `exchange`, which replaces each normalization by something
# else:


# %%
def train(model, loader, epochs=3, forward=None):
    """Gradient descent on the cross-entropy of forward(x), or model(x); with (x, y, domain), of forward(x, domain)."""
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for _ in range(epochs):
        for x, y, *domain in loader:
            optimizer.zero_grad()
            F.cross_entropy((forward or model)(x, *domain), y).backward()
            optimizer.step()
    return model


def exchange(module, make):
    """The module, with make(norm) in the place of each batch normalization norm inside of it."""
    for name, child in module.named_children():
        if isinstance(child, (nn.BatchNorm1d, nn.BatchNorm2d)):
            setattr(module, name, make(child))
        else:
            exchange(child, make)
    return module


# %% [markdown]
# ## 12.4 Patient 1: the order of the test set
#
# Trained in mixed batches. What `broken_1` returns is used as it is, on test images that come from a folder sorted by class, in batches of
# any size, also one by one. It misreads most of them. Write `clinic_1`: what it returns must read them as well as a mixed batch, and must not change
# while it is being used.


# %%
def broken_1(make_model, loader):
    return train(make_model(), loader)


# %% exercise="12.4"
def clinic_1(make_model, loader):
    """Reads a batch of one class, or one image, as well as any other."""
    # The patient, untreated: return broken_1(make_model, loader)
    # BEGIN SOLUTION
    return train(make_model(), loader).eval()
    # END SOLUTION


# %%
check("12.4")

# %% [markdown]
# ## 12.5 Patient 2: lost overnight
#
# Somebody has replaced the batch normalization of the network by a layer of their own. In the evening the network is fine.
# Its `state_dict()` is saved, and next morning it is loaded into another network that this function has made, which only
# guesses. Write `clinic_2`: its network must read after loading what it read before. You may repair the layer or replace
# it.


# %%
class OwnNorm(nn.Module):
    def __init__(self, norm):
        super().__init__()
        self.weight, self.bias = norm.weight, norm.bias
        self.momentum, self.eps = norm.momentum, norm.eps
        self.running_mean = torch.zeros(norm.num_features)
        self.running_var = torch.ones(norm.num_features)

    def forward(self, x):
        statistics = self.running_mean, self.running_var
        return F.batch_norm(x, *statistics, self.weight, self.bias, self.training, self.momentum, self.eps)


def broken_2(make_model, loader):
    model = exchange(make_model(), OwnNorm)
    train(model, loader)
    return model.eval()


# %% exercise="12.5"
def clinic_2(make_model, loader):
    """Has all that it needs in its state dict."""

    # The patient, untreated: return broken_2(make_model, loader)
    # BEGIN SOLUTION
    class Buffered(OwnNorm):
        def __init__(self, layer):
            super().__init__(layer)
            for name in ("running_mean", "running_var"):
                tensor = getattr(self, name)
                delattr(self, name)
                self.register_buffer(name, tensor)

    return train(exchange(make_model(), Buffered), loader).eval()
    # END SOLUTION


# %%
check("12.5")

# %% [markdown]
# ## 12.6 Patient 3: one left over
#
# It trains well on 192 samples in batches of 32. With 193 it stops at the end of the first epoch: the last batch has one
# sample. Write `clinic_3`: it must train to the end. The running statistics must come from batches in which there was
# something to average, and these batches must still be trained on in training mode.


# %%
def broken_3(make_model, loader):
    model = make_model()
    train(model, loader)
    return model.eval()


# %% exercise="12.6"
def clinic_3(make_model, loader):
    """Trains to the end even where the last batch has one sample."""
    # The patient, untreated: return broken_3(make_model, loader)
    # BEGIN SOLUTION
    network = make_model()
    for _ in (1, 2, 3):
        train(network, [(x, y) for x, y in loader if len(x) > 1], epochs=1)
    return network.eval()
    # END SOLUTION


# %%
check("12.6")

# %% [markdown]
# ## 12.7 Patient 4: the average that knows nothing
#
# The weights at the end of each epoch are averaged, which should be better than the last ones alone. The averaged network
# only guesses. Write `clinic_4`: what it returns must still be an average of weights from during training, and read well.
#
# *Free:* how the average gets its statistics: averaged as well, or recomputed, exactly as in 12.3 or roughly as PyTorch's
# `update_bn` does it.


# %%
@torch.no_grad()
def move(average, model, share):
    for mean, value in zip(average.parameters(), model.parameters()):
        mean += share * (value - mean)


def broken_4(make_model, loader):
    model = make_model()
    average = copy.deepcopy(model)
    for epoch in range(3):
        train(model, loader, epochs=1)
        move(average, model, 1 / (epoch + 1))
    return average.eval()


# %% exercise="12.7"
def clinic_4(make_model, loader):
    """Averaged weights with statistics that belong to them."""
    # The patient, untreated: return broken_4(make_model, loader)
    # BEGIN SOLUTION
    return recompute_statistics(broken_4(make_model, loader), loader)
    # END SOLUTION


# %%
check("12.7")

# %% [markdown]
# ## 12.8 Patient 5: counted twice
#
# To save memory, nothing that the network computes in the forward pass is stored: `checkpoint` computes it again when the
# gradients need it. The losses are the same to the last digit as without, but `num_batches_tracked` is twice the number of
# steps, and the running statistics are different. Write `clinic_5`: each step must move the statistics once, and count
# once.
#
# One of the two points is for the memory: in every step the network, or a part of it, must still be computed again inside of `backward()`. Without `checkpoint` the
# statistics are right, but no memory is saved.


# %%
def broken_5(make_model, loader):
    model = make_model()

    def forward(x):
        return checkpoint(model, x, use_reentrant=False)

    train(model, loader, forward=forward)
    return model.eval()


# %% exercise="12.8"
def clinic_5(make_model, loader):
    """Moves its statistics once a step, and keeps little of the forward pass."""
    # The patient, untreated: return broken_5(make_model, loader)
    # BEGIN SOLUTION
    network = make_model()

    @contextlib.contextmanager
    def put_back():
        kept = [buffer.clone() for buffer in network.buffers()]
        try:
            yield
        finally:
            for buffer, before in zip(network.buffers(), kept):
                buffer.copy_(before)

    def first_and_second_pass():
        return contextlib.nullcontext(), put_back()

    def saving(x):
        return checkpoint(network, x, use_reentrant=False, context_fn=first_and_second_pass)

    return train(network, loader, forward=saving).eval()
    # END SOLUTION


# %%
check("12.8")

# %% [markdown]
# ## 12.9 Patient 6: two domains, one memory
#
# This loader yields `(x, y, domain)`; `domain` is 0 or 1, and all of a batch comes from that domain, say from one of two
# scanners. What is returned is called as `model(x, domain)`. In training every batch is read well. The network that is
# returned, in evaluation mode, reads neither domain. Write `clinic_6`: each domain must have statistics of its own, in
# every batch normalization and in the state dict, and all weight matrices and kernels must serve both. γ and β may be
# shared or not.


# %%
class BothDomains(nn.Module):
    """A network for two domains: model(x, domain)."""

    def __init__(self, network):
        super().__init__()
        self.network = network

    def forward(self, x, domain):
        return self.network(x)


def broken_6(make_model, loader):
    model = BothDomains(make_model())
    train(model, loader)
    return model.eval()


# %% exercise="12.9"
def clinic_6(make_model, loader):
    """One network, called as model(x, domain), with statistics for each of two domains."""

    # The patient, untreated: return broken_6(make_model, loader)
    # BEGIN SOLUTION
    class DomainNorm(nn.ModuleList):
        chosen = 0

        def forward(self, z):
            return self[self.chosen](z)

    class Mended(BothDomains):
        def forward(self, x, which):
            for part in self.modules():
                if isinstance(part, DomainNorm):
                    part.chosen = int(which)
            return super().forward(x, which)

    network = exchange(make_model(), lambda norm: DomainNorm([norm, copy.deepcopy(norm)]))
    return train(Mended(network), loader).eval()
    # END SOLUTION


# %%
check("12.9")
