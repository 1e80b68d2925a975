"""Known wrong answers to exercise 5.1, each with the sentence that helps."""

import numpy as np

from bncourse.checking import mistake


def axes_of(x):
    return (0, *range(2, x.ndim))


def shaped(values, x):
    return values.reshape(-1, *[1] * (x.ndim - 2))


def forward(
    x,
    gamma,
    beta,
    running_mean,
    running_var,
    training,
    momentum,
    eps,
    *,
    statistics=None,
    store=None,
    root=None,
    affine=None,
):
    axes = axes_of(x)
    m = x.size // x.shape[1]
    mean, var = x.mean(axes), x.var(axes)
    if training:
        used = (mean, var) if statistics is None else statistics(x, mean, var, running_mean, running_var)
        store = store or (lambda old, new: (1 - momentum) * old + momentum * new)
        running_mean, running_var = store(running_mean, mean), store(running_var, var * m / (m - 1))
    else:
        used = running_mean, running_var
    mean, var = (shaped(one, x) for one in used)
    x_hat = (x - mean) / (np.sqrt(var + eps) if root is None else root(var, eps))
    y = shaped(gamma, x) * x_hat + shaped(beta, x) if affine is None else affine(x_hat)
    return y, running_mean, running_var, None


def shaped_by_hand(x, gamma, beta, running_mean, running_var, training, momentum, eps, axes, shape):
    """The forward with axes and shape of the statistics as they are given, for better or worse."""
    mean, var = running_mean, running_var
    if training:
        mean, var = x.mean(axes), x.var(axes)
        running_mean = (1 - momentum) * running_mean + momentum * mean
        m = x.size // x.shape[1]
        running_var = (1 - momentum) * running_var + momentum * var * m / (m - 1)
    x_hat = (x - mean.reshape(shape)) / np.sqrt(var.reshape(shape) + eps)
    return gamma.reshape(shape) * x_hat + beta.reshape(shape), running_mean, running_var, None


@mistake("5.1", caught_by="test_four_numbers_in_training")
def batchnorm_forward(x, gamma, beta, running_mean, running_var, *, training, momentum=0.1, eps=1e-5):
    """The running variance takes in the biased batch variance. PyTorch stores the unbiased one: times m / (m - 1)."""
    y, mean, _, cache = forward(x, gamma, beta, running_mean, running_var, training, momentum, eps)
    return y, mean, (1 - momentum) * running_var + momentum * x.var(axes_of(x)) if training else running_var, cache


@mistake("5.1")
def batchnorm_forward(x, gamma, beta, running_mean, running_var, *, training, momentum=0.1, eps=1e-5):
    """The unbiased variance normalises too. It is for the running variance only; x̂ is made with the biased one."""
    return forward(x, gamma, beta, running_mean, running_var, training, momentum, eps,
                   statistics=lambda x, mean, var, *_: (mean, x.var(axes_of(x), ddof=1)))  # fmt: skip


@mistake("5.1", caught_by="test_any_shape_strided_too")
def batchnorm_forward(x, gamma, beta, running_mean, running_var, *, training, momentum=0.1, eps=1e-5):
    """The correction of the running variance uses the batch size. m counts all values of a channel, pixels included."""
    y, mean, var, cache = forward(x, gamma, beta, running_mean, running_var, training, momentum, eps)
    if training:
        var = (1 - momentum) * running_var + momentum * x.var(axes_of(x)) * len(x) / (len(x) - 1)
    return y, mean, var, cache


@mistake("5.1")
def batchnorm_forward(x, gamma, beta, running_mean, running_var, *, training, momentum=0.1, eps=1e-5):
    """Momentum is reversed: you keep `momentum` of the old statistics, as Keras does. Here it is the weight of the new."""
    return forward(x, gamma, beta, running_mean, running_var, training, momentum, eps,
                   store=lambda old, new: momentum * old + (1 - momentum) * new)  # fmt: skip


@mistake("5.1")
def batchnorm_forward(x, gamma, beta, running_mean, running_var, *, training, momentum=0.1, eps=1e-5):
    """Momentum is ignored: 0.1 is written into the update."""
    return forward(x, gamma, beta, running_mean, running_var, training, 0.1, eps)


@mistake("5.1", caught_by="test_momentum_is_a_tenth_unless_given")
def batchnorm_forward(x, gamma, beta, running_mean, running_var, *, training, momentum=0.01, eps=1e-5):
    """Momentum is 0.01 unless given, the counterpart of Keras's 0.99; PyTorch's is 0.1."""
    return forward(x, gamma, beta, running_mean, running_var, training, momentum, eps)


@mistake("5.1")
def batchnorm_forward(x, gamma, beta, running_mean, running_var, *, training, momentum=0.1, eps=1e-5):
    """The running statistics never move: training returns them as they came."""
    y, *_ = forward(x, gamma, beta, running_mean, running_var, training, momentum, eps)
    return y, running_mean, running_var, None


@mistake("5.1")
def batchnorm_forward(x, gamma, beta, running_mean, running_var, *, training, momentum=0.1, eps=1e-5):
    """Inference moves the running statistics. They belong to training; inference reads them."""
    _, mean, var, _ = forward(x, gamma, beta, running_mean, running_var, True, momentum, eps)
    return forward(x, gamma, beta, running_mean, running_var, training, momentum, eps)[0], mean, var, None


@mistake("5.1")
def batchnorm_forward(x, gamma, beta, running_mean, running_var, *, training, momentum=0.1, eps=1e-5):
    """The running statistics are changed in place (`running_mean += ...`): the caller's arrays are overwritten."""
    y, mean, var, cache = forward(x, gamma, beta, running_mean, running_var, training, momentum, eps)
    running_mean[...], running_var[...] = mean, var
    return y, running_mean, running_var, cache


@mistake("5.1")
def batchnorm_forward(x, gamma, beta, running_mean, running_var, *, training, momentum=0.1, eps=1e-5):
    """A sum without decay: the batch is added to the running statistics, and nothing of the old is taken away."""
    return forward(x, gamma, beta, running_mean, running_var, training, momentum, eps,
                   store=lambda old, new: old + momentum * new)  # fmt: skip


@mistake("5.1")
def batchnorm_forward(x, gamma, beta, running_mean, running_var, *, training, momentum=0.1, eps=1e-5):
    """Standard deviations are averaged, not variances."""
    y, mean, _, cache = forward(x, gamma, beta, running_mean, running_var, training, momentum, eps)
    if training:
        running_var = (1 - momentum) * running_var + momentum * x.std(axes_of(x), ddof=1)
    return y, mean, running_var, cache


@mistake("5.1")
def batchnorm_forward(x, gamma, beta, running_mean, running_var, *, training, momentum=0.1, eps=1e-5):
    """Batch statistics in both modes: at inference the answer depends on the other samples of the batch."""
    y, *_ = forward(x, gamma, beta, running_mean, running_var, True, momentum, eps)
    return y, *forward(x, gamma, beta, running_mean, running_var, training, momentum, eps)[1:]


@mistake("5.1")
def batchnorm_forward(x, gamma, beta, running_mean, running_var, *, training, momentum=0.1, eps=1e-5):
    """Running statistics in both modes: in training the batch itself is never normalised."""
    y, *_ = forward(x, gamma, beta, running_mean, running_var, False, momentum, eps)
    return y, *forward(x, gamma, beta, running_mean, running_var, training, momentum, eps)[1:]


@mistake("5.1")
def batchnorm_forward(x, gamma, beta, running_mean, running_var, *, training, momentum=0.1, eps=1e-5):
    """In training the batch is normalised with the running statistics as they are after the update, not with its own."""
    _, mean, var, _ = forward(x, gamma, beta, running_mean, running_var, training, momentum, eps)
    return forward(x, gamma, beta, mean, var, False, momentum, eps)[0], mean, var, None


@mistake("5.1")
def batchnorm_forward(x, gamma, beta, running_mean, running_var, *, training, momentum=0.1, eps=1e-5):
    """In training the running mean stands with the variance of the batch."""
    return forward(x, gamma, beta, running_mean, running_var, training, momentum, eps,
                   statistics=lambda x, mean, var, running_mean, running_var: (running_mean, var))  # fmt: skip


@mistake("5.1")
def batchnorm_forward(x, gamma, beta, running_mean, running_var, *, training, momentum=0.1, eps=1e-5):
    """The statistics of x̂ are stored, after normalising: they are always 0 and about 1. Store those of x."""
    y, *_ = forward(x, gamma, beta, running_mean, running_var, training, momentum, eps)
    if training:
        axes = axes_of(x)
        x_hat = (x - shaped(x.mean(axes), x)) / np.sqrt(shaped(x.var(axes), x) + eps)
        _, running_mean, running_var, _ = forward(x_hat, gamma, beta, running_mean, running_var, True, momentum, eps)
    return y, running_mean, running_var, None


@mistake("5.1")
def batchnorm_forward(x, gamma, beta, running_mean, running_var, *, training, momentum=0.1, eps=1e-5):
    """ε stands outside the root: you divide by √σ² + ε instead of √(σ² + ε)."""
    return forward(
        x, gamma, beta, running_mean, running_var, training, momentum, eps, root=lambda var, eps: np.sqrt(var) + eps
    )


@mistake("5.1")
def batchnorm_forward(x, gamma, beta, running_mean, running_var, *, training, momentum=0.1, eps=1e-5):
    """ε is missing: a channel that does not vary is divided by 0."""
    return forward(
        x, gamma, beta, running_mean, running_var, training, momentum, eps, root=lambda var, eps: np.sqrt(var)
    )


@mistake("5.1", caught_by="test_eps_is_under_the_root_in_both_modes")
def batchnorm_forward(x, gamma, beta, running_mean, running_var, *, training, momentum=0.1, eps=1e-5):
    """The argument ε is ignored: 1e-5 is written into the formula."""
    return forward(x, gamma, beta, running_mean, running_var, training, momentum, 1e-5)


@mistake("5.1")
def batchnorm_forward(x, gamma, beta, running_mean, running_var, *, training, momentum=0.1, eps=1e-3):
    """ε is 1e-3 unless given. That is the habit of Keras; here it is 1e-5, as in PyTorch."""
    return forward(x, gamma, beta, running_mean, running_var, training, momentum, eps)


@mistake("5.1")
def batchnorm_forward(x, gamma, beta, running_mean, running_var, *, training, momentum=0.1, eps=1e-5):
    """The square root is missing: you divide by the variance."""
    return forward(x, gamma, beta, running_mean, running_var, training, momentum, eps, root=lambda var, eps: var + eps)


@mistake("5.1")
def batchnorm_forward(x, gamma, beta, running_mean, running_var, *, training, momentum=0.1, eps=1e-5):
    """γ is not used: the normalised values are shifted but not scaled."""
    return forward(
        x, gamma, beta, running_mean, running_var, training, momentum, eps, affine=lambda h: h + shaped(beta, x)
    )


@mistake("5.1")
def batchnorm_forward(x, gamma, beta, running_mean, running_var, *, training, momentum=0.1, eps=1e-5):
    """β is not used: the normalised values are scaled but not shifted."""
    return forward(
        x, gamma, beta, running_mean, running_var, training, momentum, eps, affine=lambda h: shaped(gamma, x) * h
    )


@mistake("5.1")
def batchnorm_forward(x, gamma, beta, running_mean, running_var, *, training, momentum=0.1, eps=1e-5):
    """γ and β have changed places."""
    return forward(x, beta, gamma, running_mean, running_var, training, momentum, eps)


@mistake("5.1")
def batchnorm_forward(x, gamma, beta, running_mean, running_var, *, training, momentum=0.1, eps=1e-5):
    """β is scaled too: γ(x̂ + β) instead of γx̂ + β."""
    return forward(x, gamma, gamma * beta, running_mean, running_var, training, momentum, eps)


@mistake("5.1")
def batchnorm_forward(x, gamma, beta, running_mean, running_var, *, training, momentum=0.1, eps=1e-5):
    """γ and β are left out at inference. They are part of the layer in both modes."""
    affine = None if training else (lambda h: h)
    return forward(x, gamma, beta, running_mean, running_var, training, momentum, eps, affine=affine)


@mistake("5.1", caught_by="test_forward_survives_a_large_mean_in_float32")
def batchnorm_forward(x, gamma, beta, running_mean, running_var, *, training, momentum=0.1, eps=1e-5):
    """The variance is the mean of squares minus the square of the mean, in the data's precision: with a large mean two huge
    numbers cancel. Subtract the mean first, then square."""
    axes = axes_of(x)
    mean = x.mean(axes)
    var = np.maximum((x * x).mean(axes) - mean * mean, 0)
    m = x.size // x.shape[1]
    y, new_mean, _, cache = forward(x, gamma, beta, running_mean, running_var, training, momentum, eps,
                                    statistics=lambda *_: (mean, var))  # fmt: skip
    return y, new_mean, (1 - momentum) * running_var + momentum * var * m / (m - 1) if training else running_var, cache


@mistake("5.1", caught_by="test_training_uses_batch_statistics")
def batchnorm_forward(x, gamma, beta, running_mean, running_var, *, training, momentum=0.1, eps=1e-5):
    """Only features (N, D) and images (N, C, H, W) are handled. Let axes and shapes follow from x.ndim."""
    axes, shape = (0, (1, -1)) if x.ndim == 2 else ((0, 2, 3), (1, -1, 1, 1))
    return shaped_by_hand(x, gamma, beta, running_mean, running_var, training, momentum, eps, axes, shape)


@mistake("5.1", caught_by="test_running_statistics_move_by_momentum_to_the_unbiased_variance")
def batchnorm_forward(x, gamma, beta, running_mean, running_var, training, momentum=0.1, eps=1e-5):
    """`momentum or 0.1` replaces a momentum of 0 by the default: 0 is false in Python, and it asks for running statistics that stay."""
    return forward(x, gamma, beta, running_mean, running_var, training, momentum or 0.1, eps)


@mistake("5.1", caught_by="test_inference_uses_running_statistics_and_moves_nothing")
def batchnorm_forward(x, gamma, beta, running_mean, running_var, training, momentum=0.1, eps=1e-5):
    """A batch of one is refused at inference too. Only statistics of a batch need more than one; here the running ones serve."""
    if len(x) == 1:
        raise ValueError("more than one sample is needed")
    return forward(x, gamma, beta, running_mean, running_var, training, momentum, eps)


@mistake("5.1")
def batchnorm_forward(x, gamma, beta, running_mean, running_var, *, training, momentum=0.1, eps=1e-5):
    """`eps or 1e-5` replaces an ε of 0 by the default: 0 is false in Python, and an ε that the caller may ask for."""
    return forward(x, gamma, beta, running_mean, running_var, training, momentum, eps or 1e-5)


@mistake("5.1")
def batchnorm_forward(x, gamma, beta, running_mean, running_var, *, training, momentum=0.1, eps=1e-5):
    """float64 data are made float32 (`astype(np.float32)`), which keeps only seven digits of them. Compute in the precision that comes in."""
    x = x.astype(np.float32)
    return forward(x, gamma, beta, running_mean, running_var, training, momentum, eps)


@mistake("5.1")
def batchnorm_forward(x, gamma, beta, running_mean, running_var, *, training, momentum=0.1, eps=1e-5):
    """The new running statistics are rows of shape (1, C), as `keepdims=True` makes them. They came as (C,), and go back as (C,)."""
    y, mean, var, cache = forward(x, gamma, beta, running_mean, running_var, training, momentum, eps)
    return (y, mean[None], var[None], cache) if training else (y, mean, var, cache)


@mistake("5.1")
def batchnorm_forward(x, gamma, beta, running_mean, running_var, *, training, momentum=0.1, eps=1e-5):
    """With `keepdims=True` the batch statistics have the shape (1, C, 1, 1) for images. Added to the running ones, (C,), they give an array of another shape: bring them to (C,) first."""
    y, mean, var, cache = forward(x, gamma, beta, running_mean, running_var, training, momentum, eps)
    if training:
        axes, m = axes_of(x), x.size // x.shape[1]
        mean = (1 - momentum) * running_mean + momentum * x.mean(axes, keepdims=True)
        var = (1 - momentum) * running_var + momentum * x.var(axes, keepdims=True) * m / (m - 1)
    return y, mean, var, cache


@mistake("5.1")
def batchnorm_forward(x, gamma, beta, running_mean, running_var, *, training, momentum=0.1, eps=1e-5):
    """`x.reshape(-1, C)` takes neighbouring pixels for channels. Move axis 1 to the end first, with `np.moveaxis(x, 1, -1)`."""
    rows = x.reshape(-1, x.shape[1])
    y, mean, var, cache = forward(rows, gamma, beta, running_mean, running_var, training, momentum, eps)
    return y.reshape(x.shape), mean, var, cache


@mistake("5.1")
def batchnorm_forward(x, gamma, beta, running_mean, running_var, *, training, momentum=0.1, eps=1e-5):
    """All is done as for features (N, D): the statistics are taken over the batch alone. For images they are taken over the batch and all pixels, and γ, β and the statistics get the shape (C, 1, 1)."""
    mean, var, m = running_mean, running_var, len(x)
    if training:
        mean, var = x.mean(0), x.var(0)
        running_mean = (1 - momentum) * running_mean + momentum * mean
        running_var = (1 - momentum) * running_var + momentum * var * m / (m - 1)
    return gamma * (x - mean) / np.sqrt(var + eps) + beta, running_mean, running_var, None


@mistake("5.1")
def batchnorm_forward(x, gamma, beta, running_mean, running_var, *, training, momentum=0.1, eps=1e-5):
    """All is done as for features (N, D), over the batch alone, and the running variance takes in the biased variance. Images are averaged over all pixels too, and what is stored is divided by m - 1."""
    mean, var = running_mean, running_var
    if training:
        mean, var = x.mean(0), x.var(0)
        running_mean = (1 - momentum) * running_mean + momentum * mean
        running_var = (1 - momentum) * running_var + momentum * var
    return gamma * (x - mean) / np.sqrt(var + eps) + beta, running_mean, running_var, None


@mistake("5.1")
def batchnorm_forward(x, gamma, beta, running_mean, running_var, *, training, momentum=0.1, eps=1e-5):
    """Two slips in the running statistics: `momentum` is the weight of the new batch, not of the old statistics, and the variance that is stored is the unbiased one, divided by m - 1."""
    y, mean, var, cache = forward(x, gamma, beta, running_mean, running_var, training, momentum, eps,
                                  store=lambda old, new: momentum * old + (1 - momentum) * new)  # fmt: skip
    return y, mean, momentum * running_var + (1 - momentum) * x.var(axes_of(x)) if training else var, cache


@mistake("5.1")
def batchnorm_forward(x, gamma, beta, running_mean, running_var, *, training, momentum=0.1, eps=1e-5):
    """The axes (0, 2, 3) are written into the code. Let them follow from `x.ndim`: the number of spatial axes is free, and features have none."""
    axes, shape = (0, 2, 3), (1, -1, 1, 1)
    return shaped_by_hand(x, gamma, beta, running_mean, running_var, training, momentum, eps, axes, shape)


@mistake("5.1")
def batchnorm_forward(x, gamma, beta, running_mean, running_var, *, training, momentum=0.1, eps=1e-5):
    """x̂ is right, but γ and β are laid against the last axis of it. Channels stand on axis 1: reshape them to (C, 1, 1) for images, as the statistics."""
    return forward(
        x, gamma, beta, running_mean, running_var, training, momentum, eps, affine=lambda x_hat: gamma * x_hat + beta
    )


@mistake("5.1")
def batchnorm_forward(x, gamma, beta, running_mean, running_var, *, training, momentum=0.1, eps=1e-5):
    """`[:, None, None]` gives γ, β and the statistics the shape (C, 1, 1), which fits images alone. Use as many ones as x has spatial axes."""
    shape = (-1, 1, 1)
    return shaped_by_hand(x, gamma, beta, running_mean, running_var, training, momentum, eps, axes_of(x), shape)


@mistake("5.1")
def batchnorm_forward(x, gamma, beta, running_mean, running_var, *, training, momentum=0.1, eps=1e-5):
    """At inference you return three results. There are four in both modes; where nothing must be kept, the cache is
    None."""
    results = forward(x, gamma, beta, running_mean, running_var, training, momentum, eps)
    return results if training else results[:3]
