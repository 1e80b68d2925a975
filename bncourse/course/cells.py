"""A notebook's cells: reading them from a file's bytes, and executing what they define.

Knows nothing of the course's folders, so that it also serves where these are not: beside a stranger's code.
"""

import ast
import contextlib
import inspect
import json
import linecache
import re
import symtable
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bncourse.course.quiet import LastWords, quiet

ANSWER = re.compile(r"ex-(\d+)-\d+$")
OURS = re.compile(r"(?:ex|check|q)-\d+-\d+$")
COLAB = "# On Colab this fetches the course"  # as that cell begins, whatever became of its marks
PREFIXES = {"answer": "ex", "check": "check"}
# What a kernel has and a file's code may mention.
SHELL = {"display": lambda *things, **options: None, "get_ipython": lambda: _Shell()}

# As the JSON of a notebook file holds them.
RawNotebook = dict[str, Any]
RawCell = dict[str, Any]
Names = dict[str, Any]  # what code defines


@dataclass
class Cell:
    """One code cell: its name, what it is for (setup, answer, check, colab, learner), and its text."""

    name: str
    role: str
    source: str


def parse(content: bytes) -> RawNotebook:
    """A notebook file's bytes as a dict with a list of cells; ValueError says why it is none: ": it is empty"."""
    try:
        notebook = json.loads(content.decode("utf-8").removeprefix("\ufeff"))
    except UnicodeDecodeError:
        raise ValueError(": it is not text") from None
    except (ValueError, RecursionError) as error:
        raise ValueError(f": its JSON breaks off or is damaged ({error})" if content else ": it is empty") from None
    if isinstance(notebook, dict):
        cells = notebook.get("cells") or _of_format_3(notebook)
        if isinstance(cells, list) and all(isinstance(cell, dict) for cell in cells):
            return notebook
    raise ValueError(" of format 4: it has no list of cells")


def _of_format_3(notebook: RawNotebook) -> object:
    """The cells of a notebook as they were kept before 2015."""
    sheets = notebook.get("worksheets")
    raw_cells = _inside(sheets[0], "cells") if isinstance(sheets, list) and sheets else None
    if isinstance(raw_cells, list) and all(isinstance(cell, dict) for cell in raw_cells):
        notebook["cells"] = [{**cell, "source": cell.get("source", cell.get("input", ""))} for cell in raw_cells]
    return notebook.get("cells")


def code(notebook: RawNotebook) -> list[Cell]:
    """The code cells of a parsed notebook."""
    raw_cells = [cell for cell in notebook["cells"] if cell.get("cell_type") == "code"]
    return [Cell(name_of(cell), _role(cell), source_of(cell)) for cell in raw_cells]


def marked_chapter(notebook: RawNotebook) -> str | None:
    """The chapter that the generator wrote into the notebook, or None."""
    chapter = _inside(notebook, "metadata", "bncourse", "chapter")
    return chapter if isinstance(chapter, str) else None


def name_of(cell: RawCell) -> str:
    """The cell's name: the first of what editors and tools keep of it that is one of ours, else its id."""
    exercise, role = _inside(cell, "metadata", "bncourse", "exercise"), _inside(cell, "metadata", "bncourse", "role")
    candidates = [
        cell.get("id"),
        _inside(cell, "metadata", "nbgrader", "grade_id"),
        f"{PREFIXES.get(str(role), 'q')}-{str(exercise).replace('.', '-')}",
        _inside(cell, "metadata", "id"),  # where Colab keeps it
    ]
    names = [name for name in candidates if isinstance(name, str)]
    return next((name for name in names if OURS.match(name)), names[0] if names and names[0] != candidates[2] else "")


def source_of(cell: RawCell) -> str:
    """The text of a cell, which notebook files hold whole or in lines."""
    source = cell.get("source", "")
    return "".join(map(str, source)) if isinstance(source, list) else str(source)


def _role(cell: RawCell) -> str:
    name = name_of(cell)
    if OURS.match(name) and not name.startswith("q-"):
        return "answer" if ANSWER.match(name) else "check"
    if source_of(cell).startswith(COLAB):
        return "colab"
    role = _inside(cell, "metadata", "bncourse", "role")
    return role if isinstance(role, str) else "learner"


def _inside(value: object, *keys: str) -> object:
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value


@dataclass
class Definitions:
    """What the cells `code` define as they are executed one by one: all names, and what ended which answer cell."""

    code: Sequence[Cell] = ()
    namespace: Names = field(default_factory=lambda: {"__name__": "__main__", "__builtins__": __builtins__} | SHELL)
    answers: dict[str, Names] = field(default_factory=dict)
    errors: dict[str, BaseException] = field(default_factory=dict)
    problem: str = ""  # the first that ended a statement outside of the answers which these need
    misplaced: Mapping[str, str] = field(default_factory=dict)  # what is to be said of answers that are not there

    def __post_init__(self) -> None:
        self.needed = needed(self.code)

    def execute(self, cell: Cell) -> None:
        """Execute answers whole; of other cells, statement by statement, definitions and what answers need."""
        if cell.role in ("check", "colab"):
            return
        linecache.cache[f"<cell {cell.name}>"] = (
            len(cell.source), None, cell.source.splitlines(keepends=True), f"<cell {cell.name}>",
        )  # fmt: skip
        with quiet(LastWords()):
            try:
                tree = parsed(cell.source, f"<cell {cell.name}>")
            except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
                if cell.role == "answer":
                    self.answers[cell.name], self.errors[cell.name] = {}, error
                return
            if cell.role == "answer":
                self._run_answer(tree, cell)
            else:
                self._run_what_is_needed(tree, cell)

    def _run_answer(self, tree: ast.Module, cell: Cell) -> None:
        """Run a whole cell; an error behind all that it defines, in a trial of the learner's say, is none."""
        names = {name for node in tree.body for name in bound(node)}
        defined = {node.name for node in tree.body if isinstance(node, (ast.FunctionDef, ast.ClassDef))}
        error = self._run(tree, cell)
        self.answers[cell.name] = {name: self.namespace[name] for name in names if name in self.namespace}
        self.errors.pop(cell.name, None)
        if error and not (defined and defined <= set(self.answers[cell.name])):
            self.errors[cell.name] = error

    def _run_what_is_needed(self, tree: ast.Module, cell: Cell) -> None:
        for node in tree.body:
            is_needed = not self.needed.isdisjoint(touched(node))
            if cell.role != "setup" and not is_needed and not _is_definition(node):
                continue
            error = self._run(ast.Module([node], []), cell)
            if error and not self.problem and (is_needed or cell.role == "setup"):
                place = "the setup cell" if cell.role == "setup" else "a cell of your own"
                self.problem = f"{place} stops at line {node.lineno}: {type(error).__name__}: {error}"
            if error and not isinstance(error, (Exception, SystemExit)):
                raise error  # such as time that is up
        for answer in self.answers.values():  # what took an answer's name, took it behind its check
            self.namespace.update({name: value for name, value in answer.items() if callable(value)})

    def _run(self, tree: ast.Module, cell: Cell) -> BaseException | None:
        """Run statements of a cell, without calls of check; the exception that ended them, if any."""
        tree.body = [node for node in tree.body if not _is_check(node)]
        try:
            code = compile(tree, f"<cell {cell.name}>", "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
            awaiting = eval(code, self.namespace)
            if code.co_flags & inspect.CO_COROUTINE:
                with contextlib.suppress(StopIteration):  # which is how it ends; of a loop it seldom needs more
                    while True:
                        awaiting.send(None)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # a cell may raise anything, SystemExit included
            return error
        return None

    @property
    def names(self) -> Names:
        """All names; where a later cell took an answer's name for something else, the answer's own."""
        return self.namespace | {name: value for answer in self.answers.values() for name, value in answer.items()}


class _Shell:
    """IPython's shell where there is none: whatever is asked of it does nothing."""

    def __getattr__(self, name: str) -> Any:
        return lambda *args, **kwargs: None


def parsed(source: str, filename: str = "<cell>") -> ast.Module:
    """The statements of a cell, IPython's own language translated as IPython does; SyntaxError if that fails too."""
    return ast.parse(as_python(source), filename)


def as_python(source: str) -> str:
    """The text of a cell as Python, which it seldom is not; unchanged where it is neither Python nor IPython's."""
    try:
        ast.parse(source)
    except SyntaxError:
        with contextlib.suppress(Exception):  # of strange text IPython's translation may stop in any way
            from IPython.core.inputtransformer2 import TransformerManager

            # These run the cell that they head.
            plain = re.sub(r"\A(\s*)%%(?:time|capture|prun)\b.*", r"\1pass", source)
            return str(TransformerManager().transform_cell(plain))
    return source


def tree_of(source: str) -> ast.Module | None:
    """The statements of a cell, or None if it is not Python."""
    try:
        return parsed(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def bound(node: ast.stmt) -> set[str]:
    """The names that a statement at the top of a cell binds."""
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        return {node.name}
    if isinstance(node, (ast.Import, ast.ImportFrom)):
        return {(alias.asname or alias.name).partition(".")[0] for alias in node.names}
    inner = (part for child in ast.iter_child_nodes(node) if isinstance(child, ast.stmt) for part in bound(child))
    stored = (part.id for part in ast.walk(node) if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store))
    return {*inner, *stored}


def touched(node: ast.stmt) -> set[str]:
    """The names that a statement binds, or whose values it may change: `table["a"] = 1`, `names.append("a")`."""
    changed: set[ast.expr] = set()
    for part in ast.walk(node):
        if isinstance(part, (ast.Subscript, ast.Attribute)) and isinstance(part.ctx, ast.Store):
            changed.add(part.value)
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call) and isinstance(node.value.func, ast.Attribute):
        changed.add(node.value.func.value)
    return bound(node) | {part.id for value in changed for part in ast.walk(value) if isinstance(part, ast.Name)}


def needed(code: Iterable[Cell]) -> set[str]:
    """The names that answers take from elsewhere in the notebook, at first or second hand."""
    statements = [(cell, node) for cell in code if (tree := tree_of(cell.source)) for node in tree.body]
    names: set[str] = set()
    waiting = [node for cell, node in statements if cell.role == "answer"]
    own = {name for node in waiting for name in bound(node)}  # what answers define they do not need from elsewhere
    others = [node for cell, node in statements if cell.role not in ("answer", "check", "colab")]
    while waiting:
        names |= {name for node in waiting for name in taken(node)} - own
        waiting = [node for node in others if not names.isdisjoint(touched(node))]
        others = [node for node in others if node not in waiting]
    return names


def taken(node: ast.stmt) -> set[str]:
    """The names that a statement takes from around it; those that its functions use as their own are none."""
    try:
        table = symtable.symtable(ast.unparse(node), "<cell>", "exec")
    except (SyntaxError, ValueError, RecursionError):
        return set()
    names = {symbol.get_name() for symbol in table.get_symbols() if symbol.is_referenced()}
    waiting = table.get_children()
    while waiting:
        inner = waiting.pop()
        names |= {symbol.get_name() for symbol in inner.get_symbols() if symbol.is_global()}
        waiting += inner.get_children()
    return names


def _is_check(node: ast.stmt) -> bool:
    """Whether a statement only asks for a verdict, which is given elsewhere."""
    call = node.value if isinstance(node, ast.Expr) else None
    return isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "check"


def _is_definition(node: ast.stmt) -> bool:
    if isinstance(node, (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.ClassDef)):
        return True
    constant = isinstance(node, (ast.Assign, ast.AnnAssign))
    return constant and not any(isinstance(part, (ast.Call, ast.Await)) for part in ast.walk(node))
