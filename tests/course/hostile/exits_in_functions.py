"""Ends its process in each call of 3.1, 3.2 and 3.3; 3.4 is right on its own and keeps its points."""

DUE = {"3.1": 0, "3.2": 0, "3.3": 0}
SAYS = "ended its own process"

# %% exercise="3.1"
import os

import numpy as np


def normalize(x, mean, var, eps=1e-5):
    os._exit(0)


# %% exercise="3.2"
def batch_normalize(x, eps=1e-5):
    os._exit(0)


# %% exercise="3.3"
def normalize_inference(x, moving_mean, moving_var, eps=1e-5):
    os._exit(0)


# %% exercise="3.4"
def normalize_half(x, eps=1e-5):
    x = x.astype(np.float32)
    axes = (0, *range(2, x.ndim))
    mean = x.mean(axes, keepdims=True)
    return ((x - mean) / np.sqrt(((x - mean) ** 2).mean(axes, keepdims=True) + eps)).astype(np.float16)
