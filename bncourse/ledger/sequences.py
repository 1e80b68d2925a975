"""Recurrent networks for sequences of varied length, trained for longer than a page has time.

`book/12_small_batches.md` shows what they reached.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from bncourse.lab import training
from bncourse.lab.vision import scenes
from bncourse.lab.vision.training import descend

GATES = {"RNN": 1, "GRU": 3, "LSTM": 4}
NORMS = ("none", "LN", "BN, padded", "BN, masked")
SHORTEST, LONGEST, ROW = 10, 30, 28  # steps of a sequence, values of a step
FEWEST = 8  # values for statistics of their own; where fewer are left, BN uses the running ones in training too
SHARED = 24  # from this step on, which few sequences reach, the running statistics are the same
LIGHT = 0.5  # standard deviation of the logarithm of a sequence's gain, and of its offset


class StepNorm(nn.Module):
    """Normalises `(B, C)` at a step: "none", "LN", or else BN, with running statistics for each step up to `SHARED`."""

    def __init__(self, norm: str, channels: int, gamma: float) -> None:
        super().__init__()
        self.norm = norm
        self.weight, self.bias = nn.Parameter(torch.full((channels,), gamma)), nn.Parameter(torch.zeros(channels))
        self.mean, self.var = nn.Buffer(torch.zeros(SHARED + 1, channels)), nn.Buffer(torch.ones(SHARED + 1, channels))

    def forward(self, x: Tensor, step: int) -> Tensor:
        if self.norm in ("none", "LN"):
            return x if self.norm == "none" else F.layer_norm(x, x.shape[1:], self.weight, self.bias)
        own, step = self.training and len(x) >= FEWEST, min(step, SHARED)
        return F.batch_norm(x, self.mean[step], self.var[step], self.weight, self.bias, own)


class Reader(nn.Module):
    """Reads `(B, T, 28)` with a cell of `GATES`; answers, `(B, 10)`, after the last real step of each sequence.

    `norm` is one of `NORMS`. Sequences that have ended are left out; with "BN, padded" they count on in training.
    """

    def __init__(self, cell: str, norm: str, hidden: int = 96, gamma: float = 1.0) -> None:
        super().__init__()
        self.cell, self.norm, width = cell, norm, GATES[cell] * hidden
        self.into, self.across = nn.Linear(ROW, width, bias=False), nn.Linear(hidden, width, bias=False)
        self.norms = nn.ModuleList(StepNorm(norm, channels, gamma) for channels in (width, width, hidden))
        self.bias, self.out = nn.Parameter(torch.zeros(width)), nn.Linear(hidden, 10)
        for gate in self.across.weight.data.split(hidden):
            nn.init.orthogonal_(gate)
        if cell == "LSTM":
            self.bias.data[:hidden] = 1.0  # the forget gate is open at first

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        order = lengths.argsort(descending=True)
        alive = (lengths > torch.arange(int(lengths.max()), device=x.device)[:, None]).sum(1).tolist()
        inputs, states = self.into(x[order]), []
        h = c = x.new_zeros(len(x), self.out.in_features)
        for step, left in enumerate(alive):
            if not (self.training and self.norm == "BN, padded"):
                h, c = h[:left], c[:left]
            h, c = self._next(inputs[: len(h), step], h, c, step)
            states.append(h)
        ended = [h[after:left] for h, left, after in zip(states, alive, [*alive[1:], 0])]
        logits: Tensor = self.out(torch.cat(ended[::-1]))
        return logits[order.argsort()]

    def _next(self, x: Tensor, h: Tensor, c: Tensor, step: int) -> tuple[Tensor, Tensor]:
        """State `h` and, of an LSTM, memory `c` after a step; `x` is multiplied with its weights already."""
        into, across, inside = self.norms
        x, y = into(x, step) + self.bias, across(self.across(h), step)
        if self.cell == "RNN":
            return torch.tanh(x + y), c
        n = h.shape[1]
        if self.cell == "GRU":
            reset, keep = torch.sigmoid(x[:, : 2 * n] + y[:, : 2 * n]).chunk(2, 1)
            return torch.lerp(torch.tanh(x[:, 2 * n :] + reset * y[:, 2 * n :]), h, keep), c
        forget, write, show = torch.sigmoid((x + y)[:, : 3 * n]).chunk(3, 1)
        c = forget * c + write * torch.tanh((x + y)[:, 3 * n :])
        return show * torch.tanh(inside(c, step)), c


def sequences(images: Tensor, draw: torch.Generator) -> tuple[Tensor, Tensor]:
    """Digits `(N, 1, 28, 28)` as sequences of rows: `(N, 30, 28)`, zeros after their end, and their lengths `(N,)`.

    Each is stretched or squeezed to a length, and has a gain and an offset, that are drawn from `draw`.
    """
    count, step = len(images), torch.arange(LONGEST)
    lengths = torch.randint(SHORTEST, LONGEST + 1, (count,), generator=draw)
    gain, offset = LIGHT * torch.randn(2, count, 1, 1, generator=draw)
    place = ((step + 0.5) * ROW / lengths[:, None] - 0.5).clamp(0, ROW - 1)
    row, each = place.long(), torch.arange(count)[:, None]
    above, below = images[each, 0, row], images[each, 0, (row + 1).clamp(max=ROW - 1)]
    x = torch.lerp(above, below, place.frac()[..., None]) * gain.exp() + offset
    return x * (step < lengths[:, None])[..., None], lengths


@dataclass(frozen=True)
class Plan:
    """One training of a `Reader`, by Adam, on sequences drawn anew for each batch.

    Evaluated after every `every` steps on images to choose by, in the end on those of the split `of`.
    """

    cell: str
    norm: str
    learning_rate: float
    gamma: float = 1.0
    seed: int = 0
    steps: int = 800
    batch_size: int = 64
    every: int = 100
    of: str = "report"


def trained(plan: Plan) -> dict[str, Any]:
    """Train with a plan: processor seconds, errors in % after which steps, and in the end.

    The splits are those of `bncourse.lab.vision.scenes`.
    """
    start, on = time.process_time(), training.device()
    images, labels = scenes.split("train")
    draw = torch.Generator().manual_seed(plan.seed)
    choosing, last = (_fixed(of) for of in ("choose", plan.of))
    training.seed_everything(plan.seed)
    model = Reader(plan.cell, plan.norm, gamma=plan.gamma).to(on)

    def loss(batch: Tensor) -> Tensor:
        batch = batch.cpu()  # where sequences are drawn
        x, lengths = sequences(images[batch], draw)
        return F.cross_entropy(model(x.to(on), lengths.to(on)), labels[batch].to(on))

    history = descend(
        model, loss, torch.optim.Adam(model.parameters(), plan.learning_rate), count=len(images), steps=plan.steps,
        batch_size=plan.batch_size, warm_up=max(1, plan.steps // 20), seed=plan.seed, clip=1.0, every=plan.every,
        evaluate=(lambda: round(error(model, *choosing), 2)) if plan.every else None,
    )  # fmt: skip
    results = {"error": round(error(model, *last), 2)}
    seconds = round(time.process_time() - start)
    return {"processor_seconds": seconds, "steps": history.steps, "curve": history.records, "results": results}


def _fixed(of: str) -> tuple[Tensor, Tensor, Tensor]:
    """The sequences of a split that are the same in every evaluation, their lengths and labels."""
    images, labels = scenes.split(of)
    return *sequences(images, torch.Generator().manual_seed(1)), labels


def error(model: Reader, x: Tensor, lengths: Tensor, labels: Tensor) -> float:
    """Share of wrong answers in %, in evaluation mode."""
    on = next(model.parameters()).device
    with training.evaluation(model):
        predicted: Tensor = model(x.to(on), lengths.to(on)).argmax(1).cpu()
    return 100 - 100 * (predicted == labels).sum().item() / len(labels)


# What rates were chosen from, by the error on images and of a seed that nothing is reported of.
RATES = {"GRU": (0.003, 0.01, 0.03, 0.1), "LSTM": (0.003, 0.01, 0.03, 0.1)}
TRIED = {
    f"{cell}, {norm}, {rate:g}": Plan(cell, norm, rate, every=0, of="choose")
    for cell, rates in RATES.items()
    for norm in NORMS
    for rate in rates
}


def chosen(errors: Mapping[str, np.ndarray]) -> dict[str, Plan]:
    """What is reported, "GRU, LN" and so on, each arm at its best rate; `errors` has a mean for each of `TRIED`."""
    best: dict[str, str] = {}
    for name in sorted(TRIED, key=lambda name: errors[name].mean()):
        best.setdefault(f"{TRIED[name].cell}, {TRIED[name].norm}", name)
    arms = (f"{cell}, {norm}" for cell in RATES for norm in NORMS)
    return {arm: Plan(TRIED[best[arm]].cell, TRIED[best[arm]].norm, TRIED[best[arm]].learning_rate) for arm in arms}
