"""Known wrong answers to exercise 6.2, each with the sentence that helps."""

from functools import cache

import torch
from torch import nn

from bncourse.checking import mistake


def convolution(inputs, outputs, batch_norm):
    return nn.Conv2d(inputs, outputs, 3, padding=1, bias=not batch_norm)


def norm(channels):
    return nn.BatchNorm2d(channels)


def network(num_classes, batch_norm, *, convolution=convolution, norm=norm, order="cnr", channels=1, end=(), pool=None):
    """conv (c), norm (n), ReLU (r) and pooling (p) in each block, in this order."""
    layers = []
    for inputs, outputs in [(channels, 8), (8, 16), (16, 16)]:
        make = {
            "c": lambda i=inputs, o=outputs: [convolution(i, o, batch_norm)],
            "n": lambda o=outputs: [norm(o)] if batch_norm else [],
            "r": lambda: [nn.ReLU()],
            "p": lambda: [nn.MaxPool2d(2)],
        }
        for part in order if "p" in order else order + "p":
            layers += make[part]()
    pool = pool or [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(16, num_classes)]
    return nn.Sequential(*layers, *pool, *end)


class WithoutRunning(nn.BatchNorm2d):
    def __init__(self, channels):
        super().__init__(channels, track_running_stats=False)


class Squeezed(nn.Sequential):
    def forward(self, x):
        return super().forward(x).squeeze()


class InAList(nn.Module):
    def __init__(self, layers):
        super().__init__()
        self.layers = list(layers)

    def forward(self, x):
        for layer in self.layers:
            x = layer(x)
        return x


@cache
def only_once(num_classes, batch_norm):
    torch.manual_seed(0)
    return network(num_classes, batch_norm)


class Unused(nn.Sequential):
    def __init__(self, layers, spare):
        super().__init__(*layers)
        self.spare = spare

    def forward(self, x):
        for name, layer in self.named_children():
            x = x if name == "spare" else layer(x)
        return x


@mistake("6.2", caught_by="test_no_bias_where_beta_follows")
def make_cnn(num_classes, batch_norm):
    """The convolutions have a bias although normalization follows: it is subtracted with the mean, and β does its work."""
    return network(num_classes, batch_norm, convolution=lambda i, o, bn: nn.Conv2d(i, o, 3, padding=1))


@mistake("6.2")
def make_cnn(num_classes, batch_norm):
    """The bias is missing in the network without normalization too, where no β takes its place: bias=not batch_norm."""
    return network(num_classes, batch_norm, convolution=lambda i, o, bn: nn.Conv2d(i, o, 3, padding=1, bias=False))


@mistake("6.2")
def make_cnn(num_classes, batch_norm):
    """The bias stands in the wrong network: bias=batch_norm gives it to the convolutions that β follows and takes it from the others."""
    return network(num_classes, batch_norm, convolution=lambda i, o, bn: nn.Conv2d(i, o, 3, padding=1, bias=bn))


@mistake("6.2", caught_by="test_without_normalization_the_rest_stays")
def make_cnn(num_classes, batch_norm):
    """Normalization is always there: `batch_norm` is not used."""
    return network(num_classes, True)


@mistake("6.2")
def make_cnn(num_classes, batch_norm):
    """Normalization is never there: `batch_norm` is not used."""
    return network(num_classes, False)


@mistake("6.2")
def make_cnn(num_classes, batch_norm):
    """The switch is reversed: there is normalization with batch_norm=False and none with batch_norm=True."""
    return network(num_classes, not batch_norm)


@mistake("6.2")
def make_cnn(num_classes, batch_norm):
    """Normalization stands behind the ReLU. Asked for is convolution, normalization, ReLU; otherwise β sends negative values on."""
    return network(num_classes, batch_norm, order="crn")


@mistake("6.2")
def make_cnn(num_classes, batch_norm):
    """Normalization comes before the convolution: the block is convolution, normalization, ReLU."""
    model = network(num_classes, batch_norm, order="cr")
    if not batch_norm:
        return model
    layers = []
    for layer in model:
        layers += [nn.BatchNorm2d(layer.in_channels), layer] if isinstance(layer, nn.Conv2d) else [layer]
    return nn.Sequential(*layers)


@mistake("6.2")
def make_cnn(num_classes, batch_norm):
    """Pooling stands between the convolution and its normalization: normalization follows at once, pooling after the block."""
    return network(num_classes, batch_norm, order="cpnr")


@mistake("6.2")
def make_cnn(num_classes, batch_norm):
    """The ReLUs are missing: without them several convolutions are no more than one."""
    return network(num_classes, batch_norm, order="cn")


@mistake("6.2")
def make_cnn(num_classes, batch_norm):
    """The normalization keeps no running statistics (track_running_stats=False): at inference an image's logits depend
    on the other images of the batch."""
    return network(num_classes, batch_norm, norm=WithoutRunning)


@mistake("6.2")
def make_cnn(num_classes, batch_norm):
    """The normalization has no γ and β (affine=False), so that nothing takes the place of the bias."""
    return network(num_classes, batch_norm, norm=lambda channels: nn.BatchNorm2d(channels, affine=False))


@mistake("6.2")
def make_cnn(num_classes, batch_norm):
    """Instance normalization: each image is normalised by itself, not the batch. nn.BatchNorm2d is asked for."""
    return network(num_classes, batch_norm, norm=lambda channels: nn.InstanceNorm2d(channels, affine=True))


@mistake("6.2", caught_by="test_normalization_has_all_its_parts")
def make_cnn(num_classes, batch_norm):
    """Group normalization: groups of channels of one image are normalised, not each channel over the batch."""
    return network(num_classes, batch_norm, norm=lambda channels: nn.GroupNorm(4, channels))


@mistake("6.2")
def make_cnn(num_classes, batch_norm):
    """nn.BatchNorm1d takes (N, C) or (N, C, L); images behind a convolution need nn.BatchNorm2d."""
    return network(num_classes, batch_norm, norm=nn.BatchNorm1d)


@mistake("6.2")
def make_cnn(num_classes, batch_norm):
    """Only the first convolution is normalised."""
    layers = list(network(num_classes, batch_norm))
    norms = [layer for layer in layers if isinstance(layer, nn.BatchNorm2d)]
    return nn.Sequential(*[layer for layer in layers if layer not in norms[1:]])


@mistake("6.2", caught_by="test_convolution_then_normalization_then_relu")
def make_cnn(num_classes, batch_norm):
    """Several convolutions share one layer of normalization, and with it γ, β and running statistics. Each needs its own."""
    shared = cache(nn.BatchNorm2d)
    return network(num_classes, batch_norm, norm=shared)


@mistake("6.2", caught_by="test_logits_are_not_squeezed")
def make_cnn(num_classes, batch_norm):
    """A softmax stands at the end. Cross-entropy takes logits and has the softmax inside; a second one flattens the gradient."""
    return network(num_classes, batch_norm, end=[nn.Softmax(1)])


@mistake("6.2")
def make_cnn(num_classes, batch_norm):
    """A ReLU comes after the last layer: logits may be negative, and where it cuts them no gradient comes back."""
    return network(num_classes, batch_norm, end=[nn.ReLU()])


@mistake("6.2")
def make_cnn(num_classes, batch_norm):
    """The logits are normalised over the batch: a verdict then depends on the other images, in training at least."""
    return network(num_classes, batch_norm, end=[nn.BatchNorm1d(num_classes)] * batch_norm)


@mistake("6.2")
def make_cnn(num_classes, batch_norm):
    """There are always ten logits: `num_classes` is not used."""
    return network(10, batch_norm)


@mistake("6.2")
def make_cnn(num_classes, batch_norm):
    """There are always two logits, face and background: `num_classes` is not used."""
    return network(2, batch_norm)


@mistake("6.2")
def make_cnn(num_classes, batch_norm):
    """No image goes through: the first convolution expects three channels, as of colour images, where there is one, or the last layer is made
    for images of another size. nn.AdaptiveAvgPool2d(1) before nn.Flatten() makes it fit all sizes."""
    return network(num_classes, batch_norm, channels=3)


@mistake("6.2", caught_by="test_images_of_any_size")
def make_cnn(num_classes, batch_norm):
    """The last layer is made for one size of images, 24 x 24. nn.AdaptiveAvgPool2d(1) before nn.Flatten() makes it fit all sizes."""
    return network(num_classes, batch_norm, pool=[nn.Flatten(), nn.Linear(16 * 3 * 3, num_classes)])


def of_one_size(num_classes, batch_norm, side, bias):
    """Two blocks, pooling after each, and a last layer for images of one size."""
    blocks = []
    for inputs, outputs in ((1, 8), (8, 16)):
        norm = [nn.BatchNorm2d(outputs)] if batch_norm else []
        blocks += [nn.Conv2d(inputs, outputs, 3, padding=1, bias=bias), *norm, nn.ReLU(), nn.MaxPool2d(2)]
    return nn.Sequential(*blocks, nn.Flatten(), nn.Linear(16 * (side // 4) ** 2, num_classes))


@mistake("6.2")
def make_cnn(num_classes, batch_norm):
    """The last layer is made for images of 28 x 28 alone. nn.AdaptiveAvgPool2d(1) before nn.Flatten() makes it fit all sizes."""
    return of_one_size(num_classes, batch_norm, 28, not batch_norm)


@mistake("6.2")
def make_cnn(num_classes, batch_norm):
    """The last layer is made for images of 28 x 28 alone: nn.AdaptiveAvgPool2d(1) before nn.Flatten() makes it fit all sizes. And the convolutions
    have a bias although normalization follows: bias=not batch_norm."""
    return of_one_size(num_classes, batch_norm, 28, True)


@mistake("6.2")
def make_cnn(num_classes, batch_norm):
    """The last layer is made for images of 24 x 24 alone: nn.AdaptiveAvgPool2d(1) before nn.Flatten() makes it fit all sizes. And the convolutions
    have a bias although normalization follows: bias=not batch_norm."""
    return of_one_size(num_classes, batch_norm, 24, True)


@mistake("6.2")
def make_cnn(num_classes, batch_norm):
    """`squeeze()` without an axis also takes away the axis of a batch of one: nn.Flatten(), or flatten(1), keeps it."""
    return Squeezed(*network(num_classes, batch_norm))


@mistake("6.2")
def make_cnn(num_classes, batch_norm):
    """The network is returned in evaluation mode; a new network must be trained."""
    return network(num_classes, batch_norm).eval()


@mistake("6.2", caught_by="test_a_new_network_ready_to_be_trained")
def make_cnn(num_classes, batch_norm):
    """The parameters are frozen (requires_grad is False): nothing would be trained."""
    return network(num_classes, batch_norm).requires_grad_(False)


@mistake("6.2")
def make_cnn(num_classes, batch_norm):
    """The layers stand in a plain list: the module does not know them, so that optimizer, eval() and state_dict() miss them.
    nn.Sequential or nn.ModuleList registers them."""
    return InAList(network(num_classes, batch_norm))


@mistake("6.2")
def make_cnn(num_classes, batch_norm):
    """The layers are made once, outside the function: every network that it returns is the same one. Make them inside."""
    return only_once(num_classes, batch_norm).train()


@mistake("6.2")
def make_cnn(num_classes, batch_norm):
    """Without normalization the network is another one, narrower: the comparison would compare two things at once."""
    if batch_norm:
        return network(num_classes, True)
    layers = [nn.Conv2d(1, 4, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(4, 8, 3), nn.ReLU()]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, num_classes))


@mistake("6.2")
def make_cnn(num_classes, batch_norm):
    """With batch_norm=False the layers of normalization are made all the same and not used: their γ and β stay in the network and get no
    gradient. Make them only where they are wanted."""
    layers = network(num_classes, batch_norm)
    return layers if batch_norm else Unused(layers, nn.ModuleList(norm(channels) for channels in (8, 16, 16)))


@mistake("6.2", caught_by="test_one_logit_a_class")
def make_cnn(num_classes, batch_norm):
    """Two classes share a single logit, as in a yes-or-no question. Here each class has a logit of its own, two of them as well."""
    return network(1 if num_classes == 2 else num_classes, batch_norm)


@mistake("6.2")
def make_cnn(num_classes, batch_norm):
    """Two slips: the normalization has no γ and β (affine=False), and without normalization the convolutions have no bias either. bias=not batch_norm gives them one there."""
    return network(
        num_classes,
        batch_norm,
        convolution=lambda inputs, outputs, _: nn.Conv2d(inputs, outputs, 3, padding=1, bias=False),
        norm=lambda channels: nn.BatchNorm2d(channels, affine=False),
    )


@mistake("6.2")
def make_cnn(num_classes, batch_norm):
    """`nn.LazyLinear` takes its size from the first images that it gets, and fits no others from then on. nn.AdaptiveAvgPool2d(1) before nn.Flatten() makes it fit all sizes."""
    return network(num_classes, batch_norm, pool=[nn.Flatten(), nn.LazyLinear(num_classes)])


@mistake("6.2")
def make_cnn(num_classes, batch_norm):
    """Every convolution has a bias, although normalization follows with batch_norm=True: there it is subtracted with the mean. Write bias=not batch_norm."""
    layers, channels = [], 1
    for width in (16, 32):
        layers.append(nn.Conv2d(channels, width, 3, padding=1))
        layers += [nn.BatchNorm2d(width)] if batch_norm else []
        layers += [nn.ReLU(), nn.MaxPool2d(2)]
        channels = width
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, num_classes))
