"""Known wrong answers to exercise 15.1 that train, but not on what counts, not with whole batches, or not in this order."""

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


def by_night(x):
    return x * torch.empty(len(x), 1, 1, 1).uniform_(0.15, 0.35) + 0.08 * torch.randn_like(x)


@mistake("15.1")
def rescue(model, source_loader, target_images):
    """It is trained in whole batches, but on bright, clean images, and its statistics are the day's: it reads digits well by day. Nothing
    of the night has gone into it."""
    return trained(model, *gathered(source_loader))


@mistake("15.1")
def rescue(model, source_loader, target_images):
    """Training goes on as it began, pair by pair and by day. What was broken so is not mended so, and the night is in none of it."""
    optimizer = torch.optim.SGD(model.parameters(), lr=0.03)
    for images, labels in source_loader:
        loss = F.cross_entropy(model(images), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return model.eval()


@mistake("15.1")
def rescue(model, source_loader, target_images):
    """The statistics are the night's, but training goes on in batches of two, as it went wrong before: BN makes of two values little more than their order. Join the micro-batches
    with torch.cat first."""
    optimizer = torch.optim.SGD(model.parameters(), lr=0.03)
    for images, labels in source_loader:
        loss = F.cross_entropy(model(images), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return recalibrated(model, target_images)


@mistake("15.1")
def rescue(model, source_loader, target_images):
    """Gradients of 25 micro-batches are added up before each step. That makes the gradient's batch 50, not the statistics': each forward pass still
    normalises two images. Join the images, not the gradients."""
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for number, (images, labels) in enumerate(source_loader, start=1):
        (F.cross_entropy(model(images), labels) / 25).backward()
        if number % 25 == 0:
            optimizer.step()
            optimizer.zero_grad()
    return recalibrated(model, target_images)


@mistake("15.1")
def rescue(model, source_loader, target_images):
    """Whole batches and the night's statistics, but the network was trained on images without the night's noise (or without its lack of light): train it
    on imitations that have both, and long enough."""
    return recalibrated(trained(model, *gathered(source_loader)), target_images)


@mistake("15.1")
def rescue(model, source_loader, target_images):
    """It is trained on imitations of the night and keeps the statistics of these. The glow of this night was in none of them: take the
    statistics from the target images at the end."""
    return trained(model, *gathered(source_loader), change=by_night)


@mistake("15.1")
def rescue(model, source_loader, target_images):
    """The order is reversed: the night's statistics are taken first, and then training by day moves them back. Statistics go last."""
    return trained(recalibrated(model, target_images), *gathered(source_loader), rate=0.02, epochs=10)


@mistake("15.1")
def rescue(model, source_loader, target_images):
    """After the training on imitations of the night the statistics are recomputed on bright source images. They must come from what the model
    will see: the target images."""
    images, labels = gathered(source_loader)
    return recalibrated(trained(model, images, labels, change=by_night), images)


@mistake("15.1")
def rescue(model, source_loader, target_images):
    """Only the last layer is trained. What the layers before it hand over was learnt from batches of two, and stays so."""
    images, labels = gathered(source_loader)
    for parameter in model[:-1].parameters():
        parameter.requires_grad_(False)
    return recalibrated(trained(model, images, labels, change=by_night), target_images)


@mistake("15.1")
def rescue(model, source_loader, target_images):
    """It is trained in evaluation mode, so that the statistics of the micro-batches stay in it for good; they are neither the day's nor the
    night's."""
    return trained(model, *gathered(source_loader), rate=0.01, change=by_night, train_mode=False)


@mistake("15.1")
def rescue(model, source_loader, target_images):
    """The broken model's own verdicts on the night's images are taken for labels (pseudo-labels), though most of them are wrong: so it learns to
    repeat its errors. Labels come from source_loader."""
    verdicts = recalibrated(model, target_images)(target_images).argmax(1)
    return trained(model, target_images, verdicts, epochs=10)


@mistake("15.1")
def rescue(model, source_loader, target_images):
    """Images are gathered in one walk through the loader and labels in another: the order is a new one each time, so they do not belong together.
    Take both from the same walk."""
    images = torch.cat([images for images, _ in source_loader])
    labels = torch.cat([labels for _, labels in source_loader])
    return recalibrated(trained(model, images, labels, epochs=4, change=by_night), target_images)


@mistake("15.1")
def rescue(model, source_loader, target_images):
    """GN in the place of BN, trained on source images: no trouble with small batches any more, but it has not seen the night, and GN cannot take out
    a glow, which is not the same for all values of an image."""
    return trained(with_group_norm(model), *gathered(source_loader))
