# %% [markdown]
# # Exercises 7: Faster training
#
# They belong to the page *Faster training, measured fairly*: its steps, its ratios at a common rate and its usable rates
# come from these three functions. Only NumPy is needed. Each answer is checked by the cell below it; a check may be run as
# often as you like.

# %% tags=["setup"]
import numpy as np

from bncourse import check

# %% [markdown]
# ## 7.1 Steps to a target
#
# A network was tested now and then while it trained: `steps` `(T,)` says after which training steps, in ascending order,
# and `accuracy` `(T,)` holds the results. Write `steps_to_target`: the first step from which the accuracy is at least
# `target` in `patience` tests in a row. It returns the step of the *first* of these tests; `None` if there is no such run.
# A run that the end of the record cuts short does not count: nobody knows how it went on.
#
# ```python
# steps    = [ 0,   10,   20,   30,   40]
# accuracy = [0.10, 0.82, 0.79, 0.86, 0.90]
# steps_to_target(steps, accuracy, 0.8)                # 10
# steps_to_target(steps, accuracy, 0.8, patience=2)    # 30
# steps_to_target(steps, accuracy, 0.8, patience=3)    # None
# ```
#
# `steps` need not be evenly spaced. A network that diverged has the accuracy NaN, which reaches no target. Both are arrays or
# lists; `patience` is at least 1.
#
# *Free:* loops, any NumPy function. *Forbidden:* changing the arguments; other libraries.


# %% exercise="7.1"
def steps_to_target(steps, accuracy, target, patience=1):
    """First of steps (T,) from which accuracy (T,) is at least target in patience tests in a row; None if never."""
    # BEGIN SOLUTION
    in_a_row = 0
    for place, value in enumerate(accuracy):
        in_a_row = in_a_row + 1 if value >= target else 0
        if in_a_row == patience:
            return steps[place - patience + 1]
    return None
    # END SOLUTION


# %%
check("7.1")

# %% [markdown]
# ## 7.2 A speed-up and its interval
#
# `baseline` `(A,)` and `treated` `(B,)` are the steps that two kinds of networks needed, one number a seed; `A` and `B` may
# differ. Write `speedup_interval`, which returns three numbers `(ratio, low, high)`:
#
# - `ratio` is the median of `baseline` over the median of `treated`: above 1, the treated networks are faster.
# - `low` and `high` are the 2.5th and the 97.5th percentile of that ratio over `draws` bootstrap resamples. For a resample,
#   `A` numbers are drawn from `baseline` and `B` from `treated`, with replacement, *the two independently of each other*.
#
# `rng` is a `np.random.Generator` and the only source of chance: the same state of `rng` gives the same result.
#
# *Free:* any NumPy function, any method of `rng`, how the percentile is interpolated. *Forbidden:* changing `baseline` or
# `treated`; other libraries.


# %% exercise="7.2"
def speedup_interval(baseline, treated, rng, draws=2000):
    """Ratio of the medians of baseline (A,) and treated (B,), with its 95 % bootstrap interval: (ratio, low, high)."""

    # BEGIN SOLUTION
    def resampled_medians(values):
        return np.median(rng.choice(values, (draws, len(values))), axis=1)

    ratios = resampled_medians(baseline) / resampled_medians(treated)
    low, high = np.percentile(ratios, [2.5, 97.5])
    return np.median(baseline) / np.median(treated), low, high
    # END SOLUTION


# %%
check("7.2")

# %% [markdown]
# ## 7.3 The usable learning rates
#
# A network was trained once with each learning rate of `rates` `(R,)`; `accuracies` `(R,)` are those that it reached.
# Write `usable_rates`: start at the rate with the best accuracy and go to lower and to higher rates as long as the
# accuracy is within `tolerance` of the best, `best - accuracy <= tolerance`. Return `(lowest, highest)`, the two rates
# at which you stop. A rate beyond a gap does not count, however good it is: the rates before it fail.
#
# `rates` may come in any order. NaN is the accuracy of a network that diverged: never the best, never within
# tolerance. At least one accuracy is a number.
#
# ```python
# usable_rates([0.01, 0.1, 1, 10], [0.75, 0.875, 1.0, float("nan")], 0.125)    # (0.1, 1)
# ```
#
# *Free:* loops, any NumPy function; which of two equally good rates you start at. *Forbidden:* changing the arguments; other
# libraries.


# %% exercise="7.3"
def usable_rates(rates, accuracies, tolerance):
    """Lowest and highest of rates (R,) in the run around the best whose accuracies (R,) are within tolerance of it."""
    # BEGIN SOLUTION
    order = np.argsort(rates)
    rates, accuracies = np.asarray(rates)[order], np.asarray(accuracies)[order]
    low = high = np.nanargmax(accuracies)
    usable = accuracies[low] - accuracies <= tolerance
    while low > 0 and usable[low - 1]:
        low -= 1
    while high < len(rates) - 1 and usable[high + 1]:
        high += 1
    return rates[low], rates[high]
    # END SOLUTION


# %%
check("7.3")
