"""Recurses without end in Python, which is an error, and in 3.3 beyond the stack of C, which ends the process."""

DUE = {"3.1": 0, "3.3": 0}
SAYS = "RecursionError"


# %% exercise="3.1"
def normalize(x, mean, var, eps=1e-5):
    return normalize(x, mean, var, eps)


# %% exercise="3.3"
import functools
import sys


def normalize_inference(x, moving_mean, moving_var, eps=1e-5):
    sys.setrecursionlimit(10**8)
    nested = []
    for _ in range(10**6):
        nested = functools.partial(nested)
    return nested() if repr(nested) else None
