"""The figures of pages: made light, and drawn once with the words of each other language."""

import importlib.util
import io
import json
from collections.abc import Mapping
from functools import cache
from hashlib import sha256
from importlib import metadata
from pathlib import Path

from matplotlib import rc_context
from PIL import Image

from bncourse.course.files import write_whole
from bncourse.course.language import PLACE, Translate, read
from bncourse.lab import stored_figures
from bncourse.publishing import site
from bncourse.publishing.sentences import numbers_apart

DRAWN = site.BUILD / "figures"
FONT = "matplotlib-fontja"  # the package that has the letters


def has_font() -> bool:
    """Whether the letters of the other language can be drawn."""
    return importlib.util.find_spec(FONT.replace("-", "_")) is not None


def light(picture: bytes) -> bytes:
    """A PNG with 256 colours, enough for our figures and half as heavy; one that has no more stays as it is."""
    with Image.open(io.BytesIO(picture)) as image:
        if image.mode == "P":
            return picture
        few = image.convert("RGB").quantize(256, Image.Quantize.MAXCOVERAGE)  # or it loses rare colours
    saved = io.BytesIO()
    few.save(saved, "PNG", optimize=True)
    return saved.getvalue()


def in_language(figure: str, catalogue: Path) -> bytes | None:
    """The PNG of a kept figure with the words of a catalogue; None where it stays the picture that it is.

    What was drawn is kept in `_build/figures`, by a digest of all that it follows from.
    """
    if not catalogue.is_file() or not has_font():
        return None
    words = read(catalogue)
    digest = sha256(f"{_drawn_by()} {figure} {json.dumps(words)}".encode()).hexdigest()
    path = DRAWN / f"{digest[:32]}.png"
    if not path.is_file():
        with rc_context({"text.hinting": "force_autohint"}):  # or small letters of many strokes lose some
            picture = stored_figures.redrawn(figure, words_of(words))
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, light(picture) if picture else b"")
    return path.read_bytes() or None


def words_of(messages: Mapping[str, str]) -> Translate:
    """A function from a label to the same in the other language, with the numbers that it has."""

    def translate(label: str) -> str:
        key, numbers = numbers_apart(label)
        return PLACE.sub(lambda place: numbers[int(place[1])], messages[key]) if key in messages else label

    return translate


@cache
def _drawn_by() -> str:
    """What a picture follows from besides its figure and its words."""
    code = sha256(b"".join(Path(file).read_bytes() for file in (stored_figures.__file__, __file__))).hexdigest()
    return " ".join([code, *(metadata.version(name) for name in ("matplotlib", FONT))])
