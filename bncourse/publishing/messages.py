"""The catalogues of the other languages, kept in step with the English sources: python -m bncourse messages.

Pages are read by Sphinx's gettext builder, everything else by `sentences`. A catalogue is written in one form only:
in the order of its sources, without dates and line numbers, each message on one line.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

from nbformat import NotebookNode

from bncourse.authoring.sources import stems
from bncourse.course import curriculum
from bncourse.course.errors import CourseError
from bncourse.course.files import write_whole
from bncourse.course.language import ENGLISH, folder_of, languages
from bncourse.course.paths import ROOT
from bncourse.publishing import sentences, site
from bncourse.publishing.sentences import Message
from bncourse.publishing.translations import has_words

JOINTS = ("site", "cells", "grading", "ledger")  # catalogues with joints of texts, such as ", ", which have no words
TEMPLATES = site.BUILD / "gettext" / "templates"
HEADER = 'msgid ""\nmsgstr "Language: {language}\\nContent-Type: text/plain; charset=utf-8\\n"\n\n'


@dataclass(frozen=True)
class State:
    """How far a catalogue is translated: its file, and how many messages are in it, empty, and fuzzy."""

    path: Path
    messages: int
    empty: int
    fuzzy: int

    def __str__(self) -> str:
        if not self.path.exists():
            return f"missing, {self.messages} messages"
        if self.empty or self.fuzzy:
            return f"{self.messages} messages, {self.empty} to translate, {self.fuzzy} to look at again"
        return f"{self.messages} messages, complete"


def update_all(started: Sequence[str] = (), pages: bool = True) -> Iterator[State]:
    """Bring the catalogues of all languages up to date, and say of each how far it is.

    One that is not there is written only if it is among `started`, such as "checks/03_normalize", or that is "all".
    `pages` says whether the book is read as well, which takes longest.
    """
    catalogues = dict(of_code())
    if pages:
        catalogues |= dict(of_pages())
    if unknown := set(started) - {"all"} - set(catalogues):
        raise CourseError(f"there is no catalogue {min(unknown)}; there are {', '.join(catalogues)}")
    for language in languages():
        for name, messages in catalogues.items() if language != ENGLISH else ():
            path = folder_of(language) / f"{name}.po"
            if path.exists() or {"all", name} & set(started):
                yield update(language, name, messages)
            else:
                yield State(path, len({message.text for message in messages}), 0, 0)


def of_code() -> Iterator[tuple[str, list[Message]]]:
    """(catalogue, its messages) of checks, notebooks and site: all that is found without Sphinx."""
    yield "checks/report", list(sentences.of_package())
    for chapter in curriculum.chapters():
        yield f"checks/{chapter}", list(sentences.of_checks(chapter))
    yield "exercises/common", list(sentences.of_all_notebooks())
    for stem in stems():
        yield f"exercises/{stem}", list(sentences.of_notebook(stem))
    yield "commands", list(sentences.of_commands())
    yield "grading", list(sentences.of_grading())
    yield "site", list(sentences.of_site())
    yield "ledger", list(sentences.of_ledger())
    yield "cells", list(sentences.of_cells())


def of_pages() -> Iterator[tuple[str, list[Message]]]:
    """(catalogue, its messages) of each page of the book, as the gettext builder finds them, and of its figures."""
    from babel.messages.pofile import read_po

    site.build(builder="gettext", output=TEMPLATES)
    for path in sorted(TEMPLATES.glob("book/*.pot")):
        with path.open("rb") as file:
            messages = [message for message in read_po(file) if message.id]
        places = [message.locations[0][0] for message in messages]
        relative = [place[place.find("book/") :] if "book/" in place else place for place in places]
        entries = [Message(str(message.id), place) for message, place in zip(messages, relative)]
        yield f"book/{path.stem}", entries
    for path, executed in executed_pages():
        if entries := list(sentences.of_figures(path, executed)):
            yield f"figures/{path.stem}", entries


def executed_pages() -> Iterator[tuple[Path, NotebookNode]]:
    """The pages with cells, and the same with the outputs that the last build left in the cache.

    The notebooks that MyST-NB writes would have outputs only where it has executed them itself.
    """
    from bncourse.publishing import execution, keys

    page_keys = keys.PageKeys()
    for path in sorted((ROOT / "book").glob("*.md")):
        if text := page_keys.keyed(path.read_text("utf8")):
            yield path, execution.executed(execution.Page(path, text), site.CACHE)


def update(language: str, name: str, messages: Iterable[Message]) -> State:
    """Write a catalogue anew: what is translated stays, what is like it comes as fuzzy, what has no words is filled."""
    from babel.messages.catalog import Catalog
    from babel.messages.pofile import read_po, write_po

    template = Catalog(fuzzy=False)
    for message in messages:
        if has_words(message.text) or name.startswith(("book", "exercises", *JOINTS)):
            kinds = [message.kind] if message.kind else []
            template.add(message.text, locations=[(message.place, 0)], auto_comments=kinds)
    path = folder_of(language) / f"{name}.po"
    catalogue = Catalog(locale=language)
    if path.exists():
        catalogue = read_po(BytesIO(path.read_bytes()), locale=language)
    if name.startswith("figures"):  # where words depend on what a machine measured, such as "at least {0} times"
        for old in [old for old in catalogue if old.id and old.string and old.id not in template]:
            template.add(old.id, locations=old.locations, auto_comments=old.auto_comments)
    catalogue.update(template, update_header_comment=False, update_creation_date=False)
    empty = fuzzy = 0
    for entry in catalogue:
        # Babel takes "1 % of" for a place of Python's; editors of PO files would then refuse "1%の".
        entry.flags -= {"python-format", "python-brace-format"}
        if entry.id and not has_words(str(entry.id)) and name not in JOINTS:
            entry.string = entry.id if entry.fuzzy else entry.string or entry.id
            entry.flags.discard("fuzzy")
        empty += bool(entry.id and not entry.string)
        fuzzy += bool(entry.id and entry.fuzzy)
    catalogue.header_comment, catalogue.fuzzy = "", False
    written = BytesIO()
    write_po(written, catalogue, width=0, omit_header=True, include_lineno=False, ignore_obsolete=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, (HEADER.format(language=language) + written.getvalue().decode()).rstrip() + "\n")
    return State(path, len(catalogue), empty, fuzzy)
