"""What the figures share: a style that is readable in grey and by colour-blind readers, and three plots."""

import matplotlib.pyplot as plt
import numpy as np
from cycler import cycler
from scipy import stats

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


def use_style():
    """Draw every figure from here on in the style of the book."""
    plt.rcParams.update(STYLE)


def confidence_interval(values):
    """Half width of the 95 % confidence interval of the mean of `values` `(S,)` (Student's t); of one, nan."""
    values = np.asarray(values, dtype=float)
    count = len(values)
    if count < 2:
        return float("nan")
    return float(stats.t.ppf(0.975, count - 1) * values.std(ddof=1) / np.sqrt(count))


def plot_seeds(ax, x, runs, label, index=0):
    """Draw `runs` `(S, T)` over `x` `(T,)`: every seed thin, the mean thick, in colour and dashes `index`."""
    runs = np.asarray(runs)
    ax.plot(x, runs.T, color=COLOURS[index], linestyle="-", linewidth=0.8, alpha=0.35)
    ax.plot(x, runs.mean(0), color=COLOURS[index], linestyle=LINES[index], linewidth=2.5, label=label)


def plot_groups(ax, groups, label, index=0, of=1):
    """Draw `groups`, a list of `(S,)`, as series `index` of `of`: each seed a small mark, the mean a bar."""
    places = np.arange(len(groups)) + (index - (of - 1) / 2) * 0.8 / of
    for place, values in zip(places, groups):
        spread = np.linspace(-0.15, 0.15, len(values)) / of
        ax.plot(place + spread, values, MARKERS[index], color=COLOURS[index], markersize=4, alpha=0.5)
    means = [np.mean(values) for values in groups]
    ax.hlines(means, places - 0.3 / of, places + 0.3 / of, color=COLOURS[index], linewidth=2.5)
    ax.plot([], [], MARKERS[index], color=COLOURS[index], label=label)


def image_strip(images, titles=None, rows=1):
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
