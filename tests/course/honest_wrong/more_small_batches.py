"""More wrong answers to chapter 12; the docstring says what is wrong."""

# ruff: noqa: F811  one name has many answers

import contextlib
import copy

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint

from tests.course.honest_wrong import wrong

NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)


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


@wrong("12.1", "np.array_split spreads")
def ghost_batch_norm(x, ghost_size, eps=1e-5):
    """array_split makes parts of nearly one size, not fours and a rest."""
    axes = (0, *range(2, x.ndim))
    chunks = np.array_split(x, max(1, -(-len(x) // ghost_size)))
    return np.concatenate(
        [(c - c.mean(axes, keepdims=True)) / np.sqrt(c.var(axes, keepdims=True) + eps) for c in chunks]
    )


@wrong("12.1", "so-many-th sample")
def ghost_batch_norm(x, ghost_size, eps=1e-5):
    """Each ghost is made of every k-th sample, as reshaping with the wrong order gives it."""
    axes = (0, *range(2, x.ndim))
    k = -(-len(x) // ghost_size)
    out = np.empty(x.shape)
    for g in range(k):
        ghost = x[g::k]
        out[g::k] = (ghost - ghost.mean(axes, keepdims=True)) / np.sqrt(ghost.var(axes, keepdims=True) + eps)
    return out


@wrong("12.1", "Each position has statistics of its own")
def ghost_batch_norm(x, ghost_size, eps=1e-5):
    """The statistics of a ghost are taken over its samples alone, at each position."""
    out = []
    for i in range(0, x.shape[0], ghost_size):
        g = x[i : i + ghost_size]
        out.append((g - np.mean(g, axis=0)) / np.sqrt(np.var(g, axis=0) + eps))
    return np.concatenate(out, axis=0)


@wrong("12.2", "What is not 0 is taken for real")
def masked_batch_norm(x, mask, eps=1e-5):
    """Zeros in x are taken for padding, and the mask is not looked at until the end."""
    real = x != 0
    n = real.sum(axis=(0, 1))
    mean = (x * real).sum(axis=(0, 1)) / n
    var = (((x - mean) * real) ** 2).sum(axis=(0, 1)) / n
    return (x - mean) / np.sqrt(var + eps) * mask[:, :, None]


@wrong("12.2", "Each sequence is normalised by itself")
def masked_batch_norm(x, mask, eps=1e-5):
    """Each sequence is normalised by itself."""
    out = np.zeros(x.shape)
    for i in range(len(x)):
        real = x[i][mask[i].astype(bool)]
        if len(real):
            out[i][mask[i].astype(bool)] = (real - real.mean(0)) / np.sqrt(real.var(0) + eps)
    return out


def hooked(mode=True, remove=True, double=True, skip=True, restore=True):
    """Sums of x and x squared by hooks, with one or another slip."""

    def recompute_statistics(model, loader):
        norms = [m for m in model.modules() if isinstance(m, NORMS) and (m.track_running_stats or not skip)]
        before = [(m, m.training) for m in model.modules()]
        sums = {m: [0, 0.0, 0.0] for m in norms}

        def hook(m, inputs):
            x = inputs[0].double() if double else inputs[0]
            dims = [0, *range(2, x.dim())]
            sums[m][0] += x.numel() // x.shape[1]
            sums[m][1] = sums[m][1] + x.sum(dims)
            sums[m][2] = sums[m][2] + (x * x).sum(dims)

        handles = [m.register_forward_pre_hook(hook) for m in norms]
        model.train(mode)
        with torch.no_grad():
            for x, _ in loader:
                model(x)
        if remove:
            for handle in handles:
                handle.remove()
        for m, (n, total, squares) in sums.items():
            m.running_mean.copy_(total / n)
            m.running_var.copy_(squares / n - (total / n) ** 2)
        if restore:
            for m, training in before:
                m.training = training
        else:
            model.eval()
        return model

    return recompute_statistics


wrong("12.3", "You watch the layers while they are in evaluation mode")(
    hooked(mode=False)
)  # in evaluation mode: later layers see what the old statistics give
wrong("12.3", "E[x²] − E[x]²")(hooked(double=False))  # mean of squares minus square of the mean, in float32
wrong("12.3", "hooks are still there")(hooked(remove=False))  # the hooks stay
wrong("12.3", "has None in their place")(hooked(skip=False))  # a layer without running statistics crashes
wrong("12.3", "left in evaluation mode")(hooked(restore=False))  # the model is left in evaluation mode


def broken_1(make_model, loader):
    return train(make_model(), loader)


@wrong("12.4", "is not evaluation mode")
def clinic_1(make_model, loader):
    """No gradients is not evaluation mode."""
    model = broken_1(make_model, loader)
    for p in model.parameters():
        p.requires_grad_(False)
    return model


@wrong("12.4", "Without running statistics")
def clinic_1(make_model, loader):
    """The running statistics are forgotten: the network always normalises by the batch."""
    model = broken_1(make_model, loader).eval()
    for m in model.modules():
        if isinstance(m, NORMS):
            m.track_running_stats = False
            m.running_mean = m.running_var = None
    return model


@wrong("12.4", "momentum of 0")
def clinic_1(make_model, loader):
    """Momentum 0 keeps the statistics still, but it normalises by the batch."""
    model = broken_1(make_model, loader)
    for m in model.modules():
        if isinstance(m, NORMS):
            m.momentum = 0
    return model


def own(mean=True, var=True, persistent=True, batch=False):
    """The layer of patient 2, mended by half."""

    class Layer(nn.Module):
        def __init__(self, norm):
            super().__init__()
            self.weight, self.bias, self.momentum, self.eps = norm.weight, norm.bias, norm.momentum, norm.eps
            for name, tensor, wanted in (
                ("running_mean", torch.zeros(norm.num_features), mean),
                ("running_var", torch.ones(norm.num_features), var),
            ):
                if wanted:
                    self.register_buffer(name, tensor, persistent=persistent)
                else:
                    setattr(self, name, tensor)

        def forward(self, x):
            if batch:
                return F.batch_norm(x, None, None, self.weight, self.bias, True, self.momentum, self.eps)
            stats = self.running_mean, self.running_var
            return F.batch_norm(x, *stats, self.weight, self.bias, self.training, self.momentum, self.eps)

    def clinic_2(make_model, loader):
        return train(exchange(make_model(), Layer), loader).eval()

    return clinic_2


wrong("12.5", "running variance still a plain tensor")(own(var=False))  # the variance is still a plain attribute
wrong("12.5", "persistent=False")(own(persistent=False))  # buffers that are not saved
wrong("12.5", "gets no running statistics")(
    own(batch=True)
)  # batch statistics always: nothing to save, but one reading depends on the company


@wrong("12.6", "caught around the whole training")
def clinic_3(make_model, loader):
    """The error is caught, and training ends with the first epoch."""
    model = make_model()
    with contextlib.suppress(ValueError):
        train(model, loader)
    return model.eval()


@wrong("12.6", "single sample is doubled")
def clinic_3(make_model, loader):
    """The last sample is doubled: nothing varies, and that goes into the running statistics."""
    model = make_model()
    batches = [(torch.cat([x, x]), torch.cat([y, y])) if len(x) == 1 else (x, y) for x, y in loader]
    return train(model, batches).eval()


@torch.no_grad()
def move(average, model, share):
    for mean, value in zip(average.parameters(), model.parameters()):
        mean += share * (value - mean)


def averaged(finish):
    def clinic_4(make_model, loader):
        model = make_model()
        average = copy.deepcopy(model)
        for epoch in range(3):
            train(model, loader, epochs=1)
            move(average, model, 1 / (epoch + 1))
        return finish(average, model, loader)

    return clinic_4


def last_weights(average, model, loader):
    """Returns the trained network; the average is thrown away."""
    return model.eval()


def in_evaluation(average, model, loader):
    """The data goes through the average in evaluation mode, which moves nothing."""
    average.eval()
    with torch.no_grad():
        for x, _ in loader:
            average(x)
    return average


def in_training(average, model, loader):
    """The average is returned in training mode, and reads by the batch."""
    return average.train()


wrong("12.7", "last weights are returned")(averaged(last_weights))
wrong("12.7", "recomputed in evaluation mode")(averaged(in_evaluation))
wrong("12.7", "Only parameters() are averaged")(averaged(in_training))


@wrong("12.8", "`checkpoint` is gone")
def clinic_5(make_model, loader):
    """Nothing is computed again."""
    return train(make_model(), loader).eval()


@wrong("12.8", "two of them")
def clinic_5(make_model, loader):
    """Two moves by 1 - sqrt(1 - m) are as good as one by m, but the counter still counts twice."""
    model = make_model()
    for m in model.modules():
        if isinstance(m, NORMS):
            m.momentum = 1 - (1 - m.momentum) ** 0.5

    train(model, loader, forward=lambda x: checkpoint(model, x, use_reentrant=False))
    return model.eval()


@wrong("12.8", "use_reentrant=True")
def clinic_5(make_model, loader):
    """Reentrant checkpointing gives no gradient where the input needs none."""
    model = make_model()
    train(model, loader, forward=lambda x: checkpoint(model, x, use_reentrant=True))
    return model.eval()


class BothDomains(nn.Module):
    def __init__(self, network):
        super().__init__()
        self.network = network

    def forward(self, x, domain):
        return self.network(x)


@wrong("12.9", "two whole networks")
def clinic_6(make_model, loader):
    """Two networks, one for each domain: no weights are shared."""

    class Two(nn.Module):
        def __init__(self):
            super().__init__()
            self.networks = nn.ModuleList([make_model(), make_model()])

        def forward(self, x, domain):
            return self.networks[int(domain)](x)

    return train(Two(), loader).eval()


@wrong("12.9", "in a plain Python list")
def clinic_6(make_model, loader):
    """The normalizations stand in a plain list: those of the second domain are not in the state dict."""

    class DomainBN(nn.Module):
        def __init__(self, norm):
            super().__init__()
            self.bns = [norm, copy.deepcopy(norm)]
            self.weight, self.bias, self.domain = norm.weight, norm.bias, 0

        def forward(self, x):
            bn = self.bns[self.domain].train(self.training)
            return bn(x)

    class Model(BothDomains):
        def forward(self, x, domain):
            for m in self.modules():
                if isinstance(m, DomainBN):
                    m.domain = int(domain)
            return self.network(x)

    return train(Model(exchange(make_model(), DomainBN)), loader).eval()


@wrong("12.9", "one set of running statistics")
def clinic_6(make_model, loader):
    """Returned in training mode: each batch is read by itself, and reading moves the statistics of both."""
    return train(BothDomains(make_model()), loader).train()
