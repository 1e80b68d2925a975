"""What a right answer to chapter 13 must satisfy. Oracles: fixed affine maps in place of frozen layers; NumPy in float64."""

from itertools import product
from types import SimpleNamespace

import numpy as np

from bncourse.checking import NUMPY_ONLY, assert_close, exercise, guide
from bncourse.checking.properties import given, st


def random(*shape, seed=0, offset=1.0, spread=2.0):
    return offset + spread * np.random.default_rng(seed).standard_normal(shape)


# 13.1 freeze_batchnorm

guide(
    "13.1",
    hints=[
        "`model.train()` calls `train(mode)` on every child, and each sets its own `training`. An `eval()` lasts until "
        "the next epoch begins, unless calling `train` on that layer no longer does anything.",
        "`model.modules()` yields every module at any depth, and the model itself. All batch normalizations of PyTorch "
        "have the base class `nn.modules.batchnorm._BatchNorm`, and no other normalization has it.",
        "An object may change its class: after `layer.__class__ = Frozen` its tensors are still there, and `train` and `forward` are "
        "those of `Frozen`, a class of yours. Shorter, with the trap that the text names: `layer.train = lambda mode=True: layer`. "
        "In a loop, mind which `layer` the lambda means.",
        "γ and β are `layer.parameters()`, which is empty where `affine=False`; `requires_grad_(False)` stops their "
        "gradient and nothing else.",
    ],
)


def frozen_and_trained(answers, model, x, came_in="training", inside_another=False, times_frozen=1, fixed=False):
    """What can be seen of a model in float64 that is frozen and then trained for two steps on x.

    `model` is written as a learner would write it. With `fixed`, its batch normalizations are the maps that frozen ones
    should be, written out.
    """
    from types import SimpleNamespace

    import torch
    from torch import nn

    class Renamed(nn.BatchNorm1d):
        pass

    class MyBatchNorm2d(nn.BatchNorm2d):
        pass

    class Fixed(nn.Module):
        def __init__(self, channels, eps=1e-5, momentum=0.1, affine=True, track_running_stats=True):
            super().__init__()
            self.eps = eps
            for name in ("weight", "bias") if affine else ():
                self.register_buffer(name, torch.zeros(channels))
            for name in ("running_mean", "running_var") if track_running_stats else ():
                self.register_buffer(name, torch.zeros(channels))
            if track_running_stats:
                self.register_buffer("num_batches_tracked", torch.tensor(0))

        def forward(self, x):
            axes, shape = (0, *range(2, x.dim())), (-1, *[1] * (x.dim() - 2))
            if hasattr(self, "running_mean"):
                mean, var = self.running_mean, self.running_var
            else:
                mean, var = x.mean(axes), x.var(axes, unbiased=False)
            y = (x - mean.view(shape)) / torch.sqrt(var.view(shape) + self.eps)
            return self.weight.view(shape) * y + self.bias.view(shape) if hasattr(self, "weight") else y

    normalizations = []

    def norm(kind):
        def build(*arguments, **options):
            normalizations.append((Fixed if fixed else kind)(*arguments, **options))
            return normalizations[-1]

        return build

    kinds = nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.SyncBatchNorm
    layers = SimpleNamespace(**{**vars(nn), **{kind.__name__: norm(kind) for kind in kinds}})
    model = eval(model, {"nn": layers, "Renamed": norm(Renamed), "MyBatchNorm2d": norm(MyBatchNorm2d)}).double()
    others = [module for module in model.modules() if module not in normalizations]
    generator = torch.Generator().manual_seed(0)
    for name, value in sorted(model.state_dict().items()):
        if value.is_floating_point():
            value.copy_(torch.randn(value.shape, generator=generator, dtype=value.dtype))
            if name.endswith("running_var"):
                value.abs_().add_(0.5)
        else:
            value.fill_(7)
    model.train(came_in == "training")
    if came_in == "mixed":
        for number, module in enumerate(others):
            module.training = number % 2 == 0
    images = torch.from_numpy(x)

    def modes():
        return [module.training for module in others]

    def state():
        return {name: value.tolist() for name, value in model.state_dict().items()}

    seen = {}
    with torch.enable_grad():
        returned = [answers.freeze_batchnorm(model) for _ in range(times_frozen)]
        # Both are free, and tell one mistake from another.
        seen["normalizations in training mode"] = [module.training for module in normalizations]
        seen["a copy is returned"] = any(isinstance(one, nn.Module) and one is not model for one in returned)
        seen["state after the call"], seen["modes after the call"] = state(), modes()
        outer = nn.Sequential(nn.Sequential(model)) if inside_another else model
        outer.train()
        seen["modes in training"], seen["outputs in training"] = modes(), []
        torch.default_generator.manual_seed(1)
        for step in range(2):
            model.zero_grad()
            batch = (images + step).requires_grad_()
            y = outer(batch)
            (y * torch.linspace(-1, 2, y.numel(), dtype=y.dtype).view_as(y)).sum().backward()
            seen["outputs in training"].append(y.detach().numpy())
            with torch.no_grad():
                for parameter in model.parameters():
                    if parameter.grad is not None:
                        parameter -= 0.01 * parameter.grad + 0.001 * parameter
        seen["gradient of the input"] = batch.grad.numpy()
        seen["parameters with a gradient"] = sorted(n for n, p in model.named_parameters() if p.grad is not None)
        seen["state after training"] = state()
        outer.eval()
        seen["modes in evaluation"] = modes()
        seen["outputs in evaluation"] = outer(images).detach().numpy()
        outer.train(True)
        seen["modes in training again"] = modes()
        seen["outputs in training again"] = outer(2 * images).detach().numpy()
    return seen


DEFAULTS = {"came_in": "training", "inside_another": False, "times_frozen": 1}
WORDS = {
    "state after the call": "Right after the call, weights and statistics are not what they were.",
    "modes after the call": "Right after the call, other modules are not in the mode in which they came.",
    "outputs in training": "In training mode, the outputs are not those of a model whose normalization is fixed.",
    "state after training": "After two steps of training, weights or statistics are not what they should be.",
}


def check_lives(learner, *cases):
    """All that can be seen of each frozen model is what is seen of one with fixed maps in place of the layers."""
    cases = [(model, x, *(DEFAULTS | settings).values()) for model, x, settings in cases]
    for case, got in [(case, learner.run(frozen_and_trained, *case)) for case in cases]:
        left_alone = SimpleNamespace(freeze_batchnorm=lambda model: model)
        expected = frozen_and_trained(left_alone, *case, fixed=True)
        for name in ("state after the call", "state after training"):
            assert list(got[name]) == list(expected[name]), "The names in the state dict are not what they were."
        learning = "parameters with a gradient"
        assert got[learning] == expected[learning], (
            f"Not the right parameters get a gradient, but these: {', '.join(got[learning]) or 'none'}."
        )
        for name, value in expected.items():
            if name not in ("normalizations in training mode", "a copy is returned", learning):
                words = WORDS.get(name, f"With frozen normalization the {name} should be others.")
                assert_close(got[name], value, rtol=1e-6, atol=1e-8, message=words)


def check_life(learner, model, x, **settings):
    """`check_lives` for one model."""
    check_lives(learner, (model, x, settings))


PLAIN = "nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3), nn.ReLU(), nn.Linear(3, 2))"


@exercise("13.1", points=2)
def test_one_layer_stays_frozen_after_train(learner):
    """A normalization between two linear layers is a fixed map after `model.train()`, whichever mode the model came in:
    its statistics and counter, γ and β stay, and the linear layers learn."""
    for mode in ("training", "evaluation"):
        check_life(learner, PLAIN, random(4, 2), came_in=mode)


@exercise("13.1", points=1)
def test_every_kind_of_batch_normalization(learner):
    """BatchNorm1d, 2d, 3d and SyncBatchNorm are frozen, for features, sequences, images and volumes."""
    kinds = [
        ("BatchNorm1d", (4, 2)), ("BatchNorm1d", (3, 2, 3)), ("BatchNorm2d", (2, 2, 1, 3)), ("BatchNorm3d", (2, 2, 1, 2, 2)),
        ("SyncBatchNorm", (4, 2)), ("SyncBatchNorm", (2, 2, 1, 3)),
    ]  # fmt: skip
    check_lives(
        learner, *[(f"nn.Sequential(nn.{kind}(2), nn.ReLU())", random(*shape, seed=1), {}) for kind, shape in kinds]
    )


@exercise("13.1", points=1)
def test_derived_classes(learner):
    """What is derived from a batch normalization is frozen too, whatever it is called."""
    features = "nn.Sequential(nn.Linear(2, 3), Renamed(3))", random(4, 2, seed=3), {}
    pixels = "nn.Sequential(nn.Conv2d(2, 3, 1), MyBatchNorm2d(3))", random(3, 2, 2, 1, seed=3), {}
    check_lives(learner, features, pixels)


@exercise("13.1", points=2)
def test_any_depth_and_the_model_itself(learner):
    """Normalizations deep inside are frozen, all of them; a model that is one itself is frozen too."""
    block = "nn.Sequential(nn.Sequential(nn.Conv2d(1, 2, 1), nn.BatchNorm2d(2), nn.ReLU()), nn.Sequential(nn.BatchNorm2d(2)))"
    deep = f"nn.Sequential({block}, nn.Flatten(), nn.Linear(8, 2), nn.BatchNorm1d(2))"
    check_life(learner, deep, random(3, 1, 2, 2, seed=4))
    check_life(learner, "nn.BatchNorm1d(2)", random(4, 2, seed=5))


@exercise("13.1", points=2)
def test_all_else_goes_on(learner):
    """Dropout and other normalizations do what training and evaluation mode tell them, layers that were stopped stay so,
    and right after the call every other module has the mode in which it came."""
    with_dropout = "nn.Sequential(nn.Linear(2, 4), nn.BatchNorm1d(4), nn.Dropout(0.5), nn.Linear(4, 3))"
    for mode in ("training", "evaluation", "mixed"):
        check_life(learner, with_dropout, random(4, 2, seed=6), came_in=mode)
    others = "nn.GroupNorm(2, 2), nn.InstanceNorm2d(2, affine=True, track_running_stats=True), nn.LayerNorm((2, 1))"
    pixels = f"nn.Sequential(nn.Conv2d(1, 2, 1), nn.Sequential(nn.BatchNorm2d(2), {others}))"
    check_life(learner, pixels, random(3, 1, 2, 1, seed=7))
    stopped = "nn.Sequential(nn.Linear(2, 3).requires_grad_(False), nn.BatchNorm1d(3), nn.Linear(3, 2))"
    check_life(learner, stopped, random(4, 2))


@exercise("13.1", points=1)
def test_any_options(learner):
    """A normalization may come with any ε, without γ and β, without running statistics, with momentum None or 1."""
    for options in (
        "affine=False", "momentum=None", "momentum=1.0", "track_running_stats=False", "affine=False, track_running_stats=False",
        "eps=0.5", "eps=0.1, affine=False",
    ):  # fmt: skip
        # Beside one of the usual kind, so that there is always something to freeze.
        model = f"nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3, {options}), nn.ReLU(), nn.BatchNorm1d(3))"
        check_life(learner, model, random(4, 2, seed=8))


@exercise("13.1", points=1)
def test_frozen_twice_and_inside_a_larger_model(learner):
    """Frozen twice is frozen; a frozen model stays so where a larger model that holds it goes into training mode."""
    check_life(learner, PLAIN, random(4, 2, seed=9), times_frozen=2)
    check_life(learner, PLAIN, random(4, 2, seed=9), inside_another=True)


# 13.2 adapt_statistics

guide(
    "13.2",
    hints=[
        "In evaluation mode nothing moves. Put the whole model into evaluation mode, then only its batch normalizations into "
        "training mode, and let the images go through, without gradients.",
        "With momentum 0.1 a part of what was there before stays. `reset_running_stats()` forgets it, and `momentum=None` "
        "turns the running statistics into the plain average over the batches that follow.",
        "Note before you begin what must be as it was at the end: the mode of each module, the momentum of each layer.",
    ],
)


def adapted(answers, model, weights, batches, came_in):
    """Running statistics, layer by layer, after adaptation of a model in float64 to the batches; a copy is returned?

    `model` is written as a learner would write it; its linear layers and convolutions get the `weights` in turn.
    """
    import torch
    from torch import nn

    class Renamed(nn.BatchNorm1d):
        pass

    model = eval(model, {"nn": nn, "Renamed": Renamed}).double()
    filtering = [module for module in model.modules() if isinstance(module, (nn.Linear, nn.Conv2d))]
    norms = [module for module in model.modules() if isinstance(module, nn.modules.batchnorm._BatchNorm)]
    for layer, weight in zip(filtering, weights):
        layer.weight.data = torch.from_numpy(weight).view_as(layer.weight)
    for number, norm in enumerate(norms):
        if norm.weight is not None:
            norm.weight.data = torch.linspace(1, 2, norm.num_features, dtype=torch.float64)
            norm.bias.data = torch.linspace(-0.5, 0.5, norm.num_features, dtype=torch.float64)
        if norm.running_mean is not None:
            norm.running_mean.fill_(3.0 + number)
            norm.running_var.fill_(0.2)
            norm.num_batches_tracked.fill_(5)
    model.train(came_in == "training")
    if came_in == "mixed":
        for module in list(model.modules())[::2]:
            module.training = not module.training
    torch.default_generator.manual_seed(0)
    with torch.enable_grad():
        returned = answers.adapt_statistics(model, [torch.from_numpy(batch) for batch in batches])
    found = [
        None if norm.running_mean is None else [norm.running_mean.tolist(), norm.running_var.tolist()]
        for norm in norms
    ]  # fmt: skip
    return {"found": found, "a copy is returned": isinstance(returned, nn.Module) and returned is not model}


NORMS = {
    "bn1": "nn.BatchNorm1d({})", "bn2": "nn.BatchNorm2d({})", "bn3": "nn.BatchNorm3d({})", "renamed": "Renamed({})",
    "bn1, no affine": "nn.BatchNorm1d({}, affine=False)", "bn1, cumulative": "nn.BatchNorm1d({}, momentum=None)",
    "bn1, no running": "nn.BatchNorm1d({}, track_running_stats=False)",
}  # fmt: skip
PLAIN_LAYERS = {
    "relu": "nn.ReLU()", "flatten": "nn.Flatten()", "dropout": "nn.Dropout({})", "alpha dropout": "nn.AlphaDropout({})",
}  # fmt: skip


def written(layer):
    """A layer as a learner would write it, and the weights in it."""
    name, *arguments = layer
    if name == "in sequence":
        parts = [written(part) for part in arguments]
        return f"nn.Sequential({', '.join(code for code, _ in parts)})", [w for _, weights in parts for w in weights]
    if name in ("linear", "conv"):
        outputs, inputs = arguments[0].shape
        kind, kernel = {"linear": ("Linear", ""), "conv": ("Conv2d", ", 1")}[name]
        return f"nn.{kind}({inputs}, {outputs}{kernel}, bias=False)", arguments
    return (NORMS | PLAIN_LAYERS)[name].format(*arguments), []


def readings(layers, batches):
    """All right answers: statistics of each layer, pooled or averaged, with n or n - 1, in one pass or layer by layer."""
    for pooled, weighted, unbiased, one_pass in product((True, False), repeat=4):
        found = []
        through(layers, batches, found, pooled, weighted, unbiased, one_pass)
        yield found


def statistics(batches, pooled, weighted, unbiased):
    """Mean and variance of each channel, of all batches together or averaged over them."""
    flat = [np.moveaxis(batch, 1, 0).reshape(batch.shape[1], -1) for batch in batches]
    if pooled:
        flat = [np.concatenate(flat, 1)]
    sizes = [part.shape[1] if weighted else 1 for part in flat]
    mean = np.average([part.mean(1) for part in flat], axis=0, weights=sizes)
    return mean, np.average([part.var(1, ddof=int(unbiased)) for part in flat], axis=0, weights=sizes)


def through(layer, batches, found, *reading):
    """What comes out of a layer for each batch; to `found` go mean and variance of what each normalization gets."""
    name, *arguments = layer
    if name == "in sequence":
        for part in arguments:
            batches = through(part, batches, found, *reading)
        return batches
    if name.startswith(("bn", "renamed")):
        return normalised(name, batches, found, *reading)
    shapes = {"flatten": lambda x: x.reshape(len(x), -1), "unflatten": lambda x: x.reshape(len(x), *arguments)}
    if name in shapes:
        return [shapes[name](x) for x in batches]
    if name in ("linear", "conv"):
        return [np.einsum("nc...,oc->no...", x, arguments[0]) for x in batches]
    return [np.maximum(x, 0) for x in batches] if name == "relu" else batches


def normalised(name, batches, found, pooled, weighted, unbiased, one_pass):
    mean, var = statistics(batches, pooled, weighted, unbiased)
    found.append(None if "no running" in name else [mean, var])
    channels = len(mean)
    affine = "no affine" not in name
    gamma = np.linspace(1, 2, channels) if affine else np.ones(channels)
    beta = np.linspace(-0.5, 0.5, channels) if affine else np.zeros(channels)
    outputs = []
    for x in batches:
        shape = (-1, *[1] * (x.ndim - 2))
        used = statistics([x], True, True, False) if one_pass or "no running" in name else (mean, var)
        mean_, var_, gamma_, beta_ = (values.reshape(shape) for values in (*used, gamma, beta))
        outputs.append(gamma_ * (x - mean_) / np.sqrt(var_ + 1e-5) + beta_)
    return outputs


def assert_reading(got, layers, batches):
    """The statistics are those of one of the right readings; an error tells of the nearest."""
    problems = []
    for expected in readings(layers, batches):
        try:
            assert_close(
                got, expected, rtol=1e-4, atol=1e-6, message="These are not the statistics of the target images."
            )
            return
        except AssertionError as error:
            problems.append(error)
    raise problems[0]


def check_adapted(learner, layers, batches, modes=("training", "evaluation")):
    for mode in modes:
        got = learner.run(adapted, *written(layers), batches, mode)
        assert_reading(got["found"], layers, batches)
        assert not learner.changed, "The call changed the images."


def images(*shape, sizes=(6,), seed=0):
    """Batches of these sizes, each with a mean of its own."""
    return [random(size, *shape, seed=10 * seed + i, offset=i, spread=1 + i) for i, size in enumerate(sizes)]


@exercise("13.2", points=1)
def test_four_numbers(learner):
    """A first layer that gets 1 and 3, then 5 and 7, has mean 4 and variance 5 (or 6.67, or averaged 1 or 2)."""
    pairs = [np.array([[1.0], [3.0]]), np.array([[5.0], [7.0]])]
    check_adapted(learner, ("in sequence", ("bn1", 1)), pairs)
    check_adapted(learner, ("in sequence", ("bn1", 1)), [np.array([[-2.0], [4.0], [4.0]])])


@exercise("13.2", points=2)
def test_all_batches_and_nothing_of_the_source(learner):
    """All batches count, equal and unequal ones, and nothing of the source's statistics is left."""
    first = np.random.default_rng(0).normal(size=(3, 2))
    for seed, sizes in enumerate([(6,), (4, 4), (3, 3, 3, 3, 3), (7, 2, 4)]):
        check_adapted(learner, ("in sequence", ("linear", first), ("bn1", 3)), images(2, sizes=sizes, seed=seed))


@exercise("13.2", points=2)
def test_layers_behind_layers(learner):
    """A layer behind others gets what these give it with target statistics: images, then features; three in a row."""
    generator = np.random.default_rng(1)
    conv, inner, outer = (generator.normal(size=shape) for shape in [(2, 1), (3, 8), (2, 3)])
    deep = ("in sequence", ("linear", inner), ("bn1", 3), ("relu",), ("linear", outer), ("bn1", 2))
    layers = ("in sequence", ("conv", conv), ("bn2", 2), ("relu",), ("flatten",), deep)
    for sizes in [(8,), (5, 5, 5)]:
        check_adapted(learner, layers, images(1, 2, 2, sizes=sizes, seed=1))


@exercise("13.2", points=1)
def test_every_kind_at_any_depth(learner):
    """BatchNorm1d, 2d and 3d and what is derived from them are adapted, with any options, at any depth, alone too."""
    inner = np.random.default_rng(2).normal(size=(3, 2))
    for kind, shape in [("bn1", (2,)), ("bn1", (2, 3)), ("bn2", (2, 1, 3)), ("bn3", (2, 1, 2, 2)), ("renamed", (2,))]:
        check_adapted(learner, ("in sequence", ("in sequence", (kind, 2), ("relu",))), images(*shape, sizes=(3, 3)))
        check_adapted(learner, (kind, 2), images(*shape, sizes=(4,)), modes=("evaluation",))
    for kind in ("bn1, no affine", "bn1, cumulative", "bn1, no running"):
        layers = ("in sequence", ("linear", inner), (kind, 3), ("relu",), ("bn1", 3))
        check_adapted(learner, layers, images(2, sizes=(4, 4)))


@exercise("13.2", points=1)
def test_dropout_is_off_while_looking(learner):
    """Dropout is off while the images go through, before and behind a normalization, whatever mode the model comes in."""
    inner = np.random.default_rng(3).normal(size=(4, 2))
    for kind in ("dropout", "alpha dropout"):
        layers = ("in sequence", (kind, 0.5), ("linear", inner), ("bn1", 4), ("relu",), (kind, 0.5), ("bn1", 4))
        check_adapted(learner, layers, images(2, sizes=(5, 5), seed=3), modes=("training", "evaluation", "mixed"))


def adapted_twice(answers, batches, came_in):
    """Statistics after two adaptations, and what else they changed in a model with modes, gradients and hooks."""
    import torch
    from torch import nn

    torch.default_generator.manual_seed(0)
    model = nn.Sequential(
        nn.Linear(2, 3), nn.BatchNorm1d(3, momentum=0.3), nn.ReLU(inplace=True), nn.Dropout(0.5),
        nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4, momentum=None)), nn.Unflatten(1, (2, 2)),
        nn.InstanceNorm1d(2, affine=True, track_running_stats=True), nn.Flatten(), nn.Linear(4, 2),
    ).double()  # fmt: skip
    norms = [model[1], model[4][1]]
    for number, norm in enumerate(norms):
        norm.weight.data += 0.5
        norm.bias.data -= 0.5
        norm.running_mean += 2 + number
    model[6].running_mean += 4
    model.train(came_in == "training")
    if came_in == "mixed":
        model[4][1].eval()
        model[3].train()
    model[0].bias.requires_grad_(False)
    hook = model[0].register_forward_hook(lambda module, inputs, output: None)

    def state():
        return {
            "weights, γ and β": [value.tolist() for value in model.parameters()],
            "statistics of another normalization": [model[6].running_mean.tolist(), model[6].running_var.tolist()],
            "modes": [module.training for module in model.modules()],
            "momenta and settings": [[n.momentum, n.eps, n.affine, n.track_running_stats] for n in [*norms, model[6]]],
            "dropout": [model[3].p, type(model[3]).__name__],
            "modules": [type(module).__name__ for module in model.modules()],
            "names in the state dict": list(model.state_dict()),
            "requires_grad": [value.requires_grad for value in model.parameters()],
            ".grad": [None if value.grad is None else value.grad.tolist() for value in model.parameters()],
            "hooks": [len(m._forward_hooks) + len(m._forward_pre_hooks) for m in model.modules()],
            "hook of the caller": hook.id in model[0]._forward_hooks,
            "gradient switch of PyTorch": torch.is_grad_enabled(),
        }  # fmt: skip

    target = [torch.from_numpy(batch) for batch in batches]
    with torch.enable_grad():
        modes = [module.training for module in model.modules()]
        model.eval()
        model(torch.ones(4, 2, dtype=torch.float64)).sum().backward()
        for module, training in zip(model.modules(), modes):
            module.training = training
        before = state()
        answers.adapt_statistics(model, target)
        answers.adapt_statistics(model, target)
        after = state()
    first, second = model[0], model[4][0]
    weights = [one.detach().numpy() for one in (first.weight, first.bias, second.weight, second.bias)]
    found = [[norm.running_mean.tolist(), norm.running_var.tolist()] for norm in norms]
    changed = {name: value for name, value in after.items() if value != before[name]}
    return {"changed": changed, "found": found, "weights": weights}


@exercise("13.2", points=2)
def test_leaves_all_else_as_it_was(learner):
    """Weights, γ and β, gradients, the mode of each module, momenta, hooks and other normalizations are as before, in
    whichever mode the model came; adapted twice, the statistics are the same."""
    batches = images(2, sizes=(5, 5), seed=4)
    for mode in ("training", "evaluation", "mixed"):
        got = learner.run(adapted_twice, batches, mode)
        assert not got["changed"], f"After the call these are no longer as they were: {', '.join(got['changed'])}."
        # Biases as a further input that is always 1; γ and β here are those of PyTorch, moved by a half.
        first, first_bias, second, second_bias = got["weights"]
        assert_moved_reading(got["found"], batches, first, first_bias, second, second_bias)


def assert_moved_reading(found, batches, first, first_bias, second, second_bias):
    """Statistics of linear, normalization with γ 1.5 and β -0.5, ReLU, linear: one of the right readings."""
    inputs = [batch @ first.T + first_bias for batch in batches]
    problems = []
    for pooled, weighted, unbiased, one_pass in product((True, False), repeat=4):
        mean, var = statistics(inputs, pooled, weighted, unbiased)
        hidden = []
        for x in inputs:
            used = statistics([x], True, True, False) if one_pass else (mean, var)
            hidden.append(np.maximum(1.5 * (x - used[0]) / np.sqrt(used[1] + 1e-5) - 0.5, 0) @ second.T + second_bias)
        expected = [[mean, var], list(statistics(hidden, pooled, weighted, unbiased))]
        try:
            assert_close(
                found, expected, rtol=1e-4, atol=1e-6, message="These are not the statistics of the target images."
            )
            return
        except AssertionError as error:
            problems.append(error)
    raise problems[0]


# 13.3 scale_features

guide(
    "13.3",
    hints=[
        "Two numbers for each feature, taken from `train` alone: `train.mean(0)` and `train.std(0)`, both `(D,)`. The same "
        "two serve `train` and `test`.",
        "A feature with standard deviation 0 would be divided by 0: `np.where(deviation > 0, deviation, 1)`.",
        "Give the scaled arrays new names: after `train = ...` the old mean and standard deviation are gone.",
    ],
    forbids=NUMPY_ONLY,
)


def check_scaled(learner, train, test, rtol=1e-6, atol=1e-9):
    got = learner.scale_features(train, test)
    mean = train.astype(np.float64).mean(0)
    deviation = np.sqrt(((train.astype(np.float64) - mean) ** 2).mean(0))
    deviation[train.min(0) == train.max(0)] = 1
    expected = [(part.astype(np.float64) - mean) / deviation for part in (train, test)]
    assert_close(got, expected, rtol=rtol, atol=atol)
    assert not learner.changed, f"The call changed its argument {learner.changed[0]}."


@exercise("13.3", points=1)
def test_three_numbers(learner):
    """1 and 3 to train on, 4 to test on: -1, 1 and 2."""
    check_scaled(learner, np.array([[1.0], [3.0]]), np.array([[4.0]]))
    check_scaled(learner, np.array([[1.0, 0.0], [3.0, 10.0], [5.0, 50.0]]), np.array([[4.0, 5.0], [0.0, 20.0]]))


@exercise("13.3", points=2)
@given(st.integers(2, 6), st.integers(1, 5), st.integers(1, 4), st.integers(0, 99))
def test_both_parts_are_scaled_by_the_training_part(learner, count, tested, features, seed):
    """Both parts, of any size, get the training part's mean and standard deviation, each feature its own; nothing is changed."""
    scales = np.random.default_rng(seed).uniform(0.5, 20, features)
    train = scales * random(count, features, seed=seed)
    check_scaled(learner, train, scales * random(tested, features, seed=seed + 1, offset=3.0))
    check_scaled(learner, train, train)


@exercise("13.3", points=1)
def test_features_that_do_not_vary_are_centred_only(learner):
    """A feature that does not vary in the training part is only centred, and varies in the test part as it did."""
    train = np.array([[2.0, 5.0, 0.0], [4.0, 5.0, 0.0], [3.0, 5.0, 0.0]])
    check_scaled(learner, train, np.array([[3.0, 5.0, 0.0], [1.0, 7.0, -4.0]]))
    check_scaled(learner, np.array([[2.0, 1.0]]), np.array([[3.0, 1.0], [5.0, 0.5]]))


@exercise("13.3", points=1)
def test_there_is_no_epsilon(learner):
    """Features that vary little are divided by their own small standard deviation, without ε."""
    check_scaled(learner, 1e-4 * random(5, 3, seed=1), 1e-4 * random(4, 3, seed=2), rtol=1e-4, atol=1e-6)
    check_scaled(learner, 1e-7 * random(5, 3, seed=3), 1e-7 * random(4, 3, seed=4), rtol=1e-4, atol=1e-6)


@exercise("13.3", points=1)
def test_float32_with_a_large_mean(learner):
    """float32 features whose mean is ten thousand times their standard deviation come out right within 3 %."""
    parts = [random(64, 3, seed=seed, offset=1e4, spread=1.0).astype(np.float32) for seed in (5, 6)]
    check_scaled(learner, *parts, rtol=0.03, atol=0.03)


# 13.4 ema_update

guide(
    "13.4",
    hints=[
        "zip(average.parameters(), model.parameters()) gives the pairs, a shared layer once; zip(average.buffers(), model.buffers()) "
        "those of the buffers. A state dict has both, and a shared layer under each of its names.",
        "tensor.is_floating_point() tells a running variance from a counter.",
        "Inside `with torch.no_grad():` old.copy_(value) changes a tensor without a graph.",
        "`(1 - decay) * new` has the type of `new`, and is rounded to it: new.to(old.dtype) comes first.",
    ],
    forbids=("torch.optim.swa_utils",),
)


def averaged(answers, model, decay, steps, types, frozen, seed, directly=False):
    """What can be seen of an average in one type and a model in another after some updates, with new numbers in the model each time.

    `model` is written as a learner would write it. `frozen`: the average takes no gradients. `directly`: it is computed here, in float64.
    """
    import copy

    import numpy as np
    import torch
    from torch import nn

    class WithBuffers(nn.Module):
        def __init__(self):
            super().__init__()
            self.register_buffer("mask", torch.tensor([True, False, True]))
            self.register_buffer("table", torch.zeros(2, 2))
            self.register_buffer("order", torch.arange(3))
            self.scale = nn.Parameter(torch.ones(2), requires_grad=False)

    draw = np.random.default_rng(seed)
    model = eval(model, {"nn": nn, "WithBuffers": WithBuffers})
    average = copy.deepcopy(model).to(getattr(torch, types[0])).requires_grad_(not frozen)
    model = model.to(getattr(torch, types[1]))

    def fill(module):
        seen = set()
        for name, tensor in module.state_dict().items():
            if tensor.data_ptr() in seen:
                continue
            seen.add(tensor.data_ptr())
            if tensor.dtype == torch.bool:
                tensor.copy_(torch.from_numpy(draw.random(tuple(tensor.shape)) < 0.5))
            elif tensor.is_floating_point():
                low = 0.5 if name.endswith("var") else -2
                tensor.copy_(torch.from_numpy(draw.uniform(low, 3, tuple(tensor.shape))))
            else:
                tensor.copy_(torch.from_numpy(np.array(draw.integers(5, 90, tuple(tensor.shape)))))

    def numbers(module):
        return {name: tensor.detach().double().numpy().copy() for name, tensor in module.state_dict().items()}

    def circumstances(module):
        parameters = [*module.parameters()]
        return {
            "requires_grad": [one.requires_grad for one in parameters],
            "leaves": [one.is_leaf for one in [*parameters, *module.buffers()]],
            ".grad": [None if one.grad is None else one.grad.tolist() for one in parameters],
            "modes": [part.training for part in module.modules()],
            "types": [str(one.dtype) for one in module.state_dict().values()],
            "names": list(module.state_dict()),
        }

    fill(average)
    for number, part in enumerate(average.modules()):
        part.training = number % 2 == 1
    for module in (average, model):
        for one in module.parameters():
            one.grad = torch.full_like(one, 0.5) if one.requires_grad else None
    expected, before, changed = numbers(average), circumstances(average), []
    with torch.enable_grad():
        for _ in range(steps):
            fill(model)
            given, kept = numbers(model), circumstances(model)
            if directly:
                for name, value in model.state_dict().items():
                    floats = value.is_floating_point()
                    expected[name] = decay * expected[name] + (1 - decay) * given[name] if floats else given[name]
                continue
            answers.ema_update(average, model, decay)
            after, now = numbers(model), circumstances(model)
            changed += [f"{name} of the model" for name in kept if now[name] != kept[name]]
            changed += [] if all((after[name] == given[name]).all() for name in given) else ["tensors of the model"]
        changed += [] if torch.is_grad_enabled() else ["gradient switch of PyTorch"]
    now = circumstances(average)
    fill(model)  # what is only another name for one of its tensors goes along
    changed += [f"{name} of the average" for name in before if now[name] != before[name]]
    found = expected if directly else numbers(average)
    return {"average": {name: value.tolist() for name, value in found.items()}, "changed": [*dict.fromkeys(changed)]}


LINEAR = "nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 1))"
FEATURES = (
    "nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3), nn.Sequential(nn.BatchNorm1d(3, affine=False), nn.LayerNorm(3)))"
)
IMAGES = (
    "nn.Sequential(nn.Conv2d(1, 2, 2), nn.BatchNorm2d(2, momentum=None), nn.BatchNorm2d(2, track_running_stats=False), "
    "nn.InstanceNorm2d(2, track_running_stats=True))"
)
BUFFERS = "nn.Sequential(nn.Linear(2, 2), WithBuffers())"
SHARED = "nn.Sequential(one := nn.Linear(2, 2), nn.ReLU(), two := nn.BatchNorm1d(2), one, two, nn.BatchNorm1d(2))"


def check_average(
    learner, model, decay=0.9, steps=1, types=("float32", "float32"), frozen=True, seed=0, asked="numbers"
):
    given = model, decay, steps, types, frozen, seed
    got, wanted = learner.run(averaged, *given), averaged(None, *given, True)
    words = "After the update, the average is another one."
    assert_close(got["average"], wanted["average"], rtol=1e-5, atol=1e-5, message=words)
    if asked == "all":
        assert not got["changed"], f"After the call these are no longer as they were: {', '.join(got['changed'])}."


@exercise("13.4", points=1)
def test_parameters_are_averaged(learner):
    """Each parameter moves by 1 - decay of the way, for any decay from 0 to 1, whether it takes a gradient or not."""
    for seed, decay in enumerate([0.9, 0.5, 0.999, 0.0, 1.0]):
        check_average(learner, LINEAR, decay, seed=seed)
    check_average(learner, LINEAR, frozen=False)


@exercise("13.4", points=2)
def test_running_statistics_are_averaged_and_counters_copied(learner):
    """Running means and variances move like the parameters, num_batches_tracked is copied; layers may lack γ and β, or statistics."""
    for seed, model in enumerate([FEATURES, IMAGES]):
        for decay in (0.9, 0.25, 1.0):
            check_average(learner, model, decay, seed=seed)


@exercise("13.4", points=1)
def test_other_buffers_and_frozen_parameters(learner):
    """Any buffer of floating-point numbers is averaged, masks and integers are copied; a parameter without gradients is averaged too."""
    for frozen in (True, False):
        check_average(learner, BUFFERS, 0.75, frozen=frozen, seed=3)


@exercise("13.4", points=1)
def test_what_stands_in_two_places_is_averaged_once(learner):
    """A layer that a model uses twice moves once."""
    for decay in (0.9, 0.5):
        check_average(learner, SHARED, decay, seed=4)


@exercise("13.4", points=1)
def test_computed_in_the_type_of_the_average(learner):
    """An average in float32 of a model in bfloat16 is as exact as float32, and stays in float32."""
    for decay in (0.5, 0.9, 0.999):
        check_average(learner, FEATURES, decay, 3, ("float32", "bfloat16"), seed=5, asked="all")


@exercise("13.4", points=1)
def test_step_by_step_and_all_else_stays(learner):
    """After several steps: no graph, gradients, requires_grad and modes as before, and the model as it came."""
    for frozen in (True, False):
        for model in (FEATURES, IMAGES):
            check_average(learner, model, 0.8, 3, frozen=frozen, seed=6, asked="all")
