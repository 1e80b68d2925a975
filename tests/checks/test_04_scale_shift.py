"""What a right answer to chapter 4 must satisfy. Gradients are judged by central differences, one channel at a time."""

import numpy as np

from bncourse.checking import NUMPY_ONLY, assert_close, exercise, guide
from bncourse.checking.properties import given, st

FEATURES = [(1, 1), (1, 3), (2, 2), (4, 3), (3, 3), (3, 4)]
IMAGES = [(1, 1, 1, 2), (2, 1, 1, 2), (2, 2, 2, 2), (2, 3, 3, 3), (3, 2, 4, 5)]
SHAPES = st.lists(st.integers(1, 3), min_size=2, max_size=6)
ROOT = np.sqrt(5.0)
FOUR = np.array([[-3.0], [-1.0], [1.0], [3.0]]) / ROOT  # 2, 4, 6, 8 normalised: mean 5, variance 5, as on the page


def random(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape)


def read_only(array):
    array.flags.writeable = False
    return array


def factors(channels):
    """A gamma (C,) that is 0 at one channel and negative at others, and a beta (C,)."""
    return 2.0 - 2.0 * np.arange(channels), 3.0 - np.arange(channels) ** 2


def scaled_and_shifted(x_hat, gamma, beta):
    return np.stack([gamma[c] * x_hat[:, c] + beta[c] for c in range(x_hat.shape[1])], axis=1)


def rows_normalised(values, eps):
    return (values - values.mean(-1, keepdims=True)) / np.sqrt(values.var(-1, keepdims=True) + eps)


def normalised(x, eps):
    """(x_hat, var) of x (N, C, ...), each channel with its own mean and biased variance."""
    rows = np.moveaxis(x, 1, 0).reshape(x.shape[1], -1)
    moved = (x.shape[1], x.shape[0], *x.shape[2:])
    return np.moveaxis(rows_normalised(rows, eps).reshape(moved), 0, 1), rows.var(1)


def slopes(function, values, upstream, h=1e-5):
    """Gradient of sum(function(values) * upstream) for a vector of values, by central differences in float64."""
    nudges = h * np.eye(values.size)  # one nudged copy of the values a row
    return (function(values + nudges) - function(values - nudges)) @ upstream / (2 * h)


def expected_dx(dx_hat, x, eps):
    """What 4.4 must give for x (N, C, ...)."""
    dx = np.empty(x.shape)
    for c in range(x.shape[1]):
        values = x[:, c].astype(np.float64).ravel()
        upstream = dx_hat[:, c].astype(np.float64).ravel()
        dx[:, c] = slopes(lambda rows: rows_normalised(rows, eps), values, upstream).reshape(x[:, c].shape)
    return dx


def one_channel_back(upstream, values, scale):
    """Gradients of sum((scale * values + shift) * upstream) with respect to values, scale and shift, each a vector."""
    return (
        slopes(lambda rows: scale * rows, values, upstream),
        slopes(lambda one: one * values, scale, upstream),
        slopes(lambda one: scale * values + one, np.zeros(1), upstream),
    )


def expected_scale_shift(dy, x_hat, gamma):
    """What 4.3 must give, by central differences, which are exact here: y is linear in x_hat, in gamma and in beta."""
    dx_hat, dgamma, dbeta = np.empty(dy.shape), np.empty(len(gamma)), np.empty(len(gamma))
    for c, scale in enumerate(gamma.astype(np.float64)):
        upstream, values = (array[:, c].astype(np.float64).ravel() for array in (dy, x_hat))
        channel, dgamma[c : c + 1], dbeta[c : c + 1] = one_channel_back(upstream, values, scale[None])
        dx_hat[:, c] = channel.reshape(dy[:, c].shape)
    return dx_hat, dgamma, dbeta


# 4.1 scale_shift

guide(
    "4.1",
    hints=[
        "Work out the example 2 · x_hat + 10 on paper; then ask which γ belongs to which number of an image batch.",
        "(C,) broadcasts against the last axis. Give it the shape (C, 1, 1) for images, (C,) for features: as many ones "
        "as x_hat has spatial axes.",
    ],
    forbids=NUMPY_ONLY,
)


@exercise("4.1", points=1)
def test_four_numbers_are_scaled_and_shifted_as_by_hand(learner):
    """γ = 2 and β = 10 turn -1, 0, 1, 2 into 8, 10, 12, 14."""
    got = learner.scale_shift(np.array([[-1.0], [0.0], [1.0], [2.0]]), np.array([2.0]), np.array([10.0]))
    assert_close(got, np.array([[8.0], [10.0], [12.0], [14.0]]))


@exercise("4.1", points=1)
def test_each_feature_has_its_own_gamma_and_beta(learner):
    """In (N, D), each feature is multiplied by its own γ, which may be negative, and then its own β is added."""
    for shape in FEATURES:
        x_hat, (gamma, beta) = random(*shape, seed=1), factors(shape[1])
        assert_close(learner.scale_shift(x_hat, gamma, beta), scaled_and_shifted(x_hat, gamma, beta))


@exercise("4.1", points=1)
def test_each_image_channel_has_its_own_gamma_and_beta(learner):
    """In (N, C, H, W), all pixels of a channel share one γ and one β."""
    for shape in IMAGES:
        x_hat, (gamma, beta) = random(*shape, seed=2), factors(shape[1])
        assert_close(learner.scale_shift(x_hat, gamma, beta), scaled_and_shifted(x_hat, gamma, beta))


@exercise("4.1", points=1)
@given(SHAPES, st.integers(0, 3))
def test_scale_and_shift_take_any_number_of_axes(learner, shape, seed):
    """Channels stand on axis 1, whether no, one, two, three or more spatial axes follow."""
    x_hat, (gamma, beta) = random(*shape, seed=seed), factors(shape[1])
    assert_close(learner.scale_shift(x_hat, gamma, beta), scaled_and_shifted(x_hat, gamma, beta))


@exercise("4.1", points=1)
def test_scale_and_shift_leave_their_arguments_alone(learner):
    """float32, strided and read-only arrays are taken; no argument is changed; earlier calls leave no trace."""
    gamma, beta = read_only(np.array([0.5, -2.5])), read_only(np.array([0.25, 0.0]))
    first = np.array([[1.0, 2.0], [-3.0, 4.0], [5.0, 7.0]])
    strided = np.swapaxes(random(4, 6, 5, 4, seed=3), 1, 3)[:, ::2, ::2, ::3]
    single = random(2, 2, 3, seed=4).astype(np.float32)
    for x_hat in (first, single, strided, read_only(random(3, 2, seed=5)), 2 * first, first):
        got = learner.scale_shift(x_hat, gamma, beta)
        assert_close(got, scaled_and_shifted(x_hat, gamma, beta), rtol=1e-4, atol=1e-6)
        assert not learner.changed, f"The call changed its argument {learner.changed[0]}."
    learner.scale_shift(random(2, 2, 3, seed=6), np.array([0.5, -2.5]), np.array([0.25, 0.0]))
    assert not learner.changed, f"The call changed its argument {learner.changed[0]}."


# 4.2 identity_parameters

guide(
    "4.2",
    hints=[
        "Write γ (x - μ) / √(σ² + ε) + β = x, and choose γ so that the fraction disappears.",
        "Once γ has removed the root, x - μ + β = x is left.",
    ],
    forbids=NUMPY_ONLY,
)


@exercise("4.2", points=1)
def test_two_numbers_as_by_hand(learner):
    """Mean 3, variance 15 and ε = 1 need γ = √16 = 4 and β = 3."""
    assert_close(learner.identity_parameters(3.0, 15.0, 1.0), (4.0, 3.0))


@exercise("4.2", points=1)
def test_every_channel_gets_its_own_identity(learner):
    """From mean and variance (C,), γ and β are (C,) as well; a mean may be negative."""
    for channels in (1, 2, 3):
        mean, var = 2.0 - 3.0 * np.arange(channels), 0.5 + np.arange(channels) ** 2
        assert_close(learner.identity_parameters(mean, var, 1e-5), (np.sqrt(var + 1e-5), mean))


@exercise("4.2", points=1)
def test_identity_counts_eps(learner):
    """γ undoes the ε under the root too: large, small, or all that there is where the variance is 0."""
    mean, var = np.array([1.0, -2.0]), np.array([4.0, 0.0])
    for eps in (0.5, 2.0, 1e-3):
        assert_close(learner.identity_parameters(mean, var, eps), (np.sqrt(var + eps), mean))


@exercise("4.2", points=1)
@given(st.integers(1, 4), st.sampled_from([1e-5, 1e-2, 1.0, 9.0]), st.integers(0, 3))
def test_what_was_normalised_comes_back(learner, channels, eps, seed):
    """γ x̂ + β is x again, for any x and any statistics."""
    mean, var = 3 * random(channels, seed=seed), random(channels, seed=seed + 4) ** 2
    x = 5 * random(6, channels, seed=seed + 8)
    got = learner.identity_parameters(mean, var, eps)
    assert_close(got, (np.sqrt(var + eps), mean))
    assert_close(got[0] * (x - mean) / np.sqrt(var + eps) + got[1], x)


@exercise("4.2", points=1)
def test_identity_leaves_its_arguments_alone(learner):
    """float32, strided and read-only arrays are taken; none is changed; earlier calls leave no trace."""
    strided = random(2, 6, seed=9)[:, ::2] ** 2
    single = strided.astype(np.float32)
    first = np.array([[7.0, -8.0], [2.0, 5.0]])
    for mean, var in (first, strided, single, read_only(random(2, 3, seed=10) ** 2), 3 * abs(first), first):
        wanted = np.sqrt(var.astype(np.float64) + 0.25), mean
        assert_close(learner.identity_parameters(mean, var, 0.25), wanted, rtol=1e-4, atol=1e-6)
        assert not learner.changed, f"The call changed its argument {learner.changed[0]}."


# 4.3 scale_shift_backward

guide(
    "4.3",
    hints=[
        "Take one number of y at a time: y = γ x̂ + β. Its derivatives with respect to x̂, γ and β are γ, x̂ and 1.",
        "One γ has touched every number of its channel, so its gradient is a sum over all of them; likewise β.",
        "Name the axes to sum over: all but axis 1. dx_hat needs γ in a shape that fits dy, as in 4.1.",
    ],
    forbids=NUMPY_ONLY,
)


@exercise("4.3", points=1)
def test_two_numbers_go_back_as_by_hand(learner):
    """x̂ = -1, 2 with γ = 2 and dy = 3, 5: dx̂ is 6, 10; dγ is -3 + 10 = 7; dβ is 3 + 5 = 8."""
    got = learner.scale_shift_backward(np.array([[3.0], [5.0]]), np.array([[-1.0], [2.0]]), np.array([2.0]))
    assert_close(got, (np.array([[6.0], [10.0]]), np.array([7.0]), np.array([8.0])))


@exercise("4.3", points=1)
def test_features_give_all_three_gradients(learner):
    """In (N, D), dx̂ has the shape of dy, and each feature has one dγ and one dβ, summed over the batch."""
    for shape in FEATURES:
        dy, x_hat, (gamma, _) = random(*shape, seed=11), random(*shape, seed=12), factors(shape[1])
        assert_close(learner.scale_shift_backward(dy, x_hat, gamma), expected_scale_shift(dy, x_hat, gamma))


def images_go_back(learner, place):
    """Compare one of the three gradients, at `place` of the tuple, on batches of images."""
    for shape in IMAGES:
        dy, x_hat, (gamma, _) = random(*shape, seed=13), random(*shape, seed=14), factors(shape[1])
        got = learner.scale_shift_backward(dy, x_hat, gamma)
        assert isinstance(got, (tuple, list)) and len(got) == 3, "Return the tuple (dx_hat, dgamma, dbeta)."
        assert_close(got[place], expected_scale_shift(dy, x_hat, gamma)[place])


@exercise("4.3", points=1)
def test_dx_hat_of_images_is_gamma_times_dy(learner):
    """In (N, C, H, W), the first gradient is dy times the γ of its channel."""
    images_go_back(learner, 0)


@exercise("4.3", points=1)
def test_dgamma_of_images_sums_dy_times_x_hat(learner):
    """In (N, C, H, W), the second gradient sums dy · x̂ over the batch and all pixels, for each channel."""
    images_go_back(learner, 1)


@exercise("4.3", points=1)
def test_dbeta_of_images_sums_dy(learner):
    """In (N, C, H, W), the third gradient sums dy over the batch and all pixels, for each channel."""
    images_go_back(learner, 2)


@exercise("4.3", points=1)
@given(SHAPES, st.integers(0, 3))
def test_scale_and_shift_go_back_through_any_number_of_axes(learner, shape, seed):
    """All three gradients are those of sum(y · dy), for no, one, two, three or more spatial axes."""
    dy, x_hat, (gamma, _) = random(*shape, seed=seed), random(*shape, seed=seed + 4), factors(shape[1])
    assert_close(learner.scale_shift_backward(dy, x_hat, gamma), expected_scale_shift(dy, x_hat, gamma))


@exercise("4.3", points=1)
def test_scale_shift_backward_leaves_its_arguments_alone(learner):
    """float32, strided and read-only arrays are taken; no argument is changed; earlier calls leave no trace."""
    gamma = read_only(np.array([0.5, -2.5]))
    first = np.array([[1.0, 2.0], [-3.0, 4.0], [5.0, 7.0]])
    strided = np.swapaxes(random(4, 6, 5, 4, seed=15), 1, 3)[:, ::2, ::2, ::3]
    single = random(2, 2, 3, seed=16).astype(np.float32)
    for dy in (first, single, strided, read_only(random(3, 2, seed=17)), 2 * first, first):
        x_hat = read_only(random(*dy.shape, seed=18).astype(dy.dtype))
        got = learner.scale_shift_backward(dy, x_hat, gamma)
        assert_close(got, expected_scale_shift(dy, x_hat, gamma), rtol=1e-4, atol=1e-5)
        assert not learner.changed, f"The call changed its argument {learner.changed[0]}."
    learner.scale_shift_backward(random(2, 2, 3, seed=19), random(2, 2, 3, seed=20), np.array([0.5, -2.5]))
    assert not learner.changed, f"The call changed its argument {learner.changed[0]}."


# 4.4 normalize_backward

guide(
    "4.4",
    hints=[
        "x affects x̂ along three paths: directly, through the mean, and through the variance. Which of them does your answer have?",
        "A value that was averaged hands 1/m of its gradient to each number behind it; m is the batch size times all "
        "spatial sizes.",
        "The closed form subtracts two things from dx_hat, the mean of dx_hat, and x_hat times the mean of dx_hat · x_hat, "
        "then divides by √(σ² + ε).",
    ],
    forbids=NUMPY_ONLY,
)


def assert_goes_back(learner, shape, eps, seed, spread=2.0):
    """Compare on a random batch x with a random upstream gradient."""
    x, dx_hat = spread * random(*shape, seed=seed), random(*shape, seed=seed + 50)
    x_hat, var = normalised(x, eps)
    assert_close(learner.normalize_backward(dx_hat, x_hat, var, eps), expected_dx(dx_hat, x, eps))


@exercise("4.4", points=1)
def test_four_numbers_go_back_as_by_hand(learner):
    """For 2, 4, 6, 8 with ε = 0, the upstream gradient 2, 0, 0, 0 gives 0.6, -0.8, -0.2, 0.4, divided by √5."""
    got = learner.normalize_backward(np.array([[2.0], [0.0], [0.0], [0.0]]), FOUR, np.array([5.0]), 0.0)
    assert_close(got, np.array([[0.6], [-0.8], [-0.2], [0.4]]) / ROOT)


@exercise("4.4", points=1)
def test_features_go_back(learner):
    """In (N, D), each number gets the gradient of the whole batch's x̂, through mean and variance too."""
    for shape in [(2, 1), (2, 2), (3, 3), (3, 2), (5, 4)]:
        assert_goes_back(learner, shape, eps=0.1, seed=21)


@exercise("4.4", points=1)
def test_images_go_back(learner):
    """In (N, C, H, W), the means are taken over the batch and all pixels: m = N · H · W."""
    for shape in [(1, 1, 1, 3), (2, 1, 1, 2), (2, 2, 2, 2), (3, 3, 3, 3), (3, 2, 4, 5)]:
        assert_goes_back(learner, shape, eps=0.1, seed=22)


@exercise("4.4", points=1)
@given(SHAPES, st.integers(0, 3))
def test_normalisation_goes_back_through_any_number_of_axes(learner, shape, seed):
    """No, one, two, three or more spatial axes of any size."""
    assert_goes_back(learner, shape, eps=0.1, seed=seed)


@exercise("4.4", points=1)
def test_eps_counts_on_the_way_back(learner):
    """You divide by √(σ² + ε): with a large ε, with none, and with a variance far below it."""
    for eps, spread in ((0.5, 1.0), (4.0, 1.0), (0.0, 1.0), (1e-3, 1e-2), (1e-5, 2.0)):
        assert_goes_back(learner, (4, 2), eps, seed=23, spread=spread)
    dx_hat = random(3, 1, seed=24)
    constant = learner.normalize_backward(dx_hat, np.zeros((3, 1)), np.zeros(1), 1e-8)
    assert_close(constant, (dx_hat - dx_hat.mean()) / 1e-4)


@exercise("4.4", points=1)
def test_one_value_behind_a_statistic_gets_no_gradient(learner):
    """Where m is 1, x̂ is 0 whatever x is, so dx is 0; where m is 2, ε alone keeps it from 0."""
    for shape in [(1, 1), (1, 3), (1, 2, 1, 1)]:
        got = learner.normalize_backward(1 + random(*shape, seed=25), np.zeros(shape), np.zeros(shape[1]), 0.25)
        assert_close(got, np.zeros(shape))
    for shape in [(2, 1), (1, 2, 2), (1, 1, 1, 2)]:
        assert_goes_back(learner, shape, eps=0.25, seed=26)


@exercise("4.4", points=1)
def test_gradient_has_no_part_along_a_shift_or_a_stretch(learner):
    """dx sums to 0 over each channel. Along x̂ only the share ε / (σ² + ε) of it is left."""
    for shape in [(3, 1), (4, 2), (2, 3, 2, 2)]:
        eps, axes = 1.5, (0, *range(2, len(shape)))
        x, dx_hat = 2 * random(*shape, seed=27), 3 + random(*shape, seed=28)
        x_hat, var = normalised(x, eps)
        dx = np.asarray(learner.normalize_backward(dx_hat, x_hat, var, eps))
        assert dx.shape == shape, f"The result has shape {dx.shape} instead of {shape}."
        assert_close(dx.sum(axes), np.zeros(shape[1]), message="dx does not sum to 0 over a channel.")
        along = (dx_hat * x_hat).sum(axes) * eps / (var + eps) ** 1.5
        assert_close((dx * x_hat).sum(axes), along, message="dx has another part along x_hat than ε allows.")


@exercise("4.4", points=1)
def test_normalize_backward_leaves_its_arguments_alone(learner):
    """float32, strided and read-only arrays are taken; no argument is changed; earlier calls leave no trace."""
    first = np.array([[1.0, 2.0], [-3.0, 4.0], [5.0, 7.0]])
    strided = np.swapaxes(random(4, 6, 5, 4, seed=29), 1, 3)[:, ::2, ::2, ::3]
    single = random(2, 2, 3, seed=30).astype(np.float32)
    for dx_hat in (first, single, strided, read_only(random(3, 2, seed=31)), 2 * first, first):
        x = 2 * random(*dx_hat.shape, seed=32)
        x_hat, var = (read_only(array.astype(dx_hat.dtype)) for array in normalised(x, 0.5))
        got = learner.normalize_backward(dx_hat, x_hat, var, 0.5)
        assert_close(got, expected_dx(dx_hat, x, 0.5), rtol=1e-4, atol=1e-5)
        assert not learner.changed, f"The call changed its argument {learner.changed[0]}."
    x_hat, var = normalised(random(4, 2, seed=33), 0.5)
    learner.normalize_backward(random(4, 2, seed=34), x_hat, var, 0.5)
    assert not learner.changed, f"The call changed its argument {learner.changed[0]}."
