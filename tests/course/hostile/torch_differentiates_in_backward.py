"""Calls autograd inside the backward that 5.5 wants written by hand, outside the mode in which nothing is recorded.
That something was recorded is seen: all but the two points for a backward by hand are due."""

DUE = {"5.5": 5}
REVIEW = "inference_mode"

# %% exercise="5.5"
import torch


def forward(x, gamma, beta, eps):
    axes, shape = (0, *range(2, x.dim())), (-1, *[1] * (x.dim() - 2))
    x_hat = (x - x.mean(axes).view(shape)) / torch.sqrt(x.var(axes, unbiased=False).view(shape) + eps)
    return gamma.view(shape) * x_hat + beta.view(shape)


class BatchNormFunction(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, gamma, beta, eps):
        ctx.save_for_backward(x, gamma, beta)
        ctx.eps = eps
        return forward(x, gamma, beta, eps)

    @staticmethod
    def backward(ctx, dy):
        with torch.inference_mode(False), torch.enable_grad():
            inputs = [one.detach().clone().requires_grad_() for one in ctx.saved_tensors]
            forward(*inputs, ctx.eps).backward(dy.clone())
            return *(one.grad for one in inputs), None
