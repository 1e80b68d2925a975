"""Every page as on a GPU, without one: in the precision of a card that has bfloat16, and on an emulated second device.

Both run the code of a page as it stands, with two steps a training and two seeds; on the second device at the sizes for
a GPU, with fewer images, and without float64, which Apple's GPUs have not. Neither is a run on a GPU: kernels,
times and what a GPU computes are not seen. `python -m bncourse gpu` measures those.
"""

import re
import sys

import numpy as np
import pytest
import torch
from torch import nn

from bncourse import mine
from bncourse.course.paths import ROOT
from bncourse.lab import runs, training
from bncourse.lab.ensembles import ensemble, networks
from bncourse.lab.vision import trainings
from bncourse.ledger import costs, entries, sequences
from tests.course import pages
from tests.course.second_device import GPU, SecondDevice

every_page = pytest.mark.parametrize("page", [*pages.CHAPTERS, pages.TOUR], ids=lambda page: page.stem)


@pytest.fixture
def parities(monkeypatch):
    """A page as a build would execute it, but short; a list of what it enters as parity: what, difference, allowed."""
    entered, seeds, batches, turns = [], entries.seeds, training.batches, costs.taking_turns
    monkeypatch.setenv("BNCOURSE_PAGE", "1")
    monkeypatch.setattr(entries, "seeds", lambda shown, full: seeds(min(shown, 2), full))
    monkeypatch.setattr(costs, "taking_turns", lambda works, rounds, **options: turns(works, min(rounds, 2), least=0))
    monkeypatch.setattr(entries, "parity", lambda claim, what, gap, most, scale="": entered.append((what, gap, most)))
    monkeypatch.setattr(training, "batches", lambda count, size, steps, seed: batches(count, size, min(steps, 2), seed))
    pages.shorten(monkeypatch)
    return entered


@every_page
def test_a_page_runs_in_bfloat16(page, parities, monkeypatch):
    monkeypatch.setenv(training.PRECISION, "bfloat16")
    refused = []
    pages.run(page, refused)
    assert not refused
    assert all(difference <= allowed for _, difference, allowed in parities), parities


@every_page
def test_a_page_runs_on_a_second_device(page, parities, monkeypatch):
    for module in (training, ensemble):
        monkeypatch.setattr(module, "device", lambda: GPU)
    pages.shrink(monkeypatch)
    monkeypatch.setattr(torch.cuda, "synchronize", lambda *device: None)
    refused = []
    with SecondDevice(float64=False):
        pages.run(page, refused)
    assert not refused


LONG = {
    "detector": trainings.Plan("detector", "bn", 2, 4, 0.05, 1, every=0, scenes=12),
    "segmenter": trainings.Plan("segmenter", "gn", 2, 4, 0.01, 1, every=0, scenes=12),
    "sequences": sequences.Plan("LSTM", "BN, masked", 0.003, steps=2, batch_size=16, every=0, of="choose"),
}


@pytest.mark.parametrize("plan", LONG.values(), ids=list(LONG))
def test_a_training_too_long_for_a_page_runs_on_a_second_device(plan, monkeypatch):
    """What `make experiments` trains for chapters 11 and 12, begun."""
    monkeypatch.setattr(training, "device", lambda: GPU)
    monkeypatch.setattr(torch.cuda, "synchronize", lambda *device: None)
    monkeypatch.setattr(training, "trained", set())
    with SecondDevice(float64=False):
        found = sequences.trained(plan) if isinstance(plan, sequences.Plan) else trainings.train(plan)
    assert training.trained == {"cuda, float32"}
    assert found["steps"] == [] if isinstance(found, dict) else found.steps == []


@pytest.fixture
def alone():
    """This process as a group of one, as torch.distributed sees it."""
    torch.distributed.init_process_group("gloo", store=torch.distributed.HashStore(), rank=0, world_size=1)
    yield
    torch.distributed.destroy_process_group()


@pytest.mark.parametrize("exercise", ["5.4", "11.5"])
def test_our_layers_take_statistics_of_16_bits_in_32(exercise, alone):
    """As PyTorch's layer does: then the output has 16 bits, the running statistics are those of a float32 layer."""
    layer, theirs = mine(exercise)(3), nn.BatchNorm2d(3)
    x = (10 + torch.randn(8, 3, 5, 5, generator=torch.Generator().manual_seed(0))).bfloat16()
    for _ in range(2):
        y, expected = layer(x), theirs(x)
        assert y.dtype == expected.dtype == torch.bfloat16
        torch.testing.assert_close(y, expected)
    for name in ("running_mean", "running_var"):
        torch.testing.assert_close(getattr(layer, name), getattr(theirs, name))
    torch.testing.assert_close(layer.eval()(x), theirs.eval()(x))


@pytest.mark.parametrize("gpus, asked", [(0, ["gloo"]), (1, ["gloo"]), (2, ["cuda:0", "nccl"])])
def test_two_processes_take_a_gpu_each_where_there_are_two(gpus, asked, alone, tmp_path, monkeypatch):
    """The script of chapter 11, as its first process runs it."""
    text = (ROOT / "book/11_vision_tasks.md").read_text(encoding="utf-8")
    (script,) = re.findall(r'^SCRIPT = """\n(.*?)^"""', text, re.M | re.S)
    called, places = [], set()
    monkeypatch.setenv("LOCAL_RANK", "0")
    monkeypatch.setattr(sys, "argv", ["script.py", str(tmp_path)])
    monkeypatch.setattr(torch.cuda, "device_count", lambda: gpus)
    monkeypatch.setattr(torch.cuda, "set_device", lambda device: called.append(str(device)))
    monkeypatch.setattr(torch.distributed, "init_process_group", called.append)
    monkeypatch.setattr(torch.distributed, "destroy_process_group", lambda: None)
    state = nn.Conv2d(1, 8, 3, bias=False).state_dict()
    torch.save({"conv": state, "x": [torch.randn(5, 1, 9, 9).double()], "dy": [torch.ones(5, 8, 7, 7).double()]},
               tmp_path / "given.pt")  # fmt: skip
    forward = nn.Conv2d.forward
    monkeypatch.setattr(nn.Conv2d, "forward", lambda self, x: places.add(x.device.type) or forward(self, x))
    with SecondDevice():
        exec(script, {})
    assert called == asked and places == {"cuda" if gpus == 2 else "cpu"}
    results = torch.load(tmp_path / "0.pt")
    for one, other in zip(results["sync"], results["alone"], strict=True):
        torch.testing.assert_close(one, other)


def test_the_second_device_refuses_what_a_gpu_refuses():
    with SecondDevice():
        here, there = torch.ones(3), torch.ones(3, device="cuda")
        refused = [
            lambda: here + there,
            lambda: there.numpy(),
            lambda: here[torch.zeros(1, dtype=torch.int64, device="cuda")],
            lambda: torch.randn(3, device="cuda", generator=torch.Generator()),
            lambda: nn.Linear(3, 1)(there),
            lambda: nn.Linear(3, 1).to("cuda")(here),
            lambda: nn.BatchNorm1d(3).to("cuda")(torch.ones(2, 3)),
            lambda: there.mean() + here,
            lambda: torch.tensor(0.0).add_(there.mean()),
            lambda: torch.stack([torch.tensor(0.0), there.mean()]),
            lambda: here.__setitem__(torch.zeros(1, dtype=torch.int64, device="cuda"), 1.0),
            lambda: there.__setitem__(torch.zeros(3, dtype=torch.int64, device="cuda"), here),
        ]
        for mixture in refused:
            with pytest.raises((RuntimeError, TypeError)):
                mixture()


def test_a_second_device_may_be_one_without_float64():
    here, numbers = torch.ones(3, dtype=torch.float64), np.ones(3)
    with SecondDevice(float64=False):
        single = here.float().to("cuda")
        for move in (lambda: here.to("cuda"), single.double, lambda: torch.tensor(numbers, device="cuda")):
            with pytest.raises(TypeError, match="float64"):
                move()
        assert here.sum() == single.sum() == 3
    with SecondDevice():
        assert here.to("cuda").dtype == torch.float64


def test_the_second_device_computes_what_a_gpu_computes():
    with SecondDevice():
        layer, x = nn.Linear(3, 2), torch.ones(4, 3)
        expected, there = layer(x), layer.to("cuda")(x.to("cuda"))
        assert there.device.type == "cuda" and expected.device.type == "cpu"
        torch.testing.assert_close(there.cpu(), expected)
        there.sum().backward()
        assert layer.weight.grad.device.type == "cuda"
        assert (torch.tensor(2.0) * there)[torch.tensor([0])].device.type == "cuda"
        there.detach()[1:] = torch.zeros(3, 2)  # a slice is copied, from anywhere
        there.detach()[torch.tensor([0])] = torch.tensor(0.0)
        assert there.sum() == 0
        there = layer(x.to("cuda"))
        assert (there.cpu().detach().numpy() == expected.detach().numpy()).all()


def test_on_cuda_float32_has_all_its_digits(monkeypatch):
    flags = torch.backends.cudnn, torch.backends.cuda.matmul
    before = [flag.allow_tf32 for flag in flags]
    for flag in flags:
        flag.allow_tf32 = True
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    try:
        for asked in (False, True):
            monkeypatch.setenv(training.DETERMINISTIC, "1" if asked else "")
            assert training.device.__wrapped__() == GPU
            assert torch.are_deterministic_algorithms_enabled() == asked
        assert not any(flag.allow_tf32 for flag in flags)
    finally:
        torch.use_deterministic_algorithms(False)
        for flag, value in zip(flags, before):
            flag.allow_tf32 = value


@pytest.mark.parametrize("kind", ["cuda", "mps"])
def test_a_clock_waits_for_the_device(kind, monkeypatch):
    waited = []
    monkeypatch.setattr(getattr(torch, kind), "synchronize", lambda *device: waited.append(kind))
    monkeypatch.setattr(training, "device", lambda: torch.device(kind))
    assert costs.seconds_of(lambda: waited.append("work"), 2) > 0
    assert waited == [kind, "work", "work", kind]


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_both_ways_to_train_follow_one_policy(dtype, monkeypatch):
    monkeypatch.setenv(training.PRECISION, dtype)
    monkeypatch.setattr(training, "trained", set())
    images, labels, seen = torch.randn(8, 4), torch.arange(8) % 2, []

    class Watched(networks.MLPs):
        def losses(self, x, y, training=True):
            seen.append(self.forward(x, training).dtype)
            return super().losses(x, y, training)

    runs.train(Watched((4, 3, 2), seeds=[0]), images, labels, steps=1, batch_size=8)
    model = nn.Linear(4, 2)
    model.register_forward_hook(lambda layer, x, y: seen.append(y.dtype))
    training.fit(model, images, labels, steps=1, batch_size=8)
    assert seen == 2 * [getattr(torch, dtype)]
    assert training.trained == {f"{training.device().type}, {dtype}"}
    training.fit(model, images, labels, steps=1, batch_size=8, exact=True)
    assert seen[-1] == torch.float32
