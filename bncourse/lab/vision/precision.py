"""Average precision by COCO's rules (`book/11_vision_tasks.md`)."""

from collections import defaultdict
from collections.abc import Iterable, Sequence

import numpy as np
import torch
from torch import Tensor

from bncourse.lab.training import evaluation
from bncourse.lab.vision.boxes import overlap
from bncourse.lab.vision.detector import Detections, Detector
from bncourse.lab.vision.scenes import DigitScenes

THRESHOLDS = np.linspace(0.5, 0.95, 10)
RECALLS = np.linspace(0, 1, 101)


def hits(overlaps: np.ndarray) -> np.ndarray:
    """Which detections of one class in one image are right, bool `(10, detections)`, at each of ten thresholds.

    `overlaps` `(detections, objects)`, by falling score. Each detection takes the object that it overlaps most among
    those that no earlier one took; of equals the last.
    """
    detections, objects = overlaps.shape
    right = np.zeros((len(THRESHOLDS), detections), bool)
    free = np.ones((len(THRESHOLDS), objects), bool)
    for n in range(detections if objects else 0):
        of_free = np.where(free, overlaps[n], -1.0)
        best = objects - 1 - of_free[:, ::-1].argmax(1)
        right[:, n] = of_free.max(1) >= THRESHOLDS
        free[right[:, n], best[right[:, n]]] = False
    return right


def average_precision(scores: np.ndarray, right: np.ndarray, objects: int) -> np.ndarray:
    """Mean precision at 101 recalls, `(10,)`, of one class in all images: `scores` `(n,)`, `right` `(10, n)`.

    The precision at a recall is the best at this or any greater one, and 0 where it is never reached.
    """
    order = np.argsort(-scores, kind="stable")
    true_positives = right[:, order].cumsum(1)
    recall = true_positives / objects
    precision = true_positives / np.arange(1, len(scores) + 1)
    envelope = np.maximum.accumulate(precision[:, ::-1], 1)[:, ::-1]
    padded = np.pad(envelope, ((0, 0), (0, 1)))
    return np.stack([row[np.searchsorted(reached, RECALLS)].mean() for row, reached in zip(padded, recall)])


class Precision:
    """Collects detections image by image; `result` is their average precision."""

    def __init__(self) -> None:
        self._scores: dict[int, list[np.ndarray]] = defaultdict(list)
        self._right: dict[int, list[np.ndarray]] = defaultdict(list)
        self._objects: dict[int, int] = defaultdict(int)

    def add(self, scores: np.ndarray, classes: np.ndarray, overlaps: np.ndarray, labels: Iterable[int]) -> None:
        """One image: scores and classes `(n,)`, overlaps `(n, m)` with its objects, whose labels are `(m,)`."""
        labels, order = np.asarray(labels), np.argsort(-scores, kind="stable")
        for label in labels:
            self._objects[int(label)] += 1
        for kind in np.unique(classes):
            own = order[classes[order] == kind]
            self._scores[int(kind)].append(scores[own])
            self._right[int(kind)].append(hits(overlaps[own][:, labels == kind]))

    def result(self) -> np.ndarray:
        """Average precision in % at each of ten thresholds `(10,)`: the mean over the classes that occur."""
        each = [self._of(kind, objects) for kind, objects in self._objects.items()]
        return 100 * np.mean(each, 0)

    def _of(self, kind: int, objects: int) -> np.ndarray:
        if not self._scores[kind]:
            return np.zeros(len(THRESHOLDS))
        return average_precision(np.concatenate(self._scores[kind]), np.concatenate(self._right[kind], 1), objects)


def mask_overlap(a: Tensor, b: Tensor) -> Tensor:
    """Intersection over union of every mask in `a` `(..., n, H, W)` with every one in `b` `(..., m, H, W)`."""
    a, b = a.flatten(-2).double(), b.flatten(-2).double()
    shared = a @ b.transpose(-1, -2)
    union = a.sum(-1)[..., :, None] + b.sum(-1)[..., None, :] - shared
    return shared / union.clamp(min=1)


def evaluate(detections: Sequence[Detections], scenes: Sequence[DigitScenes]) -> dict[str, float]:
    """Of boxes and of masks the average precision in %: at an overlap of 0.5, and the mean over ten thresholds."""
    totals = {"box": Precision(), "mask": Precision()}
    for detection, true in zip(detections, scenes):
        # In float64, which Apple's GPUs have not: on the CPU.
        boxes, true_boxes, masks, true_masks = (
            part.cpu() for part in (detection.boxes, true.boxes, detection.masks, true.masks)
        )
        overlaps = {
            "box": overlap(boxes.double(), true_boxes.double()),
            "mask": mask_overlap(masks, true_masks),
        }
        scores, classes, labels = (part.cpu().numpy() for part in (detection.scores, detection.classes, true.labels))
        tables = {kind: table.numpy() for kind, table in overlaps.items()}
        for n, (there, objects) in enumerate(zip(scores > 0, labels >= 0)):
            for kind, total in totals.items():
                table = tables[kind][n][there][:, objects]
                total.add(scores[n, there], classes[n, there], table, labels[n, objects])
    results = {kind: total.result() for kind, total in totals.items()}
    return {f"{kind} {name}": value for kind, result in results.items() for name, value in _named(result).items()}


def tested(model: Detector, scenes: DigitScenes, batch_size: int = 100) -> dict[str, float]:
    """`evaluate` a detector on scenes, in evaluation mode, on its device."""
    device = next(model.parameters()).device
    parts = [scenes[start : start + batch_size].to(device) for start in range(0, len(scenes), batch_size)]
    with evaluation(model), torch.no_grad():
        return evaluate([model.detect(part.images) for part in parts], parts)


def _named(result: np.ndarray) -> dict[str, float]:
    return {"AP50": float(result[0]), "AP": float(result.mean())}
