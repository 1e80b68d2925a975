"""Less usual wrong answers to chapter 13: crashes, own ways, half-remembered recipes."""

# ruff: noqa: F811  one name has many answers

import numpy as np
import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from tests.course.honest_wrong import wrong


@wrong("13.1", "takes no mode")
def freeze_batchnorm(model):
    """m.eval takes no argument: the next model.train() stops with a TypeError."""
    for m in model.modules():
        if isinstance(m, _BatchNorm):
            m.eval()
            m.train = m.eval
            for p in m.parameters():
                p.requires_grad = False
    return model


@wrong("13.1", "not the statistics", named=False)
def freeze_batchnorm(model):
    """Only gamma and beta are frozen."""
    for name, p in model.named_parameters():
        if "bn" in name or "norm" in name:
            p.requires_grad = False
    for m in model.modules():
        if isinstance(m, (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)):
            m.weight.requires_grad = False
            m.bias.requires_grad = False
    return model


@wrong("13.1", "what is derived from a batch normalization is left out")
def freeze_batchnorm(model):
    """By the name of the class: what is derived from it is missed."""
    for m in model.modules():
        if m.__class__.__name__ in ("BatchNorm1d", "BatchNorm2d", "BatchNorm3d", "SyncBatchNorm"):
            m.eval()
            m.train = lambda mode=True, m=m: m
            for p in m.parameters():
                p.requires_grad_(False)
    return model


def adapted(reset=None, momentum=None, put_back=True, dropout=False, kinds=_BatchNorm):
    """AdaBN with one or another slip."""

    def adapt_statistics(model, loader):
        modes = [(m, m.training) for m in model.modules()]
        norms = [m for m in model.modules() if isinstance(m, kinds) and m.track_running_stats]
        old = [m.momentum for m in norms]
        model.train() if dropout else model.eval()
        for m in norms:
            m.train()
            if reset is not False:
                m.reset_running_stats()
            m.momentum = momentum
        with torch.no_grad():
            for images in loader:
                model(images)
        for m, value in zip(norms, old):
            m.momentum = value if put_back else m.momentum
        for m, mode in modes:
            m.training = mode
        return model

    return adapt_statistics


wrong("13.2", "with the old momentum")(adapted(momentum=0.1))  # reset, but 0 and 1 stay in the average
wrong("13.2", "those of the last batch")(adapted(momentum=1.0))  # the statistics of the last batch
wrong("13.2", "left at `None`")(adapted(put_back=False))  # the momentum stays None
wrong("13.2", "Only `BatchNorm2d` is adapted")(adapted(kinds=nn.BatchNorm2d))  # 1d and 3d are left out
wrong("13.2", "Dropout was on", "dropout is on while you look")(adapted(dropout=True))  # dropout is on


@wrong("13.3", "by minimum and maximum")
def scale_features(train, test):
    """To the range from 0 to 1."""
    low, high = train.min(0), train.max(0)
    width = np.where(high > low, high - low, 1)
    return (train - low) / width, (test - low) / width


@wrong("13.3", "arguments themselves are changed")
def scale_features(train, test):
    """In place."""
    mean, std = train.mean(0), train.std(0)
    std = np.where(train.max(0) > train.min(0), std, 1)
    train -= mean
    train /= std
    test -= mean
    test /= std
    return train, test


@wrong("13.3", "standard deviation with n - 1")
def scale_features(train, test):
    """n - 1, as pandas does it, and a feature that does not vary gives NaN, replaced by 0."""
    with np.errstate(all="ignore"):
        mean, std = train.mean(0), train.std(0, ddof=1)
        return np.nan_to_num((train - mean) / std), np.nan_to_num((test - mean) / std)


@wrong("13.3", "centred with its own mean")
def scale_features(train, test):
    """The deviation of the training part, each part's own mean."""
    std = np.where(train.max(0) == train.min(0), 1, train.std(0))
    return (train - train.mean(0)) / std, (test - test.mean(0)) / std
