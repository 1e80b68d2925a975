"""Computes with PyTorch and SciPy as if they were allowed. They are not to be had, and the answer is told so."""

DUE = {"3.1": 0, "3.3": 0}
SAYS = "forbid"

# %% exercise="3.1"
import torch
from scipy import stats


def normalize(x, mean, var, eps=1e-5):
    return ((torch.from_numpy(x) - torch.from_numpy(mean)) / (torch.from_numpy(var) + eps).sqrt()).numpy()


# %% exercise="3.3"
def normalize_inference(x, moving_mean, moving_var, eps=1e-5):
    return stats.zscore(x)
