"""Exercise notebooks in another language: the same cells under the same ids, their text from a catalogue."""

import ast
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from markdown_it import MarkdownIt
from mdit_py_plugins.dollarmath import dollarmath_plugin
from mdit_py_plugins.myst_role import myst_role_plugin
from nbformat import NotebookNode

from bncourse.authoring import sources
from bncourse.course import curriculum
from bncourse.course.files import write_whole
from bncourse.course.language import ENGLISH, Translate, folder_of, languages, translator
from bncourse.course.paths import EXERCISES

PARSER = MarkdownIt("commonmark").enable("table").use(dollarmath_plugin).use(myst_role_plugin)
ITEM = re.compile(r"\n+(?=- |\d+\. )")
POINTS = re.compile(r"\*(\d+) points\*")


def folder(language: str) -> Path:
    """Where the exercise notebooks of a language are."""
    return EXERCISES if language == ENGLISH else EXERCISES / language


def notebook(stem: str, language: str) -> Path:
    """A chapter's exercise notebook in a language, or the English one where there is none."""
    own = folder(language) / f"{stem}.ipynb"
    return own if own.is_file() else EXERCISES / f"{stem}.ipynb"


def translated(language: str) -> list[str]:
    """The chapters whose notebooks a language has catalogues for."""
    return [stem for stem in sources.stems() if (folder_of(language) / "exercises" / f"{stem}.po").is_file()]


def write_notebooks(names: Sequence[str] = ()) -> Iterator[Path]:
    """Write the exercise notebooks of the named chapters, or of all, in each language that has catalogues for them."""
    import nbformat

    chosen = curriculum.find_chapters(names) if names else sources.stems()
    for language in languages()[1:]:
        for stem in (stem for stem in translated(language) if stem in chosen):
            path = folder(language) / f"{stem}.ipynb"
            sources.refuse_if_edited(path)
            path.parent.mkdir(exist_ok=True)
            write_whole(path, nbformat.writes(build(stem, language)) + "\n")
            yield path


def build(stem: str, language: str) -> NotebookNode:
    """A chapter's exercise notebook in a language; ids, roles and points are those of the English one."""
    made = sources.build_exercise(stem)
    _ = translator(language, "exercises/common", f"exercises/{stem}")
    for cell in made.cells:
        if cell.cell_type == "markdown":
            cell.source = in_language(cell.source, _, stem)
        else:
            for words in docstrings(cell.source):
                cell.source = cell.source.replace(f'"""{words}"""', f'"""{_(words)}"""')
    return sources.sealed(made, stem)


def in_language(text: str, _: Translate, stem: str = "") -> str:
    """Markdown with each of its messages translated; `stem` is the chapter's that the note on copies names."""

    def in_words(message: str) -> str:
        if points := POINTS.fullmatch(message):
            return _("*{points} points*").format(points=points[1])
        if stem and f"solutions/{stem}.py" in message:
            return _(message.replace(stem, "{stem}")).replace("{stem}", stem)
        return _(message)

    return "\n\n".join("\n".join(map(in_words, block)) for block in blocks(text))


def blocks(text: str) -> list[list[str]]:
    """The blocks of a Markdown text, each with its messages: a paragraph or heading in one line, a list's items."""
    lines = text.splitlines()
    groups = []
    for token in PARSER.parse(text):
        if token.level == 0 and token.map and token.nesting >= 0:
            part = "\n".join(line.rstrip() for line in lines[slice(*token.map)]).strip("\n")
            if token.type in ("paragraph_open", "heading_open"):
                groups.append([" ".join(part.split())])
            elif token.type in ("bullet_list_open", "ordered_list_open"):
                groups.append([" ".join(item.split()) for item in ITEM.split(part)])
            else:
                groups.append([part])
    return groups


def docstrings(source: str) -> list[str]:
    """The docstrings in one line that a cell of code holds."""
    try:
        tree = ast.parse(source)
    except SyntaxError:
        return []
    kinds = (ast.FunctionDef, ast.ClassDef)
    texts = [ast.get_docstring(node, clean=False) for node in ast.walk(tree) if isinstance(node, kinds)]
    return [words for words in texts if words and "\n" not in words]
