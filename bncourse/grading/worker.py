"""The untrusted side: runs inside the sandbox, beside nothing that is worth stealing.

A server imports the libraries once. For every submission it forks a child with namespaces, folder and limits of its
own, which executes the learner's cells, calls their functions and sends back what came out. The child holds no check,
no expected value, no mistake and no solution; it is told one call at a time, and all it can do is to answer.
"""

import contextlib
import os
import signal
import socket
import struct
import sys
import tempfile
import time

from bncourse import cells
from bncourse.checking.learner import (
    AnswerMissing,
    Answers,
    AnswerUnsolved,
    Forbidden,
    Learner,
    cell_problem,
    line_of,
    nearest_builtin,
    parameters,
)
from bncourse.checking.registry import Guide
from bncourse.checking.watching import TimeUp, time_limit
from bncourse.grading import codec, hardening

LOOKING_SECONDS = 0.5


def serve(control, options):
    """Fork a child for every socket that comes over `control`, end it when told so; ends with its grader.

    `options`: isolate (namespaces for each child), without (packages that are not to be had), memory (bytes),
    seconds (of CPU time), filter (system calls forbidden, as a compiled program, or nothing).
    """
    _preload(options["without"])
    control.sendall(b"R")
    while True:
        command, fds, _, _ = socket.recv_fds(control, 1, 1)
        if not command:
            return
        child = _fork(control, fds[0], options)
        control.recv(1)
        with contextlib.suppress(ProcessLookupError):
            os.kill(child, signal.SIGTERM)
        os.waitpid(child, 0)
        control.sendall(b"E")


def _preload(without):
    sys.dont_write_bytecode = True
    sys.setrecursionlimit(1000)
    hardening.make_absent(without)
    import numpy  # noqa: F401

    if "torch" not in without:
        import torch

        torch.set_num_threads(1)
        # A gradient that is given and an optimizer import much, which would be slow for every submission, under watch.
        if os.path.isdir(hardening.SCRATCH):
            # Here nothing can be written yet, and there need not be.
            tempfile.tempdir = os.environ["TORCHINDUCTOR_CACHE_DIR"] = hardening.SCRATCH
        parameter = torch.ones(2, 2, requires_grad=True)
        (parameter @ torch.ones(2, 2)).backward(torch.ones(2, 2))
        torch.optim.SGD([parameter], lr=0.1).step()
        if without:
            hardening.remove_norms()
        codec.know_tensors()


def _fork(control, end, options):
    """The keeper of one submission: it alone can end the child, whose process namespace dies with its first process."""
    keeper = os.fork()
    if keeper:
        os.close(end)
        return keeper
    status = 1
    try:
        control.close()
        isolated = options["isolate"] and hardening.unshare()
        child = os.fork()
        if child:
            os.close(end)
            signal.signal(signal.SIGTERM, lambda *_: _end(child, isolated))
            os.waitpid(child, 0)
            _end(child, isolated)
        else:
            pipe = socket.socket(fileno=end)
            hardening.harden(end, options, isolated)
            Child(pipe).live()
        status = 0
    finally:
        os._exit(status)


def _end(child, isolated):
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(child, signal.SIGKILL) if isolated else os.killpg(child, signal.SIGKILL)
    with contextlib.suppress(ChildProcessError):
        os.waitpid(child, 0)
    os._exit(0)


class Child:
    """Executes one submission: answers requests, each with the token that came with it, until the pipe closes."""

    def __init__(self, pipe):
        self.pipe, self.cells, self.defined, self.answers = pipe, [], cells.Defined(), None

    def live(self):
        requests = {"read": self.read, "take": self.take, "run": self.run, "names": self.names, "call": self.call}
        while (request := receive(self.pipe, layout=True)) is not None:
            token, name, *rest = request
            most = codec.ANSWER_BYTES if name == "call" else codec.MESSAGE_BYTES
            try:
                send(self.pipe, [token, requests[name](*rest)], most)
            except Exception as error:  # what a function returned may refuse in any way to be read
                words = f"the answer returns {error}" if isinstance(error, codec.Refused) else _text(error)
                send(self.pipe, [token, {"error": ["crashed", "ValueError", words, ""]}])

    def read(self, content):
        """The code cells of a notebook file, and the chapter that it says it belongs to."""
        try:
            notebook = cells.parse(content)
        except (ValueError, MemoryError) as error:
            return {"damaged": str(error) or "too large to be read"}
        found = [(cell.name, cell.role, _bearable(cell.source)) for cell in cells.code(notebook)]
        every = [cells.name_of(cell) for cell in notebook["cells"]]
        return {"cells": found, "names": every, "chapter": str(cells.marked_chapter(notebook))}

    def take(self, found):
        self.cells = [cells.Cell(*one) for one in found]
        return True

    def run(self, index, seconds):
        """Execute one cell."""
        cell = self.cells[index]
        try:
            with time_limit(seconds):
                self.defined.run(cell)
        except BaseException as error:  # whatever ends a cell ends that cell only
            self.defined.errors[cell.name] = error
            self.defined.answers.setdefault(cell.name, {})
        error = self.defined.errors.get(cell.name)
        return {"error": _told(cell_problem(error, cell.name)) if error and cell.role == "answer" else None}

    def names(self, look):
        """What the cells define that can be called, with the names of its parameters if these are to be looked at."""
        names = self.defined.names
        self.answers = Answers(names)
        callables = {name: value for name, value in names.items() if isinstance(name, str) and callable(value)}
        until = time.monotonic() + LOOKING_SECONDS
        return {
            name: _parameters(value, until) if look else []
            for name, value in callables.items()
            if not name.startswith("__")
        }

    def call(self, name, probe, args, kwargs, seconds, forbids):
        """Call one of the learner's functions, or a probe beside them."""
        learner = Learner(self.answers, Guide(forbids=tuple(forbids.split()), seconds=seconds))
        call, error = None, None
        try:
            if probe is None:
                getattr(learner, name)(*args, **kwargs)
            else:
                learner.run_source(name, probe, *args)
        except BaseException as raised:  # whatever ends a call ends that call only
            error = raised
        call = learner.calls[-1] if learner.calls else None
        return {
            "result": call.result if call and not error else None,
            "error": _told(error) if error else None,
            "printed": call.printed[-2000:] if call else "",
            "after": [list(call.used[0]), call.used[1]] if call and call.changed else None,
        }


def _parameters(value, until):
    """`parameters` of something that may do anything when it is looked at."""
    try:
        with time_limit(max(until - time.monotonic(), 0.01)):
            return parameters(value)
    except BaseException:
        return []


def _bearable(source):
    too_long = f"raise ValueError('a cell of more than {codec.TEXT >> 20} MiB is not run')"
    return source if len(source.encode("utf-8", "replace")) <= codec.TEXT else too_long


def _told(error):
    """An exception as [kind, nearest built-in class, text, line]."""
    if isinstance(error, (AnswerMissing, AnswerUnsolved, Forbidden)):
        kind = {AnswerMissing: "missing", AnswerUnsolved: "unsolved", Forbidden: "forbidden"}[type(error)]
        return [kind, "", error.name if kind == "forbidden" else str(error), ""]
    where = getattr(error, "where", "")
    cause = getattr(error, "cause", error)
    if isinstance(cause, TimeUp):
        return ["time", "TimeUp", str(cause), where]
    return ["crashed", nearest_builtin(type(cause)).__name__, _text(cause), where or line_of(cause)]


def _text(error):
    try:
        return f"{type(error).__name__}: {error}"[:2000]
    except Exception:
        return type(error).__name__[:200]


def send(pipe, value, most=codec.MESSAGE_BYTES):
    """Send one value, preceded by its length."""
    data = codec.encode(value, most=most)
    pipe.sendall(struct.pack("<I", len(data)) + data)


def receive(pipe, layout=False):
    """The next value, or None where the other end has closed."""
    header = _exactly(pipe, 4)
    data = _exactly(pipe, struct.unpack("<I", header)[0]) if header else None
    return None if data is None else codec.decode(data, layout)


def _exactly(pipe, size):
    data = bytearray()
    while len(data) < size:
        part = pipe.recv(min(size - len(data), 2**20))
        if not part:
            return None
        data += part
    return bytes(data)
