"""Known wrong answers to exercise 7.3, each with the sentence that helps."""

import numpy as np

from bncourse.checking import mistake


def walked(rates, usable, start):
    low = high = start
    while low > 0 and usable[low - 1]:
        low -= 1
    while high < len(rates) - 1 and usable[high + 1]:
        high += 1
    return low, high


def in_order(rates, accuracies):
    order = np.argsort(rates)
    return np.asarray(rates)[order], np.asarray(accuracies)[order]


def usable_from_best(rates, accuracies, tolerance):
    """The right answer, as places, for slips that come after it."""
    rates, accuracies = in_order(rates, accuracies)
    low, high = walked(rates, np.nanmax(accuracies) - accuracies <= tolerance, np.nanargmax(accuracies))
    return rates, accuracies, low, high


@mistake("7.3")
def usable_rates(rates, accuracies, tolerance):
    """You take the lowest and the highest of all usable rates; a rate that is not usable between them is a gap, and
    what lies behind it does not count."""
    rates, accuracies = in_order(rates, accuracies)
    usable = rates[np.nanmax(accuracies) - accuracies <= tolerance]
    return usable[0], usable[-1]


@mistake("7.3")
def usable_rates(rates, accuracies, tolerance):
    """The tolerance is taken as a share of the best accuracy; it is a difference of accuracies."""
    rates, accuracies = in_order(rates, accuracies)
    low, high = walked(rates, accuracies >= (1 - tolerance) * np.nanmax(accuracies), np.nanargmax(accuracies))
    return rates[low], rates[high]


@mistake("7.3")
def usable_rates(rates, accuracies, tolerance):
    """An accuracy lower than the best by the tolerance exactly is left out; it is still within it: `<=`."""
    rates, accuracies = in_order(rates, accuracies)
    low, high = walked(rates, np.nanmax(accuracies) - accuracies < tolerance, np.nanargmax(accuracies))
    return rates[low], rates[high]


@mistake("7.3")
def usable_rates(rates, accuracies, tolerance):
    """You return places in the list; the exercise asks for the learning rates at these places."""
    return usable_from_best(rates, accuracies, tolerance)[2:]


@mistake("7.3")
def usable_rates(rates, accuracies, tolerance):
    """You return accuracies; the exercise asks for the learning rates."""
    _, accuracies, low, high = usable_from_best(rates, accuracies, tolerance)
    return accuracies[low], accuracies[high]


@mistake("7.3")
def usable_rates(rates, accuracies, tolerance):
    """You look for accuracies of at least `tolerance`; the exercise asks for those within it of the best."""
    rates, accuracies = in_order(rates, accuracies)
    low, high = walked(rates, accuracies >= tolerance, np.nanargmax(accuracies))
    return rates[low], rates[high]


@mistake("7.3")
def usable_rates(rates, accuracies, tolerance):
    """You compare with 1, as if the best accuracy were 100 %; compare with the best that was reached."""
    rates, accuracies = in_order(rates, accuracies)
    low, high = walked(rates, accuracies >= 1 - tolerance, np.nanargmax(accuracies))
    return rates[low], rates[high]


@mistake("7.3", caught_by="test_rates_may_come_in_any_order")
def usable_rates(rates, accuracies, tolerance):
    """You take the rates in the order of the list; neighbours are neighbouring rates. Sort first, and the accuracies
    with them."""
    rates, accuracies = np.asarray(rates), np.asarray(accuracies)
    low, high = walked(rates, np.nanmax(accuracies) - accuracies <= tolerance, np.nanargmax(accuracies))
    return rates[low], rates[high]


@mistake("7.3")
def usable_rates(rates, accuracies, tolerance):
    """You take the rates in the order of the list and put only the two that you return in order; neighbours are
    neighbouring rates. Sort first, and the accuracies with them."""
    rates, accuracies = np.asarray(rates), np.asarray(accuracies)
    low, high = walked(rates, np.nanmax(accuracies) - accuracies <= tolerance, np.nanargmax(accuracies))
    return tuple(sorted((rates[low], rates[high])))


@mistake("7.3")
def usable_rates(rates, accuracies, tolerance):
    """The rates are sorted and the accuracies are not: each rate now stands beside another's accuracy."""
    rates, accuracies = np.sort(rates), np.asarray(accuracies)
    low, high = walked(rates, np.nanmax(accuracies) - accuracies <= tolerance, np.nanargmax(accuracies))
    return rates[low], rates[high]


@mistake("7.3")
def usable_rates(rates, accuracies, tolerance):
    """You only walk up from the best rate; lower rates may be usable too."""
    rates, accuracies, _, high = usable_from_best(rates, accuracies, tolerance)
    return rates[np.nanargmax(accuracies)], rates[high]


@mistake("7.3")
def usable_rates(rates, accuracies, tolerance):
    """You only walk down from the best rate; higher rates may be usable too."""
    rates, accuracies, low, _ = usable_from_best(rates, accuracies, tolerance)
    return rates[low], rates[np.nanargmax(accuracies)]


@mistake("7.3", caught_by="test_a_gap_ends_the_run")
def usable_rates(rates, accuracies, tolerance):
    """You take the longest run of usable rates; the exercise asks for the one that contains the best rate."""
    rates, accuracies = in_order(rates, accuracies)
    usable = np.nanmax(accuracies) - accuracies <= tolerance
    runs = [walked(rates, usable, start) for start in np.flatnonzero(usable)]
    low, high = max(runs, key=lambda run: run[1] - run[0])
    return rates[low], rates[high]


@mistake("7.3")
def usable_rates(rates, accuracies, tolerance):
    """You take the first run of usable rates; the exercise asks for the one that contains the best rate."""
    rates, accuracies = in_order(rates, accuracies)
    usable = np.nanmax(accuracies) - accuracies <= tolerance
    low, high = walked(rates, usable, np.flatnonzero(usable)[0])
    return rates[low], rates[high]


@mistake("7.3")
def usable_rates(rates, accuracies, tolerance):
    """You return the first rates that are *not* usable on either side: one step too far."""
    rates, _, low, high = usable_from_best(rates, accuracies, tolerance)
    return rates[max(low - 1, 0)], rates[min(high + 1, len(rates) - 1)]


@mistake("7.3")
def usable_rates(rates, accuracies, tolerance):
    """The upper end is one too low: a slice `[low:high]` leaves out its end."""
    rates, _, low, high = usable_from_best(rates, accuracies, tolerance)
    return rates[low], rates[max(high - 1, low)]


@mistake("7.3")
def usable_rates(rates, accuracies, tolerance):
    """The walk leaves out the outermost rates: the loop stops before the ends of the grid."""
    rates, accuracies, low, high = usable_from_best(rates, accuracies, tolerance)
    best = np.nanargmax(accuracies)
    return rates[max(low, min(1, best))], rates[min(high, max(len(rates) - 2, best))]


@mistake("7.3")
def usable_rates(rates, accuracies, tolerance):
    """NaN is taken for the best accuracy: `argmax` stops at NaN. `np.nanargmax` passes over it."""
    rates, accuracies = in_order(rates, accuracies)
    best = np.argmax(accuracies)
    low, high = walked(rates, accuracies[best] - accuracies <= tolerance, best)
    return rates[low], rates[high]


@mistake("7.3")
def usable_rates(rates, accuracies, tolerance):
    """NaN counts as usable: `not difference > tolerance` is true for NaN. Write `difference <= tolerance`."""
    rates, accuracies = in_order(rates, accuracies)
    low, high = walked(rates, ~(np.nanmax(accuracies) - accuracies > tolerance), np.nanargmax(accuracies))
    return rates[low], rates[high]


@mistake("7.3")
def usable_rates(rates, accuracies, tolerance):
    """Networks that diverged are thrown out before the walk, so that the rates on either side of one become
    neighbours. NaN ends a run."""
    rates, accuracies = in_order(rates, accuracies)
    kept = ~np.isnan(accuracies)
    rates, accuracies = rates[kept], accuracies[kept]
    low, high = walked(rates, accuracies.max() - accuracies <= tolerance, accuracies.argmax())
    return rates[low], rates[high]


@mistake("7.3", caught_by="test_the_run_around_the_best")
def usable_rates(rates, accuracies, tolerance):
    """Each accuracy is compared with that of its neighbour; compare each with the best, or many small losses add up."""
    rates, accuracies = in_order(rates, accuracies)
    low = high = np.nanargmax(accuracies)
    while low > 0 and accuracies[low] - accuracies[low - 1] <= tolerance:
        low -= 1
    while high < len(rates) - 1 and accuracies[high] - accuracies[high + 1] <= tolerance:
        high += 1
    return rates[low], rates[high]


@mistake("7.3")
def usable_rates(rates, accuracies, tolerance):
    """The two are swapped: the lowest rate comes first."""
    rates, _, low, high = usable_from_best(rates, accuracies, tolerance)
    return rates[high], rates[low]


@mistake("7.3")
def usable_rates(rates, accuracies, tolerance):
    """You return all usable rates of the run; the exercise asks for the lowest and the highest."""
    rates, _, low, high = usable_from_best(rates, accuracies, tolerance)
    return rates[low : high + 1]


@mistake("7.3")
def usable_rates(rates, accuracies, tolerance):
    """You return how wide the run is, highest over lowest; the exercise asks for the two rates themselves."""
    rates, _, low, high = usable_from_best(rates, accuracies, tolerance)
    return rates[high] / rates[low]


@mistake("7.3")
def usable_rates(rates, accuracies, tolerance):
    """The accuracies are taken for losses: you start at the lowest. The best accuracy is the highest."""
    rates, accuracies = in_order(rates, accuracies)
    low, high = walked(rates, accuracies - np.nanmin(accuracies) <= tolerance, np.nanargmin(accuracies))
    return rates[low], rates[high]


@mistake("7.3")
def usable_rates(rates, accuracies, tolerance):
    """The tolerance is divided by 100, as if it were in percent; it is on the scale of the accuracies."""
    rates, _, low, high = usable_from_best(rates, accuracies, tolerance / 100)
    return rates[low], rates[high]


@mistake("7.3", caught_by="test_a_network_that_diverged_is_no_use")
def usable_rates(rates, accuracies, tolerance):
    """NaN is replaced by 0: where the best accuracy is low, 0 lies within tolerance and a network that diverged counts as usable."""
    rates, accuracies = in_order(rates, np.nan_to_num(np.asarray(accuracies, float), nan=0.0))
    low, high = walked(rates, accuracies.max() - accuracies <= tolerance, accuracies.argmax())
    return rates[low], rates[high]


@mistake("7.3", caught_by="test_the_tolerance_is_a_difference_and_included")
def usable_rates(rates, accuracies, tolerance):
    """`tolerance or ...` replaces a tolerance of 0 by a default: 0 is false in Python, and it asks for the rates as good as the best."""
    rates, _, low, high = usable_from_best(rates, accuracies, tolerance or 0.125)
    return rates[low], rates[high]


@mistake("7.3", caught_by="test_grids_of_any_kind_and_length")
def usable_rates(rates, accuracies, tolerance):
    """`if not rates` asks an array whether it is true, which NumPy refuses. `len(rates)` serves lists and arrays."""
    if not rates:
        raise ValueError("no rates")
    rates, _, low, high = usable_from_best(rates, accuracies, tolerance)
    return rates[low], rates[high]
