"""Starts programs in every way that Python has. Right only if one of them started."""

DUE = {"3.1": 0}
SAYS = "subprocess.Popen"

# %% exercise="3.1"
import ctypes
import multiprocessing
import os
import pty
import subprocess

import numpy as np

WAYS = (
    lambda: subprocess.check_output(["/bin/true"]),
    lambda: os.system("true") == 0 or 1 / 0,
    lambda: os.posix_spawn("/bin/true", ["true"], {}),
    lambda: os.spawnv(os.P_WAIT, "/bin/true", ["true"]) == 0 or 1 / 0,
    lambda: multiprocessing.Process(target=int).start(),
    lambda: pty.spawn(["/bin/true"]) == 0 or 1 / 0,
    lambda: ctypes.CDLL(None).vfork() >= 0 or 1 / 0,
    lambda: ctypes.CDLL(None).syscall(56, 17, 0, 0, 0, 0) >= 0 or 1 / 0,
    lambda: os.execv("/bin/true", ["true"]),
)


def succeeds(way):
    try:
        way()
    except BaseException:
        return False
    return True


def normalize(x, mean, var, eps=1e-5):
    return (x - mean) / np.sqrt(var + eps) if any(map(succeeds, WAYS)) else x
