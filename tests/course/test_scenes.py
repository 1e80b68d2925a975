"""Scenes are labelled rightly; ensembles that answer pixel by pixel keep their members apart."""

import numpy as np
import pytest
import torch

from bncourse.course import curriculum
from bncourse.course.capstone import NEEDED, POINTS
from bncourse.lab.ensembles.dense import BatchChannelDetectors, Detectors, _targets, packed
from bncourse.lab.runs import train
from bncourse.lab.scenes import _digits, detection_scenes


@pytest.mark.parametrize("of", ["train", "choose", "report"])
def test_a_box_is_the_smallest_around_its_mask(of):
    scenes = detection_scenes(20, seed=0, of=of)
    assert scenes.images.shape == (20, 1, 24, 24)
    for mask, (left, top, right, bottom) in zip(scenes.masks, scenes.boxes):
        rows, columns = np.nonzero(mask)
        assert (left, top, right, bottom) == (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)


def test_no_digit_of_a_scene_is_both_learnt_and_tested_on():
    parts = [{digit.numpy().tobytes() for digit in _digits(of)[0]} for of in ("train", "choose", "report")]
    assert sum(map(len, parts)) - len(set.union(*parts)) <= 0


def test_scenes_are_those_of_their_seed():
    first, same, other = (detection_scenes(4, seed=seed).images for seed in (0, 0, 1))
    assert np.array_equal(first, same)
    assert not np.array_equal(first, other)


def trained(kind, seeds, scenes, steps=3, **options):
    nets = kind(seeds, **options)
    train(nets, scenes.images, packed(scenes), steps=steps, batch_size=8, rates=0.02, momentum=0.9)
    return nets


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        (Detectors, {"norm": "batch"}),
        (Detectors, {"norm": "batch", "ghost": 2}),
        (Detectors, {"norm": "group"}),
        (BatchChannelDetectors, {"norm": "batch", "ghost": 1}),
    ],
)
def test_a_member_is_the_same_alone_and_in_company(kind, options):
    scenes = detection_scenes(24, seed=0)
    alone, together = (trained(kind, seeds, scenes, 1, **options) for seeds in ([3], [1, 3]))
    for own, shared in zip(alone.outputs(scenes.images), together.outputs(scenes.images)):
        np.testing.assert_allclose(own[0], shared[1], rtol=1e-3, atol=1e-3)


def test_what_is_frozen_stays_and_weights_move():
    scenes = detection_scenes(24, seed=0)
    source = trained(Detectors, [0, 1], scenes, norm="batch")
    frozen = Detectors([1], norm="batch", frozen=True).take_over(source, [1])
    affine = [tensor for layer in frozen.layers for tensor in (layer.gamma, layer.beta) if tensor is not None]
    kept = frozen.buffers + affine
    before = [tensor.clone() for tensor in kept + frozen.weights]
    train(frozen, scenes.images, packed(scenes), steps=3, batch_size=8, rates=0.02)
    after, count = kept + frozen.weights, len(kept)
    assert len(affine) == len(frozen.buffers) == 8
    assert all(torch.equal(here, there) for here, there in zip(before[:count], after[:count]))
    assert not any(torch.equal(here, there) for here, there in zip(before[count:], after[count:]))


def test_a_perfect_answer_is_found_as_it_was_told():
    scenes = detection_scenes(6, seed=0)
    nets = Detectors([0], norm="batch")
    cells, targets = _targets(torch.from_numpy(scenes.boxes)[None].float(), 6)
    grid = np.full((1, 6, 15, 36), -9.0, np.float32)
    for n, (cell, box, kind) in enumerate(zip(cells[0], targets[0], scenes.classes)):
        grid[0, n, 0, cell], grid[0, n, 1:5, cell], grid[0, n, 5 + kind, cell] = 9, box, 9
    nets.outputs = lambda images: (grid.reshape(1, 6, 15, 6, 6), scenes.masks[None] - 0.5)
    boxes, classes, masks = nets.predict(scenes.images)
    np.testing.assert_allclose(boxes[0], scenes.boxes, atol=1e-4)
    assert np.array_equal(classes[0], scenes.classes)
    assert np.array_equal(masks[0], scenes.masks > 0)


def test_detectors_keep_what_their_hidden_layers_computed():
    scenes, hidden = detection_scenes(4, seed=0), []
    nets = Detectors([0, 1], norm="batch")
    nets.forward(torch.as_tensor(scenes.images).expand(2, *scenes.images.shape), keep=hidden)
    assert [tuple(layer.output.shape[:3]) for layer in hidden] == [(2, 4, 8), (2, 4, 16), (2, 4, 16), (2, 4, 16)]


def test_the_points_of_the_capstone_are_those_that_its_checks_give():
    (exercise,) = curriculum.find("15.1")
    assert tuple(exercise.checks.values()) == POINTS and len(NEEDED) == len(POINTS)
