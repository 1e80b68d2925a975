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
from pathlib import Path

from jupyter_client.manager import start_new_kernel
from rich.console import Console
from rich.table import Table

from bncourse.paths import EXERCISES, ROOT, SOLUTIONS

RUNS = 7


def seconds(action):
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def in_kernel(exercise):
    """Seconds of each of several `check(...)` in a live kernel, after a first one that imports what it needs."""
    manager, client = start_new_kernel(kernel_name="python3")
    try:
        cells = json.loads(next(SOLUTIONS.glob(f"{int(exercise.split('.')[0]):02}_*.ipynb")).read_text())["cells"]
        wanted = [
            cell["source"]
            for cell in cells
            if cell.get("metadata", {}).get("bncourse", {}).get("role") in ("setup", "answer")
        ]
        for source in ["".join(source) for source in wanted]:
            client.execute_interactive(source, output_hook=lambda message: None)

        def check():
            client.execute_interactive(f'check("{exercise}")', output_hook=lambda message: None)

        check()
        return [seconds(check) for _ in range(RUNS)]
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


def command(*arguments, folder=ROOT):
    """Seconds and output of one `python -m bncourse ...`."""
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    start = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "bncourse", *arguments], cwd=folder, env=environment, capture_output=True, text=True
    )
    return time.perf_counter() - start, done.stdout + done.stderr


def executed(output):
    return sorted(set(re.findall(r"/(\d\d_\w+)\.md: Executing notebook", output)))


def building():
    """(what, seconds, pages executed) for a book built from nothing, again, and after one module changed."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "course"
        shutil.copytree(ROOT, folder, ignore=shutil.ignore_patterns(".venv", "_build", ".git", "work"))
        for what in ("from nothing", "again, nothing changed"):
            took, output = command("book", folder=folder)
            yield what, took, executed(output)
        module = folder / "bncourse" / "training.py"
        module.write_text(module.read_text() + "\n# changed\n")
        took, output = command("book", folder=folder)
        yield "after a change in bncourse/training.py", took, executed(output)


def main():
    table = Table("what", "median", "slowest", "bound", "remark", box=None, pad_edge=False)

    def row(what, times, bound, remark=""):
        table.add_row(what, f"{statistics.median(times):.2f} s", f"{max(times):.2f} s", bound, remark)

    row('check("3.1") in a live kernel', in_kernel("3.1"), "0.3 s")
    row('check("5.4") in a live kernel', in_kernel("5.4"), "1 s")
    solution = str(SOLUTIONS / "03_normalize.ipynb")
    row("check 3.1", [command("check", "3.1", "--notebook", solution)[0] for _ in range(RUNS)], "1.5 s")
    row(
        "check 3 (all of a NumPy chapter)",
        [command("check", "3", "--notebook", solution)[0] for _ in range(RUNS)],
        "2 s",
    )
    untouched = str(EXERCISES / "03_normalize.ipynb")
    row("check 3, untouched", [command("check", "3", "--notebook", untouched)[0] for _ in range(RUNS)], "")

    from bncourse.data import digits

    digits()
    row("digits(), after the first time", [seconds(digits) for _ in range(RUNS)], "0.5 s")
    bounds = {"from nothing": "120 s", "again, nothing changed": "15 s"}
    for what, took, pages in building():
        row(f"book {what}", [took], bounds.get(what, ""), f"executed: {', '.join(pages) or 'none'}")
    Console(width=140).print(table)


if __name__ == "__main__":
    main()
