"""Calls the operator behind PyTorch's normalization, past all Python functions. Names and shapes of its parameters
are its own work: 2 points are due."""

DUE = {"5.4": 2}
SAYS = "forbid"
REVIEW = "torch.ops"
PREAMBLE = "LAYER"

# %% exercise="5.4"
import torch


def normalised(x, mean, var, weight, bias, training, momentum, eps):
    return torch.ops.aten.native_batch_norm(x, weight, bias, mean, var, training, momentum, eps)[0]
