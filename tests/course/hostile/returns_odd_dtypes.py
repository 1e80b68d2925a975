"""Arrays of objects, texts, dates, complex numbers and records. None is an array of numbers, and nothing is due."""

DUE = {"3.1": 0, "3.2": 0, "3.3": 0, "3.4": 0}

# %% exercise="3.1"
import numpy as np


def normalize(x, mean, var, eps=1e-5):
    return np.array([[complex(0, 0)]] * len(x))


# %% exercise="3.2"
def batch_normalize(x, eps=1e-5):
    return np.zeros(x.shape).astype(object)


# %% exercise="3.3"
def normalize_inference(x, moving_mean, moving_var, eps=1e-5):
    return np.zeros(x.shape, [("x", float)])


# %% exercise="3.4"
def normalize_half(x, eps=1e-5):
    return np.zeros(x.shape).astype("U200" if x.ndim == 2 else "M8[s]")
