"""What needs no PyTorch is told from the files, and judged alike where there is none, as in a browser."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from bncourse.checking import marks
from bncourse.checking.judging import judge
from bncourse.checking.learner import Answers, Forbidden
from bncourse.course import curriculum, notebooks
from bncourse.course.curriculum import Exercise
from bncourse.course.paths import EXERCISES, ROOT
from bncourse.publishing import browser
from bncourse.publishing.needs import needs_torch

# The site offers these to readers who have installed nothing: none may be lost.
OFFERED = {
    *("1.1", "1.2", "1.4", "2.1", "2.2", "2.3", "2.4", "2.5", "2.6", "3.1", "3.2", "3.3", "3.4", "4.1", "4.2", "4.3"),
    *("4.4", "5.1", "5.2", "7.1", "7.2", "7.3", "11.3", "11.4", "12.1", "12.2", "13.3", "14.1", "14.2", "14.3", "14.4"),
    *("14.5", "14.6"),
}


def test_no_exercise_comes_to_need_pytorch():
    free = {exercise.id for exercise in curriculum.exercises().values() if not needs_torch(exercise)}
    assert OFFERED - free == set()


def run(*command):
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, *command], cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


def test_known_answers_are_judged_alike_where_numpy_and_hypothesis_are_all_there_is():
    found = {}
    for line in run(str(Path(__file__).with_name("without_torch.py")), str(FEW)).splitlines():
        exercise, kind, place, *result = json.loads(line)
        found[exercise, kind, place] = result
    expected = {}
    for exercise in curriculum.exercises().values():
        if needs_torch(exercise):
            continue
        expected[exercise.id, "solution", 0] = ["solved", exercise.points, None]
        expected[exercise.id, "stub", 0] = ["unsolved", 0, None]
        for place, _ in enumerate(marks.variants_of(exercise)[:FEW]):
            expected[exercise.id, "variant", place] = ["solved", exercise.points, None]
        for place, mistake in enumerate(marks.mistakes_of(exercise)[:FEW]):
            status, points, _ = found.get((exercise.id, "mistake", place), ("not judged", exercise.points, None))
            lost = min(points, exercise.points - 1)
            expected[exercise.id, "mistake", place] = [status, lost, mistake.explanation]
    assert {name: result for name, result in found.items() if expected.get(name) != result} == {}
    assert found.keys() == expected.keys()


FEW = 3  # test_classroom.py judges them all, in a browser
HELPER = "def test_a(learner):\n    return helper()\n\ndef helper():\n    "
SETUP = "# %%\nimport torch\nfrom torch import nn\n\n# %% [markdown]\n# ## 3.1\n\n"
OTHER = '# %% exercise="3.2"\ndef g(x):\n    return nn\n'
ANSWER = '# %% exercise="3.1"\ndef f(x):\n    return {}\n\n# %%\ncheck("3.1")\n\n'


@pytest.mark.parametrize(
    ("checks", "source", "expected"),
    [
        ("def test_a(learner):\n    import torch", "", True),
        ("def test_a(learner):\n    from keras import layers", "", True),
        (f"import torch\n\n{HELPER}return torch.ones(2)", "", True),
        (f"{HELPER}from torch import nn", "", True),
        (f"from torch import nn\nKINDS = []\nKINDS += [nn.Linear]\n{HELPER}return KINDS", "", True),
        (f"from bncourse.checking.processes import in_processes\n{HELPER}return in_processes", "", True),
        (f"from bncourse.lab import training\n{HELPER}return training", "", True),
        (f"from bncourse.checking import assert_close\n{HELPER}assert_close(1, 1)", "", False),
        (f"{HELPER}return 'torch', 'import keras'  # torch", "", False),
        (f"import torch\n{HELPER}pass\n\ndef test_b(learner):\n    torch.ones(2)", "", False),
        (f"{HELPER}torch = 1; return torch", "", False),
        (f"{HELPER}pass", SETUP + ANSWER.format("nn.Linear(x)"), True),
        (f"{HELPER}pass", SETUP + ANSWER.format("f(x)") + "import torch", False),
        (f"{HELPER}pass", SETUP + ANSWER.format("x") + OTHER, False),
        (f"{HELPER}pass", "from torch import nn\n" + ANSWER.format("1").replace("3.1", "13.1"), False),
        (f"{HELPER}pass", ANSWER.format("torch.ones(x)"), True),
    ],
)
def test_it_counts_what_checks_and_answer_reach(checks, source, expected, tmp_path, monkeypatch):
    monkeypatch.setattr(curriculum, "CHECKS", tmp_path)
    monkeypatch.setattr("bncourse.publishing.needs.SOLUTIONS", tmp_path)
    (tmp_path / "test_03_x.py").write_text(checks, encoding="utf-8")
    if source:
        (tmp_path / "03_x.py").write_text(source, encoding="utf-8")
    assert needs_torch(Exercise("3.1", "03_x", {"test_a": 1})) is expected


def test_an_import_of_what_is_forbidden_counts_as_its_use_where_it_is_not_installed(monkeypatch):
    monkeypatch.setitem(sys.modules, "keras", None)

    def batch_mean(x):
        import keras

        return keras.ops.mean(x, 0)

    result = judge(curriculum.find("2.1"), Answers({"batch_mean": batch_mean}))["2.1"]
    assert {(type(failure.error), str(failure.error)) for failure in result.failures} == {(Forbidden, "calls keras")}


HEAD, BODY = "def normalize(x, mean, var, eps=1e-5):\n", "    return (x - mean) / np.sqrt(var + eps)\n"
IN_THE_PAGE = {  # as in a notebook: whoever imports what a page has not, and does not use it, is right
    "import torch\n{}": "solved, 5 of 5 points",
    "import torch.nn as nn\nfrom torch.nn import functional as F\n{}": "solved, 5 of 5 points",
    "{}    import numpy, torch\n    if isinstance(x, torch.Tensor): x = x.numpy()\n": "solved, 5 of 5 points",
    "{}    import torch\n    x = torch.tensor(x).numpy()\n": "not right yet, 0 of 5 points",
    "import matplotlib.pyplot as plt\n{}    plt.plot(x)\n": "your code stops with an error, 0 of 5 points",
    "from torch import nn\nclass Net(nn.Module): pass\n{}": "your code stops with an error, 0 of 5 points",
    "import nunpy\n{}": "your code stops with an error, 0 of 5 points",
}


@pytest.mark.parametrize(("text", "verdict"), IN_THE_PAGE.items())
def test_in_a_page_libraries_that_are_not_there_may_be_imported_and_are_missed_where_they_are_used(
    text, verdict, monkeypatch
):
    for library in [name for name in sys.modules if name.partition(".")[0] in ("torch", "matplotlib")]:
        monkeypatch.delitem(sys.modules, library)
    for library in ("torch", "matplotlib"):
        monkeypatch.setitem(sys.modules, library, None)
    notebook = notebooks.load(EXERCISES / "03_normalize.ipynb")
    answer = next(cell for cell in notebook["cells"] if cell["id"] == "ex-3-1")
    answer["source"] = text.format(HEAD) + BODY
    told = json.loads(browser.check("3.1", json.dumps(notebook), 0, lambda: None))["report"]
    assert told["title"] == f"3.1: {verdict}"
    if "error" in verdict and "nunpy" not in text:
        assert "in a page: an answer that needs it runs in the chapter's notebook" in str(told["details"])
    if verdict.startswith("not"):
        assert ["forbidden", "the answer calls torch"] in told["details"]


@pytest.mark.parametrize("package", ["torch", "math"])
def test_pytorch_is_loaded_before_the_time_of_a_call_runs_if_the_check_needs_it_and_only_then(package):
    """An import under watch and under a time limit is slow, and may be cut off halfway."""
    code = (
        "import contextlib, sys\nfrom bncourse.checking import learner\nseen = []\n"
        "learner.time_limit = lambda seconds: contextlib.nullcontext(seen.append('torch' in sys.modules))\n"
        f"probe = 'def probe(answers):\\n    import {package}'\n"
        "learner.Learner(learner.Answers({})).run_source('probe', probe)\nprint(*seen)"
    )
    assert run("-c", code).strip() == str(package == "torch")
