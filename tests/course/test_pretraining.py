"""Pretraining in miniature: DINO's loss and teacher, MaskFeat's targets and masks, what is stored, and the probes."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from skimage.feature import hog
from sklearn.linear_model import LogisticRegression

from bncourse.course.errors import CourseError
from bncourse.course.paths import RESULTS
from bncourse.lab import data
from bncourse.ledger import experiments
from bncourse.pretraining import distillation, masking, trainings
from bncourse.pretraining.probes import draw, logistic, probed
from bncourse.pretraining.trainings import PLANS, keep, stored
from tests.chosen import chapters

KEPT = [name for page, names in trainings.OF_PAGE.items() if page in chapters() for name in names]


def test_the_loss_of_a_pair_of_views_by_hand():
    teacher, student, centre = torch.tensor([[0.04, 0.02]]), torch.tensor([[0.1, 0.0]]), torch.tensor([0.0, 0.02])
    sure, guess = 1 / (1 + math.exp(-1)), 1 / (1 + math.exp(-1))  # (0.04 - 0.00) / 0.04 = 1 and 0.1 / 0.1 = 1
    by_hand = -(sure * math.log(guess) + (1 - sure) * math.log(1 - guess))
    assert distillation.cross_entropy(teacher, student, centre).item() == pytest.approx(by_hand, rel=1e-5)


def test_no_gradient_passes_through_the_teacher():
    teacher, student = (torch.randn(3, 5, requires_grad=True) for _ in range(2))
    distillation.cross_entropy(teacher, student, torch.zeros(5)).backward()
    assert teacher.grad is None and student.grad.abs().sum() > 0


def test_the_centre_takes_away_what_all_answers_have_in_common():
    teacher, student, shift = torch.randn(4, 6), torch.randn(4, 6), torch.randn(6)
    centred = distillation.cross_entropy(teacher + shift, student, shift)
    torch.testing.assert_close(centred, distillation.cross_entropy(teacher, student, torch.zeros(6)))


def test_the_teacher_follows_parameters_and_running_statistics():
    teacher, student = torch.nn.BatchNorm1d(2), torch.nn.BatchNorm1d(2)
    torch.nn.init.constant_(student.weight, 3.0)
    student(torch.tensor([[0.0, 10.0], [0.0, 30.0]]))  # its running mean is (0, 2), its count 1
    distillation.follow(teacher, student, 0.75)
    torch.testing.assert_close(teacher.weight.data, torch.tensor([1.5, 1.5]))
    torch.testing.assert_close(teacher.running_mean, torch.tensor([0.0, 0.5]))
    torch.testing.assert_close(teacher.running_var, 0.75 + 0.25 * student.running_var)
    assert teacher.num_batches_tracked == 1


def test_the_teacher_learns_by_following_alone():
    torch.manual_seed(0)
    model = distillation.Distillation()
    model.loss(torch.randn(4, 1, 20, 20)).backward()
    assert all(parameter.grad is None for parameter in model.teacher.parameters())
    assert all(parameter.grad is not None for parameter in model.student.parameters())
    assert model.centre.abs().sum() > 0


def test_a_whole_view_without_turn_and_light_is_the_image(monkeypatch):
    monkeypatch.setattr(torch.Tensor, "uniform_", lambda self, low, high: self.fill_((low + high) / 2))
    monkeypatch.setattr(torch, "randn_like", torch.zeros_like)
    images = torch.rand(3, 1, 20, 20)
    torch.testing.assert_close(distillation.view(images, 20, 1.0, 1.0), images, rtol=1e-4, atol=1e-5)


def test_histograms_of_orientations_are_those_of_scikit_image():
    images = data.digits().test_images[:20]
    found = masking.orientation_histograms(torch.from_numpy(images)).numpy()
    for image, histograms in zip(images, found, strict=True):
        expected = hog(image[0].astype(float), 9, (4, 4), (1, 1), block_norm="L2").reshape(49, 9)
        np.testing.assert_allclose(histograms, expected, atol=2e-3)


def test_hidden_patches_are_as_many_in_each_image_and_not_always_the_same():
    torch.manual_seed(0)
    hidden = masking.hidden_patches(50)
    assert hidden.shape == (50, 25) and set(hidden.sum(1).tolist()) == {10}
    assert hidden.any(0).all() and len(hidden.unique(dim=0)) > 40


def test_nothing_of_a_hidden_patch_leaks_into_what_is_predicted():
    torch.manual_seed(0)
    network, hidden = masking.VisionTransformer(), masking.hidden_patches(2)
    images = torch.rand(2, 1, 20, 20, requires_grad=True)
    network.predicted(images, hidden).sum().backward()
    by_patch = torch.nn.functional.max_pool2d(images.grad.abs(), 4).flatten(1)
    assert (by_patch[hidden] == 0).all() and (by_patch[~hidden] > 0).all()


def test_only_hidden_patches_count(monkeypatch):
    torch.manual_seed(0)
    network, hidden, images = masking.VisionTransformer(), masking.hidden_patches(2), torch.rand(2, 1, 20, 20)
    monkeypatch.setattr(masking, "hidden_patches", lambda count: hidden)
    right = masking.orientation_histograms(images)
    monkeypatch.setattr(network, "predicted", lambda *rest: right + (~hidden)[..., None])
    assert network.loss(images) == 0
    monkeypatch.setattr(network, "predicted", lambda *rest: right + 2.0 * hidden[..., None])
    assert network.loss(images).item() == pytest.approx(4)


@pytest.mark.parametrize("name", PLANS)
def test_a_pretraining_is_kept_with_its_curve_and_comes_back(name, tmp_path, monkeypatch):
    digits = data.digits()
    few = replace(
        digits, train_images=digits.train_images[:40], train_labels=digits.train_labels[:40],
        test_images=digits.test_images[:20], test_labels=digits.test_labels[:20],
    )  # fmt: skip
    monkeypatch.setattr(trainings.data, "digits", lambda: few)
    path = tmp_path / f"{name}.json"
    keep(path, replace(PLANS[name], steps=3, batch_size=8, every=2), {"commit": "abc"})
    network, record = stored(path)
    assert record["commit"] == "abc" and record["steps"] == [2, 3] and not network.training
    assert all(point["loss"] > 0 and 0 <= point["nearest"] <= 100 for point in record["curve"])
    assert trainings.features(network, few.test_images).shape == (20, network.size)
    record["plan"]["method"] = "another"
    path.write_text(json.dumps(record))
    with pytest.raises(CourseError, match="no plan that this version knows"):
        stored(path)


def test_experiments_pretrain_what_their_page_loads(tmp_path, monkeypatch):
    monkeypatch.setattr(experiments, "RESULTS", tmp_path)
    monkeypatch.setattr(trainings, "keep", lambda path, plan, about: path.write_text(about["commit"]))
    assert [path.stem for path in experiments.train("13_transfer")] == list(PLANS)


@pytest.mark.parametrize("name", KEPT)
def test_what_is_kept_is_small_and_of_today_and_as_good_as_its_record_says(name):
    path = RESULTS / f"{name}.json"
    assert path.with_suffix(".npz").stat().st_size <= 1_000_000
    network, record = stored(path)
    assert trainings.Plan(**record["plan"]) == PLANS[name]
    assert {"commit", "date", "machine", "versions", "processor_seconds"} <= set(record)
    assert trainings.nearest(network) == pytest.approx(record["curve"][-1]["nearest"], abs=0.5)


def test_neighbours_are_those_at_the_smallest_angle(monkeypatch):
    monkeypatch.setattr(trainings, "NEIGHBOURS", 3)
    known, labels = np.array([[1.0, 0], [9, 1], [5, -1], [0, 1], [0, 2]]), np.array([4, 4, 7, 2, 2])
    np.testing.assert_array_equal(trainings.neighbours(known, labels, np.array([[2.0, 0], [0, 0.1]])), [4, 2])


def unscaled(learn, others):
    return learn, others


@pytest.mark.parametrize("penalty", [0.01, 0.1, 1.0])
def test_a_probe_is_the_logistic_regression_of_scikit_learn(penalty):
    generator = np.random.default_rng(0)
    x, labels = generator.normal(3, np.exp(generator.normal(size=12)), (90, 12)), np.arange(90) % 3
    x[:, 0] += labels
    weight, bias = logistic(x, labels, [penalty])
    other = LogisticRegression(C=1 / (90 * penalty * x.var(0).mean()), max_iter=5000, tol=1e-9).fit(x, labels)
    np.testing.assert_allclose((x @ weight + bias)[0], other.decision_function(x), atol=5e-3)


def test_a_probe_has_the_same_choice_of_penalties_whatever_the_unit_of_the_features():
    generator = np.random.default_rng(0)
    features, labels = generator.normal(size=(200, 6)), np.arange(200) % 4
    features[:, 0] += labels
    target = draw(labels, 0, 60)
    assert probed(1000 * features, labels, target, unscaled) == probed(features, labels, target, unscaled)


def test_labels_that_report_choose_nothing_and_teach_nothing():
    generator = np.random.default_rng(0)
    features, labels = generator.normal(size=(400, 5)), np.arange(400) % 2
    features[:, 0] += 3 * labels
    target, turned = draw(labels, 0, 50), labels.copy()
    turned[target.report] = 1 - labels[target.report]
    right = probed(features, labels, target, unscaled)
    assert right > 85 and probed(features, turned, target, unscaled) == pytest.approx(100 - right)


def test_a_target_is_of_as_many_classes_as_asked_and_its_parts_share_no_image():
    labels = np.repeat(np.arange(10), 60)
    target = draw(labels, 0, 100, classes=4)
    parts = (target.learn, target.choose, target.report)
    assert [len(part) for part in parts] == [100, 70, 70]
    assert len(set(np.concatenate(parts))) == 240
    names, counts = np.unique(labels[target.learn], return_counts=True)
    assert len(names) == 4 and set(counts) == {25}
    assert set(np.unique(labels[target.report])) <= set(names)
    assert set(labels[draw(labels, 1, 100, classes=4).learn]) != set(names)


def test_a_target_with_too_few_images_is_refused():
    with pytest.raises(ValueError, match="too few to learn from 110"):
        draw(np.repeat(np.arange(2), 60), 0, 110)
