"""Which known mistake reproduces a learner's answers, found by replaying the calls that the checks made."""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import pickle
import re
import time
from collections.abc import Callable, Iterator, Sequence
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any

from bncourse.checking import marks
from bncourse.checking.compare import amount, in_single_precision, oddities, same
from bncourse.checking.copies import clone, layouts
from bncourse.checking.learner import AnswerCrashed, Answers, Call, Forbidden, Learner, nearest_builtin, source_of
from bncourse.checking.marks import KnownAnswer

if TYPE_CHECKING:
    from bncourse.checking.judging import Failure, Result

Found = tuple[str | None, bool, "Sequence[Failure]"]
Retry = Callable[[KnownAnswer, str], BaseException | None]
Outcome = tuple[type, list[str], Any]
NUMBERS = re.compile(r"[-+\d.]+")
MENTIONED = re.compile(r"\banswers\b(?:\.(\w+))?")
# What ends a call wherever it stands, or is raised on purpose, and has no likeness to another error.
OF_ITS_OWN = (NameError, ImportError, RecursionError, MemoryError, AssertionError, Forbidden)
ALIKE, SAME = 1, 2  # how what comes of a call agrees: ALIKE are what rounding in float32 can part, and two errors
OF_ALL, OF_PASSED, ENOUGH = 0.75, 0.9, 3  # the share of the calls that must agree, and of the passed ones if ENOUGH
SLOW = 0.02  # seconds
TELLING = 5  # so many numbers, all the same, are no coincidence
# What known mistakes answered, by mistake and call: the next wrong answer to an exercise is asked the same.
outcomes: dict[tuple[Any, bytes], Outcome] = {}


class Replay:
    """A known mistake in the place of the answer, and how it agrees with the recorded calls."""

    def __init__(self, mistake: KnownAnswer, result: Result, answers: Answers, retry: Retry) -> None:
        self.mistake, self._result, self._retry = mistake, result, retry
        self._learner = Learner(answers.overlaid({mistake.name: mistake.value}), marks.guide_of(result.exercise))
        self._agreements: dict[Call, int] = {}

    def agreement(self, call: Call) -> int:
        """SAME, ALIKE or 0. A call that the mistake has no part in, it leaves as it was."""
        if call not in self._agreements:
            concerned, free = _concerns(self.mistake, call), marks.guide_of(self._result.exercise).free
            outcomes = [self.outcome(call)] if concerned else []
            outcomes += [(*outcome, free(call.args, result)) for *outcome, result in outcomes] if free else []
            self._agreements[call] = max((_agreement(call, outcome) for outcome in outcomes), default=SAME)
        return self._agreements[call]

    def outcome(self, call: Call) -> Outcome:
        return _replayed(self._learner, self.mistake, call)

    @cached_property
    def explained(self) -> list[Failure]:
        """The failures that the mistake shows as well: with the same value, or by stopping too."""
        pairs = [(failure, failure.call) for failure in self._result.failures if failure.call]
        crashed = [failure for failure, call in pairs if call.error]
        # Who stops with another error has stopped for the same reason only if it is so each time, and is wrong there.
        always = all(self.agreement(call) for _, call in pairs if call.error)
        always = always and all(self._retry(self.mistake, failure.check) for failure in crashed)
        return [fault for fault, call in pairs if self.agreement(call) >= (ALIKE if call.error and always else SAME)]

    def agrees(self, least: float) -> bool:
        """Whether its share of the calls is `least`. One that stopped says nothing of what it would have given."""
        calls, others = [call for call in self._result.calls if not call.error or self.agreement(call)], 0
        for call in calls:
            others += not self.agreement(call)
            if others > (1 - least) * len(calls):
                return False
        return bool(calls)

    def share_of(self, calls: Sequence[Call]) -> float:
        return sum(self.agreement(call) > 0 for call in calls) / max(len(calls), 1)

    def suits(self, calls: Sequence[Call]) -> bool:
        """Whether it agrees with the calls; where a check passes both, they may differ in what the text leaves free."""
        checks = {call.passed for call in calls if not self.agreement(call)}
        return all(check and self._retry(self.mistake, check) is None for check in checks)

    @cached_property
    def explains_all(self) -> bool:
        if len(self.explained) < len(self._result.failures):
            return False
        return self.suits([call for call in self._result.calls if call.passed or not call.error])

    def differs_in_most(self) -> bool:
        """Whether more than a third of the failures are none of its own; tells it by the first of them."""
        others = 0
        for call in (failure.call for failure in self._result.failures):
            others += not call or self.agreement(call) < (ALIKE if call.error else SAME)
            if 3 * others > len(self._result.failures):
                return True
        return False

    @property
    def is_credible(self) -> bool:
        """Whether it shows two failures of three, not by coincidence, and too little contradicts it to be untrue."""
        result, passed = self._result, [call for call in self._result.calls if call.passed]
        if (
            self.differs_in_most()
            or 3 * len(self.explained) < 2 * len(result.failures)
            or all(call.error for call in result.calls)
        ):
            return False
        calls = [failure.call for failure in self.explained if failure.call]
        if sum(TELLING if call.error else amount(call.result) for call in calls) < TELLING and not self.explains_all:
            return False
        if len(calls) == len(result.failures):  # no other slip is left to excuse a contradiction
            return self.agrees(OF_ALL) and self.suits(passed)
        least = OF_PASSED if len(passed) >= ENOUGH else 0
        return self.agrees(OF_ALL) and (not passed or self.share_of(passed) >= least)

    def fails_alike(self) -> bool:
        """Whether it fails just the same checks, in the same words but for numbers, and leaves numbers as odd."""
        words = {failure.check: NUMBERS.sub("", str(failure.error)) for failure in self._result.failures}
        for check in [*words, *self._result.passed]:  # few mistakes fail all that failed
            error = self._retry(self.mistake, check)
            if words.get(check) != (NUMBERS.sub("", str(error)) if error else None):
                return False
        calls = [failure.call for failure in self._result.failures if failure.call]
        return all(oddities(call.result) <= oddities(self.outcome(call)[2]) for call in calls)


def diagnose(result: Result, answers: Answers, retry: Retry) -> Found:
    """The sentence of the mistake that explains a failed result, or None; whether it explains all; which failures.

    A mistake that reproduces every recorded call, crashes included, comes first; then one that reproduces every
    failure, and contradicts nothing by more than rounding. Where results rest on chance, or on what cancelling leaves
    in float32, it is the one that fails the same checks; `retry` gives what a check says of a mistake. Where two slips
    meet, no mistake does any of this: then the credible one that explains most failures is told as a part.
    """
    if not result.status.is_attempt:
        return None, True, ()
    # Calls that showed a failure come first: hardly another mistake reproduces those, so the rest is seldom replayed.
    failing = [failure.call for failure in result.failures if failure.call]
    every = [*failing, *result.calls]
    replays = [Replay(mistake, result, answers, retry) for mistake in _replayable(result, failing)]
    for replay in replays:
        if result.calls and all(replay.agreement(call) == SAME for call in every):
            return replay.mistake.explanation, True, result.failures
    # Training in another process may round otherwise: some failures, at most half, are then shown only nearly.
    returned = len(failing) > 1 and not any(call.error and not call.passed for call in result.calls)
    near = [replay for replay in replays if returned and all(map(replay.agreement, every))]
    near = [replay for replay in near if 2 * sum(replay.agreement(call) == SAME for call in failing) >= len(failing)]
    if len(near) == 1:
        return near[0].mistake.explanation, True, result.failures
    partial = [replay for replay in replays if replay.is_credible]
    for replay in partial:
        if replay.explains_all:
            return replay.mistake.explanation, True, result.failures
    forbidden = [failure for failure in result.failures if isinstance(failure.error, Forbidden)]
    if forbidden:
        error = min((failure.error for failure in forbidden), key=lambda error: "<" in str(error))  # torch.<module>
        return f"Your answer {error}, which this exercise forbids: here you write it yourself.", True, forbidden
    others = [call for call in result.calls if call not in failing]
    rounds = bool(failing) and all(in_single_precision([*call.args, *call.kwargs.values()]) for call in failing)
    if rounds or marks.guide_of(result.exercise).chance:
        alike = [replay for replay in replays if replay.agrees(OF_ALL) and replay.fails_alike()]
        alike = [replay for replay in alike if not rounds or replay.share_of(others) >= 0.9]
        exactly = [replay for replay in alike if failing and all(replay.agreement(call) == SAME for call in failing)]
        if exactly or len(alike) == 1:
            return [*exactly, *alike][0].mistake.explanation, True, result.failures
    partial.sort(key=lambda replay: len(replay.explained), reverse=True)
    counts = [len(replay.explained) for replay in partial]
    if not partial or counts[0] in counts[1:]:  # what explains no more than another mistake may be untrue
        return None, True, ()
    return partial[0].mistake.explanation, False, partial[0].explained


def _replayable(result: Result, failing: Sequence[Call]) -> Iterator[KnownAnswer]:
    """The mistakes that concern a failing call, without those that call what is forbidden, unless the answer does too.

    What these import is imported here: an import under watch is slow, and one that a time limit ends leaves a ruin.
    """
    forbids = marks.guide_of(result.exercise).forbids
    calls_forbidden = any(isinstance(failure.error, Forbidden) for failure in result.failures)
    for mistake in marks.mistakes_of(result.exercise):
        code = getattr(mistake.value, "__code__", None)
        imported = set(forbids) & set(getattr(code, "co_names", ()))
        if imported and not calls_forbidden or failing and not any(_concerns(mistake, call) for call in failing):
            continue
        with contextlib.suppress(Exception):  # one that a time limit ended halfway fails in any way
            for name in imported:
                importlib.import_module(name)
        yield mistake


def _concerns(mistake: KnownAnswer, call: Call) -> bool:
    """Whether a call may have run the function that the mistake stands for: an answer may hold several."""
    if not call.probe:
        return call.name == mistake.name
    source, texts = source_of(call.probe)[1], [value for value in call.args if isinstance(value, str)]
    return mistake.name in source or mistake.name in texts or ("getattr(answers" in source and not texts)


def _replayed(learner: Learner, mistake: KnownAnswer, call: Call) -> Outcome:
    """What comes of the call with the mistake; looked up where no answer of the learner's has a part in it."""
    key = _key(mistake, call)
    if key in outcomes:
        return outcomes[key]
    replayed = learner.replay(call)
    outcome = _kind(replayed.error), replayed.changed, replayed.result
    if key and outcome[0] is not BaseException:  # such as time that was up
        if len(outcomes) > 5000:
            outcomes.clear()
        outcomes[key] = outcome
    return outcome


def _key(mistake: KnownAnswer, call: Call) -> tuple[Any, bytes] | None:
    """Under what its outcome is looked up, None where an answer of the learner's has a part in it."""
    if not call.probe or MENTIONED.findall(source := source_of(call.probe)[1])[1:] == [mistake.name]:
        with contextlib.suppress(Exception):  # not everything can be pickled
            asked = call.args, call.kwargs
            content = pickle.dumps((call.name, source if call.probe else "", *asked, [*map(layouts, asked)]))
            if b"__main__" not in content:  # a class of the learner's may be another one tomorrow
                return mistake.value, hashlib.sha256(content).digest()
    return None


class Understudy(Learner):
    """A known mistake in the place of the answer, for a check: what is slow it computes once, here or in a replay."""

    def __init__(self, mistake: KnownAnswer, answers: Answers, guide: marks.Guide) -> None:
        super().__init__(answers.overlaid({mistake.name: mistake.value}), guide)
        self._mistake = mistake

    def _record(self, call: Call, function: Callable[..., Any]) -> Any:
        key, start = _key(self._mistake, call), time.perf_counter()
        if key in outcomes and outcomes[key][0] is type(None):
            _, call.changed, result = outcomes[key]
            call.result = clone(result)
            self.calls.append(call)
            return call.result
        result = super()._record(call, function)
        if key and time.perf_counter() - start > SLOW:
            outcomes[key] = type(None), call.changed, clone(result)
        return result


def _agreement(call: Call, replayed: Outcome) -> int:
    error, changed, result = replayed
    own = _kind(call.error)
    if call.error and error is not type(None):
        idle = any(not issubclass(kind, Exception) or issubclass(kind, OF_ITS_OWN) for kind in (own, error))
        return SAME if own is error else 0 if idle or Exception in (own, error) else ALIKE
    if own is not error or call.changed != changed:
        return 0
    if same(call.result, result):
        return SAME
    if _mostly_same(call.result, result):
        return ALIKE
    rounds = in_single_precision([*call.args, *call.kwargs.values()])
    return ALIKE if rounds and same(call.result, result, rtol=0.03, rounding=0.01) else 0


def _mostly_same(own: Any, other: Any) -> bool:
    """Whether two results differ in nothing but a few of many verdicts, which rounding in training turns."""
    if isinstance(own, dict) and isinstance(other, dict):
        return own.keys() == other.keys() and all(_mostly_same(own[key], other[key]) for key in own)
    if isinstance(own, list) and isinstance(other, list) and len(own) == len(other) >= 100:
        return sum(map(same, own, other)) >= 0.9 * len(own)
    return same(own, other)


@cache
def _forbidden(package: str) -> type:
    """A kind of error for each package that is forbidden: who calls one has not made the mistake of calling another."""
    return type(package, (Forbidden,), {})


def _kind(error: Exception | None) -> type:
    if isinstance(error, Forbidden):
        return _forbidden(error.name.partition(".")[0])
    return nearest_builtin(type(error.cause)) if isinstance(error, AnswerCrashed) else type(error)
