"""Many networks as one: what an ensemble does, whatever its layers (`book/07_faster_training.md` explains it)."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any, NamedTuple, Self

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor
from torch.nn import functional as F

from bncourse.lab.training import Array, device, tensors


@dataclass
class Layer:
    """One layer of every member: tensors that begin with the axis of the members, None where it has none.

    `weight` `(members, out, in)` or `(members, out, in, 3, 3)`; the others `(members, out)`. A layer that is
    normalised has `gamma` and `beta`, and no `bias`; `iota` is the share of BN in batch channel normalization.
    """

    weight: Tensor
    bias: Tensor | None = None
    gamma: Tensor | None = None
    beta: Tensor | None = None
    iota: Tensor | None = None
    running_mean: Tensor | None = None
    running_var: Tensor | None = None


class Hidden(NamedTuple):
    """What a hidden layer computed, each `(members, batch, channels, ...)`; gradients can be taken at all three."""

    linear: Tensor
    normalised: Tensor
    output: Tensor


class Ensemble(ABC):
    """Networks side by side in one computation that stay independent: none sees, changes or spoils another.

    - `seeds` `(members,)`: members of one seed begin with the same weights (times their gain), see the same batches
      and, with dropout, the same masks; those depend on nothing else, not on the other members either.
    - `gains`: factor on all initial weights, a number or `(members,)`.
    - `on`: a device, if not the one found.

    Attributes: `members`, `layers`, the flat lists `parameters`, `weights`, `buffers`, and `seed_index` `(members,)`
    into `distinct_seeds`.
    """

    def __init__(self, seeds: Iterable[int], gains: ArrayLike = 1.0, on: torch.device | str | None = None) -> None:
        self.seeds = np.asarray(list(seeds))
        self.members = len(self.seeds)
        self.device = torch.device(on or device())
        self.layers: list[Layer] = []
        # What is random is drawn once a seed, on the CPU: it is then the same on every device and in every ensemble.
        self.distinct_seeds, self.seed_index = np.unique(self.seeds, return_inverse=True)
        self._gains = torch.as_tensor(gains, dtype=torch.float32).expand(self.members)
        self._weight_draws = [torch.Generator().manual_seed(int(seed)) for seed in self.distinct_seeds]
        self._mask_draws = [torch.Generator().manual_seed(int(seed)) for seed in self.distinct_seeds]

    @abstractmethod
    def forward(self, x: Tensor, training: bool = True, keep: list[Hidden] | None = None) -> Any:
        """Logits `(members, batch, classes)` of `x` `(members, batch, ...)`; of `dense` networks a tuple of maps.

        In training mode batch statistics are used and running statistics move. To a list `keep` the `Hidden` of each
        hidden layer is appended.
        """

    @property
    def parameters(self) -> list[Tensor]:
        """All tensors that are trained, each `(members, ...)`, layer by layer."""
        each = ((layer.weight, layer.bias, layer.gamma, layer.beta, layer.iota) for layer in self.layers)
        return [tensor for tensors in each for tensor in tensors if tensor is not None]

    @property
    def weights(self) -> list[Tensor]:
        """The weights of the layers, first to last."""
        return [layer.weight for layer in self.layers]

    @property
    def buffers(self) -> list[Tensor]:
        """The running statistics, each `(members, channels)`, layer by layer."""
        each = ((layer.running_mean, layer.running_var) for layer in self.layers)
        return [tensor for tensors in each for tensor in tensors if tensor is not None]

    def per_member(self, values: ArrayLike) -> Tensor:
        """A number or `(members,)` as float32 `(members,)` on the networks' device."""
        return torch.as_tensor(values, dtype=torch.float32, device=self.device).expand(self.members)

    def take(self, images: Array, labels: Array, index: ArrayLike) -> tuple[Tensor, Tensor]:
        """The images each member is to see: `x` `(members, batch, C, H, W)` and `y` `(members, batch)`.

        `index` `(members, batch)`, or `(batch,)` for all members alike, into `images` `(N, C, H, W)` and `labels`.
        """
        images, labels = tensors(images, labels, self.device)
        index = torch.as_tensor(index).to(self.device).expand(self.members, -1)
        return images[index], labels[index]

    def losses(self, x: Tensor, y: Tensor, training: bool = True) -> Tensor:
        """Mean cross-entropy of each member `(members,)`; in training mode running statistics move."""
        return _cross_entropy(self.forward(x, training), y).mean(1)

    def gradients(
        self, x: Tensor, y: Tensor, of: Sequence[Tensor] | None = None, training: bool = True
    ) -> tuple[Tensor, list[Tensor]]:
        """Losses `(members,)` and their gradients, a list like `of`, or like `parameters`; running statistics stay."""
        with self.restored():
            losses = self.losses(x, y, training)
            return losses.detach(), list(torch.autograd.grad(losses.sum(), of or self.parameters))

    @torch.no_grad()
    def move(self, direction: Sequence[Tensor], scale: ArrayLike = 1.0) -> None:
        """Add `scale`, a number or `(members,)`, times `direction`, a list like `parameters`, to the parameters."""
        factors = self.per_member(scale)
        for parameter, change in zip(self.parameters, direction):
            parameter.addcmul_(change, factors.view(-1, *[1] * (change.dim() - 1)))

    @contextmanager
    def restored(self) -> Iterator[Self]:
        """After the `with`, parameters, running statistics and the state of dropout are what they were before."""
        values = [tensor.detach() for tensor in self.parameters + self.buffers]
        copies, states = [value.clone() for value in values], [draw.get_state() for draw in self._mask_draws]
        try:
            yield self
        finally:
            for value, copy in zip(values, copies):
                value.copy_(copy)
            for draw, state in zip(self._mask_draws, states):
                draw.set_state(state)

    def accuracy(self, images: Array, labels: Array, **options: Any) -> np.ndarray:
        """Share of right answers `(members,)`; arguments as in `test`."""
        return numbers(self.test(images, labels, **options)[0])

    @torch.no_grad()
    def test(
        self, images: Array, labels: Array, subset: Array | None = None, training: bool = False, batch_size: int = 250
    ) -> tuple[Tensor, Tensor]:
        """Accuracy and mean cross-entropy of each member, two tensors `(members,)`.

        `subset` `(members, n)`: the images that each member is tested on, else all. With `training` the networks are
        as a forgotten `eval()` leaves them: the statistics are those of each batch of `batch_size`, dropout is on;
        running statistics stay. A member with a logit that is not finite has the accuracy of chance.
        """
        images, labels = tensors(images, labels, self.device)
        index = torch.as_tensor(np.arange(len(images)) if subset is None else subset).to(self.device)
        right, loss, finite = (torch.zeros(self.members, device=self.device) for _ in range(3))
        with self.restored() if training else nullcontext():
            for part in index.split(batch_size, dim=-1):
                x, y = self.take(images, labels, part)
                logits = self.forward(x, training)
                right += (logits.argmax(2) == y).sum(1)
                loss += _cross_entropy(logits, y).sum(1)
                finite += logits.isfinite().all(2).sum(1)
        count = index.shape[-1]
        return torch.where(finite == count, right / count, 1 / logits.shape[2]), loss / count

    def diverged(self) -> np.ndarray:
        """Which members `(members,)` hold a number that is not finite, bool."""
        finite = [tensor.detach().flatten(1).isfinite().all(1) for tensor in self.parameters]
        return numbers(~torch.stack(finite).all(0)).astype(bool)


def numbers(tensor: Tensor) -> np.ndarray:
    """A tensor as a NumPy array; NaN for one on the meta device, which has a shape and no numbers."""
    if tensor.is_meta:
        return np.full(tensor.shape, np.nan)
    return tensor.detach().cpu().numpy()


def _cross_entropy(logits: Tensor, y: Tensor) -> Tensor:
    """Of each image, `(members, batch)`."""
    return F.cross_entropy(logits.flatten(0, 1), y.flatten(), reduction="none").view_as(y)
