"""Known wrong answers to exercise 12.8, each with the sentence that helps."""

import contextlib

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
    """The training of the notebook."""
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for _ in range(epochs):
        for x, y in loader:
            step(optimizer, (forward or model)(x), y)
    return model


def exchanged(module, make):
    """`module` with make(norm) in the place of each normalization."""
    for name, child in module.named_children():
        setattr(module, name, make(child)) if isinstance(child, NORMALIZATION) else exchanged(child, make)
    return module


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


@mistake("12.8", caught_by="test_5_saves_memory")
def clinic_5(make_model, loader):
    """`checkpoint` is gone: the statistics are right, but all that the forward pass computes is kept again, and no memory is saved."""
    return descend(make_model(), loader).eval()


@mistake("12.8")
def clinic_5(make_model, loader):
    """The running statistics are moved once, whether by momentum 0 in the second pass or because they are put back, but num_batches_tracked still counts twice."""

    @contextlib.contextmanager
    def standing_still(model):
        norms = [module for module in model.modules() if isinstance(module, NORMALIZATION)]
        momenta = [norm.momentum for norm in norms]
        for norm in norms:
            norm.momentum = 0.0
        yield
        for norm, momentum in zip(norms, momenta):
            norm.momentum = momentum

    return checkpointed(make_model, loader, standing_still)


@mistake("12.8")
def clinic_5(make_model, loader):
    """Inside backward() the forward pass runs again in training mode, and moves the running statistics a second time."""
    return checkpointed(make_model, loader)


@mistake("12.8")
def clinic_5(make_model, loader):
    """The network is in another state while backward() runs, in evaluation mode or without tracking: then the second pass computes other tensors than the first, and checkpoint stops."""

    @contextlib.contextmanager
    def evaluation(model):
        model.eval()
        yield
        model.train()

    return checkpointed(make_model, loader, evaluation)


@mistake("12.8", caught_by="test_5_moved_once")
def clinic_5(make_model, loader):
    """With momentum 1 − √(1 − m) two moves are as long as one, but there are still two of them: num_batches_tracked tells."""

    def make_slow():
        def slowed(norm):
            norm.momentum = 1 - (1 - norm.momentum) ** 0.5
            return norm

        return exchanged(make_model(), slowed)

    return checkpointed(make_slow, loader)


@mistake("12.8")
def clinic_5(make_model, loader):
    """The counter is set right and the statistics are not: they have moved twice a step."""
    return checkpointed(make_model, loader, lambda model: buffers_kept(model, "num_batches_tracked"))


@mistake("12.8")
def clinic_5(make_model, loader):
    """The running mean is put back after backward(), the running variance and the counter are not."""
    return checkpointed(make_model, loader, lambda model: buffers_kept(model, "running_mean"))


@mistake("12.8")
def clinic_5(make_model, loader):
    """The running statistics never move at all: they are switched off, or put back to what they were before the forward pass. The first pass should move them, the second should not."""
    model = make_model()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for _ in range(3):
        for x, y in loader:
            with buffers_kept(model):
                step(optimizer, checkpoint(model, x, use_reentrant=False), y)
    return model.eval()


@mistake("12.8")
def clinic_5(make_model, loader):
    """In evaluation mode the network has nothing to count twice, and no batch statistics to train with either."""
    model = make_model().eval()
    return descend(model, loader, forward=lambda x: checkpoint(model, x, use_reentrant=False))


@mistake("12.8")
def clinic_5(make_model, loader):
    """With `use_reentrant=True`, checkpoint lets no gradient through where its input requires none, as images do: backward() stops. Take
    `use_reentrant=False`."""
    return descend(model := make_model(), loader, forward=lambda x: checkpoint(model, x, use_reentrant=True)).eval()


@mistake("12.8")
def clinic_5(make_model, loader):
    """Two moves of half the momentum are not one move of the whole, and there are still two of them: num_batches_tracked tells. The second
    pass should move nothing."""

    def make_slow():
        def slowed(norm):
            norm.momentum = norm.momentum / 2
            return norm

        return exchanged(make_model(), slowed)

    return checkpointed(make_slow, loader)


@mistake("12.8")
def clinic_5(make_model, loader):
    """The momentum is halved while the network trains and put back afterwards. Two moves of half the momentum are not one move of the whole, and num_batches_tracked still counts both. The second pass should move nothing."""

    def scaled_momentum(model, factor):
        for module in model.modules():
            if isinstance(module, NORMALIZATION):
                module.momentum = module.momentum * factor
        return model

    return scaled_momentum(checkpointed(lambda: scaled_momentum(make_model(), 0.5), loader), 2)
