"""Known wrong answers to exercise 10.1, each with the sentence that helps."""

import numpy as np
import torch

from bncourse.checking import mistake

NAMES = "weight", "bias", "running_mean", "running_var"


def state_of(*arrays, names=NAMES):
    return {name: torch.tensor(array) for name, array in zip(names, arrays)}


# Momentum and epsilon
@mistake("10.1")
def keras_to_torch(weights, momentum, epsilon):
    """Momentum came over as it was. 0.99 is the weight of the old value in Keras, of the new batch in PyTorch: take 1 - momentum."""
    return state_of(*weights), momentum, epsilon


@mistake("10.1", caught_by="test_equal_in_training")
def keras_to_torch(weights, momentum, epsilon):
    """Momentum is PyTorch's default 0.1, whatever it was in Keras."""
    return state_of(*weights), 0.1, epsilon


@mistake("10.1")
def keras_to_torch(weights, momentum, epsilon):
    """Momentum is 0.01, which is right for Keras's default alone; the argument is ignored."""
    return state_of(*weights), 0.01, epsilon


@mistake("10.1")
def keras_to_torch(weights, momentum, epsilon):
    """Momentum is 1 / momentum: the two weights, of the old value and of the new batch, have the sum 1, not the product."""
    return state_of(*weights), 1 / momentum if momentum else 1.0, epsilon


@mistake("10.1")
def keras_to_torch(weights, momentum, epsilon):
    """Momentum is rounded: 0.01 became 0, and the running statistics will never move."""
    return state_of(*weights), round(1 - momentum, 1), epsilon


@mistake("10.1")
def keras_to_torch(weights, momentum, epsilon):
    """Momentum is momentum - 1, below 0: the running statistics would run away from the batch."""
    return state_of(*weights), momentum - 1, epsilon


@mistake("10.1")
def keras_to_torch(weights, momentum, epsilon):
    """ε is PyTorch's default 1e-5, whatever it was in Keras: momentum was converted, ε was forgotten."""
    return state_of(*weights), 1 - momentum, 1e-5


@mistake("10.1")
def keras_to_torch(weights, momentum, epsilon):
    """ε is Keras's default 1e-3, whatever the layer had; the argument is ignored."""
    return state_of(*weights), 1 - momentum, 1e-3


@mistake("10.1")
def keras_to_torch(weights, momentum, epsilon):
    """Momentum and ε are PyTorch's defaults, 0.1 and 1e-5: the arrays came over, the two numbers did not."""
    return state_of(*weights), 0.1, 1e-5


@mistake("10.1")
def keras_to_torch(weights, momentum, epsilon):
    """ε and momentum are returned in the other order: (state_dict, momentum, eps) is asked for."""
    return state_of(*weights), epsilon, 1 - momentum


@mistake("10.1")
def keras_to_torch(weights, momentum, epsilon):
    """ε is squared, as if it were added to the standard deviation; in both frameworks it is added to the variance."""
    return state_of(*weights), 1 - momentum, epsilon**2


@mistake("10.1")
def keras_to_torch(weights, momentum, epsilon):
    """ε is added to the variance and handed over as well: it counts twice."""
    gamma, beta, mean, var = weights
    return state_of(gamma, beta, mean, var + epsilon), 1 - momentum, epsilon


@mistake("10.1")
def keras_to_torch(weights, momentum, epsilon):
    """ε is added to the moving variance and then set to 0. That is equal until the first update, which forgets it."""
    gamma, beta, mean, var = weights
    return state_of(gamma, beta, mean, var + epsilon), 1 - momentum, 0.0


# The four arrays
@mistake("10.1")
def keras_to_torch(weights, momentum, epsilon):
    """γ and β are swapped: Keras gives gamma first. weight is γ, bias is β."""
    beta, gamma, mean, var = weights
    return state_of(gamma, beta, mean, var), 1 - momentum, epsilon


@mistake("10.1")
def keras_to_torch(weights, momentum, epsilon):
    """Mean and variance are swapped: Keras gives the moving mean before the moving variance."""
    gamma, beta, var, mean = weights
    return state_of(gamma, beta, mean, var), 1 - momentum, epsilon


@mistake("10.1")
def keras_to_torch(weights, momentum, epsilon):
    """The statistics are taken for the first two arrays. Keras gives gamma and beta first, then mean and variance."""
    mean, var, gamma, beta = weights
    return state_of(gamma, beta, mean, var), 1 - momentum, epsilon


@mistake("10.1")
def keras_to_torch(weights, momentum, epsilon):
    """The moving variance was taken for a standard deviation and squared. It is a variance in both frameworks."""
    gamma, beta, mean, var = weights
    return state_of(gamma, beta, mean, var**2), 1 - momentum, epsilon


@mistake("10.1")
def keras_to_torch(weights, momentum, epsilon):
    """running_var got the standard deviation, the root of the moving variance. It wants the variance."""
    gamma, beta, mean, var = weights
    return state_of(gamma, beta, mean, np.sqrt(var)), 1 - momentum, epsilon


@mistake("10.1", caught_by="test_each_array_gets_its_name")
def keras_to_torch(weights, momentum, epsilon):
    """running_var got the reciprocal of the moving variance."""
    gamma, beta, mean, var = weights
    return state_of(gamma, beta, mean, 1 / var), 1 - momentum, epsilon


@mistake("10.1")
def keras_to_torch(weights, momentum, epsilon):
    """The moving variance is made unbiased with the number of channels. The number that counts, of values in a batch, is in none
    of the arrays: the variance moves as it is."""
    gamma, beta, mean, var = weights
    count = len(var)
    return state_of(gamma, beta, mean, var * count / max(count - 1, 1)), 1 - momentum, epsilon


@mistake("10.1")
def keras_to_torch(weights, momentum, epsilon):
    """γ and β stayed behind: the state dict has the running statistics alone, and does not load strictly."""
    return state_of(*weights[2:], names=NAMES[2:]), 1 - momentum, epsilon


@mistake("10.1")
def keras_to_torch(weights, momentum, epsilon):
    """The running statistics stayed behind. They are not trained, but at inference they are half of the layer."""
    return state_of(*weights[:2]), 1 - momentum, epsilon


@mistake("10.1")
def keras_to_torch(weights, momentum, epsilon):
    """γ is 1 and β is 0: what was learnt is not in the state dict."""
    gamma, beta, mean, var = weights
    return state_of(np.ones_like(gamma), np.zeros_like(beta), mean, var), 1 - momentum, epsilon


@mistake("10.1")
def keras_to_torch(weights, momentum, epsilon):
    """γ stays at 1, as for a Keras layer made with scale=False. This one has a gamma: it is the first of the four arrays."""
    gamma, beta, mean, var = weights
    return state_of(np.ones_like(gamma), beta, mean, var), 1 - momentum, epsilon


@mistake("10.1")
def keras_to_torch(weights, momentum, epsilon):
    """squeeze makes of an array with one channel a bare number. The shape is (C,), with C = 1 too."""
    return state_of(*(np.squeeze(array) for array in weights)), 1 - momentum, epsilon


@mistake("10.1")
def keras_to_torch(weights, momentum, epsilon):
    """The running statistics are 0 and 1, as in a new layer; the moving ones of Keras are lost."""
    gamma, beta, mean, var = weights
    return state_of(gamma, beta, np.zeros_like(mean), np.ones_like(var)), 1 - momentum, epsilon


@mistake("10.1")
def keras_to_torch(weights, momentum, epsilon):
    """The names are Keras's. PyTorch calls them weight, bias, running_mean and running_var."""
    names = "gamma", "beta", "moving_mean", "moving_variance"
    return state_of(*weights, names=names), 1 - momentum, epsilon


@mistake("10.1")
def keras_to_torch(weights, momentum, epsilon):
    """The state dict holds NumPy arrays; load_state_dict wants tensors: torch.tensor(array)."""
    return dict(zip(NAMES, (np.array(array) for array in weights))), 1 - momentum, epsilon


@mistake("10.1")
def keras_to_torch(weights, momentum, epsilon):
    """The arrays are reshaped to (1, C, 1, 1). PyTorch keeps them as (C,) and does the broadcasting itself."""
    return state_of(*(array.reshape(1, -1, 1, 1) for array in weights)), 1 - momentum, epsilon


@mistake("10.1")
def keras_to_torch(weights, momentum, epsilon):
    """The tensors are of an integer type: everything behind the point is gone."""
    return state_of(*(array.astype(np.int64) for array in weights)), 1 - momentum, epsilon


@mistake("10.1", caught_by="test_equal_at_inference")
def keras_to_torch(weights, momentum, epsilon):
    """The list of weights is emptied on the way. Read it, and leave it as it is."""
    state = {name: torch.tensor(weights.pop(0)) for name in NAMES}
    return state, 1 - momentum, epsilon


@mistake("10.1")
def keras_to_torch(weights, momentum, epsilon):
    """Only the state dict is returned; momentum and eps, without which the layer is another one, are missing."""
    return state_of(*weights)


@mistake("10.1", caught_by="test_momentum_is_turned_round_and_epsilon_stays")
def keras_to_torch(weights, momentum, epsilon):
    """`1 - momentum or None` makes None of a 0: to PyTorch that means the average of all batches, where Keras's momentum 1 lets nothing move."""
    return state_of(*weights), 1 - momentum or None, epsilon


@mistake("10.1", caught_by="test_any_layer")
def keras_to_torch(weights, momentum, epsilon):
    """Only float32 arrays are let in. A Keras layer may hold float64 too, and its numbers move over all the same."""
    if any(array.dtype != np.float32 for array in weights):
        raise TypeError("float32 arrays are expected")
    return state_of(*weights), 1 - momentum, epsilon


@mistake("10.1")
def keras_to_torch(weights, momentum, epsilon):
    """γ and β are swapped: Keras gives gamma first, and weight is γ. And ε is PyTorch's default 1e-5, whatever it was in Keras."""
    beta, gamma, mean, var = weights
    return state_of(gamma, beta, mean, var), 1 - momentum, 1e-5


@mistake("10.1")
def keras_to_torch(weights, momentum, epsilon):
    """The names have a prefix, as in a larger model. The state dict of one layer has weight, bias, running_mean and running_var alone."""
    return state_of(*weights, names=[f"bn.{name}" for name in NAMES]), 1 - momentum, epsilon


@mistake("10.1")
def keras_to_torch(weights, momentum, epsilon):
    """You return a layer. The exercise asks for three things: the state dict, momentum and eps."""
    layer = torch.nn.BatchNorm2d(len(weights[0]), eps=epsilon, momentum=1 - momentum)
    layer.load_state_dict(state_of(*weights), strict=False)
    return layer
