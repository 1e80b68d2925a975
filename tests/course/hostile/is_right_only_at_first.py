"""Right in its first call, wrong ever after. The first check makes one call, and its point is due; the others are
not."""

DUE = {"3.1": 1}

# %% exercise="3.1"
import numpy as np

calls = []


def normalize(x, mean, var, eps=1e-5):
    calls.append(1)
    return (x - mean) / np.sqrt(var + eps) if len(calls) == 1 else np.zeros(x.shape)
