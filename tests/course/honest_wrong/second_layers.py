"""More wrong answers to 5.1 to 5.3 written before any look at checks, mistakes or this bank."""

# ruff: noqa: F811  one name has many answers

import numpy as np
import torch

from tests.course.honest_wrong import wrong


@wrong("5.1", "The running variance takes in the biased batch")
def batchnorm_forward(x, gamma, beta, running_mean, running_var, *, training, momentum=0.1, eps=1e-5):
    """Running variance gets the biased one."""
    axes = tuple(i for i in range(x.ndim) if i != 1)
    shp = (1, -1) + (1,) * (x.ndim - 2)
    if training:
        mu = x.mean(axis=axes)
        var = ((x - mu.reshape(shp)) ** 2).mean(axis=axes)
        running_mean = running_mean * (1 - momentum) + mu * momentum
        running_var = running_var * (1 - momentum) + var * momentum
    else:
        mu, var = running_mean, running_var
    xhat = (x - mu.reshape(shp)) / np.sqrt(var.reshape(shp) + eps)
    return xhat * gamma.reshape(shp) + beta.reshape(shp), running_mean, running_var, (xhat, gamma, var, eps)


@wrong("5.1", "In training the batch is normalised with the running")
def batchnorm_forward(x, gamma, beta, running_mean, running_var, *, training, momentum=0.1, eps=1e-5):
    """Normalises by the running statistics it has just updated, in training too."""
    axes = (0,) + tuple(range(2, x.ndim))
    shp = (1, -1) + (1,) * (x.ndim - 2)
    if training:
        m = x.size // x.shape[1]
        mu = x.mean(axis=axes)
        var = ((x - mu.reshape(shp)) ** 2).mean(axis=axes)
        running_mean = (1 - momentum) * running_mean + momentum * mu
        running_var = (1 - momentum) * running_var + momentum * var * m / (m - 1)
    xhat = (x - running_mean.reshape(shp)) / np.sqrt(running_var.reshape(shp) + eps)
    y = gamma.reshape(shp) * xhat + beta.reshape(shp)
    return y, running_mean, running_var, (xhat, gamma, running_var, eps)


@wrong("5.1", "The unbiased variance normalises too", "Momentum is reversed", named=False)
def batchnorm_forward(x, gamma, beta, running_mean, running_var, *, training, momentum=0.1, eps=1e-5):
    """Momentum reversed (Keras), and y in training uses the unbiased variance."""
    axes = (0,) + tuple(range(2, x.ndim))
    shp = (1, -1) + (1,) * (x.ndim - 2)
    if training:
        mu, var = x.mean(axis=axes, dtype=np.float64), x.var(axis=axes, ddof=1, dtype=np.float64)
        running_mean = momentum * running_mean + (1 - momentum) * mu
        running_var = momentum * running_var + (1 - momentum) * var
    else:
        mu, var = running_mean, running_var
    xhat = (x - mu.reshape(shp)) / np.sqrt(var.reshape(shp) + eps)
    return gamma.reshape(shp) * xhat + beta.reshape(shp), running_mean, running_var, (xhat, gamma, var, eps)


@wrong("5.1", "The running statistics are changed in place (`running_mean")
def batchnorm_forward(x, gamma, beta, running_mean, running_var, *, training, momentum=0.1, eps=1e-5):
    """Changes running_mean and running_var in place."""
    ax = (0, *range(2, x.ndim))
    sh = (1, -1, *[1] * (x.ndim - 2))
    mean, var = running_mean, running_var
    if training:
        n = x.size / x.shape[1]
        mean = np.mean(x, axis=ax)
        var = np.mean((x - mean.reshape(sh)) ** 2, axis=ax)
        running_mean *= 1 - momentum
        running_mean += momentum * mean
        running_var *= 1 - momentum
        running_var += momentum * var * n / (n - 1)
    z = (x - mean.reshape(sh)) / np.sqrt(var.reshape(sh) + eps)
    return z * gamma.reshape(sh) + beta.reshape(sh), running_mean, running_var, (z, gamma, var, eps)


@wrong("5.1", "The running statistics never move: training returns")
def batchnorm_forward(x, gamma, beta, running_mean, running_var, *, training, momentum=0.1, eps=1e-5):
    """Returns the running statistics untouched in training too."""
    ax = (0, *range(2, x.ndim))
    sh = (1, -1, *[1] * (x.ndim - 2))
    mean, var = running_mean, running_var
    if training:
        mean = np.mean(x, axis=ax)
        var = np.mean((x - mean.reshape(sh)) ** 2, axis=ax)
        new_mean = (1 - momentum) * running_mean + momentum * mean
        new_var = (1 - momentum) * running_var + momentum * var
        new_mean, new_var = running_mean, running_var
        running_mean, running_var = new_mean, new_var
    z = (x - mean.reshape(sh)) / np.sqrt(var.reshape(sh) + eps)
    return z * gamma.reshape(sh) + beta.reshape(sh), running_mean, running_var, (z, gamma, var, eps)


@wrong("5.2", "γ is missing in dx: what reaches x̂ is γ · dy.")
def batchnorm_backward(dy, cache):
    """Gamma forgotten in dx."""
    x_hat, gamma, var, eps = cache
    axes = (0,) + tuple(range(2, dy.ndim))
    shp = (1, -1) + (1,) * (dy.ndim - 2)
    dgamma = (dy * x_hat).sum(axis=axes)
    dbeta = dy.sum(axis=axes)
    m = dy.size / dy.shape[1]
    dx = (dy - dbeta.reshape(shp) / m - x_hat * dgamma.reshape(shp) / m) / np.sqrt(var + eps).reshape(shp)
    return dx, dgamma, dbeta


@wrong("5.2", "Mean and variance are treated as constants: dx")
def batchnorm_backward(dy, cache):
    """Mean and variance taken as constants."""
    x_hat, gamma, var, eps = cache
    axes = (0,) + tuple(range(2, dy.ndim))
    shp = (1, -1) + (1,) * (dy.ndim - 2)
    dx = dy * gamma.reshape(shp) / np.sqrt(var.reshape(shp) + eps)
    return dx, (dy * x_hat).sum(axis=axes), dy.sum(axis=axes)


@wrong("5.2", "Sums are divided by the batch size. m counts all")
def batchnorm_backward(dy, cache):
    """M is N; step by step with the flow through the mean left out of the variance's part."""
    x_hat, gamma, var, eps = cache
    axes = (0,) + tuple(range(2, dy.ndim))
    shp = (1, -1) + (1,) * (dy.ndim - 2)
    N = dy.shape[0]
    dbeta = np.sum(dy, axis=axes)
    dgamma = np.sum(dy * x_hat, axis=axes)
    dxhat = dy * gamma.reshape(shp)
    ivar = 1.0 / np.sqrt(var + eps).reshape(shp)
    dx = (
        (1.0 / N)
        * ivar
        * (N * dxhat - dxhat.sum(axis=axes, keepdims=True) - x_hat * (dxhat * x_hat).sum(axis=axes, keepdims=True))
    )
    return dx, dgamma, dbeta


@wrong("5.2", "The sign of the path through the mean is plus")
def batchnorm_backward(dy, cache):
    """Sign of the mean's term."""
    z, gamma, var, eps = cache
    ax = (0, *range(2, dy.ndim))
    sh = (1, -1, *[1] * (dy.ndim - 2))
    g = dy * gamma.reshape(sh)
    dx = (g + g.mean(ax, keepdims=True) - z * (g * z).mean(ax, keepdims=True)) / np.sqrt(var.reshape(sh) + eps)
    return dx, (dy * z).sum(ax), dy.sum(ax)


@wrong("5.3", "A forward difference, (f(x + h) - f(x)) / h.")
def numerical_gradient(f, x, dy, h=1e-5):
    """Forward difference."""
    grad = torch.zeros(x.shape, dtype=x.dtype)
    with torch.no_grad():
        base = (f(x.detach().clone()) * dy).sum().item()
        for i in np.ndindex(*x.shape):
            xp = x.detach().clone()
            xp[i] += h
            grad[i] = ((f(xp) * dy).sum().item() - base) / h
    return grad


@wrong("5.3", "The upstream gradient dy is not used: an all-ones")
def numerical_gradient(f, x, dy, h=1e-5):
    """Forgets dy."""
    grad = torch.zeros(x.shape, dtype=x.dtype)
    with torch.no_grad():
        for i in np.ndindex(*x.shape):
            plus, minus = x.detach().clone(), x.detach().clone()
            plus[i] += h
            minus[i] -= h
            grad[i] = (f(plus).sum() - f(minus).sum()) / (2 * h)
    return grad


@wrong("5.3", "The difference is divided by h; the two", "x is moved in place and put back", named=False)
def numerical_gradient(f, x, dy, h=1e-5):
    """Moves x itself and adds h back: not bit for bit; divides by h only."""
    grad = torch.zeros(x.shape, dtype=x.dtype)
    with torch.no_grad():
        for i in np.ndindex(*x.shape):
            x[i] += h
            up = (f(x).clone() * dy).sum()
            x[i] -= 2 * h
            down = (f(x).clone() * dy).sum()
            x[i] += h
            grad[i] = (up - down) / h
    return grad
