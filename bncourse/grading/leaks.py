"""Whether a file that students are to receive gives an answer away."""

import ast
import copy
import re
from dataclasses import dataclass
from functools import cache, cached_property

from bncourse import cells
from bncourse.errors import CourseError
from bncourse.paths import SOLUTIONS

MARK = re.compile(r"^[ \t]*#+[ \t]*(BEGIN|END) SOLUTION[ \t]*$", re.M)
KNOWN_ANSWER = re.compile(r"^@(mistake|variant)\(", re.M)


@dataclass(frozen=True)
class Answer:
    """One block of statements that the generator cuts out of an exercise."""

    exercise: str
    statements: tuple
    source: str

    @cached_property
    def words(self):
        """The statements one by one, without comments and in one layout."""
        return [ast.unparse(statement) for statement in self.statements]

    @cached_property
    def shape(self):
        """The statements with their names numbered in order of appearance: the same under any names."""
        return _renamed(self.statements)

    @cached_property
    def texts(self):
        """All of it without white space, as written and in one layout, to be found in prose and comments too."""
        return {_squeezed(self.source), _squeezed("\n".join(self.words))}


@cache
def answers():
    """Every answer of the course, read from solutions/*.py."""
    import jupytext

    found = []
    for path in sorted(SOLUTIONS.glob("*.py")):
        for cell in jupytext.read(path, fmt="py:percent").cells:
            exercise = cell.metadata.get("exercise")
            if exercise:
                found += list(_cut_out(exercise, cell.source))
    if not found:
        raise CourseError(f"{SOLUTIONS} holds no solutions, so nothing tells what would give an answer away")
    return tuple(found)


def leak(name, content, known):
    """One line that says how a file (relative name, bytes) gives one of the `known` answers away, or None."""
    if name.endswith(".ipynb"):
        return _leak_in_notebook(name, content, known)
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        return f"{name} is not text and cannot be searched for answers"
    if MARK.search(text):
        return f"{name} has a mark BEGIN SOLUTION or END SOLUTION"
    if name.endswith(".py") and KNOWN_ANSWER.search(text):
        return f"{name} holds a catalogue of answers (@mistake, @variant)"
    answer = _given_away(text, known, python=name.endswith(".py"))
    return answer and f"{name} holds the answer to {answer.exercise}"


def _leak_in_notebook(name, content, known):
    try:
        notebook = cells.parse(content)
    except ValueError as error:
        return f"{name} is not a notebook{error}"
    for cell in notebook["cells"]:
        where = f"{name}, cell {cells.name_of(cell)},"
        if cell.get("outputs"):
            return f"{where} has outputs"
        source = cells.source_of(cell)
        if MARK.search(source):
            return f"{where} has a mark BEGIN SOLUTION or END SOLUTION"
        answer = _given_away(source, known, python=cell.get("cell_type") == "code")
        if answer:
            return f"{where} holds the answer to {answer.exercise}"
    return None


def _given_away(text, known, python):
    """The first answer that the text holds: its statements under any names, or its very words.

    An answer of one statement counts only in its own words: under other names it may be any line of code.
    """
    squeezed = _squeezed(text)
    for answer in known:
        if any(words in squeezed for words in answer.texts):
            return answer
    try:
        tree = ast.parse(text) if python else ast.Module([], [])
    except SyntaxError:
        return None
    for block in _blocks(tree):
        block = [statement for statement in block if not _is_text(statement)]
        for answer in known:
            if any(_same(answer, block[i : i + len(answer.statements)]) for i in range(len(block))):
                return answer
    return None


def _same(answer, statements):
    if [type(one) for one in statements] != [type(one) for one in answer.statements]:
        return False
    return [ast.unparse(one) for one in statements] == answer.words or (
        len(statements) > 1 and _renamed(statements) == answer.shape
    )


def _cut_out(exercise, source):
    """An Answer for each block of statements between BEGIN and END SOLUTION."""
    lines = [source.count("\n", 0, mark.start()) + 1 for mark in MARK.finditer(source)]
    regions = list(zip(lines[::2], lines[1::2]))

    def is_inside(node):
        return any(begin < node.lineno and node.end_lineno < end for begin, end in regions)

    for owner, block in _blocks(ast.parse(source), with_owner=True):
        inside = [statement for statement in block if is_inside(statement)]
        if inside and not (isinstance(owner, ast.stmt) and is_inside(owner)):
            written = source.splitlines()[inside[0].lineno - 1 : inside[-1].end_lineno]
            yield Answer(exercise, tuple(inside), "\n".join(written))


def _blocks(tree, with_owner=False):
    for node in ast.walk(tree):
        for name in ("body", "orelse", "finalbody"):
            block = getattr(node, name, None)
            if isinstance(block, list) and block:
                yield (node, block) if with_owner else block


def _renamed(statements):
    numbers = {}

    class Rename(ast.NodeTransformer):
        def visit_Name(self, node):
            node.id = f"name{numbers.setdefault(node.id, len(numbers))}"
            return node

        def visit_arg(self, node):
            node.arg = f"name{numbers.setdefault(node.arg, len(numbers))}"
            return self.generic_visit(node)

    return [ast.unparse(Rename().visit(copy.deepcopy(statement))) for statement in statements]


def _is_text(statement):
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)


def _squeezed(text):
    return re.sub(r"[\s#]+", "", text)
