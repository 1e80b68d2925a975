"""Known wrong answers to exercise 12.7, each with the sentence that helps."""

import copy

import torch
from torch.nn import functional as F

from bncourse.checking import mistake


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


def averaged(make_model, loader, after=lambda average, model: None, weigh=lambda epoch: 1 / (epoch + 1)):
    model = make_model()
    average = copy.deepcopy(model)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for epoch in range(3):
        for x, y in loader:
            step(optimizer, model(x), y)
        with torch.no_grad():
            for mean, value in zip(average.parameters(), model.parameters()):
                mean += (value - mean) * weigh(epoch)
    after(average, model)
    return average.eval()


@mistake("12.7")
def clinic_4(make_model, loader):
    """Only parameters() are averaged, and they hold no buffers: the running statistics of the average are still 0 and 1. Average them too, or recompute them at the end."""
    return averaged(make_model, loader)


@mistake("12.7", caught_by="test_4_it_is_an_average")
def clinic_4(make_model, loader):
    """The last weights are returned, not the average."""
    return descend(make_model(), loader).eval()


@mistake("12.7")
def clinic_4(make_model, loader):
    """`average = model` is a second name for one network, not a copy; the result are the last weights. Use copy.deepcopy."""
    model = average = make_model()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for epoch in range(3):
        for x, y in loader:
            step(optimizer, model(x), y)
        with torch.no_grad():
            for mean, value in zip(average.parameters(), model.parameters()):
                mean += (value - mean) / (epoch + 1)
    torch.optim.swa_utils.update_bn(loader, average)
    return average.eval()


@mistake("12.7")
def clinic_4(make_model, loader):
    """The statistics are recomputed in evaluation mode, in which a forward pass moves nothing, or for the network in training instead of its average."""

    def recompute(average, model):
        average.eval()
        with torch.no_grad():
            for x, _ in loader:
                average(x)

    return averaged(make_model, loader, recompute)


@mistake("12.7")
def clinic_4(make_model, loader):
    """The weights are added and never divided: that is a sum, not an average."""

    def add_up(average, model):
        with torch.no_grad():
            for value in average.parameters():
                value *= 3
        torch.optim.swa_utils.update_bn(loader, average)

    return averaged(make_model, loader, add_up)


@mistake("12.7")
def clinic_4(make_model, loader):
    """Only the first epoch enters the average, the later ones with weight 0: these are the weights of one moment."""

    def recompute(average, model):
        torch.optim.swa_utils.update_bn(loader, average)

    return averaged(make_model, loader, recompute, weigh=lambda epoch: float(epoch == 0))


@mistake("12.7", caught_by="test_4_the_average_reads")
def clinic_4(make_model, loader):
    """Only the running means come along, the running variances are still 1."""

    def copy_means(average, model):
        with torch.no_grad():
            for (name, mine), theirs in zip(average.named_buffers(), model.buffers()):
                if name.endswith("running_mean"):
                    mine.copy_(theirs)

    return averaged(make_model, loader, copy_means)


@mistake("12.7")
def clinic_4(make_model, loader):
    """All of the state dict is averaged, and num_batches_tracked in it is a whole number: adding a fraction to it in place fails. Leave out what
    is no float."""
    model = make_model()
    average = copy.deepcopy(model)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for epoch in range(3):
        for x, y in loader:
            step(optimizer, model(x), y)
        with torch.no_grad():
            for mean, value in zip(average.state_dict().values(), model.state_dict().values()):
                mean += (value - mean) / (epoch + 1)
    return average.eval()


@mistake("12.7")
def clinic_4(make_model, loader):
    """The average sees one batch in training mode: its statistics move from 0 and 1 by one step of the momentum, and are far from those of
    the data. Recompute them over all batches."""

    def one_batch(average, model):
        average.train()
        with torch.no_grad():
            average(next(iter(loader))[0])

    return averaged(make_model, loader, one_batch)


@mistake("12.7")
def clinic_4(make_model, loader):
    """Weights and running means are averaged, the running variances are forgotten: they are 1, as in a new network."""
    model = make_model()
    average = copy.deepcopy(model)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for epoch in range(3):
        for x, y in loader:
            step(optimizer, model(x), y)
        means = [[v for n, v in one.named_buffers() if n.endswith("running_mean")] for one in (average, model)]
        with torch.no_grad():
            for mean, value in zip([*average.parameters(), *means[0]], [*model.parameters(), *means[1]]):
                mean += (value - mean) / (epoch + 1)
    return average.eval()
