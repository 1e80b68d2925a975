"""Known wrong answers to exercise 14.4, each with the sentence that helps."""

import numpy as np

from bncourse.checking import mistake


def normalised(x, axes, eps, ddof=0):
    mean = x.mean(axes, keepdims=True)
    return (x - mean) / np.sqrt(x.var(axes, keepdims=True, ddof=ddof) + eps)


def batch_axes(x):
    return (0, *range(2, x.ndim))


def layer_axes(x):
    return tuple(range(1, x.ndim))


def per_channel(values, x):
    return values.reshape(-1, *[1] * (x.ndim - 2))


def scaled(x_hat, gamma, beta):
    return per_channel(gamma, x_hat) * x_hat + per_channel(beta, x_hat)


def mixed(x, iota, eps, ddof=0):
    return iota * normalised(x, batch_axes(x), eps, ddof) + (1 - iota) * normalised(x, layer_axes(x), eps, ddof)


@mistake("14.4")
def batch_channel_norm(x, gamma, beta, iota, eps=1e-5):
    """ι and 1 - ι have changed places: ι belongs to the batch-normalised part, 1 - ι to the layer-normalised one."""
    return scaled(mixed(x, 1 - iota, eps), gamma, beta)


@mistake("14.4")
def batch_channel_norm(x, gamma, beta, iota, eps=1e-5):
    """ι is ignored: you return batch normalization alone."""
    return scaled(normalised(x, batch_axes(x), eps), gamma, beta)


@mistake("14.4")
def batch_channel_norm(x, gamma, beta, iota, eps=1e-5):
    """ι is ignored: you return layer normalization alone."""
    return scaled(normalised(x, layer_axes(x), eps), gamma, beta)


@mistake("14.4")
def batch_channel_norm(x, gamma, beta, iota, eps=1e-5):
    """ι is ignored: you take half of each part, always."""
    return scaled(mixed(x, 0.5, eps), gamma, beta)


@mistake("14.4")
def batch_channel_norm(x, gamma, beta, iota, eps=1e-5):
    """The layer-normalised part is added whole. Its weight is 1 - ι."""
    mixture = iota * normalised(x, batch_axes(x), eps) + normalised(x, layer_axes(x), eps)
    return scaled(mixture, gamma, beta)


@mistake("14.4")
def batch_channel_norm(x, gamma, beta, iota, eps=1e-5):
    """Brackets are missing around 1 - ι: you add 1 and subtract ι times the layer-normalised part. So it stands in one place
    of the authors' own code."""
    mixture = iota * normalised(x, batch_axes(x), eps) + 1 - iota * normalised(x, layer_axes(x), eps)
    return scaled(mixture, gamma, beta)


@mistake("14.4", caught_by="test_iota_says_how_much_of_which")
def batch_channel_norm(x, gamma, beta, iota, eps=1e-5):
    """ι is kept between 0 and 1 in your answer. It is a learned number that may leave that range; use it as it is."""
    return scaled(mixed(x, np.clip(iota, 0, 1), eps), gamma, beta)


@mistake("14.4")
def batch_channel_norm(x, gamma, beta, iota, eps=1e-5):
    """ι goes through a sigmoid first in your answer. It is used as it is."""
    return scaled(mixed(x, 1 / (1 + np.exp(-iota)), eps), gamma, beta)


@mistake("14.4")
def batch_channel_norm(x, gamma, beta, iota, eps=1e-5):
    """You normalise one after the other: first over the batch, then over the channels. That is near to what Qiao et al. mean by
    the same name. Here the two stand side by side and are mixed."""
    return scaled(normalised(normalised(x, batch_axes(x), eps), layer_axes(x), eps), gamma, beta)


@mistake("14.4")
def batch_channel_norm(x, gamma, beta, iota, eps=1e-5):
    """You mix the means and the variances and normalise once, as in switchable normalization. Here the normalised values are
    mixed."""
    batch, layer = batch_axes(x), layer_axes(x)
    mean = iota * x.mean(batch, keepdims=True) + (1 - iota) * x.mean(layer, keepdims=True)
    var = iota * x.var(batch, keepdims=True) + (1 - iota) * x.var(layer, keepdims=True)
    return scaled((x - mean) / np.sqrt(var + eps), gamma, beta)


@mistake("14.4")
def batch_channel_norm(x, gamma, beta, iota, eps=1e-5):
    """One mean and variance over batch, channels and positions together: that is neither of the two parts. Normalise twice and
    mix."""
    return scaled(normalised(x, None, eps), gamma, beta)


@mistake("14.4")
def batch_channel_norm(x, gamma, beta, iota, eps=1e-5):
    """The second part is instance normalization: each channel by itself. It should take all channels of an image together."""
    within = tuple(range(2, x.ndim))
    second = normalised(x, within, eps) if within else np.zeros(x.shape)
    return scaled(iota * normalised(x, batch_axes(x), eps) + (1 - iota) * second, gamma, beta)


@mistake("14.4")
def batch_channel_norm(x, gamma, beta, iota, eps=1e-5):
    """The second part averages the channels alone, position by position. It should take in the positions too."""
    return scaled(iota * normalised(x, batch_axes(x), eps) + (1 - iota) * normalised(x, 1, eps), gamma, beta)


@mistake("14.4")
def batch_channel_norm(x, gamma, beta, iota, eps=1e-5):
    """The first part averages the batch alone, so that each position has its own statistics. A channel shares them over all
    positions."""
    return scaled(iota * normalised(x, 0, eps) + (1 - iota) * normalised(x, layer_axes(x), eps), gamma, beta)


@mistake("14.4")
def batch_channel_norm(x, gamma, beta, iota, eps=1e-5):
    """The axes are written for pictures, (0, 2, 3) and (1, 2, 3). Let them follow from `x.ndim`."""
    mixture = iota * normalised(x, (0, 2, 3), eps) + (1 - iota) * normalised(x, (1, 2, 3), eps)
    return scaled(mixture, gamma, beta)


@mistake("14.4")
def batch_channel_norm(x, gamma, beta, iota, eps=1e-5):
    """None, one and two spatial axes are handled; a film or a volume has more. Let the axes follow from `x.ndim`."""
    over_batch, over_channels = {2: (0, 1), 3: ((0, 2), (1, 2)), 4: ((0, 2, 3), (1, 2, 3))}[x.ndim]
    mixture = iota * normalised(x, over_batch, eps) + (1 - iota) * normalised(x, over_channels, eps)
    return scaled(mixture, gamma, beta)


@mistake("14.4")
def batch_channel_norm(x, gamma, beta, iota, eps=1e-5):
    """The axes follow from `x.ndim`, the shape of γ and β does not: (1, C, 1, 1) suits pictures alone."""
    return gamma.reshape(1, -1, 1, 1) * mixed(x, iota, eps) + beta.reshape(1, -1, 1, 1)


@mistake("14.4")
def batch_channel_norm(x, gamma, beta, iota, eps=1e-5):
    """γ and β act twice: on each part and again on the mixture. They act once, on the mixture."""
    mixture = iota * scaled(normalised(x, batch_axes(x), eps), gamma, beta)
    mixture = mixture + (1 - iota) * scaled(normalised(x, layer_axes(x), eps), gamma, beta)
    return scaled(mixture, gamma, beta)


@mistake("14.4")
def batch_channel_norm(x, gamma, beta, iota, eps=1e-5):
    """γ and β act on the batch-normalised part alone. They act on the mixture."""
    batch = scaled(normalised(x, batch_axes(x), eps), gamma, beta)
    return iota * batch + (1 - iota) * normalised(x, layer_axes(x), eps)


@mistake("14.4")
def batch_channel_norm(x, gamma, beta, iota, eps=1e-5):
    """γ is not used: the mixture is shifted but never scaled."""
    return mixed(x, iota, eps) + per_channel(beta, x)


@mistake("14.4")
def batch_channel_norm(x, gamma, beta, iota, eps=1e-5):
    """β is not used: the mixture is scaled but never shifted."""
    return per_channel(gamma, x) * mixed(x, iota, eps)


@mistake("14.4")
def batch_channel_norm(x, gamma, beta, iota, eps=1e-5):
    """γ and β have changed places."""
    return scaled(mixed(x, iota, eps), beta, gamma)


@mistake("14.4")
def batch_channel_norm(x, gamma, beta, iota, eps=1e-5):
    """β is added before γ multiplies: γ(mixture + β). First scale, then shift."""
    return per_channel(gamma, x) * (mixed(x, iota, eps) + per_channel(beta, x))


@mistake("14.4")
def batch_channel_norm(x, gamma, beta, iota, eps=1e-5):
    """γ and β of shape (C,) are laid against the last axis of x. Channels stand on axis 1: reshape them to (C, 1, 1) for
    images."""
    return gamma * mixed(x, iota, eps) + beta


@mistake("14.4")
def batch_channel_norm(x, gamma, beta, iota, eps=1e-5):
    """The variances divide by n - 1. Normalising uses the biased one, which divides by n."""
    return scaled(mixed(x, iota, eps, ddof=1), gamma, beta)


@mistake("14.4")
def batch_channel_norm(x, gamma, beta, iota, eps=1e-5):
    """ε stands outside the roots: you divide by √σ² + ε instead of √(σ² + ε)."""
    parts = []
    for axes in (batch_axes(x), layer_axes(x)):
        parts.append((x - x.mean(axes, keepdims=True)) / (x.std(axes, keepdims=True) + eps))
    return scaled(iota * parts[0] + (1 - iota) * parts[1], gamma, beta)


@mistake("14.4")
def batch_channel_norm(x, gamma, beta, iota, eps=1e-5):
    """ε is missing: equal values are divided by 0."""
    return scaled(mixed(x, iota, 0), gamma, beta)


@mistake("14.4", caught_by="test_columns_and_rows_by_hand")
def batch_channel_norm(x, gamma, beta, iota, eps=1e-5):
    """ε stands under the root of the batch-normalised part only; the other part may be divided by 0."""
    mixture = iota * normalised(x, batch_axes(x), eps) + (1 - iota) * normalised(x, layer_axes(x), 0)
    return scaled(mixture, gamma, beta)


@mistake("14.4")
def batch_channel_norm(x, gamma, beta, iota, eps=1e-5):
    """The argument ε is ignored: a number of your own stands in the formula, whatever the caller asks for."""
    return scaled(mixed(x, iota, 1e-5), gamma, beta)


@mistake("14.4")
def batch_channel_norm(x, gamma, beta, iota, eps=1e-3):
    """ε is 1e-3 unless given. That is the habit of Keras; here it is 1e-5, as in PyTorch."""
    return scaled(mixed(x, iota, eps), gamma, beta)


@mistake("14.4")
def batch_channel_norm(x, gamma, beta, iota, eps=1e-5):
    """x itself is overwritten by the first part (`x -= mean`), and the second part starts from what is left of it."""
    x -= x.mean(batch_axes(x), keepdims=True)
    x /= np.sqrt((x**2).mean(batch_axes(x), keepdims=True) + eps)
    return scaled(iota * x + (1 - iota) * normalised(x, layer_axes(x), eps), gamma, beta)


@mistake("14.4")
def batch_channel_norm(x, gamma, beta, iota, eps=1e-5):
    """You call PyTorch, which is forbidden here: you write both normalizations yourself, with NumPy."""
    import torch

    x, gamma, beta = (torch.tensor(np.ascontiguousarray(values), dtype=torch.float64) for values in (x, gamma, beta))
    over_batch = torch.nn.functional.batch_norm(x, None, None, training=True, eps=eps)
    over_channels = torch.nn.functional.layer_norm(x, tuple(x.shape[1:]), eps=eps)
    return scaled(iota * over_batch + (1 - iota) * over_channels, gamma, beta).numpy()


def parts(x, eps):
    """x normalised over the batch, and over the channels of each image."""
    return normalised(x, batch_axes(x), eps), normalised(x, layer_axes(x), eps)


def weighted_sum(x, gamma, beta, over_batch, over_channels, eps=1e-5):
    batch, layer = parts(x, eps)
    return per_channel(gamma, x) * (over_batch * batch + over_channels * layer) + per_channel(beta, x)


@mistake("14.4")
def batch_channel_norm(x, gamma, beta, iota, eps=1e-5):
    """The parts are weighed with √ι and √(1 - ι). That would keep the variance if they were independent; here the weights are ι and 1 - ι."""
    return weighted_sum(x, gamma, beta, np.sqrt(abs(iota)), np.sqrt(abs(1 - iota)), eps)


@mistake("14.4")
def batch_channel_norm(x, gamma, beta, iota, eps=1e-5):
    """The mixture is divided by √(ι² + (1 - ι)²). It is used as it is, even if its variance is not 1."""
    length = np.hypot(iota, 1 - iota)
    return weighted_sum(x, gamma, beta, iota / length, (1 - iota) / length, eps)


@mistake("14.4")
def batch_channel_norm(x, gamma, beta, iota, eps=1e-5):
    """ι is ignored: you add the two parts."""
    return weighted_sum(x, gamma, beta, 1.0, 1.0, eps)


@mistake("14.4")
def batch_channel_norm(x, gamma, beta, iota, eps=1e-5):
    """ι chooses between the two parts in your answer. It mixes them."""
    return weighted_sum(x, gamma, beta, float(iota >= 0.5), float(iota < 0.5), eps)


@mistake("14.4")
def batch_channel_norm(x, gamma, beta, iota, eps=1e-5):
    """γ and β act on the layer-normalised part alone. They act on the mixture."""
    batch, layer = parts(x, eps)
    return iota * batch + (1 - iota) * (per_channel(gamma, x) * layer + per_channel(beta, x))


@mistake("14.4")
def batch_channel_norm(x, gamma, beta, iota, eps=1e-5):
    """The second part normalises what the first has made of x. Both parts begin with x itself."""
    batch, _ = parts(x, eps)
    mixture = iota * batch + (1 - iota) * normalised(batch, layer_axes(x), eps)
    return per_channel(gamma, x) * mixture + per_channel(beta, x)


@mistake("14.4", caught_by="test_mixture_for_any_number_of_spatial_axes")
def batch_channel_norm(x, gamma, beta, iota, eps=1e-5):
    """With one channel you only batch-normalise. The other part runs over the positions too, a single value gives 0 there, and ι counts all the same."""
    return scaled(mixed(x, 1 if x.shape[1] == 1 else iota, eps), gamma, beta)


@mistake("14.4", caught_by="test_gamma_and_beta_act_once_on_the_mixture")
def batch_channel_norm(x, gamma, beta, iota, eps=1e-5):
    """With ι = 1 the batch-normalised x is returned at once, without γ and β. They act whatever ι is."""
    return normalised(x, batch_axes(x), eps) if iota == 1 else scaled(mixed(x, iota, eps), gamma, beta)


@mistake("14.4", caught_by="test_eps_stands_under_both_roots")
def batch_channel_norm(x, gamma, beta, iota, eps=1e-5):
    """An ε of 1 or more is cut down. It is unusual, but the formula takes it like any other."""
    return scaled(mixed(x, iota, min(eps, 0.1)), gamma, beta)


@mistake("14.4", caught_by="test_batch_channel_norm_leaves_its_input_alone")
def batch_channel_norm(x, gamma, beta, iota, eps=1e-5):
    """The samples are centred in x itself (`x -= ...`): the caller's data are gone. Compute into a new array."""
    over_batch = normalised(x, batch_axes(x), eps)
    x -= x.mean(layer_axes(x), keepdims=True)
    return scaled(iota * over_batch + (1 - iota) * normalised(x, layer_axes(x), eps), gamma, beta)


@mistake("14.4")
def batch_channel_norm(x, gamma, beta, iota, eps=1e-5):
    """You mix means and standard deviations and normalise once. Normalise twice, and mix the results."""
    batch, layer = batch_axes(x), layer_axes(x)
    mean = iota * x.mean(batch, keepdims=True) + (1 - iota) * x.mean(layer, keepdims=True)
    std = iota * np.sqrt(x.var(batch, keepdims=True) + eps)
    std = std + (1 - iota) * np.sqrt(x.var(layer, keepdims=True) + eps)
    return scaled((x - mean) / std, gamma, beta)
