"""Known wrong answers to exercise 12.9, each with the sentence that helps."""

import copy

import torch
from torch import nn
from torch.nn import functional as F

from bncourse.checking import mistake

NORMALIZATION = nn.modules.batchnorm._BatchNorm


def descend(model, loader, epochs=3):
    """The training of the notebook."""
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for _ in range(epochs):
        for x, y, domain in loader:
            optimizer.zero_grad()
            F.cross_entropy(model(x, domain), y).backward()
            optimizer.step()
    return model


def exchanged(module, make):
    """`module` with make(norm) in the place of each normalization."""
    for name, child in module.named_children():
        setattr(module, name, make(child)) if isinstance(child, NORMALIZATION) else exchanged(child, make)
    return module


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


@mistake("12.9")
def clinic_6(make_model, loader):
    """Both domains move one set of running statistics, which then fits neither of them. Each normalization needs a set for each domain."""
    return descend(Both(make_model()), loader).eval()


@mistake("12.9")
def clinic_6(make_model, loader):
    """Both places of the list hold one and the same layer, so its statistics are shared as before: the second must be a copy."""

    class Twice(DomainNorm):
        def __init__(self, norm):
            super().__init__(norm)
            self.norms[1] = norm

    return descend(Both(exchanged(make_model(), Twice)), loader).eval()


@mistake("12.9")
def clinic_6(make_model, loader):
    """The layers of the two domains stand in a plain Python list, in which a module sees none of its parts: they are not trained, not saved, and not reached by eval(). nn.ModuleList is the list for layers."""

    class Hidden(nn.Module):
        def __init__(self, norm):
            super().__init__()
            self.norms, self.domain = [norm, copy.deepcopy(norm)], 0

        forward = DomainNorm.forward

    return descend(Both(exchanged(make_model(), Hidden)), loader).eval()


@mistake("12.9")
def clinic_6(make_model, loader):
    """There are two whole networks, one for each domain; the weights should serve both."""

    class Two(nn.Module):
        def __init__(self):
            super().__init__()
            self.networks = nn.ModuleList([make_model(), make_model()])

        def forward(self, x, domain):
            return self.networks[int(domain)](x)

    return descend(Two(), loader).eval()


@mistake("12.9", caught_by="test_6_reads_both_domains")
def clinic_6(make_model, loader):
    """In training each domain has its statistics, in evaluation both get those of domain 0."""
    both = Both(exchanged(make_model(), DomainNorm), choose=lambda domain, training: int(domain) if training else 0)
    return descend(both, loader).eval()


@mistake("12.9")
def clinic_6(make_model, loader):
    """There are two sets of statistics, but the domain is never handed to them: all batches use the first."""
    return descend(Both(exchanged(make_model(), DomainNorm), choose=lambda domain, training: 0), loader).eval()


@mistake("12.9")
def clinic_6(make_model, loader):
    """Only the first normalization has two sets; those behind it still mix the domains."""
    made = []

    def first_only(norm):
        made.append(norm)
        return DomainNorm(norm) if len(made) == 1 else norm

    return descend(Both(exchanged(make_model(), first_only)), loader).eval()


@mistake("12.9")
def clinic_6(make_model, loader):
    """Each domain has its own γ and β, but the running statistics are still shared."""

    class Shared(DomainNorm):
        def __init__(self, norm):
            super().__init__(norm)
            for name in ("running_mean", "running_var", "num_batches_tracked"):
                self.norms[1]._buffers[name] = self.norms[0]._buffers[name]

    return descend(Both(exchanged(make_model(), Shared)), loader).eval()


@mistake("12.9", caught_by="test_6_two_sets_of_statistics")
def clinic_6(make_model, loader):
    """The statistics of the two domains are swapped in and out of a dictionary in Python: the state dict holds only those used last."""

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


@mistake("12.9")
def clinic_6(make_model, loader):
    """Batch statistics for ever: in evaluation mode each batch is normalised with its own, so sorted batches are misread and no domain has a memory."""

    def forgetful(norm):
        norm.track_running_stats, norm.running_mean, norm.running_var = False, None, None
        return norm

    return descend(Both(exchanged(make_model(), forgetful)), loader).eval()


@mistake("12.9")
def clinic_6(make_model, loader):
    """The normalizations of the two domains stand in a plain Python list: γ and β are registered from outside, but no running statistics are
    in the state dict. nn.ModuleList is the list for layers."""

    class Listed(nn.Module):
        def __init__(self, norm):
            super().__init__()
            self.norms, self.domain = [norm, copy.deepcopy(norm)], 0
            self.weight, self.bias = norm.weight, norm.bias

        def forward(self, x):
            return self.norms[self.domain].train(self.training)(x)

    return descend(Both(exchanged(make_model(), Listed)), loader).eval()


@mistake("12.9")
def clinic_6(make_model, loader):
    """The domain is handed on in training only: in evaluation every batch uses the statistics of the domain that was trained last."""

    class TrainingOnly(Both):
        def forward(self, x, domain):
            return super().forward(x, domain) if self.training else self.network(x)

    return descend(TrainingOnly(exchanged(make_model(), DomainNorm)), loader).eval()
