"""Known wrong answers to 11.1 and 11.2, each with the sentence that helps: a right module with one part exchanged."""

import torch
from torch import nn
from torch.nn import functional as F

from bncourse.checking import mistake

# 11.1


class Block(nn.Module):
    """A right block, cut into the parts in which people slip."""

    def __init__(self, channels):
        super().__init__()
        self.conv1, self.conv2 = self.convolution(channels), self.convolution(channels)
        self.bn1, self.bn2 = nn.BatchNorm2d(channels), nn.BatchNorm2d(channels)
        self.start()

    def convolution(self, channels):
        return nn.Conv2d(channels, channels, 3, padding=1, bias=False)

    def start(self):
        nn.init.zeros_(self.bn2.weight)

    def branch(self, x):
        return self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))

    def forward(self, x):
        return x + self.branch(x)


@mistake("11.1")
class ResidualBlock(Block):
    """A ReLU follows the sum, so negative inputs come out as 0 and a new block is not the identity."""

    def forward(self, x):
        return F.relu(x + self.branch(x))


@mistake("11.1")
class ResidualBlock(Block):
    """A ReLU closes the branch, before the sum: the block can only ever add to its input."""

    def forward(self, x):
        return x + F.relu(self.branch(x))


@mistake("11.1")
class ResidualBlock(Block):
    """The last γ starts at 1, as PyTorch sets it: a new block adds noise to its input. Set γ, the `weight`, to 0; β is 0 already."""

    def start(self):
        pass


@mistake("11.1")
class ResidualBlock(Block):
    """The first γ starts at 0 instead of the last one."""

    def start(self):
        nn.init.zeros_(self.bn1.weight)


@mistake("11.1")
class ResidualBlock(Block):
    """Both γ start at 0. Then nothing reaches the second layer, its γ gets no gradient, and the block never learns."""

    def start(self):
        nn.init.zeros_(self.bn1.weight)
        nn.init.zeros_(self.bn2.weight)


@mistake("11.1")
class ResidualBlock(Block):
    """The last γ is a constant 0: it requires no gradient, so the branch is never used."""

    def start(self):
        nn.init.zeros_(self.bn2.weight)
        self.bn2.weight.requires_grad_(False)


@mistake("11.1")
class ResidualBlock(Block):
    """The branch is multiplied by 0 as long as γ has its first value: its gradient is cut off, and it never learns."""

    def forward(self, x):
        return x + (self.branch(x) if self.bn2.weight.any() else 0)

    def branch(self, x):
        return super().branch(x.detach()) if self.bn2.weight.any() else super().branch(x)


@mistake("11.1")
class ResidualBlock(Block):
    """The skip is missing: the block returns its branch alone, which begins as 0."""

    def forward(self, x):
        return self.branch(x)


@mistake("11.1")
class ResidualBlock(Block):
    """The input is multiplied by the branch; it is to be added."""

    def forward(self, x):
        return x * (1 + self.branch(x))


@mistake("11.1")
class ResidualBlock(Block):
    """The branch is subtracted; it is to be added."""

    def forward(self, x):
        return x - self.branch(x)


@mistake("11.1")
class ResidualBlock(Block):
    """The branch is added to ReLU(x): negative inputs do not get past the block."""

    def forward(self, x):
        return F.relu(x) + self.branch(x)


@mistake("11.1")
class ResidualBlock(Block):
    """The branch gets ReLU(x) instead of x, as in blocks that normalise first."""

    def branch(self, x):
        return super().branch(F.relu(x))


@mistake("11.1")
class ResidualBlock(Block):
    """The block normalises before it convolves: BN, conv, BN, conv. Asked for is conv, BN, twice."""

    def branch(self, x):
        return self.conv2(self.bn2(F.relu(self.conv1(self.bn1(x)))))


@mistake("11.1")
class ResidualBlock(Block):
    """The second pair is missing: the branch is one convolution and one BN."""

    def branch(self, x):
        return self.bn2(self.conv2(x))


@mistake("11.1")
class ResidualBlock(Block):
    """Only the second convolution is normalised."""

    def branch(self, x):
        return self.bn2(self.conv2(F.relu(self.conv1(x))))


@mistake("11.1")
class ResidualBlock(Block):
    """One BN serves both pairs: its γ of 0 switches off the first pair as well. Each needs one of its own."""

    def branch(self, x):
        return self.bn2(self.conv2(F.relu(self.bn2(self.conv1(x)))))


@mistake("11.1")
class ResidualBlock(Block):
    """One convolution is used twice: both pairs share their filters."""

    def branch(self, x):
        return self.bn2(self.conv1(F.relu(self.bn1(self.conv1(x)))))


@mistake("11.1")
class ResidualBlock(Block):
    """The convolutions have no padding, so the branch is smaller than x and cannot be added."""

    def convolution(self, channels):
        return nn.Conv2d(channels, channels, 3, bias=False)


@mistake("11.1")
class ResidualBlock(Block):
    """The branch is added in place, x += ..., which changes the caller's input."""

    def forward(self, x):
        with torch.no_grad():
            x += self.branch(x)
        return x


# 11.2


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


@mistake("11.2")
class FrozenBatchNorm2d(Frozen):
    """In training the batch's own statistics normalise. A frozen layer uses the stored ones in both modes."""

    def forward(self, x):
        return batch_statistics(self, x) if self.training else super().forward(x)


@mistake("11.2")
class FrozenBatchNorm2d(Frozen):
    """The batch's own statistics normalise in both modes; the stored ones are not used."""

    def forward(self, x):
        return batch_statistics(self, x)


@mistake("11.2")
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
    """weight and bias are parameters with requires_grad=False. Asked for are buffers: the next loop over parameters() that
    sets requires_grad=True would unfreeze them."""

    def store(self, name, values):
        if name in ("weight", "bias"):
            setattr(self, name, nn.Parameter(values, requires_grad=False))
        else:
            self.register_buffer(name, values)


@mistake("11.2")
class FrozenBatchNorm2d(Frozen):
    """weight and bias are parameters that are trained: only the statistics are frozen."""

    def store(self, name, values):
        if name in ("weight", "bias"):
            setattr(self, name, nn.Parameter(values))
        else:
            self.register_buffer(name, values)


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


@mistake("11.2")
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


@mistake("11.2")
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


@mistake("11.2")
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
    """The running mean is added; it is to be subtracted."""

    def normalised(self, x, mean, root):
        return super().normalised(x, -mean, root)
