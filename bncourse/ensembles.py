"""Many small networks trained as one: seeds, learning rates and initial gains side by side in a batched computation.

Much of a small network's step is overhead. `book/07_faster_training.md` explains how the networks of an
experiment share that step and stay independent: none sees, changes or spoils another.
"""

from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch.nn import functional as F

from bncourse.training import device

ACTIVATIONS = {"relu": torch.relu, "tanh": torch.tanh, "sigmoid": torch.sigmoid}
NORMS = ("none", "batch", "layer", "group", "instance")
DROPOUT_PLACES = ("output", "norm", "head")


@dataclass
class Layer:
    """One layer of every member: tensors that begin with the axis of the members, None where it has none.

    `weight` `(members, out, in)` or `(members, out, in, 3, 3)`; the others `(members, out)`. A layer that is
    normalised has `gamma` and `beta`, and no `bias`.
    """

    weight: torch.Tensor
    bias: torch.Tensor = None
    gamma: torch.Tensor = None
    beta: torch.Tensor = None
    running_mean: torch.Tensor = None
    running_var: torch.Tensor = None


class Hidden(NamedTuple):
    """What a hidden layer computed, each `(members, batch, channels, ...)`; gradients can be taken at all three."""

    linear: torch.Tensor
    normalised: torch.Tensor
    output: torch.Tensor


class Networks:
    """What `MLPs` and `CNNs` share.

    - `seeds` `(members,)`: members of one seed begin with the same weights (times their gain), see the same batches
      and, with dropout, the same masks; those depend on nothing else, not on the other members either.
    - `gains`: factor on all initial weights, a number or `(members,)`.
    - `activation`: "relu", "tanh" or "sigmoid".
    - `norm`, before each activation: "none", "batch", "layer" (all features of an image), "group" (`groups` of its
      channels), "instance" (each channel of an image; CNNs only). γ and β are per channel and begin at 1 and 0.
    - `init`: "he", "xavier", or the standard deviation of all weights. Biases begin at 0.
    - `momentum`, `eps`: PyTorch's for the running statistics. `momentum` may be set later.
    - `ghost`: batch statistics are taken over this many consecutive images of a batch (Hoffer et al., 2017); the
      running statistics move once a batch, by the mean over its ghost batches.
    - `residual`: a hidden layer whose output has its input's shape adds its input to it.
    - `dropout`: probability that a value is dropped, at `dropout_at` "output" (of each hidden layer), "norm" (what
      goes into each normalisation) or "head" (what goes into the last layer, after all normalisation).
    - `on`: a device, if not the one found.

    Attributes: `members`, `layers`, the flat lists `parameters`, `weights`, `buffers`, and `seed_index` `(members,)`
    into `distinct_seeds`. Raises ValueError for an
    unknown name and for lengths that do not fit.
    """

    def __init__(
        self,
        seeds,
        gains=1.0,
        *,
        activation="relu",
        norm="none",
        init="he",
        momentum=0.1,
        eps=1e-5,
        groups=4,
        ghost=None,
        residual=False,
        dropout=0.0,
        dropout_at="output",
        on=None,
    ):
        _one_of("activation", activation, ACTIVATIONS)
        _one_of("norm", norm, NORMS)
        _one_of("dropout_at", dropout_at, DROPOUT_PLACES)
        self.seeds = np.asarray(list(seeds))
        self.members = len(self.seeds)
        self.device = torch.device(on or device())
        self.activation, self.norm, self.init = activation, norm, init
        self.momentum, self.eps, self.groups, self.ghost = momentum, eps, groups, ghost
        self.residual, self.dropout, self.dropout_at = residual, dropout, dropout_at
        # What is random is drawn once a seed, on the CPU: it is then the same on every device and in every ensemble.
        self.distinct_seeds, self.seed_index = np.unique(self.seeds, return_inverse=True)
        self._gains = torch.as_tensor(gains, dtype=torch.float32).expand(self.members)
        self._weight_draws = [torch.Generator().manual_seed(int(seed)) for seed in self.distinct_seeds]
        self._mask_draws = [torch.Generator().manual_seed(int(seed)) for seed in self.distinct_seeds]
        self.layers = []

    @property
    def parameters(self):
        """All tensors that are trained, each `(members, ...)`, layer by layer."""
        each = ((layer.weight, layer.bias, layer.gamma, layer.beta) for layer in self.layers)
        return [tensor for tensors in each for tensor in tensors if tensor is not None]

    @property
    def weights(self):
        """The weights of the layers, first to last."""
        return [layer.weight for layer in self.layers]

    @property
    def buffers(self):
        """The running statistics, each `(members, channels)`, layer by layer."""
        each = ((layer.running_mean, layer.running_var) for layer in self.layers)
        return [tensor for tensors in each for tensor in tensors if tensor is not None]

    def per_member(self, values):
        """A number or `(members,)` as float32 `(members,)` on the networks' device."""
        return torch.as_tensor(values, dtype=torch.float32, device=self.device).expand(self.members)

    def _add_layer(self, *shape, normalised):
        def filled(value):
            return torch.full((self.members, shape[0]), value, device=self.device)

        drawn = torch.stack([torch.randn(shape, generator=draw) for draw in self._weight_draws])[self.seed_index]
        gains = self._gains.view(-1, *[1] * len(shape))
        layer = Layer((_deviation(self.init, shape) * gains * drawn).to(self.device))
        if normalised:
            layer.gamma, layer.beta = filled(1.0), filled(0.0)
            if self.norm == "batch":
                layer.running_mean, layer.running_var = filled(0.0), filled(1.0)
        else:
            layer.bias = filled(0.0)
        self.layers.append(layer)

    def _finish(self):
        for parameter in self.parameters:
            parameter.requires_grad_(True)

    # Between layers a tensor is (batch, members * channels, ...): the members stand side by side like channels.

    def _by_member(self, h):
        return h.unflatten(1, (self.members, -1)).transpose(0, 1)

    def _side_by_side(self, h):
        return h.transpose(0, 1).flatten(1, 2)

    def _linear(self, layer, h):
        """`(members, batch, in)` to `(members, batch, out)`."""
        weight = layer.weight.transpose(1, 2)
        return torch.bmm(h, weight) if layer.bias is None else torch.baddbmm(layer.bias[:, None], h, weight)

    def _hidden(self, layer, h, training, keep):
        before = h
        if layer.weight.dim() == 3:
            h = self._side_by_side(self._linear(layer, self._by_member(h)))
        else:
            bias = None if layer.bias is None else layer.bias.flatten()
            h = F.conv2d(h, layer.weight.flatten(0, 1), bias, padding=1, groups=self.members)
        h, linear = self._watched(self._dropped("norm", h, training), keep)
        h, normalised = self._watched(self._normalised(layer, h, training), keep)
        h = ACTIVATIONS[self.activation](h)
        if self.residual and h.shape == before.shape:
            h = h + before
        h, output = self._watched(self._dropped("output", h, training), keep)
        if keep is not None:
            keep.append(Hidden(linear, normalised, output))
        return h

    def _watched(self, h, keep):
        """`h`, and its view `(members, batch, ...)`; `h` then depends on the view, so that gradients reach it."""
        if keep is None:
            return h, None
        view = self._by_member(h)
        return self._side_by_side(view), view

    def _normalised(self, layer, h, training):
        if self.norm == "none":
            return h
        gamma, beta = layer.gamma.flatten(), layer.beta.flatten()
        if self.norm == "batch":
            return self._batch_normalised(layer, h, gamma, beta, training)
        groups = {"layer": 1, "group": self.groups, "instance": layer.gamma.shape[1]}[self.norm]
        return F.group_norm(h, self.members * groups, gamma, beta, self.eps)

    def _batch_normalised(self, layer, h, gamma, beta, training):
        if not training:
            mean, var = layer.running_mean.flatten(), layer.running_var.flatten()
            return F.batch_norm(h, mean, var, gamma, beta, eps=self.eps)
        if self.ghost and len(h) % self.ghost:
            raise ValueError(f"a batch of {len(h)} cannot be cut into ghost batches of {self.ghost}")
        outputs, means, variances = [], [], []
        for part in h.split(self.ghost) if self.ghost else [h]:
            # With momentum 1, PyTorch's running statistics are those of the latest batch.
            means.append(torch.zeros_like(beta))
            variances.append(torch.zeros_like(beta))
            outputs.append(F.batch_norm(part, means[-1], variances[-1], gamma, beta, True, 1.0, self.eps))
        layer.running_mean.lerp_(torch.stack(means).mean(0).view_as(layer.running_mean), self.momentum)
        layer.running_var.lerp_(torch.stack(variances).mean(0).view_as(layer.running_var), self.momentum)
        return outputs[0] if len(outputs) == 1 else torch.cat(outputs)

    def _dropped(self, place, h, training):
        if not (training and self.dropout and self.dropout_at == place):
            return h
        shape = self._by_member(h).shape[1:]
        kept = 1 - self.dropout
        masks = [torch.empty(shape).bernoulli_(kept, generator=draw) for draw in self._mask_draws]
        masks = torch.stack(masks)[self.seed_index].div_(kept).to(h.device)
        return h * self._side_by_side(masks)

    def take(self, images, labels, index):
        """The images each member is to see: `x` `(members, batch, C, H, W)` and `y` `(members, batch)`.

        `index` `(members, batch)`, or `(batch,)` for all members alike, into `images` `(N, C, H, W)` and `labels`.
        """
        images = torch.as_tensor(images, dtype=torch.float32).to(self.device)
        labels = torch.as_tensor(labels, dtype=torch.int64).to(self.device)
        index = torch.as_tensor(index).to(self.device).expand(self.members, -1)
        return images[index], labels[index]

    def losses(self, x, y, training=True):
        """Mean cross-entropy of each member `(members,)`; in training mode running statistics move."""
        logits = self.forward(x, training)
        return F.cross_entropy(logits.flatten(0, 1), y.flatten(), reduction="none").view_as(y).mean(1)

    def gradients(self, x, y, of=None, training=True):
        """Losses `(members,)` and their gradients, a list like `of`, or like `parameters`; running statistics stay."""
        with self.restored():
            losses = self.losses(x, y, training)
            return losses.detach(), list(torch.autograd.grad(losses.sum(), of or self.parameters))

    @torch.no_grad()
    def move(self, direction, scale=1.0):
        """Add `scale`, a number or `(members,)`, times `direction`, a list like `parameters`, to the parameters."""
        scale = self.per_member(scale)
        for parameter, change in zip(self.parameters, direction):
            parameter.addcmul_(change, scale.view(-1, *[1] * (change.dim() - 1)))

    @contextmanager
    def restored(self):
        """After the `with`, parameters, running statistics and the state of dropout are what they were before."""
        tensors = [tensor.detach() for tensor in self.parameters + self.buffers]
        copies, states = [tensor.clone() for tensor in tensors], [draw.get_state() for draw in self._mask_draws]
        try:
            yield self
        finally:
            for tensor, copy in zip(tensors, copies):
                tensor.copy_(copy)
            for draw, state in zip(self._mask_draws, states):
                draw.set_state(state)

    def accuracy(self, images, labels, **options):
        """Share of right answers `(members,)`, a NumPy array; arguments as in `test`."""
        return numbers(self.test(images, labels, **options)[0])

    @torch.no_grad()
    def test(self, images, labels, subset=None, training=False, batch_size=250):
        """Accuracy and mean cross-entropy of each member, two tensors `(members,)`.

        `subset` `(members, n)`: the images that each member is tested on, else all. With `training` the networks are
        as a forgotten `eval()` leaves them: the statistics are those of each batch of `batch_size`, dropout is on;
        running statistics stay. A member with a logit that is not finite has the accuracy of chance.
        """
        images = torch.as_tensor(images, dtype=torch.float32).to(self.device)
        labels = torch.as_tensor(labels, dtype=torch.int64).to(self.device)
        index = torch.as_tensor(np.arange(len(images)) if subset is None else subset).to(self.device)
        right, loss, finite = (torch.zeros(self.members, device=self.device) for _ in range(3))
        with self.restored() if training else nullcontext():
            for part in index.split(batch_size, dim=-1):
                x, y = self.take(images, labels, part)
                logits = self.forward(x, training)
                right += (logits.argmax(2) == y).sum(1)
                loss += F.cross_entropy(logits.flatten(0, 1), y.flatten(), reduction="none").view_as(y).sum(1)
                finite += logits.isfinite().all(2).sum(1)
        count = index.shape[-1]
        return torch.where(finite == count, right / count, 1 / logits.shape[2]), loss / count

    def diverged(self):
        """Which members `(members,)` hold a number that is not finite, a NumPy array of bool."""
        finite = [tensor.detach().flatten(1).isfinite().all(1) for tensor in self.parameters]
        return numbers(~torch.stack(finite).all(0)).astype(bool)


class MLPs(Networks):
    """Networks of fully connected layers with `sizes` units, input and output included; images are flattened.

    `MLPs((196, 100, 100, 10), seeds=range(5), activation="sigmoid", init="xavier", norm="batch")`; the other
    arguments are those of `Networks`.
    """

    def __init__(self, sizes, seeds, gains=1.0, **options):
        super().__init__(seeds, gains, **options)
        if self.norm == "instance":
            raise ValueError('a feature of an MLP has one value an image: norm "instance" is for CNNs')
        for inputs, outputs in zip(sizes[:-2], sizes[1:]):
            self._add_layer(outputs, inputs, normalised=self.norm != "none")
        self._add_layer(sizes[-1], sizes[-2], normalised=False)
        self._finish()

    def forward(self, x, training=True, keep=None):
        """Logits `(members, batch, classes)` of `x` `(members, batch, ...)`.

        In training mode batch statistics are used and running statistics move. To a list `keep` the `Hidden` of each
        hidden layer is appended.
        """
        h = self._side_by_side(x.flatten(2))
        for layer in self.layers[:-1]:
            h = self._hidden(layer, h, training, keep)
        return self._linear(self.layers[-1], self._by_member(self._dropped("head", h, training)))


class CNNs(Networks):
    """Convolutional networks: 3x3 convolutions that keep the image's size, and one linear layer.

    `channels` lists the convolutions' outputs, with "M" for max pooling by 2; `image` is `(C, H, W)`:
    `CNNs((8, "M", 16, "M", 16), (1, 14, 14), seeds=range(5), norm="batch")`; the other arguments are those of
    `Networks`.
    """

    def __init__(self, channels, image, seeds, gains=1.0, classes=10, **options):
        super().__init__(seeds, gains, **options)
        self.channels = tuple(channels)
        inputs, height, width = image
        for outputs in self.channels:
            if outputs == "M":
                height, width = height // 2, width // 2
            else:
                self._add_layer(outputs, inputs, 3, 3, normalised=self.norm != "none")
                inputs = outputs
        self._add_layer(classes, inputs * height * width, normalised=False)
        self._finish()

    def forward(self, x, training=True, keep=None):
        """Logits `(members, batch, classes)` of `x` `(members, batch, C, H, W)`; the rest as for `MLPs`."""
        # A convolution of many small groups is faster on tensors whose channels come last.
        h = self._side_by_side(x).contiguous(memory_format=torch.channels_last)
        layers = iter(self.layers)
        for part in self.channels:
            h = F.max_pool2d(h, 2) if part == "M" else self._hidden(next(layers), h, training, keep)
        h = self._dropped("head", h, training)
        return self._linear(next(layers), self._by_member(h).flatten(2))


def numbers(tensor):
    """A tensor as a NumPy array; NaN for one on the meta device, which has a shape and no numbers."""
    if tensor.is_meta:
        return np.full(tensor.shape, np.nan)
    return tensor.detach().cpu().numpy()


def _deviation(init, shape):
    outputs, inputs, *kernel = shape
    area = int(np.prod(kernel))
    if init == "he":
        return (2 / (inputs * area)) ** 0.5
    if init == "xavier":
        return (2 / ((inputs + outputs) * area)) ** 0.5
    if isinstance(init, str):
        raise ValueError(f"unknown init {init!r}: he, xavier or a number")
    return float(init)


def _one_of(what, name, known):
    if name not in known:
        raise ValueError(f"unknown {what} {name!r}: {', '.join(known)}")
