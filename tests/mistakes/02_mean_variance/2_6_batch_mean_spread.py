"""Known wrong answers to exercise 2.6, each with the sentence that helps."""

import numpy as np

from bncourse.checking import mistake


def means_of(x, batches):
    return np.array([x[rows].mean(axis=0) for rows in batches])


def drawn(x, batch_size, draws, rng):
    return [rng.choice(len(x), batch_size, replace=False) for _ in range(draws)]


# The same slips where the rows come from a shuffled order: other numbers, so other answers to be told by.
def shuffled(x, batch_size, draws, rng):
    return [rng.permutation(len(x))[:batch_size] for _ in range(draws)]


@mistake("2.6")
def batch_mean_spread(x, batch_size, draws, rng):
    """Rows are drawn with replacement, so one may be in a batch twice: `rng.integers` does that, and so does
    `rng.choice` unless you pass `replace=False`."""
    return means_of(x, [rng.choice(len(x), batch_size) for _ in range(draws)]).std(axis=0)


@mistake("2.6")
def batch_mean_spread(x, batch_size, draws, rng):
    """The batches are neighbouring slices of one shuffled order, shuffled anew when it is used up: what one batch
    has, the next cannot have. Draw each from all rows again."""
    batches, left = [], np.array([], int)
    for _ in range(draws):
        if len(left) < batch_size:
            left = rng.permutation(len(x))
        batches.append(left[:batch_size])
        left = left[batch_size:]
    return means_of(x, batches).std(axis=0)


@mistake("2.6")
def batch_mean_spread(x, batch_size, draws, rng):
    """One shuffled order is cut into batches, and when it is used up the same batches come again. Draw each batch from
    all rows again."""
    order, whole = rng.permutation(len(x)), len(x) // batch_size
    pieces = order[: whole * batch_size].reshape(whole, batch_size)
    return means_of(x, [pieces[draw % whole] for draw in range(draws)]).std(axis=0)


@mistake("2.6", caught_by="test_spread_is_that_of_batches_without_replacement")
def batch_mean_spread(x, batch_size, draws, rng):
    """One shuffled order serves all batches, each a window of it with a random start. Draw each from all rows again."""
    order = np.tile(rng.permutation(len(x)), 2)
    starts = rng.integers(0, len(x), draws)
    return means_of(x, [order[start : start + batch_size] for start in starts]).std(axis=0)


@mistake("2.6")
def batch_mean_spread(x, batch_size, draws, rng):
    """One shuffled order serves all batches, each a window one row further on. Draw each from all rows again."""
    order = np.tile(rng.permutation(len(x)), 2)
    starts = np.arange(draws) % len(x)
    return means_of(x, [order[start : start + batch_size] for start in starts]).std(axis=0)


@mistake("2.6")
def batch_mean_spread(x, batch_size, draws, rng):
    """All batches are the same one: the rows are drawn once before the loop, or a generator with a fixed seed is
    made anew for each draw. Draw inside the loop, from `rng`."""
    return means_of(x, drawn(x, batch_size, 1, rng) * draws).std(axis=0)


@mistake("2.6")
def batch_mean_spread(x, batch_size, draws, rng):
    """You make a generator of your own with a fixed seed: `rng` is never used, and every call gives the same result."""
    return means_of(x, drawn(x, batch_size, draws, np.random.default_rng(0))).std(axis=0)


@mistake("2.6", caught_by="test_all_chance_comes_from_rng")
def batch_mean_spread(x, batch_size, draws, rng):
    """`np.random.choice` and its like draw from NumPy's global generator, not from `rng`: the result cannot be
    repeated."""
    batches = [np.random.choice(len(x), batch_size, replace=False) for _ in range(draws)]
    return means_of(x, batches).std(axis=0)


@mistake("2.6")
def batch_mean_spread(x, batch_size, draws, rng):
    """Nothing is drawn: this is the formula σ/√m, which holds for drawing with replacement. Measure it."""
    return x.std(axis=0) / np.sqrt(batch_size)


@mistake("2.6")
def batch_mean_spread(x, batch_size, draws, rng):
    """Nothing is drawn: this is the formula for drawing without replacement. It is right on average; measure it."""
    return x.std(axis=0) / np.sqrt(batch_size) * np.sqrt((len(x) - batch_size) / max(len(x) - 1, 1))


@mistake("2.6")
def batch_mean_spread(x, batch_size, draws, rng):
    """The variance of the batch means is returned. Take its root, the standard deviation."""
    return means_of(x, drawn(x, batch_size, draws, rng)).var(axis=0)


@mistake("2.6")
def batch_mean_spread(x, batch_size, draws, rng):
    """The spread is divided by √draws: that is how well the mean of all draws is known. How far one batch strays
    does not depend on the number of draws."""
    return means_of(x, drawn(x, batch_size, draws, rng)).std(axis=0) / np.sqrt(draws)


@mistake("2.6")
def batch_mean_spread(x, batch_size, draws, rng):
    """The spread is divided by √m. The means of real batches have that in them already."""
    return means_of(x, drawn(x, batch_size, draws, rng)).std(axis=0) / np.sqrt(batch_size)


@mistake("2.6")
def batch_mean_spread(x, batch_size, draws, rng):
    """The standard deviation within each batch is averaged. The exercise asks how
    far the *means* of the batches lie apart.
    """
    return np.mean([x[rows].std(axis=0) for rows in drawn(x, batch_size, draws, rng)], axis=0)


@mistake("2.6")
def batch_mean_spread(x, batch_size, draws, rng):
    """The standard deviation of all rows drawn is returned. Take the mean of each batch first."""
    return x[np.concatenate(drawn(x, batch_size, draws, rng))].std(axis=0)


@mistake("2.6")
def batch_mean_spread(x, batch_size, draws, rng):
    """The mean of the batch means is returned, not their standard deviation."""
    return means_of(x, drawn(x, batch_size, draws, rng)).mean(axis=0)


@mistake("2.6")
def batch_mean_spread(x, batch_size, draws, rng):
    """The standard deviation is taken about the mean of all data. Take it about the
    mean of the draws, as np.std does.
    """
    return np.sqrt(((means_of(x, drawn(x, batch_size, draws, rng)) - x.mean(axis=0)) ** 2).mean(axis=0))


@mistake("2.6")
def batch_mean_spread(x, batch_size, draws, rng):
    """The mean distance is taken, not the root of the mean squared distance."""
    means = means_of(x, drawn(x, batch_size, draws, rng))
    return np.abs(means - means.mean(axis=0)).mean(axis=0)


@mistake("2.6")
def batch_mean_spread(x, batch_size, draws, rng):
    """The distance from the smallest to the largest batch mean grows with the
    number of draws. Take the standard deviation.
    """
    return np.ptp(means_of(x, drawn(x, batch_size, draws, rng)), axis=0)


@mistake("2.6")
def batch_mean_spread(x, batch_size, draws, rng):
    """The rows of a batch are added, not averaged."""
    return batch_size * means_of(x, drawn(x, batch_size, draws, rng)).std(axis=0)


@mistake("2.6")
def batch_mean_spread(x, batch_size, draws, rng):
    """The median of each batch is taken in place of its mean."""
    return np.std([np.median(x[rows], axis=0) for rows in drawn(x, batch_size, draws, rng)], axis=0)


@mistake("2.6")
def batch_mean_spread(x, batch_size, draws, rng):
    """One number for all features: `std()` without an axis. Each feature has its own spread."""
    return means_of(x, drawn(x, batch_size, draws, rng)).std()


@mistake("2.6")
def batch_mean_spread(x, batch_size, draws, rng):
    """The standard deviation runs over the features, axis 1. It should run over the draws, axis 0."""
    return means_of(x, drawn(x, batch_size, draws, rng)).std(axis=1)


@mistake("2.6", caught_by="test_batches_of_one_from_two_numbers")
def batch_mean_spread(x, batch_size, draws, rng):
    """The argument draws is ignored: the number of batches, 1,000, is written into the code."""
    return means_of(x, drawn(x, batch_size, 1000, rng)).std(axis=0)


@mistake("2.6")
def batch_mean_spread(x, batch_size, draws, rng):
    """One batch too few is drawn: the loop runs draws - 1 times."""
    return means_of(x, drawn(x, batch_size, draws - 1, rng)).std(axis=0)


@mistake("2.6")
def batch_mean_spread(x, batch_size, draws, rng):
    """One batch too many is drawn: the loop runs draws + 1 times."""
    return means_of(x, drawn(x, batch_size, draws + 1, rng)).std(axis=0)


@mistake("2.6")
def batch_mean_spread(x, batch_size, draws, rng):
    """batch_size and draws have changed places."""
    batch_size, draws = min(draws, len(x)), batch_size
    return means_of(x, drawn(x, batch_size, draws, rng)).std(axis=0)


@mistake("2.6", caught_by="test_batches_are_made_of_whole_rows")
def batch_mean_spread(x, batch_size, draws, rng):
    """Each feature draws rows of its own. A batch is made of whole rows: a sample comes with all its features."""
    columns = [means_of(column, drawn(x, batch_size, draws, rng)).std(axis=0) for column in x.T]
    return np.array(columns)


@mistake("2.6")
def batch_mean_spread(x, batch_size, draws, rng):
    """`rng.permuted` shuffles each feature by itself and tears the rows apart. `rng.permutation` keeps rows whole."""
    return np.std([rng.permuted(x, axis=0)[:batch_size].mean(axis=0) for _ in range(draws)], axis=0)


@mistake("2.6")
def batch_mean_spread(x, batch_size, draws, rng):
    """`rng.shuffle` puts the caller's rows in another order. Shuffle row numbers or a copy."""
    means = []
    for _ in range(draws):
        rng.shuffle(x)
        means.append(x[:batch_size].mean(axis=0))
    return np.std(means, axis=0)


@mistake("2.6", caught_by="test_full_batches_do_not_spread")
def batch_mean_spread(x, batch_size, draws, rng):
    """A batch of all N rows is refused. `batch_size` may be N; every batch is then the same, and the spread is 0."""
    if batch_size >= len(x):
        raise ValueError("batch_size must be below N")
    return means_of(x, drawn(x, batch_size, draws, rng)).std(axis=0)


@mistake("2.6")
def batch_mean_spread(x, batch_size, draws, rng):
    """You return the variance of the batch means. The standard deviation is its root."""
    return means_of(x, shuffled(x, batch_size, draws, rng)).var(axis=0)


@mistake("2.6")
def batch_mean_spread(x, batch_size, draws, rng):
    """You divide the spread by √draws. That is how well the mean of all draws is known, not how far one batch
    strays."""
    return means_of(x, shuffled(x, batch_size, draws, rng)).std(axis=0) / np.sqrt(draws)


@mistake("2.6")
def batch_mean_spread(x, batch_size, draws, rng):
    """You average the standard deviation within each batch. The exercise asks how
    far the *means* of the batches lie apart.
    """
    return np.mean([x[rows].std(axis=0) for rows in shuffled(x, batch_size, draws, rng)], axis=0)


@mistake("2.6")
def batch_mean_spread(x, batch_size, draws, rng):
    """You take one standard deviation over all features, `std()` without an axis. Each feature has its own spread."""
    return means_of(x, shuffled(x, batch_size, draws, rng)).std()


@mistake("2.6")
def batch_mean_spread(x, batch_size, draws, rng):
    """Your number of batches is written into the code, 1,000; the caller's `draws` is ignored."""
    return means_of(x, shuffled(x, batch_size, 1000, rng)).std(axis=0)


@mistake("2.6", caught_by="test_data_are_only_read")
def batch_mean_spread(x, batch_size, draws, rng):
    """You subtract the mean from x itself (`x -= ...`). The spread stays the same, but the caller's data are gone."""
    x -= x.mean(axis=0)
    return means_of(x, drawn(x, batch_size, draws, rng)).std(axis=0)


@mistake("2.6")
def batch_mean_spread(x, batch_size, draws, rng):
    """The batches are successive slices of one shuffled order. It is soon used up: the slices after it are empty, and an empty slice has the mean NaN. Draw each batch from all rows again."""
    order = rng.permutation(len(x))
    return means_of(x, [order[draw * batch_size : (draw + 1) * batch_size] for draw in range(draws)]).std(axis=0)


@mistake("2.6")
def batch_mean_spread(x, batch_size, draws, rng):
    """The rows are shuffled once, and cut into as many whole batches as they hold; your answer stops there, whatever `draws` says. Draw each batch from all rows again, `draws` times."""
    order, whole = rng.permutation(len(x)), len(x) // batch_size
    pieces = order[: whole * batch_size].reshape(whole, batch_size)
    return means_of(x, pieces[:draws]).std(axis=0)


@mistake("2.6")
def batch_mean_spread(x, batch_size, draws, rng):
    """`size=(draws, batch_size)` with `replace=False` draws all batches at once, and no row twice in all of them: the rows run out. Call `rng.choice` anew for each batch."""
    return means_of(x, rng.choice(len(x), size=(draws, batch_size), replace=False)).std(axis=0)


@mistake("2.6")
def batch_mean_spread(x, batch_size, draws, rng):
    """A batch is a run of neighbouring rows from a random start, so neighbours nearly always come together. Draw each row of a batch from all rows."""
    starts = [rng.integers(0, len(x) - batch_size + 1) for _ in range(draws)]
    return means_of(x, [np.arange(start, start + batch_size) for start in starts]).std(axis=0)


@mistake("2.6")
def batch_mean_spread(x, batch_size, draws, rng):
    """The batches are successive pieces of one shuffled order, which begins again at its front: soon the same rows meet again. Draw each
    batch from all rows again."""
    order = rng.permutation(len(x))
    starts = batch_size * np.arange(draws)
    return means_of(x, order[(starts[:, None] + np.arange(batch_size)) % len(x)]).std(axis=0)
