"""More wrong answers to the clinic, 12.4 to 12.9, written before any look at checks, mistakes or this bank."""

# ruff: noqa: F811  one name has many answers

import contextlib
import copy

import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint

from tests.course.honest_wrong import wrong


def train(model, loader, epochs=3, forward=None):
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for _ in range(epochs):
        for x, y, *domain in loader:
            optimizer.zero_grad()
            F.cross_entropy((forward or model)(x, *domain), y).backward()
            optimizer.step()
    return model


def exchange(module, make):
    for name, child in module.named_children():
        if isinstance(child, (nn.BatchNorm1d, nn.BatchNorm2d)):
            setattr(module, name, make(child))
        else:
            exchange(child, make)
    return module


@torch.no_grad()
def move(average, model, share):
    for mean, value in zip(average.parameters(), model.parameters()):
        mean += share * (value - mean)


@wrong("12.4", "eval() is called before the training: the network")
def clinic_1(make_model, loader):
    """Eval before training: train with frozen statistics."""
    model = make_model().eval()
    return train(model, loader)


@wrong("12.4", "You train on batches of another order")
def clinic_1(make_model, loader):
    """Shuffles the loader, still returned in training mode."""
    batches = list(loader)
    model = make_model()
    for _ in range(3):
        order = torch.randperm(len(batches)).tolist()
        train(model, [batches[i] for i in order], epochs=1)
    return model


@wrong("12.4", "returned in training mode", named=False)
def clinic_1(make_model, loader):
    """Eval called, but training set back on return."""
    model = train(make_model(), loader)
    model.eval()
    with torch.no_grad():
        for x, _ in loader:
            model(x)
    model.train()
    return model


@wrong("12.5", "The running mean is a buffer now, the running variance")
def clinic_2(make_model, loader):
    """Only the mean is a buffer."""

    class Own(nn.Module):
        def __init__(self, norm):
            super().__init__()
            self.weight, self.bias = norm.weight, norm.bias
            self.momentum, self.eps = norm.momentum, norm.eps
            self.register_buffer("running_mean", torch.zeros(norm.num_features))
            self.running_var = torch.ones(norm.num_features)

        def forward(self, x):
            return F.batch_norm(
                x, self.running_mean, self.running_var, self.weight, self.bias, self.training, self.momentum, self.eps
            )

    return train(exchange(make_model(), Own), loader).eval()


@wrong("12.5", "A buffer with persistent=False is moved between")
def clinic_2(make_model, loader):
    """Buffers not persistent."""

    class Own(nn.Module):
        def __init__(self, norm):
            super().__init__()
            self.weight, self.bias = norm.weight, norm.bias
            self.momentum, self.eps = norm.momentum, norm.eps
            self.register_buffer("running_mean", torch.zeros(norm.num_features), persistent=False)
            self.register_buffer("running_var", torch.ones(norm.num_features), persistent=False)

        def forward(self, x):
            return F.batch_norm(
                x, self.running_mean, self.running_var, self.weight, self.bias, self.training, self.momentum, self.eps
            )

    model = exchange(make_model(), Own)
    train(model, loader)
    return model.eval()


@wrong("12.6", "The single sample is doubled. Then the variance")
def clinic_3(make_model, loader):
    """The one left over is doubled: a batch of two equal samples."""
    model = make_model()
    batches = [(x, y) if len(x) > 1 else (torch.cat([x, x]), torch.cat([y, y])) for x, y in loader]
    train(model, batches)
    return model.eval()


@wrong("12.6", "The error is caught around the whole training,")
def clinic_3(make_model, loader):
    """Stops at the error: try/except around the whole training."""
    model = make_model()
    with contextlib.suppress(ValueError):
        train(model, loader)
    return model.eval()


@wrong("12.7", "The last weights are returned, not the average.")
def clinic_4(make_model, loader):
    """Returns the last model: no average."""
    model = make_model()
    average = copy.deepcopy(model)
    for epoch in range(3):
        train(model, loader, epochs=1)
        move(average, model, 1 / (epoch + 1))
    return model.eval()


@wrong("12.7", "The statistics are recomputed in evaluation mode,")
def clinic_4(make_model, loader):
    """Update_bn on the model, not on the average."""
    model = make_model()
    average = copy.deepcopy(model)
    for epoch in range(3):
        train(model, loader, epochs=1)
        move(average, model, 1 / (epoch + 1))
    torch.optim.swa_utils.update_bn(loader, model)
    return average.eval()


@wrong("12.8", "`checkpoint` is gone: the statistics are right,")
def clinic_5(make_model, loader):
    """No checkpoint."""
    model = make_model()
    train(model, loader)
    return model.eval()


@wrong("12.8", "The momentum is halved while the network trains")
def clinic_5(make_model, loader):
    """Momentum halved: nearly the same, but not once; counter still doubled."""
    model = make_model()
    norms = [m for m in model.modules() if isinstance(m, (nn.BatchNorm1d, nn.BatchNorm2d))]
    for m in norms:
        m.momentum = m.momentum / 2
    train(model, loader, forward=lambda x: checkpoint(model, x, use_reentrant=False))
    for m in norms:
        m.momentum = m.momentum * 2
    return model.eval()


@wrong("12.8", "With momentum 1 − √(1 − m) two moves are as long")
def clinic_5(make_model, loader):
    """Momentum by the square root: statistics right, counter twice."""
    model = make_model()
    for m in model.modules():
        if isinstance(m, (nn.BatchNorm1d, nn.BatchNorm2d)):
            m.momentum = 1 - (1 - m.momentum) ** 0.5
    train(model, loader, forward=lambda x: checkpoint(model, x, use_reentrant=False))
    return model.eval()


@wrong("12.9", "There are two whole networks, one for each domain;")
def clinic_6(make_model, loader):
    """Two whole networks, nothing shared."""

    class Two(nn.Module):
        def __init__(self):
            super().__init__()
            self.nets = nn.ModuleList([make_model(), make_model()])

        def forward(self, x, domain):
            return self.nets[int(domain)](x)

    return train(Two(), loader).eval()


@wrong("12.9", "Both places of the list hold one and the same layer,")
def clinic_6(make_model, loader):
    """The second norm is the same object: statistics shared again."""

    class Switch(nn.Module):
        which = 0

        def __init__(self, norm):
            super().__init__()
            self.norms = nn.ModuleList([norm] * 2)

        def forward(self, x):
            return self.norms[self.which](x)

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.network = exchange(make_model(), Switch)

        def forward(self, x, domain):
            for m in self.modules():
                if isinstance(m, Switch):
                    m.which = int(domain)
            return self.network(x)

    return train(Net(), loader).eval()


@wrong("12.9", "The domain is handed on in training only")
def clinic_6(make_model, loader):
    """Domain kept from training: the switch is only set while training."""

    class Switch(nn.Module):
        which = 0

        def __init__(self, norm):
            super().__init__()
            self.norms = nn.ModuleList([norm, copy.deepcopy(norm)])

        def forward(self, x):
            return self.norms[self.which](x)

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.network = exchange(make_model(), Switch)

        def forward(self, x, domain):
            if self.training:
                for m in self.modules():
                    if isinstance(m, Switch):
                        m.which = int(domain)
            return self.network(x)

    return train(Net(), loader).eval()
