"""Right answers to chapter 6 in other styles, all of which must get full points."""

import copy
import math

import numpy as np
import torch
from scipy import ndimage
from torch import nn
from torch.nn import functional as F

from bncourse.checking import variant

# 6.1


@variant("6.1")
def relight_and_rotate(images, gammas, degrees):
    """SciPy, one image after the other, corners black."""
    done = [
        ndimage.rotate(image[0].numpy() ** float(gamma), float(angle), reshape=False, order=1)
        for image, gamma, angle in zip(images, gammas, degrees)
    ]
    return torch.from_numpy(np.stack(done))[:, None]


@variant("6.1")
def relight_and_rotate(images, gammas, degrees):
    """A grid of pixel positions of its own, turned the other way; light after the turn; align_corners throughout."""
    height, width = images.shape[-2:]
    y, x = torch.meshgrid(torch.arange(height) - (height - 1) / 2, torch.arange(width) - (width - 1) / 2, indexing="ij")
    angle = torch.deg2rad(degrees).view(-1, 1, 1)
    source_x, source_y = angle.cos() * x + angle.sin() * y, angle.cos() * y - angle.sin() * x
    grid = torch.stack([2 * source_x / (width - 1), 2 * source_y / (height - 1)], -1)
    turned = F.grid_sample(images, grid.to(images.dtype), align_corners=True)
    return torch.exp(gammas.reshape(len(gammas), 1, 1, 1) * torch.log(turned.clamp(min=1e-30)))


@variant("6.1")
def relight_and_rotate(images, gammas, degrees):
    """The nearest pixel, looked up."""
    result = torch.zeros_like(images)
    height, width = images.shape[-2:]
    for n in range(len(images)):
        angle = math.radians(degrees[n])
        y, x = np.mgrid[:height, :width] - np.reshape([(height - 1) / 2, (width - 1) / 2], (2, 1, 1))
        row = np.rint(math.cos(angle) * y + math.sin(angle) * x + (height - 1) / 2).astype(int).clip(0, height - 1)
        column = np.rint(math.cos(angle) * x - math.sin(angle) * y + (width - 1) / 2).astype(int).clip(0, width - 1)
        result[n, 0] = images[n, 0][row, column] ** gammas[n]
    return result


@variant("6.1")
def relight_and_rotate(images, gammas, degrees):
    """Cubic interpolation with the edge drawn out, then cut to the range of images; written into a tensor made before."""
    result = torch.empty_like(images)
    for n, image in enumerate(images):
        turned = ndimage.rotate(image, -degrees[n].item(), axes=(1, 2), reshape=False, order=3, mode="nearest")
        result[n] = torch.as_tensor(turned).clamp(0, 1) ** gammas[n]
    return result


# 6.2


@variant("6.2")
def make_cnn(num_classes, batch_norm):
    """Strides instead of pooling, wide kernels, a Sequential in a Sequential."""
    model, channels = nn.Sequential(), [1, 6, 12, 12]
    for inputs, outputs in zip(channels, channels[1:]):
        block = nn.Sequential(nn.Conv2d(inputs, outputs, 5, stride=2, padding=2, bias=not batch_norm))
        if batch_norm:
            block.append(nn.BatchNorm2d(outputs, momentum=0.2))
        model.append(block.append(nn.ReLU(inplace=True)))
    return model.append(nn.AdaptiveMaxPool2d((2, 2))).append(nn.Flatten()).append(nn.Linear(48, num_classes))


class Network(nn.Module):
    def __init__(self, num_classes, batch_norm):
        super().__init__()
        self.convolutions = nn.ModuleList(nn.Conv2d(n, m, 3, bias=not batch_norm) for n, m in [(1, 4), (4, 8)])
        self.norms = nn.ModuleList(nn.BatchNorm2d(m) if batch_norm else nn.Identity() for m in (4, 8))
        self.head = nn.Linear(8, num_classes)

    def forward(self, x):
        for convolution, norm in zip(self.convolutions, self.norms):
            x = F.max_pool2d(torch.relu(norm(convolution(x))), 2)
        return self.head(x.mean((2, 3)))


@variant("6.2")
def make_cnn(num_classes, batch_norm):
    """A class with functional ReLU and pooling, two blocks, nn.Identity in place of the normalization."""
    return Network(num_classes, batch_norm)


class OwnBatchNorm(nn.Module):
    """A layer of somebody's own, as in exercise 5.4."""

    def __init__(self, channels):
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.ones(channels)), nn.Parameter(torch.zeros(channels))
        self.register_buffer("running_mean", torch.zeros(channels))
        self.register_buffer("running_var", torch.ones(channels))

    def forward(self, x):
        mean, var = self.running_mean, self.running_var
        if self.training:
            mean, var = x.mean((0, 2, 3)), x.var((0, 2, 3), unbiased=False)
            self.running_mean.lerp_(mean.detach(), 0.1)
            self.running_var.lerp_(var.detach(), 0.1)
        as_x = (1, -1, 1, 1)
        x_hat = (x - mean.view(as_x)) / torch.sqrt(var.view(as_x) + 1e-5)
        return self.weight.view(as_x) * x_hat + self.bias.view(as_x)


@variant("6.2")
def make_cnn(num_classes, batch_norm):
    """A layer of one's own, dropout before a convolution as last layer, He's initialization."""
    layers = []
    for inputs, outputs in [(1, 8), (8, 16)]:
        convolution = nn.Conv2d(inputs, outputs, 3, padding=1, bias=not batch_norm)
        nn.init.kaiming_normal_(convolution.weight, nonlinearity="relu")
        layers += [convolution] + [OwnBatchNorm(outputs)] * batch_norm + [nn.ReLU(), nn.MaxPool2d(2)]
    head = [nn.Dropout(0.2), nn.AdaptiveAvgPool2d(1), nn.Conv2d(16, num_classes, 1), nn.Flatten()]
    return nn.Sequential(*layers, *head)


# 6.3


@variant("6.3")
def train_epoch(model, loader, optimizer, device):
    """zero_grad at the end of each step and before the first; the mode of the model goes back."""
    training = model.training
    model.train(True)
    optimizer.zero_grad()
    losses, counts = [], []
    for x, y in loader:
        logits = model(x.to(device))
        loss = F.cross_entropy(logits, y.to(device))
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        losses.append(loss.item())
        counts.append(y.shape[0])
    model.train(training)
    return float(np.average(losses, weights=counts))


@variant("6.3")
def train_epoch(model, loader, optimizer, device):
    """Sum over samples, divided for the gradient; kept as a tensor without history until the end."""
    model = model.to(device).train()
    total = torch.zeros((), dtype=torch.float64, device=device)
    samples = 0
    for images, labels in loader:
        images = images.to(device, non_blocking=True)
        labels = labels.to(device, non_blocking=True)
        for parameter in model.parameters():
            parameter.grad = None
        summed = F.cross_entropy(model(images), labels, reduction="sum")
        (summed / labels.numel()).backward()
        optimizer.step()
        total += summed.detach()
        samples += labels.numel()
    return (total / samples).item()


@variant("6.3")
def train_epoch(model, loader, optimizer, device):
    """A closure, the loss by log_softmax and nll_loss, a running mean."""
    model.train()
    mean = seen = 0
    for images, labels in loader:
        images, labels = images.to(device=device), labels.to(device=device)

        def closure(images=images, labels=labels):
            optimizer.zero_grad(set_to_none=False)
            loss = nn.NLLLoss()(torch.log_softmax(model(images), dim=-1), labels)
            loss.backward()
            return loss

        loss = optimizer.step(closure).item()
        seen += len(images)
        mean += (loss - mean) * len(images) / seen
    return mean


# 6.4


@variant("6.4")
def evaluate(model, loader, device):
    """A twin is tested; the model itself is never touched."""
    twin = copy.deepcopy(model).to(device).eval()
    right = []
    with torch.inference_mode():
        for images, labels in loader:
            right.append(twin(images.to(device)).argmax(dim=1).eq(labels.to(device)).double())
    return torch.cat(right).mean().item()


@variant("6.4")
@torch.no_grad()
def evaluate(model, loader, device):
    """A decorator against gradients, modes in a dictionary, restored whatever happens."""
    modes = {name: module.training for name, module in model.named_modules()}
    try:
        model.eval()
        hits = total = 0
        for x, y in loader:
            scores, guess = model(x.to(device)).max(1)
            hits += int((guess == y.to(device)).sum())
            total += y.size(0)
        return hits / total
    finally:
        for name, module in model.named_modules():
            module.train(modes[name]) if not list(module.children()) else setattr(module, "training", modes[name])


@variant("6.4")
def evaluate(model, loader, device):
    """The verdicts come back to the labels, by name."""
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    right = count = 0
    with torch.no_grad():
        for images, labels in loader:
            right += (model(images.to(device)).cpu().argmax(1) == labels).float().sum()
            count += labels.shape[0]
    for module, mode in modes:
        module.training = mode
    return float(right / count)


@variant("6.4")
def evaluate(model, loader, device):
    """The verdicts come back to the labels, wherever these are."""
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    rights = []
    with torch.no_grad():
        for images, labels in loader:
            _, verdicts = torch.max(model(images.to(device)), dim=1)
            rights += [torch.eq(verdicts.to(labels.device), labels)]
    for module, mode in modes:
        module.training = mode
    return torch.cat(rights).double().mean().item()


@variant("6.4")
def evaluate(model, loader, device):
    """The comparison is NumPy's."""
    modes = [(module, module.training) for module in model.modules()]
    right = count = 0
    for images, labels in loader:
        with torch.no_grad():
            verdicts = model.eval()(images.to(device)).detach().cpu().numpy().argmax(axis=1)
        right += np.sum(verdicts == labels.numpy())
        count += len(labels)
    for module, mode in modes:
        module.training = mode
    return right / count


@variant("6.4")
def evaluate(model, loader, device):
    """All verdicts first, then one comparison in NumPy; the switch set and set back by hand."""
    modes, recording = [module.training for module in model.modules()], torch.is_grad_enabled()
    torch.set_grad_enabled(False)
    verdicts, truth = [], []
    for module in model.modules():
        module.training = False
    for images, labels in loader:
        verdicts += model(images.to(device)).topk(1).indices[:, 0].tolist()
        truth += labels.to(device).tolist()
    for module, mode in zip(model.modules(), modes):
        module.training = mode
    torch.set_grad_enabled(recording)
    return float(np.mean(np.array(verdicts) == np.array(truth)))
