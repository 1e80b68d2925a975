"""Builds of a small book: the real configuration, extensions and package, with pages and constraints made up here."""

import io
import json
import os
import shutil
import socket
import subprocess
import sys
from base64 import b64decode

import pytest
from bs4 import BeautifulSoup
from PIL import Image

from bncourse.course.errors import CourseError
from bncourse.course.paths import ROOT
from bncourse.publishing import site

PAGE = """---
file_format: mystnb
kernelspec:
  name: python3
---

# A page

```{{code-cell}} python
{code}
```
"""
KEYS = """import json, sys
from bncourse.publishing.keys import PageKeys
keys = PageKeys()
print(json.dumps([keys.{}(code) for code in sys.argv[1:]], default=str))
"""


@pytest.fixture
def small_book(tmp_path):
    ignored = shutil.ignore_patterns("__pycache__")
    for name in ("_ext", "book/_static", "bncourse"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=ignored)
    shutil.copy(ROOT / "_config.yml", tmp_path)
    (tmp_path / "book/references.bib").touch()
    (tmp_path / "_toc.yml").write_text("{format: jb-book, root: book/intro}")
    return tmp_path


@pytest.mark.parametrize(
    "page",
    [
        PAGE.format(code="1 / 0"),
        "# A page\n\n[there](nowhere.md)",
        "# A page\n\n{sign}`nothing ? it helps | cannot tell | it harms`",
        "# A page\n\n{sign}`one ? it helps | it harms`",
        "# A page\n\n{decided}`A1 ? reproduced: it helps`",
        "# A page\n\n{effect}`C2 / nothing:.1f` times",
    ],
    ids=["cell", "link", "measurement", "case", "verdict", "effect"],
)
def test_a_page_that_is_broken_fails_every_build_not_only_the_first(small_book, built_by, page):
    (small_book / "book/intro.md").write_text(page)
    for _ in range(2):
        built = built_by(small_book, small_book / "_build/html")
        assert built.returncode != 0
        assert "intro.md" in built.stderr and "the book was not built" in built.stderr


CHOOSING = """from bncourse.ledger.entries import evidence, measured
for name, values in {"up": [9, 10, 11], "level": [-1, 0, 1], "down": [-9, -10, -11]}.items():
    measured(name, values)
evidence("C2", "steps: with BN", 2.0, interval=(0.5, 3), null=1.0, unit="x")"""


def test_a_sentence_is_the_one_that_the_measurement_chooses(small_book, built_by):
    text = " ".join(f"{{sign}}`{name} ? it helps | cannot tell | it harms`," for name in ("up", "level", "down"))
    text += " {sign}`C2 / steps: with BN ? faster | nobody knows | slower`, {effect}`C2 / steps: with BN:.1f` times."
    (small_book / "book/intro.md").write_text(f"{PAGE.format(code=CHOOSING)}\n{text}\n")
    built = built_by(small_book, small_book / "_build/html")
    assert built.returncode == 0, built.stderr
    page = BeautifulSoup((small_book / "_build/html/book/intro.html").read_text("utf8"), "html.parser")
    assert page.select("article p")[-1].text == "it helps, cannot tell, it harms, nobody knows, 2.0 times."


def test_a_strict_build_names_every_page_with_a_cell_that_fails(small_book, built_by):
    (small_book / "_toc.yml").write_text(
        "{format: jb-book, root: book/intro, chapters: [{file: book/a}, {file: book/b}]}"
    )
    (small_book / "book/intro.md").write_text(PAGE.format(code="1 / 1"))
    (small_book / "book/a.md").write_text(PAGE.format(code="1 / 0"))
    (small_book / "book/b.md").write_text(PAGE.format(code="[][0]"))
    built = built_by(small_book, small_book / "_build/html")
    assert built.returncode != 0
    assert "ZeroDivisionError" in built.stderr and "IndexError" in built.stderr
    assert "intro: executed in" in built.stdout
    assert "a: failed after" in built.stdout and "b: failed after" in built.stdout


def test_a_changed_helper_executes_again_the_pages_that_use_it_and_no_other(small_book, built_by):
    log, package, pins = small_book / "executed", small_book / "bncourse", small_book / "constraints.txt"
    cell = f"open({str(log)!r}, 'a').write"
    (small_book / "book/intro.md").write_text(PAGE.format(code=f"from bncourse.lab import data\n{cell}('data ')"))
    (small_book / "book/other.md").write_text(PAGE.format(code=f"import bncourse.lab.training\n{cell}('training ')"))
    (small_book / "_toc.yml").write_text("{format: jb-book, root: book/intro, chapters: [{file: book/other}]}")
    (package / "lab/data.py").write_text("import numpy\n")
    (package / "lab/training.py").write_text("from bncourse.course.kernel import *\n")
    pins.write_text("numpy==1\nruff==1\n")

    def executed_by_a_build():
        log.write_text("")
        built = built_by(small_book, small_book / "_build/html")
        assert built.returncode == 0, built.stderr
        return sorted(log.read_text().split())

    assert executed_by_a_build() == ["data", "training"]  # each once
    assert executed_by_a_build() == []
    with (package / "course/kernel.py").open("a") as file:  # the site itself needs what is in it
        file.write("# changed\n")
    assert executed_by_a_build() == ["training"]
    pins.write_text("numpy==1\nruff==2\n")
    assert executed_by_a_build() == []
    pins.write_text("numpy==2\nruff==2\n")
    assert executed_by_a_build() == ["data"]


def test_figures_are_light_whoever_executes_the_page(small_book, built_by):
    drawing = "import matplotlib.pyplot as plt\nfigure = plt.imshow([[0, {end}], [2, 3]], interpolation='bilinear')"
    (small_book / "_toc.yml").write_text("{format: jb-book, root: book/intro, chapters: [{file: book/other}]}")

    def pictures_of_a_build(**ends):
        for name, end in ends.items():
            (small_book / f"book/{name}.md").write_text(PAGE.format(code=drawing.format(end=end)))
        built = built_by(small_book, small_book / "_build/html")
        assert built.returncode == 0, built.stderr
        return {path.read_bytes() for path in (small_book / "_build/html/_images").glob("*.png")}

    by_us = pictures_of_a_build(intro=1, other=2)  # two and more pages we execute ourselves
    outputs = [
        output["data"]
        for path in (small_book / "_build/.jupyter_cache/executed").glob("*/base.ipynb")
        for cell in json.loads(path.read_text("utf8"))["cells"]
        for output in cell.get("outputs", ())
    ]
    assert {b64decode(data["image/png"]) for data in outputs if "image/png" in data} == by_us  # and no build has to
    by_sphinx = pictures_of_a_build(other=9) - by_us
    assert len(by_us) == 2
    assert len(by_sphinx) == 1
    assert {Image.open(io.BytesIO(picture)).mode for picture in by_us | by_sphinx} == {"P"}


def asked(folder, what, *codes):
    """What the keys of a checkout answer for code of a page: its "key", "files" or "versions"."""
    command = [sys.executable, "-c", KEYS.format(what), *codes]
    environment = os.environ | {"PYTHONPATH": str(folder)}
    return json.loads(subprocess.run(command, cwd=folder, env=environment, capture_output=True, check=True).stdout)


def test_the_cache_follows_imports_into_the_package():
    codes = {
        "numpy": "import numpy",
        "data": "from bncourse.lab import data, figures",
        "check": "from bncourse import check",
        "root": "import bncourse",
        "ensembles": "from bncourse.lab.ensembles.networks import CNNs",
        "result": 'from bncourse.course.paths import RESULTS\nRESULTS / "frameworks.json"',
        "solution": 'from bncourse.course.paths import SOLUTIONS\nSOLUTIONS / "12_small_batches.ipynb"',
        "mine": 'from bncourse import mine\nBatchNorm = mine("5.4")',
        "broken": "import bncourse as",
    }
    files = {
        name: {os.path.relpath(file, ROOT) for file in found}
        for name, found in zip(codes, asked(ROOT, "files", *codes.values()), strict=True)
    }
    assert files["numpy"] == files["broken"] == set()
    modules = {"__init__.py", "lab/__init__.py", "lab/data.py", "lab/figures.py", "course/kernel.py"}
    assert {f"bncourse/{module}" for module in modules} <= files["data"]
    assert files["data"].isdisjoint({"bncourse/lab/training.py", "bncourse/checking/notebook.py"})
    assert "bncourse/checking/notebook.py" in files["check"] & files["root"] & files["mine"]
    assert "bncourse/lab/ensembles/__init__.py" in files["ensembles"]
    assert "solutions/12_small_batches.ipynb" in files["solution"]
    assert "book/results/frameworks.json" in files["result"]
    assert "solutions/05_batchnorm_layer.ipynb" in files["mine"]


def test_a_new_version_executes_the_pages_again_whose_imports_reach_it(small_book):
    pages = {
        "plain": "1",
        "named": "version('Scikit.Learn')",
        "numpy": "import numpy",
        "data": "from bncourse.lab import data",
        "check": "import bncourse",
    }
    names = ("numpy", "matplotlib-inline", "scikit-learn", "hypothesis", "ruff", "mypy")
    before = {name: "==1.0" for name in names}

    def keys(pins):
        (small_book / "constraints.txt").write_text("# reasons\n" + "".join(f"{name}{pins[name]}\n" for name in pins))
        return asked(small_book, "key", *pages.values())

    first = keys(before)
    assert len(set(first)) == len(pages)
    changed = {
        name: {page for page, old, new in zip(pages, first, keys(before | {name: "==2.0"}), strict=True) if old != new}
        for name in names
    }
    assert changed["ruff"] == changed["mypy"] == changed["hypothesis"] == set()  # no page runs a check
    assert changed["numpy"] == {"numpy", "data", "named", "check"}
    assert changed["scikit-learn"] == {"data", "named"}  # mlxtend requires it
    assert changed["matplotlib-inline"] == set(pages)  # which every kernel draws with
    assert (
        keys({"NumPy": "==1.0", "Matplotlib_Inline": " == 1.0", "Scikit.Learn": "==1.0  # why", "hypothesis": "==1.0"})
        == first
    )


def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(CourseError, match="cannot write to .*file"):
        site.build(output=tmp_path / "file" / "html")


def test_serving_before_building_says_what_to_run(monkeypatch, tmp_path):
    monkeypatch.setattr(site, "SITE", tmp_path)
    with pytest.raises(CourseError, match="run 'make book' first"):
        site.serve()


def test_a_port_in_use_is_named(monkeypatch, tmp_path):
    (tmp_path / "index.html").touch()
    monkeypatch.setattr(site, "SITE", tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(CourseError, match=str(port)):
            site.serve(port)
