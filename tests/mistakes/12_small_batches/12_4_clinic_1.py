"""Known wrong answers to exercise 12.4, each with the sentence that helps."""

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


@mistake("12.4", caught_by="test_1_sorted_batches")
def clinic_1(make_model, loader):
    """The model is returned in training mode, so a batch of one class is normalised with its own statistics, which takes out what makes it that class. Return it in evaluation mode."""
    return descend(make_model(), loader)


@mistake("12.4", caught_by="test_1_single_images")
def clinic_1(make_model, loader):
    """Turning gradients off (requires_grad_(False), no_grad) is not evaluation mode: the statistics are still those of the batch."""
    return descend(make_model(), loader).requires_grad_(False)


@mistake("12.4")
def clinic_1(make_model, loader):
    """eval() is called before the training: the network then trains without batch statistics, and its running statistics are still 0 and 1."""
    return descend(make_model().eval(), loader)


@mistake("12.4")
def clinic_1(make_model, loader):
    """A momentum of 0 keeps the running statistics from moving, but in training mode they are not used anyway."""
    model = descend(make_model(), loader)
    for module in model.modules():
        if isinstance(module, NORMALIZATION):
            module.momentum = 0.0
    return model


@mistake("12.4")
def clinic_1(make_model, loader):
    """Evaluation mode is set for the model or its direct children alone, by `training = False`; the modules inside of them stay in training mode. model.eval() reaches all."""
    model = descend(make_model(), loader)
    for module in model.children():
        module.training = False
    return model


@mistake("12.4")
def clinic_1(make_model, loader):
    """Without running statistics (track_running_stats=False) a normalization uses those of the batch in evaluation mode too."""

    def forgetful(norm):
        norm.track_running_stats, norm.running_mean, norm.running_var = False, None, None
        return norm

    return exchanged(descend(make_model(), loader), forgetful).eval()


@mistake("12.4")
def clinic_1(make_model, loader):
    """The normalizations are taken out. Then nothing depends on the batch, but what they were there for is lost too: call eval() after training."""
    return descend(exchanged(make_model(), lambda norm: nn.Identity()), loader).eval()


@mistake("12.4")
def clinic_1(make_model, loader):
    """You train on batches of another order or make-up and return the model in training mode: a batch of one class is still normalised with its own statistics. What is missing is eval() after training."""
    model, batches = make_model(), list(loader)
    for _ in range(3):
        descend(model, [batches[i] for i in torch.randperm(len(batches)).tolist()], epochs=1)
    return model


@mistake("12.4")
def clinic_1(make_model, loader):
    """A momentum of 0 keeps the running statistics at 0 and 1 all through the training, and evaluation mode normalises with them. Leave the momentum as it is: eval() after training is all that is missing."""
    model = make_model()
    for module in model.modules():
        if isinstance(module, NORMALIZATION):
            module.momentum = 0.0
    return descend(model, loader).eval()
