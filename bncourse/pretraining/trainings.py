"""The two pretrainings: `make experiments` runs them, `book/13_transfer.md` loads what they learnt."""

import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from bncourse.course.errors import CourseError
from bncourse.lab import data, training
from bncourse.lab.vision import weights
from bncourse.lab.vision.training import descend
from bncourse.pretraining.distillation import Distillation, ResidualNetwork
from bncourse.pretraining.masking import VisionTransformer

NEIGHBOURS = 20
MEAN, DEVIATION = 0.13, 0.31  # of the pixels that both are trained on


@dataclass(frozen=True)
class Plan:
    """One pretraining on digits without labels, "distilled" or "masked", evaluated after every `every` steps."""

    method: str
    steps: int
    batch_size: int
    learning_rate: float
    weight_decay: float
    every: int
    seed: int = 0

    def network(self) -> nn.Module:
        """The network that is kept, before it is trained, on the device that was found."""
        if self.method not in NETWORKS:
            raise KeyError(self.method)
        training.seed_everything(self.seed)
        return NETWORKS[self.method]().to(training.device())


NETWORKS = {"distilled": ResidualNetwork, "masked": VisionTransformer}
PLANS = {
    "pretrained_distilled": Plan("distilled", 1000, batch_size=64, learning_rate=0.002, weight_decay=1e-4, every=100),
    "pretrained_masked": Plan("masked", 1600, batch_size=64, learning_rate=0.002, weight_decay=0.05, every=200),
}
# Which of them a page loads.
OF_PAGE = {"13_transfer": list(PLANS)}


@dataclass
class Pretrained:
    """A network that was pretrained; after `steps`, its `curve`; `seconds` of processor time."""

    network: nn.Module
    steps: list[int] = field(default_factory=list)
    curve: list[dict[str, float]] = field(default_factory=list)
    seconds: float = 0.0


def as_input(images: np.ndarray) -> Tensor:
    """Grey images `(N, 1, H, W)` in [0, 1] as both networks get them: `(N, 1, 20, 20)`, on the device found."""
    x = torch.as_tensor(images, dtype=torch.float32)
    x = F.interpolate(x, size=20, mode="bilinear", align_corners=False, antialias=True)
    return ((x - MEAN) / DEVIATION).to(training.device())


def features(network: nn.Module, images: np.ndarray) -> np.ndarray:
    """What the network makes of images `(N, 1, H, W)` in evaluation mode: `(N, D)`."""
    with training.evaluation(network):
        parts = [network(part) for part in as_input(images).split(500)]
    return torch.cat(parts).cpu().numpy()


def train(plan: Plan) -> Pretrained:
    """Pretrain one network on the digits' training images, in minutes on a processor."""
    start, digits = time.process_time(), data.digits()
    images = as_input(digits.train_images)
    training.seed_everything(plan.seed)
    model: Distillation | VisionTransformer = Distillation() if plan.method == "distilled" else VisionTransformer()
    model.to(training.device())
    network = model.teacher[0] if isinstance(model, Distillation) else model
    learning = model.student if isinstance(model, Distillation) else model
    optimizer = torch.optim.AdamW(learning.parameters(), plan.learning_rate, weight_decay=plan.weight_decay)
    losses: list[float] = []

    def loss(batch: Tensor) -> Tensor:
        value = model.loss(images[batch])
        losses.append(value.item())
        return value

    def look() -> dict[str, float]:
        return {"loss": float(np.mean(losses[-plan.every :])), "nearest": nearest(network)}

    history = descend(
        model, loss, optimizer, count=len(images), steps=plan.steps, batch_size=plan.batch_size,
        warm_up=max(1, plan.steps // 10), seed=plan.seed, clip=3.0, every=plan.every, evaluate=look,
    )  # fmt: skip
    return Pretrained(network, history.steps, history.records, time.process_time() - start)


def nearest(network: nn.Module) -> float:
    """How many of the digits' test images, in %, their `neighbours` among the training images name rightly."""
    digits = data.digits()
    known, asked = (features(network, images) for images in (digits.train_images, digits.test_images))
    return float(100 * (neighbours(known, digits.train_labels, asked) == digits.test_labels).mean())


def neighbours(known: np.ndarray, labels: np.ndarray, asked: np.ndarray) -> np.ndarray:
    """The commonest label `(M,)` of the `NEIGHBOURS` features `(N, D)` closest in angle to `asked` `(M, D)`."""
    known, asked = (part / np.linalg.norm(part, axis=1, keepdims=True) for part in (known, asked))
    closest = labels[np.argsort(-asked @ known.T, axis=1)[:, :NEIGHBOURS]]
    return np.array([np.bincount(row).argmax() for row in closest])


def keep(path: Path, plan: Plan, about: dict[str, Any]) -> None:
    """`train`, and store weights and record; `about` says on what."""
    trained = train(plan)
    curve = [{name: round(value, 4) for name, value in point.items()} for point in trained.curve]
    record = {"plan": asdict(plan), **about, "processor_seconds": round(trained.seconds), "steps": trained.steps}
    weights.store(path, trained.network, {**record, "curve": curve})


def stored(path: Path) -> tuple[nn.Module, dict[str, Any]]:
    """The network whose record lies at `path`, in evaluation mode on the device that was found, and that record.

    Raises CourseError where record and weights do not belong together.
    """
    try:
        network = Plan(**weights.record_of(path)["plan"]).network()
    except (KeyError, TypeError) as error:
        raise CourseError(
            f"{path.name} has no plan that this version knows: 'make experiments' writes it anew"
        ) from error
    record = weights.load(path, network)
    return network.eval(), record
