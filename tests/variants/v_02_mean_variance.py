"""Right answers to chapter 2 in other styles: every check must accept them."""

import numpy as np

from bncourse.checking import variant

# 2.1


@variant("2.1")
def batch_mean(x):
    """Loops over every number, in Python's own numbers."""
    samples, features = x.shape
    return [sum(float(x[n, d]) for n in range(samples)) / samples for d in range(features)]


@variant("2.1")
def batch_mean(x):
    """einsum in float64."""
    return np.einsum("nd->d", x.astype(np.float64)) / x.shape[0]


@variant("2.1")
def batch_mean(x):
    """A product with a row of weights 1 / N."""
    return np.full(len(x), 1 / len(x)) @ x


@variant("2.1")
def batch_mean(x):
    """A running mean: each sample moves it by its share."""
    mean = np.zeros(x.shape[1])
    for count, row in enumerate(x, 1):
        mean += (row - mean) / count
    return mean


@variant("2.1")
def batch_mean(x):
    """The sum over the batch, in the precision that NumPy chooses."""
    return x.sum(0) / len(x)


# 2.2


@variant("2.2")
def batch_variance(x):
    """NumPy's own."""
    return np.var(x, axis=0)


@variant("2.2")
def batch_variance(x):
    """Welford's update, one sample after the other."""
    mean, squares = np.zeros(x.shape[1]), np.zeros(x.shape[1])
    for count, row in enumerate(x, 1):
        delta = row - mean
        mean += delta / count
        squares += delta * (row - mean)
    return squares / len(x)


@variant("2.2")
def batch_variance(x):
    """Squares minus a square, safe because it is done in float64."""
    wide = x.astype(np.float64)
    return np.maximum((wide**2).mean(0) - wide.mean(0) ** 2, 0)


@variant("2.2")
def batch_variance(x):
    """Squares minus a square of values shifted by the first sample, as float64."""
    shifted = x - x[0].astype(np.float64)
    return (shifted**2).mean(axis=0) - shifted.mean(axis=0) ** 2


@variant("2.2")
def batch_variance(x):
    """Two passes in place on a copy, with the second pass's own mean taken off."""
    copy = np.array(x, dtype=np.float64)
    copy -= copy.mean(axis=0)
    return np.einsum("nd,nd->d", copy, copy) / len(copy) - copy.mean(axis=0) ** 2


@variant("2.2")
def batch_variance(x):
    """float32 throughout, one feature after the other."""
    result = []
    for column in np.float32(x).T:
        centred = column - column.sum() / np.float32(len(column))
        result.append((centred @ centred) / np.float32(len(column)))
    return np.array(result)


@variant("2.2")
def batch_variance(x):
    """Half the mean squared difference of all pairs."""
    x = x.astype(float)
    return ((x[:, None] - x[None]) ** 2).mean(axis=(0, 1)) / 2


# 2.3


@variant("2.3")
def channel_statistics(x):
    """NumPy's mean and var over all axes but the second."""
    axes = tuple(axis for axis in range(x.ndim) if axis != 1)
    return np.mean(x, axes), np.var(x, axes)


@variant("2.3")
def channel_statistics(x):
    """Channels as rows of a matrix."""
    rows = np.moveaxis(x, 1, 0).reshape(x.shape[1], -1)
    return rows.mean(1), ((rows - rows.mean(1)[:, None]) ** 2).mean(1)


@variant("2.3")
def channel_statistics(x):
    """One channel after the other, results in one array (2, C)."""
    channels = np.swapaxes(x, 0, 1)
    return np.array([[channel.mean() for channel in channels], [channel.var() for channel in channels]])


@variant("2.3")
def channel_statistics(x):
    """Within each image and between the images' means, added up."""
    images = x.reshape(*x.shape[:2], -1)
    means = images.mean(2)
    return means.mean(0), images.var(2).mean(0) + means.var(0)


@variant("2.3")
def channel_statistics(x):
    """Welford's update, one value after the other; in a list."""
    mean, squares = np.zeros(x.shape[1]), np.zeros(x.shape[1])
    values = np.moveaxis(x, 1, -1).reshape(-1, x.shape[1]) if x.size else np.zeros((0, x.shape[1]))
    for count, value in enumerate(values, 1):
        delta = value - mean
        mean += delta / count
        squares += delta * (value - mean)
    return [mean, squares / len(values)] if len(values) else [np.full(len(mean), np.nan)] * 2


@variant("2.3")
def channel_statistics(x):
    """einsum over flattened positions, in float64, with squares minus a square."""
    flat = x.reshape(x.shape[0], x.shape[1], int(np.prod(x.shape[2:]))).astype(np.float64)
    count = flat.shape[0] * flat.shape[2]
    if not count:
        raise ValueError("a channel without values has no statistics")
    mean = np.einsum("ncs->c", flat) / count
    return mean, np.einsum("ncs,ncs->c", flat, flat) / count - mean**2


# 2.4


@variant("2.4")
def merge_statistics(count_a, mean_a, var_a, count_b, mean_b, var_b):
    """Chan, Golub and LeVeque's form, with sums of squares."""
    count_a, count_b = int(count_a), int(count_b)
    count = count_a + count_b
    delta = mean_b - mean_a
    squares = count_a * var_a + count_b * var_b + delta**2 * count_a * count_b / count
    return count, mean_a + delta * count_b / count, squares / count


@variant("2.4")
def merge_statistics(count_a, mean_a, var_a, count_b, mean_b, var_b):
    """Each part's variance about the common mean; counts as int64."""
    count_a, count_b = np.int64(count_a), np.int64(count_b)
    count = count_a + count_b
    mean = (count_a * mean_a + count_b * mean_b) / count
    var_a = var_a + (mean_a - mean) ** 2
    var_b = var_b + (mean_b - mean) ** 2
    return count, mean, (count_a * var_a + count_b * var_b) / count


@variant("2.4")
def merge_statistics(count_a, mean_a, var_a, count_b, mean_b, var_b):
    """Mean of squares minus square of the mean, in float64."""
    mean_a, var_a, mean_b, var_b = (np.asarray(value, np.float64) for value in (mean_a, var_a, mean_b, var_b))
    count_a, count_b = map(int, (count_a, count_b))
    count = count_a + count_b
    mean = (count_a * mean_a + count_b * mean_b) / count
    squares = (count_a * (var_a + mean_a**2) + count_b * (var_b + mean_b**2)) / count
    return [count, mean, squares - mean**2]


@variant("2.4")
def merge_statistics(count_a, mean_a, var_a, count_b, mean_b, var_b):
    """Empty parts first, then np.average with weights."""
    if not count_a:
        return count_b, mean_b, var_b
    if not count_b:
        return count_a, mean_a, var_a
    weights = [int(count_a), int(count_b)]
    mean = np.average([mean_a, mean_b], axis=0, weights=weights)
    within = np.average([var_a, var_b], axis=0, weights=weights)
    between = np.average([(mean_a - mean) ** 2, (mean_b - mean) ** 2], axis=0, weights=weights)
    return sum(weights), mean, within + between


@variant("2.4")
def merge_statistics(count_a, mean_a, var_a, count_b, mean_b, var_b):
    """In place on copies, counts as products of whole numbers; two empty parts are refused."""
    count_a, count_b = int(count_a), int(count_b)
    count = count_a + count_b
    if not count:
        raise ValueError("nothing to merge")
    mean, var = np.array(mean_a, float), np.array(var_a, float)
    mean *= count_a / count
    mean += np.multiply(mean_b, count_b / count)
    var *= count_a / count
    var += np.multiply(var_b, count_b / count)
    var += np.subtract(mean_a, mean_b, dtype=float) ** 2 * (count_a * count_b) / count**2
    return count, mean, var


# 2.5


@variant("2.5")
def update_moving(moving, batch, momentum, convention):
    """A step towards the batch, by the share that a table gives."""
    shares = {"keras": 1 - momentum, "pytorch": momentum}
    if convention not in shares:
        raise ValueError(f"{convention} is neither keras nor pytorch")
    return moving + shares[convention] * (batch - moving)


@variant("2.5")
def update_moving(moving, batch, momentum, convention):
    """A match, with np.average."""
    match convention:
        case "keras":
            weights = [momentum, 1 - momentum]
        case "pytorch":
            weights = [1 - momentum, momentum]
        case _:
            raise ValueError(convention)
    return np.average([moving, batch], axis=0, weights=weights)


@variant("2.5")
def update_moving(moving, batch, momentum, convention):
    """In place on a float64 copy; PyTorch's momentum turned into Keras's."""
    if convention not in {"keras", "pytorch"}:
        raise ValueError(convention)
    if convention == "pytorch":
        momentum = 1 - momentum
    result = np.array(moving, dtype=np.float64)
    result *= momentum
    result += np.multiply(batch, 1 - momentum)
    return result


@variant("2.5")
def update_moving(moving, batch, momentum, convention):
    """The place in a list: `index` itself raises ValueError for a name that is not there."""
    kept = (momentum, 1 - momentum)[["keras", "pytorch"].index(convention)]
    return np.add(np.multiply(kept, moving), np.multiply(1 - kept, batch))


# 2.6


@variant("2.6")
def batch_mean_spread(x, batch_size, draws, rng):
    """The first rows of a new order for each batch; division by draws - 1."""
    means = np.empty((draws, x.shape[1]))
    for draw in range(draws):
        means[draw] = x[rng.permutation(len(x))[:batch_size]].mean(axis=0)
    return means.std(axis=0, ddof=1)


@variant("2.6")
def batch_mean_spread(x, batch_size, draws, rng):
    """All batches at once: random keys, sorted."""
    rows = rng.random((draws, len(x))).argsort(axis=1)[:, :batch_size]
    return x[rows].mean(axis=1).std(axis=0)


@variant("2.6")
def batch_mean_spread(x, batch_size, draws, rng):
    """Shuffles a copy of the rows for each batch; Welford's update over the draws."""
    rows, mean, squares = x.copy(), 0.0, 0.0
    for draw in range(1, draws + 1):
        rng.shuffle(rows)
        batch = rows[:batch_size].sum(axis=0) / batch_size
        delta = batch - mean
        mean = mean + delta / draw
        squares = squares + delta * (batch - mean)
    return np.sqrt(squares / draws)


@variant("2.6")
def batch_mean_spread(x, batch_size, draws, rng):
    """Row numbers permuted in a table, batches as weights of a product."""
    table = rng.permuted(np.tile(np.arange(len(x)), (draws, 1)), axis=1)
    means = (table < batch_size).astype(float) @ x / batch_size
    return np.sqrt(((means - means.mean(axis=0)) ** 2).sum(axis=0) / (draws - 1))


@variant("2.6")
def batch_mean_spread(x, batch_size, draws, rng):
    """`rng.choice` takes the rows themselves; a list of lists."""
    means = [rng.choice(x, batch_size, replace=False).mean(0).tolist() for _ in range(draws)]
    return np.std(means, 0)


@variant("2.6")
def batch_mean_spread(x, batch_size, draws, rng):
    """A generator of its own for each batch, spawned from rng."""
    means = [x[np.sort(child.permutation(len(x))[:batch_size])].mean(0) for child in rng.spawn(draws)]
    return np.std(means, axis=0, ddof=1)
