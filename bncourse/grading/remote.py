"""The trusted end of a worker: a learner's answers, each call of which goes over a pipe to a process that may lie."""

import builtins
import contextlib
import secrets
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
from bncourse.grading.shares import Ended, Shares

GRACE = 0.75  # seconds beyond a limit that the worker itself keeps, before it is ended
MOST_LIVES = 200  # how often a submission that ends its own process is started again
MOST_FLAGS = 20
# Not to be raised on this side, or not to be made without arguments.
UNSPEAKABLE = (KeyboardInterrupt, SystemExit, BaseExceptionGroup, ExceptionGroup)


class Submitted:
    """One notebook in a worker: its cells are run there, its functions called there, its process renewed if it ends.

    A cell that ends the process, or runs over its time, is left out of the next one, so that the answers beside it
    are still judged. `guides` are those of the exercises by answer cell; each has its share of the time.
    """

    def __init__(self, sandbox, found, limits, guides):
        self.sandbox, self.found, self.limits, self.guides = sandbox, found, limits, guides
        self._shares = Shares(limits.submission / (len(guides) + 1))
        self.answers, self.errors, self.names, self.flags = [], {}, {}, set()
        self.lives, self._pipe, self._look, self._left_out, self._ran = 0, None, True, set(), set()

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
        self._ask(["take", [(cell.name, cell.role, cell.source) for cell in self.found]], 10)
        self.answers = [cell.name for cell in self.found if cell.role == "answer"]
        for index, cell in enumerate(self.found):
            if index not in self._left_out and cell.role not in ("check", "colab"):
                self._run_cell(index, cell)
        try:
            names = self._ask(["names", self._look], self.limits.check)
        except Ended:
            self._look = False  # next time without a look at what may be anything
            raise
        self.names = {str(name): _texts(given) for name, given in names.items()} if isinstance(names, dict) else {}

    def _run_cell(self, index, cell):
        """Run a cell at the expense of its exercise; again, at the expense of whoever made that necessary."""
        seconds, payer = self.limits.check, contextlib.nullcontext()
        try:
            if index not in self._ran:
                owner = self.guides.get(cell.name)
                seconds, payer = min(seconds, self._shares.left(owner)), self._shares.charged(owner)
            with payer:
                reply = self._ask(["run", index, seconds], seconds)
        except Ended as error:
            self._left_out.add(index)
            if cell.role == "answer":
                self.errors[cell.name] = Crashed(RuntimeError, str(error), f"cell {cell.name}")
            if self._pipe is None:
                raise
            return
        self._ran.add(index)
        told = reply.get("error") if isinstance(reply, dict) else None
        if cell.role == "answer":
            self.errors.pop(cell.name, None)
            if told is not None:
                self.errors[cell.name] = _error(told)
        if _is_time_up(told):
            self._left_out.add(index)

    def call(self, name, probe, args, kwargs, seconds, guide):
        """What the worker says of one call, as a dictionary; Ended if it says nothing. `guide` is the exercise's."""
        left = self._shares.left(guide)
        seconds, late = min(seconds, left), left < seconds
        with self._shares.charged(guide):
            try:
                self.ready()
                request = ["call", name, probe, list(args), kwargs, seconds, "\n".join(guide.forbids)]
                reply = self._ask(request, seconds, guide)
            except Ended as error:
                with contextlib.suppress(Ended):
                    self.ready()
                raise self._shares.reason(guide, error, late) from None
        reply = reply if isinstance(reply, dict) else {}
        if _is_time_up(reply.get("error")):
            first = self._shares.reason(guide, _error(reply["error"]), late)
            reply["error"] = ["time", "TimeUp", str(first), getattr(first, "where", "")]
        return reply

    def _ask(self, request, seconds, guide=None):
        token, until = secrets.token_hex(8), time.monotonic() + seconds + GRACE
        try:
            _send(self._pipe, [token, *request], until)
            while True:
                reply, weight = _receive(self._pipe, until, codec.ANSWER_BYTES if guide else codec.MESSAGE_BYTES)
                if guide:
                    self._shares.weigh(guide, weight)
                if isinstance(reply, dict) and isinstance(reply.get("flag"), str):
                    if len(self.flags) < MOST_FLAGS:
                        self.flags.add(reply["flag"][:80])
                elif isinstance(reply, list) and len(reply) == 2 and isinstance(reply[0], str) and reply[0] == token:
                    return reply[1]
                else:
                    raise codec.Refused("what it was not asked")
        except TimeoutError:
            self._lose()
            raise Ended(f"still running after {seconds:.3g} s; is there a loop that never ends?") from None
        except OSError:
            self._lose()
            raise Ended("the code ended its own process (out of memory, or ended on purpose)") from None
        except codec.Refused as error:
            self._lose()
            raise Ended(f"its process was ended, as it answered {error}") from None

    def _lose(self):
        self._pipe = None
        self.sandbox.end()


def read_cells(sandbox, content, seconds=10.0):
    """What a worker finds in a notebook file: cells, names of all cells, chapter it says; ValueError if it is none."""
    try:
        pipe = sandbox.child()
        until = time.monotonic() + seconds
        _send(pipe, ["", "read", content], until, most=len(content) + 1024)
        (_, reply), _ = _receive(pipe, until)
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
        self._seconds = min(self._guide.seconds, submitted.limits.check * self._guide.effort)
        self._spent, self._ended = 0.0, None

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
        if self._ended:
            return self._ended
        left = self._seconds - self._spent
        if left <= 0:
            return {"error": ["time", "TimeUp", f"a check takes longer than {self._seconds:g} s", ""]}
        start = time.monotonic()
        try:
            return self._submitted.call(name, source, args, kwargs, left, self._guide)
        except Ended as error:
            # Who ended the process is not asked again by this check, which may have meant to ask hundreds of times.
            self._ended = {"error": ["ended", "RuntimeError", str(error), ""]}
            return self._ended
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
    elif not (isinstance(known, type) and issubclass(known, BaseException)) or known in UNSPEAKABLE:
        known = RuntimeError
    return Crashed(known, text, where)


def _is_time_up(told):
    return isinstance(told, list) and told[:1] == ["time"]


class Crashed(AnswerCrashed):
    """An AnswerCrashed whose text is the worker's."""

    def __init__(self, known, text, where):
        cause = known.__new__(known)
        super().__init__(cause, where[:500])
        self.args = (text[:2000],)


def _texts(value):
    """The texts in a list that should hold nothing else."""
    return [one for one in value if isinstance(one, str)] if isinstance(value, (list, tuple)) else []


def _send(pipe, value, until, most=codec.MESSAGE_BYTES):
    data = codec.encode(value, layout=True, most=most)
    pipe.settimeout(max(until - time.monotonic(), 1e-3))
    pipe.sendall(struct.pack("<I", len(data)) + data)


def _receive(pipe, until, most=codec.MESSAGE_BYTES):
    """One value and its weight; TimeoutError if it is not complete in time, however slowly it drips."""
    (size,) = struct.unpack("<I", _exactly(pipe, 4, until))
    if size > most:
        raise codec.Refused(f"a value of {size >> 20} MiB")
    return codec.weighed(_exactly(pipe, size, until))


def _exactly(pipe, size, until):
    data = bytearray()
    while len(data) < size:
        pipe.settimeout(max(until - time.monotonic(), 1e-3))
        part = pipe.recv(min(size - len(data), 2**20))
        if not part:
            raise ConnectionResetError
        data += part
    return bytes(data)
