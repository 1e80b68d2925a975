"""Known wrong answers to exercise 13.2, each with the sentence that helps."""

import copy

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from bncourse.checking import mistake


def _norms(model, kinds=_BatchNorm):
    return [module for module in model.modules() if isinstance(module, kinds) and module.running_mean is not None]


def _adapt(model, loader, norms=None, momentum=None, reset=True, prepare=None):
    """A right answer, with one part exchanged; modes and momenta are put back."""
    modes = [(module, module.training) for module in model.modules()]
    norms = _norms(model) if norms is None else norms
    momenta = [norm.momentum for norm in norms]
    model.eval()
    for norm in norms:
        if reset:
            norm.reset_running_stats()
        if momentum != "own":
            norm.momentum = momentum
        norm.train()
    if prepare:
        prepare(model)
    with torch.no_grad():
        for images in loader:
            model(images)
    for norm, before in zip(norms, momenta):
        norm.momentum = before
    for module, mode in modes:
        module.training = mode
    return model


def _in_training(model, loader, kinds=_BatchNorm, reset=True):
    """The whole model in training mode while the images go through; nothing is put back."""
    for norm in _norms(model, kinds) if reset else []:
        norm.reset_running_stats()
        norm.momentum = None
    model.train()
    with torch.no_grad():
        for images in loader:
            model(images)
    return model


def _observed(model, loader, of_output=False, layer_by_layer=False, unbiased=False):
    """Pooled statistics of what goes into (or comes out of) each layer, in evaluation mode."""
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    norms = _norms(model)
    for group in [[norm] for norm in norms] if layer_by_layer else [norms]:
        seen = {norm: [] for norm in group}
        hooks = [
            norm.register_forward_hook(lambda n, x, y, seen=seen: seen[n].append(y if of_output else x[0]))
            for norm in group
        ]
        with torch.no_grad():
            for images in loader:
                model(images)
        for hook in hooks:
            hook.remove()
        for norm, values in seen.items():
            flat = torch.cat([value.transpose(0, 1).flatten(1) for value in values], 1)
            norm.running_mean.copy_(flat.mean(1))
            norm.running_var.copy_(flat.var(1, unbiased=unbiased))
    for module, mode in modes:
        module.training = mode
    return model


# Statistics
@mistake("13.2")
def adapt_statistics(model, loader):
    """The images go through in evaluation mode, and in evaluation mode no statistics move."""
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    with torch.no_grad():
        for images in loader:
            model(images)
    for module, mode in modes:
        module.training = mode
    return model


@mistake("13.2")
def adapt_statistics(model, loader):
    """The layers keep their momentum and what they knew: after K batches 0.9 to the power of K of the source is left.
    Forget it first, and average with `momentum=None`."""
    return _adapt(model, loader, momentum="own", reset=False)


@mistake("13.2")
def adapt_statistics(model, loader):
    """Reset, but with the old momentum: after a few batches mean 0 and variance 1 are still most of what the layers know."""
    return _adapt(model, loader, momentum="own")


@mistake("13.2", caught_by="test_all_batches_and_nothing_of_the_source")
def adapt_statistics(model, loader):
    """`momentum=None` averages over all batches that `num_batches_tracked` has counted, those of the source too. Reset the
    running statistics (and so the counter) first."""
    return _adapt(model, loader, reset=False)


@mistake("13.2")
def adapt_statistics(model, loader):
    """With momentum 1 each batch wipes out the one before: the statistics are those of the last batch."""
    return _adapt(model, loader, momentum=1.0)


@mistake("13.2")
def adapt_statistics(model, loader):
    """Only the first batch has been looked at."""
    return _adapt(model, list(loader)[:1])


@mistake("13.2", caught_by="test_four_numbers")
def adapt_statistics(model, loader):
    """The running statistics are reset and then never measured: mean 0 and variance 1 are not the statistics of any
    data."""
    for norm in _norms(model):
        norm.reset_running_stats()
    return model


@mistake("13.2")
def adapt_statistics(model, loader):
    """The means are those of the target, the variances still those of the source."""
    kept = [(norm, norm.running_var.clone()) for norm in _norms(model)]
    _adapt(model, loader)
    for norm, var in kept:
        norm.running_var.copy_(var)
    return model


@mistake("13.2")
def adapt_statistics(model, loader):
    """The variances are those of the target, the means still those of the source."""
    kept = [(norm, norm.running_mean.clone()) for norm in _norms(model)]
    _adapt(model, loader)
    for norm, mean in kept:
        norm.running_mean.copy_(mean)
    return model


@mistake("13.2")
def adapt_statistics(model, loader):
    """`running_var` holds standard deviations; a variance belongs there."""
    _adapt(model, loader)
    for norm in _norms(model):
        norm.running_var.sqrt_()
    return model


@mistake("13.2")
def adapt_statistics(model, loader):
    """The new statistics are the mean of the source's and the target's. Nothing of the source should be left."""
    kept = [(value, value.clone()) for norm in _norms(model) for value in (norm.running_mean, norm.running_var)]
    _adapt(model, loader)
    for value, before in kept:
        value.lerp_(before, 0.5)
    return model


@mistake("13.2", caught_by="test_layers_behind_layers")
def adapt_statistics(model, loader):
    """You measured while the layers still normalised with the source's statistics, so a layer behind others saw inputs that
    it will not get once these are adapted. Normalise with the batch while you look, or go layer by layer."""
    return _observed(model, loader)


@mistake("13.2")
def adapt_statistics(model, loader):
    """You measured what comes *out of* the normalization. What goes *into* it is what it must subtract and divide by."""
    return _observed(model, loader, of_output=True, layer_by_layer=True)


@mistake("13.2")
def adapt_statistics(model, loader):
    """Dropout was on while the images went through (`model.train()`), so the layers behind it measured its noise too."""

    def dropout_on(model):
        for module in model.modules():
            if "Dropout" in type(module).__name__:
                module.train()

    return _adapt(model, loader, prepare=dropout_on)


# Which layers
@mistake("13.2")
def adapt_statistics(model, loader):
    """Only `BatchNorm2d` is adapted. `BatchNorm1d` and `3d` are not derived from it; all have the base class
    `nn.modules.batchnorm._BatchNorm`."""
    return _adapt(model, loader, _norms(model, nn.BatchNorm2d))


@mistake("13.2", caught_by="test_every_kind_at_any_depth")
def adapt_statistics(model, loader):
    """`BatchNorm3d` is forgotten."""
    return _adapt(model, loader, _norms(model, (nn.BatchNorm1d, nn.BatchNorm2d)))


@mistake("13.2")
def adapt_statistics(model, loader):
    """You ask for the exact type, so what is derived from a batch normalization is left out. `isinstance` finds it."""
    kinds = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)
    return _adapt(model, loader, [norm for norm in _norms(model) if type(norm) in kinds])


@mistake("13.2")
def adapt_statistics(model, loader):
    """Only direct children of the model are adapted: `model.children()` does not go deeper, `model.modules()` does."""
    direct = list(model.children())
    return _adapt(model, loader, [norm for norm in _norms(model) if norm in direct])


@mistake("13.2")
def adapt_statistics(model, loader):
    """A model that is itself a batch normalization is left out: a walk over children never visits the root."""
    return _adapt(model, loader, [norm for norm in _norms(model) if norm is not model])


@mistake("13.2")
def adapt_statistics(model, loader):
    """Only the first normalization is adapted, the one that sees the pixels; those behind it keep the source's statistics."""
    return _adapt(model, loader, _norms(model)[:1])


@mistake("13.2")
def adapt_statistics(model, loader):
    """A normalization without running statistics has none to adapt: `running_mean` is `None`, and that crashes."""
    _adapt(model, loader)
    for module in model.modules():
        if isinstance(module, _BatchNorm):
            torch.isfinite(module.running_mean)
    return model


# What should stay
@mistake("13.2")
def adapt_statistics(model, loader):
    """The running statistics are taken away (`None`), so that the layers normalise with whatever batch comes: a single
    image then gets a different answer than in a batch. Measure them once and keep them."""
    for norm in _norms(model):
        norm.running_mean = norm.running_var = None
    return model


@mistake("13.2")
def adapt_statistics(model, loader):
    """`reset_parameters()` resets γ and β to 1 and 0 too. They belong to the weights, which stay; `reset_running_stats()` is
    what you want."""
    for norm in _norms(model):
        norm.reset_parameters()
    return _adapt(model, loader)


@mistake("13.2")
def adapt_statistics(model, loader):
    """You adapted a copy: the model that was given still has the source's statistics."""
    return _adapt(copy.deepcopy(model), loader)


@mistake("13.2")
def adapt_statistics(model, loader):
    """The model is left in training mode: the next image that is judged is normalised with its batch."""
    return _adapt(model, loader).train()


@mistake("13.2", caught_by="test_leaves_all_else_as_it_was")
def adapt_statistics(model, loader):
    """The model is left in evaluation mode. It should be in the mode it came in."""
    return _adapt(model, loader).eval()


@mistake("13.2")
def adapt_statistics(model, loader):
    """The normalizations are left in training mode: they go on normalising with the batch."""
    _adapt(model, loader)
    for norm in _norms(model):
        norm.train()
    return model


@mistake("13.2")
def adapt_statistics(model, loader):
    """`model.train(...)` at the end sets all modules to one mode; before, some were training and some were not. Note the
    mode of each."""
    return _adapt(model, loader).train(model.training)


@mistake("13.2")
def adapt_statistics(model, loader):
    """The momentum is left at `None`: in the next training the running statistics will average over everything."""
    _adapt(model, loader)
    for norm in _norms(model):
        norm.momentum = None
    return model


@mistake("13.2")
def adapt_statistics(model, loader):
    """The momentum is put "back" to 0.1, which is PyTorch's default and not what every layer had."""
    _adapt(model, loader)
    for norm in _norms(model):
        norm.momentum = 0.1
    return model


@mistake("13.2")
def adapt_statistics(model, loader):
    """Other normalizations have adapted too: instance normalization moves its running statistics in training mode. Only
    batch normalization is asked for."""
    norms = _norms(model, nn.modules.batchnorm._NormBase)
    return _adapt(model, loader, norms)


@mistake("13.2")
def adapt_statistics(model, loader):
    """The hooks that you registered are still there. Keep their handles and call `remove()`."""
    _adapt(model, loader)
    for norm in _norms(model):
        norm.register_forward_pre_hook(lambda module, inputs: None)
    return model


@mistake("13.2")
def adapt_statistics(model, loader):
    """All parameters have been frozen along the way. Statistics move without gradients: do not freeze anything."""
    _adapt(model, loader)
    return model.requires_grad_(False)


@mistake("13.2")
def adapt_statistics(model, loader):
    """Gradients were computed, or those of an earlier step were cleared: `.grad` is not what it was. This method needs
    none; work under `torch.no_grad()`."""
    model.zero_grad()
    return _adapt(model, loader)


@mistake("13.2")
def adapt_statistics(model, loader):
    """`torch.set_grad_enabled(False)` holds from there on for the whole program. `with torch.no_grad():` ends by itself."""
    _adapt(model, loader)
    torch.set_grad_enabled(False)
    return model


# Two slips at once, as they often come
@mistake("13.2")
def adapt_statistics(model, loader):
    """`model.train()` puts all of the model into training mode: dropout is on while you look, and the model is left in that
    mode. (Momenta are left at `None`, too.)"""
    return _in_training(model, loader)


@mistake("13.2")
def adapt_statistics(model, loader):
    """`model.train()` puts all of the model into training mode: dropout is on while you look, and instance normalization moves. And at
    the end all is in evaluation mode, with the momenta at `None`, where it should be as it came."""
    return _in_training(model, loader).eval()


@mistake("13.2")
def adapt_statistics(model, loader):
    """PyTorch's `update_bn`, or the same by hand, puts all of the model into training mode: dropout is on while you look, and instance
    normalization moves."""
    torch.optim.swa_utils.update_bn(loader, model)
    return model


@mistake("13.2")
def adapt_statistics(model, loader):
    """A pass in training mode moves the statistics by their momentum: much of the source is left. Forget it first, and average with
    `momentum=None`. And `model.train()` switches dropout on while you look."""
    return _in_training(model, loader, reset=False)


@mistake("13.2")
def adapt_statistics(model, loader):
    """A pass in training mode moves the statistics by their momentum: much of the source is left. Forget it first, and average with
    `momentum=None`. Dropout was on while you looked, and the model is left in evaluation mode, however it came."""
    return _in_training(model, loader, reset=False).eval()


@mistake("13.2")
def adapt_statistics(model, loader):
    """Reset and `momentum=None` reach `BatchNorm2d` alone; all kinds derive from `_BatchNorm`. And `model.train()` switches dropout on while
    you look, and stays."""
    return _in_training(model, loader, nn.BatchNorm2d)


@mistake("13.2")
def adapt_statistics(model, loader):
    """Reset and `momentum=None` reach `BatchNorm2d` alone; all kinds derive from `_BatchNorm`. And `model.train()` switches dropout on while
    you look; at the end all is in evaluation mode, however it came."""
    return _in_training(model, loader, nn.BatchNorm2d).eval()


@mistake("13.2")
def adapt_statistics(model, loader):
    """You measured while the layers still normalised with the source's statistics, so a layer behind others saw inputs that it will not
    get once these are adapted. And the model is left in evaluation mode, however it came."""
    return _observed(model, loader, unbiased=True).eval()


@mistake("13.2")
def adapt_statistics(model, loader):
    """Only the normalizations are put into training mode, so dropout is on where the model came in training mode. And at the end
    all is in evaluation mode, with the momenta at `None`."""
    for norm in _norms(model):
        norm.reset_running_stats()
        norm.momentum = None
        norm.train()
    with torch.no_grad():
        for images in loader:
            model(images)
    return model.eval()


@mistake("13.2", caught_by="test_dropout_is_off_while_looking")
def adapt_statistics(model, loader):
    """Only `nn.Dropout` is switched off; AlphaDropout and the others of its kind go on. `model.eval()` reaches them all."""

    def others_on(model):
        for module in model.modules():
            if isinstance(module, nn.AlphaDropout):
                module.train()

    return _adapt(model, loader, prepare=others_on)


@mistake("13.2")
def adapt_statistics(model, loader):
    """`model.train()` puts all of the model into training mode: dropout is on while you look, and instance normalization moves. And at
    the end all is in evaluation mode, however it came."""
    momenta = [(norm, norm.momentum) for norm in _norms(model)]
    _in_training(model, loader)
    for norm, momentum in momenta:
        norm.momentum = momentum
    return model.eval()
