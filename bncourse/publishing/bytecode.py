"""What Python has compiled in the reader's browser, kept for the next visit: a start is for the most part compiling."""

import io
import marshal
import sys
import zipfile
from collections.abc import Iterator, Mapping
from importlib.util import MAGIC_NUMBER, cache_from_source
from pathlib import PurePosixPath
from types import CodeType, ModuleType
from typing import Any
from zipimport import zipimporter

Zips = tuple[bytes, bytes]
UNCHECKED = (1).to_bytes(4, "little") + bytes(8)  # by a hash of the source, which is not looked at (PEP 552)


def compiling(modules: Mapping[str, ModuleType] | None = None) -> Iterator[Zips | None]:
    """Compile what is imported, a module a step; the last step gives two zips, and those before it None.

    The first zip is the standard library's own with the compiled modules beside their sources. The second is for the
    root of the file system, and puts each other module's bytecode where Python looks for it. Nothing compares them
    with the sources again: they hold as long as those do.
    """
    library: dict[str, dict[str, bytes]] = {}  # archive -> name in it -> bytecode
    others: dict[str, bytes] = {}
    for name, module in [*(sys.modules if modules is None else modules).items()]:
        spec = getattr(module, "__spec__", None)
        source, loader = getattr(spec, "origin", None) or "", getattr(spec, "loader", None)
        if source.endswith(".py") and (code := _code(loader, name)):
            if isinstance(loader, zipimporter):
                inside = source.removeprefix(loader.archive).lstrip("/")
                library.setdefault(loader.archive, {})[f"{inside}c"] = code
            else:
                others[PurePosixPath(cache_from_source(source)).as_posix().lstrip("/")] = code
        yield None
    (archive, compiled), *_ = [*library.items(), ("", {})]
    yield _zipped(compiled, archive), _zipped(others)


def _code(loader: Any, name: str) -> bytes | None:
    """A module's bytecode as a file that is taken unchecked; None if its loader has none."""
    try:
        code = loader.get_code(name)
    except (AttributeError, ImportError):
        return None
    return MAGIC_NUMBER + UNCHECKED + marshal.dumps(code) if isinstance(code, CodeType) else None


def _zipped(files: Mapping[str, bytes], others: str = "") -> bytes:
    """A zip of the files, uncompressed since it is read more often than written, and of what another archive holds."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
        if others:
            with zipfile.ZipFile(others) as original:
                for entry in original.infolist():
                    archive.writestr(entry, original.read(entry))
    return packed.getvalue()
