"""`make setup` takes the smallest PyTorch that serves a machine, and says which."""

import importlib.util

import pytest

from bncourse.course.paths import ROOT

spec = importlib.util.spec_from_file_location("install", ROOT / "install.py")
install = importlib.util.module_from_spec(spec)
spec.loader.exec_module(install)


@pytest.mark.parametrize(
    ("platform", "card", "answers", "arguments", "line"),
    [
        ("linux", False, True, ["--extra-index-url", install.CPU_INDEX], "hundred megabytes: no NVIDIA card"),
        ("linux", False, False, [], "does not answer"),
        ("linux", True, True, [], "CUDA, some gigabytes: this machine has an NVIDIA card"),
        ("darwin", False, True, [], "as this system has it"),
        ("win32", True, True, [], "as this system has it"),
    ],
)
def test_pytorch_for_processors_is_taken_where_there_is_no_card(monkeypatch, platform, card, answers, arguments, line):
    monkeypatch.setattr(install, "has_nvidia_card", lambda: card)
    monkeypatch.setattr(install, "answers", lambda index: answers)
    chosen, message = install.choice(platform)
    assert chosen == arguments
    assert line in message


def test_an_index_that_does_not_answer_takes_no_time():
    assert not install.answers("http://127.0.0.1:9", seconds=1)
