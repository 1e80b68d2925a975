"""Wrong answers to chapters 6 and 7, a fifth sample, written before a look at checks or mistakes."""

# ruff: noqa: F811  one name has many answers

import math

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from tests.course.honest_wrong import wrong


def turned(images, theta):
    grid = F.affine_grid(theta, list(images.shape), align_corners=False)
    return F.grid_sample(images, grid, align_corners=False)


def square(images, angle):
    """The turn of affine_grid for images of any two sides."""
    h, w = images.shape[2:]
    cos, sin, zero = torch.cos(angle), torch.sin(angle), torch.zeros_like(angle)
    return torch.stack([torch.stack([cos, -sin * h / w, zero], 1), torch.stack([sin * w / h, cos, zero], 1)], 1)


@wrong("6.1", "cos and sin take radians, your angles are degrees:")
def relight_and_rotate(images, gammas, degrees):
    """Radians are forgotten: degrees go into cos and sin."""
    return turned(images ** gammas.view(-1, 1, 1, 1), square(images, degrees))


@wrong("6.1", "The images are sheared: affine_grid measures both")
def relight_and_rotate(images, gammas, degrees):
    """A plain rotation matrix: images that are not square are sheared."""
    a = torch.deg2rad(degrees)
    zero = torch.zeros_like(a)
    theta = torch.stack([torch.stack([a.cos(), -a.sin(), zero], 1), torch.stack([a.sin(), a.cos(), zero], 1)], 1)
    return turned(images ** gammas.view(-1, 1, 1, 1), theta)


@wrong("6.1", "The pixels are multiplied by gamma and cut at 1;")
def relight_and_rotate(images, gammas, degrees):
    """The light multiplies in place of being an exponent."""
    light = (images * gammas.view(-1, 1, 1, 1)).clamp(0, 1)
    return turned(light, square(images, torch.deg2rad(degrees)))


@wrong("6.1", "All images are turned by the first angle; each has")
def relight_and_rotate(images, gammas, degrees):
    """All images are turned by the first angle."""
    light = images ** gammas[:, None, None, None]
    angle = torch.full_like(degrees, float(degrees[0]) * math.pi / 180)
    return turned(light, square(images, angle))


@wrong("6.1", "The pixels are raised to 1/gamma: a gamma above 1")
def relight_and_rotate(images, gammas, degrees):
    """1 / gamma, as displays do it: gammas above 1 brighten."""
    light = images ** (1 / gammas.view(-1, 1, 1, 1))
    return turned(light, square(images, torch.deg2rad(degrees)))


class Net(nn.Module):
    def __init__(self, num_classes, blocks):
        super().__init__()
        self.blocks = nn.Sequential(*blocks)
        self.last = nn.Linear(32, num_classes)

    def forward(self, x):
        return self.last(self.blocks(x).mean((2, 3)))


@wrong("6.2", "Every convolution has a bias, although")
def make_cnn(num_classes, batch_norm):
    """The bias stays with batch normalization too."""
    blocks, channels = [], 1
    for width in (16, 32):
        blocks.append(nn.Conv2d(channels, width, 3, padding=1))
        if batch_norm:
            blocks.append(nn.BatchNorm2d(width))
        blocks += [nn.ReLU(), nn.MaxPool2d(2)]
        channels = width
    return Net(num_classes, blocks)


@wrong("6.2", "Normalization stands behind the ReLU. Asked for is")
def make_cnn(num_classes, batch_norm):
    """Convolution, ReLU, then normalization."""
    blocks, channels = [], 1
    for width in (16, 32):
        blocks += [nn.Conv2d(channels, width, 3, padding=1, bias=not batch_norm), nn.ReLU()]
        if batch_norm:
            blocks.append(nn.BatchNorm2d(width))
        blocks.append(nn.MaxPool2d(2))
        channels = width
    return Net(num_classes, blocks)


@wrong("6.2", "The last layer is made for images of 28 x 28 alone.")
def make_cnn(num_classes, batch_norm):
    """The size of the flattened features is fixed for images of 28 x 28."""
    bias = not batch_norm

    def norm(c):
        return [nn.BatchNorm2d(c)] if batch_norm else []

    return nn.Sequential(
        *[nn.Conv2d(1, 16, 3, padding=1, bias=bias), *norm(16), nn.ReLU(), nn.MaxPool2d(2)],
        *[nn.Conv2d(16, 32, 3, padding=1, bias=bias), *norm(32), nn.ReLU(), nn.MaxPool2d(2)],
        nn.Flatten(),
        nn.Linear(32 * 7 * 7, num_classes),
    )


@wrong("6.2", "A softmax stands at the end. Cross-entropy takes")
def make_cnn(num_classes, batch_norm):
    """A softmax at the end."""
    blocks, channels = [], 1
    for width in (16, 32):
        blocks.append(nn.Conv2d(channels, width, 3, padding=1, bias=not batch_norm))
        blocks += [nn.BatchNorm2d(width)] if batch_norm else []
        blocks += [nn.ReLU(), nn.MaxPool2d(2)]
        channels = width
    return nn.Sequential(Net(num_classes, blocks), nn.Softmax(dim=1))


@wrong("6.3", "The result is the mean of the batch means: a")
def train_epoch(model, loader, optimizer, device):
    """The mean of the batch means."""
    model.train()
    losses = []
    for images, labels in loader:
        images, labels = images.to(device), labels.to(device)
        optimizer.zero_grad()
        loss = F.cross_entropy(model(images), labels)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return sum(losses) / len(losses)


@wrong("6.3", "zero_grad is called only after the step: gradients")
def train_epoch(model, loader, optimizer, device):
    """zero_grad stands after step only: old gradients enter the first step."""
    model.train()
    total = n = 0
    for images, labels in loader:
        images, labels = images.to(device), labels.to(device)
        loss = F.cross_entropy(model(images), labels)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        total += loss.item() * len(labels)
        n += len(labels)
    return total / n


@wrong("6.3", "The mode is left as it comes: a model that arrives")
def train_epoch(model, loader, optimizer, device):
    """No model.train()."""
    total, n = 0.0, 0
    for x, y in loader:
        x, y = x.to(device), y.to(device)
        optimizer.zero_grad(set_to_none=True)
        loss = F.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
        total += float(loss) * x.size(0)
        n += x.size(0)
    return total / n


@wrong("6.3", "The loss is computed anew after the step. The")
def train_epoch(model, loader, optimizer, device):
    """The loss that is returned was computed anew after the step."""
    model.train()
    total, n = 0.0, 0
    criterion = nn.CrossEntropyLoss()
    for x, y in loader:
        x, y = x.to(device), y.to(device)
        optimizer.zero_grad()
        criterion(model(x), y).backward()
        optimizer.step()
        with torch.no_grad():
            total += criterion(model(x), y).item() * len(y)
        n += len(y)
    return total / n


@wrong("6.4", "The model is always left in training mode, also")
def evaluate(model, loader, device):
    """The model is left in training mode, whatever mode it was in."""
    model.eval()
    right = total = 0
    with torch.no_grad():
        for images, labels in loader:
            logits = model(images.to(device))
            right += (logits.argmax(1) == labels.to(device)).sum().item()
            total += len(labels)
    model.train()
    return right / total


@wrong("6.4", "`train(mode)` reaches all modules inside: with that")
def evaluate(model, loader, device):
    """The mode of the whole is kept and given to all: frozen layers thaw."""
    was_training = model.training
    model.eval()
    right, total = 0, 0
    with torch.inference_mode():
        for images, labels in loader:
            pred = model(images.to(device)).argmax(dim=1)
            right += int((pred == labels.to(device)).sum())
            total += labels.size(0)
    model.train(was_training)
    return right / total


@wrong("6.4", "The result is the mean of the batches' accuracies:")
def evaluate(model, loader, device):
    """The mean of the batches' accuracies."""
    modes = [(m, m.training) for m in model.modules()]
    model.eval()
    shares = []
    with torch.no_grad():
        for images, labels in loader:
            pred = model(images.to(device)).argmax(dim=1)
            shares.append((pred == labels.to(device)).float().mean().item())
    for m, mode in modes:
        m.training = mode
    return sum(shares) / len(shares)


@wrong("7.1", "You return the step at which the run is complete;")
def steps_to_target(steps, accuracy, target, patience=1):
    """The last step of the run is returned."""
    count = 0
    for step, a in zip(steps, accuracy):
        if a >= target:
            count += 1
            if count == patience:
                return step
        else:
            count = 0
    return None


@wrong("7.1", "You count the tests that reach the target, but not")
def steps_to_target(steps, accuracy, target, patience=1):
    """The tests need not be in a row: the counter is never set back."""
    reached = [s for s, a in zip(steps, accuracy) if a >= target]
    return reached[0] if len(reached) >= patience else None


@wrong("7.1", "A run that the end of the record cuts short counts")
def steps_to_target(steps, accuracy, target, patience=1):
    """Runs that the end cuts short count: slices are shorter there."""
    for i in range(len(steps)):
        if all(a >= target for a in accuracy[i : i + patience]):
            return steps[i]
    return None


@wrong("7.1", "The accuracy has to be above the target; at the")
def steps_to_target(steps, accuracy, target, patience=1):
    """Strictly above the target."""
    accuracy = np.asarray(accuracy)
    for i in range(len(accuracy) - patience + 1):
        if (accuracy[i : i + patience] > target).all():
            return steps[i]
    return None


@wrong("7.2", "These are ratios of means, of the groups and of the")
def speedup_interval(baseline, treated, rng, draws=2000):
    """Means in place of medians."""
    baseline, treated = np.asarray(baseline), np.asarray(treated)
    ratios = [
        rng.choice(baseline, len(baseline)).mean() / rng.choice(treated, len(treated)).mean() for _ in range(draws)
    ]
    low, high = np.percentile(ratios, [2.5, 97.5])
    return baseline.mean() / treated.mean(), low, high


@wrong("7.2", "Both groups are resampled with the same places, as")
def speedup_interval(baseline, treated, rng, draws=2000):
    """Pairs: the same indices for both."""
    baseline, treated = np.asarray(baseline), np.asarray(treated)
    n = min(len(baseline), len(treated))
    ratios = np.empty(draws)
    for d in range(draws):
        idx = rng.integers(0, n, n)
        ratios[d] = np.median(baseline[idx]) / np.median(treated[idx])
    return np.median(baseline) / np.median(treated), *np.quantile(ratios, [0.025, 0.975])


@wrong("7.2", "The ends are the ratio ± 1.96 standard deviations")
def speedup_interval(baseline, treated, rng, draws=2000):
    """Normal theory: 1.96 deviations of the resampled ratios round the ratio."""
    baseline, treated = np.asarray(baseline), np.asarray(treated)
    ratio = np.median(baseline) / np.median(treated)
    b = np.median(rng.choice(baseline, (draws, len(baseline))), axis=1)
    t = np.median(rng.choice(treated, (draws, len(treated))), axis=1)
    sd = np.std(b / t)
    return ratio, ratio - 1.96 * sd, ratio + 1.96 * sd


@wrong("7.3", "You take the lowest and the highest of all usable")
def usable_rates(rates, accuracies, tolerance):
    """All rates within tolerance: gaps are skipped."""
    rates, acc = np.asarray(rates), np.asarray(accuracies)
    good = rates[acc >= np.nanmax(acc) - tolerance]
    return good.min(), good.max()


@wrong("7.3", "You take the rates in the order of the list;")
def usable_rates(rates, accuracies, tolerance):
    """The rates are taken in the order in which they come."""
    best = int(np.nanargmax(accuracies))
    low = high = best
    while low > 0 and accuracies[best] - accuracies[low - 1] <= tolerance:
        low -= 1
    while high < len(rates) - 1 and accuracies[best] - accuracies[high + 1] <= tolerance:
        high += 1
    return rates[low], rates[high]


@wrong("7.3", "NaN is taken for the best accuracy: `argmax` stops")
def usable_rates(rates, accuracies, tolerance):
    """argmax takes NaN for the best."""
    order = np.argsort(rates)
    r, a = np.asarray(rates)[order], np.asarray(accuracies)[order]
    best = int(np.argmax(a))
    low = high = best
    while low > 0 and a[best] - a[low - 1] <= tolerance:
        low -= 1
    while high < len(r) - 1 and a[best] - a[high + 1] <= tolerance:
        high += 1
    return r[low], r[high]
