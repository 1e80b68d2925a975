"""Reads from address 0 in the cell of 3.1, and in each call of 3.3. Nothing is due there."""

DUE = {"3.1": 0, "3.3": 0}
SAYS = "ended its own process"

# %% exercise="3.1"
import ctypes

ctypes.string_at(0)


# %% exercise="3.3"
import ctypes


def normalize_inference(x, moving_mean, moving_var, eps=1e-5):
    return ctypes.string_at(0)
