"""Right answers to 11.1, 11.2 and 11.5 in other styles: every check must accept them."""

import torch
import torch.distributed as dist
from torch import nn
from torch.nn import functional as F

from bncourse.checking import variant

# 11.1


@variant("11.1")
class ResidualBlock(nn.Module):
    """Layers by name, functional ReLU, biases in the convolutions."""

    def __init__(self, channels):
        super().__init__()
        self.first, self.second = (nn.Conv2d(channels, channels, 3, padding=1) for _ in range(2))
        self.norms = nn.ModuleList([nn.BatchNorm2d(channels), nn.BatchNorm2d(channels)])
        nn.init.constant_(self.norms[1].weight, 0.0)

    def forward(self, x):
        h = F.relu(self.norms[0](self.first(x)), inplace=True)
        return self.norms[1](self.second(h)) + x


@variant("11.1")
class ResidualBlock(nn.Module):
    """No ReLU between the two pairs; the layers in a loop; padding by name."""

    def __init__(self, channels):
        super().__init__()
        pairs = []
        for _ in range(2):
            pairs += [nn.Conv2d(channels, channels, (3, 3), padding="same", bias=False), nn.BatchNorm2d(channels)]
        self.pairs = nn.ModuleList(pairs)
        with torch.no_grad():
            self.pairs[-1].weight.fill_(0)

    def forward(self, x):
        h = x
        for layer in self.pairs:
            h = layer(h)
        return torch.add(x, h)


@variant("11.1")
class ResidualBlock(nn.Sequential):
    """An nn.Sequential that adds its input; γ replaced by a new parameter."""

    def __init__(self, channels):
        def pair():
            return nn.Sequential(nn.Conv2d(channels, channels, 3, 1, 1), nn.BatchNorm2d(channels))

        super().__init__(pair(), nn.ReLU(), pair())
        self[2][1].weight = nn.Parameter(torch.zeros(channels))

    def forward(self, x):
        return super().forward(x) + x


# 11.2


@variant("11.2")
class FrozenBatchNorm2d(nn.Module):
    """The counter is dropped while loading, as torchvision does it."""

    def __init__(self, num_features, eps=1e-5):
        super().__init__()
        self.eps = eps
        for name, start in (("weight", 1.0), ("bias", 0.0), ("running_mean", 0.0), ("running_var", 1.0)):
            self.register_buffer(name, torch.full((num_features,), start))

    def _load_from_state_dict(self, state_dict, prefix, *rest):
        state_dict.pop(f"{prefix}num_batches_tracked", None)
        super()._load_from_state_dict(state_dict, prefix, *rest)

    def forward(self, x):
        scale = self.weight * (self.running_var + self.eps).rsqrt()
        return x * scale.reshape(1, -1, 1, 1) + (self.bias - self.running_mean * scale).reshape(1, -1, 1, 1)


@variant("11.2")
class FrozenBatchNorm2d(nn.Module):
    """PyTorch's own function in evaluation, whatever the mode; the variance begins at 1 - ε, as in Detectron2."""

    def __init__(self, num_features, eps=1e-5):
        super().__init__()
        self.eps = eps
        self.register_buffer("weight", torch.ones(num_features))
        self.register_buffer("bias", torch.zeros(num_features))
        self.register_buffer("running_mean", torch.zeros(num_features))
        self.register_buffer("running_var", torch.ones(num_features) - eps)
        self.register_buffer("num_batches_tracked", torch.zeros((), dtype=torch.long))

    def forward(self, x):
        return F.batch_norm(
            x, self.running_mean, self.running_var, self.weight, self.bias, training=False, eps=self.eps
        )


@variant("11.2")
class FrozenBatchNorm2d(nn.BatchNorm2d):
    """An nn.BatchNorm2d whose parameters have been made buffers, and which ignores its mode."""

    def __init__(self, num_features, eps=1e-5):
        super().__init__(num_features, eps=eps)
        for name in ("weight", "bias"):
            values = getattr(self, name).detach().clone()
            delattr(self, name)
            self.register_buffer(name, values)

    def forward(self, x):
        mean, var, weight, bias = (
            one[None, :, None, None] for one in (self.running_mean, self.running_var, self.weight, self.bias)
        )
        return (x - mean) / (var + self.eps) ** 0.5 * weight + bias


# 11.5


@variant("11.5")
class SyncBatchNorm(nn.Module):
    """A backward by hand; local statistics are gathered and merged."""

    def __init__(self, num_features, eps=1e-5, momentum=0.1):
        super().__init__()
        self.eps, self.momentum = eps, momentum
        self.weight, self.bias = nn.Parameter(torch.ones(num_features)), nn.Parameter(torch.zeros(num_features))
        self.register_buffer("running_mean", torch.zeros(num_features))
        self.register_buffer("running_var", torch.ones(num_features))
        self.register_buffer("num_batches_tracked", torch.tensor(0))

    def forward(self, x):
        shape = [1, -1] + [1] * (x.dim() - 2)
        if self.training:
            x_hat, mean, var, count = MergedStatistics.apply(x, self.eps)
            self.num_batches_tracked += 1
            self.running_mean += self.momentum * (mean - self.running_mean)
            self.running_var += self.momentum * (var * count / (count - 1) - self.running_var)
        else:
            x_hat = (x - self.running_mean.view(shape)) / (self.running_var.view(shape) + self.eps).sqrt()
        return x_hat * self.weight.view(shape) + self.bias.view(shape)


class MergedStatistics(torch.autograd.Function):
    """x normalised by the joint statistics, and these."""

    @staticmethod
    def forward(ctx, x, eps):
        rows = x.transpose(0, 1).flatten(1)
        own = torch.stack([torch.full_like(rows[:, 0], rows.shape[1]), rows.mean(1), rows.var(1, unbiased=False)])
        every = [torch.empty_like(own) for _ in range(dist.get_world_size())]
        dist.all_gather(every, own)
        counts, means, variances = torch.stack(every, 1)
        count = counts.sum(0)
        mean = (counts * means).sum(0) / count
        var = (counts * (variances + (means - mean) ** 2)).sum(0) / count
        shape = [1, -1] + [1] * (x.dim() - 2)
        scale = 1 / (var + eps).sqrt()
        x_hat = (x - mean.view(shape)) * scale.view(shape)
        ctx.save_for_backward(x_hat, scale, count)
        ctx.mark_non_differentiable(mean, var, count)
        return x_hat, mean, var, count

    @staticmethod
    def backward(ctx, dy, *_):
        x_hat, scale, count = ctx.saved_tensors
        axes, shape = (0, *range(2, dy.dim())), [1, -1] + [1] * (dy.dim() - 2)
        sums = torch.stack([dy.sum(axes), (dy * x_hat).sum(axes)])
        dist.all_reduce(sums)
        first, second = ((one / count).view(shape) for one in sums)
        return scale.view(shape) * (dy - first - x_hat * second), None


@variant("11.5")
class SyncBatchNorm(nn.Module):
    """Sums and sums of squares in float64, exchanged in one message; an all_reduce with a gradient of its own."""

    def __init__(self, num_features, eps=1e-5, momentum=0.1):
        super().__init__()
        self.num_features, self.eps, self.momentum = num_features, eps, momentum
        self.weight = nn.Parameter(torch.empty(num_features).fill_(1.0))
        self.bias = nn.Parameter(torch.empty(num_features).fill_(0.0))
        self.register_buffer("running_mean", torch.zeros(num_features))
        self.register_buffer("running_var", torch.ones(num_features))

    def forward(self, x):
        rows = x.movedim(1, -1)
        if self.training:
            flat = rows.reshape(-1, self.num_features).double()
            message = torch.cat([flat.sum(0), flat.square().sum(0), flat.new_tensor([len(flat)])])
            message = AddedUp.apply(message)
            count = message[-1].detach()
            mean, square = message[:-1].view(2, -1) / count
            var = square - mean**2
            self.keep(self.running_mean, mean)
            self.keep(self.running_var, var * (count / (count - 1)))
        else:
            mean, var = self.running_mean, self.running_var
        y = (rows - mean) / torch.sqrt(var + self.eps) * self.weight + self.bias
        return y.movedim(-1, 1).to(x.dtype)

    def keep(self, running, batch):
        running.mul_(1 - self.momentum).add_(batch.detach(), alpha=self.momentum)


class AddedUp(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        total = x.clone()
        dist.all_reduce(total, op=dist.ReduceOp.SUM, async_op=True).wait()
        return total

    @staticmethod
    def backward(ctx, dy):
        return AddedUp.forward(None, dy)


@variant("11.5")
class SyncBatchNorm(nn.Module):
    """torch.distributed.nn: local means and squares are gathered with their gradients; counts as Python objects."""

    def __init__(self, num_features, eps=1e-5, momentum=0.1):
        super().__init__()
        self.eps, self.momentum = eps, momentum
        self.weight, self.bias = nn.Parameter(torch.ones(num_features)), nn.Parameter(torch.zeros(num_features))
        self.register_buffer("running_mean", torch.zeros(num_features))
        self.register_buffer("running_var", torch.ones(num_features))

    def forward(self, x):
        from torch.distributed.nn.functional import all_gather

        channels, own = x.transpose(0, 1), x.numel() // x.shape[1]
        if self.training:
            counts = [None] * dist.get_world_size()
            dist.all_gather_object(counts, own)
            shares = [one / sum(counts) for one in counts]
            local = channels.flatten(1)
            means = all_gather(local.mean(1))
            mean = sum(share * one for share, one in zip(shares, means))
            squares = all_gather((local - mean[:, None]).pow(2).mean(1))
            var = sum(share * one for share, one in zip(shares, squares))
            with torch.no_grad():
                self.running_mean.lerp_(mean, self.momentum)
                self.running_var.lerp_(var * sum(counts) / (sum(counts) - 1), self.momentum)
        else:
            mean, var = self.running_mean, self.running_var
        scale = self.weight / torch.sqrt(var + self.eps)
        columns = [-1] + [1] * (x.dim() - 1)
        return (scale.view(columns) * (channels - mean.view(columns)) + self.bias.view(columns)).transpose(0, 1)


@variant("11.5")
class SyncBatchNorm(nn.Module):
    """Everything gathered into one tensor and added up there, forward and backward."""

    def __init__(self, num_features, eps=1e-5, momentum=0.1):
        super().__init__()
        self.eps, self.momentum = eps, momentum
        self.weight, self.bias = nn.Parameter(torch.ones(num_features)), nn.Parameter(torch.zeros(num_features))
        self.register_buffer("running_mean", torch.zeros(num_features))
        self.register_buffer("running_var", torch.ones(num_features))

    def forward(self, x):
        axes, shape = (0, *range(2, x.dim())), (-1, *[1] * (x.dim() - 2))
        mean, var = self.running_mean, self.running_var
        if self.training:
            count = Joint.apply(torch.ones_like(x[:, :1]).sum())
            mean = Joint.apply((x / count).sum(axes))
            var = Joint.apply(((x - mean.view(shape)) ** 2 / count).sum(axes))
            self.running_mean.data = torch.lerp(self.running_mean, mean.detach(), self.momentum)
            unbiased = var.detach() * count / (count - 1)
            self.running_var.data = torch.lerp(self.running_var, unbiased, self.momentum)
        normalised = (x - mean.view(shape)) * torch.rsqrt(var + self.eps).view(shape)
        return torch.addcmul(self.bias.view(shape), normalised, self.weight.view(shape))


class Joint(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        gathered = x.new_empty((dist.get_world_size(), *x.shape))
        dist.all_gather_into_tensor(gathered, x.contiguous()[None])
        return gathered.sum(0)

    @staticmethod
    def backward(ctx, dy):
        gathered = [torch.empty_like(dy) for _ in range(dist.get_world_size())]
        dist.all_gather(gathered, dy.contiguous())
        return torch.stack(gathered).sum(0)
