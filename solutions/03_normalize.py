# %% [markdown]
# # Exercises 3: Normalise
#
# They belong to the page *Normalise: subtract, divide, and a little ε*. Only NumPy is needed. Each answer is checked by the
# cell below it; a check may be run as often as you like.

# %% tags=["setup"]
import numpy as np

from bncourse import check

# %% [markdown]
# ## 3.1 Normalise with given statistics
#
# Write `normalize`: from `x` of shape `(N, D)`, a mean and a variance for each feature, both `(D,)`, and a number `eps`, 0 or
# more and usually small, compute
#
# $$\hat{x}_{nd} = \frac{x_{nd} - \mu_d}{\sqrt{\sigma^2_d + \varepsilon}}$$
#
# and return it, shape `(N, D)`. The statistics are given: they need not be those of `x`. `N` and `D` may be 1.
#
# *Free:* any NumPy function, loops. *Forbidden:* changing `x`, `mean` or `var`; other libraries.


# %% exercise="3.1"
def normalize(x, mean, var, eps=1e-5):
    """Normalise x (N, D) with mean (D,) and variance var (D,), both given; returns (N, D)."""
    # BEGIN SOLUTION
    return (x - mean) / np.sqrt(var + eps)
    # END SOLUTION


# %%
check("3.1")

# %% [markdown]
# ## 3.2 Normalise a batch
#
# Write `batch_normalize`: what a batch normalization layer does in training, without γ and β. The statistics are now those
# of the batch itself, with the biased variance (divide by the number of values). For features `(N, D)` there is one mean
# and one variance for each feature; for images or volumes `(N, C, *S)`, with one, two, three or more spatial axes, one for
# each *channel*, taken over the batch and all spatial positions. The result has the shape of `x`.
#
# `eps`, 0 or more, stands under the root as in 3.1. In float32, real activations can have a mean ten thousand times their
# standard deviation: take care how you compute the variance.
#
# *Free:* the dtype of the result, any NumPy function, using your answers to other exercises. *Forbidden:* changing `x`;
# other libraries.


# %% exercise="3.2"
def batch_normalize(x, eps=1e-5):
    """Normalise x (N, D) or (N, C, *S) with its own statistics for each feature or channel; returns the shape of x."""
    # BEGIN SOLUTION
    axes = (0, *range(2, x.ndim))
    mean = x.mean(axes, keepdims=True)
    var = ((x - mean) ** 2).mean(axes, keepdims=True)
    return (x - mean) / np.sqrt(var + eps)
    # END SOLUTION


# %%
check("3.2")

# %% [markdown]
# ## 3.3 Normalise at inference
#
# Write `normalize_inference`: at inference the layer uses the moving averages that it kept in training, `moving_mean` and
# `moving_var`, both `(C,)`, for `x` of shape `(N, C, *S)` with at least one spatial axis. So an image gets the same answer
# alone and in a batch, and a batch of one is the ordinary case. `eps`, 0 or more, stands under the root as in 3.1.
#
# *Free:* any NumPy function. *Forbidden:* changing any argument; other libraries.


# %% exercise="3.3"
def normalize_inference(x, moving_mean, moving_var, eps=1e-5):
    """Normalise x (N, C, *S) with the moving statistics (C,) of its channels; returns the shape of x."""
    # BEGIN SOLUTION
    channel_shape = (-1, *[1] * (x.ndim - 2))
    mean = moving_mean.reshape(channel_shape)
    var = moving_var.reshape(channel_shape)
    return (x - mean) / np.sqrt(var + eps)
    # END SOLUTION


# %%
check("3.3")

# %% [markdown]
# ## 3.4 Normalise in half precision
#
# Write `normalize_half`: as 3.2, but `x` is float16, and so is the result. Statistics in float16 go wrong in two ways: the
# square of a large difference, above 65504, becomes infinity, and the square of a small one becomes zero, as an ε of 1e-8
# does. So compute mean, variance and quotient in float32, and round only the finished result to float16. It must be finite
# for inputs up to 6e4 in size and correct to float16's precision for small ones.
#
# *Free:* any NumPy function, your answers to other exercises; float64 where you like. *Forbidden:* changing `x`; other
# libraries.


# %% exercise="3.4"
def normalize_half(x, eps=1e-5):
    """Normalise float16 x (N, D) or (N, C, *S) by feature or channel, statistics in float32; returns float16."""
    # BEGIN SOLUTION
    return batch_normalize(x.astype(np.float32), eps).astype(np.float16)
    # END SOLUTION


# %%
check("3.4")
