"""Returns results of tens of megabytes, of many parts, and one of terabytes that takes no memory here. None is
compared."""

DUE = {"3.1": 0, "3.2": 0, "3.3": 0}
SAYS = r"array of shape \(900000,\)"

# %% exercise="3.1"
import numpy as np


def normalize(x, mean, var, eps=1e-5):
    return np.broadcast_to(0.0, (10**6, 10**6))


# %% exercise="3.2"
def batch_normalize(x, eps=1e-5):
    return np.zeros(900_000)


# %% exercise="3.3"
def normalize_inference(x, moving_mean, moving_var, eps=1e-5):
    return [0.0] * 250_000


# %% exercise="3.4"
def normalize_half(x, eps=1e-5):
    x = x.astype(np.float32)
    axes = (0, *range(2, x.ndim))
    mean = x.mean(axes, keepdims=True)
    return ((x - mean) / np.sqrt(((x - mean) ** 2).mean(axes, keepdims=True) + eps)).astype(np.float16)
