"""Wrong answers to chapter 6, a fourth sample, written before a look at checks or mistakes."""

# ruff: noqa: F811  one name has many answers

import torch
from torch import nn
from torch.nn import functional as F

from tests.course.honest_wrong import wrong


@wrong("6.1", "Cosine and sine are taken of degrees. They expect")
def relight_and_rotate(images, gammas, degrees):
    """The angle goes into cos and sin in degrees, not in radians."""
    N, _, H, W = images.shape
    lit = images ** gammas.view(-1, 1, 1, 1)
    c, s = torch.cos(degrees), torch.sin(degrees)
    theta = torch.zeros(N, 2, 3)
    theta[:, 0, 0], theta[:, 0, 1] = c, s * H / W
    theta[:, 1, 0], theta[:, 1, 1] = -s * W / H, c
    grid = F.affine_grid(theta, images.shape, align_corners=False)
    return F.grid_sample(lit, grid, align_corners=False)


@wrong("6.1", "The images are sheared: affine_grid measures both")
def relight_and_rotate(images, gammas, degrees):
    """The sides are not accounted for: in an image that is not square the turn becomes a shear."""
    rad = torch.deg2rad(degrees)
    zeros = torch.zeros_like(rad)
    theta = torch.stack(
        [torch.stack([rad.cos(), -rad.sin(), zeros], dim=1), torch.stack([rad.sin(), rad.cos(), zeros], dim=1)], dim=1
    )
    grid = F.affine_grid(theta, list(images.shape), align_corners=False)
    return F.grid_sample(images ** gammas[:, None, None, None], grid, align_corners=False)


@wrong("6.1")
def relight_and_rotate(images, gammas, degrees):
    """The light is raised to 1 / gamma, as in gamma correction for a screen: gammas above 1 brighten."""
    N, _, H, W = images.shape
    lit = images ** (1 / gammas.view(-1, 1, 1, 1))
    rad = torch.deg2rad(degrees)
    c, s = torch.cos(rad), torch.sin(rad)
    theta = torch.zeros(N, 2, 3)
    theta[:, 0, 0], theta[:, 0, 1] = c, s * H / W
    theta[:, 1, 0], theta[:, 1, 1] = -s * W / H, c
    grid = F.affine_grid(theta, images.shape, align_corners=False)
    return F.grid_sample(lit, grid, align_corners=False)


@wrong("6.1")
def relight_and_rotate(images, gammas, degrees):
    """Only the first light and angle are used, for all images."""
    from scipy.ndimage import rotate

    lit = images ** gammas[0]
    out = rotate(lit.numpy(), float(degrees[0]), axes=(3, 2), reshape=False, order=1)
    return torch.as_tensor(out, dtype=images.dtype)


@wrong("6.2", "Every convolution has a bias, although")
def make_cnn(num_classes, batch_norm):
    """The convolutions keep their bias though a batch normalization follows."""
    layers, c = [], 1
    for width in (16, 32):
        layers.append(nn.Conv2d(c, width, 3, padding=1))
        if batch_norm:
            layers.append(nn.BatchNorm2d(width))
        layers += [nn.ReLU(), nn.MaxPool2d(2)]
        c = width
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(c, num_classes))


@wrong("6.2", "The last layer is made for images of 28 x 28 alone.")
def make_cnn(num_classes, batch_norm):
    """Flatten and a Linear of fixed size: only 28 x 28 images fit."""

    def block(i, o):
        conv = nn.Conv2d(i, o, 3, padding=1, bias=not batch_norm)
        return (
            [conv, nn.BatchNorm2d(o), nn.ReLU(), nn.MaxPool2d(2)] if batch_norm else [conv, nn.ReLU(), nn.MaxPool2d(2)]
        )

    return nn.Sequential(*block(1, 8), *block(8, 16), nn.Flatten(), nn.Linear(16 * 7 * 7, num_classes))


@wrong("6.2", "Normalization stands behind the ReLU. Asked for is")
def make_cnn(num_classes, batch_norm):
    """The normalization stands after the ReLU."""
    layers, c = [], 1
    for width in (8, 16):
        layers += [nn.Conv2d(c, width, 3, padding=1, bias=not batch_norm), nn.ReLU()]
        if batch_norm:
            layers += [nn.BatchNorm2d(width)]
        c = width
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(c, num_classes))


@wrong("6.2")
def make_cnn(num_classes, batch_norm):
    """Softmax at the end and biased convolutions before BN."""
    norm = nn.BatchNorm2d if batch_norm else nn.Identity

    def args(c):
        return (c,) if batch_norm else ()

    return nn.Sequential(
        nn.Conv2d(1, 8, 3, padding=1),
        norm(*args(8)),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(8, 16, 3, padding=1),
        norm(*args(16)),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(16, num_classes),
        nn.Softmax(dim=1),
    )


@wrong("6.3", "The result is the mean of the batch means: a")
def train_epoch(model, loader, optimizer, device):
    """The mean of the batch means, though batches may differ in size."""
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


@wrong("6.3", "Gradients pile up: `optimizer.zero_grad()` is")
def train_epoch(model, loader, optimizer, device):
    """zero_grad is called nowhere: the gradients of all batches add up."""
    model.train()
    total, n = 0.0, 0
    for x, y in loader:
        x, y = x.to(device), y.to(device)
        loss = F.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
        total += loss.item() * len(y)
        n += len(y)
    return total / n


@wrong("6.3", "The mode is left as it comes: a model that arrives")
def train_epoch(model, loader, optimizer, device):
    """The model is not put into training mode."""
    running_loss, seen = 0.0, 0
    criterion = nn.CrossEntropyLoss()
    for inputs, labels in loader:
        inputs, labels = inputs.to(device), labels.to(device)
        optimizer.zero_grad()
        outputs = model(inputs)
        loss = criterion(outputs, labels)
        loss.backward()
        optimizer.step()
        running_loss += loss.item() * inputs.size(0)
        seen += inputs.size(0)
    return running_loss / seen


@wrong("6.3", "The loss is computed anew after the step. The")
def train_epoch(model, loader, optimizer, device):
    """The loss that is reported is computed again after the step."""
    model.train()
    total = count = 0
    for x, y in loader:
        x, y = x.to(device), y.to(device)
        optimizer.zero_grad()
        F.cross_entropy(model(x), y).backward()
        optimizer.step()
        with torch.no_grad():
            total += F.cross_entropy(model(x), y, reduction="sum").item()
        count += len(y)
    return total / count


@wrong("6.4", "The model is always left in training mode, also")
def evaluate(model, loader, device):
    """model.train() at the end: every module is in training mode, also one that was frozen or a model that came in
    evaluation mode."""
    model.eval()
    correct = total = 0
    with torch.no_grad():
        for x, y in loader:
            pred = model(x.to(device)).argmax(dim=1)
            correct += (pred == y.to(device)).sum().item()
            total += y.size(0)
    model.train()
    return correct / total


@wrong("6.4", "The result is in percent; the exercise asks for a")
def evaluate(model, loader, device):
    """Accuracy in per cent, 0 to 100."""
    modes = {m: m.training for m in model.modules()}
    model.eval()
    correct = total = 0
    with torch.no_grad():
        for x, y in loader:
            _, predicted = torch.max(model(x.to(device)), 1)
            total += y.size(0)
            correct += (predicted == y.to(device)).sum().item()
    for m, mode in modes.items():
        m.training = mode
    return 100 * correct / total


@wrong("6.4", "The result is the mean of the batches' accuracies:")
def evaluate(model, loader, device):
    """The accuracies of the batches are averaged: a small batch weighs as much as a large one."""
    modes = [(m, m.training) for m in model.modules()]
    model.eval()
    accs = []
    with torch.no_grad():
        for x, y in loader:
            accs.append((model(x.to(device)).argmax(1) == y.to(device)).float().mean().item())
    for m, t in modes:
        m.training = t
    return sum(accs) / len(accs)


@wrong("6.4")
def evaluate(model, loader, device):
    """Neither eval() nor the restoring: batch statistics are used and the buffers move; mean of batch
    accuracies."""
    accs = []
    with torch.no_grad():
        for x, y in loader:
            accs.append((model(x.to(device)).argmax(1) == y.to(device)).float().mean().item())
    return sum(accs) / len(accs)
