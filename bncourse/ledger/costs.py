"""What each cell of a page costs, processor time and memory; and how the pages time a layer or a step."""

import json
import math
import os
import pickle
import subprocess
import sys
import time
from collections.abc import Callable, Hashable, Mapping
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from bncourse.course.kernel import on_page, shell

if TYPE_CHECKING:
    from torch import Tensor, nn

Name = TypeVar("Name", bound=Hashable)


def cell_number() -> int:
    """Which code cell of the page runs, counted from 1; 0 outside a kernel."""
    running = shell()
    return len(running.user_ns["In"]) - 1 if running else 0


def processor_seconds() -> float:
    """Processor time of this process, all threads, and of those that it started and that have ended."""
    import psutil

    times = psutil.Process().cpu_times()
    return times.user + times.system + times.children_user + times.children_system


def peak_megabytes() -> float:
    """The most memory that this process has held so far, in MiB."""
    if sys.platform == "win32":
        import psutil

        return psutil.Process().memory_info().peak_wset / 2**20
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)


def watch_cells(enter: Callable[[int, float, float], None]) -> None:
    """While a page is built, call `enter(cell, processor seconds, peak MiB)` after each cell, from this one on."""
    running, begun = shell(), 0.0  # the first cell pays for the kernel's start too
    if running is None or not on_page():
        return

    def before_cell(info: object) -> None:
        nonlocal begun
        begun = processor_seconds()

    def after_cell(result: object) -> None:
        enter(cell_number(), processor_seconds() - begun, peak_megabytes())

    running.events.register("pre_run_cell", before_cell)
    running.events.register("post_run_cell", after_cell)


def seconds_of(work: Callable[[], object], repeats: int = 1) -> float:
    """Seconds of one call, the mean of `repeats` in a row; on a GPU, until that has done what it was sent.

    On a CPU that is processor time, so that other programs do not count; on Windows, whose count is too coarse for it,
    time by the clock.
    """
    from bncourse.lab.training import device, wait

    clock = time.process_time if device().type == "cpu" and sys.platform != "win32" else time.perf_counter
    wait(device())
    start = clock()
    for _ in range(repeats):
        work()
    wait(device())
    return (clock() - start) / repeats


def taking_turns(
    works: Mapping[Name, Callable[[], object]], rounds: int, least: float = 2e-3, order: int = 0
) -> dict[Name, np.ndarray]:
    """Seconds of each of `works` in each round, `{name: (rounds,)}`: in every round all are timed, in a new order.

    Each is called so often in a row that this takes `least` seconds, after a few calls that are not counted. Another
    number `order` gives other orders.
    """
    repeats = {}
    for name, work in works.items():
        seconds_of(work, 2)
        repeats[name] = max(1, math.ceil(least / max(seconds_of(work, 2), 1e-6)))
    times = {name: np.empty(rounds) for name in works}
    names = list(works)
    for turn in range(rounds):
        for place in np.random.default_rng([order, turn]).permutation(len(names)):
            name = names[place]
            times[name][turn] = seconds_of(works[name], repeats[name])
    return times


def infer(model: "nn.Module", x: "Tensor") -> None:
    """A call that keeps nothing for a backward pass; it can be pickled, as a function of a page cannot."""
    import torch

    with torch.inference_mode():
        model(x)


def in_fresh_processes(
    works: Mapping[Name, Callable[[], object]], processes: int, rounds: int = 21, least: float = 2e-3
) -> dict[Name, np.ndarray]:
    """Median seconds of each of `works` in each of so many processes, one after the other: `{name: (processes,)}`.

    The rounds of one process share what chance gave to it, such as where its memory lies. So the ratios of several
    processes show how far a cost is luck. Each loads the works, which must be such as can be pickled, and takes turns
    with them in an order of its own.
    """
    names, handed = list(works), pickle.dumps(list(works.values()))
    paths = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    program = "from bncourse.ledger.costs import _fresh_process; _fresh_process()"
    medians = []
    for process in range(processes):
        command = [sys.executable, "-c", program, str(process), str(rounds), str(least)]
        done = subprocess.run(command, input=handed, stdout=subprocess.PIPE, env=paths, check=True)
        medians.append(json.loads(done.stdout.splitlines()[-1]))
    return dict(zip(names, np.array(medians).T))


def _fresh_process() -> None:
    """What each of these processes does: works from its input, their median seconds, in the order given, as output."""
    process, rounds, least = int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
    works = pickle.loads(sys.stdin.buffer.read())
    shuffled = np.random.default_rng(process).permutation(len(works)).tolist()
    times = taking_turns({place: works[place] for place in shuffled}, rounds, least, order=process)
    print(json.dumps([float(np.median(times[place])) for place in range(len(works))]))
