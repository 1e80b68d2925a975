# %% [markdown]
# # Exercises 4: Scale and shift
#
# They belong to the page *Scale and shift: what γ and β give back*. Only NumPy is needed. Each answer is checked by the cell
# below it; a check may be run as often as you like.

# %% tags=["setup"]
import numpy as np

from bncourse import check

# %% [markdown]
# ## 4.1 Scale and shift
#
# Write `scale_shift`: the last step of a batch normalization layer,
#
# $$y = \gamma \hat{x} + \beta$$
#
# for `x_hat` of shape `(N, C, *S)`, with no spatial axis (features, `(N, D)`), one, two, three or more. `gamma` and `beta` are
# `(C,)`, one number for each channel, which may be 0 or negative. The result has the shape of `x_hat`. Example: γ = 2 and β = 10 turn −1, 0, 1, 2 into 8, 10, 12, 14.
#
# *Free:* the dtype of the result, any NumPy function, loops. *Forbidden:* changing an argument; other libraries.


# %% exercise="4.1"
def scale_shift(x_hat, gamma, beta):
    """Scale and shift each channel of x_hat (N, C, *S) with gamma (C,) and beta (C,); returns the shape of x_hat."""
    # BEGIN SOLUTION
    channel_shape = (-1, *[1] * (x_hat.ndim - 2))
    return gamma.reshape(channel_shape) * x_hat + beta.reshape(channel_shape)
    # END SOLUTION


# %%
check("4.1")

# %% [markdown]
# ## 4.2 The identity
#
# Write `identity_parameters`: the γ and β with which the layer gives back what came in,
#
# $$\gamma \, \frac{x - \mu}{\sqrt{\sigma^2 + \varepsilon}} + \beta = x \quad \text{for every } x.$$
#
# `mean` and `var` are arrays `(C,)`, or two plain numbers; `eps` is a number. Return the pair `(gamma, beta)`, each of the shape
# of `mean` and `var`.
#
# *Free:* NumPy scalars or Python floats where plain numbers came in. *Forbidden:* changing an argument; other libraries.


# %% exercise="4.2"
def identity_parameters(mean, var, eps):
    """The (gamma, beta) that undo a normalisation with mean, var, both (C,) or numbers, and eps; each of their shape."""
    # BEGIN SOLUTION
    return np.sqrt(var + eps), mean
    # END SOLUTION


# %%
check("4.2")

# %% [markdown]
# ## 4.3 Back through scale and shift
#
# Write `scale_shift_backward`. `dy`, of the shape `(N, C, *S)` of `x_hat`, holds the gradient of a loss with respect to each number
# of $y = \gamma \hat{x} + \beta$. Return the tuple `(dx_hat, dgamma, dbeta)`: the gradients of the same loss with respect to
# `x_hat`, `(N, C, *S)`, to `gamma`, `(C,)`, and to `beta`, `(C,)`. Any number of spatial axes, none included.
#
# *Free:* the dtypes of the results, any NumPy function, loops. *Forbidden:* changing an argument; other libraries.


# %% exercise="4.3"
def scale_shift_backward(dy, x_hat, gamma):
    """Gradients (dx_hat (N, C, *S), dgamma (C,), dbeta (C,)) of gamma * x_hat + beta, given dy of the shape of x_hat."""
    # BEGIN SOLUTION
    axes = (0, *range(2, dy.ndim))
    dx_hat = gamma.reshape(-1, *[1] * (dy.ndim - 2)) * dy
    return dx_hat, (dy * x_hat).sum(axes), dy.sum(axes)
    # END SOLUTION


# %%
check("4.3")

# %% [markdown]
# ## 4.4 Back through the normalisation
#
# Write `normalize_backward`. In the forward pass, `x` of shape `(N, C, *S)` was normalised with its own statistics: mean and biased
# variance of each channel, over the batch and all spatial positions (none, for features), `m` numbers behind each.
# `x_hat`, `(N, C, *S)`, is the result, `var`, `(C,)`, was the variance of `x`, and `eps` the ε under the root. `dx_hat`,
# `(N, C, *S)`, is the gradient of a loss with respect to `x_hat`. Return `dx`, the gradient with respect to `x`, of the same shape.
#
# The mean and the variance depend on `x` too: every number of the batch moves every other. Go through the graph step by step,
# or write the closed form; both are on the page, which also has a cell to practise on, one node at a time. `x - mean` is not an
# argument: compute it from `x_hat`, `var` and `eps`. ε may be 0 or large, and `m` may be 1.
#
# *Free:* the dtype of the result, any NumPy function, loops. *Forbidden:* changing an argument; other libraries.


# %% exercise="4.4"
def normalize_backward(dx_hat, x_hat, var, eps):
    """Gradient dx (N, C, *S) of a batch that was normalised to x_hat with its own variance var (C,), given dx_hat."""
    # BEGIN SOLUTION
    axes = (0, *range(2, dx_hat.ndim))
    std = np.sqrt(var + eps).reshape(-1, *[1] * (dx_hat.ndim - 2))
    through_mean = dx_hat.mean(axes, keepdims=True)
    through_var = x_hat * (dx_hat * x_hat).mean(axes, keepdims=True)
    return (dx_hat - through_mean - through_var) / std
    # END SOLUTION


# %%
check("4.4")
