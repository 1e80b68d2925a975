"""The untrusted side: runs inside the sandbox, beside nothing that is worth stealing.

A server imports the libraries once. For every submission it forks a child with namespaces, folder and limits of its
own, which executes the learner's cells, calls their functions and sends back what came out. The child holds no check,
no expected value, no mistake and no solution; it is told one call at a time, and all it can do is to answer.
"""

import contextlib
import os
import signal
import socket
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from typing import NoReturn

from bncourse.checking import learner
from bncourse.checking.learner import AnswerCrashed, Answers, Learner
from bncourse.checking.marks import Guide
from bncourse.checking.watching import TimeUp, time_limit
from bncourse.course import cells, identity
from bncourse.grading.sandbox import codec, hardening, wire
from bncourse.grading.sandbox.hardening import Beside, Options

LOOKING_SECONDS = 0.5


def serve(control: socket.socket, options: Options) -> None:
    """Fork a child for every socket that comes over `control`, end it when asked to; ends with its grader."""
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


def _preload(without: Sequence[str]) -> None:
    sys.dont_write_bytecode = True
    sys.setrecursionlimit(1000)
    hardening.make_absent(without)
    import resource  # noqa: F401  hardening needs it where files may no longer be read

    import IPython.core.inputtransformer2  # noqa: F401  for cells that are not all Python
    import numpy  # noqa: F401

    if "torch" not in without:
        import torch

        torch.set_num_threads(1)
        # A gradient that is passed in and an optimizer import much, which would be slow for every submission.
        if os.path.isdir(hardening.SCRATCH):
            # Here nothing can be written yet, and there need not be.
            tempfile.tempdir = os.environ["TORCHINDUCTOR_CACHE_DIR"] = hardening.SCRATCH
        parameter = torch.ones(2, 2, requires_grad=True)
        (parameter @ torch.ones(2, 2)).backward(torch.ones(2, 2))
        torch.optim.SGD([parameter], lr=0.1).step()
        if without:
            hardening.remove_norms()
        codec.know_tensors()


def _fork(control: socket.socket, end: int, options: Options) -> int:
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


def _end(child: int, isolated: bool) -> NoReturn:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(child, signal.SIGKILL) if isolated else os.killpg(child, signal.SIGKILL)
    with contextlib.suppress(ChildProcessError):
        os.waitpid(child, 0)
    os._exit(0)


class Child:
    """Executes one submission: answers requests, each with the token that came with it, until the pipe closes."""

    def __init__(self, pipe: socket.socket) -> None:
        self.pipe = pipe
        self.cells: list[cells.Cell] = []
        self.defined = cells.Definitions()
        self.answers = Answers({})

    def live(self) -> None:
        requests: dict[str, Callable[..., object]] = {
            "read": self.read, "take": self.take, "run": self.run, "names": self.names, "call": self.call,
        }  # fmt: skip
        with contextlib.suppress(ConnectionResetError):
            while True:
                token, name, *arguments = codec.decode(wire.receive(self.pipe), layout=True)
                most = codec.ANSWER_BYTES if name == "call" else codec.MESSAGE_BYTES
                try:
                    reply = codec.encode([token, requests[name](*arguments)], most=most)
                except Exception as error:  # what a function returned may refuse in any way to be read
                    text = f"the answer returns {error}" if isinstance(error, codec.Refused) else _text(error)
                    reply = codec.encode([token, {"error": ["crashed", "ValueError", text, ""]}])
                wire.send(self.pipe, reply)

    def read(self, content: bytes, name: str, chapters: dict[str, dict[str, str]]) -> dict[str, object]:
        """The code cells of a notebook file, its chapter, and what stands in place of answers."""
        try:
            reading = identity.read(cells.parse(content), name, chapters)
        except (ValueError, MemoryError, RecursionError) as error:
            return {"damaged": str(error) or "too large to be read"}
        code = [(cell.name, cell.role, truncated(cell.source)) for cell in reading.code]
        return {"cells": code, "chapter": reading.chapter or "", "problems": reading.problems}

    def take(self, code: Iterable[tuple[str, str, str]], modules: dict[str, str]) -> bool:
        """Have the cells that are to be run, and the modules that lay beside the notebook."""
        self.cells = [cells.Cell(*cell) for cell in code]
        self.defined = cells.Definitions(self.cells)
        sys.meta_path.append(Beside(modules))
        return True

    def run(self, index: int, seconds: float) -> dict[str, object]:
        """Execute one cell."""
        cell, time_up = self.cells[index], None
        try:
            with time_limit(seconds):
                self.defined.execute(cell)
        except BaseException as error:  # whatever ends a cell ends that cell only
            if cell.role == "answer":
                self.defined.errors[cell.name] = error
                self.defined.answers.setdefault(cell.name, {})
            else:
                time_up = AnswerCrashed(error)
        problem = self.defined.errors.get(cell.name) if cell.role == "answer" else time_up
        described = _description(learner.cell_problem(problem, cell.name)) if problem else None
        return {"error": described, "problem": self.defined.problem[:500]}

    def names(self, look: bool) -> dict[str, list[str]]:
        """What the cells define that can be called, with the names of its parameters if these are to be looked at."""
        names = self.defined.names
        self.answers = Answers(names)
        callables = {name: value for name, value in names.items() if isinstance(name, str) and callable(value)}
        deadline = time.monotonic() + LOOKING_SECONDS
        return {
            name: _parameters(value, deadline) if look else []
            for name, value in callables.items()
            if not name.startswith("__")
        }

    def call(
        self, name: str, probe: str | None, args: list[object], kwargs: dict[str, object], seconds: float, forbids: str
    ) -> dict[str, object]:
        """Call one of the learner's functions, or a probe beside them."""
        caller = Learner(self.answers, Guide(forbids=tuple(forbids.split()), seconds=seconds))
        error = None
        try:
            if probe is None:
                getattr(caller, name)(*args, **kwargs)
            else:
                caller.run_source(name, probe, *args)
        except BaseException as raised:  # whatever ends a call ends that call only
            error = raised
        call = caller.calls[-1] if caller.calls else None
        return {
            "result": call.result if call and not error else None,
            "error": _description(error) if error else None,
            "printed": call.printed[-2000:] if call else "",
            "after": [list(call.used[0]), call.used[1]] if call and call.changed else None,
        }


def _parameters(value: Callable[..., object], deadline: float) -> list[str]:
    """`parameters` of something that may do anything when it is looked at."""
    try:
        with time_limit(max(deadline - time.monotonic(), 0.01)):
            return learner.parameters(value)
    except BaseException:
        return []


def truncated(source: str) -> str:
    """A cell's text, or of a text too long to cross one line that says so."""
    too_long = f"raise ValueError('a cell of more than {codec.TEXT >> 20} MiB is not run')"
    return source if len(source.encode("utf-8", "replace")) <= codec.TEXT else too_long


def _description(error: BaseException) -> list[str]:
    """An exception as [kind, nearest built-in class, text, line]."""
    match error:
        case learner.AnswerMissing():
            return ["missing", "", str(error), ""]
        case learner.AnswerUnsolved():
            return ["unsolved", "", str(error), ""]
        case learner.Forbidden():
            return ["forbidden", "", error.name, ""]
    where = getattr(error, "where", "")
    cause = getattr(error, "cause", error)
    if isinstance(cause, TimeUp):
        return ["time", "TimeUp", str(cause), where]
    return ["crashed", learner.nearest_builtin(type(cause)).__name__, _text(cause), where or learner.line_of(cause)]


def _text(error: BaseException) -> str:
    try:
        return f"{type(error).__name__}: {error}"[:2000]
    except Exception:
        return type(error).__name__[:200]
