"""Every page on a GPU, at the size that a GPU gets: from `book/*.md` to `book/results/gpu.json`.

Each page runs in a process of its own, without Jupyter, and what came of it is written at once: a failure stops
nothing, and the next start takes the pages that are still missing. All images but those of CIFAR-10, which the first
page takes at this size, come with the packages; what is not there, and where to put it, is said before the first page.
"""

import importlib
import importlib.util
import io
import json
import os
import platform
import re
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor
from contextlib import redirect_stdout
from dataclasses import asdict, dataclass, field
from pathlib import Path
from threading import Lock
from typing import Any

from bncourse.course.curriculum import find_chapters
from bncourse.course.errors import CourseError
from bncourse.course.files import write_whole
from bncourse.course.paths import RESULTS, ROOT, shown
from bncourse.ledger.experiments import commit

PAGES = ROOT / "book"
LONGEST = 600  # seconds that a page may take: one that hangs is one that failed
EMULATOR = "BNCOURSE_EMULATOR"  # the name of a module whose `install()` makes PyTorch see a GPU: for tests
IMPORT = re.compile(r"^\s*(?:import|from) (\w+)(?:[\w.]* import .*|[\w.]*(?: as \w+)?)$", re.M)
CELL = re.compile(r"^```\{code-cell\} python\n(.*?)^```$", re.S | re.M)


@dataclass(frozen=True)
class PageRun:
    """What a page took on a GPU: `seconds` by the clock, the most memory that its tensors held there, in MiB.

    `trained` says on which devices and in which precisions; `disputed` which parities were beyond what is allowed;
    `error` is empty unless a cell failed, whose number it gives.
    """

    page: str
    date: str
    seconds: float
    peak: float
    trained: list[str]
    disputed: list[str]
    error: str


@dataclass(frozen=True)
class GpuRun:
    """A run of the pages, on what and with what."""

    device: str
    driver: str
    precision: str
    deterministic: bool
    versions: dict[str, str]
    commit: str
    pages: list[PageRun] = field(default_factory=list)


def stored() -> GpuRun | None:
    """The run in `book/results/gpu.json`; None if there has been none, CourseError if it cannot be read."""
    path = RESULTS / "gpu.json"
    if not path.exists():
        return None
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        return GpuRun(**content | {"pages": [PageRun(**page) for page in content["pages"]]})
    except (ValueError, KeyError, TypeError) as error:
        raise CourseError(f"{shown(path)} is no run on a GPU: {error}; 'make gpu' writes it anew") from error


def run_all(names: Collection[str] = ()) -> int:
    """Run the pages that `names` name, or all, unless they have run like this before; print a table of all that ran.

    Those that time nothing run `side_by_side`.

    Returns 1 where a page failed, else 0. Raises CourseError where there is no CUDA device.
    """
    before, this = stored(), _described()
    same = before is not None and asdict(before) | {"pages": []} == asdict(this)
    done = {page.page: page for page in before.pages if not page.error} if before and same else {}
    chosen, one_writes = _pages(names), Lock()
    for line in lacking(chosen):
        print(line, flush=True)

    def run(stem: str) -> None:
        print(f"{stem} …", flush=True)
        page = _in_a_process(stem)
        with one_writes:
            done[stem] = page
            pages = [done[stem] for stem in _pages() if stem in done]
            RESULTS.mkdir(exist_ok=True)
            content = asdict(this) | {"pages": [asdict(page) for page in pages]}
            write_whole(RESULTS / "gpu.json", json.dumps(content, indent=1, ensure_ascii=False) + "\n")

    # A page waits for its launches, not for the GPU: several side by side take hardly longer than one. What measures
    # time is alone.
    todo = [stem for stem in chosen if stem not in done]
    timing = [stem for stem in todo if "taking_turns" in (PAGES / f"{stem}.md").read_text(encoding="utf-8")]
    with ThreadPoolExecutor(side_by_side()) as pool:
        list(pool.map(run, [stem for stem in todo if stem not in timing]))
    for stem in timing:
        run(stem)
    print(f"{this.device}, driver {this.driver}, {this.precision}, PyTorch {this.versions['torch']}")
    print(f"{'page':<24}{'seconds':>9}{'MiB':>9}  trained on")
    for page in (done[stem] for stem in _pages() if stem in done):
        print(f"{page.page:<24}{page.seconds:>9.0f}{page.peak:>9.0f}  {page.error or '; '.join(page.trained)}")
    print(f"wrote {shown(RESULTS / 'gpu.json')}")
    return int(any(done[stem].error for stem in chosen))


def side_by_side() -> int:
    """How many pages run at once: one for every four processors, four at most."""
    return max(1, min(4, (os.cpu_count() or 1) // 4))


def cells_of(text: str) -> list[str]:
    """The code cells of a page, as its kernel gets them: without their options."""
    return [re.sub(r"\A(:.*\n)+", "", cell).strip("\n") for cell in CELL.findall(text)]


def lacking(stems: Collection[str]) -> list[str]:
    """What these pages need and this machine has not, each in a line with the way to get it, also without a network."""
    from bncourse.lab import data

    lines: list[str] = []
    code = {stem: "\n".join(cells_of((PAGES / f"{stem}.md").read_text(encoding="utf-8"))) for stem in stems}
    rooms = (path for room in ("lab", "pretraining") for path in (ROOT / "bncourse" / room).rglob("*.py"))
    sources = [*code.values(), *(path.read_text(encoding="utf-8") for path in rooms)]
    modules = {module for source in sources for module in IMPORT.findall(source)}
    if absent := sorted(module for module in modules if importlib.util.find_spec(module) is None):
        lines.append(f"not installed: {', '.join(absent)}; {Path(sys.executable).name} install.py requirements.txt")
    file = data.cache_folder() / data.CIFAR10_URL.rpartition("/")[2]
    takers = [stem for stem in stems if "cifar10" in code[stem]]
    if takers and not file.exists():
        lines.append(
            f"{', '.join(takers)} downloads {data.CIFAR10_URL}, 162 MB; without a network, put that file into "
            f"{file.parent}, SHA-256 {data.CIFAR10_SHA256}"
        )
    return lines


def _pages(names: Collection[str] = ()) -> list[str]:
    """Stems of the pages: the tour and all chapters, or the chapters that are named."""
    chapters = sorted(path.stem for path in PAGES.glob("[0-9][0-9]_*.md"))
    if names:
        return [stem for stem in chapters if stem in find_chapters(names)]
    return ["tour", *chapters]


def _described() -> GpuRun:
    _emulate()
    import numpy
    import torch

    from bncourse.lab.training import DETERMINISTIC, precision

    if not torch.cuda.is_available():
        raise CourseError(f"no CUDA device: PyTorch {torch.__version__} sees none, so no page has run on a GPU here")
    return GpuRun(
        device=torch.cuda.get_device_name(),
        driver=_driver(),
        precision=precision(),
        deterministic=bool(os.environ.get(DETERMINISTIC)),
        versions={
            "python": platform.python_version(),
            "torch": torch.__version__,
            "cuda": torch.version.cuda or "none",
            "cudnn": str(torch.backends.cudnn.version()),
            "numpy": numpy.__version__,
        },
        commit=commit(),
    )


def _driver() -> str:
    command = ["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()[0].strip()
    except (OSError, subprocess.CalledProcessError, IndexError):
        return "unknown"


def _emulate() -> None:
    if name := os.environ.get(EMULATOR):
        importlib.import_module(name).install()


def _in_a_process(stem: str) -> PageRun:
    """Run a page in a process of its own, in an empty folder; one that dies or hangs is a page that failed."""
    settings = {"BNCOURSE_PAGE": "1", "KERAS_BACKEND": "torch", "MPLBACKEND": "Agg", "PYTHONWARNINGS": "ignore"}
    settings |= {"CUBLAS_WORKSPACE_CONFIG": ":4096:8", "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path[1:]])}
    start = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "bncourse.publishing.gpu", str(PAGES / f"{stem}.md"), "result.json"]
        try:
            done = subprocess.run(
                command, cwd=folder, env=os.environ | settings, capture_output=True, text=True, timeout=LONGEST
            )
        except subprocess.TimeoutExpired:
            return PageRun(stem, _today(), LONGEST, 0.0, [], [], f"still ran after {LONGEST} s, and was ended")
        result = Path(folder, "result.json")
        if result.exists():
            return PageRun(**json.loads(result.read_text(encoding="utf-8")))
    last = (done.stderr.strip().splitlines() or ["without a word"])[-1]
    seconds = round(time.perf_counter() - start, 1)
    return PageRun(stem, _today(), seconds, 0.0, [], [], f"ended with status {done.returncode}: {last}")


def _run(page: Path) -> PageRun:
    """Run the cells of a page here; what they would hand to the book goes nowhere, parities excepted."""
    _emulate()
    import torch

    from bncourse.lab import training
    from bncourse.ledger import entries

    disputed: list[str] = []

    def parity(claim: str, what: str, difference: Any, tolerance: float, scale: str = "") -> None:
        if not float(difference) <= tolerance:
            disputed.append(f"{claim}: {what}: {float(difference):.1e}, allowed {tolerance:.0e}")

    def nothing(*values: object, **options: object) -> None: ...

    for name in ("measured", "recorded", "evidence"):
        setattr(entries, name, nothing)
    entries.parity = parity
    start, error = time.perf_counter(), ""
    namespace: dict[str, object] = {"__name__": "__main__", "display": nothing}
    for number, source in enumerate(cells_of(page.read_text(encoding="utf-8")), start=1):
        try:
            with redirect_stdout(io.StringIO()):
                exec(compile(source, f"{page.name}, cell {number}", "exec"), namespace)
        except Exception as failure:
            traceback.print_exc()
            error = f"cell {number}: {type(failure).__name__}: {failure}"
            break
        if "plt" in namespace:
            namespace["plt"].close("all")  # type: ignore[attr-defined]
    seconds, peak = time.perf_counter() - start, torch.cuda.max_memory_allocated() / 2**20
    return PageRun(page.stem, _today(), round(seconds, 1), round(peak, 1), sorted(training.trained), disputed, error)


def _today() -> str:
    return time.strftime("%Y-%m-%d")


if __name__ == "__main__":
    Path(sys.argv[2]).write_text(json.dumps(asdict(_run(Path(sys.argv[1])))), encoding="utf-8")
