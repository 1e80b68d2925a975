"""Known wrong answers to exercise 12.4: the six patients as they came, and cures that fail, each with the sentence that helps."""

import contextlib
import copy

import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint

from bncourse.checking import mistake

NORMALIZATION = nn.modules.batchnorm._BatchNorm


def step(optimizer, logits, y):
    optimizer.zero_grad()
    F.cross_entropy(logits, y).backward()
    optimizer.step()


def descend(model, loader, epochs=3, forward=None):
    """The loop that five of the six have in common."""
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for _ in range(epochs):
        for x, *y in loader:
            step(optimizer, (forward or model)(x, *y[1:]), y[0])
    return model


def exchanged(module, make):
    """`module` with make(norm) in the place of each normalization."""
    for name, child in module.named_children():
        setattr(module, name, make(child)) if isinstance(child, NORMALIZATION) else exchanged(child, make)
    return module


# Right answers: a wrong one below takes the place of one of them.


def clinic_1(make_model, loader):
    return descend(make_model(), loader).eval()


class OwnNorm(nn.Module):
    """A normalization of somebody's own; `keep` puts the running statistics into it."""

    def __init__(self, norm, keep=nn.Module.register_buffer, always_batch=False):
        super().__init__()
        self.weight, self.bias, self.always_batch = norm.weight, norm.bias, always_batch
        self.momentum, self.eps = norm.momentum, norm.eps
        keep(self, "running_mean", torch.zeros(norm.num_features))
        keep(self, "running_var", torch.ones(norm.num_features))

    def forward(self, x):
        training = self.training or self.always_batch
        statistics = self.running_mean, self.running_var
        return F.batch_norm(x, *statistics, self.weight, self.bias, training, self.momentum, self.eps)


def clinic_2(make_model, loader):
    return descend(exchanged(make_model(), OwnNorm), loader).eval()


def clinic_3(make_model, loader):
    model = make_model()
    for _ in range(3):
        descend(model, [batch for batch in loader if len(batch[0]) > 1], epochs=1)
    return model.eval()


def averaged(make_model, loader, after=lambda average, model: None, weigh=lambda epoch: 1 / (epoch + 1)):
    model = make_model()
    average = copy.deepcopy(model)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for epoch in range(3):
        for x, y in loader:
            step(optimizer, model(x), y)
        with torch.no_grad():
            for mean, value in zip(average.parameters(), model.parameters()):
                mean += (value - mean) * weigh(epoch)
    after(average, model)
    return average.eval()


def clinic_4(make_model, loader):
    return averaged(make_model, loader, lambda average, model: torch.optim.swa_utils.update_bn(loader, average))


def checkpointed(make_model, loader, around_backward=lambda model: contextlib.nullcontext()):
    model = make_model()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for _ in range(3):
        for x, y in loader:
            logits = checkpoint(model, x, use_reentrant=False)
            with around_backward(model):
                step(optimizer, logits, y)
    return model.eval()


@contextlib.contextmanager
def buffers_kept(model, which=""):
    kept = [(buffer, buffer.clone()) for name, buffer in model.named_buffers() if which in name]
    yield
    for buffer, value in kept:
        buffer.copy_(value)


def clinic_5(make_model, loader):
    return checkpointed(make_model, loader, buffers_kept)


class DomainNorm(nn.Module):
    def __init__(self, norm):
        super().__init__()
        self.norms, self.domain = nn.ModuleList([norm, copy.deepcopy(norm)]), 0

    def forward(self, x):
        return self.norms[self.domain](x)


class Both(nn.Module):
    """A network for two domains; `choose` says which statistics a domain uses."""

    def __init__(self, network, choose=lambda domain, training: int(domain)):
        super().__init__()
        self.network, self.choose = network, choose

    def forward(self, x, domain):
        for module in self.modules():
            if hasattr(module, "domain"):
                module.domain = self.choose(domain, self.training)
        return self.network(x)


def clinic_6(make_model, loader):
    return descend(Both(exchanged(make_model(), DomainNorm)), loader).eval()


# 1


@mistake("12.4")
def clinic_1(make_model, loader):
    """Patient 1: the model is returned in training mode, so a batch of one class is normalised with its own statistics, which takes out what makes it that class. Return it in evaluation mode."""
    return descend(make_model(), loader)


@mistake("12.4")
def clinic_1(make_model, loader):
    """Patient 1: turning gradients off (requires_grad_(False), no_grad) is not evaluation mode: the statistics are still those of the batch."""
    return descend(make_model(), loader).requires_grad_(False)


@mistake("12.4")
def clinic_1(make_model, loader):
    """Patient 1: eval() before the training: the network then trains without batch statistics, and its running statistics are still 0 and 1."""
    return descend(make_model().eval(), loader)


@mistake("12.4")
def clinic_1(make_model, loader):
    """Patient 1: momentum = 0 keeps the running statistics from moving, but in training mode they are not used anyway."""
    model = descend(make_model(), loader)
    for module in model.modules():
        if isinstance(module, NORMALIZATION):
            module.momentum = 0.0
    return model


@mistake("12.4")
def clinic_1(make_model, loader):
    """Patient 1: only modules that are direct children are put into evaluation mode; those inside of them stay in training. model.eval() reaches all."""
    model = descend(make_model(), loader)
    for module in model.children():
        module.training = False
    return model


@mistake("12.4")
def clinic_1(make_model, loader):
    """Patient 1: without running statistics (track_running_stats=False) a normalization uses those of the batch in evaluation mode too."""

    def forgetful(norm):
        norm.track_running_stats, norm.running_mean, norm.running_var = False, None, None
        return norm

    return exchanged(descend(make_model(), loader), forgetful).eval()


# 2


@mistake("12.4")
def clinic_2(make_model, loader):
    """Patient 2: the running statistics are plain tensors, which a module does not put into its state dict. register_buffer does."""
    return descend(exchanged(make_model(), lambda norm: OwnNorm(norm, setattr)), loader).eval()


@mistake("12.4")
def clinic_2(make_model, loader):
    """Patient 2: a buffer with persistent=False is moved between devices, but not saved."""

    def keep(module, name, value):
        module.register_buffer(name, value, persistent=False)

    return descend(exchanged(make_model(), lambda norm: OwnNorm(norm, keep)), loader).eval()


@mistake("12.4")
def clinic_2(make_model, loader):
    """Patient 2: the running mean is a buffer now, the running variance still a plain tensor."""

    def keep(module, name, value):
        module.register_buffer(name, value) if name == "running_mean" else setattr(module, name, value)

    return descend(exchanged(make_model(), lambda norm: OwnNorm(norm, keep)), loader).eval()


@mistake("12.4")
def clinic_2(make_model, loader):
    """Patient 2: the buffers have other names than the tensors that the forward pass uses and moves: what is saved are zeros and ones."""

    def keep(module, name, value):
        module.register_buffer(f"saved_{name}", value.clone())
        setattr(module, name, value)

    return descend(exchanged(make_model(), lambda norm: OwnNorm(norm, keep)), loader).eval()


@mistake("12.4")
def clinic_2(make_model, loader):
    """Patient 2: nothing is lost any more because nothing is used: the layer takes batch statistics in evaluation mode too, and moves the others meanwhile."""
    return descend(exchanged(make_model(), lambda norm: OwnNorm(norm, always_batch=True)), loader).eval()


# 3


@mistake("12.4")
def clinic_3(make_model, loader):
    """Patient 3: a batch of one sample reaches the normalization in training mode, where nothing can be averaged: PyTorch refuses."""
    return descend(make_model(), loader).eval()


@mistake("12.4")
def clinic_3(make_model, loader):
    """Patient 3: the single sample is doubled. Then the variance of its batch is 0, and the running statistics move towards that one sample."""
    batches = [(x.repeat(2, *[1] * (x.dim() - 1)), y.repeat(2)) if len(x) == 1 else (x, y) for x, y in loader]
    return descend(make_model(), batches).eval()


@mistake("12.4")
def clinic_3(make_model, loader):
    """Patient 3: evaluation mode lets the single sample through, but train() never comes back: from the second epoch on no statistic moves."""
    model = make_model()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for _ in range(3):
        for x, y in loader:
            if len(x) == 1:
                model.eval()
            step(optimizer, model(x), y)
    return model.eval()


@mistake("12.4")
def clinic_3(make_model, loader):
    """Patient 3: the whole training runs in evaluation mode: no batch is refused, and no statistic moves."""
    return descend(make_model().eval(), loader)


@mistake("12.4")
def clinic_3(make_model, loader):
    """Patient 3: the normalizations are taken out. That cures the error and loses what they were there for."""
    return descend(exchanged(make_model(), lambda norm: nn.Identity()), loader).eval()


@mistake("12.4")
def clinic_3(make_model, loader):
    """Patient 3: without running statistics nothing is refused less in training, and in evaluation mode the batch decides."""

    def forgetful(norm):
        norm.track_running_stats, norm.running_mean, norm.running_var = False, None, None
        return norm

    batches = [batch for batch in loader if len(batch[0]) > 1]
    return descend(exchanged(make_model(), forgetful), batches).eval()


# 4


@mistake("12.4")
def clinic_4(make_model, loader):
    """Patient 4: parameters() yields no buffers: the running statistics of the average are still 0 and 1. Average them too, or recompute them at the end."""
    return averaged(make_model, loader)


@mistake("12.4")
def clinic_4(make_model, loader):
    """Patient 4: the last weights are returned, not the average."""
    return descend(make_model(), loader).eval()


@mistake("12.4")
def clinic_4(make_model, loader):
    """Patient 4: `average = model` is a second name for one network, not a copy; the result are the last weights. Use copy.deepcopy."""
    model = average = make_model()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for epoch in range(3):
        for x, y in loader:
            step(optimizer, model(x), y)
        with torch.no_grad():
            for mean, value in zip(average.parameters(), model.parameters()):
                mean += (value - mean) / (epoch + 1)
    torch.optim.swa_utils.update_bn(loader, average)
    return average.eval()


@mistake("12.4")
def clinic_4(make_model, loader):
    """Patient 4: the statistics are recomputed in evaluation mode, in which a forward pass moves nothing, or for the network in training instead of its average."""

    def recompute(average, model):
        average.eval()
        with torch.no_grad():
            for x, _ in loader:
                average(x)

    return averaged(make_model, loader, recompute)


@mistake("12.4")
def clinic_4(make_model, loader):
    """Patient 4: the weights are added and never divided: that is a sum, not an average."""

    def add_up(average, model):
        with torch.no_grad():
            for value in average.parameters():
                value *= 3
        torch.optim.swa_utils.update_bn(loader, average)

    return averaged(make_model, loader, add_up)


@mistake("12.4")
def clinic_4(make_model, loader):
    """Patient 4: only the first epoch enters the average, the later ones with weight 0: these are the weights of one moment."""

    def recompute(average, model):
        torch.optim.swa_utils.update_bn(loader, average)

    return averaged(make_model, loader, recompute, weigh=lambda epoch: float(epoch == 0))


@mistake("12.4")
def clinic_4(make_model, loader):
    """Patient 4: only the running means come along, the running variances are still 1."""

    def copy_means(average, model):
        with torch.no_grad():
            for (name, mine), theirs in zip(average.named_buffers(), model.buffers()):
                if name.endswith("running_mean"):
                    mine.copy_(theirs)

    return averaged(make_model, loader, copy_means)


# 5


@mistake("12.4")
def clinic_5(make_model, loader):
    """Patient 5: inside backward() the forward pass runs again in training mode, and moves the running statistics a second time."""
    return checkpointed(make_model, loader)


@mistake("12.4")
def clinic_5(make_model, loader):
    """Patient 5: with momentum 1 − √(1 − m) two moves are as long as one, but there are still two of them: num_batches_tracked tells."""

    def make_slow():
        def slowed(norm):
            norm.momentum = 1 - (1 - norm.momentum) ** 0.5
            return norm

        return exchanged(make_model(), slowed)

    return checkpointed(make_slow, loader)


@mistake("12.4")
def clinic_5(make_model, loader):
    """Patient 5: the counter is set right and the statistics are not: they have moved twice a step."""
    return checkpointed(make_model, loader, lambda model: buffers_kept(model, "num_batches_tracked"))


@mistake("12.4")
def clinic_5(make_model, loader):
    """Patient 5: the running mean is put back after backward(), the running variance and the counter are not."""
    return checkpointed(make_model, loader, lambda model: buffers_kept(model, "running_mean"))


@mistake("12.4")
def clinic_5(make_model, loader):
    """Patient 5: the statistics are put back to what they were before the forward pass: they never move at all."""
    model = make_model()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for _ in range(3):
        for x, y in loader:
            with buffers_kept(model):
                step(optimizer, checkpoint(model, x, use_reentrant=False), y)
    return model.eval()


@mistake("12.4")
def clinic_5(make_model, loader):
    """Patient 5: in evaluation mode the network has nothing to count twice, and no batch statistics to train with either."""
    model = make_model().eval()
    return descend(model, loader, forward=lambda x: checkpoint(model, x, use_reentrant=False))


# 6


@mistake("12.4")
def clinic_6(make_model, loader):
    """Patient 6: both domains move one set of running statistics, which then fits neither of them. Each normalization needs a set for each domain."""
    return descend(Both(make_model()), loader).eval()


@mistake("12.4")
def clinic_6(make_model, loader):
    """Patient 6: there are two whole networks, one for each domain; the weights should serve both."""

    class Two(nn.Module):
        def __init__(self):
            super().__init__()
            self.networks = nn.ModuleList([make_model(), make_model()])

        def forward(self, x, domain):
            return self.networks[int(domain)](x)

    return descend(Two(), loader).eval()


@mistake("12.4")
def clinic_6(make_model, loader):
    """Patient 6: in training each domain has its statistics, in evaluation both get those of domain 0."""
    both = Both(exchanged(make_model(), DomainNorm), choose=lambda domain, training: int(domain) if training else 0)
    return descend(both, loader).eval()


@mistake("12.4")
def clinic_6(make_model, loader):
    """Patient 6: there are two sets of statistics, but the domain is never handed to them: all batches use the first."""
    return descend(Both(exchanged(make_model(), DomainNorm), choose=lambda domain, training: 0), loader).eval()


@mistake("12.4")
def clinic_6(make_model, loader):
    """Patient 6: only the first normalization has two sets; those behind it still mix the domains."""
    made = []

    def first_only(norm):
        made.append(norm)
        return DomainNorm(norm) if len(made) == 1 else norm

    return descend(Both(exchanged(make_model(), first_only)), loader).eval()


@mistake("12.4")
def clinic_6(make_model, loader):
    """Patient 6: each domain has its own γ and β, but the running statistics are still shared."""

    class Shared(DomainNorm):
        def __init__(self, norm):
            super().__init__(norm)
            for name in ("running_mean", "running_var", "num_batches_tracked"):
                self.norms[1]._buffers[name] = self.norms[0]._buffers[name]

    return descend(Both(exchanged(make_model(), Shared)), loader).eval()


@mistake("12.4")
def clinic_6(make_model, loader):
    """Patient 6: the statistics of the two domains are swapped in and out of a dictionary in Python: the state dict holds only those used last."""

    class Swapped(nn.Module):
        def __init__(self, network):
            super().__init__()
            self.network, self.used, self.memory = network, 0, {}

        def forward(self, x, domain):
            if int(domain) != self.used:
                for name, buffer in self.network.named_buffers():
                    self.memory[self.used, name] = buffer.clone()
                    buffer.copy_(self.memory.get((int(domain), name), buffer))
                self.used = int(domain)
            return self.network(x)

    return descend(Swapped(make_model()), loader).eval()


@mistake("12.4")
def clinic_6(make_model, loader):
    """Patient 6: batch statistics for ever: in evaluation mode each batch is normalised with its own, so sorted batches are misread and no domain has a memory."""

    def forgetful(norm):
        norm.track_running_stats, norm.running_mean, norm.running_var = False, None, None
        return norm

    return descend(Both(exchanged(make_model(), forgetful)), loader).eval()
