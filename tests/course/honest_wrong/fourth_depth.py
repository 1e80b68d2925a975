"""Wrong answers to chapters 8 and 9, a fourth sample, written before a look at checks or mistakes."""

# ruff: noqa: F811  one name has many answers

import copy

import torch
from torch import nn

from tests.course.honest_wrong import wrong


@wrong("8.1", "`[layer] * n` repeats one and the same module: all")
def plain_network(depth, width, in_features, num_classes, batch_norm, activation):
    """The hidden layers after the first are one and the same layer, [layer] * n."""
    hidden = [nn.Linear(width, width)]
    if batch_norm:
        hidden.append(nn.BatchNorm1d(width))
    hidden.append(activation())
    first = [nn.Linear(in_features, width)] + ([nn.BatchNorm1d(width)] if batch_norm else []) + [activation()]
    return nn.Sequential(*first, *(hidden * (depth - 1)), nn.Linear(width, num_classes))


@wrong("8.1", "The normalization comes after the activation; here")
def plain_network(depth, width, in_features, num_classes, batch_norm, activation):
    """The activation stands before the normalization."""
    layers, n = [], in_features
    for _ in range(depth):
        layers += [nn.Linear(n, width), activation()]
        if batch_norm:
            layers.append(nn.BatchNorm1d(width))
        n = width
    layers.append(nn.Linear(width, num_classes))
    return nn.Sequential(*layers)


@wrong("8.1", "One hidden layer too many: the first, which has")
def plain_network(depth, width, in_features, num_classes, batch_norm, activation):
    """One hidden layer too many: a first layer and then depth more."""
    layers = [nn.Linear(in_features, width)]
    if batch_norm:
        layers.append(nn.BatchNorm1d(width))
    layers.append(activation())
    for _ in range(depth):
        layers.append(nn.Linear(width, width))
        if batch_norm:
            layers.append(nn.BatchNorm1d(width))
        layers.append(activation())
    return nn.Sequential(*layers, nn.Linear(width, num_classes))


@wrong("8.1", "nn.ReLU is written into the network, and the")
def plain_network(depth, width, in_features, num_classes, batch_norm, activation):
    """ReLU is written in; the activation that was passed is ignored."""
    sizes = [in_features] + [width] * depth
    layers = []
    for a, b in zip(sizes, sizes[1:]):
        layers.append(nn.Linear(a, b, bias=not batch_norm))
        if batch_norm:
            layers.append(nn.BatchNorm1d(b))
        layers.append(nn.ReLU())
    layers.append(nn.Linear(sizes[-1], num_classes))
    return nn.Sequential(*layers)


@wrong("8.2", "`loss.backward()` adds to the gradients that are")
def gradient_norms(model, loss):
    """loss.backward() adds to the .grad that is there and leaves it: old gradients enter the norms, the model is
    changed."""
    loss.backward(retain_graph=True)
    return [p.grad.norm().item() for p in model.parameters() if p.dim() == 2]


@wrong("8.2", "Everything called `weight` is counted, and so is")
def gradient_norms(model, loss):
    """Everything called weight: the γ of normalizations is among them."""
    names, params = zip(*[(n, p) for n, p in model.named_parameters() if "weight" in n])
    grads = torch.autograd.grad(loss, params)
    return [g.norm().item() for g in grads]


@wrong("8.2", "The squares are summed, but the root is missing.")
def gradient_norms(model, loss):
    """Squares are summed and the root is missing."""
    weights = [p for p in model.parameters() if p.ndim == 2]
    return [float((g**2).sum()) for g in torch.autograd.grad(loss, weights, retain_graph=True)]


@wrong("8.2", "You take the mean of the absolute values; the L2")
def gradient_norms(model, loss):
    """The mean absolute gradient in the place of the norm."""
    weights = [p for p in model.parameters() if p.dim() > 1]
    return [g.abs().mean().item() for g in torch.autograd.grad(loss, weights, retain_graph=True)]


@wrong("8.3", "Each step begins where the one before ended. All of")
def loss_range(model, loss_fn, step_sizes):
    """The steps add up: each begins where the last ended."""
    m = copy.deepcopy(model)
    params = [p for p in m.parameters()]
    grads = torch.autograd.grad(loss_fn(m), params)
    losses = []
    with torch.no_grad():
        for eta in step_sizes:
            for p, g in zip(params, grads):
                p -= eta * g
            losses.append(loss_fn(m).item())
    return min(losses), max(losses)


@wrong("8.3", "The gradient is brought to length 1 before the")
def loss_range(model, loss_fn, step_sizes):
    """The gradient is normalised to length 1."""
    base = copy.deepcopy(model)
    params = list(base.parameters())
    grads = torch.autograd.grad(loss_fn(base), params)
    norm = torch.sqrt(sum((g**2).sum() for g in grads))
    losses = []
    for eta in step_sizes:
        m = copy.deepcopy(model)
        with torch.no_grad():
            for p, g in zip(m.parameters(), grads):
                p -= eta * g / norm
            losses.append(loss_fn(m).item())
    return min(losses), max(losses)


@wrong("8.3", "The parameters are put back, the buffers are not:")
def loss_range(model, loss_fn, step_sizes):
    """Parameters are put back, but the running statistics of batch normalization are not."""
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


@wrong("8.3", "The loss at the start is always counted; it counts")
def loss_range(model, loss_fn, step_sizes):
    """The loss at the starting point is among the losses, though 0 need not be a step size."""
    m = copy.deepcopy(model)
    loss = loss_fn(m)
    grads = torch.autograd.grad(loss, list(m.parameters()))
    lo = hi = loss.item()
    for eta in step_sizes:
        trial = copy.deepcopy(model)
        with torch.no_grad():
            for p, g in zip(trial.parameters(), grads):
                p.sub_(eta * g)
            value = loss_fn(trial).item()
        lo, hi = min(lo, value), max(hi, value)
    return lo, hi


@wrong("8.3")
def loss_range(model, loss_fn, step_sizes):
    """Goes up the gradient (+ η g), and returns (max, min)."""
    m = copy.deepcopy(model)
    grads = torch.autograd.grad(loss_fn(m), list(m.parameters()))
    losses = []
    for eta in step_sizes:
        t = copy.deepcopy(model)
        with torch.no_grad():
            for p, g in zip(t.parameters(), grads):
                p += eta * g
            losses.append(loss_fn(t).item())
    return max(losses), min(losses)


@wrong("8.4", "You subtract the lengths of the two gradients. A")
def gradient_change(model, loss_fn, step_sizes):
    """The difference of the lengths of the gradients, not the length of their difference."""
    m = copy.deepcopy(model)
    g0 = torch.autograd.grad(loss_fn(m), list(m.parameters()))
    n0 = torch.cat([g.flatten() for g in g0]).norm()
    best = 0.0
    for eta in step_sizes:
        t = copy.deepcopy(model)
        with torch.no_grad():
            for p, g in zip(t.parameters(), g0):
                p -= eta * g
        g1 = torch.autograd.grad(loss_fn(t), list(t.parameters()))
        best = max(best, abs(torch.cat([g.flatten() for g in g1]).norm() - n0).item())
    return best


@wrong("8.4", "A norm is taken of each parameter and the norms are")
def gradient_change(model, loss_fn, step_sizes):
    """The norms of the single parameters are added up instead of taken together under one root."""
    m = copy.deepcopy(model)
    g0 = torch.autograd.grad(loss_fn(m), list(m.parameters()))
    result = []
    for eta in step_sizes:
        t = copy.deepcopy(model)
        with torch.no_grad():
            for p, g in zip(t.parameters(), g0):
                p -= eta * g
        g1 = torch.autograd.grad(loss_fn(t), list(t.parameters()))
        result.append(sum((a - b).norm().item() for a, b in zip(g1, g0)))
    return max(result)


@wrong("8.4", "The distance is divided by the length of the step:")
def gradient_change(model, loss_fn, step_sizes):
    """Divided by the length of the step, as one does for a smoothness constant."""
    m = copy.deepcopy(model)
    g0 = torch.autograd.grad(loss_fn(m), list(m.parameters()))
    v0 = torch.cat([g.reshape(-1) for g in g0])
    worst = 0.0
    for eta in step_sizes:
        t = copy.deepcopy(model)
        with torch.no_grad():
            for p, g in zip(t.parameters(), g0):
                p -= eta * g
        v1 = torch.cat([g.reshape(-1) for g in torch.autograd.grad(loss_fn(t), list(t.parameters()))])
        if eta != 0:
            worst = max(worst, ((v1 - v0).norm() / (eta * v0.norm())).item())
    return worst


@wrong("8.5", "The norm is not squared: you divide by ‖w‖ instead")
def effective_learning_rate(lr, weight):
    """Divided by the norm and not by its square."""
    return lr / weight.detach().norm().item()


@wrong("8.5", "The 2-norm of a matrix (`matrix_norm(..., 2)`,")
def effective_learning_rate(lr, weight):
    """torch.linalg.norm with ord 2 is the spectral norm of a matrix, and refuses four axes."""
    return lr / torch.linalg.norm(weight, ord=2) ** 2


@wrong("8.5", "You divide by the mean of the squares; ‖w‖² is")
def effective_learning_rate(lr, weight):
    """The mean of the squares in place of their sum."""
    return lr / (weight**2).mean().item()


@wrong("9.1", "`train()` for the whole model switches dropout on")
def prediction_noise(model, image, companions):
    """model.train() switches dropout on as well."""
    net = copy.deepcopy(model).train()
    answers = []
    state = torch.get_rng_state()
    with torch.no_grad():
        for others in companions:
            batch = torch.cat([image.unsqueeze(0), others])
            answers.append(net(batch)[0])
    torch.set_rng_state(state)
    return torch.stack(answers).std(dim=0)


@wrong("9.1", "These are probabilities (softmax); asked for is the")
def prediction_noise(model, image, companions):
    """Probabilities instead of logits."""
    net = copy.deepcopy(model).eval()
    for m in net.modules():
        if isinstance(m, torch.nn.modules.batchnorm._BatchNorm):
            m.train()
    with torch.no_grad():
        probs = [torch.softmax(net(torch.cat([image[None], c]))[0], dim=0) for c in companions]
    return torch.stack(probs).std(0, unbiased=False)


@wrong("9.1", "The logits are those of a companion: your image")
def prediction_noise(model, image, companions):
    """The image stands first in the batch, but the answer that is kept is the last, a companion's."""
    net = copy.deepcopy(model).eval()
    for m in net.modules():
        if isinstance(m, (torch.nn.BatchNorm1d, torch.nn.BatchNorm2d, torch.nn.BatchNorm3d)):
            m.train()
    with torch.no_grad():
        logits = [net(torch.cat([image[None], c], dim=0))[-1] for c in companions]
    return torch.stack(logits).std(0)


@wrong("9.1", "The noise is 0: whatever images come with it, the")
def prediction_noise(model, image, companions):
    """In evaluation mode the running statistics normalise, so the companions make no difference."""
    net = copy.deepcopy(model)
    net.eval()
    out = []
    with torch.no_grad():
        for c in companions:
            out.append(net(torch.cat([image.unsqueeze(0), c], 0))[0].numpy())
    import numpy as np

    return np.std(out, axis=0)


@wrong("9.1", "This is the variance; the standard deviation is its")
def prediction_noise(model, image, companions):
    """The variance of the answers, the root is missing."""
    net = copy.deepcopy(model).eval()
    for m in net.modules():
        if isinstance(m, torch.nn.modules.batchnorm._BatchNorm):
            m.train()
    with torch.no_grad():
        a = torch.stack([net(torch.cat([image[None], c]))[0] for c in companions])
    return a.var(dim=0)


@wrong("9.2", "The factor 1/(1 - p) alone: that is all only where")
def variance_shift(x, p, eps=1e-5):
    """Only the variance is scaled by 1 / (1 - p); the part with the squared mean is missing."""
    dims = [0, *range(2, x.dim())]
    var = x.double().var(dim=dims, unbiased=False)
    return (var / (1 - p) + eps) / (var + eps)


@wrong("9.2", "ε is missing: a feature that never varies is")
def variance_shift(x, p, eps=1e-5):
    """ε is left out of both."""
    dims = [0, *range(2, x.dim())]
    x = x.double()
    mean = x.mean(dims)
    var = ((x - mean.view(1, -1, *[1] * (x.dim() - 2))) ** 2).mean(dims)
    train = (var + mean**2) / (1 - p) - mean**2
    return train / var


@wrong("9.2", "The division by 1 - p is missing: dropout is")
def variance_shift(x, p, eps=1e-5):
    """Ordinary dropout, without dividing the survivors by 1 - p."""
    x = x.to(torch.float64)
    dims = [d for d in range(x.dim()) if d != 1]
    mean = x.mean(dim=dims)
    var = x.var(dim=dims, unbiased=False)
    q = 1 - p
    var_train = q * (var + mean**2) - (q * mean) ** 2
    return (var_train + eps) / (var + eps)


@wrong("9.2", "Upside down: training stands above, inference")
def variance_shift(x, p, eps=1e-5):
    """The reciprocal: variance at inference over that in training."""
    x = x.double()
    dims = [d for d in range(x.dim()) if d != 1]
    mean, var = x.mean(dims), x.var(dims, unbiased=False)
    training = (var + mean**2) / (1 - p) - mean**2
    return (var + eps) / (training + eps)
