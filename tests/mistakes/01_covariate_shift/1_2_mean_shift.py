"""Known wrong answers to exercise 1.2, each with the sentence that helps."""

import numpy as np

from bncourse.checking import mistake


def _guarded(difference, deviation, source):
    """difference / deviation, and 0 where source does not vary."""
    varies = np.logical_and(source.max(0) > source.min(0), deviation > 0)
    return np.where(varies, difference / np.where(varies, deviation, 1), 0)


@mistake("1.2")
def mean_shift(source, target):
    """Source and target have changed places in the difference: the sign is reversed."""
    return _guarded(source.mean(0) - target.mean(0), source.std(0), source)


@mistake("1.2")
def mean_shift(source, target):
    """You divide by the standard deviation of target; the shift is counted in standard deviations of source."""
    return _guarded(target.mean(0) - source.mean(0), target.std(0), source)


@mistake("1.2")
def mean_shift(source, target):
    """You divide by the standard deviation of both sets together; the shift is
    counted in standard deviations of source alone.
    """
    return _guarded(target.mean(0) - source.mean(0), np.concatenate([source, target]).std(0), source)


@mistake("1.2")
def mean_shift(source, target):
    """You divide by the pooled standard deviation, the root of the mean of both
    variances (Cohen's d); here it is that of source alone.
    """
    return _guarded(target.mean(0) - source.mean(0), np.sqrt((source.var(0) + target.var(0)) / 2), source)


@mistake("1.2")
def mean_shift(source, target):
    """The standard deviation divides by N - 1 (`ddof=1`); here it divides by N."""
    with np.errstate(all="ignore"):
        return _guarded(target.mean(0) - source.mean(0), source.std(0, ddof=1), source)


@mistake("1.2")
def mean_shift(source, target):
    """You divide by the standard error, the standard deviation over √N, as a t-test
    does; divide by the standard deviation itself.
    """
    return _guarded(target.mean(0) - source.mean(0), source.std(0) / np.sqrt(len(source)), source)


@mistake("1.2")
def mean_shift(source, target):
    """You divide by the variance; the root is missing."""
    return _guarded(target.mean(0) - source.mean(0), source.var(0), source)


@mistake("1.2")
def mean_shift(source, target):
    """The difference of the means is not divided by the standard deviation."""
    return np.where(source.max(0) > source.min(0), target.mean(0) - source.mean(0), 0)


@mistake("1.2", caught_by="test_four_numbers_by_hand")
def mean_shift(source, target):
    """The absolute value is taken: a shift downwards is negative."""
    return np.abs(_guarded(target.mean(0) - source.mean(0), source.std(0), source))


@mistake("1.2")
def mean_shift(source, target):
    """Where source does not vary you divide by 0 and get infinity or NaN; the result there must be 0."""
    with np.errstate(all="ignore"):
        return (target.mean(0) - source.mean(0)) / source.std(0)


@mistake("1.2")
def mean_shift(source, target):
    """Where source does not vary you divide by 1, so the plain difference comes out; the result there must be 0."""
    deviation = source.std(0)
    return (target.mean(0) - source.mean(0)) / np.where(deviation == 0, 1, deviation)


@mistake("1.2")
def mean_shift(source, target):
    """`np.nan_to_num` turns NaN into 0 but infinity into a huge number; where source does not vary the result is 0 in both cases."""
    with np.errstate(all="ignore"):
        return np.nan_to_num((target.mean(0) - source.mean(0)) / source.std(0))


@mistake("1.2")
def mean_shift(source, target):
    """A small number is added to the standard deviation: that bends the result for
    features of small standard deviation, and gives a huge one where it is 0.
    """
    return (target.mean(0) - source.mean(0)) / (source.std(0) + 1e-8)


@mistake("1.2")
def mean_shift(source, target):
    """A small number is added under the root, and features that do not vary are set
    to 0: features of small standard deviation come out too small.
    """
    return np.where(np.ptp(source, 0) > 0, (target.mean(0) - source.mean(0)) / np.sqrt(source.var(0) + 1e-5), 0)


@mistake("1.2")
def mean_shift(source, target):
    """One standard deviation for the whole array: `std()` without an axis. Each feature has its own, `std(0)`."""
    deviation = source.std()
    return np.where(np.ptp(source, 0) > 0, (target.mean(0) - source.mean(0)) / (deviation or 1), 0)


@mistake("1.2")
def mean_shift(source, target):
    """One mean and one standard deviation for the whole array: `mean()` and `std()`
    without an axis give a single number.
    """
    deviation = source.std()
    return (target.mean() - source.mean()) / deviation if deviation else 0.0


@mistake("1.2")
def mean_shift(source, target):
    """The statistics are taken along axis 1, over the features of a sample; they belong along axis 0, over the samples."""
    return _guarded(target.mean(1) - source.mean(1), source.std(1), source.T)


@mistake("1.2")
def mean_shift(source, target):
    """Samples are subtracted one by one: the sets have no common order and may differ in size. Subtract the means."""
    return _guarded((target - source).mean(0), source.std(0), source)


@mistake("1.2")
def mean_shift(source, target):
    """Medians instead of means."""
    return _guarded(np.median(target, 0) - np.median(source, 0), source.std(0), source)


@mistake("1.2")
def mean_shift(source, target):
    """The shifts are averaged into one number; return one for each feature."""
    return _guarded(target.mean(0) - source.mean(0), source.std(0), source).mean()


@mistake("1.2", caught_by="test_takes_any_array_and_leaves_it_alone")
def mean_shift(source, target):
    """The values are right, but `-=` changed the caller's arrays: work on copies."""
    result = _guarded(target.mean(0) - source.mean(0), source.std(0), source)
    source -= source.mean(0).astype(source.dtype)
    return result


@mistake("1.2", caught_by="test_each_feature_has_its_own_means_and_deviation")
def mean_shift(source, target):
    """Target is cut to as many rows as source has. The two sets may differ in size, and each mean is over all rows of its set."""
    target = target[: len(source)]
    return _guarded(target.mean(0) - source.mean(0), source.std(0), source)


@mistake("1.2", caught_by="test_a_feature_that_never_varies_has_shift_0")
def mean_shift(source, target):
    """Only a feature that is always 0 is treated as one that does not vary; one that is always 5 does not vary either. Compare its smallest value with its largest."""
    with np.errstate(all="ignore"):
        shift = (target.mean(0) - source.mean(0)) / source.std(0)
    return np.where(source.any(0), shift, 0)


@mistake("1.2", caught_by="test_the_unit_of_measurement_does_not_matter")
def mean_shift(source, target):
    """Every standard deviation below a fixed bound counts as 0, so a feature in
    tiny units never shifts. Compare the smallest value with the largest: only where
    they are equal is the result 0.
    """
    deviation = source.std(0)
    return np.where(deviation < 1e-5, 0, (target.mean(0) - source.mean(0)) / np.maximum(deviation, 1e-5))


@mistake("1.2", caught_by="test_a_feature_that_never_varies_has_shift_0")
def mean_shift(source, target):
    """You ask whether the standard deviation is 0. For seven times 0.1 rounding
    leaves a little more than 0, and dividing by that gives a huge shift. Compare
    the smallest value with the largest.
    """
    deviation = source.std(0)
    return np.where(deviation == 0, 0, (target.mean(0) - source.mean(0)) / np.where(deviation == 0, 1, deviation))


@mistake("1.2")
def mean_shift(source, target):
    """Every standard deviation below a bound such as 1e-8 counts as 0. Seven times
    123.4 in float32 has a larger one, from rounding alone. Compare the smallest
    value with the largest.
    """
    deviation = source.std(0)
    constant = deviation < 1e-8
    return np.where(constant, 0, (target.mean(0) - source.mean(0)) / np.where(constant, 1, deviation))


@mistake("1.2")
def mean_shift(source, target):
    """Every standard deviation below a bound such as 1e-12 counts as 0. Seven times
    0.1 in float32 has a larger one, from rounding alone. Compare the smallest value
    with the largest.
    """
    deviation = source.std(0)
    constant = deviation < 1e-12
    return np.where(constant, 0, (target.mean(0) - source.mean(0)) / np.where(constant, 1, deviation))


@mistake("1.2")
def mean_shift(source, target):
    """Where source does not vary you return NaN; the result there must be 0."""
    varies = np.ptp(source, 0) > 0
    return np.where(varies, (target.mean(0) - source.mean(0)) / np.where(varies, source.std(0), 1), np.nan)


@mistake("1.2")
def mean_shift(source, target):
    """The result has shape (1, D): `keepdims=True` keeps the axis of the samples. Here it should disappear."""
    return _guarded(target.mean(0) - source.mean(0), source.std(0), source)[None]


@mistake("1.2")
def mean_shift(source, target):
    """A small number such as 1e-12 is added to the standard deviation. Where source
    does not vary that gives a huge shift; the result there must be 0.
    """
    return (target.mean(0) - source.mean(0)) / (source.std(0) + 1e-12)


@mistake("1.2")
def mean_shift(source, target):
    """You divide by the standard deviation of target, and return 0 where target
    does not vary. Both belong to source: the shift is counted in its standard
    deviations.
    """
    deviation = target.std(0)
    difference = target.mean(0) - source.mean(0)
    return np.divide(difference, deviation, out=np.zeros_like(difference), where=deviation > 0)


@mistake("1.2")
def mean_shift(source, target):
    """You divide by the standard deviation of both sets together, with a small
    number added; the shift is counted in standard deviations of source alone, and
    is 0 where source does not vary.
    """
    return (target.mean(0) - source.mean(0)) / (np.concatenate([source, target]).std(0) + 1e-8)


@mistake("1.2")
def mean_shift(source, target):
    """Features that do not vary are left out, so the others move up to their places. Each feature keeps its place; the shift of those is 0."""
    varies = np.ptp(source, 0) > 0
    source, target = source[:, varies], target[:, varies]
    return (target.mean(0) - source.mean(0)) / source.std(0)


@mistake("1.2")
def mean_shift(source, target):
    """You divide by the standard deviation of target, with a small number added;
    the shift is counted in standard deviations of source, and is 0 where source
    does not vary.
    """
    return (target.mean(0) - source.mean(0)) / (target.std(0) + 1e-8)


@mistake("1.2")
def mean_shift(source, target):
    """You divide by the standard deviation of target, and by 1 where target does not vary; the shift is counted in standard deviations of source."""
    deviation = target.std(0)
    shift = (target.mean(0) - source.mean(0)) / np.where(deviation == 0, 1, deviation)
    return np.where(np.ptp(source, axis=0) == 0, 0.0, shift)


@mistake("1.2")
def mean_shift(source, target):
    """You divide by the standard deviation of target, which is 0 where target does not vary; the shift is counted in standard deviations of source."""
    const = np.ptp(source, axis=0) == 0
    shift = (target.mean(0) - source.mean(0)) / np.where(const, 1, target.std(0))
    return np.where(const, 0.0, shift)
