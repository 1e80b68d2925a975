"""Scenes of one to four handwritten digits with class, box and mask of each (`book/11_vision_tasks.md`)."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.random import RandomState
from torch import Tensor
from torch.nn import functional as F

from bncourse.lab import data
from bncourse.lab.vision.boxes import around, overlap, paste

SIDE, MOST, CLASSES = 64, 4, 10  # pixels of a scene; digits in it at most; kinds of digits
INK = 0.4  # a pixel of a digit this bright belongs to it
CONTRAST = 0.25  # ink is at least this much brighter than the ground, before the light falls on it
EMPTY = -1  # the label of a place without a digit
PART = 500  # scenes are drawn so many at once


@dataclass(frozen=True)
class DigitScenes:
    """`images` uint8 `(N, 3, 64, 64)` and, for four digits at most: `boxes` `(N, 4, 4)`, x1 y1 x2 y2 in pixels,
    `labels` `(N, 4)`, 0 to 9, or `EMPTY` where there is no further digit, and `masks`, bool `(N, 4, 64, 64)`.
    """

    images: Tensor
    boxes: Tensor
    labels: Tensor
    masks: Tensor

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, chosen: Tensor | slice) -> "DigitScenes":
        return DigitScenes(*(field[chosen] for field in self.fields()))

    def fields(self) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        return self.images, self.boxes, self.labels, self.masks

    def to(self, device: torch.device) -> "DigitScenes":
        return DigitScenes(*(field.to(device) for field in self.fields()))


def split(name: str) -> tuple[Tensor, Tensor]:
    """Digits `(n, 1, 28, 28)` in [0, 1] and labels `(n,)` of "train", "choose" or "report"; none is in two of them."""
    digits = data.digits()
    images, labels = {
        "train": (digits.train_images[:3500], digits.train_labels[:3500]),
        "choose": (digits.train_images[3500:], digits.train_labels[3500:]),
        "report": (digits.test_images, digits.test_labels),
    }[name]
    return torch.from_numpy(images), torch.from_numpy(labels)


def digit_scenes(count: int, seed: int, of: str = "train", clutter: int = 2, darkest: float = 0.3) -> DigitScenes:
    """`count` scenes made from the digits of a `split`.

    A digit is 5 to 25 pixels large. `clutter` fragments of others lie under the digits. The light of each scene is
    between `darkest` and 1 of the brightest (evenly in its logarithm) and has a tint.
    """
    draw, digits = RandomState(seed), split(of)
    parts = [_drawn(draw, min(PART, count - done), *digits, clutter, darkest) for done in range(0, count, PART)]
    return DigitScenes(*(torch.cat(fields) for fields in zip(*(part.fields() for part in parts))))


def _drawn(draw: RandomState, count: int, digits: Tensor, labels: Tensor, clutter: int, darkest: float) -> DigitScenes:
    def uniform(low: float, high: float, *shape: int) -> Tensor:
        return torch.from_numpy(draw.uniform(low, high, (count, *shape)).astype(np.float32))

    def painted(images: Tensor, cover: Tensor) -> Tensor:
        ink = ground + CONTRAST + (1 - ground - CONTRAST) * uniform(0, 0.6, 3, 1, 1)
        return torch.lerp(images, ink, cover)

    ground = uniform(0.1, 0.4, 3, 1, 1)
    images = ground + F.interpolate(uniform(-0.06, 0.06, 3, 5, 5), size=(SIDE, SIDE), mode="bilinear")
    for _ in range(clutter):
        fragments = digits[draw.randint(0, len(digits), count)] * _windows(draw, count)
        size = uniform(16, 36, 1)
        corner = uniform(0, 1, 2) * (SIDE - size)
        images = painted(images, paste(fragments, torch.cat([corner, corner + size], 1), SIDE))

    ink_boxes = around(digits[:, 0] > INK) / digits.shape[-1]
    wanted = torch.from_numpy(draw.randint(1, MOST + 1, count))
    boxes, kinds = torch.zeros(count, MOST, 4), torch.full((count, MOST), EMPTY)
    masks = torch.zeros(count, MOST, SIDE, SIDE, dtype=torch.bool)
    for place in range(MOST):
        chosen = draw.randint(0, len(digits), count)
        size = 16 * (36 / 16) ** uniform(0, 1, 1)
        corner, placed = torch.zeros(count, 2), torch.zeros(count, dtype=torch.bool)
        for _ in range(8):  # tries to find room
            tried = uniform(0, 1, 2) * (SIDE - 0.8 * size) - 0.1 * size
            box = ink_boxes[chosen] * size + tried.repeat(1, 2)
            free = (overlap(box[:, None], boxes)[:, 0] < 0.05).all(1) & (box >= 0).all(1) & (box <= SIDE).all(1)
            corner = torch.where((free & ~placed)[:, None], tried, corner)
            placed |= free
        placed &= place < wanted
        cover = paste(digits[chosen], torch.cat([corner, corner + size], 1), SIDE) * placed[:, None, None, None]
        mask = cover[:, 0] > INK
        masks &= ~mask[:, None]  # a digit hides what is below it
        masks[:, place], boxes[:, place] = mask, around(mask)
        kinds[:, place] = torch.where(mask.flatten(1).any(1), labels[chosen], EMPTY)
        images = painted(images, cover)

    light = darkest ** uniform(0, 1, 1, 1, 1) * uniform(0.85, 1.15, 3, 1, 1)
    noise = 0.03 * torch.from_numpy(draw.standard_normal(images.shape).astype(np.float32))
    bytes_ = ((images * light + noise).clamp(0, 1) * 255).byte()
    return DigitScenes(bytes_, around(masks), kinds, masks)


def _windows(draw: RandomState, count: int) -> Tensor:
    """1 in a window of 9 x 7 pixels where the ink of a digit may be, else 0: `(count, 1, 28, 28)`."""
    top, left = draw.randint(6, 17, (2, count, 1))
    line = np.arange(28)
    inside = ((line >= top) & (line < top + 9))[:, :, None] & ((line >= left) & (line < left + 7))[:, None]
    return torch.from_numpy(inside[:, None])
