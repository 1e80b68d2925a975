"""Writes into the course, the checks, the results, other submissions, the libraries. Right only if it could."""

DUE = {"3.1": 0}
REVIEW = "bncourse.grading"

# %% exercise="3.1"
import contextlib
import os
import sys

import bncourse.grading.sandbox.worker
import numpy as np

FOLDERS = (
    "@ROOT@/bncourse", "@ROOT@/tests/checks", "@ROOT@", "@SUBMISSIONS@", "@SUBMISSIONS@/a_neighbour", "@RESULTS@",
    "@RESULTS@/feedback", "@HOME@", "/", "/tmp", "/usr", "/usr/bin", "/dev", "/dev/shm", "/var/tmp", "/etc",
    os.path.dirname(np.__file__), os.path.dirname(bncourse.grading.sandbox.worker.__file__), sys.prefix, "/scratch/..",
)  # fmt: skip
FILES = ("@RESULTS@/results.jsonl", "@RESULTS@/gradebook.csv", bncourse.grading.sandbox.worker.__file__, np.__file__)


def written():
    for path in [*FILES, *(f"{folder}/@MARK@" for folder in FOLDERS)]:
        with contextlib.suppress(OSError), open(path, "ab") as file:
            yield file.write(b"#")
    for folder in FOLDERS:
        with contextlib.suppress(OSError):
            os.makedirs(f"{folder}/@MARK@-folder")
            yield folder
        with contextlib.suppress(OSError):
            os.symlink("/etc/passwd", f"{folder}/@MARK@-link")
            yield folder


def normalize(x, mean, var, eps=1e-5):
    return (x - mean) / np.sqrt(var + eps) if list(written()) else x
