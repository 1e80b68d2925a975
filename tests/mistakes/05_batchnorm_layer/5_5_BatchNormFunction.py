"""Known wrong answers to exercise 5.5, each with the sentence that helps."""

import torch

from bncourse.checking import mistake


def axes_of(x):
    return (0, *range(2, x.ndim))


def shaped(values, x):
    return values.reshape(-1, *[1] * (x.ndim - 2))


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
    """backward computes the standard deviation, and x̂ with it, without ε, which
    the forward has under its root. Save what the forward used.
    """

    @staticmethod
    def backward(ctx, dy):
        x_hat, gamma, scale = ctx.saved_tensors
        bare = 1 / torch.sqrt(1 / scale**2 - ctx.eps)
        axes, m = axes_of(dy), dy.numel() // dy.shape[1]
        x_hat = x_hat * shaped(bare / scale, dy)
        dgamma, dbeta = (dy * x_hat).sum(axes), dy.sum(axes)
        dx = shaped(gamma * bare, dy) * (dy - shaped(dbeta, dy) / m - x_hat * shaped(dgamma, dy) / m)
        return dx, dgamma, dbeta, None


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


@mistake("5.5", caught_by="test_functions_do_not_share_what_they_save")
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


@mistake("5.5", caught_by="test_backward_is_written_by_hand")
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


@mistake("5.5", caught_by="test_function_survives_a_large_mean_in_float32")
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


@mistake("5.5", caught_by="test_function_normalises_scales_and_shifts")
class BatchNormFunction(Function):
    """The argument ε is ignored in the output: 1e-5 is written into forward."""

    @staticmethod
    def forward(ctx, x, gamma, beta, eps):
        Function.forward(ctx, x, gamma, beta, eps)
        return shaped(gamma, x) * Function.x_hat(x, 1e-5)[0] + shaped(beta, x)


@mistake("5.5", caught_by="test_function_gradients_are_right_in_every_shape")
class BatchNormFunction(Function):
    """For volumes m lacks the last axis in backward. m is `dy.numel() // dy.shape[1]`, whatever the shape."""

    @staticmethod
    def backward(ctx, dy):
        m = len(dy) * dy[0, 0].numel() // (dy.shape[4] if dy.dim() == 5 else 1)
        return (*gradients(ctx, dy, count=m), None)


@mistake("5.5")
class BatchNormFunction(Function):
    """The argument ε is not passed on: 1e-5 is used in forward and backward, whatever the caller asks for."""

    @staticmethod
    def forward(ctx, x, gamma, beta, eps):
        return Function.forward(ctx, x, gamma, beta, 1e-5)


@mistake("5.5")
class BatchNormFunction(Function):
    """`x.reshape(-1, C)` takes neighbouring pixels for channels. Move axis 1 to the end first, with `x.movedim(1, -1)`."""

    @staticmethod
    def forward(ctx, x, gamma, beta, eps):
        return Function.forward(ctx, x.reshape(-1, x.shape[1]), gamma, beta, eps).reshape(x.shape)

    @staticmethod
    def backward(ctx, dy):
        dx, dgamma, dbeta = gradients(ctx, dy.reshape(-1, dy.shape[1]))
        return dx.reshape(dy.shape), dgamma, dbeta, None


@mistake("5.5")
class BatchNormFunction(Function):
    """Everything is done as for features (N, C), over the batch alone. For images
    the means run over all pixels too, and γ, β and the statistics get the shape (C,
    1, 1).
    """

    @staticmethod
    def forward(ctx, x, gamma, beta, eps):
        scale = 1 / torch.sqrt(x.var(0, unbiased=False) + eps)
        x_hat = (x - x.mean(0)) * scale
        ctx.save_for_backward(x_hat, gamma, scale)
        return gamma * x_hat + beta

    @staticmethod
    def backward(ctx, dy):
        x_hat, gamma, scale = ctx.saved_tensors
        inner = dy - dy.mean(0) - x_hat * (dy * x_hat).mean(0)
        return gamma * scale * inner, (dy * x_hat).sum(0), dy.sum(0), None


@mistake("5.5")
class BatchNormFunction(Function):
    """The axes (0, 2, 3) are written into the code. Let them follow from `x.dim()`: the number of spatial axes is free, and features have none."""

    @staticmethod
    def forward(ctx, x, gamma, beta, eps):
        x.mean((0, 2, 3))
        return Function.forward(ctx, x, gamma, beta, eps)


@mistake("5.5")
class BatchNormFunction(Function):
    """Only (N, C) and (N, C, H, W) are handled. Let axes and shapes follow from `x.dim()`."""

    @staticmethod
    def forward(ctx, x, gamma, beta, eps):
        axes, shape = ((0,), (1, -1)) if x.dim() == 2 else ((0, 2, 3), (1, -1, 1, 1))
        scale = 1 / torch.sqrt(x.var(axes, unbiased=False) + eps)
        x_hat = (x - x.mean(axes).view(shape)) * scale.view(shape)
        ctx.save_for_backward(x_hat, gamma, scale)
        return gamma.view(shape) * x_hat + beta.view(shape)


@mistake("5.5")
class BatchNormFunction(Function):
    """Two slips: the unbiased variance normalises (pass `unbiased=False`), and backward returns no None for ε."""

    @staticmethod
    def forward(ctx, x, gamma, beta, eps):
        axes = axes_of(x)
        scale = 1 / torch.sqrt(x.var(axes) + eps)
        x_hat = (x - shaped(x.mean(axes), x)) * shaped(scale, x)
        ctx.save_for_backward(x_hat, gamma, scale)
        return shaped(gamma, x) * x_hat + shaped(beta, x)

    @staticmethod
    def backward(ctx, dy):
        return gradients(ctx, dy)


@mistake("5.5")
class BatchNormFunction(Function):
    """The unbiased variance normalises, in forward and backward: pass `unbiased=False`. x̂ is made with the biased one."""

    @staticmethod
    def forward(ctx, x, gamma, beta, eps):
        axes = axes_of(x)
        scale = 1 / torch.sqrt(x.var(axes) + eps)
        x_hat = (x - shaped(x.mean(axes), x)) * shaped(scale, x)
        ctx.save_for_backward(x_hat, gamma, scale)
        return shaped(gamma, x) * x_hat + shaped(beta, x)


@mistake("5.5")
class BatchNormFunction(Function):
    """dγ is a mean over the values of a channel; like dβ it is a sum."""

    @staticmethod
    def backward(ctx, dy):
        dx, dgamma, dbeta = gradients(ctx, dy)
        return dx, dgamma / (dy.numel() // dy.shape[1]), dbeta, None


@mistake("5.5")
class BatchNormFunction(Function):
    """dγ is the sum of dy times the centred x; x̂ is the centred x divided by its standard deviation."""

    @staticmethod
    def backward(ctx, dy):
        dx, dgamma, dbeta = gradients(ctx, dy)
        return dx, dgamma / ctx.saved_tensors[2], dbeta, None


@mistake("5.5")
class BatchNormFunction(Function):
    """Sums are divided by m - 1 in backward. The forward normalises with the biased variance, so m it is."""

    @staticmethod
    def backward(ctx, dy):
        return (*gradients(ctx, dy, count=dy.numel() // dy.shape[1] - 1), None)


@mistake("5.5")
class BatchNormFunction(Function):
    """The sign of the path through the variance is plus in backward. The derivative of 1/√(σ² + ε) is negative."""

    @staticmethod
    def backward(ctx, dy):
        return (*gradients(ctx, dy, var_path=-1), None)


@mistake("5.5")
class BatchNormFunction(Function):
    """The sign of the path through the mean is plus in backward: the mean was subtracted, so what comes back through it is subtracted too."""

    @staticmethod
    def backward(ctx, dy):
        return (*gradients(ctx, dy, mean_path=-1), None)


@mistake("5.5")
class BatchNormFunction(Function):
    """dγ and dβ are summed over the batch alone, so that each position has its own. Both are (C,): sum over the positions as well."""

    @staticmethod
    def backward(ctx, dy):
        dx, _, _ = gradients(ctx, dy)
        return dx, (dy * ctx.saved_tensors[0]).sum(0), dy.sum(0), None
