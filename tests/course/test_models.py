"""The small network of several pages takes any normalisation and any image."""

import torch
from torch import nn

from bncourse.lab.models import small_cnn


def test_the_small_cnn_takes_any_norm_and_image():
    model = small_cnn()
    kinds = [nn.Conv2d, nn.BatchNorm2d, nn.ReLU] * 3 + [nn.Flatten, nn.Linear]
    assert [type(module) for module in model] == kinds
    assert [model[place].stride[0] for place in (0, 3, 6)] == [2, 2, 1] and model[0].bias is None
    assert model(torch.zeros(2, 1, 28, 28)).shape == (2, 10)
    plain = small_cnn(None, image=(3, 25, 32), classes=2)
    assert plain(torch.zeros(4, 3, 25, 32)).shape == (4, 2)
    assert not any(isinstance(module, nn.BatchNorm2d) for module in plain) and plain[0].bias is not None
    assert isinstance(small_cnn(lambda channels: nn.GroupNorm(4, channels))[1], nn.GroupNorm)
