"""Less usual wrong answers to chapter 12: crashes, own ways, half-remembered recipes."""

# ruff: noqa: F811  one name has many answers

import copy

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint

from tests.course.honest_wrong import wrong
from tests.course.honest_wrong.more_small_batches import NORMS, BothDomains, exchange, train


def standard(x, axes, eps):
    return (x - x.mean(axes, keepdims=True)) / np.sqrt(x.var(axes, keepdims=True) + eps)


@wrong("12.1", "left over are lost")
def ghost_batch_norm(x, ghost_size, eps=1e-5):
    """The samples that are left over are dropped."""
    k = len(x) // ghost_size
    axes = (0, *range(2, x.ndim))
    return np.concatenate([standard(g, axes, eps) for g in x[: k * ghost_size].reshape(k, ghost_size, *x.shape[1:])])


@wrong("12.1", "number of ghost batches")
def ghost_batch_norm(x, ghost_size, eps=1e-5):
    """ghost_size is taken for the number of ghosts."""
    axes = (0, *range(2, x.ndim))
    return np.concatenate([standard(g, axes, eps) for g in np.array_split(x, ghost_size) if len(g)])


@wrong("12.1", "the variance that of the whole batch")
def ghost_batch_norm(x, ghost_size, eps=1e-5):
    """The mean is that of the ghost, the variance that of the whole batch."""
    axes = (0, *range(2, x.ndim))
    std = np.sqrt(x.var(axes, keepdims=True) + eps)
    parts = [x[i : i + ghost_size] for i in range(0, len(x), ghost_size)]
    return np.concatenate([(g - g.mean(axes, keepdims=True)) / std for g in parts])


@wrong("12.2", "the wrong way round")
def masked_batch_norm(x, mask, eps=1e-5):
    """NumPy's masked arrays hide where the mask is True: the padding is counted and the real steps are hidden."""
    hidden = np.ma.masked_array(x, mask=np.repeat(np.asarray(mask, bool)[..., None], x.shape[2], 2))
    z = (hidden - hidden.mean((0, 1))) / np.sqrt(hidden.var((0, 1)) + eps)
    return z.filled(0)


@wrong("12.2", "x itself is written to")
def masked_batch_norm(x, mask, eps=1e-5):
    """The padding of x is set to NaN, in the array that came in."""
    x[~mask.astype(bool)] = np.nan
    z = (x - np.nanmean(x, axis=(0, 1))) / np.sqrt(np.nanvar(x, axis=(0, 1)) + eps)
    return np.nan_to_num(z)


@wrong("12.2", "means of the sequences are averaged")
def masked_batch_norm(x, mask, eps=1e-5):
    """The means of the sequences are averaged, however long they are."""
    m = mask[..., None].astype(float)
    real = np.where(m > 0, x, 0)
    n = np.maximum(m.sum(1), 1)
    mean = (real.sum(1) / n).mean(0)
    var = ((np.where(m > 0, x - mean, 0) ** 2).sum(1) / n).mean(0)
    return np.where(m > 0, (x - mean) / np.sqrt(var + eps), 0)


@wrong("12.2", "set to 0 before, but then counts")
def masked_batch_norm(x, mask, eps=1e-5):
    """Padding is set to 0 before, and to what 0 becomes afterwards; the sums are divided by N T."""
    z = np.where(mask[..., None] > 0, x, 0)
    mean = z.mean(axis=(0, 1))
    var = z.var(axis=(0, 1))
    return (z - mean) / np.sqrt(var + eps)


@wrong("12.3", "weighted mean of the batches' variances")
def recompute_statistics(model, loader):
    """The variances of the batches are weighed by their size, what their means differ by is left out."""
    norms = [m for m in model.modules() if isinstance(m, NORMS) and m.running_mean is not None]
    modes, sums = [(m, m.training) for m in model.modules()], {m: [0, 0, 0] for m in norms}

    def hook(m, args):
        x = args[0].double().transpose(0, 1).flatten(1)
        n = x.shape[1]
        sums[m] = [sums[m][0] + n, sums[m][1] + n * x.mean(1), sums[m][2] + n * x.var(1, unbiased=False)]

    handles = [m.register_forward_pre_hook(hook) for m in norms]
    model.train()
    with torch.no_grad():
        for x, _ in loader:
            model(x)
    for h in handles:
        h.remove()
    for m, (n, mean, var) in sums.items():
        m.running_mean.copy_(mean / n)
        m.running_var.copy_(var / n)
    for m, mode in modes:
        m.training = mode


@wrong("12.3", "walked through twice")
def recompute_statistics(model, loader):
    """Two walks through the loader, one for the mean and one for the variance."""
    norms = [m for m in model.modules() if isinstance(m, NORMS) and m.track_running_stats]
    modes = [(m, m.training) for m in model.modules()]
    model.train()
    found = {}
    for turn in ("mean", "var"):
        count, sums = dict.fromkeys(norms, 0), dict.fromkeys(norms, 0.0)

        def hook(m, args, turn=turn, count=count, sums=sums):
            x = args[0].double().transpose(0, 1).flatten(1)
            count[m] += x.shape[1]
            sums[m] = sums[m] + (x.sum(1) if turn == "mean" else (x - found["mean"][m][:, None]).square().sum(1))

        handles = [m.register_forward_pre_hook(hook) for m in norms]
        with torch.no_grad():
            for x, _ in loader:
                model(x)
        for h in handles:
            h.remove()
        found[turn] = {m: sums[m] / max(count[m], 1) for m in norms}
    for m in norms:
        m.running_mean.copy_(found["mean"][m])
        m.running_var.copy_(found["var"][m])
    for m, mode in modes:
        m.training = mode


@wrong("12.4", "returned in training mode")
def clinic_1(make_model, loader):
    """eval without its brackets does nothing."""
    model = train(make_model(), loader)
    model.eval  # noqa: B018
    return model


@wrong("12.4", "before the training")
def clinic_1(make_model, loader):
    """Trained in evaluation mode from the start."""
    return train(make_model().eval(), loader)


@wrong("12.4", "normalizations are taken out")
def clinic_1(make_model, loader):
    """The normalizations are taken out of the network."""
    return train(exchange(make_model(), lambda norm: nn.Identity()), loader).eval()


class Learnt(nn.Module):
    """The statistics are parameters, which may not be changed in place while they take gradients."""

    def __init__(self, norm):
        super().__init__()
        self.weight, self.bias, self.momentum, self.eps = norm.weight, norm.bias, norm.momentum, norm.eps
        self.running_mean = nn.Parameter(torch.zeros(norm.num_features))
        self.running_var = nn.Parameter(torch.ones(norm.num_features))

    def forward(self, x):
        stats = self.running_mean, self.running_var
        return F.batch_norm(x, *stats, self.weight, self.bias, self.training, self.momentum, self.eps)


@wrong("12.5", "are parameters that take gradients")
def clinic_2(make_model, loader):
    """The statistics are parameters that take gradients."""
    return train(exchange(make_model(), Learnt), loader).eval()


@wrong("12.6", "empty after the first epoch")
def clinic_3(make_model, loader):
    """The iterator over all batches but the last is made once, and is empty after the first epoch."""
    model, batches = make_model(), iter(list(loader)[:-1])
    for _ in range(3):
        train(model, batches, epochs=1)
    return model.eval()


@wrong("12.6")
def clinic_3(make_model, loader):
    """A copy of the sample with a little noise stands beside it: the variance is nearly 0."""
    batches = []
    for x, y in loader:
        if len(x) == 1:
            x, y = torch.cat([x, x + 1e-3 * torch.randn_like(x)]), torch.cat([y, y])
        batches.append((x, y))
    return train(make_model(), batches).eval()


@wrong("12.6", "this loader has none")
def clinic_3(make_model, loader):
    """DataLoader with drop_last: the loader that came in has no dataset."""
    from torch.utils.data import DataLoader

    return train(make_model(), DataLoader(loader.dataset, batch_size=32, shuffle=True, drop_last=True)).eval()


@wrong("12.7", "All of the state dict is averaged")
def clinic_4(make_model, loader):
    """All of the state dict is averaged, the counter of batches too, which is a whole number."""
    model = make_model()
    average = copy.deepcopy(model)
    for epoch in range(3):
        train(model, loader, epochs=1)
        with torch.no_grad():
            for a, v in zip(average.state_dict().values(), model.state_dict().values()):
                a += (v - a) / (epoch + 1)
    return average.eval()


@wrong("12.7", "sees one batch in training mode")
def clinic_4(make_model, loader):
    """The statistics are moved towards the batch's by one pass with the layer's momentum, from 0 and 1."""
    model = make_model()
    average = copy.deepcopy(model)
    for epoch in range(3):
        train(model, loader, epochs=1)
        with torch.no_grad():
            for a, v in zip(average.parameters(), model.parameters()):
                a += (v - a) / (epoch + 1)
    average.train()
    with torch.no_grad():
        average(next(iter(loader))[0])
    return average.eval()


@wrong("12.8", "they have moved twice")
def clinic_5(make_model, loader):
    """The counter is halved at the end, the statistics have moved twice."""
    model = make_model()
    train(model, loader, forward=lambda x: checkpoint(model, x, use_reentrant=False))
    for m in model.modules():
        if isinstance(m, NORMS):
            m.num_batches_tracked //= 2
    return model.eval()


@wrong("12.8", "in another state while backward() runs")
def clinic_5(make_model, loader):
    """The first pass is in training mode, the second in evaluation mode."""
    model = make_model()
    turn = [0]

    def run(x):
        turn[0] += 1
        for m in model.modules():
            if isinstance(m, NORMS):
                m.train(turn[0] % 2 == 1)
        return model(x)

    return train(model, loader, forward=lambda x: checkpoint(run, x, use_reentrant=False)).eval()


class Pair(nn.Module):
    """Two entries, but one and the same normalization."""

    def __init__(self, norm, twice=False):
        super().__init__()
        self.norms, self.domain = nn.ModuleList([norm, norm if twice else copy.deepcopy(norm)]), 0

    def forward(self, x):
        return self.norms[self.domain](x)


class Switched(BothDomains):
    def forward(self, x, domain):
        for m in self.modules():
            if isinstance(m, Pair):
                m.domain = int(domain)
        return self.network(x)


@wrong("12.9", "one and the same layer")
def clinic_6(make_model, loader):
    """Both places hold the same normalization."""
    return train(Switched(exchange(make_model(), lambda norm: Pair(norm, twice=True))), loader).eval()


@wrong("12.9", "Only the first normalization")
def clinic_6(make_model, loader):
    """Only the first normalization has a pair."""
    made = []

    def once(norm):
        made.append(norm)
        return Pair(norm) if len(made) == 1 else norm

    return train(Switched(exchange(make_model(), once)), loader).eval()


@wrong("12.9", "never handed to them")
def clinic_6(make_model, loader):
    """The domain is never passed on: the first of each pair serves both."""
    return train(BothDomains(exchange(make_model(), Pair)), loader).eval()
