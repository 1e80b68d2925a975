"""Words that the cells of a page put into its sentences, found in its source: every text that `measured` may hand on.

A cell says `measured("gain_told", told(effect, "it helped", "it did harm"))`, and a sentence shows what came out. All
that may come out is followed back through the page: names, loops, functions of the page, texts joined and formatted.
"""

import ast
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from bncourse.course.language import Translate, translator

CELL = re.compile(r"^```\{code-cell\}.*?$(.*?)^```$", re.S | re.M)
SHOWN = re.compile(r"\{glue:text\}`([^`]+?)(?::s)?`")  # with `:s`, or with no form at all
FIELD = re.compile(r"\{[^{}]*\}")
JOINTS = ("; ", " and ")  # by which cells join texts, the outermost first
SAME = ("list", "sorted", "reversed", "set", "zip", "enumerate", "progress", "tuple")  # hand on what they are given


def words_of(page: Path) -> list[str]:
    """The texts with words or ; that a page's sentences may show, in its cells' order, values as {0}, {1}, …

    Names in what is `recorded` for a live figure are among them.
    """
    text = page.read_text("utf8")
    shown = {key for key in SHOWN.findall(text) if ":" not in key}
    cells = ast.parse("\n".join(CELL.findall(re.sub(r"^:.*$", "", text, flags=re.M))))
    source, texts = _Source(cells), list[str]()
    for call in ast.walk(cells):
        if isinstance(call, ast.Call) and _called(call) == "measured":
            key = re.compile(source.key(call.args[0]))
            if any(map(key.fullmatch, shown)):
                texts += source.texts(call.args[1])
        elif isinstance(call, ast.Call) and _called(call) == "recorded":
            for part in (part for part in ast.walk(call) if isinstance(part, ast.Dict)):
                names = (value for key, value in zip(part.keys, part.values) if key and source.key(key) == "name")
                texts += [text for name in names for text in source.texts(name)]
    return [text for text in dict.fromkeys(texts) if re.search(r"[^\W\d_]{2}|;", FIELD.sub("", text))]


def words_in(language: str) -> Translate:
    """The translator of what cells put into sentences; what they have joined is translated part by part."""
    _ = translator(language, "cells")

    def translate(text: str) -> str:
        for joint in JOINTS:
            before, match, behind = text.partition(joint)
            if match:
                return _(f"{{0}}{joint}{{1}}").format(translate(before), translate(behind))
        return _(text)

    return translate


def _called(call: ast.Call) -> str:
    return call.func.id if isinstance(call.func, ast.Name) else ""


@dataclass
class _Taken:
    """What a loop or a comprehension takes a name out of, and the lines in which it does."""

    source: ast.expr
    first: int
    last: int | None  # of a comprehension; a loop's name stays


Find = Callable[[ast.expr], Iterator[str]]


class _Source:
    """The cells of a page, of which it is known what a name may stand for."""

    def __init__(self, cells: ast.Module) -> None:
        self.values = defaultdict[str, list[tuple[int, ast.expr]]](list)  # the line, what it is set to, or gets into it
        self.taken = defaultdict[str, list[_Taken]](list)
        self.functions = {node.name: node for node in ast.walk(cells) if isinstance(node, ast.FunctionDef)}
        self.found = dict[tuple[str, ast.expr], list[str]]()
        for node in ast.walk(cells):
            if isinstance(node, ast.Assign):
                for target in node.targets:
                    self._set(target, node)
            elif isinstance(node, ast.For):
                self._take(node.target, node.iter, node.lineno)
            elif isinstance(node, (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)):
                for part in node.generators:
                    self._take(part.target, part.iter, node.lineno, node.end_lineno)
            elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "append":
                self._put(node.func.value, node.args)

    def _set(self, target: ast.expr, node: ast.Assign) -> None:
        if isinstance(target, ast.Name):
            self.values[target.id].append((node.lineno, node.value))
        elif isinstance(target, ast.Subscript):
            self._put(target.value, [target.slice, node.value])
        elif isinstance(target, ast.Tuple):
            self._take(target, node.value, node.lineno)

    def _put(self, into: ast.expr, what: Sequence[ast.expr]) -> None:
        if isinstance(into, ast.Name):  # as a dictionary, where the first is a key
            self.values[into.id].append((into.lineno, ast.Dict([what[0]], [what[-1]])))

    def _take(self, target: ast.expr, source: ast.expr, first: int, last: int | None = None) -> None:
        if isinstance(target, ast.Name):
            self.taken[target.id].append(_Taken(source, first, last))
        elif isinstance(target, (ast.Tuple, ast.List)):
            for place, part in enumerate(target.elts):
                self._take(part, _at(place, source), first, last)

    def _set_to(self, name: ast.expr) -> list[ast.expr]:
        """What a name was set to before it stands where it stands; nothing of what is no name."""
        values = self.values[name.id] if isinstance(name, ast.Name) else []
        return [value for line, value in values if line <= name.lineno]

    def _sources(self, name: ast.Name) -> list[ast.expr]:
        """What a name is taken out of where it stands: by a comprehension around it, else the last loop before it."""
        around = [taken for taken in self.taken[name.id] if taken.last and taken.first <= name.lineno <= taken.last]
        before = [taken for taken in self.taken[name.id] if not taken.last and taken.first <= name.lineno]
        nearest = around or sorted(before, key=lambda taken: taken.first)[-1:]
        return [taken.source for taken in nearest]

    def key(self, node: ast.expr) -> str:
        """A pattern of the names that an expression may be."""
        match node:
            case ast.Constant():
                return re.escape(str(node.value))
            case ast.JoinedStr():
                return "".join(map(self.key, node.values))
            case ast.FormattedValue():
                return self.key(node.value)
            case ast.Name() if (values := self._set_to(node)) and not self._sources(node):
                return f"(?:{'|'.join(map(self.key, values))})"
        return ".+"

    def texts(self, node: ast.expr) -> list[str]:
        """The texts that an expression may be."""
        return self._once(self._texts, node)

    def _once(self, find: Find, node: ast.expr) -> list[str]:
        """What is found, without what it is found in itself."""
        key = find.__name__, node
        if key not in self.found:
            self.found[key] = []
            self.found[key] = list(dict.fromkeys(find(node)))
        return self.found[key]

    def _all(self, nodes: Iterable[ast.expr]) -> Iterator[str]:
        for node in nodes:
            yield from self.texts(node)

    def _texts(self, node: ast.expr) -> Iterator[str]:
        match node:
            case ast.Constant(value=str(text)):
                yield text
            case ast.JoinedStr():
                yield from self._formatted(node)
            case ast.IfExp():
                yield from self._all([node.body, node.orelse])
            case ast.BoolOp():
                yield from self._all(node.values)
            case ast.Name():
                yield from self._all(self._set_to(node))
                for source in self._sources(node):
                    yield from self._once(self._items, source)
            case ast.Subscript():
                yield from self._once(self._values, node.value)
            case ast.Call(func=ast.Attribute(value=ast.Constant(value=str(text)), attr="join")):
                yield f"{{0}}{text}{{1}}"
                yield from self._once(self._items, node.args[0])
            case ast.Call(func=ast.Attribute(value=ast.Constant(value=str(text)), attr="format")):
                yield _numbered(text)
            case ast.Call(func=ast.Attribute(value=inside, attr="replace"), args=[ast.Constant(), ast.Constant()]):
                old, new = (str(ast.literal_eval(part)) for part in node.args)
                yield from (text.replace(old, new) for text in self.texts(inside))
            case ast.Call(func=ast.Name(id=name)) if name in self.functions:
                inside_it = ast.walk(self.functions[name])
                yield from self._all(part.value for part in inside_it if isinstance(part, ast.Return) and part.value)
                yield from self._all(part for part in node.args if isinstance(part, ast.Constant))

    def _items(self, node: ast.expr) -> Iterator[str]:
        """The texts that a loop over a collection goes through: of a dictionary, the keys."""
        match node:
            case ast.List() | ast.Tuple() | ast.Set():
                yield from self._all(node.elts)
            case ast.Dict():
                yield from self._all(filter(None, node.keys))
            case ast.DictComp():
                yield from self.texts(node.key)
            case ast.ListComp() | ast.GeneratorExp() | ast.SetComp():
                yield from self.texts(node.elt)
            case ast.Name():
                for source in [*self._set_to(node), *self._sources(node)]:
                    yield from self._once(self._items, source)
            case ast.Subscript(slice=ast.Slice()):
                yield from self._once(self._items, node.value)
            case ast.Call(func=ast.Name(id=name)) if name in SAME:
                for part in node.args:
                    yield from self._once(self._items, part)
            case ast.Call(func=ast.Attribute(value=inside, attr="keys")):
                yield from self._once(self._items, inside)
            case ast.Call(func=ast.Attribute(value=inside, attr="values")):
                yield from self._once(self._values, inside)

    def _values(self, node: ast.expr) -> Iterator[str]:
        """The texts that `collection[…]` may be: of a dictionary, the values."""
        match node:
            case ast.Dict():
                yield from self._all(node.values)
            case ast.DictComp():
                yield from self.texts(node.value)
            case ast.Name():
                for source in self._set_to(node):
                    yield from self._once(self._values, source)
            case _:
                yield from self._once(self._items, node)

    def _formatted(self, node: ast.JoinedStr) -> Iterator[str]:
        """An f-string: what is chosen in it, or is part of a word, in its place; else {}, and its texts behind it."""
        texts, behind = [""], list[str]()
        for place, part in enumerate(node.values):
            if isinstance(part, ast.FormattedValue):
                around = f"{_text(node.values[:place][-1:])[-1:]} {_text(node.values[place + 1 : place + 2])[:1]}"
                known = self.texts(part.value)
                chosen = isinstance(part.value, ast.IfExp) or any(
                    value.strip() != value or not value for value in known
                )
                if known and (chosen or re.search(r"^[^\W_]| [^\W_]", around)):
                    texts = [text + value for text in texts for value in known]
                    continue
                behind += known
            texts = [text + (_text([part]) if isinstance(part, ast.Constant) else "{}") for text in texts]
        yield from map(_numbered, texts)
        yield from behind


def _at(place: int, source: ast.expr) -> ast.expr:
    """What the name at a place of `for first, second in source` is taken out of."""
    match source:
        case ast.Call(func=ast.Name(id="zip"), args=parts) if place < len(parts):
            return parts[place]
        case ast.Call(func=ast.Name(id="enumerate"), args=[part, *_]):
            return part if place else ast.Tuple([])
        case ast.Call(func=ast.Attribute(value=inside, attr="items")):
            return ast.Call(ast.Attribute(inside, "values" if place else "keys"), [], [])
        case ast.List(elts=elements) | ast.Tuple(elts=elements):
            inner = [part.elts[place] for part in elements if isinstance(part, ast.Tuple) and place < len(part.elts)]
            return ast.List(inner) if len(inner) == len(elements) else source
    return source


def _text(parts: list[ast.expr]) -> str:
    return "".join(str(part.value) for part in parts if isinstance(part, ast.Constant))


def _numbered(text: str) -> str:
    """The text with {0}, {1}, … for its fields."""
    first, *others = FIELD.split(text)
    return first + "".join(f"{{{number}}}{part}" for number, part in enumerate(others))
