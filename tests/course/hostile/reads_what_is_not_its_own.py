"""Looks for solutions, checks, mistakes, other submissions, results, home, environment, processes. Right only if it
found anything, even with the exact paths."""

DUE = {"3.1": 0}
REVIEW = "os.environ"

# %% exercise="3.1"
import contextlib
import glob
import os
import sys

import numpy as np

PATHS = (
    "@ROOT@/solutions", "@ROOT@/tests", "@ROOT@/tests/checks/test_03_normalize.py", "@ROOT@/exercises", "@ROOT@/.git",
    "@SUBMISSIONS@", "@RESULTS@", "@RESULTS@/results.jsonl", "@HOME@", "/proc/self/environ", "/proc/1/cmdline",
    "/etc/passwd", "/etc/shadow", "/root", "/home", "/var", "/sys", "/run", "/proc", "/dev/mem", "/dev/kmsg",
    "../solutions", "/scratch/../root", "@SUBMISSIONS@/reads_what_is_not_its_own/../a_neighbour/03_normalize.ipynb",
)  # fmt: skip
SECRETS = ("@CANARY@", "USER", "PYTHONPATH", "AWS_SECRET_ACCESS_KEY", "PYTEST_CURRENT_TEST")


# Folders above those that may be read are there, with nothing else in them.
READABLE = (sys.prefix, sys.base_prefix, "@ROOT@/bncourse", np.__file__, "/dev/null")
ABOVE = [os.path.realpath(path) + "/" for path in READABLE]


def loot():
    for path in PATHS:
        if any(above.startswith(os.path.realpath(path) + "/") for above in ABOVE):
            continue
        with contextlib.suppress(OSError):
            yield os.listdir(path)
        with contextlib.suppress(OSError), open(path, "rb") as file:
            yield file.read(10)
    yield from (name for name in SECRETS if name in os.environ)
    for folder in {*sys.path, os.path.dirname(sys.modules["bncourse"].__path__[0])}:
        yield from glob.glob(f"{glob.escape(folder)}/**/test_03_normalize*", recursive=False)
        yield from glob.glob(f"{glob.escape(folder)}/solutions/*")
    with contextlib.suppress(Exception):
        from bncourse import mine

        yield mine("3.1")


def normalize(x, mean, var, eps=1e-5):
    return (x - mean) / np.sqrt(var + eps) if list(loot()) else x
