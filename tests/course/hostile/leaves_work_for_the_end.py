"""Hangs in exit handlers and finalisers, which would hold up the next submission. Its answers are right and count."""

DUE = {}
REVIEW = "atexit"

# %% exercise="3.1"
import atexit
import weakref

import numpy as np


def hang():
    while True:
        pass


class Clingy:
    def __del__(self):
        hang()


atexit.register(hang)
clingy = Clingy()
clingy.myself = clingy
finaliser = weakref.finalize(Clingy, hang)


def normalize(x, mean, var, eps=1e-5):
    return (x - mean) / np.sqrt(var + eps)
