"""More wrong answers to chapters 6 and 7 written before any look at checks, mistakes or this bank."""

# ruff: noqa: F811  one name has many answers

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from tests.course.honest_wrong import wrong


@wrong("6.1", "cos and sin take radians, your angles are degrees:")
def relight_and_rotate(images, gammas, degrees):
    """Degrees taken as radians."""
    h, w = images.shape[-2:]
    c, s, z = torch.cos(degrees), torch.sin(degrees), torch.zeros_like(degrees)
    theta = torch.stack([torch.stack([c, -s * h / w, z], 1), torch.stack([s * w / h, c, z], 1)], 1)
    grid = F.affine_grid(theta.to(images), images.shape, align_corners=False)
    return F.grid_sample(images ** gammas.view(-1, 1, 1, 1), grid, align_corners=False)


@wrong("6.1", "The images are sheared: affine_grid measures both")
def relight_and_rotate(images, gammas, degrees):
    """Shears where H and W differ."""
    a = torch.deg2rad(degrees)
    theta = torch.zeros(len(images), 2, 3)
    theta[:, 0, 0] = a.cos()
    theta[:, 0, 1] = -a.sin()
    theta[:, 1, 0] = a.sin()
    theta[:, 1, 1] = a.cos()
    grid = F.affine_grid(theta, list(images.size()), align_corners=False)
    return F.grid_sample(images.pow(gammas[:, None, None, None]), grid, align_corners=False)


@wrong("6.1", "The pixels are raised to 1/gamma", "The images are sheared", named=False)
def relight_and_rotate(images, gammas, degrees):
    """Gamma correction by 1 / gamma, the same aspect on both sines."""
    h, w = images.shape[-2:]
    a = degrees * np.pi / 180
    c, s, z = torch.cos(a), torch.sin(a), torch.zeros_like(a)
    theta = torch.stack([torch.stack([c, -s * h / w, z], 1), torch.stack([s * h / w, c, z], 1)], 1)
    grid = F.affine_grid(theta, images.shape, align_corners=False)
    lit = images ** (1.0 / gammas).view(-1, 1, 1, 1)
    return F.grid_sample(lit, grid, padding_mode="border", align_corners=False)


@wrong("6.2", "Every convolution has a bias, although normalization")
def make_cnn(num_classes, batch_norm):
    """Bias kept in front of the normalization."""
    layers = [nn.Conv2d(1, 16, 3, padding=1)]
    if batch_norm:
        layers.append(nn.BatchNorm2d(16))
    layers += [nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(16, 32, 3, padding=1)]
    if batch_norm:
        layers.append(nn.BatchNorm2d(32))
    layers += [nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(32, num_classes)]
    return nn.Sequential(*layers)


@wrong("6.2", "Normalization stands behind the ReLU. Asked for")
def make_cnn(num_classes, batch_norm):
    """Normalization after the ReLU."""

    def block(i, o):
        parts = [nn.Conv2d(i, o, 3, padding=1, bias=not batch_norm), nn.ReLU()]
        if batch_norm:
            parts.append(nn.BatchNorm2d(o))
        return nn.Sequential(*parts, nn.MaxPool2d(2))

    return nn.Sequential(
        block(1, 8), block(8, 16), nn.AdaptiveAvgPool2d((1, 1)), nn.Flatten(), nn.Linear(16, num_classes)
    )


@wrong("6.2", "The last layer is made for images of 28 x 28", "A softmax stands at the end", named=False)
def make_cnn(num_classes, batch_norm):
    """Built for 28 x 28 only, softmax at the end."""

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv1 = nn.Conv2d(1, 8, 3, padding=1, bias=not batch_norm)
            self.conv2 = nn.Conv2d(8, 16, 3, padding=1, bias=not batch_norm)
            self.bn1 = nn.BatchNorm2d(8) if batch_norm else nn.Identity()
            self.bn2 = nn.BatchNorm2d(16) if batch_norm else nn.Identity()
            self.fc = nn.Linear(16 * 7 * 7, num_classes)

        def forward(self, x):
            x = F.max_pool2d(torch.relu(self.bn1(self.conv1(x))), 2)
            x = F.max_pool2d(torch.relu(self.bn2(self.conv2(x))), 2)
            return torch.softmax(self.fc(x.flatten(1)), 1)

    return Net()


@wrong("6.2", "Several convolutions share one layer of normalization,")
def make_cnn(num_classes, batch_norm):
    """One BatchNorm2d module shared by both blocks."""
    bn = nn.BatchNorm2d(16) if batch_norm else nn.Identity()
    return nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1, bias=not batch_norm),
        bn,
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(16, 16, 3, padding=1, bias=not batch_norm),
        bn,
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(16, num_classes),
    )


@wrong("6.3", "The result is the mean of the batch means: a smaller")
def train_epoch(model, loader, optimizer, device):
    """Mean of the batch means."""
    model.train()
    running, n = 0.0, 0
    for x, y in loader:
        x, y = x.to(device), y.to(device)
        optimizer.zero_grad()
        loss = F.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
        running += loss.item()
        n += 1
    return running / n


@wrong("6.3", "zero_grad stands before the loop: from the second")
def train_epoch(model, loader, optimizer, device):
    """Zero_grad once, before the loop."""
    model.train()
    optimizer.zero_grad()
    total = 0.0
    seen = 0
    for x, y in loader:
        x, y = x.to(device), y.to(device)
        loss = F.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
        total += loss.item() * x.size(0)
        seen += x.size(0)
    return total / seen


@wrong("6.3", "Nothing is learnt: `optimizer.step()` is missing,")
def train_epoch(model, loader, optimizer, device):
    """Zero_grad between backward and step: no step is taken; training mode forgotten."""
    total, seen = 0.0, 0
    for images, labels in loader:
        loss = F.cross_entropy(model(images.to(device)), labels.to(device))
        loss.backward()
        optimizer.zero_grad()
        optimizer.step()
        total += loss.item() * len(images)
        seen += len(images)
    return total / seen


@wrong("6.3", "The loss is computed anew after the step")
def train_epoch(model, loader, optimizer, device):
    """Loss measured again after the step."""
    model.train()
    total, n = 0.0, 0
    for x, y in loader:
        x, y = x.to(device), y.to(device)
        optimizer.zero_grad()
        F.cross_entropy(model(x), y).backward()
        optimizer.step()
        with torch.no_grad():
            total += F.cross_entropy(model(x), y, reduction="sum").item()
        n += len(y)
    return total / n


@wrong("6.4", "The model is always left in training mode, also")
def evaluate(model, loader, device):
    """Model.train() at the end, whatever the modes were."""
    model.eval()
    correct = total = 0
    with torch.no_grad():
        for x, y in loader:
            pred = model(x.to(device)).argmax(dim=1)
            correct += (pred == y.to(device)).sum().item()
            total += y.size(0)
    model.train()
    return correct / total


@wrong("6.4", "The result is the mean of the batches' accuracies:")
def evaluate(model, loader, device):
    """Mean of the batch accuracies."""
    modes = {m: m.training for m in model.modules()}
    model.eval()
    accs = []
    with torch.no_grad():
        for x, y in loader:
            accs.append((model(x.to(device)).argmax(1) == y.to(device)).float().mean().item())
    for m, t in modes.items():
        m.training = t
    return sum(accs) / len(accs)


@wrong("6.4", "The result is in percent")
def evaluate(model, loader, device):
    """Restores the top mode only; a percentage."""
    was_training = model.training
    model.eval()
    correct, total = 0, 0
    with torch.no_grad():
        for x, y in loader:
            out = model(x.to(device))
            correct += (out.max(1)[1] == y.to(device)).sum().item()
            total += len(y)
    model.train(was_training)
    return 100.0 * correct / total


@wrong("6.4", "`model.eval()` is missing: batch statistics and")
def evaluate(model, loader, device):
    """No eval, only no_grad."""
    hits, n = 0, 0
    with torch.no_grad():
        for x, y in loader:
            hits += int((model(x.to(device)).argmax(-1) == y.to(device)).sum())
            n += y.numel()
    return hits / n


@wrong("7.1", "You return the step at which the run is complete;")
def steps_to_target(steps, accuracy, target, patience=1):
    """Returns the step of the last test of the run."""
    run = 0
    for s, a in zip(steps, accuracy):
        run = run + 1 if a >= target else 0
        if run >= patience:
            return s
    return None


@wrong("7.1", "The accuracy has to be above the target; at the")
def steps_to_target(steps, accuracy, target, patience=1):
    """Strictly above the target."""
    for i in range(len(accuracy) - patience + 1):
        if all(a > target for a in accuracy[i : i + patience]):
            return steps[i]
    return None


@wrong("7.1", "A run that the end of the record cuts short counts")
def steps_to_target(steps, accuracy, target, patience=1):
    """A run cut short at the end counts."""
    accuracy = np.asarray(accuracy)
    for i in range(len(accuracy)):
        if np.all(accuracy[i : i + patience] >= target):
            return steps[i]
    return None


@wrong("7.1", "You count the tests that reach the target, but")
def steps_to_target(steps, accuracy, target, patience=1):
    """Counts patience tests in total, not in a row."""
    good = [s for s, a in zip(steps, accuracy) if a >= target]
    return good[0] if len(good) >= patience else None


@wrong("7.2", "These are ratios of means, of the groups and of")
def speedup_interval(baseline, treated, rng, draws=2000):
    """Means instead of medians."""
    b, t = np.asarray(baseline), np.asarray(treated)
    ratios = np.empty(draws)
    for k in range(draws):
        ratios[k] = rng.choice(b, len(b)).mean() / rng.choice(t, len(t)).mean()
    lo, hi = np.percentile(ratios, [2.5, 97.5])
    return b.mean() / t.mean(), lo, hi


@wrong("7.2", "5 % of the resamples are cut off at each end, which")
def speedup_interval(baseline, treated, rng, draws=2000):
    """90 % interval."""
    ratios = []
    for _ in range(draws):
        b = rng.choice(baseline, size=len(baseline), replace=True)
        t = rng.choice(treated, size=len(treated), replace=True)
        ratios.append(np.median(b) / np.median(t))
    return np.median(baseline) / np.median(treated), np.quantile(ratios, 0.05), np.quantile(ratios, 0.95)


@wrong("7.2", "The ratio is upside down", "Both groups are resampled with the same places", named=False)
def speedup_interval(baseline, treated, rng, draws=2000):
    """Treated over baseline; paired indices."""
    n = min(len(baseline), len(treated))
    ratios = []
    for _ in range(draws):
        idx = rng.integers(n, size=n)
        ratios.append(np.median(np.asarray(treated)[idx]) / np.median(np.asarray(baseline)[idx]))
    low, high = np.percentile(ratios, (2.5, 97.5))
    return np.median(treated) / np.median(baseline), low, high


@wrong("7.2", "Each resample leaves out one run")
def speedup_interval(baseline, treated, rng, draws=2000):
    """Bootstrap without replacement (permutation)."""
    rs = [
        np.median(rng.choice(baseline, len(baseline) - 1, replace=False))
        / np.median(rng.choice(treated, len(treated) - 1, replace=False))
        for _ in range(draws)
    ]
    lo, hi = np.percentile(rs, [2.5, 97.5])
    return np.median(baseline) / np.median(treated), lo, hi


@wrong("7.3", "You take the lowest and the highest of all usable")
def usable_rates(rates, accuracies, tolerance):
    """All rates within tolerance, gaps ignored."""
    rates, acc = np.asarray(rates), np.asarray(accuracies)
    ok = np.nanmax(acc) - acc <= tolerance
    return rates[ok].min(), rates[ok].max()


@wrong("7.3", "You take the rates in the order of the list; neighbours")
def usable_rates(rates, accuracies, tolerance):
    """Does not sort the rates."""
    acc = np.asarray(accuracies)
    best = int(np.nanargmax(acc))
    lo = hi = best
    while lo - 1 >= 0 and acc[best] - acc[lo - 1] <= tolerance:
        lo -= 1
    while hi + 1 < len(acc) and acc[best] - acc[hi + 1] <= tolerance:
        hi += 1
    return rates[lo], rates[hi]


@wrong("7.3", "Each accuracy is compared with that of its neighbour;")
def usable_rates(rates, accuracies, tolerance):
    """Argmax takes NaN for the best; compares with the neighbour instead of the best."""
    order = np.argsort(rates)
    r, a = np.asarray(rates)[order], np.asarray(accuracies)[order]
    i = j = np.argmax(a)
    while i > 0 and a[i] - a[i - 1] <= tolerance:
        i -= 1
    while j < len(a) - 1 and a[j] - a[j + 1] <= tolerance:
        j += 1
    return r[i], r[j]


@wrong("7.3", "An accuracy lower than the best by the tolerance")
def usable_rates(rates, accuracies, tolerance):
    """Strict tolerance."""
    pairs = sorted(zip(rates, accuracies))
    accs = [-np.inf if np.isnan(a) else a for _, a in pairs]
    best = max(accs)
    k = accs.index(best)
    lo, hi = k, k
    while lo > 0 and best - accs[lo - 1] < tolerance:
        lo -= 1
    while hi + 1 < len(accs) and best - accs[hi + 1] < tolerance:
        hi += 1
    return pairs[lo][0], pairs[hi][0]
