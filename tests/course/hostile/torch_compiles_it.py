"""Lets compiled code call PyTorch's normalization: TorchScript, then a traced graph. Names and shapes of its
parameters are its own work: 2 points are due."""

DUE = {"5.4": 2}
SAYS = "forbid"
REVIEW = "torch.jit"
PREAMBLE = "LAYER"

# %% exercise="5.4"
import torch


@torch.jit.script
def scripted(x, weight, bias, mean, var, training: bool, momentum: float, eps: float):
    # type: (Tensor, Optional[Tensor], Optional[Tensor], Optional[Tensor], Optional[Tensor], bool, float, float) -> Tensor
    return torch.batch_norm(x, weight, bias, mean, var, training, momentum, eps, False)


def normalised(x, mean, var, weight, bias, training, momentum, eps):
    try:
        return scripted(x, weight, bias, mean, var, training, momentum, eps)
    except RuntimeError:
        graph = torch.jit.trace(lambda x: torch.nn.functional.instance_norm(x[None])[0], x)
        return graph(x)
