"""The vision systems in miniature, and their measures: against plain loops, cases by hand and COCO's own code."""

import contextlib
import io

import numpy as np
import pytest
import torch
from pycocotools import mask as coco_masks
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval
from torch import nn

from bncourse.lab.vision import boxes, precision, scenes
from bncourse.lab.vision.blocks import BatchChannelNorm, group_norm
from bncourse.lab.vision.detector import Detections, Detector
from bncourse.lab.vision.precision import Precision, evaluate
from bncourse.lab.vision.scenes import CLASSES, EMPTY, SIDE, DigitScenes, digit_scenes, split
from bncourse.lab.vision.training import descend

A, B, FAR = [0, 0, 10, 10], [20, 20, 30, 30], [50, 50, 60, 60]
LOW = [0, 0, 10, 8]  # overlaps A by 0.8
HALF = (51 + 50 * 0) / 101  # found half of the objects: 51 of the 101 recalls are reached, at precision 1
BY_HAND = {  # images of ([(score, class, box), ...], [(class, box), ...]); AP in % at thresholds
    "found": ([([(0.9, 0, A)], [(0, A)])], {0.5: 100, 0.95: 100}),
    "nothing is found": ([([], [(0, A)])], {0.5: 0}),
    # Precisions 0, 1/2, 2/3; the best at this or a greater recall is 2/3 everywhere.
    "the surest is wrong": ([([(0.9, 0, FAR), (0.8, 0, A), (0.7, 0, B)], [(0, A), (0, B)])], {0.5: 100 * 2 / 3}),
    # The second takes nothing: precisions 1, 1/2, 2/3 at recalls 1/2, 1/2, 1.
    "found twice": (
        [([(0.9, 0, A), (0.8, 0, A), (0.7, 0, B)], [(0, A), (0, B)])],
        {0.5: 100 * (51 + 50 * 2 / 3) / 101},
    ),
    "loose: overlap 0.62": ([([(0.9, 0, [0, 0, 10, 6.2])], [(0, A)])], {0.5: 100, 0.6: 100, 0.65: 0}),
    "one of two is found": ([([(0.9, 0, A)], [(0, A), (0, B)])], {0.5: 100 * HALF}),
    # Sorted over all images: wrong first, then right, 1/2 at recall 1/2.
    "two images": ([([(0.9, 0, FAR)], [(0, A)]), ([(0.8, 0, A)], [(0, A)])], {0.5: 100 * HALF / 2}),
    # The class 0 has 100, the class 1 has 0; the class 2, which has no object, does not count.
    "wrong class": ([([(0.9, 0, A), (0.8, 2, B)], [(0, A), (1, B)])], {0.5: 50}),
    "wrong after the last": ([([(0.9, 0, A), (0.8, 0, FAR)], [(0, A)])], {0.5: 100}),
    # The first takes A (0.92), so the second, alike, has to take the lower object (0.87).
    "two objects on one another": (
        [([(0.9, 0, [0, 0, 10, 9.2]), (0.8, 0, [0, 0, 10, 9.2])], [(0, A), (0, LOW)])],
        {0.5: 100, 0.85: 100, 0.9: 100 * HALF, 0.95: 0},
    ),
}


@pytest.mark.parametrize("case", BY_HAND)
def test_average_precision_of_cases_worked_by_hand(case):
    images, expected = BY_HAND[case]
    total = Precision()
    for found, objects in images:
        of_found, of_objects = (torch.tensor([box for *_, box in part]).reshape(-1, 4) for part in (found, objects))
        scores, classes = (np.array([one[place] for one in found]) for place in (0, 1))
        total.add(scores, classes, boxes.overlap(of_found, of_objects).numpy(), [label for label, _ in objects])
    result = dict(zip(precision.THRESHOLDS.round(2), total.result()))
    assert {threshold: result[threshold] for threshold in expected} == pytest.approx(expected)


def noisy_detections(true, seed):
    """Twelve detections of each scene: its objects moved a little, some of another class, and boxes of nothing."""
    draw = torch.Generator().manual_seed(seed)
    around = true.boxes.repeat(1, 3, 1)
    moved = (around + 3 * torch.randn(around.shape, generator=draw)).round().clamp(0, SIDE)
    moved[..., 2:] = torch.maximum(moved[..., 2:], moved[..., :2] + 4)
    classes = true.labels.repeat(1, 3).clamp(min=0)
    other = torch.rand(classes.shape, generator=draw) < 0.3
    classes = torch.where(other, torch.randint(0, CLASSES, classes.shape, generator=draw), classes)
    scores = torch.rand(classes.shape, generator=draw)
    inside = boxes.paste(torch.ones(classes.numel(), 1, 4, 4), moved.flatten(0, 1), SIDE) > 0.5
    masks = inside.reshape(*classes.shape, SIDE, SIDE) & true.masks.any(1, keepdim=True)
    masks = masks ^ (torch.rand(masks.shape, generator=draw) < 0.01)  # and pixels that are wrong
    return Detections(scores, classes, moved, masks)


def of_coco(found, true, kind):
    """Average precision in % at 0.5 and over ten thresholds, as pycocotools computes it."""

    def run_lengths(mask):
        return coco_masks.encode(np.asfortranarray(mask.numpy().astype(np.uint8)))

    def annotation(mask, box, **rest):
        left, top, right, bottom = box.tolist()
        segment = run_lengths(mask)
        area = float(coco_masks.area(segment))
        return {"bbox": [left, top, right - left, bottom - top], "segmentation": segment, "area": area, **rest}

    objects, answers = [], []
    for image in range(len(true)):
        for k in torch.nonzero(true.labels[image] != EMPTY).flatten().tolist():
            fields = {"id": len(objects) + 1, "image_id": image, "iscrowd": 0}
            label = int(true.labels[image, k]) + 1
            objects.append(annotation(true.masks[image, k], true.boxes[image, k], category_id=label, **fields))
        for k in range(found.scores.shape[1]):
            fields = {"image_id": image, "score": float(found.scores[image, k])}
            label = int(found.classes[image, k]) + 1
            answers.append(annotation(found.masks[image, k], found.boxes[image, k], category_id=label, **fields))
    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO()
        truth.dataset = {
            "images": [{"id": image, "height": SIDE, "width": SIDE} for image in range(len(true))],
            "annotations": objects,
            "categories": [{"id": label + 1} for label in range(CLASSES)],
        }
        truth.createIndex()
        if kind == "bbox":
            answers = [{name: value for name, value in one.items() if name != "segmentation"} for one in answers]
        judge = COCOeval(truth, truth.loadRes(answers), kind)
        judge.evaluate()
        judge.accumulate()
        judge.summarize()
    return 100 * judge.stats[1], 100 * judge.stats[0]


@pytest.mark.parametrize("seed", range(3))
def test_average_precision_is_what_pycocotools_computes(seed):
    true = digit_scenes(40, seed)
    found = noisy_detections(true, seed)
    result = evaluate([found], [true])
    assert (result["box AP50"], result["box AP"]) == pytest.approx(of_coco(found, true, "bbox"), abs=1e-6)
    assert (result["mask AP50"], result["mask AP"]) == pytest.approx(of_coco(found, true, "segm"), abs=1e-6)
    assert 20 < result["box AP50"] < 80 and result["mask AP50"] > 5


def random_boxes(count, draw):
    corner, size = draw.uniform(0, 40, (count, 2)), draw.uniform(2, 24, (count, 2))
    return np.concatenate([corner, corner + size], 1)


def overlap_by_loops(a, b):
    width, height = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    shared = max(width, 0) * max(height, 0)
    return shared / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - shared)


@pytest.mark.parametrize("limit", [0.2, 0.5, 0.7])
def test_suppression_keeps_what_plain_loops_keep(limit):
    draw = np.random.default_rng(0)
    given = np.stack([random_boxes(60, draw) for _ in range(4)])
    expected = []
    for image in given:
        survivors = []
        for n, box in enumerate(image):
            if all(overlap_by_loops(box, image[m]) <= limit for m in survivors):
                survivors.append(n)
        expected.append(np.isin(np.arange(60), survivors))
    assert np.array_equal(boxes.non_maximum_suppression(torch.from_numpy(given), limit).numpy(), expected)
    assert 0 < np.mean(expected) < 1


def align_by_loops(picture, box, size, samples, stride):
    """RoIAlign of one map `(h, w)` by its definition; beyond the centres of the border, the border's value."""
    h, w = picture.shape

    def at(x, y):
        x, y = (min(max(place / stride - 0.5, 0), length - 1) for place, length in ((x, w), (y, h)))
        left, top = int(x), int(y)
        right, bottom = min(left + 1, w - 1), min(top + 1, h - 1)
        over = picture[top, left] * (1 - (x - left)) + picture[top, right] * (x - left)
        under = picture[bottom, left] * (1 - (x - left)) + picture[bottom, right] * (x - left)
        return over * (1 - (y - top)) + under * (y - top)

    width, height = (box[2] - box[0]) / size, (box[3] - box[1]) / size
    result = np.zeros((size, size))
    for row in range(size):
        for column in range(size):
            for i in range(samples):
                for j in range(samples):
                    x = box[0] + width * (column + (j + 0.5) / samples)
                    y = box[1] + height * (row + (i + 0.5) / samples)
                    result[row, column] += at(x, y) / samples**2
    return result


@pytest.mark.parametrize(("size", "samples", "stride"), [(7, 1, 4), (7, 2, 4), (14, 2, 1)])
def test_roi_align_is_what_plain_loops_compute(size, samples, stride):
    draw = np.random.default_rng(1)
    maps = draw.standard_normal((2, 3, 64 // stride, 64 // stride))
    given = np.stack([random_boxes(5, draw) for _ in range(2)])
    result = boxes.roi_align(torch.from_numpy(maps), torch.from_numpy(given), size, samples, stride)
    expected = [
        [align_by_loops(channel, box, size, samples, stride) for channel in maps[image]]
        for image in range(2)
        for box in given[image]
    ]
    np.testing.assert_allclose(result.numpy(), expected, atol=1e-9)


def test_offsets_lead_back_to_their_boxes():
    draw = np.random.default_rng(2)
    given, references = (torch.from_numpy(random_boxes(50, draw)).float() for _ in range(2))
    there = boxes.encode(given, references, (10, 10, 5, 5))
    near = there.abs().amax(1) < 10  # farther ones are cut
    back = boxes.decode(there, references, (10, 10, 5, 5), SIDE)
    torch.testing.assert_close(back[near], given[near], atol=1e-3, rtol=0)
    assert near.sum() > 5


def test_no_digit_is_in_two_splits():
    images = [{image.numpy().tobytes() for image in split(name)[0]} for name in ("train", "choose", "report")]
    assert not images[0] & images[1] and not images[0] & images[2] and not images[1] & images[2]
    assert [len(part) for part in images] == [3500, 500, 1000]


@pytest.mark.parametrize("clutter", [0, 4])
def test_a_scene_holds_one_to_four_digits_each_in_its_box(clutter):
    some = digit_scenes(60, 5, clutter=clutter)
    count = (some.labels != EMPTY).sum(1)
    assert count.min() >= 1 and count.max() == 4
    for masks, of_boxes, labels in zip(some.masks, some.boxes, some.labels):
        assert masks.sum(0).max() <= 1
        for mask, box, label in zip(masks, of_boxes, labels):
            rows, columns = np.nonzero(mask.numpy())
            assert (label == EMPTY) == (len(rows) == 0)
            if len(rows):
                assert box.tolist() == [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]


def test_scenes_are_those_of_their_seed():
    first, same, other = (digit_scenes(4, seed).images for seed in (0, 0, 1))
    assert torch.equal(first, same) and not torch.equal(first, other)


NORMS = [None, nn.BatchNorm2d, group_norm, BatchChannelNorm]


@pytest.mark.parametrize("norm", NORMS, ids=["none", "BN", "GN", "BCN"])
def test_a_detector_learns_with_any_norm(norm):
    few = digit_scenes(16, 0)
    torch.manual_seed(0)
    model = Detector(norm, norm)
    optimizer = torch.optim.SGD(model.parameters(), 0.02, 0.9)
    history = descend(
        model, lambda batch: model.losses(few[batch]).sum(), optimizer,
        count=16, steps=12, batch_size=8, warm_up=2, seed=0, clip=5.0, every=6, evaluate=lambda: None,
    )  # fmt: skip
    assert history.steps == [6, 12] and history.loss[-3:].mean() < 0.9 * history.loss[0]


def test_each_loss_reaches_its_answer_and_the_first_layer():
    few = digit_scenes(4, 0)
    torch.manual_seed(0)
    model = Detector(nn.BatchNorm2d, nn.BatchNorm2d)
    for number, part in enumerate(("propose_score", "propose_offsets", "classify", "box_offsets", "mask_head.4")):
        model.zero_grad()
        model.losses(few)[number].backward()
        reached = {name for name, weight in model.named_parameters() if weight.grad is not None and weight.grad.any()}
        assert f"{part}.weight" in reached and "backbone.0.0.weight" in reached


def test_a_detector_that_knows_the_answer_has_it_found():
    """Regions on the digits, class logits that are right, no offsets: the boxes come out as the digits'."""
    true = digit_scenes(10, 3)
    torch.manual_seed(0)
    model = Detector(group_norm, group_norm).eval()
    filler = torch.tensor([0.0, 0, 1, 1]).expand(10, 4, 4)
    places = torch.where((true.labels != EMPTY)[..., None], true.boxes, filler)
    logits = nn.functional.one_hot(true.labels % (CLASSES + 1), CLASSES + 1) * 20.0
    model.regions = lambda proposals: places
    model.heads = lambda features, regions: (logits, torch.zeros(*regions.shape[:2], 4))
    model.mask_logits = lambda features, regions, classes: torch.full((classes.numel(), 14, 14), 9.0)
    result = evaluate([model.detect(true.images, most=4)], [true])
    assert result["box AP50"] == 100 and result["box AP"] == 100


def test_fields_of_scenes_stay_together():
    some = digit_scenes(6, 0)
    part = some[torch.tensor([4, 1])]
    assert isinstance(part, DigitScenes) and len(part) == 2
    assert torch.equal(part.images[0], some.images[4]) and torch.equal(part.labels[1], some.labels[1])
    assert part.labels.shape[1] == scenes.MOST
