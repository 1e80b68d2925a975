"""Known wrong answers to 5.3 and 5.5, each with the sentence that helps."""

import numpy as np
import torch

from bncourse.checking import mistake


def axes_of(x):
    return (0, *range(2, x.ndim))


def shaped(values, x):
    return values.reshape(-1, *[1] * (x.ndim - 2))


# 5.3


def differences(f, x, dy, h, quotient, keep=False):
    gradient = torch.zeros(x.shape, dtype=x.dtype)
    loss = lambda point: (f(point) * dy).sum()
    with torch.no_grad():
        for index in np.ndindex(*x.shape):
            higher, lower = x.detach().clone(), x.detach().clone()
            higher[index] += h
            lower[index] -= h
            gradient[index] = quotient(loss(higher), loss(x.detach()), loss(lower))
    return gradient


@mistake("5.3")
def numerical_gradient(f, x, dy, h=1e-5):
    """A forward difference, (f(x + h) - f(x)) / h. The central one, (f(x + h) - f(x - h)) / 2h, is asked for: its error
    falls with h², not with h."""
    return differences(f, x, dy, h, lambda high, mid, low: (high - mid) / h)


@mistake("5.3")
def numerical_gradient(f, x, dy, h=1e-5):
    """A backward difference, (f(x) - f(x - h)) / h. The central one is asked for."""
    return differences(f, x, dy, h, lambda high, mid, low: (mid - low) / h)


@mistake("5.3")
def numerical_gradient(f, x, dy, h=1e-5):
    """The difference is divided by h; the two points lie 2h apart."""
    return differences(f, x, dy, h, lambda high, mid, low: (high - low) / h)


@mistake("5.3")
def numerical_gradient(f, x, dy, h=1e-5):
    """The difference is not divided at all."""
    return differences(f, x, dy, h, lambda high, mid, low: high - low)


@mistake("5.3")
def numerical_gradient(f, x, dy, h=1e-5):
    """The sign is turned: f(x - h) - f(x + h)."""
    return differences(f, x, dy, h, lambda high, mid, low: (low - high) / (2 * h))


@mistake("5.3")
def numerical_gradient(f, x, dy, h=1e-5):
    """The upstream gradient dy is not used: an all-ones one hides most errors of a batch normalization."""
    return differences(f, x, torch.ones_like(f(x.detach())), h, lambda high, mid, low: (high - low) / (2 * h))


@mistake("5.3")
def numerical_gradient(f, x, dy, h=1e-5):
    """The argument h is ignored: 1e-5 is written into the loop."""
    return differences(f, x, dy, 1e-5, lambda high, mid, low: (high - low) / 2e-5)


@mistake("5.3")
def numerical_gradient(f, x, dy, h=1e-3):
    """h is 1e-3 unless given; it should be 1e-5."""
    return differences(f, x, dy, h, lambda high, mid, low: (high - low) / (2 * h))


@mistake("5.3")
def numerical_gradient(f, x, dy, h=1e-5):
    """All entries are moved at once: that is one directional derivative, not a gradient."""
    slope = ((f(x.detach() + h) - f(x.detach() - h)) * dy).sum() / (2 * h)
    return torch.full(x.shape, slope.item(), dtype=x.dtype)


@mistake("5.3")
def numerical_gradient(f, x, dy, h=1e-5):
    """x is moved in place and put back by adding and subtracting h; rounding leaves it a little off. Keep the old value."""
    gradient = torch.zeros(x.shape, dtype=x.dtype)
    with torch.no_grad():
        for index in np.ndindex(*x.shape):
            x[index] += h
            high = (f(x) * dy).sum()
            x[index] -= 2 * h
            low = (f(x) * dy).sum()
            x[index] += h
            gradient[index] = (high - low) / (2 * h)
    return gradient


@mistake("5.3")
def numerical_gradient(f, x, dy, h=1e-5):
    """x is not put back: each entry stays moved while the next ones are tried."""
    gradient = torch.zeros(x.shape, dtype=x.dtype)
    moved = x.detach().clone()
    for index in np.ndindex(*x.shape):
        moved[index] += h
        high = (f(moved) * dy).sum()
        moved[index] -= 2 * h
        gradient[index] = (high - (f(moved) * dy).sum()) / (2 * h)
    return gradient


@mistake("5.3")
def numerical_gradient(f, x, dy, h=1e-5):
    """Everything is computed in float32: at h = 1e-5 rounding drowns the difference. Keep the dtype of x."""
    single = differences(
        lambda point: f(point.float()), x.float(), dy.float(), h, lambda high, mid, low: (high - low) / (2 * h)
    )
    return single.double()


@mistake("5.3")
def numerical_gradient(f, x, dy, h=1e-5):
    """The step is scaled by the size of x (a relative step). Asked for is the plain h."""
    gradient = torch.zeros(x.shape, dtype=x.dtype)
    for index in np.ndindex(*x.shape):
        step = h * max(1.0, abs(x.detach()[index].item()))
        higher, lower = x.detach().clone(), x.detach().clone()
        higher[index] += step
        lower[index] -= step
        gradient[index] = ((f(higher) - f(lower)) * dy).sum() / (2 * step)
    return gradient


@mistake("5.3")
def numerical_gradient(f, x, dy, h=1e-5):
    """x is flattened and the gradient never gets the shape of x back."""
    return differences(f, x, dy, h, lambda high, mid, low: (high - low) / (2 * h)).reshape(-1)


# 5.5


class Function(torch.autograd.Function):
    """A right function with parts to exchange."""

    @classmethod
    def x_hat(cls, x, eps):
        axes = axes_of(x)
        scale = 1 / torch.sqrt(x.var(axes, unbiased=False) + eps)
        return (x - shaped(x.mean(axes), x)) * shaped(scale, x), scale

    @staticmethod
    def forward(ctx, x, gamma, beta, eps):
        x_hat, scale = Function.x_hat(x, eps)
        ctx.save_for_backward(x_hat, gamma, scale)
        ctx.eps = eps
        return shaped(gamma, x) * x_hat + shaped(beta, x)

    @staticmethod
    def backward(ctx, dy):
        return (*gradients(ctx, dy), None)


def gradients(ctx, dy, mean_path=1, var_path=1, count=None):
    x_hat, gamma, scale = ctx.saved_tensors
    axes = axes_of(dy)
    m = count or dy.numel() // dy.shape[1]
    dgamma, dbeta = (dy * x_hat).sum(axes), dy.sum(axes)
    inner = dy - mean_path * shaped(dbeta, dy) / m - var_path * x_hat * shaped(dgamma, dy) / m
    return shaped(gamma * scale, dy) * inner, dgamma, dbeta


@mistake("5.5")
class BatchNormFunction(Function):
    """Mean and variance are treated as constants in backward: dx is only γ/√(σ² + ε) · dy."""

    @staticmethod
    def backward(ctx, dy):
        return (*gradients(ctx, dy, 0, 0), None)


@mistake("5.5")
class BatchNormFunction(Function):
    """The path through the variance is missing in backward."""

    @staticmethod
    def backward(ctx, dy):
        return (*gradients(ctx, dy, var_path=0), None)


@mistake("5.5")
class BatchNormFunction(Function):
    """The path through the mean is missing in backward."""

    @staticmethod
    def backward(ctx, dy):
        return (*gradients(ctx, dy, mean_path=0), None)


@mistake("5.5")
class BatchNormFunction(Function):
    """Sums are divided by the batch size in backward; m counts the pixels too."""

    @staticmethod
    def backward(ctx, dy):
        return (*gradients(ctx, dy, count=len(dy)), None)


@mistake("5.5")
class BatchNormFunction(Function):
    """Sums are divided by √m in backward, where m belongs."""

    @staticmethod
    def backward(ctx, dy):
        return (*gradients(ctx, dy, count=(dy.numel() // dy.shape[1]) ** 0.5), None)


@mistake("5.5")
class BatchNormFunction(Function):
    """γ is missing in dx: what reaches x̂ is γ · dy."""

    @staticmethod
    def backward(ctx, dy):
        dx, dgamma, dbeta = gradients(ctx, dy)
        return dx / shaped(ctx.saved_tensors[1], dy), dgamma, dbeta, None


@mistake("5.5")
class BatchNormFunction(Function):
    """dγ and dβ are means over the values of a channel; they are sums."""

    @staticmethod
    def backward(ctx, dy):
        dx, dgamma, dbeta = gradients(ctx, dy)
        m = dy.numel() // dy.shape[1]
        return dx, dgamma / m, dbeta / m, None


@mistake("5.5")
class BatchNormFunction(Function):
    """dγ and dβ have changed places: backward returns one value for each argument of apply, in their order."""

    @staticmethod
    def backward(ctx, dy):
        dx, dgamma, dbeta = gradients(ctx, dy)
        return dx, dbeta, dgamma, None


@mistake("5.5")
class BatchNormFunction(Function):
    """backward returns three values; apply has four arguments, so ε needs its None."""

    @staticmethod
    def backward(ctx, dy):
        return gradients(ctx, dy)


@mistake("5.5")
class BatchNormFunction(Function):
    """backward returns a 0 for ε; a number has no gradient, None says so."""

    @staticmethod
    def backward(ctx, dy):
        return (*gradients(ctx, dy), torch.zeros(()))


@mistake("5.5")
class BatchNormFunction(Function):
    """ε is missing in backward: it divides by σ where the forward divided by √(σ² + ε)."""

    @staticmethod
    def backward(ctx, dy):
        scale = ctx.saved_tensors[2]
        dx, dgamma, dbeta = gradients(ctx, dy)
        return dx / shaped(scale * torch.sqrt(1 / scale**2 - ctx.eps), dy), dgamma, dbeta, None


@mistake("5.5")
class BatchNormFunction(Function):
    """What backward needs is kept on the class, so a second call overwrites what the first one saved. Keep it on ctx."""

    @staticmethod
    def forward(ctx, x, gamma, beta, eps):
        y = Function.forward(ctx, x, gamma, beta, eps)
        x_hat, scale = Function.x_hat(x, eps)
        BatchNormFunction.kept = (x_hat, gamma, scale)
        return y

    @staticmethod
    def backward(ctx, dy):
        from types import SimpleNamespace

        return (*gradients(SimpleNamespace(saved_tensors=BatchNormFunction.kept), dy), None)


@mistake("5.5")
class BatchNormFunction(Function):
    """backward runs the forward again under autograd instead of computing the gradient by hand."""

    @staticmethod
    def forward(ctx, x, gamma, beta, eps):
        ctx.save_for_backward(x, gamma, beta)
        ctx.eps = eps
        x_hat, _ = Function.x_hat(x, eps)
        return shaped(gamma, x) * x_hat + shaped(beta, x)

    @staticmethod
    def backward(ctx, dy):
        with torch.enable_grad():
            x, gamma, beta = (one.detach().requires_grad_() for one in ctx.saved_tensors)
            x_hat, _ = Function.x_hat(x, ctx.eps)
            (shaped(gamma, x) * x_hat + shaped(beta, x)).backward(dy)
        return x.grad, gamma.grad, beta.grad, None


@mistake("5.5")
class BatchNormFunction(Function):
    """The unbiased variance normalises; x̂ is made with the biased one."""

    @staticmethod
    def forward(ctx, x, gamma, beta, eps):
        Function.forward(ctx, x, gamma, beta, eps)
        axes = axes_of(x)
        x_hat = (x - shaped(x.mean(axes), x)) / torch.sqrt(shaped(x.var(axes), x) + eps)
        return shaped(gamma, x) * x_hat + shaped(beta, x)


@mistake("5.5")
class BatchNormFunction(Function):
    """ε stands outside the root in the forward."""

    @staticmethod
    def forward(ctx, x, gamma, beta, eps):
        Function.forward(ctx, x, gamma, beta, eps)
        axes = axes_of(x)
        x_hat = (x - shaped(x.mean(axes), x)) / (shaped(x.std(axes, unbiased=False), x) + eps)
        return shaped(gamma, x) * x_hat + shaped(beta, x)


@mistake("5.5")
class BatchNormFunction(Function):
    """The variance is the mean of squares minus the square of the mean: with a large mean in float32 two huge numbers
    cancel. Subtract the mean first, then square."""

    @staticmethod
    def forward(ctx, x, gamma, beta, eps):
        Function.forward(ctx, x, gamma, beta, eps)
        axes = axes_of(x)
        mean = x.mean(axes)
        var = ((x * x).mean(axes) - mean * mean).clamp(min=0)
        return shaped(gamma, x) * (x - shaped(mean, x)) / torch.sqrt(shaped(var, x) + eps) + shaped(beta, x)


@mistake("5.5")
class BatchNormFunction(Function):
    """The forward cuts the graph: it is PyTorch's own batch_norm that computes, and this exercise asks for yours."""

    @staticmethod
    def forward(ctx, x, gamma, beta, eps):
        Function.forward(ctx, x, gamma, beta, eps)
        return torch.nn.functional.batch_norm(x, None, None, gamma, beta, True, 0.1, eps)
