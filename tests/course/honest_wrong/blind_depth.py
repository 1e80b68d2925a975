"""Wrong answers to chapter 8, written before any look at checks, mistakes or this bank."""

# ruff: noqa: F811  one name has many answers

import copy

import torch
from torch import nn

from tests.course.honest_wrong import wrong


@wrong("8.1", "One hidden layer too few from depth 2 on: the")
def plain_network(depth, width, in_features, num_classes, batch_norm, activation):
    """One hidden layer too few: range(depth - 1) after the first is counted twice."""
    layers = [nn.Linear(in_features, width)]
    if batch_norm:
        layers.append(nn.BatchNorm1d(width))
    layers.append(activation())
    for _ in range(depth - 2):
        layers.append(nn.Linear(width, width))
        if batch_norm:
            layers.append(nn.BatchNorm1d(width))
        layers.append(activation())
    layers.append(nn.Linear(width, num_classes))
    return nn.Sequential(*layers)


@wrong("8.1", "`[layer] * n` repeats one and the same module")
def plain_network(depth, width, in_features, num_classes, batch_norm, activation):
    """The hidden layer is one module, repeated: shared weights ([layer] * n)."""
    first = [nn.Linear(in_features, width)] + ([nn.BatchNorm1d(width)] if batch_norm else []) + [activation()]
    hidden = [nn.Linear(width, width)] + ([nn.BatchNorm1d(width)] if batch_norm else []) + [activation()]
    return nn.Sequential(*first, *(hidden * (depth - 1)), nn.Linear(width, num_classes))


@wrong("8.1", "The layers stand in a plain list, which PyTorch")
def plain_network(depth, width, in_features, num_classes, batch_norm, activation):
    """Layers in a plain list: model.parameters() does not know them."""

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.hidden = []
            size = in_features
            for _ in range(depth):
                self.hidden.append(nn.Linear(size, width))
                if batch_norm:
                    self.hidden.append(nn.BatchNorm1d(width))
                self.hidden.append(activation())
                size = width
            self.out = nn.Linear(size, num_classes)

        def forward(self, x):
            for layer in self.hidden:
                x = layer(x)
            return self.out(x)

    return Net()


@wrong("8.2", "`loss.backward()` adds to the gradients that are")
def gradient_norms(model, loss):
    """loss.backward() adds to old gradients, which stay."""
    loss.backward(retain_graph=True)
    return [p.grad.norm().item() for p in model.parameters() if p.ndim == 2]


@wrong("8.2", "All parameters are counted, biases, γ and β too")
def gradient_norms(model, loss):
    """All parameters, biases and gammas too."""
    params = list(model.parameters())
    grads = torch.autograd.grad(loss, params)
    return [torch.linalg.vector_norm(g).item() for g in grads]


@wrong("8.2", "largest singular value")
def gradient_norms(model, loss):
    """linalg.norm(ord=2) of the matrix: its largest singular value, not the root of the sum of squares."""
    ws = [p for n, p in model.named_parameters() if p.dim() == 2]
    return [torch.linalg.norm(g, ord=2).item() for g in torch.autograd.grad(loss, ws, retain_graph=True)]


@wrong("8.3", "Each step begins where the one before ended. All")
def loss_range(model, loss_fn, step_sizes):
    """Steps go on from one another: the parameters are not put back between."""
    net = copy.deepcopy(model)
    params = list(net.parameters())
    grads = torch.autograd.grad(loss_fn(net), params)
    losses = []
    for eta in step_sizes:
        with torch.no_grad():
            for p, g in zip(params, grads):
                p.sub_(eta * g)
            losses.append(loss_fn(net).item())
    return min(losses), max(losses)


@wrong("8.3", "The steps go uphill: θ + ηg. Down is minus the")
def loss_range(model, loss_fn, step_sizes):
    """Uphill: theta + eta g."""
    losses = []
    net = copy.deepcopy(model)
    params = list(net.parameters())
    start = [p.detach().clone() for p in params]
    grads = torch.autograd.grad(loss_fn(net), params)
    for eta in step_sizes:
        with torch.no_grad():
            for p, s, g in zip(params, start, grads):
                p.copy_(s + eta * g)
            losses.append(loss_fn(net).item())
    return min(losses), max(losses)


@wrong("8.3", "The parameters are put back, the buffers are")
def loss_range(model, loss_fn, step_sizes):
    """On the model itself; parameters are put back, buffers of batch normalization are not."""
    params = list(model.parameters())
    backup = [p.detach().clone() for p in params]
    grads = torch.autograd.grad(loss_fn(model), params)
    losses = []
    with torch.no_grad():
        for lr in step_sizes:
            for p, b, g in zip(params, backup, grads):
                p.copy_(b - lr * g)
            losses.append(loss_fn(model).item())
        for p, b in zip(params, backup):
            p.copy_(b)
    return min(losses), max(losses)


@wrong("8.4", "Only the parameter whose gradient changed most")
def gradient_change(model, loss_fn, step_sizes):
    """The largest over the layers of each norm, not the norm over all together."""
    net = copy.deepcopy(model)
    ps = list(net.parameters())
    g0 = torch.autograd.grad(loss_fn(net), ps)
    worst = 0.0
    for eta in step_sizes:
        trial = copy.deepcopy(model)
        tps = list(trial.parameters())
        with torch.no_grad():
            for p, g in zip(tps, g0):
                p -= eta * g
        g1 = torch.autograd.grad(loss_fn(trial), tps)
        worst = max(worst, max((b - a).norm().item() for a, b in zip(g0, g1)))
    return worst


@wrong("8.4", "The distance is divided by the length of the")
def gradient_change(model, loss_fn, step_sizes):
    """Divided by the length of the step (a Lipschitz constant)."""
    net = copy.deepcopy(model)
    g0 = torch.autograd.grad(loss_fn(net), list(net.parameters()))
    norm0 = torch.cat([g.flatten() for g in g0]).norm()
    best = []
    for eta in step_sizes:
        trial = copy.deepcopy(model)
        with torch.no_grad():
            for p, g in zip(trial.parameters(), g0):
                p -= eta * g
        g1 = torch.autograd.grad(loss_fn(trial), list(trial.parameters()))
        diff = torch.cat([(b - a).flatten() for a, b in zip(g0, g1)]).norm()
        best.append((diff / (eta * norm0)).item())
    return max(best)


@wrong("8.4", "You subtract the lengths of the two gradients. A")
def gradient_change(model, loss_fn, step_sizes):
    """Difference of the norms, not norm of the difference."""

    def flat_grad(m):
        return torch.cat([g.reshape(-1) for g in torch.autograd.grad(loss_fn(m), list(m.parameters()))])

    g0 = flat_grad(copy.deepcopy(model))
    result = []
    for eta in step_sizes:
        moved = copy.deepcopy(model)
        vec = nn.utils.parameters_to_vector(moved.parameters()).detach() - eta * g0
        nn.utils.vector_to_parameters(vec, moved.parameters())
        result.append(abs(flat_grad(moved).norm() - g0.norm()).item())
    return max(result)


@wrong("8.5", "The norm is not squared: you divide by ‖w‖")
def effective_learning_rate(lr, weight):
    """Divides by the norm, not squared."""
    return lr / torch.norm(weight.detach()).item()


@wrong("8.5", "You divide by the mean of the squares; ‖w‖² is")
def effective_learning_rate(lr, weight):
    """Mean of the squares, not their sum."""
    return lr / (weight.detach() ** 2).mean().item()


@wrong("8.5", "One rate for each row, or filter; asked for is")
def effective_learning_rate(lr, weight):
    """One norm a filter: dim=(1, ...)."""
    return lr / weight.detach().flatten(1).pow(2).sum(dim=1)
