"""A detector in two stages with a mask head: Faster and Mask R-CNN at 64 x 64 pixels (`book/11_vision_tasks.md`)."""

from typing import NamedTuple, TypeVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from bncourse.lab.vision.blocks import Norm, Residual, convolution
from bncourse.lab.vision.boxes import decode, encode, non_maximum_suppression, overlap, paste, pick, roi_align
from bncourse.lab.vision.scenes import CLASSES, SIDE, DigitScenes

STRIDE = 4  # of the backbone
CHANNELS = 48  # of its map
ANCHORS = [(height * ratio, height) for height in (13, 18, 25) for ratio in (0.8, 0.35)]  # widths and heights
PROPOSAL_WEIGHTS, BOX_WEIGHTS = (1, 1, 1, 1), (10, 10, 5, 5)  # of the offsets in the first and the second stage
REGIONS, POSITIVE = 16, 4  # regions of an image that the heads train on; those among them that hold a digit, at most
BOX_BINS, MASK_BINS = 7, 14
Layer = TypeVar("Layer", nn.Conv2d, nn.Linear)


class Proposals(NamedTuple):
    """The first stage's answer: features `(N, C, h, w)`; of each anchor logit `(N, A)` and offsets `(N, A, 4)`."""

    features: Tensor
    scores: Tensor
    offsets: Tensor


class Detections(NamedTuple):
    """Of each image, sorted by falling score: `scores` `(N, n)`, 0 where there is no further one, `classes` `(N, n)`,
    `boxes` `(N, n, 4)` and `masks`, bool `(N, n, 64, 64)`.
    """

    scores: Tensor
    classes: Tensor
    boxes: Tensor
    masks: Tensor


class Detector(nn.Module):
    """Backbone, region proposals, and two heads that see each region through RoIAlign.

    `norm(channels)` makes the normalization of the backbone, `head_norm` that of both heads; None is none.
    """

    anchors: Tensor

    def __init__(self, norm: Norm, head_norm: Norm) -> None:
        super().__init__()
        self.backbone = nn.Sequential(
            convolution(3, 16, norm, stride=2), nn.ReLU(),
            convolution(16, 32, norm), nn.ReLU(),
            convolution(32, CHANNELS, norm, stride=2), nn.ReLU(),
            Residual(CHANNELS, CHANNELS, norm), Residual(CHANNELS, CHANNELS, norm),
        )  # fmt: skip
        self.register_buffer("anchors", _anchors(), persistent=False)
        self.propose = nn.Sequential(convolution(CHANNELS, CHANNELS, None), nn.ReLU())
        self.propose_score = _begun_small(nn.Conv2d(CHANNELS, len(ANCHORS), 1), bias=-2.0)  # most anchors hold nothing
        self.propose_offsets = _begun_small(nn.Conv2d(CHANNELS, 4 * len(ANCHORS), 1))
        self.box_features = nn.Sequential(
            convolution(CHANNELS, 32, head_norm), nn.ReLU(),
            nn.Flatten(), nn.Linear(32 * BOX_BINS**2, 128), nn.ReLU(),
        )  # fmt: skip
        self.classify = _begun_small(nn.Linear(128, CLASSES + 1))  # the last class is the background
        self.box_offsets = _begun_small(nn.Linear(128, 4), 0.001)
        self.mask_head = nn.Sequential(
            convolution(CHANNELS, 24, head_norm), nn.ReLU(),
            convolution(24, 24, head_norm), nn.ReLU(),
            nn.Conv2d(24, CLASSES, 1),
        )  # fmt: skip

    def proposals(self, images: Tensor) -> Proposals:
        """The first stage on images uint8 `(N, 3, 64, 64)`."""
        features = self.backbone((images.float() / 255 - 0.25) / 0.2)  # one shift and scale for all scenes
        hidden = self.propose(features)
        scores, offsets = (
            head(hidden).permute(0, 2, 3, 1).reshape(len(images), -1, size)
            for head, size in ((self.propose_score, 1), (self.propose_offsets, 4))
        )
        return Proposals(features, scores[..., 0], offsets)

    @torch.no_grad()
    def regions(self, proposals: Proposals, before: int = 96, after: int = 24) -> Tensor:
        """The best boxes of the first stage, `(N, after, 4)`: of `before` those that suppression keeps come first."""
        scores, best = proposals.scores.topk(before)
        boxes = decode(pick(proposals.offsets, best), self.anchors[best], PROPOSAL_WEIGHTS, SIDE)
        scores = torch.where(non_maximum_suppression(boxes, 0.7), scores, scores - 1e4)
        return pick(boxes, scores.topk(after).indices)

    def heads(self, features: Tensor, regions: Tensor) -> tuple[Tensor, Tensor]:
        """Logits `(N, n, 11)` and box offsets `(N, n, 4)` of regions `(N, n, 4)`."""
        hidden = self.box_features(roi_align(features, regions, BOX_BINS, 1, STRIDE))
        shape = *regions.shape[:2], -1
        return self.classify(hidden).reshape(shape), self.box_offsets(hidden).reshape(shape)

    def mask_logits(self, features: Tensor, regions: Tensor, classes: Tensor) -> Tensor:
        """Of regions `(N, n, 4)`, the mask of their class `(N, n)`: `(N * n, 14, 14)`."""
        logits = self.mask_head(roi_align(features, regions, MASK_BINS, 1, STRIDE))
        return logits[torch.arange(len(logits), device=logits.device), classes.flatten()]

    def losses(self, scenes: DigitScenes) -> Tensor:
        """The five losses of a batch `(5,)`: object or not, proposal; class, box and mask of the regions."""
        proposals = self.proposals(scenes.images)
        first = _proposal_losses(proposals, self.anchors, scenes.boxes)
        regions, whose, classes = _sampled(self.regions(proposals), scenes)
        logits, offsets = self.heads(proposals.features, regions)
        true = pick(scenes.boxes, whose)
        of_class = F.cross_entropy(logits.flatten(0, 1), classes.flatten())
        apart = F.smooth_l1_loss(offsets, encode(true, regions, BOX_WEIGHTS), reduction="none").sum(-1)
        of_box = _mean(apart, classes < CLASSES)
        some = slice(POSITIVE)  # those with a digit come first
        of_mask = self._mask_loss(proposals.features, regions[:, some], whose[:, some], classes[:, some], scenes.masks)
        return torch.stack([*first, of_class, of_box, of_mask])

    def _mask_loss(self, features: Tensor, regions: Tensor, whose: Tensor, classes: Tensor, masks: Tensor) -> Tensor:
        logits = self.mask_logits(features, regions, classes.clamp(max=CLASSES - 1))
        own = pick(masks, whose).flatten(0, 1)[:, None].float()
        wanted = roi_align(own, regions.flatten(0, 1)[:, None], MASK_BINS)[:, 0] >= 0.5
        wrong = F.binary_cross_entropy_with_logits(logits, wanted.float(), reduction="none").mean((1, 2))
        return _mean(wrong, classes.flatten() < CLASSES)

    @torch.no_grad()
    def detect(self, images: Tensor, most: int = 20, least_score: float = 0.03) -> Detections:
        """What is found in images uint8 `(N, 3, 64, 64)`, at most `most` in each; in evaluation mode."""
        proposals = self.proposals(images)
        regions = self.regions(proposals)
        logits, offsets = self.heads(proposals.features, regions)
        boxes = decode(offsets, regions, BOX_WEIGHTS, SIDE)
        scores, best = logits.softmax(-1)[..., :CLASSES].flatten(1).topk(3 * most)
        classes, boxes = best % CLASSES, pick(boxes, best // CLASSES)
        # Shifted apart by class, boxes of different classes do not suppress each other.
        keep = non_maximum_suppression(boxes + 2 * SIDE * classes[..., None], 0.5) & (scores > least_score)
        scores, best = (scores * keep).topk(most)
        classes, boxes = pick(classes, best), pick(boxes, best)
        logits = self.mask_logits(proposals.features, boxes, classes)
        masks = paste(logits.sigmoid()[:, None], boxes.flatten(0, 1), SIDE) > 0.5
        return Detections(scores, classes, boxes, masks.reshape(*classes.shape, SIDE, SIDE))


def _anchors() -> Tensor:
    """All anchors `(h * w * 6, 4)`: of each cell of the map in turn, six boxes around its centre."""
    sizes = torch.tensor(ANCHORS)
    line = (torch.arange(SIDE // STRIDE) + 0.5) * STRIDE
    y, x = torch.meshgrid(line, line, indexing="ij")
    centres = torch.stack([x, y], -1).reshape(-1, 1, 2)
    return torch.cat([centres - sizes / 2, centres + sizes / 2], -1).reshape(-1, 4)


def _begun_small(layer: Layer, std: float = 0.01, bias: float = 0.0) -> Layer:
    """A layer that answers about the same of everything at first."""
    nn.init.normal_(layer.weight, std=std)
    if layer.bias is not None:
        nn.init.constant_(layer.bias, bias)
    return layer


def _mean(values: Tensor, counted: Tensor) -> Tensor:
    """The mean of `values` where `counted`; 0 if that is nowhere."""
    return (values * counted).sum() / counted.sum().clamp(min=1)


def _proposal_losses(
    proposals: Proposals, anchors: Tensor, boxes: Tensor, few: int = 16, many: int = 48
) -> list[Tensor]:
    """Of the first stage: cross-entropy on `few` anchors on a digit and `many` on none, and smooth L1 of the offsets.

    An anchor is on a digit if they overlap by 0.6, or if none overlaps that digit more.
    """
    overlaps = overlap(anchors, boxes)
    best, whose = overlaps.max(2)
    of_digit = overlaps.amax(1, keepdim=True)
    on = (best >= 0.6) | ((overlaps == of_digit) & (overlaps > 0.25)).any(2)
    chance = torch.rand_like(best)
    chosen = [(chance + 2 * wanted).topk(count, 1).indices for wanted, count in ((on, few), (best < 0.3, many))]
    index = torch.cat(chosen, 1)
    positive = pick(on, index)
    counted = positive | (torch.arange(few + many, device=index.device) >= few)
    wrong = F.binary_cross_entropy_with_logits(pick(proposals.scores, index), positive.float(), reduction="none")
    wanted_offsets = encode(pick(boxes, pick(whose, index)), anchors[index], PROPOSAL_WEIGHTS)
    apart = F.smooth_l1_loss(pick(proposals.offsets, index), wanted_offsets, beta=0.11, reduction="none").sum(-1)
    return [_mean(wrong, counted), _mean(apart, positive)]


@torch.no_grad()
def _sampled(regions: Tensor, scenes: DigitScenes) -> tuple[Tensor, Tensor, Tensor]:
    """Regions for the heads to train on, those with a digit first: `(N, 16, 4)`; whose `(N, 16)`, and their classes.

    The true boxes are among those to choose from, or no region would hold a digit at first.
    """
    true = torch.where((scenes.labels >= 0)[..., None], scenes.boxes, regions[:, :1])
    regions = torch.cat([regions, true], 1)
    best, whose = overlap(regions, scenes.boxes).max(2)
    on = best >= 0.5
    chance = torch.rand_like(best)
    rank = (chance + on).argsort(1, descending=True).argsort(1)
    order = torch.where(on, torch.where(rank < POSITIVE, chance + 2, chance - 1), chance + 1)
    index = order.topk(REGIONS).indices
    regions, whose, on = pick(regions, index), pick(whose, index), pick(on, index)
    return regions, whose, torch.where(on, pick(scenes.labels, whose), CLASSES)
