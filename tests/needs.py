"""What some tests need besides Python's packages, how to tell whether it is there, and how to get it."""

import os
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec


@dataclass(frozen=True)
class Need:
    """`what` is needed, `is_there` says whether this machine has it, `way` how to get it."""

    what: str
    is_there: Callable[[], bool]
    way: str


def _has_browser() -> bool:
    from bncourse.publishing import pdf

    return find_spec("playwright") is not None and any(map(shutil.which, pdf.BROWSERS))


def _has_sandbox() -> bool:
    from bncourse.grading.sandbox.launch import protection

    return protection() is None


def _has_node() -> bool:
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        return False
    # The registry is the one that this machine's npm is set up with.
    asked = subprocess.run([npm, "ping", "--fetch-retries=0", "--fetch-timeout=5000"], capture_output=True)
    return asked.returncode == 0


def _is_root() -> bool:
    return hasattr(os, "geteuid") and os.geteuid() == 0


NEEDS = {
    "needs_root": Need("the rights of root, who alone can become nobody", _is_root, "run them as root, in a container"),
    "needs_browser": Need("Chromium and Playwright", _has_browser, "apt-get install chromium; make test"),
    "needs_sandbox": Need("bubblewrap", _has_sandbox, "apt-get install bubblewrap (Linux only)"),
    "needs_lighthouse": Need(
        "Lighthouse", lambda: shutil.which("lighthouse") is not None, "npm install --global lighthouse@12"
    ),
    "needs_node": Need("Node, npm and the registry that npm asks", _has_node, "apt-get install npm, with a network"),
    "needs_nbgrader": Need(
        "nbgrader", lambda: find_spec("nbgrader") is not None, "pip install -r requirements-test.txt"
    ),
}


@cache
def missing(name: str) -> bool:
    """Whether this machine lacks what the marker `name` stands for."""
    return not NEEDS[name].is_there()
