"""What other graders trip over: warnings, text on standard error, a last value of 0 in a cell. All is right."""

DUE = {}

# %% exercise="3.1"
import sys
import warnings

import numpy as np

warnings.simplefilter("error")


def normalize(x, mean, var, eps=1e-5):
    warnings.warn("this is deprecated", DeprecationWarning)
    print("Traceback (most recent call last):", file=sys.stderr)
    np.float64(1) / 0
    return (x - mean) / np.sqrt(var + eps)


warnings.simplefilter("default")
warnings.warn("nothing to see here")
0
