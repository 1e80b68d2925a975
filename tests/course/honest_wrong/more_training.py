"""Wrong answers to chapters 6 and 7; the docstring says what is wrong."""

# ruff: noqa: F811  one name has many answers

import math

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from tests.course.honest_wrong import wrong


@wrong("6.1", "images are sheared")
def relight_and_rotate(images, gammas, degrees):
    """The usual affine_grid: the sides of the image are taken to be of one length, which shears others."""
    theta = torch.deg2rad(degrees.float())
    matrix = torch.zeros(len(images), 2, 3)
    matrix[:, 0, 0], matrix[:, 0, 1] = torch.cos(theta), -torch.sin(theta)
    matrix[:, 1, 0], matrix[:, 1, 1] = torch.sin(theta), torch.cos(theta)
    grid = F.affine_grid(matrix, images.size(), align_corners=False)
    return F.grid_sample(images.float() ** gammas.float()[:, None, None, None], grid, align_corners=False)


@wrong("6.1", "makes the frame larger")
def relight_and_rotate(images, gammas, degrees):
    """scipy's rotate makes the frame larger, unless reshape=False."""
    from scipy import ndimage

    out = []
    for image, gamma, angle in zip(images.numpy(), gammas.tolist(), degrees.tolist()):
        out.append(ndimage.rotate(image[0] ** gamma, angle, order=1)[: image.shape[1], : image.shape[2]])
    return torch.from_numpy(np.stack(out))[:, None]


@wrong("6.1", "take radians")
def relight_and_rotate(images, gammas, degrees):
    """Degrees are handed to cos and sin as if they were radians."""
    h, w = images.shape[-2:]
    c, s, o = torch.cos(degrees), torch.sin(degrees), torch.zeros_like(degrees)
    theta = torch.stack([torch.stack([c, -s * h / w, o], -1), torch.stack([s * w / h, c, o], -1)], 1)
    grid = F.affine_grid(theta.to(images), list(images.shape), align_corners=False)
    return F.grid_sample(images.pow(gammas.to(images).reshape(-1, 1, 1, 1)), grid, align_corners=False)


@wrong("6.2", "has a bias, although normalization follows")
def make_cnn(num_classes, batch_norm):
    """The convolutions in front of a normalization keep their bias."""
    layers, channels = [], 1
    for width in (16, 32):
        layers += [nn.Conv2d(channels, width, kernel_size=3, padding=1)]
        if batch_norm:
            layers += [nn.BatchNorm2d(width)]
        layers += [nn.ReLU(inplace=True), nn.MaxPool2d(2)]
        channels = width
    layers += [nn.AdaptiveAvgPool2d((1, 1)), nn.Flatten(), nn.Linear(channels, num_classes)]
    return nn.Sequential(*layers)


@wrong("6.2", "made for images of 28 x 28")
def make_cnn(num_classes, batch_norm):
    """The linear layer is made for one size of image, 28 x 28."""

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv1 = nn.Conv2d(1, 8, 3, padding=1, bias=not batch_norm)
            self.bn1 = nn.BatchNorm2d(8) if batch_norm else nn.Identity()
            self.conv2 = nn.Conv2d(8, 16, 3, padding=1, bias=not batch_norm)
            self.bn2 = nn.BatchNorm2d(16) if batch_norm else nn.Identity()
            self.fc = nn.Linear(16 * 7 * 7, num_classes)

        def forward(self, x):
            x = F.max_pool2d(F.relu(self.bn1(self.conv1(x))), 2)
            x = F.max_pool2d(F.relu(self.bn2(self.conv2(x))), 2)
            return self.fc(x.view(x.size(0), -1))

    return Net()


@wrong("6.2", "for images of another size")
def make_cnn(num_classes, batch_norm):
    """As for CIFAR: the linear layer is made for 32 x 32, which no image here has."""
    layers = []
    for i, o in ((1, 8), (8, 16)):
        layers.append(nn.Conv2d(i, o, 3, padding=1, bias=not batch_norm))
        if batch_norm:
            layers.append(nn.BatchNorm2d(o))
        layers += [nn.ReLU(), nn.MaxPool2d(2)]
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(16 * 8 * 8, num_classes))


@wrong("6.2")
def make_cnn(num_classes, batch_norm):
    """The normalization stands behind the ReLU, and a softmax at the end."""

    def block(i, o):
        norm = [nn.BatchNorm2d(o)] if batch_norm else []
        return [nn.Conv2d(i, o, 3, bias=not batch_norm), nn.ReLU(), *norm]

    head = [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(16, num_classes), nn.Softmax(dim=1)]
    return nn.Sequential(*block(1, 8), *block(8, 16), *head)


def epoch(zero=True, mode=True, per_sample=True, by=None, late=False):
    """An epoch of training with one or another slip."""

    def train_epoch(model, loader, optimizer, device):
        criterion = nn.CrossEntropyLoss()
        if mode:
            model.train()
        running_loss, n = 0.0, 0
        for inputs, labels in loader:
            inputs, labels = inputs.to(device), labels.to(device)
            if zero:
                optimizer.zero_grad()
            outputs = model(inputs)
            loss = criterion(outputs, labels)
            loss.backward()
            optimizer.step()
            if late:
                loss = criterion(model(inputs), labels)
            running_loss += loss.item() * (inputs.size(0) if per_sample else 1)
            n += inputs.size(0) if per_sample else 1
        return running_loss / (by(loader) if by else n)

    return train_epoch


wrong("6.3", "Gradients pile up")(epoch(zero=False))  # gradients pile up
wrong("6.3", "mean of the batch means")(epoch(per_sample=False))  # the mean of the batch means
wrong("6.3", "mode is left as it comes")(epoch(mode=False))  # trains in the mode in which the model came
wrong("6.3", "divided by len(loader.dataset)")(
    epoch(by=lambda loader: len(loader.dataset))
)  # only a DataLoader has a dataset
wrong("6.3", "computed anew after the step")(epoch(late=True))  # the loss is taken again, after the step


@wrong("6.4", "always left in training mode")
def evaluate(model, loader, device):
    """At the end everything is put into training mode, frozen or not."""
    model.eval()
    correct = total = 0
    with torch.no_grad():
        for images, labels in loader:
            _, predicted = torch.max(model(images.to(device)).data, 1)
            total += labels.size(0)
            correct += (predicted == labels.to(device)).sum().item()
    model.train()
    return correct / total


@wrong("6.4", "`model.eval()` is missing")
@torch.no_grad()
def evaluate(model, loader, device):
    """No evaluation mode: the model reads in the mode in which it is."""
    correct, total = 0, 0
    for x, y in loader:
        correct += (model(x.to(device)).argmax(dim=-1) == y.to(device)).float().sum()
        total += len(y)
    return float(correct / total)


@wrong("6.4", "mean of the batches' accuracies")
def evaluate(model, loader, device):
    """The mean of the batches' accuracies, and the mode of the whole is all that is restored."""
    was_training = model.training
    model.eval()
    accuracies = []
    with torch.no_grad():
        for x, y in loader:
            accuracies.append((model(x.to(device)).argmax(1) == y.to(device)).float().mean().item())
    model.train(was_training)
    return sum(accuracies) / len(accuracies)


@wrong("7.1", "step at which the run is complete")
def steps_to_target(steps, accuracy, target, patience=1):
    """Returns the step of the last test of the run."""
    streak = 0
    for step, value in zip(steps, accuracy):
        streak = streak + 1 if value >= target else 0
        if streak >= patience:
            return step
    return None


@wrong("7.1", "cuts short counts for you")
def steps_to_target(steps, accuracy, target, patience=1):
    """A slice at the end is short, and a run that is cut off counts."""
    reached = np.asarray(accuracy) >= target
    for i in range(len(steps)):
        if reached[i : i + patience].all():
            return steps[i]
    return None


@wrong("7.1", "has to be above the target", named=False)
def steps_to_target(steps, accuracy, target, patience=1):
    """The tests that reach the target are counted, in a row or not, and must exceed it."""
    good = [s for s, a in zip(steps, accuracy) if a > target]
    return good[0] if len(good) >= patience else None


@wrong("7.2", "without replacement")
def speedup_interval(baseline, treated, rng, draws=2000):
    """One shuffle without replacement for each resample: the medians never change."""
    ratios = []
    for _ in range(draws):
        b = rng.choice(baseline, size=len(baseline), replace=False)
        t = rng.choice(treated, size=len(treated), replace=False)
        ratios.append(np.median(b) / np.median(t))
    return np.median(baseline) / np.median(treated), np.percentile(ratios, 2.5), np.percentile(ratios, 97.5)


@wrong("7.2", "upside down")
def speedup_interval(baseline, treated, rng, draws=2000):
    """Treated over baseline."""
    b = np.median(rng.choice(baseline, size=(draws, len(baseline)), replace=True), axis=1)
    t = np.median(rng.choice(treated, size=(draws, len(treated)), replace=True), axis=1)
    low, high = np.quantile(t / b, [0.025, 0.975])
    return np.median(treated) / np.median(baseline), low, high


@wrong("7.3", "is a gap")
def usable_rates(rates, accuracies, tolerance):
    """Gaps are jumped over: all rates within tolerance count."""
    rates, accuracies = np.asarray(rates), np.asarray(accuracies)
    usable = rates[np.nanmax(accuracies) - accuracies <= tolerance]
    return usable.min(), usable.max()


@wrong("7.3", "NaN is taken for the best")
def usable_rates(rates, accuracies, tolerance):
    """argmax takes NaN for the best."""
    order = np.argsort(rates)
    r, a = np.array(rates)[order], np.array(accuracies)[order]
    i = j = int(np.argmax(a))
    best = a[i]
    while i - 1 >= 0 and best - a[i - 1] <= tolerance:
        i -= 1
    while j + 1 < len(r) and best - a[j + 1] <= tolerance:
        j += 1
    return r[i], r[j]


@wrong("7.3", "compared with that of its neighbour")
def usable_rates(rates, accuracies, tolerance):
    """Each accuracy is compared with that of its neighbour, not with the best."""
    pairs = sorted(zip(rates, accuracies))
    best = max(range(len(pairs)), key=lambda i: -math.inf if math.isnan(pairs[i][1]) else pairs[i][1])
    low = high = best
    while low > 0 and pairs[low][1] - pairs[low - 1][1] <= tolerance:
        low -= 1
    while high < len(pairs) - 1 and pairs[high][1] - pairs[high + 1][1] <= tolerance:
        high += 1
    return pairs[low][0], pairs[high][0]
