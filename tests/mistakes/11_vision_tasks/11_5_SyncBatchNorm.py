"""Known wrong answers to exercise 11.5, each with the sentence that helps."""

import torch
import torch.distributed as dist
from torch import nn

from bncourse.checking import mistake


class Total(torch.autograd.Function):
    """The sum over all processes; its gradient is the sum of theirs."""

    @staticmethod
    def forward(ctx, x):
        x = x.clone()
        dist.all_reduce(x)
        return x

    @staticmethod
    def backward(ctx, dy):
        dy = dy.clone()
        dist.all_reduce(dy)
        return dy


class Sync(nn.Module):
    """A right layer, cut into the parts in which people slip."""

    def __init__(self, num_features, eps=1e-5, momentum=0.1):
        super().__init__()
        self.eps, self.momentum = eps, momentum
        self.weight, self.bias = nn.Parameter(torch.ones(num_features)), nn.Parameter(torch.zeros(num_features))
        self.register_buffer("running_mean", torch.zeros(num_features))
        self.register_buffer("running_var", torch.ones(num_features))

    def axes(self, x):
        return (0, *range(2, x.dim()))

    def shaped(self, values, x):
        return values.view(-1, *[1] * (x.dim() - 2))

    def total(self, x):
        return Total.apply(x)

    def values(self, x):
        return x.numel() / x.shape[1]

    def count(self, x):
        return self.total(torch.tensor(self.values(x), dtype=torch.float64))

    def statistics(self, x):
        count = self.count(x)
        mean = self.total(x.sum(self.axes(x))) / count
        return mean, self.variance(x, mean, count), count

    def variance(self, x, mean, count):
        return self.total((x - self.shaped(mean, x)).square().sum(self.axes(x))) / count

    def moved(self, running, batch):
        return (1 - self.momentum) * running + self.momentum * batch

    def unbiased(self, x, var, count):
        return var * count / (count - 1)

    def track(self, x, mean, var, count):
        with torch.no_grad():
            self.running_mean.copy_(self.moved(self.running_mean, mean))
            self.running_var.copy_(self.moved(self.running_var, self.unbiased(x, var, count)))

    def root(self, var):
        return torch.sqrt(var + self.eps)

    def normalised(self, x, mean, var):
        x_hat = (x - self.shaped(mean, x)) / self.shaped(self.root(var), x)
        return self.shaped(self.weight, x) * x_hat + self.shaped(self.bias, x)

    def evaluated(self, x):
        return self.normalised(x, self.running_mean, self.running_var)

    def forward(self, x):
        if not self.training:
            return self.evaluated(x)
        mean, var, count = self.statistics(x)
        self.track(x, mean, var, count)
        return self.normalised(x, mean, var)


def alone(x, axes):
    """Mean, biased variance and count of one process."""
    return x.mean(axes), x.var(axes, unbiased=False), torch.tensor(x.numel() / x.shape[1], dtype=torch.float64)


def summed(x):
    """The sum over all processes, of which autograd knows nothing."""
    x = x.detach().clone()
    dist.all_reduce(x)
    return x


def bare(x):
    """The sum over all processes, put where the process's own values were: autograd takes it for these."""
    x = x.clone()
    dist.all_reduce(x)
    return x


class Averaged(Total):
    @staticmethod
    def backward(ctx, dy):
        return summed(dy) / dist.get_world_size()


class Once(Total):
    @staticmethod
    def backward(ctx, dy):
        return dy


class Shared(torch.autograd.Function):
    """The value as it is; its gradient is summed over the processes."""

    @staticmethod
    def forward(ctx, x):
        return x.view_as(x)

    @staticmethod
    def backward(ctx, dy):
        return summed(dy)


# Statistics
@mistake("11.5")
class SyncBatchNorm(Sync):
    """Nothing is exchanged: each process normalises by its own batch, as an ordinary BN would."""

    def statistics(self, x):
        return alone(x, self.axes(x))


@mistake("11.5", caught_by="test_processes_normalise_by_joint_statistics")
class SyncBatchNorm(Sync):
    """Only the running statistics are exchanged; the output is normalised by the process's own batch."""

    def forward(self, x):
        if self.training:
            self.track(x, *self.statistics(x))
            mean, var, _ = alone(x, self.axes(x))
            return self.normalised(x, mean, var)
        return self.evaluated(x)


@mistake("11.5")
class SyncBatchNorm(Sync):
    """The means of the processes are averaged unweighted, and so are the mean squares of the distances from that average: a process
    with few values counts as much as one with many."""

    def statistics(self, x):
        size = dist.get_world_size()
        mean = self.total(x.mean(self.axes(x))) / size
        square = self.total((x - self.shaped(mean, x)).square().mean(self.axes(x))) / size
        return mean, square, self.count(x)


@mistake("11.5")
class SyncBatchNorm(Sync):
    """The variances of the processes are averaged: how far their means lie apart is lost. Measure distances from the joint mean."""

    def variance(self, x, mean, count):
        own, var, number = alone(x, self.axes(x))
        return self.total(var * number) / count


@mistake("11.5")
class SyncBatchNorm(Sync):
    """Means and variances of the processes are averaged unweighted, and how far the means lie apart is lost."""

    def statistics(self, x):
        mean, var, _ = alone(x, self.axes(x))
        size = dist.get_world_size()
        return self.total(mean) / size, self.total(var) / size, self.count(x)


class MeansOfMeans(Sync):
    """The first thing that comes to mind; `self.total` is how it is exchanged."""

    def statistics(self, x):
        mean, var, _ = alone(x, self.axes(x))
        size = dist.get_world_size()
        return self.total(mean) / size, self.total(var) / size, self.values(x) * size


@mistake("11.5")
class SyncBatchNorm(MeansOfMeans):
    """Means and variances of the processes are averaged: small batches weigh too much, and how far the means lie apart is lost. Add up
    sums and counts, then squared distances from the joint mean. And a bare all_reduce passes no gradient on to other processes."""

    def total(self, x):
        return bare(x)


@mistake("11.5")
class SyncBatchNorm(MeansOfMeans):
    """Means and variances of the processes are averaged: small batches weigh too much, and how far the means lie apart is lost. Add up
    sums and counts, then squared distances from the joint mean. And no gradient flows through these statistics at all."""

    def total(self, x):
        return summed(x)


@mistake("11.5")
class SyncBatchNorm(MeansOfMeans):
    """Each process's mean and mean squared distance count the same: add up sums and counts instead, or small batches weigh too
    much. And a bare all_reduce passes no gradient on to the other processes: give the sum a backward."""

    def statistics(self, x):
        size = dist.get_world_size()
        mean = bare(x.mean(self.axes(x))) / size
        var = bare((x - self.shaped(mean, x)).square().mean(self.axes(x))) / size
        return mean, var, self.values(x) * size


@mistake("11.5")
class SyncBatchNorm(MeansOfMeans):
    """Each process's mean and mean squared distance count the same: add up sums and counts instead, or small batches weigh too
    much. And no gradient flows through these statistics: the sum over processes needs a backward."""

    def statistics(self, x):
        size = dist.get_world_size()
        mean = summed(x.mean(self.axes(x))) / size
        var = summed((x - self.shaped(mean, x)).square().mean(self.axes(x))) / size
        return mean, var, self.values(x) * size


@mistake("11.5")
class SyncBatchNorm(MeansOfMeans):
    """Three slips: means count the same whatever the size of a batch; mean of squares minus square of the mean cancels in float32; and a
    bare all_reduce passes no gradient on to other processes."""

    def statistics(self, x):
        size = dist.get_world_size()
        mean = bare(x.mean(self.axes(x))) / size
        return mean, bare((x**2).mean(self.axes(x))) / size - mean**2, self.values(x) * size


@mistake("11.5")
class SyncBatchNorm(Sync):
    """Two slips: a bare all_reduce passes no gradient on to the other processes, so give the sum a backward. And the mean of squares
    minus the square of the mean cancels in float32: exchange the mean first, then squared distances from it."""

    def statistics(self, x):
        count = self.count(x)
        mean = bare(x.sum(self.axes(x))) / count
        return mean, bare((x**2).sum(self.axes(x))) / count - mean**2, count


@mistake("11.5")
class SyncBatchNorm(Sync):
    """The distances are measured from the process's own mean before they are added up; measure them from the joint mean."""

    def variance(self, x, mean, count):
        own = x.mean(self.axes(x))
        return self.total((x - self.shaped(own, x)).square().mean(self.axes(x))) / dist.get_world_size()


@mistake("11.5")
class SyncBatchNorm(Sync):
    """Each process counts its samples, not its values: pixels are values too."""

    def values(self, x):
        return len(x)

    def statistics(self, x):
        count = self.count(x)
        rest = tuple(range(2, x.dim()))
        rows = x.mean(rest) if rest else x
        mean = self.total(rows.sum(0)) / count
        squares = (x - self.shaped(mean, x)).square()
        return mean, self.total((squares.mean(rest) if rest else squares).sum(0)) / count, count


@mistake("11.5", caught_by="test_local_batches_of_any_size")
class SyncBatchNorm(Sync):
    """Sums are divided by the process's own count times the number of processes: right only if all batches are of one size."""

    def count(self, x):
        return torch.tensor(self.values(x) * dist.get_world_size(), dtype=torch.float64)


@mistake("11.5")
class SyncBatchNorm(Sync):
    """Two processes are taken for granted: ask torch.distributed.get_world_size(), or add the counts up."""

    def statistics(self, x):
        mean = self.total(x.mean(self.axes(x))) / 2
        var = self.total((x - self.shaped(mean, x)).square().mean(self.axes(x))) / 2
        return mean, var, torch.tensor(self.values(x) * 2, dtype=torch.float64)


@mistake("11.5")
class SyncBatchNorm(Sync):
    """Sums come from all processes, the count from this one alone: it must be added up too."""

    def count(self, x):
        return torch.tensor(self.values(x), dtype=torch.float64)


@mistake("11.5", caught_by="test_joint_statistics_survive_a_large_mean_in_float32")
class SyncBatchNorm(Sync):
    """The variance is the mean of squares minus the square of the mean: with a large mean in float32 two huge numbers cancel. Exchange
    the mean first, then the squared distances from it."""

    def variance(self, x, mean, count):
        return (self.total(x.square().sum(self.axes(x))) / count - mean.square()).clamp(min=0)


@mistake("11.5")
class SyncBatchNorm(Sync):
    """The unbiased variance normalises; it is for the running variance only."""

    def variance(self, x, mean, count):
        return super().variance(x, mean, count) * count / (count - 1)

    def unbiased(self, x, var, count):
        return var


@mistake("11.5")
class SyncBatchNorm(Sync):
    """The square root is missing: you divide by the variance."""

    def root(self, var):
        return var + self.eps


@mistake("11.5")
class SyncBatchNorm(Sync):
    """ε stands outside the root."""

    def root(self, var):
        return torch.sqrt(var) + self.eps


@mistake("11.5", caught_by="test_momentum_and_eps")
class SyncBatchNorm(Sync):
    """The argument eps is ignored: 1e-5 is written into the layer."""

    def root(self, var):
        return torch.sqrt(var + 1e-5)


@mistake("11.5")
class SyncBatchNorm(Sync):
    """weight and bias are not used."""

    def normalised(self, x, mean, var):
        return (x - self.shaped(mean, x)) / self.shaped(self.root(var), x) + 0 * self.shaped(self.weight + self.bias, x)


# Gradients
@mistake("11.5")
class SyncBatchNorm(Sync):
    """all_reduce cuts the graph: no gradient flows through mean and variance. Its sum needs a backward that adds up gradients."""

    def total(self, x):
        return summed(x)


@mistake("11.5")
class SyncBatchNorm(Sync):
    """Gradients flow through the process's own part of mean and variance only, as they do after a bare all_reduce: what the others'
    losses say of them is not added. The backward of a sum over processes is again a sum over processes."""

    def total(self, x):
        return bare(x)


@mistake("11.5", caught_by="test_gradients_of_the_input")
class SyncBatchNorm(Sync):
    """The gradients of the statistics are averaged over the processes; the loss is the sum of all losses, so add them up."""

    def total(self, x):
        return Averaged.apply(x)


@mistake("11.5", caught_by="test_two_layers_in_a_row")
class SyncBatchNorm(Sync):
    """The gradient of the mean is added up, that of the variance is not."""

    def variance(self, x, mean, count):
        return Once.apply((x - self.shaped(mean, x)).square().sum(self.axes(x))) / count


@mistake("11.5")
class SyncBatchNorm(Sync):
    """The variance is treated as a constant in the backward pass."""

    def variance(self, x, mean, count):
        return super().variance(x, mean, count).detach()


@mistake("11.5")
class SyncBatchNorm(Sync):
    """The gradients of weight and bias are already those of all processes: DistributedDataParallel would count them several times. Leave
    each process its own share."""

    def normalised(self, x, mean, var):
        x_hat = (x - self.shaped(mean, x)) / self.shaped(self.root(var), x)
        weight, bias = (Shared.apply(one) if self.training else one for one in (self.weight, self.bias))
        return self.shaped(weight, x) * x_hat + self.shaped(bias, x)


@mistake("11.5")
class SyncBatchNorm(Sync):
    """Running statistics carry the gradient history of every batch: detach what you store."""

    def track(self, x, mean, var, count):
        self.running_mean = self.moved(self.running_mean, mean)
        self.running_var = self.moved(self.running_var, self.unbiased(x, var, count))


# Running statistics
@mistake("11.5")
class SyncBatchNorm(Sync):
    """The running variance is the biased one; PyTorch stores the one over m - 1."""

    def unbiased(self, x, var, count):
        return var


@mistake("11.5")
class SyncBatchNorm(Sync):
    """`running_var` holds a running standard deviation, which the evaluation
    divides by as it is. It should hold a variance, the one over m - 1; its root,
    with ε, is taken in evaluation.
    """

    def track(self, x, mean, var, count):
        with torch.no_grad():
            self.running_mean.copy_(self.moved(self.running_mean, mean))
            self.running_var.copy_(self.moved(self.running_var, torch.sqrt(var + self.eps)))

    def evaluated(self, x):
        x_hat = (x - self.shaped(self.running_mean, x)) / self.shaped(self.running_var, x)
        return self.shaped(self.weight, x) * x_hat + self.shaped(self.bias, x)


@mistake("11.5")
class SyncBatchNorm(Sync):
    """`running_var` holds a running standard deviation: each step moves it to a
    root. It should hold a variance, the one over m - 1.
    """

    def unbiased(self, x, var, count):
        return torch.sqrt(var + self.eps)


@mistake("11.5")
class SyncBatchNorm(Sync):
    """The running variance is unbiased with the process's own count; m is the joint one."""

    def unbiased(self, x, var, count):
        own = self.values(x)
        return var * own / max(own - 1, 0.5)


@mistake("11.5")
class SyncBatchNorm(Sync):
    """The running statistics are those of the process's own batches: they differ from process to process."""

    def track(self, x, mean, var, count):
        mean, var, count = alone(x.detach(), self.axes(x))
        super().track(x, mean, var, count.clamp(min=1.5))


@mistake("11.5")
class SyncBatchNorm(Sync):
    """Only the process of rank 0 keeps running statistics: in evaluation the processes would disagree."""

    def track(self, x, mean, var, count):
        if dist.get_rank() == 0:
            super().track(x, mean, var, count)


@mistake("11.5")
class SyncBatchNorm(Sync):
    """The running statistics never move."""

    def track(self, x, mean, var, count):
        pass


@mistake("11.5")
class SyncBatchNorm(Sync):
    """momentum is taken for the weight of the old value, as in Keras; in PyTorch it is that of the new batch."""

    def moved(self, running, batch):
        return self.momentum * running + (1 - self.momentum) * batch


@mistake("11.5")
class SyncBatchNorm(Sync):
    """The argument momentum is ignored: 0.1 is written into the layer."""

    def moved(self, running, batch):
        return 0.9 * running + 0.1 * batch


@mistake("11.5")
class SyncBatchNorm(Sync):
    """The running variance starts at 0; it should start at 1."""

    def __init__(self, num_features, eps=1e-5, momentum=0.1):
        super().__init__(num_features, eps, momentum)
        self.running_var.zero_()


@mistake("11.5", caught_by="test_parameters_and_buffers")
class SyncBatchNorm(Sync):
    """The running statistics are parameters: an optimizer would train them. Register them as buffers."""

    def __init__(self, num_features, eps=1e-5, momentum=0.1):
        super().__init__(num_features, eps, momentum)
        for name in ("running_mean", "running_var"):
            values = getattr(self, name)
            delattr(self, name)
            setattr(self, name, nn.Parameter(values, requires_grad=False))


# Evaluation
@mistake("11.5")
class SyncBatchNorm(Sync):
    """In evaluation the statistics of the batch normalise; the running ones are not used."""

    def evaluated(self, x):
        mean, var, _ = self.statistics(x)
        return self.normalised(x, mean, var)


@mistake("11.5", caught_by="test_one_process_evaluates_alone")
class SyncBatchNorm(Sync):
    """The processes exchange in evaluation too: one that evaluates alone waits for ever."""

    def forward(self, x):
        mean, var, count = self.statistics(x)
        if not self.training:
            return self.evaluated(x)
        self.track(x, mean, var, count)
        return self.normalised(x, mean, var)


@mistake("11.5")
class SyncBatchNorm(Sync):
    """The running statistics move in evaluation."""

    def evaluated(self, x):
        y = super().evaluated(x)
        mean, var, count = alone(x, self.axes(x))
        self.track(x, mean, var, count.clamp(min=1.5))
        return y


@mistake("11.5")
class SyncBatchNorm(Sync):
    """Only the process of rank 0 takes part in the exchange: the others never come, and it waits for ever."""

    def statistics(self, x):
        return super().statistics(x) if dist.get_rank() == 0 else alone(x, self.axes(x))


# What is forbidden
@mistake("11.5")
class SyncBatchNorm(torch.nn.SyncBatchNorm):
    """This is PyTorch's own SyncBatchNorm, on GPUs what you are asked to write yourself."""


@mistake("11.5")
class SyncBatchNorm(Sync):
    """Here PyTorch's own batch_norm computes, and it knows only the batch of its process."""

    def forward(self, x):
        return nn.functional.batch_norm(
            x, self.running_mean, self.running_var, self.weight, self.bias, self.training, self.momentum, self.eps
        )


@mistake("11.5", caught_by="test_one_process_is_an_ordinary_bn")
class SyncBatchNorm(Sync):
    """With a single process the running statistics are left as they are. There is nothing to exchange then, but they move all the same."""

    def track(self, x, mean, var, count):
        if dist.get_world_size() > 1:
            super().track(x, mean, var, count)


@mistake("11.5", caught_by="test_local_batches_of_other_positions")
class SyncBatchNorm(Sync):
    """For the running statistics processes weigh as much as they have samples. Each weighs as much as it has values: a large image has more."""

    def track(self, x, mean, var, count):
        samples = self.total(torch.tensor(float(len(x))))
        mean = self.total(len(x) * x.mean(self.axes(x))) / samples
        var = self.total(len(x) * (x - self.shaped(mean, x)).square().mean(self.axes(x))) / samples
        super().track(x, mean, var, count)


@mistake("11.5", caught_by="test_running_statistics_are_joint_and_unbiased")
class SyncBatchNorm(Sync):
    """Each step moves the running statistics from 0 and 1, where they began. They move on from where the step before left them."""

    def track(self, x, mean, var, count):
        self.running_mean.fill_(0)
        self.running_var.fill_(1)
        super().track(x, mean, var, count)


@mistake("11.5", caught_by="test_gradients_of_weight_and_bias")
class SyncBatchNorm(Sync):
    """The gradient of bias is summed over the processes, that of weight is not. Each process keeps its own share of both."""

    def normalised(self, x, mean, var):
        x_hat = (x - self.shaped(mean, x)) / self.shaped(self.root(var), x)
        return self.shaped(self.weight, x) * x_hat + self.shaped(Shared.apply(self.bias), x)


@mistake("11.5", caught_by="test_evaluation_uses_running_statistics")
class SyncBatchNorm(Sync):
    """A single sample is refused in evaluation too. Only joint statistics need more than one value; there the running ones serve."""

    def evaluated(self, x):
        if len(x) == 1:
            raise ValueError("more than one sample is needed")
        return super().evaluated(x)
