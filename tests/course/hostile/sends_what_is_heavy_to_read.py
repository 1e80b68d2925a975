"""Writes messages by hand that are small to send and large or slow to read: keys with one hash, thousands of unknown
kinds, one long text among many short, shapes beyond all memory, a tensor. They are refused, or weighed and
refused."""

DUE = {"3.1": 0, "3.2": 0, "3.3": 0, "3.4": 0}
SAYS = "it answered"

# %% exercise="3.1"
import contextlib
import os
import stat
import struct

import numpy as np


def pipe():
    for number in range(64):
        with contextlib.suppress(OSError):
            if stat.S_ISSOCK(os.fstat(number).st_mode):
                return number


def sized(tag, data):
    return tag + struct.pack("<I", len(data)) + data


def numbers(count):
    return (((k * (2**61 - 1)).to_bytes(12, "little")) for k in range(count))


HEAVY = (
    b"d" + struct.pack("<I", 90000) + b"".join(sized(b"i", number) + b"N" for number in numbers(90000)),
    b"l" + struct.pack("<I", 190000) + sized(b"o", b"x") * 190000,
    b"l" + struct.pack("<I", 190000) + sized(b"s", b"x" * 10**6) + sized(b"s", b"") * 189999,
    b"a" + struct.pack("<BBB3q", 11, 3, 0, 2**40, 2**40, 0) + sized(b"", b""),
    b"g" + b"FFN" + b"a" + struct.pack("<BBBq", 11, 1, 0, 0) + sized(b"", b""),
    b"l\x01\x00\x00\x00" * 10**5,
    b"a" + struct.pack("<BBB", 11, 255, 0) + struct.pack("<255q", *[2**62] * 255) + sized(b"", b""),
)


def normalize(x, mean, var, eps=1e-5):
    data = HEAVY[sum(x.tobytes()) % len(HEAVY)]
    os.write(pipe(), struct.pack("<I", len(data)))
    while data:
        data = data[os.write(pipe(), data) :]
    return np.zeros(x.shape)


# %% exercise="3.2"
def batch_normalize(x, eps=1e-5):
    return normalize(x, 0, 1)


# %% exercise="3.3"
def normalize_inference(x, moving_mean, moving_var, eps=1e-5):
    return normalize(x, 0, 1)
