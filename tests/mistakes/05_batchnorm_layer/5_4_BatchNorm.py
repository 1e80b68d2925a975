"""Known wrong answers to exercise 5.4, each with the sentence that helps."""

import weakref

import torch
from torch import nn

from bncourse.checking import mistake


class Layer(nn.Module):
    """A right layer, cut into the parts in which people slip."""

    def __init__(self, num_features, eps=1e-5, momentum=0.1, affine=True, track_running_stats=True):
        super().__init__()
        self.num_features, self.eps, self.momentum = num_features, eps, momentum
        self.affine, self.track_running_stats = affine, track_running_stats
        self.make_parameters(num_features)
        self.make_buffers(num_features)

    def make_parameters(self, num_features):
        self.weight = nn.Parameter(torch.ones(num_features)) if self.affine else None
        self.bias = nn.Parameter(torch.zeros(num_features)) if self.affine else None

    def make_buffers(self, num_features):
        track = self.track_running_stats
        self.register_buffer("running_mean", torch.zeros(num_features) if track else None)
        self.register_buffer("running_var", torch.ones(num_features) if track else None)
        self.register_buffer("num_batches_tracked", torch.tensor(0) if track else None)

    def axes(self, x):
        return (0, *range(2, x.dim()))

    def shaped(self, values, x):
        return values.view(-1, *[1] * (x.dim() - 2)) if values.dim() == 1 else values

    def mean(self, x):
        return x.mean(self.axes(x))

    def var(self, x):
        return x.var(self.axes(x), unbiased=False)

    def count(self, x):
        return x.numel() // x.shape[1]

    def training_mode(self, x):
        return self.training or not self.track_running_stats

    def batch_statistics(self, x):
        return self.mean(x), self.var(x)

    def running_statistics(self, x):
        return self.running_mean, self.running_var

    def factor(self):
        return 1 / self.num_batches_tracked.item() if self.momentum is None else self.momentum

    def tracked(self, var, x):
        return var * self.count(x) / (self.count(x) - 1)

    def move(self, running, batch, momentum):
        running.copy_((1 - momentum) * running + momentum * batch)

    def count_batch(self):
        self.num_batches_tracked += 1

    def track(self, x, mean, var):
        if self.training and self.track_running_stats:
            self.count_batch()
            self.move(self.running_mean, mean.detach(), self.factor())
            self.move(self.running_var, self.tracked(var.detach(), x), self.factor())

    def normalise(self, x, mean, var):
        return (x - self.shaped(mean, x)) / torch.sqrt(self.shaped(var, x) + self.eps)

    def scale_shift(self, x_hat):
        if self.weight is None:
            return x_hat
        return self.shaped(self.weight, x_hat) * x_hat + self.shaped(self.bias, x_hat)

    def forward(self, x):
        if self.training_mode(x):
            mean, var = self.batch_statistics(x)
            self.track(x, mean, var)
        else:
            mean, var = self.running_statistics(x)
        return self.scale_shift(self.normalise(x, mean, var))


# Statistics
@mistake("5.4")
class BatchNorm(Layer):
    """The unbiased variance normalises (PyTorch's `var` is unbiased unless told otherwise). It is for running_var only."""

    def batch_statistics(self, x):
        return x.mean(self.axes(x)), x.var(self.axes(x), unbiased=True)

    def tracked(self, var, x):
        return var


@mistake("5.4")
class BatchNorm(Layer):
    """The square root is missing: you divide by the variance."""

    def normalise(self, x, mean, var):
        return (x - self.shaped(mean, x)) / (self.shaped(var, x) + self.eps)


@mistake("5.4")
class BatchNorm(Layer):
    """ε stands outside the root: you divide by √σ² + ε instead of √(σ² + ε)."""

    def normalise(self, x, mean, var):
        return (x - self.shaped(mean, x)) / (torch.sqrt(self.shaped(var, x)) + self.eps)


@mistake("5.4")
class BatchNorm(Layer):
    """ε is missing: a channel that does not vary is divided by 0."""

    def normalise(self, x, mean, var):
        return (x - self.shaped(mean, x)) / torch.sqrt(self.shaped(var, x))


@mistake("5.4", caught_by="test_eps_and_its_default")
class BatchNorm(Layer):
    """The argument eps is ignored: 1e-5 is written into the formula."""

    def normalise(self, x, mean, var):
        return (x - self.shaped(mean, x)) / torch.sqrt(self.shaped(var, x) + 1e-5)


@mistake("5.4")
class BatchNorm(Layer):
    """eps is 1e-3 unless given. That is the habit of Keras; here it is 1e-5, as in PyTorch."""

    def __init__(self, num_features, eps=1e-3, momentum=0.1, affine=True, track_running_stats=True):
        super().__init__(num_features, eps, momentum, affine, track_running_stats)


@mistake("5.4", caught_by="test_layer_survives_a_large_mean_in_float32")
class BatchNorm(Layer):
    """The variance is the mean of squares minus the square of the mean: with a large mean in float32 two huge numbers cancel.
    Subtract the mean first, then square."""

    def var(self, x):
        return ((x * x).mean(self.axes(x)) - x.mean(self.axes(x)) ** 2).clamp(min=0)


@mistake("5.4")
class BatchNorm(Layer):
    """The variance is not taken about the mean: the mean of x² is not the variance unless the mean is 0."""

    def var(self, x):
        return (x * x).mean(self.axes(x))


@mistake("5.4")
class BatchNorm(Layer):
    """The values are centred but not scaled: the division is missing."""

    def normalise(self, x, mean, var):
        return x - self.shaped(mean, x)


@mistake("5.4")
class BatchNorm(Layer):
    """The values are scaled but not centred: the mean is never subtracted."""

    def normalise(self, x, mean, var):
        return x / torch.sqrt(self.shaped(var, x) + self.eps)


# Axes
@mistake("5.4")
class BatchNorm(Layer):
    """One mean and variance for the whole tensor. Each channel has its own."""

    def mean(self, x):
        return x.mean().expand(x.shape[1])

    def var(self, x):
        return x.var(unbiased=False).expand(x.shape[1])


@mistake("5.4")
class BatchNorm(Layer):
    """These are the axes of layer normalization: each sample by itself. Batch normalization averages over the batch."""

    def batch_statistics(self, x):
        axes = tuple(range(1, x.dim()))
        return x.mean(axes, keepdim=True), x.var(axes, unbiased=False, keepdim=True)

    def track(self, x, mean, var):
        super().track(x, self.mean(x), self.var(x))


@mistake("5.4")
class BatchNorm(Layer):
    """These are the axes of instance normalization: each image by itself. The batch axis, axis 0, must be averaged too."""

    def batch_statistics(self, x):
        axes = tuple(range(2, x.dim())) or (0,)
        return x.mean(axes, keepdim=True), x.var(axes, unbiased=False, keepdim=True)

    def track(self, x, mean, var):
        super().track(x, self.mean(x), self.var(x))


@mistake("5.4")
class BatchNorm(Layer):
    """Each position gets its own statistics: you average over the batch alone, not over the spatial axes."""

    def batch_statistics(self, x):
        return x.mean(0, keepdim=True), x.var(0, unbiased=False, keepdim=True)

    def track(self, x, mean, var):
        super().track(x, self.mean(x), self.var(x))


@mistake("5.4")
class BatchNorm(Layer):
    """A 3-D input (N, C, L) is averaged over the batch alone; its last axis is spatial too."""

    def batch_statistics(self, x):
        axes = (0,) if x.dim() == 3 else self.axes(x)
        return x.mean(axes, keepdim=True), x.var(axes, unbiased=False, keepdim=True)

    def track(self, x, mean, var):
        super().track(x, self.mean(x), self.var(x))


@mistake("5.4")
class BatchNorm(Layer):
    """Statistics for the last axis: channels come last in Keras, but stand on axis 1 here."""

    def batch_statistics(self, x):
        axes = tuple(range(x.dim() - 1))
        return x.mean(axes, keepdim=True), x.var(axes, unbiased=False, keepdim=True)

    def track(self, x, mean, var):
        super().track(x, self.mean(x), self.var(x))


@mistake("5.4", caught_by="test_output_in_training_is_that_of_pytorch")
class BatchNorm(Layer):
    """Only (N, C) and (N, C, H, W) are handled. Let axes and shapes follow from x.dim()."""

    def axes(self, x):
        return (0,) if x.dim() == 2 else (0, 2, 3)


# Affine
@mistake("5.4")
class BatchNorm(Layer):
    """The weight γ is not used."""

    def scale_shift(self, x_hat):
        return x_hat if self.bias is None else x_hat + self.shaped(self.bias, x_hat)


@mistake("5.4")
class BatchNorm(Layer):
    """The bias β is not used."""

    def scale_shift(self, x_hat):
        return x_hat if self.weight is None else x_hat * self.shaped(self.weight, x_hat)


@mistake("5.4")
class BatchNorm(Layer):
    """Weight and bias have changed places in the formula."""

    def scale_shift(self, x_hat):
        return x_hat if self.weight is None else self.shaped(self.bias, x_hat) * x_hat + self.shaped(self.weight, x_hat)


@mistake("5.4")
class BatchNorm(Layer):
    """The bias is scaled too: γ(x̂ + β) instead of γx̂ + β."""

    def scale_shift(self, x_hat):
        return (
            x_hat if self.weight is None else self.shaped(self.weight, x_hat) * (x_hat + self.shaped(self.bias, x_hat))
        )


@mistake("5.4")
class BatchNorm(Layer):
    """The weight is applied twice."""

    def scale_shift(self, x_hat):
        return x_hat if self.weight is None else super().scale_shift(self.shaped(self.weight, x_hat) * x_hat)


@mistake("5.4", caught_by="test_weight_scales_then_bias_shifts")
class BatchNorm(Layer):
    """Weight and bias are left out in evaluation. They are part of the layer in both modes."""

    def scale_shift(self, x_hat):
        return super().scale_shift(x_hat) if self.training else x_hat


@mistake("5.4")
class BatchNorm(Layer):
    """One weight and one bias serve all channels. Each channel has its own."""

    def make_parameters(self, num_features):
        super().make_parameters(1)


@mistake("5.4")
class BatchNorm(Layer):
    """Weight and bias are buffers: the optimizer never moves them. They are Parameters."""

    def make_parameters(self, num_features):
        self.register_buffer("weight", torch.ones(num_features) if self.affine else None)
        self.register_buffer("bias", torch.zeros(num_features) if self.affine else None)


@mistake("5.4")
class BatchNorm(Layer):
    """Weight and bias are Parameters with requires_grad=False: they get no gradient."""

    def make_parameters(self, num_features):
        super().make_parameters(num_features)
        self.requires_grad_(False)


@mistake("5.4")
class BatchNorm(Layer):
    """The weight starts at 0: the layer puts out its bias and nothing else."""

    def make_parameters(self, num_features):
        super().make_parameters(num_features)
        if self.affine:
            nn.init.zeros_(self.weight)


@mistake("5.4")
class BatchNorm(Layer):
    """The weight starts at random values; it starts at 1, so that the layer normalises and does nothing else."""

    def make_parameters(self, num_features):
        super().make_parameters(num_features)
        if self.affine:
            with torch.no_grad():
                self.weight.copy_(torch.rand(num_features, generator=torch.Generator().manual_seed(1)))


@mistake("5.4")
class BatchNorm(Layer):
    """affine=False is ignored: weight and bias are there all the same."""

    def __init__(self, num_features, eps=1e-5, momentum=0.1, affine=True, track_running_stats=True):
        super().__init__(num_features, eps, momentum, True, track_running_stats)


class Greek(Layer):
    """A right layer whose parameters are called gamma and beta."""

    def make_parameters(self, num_features):
        super().make_parameters(num_features)
        self.gamma, self.beta = self.weight, self.bias
        del self.weight, self.bias

    def scale_shift(self, x_hat):
        if self.gamma is None:
            return x_hat
        return self.shaped(self.gamma, x_hat) * x_hat + self.shaped(self.beta, x_hat)


@mistake("5.4")
class BatchNorm(Greek):
    """The parameters are called gamma and beta; PyTorch's are called weight and bias. The names are part of the state dict."""


# Mode
@mistake("5.4")
class BatchNorm(Layer):
    """Batch statistics in both modes: in evaluation the answer depends on the other samples of the batch."""

    def running_statistics(self, x):
        return self.batch_statistics(x)


@mistake("5.4")
class BatchNorm(Layer):
    """Running statistics in both modes: in training the batch itself is never normalised."""

    def forward(self, x):
        if not (self.training and self.track_running_stats):
            return super().forward(x)
        y = self.scale_shift(self.normalise(x, self.running_mean.clone(), self.running_var.clone()))
        self.track(x, *self.batch_statistics(x))
        return y


@mistake("5.4")
class BatchNorm(Layer):
    """In evaluation the running mean is combined with the variance of the batch."""

    def running_statistics(self, x):
        return self.running_mean, self.var(x)


@mistake("5.4")
class BatchNorm(Layer):
    """In evaluation batch statistics serve whenever there is more than one sample: the answer still depends on the
    other samples of the batch."""

    def running_statistics(self, x):
        return self.batch_statistics(x) if len(x) > 1 else (self.running_mean, self.running_var)


@mistake("5.4")
class BatchNorm(Layer):
    """The mode is taken from torch.is_grad_enabled(). Gradients and mode are two switches: ask self.training."""

    def training_mode(self, x):
        return torch.is_grad_enabled() or not self.track_running_stats

    def track(self, x, mean, var):
        if torch.is_grad_enabled() and self.track_running_stats:
            self.num_batches_tracked += 1
            self.move(self.running_mean, mean.detach(), self.factor())
            self.move(self.running_var, self.tracked(var.detach(), x), self.factor())


@mistake("5.4")
class BatchNorm(Layer):
    """Evaluation moves the running statistics. They belong to training; evaluation reads them."""

    def running_statistics(self, x):
        mean, var = self.running_mean.clone(), self.running_var.clone()
        with torch.no_grad():
            self.move(self.running_mean, self.mean(x), 0.1)
            self.move(self.running_var, self.var(x), 0.1)
        return mean, var


@mistake("5.4")
class BatchNorm(Layer):
    """num_batches_tracked counts evaluations too."""

    def running_statistics(self, x):
        self.num_batches_tracked += 1
        return self.running_mean, self.running_var


# Running statistics
@mistake("5.4")
class BatchNorm(Layer):
    """The running statistics never move; evaluation normalises with 0 and 1."""

    def move(self, running, batch, momentum):
        pass


@mistake("5.4")
class BatchNorm(Layer):
    """Momentum is reversed: you keep `momentum` of the old statistics, as Keras does. Here it is the weight of the new batch."""

    def move(self, running, batch, momentum):
        super().move(running, batch, 1 - momentum)


@mistake("5.4")
class BatchNorm(Layer):
    """Momentum is ignored: 0.1 is written into the update."""

    def factor(self):
        return 1 / self.num_batches_tracked.item() if self.momentum is None else 0.1


@mistake("5.4", caught_by="test_momentum_none_is_the_average_of_all_batches")
class BatchNorm(Layer):
    """momentum=None is taken for 0.1. It stands for the plain average over all batches."""

    def factor(self):
        return 0.1 if self.momentum is None else self.momentum


@mistake("5.4", caught_by="test_momentum_is_the_weight_of_the_new_batch")
class BatchNorm(Layer):
    """momentum=0 is taken for None (`if not self.momentum`). Ask `is None`: with 0 the statistics stay where they are."""

    def factor(self):
        return self.momentum or 1 / self.num_batches_tracked.item()


@mistake("5.4")
class BatchNorm(Layer):
    """The cumulative average counts one batch too many: after counting this batch its weight is 1/n, not 1/(n + 1)."""

    def factor(self):
        return 1 / (self.num_batches_tracked.item() + 1) if self.momentum is None else self.momentum


@mistake("5.4")
class BatchNorm(Layer):
    """running_var takes in the biased variance. PyTorch stores the unbiased one, times m / (m - 1)."""

    def tracked(self, var, x):
        return var


@mistake("5.4")
class BatchNorm(Layer):
    """The correction of running_var uses the batch size. m counts all values of a channel, positions included."""

    def count(self, x):
        return len(x)


@mistake("5.4")
class BatchNorm(Layer):
    """Standard deviations are averaged, not variances."""

    def tracked(self, var, x):
        return super().tracked(var, x).sqrt()


@mistake("5.4")
class BatchNorm(Layer):
    """running_var starts at 0; it starts at 1."""

    def make_buffers(self, num_features):
        super().make_buffers(num_features)
        if self.track_running_stats:
            self.running_var.zero_()


@mistake("5.4")
class BatchNorm(Layer):
    """The first batch replaces the running statistics whole. They start at 0 and 1 and move by momentum from there."""

    def factor(self):
        return 1.0 if self.num_batches_tracked == 1 else super().factor()


@mistake("5.4")
class BatchNorm(Layer):
    """A sum without decay: the batch is added to the running statistics, and nothing of the old is taken away."""

    def move(self, running, batch, momentum):
        running += momentum * batch


@mistake("5.4")
class BatchNorm(Layer):
    """The statistics of x̂ are stored, after normalising: they are always 0 and about 1. Store those of x."""

    def track(self, x, mean, var):
        x_hat = self.normalise(x, mean, var).detach()
        super().track(x_hat, self.mean(x_hat), self.var(x_hat))


@mistake("5.4")
class BatchNorm(Layer):
    """In training the batch is normalised with the running statistics as they are after the update."""

    def forward(self, x):
        if not (self.training and self.track_running_stats):
            return super().forward(x)
        self.track(x, *self.batch_statistics(x))
        return self.scale_shift(self.normalise(x, self.running_mean.clone(), self.running_var.clone()))


@mistake("5.4")
class BatchNorm(Layer):
    """num_batches_tracked is never counted."""

    def track(self, x, mean, var):
        super().track(x, mean, var)
        if self.training and self.track_running_stats and self.momentum is not None:
            self.num_batches_tracked -= 1


@mistake("5.4")
class BatchNorm(Layer):
    """num_batches_tracked counts samples; it counts batches."""

    def track(self, x, mean, var):
        super().track(x, mean, var)
        if self.training and self.track_running_stats and self.momentum is not None:
            self.num_batches_tracked += len(x) - 1


@mistake("5.4", caught_by="test_parameters_and_buffers_are_those_of_pytorch")
class BatchNorm(Layer):
    """num_batches_tracked is a float. It is a whole number (torch.tensor(0)), or PyTorch's layer cannot take it over exactly."""

    def make_buffers(self, num_features):
        super().make_buffers(num_features)
        if self.track_running_stats:
            self.register_buffer("num_batches_tracked", torch.tensor(0.0))


@mistake("5.4", caught_by="test_state_goes_to_pytorch_and_back")
class BatchNorm(Layer):
    """num_batches_tracked is missing from the state dict."""

    def make_buffers(self, num_features):
        super().make_buffers(num_features)
        if self.track_running_stats:
            del self.num_batches_tracked
            self.num_batches_tracked = torch.tensor(0)


@mistake("5.4")
class BatchNorm(Layer):
    """Running statistics are plain attributes: they are not saved, not loaded and do not follow .to(). Use register_buffer."""

    def make_buffers(self, num_features):
        track = self.track_running_stats
        self.running_mean = torch.zeros(num_features, dtype=torch.float64) if track else None
        self.running_var = torch.ones(num_features, dtype=torch.float64) if track else None
        self.num_batches_tracked = torch.tensor(0) if track else None


@mistake("5.4")
class BatchNorm(Layer):
    """Running statistics are Parameters: the optimizer would move them. Use register_buffer."""

    def make_buffers(self, num_features):
        super().make_buffers(num_features)
        if self.track_running_stats:
            del self.running_mean, self.running_var
            self.running_mean = nn.Parameter(torch.zeros(num_features), requires_grad=False)
            self.running_var = nn.Parameter(torch.ones(num_features), requires_grad=False)


class Moving(Layer):
    """A right layer whose running statistics are called moving_mean and moving_var."""

    def make_buffers(self, num_features):
        super().make_buffers(num_features)
        mean, var, counter = (
            self._buffers.pop(name) for name in ("running_mean", "running_var", "num_batches_tracked")
        )
        self.register_buffer("moving_mean", mean)
        self.register_buffer("moving_var", var)
        self.register_buffer("num_batches_tracked", counter)

    def running_statistics(self, x):
        return self.moving_mean, self.moving_var

    def track(self, x, mean, var):
        if self.training and self.track_running_stats:
            self.count_batch()
            self.move(self.moving_mean, mean.detach(), self.factor())
            self.move(self.moving_var, self.tracked(var.detach(), x), self.factor())


class Uncounted:
    """For a layer that counts its batches without num_batches_tracked."""

    def make_buffers(self, num_features):
        super().make_buffers(num_features)
        del self._buffers["num_batches_tracked"]
        self.seen = 0

    def count_batch(self):
        self.seen += 1

    def factor(self):
        return 1 / self.seen if self.momentum is None else self.momentum


@mistake("5.4")
class BatchNorm(Moving):
    """The buffers are called moving_mean and moving_var; PyTorch's are called running_mean and running_var. The names are part of the state dict."""


@mistake("5.4")
class BatchNorm(Uncounted, Layer):
    """The buffer num_batches_tracked is missing. PyTorch's layer counts its training batches there, and keeps the counter in the state dict."""


@mistake("5.4")
class BatchNorm(Uncounted, Greek):
    """Two things keep this state dict from PyTorch's: the parameters are called gamma and beta instead of weight and bias, and the counter num_batches_tracked is missing."""


@mistake("5.4")
class BatchNorm(Greek, Moving):
    """The names are not PyTorch's: gamma and beta are called weight and bias there, moving_mean and moving_var are called running_mean and running_var."""


@mistake("5.4")
class BatchNorm(Uncounted, Greek, Moving):
    """The names are not PyTorch's: gamma, beta, moving_mean and moving_var are called weight, bias, running_mean and running_var there; and the counter num_batches_tracked is missing."""


@mistake("5.4")
class BatchNorm(Layer):
    """With affine=False the layer has no attributes weight and bias. They are there in PyTorch's layer, and are None."""

    def make_parameters(self, num_features):
        if self.affine:
            super().make_parameters(num_features)

    def scale_shift(self, x_hat):
        return super().scale_shift(x_hat) if self.affine else x_hat


@mistake("5.4")
class BatchNorm(Layer):
    """With track_running_stats=False the layer has no attributes running_mean, running_var and num_batches_tracked. They are there in PyTorch's layer, and are None."""

    def make_buffers(self, num_features):
        if self.track_running_stats:
            super().make_buffers(num_features)


@mistake("5.4", caught_by="test_layers_share_nothing")
class BatchNorm(Layer):
    """The buffers are made once for the class: all layers share their running statistics."""

    alive = weakref.WeakValueDictionary()

    def make_buffers(self, num_features):
        super().make_buffers(num_features)
        if self.track_running_stats:
            for name in ("running_mean", "running_var"):
                self._buffers[name] = self.alive.setdefault((name, num_features), self._buffers[name])


@mistake("5.4")
class BatchNorm(Layer):
    """track_running_stats=False is ignored: running statistics are kept and used."""

    def __init__(self, num_features, eps=1e-5, momentum=0.1, affine=True, track_running_stats=True):
        super().__init__(num_features, eps, momentum, affine, True)


@mistake("5.4", caught_by="test_without_tracking_batch_statistics_serve_both_modes")
class BatchNorm(Layer):
    """With track_running_stats=False evaluation normalises with 0 and 1. Without
    running statistics those of the batch are used.
    """

    def training_mode(self, x):
        return self.training

    def running_statistics(self, x):
        if self.track_running_stats:
            return self.running_mean, self.running_var
        return torch.zeros(x.shape[1], dtype=x.dtype), torch.ones(x.shape[1], dtype=x.dtype)


# Gradient
@mistake("5.4")
class BatchNorm(Layer):
    """Batch statistics are detached: the gradient treats mean and variance as constants."""

    def batch_statistics(self, x):
        return self.mean(x).detach(), self.var(x).detach()


@mistake("5.4")
class BatchNorm(Layer):
    """The variance is detached: its path is missing in the gradient."""

    def batch_statistics(self, x):
        return self.mean(x), self.var(x).detach()


@mistake("5.4")
class BatchNorm(Layer):
    """The mean is detached: its path is missing in the gradient."""

    def batch_statistics(self, x):
        mean = self.mean(x).detach()
        return mean, ((x - self.shaped(mean, x)) ** 2).mean(self.axes(x))


@mistake("5.4", caught_by="test_running_statistics_carry_no_history")
class BatchNorm(Layer):
    """The running statistics keep the gradient history of every batch: memory grows, and a second backward fails. Detach
    what enters them."""

    def track(self, x, mean, var):
        if self.training and self.track_running_stats:
            self.num_batches_tracked += 1
            momentum = self.factor()
            self.running_mean = (1 - momentum) * self.running_mean + momentum * mean
            self.running_var = (1 - momentum) * self.running_var + momentum * self.tracked(var, x)


@mistake("5.4")
class BatchNorm(Layer):
    """The graph is cut: the input goes through NumPy (or .data, or detach), and no gradient reaches it."""

    def normalise(self, x, mean, var):
        return super().normalise(x.detach(), mean.detach(), var.detach())


@mistake("5.4")
class BatchNorm(Layer):
    """The input is overwritten in place. Compute into a new tensor."""

    def normalise(self, x, mean, var):
        x_hat = super().normalise(x, mean, var)
        if not x.requires_grad:
            x.copy_(x_hat)
        return x_hat


@mistake("5.4")
class BatchNorm(nn.BatchNorm2d):
    """This is PyTorch's own layer under another name. Here you write it."""

    def _check_input_dim(self, x):
        pass


@mistake("5.4", caught_by="test_running_statistics_are_those_of_pytorch")
class BatchNorm(Layer):
    """For volumes m lacks the last axis, so the unbiased variance is off. m is `x.numel() // x.shape[1]`, whatever the shape."""

    def count(self, x):
        return len(x) * x[0, 0].numel() // (x.shape[4] if x.dim() == 5 else 1)


@mistake("5.4", caught_by="test_evaluation_uses_running_statistics_and_moves_nothing")
class BatchNorm(Layer):
    """A single sample is refused in evaluation too. Only statistics of a batch need more than one; there the running ones serve."""

    def forward(self, x):
        if len(x) == 1:
            raise ValueError("more than one sample is needed")
        return super().forward(x)


@mistake("5.4", caught_by="test_gradients_are_those_of_pytorch")
class BatchNorm(Layer):
    """Where running statistics are tracked, those of the batch are computed without gradients, and the output is normalised with them. Detach only what is stored."""

    def batch_statistics(self, x):
        with torch.set_grad_enabled(not self.track_running_stats):
            return super().batch_statistics(x)


@mistake("5.4", caught_by="test_the_mode_is_self_training")
class BatchNorm(Layer):
    """Without gradients the layer evaluates, even in training mode. `torch.no_grad()` does not change the mode; `self.training` is the mode."""

    def training_mode(self, x):
        return super().training_mode(x) and (torch.is_grad_enabled() or not self.track_running_stats)


@mistake("5.4")
class BatchNorm(Layer):
    """The input is made float32 (`x.float()`). After `layer.double()` float64 comes in, and keeps only seven digits so. Compute in the dtype that comes in."""

    def forward(self, x):
        return super().forward(x.float()).to(x.dtype)


@mistake("5.4")
class BatchNorm(Layer):
    """The axes (0, 2, 3) are written into the code. Let them follow from `x.dim()`: the number of spatial axes is free, and features have none."""

    def axes(self, x):
        return (0, 2, 3)

    def shaped(self, values, x):
        return values.view(1, -1, 1, 1)


@mistake("5.4")
class BatchNorm(Layer):
    """Everything is done as for features (N, C), over the batch alone. For images
    the statistics are taken over all positions too, and get the shape (C, 1, 1),
    like weight and bias.
    """

    def axes(self, x):
        return (0,)

    def shaped(self, values, x):
        return values

    def count(self, x):
        return len(x)


@mistake("5.4")
class BatchNorm(Layer):
    """`var` is unbiased unless you pass `unbiased=False`: it normalises, and running_var is corrected by m / (m - 1) once more."""

    def var(self, x):
        return x.var(self.axes(x))


@mistake("5.4")
class BatchNorm(Layer):
    """momentum=None is not handled: you compute with it as if it were a number. It
    stands for the plain average over all batches.
    """

    def factor(self):
        return 1 - (1 - self.momentum)


@mistake("5.4")
class BatchNorm(Layer):
    """running_mean and running_var are plain attributes: they are not saved, not loaded and do not follow .to() and .double(). Use register_buffer, as for the counter."""

    def make_buffers(self, num_features):
        super().make_buffers(num_features)
        if self.track_running_stats:
            mean, var = self._buffers.pop("running_mean"), self._buffers.pop("running_var")
            self.running_mean, self.running_var = mean, var

    def move(self, running, batch, momentum):
        pass

    def track(self, x, mean, var):
        super().track(x, mean, var)
        if self.training and self.track_running_stats:
            kept = 1 - self.factor()
            self.running_mean = kept * self.running_mean + self.factor() * mean.detach()
            self.running_var = kept * self.running_var + self.factor() * self.tracked(var.detach(), x)


@mistake("5.4")
class BatchNorm(Layer):
    """With track_running_stats=False you still calculate with running statistics,
    which are None then. Ask whether they are there: without them those of the batch
    are used in both modes.
    """

    def training_mode(self, x):
        return self.training

    def track(self, x, mean, var):
        if self.training:
            self.count_batch()
            self.move(self.running_mean, mean.detach(), self.factor())
            self.move(self.running_var, self.tracked(var.detach(), x), self.factor())


@mistake("5.4")
class BatchNorm(nn.Module):
    """Three things differ from PyTorch's layer: the names (weight, bias, running_mean, running_var and num_batches_tracked there), the mode (ask `self.training`, not whether gradients are recorded), and running_var, which takes in the unbiased variance."""

    def __init__(self, num_features, eps=1e-5, momentum=0.1, affine=True, track_running_stats=True):
        super().__init__()
        self.eps, self.momentum = eps, momentum
        self.gamma = nn.Parameter(torch.ones(num_features))
        self.beta = nn.Parameter(torch.zeros(num_features))
        self.register_buffer("moving_mean", torch.zeros(num_features))
        self.register_buffer("moving_var", torch.ones(num_features))

    def forward(self, x):
        shape = (-1, *[1] * (x.dim() - 2))
        mean, var = self.moving_mean, self.moving_var
        if torch.is_grad_enabled():
            axes = (0, *range(2, x.dim()))
            mean, var = x.mean(axes), x.var(axes, unbiased=False)
            self.moving_mean = (1.0 - self.momentum) * self.moving_mean + self.momentum * mean.detach()
            self.moving_var = (1.0 - self.momentum) * self.moving_var + self.momentum * var.detach()
        x_hat = (x - mean.view(shape)) / torch.sqrt(var.view(shape) + self.eps)
        return self.gamma.view(shape) * x_hat + self.beta.view(shape)


@mistake("5.4")
class BatchNorm(Layer):
    """Two slips: num_batches_tracked is never counted, and momentum=None is not
    handled. It stands for the plain average over all batches, which needs the
    counter.
    """

    def count_batch(self):
        pass

    def factor(self):
        return self.momentum


@mistake("5.4")
class BatchNorm(Layer):
    """Two slips: momentum=0 is taken for None (`self.momentum or ...`; ask `is None`), and the running statistics keep the gradient
    history of every batch (detach what enters them)."""

    def track(self, x, mean, var):
        if self.training and self.track_running_stats:
            self.num_batches_tracked += 1
            momentum = self.momentum or 1 / self.num_batches_tracked.item()
            self.running_mean = (1 - momentum) * self.running_mean + momentum * mean
            self.running_var = (1 - momentum) * self.running_var + momentum * self.tracked(var, x)
