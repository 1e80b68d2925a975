"""Spends its time inside one call of C code, where Python sees no signal. The process is ended instead."""

DUE = {"3.1": 0}
SAYS = "still running after"

# %% exercise="3.1"
import itertools


def normalize(x, mean, var, eps=1e-5):
    return sum(itertools.repeat(0))
