"""Raises while its cells run: in 3.1 before anything is defined, in 3.3 after. What 3.3 defines is right and
counts."""

DUE = {"3.1": 0}
SAYS = "ValueError: not today"

# %% exercise="3.1"
import numpy as np

raise ValueError("not today")


def normalize(x, mean, var, eps=1e-5):
    return (x - mean) / np.sqrt(var + eps)


# %% exercise="3.3"
def normalize_inference(x, moving_mean, moving_var, eps=1e-5):
    shape = (-1, *[1] * (x.ndim - 2))
    return (x - moving_mean.reshape(shape)) / np.sqrt(moving_var.reshape(shape) + eps)


raise ValueError("nor tomorrow")
