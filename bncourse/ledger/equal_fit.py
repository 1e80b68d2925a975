"""Arms at equal fit: each at its own best rate, and trained until images that are not those of the test say stop.

`book/experiments.md` says why.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from bncourse.lab.ensembles.ensemble import Ensemble
from bncourse.lab.runs import Grid, train
from bncourse.lab.training import Array
from bncourse.ledger.rates import Choice, chosen, tuned

CHOOSING = range(1000, 1010)  # each is trained until it stops, which takes time: no more seeds than must be


@dataclass(frozen=True)
class Stopped:
    """Networks at the step where their training was stopped, one entry a member: `(members,)`, or as in `arranged`.

    The network that counts is the one before whose step patience began: the best on the validation images. `validated`
    and `accuracy`, between 0 and 1, are its on these images and on those of the test, `steps` is its step; `early` says
    whether patience ended before the training did.
    """

    steps: np.ndarray
    validated: np.ndarray
    accuracy: np.ndarray
    early: np.ndarray

    def arranged(self, grid: Grid) -> "Stopped":
        """The same, with one axis a setting of `grid`."""
        return Stopped(**{field.name: grid.arranged(getattr(self, field.name)) for field in fields(self)})


def stopping_places(validated: np.ndarray, patience: int) -> tuple[np.ndarray, np.ndarray]:
    """Which test of `validated` `(members, T)` counts, and whether training stopped there before its end.

    A member stops once `patience` tests in a row were no better than its best; the best counts, of equals the first.
    Returns places `(members,)` and bool `(members,)`.
    """
    best = np.maximum.accumulate(validated, axis=1)
    risen = np.diff(best, axis=1, prepend=-np.inf) > 0
    tests = np.arange(validated.shape[1])
    latest = np.maximum.accumulate(np.where(risen, tests, 0), axis=1)
    over = tests - latest >= patience
    early: np.ndarray = np.any(over, axis=1)
    last = np.where(early, over.argmax(1), len(tests) - 1)
    return latest[np.arange(len(latest)), last], early


def train_until_stopped(
    nets: Ensemble,
    images: Array,
    labels: Array,
    *,
    validation: tuple[Array, Array] | tuple[Array, Array, Array],
    test: tuple[Array, Array] | tuple[Array, Array, Array],
    steps: int,
    every: int,
    patience: int,
    **options: Any,
) -> Stopped:
    """Train as `runs.train` does with `options`, `steps` at most, and stop each member by itself.

    After every `every` steps a member is tested on `validation`, `(images, labels)` or `(images, labels, subset)`, and
    stops as in `stopping_places`. What it would still learn does not count: its accuracy on `test` is that of
    its best step.
    """
    test_images, test_labels, *rest = test
    subset = rest[0] if rest else None

    def tested(nets: Ensemble, step: int) -> np.ndarray:
        return nets.accuracy(test_images, test_labels, subset=subset)

    runs = train(
        nets, images, labels, steps=steps, every=every, test=validation, evaluate=tested, **options
    )  # fmt: skip
    assert runs.accuracy is not None
    places, early = stopping_places(runs.accuracy, patience)
    members = np.arange(len(places))
    accuracy = np.array(runs.records)[places, members]
    return Stopped(np.array(runs.steps)[places], runs.accuracy[members, places], accuracy, early)


Train = Callable[[Sequence[float], Sequence[int]], Stopped]


@dataclass(frozen=True)
class Fitted:
    """An arm trained until it stopped: the `choice` of its rate, and {rate: `Stopped` (S,)} of the reported seeds."""

    choice: Choice
    stopped: dict[float, Stopped]

    @property
    def at_best(self) -> Stopped:
        """The reported seeds at the chosen rate."""
        return self.stopped[self.choice.rate]

    def accuracy(self, rate: float) -> np.ndarray:
        """Test accuracy in % of the reported seeds at a rate that might have been chosen: `(S,)`."""
        return 100 * self.stopped[rate].accuracy


def fitted(stored: Path, name: str, train: Train, rates: Sequence[float], seeds: Sequence[int]) -> Fitted:
    """The arm `name` at its own best rate, chosen as `rates.chosen` does by the validation accuracy where it stopped.

    `train(rates, seeds)` trains every combination and returns `Stopped` `(rates, seeds)`.
    """
    choice = chosen(stored, name, lambda rates: train(rates, CHOOSING).validated, rates)
    contenders = list(choice.contenders)
    trained = train(contenders, seeds)
    parts = {
        rate: Stopped(*(getattr(trained, part)[place] for part in ("steps", "validated", "accuracy", "early")))
        for place, rate in enumerate(contenders)
    }
    return Fitted(choice, parts)


def gained(plain: Fitted, treated: Fitted) -> np.ndarray:
    """Points of test accuracy that `treated` is ahead once both have stopped: (effect, low, high) of `rates.tuned`."""
    return tuned([plain.choice, treated.choice], lambda first, second: treated.accuracy(second) - plain.accuracy(first))
