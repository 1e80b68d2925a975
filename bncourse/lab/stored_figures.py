"""Figures kept with their pictures on a page, so that they can be drawn again with the words of another language."""

import base64
import importlib.util
import io
import pickle
import zlib
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
from matplotlib import font_manager
from matplotlib.figure import Figure
from matplotlib.text import Text

KEY = "figure"  # in the metadata of a picture


def keep_figures() -> None:
    """Put each figure that a cell shows, pickled, into the metadata of its picture; one that cannot be is not kept."""
    from IPython import get_ipython

    if (shell := get_ipython()) is None:
        return
    plt.switch_backend(plt.get_backend())  # which would otherwise set its printer up with the first figure
    formatter = shell.display_formatter.formatters["image/png"]
    draw = formatter.type_printers.get(Figure)
    if draw is None or getattr(draw, "keeps", False):
        return

    def draw_and_keep(figure: Figure) -> tuple[Any, dict[str, Any]]:
        picture = draw(figure)
        data, metadata = picture if isinstance(picture, tuple) else (picture, {})
        try:
            stored = base64.b64encode(zlib.compress(pickle.dumps(figure), 9)).decode()
        except (pickle.PicklingError, AttributeError, TypeError):
            return data, metadata
        return data, {**metadata, KEY: stored}

    draw_and_keep.keeps = True  # type: ignore[attr-defined]
    formatter.for_type(Figure, draw_and_keep)


def texts_of(stored: str) -> list[str]:
    """The words of a kept figure, in the order in which they are drawn."""
    figure = _drawn(stored)
    plt.close(figure)
    return list(dict.fromkeys(text for _, text in _texts(figure)))


def redrawn(stored: str, translate: Callable[[str], str]) -> bytes | None:
    """The PNG of a kept figure with other words; None where none of them changes, or no font for them is installed."""
    figure = _drawn(stored)
    try:
        changed = [(text, translate(words)) for text, words in _texts(figure) if translate(words) != words]
        if not changed or (family := _japanese()) is None:
            return None
        for axis in [axis for ax in figure.axes for axis in (ax.xaxis, ax.yaxis)]:
            labels = [label.get_text() for label in axis.get_ticklabels()]
            if (words := [translate(label) for label in labels]) != labels:
                axis.set_ticks(axis.get_ticklocs(), words)
        for text in figure.findobj(Text):
            text.set_text(translate(text.get_text()))
            text.set_fontfamily(["DejaVu Sans", family])
        picture = io.BytesIO()
        figure.savefig(picture, format="png", bbox_inches="tight")
        return picture.getvalue()
    finally:
        plt.close(figure)


def _drawn(stored: str) -> Figure:
    figure: Figure = pickle.loads(zlib.decompress(base64.b64decode(stored)))
    figure.draw_without_rendering()  # which gives ticks their labels
    return figure


def _texts(figure: Figure) -> Iterator[tuple[Text, str]]:
    for text in figure.findobj(Text):
        if text.get_text().strip():
            yield text, text.get_text()


@cache
def _japanese() -> str | None:
    """The name of a font that has Japanese letters, if its package is installed."""
    package = importlib.util.find_spec("matplotlib_fontja")
    if package is None or package.origin is None:
        return None
    font = next(Path(package.origin).parent.rglob("*.ttf"))
    font_manager.fontManager.addfont(font)
    return font_manager.FontProperties(fname=font).get_name()
