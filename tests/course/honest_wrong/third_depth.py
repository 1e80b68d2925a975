"""Still more wrong answers to chapters 8 and 9, written before any look at checks, mistakes or this bank."""

# ruff: noqa: F811  one name has many answers

import copy

import torch
from torch import nn

from tests.course.honest_wrong import wrong


@wrong("8.1", "The output is normalised too", "An activation comes after the last linear layer", named=False)
def plain_network(depth, width, in_features, num_classes, batch_norm, activation):
    """Normalization and activation behind the last layer too."""
    sizes = [in_features] + [width] * depth + [num_classes]
    layers = []
    for i, o in zip(sizes[:-1], sizes[1:]):
        layers.append(nn.Linear(i, o))
        if batch_norm:
            layers.append(nn.BatchNorm1d(o))
        layers.append(activation())
    return nn.Sequential(*layers)


@wrong("8.1", "`activation` is ignored: the network always has")
def plain_network(depth, width, in_features, num_classes, batch_norm, activation):
    """nn.ReLU fixed, activation unused."""
    layers = [nn.Linear(in_features, width)]
    for d in range(depth):
        if d:
            layers.append(nn.Linear(width, width))
        if batch_norm:
            layers.append(nn.BatchNorm1d(width))
        layers.append(nn.ReLU())
    layers.append(nn.Linear(width, num_classes))
    return nn.Sequential(*layers)


@wrong("8.1", "One hidden layer too few: the layer of the output")
def plain_network(depth, width, in_features, num_classes, batch_norm, activation):
    """The output layer counts as one of depth."""
    layers = []
    size = in_features
    for _ in range(depth - 1):
        layers += [nn.Linear(size, width)] + ([nn.BatchNorm1d(width)] if batch_norm else []) + [activation()]
        size = width
    layers += [nn.Linear(size, num_classes)]
    return nn.Sequential(*layers)


@wrong("8.2", "The squares are summed, but the root is missing.")
def gradient_norms(model, loss):
    """Norm of the weights' gradient squared, no root."""
    ws = [p for p in model.parameters() if p.dim() == 2]
    return [(g**2).sum().item() for g in torch.autograd.grad(loss, ws)]


@wrong("8.2", "These are the norms of the weights, not of their")
def gradient_norms(model, loss):
    """Norms of the weights, not of their gradients."""
    return [p.detach().norm().item() for p in model.parameters() if p.dim() == 2]


@wrong("8.3", "The gradient is brought to length 1 before the")
def loss_range(model, loss_fn, step_sizes):
    """Gradient normalised."""
    losses = []
    for eta in step_sizes:
        net = copy.deepcopy(model)
        ps = list(net.parameters())
        gs = torch.autograd.grad(loss_fn(net), ps)
        norm = torch.sqrt(sum((g**2).sum() for g in gs))
        with torch.no_grad():
            for p, g in zip(ps, gs):
                p -= eta * g / norm
            losses.append(loss_fn(net).item())
    return min(losses), max(losses)


@wrong("8.3", "The loss at the start is always counted; it counts")
def loss_range(model, loss_fn, step_sizes):
    """Loss at theta itself included."""
    net = copy.deepcopy(model)
    loss = loss_fn(net)
    grads = torch.autograd.grad(loss, list(net.parameters()))
    lo = hi = loss.item()
    for eta in step_sizes:
        moved = copy.deepcopy(model)
        with torch.no_grad():
            for p, g in zip(moved.parameters(), grads):
                p -= eta * g
            value = loss_fn(moved).item()
        lo, hi = min(lo, value), max(hi, value)
    return lo, hi


@wrong("8.4", "The distance is divided by the length of the step:")
def gradient_change(model, loss_fn, step_sizes):
    """Divides by the distance walked: a smoothness constant."""

    def flat(net):
        gs = torch.autograd.grad(loss_fn(net), list(net.parameters()))
        return torch.cat([g.flatten() for g in gs])

    start = nn.utils.parameters_to_vector(model.parameters()).detach().clone()
    g = flat(copy.deepcopy(model))
    out = []
    for eta in step_sizes:
        twin = copy.deepcopy(model)
        nn.utils.vector_to_parameters(start - eta * g, twin.parameters())
        out.append(((flat(twin) - g).norm() / (eta * g.norm())).item())
    return max(out)


@wrong("8.4", "The squares are summed, but the root is missing.")
def gradient_change(model, loss_fn, step_sizes):
    """Squared distance, no root."""

    def grads(m):
        return torch.autograd.grad(loss_fn(m), list(m.parameters()))

    g0 = grads(copy.deepcopy(model))
    result = []
    for eta in step_sizes:
        m = copy.deepcopy(model)
        with torch.no_grad():
            for p, g in zip(m.parameters(), g0):
                p -= eta * g
        result.append(sum(((a - b) ** 2).sum().item() for a, b in zip(grads(m), g0)))
    return max(result)


@wrong("8.4", "You return the longest gradient at the ends of the")
def gradient_change(model, loss_fn, step_sizes):
    """Gradients pile up in .grad, so that the difference is the second gradient alone."""
    result = []
    for eta in step_sizes:
        m = copy.deepcopy(model)
        for p in m.parameters():
            p.grad = None
        loss_fn(m).backward()
        g0 = [p.grad.clone() for p in m.parameters()]
        with torch.no_grad():
            for p in m.parameters():
                p -= eta * p.grad
        loss_fn(m).backward()
        sq = sum(((p.grad - g) ** 2).sum() for p, g in zip(m.parameters(), g0))
        result.append(torch.sqrt(sq).item())
    return max(result)


@wrong("8.5", "You multiply by ‖w‖². A longer weight turns more")
def effective_learning_rate(lr, weight):
    """lr * norm^2."""
    return lr * (weight.detach() ** 2).sum().item()


@wrong("8.5", "One rate for each row, or filter; asked for is one")
def effective_learning_rate(lr, weight):
    """Norm per output filter."""
    return lr / weight.detach().flatten(1).norm(dim=1) ** 2


@wrong("9.1", "Only `BatchNorm2d` is put into training mode", named=False)
def prediction_noise(model, image, companions):
    """BatchNorm2d alone, on the model itself."""
    model.eval()
    for m in model.modules():
        if isinstance(m, nn.BatchNorm2d):
            m.train()
    outs = []
    for others in companions:
        x = torch.cat((image.unsqueeze(0), others))
        with torch.no_grad():
            outs.append(model(x)[0])
    return torch.std(torch.stack(outs), dim=0)


@wrong("9.1", "The standard deviation runs over the classes, one number for")
def prediction_noise(model, image, companions):
    """The deviation along the wrong axis."""
    net = copy.deepcopy(model).eval()
    for m in net.modules():
        if isinstance(m, nn.modules.batchnorm._BatchNorm):
            m.train()
    outs = []
    with torch.no_grad():
        for c in companions:
            outs.append(net(torch.cat([image[None], c]))[0])
    return torch.stack(outs).std(1)


@wrong("9.1", "This is the variance; the standard deviation is its")
def prediction_noise(model, image, companions):
    """Variance instead of deviation."""
    net = copy.deepcopy(model)
    net.eval()
    for m in net.modules():
        if "BatchNorm" in type(m).__name__:
            m.train()
    with torch.no_grad():
        outs = [net(torch.cat([c, image.unsqueeze(0)]))[-1] for c in companions]
    return torch.stack(outs).var(0)


@wrong("9.2", "Upside down: training stands above, inference below.")
def variance_shift(x, p, eps=1e-5):
    """Upside down: inference over training."""
    x = x.double()
    d = (0, *range(2, x.dim()))
    mu, v = x.mean(d), x.var(d, unbiased=False)
    t = (v + p * mu**2) / (1 - p)
    return (v + eps) / (t + eps)


@wrong("9.2", "p is taken for the probability of staying. Here, as")
def variance_shift(x, p, eps=1e-5):
    """p is taken for the share that stays."""
    x = x.double()
    d = (0, *range(2, x.dim()))
    mu, sq = x.mean(d), (x**2).mean(d)
    v = x.var(d, unbiased=False)
    train = sq / max(p, 1e-12) - mu**2
    return (train + eps) / (v + eps)


@wrong("9.1", "in a batch of its own, with the image")
def prediction_noise(model, image, companions):
    """All companions in one batch."""
    net = copy.deepcopy(model).eval()
    for m in net.modules():
        if isinstance(m, nn.modules.batchnorm._BatchNorm):
            m.train()
    with torch.no_grad():
        batch = torch.cat([image[None]] * len(companions) + list(companions))
        out = net(batch)
    return out[: len(companions)].std(0)
