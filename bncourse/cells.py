"""A notebook's cells: reading them from a file's bytes, and executing what they define.

Knows nothing of the course's folders, so that it also serves where these are not: beside a stranger's code.
"""

import ast
import contextlib
import io
import json
import linecache
import re
from dataclasses import dataclass, field

ANSWER = re.compile(r"ex-(\d+)-\d+$")


@dataclass
class Cell:
    """One code cell: its name, what it is for (setup, answer, check, colab, learner), and its text."""

    name: str
    role: str
    source: str


def parse(content):
    """A notebook file's bytes as a dict with a list of cells; ValueError says why it is none: ": it is empty"."""
    try:
        notebook = json.loads(content.decode("utf-8"))
    except UnicodeDecodeError:
        raise ValueError(": it is not text") from None
    except (ValueError, RecursionError) as error:
        raise ValueError(f": its JSON breaks off or is damaged ({error})" if content else ": it is empty") from None
    found = notebook.get("cells") if isinstance(notebook, dict) else None
    if not isinstance(found, list) or not all(isinstance(cell, dict) for cell in found):
        raise ValueError(" of format 4: it has no list of cells")
    return notebook


def code(notebook):
    """The code cells of a parsed notebook, as a list of Cell."""
    found = [cell for cell in notebook["cells"] if cell.get("cell_type") == "code"]
    return [Cell(name_of(cell), _role(cell), source_of(cell)) for cell in found]


def chapter_among(stems, names, marked, file_name):
    """Which of the chapters a notebook belongs to, by the names of its cells, else its mark, else its file; or None."""
    numbers = [match[1] for name in names if (match := ANSWER.match(name))]
    for stem in stems:
        if numbers and stem[:2].lstrip("0") == max(numbers, key=numbers.count):
            return stem
    return next((stem for stem in stems if stem in (marked, file_name)), None)


def marked_chapter(notebook):
    """The chapter that the generator wrote into the notebook, or None."""
    return _inside(notebook, "metadata", "bncourse", "chapter")


def name_of(cell):
    """The cell's id; in older formats, which have none, its name in nbgrader's metadata."""
    name = cell.get("id") or _inside(cell, "metadata", "nbgrader", "grade_id")
    return name if isinstance(name, str) else ""


def source_of(cell):
    """The text of a cell, which notebook files hold whole or in lines."""
    source = cell.get("source", "")
    return "".join(map(str, source)) if isinstance(source, list) else str(source)


def _role(cell):
    if ANSWER.match(name_of(cell)):
        return "answer"
    role = _inside(cell, "metadata", "bncourse", "role")
    return role if isinstance(role, str) else "learner"


def _inside(mapping, *keys):
    for key in keys:
        mapping = mapping.get(key) if isinstance(mapping, dict) else None
    return mapping


@dataclass
class Defined:
    """What executed cells define: all names, those of each answer cell, and what ended which answer cell."""

    namespace: dict = field(default_factory=lambda: {"__name__": "__main__", "__builtins__": __builtins__})
    answers: dict = field(default_factory=dict)
    errors: dict = field(default_factory=dict)

    def run(self, cell):
        """Execute a cell: setup and answers whole, of others imports, functions and constants, checks not at all."""
        if cell.role in ("check", "colab"):
            return
        whole = cell.role in ("answer", "setup")
        defined, error = _execute(cell.source, self.namespace, f"<cell {cell.name}>", whole)
        if cell.role == "answer":
            self.answers[cell.name] = {key: self.namespace[key] for key in defined if key in self.namespace}
            self.errors.pop(cell.name, None)
            if error and not (defined and len(self.answers[cell.name]) == len(defined)):
                self.errors[cell.name] = error

    @property
    def names(self):
        """All names; where a later cell took an answer's name for something else, the answer's own."""
        return self.namespace | {name: value for answer in self.answers.values() for name, value in answer.items()}


def _execute(source, namespace, filename, whole):
    """Run one cell; the names of functions and classes that it defines, and the exception that ended it, if any."""
    linecache.cache[filename] = (len(source), None, source.splitlines(keepends=True), filename)
    try:
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            tree = _parsed(source, filename)
            if not whole:
                tree.body = [node for node in tree.body if _is_definition(node)]
            defined = [node.name for node in tree.body if isinstance(node, (ast.FunctionDef, ast.ClassDef))]
            try:
                exec(compile(tree, filename, "exec"), namespace)
            except KeyboardInterrupt:
                raise
            except BaseException as error:  # a cell may raise anything, SystemExit included
                return defined, error
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        return [], error
    return defined, None


def _parsed(source, filename):
    try:
        return ast.parse(source, filename)
    except SyntaxError:
        without_magics = re.sub(r"^([ \t]*)([%!?].*)$", r"\1pass  # \2", source, flags=re.M)
        if without_magics == source:
            raise
        return ast.parse(without_magics, filename)


def _is_definition(node):
    if isinstance(node, (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.ClassDef)):
        return True
    constant = isinstance(node, (ast.Assign, ast.AnnAssign))
    return constant and not any(isinstance(part, (ast.Call, ast.Await)) for part in ast.walk(node))
