"""`python -m bncourse gpu`: page by page, resumable, and plain words where there is no GPU. Under the emulator."""

import importlib.util
import json
import re
import subprocess
from dataclasses import asdict
from threading import Barrier
from types import SimpleNamespace

import pytest
from docutils import nodes

from bncourse.__main__ import main
from bncourse.course.errors import CourseError
from bncourse.course.paths import ROOT
from bncourse.lab import data
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


def test_a_page_that_hangs_is_ended_and_stops_nothing(small_course, emulated, monkeypatch):
    (small_course / "07_faster_training.md").write_text(page())
    (small_course / "08_deeper_smoother.md").unlink()
    run = subprocess.run

    def hanging(command, **options):
        if str(small_course / "tour.md") in command:
            raise subprocess.TimeoutExpired(command, options["timeout"])
        return run(command, **options)

    monkeypatch.setattr(gpu.subprocess, "run", hanging)
    assert main(["gpu"]) == 1
    tour, seven = gpu.stored().pages
    assert (tour.error, tour.seconds) == ("still ran after 600 s, and was ended", 600)
    assert not seven.error


def test_pages_run_side_by_side_and_one_that_times_alone(small_course, monkeypatch, emulated):
    (small_course / "07_faster_training.md").write_text(page("taking_turns = 1"))
    running, seen = set(), {}
    together = Barrier(2)

    def watched(stem):
        running.add(stem)
        if stem != "07_faster_training":
            together.wait(timeout=60)  # both are there at once
        seen[stem] = set(running)
        if stem != "07_faster_training":
            together.wait(timeout=60)
        running.remove(stem)
        return gpu.PageRun(stem, "2026-11-29", 1.0, 2.0, [], [], "")

    monkeypatch.setattr(gpu, "_in_a_process", watched)
    monkeypatch.setattr(gpu, "side_by_side", lambda: 3)
    assert main(["gpu"]) == 0
    assert seen["tour"] == seen["08_deeper_smoother"] == {"tour", "08_deeper_smoother"}
    assert seen["07_faster_training"] == {"07_faster_training"}
    assert [page.page for page in gpu.stored().pages] == ["tour", "07_faster_training", "08_deeper_smoother"]


@pytest.mark.parametrize("processors, pages", [(None, 1), (2, 1), (8, 2), (16, 4), (64, 4)])
def test_a_machine_with_few_processors_runs_one_page_at_a_time(processors, pages, monkeypatch):
    monkeypatch.setattr("os.cpu_count", lambda: processors)
    assert gpu.side_by_side() == pages


def test_what_is_not_there_is_said_first_with_the_place_to_put_it(small_course, emulated, monkeypatch, capsys):
    for other in ("07_faster_training", "08_deeper_smoother"):
        (small_course / f"{other}.md").unlink()
    (small_course / "tour.md").write_text(page("import colours.of_no_package as c\n# takes data.cifar10()"))
    monkeypatch.setenv("BNCOURSE_CACHE", str(small_course / "cache"))
    assert main(["gpu"]) == 1
    modules, images, running, *_ = capsys.readouterr().out.splitlines()
    assert re.fullmatch(r"not installed: colours; python\S* install.py requirements.txt", modules)
    assert images.startswith(f"tour downloads {data.CIFAR10_URL}, 162 MB; without a network, put that file into ")
    assert str(small_course / "cache") in images and data.CIFAR10_SHA256 in images
    assert running == "tour …"
    (small_course / "cache").mkdir()
    (small_course / "cache" / data.CIFAR10_URL.rpartition("/")[2]).touch()
    assert gpu.lacking(["tour"]) == [modules]


def test_the_pages_lack_nothing_but_images_that_are_too_large_to_carry(tmp_path, monkeypatch):
    monkeypatch.setenv("BNCOURSE_CACHE", str(tmp_path))
    (line,) = gpu.lacking([page.stem for page in pages.CHAPTERS] + ["tour", "01_covariate_shift"])
    assert line.startswith("01_covariate_shift")


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


def measurements(monkeypatch):
    """What the site makes of measurements, a module of `_ext`."""
    monkeypatch.syspath_prepend(str(ROOT / "_ext"))
    spec = importlib.util.spec_from_file_location("measurements", ROOT / "_ext/measurements.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def shown_by_the_site(monkeypatch):
    """The words that `{gpu-run}` puts into a page, and the rows of its table, in English."""
    module = measurements(monkeypatch)
    site = SimpleNamespace(
        pages={"book/tour": None, "book/07_faster_training": None},
        env=SimpleNamespace(titles=dict.fromkeys(["book/tour", "book/07_faster_training"], nodes.title("", "A page"))),
        link=lambda docname, text: nodes.reference("", text, refuri=docname),
        translate=str,
    )
    words, *table = module.FillTables.gpu(site)
    rows = [[cell.astext() for cell in row] for part in table for row in part.findall(nodes.row)]
    return words.astext(), rows


def test_the_site_says_that_no_page_has_run_on_a_gpu_until_one_has(tmp_path, monkeypatch):
    monkeypatch.setattr(gpu, "RESULTS", tmp_path)
    assert shown_by_the_site(monkeypatch) == ("The pages have never run on a GPU.", [])
    runs = [
        gpu.PageRun("tour", "2026-11-29", 12.3, 456.7, ["cuda, float32"], [], ""),
        gpu.PageRun("07_faster_training", "2026-11-29", 3.0, 0.0, [], [], "cell 2: RuntimeError: no"),
    ]
    run = gpu.GpuRun("H200", "570.1", "float32", False, {"torch": "2.13.0"}, "abc1234", runs)
    (tmp_path / "gpu.json").write_text(json.dumps(asdict(run)))
    words, (_, first, second) = shown_by_the_site(monkeypatch)
    assert words == "Run on H200, driver 570.1, in float32; torch 2.13.0; commit abc1234."
    assert first == ["A page", "12", "457", "cuda, float32", "2026-11-29", "–"]
    assert second[-1] == "cell 2: RuntimeError: no"


def test_a_page_says_at_its_end_on_what_and_in_which_precision_it_trained(monkeypatch):
    module = measurements(monkeypatch)
    last = nodes.section("", nodes.title("", "In short"), nodes.paragraph("", "Ran on cpu."))
    page = nodes.document(None, None)
    page += nodes.section("", nodes.title("", "A page"), nodes.section("", nodes.title("", "Begin")), last)
    site = SimpleNamespace(
        document=page, translate=str, link=lambda docname, text: nodes.reference("", text, refuri=docname)
    )
    module.FillTables.name_precision(site, "")
    assert last.children[-1].astext() == "Ran on cpu."
    module.FillTables.name_precision(site, "cuda, float32")
    assert last.children[-1].astext() == "Trained on cuda, float32."
    assert last.children[-1].children[0]["refuri"] == "book/status"
