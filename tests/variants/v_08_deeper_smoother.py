"""Right answers to chapter 8 in other styles: every check must accept them."""

import copy

import numpy as np
import torch
from torch import nn

from bncourse.checking import variant

# 8.1


@variant("8.1")
def plain_network(depth, width, in_features, num_classes, batch_norm, activation):
    """A class with a ModuleList of blocks; biases everywhere; one activation for all."""

    class Network(nn.Module):
        def __init__(self):
            super().__init__()
            sizes = [in_features] + [width] * depth
            self.bend = activation()
            self.linear = nn.ModuleList(nn.Linear(one, other) for one, other in zip(sizes, sizes[1:]))
            self.norm = nn.ModuleList(nn.BatchNorm1d(width) if batch_norm else nn.Identity() for _ in range(depth))
            self.output = nn.Linear(width, num_classes)

        def forward(self, x):
            for linear, norm in zip(self.linear, self.norm):
                x = self.bend(norm(linear(x)))
            return self.output(x)

    return Network()


@variant("8.1")
def plain_network(depth, width, in_features, num_classes, batch_norm, activation):
    """Recursive, nested modules, registered back to front."""

    class Rest(nn.Module):
        def __init__(self, inputs, depth):
            super().__init__()
            self.rest = Rest(width, depth - 1) if depth > 1 else nn.Linear(width, num_classes)
            self.norm = nn.BatchNorm1d(width) if batch_norm else None
            self.linear = nn.Linear(inputs, width)

        def forward(self, x):
            x = self.linear(x)
            x = x if self.norm is None else self.norm(x)
            return self.rest(activation()(x))

    return Rest(in_features, depth)


@variant("8.1")
def plain_network(depth, width, in_features, num_classes, batch_norm, activation):
    """Layers that find out their inputs by themselves, flattened first, weights drawn as He et al. propose."""
    layers = [nn.Flatten()]
    for _ in range(depth):
        layers += [nn.LazyLinear(width), *[nn.LazyBatchNorm1d()] * batch_norm, activation()]
    model = nn.Sequential(*layers, nn.LazyLinear(num_classes))
    model.eval()(torch.zeros(1, in_features))
    for module in model:
        if isinstance(module, nn.Linear):
            nn.init.kaiming_normal_(module.weight)
            nn.init.zeros_(module.bias)
    return model.train()


@variant("8.1")
def plain_network(depth, width, in_features, num_classes, batch_norm, activation):
    """Names in an ordered Sequential."""
    model = nn.Sequential()
    for number in range(depth):
        model.add_module(f"linear{number}", nn.Linear(width if number else in_features, width, bias=False))
        if not batch_norm:
            model[-1].bias = nn.Parameter(torch.zeros(width))
        else:
            model.add_module(f"norm{number}", nn.BatchNorm1d(width))
        model.add_module(f"activation{number}", activation())
    model.add_module("output", nn.Linear(width, num_classes))
    return model


# 8.2


@variant("8.2")
def gradient_norms(model, loss):
    """backward, with the caller's .grad set aside and put back; tensors in the list."""
    kept = [parameter.grad for parameter in model.parameters()]
    for parameter in model.parameters():
        parameter.grad = None
    loss.backward()
    norms = [parameter.grad.square().sum().sqrt() for parameter in model.parameters() if parameter.ndim == 2]
    for parameter, gradient in zip(model.parameters(), kept):
        parameter.grad = gradient
    return norms


@variant("8.2")
def gradient_norms(model, loss):
    """Module by module, one gradient at a time, graph kept; norms by NumPy."""
    norms = []
    for module in model.modules():
        if isinstance(module, nn.Linear):
            (gradient,) = torch.autograd.grad(loss, module.weight, retain_graph=True)
            norms.append(float(np.linalg.norm(gradient.numpy())))
    return norms


@variant("8.2")
def gradient_norms(model, loss):
    """All gradients at once, the matrices picked afterwards, Frobenius norm."""
    parameters = tuple(model.parameters())
    gradients = torch.autograd.grad(loss, parameters, allow_unused=True)
    return [torch.linalg.norm(g, "fro").item() for p, g in zip(parameters, gradients) if len(p.shape) > 1]


# 8.3 and 8.4: three ways to walk


def _parameters(model):
    return list(model.parameters())


class _Restored:
    """State, gradients and all put back on leaving."""

    def __init__(self, model):
        self.model = model

    def __enter__(self):
        self.state = {name: tensor.clone() for name, tensor in self.model.state_dict().items()}
        self.grads = [parameter.grad for parameter in self.model.parameters()]
        for parameter in self.model.parameters():
            parameter.grad = None

    def __exit__(self, *error):
        self.model.load_state_dict(self.state)
        for parameter, grad in zip(self.model.parameters(), self.grads):
            parameter.grad = grad


@variant("8.3")
def loss_range(model, loss_fn, step_sizes):
    """On the model itself, with backward; everything put back in the end; tensors as answer."""
    losses = []
    with _Restored(model):
        loss_fn(model).backward()
        start = [(parameter.detach().clone(), parameter.grad.clone()) for parameter in model.parameters()]
        for step_size in step_sizes:
            for parameter, (value, gradient) in zip(model.parameters(), start):
                parameter.data = value - step_size * gradient
            losses.append(loss_fn(model).detach())
    return torch.stack(losses).min(), torch.stack(losses).max()


@variant("8.3")
def loss_range(model, loss_fn, step_sizes):
    """One vector of all parameters on one copy; a list as answer."""
    twin = copy.deepcopy(model)
    start = nn.utils.parameters_to_vector(twin.parameters()).detach().clone()
    gradient = nn.utils.parameters_to_vector(torch.autograd.grad(loss_fn(twin), _parameters(twin)))
    low, high = float("inf"), -float("inf")
    for step_size in step_sizes:
        nn.utils.vector_to_parameters(start - step_size * gradient, twin.parameters())
        loss = float(loss_fn(twin))
        low, high = min(low, loss), max(high, loss)
    return [low, high]


@variant("8.3")
def loss_range(model, loss_fn, step_sizes):
    """An optimizer takes the step on a fresh copy each time; an array as answer."""
    losses = np.zeros(len(step_sizes))
    for number, step_size in enumerate(step_sizes):
        twin = copy.deepcopy(model)
        for parameter in twin.parameters():
            parameter.grad = None
        loss_fn(twin).backward()
        optimizer = torch.optim.SGD(twin.parameters(), lr=abs(step_size), maximize=step_size < 0)
        optimizer.step()
        with torch.no_grad():
            losses[number] = loss_fn(twin).item()
    return np.array([losses.min(), losses.max()])


@variant("8.4")
def gradient_change(model, loss_fn, step_sizes):
    """On the model itself, with backward; everything put back in the end; a tensor as answer."""
    largest = torch.tensor(0.0)
    with _Restored(model):
        loss_fn(model).backward()
        start = [(parameter.detach().clone(), parameter.grad.clone()) for parameter in model.parameters()]
        for step_size in step_sizes:
            for parameter, (value, gradient) in zip(model.parameters(), start):
                parameter.data = value - step_size * gradient
            model.zero_grad()
            loss_fn(model).backward()
            squares = [
                (parameter.grad - before).pow(2).sum() for parameter, (_, before) in zip(model.parameters(), start)
            ]
            largest = torch.maximum(largest, torch.stack(squares).sum().sqrt())
    return largest


@variant("8.4")
def gradient_change(model, loss_fn, step_sizes):
    """One vector of all parameters on one copy."""
    twin = copy.deepcopy(model)
    start = nn.utils.parameters_to_vector(twin.parameters()).detach().clone()

    def gradient():
        return torch.cat([one.flatten() for one in torch.autograd.grad(loss_fn(twin), _parameters(twin))])

    first, distances = gradient(), []
    for step_size in step_sizes:
        nn.utils.vector_to_parameters(start - step_size * first, twin.parameters())
        distances.append(torch.dist(gradient(), first))
    return float(max(distances))


@variant("8.4")
def gradient_change(model, loss_fn, step_sizes):
    """Entry by entry in NumPy, on a copy with .grad; an array of no axes as answer."""
    twin = copy.deepcopy(model)
    start = [parameter.detach().clone() for parameter in twin.parameters()]

    def gradient():
        twin.zero_grad(set_to_none=True)
        loss_fn(twin).backward()
        return [parameter.grad.numpy().copy() for parameter in twin.parameters()]

    first, largest = gradient(), 0.0
    for step_size in step_sizes:
        with torch.no_grad():
            for parameter, value, slope in zip(twin.parameters(), start, first):
                parameter.copy_(value - step_size * torch.from_numpy(slope))
        squared = sum(((one - other) ** 2).sum() for one, other in zip(gradient(), first))
        largest = max(largest, np.sqrt(squared))
    return np.array(largest)


# 8.5


@variant("8.5")
def effective_learning_rate(lr, weight):
    """The norm, squared; a tensor as answer."""
    return lr / torch.linalg.vector_norm(weight) ** 2


@variant("8.5")
def effective_learning_rate(lr, weight):
    """A dot product in float64."""
    flat = weight.detach().double().flatten()
    return lr / float(flat @ flat)


@variant("8.5")
def effective_learning_rate(lr, weight):
    """Number by number."""
    total = 0.0
    for entry in weight.flatten().tolist():
        total += entry * entry
    return lr / total


@variant("8.5")
def effective_learning_rate(lr, weight):
    """By NumPy."""
    return lr * np.linalg.norm(weight.detach().numpy().ravel()) ** -2.0
