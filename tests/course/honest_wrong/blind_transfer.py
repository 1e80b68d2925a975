"""Wrong answers to chapters 13 and 15, written before any look at checks, mistakes or this bank."""

# ruff: noqa: F811  one name has many answers

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from tests.course.honest_wrong import wrong


def train(model, loader, epochs=3, forward=None):
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for _ in range(epochs):
        for x, y, *domain in loader:
            optimizer.zero_grad()
            F.cross_entropy((forward or model)(x, *domain), y).backward()
            optimizer.step()
    return model


@wrong("13.1", "γ and β are frozen and the layers are in")
def freeze_batchnorm(model):
    """eval() and requires_grad only: model.train() thaws it."""
    for m in model.modules():
        if isinstance(m, (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.SyncBatchNorm)):
            m.eval()
            if m.affine:
                m.weight.requires_grad = False
                m.bias.requires_grad = False
    return model


@wrong("13.1", "With `momentum = 0` the running statistics do")
def freeze_batchnorm(model):
    """momentum = 0: statistics stay, but the batch normalises in training; gamma and beta frozen."""
    for m in model.modules():
        if isinstance(m, nn.modules.batchnorm._BatchNorm):
            m.momentum = 0.0
            for p in m.parameters():
                p.requires_grad_(False)
    return model


@wrong("13.1", "All parameters of the model are frozen, so that")
def freeze_batchnorm(model):
    """All parameters of the model are frozen, and model.train is overwritten for all modules."""
    for p in model.parameters():
        p.requires_grad = False
    for m in model.modules():
        if isinstance(m, nn.modules.batchnorm._BatchNorm):
            m.eval()
            m.train = lambda mode=True, m=m: m
    return model


@wrong("13.1", "The statistics stay, but γ and β still take")
def freeze_batchnorm(model):
    """train overridden, gamma and beta still take gradients."""

    def stay(self, mode=True):
        return self

    for m in model.modules():
        if isinstance(m, nn.modules.batchnorm._BatchNorm):
            m.eval()
            m.train = stay.__get__(m)
    return model


@wrong("13.2", "The layers keep their momentum and what they")
def adapt_statistics(model, loader):
    """No reset: momentum 0.1 leaves something of the source."""
    modes = [(m, m.training) for m in model.modules()]
    model.eval()
    for m in model.modules():
        if isinstance(m, nn.modules.batchnorm._BatchNorm):
            m.train()
    with torch.no_grad():
        for x in loader:
            model(x)
    for m, t in modes:
        m.training = t
    return model


@wrong("13.2", "And at the end all is in evaluation mode, however")
def adapt_statistics(model, loader):
    """model.train() for all, dropout on; and modes left: model.eval() at the end."""
    bns = [m for m in model.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm)]
    saved = [bn.momentum for bn in bns]
    for bn in bns:
        bn.reset_running_stats()
        bn.momentum = None
    model.train()
    with torch.no_grad():
        for x in loader:
            model(x)
    for bn, s in zip(bns, saved):
        bn.momentum = s
    return model.eval()


@wrong("13.2", "The momentum is left at `None`: in the next")
def adapt_statistics(model, loader):
    """Momentum None is not put back."""
    modes = {m: m.training for m in model.modules()}
    model.eval()
    for m in model.modules():
        if isinstance(m, nn.modules.batchnorm._BatchNorm):
            m.reset_running_stats()
            m.momentum = None
            m.train()
    with torch.no_grad():
        for batch in loader:
            model(batch)
    for m, mode in modes.items():
        m.training = mode
    return model


@wrong("13.3", "The test part is scaled with its own mean and")
def scale_features(train, test):
    """The test part is scaled with its own statistics."""

    def standardise(a):
        s = a.std(axis=0)
        s[s == 0] = 1
        return (a - a.mean(axis=0)) / s

    return standardise(train), standardise(test)


@wrong("13.3", "Mean and standard deviation are taken over training and")
def scale_features(train, test):
    """Statistics of both together."""
    both = np.concatenate([train, test])
    mu, sd = both.mean(0), both.std(0)
    sd = np.where(sd == 0, 1.0, sd)
    return (train - mu) / sd, (test - mu) / sd


@wrong("13.3", "You divide by the standard deviation with n - 1 and a")
def scale_features(train, test):
    """ddof=1, as pandas does; and an eps in the denominator."""
    mu = train.mean(axis=0)
    sd = train.std(axis=0, ddof=1) + 1e-8
    return (train - mu) / sd, (test - mu) / sd


@wrong("13.3", "Features are brought between 0 and 1 by minimum")
def scale_features(train, test):
    """Min-max scaling in place of standardising."""
    lo, hi = train.min(axis=0), train.max(axis=0)
    width = np.where(hi > lo, hi - lo, 1)
    return (train - lo) / width, (test - lo) / width


@wrong("15.1", "Only the mode is changed. eval() is needed, but")
def rescue(model, source_loader, target_images):
    """Only eval()."""
    model.eval()
    return model


@wrong("15.1", "The statistics are the night's, but the model is")
def rescue(model, source_loader, target_images):
    """AdaBN with the target images, and returned in training mode."""
    for m in model:
        if isinstance(m, nn.BatchNorm1d):
            m.reset_running_stats()
            m.momentum = None
    model.train()
    with torch.no_grad():
        model(target_images)
    return model


@wrong("15.1", "The statistics are recomputed on source images")
def rescue(model, source_loader, target_images):
    """Statistics recomputed on the source at batches of 64 only."""
    images = torch.cat([x for x, _ in source_loader])
    for m in model.modules():
        if isinstance(m, nn.BatchNorm1d):
            m.reset_running_stats()
            m.momentum = None
    model.train()
    with torch.no_grad():
        for part in images.split(64):
            model(part)
    return model.eval()
