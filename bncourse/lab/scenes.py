"""Small scenes with one whole digit: its class, its box and its mask (`book/11_vision_tasks.md`)."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.random import RandomState
from torch import Tensor
from torch.nn import functional as F

from bncourse.lab import data

INK = 0.3  # a pixel of a digit this bright belongs to it


@dataclass(frozen=True)
class Scenes:
    """`images` float32 `(N, 1, side, side)`; of the digit `classes` `(N,)` and `boxes` `(N, 4)`, x1 y1 x2 y2.

    `masks` `(N, side, side)` are 1 where the digit is.
    """

    images: np.ndarray
    classes: np.ndarray
    boxes: np.ndarray
    masks: np.ndarray


def detection_scenes(
    count: int, seed: int, side: int = 24, clutter: int = 2, light: bool = True, of: str = "train"
) -> Scenes:
    """`count` scenes with one whole digit of any size, `clutter` fragments of others and a light of their own.

    Boxes `(N, 4)` are whole pixels x1 y1 x2 y2, masks 1 where the digit is. `of` says which digits: those to "train"
    on, to "choose" a learning rate by, or to "report" on; no digit is in two of them.
    """
    draw = RandomState(seed)
    digits, classes = _digits(of)
    pick = draw.randint(0, len(digits), count)
    scene = torch.zeros(count, side, side)
    for _ in range(clutter):
        other = _pasted(digits[draw.randint(0, len(digits), count)], *_positions(draw, count, 0.6, 0.6), side)
        scene = torch.maximum(scene, other * _squares(draw, count, side, side // 4))
    digit = _pasted(digits[pick], *_positions(draw, count, 0.5, 0.85), side)
    inside = digit > INK
    scene = torch.where(inside, digit, scene)
    return Scenes(_lit(draw, scene, light), classes[pick], _boxes(inside), inside.long().numpy())


def _digits(of: str) -> tuple[Tensor, np.ndarray]:
    digits = data.digits()
    parts = {
        "train": (digits.train_images[:3500], digits.train_labels[:3500]),
        "choose": (digits.train_images[3500:], digits.train_labels[3500:]),
        "report": (digits.test_images, digits.test_labels),
    }
    images, labels = parts[of]
    return torch.from_numpy(data.halved(images))[:, 0], labels


def _positions(draw: RandomState, count: int, low: float, high: float) -> tuple[Tensor, Tensor, Tensor]:
    """Scales, and x and y of the centre between -1 and 1, such that all of it is inside."""
    scales = draw.uniform(low, high, count)
    x, y = (draw.uniform(-1, 1, (2, count)) * (1 - scales)).astype(np.float32)
    return torch.from_numpy(scales.astype(np.float32)), torch.from_numpy(x), torch.from_numpy(y)


def _pasted(pictures: Tensor, scale: Tensor, x: Tensor, y: Tensor, side: int) -> Tensor:
    """Each picture `(N, h, w)` at its scale and position on black, `(N, side, side)`."""
    zero = torch.zeros_like(scale)
    inverse = torch.stack([torch.stack([1 / scale, zero, -x / scale]), torch.stack([zero, 1 / scale, -y / scale])])
    grid = F.affine_grid(inverse.permute(2, 0, 1), [len(pictures), 1, side, side], align_corners=False)
    return F.grid_sample(pictures[:, None], grid, align_corners=False)[:, 0]


def _squares(draw: RandomState, count: int, side: int, size: int) -> Tensor:
    """1 in a square at a random position, 0 elsewhere: `(N, side, side)`."""
    corner = torch.from_numpy(draw.randint(0, side - size + 1, (2, count, 1)))
    line = torch.arange(side)
    inside = (line >= corner) & (line < corner + size)
    return (inside[0][:, :, None] & inside[1][:, None]).float()


def _lit(draw: RandomState, scene: Tensor, light: bool) -> np.ndarray:
    """Each scene under a lamp of its own, with noise: `(N, 1, side, side)`."""
    count = len(scene)
    gain, offset = np.ones(count), np.zeros(count)
    if light:
        gain, offset = draw.uniform(0.35, 1, count), draw.uniform(0, 0.5, count)
    noise = 0.04 * draw.standard_normal(scene.shape)
    lit = gain[:, None, None] * scene.numpy() + offset[:, None, None] + noise
    return lit[:, None].clip(0, 1.5).astype(np.float32)


def _boxes(inside: Tensor) -> np.ndarray:
    """The smallest box x1 y1 x2 y2 around what is True, `(N, 4)`."""
    columns, rows = inside.any(1).numpy(), inside.any(2).numpy()
    side = inside.shape[1]
    return np.stack(
        [columns.argmax(1), rows.argmax(1), side - columns[:, ::-1].argmax(1), side - rows[:, ::-1].argmax(1)], 1
    )
