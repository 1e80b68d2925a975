"""Wrong answers to exercises 12.4 to 12.9, a fifth sample, written before a look at checks or mistakes."""

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


@wrong("12.4", "eval() is called before the training: the network")
def clinic_1(make_model, loader):
    """eval() before training: the loop trains in evaluation mode."""
    model = make_model()
    model.eval()
    return train(model, loader)


@wrong("12.4", "A momentum of 0 keeps the running statistics at 0")
def clinic_1(make_model, loader):
    """A momentum of 0 stops the statistics from moving, in training too; then eval."""
    model = make_model()
    for m in model.modules():
        if isinstance(m, (nn.BatchNorm1d, nn.BatchNorm2d)):
            m.momentum = 0.0
    return train(model, loader).eval()


@wrong("12.4")
def clinic_1(make_model, loader):
    """More epochs, no eval()."""
    return train(make_model(), loader, epochs=10)


class StoredOnce(nn.Module):
    """As the patient's layer, with buffers that are not persistent."""

    def __init__(self, norm):
        super().__init__()
        self.weight, self.bias = norm.weight, norm.bias
        self.momentum, self.eps = norm.momentum, norm.eps
        self.register_buffer("running_mean", torch.zeros(norm.num_features), persistent=False)
        self.register_buffer("running_var", torch.ones(norm.num_features), persistent=False)

    def forward(self, x):
        statistics = self.running_mean, self.running_var
        return F.batch_norm(x, *statistics, self.weight, self.bias, self.training, self.momentum, self.eps)


class OnlyMean(StoredOnce):
    """The mean is a buffer now, the variance is still an attribute."""

    def __init__(self, norm):
        super().__init__(norm)
        del self.running_mean, self.running_var
        self.register_buffer("running_mean", torch.zeros(norm.num_features))
        self.running_var = torch.ones(norm.num_features)


@wrong("12.5", "A buffer with persistent=False is moved between")
def clinic_2(make_model, loader):
    """Buffers with persistent=False are not in the state dict."""
    return train(exchange(make_model(), StoredOnce), loader).eval()


@wrong("12.5", "The running mean is a buffer now, the running")
def clinic_2(make_model, loader):
    """Only the running mean became a buffer."""
    return train(exchange(make_model(), OnlyMean), loader).eval()


@wrong("12.5", "A buffer with persistent=False is moved between")
def clinic_2(make_model, loader):
    """The network keeps the layer and is returned in training mode, so statistics are not used at all."""
    model = exchange(make_model(), StoredOnce)
    return train(model, loader).train()


@wrong("12.6", "The whole training runs in evaluation mode: no")
def clinic_3(make_model, loader):
    """The whole network is set to evaluation mode for the whole of each epoch that ends in a single sample."""
    model = make_model()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for _ in range(3):
        sizes = [len(x) for x, _ in loader]
        model.train(min(sizes) > 1)
        for x, y in loader:
            optimizer.zero_grad()
            F.cross_entropy(model(x), y).backward()
            optimizer.step()
    return model.eval()


@wrong("12.6", "The single sample is doubled. Then the variance of")
def clinic_3(make_model, loader):
    """The single sample is doubled: its batch has a variance of 0 and still moves the statistics."""
    model = make_model()
    doubled = [(torch.cat([x, x]), torch.cat([y, y])) if len(x) == 1 else (x, y) for x, y in loader]
    return train(model, doubled).eval()


@wrong("12.6", "The whole training runs in evaluation mode: no")
def clinic_3(make_model, loader):
    """Every batch is cut to an even number by dropping the last sample of each: a try-except leaves single ones out."""
    model = make_model()
    model.eval()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for _ in range(3):
        for x, y in loader:
            try:
                optimizer.zero_grad()
                F.cross_entropy(model(x), y).backward()
                optimizer.step()
            except ValueError:
                continue
    return model


@torch.no_grad()
def move(average, model, share):
    for mean, value in zip(average.parameters(), model.parameters()):
        mean += share * (value - mean)


@wrong("12.7", "The last weights are returned, not the average.")
def clinic_4(make_model, loader):
    """The last weights are returned: no average any more."""
    model = make_model()
    train(model, loader)
    return model.eval()


@wrong("12.7", "Only parameters() are averaged, and they hold no")
def clinic_4(make_model, loader):
    """The statistics are reset and nothing is run through the average."""
    model = make_model()
    average = copy.deepcopy(model)
    for epoch in range(3):
        train(model, loader, epochs=1)
        move(average, model, 1 / (epoch + 1))
    for m in average.modules():
        if isinstance(m, (nn.BatchNorm1d, nn.BatchNorm2d)):
            m.reset_running_stats()
    return average.eval()


@wrong("12.7", "The statistics are recomputed in evaluation mode,")
def clinic_4(make_model, loader):
    """update_bn is run on the model, not on the average."""
    model = make_model()
    average = copy.deepcopy(model)
    for epoch in range(3):
        train(model, loader, epochs=1)
        move(average, model, 1 / (epoch + 1))
    torch.optim.swa_utils.update_bn(loader, model)
    return average.eval()


@wrong("12.8", "`checkpoint` is gone: the statistics are right, but")
def clinic_5(make_model, loader):
    """checkpoint is dropped."""
    return train(make_model(), loader).eval()


@wrong("12.8", "Inside backward() the forward pass runs again in")
def clinic_5(make_model, loader):
    """use_reentrant=True runs the forward pass twice too."""
    model = make_model()

    def forward(x):
        return checkpoint(model, x.requires_grad_(), use_reentrant=True)

    return train(model, loader, forward=forward).eval()


@wrong("12.8", "Two moves of half the momentum are not one move of")
def clinic_5(make_model, loader):
    """The momentum is halved: the counter still counts twice."""
    model = make_model()
    for m in model.modules():
        if isinstance(m, (nn.BatchNorm1d, nn.BatchNorm2d)):
            m.momentum = m.momentum / 2

    def forward(x):
        return checkpoint(model, x, use_reentrant=False)

    return train(model, loader, forward=forward).eval()


@wrong("12.8", "The counter is set right and the statistics are")
def clinic_5(make_model, loader):
    """num_batches_tracked is halved at the end; the statistics have moved twice."""
    model = make_model()

    def forward(x):
        return checkpoint(model, x, use_reentrant=False)

    train(model, loader, forward=forward)
    for m in model.modules():
        if isinstance(m, (nn.BatchNorm1d, nn.BatchNorm2d)):
            m.num_batches_tracked //= 2
    return model.eval()


class Two(nn.Module):
    """Two whole networks."""

    def __init__(self, a, b):
        super().__init__()
        self.networks = nn.ModuleList([a, b])

    def forward(self, x, domain):
        return self.networks[int(domain)](x)


@wrong("12.9", "There are two whole networks, one for each domain;")
def clinic_6(make_model, loader):
    """A network for each domain: the weights do not serve both."""
    return train(Two(make_model(), make_model()), loader).eval()


class Both(nn.Module):
    def __init__(self, network):
        super().__init__()
        self.network = network

    def forward(self, x, domain):
        return self.network(x)


@wrong("12.9", "Both domains move one set of running statistics,")
def clinic_6(make_model, loader):
    """The network stays in training mode."""
    return train(Both(make_model()), loader).train()


@wrong("12.9")
def clinic_6(make_model, loader):
    """track_running_stats=False: no domain has statistics, the batch's are used."""
    network = make_model()
    for m in network.modules():
        if isinstance(m, (nn.BatchNorm1d, nn.BatchNorm2d)):
            m.track_running_stats = False
            m.running_mean = m.running_var = m.num_batches_tracked = None
    return train(Both(network), loader).eval()


class Pair(nn.Module):
    """Two normalizations; which one is used is never switched."""

    current = 0

    def __init__(self, norm):
        super().__init__()
        self.norms = nn.ModuleList([norm, copy.deepcopy(norm)])

    def forward(self, x):
        return self.norms[self.current](x)


@wrong("12.9", "There are two sets of statistics, but the domain is")
def clinic_6(make_model, loader):
    """Each place has two normalizations, but the domain is never told to them."""
    return train(Both(exchange(make_model(), Pair)), loader).eval()
