"""Writes into the pipe to the grader what is no message: garbage, a header of four gigabytes, half a message."""

DUE = {"3.1": 0, "3.2": 0, "3.3": 0}
SAYS = "it answered"

# %% exercise="3.1"
import contextlib
import os
import stat
import struct

import numpy as np


def pipe():
    for number in range(64):
        with contextlib.suppress(OSError):
            if stat.S_ISSOCK(os.fstat(number).st_mode):
                return number


def normalize(x, mean, var, eps=1e-5):
    os.write(pipe(), struct.pack("<I", 300) + os.urandom(300))
    return np.zeros(x.shape)


# %% exercise="3.2"
def batch_normalize(x, eps=1e-5):
    os.write(pipe(), struct.pack("<I", 2**32 - 1))
    return np.zeros(x.shape)


# %% exercise="3.3"
def normalize_inference(x, moving_mean, moving_var, eps=1e-5):
    os.write(pipe(), struct.pack("<I", 2**20) + b"l")
    os._exit(0)


# %% exercise="3.4"
def normalize_half(x, eps=1e-5):
    x = x.astype(np.float32)
    axes = (0, *range(2, x.ndim))
    mean = x.mean(axes, keepdims=True)
    return ((x - mean) / np.sqrt(((x - mean) ** 2).mean(axes, keepdims=True) + eps)).astype(np.float16)
