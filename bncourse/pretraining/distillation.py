"""Self-distillation without labels, as DINO does it (Caron et al., 2021; `book/13_transfer.md`)."""

import copy
import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from bncourse.lab.vision.blocks import Residual, convolution

WIDTHS = (32, 64, 128)
PROTOTYPES = 256
STUDENT_TEMPERATURE, TEACHER_TEMPERATURE = 0.1, 0.04  # the lower one is what sharpens the teacher
FOLLOWS, CENTRE_FOLLOWS = 0.995, 0.9
GLOBAL, LOCAL = (20, 0.7, 1.0, 2), (12, 0.4, 0.7, 2)  # views: pixels, share of the image's area, how many


class ResidualNetwork(nn.Module):
    """A residual network with BN, as ResNet-50 has it: images `(N, 1, H, W)` to features `(N, 128)`."""

    size = WIDTHS[-1]

    def __init__(self) -> None:
        super().__init__()
        first, second, third = WIDTHS
        self.layers = nn.Sequential(
            convolution(1, first, nn.BatchNorm2d, stride=2), nn.ReLU(),
            Residual(first, first, nn.BatchNorm2d),
            Residual(first, second, nn.BatchNorm2d, stride=2),
            Residual(second, third, nn.BatchNorm2d, stride=2),
        )  # fmt: skip

    def forward(self, images: Tensor) -> Tensor:
        """The mean of the last channels over all positions."""
        features: Tensor = self.layers(images).mean((2, 3))
        return features


class Head(nn.Module):
    """Features to logits over prototypes: two layers, a bottleneck of length one, cosines with unit vectors."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(size, 128), nn.GELU(), nn.Linear(128, 32))
        self.prototypes = nn.Parameter(F.normalize(torch.randn(PROTOTYPES, 32)))

    def forward(self, features: Tensor) -> Tensor:
        """`features` `(N, size)` to cosines `(N, PROTOTYPES)`."""
        return F.normalize(self.layers(features)) @ F.normalize(self.prototypes).T


def cross_entropy(teacher: Tensor, student: Tensor, centre: Tensor) -> Tensor:
    """DINO's loss of one pair of views, from the logits `(N, K)` of both networks and the teacher's `centre` `(K,)`.

    The teacher's answer is centred, sharpened, and no gradient passes through it.
    """
    target = ((teacher.detach() - centre) / TEACHER_TEMPERATURE).softmax(1)
    return -(target * (student / STUDENT_TEMPERATURE).log_softmax(1)).sum(1).mean()


def follow(teacher: nn.Module, student: nn.Module, momentum: float) -> None:
    """Move the teacher towards the student: parameters, and the running statistics of its BN layers alike."""
    ours = student.state_dict()
    with torch.no_grad():
        for name, value in teacher.state_dict().items():
            value.lerp_(ours[name], 1 - momentum) if value.is_floating_point() else value.copy_(ours[name])


class Distillation(nn.Module):
    """A student and its teacher; `loss(images)` is what a step descends."""

    centre: Tensor

    def __init__(self) -> None:
        super().__init__()
        network = ResidualNetwork()
        self.student = nn.Sequential(network, Head(network.size))
        self.teacher = copy.deepcopy(self.student).requires_grad_(False)
        self.register_buffer("centre", torch.zeros(PROTOTYPES))

    def loss(self, images: Tensor) -> Tensor:
        """Mean `cross_entropy` over all pairs of a global view, seen by the teacher, and another view."""
        follow(self.teacher, self.student, FOLLOWS)  # after the step before
        wide, narrow = ([view(images, *how[:3]) for _ in range(how[3])] for how in (GLOBAL, LOCAL))
        with torch.no_grad():
            answers = self.teacher(torch.cat(wide)).chunk(len(wide))
        guesses = [logits for views in (wide, narrow) for logits in self.student(torch.cat(views)).chunk(len(views))]
        losses = [
            cross_entropy(answer, guess, self.centre)
            for number, answer in enumerate(answers)
            for other, guess in enumerate(guesses)
            if number != other
        ]
        self.centre.lerp_(torch.cat(answers).mean(0), 1 - CENTRE_FOLLOWS)
        return torch.stack(losses).mean()


def view(images: Tensor, pixels: int, smallest: float, largest: float) -> Tensor:
    """A random part of each image, `(N, 1, pixels, pixels)`, turned, slanted, with other strokes, light and noise.

    `smallest` and `largest` are the part's share of the image's area. Without other slants and strokes the networks
    would tell hands apart, not digits.
    """

    def between(low: float, high: float, *shape: int) -> Tensor:
        return torch.empty(len(images), *shape).uniform_(low, high)

    side, stretch = between(smallest, largest).sqrt(), between(-0.15, 0.15).exp()
    angle, slant = between(-math.pi / 12, math.pi / 12), between(-0.3, 0.3)
    turn = torch.stack([angle.cos(), -angle.sin(), angle.sin(), angle.cos()], 1).view(-1, 2, 2)
    scale = torch.stack([side * stretch, side * slant, 0 * side, side / stretch], 1).view(-1, 2, 2)
    place = between(-1, 1, 2) * (1 - side)[:, None]
    where = torch.cat([turn @ scale, place[..., None]], 2)
    grid = F.affine_grid(where, [len(images), 1, pixels, pixels], align_corners=False)
    part = F.grid_sample(images, grid.to(images), padding_mode="border", align_corners=False)
    wider, thinner = F.max_pool2d(part, 3, 1, 1), -F.max_pool2d(-part, 3, 1, 1)
    stroke, gain, offset = (between(-1, 1, 1, 1, 1).to(images) for _ in range(3))
    part = part + 0.7 * (stroke.relu() * (wider - part) + (-stroke).relu() * (thinner - part))
    return part * (1 + 0.4 * gain) + 0.2 * offset + 0.05 * torch.randn_like(part)
