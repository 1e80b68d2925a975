"""Ensembles of detectors with a mask head, for one digit a scene (`book/11_vision_tasks.md`).

They are `Networks` like those of `networks.py`, and trained by `lab.runs.train`. Their labels are rows of integers,
`packed` from `lab.scenes`: class, box and mask of a scene.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from bncourse.lab.ensembles.ensemble import Hidden, Layer, numbers
from bncourse.lab.ensembles.networks import BatchChannel, Networks
from bncourse.lab.scenes import Scenes
from bncourse.lab.training import Array

CELL = 4  # pixels of a scene in a cell of the detector's grid, along each axis
BOX = 10.0  # pixels; widths and heights are given as the logarithm of their ratio to it


def packed(scenes: Scenes) -> np.ndarray:
    """Labels of `Scenes` in rows `(N, 5 + side * side)`: class, box and mask."""
    masks = scenes.masks.reshape(len(scenes.masks), -1)
    return np.concatenate([scenes.classes[:, None], scenes.boxes, masks], 1).astype(np.int64)


class Dense(Networks):
    """What detectors and segmenters share. `frozen`: BN keeps its statistics, γ and β, in training as well."""

    def __init__(self, seeds: Iterable[int], frozen: bool = False, **options: Any) -> None:
        super().__init__(seeds, **options)
        self.frozen = frozen

    @property
    def parameters(self) -> list[Tensor]:
        """All tensors that are trained, each `(members, ...)`: of a frozen BN neither γ nor β."""
        frozen = {id(tensor) for layer in self.layers for tensor in (layer.gamma, layer.beta) if self.frozen}
        return [tensor for tensor in super().parameters if id(tensor) not in frozen]

    def take_over(self, other: Self, places: Sequence[int] | Array) -> Self:
        """Begin where another ensemble of this kind has come to: each member as the one at its place `(members,)`."""
        with torch.no_grad():
            for own, theirs in zip(self.layers, other.layers, strict=True):
                for name, tensor in vars(own).items():
                    if tensor is not None:
                        tensor.copy_(getattr(theirs, name)[places])
        return self

    def _batch_normalised(self, layer: Layer, h: Tensor, gamma: Tensor, beta: Tensor, training: bool) -> Tensor:
        return super()._batch_normalised(layer, h, gamma, beta, training and not self.frozen)

    def _joined(self, *parts: Tensor) -> Tensor:
        """Channels of several `(batch, members * channels, H, W)` side by side, member by member."""
        return torch.cat([part.unflatten(1, (self.members, -1)) for part in parts], 2).flatten(1, 2)

    def _add_hidden(self, *shapes: tuple[int, int, int]) -> None:
        """Layers `(outputs, inputs, kernel)`, normalised if there is a norm."""
        for outputs, inputs, kernel in shapes:
            self._add_layer(outputs, inputs, kernel, kernel, normalised=self.norm != "none")

    def _add_heads(self, *shapes: tuple[int, int]) -> None:
        """Layers `(outputs, inputs)` that answer, not normalised."""
        for outputs, inputs in shapes:
            self._add_layer(outputs, inputs, 1, 1, normalised=False)
        self.heads = self.layers[-len(shapes) :]

    @torch.no_grad()
    def outputs(self, images: Array, batch_size: int = 250) -> list[np.ndarray]:
        """What `forward` makes of images `(N, 1, H, W)` in evaluation, as NumPy arrays `(members, N, ...)`."""
        images = torch.as_tensor(images, dtype=torch.float32).to(self.device)
        parts = [self.forward(part.expand(self.members, *part.shape), False) for part in images.split(batch_size)]
        return [numbers(torch.cat(maps, 1)) for maps in zip(*parts)]


class Detectors(Dense):
    """Find one digit a scene: a score, a box and ten classes for each cell of a grid, and which pixels are ink."""

    def __init__(self, seeds: Iterable[int], **options: Any) -> None:
        super().__init__(seeds, **options)
        self._add_hidden((8, 1, 3), (16, 8, 3), (16, 16, 3), (16, 16, 3))
        self._add_heads((15, 16), (1, 24))

    def forward(self, x: Tensor, training: bool = True, keep: list[Hidden] | None = None) -> tuple[Tensor, Tensor]:
        """Grid `(members, batch, 15, H / 4, W / 4)`: score, box and classes; mask logits `(members, batch, H, W)`."""
        first, second, third, fourth = self.layers[:4]
        early = self._hidden(first, self._side_by_side(x), training, keep)
        h = self._hidden(second, F.max_pool2d(early, 2), training, keep)
        h = self._hidden(third, F.max_pool2d(h, 2), training, keep)
        h = self._hidden(fourth, h, training, keep)
        grid, mask = self.heads
        pixels = self._joined(F.interpolate(h, scale_factor=CELL), early)
        masks = self._by_member(self._convolution(mask, pixels))[:, :, 0]
        return self._by_member(self._convolution(grid, h)), masks

    def losses(self, x: Tensor, y: Tensor, training: bool = True) -> Tensor:
        """Of each member `(members,)`: cross-entropy of place, class (twice) and mask, and smooth L1 of the box."""
        grid, masks = self.forward(x, training)
        cells, boxes = _targets(y[..., 1:5].float(), x.shape[-1] // CELL)
        score = F.cross_entropy(grid[:, :, 0].flatten(2).flatten(0, 1), cells.flatten(), reduction="none")
        there = _at(grid, cells)
        kind = F.cross_entropy(there[..., 5:].flatten(0, 1), y[..., 0].flatten(), reduction="none")
        box = F.smooth_l1_loss(there[..., 1:5], boxes, reduction="none").sum(-1)
        pixel = F.binary_cross_entropy_with_logits(masks.flatten(2), y[..., 5:].float(), reduction="none").mean(-1)
        return ((score + 2 * kind).view_as(box) + 2 * box + 4 * pixel).mean(1)

    def predict(self, images: Array) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Boxes `(members, N, 4)`, classes `(members, N)` and masks `(members, N, H, W)`, bool, one a scene."""
        grid_outputs, masks = self.outputs(images)
        grid = torch.from_numpy(grid_outputs)
        cells = grid[:, :, 0].flatten(2).argmax(2)
        there = _at(grid, cells)
        row, column = cells // grid.shape[-1], cells % grid.shape[-1]
        x, y = (column + 0.5 + there[..., 1]) * CELL, (row + 0.5 + there[..., 2]) * CELL
        width, height = (there[..., side].clamp(-3, 3).exp() * BOX for side in (3, 4))
        boxes = torch.stack([x - width / 2, y - height / 2, x + width / 2, y + height / 2], -1)
        return boxes.numpy(), there[..., 5:].argmax(-1).numpy(), masks > 0


class BatchChannelDetectors(BatchChannel, Detectors):
    """`Detectors` with batch channel normalization."""


def _at(grid: Tensor, cells: Tensor) -> Tensor:
    """What stands in one cell of each scene: `(members, batch, channels)`."""
    index = cells[..., None, None].expand(*grid.shape[:3], 1)
    return grid.flatten(3).gather(3, index)[..., 0]


def _targets(boxes: Tensor, cells_a_side: int) -> tuple[Tensor, Tensor]:
    """The cell that holds the centre of each box, and the four numbers that the detector is to say of the box there."""
    x, y = (boxes[..., 0] + boxes[..., 2]) / 2 / CELL, (boxes[..., 1] + boxes[..., 3]) / 2 / CELL
    column, row = (value.long().clamp(0, cells_a_side - 1) for value in (x, y))
    sides = (boxes[..., 2:] - boxes[..., :2]).div(BOX).log()
    return row * cells_a_side + column, torch.cat([torch.stack([x - column - 0.5, y - row - 0.5], -1), sides], -1)
