"""What the figures share: a style that is readable in grey and by colour-blind readers, and three plots."""

import os
from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
from cycler import cycler
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from bncourse.lab.stored_figures import keep_figures

# Okabe and Ito's palette; each colour has its own dashes and marker, for print in grey.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#000000")
LINES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)), (0, (1, 1)))
MARKERS = ("o", "s", "^", "D", "v", "x")

STYLE = {
    "axes.prop_cycle": cycler(color=COLOURS, linestyle=LINES),
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 11,
    "figure.constrained_layout.use": True,
    "figure.figsize": (7, 3.4),
    "font.size": 10,
    "image.cmap": "gray",
    "image.interpolation": "nearest",
    "legend.frameon": False,
    "lines.linewidth": 2,
    "svg.hashsalt": "bncourse",
}


def use_style() -> None:
    """Draw every figure from here on in the style of the book; on a page, keep each for other languages, too."""
    plt.style.use(STYLE)
    if os.environ.get("BNCOURSE_PAGE"):
        keep_figures()


def plot_seeds(ax: Axes, x: ArrayLike, runs: ArrayLike, label: str, index: int = 0) -> None:
    """Draw `runs` `(S, T)` over `x` `(T,)`: every seed thin, the mean thick, in colour and dashes `index`."""
    runs = np.asarray(runs)
    ax.plot(x, runs.T, color=COLOURS[index], linestyle="-", linewidth=0.8, alpha=0.35)
    ax.plot(x, runs.mean(0), color=COLOURS[index], linestyle=LINES[index], linewidth=2.5, label=label)


def plot_groups(ax: Axes, groups: Sequence[Sequence[float]], label: str, index: int = 0, of: int = 1) -> None:
    """Draw `groups`, a list of `(S,)`, as series `index` of `of`: each seed a small mark, the mean a bar."""
    middles = np.arange(len(groups)) + (index - (of - 1) / 2) * 0.8 / of
    for middle, values in zip(middles, groups):
        spread = np.linspace(-0.15, 0.15, len(values)) / of
        ax.plot(middle + spread, values, MARKERS[index], color=COLOURS[index], markersize=4, alpha=0.5)
    means = [np.mean(values) for values in groups]
    ax.hlines(means, middles - 0.3 / of, middles + 0.3 / of, color=COLOURS[index], linewidth=2.5)
    ax.plot([], [], MARKERS[index], color=COLOURS[index], label=label)


def image_strip(images: Sequence[ArrayLike], titles: Sequence[str] | None = None, rows: int = 1) -> Figure:
    """A figure of `images` `(K, H, W)`, `(K, 1, H, W)` or `(K, 3, H, W)` in [0, 1], in `rows` rows."""
    columns = -(-len(images) // rows)
    size = min(7 / columns, 1.4)
    figure, axes = plt.subplots(rows, columns, figsize=(columns * size, rows * (size + 0.3)), squeeze=False)
    for ax in axes.flat:
        ax.axis("off")
    for number, (ax, image) in enumerate(zip(axes.flat, images)):
        image = np.asarray(image)
        image = image.squeeze(0) if image.shape[0] == 1 else image
        ax.imshow(image.transpose(1, 2, 0) if image.ndim == 3 else image, vmin=0, vmax=1)
        if titles:
            ax.set_title(titles[number])
    return figure
