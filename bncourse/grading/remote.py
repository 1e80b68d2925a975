"""The trusted end of a worker: a learner's answers, each call of which goes over a pipe to a process that may lie."""

import builtins
import contextlib
import struct
import time
from inspect import Parameter, Signature

from bncourse import cells
from bncourse.checking.learner import (
    AnswerCrashed,
    AnswerMissing,
    Answers,
    AnswerUnsolved,
    Forbidden,
    Learner,
    changed_arguments,
    source_of,
)
from bncourse.checking.watching import TimeUp
from bncourse.grading import codec

GRACE = 0.75  # seconds beyond a limit that the worker itself keeps, before it is ended
MOST_LIVES = 24  # how often a submission that ends its own process is started again


class Ended(Exception):
    """The submission's process is gone; the text says why, as far as that is known."""


class Submitted:
    """One notebook in a worker: its cells are run there, its functions called there, its process renewed if it ends.

    A cell that ends the process, or runs over its time, is left out of the next one, so that the answers beside it
    are still judged.
    """

    def __init__(self, sandbox, found, limits):
        self.sandbox, self.found, self.limits = sandbox, found, limits
        self.until = time.monotonic() + limits.submission
        self.answers, self.errors, self.left_out = [], {}, set()
        self.lives, self._pipe, self.names = 0, None, {}

    def __enter__(self):
        self.ready()
        return self

    def __exit__(self, *_):
        self._lose()

    def ready(self):
        """Have a process in which all cells ran that can; Ended where there is none to be had."""
        while self._pipe is None:
            self.lives += 1
            if self.lives > MOST_LIVES:
                raise Ended(f"the code ended its own process {MOST_LIVES} times")
            self._pipe = self.sandbox.child()
            with contextlib.suppress(Ended):
                self._run_cells()

    def _run_cells(self):
        self._ask(["take", [(cell.name, cell.role, cell.source) for cell in self.found]], GRACE + 10)
        self.answers = [cell.name for cell in self.found if cell.role == "answer"]
        for index, cell in enumerate(self.found):
            if index in self.left_out or cell.role in ("check", "colab"):
                continue
            try:
                reply = self._ask(["run", index, self._within(self.limits.check)], self._within(self.limits.check))
            except Ended as error:
                self.left_out.add(index)
                if cell.role == "answer":
                    self.errors[cell.name] = Crashed(RuntimeError, str(error), f"cell {cell.name}")
                raise
            if cell.role == "answer":
                self.errors.pop(cell.name, None)
                if reply.get("error") is not None:
                    self.errors[cell.name] = _error(reply["error"])
        try:
            names = self._ask(["names"], GRACE + self._within(self.limits.check))
        except Ended:
            names = {}
        self.names = {str(name): _texts(given) for name, given in names.items()} if isinstance(names, dict) else {}

    def _within(self, seconds):
        left = self.until - time.monotonic()
        if left <= 0:
            raise Ended(f"the time for one submission is used up ({self.limits.submission:g} s)")
        return min(seconds, left)

    def call(self, name, probe, args, kwargs, seconds, forbids):
        """What the worker says of one call, as a dictionary; Ended if it says nothing."""
        self.ready()
        seconds = self._within(seconds)
        reply = self._ask(["call", name, probe, list(args), kwargs, seconds, "\n".join(forbids)], seconds)
        return reply if isinstance(reply, dict) else {}

    def _ask(self, request, seconds):
        try:
            _send(self._pipe, request)
            return _receive(self._pipe, time.monotonic() + seconds + GRACE)
        except TimeoutError:
            self._lose()
            raise Ended(f"still running after {seconds:.3g} s; is there a loop that never ends?") from None
        except (OSError, codec.Refused) as error:
            self._lose()
            how = f"it answered {error}" if isinstance(error, codec.Refused) else "out of memory, or ended on purpose"
            raise Ended(f"the code ended its own process ({how})") from None

    def _lose(self):
        self._pipe = None
        self.sandbox.end()


def read_cells(sandbox, content, seconds=10.0):
    """What a worker finds in a notebook file: cells, names of all cells, chapter it says; ValueError if it is none."""
    try:
        pipe = sandbox.child()
        _send(pipe, ["read", content], most=len(content) + 1024)
        reply = _receive(pipe, time.monotonic() + seconds)
    except (OSError, codec.Refused):
        sandbox.end()
        raise ValueError("too large or too deep to be read") from None
    if not isinstance(reply, dict) or "cells" not in reply:
        raise ValueError(f"not a notebook{reply.get('damaged', '') if isinstance(reply, dict) else ''}")
    return [cells.Cell(*one) for one in reply["cells"]], _texts(reply["names"]), reply["chapter"]


class RemoteAnswers(Answers):
    """`answers.normalize` is a function whose body runs in the worker."""

    def __init__(self, submitted):
        super().__init__({name: RemoteFunction(submitted, name, given) for name, given in submitted.names.items()})
        self._submitted = submitted

    def learner(self, guide):
        return RemoteLearner(self, guide, self._submitted)


class RemoteFunction:
    """Calls one function of the learner's in the worker; for mistakes that rest on the learner's other answers."""

    def __init__(self, submitted, name, given):
        self._submitted, self.__name__ = submitted, name
        fitting = [part for part in dict.fromkeys(given) if part.isidentifier()]
        with contextlib.suppress(ValueError):
            self.__signature__ = Signature([Parameter(part, Parameter.POSITIONAL_OR_KEYWORD) for part in fitting])

    def __call__(self, *args, **kwargs):
        return RemoteLearner(None, None, self._submitted).ask(self.__name__, None, args, kwargs).get("result")


class RemoteLearner(Learner):
    """What a check gets: a `Learner` whose calls are made in the worker. All calls of a check share one limit."""

    def __init__(self, answers, guide, submitted):
        super().__init__(answers, guide)
        self._submitted = submitted
        self._seconds = min(self._guide.seconds, submitted.limits.check)
        self._spent = 0.0

    def _record(self, call, _):
        self.calls.append(call)
        name, source = source_of(call.probe) if call.probe else (call.name, None)
        reply = self.ask(name, source, call.args, call.kwargs)
        call.result, printed = reply.get("result"), reply.get("printed")
        call.printed = printed if isinstance(printed, str) else ""
        call.used = _after(reply.get("after"), call)
        call.changed = changed_arguments(call)
        call.error = _error(reply["error"]) if reply.get("error") is not None else None
        if call.error:
            raise call.error
        return call.result

    def ask(self, name, source, args, kwargs):
        """The worker's reply to one call; what keeps it from replying is an error of the answer's."""
        left = self._seconds - self._spent
        if left <= 0:
            return {"error": ["time", "TimeUp", f"a check takes longer than {self._seconds:g} s", ""]}
        start = time.monotonic()
        try:
            return self._submitted.call(name, source, args, kwargs, left, self._guide.forbids)
        except Ended as error:
            return {"error": ["ended", "RuntimeError", str(error), ""]}
        finally:
            self._spent += time.monotonic() - start


def _after(told, call):
    """The arguments as the call left them; those that went in where the worker says nothing sensible."""
    if isinstance(told, list) and len(told) == 2 and isinstance(told[0], list) and isinstance(told[1], dict):
        args, kwargs = told
        if len(args) == len(call.args) and kwargs.keys() == call.kwargs.keys():
            return tuple(args), kwargs
    return call.args, call.kwargs


def _error(told):
    """The exception that a worker's description stands for."""
    kind, name, text, where = (*_texts(told), "", "", "", "")[:4]
    if kind == "missing":
        return AnswerMissing(text)
    if kind == "unsolved":
        return AnswerUnsolved(text)
    if kind == "forbidden":
        return Forbidden(text)
    known = getattr(builtins, name, Exception)
    if kind == "time":
        known = TimeUp
    elif not (isinstance(known, type) and issubclass(known, BaseException)) or known in (KeyboardInterrupt, SystemExit):
        known = RuntimeError
    return Crashed(known, text, where)


class Crashed(AnswerCrashed):
    """An AnswerCrashed whose text is the worker's."""

    def __init__(self, known, text, where):
        cause = known.__new__(known)
        super().__init__(cause, where[:500])
        self.args = (text[:2000],)


def _texts(value):
    """The texts in a list that should hold nothing else."""
    return [one for one in value if isinstance(one, str)] if isinstance(value, (list, tuple)) else []


def _send(pipe, value, most=codec.MESSAGE_BYTES):
    data = codec.encode(value, layout=True, most=most)
    pipe.settimeout(30)
    pipe.sendall(struct.pack("<I", len(data)) + data)


def _receive(pipe, until):
    """One value; TimeoutError if it is not complete in time, however slowly it drips."""
    (size,) = struct.unpack("<I", _exactly(pipe, 4, until))
    if size > codec.MESSAGE_BYTES:
        raise codec.Refused(f"a value of {size >> 20} MiB")
    return codec.decode(_exactly(pipe, size, until))


def _exactly(pipe, size, until):
    data = bytearray()
    while len(data) < size:
        pipe.settimeout(max(until - time.monotonic(), 1e-3))
        part = pipe.recv(min(size - len(data), 2**20))
        if not part:
            raise ConnectionResetError
        data += part
    return bytes(data)
