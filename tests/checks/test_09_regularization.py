"""What a right answer to chapter 9 must satisfy. The oracles are NumPy in float64: a forward pass, and a list of all masks."""

from itertools import product

import numpy as np

from bncourse.checking import assert_close, exercise, guide
from bncourse.checking.properties import given, st


def random(*shape, seed=0, offset=1.0, spread=2.0):
    return offset + spread * np.random.default_rng(seed).standard_normal(shape)


# 9.1 prediction_noise


def with_n(args, result):
    """The noise with n in place of n - 1: `result` is what a probe returned for these arguments."""
    companies = len([arg for arg in args if isinstance(arg, list)][-1])
    if isinstance(result, dict):
        return {**result, "noise": [list(with_n(args, noise)) for noise in result["noise"]]}
    return None if result is None else np.asarray(result) * np.sqrt(1 - 1 / companies)


guide(
    "9.1",
    free=with_n,
    hints=[
        "`copy.deepcopy(model)` gives you a twin that may be changed freely; the model itself then keeps its modes and "
        "its running statistics, counters included.",
        "Which modules are to be in training mode, which in evaluation mode? `twin.eval()` first, then `.train()` for "
        "those that normalise over the batch, wherever in `twin.modules()` they are.",
        "`torch.cat([image[None], others])` is a batch in which your image comes first; its logits are row 0. Stack K "
        "such rows, (K, num_classes), and take the standard deviation over axis 0.",
    ],
)


def noise_in(answers, model, weights, image, companions, came_in):
    """Noise of one image in a float64 model, written as a learner would write it, with these weights, that comes in a mode."""
    import numpy as np
    import torch
    from torch import nn

    model = eval(model, {"nn": nn}).double()
    filtering = [module for module in model.modules() if isinstance(module, (nn.Linear, nn.Conv2d))]
    for layer, weight in zip(filtering, weights):
        layer.weight.data = torch.from_numpy(weight.copy()).view_as(layer.weight)
    for name, buffer in model.named_buffers():
        if name.endswith("running_var"):
            buffer.fill_(4.0)
        elif name.endswith("running_mean"):
            buffer.fill_(0.5)
    model.train(came_in == "training")
    if came_in == "mixed":
        for module in list(model.modules())[::2]:
            module.training = not module.training
    torch.default_generator.manual_seed(0)
    others = [torch.from_numpy(batch) for batch in companions]
    with torch.enable_grad():  # whatever the answer does to this switch, it ends here
        result = answers.prediction_noise(model, torch.from_numpy(image), others)
    if isinstance(result, (list, tuple)):
        result = torch.stack([torch.as_tensor(value) for value in result])
    if isinstance(result, torch.Tensor):
        result = result.detach().numpy()
    return None if result is None else np.array(result, dtype=float)


LAYERS = {
    "flatten": "nn.Flatten()", "relu": "nn.ReLU()", "inplace relu": "nn.ReLU(inplace=True)", "bn1": "nn.BatchNorm1d({})",
    "bn2": "nn.BatchNorm2d({})", "bn3": "nn.BatchNorm3d({})", "bn1, no affine": "nn.BatchNorm1d({}, affine=False)",
    "bn1, cumulative": "nn.BatchNorm1d({}, momentum=None)",
    "bn1, no running": "nn.BatchNorm1d({}, track_running_stats=False)", "unflatten": "nn.Unflatten(1, {})",
    "layer norm": "nn.LayerNorm({})", "dropout": "nn.Dropout({})", "dropout2": "nn.Dropout2d({})",
    "alpha dropout": "nn.AlphaDropout({})",
}  # fmt: skip


def written(description):
    """Described layers as a learner would write them, and the weights in them."""
    code, weights = [], []
    for name, *arguments in description:
        if name == "in sequence":
            inner, further = written(arguments[0])
            code.append(inner)
            weights += further
        elif name in ("linear", "conv"):
            outputs, inputs = arguments[0].shape
            kind, kernel = {"linear": ("Linear", ""), "conv": ("Conv2d", ", 1")}[name]
            code.append(f"nn.{kind}({inputs}, {outputs}{kernel}, bias=False)")
            weights += arguments
        else:
            code.append(LAYERS[name].format(*arguments))
    return f"nn.Sequential({', '.join(code)})", weights


def forward(description, x):
    """The described layers in NumPy, normalising with the statistics of the batch, without dropout."""
    for name, *rest in description:
        if name == "in sequence":
            x = forward(rest[0], x)
        elif name == "flatten":
            x = x.reshape(len(x), -1)
        elif name == "unflatten":
            x = x.reshape(len(x), *rest[0])
        elif name in ("linear", "conv"):
            x = np.einsum("nc...,oc->no...", x, rest[0])
        elif "relu" in name:
            x = np.maximum(x, 0)
        elif name == "layer norm":
            x = (x - x.mean(1, keepdims=True)) / np.sqrt(x.var(1, keepdims=True) + 1e-5)
        elif name.startswith("bn"):
            axes = (0, *range(2, x.ndim))
            x = (x - x.mean(axes, keepdims=True)) / np.sqrt(x.var(axes, keepdims=True) + 1e-5)
    return x


def assert_noise(got, description, image, companions):
    """The answer is the deviation, with n or with n - 1, of the image's logits."""
    logits = np.stack([forward(description, np.concatenate([image[None], others]))[0] for others in companions])
    try:
        assert_close(got, logits.std(0), rtol=1e-4, atol=1e-7)
    except AssertionError:
        assert_close(got, logits.std(0, ddof=1), rtol=1e-4, atol=1e-7)


def check_noise(learner, description, image, companions, modes=("training", "evaluation")):
    """The noise is right, whichever mode the model comes in."""
    for mode in modes:
        got = learner.run(noise_in, *written(description), image, companions, mode)
        assert_noise(got, description, image, companions)
        assert not learner.changed, "The call changed the image or its companions."


def company(shape, sizes, seed=0):
    """An image and one batch of others for each of the sizes."""
    return random(*shape, seed=seed), [random(size, *shape, seed=10 * seed + i + 1) for i, size in enumerate(sizes)]


def weights(*shapes, seed=0):
    generator = np.random.default_rng(seed)
    return [generator.normal(size=shape) for shape in shapes]


def pixels(*values):
    return np.array(values, dtype=float).reshape(-1, 1, 1, 1)


PLAIN_BN = [("flatten",), ("bn1", 1), ("linear", np.array([[1.0], [-2.0]]))]


@exercise("9.1", points=1)
def test_one_pixel_by_hand(learner):
    """2 beside 4 becomes -1, beside 4, 6 and 8 it becomes -1.342: with weights 1 and -2 the noise of the two logits is
    0.171 and 0.342 (with n - 1: 0.242 and 0.483)."""
    check_noise(learner, PLAIN_BN, pixels(2.0)[0], [pixels(4.0), pixels(4.0, 6.0, 8.0)])
    check_noise(learner, PLAIN_BN, pixels(2.0)[0], [pixels(1.0), pixels(4.0, 9.0), pixels(1.0, 5.0)])


@exercise("9.1", points=1)
def test_logits_of_the_image_over_its_companies(learner):
    """For images of any size, any number of classes and any companies, each logit of the image has its own noise."""
    cases = [((1, 1, 2), 2, (2, 2)), ((1, 2, 2), 3, (3, 1, 2)), ((2, 1, 3), 1, (4, 4, 4)), ((3, 2, 1), 4, (2, 5))]
    for seed, (shape, classes, sizes) in enumerate(cases):
        inner, outer = weights((4, int(np.prod(shape))), (classes, 4), seed=seed)
        description = [("flatten",), ("linear", inner), ("bn1", 4), ("relu",), ("linear", outer)]
        check_noise(learner, description, *company(shape, sizes, seed))


@exercise("9.1", points=1)
def test_every_batch_normalization_uses_batch_statistics(learner):
    """BatchNorm1d, 2d and 3d, at any depth and one behind the other, normalise with the batch, whatever mode the model
    comes in."""
    first, second, last = weights((2, 1), (3, 8), (2, 3), seed=1)
    block = [("in sequence", [("in sequence", [("conv", first), ("bn2", 2)]), ("relu",)])]
    only_images = [*block, ("flatten",), ("linear", second)]
    both = [*block, ("flatten",), ("linear", second), ("bn1", 3), ("relu",), ("linear", last)]
    volumes = [("unflatten", (1, 2, 2, 1)), ("bn3", 1), ("flatten",), ("linear", weights((2, 4), seed=2)[0])]
    for description in (only_images, both, [("flatten",), *volumes]):
        check_noise(learner, description, *company((1, 2, 2), (2, 3, 2)), modes=("training", "evaluation", "mixed"))


@exercise("9.1", points=1)
def test_a_normalization_may_have_any_options(learner):
    """Batch normalization without γ and β, with momentum None, or without running statistics: the batch's statistics
    are used all the same."""
    inner, outer = weights((3, 2), (2, 3), seed=3)
    for kind in ("no affine", "cumulative", "no running"):
        description = [("flatten",), ("linear", inner), (f"bn1, {kind}", 3), ("relu",), ("linear", outer)]
        check_noise(learner, description, *company((1, 2, 1), (2, 4), seed=3))


@exercise("9.1", points=1)
def test_dropout_is_off(learner):
    """Dropout of every kind is off, before and after the normalization, in training mode too: all noise comes from the
    companions."""
    inner, outer = weights((6, 2), (2, 6), seed=4)
    for before, after in [("dropout", "dropout"), ("dropout2", "dropout"), ("dropout", "alpha dropout")]:
        description = [
            (before, 0.5), ("in sequence", [("flatten",), ("linear", inner), ("bn1", 6), ("relu",), (after, 0.5)]),
            ("linear", outer),
        ]  # fmt: skip
        check_noise(learner, description, *company((1, 2, 1), (3, 2, 4), seed=4))


@exercise("9.1", points=1)
def test_only_the_company_makes_noise(learner):
    """The same companions three times, in any order, make no noise; without batch normalization no companions make any,
    with or without dropout and layer normalization in the model."""
    inner, outer = weights((4, 2), (3, 4), seed=5)
    image, (others, different) = company((1, 1, 2), (5, 5), seed=5)
    for norm in ("bn1", "layer norm"):
        description = [("flatten",), ("linear", inner), (norm, 4), ("relu",), ("dropout", 0.4), ("linear", outer)]
        check_noise(learner, description, image, [others, others[::-1].copy(), others])
        check_noise(learner, description, image, [others, different])


def traces_left(answers, image, companions, momentum, training):
    """The noise of an image, twice, and what the two calls changed in a model with modes, gradients and hooks."""
    import torch
    from torch import nn

    torch.default_generator.manual_seed(0)
    model = nn.Sequential(
        nn.Flatten(), nn.Linear(2, 3), nn.BatchNorm1d(3, momentum=momentum), nn.ReLU(inplace=True),
        nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4)), nn.Dropout(0.5), nn.Linear(4, 2),
    ).double()  # fmt: skip
    model[2].running_mean += 1
    model.train(training)
    model[4][1].eval()
    model[5].train(not training)
    model[1].weight.requires_grad_(False)
    hook = model[0].register_forward_hook(lambda module, inputs, output: None)
    norms = [model[2], model[4][1]]

    def state():
        return {
            "running means": [None if n.running_mean is None else n.running_mean.tolist() for n in norms],
            "running variances": [None if n.running_var is None else n.running_var.tolist() for n in norms],
            "the counters num_batches_tracked": [int(n.num_batches_tracked) for n in norms],
            "modes": [module.training for module in model.modules()],
            "settings of the normalizations": [[n.momentum, n.eps, n.affine, n.track_running_stats] for n in norms],
            "settings of dropout": [model[5].p, model[5].inplace],
            "modules": [type(module).__name__ for module in model.modules()],
            "names in the state dict": list(model.state_dict()),
            "weights": [value.tolist() for value in model.parameters()],
            "requires_grad": [value.requires_grad for value in model.parameters()],
            ".grad": [None if value.grad is None else value.grad.tolist() for value in model.parameters()],
            "dtypes": sorted({str(value.dtype) for value in model.state_dict().values()}),
            "hooks": [len(m._forward_hooks) + len(m._forward_pre_hooks) for m in model.modules()],
            "hooks of the model": hook.id in model[0]._forward_hooks,
            "the image and its companions": [one.tolist() for one in (picture, *others)],
            "PyTorch's random numbers": int(torch.get_rng_state().double().sum()),
            "gradient switch of PyTorch": torch.is_grad_enabled(),
        }  # fmt: skip

    picture, others = torch.from_numpy(image), [torch.from_numpy(batch) for batch in companions]
    with torch.enable_grad():
        model(torch.ones(4, 1, 1, 2, dtype=torch.float64)).sum().backward()
        before = state()
        first = answers.prediction_noise(model, picture, others)
        second = answers.prediction_noise(model, picture, others)
        after = state()
    return {
        "changed": {name: after[name] for name in before if before[name] != after[name]},
        "noise": [[float(value) for value in result] for result in (first, second)],
        "weights": [model[1].weight.tolist(), model[4][0].weight.tolist(), model[6].weight.tolist()],
    }


def check_traces(learner, cases, allowed=(), only=None):
    """In each case both calls give the right noise, and nothing (of `only`, or but what is `allowed`) has changed."""
    image, companions = company((1, 1, 2), (3, 2, 3), seed=6)
    for got in [learner.run(traces_left, image, companions, *case) for case in cases]:
        first, second, last = map(np.array, got["weights"])
        # Without biases: those move all companies alike, or are subtracted with the mean.
        description = [
            ("flatten",), ("linear", first), ("bn1", 3), ("relu",), ("linear", second), ("bn1", 4), ("linear", last),
        ]  # fmt: skip
        changed = [name for name in got["changed"] if name not in allowed and (only is None or name in only)]
        assert not changed, f"After the call these are no longer as they were: {', '.join(changed)}."
        for values in got["noise"]:
            assert_noise(values, description, image, companions)


STATISTICS = ("running means", "running variances", "the counters num_batches_tracked", "names in the state dict")


@exercise("9.1", points=1)
def test_running_statistics_stay(learner):
    """Running means and variances and their counters are what they were, with any momentum; a second call gives the
    same noise."""
    check_traces(learner, [(0.1, True), (None, True)], only=STATISTICS)


@exercise("9.1", points=1)
def test_leaves_all_else_as_it_was(learner):
    """The mode of each module, settings, weights, `.grad`, hooks, the image, its companions and PyTorch's random numbers
    are as before, whether the model was training or not."""
    check_traces(learner, [(0.1, True), (0.1, False)], allowed=STATISTICS)


# 9.2 variance_shift

guide(
    "9.2",
    hints=[
        "Take the example: list the eight equally likely values that p = ½ turns 2, 4, 6, 8 into, and find mean and mean "
        "square. Which of the two has dropout left as it was?",
        "The mean stays μ, which is what the division by 1 - p is for. The mean square (σ² + μ²) becomes "
        "(1 - p) · (σ² + μ²) / (1 - p)².",
        "So the variance in training is (σ² + p μ²) / (1 - p): a feature with mean 0 only gains the factor, one far from "
        "0 gains much more.",
        "The statistics run over the batch and all positions: `x.mean((0, *range(2, x.dim())))`.",
    ],
    forbids=(
        *("torch.nn.functional.dropout", "torch.nn.modules.dropout", "torch.dropout", "torch.bernoulli"),
        *("torch.rand", "torch.rand_like", "numpy.random"),
    ),
)


def shift(answers, x, p, options, seed):
    """The answer for a tensor of x, with PyTorch's random numbers started from a seed."""
    import numpy as np
    import torch

    torch.default_generator.manual_seed(seed)
    result = answers.variance_shift(torch.from_numpy(x), p, **options)
    if isinstance(result, (list, tuple)):
        result = torch.stack([torch.as_tensor(value) for value in result])
    if isinstance(result, torch.Tensor):
        result = result.detach().numpy()
    return None if result is None else np.array(result, dtype=float)


def expected_shift(x, p, eps):
    """Ratio for each channel of x (N, C, ...): moments of the values that dropout makes, weighted by their chance."""
    ratios = []
    for c in range(x.shape[1]):
        values = x[:, c].astype(np.float64).ravel()
        centre = values.mean()  # variances are taken around it, so that a large mean costs no digits
        dropped, kept = np.full(values.size, -centre), values / (1 - p) - centre
        mean = p * dropped.mean() + (1 - p) * kept.mean()
        square = p * (dropped**2).mean() + (1 - p) * (kept**2).mean()
        ratios.append((square - mean**2 + eps) / (values.var() + eps))
    return np.array(ratios)


def check_shift(learner, x, p, eps=None, rtol=1e-5, seed=0):
    """The answer is the ratio for each channel, or one number, the mean of the ratios."""
    ratios = expected_shift(x, p, 1e-5 if eps is None else eps)
    got = learner.run(shift, x, p, {} if eps is None else {"eps": eps}, seed)
    if got is not None and np.shape(got) == ():
        assert_close(got, ratios.mean(), rtol=rtol)
    else:
        assert_close(got, ratios, rtol=rtol)
    assert not learner.changed, "The call changed its argument x."
    return got


def column(*values):
    return np.array(values, dtype=float).reshape(-1, 1)


@exercise("9.2", points=1)
def test_four_numbers_by_hand(learner):
    """2, 4, 6, 8 with p = ½: variance 35 in training, 5 at inference, ratio 7. With p = ¼ and with p = ¾, too."""
    for p in (0.5, 0.25, 0.75):
        check_shift(learner, column(2.0, 4.0, 6.0, 8.0), p)


@exercise("9.2", points=1)
def test_all_masks_listed(learner):
    """For 1, -2, 4 and p = ½ the ratio is that of the 8 masks, listed one by one, all their values taken together."""
    for x in (column(1.0, -2.0, 4.0), column(3.0, 1.0), column(5.0, 6.0, 7.0, 5.0)):
        masks = np.array(list(product([0.0, 2.0], repeat=len(x))))
        training = (masks * x[:, 0]).var()
        got = learner.run(shift, x, 0.5, {"eps": 0.25}, 0)
        assert_close(np.reshape(got, -1), np.array([(training + 0.25) / (x.var() + 0.25)]))


@exercise("9.2", points=1)
def test_each_feature_has_its_own_ratio(learner):
    """In (N, D) each feature has its ratio: 1/(1 - p) where its mean is 0, more the farther its mean is from 0; p = 0
    changes nothing."""
    centred = column(-3.0, -1.0, 1.0, 3.0)
    check_shift(learner, centred, 0.2)
    check_shift(learner, centred + np.array([0.0, 2.0, 40.0]), 0.2)
    for rows, features, p in [(2, 2, 0.3), (3, 3, 0.5), (4, 1, 0.9), (5, 4, 0.0), (4, 5, 0.6)]:
        check_shift(learner, random(rows, features, seed=rows) * np.arange(1, features + 1), p)


@exercise("9.2", points=1)
@given(st.lists(st.integers(1, 3), min_size=1, max_size=4), st.integers(0, 3))
def test_channels_over_the_batch_and_all_positions(learner, shape, seed):
    """In (N, C, *S), with any number of spatial axes, a channel's variances run over the batch and all positions."""
    channels = np.arange(1.0, shape[0] + 1).reshape(-1, *[1] * (len(shape) - 1))
    x = random(3, *shape, seed=seed)
    check_shift(learner, x * channels, 0.4, eps=0.1)
    check_shift(learner, x + channels, 0.4)


@exercise("9.2", points=1)
def test_eps_is_added_to_both_variances(learner):
    """ε joins both variances, 1e-5 if none is given; a feature that is always 0 has ratio 1, one that is always 3 a
    finite one."""
    x = np.array([[1.0, 0.01], [3.0, 0.012], [2.0, 0.008]])
    for eps in (0.5, 2.0):
        check_shift(learner, x, 0.3, eps)
    check_shift(learner, 1e-3 * x, 0.3)
    check_shift(learner, np.array([[0.0, 3.0], [0.0, 3.0]]), 0.5)


@exercise("9.2", points=1)
def test_no_chance_in_it(learner):
    """The ratio is exact, not an estimate: whatever state PyTorch's random numbers are in, it is the same."""
    x = random(6, 2, seed=7)
    results = [check_shift(learner, x, 0.5, eps=1e-3, rtol=0.6, seed=seed) for seed in (0, 1)]
    assert_close(results[1], results[0], message="Two calls differ: the answer draws random masks.")
    for seed in (0, 1):
        check_shift(learner, x, 0.5, eps=1e-3, seed=seed)


@exercise("9.2", points=1)
def test_a_large_mean_in_float32(learner):
    """float32 values whose mean is 10,000 times their standard deviation give the right ratio, within 3 %: no
    difference of two huge numbers.
    """
    for p in (0.0, 0.1):
        check_shift(learner, random(64, 2, seed=8, offset=1e4, spread=1.0).astype(np.float32), p, rtol=0.03)
    check_shift(learner, random(8, 2, 3, 3, seed=9, offset=-1e4, spread=1.0).astype(np.float32), 0.0, rtol=0.03)


@exercise("9.2", points=1)
def test_takes_any_tensor_and_leaves_it_alone(learner):
    """float32 and strided tensors are taken; x is not changed; earlier calls leave no trace."""
    first = np.array([[1.0, 20.0], [2.0, 40.0], [4.0, 90.0]])
    strided = np.swapaxes(random(4, 6, 5, 3, seed=10), 1, 3)[:, :, ::2, ::3]
    for x in (first, random(4, 3, seed=11).astype(np.float32), strided, random(6, 8, seed=12)[::2, 1:7:2], first):
        check_shift(learner, x, 0.25, eps=0.1, rtol=1e-4)
