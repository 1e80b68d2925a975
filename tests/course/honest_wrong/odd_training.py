"""Less usual wrong answers to chapters 6 to 9: crashes, own ways, half-remembered recipes."""

# ruff: noqa: F811  one name has many answers

import copy

import numpy as np
import torch
from torch import nn

from tests.course.honest_wrong import wrong


@wrong("6.4", "in percent")
def evaluate(model, loader, device):
    """In per cent."""
    modes = {m: m.training for m in model.modules()}
    model.eval()
    hits = n = 0
    with torch.no_grad():
        for x, y in loader:
            hits += (model(x.to(device)).argmax(1) == y.to(device)).sum().item()
            n += y.numel()
    for m, mode in modes.items():
        m.training = mode
    return 100.0 * hits / n


@wrong("6.4", "gives one number for each class")
def evaluate(model, loader, device):
    """argmax over the batch, axis 0."""
    modes = [(m, m.training) for m in model.modules()]
    model.eval()
    right, n = 0, 0
    with torch.no_grad():
        for x, y in loader:
            right += int((model(x.to(device)).argmax(0) == y.to(device)).sum())
            n += len(y)
    for m, mode in modes:
        m.training = mode
    return right / n


@wrong("6.4", "reaches all modules inside")
def evaluate(model, loader, device):
    """The modes are put back with train(mode) from the inside out: the outermost comes last and overwrites all."""
    modes = [(m, m.training) for m in model.modules()]
    model.eval()
    right, n = 0, 0
    with torch.inference_mode():
        for x, y in loader:
            right += (model(x.to(device)).argmax(1) == y.to(device)).sum().item()
            n += len(y)
    for m, mode in reversed(modes):
        m.train(mode)
    return right / n


@wrong("7.1", "`patience` is ignored", named=False)
def steps_to_target(steps, accuracy, target, patience=1):
    """argmax of no True is 0: the first step where there should be None. patience is not looked at."""
    return steps[int(np.argmax(np.asarray(accuracy) >= target))]


@wrong("7.1", "place in the record")
def steps_to_target(steps, accuracy, target, patience=1):
    """The place in the record, not the step."""
    ok = [a >= target for a in accuracy]
    for i in range(len(ok) - patience + 1):
        if all(ok[i : i + patience]):
            return i
    return None


@wrong("7.1", "cut into blocks")
def steps_to_target(steps, accuracy, target, patience=1):
    """The record is cut into pieces of patience tests: a run across two pieces is not seen."""
    acc = np.asarray(accuracy)
    for i in range(0, len(acc), patience):
        piece = acc[i : i + patience]
        if len(piece) == patience and (piece >= target).all():
            return steps[i]
    return None


@wrong("7.2", "a normal interval; asked for")
def speedup_interval(baseline, treated, rng, draws=2000):
    """Mean and 1.96 deviations of the resampled ratios: a normal interval, not percentiles."""
    ratios = np.empty(draws)
    for i in range(draws):
        b, t = rng.choice(baseline, len(baseline)), rng.choice(treated, len(treated))
        ratios[i] = np.median(b) / np.median(t)
    ratio = np.median(baseline) / np.median(treated)
    return ratio, ratio - 1.96 * ratios.std(), ratio + 1.96 * ratios.std()


@wrong("7.2", "divide end by end")
def speedup_interval(baseline, treated, rng, draws=2000):
    """An interval for each median, and their ends divided."""
    b = [np.median(rng.choice(baseline, len(baseline))) for _ in range(draws)]
    t = [np.median(rng.choice(treated, len(treated))) for _ in range(draws)]
    low = np.percentile(b, 2.5) / np.percentile(t, 97.5)
    high = np.percentile(b, 97.5) / np.percentile(t, 2.5)
    return np.median(baseline) / np.median(treated), low, high


@wrong("7.3", "the accuracies are not")
def usable_rates(rates, accuracies, tolerance):
    """The rates are sorted, the accuracies are not."""
    rates = sorted(rates)
    best = int(np.nanargmax(accuracies))
    ok = [accuracies[best] - a <= tolerance for a in accuracies]
    lo = hi = best
    while lo > 0 and ok[lo - 1]:
        lo -= 1
    while hi < len(rates) - 1 and ok[hi + 1]:
        hi += 1
    return rates[lo], rates[hi]


@wrong("7.3", "share of the best accuracy")
def usable_rates(rates, accuracies, tolerance):
    """tolerance is a share of the best accuracy."""
    order = np.argsort(rates)
    r, a = np.asarray(rates)[order], np.asarray(accuracies)[order]
    lo = hi = int(np.nanargmax(a))
    bound = np.nanmax(a) * (1 - tolerance)
    while lo > 0 and a[lo - 1] >= bound:
        lo -= 1
    while hi < len(r) - 1 and a[hi + 1] >= bound:
        hi += 1
    return r[lo], r[hi]


@wrong("8.1", "the class itself stands among the layers")
def plain_network(depth, width, in_features, num_classes, batch_norm, activation):
    """The class itself is put among the layers."""
    layers = []
    for i in range(depth):
        layers.append(nn.Linear(in_features if i == 0 else width, width))
        if batch_norm:
            layers.append(nn.BatchNorm1d(width))
        layers.append(activation)
    layers.append(nn.Linear(width, num_classes))
    return nn.Sequential(*layers)


@wrong("8.1", "treated like the output")
def plain_network(depth, width, in_features, num_classes, batch_norm, activation):
    """No activation behind the last hidden layer, and a normalization of the logits."""
    sizes = [in_features] + [width] * depth + [num_classes]
    layers = []
    for i in range(depth + 1):
        layers.append(nn.Linear(sizes[i], sizes[i + 1]))
        if batch_norm:
            layers.append(nn.BatchNorm1d(sizes[i + 1]))
        if i < depth - 1:
            layers.append(activation())
    return nn.Sequential(*layers)


@wrong("8.1", "residual connections")
def plain_network(depth, width, in_features, num_classes, batch_norm, activation):
    """Residual connections, which make it no plain network."""

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.first = nn.Linear(in_features, width)
            self.hidden = nn.ModuleList([nn.Linear(width, width) for _ in range(depth - 1)])
            self.norms = nn.ModuleList([nn.BatchNorm1d(width) if batch_norm else nn.Identity() for _ in range(depth)])
            self.act, self.last = activation(), nn.Linear(width, num_classes)

        def forward(self, x):
            h = self.act(self.norms[0](self.first(x)))
            for linear, norm in zip(self.hidden, self.norms[1:]):
                h = h + self.act(norm(linear(h)))
            return self.last(h)

    return Net()


@wrong("8.2", "adds to the gradients that are there")
def gradient_norms(model, loss):
    """The old gradients are in .grad when the new ones come on top."""
    loss.backward()
    return [p.grad.norm().item() for p in model.parameters() if p.dim() == 2]


@wrong("8.2", "back to front")
def gradient_norms(model, loss):
    """The list runs from back to front."""
    old = [p.grad for p in model.parameters()]
    for p in model.parameters():
        p.grad = None
    loss.backward()
    norms = [p.grad.norm().item() for p in model.parameters() if p.dim() == 2]
    for p, g in zip(model.parameters(), old):
        p.grad = g
    return norms[::-1]


@wrong("8.2", "largest singular value")
def gradient_norms(model, loss):
    """The spectral norm, the largest singular value."""
    weights = [p for p in model.parameters() if p.dim() == 2]
    return [torch.linalg.matrix_norm(g, ord=2).item() for g in torch.autograd.grad(loss, weights)]


@wrong("8.3", "the model's own tensors")
def loss_range(model, loss_fn, step_sizes):
    """state_dict() is not a copy: what is loaded back is what stands there already."""
    saved = model.state_dict()
    gradients = torch.autograd.grad(loss_fn(model), list(model.parameters()))
    losses = []
    for eta in step_sizes:
        with torch.no_grad():
            for p, g in zip(model.parameters(), gradients):
                p -= eta * g
            losses.append(loss_fn(model).item())
        model.load_state_dict(saved)
    return min(losses), max(losses)


@wrong("8.3", "(max, min), where (min, max)")
def loss_range(model, loss_fn, step_sizes):
    """The loss at the start is always among them; and the order is (max, min)."""
    twin = copy.deepcopy(model)
    loss = loss_fn(twin)
    losses, grads = [loss.item()], torch.autograd.grad(loss, list(twin.parameters()))
    for eta in step_sizes:
        moved = copy.deepcopy(model)
        with torch.no_grad():
            for p, g in zip(moved.parameters(), grads):
                p.sub_(eta * g)
            losses.append(loss_fn(moved).item())
    return max(losses), min(losses)


@wrong("8.3", "Evaluation mode is switched on")
def loss_range(model, loss_fn, step_sizes):
    """On a copy in evaluation mode."""
    losses = []
    for eta in step_sizes:
        twin = copy.deepcopy(model).eval()
        opt = torch.optim.SGD(twin.parameters(), lr=eta)
        opt.zero_grad()
        loss_fn(twin).backward()
        opt.step()
        with torch.no_grad():
            losses.append(loss_fn(twin).item())
    return min(losses), max(losses)


@wrong("8.4", "the norms are added")
def gradient_change(model, loss_fn, step_sizes):
    """The norms of the parameters are added, not their squares."""
    twin = copy.deepcopy(model)
    start = torch.autograd.grad(loss_fn(twin), list(twin.parameters()))
    worst = 0.0
    for eta in step_sizes:
        moved = copy.deepcopy(model)
        with torch.no_grad():
            for p, g in zip(moved.parameters(), start):
                p.sub_(eta * g)
        after = torch.autograd.grad(loss_fn(moved), list(moved.parameters()))
        worst = max(worst, sum((a - b).norm().item() for a, b in zip(after, start)))
    return worst


@wrong("8.4", "that of the step before")
def gradient_change(model, loss_fn, step_sizes):
    """Each gradient is compared with that of the step before, not with the first."""
    twin = copy.deepcopy(model)
    start = before = torch.autograd.grad(loss_fn(twin), list(twin.parameters()))
    worst = 0.0
    for eta in step_sizes:
        moved = copy.deepcopy(model)
        with torch.no_grad():
            for p, g in zip(moved.parameters(), start):
                p.sub_(eta * g)
        after = torch.autograd.grad(loss_fn(moved), list(moved.parameters()))
        worst = max(worst, sum(((a - b) ** 2).sum() for a, b in zip(after, before)).sqrt().item())
        before = after
    return worst


@wrong("8.5", "You multiply by")
def effective_learning_rate(lr, weight):
    """The rate is multiplied."""
    return lr * float((weight.detach() ** 2).sum())


@wrong("8.5", "largest singular value")
def effective_learning_rate(lr, weight):
    """The spectral norm, which is the largest singular value, for a matrix."""
    return lr / torch.linalg.norm(weight.detach(), 2).item() ** 2


@wrong("9.1", "joined into one batch, and the standard deviation")
def prediction_noise(model, image, companions):
    """All companies are joined into one batch, and the deviation is over the companions' logits."""
    twin = copy.deepcopy(model).eval()
    for m in twin.modules():
        if isinstance(m, nn.modules.batchnorm._BatchNorm):
            m.train()
    with torch.no_grad():
        return twin(torch.cat([image[None], *companions])).std(0)


@wrong("9.1", "row 0 is read")
def prediction_noise(model, image, companions):
    """The image stands last, but the first answer is read."""
    twin = copy.deepcopy(model).eval()
    for m in twin.modules():
        if isinstance(m, nn.modules.batchnorm._BatchNorm):
            m.train()
    with torch.no_grad():
        return torch.stack([twin(torch.cat([c, image[None]]))[0] for c in companions]).std(0)


@wrong("9.2", "probability of staying")
def variance_shift(x, p, eps=1e-5):
    """p is taken for the probability to stay."""
    x = x.double()
    dims = [0, *range(2, x.dim())]
    mean, var = x.mean(dims), x.var(dims, correction=0)
    return ((var + (1 - p) * mean**2) / p + eps) / (var + eps)


@wrong("9.2", "Statistics for every position")
def variance_shift(x, p, eps=1e-5):
    """Each position has its own ratio: the statistics are over the batch alone."""
    x = x.double()
    mean, var = x.mean(0), x.var(0, unbiased=False)
    return ((var + p * mean**2) / (1 - p) + eps) / (var + eps)


@wrong("9.2", "only one of the two terms")
def variance_shift(x, p, eps=1e-5):
    """The mean square is not divided by 1 - p, as if the values were not made larger; the mean is."""
    x = x.double()
    dims = [0, *range(2, x.dim())]
    mean, var = x.mean(dims), x.var(dims, unbiased=False)
    training = var + p / (1 - p) * mean**2
    return (training + eps) / (var + eps)
