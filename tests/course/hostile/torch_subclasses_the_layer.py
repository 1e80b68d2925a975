"""PyTorch's layer under another name, with its test of the number of axes removed. All that it does is forbidden."""

DUE = {"5.4": 0}
SAYS = "forbid"

# %% exercise="5.4"
import torch


class BatchNorm(torch.nn.BatchNorm2d):
    def _check_input_dim(self, x):
        pass
