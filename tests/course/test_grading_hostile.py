"""Strangers who break, cheat or attack: each gets the points that its honest part earns, and no neighbour notices.

hostile/ holds what they hand in: the cells that differ from a right notebook, the points that are DUE for the
exercises they attack (all others are right and get theirs), and what the row or the page of the student SAYS. Where
something cannot be told apart from honest work, a human is shown it: the row's REVIEW says why. A PREAMBLE, by its name
in hostile_files.py, stands before the cell. What is no text is made by that file.
"""

import ast
import contextlib
import copy
import ctypes
import hashlib
import html
import importlib.util
import inspect
import json
import os
import re
import socket
import subprocess
import sys
import time
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import pytest

from bncourse.checking.judging import judge_notebook
from bncourse.course import curriculum, notebooks
from bncourse.course.paths import EXERCISES, ROOT, SOLUTIONS
from bncourse.grading.handed_in.trees import short
from bncourse.grading.reports.feedback import slug
from bncourse.grading.sandbox.launch import protection

pytestmark = pytest.mark.needs_sandbox

HERE = Path(__file__).parent
LIMITS = {"--check-seconds": 3, "--submission-seconds": 20, "--memory": 1, "--workers": 2}
NORMALIZE, LAYER = "03_normalize", "05_batchnorm_layer"
ADOPT_ORPHANS = 36


@pytest.fixture(scope="module", autouse=True)
def isolation():
    """Where nothing isolates strangers these tests fail: what is not tested is not protected."""
    assert protection() is None, protection()


spec = importlib.util.spec_from_file_location("hostile_files", HERE / "hostile_files.py")
files = importlib.util.module_from_spec(spec)
spec.loader.exec_module(files)


@dataclass
class Case:
    """A submission, what is due to it, and what is to be said of it; `key` is its student's name in the results."""

    student: str
    due: dict | str
    says: str
    review: str
    key: str = ""
    cells: dict = field(default_factory=dict)
    write: object = None

    @property
    def chapter(self):
        return LAYER if any(name.startswith("ex-5") for name in self.cells) else NORMALIZE

    @property
    def neighbour(self):
        return f"{self.id} ~ neighbour"

    @property
    def id(self):
        return self.write.__name__ if self.write else self.student

    @property
    def points(self):
        """Points by exercise."""
        return {one.id: one.points for one in curriculum.of_chapter(self.chapter)} | self.due


def cases():
    for path in sorted((HERE / "hostile").glob("*.py")):
        header, *parts = re.split(r'^# %% exercise="(.*)"\n', path.read_text(encoding="utf-8"), flags=re.M)
        constants = [node for node in ast.parse(header).body if isinstance(node, ast.Assign)]
        said = {node.targets[0].id: ast.literal_eval(node.value) for node in constants}
        preamble = getattr(files, said["PREAMBLE"]) if "PREAMBLE" in said else ""
        cells = {f"ex-{id.replace('.', '-')}": preamble + source for id, source in zip(parts[::2], parts[1::2])}
        yield Case(path.stem, said["DUE"], said.get("SAYS", ""), said.get("REVIEW", ""), path.stem, cells)
    for one in files.SPECIAL:
        key = one.key or short(one.student)
        yield Case(one.student, one.due, one.says, one.review, key, write=one.write)


CASES = list(cases())
NAMED = pytest.mark.parametrize("case", CASES, ids=[case.id for case in CASES])


# Handing in


@cache
def _solution(chapter):
    return json.loads((SOLUTIONS / f"{chapter}.ipynb").read_text(encoding="utf-8"))


def solution(chapter=NORMALIZE):
    """A notebook in which every answer is right."""
    return copy.deepcopy(_solution(chapter))


def half_solution():
    """What an honest neighbour hands in: some answers right, one wrong, one not begun."""
    notebook = solution()
    wrong = "def normalize(x, mean, var, eps=1e-5):\n    return (x - mean) / (np.sqrt(var) + eps)\n"
    stub = json.loads((EXERCISES / f"{NORMALIZE}.ipynb").read_text(encoding="utf-8"))
    files.cell(notebook, "ex-3-1")["source"] = wrong
    files.cell(notebook, "ex-3-3")["source"] = files.cell(stub, "ex-3-3")["source"]
    return notebook


def hand_in(case, folder, places):
    """Write the submission of a case and that of its neighbour, which comes next in the order of most names."""
    own, beside = folder / case.student, folder / case.neighbour
    own.mkdir()
    beside.mkdir()
    (beside / f"{NORMALIZE}.ipynb").write_text(json.dumps(half_solution()))
    notebook = solution(case.chapter)
    if case.write:
        takes_folder = len(inspect.signature(case.write).parameters) > 1
        notebook = case.write(notebook, own) if takes_folder else case.write(notebook)
    for name, source in case.cells.items():
        files.cell(notebook, name)["source"] = re.sub("@([A-Z]+)@", lambda match: str(places[match[1]]), source)
    if notebook is not None:
        content = notebook if isinstance(notebook, bytes) else json.dumps(notebook).encode()
        (own / f"{case.chapter}.ipynb").write_bytes(content)


@dataclass
class Run:
    """What grading all of them left behind."""

    folder: Path
    results: Path
    output: str
    seconds: float
    before: dict
    strays: list

    def __post_init__(self):
        lines = (self.results / "results.jsonl").read_text(encoding="utf-8").splitlines()
        self.all = [json.loads(line) for line in lines]
        self.rows = {row["student"]: row for row in self.all}

    def page(self, row):
        return (self.results / "feedback" / f"{slug(row['student'])}.html").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder, results = tmp_path_factory.mktemp("class"), tmp_path_factory.mktemp("out") / "results"
    with socket.create_server(("127.0.0.1", 0)) as listening:
        places = {
            "ROOT": ROOT, "SUBMISSIONS": folder, "RESULTS": results, "HOME": Path.home(), "MARK": files.MARK,
            "PORT": listening.getsockname()[1], "GRADER": os.getpid(), "CANARY": "CANARY_OF_THE_TESTS",
        }  # fmt: skip
        for case in CASES:
            hand_in(case, folder, places)
        before, others = contents(folder), children()
        ctypes.CDLL(None).prctl(ADOPT_ORPHANS, 1)
        command = [sys.executable, "-m", "bncourse", "grade", folder, "--out", results, "--require-sandbox"]
        begun = time.monotonic()
        done = subprocess.run(
            [str(word) for word in (*command, *(part for limit in LIMITS.items() for part in limit))], cwd=ROOT,
            env={**os.environ, "CANARY_OF_THE_TESTS": "secret"}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True, timeout=600,
        )  # fmt: skip
        seconds = time.monotonic() - begun
        ctypes.CDLL(None).prctl(ADOPT_ORPHANS, 0)
    assert done.returncode == 0, done.stdout[-3000:]
    return Run(folder, results, done.stdout, seconds, before, sorted(children() - others))


def contents(folder):
    """Names and digests of all regular files below a folder."""
    paths = [path for path in sorted(folder.rglob("*")) if path.is_file() and not path.is_symlink()]
    return {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).digest() for path in paths}


def children():
    """The processes that run below this one, orphans that it adopted among them."""
    found = set()
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):  # it ended in the meantime
            state, parent = path.read_text().rpartition(")")[2].split()[:2]
            if int(parent) == os.getpid() and state != "Z":
                found.add((path.parent / "cmdline").read_text()[:300])
    return found


# What must hold


@NAMED
def test_each_gets_the_points_that_are_due(run, case):
    row = run.rows[case.key]
    if case.due == files.UNREADABLE:
        assert (row["status"], row["points"], row["max"], row["exercises"]) == ("unreadable", 0, 0, [])
        assert re.search(case.says, row["reason"]), row["reason"]
        return
    given = {one["exercise"]: one["points"] for one in row["exercises"]}
    assert (row["status"], row["reason"]) == ("graded", "")
    assert given == case.points
    assert row["points"] == sum(case.points.values())


@NAMED
def test_each_is_told_why(run, case):
    row = run.rows[case.key]
    said = json.dumps(row, ensure_ascii=False) + html.unescape(page := run.page(row)) + page
    assert re.search(case.says, said), said
    assert re.search(case.review, "\n".join(row["review"])), row["review"]
    assert "<script>alert" not in page


@NAMED
def test_no_neighbour_notices(run, case, honest):
    row = run.rows[case.neighbour]
    assert row["exercises"] == honest
    assert (row["status"], row["reason"], row["notes"], row["review"]) == ("graded", "", [], [])


@pytest.fixture(scope="module")
def honest(tmp_path_factory):
    """The neighbours' results as the learner's own check gives them."""
    path = tmp_path_factory.mktemp("honest") / f"{NORMALIZE}.ipynb"
    path.write_text(json.dumps(half_solution()))
    results = judge_notebook(notebooks.execute(path), curriculum.of_chapter(NORMALIZE)).values()
    return [result.as_json() | {"explains_all": result.explains_all} for result in results]


def test_each_has_one_row_and_one_page(run):
    assert len(run.all) == len(run.rows) == 2 * len(CASES)
    assert len(list((run.results / "feedback").glob("*.html"))) == 2 * len(CASES)
    assert "Traceback" not in run.output


def test_two_students_of_one_name_are_told_apart(run):
    assert all("Zoë" in run.rows[key]["notes"][0] for key in ("Zoë", "Zoë (2)"))


def test_nothing_is_left_of_them(run):
    """No process, no file outside, no submission or result changed."""
    assert run.strays == []
    assert contents(run.folder) == run.before
    expected = {"results.jsonl", "gradebook.csv", "class.html", "feedback", ".lock"}
    assert {path.name for path in run.results.iterdir()} <= expected
    places = [ROOT, ROOT / "bncourse", ROOT / "tests" / "checks", Path.home(), run.results, run.folder]
    places += map(Path, (sys.prefix, "/", "/tmp", "/usr", "/usr/bin", "/var/tmp", "/dev/shm", "/etc"))
    assert [path for place in places for path in place.glob(f"{files.MARK}*")] == []


def test_none_takes_more_than_its_time(run):
    most = max(run.all, key=lambda row: row["seconds"])
    assert most["seconds"] < 3 * LIMITS["--submission-seconds"], most["student"]
