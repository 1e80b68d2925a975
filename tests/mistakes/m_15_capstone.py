"""Known wrong answers to exercise 15.1 that leave the weights as they are, or the mode, or return no model."""

import copy

import torch
from torch import nn
from torch.nn import functional as F

from bncourse.checking import mistake


def gathered(loader):
    """All images and labels of one walk."""
    return tuple(torch.cat(part) for part in zip(*list(loader)))


def trained(model, images, labels, epochs=8, batch_size=50, rate=0.05, change=lambda x: x, train_mode=True):
    """Ordinary training: stochastic gradient descent with momentum on batches of `images`, each `change`d first."""
    optimizer = torch.optim.SGD(model.parameters(), lr=rate, momentum=0.9)
    model.train(train_mode)
    for _ in range(epochs):
        for part in torch.randperm(len(images)).split(batch_size):
            loss = F.cross_entropy(model(change(images[part])), labels[part])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    return model.eval()


def recalibrated(model, images):
    """Running statistics are those of all `images`."""
    for module in model.modules():
        if isinstance(module, nn.BatchNorm1d):
            module.reset_running_stats()
            module.momentum = None
    model.train()
    with torch.no_grad():
        model(images)
    return model.eval()


def with_group_norm(model):
    return nn.Sequential(*[nn.GroupNorm(8, 64) if isinstance(one, nn.BatchNorm1d) else one for one in model])


@mistake("15.1")
def rescue(model, source_loader, target_images):
    """The model comes back as it went in, still in training mode: alone, an image has no variance, and the model refuses it."""
    return model


@mistake("15.1")
def rescue(model, source_loader, target_images):
    """Only the mode is changed. eval() is needed, but the running statistics it switches to are moving averages over micro-batches by day,
    and the weights have learnt from batches of two."""
    return model.eval()


@mistake("15.1")
def rescue(model, source_loader, target_images):
    """A copy is as broken as the model it was copied from: weights, statistics and all."""
    return copy.deepcopy(model).eval()


@mistake("15.1")
def rescue(model, source_loader, target_images):
    """Only the statistics are taken anew, from the night's images (AdaBN). That undoes the glow and the lack of light, but the weights
    are still those that batches of two have taught, and they have never seen noise."""
    return recalibrated(model, target_images)


@mistake("15.1")
def rescue(model, source_loader, target_images):
    """The statistics are recomputed on source images (precise BN). That mends what micro-batches did to the averages, not the weights; and at
    night the network meets another light."""
    return recalibrated(model, gathered(source_loader)[0])


@mistake("15.1")
def rescue(model, source_loader, target_images):
    """The night's images pass in twos with the old momentum of 0.1: what is left is an average over the last few pairs, and a pair says little.
    Use momentum None and large batches."""
    model.train()
    with torch.no_grad():
        for pair in target_images.split(2):
            model(pair)
    return model.eval()


@mistake("15.1")
def rescue(model, source_loader, target_images):
    """The statistics come from source and target images together: two domains through one BN, and what is kept fits neither."""
    return recalibrated(model, torch.cat([gathered(source_loader)[0], target_images]))


@mistake("15.1")
def rescue(model, source_loader, target_images):
    """The statistics are the night's, but the model is returned in training mode: it takes each image's own statistics, which a single image does not
    have. eval() goes last."""
    return recalibrated(model, target_images).train()


@mistake("15.1")
def rescue(model, source_loader, target_images):
    """The network has been trained, but it is returned in training mode and refuses a single image. eval() goes last."""
    images, labels = gathered(source_loader)
    return recalibrated(trained(model, images, labels), target_images).train()


@mistake("15.1")
def rescue(model, source_loader, target_images):
    """BN is swapped for GN, and nothing is trained: weights that fitted one normalization do not fit another. And GN does not make a network know
    the night."""
    return with_group_norm(model).eval()


@mistake("15.1")
def rescue(model, source_loader, target_images):
    """The target images are standardised before the statistics are taken from them, inside rescue only. What the returned model is given later is not
    standardised, so the statistics do not fit it. What belongs to the input belongs into the model."""
    bright = (target_images - target_images.mean()) / target_images.std()
    return recalibrated(model, bright)


@mistake("15.1")
def rescue(model, source_loader, target_images):
    """What comes back is not a model: the state dict, or whatever the last line made. Return the nn.Module."""
    return recalibrated(model, target_images).state_dict()
