"""How the detectors and segmenters are trained (`book/11_vision_tasks.md`)."""

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from bncourse.lab.training import History, autocast, batches, seed_everything, steps_of


def descend(
    model: nn.Module,
    loss: Callable[[Tensor], Tensor],
    optimizer: Optimizer,
    *,
    count: int,
    steps: int,
    batch_size: int,
    warm_up: int,
    seed: int,
    clip: float,
    every: int | None = None,
    evaluate: Callable[[], Any] | None = None,
) -> History:
    """Train `model` in place; returns a `History`.

    `loss(batch)` is the loss on the images with these indices `(batch_size,)`, of `count` that there are. The learning
    rate of the optimizer rises over `warm_up` steps and falls along a cosine to a fiftieth; gradients are cut to the
    norm `clip`. `evaluate()` is called after every `every` steps and after the last.
    """
    on = next(model.parameters()).device
    history, losses = History(device=str(on)), torch.zeros(steps, device=on)
    rates = [group["lr"] for group in optimizer.param_groups]
    seed_everything(seed)
    model.train()

    def look(step: int) -> None:
        if evaluate is not None and step > 0:
            history.steps.append(step)
            history.records.append(evaluate())

    order = torch.stack(list(batches(count, batch_size, steps, seed))).to(on)
    for step, batch in zip(steps_of(history, steps, every, look, on), order, strict=True):
        share = min(1.0, step / warm_up) * (0.51 + 0.49 * math.cos(math.pi * (step - 1) / steps))
        for group, rate in zip(optimizer.param_groups, rates):
            group["lr"] = rate * share
        with autocast(on, exact=True):
            value = loss(batch)
        optimizer.zero_grad()
        value.backward()
        nn.utils.clip_grad_norm_(model.parameters(), clip)
        optimizer.step()
        losses[step - 1] = value.detach()
    history.loss = losses.cpu().numpy()
    return history
