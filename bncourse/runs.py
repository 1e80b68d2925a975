"""Training the networks of `bncourse.ensembles`, and grids of seeds, rates and gains (`book/07_faster_training.md`)."""

import time
from dataclasses import dataclass, field

import numpy as np
import torch
from tqdm import tqdm

from bncourse.ensembles import numbers
from bncourse.progress import bar_options, in_notebook, on_page
from bncourse.training import batches, wait


@dataclass(frozen=True)
class Grid:
    """Every combination of some settings, one a member; the last axis runs fastest."""

    axes: dict

    def __len__(self):
        return int(np.prod(self.shape))

    @property
    def shape(self):
        return tuple(len(values) for values in self.axes.values())

    def __getitem__(self, axis):
        """The values of one axis, one a member: `(members,)`."""
        return np.array(self.axes[axis])[self.place(axis)]

    def place(self, axis):
        """Each member's place on one axis, an index: `(members,)`."""
        return np.indices(self.shape)[list(self.axes).index(axis)].ravel()

    def arranged(self, values, **chosen):
        """`values` `(members, ...)` with one axis a setting, in their order, before its own other axes.

        An axis given in `chosen`, `rates=0.1`, is taken at that value and left out. Raises ValueError for a setting
        or a value that the grid does not have.
        """
        values = np.asarray(values)
        for axis, value in chosen.items():
            if value not in self.axes.get(axis, ()):
                known = {name: list(settings) for name, settings in self.axes.items()}
                raise ValueError(f"no {axis}={value} in the grid {known}")
        places = [
            list(settings).index(chosen[axis]) if axis in chosen else slice(None)
            for axis, settings in self.axes.items()
        ]
        return values.reshape(*self.shape, *values.shape[1:])[tuple(places)]


def crossed(**axes):
    """The `Grid` of all combinations: `crossed(rates=(0.1, 1.0), seeds=range(5))` has ten members."""
    return Grid({name: tuple(values) for name, values in axes.items()})


@dataclass
class Runs:
    """What `train` saw of each member.

    `loss` `(members, steps)` on the batches; after which `steps` `(T,)` it was tested: test `accuracy` and `test_loss`
    `(members, T)`, `records` of `evaluate`; `diverged` `(members,)`, bool; `seconds` without tests and evaluation.
    """

    loss: np.ndarray = None
    accuracy: np.ndarray = None
    test_loss: np.ndarray = None
    diverged: np.ndarray = None
    steps: list = field(default_factory=list)
    records: list = field(default_factory=list)
    seconds: float = 0.0
    device: str = ""

    def steps_to(self, target):
        """The first of `steps` after which the test accuracy is at least `target`: `(members,)`, inf where none is."""
        reached = self.accuracy >= target
        return np.where(reached.any(1), np.asarray(self.steps)[reached.argmax(1)], np.inf)


def descend(nets, x, y, rates, momentum=0.0, weight_decay=0.0, velocity=None):
    """One step of every member on its own batch, as torch.optim.SGD takes it; returns losses `(members,)` and velocity.

    `x` `(members, batch, C, H, W)`, `y` `(members, batch)`, `rates` a number or `(members,)`; `velocity`, what the
    step before returned, is used with momentum only.
    """
    losses = nets.losses(x, y)
    direction = torch.autograd.grad(losses.sum(), nets.parameters)
    if weight_decay:
        direction = [change + weight_decay * value.detach() for change, value in zip(direction, nets.parameters)]
    if momentum and velocity is not None:
        direction = [momentum * before + change for before, change in zip(velocity, direction)]
    nets.move(direction, -nets.per_member(rates))
    return losses.detach(), direction


def train(
    nets,
    images,
    labels,
    *,
    steps,
    batch_size=64,
    rates=0.1,
    momentum=0.0,
    weight_decay=0.0,
    decay=0.0,
    subset=None,
    every=None,
    test=None,
    evaluate=None,
    label="",
):
    """Train all members of `nets` in place with stochastic gradient descent; returns `Runs`.

    - `images` `(N, C, H, W)` and `labels` `(N,)`: arrays or tensors. A member sees the batches that `training.fit`
      takes with its seed; `subset` `(members, n)` says which of the images each member trains on, else all.
    - `rates`: learning rates, a number or `(members,)`; over the last share `decay` of the steps they fall linearly
      to 0.
    - Before the first step, after every `every` steps and after the last, the members are tested on `test`,
      `(images, labels)` or `(images, labels, subset)`, and `evaluate(nets, step)` is called.
    - `label` stands in the line of progress.

    A member that diverges has the accuracy of chance from there on. Raises ValueError where a batch is larger than
    the images.
    """
    images, labels = _on(nets, images, torch.float32), _on(nets, labels, torch.int64)
    test = test and (_on(nets, test[0], torch.float32), _on(nets, test[1], torch.int64), *test[2:])
    subset = None if subset is None else _on(nets, subset, torch.int64).expand(nets.members, -1)
    count = len(images) if subset is None else subset.shape[1]
    if count < batch_size:
        raise ValueError(f"{count} images are fewer than a batch of {batch_size}")
    order = [torch.stack(list(batches(count, batch_size, steps, int(seed)))) for seed in nets.distinct_seeds]
    order, of_seed = _on(nets, torch.stack(order)), _on(nets, nets.seed_index)
    rates, velocity, losses, tests = nets.per_member(rates), None, [], []
    runs = Runs(device=str(nets.device))

    def look(step):
        runs.steps.append(step)
        if test:
            tests.append(torch.stack(nets.test(*test)))
        if evaluate:
            runs.records.append(evaluate(nets, step))

    begun = time.perf_counter()
    look(0)
    start = time.perf_counter()
    for step in tqdm(range(1, steps + 1), desc=label, **bar_options()):
        batch = order[of_seed, step - 1]
        x, y = nets.take(images, labels, batch if subset is None else subset.gather(1, batch))
        falling = min(1.0, (steps + 1 - step) / (decay * steps)) if decay else 1.0
        loss, velocity = descend(nets, x, y, falling * rates, momentum, weight_decay, velocity)
        losses.append(loss)
        if step == steps or (every and step % every == 0):
            wait(nets.device)
            runs.seconds += time.perf_counter() - start
            look(step)
            start = time.perf_counter()
    runs.loss, runs.diverged = numbers(torch.stack(losses, 1)), nets.diverged()
    if test:
        runs.accuracy, runs.test_loss = numbers(torch.stack(tests, 2))
    if on_page() or in_notebook():
        length = f'"{label}", {steps} steps each,' if label else f"{steps} steps"
        seconds = time.perf_counter() - begun
        print(f"{nets.members} run{'s' * (nets.members != 1)} of {length} on {nets.device.type} in {seconds:.1f} s")
    return runs


def _on(nets, values, dtype=None):
    return torch.as_tensor(values, dtype=dtype).to(nets.device)
