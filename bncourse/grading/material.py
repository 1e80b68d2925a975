"""Reading what a stranger handed in: notebooks only, within limits, and one line for each thing that was refused."""

import contextlib
import functools
import hashlib
import io
import os
from collections import deque
from dataclasses import dataclass

from bncourse.grading.trees import (
    LARGE,
    MEGABYTE,
    MOST_CONTENTS,
    MOST_ENTRIES,
    MOST_IN_FILE,
    MOST_LISTED,
    OnDisk,
    Refused,
    clean,
    ends_with,
    opened_zip,
    short,
    visible,
    why,
)

MOST_IN_ALL = 120 * MEGABYTE
MOST_ZIPS = 20
MOST_LINES = 50
CHUNK = 1 << 18


@dataclass(frozen=True)
class Material:
    """The notebooks of one submission: name -> content, what was refused and why, and a digest of both."""

    files: dict[str, bytes]
    problems: list[str]
    digest: str


def read(places):
    """The material in files, folders and zips, given as pairs of a path and the name to show. Never raises.

    At most 120 MB are held, 100 MB of one file, plus as much for a zip that lies in the zip of a whole class.
    """
    reading = _Reading(several=len(places) > 1)
    for path, name in places:
        try:
            _kept, node = _node(path)
            reading.add(node, clean(name))
        except Exception as error:  # whatever a stranger's bytes do to a library
            reading.refuse(why(error), name)
    return reading.material()


def class_zip(file, path):
    """The root folder of the zip of a whole class, which may hold more than that of one student."""
    return opened_zip(file, path, MOST_LISTED, 4 * MOST_CONTENTS)


def _node(path):
    """What lies at a path, which may lead into a zip as if that were a folder, and what holds that zip open."""
    outer = next((parent for parent in path.parents if os.path.lexists(parent)), path)
    if os.path.lexists(path) or not outer.is_file():
        return None, OnDisk(path)
    status = outer.stat()
    kept, node = _kept_open(outer, (status.st_ino, status.st_size, status.st_mtime_ns), os.getpid())
    for part in path.relative_to(outer).parts:
        node = node.child(part)
    return kept, node


@functools.lru_cache(maxsize=1)
def _kept_open(path, state, process):
    """The zip of a class stays open from student to student, in each process for itself: forks share a position."""
    kept = _opened_class(path)
    return kept, kept.__enter__()


@contextlib.contextmanager
def _opened_class(path):
    with path.open("rb") as file, class_zip(file, path) as root:
        yield root


class _Reading:
    def __init__(self, several):
        self.several = several
        self.files, self.problems, self.others = {}, [], []
        self.entries_left, self.zips_left = MOST_ENTRIES, MOST_ZIPS
        self.left = {"files": MOST_IN_ALL, "zips": MOST_IN_ALL}

    def material(self):
        files = dict(sorted(self.files.items()))
        problems = self.problems[:MOST_LINES]
        if len(self.problems) > MOST_LINES:
            problems.append(f"and {len(self.problems) - MOST_LINES} more like these")
        if not files and not problems:
            problems.append("no notebook in it" + (f", only {short(self.others[0])}" if self.others else ""))
        digest = hashlib.sha256()
        for part in (len(files), *(part for item in files.items() for part in item), *problems):
            data = part if isinstance(part, bytes) else str(part).encode()
            digest.update(b"%d:" % len(data))
            digest.update(data)
        return Material(files, problems, digest.hexdigest()[:16])

    def refuse(self, reason, name):
        self.problems.append(f"{reason}: {short(name)}")

    def add(self, node, name):
        """One place: a folder is walked, a zip opened, a notebook read."""
        if node.is_folder and not node.refusal:
            self.walk(node, "", zips=True)
        else:
            self.one(node, name, f"{name}/" if self.several else "", zips=True)

    def walk(self, folder, prefix, zips):
        """All notebooks below a folder, the upper ones first; without `zips`, a zip is refused."""
        waiting = deque([(folder, prefix)])
        while waiting:
            folder, prefix = waiting.popleft()
            try:
                children = visible(folder)
            except (OSError, Refused) as error:
                self.refuse(why(error), prefix or folder.name)
                continue
            self.entries_left -= len(children) if zips else 0  # a zip was counted when it was opened
            if self.entries_left < 0:
                self.refuse(f"more than {MOST_ENTRIES:,} entries", prefix or folder.name)
                return
            for child in children:
                name = prefix + clean(child.name)
                if child.is_folder and not child.refusal:
                    waiting.append((child, f"{name}/"))
                else:
                    self.one(child, name, f"{name}/", zips)

    def one(self, node, name, prefix, zips):
        """A notebook or a zip, whose notebooks get the prefix; anything else is only remembered."""
        try:
            if node.refusal:
                raise Refused(node.refusal)
            if ends_with(node, ".ipynb"):
                if self.left["files"] <= 0:
                    raise Refused(f"more than {MOST_IN_ALL // MEGABYTE} MB in all")
                self.files[self.unused(name)] = self.content(node, "files")
            elif not ends_with(node, ".zip"):
                self.others.append(name)
            elif not zips:
                raise Refused("a zip in a zip")
            elif not self.zips_left:
                raise Refused(f"more than {MOST_ZIPS} zips")
            else:
                self.zips_left -= 1
                self.unzip(node, prefix)
        except Exception as error:
            self.refuse(why(error), name)

    def unzip(self, node, prefix):
        # Bytes in the zip of a class cannot be read back and forth at a bearable speed: they are held.
        opened = node.open() if isinstance(node, OnDisk) else io.BytesIO(self.content(node, "zips"))
        with opened as file, opened_zip(file, node.path) as root:
            for reason, name in root.refused:
                self.refuse(reason, prefix + name)
            self.walk(root, prefix, zips=False)

    def content(self, node, kind):
        """All bytes of a file, counted as they come: what a zip says about sizes is not believed."""
        buffer = io.BytesIO()
        with node.open() as file:
            while chunk := file.read(CHUNK):
                self.left[kind] -= len(chunk)
                if buffer.tell() + len(chunk) > MOST_IN_FILE:
                    raise Refused(LARGE)
                if self.left[kind] < 0:
                    raise Refused(f"more than {MOST_IN_ALL // MEGABYTE} MB in all")
                buffer.write(chunk)
        return buffer.getvalue()

    def unused(self, name):
        unused, number = name, 2
        while unused in self.files:
            unused, number = f"{name[:-6]} ({number}){name[-6:]}", number + 1
        return unused
