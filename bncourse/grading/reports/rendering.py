"""What the HTML pages and tables of a class share: templates, titles, and the strings of strangers made harmless."""

import json
import re
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from bncourse.course import curriculum
from bncourse.course.language import ENGLISH, Translate, of_checks, translator
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
    return templates


def render(template: str, language: str = ENGLISH, **values: object) -> str:
    """A page from a template, in a language; every value is escaped unless it is Markup.

    What stands in the template itself is no stranger's text, nor is its translation: `_` gives Markup. Sentences of
    rows go through `said`, those of checks through `check_says`, which give text.
    """
    own = words(language)
    spoken: dict[str, object] = {
        "language": language,
        "_": lambda text: Markup(own(text)),
        "said": own,
        "check_says": lambda exercise_id, sentence: check_words(language, exercise_id)(sentence),
        "title_of": lambda name: title_of(name, language),
    }
    return _templates().get_template(template).render(spoken | values)


def words(language: str) -> Translate:
    """The translator of what grading says: a sentence, or what stands before and behind a file's name and colon."""
    _ = translator(language, "grading", "checks/report")

    def translate(text: str) -> str:
        before, _colon, behind = text.partition(": ")
        if (translation := _(text)) != text or (_(before), _(behind)) == (before, behind):
            return translation
        return _("{before}: {behind}").format(before=_(before), behind=_(behind))

    return translate


def check_words(language: str, exercise_id: str) -> Translate:
    """The translator of what the checks of an exercise say."""
    exercise = curriculum.exercises().get(exercise_id)
    return of_checks(language, exercise.chapter) if exercise else str


def anchor(exercise_id: str) -> str:
    """Where an exercise stands on a page: "3.1" -> "ex-3-1"."""
    return f"ex-{exercise_id.replace('.', '-')}"


def title_of(name: str, language: str = ENGLISH) -> str:
    """The title of a chapter "3" or an exercise "3.1", as its notebook has it; empty where there is none."""
    return _titles(ENGLISH).get(name, "") if language == ENGLISH else _titles(language).get(name) or title_of(name)


@cache
def _titles(language: str) -> dict[str, str]:
    titles = {}
    folder = EXERCISES if language == ENGLISH else EXERCISES / language
    for path in sorted(folder.glob("*.ipynb")):
        for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
            first = "".join(cell["source"]).partition("\n")[0]
            heading = re.match(r"# \D*(\d+)(?:: |：)(.+)|##+ (\d+\.\d+) (.+)", first)
            if heading and cell["cell_type"] == "markdown":
                titles[heading[1] or heading[3]] = (heading[2] or heading[4]).replace("`", "")
    return titles
