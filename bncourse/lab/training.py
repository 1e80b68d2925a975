"""The one training loop of the course, and the choice of device, seeds and precision that goes with it."""

import os
import random
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from functools import cache
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.optim import Optimizer
from tqdm import tqdm

from bncourse.course.kernel import bar_options, in_notebook, on_page

Array = np.ndarray | Tensor
Item = TypeVar("Item")
PRECISION, DETERMINISTIC = "BNCOURSE_PRECISION", "BNCOURSE_DETERMINISTIC"
trained: set[str] = set()  # on what, and in which precision, this process has trained: "cpu, float32"


@dataclass
class History:
    """What `fit` saw: the loss of every step; what `evaluate` returned (`records`), after which `steps`."""

    loss: np.ndarray = field(default_factory=lambda: np.empty(0))
    steps: list[int] = field(default_factory=list)
    records: list[Any] = field(default_factory=list)
    seconds: float = 0.0
    device: str = ""


@cache
def device() -> torch.device:
    """The device that everything trains on: cuda (without TF32; deterministic if so asked), else mps, else cpu."""
    if torch.cuda.is_available():
        torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = False
        torch.use_deterministic_algorithms(bool(os.environ.get(DETERMINISTIC)), warn_only=True)
        return torch.device("cuda")
    if torch.backends.mps.is_available():
        return torch.device("mps")
    return torch.device("cpu")


def precision(exact: bool = False) -> str:
    """The dtype of all training's forward passes: BNCOURSE_PRECISION's, else float32, as in any case with `exact`."""
    return "float32" if exact else os.environ.get(PRECISION, "float32")


def autocast(on: torch.device, exact: bool = False) -> AbstractContextManager[Any]:
    """For the forward pass of a training step: its precision, of which it makes a note in `trained`."""
    dtype = precision(exact)
    trained.add(f"{on.type}, {dtype}")
    return nullcontext() if dtype == "float32" else torch.autocast(on.type, getattr(torch, dtype))


def scale(cpu: Item, gpu: Item) -> Item:
    """The size of an experiment: `cpu`, unless a GPU was found."""
    return cpu if device().type == "cpu" else gpu


def seed_everything(seed: int) -> None:
    """Seed Python, NumPy and PyTorch on every device."""
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)


def train_step(model: nn.Module, images: Tensor, labels: Tensor, optimizer: Optimizer, exact: bool = False) -> Tensor:
    """One step of gradient descent on the cross-entropy of a batch, in `precision(exact)`; returns the loss."""
    with autocast(images.device, exact):
        loss = F.cross_entropy(model(images), labels)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss.detach()


def fit(
    model: nn.Module,
    images: Array,
    labels: Array,
    *,
    steps: int,
    batch_size: int = 64,
    learning_rate: float = 0.1,
    momentum: float = 0.0,
    seed: int = 0,
    every: int | None = None,
    evaluate: Callable[[nn.Module, int], Any] | None = None,
    on: torch.device | str | None = None,
    exact: bool = False,
) -> History:
    """Train `model` in place with stochastic gradient descent; returns a `History`.

    `images` `(N, C, H, W)` and `labels` `(N,)` are arrays or tensors, `on` a device if not the one found.
    Epochs are shuffled by `seed`, which also seeds everything else; an incomplete last batch is left out.
    `evaluate(model, step)` is called before the first step, after every `every` steps and after the last;
    `seconds` leaves its time out. `exact`: in float32, for what is compared to the last digits.
    Raises ValueError where the images are fewer than a batch.
    """
    on = torch.device(on or device())
    images, labels = tensors(images, labels, on)
    order = torch.stack(list(batches(len(images), batch_size, steps, seed))).to(on)
    seed_everything(seed)
    layout = torch.preserve_format if precision(exact) == "float32" else torch.channels_last
    model.to(on, memory_format=layout).train()  # type: ignore[call-overload]  # missing in its stubs
    optimizer = torch.optim.SGD(model.parameters(), lr=learning_rate, momentum=momentum)
    history = History(device=str(on))
    losses = torch.zeros(steps, device=on)

    def look(step: int) -> None:
        if evaluate is not None:
            with _modes_kept(model):
                history.steps.append(step)
                history.records.append(evaluate(model, step))

    for step, batch in zip(steps_of(history, steps, every, look, on), order):
        losses[step - 1] = train_step(model, images[batch], labels[batch], optimizer, exact)
    history.loss = losses.cpu().numpy()
    return history


def steps_of(
    history: History, steps: int, every: int | None, look: Callable[[int], None], on: torch.device
) -> Iterator[int]:
    """Count the steps of a training, which the caller takes, from 1, on one thread and by the clock of `history`.

    `look(step)` is called, off the clock, before the first step, after every `every` steps and after the last.
    """
    # Networks as small as those on the pages run faster, and far more steadily, on one thread than on several.
    torch.set_num_threads(1)
    look(0)
    start = time.perf_counter()
    for step in range(1, steps + 1):
        yield step
        if step == steps or (every and step % every == 0):
            wait(on)
            history.seconds += time.perf_counter() - start
            look(step)
            start = time.perf_counter()


def accuracy(model: nn.Module, images: Array, labels: Array, batch_size: int = 1000) -> float:
    """Share of right answers, 0 to 1, in evaluation mode; every module is left in the mode it was in."""
    on = next(model.parameters()).device
    right = 0
    with evaluation(model):
        for start in range(0, len(images), batch_size):
            part = slice(start, start + batch_size)
            logits = model(torch.as_tensor(images[part], dtype=torch.float32).to(on))
            right += (logits.argmax(1).cpu() == torch.as_tensor(labels[part]).cpu()).sum().item()
    return right / len(images)


@contextmanager
def evaluation(model: nn.Module) -> Iterator[nn.Module]:
    """Evaluation mode and no gradient inside the `with`; after it every module is in the mode it was in."""
    with _modes_kept(model), torch.no_grad():
        model.eval()
        yield model


def progress(iterable: Iterable[Item], label: str) -> Iterator[Item]:
    """Yield from `iterable`, one training run each, behind a bar; pages and notebooks keep one line of it."""
    start, count = time.perf_counter(), 0
    for item in tqdm(iterable, desc=label, **bar_options()):
        yield item
        count += 1
    print_time(count, f'"{label}"', device(), start)


def print_time(count: int, of: str, on: torch.device | str, start: float) -> None:
    """The line that a page or a notebook keeps of `count` runs; `start` is when they began, by `time.perf_counter`."""
    if on_page() or in_notebook():
        print(f"{count} run{'s' * (count != 1)} of {of} on {on} in {time.perf_counter() - start:.1f} s")


@contextmanager
def _modes_kept(model: nn.Module) -> Iterator[None]:
    modes = [(module, module.training) for module in model.modules()]
    try:
        yield
    finally:
        for module, mode in modes:
            module.training = mode


def batches(count: int, batch_size: int, steps: int, seed: int) -> Iterator[Tensor]:
    """Indices `(batch_size,)` into `count` images, a batch for each of `steps`: epochs shuffled by `seed`.

    An incomplete last batch is left out. Raises ValueError where the images are fewer than a batch.
    """
    if count < batch_size:
        raise ValueError(f"{count} images are fewer than a batch of {batch_size}")
    # Shuffled on the CPU, so that a seed means the same batches on every device.
    generator = torch.Generator().manual_seed(seed)
    while steps > 0:
        whole = torch.randperm(count, generator=generator).split(batch_size)[: count // batch_size]
        yield from whole[:steps]
        steps -= len(whole)


def tensors(images: Array, labels: Array, on: torch.device) -> tuple[Tensor, Tensor]:
    """Images as float32 and labels as int64 on a device."""
    return torch.as_tensor(images, dtype=torch.float32).to(on), torch.as_tensor(labels, dtype=torch.int64).to(on)


def wait(on: torch.device) -> None:
    """Until a GPU has done what it was sent, so that a clock read next has measured it; at once elsewhere."""
    if on.type == "cuda":
        torch.cuda.synchronize(on)
    elif on.type == "mps":
        torch.mps.synchronize()
