"""The training loop: steps, batches, modes, seeds, devices, precision, progress."""

import contextlib
import io
import os
import subprocess
import sys

import numpy as np
import pytest
import torch
from torch import nn

from bncourse.lab import training
from bncourse.lab.training import accuracy, batches, fit, progress, scale, seed_everything, train_step


def blobs(count=96, classes=3):
    """Images whose class is the row that is bright."""
    generator = np.random.default_rng(0)
    labels = np.arange(count) % classes
    images = generator.normal(size=(count, 1, 8, 8)).astype(np.float32)
    images[np.arange(count), 0, labels] += 3
    return images, labels


def network(dropout=0.0):
    seed_everything(0)
    return nn.Sequential(
        nn.Conv2d(1, 4, 3, padding=1),
        nn.BatchNorm2d(4),
        nn.ReLU(),
        nn.Flatten(),
        nn.Dropout(dropout),
        nn.Linear(256, 3),
    )


def parameters(model):
    return torch.cat([value.detach().flatten().double() for value in model.state_dict().values()])


def test_a_step_is_gradient_descent_on_the_cross_entropy():
    model = nn.Sequential(nn.Flatten(), nn.Linear(2, 2))
    images, labels = torch.tensor([[[[1.0, 2.0]]], [[[3.0, -1.0]]]]), torch.tensor([0, 1])
    weight = model[1].weight.detach().clone()
    bias = model[1].bias.detach().clone()
    logits = images.flatten(1) @ weight.T + bias
    error = logits.softmax(1) - torch.eye(2)
    loss = train_step(model, images, labels, torch.optim.SGD(model.parameters(), lr=0.5))
    torch.testing.assert_close(loss, -logits.log_softmax(1).diagonal().mean())
    torch.testing.assert_close(model[1].weight.detach(), weight - 0.5 * error.T @ images.flatten(1) / 2)
    assert not loss.requires_grad


def test_a_stale_gradient_does_not_leak_into_a_step():
    images, labels = map(torch.as_tensor, blobs(12))
    clean, stale = network(), network()
    for value in stale.parameters():
        value.grad = torch.ones_like(value)
    for model in (clean, stale):
        train_step(model, images, labels, torch.optim.SGD(model.parameters(), lr=0.1))
    torch.testing.assert_close(parameters(clean), parameters(stale))


def test_a_step_runs_on_the_meta_device():
    model = network().to("meta")
    loss = train_step(
        model,
        torch.zeros(8, 1, 8, 8, device="meta"),
        torch.zeros(8, dtype=torch.int64, device="meta"),
        torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9),
    )
    assert loss.device.type == "meta"


def test_the_meta_device_finds_a_tensor_left_on_the_cpu():
    class Forgetful(nn.Sequential):
        def forward(self, x):
            return super().forward(x) * torch.ones(8, 3)

    model = Forgetful(nn.Flatten(), nn.Linear(64, 3)).to("meta")
    with pytest.raises(RuntimeError):
        train_step(
            model,
            torch.zeros(8, 1, 8, 8, device="meta"),
            torch.zeros(8, dtype=torch.int64, device="meta"),
            torch.optim.SGD(model.parameters(), lr=0.1),
        )


def test_mixed_precision_computes_in_bfloat16_and_keeps_float32_weights(monkeypatch):
    """Here on the CPU: autocast on CUDA behaves alike, the kernels are others."""
    monkeypatch.setenv(training.PRECISION, "bfloat16")
    model, seen = network(), []
    model[0].register_forward_hook(lambda module, inputs, output: seen.append(output))
    images, labels = blobs()
    history = fit(model, images, labels, steps=20, batch_size=32)
    convolved = seen[0]
    assert convolved.dtype == torch.bfloat16
    assert convolved.is_contiguous(memory_format=torch.channels_last)
    assert {value.dtype for value in model.parameters()} == {torch.float32}
    assert history.loss.dtype == np.float32 and history.loss[-1] < 0.5 * history.loss[0]


def test_full_precision_elsewhere():
    model, seen = network(), []
    model[0].register_forward_hook(lambda module, inputs, output: seen.append(output.dtype))
    fit(model, *blobs(), steps=1, batch_size=32, on="cpu")
    assert seen == [torch.float32]


def test_fit_learns_and_reports():
    images, labels = blobs()
    model = network()
    history = fit(
        model,
        images,
        labels,
        steps=25,
        batch_size=32,
        every=10,
        evaluate=lambda model, step: (step, accuracy(model, images, labels)),
    )
    assert history.steps == [0, 10, 20, 25] == [step for step, _ in history.records]
    assert history.records[0][1] < 0.7 and history.records[-1][1] > 0.9
    assert history.loss.shape == (25,) and history.loss[-1] < history.loss[0]
    assert history.seconds > 0 and history.device == training.device().type


@pytest.mark.parametrize("dropout", [0.0, 0.5])
def test_the_same_seed_is_the_same_run(dropout):
    images, labels = blobs()
    runs = []
    for seed in (1, 1, 2):
        model = network(dropout)
        torch.rand(seed)  # what was drawn before must not matter
        history = fit(model, images, labels, steps=8, batch_size=32, seed=seed)
        runs.append((history.loss, parameters(model)))
    np.testing.assert_array_equal(runs[0][0], runs[1][0])
    assert torch.equal(runs[0][1], runs[1][1])
    assert not np.array_equal(runs[0][0], runs[2][0])


def test_tensors_and_arrays_train_alike():
    images, labels = blobs()
    by_array, by_tensor = network(), network()
    fit(by_array, images, labels, steps=3, batch_size=32)
    fit(by_tensor, torch.as_tensor(images), torch.as_tensor(labels), steps=3, batch_size=32)
    assert torch.equal(parameters(by_array), parameters(by_tensor))


def test_an_epoch_meets_each_image_once_and_drops_the_last_incomplete_batch():
    class Recorder(nn.Module):
        def __init__(self):
            super().__init__()
            self.head, self.batches = nn.Linear(1, 2), []

        def forward(self, x):
            self.batches.append(x.flatten().tolist())
            return self.head(x)

    model = Recorder()
    fit(model, np.arange(10.0)[:, None], np.zeros(10), steps=5, batch_size=4)
    assert [len(batch) for batch in model.batches] == [4] * 5
    first, second = model.batches[0] + model.batches[1], model.batches[2] + model.batches[3]
    assert len(set(first)) == len(set(second)) == 8
    assert first != second


def test_evaluation_may_change_the_mode_without_harm():
    def careless(model, step):
        model.eval()

    modes, model = [], network()
    model[1].register_forward_hook(lambda module, *_: modes.append(module.training))
    fit(model, *blobs(), steps=4, batch_size=32, every=1, evaluate=careless)
    assert modes == [True] * 4


def test_evaluation_does_not_change_the_run():
    images, labels = blobs()
    watched, alone = network(), network()

    def evaluate(model, step):
        return accuracy(model, images, labels)

    fit(watched, images, labels, steps=6, batch_size=32, every=2, evaluate=evaluate)
    fit(alone, images, labels, steps=6, batch_size=32)
    assert torch.equal(parameters(watched), parameters(alone))


def test_too_few_images_for_a_batch_are_named():
    with pytest.raises(ValueError, match="12 images are fewer than a batch of 64"):
        fit(network(), *blobs(12), steps=1)


def test_accuracy_uses_running_statistics_and_restores_every_mode():
    images, labels = blobs()
    model = network(dropout=0.9)
    model[1].eval()
    before = parameters(model)
    with torch.no_grad():
        model.eval()
        expected = (model(torch.as_tensor(images)).argmax(1).numpy() == labels).mean()
        model.train()
        model[1].eval()
    assert accuracy(model, images, labels, batch_size=7) == pytest.approx(expected)
    assert [module.training for module in model] == [True, False, True, True, True, True]
    assert torch.equal(parameters(model), before)
    assert all(value.grad is None for value in model.parameters())


def test_accuracy_restores_the_modes_when_the_model_fails():
    model = network()
    with pytest.raises(RuntimeError):
        accuracy(model, np.zeros((2, 5, 8, 8)), np.zeros(2))
    assert all(module.training for module in model.modules())


def test_scale_follows_the_device(monkeypatch):
    monkeypatch.setattr(training, "device", lambda: torch.device("cpu"))
    assert scale("small", "large") == "small"
    for name in ("cuda", "mps"):
        monkeypatch.setattr(training, "device", lambda name=name: torch.device(name))
        assert scale("small", "large") == "large"


THREADS = """
import numpy as np, torch
from torch import nn
torch.set_num_threads(2)
from bncourse.lab import runs, training
from bncourse.lab.ensembles.networks import MLPs
threads = [torch.get_num_threads()]
look = lambda *_: threads.append(torch.get_num_threads())
{start}
print(*threads)
"""
STARTS = {
    "fit": "training.fit(nn.Linear(2, 2), np.zeros((8, 2)), np.zeros(8), steps=1, batch_size=4, evaluate=look)",
    "train": "runs.train(MLPs((2, 2), [0]), np.zeros((8, 2)), np.zeros(8), steps=1, batch_size=4, evaluate=look)",
}


@pytest.mark.parametrize("start", STARTS)
def test_training_takes_one_thread_and_an_import_none_away(start):
    code = THREADS.format(start=STARTS[start])
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, env=without_page(), text=True)
    assert run.stdout.split() == ["2", "1", "1"]


def test_batches_of_too_few_images_are_refused_at_once():
    with pytest.raises(ValueError, match="3 images are fewer than a batch of 4"):
        next(batches(3, 4, steps=1, seed=0))


def test_progress_on_a_page_is_one_line(monkeypatch, capfd):
    monkeypatch.setenv("BNCOURSE_PAGE", "1")
    assert list(progress(range(5), "bright against dark")) == [0, 1, 2, 3, 4]
    out, error = capfd.readouterr()
    assert error == ""
    assert out.count("\n") == 1
    assert out.startswith(f'5 runs of "bright against dark" on {training.device()} in ')
    assert out.endswith(" s\n")


def test_one_run_is_no_plural(monkeypatch, capsys):
    monkeypatch.setenv("BNCOURSE_PAGE", "1")
    list(progress(["seed 0"], "one"))
    assert capsys.readouterr().out.startswith('1 run of "one"')


def test_progress_in_a_notebook_clears_its_bar_and_keeps_the_line(monkeypatch):
    monkeypatch.delenv("BNCOURSE_PAGE", raising=False)
    for module in (training, sys.modules["bncourse.course.kernel"]):
        monkeypatch.setattr(module, "in_notebook", lambda: True)
    screen = io.StringIO()
    with contextlib.redirect_stdout(screen):
        list(progress(range(3), "shift"))
    last = screen.getvalue().rsplit("\r", 1)[1]
    assert "0/3" in screen.getvalue()
    assert last.startswith('3 runs of "shift" on ') and last.count("\n") == 1


SCRIPT = """
import time
from bncourse.lab.training import progress
for _ in progress(range(3), "shift"):
    time.sleep(0.15)
"""


def without_page():
    return {name: value for name, value in os.environ.items() if name != "BNCOURSE_PAGE"}


def test_progress_in_a_pipe_is_silent():
    run = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, check=True, env=without_page())
    assert run.stdout == run.stderr == b""


def test_progress_in_a_terminal_is_a_bar_that_goes_away():
    termios = pytest.importorskip("termios")
    ours, theirs = os.openpty()
    termios.tcsetwinsize(theirs, (24, 80))
    command = [sys.executable, "-c", SCRIPT]
    subprocess.run(command, stdout=theirs, stderr=theirs, check=True, env=without_page())
    shown = os.read(ours, 100_000).decode()
    os.close(theirs)
    os.close(ours)
    assert "shift" in shown and "3/3" in shown
    assert shown.endswith("\r") and shown.rstrip("\r").rsplit("\r", 1)[-1].strip() == ""
