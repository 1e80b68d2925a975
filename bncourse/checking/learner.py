"""The learner's answers as the checks see them: called on copies, watched, and recorded."""

import contextlib
import functools
import inspect
import re
import sys
import textwrap
import traceback
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from bncourse.checking.copies import clone, same_bits
from bncourse.checking.marks import Guide
from bncourse.checking.watching import TimeUp, time_limit, watching
from bncourse.course.errors import CourseError
from bncourse.course.quiet import LastWords, quiet

Probe = Callable[..., Any]
# How NumPy takes what is not finite, whatever np.seterr was told before: else a class would be told other sentences.
BY_DEFAULT: Any = {"divide": "warn", "over": "warn", "under": "ignore", "invalid": "warn"}


class AnswerMissing(Exception):
    """There is no answer to call; the message says what is missing and the way out."""


class AnswerUnsolved(Exception):
    """The stub is still there: it raised NotImplementedError."""


class AnswerCrashed(Exception):
    """The learner's code raised `cause`; `where` is the line of theirs that did it."""

    def __init__(self, cause: BaseException, where: str = "") -> None:
        super().__init__(str(cause) if isinstance(cause, CourseError) else f"{type(cause).__name__}: {cause}")
        self.cause, self.where = cause, where


class Forbidden(Exception):
    """The answer called what the exercise asks the learner to write."""

    def __init__(self, name: str) -> None:
        super().__init__(f"calls {name}")
        self.name = name


@dataclass(eq=False)
class Call:
    """One call that a check made: what went in, what came out."""

    name: str
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    probe: Probe | None = None
    parameters: list[str] = field(default_factory=list)
    result: Any = None
    error: Exception | None = None
    printed: str = ""
    changed: list[str] = field(default_factory=list)
    used: tuple[tuple[Any, ...], dict[str, Any]] = ((), {})  # the arguments as the answer left them
    passed: str = ""  # the name of the check that made the call, if it passed

    @property
    def answer(self) -> str:
        """The learner's names that were called, and nothing of how a check is made."""
        if not self.probe:
            return self.name
        named = re.findall(r"\banswers\.(\w+)", source_of(self.probe)[1])
        return " and ".join(dict.fromkeys(named)) or next((arg for arg in self.args if isinstance(arg, str)), "answer")

    @property
    def arguments(self) -> list[tuple[str, Any]]:
        """(name, value) of each argument, in the order of the call."""
        names = [name for name in self.parameters if name[0] != "*"][: len(self.args)]
        many, first = next(((name[1:], len(names)) for name in self.parameters if name[0] == "*"), ("argument", 0))
        names += [f"{many} {place - first + 1}" for place in range(len(names), len(self.args))]
        return [*zip(names, self.args), *self.kwargs.items()]

    @property
    def size(self) -> int:
        """How many numbers went in: failures with small inputs are shown first."""
        return sum(_size(value) for _, value in self.arguments)


def _size(value: Any) -> int:
    if isinstance(value, (tuple, list)):
        return sum(map(_size, value))
    return sum(map(_size, value.values())) if isinstance(value, dict) else int(np.size(value))


class Answers:
    """Attribute access to the names that a learner defined; `answers.normalize` raises AnswerMissing if absent."""

    def __init__(self, namespace: Mapping[str, Any]) -> None:
        self._namespace = namespace

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        if name not in self._namespace:
            raise AnswerMissing(f"{name} is not defined; write your answer under this very name and run its cell")
        return self._namespace[name]

    def overlaid(self, names: Mapping[str, Any]) -> "Answers":
        """The same answers with some of them replaced."""
        return Answers({**self._namespace, **names})

    def learner(self, guide: Guide) -> "Learner":
        """What a check gets to call these answers with."""
        return Learner(self, guide)


class Learner:
    """What a check gets: `learner.normalize(x, ...)` and `learner.run(probe, ...)`, each call recorded in `calls`."""

    def __init__(self, answers: Answers, guide: Guide | None = None) -> None:
        self._answers, self._guide = answers, guide or Guide()
        self.calls: list[Call] = []
        self._time_up: Exception | None = None  # after which nothing is called any more

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name.startswith("_"):
            raise AttributeError(name)
        return functools.partial(self._call_answer, name)

    def _call_answer(self, name: str, /, *args: Any, **kwargs: Any) -> Any:
        answer = getattr(self._answers, name)
        return self._record(Call(name, args, kwargs, parameters=parameters(answer)), answer)

    def run(self, probe: Probe, *args: Any) -> Any:
        """Call `probe(answers, *args)`, a function whose source runs alone, beside the learner's code."""
        call = Call(probe.__name__, args, {}, probe=probe, parameters=parameters(probe)[1:])
        return self._record(call, functools.partial(_rebuilt(*source_of(probe)), self._answers))

    def run_source(self, name: str, source: str, *args: Any) -> Any:
        """`run` for a probe of which only name and source are at hand."""
        return self._record(Call(name, args, {}), functools.partial(_rebuilt(name, source), self._answers))

    def replay(self, call: Call) -> Call:
        """Make a recorded call again; its error, if any, is in the new record and not raised."""
        with contextlib.suppress(AnswerCrashed, AnswerUnsolved, Forbidden):
            if call.probe:
                self.run(call.probe, *call.args)
            else:
                self._call_answer(call.name, *call.args, **call.kwargs)
        return self.calls[-1]

    def _record(self, call: Call, function: Callable[..., Any]) -> Any:
        args, kwargs = call.used = clone(call.args), clone(call.kwargs)
        call.args, call.kwargs = clone(call.args), clone(call.kwargs)
        self.calls.append(call)
        if self._time_up:
            call.error = self._time_up
            raise self._time_up
        printed = LastWords()
        called: list[str] = []
        forbids = self._guide.forbids
        try:
            with quiet(printed), np.errstate(**BY_DEFAULT), time_limit(self._guide.seconds), watching(forbids, called):
                call.result = function(*args, **kwargs)
        except (AnswerMissing, KeyboardInterrupt):
            raise
        except BaseException as error:  # the answer may raise anything, SystemExit and TimeUp included
            call.error = _as_error_of_the_answer(error, call.name)
            self._time_up = call.error if isinstance(error, TimeUp) else None
            if isinstance(error, ModuleNotFoundError) and str(error.name).partition(".")[0] in forbids:
                called.append(str(error.name))  # whether it is installed or not
        with contextlib.suppress(Exception):  # a result of the learner's may refuse in any way, and is then no copy
            call.result = clone(call.result)
        if called:
            call.error = Forbidden(called[0])
        call.printed = printed.getvalue()
        call.changed = changed_arguments(call)
        if call.error:
            raise call.error
        return call.result

    @property
    def changed(self) -> list[str]:
        """Names of the arguments that the last call changed."""
        return self.calls[-1].changed

    @contextlib.contextmanager
    def raises(self, exception: type[BaseException], message: str) -> Iterator[None]:
        """The block must end by the learner's code raising `exception`; `message` tells the learner so."""
        try:
            yield
        except AnswerCrashed as error:
            if not isinstance(error.cause, exception):
                raise
        else:
            raise AssertionError(message)


def parameters(function: Callable[..., Any]) -> list[str]:
    """Names of the parameters of a function, as far as it tells them; "*values" where it takes any number."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return []
    named = [parameter for parameter in parameters if parameter.kind is not parameter.VAR_KEYWORD]
    return ["*" * (parameter.kind is parameter.VAR_POSITIONAL) + parameter.name for parameter in named]


def changed_arguments(call: Call) -> list[str]:
    """Names of arguments whose bits are no longer those that went in."""
    used = Call(call.name, *call.used, parameters=call.parameters).arguments
    return [name for (name, before), (_, after) in zip(call.arguments, used) if not same_bits(before, after)]


@functools.lru_cache(maxsize=100)
def source_of(probe: Probe) -> tuple[str, str]:
    """Name and source of a probe, which is all that a worker elsewhere would have of it."""
    return probe.__name__, textwrap.dedent(inspect.getsource(probe))


@functools.lru_cache(maxsize=100)
def _rebuilt(name: str, source: str) -> Probe:
    """A probe made from its source in an empty namespace; PyTorch is loaded for it before the time of a call runs."""
    if "import torch" in source:
        with contextlib.suppress(ImportError):
            import torch  # noqa: F401
    namespace: dict[str, Probe] = {}
    exec(compile(source, f"<probe {name}>", "exec"), namespace)
    return namespace[name]


def _as_error_of_the_answer(error: BaseException, name: str) -> AnswerUnsolved | AnswerCrashed:
    """An untouched stub raises NotImplementedError itself; a library's NotImplementedError is a crash like others."""
    frames = traceback.extract_tb(error.__traceback__)
    if isinstance(error, NotImplementedError) and "site-packages" not in frames[-1].filename:
        return AnswerUnsolved(name)
    return AnswerCrashed(error, line_of(error))


def cell_problem(error: BaseException, cell: str) -> AnswerUnsolved | AnswerCrashed:
    """The exception that ended an answer's cell, as an error of the answer."""
    if isinstance(error, (AnswerCrashed, AnswerUnsolved)):
        return error
    if isinstance(error, NotImplementedError):
        return AnswerUnsolved(cell)
    where = f"cell {cell}"
    if isinstance(error, SyntaxError) and error.text:
        version = f"Python {sys.version_info.major}.{sys.version_info.minor}"  # which may know less than the learner's
        where = f"cell {cell}, line {error.lineno}, read by {version}: {error.text.strip()}"
    return AnswerCrashed(error, where)


def nearest_builtin(kind: type[BaseException]) -> type[BaseException]:
    """The built-in exception that an exception's class derives from, which is all that a pipe can tell of it."""
    return next(base for base in kind.__mro__ if base.__module__ == "builtins")


def line_of(error: BaseException) -> str:
    """The last line of the learner's own code in the traceback, as "line 3: return x / y"."""
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if "ipykernel" in frame.filename or frame.filename.startswith(("<ipython", "<cell ")):
            return f"line {frame.lineno}: {frame.line}"
    return ""
