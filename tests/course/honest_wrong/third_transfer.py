"""Still more wrong answers to chapters 13 and 15, written before any look at checks, mistakes or this bank."""

# ruff: noqa: F811  one name has many answers

import copy

import numpy as np
import torch
from torch import nn

from tests.course.honest_wrong import wrong


@wrong("13.1", "All parameters of the model are frozen, so that")
def freeze_batchnorm(model):
    """Freezes all parameters of the model."""
    for p in model.parameters():
        p.requires_grad = False
    for m in model.modules():
        if isinstance(m, nn.modules.batchnorm._BatchNorm):
            m.eval()
            m.train = lambda mode=True, m=m: m
    return model


@wrong("13.1", "`track_running_stats = False` stops the updates,")
def freeze_batchnorm(model):
    """track_running_stats is switched off."""
    for m in model.modules():
        if isinstance(m, nn.modules.batchnorm._BatchNorm):
            m.track_running_stats = False
            m.eval()
            if m.weight is not None:
                m.weight.requires_grad_(False)
                m.bias.requires_grad_(False)


@wrong("13.2", "The layers keep their momentum and what they knew:")
def adapt_statistics(model, loader):
    """Nothing is reset."""
    modes = {m: m.training for m in model.modules()}
    model.eval()
    for m in model.modules():
        if isinstance(m, nn.modules.batchnorm._BatchNorm):
            m.train()
    with torch.no_grad():
        for x in loader:
            model(x)
    for m, mode in modes.items():
        m.training = mode
    return model


@wrong("13.2", "The model is left in evaluation mode", "The momentum is left at `None`", named=False)
def adapt_statistics(model, loader):
    """Momentum stays None, and the model stays in evaluation mode."""
    model.eval()
    for m in model.modules():
        if isinstance(m, nn.modules.batchnorm._BatchNorm):
            m.reset_running_stats()
            m.momentum = None
            m.train()
    with torch.no_grad():
        for x in loader:
            model(x)
    return model.eval()


@wrong("13.2", "You adapted a copy: the model that was given still")
def adapt_statistics(model, loader):
    """Works on a deep copy and returns it."""
    new = copy.deepcopy(model)
    new.eval()
    for m in new.modules():
        if isinstance(m, nn.modules.batchnorm._BatchNorm):
            m.reset_running_stats()
            m.momentum = None
            m.train()
    with torch.no_grad():
        for x in loader:
            new(x)
    return new.eval()


@wrong("13.3", "A feature that does not vary in the training part")
def scale_features(train, test):
    """Constant features become 0 in the test part too."""
    mean, std = train.mean(axis=0), train.std(axis=0)
    a = np.divide(train - mean, std, out=np.zeros(train.shape), where=std > 0)
    b = np.divide(test - mean, std, out=np.zeros(test.shape), where=std > 0)
    return a, b


@wrong("13.3", "You divide by the variance. The standard deviation is its")
def scale_features(train, test):
    """Divides by the variance."""
    mu, var = np.mean(train, 0), np.var(train, 0)
    var[var == 0] = 1
    return (train - mu) / var, (test - mu) / var


@wrong("15.1", "Only the mode is changed. eval() is needed, but the")
def rescue(model, source_loader, target_images):
    """Evaluation mode alone."""
    return model.eval()


@wrong("13.1", "You look for `BatchNorm2d`.")
def freeze_batchnorm(model):
    """named_children only; model.train overridden so that the layer stays in evaluation mode."""
    for name, child in model.named_children():
        if "bn" in name.lower() or isinstance(child, nn.BatchNorm2d):
            child.eval()
            for p in child.parameters():
                p.requires_grad = False
            child.train = lambda mode=True, child=child: child
    return model
