"""What a right answer to chapter 1 must satisfy. Oracles are float64 definitions, one number or one feature at a time."""

import numpy as np

from bncourse.checking import NUMPY_ONLY, assert_close, exercise, guide
from bncourse.checking.properties import given, st


def read_only(array):
    array.flags.writeable = False
    return array


# 1.1 adjust_brightness

guide(
    "1.1",
    hints=[
        "Work out the pixels 0, 0.25, 0.5 and 1 with gain 2 and offset -0.5 on paper: first the product, then the sum, then the cut.",
        "`np.clip(values, 0, 1)` cuts at both ends. It comes last, once.",
    ],
    forbids=NUMPY_ONLY,
)


def adjusted(images, gain, offset):
    """Each pixel by itself: product, sum, cut."""
    pixels = [min(max(float(gain) * float(pixel) + float(offset), 0.0), 1.0) for pixel in np.ravel(images)]
    return np.array(pixels).reshape(np.shape(images))


@exercise("1.1", points=1)
def test_gain_multiplies_and_offset_is_added_after_it(learner):
    """The pixels 0, 0.5 and 1 with gain 0.5 and offset 0.25 become 0.25, 0.5 and 0.75."""
    x = np.array([0.0, 0.5, 1.0])
    for gain, offset in [(0.5, 0.25), (0.25, 0.5), (0.3, 0.0), (0.8, 0.1)]:
        assert_close(learner.adjust_brightness(x, gain, offset), adjusted(x, gain, offset))


@exercise("1.1", points=1)
def test_what_is_darker_than_black_or_brighter_than_white_is_cut(learner):
    """Results below 0 become 0, results above 1 become 1; the others are not touched."""
    for gain, offset in [(1.0, -0.5), (600.0, -60.0), (1.0, 0.5), (2.0, -0.5)]:
        x = np.array([0.0, 0.25, 0.5, 1.0])
        assert_close(learner.adjust_brightness(x, gain, offset), adjusted(x, gain, offset))


@exercise("1.1", points=1)
@given(st.floats(-3, 3), st.floats(-2, 2))
def test_any_gain_and_offset(learner, gain, offset):
    """Any gain and offset, negative ones too: the cut comes once, after the sum, and nowhere before."""
    x = np.array([[0.0, 0.25], [0.5, 1.0]])
    assert_close(learner.adjust_brightness(x, -1.0, 1.0), adjusted(x, -1.0, 1.0))
    assert_close(learner.adjust_brightness(x, gain, offset), adjusted(x, gain, offset))
    assert_close(learner.adjust_brightness(x, 3.0, -2.0), adjusted(x, 3.0, -2.0))


@exercise("1.1", points=1)
def test_takes_images_of_any_shape_and_leaves_them_alone(learner):
    """Images, batches, colours, float32, strided and read-only arrays are taken; none is changed; a second call gives the same."""
    generator = np.random.default_rng(0)
    strided = generator.random((4, 6))[::2, 1::2]
    single, locked = generator.random((2, 1, 3, 4), np.float32), read_only(generator.random((2, 3, 2, 2)))
    for x in (strided, single, locked, strided):
        for gain, offset in [(0.5, 0.25), (1.5, -0.25)]:
            assert_close(learner.adjust_brightness(x, gain, offset), adjusted(x, gain, offset), rtol=1e-4, atol=1e-6)
            assert not learner.changed, f"The call changed its argument {learner.changed[0]}."


# 1.2 mean_shift

guide(
    "1.2",
    hints=[
        "Three numbers for each feature: the mean of target, the mean of source, the standard deviation of source. All are taken along axis 0.",
        "Where `source.min(0)` equals `source.max(0)`, divide by 1 and set the result to 0 afterwards: `np.where` chooses element by element.",
    ],
    forbids=NUMPY_ONLY,
)


def shift(source, target):
    """Feature by feature, in float64."""
    result = []
    for d in range(source.shape[1]):
        before, after = source[:, d].astype(np.float64), target[:, d].astype(np.float64)
        deviation = np.sqrt(((before - before.mean()) ** 2).mean())
        result.append((after.mean() - before.mean()) / deviation if np.ptp(before) else 0.0)
    return np.array(result)


def samples(count, features, seed, scale=1.0):
    generator = np.random.default_rng(seed)
    return scale * (generator.normal(size=(count, features)) * np.arange(1, features + 1) + np.arange(features))


SOURCE = np.array([[2.0], [4.0], [6.0], [8.0]])


@exercise("1.2", points=1)
def test_four_numbers_by_hand(learner):
    """2, 4, 6, 8 against 1, 2, 3, 4: the mean falls by 2.5, the standard deviation (divided by N) is √5, the shift is -1.118."""
    assert_close(learner.mean_shift(SOURCE, SOURCE / 2), np.array([-2.5]) / np.sqrt(5))
    assert_close(learner.mean_shift(SOURCE, SOURCE + 3), np.array([3.0]) / np.sqrt(5))


@exercise("1.2", points=1)
def test_each_feature_has_its_own_means_and_deviation(learner):
    """One number for each feature, positive where the target is larger; the two sets may have different sizes."""
    for n, m, features in [(3, 2, 1), (2, 3, 2), (3, 3, 3), (6, 1, 2), (20, 30, 4)]:
        source, target = samples(n, features, seed=n), 2 * samples(m, features, seed=m + 10) - 1
        assert_close(learner.mean_shift(source, target), shift(source, target))


@exercise("1.2", points=1)
def test_a_feature_that_never_varies_has_shift_0(learner):
    """Where source does not vary the result is 0, whether target moved or not, and whatever rounding makes of the standard deviation; the other features are unaffected."""
    source = np.array([[5.0, 1.0], [5.0, 3.0]])
    for target in ([[5.0, 4.0]], [[7.0, 4.0]], [[3.0, 0.0], [5.0, 1.0]]):
        assert_close(learner.mean_shift(source, np.array(target)), shift(source, np.array(target)))
    source = np.array([[0.0, 1.0, 0.5, 2.0], [0.0, 2.0, 0.5, 5.0], [0.0, 6.0, 0.5, 2.0], [0.0, 1.0, 0.5, 2.0]])
    target = np.array([[1.0, 1.0, 0.5, 2.0], [3.0, 2.0, 0.0, 1.0]])
    assert_close(learner.mean_shift(source, target), shift(source, target))
    # The mean of seven equal numbers is rounded, so that their deviation is not 0.
    for dtype in (np.float64, np.float32):
        source = np.full((7, 3), [0.1, 123.4, 0.0], dtype)
        source[:, 2] = np.arange(7)
        for columns in (source[:, :1], source):
            target = columns[:2] + dtype(0.5)
            assert_close(learner.mean_shift(columns, target), shift(columns, target), rtol=1e-4, atol=1e-6)


@exercise("1.2", points=1)
def test_the_unit_of_measurement_does_not_matter(learner):
    """Both sets in other units, a million times smaller or 255 times larger, or moved by the same amount, give the same shift."""
    source, target = samples(5, 2, seed=1), samples(4, 2, seed=2) + 1
    expected = shift(source, target)
    for scale, offset in [(1e-6, 0.0), (255.0, 0.0), (1.0, 10.0)]:
        assert_close(learner.mean_shift(scale * source + offset, scale * target + offset), expected)


@exercise("1.2", points=1)
def test_takes_any_array_and_leaves_it_alone(learner):
    """float32, strided and read-only arrays are taken; neither set is changed; a second call gives the same."""
    small = np.array([[1.0, 0.0], [2.0, 0.0], [6.0, 0.0]]), np.array([[4.0, 1.0], [0.0, 2.0]])
    single = samples(6, 3, seed=3).astype(np.float32), samples(4, 3, seed=4).astype(np.float32)
    strided = samples(8, 6, seed=5)[::2, 1::2], samples(6, 6, seed=6)[::2, ::2]
    locked = read_only(samples(5, 2, seed=7)), read_only(samples(3, 2, seed=8))
    for source, target in (small, single, strided, locked, small):
        assert_close(learner.mean_shift(source, target), shift(source, target), rtol=1e-4, atol=1e-6)
        assert not learner.changed, f"The call changed its argument {learner.changed[0]}."


# 1.3 layer_statistics

guide(
    "1.3",
    hints=[
        "`for module in model.modules()` meets the model itself and everything inside it. `isinstance(module, layer_type)` picks the ones to watch.",
        "Compute the two numbers inside the hook, with `.item()`, and append them to a list: hooks fire in forward order, before anything can overwrite the output.",
        "`copy.deepcopy(model)` gives you a twin that may be changed freely: hooks, buffers and modes of the original stay as they are.",
    ],
)


def assert_statistics(got, outputs):
    """One pair for each output, its standard deviation taken with n or with n - 1."""
    got = [tuple(pair) if isinstance(pair, list) else pair for pair in got] if isinstance(got, list) else got
    outputs = [np.asarray(output, dtype=np.float64) for output in outputs]
    try:
        assert_close(got, [(output.mean(), output.std()) for output in outputs], rtol=1e-4, atol=1e-6)
    except AssertionError:
        assert_close(got, [(output.mean(), output.std(ddof=1)) for output in outputs], rtol=1e-4, atol=1e-6)


def relu(x):
    return np.maximum(x, 0)


def layer_statistics_of(answers, model, x, weights, layer_type):
    """Numbers that the answer returns for one of four models without biases, and the types of these numbers."""
    import torch
    from torch import nn

    class Louder(nn.Linear):
        def forward(self, x):
            return 3 * super().forward(x)

    class Crossed(nn.Module):
        def __init__(self, last, unused, first):
            super().__init__()
            self.last, self.unused, self.first = last, unused, first

        def forward(self, x):
            return self.last(self.first(x) + 1)

    def linear(weight, kind=nn.Linear):
        layer = kind(weight.shape[1], weight.shape[0], bias=False)
        layer.weight.data = torch.tensor(weight, dtype=torch.float32)
        return layer

    def nested(first, second, third):
        inner = nn.Sequential(linear(second, Louder), nn.ReLU())
        return nn.Sequential(nn.Sequential(linear(first), nn.ReLU(), inner), linear(third))

    def overwritten(first, second):
        return nn.Sequential(linear(first), nn.ReLU(inplace=True), linear(second), nn.ReLU(inplace=True))

    def plain(value):
        if isinstance(value, (list, tuple)):
            return [plain(item) for item in value]
        return value if value is None else float(value)

    models = {
        "Linear": linear,
        "Sequential(Sequential(Linear, ReLU, Sequential(Louder, ReLU)), Linear)": nested,
        "last(first(x) + 1)": lambda first, last: Crossed(linear(last), linear(first), linear(first)),
        "Sequential(Linear, ReLU(inplace=True), Linear, ReLU(inplace=True))": overwritten,
    }
    x = torch.tensor(x, dtype=torch.float32)
    with torch.enable_grad():  # whatever the answer does to this switch, it ends here
        result = answers.layer_statistics(models[model](*weights), x, getattr(nn, layer_type))
    kinds = [
        type(number).__name__
        for pair in result or []
        for number in (pair if isinstance(pair, (list, tuple)) else [pair])
    ]
    return {"numbers": plain(result), "kinds": kinds}


ONE_LAYER = "Linear"
NESTED = "Sequential(Sequential(Linear, ReLU, Sequential(Louder, ReLU)), Linear)"
CROSSED = "last(first(x) + 1)"
OVERWRITTEN = "Sequential(Linear, ReLU(inplace=True), Linear, ReLU(inplace=True))"
DOUBLE, TRIPLE_NEGATIVE = np.array([[2.0]]), np.array([[-3.0]])


@exercise("1.3", points=1)
def test_a_model_that_is_itself_the_layer(learner):
    """A single linear layer that doubles 0, 1, 2, 3 puts out 0, 2, 4, 6: mean 3, standard deviation 2.24 (or 2.58 with n - 1)."""
    for x in ([[0.0], [1.0], [2.0], [3.0]], [[1.0], [4.0]], [[-2.0], [0.0], [5.0]]):
        got = learner.run(layer_statistics_of, ONE_LAYER, x, [DOUBLE], "Linear")
        assert_statistics(got["numbers"], [2 * np.array(x)])


@exercise("1.3", points=1)
def test_all_modules_of_the_type_at_any_depth_and_no_others(learner):
    """Every module of the type is found, however deep it sits, and subclasses too (Louder is one of Linear); of other types none; if there is none, the list is empty."""
    generator = np.random.default_rng(0)
    x, weights = generator.normal(size=(3, 2)), [generator.normal(size=shape) for shape in [(4, 2), (3, 4), (2, 3)]]
    first = x @ weights[0].T
    second = 3 * (relu(first) @ weights[1].T)
    third = relu(second) @ weights[2].T
    for layer_type, outputs in [
        ("ReLU", [relu(first), relu(second)]),
        ("Linear", [first, second, third]),
        ("Conv2d", []),
    ]:
        got = learner.run(layer_statistics_of, NESTED, x, weights, layer_type)
        assert_statistics(got["numbers"], outputs)


@exercise("1.3", points=1)
def test_pairs_stand_in_the_order_in_which_modules_run(learner):
    """The module that runs first comes first, even if it was registered last; one that does not run has no pair."""
    for x in ([[0.0], [1.0]], [[3.0], [1.0], [-1.0]]):
        got = learner.run(layer_statistics_of, CROSSED, x, [DOUBLE, TRIPLE_NEGATIVE], "Linear")
        first = 2 * np.array(x)
        assert_statistics(got["numbers"], [first, -3 * (first + 1)])


@exercise("1.3", points=1)
def test_the_output_as_its_module_returned_it(learner):
    """The statistics are those of the output itself, not of what an in-place ReLU after it leaves there."""
    for x in ([[-1.0], [2.0]], [[1.0], [-4.0], [-6.0], [3.0]]):
        got = learner.run(layer_statistics_of, OVERWRITTEN, x, [DOUBLE, TRIPLE_NEGATIVE], "Linear")
        first = 2 * np.array(x)
        assert_statistics(got["numbers"], [first, -3 * relu(first)])


@exercise("1.3", points=1)
def test_the_numbers_are_floats(learner):
    """The numbers in the pairs are floats, not tensors: `.item()` makes the one from the other."""
    x = [[0.0], [1.0], [3.0]]
    got = learner.run(layer_statistics_of, ONE_LAYER, x, [DOUBLE], "Linear")
    assert_statistics(got["numbers"], [2 * np.array(x)])
    for kind in got["kinds"]:
        assert kind in ("float", "float32", "float64"), f"A number in the list is of type {kind}, not float."


def traces_left(answers, x, training):
    """What the call changed in a model that has some gradients, modes and hooks of its own; its result; its first three layers."""
    import torch
    from torch import nn
    from torch.nn.modules import module as everywhere

    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3), nn.ReLU(), nn.Linear(3, 2), nn.BatchNorm1d(2))
    model[1].running_mean += 1
    model.train(training)
    model[1].eval()
    model[2].train(not training)
    hook = model[0].register_forward_hook(lambda module, inputs, output: None)
    earlier = model[3].register_forward_pre_hook(lambda module, inputs: None)
    x = torch.tensor(x)

    def state():
        return {
            "hooks": [len(m._forward_hooks) + len(m._forward_pre_hooks) + len(m._backward_hooks) for m in model],
            "hooks of the model": [hook.id in model[0]._forward_hooks, earlier.id in model[3]._forward_pre_hooks],
            "hooks on all modules": len(everywhere._global_forward_hooks) + len(everywhere._global_forward_pre_hooks),
            "modes": [module.training for module in model.modules()],
            "momentum": [model[1].momentum, model[4].momentum],
            "weights": [value.tolist() for value in model.parameters()],
            "dtypes": sorted({str(value.dtype) for value in model.state_dict().values()}),
            "attributes": [sorted(vars(module)) for module in model.modules()],
            "requires_grad": [value.requires_grad for value in model.parameters()],
            "buffers": [value.tolist() for value in model.buffers()],
            ".grad": [None if value.grad is None else value.grad.tolist() for value in model.parameters()],
            "x": [x.tolist(), x.requires_grad],
            "gradient switch of PyTorch": torch.is_grad_enabled(),
        }

    with torch.enable_grad():
        model(torch.ones(4, 2)).sum().backward()
        before = state()
        result = answers.layer_statistics(model, x, nn.Linear)
        after = state()
    changed = {name: after[name] for name in before if before[name] != after[name]}
    layers = [
        before["weights"][0],
        before["weights"][1],
        before["buffers"][0],
        before["buffers"][1],
        *before["weights"][4:6],
    ]
    return {"changed": changed, "numbers": [[float(number) for number in pair] for pair in result], "layers": layers}


@exercise("1.3", points=2)
def test_leaves_the_model_as_it_was(learner):
    """Modes, hooks, weights, buffers and `.grad` are as before, whether the model was training or not."""
    x = np.random.default_rng(1).normal(size=(5, 2)).astype(np.float32)
    for training in (True, False):
        got = learner.run(traces_left, x, training)
        assert not got["changed"], f"After the call these are no longer as they were: {', '.join(got['changed'])}."
        weight, bias, mean, var, second_weight, second_bias = map(np.array, got["layers"])
        first = x @ weight.T + bias
        hidden = relu((first - mean) / np.sqrt(var + 1e-5))
        assert_statistics(got["numbers"], [first, hidden @ second_weight.T + second_bias])


# 1.4 internal_drift

guide(
    "1.4",
    hints=[
        "Cut `history` in two first: means `history[..., 0]` and standard deviations `history[..., 1]`, both of shape (T, L).",
        "`np.diff(mean, axis=0)` has T - 1 rows; row t belongs to the standard deviation of row t, so leave out the last one.",
    ],
    forbids=NUMPY_ONLY,
)


def drift(history):
    """Time by time and layer by layer."""
    times, layers, _ = history.shape
    return np.array(
        [
            [
                abs(float(history[t + 1, i, 0]) - float(history[t, i, 0])) / float(history[t, i, 1])
                for i in range(layers)
            ]
            for t in range(times - 1)
        ]
    )


def histories(times, layers, seed):
    generator = np.random.default_rng(seed)
    return np.stack([generator.normal(0, 3, (times, layers)), generator.uniform(0.5, 4, (times, layers))], axis=-1)


@exercise("1.4", points=1)
def test_one_layer_by_hand(learner):
    """From mean 1, standard deviation 2 to mean 4, standard deviation 6 is a drift of 1.5, and so is the fall to mean -2."""
    for end in (4.0, -2.0):
        history = np.array([[[1.0, 2.0]], [[end, 6.0]]])
        assert_close(learner.internal_drift(history), np.array([[1.5]]))


@exercise("1.4", points=1)
def test_each_step_is_measured_from_the_time_before(learner):
    """Means 0, 1, 3, 0 with standard deviations 1, 2, 4, 8 drift by 1, 1 and 0.75: from one time to the next, by the standard deviation before."""
    history = np.array([[[0.0, 1.0]], [[1.0, 2.0]], [[3.0, 4.0]], [[0.0, 8.0]]])
    assert_close(learner.internal_drift(history), np.array([[1.0], [1.0], [0.75]]))
    assert_close(learner.internal_drift(history[:3]), np.array([[1.0], [1.0]]))


@exercise("1.4", points=1)
def test_each_layer_by_itself(learner):
    """Any number of times and layers: the result has shape (T - 1, L), and no layer touches another."""
    for times, layers in [(2, 1), (2, 2), (2, 3), (3, 2), (3, 3), (5, 4)]:
        history = histories(times, layers, seed=10 * times + layers)
        assert_close(learner.internal_drift(history), drift(history))


@exercise("1.4", points=1)
def test_units_do_not_matter_and_history_stays_as_it_is(learner):
    """Means and standard deviations a million times smaller give the same drift; float32 and read-only arrays are taken and not changed."""
    tiny = 1e-6 * histories(3, 2, seed=1)
    for history in (tiny, histories(4, 2, 2).astype(np.float32), read_only(histories(3, 4, 3)), tiny):
        assert_close(learner.internal_drift(history), drift(history), rtol=1e-4, atol=1e-6)
        assert not learner.changed, f"The call changed its argument {learner.changed[0]}."
