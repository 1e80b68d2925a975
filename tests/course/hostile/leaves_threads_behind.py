"""Tries to leave a thread behind that meddles with later answers, and gives the right result: full points are due."""

DUE = {}
REVIEW = "threading"

# %% exercise="3.1"
import contextlib
import threading

import numpy as np


def meddle():
    while True:
        globals()["batch_normalize"] = None


def normalize(x, mean, var, eps=1e-5):
    with contextlib.suppress(RuntimeError):
        threading.Thread(target=meddle, daemon=True).start()
    return (x - mean) / np.sqrt(var + eps)
