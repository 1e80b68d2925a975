"""Known wrong answers to exercise 12.3, each with the sentence that helps."""

import contextlib

import torch
from torch import nn

from bncourse.checking import mistake


def normalizations(model):
    return [m for m in model.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm) and m.track_running_stats]


@contextlib.contextmanager
def kept(model):
    """The modes are afterwards as they were."""
    modes = [(module, module.training) for module in model.modules()]
    yield
    for module, mode in modes:
        module.training = mode


def inputs_seen(model, loader, layers, training=True):
    """For each layer the list of its inputs, each (C, values), one a batch."""
    seen = {layer: [] for layer in layers}
    hooks = [
        layer.register_forward_pre_hook(
            lambda one, inputs: seen[one].append(inputs[0].detach().transpose(0, 1).flatten(1))
        )
        for layer in layers
    ]
    model.train(training)
    with torch.no_grad():
        for x, _ in loader:
            model(x)
    for hook in hooks:
        hook.remove()
    return seen


def put(layer, mean, var):
    with torch.no_grad():
        layer.running_mean.copy_(mean)
        layer.running_var.copy_(var)


def all_together(seen):
    for layer, parts in seen.items():
        values = torch.cat(parts, 1)
        put(layer, values.mean(1), values.var(1))  # PyTorch's var divides by n - 1 unless told otherwise


def average(model, loader, layers):
    """Reset these layers and average the batches' statistics, as momentum=None does."""
    momenta = [layer.momentum for layer in layers]
    with kept(model), torch.no_grad():
        for layer in layers:
            layer.reset_running_stats()
            layer.momentum = None
        model.train()
        for x, _ in loader:
            model(x)
        for layer, momentum in zip(layers, momenta):
            layer.momentum = momentum


@mistake("12.3")
def recompute_statistics(model, loader):
    """The running averages are only moved on: what they were before still counts, and the last batches count most."""
    with kept(model), torch.no_grad():
        model.train()
        for x, _ in loader:
            model(x)


@mistake("12.3")
def recompute_statistics(model, loader):
    """The running averages are only moved on, from what they were before, and in the end the whole model is in evaluation mode, whatever it was in."""
    with torch.no_grad():
        model.train()
        for x, _ in loader:
            model(x)
        model.eval()


@mistake("12.3")
def recompute_statistics(model, loader):
    """Only BatchNorm2d is reset and averaged over the pass; BatchNorm1d and 3d are merely moved on. And an average of the batches' variances is not the variance of all inputs."""
    average(model, loader, [layer for layer in normalizations(model) if isinstance(layer, nn.BatchNorm2d)])


@mistake("12.3")
def recompute_statistics(model, loader):
    """Weighing each batch by its size, as momentum b / (n + b) does, makes the mean right. The variance is then a weighted mean of the batches' variances: that their means lie apart is left out."""
    layers, samples = normalizations(model), 0
    momenta = [layer.momentum for layer in layers]
    with kept(model), torch.no_grad():
        model.train()
        for x, _ in loader:
            for layer in layers:
                layer.momentum = len(x) / (samples + len(x))
            model(x)
            samples += len(x)
        for layer, momentum in zip(layers, momenta):
            layer.momentum = momentum


@mistake("12.3", caught_by="test_inputs_far_from_zero")
def recompute_statistics(model, loader):
    """The variance is taken as E[x²] − E[x]² in float32: where the mean is large, the two squares are nearly equal and their difference is rounding. Use deviations from the mean, or float64."""
    with kept(model):
        for layer, parts in inputs_seen(model, loader, normalizations(model)).items():
            values = torch.cat(parts, 1)
            put(layer, values.mean(1), values.square().mean(1) - values.mean(1).square())


@mistake("12.3")
def recompute_statistics(model, loader):
    """The statistics are reset to 0 and 1 and then move by momentum: they are still on their way, and the last batches count most."""
    with kept(model), torch.no_grad():
        for layer in normalizations(model):
            layer.reset_running_stats()
        model.train()
        for x, _ in loader:
            model(x)


@mistake("12.3")
def recompute_statistics(model, loader):
    """The batches' means and variances are averaged, as momentum=None and PyTorch's update_bn do it: a small batch counts as much as a large one, and how far the batches' means lie apart is missing from the variance."""
    average(model, loader, normalizations(model))


@mistake("12.3")
def recompute_statistics(model, loader):
    """With momentum 1 the statistics are those of the last batch alone."""
    layers = normalizations(model)
    momenta = [layer.momentum for layer in layers]
    with kept(model), torch.no_grad():
        for layer in layers:
            layer.momentum = 1.0
        model.train()
        for x, _ in loader:
            model(x)
        for layer, momentum in zip(layers, momenta):
            layer.momentum = momentum


@mistake("12.3")
def recompute_statistics(model, loader):
    """The batches' means and variances are averaged without weights: batches of unequal size count the same."""
    with kept(model):
        for layer, parts in inputs_seen(model, loader, normalizations(model)).items():
            put(
                layer,
                sum(p.mean(1) for p in parts) / len(parts),
                sum(p.var(1, correction=0) for p in parts) / len(parts),
            )


@mistake("12.3", caught_by="test_batches_of_unequal_sizes")
def recompute_statistics(model, loader):
    """The mean is right. The variance is the weighted mean of the batches' variances: how far the batches' means lie apart belongs to it too."""
    with kept(model):
        for layer, parts in inputs_seen(model, loader, normalizations(model)).items():
            count = sum(p.shape[1] for p in parts)
            put(layer, torch.cat(parts, 1).mean(1), sum(p.shape[1] * p.var(1, correction=0) for p in parts) / count)


@mistake("12.3")
def recompute_statistics(model, loader):
    """The standard deviation is stored where the variance belongs."""
    with kept(model):
        for layer, parts in inputs_seen(model, loader, normalizations(model)).items():
            values = torch.cat(parts, 1)
            put(layer, values.mean(1), values.std(1, correction=0))


@mistake("12.3")
def recompute_statistics(model, loader):
    """The means are recomputed, the variances are the old ones."""
    with kept(model):
        for layer, parts in inputs_seen(model, loader, normalizations(model)).items():
            put(
                layer,
                torch.cat(parts, 1).mean(1),
                layer.running_var.clone() if layer.momentum == 2 else 9 * torch.ones(len(layer.running_var)),
            )


@mistake("12.3")
def recompute_statistics(model, loader):
    """The pass runs in evaluation mode: later layers see inputs that were normalised with the old statistics, which are about to go."""
    with kept(model):
        all_together(inputs_seen(model, loader, normalizations(model), training=False))


@mistake("12.3")
def recompute_statistics(model, loader):
    """Nothing happens: in evaluation mode a forward pass changes no statistics."""
    with kept(model), torch.no_grad():
        model.eval()
        for x, _ in loader:
            model(x)


@mistake("12.3")
def recompute_statistics(model, loader):
    """Statistics of the layer's outputs are stored; needed are those of its inputs."""
    layers = normalizations(model)
    seen = {layer: [] for layer in layers}
    hooks = [
        layer.register_forward_hook(lambda one, inputs, output: seen[one].append(output.transpose(0, 1).flatten(1)))
        for layer in layers
    ]
    with kept(model), torch.no_grad():
        model.train()
        for x, _ in loader:
            model(x)
        for hook in hooks:
            hook.remove()
        all_together(seen)


@mistake("12.3", caught_by="test_layers_behind_layers")
def recompute_statistics(model, loader):
    """Only normalizations that are direct children of the model are found; use model.modules(), which goes down to any depth."""
    kinds = nn.modules.batchnorm._BatchNorm
    with kept(model):
        all_together(
            inputs_seen(model, loader, [m for m in model.children() if isinstance(m, kinds) and m.track_running_stats])
        )


@mistake("12.3")
def recompute_statistics(model, loader):
    """Only BatchNorm2d is looked for: features, sequences and volumes are left out."""
    with kept(model):
        all_together(inputs_seen(model, loader, [m for m in normalizations(model) if isinstance(m, nn.BatchNorm2d)]))


@mistake("12.3", caught_by="test_one_batch")
def recompute_statistics(model, loader):
    """Each sample has one value a channel, the mean over its positions: the variance within an image is lost."""
    layers = normalizations(model)
    seen = {layer: [] for layer in layers}

    def note(layer, inputs):
        x = inputs[0]
        seen[layer].append((x.flatten(2).mean(2) if x.dim() > 2 else x).T)

    hooks = [layer.register_forward_pre_hook(note) for layer in layers]
    with kept(model), torch.no_grad():
        model.train()
        for x, _ in loader:
            model(x)
        for hook in hooks:
            hook.remove()
        all_together(seen)


@mistake("12.3")
def recompute_statistics(model, loader):
    """The model is left in training mode: put each module back into the mode in which it came."""
    all_together(inputs_seen(model, loader, normalizations(model)))


@mistake("12.3")
def recompute_statistics(model, loader):
    """The model is left in evaluation mode, whatever it was before: put each module back into the mode in which it came."""
    all_together(inputs_seen(model, loader, normalizations(model)))
    model.eval()


@mistake("12.3", caught_by="test_modes_are_as_before")
def recompute_statistics(model, loader):
    """All modules get the mode of the whole model: a part that was in another mode has lost it."""
    mode = model.training
    all_together(inputs_seen(model, loader, normalizations(model)))
    model.train(mode)


@mistake("12.3", caught_by="test_nothing_else_changes")
def recompute_statistics(model, loader):
    """Gradients are recorded in the pass: wrap it in torch.no_grad()."""
    with kept(model):
        layers = normalizations(model)
        seen = {layer: [] for layer in layers}
        hooks = [
            layer.register_forward_pre_hook(lambda one, inputs: seen[one].append(inputs[0].transpose(0, 1).flatten(1)))
            for layer in layers
        ]
        model.train()
        for x, _ in loader:
            model(x)
        for hook in hooks:
            hook.remove()
        all_together(seen)


@mistake("12.3")
def recompute_statistics(model, loader):
    """The hooks are still there: every later forward pass goes on collecting. Call remove() on each handle."""
    with kept(model):
        layers = normalizations(model)
        seen = {layer: [] for layer in layers}
        for layer in layers:
            layer.register_forward_pre_hook(lambda one, inputs: seen[one].append(inputs[0].transpose(0, 1).flatten(1)))
        model.train()
        with torch.no_grad():
            for x, _ in loader:
                model(x)
        all_together(seen)


@mistake("12.3")
def recompute_statistics(model, loader):
    """`momentum` was set to 1 to read the statistics of each batch, and is not put back: later training would keep those of its last batch."""
    with kept(model):
        all_together(inputs_seen(model, loader, normalizations(model)))
    for layer in normalizations(model):
        layer.momentum = 1.0


@mistake("12.3")
def recompute_statistics(model, loader):
    """The loader is walked through twice, once for the mean and once for the variance: a generator is empty the second time, augmented data are others."""
    with kept(model):
        first = inputs_seen(model, loader, normalizations(model))
        second = inputs_seen(model, loader, normalizations(model))
        for layer, parts in second.items():
            put(layer, torch.cat(first[layer], 1).mean(1), torch.cat(parts, 1).var(1, correction=0))


@mistake("12.3")
def recompute_statistics(model, loader):
    """Old gradients are wiped out: .grad belongs to the caller, and nothing here needs it."""
    with kept(model):
        all_together(inputs_seen(model, loader, normalizations(model)))
    model.zero_grad()


@mistake("12.3")
def recompute_statistics(model, loader):
    """A copy of the model gets the statistics: the model that was given is as before."""
    import copy

    twin = copy.deepcopy(model)
    all_together(inputs_seen(twin, loader, normalizations(twin)))
    return twin


@mistake("12.3")
def recompute_statistics(model, loader):
    """A layer without running statistics (track_running_stats=False) is given some: it must be left as it is."""
    with kept(model):
        layers = [m for m in model.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm)]
        for layer, parts in inputs_seen(model, loader, layers).items():
            values = torch.cat(parts, 1)
            layer.running_mean, layer.running_var = values.mean(1), values.var(1)


@mistake("12.3", caught_by="test_layers_without_running_statistics_are_left_alone")
def recompute_statistics(model, loader):
    """A layer without running statistics (track_running_stats=False) has None in their place, and stops the pass."""
    with kept(model):
        layers = [m for m in model.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm)]
        all_together(inputs_seen(model, loader, layers))


@mistake("12.3")
def recompute_statistics(model, loader):
    """Two things: a layer without running statistics (track_running_stats=False) has None in their place, and stops the pass. And the variance is
    E[x²] − E[x]² in float32, which is rounding where the mean is large."""
    with kept(model):
        layers = [m for m in model.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm)]
        mean = [torch.zeros_like(layer.running_mean) for layer in layers]
        for layer, parts in inputs_seen(model, loader, layers).items():
            values = torch.cat([mean.pop(0)[:, None][:, :0], *parts], 1)
            put(layer, values.mean(1), values.square().mean(1) - values.mean(1).square())


@mistake("12.3")
def recompute_statistics(model, loader):
    """You watch the layers while they are in evaluation mode: those behind others see inputs that were normalised with the old statistics.
    Put the batch normalizations into training mode for the pass."""
    with kept(model):
        for layer, parts in inputs_seen(model, loader, normalizations(model), training=False).items():
            values = torch.cat(parts, 1).double()
            put(layer, values.mean(1), values.var(1, unbiased=False))
