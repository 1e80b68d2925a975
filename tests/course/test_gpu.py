"""`python -m bncourse gpu`: page by page, resumable, and plain words where there is no GPU. Under the emulator."""

import importlib.util
import json
from dataclasses import asdict
from types import SimpleNamespace

import pytest
from docutils import nodes

from bncourse.__main__ import main
from bncourse.course.errors import CourseError
from bncourse.course.paths import ROOT
from bncourse.publishing import gpu
from tests.course import pages

CELLS = """# A page

```{code-cell} python
:tags: [hide-input]

from bncourse.ledger.entries import measured, parity, seeds
from bncourse.lab.training import device
import torch

measured("ch07_x", [1.0, 2.0])
parity("C1", "a and b", 0.5, 0.1)
```

```{code-cell} python
import os
print(torch.ones(2, device=device()))
DEATH
```
"""


def page(ends="pass"):
    return CELLS.replace("DEATH", ends)


@pytest.fixture
def small_course(tmp_path, monkeypatch):
    (tmp_path / "tour.md").write_text(page())
    (tmp_path / "07_faster_training.md").write_text(page("torch.ones(2, device=device()) + torch.ones(2)"))
    (tmp_path / "08_deeper_smoother.md").write_text(page("os._exit(3)"))
    monkeypatch.setattr(gpu, "PAGES", tmp_path)
    monkeypatch.setattr(gpu, "RESULTS", tmp_path / "results")
    return tmp_path


@pytest.fixture
def emulated(monkeypatch):
    """The processes of the pages see the emulated device; this one only says that it is there."""
    monkeypatch.setenv(gpu.EMULATOR, "tests.course.emulated_gpu")
    monkeypatch.setattr(gpu, "_emulate", lambda: None)
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    monkeypatch.setattr("torch.cuda.get_device_name", lambda: "an emulated GPU")


def test_without_a_gpu_it_says_so_in_one_line(small_course, capsys):
    assert main(["gpu"]) == 2
    out, error = capsys.readouterr()
    assert error.startswith("no CUDA device: ") and error.count("\n") == 1 and not out
    assert gpu.stored() is None


def test_a_failure_stops_nothing_and_the_next_start_runs_only_what_failed(small_course, emulated, capsys):
    assert main(["gpu"]) == 1
    run = gpu.stored()
    tour, seven, eight = run.pages
    assert (tour.page, tour.error, tour.peak) == ("tour", "", 3.0)
    assert tour.disputed == ["C1: a and b: 5.0e-01, allowed 1e-01"]
    assert seven.error.startswith("cell 2: RuntimeError: Expected all tensors to be on the same device")
    assert eight.error.startswith("ended with status 3")
    assert run.device == "an emulated GPU" and run.precision == "float32"
    assert {"torch", "cuda", "cudnn"} <= set(run.versions)
    table = capsys.readouterr().out
    assert all(name in table for name in ("an emulated GPU", "tour", "07_faster_training", "Expected all tensors"))

    (small_course / "07_faster_training.md").write_text(page())
    assert main(["gpu", "7"]) == 0
    assert [page.error for page in gpu.stored().pages][:2] == ["", ""]
    assert "tour …" not in (out := capsys.readouterr().out) and "07_faster_training …" in out
    assert gpu.stored().pages[0] == tour


def test_another_precision_begins_anew(small_course, emulated, monkeypatch):
    for other in ("07_faster_training", "08_deeper_smoother"):
        (small_course / f"{other}.md").unlink()
    assert main(["gpu"]) == 0
    content = asdict(gpu.stored()) | {"precision": "bfloat16"}
    content["pages"][0]["seconds"] = -1.0
    (small_course / "results/gpu.json").write_text(json.dumps(content))
    assert main(["gpu"]) == 0
    assert gpu.stored().precision == "float32" and gpu.stored().pages[0].seconds >= 0


def test_a_page_of_the_course_runs_under_the_emulator(tmp_path, emulated, monkeypatch):
    monkeypatch.setattr(gpu, "RESULTS", tmp_path)
    assert main(["gpu", "4"]) == 0
    (run,) = gpu.stored().pages
    assert run.page == "04_scale_shift" and run.trained == ["cuda, float32"] and not run.disputed


@pytest.mark.parametrize("page", [*pages.CHAPTERS, pages.TOUR], ids=lambda page: page.stem)
def test_its_cells_are_those_that_a_kernel_gets(page):
    assert gpu.cells_of(page.read_text(encoding="utf-8")) == [source.strip("\n") for source in pages.code_of(page)]


def test_a_file_that_is_no_run_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(gpu, "RESULTS", tmp_path)
    (tmp_path / "gpu.json").write_text("[]")
    with pytest.raises(CourseError, match="gpu.json is no run on a GPU: .*make gpu"):
        gpu.stored()


def shown_by_the_site():
    """The words that `{gpu-run}` puts into a page, and the rows of its table."""
    spec = importlib.util.spec_from_file_location("measurements", ROOT / "_ext/measurements.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    site = SimpleNamespace(
        pages={"book/tour": None, "book/07_faster_training": None},
        env=SimpleNamespace(titles=dict.fromkeys(["book/tour", "book/07_faster_training"], nodes.title("", "A page"))),
        link=lambda docname, text: nodes.reference("", text, refuri=docname),
    )
    words, *table = module.FillTables.gpu(site)
    rows = [[cell.astext() for cell in row] for part in table for row in part.findall(nodes.row)]
    return words.astext(), rows


def test_the_site_says_that_no_page_has_run_on_a_gpu_until_one_has(tmp_path, monkeypatch):
    monkeypatch.setattr(gpu, "RESULTS", tmp_path)
    assert shown_by_the_site() == ("The pages have never run on a GPU.", [])
    runs = [
        gpu.PageRun("tour", "2026-11-29", 12.3, 456.7, ["cuda, float32"], [], ""),
        gpu.PageRun("07_faster_training", "2026-11-29", 3.0, 0.0, [], [], "cell 2: RuntimeError: no"),
    ]
    run = gpu.GpuRun("H200", "570.1", "float32", False, {"torch": "2.13.0"}, "abc1234", runs)
    (tmp_path / "gpu.json").write_text(json.dumps(asdict(run)))
    words, (_, first, second) = shown_by_the_site()
    assert words == "Run on H200, driver 570.1, in float32; torch 2.13.0; commit abc1234."
    assert first == ["A page", "12", "457", "cuda, float32", "2026-11-29", "–"]
    assert second[-1] == "cell 2: RuntimeError: no"
