"""Trainings too long for a page: `make experiments` runs them, `book/11_vision_tasks.md` loads what they learnt."""

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.optim import Optimizer

from bncourse.course.errors import CourseError
from bncourse.course.paths import RESULTS
from bncourse.lab import training
from bncourse.lab.vision import weights
from bncourse.lab.vision.blocks import BatchChannelNorm, FrozenBatchNorm, Norm, group_norm
from bncourse.lab.vision.detector import Detector
from bncourse.lab.vision.precision import tested
from bncourse.lab.vision.scenes import DigitScenes, digit_scenes
from bncourse.lab.vision.segmenter import CLASSES, Segmenter, class_weights, labelled, labelled_scenes
from bncourse.lab.vision.training import descend

NORMS: dict[str, Norm] = {
    "none": None,
    "bn": nn.BatchNorm2d,
    "frozen": FrozenBatchNorm,
    "gn": group_norm,
    "bcn": BatchChannelNorm,
}


@dataclass(frozen=True)
class Plan:
    """One training of a "detector" or "segmenter" with a norm of `NORMS`, evaluated after every `every` steps.

    With `every` 0 it is not evaluated. `clutter` and `darkest` are those of the detector's scenes. `begun` names the
    stored detector whose backbone it begins with; its heads are new and without a norm then. "": all is new.
    """

    system: str
    norm: str
    steps: int
    batch_size: int
    learning_rate: float
    warm_up: int
    every: int
    seed: int = 0
    scenes: int = 6000
    clutter: int = 2
    darkest: float = 0.3
    begun: str = ""

    def model(self) -> nn.Module:
        """The network before it is trained."""
        training.seed_everything(self.seed)
        norm = NORMS[self.norm]
        if self.system != "detector":
            return Segmenter(norm)
        model = Detector(norm, None if self.begun else norm)
        if self.begun:
            earlier, _ = stored(RESULTS / f"{self.begun}.json")
            assert isinstance(earlier, Detector)
            model.backbone.load_state_dict(earlier.backbone.state_dict())
        return model

    def scenes_of(self, count: int, seed: int, of: str) -> DigitScenes:
        """A detector's scenes of a split, as dark and cluttered as those that it is trained on."""
        return digit_scenes(count, seed, of, self.clutter, self.darkest)


def _detector(norm: str) -> Plan:
    return Plan("detector", norm, steps=1100, batch_size=16, learning_rate=0.05, warm_up=100, every=200)


def _segmenter(norm: str, rate: float) -> Plan:
    return Plan("segmenter", norm, steps=4000, batch_size=16, learning_rate=rate, warm_up=50, every=500, scenes=8000)


PLANS = {
    "detector_bn": _detector("bn"),
    "detector_gn": _detector("gn"),
    "segmenter_none": _segmenter("none", 0.01),
    "segmenter_bn": _segmenter("bn", 0.01),
    "segmenter_gn": _segmenter("gn", 0.03),
}
# Which of them a page loads.
OF_PAGE = {"11_vision_tasks": ["detector_bn", "detector_gn", "segmenter_none", "segmenter_bn", "segmenter_gn"]}


@dataclass
class Trained:
    """A trained network; after `steps`, its `curve` on scenes to choose by; `seconds` of processor time."""

    model: nn.Module
    steps: list[int] = field(default_factory=list)
    curve: list[dict[str, float]] = field(default_factory=list)
    seconds: float = 0.0


def train(plan: Plan) -> Trained:
    """Train one network, on the device that was found, in minutes on a processor."""
    start, model = time.process_time(), plan.model().to(training.device())
    of_system = _detector_task if isinstance(model, Detector) else _segmenter_task
    loss, optimizer, clip, evaluate = of_system(model, plan)  # type: ignore[arg-type]  # the line above decided
    history = descend(
        model, loss, optimizer, count=plan.scenes, steps=plan.steps, batch_size=plan.batch_size, warm_up=plan.warm_up,
        seed=plan.seed, clip=clip, every=plan.every, evaluate=evaluate if plan.every else None,
    )  # fmt: skip
    return Trained(model, history.steps, history.records, time.process_time() - start)


def keep(path: Path, plan: Plan, about: dict[str, Any]) -> None:
    """`train`, and store weights and record; `about` says on what."""
    trained = train(plan)
    curve = [{name: round(value, 2) for name, value in point.items()} for point in trained.curve]
    record = {"plan": asdict(plan), **about, "processor_seconds": round(trained.seconds), "steps": trained.steps}
    weights.store(path, trained.model, {**record, "curve": curve})


def stored(path: Path) -> tuple[nn.Module, dict[str, Any]]:
    """The network whose record lies at `path`, in evaluation mode on the device that was found, and that record.

    Raises CourseError where record and weights do not belong together.
    """
    try:
        model = Plan(**weights.record_of(path)["plan"]).model()
    except (KeyError, TypeError) as error:
        raise CourseError(
            f"{path.name} has no plan that this version knows: 'make experiments' writes it anew"
        ) from error
    record = weights.load(path, model)
    return model.to(training.device()).eval(), record


Task = tuple[Callable[[Tensor], Tensor], Optimizer, float, Callable[[], dict[str, float]]]


def _detector_task(model: Detector, plan: Plan) -> Task:
    """Loss of a batch, optimizer, clip, and evaluation of a detector."""
    scenes = plan.scenes_of(plan.scenes, 1000 + plan.seed, "train").to(training.device())
    choosing = plan.scenes_of(300, 2, "choose")
    optimizer = torch.optim.SGD(model.parameters(), plan.learning_rate, momentum=0.9, weight_decay=1e-4)
    return lambda batch: model.losses(scenes[batch]).sum(), optimizer, 5.0, lambda: tested(model, choosing)


def _segmenter_task(model: Segmenter, plan: Plan) -> Task:
    """Loss of a batch, optimizer, clip, and evaluation of a segmenter."""
    scenes, choosing = labelled_scenes(plan.scenes, 1000 + plan.seed), labelled_scenes(300, 2, "choose")
    images, labels, of_class = (
        part.to(training.device()) for part in (scenes.images, scenes.labels, class_weights(scenes.labels))
    )

    def loss(batch: Tensor) -> Tensor:
        return F.cross_entropy(model(images[batch]), labels[batch], of_class)

    optimizer = torch.optim.AdamW(model.parameters(), plan.learning_rate, weight_decay=1e-4)
    return loss, optimizer, 1.0, lambda: {"mIoU": mean_iou(labelled(model, choosing.images), choosing.labels)}


def mean_iou(predicted: Tensor, labels: Tensor) -> float:
    """Mean intersection over union of the classes in %, over all pixels of all scenes `(N, H, W)`."""
    table = torch.bincount((labels * len(CLASSES) + predicted).flatten(), minlength=len(CLASSES) ** 2)
    table = table.view(len(CLASSES), -1).double()  # rows: true classes
    shared = table.diag()
    return 100 * (shared / (table.sum(0) + table.sum(1) - shared).clamp(min=1)).mean().item()
