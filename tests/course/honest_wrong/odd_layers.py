"""Less usual wrong answers to chapters 5 to 7: crashes, own ways, half-remembered recipes."""

# ruff: noqa: F811  one name has many answers

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from tests.course.honest_wrong import wrong


def spread(v, x):
    return v.reshape(1, -1, *[1] * (x.ndim - 2))


@wrong("5.1", "Inference moves the running statistics")
def batchnorm_forward(x, gamma, beta, running_mean, running_var, *, training, momentum=0.1, eps=1e-5):
    """The running statistics move at inference, too."""
    axes, m = (0, *range(2, x.ndim)), x.size // x.shape[1]
    mean, var = x.mean(axes), x.var(axes)
    new_mean = (1 - momentum) * running_mean + momentum * mean
    new_var = (1 - momentum) * running_var + momentum * var * m / max(m - 1, 1)
    if not training:
        mean, var = running_mean, running_var
    x_hat = (x - spread(mean, x)) / np.sqrt(spread(var, x) + eps)
    return spread(gamma, x) * x_hat + spread(beta, x), new_mean, new_var, (x_hat, gamma, var, eps)


@wrong("5.1", "uses the batch size")
def batchnorm_forward(x, gamma, beta, running_mean, running_var, *, training, momentum=0.1, eps=1e-5):
    """m is the batch size in the correction of the running variance, and eps is forgotten at inference."""
    axes = (0, *range(2, x.ndim))
    if not training:
        x_hat = (x - spread(running_mean, x)) / np.sqrt(spread(running_var, x))
        return spread(gamma, x) * x_hat + spread(beta, x), running_mean, running_var, None
    n = x.shape[0]
    mean, var = x.mean(axes), x.var(axes)
    x_hat = (x - spread(mean, x)) / np.sqrt(spread(var, x) + eps)
    running_mean = running_mean + momentum * (mean - running_mean)
    running_var = running_var + momentum * (var * n / (n - 1) - running_var)
    return spread(gamma, x) * x_hat + spread(beta, x), running_mean, running_var, (x_hat, gamma, var, eps)


@wrong("5.1", "At inference you return three results")
def batchnorm_forward(x, gamma, beta, running_mean, running_var, *, training, momentum=0.1, eps=1e-5):
    """The cache is left out where there is none to keep: three results at inference."""
    axes, m = (0, *range(2, x.ndim)), x.size // x.shape[1]
    if training:
        mean, var = x.mean(axes), x.var(axes)
        x_hat = (x - spread(mean, x)) / np.sqrt(spread(var, x) + eps)
        running_mean = (1 - momentum) * running_mean + momentum * mean
        running_var = (1 - momentum) * running_var + momentum * var * m / (m - 1)
        y = spread(gamma, x) * x_hat + spread(beta, x)
        return y, running_mean, running_var, (x_hat, gamma, var, eps)
    x_hat = (x - spread(running_mean, x)) / np.sqrt(spread(running_var, x) + eps)
    return spread(gamma, x) * x_hat + spread(beta, x), running_mean, running_var


@wrong("5.2", "the diagonal of the Jacobian")
def batchnorm_backward(dy, cache):
    """Only what each number does to itself."""
    x_hat, gamma, var, eps = cache
    axes, m = (0, *range(2, dy.ndim)), dy.size / dy.shape[1]
    dx = dy * spread(gamma / np.sqrt(var + eps), dy) * (1 - 1 / m - x_hat**2 / m)
    return dx, (dy * x_hat).sum(axes), dy.sum(axes)


@wrong("5.2", "comes back through the mean is added whole")
def batchnorm_backward(dy, cache):
    """As in CS231n, with sums where means should be in the path through the mean."""
    x_hat, gamma, var, eps = cache
    axes, m = (0, *range(2, dy.ndim)), dy.size / dy.shape[1]
    std = spread(np.sqrt(var + eps), dy)
    dx_hat = dy * spread(gamma, dy)
    dvar = np.sum(dx_hat * x_hat * std * -0.5 * std**-3, axis=axes, keepdims=True)
    dmean = np.sum(-dx_hat / std, axis=axes, keepdims=True)
    dx = dx_hat / std + dvar * 2 * x_hat * std / m + dmean
    return dx, np.sum(dy * x_hat, axis=axes), np.sum(dy, axis=axes)


@wrong("5.2", "γ and σ² have changed places")
def batchnorm_backward(dy, cache):
    """The cache is unpacked in another order than it was packed."""
    x_hat, var, gamma, eps = cache
    axes, m = (0, *range(2, dy.ndim)), dy.size // dy.shape[1]
    dgamma, dbeta = np.sum(dy * x_hat, axis=axes), np.sum(dy, axis=axes)
    dx = spread(gamma / np.sqrt(var + eps), dy) * (dy - spread(dbeta, dy) / m - x_hat * spread(dgamma, dy) / m)
    return dx, dgamma, dbeta


@wrong("5.3", "dy is not used")
def numerical_gradient(f, x, dy, h=1e-5):
    """dy is forgotten."""
    grad = torch.zeros(x.shape, dtype=x.dtype)
    for i in np.ndindex(*x.shape):
        up, down = x.detach().clone(), x.detach().clone()
        up[i] += h
        down[i] -= h
        grad[i] = (f(up).sum() - f(down).sum()).item() / (2 * h)
    return grad


@wrong("5.3", "All entries are moved at once")
def numerical_gradient(f, x, dy, h=1e-5):
    """All entries are moved at once."""
    x = x.detach().clone()
    return (f(x + h) * dy - f(x - h) * dy) / (2 * h)


@wrong("5.3", "fit a matrix alone")
def numerical_gradient(f, x, dy, h=1e-5):
    """Two loops for a matrix; other shapes are not thought of."""
    grad = torch.zeros_like(x.detach())
    for i in range(x.shape[0]):
        for j in range(x.shape[1]):
            e = torch.zeros_like(x.detach())
            e[i, j] = h
            grad[i, j] = ((f(x.detach() + e) - f(x.detach() - e)) * dy).sum() / (2 * h)
    return grad


@wrong("5.4", "axes (0, 2, 3) are written")
class BatchNorm(nn.Module):
    """As in d2l and the UvA tutorials: the parameters have the shape (1, C, 1, 1), for images alone."""

    def __init__(self, num_features, eps=1e-5, momentum=0.1, affine=True, track_running_stats=True):
        super().__init__()
        self.eps, self.momentum, self.track = eps, momentum, track_running_stats
        shape = (1, num_features, 1, 1)
        self.weight = nn.Parameter(torch.ones(shape)) if affine else None
        self.bias = nn.Parameter(torch.zeros(shape)) if affine else None
        self.register_buffer("running_mean", torch.zeros(shape) if self.track else None)
        self.register_buffer("running_var", torch.ones(shape) if self.track else None)
        self.register_buffer("num_batches_tracked", torch.tensor(0) if self.track else None)

    def forward(self, x):
        mean, var = self.running_mean, self.running_var
        if self.training or not self.track:
            mean = x.mean((0, 2, 3), keepdim=True)
            var = x.var((0, 2, 3), keepdim=True, unbiased=False)
        if self.training and self.track:
            self.num_batches_tracked += 1
            a = self.momentum if self.momentum is not None else 1 / self.num_batches_tracked.item()
            n = x.numel() / x.shape[1]
            with torch.no_grad():
                self.running_mean.mul_(1 - a).add_(a * mean)
                self.running_var.mul_(1 - a).add_(a * var * n / (n - 1))
        y = (x - mean) / torch.sqrt(var + self.eps)
        return y if self.weight is None else y * self.weight + self.bias


def module(reverse=False, default=None, count="all", evaluate=True, correction=0, always=False, outside=False):
    """The module of 5.4 with one or another slip."""

    class BatchNorm(nn.Module):
        def __init__(self, num_features, eps=1e-5, momentum=0.1, affine=True, track_running_stats=True):
            super().__init__()
            self.eps, self.momentum = eps, momentum
            for name, start in (("weight", torch.ones), ("bias", torch.zeros)):
                self.register_parameter(name, nn.Parameter(start(num_features)) if affine else None)
            tracked = track_running_stats or always
            self.register_buffer("running_mean", torch.zeros(num_features) if tracked else None)
            self.register_buffer("running_var", torch.ones(num_features) if tracked else None)
            self.register_buffer("num_batches_tracked", torch.tensor(0) if tracked else None)

        def forward(self, x):
            dims = (0, *range(2, x.dim()))
            batch = self.training or (self.running_mean is None and evaluate)
            if batch:
                mean, var = x.mean(dims), x.var(dims, correction=correction)
            else:
                mean, var = self.running_mean, self.running_var
            if self.training and self.running_mean is not None:
                self.num_batches_tracked += 1
                a = self.momentum
                if a is None:
                    a = default or 1.0 / self.num_batches_tracked.item()
                m = x.numel() // x.shape[1] if count == "all" else len(x)
                new = 1 - a if reverse else a
                with torch.no_grad():
                    self.running_mean += new * (mean - self.running_mean)
                    self.running_var += new * (var * (1 if correction else m / (m - 1)) - self.running_var)
            std = spread(var, x).sqrt() + self.eps if outside else (spread(var, x) + self.eps).sqrt()
            y = (x - spread(mean, x)) / std
            return y if self.weight is None else spread(self.weight, x) * y + spread(self.bias, x)

    return BatchNorm


wrong("5.4", "Momentum is reversed")(module(reverse=True, default=0.5))  # Keras's momentum
wrong("5.4", "momentum=None is taken for 0.1")(module(default=0.1))  # None means 0.1
wrong("5.4", "uses the batch size")(module(count="samples"))  # m is the batch size in the correction
wrong("5.4", "still calculate with running statistics")(
    module(evaluate=False)
)  # without running statistics, evaluation crashes
wrong("5.4", "unbiased variance normalises")(module(correction=1))  # the unbiased variance normalises as well
wrong("5.4", "track_running_stats=False is ignored")(module(always=True))  # track_running_stats is not looked at
wrong("5.4", "outside the root")(module(outside=True))  # eps is added to the deviation


@wrong("5.5", "kept on the class")
class BatchNormFunction(torch.autograd.Function):
    """What backward needs is kept on the class, where the next forward overwrites it."""

    @staticmethod
    def forward(ctx, x, gamma, beta, eps):
        dims = (0, *range(2, x.dim()))
        std = (x.var(dims, unbiased=False, keepdim=True) + eps).sqrt()
        x_hat = (x - x.mean(dims, keepdim=True)) / std
        BatchNormFunction.saved = x_hat, gamma, std, dims
        return spread(gamma, x) * x_hat + spread(beta, x)

    @staticmethod
    def backward(ctx, dy):
        x_hat, gamma, std, dims = BatchNormFunction.saved
        dxh = dy * spread(gamma, dy)
        dx = (dxh - dxh.mean(dims, keepdim=True) - x_hat * (dxh * x_hat).mean(dims, keepdim=True)) / std
        return dx, (dy * x_hat).sum(dims), dy.sum(dims), None


@wrong("5.5", "without ε, which the forward has")
class BatchNormFunction(torch.autograd.Function):
    """x is saved, and normalised anew in backward without eps."""

    @staticmethod
    def forward(ctx, x, gamma, beta, eps):
        dims = [0, *range(2, x.dim())]
        ctx.save_for_backward(x, gamma)
        x_hat = (x - x.mean(dims, keepdim=True)) / torch.sqrt(x.var(dims, unbiased=False, keepdim=True) + eps)
        return spread(gamma, x) * x_hat + spread(beta, x)

    @staticmethod
    def backward(ctx, dy):
        x, gamma = ctx.saved_tensors
        dims = [0, *range(2, x.dim())]
        std = x.std(dims, unbiased=False, keepdim=True)
        x_hat = (x - x.mean(dims, keepdim=True)) / std
        dgamma, dbeta = (dy * x_hat).sum(dims), dy.sum(dims)
        m = x.numel() // x.shape[1]
        dx = spread(gamma, dy) / std * (dy - spread(dbeta, dy) / m - x_hat * spread(dgamma, dy) / m)
        return dx, dgamma, dbeta, None


@wrong("6.1", "lays the gammas along the last axis")
def relight_and_rotate(images, gammas, degrees):
    """The gammas are laid along the width, not along the batch."""
    import scipy.ndimage

    lit = images**gammas
    turned = [
        scipy.ndimage.rotate(i.numpy(), float(d), axes=(1, 2), reshape=False, order=1) for i, d in zip(lit, degrees)
    ]
    return torch.tensor(np.stack(turned))


@wrong("6.1", "raised to 1/gamma")
def relight_and_rotate(images, gammas, degrees):
    """1/gamma, as for displays; the pictures get lighter."""
    import scipy.ndimage

    out = []
    for image, g, d in zip(images, gammas.tolist(), degrees.tolist()):
        lit = image[0].numpy() ** (1 / g)
        out.append(scipy.ndimage.rotate(lit, d, reshape=False, order=1, mode="nearest"))
    return torch.tensor(np.array(out)).unsqueeze(1)


@wrong("6.1", "stand at the cosines")
def relight_and_rotate(images, gammas, degrees):
    """The pictures are scaled as well as turned: the factors of the sides stand on the wrong entries."""
    h, w = images.shape[-2:]
    a = torch.deg2rad(degrees.to(images))
    zero = torch.zeros_like(a)
    theta = torch.stack([a.cos() * w / h, -a.sin(), zero, a.sin(), a.cos() * h / w, zero], 1).view(-1, 2, 3)
    grid = F.affine_grid(theta, images.shape, align_corners=False)
    return F.grid_sample(images ** gammas.to(images).view(-1, 1, 1, 1), grid, align_corners=False)


@wrong("6.2", "made for images of 28 x 28")
def make_cnn(num_classes, batch_norm):
    """LeNet: the linear layer is made for one size of image, 28 x 28."""

    class LeNet(nn.Module):
        def __init__(self):
            super().__init__()
            self.features = nn.Sequential(
                nn.Conv2d(1, 6, 5, padding=2), nn.BatchNorm2d(6) if batch_norm else nn.Identity(), nn.ReLU(),
                nn.AvgPool2d(2),
                nn.Conv2d(6, 16, 5), nn.BatchNorm2d(16) if batch_norm else nn.Identity(), nn.ReLU(),
                nn.AvgPool2d(2),
            )  # fmt: skip
            self.classifier = nn.Sequential(nn.Linear(16 * 5 * 5, 120), nn.ReLU(), nn.Linear(120, num_classes))

        def forward(self, x):
            x = self.features(x)
            return self.classifier(x.view(-1, 16 * 5 * 5))

    return LeNet()


@wrong("6.2", "no γ and β (affine=False), and without normalization")
def make_cnn(num_classes, batch_norm):
    """The normalization has neither gamma nor beta, the convolution no bias in either case."""
    layers, c = [], 1
    for width in (8, 16):
        layers.append(nn.Conv2d(c, width, 3, padding=1, bias=False))
        if batch_norm:
            layers.append(nn.BatchNorm2d(width, affine=False))
        layers.append(nn.ReLU())
        c = width
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(c, num_classes))


@wrong("6.3", "stands before the loop")
def train_epoch(model, loader, optimizer, device):
    """The gradients are set to zero once, before the epoch."""
    model.train()
    optimizer.zero_grad()
    losses, sizes = [], []
    for x, y in loader:
        loss = F.cross_entropy(model(x.to(device)), y.to(device))
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
        sizes.append(len(y))
    return float(np.average(losses, weights=sizes))


@wrong("6.3", "size of the first")
def train_epoch(model, loader, optimizer, device):
    """Every batch is counted as large as the first one."""
    model.train()
    total, n, size = 0.0, 0, None
    for x, y in loader:
        size = size or len(x)
        optimizer.zero_grad()
        loss = F.cross_entropy(model(x.to(device)), y.to(device))
        loss.backward()
        optimizer.step()
        total += loss.item() * size
        n += len(x)
    return total / n


@wrong("6.3", "summed loss")
def train_epoch(model, loader, optimizer, device):
    """The loss is a sum, and so are the gradients: the steps are larger."""
    model.train()
    total, n = 0.0, 0
    for x, y in loader:
        x, y = x.to(device), y.to(device)
        optimizer.zero_grad()
        loss = nn.CrossEntropyLoss(reduction="sum")(model(x), y)
        loss.backward()
        optimizer.step()
        total, n = total + loss.item(), n + len(y)
    return total / n


@wrong("6.3", "one step for the whole epoch")
def train_epoch(model, loader, optimizer, device):
    """One step at the end of the epoch, with the gradients of all batches."""
    model.train()
    optimizer.zero_grad()
    total, n = 0.0, 0
    for x, y in loader:
        loss = F.cross_entropy(model(x.to(device)), y.to(device))
        loss.backward()
        total, n = total + loss.item() * len(y), n + len(y)
    optimizer.step()
    return total / n
