"""A class is graded whatever happens to the run: killed, taken up again, on a cluster that loses workers."""

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from concurrent.futures.process import BrokenProcessPool

import pytest

from bncourse import curriculum
from bncourse.errors import CourseError
from bncourse.grading import pools, run
from bncourse.grading.grade import Options, checks_digest
from bncourse.grading.sandbox import Limits
from bncourse.paths import ROOT, SOLUTIONS

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


def test_only_what_changed_is_graded_again(submissions, tmp_path, monkeypatch):
    out = tmp_path / "results"
    run.grade(submissions, out, OPTIONS)
    (submissions / "student03" / f"{CHAPTER}.ipynb").write_text(answers(["3.4"]), encoding="utf-8")
    shutil.rmtree(submissions / "student11")
    hand_in(submissions, ["student12"])
    tried = []
    monkeypatch.setattr(run, "_task", lambda one, task=run._task: tried.append(one.student) or task(one))
    run.grade(submissions, out, OPTIONS)
    assert tried == ["student03", "student12"]
    assert points_in(out)["student03"] == POINTS - curriculum.find("3.4")[0].points
    assert "student11" in points_in(out), "a row is never lost"


def test_rows_made_with_other_checks_are_graded_again(submissions, tmp_path, monkeypatch):
    run.grade(submissions, tmp_path, OPTIONS)
    tried = []
    monkeypatch.setattr(run, "_task", lambda one, task=run._task: tried.append(one.student) or task(one))
    run.grade(submissions, tmp_path, Options(OPTIONS.limits, exercises=("3.1",)))
    assert len(tried) == 12
    assert checks_digest(()) != checks_digest(("3.1",))


def test_a_submission_that_ends_the_grader_costs_nobody_else_points(submissions, tmp_path, monkeypatch):
    monkeypatch.setattr(run, "graded", ends_the_grader)
    rows = run.grade(submissions, tmp_path, OPTIONS, workers=2)
    given = {row["student"]: row["points"] for row in rows}
    assert given.pop("student05") == 0
    assert set(given.values()) == {POINTS, POINTS - curriculum.find("3.1")[0].points}
    assert "ended, twice" in next(row["reason"] for row in rows if row["student"] == "student05")


def ends_the_grader(task, options, real=run.graded):
    if task.student == "student05":
        os._exit(1)
    return real(task, options)


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


def test_a_cluster_that_loses_a_worker_gives_the_same_gradebook(submissions, tmp_path):
    out, alone = tmp_path / "results", tmp_path / "alone"
    run.grade(submissions, alone, OPTIONS)
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    scheduler = subprocess.Popen(
        [sys.executable, "-m", "distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", "0",
         "--no-dashboard"],
        env=environment, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    workers = []
    try:
        address = next(line.split()[-1] for line in scheduler.stderr if "Scheduler at:" in line)
        start = [sys.executable, "-m", "distributed.cli.dask_worker", address, "--nthreads", "1", "--no-dashboard"]
        workers = [
            subprocess.Popen([*start, "--no-nanny", "--local-directory", str(tmp_path)], env=environment,
                             stderr=subprocess.DEVNULL)
            for _ in range(2)
        ]  # fmt: skip
        grading = subprocess.Popen(command(submissions, "--out", out, "--scheduler", address), cwd=ROOT)
        while grading.poll() is None and len(lines_in_pieces(out)) < 3:
            time.sleep(0.02)
        workers[0].kill()
        assert grading.wait(120) == 0
    finally:
        for process in [*workers, scheduler]:
            process.kill()
            process.wait()
    assert (out / "gradebook.csv").read_bytes() == (alone / "gradebook.csv").read_bytes()


def test_a_pool_that_broke_works_again():
    with pools.Local(1) as pool:
        with pytest.raises(BrokenProcessPool):
            pool.submit(os._exit, 1).result()
        pool.renew()
        assert pool.submit(len, "four").result() == 4
