"""What a right answer to chapter 11 must satisfy. Oracles: PyTorch's own layers in float64, and counting one by one."""

import numpy as np

from bncourse.checking import NUMPY_ONLY, TORCH_NORMS, assert_close, exercise, guide
from bncourse.checking.properties import given, st


def random(*shape, seed=0, offset=0.0, spread=2.0):
    return offset + spread * np.random.default_rng(seed).standard_normal(shape)


# 11.1 ResidualBlock

guide(
    "11.1",
    hints=[
        "An nn.Sequential holds the branch; forward is one line, the sum of x and the branch of x.",
        "γ of an nn.BatchNorm2d is its `weight`; nn.init.zeros_ sets a parameter to 0 and leaves it one that is trained.",
        "Only the last γ is 0. With both at 0 no gradient would ever reach either of them.",
    ],
)


def block_output(answers, channels, x, filters, normalisations, training):
    """Which layers the block runs, in their order, and its output.

    Its filters are set to `filters`, biases of convolutions to 0; γ, β, running mean and variance to `normalisations`,
    unless that is None.
    """
    import copy

    import torch
    from torch import nn

    block, order = answers.ResidualBlock(channels).double(), []
    twin = copy.deepcopy(block).eval()
    for name, module in twin.named_modules():
        if isinstance(module, (nn.Conv2d, nn.BatchNorm2d)):
            module.register_forward_hook(lambda *_, name=name: order.append(name))
    with torch.no_grad():
        twin(torch.from_numpy(x).clone())
        layers = [block.get_submodule(name) for name in order]
        convolutions = [layer for layer in layers if isinstance(layer, nn.Conv2d)]
        norms = [layer for layer in layers if isinstance(layer, nn.BatchNorm2d)]
        for layer, values in zip(convolutions, filters):
            layer.weight.copy_(torch.from_numpy(values))
            if layer.bias is not None:
                layer.bias.zero_()
        for layer, values in zip(norms, normalisations or ()):
            for tensor, value in zip((layer.weight, layer.bias, layer.running_mean, layer.running_var), values):
                tensor.copy_(torch.from_numpy(value))
        y = block.train(training)(torch.from_numpy(x))
    return ["conv" if isinstance(layer, nn.Conv2d) else "bn" for layer in layers], y.numpy()


def block_gradients(answers, channels, x, dy, filters):
    """Of a new block in training: γ and β of both layers, and gradients of sum(y * dy) for x and the four of them."""
    import torch
    from torch import nn

    block = answers.ResidualBlock(channels).double()
    modules = list(block.modules())
    for layer, values in zip([one for one in modules if isinstance(one, nn.Conv2d)], filters):
        with torch.no_grad():
            layer.weight.copy_(torch.from_numpy(values))
    norms = [layer for layer in modules if isinstance(layer, nn.BatchNorm2d)]
    tensor = torch.from_numpy(x).requires_grad_()
    (block(tensor) * torch.from_numpy(dy)).sum().backward()
    trained = [parameter.requires_grad for parameter in block.parameters()]
    starts = [(layer.weight.detach().numpy(), layer.bias.detach().numpy()) for layer in norms]
    gradients = [parameter.grad for layer in norms for parameter in (layer.weight, layer.bias)]
    return starts, tensor.grad, [one is None or one.numpy() for one in gradients], all(trained)


def filters_of(channels, seed=0):
    return [random(channels, channels, 3, 3, seed=seed + k, spread=0.3) for k in (0, 1)]


def expected_block(x, filters, normalisations, training, relu):
    """x plus the branch, by PyTorch's functions."""
    import torch
    from torch.nn import functional as F

    h = torch.from_numpy(x)
    for place, (weight, (gamma, beta, mean, var)) in enumerate(zip(map(torch.from_numpy, filters), normalisations)):
        h = F.conv2d(h, weight, padding=1)
        h = F.batch_norm(h, *map(torch.from_numpy, map(np.copy, (mean, var, gamma, beta))), training)
        if relu and place == 0:
            h = F.relu(h)
    return x + h.numpy()


def normalisations_of(channels, last=None):
    """γ, β, running mean and variance of both layers, all different."""
    steps = np.arange(1.0, channels + 1)
    first = (0.5 + steps / channels, 0.3 - steps / 5, steps / 3, 0.5 + steps)
    return [first, last or (1.5 - steps / 4, steps / 6, -steps / 2, 1 + steps / 2)]


def starting(channels):
    one, zero = np.ones(channels), np.zeros(channels)
    return [(one, zero, zero, one), (zero, zero, zero, one)]


def assert_pairs(kinds):
    assert_close(
        " ".join(kinds),
        "conv bn conv bn",
        message="The branch runs other layers than conv, BN, conv, BN, in this order.",
    )


@exercise("11.1", points=2)
def test_a_new_block_is_the_identity(learner):
    """A new block gives back its input exactly, negative values too, in training and in evaluation; its branch is conv, BN, conv, BN."""
    for channels, shape in [(1, (2, 1, 2, 2)), (2, (2, 2, 3, 4)), (4, (3, 4, 5, 2)), (3, (1, 3, 4, 4))]:
        for training in (True, False):
            x = random(*shape, seed=channels)
            kinds, y = learner.run(block_output, channels, x, filters_of(channels), None, training)
            assert_pairs(kinds)
            assert_close(
                y,
                x,
                rtol=0,
                atol=0,
                message="A new block changes its input. Its filters were set by this check; γ and β are yours.",
            )
            assert not learner.changed, "The block changed its input."


@exercise("11.1", points=1)
def test_the_last_gamma_alone_starts_at_zero(learner):
    """The first γ starts at 1, the last at 0, both β at 0."""
    for channels in (2, 5):
        x, dy = random(2, channels, 3, 3), random(2, channels, 3, 3, seed=1)
        starts, *_ = learner.run(block_gradients, channels, x, dy, filters_of(channels))
        expected = [(gamma, beta) for gamma, beta, *_ in starting(channels)]
        assert_close(starts, expected, message="γ and β of the two layers start elsewhere.")


def check_branch(learner, training):
    for seed, (channels, shape) in enumerate([(1, (2, 1, 2, 2)), (2, (3, 2, 4, 3)), (3, (2, 3, 5, 5))]):
        x, filters, normalisations = random(*shape, seed=seed), filters_of(channels, seed), normalisations_of(channels)
        kinds, y = learner.run(block_output, channels, x, filters, normalisations, training)
        assert_pairs(kinds)
        with_relu, without = (expected_block(x, filters, normalisations, training, relu) for relu in (True, False))
        linear = np.shape(y) == without.shape and np.allclose(np.asarray(y), without, rtol=1e-5, atol=1e-8)
        assert_close(y, without if linear else with_relu)
        assert not learner.changed, "The block changed its input."


@exercise("11.1", points=2)
def test_the_block_adds_its_branch_in_training(learner):
    """With other γ and β the output is x plus conv, BN, (ReLU,) conv, BN, by batch statistics, with nothing after the sum."""
    check_branch(learner, training=True)


@exercise("11.1", points=1)
def test_the_block_adds_its_branch_in_evaluation(learner):
    """In evaluation both layers normalise by their running statistics."""
    check_branch(learner, training=False)


@exercise("11.1", points=2)
def test_a_new_block_can_learn(learner):
    """In a new block the gradient passes to x unchanged and reaches the last γ and β; everything is trained."""
    for channels, shape in [(1, (2, 1, 2, 2)), (2, (3, 2, 4, 3))]:
        x, dy, filters = random(*shape, seed=5), random(*shape, seed=6), filters_of(channels)
        _, dx, gradients, trained = learner.run(block_gradients, channels, x, dy, filters)
        assert trained, "Some parameters require no gradient: they would never be trained."
        assert_close(dx, dy, message="The gradient of x at the start is not the one that comes from above.")
        expected = []
        for relu in (True, False):
            start = starting(channels)
            start[1] = (np.ones(channels), *start[1][1:])
            x_hat = expected_block(x, filters, start, True, relu) - x
            zero = np.zeros(channels)
            expected.append([zero, zero, (dy * x_hat).sum((0, 2, 3)), dy.sum((0, 2, 3))])
        linear = np.shape(gradients) == (4, channels) and np.allclose(np.asarray(gradients, float), expected[1])
        assert_close(gradients, expected[linear], message="The gradients of γ and β of the two layers are others.")


# 11.2 FrozenBatchNorm2d

guide(
    "11.2",
    hints=[
        "self.register_buffer(name, tensor) makes a buffer: it is in the state dict and moves with the module, and no optimizer sees it.",
        "Compute the scale weight / √(running_var + ε) in forward, not in __init__: what is loaded later must count.",
        "A strict load refuses a key that the module does not have: register num_batches_tracked too, or take it out in "
        "_load_from_state_dict, whose argument `prefix` says where in a larger model this layer is.",
    ],
)


def frozen_output(answers, settings, state, x, dy, training):
    """Output for x, gradient for x, and all four buffers afterwards."""
    import torch

    layer = answers.FrozenBatchNorm2d(**settings).double()
    layer.train(training)
    with torch.no_grad():
        for name, values in state.items():
            getattr(layer, name).copy_(torch.from_numpy(values))
    tensor = torch.from_numpy(x).requires_grad_()
    y = layer(tensor)
    (y * torch.from_numpy(dy)).sum().backward()
    names = ("weight", "bias", "running_mean", "running_var")
    return y.detach().numpy(), tensor.grad.numpy(), {name: getattr(layer, name).detach().numpy() for name in names}


def frozen_parts(answers, num_features):
    """Which parameters there are, the first values of the buffers, the counter apart, and those in the state dict."""
    layer = answers.FrozenBatchNorm2d(num_features)
    buffers = {name: value.numpy() for name, value in layer.named_buffers() if name != "num_batches_tracked"}
    trained = {name: parameter.requires_grad for name, parameter in layer.named_parameters()}
    return trained, buffers, [key for key in layer.state_dict() if key in buffers]


def frozen_loaded(answers, num_features, states, x, depth):
    """Outputs for x, in training, after one state dict after the other was loaded strictly into a model of some depth."""
    import torch
    from torch import nn

    model = answers.FrozenBatchNorm2d(num_features)
    for _ in range(depth):
        model = nn.Sequential(nn.Identity(), model)
    outputs = []
    for state in states:
        prefix = "1." * depth
        model.load_state_dict({prefix + name: torch.as_tensor(value) for name, value in state.items()}, strict=True)
        model.train()
        outputs.append(model(torch.from_numpy(x)).detach().numpy())
    return outputs


def frozen_copied(answers, num_features, state, x):
    """Output of a second layer that strictly takes over what a first one holds."""
    import torch

    first, second = answers.FrozenBatchNorm2d(num_features), answers.FrozenBatchNorm2d(num_features)
    first.load_state_dict({name: torch.as_tensor(value) for name, value in state.items()}, strict=True)
    second.load_state_dict(first.state_dict(), strict=True)
    return second(torch.from_numpy(x)).detach().numpy()


def frozen_state(channels, seed=0):
    steps = np.arange(1.0, channels + 1)
    return {
        "weight": 0.5 + steps + seed, "bias": seed - steps, "running_mean": steps**2, "running_var": (1 + seed) / steps,
    }  # fmt: skip


def expected_frozen(x, state, eps=1e-5):
    weight, bias, mean, var = (
        state[name].reshape(-1, 1, 1) for name in ("weight", "bias", "running_mean", "running_var")
    )
    return weight * (x - mean) / np.sqrt(var + eps) + bias


def check_frozen(learner, shape, settings=None, state=None, training=True, what=("y", "dx", "state")):
    settings = {"num_features": shape[1], **(settings or {})}
    state = state or frozen_state(shape[1])
    x, dy = random(*shape, seed=1, offset=1.0), random(*shape, seed=2)
    y, dx, after = learner.run(frozen_output, settings, state, x, dy, training)
    eps = settings.get("eps", 1e-5)
    scale = (state["weight"] / np.sqrt(state["running_var"] + eps)).reshape(-1, 1, 1)
    if "y" in what:
        assert_close(y, expected_frozen(x, state, eps))
    if "dx" in what:
        assert_close(dx, scale * dy, message="The gradient of x is not dy times the scale of its channel.")
    if "state" in what:
        assert_close(after, state, message="The layer has changed what it stores.")
    assert not learner.changed, "The layer changed its input."


FROZEN_SHAPES = [(2, 2, 1, 2), (1, 3, 2, 2), (3, 2, 2, 4), (2, 3, 3, 3)]


@exercise("11.2", points=2)
def test_stored_statistics_normalise_in_training(learner):
    """In training the stored statistics normalise, for one image as for many, then weight scales and bias shifts."""
    for shape in FROZEN_SHAPES:
        check_frozen(learner, shape, what="y")


@exercise("11.2", points=1)
def test_evaluation_is_no_different(learner):
    """In evaluation the output is the same."""
    for shape in FROZEN_SHAPES:
        check_frozen(learner, shape, training=False, what="y")


@exercise("11.2", points=1)
def test_nothing_stored_ever_moves(learner):
    """A batch in training moves none of the four buffers."""
    for shape in FROZEN_SHAPES:
        check_frozen(learner, shape, what=("state",))


@exercise("11.2", points=1)
def test_gradients_reach_the_input(learner):
    """The gradient of x is that from above times weight / √(running_var + ε), in both modes."""
    for training in (True, False):
        check_frozen(learner, (2, 3, 2, 2), training=training, what=("dx",))


@exercise("11.2", points=1)
def test_eps_of_a_frozen_layer(learner):
    """ε is added under the root and is 1e-5 unless given."""
    faint = frozen_state(2) | {"running_var": np.array([1e-6, 4e-5])}
    for settings in ({"eps": 0.5}, {"eps": 1e-3}, {}):
        check_frozen(learner, (2, 2, 1, 3), settings, faint, what="y")


@exercise("11.2", points=2)
def test_four_buffers_and_no_parameters(learner):
    """weight, bias, running_mean and running_var are buffers of shape (C,), in the state dict, at first 1, 0, 0, 1; there are no parameters."""
    for channels in (1, 3):
        one, zero = np.ones(channels), np.zeros(channels)
        trained, buffers, keys = learner.run(frozen_parts, channels)
        assert not trained, (
            f"{min(trained)} is a parameter: whoever sets requires_grad=True for all parameters of a model thaws it."
        )
        expected = {"weight": one, "bias": zero, "running_mean": zero, "running_var": one}
        assert_close(buffers, {name: expected[name] for name in buffers if name in expected}, rtol=1e-4, atol=1e-4)
        assert sorted(buffers) == sorted(expected), f"The buffers are {sorted(buffers)}."
        assert sorted(keys) == sorted(expected), f"The state dict holds only {sorted(keys)} of the buffers."


def loadable(channels, seed=0):
    """A state dict as that of nn.BatchNorm2d."""
    state = {name: value.astype(np.float32) for name, value in frozen_state(channels, seed).items()}
    return state | {"num_batches_tracked": np.array(7 + seed)}


@exercise("11.2", points=2)
def test_the_state_of_a_batch_norm_loads_strictly(learner):
    """The state dict of an nn.BatchNorm2d, its counter included, loads strictly, alone and inside a model, and counts at once."""
    for depth in (0, 1, 2):
        x, states = random(2, 3, 2, 2, seed=3).astype(np.float32), [loadable(3, seed) for seed in (0, 1)]
        got = learner.run(frozen_loaded, 3, states, x, depth)
        assert_close(got, [expected_frozen(x, state) for state in states], rtol=1e-4, atol=1e-5)


@exercise("11.2", points=1)
def test_its_own_state_loads_too(learner):
    """What one frozen layer holds, a second one takes over, strictly."""
    x, state = random(1, 2, 3, 2, seed=4).astype(np.float32), loadable(2)
    assert_close(learner.run(frozen_copied, 2, state, x), expected_frozen(x, state), rtol=1e-4, atol=1e-5)


# 11.3 mean_iou

guide(
    "11.3",
    hints=[
        "First keep only the pixels that count: prediction[target != ignore_index], and the same for target.",
        "For one class: both = (prediction == k) & (target == k), either = (prediction == k) | (target == k).",
        "A confusion matrix by num_classes * target + prediction needs wider integers than uint8: 21 · 20 is beyond 255.",
    ],
    forbids=NUMPY_ONLY,
)


def expected_mean_iou(prediction, target, ignore_index=255):
    """Pixel by pixel, with sets of places."""
    places = {}
    for place, (one, other) in enumerate(zip(np.ravel(prediction).tolist(), np.ravel(target).tolist())):
        if other != ignore_index:
            places.setdefault(one, (set(), set()))[0].add(place)
            places.setdefault(other, (set(), set()))[1].add(place)
    return sum(len(one & other) / len(one | other) for one, other in places.values()) / len(places)


def check_mean_iou(learner, prediction, target, num_classes, **options):
    got = learner.mean_iou(prediction, target, num_classes, **options)
    assert_close(got, expected_mean_iou(prediction, target, **options))
    assert not learner.changed, f"The call changed its argument {learner.changed[0]}."


@exercise("11.3", points=2)
def test_four_pixels(learner):
    """Of 0 0 1 1 the prediction 0 1 1 1 gets class 0 half and class 1 two thirds: the mean is 7/12."""
    for prediction, target, expected in [
        ([[0, 1], [1, 1]], [[0, 0], [1, 1]], 7 / 12),
        ([[0, 0], [1, 1]], [[0, 0], [1, 1]], 1),
        ([[1, 1], [0, 0]], [[0, 0], [1, 1]], 0),
    ]:
        assert_close(learner.mean_iou(np.array(prediction), np.array(target), 2), expected)


def labels(*shape, classes, seed=0, dtype=np.int64):
    return np.random.default_rng(seed).integers(0, classes, shape).astype(dtype)


@exercise("11.3", points=1)
def test_pixels_of_all_images_are_counted_together(learner):
    """One image, a batch, a row of pixels: intersections and unions are those over all pixels together."""
    for shape in [(6,), (3, 4), (4, 2, 3), (2, 2, 2, 2)]:
        check_mean_iou(learner, labels(*shape, classes=3, seed=1), labels(*shape, classes=3, seed=2), 3)


@exercise("11.3", points=2)
def test_classes_absent_from_both_are_left_out(learner):
    """A class in neither array is left out of the mean; one that occurs in only one of them counts with 0."""
    for prediction, target, classes in [
        ([0, 0, 0, 1], [0, 0, 1, 1], 5),
        ([0, 0, 3, 1], [0, 0, 1, 1], 4),
        ([0, 0, 1, 1], [0, 0, 3, 1], 4),
        ([2, 2, 2], [2, 2, 2], 21),
        ([20, 20, 4], [20, 4, 4], 21),
        ([1, 2, 2, 2, 5], [1, 1, 2, 3, 3], 9),
    ]:
        check_mean_iou(learner, np.array(prediction), np.array(target), classes)


@exercise("11.3", points=2)
def test_ignored_pixels_do_not_count(learner):
    """Pixels whose target is ignore_index, 255 unless given, count neither in an intersection nor in a union, whatever is predicted there
    and whatever number it is."""
    for ignored in (255, 254, -1, 7):
        prediction, target = np.array([[0, 1, 1, 2, 1]]), np.array([[0, 1, 0, ignored, ignored]])
        options = {} if ignored == 255 else {"ignore_index": ignored}
        check_mean_iou(learner, prediction, target, 3, **options)
        prediction, target = labels(3, 5, classes=4, seed=3), labels(3, 5, classes=4, seed=4)
        target[labels(3, 5, classes=3, seed=5) == 0] = ignored
        check_mean_iou(learner, prediction, target, 4, **options)
    for ignored, target in [(1, [0, 1, 1, 2]), (0, [0, 1, 0, 2]), (2, [0, 2, 1, 1])]:
        check_mean_iou(learner, np.array([0, 2, 1, 2]), np.array(target), 3, ignore_index=ignored)


@exercise("11.3", points=1)
def test_masks_of_bytes(learner):
    """uint8 masks of many classes are counted correctly, and masks of two dtypes."""
    for classes in (21, 200):
        for dtypes in ((np.uint8, np.uint8), (np.int64, np.uint8), (np.uint8, np.int32), (np.int8, np.int16)):
            if classes == 200 and np.int8 in dtypes:
                continue
            prediction = labels(12, 15, classes=classes, seed=6, dtype=dtypes[0])
            target = labels(12, 15, classes=classes, seed=7, dtype=dtypes[1])
            target[::2] = prediction[::2]
            check_mean_iou(learner, prediction, target, classes)


@exercise("11.3", points=1)
@given(st.integers(1, 4), st.integers(1, 12), st.integers(0, 99))
def test_any_masks(learner, classes, pixels, seed):
    """Any masks, with ignored pixels among them, also in strided arrays; no argument is changed."""
    prediction, target = (
        labels(2 * pixels, classes=classes, seed=seed),
        labels(2 * pixels, classes=classes, seed=seed + 1),
    )
    target[2:][labels(2 * pixels - 2, classes=4, seed=seed + 2) == 0] = 255
    check_mean_iou(learner, prediction[::2], target[::2], classes)


# 11.4 box_iou

guide(
    "11.4",
    hints=[
        "What two boxes share is again a box: its left edge is the larger of the two left edges, its right edge the smaller of the two right ones.",
        "Boxes that do not meet have a negative width or height there: cut each at 0 before you multiply.",
        "a[:, None] and b[None] broadcast to (N, M, 4).",
    ],
    forbids=NUMPY_ONLY,
)


def expected_box_iou(a, b):
    """Pair by pair, in Python's numbers."""
    result = np.zeros((len(a), len(b)))
    for i, j in np.ndindex(*result.shape):
        (l1, t1, r1, b1), (l2, t2, r2, b2) = a[i].tolist(), b[j].tolist()
        shared = max(0, min(r1, r2) - max(l1, l2)) * max(0, min(b1, b2) - max(t1, t2))
        result[i, j] = shared / ((r1 - l1) * (b1 - t1) + (r2 - l2) * (b2 - t2) - shared)
    return result


def check_box_iou(learner, a, b):
    assert_close(learner.box_iou(a, b), expected_box_iou(a, b), rtol=1e-5, atol=1e-9)
    assert not learner.changed, f"The call changed its argument {learner.changed[0]}."


def boxes(count, seed=0, reach=6.0):
    generator = np.random.default_rng(seed)
    corner, size = generator.uniform(0, reach, (count, 2)), generator.uniform(1, 5, (count, 2))
    return np.concatenate([corner, corner + size], 1)


@exercise("11.4", points=1)
def test_two_boxes_that_overlap(learner):
    """Two boxes of 2 by 2, one moved right by 1, share 2 of 6: a third. A box and itself have 1."""
    a = np.array([[0.0, 0.0, 2.0, 2.0]])
    for b in ([[1.0, 0.0, 3.0, 2.0]], [[0.0, 0.0, 2.0, 2.0]], [[0.0, 1.0, 2.0, 4.0]], [[0.5, 0.5, 1.0, 1.5]]):
        check_box_iou(learner, a, np.array(b))


@exercise("11.4", points=2)
def test_boxes_that_do_not_meet(learner):
    """Boxes that lie beside, above or diagonally from each other, or only touch, share nothing."""
    a = np.array([[4.0, 4.0, 6.0, 7.0]])
    for left, top in [(8, 4), (0, 4), (4, 9), (4, 0), (9, 9), (0, 0), (9, 0), (0, 9), (6, 4), (4, 7), (6, 7)]:
        check_box_iou(learner, a, np.array([[left, top, left + 2.0, top + 3.0]]))


@exercise("11.4", points=2)
def test_every_box_with_every_other(learner):
    """Row i, column j is a[i] with b[j], for any two numbers of boxes."""
    for n, m in [(1, 3), (3, 1), (2, 3), (4, 4), (5, 2)]:
        check_box_iou(learner, boxes(n, seed=n), boxes(m, seed=10 + m))


@exercise("11.4", points=1)
def test_no_boxes(learner):
    """Without boxes on one side or both the answer is empty, (0, M), (N, 0) or (0, 0)."""
    for n, m in [(0, 3), (2, 0), (0, 0)]:
        check_box_iou(learner, boxes(n), boxes(m))
        check_box_iou(learner, boxes(2), boxes(3))


@exercise("11.4", points=1)
def test_small_and_large_and_negative_coordinates(learner):
    """Boxes a thousandth of a pixel wide, boxes far from the origin and left of it: the ratio is the same."""
    for scale, offset in [(1e-3, 0.0), (1e-4, -1e-4), (1.0, -20.0), (100.0, -250.0)]:
        a, b = boxes(3, seed=1), boxes(2, seed=2)
        check_box_iou(learner, scale * a + offset, scale * b + offset)


@exercise("11.4", points=1)
def test_boxes_of_integers(learner):
    """Integer boxes give fractions, of float32 too, and arguments stay as they are."""
    for kind in (np.int64, np.int16, np.float32):
        a, b = (np.round(10 * boxes(count, seed=count)).astype(kind) for count in (3, 2))
        check_box_iou(learner, a, b)


# 11.5 SyncBatchNorm

guide(
    "11.5",
    hints=[
        "Two exchanges are enough in the forward pass: sums and counts give the joint mean; sums of squared distances from it the joint variance.",
        "torch.distributed.all_reduce cuts the graph. Put it into a torch.autograd.Function: the forward adds up the values of "
        "all processes, the backward the gradients of all processes.",
        "Count values, not samples: x.numel() // x.shape[1]. Add the counts up too; the running variance is var · count / (count - 1).",
    ],
    forbids=(*(name for name in TORCH_NORMS if name != "torch._ops"), "torch.nn.modules._functions"),
)


def in_training(answers, steps, dys, weight, bias, settings):
    """After training on `steps`, a list of batches (one a process) each: outputs, gradients and statistics of each process."""
    import torch

    from bncourse.checking.processes import in_processes

    def program(rank):
        layer = answers.SyncBatchNorm(**settings).double()
        with torch.no_grad():
            layer.weight.copy_(torch.from_numpy(weight))
            layer.bias.copy_(torch.from_numpy(bias))
        for parts in steps:
            x = torch.from_numpy(parts[rank]).requires_grad_()
            layer.zero_grad()
            y = layer(x)
            (y * torch.from_numpy(dys[rank])).sum().backward()
        return {
            "y": y.detach().numpy(), "dx": x.grad.numpy(), "dweight": layer.weight.grad.numpy(),
            "dbias": layer.bias.grad.numpy(), "mean": layer.running_mean.numpy(), "var": layer.running_var.numpy(),
        }  # fmt: skip

    found = in_processes(len(dys), program)
    return {name: [one[name] for one in found] for name in found[0]}


def in_evaluation(answers, size, alone, settings, mean, var, x):
    """Output and running statistics in evaluation, of every process or of the last one alone."""
    import torch

    from bncourse.checking.processes import in_processes

    def program(rank):
        layer = answers.SyncBatchNorm(**settings).double().eval()
        with torch.no_grad():
            layer.running_mean.copy_(torch.from_numpy(mean))
            layer.running_var.copy_(torch.from_numpy(var))
        if alone and rank < size - 1:
            return None
        return layer(torch.from_numpy(x)).detach().numpy(), layer.running_mean.numpy(), layer.running_var.numpy()

    found = in_processes(size, program)
    return found[-1:] if alone else found


def in_two_layers(answers, parts, dys):
    """Gradients for x, for the weights of two layers in a row, and whether statistics carry a history."""
    import copy

    import torch

    from bncourse.checking.processes import in_processes

    def program(rank):
        channels = parts[rank].shape[1]
        first, second = (answers.SyncBatchNorm(channels).double() for _ in range(2))
        x = torch.from_numpy(parts[rank]).requires_grad_()
        y = second(torch.tanh(first(x)) + x)
        (y**2 * torch.from_numpy(dys[rank])).sum().backward()
        copy.deepcopy(first)
        kept = [statistic.requires_grad for statistic in (first.running_mean, first.running_var)]
        return x.grad.numpy(), first.weight.grad.numpy(), second.weight.grad.numpy(), kept

    return in_processes(len(parts), program)


def state_of_new(answers, num_features):
    """Parameters and buffers of a new layer, a counter of batches apart."""
    from bncourse.checking.processes import in_processes

    def program(rank):
        layer = answers.SyncBatchNorm(num_features)
        buffers = {name: value for name, value in layer.named_buffers() if name != "num_batches_tracked"}
        return [
            {name: one.detach().numpy() for name, one in group} for group in (layer.named_parameters(), buffers.items())
        ]

    return in_processes(2, program)


def in_float32(answers, parts, settings):
    """Outputs and running statistics in float32."""
    import torch

    from bncourse.checking.processes import in_processes

    def program(rank):
        layer = answers.SyncBatchNorm(**settings)
        y = layer(torch.from_numpy(parts[rank])).detach().numpy()
        return y, layer.running_mean.numpy(), layer.running_var.numpy()

    return in_processes(len(parts), program)


def rows_of(x):
    """(N, C, *S) as (values, C)."""
    return np.moveaxis(x, 1, -1).reshape(-1, x.shape[1])


def unrowed(rows, parts):
    """Rows of the joined batch as the parts that they came from."""
    result = []
    for part in parts:
        taken, rows = rows[: part.size // part.shape[1]], rows[part.size // part.shape[1] :]
        shape = (part.shape[0], *part.shape[2:], part.shape[1])
        result.append(np.moveaxis(taken.reshape(shape), -1, 1))
    return result


def expected_training(steps, dys, weight, bias, settings):
    """One BN of PyTorch's on the joined batches."""
    import torch

    channels = settings["num_features"]
    layer = torch.nn.BatchNorm1d(channels, settings.get("eps", 1e-5), settings.get("momentum", 0.1)).double()
    with torch.no_grad():
        layer.weight.copy_(torch.from_numpy(weight))
        layer.bias.copy_(torch.from_numpy(bias))
    for parts in steps:
        x = torch.from_numpy(np.concatenate([rows_of(part) for part in parts])).requires_grad_()
        y = layer(x)
    dy = np.concatenate([rows_of(part) for part in dys])
    (y * torch.from_numpy(dy)).sum().backward()
    x_hat = unrowed((y.detach().numpy() - bias) / weight, parts)
    return {
        "y": unrowed(y.detach().numpy(), parts), "dx": unrowed(x.grad.numpy(), parts),
        "dweight": [rows_of(d * h).sum(0) for d, h in zip(dys, x_hat)], "dbias": [rows_of(d).sum(0) for d in dys],
        "mean": [layer.running_mean.numpy()] * len(parts), "var": [layer.running_var.numpy()] * len(parts),
    }  # fmt: skip


def affine(channels):
    steps = np.arange(1.0, channels + 1)
    return 0.5 + steps, -steps


def batches(shapes, seed=0):
    """One batch a process, each from elsewhere."""
    return [random(*shape, seed=seed + k, offset=3.0 * k, spread=1.0 + k) for k, shape in enumerate(shapes)]


EQUAL = [[(3, 2), (3, 2)], [(2, 2, 3)] * 2, [(2, 3, 2, 2)] * 3]
UNEQUAL = [[(3, 2), (1, 2)], [(1, 2), (4, 2), (2, 2)], [(1, 3, 2, 2), (3, 3, 2, 2)], [(2, 2, 1, 2, 1), (1, 2, 1, 2, 1)]]
POSITIONS = [[(2, 2, 3), (2, 2, 1)], [(1, 2, 2, 3), (2, 2, 1, 1), (1, 2, 4, 1)]]


def check_training(learner, shapes, what, settings=None, seed=0, steps=1):
    """The answer gives `what` as one BN on the joined batch does."""
    settings = {"num_features": shapes[0][1], **(settings or {})}
    all_steps = [batches(shapes, seed + 10 * k) for k in range(steps)]
    dys = [random(*shape, seed=50 + k) for k, shape in enumerate(shapes)]
    given = all_steps, dys, *affine(shapes[0][1]), settings
    got, expected = learner.run(in_training, *given), expected_training(*given)
    assert isinstance(got, dict), "The layer gives no result."
    for name in what:
        words = {
            "y": None,
            "dx": "The gradient of x is not that of the sum of all processes' losses.",
            "mean": "The running mean is another one.",
            "var": "The running variance is another one.",
            "dweight": "The gradient of weight is not the process's own share.",
            "dbias": "The gradient of bias is not the process's own share.",
        }[name]
        assert_close(got[name], expected[name], rtol=1e-5, atol=1e-7, message=words)
    assert not learner.changed, "The layer changed its input."


@exercise("11.5", points=1)
def test_one_process_is_an_ordinary_bn(learner):
    """In one process output, gradients and running statistics are those of an ordinary BN."""
    for shape in [(4, 2), (3, 2, 4), (2, 3, 2, 2)]:
        check_training(learner, [shape], ("y", "dx", "dweight", "dbias", "mean", "var"))


@exercise("11.5", points=2)
def test_processes_normalise_by_joint_statistics(learner):
    """In two and three processes with batches of one size the output is that of one BN on the joined batch."""
    for seed, shapes in enumerate(EQUAL):
        check_training(learner, shapes, ("y",), seed=seed)


@exercise("11.5", points=2)
def test_local_batches_of_any_size(learner):
    """With local batches of different sizes, one sample among them, every value counts once."""
    for seed, shapes in enumerate(UNEQUAL):
        check_training(learner, shapes, ("y",), seed=seed)


@exercise("11.5", points=1)
def test_local_batches_of_other_positions(learner):
    """Images of another size in each process: values are counted, not samples."""
    for seed, shapes in enumerate(POSITIONS):
        check_training(learner, shapes, ("y", "mean", "var"), seed=seed)


@exercise("11.5", points=2)
def test_running_statistics_are_joint_and_unbiased(learner):
    """In every process running mean and variance move by momentum to the joint mean and the joint variance over m - 1."""
    for seed, shapes in enumerate([*EQUAL[1:], *UNEQUAL]):
        check_training(learner, shapes, ("mean", "var"), seed=seed)
    check_training(learner, UNEQUAL[0], ("mean", "var"), steps=3)


@exercise("11.5", points=1)
def test_momentum_and_eps(learner):
    """momentum is the weight of the new batch, ε stands under the root; 0.1 and 1e-5 unless given."""
    for settings in ({"momentum": 0.3}, {"momentum": 1.0}, {"eps": 0.5}, {}):
        check_training(learner, [(2, 2), (3, 2)], ("y", "mean", "var"), settings)
    small = [[1e-3 * part for part in batches([(2, 2), (3, 2)])]]
    given = small, [random(2, 2), random(3, 2)], *affine(2), {"num_features": 2}
    assert_close(learner.run(in_training, *given)["y"], expected_training(*given)["y"])


@exercise("11.5", points=3)
def test_gradients_of_the_input(learner):
    """The gradient of each process's x is that of the sum of all losses, through the joint statistics, in any number of processes."""
    for seed, shapes in enumerate([*EQUAL[::2], *UNEQUAL, POSITIONS[1]]):
        check_training(learner, shapes, ("dx",), seed=seed)


@exercise("11.5", points=1)
def test_gradients_of_weight_and_bias(learner):
    """The gradients of weight and bias are each process's own share: added over the processes they are those of the joined batch."""
    for seed, shapes in enumerate([*EQUAL[::2], *UNEQUAL[:2]]):
        check_training(learner, shapes, ("dweight", "dbias"), seed=seed)


@exercise("11.5", points=1)
def test_two_layers_in_a_row(learner):
    """Two layers share nothing: gradients through both are right, and statistics carry no gradient history."""
    import torch

    # Larger than the batches of other checks, which are to be shown before this one.
    for seed, shapes in enumerate([[(5, 2), (4, 2)], [(1, 2, 2, 2), (2, 2, 2, 2), (1, 2, 2, 2)]]):
        parts, dys = batches(shapes, seed), [random(*shape, seed=50 + k) for k, shape in enumerate(shapes)]
        first, second = (torch.nn.BatchNorm1d(2).double() for _ in range(2))
        x = torch.from_numpy(np.concatenate([rows_of(part) for part in parts])).requires_grad_()
        dy = torch.from_numpy(np.concatenate([rows_of(part) for part in dys]))
        (second(torch.tanh(first(x)) + x) ** 2 * dy).sum().backward()
        got = learner.run(in_two_layers, parts, dys)
        assert_close([one[0] for one in got], unrowed(x.grad.numpy(), parts), rtol=1e-5, atol=1e-7)
        for place, layer in ((1, first), (2, second)):
            total = sum(np.asarray(one[place]) for one in got)
            assert_close(total, layer.weight.grad.numpy(), rtol=1e-5, atol=1e-7)
        assert_close(
            [one[3] for one in got], [[False, False]] * len(got), message="Running statistics carry a history."
        )


@exercise("11.5", points=1)
def test_evaluation_uses_running_statistics(learner):
    """In evaluation the running statistics normalise, for one sample too, and nothing moves."""
    for shape in [(1, 2), (3, 2), (1, 2, 2, 2)]:
        x, mean, var = random(*shape, seed=3), np.array([1.0, -2.0]), np.array([0.5, 4.0])
        y = unrowed((rows_of(x) - mean) / np.sqrt(var + 1e-5), [x])[0]
        for size in (1, 2):
            got = learner.run(in_evaluation, size, False, {"num_features": 2}, mean, var, x)
            assert_close(got, [(y, mean, var)] * size)


@exercise("11.5", points=1)
def test_one_process_evaluates_alone(learner):
    """In evaluation nothing is exchanged: one process gets its answer while the others are elsewhere."""
    x, mean, var = random(3, 2, seed=4), np.array([1.0, -2.0]), np.array([0.5, 4.0])
    for size in (2, 3):
        got = learner.run(in_evaluation, size, True, {"num_features": 2}, mean, var, x)
        assert_close(got, [((x - mean) / np.sqrt(var + 1e-5), mean, var)])


@exercise("11.5", points=1)
def test_parameters_and_buffers(learner):
    """weight (ones) and bias (zeros) are parameters, running_mean (zeros) and running_var (ones) buffers."""
    one, zero = np.ones(3), np.zeros(3)
    expected = [{"weight": one, "bias": zero}, {"running_mean": zero, "running_var": one}]
    assert_close(learner.run(state_of_new, 3), [expected] * 2)


@exercise("11.5", points=1)
def test_joint_statistics_survive_a_large_mean_in_float32(learner):
    """float32 values whose mean is 10,000 times their standard deviation come out right, output and running variance."""
    for shapes in ([(8, 2, 6, 6), (3, 2, 6, 6)], [(5, 2, 6, 6)] * 3):
        parts = [random(*shape, seed=k, offset=1e4, spread=1.0).astype(np.float32) for k, shape in enumerate(shapes)]
        rows = np.concatenate([rows_of(part) for part in parts]).astype(np.float64)
        y = unrowed((rows - rows.mean(0)) / np.sqrt(rows.var(0) + 1e-5), parts)
        got = learner.run(in_float32, parts, {"num_features": 2, "momentum": 1.0})
        assert_close([one[0] for one in got], y, rtol=0.03, atol=0.03)
        assert_close([one[2] for one in got], [rows.var(0, ddof=1)] * len(parts), rtol=0.03)
