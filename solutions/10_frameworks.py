# %% [markdown]
# # Exercises 10: Between frameworks, and into the convolution
#
# They belong to the page *Between frameworks, and into the convolution*. You move a layer from Keras to PyTorch, exchange
# the normalizations of a model for others, turn a convolution and a batch normalization into one convolution, and export a model
# with a proof that nothing was lost. Keras itself is not needed: a layer is given as four arrays and two numbers.

# %% tags=["setup"]
import torch
from torch import nn

from bncourse import check

# %% [markdown]
# ## 10.1 From Keras to PyTorch
#
# Write `keras_to_torch`. `weights` is what `layer.get_weights()` gives for a `keras.layers.BatchNormalization`, a list of four
# NumPy arrays of shape `(C,)`, in this order: gamma, beta, moving mean, moving variance. `momentum` and `epsilon` are the layer's,
# as Keras means them: the new moving mean is `momentum * moving_mean + (1 - momentum) * batch_mean`.
#
# Return three things, `(state_dict, momentum, eps)`, such that
#
# ```python
# layer = nn.BatchNorm2d(C, eps=eps, momentum=momentum)
# layer.load_state_dict(state_dict)
# ```
#
# computes what the Keras layer computes: in training, at inference, and in the next update of the running mean.
# `state_dict` maps PyTorch's names to tensors of shape `(C,)` and loads strictly, into `nn.BatchNorm1d` and
# `nn.BatchNorm3d` too. The moving variance is copied as it is; from the next update on PyTorch will use the unbiased one,
# and that is correct.
#
# For example, momentum 0.99 and epsilon 0.001 become 0.01 and 0.001.
#
# *Free:* dtype of the tensors; whether `num_batches_tracked` is among them, which Keras does not count, and its value.
# *Forbidden:* changing `weights`.


# %% exercise="10.1"
def keras_to_torch(weights, momentum, epsilon):
    """State dict, momentum and eps of a torch.nn.BatchNorm*d from those of a Keras layer, arrays of shape (C,)."""
    # BEGIN SOLUTION
    names = "weight", "bias", "running_mean", "running_var"
    state_dict = {name: torch.tensor(values) for name, values in zip(names, weights)}
    return {**state_dict, "num_batches_tracked": torch.tensor(0)}, 1 - momentum, epsilon
    # END SOLUTION


# %%
check("10.1")

# %% [markdown]
# ## 10.2 Other normalizations in the same model
#
# Write `replace_batchnorm`. `model` is any `nn.Module`. Return a new model which is a copy of it, but in which every batch
# normalization, however deep it sits, is replaced by what `factory(num_features)` makes, a module as well. A batch normalization is
# any `nn.BatchNorm1d`, `nn.BatchNorm2d`, `nn.BatchNorm3d` or `nn.SyncBatchNorm`, and any module of a class derived from these;
# other normalizations stay. `model` may be a batch normalization itself.
#
# - The model that came in stays as it was, also when the new one is trained: the two share nothing.
# - Each new module is in the mode, `training` or not, of the one that it replaces; all others keep theirs.
# - Two batch normalizations get two new modules, each from a call of `factory` of its own. One that is used in two places of the
#   model is replaced by one and the same new module in both.
# - What the factory makes stays as it made it: no weights are carried over, and if there is a batch normalization in it, that stays.
#
# For example, `replace_batchnorm(model, lambda channels: nn.GroupNorm(2, channels))` gives a model with group normalization.
#
# *Free:* recursion or a loop over all modules; the order of the calls of `factory`; whether dtype and device of the new
# modules follow the model. *Forbidden:* changing `model`.

# %% exercise="10.2"
import copy


def replace_batchnorm(model, factory):
    """A copy of model with every batch normalization replaced by factory(num_features), in the same mode."""
    # BEGIN SOLUTION
    kinds = nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.SyncBatchNorm
    new_model, replacements = copy.deepcopy(model), {}
    for path, module in list(new_model.named_modules(remove_duplicate=False)):
        if not isinstance(module, kinds):
            continue
        if module not in replacements:
            replacements[module] = factory(module.num_features).train(module.training)
        if module is new_model:
            return replacements[module]
        parent, _, name = path.rpartition(".")
        setattr(new_model.get_submodule(parent), name, replacements[module])
    return new_model
    # END SOLUTION


# %%
check("10.2")

# %% [markdown]
# ## 10.3 Two layers in one
#
# Write `fold_batchnorm`. `conv` is an `nn.Conv2d`, `bn` the `nn.BatchNorm2d` after it. At inference the normalization is a
# scale and a shift for each channel, and both fit into the convolution. Return a new `nn.Conv2d` which alone gives, for
# every input, what
#
# $$\gamma \, \frac{\text{conv}(x) - \mu_r}{\sqrt{\sigma^2_r + \varepsilon}} + \beta$$
#
# gives, with the **running** statistics of `bn`, whatever mode it happens to be in.
#
# `conv` may have a bias or none, and any kernel, stride, padding (numbers, `"same"`), padding mode, dilation and groups. `bn` may have
# no γ and β (`affine=False`); it always has running statistics. Both have the same dtype, float32 or float64, and so has your answer.
#
# For example, a convolution with the one weight 3 and no bias, and μ = 1, σ² = 4, γ = 2, β = 5, ε = 0 become the
# weight 3 and the bias 4.
#
# *Free:* whether the new tensors require a gradient; a new module or a copy of `conv`. *Forbidden:* changing `conv` or `bn`; PyTorch's
# own fusion (`torch.nn.utils.fusion`, `torch.fx`, `torch.ao`).


# %% exercise="10.3"
def fold_batchnorm(conv, bn):
    """One nn.Conv2d equal to bn(conv(x)) at inference."""
    # BEGIN SOLUTION
    folded = copy.deepcopy(conv)
    with torch.no_grad():
        scale = 1 / torch.sqrt(bn.running_var + bn.eps)
        shift = -bn.running_mean * scale
        if bn.affine:
            scale, shift = bn.weight * scale, bn.weight * shift + bn.bias
        if conv.bias is not None:
            shift = shift + scale * conv.bias
        folded.weight = nn.Parameter(conv.weight * scale.view(-1, 1, 1, 1))
        folded.bias = nn.Parameter(shift)
    return folded
    # END SOLUTION


# %%
check("10.3")

# %% [markdown]
# ## 10.4 Export with parity
#
# An exporter, such as `torch.export`, `torch.jit.trace` or the one to ONNX, records what a model does, and most of them record the mode in
# which they find it. A program recorded in training mode normalises with whatever batch it gets, and no error says so.
#
# Write `export_with_parity`. `model` is any `nn.Module` that makes one tensor of a batch of images, in training mode, in
# evaluation mode, or with some modules in one and some in the other. `export(model, images)` is an exporter. It runs the model on
# `images`, a batch, and returns a program, a function: `program(images)` is one tensor, for batches of other sizes too. `batches` is a list
# of at least one batch, each a tensor `(B, ...)`; B may differ.
#
# Return two things, `(program, difference)`:
#
# - `program` is what the exporter makes of the model **in evaluation mode**; the batch to record it with is the first one.
# - `difference` is one number, the largest absolute difference between what the program gives and what the model gives in
#   evaluation mode, over all outputs of all batches, each batch run as it is. It is not about 0 for every exporter: some round, some
#   have errors. Where a difference is not a number (NaN), nothing is proven, and `difference` is infinite.
#
# The model stays as it was: parameters, statistics, every `.grad`, and the mode of each module, also where a frozen layer is in
# evaluation mode inside a model in training mode. The batches stay as they were.
#
# For example, the model gives 2 and −1, the program gives 2.25 and −1.5: the difference is 0.5.
#
# *Free:* exporting the model itself or a copy; how often `export` is called; a float or a tensor with one number. *Forbidden:*
# changing `model` or `batches`.


# %% exercise="10.4"
def export_with_parity(model, export, batches):
    """The program of model at inference, and its largest difference from the model over all batches."""
    # BEGIN SOLUTION
    deployed = copy.deepcopy(model).eval()
    with torch.no_grad():
        program = export(deployed, batches[0])
        gaps = [(program(images) - deployed(images)).abs().max() for images in batches]
    largest = torch.stack(gaps).max()  # NaN, if there is one
    return program, torch.inf if largest.isnan() else largest.item()
    # END SOLUTION


# %%
check("10.4")
