"""Right answers to chapter 7 in other styles: every check must accept them."""

import numpy as np

from bncourse.checking import variant

# 7.1


@variant("7.1")
def steps_to_target(steps, accuracy, target, patience=1):
    """Every start is tried, with slices."""
    reached = np.asarray(accuracy) >= target
    for start in range(len(reached) - patience + 1):
        if reached[start : start + patience].all():
            return int(steps[start])
    return None


@variant("7.1")
def steps_to_target(steps, accuracy, target, patience=1):
    """A sliding window."""
    reached = np.asarray(accuracy) >= target
    if patience > len(reached):
        return None
    complete = np.lib.stride_tricks.sliding_window_view(reached, patience).all(axis=1)
    return np.asarray(steps)[complete.argmax()] if complete.any() else None


@variant("7.1")
def steps_to_target(steps, accuracy, target, patience=1):
    """A convolution counts the tests in a window; returns a float."""
    reached = (np.asarray(accuracy) >= target).astype(int)
    if len(reached) < patience:
        return None
    starts = np.flatnonzero(np.convolve(reached, np.ones(patience, int), "valid") == patience)
    return float(steps[starts[0]]) if starts.size else None


@variant("7.1")
def steps_to_target(steps, accuracy, target, patience=1):
    """Keeps the step at which the run began."""
    began, length = None, 0
    for step, value in zip(steps, accuracy):
        if value < target or value != value:
            began, length = None, 0
            continue
        began, length = (step, 1) if length == 0 else (began, length + 1)
        if length >= patience:
            return began


# 7.2


@variant("7.2")
def speedup_interval(baseline, treated, rng, draws=2000):
    """A loop over the draws, treated first."""
    ratios = []
    for _ in range(draws):
        lower = np.median(rng.choice(treated, size=len(treated), replace=True))
        upper = np.median(rng.choice(baseline, size=len(baseline), replace=True))
        ratios.append(upper / lower)
    return (np.median(baseline) / np.median(treated), np.quantile(ratios, 0.025), np.quantile(ratios, 0.975))


@variant("7.2")
def speedup_interval(baseline, treated, rng, draws=2000):
    """Places from rng.integers, columns as resamples, ends from the sorted ratios, as a list."""
    baseline, treated = np.array(baseline), np.array(treated)
    upper = np.median(baseline[rng.integers(len(baseline), size=(len(baseline), draws))], axis=0)
    lower = np.median(treated[rng.integers(len(treated), size=(len(treated), draws))], axis=0)
    ratios = np.sort(upper / lower)
    ends = [int(round(share * (draws - 1))) for share in (0.025, 0.975)]
    return [np.median(baseline) / np.median(treated), *ratios[ends]]


@variant("7.2")
def speedup_interval(baseline, treated, rng, draws=2000):
    """Logarithms, one generator a group, percentiles of another kind, as an array."""
    generators = rng.spawn(2)
    logs = [
        np.log(np.median(group[(generator.random((draws, len(group))) * len(group)).astype(int)], axis=1))
        for group, generator in zip((np.asarray(baseline), np.asarray(treated)), generators)
    ]
    low, high = np.percentile(logs[0] - logs[1], [2.5, 97.5], method="median_unbiased")
    ratio = np.median(baseline) / np.median(treated)
    return np.array([ratio, np.exp(low), np.exp(high)])


# 7.3


@variant("7.3")
def usable_rates(rates, accuracies, tolerance):
    """The nearest rate that is not usable on either side, with masks."""
    rates, accuracies = np.asarray(rates, float), np.asarray(accuracies, float)
    place = np.nanargmax(accuracies)
    unusable = rates[~(accuracies[place] - accuracies <= tolerance)]
    floor = unusable[unusable < rates[place]].max(initial=-np.inf)
    ceiling = unusable[unusable > rates[place]].min(initial=np.inf)
    run = rates[(rates > floor) & (rates < ceiling)]
    return run.min(), run.max()


@variant("7.3")
def usable_rates(rates, accuracies, tolerance):
    """Pairs in a sorted list, walked with a loop, as a list of floats."""
    pairs = sorted((float(rate), float(accuracy)) for rate, accuracy in zip(rates, accuracies))
    best = max((accuracy, rate) for rate, accuracy in pairs if accuracy == accuracy)
    run, answer = [], None
    for rate, accuracy in pairs:
        if best[0] - accuracy <= tolerance:
            run.append(rate)
        else:
            run = []
        if best[1] in run:
            answer = [run[0], run[-1]]
    return answer


@variant("7.3")
def usable_rates(rates, accuracies, tolerance):
    """Runs are numbered by counting the gaps before each rate."""
    order = np.argsort(rates)
    rates, accuracies = np.asarray(rates)[order], np.nan_to_num(np.asarray(accuracies, float)[order], nan=-np.inf)
    usable = accuracies >= accuracies.max() - tolerance
    run = np.cumsum(~usable)
    own = rates[usable & (run == run[accuracies.argmax()])]
    return tuple(own[[0, -1]])
