"""Known wrong answers to exercise 7.1, each with the sentence that helps."""

import numpy as np

from bncourse.checking import mistake


def run_starts(reached, patience):
    """Places from which `reached` holds `patience` times in a row."""
    return [i for i in range(len(reached) - patience + 1) if all(reached[i : i + patience])]


@mistake("7.1")
def steps_to_target(steps, accuracy, target, patience=1):
    """The accuracy has to be above the target; at the target is enough: `>=`."""
    starts = run_starts(np.asarray(accuracy) > target, patience)
    return steps[starts[0]] if starts else None


@mistake("7.1")
def steps_to_target(steps, accuracy, target, patience=1):
    """You return the place in the record; the exercise asks for the training step at that place, `steps[place]`."""
    starts = run_starts(np.asarray(accuracy) >= target, patience)
    return starts[0] if starts else None


@mistake("7.1")
def steps_to_target(steps, accuracy, target, patience=1):
    """You return the step at which the run is complete; the exercise asks for the step at which it begins."""
    starts = run_starts(np.asarray(accuracy) >= target, patience)
    return steps[starts[0] + patience - 1] if starts else None


@mistake("7.1")
def steps_to_target(steps, accuracy, target, patience=1):
    """You return the step after which the run is complete, one test too late."""
    starts = run_starts(np.asarray(accuracy) >= target, patience)
    return steps[min(starts[0] + patience, len(steps) - 1)] if starts else None


@mistake("7.1", caught_by="test_a_run_cut_off_by_the_end_does_not_count")
def steps_to_target(steps, accuracy, target, patience=1):
    """A run that the end of the record cuts short counts for you as if it had gone on: a slice beyond the end is
    shorter, and `all` of fewer tests is soon true."""
    reached = np.asarray(accuracy) >= target
    starts = [i for i in range(len(reached)) if all(reached[i : i + patience])]
    return steps[starts[0]] if starts else None


@mistake("7.1")
def steps_to_target(steps, accuracy, target, patience=1):
    """`patience` is ignored: you return the first test that reaches the target, even if the next does not."""
    starts = run_starts(np.asarray(accuracy) >= target, 1)
    return steps[starts[0]] if starts else None


@mistake("7.1")
def steps_to_target(steps, accuracy, target, patience=1):
    """You count the tests that reach the target, but not in a row: a test that falls below must set the count back to
    0."""
    places = np.flatnonzero(np.asarray(accuracy) >= target)
    return steps[places[0]] if len(places) >= patience else None


@mistake("7.1")
def steps_to_target(steps, accuracy, target, patience=1):
    """You count the tests that reach the target without setting the count back to 0 when one falls below, and go back
    `patience - 1` tests from where the count is full."""
    places = np.flatnonzero(np.asarray(accuracy) >= target)
    return steps[places[patience - 1] - patience + 1] if len(places) >= patience else None


@mistake("7.1")
def steps_to_target(steps, accuracy, target, patience=1):
    """You ask that the accuracy stays at or above the target until the end of the record. `patience` tests are
    enough."""
    reached = np.asarray(accuracy) >= target
    starts = [i for i in run_starts(reached, patience) if all(reached[i:])]
    return steps[starts[0]] if starts else None


@mistake("7.1")
def steps_to_target(steps, accuracy, target, patience=1):
    """You need one test too many in a row: the test that begins the run is one of the `patience`."""
    starts = run_starts(np.asarray(accuracy) >= target, patience + 1)
    return steps[starts[0]] if starts else None


@mistake("7.1")
def steps_to_target(steps, accuracy, target, patience=1):
    """The last possible start is left out: a run that the last test completes counts. `range(n - patience)` ends one too
    early."""
    starts = [i for i in run_starts(np.asarray(accuracy) >= target, patience) if i < len(steps) - patience]
    return steps[starts[0]] if starts else None


@mistake("7.1")
def steps_to_target(steps, accuracy, target, patience=1):
    """The last step stands for "never": a run that did not reach the target would look like one that did. Return
    None."""
    starts = run_starts(np.asarray(accuracy) >= target, patience)
    return steps[starts[0]] if starts else steps[-1]


@mistake("7.1")
def steps_to_target(steps, accuracy, target, patience=1):
    """The first step stands for "never": `argmax` of a mask that is nowhere true is 0. Look whether it is true anywhere
    first."""
    starts = run_starts(np.asarray(accuracy) >= target, patience)
    return steps[starts[0]] if starts else steps[0]


@mistake("7.1")
def steps_to_target(steps, accuracy, target, patience=1):
    """Infinity stands for "never"; the exercise asks for None."""
    starts = run_starts(np.asarray(accuracy) >= target, patience)
    return steps[starts[0]] if starts else float("inf")


@mistake("7.1")
def steps_to_target(steps, accuracy, target, patience=1):
    """NaN stands for "never"; the exercise asks for None."""
    starts = run_starts(np.asarray(accuracy) >= target, patience)
    return steps[starts[0]] if starts else float("nan")


@mistake("7.1")
def steps_to_target(steps, accuracy, target, patience=1):
    """-1 stands for "never"; the exercise asks for None."""
    starts = run_starts(np.asarray(accuracy) >= target, patience)
    return steps[starts[0]] if starts else -1


@mistake("7.1")
def steps_to_target(steps, accuracy, target, patience=1):
    """Step 0 is taken for "never": 0 is false in Python, so `if step:` does not tell it from None. Write
    `is not None`."""
    starts = run_starts(np.asarray(accuracy) >= target, patience)
    return (steps[starts[0]] or None) if starts else None


@mistake("7.1")
def steps_to_target(steps, accuracy, target, patience=1):
    """The test before the first step is left out: a network may reach the target at step 0."""
    starts = [i for i in run_starts(np.asarray(accuracy) >= target, patience) if i > 0]
    return steps[starts[0]] if starts else None


@mistake("7.1", caught_by="test_never_is_none")
def steps_to_target(steps, accuracy, target, patience=1):
    """NaN counts as reached: `not value < target` is true for NaN. Write `value >= target`."""
    starts = run_starts(~(np.asarray(accuracy) < target), patience)
    return steps[starts[0]] if starts else None


@mistake("7.1")
def steps_to_target(steps, accuracy, target, patience=1):
    """You return the step of the best accuracy; the exercise asks for the first step that reaches the target."""
    starts = run_starts(np.asarray(accuracy) >= target, patience)
    return steps[int(np.nanargmax(accuracy))] if starts else None


@mistake("7.1")
def steps_to_target(steps, accuracy, target, patience=1):
    """You compare the mean over `patience` tests with the target; each of them has to reach it."""
    windows = [np.mean(accuracy[i : i + patience]) for i in range(len(accuracy) - patience + 1)]
    starts = run_starts(np.array(windows) >= target, 1)
    return steps[starts[0]] if starts else None


@mistake("7.1")
def steps_to_target(steps, accuracy, target, patience=1):
    """The record is cut into blocks of `patience` tests: a run that begins inside a block is missed. Try every test as a
    start."""
    starts = [i for i in run_starts(np.asarray(accuracy) >= target, patience) if i % patience == 0]
    return steps[starts[0]] if starts else None


@mistake("7.1")
def steps_to_target(steps, accuracy, target, patience=1):
    """`patience` counts tests; you measure it in training steps."""
    reached = np.asarray(accuracy) >= target
    for start in range(len(steps)):
        for end in range(start, len(steps)):
            if not reached[end]:
                break
            if steps[end] - steps[start] >= patience - 1:
                return steps[start]
    return None


@mistake("7.1")
def steps_to_target(steps, accuracy, target, patience=1):
    """You take the tests for evenly spaced and multiply the place by the first distance. Read the step from `steps`."""
    starts = run_starts(np.asarray(accuracy) >= target, patience)
    distance = steps[1] - steps[0] if len(steps) > 1 else 1
    return steps[0] + starts[0] * distance if starts else None


@mistake("7.1")
def steps_to_target(steps, accuracy, target, patience=1):
    """You return the last run that reaches the target; the exercise asks for the first."""
    starts = run_starts(np.asarray(accuracy) >= target, patience)
    return steps[starts[-1]] if starts else None


@mistake("7.1")
def steps_to_target(steps, accuracy, target, patience=1):
    """You go back from where the run is complete by `patience - 1` times the first distance; tests need not be evenly spaced. Read the step
    at which the run begins from `steps`."""
    in_a_row = 0
    for step, value in zip(steps, accuracy):
        in_a_row = in_a_row + 1 if value >= target else 0
        if in_a_row == patience:
            return step - (patience - 1) * (steps[1] - steps[0])
    return None


@mistake("7.1", caught_by="test_the_first_step_at_or_above_the_target")
def steps_to_target(steps, accuracy, target, patience=2):
    """`patience` is 2 unless given; it should be 1: without it, one test that reaches the target is enough."""
    starts = run_starts(np.asarray(accuracy) >= target, patience)
    return steps[starts[0]] if starts else None


@mistake("7.1", caught_by="test_the_accuracy_must_stay_for_patience_tests_in_a_row")
def steps_to_target(steps, accuracy, target, in_a_row=1):
    """Your fourth parameter has another name. It is called `patience`, and callers may pass it by that name."""
    starts = run_starts(np.asarray(accuracy) >= target, in_a_row)
    return steps[starts[0]] if starts else None


@mistake("7.1", caught_by="test_records_of_any_kind_and_length")
def steps_to_target(steps, accuracy, target, patience=1):
    """`if not accuracy` asks an array whether it is true, which NumPy refuses. `len(accuracy)` serves lists and arrays."""
    if not accuracy:
        return None
    starts = run_starts(np.asarray(accuracy) >= target, patience)
    return steps[starts[0]] if starts else None
