"""What a right answer to chapter 3 must satisfy. The oracle is the definition, in float64, one feature or channel at a time."""

import numpy as np

from bncourse.checking import NUMPY_ONLY, assert_close, exercise, guide
from bncourse.checking.properties import given, st

FOUR = np.array([[2.0], [4.0], [6.0], [8.0]])  # mean 5, variance 5: the four numbers of the page


def standardised(x, eps):
    """x (N, C, ...) with each channel's own mean and biased variance, in float64."""
    result = np.empty(x.shape)
    for c in range(x.shape[1]):
        values = x[:, c].astype(np.float64)
        result[:, c] = (values - values.mean()) / np.sqrt(values.var() + eps)
    return result


def with_given(x, mean, var, eps):
    """x (N, C, ...) with a given mean and variance for each channel, in float64."""
    result = np.empty(x.shape)
    for c in range(x.shape[1]):
        result[:, c] = (x[:, c].astype(np.float64) - float(mean[c])) / np.sqrt(float(var[c]) + eps)
    return result


def random(*shape, seed=0, offset=1.0, spread=2.0):
    return offset + spread * np.random.default_rng(seed).standard_normal(shape)


def read_only(array):
    array.flags.writeable = False
    return array


# 3.1 normalize

guide(
    "3.1",
    hints=[
        "Take the page's four numbers 2, 4, 6, 8 with mean 5 and variance 5, and work out the first result on paper.",
        "The formula is one line: a difference above, a square root below. What exactly stands under the root?",
    ],
    forbids=NUMPY_ONLY,
)


@exercise("3.1", points=1)
def test_four_numbers_come_out_as_by_hand(learner):
    """The four numbers 2, 4, 6, 8 with mean 5 and variance 5 become -1.34, -0.45, 0.45, 1.34."""
    got = learner.normalize(FOUR, np.array([5.0]), np.array([5.0]), eps=1e-5)
    assert_close(got, np.array([[-3.0], [-1.0], [1.0], [3.0]]) / np.sqrt(5.0 + 1e-5))


@exercise("3.1", points=1)
def test_uses_the_statistics_it_is_given(learner):
    """The mean and variance are those given, one for each feature, whatever x itself has."""
    for shape in [(1, 1), (1, 3), (2, 2), (4, 3), (3, 3), (3, 4)]:
        x = random(*shape, seed=1)
        mean, var = np.arange(1.0, shape[1] + 1), np.arange(2.0, shape[1] + 2) ** 2
        assert_close(learner.normalize(x, mean, var, 1e-5), with_given(x, mean, var, 1e-5))


@exercise("3.1", points=1)
def test_eps_stands_under_the_root(learner):
    """You divide by √(σ² + ε): ε, which may be 0, is added to the variance, before the root is taken."""
    x, mean, var = np.array([[1.0, 10.0], [3.0, 30.0]]), np.array([2.0, 20.0]), np.array([1.0, 4.0])
    for eps in (0.5, 2.0):
        assert_close(learner.normalize(x, mean, var, eps=eps), with_given(x, mean, var, eps))
    nearly_constant = 1e-3 * x
    for eps in (1e-5, 0.0):
        got = learner.normalize(nearly_constant, 1e-3 * mean, 1e-6 * var, eps=eps)
        assert_close(got, with_given(nearly_constant, 1e-3 * mean, 1e-6 * var, eps))


@exercise("3.1", points=1)
def test_eps_is_1e_minus_5_unless_given(learner):
    """Without ε in the call, ε is 1e-5; a feature of variance 0 gives a finite result."""
    x, mean, var = np.array([[1.0, 5.0], [1.001, 5.0]]), np.array([1.0, 5.0]), np.array([2e-6, 0.0])
    assert_close(learner.normalize(x, mean, var), with_given(x, mean, var, 1e-5))


@exercise("3.1", points=1)
def test_takes_any_array_and_leaves_it_alone(learner):
    """float32, strided and read-only arrays are taken; no argument is changed; a second call gives the same."""
    mean, var = np.array([1.0, 2.0, 3.0]), np.array([1.0, 4.0, 9.0])
    first = random(2, 3, seed=1)
    strided = random(6, 8, seed=2)[::2, 1:7:2]
    for x in (first, random(2, 3, seed=3).astype(np.float32), strided, read_only(random(2, 3, seed=4)), first):
        assert_close(learner.normalize(x, mean, var, 0.1), with_given(x, mean, var, 0.1), rtol=1e-4, atol=1e-6)
        assert not learner.changed, f"The call changed its argument {learner.changed[0]}."


# 3.2 batch_normalize

guide(
    "3.2",
    hints=[
        "Name the axes to average over: all of them but the one that counts channels, axis 1.",
        "`x.mean(axes, keepdims=True)` keeps a place for every axis, so the statistics fit x again whatever its shape.",
        "Take the variance from deviations, ((x - mean) ** 2).mean(...), not from squares minus a square.",
    ],
    forbids=NUMPY_ONLY,
)


@exercise("3.2", points=1)
def test_four_numbers_get_mean_0_and_variance_1(learner):
    """The four numbers 2, 4, 6, 8 become -1.34, -0.45, 0.45, 1.34: the variance divides by n, not by n - 1."""
    assert_close(learner.batch_normalize(FOUR), standardised(FOUR, 1e-5))


@exercise("3.2", points=1)
def test_features_each_have_their_own_statistics(learner):
    """In (N, D), each feature is normalised over the batch with its own mean and biased variance."""
    for shape in [(1, 2), (2, 1), (2, 3), (3, 3), (5, 4)]:
        x = random(*shape, seed=5) * np.arange(1, shape[1] + 1)
        assert_close(learner.batch_normalize(x), standardised(x, 1e-5))


@exercise("3.2", points=1)
def test_image_channels_each_have_their_own_statistics(learner):
    """In (N, C, H, W), each channel is normalised over the batch and all pixels."""
    for shape in [(1, 1, 1, 2), (2, 1, 1, 2), (1, 2, 2, 2), (2, 2, 2, 2), (3, 2, 4, 5)]:
        x = random(*shape, seed=6) * np.arange(1, shape[1] + 1)[:, None, None]
        assert_close(learner.batch_normalize(x), standardised(x, 1e-5))


@exercise("3.2", points=1)
@given(st.lists(st.integers(1, 3), min_size=3, max_size=6), st.integers(0, 3))
def test_any_number_of_spatial_axes(learner, shape, seed):
    """One, two, three or more spatial axes: statistics are taken over the batch and all of them."""
    x = random(*shape, seed=seed)
    assert_close(learner.batch_normalize(x, 0.1), standardised(x, 0.1))


@exercise("3.2", points=1)
def test_eps_is_added_under_the_root(learner):
    """You divide by √(σ² + ε) with the given ε, which may be 0; it is 1e-5 if none is given."""
    x = np.array([[1.0, 10.0], [3.0, 30.0]])
    for eps in (0.5, 2.0):
        assert_close(learner.batch_normalize(x, eps=eps), standardised(x, eps))
    assert_close(learner.batch_normalize(1e-3 * x), standardised(1e-3 * x, 1e-5))
    assert_close(learner.batch_normalize(1e-3 * x, eps=0.0), standardised(1e-3 * x, 0.0))
    assert_close(learner.batch_normalize(np.full((3, 2), 5.0)), np.zeros((3, 2)))


@exercise("3.2", points=1)
def test_variance_survives_a_large_mean_in_float32(learner):
    """float32 values whose mean is 10,000 times their standard deviation come out right: no difference of two huge numbers."""
    x = random(16, 2, 6, 6, seed=7, offset=1e4, spread=1.0).astype(np.float32)
    got = learner.batch_normalize(x)
    assert_close(got, standardised(x, 1e-5), rtol=0.03, atol=0.03)
    assert np.isfinite(np.asarray(learner.batch_normalize(np.full((4, 2, 3), 1e8, np.float32)))).all(), (
        "A channel of one huge constant gives a result that is not finite."
    )


@exercise("3.2", points=1)
def test_batch_normalize_leaves_its_input_alone(learner):
    """Strided and read-only arrays are taken; x is not changed; earlier calls leave no trace."""
    strided = np.swapaxes(random(4, 6, 5, 3, seed=8), 1, 3)[:, :, ::2, ::3]
    first = np.array([[1.0, 20.0], [2.0, 40.0], [4.0, 90.0]])
    for x in (first, strided, read_only(random(3, 2, 2, seed=9)), first):
        assert_close(learner.batch_normalize(x, 0.1), standardised(x, 0.1))
        assert not learner.changed, "The call changed its argument x."


# 3.3 normalize_inference

guide(
    "3.3",
    hints=[
        "Nothing is computed from x here: the two statistics come as arguments, and x is only shifted and scaled.",
        "(C,) broadcasts against the last axis of x. Give it the shape (C, 1, 1) for images; for other numbers of axes, "
        "as many ones as x has spatial axes.",
    ],
    forbids=NUMPY_ONLY,
)


@exercise("3.3", points=1)
def test_one_pixel_by_hand(learner):
    """One image of two channels with one pixel each: (3 - 1) / √4 = 1 and (10 - 20) / √25 = -2."""
    x = np.array([3.0, 10.0]).reshape(1, 2, 1, 1)
    got = learner.normalize_inference(x, np.array([1.0, 20.0]), np.array([4.0, 25.0]), eps=0.0)
    assert_close(got, np.array([1.0, -2.0]).reshape(1, 2, 1, 1))


@exercise("3.3", points=1)
def test_an_image_gets_the_same_answer_alone_and_in_company(learner):
    """Nothing is taken from the batch: each image comes out as it does alone."""
    x, mean, var = random(3, 2, 2, 3, seed=10), np.array([1.0, -2.0]), np.array([4.0, 0.25])
    for batch in (x[:1], x[1:], x):
        assert_close(learner.normalize_inference(batch, mean, var), with_given(batch, mean, var, 1e-5))


@exercise("3.3", points=1)
@given(st.lists(st.integers(1, 3), min_size=3, max_size=6), st.integers(0, 3))
def test_statistics_belong_to_channels_whatever_the_shape(learner, shape, seed):
    """Each channel is normalised with its own moving statistics, for any number of spatial axes of any size."""
    x = random(*shape, seed=seed)
    mean, var = np.arange(1.0, shape[1] + 1), np.arange(2.0, shape[1] + 2) ** 2
    assert_close(learner.normalize_inference(x, mean, var), with_given(x, mean, var, 1e-5))


@exercise("3.3", points=1)
def test_inference_eps_is_added_under_the_root(learner):
    """You divide by √(moving variance + ε), with the ε that is given, 0 included."""
    x, mean, var = random(1, 2, 2, 2, seed=11), np.array([0.5, 1.0]), np.array([1.0, 4.0])
    for eps in (0.5, 2.0):
        assert_close(learner.normalize_inference(x, mean, var, eps=eps), with_given(x, mean, var, eps))
    got = learner.normalize_inference(1e-3 * x, 1e-3 * mean, 1e-6 * var, eps=0.0)
    assert_close(got, with_given(1e-3 * x, 1e-3 * mean, 1e-6 * var, 0.0))


@exercise("3.3", points=1)
def test_inference_eps_is_1e_minus_5_unless_given(learner):
    """Without ε in the call, ε is 1e-5; a moving variance of 0 gives a finite result."""
    x, mean, var = random(1, 2, 2, 2, seed=11), np.array([0.5, 1.0]), np.array([2e-6, 0.0])
    assert_close(learner.normalize_inference(x, mean, var), with_given(x, mean, var, 1e-5))


@exercise("3.3", points=1)
def test_inference_changes_nothing(learner):
    """x and the moving statistics stay as they were; read-only and float32 arrays are taken; calls leave no trace."""
    mean, var = read_only(np.array([1.0, -2.0])), read_only(np.array([4.0, 0.25]))
    x = random(2, 2, 3, 2, seed=12)
    for batch in (x, x.astype(np.float32), read_only(random(4, 2, 3, 2, seed=13)), x):
        got = learner.normalize_inference(batch, mean, var)
        assert_close(got, with_given(batch, mean, var, 1e-5), rtol=1e-4, atol=1e-5)
        assert not learner.changed, f"The call changed its argument {learner.changed[0]}."
    learner.normalize_inference(x.copy(), np.array([1.0, -2.0]), np.array([4.0, 0.25]))
    assert not learner.changed, f"The call changed its argument {learner.changed[0]}."


# 3.4 normalize_half

guide(
    "3.4",
    hints=[
        "Print 300 * 300 and 1e-4 * 1e-4 in float16 before anything else.",
        "Convert once on the way in (`x.astype(np.float32)`) and once on the way out; nothing in between is float16.",
    ],
    forbids=NUMPY_ONLY,
)


def assert_half(got, x, eps):
    """float16 out, finite, and right to float16's precision."""
    if got is None:
        assert_close(got, x)  # says that a return may be missing
    kind = getattr(got, "dtype", f"of type {type(got).__name__}")
    assert kind == np.float16, f"The result is {kind}, not float16."
    assert np.isfinite(got).all(), "The result holds infinity or NaN."
    assert_close(got, standardised(x, eps), rtol=2e-3, atol=1e-3)


@exercise("3.4", points=1)
def test_half_comes_in_and_half_goes_out(learner):
    """Ordinary float16 numbers are normalised, and the result is float16."""
    x = np.array([[2.0], [4.0], [6.0], [8.0]], np.float16)
    assert_half(learner.normalize_half(x), x, 1e-5)
    assert_half(learner.normalize_half(x, eps=2.0), x, 2.0)


@exercise("3.4", points=1)
def test_large_values_do_not_overflow(learner):
    """Values up to 60,000 in size, whose squares float16 cannot hold, come out finite and right."""
    for x in ([[300.0], [-300.0]], [[6e4], [-6e4], [0.0]], [[6e4], [5e4], [6e4], [4e4], [6e4]]):
        x = np.array(x, np.float16)
        assert_half(learner.normalize_half(x), x, 1e-5)


@exercise("3.4", points=1)
def test_small_values_do_not_underflow(learner):
    """Standard deviations near 1e-4, whose squares float16 rounds to 0, come out right, with ε 1e-5 and 1e-9."""
    x = np.array([[1e-4], [-1e-4], [3e-4], [0.0]], np.float16)
    assert_half(learner.normalize_half(10 * x), 10 * x, 1e-5)
    assert_half(learner.normalize_half(x, 1e-9), x, 1e-9)
    assert_half(learner.normalize_half(np.full((3, 1), 7.0, np.float16), 1e-9), np.full((3, 1), 7.0), 1e-9)


@exercise("3.4", points=1)
def test_the_mean_is_not_rounded_to_half(learner):
    """The mean of 2048 and 2050 is 2049, which float16 cannot hold: it stays in float32 until the end."""
    for x in ([[2048.0], [2050.0]], [[2048.0, 1.0], [2050.0, 2.0], [2048.0, 4.0], [2052.0, 9.0]]):
        x = np.array(x, np.float16)
        assert_half(learner.normalize_half(x), x, 1e-5)


@exercise("3.4", points=1)
def test_half_channels_each_have_their_own_statistics(learner):
    """Features (N, D) and channels (N, C, *S) each have their own statistics; x is not changed; calls leave no trace."""
    first = random(3, 4, seed=14).astype(np.float16)
    channels = np.arange(1, 3)[:, None, None]
    for x in (first, random(2, 2, 3, 4, seed=15) * channels, random(2, 3, 5, seed=16), random(1, 2, 2, 1, 3), first):
        x = read_only(x.astype(np.float16))
        assert_half(learner.normalize_half(x, 0.01), x, 0.01)
    learner.normalize_half(first.copy())
    assert not learner.changed, "The call changed its argument x."
