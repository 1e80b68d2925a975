"""Frames on the pipe between the grader and a worker: four bytes of length, then so many bytes of a message."""

import socket
import struct
import time

from bncourse.grading.sandbox.codec import Refused

LENGTH = struct.Struct("<I")
PART_BYTES = 2**20


def frame(message: bytes) -> bytes:
    """A message as it stands on the pipe."""
    return LENGTH.pack(len(message)) + message


def send(pipe: socket.socket, message: bytes, deadline: float | None = None) -> None:
    """Send a message; TimeoutError if it is not taken by `deadline`, in seconds of time.monotonic()."""
    _limit(pipe, deadline)
    pipe.sendall(frame(message))


def receive(pipe: socket.socket, most: int | None = None, deadline: float | None = None) -> bytes:
    """The next message, of at most so many bytes.

    Refused if it is longer, ConnectionResetError if the other end has closed, TimeoutError if the message is not
    complete by `deadline`, however slowly it drips.
    """
    (size,) = LENGTH.unpack(_exactly(pipe, LENGTH.size, deadline))
    if most is not None and size > most:
        raise Refused(f"a value of {size >> 20} MiB")
    return _exactly(pipe, size, deadline)


def _exactly(pipe: socket.socket, size: int, deadline: float | None) -> bytes:
    data = bytearray()
    while len(data) < size:
        _limit(pipe, deadline)
        part = pipe.recv(min(size - len(data), PART_BYTES))
        if not part:
            raise ConnectionResetError
        data += part
    return bytes(data)


def _limit(pipe: socket.socket, deadline: float | None) -> None:
    if deadline is not None:
        pipe.settimeout(max(deadline - time.monotonic(), 1e-3))
