"""Raises what `except Exception` does not catch: in a cell, and in a function instead of a result. Nothing is due
there."""

DUE = {"3.1": 0, "3.3": 0}
SAYS = "Farewell"


# %% exercise="3.1"
class Farewell(BaseException):
    """Not an Exception."""


raise Farewell


# %% exercise="3.3"
class Farewell(BaseException):
    """Not an Exception."""


def normalize_inference(x, moving_mean, moving_var, eps=1e-5):
    raise {1: KeyboardInterrupt, 2: GeneratorExit}.get(len(x), Farewell)
