"""What a right answer to chapter 2 must satisfy. The oracles are the definitions, in float64 or in exact fractions."""

from fractions import Fraction

import numpy as np

from bncourse.checking import NUMPY_ONLY, assert_close, exercise, guide
from bncourse.checking.learner import AnswerCrashed
from bncourse.checking.properties import given, st

FOUR = np.array([[2.0], [4.0], [6.0], [8.0]])  # mean 5, variance 5: the four numbers of the page
FLOATS = {np.float16: 0.01, np.float32: 1e-4, np.float64: 1e-6}  # and how far off a result may be, relative
WHOLE_NUMBERS = st.lists(st.integers(-100, 100), min_size=1, max_size=6)


def statistics(x):
    """Mean and biased variance of each feature or channel, axis 1, in float64: two arrays (D,)."""
    columns = [x[:, d].astype(np.float64).ravel() for d in range(x.shape[1])]
    mean = np.array([values.mean() for values in columns])
    var = np.array([((values - values.mean()) ** 2).mean() for values in columns])
    return mean, var


def random(*shape, seed=0, offset=1.0, spread=2.0):
    return offset + spread * np.random.default_rng(seed).standard_normal(shape)


def read_only(array):
    array.flags.writeable = False
    return array


def unusual_arrays():
    """Strided, reversed and read-only arrays of shape (N, 3); the last is the first again."""
    first = np.array([[1.0, 20.0, -3.0], [2.0, 40.0, 0.0], [4.0, 90.0, 7.0]])
    strided = random(6, 8, seed=1)[::2, 1:7:2]
    backwards = random(4, 3, seed=2)[::-1, ::-1]
    return first, strided, backwards, read_only(random(2, 3, seed=3)), first


# 2.1 batch_mean

guide(
    "2.1",
    hints=[
        "Write the page's four numbers 2, 4, 6, 8 as a column, shape (4, 1). The result has one entry: 5.",
        "The batch is axis 0: the axis that disappears is the one that is averaged.",
    ],
    forbids=NUMPY_ONLY,
)


@exercise("2.1", points=1)
def test_mean_of_four_numbers(learner):
    """The mean of 2, 4, 6, 8 is 5, as an array of shape (1,)."""
    assert_close(learner.batch_mean(FOUR), np.array([5.0]))


@exercise("2.1", points=1)
def test_each_feature_has_its_own_mean(learner):
    """Each feature has its own mean over the batch, whatever N and D are, a batch of one included."""
    assert_close(learner.batch_mean(np.array([[0.0, 10.0], [1.0, 40.0], [8.0, 40.0]])), np.array([3.0, 30.0]))
    for shape in [(1, 1), (1, 3), (2, 2), (4, 3), (3, 3), (2, 5)]:
        x = random(*shape, seed=4) * np.arange(1, shape[1] + 1)
        assert_close(learner.batch_mean(x), statistics(x)[0])


@exercise("2.1", points=1)
@given(WHOLE_NUMBERS, st.sampled_from(list(FLOATS)))
def test_mean_of_any_numbers_in_any_precision(learner, numbers, dtype):
    """The mean is the sum over N, for any numbers, in float16, float32 and float64."""
    mean = float(sum(map(Fraction, numbers)) / len(numbers))
    off = FLOATS[dtype]
    assert_close(learner.batch_mean(np.array([numbers], dtype).T), np.array([mean]), rtol=off, atol=30 * off)
    assert_close(learner.batch_mean(np.array([numbers], float).T), np.array([mean]))


@exercise("2.1", points=1)
def test_mean_leaves_its_input_alone(learner):
    """Strided and read-only arrays are taken; x is not changed; earlier calls leave no trace."""
    for x in unusual_arrays():
        assert_close(learner.batch_mean(x), statistics(x)[0])
        assert not learner.changed, "The call changed its argument x."


# 2.2 batch_variance

guide(
    "2.2",
    hints=[
        "For 2, 4, 6, 8 write three rows on paper: the numbers, their distances from 5, the squares of those.",
        "Subtract the mean first and square afterwards: the squares of large numbers lose the digits that matter.",
    ],
    forbids=NUMPY_ONLY,
)


@exercise("2.2", points=1)
def test_variance_of_four_numbers(learner):
    """The variance of 2, 4, 6, 8 is 5: the mean of the squared distances from 5, divided by n and not by n - 1."""
    assert_close(learner.batch_variance(FOUR), np.array([5.0]))


@exercise("2.2", points=1)
def test_each_feature_has_its_own_variance(learner):
    """Each feature has its own variance over the batch, whatever N and D are; in a batch of one it is 0."""
    assert_close(learner.batch_variance(np.array([[0.0, 10.0], [1.0, 40.0], [8.0, 40.0]])), np.array([38 / 3, 200.0]))
    for shape in [(1, 1), (1, 3), (2, 2), (4, 3), (3, 3), (2, 5)]:
        x = random(*shape, seed=5) * np.arange(1, shape[1] + 1)
        assert_close(learner.batch_variance(x), statistics(x)[1])


@exercise("2.2", points=1)
@given(WHOLE_NUMBERS)
def test_variance_of_any_numbers(learner, numbers):
    """The variance is right for any numbers: constant ones, tiny ones, and few."""
    exact = list(map(Fraction, numbers))
    mean = sum(exact) / len(exact)
    var = float(sum((number - mean) ** 2 for number in exact) / len(exact))
    x = np.array([numbers], float).T
    assert_close(learner.batch_variance(x), np.array([var]))
    assert_close(learner.batch_variance(x / 1024), np.array([var / 2**20]))


@exercise("2.2", points=1)
def test_variance_survives_a_large_mean_in_float32(learner):
    """float32 values whose mean is 10,000 times their standard deviation come out right: no difference of two huge numbers."""
    x = random(32, 3, seed=6, offset=1e4, spread=1.0).astype(np.float32)
    assert_close(learner.batch_variance(x), statistics(x)[1], rtol=0.03)
    huge = np.asarray(learner.batch_variance(np.full((4, 2), 1e8, np.float32)))
    assert np.isfinite(huge).all(), "A feature of one huge constant gives a variance that is not finite."


@exercise("2.2", points=1)
def test_variance_takes_any_array_and_leaves_it_alone(learner):
    """Any precision, strided and read-only arrays are taken; x is not changed; calls leave no trace."""
    for x in unusual_arrays():
        assert_close(learner.batch_variance(x), statistics(x)[1])
        assert not learner.changed, "The call changed its argument x."
    for dtype, off in FLOATS.items():
        x = random(5, 2, seed=7).astype(dtype)
        assert_close(learner.batch_variance(x), statistics(x)[1], rtol=4 * off)


# 2.3 channel_statistics

guide(
    "2.3",
    hints=[
        "Of shape (8, 3, 28, 28), which axes disappear if (3,) is left? Name them in a tuple.",
        "The axes are 0 and all from 2 on, however many there are: `x.ndim` says how many.",
        "To subtract the mean from x, its channels must stand on axis 1: `keepdims=True` leaves them there.",
    ],
    forbids=NUMPY_ONLY,
)


@exercise("2.3", points=1)
def test_two_images_by_hand(learner):
    """Two images of two pixels, 2 and 4, 6 and 8: mean 5, variance 5, over all four. Two flat ones, 0 and 10: 5 and
    25."""
    x = np.array([[[2.0, 4.0], [0.0, 0.0]], [[6.0, 8.0], [10.0, 10.0]]])
    assert_close(learner.channel_statistics(x[:, :1]), (np.array([5.0]), np.array([5.0])))
    assert_close(learner.channel_statistics(x), (np.array([5.0, 5.0]), np.array([5.0, 25.0])))


@exercise("2.3", points=1)
def test_each_channel_of_images_has_its_own_statistics(learner):
    """In (N, C, H, W), each channel has its own mean and biased variance over the batch and all pixels."""
    for shape in [(1, 1, 1, 2), (2, 1, 1, 2), (1, 2, 2, 2), (2, 2, 2, 2), (3, 2, 4, 5), (2, 3, 2, 1)]:
        x = random(*shape, seed=8) * np.arange(1, shape[1] + 1)[:, None, None]
        assert_close(learner.channel_statistics(x), statistics(x))


@exercise("2.3", points=1)
@given(st.lists(st.integers(1, 3), min_size=2, max_size=6), st.integers(0, 3))
def test_statistics_for_any_number_of_spatial_axes(learner, shape, seed):
    """None, one, two, three or more spatial axes: statistics are taken over the batch and all of them."""
    x = random(*shape, seed=seed)
    assert_close(learner.channel_statistics(x), statistics(x))


@exercise("2.3", points=1)
def test_channel_variance_survives_a_large_mean_in_float32(learner):
    """float32 values whose mean is 10,000 times their standard deviation come out right: no difference of two huge numbers."""
    x = random(8, 6, 4, 4, seed=9, offset=1e4, spread=1.0).astype(np.float32)
    mean, var = statistics(x)
    assert_close(learner.channel_statistics(x), (mean, var), rtol=0.03)
    constant = learner.channel_statistics(np.full((4, 2, 3), 1e8, np.float32))
    assert np.isfinite(constant).all(), "A channel of one huge constant gives statistics that are not finite."


@exercise("2.3", points=1)
def test_statistics_take_any_array_and_leave_it_alone(learner):
    """Any precision, strided and read-only arrays are taken; x is not changed; calls leave no trace."""
    first = np.array([[[1.0, 20.0], [3.0, 5.0]], [[4.0, 90.0], [250.0, 255.0]]])
    strided = np.swapaxes(random(4, 6, 5, 3, seed=10), 1, 3)[:, :, ::2, ::3]
    for x in (first, strided, read_only(random(3, 2, 2, seed=11)), first):
        assert_close(learner.channel_statistics(x), statistics(x))
        assert not learner.changed, "The call changed its argument x."
    for dtype, off in FLOATS.items():
        x = random(2, 2, 3, seed=12).astype(dtype)
        assert_close(learner.channel_statistics(x), statistics(x), rtol=4 * off)


@exercise("2.3", points=1)
def test_no_values_no_statistics(learner):
    """Of no channels there are no statistics, of no positions NaN or an error: nothing is made up."""
    assert_close(learner.channel_statistics(np.array([[[3.0], [7.0]]])), (np.array([3.0, 7.0]), np.zeros(2)))
    for shape in [(2, 0, 3), (2, 3, 0), (2, 3, 4, 0)]:
        try:
            mean, var = learner.channel_statistics(np.zeros(shape))
        except AnswerCrashed:
            continue
        wanted = (shape[1],)
        assert np.shape(mean) == np.shape(var) == wanted, f"For x of shape {shape} both results have shape {wanted}."
        assert_close((mean, var), (np.full(wanted, np.nan),) * 2, message="Of no values, mean and variance are NaN.")


# 2.4 merge_statistics

guide(
    "2.4",
    hints=[
        "Take 2 and 4, then 6 and 8: each part has variance 1, both together have 5. Where do the other 4 come from?",
        "The variance of the whole is the mean of the parts' variances, weighted by count, plus the variance that the "
        "two means have between them.",
        "With shares a and b of the counts, that second part is a · b · (mean_b - mean_a)².",
    ],
    forbids=NUMPY_ONLY,
)


def of_parts(a, b):
    """Arguments of merge_statistics for two arrays (N, D) in float64."""
    return (len(a), *statistics(a), len(b), *statistics(b))


def merged_count(answers, count_a, mean_a, var_a, count_b, mean_b, var_b):
    """The count of two parts together; 0 if the answer raises an error."""
    try:
        count, *_ = answers.merge_statistics(count_a, mean_a, var_a, count_b, mean_b, var_b)
    except Exception:
        return 0
    return int(count)


def of_both(a, b):
    both = np.concatenate([a, b])
    return (len(both), *statistics(both))


@exercise("2.4", points=1)
def test_two_pairs_by_hand(learner):
    """2 and 4 merged with 6 and 8: 4 numbers, mean 5, variance 5. With 5, 5, 5 and 5 instead: 6 numbers, mean 4.33."""
    assert_close(learner.merge_statistics(2, 3.0, 1.0, 2, 7.0, 1.0), (4, 5.0, 5.0))
    assert_close(learner.merge_statistics(2, 3.0, 1.0, 4, 5.0, 0.0), (6, 13 / 3, 11 / 9))


@exercise("2.4", points=1)
def test_parts_of_any_size_give_the_statistics_of_the_whole(learner):
    """Count, mean and variance are those of all rows together, for each feature, however the rows are split."""
    for rows_a, rows_b, features in [(1, 1, 1), (1, 3, 2), (4, 2, 3), (5, 1, 2), (3, 3, 3)]:
        a = random(rows_a, features, seed=13)
        b = random(rows_b, features, seed=14, offset=-3.0) * np.arange(1, features + 1)
        assert_close(learner.merge_statistics(*of_parts(a, b)), of_both(a, b))


@exercise("2.4", points=1)
@given(WHOLE_NUMBERS, WHOLE_NUMBERS)
def test_any_numbers_may_be_merged(learner, numbers_a, numbers_b):
    """Single numbers for mean and variance are taken too; which part comes first does not matter."""
    a, b = np.array([numbers_a], float).T, np.array([numbers_b], float).T
    count, mean, var = of_both(a, b)
    for one, other in ((a, b), (b, a)):
        count_1, mean_1, var_1, count_2, mean_2, var_2 = of_parts(one, other)
        got = learner.merge_statistics(count_1, mean_1.item(), var_1.item(), count_2, mean_2.item(), var_2.item())
        assert_close(got, (count, mean.item(), var.item()), atol=1e-6)


@exercise("2.4", points=1)
def test_an_empty_part_changes_nothing(learner):
    """A part with count 0 leaves the other as it is, whichever comes first and whatever its mean and variance say; two such parts have count 0."""
    mean, var = np.array([1.0, -2.0]), np.array([4.0, 0.25])
    for nothing in (np.zeros(2), np.array([9.0, 5.0])):
        assert_close(learner.merge_statistics(0, nothing, nothing, 3, mean, var), (3, mean, var))
        assert_close(learner.merge_statistics(3, mean, var, 0, nothing, nothing), (3, mean, var))
    count = learner.run(merged_count, 0, 0.0, 0.0, 0, 0.0, 0.0)
    assert_close(count, 0, message="Two empty parts have count 0.")


@exercise("2.4", points=1)
def test_merged_variance_survives_a_large_mean_in_float32(learner):
    """Means that are 10,000 times the standard deviation in float32, or a million times in float64, give the right variance: no difference of two huge numbers, and no float64 made float32."""
    mean_a, mean_b = np.array([9998.0, 20000.0], np.float32), np.array([10001.0, 19999.0], np.float32)
    var_a, var_b = np.array([1.0, 4.0], np.float32), np.array([2.0, 5.0], np.float32)
    got = learner.merge_statistics(30, mean_a, var_a, 10, mean_b, var_b)
    assert_close(got, (40, np.array([9998.75, 19999.75]), np.array([2.9375, 4.4375])), rtol=0.03)
    got = learner.merge_statistics(10, mean_a, var_a, 10, mean_a, var_a)
    assert_close(got, (20, mean_a, var_a), rtol=0.03)
    mean_a, mean_b, var = np.array([2**20 + 0.06]), np.array([2**20 + 1.94]), np.array([0.1])
    got = learner.merge_statistics(10, mean_a, var, 10, mean_b, var)
    assert_close(got, (20, np.array([2**20 + 1.0]), np.array([0.1 + 0.94**2])), rtol=0.03)


@exercise("2.4", points=1)
def test_counts_may_be_in_the_billions(learner):
    """Counts of billions, Python's or NumPy's whole numbers, int32 among them, lose nothing; one more number hardly changes the whole."""
    for whole in (int, np.int64):
        got = learner.merge_statistics(whole(2 * 10**9), 1.0, 2.0, whole(10**9), 4.0, 5.0)
        assert_close(got, (3 * 10**9, 2.0, 5.0), rtol=1e-9)
        got = learner.merge_statistics(whole(3 * 10**9), 1.0, 2.0, whole(1), 4.0, 0.0)
        assert_close(got, (3 * 10**9 + 1, 1.0, 2.0), rtol=1e-7)
        assert int(got[0]) == 3 * 10**9 + 1, "The count is not exact: 3,000,000,000 and 1 are 3,000,000,001."
    parts = np.int32(2 * 10**9), 1.0, 2.0, np.int32(10**9), 4.0, 5.0
    count = learner.run(merged_count, *parts)
    assert_close(count, 3 * 10**9, message="2,000,000,000 and 1,000,000,000, both int32, are 3,000,000,000.")
    assert_close(learner.merge_statistics(*parts), (3 * 10**9, 2.0, 5.0), rtol=1e-9)


@exercise("2.4", points=1)
def test_merging_changes_no_argument(learner):
    """The parts stay as they were; read-only, strided and whole-number arrays are taken; calls leave no trace."""
    a, b = random(4, 2, seed=15), random(3, 2, seed=16, offset=5.0)
    for _ in range(2):
        assert_close(learner.merge_statistics(*of_parts(a, b)), of_both(a, b))
        assert not learner.changed, f"The call changed its argument {learner.changed[0]}."
    frozen = [read_only(part[::-1]) if np.ndim(part) else part for part in of_parts(a, b)]
    assert_close(learner.merge_statistics(*frozen), of_both(a[:, ::-1], b[:, ::-1]))
    zero, one = np.array([0, 0]), np.array([1, 3])
    got = learner.merge_statistics(1, zero, zero, 1, one, zero)
    assert_close(got, (2, np.array([0.5, 1.5]), np.array([0.25, 2.25])))


# 2.5 update_moving

guide(
    "2.5",
    hints=[
        "Both conventions take a weighted mean of two numbers; the weights add up to 1. They name opposite weights.",
        "Keras's default momentum is 0.99 and PyTorch's 0.1; both are meant to change the moving average a little.",
        'Compare with == and end with `raise ValueError(...)`: `"torch" in "pytorch"` is true, so is `"" in "keras"`.',
    ],
    forbids=NUMPY_ONLY,
)


def updated(moving, batch, momentum, convention):
    kept = momentum if convention == "keras" else 1 - momentum
    return kept * np.asarray(moving, np.float64) + (1 - kept) * np.asarray(batch, np.float64)


def refuses(learner, convention):
    """Whether a call with this convention raises ValueError."""
    try:
        learner.update_moving(4.0, 10.0, 0.25, convention)
    except AnswerCrashed as error:
        return isinstance(error.cause, ValueError)
    return False


@exercise("2.5", points=1)
def test_keras_keeps_the_share_momentum(learner):
    """In Keras's convention momentum is the share of the old value: of 4 and 10 with momentum 0.25 comes 8.5."""
    assert_close(learner.update_moving(4.0, 10.0, 0.25, "keras"), 8.5)
    assert_close(learner.update_moving(0.0, 100.0, 0.99, "keras"), 1.0)
    assert_close(learner.update_moving(np.array([1.0]), np.array([1.0]), 0.75, "keras"), np.array([1.0]))


@exercise("2.5", points=1)
def test_pytorch_lets_in_the_share_momentum(learner):
    """In PyTorch's convention momentum is the share of the batch: of 4 and 10 with momentum 0.25 comes 5.5."""
    assert_close(learner.update_moving(4.0, 10.0, 0.25, "pytorch"), 5.5)
    assert_close(learner.update_moving(0.0, 100.0, 0.1, "pytorch"), 10.0)
    assert_close(learner.update_moving(np.array([1.0]), np.array([1.0]), 0.75, "pytorch"), np.array([1.0]))


@exercise("2.5", points=1)
@given(st.sampled_from([0.0, 0.001, 0.1, 0.5, 0.99, 1.0]), st.lists(st.integers(0, 3), max_size=3), st.integers(0, 3))
def test_updates_arrays_of_any_shape(learner, momentum, shape, seed):
    """Arrays of any shape and single numbers, momentum from 0 to 1, in both conventions."""
    moving, batch = random(*shape, seed=seed), random(*shape, seed=seed + 9, offset=-4.0)
    for convention in ("keras", "pytorch"):
        got = learner.update_moving(moving, batch, momentum, convention)
        assert_close(got, updated(moving, batch, momentum, convention))


@exercise("2.5", points=1)
def test_an_unknown_convention_is_an_error(learner):
    """Only "keras" and "pytorch" are known: "Keras", "torch", "" and the like raise ValueError, and nothing is
    guessed."""
    assert_close(learner.update_moving(4.0, 10.0, 0.25, "keras"), 8.5)
    assert_close(learner.update_moving(4.0, 10.0, 0.25, "pytorch"), 5.5)
    unknown = ["Keras", "torch", "", "PyTorch", "keras ", "k", "py", "tensorflow"]
    taken = [name for name in unknown if not refuses(learner, name)]
    for name in taken[:1]:  # once more, so that this is the call that the learner is shown
        with learner.raises(ValueError, f"The convention {name!r} must raise ValueError."):
            learner.update_moving(4.0, 10.0, 0.25, name)
    with learner.raises(ValueError, "The convention 'Keras' must raise ValueError for arrays too."):
        learner.update_moving(np.zeros(2), np.ones(2), 0.25, "Keras")


@exercise("2.5", points=1)
def test_moving_and_batch_stay_as_they_were(learner):
    """A new value is returned: moving and batch are not changed; read-only arrays are taken."""
    moving, batch = np.array([4.0, 0.0]), np.array([10.0, -2.0])
    narrow = (moving.astype(np.float32), batch.astype(np.float32))
    frozen = (read_only(moving[::-1]), read_only(batch[::-1]))
    for convention in ("keras", "pytorch"):
        for pair in ((moving, batch), narrow, frozen, (4.0, 10.0), (moving, batch)):
            got = learner.update_moving(*pair, 0.25, convention)
            assert_close(got, updated(*pair, 0.25, convention))
            assert not learner.changed, f"The call changed its argument {learner.changed[0]}."


# 2.6 batch_mean_spread

guide(
    "2.6",
    hints=[
        "Write the loop for a single batch first: row numbers from `rng`, the rows, their mean over axis 0.",
        "`rng.choice(N, batch_size, replace=False)` draws row numbers, none twice. Call it anew for each batch.",
        "Collect the means in a list of `draws` arrays (D,); the standard deviation runs over that list, axis 0.",
    ],
    chance=True,
)


def batch_mean_spreads(answers, x, batch_size, draws, seeds, elsewhere=0):
    """The answer once for each seed of `rng`; NumPy's global generator, which it must not use, is set to
    `elsewhere`."""
    import numpy as np

    state = np.random.get_state()
    np.random.seed(elsewhere)
    try:
        return [answers.batch_mean_spread(x, batch_size, draws, np.random.default_rng(seed)) for seed in seeds]
    finally:
        np.random.set_state(state)


def expected_spread(x, batch_size):
    """σ/√m · √((N - m) / (N - 1)): the deviation of the mean of m of N rows, drawn without replacement."""
    rows = len(x)
    left = (rows - batch_size) / max(rows - 1, 1)
    return np.sqrt(statistics(x)[1] / batch_size * left)


@exercise("2.6", points=1)
def test_batches_are_made_of_whole_rows(learner):
    """A row stays whole: two equal features have equal spreads, a feature times -3 has three times the spread."""
    column = random(30, 1, seed=19)  # so many rows that two batches of seven are never the same
    for draws in (2, 30):
        got = learner.run(batch_mean_spreads, column * np.array([1.0, 1.0, -3.0]), 7, draws, [4, 5])
        for one in np.array(got, float):
            assert one.shape == (3,) and (one > 0).all(), "Three features with positive spreads are expected."
            assert_close(one, one[0] * np.array([1.0, 1.0, 3.0]))


@exercise("2.6", points=2)
def test_batches_of_one_from_two_numbers(learner):
    """Of 0 and 1, two batches of one row are equal half of the time: spread 0. Else it is 1/2, or √½ with draws - 1."""
    seeds = range(48)
    for draws, possible in ((2, (0, 0.5, np.sqrt(0.5))), (3, (0, np.sqrt(2) / 3, np.sqrt(1 / 3)))):
        got = learner.run(batch_mean_spreads, np.array([[0.0], [1.0]]), 1, draws, seeds)
        values = np.array(got, float)
        assert values.shape == (48, 1), f"One spread per feature is expected, shape (1,), not {np.shape(got[0])}."
        nearest = np.array(possible)[np.abs(values - possible).argmin(1)]
        assert_close(values[:, 0], nearest, message=f"With {draws} draws of 0 or 1 this spread is not possible.")
        # 24 of 48 are expected for two draws, 12 for three; the bounds lie five standard deviations away.
        equal = np.isclose(values, 0).sum()
        low, high = {2: (6, 42), 3: (1, 28)}[draws]
        assert equal >= low, (
            f"In {equal} of 48 tries the {draws} batches were equal, too seldom: they are not drawn independently."
        )
        assert equal <= high, (
            f"In {equal} of 48 tries the {draws} batches were equal, too often: they are not drawn independently."
        )


@exercise("2.6", points=2)
def test_spread_is_that_of_batches_without_replacement(learner):
    """Over 500 draws the spread is σ/√m · √((N - m)/(N - 1)) for each feature, as for rows without replacement."""
    # 500 draws determine a deviation to 3.2 %, that is 1/√1000; 18 % is more than five times that.
    for rows, batch_size in ((6, 3), (16, 12), (40, 5)):
        x = random(rows, 3, seed=17) * np.array([1.0, 5.0, 0.1])
        (got,) = learner.run(batch_mean_spreads, x, batch_size, 500, [rows])
        assert_close(got, expected_spread(x, batch_size), rtol=0.18)


@exercise("2.6", points=1)
def test_full_batches_do_not_spread(learner):
    """A batch of all N rows has always the same mean, so the spread is 0; a batch of N - 1 rows has not."""
    x = random(5, 2, seed=18)
    assert_close(learner.run(batch_mean_spreads, x, 5, 20, [0, 1]), [np.zeros(2)] * 2, atol=1e-9)
    got = learner.run(batch_mean_spreads, x, 4, 200, [2, 3])
    assert_close(got, [expected_spread(x, 4)] * 2, rtol=0.3)


@exercise("2.6", points=1)
def test_all_chance_comes_from_rng(learner):
    """The same state of rng gives the same spread, another state another one, and NumPy's global generator plays no
    part."""
    x = random(9, 2, seed=20)
    first, again, other = learner.run(batch_mean_spreads, x, 4, 60, [6, 6, 7], 1)
    assert_close(first, expected_spread(x, 4), rtol=0.6)
    assert_close(again, first, message="The same state of rng gives another spread: some chance comes from elsewhere.")
    assert not np.allclose(first, other), "Another state of rng gives the same spread: rng is not used."
    (elsewhere,) = learner.run(batch_mean_spreads, x, 4, 60, [6], 2)
    assert_close(elsewhere, first, message="The spread depends on NumPy's global generator: draw from rng alone.")


@exercise("2.6", points=1)
def test_data_are_only_read(learner):
    """x is not changed, nor are its rows put in another order; read-only and strided arrays are taken."""
    first = np.arange(12.0).reshape(6, 2) ** 2
    for x in (first, read_only(random(6, 2, seed=21)), random(12, 6, seed=22)[::2, ::3], first):
        (got,) = learner.run(batch_mean_spreads, x, 2, 100, [8])
        assert_close(got, expected_spread(x, 2), rtol=0.45)
        assert not learner.changed, "The call changed its argument x."
