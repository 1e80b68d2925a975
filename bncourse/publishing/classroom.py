"""The course as it runs in the reader's browser: what the built site holds beside its pages."""

import io
import json
import shutil
import zipfile
from collections.abc import Iterator
from hashlib import sha256
from importlib import metadata
from pathlib import Path

from bncourse.course import curriculum
from bncourse.course.curriculum import Exercise
from bncourse.course.errors import CourseError
from bncourse.course.language import ENGLISH, folder_of
from bncourse.course.paths import EXERCISES, MISTAKES, ROOT
from bncourse.publishing import runtime
from bncourse.publishing.needs import needs_torch

FOLDER = "_static/classroom"  # within the site
PACKED = "course.zip"
# What judging imports besides NumPy and the standard library; all of it must be Python alone.
LIBRARIES = ("hypothesis", "sortedcontainers")
ROOMS = ("course", "checking")


def offered() -> list[Exercise]:
    """The exercises that are solved in the browser: those that no PyTorch is needed for."""
    return [exercise for exercise in curriculum.exercises().values() if not needs_torch(exercise)]


def write(site: Path, language: str = ENGLISH) -> None:
    """Put into a site of a language what its exercises run on; CourseError if something of it is not to be had."""
    folder = site / FOLDER
    python = folder / f"pyodide-{runtime.VERSION}"  # browsers may keep it for good
    python.mkdir(parents=True, exist_ok=True)
    (folder / "classroom.json").unlink(missing_ok=True)  # without it the pages say that there is no Python
    files = runtime.fetch()
    for name in runtime.FILES:
        if not (python / name).exists():
            shutil.copyfile(files / name, python / name)
    (python / "pyodide-lock.json").write_text(json.dumps(_lock()))
    packed = pack(language)
    (folder / PACKED).write_bytes(packed)
    sizes = {name: (python / name).stat().st_size for name in runtime.FILES} | {PACKED: len(packed)}
    about = {"runtime": python.name, "digest": sha256(packed).hexdigest()[:16], "sizes": sizes}
    (folder / "classroom.json").write_text(json.dumps(about))
    shutil.copyfile(folder / "sw.js", site / "sw.js")  # it serves what lies beside and below it


def _lock() -> dict[str, object]:
    """What Pyodide wants to know of packages; of its own list of hundreds, NumPy's entry."""
    numpy = {
        "name": "numpy", "version": runtime.NUMPY.split("-")[1], "file_name": runtime.NUMPY, "install_dir": "site",
        "sha256": runtime.FILES[runtime.NUMPY], "package_type": "package", "imports": ["numpy"], "depends": [],
    }  # fmt: skip
    info = {
        "version": runtime.VERSION, "abi_version": "2024_0", "arch": "wasm32", "platform": "emscripten_3_1_58",
        "python": "3.12.7",
    }  # fmt: skip
    return {"info": info, "packages": {"numpy": numpy}}


def pack(language: str = ENGLISH) -> bytes:
    """A zip of the judging half of the course, the checks and mistakes of what is offered, and pure libraries.

    With it what checks say in the `language`, if that is not English. Equal trees give equal bytes.
    """
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, path in sorted({**dict(_of_the_course(language)), **dict(_of_libraries())}.items()):
            archive.writestr(zipfile.ZipInfo(name), path.read_bytes(), zipfile.ZIP_DEFLATED, 9)
    return packed.getvalue()


def _of_the_course(language: str) -> Iterator[tuple[str, Path]]:
    """(name in the zip, path) of each file of the course that judging reads."""
    exercises = offered()
    chapters = {exercise.chapter for exercise in exercises}
    paths = [ROOT / "bncourse/__init__.py"]
    paths += [ROOT / f"bncourse/publishing/{name}.py" for name in ("__init__", "browser", "bytecode")]
    paths += [path for room in ROOMS for path in (ROOT / "bncourse" / room).glob("*.py")]
    paths += [exercise.check_file for exercise in exercises]
    for exercise in exercises:
        paths += (MISTAKES / exercise.chapter).glob(f"{exercise.id.replace('.', '_')}_*.py")
    paths += [EXERCISES / f"{chapter}.ipynb" for chapter in chapters]
    catalogues = [folder_of(language) / f"checks/{name}.po" for name in ("report", *chapters)]
    paths += [path for path in catalogues if path.is_file()]
    yield from ((path.relative_to(ROOT).as_posix(), path) for path in paths)


def _of_libraries() -> Iterator[tuple[str, Path]]:
    for library in LIBRARIES:
        try:
            files = metadata.files(library) or []
        except metadata.PackageNotFoundError:
            raise CourseError(f"{library} is not installed: pip install -r requirements.txt") from None
        if any(file.suffix in (".so", ".pyd") for file in files):
            version = metadata.version(library)
            raise CourseError(
                f"{library} {version} holds compiled code, which no browser runs: pip install -r requirements.txt "
                "-c constraints.txt takes one that does not"
            )
        yield from ((file.as_posix(), Path(str(file.locate()))) for file in files if file.suffix == ".py")
