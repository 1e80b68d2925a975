"""Known wrong answers to exercise 2.5, each with the sentence that helps."""

import numpy as np

from bncourse.checking import mistake


def in_convention(moving, batch, momentum, convention):
    if convention == "keras":
        return momentum * moving + (1 - momentum) * batch
    if convention == "pytorch":
        return (1 - momentum) * moving + momentum * batch
    raise ValueError(convention)


@mistake("2.5")
def update_moving(moving, batch, momentum, convention):
    """The conventions have changed places: Keras's momentum keeps the old value, PyTorch's lets in the batch."""
    return in_convention(moving, batch, 1 - momentum, convention)


@mistake("2.5")
def update_moving(moving, batch, momentum, convention):
    """Both conventions follow Keras's rule. PyTorch's momentum is the share of the batch, 1 minus Keras's."""
    in_convention(moving, batch, momentum, convention)
    return in_convention(moving, batch, momentum, "keras")


@mistake("2.5")
def update_moving(moving, batch, momentum, convention):
    """Both conventions follow PyTorch's rule. Keras's momentum is the share of the old value, 1 minus PyTorch's."""
    in_convention(moving, batch, momentum, convention)
    return in_convention(moving, batch, momentum, "pytorch")


@mistake("2.5", caught_by="test_an_unknown_convention_is_an_error")
def update_moving(moving, batch, momentum, convention):
    """An unknown convention is taken for PyTorch's: the `else` branch guesses. Raise ValueError there."""
    return in_convention(moving, batch, momentum, "keras" if convention == "keras" else "pytorch")


@mistake("2.5")
def update_moving(moving, batch, momentum, convention):
    """An unknown convention is taken for Keras's: the `else` branch guesses. Raise ValueError there."""
    return in_convention(moving, batch, momentum, "pytorch" if convention == "pytorch" else "keras")


@mistake("2.5")
def update_moving(moving, batch, momentum, convention):
    """Names like "Keras" and "PyTorch" are taken too: you compare in small letters. Only the exact names are known."""
    return in_convention(moving, batch, momentum, convention.lower())


@mistake("2.5")
def update_moving(moving, batch, momentum, convention):
    """Spaces around the name are accepted (`strip`). Only the two exact names are known."""
    return in_convention(moving, batch, momentum, convention.strip())


@mistake("2.5")
def update_moving(moving, batch, momentum, convention):
    """`convention in "pytorch"` is true for every part of the word, "torch" and "" among them. Compare with ==."""
    for known in ("keras", "pytorch"):
        if convention in known:
            return in_convention(moving, batch, momentum, known)
    raise ValueError(convention)


@mistake("2.5")
def update_moving(moving, batch, momentum, convention):
    """Only the first letter is looked at. Compare the whole name."""
    names = {"k": "keras", "p": "pytorch"}
    return in_convention(moving, batch, momentum, names.get(convention[:1], convention))


@mistake("2.5")
def update_moving(moving, batch, momentum, convention):
    """`"torch" in convention` also lets "torch" alone pass. Compare the whole name with ==."""
    return in_convention(moving, batch, momentum, "pytorch" if "torch" in convention else convention)


@mistake("2.5")
def update_moving(moving, batch, momentum, convention):
    """An unknown convention raises KeyError, from a dictionary. Catch it, or ask `if convention not in ...` first."""
    kept = {"keras": momentum, "pytorch": 1 - momentum}[convention]
    return kept * moving + (1 - kept) * batch


@mistake("2.5")
def update_moving(moving, batch, momentum, convention):
    """An unknown convention stops at an `assert`. Assertions are for your own slips; a caller's is a ValueError."""
    assert convention in ("keras", "pytorch")
    return in_convention(moving, batch, momentum, convention)


@mistake("2.5")
def update_moving(moving, batch, momentum, convention):
    """An unknown convention gives None: no branch returns. Raise ValueError at the end."""
    return in_convention(moving, batch, momentum, convention) if convention in ("keras", "pytorch") else None


@mistake("2.5")
def update_moving(moving, batch, momentum, convention):
    """An unknown convention returns the old value without an error. Raise ValueError."""
    return in_convention(moving, batch, momentum, convention) if convention in ("keras", "pytorch") else moving


@mistake("2.5")
def update_moving(moving, batch, momentum, convention):
    """Nothing of the old value is taken away: batch times its share is added to all of it, so the sum grows for
    ever."""
    share = momentum if convention == "pytorch" else 1 - momentum
    in_convention(moving, batch, momentum, convention)
    return moving + share * batch


@mistake("2.5")
def update_moving(moving, batch, momentum, convention):
    """Both numbers are multiplied by momentum. The two weights add up to 1."""
    in_convention(moving, batch, momentum, convention)
    return momentum * moving + momentum * batch


@mistake("2.5")
def update_moving(moving, batch, momentum, convention):
    """The step goes the wrong way: away from the batch. It is moving + share · (batch - moving)."""
    return moving - (in_convention(moving, batch, momentum, convention) - moving)


@mistake("2.5")
def update_moving(moving, batch, momentum, convention):
    """The argument momentum is ignored: the framework's default, 0.99 or 0.1, is written into the formula."""
    return in_convention(moving, batch, 0.99 if convention == "keras" else 0.1, convention)


@mistake("2.5")
def update_moving(moving, batch, momentum, convention):
    """Old value and batch weigh one half each, whatever momentum says."""
    return in_convention(moving, batch, 0.5, convention)


@mistake("2.5")
def update_moving(moving, batch, momentum, convention):
    """The result is divided by 1 minus the share that is kept. That corrects the first step from 0 only; a layer's
    update has no such correction."""
    kept = momentum if convention == "keras" else 1 - momentum
    return in_convention(moving, batch, momentum, convention) / np.where(kept < 1, 1 - kept, 1)


@mistake("2.5", caught_by="test_moving_and_batch_stay_as_they_were")
def update_moving(moving, batch, momentum, convention):
    """moving itself is changed (`*=`, `+=` or `[...] =`), and so is the caller's array. Return a new one."""
    new = in_convention(moving, batch, momentum, convention)
    if isinstance(moving, np.ndarray) and moving.ndim:
        moving[...] = new
        return moving
    return new


@mistake("2.5")
def update_moving(moving, batch, momentum, convention):
    """Single numbers are not taken: you ask for their length or shape. Write the formula without looking inside."""
    result = np.zeros(moving.shape)
    result[...] = in_convention(moving, batch, momentum, convention)
    return result


@mistake("2.5")
def update_moving(moving, batch, momentum, convention):
    """Arrays are turned into single numbers (`float(...)`). The formula serves both without that."""
    return float(in_convention(moving, batch, momentum, convention))


@mistake("2.5")
def update_moving(moving, batch, momentum, convention):
    """The mean over the features is stored. Each entry of a moving average has its own history."""
    return np.mean(moving) * 0 + in_convention(np.mean(moving), np.mean(batch), momentum, convention)


@mistake("2.5", caught_by="test_keras_keeps_the_share_momentum")
def update_moving(moving, batch, momentum, convention):
    """In Keras's convention a moving average of 0 is taken for one that has not begun, and replaced by the batch. 0 is a value like any other."""
    if convention == "keras":
        return momentum * moving + (1 - momentum) * batch if np.any(moving) else batch
    if convention == "pytorch":
        return (1 - momentum) * moving + momentum * batch
    raise ValueError(convention)


@mistake("2.5", caught_by="test_pytorch_lets_in_the_share_momentum")
def update_moving(moving, batch, momentum, convention):
    """In PyTorch's convention a moving average that starts at 0 takes over the whole first batch. PyTorch starts at 0 too, and moves by momentum from there."""
    if convention == "keras":
        return momentum * moving + (1 - momentum) * batch
    if convention == "pytorch":
        return (1 - momentum) * moving + momentum * batch if np.any(moving) else batch
    raise ValueError(convention)


@mistake("2.5", caught_by="test_updates_arrays_of_any_shape")
def update_moving(moving, batch, momentum, convention):
    """`momentum or ...` replaces a momentum of 0 by a default: 0 is false in Python, and a momentum that the caller may ask for."""
    if convention == "keras":
        momentum = momentum or 0.99
        return momentum * moving + (1 - momentum) * batch
    if convention == "pytorch":
        momentum = momentum or 0.1
        return (1 - momentum) * moving + momentum * batch
    raise ValueError(convention)


@mistake("2.5")
def update_moving(moving, batch, momentum, convention):
    """Nothing is returned: `moving = ...` inside a function changes what a name of its own stands for, and the caller sees none of it. End with `return`."""
    moving = in_convention(moving, batch, momentum, convention)


@mistake("2.5")
def update_moving(moving, batch, momentum, convention):
    """You compare in small letters, so that "Keras" is taken too, and whatever else comes is taken for PyTorch's. Only the two exact names
    are known; any other raises ValueError."""
    return in_convention(moving, batch, momentum, "keras" if convention.lower() == "keras" else "pytorch")
