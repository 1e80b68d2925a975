"""The layers of an ensemble, and the kinds of it that most pages train: `MLPs` and `CNNs`.

`BatchChannel` puts batch channel normalization (`book/14_alternatives.md` explains it) into any of them.
"""

from collections.abc import Collection, Iterable, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor
from torch.nn import functional as F

from bncourse.lab.ensembles.ensemble import Ensemble, Hidden, Layer

ACTIVATIONS = {"relu": torch.relu, "tanh": torch.tanh, "sigmoid": torch.sigmoid}
NORMS = ("none", "batch", "layer", "group", "instance")
DROPOUT_PLACES = ("output", "norm", "head")


class Networks(Ensemble):
    """An `Ensemble` of layers; what these kinds share:

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

    Raises ValueError for an unknown name and for lengths that do not fit.
    """

    def __init__(
        self,
        seeds: Iterable[int],
        gains: ArrayLike = 1.0,
        *,
        activation: str = "relu",
        norm: str = "none",
        init: str | float = "he",
        momentum: float = 0.1,
        eps: float = 1e-5,
        groups: int = 4,
        ghost: int | None = None,
        residual: bool = False,
        dropout: float = 0.0,
        dropout_at: str = "output",
        on: torch.device | str | None = None,
    ) -> None:
        super().__init__(seeds, gains, on)
        _check_name("activation", activation, ACTIVATIONS)
        _check_name("norm", norm, NORMS)
        _check_name("dropout_at", dropout_at, DROPOUT_PLACES)
        self.activation, self.norm, self.init = activation, norm, init
        self.momentum, self.eps, self.groups, self.ghost = momentum, eps, groups, ghost
        self.residual, self.dropout, self.dropout_at = residual, dropout, dropout_at

    def _add_layer(self, *shape: int, normalised: bool) -> None:
        def filled(value: float) -> Tensor:
            return torch.full((self.members, shape[0]), value, device=self.device)

        drawn = torch.stack([torch.randn(shape, generator=draw) for draw in self._weight_draws])[self.seed_index]
        gains = self._gains.view(-1, *[1] * len(shape))
        layer = Layer((_deviation(self.init, shape) * gains * drawn).to(self.device).requires_grad_())
        if normalised:
            layer.gamma, layer.beta = filled(1.0).requires_grad_(), filled(0.0).requires_grad_()
            if self.norm == "batch":
                layer.running_mean, layer.running_var = filled(0.0), filled(1.0)
        else:
            layer.bias = filled(0.0).requires_grad_()
        self.layers.append(layer)

    # Between layers a tensor is (batch, members * channels, ...): the members stand side by side like channels.

    def _by_member(self, h: Tensor) -> Tensor:
        return h.unflatten(1, (self.members, -1)).transpose(0, 1)

    def _side_by_side(self, h: Tensor) -> Tensor:
        return h.transpose(0, 1).flatten(1, 2)

    def _linear(self, layer: Layer, h: Tensor) -> Tensor:
        """`(members, batch, in)` to `(members, batch, out)`."""
        weight = layer.weight.transpose(1, 2)
        return torch.bmm(h, weight) if layer.bias is None else torch.baddbmm(layer.bias[:, None], h, weight)

    def _convolution(self, layer: Layer, h: Tensor, dilation: int = 1) -> Tensor:
        """Of `(batch, members * channels, H, W)`, each member by its own filters; `H` and `W` stay."""
        bias = None if layer.bias is None else layer.bias.flatten()
        padding = dilation * (layer.weight.shape[-1] // 2)
        return F.conv2d(h, layer.weight.flatten(0, 1), bias, 1, padding, dilation, self.members)

    def _hidden(self, layer: Layer, h: Tensor, training: bool, keep: list[Hidden] | None, dilation: int = 1) -> Tensor:
        before = h
        if layer.weight.dim() == 3:
            h = self._side_by_side(self._linear(layer, self._by_member(h)))
        else:
            h = self._convolution(layer, h, dilation)
        h, linear = self._watched(self._dropped("norm", h, training), keep)
        h, normalised = self._watched(self._normalised(layer, h, training), keep)
        h = ACTIVATIONS[self.activation](h)
        if self.residual and h.shape == before.shape:
            h = h + before
        h, output = self._watched(self._dropped("output", h, training), keep)
        if keep is not None:
            keep.append(Hidden(linear, normalised, output))
        return h

    def _watched(self, h: Tensor, keep: list[Hidden] | None) -> tuple[Tensor, Tensor]:
        """`h`, and its view `(members, batch, ...)`; if it is kept, `h` depends on it, so that gradients reach it."""
        view = self._by_member(h)
        return (h if keep is None else self._side_by_side(view)), view

    def _normalised(self, layer: Layer, h: Tensor, training: bool) -> Tensor:
        if layer.gamma is None or layer.beta is None:
            return h
        gamma, beta = layer.gamma.flatten(), layer.beta.flatten()
        if self.norm == "batch":
            return self._batch_normalised(layer, h, gamma, beta, training)
        groups = {"layer": 1, "group": self.groups, "instance": layer.gamma.shape[1]}[self.norm]
        return F.group_norm(h, self.members * groups, gamma, beta, self.eps)

    def _batch_normalised(self, layer: Layer, h: Tensor, gamma: Tensor, beta: Tensor, training: bool) -> Tensor:
        running_mean, running_var = layer.running_mean, layer.running_var
        assert running_mean is not None and running_var is not None
        if not training:
            return F.batch_norm(h, running_mean.flatten(), running_var.flatten(), gamma, beta, eps=self.eps)
        if self.ghost and len(h) % self.ghost:
            raise ValueError(f"a batch of {len(h)} cannot be cut into ghost batches of {self.ghost}")
        ghosts = len(h) // self.ghost if self.ghost else 1
        if ghosts > 1:  # they stand side by side too
            h = h.unflatten(0, (ghosts, -1)).transpose(0, 1).flatten(1, 2)
            gamma, beta = gamma.repeat(ghosts), beta.repeat(ghosts)
        # With momentum 1, PyTorch's running statistics are those of the latest batch.
        mean, variance = torch.zeros_like(beta), torch.zeros_like(beta)
        h = F.batch_norm(h, mean, variance, gamma, beta, True, 1.0, self.eps)
        running_mean.lerp_(mean.view(ghosts, *running_mean.shape).mean(0), self.momentum)
        running_var.lerp_(variance.view(ghosts, *running_var.shape).mean(0), self.momentum)
        return h if ghosts == 1 else h.unflatten(1, (ghosts, -1)).transpose(0, 1).flatten(0, 1)

    def _dropped(self, at: str, h: Tensor, training: bool) -> Tensor:
        if not (training and self.dropout and self.dropout_at == at):
            return h
        shape, share = self._by_member(h).shape[1:], 1 - self.dropout
        masks = [torch.empty(shape).bernoulli_(share, generator=draw) for draw in self._mask_draws]
        return h * self._side_by_side(torch.stack(masks)[self.seed_index].div_(share).to(h.device))


class BatchChannel(Networks):
    """In the place of BN a mixture of BN and LN (Khaled et al., 2023), with `norm="batch"`; the base before a kind.

    The share ι of BN, one a channel, is trained and begins at `start`, 1 as in its authors' code.
    """

    start = 1.0

    def _add_layer(self, *shape: int, normalised: bool) -> None:
        super()._add_layer(*shape, normalised=normalised)
        layer = self.layers[-1]
        if layer.gamma is not None:
            layer.iota = torch.full_like(layer.gamma, self.start, requires_grad=True)

    def _batch_normalised(self, layer: Layer, h: Tensor, gamma: Tensor, beta: Tensor, training: bool) -> Tensor:
        over_batch = super()._batch_normalised(layer, h, torch.ones_like(gamma), torch.zeros_like(beta), training)
        over_channels = F.group_norm(h, self.members, eps=self.eps)
        assert layer.iota is not None
        shape = (-1, *[1] * (h.dim() - 2))
        gamma, beta, iota = (values.reshape(shape) for values in (gamma, beta, layer.iota))
        return gamma * (iota * over_batch + (1 - iota) * over_channels) + beta


class MLPs(Networks):
    """Networks of fully connected layers with `sizes` units, input and output included; images are flattened.

    `MLPs((196, 100, 100, 10), seeds=range(5), activation="sigmoid", init="xavier", norm="batch")`; the other
    arguments are those of `Networks`.
    """

    def __init__(self, sizes: Sequence[int], seeds: Iterable[int], gains: ArrayLike = 1.0, **options: Any) -> None:
        super().__init__(seeds, gains, **options)
        if self.norm == "instance":
            raise ValueError('a feature of an MLP has one value an image: norm "instance" is for CNNs')
        for inputs, outputs in zip(sizes[:-2], sizes[1:]):
            self._add_layer(outputs, inputs, normalised=self.norm != "none")
        self._add_layer(sizes[-1], sizes[-2], normalised=False)

    def forward(self, x: Tensor, training: bool = True, keep: list[Hidden] | None = None) -> Tensor:
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

    def __init__(
        self,
        channels: Iterable[int | str],
        image: tuple[int, int, int],
        seeds: Iterable[int],
        gains: ArrayLike = 1.0,
        classes: int = 10,
        **options: Any,
    ) -> None:
        super().__init__(seeds, gains, **options)
        self.channels = tuple(channels)
        inputs, height, width = image
        for outputs in self.channels:
            if isinstance(outputs, str):
                height, width = height // 2, width // 2
            else:
                self._add_layer(outputs, inputs, 3, 3, normalised=self.norm != "none")
                inputs = outputs
        self._add_layer(classes, inputs * height * width, normalised=False)

    def forward(self, x: Tensor, training: bool = True, keep: list[Hidden] | None = None) -> Tensor:
        # A convolution of many small groups is faster on tensors whose channels come last.
        h = self._side_by_side(x).contiguous(memory_format=torch.channels_last)
        layers = iter(self.layers)
        for outputs in self.channels:
            h = F.max_pool2d(h, 2) if outputs == "M" else self._hidden(next(layers), h, training, keep)
        h = self._dropped("head", h, training)
        return self._linear(next(layers), self._by_member(h).flatten(2))


class BatchChannelMLPs(BatchChannel, MLPs):
    """`MLPs` with batch channel normalization."""


class BatchChannelCNNs(BatchChannel, CNNs):
    """`CNNs` with batch channel normalization."""


def _deviation(init: str | float, shape: Sequence[int]) -> float:
    if not isinstance(init, str):
        return float(init)
    outputs, inputs, *kernel = shape
    fans = {"he": inputs, "xavier": inputs + outputs}
    if init not in fans:
        raise ValueError(f"unknown init {init!r}: he, xavier or a number")
    return (2 / (fans[init] * int(np.prod(kernel)))) ** 0.5


def _check_name(option: str, name: str, names: Collection[str]) -> None:
    if name not in names:
        raise ValueError(f"unknown {option} {name!r}: {', '.join(names)}")
