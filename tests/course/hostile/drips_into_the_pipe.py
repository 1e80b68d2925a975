"""Announces a message and sends it byte by byte, slowly enough that each wait alone seems short. The sum is
limited."""

DUE = {"3.1": 0}
SAYS = "still running after"

# %% exercise="3.1"
import contextlib
import os
import stat
import struct
import time


def pipe():
    for number in range(64):
        with contextlib.suppress(OSError):
            if stat.S_ISSOCK(os.fstat(number).st_mode):
                return number


def normalize(x, mean, var, eps=1e-5):
    os.write(pipe(), struct.pack("<I", 10**6))
    while True:
        with contextlib.suppress(BaseException):
            os.write(pipe(), b"N")
            time.sleep(0.2)
