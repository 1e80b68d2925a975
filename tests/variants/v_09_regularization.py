"""Right answers to chapter 9 in other styles, all of which must get full points."""

import copy

import numpy as np
import torch
from torch import nn

from bncourse.checking import variant

BATCH_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)

# 9.1


@variant("9.1")
def prediction_noise(model, image, companions):
    """A copy in training mode, its dropout in evaluation mode; the image last; n in the deviation; a NumPy array."""
    twin = copy.deepcopy(model)
    twin.train()
    for module in twin.modules():
        if "Dropout" in type(module).__name__:
            module.eval()
    answers = []
    for others in companions:
        answers.append(twin(torch.cat((others, image[None])))[-1].detach().numpy())
    return np.std(answers, axis=0)


@variant("9.1")
def prediction_noise(model, image, companions):
    """A fresh copy for each company, and running sums in place of a stack."""
    total, squares, count = 0.0, 0.0, len(companions)
    centre = None
    for others in companions:
        twin = copy.deepcopy(model).eval()
        for module in twin.modules():
            if isinstance(module, BATCH_NORMS):
                module.train()
        with torch.no_grad():
            logits = twin(torch.cat([image.unsqueeze(0), others], dim=0))[0]
        centre = logits if centre is None else centre
        total, squares = total + (logits - centre), squares + (logits - centre) ** 2
    return ((squares / count - (total / count) ** 2).clamp(min=0)).sqrt()


@variant("9.1")
def prediction_noise(model, image, companions):
    """The model itself: modes and buffers are kept aside and put back."""
    modes = [(module, module.training) for module in model.modules()]
    buffers = [(buffer, buffer.clone()) for buffer in model.buffers()]
    try:
        model.eval()
        for module, _ in modes:
            if isinstance(module, BATCH_NORMS):
                module.training = True
        with torch.no_grad():
            logits = torch.stack([model(torch.cat([image[None], others]))[0] for others in companions])
    finally:
        for module, mode in modes:
            module.training = mode
        for buffer, value in buffers:
            buffer.copy_(value)
    return [value.item() for value in logits.std(dim=0, correction=0)]


@variant("9.1")
def prediction_noise(model, image, companions):
    """A copy in evaluation mode whose normalizations have no running statistics left."""
    twin = copy.deepcopy(model).eval()
    for module in twin.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            module.running_mean = module.running_var = None
    return torch.stack([twin(torch.cat([image[None], o]))[0] for o in companions]).std(0).detach()


@variant("9.1")
def prediction_noise(model, image, companions):
    """State dict and modes restored; deviations by hand, class by class, as a list of numbers."""
    state = {name: value.clone() for name, value in model.state_dict().items()}
    modes = {module: module.training for module in model.modules()}
    for module in model.modules():
        module.training = isinstance(module, BATCH_NORMS)
    rows = []
    for others in companions:
        batch = torch.empty(len(others) + 1, *others.shape[1:], dtype=others.dtype)
        batch[0], batch[1:] = image, others
        rows.append(model(batch)[0].tolist())
    with torch.no_grad():
        model.load_state_dict(state)
    for module, mode in modes.items():
        module.training = mode
    deviations = []
    for values in zip(*rows):
        mean = sum(values) / len(values)
        deviations.append((sum((value - mean) ** 2 for value in values) / (len(values) - 1)) ** 0.5)
    return deviations


# 9.2


@variant("9.2")
def variance_shift(x, p, eps=1e-5):
    """Moments of the mask: mean 1, variance p / (1 - p)."""
    flat = x.double().transpose(0, 1).flatten(1)
    mean, var = flat.mean(1), flat.var(1, unbiased=False)
    mask = p / (1 - p)
    return (var + mask * (var + mean**2) + eps) / (var + eps)


@variant("9.2")
def variance_shift(x, p, eps=1e-5):
    """One number: the mean of the ratios, channel by channel."""
    ratios = []
    for c in range(x.shape[1]):
        values = x[:, c].double().numpy().ravel()
        training = values.var() + p / (1 - p) * (values.var() + values.mean() ** 2)
        ratios.append((training + eps) / (values.var() + eps))
    return float(np.mean(ratios))


@variant("9.2")
def variance_shift(x, p, eps=1e-5):
    """The values that dropout makes, with their chances as weights."""
    dims = [d for d in range(x.dim()) if d != 1]
    x = x.to(torch.float64)
    mean = x.mean(dims, keepdim=True)
    training = p * mean**2 + (1 - p) * (x / (1 - p) - mean) ** 2
    return (training.mean(dims) + eps) / (((x - mean) ** 2).mean(dims) + eps)


@variant("9.2")
def variance_shift(x, p, eps=1e-5):
    """In the dtype of x, variance by centring, a list of numbers."""
    axes = (0, *range(2, x.dim()))
    var, mean = torch.var_mean(x, axes, correction=0)
    ratio = ((var + p * mean.square()) / (1 - p) + eps) / (var + eps)
    return ratio.tolist()
