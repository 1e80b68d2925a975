"""Linear probes whose speed no scale can change: what scaled features are worth to them (`book/13_transfer.md`)."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import ArrayLike

PENALTIES = tuple(10.0**power for power in range(-7, 0))  # of the mean variance of a feature
STEPS = 100

Scaling = Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]


@dataclass(frozen=True)
class Draw:
    """One target drawn from labelled images: indices of those to `learn` from, to `choose` by and to `report` on."""

    learn: np.ndarray
    choose: np.ndarray
    report: np.ndarray


def draw(labels: np.ndarray, seed: int, size: int, classes: int | None = None) -> Draw:
    """`size` images to learn from; of the others, of the same classes, one half chooses and the other reports.

    `classes`: how many there are in this target, as even in number as `labels` `(N,)` allows; None: all.
    Raises ValueError where too few images are left to choose and to report.
    """
    generator = np.random.default_rng(seed)
    names = generator.permutation(np.unique(labels))[:classes]
    order = generator.permutation(np.flatnonzero(np.isin(labels, names)))
    rank = np.empty(len(order), int)
    for name in names:
        own = labels[order] == name
        rank[own] = np.arange(own.sum())
    order = order[np.argsort(rank, kind="stable")]
    rest = generator.permutation(order[size:])
    if len(rest) < 20:
        raise ValueError(f"{len(order)} images of these classes are too few to learn from {size} of them")
    return Draw(order[:size], rest[: len(rest) // 2], rest[len(rest) // 2 :])


def probed(features: np.ndarray, labels: np.ndarray, target: Draw, scaling: Scaling) -> float:
    """Accuracy (%) on `target.report` of a probe on scaled `features` `(N, D)`.

    `scaling(learn, others)` returns both parts scaled. The penalty is that of `PENALTIES` that is most accurate on
    `target.choose`, of several the largest.
    """
    learn, others = scaling(features[target.learn], features[np.concatenate([target.choose, target.report])])
    names, known = np.unique(labels[target.learn], return_inverse=True)
    weight, bias = logistic(learn, known, PENALTIES)
    right = names[(others @ weight + bias).argmax(2)] == labels[np.concatenate([target.choose, target.report])]
    chosen = right[:, : len(target.choose)].mean(1)
    best = np.flatnonzero(chosen == chosen.max())[-1]
    return float(100 * right[best, len(target.choose) :].mean())


def logistic(
    features: np.ndarray, labels: np.ndarray, penalties: ArrayLike, steps: int = STEPS
) -> tuple[np.ndarray, np.ndarray]:
    """Multinomial logistic regressions of `labels` `(N,)`, 0 to K - 1, on `features` `(N, D)`.

    Returns weights `(P, D, K)` and biases `(P, 1, K)`. Each minimises the mean cross-entropy plus half its penalty,
    times the mean variance of a feature, times the squared weights. Steps go along the principal axes of the features,
    each as long as a bound of the curvature allows (Böhning, 1992), with Nesterov's momentum: the scale
    of a feature does not change how fast they come to the end.
    """
    x = torch.as_tensor(features, dtype=torch.float32)
    count, size = x.shape
    mean = x.mean(0)
    _, scales, axes = torch.linalg.svd(x - mean, full_matrices=False)
    significant = scales > 1e-5 * scales[0]
    scales, axes = scales[significant], axes[significant]
    x, variances = (x - mean) @ axes.T, scales.square() / count  # along the principal axes
    penalty = torch.as_tensor(penalties, dtype=torch.float32) * variances.sum() / size
    truth = torch.nn.functional.one_hot(torch.as_tensor(labels)).float()[..., None]
    weight = torch.zeros(len(variances), truth.shape[1], len(penalty))
    bias = torch.zeros(truth.shape[1], len(penalty))
    ahead, ahead_bias = weight, bias
    for step in range(steps):
        logits = (x @ ahead.flatten(1)).view(count, *bias.shape) + ahead_bias
        wrong = (logits.softmax(1) - truth) / count
        slope = (x.T @ wrong.flatten(1)).view(weight.shape) + penalty * ahead
        moved = ahead - slope / (variances[:, None, None] / 2 + penalty)
        moved_bias = ahead_bias - 2 * wrong.sum(0)
        momentum = step / (step + 3)
        ahead, ahead_bias = moved + momentum * (moved - weight), moved_bias + momentum * (moved_bias - bias)
        weight, bias = moved, moved_bias
    weight = (axes.T @ weight.flatten(1)).view(size, *bias.shape).permute(2, 0, 1)
    return weight.numpy(), (bias.T[:, None] - mean[None] @ weight).numpy()
