# %% [markdown]
# # Exercises 14: Alternatives
#
# They belong to the page *Alternatives: who shares a mean*. Only NumPy is needed. Each answer is checked by the cell
# below it; a check may be run as often as you like.
#
# All variances here are biased, divided by the number of values behind them, and ε is added to the variance under the
# root. Only which values share a mean and a variance changes from exercise to exercise.

# %% tags=["setup"]
import numpy as np

from bncourse import check

# %% [markdown]
# ## 14.1 Layer normalization
#
# Write `layer_norm`: each sample is normalised by itself, over **all axes but the first**, whatever `x` is: features
# `(N, D)`, sequences `(N, T, D)`, images `(N, C, H, W)`. So there is one mean and one variance for each sample. `gamma`
# and `beta` have the shape of one sample, `x.shape[1:]`: a scale and a shift for every element of it.
#
# The values may be float32 with a mean ten thousand times their standard deviation. The result may then be
# off by 3 %.
#
# *Free:* the dtype of the result, any NumPy function, loops. *Forbidden:* changing any argument; other libraries.


# %% exercise="14.1"
def layer_norm(x, gamma, beta, eps=1e-5):
    """Normalise each sample of x (N, ...) over all its elements, then scale and shift; gamma, beta (...)."""
    # BEGIN SOLUTION
    axes = tuple(range(1, x.ndim))
    mean = x.mean(axes, keepdims=True)
    var = ((x - mean) ** 2).mean(axes, keepdims=True)
    return gamma * (x - mean) / np.sqrt(var + eps) + beta
    # END SOLUTION


# %%
check("14.1")

# %% [markdown]
# ## 14.2 Instance normalization
#
# Write `instance_norm`: `x` is `(N, C, *S)` with at least one spatial axis. Each channel of each image is normalised by
# itself, over its positions: `N · C` means and as many variances. `gamma` and `beta` are `(C,)`.
#
# The values may be float32 with a mean ten thousand times their standard deviation. The result may then be
# off by 3 %.
#
# *Free:* the dtype of the result, any NumPy function, your answers to other exercises. *Forbidden:* changing any
# argument; other libraries.


# %% exercise="14.2"
def instance_norm(x, gamma, beta, eps=1e-5):
    """Normalise each channel of each image of x (N, C, *S) by itself, then scale and shift; gamma, beta (C,)."""
    # BEGIN SOLUTION
    axes = tuple(range(2, x.ndim))
    mean = x.mean(axes, keepdims=True)
    var = ((x - mean) ** 2).mean(axes, keepdims=True)
    channels = (-1, *[1] * len(axes))
    return gamma.reshape(channels) * (x - mean) / np.sqrt(var + eps) + beta.reshape(channels)
    # END SOLUTION


# %%
check("14.2")

# %% [markdown]
# ## 14.3 Group normalization
#
# Write `group_norm`: `x` is `(N, C, *S)`, also `(N, C)` without any spatial axis. The channels of each image are cut into
# `num_groups` groups of neighbours, equally large: six channels in two groups are 0, 1, 2 and 3, 4, 5. All elements of a
# group, its channels and their positions, share one mean and one variance. `gamma` and `beta` are `(C,)`, one a channel,
# not one a group.
#
# Where `num_groups` does not divide the number of channels, raise `ValueError`.
#
# The values may be float32 with a mean ten thousand times their standard deviation. The result may then be
# off by 3 %.
#
# *Free:* the dtype of the result, the words of the error, any NumPy function. *Forbidden:* changing any argument; other
# libraries.


# %% exercise="14.3"
def group_norm(x, num_groups, gamma, beta, eps=1e-5):
    """Normalise groups of channels of each image of x (N, C, *S), then scale and shift; gamma, beta (C,)."""
    # BEGIN SOLUTION
    count, channels, *positions = x.shape
    if channels % num_groups:
        raise ValueError(f"{channels} channels cannot be cut into {num_groups} equal groups")
    groups = x.reshape(count, num_groups, channels // num_groups, *positions)
    axes = tuple(range(2, groups.ndim))
    mean = groups.mean(axes, keepdims=True)
    var = ((groups - mean) ** 2).mean(axes, keepdims=True)
    x_hat = ((groups - mean) / np.sqrt(var + eps)).reshape(x.shape)
    per_channel = (-1, *[1] * len(positions))
    return gamma.reshape(per_channel) * x_hat + beta.reshape(per_channel)
    # END SOLUTION


# %%
check("14.3")

# %% [markdown]
# ## 14.4 Batch channel normalization
#
# Write `batch_channel_norm` as Khaled et al. (2023) define it, in training: normalise `x`, `(N, C, *S)` or `(N, C)`, in two
# ways, neither with a scale or shift of its own, and mix the two:
#
# $$y = \gamma \left( \iota \, \hat{x}_\text{batch} + (1 - \iota) \, \hat{x}_\text{layer} \right) + \beta$$
#
# $\hat{x}_\text{batch}$ is normalised as in batch normalization, with the mean and variance of each channel over the batch and all
# positions; $\hat{x}_\text{layer}$ as in layer normalization, with the mean and variance of each image over its channels and
# positions. `iota` is a number, `gamma` and `beta` are `(C,)` and act once, on the mixture. ε stands under both roots.
#
# *Free:* the dtype of the result, any NumPy function, your answers to other exercises. *Forbidden:* changing any
# argument; other libraries.


# %% exercise="14.4"
def batch_channel_norm(x, gamma, beta, iota, eps=1e-5):
    """Mix batch- and layer-normalised x (N, C, *S), iota to 1 - iota, then scale and shift; gamma, beta (C,)."""

    # BEGIN SOLUTION
    def normalized(axes):
        mean = x.mean(axes, keepdims=True)
        return (x - mean) / np.sqrt(((x - mean) ** 2).mean(axes, keepdims=True) + eps)

    over_batch = normalized((0, *range(2, x.ndim)))
    over_channels = normalized(tuple(range(1, x.ndim)))
    channels = (-1, *[1] * (x.ndim - 2))
    mixture = iota * over_batch + (1 - iota) * over_channels
    return gamma.reshape(channels) * mixture + beta.reshape(channels)
    # END SOLUTION


# %%
check("14.4")

# %% [markdown]
# ## 14.5 Weight standardization
#
# Write `weight_standardize`: what is normalised now is not the data but the weights of a layer. `weight` is
# `(out, in, *K)`, the filters of a convolution of any dimension, or `(out, in)`, a linear layer. Each output filter
# `weight[i]` gets mean 0 and variance 1 over all its entries:
#
# $$\hat{w}_i = \frac{w_i - \mu_i}{\sqrt{\sigma^2_i + \varepsilon}}$$
#
# There is no γ and no β: a normalization of the layer's output follows, and it has them.
#
# *Free:* the dtype of the result, any NumPy function. *Forbidden:* changing `weight`; other libraries.


# %% exercise="14.5"
def weight_standardize(weight, eps=1e-5):
    """Give each filter of weight (out, in, *K) mean 0 and variance 1; returns the shape of weight."""
    # BEGIN SOLUTION
    axes = tuple(range(1, weight.ndim))
    mean = weight.mean(axes, keepdims=True)
    return (weight - mean) / np.sqrt(weight.var(axes, keepdims=True) + eps)
    # END SOLUTION


# %%
check("14.5")

# %% [markdown]
# ## 14.6 Adaptive instance normalization
#
# Write `adaptive_instance_norm`: give the content the statistics of the style. `content` is `(N, C, *S)` with at least one
# spatial axis, `style` has the same `N` and `C`; its positions may be fewer or more. For each image and each channel
#
# $$y = \sigma_s \, \frac{x - \mu_c}{\sqrt{\sigma^2_c + \varepsilon}} + \mu_s$$
#
# where $\mu_c$, $\sigma^2_c$ are mean and variance of the content's channel over its positions, $\mu_s$ and $\sigma_s$ mean and
# standard deviation of the style's. The first image takes its style from the first image of `style`, the second from the
# second. The result has the shape of `content`.
#
# *Free:* ε under the style's root as well or not; the dtype of the result; any NumPy function, your answers to other
# exercises. *Forbidden:* changing any argument; other libraries.


# %% exercise="14.6"
def adaptive_instance_norm(content, style, eps=1e-5):
    """Give each channel of content (N, C, *S) the mean and standard deviation of that of style (N, C, *other S)."""
    # BEGIN SOLUTION
    within, beyond = tuple(range(2, content.ndim)), tuple(range(2, style.ndim))
    mean, var = content.mean(within, keepdims=True), content.var(within, keepdims=True)
    channels = (*content.shape[:2], *[1] * len(within))
    style_mean, style_std = style.mean(beyond).reshape(channels), style.std(beyond).reshape(channels)
    return style_std * (content - mean) / np.sqrt(var + eps) + style_mean
    # END SOLUTION


# %%
check("14.6")
