"""What the HTML pages and tables of a class share: templates, titles, and the strings of strangers made harmless."""

import json
import re
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from bncourse.course.paths import EXERCISES

# Characters that show nothing, or move what stands around them: controls, marks of direction, lone surrogates.
HIDDEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u061c\u115f\u1160\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\u3164"
    "\ud800-\udfff\ufeff\ufff9-\uffff\U000e0000-\U000e0fff]"
)


def harmless(text: object, most: int = 4000) -> str:
    """A stranger's text as it may be shown: hidden characters as their escapes, at most so many characters."""
    text = str(text)
    shown = HIDDEN.sub(lambda match: match[0].encode("unicode_escape").decode(), text[:most].replace("\r\n", "\n"))
    return shown if len(text) <= most else f"{shown} … ({len(text):,} characters in all)"


def one_line(text: object, most: int = 200) -> str:
    """The same on one line."""
    return harmless(" ".join(str(text)[: 2 * most].split()), most)


@cache
def _templates() -> Environment:
    files = FileSystemLoader(Path(__file__).parent / "templates")
    templates = Environment(
        loader=files, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    templates.filters |= {"harmless": harmless, "one_line": one_line, "anchor": anchor}
    templates.globals["title_of"] = title_of
    return templates


def render(template: str, **values: object) -> str:
    """A page from a template; every value is escaped unless it is Markup."""
    return _templates().get_template(template).render(values)


def anchor(exercise_id: str) -> str:
    """Where an exercise stands on a page: "3.1" -> "ex-3-1"."""
    return f"ex-{exercise_id.replace('.', '-')}"


def title_of(name: str) -> str:
    """The title of a chapter "3" or an exercise "3.1", as its notebook has it; empty where there is none."""
    return _titles().get(name, "")


@cache
def _titles() -> dict[str, str]:
    titles = {}
    for path in sorted(EXERCISES.glob("*.ipynb")):
        for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
            first = "".join(cell["source"]).partition("\n")[0]
            heading = re.match(r"# Exercises (\d+): (.+)|##+ (\d+\.\d+) (.+)", first)
            if heading and cell["cell_type"] == "markdown":
                titles[heading[1] or heading[3]] = (heading[2] or heading[4]).replace("`", "")
    return titles
