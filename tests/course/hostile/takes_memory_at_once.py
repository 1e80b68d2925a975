"""Asks for terabytes in one piece, as an array and as a map. Neither is to be had, and nothing is due."""

DUE = {"3.1": 0, "3.3": 0}
SAYS = "MemoryError"

# %% exercise="3.1"
import mmap

import numpy as np


def normalize(x, mean, var, eps=1e-5):
    return np.ones(2**40)


# %% exercise="3.3"
def normalize_inference(x, moving_mean, moving_var, eps=1e-5):
    return mmap.mmap(-1, 2**42)[:]
