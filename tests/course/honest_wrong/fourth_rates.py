"""Wrong answers to chapter 7, a fourth sample, written before a look at checks or mistakes."""

# ruff: noqa: F811  one name has many answers

import numpy as np

from tests.course.honest_wrong import wrong


@wrong("7.1", "NaN counts as reached: `not value < target` is true")
def steps_to_target(steps, accuracy, target, patience=1):
    """NaN is not below the target, so a diverged network counts as having reached it."""
    run = 0
    for i, a in enumerate(accuracy):
        if a < target:
            run = 0
        else:
            run += 1
            if run == patience:
                return steps[i - patience + 1]
    return None


@wrong("7.1", "You return the step at which the run is complete;")
def steps_to_target(steps, accuracy, target, patience=1):
    """It returns the step of the last test of the run, when patience is used up."""
    run = 0
    for step, a in zip(steps, accuracy):
        run = run + 1 if a >= target else 0
        if run >= patience:
            return step
    return None


@wrong("7.1", "You count the tests that reach the target, but not")
def steps_to_target(steps, accuracy, target, patience=1):
    """Tests need not be in a row: it counts all that reached the target."""
    good = np.flatnonzero(np.asarray(accuracy) >= target)
    if len(good) < patience:
        return None
    return steps[good[0]]


@wrong("7.1", "A run that the end of the record cuts short counts")
def steps_to_target(steps, accuracy, target, patience=1):
    """A run that the end of the record cuts short is counted."""
    accuracy = np.asarray(accuracy)
    for i in range(len(steps)):
        if np.all(accuracy[i : i + patience] >= target):
            return steps[i]
    return None


@wrong("7.1")
def steps_to_target(steps, accuracy, target, patience=1):
    """Strictly greater than the target, and the last step of the run."""
    count = 0
    for s, a in zip(steps, accuracy):
        count = count + 1 if a > target else 0
        if count == patience:
            return s
    return None


@wrong("7.2", "These are ratios of means, of the groups and of the")
def speedup_interval(baseline, treated, rng, draws=2000):
    """Means in place of medians."""
    baseline, treated = np.asarray(baseline), np.asarray(treated)
    ratios = []
    for _ in range(draws):
        b = rng.choice(baseline, len(baseline))
        t = rng.choice(treated, len(treated))
        ratios.append(b.mean() / t.mean())
    low, high = np.percentile(ratios, [2.5, 97.5])
    return baseline.mean() / treated.mean(), low, high


@wrong("7.2", "The interval holds 90 % of the resamples: cut off")
def speedup_interval(baseline, treated, rng, draws=2000):
    """The 5th and 95th percentile: a 90 % interval."""
    b = rng.choice(baseline, size=(draws, len(baseline)), replace=True)
    t = rng.choice(treated, size=(draws, len(treated)), replace=True)
    r = np.median(b, axis=1) / np.median(t, axis=1)
    return np.median(baseline) / np.median(treated), np.quantile(r, 0.05), np.quantile(r, 0.95)


@wrong("7.2", "You draw without replacement: every resample is the")
def speedup_interval(baseline, treated, rng, draws=2000):
    """Drawn without replacement: each resample is a permutation, the interval has no width."""
    r = np.empty(draws)
    for i in range(draws):
        b = rng.choice(baseline, len(baseline), replace=False)
        t = rng.choice(treated, len(treated), replace=False)
        r[i] = np.median(b) / np.median(t)
    return np.median(baseline) / np.median(treated), *np.percentile(r, [2.5, 97.5])


@wrong("7.2", "The ratio is upside down: a speed-up above 1 means")
def speedup_interval(baseline, treated, rng, draws=2000):
    """The ratio is turned round: treated over baseline."""
    baseline = np.array(baseline, float)
    treated = np.array(treated, float)
    boot = []
    for _ in range(draws):
        b = baseline[rng.integers(0, baseline.size, baseline.size)]
        t = treated[rng.integers(0, treated.size, treated.size)]
        boot.append(np.median(t) / np.median(b))
    lo, hi = np.percentile(boot, (2.5, 97.5))
    return np.median(treated) / np.median(baseline), lo, hi


@wrong("7.2", "The first number is the median over the resamples;")
def speedup_interval(baseline, treated, rng, draws=2000):
    """The ratio that is returned is the median of the bootstrap, not that of the data."""
    r = [
        np.median(rng.choice(baseline, len(baseline))) / np.median(rng.choice(treated, len(treated)))
        for _ in range(draws)
    ]
    low, ratio, high = np.percentile(r, [2.5, 50, 97.5])
    return ratio, low, high


@wrong("7.3", "You take the lowest and the highest of all usable")
def usable_rates(rates, accuracies, tolerance):
    """All rates within tolerance count, also those beyond a gap."""
    rates, acc = np.asarray(rates), np.asarray(accuracies)
    ok = rates[np.nanmax(acc) - acc <= tolerance]
    return ok.min(), ok.max()


@wrong("7.3", "Networks that diverged are thrown out before the")
def usable_rates(rates, accuracies, tolerance):
    """NaN is filtered out first, so the walk steps over a diverged rate as if it were not there."""
    pairs = sorted((r, a) for r, a in zip(rates, accuracies) if not np.isnan(a))
    r = [p[0] for p in pairs]
    a = [p[1] for p in pairs]
    best = int(np.argmax(a))
    lo = hi = best
    while lo > 0 and a[best] - a[lo - 1] <= tolerance:
        lo -= 1
    while hi < len(a) - 1 and a[best] - a[hi + 1] <= tolerance:
        hi += 1
    return r[lo], r[hi]


@wrong("7.3", "You take the rates in the order of the list;")
def usable_rates(rates, accuracies, tolerance):
    """The rates are not sorted: neighbours in the list are taken for neighbours in size."""
    acc = np.asarray(accuracies, float)
    best = np.nanargmax(acc)
    lo = hi = best
    while lo > 0 and acc[best] - acc[lo - 1] <= tolerance:
        lo -= 1
    while hi + 1 < len(acc) and acc[best] - acc[hi + 1] <= tolerance:
        hi += 1
    return rates[lo], rates[hi]


@wrong("7.3", "The tolerance is taken as a share of the best")
def usable_rates(rates, accuracies, tolerance):
    """Within tolerance relative to the best: accuracy >= best * (1 - tolerance)."""
    order = np.argsort(rates)
    r, a = np.asarray(rates)[order], np.asarray(accuracies, float)[order]
    best = np.nanargmax(a)
    ok = a >= a[best] * (1 - tolerance)
    lo = hi = best
    while lo > 0 and ok[lo - 1]:
        lo -= 1
    while hi < len(a) - 1 and ok[hi + 1]:
        hi += 1
    return r[lo], r[hi]
