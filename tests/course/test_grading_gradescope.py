"""Gradescope's autograder: built, unpacked as Gradescope lays it out, and run for real on submissions of all kinds."""

import json
import os
import shutil
import stat
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import jsonschema
import pytest

from bncourse.course import curriculum, notebooks
from bncourse.course.errors import CourseError
from bncourse.course.paths import EXERCISES, MISTAKES, ROOT
from bncourse.exports import gradescope

STEM = "03_normalize"
FULL = {exercise.id: exercise.points for exercise in curriculum.of_chapter(STEM)}
RIGHT = "def normalize(x, mean, var, eps=1e-5):\n    return (x - mean) / np.sqrt(var + eps)"
WRONG = "def normalize(x, mean, var, eps=1e-5):\n    return (x - mean) / (np.sqrt(var) + eps)"

# https://gradescope-autograders.readthedocs.io/en/latest/specs/
FORMAT = {"enum": ["text", "html", "simple_format", "md", "ansi"]}
VISIBILITY = {"enum": ["hidden", "after_due_date", "after_published", "visible"]}
SCHEMA = {
    "type": "object",
    "required": ["score", "tests"],
    "additionalProperties": False,
    "properties": {
        "score": {"type": "number"},
        "execution_time": {"type": "number"},
        "output": {"type": "string"},
        "output_format": FORMAT,
        "visibility": VISIBILITY,
        "stdout_visibility": VISIBILITY,
        "extra_data": {"type": "object"},
        "tests": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["score", "max_score", "name"],
                "additionalProperties": False,
                "properties": {
                    "score": {"type": "number"},
                    "max_score": {"type": "number"},
                    "status": {"enum": ["passed", "failed"]},
                    "name": {"type": "string"},
                    "number": {"type": "string"},
                    "output": {"type": "string"},
                    "output_format": FORMAT,
                    "visibility": VISIBILITY,
                },
            },
        },
    },
}


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    return gradescope.build(tmp_path_factory.mktemp("gradescope") / "autograder.zip", ["3"])


def unpacked(archive, folder):
    """The folders that Gradescope makes of a zip: source/, submission/, results/ and the script beside them."""
    with zipfile.ZipFile(archive) as opened:
        for entry in opened.infolist():
            path = Path(opened.extract(entry, folder / "source"))
            path.chmod(entry.external_attr >> 16 & 0o777)
    (folder / "submission").mkdir()
    (folder / "results").mkdir()
    shutil.copy(folder / "source" / "run_autograder", folder / "run_autograder")
    return folder


@pytest.fixture
def autograder(archive, tmp_path):
    return unpacked(archive, tmp_path / "autograder")


def hand_in(autograder, answers, name=f"{STEM}.ipynb"):
    content = notebooks.load(EXERCISES / f"{STEM}.ipynb")
    for cell in content["cells"]:
        cell["source"] = answers.get(cell["id"], cell["source"])
    (autograder / "submission" / name).write_text(json.dumps(content), encoding="utf-8")


def run(autograder, **environment):
    """Run the script as Gradescope does; results.json, after a look at its form, and what was printed."""
    environment = {**os.environ, "AUTOGRADER": str(autograder), "PYTHON": sys.executable} | environment
    done = subprocess.run(
        [autograder / "run_autograder"], env=environment, cwd=autograder, capture_output=True, text=True, check=False
    )
    results = json.loads((autograder / "results" / "results.json").read_text(encoding="utf-8"))
    jsonschema.validate(results, SCHEMA)
    assert results["stdout_visibility"] == "hidden"
    return results, done.stdout


def scores(results):
    assert {test["number"]: test["max_score"] for test in results["tests"]} == FULL
    assert results["score"] == sum(test["score"] for test in results["tests"])
    return {test["number"]: (test["status"], test["score"]) for test in results["tests"]}


# What is graded


def test_a_right_answer_gets_its_points(autograder):
    hand_in(autograder, {"ex-3-1": RIGHT})
    results, _ = run(autograder)
    assert scores(results) == {
        "3.1": ("passed", FULL["3.1"]), "3.2": ("failed", 0), "3.3": ("failed", 0), "3.4": ("failed", 0),
    }  # fmt: skip
    assert results["tests"][0]["name"] == "Normalise with given statistics"
    assert results["execution_time"] > 0


def test_a_wrong_answer_gets_the_points_of_what_is_right_and_the_diagnosis(autograder):
    hand_in(autograder, {"ex-3-1": WRONG})
    results, _ = run(autograder)
    status, score = scores(results)["3.1"]
    assert status == "failed"
    assert 0 < score < FULL["3.1"]
    assert "ε stands outside the root" in results["tests"][0]["output"]
    assert "expected" in results["tests"][0]["output"]


def test_a_notebook_under_another_name_in_a_folder_is_found(autograder):
    (autograder / "submission" / "my work").mkdir()
    hand_in(autograder, {"ex-3-1": RIGHT}, "my work/final (1).ipynb")
    assert scores(run(autograder)[0])["3.1"] == ("passed", FULL["3.1"])


# What cannot be graded still gets a valid file


def test_nothing_handed_in(autograder):
    results, _ = run(autograder)
    assert results["score"] == 0
    assert results["output"]
    assert all("no notebook of 03_normalize" in test["output"] for test in results["tests"])


@pytest.mark.parametrize("content", [b"", b'{"cells": [', b"\x89PNG\xff", b"[1]"])
def test_a_broken_notebook(autograder, content):
    (autograder / "submission" / f"{STEM}.ipynb").write_bytes(content)
    results, _ = run(autograder)
    assert results["score"] == 0
    assert "not a notebook" in results["output"]
    assert scores(results) == dict.fromkeys(FULL, ("failed", 0))


def test_code_that_ends_its_process_or_writes_results(autograder):
    forged = json.dumps({"score": 999, "tests": []})
    path = autograder / "results" / "results.json"
    hand_in(
        autograder,
        {
            "ex-3-1": RIGHT,
            "ex-3-2": f"open({str(path)!r}, 'w').write({forged!r})\ndef batch_normalize(x, eps=1e-5):\n    return x",
            "ex-3-3": "import os\nos._exit(0)",
        },
    )
    results, printed = run(autograder)
    assert scores(results)["3.1"] == ("passed", FULL["3.1"])
    assert results["score"] == FULL["3.1"]
    assert "999" not in printed


def test_when_grading_itself_fails_the_file_says_so(autograder):
    hand_in(autograder, {"ex-3-1": RIGHT})
    shutil.rmtree(autograder / "source" / "tests" / "checks")
    results, printed = run(autograder)
    assert (results["score"], results["tests"]) == (0, [])
    assert results["output"].startswith("The autograder could not grade this submission")
    assert "\n" not in results["output"]
    assert printed


def test_when_python_does_not_start_the_file_says_so(autograder):
    results, _ = run(autograder, PYTHON="/no/such/python")
    assert (results["score"], results["tests"]) == (0, [])
    assert results["output"].startswith("The autograder does not start")


@pytest.mark.needs_root
def test_without_bubblewrap_the_checks_are_out_of_reach(archive):
    """In a container that refuses bubblewrap, submissions run as nobody, who may not read tests/."""
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        autograder = unpacked(archive, Path(folder) / "autograder")
        programs = Path(folder) / "programs"
        programs.mkdir()
        for program in ("bash", "chmod", "env"):
            (programs / program).symlink_to(shutil.which(program))

        def telling(name, path):
            return (
                f"def {name}(*args):\n    raise RuntimeError(open({str(autograder / 'source' / path)!r}).read()[:99])"
            )

        hand_in(
            autograder,
            {
                "ex-3-1": telling("normalize", f"tests/checks/test_{STEM}.py"),
                "ex-3-2": telling("batch_normalize", f"tests/mistakes/{STEM}/3_1_normalize.py"),
                "ex-3-3": telling("normalize_inference", "bncourse/course/errors.py"),
            },
        )
        results, printed = run(autograder, PATH=str(programs))
    outputs = [test["output"] for test in results["tests"]]
    assert "bubblewrap is not installed" in printed
    assert "PermissionError" in outputs[0]
    assert "PermissionError" in outputs[1]
    assert "The one error that users see" in outputs[2], "the way to see something is open, so the others are shut"


# The zip


def test_the_zip_has_what_gradescope_needs_at_its_root_and_no_solutions(archive):
    with zipfile.ZipFile(archive) as opened:
        modes = {entry.filename: stat.S_IMODE(entry.external_attr >> 16) for entry in opened.infolist()}
    assert modes["setup.sh"] == modes["run_autograder"] == 0o755
    private = [f"tests/checks/test_{STEM}.py"]
    private += [path.relative_to(ROOT).as_posix() for path in (MISTAKES / STEM).glob("*.py")]
    assert {name: mode for name, mode in modes.items() if name.startswith("tests/")} == dict.fromkeys(private, 0o600)
    assert "requirements.txt" in modes
    assert not [name for name in modes if "solutions" in name or "variants" in name or "__pycache__" in name]


@pytest.mark.parametrize("script", ["setup.sh", "run_autograder"])
def test_the_scripts_are_bash(archive, tmp_path, script):
    with zipfile.ZipFile(archive) as opened:
        text = opened.read(script)
    assert text.startswith(b"#!/usr/bin/env bash\n")
    assert b"\r" not in text
    subprocess.run(["bash", "-n"], input=text, check=True)


def test_the_same_course_gives_the_same_zip_again(archive, tmp_path):
    before = archive.read_bytes()
    assert gradescope.build(archive, ["3"]).read_bytes() == before


def test_another_file_is_never_overwritten(tmp_path):
    (tmp_path / "thesis.zip").write_bytes(b"mine")
    with pytest.raises(CourseError, match="thesis.zip is there already and is no autograder"):
        gradescope.build(tmp_path / "thesis.zip", ["3"])
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.zip"]
    assert (tmp_path / "thesis.zip").read_bytes() == b"mine"


def test_an_unknown_chapter_is_refused(tmp_path):
    with pytest.raises(CourseError, match="unknown exercise or chapter '99'"):
        gradescope.build(tmp_path / "out.zip", ["99"])
    assert not list(tmp_path.iterdir())
