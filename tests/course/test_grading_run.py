"""A class is graded whatever happens to the run: killed, taken up again, on a cluster that loses workers."""

import csv
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from dataclasses import replace

import pytest
from distributed import Client

from bncourse.course import curriculum
from bncourse.course.errors import CourseError
from bncourse.course.paths import ROOT, SOLUTIONS
from bncourse.grading import pools, run
from bncourse.grading.grade import Options
from bncourse.grading.handed_in import submissions as submissions_of
from bncourse.grading.rows import Row
from bncourse.grading.sandbox.launch import Limits

CHAPTER = "03_normalize"
POINTS = sum(exercise.points for exercise in curriculum.of_chapter(CHAPTER))
OPTIONS = Options(Limits(check=5, submission=20))


def answers(wrong=()):
    """The solution notebook of chapter 3, with some answers that are none."""
    notebook = json.loads((SOLUTIONS / f"{CHAPTER}.ipynb").read_text(encoding="utf-8"))
    for cell in notebook["cells"]:
        if cell["id"] in {f"ex-{id.replace('.', '-')}" for id in wrong}:
            cell["source"] = "def nothing(): return None"
    return json.dumps(notebook)


def hand_in(folder, students, wrong=()):
    for student in students:
        (folder / student).mkdir(parents=True)
        (folder / student / f"{CHAPTER}.ipynb").write_text(answers(wrong), encoding="utf-8")


@pytest.fixture
def submissions(tmp_path):
    """Twelve students: eight solved all, four left out 3.1."""
    folder = tmp_path / "submissions"
    hand_in(folder, [f"student{i:02}" for i in range(8)])
    hand_in(folder, [f"student{i:02}" for i in range(8, 12)], wrong=["3.1"])
    return folder


def points_in(out):
    with (out / "gradebook.csv").open(encoding="utf-8-sig") as file:
        return {row["student"]: int(row["points"]) for row in csv.DictReader(file)}


def lines_in(out):
    path = out / "results.jsonl"
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.exists() else []


def command(*arguments):
    return [sys.executable, "-m", "bncourse", "grade", *map(str, arguments)]


def grade(*arguments):
    return subprocess.run(command(*arguments), cwd=ROOT, capture_output=True, text=True)


def test_every_submission_gets_points_feedback_and_a_line(submissions, tmp_path):
    out = tmp_path / "results"
    done = grade(submissions, "--out", out, "--workers", 2)
    assert done.returncode == 0, done.stderr
    assert "12 submissions graded, 0 of them unreadable" in done.stdout
    lost = curriculum.find("3.1")[0].points
    assert points_in(out) == {f"student{i:02}": POINTS - (lost if i >= 8 else 0) for i in range(12)}
    assert len(lines_in(out)) == len(list((out / "feedback").glob("*.html"))) == 12
    assert "student00" in (out / "class.html").read_text(encoding="utf-8")


def test_a_run_killed_three_times_ends_like_an_undisturbed_one(submissions, tmp_path):
    out, undisturbed = tmp_path / "results", tmp_path / "undisturbed"
    run.grade(submissions, undisturbed, OPTIONS)
    graded = [0]
    for _ in range(3):
        started = subprocess.Popen(command(submissions, "--out", out, "--workers", 2), cwd=ROOT, stderr=subprocess.PIPE)
        while started.poll() is None and len(lines_in_pieces(out)) < graded[-1] + 2:
            time.sleep(0.01)
        started.send_signal(signal.SIGKILL)
        started.wait()
        graded.append(len(lines_in_pieces(out)))
    assert graded[-1] > graded[1] > 0
    assert grade(submissions, "--out", out).returncode == 0
    assert (out / "gradebook.csv").read_bytes() == (undisturbed / "gradebook.csv").read_bytes()
    students = [row["student"] for row in lines_in(out)]
    assert len(students) == len(set(students)) == 12, "a submission was graded twice"


def lines_in_pieces(out):
    path = out / "results.jsonl"
    return path.read_bytes().splitlines() if path.exists() else []


def test_a_killed_grader_takes_its_processes_along(submissions, tmp_path):
    def alive():
        listed = subprocess.run(["pgrep", "-f", str(tmp_path)], capture_output=True, text=True).stdout.split()
        return [pid for pid in listed if int(pid) != os.getpid()]

    started = subprocess.Popen(command(submissions, "--out", tmp_path / "r"), cwd=ROOT, stderr=subprocess.DEVNULL)
    while not lines_in_pieces(tmp_path / "r"):
        time.sleep(0.05)
    assert alive()
    started.kill()
    started.wait()
    until = time.monotonic() + 10
    while alive() and time.monotonic() < until:
        time.sleep(0.05)
    assert not alive()


def test_a_line_cut_off_by_a_crash_is_graded_again(submissions, tmp_path):
    run.grade(submissions, tmp_path, OPTIONS)
    whole = points_in(tmp_path)
    path = tmp_path / "results.jsonl"
    path.write_bytes(path.read_bytes()[:-40])
    run.grade(submissions, tmp_path, OPTIONS)
    assert points_in(tmp_path) == whole
    assert len(lines_in(tmp_path)) == 12


def recorded(monkeypatch):
    """The students whose submissions the next run distributes."""
    tried = []

    def distribute(left, *others, distribute=run._distribute):
        tried.extend(submission.student for submission in left)
        return distribute(left, *others)

    monkeypatch.setattr(run, "_distribute", distribute)
    return tried


def test_only_what_changed_is_graded_again(submissions, tmp_path, monkeypatch):
    out = tmp_path / "results"
    run.grade(submissions, out, OPTIONS)
    (submissions / "student03" / f"{CHAPTER}.ipynb").write_text(answers(["3.4"]), encoding="utf-8")
    shutil.rmtree(submissions / "student11")
    hand_in(submissions, ["student12"])
    tried = recorded(monkeypatch)
    run.grade(submissions, out, OPTIONS)
    assert tried == ["student03", "student12"]
    assert points_in(out)["student03"] == POINTS - curriculum.find("3.4")[0].points
    assert "student11" not in points_in(out)
    assert '"student": "student11"' in (out / "left_out.jsonl").read_text("utf-8"), "a row is never lost"


def test_rows_made_with_other_checks_are_graded_again(submissions, tmp_path, monkeypatch):
    run.grade(submissions, tmp_path, OPTIONS)
    tried = recorded(monkeypatch)
    run.grade(submissions, tmp_path, Options(replace(OPTIONS.limits, check=6)))
    assert len(tried) == 12


def test_a_submission_that_ends_the_grader_costs_nobody_else_points(submissions, tmp_path, monkeypatch):
    monkeypatch.setattr(run, "row_and_page", ends_the_grader)
    rows = run.grade(submissions, tmp_path, OPTIONS, workers=2)
    given = {row.student: row.points for row in rows}
    assert given.pop("student05") == 0
    assert set(given.values()) == {POINTS, POINTS - curriculum.find("3.1")[0].points}
    assert "ended, twice" in next(row.reason for row in rows if row.student == "student05")


def ends_the_grader(submission, material, options, real=run.row_and_page):
    if submission.student == "student05":
        os._exit(1)
    return real(submission, material, options)


class Breaking:
    """A pool that a culprit breaks, for whoever is in it or joins it until it is renewed."""

    room = 3

    def __init__(self, culprits):
        self.culprits, self.under_way, self.broken, self.tried = culprits, [], False, []

    def submit(self, function, submission, material, options):
        self.under_way.append(submission.student)
        self.tried.append((submission.student, len(self.under_way)))
        self.broken = self.broken or submission.student in self.culprits
        future = Future()
        future.result = lambda: self.under_way.remove(submission.student) or Future.result(future)
        if self.broken:
            future.set_exception(BrokenProcessPool())
        else:
            future.set_result((submission.student, "page"))
        return future

    def renew(self):
        self.broken = False


def test_bystanders_of_several_culprits_are_tried_again_alone():
    pool = Breaking({"b", "f"})
    students = [submissions_of.Submission(name, name, name, {}, ()) for name in "abcdefg"]
    rows = [row for row, _ in run._distribute(students, pool, OPTIONS)]
    given_up = {row.student for row in rows if isinstance(row, Row)}
    assert given_up == pool.culprits
    assert {row for row in rows if isinstance(row, str)} == set("acdeg")
    again = [turn for i, turn in enumerate(pool.tried) if turn[0] in [name for name, _ in pool.tried[:i]]]
    assert {name for name, _ in again} >= pool.culprits
    assert all(company == 1 for _, company in again), again


def test_results_hold_the_students_that_are_found_now(submissions, tmp_path, capsys):
    out = tmp_path / "results"
    run.grade(submissions, out, OPTIONS)
    shutil.rmtree(submissions / "student00")
    hand_in(submissions, ["student12"])
    rows = run.grade(submissions, out, OPTIONS)
    students = [f"student{i:02}" for i in range(1, 13)]
    assert (
        [row.student for row in rows]
        == [line["student"] for line in lines_in(out)]
        == sorted(points_in(out))
        == students
    )
    assert "student00 was graded before" in capsys.readouterr().err


def test_another_assignment_is_kept_apart(submissions, tmp_path):
    out = tmp_path / "results"
    run.grade(submissions, out, replace(OPTIONS, exercises=("3.1",)))
    before = points_in(out)
    with pytest.raises(CourseError, match="holds results of 3.1; name another folder"):
        run.grade(submissions, out, replace(OPTIONS, exercises=("3.2",)))
    assert points_in(out) == before


def test_two_runs_do_not_write_into_the_same_results(submissions, tmp_path):
    with run._alone(tmp_path), pytest.raises(CourseError, match="another run is writing into"):
        run.grade(submissions, tmp_path, OPTIONS)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nowhere", "--out", "{tmp}/r"], "no such folder: nowhere"),
        (["{tmp}", "--out", "{tmp}/r"], "submission"),
        (["{tmp}/submissions"], "--out"),
        (["{tmp}/submissions", "--out", "{tmp}/r", "--exercises", "9.9"], "unknown exercise"),
        (["{tmp}/submissions", "--out", "{tmp}/r", "--workers", "0"], "--workers 0: at least 1 is needed"),
        (["{tmp}/submissions", "--out", "{tmp}/r", "--memory", "0"], "limits"),
        (["{tmp}/submissions", "--out", "{tmp}/file/r"], "cannot write into"),
        (["{tmp}/submissions", "--out", "{tmp}/r", "--scheduler", "tcp://127.0.0.1:9"], "no Dask scheduler answers"),
        (["{tmp}/submissions", "--out", "{tmp}/r", "--canvas", "{tmp}/none.csv"], "none.csv"),
    ],
)
def test_wrong_use_gets_one_line(arguments, said, tmp_path):
    (tmp_path / "file").write_text("")
    if "{tmp}" not in arguments:
        hand_in(tmp_path / "submissions", ["ada"])
    done = grade(*(argument.format(tmp=tmp_path) for argument in arguments))
    assert done.returncode == 2
    assert said in done.stderr.strip().splitlines()[-1]
    assert "Traceback" not in done.stderr


@pytest.fixture
def cluster(tmp_path):
    """A Dask scheduler on this machine: its address, and a function that starts a worker of the course in a folder."""
    processes = []

    def start(module, *arguments, course=ROOT, **streams):
        environment = {**os.environ, "PYTHONPATH": str(course)}
        command = [sys.executable, "-m", f"distributed.cli.dask_{module}", *arguments, "--no-dashboard"]
        processes.append(subprocess.Popen(command, env=environment, cwd=tmp_path, **streams))
        return processes[-1]

    def worker(course=ROOT):
        return start(
            "worker", address, "--nthreads", "1", "--no-nanny", "--local-directory", str(tmp_path),
            course=course, stderr=subprocess.DEVNULL,
        )  # fmt: skip

    scheduler = start("scheduler", "--host", "127.0.0.1", "--port", "0", stderr=subprocess.PIPE, text=True)
    address = next(line.split()[-1] for line in scheduler.stderr if "Scheduler at:" in line)
    yield address, worker
    for process in reversed(processes):
        process.kill()
        process.wait()


def test_a_cluster_that_loses_a_worker_gives_the_same_gradebook(submissions, tmp_path, cluster):
    out, alone = tmp_path / "results", tmp_path / "alone"
    run.grade(submissions, alone, OPTIONS)
    address, worker = cluster
    workers = [worker(), worker()]
    grading = subprocess.Popen(command(submissions, "--out", out, "--scheduler", address), cwd=ROOT)
    while grading.poll() is None and len(lines_in_pieces(out)) < 3:
        time.sleep(0.02)
    workers[0].kill()
    assert grading.wait(120) == 0
    assert (out / "gradebook.csv").read_bytes() == (alone / "gradebook.csv").read_bytes()


@pytest.fixture(scope="module")
def other_course(tmp_path_factory):
    """The course with a changed threshold, as a worker may have it that was not brought up to date."""
    folder = tmp_path_factory.mktemp("other")
    for name in ("bncourse", "tests/checks", "tests/mistakes"):
        shutil.copytree(ROOT / name, folder / name)
    with (folder / "bncourse" / "course" / "capstone.py").open("a") as file:
        file.write("\nNEEDED = (0.1, 0.2, 0.3, 0.4, 0.5)\n")
    return folder


REFUSED = (
    r"the worker at tcp://127\.0\.0\.1:\d+ has the course \S+ \(\w{16}\) instead of \S+ \(\w{16}\); "
    "install there what is installed here, or leave that worker out"
)


@pytest.mark.parametrize("joins", ["before", "later"])
def test_a_worker_with_another_version_of_the_course_is_refused_by_name(
    submissions, tmp_path, cluster, other_course, joins
):
    address, worker = cluster
    if joins == "before":
        worker(other_course)
        wait_for_a_worker(address)
    grading = subprocess.Popen(
        command(submissions, "--out", tmp_path / "r", "--scheduler", address),
        cwd=ROOT,
        stderr=subprocess.PIPE,
        text=True,
    )
    if joins == "later":
        while not (tmp_path / "r" / "results.jsonl").exists():
            time.sleep(0.05)
        time.sleep(1)
        worker(other_course)
    _, error = grading.communicate(timeout=120)
    assert grading.returncode == 2
    assert re.fullmatch(REFUSED, error.strip().splitlines()[-1]), error
    assert "Traceback" not in error
    assert lines_in_pieces(tmp_path / "r") == []


def test_a_worker_without_the_course_is_refused_by_name(submissions, tmp_path, cluster):
    """An old version, say, which lacks what is called: nobody gets 0 points for it."""
    address, worker = cluster
    (tmp_path / "old" / "bncourse" / "grading").mkdir(parents=True)
    for name in ("__init__", "grading/__init__", "grading/digest"):
        (tmp_path / "old" / "bncourse" / f"{name}.py").touch()
    worker(tmp_path / "old")
    wait_for_a_worker(address)
    done = grade(submissions, "--out", tmp_path / "r", "--scheduler", address)
    assert done.returncode == 2
    assert re.search(
        r"the worker at tcp://127\.0\.0\.1:\d+ lacks this course \(.*bncourse", done.stderr.splitlines()[-1]
    )
    assert "Traceback" not in done.stderr


def wait_for_a_worker(address):
    with Client(address) as client:
        client.wait_for_workers(1, timeout=60)


def test_libraries_that_differ_are_named():
    here = {"the course": "0.1.0 (abc)", "numpy": "2.1.0", "torch": "2.6.0"}
    with pytest.raises(CourseError, match="a:1 has numpy 1.26.4 instead of 2.1.0, torch none instead of 2.6.0;"):
        pools._refuse_stranger("tcp://a:1", here | {"numpy": "1.26.4", "torch": "none"}, here)
    pools._refuse_stranger("tcp://a:1", here, here)


def test_a_pool_that_broke_works_again():
    with pools.Local(1) as pool:
        with pytest.raises(BrokenProcessPool):
            pool.submit(os._exit, 1).result()
        pool.renew()
        assert pool.submit(len, "four").result() == 4
