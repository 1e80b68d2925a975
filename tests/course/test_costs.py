"""What the pages time takes turns in orders that differ, in one process and in fresh ones."""

import subprocess
from functools import partial

import pytest
import torch
from torch import nn

from bncourse.ledger.costs import in_fresh_processes, infer, taking_turns


def order_of(**options):
    called = []
    works = {name: partial(called.append, name) for name in range(6)}
    assert {len(times) for times in taking_turns(works, 3, least=0, **options).values()} == {3}
    rounds = [called[-18:-12], called[-12:-6], called[-6:]]
    assert all(sorted(turn) == list(range(6)) for turn in rounds)
    return rounds


def test_works_take_turns_in_an_order_that_is_new_in_each_round_and_for_each_number():
    first, second, third = order_of()
    assert first != second != third
    assert order_of() == [first, second, third] != order_of(order=1)


def test_fresh_processes_time_what_they_load_in_the_order_given(capfd):
    layer = nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4)).eval()
    works = {
        "long": partial(sum, range(100_000)), "a layer": partial(infer, layer, torch.zeros(1, 1, 8, 8)),
        "short": partial(sum, range(100)),
    }  # fmt: skip
    seconds = in_fresh_processes(works, processes=2, rounds=3, least=1e-4)
    assert list(seconds) == list(works)
    assert {times.shape for times in seconds.values()} == {(2,)}
    assert (seconds["long"] > 20 * seconds["short"]).all() and (seconds["a layer"] > 0).all()
    assert seconds["long"][0] != seconds["long"][1]
    assert capfd.readouterr().out == ""


def test_a_process_that_fails_is_not_passed_over():
    with pytest.raises(subprocess.CalledProcessError):
        in_fresh_processes({"fails": partial(int, "no number")}, processes=1)


def test_what_is_inferred_leaves_no_graph():
    seen = []

    class Watched(nn.Linear):
        def forward(self, x):
            seen.append(super().forward(x))
            return seen[-1]

    infer(Watched(2, 2), torch.ones(1, 2))
    assert seen[0].is_inference() and not seen[0].requires_grad
