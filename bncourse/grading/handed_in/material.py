"""Reading what a stranger handed in: notebooks only, within limits, and one line for each thing that was refused."""

import contextlib
import functools
import hashlib
import io
import os
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from bncourse.grading.handed_in import trees
from bncourse.grading.handed_in.trees import InZip, Node, OnDisk, Unreadable, clean, short, why

MOST_IN_ALL = 120 * trees.MEGABYTE
MOST_ZIPS = 20
MOST_LINES = 50
MOST_MODULES, MOST_IN_MODULE = 200, trees.MEGABYTE // 10
CHUNK = 1 << 18


@dataclass(frozen=True)
class Material:
    """The notebooks of one submission: name -> content, what was refused and why, and a digest of all.

    `modules` holds the text of Python files by name, since a notebook may import what lies beside it.
    """

    files: dict[str, bytes]
    problems: list[str]
    digest: str
    modules: dict[str, str] = field(default_factory=dict)


def read(paths: Iterable[tuple[Path, str]]) -> Material:
    """The material in files, folders and zips, as pairs of a path and the name to show. Never raises.

    At most 120 MB are held, 100 MB of one file, plus as much for a zip that lies in the zip of a whole class.
    """
    paths = list(paths)
    reading = _Reading(several=len(paths) > 1)
    for path, name in paths:
        try:
            _open, node = _node(path)  # open as long as the node is used
            reading.add(node, clean(name))
        except Exception as error:  # whatever a stranger's bytes do to a library
            reading.refuse(why(error), name)
    return reading.material()


def class_zip(file: IO[bytes], path: Path) -> AbstractContextManager[InZip]:
    """The root folder of the zip of a whole class, which may hold more than that of one student."""
    return trees.opened_zip(file, path, trees.MOST_LISTED, 4 * trees.MOST_CONTENTS)


OpenZip = AbstractContextManager[InZip]


def _node(path: Path) -> tuple[OpenZip | None, Node]:
    """What lies at a path, which may lead into a zip as if that were a folder, and what holds that zip open."""
    outer = next((parent for parent in path.parents if os.path.lexists(parent)), path)
    if os.path.lexists(path) or not outer.is_file():
        return None, OnDisk(path)
    status = outer.stat()
    archive, node = _opened_once(outer, (status.st_ino, status.st_size, status.st_mtime_ns), os.getpid())
    for part in path.relative_to(outer).parts:
        node = node.child(part)
    return archive, node


@functools.lru_cache(maxsize=1)
def _opened_once(path: Path, state: tuple[int, int, int], process: int) -> tuple[OpenZip, InZip]:
    """The zip of a class stays open from student to student, in each process for itself: forks share a position."""
    archive = _opened_class(path)
    return archive, archive.__enter__()


@contextlib.contextmanager
def _opened_class(path: Path) -> Iterator[InZip]:
    with path.open("rb") as file, class_zip(file, path) as root:
        yield root


class _Reading:
    def __init__(self, several: bool) -> None:
        self.several = several
        self.files: dict[str, bytes] = {}
        self.problems: list[str] = []
        self.others: list[str] = []
        self.modules: dict[str, str] = {}
        self.entries_left, self.zips_left = trees.MOST_ENTRIES, MOST_ZIPS
        self.left = {"files": MOST_IN_ALL, "zips": MOST_IN_ALL}

    def material(self) -> Material:
        files = dict(sorted(self.files.items()))
        problems = self.problems[:MOST_LINES]
        if len(self.problems) > MOST_LINES:
            problems.append(f"and {len(self.problems) - MOST_LINES} more like these")
        if not files and not problems:
            problems.append("no notebook in it" + (f", only {short(self.others[0])}" if self.others else ""))
        digest = hashlib.sha256()
        modules = dict(sorted(self.modules.items())) if files else {}
        items = [*files.items(), *modules.items()]
        for part in (len(files), *(part for item in items for part in item), *problems):
            data = part if isinstance(part, bytes) else str(part).encode()
            digest.update(b"%d:" % len(data))
            digest.update(data)
        return Material(files, problems, digest.hexdigest()[:16], modules)

    def refuse(self, reason: str, name: str) -> None:
        self.problems.append(f"{reason}: {short(name)}")

    def add(self, node: Node, name: str) -> None:
        """A folder is walked, a zip opened, a notebook read."""
        if node.is_folder and not node.refusal:
            self.walk(node, "", zips=True)
        else:
            self.add_file(node, name, f"{name}/" if self.several else "", zips=True)

    def walk(self, folder: Node, prefix: str, zips: bool) -> None:
        """All notebooks below a folder, the upper ones first; without `zips`, a zip is refused."""
        waiting = deque([(folder, prefix)])
        while waiting:
            folder, prefix = waiting.popleft()
            try:
                children = trees.visible(folder)
            except (OSError, Unreadable) as error:
                self.refuse(why(error), prefix or folder.name)
                continue
            self.entries_left -= len(children) if zips else 0  # a zip was counted when it was opened
            if self.entries_left < 0:
                self.refuse(f"more than {trees.MOST_ENTRIES:,} entries", prefix or folder.name)
                return
            for child in children:
                name = prefix + clean(child.name)
                if child.is_folder and not child.refusal:
                    waiting.append((child, f"{name}/"))
                else:
                    self.add_file(child, name, f"{name}/", zips)

    def add_file(self, node: Node, name: str, prefix: str, zips: bool) -> None:
        """A notebook or a zip, whose notebooks get the prefix; anything else is only remembered."""
        try:
            if node.refusal:
                raise Unreadable(node.refusal)
            if trees.ends_with(node, ".ipynb"):
                if self.left["files"] <= 0:
                    raise Unreadable(f"more than {MOST_IN_ALL // trees.MEGABYTE} MB in all")
                self.files[self.unused(name)] = self.content(node, "files")
            elif not trees.ends_with(node, ".zip"):
                self.others.append(name)
                if trees.ends_with(node, ".py") and len(self.modules) < MOST_MODULES:
                    with contextlib.suppress(Unreadable):  # nobody writes so much beside a notebook
                        self.modules[name] = self.content(node, "files", MOST_IN_MODULE).decode("utf-8-sig", "replace")
            elif not zips:
                raise Unreadable("a zip in a zip")
            elif not self.zips_left:
                raise Unreadable(f"more than {MOST_ZIPS} zips")
            else:
                self.zips_left -= 1
                self.unzip(node, prefix)
        except Exception as error:
            self.refuse(why(error), name)

    def unzip(self, node: Node, prefix: str) -> None:
        # Bytes in the zip of a class cannot be read back and forth at a bearable speed: they are held.
        opened = node.open() if isinstance(node, OnDisk) else io.BytesIO(self.content(node, "zips"))
        with opened as file, trees.opened_zip(file, node.path) as root:
            for reason, name in root.refused:
                self.refuse(reason, prefix + name)
            self.walk(root, prefix, zips=False)

    def content(self, node: Node, kind: str, most: int = trees.MOST_IN_FILE) -> bytes:
        """All bytes of a file, counted as they come: what a zip says about sizes is not believed."""
        buffer = io.BytesIO()
        with node.open() as file:
            while chunk := file.read(CHUNK):
                self.left[kind] -= len(chunk)
                if buffer.tell() + len(chunk) > most:
                    raise Unreadable(trees.LARGE)
                if self.left[kind] < 0:
                    raise Unreadable(f"more than {MOST_IN_ALL // trees.MEGABYTE} MB in all")
                buffer.write(chunk)
        return buffer.getvalue()

    def unused(self, name: str) -> str:
        unused, number = name, 2
        while unused in self.files:
            unused, number = f"{name[:-6]} ({number}){name[-6:]}", number + 1
        return unused
