"""Rarer wrong answers to the exercises of chapter 8, each with the sentence that helps."""

import copy

import torch
from torch import nn

from bncourse.checking import mistake

# 8.1: a right network with something more, less or elsewhere


def network(depth, width, in_features, num_classes, norm, activation, bias=True, before=lambda size: ()):
    """Modules of a network; `norm(size)` and `before(size)` make what stands behind and before each hidden linear layer."""
    layers, inputs = [], in_features
    for _ in range(depth):
        layers += [*before(inputs), nn.Linear(inputs, width, bias=bias), *norm(width), activation()]
        inputs = width
    return [*layers, nn.Linear(inputs, num_classes)]


def norms(batch_norm, **options):
    return lambda size: [nn.BatchNorm1d(size, **options)] if batch_norm else []


@mistake("8.1")
def plain_network(depth, width, in_features, num_classes, batch_norm, activation):
    """ε of the normalizations is 1e-3, the habit of Keras. An `nn.BatchNorm1d` as it comes has 1e-5."""
    return nn.Sequential(*network(depth, width, in_features, num_classes, norms(batch_norm, eps=1e-3), activation))


@mistake("8.1")
def plain_network(depth, width, in_features, num_classes, batch_norm, activation):
    """You return a list of layers. `nn.Sequential(*layers)` makes one module of them, which runs them in a row."""
    return network(depth, width, in_features, num_classes, norms(batch_norm), activation)


@mistake("8.1")
def plain_network(depth, width, in_features, num_classes, batch_norm, activation):
    """`activation` is a class, and the class itself stands among the layers. Call it, `activation()`, to make a module."""
    return nn.Sequential(*network(depth, width, in_features, num_classes, norms(batch_norm), lambda: activation))


@mistake("8.1")
def plain_network(depth, width, in_features, num_classes, batch_norm, activation):
    """A normalization is made for the number of inputs of its layer. It stands behind the linear layer and gets `width` features."""
    layers, inputs = [], in_features
    for _ in range(depth):
        layers += [nn.Linear(inputs, width), *norms(batch_norm)(inputs), activation()]
        inputs = width
    return nn.Sequential(*layers, nn.Linear(inputs, num_classes))


@mistake("8.1")
def plain_network(depth, width, in_features, num_classes, batch_norm, activation):
    """Behind the first linear layer stands neither normalization nor activation: it and the next are one linear layer. The first is a hidden layer like all others."""
    layers = network(depth, width, in_features, num_classes, norms(batch_norm), activation)
    return nn.Sequential(layers[0], *layers[3 if batch_norm else 2 :])


@mistake("8.1")
def plain_network(depth, width, in_features, num_classes, batch_norm, activation):
    """There are residual connections: layers add their input to their output. A plain network has none."""

    class Block(nn.Sequential):
        def forward(self, x):
            y = super().forward(x)
            return x + y if x.shape == y.shape else y

    def block(inputs):
        return Block(nn.Linear(inputs, width), *norms(batch_norm)(width), activation())

    sizes = [in_features, *[width] * (depth - 1)]
    return nn.Sequential(*map(block, sizes), nn.Linear(width, num_classes))


@mistake("8.1")
def plain_network(depth, width, in_features, num_classes, batch_norm, activation):
    """There is dropout in the network, which nobody asked for: in training mode its outputs are random."""

    def bend():
        return nn.Sequential(activation(), nn.Dropout(0.1))

    return nn.Sequential(*network(depth, width, in_features, num_classes, norms(batch_norm), bend))


@mistake("8.1")
def plain_network(depth, width, in_features, num_classes, batch_norm, activation):
    """The input of the network is normalised too. Only what comes out of the hidden linear layers is."""
    first = norms(batch_norm)(in_features)
    return nn.Sequential(*first, *network(depth, width, in_features, num_classes, norms(batch_norm), activation))


@mistake("8.1")
def plain_network(depth, width, in_features, num_classes, batch_norm, activation):
    """The layer of the output is missing: behind `depth` hidden layers stands one more linear layer, with num_classes outputs."""
    return nn.Sequential(*network(depth, width, in_features, num_classes, norms(batch_norm), activation)[:-1])


@mistake("8.1")
def plain_network(depth, width, in_features, num_classes, batch_norm, activation):
    """The last linear layer has `width` outputs. It has one for each class, num_classes."""
    return nn.Sequential(*network(depth, width, in_features, width, norms(batch_norm), activation))


@mistake("8.1")
def plain_network(depth, width, in_features, num_classes, batch_norm, activation):
    """An activation stands before each linear layer, so the first one bends the input of the network and none the last hidden layer."""
    layers = network(
        depth, width, in_features, num_classes, norms(batch_norm), nn.Identity, before=lambda _: [activation()]
    )
    return nn.Sequential(*layers)


@mistake("8.1")
def plain_network(depth, width, in_features, num_classes, batch_norm, activation):
    """An activation stands before the first linear layer and bends the input of the network. The first layer is linear."""
    layers = network(depth, width, in_features, num_classes, norms(batch_norm), activation)
    return nn.Sequential(activation(), *layers)


@mistake("8.1")
def plain_network(depth, width, in_features, num_classes, batch_norm, activation):
    """Hidden layers have no bias, with normalization or without: where no β stands behind a linear layer, it needs its own."""
    return nn.Sequential(*network(depth, width, in_features, num_classes, norms(batch_norm), activation, bias=False))


@mistake("8.1")
def plain_network(depth, width, in_features, num_classes, batch_norm, activation):
    """The layer of the output has no bias. No normalization stands behind it, so nothing replaces it."""
    *layers, _ = network(depth, width, in_features, num_classes, norms(batch_norm), activation)
    return nn.Sequential(*layers, nn.Linear(width, num_classes, bias=False))


# 8.2


def matrix_gradients(model, loss):
    matrices = [parameter for parameter in model.parameters() if parameter.dim() == 2]
    return torch.autograd.grad(loss, matrices)


@mistake("8.2")
def gradient_norms(model, loss):
    """Each norm is divided by the number of entries. That compares layers of different size, but is not the norm."""
    return [(gradient.norm() / gradient.numel()).item() for gradient in matrix_gradients(model, loss)]


@mistake("8.2")
def gradient_norms(model, loss):
    """Each norm is divided by the sum of all, so that you return shares. Asked for are the norms themselves."""
    found = [gradient.norm().item() for gradient in matrix_gradients(model, loss)]
    return [norm / (sum(found) or 1) for norm in found]


@mistake("8.2")
def gradient_norms(model, loss):
    """You return logarithms of the norms. Draw them on a logarithmic axis, but return the norms themselves."""
    return [gradient.norm().log10().item() for gradient in matrix_gradients(model, loss)]


@mistake("8.2")
def gradient_norms(model, loss):
    """The list is sorted by size. Asked for is front to back, in the order of the layers."""
    return sorted(gradient.norm().item() for gradient in matrix_gradients(model, loss))


@mistake("8.2")
def gradient_norms(model, loss):
    """`grad` is called once for each matrix, but the graph is gone after the first: ask for all gradients in one call."""
    return [
        torch.autograd.grad(loss, parameter)[0].norm().item()
        for parameter in model.parameters()
        if parameter.dim() == 2
    ]


@mistake("8.2")
def gradient_norms(model, loss):
    """`model.children()` holds only what lies on top: layers inside nn.Sequential, or a model that is one layer, are not found. `model.parameters()` goes all the way down."""
    weights = [module.weight for module in model.children() if isinstance(module, nn.Linear)]
    return [gradient.norm().item() for gradient in torch.autograd.grad(loss, weights)]


@mistake("8.2")
def gradient_norms(model, loss):
    """A small number is added under the root, as against a division by 0. A vanished gradient then looks alive."""
    return [(gradient.square().sum() + 1e-12).sqrt().item() for gradient in matrix_gradients(model, loss)]


# 8.3 and 8.4


def gradients(model, loss_fn):
    return torch.autograd.grad(loss_fn(model), list(model.parameters()))


def ends(model, loss_fn, step_sizes, length=1.0):
    """The gradient, and a copy of the model at the end of each step along it, whose sizes are multiplied by `length`."""
    here, models = gradients(copy.deepcopy(model), loss_fn), []
    for step_size in step_sizes:
        models.append(copy.deepcopy(model))
        with torch.no_grad():
            for parameter, gradient in zip(models[-1].parameters(), here):
                parameter -= step_size * length * gradient
    return here, models


def joined(tensors):
    return torch.cat([tensor.detach().flatten() for tensor in tensors])


@mistake("8.3")
def loss_range(model, loss_fn, step_sizes):
    """The step sizes are taken as shares of the length of the weights, the scale-free form of the page. Asked for is θ - ηg."""
    here = joined(gradients(copy.deepcopy(model), loss_fn))
    unit = joined(model.parameters()).norm() / here.norm()
    losses = [loss_fn(end).item() for end in ends(model, loss_fn, step_sizes, unit)[1]]
    return min(losses), max(losses)


@mistake("8.3")
def loss_range(model, loss_fn, step_sizes):
    """The loss at the start is subtracted from all. Asked for are the losses themselves."""
    start = loss_fn(copy.deepcopy(model)).item()
    losses = [loss_fn(end).item() - start for end in ends(model, loss_fn, step_sizes)[1]]
    return min(losses), max(losses)


@mistake("8.3")
def loss_range(model, loss_fn, step_sizes):
    """A parameter that requires a gradient must not be changed in place while a graph is recorded: do it inside `with torch.no_grad():`."""
    here, losses = gradients(copy.deepcopy(model), loss_fn), []
    for step_size in step_sizes:
        twin = copy.deepcopy(model)
        for parameter, gradient in zip(twin.parameters(), here):
            parameter -= step_size * gradient
        losses.append(loss_fn(twin).item())
    return min(losses), max(losses)


@mistake("8.4")
def gradient_change(model, loss_fn, step_sizes):
    """Each gradient is compared with that of the step before. All distances are from the gradient at the start."""
    before, models = ends(model, loss_fn, step_sizes)
    distances = []
    for end in models:
        after = gradients(end, loss_fn)
        distances.append((joined(after) - joined(before)).norm().item())
        before = after
    return max(distances)


@mistake("8.4")
def gradient_change(model, loss_fn, step_sizes):
    """You add up the distances of all steps; asked for is the largest."""
    here, models = ends(model, loss_fn, step_sizes)
    return sum((joined(gradients(end, loss_fn)) - joined(here)).norm().item() for end in models)


@mistake("8.4")
def gradient_change(model, loss_fn, step_sizes):
    """You return how far the direction turned, one minus a cosine. That hides a gradient that only grows; asked for is the distance."""
    here, models = ends(model, loss_fn, step_sizes)
    cosines = [torch.cosine_similarity(joined(gradients(end, loss_fn)), joined(here), 0).item() for end in models]
    return max(1 - cosine for cosine in cosines)


@mistake("8.4")
def gradient_change(model, loss_fn, step_sizes):
    """The step is not taken: the second derivative at the start times the step says how the gradient would change if the loss were a parabola."""
    twin = copy.deepcopy(model)
    parameters = list(twin.parameters())
    here = torch.autograd.grad(loss_fn(twin), parameters, create_graph=True)
    along = torch.autograd.grad(sum((one * one.detach()).sum() for one in here), parameters)
    return max(abs(step_size) * joined(along).norm().item() for step_size in step_sizes)


@mistake("8.4")
def gradient_change(model, loss_fn, step_sizes):
    """A parameter that requires a gradient must not be changed in place while a graph is recorded: do it inside `with torch.no_grad():`."""
    here, distances = gradients(copy.deepcopy(model), loss_fn), []
    for step_size in step_sizes:
        twin = copy.deepcopy(model)
        for parameter, gradient in zip(twin.parameters(), here):
            parameter -= step_size * gradient
        distances.append((joined(gradients(twin, loss_fn)) - joined(here)).norm().item())
    return max(distances)


# 8.5


@mistake("8.5")
def effective_learning_rate(lr, weight):
    """The rate is squared along with the norm: (lr / ‖w‖)². Only the norm is."""
    return (lr / weight.detach().norm().item()) ** 2


@mistake("8.5")
def effective_learning_rate(lr, weight):
    """`detach_()` with an underscore cuts the caller's own tensor off; it no longer trains. `detach()` gives you another one."""
    return lr / weight.detach_().square().sum().item()


@mistake("8.5")
def effective_learning_rate(lr, weight):
    """You take the norm of each column, or of each place of a filter, and average. All entries go into one sum of squares."""
    return lr / weight.detach().norm(dim=0).square().mean().item()
