"""The house itself: how large its wings are, and that the tests about a chapter can be chosen by its name."""

import ast
import os
import subprocess
import sys

import numpy as np
import pytest
import torch
from torch import nn

from bncourse.course import curriculum
from bncourse.course.paths import MISTAKES, ROOT, VARIANTS

PACKAGE = ROOT / "bncourse"
CORE = ("__init__.py", "__main__.py", "course", "checking")
WINGS = {
    "core": (CORE, 3325),
    "authoring": (("authoring",), 320),
    "ledger": (("ledger",), 1400),
    "publishing": (("publishing",), 2260),
    "lab": (("lab",), 2640),
    "pretraining": (("pretraining",), 460),
    "grading": (("grading",), 3650),
    "exports": (("exports",), 660),
}


def modules(*names):
    for name in names:
        path = PACKAGE / name
        yield from [path] if path.is_file() else path.rglob("*.py")


@pytest.mark.parametrize("wing", WINGS)
def test_a_wing_stays_small_enough_to_be_read(wing):
    names, most = WINGS[wing]
    lines = {path: len(path.read_text("utf8").splitlines()) for path in modules(*names)}
    assert sum(lines.values()) <= most, lines


VAGUE = {"one", "found", "told", "said", "kept"}  # for which a noun says more


def test_names_are_nouns_that_say_what_they_hold():
    files = [*modules("."), *(ROOT / "_ext").glob("*.py"), *(ROOT / "benchmarks").rglob("*.py")]
    bound = ((path, name) for path in files for name in names_bound(ast.parse(path.read_text("utf8"))))
    assert not [(path.name, name) for path, name in bound if name in VAGUE]


def names_bound(tree):
    """Whatever gets a name in a module: variables, parameters, functions and classes."""
    for node in ast.walk(tree):
        match node:
            case ast.Name(id=name, ctx=ast.Store()) | ast.arg(arg=name):
                yield name
            case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
                yield name


def test_every_exercise_has_its_mistakes_in_one_file_of_its_own():
    expected = {(exercise.chapter, exercise.id.replace(".", "_")) for exercise in curriculum.exercises().values()}
    files = list(MISTAKES.rglob("*.py"))
    assert {(path.parent.name, "_".join(path.stem.split("_")[:2])) for path in files} == expected
    assert len(files) == len(expected)


def absent(path):
    """Functions of NumPy and PyTorch that a file names and that do not exist, as a slip of the pen leaves them."""
    names = {"np": np, "torch": torch, "nn": nn, "F": nn.functional}
    for node in ast.walk(ast.parse(path.read_text("utf8"))):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            package = names.get(node.value.id)
            if package and not hasattr(package, node.attr):
                yield f"{path.name}:{node.lineno}: {node.value.id}.{node.attr}"


def test_known_answers_call_what_exists():
    """A mistake that stops with an error by accident would be recognised in nobody's answer."""
    files = [*MISTAKES.rglob("*.py"), *VARIANTS.rglob("*.py")]
    assert not [name for path in files for name in absent(path)]


def chosen(*options):
    """The tests that pytest would run with these options."""
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider", *options]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env=os.environ | {"CI": "true"})
    return done.stdout.splitlines(), done.stderr


def test_the_tests_about_one_exercise_are_chosen_by_its_name():
    lines, _ = chosen("--of", "3.1", "--nbval", "tests", "solutions")
    tests = [line for line in lines if "::" in line]
    assert any(line.startswith("tests/checks/test_03_normalize.py") for line in tests)
    assert any(line.startswith("solutions/03_normalize.ipynb") for line in tests)
    assert any("test_mistake_loses_points_and_is_diagnosed_as_itself[3.1-normalize-0]" in line for line in tests)
    assert not [line for line in tests if "[13." in line or "[3.2" in line or "04_scale_shift" in line]


def test_an_unknown_name_is_told_in_one_line():
    _, error = chosen("--of", "99")
    assert error.strip().splitlines() == [f"ERROR: {line}" for line in [unknown("99")]]


def unknown(name):
    with pytest.raises(Exception, match="unknown exercise or chapter") as raised:
        curriculum.find(name)
    return str(raised.value)
