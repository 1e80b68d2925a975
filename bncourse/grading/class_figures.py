"""The figures of class.html, as SVG that stands inside the page and takes its colours in light and dark."""

import io
import re

import matplotlib as mpl
from markupsafe import Markup, escape
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from bncourse.checking.terminal import SAID
from bncourse.figures import COLOURS, STYLE

TEXT = {"svg.fonttype": "none", "hatch.linewidth": 0.7}  # text stays text

# Each status has its own colour and its own hatching.
LOOKS = {
    "solved": (COLOURS[0], ""),
    "failed": (COLOURS[1], "///"),
    "error": (COLOURS[3], "xxx"),
    "unsolved": (COLOURS[4], "|||"),
    "missing": ("none", ""),
}


def histogram(percents):
    """How many students have which share of all points; `percents` in [0, 100]."""
    counts = [0] * 10
    for percent in percents:
        counts[min(int(percent // 10), 9)] += 1
    with mpl.rc_context(STYLE | TEXT):
        figure = Figure(figsize=(4.2, 2.5))
        ax = figure.subplots()
        ax.bar(range(5, 100, 10), counts, width=9, color=COLOURS[0])
        ax.set(xlabel="share of all points [%]", ylabel="students", xticks=range(0, 101, 20), xlim=(-2, 102))
        ax.yaxis.get_major_locator().set_params(integer=True)
        words = ", ".join(f"{10 * i} to {10 * i + 10} %: {count}" for i, count in enumerate(counts))
        return _inline(figure, "totals", "Histogram of the points", f"Students by share of all points. {words}.")


def shares(exercises):
    """Mean share of full points by exercise; `exercises` are rows of the table below it, with `id` and `share`."""
    with mpl.rc_context(STYLE | TEXT):
        figure, ax = _bars(exercises)
        values = [100 * one["share"] for one in exercises]
        ax.barh(range(len(values)), values, color=COLOURS[0], height=0.7)
        for place, value in enumerate(values):
            ax.text(value + 1, place, f"{value:.0f}", va="center", fontsize=9)
        ax.set(xlabel="mean share of its points [%]", xlim=(0, 108), xticks=range(0, 101, 25))
        words = ", ".join(f"{one['id']}: {100 * one['share']:.0f} %" for one in exercises)
        return _inline(figure, "shares", "Points by exercise", f"Mean share of full points. {words}.")


def statuses(exercises):
    """How the answers to each exercise stand, as stacked bars; `exercises` have `id` and `counts` by status."""
    with mpl.rc_context(STYLE | TEXT):
        figure, ax = _bars(exercises, legend=0.68)
        left, keys = [0.0] * len(exercises), []
        for status, (colour, hatch) in LOOKS.items():
            part = [100 * one["counts"][status] / max(1, sum(one["counts"].values())) for one in exercises]
            look = {"facecolor": colour, "hatch": hatch, "edgecolor": "black", "linewidth": 0.6}
            keys.append(Patch(label=SAID[status], **look))
            for bar in ax.barh(range(len(part)), part, left=left, height=0.7, **look):
                bar.set_visible(bar.get_width() > 0)
            left = [sum(pair) for pair in zip(left, part)]
        ax.set(xlabel="students [%]", xlim=(0, 100), xticks=range(0, 101, 25))
        figure.legend(handles=keys, loc="outside upper left", ncols=2, fontsize=9, handlelength=1.6, columnspacing=1.2)
        words = "; ".join(f"{one['id']}: {_said(one['counts'])}" for one in exercises)
        return _inline(figure, "statuses", "Answers by exercise", f"Number of students. {words}.")


def _said(counts):
    return ", ".join(f"{counts[status]} {SAID[status]}" for status in LOOKS if counts[status])


def _bars(exercises, legend=0.0):
    figure = Figure(figsize=(4.2, 0.8 + legend + 0.24 * len(exercises)))
    ax = figure.subplots()
    ax.set_yticks(range(len(exercises)), [one["id"] for one in exercises])
    ax.set_ylim(len(exercises) - 0.4, -0.6)
    ax.tick_params(axis="y", length=0)
    return figure, ax


def _inline(figure, name, title, words):
    """The figure as an <svg> with title and description; its ids are its own in the page, its black is currentColor."""
    file = io.StringIO()
    figure.savefig(file, format="svg", transparent=True, metadata={"Date": None})
    svg = re.sub(r".*?<svg [^>]*?(viewBox=\"[^\"]*\")[^>]*>", r"\1>", file.getvalue(), count=1, flags=re.S)
    svg = re.sub(r"<metadata>.*?</metadata>|<style.*?</style>|<!--.*?-->", "", svg, flags=re.S)
    svg = re.sub(r"<g id=\"[^\"]*\"", "<g", svg)
    svg = re.sub(r"(\bid=\"|url\(#|href=\"#)", rf"\g<1>{name}-", svg).replace("#000000", "currentColor")
    opening = (
        '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" role="img" '
        f'aria-labelledby="{name}-title {name}-desc" '
    )
    described = f'>\n<title id="{name}-title">{escape(title)}</title><desc id="{name}-desc">{escape(words)}</desc>'
    return Markup(opening + svg.replace(">", described, 1))
