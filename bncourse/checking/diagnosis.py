"""Which known mistake reproduces a learner's answers, found by replaying the calls that the checks made."""

from bncourse.checking import registry
from bncourse.checking.compare import same
from bncourse.checking.learner import AnswerCrashed, Forbidden, Learner


def diagnose(result, answers):
    """The sentence of the mistake that gives the learner's results on every recorded call, or None.

    A mistake that reproduces all calls, crashes included, comes first; failing that, one that
    reproduces every call which returned a value, among them one of a failed check.
    """
    if result.status in ("solved", "missing", "unsolved"):
        return None
    mistakes = registry.mistakes_of(result.exercise)
    # Calls that showed a failure come first: hardly another mistake reproduces those, so the rest is seldom replayed.
    telling = [failure.call for failure in result.failures if failure.call]
    calls = [*telling, *(call for call in result.calls if call not in telling)]
    returned = [call for call in calls if not call.error]
    selections = [calls]
    if any(failure.call in returned for failure in result.failures):
        selections.append(returned)
    for selected in selections:
        for mistake in mistakes:
            if _reproduces(mistake, selected, answers, result.exercise):
                return mistake.words
    forbidden = [failure.error for failure in result.failures if isinstance(failure.error, Forbidden)]
    if forbidden:
        return f"Your answer calls {forbidden[0].name}, which does the work that this exercise asks you to write."
    return None


def _reproduces(mistake, calls, answers, exercise):
    guide = registry.guides.get(exercise.id, registry.Guide())
    learner = Learner(answers.overlaid({mistake.name: mistake.value}), guide)
    return bool(calls) and all(_agree(call, learner.replay(call)) for call in calls)


def _agree(call, replayed):
    if call.error or replayed.error:
        return _kind(call.error) is _kind(replayed.error)
    return call.changed == replayed.changed and same(call.result, replayed.result)


def _kind(error):
    return type(error.cause) if isinstance(error, AnswerCrashed) else type(error)
