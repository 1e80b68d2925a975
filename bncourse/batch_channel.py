"""Batch channel normalization for the networks of `bncourse.ensembles` (`book/14_alternatives.md` explains it)."""

import torch
from torch.nn import functional as F

from bncourse.ensembles import CNNs, MLPs


class BatchChannel:
    """In the place of BN a mixture of BN and LN (Khaled et al., 2023); with `norm="batch"`, before a kind of networks.

    The share ι of BN, one a channel, is trained and begins at `start`, 1 as in its authors' code.
    """

    start = 1.0

    def _add_layer(self, *shape, normalised):
        super()._add_layer(*shape, normalised=normalised)
        layer = self.layers[-1]
        if normalised:
            layer.iota = torch.full_like(layer.gamma, self.start)

    @property
    def parameters(self):
        """All tensors that are trained, each `(members, ...)`; the shares ι come last."""
        return super().parameters + [layer.iota for layer in self.layers[:-1]]

    def _batch_normalised(self, layer, h, gamma, beta, training):
        one, zero = torch.ones_like(gamma), torch.zeros_like(beta)
        over_batch = super()._batch_normalised(layer, h, one, zero, training)
        over_channels = F.group_norm(h, self.members, eps=self.eps)
        shape = (-1, *[1] * (h.dim() - 2))
        gamma, beta, iota = (v.reshape(shape) for v in (gamma, beta, layer.iota))
        return gamma * (iota * over_batch + (1 - iota) * over_channels) + beta


class BatchChannelMLPs(BatchChannel, MLPs):
    """`MLPs` with batch channel normalization."""


class BatchChannelCNNs(BatchChannel, CNNs):
    """`CNNs` with batch channel normalization."""
