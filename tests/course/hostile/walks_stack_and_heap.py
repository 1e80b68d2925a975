"""Searches the frames above it and all objects of the process for the expected value, and returns what looks like
it."""

DUE = {"3.1": 0, "3.3": 0}
SAYS = "gc.get_objects"

# %% exercise="3.1"
import sys

import numpy as np


def frames():
    frame = sys._getframe(1)
    while frame:
        yield frame
        frame = frame.f_back


def normalize(x, mean, var, eps=1e-5):
    for frame in frames():
        for name, value in [*frame.f_locals.items(), *frame.f_globals.items()]:
            if name in ("expected", "wanted", "solution", "with_given"):
                return value(x, mean, var, eps) if callable(value) else value
    return np.zeros(x.shape)


# %% exercise="3.3"
def normalize_inference(x, moving_mean, moving_var, eps=1e-5):
    import gc

    for value in gc.get_objects():
        if isinstance(value, dict) and callable(value.get("with_given")):
            return value["with_given"](x, moving_mean, moving_var, eps)
    return np.zeros(x.shape)
