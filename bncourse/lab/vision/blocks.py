"""What the backbones of the detector and of the segmenter are built from."""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

Norm = Callable[[int], nn.Module] | None  # makes the layer that normalises `(N, channels, H, W)`; None: there is none


def group_norm(channels: int) -> nn.GroupNorm:
    """Group normalization with eight groups of channels."""
    return nn.GroupNorm(8, channels)


class BatchChannelNorm(nn.Module):
    """Batch-channel normalization for batches too small to have statistics of their own (Qiao et al., 2019).

    A BN that uses its running statistics in training too, while each batch moves them; then a group normalization.
    """

    def __init__(self, channels: int, momentum: float = 0.05) -> None:
        super().__init__()
        self.batch, self.groups, self.momentum = nn.BatchNorm2d(channels), group_norm(channels), momentum

    def forward(self, x: Tensor) -> Tensor:
        """`x` `(N, C, H, W)`."""
        mean, var = self.batch.running_mean, self.batch.running_var
        assert mean is not None and var is not None
        if self.training:
            with torch.no_grad():
                mean.lerp_(x.float().mean((0, 2, 3)), self.momentum)
                var.lerp_(x.float().var((0, 2, 3)), self.momentum)
        weight, bias = self.batch.weight, self.batch.bias
        return self.groups(F.batch_norm(x, mean.clone(), var.clone(), weight, bias, False, 0.0, self.batch.eps))


class FrozenBatchNorm(nn.Module):
    """Batch normalization as it was left: all its numbers are buffers. Loads the state dict of an `nn.BatchNorm2d`."""

    weight: Tensor
    bias: Tensor
    running_mean: Tensor
    running_var: Tensor

    def __init__(self, channels: int, eps: float = 1e-5) -> None:
        super().__init__()
        self.eps = eps
        for name, value in (("weight", 1.0), ("bias", 0.0), ("running_mean", 0.0), ("running_var", 1.0)):
            self.register_buffer(name, torch.full((channels,), value))
        self.register_buffer("num_batches_tracked", torch.tensor(0))

    def forward(self, x: Tensor) -> Tensor:
        """`x` `(N, C, H, W)`."""
        return F.batch_norm(x, self.running_mean, self.running_var, self.weight, self.bias, False, 0.0, self.eps)


def convolution(
    inputs: int, outputs: int, norm: Norm, kernel: int = 3, stride: int = 1, dilation: int = 1
) -> nn.Sequential:
    """A convolution that keeps the size at stride 1, and its norm; with a bias where there is no norm."""
    padding = dilation * (kernel // 2)
    layer = nn.Conv2d(inputs, outputs, kernel, stride, padding, dilation, bias=norm is None)
    nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")
    return nn.Sequential(layer, *([norm(outputs)] if norm else []))


class Residual(nn.Module):
    """A residual block of two convolutions; a 1 x 1 convolution on the skip where the shape changes."""

    def __init__(self, inputs: int, outputs: int, norm: Norm, stride: int = 1, dilation: int = 1) -> None:
        super().__init__()
        first = convolution(inputs, outputs, norm, stride=stride, dilation=dilation)
        self.body = nn.Sequential(first, nn.ReLU(), convolution(outputs, outputs, norm))
        same = inputs == outputs and stride == 1
        self.skip = nn.Identity() if same else convolution(inputs, outputs, norm, 1, stride)

    def forward(self, x: Tensor) -> Tensor:
        """`x` `(N, inputs, H, W)` to `(N, outputs, H / stride, W / stride)`."""
        return F.relu(self.skip(x) + self.body(x))
