"""Still more wrong answers to chapters 6 and 7, written before any look at checks, mistakes or this bank."""

# ruff: noqa: F811  one name has many answers

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from tests.course.honest_wrong import wrong


@wrong("6.1", "All images are turned by the first angle; each has")
def relight_and_rotate(images, gammas, degrees):
    """The first angle serves all."""
    from scipy import ndimage

    lit = images.numpy() ** gammas.numpy()[:, None, None, None]
    turned = ndimage.rotate(lit, float(degrees[0]), axes=(2, 3), reshape=False, order=1, mode="nearest")
    return torch.from_numpy(turned).to(images.dtype)


@wrong("6.1", "The pixels are multiplied by gamma and cut at 1;")
def relight_and_rotate(images, gammas, degrees):
    """Multiplies by gamma instead of raising to the power."""
    from scipy.ndimage import rotate

    out = torch.empty_like(images)
    for n in range(len(images)):
        lit = (images[n, 0] * gammas[n]).clamp(0, 1).numpy()
        out[n, 0] = torch.tensor(rotate(lit, float(degrees[n]), reshape=False, order=1))
    return out


@wrong("6.1")
def relight_and_rotate(images, gammas, degrees):
    """SciPy's rotate enlarges the frame, which is then shrunk."""
    from scipy import ndimage

    n, c, h, w = images.shape
    out = []
    for img, g, d in zip(images, gammas, degrees):
        r = ndimage.rotate((img[0] ** g).numpy(), float(d), order=1)
        r = torch.from_numpy(r)[None, None]
        out.append(F.interpolate(r, size=(h, w), mode="bilinear", align_corners=False))
    return torch.cat(out)


@wrong("6.2", "A softmax stands at the end. Cross-entropy takes")
def make_cnn(num_classes, batch_norm):
    """A softmax at the end."""
    layers = []
    ch = 1
    for width in (16, 32):
        layers.append(nn.Conv2d(ch, width, kernel_size=3, padding=1, bias=not batch_norm))
        if batch_norm:
            layers.append(nn.BatchNorm2d(width))
        layers += [nn.ReLU(inplace=True), nn.MaxPool2d(2)]
        ch = width
    layers += [nn.AdaptiveAvgPool2d((1, 1)), nn.Flatten(), nn.Linear(ch, num_classes), nn.Softmax(dim=1)]
    return nn.Sequential(*layers)


@wrong("6.2", "The bias is missing in the network without")
def make_cnn(num_classes, batch_norm):
    """batch_norm=False: the Conv has no bias either."""

    def block(i, o):
        layers = [nn.Conv2d(i, o, 3, padding=1, bias=False)]
        if batch_norm:
            layers.append(nn.BatchNorm2d(o))
        layers.append(nn.ReLU())
        return nn.Sequential(*layers)

    return nn.Sequential(
        block(1, 16), nn.MaxPool2d(2), block(16, 32), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(32, num_classes)
    )


@wrong("6.3", "nll_loss takes log-probabilities; on logits it is")
def train_epoch(model, loader, optimizer, device):
    """nll_loss of the logits without log_softmax."""
    model.train()
    total, n = 0.0, 0
    for x, y in loader:
        x, y = x.to(device), y.to(device)
        optimizer.zero_grad()
        loss = F.nll_loss(model(x), y)
        loss.backward()
        optimizer.step()
        total += loss.item() * y.size(0)
        n += y.size(0)
    return total / n


@wrong("6.3", "A softmax comes before the cross-entropy, which")
def train_epoch(model, loader, optimizer, device):
    """cross_entropy of softmaxed outputs."""
    model.train()
    losses, sizes = [], []
    for x, y in loader:
        optimizer.zero_grad()
        p = torch.softmax(model(x.to(device)), dim=1)
        loss = F.cross_entropy(p, y.to(device))
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
        sizes.append(len(y))
    return float(np.average(losses, weights=sizes))


@wrong("6.4", "The result is the mean of the batches' accuracies:")
def evaluate(model, loader, device):
    """Mean of the batch accuracies."""
    state = {m: m.training for m in model.modules()}
    model.eval()
    accs = []
    with torch.no_grad():
        for x, y in loader:
            accs.append((model(x.to(device)).argmax(1) == y.to(device)).float().mean().item())
    for m, t in state.items():
        m.training = t
    return sum(accs) / len(accs)


@wrong("6.4", "`model.eval()` is missing: batch statistics and")
def evaluate(model, loader, device):
    """No eval()."""
    correct = total = 0
    with torch.no_grad():
        for x, y in loader:
            correct += (model(x.to(device)).argmax(1) == y.to(device)).sum().item()
            total += len(y)
    return correct / total


@wrong("7.1", "You return the place in the record; the exercise")
def steps_to_target(steps, accuracy, target, patience=1):
    """The place, not the step."""
    run = 0
    for i in range(len(accuracy)):
        if accuracy[i] >= target:
            run += 1
        else:
            run = 0
        if run >= patience:
            return i - patience + 1
    return None


@wrong("7.1", "NaN counts as reached: `not value < target` is true")
def steps_to_target(steps, accuracy, target, patience=1):
    """NaN is not below the target, so it counts as reached."""
    start, run = None, 0
    for s, a in zip(steps, accuracy):
        if a < target:
            run = 0
            continue
        if run == 0:
            start = s
        run += 1
        if run == patience:
            return start
    return None


@wrong("7.2", "You draw without replacement: every resample is the")
def speedup_interval(baseline, treated, rng, draws=2000):
    """Without replacement: a permutation of the same values."""
    ratio = np.median(baseline) / np.median(treated)
    r = []
    for _ in range(draws):
        b = rng.choice(baseline, len(baseline), replace=False)
        t = rng.choice(treated, len(treated), replace=False)
        r.append(np.median(b) / np.median(t))
    return ratio, np.percentile(r, 2.5), np.percentile(r, 97.5)


@wrong("7.2", "The interval holds 90 % of the resamples: cut off")
def speedup_interval(baseline, treated, rng, draws=2000):
    """90 % interval: 5 and 95."""
    b = np.median(rng.choice(baseline, (draws, len(baseline))), axis=1)
    t = np.median(rng.choice(treated, (draws, len(treated))), axis=1)
    low, high = np.percentile(b / t, (5, 95))
    return np.median(baseline) / np.median(treated), low, high


@wrong("7.3", "An accuracy lower than the best by the tolerance")
def usable_rates(rates, accuracies, tolerance):
    """Below the tolerance, not at it."""
    idx = np.argsort(rates)
    r, a = np.array(rates)[idx], np.array(accuracies)[idx]
    best = np.nanargmax(a)
    lo = hi = best
    while lo > 0 and a[best] - a[lo - 1] < tolerance:
        lo -= 1
    while hi + 1 < len(r) and a[best] - a[hi + 1] < tolerance:
        hi += 1
    return r[lo], r[hi]


@wrong("7.3", "The tolerance is taken as a share of the best")
def usable_rates(rates, accuracies, tolerance):
    """Relative tolerance."""
    idx = np.argsort(rates)
    r, a = np.array(rates)[idx], np.array(accuracies)[idx]
    ok = a >= (1 - tolerance) * np.nanmax(a)
    lo = hi = int(np.nanargmax(a))
    while lo > 0 and ok[lo - 1]:
        lo -= 1
    while hi + 1 < len(r) and ok[hi + 1]:
        hi += 1
    return r[lo], r[hi]
