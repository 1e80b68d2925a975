"""Running checks over a set of answers, in this process.

A check is a pytest test whose only fixture is `learner`. It is called here as pytest would call it, without pytest's
collecting and reporting, which would take longer than the checks.
"""

import copy
import importlib.util
from dataclasses import dataclass, field
from functools import lru_cache, wraps

from bncourse.checking import registry
from bncourse.checking.compare import Mismatch
from bncourse.checking.learner import (
    AnswerCrashed,
    AnswerMissing,
    AnswerUnsolved,
    Call,
    Forbidden,
)
from bncourse.checking.watching import one_thread
from bncourse.errors import CourseError


@dataclass
class Failure:
    """One check that failed: the property in words, what kind of failure, and the call that showed it."""

    check: str
    words: str
    error: BaseException
    call: Call | None = None

    @property
    def kind(self):
        kinds = {AnswerMissing: "missing", AnswerUnsolved: "unsolved", AnswerCrashed: "error"}
        return kinds.get(type(self.error), "failed")


@dataclass
class Result:
    """What the checks say of the answer to one exercise."""

    exercise: object
    passed: dict[str, str] = field(default_factory=dict)
    failures: list[Failure] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)
    diagnosis: str | None = None
    explains_all: bool = True

    @property
    def points(self):
        return sum(self.exercise.checks[check] for check in self.passed)

    @property
    def max(self):
        return self.exercise.points

    @property
    def status(self):
        """solved, unsolved, missing, error (all that fails crashed, nothing passes) or failed."""
        kinds = {failure.kind for failure in self.failures}
        if not kinds:
            return "solved"
        for kind in ("missing", "unsolved"):
            if kind in kinds:
                return kind
        return "error" if kinds == {"error"} and not self.passed else "failed"

    @property
    def shown(self):
        """The failure to show: wrong values before crashes, then the one with the smallest input."""
        return min(self.failures, key=lambda one: (one.kind == "error", one.call.size if one.call else 0))

    def as_json(self):
        """The fields that scripts may rely on."""
        return {
            "exercise": self.exercise.id, "status": self.status, "points": self.points, "max": self.max,
            "failed_checks": [failure.check for failure in self.failures], "diagnosis": self.diagnosis,
        }  # fmt: skip


def run_checks(exercises, answers):
    """Results by exercise id. CourseError if a check cannot be run, whatever the reason."""
    checks = {exercise.id: _checks_of(exercise) for exercise in exercises}
    with one_thread():
        return {exercise.id: _judge(exercise, checks[exercise.id], answers) for exercise in exercises}


def _checks_of(exercise):
    """The functions that check one exercise."""
    path = exercise.check_file
    try:
        module = _module(path, path.stat().st_mtime_ns)
        if exercise.checks:
            return [_examples_kept(getattr(module, check)) for check in exercise.checks]
        reason = "it has no checks"
    except Exception as error:  # the file may be anything that an author is writing
        reason = f"{type(error).__name__}: {error}"
    raise CourseError(f"exercise {exercise.id} could not be checked: {reason}")


@lru_cache(maxsize=50)
def _module(path, changed):
    """The checks in a file, read again once it has `changed`."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@lru_cache(maxsize=1000)
def _examples_kept(check):
    """`check`; if Hypothesis draws its examples, those of an answer that passes, always the same, are drawn once."""
    if not hasattr(check, "hypothesis"):
        return check
    inner, drawn, kept = check.hypothesis.inner_test, [], []

    @wraps(inner)
    def noted(learner, **example):
        drawn.append(copy.deepcopy(example))
        inner(learner=learner, **example)

    @wraps(check)
    def run(learner):
        try:
            for example in kept:
                inner(learner=learner, **copy.deepcopy(example))
            if kept:
                return
        except (KeyboardInterrupt, AnswerMissing, AnswerUnsolved):
            raise
        except BaseException:  # Hypothesis judges, and finds the smallest example that fails
            learner.calls.clear()
        drawn.clear()
        check(learner=learner)
        kept[:] = drawn

    check.hypothesis.inner_test = noted
    return run


def _judge(exercise, checks, answers):
    result = Result(exercise)
    for check in checks:
        learner = answers.learner(registry.guides.get(exercise.id, registry.Guide()))
        words = " ".join((check.__doc__ or check.__name__.replace("_", " ")).split())
        error = _error_of(check, learner)
        result.calls += learner.calls
        if error is not None:
            result.failures.append(Failure(check.__name__, words, error, learner.calls[-1] if learner.calls else None))
        else:
            result.passed[check.__name__] = words
    return result


def _error_of(check, learner):
    """What keeps an answer from passing a check, or None."""
    try:
        check(learner=learner)
    except (AssertionError, AnswerMissing, AnswerUnsolved, AnswerCrashed, Forbidden) as error:
        return error
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        # A check may stumble over a result of an unexpected kind: that is the answer's failure, told as such.
        problem = f"The result cannot be used: {type(error).__name__}: {error}"
        return Mismatch(problem, learner.calls and learner.calls[-1].result, None)
    return None
