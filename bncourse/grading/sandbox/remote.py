"""The trusted end of a worker: a learner's answers, each call of which goes over a pipe to a process that may lie."""

import builtins
import contextlib
import secrets
import socket
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from inspect import Parameter, Signature
from typing import Self

from bncourse.checking import learner
from bncourse.checking.copies import clone
from bncourse.checking.learner import AnswerCrashed, Answers, Call, Learner
from bncourse.checking.marks import Guide
from bncourse.checking.watching import TimeUp
from bncourse.course import cells
from bncourse.course.identity import Asked, Reading
from bncourse.grading.sandbox import codec, wire
from bncourse.grading.sandbox.budget import Budget, WorkerDied
from bncourse.grading.sandbox.launch import Limits, Sandbox

GRACE = 0.75  # seconds beyond a limit that the worker itself keeps, before it is ended
MOST_LIVES = 200  # how often a submission that ends its own process is started again
MOST_FLAGS = 20
# Not to be raised on this side, or not to be made without arguments.
UNSPEAKABLE: tuple[type[BaseException], ...] = (KeyboardInterrupt, SystemExit, BaseExceptionGroup, ExceptionGroup)
PROBLEMS: dict[str, Callable[[str], Exception]] = {
    "missing": learner.AnswerMissing, "unsolved": learner.AnswerUnsolved, "forbidden": learner.Forbidden,
}  # fmt: skip
Arguments = tuple[object, ...]


@dataclass
class Reply:
    """What the worker says of one call, as far as it is well-formed."""

    result: object = None
    error: Exception | None = None
    printed: str = ""
    after: object = None  # the arguments as the call left them, if it changed them

    @classmethod
    def read(cls, message: object) -> Self:
        """The reply in a message of the worker's, which may be anything."""
        fields = message if isinstance(message, dict) else {}
        (printed,) = _texts([fields.get("printed")]) or [""]
        return cls(fields.get("result"), _error(fields.get("error")), printed, fields.get("after"))


class Crashed(AnswerCrashed):
    """An AnswerCrashed whose text is the worker's."""

    def __init__(self, kind: type[BaseException], text: str, where: str) -> None:
        # Not kind(), since some exceptions cannot be made without arguments.
        super().__init__(kind.__new__(kind), where[:500])
        self.args = (text[:2000],)


class Submitted:
    """One notebook in a worker: its cells are run there, its functions called there, its process renewed if it ends.

    A cell that ends the process, or runs over its time, is left out of the next one, so that the answers beside it
    are still judged. `guides` are those of the exercises by answer cell; each has its share of the time.
    """

    def __init__(self, sandbox: Sandbox, reading: Reading, limits: Limits, guides: Mapping[str, Guide]) -> None:
        self.sandbox, self.code, self.limits, self.guides = sandbox, reading.code, limits, guides
        self.modules, self.misplaced, self.problem = reading.modules, reading.problems, ""
        self.answers = [cell.name for cell in self.code if cell.role == "answer"]
        self.errors: dict[str, Exception] = {}
        self.names: dict[str, list[str]] = {}  # of what can be called, each with its parameters
        self.flags: set[str] = set()
        self.lives = 0
        self._budget = Budget(limits.submission / (len(guides) + 1))
        self._pipe: socket.socket | None = None
        self._looks = True
        self._left_out: set[int] = set()
        self._already_run: set[int] = set()

    def __enter__(self) -> Self:
        self._start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end()

    def _start(self) -> socket.socket:
        """The pipe to a process in which all cells ran that can; WorkerDied where there is none."""
        while self._pipe is None:
            self.lives += 1
            if self.lives > MOST_LIVES:
                raise WorkerDied(f"the code ended its own process {MOST_LIVES} times")
            self._pipe = self.sandbox.child()
            with contextlib.suppress(WorkerDied):
                self._run_cells(self._pipe)
        return self._pipe

    def _end(self) -> None:
        self._pipe = None
        self.sandbox.end()

    def _run_cells(self, pipe: socket.socket) -> None:
        self._ask(pipe, ("take", [(cell.name, cell.role, cell.source) for cell in self.code], self.modules), 10)
        for index, cell in enumerate(self.code):
            if index not in self._left_out and cell.role not in ("check", "colab"):
                self._run_cell(pipe, index, cell)
        try:
            names = self._ask(pipe, ("names", self._looks), self.limits.check)
        except WorkerDied:
            self._looks = False  # next time without a look at what may be anything
            raise
        names = names if isinstance(names, dict) else {}
        self.names = {str(name): _texts(parameters) for name, parameters in names.items()}

    def _run_cell(self, pipe: socket.socket, index: int, cell: cells.Cell) -> None:
        """Run a cell at the expense of its exercise; again, at the expense of whoever made that necessary."""
        seconds, guide = self.limits.check, self.guides.get(cell.name)
        try:
            if index in self._already_run:
                message = self._ask(pipe, ("run", index, seconds), seconds)
            else:
                seconds = min(seconds, self._budget.left(guide))
                with self._budget.timing(guide):
                    message = self._ask(pipe, ("run", index, seconds), seconds)
        except WorkerDied as error:
            self._left_out.add(index)
            if cell.role == "answer":
                self.errors[cell.name] = Crashed(RuntimeError, str(error), f"cell {cell.name}")
            if self._pipe is None:
                raise
            return
        self._already_run.add(index)
        problem = Reply.read(message).error
        (elsewhere,) = _texts([message.get("problem")] if isinstance(message, dict) else []) or [""]
        self.problem = self.problem or elsewhere[:500]
        if cell.role == "answer":
            self.errors.pop(cell.name, None)
            if problem:
                self.errors[cell.name] = problem
        if _is_time_up(problem):
            self._left_out.add(index)

    def call(
        self,
        name: str,
        probe: str | None,
        args: Iterable[object],
        kwargs: dict[str, object],
        seconds: float,
        guide: Guide,
    ) -> Reply:
        """The worker's reply to one call for the exercise of this guide; WorkerDied if there is none."""
        left = self._budget.left(guide)
        seconds, late = min(seconds, left), left < seconds
        with self._budget.timing(guide):
            try:
                request = ("call", name, probe, list(args), kwargs, seconds, "\n".join(guide.forbids))
                reply = Reply.read(self._ask(self._start(), request, seconds, guide))
            except WorkerDied as error:
                with contextlib.suppress(WorkerDied):
                    self._start()
                raise WorkerDied(self._budget.reason(guide, error, late)) from None
        if reply.error and _is_time_up(reply.error):
            first = self._budget.reason(guide, reply.error, late)
            reply.error = Crashed(TimeUp, str(first), getattr(first, "where", ""))
        return reply

    def _ask(self, pipe: socket.socket, request: Arguments, seconds: float, guide: Guide | None = None) -> object:
        """What the worker answers within so many seconds, for the exercise of `guide` or for none."""
        token, deadline = secrets.token_hex(8), time.monotonic() + seconds + GRACE
        try:
            wire.send(pipe, codec.encode([token, *request], layout=True), deadline)
            while True:
                message = wire.receive(pipe, codec.ANSWER_BYTES if guide else codec.MESSAGE_BYTES, deadline)
                reply, weight = codec.weighed(message)
                if guide:
                    self._budget.charge(guide, weight)
                if isinstance(reply, dict) and isinstance(reply.get("flag"), str):
                    if len(self.flags) < MOST_FLAGS:
                        self.flags.add(reply["flag"][:80])
                elif isinstance(reply, list) and len(reply) == 2 and isinstance(reply[0], str) and reply[0] == token:
                    return reply[1]
                else:
                    raise codec.Refused("what it was not asked")
        except TimeoutError:
            reason = f"still running after {seconds:.3g} s; is there a loop that never ends?"
        except OSError:
            reason = "the code ended its own process (out of memory, or ended on purpose)"
        except codec.Refused as error:
            reason = f"its process was ended, as it answered {error}"
        self._end()
        raise WorkerDied(reason)


def read_cells(
    sandbox: Sandbox, content: bytes, name: str, chapters: Mapping[str, Asked], seconds: float = 10.0
) -> Reading:
    """What a worker finds in a notebook file of this name; ValueError if it is none."""
    try:
        pipe, deadline = sandbox.child(), time.monotonic() + seconds
        wire.send(
            pipe,
            codec.encode(["", "read", content, name, chapters], layout=True, most=len(content) + (1 << 16)),
            deadline,
        )
        reply = codec.decode(wire.receive(pipe, codec.MESSAGE_BYTES, deadline))
    except (OSError, codec.Refused):
        sandbox.end()
        raise ValueError("too large or too deep to be read") from None
    fields = reply[1] if isinstance(reply, list) and len(reply) == 2 else None
    if not isinstance(fields, dict) or "cells" not in fields:
        raise ValueError(f"not a notebook{fields.get('damaged', '') if isinstance(fields, dict) else ''}")
    code = [cells.Cell(*cell) for cell in fields["cells"]]
    problems = {answer: text[:500] for answer, text in fields["problems"].items()}
    return Reading(fields["chapter"] or None, code, problems)


class CallsOfACheck:
    """Calls in a worker that share the limit of one check."""

    def __init__(self, submitted: Submitted, guide: Guide) -> None:
        self._submitted, self._guide = submitted, guide
        self._seconds = min(guide.seconds, submitted.limits.check * guide.effort)
        self._spent, self._ended = 0.0, ""

    def __call__(self, name: str, probe: str | None, args: Arguments, kwargs: dict[str, object]) -> Reply:
        """The worker's reply to one call; what keeps it from replying is an error of the answer's."""
        if self._ended:
            return Reply(error=Crashed(RuntimeError, self._ended, ""))
        left = self._seconds - self._spent
        if left <= 0:
            return Reply(error=Crashed(TimeUp, f"a check takes longer than {self._seconds:g} s", ""))
        start = time.monotonic()
        try:
            return self._submitted.call(name, probe, args, kwargs, left, self._guide)
        except WorkerDied as error:
            # Who ended the process is not asked again by this check, which may have meant to ask hundreds of times.
            self._ended = str(error)
            return Reply(error=Crashed(RuntimeError, self._ended, ""))
        finally:
            self._spent += time.monotonic() - start


class RemoteAnswers(Answers):
    """`answers.normalize` is a function whose body runs in the worker."""

    def __init__(self, submitted: Submitted) -> None:
        functions = {name: RemoteFunction(submitted, name, names) for name, names in submitted.names.items()}
        super().__init__(functions)
        self._submitted = submitted

    def learner(self, guide: Guide) -> Learner:
        return RemoteLearner(self, guide, self._submitted)


class RemoteFunction:
    """Calls one function of the learner's in the worker; for mistakes that rest on the learner's other answers."""

    def __init__(self, submitted: Submitted, name: str, parameters: Iterable[str]) -> None:
        self._submitted, self.__name__ = submitted, name
        names = [parameter for parameter in dict.fromkeys(parameters) if parameter.isidentifier()]
        with contextlib.suppress(ValueError):
            self.__signature__ = Signature([Parameter(name, Parameter.POSITIONAL_OR_KEYWORD) for name in names])

    def __call__(self, *args: object, **kwargs: object) -> object:
        return CallsOfACheck(self._submitted, Guide())(self.__name__, None, args, kwargs).result


class RemoteLearner(Learner):
    """What a check gets: a `Learner` whose calls are made in the worker."""

    def __init__(self, answers: RemoteAnswers, guide: Guide, submitted: Submitted) -> None:
        super().__init__(answers, guide)
        self._ask = CallsOfACheck(submitted, guide)

    def _record(self, call: Call, function: Callable[..., object]) -> object:
        """Make the call in the worker; `function`, which would make it here, is not used."""
        call.args, call.kwargs = clone(call.args), clone(call.kwargs)  # a check may change its arrays afterwards
        self.calls.append(call)
        name, source = learner.source_of(call.probe) if call.probe else (call.name, None)
        reply = self._ask(name, source, call.args, call.kwargs)
        call.result, call.error, call.printed = reply.result, reply.error, reply.printed
        call.used = _arguments_after(reply.after, call)
        call.changed = learner.changed_arguments(call)
        if call.error:
            raise call.error
        return call.result


def _arguments_after(after: object, call: Call) -> tuple[Arguments, dict[str, object]]:
    """The arguments as the call left them; those that went in where the worker says nothing sensible."""
    if isinstance(after, list) and len(after) == 2 and isinstance(after[0], list) and isinstance(after[1], dict):
        args, kwargs = after
        if len(args) == len(call.args) and kwargs.keys() == call.kwargs.keys():
            return tuple(args), kwargs
    return call.args, call.kwargs


def _error(description: object) -> Exception | None:
    """The exception that a worker's description stands for: kind, nearest built-in class, text, line."""
    if description is None:
        return None
    kind, name, text, where = (*_texts(description), "", "", "", "")[:4]
    if kind in PROBLEMS:
        return PROBLEMS[kind](text)
    if kind == "time":
        return Crashed(TimeUp, text, where)
    exception = getattr(builtins, name, Exception)
    if not (isinstance(exception, type) and issubclass(exception, BaseException)) or exception in UNSPEAKABLE:
        exception = RuntimeError
    return Crashed(exception, text, where)


def _is_time_up(error: Exception | None) -> bool:
    return isinstance(error, AnswerCrashed) and isinstance(error.cause, TimeUp)


def _texts(value: object) -> list[str]:
    """The texts in a list that should hold nothing else."""
    return [text for text in value if isinstance(text, str)] if isinstance(value, (list, tuple)) else []
