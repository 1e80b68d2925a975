"""Wrong answers to exercises 12.4 to 12.9, a fourth sample, written before a look at checks or mistakes."""

# ruff: noqa: F811  one name has many answers

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


class OwnNorm(nn.Module):
    def __init__(self, norm):
        super().__init__()
        self.weight, self.bias = norm.weight, norm.bias
        self.momentum, self.eps = norm.momentum, norm.eps
        self.running_mean = torch.zeros(norm.num_features)
        self.running_var = torch.ones(norm.num_features)

    def forward(self, x):
        statistics = self.running_mean, self.running_var
        return F.batch_norm(x, *statistics, self.weight, self.bias, self.training, self.momentum, self.eps)


class BothDomains(nn.Module):
    """A network for two domains: model(x, domain)."""

    def __init__(self, network):
        super().__init__()
        self.network = network

    def forward(self, x, domain):
        return self.network(x)


@wrong("12.4", "Turning gradients off (requires_grad_(False),")
def clinic_1(make_model, loader):
    """torch.no_grad is not eval(): the network is still in training mode when it is used."""
    model = train(make_model(), loader)
    for p in model.parameters():
        p.requires_grad_(False)
    return model


@wrong("12.4", "Without running statistics (track_running_stats=False)", named=False)
def clinic_1(make_model, loader):
    """track_running_stats is switched off, so the network uses the test batch in evaluation mode too."""
    model = make_model()
    for m in model.modules():
        if isinstance(m, (nn.BatchNorm1d, nn.BatchNorm2d)):
            m.track_running_stats = False
            m.running_mean = m.running_var = None
    train(model, loader)
    return model.eval()


@wrong("12.4", "eval() is called before the training: the network")
def clinic_1(make_model, loader):
    """eval() is called before training, so the whole training is in evaluation mode."""
    model = make_model()
    model.eval()
    return train(model, loader)


@wrong("12.5", "A buffer with persistent=False is moved between")
def clinic_2(make_model, loader):
    """The buffers are registered with persistent=False: they are not in the state dict."""

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

    model = exchange(make_model(), Norm)
    train(model, loader)
    return model.eval()


@wrong("12.5", "The running mean is a buffer now, the running")
def clinic_2(make_model, loader):
    """Only the running mean became a buffer; the variance is still lost."""

    class Norm(OwnNorm):
        def __init__(self, norm):
            super().__init__(norm)
            del self.running_mean
            self.register_buffer("running_mean", torch.zeros(norm.num_features))

    model = exchange(make_model(), Norm)
    train(model, loader)
    return model.eval()


@wrong("12.5", "`strict=False` passes over what the state dict lacks.")
def clinic_2(make_model, loader):
    """The trained layers are saved and loaded into a fresh network with strict=False: nothing is repaired."""
    model = exchange(make_model(), OwnNorm)
    train(model, loader)
    saved = copy.deepcopy(model.state_dict())
    fresh = make_model()
    fresh.load_state_dict(saved, strict=False)
    return fresh.eval()


@wrong("12.6", "The single sample is doubled. Then the variance of")
def clinic_3(make_model, loader):
    """The single sample is doubled to make a batch of two equal samples: its variance is 0 and goes into the
    running statistics."""
    model = make_model()

    def forward(x):
        if len(x) == 1:
            return model(torch.cat([x, x]))[:1]
        return model(x)

    train(model, loader, forward=forward)
    return model.eval()


@wrong("12.6", "Evaluation mode lets the single sample through, but")
def clinic_3(make_model, loader):
    """The model goes to eval() at the single sample and never back: later epochs train in evaluation mode."""
    model = make_model()

    def forward(x):
        if x.shape[0] == 1:
            model.eval()
        return model(x)

    train(model, loader, forward=forward)
    return model.eval()


@wrong("12.6", "A batch of one sample reaches the normalization in")
def clinic_3(make_model, loader):
    """A momentum of 0.01 is thought to help; the batch of one sample stops the training as before."""
    model = make_model()
    for m in model.modules():
        if isinstance(m, nn.modules.batchnorm._BatchNorm):
            m.momentum = 0.01
    train(model, loader)
    return model.eval()


@wrong("12.7", "The last weights are returned, not the average.")
def clinic_4(make_model, loader):
    """The last network is returned, not an average."""
    model = make_model()
    average = copy.deepcopy(model)
    for epoch in range(3):
        train(model, loader, epochs=1)
        move(average, model, 1 / (epoch + 1))
    return model.eval()


@wrong("12.7", "Only parameters() are averaged, and they hold no")
def clinic_4(make_model, loader):
    """The average is returned in training mode: it uses the statistics of the test batch."""
    model = make_model()
    average = copy.deepcopy(model)
    for epoch in range(3):
        train(model, loader, epochs=1)
        move(average, model, 1 / (epoch + 1))
    return average.train()


@wrong("12.7", "Weights and running means are averaged")
def clinic_4(make_model, loader):
    """Only the running means are averaged along; the variances stay at 1."""
    model = make_model()
    average = copy.deepcopy(model)
    for epoch in range(3):
        train(model, loader, epochs=1)
        move(average, model, 1 / (epoch + 1))
        with torch.no_grad():
            for (name, a), (_, b) in zip(average.named_buffers(), model.named_buffers()):
                if name.endswith("running_mean"):
                    a += (b - a) / (epoch + 1)
    return average.eval()


@wrong("12.8", "`checkpoint` is gone: the statistics are right, but")
def clinic_5(make_model, loader):
    """checkpoint is taken away."""
    model = make_model()
    train(model, loader)
    return model.eval()


@wrong("12.8", "Two moves of half the momentum are not one move of")
def clinic_5(make_model, loader):
    """The momentum is halved: the statistics still move twice a step and the counter too."""
    model = make_model()
    for m in model.modules():
        if isinstance(m, nn.modules.batchnorm._BatchNorm):
            m.momentum = m.momentum / 2

    def forward(x):
        return checkpoint(model, x, use_reentrant=False)

    train(model, loader, forward=forward)
    return model.eval()


@wrong("12.8", "The counter is set right and the statistics are")
def clinic_5(make_model, loader):
    """The counter is halved afterwards; the running statistics are still moved twice."""
    model = make_model()
    train(model, loader, forward=lambda x: checkpoint(model, x, use_reentrant=False))
    for m in model.modules():
        if hasattr(m, "num_batches_tracked") and m.num_batches_tracked is not None:
            m.num_batches_tracked //= 2
    return model.eval()


@wrong("12.9", "There are two whole networks, one for each domain;")
def clinic_6(make_model, loader):
    """Two whole networks, one per domain: the weights are not shared."""

    class Two(nn.Module):
        def __init__(self):
            super().__init__()
            self.nets = nn.ModuleList([make_model(), make_model()])

        def forward(self, x, domain):
            return self.nets[int(domain)](x)

    model = Two()
    train(model, loader)
    return model.eval()


@wrong("12.9", "Both domains move one set of running statistics,")
def clinic_6(make_model, loader):
    """The network is returned in training mode, and its statistics are those of the batch."""
    model = BothDomains(make_model())
    train(model, loader)
    return model.train()


@wrong("12.9", "stand in a plain Python list", named=False)
def clinic_6(make_model, loader):
    """The two normalizations stand in a Python list, so they are not in the state dict."""

    class TwoNorms(nn.Module):
        domain = 0

        def __init__(self, norm):
            super().__init__()
            self.norms = [norm, copy.deepcopy(norm)]

        def forward(self, x):
            return self.norms[TwoNorms.domain](x)

        def train(self, mode=True):
            for n in self.norms:
                n.train(mode)
            return super().train(mode)

    class Net(BothDomains):
        def forward(self, x, domain):
            TwoNorms.domain = int(domain)
            return self.network(x)

    model = Net(exchange(make_model(), TwoNorms))
    train(model, loader)
    return model.eval()
