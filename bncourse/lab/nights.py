"""Digits by night: a dark, noisy domain, and the small classifiers that meet it (`book/15_capstone.md`)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import torch
from torch import Tensor, nn

from bncourse.lab import data, runs
from bncourse.lab.ensembles.ensemble import Ensemble
from bncourse.lab.ensembles.networks import MLPs

SIDE, SIZES = 14, (196, 64, 64, 10)
SOURCE, TARGET = 1000, 400
GAINS, NOISE = (0.15, 0.35), 0.08


class Camera:
    """A camera by night: less light, another share for each picture, noise, and a glow that all its pictures share."""

    def __init__(self, seed: int) -> None:
        self.draw = np.random.default_rng(seed)
        axis = np.linspace(-1, 1, SIDE)
        angle, strength = self.draw.uniform(0, 2 * np.pi), self.draw.uniform(0.2, 0.4)
        distance = (axis - np.cos(angle)) ** 2 + (axis[:, None] - np.sin(angle)) ** 2
        self.glow = 0.1 + strength * np.exp(-distance / 0.98)

    def photographs(self, images: np.ndarray) -> np.ndarray:
        """`images` `(N, 1, 14, 14)` in [0, 1] as this camera takes them, float32; anew with each call."""
        gains = self.draw.uniform(*GAINS, (len(images), 1, 1, 1))
        noise = self.draw.normal(0, NOISE, images.shape)
        return (gains * images + self.glow + noise).clip(0, 1).astype(np.float32)


@cache
def small_digits() -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """Training and test images of 14x14, `(4000, 1, 14, 14)` and `(1000, 1, 14, 14)`, each with its labels."""
    digits = data.digits()
    train, test = data.halved(digits.train_images), data.halved(digits.test_images)
    return (train, digits.train_labels), (test, digits.test_labels)


@dataclass
class Case:
    """A classifier that learnt by day and is used by night, to be rescued; arrays, images `(n, 1, 14, 14)`.

    `state` is the state dict of `classifier()`; `images` and `labels` are those it learnt from, `target_images` are
    unlabelled ones of the night, `test_images` and `test_labels` others of the same night.
    """

    state: dict[str, np.ndarray]
    images: np.ndarray
    labels: np.ndarray
    target_images: np.ndarray
    test_images: np.ndarray
    test_labels: np.ndarray


def classifier() -> nn.Sequential:
    """The classifier, untrained: two hidden layers of 64, batch normalization before each ReLU."""

    def block(inputs: int) -> tuple[nn.Module, ...]:
        return nn.Linear(inputs, 64, bias=False), nn.BatchNorm1d(64), nn.ReLU()

    return nn.Sequential(nn.Flatten(), *block(196), *block(64), nn.Linear(64, 10))


def cases(seeds: Sequence[int], nights: Iterable[int]) -> list[Case]:
    """A `Case` for each of `seeds`, which says what the classifier learnt from, and of `nights`, the night's seed.

    The classifiers are trained here, all together: two epochs in micro-batches of two.
    """
    (images, labels), (test_images, test_labels) = small_digits()
    order = np.stack([np.random.RandomState(seed).permutation(len(images)) for seed in seeds])
    source, target = order[:, :SOURCE], order[:, SOURCE : SOURCE + TARGET]
    nets = MLPs(SIZES, seeds, norm="batch")
    runs.train(nets, images, labels, steps=SOURCE, batch_size=2, rates=0.03, subset=source, label="batches of two")
    return [
        Case(
            state=_state(nets, member),
            images=images[source[member]],
            labels=labels[source[member]],
            target_images=camera.photographs(images[target[member]]),
            test_images=camera.photographs(test_images),
            test_labels=test_labels,
        )
        for member, camera in enumerate(map(Camera, nights))
    ]


def _state(nets: Ensemble, member: int) -> dict[str, np.ndarray]:
    """The state dict of one member of an ensemble, as arrays, with the names of `classifier()`."""
    tensors: dict[str, Tensor | None] = {}
    for number, layer in zip((1, 4, 7), nets.layers):
        tensors |= {f"{number}.weight": layer.weight, f"{number}.bias": layer.bias}
        if layer.gamma is not None:
            norm = number + 1
            tensors |= {f"{norm}.weight": layer.gamma, f"{norm}.bias": layer.beta}
            tensors |= {f"{norm}.running_mean": layer.running_mean, f"{norm}.running_var": layer.running_var}
            tensors[f"{norm}.num_batches_tracked"] = torch.full((nets.members,), SOURCE)
    return {name: tensor[member].detach().cpu().numpy() for name, tensor in tensors.items() if tensor is not None}
