"""Every page as on a GPU, without one: in the precision of a card that has bfloat16, and on an emulated second device.

Both run the code of a page as it stands, with two steps a training and two seeds. Neither is a run on a GPU: kernels,
times and what a GPU computes are not seen. `python -m bncourse gpu` measures those.
"""

import pytest
import torch
from torch import nn

from bncourse import mine
from bncourse.lab import runs, training
from bncourse.lab.ensembles import ensemble, networks
from bncourse.ledger import costs, entries
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
    monkeypatch.setattr(training, "scale", lambda cpu, gpu: cpu)
    monkeypatch.setattr(torch.cuda, "synchronize", lambda *device: None)
    refused = []
    with SecondDevice():
        pages.run(page, refused)
    assert not refused


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
        ]
        for mixture in refused:
            with pytest.raises((RuntimeError, TypeError)):
                mixture()


def test_the_second_device_computes_what_a_gpu_computes():
    with SecondDevice():
        layer, x = nn.Linear(3, 2), torch.ones(4, 3)
        expected, there = layer(x), layer.to("cuda")(x.to("cuda"))
        assert there.device.type == "cuda" and expected.device.type == "cpu"
        torch.testing.assert_close(there.cpu(), expected)
        there.sum().backward()
        assert layer.weight.grad.device.type == "cuda"
        assert (torch.tensor(2.0) * there)[torch.tensor([0])].device.type == "cuda"
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
