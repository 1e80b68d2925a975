"""Rarer wrong answers to the exercises of chapter 9, each with the sentence that helps."""

import copy

import torch
from torch import nn

from bncourse.checking import mistake

NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)


def norms_of(model):
    return [module for module in model.modules() if isinstance(module, NORMS)]


def in_company(model):
    """A copy in evaluation mode, but for its batch normalizations."""
    twin = copy.deepcopy(model).eval()
    for norm in norms_of(twin):
        norm.train()
    return twin


def joined(image, others):
    return torch.cat([image[None], others])


def rows(model, image, companions):
    """The logits of the image in each company, (K, num_classes)."""
    twin = in_company(model)
    with torch.no_grad():
        return torch.stack([twin(joined(image, others))[0] for others in companions])


@mistake("9.1")
def prediction_noise(model, image, companions):
    """Your image is not in the batch: the companions run without it. Join it to them with `torch.cat`."""
    twin = in_company(model)
    with torch.no_grad():
        return torch.stack([twin(others).mean(0) for others in companions]).std(0)


@mistake("9.1")
def prediction_noise(model, image, companions):
    """Your image runs alone, the companions not at all: a batch of one has no company. Join both with `torch.cat`."""
    twin = in_company(model)
    with torch.no_grad():
        return torch.stack([twin(image[None])[0] for _ in companions]).std(0)


@mistake("9.1")
def prediction_noise(model, image, companions):
    """The shapes do not fit: `image` is (C, H, W), the companions are (B, C, H, W). `image[None]` makes a batch of one of it."""
    twin = in_company(model)
    with torch.no_grad():
        return torch.stack([twin(torch.cat([image, others]))[0] for others in companions]).std(0)


@mistake("9.1")
def prediction_noise(model, image, companions):
    """The same seed before each run gives dropout the same mask, but it is still on, and other batch sizes get other masks. Switch it off."""
    twin, answers = copy.deepcopy(model).train(), []
    state = torch.random.get_rng_state()
    with torch.no_grad():
        for others in companions:
            torch.manual_seed(0)
            answers.append(twin(joined(image, others))[0])
    torch.random.set_rng_state(state)
    return torch.stack(answers).std(0)


@mistake("9.1")
def prediction_noise(model, image, companions):
    """Only the first two companies are used. All of them count."""
    return rows(model, image, companions[:2]).std(0)


@mistake("9.1")
def prediction_noise(model, image, companions):
    """This is how much the verdict, the class with the largest logit, jumps about. Asked for is the noise of the logits."""
    return rows(model, image, companions).argmax(1).double().std()


@mistake("9.1")
def prediction_noise(model, image, companions):
    """The noise is divided by the size of the logit. A logit may be 0, and what counts is how far it moves: leave it undivided."""
    logits = rows(model, image, companions)
    return logits.std(0) / logits.mean(0).abs()


@mistake("9.1")
def prediction_noise(model, image, companions):
    """This is the median distance from the median, a robust spread. Asked for is the standard deviation."""
    logits = rows(model, image, companions)
    return (logits - logits.median(0).values).abs().median(0).values


def by_momentum_of_one(model, batches, answer_of):
    """Answers in evaluation mode, after each batch has become the running statistics."""
    twin, answers = copy.deepcopy(model), []
    for norm in norms_of(twin):
        norm.momentum = 1.0
    with torch.no_grad():
        for batch in batches:
            twin.eval()
            for norm in norms_of(twin):
                norm.train()
            twin(batch)
            answers.append(answer_of(twin.eval(), batch))
    return torch.stack(answers).std(0)


@mistake("9.1")
def prediction_noise(model, image, companions):
    """Momentum 1 makes running statistics of each batch, but with the unbiased variance, and normalizations behind the first then see other numbers than in training. Run in training mode instead."""
    batches = [joined(image, others) for others in companions]
    return by_momentum_of_one(model, batches, lambda twin, batch: twin(batch)[0])


@mistake("9.1")
def prediction_noise(model, image, companions):
    """The statistics are those of the companions alone. In training the image is a part of its own batch and moves them too."""
    return by_momentum_of_one(model, companions, lambda twin, batch: twin(image[None])[0])


@mistake("9.1")
def prediction_noise(model, image, companions):
    """`track_running_stats = False` makes the caller's normalizations use each batch, and stays so. Change a copy."""
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    for norm in norms_of(model):
        norm.track_running_stats = False
        norm.train()
    with torch.no_grad():
        noise = torch.stack([model(joined(image, others))[0] for others in companions]).std(0)
    for module, mode in modes:
        module.training = mode
    return noise


# 9.2


def moments(x):
    """Mean and variance of each channel, in float64."""
    axes = (0, *range(2, x.dim()))
    return x.double().mean(axes), x.double().var(axes, correction=0)


@mistake("9.2")
def variance_shift(x, p, eps=1e-5):
    """p μ² is subtracted. Dropout only ever adds variance: the term is added."""
    mean, var = moments(x)
    return ((var - p * mean**2) / (1 - p) + eps) / (var + eps)


@mistake("9.2")
def variance_shift(x, p, eps=1e-5):
    """One ratio of the variances averaged over features. Take each feature's ratio first; only those may be averaged."""
    mean, var = moments(x)
    return (((var + p * mean**2) / (1 - p)).mean() + eps) / (var.mean() + eps)


@mistake("9.2")
def variance_shift(x, p, eps=1e-5):
    """You return the largest ratio. Asked for is that of each feature, or their mean."""
    mean, var = moments(x)
    return (((var + p * mean**2) / (1 - p) + eps) / (var + eps)).max()


@mistake("9.2")
def variance_shift(x, p, eps=1e-5):
    """Dropped and kept values count half each, whatever p is. A value is 0 with probability p and x / (1 - p) with 1 - p."""
    values = torch.cat([torch.zeros_like(x), x / (1 - p)])
    return (moments(values)[1] + eps) / (moments(x)[1] + eps)


@mistake("9.2")
def variance_shift(x, p, eps=1e-5):
    """A feature that never varies gets the ratio 1. Dropout makes it vary in training, and ε keeps the ratio finite."""
    mean, var = moments(x)
    ratio = ((var + p * mean**2) / (1 - p) + eps) / (var + eps)
    return torch.where(var > 0, ratio, torch.ones_like(ratio))


@mistake("9.2")
def variance_shift(x, p, eps=1e-5):
    """(σ² + μ²) / (1 - p) - μ² is right on paper, but in float32 two huge numbers leave nothing of σ² where the mean is large. Write (σ² + p μ²) / (1 - p), or compute in float64."""
    axes = (0, *range(2, x.dim()))
    mean, var = x.mean(axes), x.var(axes, correction=0)
    return ((var + mean**2) / (1 - p) - mean**2 + eps) / (var + eps)
