"""Known wrong answers to exercise 12.6, each with the sentence that helps."""

import torch
from torch import nn
from torch.nn import functional as F

from bncourse.checking import mistake

NORMALIZATION = nn.modules.batchnorm._BatchNorm


def step(optimizer, logits, y):
    optimizer.zero_grad()
    F.cross_entropy(logits, y).backward()
    optimizer.step()


def descend(model, loader, epochs=3):
    """The training of the notebook."""
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for _ in range(epochs):
        for x, y in loader:
            step(optimizer, model(x), y)
    return model


def exchanged(module, make):
    """`module` with make(norm) in the place of each normalization."""
    for name, child in module.named_children():
        setattr(module, name, make(child)) if isinstance(child, NORMALIZATION) else exchanged(child, make)
    return module


@mistake("12.6", caught_by="test_3_a_single_image_after_pooling")
def clinic_3(make_model, loader):
    """A batch of one sample reaches the normalization in training mode, where nothing can be averaged: PyTorch refuses."""
    return descend(make_model(), loader).eval()


@mistake("12.6", caught_by="test_3_a_last_batch_of_one")
def clinic_3(make_model, loader):
    """The single sample is doubled. Then the variance of its batch is 0, and the running statistics move towards that one sample."""
    batches = [(x.repeat(2, *[1] * (x.dim() - 1)), y.repeat(2)) if len(x) == 1 else (x, y) for x, y in loader]
    return descend(make_model(), batches).eval()


@mistake("12.6")
def clinic_3(make_model, loader):
    """The error is caught around the whole training, which ends with it: one epoch, and no more. Only the batch of one should be left out."""
    model = make_model()
    try:
        descend(model, loader)
    except ValueError:
        pass
    return model.eval()


@mistake("12.6")
def clinic_3(make_model, loader):
    """A generator leaves out the single sample, and is empty after the first epoch: the others have nothing to train with. Make a list of the batches."""
    return descend(make_model(), ((x, y) for x, y in loader if len(x) > 1)).eval()


@mistake("12.6")
def clinic_3(make_model, loader):
    """Evaluation mode lets the single sample through, but train() never comes back: from the second epoch on no statistic moves."""
    model = make_model()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for _ in range(3):
        for x, y in loader:
            if len(x) == 1:
                model.eval()
            step(optimizer, model(x), y)
    return model.eval()


@mistake("12.6")
def clinic_3(make_model, loader):
    """The whole training runs in evaluation mode: no batch is refused, and no statistic moves."""
    return descend(make_model().eval(), loader)


@mistake("12.6")
def clinic_3(make_model, loader):
    """The normalizations are taken out. That cures the error and loses what they were there for."""
    return descend(exchanged(make_model(), lambda norm: nn.Identity()), loader).eval()


@mistake("12.6")
def clinic_3(make_model, loader):
    """Group normalization takes the place of batch normalization: a single sample is no trouble for it, but the patient was to keep what it had."""
    groups = exchanged(make_model(), lambda norm: nn.GroupNorm(1, norm.num_features))
    return descend(groups, loader).eval()


@mistake("12.6")
def clinic_3(make_model, loader):
    """Without running statistics nothing is refused less in training, and in evaluation mode the batch decides."""

    def forgetful(norm):
        norm.track_running_stats, norm.running_mean, norm.running_var = False, None, None
        return norm

    batches = [batch for batch in loader if len(batch[0]) > 1]
    return descend(exchanged(make_model(), forgetful), batches).eval()


@mistake("12.6")
def clinic_3(make_model, loader):
    """A new DataLoader with drop_last is made of `loader.dataset`, and this loader has none: it may be any list of batches. Pass over the
    batches of one sample in the loop."""
    batches = torch.utils.data.DataLoader(loader.dataset, batch_size=32, shuffle=True, drop_last=True)
    return descend(make_model(), batches).eval()


@mistake("12.6", caught_by="test_3_a_last_batch_of_one")
def clinic_3(make_model, loader):
    """The last batch is always left out, a full one too. Leave out a batch only where it has one sample."""
    return descend(make_model(), list(loader)[:-1]).eval()
