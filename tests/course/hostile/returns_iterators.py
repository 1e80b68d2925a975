"""Returns generators and iterators without end. They are no arrays, and nobody iterates over them."""

DUE = {"3.1": 0, "3.3": 0}
SAYS = "generator|count"

# %% exercise="3.1"
import itertools


def normalize(x, mean, var, eps=1e-5):
    return (value for value in itertools.count())


# %% exercise="3.3"
def normalize_inference(x, moving_mean, moving_var, eps=1e-5):
    return itertools.count()
