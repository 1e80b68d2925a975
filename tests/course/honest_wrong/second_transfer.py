"""More wrong answers to chapters 13 and 15 written before any look at checks, mistakes or this bank."""

# ruff: noqa: F811  one name has many answers

import copy

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from tests.course.honest_wrong import wrong


@wrong("13.1", "γ and β are frozen and the layers are in evaluation")
def freeze_batchnorm(model):
    """Eval and no gradient, but train() thaws it."""
    for m in model.modules():
        if isinstance(m, nn.modules.batchnorm._BatchNorm):
            m.eval()
            for p in m.parameters():
                p.requires_grad = False
    return model


@wrong("13.1", "With `momentum = 0` the running statistics do not")
def freeze_batchnorm(model):
    """Momentum 0: statistics stand, but the batch normalises in training."""
    for m in model.modules():
        if isinstance(m, (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.SyncBatchNorm)):
            m.momentum = 0.0
            m.requires_grad_(False)
    return model


@wrong("13.1", "The statistics stay, but γ and β still take gradients")
def freeze_batchnorm(model):
    """Train overridden for the whole model; gamma and beta still trainable."""

    class Fixed(nn.Module):
        def train(self, mode=True):
            return self

        def forward(self, x):
            batch = self.running_mean is None
            return F.batch_norm(x, self.running_mean, self.running_var, self.weight, self.bias, batch, 0.0, self.eps)

    for m in model.modules():
        if isinstance(m, nn.modules.batchnorm._BatchNorm):
            m.eval()
            m.__class__ = Fixed
    return model


@wrong("13.2", "The layers keep their momentum and what they knew:")
def adapt_statistics(model, loader):
    """Statistics not reset: source left in the moving average."""
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


@wrong("13.2", "`model.train()` puts all of the model into training")
def adapt_statistics(model, loader):
    """Model.train(): dropout on; modes not put back."""
    norms = [m for m in model.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm)]
    old = [m.momentum for m in norms]
    for m in norms:
        m.reset_running_stats()
        m.momentum = None
    model.train()
    with torch.no_grad():
        for x in loader:
            model(x)
    for m, mom in zip(norms, old):
        m.momentum = mom
    model.eval()
    return model


@wrong("13.2", "The momentum is left at `None`: in the next training")
def adapt_statistics(model, loader):
    """Momentum left at None."""
    modes = [(m, m.training) for m in model.modules()]
    model.eval()
    for m in model.modules():
        if isinstance(m, nn.modules.batchnorm._BatchNorm):
            m.reset_running_stats()
            m.momentum = None
            m.train()
    with torch.no_grad():
        for x in loader:
            model(x)
    for m, t in modes:
        m.training = t
    return model


@wrong("13.2", "You adapted a copy: the model that was given still")
def adapt_statistics(model, loader):
    """Works on a copy."""
    model = copy.deepcopy(model)
    modes = [(m, m.training) for m in model.modules()]
    model.eval()
    norms = [m for m in model.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm)]
    old = [m.momentum for m in norms]
    for m in norms:
        m.reset_running_stats()
        m.momentum = None
        m.train()
    with torch.no_grad():
        for x in loader:
            model(x)
    for m, o in zip(norms, old):
        m.momentum = o
    for m, t in modes:
        m.training = t
    return model


@wrong("13.3", "The test part is scaled with its own mean and standard deviation,")
def scale_features(train, test):
    """Test scaled with its own statistics."""

    def standard(z):
        s = z.std(axis=0)
        return (z - z.mean(axis=0)) / np.where(s > 0, s, 1.0)

    return standard(train), standard(test)


@wrong("13.3", "Mean and standard deviation are taken over training and")
def scale_features(train, test):
    """Statistics of both parts together."""
    both = np.vstack([train, test])
    mu, sd = both.mean(0), both.std(0)
    sd = np.where(sd == 0, 1, sd)
    return (train - mu) / sd, (test - mu) / sd


@wrong("13.3", "The two parts are returned in the wrong order", "The ε of batch normalization", named=False)
def scale_features(train, test):
    """Eps added; test first."""
    mu = train.mean(axis=0)
    sd = np.sqrt(train.var(axis=0) + 1e-5)
    return (test - mu) / sd, (train - mu) / sd


@wrong("13.3", "You divide by the standard deviation with n - 1; here it")
def scale_features(train, test):
    """Ddof=1."""
    mu = np.mean(train, axis=0)
    sd = np.std(train, axis=0, ddof=1)
    sd = np.where(sd > 0, sd, 1)
    return (train - mu) / sd, (test - mu) / sd


@wrong("15.1", "Only the mode is changed. eval() is needed, but")
def rescue(model, source_loader, target_images):
    """Eval only: nothing rescued."""
    return model.eval()


@wrong("15.1", "Only the statistics are taken anew, from the night's")
def rescue(model, source_loader, target_images):
    """Statistics of the night (AdaBN), no retraining."""
    for m in model.modules():
        if isinstance(m, nn.BatchNorm1d):
            m.reset_running_stats()
            m.momentum = None
    model.train()
    with torch.no_grad():
        model(target_images)
    return model.eval()


@wrong("15.1", "The statistics are recomputed on source images", named=False)
def rescue(model, source_loader, target_images):
    """Recomputes the statistics by day; returned in training mode."""
    for m in model.modules():
        if isinstance(m, nn.BatchNorm1d):
            m.reset_running_stats()
            m.momentum = None
    images = torch.cat([x for x, _ in source_loader])
    model.train()
    with torch.no_grad():
        model(images)
    return model
