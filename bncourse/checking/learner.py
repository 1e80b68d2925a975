"""The learner's answers as the checks see them: called on copies, watched, and recorded."""

import contextlib
import functools
import inspect
import io
import textwrap
import traceback
from dataclasses import dataclass, field

import numpy as np

from bncourse.checking.copies import clone, same_bits
from bncourse.checking.registry import Guide
from bncourse.checking.watching import quiet, time_limit, watching
from bncourse.errors import CourseError


class AnswerMissing(Exception):
    """There is no answer to call; the message says what is missing and the way out."""


class AnswerUnsolved(Exception):
    """The stub is still there: it raised NotImplementedError."""


class AnswerCrashed(Exception):
    """The learner's code raised `cause`; `where` is the line of theirs that did it."""

    def __init__(self, cause, where=""):
        super().__init__(str(cause) if isinstance(cause, CourseError) else f"{type(cause).__name__}: {cause}")
        self.cause, self.where = cause, where


class Forbidden(Exception):
    """The answer called what the exercise asks the learner to write."""

    def __init__(self, name):
        super().__init__(f"calls {name}")
        self.name = name


@dataclass(eq=False)
class Call:
    """One call that a check made: what went in, what came out."""

    name: str
    args: tuple
    kwargs: dict
    probe: object = None
    parameters: list = field(default_factory=list)
    result: object = None
    error: Exception | None = None
    printed: str = ""
    changed: list = field(default_factory=list)
    used: tuple = ((), {})

    @property
    def arguments(self):
        """(name, value) of each argument, in the order of the call."""
        enough = len(self.parameters) >= len(self.args)
        names = self.parameters if enough else [f"argument {i + 1}" for i in range(len(self.args))]
        return [*zip(names, self.args), *self.kwargs.items()]

    @property
    def size(self):
        """How many numbers went in: failures with small inputs are shown first."""
        return sum(_size(value) for _, value in self.arguments)


def _size(value):
    if isinstance(value, (tuple, list)):
        return sum(map(_size, value))
    return sum(map(_size, value.values())) if isinstance(value, dict) else np.size(value)


class Answers:
    """Attribute access to the names that a learner defined; `answers.normalize` raises AnswerMissing if absent."""

    def __init__(self, namespace):
        self._namespace = namespace

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        if name not in self._namespace:
            raise AnswerMissing(f"{name} is not defined; write your answer under this very name and run its cell")
        return self._namespace[name]

    def overlaid(self, names):
        """The same answers with some of them replaced."""
        return Answers({**self._namespace, **names})

    def learner(self, guide):
        """What a check gets to call these answers with."""
        return Learner(self, guide)


class Learner:
    """What a check gets: `learner.normalize(x, ...)` and `learner.run(probe, ...)`, each call recorded in `calls`."""

    def __init__(self, answers, guide=None):
        self._answers, self._guide = answers, guide or Guide()
        self.calls = []

    def __getattr__(self, name):
        if name.startswith("_"):
            raise AttributeError(name)
        return functools.partial(self._call, name)

    def _call(self, name, *args, **kwargs):
        answer = getattr(self._answers, name)
        return self._record(Call(name, args, kwargs, parameters=parameters(answer)), answer)

    def run(self, probe, *args):
        """Call `probe(answers, *args)`, a function whose source runs alone, beside the learner's code."""
        call = Call(probe.__name__, args, {}, probe=probe, parameters=parameters(probe)[1:])
        return self._record(call, functools.partial(alone(*source_of(probe)), self._answers))

    def run_source(self, name, source, *args):
        """`run` for a probe of which only name and source are at hand."""
        return self._record(Call(name, args, {}), functools.partial(alone(name, source), self._answers))

    def replay(self, call):
        """Make a recorded call again; its error, if any, is in the new record and not raised."""
        with contextlib.suppress(AnswerCrashed, AnswerUnsolved, Forbidden):
            if call.probe:
                self.run(call.probe, *call.args)
            else:
                self._call(call.name, *call.args, **call.kwargs)
        return self.calls[-1]

    def _record(self, call, function):
        args, kwargs = call.used = clone(call.args), clone(call.kwargs)
        call.args, call.kwargs = clone(call.args), clone(call.kwargs)
        self.calls.append(call)
        printed, called = io.StringIO(), []
        try:
            with quiet(printed), time_limit(self._guide.seconds), watching(self._guide.forbids, called):
                call.result = function(*args, **kwargs)
        except (AnswerMissing, KeyboardInterrupt):
            raise
        except BaseException as error:  # the answer may raise anything, SystemExit and TimeUp included
            call.error = _told_apart(error, call.name)
        call.result = _kept(call.result)
        if called:
            call.error = Forbidden(called[0])
        call.printed = printed.getvalue()
        call.changed = changed_arguments(call)
        if call.error:
            raise call.error
        return call.result

    @property
    def changed(self):
        """Names of the arguments that the last call changed."""
        return self.calls[-1].changed

    @contextlib.contextmanager
    def raises(self, exception, words):
        """The block must end by the learner's code raising `exception`; `words` tell the learner so."""
        try:
            yield
        except AnswerCrashed as error:
            if not isinstance(error.cause, exception):
                raise
        else:
            raise AssertionError(words)


def _kept(result):
    """A copy that later calls cannot change; what cannot be copied stays as it is."""
    try:
        return clone(result)
    except Exception:  # a result of the learner's may refuse in any way
        return result


def parameters(function):
    """Names of the parameters of a function, as far as it tells them."""
    try:
        return list(inspect.signature(function).parameters)
    except (TypeError, ValueError):
        return []


def changed_arguments(call):
    """Names of arguments whose bits are no longer those that went in."""
    used = Call(call.name, *call.used, parameters=call.parameters).arguments
    return [name for (name, before), (_, after) in zip(call.arguments, used) if not same_bits(before, after)]


@functools.lru_cache(maxsize=100)
def source_of(probe):
    """Name and source of a probe, which is all that a worker elsewhere would have of it."""
    return probe.__name__, textwrap.dedent(inspect.getsource(probe))


@functools.lru_cache(maxsize=100)
def alone(name, source):
    """A probe rebuilt from its source in an empty namespace."""
    namespace = {}
    exec(compile(source, f"<probe {name}>", "exec"), namespace)
    return namespace[name]


def _told_apart(error, name):
    """An untouched stub raises NotImplementedError itself; a library's NotImplementedError is a crash like others."""
    frames = traceback.extract_tb(error.__traceback__)
    if isinstance(error, NotImplementedError) and "site-packages" not in frames[-1].filename:
        return AnswerUnsolved(name)
    return AnswerCrashed(error, line_of(error))


def cell_problem(error, cell):
    """What a check is to be told of the exception that ended an answer's cell."""
    if isinstance(error, (AnswerCrashed, AnswerUnsolved)):
        return error
    if isinstance(error, NotImplementedError):
        return AnswerUnsolved(cell)
    where = f"cell {cell}"
    if isinstance(error, SyntaxError) and error.text:
        where += f", line {error.lineno}: {error.text.strip()}"
    return AnswerCrashed(error, where)


def nearest_builtin(kind):
    """The built-in exception that an exception's class derives from, which is all that a pipe can tell of it."""
    return next(base for base in kind.__mro__ if base.__module__ == "builtins")


def line_of(error):
    """The last line of the learner's own code in the traceback, as "line 3: return x / y"."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if _is_learners(frame.filename)]
    return f"line {frames[-1].lineno}: {frames[-1].line}" if frames else ""


def _is_learners(filename):
    return "ipykernel" in filename or filename.startswith(("<ipython", "<cell "))
