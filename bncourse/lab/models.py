"""The small network of several pages, built from modules."""

from collections.abc import Callable, Sequence

from torch import nn


def small_cnn(
    norm: Callable[[int], nn.Module] | None = nn.BatchNorm2d, image: Sequence[int] = (1, 28, 28), classes: int = 10
) -> nn.Sequential:
    """Three 3x3 convolutions, the first two with stride 2, each normalised and followed by ReLU; one linear layer.

    `norm(channels)` makes the layer that normalises `(N, channels, H, W)`, with None there is none and the convolutions
    have a bias; `image` is `(C, H, W)`. An nn.Sequential; `book/03_normalize.md` introduces it.
    """

    def block(inputs: int, outputs: int, stride: int) -> list[nn.Module]:
        convolution = nn.Conv2d(inputs, outputs, 3, stride, bias=norm is None)
        return [convolution, *([norm(outputs)] if norm else []), nn.ReLU()]

    channels, *size = image
    for stride in (2, 2, 1):
        size = [(side - 3) // stride + 1 for side in size]
    return nn.Sequential(
        *block(channels, 8, 2),
        *block(8, 16, 2),
        *block(16, 16, 1),
        nn.Flatten(),
        nn.Linear(16 * size[0] * size[1], classes),
    )
