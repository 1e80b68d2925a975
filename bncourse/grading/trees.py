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


class Refused(Exception):
    """Something is not read; the message says why in a few words."""


def clean(name):
    """A name that fits into one line of UTF-8, whatever bytes it came from; NFC."""
    with contextlib.suppress(UnicodeError):
        name = name.encode("utf-8", "surrogateescape").decode("utf-8")
    return unicodedata.normalize("NFC", UNSHOWABLE.sub("\ufffd", name))


def short(name, most=200):
    """A clean name of at most so many characters."""
    name = clean(name)
    return name if len(name) <= most else f"{name[: most // 2]}…{name[1 - most // 2 :]}"


def visible(node):
    """The children of a folder that people put there, in the order of their names."""
    children = [child for child in node.children() if not is_hidden(child.name)]
    return sorted(children, key=lambda child: (clean(child.name), child.name))


def is_hidden(name):
    return name.startswith(".") or name in ("__MACOSX", "__pycache__")


def ends_with(node, suffix):
    return node.name.lower().endswith(suffix)


class OnDisk:
    """A file or folder on disk."""

    def __init__(self, path):
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

    def children(self):
        with os.scandir(self.path) as entries:
            names = [entry.name for entry in itertools.islice(entries, MOST_LISTED + 1)]
        if len(names) > MOST_LISTED:
            raise Refused(f"more than {MOST_LISTED:,} entries")
        return [OnDisk(self.path / name) for name in names]

    def open(self):
        number = os.open(self.path, FLAGS)
        status = os.fstat(number)
        if stat.S_ISREG(status.st_mode) and status.st_size <= MOST_IN_FILE:
            return os.fdopen(number, "rb")
        os.close(number)
        raise Refused(LARGE if stat.S_ISREG(status.st_mode) else IRREGULAR)


class InZip:
    """A file (`content` is its ZipInfo) or folder (`content` is a dict of those by name) in an open zip."""

    def __init__(self, archive, path, name, content):
        self.archive, self.path, self.name, self.content = archive, path, name, content
        self.is_folder = isinstance(content, dict)
        self.refusal = "" if self.is_folder else _entry_refusal(content)
        self.refused = []  # (reason, name) of entries that have no place in the tree

    def child(self, name):
        if not self.is_folder or name not in self.content:
            raise Refused("no longer there")
        return InZip(self.archive, self.path / name, name, self.content[name])

    def children(self):
        return [self.child(name) for name in self.content]

    def open(self):
        if self.content.file_size > MOST_IN_FILE:
            raise Refused(LARGE)
        return self.archive.open(self.content)


@contextlib.contextmanager
def opened_zip(file, path, most_entries=MOST_ENTRIES, most_contents=MOST_CONTENTS):
    """The root folder of the zip in a binary file, as an InZip; Refused, in a few words, if it cannot be had."""
    try:
        archive = zipfile.ZipFile(_Guarded(file, most_contents))
    except Refused:
        raise
    except Exception as error:  # zipfile raises half a dozen types for damaged zips
        raise Refused("not a zip, or damaged") from error
    with archive:
        yield _tree(archive, path, most_entries)


class _Guarded:
    """A file that reads little at once, so that a zip's table of contents cannot fill the memory."""

    def __init__(self, file, most):
        self.file, self.most = file, most
        self.seek, self.tell, self.seekable = file.seek, file.tell, file.seekable

    def read(self, size=-1):
        data = self.file.read(min(size, self.most + 1) if size >= 0 else self.most + 1)
        if len(data) > self.most:
            raise Refused("its table of contents is too large")
        return data


def _tree(archive, path, most_entries):
    root, entries = InZip(archive, path, path.name, {}), 0
    for info in archive.infolist():
        name = _name(info)
        parts = [part for part in name.split("/") if part not in ("", ".")]
        if not parts or any(is_hidden(part) for part in parts if part != ".."):
            continue
        entries += 1
        if entries > most_entries:
            raise Refused(f"more than {most_entries:,} entries")
        if name.startswith("/") or re.match("[A-Za-z]:", name) or ".." in parts:
            refusal = "a path that leads out of the zip"
        elif len(parts) > MOST_DEPTH:
            refusal = f"in more than {MOST_DEPTH} folders"
        else:
            refusal = _put(root.content, parts, None if name.endswith("/") else info)
        if refusal:
            root.refused.append((refusal, name))
    return root


def _put(folder, parts, info):
    """Add a file, or a folder if `info` is None, below a folder; what is wrong with that, if anything."""
    *folders, last = parts if info else [*parts, None]
    for part in folders:
        folder = folder.setdefault(part, {})
        if not isinstance(folder, dict):
            return "a file and a folder of one name"
    if not info:
        return ""
    if isinstance(folder.get(last), dict):
        return "a file and a folder of one name"
    again = "in the zip twice, the last was read" if last in folder else ""
    folder[last] = info
    return again


def _name(info):
    """An entry's path with forward slashes; UTF-8 that is not marked as such, as macOS writes it, is read as UTF-8."""
    name = info.filename
    if not info.flag_bits & 0x800:
        with contextlib.suppress(UnicodeError):
            name = name.encode("cp437").decode("utf-8")
    return name.replace("\\", "/")


def _entry_refusal(info):
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


def why(error):
    """The reason in an exception, in a few words without a path."""
    if isinstance(error, Refused):
        return str(error)
    if isinstance(error, OSError) and error.strerror:
        return f"cannot be read ({error.strerror.lower()})"
    return "damaged"
