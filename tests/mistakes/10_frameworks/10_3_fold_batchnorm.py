"""Known wrong answers to exercise 10.3, each with the sentence that helps."""

import copy

import torch
from torch import nn

from bncourse.checking import mistake


class Folding:
    """A right answer, cut into the parts in which people slip."""

    def copied(self, conv):
        return copy.deepcopy(conv)

    def var(self, bn):
        return bn.running_var

    def mean(self, bn):
        return bn.running_mean

    def root(self, bn):
        return torch.sqrt(self.var(bn) + bn.eps)

    def gamma(self, bn):
        return torch.ones_like(bn.running_var) if bn.weight is None else bn.weight

    def beta(self, bn):
        return torch.zeros_like(bn.running_mean) if bn.bias is None else bn.bias

    def bias(self, conv, bn):
        return torch.zeros_like(bn.running_mean) if conv.bias is None else conv.bias

    def weight(self, conv, scale):
        return conv.weight * scale.view(-1, 1, 1, 1)

    def shift(self, bias, mean, scale, beta):
        return (bias - mean) * scale + beta

    def __call__(self, conv, bn):
        with torch.no_grad():
            folded = self.copied(conv)
            scale = self.gamma(bn) / self.root(bn)
            shift = self.shift(self.bias(conv, bn), self.mean(bn), scale, self.beta(bn))
            folded.weight = nn.Parameter(self.weight(conv, scale))
            folded.bias = None if shift is None else nn.Parameter(shift)
        return folded


class AlwaysAffine(Folding):
    """As long as there are γ and β."""

    def gamma(self, bn):
        return bn.weight


def rebuilt(conv, *left_out):
    """A new convolution with the options of conv, without those left out."""
    options = {name: getattr(conv, name) for name in ("stride", "padding", "dilation", "groups", "padding_mode")}
    options = {name: value for name, value in options.items() if name not in left_out}
    return nn.Conv2d(conv.in_channels, conv.out_channels, conv.kernel_size, **options)


# The bias
@mistake("10.3")
def fold_batchnorm(conv, bn):
    """The convolution's bias is forgotten: the new bias is β - μ · scale, where it should be β + (bias - μ) · scale."""

    class Slip(Folding):
        def bias(self, conv, bn):
            return torch.zeros_like(bn.running_mean)

    return Slip()(conv, bn)


@mistake("10.3")
def fold_batchnorm(conv, bn):
    """The convolution's bias is not scaled. It goes through the normalization like everything that comes out of the convolution."""

    class Slip(Folding):
        def shift(self, bias, mean, scale, beta):
            return bias - mean * scale + beta

    return Slip()(conv, bn)


@mistake("10.3", caught_by="test_one_filter_with_a_bias")
def fold_batchnorm(conv, bn):
    """A convolution without bias stays without: the shift by μ and β is dropped. The new one always needs a bias."""

    class Slip(Folding):
        def __call__(self, conv, bn):
            folded = super().__call__(conv, bn)
            if conv.bias is None:
                folded.bias = None
            return folded

    return Slip()(conv, bn)


@mistake("10.3", caught_by="test_with_a_bias_and_without")
def fold_batchnorm(conv, bn):
    """A convolution without bias is not handled: conv.bias is None there."""

    class Slip(Folding):
        def bias(self, conv, bn):
            return conv.bias

    return Slip()(conv, bn)


@mistake("10.3")
def fold_batchnorm(conv, bn):
    """Only the weight is scaled; the bias of the convolution stays as it was, and μ and β are dropped."""
    with torch.no_grad():
        folded = copy.deepcopy(conv)
        folded.weight = nn.Parameter(Folding().weight(conv, Folding().gamma(bn) / Folding().root(bn)))
    return folded


@mistake("10.3")
def fold_batchnorm(conv, bn):
    """Only the bias is folded; the weight is not scaled."""

    class Slip(Folding):
        def weight(self, conv, scale):
            return conv.weight.clone()

    return Slip()(conv, bn)


@mistake("10.3")
def fold_batchnorm(conv, bn):
    """μ is not subtracted: the new bias is β + (bias - μ) · scale."""

    class Slip(Folding):
        def mean(self, bn):
            return torch.zeros_like(bn.running_mean)

    return Slip()(conv, bn)


@mistake("10.3")
def fold_batchnorm(conv, bn):
    """μ is added; the normalization subtracts it."""

    class Slip(Folding):
        def mean(self, bn):
            return -bn.running_mean

    return Slip()(conv, bn)


@mistake("10.3")
def fold_batchnorm(conv, bn):
    """μ is subtracted without the scale. It is subtracted first, and the difference is scaled."""

    class Slip(Folding):
        def shift(self, bias, mean, scale, beta):
            return bias * scale - mean + beta

    return Slip()(conv, bn)


@mistake("10.3")
def fold_batchnorm(conv, bn):
    """β is scaled as well. It is added last, after the scaling."""

    class Slip(Folding):
        def shift(self, bias, mean, scale, beta):
            return (bias - mean + beta) * scale

    return Slip()(conv, bn)


# γ, β, ε and the root
@mistake("10.3")
def fold_batchnorm(conv, bn):
    """β is missing: it is added last, and belongs into the new bias."""

    class Slip(Folding):
        def beta(self, bn):
            return torch.zeros_like(bn.running_mean)

    return Slip()(conv, bn)


@mistake("10.3")
def fold_batchnorm(conv, bn):
    """γ is missing: only the running statistics are folded."""

    class Slip(Folding):
        def gamma(self, bn):
            return torch.ones_like(bn.running_var)

    return Slip()(conv, bn)


@mistake("10.3")
def fold_batchnorm(conv, bn):
    """γ and β are swapped: bn.weight is γ, bn.bias is β."""

    class Slip(Folding):
        def gamma(self, bn):
            return super().beta(bn) if bn.affine else super().gamma(bn)

        def beta(self, bn):
            return super().gamma(bn) if bn.affine else super().beta(bn)

    return Slip()(conv, bn)


@mistake("10.3")
def fold_batchnorm(conv, bn):
    """γ is in the weight only; what is taken off the bias has to be multiplied by it too."""

    class Slip(Folding):
        def __call__(self, conv, bn):
            folded = super().__call__(conv, bn)
            with torch.no_grad():
                folded.bias.copy_((self.bias(conv, bn) - bn.running_mean) / self.root(bn) + self.beta(bn))
            return folded

    return Slip()(conv, bn)


@mistake("10.3")
def fold_batchnorm(conv, bn):
    """The square root is missing: running_var is a variance, the scale is γ / √(σ² + ε)."""

    class Slip(Folding):
        def root(self, bn):
            return self.var(bn) + bn.eps

    return Slip()(conv, bn)


@mistake("10.3")
def fold_batchnorm(conv, bn):
    """ε is missing: a channel that never varied is divided by 0."""

    class Slip(Folding):
        def root(self, bn):
            return torch.sqrt(self.var(bn))

    return Slip()(conv, bn)


@mistake("10.3")
def fold_batchnorm(conv, bn):
    """ε stands outside the root: √σ² + ε where √(σ² + ε) is meant."""

    class Slip(Folding):
        def root(self, bn):
            return torch.sqrt(self.var(bn)) + bn.eps

    return Slip()(conv, bn)


@mistake("10.3", caught_by="test_eps_of_the_layer")
def fold_batchnorm(conv, bn):
    """ε is written in as 1e-5; the layer has its own, bn.eps."""

    class Slip(Folding):
        def root(self, bn):
            return torch.sqrt(self.var(bn) + 1e-5)

    return Slip()(conv, bn)


@mistake("10.3")
def fold_batchnorm(conv, bn):
    """The weight is multiplied by the root: the normalization divides by it."""

    class Slip(Folding):
        def root(self, bn):
            return 1 / super().root(bn)

    return Slip()(conv, bn)


@mistake("10.3", caught_by="test_without_gamma_and_beta")
def fold_batchnorm(conv, bn):
    """A normalization without γ and β is not handled: with affine=False weight and bias are None."""
    return AlwaysAffine()(conv, bn)


# The weight and what belongs to it
@mistake("10.3")
def fold_batchnorm(conv, bn):
    """The scale lies along the input channels. The weight is (out, in / groups, height, width): each filter, axis 0, is scaled."""

    class Slip(Folding):
        def weight(self, conv, scale):
            return conv.weight * scale.view(1, -1, 1, 1)

    return Slip()(conv, bn)


@mistake("10.3")
def fold_batchnorm(conv, bn):
    """The scale has no axes added, so it broadcasts along the last one, the width of the kernel. It needs the shape (out, 1, 1, 1)."""

    class Slip(Folding):
        def weight(self, conv, scale):
            return conv.weight * scale

    return Slip()(conv, bn)


@mistake("10.3")
def fold_batchnorm(conv, bn):
    """All filters are scaled by one number, the mean over the channels. Each has its own."""

    class Slip(Folding):
        def weight(self, conv, scale):
            return conv.weight * scale.mean()

    return Slip()(conv, bn)


@mistake("10.3", caught_by="test_any_kernel_stride_padding_dilation_and_groups")
def fold_batchnorm(conv, bn):
    """The new convolution has stride 1; the old one's stride was left out."""

    class Slip(Folding):
        def copied(self, conv):
            return rebuilt(conv, "stride")

    return Slip()(conv, bn)


@mistake("10.3")
def fold_batchnorm(conv, bn):
    """The new convolution has no padding; the old one's was left out."""

    class Slip(Folding):
        def copied(self, conv):
            return rebuilt(conv, "padding")

    return Slip()(conv, bn)


@mistake("10.3")
def fold_batchnorm(conv, bn):
    """The new convolution has dilation 1; the old one's was left out."""

    class Slip(Folding):
        def copied(self, conv):
            return rebuilt(conv, "dilation")

    return Slip()(conv, bn)


@mistake("10.3")
def fold_batchnorm(conv, bn):
    """The groups were left out: the new convolution expects every filter to see all input channels."""

    class Slip(Folding):
        def copied(self, conv):
            return rebuilt(conv, "groups")

    return Slip()(conv, bn)


@mistake("10.3", caught_by="test_any_padding_mode")
def fold_batchnorm(conv, bn):
    """The padding mode was left out: the new convolution pads with zeros."""

    class Slip(Folding):
        def copied(self, conv):
            return rebuilt(conv, "padding_mode")

    return Slip()(conv, bn)


@mistake("10.3")
def fold_batchnorm(conv, bn):
    """Stride, padding, dilation and groups were all left out: the new convolution has the default ones."""

    class Slip(Folding):
        def copied(self, conv):
            return rebuilt(conv, "stride", "padding", "dilation", "groups", "padding_mode")

    return Slip()(conv, bn)


@mistake("10.3", caught_by="test_float64_stays_float64")
def fold_batchnorm(conv, bn):
    """The new tensors are float32, whatever the layers are."""
    return Folding()(conv, bn).float()


# The layers that came in, and the statistics
@mistake("10.3")
def fold_batchnorm(conv, bn):
    """The convolution that came in is changed, and comes back. Make a new one, or a copy."""

    class Slip(Folding):
        def copied(self, conv):
            return conv

    return Slip()(conv, bn)


@mistake("10.3")
def fold_batchnorm(conv, bn):
    """The normalization is put into evaluation mode and left there. Running statistics can be read in any mode."""
    bn.eval()
    return Folding()(conv, bn)


@mistake("10.3")
def fold_batchnorm(conv, bn):
    """Layers in training mode are refused. Running statistics are there in any mode, and these are folded."""
    if bn.training:
        raise ValueError("fold in evaluation mode")
    return Folding()(conv, bn)


@mistake("10.3", caught_by="test_the_mode_does_not_matter")
def fold_batchnorm(conv, bn):
    """In training mode nothing is folded. Whatever the mode, the running statistics are."""
    return copy.deepcopy(conv) if bn.training else Folding()(conv, bn)


# Two slips at once, as they often come
@mistake("10.3")
def fold_batchnorm(conv, bn):
    """Two cases are missing: the padding mode, without which the new convolution pads with zeros; and affine=False, with which weight
    and bias of the normalization are None."""

    class Slip(AlwaysAffine):
        def copied(self, conv):
            return rebuilt(conv, "padding_mode")

    return Slip()(conv, bn)


@mistake("10.3")
def fold_batchnorm(conv, bn):
    """Of the convolution's options you take stride and padding alone: dilation, groups and padding mode are missing. And with
    affine=False weight and bias of the normalization are None."""

    class Slip(AlwaysAffine):
        def copied(self, conv):
            return rebuilt(conv, "dilation", "groups", "padding_mode")

    return Slip()(conv, bn)


@mistake("10.3")
def fold_batchnorm(conv, bn):
    """As in YOLO's well-known function three cases are missing: the padding mode; affine=False, where weight and bias of the
    normalization are None; and layers in float64."""
    fused = rebuilt(conv, "padding_mode").requires_grad_(False)
    scale = torch.diag(bn.weight.div(torch.sqrt(bn.running_var + bn.eps)))
    fused.weight.copy_(torch.mm(scale, conv.weight.reshape(len(scale), -1)).view(fused.weight.shape))
    bias = torch.zeros(len(scale)) if conv.bias is None else conv.bias
    shift = bn.bias - bn.weight.mul(bn.running_mean).div(torch.sqrt(bn.running_var + bn.eps))
    fused.bias.copy_(torch.mm(scale, bias.reshape(-1, 1)).reshape(-1) + shift)
    return fused


@mistake("10.3")
def fold_batchnorm(conv, bn):
    """The layers are put into evaluation mode and left there: running statistics can be read in any mode. And with affine=False weight
    and bias of the normalization are None."""
    conv.eval()
    bn.eval()
    return AlwaysAffine()(conv, bn)


@mistake("10.3")
def fold_batchnorm(conv, bn):
    """Layers in training mode are refused, though the running statistics are there in any mode. And with affine=False weight and bias
    of the normalization are None."""
    assert not bn.training
    return AlwaysAffine()(conv, bn)


# What is none
@mistake("10.3")
def fold_batchnorm(conv, bn):
    """The two layers are put into an nn.Sequential. One nn.Conv2d is asked for, with the normalization inside its weight and bias."""
    return nn.Sequential(copy.deepcopy(conv), copy.deepcopy(bn).eval())


@mistake("10.3")
def fold_batchnorm(conv, bn):
    """Weight and bias come back as a pair; one nn.Conv2d is asked for."""
    folded = Folding()(conv, bn)
    return folded.weight, folded.bias


@mistake("10.3")
def fold_batchnorm(conv, bn):
    """The statistics are those of the filters' weights. What is folded are the running statistics of the layer."""
    flat = conv.weight.detach().flatten(1)

    class Slip(Folding):
        def mean(self, bn):
            return flat.mean(1)

        def var(self, bn):
            return flat.var(1, unbiased=False)

    return Slip()(conv, bn)


@mistake("10.3")
def fold_batchnorm(conv, bn):
    """This is PyTorch's own fusion, which the exercise forbids; here you write it."""
    from torch.nn.utils.fusion import fuse_conv_bn_eval

    return fuse_conv_bn_eval(copy.deepcopy(conv).eval(), copy.deepcopy(bn).eval())


@mistake("10.3")
def fold_batchnorm(conv, bn):
    """Weight and bias are those of the old convolution: the normalization still runs behind it, as a hook or in a forward of its own,
    or not at all. It belongs into the two tensors."""
    folded = copy.deepcopy(conv)
    norm = copy.deepcopy(bn).eval()
    folded.register_forward_hook(lambda module, inputs, output: norm(output))
    return folded


@mistake("10.3")
def fold_batchnorm(conv, bn):
    """Of the convolution's options you take stride and padding alone: dilation, groups and padding mode are missing. A deep copy of conv
    has them all."""

    class Slip(Folding):
        def copied(self, conv):
            return rebuilt(conv, "dilation", "groups", "padding_mode").to(conv.weight.dtype)

    return Slip()(conv, bn)
