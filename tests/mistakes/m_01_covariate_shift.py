"""Known wrong answers to exercises 1.1, 1.2 and 1.4, each with the sentence that helps; those to 1.3 stand in a file of their own."""

import numpy as np

from bncourse.checking import mistake

# 1.1


@mistake("1.1")
def adjust_brightness(images, gain, offset):
    """Nothing is cut off: values below 0 and above 1 stay. `np.clip(..., 0, 1)` is missing."""
    return gain * images + offset


@mistake("1.1")
def adjust_brightness(images, gain, offset):
    """Only values below 0 are cut off; those above 1 stay."""
    return np.maximum(gain * images + offset, 0)


@mistake("1.1")
def adjust_brightness(images, gain, offset):
    """Only values above 1 are cut off; those below 0 stay."""
    return np.minimum(gain * images + offset, 1)


@mistake("1.1")
def adjust_brightness(images, gain, offset):
    """The offset is added before the multiplication, so the gain multiplies it too: gain · (x + offset)."""
    return np.clip(gain * (images + offset), 0, 1)


@mistake("1.1")
def adjust_brightness(images, gain, offset):
    """You cut off after the product and add the offset to that; the cut comes last, after the sum."""
    return np.clip(gain * images, 0, 1) + offset


@mistake("1.1")
def adjust_brightness(images, gain, offset):
    """You cut off twice, after the product and after the sum; what the first cut removed, the offset might have brought back."""
    return np.clip(np.clip(gain * images, 0, 1) + offset, 0, 1)


@mistake("1.1")
def adjust_brightness(images, gain, offset):
    """Gain and offset have changed places: you multiply by the offset and add the gain."""
    return np.clip(offset * images + gain, 0, 1)


@mistake("1.1")
def adjust_brightness(images, gain, offset):
    """The offset is subtracted instead of added."""
    return np.clip(gain * images - offset, 0, 1)


@mistake("1.1")
def adjust_brightness(images, gain, offset):
    """The offset is not used."""
    return np.clip(gain * images, 0, 1)


@mistake("1.1")
def adjust_brightness(images, gain, offset):
    """The gain is not used."""
    return np.clip(images + offset, 0, 1)


@mistake("1.1")
def adjust_brightness(images, gain, offset):
    """The gain is taken as an exponent: x to the power of gain is a gamma correction, not a brighter lamp."""
    with np.errstate(all="ignore"):
        return np.clip(images**gain + offset, 0, 1)


@mistake("1.1")
def adjust_brightness(images, gain, offset):
    """The gain acts on the distance from the mean, which changes the contrast; it is to multiply the pixels themselves."""
    return np.clip(gain * (images - images.mean()) + images.mean() + offset, 0, 1)


@mistake("1.1")
def adjust_brightness(images, gain, offset):
    """You stretch the result so that it just fills [0, 1]; pixels inside are to stay as they are, only those outside are cut off."""
    y = gain * images + offset
    return (y - y.min()) / max(np.ptp(y), 1e-12)


@mistake("1.1")
def adjust_brightness(images, gain, offset):
    """Values outside [0, 1] wrap around (a remainder) instead of stopping at 0 and 1."""
    return (gain * images + offset) % 1


@mistake("1.1")
def adjust_brightness(images, gain, offset):
    """You cut off at 0 and 255; these images have values from 0 to 1."""
    return np.clip(gain * images + offset, 0, 255)


@mistake("1.1")
def adjust_brightness(images, gain, offset):
    """The absolute value is taken: what is darker than black comes back as grey instead of becoming 0."""
    return np.minimum(np.abs(gain * images + offset), 1)


@mistake("1.1")
def adjust_brightness(images, gain, offset):
    """`*=` and `+=` change the caller's array: write `images * gain + offset`."""
    images *= gain
    images += offset
    return np.clip(images, 0, 1)


# 1.2


@mistake("1.2")
def mean_shift(source, target):
    """Source and target have changed places in the difference: the sign is reversed."""
    return _guarded(source.mean(0) - target.mean(0), source.std(0))


@mistake("1.2")
def mean_shift(source, target):
    """You divide by the deviation of target; the shift is counted in deviations of source."""
    return _guarded(target.mean(0) - source.mean(0), target.std(0))


@mistake("1.2")
def mean_shift(source, target):
    """You divide by the deviation of both sets together; the shift is counted in deviations of source alone."""
    return _guarded(target.mean(0) - source.mean(0), np.concatenate([source, target]).std(0))


@mistake("1.2")
def mean_shift(source, target):
    """You divide by the pooled deviation, the root of the mean of both variances (Cohen's d); here it is that of source alone."""
    return _guarded(target.mean(0) - source.mean(0), np.sqrt((source.var(0) + target.var(0)) / 2))


@mistake("1.2")
def mean_shift(source, target):
    """The standard deviation divides by N - 1 (`ddof=1`); here it divides by N."""
    with np.errstate(all="ignore"):
        return _guarded(target.mean(0) - source.mean(0), source.std(0, ddof=1))


@mistake("1.2")
def mean_shift(source, target):
    """You divide by the standard error, the deviation over √N, as a t-test does; divide by the deviation itself."""
    return _guarded(target.mean(0) - source.mean(0), source.std(0) / np.sqrt(len(source)))


@mistake("1.2")
def mean_shift(source, target):
    """You divide by the variance; the root is missing."""
    return _guarded(target.mean(0) - source.mean(0), source.var(0))


@mistake("1.2")
def mean_shift(source, target):
    """The difference of the means is not divided by the deviation."""
    return np.where(source.std(0) > 0, target.mean(0) - source.mean(0), 0)


@mistake("1.2")
def mean_shift(source, target):
    """The absolute value is taken: a shift downwards is negative."""
    return np.abs(_guarded(target.mean(0) - source.mean(0), source.std(0)))


@mistake("1.2")
def mean_shift(source, target):
    """Where source does not vary you divide by 0 and get infinity or NaN; the result there is to be 0."""
    with np.errstate(all="ignore"):
        return (target.mean(0) - source.mean(0)) / source.std(0)


@mistake("1.2")
def mean_shift(source, target):
    """Where source does not vary you divide by 1, so the plain difference comes out; the result there is to be 0."""
    deviation = source.std(0)
    return (target.mean(0) - source.mean(0)) / np.where(deviation == 0, 1, deviation)


@mistake("1.2")
def mean_shift(source, target):
    """`np.nan_to_num` turns NaN into 0 but infinity into a huge number; where source does not vary the result is 0 in both cases."""
    with np.errstate(all="ignore"):
        return np.nan_to_num((target.mean(0) - source.mean(0)) / source.std(0))


@mistake("1.2")
def mean_shift(source, target):
    """A small number is added to the deviation: that bends the result for features of small deviation, and gives a huge one where it is 0."""
    return (target.mean(0) - source.mean(0)) / (source.std(0) + 1e-8)


@mistake("1.2")
def mean_shift(source, target):
    """A small number is added under the root, and features that do not vary are set to 0: features of small deviation come out too small."""
    return np.where(source.std(0) > 0, (target.mean(0) - source.mean(0)) / np.sqrt(source.var(0) + 1e-5), 0)


@mistake("1.2")
def mean_shift(source, target):
    """One deviation for the whole array: `std()` without an axis. Each feature has its own, `std(0)`."""
    deviation = source.std()
    return np.where(source.std(0) > 0, (target.mean(0) - source.mean(0)) / (deviation or 1), 0)


@mistake("1.2")
def mean_shift(source, target):
    """One mean and one deviation for the whole array: `mean()` and `std()` without an axis give a single number."""
    deviation = source.std()
    return (target.mean() - source.mean()) / deviation if deviation else 0.0


@mistake("1.2")
def mean_shift(source, target):
    """The statistics are taken along axis 1, over the features of a sample; they belong along axis 0, over the samples."""
    return _guarded(target.mean(1) - source.mean(1), source.std(1))


@mistake("1.2")
def mean_shift(source, target):
    """Samples are subtracted one by one: the sets have no common order and may differ in size. Subtract the means."""
    return _guarded((target - source).mean(0), source.std(0))


@mistake("1.2")
def mean_shift(source, target):
    """Medians instead of means."""
    return _guarded(np.median(target, 0) - np.median(source, 0), source.std(0))


@mistake("1.2")
def mean_shift(source, target):
    """The shifts are averaged into one number; one for each feature is asked for."""
    return _guarded(target.mean(0) - source.mean(0), source.std(0)).mean()


@mistake("1.2")
def mean_shift(source, target):
    """The values are right, but `-=` changed the caller's arrays: work on copies."""
    result = _guarded(target.mean(0) - source.mean(0), source.std(0))
    source -= source.mean(0).astype(source.dtype)
    return result


def _guarded(difference, deviation):
    """difference / deviation, and 0 where the deviation is 0."""
    return np.where(deviation > 0, difference / np.where(deviation > 0, deviation, 1), 0)


# 1.4


@mistake("1.4")
def internal_drift(history):
    """You divide by the deviation after the change; it is counted in the deviation before it, that of time t."""
    return np.abs(np.diff(history[..., 0], axis=0)) / history[1:, :, 1]


@mistake("1.4")
def internal_drift(history):
    """You always divide by the deviation at the very first time; each step has its own, that of time t."""
    return np.abs(np.diff(history[..., 0], axis=0)) / history[0, :, 1]


@mistake("1.4")
def internal_drift(history):
    """The change is measured from the very first time; asked for is the change from one time to the next."""
    return np.abs(history[1:, :, 0] - history[0, :, 0]) / history[:-1, :, 1]


@mistake("1.4")
def internal_drift(history):
    """Both the change and the deviation are taken from the very first time; each step starts at the time before it."""
    return np.abs(history[1:, :, 0] - history[0, :, 0]) / history[0, :, 1]


@mistake("1.4")
def internal_drift(history):
    """The absolute value is missing: a mean that falls has drifted too."""
    return np.diff(history[..., 0], axis=0) / history[:-1, :, 1]


@mistake("1.4")
def internal_drift(history):
    """The absolute value is missing, and you divide by the deviation after the change instead of the one before it."""
    return np.diff(history[..., 0], axis=0) / history[1:, :, 1]


@mistake("1.4")
def internal_drift(history):
    """The change is not divided by the deviation."""
    return np.abs(np.diff(history[..., 0], axis=0))


@mistake("1.4")
def internal_drift(history):
    """You divide by the square of the deviation, as if `history` held variances' roots to be squared; it holds deviations, ready to use."""
    return np.abs(np.diff(history[..., 0], axis=0)) / history[:-1, :, 1] ** 2


@mistake("1.4")
def internal_drift(history):
    """You take a root of the deviation, as if `history` held variances; it holds deviations, ready to use."""
    return np.abs(np.diff(history[..., 0], axis=0)) / np.sqrt(history[:-1, :, 1])


@mistake("1.4")
def internal_drift(history):
    """You divide by the average of the deviations before and after; it is the one before that counts."""
    return np.abs(np.diff(history[..., 0], axis=0)) / ((history[1:, :, 1] + history[:-1, :, 1]) / 2)


@mistake("1.4")
def internal_drift(history):
    """You divide by the mean before the change: a relative change. Divide by the deviation."""
    with np.errstate(all="ignore"):
        return np.abs(np.diff(history[..., 0], axis=0) / history[:-1, :, 0])


@mistake("1.4")
def internal_drift(history):
    """Mean and deviation have changed places: `history[..., 0]` is the mean, `history[..., 1]` the deviation."""
    with np.errstate(all="ignore"):
        return np.abs(np.diff(history[..., 1], axis=0)) / history[:-1, :, 0]


@mistake("1.4")
def internal_drift(history):
    """The change is taken between layers; it belongs between times, along axis 0."""
    return np.abs(np.diff(history[..., 0], axis=1)) / history[:, :-1, 1]


@mistake("1.4")
def internal_drift(history):
    """The layers are averaged into one number for each time; asked for is one for each layer."""
    return (np.abs(np.diff(history[..., 0], axis=0)) / history[:-1, :, 1]).mean(1)


@mistake("1.4")
def internal_drift(history):
    """The result has a first row of zeros: T times have only T - 1 steps between them."""
    drift = np.abs(np.diff(history[..., 0], axis=0)) / history[:-1, :, 1]
    return np.concatenate([np.zeros_like(drift[:1]), drift])


@mistake("1.4")
def internal_drift(history):
    """The change is squared; its absolute value is asked for."""
    return np.diff(history[..., 0], axis=0) ** 2 / history[:-1, :, 1]


@mistake("1.4")
def internal_drift(history):
    """The last axis is dropped by an index of a single layer: `history[:, 0]` keeps only the first layer."""
    return np.abs(np.diff(history[:, 0, 0])) / history[:-1, 0, 1]


@mistake("1.4")
def internal_drift(history):
    """A small number is added to the deviation: where means and deviations are tiny, the drift comes out too small."""
    return np.abs(np.diff(history[..., 0], axis=0)) / (history[:-1, :, 1] + 1e-5)


@mistake("1.4")
def internal_drift(history):
    """Means are summed over time before they are compared; `np.diff` alone gives the change."""
    return np.abs(np.diff(np.cumsum(history[..., 0], axis=0), axis=0)) / history[:-1, :, 1]


@mistake("1.4")
def internal_drift(history):
    """The values are right, but you divided inside the caller's array (`/=`): work on a copy."""
    drift = np.abs(np.diff(history[..., 0], axis=0)) / history[:-1, :, 1]
    history[1:, :, 0] = drift
    return drift
