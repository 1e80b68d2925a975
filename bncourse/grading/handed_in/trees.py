"""Folders and zips, seen alike: a tree of nodes in which nothing is followed, believed or written.

A node has a `name`, a `path` (inside a zip as if the zip were a folder) and a `refusal`, which says why it must not be
opened, or is empty. Folders have `children()`, files have `open()`.
"""

import contextlib
import itertools
import os
import re
import stat
import unicodedata
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, TypeAlias

MEGABYTE = 1_000_000
MOST_IN_FILE = 100 * MEGABYTE
MOST_ENTRIES = 1000
MOST_LISTED = 100_000  # in a folder or zip of a whole class
MOST_DEPTH = 50
MOST_CONTENTS = 4 * MEGABYTE  # of a zip's table of contents

# A file that became a link or a pipe since it was looked at is not followed and does not block.
FLAGS = os.O_RDONLY | sum(getattr(os, name, 0) for name in ("O_NOFOLLOW", "O_NONBLOCK", "O_CLOEXEC", "O_BINARY"))

IRREGULAR = "not a regular file"
LINK = "a link was not followed"
LARGE = f"larger than {MOST_IN_FILE // MEGABYTE} MB"
UNSHOWABLE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")

# How the names of letters begin that people use who have this encoding.
SCRIPTS: dict[str, str | tuple[str, ...]] = {
    "utf-8": "",
    "cp932": ("CJK", "HIRAGANA", "KATAKANA", "IDEOGRAPHIC", "FULLWIDTH"),
    "cp437": "LATIN",
    "cp1252": "LATIN",
}


class Unreadable(Exception):
    """Something is not read; the message says why in a few words."""


def clean(name: str) -> str:
    """A name that fits into one line of UTF-8, whatever bytes it came from; NFC."""
    with contextlib.suppress(UnicodeError):
        name = name.encode("utf-8", "surrogateescape").decode("utf-8")
    return unicodedata.normalize("NFC", UNSHOWABLE.sub("\ufffd", name))


def short(name: str, most: int = 200) -> str:
    """A clean name of at most so many characters."""
    name = clean(name)
    return name if len(name) <= most else f"{name[: most // 2]}…{name[1 - most // 2 :]}"


def visible(node: "Node") -> "list[Node]":
    """The children of a folder that people put there, in the order of their names."""
    children = [child for child in node.children() if not is_hidden(child.name)]
    return sorted(children, key=lambda child: (clean(child.name), child.name))


def is_hidden(name: str) -> bool:
    return name.startswith(".") or name in ("__MACOSX", "__pycache__")


def ends_with(node: "Node", suffix: str) -> bool:
    return node.name.lower().endswith(suffix)


class OnDisk:
    """A file or folder on disk."""

    def __init__(self, path: Path) -> None:
        self.path, self.name, self.refusal, self.is_folder = path, path.name, "", False
        try:
            mode = os.lstat(path).st_mode
        except (OSError, ValueError) as error:
            self.refusal = why(error)
            return
        self.is_folder = stat.S_ISDIR(mode)
        if stat.S_ISLNK(mode):
            self.refusal = LINK
        elif not self.is_folder and not stat.S_ISREG(mode):
            self.refusal = IRREGULAR

    def children(self) -> "list[Node]":
        with os.scandir(self.path) as entries:
            names = [entry.name for entry in itertools.islice(entries, MOST_LISTED + 1)]
        if len(names) > MOST_LISTED:
            raise Unreadable(f"more than {MOST_LISTED:,} entries")
        return [OnDisk(self.path / name) for name in names]

    def open(self) -> IO[bytes]:
        number = os.open(self.path, FLAGS)
        status = os.fstat(number)
        if stat.S_ISREG(status.st_mode) and status.st_size <= MOST_IN_FILE:
            return os.fdopen(number, "rb")
        os.close(number)
        raise Unreadable(LARGE if stat.S_ISREG(status.st_mode) else IRREGULAR)


Content: TypeAlias = "zipfile.ZipInfo | dict[str, Content]"


class InZip:
    """A file, or a folder (`content` holds that of its children by name), in an open zip."""

    def __init__(self, archive: zipfile.ZipFile, path: Path, name: str, content: Content) -> None:
        self.archive, self.path, self.name, self.content = archive, path, name, content
        self.is_folder = isinstance(content, dict)
        self.refusal = "" if isinstance(content, dict) else _entry_refusal(content)
        self.refused: list[tuple[str, str]] = []  # (reason, name) of entries that do not fit into the tree

    def child(self, name: str) -> "InZip":
        if not isinstance(self.content, dict) or name not in self.content:
            raise Unreadable("no longer there")
        return InZip(self.archive, self.path / name, name, self.content[name])

    def children(self) -> "list[Node]":
        return [self.child(name) for name in self.content] if isinstance(self.content, dict) else []

    def open(self) -> IO[bytes]:
        if isinstance(self.content, dict):
            raise Unreadable(IRREGULAR)
        if self.content.file_size > MOST_IN_FILE:
            raise Unreadable(LARGE)
        return self.archive.open(self.content)


Node = OnDisk | InZip


@contextlib.contextmanager
def opened_zip(
    file: IO[bytes], path: Path, most_entries: int = MOST_ENTRIES, most_contents: int = MOST_CONTENTS
) -> Iterator[InZip]:
    """The root folder of the zip in a binary file; Unreadable, in a few words, if it cannot be read."""
    try:
        archive = zipfile.ZipFile(_Guarded(file, most_contents))
    except Unreadable:
        raise
    except Exception as error:  # zipfile raises half a dozen types for damaged zips
        raise Unreadable("not a zip, or damaged") from error
    with archive:
        yield _tree(archive, path, most_entries)


class _Guarded:
    """A file that reads little at once, so that a zip's table of contents cannot fill the memory."""

    def __init__(self, file: IO[bytes], most: int) -> None:
        self.file, self.most = file, most
        self.seek, self.tell, self.seekable = file.seek, file.tell, file.seekable

    def read(self, size: int = -1) -> bytes:
        data = self.file.read(min(size, self.most + 1) if size >= 0 else self.most + 1)
        if len(data) > self.most:
            raise Unreadable("its table of contents is too large")
        return data


def _tree(archive: zipfile.ZipFile, path: Path, most_entries: int) -> InZip:
    content: dict[str, Content] = {}
    root, entries, encoding = InZip(archive, path, path.name, content), 0, _encoding(archive)
    for info in archive.infolist():
        name = _name(info, encoding)
        parts = [part for part in name.split("/") if part not in ("", ".")]
        if not parts or any(is_hidden(part) for part in parts if part != ".."):
            continue
        entries += 1
        if entries > most_entries:
            raise Unreadable(f"more than {most_entries:,} entries")
        if name.startswith("/") or re.match("[A-Za-z]:", name) or ".." in parts:
            refusal = "a path that leads out of the zip"
        elif len(parts) > MOST_DEPTH:
            refusal = f"in more than {MOST_DEPTH} folders"
        else:
            refusal = _put(content, parts, None if name.endswith("/") else info)
        if refusal:
            root.refused.append((refusal, name))
    return root


def _put(folder: dict[str, Content], parts: list[str], info: zipfile.ZipInfo | None) -> str:
    """Add a file, or a folder if `info` is None, below a folder; what is wrong with that, if anything."""
    for part in parts[:-1] if info else parts:
        inner = folder.setdefault(part, {})
        if not isinstance(inner, dict):
            return "a file and a folder of one name"
        folder = inner
    if not info:
        return ""
    earlier = folder.get(parts[-1])
    if isinstance(earlier, dict):
        return "a file and a folder of one name"
    folder[parts[-1]] = info
    return "in the zip twice, the last was read" if earlier else ""


def _name(info: zipfile.ZipInfo, encoding: str) -> str:
    """An entry's path with forward slashes, its bytes read in this encoding unless they are marked as UTF-8."""
    name = info.filename
    if not info.flag_bits & 0x800:
        with contextlib.suppress(UnicodeError):
            name = name.encode("cp437").decode(encoding)
    return name.replace("\\", "/")


def _encoding(archive: zipfile.ZipFile) -> str:
    """In what the names of a zip are written that does not say so: UTF-8 by macOS, the machine's own by Windows.

    The first in which all of them are letters that people write in it; one alone may be read in several ways.
    """
    names = []
    for info in archive.infolist():
        if not info.flag_bits & 0x800:
            with contextlib.suppress(UnicodeError):
                names.append(info.filename.encode("cp437"))
    return next((encoding for encoding in SCRIPTS if _reads_well(names, encoding)), "cp437")


def _reads_well(names: list[bytes], encoding: str) -> bool:
    try:
        text = "".join(name.decode(encoding) for name in names)
    except UnicodeError:
        return False
    letters = (unicodedata.name(character, "") for character in text if not character.isascii())
    return all(name.startswith(SCRIPTS[encoding]) for name in letters)


def _entry_refusal(info: zipfile.ZipInfo) -> str:
    kind = stat.S_IFMT(info.external_attr >> 16)
    if kind == stat.S_IFLNK:
        return LINK
    if kind not in (0, stat.S_IFREG):
        return IRREGULAR
    if info.flag_bits & 0x41:
        return "encrypted"
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        return "compressed in an unusual way"  # zipfile bounds the output of these two only
    return ""


def why(error: Exception) -> str:
    """The reason in an exception, in a few words without a path."""
    if isinstance(error, Unreadable):
        return str(error)
    if isinstance(error, OSError) and error.strerror:
        return f"cannot be read ({error.strerror.lower()})"
    return "damaged"
