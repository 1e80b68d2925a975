"""How long checking and building take, as a table: `.venv/bin/python benchmarks/speed.py`.

Times of single runs differ from machine to machine; the medians here are of several runs in a row.
"""

import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from jupyter_client.manager import start_new_kernel
from rich.console import Console
from rich.table import Table

from bncourse.course.paths import EXERCISES, ROOT, SOLUTIONS

RUNS = 7
ROLES = ("setup", "answer")  # of the cells that a check needs


def seconds(action: Callable[[], object]) -> float:
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def in_kernel(exercise: str) -> list[float]:
    """Seconds of each of several `check(...)` in a live kernel, after a first one that imports what it needs."""
    manager, client = start_new_kernel(kernel_name="python3")

    def run(source: str) -> None:
        client.execute_interactive(source, output_hook=lambda message: None)

    try:
        path = next(SOLUTIONS.glob(f"{int(exercise.split('.')[0]):02}_*.ipynb"))
        for cell in json.loads(path.read_text("utf8"))["cells"]:
            if cell.get("metadata", {}).get("bncourse", {}).get("role") in ROLES:
                run("".join(cell["source"]))
        run(f'check("{exercise}")')
        return [seconds(lambda: run(f'check("{exercise}")')) for _ in range(RUNS)]
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


def command(*arguments: str, folder: Path = ROOT) -> tuple[float, str]:
    """Seconds and output of one `python -m bncourse ...`."""
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    start = time.perf_counter()
    finished = subprocess.run(
        [sys.executable, "-m", "bncourse", *arguments], cwd=folder, env=environment, capture_output=True, text=True
    )
    return time.perf_counter() - start, finished.stdout + finished.stderr


def executed(output: str) -> list[str]:
    """Stems of the pages that a build executed, by its output: before Sphinx reads them, or while it does."""
    return sorted(set(re.findall(r"(\d\d_\w+)(?:: executed in|\.md: Executing notebook)", output)))


def building() -> Iterator[tuple[str, float, list[str]]]:
    """(what, seconds, pages executed) for a book built from nothing, again, and after one module changed."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "course"
        shutil.copytree(ROOT, folder, ignore=shutil.ignore_patterns(".venv", "_build", ".git", "work", "node_modules"))
        for what in ("from nothing", "again, nothing changed"):
            duration, output = command("book", folder=folder)
            yield what, duration, executed(output)
        module = folder / "bncourse/lab/training.py"
        module.write_text(module.read_text() + "\n# changed\n")
        duration, output = command("book", folder=folder)
        yield "after a change in bncourse/lab/training.py", duration, executed(output)


def main() -> None:
    table = Table("what", "median", "slowest", "bound", "remark", box=None, pad_edge=False)

    def row(what: str, times: list[float], bound: str, remark: str = "") -> None:
        table.add_row(what, f"{statistics.median(times):.2f} s", f"{max(times):.2f} s", bound, remark)

    def checking(name: str, notebook: Path) -> list[float]:
        return [command("check", name, "--notebook", str(notebook))[0] for _ in range(RUNS)]

    solution, untouched = SOLUTIONS / "03_normalize.ipynb", EXERCISES / "03_normalize.ipynb"
    row('check("3.1") in a live kernel', in_kernel("3.1"), "0.3 s")
    row('check("5.4") in a live kernel', in_kernel("5.4"), "1 s")
    row("check 3.1", checking("3.1", solution), "1.5 s")
    row("check 3 (all of a NumPy chapter)", checking("3", solution), "2 s")
    row("check 3, untouched", checking("3", untouched), "")

    from bncourse.lab.data import digits

    digits()
    row("digits(), after the first time", [seconds(digits) for _ in range(RUNS)], "0.5 s")
    bounds = {"from nothing": "120 s", "again, nothing changed": "15 s"}
    for what, duration, pages in building():
        row(f"book {what}", [duration], bounds.get(what, ""), f"executed: {', '.join(pages) or 'none'}")
    Console(width=140).print(table)


if __name__ == "__main__":
    main()
