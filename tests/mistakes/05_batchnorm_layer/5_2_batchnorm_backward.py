"""Known wrong answers to exercise 5.2, each with the sentence that helps."""

import numpy as np

from bncourse.checking import mistake


def reads_batch(backward):
    """Mark a mistake that takes x, gamma and eps in place of a cache, since everybody's cache is another one."""
    backward.reads_batch = True
    return backward


def axes_of(x):
    return (0, *range(2, x.ndim))


def shaped(values, x):
    return values.reshape(-1, *[1] * (x.ndim - 2))


def parts(cache):
    """x_hat, gamma, var, eps from what a mistake gets for a cache: x, gamma, eps."""
    x, gamma, eps = cache
    axes = axes_of(x)
    x_hat = (x - x.mean(axes, keepdims=True)) / np.sqrt(x.var(axes, keepdims=True) + eps)
    return x_hat, gamma, x.var(axes), eps


def backward(dy, cache, mean_path=True, var_path=True, count=None, root=None):
    x_hat, gamma, var, eps = parts(cache)
    axes = axes_of(dy)
    m = dy.size // dy.shape[1] if count is None else count
    dgamma, dbeta = (dy * x_hat).sum(axes), dy.sum(axes)
    inner = dy - mean_path * shaped(dbeta, dy) / m - var_path * x_hat * shaped(dgamma, dy) / m
    divisor = np.sqrt(var + eps) if root is None else root(var, eps)
    return shaped(gamma / divisor, dy) * inner, dgamma, dbeta


@mistake("5.2")
@reads_batch
def batchnorm_backward(dy, cache):
    """Mean and variance are treated as constants: dx is only γ/√(σ² + ε) · dy. Both depend on x."""
    return backward(dy, cache, False, False)


@mistake("5.2", caught_by="test_the_cache_belongs_to_its_forward")
@reads_batch
def batchnorm_backward(dy, cache):
    """The path through the variance is missing: the term x̂ · mean of dy·x̂."""
    return backward(dy, cache, var_path=False)


@mistake("5.2")
@reads_batch
def batchnorm_backward(dy, cache):
    """The path through the mean is missing: the term with the mean of dy."""
    return backward(dy, cache, mean_path=False)


@mistake("5.2")
@reads_batch
def batchnorm_backward(dy, cache):
    """Sums are divided by √m where m belongs."""
    return backward(dy, cache, count=np.sqrt(dy.size // dy.shape[1]))


@mistake("5.2", caught_by="test_gradients_for_strided_arrays")
@reads_batch
def batchnorm_backward(dy, cache):
    """Sums are divided by the batch size. m counts all values behind a statistic, pixels included."""
    return backward(dy, cache, count=len(dy))


@mistake("5.2")
@reads_batch
def batchnorm_backward(dy, cache):
    """Sums are divided by m - 1. The forward normalises with the biased variance, so m it is."""
    return backward(dy, cache, count=dy.size // dy.shape[1] - 1)


@mistake("5.2")
@reads_batch
def batchnorm_backward(dy, cache):
    """Sums are not divided by m."""
    return backward(dy, cache, count=1)


@mistake("5.2")
@reads_batch
def batchnorm_backward(dy, cache):
    """The terms of mean and variance are added; both are subtracted."""
    return backward(dy, cache, -1, -1)


@mistake("5.2")
@reads_batch
def batchnorm_backward(dy, cache):
    """γ is missing in dx: what reaches x̂ is γ · dy."""
    dx, dgamma, dbeta = backward(dy, cache)
    return dx / shaped(cache[1], dy), dgamma, dbeta


@mistake("5.2")
@reads_batch
def batchnorm_backward(dy, cache):
    """The division by √(σ² + ε) is missing in dx."""
    _, _, var, eps = parts(cache)
    dx, dgamma, dbeta = backward(dy, cache)
    return dx * shaped(np.sqrt(var + eps), dy), dgamma, dbeta


@mistake("5.2")
@reads_batch
def batchnorm_backward(dy, cache):
    """ε is missing in the backward: it divides by σ where the forward divided by √(σ² + ε)."""
    with np.errstate(all="ignore"):
        return backward(dy, cache, root=lambda var, eps: np.sqrt(var))


@mistake("5.2")
@reads_batch
def batchnorm_backward(dy, cache):
    """dγ and dβ are means over the batch; they are sums."""
    dx, dgamma, dbeta = backward(dy, cache)
    m = dy.size // dy.shape[1]
    return dx, dgamma / m, dbeta / m


@mistake("5.2")
@reads_batch
def batchnorm_backward(dy, cache):
    """dγ is the sum of dy alone; it is the sum of dy · x̂."""
    dx, _, dbeta = backward(dy, cache)
    return dx, dbeta.copy(), dbeta


@mistake("5.2")
@reads_batch
def batchnorm_backward(dy, cache):
    """dγ and dβ have changed places."""
    dx, dgamma, dbeta = backward(dy, cache)
    return dx, dbeta, dgamma


@mistake("5.2", caught_by="test_gradients_of_one_feature")
@reads_batch
def batchnorm_backward(dy, cache):
    """dγ holds γ once more: what multiplies γ in the forward is x̂ alone."""
    dx, dgamma, dbeta = backward(dy, cache)
    return dx, dgamma * cache[1], dbeta


@mistake("5.2", caught_by="test_gradients_in_every_shape")
@reads_batch
def batchnorm_backward(dy, cache):
    """dγ and dβ are summed over the batch alone: for images the pixels must be summed too."""
    dx, _, _ = backward(dy, cache)
    return dx, (dy * parts(cache)[0]).sum(0), dy.sum(0)


@mistake("5.2")
@reads_batch
def batchnorm_backward(dy, cache):
    """dy is overwritten (`dy -= ...`). Compute into a new array."""
    dx, dgamma, dbeta = backward(dy, cache)
    dy -= shaped(dbeta, dy) / (dy.size // dy.shape[1])
    return dx, dgamma, dbeta


@mistake("5.2", caught_by="test_gradients_where_x_hat_is_zero")
@reads_batch
def batchnorm_backward(dy, cache):
    """A channel of variance 0 gets no dx. With ε under the root it has one: its numbers could still move apart."""
    dx, dgamma, dbeta = backward(dy, cache)
    return np.where(shaped(parts(cache)[2], dy) > 0, dx, 0), dgamma, dbeta


@mistake("5.2", caught_by="test_gradients_with_a_large_eps")
@reads_batch
def batchnorm_backward(dy, cache):
    """1e-5 is written into the backward. The ε of the forward belongs there: put it in the cache."""
    return backward(dy, cache, root=lambda var, eps: np.sqrt(var + 1e-5))


@mistake("5.2")
@reads_batch
def batchnorm_backward(dy, cache):
    """The backward changes what is in the cache (`x_hat *= ...`), or takes it out: a second backward with the same cache gives other gradients, or fails. Compute into new arrays."""
    gradients = backward(dy, cache)
    cache[0][...] = 0
    return gradients


@mistake("5.2")
@reads_batch
def batchnorm_backward(dy, cache):
    """dγ and dβ keep axes of length 1, as `keepdims=True` leaves them. They have the shape of γ and β, (C,)."""
    dx, dgamma, dbeta = backward(dy, cache)
    return dx, dgamma[None], dbeta[None]


@mistake("5.2")
@reads_batch
def batchnorm_backward(dy, cache):
    """`reshape(-1, C)` takes neighbouring pixels for channels. Move axis 1 to the end first, with `np.moveaxis(dy, 1, -1)`."""
    x, gamma, eps = cache
    dx, dgamma, dbeta = backward(dy.reshape(-1, len(gamma)), (x.reshape(-1, len(gamma)), gamma, eps))
    return dx.reshape(dy.shape), dgamma, dbeta


@mistake("5.2")
@reads_batch
def batchnorm_backward(dy, cache):
    """`reshape(-1, C)` of dy takes neighbouring pixels for channels, while x̂ has its channels in place. Move axis 1 of dy to the end first, with `np.moveaxis(dy, 1, -1)`."""
    x, gamma, eps = cache
    rows = lambda values: np.moveaxis(values, 1, -1).reshape(-1, len(gamma))
    dx, dgamma, dbeta = backward(dy.reshape(-1, len(gamma)), (rows(x), gamma, eps))
    return dx.reshape(dy.shape), dgamma, dbeta


@mistake("5.2")
@reads_batch
def batchnorm_backward(dy, cache):
    """`/ N * H * W` divides by N and multiplies by H and W. Write `/ (N * H * W)`."""
    return backward(dy, cache, count=len(dy) / dy[0, 0].size)


@mistake("5.2")
@reads_batch
def batchnorm_backward(dy, cache):
    """In the path through the variance, `2 / N * H * W` divides by N and multiplies by H and W. Write `2 / (N * H * W)`."""
    return backward(dy, cache, var_path=dy[0, 0].size ** 2)


@mistake("5.2")
@reads_batch
def batchnorm_backward(dy, cache):
    """This is the gradient of (x - μ) / (σ + ε), with ε outside the root. The forward is (x - μ) / √(σ² + ε)."""
    x, gamma, eps = cache
    axes, m = axes_of(x), x.size // x.shape[1]
    centred = x - x.mean(axes, keepdims=True)
    divisor = x.std(axes, keepdims=True) + eps
    dx_hat = dy * shaped(gamma, dy)
    ddivisor = -(dx_hat * centred).sum(axes, keepdims=True) / divisor**2
    dcentred = dx_hat / divisor + ddivisor * centred / (m * np.maximum(divisor - eps, 1e-300))
    return dcentred - dcentred.mean(axes, keepdims=True), (dy * centred / divisor).sum(axes), dy.sum(axes)


@mistake("5.2")
@reads_batch
def batchnorm_backward(dy, cache):
    """All is done as for features (N, D), over the batch alone. For images sums and means run over all pixels too, and what belongs to a channel gets the shape (C, 1, 1)."""
    x, gamma, eps = cache
    x_hat = (x - x.mean(0)) / np.sqrt(x.var(0) + eps)
    inner = dy - dy.mean(0) - x_hat * (dy * x_hat).mean(0)
    return gamma / np.sqrt(x.var(0) + eps) * inner, (dy * x_hat).sum(0), dy.sum(0)


@mistake("5.2")
@reads_batch
def batchnorm_backward(dy, cache):
    """The sums in dx hold γ · dy, and the result is multiplied by γ once more."""
    x_hat, gamma, var, eps = parts(cache)
    dx, _, _ = backward(shaped(gamma, dy) * dy, cache)
    return dx, (dy * x_hat).sum(axes_of(dy)), dy.sum(axes_of(dy))


@mistake("5.2")
@reads_batch
def batchnorm_backward(dy, cache):
    """The sign of the path through the variance is plus in your dx. The derivative of 1/√(σ² + ε) is negative."""
    return backward(dy, cache, var_path=-1)


@mistake("5.2")
@reads_batch
def batchnorm_backward(dy, cache):
    """The path through the variance counts twice: the derivative of the root brings a factor 1/2."""
    return backward(dy, cache, var_path=2)


@mistake("5.2")
@reads_batch
def batchnorm_backward(dy, cache):
    """The path through the variance counts half: the derivative of the square brings a factor 2."""
    return backward(dy, cache, var_path=0.5)


@mistake("5.2")
@reads_batch
def batchnorm_backward(dy, cache):
    """The axes (0, 2, 3) are written into the code. Let them follow from `dy.ndim`: the number of spatial axes is free, and features have none."""
    dy.sum((0, 2, 3))
    return backward(dy, cache)


@mistake("5.2")
@reads_batch
def batchnorm_backward(dy, cache):
    """The order is another one: dx comes first, then dγ, then dβ."""
    dx, dgamma, dbeta = backward(dy, cache)
    return dgamma, dbeta, dx


@mistake("5.2")
@reads_batch
def batchnorm_backward(dy, cache):
    """Your backward is that of features (N, D), while your forward takes images too: sum and average over all pixels as well, and give what belongs to a channel the shape (C, 1, 1)."""
    x_hat, gamma, var, eps = parts(cache)
    dgamma, dbeta = (dy * x_hat).sum(0), dy.sum(0)
    inner = dy - dbeta / len(dy) - x_hat * dgamma / len(dy)
    return gamma / np.sqrt(var + eps) * inner, dgamma, dbeta


@mistake("5.2")
@reads_batch
def batchnorm_backward(dy, cache):
    """Only what each number does to its own x̂ is counted, the diagonal of the Jacobian. Through mean and variance it changes all others of its channel too."""
    x_hat, gamma, var, eps = parts(cache)
    axes, m = axes_of(dy), dy.size // dy.shape[1]
    dx = dy * shaped(gamma / np.sqrt(var + eps), dy) * (1 - 1 / m - x_hat**2 / m)
    return dx, (dy * x_hat).sum(axes), dy.sum(axes)


@mistake("5.2")
@reads_batch
def batchnorm_backward(dy, cache):
    """What comes back through the mean is added whole to each number. Divide it by m: each number has a share of 1/m in the mean."""
    x_hat, gamma, var, eps = parts(cache)
    axes, m = axes_of(dy), dy.size // dy.shape[1]
    dgamma, dbeta = (dy * x_hat).sum(axes), dy.sum(axes)
    dx = shaped(gamma / np.sqrt(var + eps), dy) * (dy - shaped(dbeta, dy) - x_hat * shaped(dgamma, dy) / m)
    return dx, dgamma, dbeta


@mistake("5.2")
@reads_batch
def batchnorm_backward(dy, cache):
    """γ and σ² have changed places. Unpack the cache in the order in which the forward packed it."""
    x_hat, gamma, var, eps = parts(cache)
    axes, m = axes_of(dy), dy.size // dy.shape[1]
    dgamma, dbeta = (dy * x_hat).sum(axes), dy.sum(axes)
    with np.errstate(all="ignore"):
        outer = var / np.sqrt(gamma + eps)
    return shaped(outer, dy) * (dy - shaped(dbeta, dy) / m - x_hat * shaped(dgamma, dy) / m), dgamma, dbeta


@mistake("5.2")
@reads_batch
def batchnorm_backward(dy, cache):
    """The sign of the path through the mean is plus in your dx: the mean was subtracted, so what comes back through it is subtracted too."""
    return backward(dy, cache, mean_path=-1)


@mistake("5.2")
@reads_batch
def batchnorm_backward(dy, cache):
    """dγ is the sum of dy · x. What γ multiplied in the forward is x̂, the normalised x."""
    dx, _, dbeta = backward(dy, cache)
    return dx, (dy * cache[0]).sum(axes_of(dy)), dbeta


@mistake("5.2")
@reads_batch
def batchnorm_backward(dy, cache):
    """In the path through the variance, 1/(σ² + ε) stands where its power -3/2 belongs: that is the derivative of (σ² + ε) to the power of -1/2."""
    x, gamma, eps = cache
    axes, m = axes_of(dy), dy.size // dy.shape[1]
    x_hat, _, var, _ = parts(cache)
    centred, inside, inner = x - x.mean(axes, keepdims=True), shaped(var + eps, dy), dy * shaped(gamma, dy)
    dvar = (inner * centred * -0.5 / inside).sum(axes, keepdims=True)
    dx = inner / np.sqrt(inside) + dvar * 2 * centred / m - (inner / np.sqrt(inside)).mean(axes, keepdims=True)
    return dx, (dy * x_hat).sum(axes), dy.sum(axes)
