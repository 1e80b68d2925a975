"""Which cell of a notebook answers what: by its id, by the marks that tools leave, else by the name that it defines.

Editors and converters renew ids, split, merge and move cells. What the kernel would check is the last definition,
before an exercise's check, of the name that the exercise asks for; so that is what counts in a file.
"""

import ast
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from bncourse.course import cells
from bncourse.course.cells import ANSWER, Cell, RawCell, RawNotebook

Asked = Mapping[str, str]  # the name that each answer cell is to define
CHECKED = re.compile(r"""^check\(["'](\d+)\.(\d+)["']\)""", re.M)


@dataclass
class Reading:
    """What a notebook file holds: its chapter, its code cells by name and role, and what stands in place of answers."""

    chapter: str | None
    code: list[Cell] = field(default_factory=list)
    problems: dict[str, str] = field(default_factory=dict)
    modules: dict[str, str] = field(default_factory=dict)  # source of what lies beside the file, by name


@dataclass
class _Piece:
    """A cell, or the part of one that answers one exercise; `names` are those it binds, `stubs` those left unsolved."""

    cell: Cell
    names: set[str]
    stubs: set[str]


def read(notebook: RawNotebook, file_name: str, chapters: Mapping[str, Asked]) -> Reading:
    """The code of a parsed notebook, each answer in a cell of its name; `chapters` says what each of them asks for."""
    code = cells.code(notebook)
    pieces = [(cell, cells.tree_of(cell.source)) for cell in code]
    chapter = _chapter(notebook, file_name, chapters, [tree for _, tree in pieces])
    asked = chapters.get(chapter or "", {})
    owners = {name: answer for answer, name in asked.items()}
    parts = [part for cell, tree in pieces for part in _parts(cell, tree, owners)]
    answers: dict[int, str] = {}
    problems: dict[str, str] = {}
    for answer, name in asked.items():
        place = _place(answer, name, parts)
        if place is None:
            problems[answer] = _in_its_place(answer, name, notebook["cells"])
        elif place not in answers:
            answers[place] = answer
            if name in parts[place].stubs and (other := _misnamed(name, parts)):
                problems[answer] = f"{name} is still the stub; {other}, which is here too, is not what is asked for"
    return Reading(chapter, [_named(part, answers.get(i)) for i, part in enumerate(parts)], problems)


def _chapter(
    notebook: RawNotebook, file_name: str, chapters: Mapping[str, Asked], trees: Sequence[ast.Module | None]
) -> str | None:
    """The chapter of most answer cells, else the one that is marked, named by the file, or asks for what is defined."""
    numbers = [match[1] for cell in notebook["cells"] if (match := ANSWER.match(cells.name_of(cell)))]
    for stem in chapters:
        if numbers and stem[:2].lstrip("0") == max(numbers, key=numbers.count):
            return stem
    marked = cells.marked_chapter(notebook)
    for stem in chapters:
        if stem == marked or stem in file_name:
            return stem
    defined = {name for tree in trees if tree for node in tree.body for name in cells.bound(node)}
    counts = Counter({stem: len(defined.intersection(asked.values())) for stem, asked in chapters.items()})
    (stem, most), *others = [*counts.most_common(2), ("", 0)]
    return stem if most and most > others[0][1] else None


def _parts(cell: Cell, tree: ast.Module | None, owners: Mapping[str, str]) -> Iterator[_Piece]:
    """The cell, cut where one exercise's answer ends and another's begins."""
    if tree is None or not tree.body:
        yield _Piece(cell, set(), set())
        return
    lines = cells.as_python(cell.source).splitlines(keepends=True)
    starts, seen = [0], set[str]()
    nodes: list[list[ast.stmt]] = [[]]
    for node in tree.body:
        answers = {owners[name] for name in cells.bound(node) if name in owners}
        if answers - seen and seen and node.lineno > (nodes[-1][-1].end_lineno or 0):
            starts.append(nodes[-1][-1].end_lineno or 0)
            nodes.append([])
            seen = set()
        seen |= answers
        nodes[-1].append(node)
    for start, end, body in zip(starts, [*starts[1:], len(lines)], nodes, strict=True):
        whole = len(starts) == 1
        # Blank lines before it let errors name the line of the cell.
        source = cell.source if whole else "\n" * start + "".join(lines[start:end])
        names = {name for node in body for name in cells.bound(node)}
        stubs = {node.name for node in body if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and _is_stub(node)}
        yield _Piece(replace(cell, source=source), names, stubs)


def _is_stub(node: ast.stmt) -> bool:
    raised = (part.exc for part in ast.walk(node) if isinstance(part, ast.Raise))
    return any(exc and ast.unparse(exc).startswith("NotImplementedError('exercise ") for exc in raised)


def _place(answer: str, name: str, parts: Sequence[_Piece]) -> int | None:
    """Where the answer is: the last that is no stub before the last check, else behind it, else the cell of its id."""
    number = tuple(answer.split("-")[1:])
    checks = [i for i, part in enumerate(parts) if number in CHECKED.findall(part.cell.source)]
    end = checks[-1] if checks else len(parts)
    defining = [i for i, part in enumerate(parts) if name in part.names]
    if defining:
        return max(defining, key=lambda i: (name not in parts[i].stubs, i <= end, i))
    return next((i for i, part in reversed([*enumerate(parts)]) if part.cell.name == answer), None)


def _named(part: _Piece, answer: str | None) -> Cell:
    """The cell as what it is: an answer, a check and nothing else, or what it was before."""
    if answer:
        return replace(part.cell, name=answer, role="answer")
    if part.cell.role == "answer" or (part.cell.role == "check" and part.names):
        return replace(part.cell, role="learner")
    return part.cell


def _misnamed(name: str, parts: Sequence[_Piece]) -> str:
    """A function of the learner's own whose name is nearly the one that is asked for."""
    own = {other for part in parts if part.cell.role == "learner" for other in part.names}
    return next((other for other in sorted(own) if other != name and name.lower() in other.lower()), "")


def _in_its_place(answer: str, name: str, raw_cells: Sequence[RawCell]) -> str:
    """What a learner should read of an answer that no code cell holds."""
    for cell in raw_cells:
        kind = cell.get("cell_type")
        defines = re.search(rf"^(def|class) {name}\b", cells.source_of(cell), re.M)
        if kind != "code" and (cells.name_of(cell) == answer or defines):
            return f"{name} stands in a cell of type {str(kind)[:20]}, which is never run; make it a code cell"
    return f"no cell defines {name}; write it under this very name, or take cell {answer} from a fresh copy"
