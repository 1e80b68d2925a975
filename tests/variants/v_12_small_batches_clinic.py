"""Right answers to exercises 12.4 to 12.9 in other styles, all of which must get full points: other cures, and other training around them."""

import contextlib
import copy

import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint

from bncourse.checking import variant

NORMALIZATION = nn.modules.batchnorm._BatchNorm


def trained(model, loader, rate=0.1, epochs=2, forward=None):
    optimizer = torch.optim.SGD(model.parameters(), lr=rate)
    for _ in range(epochs):
        for x, y, *domain in loader:
            optimizer.zero_grad()
            F.cross_entropy((forward or model)(x, *domain), y).backward()
            optimizer.step()
    return model


@variant("12.4")
def clinic_1(make_model, loader):
    """eval() on a line of its own."""
    model = trained(make_model(), loader)
    model.eval()
    return model


@variant("12.5")
def clinic_2(make_model, loader):
    """PyTorch's own layers, as they came."""
    return trained(make_model(), loader).eval()


@variant("12.7")
def clinic_4(make_model, loader):
    """PyTorch's AveragedModel and update_bn."""
    model = make_model()
    average = torch.optim.swa_utils.AveragedModel(model)
    for _ in range(3):
        average.update_parameters(trained(model, loader, epochs=1))
    torch.optim.swa_utils.update_bn(loader, average)
    return average.module.eval()


class Switched(nn.Module):
    def __init__(self, norm):
        super().__init__()
        self.zero, self.one, self.domain = norm, copy.deepcopy(norm), 0

    def forward(self, x):
        return (self.one if self.domain else self.zero)(x)


def switched(module):
    for name, child in list(module.named_children()):
        setattr(module, name, Switched(child)) if isinstance(child, NORMALIZATION) else switched(child)
    return module


class Both(nn.Module):
    def __init__(self, network):
        super().__init__()
        self.network = switched(network)

    def forward(self, x, domain):
        for module in self.modules():
            if isinstance(module, Switched):
                module.domain = int(domain)
        return self.network(x)


@variant("12.9")
def clinic_6(make_model, loader):
    """Two layers in the place of one, of which the network chooses."""
    return trained(Both(make_model()), loader, epochs=3).eval()


@variant("12.4")
def clinic_1(make_model, loader):
    """Adam, one epoch, train() and eval() written out, evaluation mode by train(False)."""
    model = make_model()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.03)
    model.train()
    for x, y in loader:
        optimizer.zero_grad(set_to_none=False)
        loss = nn.CrossEntropyLoss()(model(x), y)
        loss.backward()
        optimizer.step()
    model.train(False)
    return model


@variant("12.4")
def clinic_1(make_model, loader):
    """Only the normalizations are put into evaluation mode: there is nothing else that has two modes."""
    model = trained(make_model(), loader)
    for module in model.modules():
        if isinstance(module, NORMALIZATION):
            module.eval()
    return model


@variant("12.5")
def clinic_2(make_model, loader):
    """The layer of one's own stays, its statistics as parameters that take no gradient, and averages of its own."""

    class OwnNorm(nn.Module):
        def __init__(self, norm):
            super().__init__()
            self.weight, self.bias, self.eps = norm.weight, norm.bias, norm.eps
            self.mean = nn.Parameter(torch.zeros(norm.num_features), requires_grad=False)
            self.var = nn.Parameter(torch.ones(norm.num_features), requires_grad=False)

        def forward(self, x):
            axes, shape = [i for i in range(x.dim()) if i != 1], [1, -1] + [1] * (x.dim() - 2)
            mean, var = self.mean, self.var
            if self.training:
                mean, var = x.mean(axes), x.var(axes, correction=0)
                self.mean.data.lerp_(mean.detach(), 0.2)
                self.var.data.lerp_(var.detach(), 0.2)
            x_hat = (x - mean.view(shape)) / (var.view(shape) + self.eps).sqrt()
            return self.weight.view(shape) * x_hat + self.bias.view(shape)

    def exchange(module):
        for name, child in list(module.named_children()):
            setattr(module, name, OwnNorm(child)) if isinstance(child, NORMALIZATION) else exchange(child)
        return module

    return trained(exchange(make_model()), loader).eval()


@variant("12.5")
def clinic_2(make_model, loader):
    """The layer of one's own derives from PyTorch's, and so has its buffers."""

    class OwnNorm(nn.BatchNorm2d):
        def _check_input_dim(self, x):
            pass

    def exchange(module):
        for name, child in list(module.named_children()):
            if isinstance(child, NORMALIZATION):
                setattr(module, name, OwnNorm(child.num_features, momentum=child.momentum))
            exchange(child)
        return module

    return trained(exchange(make_model()), loader, rate=0.05, epochs=3).eval()


def joined(loader):
    """Batches of which a last single sample has joined the one before."""
    waiting = None
    for x, y in loader:
        if len(x) == 1 and waiting is not None:
            x, y = torch.cat([waiting[0], x]), torch.cat([waiting[1], y])
            waiting = None
        if waiting is not None:
            yield waiting
        waiting = x, y
    yield waiting


@variant("12.6")
def clinic_3(make_model, loader):
    """The single sample joins the batch before it."""
    model = make_model()
    for _ in range(3):
        trained(model, joined(loader), epochs=1)
    return model.eval()


@variant("12.6")
def clinic_3(make_model, loader):
    """For the single sample, and only for it, the network is in evaluation mode."""
    model = make_model()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for _ in range(3):
        for x, y in loader:
            model.train(len(x) > 1)
            optimizer.zero_grad()
            F.cross_entropy(model(x), y).backward()
            optimizer.step()
    return model.eval()


@variant("12.6")
def clinic_3(make_model, loader):
    """Every batch that is smaller than the first is dropped, as drop_last=True does it."""
    batches = list(loader)
    return trained(make_model(), [one for one in batches if len(one[1]) == len(batches[0][1])], epochs=4).eval()


@variant("12.7")
def clinic_4(make_model, loader):
    """The buffers are averaged with the weights: the state dict holds both."""
    model = make_model()
    average = copy.deepcopy(model)
    for epoch in range(3):
        trained(model, loader, epochs=1)
        for mean, value in zip(average.state_dict().values(), model.state_dict().values()):
            if mean.is_floating_point():
                mean += (value - mean) / (epoch + 1)
    return average.eval()


@variant("12.7")
def clinic_4(make_model, loader):
    """A moving average of the weights after every step; at the end the buffers of the network are copied."""
    model = make_model()
    average = copy.deepcopy(model).requires_grad_(False)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for _ in range(4):
        for x, y in loader:
            optimizer.zero_grad()
            F.cross_entropy(model(x), y).backward()
            optimizer.step()
            for mean, value in zip(average.parameters(), model.parameters()):
                mean.lerp_(value.detach(), 0.1)
    for mine, theirs in zip(average.buffers(), model.buffers()):
        mine.copy_(theirs)
    return average.eval()


@variant("12.7")
def clinic_4(make_model, loader):
    """PyTorch's AveragedModel with use_buffers, returned as it is."""
    model = make_model()
    average = torch.optim.swa_utils.AveragedModel(model, use_buffers=True)
    for _ in range(3):
        average.update_parameters(trained(model, loader, epochs=1))
    return average.eval()


@variant("12.8")
def clinic_5(make_model, loader):
    """Whatever runs inside backward() gets statistics that are put back afterwards: checkpoint's context_fn."""
    model = make_model()

    @contextlib.contextmanager
    def put_back():
        before = [buffer.clone() for buffer in model.buffers()]
        try:
            yield
        finally:
            for buffer, value in zip(model.buffers(), before):
                buffer.copy_(value)

    def forward(x):
        return checkpoint(model, x, use_reentrant=False, context_fn=lambda: (contextlib.nullcontext(), put_back()))

    return trained(model, loader, forward=forward).eval()


@variant("12.8")
def clinic_5(make_model, loader):
    """Nothing is tracked while backward() runs."""
    model = make_model()
    norms = [module for module in model.modules() if isinstance(module, NORMALIZATION)]
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for _ in range(3):
        for x, y in loader:
            loss = F.cross_entropy(checkpoint(model, x, use_reentrant=False), y)
            optimizer.zero_grad()
            momenta, counts = [norm.momentum for norm in norms], [norm.num_batches_tracked.clone() for norm in norms]
            for norm in norms:
                norm.momentum = 0.0
            loss.backward()
            for norm, momentum, count in zip(norms, momenta, counts):
                norm.momentum = momentum
                norm.num_batches_tracked.copy_(count)
            optimizer.step()
    return model.eval()


@variant("12.9")
def clinic_6(make_model, loader):
    """Two networks that share their convolutions and linear layers, one module object in both places."""

    class Pair(nn.Module):
        def __init__(self):
            super().__init__()
            first = make_model()
            self.networks = nn.ModuleList([first, copy.deepcopy(first)])
            self.share(*self.networks)

        def share(self, one, other):
            for name, child in one.named_children():
                if isinstance(child, (nn.Linear, nn.Conv2d)):
                    setattr(other, name, child)
                else:
                    self.share(child, getattr(other, name))

        def forward(self, x, domain):
            return self.networks[domain](x)

    return trained(Pair(), loader, epochs=3).eval()


@variant("12.9")
def clinic_6(make_model, loader):
    """γ and β serve both domains; two rows of buffers do the rest."""

    class Rows(nn.Module):
        def __init__(self, norm):
            super().__init__()
            self.norm, self.domain = norm, 0
            self.norm.track_running_stats = True
            for place in (0, 1):
                self.register_buffer(f"mean_{place}", norm.running_mean.clone())
                self.register_buffer(f"var_{place}", norm.running_var.clone())

        def forward(self, x):
            statistics = getattr(self, f"mean_{self.domain}"), getattr(self, f"var_{self.domain}")
            return F.batch_norm(x, *statistics, self.norm.weight, self.norm.bias, self.training, 0.2)

    def exchange(module):
        for name, child in list(module.named_children()):
            setattr(module, name, Rows(child)) if isinstance(child, NORMALIZATION) else exchange(child)
        return module

    class ForBoth(nn.Module):
        def __init__(self, network):
            super().__init__()
            self.network = exchange(network)
            self.rows = [module for module in network.modules() if isinstance(module, Rows)]

        def forward(self, x, domain):
            for row in self.rows:
                row.domain = domain
            return self.network(x)

    return trained(ForBoth(make_model()), loader, epochs=3).eval()


@variant("12.8")
def clinic_5(make_model, loader):
    """Only the part that holds no normalization is computed again."""
    model = make_model()

    def forward(x):
        for part in model:
            plain = not any(isinstance(module, NORMALIZATION) for module in part.modules())
            x = checkpoint(part, x, use_reentrant=False) if plain else part(x)
        return x

    return trained(model, loader, epochs=3, forward=forward).eval()


@variant("12.8")
def clinic_5(make_model, loader):
    """A checkpoint of the other kind, whose input has to ask for gradients; buffers are put back after backward()."""
    model = make_model()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for _ in range(2):
        for x, y in loader:
            optimizer.zero_grad()
            loss = F.cross_entropy(checkpoint(model, x.requires_grad_(), use_reentrant=True), y)
            before = copy.deepcopy(dict(model.named_buffers()))
            loss.backward()
            model.load_state_dict(before, strict=False)
            optimizer.step()
    return model.eval()


@variant("12.6")
def clinic_3(make_model, loader):
    """A batch that PyTorch refuses is passed over."""
    model = make_model()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for _ in range(3):
        for x, y in loader:
            try:
                loss = F.cross_entropy(model(x), y)
            except ValueError:
                continue
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    return model.eval()


@variant("12.5")
def clinic_2(make_model, loader):
    """The plain tensors stay, and enter the state dict as an extra state."""

    class OwnNorm(nn.Module):
        def __init__(self, norm):
            super().__init__()
            self.weight, self.bias, self.eps = norm.weight, norm.bias, norm.eps
            self.mean, self.var = torch.zeros(norm.num_features), torch.ones(norm.num_features)

        def get_extra_state(self):
            return {"mean": self.mean, "var": self.var}

        def set_extra_state(self, state):
            self.mean, self.var = state["mean"], state["var"]

        def forward(self, x):
            return F.batch_norm(x, self.mean, self.var, self.weight, self.bias, self.training, 0.2, self.eps)

    def exchange(module):
        for name, child in list(module.named_children()):
            setattr(module, name, OwnNorm(child)) if isinstance(child, NORMALIZATION) else exchange(child)
        return module

    return trained(exchange(make_model()), loader, epochs=3).eval()


@variant("12.6")
def clinic_3(make_model, loader):
    """The last two batches become one, whatever their sizes."""
    *first, (x, y), (last_x, last_y) = loader
    return trained(make_model(), [*first, (torch.cat([x, last_x]), torch.cat([y, last_y]))]).eval()
