"""Known wrong answers to exercise 7.2, each with the sentence that helps."""

import numpy as np

from bncourse.checking import mistake


def resamples(values, rng, draws):
    return rng.choice(np.asarray(values, float), (draws, len(values)))


def medians(values, rng, draws):
    return np.median(resamples(values, rng, draws), axis=1)


def one_by_one(baseline, treated, choice, draws, middle=np.median):
    """What `ratios` gives, drawn in a loop, as most write it: chance then comes in another order."""
    return [middle(choice(baseline, len(baseline))) / middle(choice(treated, len(treated))) for _ in range(draws)]


def ratio_of(baseline, treated):
    return np.median(baseline) / np.median(treated)


def ratios(baseline, treated, rng, draws):
    return medians(baseline, rng, draws) / medians(treated, rng, draws)


# Chance from elsewhere: the first that comes is named where facts about chance are all there is
@mistake("7.2")
def speedup_interval(baseline, treated, rng, draws=2000):
    """`rng` is ignored: a generator with a seed of its own is used, so the interval is the same for every rng."""
    found = ratios(baseline, treated, np.random.default_rng(0), draws)
    return ratio_of(baseline, treated), *np.percentile(found, [2.5, 97.5])


@mistake("7.2")
def speedup_interval(baseline, treated, rng, draws=2000):
    """You make a generator of your own, with a fixed seed, and leave `rng` aside: whatever rng the caller hands over, the interval is the
    same."""
    found = one_by_one(baseline, treated, np.random.default_rng(0).choice, draws)
    return ratio_of(baseline, treated), *np.percentile(found, [2.5, 97.5])


@mistake("7.2")
def speedup_interval(baseline, treated, rng, draws=2000):
    """You make a generator of your own, `np.random.default_rng()`, and leave `rng` aside: the same state of rng gives another interval each
    time."""
    found = ratios(baseline, treated, np.random.default_rng(), draws)
    return ratio_of(baseline, treated), *np.percentile(found, [2.5, 97.5])


@mistake("7.2")
def speedup_interval(baseline, treated, rng, draws=2000):
    """The ratio is upside down: a speed-up above 1 means that treated needs fewer steps, baseline over treated."""
    found = 1 / ratios(baseline, treated, rng, draws)
    return 1 / ratio_of(baseline, treated), *np.percentile(found, [2.5, 97.5])


@mistake("7.2")
def speedup_interval(baseline, treated, rng, draws=2000):
    """You compare means; the exercise asks for medians, which one very slow run does not move."""
    found = resamples(baseline, rng, draws).mean(1) / resamples(treated, rng, draws).mean(1)
    return np.mean(baseline) / np.mean(treated), *np.percentile(found, [2.5, 97.5])


@mistake("7.2")
def speedup_interval(baseline, treated, rng, draws=2000):
    """The ratio is that of the medians, but the interval that of the means: take the medians of the resamples too."""
    found = resamples(baseline, rng, draws).mean(1) / resamples(treated, rng, draws).mean(1)
    return ratio_of(baseline, treated), *np.percentile(found, [2.5, 97.5])


@mistake("7.2", caught_by="test_the_groups_are_resampled_independently")
def speedup_interval(baseline, treated, rng, draws=2000):
    """Both groups are resampled with the same places, as pairs: each has to be drawn by itself, in its own size."""
    count = min(len(baseline), len(treated))
    places = rng.integers(0, count, (draws, count))
    found = np.median(np.asarray(baseline)[places], 1) / np.median(np.asarray(treated)[places], 1)
    return ratio_of(baseline, treated), *np.percentile(found, [2.5, 97.5])


@mistake("7.2")
def speedup_interval(baseline, treated, rng, draws=2000):
    """Both groups are resampled with the same places; where the sizes differ, that cannot work. Draw each by itself."""
    places = rng.integers(0, len(baseline), (draws, len(baseline)))
    found = np.median(np.asarray(baseline)[places], 1) / np.median(np.asarray(treated)[places], 1)
    return ratio_of(baseline, treated), *np.percentile(found, [2.5, 97.5])


@mistake("7.2")
def speedup_interval(baseline, treated, rng, draws=2000):
    """Both resamples have the size of baseline: draw as many numbers from treated as treated has."""
    baseline, treated = np.asarray(baseline, float), np.asarray(treated, float)
    upper, lower = (np.median(rng.choice(group, (draws, len(baseline))), axis=1) for group in (baseline, treated))
    return ratio_of(baseline, treated), *np.percentile(upper / lower, [2.5, 97.5])


@mistake("7.2")
def speedup_interval(baseline, treated, rng, draws=2000):
    """You divide run by run and take the median of these ratios; the runs are no pairs, and the sizes may differ. Take
    the medians first."""
    pairs = np.asarray(baseline) / np.asarray(treated)
    return np.median(pairs), *np.percentile(medians(pairs, rng, draws), [2.5, 97.5])


@mistake("7.2")
def speedup_interval(baseline, treated, rng, draws=2000):
    """You draw without replacement: every resample is the group itself in another order, with the same median, and the
    interval has no width."""
    upper, lower = (
        np.median(rng.permuted(np.tile(np.asarray(group, float), (draws, 1)), axis=1), axis=1)
        for group in (baseline, treated)
    )
    return ratio_of(baseline, treated), *np.percentile(upper / lower, [2.5, 97.5])


@mistake("7.2")
def speedup_interval(baseline, treated, rng, draws=2000):
    """Only baseline is resampled: chance is in the treated runs as well."""
    found = medians(baseline, rng, draws) / np.median(treated)
    return ratio_of(baseline, treated), *np.percentile(found, [2.5, 97.5])


@mistake("7.2")
def speedup_interval(baseline, treated, rng, draws=2000):
    """Only treated is resampled: chance is in the baseline runs as well."""
    found = np.median(baseline) / medians(treated, rng, draws)
    return ratio_of(baseline, treated), *np.percentile(found, [2.5, 97.5])


@mistake("7.2")
def speedup_interval(baseline, treated, rng, draws=2000):
    """Both resamples come from baseline and treated together. That is how a test of "no difference" draws; for an
    interval each group is drawn from itself."""
    pool = np.concatenate([np.asarray(baseline, float), np.asarray(treated, float)])
    upper, lower = (np.median(rng.choice(pool, (draws, len(group))), axis=1) for group in (baseline, treated))
    return ratio_of(baseline, treated), *np.percentile(upper / lower, [2.5, 97.5])


@mistake("7.2")
def speedup_interval(baseline, treated, rng, draws=2000):
    """Each resample has `draws` numbers: then its median hardly varies and the interval is far too narrow. `draws` is the
    number of resamples; each is as large as its group."""
    upper, lower = (
        np.median(rng.choice(np.asarray(group, float), (20, draws)), axis=1) for group in (baseline, treated)
    )
    return ratio_of(baseline, treated), *np.percentile(upper / lower, [2.5, 97.5])


@mistake("7.2")
def speedup_interval(baseline, treated, rng, draws=2000):
    """The interval holds 90 % of the resamples: cut off 2.5 % at each end, not 5 %."""
    return ratio_of(baseline, treated), *np.percentile(ratios(baseline, treated, rng, draws), [5, 95])


@mistake("7.2")
def speedup_interval(baseline, treated, rng, draws=2000):
    """np.percentile counts from 0 to 100: 0.025 and 0.975 cut off next to nothing below and 99 % above. Write 2.5 and
    97.5, or use np.quantile."""
    return ratio_of(baseline, treated), *np.percentile(ratios(baseline, treated, rng, draws), [0.025, 0.975])


@mistake("7.2", caught_by="test_low_and_high_hold_95_percent_of_the_resamples")
def speedup_interval(baseline, treated, rng, draws=2000):
    """You return the least and the greatest ratio of all resamples; the interval cuts off 2.5 % at each end."""
    found = ratios(baseline, treated, rng, draws)
    return ratio_of(baseline, treated), found.min(), found.max()


@mistake("7.2")
def speedup_interval(baseline, treated, rng, draws=2000):
    """The ends are the mean ratio ± 1.96 standard deviations, as for a bell curve; take the percentiles of the
    resamples, which need not lie evenly."""
    found = ratios(baseline, treated, rng, draws)
    return ratio_of(baseline, treated), found.mean() - 1.96 * found.std(), found.mean() + 1.96 * found.std()


@mistake("7.2", caught_by="test_the_ends_where_only_few_resamples_exist")
def speedup_interval(baseline, treated, rng, draws=2000):
    """The ends are the ratio ± 1.96 standard deviations of the resamples; take their percentiles."""
    ratio, found = ratio_of(baseline, treated), ratios(baseline, treated, rng, draws)
    return ratio, ratio - 1.96 * found.std(), ratio + 1.96 * found.std()


@mistake("7.2")
def speedup_interval(baseline, treated, rng, draws=2000):
    """You divide the standard deviation of the resamples by √draws: more draws would make any interval narrow. Take the
    percentiles of the resamples."""
    ratio, found = ratio_of(baseline, treated), ratios(baseline, treated, rng, draws)
    half = 1.96 * found.std() / np.sqrt(draws)
    return ratio, ratio - half, ratio + half


@mistake("7.2")
def speedup_interval(baseline, treated, rng, draws=2000):
    """You take the interval of each group by itself and divide end by end; take the ratio within each resample, then the
    percentiles of the ratios."""
    upper, lower = (np.percentile(medians(group, rng, draws), [2.5, 97.5]) for group in (baseline, treated))
    return ratio_of(baseline, treated), upper[0] / lower[1], upper[1] / lower[0]


@mistake("7.2")
def speedup_interval(baseline, treated, rng, draws=2000):
    """Your ends are percentiles of the runs, not of resampled medians: they tell how far runs differ, not how well the
    ratio of the medians is known."""
    upper, lower = (np.percentile(group, [2.5, 97.5]) for group in (baseline, treated))
    return ratio_of(baseline, treated), upper[0] / lower[1], upper[1] / lower[0]


@mistake("7.2")
def speedup_interval(baseline, treated, rng, draws=2000):
    """The interval is that of the difference of the medians; the exercise asks for their ratio."""
    found = medians(baseline, rng, draws) - medians(treated, rng, draws)
    return ratio_of(baseline, treated), *np.percentile(found, [2.5, 97.5])


@mistake("7.2")
def speedup_interval(baseline, treated, rng, draws=2000):
    """The first number is the median over the resamples; the exercise asks for the ratio of the medians of the runs
    themselves."""
    found = ratios(baseline, treated, rng, draws)
    return np.median(found), *np.percentile(found, [2.5, 97.5])


@mistake("7.2")
def speedup_interval(baseline, treated, rng, draws=2000):
    """The ends are in the wrong order: low comes before high."""
    return ratio_of(baseline, treated), *np.percentile(ratios(baseline, treated, rng, draws), [97.5, 2.5])


@mistake("7.2")
def speedup_interval(baseline, treated, rng, draws=2000):
    """The ratio is missing: three numbers are asked for, (ratio, low, high)."""
    return tuple(np.percentile(ratios(baseline, treated, rng, draws), [2.5, 97.5]))


@mistake("7.2")
def speedup_interval(baseline, treated, rng, draws=2000):
    """`draws` is ignored: 2000 resamples are drawn, however many the caller asks for."""
    return ratio_of(baseline, treated), *np.percentile(ratios(baseline, treated, rng, 2000), [2.5, 97.5])


@mistake("7.2", caught_by="test_all_chance_comes_from_rng")
def speedup_interval(baseline, treated, rng, draws=2000):
    """NumPy's global generator is used (`np.random.choice`), not `rng`: the same state of rng gives another interval each
    time."""
    upper, lower = (
        np.median(np.random.choice(np.asarray(group, float), (draws, len(group))), axis=1)
        for group in (baseline, treated)
    )
    return ratio_of(baseline, treated), *np.percentile(upper / lower, [2.5, 97.5])


# The likeliest ones, drawn in a loop
@mistake("7.2")
def speedup_interval(baseline, treated, rng, draws=2000):
    """5 % of the resamples are cut off at each end, which leaves 90 %. Cut off 2.5 % at each end."""
    found = one_by_one(baseline, treated, rng.choice, draws)
    return ratio_of(baseline, treated), *np.percentile(found, [5, 95])


@mistake("7.2")
def speedup_interval(baseline, treated, rng, draws=2000):
    """These are ratios of means, of the groups and of the resamples; the exercise asks for medians, which one very slow
    run does not move."""
    found = one_by_one(baseline, treated, rng.choice, draws, np.mean)
    return np.mean(baseline) / np.mean(treated), *np.percentile(found, [2.5, 97.5])


@mistake("7.2")
def speedup_interval(baseline, treated, rng, draws=2000):
    """Of the groups you take medians, of the resamples means. Take medians of both."""
    found = one_by_one(baseline, treated, rng.choice, draws, np.mean)
    return ratio_of(baseline, treated), *np.percentile(found, [2.5, 97.5])


@mistake("7.2")
def speedup_interval(baseline, treated, rng, draws=2000):
    """The first number is the mean of the resampled ratios; the exercise asks for the ratio of the medians of the runs
    themselves."""
    found = one_by_one(baseline, treated, rng.choice, draws)
    return np.mean(found), *np.percentile(found, [2.5, 97.5])


@mistake("7.2")
def speedup_interval(baseline, treated, rng, draws=2000):
    """You divide with `//`, which rounds down: a speed-up need not be a whole number."""
    upper, lower = medians(baseline, rng, draws), medians(treated, rng, draws)
    return np.median(baseline) // np.median(treated), *np.percentile(upper // lower, [2.5, 97.5])


@mistake("7.2")
def speedup_interval(baseline, treated, rng, draws=2000):
    """The median is the middle element of the sorted numbers, without the mean of the two in the middle where their
    number is even."""
    upper, lower = (np.sort(resamples(group, rng, draws))[:, len(group) // 2] for group in (baseline, treated))
    ratio = np.sort(baseline)[len(baseline) // 2] / np.sort(treated)[len(treated) // 2]
    return ratio, *np.percentile(upper / lower, [2.5, 97.5])


@mistake("7.2")
def speedup_interval(baseline, treated, rng, draws=2000):
    """The numbers are not sorted before the one in the middle is taken: np.median does that."""
    upper, lower = (resamples(group, rng, draws)[:, len(group) // 2] for group in (baseline, treated))
    return baseline[len(baseline) // 2] / treated[len(treated) // 2], *np.percentile(upper / lower, [2.5, 97.5])


@mistake("7.2")
def speedup_interval(baseline, treated, rng, draws=2000):
    """Of the sorted ratios 5 % are cut off at each end, so that the interval holds 90 %: take 0.025 and 0.975."""
    ratios = sorted(
        np.median(rng.choice(baseline, len(baseline))) / np.median(rng.choice(treated, len(treated)))
        for _ in range(draws)
    )
    return np.median(baseline) / np.median(treated), ratios[int(0.05 * draws)], ratios[int(0.95 * draws)]


@mistake("7.2", caught_by="test_the_speed_up_is_the_ratio_of_the_medians")
def speedup_interval(baseline, treated, rng, draws=2000):
    """Where all runs of both groups are alike, you give no interval (NaN). Every resample has the same ratio then, and both ends are that ratio."""
    low, high = np.percentile(ratios(baseline, treated, rng, draws), [2.5, 97.5])
    if np.ptp(baseline) == np.ptp(treated) == 0:
        low = high = np.nan
    return ratio_of(baseline, treated), low, high


@mistake("7.2", caught_by="test_as_many_resamples_as_draws")
def speedup_interval(baseline, treated, rng, draws=2000):
    """At least 20 resamples are drawn, even where the caller asks for fewer. `draws` says how many, 1 included."""
    low, high = np.percentile(ratios(baseline, treated, rng, max(draws, 20)), [2.5, 97.5])
    return ratio_of(baseline, treated), low, high


@mistake("7.2", caught_by="test_the_runs_are_only_read")
def speedup_interval(baseline, treated, rng, draws=2000):
    """`.sort()` puts the caller's runs in another order, and fails where they may only be read. `np.sort` makes a sorted copy."""
    baseline.sort()
    treated.sort()
    low, high = np.percentile(ratios(baseline, treated, rng, draws), [2.5, 97.5])
    return ratio_of(baseline, treated), low, high


@mistake("7.2")
def speedup_interval(baseline, treated, rng, draws=2000):
    """You go 1.96 standard deviations of the resampled ratios to either side, a normal interval; asked for are their percentiles, 2.5 and 97.5."""
    ratio, spread = ratio_of(baseline, treated), np.std(one_by_one(baseline, treated, rng.choice, draws))
    return ratio, ratio - 1.96 * spread, ratio + 1.96 * spread


@mistake("7.2")
def speedup_interval(baseline, treated, rng, draws=2000):
    """Each resample leaves out one run and draws no run twice. A bootstrap resample has as many runs as there are, drawn with replacement."""

    def without_one(values, size):
        return rng.choice(values, size - 1, replace=False)

    low, high = np.percentile(one_by_one(baseline, treated, without_one, draws), [2.5, 97.5])
    return ratio_of(baseline, treated), low, high
