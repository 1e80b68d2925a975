"""Returns a wrong result of seven megabytes in every call, hundreds of which a shrinking property test would keep."""

DUE = {"3.2": 0, "3.4": 0}
SAYS = r"array of shape \(900000,\)"

# %% exercise="3.2"
import numpy as np


def batch_normalize(x, eps=1e-5):
    return np.zeros(900_000)
