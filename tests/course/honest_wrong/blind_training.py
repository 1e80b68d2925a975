"""Wrong answers to chapters 6 and 7, written before any look at checks, mistakes or this bank."""

# ruff: noqa: F811  one name has many answers

import math

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from tests.course.honest_wrong import wrong


@wrong("6.1", "cos and sin take radians, your angles are")
def relight_and_rotate(images, gammas, degrees):
    """Degrees go into cos and sin as they are, not as radians."""
    N, _, H, W = images.shape
    lit = images ** gammas.view(N, 1, 1, 1)
    theta = torch.zeros(N, 2, 3)
    theta[:, 0, 0], theta[:, 0, 1] = torch.cos(degrees), -torch.sin(degrees) * H / W
    theta[:, 1, 0], theta[:, 1, 1] = torch.sin(degrees) * W / H, torch.cos(degrees)
    grid = F.affine_grid(theta, images.shape, align_corners=False)
    return F.grid_sample(lit, grid, align_corners=False)


@wrong("6.1", "The images are sheared: for H ≠ W a plain")
def relight_and_rotate(images, gammas, degrees):
    """Sheared where H and W differ: the sides of the grid are not taken into account."""
    rad = degrees * math.pi / 180
    c, s, o = torch.cos(rad), torch.sin(rad), torch.zeros_like(rad)
    theta = torch.stack([torch.stack([c, -s, o], dim=-1), torch.stack([s, c, o], dim=-1)], dim=1)
    grid = F.affine_grid(theta, list(images.shape), align_corners=True)
    out = F.grid_sample(images, grid, mode="bilinear", padding_mode="zeros", align_corners=True)
    return out.clamp(0, 1) ** gammas[:, None, None, None]


@wrong("6.1", "The pixels are raised to 1/gamma: a gamma above")
def relight_and_rotate(images, gammas, degrees):
    """1 / gamma in the exponent, gammas above 1 brighten."""
    from scipy import ndimage

    out = []
    for img, g, d in zip(images, gammas, degrees):
        bright = img[0].numpy() ** (1.0 / g.item())
        out.append(ndimage.rotate(bright, d.item(), reshape=False, order=1, mode="nearest"))
    return torch.tensor(np.stack(out))[:, None]


@wrong("6.2", "The last layer is made for images of 28 x 28")
def make_cnn(num_classes, batch_norm):
    """Flattens a fixed size: Linear(16 * 7 * 7), works for 28 x 28 only."""

    def bn(c):
        return nn.BatchNorm2d(c) if batch_norm else nn.Identity()

    return nn.Sequential(
        nn.Conv2d(1, 8, 3, padding=1, bias=not batch_norm),
        bn(8),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(8, 16, 3, padding=1, bias=not batch_norm),
        bn(16),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(16 * 7 * 7, num_classes),
    )


@wrong("6.2", "The convolutions have a bias although")
def make_cnn(num_classes, batch_norm):
    """The convolutions keep their bias with batch normalization."""
    layers = []
    c_in = 1
    for c_out in (16, 32, 32):
        layers.append(nn.Conv2d(c_in, c_out, kernel_size=3, padding=1))
        if batch_norm:
            layers.append(nn.BatchNorm2d(c_out))
        layers.append(nn.ReLU())
        c_in = c_out
    layers += [nn.AdaptiveAvgPool2d((1, 1)), nn.Flatten(), nn.Linear(c_in, num_classes)]
    return nn.Sequential(*layers)


@wrong("6.2", "stands behind the ReLU", "A softmax stands at the end", named=False)
def make_cnn(num_classes, batch_norm):
    """Convolution, ReLU, batch normalization; and a softmax at the end."""

    def block(i, o):
        mods = [nn.Conv2d(i, o, 3, padding=1, bias=not batch_norm), nn.ReLU(inplace=True)]
        if batch_norm:
            mods.append(nn.BatchNorm2d(o))
        return nn.Sequential(*mods)

    return nn.Sequential(
        block(1, 8), block(8, 16), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(16, num_classes), nn.Softmax(dim=1)
    )


@wrong("6.3", "The result is the mean of the batch means: a")
def train_epoch(model, loader, optimizer, device):
    """The mean of the batch means."""
    model.train()
    losses = []
    criterion = nn.CrossEntropyLoss()
    for X, y in loader:
        X, y = X.to(device), y.to(device)
        optimizer.zero_grad()
        loss = criterion(model(X), y)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return float(np.mean(losses))


@wrong("6.3", "zero_grad stands before the loop: from the")
def train_epoch(model, loader, optimizer, device):
    """zero_grad once before the loop: gradients add up."""
    model.train()
    optimizer.zero_grad()
    running, seen = 0.0, 0
    for X, y in loader:
        X, y = X.to(device), y.to(device)
        loss = F.cross_entropy(model(X), y)
        loss.backward()
        optimizer.step()
        running += loss.item() * X.size(0)
        seen += X.size(0)
    return running / seen


@wrong("6.3", "Nothing is learnt: `optimizer.step()` is")
def train_epoch(model, loader, optimizer, device):
    """No model.train(), and zero_grad between backward and step."""
    running, seen = 0.0, 0
    for inputs, targets in loader:
        inputs, targets = inputs.to(device), targets.to(device)
        outputs = model(inputs)
        loss = F.cross_entropy(outputs, targets)
        loss.backward()
        optimizer.zero_grad()
        optimizer.step()
        running += loss.item() * len(targets)
        seen += len(targets)
    return running / seen


@wrong("6.4", "The model is always left in training mode, also")
def evaluate(model, loader, device):
    """model.train() at the end, whatever was."""
    model.eval()
    correct = total = 0
    with torch.no_grad():
        for X, y in loader:
            pred = model(X.to(device)).argmax(dim=1)
            correct += (pred == y.to(device)).sum().item()
            total += y.size(0)
    model.train()
    return correct / total


@wrong("6.4", "`model.eval()` is missing: batch statistics and")
def evaluate(model, loader, device):
    """Forgets eval()."""
    accs, n = 0.0, 0
    with torch.inference_mode():
        for X, y in loader:
            logits = model(X.to(device))
            accs += (logits.argmax(1).cpu() == y.cpu()).float().sum().item()
            n += len(y)
    return accs / n


@wrong("6.4", "Two slips: the mean of the batches' accuracies")
def evaluate(model, loader, device):
    """Mean of the batches' accuracies, and the mode of the top module only is put back."""
    was_training = model.training
    model.eval()
    accs = []
    with torch.no_grad():
        for X, y in loader:
            pred = model(X.to(device)).argmax(dim=1)
            accs.append((pred == y.to(device)).float().mean().item())
    model.train(was_training)
    return sum(accs) / len(accs)


@wrong("7.1", "You return the step at which the run is")
def steps_to_target(steps, accuracy, target, patience=1):
    """Returns the step of the last test of the run."""
    streak = 0
    for s, a in zip(steps, accuracy):
        if a >= target:
            streak += 1
            if streak >= patience:
                return s
        else:
            streak = 0
    return None


@wrong("7.1", "A run that the end of the record cuts short")
def steps_to_target(steps, accuracy, target, patience=1):
    """A run cut short by the end counts: slices shorter than patience."""
    acc = np.asarray(accuracy)
    for i in range(len(acc)):
        if np.all(acc[i : i + patience] >= target):
            return steps[i]
    return None


@wrong("7.1", "You count the tests that reach the target, but")
def steps_to_target(steps, accuracy, target, patience=1):
    """The counter is never reset."""
    hits = []
    for i, a in enumerate(accuracy):
        if a >= target:
            hits.append(i)
        if len(hits) == patience:
            return steps[hits[0]]
    return None


@wrong("7.1", "The accuracy has to be above the target; at the")
def steps_to_target(steps, accuracy, target, patience=1):
    """Above the target, not at least."""
    run_start, run = None, 0
    for s, a in zip(steps, accuracy):
        if a > target:
            if run == 0:
                run_start = s
            run += 1
        else:
            run = 0
        if run == patience:
            return run_start
    return None


@wrong("7.2", "Of the groups you take medians, of the resamples")
def speedup_interval(baseline, treated, rng, draws=2000):
    """Means instead of medians in the resamples."""
    a, b = np.asarray(baseline, float), np.asarray(treated, float)
    boot = np.empty(draws)
    for i in range(draws):
        boot[i] = rng.choice(a, len(a)).mean() / rng.choice(b, len(b)).mean()
    lo, hi = np.quantile(boot, [0.025, 0.975])
    return np.median(a) / np.median(b), lo, hi


@wrong("7.2", "The ratio is upside down: a speed-up above 1")
def speedup_interval(baseline, treated, rng, draws=2000):
    """Ratio upside down: treated over baseline."""
    ratio = np.median(treated) / np.median(baseline)
    boots = []
    for _ in range(draws):
        b = rng.choice(baseline, size=len(baseline), replace=True)
        t = rng.choice(treated, size=len(treated), replace=True)
        boots.append(np.median(t) / np.median(b))
    return ratio, np.percentile(boots, 2.5), np.percentile(boots, 97.5)


@wrong("7.2", "5 % of the resamples are cut off at each end")
def speedup_interval(baseline, treated, rng, draws=2000):
    """90 % interval: percentiles 5 and 95."""
    boots = [
        np.median(rng.choice(baseline, len(baseline))) / np.median(rng.choice(treated, len(treated)))
        for _ in range(draws)
    ]
    low, high = np.percentile(boots, [5, 95])
    return np.median(baseline) / np.median(treated), low, high


@wrong("7.2", "You draw without replacement: every resample is")
def speedup_interval(baseline, treated, rng, draws=2000):
    """Draws without replacement (permutations): the median never changes."""
    baseline, treated = np.asarray(baseline), np.asarray(treated)
    r = np.array([np.median(rng.permutation(baseline)) / np.median(rng.permutation(treated)) for _ in range(draws)])
    return np.median(baseline) / np.median(treated), np.percentile(r, 2.5), np.percentile(r, 97.5)


@wrong("7.3", "You take the lowest and the highest of all")
def usable_rates(rates, accuracies, tolerance):
    """All rates within the tolerance, gaps or not."""
    rates, acc = np.asarray(rates, float), np.asarray(accuracies, float)
    ok = np.nanmax(acc) - acc <= tolerance
    return rates[ok].min(), rates[ok].max()


@wrong("7.3", "You take the rates in the order of the list")
def usable_rates(rates, accuracies, tolerance):
    """Does not sort the rates."""
    acc = np.asarray(accuracies, dtype=float)
    best = int(np.nanargmax(acc))
    lo = hi = best
    while lo - 1 >= 0 and acc[best] - acc[lo - 1] <= tolerance:
        lo -= 1
    while hi + 1 < len(acc) and acc[best] - acc[hi + 1] <= tolerance:
        hi += 1
    return rates[lo], rates[hi]


@wrong("7.3", "Each accuracy is compared with that of its")
def usable_rates(rates, accuracies, tolerance):
    """Compares neighbours: goes on as long as the accuracy falls by at most the tolerance from rate to rate."""
    pairs = sorted(zip(rates, accuracies))
    r, a = [p[0] for p in pairs], [p[1] for p in pairs]
    best = int(np.nanargmax(a))
    lo, hi = best, best
    while lo > 0 and a[lo] - a[lo - 1] <= tolerance:
        lo -= 1
    while hi < len(a) - 1 and a[hi] - a[hi + 1] <= tolerance:
        hi += 1
    return r[lo], r[hi]
