"""The one training loop of the course, and the choice of device, seeds and precision that goes with it."""

import random
import time
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from functools import cache

import numpy as np
import torch
from torch.nn import functional as F
from tqdm import tqdm

from bncourse.progress import bar_options, in_notebook, on_page

# Networks as small as those on the pages run faster, and far more steadily, on one thread than on several.
torch.set_num_threads(1)


@dataclass
class History:
    """What `fit` saw: the loss of every step; what `evaluate` returned (`records`), after which `steps`."""

    loss: np.ndarray = None
    steps: list = field(default_factory=list)
    records: list = field(default_factory=list)
    seconds: float = 0.0
    device: str = ""


@cache
def device():
    """The device that everything trains on: cuda, else mps, else cpu."""
    if torch.cuda.is_available():
        return torch.device("cuda")
    if torch.backends.mps.is_available():
        return torch.device("mps")
    return torch.device("cpu")


def scale(cpu, gpu):
    """The size of an experiment: `cpu`, unless a GPU was found."""
    return cpu if device().type == "cpu" else gpu


def seed_everything(seed):
    """Seed Python, NumPy and PyTorch on every device."""
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)


def train_step(model, images, labels, optimizer):
    """One step of gradient descent on the cross-entropy of a batch; returns the loss, a tensor on its device.

    On a GPU that has bfloat16 the forward pass runs in it, with images as channels last.
    """
    images = _layout(images)
    with _precision(images.device):
        loss = F.cross_entropy(model(images), labels)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss.detach()


def fit(
    model,
    images,
    labels,
    *,
    steps,
    batch_size=64,
    learning_rate=0.1,
    momentum=0.0,
    seed=0,
    every=None,
    evaluate=None,
    on=None,
):
    """Train `model` in place with stochastic gradient descent; returns a `History`.

    `images` `(N, C, H, W)` and `labels` `(N,)` are arrays or tensors, `on` a device if not the one found.
    Epochs are shuffled by `seed`, which also seeds everything else; an incomplete last batch is left out.
    `evaluate(model, step)` is called before the first step, after every `every` steps and after the last;
    `seconds` leaves its time out. Raises ValueError where the images are fewer than a batch.
    """
    on = torch.device(on or device())
    images = torch.as_tensor(images, dtype=torch.float32).to(on)
    labels = torch.as_tensor(labels, dtype=torch.int64).to(on)
    if len(images) < batch_size:
        raise ValueError(f"{len(images)} images are fewer than a batch of {batch_size}")
    seed_everything(seed)
    model.to(on).train()
    if _mixed(on):
        model.to(memory_format=torch.channels_last)
    optimizer = torch.optim.SGD(model.parameters(), lr=learning_rate, momentum=momentum)
    history = History(device=str(on))
    losses = torch.zeros(steps, device=on)

    def record(step):
        if evaluate is not None:
            with _modes_kept(model):
                history.steps.append(step)
                history.records.append(evaluate(model, step))

    record(0)
    start = time.perf_counter()
    for step, batch in enumerate(batches(len(images), batch_size, steps, seed), start=1):
        batch = batch.to(on)
        losses[step - 1] = train_step(model, images[batch], labels[batch], optimizer)
        if step == steps or (every and step % every == 0):
            wait(on)
            history.seconds += time.perf_counter() - start
            record(step)
            start = time.perf_counter()
    history.loss = losses.cpu().numpy()
    return history


def accuracy(model, images, labels, batch_size=1000):
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
def evaluation(model):
    """Evaluation mode and no gradient inside the `with`; after it every module is in the mode it was in."""
    with _modes_kept(model), torch.no_grad():
        model.eval()
        yield model


def progress(iterable, label):
    """Yield from `iterable`, one training run each, behind a bar; pages and notebooks keep one line of it."""
    start, count = time.perf_counter(), 0
    for item in tqdm(iterable, desc=label, **bar_options()):
        yield item
        count += 1
    if on_page() or in_notebook():
        seconds = time.perf_counter() - start
        print(f'{count} run{"s" * (count != 1)} of "{label}" on {device()} in {seconds:.1f} s')


@contextmanager
def _modes_kept(model):
    modes = [(module, module.training) for module in model.modules()]
    try:
        yield
    finally:
        for module, mode in modes:
            module.training = mode


def batches(count, batch_size, steps, seed):
    # Shuffled on the CPU, so that a seed means the same batches on every device.
    generator = torch.Generator().manual_seed(seed)
    while steps > 0:
        whole = torch.randperm(count, generator=generator).split(batch_size)[: count // batch_size]
        yield from whole[:steps]
        steps -= len(whole)


def _mixed(on):
    return on.type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)


def _precision(on):
    return torch.autocast(on.type, torch.bfloat16) if _mixed(on) else nullcontext()


def _layout(images):
    if images.dim() == 4 and _mixed(images.device):
        return images.contiguous(memory_format=torch.channels_last)
    return images


def wait(on):
    if on.type == "cuda":
        torch.cuda.synchronize(on)
