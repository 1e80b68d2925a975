"""Running checks over a set of answers, as pytest tests in this process."""

import os
from dataclasses import dataclass, field

import pytest

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
from bncourse.paths import ROOT

QUIET = [
    "--capture=no", "--noconftest", "--assert=plain", "--import-mode=importlib", "--disable-plugin-autoload",
    f"--rootdir={ROOT}", f"--config-file={ROOT / 'pyproject.toml'}", "-o", "addopts=",
    *(f"-pno:{name}" for name in ("terminal", "cacheprovider", "logging", "junitxml", "faulthandler", "doctest",
                                  "warnings", "unraisableexception", "threadexception")),
]  # fmt: skip


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


class _Plugin:
    """Gives each check its learner, and collects what came of it."""

    def __init__(self, exercises, answers):
        self.answers = answers
        self.wanted = {exercise.id: exercise for exercise in exercises}
        self.results = {exercise.id: Result(exercise) for exercise in exercises}
        self.learners, self.collection_error = {}, None

    def pytest_configure(self, config):
        config.addinivalue_line("markers", "exercise(id, points): a check of one exercise")

    def pytest_collectreport(self, report):
        if report.failed:
            self.collection_error = str(report.longrepr).strip().splitlines()[-1]

    @pytest.hookimpl(wrapper=True)
    def pytest_runtestloop(self):
        with one_thread():
            return (yield)

    @pytest.fixture
    def learner(self, request):
        id = request.node.get_closest_marker("exercise").args[0]
        self.learners[request.node.nodeid] = self.answers.learner(registry.guides.get(id, registry.Guide()))
        return self.learners[request.node.nodeid]

    def pytest_runtest_makereport(self, item, call):
        if call.when != "call" and not call.excinfo:
            return
        result = self.results[item.get_closest_marker("exercise").args[0]]
        learner = self.learners.get(item.nodeid)
        calls = learner.calls if learner else []
        words = " ".join((item.function.__doc__ or item.name.replace("_", " ")).split())
        result.calls += calls
        if not call.excinfo:
            result.passed.setdefault(item.function.__name__, words)
            return
        error = call.excinfo.value
        expected = (AssertionError, AnswerMissing, AnswerUnsolved, AnswerCrashed, Forbidden)
        if not isinstance(error, expected):
            # A check may stumble over a result of an unexpected kind: that is the answer's failure, told as such.
            error = Mismatch(
                f"The result cannot be used: {type(error).__name__}: {error}", calls and calls[-1].result, None
            )
        result.failures.append(Failure(item.function.__name__, words, error, calls[-1] if calls else None))


def run_checks(exercises, answers):
    """Results by exercise id. CourseError if a check did not run, whatever the reason."""
    plugin = _Plugin(exercises, answers)
    tests = [f"{exercise.check_file}::{check}" for exercise in exercises for check in exercise.checks]
    before = os.environ.pop("PYTEST_ADDOPTS", None)
    try:
        exit_code = pytest.main([*QUIET, *tests], plugins=[plugin])
    finally:
        if before is not None:
            os.environ["PYTEST_ADDOPTS"] = before
    if exit_code == pytest.ExitCode.INTERRUPTED and not plugin.collection_error:
        raise KeyboardInterrupt
    for result in plugin.results.values():
        failed = {failure.check for failure in result.failures}
        result.passed = {check: words for check, words in result.passed.items() if check not in failed}
        silent = [check for check in result.exercise.checks if check not in failed | result.passed.keys()]
        if silent or not result.exercise.checks:
            reason = plugin.collection_error or f"{', '.join(silent)} did not run"
            raise CourseError(f"exercise {result.exercise.id} could not be checked: {reason}")
    return plugin.results
