"""Breaks what its own process needs to answer at all: built-in functions, encoding, the limit of recursion. The cell of
3.1 is left out, the process renewed after 3.3; the answers beside them are right and count."""

DUE = {"3.1": 0, "3.3": 0}
SAYS = "ended"

# %% exercise="3.1"
import builtins

builtins.len = builtins.bytes = builtins.isinstance = None

# %% exercise="3.3"
import struct
import sys


def normalize_inference(x, moving_mean, moving_var, eps=1e-5):
    sys.setrecursionlimit(40)
    struct.pack = None
    return x
