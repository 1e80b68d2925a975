"""One learner's answers judged: the checks run over them, in this process, and each failure diagnosed.

A check is a pytest test whose only fixture is `learner`. It is called here as pytest would call it, without pytest's
collecting and reporting, which would take longer than the checks.
"""

import copy
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache, partial, wraps
from typing import Any, Protocol

import numpy as np

from bncourse.checking import marks
from bncourse.checking.compare import Mismatch
from bncourse.checking.diagnosis import Understudy, diagnose
from bncourse.checking.learner import (
    BY_DEFAULT,
    AnswerCrashed,
    AnswerMissing,
    Answers,
    AnswerUnsolved,
    Call,
    Forbidden,
    Learner,
    cell_problem,
)
from bncourse.checking.status import Status
from bncourse.checking.watching import TimeUp, one_thread
from bncourse.course.cells import Definitions
from bncourse.course.curriculum import Exercise

Check = Callable[..., None]


class Executed(Protocol):
    """What came of a notebook's cells: which answers there are, what ended some, what stands in place of others."""

    @property
    def answers(self) -> Container[str]: ...
    @property
    def errors(self) -> Mapping[str, BaseException]: ...
    @property
    def misplaced(self) -> Mapping[str, str]: ...
    @property
    def problem(self) -> str: ...


@dataclass
class Failure:
    """One check that failed: its name, the property that it states, what went wrong, and the call that showed it."""

    check: str
    statement: str
    error: BaseException
    call: Call | None = None

    @property
    def status(self) -> Status:
        if isinstance(self.error, AnswerMissing):
            return Status.MISSING
        if isinstance(self.error, AnswerUnsolved):
            return Status.UNSOLVED
        return Status.ERROR if isinstance(self.error, AnswerCrashed) else Status.FAILED

    @property
    def is_of_form(self) -> bool:
        """Whether a type, shape or number of parts is at fault, or an attribute that a check looked for in vain."""
        if isinstance(self.error, AnswerCrashed):
            return isinstance(self.error.cause, AttributeError) and not self.error.where
        return isinstance(self.error, Mismatch) and self.error.form


@dataclass
class Result:
    """What the checks say of the answer to one exercise; `passed` holds what each passed check states, by its name."""

    exercise: Exercise
    passed: dict[str, str] = field(default_factory=dict)
    failures: list[Failure] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)
    diagnosis: str | None = None
    explains_all: bool = True
    explained: Sequence[Failure] = ()  # the failures that the diagnosis explains
    note: str = ""  # what happened outside of the answer that may be the cause

    @property
    def points(self) -> int:
        return sum(self.exercise.checks[check] for check in self.passed)

    @property
    def max(self) -> int:
        return self.exercise.points

    @property
    def status(self) -> Status:
        """solved, unsolved, missing, error (all that fails crashed, nothing passes) or failed."""
        statuses = {failure.status for failure in self.failures}
        if not statuses:
            return Status.SOLVED
        for status in (Status.MISSING, Status.UNSOLVED):
            if status in statuses:
                return status
        return Status.ERROR if statuses == {Status.ERROR} and not self.passed else Status.FAILED

    @property
    def main_failure(self) -> Failure:
        """The failure to show, of those explained if any are: wrong values before crashes, then the smallest input."""
        return min(
            self.explained or self.failures,
            key=lambda failure: (failure.status == Status.ERROR, failure.call.size if failure.call else 0),
        )

    def as_json(self) -> dict[str, Any]:
        """The fields that scripts may rely on."""
        return {
            "exercise": self.exercise.id, "status": self.status.value, "points": self.points, "max": self.max,
            "bonus": self.exercise.bonus, "failed_checks": [failure.check for failure in self.failures],
            "diagnosis": self.diagnosis,
        }  # fmt: skip


def judge(exercises: Iterable[Exercise], answers: Answers) -> dict[str, Result]:
    """Results by exercise id, each with its diagnosis. CourseError if a check cannot be run, whatever the reason."""
    checks = [(exercise, marks.checks_of(exercise)) for exercise in exercises]
    with one_thread(), np.errstate(**BY_DEFAULT):
        results = [_run_checks(exercise, functions, answers) for exercise, functions in checks]
        for result in results:
            retry = partial(_retry, result.exercise, answers)
            result.diagnosis, result.explains_all, result.explained = diagnose(result, answers, retry)
    return {result.exercise.id: result for result in results}


def judge_notebook(definitions: Definitions, exercises: Sequence[Exercise]) -> dict[str, Result]:
    """Results by exercise id for what the cells of a notebook define."""
    return judge_cells(exercises, Answers(definitions.names), definitions)


def judge_cells(exercises: Sequence[Exercise], answers: Answers, cells: Executed) -> dict[str, Result]:
    """Results by exercise id, given what came of the cells."""
    results, judgeable = {}, []
    for exercise in exercises:
        if exercise.cell not in cells.answers:
            missing = cells.misplaced.get(exercise.cell) or f"the notebook has no cell {exercise.cell}"
            results[exercise.id] = unavailable(exercise, AnswerMissing(missing))
        elif exercise.cell in cells.errors:
            results[exercise.id] = unavailable(exercise, cell_problem(cells.errors[exercise.cell], exercise.cell))
        else:
            judgeable.append(exercise)
    results |= judge(judgeable, answers)
    for result in results.values():
        if result.status == Status.UNSOLVED:
            result.note = cells.misplaced.get(result.exercise.cell, "")
        elif result.status not in (Status.SOLVED, Status.MISSING):
            result.note = cells.problem
    return {exercise.id: results[exercise.id] for exercise in exercises}


def unavailable(exercise: Exercise, error: BaseException) -> Result:
    """The result of an exercise whose answer cannot be run at all."""
    return Result(exercise, failures=[Failure(check, "The answer can be run.", error) for check in exercise.checks])


def _run_checks(exercise: Exercise, checks: Iterable[Check], answers: Answers) -> Result:
    result, guide = Result(exercise), marks.guide_of(exercise)
    last: Failure | None = None
    for check in checks:
        statement = " ".join((check.__doc__ or check.__name__.replace("_", " ")).split())
        if last and isinstance(getattr(last.error, "cause", None), TimeUp):  # who ran out of time is not asked again
            result.failures.append(replace(last, check=check.__name__, statement=statement))
            continue
        learner = answers.learner(guide)
        error = _run(_with_examples_remembered(check), learner)
        result.calls += learner.calls
        if error is None:
            result.passed[check.__name__] = statement
            for call in learner.calls:
                call.passed = check.__name__
        else:
            last = Failure(check.__name__, statement, error, _call_of(error, learner.calls))
            result.failures.append(last)
    return result


def _call_of(error: BaseException, calls: Sequence[Call]) -> Call | None:
    """The call that showed an error: the last whose result holds what is wrong, if that can be seen, or the last."""
    holding = [call for call in calls if isinstance(error, Mismatch) and _holds(call.result, error.got)]
    return next(reversed(holding or calls), None)


def _holds(value: object, part: object, deep: int = 4) -> bool:
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, (list, tuple)) else ()
    return value is part or deep > 0 and any(_holds(inner, part, deep - 1) for inner in parts)


def _retry(exercise: Exercise, answers: Answers, mistake: marks.KnownAnswer, check: str) -> BaseException | None:
    """What a check says of a known mistake in the place of the answer, None if it passes."""
    function = next(function for function in marks.checks_of(exercise) if function.__name__ == check)
    learner = Understudy(mistake, answers, marks.guide_of(exercise))
    return _run(_with_examples_remembered(function), learner)


def _run(check: Check, learner: Learner) -> BaseException | None:
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


@lru_cache(maxsize=1000)
def _with_examples_remembered(check: Check) -> Check:
    """`check`; if Hypothesis draws its examples, those of an answer that passes, always the same, are drawn once."""
    hypothesis = getattr(check, "hypothesis", None)
    if hypothesis is None:
        return check
    check_one_example = hypothesis.inner_test
    drawn: list[dict[str, Any]] = []
    remembered: list[dict[str, Any]] = []

    @wraps(check_one_example)
    def note_and_check(learner: Learner, **example: Any) -> None:
        drawn.append(copy.deepcopy(example))
        check_one_example(learner=learner, **example)

    @wraps(check)
    def run(learner: Learner) -> None:
        try:
            for example in remembered:
                check_one_example(learner=learner, **copy.deepcopy(example))
            if remembered:
                return
        except (KeyboardInterrupt, AnswerMissing, AnswerUnsolved):
            raise
        except BaseException:  # Hypothesis judges, and finds the smallest example that fails
            learner.calls.clear()
        drawn.clear()
        check(learner=learner)
        remembered[:] = drawn

    hypothesis.inner_test = note_and_check
    return run
