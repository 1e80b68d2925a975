"""What the sources of checks, mistakes, package, pages and drawings say to a reader, found without running them."""

import ast
import itertools
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import yaml
from nbformat import NotebookNode

from bncourse.authoring import editions, sources
from bncourse.checking.status import Status
from bncourse.course.paths import CHECKS, MISTAKES, RESULTS, ROOT
from bncourse.ledger.entries import PARITY
from bncourse.ledger.verdicts import Agreement, Verdict
from bncourse.publishing import glued

PACKAGE = ("authoring/sources.py", "checking/*.py", "course/*.py")  # whose errors and reports learners read
LEDGER = ("ledger_directives", "measurements", "ledger_tables")  # what the site's ledger is made by
ERRORS = ("AnswerMissing", "AssertionError", "CheckFailed", "CourseError", "Mismatch", "TimeUp")
SAID = re.compile(r"[\w{}']+( [\w{}]+){2,}.*[a-z}.]", re.S)  # three words of plain text at its beginning
SENTENCE = re.compile(r"[A-Z“{].* .*[.?]", re.S)
# What takes a note on a submission in grading or a reason to refuse it, and what holds one.
REFUSING = ("append", "refuse", "ValueError", "Unreadable", "Owned")
NOTES = ("note", "notes", "reason", "doubt", "together", "review", "lines", "again", "IRREGULAR", "LINK", "LARGE")
HIDDEN = ("content", "source", "output", "outputs")  # what MyST-NB hides of a cell
NUMBERS_OF_CODE = re.compile(r"(?:\w+ )?\([^)]*\)|[^A-Za-z]*|[A-Za-z]")  # such as "dy (N, D)", which the code says too
NUMBER_SHOWN = re.compile(  # with its sign; no part of a name such as float32
    r"(?:(?<![\w.)])[+\-−])?(?<![A-Za-z_\d.])\d+(?:,\d{3})*(?:\.\d+)?(?:e[+-]?\d+)?(?!\w|\.\d)"
)
DRAWN = re.compile(r"(</?(?:text|title|desc|tspan)\b[^>]*>\s*)([^<\s][^<]*?)(\s*)(?=<)")


BY_ARGPARSE = (  # what argparse says in the name of bncourse/__main__.py
    "usage: ",
    "positional arguments",
    "options",
    "show this help message and exit",
    "the following arguments are required: {0}; see {1} --help",
    "unrecognized arguments: {0}; see {1} --help",
    "argument {0}: {1}; see {2} --help",
    "invalid choice: {0} (choose from {1})",
    "invalid {0} value: {1}",
    "expected one argument",
    "expected at least one argument",
)


@dataclass(frozen=True)
class Message:
    """Something to translate: the English text, the file it is from, and what it is there."""

    text: str
    place: str
    kind: str = ""


def place_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def of_checks(chapter: str) -> Iterator[Message]:
    """The sentences of a chapter's checks and mistakes: docstrings, hints, and what fails, values as {0}, {1}, …"""
    for path in [CHECKS / f"test_{chapter}.py", *sorted((MISTAKES / chapter).glob("*.py"))]:
        tree = ast.parse(path.read_text("utf8"))
        for node in ast.walk(tree):
            if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
                yield from _marked(node, path)
            elif isinstance(node, ast.Call) and _name(node.func) == "guide":
                yield from _hints(node, path)
        texts = [text for node in _spoken(tree) for text in texts_of(node)]
        texts += [text for node in _strings(tree) for text in texts_of(node) if SENTENCE.fullmatch(text)]
        hints = {hint.text for node in ast.walk(tree) if isinstance(node, ast.Call) for hint in _hints(node, path)}
        yield from (Message(text, place_of(path), "message") for text in dict.fromkeys(texts) if text not in hints)


def _marked(node: ast.FunctionDef | ast.ClassDef, path: Path) -> Iterator[Message]:
    """The docstring of a check or of a mistake."""
    for mark in node.decorator_list:
        if isinstance(mark, ast.Call) and (kind := _name(mark.func)) in ("exercise", "mistake"):
            exercise, words = ast.literal_eval(mark.args[0]), ast.get_docstring(node) or ""
            yield Message(" ".join(words.split()), place_of(path), f"{kind.replace('exercise', 'check')} {exercise}")


def _hints(node: ast.Call, path: Path) -> Iterator[Message]:
    for keyword in node.keywords:
        if keyword.arg == "hints":
            for hint in ast.literal_eval(keyword.value):
                yield Message(hint, place_of(path), f"hint {ast.literal_eval(node.args[0])}")


def _spoken(tree: ast.AST) -> Iterator[ast.expr]:
    """What stands where a failure is put into words, sentence or not."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Assert) and node.msg is not None:
            yield node.msg
        elif isinstance(node, ast.Call):
            yield from (keyword.value for keyword in node.keywords if keyword.arg == "message")
            if _name(node.func) in ERRORS:
                yield from node.args[:1]


def _strings(tree: ast.AST) -> list[ast.expr]:
    """All texts of a file, those with values as a whole; no docstrings."""
    nodes = list(ast.walk(tree))
    joined = [node for node in nodes if isinstance(node, ast.JoinedStr)]
    left_out: set[ast.AST] = {part for node in joined for part in ast.walk(node) if part is not node}
    left_out |= {node.value for node in nodes if isinstance(node, ast.Expr)}
    return [node for node in nodes if isinstance(node, (ast.Constant, ast.JoinedStr)) and node not in left_out]


def texts_of(node: ast.expr) -> Iterator[str]:
    """The texts that an expression may be, values as {0}, {1}, …"""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.JoinedStr):
        text, number = "", 0
        for part in node.values:
            text += str(part.value) if isinstance(part, ast.Constant) else f"{{{number}}}"
            number += not isinstance(part, ast.Constant)
        yield text
    elif isinstance(node, ast.BoolOp):
        yield from (text for value in node.values for text in texts_of(value))
    elif isinstance(node, ast.IfExp):
        yield from (text for value in (node.body, node.orelse) for text in texts_of(value))


def of_package() -> Iterator[Message]:
    """What reports and errors of the package say: what stands in `_(…)`, and what exceptions are raised with."""
    for path in [path for pattern in PACKAGE for path in sorted((ROOT / "bncourse").glob(pattern))]:
        tree = ast.parse(path.read_text("utf8"))
        nodes = list(_spoken(tree))
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and _name(node.func) == "_":
                nodes += node.args[:1]
            elif isinstance(node, ast.Assign) and _name(node.targets[0]) in ("problem", "where"):
                nodes.append(node.value)
            elif isinstance(node, (ast.Return, ast.Call, ast.Assign)):  # what a note or a failure says
                values = node.args if isinstance(node, ast.Call) else [node.value] if node.value else []
                nodes += [value for value in values if any(map(SAID.fullmatch, texts_of(value)))]
        for text in dict.fromkeys(text for node in nodes for text in texts_of(node)):
            yield Message(text, place_of(path))
    for status in Status:
        yield Message(status.words, "bncourse/checking/status.py")


def of_commands() -> Iterator[Message]:
    """What the command line says: its help, what argparse says beside it, what a command has done, errors."""
    path = ROOT / "bncourse/__main__.py"
    tree = ast.parse(path.read_text("utf8"))
    nodes = list(_spoken(tree))
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            nodes += [keyword.value for keyword in node.keywords if keyword.arg in ("help", "description")]
            nodes += node.args[:1] if _name(node.func) == "_say" else []
        elif isinstance(node, ast.Assign) and _name(node.targets[0]) == "explanation":
            nodes.append(node.value)
    for text in dict.fromkeys([text for node in nodes for text in texts_of(node)] + [*BY_ARGPARSE]):
        yield Message(text, place_of(path))


def of_grading() -> Iterator[Message]:
    """What the pages on a class say, and what grading tells of a submission: notes, reasons, errors."""
    room = ROOT / "bncourse" / "grading"
    for path in sorted((room / "reports").rglob("*.html")):
        yield from _extracted(path, "jinja2.ext:babel_extract")
    for path in sorted((room / "reports").glob("*.py")):
        yield from _extracted(path, "python")
    alone = (room / name for name in ("grade.py", "run.py", "sandbox/remote.py"))
    for path in [*alone, *sorted((room / "handed_in").glob("*.py"))]:
        tree = ast.parse(path.read_text("utf8"))
        nodes = [*_spoken(tree), *_noted(tree)]
        for text in dict.fromkeys(text for node in nodes for text in texts_of(node) if re.search("[a-z]{3}", text)):
            yield Message(text, place_of(path))


def _noted(tree: ast.AST) -> Iterator[ast.expr]:
    """What is put among the notes on a submission, or refuses one."""
    for node in ast.walk(tree):
        values = list[ast.expr]()
        if isinstance(node, ast.Call) and _name(node.func) in REFUSING:
            values = node.args[:1] + [keyword.value for keyword in node.keywords if keyword.arg == "notes"]
        elif isinstance(node, (ast.Assign, ast.AugAssign)):
            target = node.targets[0] if isinstance(node, ast.Assign) else node.target
            values = [node.value] if _name(target) in NOTES else []
        elif isinstance(node, ast.FunctionDef) and node.name in ("_why_nothing", "why"):
            values = [part.value for part in ast.walk(node) if isinstance(part, ast.Return) and part.value]
        for value in values:
            inside = value.elt if isinstance(value, (ast.ListComp, ast.GeneratorExp)) else value
            yield from inside.elts if isinstance(inside, (ast.Tuple, ast.List)) else [inside]
            if isinstance(inside, ast.IfExp):
                yield from (part for side in (inside.body, inside.orelse) for part in getattr(side, "elts", []))
            elif isinstance(inside, ast.BinOp) and isinstance(inside.right, ast.IfExp):
                for end in (inside.right.body, inside.right.orelse):
                    sides = inside.left, end
                    yield ast.JoinedStr([part for side in sides for part in getattr(side, "values", [side])])


def _name(node: ast.AST) -> str:
    return str(getattr(node, "id", getattr(node, "attr", "")))


def of_all_notebooks() -> Iterator[Message]:
    """What stands in the notebooks of all chapters."""
    yield Message("*{points} points*", "bncourse/authoring/sources.py")
    for (text,) in editions.blocks(sources.NOTE):
        yield Message(text, "bncourse/authoring/sources.py")


def of_notebook(stem: str) -> Iterator[Message]:
    """The text of a chapter's exercise notebook, block by block, and the docstrings of what is to be written."""
    common = {message.text.replace("{stem}", stem) for message in of_all_notebooks()}
    place = f"solutions/{stem}.py"
    for cell in sources.build_exercise(stem).cells:
        if cell.cell_type == "markdown":
            for text in (text for block in editions.blocks(cell.source) for text in block):
                if text not in common and not editions.POINTS.fullmatch(text):
                    yield Message(text, place)
        else:
            yield from (Message(words, place, "docstring") for words in editions.docstrings(cell.source))


def of_site() -> Iterator[Message]:
    """What the site says besides its pages: settings, titles, scripts, drawings, and what `_ext/` adds."""
    config = yaml.safe_load((ROOT / "_config.yml").read_text("utf8"))
    settings = config["sphinx"]["config"]
    options = settings["html_theme_options"]
    for text in (config["title"], options["logo"]["text"], options["search_bar_text"], config["html"]["extra_footer"]):
        yield Message(text, "_config.yml")
    for text in (settings["nb_code_prompt_show"], settings["nb_code_prompt_hide"]):
        yield from (Message(text.replace("{type}", kind), "_config.yml") for kind in HIDDEN)
    for chapter in yaml.safe_load((ROOT / "_toc.yml").read_text("utf8"))["chapters"]:
        yield Message(chapter["title"], "_toc.yml", "title")
    for path in sorted((ROOT / "_ext").iterdir()):
        if path.stem not in (*LEDGER, "__pycache__"):
            yield from _extracted(path, {".py": "python", ".html": "jinja2.ext:babel_extract"}[path.suffix])
    for path in sorted((ROOT / "book/_static").rglob("*.js")):
        if path.name != "editor.js":
            yield from _extracted(path, "javascript")
    for path in sorted((ROOT / "book/_static").glob("*.svg")):
        for _, text, _ in DRAWN.findall(path.read_text("utf8")):
            if not NUMBERS_OF_CODE.fullmatch(text):
                yield Message(" ".join(text.split()), place_of(path), "drawing")


def _extracted(path: Path, method: str) -> Iterator[Message]:
    from babel.messages.extract import extract_from_file

    for _, text, _, _ in extract_from_file(method, path, keywords={"_": None, "say": None}):
        yield Message(str(text), place_of(path))


def of_ledger() -> Iterator[Message]:
    """What the tables of the ledger say: their own words, verdicts, and what the stored runs compared."""
    for name in LEDGER:
        yield from _extracted(ROOT / f"_ext/{name}.py", "python")
    for word in (*Verdict, *Agreement):
        yield Message(word, "bncourse/ledger/verdicts.py")
    for path in sorted(RESULTS.glob("[0-9]*.json")):
        for entry in json.loads(path.read_text("utf8"))["evidence"]:
            yield Message(entry["what"], place_of(path), f"compared, {entry['claim']}")
            yield Message(without_numbers(entry["scale"]), place_of(path), f"measured on, {entry['claim']}")
            if entry["unit"] not in ("", "x", PARITY):
                yield Message(entry["unit"], place_of(path), "unit")
    for path in sorted((ROOT / "book").glob("[0-9]*.md")):
        if not (RESULTS / f"{path.stem}.json").exists():  # nothing stored: what its cells enter as they are written
            yield from _compared(path)


def _compared(page: Path) -> Iterator[Message]:
    """What the cells of a page compare to rounding, and on what."""
    for call in re.findall(r"^ *(parity\(.*\))$", page.read_text("utf8"), re.M):
        body = ast.parse(call, mode="eval").body
        assert isinstance(body, ast.Call), call
        claim, what, _, _, *scale = body.args
        yield from (Message(text, place_of(page), f"compared, {ast.literal_eval(claim)}") for text in texts_of(what))
        for text in (text for node in scale for text in texts_of(node)):
            yield Message(without_numbers(text), place_of(page), f"measured on, {ast.literal_eval(claim)}")


def of_figures(page: Path, executed: NotebookNode) -> Iterator[Message]:
    """The words in the figures that a page kept when its cells ran, one message each, numbers left out."""
    from bncourse.lab.stored_figures import texts_of

    labels = (numbers_apart(text)[0] for figure in kept_in(executed) for text in texts_of(figure))
    yield from (Message(text, place_of(page), "in a figure") for text in dict.fromkeys(labels))


def kept_in(executed: NotebookNode) -> Iterator[str]:
    """The figures that a page kept, in its order."""
    from bncourse.lab.stored_figures import KEY

    for cell in executed["cells"]:
        for output in cell.get("outputs", ()):
            metadata = output.get("metadata", {}).get("image/png", {})
            if KEY in metadata:
                yield metadata[KEY]


def numbers_apart(label: str) -> tuple[str, list[str]]:
    """A label with {0}, {1}, … for its numbers, and these: a build on another machine measures others."""
    numbers: list[str] = NUMBER_SHOWN.findall(label)
    places = itertools.count()
    return NUMBER_SHOWN.sub(lambda number: f"{{{next(places)}}}", label), numbers


def of_cells() -> Iterator[Message]:
    """The words that the cells of all pages put into their sentences."""
    for path in sorted((ROOT / "book").glob("*.md")):
        for text in glued.words_of(path):
            yield Message(text, place_of(path))


def without_numbers(text: str) -> str:
    """The text with {0}, {1}, … for its numbers, which differ between a build and a stored run."""
    numbers = itertools.count()
    return re.sub(r"\d+(?:,\d+)*", lambda number: f"{{{next(numbers)}}}", text)
