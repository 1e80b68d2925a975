"""The segmenter after DeepLabV3 and its scenes."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from bncourse.lab.vision import segmenter
from bncourse.lab.vision.blocks import group_norm
from bncourse.lab.vision.segmenter import CLASSES, SIDE, Segmenter, class_weights, labelled, labelled_scenes
from bncourse.lab.vision.training import descend


@pytest.fixture(scope="module")
def some():
    return labelled_scenes(40, 0)


def test_scenes_hold_all_classes_and_mostly_several_at_once(some):
    assert some.images.shape == (40, 3, SIDE, SIDE) and some.labels.shape == (40, SIDE, SIDE)
    assert set(some.labels.unique().tolist()) == set(range(len(CLASSES))) and len(CLASSES) == 21
    each = [len(labels.unique()) for labels in some.labels]
    assert max(each) == segmenter.OBJECTS + 1 and np.mean(each) > 4


def test_scenes_are_those_of_their_seed_and_split(some):
    assert torch.equal(labelled_scenes(2, 0).images, some.images[:2])
    assert not torch.equal(labelled_scenes(2, 1).images, some.images[:2])
    assert not torch.equal(labelled_scenes(2, 0, "report").images, some.images[:2])


def test_no_column_of_a_photograph_is_in_two_splits():
    places = [place for bands in segmenter.BANDS.values() for place in bands]
    assert len(places) == len(set(places))
    for name in segmenter.BANDS:
        for bands in segmenter._bands(segmenter.BANDS[name]):
            assert all(band.shape[1:] == (segmenter.BAND, 3) and len(band) >= 128 for band in bands)


def test_the_backbone_has_output_stride_4_and_the_pyramid_keeps_the_size(some):
    model = Segmenter(nn.BatchNorm2d)
    features = model.backbone(some.images[:2])
    assert features.shape[2:] == (SIDE // 4, SIDE // 4)
    assert [branch(features).shape[2:] for branch in model.branches] == [features.shape[2:]] * 4
    assert [branch[0].dilation[0] for branch in model.branches] == [1, *segmenter.RATES]
    assert model(some.images[:2]).shape == (2, len(CLASSES), SIDE, SIDE)


@pytest.mark.parametrize("norm", [None, nn.BatchNorm2d, group_norm], ids=["none", "BN", "GN"])
def test_a_segmenter_learns_with_any_norm(norm, some):
    torch.manual_seed(0)
    model = Segmenter(norm)
    weights = class_weights(some.labels)
    history = descend(
        model, lambda batch: F.cross_entropy(model(some.images[batch]), some.labels[batch], weights),
        torch.optim.AdamW(model.parameters(), 0.01), count=40, steps=15, batch_size=8, warm_up=2, seed=0, clip=1.0,
    )  # fmt: skip
    assert history.loss[-3:].mean() < 0.9 * history.loss[0]


def test_one_image_in_training_mode_fails_in_the_pooled_branch_and_nowhere_else(some):
    model = Segmenter(nn.BatchNorm2d)
    with pytest.raises(ValueError, match="more than 1 value per channel"):
        model(some.images[:1])
    model.pooled = nn.Conv2d(2 * segmenter.WIDTH, segmenter.WIDTH, 1)
    assert model(some.images[:1]).isfinite().all()


def test_labels_are_told_in_evaluation_mode_and_the_mode_stays(some):
    model = Segmenter(nn.BatchNorm2d)
    together, apart = labelled(model, some.images[:4]), labelled(model, some.images[:4], batch_size=1)
    assert torch.equal(together, apart) and model.training


def test_a_rare_class_weighs_more_in_the_loss():
    labels = torch.zeros(1, 10, 10, dtype=torch.int64)
    labels[0, 0, :], labels[0, 1, :2] = torch.arange(1, 11), 1
    labels[0, 2] = torch.arange(11, 21)
    weights = class_weights(labels)
    assert weights[1:].mean() == pytest.approx(1)
    assert weights[0] < weights[1] < weights[2]
    assert weights[2] / weights[1] == pytest.approx(3**0.25)
