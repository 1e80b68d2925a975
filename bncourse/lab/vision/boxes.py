"""Boxes: their overlap, offsets between them, suppression, and what a map holds inside them.

A box is x1, y1, x2, y2 in pixels, `(..., 4)`; the first pixel of a row reaches from 0 to 1. `book/11_vision_tasks.md`
shows the detector that uses them.
"""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F


def overlap(a: Tensor, b: Tensor) -> Tensor:
    """Intersection over union of every box in `a` `(..., n, 4)` with every one in `b` `(..., m, 4)`: `(..., n, m)`."""
    a, b = a.unsqueeze(-2), b.unsqueeze(-3)
    sides = torch.minimum(a[..., 2:], b[..., 2:]) - torch.maximum(a[..., :2], b[..., :2])
    shared = sides.clamp(min=0).prod(-1)
    union = _areas(a) + _areas(b) - shared
    return shared / union.clamp(min=1e-9)


def encode(boxes: Tensor, references: Tensor, weights: Sequence[float]) -> Tensor:
    """How boxes `(..., 4)` differ from their references `(..., 4)`: Faster R-CNN's offsets, times `weights`.

    The shift of the centre in widths and heights of the reference, and the logarithms of the ratios of the sides.
    """
    (centre, size), (of_centre, of_size) = _centre_and_size(boxes), _centre_and_size(references)
    offsets = torch.cat([(centre - of_centre) / of_size, (size / of_size).log()], -1)
    return offsets * offsets.new_tensor(weights)


def decode(offsets: Tensor, references: Tensor, weights: Sequence[float], side: int) -> Tensor:
    """The boxes that `encode` would give these offsets `(..., 4)`, cut at the border of a square image."""
    offsets = offsets / offsets.new_tensor(weights)
    of_centre, of_size = _centre_and_size(references)
    centre = of_centre + offsets[..., :2] * of_size
    size = of_size * offsets[..., 2:].clamp(-2, 2).exp()  # e² times the reference at most, however wrong a network is
    return torch.cat([centre - size / 2, centre + size / 2], -1).clamp(0, side)


def non_maximum_suppression(boxes: Tensor, limit: float) -> Tensor:
    """Which boxes `(batch, n, 4)`, sorted by falling score, non-maximum suppression keeps: bool `(batch, n)`.

    A box goes if it overlaps one that is kept, and has a higher score, by more than `limit`.
    """
    clash = (overlap(boxes, boxes) > limit).triu(1)
    # Every box is judged at once, by those that the pass before kept. A box depends on those before it alone: the first
    # n are right after n passes, and all are once a pass changes nothing. A few are enough, each a few calls on a GPU.
    keep, before = torch.ones_like(clash[:, 0]), torch.zeros_like(clash[:, 0])
    while not torch.equal(keep, before):
        before, keep = keep, ~(clash & keep[..., None]).any(1)
    return keep


def roi_align(maps: Tensor, boxes: Tensor, size: int, samples: int = 2, stride: int = 1) -> Tensor:
    """RoIAlign: what `maps` `(batch, C, h, w)` hold in boxes `(batch, n, 4)`, as `(batch * n, C, size, size)`.

    Each of the `size * size` bins is the mean of `samples * samples` bilinear values. `stride` is how many pixels of
    the boxes lie between neighbours in the map. As each image has the same number of boxes, one call samples them all.
    """
    batch, count = boxes.shape[:2]
    points = size * samples
    steps = (torch.arange(points, device=boxes.device, dtype=boxes.dtype) + 0.5) / points
    x, y = (torch.lerp(boxes[..., k, None], boxes[..., k + 2, None], steps) for k in (0, 1))
    extent = boxes.new_tensor([maps.shape[3], maps.shape[2]]) * stride
    grid = _grid(x, y) * 2 / extent - 1  # grid_sample counts from -1 to 1
    grid = grid.reshape(batch, count * points, points, 2)
    values = F.grid_sample(maps, grid, align_corners=False, padding_mode="border")
    values = values.reshape(batch, -1, count, points, points).transpose(1, 2).flatten(0, 1)
    return F.avg_pool2d(values, samples) if samples > 1 else values


def paste(pictures: Tensor, boxes: Tensor, side: int) -> Tensor:
    """Each picture `(n, C, h, w)` stretched over its box `(n, 4)`, on black: `(n, C, side, side)`."""
    pixels = torch.arange(side, device=boxes.device) + 0.5
    size = (boxes[:, 2:] - boxes[:, :2]).clamp(min=1)
    x, y = ((pixels - boxes[:, k, None]) / size[:, k, None] * 2 - 1 for k in (0, 1))
    return F.grid_sample(pictures, _grid(x, y), align_corners=False)


def around(masks: Tensor) -> Tensor:
    """The smallest box `(..., 4)` around what is True in masks `(..., H, W)`; four zeros where nothing is."""
    sides = []
    for line in (masks.any(-2), masks.any(-1)):
        first, last = line.float().argmax(-1), line.shape[-1] - line.flip(-1).float().argmax(-1)
        sides.append((first, last))
    boxes = torch.stack([sides[0][0], sides[1][0], sides[0][1], sides[1][1]], -1).float()
    return boxes * masks.flatten(-2).any(-1, keepdim=True)


def pick(values: Tensor, index: Tensor) -> Tensor:
    """`values` `(batch, n, ...)` at the places `index` `(batch, m)` of their image: `(batch, m, ...)`."""
    places = index.reshape(*index.shape, *[1] * (values.dim() - 2))
    return values.gather(1, places.expand(*index.shape, *values.shape[2:]))


def _areas(boxes: Tensor) -> Tensor:
    return (boxes[..., 2:] - boxes[..., :2]).prod(-1)


def _centre_and_size(boxes: Tensor) -> tuple[Tensor, Tensor]:
    return (boxes[..., :2] + boxes[..., 2:]) / 2, (boxes[..., 2:] - boxes[..., :2]).clamp(min=1)


def _grid(x: Tensor, y: Tensor) -> Tensor:
    """Columns x `(..., w)` and rows y `(..., h)` as points `(..., h, w, 2)`."""
    return torch.stack(torch.broadcast_tensors(x[..., None, :], y[..., :, None]), -1)
