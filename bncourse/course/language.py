"""The language in which the course speaks: English sentences are the keys of the catalogues in `locale/`.

Inside, in results, grades and JSON, all stays English; it is translated where it is shown. A catalogue is a PO file,
read as it is: `locale/ja/LC_MESSAGES/checks/03_normalize.po` for the sentences of a chapter's checks.
"""

import ast
import os
import re
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path

from bncourse.course.errors import CourseError
from bncourse.course.paths import ROOT, WORK

LOCALE = ROOT / "locale"
ENGLISH = "en"
NOTE = WORK / ".language"  # what the learner chose, noted by `make lab LANGUAGE=ja`
ENTRY = re.compile(r'^msgid ((?:".*"\s*)+)^msgstr ((?:".*"\s*)+)', re.M)
PLACE = re.compile(r"\{(\d+)\}")  # where a sentence has a value

Translate = Callable[[str], str]


def languages() -> list[str]:
    """The codes of all languages that the course has: "en", and those that have a folder in `locale/`."""
    return [ENGLISH, *sorted(path.name for path in LOCALE.glob("*") if path.is_dir())]


def known(language: str) -> str:
    """The language, if the course has it; else CourseError."""
    if language not in languages():
        raise CourseError(f"there is no language '{language}'; the course has {', '.join(languages())}")
    return language


def chosen() -> str:
    """The learner's language: BNCOURSE_LANG, else what they noted in work/, else English; never the system's."""
    noted = NOTE.read_text(encoding="utf-8").strip() if NOTE.is_file() else ""
    name = os.environ.get("BNCOURSE_LANG") or noted
    return name if name in languages() else ENGLISH


def folder_of(language: str) -> Path:
    """Where the catalogues of a language are."""
    return LOCALE / language / "LC_MESSAGES"


def translator(language: str, *catalogues: str) -> Translate:
    """A function from an English sentence to the same in another language; what no catalogue knows stays English.

    Catalogues are named as in "checks/03_normalize". A sentence with values in it is found by its pattern, such as
    "The result has shape {0} instead of {1}."; a value that is itself a known sentence is translated, too.
    """
    if language == ENGLISH:
        return str
    messages, patterns = _catalogue(language, catalogues)

    def translate(sentence: str) -> str:
        if sentence in messages:
            return messages[sentence]
        for pattern, translation in patterns:
            if match := pattern.fullmatch(sentence):
                values = match.groupdict()
                return PLACE.sub(lambda place: translate(values[f"_{place[1]}"]), translation)  # noqa: B023
        return sentence

    return translate


def of_checks(language: str, chapter: str) -> Translate:
    """The translator of all that a check says of an answer to an exercise of a chapter."""
    return translator(language, "checks/report", f"checks/{chapter}")


@cache
def _catalogue(language: str, names: tuple[str, ...]) -> tuple[Mapping[str, str], list[tuple[re.Pattern[str], str]]]:
    """The messages of some catalogues, and the patterns of those with values in them, the most particular first."""
    messages: dict[str, str] = {}
    for name in names:
        path = folder_of(language) / f"{name}.po"
        messages |= read(path) if path.is_file() else {}
    with_values = [key for key in messages if PLACE.search(key) and re.search(r"\w", PLACE.sub("", key))]
    with_values.sort(key=lambda key: -len(PLACE.sub("", key)))
    return messages, [(_pattern(key), messages[key]) for key in with_values]


def _pattern(key: str) -> re.Pattern[str]:
    """The pattern of a sentence with values at {0}, {1}, …; equal numbers stand for equal values."""
    parts, seen = "", set()
    for i, part in enumerate(PLACE.split(key)):
        if i % 2 == 0:
            parts += re.escape(part)
        else:
            parts += f"(?P=_{part})" if part in seen else f"(?P<_{part}>.+?)"
            seen.add(part)
    return re.compile(parts, re.S)


def read(path: Path) -> dict[str, str]:
    """{message: translation} of a PO file, without what is fuzzy, untranslated or obsolete."""
    messages: dict[str, str] = {}
    for block in path.read_text(encoding="utf-8").split("\n\n"):
        if "\n#, fuzzy" in f"\n{block}" or not (match := ENTRY.search(block)):
            continue
        key, translation = (ast.literal_eval(f"({lines})") for lines in match.groups())
        if key and translation:
            messages[key] = translation
    return messages
