"""Wrong answers to 5.4, 10.2 and 12.3 that a review gave and that were told nothing."""

import copy

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from tests.course.honest_wrong import wrong


@wrong("5.4", "Two slips: momentum=0 is taken for None")
class BatchNorm(nn.Module):
    """`self.momentum or ...` takes 0 for None, and nothing is detached."""

    def __init__(self, num_features, eps=1e-5, momentum=0.1, affine=True, track_running_stats=True):
        super().__init__()
        self.eps, self.momentum, self.track_running_stats = eps, momentum, track_running_stats
        self.weight = nn.Parameter(torch.ones(num_features)) if affine else None
        self.bias = nn.Parameter(torch.zeros(num_features)) if affine else None
        self.register_buffer("running_mean", torch.zeros(num_features) if track_running_stats else None)
        self.register_buffer("running_var", torch.ones(num_features) if track_running_stats else None)
        self.register_buffer("num_batches_tracked", torch.tensor(0) if track_running_stats else None)

    def forward(self, x):
        axes, shape = (0, *range(2, x.ndim)), (1, -1) + (1,) * (x.ndim - 2)
        if self.training or not self.track_running_stats:
            mean, var = x.mean(axes), x.var(axes, unbiased=False)
            if self.training and self.track_running_stats:
                m = x.numel() // x.shape[1]
                self.num_batches_tracked += 1
                share = self.momentum or 1 / self.num_batches_tracked.item()
                self.running_mean = (1 - share) * self.running_mean + share * mean
                self.running_var = (1 - share) * self.running_var + share * var * m / (m - 1)
        else:
            mean, var = self.running_mean, self.running_var
        y = (x - mean.view(shape)) / torch.sqrt(var.view(shape) + self.eps)
        return y if self.weight is None else self.weight.view(shape) * y + self.bias.view(shape)


@wrong("10.2", "What you made for which is remembered, but named_children")
def replace_batchnorm(model, factory):
    """named_children gives a module only once: one that stands twice in one parent is replaced in one place."""
    model, new = copy.deepcopy(model), {}

    def swap(module):
        if isinstance(module, _BatchNorm):
            if module not in new:
                new[module] = factory(module.num_features).train(module.training)
            return new[module]
        for name, child in module.named_children():
            setattr(module, name, swap(child))
        return module

    return swap(model)


@wrong("12.3", "Two things: a layer without running statistics")
def recompute_statistics(model, loader):
    """A layer without running statistics stops zeros_like; the variance is a difference of squares in float32."""
    modes = [(m, m.training) for m in model.modules()]
    norms = [m for m in model.modules() if isinstance(m, _BatchNorm)]
    mean = [torch.zeros_like(m.running_mean) for m in norms]
    square, count = [torch.zeros_like(m.running_var) for m in norms], [0] * len(norms)

    def watch(i):
        def hook(module, inputs):
            flat = inputs[0].transpose(0, 1).flatten(1)
            count[i] += flat.shape[1]
            mean[i] += (flat.mean(1) - mean[i]) * flat.shape[1] / count[i]
            square[i] += (flat.square().mean(1) - square[i]) * flat.shape[1] / count[i]

        return hook

    hooks = [m.register_forward_pre_hook(watch(i)) for i, m in enumerate(norms)]
    model.train()
    with torch.no_grad():
        for x, _ in loader:
            model(x)
        for i, m in enumerate(norms):
            m.running_mean.copy_(mean[i])
            m.running_var.copy_(square[i] - mean[i] ** 2)
    for hook in hooks:
        hook.remove()
    for module, mode in modes:
        module.training = mode
