"""Whether an exercise needs PyTorch, told from its files alone: nothing is imported or run."""

import ast
import re
from collections.abc import Iterator
from functools import cache, lru_cache

from bncourse.course.cells import bound, taken, touched
from bncourse.course.curriculum import Exercise
from bncourse.course.paths import ROOT, SOLUTIONS

TORCH = {"torch", "keras"}  # Keras needs a framework, which is PyTorch here


def needs_torch(exercise: Exercise) -> bool:
    """Whether the checks of an exercise, its reference answer, or what these use of their files, import PyTorch."""
    if _reaches_torch(exercise.check_file.read_text(encoding="utf-8"), frozenset(exercise.checks)):
        return True
    source = SOLUTIONS / f"{exercise.chapter}.py"  # a copy for students lacks it
    text = source.read_text(encoding="utf-8") if source.exists() else ""
    answers = re.findall(rf'^# %% exercise="{re.escape(exercise.id)}"\n((?:(?!# %%).*\n?)*)', text, re.M)
    defined = {name for answer in answers for node in ast.parse(answer).body for name in bound(node)}
    return _reaches_torch(text, frozenset(defined))


@lru_cache(maxsize=200)
def _reaches_torch(text: str, names: frozenset[str]) -> bool:
    """Whether the statements that bind these names at the top of a file, and all that they take from it, do."""
    statements, waiting, seen = _statements(text), names, set[str]()
    while waiting and TORCH.isdisjoint(waiting):
        seen |= waiting
        reached = [node for node, binds in statements if not waiting.isdisjoint(binds)]
        if any(_loads_torch(module) for node in reached for part in ast.walk(node) for module in _imported(part)):
            return True
        waiting = frozenset(name for node in reached for name in taken(node)) - seen
    return bool(waiting)


@lru_cache(maxsize=20)
def _statements(text: str) -> list[tuple[ast.stmt, set[str]]]:
    """The statements at the top of a file, each with what it binds."""
    nodes = ast.parse(text).body
    return [(node, bound(node) if isinstance(node, ast.FunctionDef) else touched(node)) for node in nodes]


@cache
def _loads_torch(module: str) -> bool:
    """Whether a module is PyTorch's, or one of the course that imports such a one at once."""
    place = ROOT.joinpath(*module.split("."))
    path = place / "__init__.py" if place.is_dir() else place.with_suffix(".py")
    if not module.startswith("bncourse.") or not path.exists():
        return module.partition(".")[0] in TORCH
    return any(_loads_torch(name) for node in ast.parse(path.read_text("utf8")).body for name in _imported(node))


def _imported(node: ast.AST) -> Iterator[str]:
    """What an import statement may load: `from a import b` loads a, and a.b if that is a module."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom) and node.module:
        yield from (node.module, *(f"{node.module}.{alias.name}" for alias in node.names))
