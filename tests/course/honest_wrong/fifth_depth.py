"""Wrong answers to chapters 8 and 9, a fifth sample, written before a look at checks or mistakes."""

# ruff: noqa: F811  one name has many answers

import copy

import torch
from torch import nn

from tests.course.honest_wrong import wrong


@wrong("8.1", "An activation comes after the last linear layer: a")
def plain_network(depth, width, in_features, num_classes, batch_norm, activation):
    """An activation follows the last layer too."""
    layers, features = [], in_features
    for _ in range(depth):
        layers.append(nn.Linear(features, width))
        if batch_norm:
            layers.append(nn.BatchNorm1d(width))
        layers.append(activation())
        features = width
    return nn.Sequential(*layers, nn.Linear(width, num_classes), activation())


@wrong("8.1", "One hidden layer too many: the first, which has")
def plain_network(depth, width, in_features, num_classes, batch_norm, activation):
    """The first layer counts as hidden and so the network has one hidden layer too many."""
    layers = [nn.Linear(in_features, width)]
    if batch_norm:
        layers.append(nn.BatchNorm1d(width))
    layers.append(activation())
    for _ in range(depth):
        layers.append(nn.Linear(width, width))
        if batch_norm:
            layers.append(nn.BatchNorm1d(width))
        layers.append(activation())
    layers.append(nn.Linear(width, num_classes))
    return nn.Sequential(*layers)


@wrong("8.1", "`[layer] * n` repeats one and the same module: all")
def plain_network(depth, width, in_features, num_classes, batch_norm, activation):
    """A list of blocks multiplied: all hidden layers share their weights."""
    first = [nn.Linear(in_features, width)] + [nn.BatchNorm1d(width)] * batch_norm + [activation()]
    block = [nn.Linear(width, width)] + [nn.BatchNorm1d(width)] * batch_norm + [activation()]
    return nn.Sequential(*first, *(block * (depth - 1)), nn.Linear(width, num_classes))


@wrong("8.1", "The layers stand in a plain list, which PyTorch")
class plain_network(nn.Module):
    """The hidden layers lie in a plain list, which parameters() does not know."""

    def __init__(self, depth, width, in_features, num_classes, batch_norm, activation):
        super().__init__()
        sizes = [in_features] + [width] * depth
        self.layers = []
        for a, b in zip(sizes[:-1], sizes[1:]):
            self.layers += [nn.Linear(a, b)] + ([nn.BatchNorm1d(b)] if batch_norm else []) + [activation()]
        self.out = nn.Linear(width, num_classes)

    def forward(self, x):
        for layer in self.layers:
            x = layer(x)
        return self.out(x)


@wrong("8.2", "`loss.backward()` adds to the gradients that are")
def gradient_norms(model, loss):
    """backward adds to the old gradients."""
    loss.backward()
    return [p.grad.norm().item() for p in model.parameters() if p.ndim == 2]


@wrong("8.2", "The right norms, but at the end `zero_grad` empties")
def gradient_norms(model, loss):
    """zero_grad first: the caller's gradients are lost."""
    model.zero_grad()
    loss.backward(retain_graph=True)
    norms = [p.grad.norm().item() for p in model.parameters() if p.dim() == 2]
    model.zero_grad()
    return norms


@wrong("8.2", "All parameters are counted, biases, γ and β too. A")
def gradient_norms(model, loss):
    """All parameters, biases too."""
    grads = torch.autograd.grad(loss, list(model.parameters()), retain_graph=True)
    return [g.norm().item() for g in grads]


@wrong("8.2", "These are the norms of the weights, not of their")
def gradient_norms(model, loss):
    """The norms of the weights in place of those of their gradients."""
    return [p.detach().norm().item() for p in model.parameters() if p.ndim == 2]


@wrong("8.3", "Each step begins where the one before ended. All of")
def loss_range(model, loss_fn, step_sizes):
    """Each step begins where the last one ended."""
    model = copy.deepcopy(model)
    params = list(model.parameters())
    grads = torch.autograd.grad(loss_fn(model), params)
    losses = []
    with torch.no_grad():
        for eta in step_sizes:
            for p, g in zip(params, grads):
                p -= eta * g
            losses.append(loss_fn(model).item())
    return min(losses), max(losses)


@wrong("8.3", "The steps go uphill: θ + ηg. Down is minus the")
def loss_range(model, loss_fn, step_sizes):
    """Uphill: plus in place of minus."""
    losses = []
    for eta in step_sizes:
        twin = copy.deepcopy(model)
        grads = torch.autograd.grad(loss_fn(twin), list(twin.parameters()))
        with torch.no_grad():
            for p, g in zip(twin.parameters(), grads):
                p.add_(g, alpha=eta)
            losses.append(loss_fn(twin).item())
    return min(losses), max(losses)


@wrong("8.3", "The parameters are put back, the buffers are not:")
def loss_range(model, loss_fn, step_sizes):
    """The parameters are put back, the buffers are not."""
    params = list(model.parameters())
    start = [p.detach().clone() for p in params]
    grads = torch.autograd.grad(loss_fn(model), params)
    losses = []
    with torch.no_grad():
        for eta in step_sizes:
            for p, s, g in zip(params, start, grads):
                p.copy_(s - eta * g)
            losses.append(loss_fn(model).item())
        for p, s in zip(params, start):
            p.copy_(s)
    return min(losses), max(losses)


@wrong("8.3", "The gradient is brought to length 1 before the")
def loss_range(model, loss_fn, step_sizes):
    """The gradient is normalised to length 1."""
    twin = copy.deepcopy(model)
    grads = torch.autograd.grad(loss_fn(twin), list(twin.parameters()))
    length = torch.sqrt(sum((g**2).sum() for g in grads))
    losses = []
    for eta in step_sizes:
        twin = copy.deepcopy(model)
        with torch.no_grad():
            for p, g in zip(twin.parameters(), grads):
                p -= eta * g / length
            losses.append(loss_fn(twin).item())
    return min(losses), max(losses)


def gradient(model, loss_fn):
    return torch.autograd.grad(loss_fn(model), list(model.parameters()))


@wrong("8.4", "Only the parameter whose gradient changed most is")
def gradient_change(model, loss_fn, step_sizes):
    """The largest norm over single parameters in place of one over all together."""
    start = gradient(copy.deepcopy(model), loss_fn)
    largest = 0.0
    for eta in step_sizes:
        twin = copy.deepcopy(model)
        with torch.no_grad():
            for p, g in zip(twin.parameters(), start):
                p -= eta * g
        for a, b in zip(gradient(twin, loss_fn), start):
            largest = max(largest, (a - b).norm().item())
    return largest


@wrong("8.4", "The distance is divided by the length of the step:")
def gradient_change(model, loss_fn, step_sizes):
    """The distance is divided by the step: a Lipschitz constant."""
    start = gradient(copy.deepcopy(model), loss_fn)
    size = torch.cat([g.flatten() for g in start]).norm()
    largest = 0.0
    for eta in step_sizes:
        twin = copy.deepcopy(model)
        with torch.no_grad():
            for p, g in zip(twin.parameters(), start):
                p -= eta * g
        diff = torch.cat([(a - b).flatten() for a, b in zip(gradient(twin, loss_fn), start)])
        if eta:
            largest = max(largest, (diff.norm() / (abs(eta) * size)).item())
    return largest


@wrong("8.4", "You subtract the lengths of the two gradients. A")
def gradient_change(model, loss_fn, step_sizes):
    """The difference of the norms in place of the norm of the difference."""
    start = gradient(copy.deepcopy(model), loss_fn)
    before = torch.cat([g.flatten() for g in start]).norm()
    changes = []
    for eta in step_sizes:
        twin = copy.deepcopy(model)
        with torch.no_grad():
            for p, g in zip(twin.parameters(), start):
                p -= eta * g
        after = torch.cat([g.flatten() for g in gradient(twin, loss_fn)]).norm()
        changes.append(abs(after - before).item())
    return max(changes)


@wrong("8.5", "The norm is not squared: you divide by ‖w‖ instead")
def effective_learning_rate(lr, weight):
    """The norm is not squared."""
    return lr / weight.norm().item()


@wrong("8.5", "You divide by the mean of the squares; ‖w‖² is")
def effective_learning_rate(lr, weight):
    """The mean of the squares in place of their sum."""
    return lr / (weight**2).mean()


@wrong("8.5", "One rate for each row, or filter; asked for is one")
def effective_learning_rate(lr, weight):
    """One number for each filter: the sum leaves axis 0."""
    return lr / weight.flatten(1).pow(2).sum(dim=1)


NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)


@wrong("9.1", "All of the model is in training mode, dropout too:")
def prediction_noise(model, image, companions):
    """model.train() switches dropout on too."""
    twin = copy.deepcopy(model).train()
    with torch.no_grad():
        answers = [twin(torch.cat([image[None], others]))[0] for others in companions]
    return torch.stack(answers).std(0)


@wrong("9.1", "The noise is 0: whatever images come with it, the")
def prediction_noise(model, image, companions):
    """In evaluation mode the companions play no part: all zeros."""
    twin = copy.deepcopy(model).eval()
    with torch.no_grad():
        answers = [twin(torch.cat([image[None], others]))[0] for others in companions]
    return torch.stack(answers).std(0)


@wrong("9.1", "The right layers are in training mode, but they are")
def prediction_noise(model, image, companions):
    """Works on the model itself: statistics and modes are not put back."""
    model.eval()
    for module in model.modules():
        if isinstance(module, NORMS):
            module.train()
    with torch.no_grad():
        answers = [model(torch.cat([image[None], others]))[0] for others in companions]
    return torch.stack(answers).std(0)


@wrong("9.1", "The standard deviation runs over all images of all")
def prediction_noise(model, image, companions):
    """The deviation over all logits of the batch, not those of the image alone."""
    twin = copy.deepcopy(model).eval()
    for module in twin.modules():
        if isinstance(module, NORMS):
            module.train()
    with torch.no_grad():
        answers = [twin(torch.cat([image[None], others])) for others in companions]
    return torch.cat(answers).std(0)


@wrong("9.1", "These are probabilities (softmax); asked for is the")
def prediction_noise(model, image, companions):
    """Softmax: the deviation of probabilities."""
    twin = copy.deepcopy(model).eval()
    for module in twin.modules():
        if isinstance(module, NORMS):
            module.train()
    with torch.no_grad():
        answers = [twin(torch.cat([image[None], others]))[0].softmax(0) for others in companions]
    return torch.stack(answers).std(0)


def numbers(x):
    return x.double().transpose(0, 1).flatten(1)


@wrong("9.2", "The factor 1/(1 - p) alone: that is all only where")
def variance_shift(x, p, eps=1e-5):
    """1 / (1 - p): right for features of mean 0 only."""
    v = numbers(x).var(1, unbiased=False)
    return (v / (1 - p) + eps) / (v + eps)


@wrong("9.2", "The division by 1 - p is missing: dropout is")
def variance_shift(x, p, eps=1e-5):
    """Without the division by 1 - p: x is zeroed, not scaled."""
    v = numbers(x)
    mean, square = v.mean(1) * (1 - p), (v**2).mean(1) * (1 - p)
    return (square - mean**2 + eps) / (v.var(1, unbiased=False) + eps)


@wrong("9.2", "Upside down: training stands above, inference below.")
def variance_shift(x, p, eps=1e-5):
    """The inverse: inference over training."""
    v = numbers(x)
    var = v.var(1, unbiased=False)
    train = var + p / (1 - p) * (v**2).mean(1)
    return (var + eps) / (train + eps)


@wrong("9.2", "ε stands below only. Both modes add it under their")
def variance_shift(x, p, eps=1e-5):
    """eps is added once to the ratio's denominator only."""
    v = numbers(x)
    var = v.var(1, unbiased=False)
    train = var + p / (1 - p) * (v**2).mean(1)
    return train / (var + eps)
