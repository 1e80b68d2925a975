"""The exercises in the page, as tables: `python -m benchmarks.classroom [--site FOLDER] [EXERCISE ...]`.

What a reader loads and waits for, at the first visit and the second; then the time of a check in the page and in the
kernel: medians, the first left out, and the fastest, which tells most where the machine is busy. Kernel and page take
turns, so that it slows both.
"""

import argparse
import gzip
import json
import shutil
import statistics
import tempfile
import threading
import time
from collections.abc import Callable
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from playwright.sync_api import BrowserContext, Page, sync_playwright
from rich.console import Console
from rich.table import Table

from bncourse.checking import marks
from bncourse.checking.judging import judge
from bncourse.checking.learner import Answers
from bncourse.checking.report import as_html, report
from bncourse.course import curriculum, notebooks
from bncourse.course.curriculum import Exercise
from bncourse.course.paths import MISTAKES, SOLUTIONS
from bncourse.publishing import classroom, pdf
from bncourse.publishing.site import SITE
from tests.cards import WRONG, Card
from tests.known import source_of

RUNS = 9
FACTOR, MORE = 2, 100  # a check in the page may take this much of the kernel's time, and so many ms more
COMPRESSED = {".html", ".js", ".mjs", ".css", ".svg", ".json", ".wasm", ".ipynb"}  # by a usual web server
TIMED = """async ([exercise, notebook, runs]) => {
    const { ask } = await import(new URL("../_static/classroom/runner.js", location));
    const times = [];
    let verdict;
    for (let run = 0; run < runs; run += 1) {
        const start = performance.now();
        verdict = await ask(exercise, { ask: "check", exercise, notebook, tries: 0 });
        times.push(performance.now() - start);
    }
    return { times, status: verdict.status, points: verdict.points, diagnosis: verdict.diagnosis };
}"""


class Noting(SimpleHTTPRequestHandler):
    """A web server that notes what it sent: 200 with a file, or 304 where the browser has it."""

    sent: list[tuple[str, int]] = []

    def log_request(self, code: Any = "-", size: Any = "-") -> None:
        self.sent.append((self.path.split("?")[0].lstrip("/"), int(code)))


def loads(context: BrowserContext, address: str, site: Path, console: Console) -> None:
    """Print what a first and a second visit load, and how long each reader waits for the first verdict."""
    context.set_default_timeout(120_000)
    visits, waits = [], []
    for _ in range(2):
        Noting.sent.clear()
        page, start = context.new_page(), time.perf_counter()
        page.goto(f"{address}/book/03_normalize.html")
        shown = time.perf_counter()
        card = Card(page, "3.1")
        card.write(WRONG)
        clicked = time.perf_counter()
        card.press("Check")
        assert "not right yet" in card.told()
        end = time.perf_counter()
        waits.append((shown - start, clicked - shown, end - clicked, end - start))
        page.wait_for_timeout(5000)  # until the browser keeps all of it
        visits.append({name: code for name, code in sorted(Noting.sent, reverse=True, key=lambda sent: sent[1])})
        page.close()
    table = Table("file", "bytes", "sent compressed", "first visit", "second visit", box=None, pad_edge=False)
    totals = [0, 0]
    rows = []
    for name in {**visits[0], **visits[1]}:
        path = site / name
        if not path.is_file():
            continue
        content = path.read_bytes()
        small = len(gzip.compress(content, 6)) if path.suffix in COMPRESSED else len(content)
        for number, visit in enumerate(visits):
            totals[number] += small if visit.get(name) == 200 else 0
        answered = [str(visit.get(name, "from its cache")) for visit in visits]
        rows.append((len(content), [name, f"{len(content):,}", f"{small:,}", *answered]))
    for _, row in sorted(rows, reverse=True):
        table.add_row(*row)
    table.add_row("all", "", "", *(f"{total:,}" for total in totals))
    console.print(table)
    waiting = Table("s", "page shown", "opened and typed", "check to verdict", "all", box=None, pad_edge=False)
    for name, wait in zip(("first visit", "second visit"), waits, strict=True):
        waiting.add_row(name, *(f"{seconds:.2f}" for seconds in wait))
    console.print(waiting)


def milliseconds(action: Callable[[], object]) -> float:
    start = time.perf_counter()
    action()
    return 1000 * (time.perf_counter() - start)


def texts_of(exercise: Exercise) -> dict[str, str]:
    """A notebook with the solution, and one with the first known mistake behind it."""
    notebook = json.loads((SOLUTIONS / f"{exercise.chapter}.ipynb").read_text(encoding="utf-8"))
    solved = json.dumps(notebook)
    mistake = marks.mistakes_of(exercise)[0]
    for cell in notebook["cells"]:
        if cell["id"] == exercise.cell:
            cell["source"] = f"{''.join(cell['source'])}\n\n\n{source_of(mistake, exercise, MISTAKES)}"
    return {"solution": solved, "mistake": json.dumps(notebook)}


def checked(exercise: Exercise, page: Page) -> list[list[str]]:
    """Rows of one exercise: the solution's and a mistake's times in kernel and page, and whether the verdicts agree."""
    reference = Answers(notebooks.execute(SOLUTIONS / f"{exercise.chapter}.ipynb").names)
    mistake = marks.mistakes_of(exercise)[0]
    known = len(marks.mistakes_of(exercise)) + len(marks.variants_of(exercise)) + 2
    rows = []
    for name, notebook in texts_of(exercise).items():
        answers = reference if name == "solution" else reference.overlaid({mistake.name: mistake.value})
        judged: list[Any] = []

        def check(answers: Answers = answers, judged: list[Any] = judged) -> None:
            judged.append(judge([exercise], answers)[exercise.id])
            as_html(report(judged[-1]))

        times = [milliseconds(check) for _ in range(RUNS // 2 + 1)]
        answer = page.evaluate(TIMED, [exercise.id, notebook, RUNS])
        times += [milliseconds(check) for _ in range(RUNS // 2)]
        kernel, here = (statistics.median(some[1:]) for some in (times, answer["times"]))
        expected = judged[-1].as_json()
        agree = all(answer[field] == expected[field] for field in ("status", "points", "diagnosis"))
        bound = "" if here <= FACTOR * kernel + MORE else f"missed: {here - FACTOR * kernel - MORE:.0f} ms over"
        measured = kernel, min(times), answer["times"][0], here, min(answer["times"])
        numbers = [f"{value:.0f}" for value in measured]
        rows.append([exercise.id, name, *numbers, bound, "same" if agree else "DIFFERS", str(known)])
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("exercises", nargs="*", help="such as 3.1; else all that the page offers")
    parser.add_argument("--site", type=Path, default=SITE, help="folder of the built site")
    options = parser.parse_args()
    console = Console(width=140)
    chosen = [exercise for exercise in classroom.offered() if exercise.id in options.exercises or not options.exercises]
    with (
        sync_playwright() as playwright,
        ThreadingHTTPServer(("127.0.0.1", 0), partial(Noting, directory=options.site)) as server,
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile,
    ):
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}"
        executable = next(filter(None, map(shutil.which, pdf.BROWSERS)), None)
        # With a profile on disk, as a reader has one: there the browser keeps compiled code for the second visit.
        context = playwright.chromium.launch_persistent_context(
            profile, executable_path=executable, args=pdf.FLAGS, viewport={"width": 1280, "height": 900}
        )
        loads(context, address, options.site, console)
        page = context.new_page()
        page.goto(f"{address}/book/03_normalize.html")
        head = (
            "exercise",
            "answer",
            "kernel, ms",
            "fastest",
            "page, first",
            "then",
            "fastest",
            "bound",
            "verdict",
            "known",
        )
        print(f"| {' | '.join(head)} |\n{'| --- ' * len(head)}|", flush=True)
        for exercise in chosen:
            for row in checked(exercise, page):
                print(f"| {' | '.join(row)} |", flush=True)
        here = {exercise.id for exercise in classroom.offered()}
        elsewhere = [name for name in curriculum.exercises() if name not in here]
        console.print(f"in the notebook alone, for they need PyTorch: {', '.join(elsewhere)}")
        context.close()
        server.shutdown()


if __name__ == "__main__":
    main()
