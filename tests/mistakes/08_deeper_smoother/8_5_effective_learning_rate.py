"""Known wrong answers to exercise 8.5, each with the sentence that helps."""

import torch

from bncourse.checking import mistake


@mistake("8.5")
def effective_learning_rate(lr, weight):
    """The norm is not squared: you divide by ‖w‖ instead of ‖w‖²."""
    return lr / weight.detach().norm().item()


@mistake("8.5")
def effective_learning_rate(lr, weight):
    """You multiply by ‖w‖². A longer weight turns more slowly, so the norm stands below."""
    return lr * weight.detach().square().sum().item()


@mistake("8.5")
def effective_learning_rate(lr, weight):
    """You divide by the mean of the squares; ‖w‖² is their sum."""
    return lr / weight.detach().square().mean().item()


@mistake("8.5")
def effective_learning_rate(lr, weight):
    """You square the sum of the entries; ‖w‖² is the sum of their squares."""
    return lr / weight.detach().sum().square().item()


@mistake("8.5")
def effective_learning_rate(lr, weight):
    """You sum absolute values and square the sum: that is the L1 norm. ‖w‖² is the sum of squares."""
    return lr / weight.detach().abs().sum().square().item()


@mistake("8.5")
def effective_learning_rate(lr, weight):
    """The mean is subtracted first, as in a variance. ‖w‖² is the sum of the squares themselves."""
    weight = weight.detach()
    return lr / (weight - weight.mean()).square().sum().item()


@mistake("8.5")
def effective_learning_rate(lr, weight):
    """The 2-norm of a matrix (`matrix_norm(..., 2)`, `linalg.norm(..., 2)`) is its largest singular value. ‖w‖² treats the weight as one long vector: the sum of all squares."""
    return (
        lr
        / torch.linalg.matrix_norm(weight.detach().flatten(1) if weight.dim() > 1 else weight.detach()[None], 2).item()
        ** 2
    )


@mistake("8.5", caught_by="test_four_entries_by_hand")
def effective_learning_rate(lr, weight):
    """One rate for each row, or filter; asked for is one number for the whole weight."""
    return lr / weight.detach().flatten(1).square().sum(1) if weight.dim() > 1 else lr / weight.detach().square()


@mistake("8.5", caught_by="test_all_entries_of_any_shape")
def effective_learning_rate(lr, weight):
    """Only the first two axes are summed. A convolution's weight has four, and all entries count."""
    return lr / weight.detach().square().sum((0, 1) if weight.dim() > 1 else 0)


@mistake("8.5")
def effective_learning_rate(lr, weight):
    """1 + ‖w‖² stands below, as if to avoid a division by 0. Then a rescaled weight no longer has the rescaled rate."""
    return lr / (1 + weight.detach().square().sum().item())


@mistake("8.5", caught_by="test_a_parameter_that_trains_is_taken_and_left_alone")
def effective_learning_rate(lr, weight):
    """A small constant is added below. A small weight, 1e-6 say, drowns in it."""
    return lr / (weight.detach().square().sum().item() + 1e-8)


@mistake("8.5")
def effective_learning_rate(lr, weight):
    """The norm is squared twice: `norm()` squared is ‖w‖², its fourth power is too much."""
    return lr / weight.detach().norm().item() ** 4


@mistake("8.5")
def effective_learning_rate(lr, weight):
    """`lr` is left out: 1 / ‖w‖² is only the factor."""
    return 1 / weight.detach().square().sum().item()


@mistake("8.5")
def effective_learning_rate(lr, weight):
    """The weight is brought to length 1 in place: the caller's tensor is changed."""
    with torch.no_grad():
        square = weight.square().sum().item()
        weight /= square**0.5
    return lr / square


@mistake("8.5")
def effective_learning_rate(lr, weight):
    """`weight.numpy()` refuses a tensor that requires a gradient: `weight.detach()` first, or stay with tensors and call `.item()`."""
    import numpy as np

    return lr / np.sum(weight.numpy() ** 2)


@mistake("8.5")
def effective_learning_rate(lr, weight):
    """The largest entry is taken for the norm."""
    return lr / weight.detach().abs().max().item() ** 2


@mistake("8.5")
def effective_learning_rate(lr, weight):
    """The rate is squared along with the norm: (lr / ‖w‖)². Only the norm is."""
    return (lr / weight.detach().norm().item()) ** 2


@mistake("8.5")
def effective_learning_rate(lr, weight):
    """`detach_()` with an underscore cuts the caller's own tensor off; it no longer trains. `detach()` gives you another one."""
    return lr / weight.detach_().square().sum().item()


@mistake("8.5")
def effective_learning_rate(lr, weight):
    """You take the norm of each column, or of each place of a filter, and average. All entries go into one sum of squares."""
    return lr / weight.detach().norm(dim=0).square().mean().item()


@mistake("8.5", caught_by="test_twice_the_weight_and_four_times_the_rate_is_the_same")
def effective_learning_rate(lr, weight):
    """A learning rate above 1 is refused. It is unusual, but large weights may need it, and the formula takes it like any other."""
    if lr > 1:
        raise ValueError("lr should be at most 1")
    return lr / weight.detach().double().square().sum().item()
