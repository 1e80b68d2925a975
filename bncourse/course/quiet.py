"""Silence around a learner's code: the end of what it prints is kept, and nobody answers what it asks."""

import builtins
import contextlib
import io
import sys
import warnings
from collections.abc import Iterator
from typing import NoReturn

MOST = 4000  # characters


class LastWords(io.StringIO):
    """Keeps the end of what is written: a loop that prints for ever fills no memory.

    A time limit may end `write` between any two of its steps, so what is kept changes in one.
    """

    _kept = ""

    def write(self, text: str) -> int:
        self._kept = (self._kept + text[-MOST:])[-MOST:]
        return len(text)

    def getvalue(self) -> str:
        return self._kept


@contextlib.contextmanager
def quiet(printed: LastWords) -> Iterator[None]:
    """Send what the block prints to `printed`, and its warnings nowhere; whatever it reads is at its end."""
    before = builtins.input, sys.stdin
    builtins.input, sys.stdin = _no_answer, io.StringIO()
    try:
        with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        builtins.input, sys.stdin = before


def _no_answer(prompt: object = "") -> NoReturn:
    raise EOFError("input() gets no answer, since nobody types while your code is checked; write the value instead")
