"""Known wrong answers to 5.1 and 5.2, each with the sentence that helps. Those to 5.3 to 5.5 stand in the files beside."""

import numpy as np

from bncourse.checking import mistake


def axes_of(x):
    return (0, *range(2, x.ndim))


def shaped(values, x):
    return values.reshape(-1, *[1] * (x.ndim - 2))


# 5.1: one forward with its parts to exchange


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


@mistake("5.1")
def batchnorm_forward(x, gamma, beta, running_mean, running_var, *, training, momentum=0.1, eps=1e-5):
    """The running variance takes in the biased batch variance. PyTorch stores the unbiased one: times m / (m - 1)."""
    y, mean, _, cache = forward(x, gamma, beta, running_mean, running_var, training, momentum, eps)
    return y, mean, (1 - momentum) * running_var + momentum * x.var(axes_of(x)) if training else running_var, cache


@mistake("5.1")
def batchnorm_forward(x, gamma, beta, running_mean, running_var, *, training, momentum=0.1, eps=1e-5):
    """The unbiased variance normalises too. It is for the running variance only; x̂ is made with the biased one."""
    return forward(x, gamma, beta, running_mean, running_var, training, momentum, eps,
                   statistics=lambda x, mean, var, *_: (mean, x.var(axes_of(x), ddof=1)))  # fmt: skip


@mistake("5.1")
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


@mistake("5.1")
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
    """Batch statistics in both modes: at inference the answer depends on the company."""
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


@mistake("5.1")
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


@mistake("5.1")
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


@mistake("5.1")
def batchnorm_forward(x, gamma, beta, running_mean, running_var, *, training, momentum=0.1, eps=1e-5):
    """Only features (N, D) and images (N, C, H, W) are provided for. Let axes and shapes follow from x.ndim."""
    {2: 0, 4: (0, 2, 3)}[x.ndim]
    return forward(x, gamma, beta, running_mean, running_var, training, momentum, eps)


# 5.2: a backward needs a cache, so each mistake brings the forward that belongs to it through what it keeps


def parts(cache):
    """x_hat, gamma, var, eps from the cache of the reference forward."""
    return cache


def backward(dy, cache, mean_path=True, var_path=True, count=None):
    x_hat, gamma, var, eps = parts(cache)
    axes = axes_of(dy)
    m = dy.size // dy.shape[1] if count is None else count
    dgamma, dbeta = (dy * x_hat).sum(axes), dy.sum(axes)
    inner = dy - mean_path * shaped(dbeta, dy) / m - var_path * x_hat * shaped(dgamma, dy) / m
    return shaped(gamma / np.sqrt(var + eps), dy) * inner, dgamma, dbeta


@mistake("5.2")
def batchnorm_backward(dy, cache):
    """Mean and variance are treated as constants: dx is only γ/√(σ² + ε) · dy. Both depend on x."""
    return backward(dy, cache, False, False)


@mistake("5.2")
def batchnorm_backward(dy, cache):
    """The path through the variance is missing: the term x̂ · mean of dy·x̂."""
    return backward(dy, cache, var_path=False)


@mistake("5.2")
def batchnorm_backward(dy, cache):
    """The path through the mean is missing: the term with the mean of dy."""
    return backward(dy, cache, mean_path=False)


@mistake("5.2")
def batchnorm_backward(dy, cache):
    """Sums are divided by √m where m belongs."""
    return backward(dy, cache, count=np.sqrt(dy.size // dy.shape[1]))


@mistake("5.2")
def batchnorm_backward(dy, cache):
    """Sums are divided by the batch size. m counts all values behind a statistic, pixels included."""
    return backward(dy, cache, count=len(dy))


@mistake("5.2")
def batchnorm_backward(dy, cache):
    """Sums are divided by m - 1. The forward normalises with the biased variance, so m it is."""
    return backward(dy, cache, count=dy.size // dy.shape[1] - 1)


@mistake("5.2")
def batchnorm_backward(dy, cache):
    """Sums are not divided by m."""
    return backward(dy, cache, count=1)


@mistake("5.2")
def batchnorm_backward(dy, cache):
    """The terms of mean and variance are added; both are subtracted."""
    return backward(dy, cache, -1, -1)


@mistake("5.2")
def batchnorm_backward(dy, cache):
    """γ is missing in dx: what reaches x̂ is γ · dy."""
    dx, dgamma, dbeta = backward(dy, cache)
    return dx / shaped(cache[1], dy), dgamma, dbeta


@mistake("5.2")
def batchnorm_backward(dy, cache):
    """The division by √(σ² + ε) is missing in dx."""
    x_hat, gamma, var, eps = cache
    dx, dgamma, dbeta = backward(dy, cache)
    return dx * shaped(np.sqrt(var + eps), dy), dgamma, dbeta


@mistake("5.2")
def batchnorm_backward(dy, cache):
    """ε is missing in the backward: it divides by σ where the forward divided by √(σ² + ε)."""
    x_hat, gamma, var, eps = cache
    with np.errstate(all="ignore"):
        return backward(dy, (x_hat, gamma, var, 0.0))


@mistake("5.2")
def batchnorm_backward(dy, cache):
    """dγ and dβ are means over the batch; they are sums."""
    dx, dgamma, dbeta = backward(dy, cache)
    m = dy.size // dy.shape[1]
    return dx, dgamma / m, dbeta / m


@mistake("5.2")
def batchnorm_backward(dy, cache):
    """dγ is the sum of dy alone; it is the sum of dy · x̂."""
    dx, _, dbeta = backward(dy, cache)
    return dx, dbeta.copy(), dbeta


@mistake("5.2")
def batchnorm_backward(dy, cache):
    """dγ and dβ have changed places."""
    dx, dgamma, dbeta = backward(dy, cache)
    return dx, dbeta, dgamma


@mistake("5.2")
def batchnorm_backward(dy, cache):
    """dγ holds γ once more: what multiplies γ in the forward is x̂ alone."""
    dx, dgamma, dbeta = backward(dy, cache)
    return dx, dgamma * cache[1], dbeta


@mistake("5.2")
def batchnorm_backward(dy, cache):
    """dγ and dβ are summed over the batch alone: for images the pixels must be summed too."""
    dx, _, _ = backward(dy, cache)
    return dx, (dy * cache[0]).sum(0), dy.sum(0)


@mistake("5.2")
def batchnorm_backward(dy, cache):
    """dy is overwritten (`dy -= ...`). Compute into a new array."""
    dx, dgamma, dbeta = backward(dy, cache)
    dy -= shaped(dbeta, dy) / (dy.size // dy.shape[1])
    return dx, dgamma, dbeta
