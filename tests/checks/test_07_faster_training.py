"""What a right answer to chapter 7 must satisfy. Intervals are checked against all resamples that there are."""

from functools import cache
from itertools import product

import numpy as np

from bncourse.checking import NUMPY_ONLY, assert_close, exercise, guide

NAN = float("nan")


def read_only(values, dtype=float):
    array = np.array(values, dtype)
    array.flags.writeable = False
    return array


# 7.1 steps_to_target

guide(
    "7.1",
    hints=[
        "Take the record of the example, write 'yes' or 'no' below each accuracy, and look for the first row of "
        "`patience` times 'yes'. Which of these tests names the step?",
        "Count the tests in a row that reach the target; a test that does not sets the count back to 0. When the count "
        "is `patience`, the run began `patience - 1` tests ago.",
    ],
    forbids=NUMPY_ONLY,
)


def first_step(steps, accuracy, target, patience):
    """Every start is tried: the run must fit into the record, and each of its tests reach the target."""
    for start in range(len(steps) - patience + 1):
        if all(accuracy[i] >= target for i in range(start, start + patience)):
            return steps[start]
    return None


@exercise("7.1", points=1)
def test_the_first_step_at_or_above_the_target(learner):
    """Without patience it is the first tested step whose accuracy is the target or more, be it step 0; the steps need
    not be evenly spaced."""
    for steps, accuracy, step in [
        ([0, 10], [0.25, 0.75], 10),
        ([0, 10], [0.75, 0.25], 0),
        ([0, 10, 20], [0.25, 0.5, 0.75], 10),
        ([5, 6, 60, 70], [0.125, 0.25, 0.5, 0.625], 60),
        ([0, 1, 4, 9, 16], [0.0, 0.25, 0.75, 0.25, 1.0], 4),
    ]:
        assert_close(learner.steps_to_target(steps, accuracy, 0.5), step)


@exercise("7.1", points=2)
def test_the_accuracy_must_stay_for_patience_tests_in_a_row(learner):
    """With patience 2 or 3, that many tests in a row are at or above the target; the step is that of the first of them."""
    steps = [0, 10, 20, 30, 40]
    accuracy = [0.125, 0.75, 0.25, 0.5, 0.75]
    for patience, step in ((1, 10), (2, 30)):
        assert_close(learner.steps_to_target(steps, accuracy, 0.5, patience=patience), step)
    steps = [0, 2, 3, 7, 8, 20, 21, 50]
    accuracy = [1.0, 0.25, 0.5, 0.5, 0.25, 0.75, 0.5, 1.0]
    for patience, step in ((1, 0), (2, 3), (3, 20)):
        assert_close(learner.steps_to_target(steps, accuracy, 0.5, patience), step)


@exercise("7.1", points=1)
def test_a_run_cut_off_by_the_end_does_not_count(learner):
    """A run that the record ends too early for gives None; one that the last test completes counts."""
    steps, accuracy = [0, 10, 20, 30], [0.25, 0.25, 0.75, 0.75]
    for patience, step in ((1, 20), (2, 20), (3, None), (4, None), (9, None)):
        assert_close(learner.steps_to_target(steps, accuracy, 0.5, patience), step)


@exercise("7.1", points=1)
def test_never_is_none(learner):
    """None, and no number, if the target is never reached; an accuracy of NaN reaches no target and ends a run."""
    for accuracy, patience, step in [
        ([0.25, 0.25, 0.375], 1, None),
        ([0.25, 0.375, 0.5], 1, 7),
        ([NAN, NAN, NAN], 1, None),
        ([0.25, NAN, 0.75], 1, 7),
        ([0.75, NAN, 0.75], 2, None),
        ([0.75, 0.25, 0.75], 2, None),
    ]:
        assert_close(learner.steps_to_target([0, 4, 7], accuracy, 0.5, patience), step)


@exercise("7.1", points=1)
def test_records_of_any_kind_and_length(learner):
    """Long records, lists and read-only or float32 arrays give what trying every start gives; nothing is changed."""
    chance = np.random.default_rng(0)
    for count in (1, 2, 3, 5, 8, 13, 21, 34):
        for patience in (1, 2, 3, 4):
            steps = np.cumsum(chance.integers(1, 9, count))
            accuracy = chance.integers(0, 9, count) / 8
            target = chance.integers(1, 6) / 8
            expected = first_step(steps, accuracy, target, patience)
            if count % 2:
                steps, accuracy = read_only(steps, int), read_only(accuracy, np.float32)
            else:
                steps, accuracy = steps.tolist(), accuracy.tolist()
            assert_close(learner.steps_to_target(steps, accuracy, target, patience), expected)
            assert not learner.changed, f"The call changed its argument {learner.changed[0]}."


# 7.2 speedup_interval

guide(
    "7.2",
    hints=[
        "Write the ratio of the medians first. Then draw one resample of each group and print the ratio of *its* medians, "
        "several times: the interval is where 95 % of these numbers lie.",
        "`rng.choice(values, (draws, len(values)))` draws all resamples of a group at once, one per row, with replacement; "
        "`np.median(..., axis=1)` takes the median of each. Do it for each group by itself.",
        "`np.percentile(ratios, [2.5, 97.5])`: percentiles are counted from 0 to 100.",
    ],
    forbids=NUMPY_ONLY,
    chance=True,
)


@cache
def all_ratios(baseline, treated):
    """The ratio of the medians over all resamples of both groups: its values, ascending, and the share of the resamples
    at or below each."""
    laws = []
    for group in (baseline, treated):
        medians = np.median(list(product(group, repeat=len(group))), axis=1)
        values, counts = np.unique(medians, return_counts=True)
        laws.append((values, counts / counts.sum()))
    (upper, of_upper), (lower, of_lower) = laws
    ratios, shares = np.divide.outer(upper, lower).ravel(), np.multiply.outer(of_upper, of_lower).ravel()
    order = ratios.argsort()
    return ratios[order], shares[order].cumsum()


def assert_95_percent(got, baseline, treated, draws):
    """Ratio exact; the ends within what chance allows: five standard deviations of a share of `draws`."""
    assert_close(np.shape(got), (3,), message="Three numbers are expected: ratio, low, high.")
    assert_close(got[0], np.median(baseline) / np.median(treated), message="The ratio of the medians is another one.")
    ratios, shares = all_ratios(tuple(baseline), tuple(treated))
    slack = 5 * np.sqrt(0.025 * 0.975 / draws)
    for end, share, name in ((got[1], 0.025, "low"), (got[2], 0.975, "high")):
        places = np.searchsorted(shares, [share - slack, share + slack])
        least, most = ratios[places.clip(max=len(ratios) - 1)]
        words = f"{name} is {float(end):.4g}; with {draws} draws it lies between {least:.4g} and {most:.4g}."
        assert least * (1 - 1e-6) <= end <= most * (1 + 1e-6), words


@exercise("7.2", points=1)
def test_the_speed_up_is_the_ratio_of_the_medians(learner):
    """The first number is the median of baseline over the median of treated; if all runs of a group are alike, all
    three numbers are that ratio."""
    for baseline, treated, ratio in [
        ([60.0], [20.0], 3.0),
        ([10.0], [40.0], 0.25),
        ([70.0, 70.0, 70.0], [20.0, 20.0], 3.5),
    ]:
        got = learner.speedup_interval(np.array(baseline), np.array(treated), np.random.default_rng(0), draws=50)
        assert_close(got, (ratio, ratio, ratio))
    for baseline, treated in (([100.0, 10.0, 20.0], [1.0, 5.0, 2.0]), ([50.0, 10.0, 90.0, 20.0], [3.0, 40.0, 7.0])):
        got = learner.speedup_interval(np.array(baseline), np.array(treated), np.random.default_rng(1), draws=400)
        assert_95_percent(got, baseline, treated, 400)


@exercise("7.2", points=1)
def test_the_ends_where_only_few_resamples_exist(learner):
    """[10, 30] against [2] has resamples with the medians 10, 20 and 30 only: the interval is 5 to 15; and likewise for
    other groups of one or two."""
    for baseline, treated, expected in [
        ([10.0, 30.0], [2.0], (10.0, 5.0, 15.0)),
        ([12.0], [2.0, 6.0], (3.0, 2.0, 6.0)),
        ([10.0, 30.0], [2.0, 6.0], (5.0, 10 / 6, 15.0)),
        ([60.0, 20.0], [8.0, 5.0], (40 / 6.5, 2.5, 12.0)),
    ]:
        got = learner.speedup_interval(np.array(baseline), np.array(treated), np.random.default_rng(2), draws=400)
        assert_close(got, expected)


@exercise("7.2", points=2)
def test_low_and_high_hold_95_percent_of_the_resamples(learner):
    """low and high cut off 2.5 % of the resamples' ratios at each end; without draws in the call, 2000 are drawn."""
    for baseline, treated, draws in (
        ([88.0, 23.0, 79.0, 24.0, 44.0, 61.0], [15.0, 4.0, 9.0, 6.0, 11.0, 5.0], 1000),
        ([61.0, 66.0, 76.0, 95.0, 97.0], [5.0, 10.0, 11.0, 12.0, 13.0], 4000),
    ):
        got = learner.speedup_interval(np.array(baseline), np.array(treated), np.random.default_rng(3), draws=draws)
        assert_95_percent(got, baseline, treated, draws)
    baseline, treated = [31.0, 22.0, 58.0, 40.0], [7.0, 3.0, 11.0]
    got = learner.speedup_interval(np.array(baseline), np.array(treated), np.random.default_rng(3))
    assert_95_percent(got, baseline, treated, 2000)


@exercise("7.2", points=1)
def test_the_groups_are_resampled_independently(learner):
    """Each group is resampled by itself, in its own size: groups of different sizes are right, and so are groups in which
    each seed is ten times slower without."""
    for baseline, treated in (
        ([20.0, 50.0, 90.0], [2.0, 5.0, 9.0]),
        ([30.0, 70.0, 50.0, 40.0, 10.0], [3.0, 7.0, 5.0, 4.0, 1.0]),
        ([30.0, 70.0, 50.0, 40.0, 10.0], [2.0, 3.0]),
        ([60.0, 90.0], [2.0, 3.0, 9.0, 7.0, 4.0]),
    ):
        got = learner.speedup_interval(np.array(baseline), np.array(treated), np.random.default_rng(4), draws=1000)
        assert_95_percent(got, baseline, treated, 1000)


def intervals(answers, baseline, treated, draws, seeds):
    """The answer once for each seed of `rng`."""
    import numpy as np

    return [
        [float(value) for value in answers.speedup_interval(baseline, treated, np.random.default_rng(seed), draws)]
        for seed in seeds
    ]


def source_of_chance(answers, baseline, treated, draws):
    """Ratios of four calls, and what their intervals have in common: facts, which are the same however one draws."""
    import numpy as np

    def interval(seed, of_global):
        np.random.seed(of_global)
        rng = np.random.default_rng(seed)
        return [float(value) for value in answers.speedup_interval(baseline, treated, rng, draws)]

    state = np.random.get_state()
    try:
        first, again, other, elsewhere = interval(6, 1), interval(6, 1), interval(7, 1), interval(6, 2)
    finally:
        np.random.set_state(state)
    return {
        "ratios": [first[0], again[0], other[0], elsewhere[0]],
        "low is below high": first[1] < first[2],
        "same for the same rng": np.allclose(first, again),
        "same for another rng": np.allclose(first, other),
        "same for another global generator": np.allclose(first, elsewhere),
    }


@exercise("7.2", points=1)
def test_all_chance_comes_from_rng(learner):
    """The same state of rng gives the same interval, another state another one; NumPy's global generator plays no part."""
    # Enough runs for two intervals that are equal by chance to be out of the question.
    baseline = np.array([31.0, 22.0, 58.0, 40.0, 97.0, 63.0, 75.0, 88.0])
    treated = np.array([7.0, 3.1, 11.2, 5.3, 8.4, 9.7, 4.6])
    ratio = np.median(baseline) / np.median(treated)
    got = learner.run(source_of_chance, baseline, treated, 30)
    assert_close(got["ratios"], [ratio] * 4)
    assert got["low is below high"], "low is not below high."
    assert got["same for the same rng"], (
        "The same state of rng gives another interval: some chance comes from elsewhere."
    )
    assert got["same for another global generator"], (
        "The interval depends on NumPy's global generator: draw from rng alone."
    )
    assert not got["same for another rng"], "Another state of rng gives the same interval: rng is not used."


@exercise("7.2", points=1)
def test_as_many_resamples_as_draws(learner):
    """With draws=1 there is one resample: low equals high. Over many states of rng it takes the values of the
    resamples, each as often as it should."""
    baseline, treated = np.array([10.0, 30.0]), np.array([2.0, 6.0])
    got = np.array(learner.run(intervals, baseline, treated, 1, list(range(40))))
    assert_close(got.shape, (40, 3), message="Three numbers are expected: ratio, low, high.")
    assert_close(got[:, 0], np.full(40, 5.0))
    assert_close(
        got[:, 1], got[:, 2], message="With draws=1, low and high differ: more resamples were drawn than asked for."
    )
    ratios, shares = all_ratios((10.0, 30.0), (2.0, 6.0))
    assert_close(got[:, 1], ratios[np.abs(got[:, 1:2] - ratios).argmin(1)], message="No resample has this ratio.")
    expected = 40 * shares[ratios < 3][-1]
    below = (got[:, 1] < 3).sum()
    found = f"In {below} of 40 tries the ratio was below 3; about {expected:.0f} are expected."
    assert abs(below - expected) < 5 * np.sqrt(expected), found


@exercise("7.2", points=1)
def test_the_runs_are_only_read(learner):
    """baseline and treated are not changed, nor put in another order; integers, read-only and strided arrays are taken."""
    first = np.array([90.0, 20.0, 50.0])
    for baseline, treated in (
        (first, np.array([9.0, 2.0])),
        (np.array([90, 20, 55]), np.array([7, 4, 2, 5])),
        (read_only([40.0, 10.0]), read_only([3.0, 8.0, 4.0])),
        (np.array([50.0, 0.0, 10.0, 0.0, 70.0, 0.0])[::2], read_only([2.0, 1.0])),
        (first, np.array([9.0, 2.0])),
    ):
        got = learner.speedup_interval(baseline, treated, np.random.default_rng(5), draws=400)
        assert not learner.changed, f"The call changed its argument {learner.changed[0]}."
        assert_95_percent(got, baseline.tolist(), treated.tolist(), 400)


# 7.3 usable_rates

guide(
    "7.3",
    hints=[
        "Write the rates in ascending order, the accuracies below them, and mark those within tolerance of the best. The "
        "answer is the row of marks that the best stands in.",
        "`np.argsort(rates)` gives the order, `np.nanargmax(accuracies)` the place of the best. From there walk down and "
        "walk up, one place at a time, while the next place is marked.",
    ],
    forbids=NUMPY_ONLY,
)


def widest_run(rates, accuracies, tolerance):
    """The widest run of neighbouring rates that holds the best and nothing outside the tolerance."""
    pairs = sorted(zip(rates, accuracies))
    best = max(accuracy for _, accuracy in pairs if accuracy == accuracy)
    runs = [pairs[start:end] for start in range(len(pairs)) for end in range(start + 1, len(pairs) + 1)]
    within = [
        run for run in runs
        if any(accuracy == best for _, accuracy in run) and all(best - accuracy <= tolerance for _, accuracy in run)
    ]  # fmt: skip
    widest = max(within, key=len)
    return widest[0][0], widest[-1][0]


RATES = [0.01, 0.1, 1.0, 10.0, 100.0]


@exercise("7.3", points=2)
def test_the_run_around_the_best(learner):
    """From the best rate down and up, as far as the accuracy is within tolerance of the best accuracy."""
    for accuracies, expected in [
        ([0.5, 0.875, 1.0, 0.5, 0.125], (0.1, 1.0)),
        ([0.5, 0.5, 1.0, 0.875, 0.125], (1.0, 10.0)),
        ([0.125, 0.25, 1.0, 0.25, 0.125], (1.0, 1.0)),
        ([1.0, 0.9375, 0.5, 0.25, 0.125], (0.01, 0.1)),
        ([0.25, 0.25, 0.5, 0.875, 0.9375], (10.0, 100.0)),
        ([0.875, 0.9375, 1.0, 0.9375, 0.875], (0.01, 100.0)),
        ([0.75, 0.875, 0.96875, 1.0, 0.75], (0.1, 10.0)),
    ]:
        assert_close(learner.usable_rates(RATES, accuracies, 0.125), expected)


@exercise("7.3", points=2)
def test_a_gap_ends_the_run(learner):
    """A rate behind one that is not usable does not count, however good it is, on either side."""
    for accuracies, expected in [
        ([0.9375, 0.5, 1.0, 0.875, 0.125], (1.0, 10.0)),
        ([0.125, 0.875, 1.0, 0.5, 0.9375], (0.1, 1.0)),
        ([0.9375, 0.9375, 0.9375, 0.5, 1.0], (100.0, 100.0)),
        ([1.0, 0.5, 0.875, 0.9375, 0.875], (0.01, 0.01)),
    ]:
        assert_close(learner.usable_rates(RATES, accuracies, 0.125), expected)


@exercise("7.3", points=1)
def test_the_tolerance_is_a_difference_and_included(learner):
    """An accuracy lower than the best by the tolerance exactly is usable, one lower by more is not; tolerance 0 and 1
    too."""
    accuracies = [0.125, 0.375, 0.5, 0.25, 0.0]
    for tolerance, expected in [
        (0.25, (0.1, 10.0)),
        (0.125, (0.1, 1.0)),
        (0.375, (0.01, 10.0)),
        (0.0, (1.0, 1.0)),
        (0.1875, (0.1, 1.0)),
        (1.0, (0.01, 100.0)),
    ]:
        assert_close(learner.usable_rates(RATES, accuracies, tolerance), expected)


@exercise("7.3", points=1)
def test_rates_may_come_in_any_order(learner):
    """Neighbours are neighbouring rates, not neighbouring places in the list."""
    for rates, accuracies, expected in [
        ([1.0, 0.1, 10.0], [1.0, 0.9375, 0.5], (0.1, 1.0)),
        ([10.0, 0.01, 1.0, 0.1], [0.9375, 0.5, 1.0, 0.875], (0.1, 10.0)),
        ([1.0, 100.0, 10.0, 0.1], [1.0, 0.9375, 0.25, 0.125], (1.0, 1.0)),
        (RATES[::-1], [0.125, 0.875, 1.0, 0.5, 0.9375], (1.0, 10.0)),
    ]:
        assert_close(learner.usable_rates(rates, accuracies, 0.125), expected)


@exercise("7.3", points=1)
def test_a_network_that_diverged_is_no_use(learner):
    """NaN is not the best, not within tolerance, and ends a run."""
    for accuracies, expected in [
        ([0.5, 0.875, 1.0, NAN, NAN], (0.1, 1.0)),
        ([0.9375, NAN, 1.0, 0.9375, NAN], (1.0, 10.0)),
        ([NAN, 0.25, 0.375, NAN, 0.3125], (0.1, 1.0)),
        ([0.125, NAN, NAN, NAN, NAN], (0.01, 0.01)),
    ]:
        assert_close(learner.usable_rates(RATES, accuracies, 0.125), expected)


@exercise("7.3", points=1)
def test_grids_of_any_kind_and_length(learner):
    """Long grids, lists and read-only or float32 arrays give the widest run of neighbours; nothing is changed."""
    chance = np.random.default_rng(1)
    for count in (1, 2, 3, 4, 6, 9, 13, 17):
        for tolerance in (0.0625, 0.25, 0.5):
            rates = chance.permutation(2.0 ** np.arange(-8, count - 8))
            accuracies = chance.permutation(32)[:count] / 32
            expected = widest_run(rates, accuracies, tolerance)
            if count % 2:
                rates, accuracies = read_only(rates), read_only(accuracies, np.float32)
            else:
                rates, accuracies = rates.tolist(), accuracies.tolist()
            assert_close(learner.usable_rates(rates, accuracies, tolerance), expected)
            assert not learner.changed, f"The call changed its argument {learner.changed[0]}."
