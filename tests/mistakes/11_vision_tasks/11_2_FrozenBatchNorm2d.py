"""Known wrong answers to exercise 11.2, each with the sentence that helps."""

import torch
from torch import nn

from bncourse.checking import mistake


class Frozen(nn.Module):
    """A right layer, cut into the parts in which people slip."""

    def __init__(self, num_features, eps=1e-5):
        super().__init__()
        self.eps = eps
        values = {"weight": 1.0, "bias": 0.0, "running_mean": 0.0, "running_var": 1.0}
        for name, value in values.items():
            self.store(name, torch.full((num_features,), value))
        self.count()

    def store(self, name, values):
        self.register_buffer(name, values)

    def count(self):
        self.register_buffer("num_batches_tracked", torch.tensor(0))

    def shaped(self, values):
        return values.view(-1, 1, 1)

    def root(self):
        return torch.sqrt(self.running_var + self.eps)

    def normalised(self, x, mean, root):
        x_hat = (x - self.shaped(mean)) / self.shaped(root)
        return self.shaped(self.weight) * x_hat + self.shaped(self.bias)

    def forward(self, x):
        return self.normalised(x, self.running_mean, self.root())


def batch_statistics(layer, x):
    mean, var = x.mean((0, 2, 3)), x.var((0, 2, 3), unbiased=False)
    return layer.normalised(x, mean, torch.sqrt(var + layer.eps))


@mistake("11.2", caught_by="test_stored_statistics_normalise_in_training")
class FrozenBatchNorm2d(Frozen):
    """In training the batch's own statistics normalise. A frozen layer uses the stored ones in both modes."""

    def forward(self, x):
        return batch_statistics(self, x) if self.training else super().forward(x)


@mistake("11.2")
class FrozenBatchNorm2d(Frozen):
    """The batch's own statistics normalise in both modes; the stored ones are not used."""

    def forward(self, x):
        return batch_statistics(self, x)


@mistake("11.2", caught_by="test_nothing_stored_ever_moves")
class FrozenBatchNorm2d(Frozen):
    """The running statistics still move in training, though they are not those that normalise."""

    def forward(self, x):
        y = super().forward(x)
        if self.training:
            with torch.no_grad():
                self.running_mean.lerp_(x.mean((0, 2, 3)), 0.1)
                self.running_var.lerp_(x.var((0, 2, 3)), 0.1)
        return y


@mistake("11.2")
class FrozenBatchNorm2d(Frozen):
    """weight and bias are parameters with requires_grad=False. The exercise asks for buffers: the next loop over
    parameters() that sets requires_grad=True would unfreeze them."""

    def store(self, name, values):
        if name in ("weight", "bias"):
            setattr(self, name, nn.Parameter(values, requires_grad=False))
        else:
            self.register_buffer(name, values)


@mistake("11.2", caught_by="test_four_buffers_and_no_parameters")
class FrozenBatchNorm2d(Frozen):
    """weight and bias are parameters that are trained: only the statistics are frozen."""

    def store(self, name, values):
        if name in ("weight", "bias"):
            setattr(self, name, nn.Parameter(values))
        else:
            self.register_buffer(name, values)


@mistake("11.2")
class FrozenBatchNorm2d(nn.BatchNorm2d):
    """The layer is an nn.BatchNorm2d put into evaluation mode in __init__: the next `model.train()` wakes it, and its weight and
    bias are still parameters."""

    def __init__(self, num_features, eps=1e-5):
        super().__init__(num_features, eps=eps)
        self.eval()


@mistake("11.2")
class FrozenBatchNorm2d(nn.BatchNorm2d):
    """The layer is an nn.BatchNorm2d put into evaluation mode in __init__: the next `model.train()` wakes it. Its weight and bias
    are still parameters, though without gradients."""

    def __init__(self, num_features, eps=1e-5):
        super().__init__(num_features, eps=eps)
        self.requires_grad_(False)
        self.eval()


@mistake("11.2")
class FrozenBatchNorm2d(nn.BatchNorm2d):
    """nn.BatchNorm2d has made weight and bias parameters already, and register_buffer refuses a name that is taken. Delete them first,
    or start from nn.Module."""

    def __init__(self, num_features, eps=1e-5):
        super().__init__(num_features, eps=eps)
        self.register_buffer("weight", torch.ones(num_features))


@mistake("11.2")
class FrozenBatchNorm2d(nn.Module):
    """An nn.BatchNorm2d sits inside your layer: the names in the state dict become such as `bn.weight`, and nothing loads. Hold the
    four tensors yourself."""

    def __init__(self, num_features, eps=1e-5):
        super().__init__()
        self.bn = nn.BatchNorm2d(num_features, eps=eps)

    def forward(self, x):
        return self.bn.eval()(x)


@mistake("11.2")
class FrozenBatchNorm2d(Frozen):
    """The tensors are plain attributes: they are not in the state dict and do not move to a GPU with the module."""

    def store(self, name, values):
        setattr(self, name, values)


@mistake("11.2")
class FrozenBatchNorm2d(Frozen):
    """The buffers are registered with persistent=False, which leaves them out of the state dict."""

    def store(self, name, values):
        self.register_buffer(name, values, persistent=False)


@mistake("11.2")
class FrozenBatchNorm2d(Frozen):
    """A state dict with num_batches_tracked is refused: every nn.BatchNorm2d has it."""

    def count(self):
        pass


@mistake("11.2", caught_by="test_the_state_of_a_batch_norm_loads_strictly")
class FrozenBatchNorm2d(Frozen):
    """The counter is dropped only where the layer is loaded alone; inside a model its key has a prefix."""

    def count(self):
        pass

    def _load_from_state_dict(self, state_dict, prefix, *rest):
        state_dict.pop("num_batches_tracked", None)
        super()._load_from_state_dict(state_dict, prefix, *rest)


@mistake("11.2")
class FrozenBatchNorm2d(Frozen):
    """Scale and shift are computed once, in __init__: what is loaded later has no effect."""

    def __init__(self, num_features, eps=1e-5):
        super().__init__(num_features, eps)
        self.scale = self.weight / self.root()
        self.shift = self.bias - self.scale * self.running_mean

    def forward(self, x):
        return self.shaped(self.scale).to(x) * x + self.shaped(self.shift).to(x)


@mistake("11.2")
class FrozenBatchNorm2d(Frozen):
    """Scale and shift are kept from the first call on: a state dict that is loaded later has no effect."""

    def forward(self, x):
        if not hasattr(self, "scale"):
            self.scale = self.weight / self.root()
            self.shift = self.bias - self.scale * self.running_mean
        return self.shaped(self.scale) * x + self.shaped(self.shift)


@mistake("11.2", caught_by="test_gradients_reach_the_input")
class FrozenBatchNorm2d(Frozen):
    """The output is detached: no gradient reaches what lies before the layer. Frozen are the layer's own tensors only."""

    def forward(self, x):
        return super().forward(x.detach()) + 0 * x


@mistake("11.2")
class FrozenBatchNorm2d(Frozen):
    """The square root is missing: you divide by the variance."""

    def root(self):
        return self.running_var + self.eps


@mistake("11.2")
class FrozenBatchNorm2d(Frozen):
    """ε stands outside the root."""

    def root(self):
        return torch.sqrt(self.running_var) + self.eps


@mistake("11.2")
class FrozenBatchNorm2d(Frozen):
    """ε is missing: a variance of 0 would divide by 0."""

    def root(self):
        return torch.sqrt(self.running_var)


@mistake("11.2", caught_by="test_eps_of_a_frozen_layer")
class FrozenBatchNorm2d(Frozen):
    """The argument eps is ignored: 1e-5 is written into the layer."""

    def root(self):
        return torch.sqrt(self.running_var + 1e-5)


@mistake("11.2")
class FrozenBatchNorm2d(Frozen):
    """ε is 1e-3 unless given, which is Keras's; PyTorch's is 1e-5."""

    def __init__(self, num_features, eps=1e-3):
        super().__init__(num_features, eps)


@mistake("11.2")
class FrozenBatchNorm2d(Frozen):
    """weight and bias are left out."""

    def normalised(self, x, mean, root):
        return (x - self.shaped(mean)) / self.shaped(root)


@mistake("11.2")
class FrozenBatchNorm2d(Frozen):
    """The bias is added before the weight scales."""

    def normalised(self, x, mean, root):
        return self.shaped(self.weight) * ((x - self.shaped(mean)) / self.shaped(root) + self.shaped(self.bias))


@mistake("11.2")
class FrozenBatchNorm2d(Frozen):
    """weight and bias have changed places."""

    def normalised(self, x, mean, root):
        return self.shaped(self.bias) * (x - self.shaped(mean)) / self.shaped(root) + self.shaped(self.weight)


@mistake("11.2")
class FrozenBatchNorm2d(Frozen):
    """A tensor (C,) meets the last axis of (N, C, H, W), not the channels: give it the shape (C, 1, 1)."""

    def shaped(self, values):
        return values


@mistake("11.2")
class FrozenBatchNorm2d(Frozen):
    """The running mean is added; it must be subtracted."""

    def normalised(self, x, mean, root):
        return super().normalised(x, -mean, root)


@mistake("11.2", caught_by="test_evaluation_is_no_different")
class FrozenBatchNorm2d(Frozen):
    """The bias is left out in evaluation. A frozen layer is the same map in both modes."""

    def forward(self, x):
        return super().forward(x) if self.training else super().forward(x) - self.shaped(self.bias)


@mistake("11.2", caught_by="test_its_own_state_loads_too")
class FrozenBatchNorm2d(Frozen):
    """`pop("num_batches_tracked")` fails where there is no such key, as in this layer's own state dict. `pop(key, None)` does not."""

    def count(self):
        pass

    def _load_from_state_dict(self, state_dict, prefix, *further):
        state_dict.pop(prefix + "num_batches_tracked")
        super()._load_from_state_dict(state_dict, prefix, *further)


@mistake("11.2")
class FrozenBatchNorm2d(Frozen):
    """The running mean is subtracted as it is from the scaled input: bias - running_mean. With x multiplied by the scale first, the shift is
    bias - running_mean * scale."""

    def __init__(self, num_features, eps=1e-5):
        super().__init__(num_features, eps)
        del self.num_batches_tracked

    def forward(self, x):
        scale, shift = self.weight / self.root(), self.bias - self.running_mean
        return x * self.shaped(scale) + self.shaped(shift)

    def _load_from_state_dict(self, state_dict, prefix, *rest):
        state_dict.pop(prefix + "num_batches_tracked", None)
        super()._load_from_state_dict(state_dict, prefix, *rest)


@mistake("11.2")
class FrozenBatchNorm2d(Frozen):
    """`torch.no_grad()` in `forward` cuts off the gradients of what lies before the layer. The buffers take none anyhow: leave it out."""

    def forward(self, x):
        with torch.no_grad():
            return super().forward(x)


@mistake("11.2")
class FrozenBatchNorm2d(Frozen):
    """F.batch_norm is given `self.training`: in training it takes the batch's statistics, and moves the stored ones. Give it False."""

    def forward(self, x):
        stored = self.running_mean, self.running_var, self.weight, self.bias
        return torch.nn.functional.batch_norm(x, *stored, self.training, 0.1, self.eps)
