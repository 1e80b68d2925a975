"""Known wrong answers to exercise 13.1, each with the sentence that helps."""

import copy

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from bncourse.checking import mistake


def _norms(model, kinds=_BatchNorm):
    return [module for module in model.modules() if isinstance(module, kinds)]


def _stay(module):
    """In evaluation mode, whatever is called."""
    module.eval()
    module.train = lambda mode=True: module


def _stop(module, names=("weight", "bias")):
    for name, parameter in module.named_parameters(recurse=False):
        if name in names:
            parameter.requires_grad_(False)


# The kinds that come to mind, which are not all.
LISTED = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)


def _freeze(norms):
    for module in norms:
        _stay(module)
        _stop(module)


def _without_affine(module, inputs, y):
    if not module.affine:
        return y
    shape = (-1, *[1] * (y.dim() - 2))
    return (y - module.bias.view(shape)) / module.weight.view(shape)


def _by_variance(module, inputs, y):
    if module.running_var is None:
        return y
    shape = (-1, *[1] * (y.dim() - 2))
    x, mean, var = inputs[0], module.running_mean.view(shape), module.running_var.view(shape)
    y = (x - mean) / (var + module.eps)
    return y if not module.affine else module.weight.view(shape) * y + module.bias.view(shape)


# What is believed to freeze
@mistake("13.1")
def freeze_batchnorm(model):
    """`requires_grad = False` stops γ and β, not the statistics: in training mode the layer still normalises with the batch,
    and its running statistics move."""
    for module in _norms(model):
        _stop(module)
    return model


@mistake("13.1")
def freeze_batchnorm(model):
    """`eval()` lasts until the next `model.train()`, which a training loop calls at the start of every epoch: from then
    on statistics move again, and γ and β take gradients all the time."""
    for module in _norms(model):
        module.eval()
    return model


@mistake("13.1", caught_by="test_frozen_twice_and_inside_a_larger_model")
def freeze_batchnorm(model):
    """γ and β are frozen and the layers are in evaluation mode, but `model.train()` puts them back into training mode:
    statistics move again. Something must keep `train` from reaching them."""
    for module in _norms(model):
        module.eval()
        _stop(module)
    return model


@mistake("13.1")
def freeze_batchnorm(model):
    """`model.train()` puts the layers back into training mode after your `eval()`, and statistics move again: something must keep
    `train` from reaching them. And your list of kinds lacks `SyncBatchNorm`, which derives from `_BatchNorm` as they do."""
    for module in _norms(model, LISTED):
        module.eval()
        _stop(module)
    return model


@mistake("13.1")
def freeze_batchnorm(model):
    """`model.train()` puts the layers back into training mode after your `eval()`, and statistics move again: something must keep
    `train` from reaching them. And `BatchNorm3d` and `SyncBatchNorm` are left out; all derive from `_BatchNorm`."""
    for module in _norms(model, LISTED[:2]):
        module.eval()
        _stop(module)
    return model


@mistake("13.1")
def freeze_batchnorm(model):
    """`model.train()` puts the layers back into training mode after your `eval()`, and statistics move again: something must keep
    `train` from reaching them. And only `BatchNorm2d` is looked for; all kinds derive from `_BatchNorm`."""
    for module in _norms(model, nn.BatchNorm2d):
        module.eval()
        _stop(module)
    return model


@mistake("13.1")
def freeze_batchnorm(model):
    """`model.train()` puts the layers back into training mode after your `eval()`: something must keep `train` from reaching them. And you
    go by names: a derived class may be called anything, `isinstance` finds it."""
    for module in model.modules():
        if "BatchNorm" in type(module).__name__:
            module.eval()
            _stop(module)
    return model


@mistake("13.1")
def freeze_batchnorm(model):
    """`model.train()` puts the layers back into training mode after your `eval()`: something must keep `train` from reaching them. And
    `model.children()` does not go deeper than one step, nor does it give the model itself; `model.modules()` does both."""
    for module in model.children():
        if isinstance(module, LISTED):
            module.eval()
            _stop(module)
    return model


@mistake("13.1")
def freeze_batchnorm(model):
    """Without gradients γ and β stay, but in training mode the layer normalises with the batch, and its running statistics move. And your
    list of kinds lacks `SyncBatchNorm`, which derives from `_BatchNorm` as they do."""
    for module in _norms(model, LISTED):
        _stop(module)
    return model


@mistake("13.1")
def freeze_batchnorm(model):
    """Without gradients γ and β stay, but in training mode the layer normalises with the batch, and its running statistics move. And only
    `BatchNorm2d` is looked for; all kinds derive from `_BatchNorm`."""
    for module in _norms(model, nn.BatchNorm2d):
        _stop(module)
    return model


@mistake("13.1")
def freeze_batchnorm(model):
    """The statistics stay, but γ and β still take gradients and train."""
    for module in _norms(model):
        _stay(module)
    return model


@mistake("13.1")
def freeze_batchnorm(model):
    """γ (`weight`) is frozen, β (`bias`) still trains."""
    for module in _norms(model):
        _stay(module)
        _stop(module, ("weight",))
    return model


@mistake("13.1")
def freeze_batchnorm(model):
    """β (`bias`) is frozen, γ (`weight`) still trains."""
    for module in _norms(model):
        _stay(module)
        _stop(module, ("bias",))
    return model


@mistake("13.1")
def freeze_batchnorm(model):
    """With `momentum = 0` the running statistics do not move (their counter does), but in training mode the layer
    normalises with the batch and not with them."""
    for module in _norms(model):
        module.momentum = 0.0
        _stop(module)
    return model


@mistake("13.1")
def freeze_batchnorm(model):
    """`track_running_stats = False` stops the updates, but makes the layer normalise with the batch in training mode."""
    for module in _norms(model):
        module.track_running_stats = False
        _stop(module)
    return model


@mistake("13.1")
def freeze_batchnorm(model):
    """`track_running_stats = False` stops the updates, but when `model.train()` has undone your `eval()`, the layer normalises with
    the batch."""
    for module in _norms(model):
        module.track_running_stats = False
        module.eval()
        _stop(module)
    return model


@mistake("13.1")
def freeze_batchnorm(model):
    """`track_running_stats = False` stops the updates, but when `model.train()` has undone your `eval()`, the layer normalises with
    the batch. And your list of kinds lacks `SyncBatchNorm`."""
    for module in _norms(model, LISTED):
        module.track_running_stats = False
        module.eval()
        _stop(module)
    return model


@mistake("13.1")
def freeze_batchnorm(model):
    """`track_running_stats = False` stops the updates, but makes the layer normalise with the batch in training mode. And your list of
    kinds lacks `SyncBatchNorm`."""
    for module in _norms(model, LISTED):
        module.track_running_stats = False
        _stop(module)
    return model


@mistake("13.1")
def freeze_batchnorm(model):
    """With `momentum = 0` the running statistics do not move, but in training mode the layer normalises with the batch and not with
    them. And your list of kinds lacks `SyncBatchNorm`."""
    for module in _norms(model, LISTED):
        module.momentum = 0.0
        _stop(module)
    return model


@mistake("13.1")
def freeze_batchnorm(model):
    """With `momentum = 0` the running statistics do not move, but when `model.train()` has undone your `eval()`, the layer normalises
    with the batch. And your list of kinds lacks `SyncBatchNorm`."""
    for module in _norms(model, LISTED):
        module.momentum = 0.0
        module.eval()
        _stop(module)
    return model


@mistake("13.1")
def freeze_batchnorm(model):
    """With `momentum = 0` the running statistics do not move, but when `model.train()` has undone your `eval()`, the layer normalises
    with the batch."""
    for module in _norms(model):
        module.momentum = 0.0
        module.eval()
        _stop(module)
    return model


@mistake("13.1")
def freeze_batchnorm(model):
    """The running statistics of the kinds that you list are gone (set to `None`): those layers normalise with the batch in every mode. And
    the list lacks `SyncBatchNorm`."""
    for module in _norms(model, LISTED):
        module.running_mean = module.running_var = None
        module.eval()
        _stop(module)
    return model


@mistake("13.1")
def freeze_batchnorm(model):
    """Where the model is itself a batch normalization, your `train` calls `eval()`, which calls your `train`, and so on without end. Set
    `training` of the layers there."""
    original = model.train

    def hold():
        for module in _norms(model):
            module.eval()
            _stop(module)

    def train(mode=True):
        original(mode)
        hold()
        return model

    model.train = train
    hold()
    return model


@mistake("13.1")
def freeze_batchnorm(model):
    """`train` no longer does anything, but the layers were never put into evaluation mode: one that came in training mode
    stays in it for ever."""
    for module in _norms(model):
        module.train = lambda mode=True, module=module: module
        _stop(module)
    return model


@mistake("13.1")
def freeze_batchnorm(model):
    """Your own `train` takes no mode: `model.train()` and `model.eval()` call `train(mode)` on each module, and that
    crashes. Give it a parameter: `lambda mode=True: ...`."""
    for module in _norms(model):
        module.eval()
        module.train = lambda: None
        _stop(module)
    return model


@mistake("13.1")
def freeze_batchnorm(model):
    """The running statistics are gone (set to `None`): now the layers normalise with the batch in every mode."""
    for module in _norms(model):
        module.running_mean = module.running_var = module.num_batches_tracked = None
        _stop(module)
    return model


@mistake("13.1")
def freeze_batchnorm(model):
    """The running statistics start afresh (`reset_running_stats()`): you freeze mean 0 and variance 1, not what the model
    had learned."""
    for module in _norms(model):
        module.reset_running_stats()
    _freeze(_norms(model))
    return model


@mistake("13.1")
def freeze_batchnorm(model):
    """γ and β are set to 1 and 0. Freeze them at the values that they have."""
    for module in _norms(model):
        if module.affine:
            nn.init.ones_(module.weight)
            nn.init.zeros_(module.bias)
    _freeze(_norms(model))
    return model


# Which layers
@mistake("13.1")
def freeze_batchnorm(model):
    """You look for `BatchNorm2d`. `BatchNorm1d`, `BatchNorm3d` and `SyncBatchNorm` are not derived from it; all have the
    base class `nn.modules.batchnorm._BatchNorm`."""
    _freeze(_norms(model, nn.BatchNorm2d))
    return model


@mistake("13.1")
def freeze_batchnorm(model):
    """`BatchNorm1d` is forgotten."""
    _freeze(_norms(model, (nn.BatchNorm2d, nn.BatchNorm3d, nn.SyncBatchNorm)))
    return model


@mistake("13.1", caught_by="test_every_kind_of_batch_normalization")
def freeze_batchnorm(model):
    """`SyncBatchNorm` is forgotten: it is not derived from `BatchNorm1d`, `2d` or `3d`."""
    _freeze(_norms(model, (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)))
    return model


@mistake("13.1", caught_by="test_derived_classes")
def freeze_batchnorm(model):
    """You ask for the exact type, so what is derived from a batch normalization is left out. `isinstance` finds it."""
    kinds = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.SyncBatchNorm)
    _freeze([module for module in model.modules() if type(module) in kinds])
    return model


@mistake("13.1")
def freeze_batchnorm(model):
    """You look for "BatchNorm" in the name of the class: a derived class may be called anything. `isinstance` finds it."""
    _freeze([module for module in model.modules() if "BatchNorm" in type(module).__name__])
    return model


@mistake("13.1")
def freeze_batchnorm(model):
    """Only the direct children of the model are frozen: `model.children()` does not go deeper, `model.modules()` does."""
    _freeze([module for module in model.children() if isinstance(module, _BatchNorm)])
    return model


@mistake("13.1", caught_by="test_any_depth_and_the_model_itself")
def freeze_batchnorm(model):
    """A model that is itself a batch normalization is left out: a walk over children never visits the root."""
    _freeze([module for module in _norms(model) if module is not model])
    return model


@mistake("13.1")
def freeze_batchnorm(model):
    """Only the first batch normalization is frozen: is there a `return` or a `break` inside the loop?"""
    _freeze(_norms(model)[:1])
    return model


@mistake("13.1")
def freeze_batchnorm(model):
    """The lambda means the loop's variable, which at the end is the last module, so it never does what it should: here it
    put that one, and only that one, into evaluation mode. Bind it: `lambda mode=True, module=module: ...`."""
    for module in _norms(model):
        module.train = lambda mode=True: nn.Module.train(module, False)
        _stop(module)
    return model


# All else
@mistake("13.1")
def freeze_batchnorm(model):
    """Instance normalization is frozen too. It shares the base class `_NormBase` (and the attribute `running_mean`), but it
    is no batch normalization."""
    _freeze(_norms(model, nn.modules.batchnorm._NormBase))
    return model


@mistake("13.1")
def freeze_batchnorm(model):
    """Every module with "Norm" in its name is frozen: γ and β of group, layer and instance normalization too."""
    _freeze(_norms(model))
    _freeze([module for module in model.modules() if "Norm" in type(module).__name__])
    return model


@mistake("13.1")
def freeze_batchnorm(model):
    """All parameters of the model are frozen, so that nothing is left to train. Only γ and β should be."""
    _freeze(_norms(model))
    return model.requires_grad_(False)


@mistake("13.1")
def freeze_batchnorm(model):
    """The whole model is stuck in evaluation mode: dropout stays off after `model.train()`."""
    _freeze(_norms(model))
    model.eval()
    model.train = lambda mode=True: model
    return model


@mistake("13.1")
def freeze_batchnorm(model):
    """After `model.train()` only the normalizations should be held back, but after `model.eval()` your model is in training
    mode too: the new `train` pays no attention to its `mode`."""
    _freeze(_norms(model))
    if not isinstance(model, _BatchNorm):
        model.train = lambda mode=True: type(model).train(model, True)
    return model


@mistake("13.1")
def freeze_batchnorm(model):
    """`model.eval()` puts all modules into evaluation mode, and there they are when you return: dropout was training when
    the model came. Put only the normalizations into it."""
    model.eval()
    _freeze(_norms(model))
    return model


@mistake("13.1", caught_by="test_one_layer_stays_frozen_after_train")
def freeze_batchnorm(model):
    """`model.train()` puts all modules into training mode, and there they are when you return. Leave the mode to others."""
    model.train()
    _freeze(_norms(model))
    return model


@mistake("13.1", caught_by="test_all_else_goes_on")
def freeze_batchnorm(model):
    """All parameters but γ and β are set to take gradients: layers that somebody had stopped learn again."""
    model.requires_grad_(True)
    _freeze(_norms(model))
    return model


@mistake("13.1")
def freeze_batchnorm(model):
    """No gradient flows through the frozen layers (is there a `no_grad` or `detach` in their forward?), so that the layers
    beneath no longer learn."""
    for module in _norms(model):
        _stay(module)
        _stop(module)
        module.register_forward_hook(lambda module, inputs, y: y.detach() + 0 * inputs[0].sum())
    return model


@mistake("13.1")
def freeze_batchnorm(model):
    """You freeze a copy: the model that was given trains on as before."""
    twin = copy.deepcopy(model)
    _freeze(_norms(twin))
    return twin


@mistake("13.1")
def freeze_batchnorm(model):
    """With `affine=False` there is no γ and no β, `weight` and `bias` are `None`, and that crashes."""
    for module in _norms(model):
        _stay(module)
        module.weight.requires_grad = False
        module.bias.requires_grad = False
    return model


@mistake("13.1")
def freeze_batchnorm(model):
    """The frozen map has no γ and β: it only subtracts the running mean and divides."""
    for module in _norms(model):
        _stay(module)
        _stop(module)
        module.register_forward_hook(_without_affine)
    return model


@mistake("13.1")
def freeze_batchnorm(model):
    """The frozen map has ε = 1e-5, whatever the layer had: take `layer.eps`."""
    for module in _norms(model):
        _stay(module)
        _stop(module)
        module.eps = 1e-5
    return model


@mistake("13.1")
def freeze_batchnorm(model):
    """The frozen layer divides by the running variance, not by its root."""
    for module in _norms(model):
        _stay(module)
        _stop(module)
        module.register_forward_hook(_by_variance)
    return model


@mistake("13.1")
def freeze_batchnorm(model):
    """The frozen layers have other names in the state dict (or names are missing): a checkpoint of the model no longer
    loads. Keep `num_batches_tracked` too."""
    for module in _norms(model):
        _stay(module)
        _stop(module)
        if module.num_batches_tracked is not None:
            del module._buffers["num_batches_tracked"]
            module.num_batches_tracked = None
    return model


@mistake("13.1", caught_by="test_any_options")
def freeze_batchnorm(model):
    """A normalization without running statistics (`track_running_stats=False`) has none to freeze, and `running_mean` is
    `None`: that crashes."""
    for module in _norms(model):
        _stay(module)
        _stop(module)
        torch.isfinite(module.running_mean)
    return model
