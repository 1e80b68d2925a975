"""Which known mistake reproduces a learner's answers, found by replaying the calls that the checks made."""

import contextlib
import importlib

from bncourse.checking import registry
from bncourse.checking.compare import same
from bncourse.checking.learner import AnswerCrashed, Forbidden, Learner, nearest_builtin, source_of


def diagnose(result, answers):
    """The sentence of the mistake that explains a failed result, or None; and whether it explains all of it.

    A mistake that reproduces every recorded call, crashes included, comes first; then one that reproduces every call
    which returned a value, among them one of a failed check. Where two slips meet, no mistake does either: then the one
    that reproduces the shown failure, and most of the others, explains a part.
    """
    if result.status in ("solved", "missing", "unsolved"):
        return None, True
    mistakes = list(_replayable(registry.mistakes_of(result.exercise), result))
    # Calls that showed a failure come first: hardly another mistake reproduces those, so the rest is seldom replayed.
    telling = [failure.call for failure in result.failures if failure.call]
    calls = [*telling, *(call for call in result.calls if call not in telling)]
    returned = [call for call in calls if not call.error]
    wrong = [call for call in telling if not call.error]
    mistakes = [one for one in mistakes if not telling or any(_concerns(one, call) for call in telling)]
    for selected in (calls, returned if wrong else []):
        for mistake in mistakes:
            if selected and all(_reproduced(mistake, selected, answers, result.exercise)):
                return mistake.words, True
    forbidden = [failure.error for failure in result.failures if isinstance(failure.error, Forbidden)]
    if forbidden:
        return f"Your answer calls {forbidden[0].name}, which this exercise forbids: here you write it yourself.", True
    if result.shown.call in wrong:
        others = [call for call in wrong if call is not result.shown.call]
        partial = [one for one in mistakes if all(_reproduced(one, [result.shown.call], answers, result.exercise))]
        if partial:
            best = max(partial, key=lambda one: sum(_reproduced(one, others, answers, result.exercise)))
            return best.words, False
    return None, True


def _replayable(mistakes, result):
    """The mistakes without those that call what is forbidden, unless the answer does too.

    What these import is imported here: an import under watch is slow, and one that a time limit ends leaves a ruin.
    """
    forbids = registry.guides.get(result.exercise.id, registry.Guide()).forbids
    calls_forbidden = any(isinstance(failure.error, Forbidden) for failure in result.failures)
    for mistake in mistakes:
        imported = set(forbids) & set(getattr(getattr(mistake.value, "__code__", None), "co_names", ()))
        if imported and not calls_forbidden:
            continue
        with contextlib.suppress(ImportError):
            for name in imported:
                importlib.import_module(name)
        yield mistake


def _reproduced(mistake, calls, answers, exercise):
    """For each recorded call, whether the mistake gives the same; one that it has no part in, it leaves as it was."""
    guide = registry.guides.get(exercise.id, registry.Guide())
    learner = Learner(answers.overlaid({mistake.name: mistake.value}), guide)
    return (not _concerns(mistake, call) or _agree(call, learner.replay(call)) for call in calls)


def _concerns(mistake, call):
    """Whether a call may have run the function that the mistake stands for: an answer may hold several."""
    if not call.probe:
        return call.name == mistake.name
    source, named = source_of(call.probe)[1], [one for one in call.args if isinstance(one, str)]
    return mistake.name in source or mistake.name in named or ("getattr(answers" in source and not named)


def _agree(call, replayed):
    if call.error or replayed.error:
        return _kind(call.error) is _kind(replayed.error)
    return call.changed == replayed.changed and same(call.result, replayed.result)


def _kind(error):
    return nearest_builtin(type(error.cause)) if isinstance(error, AnswerCrashed) else type(error)
