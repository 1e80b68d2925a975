"""Networks that are kept in the tree: stored, loaded, and refused where something is wrong."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from bncourse.course.errors import CourseError
from bncourse.course.paths import RESULTS
from bncourse.lab.vision import trainings, weights
from bncourse.lab.vision.segmenter import labelled_scenes
from bncourse.lab.vision.trainings import PLANS, keep, mean_iou, stored
from bncourse.ledger import experiments, series
from tests.chosen import chapters

SHORT = {"steps": 2, "batch_size": 4, "warm_up": 1, "every": 2, "scenes": 8}


@pytest.fixture
def kept(tmp_path, monkeypatch):
    """The record of a segmenter after two steps."""
    monkeypatch.setattr(trainings, "labelled_scenes", lambda count, *rest: labelled_scenes(min(count, 8), *rest))
    path = tmp_path / "segmenter.json"
    keep(path, replace(PLANS["segmenter_bn"], **SHORT), {"commit": "abc"})
    return path


def test_a_network_comes_back_as_it_was_stored(tmp_path):
    model = PLANS["detector_bn"].model()
    path = tmp_path / "detector.json"
    weights.store(path, model, {"plan": {}})
    other = replace(PLANS["detector_bn"], seed=1).model()
    weights.load(path, other)
    for (name, own), theirs in zip(model.state_dict().items(), other.state_dict().values(), strict=True):
        torch.testing.assert_close(theirs, own, rtol=1e-3, atol=1e-6, msg=name)


def test_a_record_says_how_its_network_was_trained(kept):
    model, record = stored(kept)
    assert record["plan"]["norm"] == "bn" and record["commit"] == "abc" and record["steps"] == [2]
    assert 0 <= record["curve"][0]["mIoU"] <= 100 and not model.training
    assert int(model.backbone[0][1].num_batches_tracked) == 2


def test_changed_weights_are_refused(kept):
    file = kept.with_suffix(".npz")
    file.write_bytes(file.read_bytes()[:-1] + b"x")
    with pytest.raises(CourseError, match="is not the file"):
        stored(kept)


def test_weights_of_another_network_are_refused(kept):
    record = json.loads(kept.read_text())
    kept.write_text(json.dumps(record | {"plan": record["plan"] | {"norm": "none"}}))
    with pytest.raises(CourseError, match="another network"):
        stored(kept)


def test_an_object_in_the_file_is_not_executed(kept):
    executed = []

    class Bomb:
        def __reduce__(self):
            return executed.append, (1,)

    file = kept.with_suffix(".npz")
    np.savez(file, weight=np.array([Bomb()], dtype=object))
    record = json.loads(kept.read_text())
    kept.write_text(json.dumps(record | {"sha256": weights.hashlib.sha256(file.read_bytes()).hexdigest()}))
    before = list(executed)
    with pytest.raises(ValueError, match="Object arrays cannot be loaded"):
        stored(kept)
    assert executed == before


@pytest.mark.parametrize("content", ["{}", "no JSON", None])
def test_a_damaged_record_is_told_in_one_line(kept, content):
    kept.unlink() if content is None else kept.write_text(content)
    with pytest.raises(CourseError, match="make experiments"):
        stored(kept)


def test_experiments_train_what_their_page_loads(tmp_path, monkeypatch):
    monkeypatch.setattr(experiments, "RESULTS", tmp_path)
    monkeypatch.setattr(experiments, "run", lambda stem, *rest: tmp_path / f"{stem}.json")
    for module in (trainings, series):
        monkeypatch.setattr(module, "keep", lambda path, plan, about: path.write_text(about["commit"]))
    names = [path.stem for path in experiments.run_all(["11"], 100, full=True)]
    expected = [*trainings.OF_PAGE["11_vision_tasks"], *series.OF_PAGE["11_vision_tasks"], "11_vision_tasks"]
    assert names == expected
    assert [path.stem for path in experiments.run_all(["11"], 100, full=False)] == ["11_vision_tasks"]


KEPT = [name for page, names in trainings.OF_PAGE.items() if page in chapters() for name in names]


@pytest.mark.parametrize("name", KEPT)
def test_what_is_kept_is_small_and_of_today(name):
    path = RESULTS / f"{name}.json"
    assert path.with_suffix(".npz").stat().st_size <= 1_000_000
    _, record = stored(path)
    assert trainings.Plan(**record["plan"]) == PLANS[name]
    assert {"commit", "date", "machine", "versions", "processor_seconds"} <= set(record)


def test_mean_iou_of_a_case_by_hand():
    labels = torch.tensor([[[0, 0], [1, 1]]])
    found = torch.tensor([[[0, 1], [1, 1]]])
    assert mean_iou(found, labels) == pytest.approx(100 * (1 / 2 + 2 / 3) / 21)
