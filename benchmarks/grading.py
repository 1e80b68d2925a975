"""How long grading a class takes, what it holds in memory, and what nbgrader and otter-grader take for the same class.

The class is made of the solution, known right and wrong answers and untouched exercises of chapter 3, alike each time.
All three graders run the same checks: ours in its sandbox, the others in the notebook's kernel, as plain functions.
Times differ from machine to machine, and with what else runs there: compare rows of one table only.
"""

import argparse
import ast
import json
import os
import random
import re
import statistics
import subprocess
import sys
import tempfile
import time
from argparse import Namespace
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import nbformat
import psutil  # comes with distributed
from nbformat import NotebookNode, v4
from rich.box import MARKDOWN
from rich.console import Console
from rich.table import Table

from bncourse.course import curriculum
from bncourse.course.paths import EXERCISES, MISTAKES, ROOT, SOLUTIONS, VARIANTS

STEM = "03_normalize"
OF_CHAPTER = curriculum.of_chapter(STEM)
CELLS = [exercise.cell for exercise in OF_CHAPTER]
UNTOUCHED = nbformat.read(EXERCISES / f"{STEM}.ipynb", as_version=4)
SOLUTION = {cell.id: cell.source for cell in nbformat.read(SOLUTIONS / f"{STEM}.ipynb", as_version=4).cells}
SHARES = {"right": 0.7, "mistaken": 0.2, "untouched": 0.1}  # of the answers in the class
ENDLESS = {"ex-3-1": "def normalize(x, mean, var, eps=1e-5):\n    while True:\n        pass"}
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
median = statistics.median
Answers = dict[str, str]  # cell id -> source


def known_answers(folder: Path) -> dict[str, list[str]]:
    """Exercise id -> sources of its known answers, each with the imports and helpers of its file."""
    answers = defaultdict(list)
    for path in sorted(path for path in folder.rglob("*.py") if STEM in str(path.relative_to(folder))):
        body = ast.parse(path.read_text(encoding="utf-8")).body
        marked = [node for node in body if getattr(node, "decorator_list", ())]
        shared = [text for node in body if node not in marked and "bncourse" not in (text := ast.unparse(node))]
        for node in marked:
            exercise = node.decorator_list.pop().args[0].value
            answers[exercise].append("\n".join([*shared, ast.unparse(node)]))
    return answers


def students(count: int) -> Iterator[Answers]:
    """The answers of each of `count` students; of an untouched exercise there is none."""
    choose = random.Random(0)
    answers = {"right": known_answers(VARIANTS), "mistaken": known_answers(MISTAKES)}
    for exercise in OF_CHAPTER:
        answers["right"][exercise.id].append(SOLUTION[exercise.cell])
    for _ in range(count):
        kinds = choose.choices([*SHARES], SHARES.values(), k=len(OF_CHAPTER))
        yield {
            exercise.cell: choose.choice(answers[kind][exercise.id])
            for exercise, kind in zip(OF_CHAPTER, kinds)
            if kind != "untouched"
        }


def hand_in(notebook: NotebookNode, answers: Answers, path: Path) -> None:
    """Write `notebook` with these answers in its cells."""
    path.parent.mkdir(parents=True, exist_ok=True)
    cells = [cell | {"source": answers.get(cell.id, cell.source)} for cell in notebook.cells]
    nbformat.write(nbformat.from_dict(notebook | {"cells": cells}), path)


def class_of(folder: Path, count: int, *more: Answers) -> Path:
    for number, answers in enumerate([*more, *students(count)]):
        hand_in(UNTOUCHED, answers, folder / f"student{number:04}" / f"{STEM}.ipynb")
    return folder


class Ours:
    """One `python -m bncourse grade`: its `seconds`, its `rows`, when each was `written`, and what was held `at` some.

    `held[100]` is the resident memory in MiB, of the parent and of each grading process, when 100 rows were written.
    """

    def __init__(self, folder: Path, workers: int, at: Sequence[int] = ()) -> None:
        with tempfile.TemporaryDirectory() as out:
            self.written, self.held, start = [], {}, time.perf_counter()
            command = [sys.executable, "-m", "bncourse", "grade", str(folder), "--out", out, "--workers", str(workers)]
            quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
            process, results = psutil.Popen(command, cwd=ROOT, env=ENVIRONMENT, **quiet), Path(out) / "results.jsonl"
            while process.poll() is None:
                with suppress(FileNotFoundError):
                    rows = results.read_bytes().count(b"\n")
                    self.written += [time.perf_counter() - start] * (rows - len(self.written))
                for number in at:
                    if len(self.written) >= number and number not in self.held:
                        graders = [child for child in process.children() if child.name() != "bwrap"]
                        self.held[number] = [grader.memory_info().rss >> 20 for grader in (process, *graders)]
                time.sleep(0.02)
            self.seconds = time.perf_counter() - start
            self.rows = [json.loads(line) for line in results.read_text(encoding="utf-8").splitlines()]
        self.each = [row["seconds"] for row in self.rows]
        self.rate = (len(self.rows) - 1) / max(self.written[-1] - self.written[0], 0.02)  # without the start


# What the checks use of this course, in a few lines that run anywhere.
PLAIN = """\
import copy
import numpy as np
from hypothesis import given, settings, strategies as st
settings.register_profile("checks", derandomize=True, deadline=None, max_examples=12)
settings.load_profile("checks")
NUMPY_ONLY = ()
def exercise(*_, **__):
    return lambda check: check
guide = exercise
def assert_close(got, expected, rtol=1e-5, atol=1e-8):
    assert np.shape(got) == np.shape(expected)
    np.testing.assert_allclose(got, expected, rtol, atol)
class Learner:
    def __init__(self, answers):
        self.answers = answers
    def __getattr__(self, name):
        def call(*args, **kwargs):
            used = copy.deepcopy(args)
            result = self.answers[name](*used, **kwargs)
            self.changed = [one for one, other in zip(args, used) if not np.array_equal(one, other)]
            return result
        return call
"""
CHECKS = PLAIN + re.sub("^from bncourse.*\n", "", OF_CHAPTER[0].check_file.read_text(encoding="utf-8"), flags=re.M)


def run(*command: object, folder: Path) -> float:
    """Seconds that a command takes; it must succeed."""
    start = time.perf_counter()
    done = subprocess.run(list(map(str, command)), cwd=folder, env=ENVIRONMENT, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(map(str, command))}\n{done.stdout[-1000:]}{done.stderr[-3000:]}")
    return time.perf_counter() - start


def assignment() -> NotebookNode:
    """The exercises as nbgrader wants them: answers to be cleared, and a cell for each check."""

    def cell(name: str, source: str, **kind: object) -> NotebookNode:
        marks = {"grade": False, "solution": False, "locked": True, "task": False, "schema_version": 3}
        return v4.new_code_cell(source, id=name, metadata={"nbgrader": marks | kind | {"grade_id": name}})

    cells = [cell("setup", "import numpy as np")]
    cells += [cell(name, SOLUTION[name], solution=True, locked=False) for name in CELLS]
    cells.append(cell("checks", f"{CHECKS}\nlearner = Learner(globals())"))
    for exercise in OF_CHAPTER:
        cells += [cell(check, f"{check}(learner)", grade=True, points=1) for check in exercise.checks]
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    return v4.new_notebook(cells=cells, metadata=kernel)


class Nbgrader:
    def __init__(self, python: str, folder: Path, answers: Sequence[Answers]) -> None:
        self.command, self.folder, self.count = [python, "-m", "nbgrader"], folder, len(answers)
        hand_in(assignment(), {}, folder / "source" / "a" / "a.ipynb")
        (folder / "nbgrader_config.py").touch()
        run(*self.command, "generate_assignment", "a", folder=folder)
        released = nbformat.read(folder / "release" / "a" / "a.ipynb", as_version=4)
        for number, submission in enumerate(answers):
            hand_in(released, submission, folder / "submitted" / f"student{number}" / "a" / "a.ipynb")

    def alone(self) -> float:
        return run(*self.command, "autograde", "a", "--student=student0", "--force", folder=self.folder)

    def batch(self) -> float:
        return run(*self.command, "autograde", "a", "--force", folder=self.folder) / self.count


OTTER_TEST = "{checks}\nfrom otter.test_files import test_case\nOK_FORMAT = False\nname = {exercise.id!r}\n"
OTTER_CASE = "@test_case(points=1)\ndef {check}_passes(env):\n    {check}(Learner(env))\n"
OTTER_BATCH = """\
import sys
from otter.api import grade_submission
for path in sys.argv[1:]:
    grade_submission(path, "autograder.zip", quiet=True)
"""


class Otter:
    def __init__(self, python: str, folder: Path, answers: Sequence[Answers]) -> None:
        self.python, self.folder = python, folder
        (folder / "tests").mkdir()
        for exercise in OF_CHAPTER:
            cases = "".join(OTTER_CASE.format(check=check) for check in exercise.checks)
            test = OTTER_TEST.format(checks=CHECKS, exercise=exercise) + cases
            (folder / "tests" / f"{exercise.cell}.py").write_text(test)
        run(python, "-m", "otter", "generate", "-t", "tests", "-o", "autograder.zip", folder=folder)
        notebook, untouched = assignment(), dict.fromkeys(CELLS, "raise NotImplementedError")
        notebook.cells = [cell for cell in notebook.cells if cell.id in ("setup", *untouched)]
        self.paths = [folder / f"student{number}.ipynb" for number in range(len(answers))]
        for submission, path in zip(answers, self.paths):
            hand_in(notebook, untouched | submission, path)

    def alone(self) -> float:
        return run(self.python, "-m", "otter", "run", self.paths[0], "-o", ".", folder=self.folder)

    def batch(self) -> float:
        return run(self.python, "-c", OTTER_BATCH, *self.paths, folder=self.folder) / len(self.paths)


def version(python: str, distribution: str) -> str | None:
    """The version of a distribution that this Python has, or None."""
    code = f"from importlib.metadata import version; print(version({distribution!r}))"
    done = subprocess.run([python, "-c", code], env=ENVIRONMENT, capture_output=True, text=True)
    return done.stdout.strip() if done.returncode == 0 else None


def table(title: str, *columns: str) -> Table:
    load = os.getloadavg()[0]
    return Table(*columns, title=f"{title} (load before: {load:.1f})", box=MARKDOWN, title_justify="left")


def compare(options: Namespace, folder: Path) -> Table:
    """Ours and the others, one after the other in each round."""
    shown = table("seconds a submission", "grader", "alone", "in a batch", "median", "95 %", "batch ÷ ours")
    answers, tools = list(students(options.batch)), {}
    for name, kind, python in (("nbgrader", Nbgrader, options.nbgrader), ("otter-grader", Otter, options.otter)):
        if number := version(python, name):
            (folder / name).mkdir()
            tools[f"{name} {number}"] = kind(python, folder / name, answers)
        else:
            shown.add_row(name, "not installed in", python)
    single, many = class_of(folder / "one", 1), class_of(folder / "many", 100)
    alone, batch, each = defaultdict(list), defaultdict(list), []
    for _ in range(options.repeats):
        alone["ours"].append(Ours(single, 1).seconds)
        ours = Ours(many, 1)
        batch["ours"].append(ours.seconds / len(ours.rows))
        each.append((median(ours.each), statistics.quantiles(ours.each, n=20)[-1]))
        for name, tool in tools.items():
            alone[name].append(tool.alone())
            batch[name].append(tool.batch())
    for name in alone:
        inside = [f"{median(values):.3f}" for values in zip(*each)] if name == "ours" else ["", ""]
        ratio = median(theirs / ours for theirs, ours in zip(batch[name], batch["ours"]))
        shown.add_row(name, f"{median(alone[name]):.2f}", f"{median(batch[name]):.3f}", *inside, f"{ratio:.0f}")
    return shown


def curve(options: Namespace, folder: Path) -> Table:
    """Time and memory by number of submissions and of workers."""
    columns = ("submissions", "workers", "seconds", "first result", "a second", "median", "rate ÷ one's")
    shown = table("ours", *columns, "MiB at 10 %", "MiB at 95 %")
    for count in (10, 100) if options.quick else (10, 100, 1000):
        of_them, runs = class_of(folder / str(count), count), defaultdict(list)
        for _ in range(options.repeats if count < 1000 else 1):
            for workers in (1, 2):
                runs[workers].append(Ours(of_them, workers, (count // 10, count * 95 // 100)))
        for workers, all_of_them in runs.items():
            ours = sorted(all_of_them, key=lambda ours: ours.seconds)[len(all_of_them) // 2]
            faster = median(many.rate / single.rate for many, single in zip(all_of_them, runs[1]))
            shown.add_row(
                str(count), str(workers), f"{ours.seconds:.1f}", f"{ours.written[0]:.1f}", f"{ours.rate:.1f}",
                f"{median(ours.each):.3f}", f"{faster:.2f}", *(str(held)[1:-1] for held in ours.held.values()),
            )  # fmt: skip
    return shown


def endless(options: Namespace, folder: Path) -> Table:
    """What a submission that never ends costs those beside it, at two workers."""
    shown = table("beside a submission that never ends", "class", "workers", "it took", "the others, a second")
    plain, beside = class_of(folder / "plain", 200), class_of(folder / "beside", 200, ENDLESS)
    for name, of_them, workers in (("200", plain, 1), ("200", plain, 2), ("200 and it", beside, 2)):
        ours = Ours(of_them, workers)
        last = ours.each.index(max(ours.each)) if of_them is beside else len(ours.rows)
        rate = (last - 1) / (ours.written[last - 1] - ours.written[0])
        took = f"{max(ours.each):.1f} s" if of_them is beside else ""
        shown.add_row(name, str(workers), took, f"{rate:.1f}")
    return shown


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for tool, name in (("nbgrader", "nbgrader 0.9.6"), ("otter", "otter-grader 7.0.0")):
        parser.add_argument(f"--{tool}", metavar="PYTHON", default=sys.executable, help=f"one that has {name} (this)")
    parser.add_argument("--quick", action="store_true", help="measure once, and no class of 1,000")
    parser.add_argument("--repeats", type=int, default=3, metavar="N", help="rounds, of which medians are shown (3)")
    parser.add_argument("--batch", type=int, default=6, metavar="N", help="submissions for the other graders (6)")
    tables = {"compare": compare, "curve": curve, "endless": endless}
    parser.add_argument("--only", choices=tables, help="one of the three tables")
    options = parser.parse_args()
    options.repeats = 1 if options.quick else options.repeats
    for name in [options.only] if options.only else tables:
        with tempfile.TemporaryDirectory() as folder:
            Console(width=140).print(tables[name](options, Path(folder)), "\n")


if __name__ == "__main__":
    main()
