"""More wrong answers to chapters 8 and 9 written before any look at checks, mistakes or this bank."""

# ruff: noqa: F811  one name has many answers

import copy

import torch
from torch import nn

from tests.course.honest_wrong import wrong


@wrong("8.1", "One hidden layer too few from depth 2 on: the first")
def plain_network(depth, width, in_features, num_classes, batch_norm, activation):
    """One hidden layer too few."""
    layers = [nn.Linear(in_features, width)]
    for _ in range(depth - 2):
        if batch_norm:
            layers.append(nn.BatchNorm1d(width))
        layers.append(activation())
        layers.append(nn.Linear(width, width))
    if batch_norm:
        layers.append(nn.BatchNorm1d(width))
    layers += [activation(), nn.Linear(width, num_classes)]
    return nn.Sequential(*layers)


@wrong("8.1", "The layers stand in a plain list, which PyTorch")
def plain_network(depth, width, in_features, num_classes, batch_norm, activation):
    """Layers in a plain list: parameters unknown."""

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.blocks = []
            d = in_features
            for _ in range(depth):
                block = [nn.Linear(d, width)]
                if batch_norm:
                    block.append(nn.BatchNorm1d(width))
                block.append(activation())
                self.blocks.append(nn.Sequential(*block))
                d = width
            self.head = nn.Linear(width, num_classes)

        def forward(self, x):
            for b in self.blocks:
                x = b(x)
            return self.head(x)

    return Net()


@wrong(
    "8.1",
    "`activation` is ignored: the network always has ReLU",
    "The normalization stands behind the activation",
    named=False,
)
def plain_network(depth, width, in_features, num_classes, batch_norm, activation):
    """ReLU always, and normalization behind the activation."""
    mods, size = [], in_features
    for _ in range(depth):
        mods.extend([nn.Linear(size, width), nn.ReLU()])
        if batch_norm:
            mods.append(nn.BatchNorm1d(width))
        size = width
    mods.append(nn.Linear(width, num_classes))
    return nn.Sequential(*mods)


@wrong("8.2", "`zero_grad` and `backward` give the right norms,")
def gradient_norms(model, loss):
    """Backward overwrites .grad."""
    model.zero_grad()
    loss.backward()
    return [p.grad.norm().item() for p in model.parameters() if p.dim() == 2]


@wrong("8.2", "All parameters are counted, biases, γ and β too.")
def gradient_norms(model, loss):
    """Norms of all parameters, biases included."""
    grads = torch.autograd.grad(loss, list(model.parameters()))
    return [g.norm().item() for g in grads]


@wrong("8.2", "The squares are summed, but the root is missing", "The list runs back to front", named=False)
def gradient_norms(model, loss):
    """Squared norm, back to front."""
    ws = [p for p in model.parameters() if p.ndim == 2]
    grads = torch.autograd.grad(loss, ws)
    return [float((g**2).sum()) for g in reversed(grads)]


@wrong("8.3", "The steps go uphill: θ + ηg. Down is minus the")
def loss_range(model, loss_fn, step_sizes):
    """Steps uphill."""
    out = []
    for eta in step_sizes:
        m = copy.deepcopy(model)
        g = torch.autograd.grad(loss_fn(m), list(m.parameters()))
        with torch.no_grad():
            for p, gp in zip(m.parameters(), g):
                p.add_(gp, alpha=eta)
            out.append(loss_fn(m).item())
    return min(out), max(out)


@wrong("8.3", "Each step begins where the one before ended. All")
def loss_range(model, loss_fn, step_sizes):
    """Steps add up: not from the same theta."""
    m = copy.deepcopy(model)
    grads = torch.autograd.grad(loss_fn(m), list(m.parameters()))
    losses = []
    with torch.no_grad():
        for eta in step_sizes:
            for p, g in zip(m.parameters(), grads):
                p -= eta * g
            losses.append(float(loss_fn(m)))
    return min(losses), max(losses)


@wrong("8.3", "The loss at the start is always counted", "The gradient is brought to length 1", named=False)
def loss_range(model, loss_fn, step_sizes):
    """The loss at theta counts always; gradient normalised."""
    start = copy.deepcopy(model)
    first = loss_fn(start)
    grads = torch.autograd.grad(first, list(start.parameters()))
    norm = torch.sqrt(sum((g**2).sum() for g in grads))
    losses = [first.item()]
    for eta in step_sizes:
        m = copy.deepcopy(model)
        with torch.no_grad():
            for p, g in zip(m.parameters(), grads):
                p -= eta * g / norm
            losses.append(loss_fn(m).item())
    return min(losses), max(losses)


@wrong("8.3", "Nothing is put back: the model stays where the")
def loss_range(model, loss_fn, step_sizes):
    """Measures on the model itself and leaves the parameters at the last step."""
    params = list(model.parameters())
    grads = torch.autograd.grad(loss_fn(model), params)
    start = [p.detach().clone() for p in params]
    values = []
    with torch.no_grad():
        for eta in step_sizes:
            for p, s, g in zip(params, start, grads):
                p.copy_(s - eta * g)
            values.append(loss_fn(model).item())
    return min(values), max(values)


@wrong("8.4", "Only the parameter whose gradient changed most")
def gradient_change(model, loss_fn, step_sizes):
    """Largest over the parameters of the norm, not the norm over all together."""
    g0 = torch.autograd.grad(loss_fn(m0 := copy.deepcopy(model)), list(m0.parameters()))
    worst = 0.0
    for eta in step_sizes:
        m = copy.deepcopy(model)
        with torch.no_grad():
            for p, g in zip(m.parameters(), g0):
                p.sub_(eta * g)
        g1 = torch.autograd.grad(loss_fn(m), list(m.parameters()))
        worst = max(worst, max((a - b).norm().item() for a, b in zip(g1, g0)))
    return worst


@wrong("8.4", "You subtract the lengths of the two gradients.")
def gradient_change(model, loss_fn, step_sizes):
    """Difference of the norms, not norm of the difference."""

    def flat_grad(m):
        return torch.cat([g.flatten() for g in torch.autograd.grad(loss_fn(m), list(m.parameters()))])

    g0 = flat_grad(copy.deepcopy(model))
    result = []
    for eta in step_sizes:
        m = copy.deepcopy(model)
        vec = nn.utils.parameters_to_vector(m.parameters()).detach() - eta * g0
        nn.utils.vector_to_parameters(vec, m.parameters())
        result.append(abs(flat_grad(m).norm() - g0.norm()).item())
    return max(result)


@wrong("8.4", "The distance is divided by the length of the step:")
def gradient_change(model, loss_fn, step_sizes):
    """Divided by the length of the step (smoothness)."""

    def flat_grad(m):
        return torch.cat([g.flatten() for g in torch.autograd.grad(loss_fn(m), list(m.parameters()))])

    g0 = flat_grad(copy.deepcopy(model))
    result = []
    for eta in step_sizes:
        m = copy.deepcopy(model)
        with torch.no_grad():
            i = 0
            for p in m.parameters():
                p -= eta * g0[i : i + p.numel()].view_as(p)
                i += p.numel()
        result.append(((flat_grad(m) - g0).norm() / (eta * g0.norm() + 1e-12)).item())
    return max(result)


@wrong("8.4", "The squares are summed, but the root is missing.")
def gradient_change(model, loss_fn, step_sizes):
    """Squared distance."""
    best = 0.0
    for eta in step_sizes:
        m = copy.deepcopy(model)
        ps = list(m.parameters())
        g0 = torch.autograd.grad(loss_fn(m), ps)
        with torch.no_grad():
            for p, g in zip(ps, g0):
                p -= eta * g
        g1 = torch.autograd.grad(loss_fn(m), ps)
        best = max(best, sum(((a - b) ** 2).sum().item() for a, b in zip(g0, g1)))
    return best


@wrong("8.5", "The norm is not squared: you divide by ‖w‖ instead")
def effective_learning_rate(lr, weight):
    """Norm not squared."""
    return lr / torch.linalg.norm(weight.detach().flatten()).item()


@wrong("8.5", "You divide by the mean of the squares; ‖w‖² is")
def effective_learning_rate(lr, weight):
    """Mean of the squares."""
    return lr / weight.detach().pow(2).mean()


@wrong("8.5")
def effective_learning_rate(lr, weight):
    """Multiplied instead of divided, and only over the first axis' rows: max row norm."""
    rows = weight.detach().flatten(1)
    return lr * (rows**2).sum(1).max().item()


@wrong("9.1", "The noise is 0: whatever images")
def prediction_noise(model, image, companions):
    """Model in eval mode entirely: no noise from the company."""
    m = copy.deepcopy(model)
    m.eval()
    answers = []
    with torch.no_grad():
        for c in companions:
            batch = torch.cat([image.unsqueeze(0), c], dim=0)
            answers.append(m(batch)[0])
    return torch.stack(answers).std(dim=0)


@wrong("9.1", "All of the model is in training mode, dropout too", "switches dropout on too", named=False)
def prediction_noise(model, image, companions):
    """All in training mode: dropout on, its own copy."""
    m = copy.deepcopy(model).train()
    state = torch.get_rng_state()
    with torch.no_grad():
        logits = [m(torch.cat([image[None], c]))[0] for c in companions]
    torch.set_rng_state(state)
    return torch.stack(logits).std(0)


@wrong("9.1", "These are probabilities (softmax)", "This is the variance; the standard", named=False)
def prediction_noise(model, image, companions):
    """Probabilities, and variance."""
    m = copy.deepcopy(model).eval()
    for mod in m.modules():
        if isinstance(mod, (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)):
            mod.train()
    with torch.no_grad():
        p = [torch.softmax(m(torch.cat([image[None], c])), 1)[0] for c in companions]
    return torch.stack(p).var(0)


@wrong("9.1", "The logits are those of a companion: your image")
def prediction_noise(model, image, companions):
    """The last row's logits while the image stands first."""
    m = copy.deepcopy(model).eval()
    for mod in m.modules():
        if isinstance(mod, nn.modules.batchnorm._BatchNorm):
            mod.train()
    out = []
    with torch.no_grad():
        for c in companions:
            out.append(m(torch.cat([image[None], c], 0))[-1])
    return torch.stack(out).std(0)


@wrong("9.2", "μ² counts in full: only the share p of it is added.")
def variance_shift(x, p, eps=1e-5):
    """E[x^2] without the square of the mean taken away."""
    x = x.double()
    axes = [0] + list(range(2, x.dim()))
    v = x.var(axes, unbiased=False)
    second = (x**2).mean(axes) / (1 - p)
    return (second + eps) / (v + eps)


@wrong("9.2", "The division by 1 - p is missing: dropout is inverted,")
def variance_shift(x, p, eps=1e-5):
    """Not inverted: variance of x times mask, without the division by 1 - p."""
    x = x.double()
    axes = [0] + list(range(2, x.dim()))
    mean, v = x.mean(axes), x.var(axes, unbiased=False)
    q = 1 - p
    train = q * (v + mean**2) - (q * mean) ** 2
    return (train + eps) / (v + eps)


@wrong("9.2", "p is taken for the probability of staying", "ε is missing", named=False)
def variance_shift(x, p, eps=1e-5):
    """P for 1 - p, and eps left out below."""
    x = x.double()
    axes = [0] + list(range(2, x.dim()))
    mean, v = x.mean(axes), x.var(axes, unbiased=False)
    train = (v + (1 - p) * mean**2) / max(p, 1e-12)
    return (train + eps) / v


@wrong("9.2", "The factor 1/(1 - p) alone: that is all only where")
def variance_shift(x, p, eps=1e-5):
    """Mean term forgotten: var / (1 - p)."""
    x = x.double()
    ax = (0, *range(2, x.dim()))
    v = x.var(ax, correction=0)
    return (v / (1 - p) + eps) / (v + eps)
