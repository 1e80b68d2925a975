"""What a right answer to chapter 14 must satisfy.

The oracle is the page's picture: a label for each element says with which others it shares a mean and a variance.
"""

import numpy as np

from bncourse.checking import NUMPY_ONLY, assert_close, exercise, guide
from bncourse.checking.properties import given, st

SHAPES = st.lists(st.integers(1, 3), min_size=2, max_size=6)
SPATIAL_SHAPES = st.lists(st.integers(1, 3), min_size=3, max_size=6)


def standardised(x, sets, eps):
    """x, where all elements with one label in `sets` share a mean and a biased variance, in float64."""
    result = np.empty(x.shape)
    for label in np.unique(sets):
        values = x[sets == label].astype(np.float64)
        result[sets == label] = (values - values.mean()) / np.sqrt(values.var() + eps)
    return result


def labels(x, kind, num_groups=1):
    """Which elements of x (N, C, *S) share statistics: those with the same label."""
    image, channel = np.indices(x.shape)[:2]
    group = channel // max(x.shape[1] // num_groups, 1)
    return {"batch": channel, "layer": image, "instance": image * x.shape[1] + channel,
            "group": image * num_groups + group}[kind]  # fmt: skip


def per_channel(values, x):
    """values (C,) laid along axis 1 of x."""
    return values.reshape(-1, *[1] * (x.ndim - 2))


def expected(x, kind, gamma, beta, eps=1e-5, num_groups=1):
    """x (N, C, *S) normalised, with a scale and shift for each channel."""
    x_hat = standardised(x, labels(x, kind, num_groups), eps)
    return per_channel(gamma, x) * x_hat + per_channel(beta, x)


def random(*shape, seed=0, offset=1.0, spread=2.0):
    return offset + spread * np.random.default_rng(seed).standard_normal(shape)


def uneven(*shape, seed=0):
    """Random values whose mean and deviation differ from image to image, channel to channel and place to place."""
    places = np.indices(shape)
    return random(*shape, seed=seed) * (1 + places[0] + 2 * places[1]) + 3 * places[-1] + places[0]


def read_only(array):
    array.flags.writeable = False
    return array


def unusual(*shape, seed=0):
    """Arrays of one shape: ordinary, strided, backwards, read-only, float32, and the first again."""
    first = uneven(*shape, seed=seed)
    wide = uneven(*(2 * size for size in shape), seed=seed + 1)
    strided = wide[tuple(slice(None, None, 2) for _ in shape)]
    return first, strided, first[::-1, ::-1], read_only(uneven(*shape, seed=seed + 2)), first.astype(np.float32), first


def ones_and_zeros(count):
    return np.ones(count), np.zeros(count)


def scale_and_shift(*shape):
    """A scale and a shift that differ from element to element and from each other."""
    count = int(np.prod(shape))
    return np.linspace(-0.5, 2.0, count).reshape(shape), 2 - np.linspace(-1.0, 3.0, count).reshape(shape) ** 2


def large_mean(*shape):
    return random(*shape, seed=9, offset=1e4, spread=1.0).astype(np.float32)


def assert_finite(got):
    assert np.isfinite(np.asarray(got, dtype=float)).all(), (
        "Data that are one huge constant give a result that is not finite."
    )


# 14.1 layer_norm


def layer_expected(x, gamma, beta, eps=1e-5):
    """x (N, ...) with each sample standardised by itself; gamma and beta of a sample's shape."""
    return gamma * standardised(x, np.indices(x.shape)[0], eps) + beta


guide(
    "14.1",
    hints=[
        "For the page's table 2, 4 / 6, 8 write down the two means of layer normalization. Which axis has disappeared?",
        "The axes are 1 and all that follow, however many there are; `keepdims=True` leaves the batch in its place.",
        "γ and β have the shape of one sample, so they broadcast against x as they are.",
    ],
    forbids=NUMPY_ONLY,
)


@exercise("14.1", points=1)
def test_rows_by_hand(learner):
    """The rows 2, 4 and 6, 8 both become -1, 1: each sample has its own mean and variance, divided by n."""
    x = np.array([[2.0, 4.0], [6.0, 8.0]])
    assert_close(learner.layer_norm(x, np.ones(2), np.zeros(2)), np.array([[-1.0, 1.0]] * 2) / np.sqrt(1 + 1e-5))


@exercise("14.1", points=1)
@given(SHAPES, st.integers(0, 3))
def test_each_sample_over_all_its_axes(learner, shape, seed):
    """In features, sequences, images and volumes, each sample is normalised by itself over all its other axes."""
    for size in [(2, 2, 3), tuple(shape)]:
        x = uneven(*size, seed=seed)
        gamma, beta = np.ones(size[1:]), np.zeros(size[1:])
        assert_close(learner.layer_norm(x, gamma, beta), layer_expected(x, gamma, beta))


@exercise("14.1", points=1)
def test_gamma_and_beta_belong_to_elements(learner):
    """Every element of a sample has its own γ, which scales the normalised value, and its own β, added after that."""
    for shape in [(2, 2), (3, 4), (2, 3, 2), (2, 2, 3, 2), (3, 3, 3)]:
        x = uneven(*shape, seed=1)
        gamma, beta = scale_and_shift(*shape[1:])
        assert_close(learner.layer_norm(x, gamma, beta), layer_expected(x, gamma, beta))


@exercise("14.1", points=1)
def test_layer_norm_eps(learner):
    """You divide by √(σ² + ε) with the ε that is given, 1e-5 if none is; a sample of equal values comes out as β."""
    x, (gamma, beta) = np.array([[1.0, 2.0, 4.0], [1.0, 5.0, 0.0]]), scale_and_shift(3)
    for eps in (0.5, 2.0):
        assert_close(learner.layer_norm(x, gamma, beta, eps=eps), layer_expected(x, gamma, beta, eps))
    assert_close(learner.layer_norm(1e-3 * x, gamma, beta), layer_expected(1e-3 * x, gamma, beta))
    assert_close(learner.layer_norm(np.full((2, 3), 5.0), gamma, beta), np.array([beta, beta]))


@exercise("14.1", points=1)
def test_layer_norm_survives_a_large_mean_in_float32(learner):
    """float32 values whose mean is 10,000 times their standard deviation come out right: no difference of two huge numbers."""
    x = large_mean(3, 4, 6, 6)
    gamma, beta = np.ones(x.shape[1:]), np.zeros(x.shape[1:])
    assert_close(learner.layer_norm(x, gamma, beta), layer_expected(x, gamma, beta), rtol=0.03, atol=0.03)
    assert_finite(learner.layer_norm(np.full((2, 40), 1e8, np.float32), np.ones(40), np.zeros(40)))


@exercise("14.1", points=1)
def test_layer_norm_leaves_its_input_alone(learner):
    """Strided, read-only and float32 arrays are taken; no argument is changed; earlier calls leave no trace."""
    gamma, beta = scale_and_shift(3, 2)
    for x in unusual(2, 3, 2, seed=3):
        got = learner.layer_norm(x, gamma, beta, 0.1)
        assert_close(got, layer_expected(x, gamma, beta, 0.1), rtol=1e-4, atol=1e-4)
        assert not learner.changed, f"The call changed its argument {learner.changed[0]}."


# 14.2 instance_norm

guide(
    "14.2",
    hints=[
        "Of shape (N, C, H, W), two axes disappear: a mean for each image and channel is left.",
        "The axes are 2 and all that follow. γ of shape (C,) must be laid along axis 1: give it the shape (C, 1, 1) for "
        "images, with as many ones as there are spatial axes.",
    ],
    forbids=NUMPY_ONLY,
)


@exercise("14.2", points=1)
def test_channels_of_images_by_hand(learner):
    """Two images of two channels with two pixels: 2, 4 and 10, 30, then 6, 8 and 0, 0, become -1, 1 or 0."""
    x = np.array([[[2.0, 4.0], [10.0, 30.0]], [[6.0, 8.0], [0.0, 0.0]]])
    near = 1 / np.sqrt(1 + 1e-5)
    result = np.array([[[-near, near], [-1.0, 1.0]], [[-near, near], [0.0, 0.0]]])
    assert_close(learner.instance_norm(x[:1, :1], *ones_and_zeros(1)), result[:1, :1])
    assert_close(learner.instance_norm(x, *ones_and_zeros(2)), result, rtol=1e-6)


@exercise("14.2", points=1)
@given(SPATIAL_SHAPES, st.integers(0, 3))
def test_each_channel_of_each_image(learner, shape, seed):
    """For any number of spatial axes, each channel of each image is normalised by itself over all its positions."""
    for size in [(2, 2, 3), tuple(shape)]:
        x = uneven(*size, seed=seed)
        one, zero = ones_and_zeros(size[1])
        assert_close(learner.instance_norm(x, one, zero), expected(x, "instance", one, zero))


@exercise("14.2", points=1)
def test_gamma_and_beta_belong_to_channels(learner):
    """Each channel has its own γ, which scales the normalised values, and its own β, added after that."""
    for shape in [(1, 2, 2), (2, 2, 2), (2, 3, 4), (2, 3, 2, 3), (3, 2, 3, 2, 2)]:
        x, (gamma, beta) = uneven(*shape, seed=1), scale_and_shift(shape[1])
        assert_close(learner.instance_norm(x, gamma, beta), expected(x, "instance", gamma, beta))


@exercise("14.2", points=1)
def test_instance_norm_eps(learner):
    """You divide by √(σ² + ε) with the ε that is given, 1e-5 if none is; a flat channel comes out as its β."""
    x, (gamma, beta) = uneven(2, 2, 3, seed=2), scale_and_shift(2)
    for eps in (0.5, 2.0):
        assert_close(learner.instance_norm(x, gamma, beta, eps=eps), expected(x, "instance", gamma, beta, eps))
    assert_close(learner.instance_norm(1e-3 * x, gamma, beta), expected(1e-3 * x, "instance", gamma, beta))
    assert_close(learner.instance_norm(np.full((1, 2, 3), 5.0), gamma, beta), np.repeat(beta, 3).reshape(1, 2, 3))


@exercise("14.2", points=1)
def test_instance_norm_survives_a_large_mean_in_float32(learner):
    """float32 values whose mean is 10,000 times their standard deviation come out right: no difference of two huge numbers."""
    x, (one, zero) = large_mean(2, 3, 12, 12), ones_and_zeros(3)
    assert_close(learner.instance_norm(x, one, zero), expected(x, "instance", one, zero), rtol=0.03, atol=0.03)
    assert_finite(learner.instance_norm(np.full((2, 3, 40), 1e8, np.float32), one, zero))


@exercise("14.2", points=1)
def test_instance_norm_leaves_its_input_alone(learner):
    """Strided, read-only and float32 arrays are taken; no argument is changed; earlier calls leave no trace."""
    gamma, beta = scale_and_shift(2)
    for x in unusual(3, 2, 3, seed=3):
        got = learner.instance_norm(x, gamma, beta, 0.1)
        assert_close(got, expected(x, "instance", gamma, beta, 0.1), rtol=1e-4, atol=1e-4)
        assert not learner.changed, f"The call changed its argument {learner.changed[0]}."


# 14.3 group_norm

guide(
    "14.3",
    hints=[
        "With one group the statistics are those of 14.1, with as many groups as channels those of 14.2: check your "
        "answer against both.",
        "Cut axis 1 in two by a reshape: (N, C, ...) becomes (N, num_groups, C // num_groups, ...). Which axes does a "
        "group cover now?",
        "Reshape back before γ and β: they belong to channels.",
    ],
    forbids=NUMPY_ONLY,
)


@exercise("14.3", points=1)
def test_groups_of_neighbours_by_hand(learner):
    """Four channels 2, 4, 6, 10 in two groups become -1, 1, -1, 1: neighbours share a mean and a variance."""
    x = np.array([[2.0, 4.0, 6.0, 10.0]])
    result = np.array([[-1.0, 1.0, -2.0, 2.0]]) / np.sqrt(np.array([1.0, 1.0, 4.0, 4.0]) + 1e-5)
    assert_close(learner.group_norm(x, 2, *ones_and_zeros(4)), result)


@exercise("14.3", points=1)
def test_each_group_of_each_image(learner):
    """Each group of channels of each image is normalised by itself, over its channels and all positions."""
    for shape, groups in [((2, 4), 2), ((2, 4, 3), 2), ((2, 6, 2, 2), 2), ((2, 6, 2, 2), 3), ((2, 8, 1, 2, 2), 4)]:
        x, (one, zero) = uneven(*shape, seed=1), ones_and_zeros(shape[1])
        assert_close(learner.group_norm(x, groups, one, zero), expected(x, "group", one, zero, num_groups=groups))


@exercise("14.3", points=1)
@given(SHAPES, st.integers(1, 3), st.integers(0, 3))
def test_any_number_of_groups(learner, shape, per_group, seed):
    """From one group, as in layer normalization, to one for each channel, as in instance normalization."""
    count, num_groups, *positions = shape
    x = uneven(count, num_groups * per_group, *positions, seed=seed)
    for groups in (num_groups, 1, x.shape[1]):
        one, zero = ones_and_zeros(x.shape[1])
        assert_close(learner.group_norm(x, groups, one, zero), expected(x, "group", one, zero, num_groups=groups))


@exercise("14.3", points=1)
def test_groups_have_channels_of_their_own_gamma(learner):
    """γ and β belong to channels, not to groups: γ scales the normalised values, β is added after that."""
    for shape, groups in [((1, 4), 2), ((2, 4, 2), 2), ((3, 4, 4), 2), ((2, 6, 2, 3), 3), ((2, 4, 2, 2, 2), 1)]:
        x, (gamma, beta) = uneven(*shape, seed=2), scale_and_shift(shape[1])
        assert_close(learner.group_norm(x, groups, gamma, beta), expected(x, "group", gamma, beta, num_groups=groups))


@exercise("14.3", points=1)
def test_channels_that_cannot_be_divided(learner):
    """Six channels cannot be cut into four groups, nor three into two, nor two into three: ValueError."""
    for channels, groups in [(6, 4), (3, 2), (2, 3)]:
        x, (one, zero) = uneven(2, channels, 2, seed=3), ones_and_zeros(channels)
        assert_close(learner.group_norm(x, 1, one, zero), expected(x, "layer", one, zero))
        with learner.raises(ValueError, f"{channels} channels in {groups} groups should raise a ValueError."):
            learner.group_norm(x, groups, one, zero)


@exercise("14.3", points=1)
def test_group_norm_eps(learner):
    """You divide by √(σ² + ε) with the ε that is given, 1e-5 if none is; a flat group comes out as β."""
    x, (gamma, beta) = uneven(2, 4, 2, seed=4), scale_and_shift(4)
    for eps in (0.5, 2.0):
        got = learner.group_norm(x, 2, gamma, beta, eps=eps)
        assert_close(got, expected(x, "group", gamma, beta, eps, num_groups=2))
    assert_close(learner.group_norm(1e-3 * x, 2, gamma, beta), expected(1e-3 * x, "group", gamma, beta, num_groups=2))
    assert_close(learner.group_norm(np.full((1, 4), 5.0), 2, gamma, beta), beta[None])


@exercise("14.3", points=1)
def test_group_norm_survives_a_large_mean_in_float32(learner):
    """float32 values whose mean is 10,000 times their standard deviation come out right: no difference of two huge numbers."""
    x, (one, zero) = large_mean(2, 4, 9, 9), ones_and_zeros(4)
    assert_close(
        learner.group_norm(x, 2, one, zero), expected(x, "group", one, zero, num_groups=2), rtol=0.03, atol=0.03
    )
    assert_finite(learner.group_norm(np.full((2, 4, 40), 1e8, np.float32), 2, one, zero))


@exercise("14.3", points=1)
def test_group_norm_leaves_its_input_alone(learner):
    """Strided, read-only and float32 arrays are taken; no argument is changed; earlier calls leave no trace."""
    gamma, beta = scale_and_shift(4)
    for x in unusual(3, 4, 2, seed=5):
        got = learner.group_norm(x, 2, gamma, beta, 0.1)
        assert_close(got, expected(x, "group", gamma, beta, 0.1, num_groups=2), rtol=1e-4, atol=1e-4)
        assert not learner.changed, f"The call changed its argument {learner.changed[0]}."


# 14.4 batch_channel_norm


def mixed(x, gamma, beta, iota, eps=1e-5):
    """iota of x normalised over the batch and 1 - iota of x normalised over the channels, then scaled and shifted."""
    parts = [standardised(x, labels(x, kind), eps) for kind in ("batch", "layer")]
    return per_channel(gamma, x) * (iota * parts[0] + (1 - iota) * parts[1]) + per_channel(beta, x)


guide(
    "14.4",
    hints=[
        "Take the page's table 2, 4 / 6, 8: once by columns, once by rows, then the mean of the two results.",
        "Normalise twice with the same four lines, only the axes differ: (0, 2, 3, ...) and (1, 2, 3, ...).",
        "Note the brackets in 1 - ι, and that γ and β act on the mixture, once.",
    ],
    forbids=NUMPY_ONLY,
)


@exercise("14.4", points=1)
def test_columns_and_rows_by_hand(learner):
    """Of 2, 4 and 6, 8, columns give -1, -1 and 1, 1, rows -1, 1 and -1, 1: with ι = ½ it is -1, 0 and 0, 1."""
    x = np.array([[2.0, 4.0], [6.0, 8.0]])
    over_batch, over_channels = (
        np.array([[-2.0, -2.0], [2.0, 2.0]]) / np.sqrt(4 + 1e-5),
        (x - [[3], [7]]) / np.sqrt(1 + 1e-5),
    )
    for iota in (0.5, 0.25):
        result = iota * over_batch + (1 - iota) * over_channels
        assert_close(learner.batch_channel_norm(x, *ones_and_zeros(2), iota), result)


@exercise("14.4", points=1)
def test_iota_says_how_much_of_which(learner):
    """With ι = 1 it is batch normalization, with ι = 0 layer normalization, otherwise ι of one, 1 - ι of the other."""
    for shape in [(2, 3), (2, 2, 2), (3, 2, 2, 2), (2, 3, 2, 3)]:
        x, (one, zero) = uneven(*shape, seed=1), ones_and_zeros(shape[1])
        for iota in (1.0, 0.0, 0.75, 1.5):
            assert_close(learner.batch_channel_norm(x, one, zero, iota), mixed(x, one, zero, iota))


@exercise("14.4", points=1)
@given(SHAPES, st.integers(0, 3))
def test_mixture_for_any_number_of_spatial_axes(learner, shape, seed):
    """None, one, two, three or more spatial axes: both ways of normalising take in all of them."""
    for size in [(2, 3, 2), (2, 3, 2, 1, 2), tuple(shape)]:
        x, (one, zero) = uneven(*size, seed=seed), ones_and_zeros(size[1])
        assert_close(learner.batch_channel_norm(x, one, zero, 0.25), mixed(x, one, zero, 0.25))


@exercise("14.4", points=1)
def test_gamma_and_beta_act_once_on_the_mixture(learner):
    """γ and β belong to channels and act once, on the mixture: γ scales it, β is added after that."""
    for shape in [(2, 2), (2, 3, 3), (3, 2, 2, 2), (2, 4, 2, 3)]:
        x, (gamma, beta) = uneven(*shape, seed=2), scale_and_shift(shape[1])
        for iota in (0.25, 1.0):
            assert_close(learner.batch_channel_norm(x, gamma, beta, iota), mixed(x, gamma, beta, iota))


@exercise("14.4", points=1)
def test_eps_stands_under_both_roots(learner):
    """Both ways divide by √(σ² + ε) with the ε that is given, 1e-5 if none is; equal values come out as β."""
    x, (gamma, beta) = uneven(2, 2, 2, seed=3), scale_and_shift(2)
    for eps in (0.5, 2.0):
        got = learner.batch_channel_norm(x, gamma, beta, 0.25, eps=eps)
        assert_close(got, mixed(x, gamma, beta, 0.25, eps))
    assert_close(learner.batch_channel_norm(1e-3 * x, gamma, beta, 0.25), mixed(1e-3 * x, gamma, beta, 0.25))
    assert_close(learner.batch_channel_norm(np.full((2, 2), 5.0), gamma, beta, 0.25), np.array([beta, beta]))


@exercise("14.4", points=1)
def test_batch_channel_norm_leaves_its_input_alone(learner):
    """Strided, read-only and float32 arrays are taken; no argument is changed; earlier calls leave no trace."""
    gamma, beta = scale_and_shift(3)
    for x in unusual(2, 3, 2, seed=4):
        got = learner.batch_channel_norm(x, gamma, beta, 0.75, 0.1)
        assert_close(got, mixed(x, gamma, beta, 0.75, 0.1), rtol=1e-4, atol=1e-4)
        assert not learner.changed, f"The call changed its argument {learner.changed[0]}."


# 14.5 weight_standardize


def filters_standardised(weight, eps=1e-5):
    return standardised(weight, np.indices(weight.shape)[0], eps)


guide(
    "14.5",
    hints=[
        "A convolution from 3 to 8 channels with 5 x 5 filters has weights (8, 3, 5, 5). How many means are there?",
        "One filter is weight[i]: all its input channels and all its places share one mean and one variance.",
    ],
    forbids=NUMPY_ONLY,
)


@exercise("14.5", points=1)
def test_two_filters_by_hand(learner):
    """The filters 2, 4 and 6, 10 become -1, 1 both: each has its own mean and variance, divided by n."""
    weight = np.array([[2.0, 4.0], [6.0, 10.0]])
    result = np.array([[-1.0, 1.0], [-2.0, 2.0]]) / np.sqrt(np.array([[1.0], [4.0]]) + 1e-5)
    assert_close(learner.weight_standardize(weight), result)


@exercise("14.5", points=1)
@given(SHAPES, st.integers(0, 3))
def test_each_filter_over_all_its_weights(learner, shape, seed):
    """In layers of any dimension, each output filter is standardised over its input channels and all its places."""
    for size in [(2, 3, 2), tuple(shape)]:
        weight = uneven(*size, seed=seed)
        assert_close(learner.weight_standardize(weight), filters_standardised(weight))


@exercise("14.5", points=1)
def test_small_weights_come_out_with_variance_one(learner):
    """Weights of a usual size, standard deviation 0.05, come out with mean 0 and variance 1, ε aside."""
    weight = 0.05 * random(4, 3, 3, 3, seed=5)
    got = learner.weight_standardize(weight)
    assert_close(got, filters_standardised(weight))
    assert_close(np.asarray(got).reshape(4, -1).mean(1), np.zeros(4), atol=1e-6)


@exercise("14.5", points=1)
def test_weight_eps(learner):
    """You divide by √(σ² + ε) with the ε that is given, 1e-5 if none is; a filter of equal weights becomes 0."""
    weight = np.array([[1.0, 2.0, 4.0], [1.0, 5.0, 0.0]])
    for eps in (0.5, 2.0):
        assert_close(learner.weight_standardize(weight, eps=eps), filters_standardised(weight, eps))
    assert_close(learner.weight_standardize(1e-3 * weight), filters_standardised(1e-3 * weight))
    assert_close(learner.weight_standardize(np.array([[0.25, 0.25, 0.25, 0.25], [1.0, 0.0, 1.0, 0.0]])),
                 np.array([[0.0] * 4, [1.0, -1.0, 1.0, -1.0] / np.sqrt(1 + 4e-5)]))  # fmt: skip


@exercise("14.5", points=1)
def test_weights_stay_as_they_are(learner):
    """Strided, read-only and float32 arrays are taken; the weights are not changed; earlier calls leave no trace."""
    for weight in unusual(3, 2, 2, seed=6):
        got = learner.weight_standardize(weight, 0.1)
        assert_close(got, filters_standardised(weight, 0.1), rtol=1e-4, atol=1e-4)
        assert not learner.changed, "The call changed its argument weight."


# 14.6 adaptive_instance_norm


def restyled(content, style, eps=1e-5, under_styles_root=0.0):
    """content with the style's mean and deviation in each channel of each image."""
    result = standardised(content, labels(content, "instance"), eps)
    for n, c in np.ndindex(*content.shape[:2]):
        values = style[n, c].astype(np.float64)
        result[n, c] = np.sqrt(values.var() + under_styles_root) * result[n, c] + values.mean()
    return result


def assert_restyled(got, content, style, eps=1e-5, **tolerance):
    """Either reading passes: ε under the style's root as well, or not."""
    try:
        assert_close(got, restyled(content, style, eps, under_styles_root=eps), **tolerance)
    except AssertionError:
        assert_close(got, restyled(content, style, eps), **tolerance)


guide(
    "14.6",
    hints=[
        "Normalise the content as in 14.2, without γ and β. What takes their places?",
        "Take the style's statistics over the style's own axes, and give them the shape (N, C, 1, 1) before they meet "
        "the content.",
    ],
    forbids=NUMPY_ONLY,
)


@exercise("14.6", points=1)
def test_style_by_hand(learner):
    """Content 2, 4 with a style 10, 30, 50, 70 becomes 40 - √500 and 40 + √500: the style's mean and standard deviation."""
    content, style = np.array([[[2.0, 4.0]]]), np.array([[[10.0, 30.0, 50.0, 70.0]]])
    assert_restyled(learner.adaptive_instance_norm(content, style), content, style)


@exercise("14.6", points=1)
def test_each_channel_takes_its_own_style(learner):
    """Each channel of each image takes mean and standard deviation of the same channel of the same image of the style."""
    for shape in [(1, 2, 3), (2, 2, 2), (2, 3, 4), (2, 3, 2, 3), (3, 2, 2, 2)]:
        content, style = uneven(*shape, seed=1), 5 - 0.3 * uneven(*shape, seed=2) ** 2
        assert_restyled(learner.adaptive_instance_norm(content, style), content, style)


@exercise("14.6", points=1)
@given(SPATIAL_SHAPES, st.lists(st.integers(1, 4), min_size=4, max_size=4), st.integers(0, 3))
def test_content_and_style_of_different_sizes(learner, shape, other, seed):
    """The style may have fewer or more positions; the result has the shape of the content."""
    for size, positions in [((2, 2, 3), (5,)), ((2, 3, 2, 2), (4, 3)), (tuple(shape), other[: len(shape) - 2])]:
        content, style = uneven(*size, seed=seed), 4 + 0.5 * uneven(*size[:2], *positions, seed=seed + 9)
        assert_restyled(learner.adaptive_instance_norm(content, style), content, style)


@exercise("14.6", points=1)
def test_content_keeps_its_order(learner):
    """What was lighter in the content stays lighter; in its own style the content comes out as it was, ε aside."""
    content, style = uneven(2, 2, 3, 2, seed=3), random(2, 2, 4, 4, seed=4)
    got = learner.adaptive_instance_norm(content, style)
    assert_restyled(got, content, style)
    assert_restyled(learner.adaptive_instance_norm(content, content), content, content)


@exercise("14.6", points=1)
def test_adaptive_eps(learner):
    """You divide by √(σ² + ε) with the ε that is given, 1e-5 if none is; a flat channel comes out as the style's mean."""
    content, style = uneven(2, 2, 3, seed=5), 3 + 2 * uneven(2, 2, 4, seed=6)
    for eps in (0.5, 2.0):
        assert_restyled(learner.adaptive_instance_norm(content, style, eps=eps), content, style, eps)
    assert_restyled(learner.adaptive_instance_norm(1e-3 * content, style), 1e-3 * content, style)
    assert_restyled(learner.adaptive_instance_norm(np.full((2, 2, 3), 5.0), style), np.full((2, 2, 3), 5.0), style)


@exercise("14.6", points=1)
def test_content_and_style_stay_as_they_are(learner):
    """Strided, read-only and float32 arrays are taken; no argument is changed; earlier calls leave no trace."""
    for content, style in zip(unusual(2, 2, 3, seed=7), unusual(2, 2, 4, seed=11)):
        got = learner.adaptive_instance_norm(content, style, 0.1)
        assert_restyled(got, content, style, 0.1, rtol=1e-4, atol=1e-4)
        assert not learner.changed, f"The call changed its argument {learner.changed[0]}."
