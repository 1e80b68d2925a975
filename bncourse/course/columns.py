"""Text in the columns of a terminal, where a Japanese letter takes two cells."""

import re
import textwrap
import unicodedata

STAYS = "、。）」"  # marks that begin no line


def cells_of(text: str) -> int:
    """How many cells of a terminal a text takes: a Japanese letter takes two."""
    return sum(1 + (unicodedata.east_asian_width(sign) in "WF") for sign in text)


def lines_of(text: str, width: int) -> list[str]:
    """The lines of a paragraph, at most `width` cells wide; Japanese breaks between any two letters."""
    if cells_of(text) == len(text):
        return textwrap.wrap(text, width)
    lines = [""]
    for part in re.findall(r"[\x21-\x7e]+|.", text):
        if cells_of(lines[-1] + part) > width and part not in STAYS:
            lines.append("")
        lines[-1] += part
    return [line.strip() for line in lines]
