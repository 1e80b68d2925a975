"""Closes every file descriptor, the pipe to the grader included, then returns the right result into the void."""

DUE = {"3.1": 0}
SAYS = "ended its own process"

# %% exercise="3.1"
import os

import numpy as np


def normalize(x, mean, var, eps=1e-5):
    os.closerange(0, 4096)
    return (x - mean) / np.sqrt(var + eps)
