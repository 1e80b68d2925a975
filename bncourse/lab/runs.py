"""Training ensembles, and grids of seeds, rates and gains (`book/07_faster_training.md`)."""

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor
from tqdm import tqdm

from bncourse.course.kernel import bar_options
from bncourse.lab.ensembles.ensemble import Ensemble, numbers
from bncourse.lab.training import Array, History, autocast, batches, print_time, steps_of, tensors


@dataclass(frozen=True)
class Grid:
    """Every combination of some settings, one a member; the last axis runs fastest."""

    axes: dict[str, tuple[Any, ...]]

    def __len__(self) -> int:
        return int(np.prod(self.shape))

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(len(values) for values in self.axes.values())

    def __getitem__(self, axis: str) -> np.ndarray:
        """The values of one axis, one a member: `(members,)`."""
        return np.array(self.axes[axis])[self.place(axis)]

    def place(self, axis: str) -> np.ndarray:
        """Each member's place on one axis, an index: `(members,)`."""
        return np.indices(self.shape)[list(self.axes).index(axis)].ravel()

    def arranged(self, values: ArrayLike) -> np.ndarray:
        """`values` `(members, ...)` with one axis a setting, in their order, before its own other axes."""
        return np.reshape(values, (*self.shape, *np.shape(values)[1:]))


def crossed(**axes: Iterable[Any]) -> Grid:
    """The `Grid` of all combinations: `crossed(rates=(0.1, 1.0), seeds=range(5))` has ten members."""
    return Grid({name: tuple(values) for name, values in axes.items()})


@dataclass
class Runs(History):
    """What `train` saw of each member.

    `loss` `(members, steps)` on the batches; `diverged` `(members,)`, bool; after which `steps` `(T,)` it was tested:
    test `accuracy` and `test_loss` `(members, T)`, None without a test, and `records` of `evaluate`; `seconds` without
    tests and evaluation.
    """

    diverged: np.ndarray = field(default_factory=lambda: np.empty(0, bool))
    accuracy: np.ndarray | None = None
    test_loss: np.ndarray | None = None


def descend(
    nets: Ensemble, x: Tensor, y: Tensor, rates: ArrayLike, momentum: float = 0.0, velocity: list[Tensor] | None = None
) -> tuple[Tensor, list[Tensor]]:
    """One step of every member on its own batch, as torch.optim.SGD takes it; returns losses `(members,)` and velocity.

    `x` `(members, batch, C, H, W)`, `y` `(members, batch)`, `rates` a number or `(members,)`; `velocity`, what the
    step before returned, is used with momentum only.
    """
    with autocast(x.device):
        losses = nets.losses(x, y).float()
    direction = list(torch.autograd.grad(losses.sum(), nets.parameters))
    if momentum and velocity is not None:
        direction = [momentum * before + change for before, change in zip(velocity, direction)]
    nets.move(direction, -nets.per_member(rates))
    return losses.detach(), direction


def train(
    nets: Ensemble,
    images: Array,
    labels: Array,
    *,
    steps: int,
    batch_size: int = 64,
    rates: ArrayLike = 0.1,
    momentum: float = 0.0,
    decay: float = 0.0,
    subset: Array | None = None,
    sizes: Sequence[int] | None = None,
    every: int | None = None,
    test: tuple[Array, Array] | tuple[Array, Array, Array] | None = None,
    evaluate: Callable[[Ensemble, int], Any] | None = None,
    label: str = "",
) -> Runs:
    """Train all members of `nets` in place with stochastic gradient descent; returns `Runs`.

    - `images` `(N, C, H, W)` and `labels` `(N,)`: arrays or tensors. A member sees the batches that `training.fit`
      takes with its seed; `subset` `(members, n)` says which of the images each member trains on, else all.
    - `sizes` `(steps,)`: where the batch size varies, how many images of its batch each step sees, the first of them.
    - `rates`: learning rates, a number or `(members,)`; over the last share `decay` of the steps they fall linearly
      to 0.
    - Before the first step, after every `every` steps and after the last, the members are tested on `test`,
      `(images, labels)` or `(images, labels, subset)`, and `evaluate(nets, step)` is called.
    - `label` stands in the line of progress.

    A member that diverges has the accuracy of chance from there on. Raises ValueError where a batch is larger than
    the images.
    """
    start, on = time.perf_counter(), nets.device
    images, labels = tensors(images, labels, on)
    test = test and (*tensors(test[0], test[1], on), *test[2:])
    if subset is not None:
        subset = torch.as_tensor(subset, dtype=torch.int64).to(on).expand(nets.members, -1)
    count = len(images) if subset is None else subset.shape[1]
    of_seeds = [torch.stack(list(batches(count, batch_size, steps, int(seed)))) for seed in nets.distinct_seeds]
    order, of_member = torch.stack(of_seeds).to(on), torch.as_tensor(nets.seed_index).to(on)
    rates, velocity, losses, tests = nets.per_member(rates), None, [], []
    runs = Runs(device=str(on))

    def look(step: int) -> None:
        runs.steps.append(step)
        if test:
            tests.append(torch.stack(nets.test(*test)))
        if evaluate:
            runs.records.append(evaluate(nets, step))

    for step in tqdm(steps_of(runs, steps, every, look, on), total=steps, desc=label, **bar_options()):
        batch = order[of_member, step - 1, : sizes[step - 1] if sizes is not None else None]
        x, y = nets.take(images, labels, batch if subset is None else subset.gather(1, batch))
        falling = min(1.0, (steps + 1 - step) / (decay * steps)) if decay else 1.0
        loss, velocity = descend(nets, x, y, falling * rates, momentum, velocity)
        losses.append(loss)
    runs.loss, runs.diverged = numbers(torch.stack(losses, 1)), nets.diverged()
    if test:
        runs.accuracy, runs.test_loss = numbers(torch.stack(tests, 2))
    print_time(nets.members, f'"{label}", {steps} steps each,' if label else f"{steps} steps", on.type, start)
    return runs
