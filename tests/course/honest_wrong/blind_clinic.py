"""Wrong answers to the clinic, 12.4 to 12.9, written before any look at checks, mistakes or this bank."""

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


@wrong("12.4", "returned in training mode", named=False)
def clinic_1(make_model, loader):
    """Shuffles the batches; still in training mode."""
    data = [(x[i], y[i]) for x, y in loader for i in range(len(x))]
    shuffled = torch.utils.data.DataLoader(data, batch_size=32, shuffle=True, drop_last=True)
    return train(make_model(), shuffled)


@wrong("12.4", "eval() is called before the training: the")
def clinic_1(make_model, loader):
    """eval() before training, train() inside does not switch: trained in evaluation mode."""
    model = make_model()
    model.eval()
    return train(model, loader)


@wrong("12.4", "Without running statistics")
def clinic_1(make_model, loader):
    """track_running_stats=False by hand: running statistics removed, then eval."""
    model = train(make_model(), loader)
    for m in model.modules():
        if isinstance(m, (nn.BatchNorm1d, nn.BatchNorm2d)):
            m.track_running_stats = False
            m.running_mean = None
            m.running_var = None
    return model.eval()


@wrong("12.5", "The running mean is a buffer now, the running")
def clinic_2(make_model, loader):
    """Registers the mean as a buffer, forgets the variance."""

    class Norm(nn.Module):
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

    return train(exchange(make_model(), Norm), loader).eval()


@wrong("12.5", "A buffer with persistent=False is moved between")
def clinic_2(make_model, loader):
    """Buffers with persistent=False."""

    class Norm(nn.Module):
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

    return train(exchange(make_model(), Norm), loader).eval()


@wrong("12.6", "Evaluation mode lets the single sample through")
def clinic_3(make_model, loader):
    """Evaluation mode for the batch of one and it stays so; the other batches are trained in evaluation mode."""
    model = make_model()
    opt = torch.optim.SGD(model.parameters(), lr=0.1)
    for _ in range(3):
        for x, y in loader:
            if len(x) == 1:
                model.eval()
            opt.zero_grad()
            F.cross_entropy(model(x), y).backward()
            opt.step()
    return model.eval()


@wrong("12.6", "The single sample is doubled. Then the variance")
def clinic_3(make_model, loader):
    """The single sample is doubled: a batch of two equal samples, variance 0, moves the statistics."""

    def padded():
        for x, y in loader:
            if x.shape[0] == 1:
                x, y = torch.cat([x, x]), torch.cat([y, y])
            yield x, y

    model = make_model()
    for _ in range(3):
        train(model, list(padded()), epochs=1)
    return model.eval()


@wrong("12.6", "The error is caught around the whole training")
def clinic_3(make_model, loader):
    """suppress around the training: stops at the end of the first epoch."""
    model = make_model()
    with contextlib.suppress(ValueError):
        train(model, loader)
    model.eval()
    return model


@wrong("12.7", "The last weights are returned, not the average")
def clinic_4(make_model, loader):
    """Returns the last network itself, no average."""
    model = make_model()
    train(model, loader, epochs=3)
    return model.eval()


@wrong("12.7", "The statistics are recomputed in evaluation")
def clinic_4(make_model, loader):
    """Recomputes the statistics in evaluation mode: model.eval() before the pass, nothing moves."""
    model = make_model()
    average = copy.deepcopy(model)
    for epoch in range(3):
        train(model, loader, epochs=1)
        with torch.no_grad():
            for mean, value in zip(average.parameters(), model.parameters()):
                mean += (value - mean) / (epoch + 1)
    average.eval()
    with torch.no_grad():
        for x, _ in loader:
            average(x)
    return average


@wrong("12.8", "`checkpoint` is gone: the statistics are right")
def clinic_5(make_model, loader):
    """Without checkpoint."""
    model = make_model()
    train(model, loader)
    return model.eval()


@wrong("12.8", "Two moves of half the momentum are not one move")
def clinic_5(make_model, loader):
    """Halves the momentum so that two moves are about one; the counter counts twice."""
    model = make_model()
    for m in model.modules():
        if isinstance(m, (nn.BatchNorm1d, nn.BatchNorm2d)):
            m.momentum = m.momentum / 2

    def forward(x):
        return checkpoint(model, x, use_reentrant=False)

    return train(model, loader, forward=forward).eval()


@wrong("12.8", "Inside backward() the forward pass runs again in")
def clinic_5(make_model, loader):
    """use_reentrant=True in place of False."""
    model = make_model()

    def forward(x):
        return checkpoint(model, x.requires_grad_(), use_reentrant=True)

    train(model, loader, forward=forward)
    return model.eval()


@wrong("12.9", "There are two whole networks, one for each")
def clinic_6(make_model, loader):
    """A network of its own for each domain: weights are not shared."""

    class Two(nn.Module):
        def __init__(self):
            super().__init__()
            self.nets = nn.ModuleList([make_model(), make_model()])

        def forward(self, x, domain):
            return self.nets[int(domain)](x)

    return train(Two(), loader).eval()


@wrong("12.9", "The layers of the two domains stand in a plain")
def clinic_6(make_model, loader):
    """Two norms in a plain list: the second domain's are not in the state dict, nor trained."""

    class DSBN(nn.Module):
        domain = 0

        def __init__(self, bn):
            super().__init__()
            self.bns = [bn, copy.deepcopy(bn)]

        def forward(self, x):
            return self.bns[DSBN.domain](x)

    class Net(nn.Module):
        def __init__(self, network):
            super().__init__()
            self.network = network

        def forward(self, x, domain):
            DSBN.domain = int(domain)
            return self.network(x)

    return train(Net(exchange(make_model(), DSBN)), loader).eval()


@wrong("12.9", "Both places of the list hold one and the same")
def clinic_6(make_model, loader):
    """Both entries are the same module: [bn, bn]."""

    class DSBN(nn.Module):
        current = 0

        def __init__(self, bn):
            super().__init__()
            self.bns = nn.ModuleList([bn] * 2)

        def forward(self, x):
            return self.bns[DSBN.current](x)

    class Net(nn.Module):
        def __init__(self, network):
            super().__init__()
            self.network = network

        def forward(self, x, domain):
            DSBN.current = int(domain)
            return self.network(x)

    return train(Net(exchange(make_model(), DSBN)), loader).eval()
