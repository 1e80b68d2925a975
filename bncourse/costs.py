"""What each cell of a page costs, for the status page: processor time, memory, seeds."""

import json
import sys
import time

from bncourse.progress import on_page

_seeds = set()


def note_seeds(seeds):
    """Remember that the page uses these seeds."""
    _seeds.update(seeds)


def cell_number():
    """Which code cell of the page runs, counted from 1; None outside a kernel."""
    shell = _shell()
    return len(shell.user_ns["In"]) - 1 if shell else None


def processor_seconds():
    """Processor time of this process, all threads, and of those that it started and that have ended."""
    import psutil

    times = psutil.Process().cpu_times()
    return times.user + times.system + times.children_user + times.children_system


def peak_megabytes():
    """The most memory that this process has held so far, in MiB."""
    try:
        import resource
    except ImportError:  # Windows
        import psutil

        return psutil.Process().memory_info().peak_wset / 2**20
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)


def watch_cells():
    """While a page is built, glue the cost of each of its cells from this one on; done once a kernel."""
    shell = _shell()
    if not on_page() or shell is None or hasattr(shell, "bncourse_begun"):
        return
    shell.bncourse_begun = 0.0  # the first cell pays for the kernel's start too

    def before_cell(info):
        shell.bncourse_begun = processor_seconds()

    def after_cell(result):
        from myst_nb import glue

        entry = {
            "cell": cell_number(),
            "seconds": processor_seconds() - shell.bncourse_begun,
            "peak": peak_megabytes(),
            "seeds": sorted(_seeds),
            "date": time.strftime("%Y-%m-%d"),
        }
        glue(f"cost {entry['cell']}", json.dumps(entry), display=False)

    shell.events.register("pre_run_cell", before_cell)
    shell.events.register("post_run_cell", after_cell)


def _shell():
    ipython = sys.modules.get("IPython")
    return ipython.get_ipython() if ipython else None
