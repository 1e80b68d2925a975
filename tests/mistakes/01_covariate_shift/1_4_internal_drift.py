"""Known wrong answers to exercise 1.4, each with the sentence that helps."""

import numpy as np

from bncourse.checking import mistake


@mistake("1.4")
def internal_drift(history):
    """You divide by the standard deviation after the change; it is counted in the
    standard deviation before it, that of time t.
    """
    return np.abs(np.diff(history[..., 0], axis=0)) / history[1:, :, 1]


@mistake("1.4")
def internal_drift(history):
    """You always divide by the standard deviation at the very first time; each step has its own, that of time t."""
    return np.abs(np.diff(history[..., 0], axis=0)) / history[0, :, 1]


@mistake("1.4")
def internal_drift(history):
    """The change is measured from the very first time; the exercise asks for the change from one time to the next."""
    return np.abs(history[1:, :, 0] - history[0, :, 0]) / history[:-1, :, 1]


@mistake("1.4")
def internal_drift(history):
    """Both the change and the standard deviation are taken from the very first
    time; each step starts at the time before it.
    """
    return np.abs(history[1:, :, 0] - history[0, :, 0]) / history[0, :, 1]


@mistake("1.4")
def internal_drift(history):
    """The absolute value is missing: a mean that falls has drifted too."""
    return np.diff(history[..., 0], axis=0) / history[:-1, :, 1]


@mistake("1.4")
def internal_drift(history):
    """The absolute value is missing, and you divide by the standard deviation after
    the change instead of the one before it.
    """
    return np.diff(history[..., 0], axis=0) / history[1:, :, 1]


@mistake("1.4")
def internal_drift(history):
    """The change is not divided by the standard deviation."""
    return np.abs(np.diff(history[..., 0], axis=0))


@mistake("1.4")
def internal_drift(history):
    """You divide by the square of the standard deviation, as if it had to be
    squared first; `history` holds standard deviations, ready to use.
    """
    return np.abs(np.diff(history[..., 0], axis=0)) / history[:-1, :, 1] ** 2


@mistake("1.4")
def internal_drift(history):
    """You take a root of the standard deviation, as if `history` held variances; it
    holds standard deviations, ready to use.
    """
    return np.abs(np.diff(history[..., 0], axis=0)) / np.sqrt(history[:-1, :, 1])


@mistake("1.4")
def internal_drift(history):
    """You divide by the average of the standard deviations before and after; it is the one before that counts."""
    return np.abs(np.diff(history[..., 0], axis=0)) / ((history[1:, :, 1] + history[:-1, :, 1]) / 2)


@mistake("1.4")
def internal_drift(history):
    """You divide by the mean before the change: a relative change. Divide by the standard deviation."""
    with np.errstate(all="ignore"):
        return np.abs(np.diff(history[..., 0], axis=0) / history[:-1, :, 0])


@mistake("1.4", caught_by="test_one_layer_by_hand")
def internal_drift(history):
    """Mean and standard deviation have changed places: `history[..., 0]` is the
    mean, `history[..., 1]` the standard deviation.
    """
    with np.errstate(all="ignore"):
        return np.abs(np.diff(history[..., 1], axis=0)) / history[:-1, :, 0]


@mistake("1.4")
def internal_drift(history):
    """The change is taken between layers; it belongs between times, along axis 0."""
    return np.abs(np.diff(history[..., 0], axis=1)) / history[:, :-1, 1]


@mistake("1.4")
def internal_drift(history):
    """The layers are averaged into one number for each time; the exercise asks for one for each layer."""
    return (np.abs(np.diff(history[..., 0], axis=0)) / history[:-1, :, 1]).mean(1)


@mistake("1.4")
def internal_drift(history):
    """The result has a first row of zeros: T times have only T - 1 steps between them."""
    drift = np.abs(np.diff(history[..., 0], axis=0)) / history[:-1, :, 1]
    return np.concatenate([np.zeros_like(drift[:1]), drift])


@mistake("1.4")
def internal_drift(history):
    """The change is squared; take its absolute value."""
    return np.diff(history[..., 0], axis=0) ** 2 / history[:-1, :, 1]


@mistake("1.4")
def internal_drift(history):
    """The last axis is dropped by an index of a single layer: `history[:, 0]` keeps only the first layer."""
    return np.abs(np.diff(history[:, 0, 0])) / history[:-1, 0, 1]


@mistake("1.4")
def internal_drift(history):
    """A small number is added to the standard deviation: where means and standard
    deviations are tiny, the drift comes out too small.
    """
    return np.abs(np.diff(history[..., 0], axis=0)) / (history[:-1, :, 1] + 1e-5)


@mistake("1.4")
def internal_drift(history):
    """Means are summed over time before they are compared; `np.diff` alone gives the change."""
    return np.abs(np.diff(np.cumsum(history[..., 0], axis=0), axis=0)) / history[:-1, :, 1]


@mistake("1.4", caught_by="test_units_do_not_matter_and_history_stays_as_it_is")
def internal_drift(history):
    """The values are right, but you divided inside the caller's array (`/=`): work on a copy."""
    drift = np.abs(np.diff(history[..., 0], axis=0)) / history[:-1, :, 1]
    history[1:, :, 0] = drift
    return drift


@mistake("1.4", caught_by="test_each_step_is_measured_from_the_time_before")
def internal_drift(history):
    """A mean of exactly 0 is taken for a gap in the record, and the step after it counts as no drift. 0 is a mean like any other."""
    drift = np.abs(np.diff(history[..., 0], axis=0)) / history[:-1, :, 1]
    return np.where(history[:-1, :, 0] == 0, 0, drift)


@mistake("1.4", caught_by="test_each_layer_by_itself")
def internal_drift(history):
    """`squeeze` removes every axis of length 1: with two times and several layers, the one step is turned into a column. The shape is (T - 1, L), always."""
    drift = np.squeeze(np.abs(np.diff(history[..., 0], axis=0)) / history[:-1, :, 1])
    return drift if drift.ndim == 2 else drift.reshape(-1, 1)


@mistake("1.4")
def internal_drift(history):
    """T - 1 changes are divided by T standard deviations: leave out the last one, `history[:-1, :, 1]`."""
    return np.abs(np.diff(history[..., 0], axis=0)) / history[..., 1]


@mistake("1.4")
def internal_drift(history):
    """`np.diff` without an axis takes differences along the last one, from layer to layer. From time to time it is `axis=0`."""
    return np.abs(np.diff(history[..., 0])) / history[:-1, :, 1]


@mistake("1.4")
def internal_drift(history):
    """`mean, std = history` unpacks the first axis, which is time. Mean and
    standard deviation are on the last one: `history[..., 0]` and `history[..., 1]`.
    """
    mean, std = history
    return np.abs(mean[1:] - mean[:-1]) / std[:-1]


@mistake("1.4")
def internal_drift(history):
    """Every change is divided by the layer's mean standard deviation over all
    times. Divide by the standard deviation at the earlier of the two times,
    `history[:-1, :, 1]`.
    """
    return np.abs(np.diff(history[..., 0], axis=0)) / history[..., 1].mean(0)
