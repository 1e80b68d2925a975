"""A segmenter after DeepLabV3, at 48 x 48 pixels, and the scenes that it labels (`book/11_vision_tasks.md`)."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.random import RandomState
from scipy import ndimage
from torch import Tensor, nn
from torch.nn import functional as F

from bncourse.lab.training import evaluation
from bncourse.lab.vision import scenes
from bncourse.lab.vision.blocks import Norm, Residual, convolution

SIDE, OBJECTS = 48, 5  # pixels of a scene; stickers and patches in it
PHOTOGRAPHS = (
    "brick", "grass", "coins", "text", "immunohistochemistry", "hubble_deep_field", "retina", "coffee", "chelsea",
    "astronaut",
)  # fmt: skip
CLASSES = ("background", *"0123456789", *PHOTOGRAPHS)
BAND = 24  # columns of a photograph that go into the same split
BANDS = {"train": (0, 2, 4), "choose": (3,), "report": (1,)}
WIDTH, RATES = 16, (2, 4, 6)  # channels of a branch; dilations of the three atrous ones


@dataclass(frozen=True)
class LabelledScenes:
    """`images` float32 `(N, 3, 48, 48)`; `labels` int64 `(N, 48, 48)`, for each pixel an index into `CLASSES`."""

    images: Tensor
    labels: Tensor

    def __len__(self) -> int:
        return len(self.images)


def labelled_scenes(count: int, seed: int, of: str = "train") -> LabelledScenes:
    """`count` scenes of stickers with handwritten digits on patches of photographs, each under a light of its own.

    Digits and pieces of photographs are those of a split: "train", "choose" or "report".
    """
    draw, bands = RandomState(seed), _bands(BANDS[of])
    digits, labels = (part.numpy() for part in scenes.split(of))
    of_class = [digits[labels == label, 0] for label in range(10)]
    pairs = [_scene(draw, of_class, bands) for _ in range(count)]
    images, masks = (np.stack(part) for part in zip(*pairs))
    return LabelledScenes(torch.from_numpy(images).permute(0, 3, 1, 2).contiguous(), torch.from_numpy(masks))


def _bands(places: tuple[int, ...]) -> list[list[np.ndarray]]:
    """Of each photograph, 128 pixels large along its shorter side, the bands `(h, 24, 3)` at these places."""
    from skimage import data as photographs
    from skimage import transform

    bands = []
    for name in PHOTOGRAPHS:
        pixels = getattr(photographs, name)() / np.float32(255)
        pixels = np.repeat(pixels[..., None], 3, 2) if pixels.ndim == 2 else pixels
        factor = 128 / min(pixels.shape[:2])
        size = [round(length * factor) for length in pixels.shape[:2]]
        pixels = transform.resize(pixels, size, anti_aliasing=True).astype(np.float32)
        bands.append([pixels[:, BAND * place : BAND * (place + 1)] for place in places])
    return bands


def _scene(draw: RandomState, digits: list[np.ndarray], bands: list[list[np.ndarray]]) -> tuple[np.ndarray, np.ndarray]:
    """Pixels `(48, 48, 3)` and labels `(48, 48)`; patches lie below the stickers."""
    image = draw.uniform(0.25, 0.6) + draw.normal(0, 0.03, (SIDE, SIDE, 3))
    labels = np.zeros((SIDE, SIDE), np.int64)
    for label in sorted(draw.permutation(20)[:OBJECTS] + 1, reverse=True):
        piece, inside = _sticker(draw, digits[label - 1]) if label <= 10 else _patch(draw, bands[label - 11])
        height, width = inside.shape
        top, left = draw.randint(0, SIDE - height + 1), draw.randint(0, SIDE - width + 1)
        place = slice(top, top + height), slice(left, left + width)
        image[place][inside], labels[place][inside] = piece[inside], label
    return _lit(draw, image), labels


def _sticker(draw: RandomState, digits: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A digit in a light colour on black, cut out two pixels around its strokes."""
    digit = digits[draw.randint(len(digits))]
    inside = ndimage.binary_dilation(digit > 0.3, np.ones((3, 3)), 2)
    return draw.uniform(0.75, 1, 3) * digit[..., None], inside


def _patch(draw: RandomState, bands: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """A rectangle of a photograph, 14 to 22 pixels high and wide."""
    band = bands[draw.randint(len(bands))]
    height, width = draw.randint(14, 23, 2)
    top, left = draw.randint(0, len(band) - height + 1), draw.randint(0, BAND - width + 1)
    return band[top : top + height, left : left + width], np.ones((height, width), bool)


def _lit(draw: RandomState, image: np.ndarray) -> np.ndarray:
    """With a gain for each channel, an offset, and a slope across the scene."""
    line = np.linspace(-1, 1, SIDE)
    angle = draw.uniform(0, 2 * np.pi)
    slope = 1 + 0.4 * draw.uniform() * (np.cos(angle) * line[:, None] + np.sin(angle) * line)
    gain = np.exp(draw.normal(0, 0.5) + draw.normal(0, 0.1, 3))
    return (image * slope[..., None] * gain + draw.normal(0, 0.2)).astype(np.float32)


class Segmenter(nn.Module):
    """A residual backbone with output stride 4, atrous spatial pyramid pooling, a class for each pixel.

    `norm(channels)` makes the normalization, None is none. The last block has dilation 2 in place of a third stride.
    """

    def __init__(self, norm: Norm) -> None:
        super().__init__()
        wide = 2 * WIDTH
        self.backbone = nn.Sequential(
            convolution(3, WIDTH, norm, stride=2), nn.ReLU(),
            Residual(WIDTH, WIDTH, norm), Residual(WIDTH, wide, norm, stride=2),
            Residual(wide, wide, norm), Residual(wide, wide, norm, dilation=2),
        )  # fmt: skip
        pointwise = convolution(wide, WIDTH, norm, kernel=1)
        atrous = [convolution(wide, WIDTH, norm, dilation=rate) for rate in RATES]
        self.branches = nn.ModuleList([pointwise, *atrous])
        self.pooled = convolution(wide, WIDTH, norm, kernel=1)
        self.project = convolution((len(RATES) + 2) * WIDTH, wide, norm, kernel=1)
        self.classify = nn.Conv2d(wide, len(CLASSES), 1)

    def forward(self, images: Tensor) -> Tensor:
        """Logits `(N, 21, H, W)` of images `(N, 3, H, W)`."""
        features = self.backbone(images)
        whole = F.relu(self.pooled(features.mean((2, 3), keepdim=True))).expand(-1, -1, *features.shape[2:])
        joined = torch.cat([*(F.relu(branch(features)) for branch in self.branches), whole], 1)
        logits = self.classify(F.relu(self.project(joined)))
        return F.interpolate(logits, size=images.shape[2:], mode="bilinear", align_corners=False)


def class_weights(labels: Tensor) -> Tensor:
    """For the loss, one a class: their frequency to the power -1/4, 1 on average without the background."""
    weights = torch.bincount(labels.flatten(), minlength=len(CLASSES)).float() ** -0.25
    return weights / weights[1:].mean()


@torch.no_grad()
def labelled(model: Segmenter, images: Tensor, batch_size: int = 100) -> Tensor:
    """The most probable class of each pixel, int64 `(N, H, W)` on the CPU; in evaluation mode."""
    on = model.classify.weight.device
    with evaluation(model):
        return torch.cat([model(part.to(on)).argmax(1).cpu() for part in images.split(batch_size)])
