"""Known wrong answers to exercise 12.5, each with the sentence that helps."""

import torch
from torch import nn
from torch.nn import functional as F

from bncourse.checking import mistake

NORMALIZATION = nn.modules.batchnorm._BatchNorm


def descend(model, loader, epochs=3):
    """The training of the notebook."""
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for _ in range(epochs):
        for x, y in loader:
            optimizer.zero_grad()
            F.cross_entropy(model(x), y).backward()
            optimizer.step()
    return model


def exchanged(module, make):
    """`module` with make(norm) in the place of each normalization."""
    for name, child in module.named_children():
        setattr(module, name, make(child)) if isinstance(child, NORMALIZATION) else exchanged(child, make)
    return module


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


@mistake("12.5", caught_by="test_2_statistics_in_the_state_dict")
def clinic_2(make_model, loader):
    """The running statistics are plain tensors, which a module does not put into its state dict. register_buffer does."""
    return descend(exchanged(make_model(), lambda norm: OwnNorm(norm, setattr)), loader).eval()


@mistake("12.5", caught_by="test_2_survives_saving_and_loading")
def clinic_2(make_model, loader):
    """A buffer with persistent=False is moved between devices, but not saved."""

    def keep(module, name, value):
        module.register_buffer(name, value, persistent=False)

    return descend(exchanged(make_model(), lambda norm: OwnNorm(norm, keep)), loader).eval()


@mistake("12.5")
def clinic_2(make_model, loader):
    """The running mean is a buffer now, the running variance still a plain tensor."""

    def keep(module, name, value):
        module.register_buffer(name, value) if name == "running_mean" else setattr(module, name, value)

    return descend(exchanged(make_model(), lambda norm: OwnNorm(norm, keep)), loader).eval()


@mistake("12.5")
def clinic_2(make_model, loader):
    """The buffers have other names than the tensors that the forward pass uses and moves: what is saved are zeros and ones."""

    def keep(module, name, value):
        module.register_buffer(f"saved_{name}", value.clone())
        setattr(module, name, value)

    return descend(exchanged(make_model(), lambda norm: OwnNorm(norm, keep)), loader).eval()


@mistake("12.5")
def clinic_2(make_model, loader):
    """Group normalization has no running statistics to lose, but batch normalization was not to be taken out."""
    return descend(exchanged(make_model(), lambda norm: nn.GroupNorm(1, norm.num_features)), loader).eval()


@mistake("12.5")
def clinic_2(make_model, loader):
    """Nothing is lost any more because nothing is used: the layer takes batch statistics in evaluation mode too, and moves the others meanwhile."""
    return descend(exchanged(make_model(), lambda norm: OwnNorm(norm, always_batch=True)), loader).eval()


@mistake("12.5")
def clinic_2(make_model, loader):
    """The running statistics are parameters that take gradients, and F.batch_norm may not move such in place. They are not trained: use
    register_buffer."""

    def keep(module, name, value):
        setattr(module, name, nn.Parameter(value))

    return descend(exchanged(make_model(), lambda norm: OwnNorm(norm, keep)), loader).eval()


@mistake("12.5")
def clinic_2(make_model, loader):
    """F.batch_norm gets no running statistics and `training=True`: the layer takes those of the batch in evaluation mode too, and the buffers
    stay 0 and 1."""

    class BatchAlone(OwnNorm):
        def forward(self, x):
            return F.batch_norm(x, None, None, self.weight, self.bias, True, self.momentum, self.eps)

    return descend(exchanged(make_model(), BatchAlone), loader).eval()


@mistake("12.5")
def clinic_2(make_model, loader):
    """`strict=False` passes over what the state dict lacks. The running statistics were not in it, so the new network has 0 and 1: register them as buffers, and they are saved."""
    model = descend(exchanged(make_model(), lambda norm: OwnNorm(norm, setattr)), loader)
    fresh = make_model()
    fresh.load_state_dict(model.state_dict(), strict=False)
    return fresh.eval()
