"""Known wrong answers to exercise 9.1: the noise is right, but something stays behind; each with the sentence that helps."""

import copy

import torch
from torch import nn

from bncourse.checking import mistake


def _deviation(model, image, companions):
    """The noise of the image in the model as it stands."""
    with torch.no_grad():
        return torch.stack([model(torch.cat([image[None], others]))[0] for others in companions]).std(0)


def _noise(model, image, companions):
    """The right answer, on a copy."""
    twin = copy.deepcopy(model).eval()
    for module in twin.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            module.train()
    return _deviation(twin, image, companions)


def _on_the_model(model, image, companions):
    """The right noise, on the model itself; all is put back but running statistics and counters."""
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    for module in model.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            module.train()
    noise = _deviation(model, image, companions)
    for module, mode in modes:
        module.training = mode
    return noise


def _kept(model, part=""):
    """Copies of the buffers whose names end in `part`."""
    return [(buffer, buffer.clone()) for name, buffer in model.named_buffers() if name.endswith(part)]


def _put_back(kept):
    for buffer, value in kept:
        buffer.copy_(value)


@mistake("9.1")
def prediction_noise(model, image, companions):
    """The model's running statistics have moved: in training mode each run updates them, `no_grad` or not. A state dict
    kept aside does not help without `.clone()`, for it holds the very same tensors."""
    return _on_the_model(model, image, companions)


@mistake("9.1")
def prediction_noise(model, image, companions):
    """Running means and variances are right again, but `num_batches_tracked` has counted your runs. (A momentum of 0
    does not stop it either.)"""
    kept = _kept(model, "running_mean") + _kept(model, "running_var")
    noise = _on_the_model(model, image, companions)
    _put_back(kept)
    return noise


@mistake("9.1")
def prediction_noise(model, image, companions):
    """The running means are put back, the running variances and counters are not."""
    kept = _kept(model, "running_mean")
    noise = _on_the_model(model, image, companions)
    _put_back(kept)
    return noise


@mistake("9.1")
def prediction_noise(model, image, companions):
    """The running statistics start afresh (`reset_running_stats()`): what the model had learned is gone."""
    noise = _on_the_model(model, image, companions)
    for module in model.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            module.reset_running_stats()
    return noise


@mistake("9.1")
def prediction_noise(model, image, companions):
    """The running statistics of the caller's model are taken away (set to `None`), so it can no longer run in evaluation
    mode as before. Do that on a copy."""
    noise = _noise(model, image, companions)
    for module in model.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            module.running_mean = module.running_var = None
    return noise


@mistake("9.1")
def prediction_noise(model, image, companions):
    """Momentum is set to 0 so that running statistics stay, and is left so: they will never move again."""
    noise = _noise(model, image, companions)
    for module in model.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            module.momentum = 0.0
    return noise


@mistake("9.1")
def prediction_noise(model, image, companions):
    """The modes are not put back: the model is left in evaluation mode, its normalizations in training mode."""
    noise = _noise(model, image, companions)
    model.eval()
    for module in model.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            module.train()
    return noise


@mistake("9.1")
def prediction_noise(model, image, companions):
    """The model is left in training mode."""
    noise = _noise(model, image, companions)
    model.train()
    return noise


@mistake("9.1")
def prediction_noise(model, image, companions):
    """The model is left in evaluation mode."""
    noise = _noise(model, image, companions)
    model.eval()
    return noise


@mistake("9.1")
def prediction_noise(model, image, companions):
    """`model.train(...)` at the end sets all modules to one mode; before, some were training and some were not. Note the
    mode of each, or work on a copy."""
    noise = _noise(model, image, companions)
    model.train(model.training)
    return noise


@mistake("9.1")
def prediction_noise(model, image, companions):
    """Dropout is switched off by `p = 0` and stays so: the caller's model has lost it."""
    noise = _noise(model, image, companions)
    for module in model.modules():
        if isinstance(module, nn.modules.dropout._DropoutNd):
            module.p = 0.0
    return noise


@mistake("9.1")
def prediction_noise(model, image, companions):
    """`zero_grad()` threw away the gradients that the caller had: there is no need to touch them."""
    noise = _noise(model, image, companions)
    model.zero_grad()
    return noise


@mistake("9.1")
def prediction_noise(model, image, companions):
    """`requires_grad_(False)` freezes the caller's weights; `with torch.no_grad():` leaves them alone."""
    noise = _noise(model, image, companions)
    model.requires_grad_(False)
    return noise


@mistake("9.1")
def prediction_noise(model, image, companions):
    """Gradients are switched off with `torch.set_grad_enabled(False)` and stay off for the whole program.
    `with torch.no_grad():` ends by itself."""
    noise = _noise(model, image, companions)
    torch.set_grad_enabled(False)
    return noise


@mistake("9.1")
def prediction_noise(model, image, companions):
    """`torch.manual_seed` inside the function starts the caller's random numbers anew. Nothing here needs chance."""
    torch.manual_seed(0)
    return _noise(model, image, companions)


@mistake("9.1")
def prediction_noise(model, image, companions):
    """The dropout modules of the caller's model are replaced by `nn.Identity()`, for good. Do that on a copy."""
    noise = _noise(model, image, companions)
    for module in list(model.modules()):
        for name, child in list(module.named_children()):
            if isinstance(child, nn.modules.dropout._DropoutNd):
                setattr(module, name, nn.Identity())
    return noise


@mistake("9.1")
def prediction_noise(model, image, companions):
    """The image is overwritten: its batch shares its memory, or it was standardised in place. Work on a copy."""
    noise = _noise(model, image, companions)
    image -= image.mean()
    return noise
