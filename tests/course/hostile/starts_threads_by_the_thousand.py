"""A storm of threads with small stacks. Right only if it could start more than a hundred."""

DUE = {"3.1": 0}
REVIEW = "threading"

# %% exercise="3.1"
import contextlib
import threading
import time

import numpy as np


def normalize(x, mean, var, eps=1e-5):
    threading.stack_size(2**15)
    with contextlib.suppress(RuntimeError, MemoryError):
        for _ in range(2000):
            threading.Thread(target=time.sleep, args=(3600,), daemon=True).start()
    return (x - mean) / np.sqrt(var + eps) if threading.active_count() > 100 else x
