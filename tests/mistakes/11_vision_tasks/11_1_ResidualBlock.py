"""Known wrong answers to exercise 11.1, each with the sentence that helps."""

import torch
from torch import nn
from torch.nn import functional as F

from bncourse.checking import mistake


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
    """This is the block of a ResNet: a ReLU follows the sum, and the last γ starts at 1. Here nothing follows the sum, and the last γ, the
    `weight` of the last normalization, starts at 0."""

    def start(self):
        pass

    def forward(self, x):
        return F.relu(x + self.branch(x))


@mistake("11.1")
class ResidualBlock(Block):
    """γ is a parameter, and PyTorch lets no plain tensor take its place: nn.init.zeros_(norm.weight) sets it to 0, or an nn.Parameter replaces it."""

    def start(self):
        self.bn2.weight = torch.zeros(self.bn2.num_features)


@mistake("11.1", caught_by="test_the_block_adds_its_branch_in_training")
class ResidualBlock(Block):
    """A ReLU closes the branch, before the sum: the block can only ever add to its input."""

    def forward(self, x):
        return x + F.relu(self.branch(x))


@mistake("11.1")
class ResidualBlock(Block):
    """The last γ starts at 1, as PyTorch sets it; a new block has to be the identity whatever its filters are. Set γ, the `weight`, to 0; β is 0 already."""

    def start(self):
        pass


@mistake("11.1", caught_by="test_the_last_gamma_alone_starts_at_zero")
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


@mistake("11.1", caught_by="test_a_new_block_can_learn")
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
    """The input is multiplied by the branch; it must be added."""

    def forward(self, x):
        return x * (1 + self.branch(x))


@mistake("11.1")
class ResidualBlock(Block):
    """The branch is subtracted; it must be added."""

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
    """The block normalises before it convolves: BN, conv, BN, conv. The exercise asks for conv, BN, twice."""

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


@mistake("11.1", caught_by="test_a_new_block_is_the_identity")
class ResidualBlock(Block):
    """A single image is refused in training. Its positions have a mean and a variance, and that is enough for the normalizations."""

    def forward(self, x):
        if self.training and len(x) == 1:
            raise ValueError("more than one image is needed")
        return super().forward(x)


@mistake("11.1", caught_by="test_the_block_adds_its_branch_in_evaluation")
class ResidualBlock(Block):
    """The first normalization uses the batch's statistics in evaluation too: `F.batch_norm` is told `training=True`, whatever the mode."""

    def branch(self, x):
        self.bn1.train()
        return super().branch(x)


@mistake("11.1")
class ResidualBlock(nn.Module):
    """This is the block that normalises first: BN, ReLU, convolution, twice, with the last convolution 0. The exercise
    asks for convolution, BN, ReLU, convolution, BN, with the last γ 0."""

    def __init__(self, channels):
        super().__init__()
        self.bn1, self.bn2 = nn.BatchNorm2d(channels), nn.BatchNorm2d(channels)
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1)
        nn.init.zeros_(self.conv2.weight)
        nn.init.zeros_(self.conv2.bias)

    def forward(self, x):
        return x + self.conv2(F.relu(self.bn2(self.conv1(F.relu(self.bn1(x))))))


@mistake("11.1")
class ResidualBlock(nn.Module):
    """One BN serves both pairs, and there is no other: with its γ of 0 the first pair is switched off too. Make two, and set γ of the last to 0."""

    def __init__(self, channels):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn = nn.BatchNorm2d(channels)
        nn.init.zeros_(self.bn.weight)

    def forward(self, x):
        return x + self.bn(self.conv2(F.relu(self.bn(self.conv1(x)))))


@mistake("11.1")
class ResidualBlock(Block):
    """The branch is added in place, by `+=`, to x or to another name for it (`identity = x`): that is the caller's input. Write x + branch."""

    def forward(self, x):
        identity = x
        identity += self.branch(x)
        return identity


@mistake("11.1")
class ResidualBlock(Block):
    """This is the block that normalises first: BN, ReLU, convolution, twice. The exercise asks for convolution, BN, ReLU, convolution, BN:
    the branch ends in the normalization whose γ is 0."""

    def branch(self, x):
        return self.conv2(F.relu(self.bn2(self.conv1(F.relu(self.bn1(x))))))
