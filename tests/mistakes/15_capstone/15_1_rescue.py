"""Known wrong answers to exercise 15.1, each with the sentence that helps."""

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


@mistake("15.1", caught_by="test_third_night")
def rescue(model, source_loader, target_images):
    """The statistics are recomputed on source images (precise BN). That mends what micro-batches did to the averages, not the weights; and at
    night the network meets another light."""
    return recalibrated(model, gathered(source_loader)[0])


@mistake("15.1", caught_by="test_first_night")
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
    """All three cures are there, in the right order. What is missing is training: take more steps, from a fresh start, at a rate that falls towards the end;
    and make the imitations as dark and as noisy as this night's images, no more and no less."""
    return recalibrated(trained(model, *gathered(source_loader), epochs=2, change=by_night), target_images)


@mistake("15.1", caught_by="test_fourth_night")
def rescue(model, source_loader, target_images):
    """Whole batches and the night's statistics, but the network was trained on bright images without noise: train it on imitations that are as dark and as
    noisy as the night, and long enough."""
    return recalibrated(trained(model, *gathered(source_loader)), target_images)


@mistake("15.1")
def rescue(model, source_loader, target_images):
    """Whole batches, the night's statistics and its lack of light, but no noise: add it to the imitations, as strong as in the target images."""
    images, labels = gathered(source_loader)
    return recalibrated(trained(model, images, labels, change=lambda x: 0.25 * x), target_images)


@mistake("15.1")
def rescue(model, source_loader, target_images):
    """Whole batches, the night's statistics and noise, but the imitations are as bright as by day: darken each by a factor of its own, or the noise on
    them is far too weak for the light."""
    images, labels = gathered(source_loader)
    return recalibrated(trained(model, images, labels, change=lambda x: x + 0.08 * torch.randn_like(x)), target_images)


@mistake("15.1")
def rescue(model, source_loader, target_images):
    """Imitations of the night and its statistics are there, but training goes on pair by pair: with batches of two BN sees little more than which of two
    values is larger. Join the micro-batches with torch.cat first."""
    optimizer = torch.optim.SGD(model.parameters(), lr=0.03)
    for images, labels in source_loader:
        loss = F.cross_entropy(model(by_night(images)), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return recalibrated(model, target_images)


@mistake("15.1", caught_by="test_second_night")
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


@mistake("15.1", caught_by="test_fifth_night")
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
    """GN in the place of BN, trained on imitations of the night: noise and lack of light are learnt, but the glow is not the same for all values of an
    image, so GN cannot take it out. BN with statistics of the target images does, or subtracting the mean of the target images from the input."""
    return trained(with_group_norm(model), *gathered(source_loader), change=by_night)


@mistake("15.1")
def rescue(model, source_loader, target_images):
    """GN in the place of BN, trained on source images: no trouble with small batches any more, but it has not seen the night, and GN cannot take out
    a glow, which is not the same for all values of an image."""
    return trained(with_group_norm(model), *gathered(source_loader))
