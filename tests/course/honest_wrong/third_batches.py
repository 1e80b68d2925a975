"""Still more wrong answers to chapter 12, written before any look at checks, mistakes or this bank."""

# ruff: noqa: F811  one name has many answers

import copy

import numpy as np
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


@wrong("12.1", "The variance is divided by n − 1. For a ghost batch")
def ghost_batch_norm(x, ghost_size, eps=1e-5):
    """The unbiased variance."""
    g = x.reshape(-1, ghost_size, *x.shape[1:])
    ax = (1, *range(3, g.ndim))
    y = (g - g.mean(ax, keepdims=True)) / np.sqrt(g.var(ax, ddof=1, keepdims=True) + eps)
    return y.reshape(x.shape)


@wrong("12.1", "The statistics of the ghost batches are averaged,")
def ghost_batch_norm(x, ghost_size, eps=1e-5):
    """Statistics averaged over the ghosts."""
    ax = (0, *range(2, x.ndim))
    ghosts = [x[i : i + ghost_size] for i in range(0, len(x), ghost_size)]
    mean = np.mean([g.mean(ax, keepdims=True) for g in ghosts], axis=0)
    var = np.mean([g.var(ax, keepdims=True) for g in ghosts], axis=0)
    return np.concatenate([(g - mean) / np.sqrt(var + eps) for g in ghosts])


@wrong("12.2", "Padding is set to 0, and these zeros are then counted")
def masked_batch_norm(x, mask, eps=1e-5):
    """Padding set to 0 counts in mean and variance."""
    m = mask[:, :, None].astype(x.dtype)
    xm = np.where(m > 0, x, 0)
    mean = xm.mean(axis=(0, 1), keepdims=True)
    var = xm.var(axis=(0, 1), keepdims=True)
    return (xm - mean) / np.sqrt(var + eps) * m


@wrong("12.2", "The means of the sequences are averaged", named=False)
def masked_batch_norm(x, mask, eps=1e-5):
    """Statistics of each sequence, averaged."""
    mask = np.asarray(mask, dtype=bool)
    means, variances = [], []
    for seq, m in zip(x, mask):
        if m.any():
            means.append(seq[m].mean(axis=0))
            variances.append(seq[m].var(axis=0))
    mean, var = np.mean(means, axis=0), np.mean(variances, axis=0)
    y = (x - mean) / np.sqrt(var + eps)
    return np.where(mask[..., None], y, 0.0)


@wrong("12.2", "A value of 0 at a real step is left out like")
def masked_batch_norm(x, mask, eps=1e-5):
    """Real values detected by x != 0."""
    xm = x * mask[..., None]
    out = np.zeros(x.shape)
    for c in range(x.shape[2]):
        col = xm[..., c]
        real = col != 0
        vals = col[real]
        out[..., c][real] = (vals - vals.mean()) / np.sqrt(vals.var() + eps)
    return out


@wrong("12.2", "The variance is divided by n − 1; in normalising it")
def masked_batch_norm(x, mask, eps=1e-5):
    """The unbiased deviation plus eps."""
    m = mask.astype(bool)
    v = x[m]
    mean, std = v.mean(axis=0), v.std(axis=0, ddof=1)
    y = (x - mean) / (std + eps)
    y[~m] = 0
    return y


@wrong("12.3", "The running averages are only moved on, from what")
def recompute_statistics(model, loader):
    """Moved on by momentum, left in evaluation mode."""
    model.train()
    with torch.no_grad():
        for x, _ in loader:
            model(x)
    model.eval()
    return model


@wrong("12.3", "You watch the layers while they are in evaluation mode", named=False)
def recompute_statistics(model, loader):
    """The pass runs in evaluation mode."""
    bns = [m for m in model.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm) and m.track_running_stats]
    seen = {m: [] for m in bns}
    hs = [m.register_forward_pre_hook(lambda m, i: seen[m].append(i[0].detach().clone())) for m in bns]
    was = [(m, m.training) for m in model.modules()]
    model.eval()
    with torch.no_grad():
        for x, _ in loader:
            model(x)
    for h in hs:
        h.remove()
    for m, t in was:
        m.training = t
    for m in bns:
        z = torch.cat(seen[m]).double().transpose(0, 1).flatten(1)
        m.running_mean.copy_(z.mean(1))
        m.running_var.copy_(z.var(1, unbiased=False))


@wrong("12.4", "eval() is called before the training: the network")
def clinic_1(make_model, loader):
    """Evaluation mode before the training."""
    model = make_model()
    model.eval()
    return train(model, loader)


@wrong("12.4", "You train on batches of another order or make-up")
def clinic_1(make_model, loader):
    """Batches in another order, returned in training mode."""
    model = make_model()
    batches = list(loader)
    for _ in range(3):
        order = torch.randperm(len(batches))
        train(model, [batches[int(i)] for i in order], epochs=1)
    return model


@wrong("12.4", "Without running statistics (track_running_stats=False)", named=False)
def clinic_1(make_model, loader):
    """The running statistics are taken away."""
    model = make_model()
    for m in model.modules():
        if isinstance(m, (nn.BatchNorm1d, nn.BatchNorm2d)):
            m.track_running_stats = False
            m.running_mean = None
            m.running_var = None
    train(model, loader)
    return model.eval()


@wrong("12.4", "The model is returned in training mode", named=False)
def clinic_1(make_model, loader):
    """Evaluation mode for a while, then training mode again."""
    model = make_model()
    model.train()
    train(model, loader)
    model.eval()
    with torch.no_grad():
        for x, _ in loader:
            model(x)
    model.train()
    return model


@wrong("12.4", "A momentum of 0 keeps the running statistics", named=False)
def clinic_1(make_model, loader):
    """Momentum 0."""
    model = make_model()
    for m in model.modules():
        if isinstance(m, (nn.BatchNorm1d, nn.BatchNorm2d)):
            m.momentum = 0.0
    train(model, loader)
    return model.eval()


@wrong("12.5")
def clinic_2(make_model, loader):
    """The buffers are cloned, and the clones are moved."""

    class Norm(nn.Module):
        def __init__(self, norm):
            super().__init__()
            self.weight, self.bias = norm.weight, norm.bias
            self.momentum, self.eps = norm.momentum, norm.eps
            self.register_buffer("running_mean", torch.zeros(norm.num_features))
            self.register_buffer("running_var", torch.ones(norm.num_features))

        def forward(self, x):
            mean, var = self.running_mean.clone(), self.running_var.clone()
            return F.batch_norm(x, mean, var, self.weight, self.bias, self.training, self.momentum, self.eps)

    return train(exchange(make_model(), Norm), loader).eval()


@wrong("12.5", "The running statistics are parameters that take")
def clinic_2(make_model, loader):
    """Statistics as parameters."""

    class OwnNorm(nn.Module):
        def __init__(self, norm):
            super().__init__()
            self.weight, self.bias = norm.weight, norm.bias
            self.momentum, self.eps = norm.momentum, norm.eps
            self.running_mean = nn.Parameter(torch.zeros(norm.num_features))
            self.running_var = nn.Parameter(torch.ones(norm.num_features))

        def forward(self, x):
            stats = self.running_mean, self.running_var
            return F.batch_norm(x, *stats, self.weight, self.bias, self.training, self.momentum, self.eps)

    return train(exchange(make_model(), OwnNorm), loader).eval()


@wrong("12.6", "The single sample is doubled. Then the variance of")
def clinic_3(make_model, loader):
    """Doubles the single sample: variance 0 goes into the statistics."""
    fixed = []
    for x, y in loader:
        if len(x) == 1:
            x, y = torch.cat([x, x]), torch.cat([y, y])
        fixed.append((x, y))
    model = make_model()
    train(model, fixed)
    return model.eval()


@wrong("12.6", "The whole training runs in evaluation mode: no")
def clinic_3(make_model, loader):
    """Trains all in eval mode: no error."""
    model = make_model().eval()
    return train(model, loader)


@wrong("12.6")
def clinic_3(make_model, loader):
    """A black image joins the single one."""

    def padded():
        for x, y in loader:
            if len(x) == 1:
                x = torch.cat([x, torch.zeros_like(x)])
                y = torch.cat([y, y])
            yield x, y

    model = make_model()
    for _ in range(3):
        train(model, padded(), epochs=1)
    return model.eval()


@wrong("12.7", "The last weights are returned, not the average.")
def clinic_4(make_model, loader):
    """The last weights."""
    model = make_model()
    average = copy.deepcopy(model)
    for epoch in range(3):
        train(model, loader, epochs=1)
        move(average, model, 1 / (epoch + 1))
    average = copy.deepcopy(model)
    return average.eval()


@wrong("12.7", "Only parameters() are averaged, and they hold no")
def clinic_4(make_model, loader):
    """Returned in training mode, so that the test batch normalises."""
    model = make_model()
    average = copy.deepcopy(model)
    for epoch in range(3):
        train(model, loader, epochs=1)
        move(average, model, 1 / (epoch + 1))
    return average.train()


@wrong("12.7", "The last weights are returned, not the average.")
def clinic_4(make_model, loader):
    """The last state overwrites the average."""
    model = make_model()
    average = copy.deepcopy(model)
    for epoch in range(3):
        train(model, loader, epochs=1)
        move(average, model, 1 / (epoch + 1))
    average.load_state_dict(model.state_dict())
    return average.eval()


@wrong("12.7")
def clinic_4(make_model, loader):
    """An exponential average that hardly leaves the first weights."""
    model = make_model()
    average = copy.deepcopy(model)
    for _ in range(3):
        train(model, loader, epochs=1)
        with torch.no_grad():
            for a, m in zip(average.state_dict().values(), model.state_dict().values()):
                if a.is_floating_point():
                    a.mul_(0.999).add_(0.001 * m)
    return average.eval()


@wrong("12.8", "`checkpoint` is gone: the statistics are right, but")
def clinic_5(make_model, loader):
    """No checkpoint."""
    model = make_model()
    train(model, loader)
    return model.eval()


@wrong("12.8", "Inside backward() the forward pass runs again in")
def clinic_5(make_model, loader):
    """The reentrant checkpoint."""
    model = make_model()

    def forward(x):
        x = x.clone().requires_grad_(True)
        return checkpoint(model, x, use_reentrant=True)

    train(model, loader, forward=forward)
    return model.eval()


@wrong("12.9", "There are two whole networks, one for each domain;")
def clinic_6(make_model, loader):
    """Two complete networks: weights not shared."""

    class Two(nn.Module):
        def __init__(self):
            super().__init__()
            self.nets = nn.ModuleList([make_model(), make_model()])

        def forward(self, x, domain):
            return self.nets[int(domain)](x)

    model = Two()
    train(model, loader)
    return model.eval()


@wrong("12.9")
def clinic_6(make_model, loader):
    """Layers in a plain list, whose mode is looked after by hand."""
    state = {"domain": 0}

    class DSBN(nn.Module):
        def __init__(self, norm):
            super().__init__()
            self.norms = [norm, copy.deepcopy(norm)]

        def forward(self, x):
            return self.norms[state["domain"]](x)

        def train(self, mode=True):
            for n in self.norms:
                n.train(mode)
            return super().train(mode)

    class Model(nn.Module):
        def __init__(self):
            super().__init__()
            self.net = exchange(make_model(), DSBN)

        def forward(self, x, domain):
            state["domain"] = int(domain)
            return self.net(x)

    return train(Model(), loader).eval()


@wrong("12.6", "The last batch is always left out")
def clinic_3(make_model, loader):
    """The last batch goes, whatever it holds."""
    return train(make_model(), list(loader)[:-1]).eval()


@wrong("12.8", "they are switched off, or put back")
def clinic_5(make_model, loader):
    """No running statistics while the checkpoint trains."""
    model = make_model()
    for m in model.modules():
        if isinstance(m, (nn.BatchNorm1d, nn.BatchNorm2d)):
            m.track_running_stats = False
    train(model, loader, forward=lambda x: checkpoint(model, x, use_reentrant=False))
    return model.eval()
