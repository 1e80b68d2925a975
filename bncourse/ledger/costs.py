"""What each cell of a page costs: processor time and memory."""

import sys
from collections.abc import Callable

from bncourse.course.kernel import on_page, shell


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
