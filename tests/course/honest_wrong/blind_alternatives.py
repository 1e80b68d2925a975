"""Wrong answers to chapter 14, written before any look at checks, mistakes or this bank."""

# ruff: noqa: F811  one name has many answers

import numpy as np

from tests.course.honest_wrong import wrong


@wrong("14.1", "Only the last axis is averaged, as language")
def layer_norm(x, gamma, beta, eps=1e-5):
    """Over the last axis only, as in transformers."""
    mu = x.mean(axis=-1, keepdims=True)
    var = np.mean((x - mu) ** 2, axis=-1, keepdims=True)
    return gamma * (x - mu) / np.sqrt(var + eps) + beta


@wrong("14.1", "Statistics over the batch: you average over axis")
def layer_norm(x, gamma, beta, eps=1e-5):
    """Over the batch (axis 0), as in chapter 3."""
    mu = x.mean(axis=0)
    var = ((x - mu) ** 2).mean(axis=0)
    x_hat = (x - mu) / np.sqrt(var + eps)
    return gamma * x_hat + beta


@wrong("14.1", "ε stands outside the root: you divide by √σ² + ε")
def layer_norm(x, gamma, beta, eps=1e-5):
    """eps is added to the deviation."""
    out = np.empty(x.shape)
    for i in range(x.shape[0]):
        sample = x[i].astype(np.float64)
        out[i] = gamma * (sample - sample.mean()) / (sample.std() + eps) + beta
    return out


@wrong("14.2", "The axes are written for pictures, (2, 3). Let")
def instance_norm(x, gamma, beta, eps=1e-5):
    """Axes 2 and 3 only: fails or is wrong for other numbers of spatial axes."""
    mu = x.mean(axis=(2, 3), keepdims=True)
    var = ((x - mu) ** 2).mean(axis=(2, 3), keepdims=True)
    g, b = gamma.reshape(1, -1, 1, 1), beta.reshape(1, -1, 1, 1)
    return g * (x - mu) / np.sqrt(var + eps) + b


@wrong("14.2", "These are the axes of layer normalization: your")
def instance_norm(x, gamma, beta, eps=1e-5):
    """Over channels too: layer norm."""
    axes = tuple(range(1, x.ndim))
    shape = (1, -1) + (1,) * (x.ndim - 2)
    d = x - x.mean(axis=axes, keepdims=True)
    return gamma.reshape(shape) * d / np.sqrt((d**2).mean(axis=axes, keepdims=True) + eps) + beta.reshape(shape)


@wrong("14.2", "γ and β are not used: PyTorch's InstanceNorm2d")
def instance_norm(x, gamma, beta, eps=1e-5):
    """Forgets gamma and beta."""
    n, c = x.shape[:2]
    flat = x.reshape(n, c, -1)
    d = flat - flat.mean(-1, keepdims=True)
    return (d / np.sqrt((d**2).mean(-1, keepdims=True) + eps)).reshape(x.shape)


@wrong("14.3", "`num_groups` is taken for the number of channels")
def group_norm(x, num_groups, gamma, beta, eps=1e-5):
    """num_groups taken for the channels in a group."""
    N, C = x.shape[:2]
    if C % num_groups != 0:
        raise ValueError("C must be divisible by num_groups")
    g = x.reshape(N, C // num_groups, num_groups, *x.shape[2:])
    ax = tuple(range(2, g.ndim))
    d = g - g.mean(axis=ax, keepdims=True)
    y = (d / np.sqrt((d * d).mean(axis=ax, keepdims=True) + eps)).reshape(x.shape)
    sh = (1, C) + (1,) * (x.ndim - 2)
    return y * gamma.reshape(sh) + beta.reshape(sh)


@wrong("14.3", "Your groups are interleaved: with two groups")
def group_norm(x, num_groups, gamma, beta, eps=1e-5):
    """Channels apart make a group: channel c belongs to group c % num_groups."""
    N, C = x.shape[:2]
    if C % num_groups:
        raise ValueError
    out = np.zeros(x.shape)
    for g in range(num_groups):
        block = x[:, g::num_groups]
        ax = tuple(range(1, x.ndim))
        d = block - block.mean(axis=ax, keepdims=True)
        out[:, g::num_groups] = d / np.sqrt((d**2).mean(axis=ax, keepdims=True) + eps)
    sh = (1, C) + (1,) * (x.ndim - 2)
    return out * gamma.reshape(sh) + beta.reshape(sh)


@wrong("14.3", "Channels that cannot be divided raise an")
def group_norm(x, num_groups, gamma, beta, eps=1e-5):
    """assert instead of ValueError."""
    N, C = x.shape[:2]
    assert C % num_groups == 0, "channels must be divisible by groups"
    xg = x.reshape(N, num_groups, -1)
    mu = xg.mean(axis=2, keepdims=True)
    var = ((xg - mu) ** 2).mean(axis=2, keepdims=True)
    xn = ((xg - mu) / np.sqrt(var + eps)).reshape(x.shape)
    sh = (1, C) + (1,) * (x.ndim - 2)
    return xn * gamma.reshape(sh) + beta.reshape(sh)


@wrong("14.3", "The groups are averaged over the batch as well")
def group_norm(x, num_groups, gamma, beta, eps=1e-5):
    """Statistics over the batch as well (axis 0)."""
    N, C = x.shape[:2]
    if C % num_groups:
        raise ValueError("not divisible")
    xg = x.reshape(N, num_groups, C // num_groups, *x.shape[2:])
    ax = (0,) + tuple(range(2, xg.ndim))
    d = xg - xg.mean(axis=ax, keepdims=True)
    xn = (d / np.sqrt((d**2).mean(axis=ax, keepdims=True) + eps)).reshape(x.shape)
    sh = (1, C) + (1,) * (x.ndim - 2)
    return xn * gamma.reshape(sh) + beta.reshape(sh)


@wrong("14.4", "ι and 1 - ι have changed places: ι belongs to")
def batch_channel_norm(x, gamma, beta, iota, eps=1e-5):
    """iota and 1 - iota swapped."""
    sh = (1, -1) + (1,) * (x.ndim - 2)
    b_ax, l_ax = (0, *range(2, x.ndim)), tuple(range(1, x.ndim))
    bn = (x - x.mean(b_ax, keepdims=True)) / np.sqrt(x.var(b_ax, keepdims=True) + eps)
    ln = (x - x.mean(l_ax, keepdims=True)) / np.sqrt(x.var(l_ax, keepdims=True) + eps)
    return gamma.reshape(sh) * ((1 - iota) * bn + iota * ln) + beta.reshape(sh)


@wrong("14.4", "The second part normalises what the first has")
def batch_channel_norm(x, gamma, beta, iota, eps=1e-5):
    """The second normalization takes the output of the first."""
    sh = (1, -1) + (1,) * (x.ndim - 2)
    b_ax, l_ax = (0, *range(2, x.ndim)), tuple(range(1, x.ndim))
    bn = (x - x.mean(b_ax, keepdims=True)) / np.sqrt(x.var(b_ax, keepdims=True) + eps)
    ln = (bn - bn.mean(l_ax, keepdims=True)) / np.sqrt(bn.var(l_ax, keepdims=True) + eps)
    return gamma.reshape(sh) * (iota * bn + (1 - iota) * ln) + beta.reshape(sh)


@wrong("14.4", "You mix the means and the variances and")
def batch_channel_norm(x, gamma, beta, iota, eps=1e-5):
    """Mixes the statistics, not the normalised values (switchable normalization)."""
    sh = (1, -1) + (1,) * (x.ndim - 2)
    b_ax, l_ax = (0, *range(2, x.ndim)), tuple(range(1, x.ndim))
    mu = iota * x.mean(b_ax, keepdims=True) + (1 - iota) * x.mean(l_ax, keepdims=True)
    var = iota * x.var(b_ax, keepdims=True) + (1 - iota) * x.var(l_ax, keepdims=True)
    return gamma.reshape(sh) * (x - mu) / np.sqrt(var + eps) + beta.reshape(sh)


@wrong("14.5", "One mean and variance for the whole layer. Each")
def weight_standardize(weight, eps=1e-5):
    """All filters together: one mean and one variance."""
    return (weight - weight.mean()) / np.sqrt(weight.var() + eps)


@wrong("14.5", "The centred filter is divided by its length, and")
def weight_standardize(weight, eps=1e-5):
    """Only centred and divided by the norm (weight normalization), no eps."""
    w = weight.reshape(len(weight), -1)
    w = w - w.mean(axis=1, keepdims=True)
    w = w / np.linalg.norm(w, axis=1, keepdims=True)
    return w.reshape(weight.shape)


@wrong("14.5", "Each kernel weight[i, j] is standardised by")
def weight_standardize(weight, eps=1e-5):
    """The kernel axes only: each (out, in) by itself; axis 1 for linear layers."""
    ax = tuple(range(2, weight.ndim)) or (1,)
    return (weight - weight.mean(axis=ax, keepdims=True)) / np.sqrt(weight.var(axis=ax, keepdims=True) + eps)


@wrong("14.5", "You divide by the unbiased standard deviation plus ε")
def weight_standardize(weight, eps=1e-5):
    """torch.var_mean's default, unbiased, as in Qiao's code."""
    flat = weight.reshape(weight.shape[0], -1)
    m = flat.mean(axis=1, keepdims=True)
    s = flat.std(axis=1, keepdims=True, ddof=1) + eps
    return ((flat - m) / s).reshape(weight.shape)


@wrong("14.6", "The style's variance multiplies the normalised")
def adaptive_instance_norm(content, style, eps=1e-5):
    """Multiplies with the variance of the style, not its deviation."""
    ca, sa = tuple(range(2, content.ndim)), tuple(range(2, style.ndim))
    x_hat = (content - content.mean(ca, keepdims=True)) / np.sqrt(content.var(ca, keepdims=True) + eps)
    sh = content.shape[:2] + (1,) * len(ca)
    return x_hat * style.var(sa).reshape(sh) + style.mean(sa).reshape(sh)


@wrong("14.6", "The styles are thrown together: their statistics")
def adaptive_instance_norm(content, style, eps=1e-5):
    """The style's statistics are averaged over the batch."""
    ca, sa = tuple(range(2, content.ndim)), (0, *range(2, style.ndim))
    x_hat = (content - content.mean(ca, keepdims=True)) / np.sqrt(content.var(ca, keepdims=True) + eps)
    sh = (1, -1) + (1,) * len(ca)
    return x_hat * style.std(sa).reshape(sh) + style.mean(sa).reshape(sh)


@wrong("14.6", "All statistics have changed places: the content")
def adaptive_instance_norm(content, style, eps=1e-5):
    """Content and style swapped in the roles of the statistics."""
    n, c = content.shape[:2]
    cf, sf = content.reshape(n, c, -1), style.reshape(n, c, -1)
    c_mu, c_sd = cf.mean(-1, keepdims=True), cf.std(-1, keepdims=True)
    s_mu, s_var = sf.mean(-1, keepdims=True), sf.var(-1, keepdims=True)
    out = c_sd * (cf - s_mu) / np.sqrt(s_var + eps) + c_mu
    return out.reshape(content.shape)
