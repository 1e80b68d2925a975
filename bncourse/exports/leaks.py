"""Whether a file that students are to receive gives an answer away."""

import ast
import copy
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache, cached_property

from bncourse.course import cells
from bncourse.course.errors import CourseError
from bncourse.course.paths import SOLUTIONS

MARK = re.compile(r"^[ \t]*#+[ \t]*(BEGIN|END) SOLUTION[ \t]*$", re.M)
KNOWN_ANSWER = re.compile(r"^@(mistake|variant)\(", re.M)


@dataclass(frozen=True)
class CutAnswer:
    """One block of statements that the generator cuts out of an exercise."""

    exercise: str
    statements: tuple[ast.stmt, ...]
    source: str

    @cached_property
    def shape(self) -> list[str]:
        return _shape(self.statements)

    @cached_property
    def texts(self) -> set[str]:
        """All of it without white space, as written and in one layout, to be found in prose and comments too."""
        return {_squeezed(self.source), _squeezed("\n".join(map(ast.unparse, self.statements)))}


@cache
def answers() -> tuple[CutAnswer, ...]:
    """Every answer of the course, read from solutions/*.py."""
    import jupytext

    cut = [
        answer
        for path in sorted(SOLUTIONS.glob("*.py"))
        for cell in jupytext.read(path, fmt="py:percent").cells
        if "exercise" in cell.metadata
        for answer in _cut_out(cell.metadata["exercise"], cell.source)
    ]
    if not cut:
        raise CourseError(f"{SOLUTIONS} holds no solutions, so nothing tells what would give an answer away")
    return tuple(cut)


def leak(name: str, content: bytes, answers: Sequence[CutAnswer]) -> str | None:
    """One line that says how a file (relative name, bytes) gives one of the answers away, or None."""
    if name.endswith(".ipynb"):
        return _leak_in_notebook(name, content, answers)
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        return f"{name} is not text and cannot be searched for answers"
    if name.endswith(".py") and KNOWN_ANSWER.search(text):
        return f"{name} holds a catalogue of answers (@mistake, @variant)"
    return _leak_in_text(name, text, answers, is_code=name.endswith(".py"))


def _leak_in_notebook(name: str, content: bytes, answers: Sequence[CutAnswer]) -> str | None:
    try:
        notebook = cells.parse(content)
    except ValueError as error:
        return f"{name} is not a notebook{error}"
    for cell in notebook["cells"]:
        where = f"{name}, cell {cells.name_of(cell)},"
        if cell.get("outputs"):
            return f"{where} has outputs"
        if reason := _leak_in_text(where, cells.source_of(cell), answers, is_code=cell.get("cell_type") == "code"):
            return reason
    return None


def _leak_in_text(where: str, text: str, answers: Sequence[CutAnswer], is_code: bool) -> str | None:
    """The first answer in a text: its statements under any names, or its very letters."""
    if MARK.search(text):
        return f"{where} has a mark BEGIN SOLUTION or END SOLUTION"
    squeezed = _squeezed(text)
    blocks = list(_statements(text)) if is_code else []
    for answer in answers:
        if any(letters in squeezed for letters in answer.texts) or any(_holds(block, answer) for block in blocks):
            return f"{where} holds the answer to {answer.exercise}"
    return None


def _statements(text: str) -> Iterator[list[ast.stmt]]:
    """Every block of statements, without docstrings and other texts."""
    try:
        tree = ast.parse(text)
    except SyntaxError:
        return
    for _, block in _blocks(tree):
        yield [node for node in block if not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))]


def _holds(block: Sequence[ast.stmt], answer: CutAnswer) -> bool:
    count, kinds = len(answer.statements), list(map(type, answer.statements))
    return any(
        list(map(type, block[i : i + count])) == kinds and _shape(block[i : i + count]) == answer.shape
        for i in range(len(block) - count + 1)
    )


def _cut_out(exercise: str, source: str) -> Iterator[CutAnswer]:
    """A CutAnswer for each block of statements between BEGIN and END SOLUTION."""
    lines = [source.count("\n", 0, mark.start()) + 1 for mark in MARK.finditer(source)]
    regions = list(zip(lines[::2], lines[1::2]))

    def is_inside(node: ast.stmt) -> bool:
        return any(begin < node.lineno and (node.end_lineno or node.lineno) < end for begin, end in regions)

    for owner, block in _blocks(ast.parse(source)):
        inside = [statement for statement in block if is_inside(statement)]
        if inside and not (isinstance(owner, ast.stmt) and is_inside(owner)):
            text = source.splitlines()[inside[0].lineno - 1 : inside[-1].end_lineno]
            yield CutAnswer(exercise, tuple(inside), "\n".join(text))


def _blocks(tree: ast.AST) -> Iterator[tuple[ast.AST, list[ast.stmt]]]:
    """Every list of statements, after the node that owns it."""
    for node in ast.walk(tree):
        for name in ("body", "orelse", "finalbody"):
            block = getattr(node, name, None)
            if isinstance(block, list) and block:
                yield node, block


def _shape(statements: Sequence[ast.stmt]) -> list[str]:
    """The statements with their names numbered in order of appearance: the same under any names.

    One statement alone keeps its names: under others it may be any line of code.
    """
    numbers: dict[str, int] = {}

    class Rename(ast.NodeTransformer):
        def visit_Name(self, node: ast.Name) -> ast.AST:
            node.id = f"name{numbers.setdefault(node.id, len(numbers))}"
            return node

        def visit_arg(self, node: ast.arg) -> ast.AST:
            node.arg = f"name{numbers.setdefault(node.arg, len(numbers))}"
            return self.generic_visit(node)

    if len(statements) == 1:
        return [ast.unparse(statements[0])]
    return [ast.unparse(Rename().visit(copy.deepcopy(statement))) for statement in statements]


def _squeezed(text: str) -> str:
    return re.sub(r"[\s#]+", "", text)
