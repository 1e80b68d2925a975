"""Ensembles that answer pixel by pixel: detectors with a mask head, and segmenters (`book/11_vision_tasks.md`).

They are `Networks` like those of `bncourse.ensembles`, and trained by `bncourse.runs.train`. Their labels are rows of
integers, `packed` from `bncourse.scenes`: class, box and mask of a scene.
"""

import numpy as np
import torch
from torch.nn import functional as F

from bncourse.batch_channel import BatchChannel
from bncourse.ensembles import ACTIVATIONS, Networks, numbers

CELL = 4  # pixels of a scene in a cell of the detector's grid, along each axis
BOX = 10.0  # pixels; widths and heights are told as the logarithm of their ratio to it


def packed(scenes):
    """Labels of `Scenes` in rows `(N, 5 + side * side)`: class, box and mask."""
    masks = scenes.masks.reshape(len(scenes.masks), -1)
    return np.concatenate([scenes.classes[:, None], scenes.boxes, masks], 1).astype(np.int64)


class Dense(Networks):
    """What detectors and segmenters share. `frozen`: BN normalises by its running statistics in training too."""

    def __init__(self, seeds, frozen=False, **options):
        super().__init__(seeds, **options)
        self.frozen = frozen

    @property
    def parameters(self):
        """All tensors that are trained, each `(members, ...)`; the shares ι of BN in BCN come last."""
        return Networks.parameters.fget(self) + [layer.iota for layer in self.layers if hasattr(layer, "iota")]

    def take_over(self, other, places):
        """Begin where another ensemble of this kind has come to: each member as the one at its place `(members,)`."""
        with torch.no_grad():
            for own, theirs in zip(self.parameters + self.buffers, other.parameters + other.buffers, strict=True):
                own.copy_(theirs[places])
        return self

    def _batch_normalised(self, layer, h, gamma, beta, training):
        return super()._batch_normalised(layer, h, gamma, beta, training and not self.frozen)

    def _convolution(self, layer, h, dilation=1):
        bias = None if layer.bias is None else layer.bias.flatten()
        padding = dilation * (layer.weight.shape[-1] // 2)
        return F.conv2d(h, layer.weight.flatten(0, 1), bias, 1, padding, dilation, self.members)

    def _convolved(self, layer, h, training, dilation=1):
        h = self._normalised(layer, self._convolution(layer, h, dilation), training)
        return ACTIVATIONS[self.activation](h)

    def _joined(self, *parts):
        """Channels of several `(batch, members * channels, H, W)` side by side, member by member."""
        return torch.cat([part.unflatten(1, (self.members, -1)) for part in parts], 2).flatten(1, 2)

    def _layers(self, *shapes):
        """Hidden layers `(outputs, inputs, kernel)`, normalised as told."""
        for outputs, inputs, kernel in shapes:
            self._add_layer(outputs, inputs, kernel, kernel, normalised=self.norm != "none")

    def _heads(self, *shapes):
        """Layers that answer, not normalised."""
        for outputs, inputs in shapes:
            self._add_layer(outputs, inputs, 1, 1, normalised=False)
        self.heads = self.layers[-len(shapes) :]
        self._finish()

    @torch.no_grad()
    def answers(self, images, batch_size=250):
        """What `forward` says of images `(N, 1, H, W)` in evaluation, as NumPy arrays `(members, N, ...)`."""
        images = torch.as_tensor(images, dtype=torch.float32).to(self.device)
        parts = [self.forward(part.expand(self.members, *part.shape), False) for part in images.split(batch_size)]
        return [numbers(torch.cat(one, 1)) for one in zip(*parts)]


class Detectors(Dense):
    """Find one digit a scene: a score, a box and ten classes for each cell of a grid, and which pixels are ink."""

    def __init__(self, seeds, **options):
        super().__init__(seeds, **options)
        self._layers((8, 1, 3), (16, 8, 3), (16, 16, 3), (16, 16, 3))
        self._heads((15, 16), (1, 24))

    def forward(self, x, training=True, keep=None):
        """Grid `(members, batch, 15, H / 4, W / 4)`: score, box and classes; mask logits `(members, batch, H, W)`."""
        first, second, third, fourth = self.layers[:4]
        early = self._convolved(first, self._side_by_side(x), training)
        h = self._convolved(second, F.max_pool2d(early, 2), training)
        h = self._convolved(fourth, self._convolved(third, F.max_pool2d(h, 2), training), training)
        grid, mask = self.heads
        pixels = self._joined(F.interpolate(h, scale_factor=CELL), early)
        masks = self._by_member(self._convolution(mask, pixels))[:, :, 0]
        return self._by_member(self._convolution(grid, h)), masks

    def losses(self, x, y, training=True):
        """Of each member `(members,)`: cross-entropy of place, class (twice) and mask, and smooth L1 of the box."""
        grid, masks = self.forward(x, training)
        cells, boxes = _told(y[..., 1:5].float(), x.shape[-1] // CELL)
        score = F.cross_entropy(grid[:, :, 0].flatten(2).flatten(0, 1), cells.flatten(), reduction="none")
        there = _at(grid, cells)
        kind = F.cross_entropy(there[..., 5:].flatten(0, 1), y[..., 0].flatten(), reduction="none")
        box = F.smooth_l1_loss(there[..., 1:5], boxes, reduction="none").sum(-1)
        pixel = F.binary_cross_entropy_with_logits(masks.flatten(2), y[..., 5:].float(), reduction="none").mean(-1)
        return ((score + 2 * kind).view_as(box) + 2 * box + 4 * pixel).mean(1)

    def found(self, images):
        """Boxes `(members, N, 4)`, classes `(members, N)` and masks `(members, N, H, W)`, bool, one a scene."""
        grid, masks = self.answers(images)
        grid = torch.from_numpy(grid)
        cells = grid[:, :, 0].flatten(2).argmax(2)
        there = _at(grid, cells)
        row, column = cells // grid.shape[-1], cells % grid.shape[-1]
        x, y = (column + 0.5 + there[..., 1]) * CELL, (row + 0.5 + there[..., 2]) * CELL
        width, height = (there[..., place].clamp(-3, 3).exp() * BOX for place in (3, 4))
        boxes = torch.stack([x - width / 2, y - height / 2, x + width / 2, y + height / 2], -1)
        return boxes.numpy(), there[..., 5:].argmax(-1).numpy(), masks > 0


class Segmenters(Dense):
    """Name the class of every pixel, in the manner of DeepLabV3: dilated convolutions, and a pyramid of them."""

    def __init__(self, seeds, classes=21, dilations=(1, 2, 3), **options):
        super().__init__(seeds, **options)
        self.dilations = dilations
        self._layers((8, 1, 3), (16, 8, 3), (24, 16, 3))
        self._layers(*[(16, 24, 3) for _ in dilations], (16, 24, 1))
        self._heads((classes, 16 * (len(dilations) + 1)))

    def forward(self, x, training=True, keep=None):
        """Logits `(members, batch, classes, H, W)`, in a tuple."""
        first, second, third, *pyramid, pooled = self.layers[:-1]
        h = F.max_pool2d(self._convolved(first, self._side_by_side(x), training), 2)
        h = F.max_pool2d(self._convolved(second, h, training), 2)
        h = self._convolved(third, h, training)
        parts = [self._convolved(layer, h, training, rate) for layer, rate in zip(pyramid, self.dilations)]
        image = self._convolved(pooled, h.mean((2, 3), keepdim=True), training)
        logits = self._convolution(self.layers[-1], self._joined(*parts, image.expand_as(parts[0])))
        logits = F.interpolate(logits, size=x.shape[-2:], mode="bilinear", align_corners=False)
        return (self._by_member(logits),)

    def losses(self, x, y, training=True):
        """Mean cross-entropy over pixels, of each member `(members,)`; background, most of a scene, weighs a fifth."""
        (logits,) = self.forward(x, training)
        weight = torch.ones(logits.shape[2], device=logits.device)
        weight[0] = 0.2
        losses = F.cross_entropy(logits.flatten(3).flatten(0, 1), y[..., 5:].flatten(0, 1), weight, reduction="none")
        return losses.view(self.members, -1).mean(1)

    def found(self, images):
        """The class of every pixel, `(members, N, H, W)`."""
        return self.answers(images)[0].argmax(2)


class BatchChannelDetectors(BatchChannel, Detectors):
    """`Detectors` with batch channel normalization."""

    parameters = Dense.parameters


def _at(grid, cells):
    """What stands in one cell of each scene: `(members, batch, channels)`."""
    index = cells[..., None, None].expand(*grid.shape[:3], 1)
    return grid.flatten(3).gather(3, index)[..., 0]


def _told(boxes, cells_a_side):
    """The cell that holds the centre of each box, and the box as the detector is to tell it."""
    x, y = (boxes[..., 0] + boxes[..., 2]) / 2 / CELL, (boxes[..., 1] + boxes[..., 3]) / 2 / CELL
    column, row = (value.long().clamp(0, cells_a_side - 1) for value in (x, y))
    sides = (boxes[..., 2:] - boxes[..., :2]).div(BOX).log()
    told = torch.cat([torch.stack([x - column - 0.5, y - row - 0.5], -1), sides], -1)
    return row * cells_a_side + column, told
