"""What a right answer to chapter 10 must satisfy. Oracles: Keras's formulas in float64, models built directly, PyTorch's layers."""

import numpy as np

from bncourse.checking import assert_close, exercise, guide
from bncourse.checking.properties import given, st


def random(*shape, seed=0, offset=1.0, spread=2.0):
    return offset + spread * np.random.default_rng(seed).standard_normal(shape)


# 10.1 keras_to_torch

guide(
    "10.1",
    hints=[
        "γ is called weight in PyTorch, β is called bias, and the two statistics running_mean and running_var.",
        "Keras's momentum is the weight of the old value, PyTorch's the weight of the new batch: together they are 1.",
        "A state dict holds tensors: torch.tensor(array) turns a NumPy array into one.",
    ],
)

SHAPES = [(4, 2), (3, 2, 4), (2, 3, 2, 4), (2, 2, 2, 3, 2)]


def keras_weights(channels, seed=0, dtype=np.float32):
    """gamma, beta, moving mean, moving variance, `(C,)` each."""
    draw = np.random.default_rng(seed)
    numbers = draw.normal(1, 1, channels), draw.normal(0, 2, channels)
    numbers += draw.normal(1, 2, channels), draw.uniform(0.05, 3, channels)
    return [values.astype(dtype) for values in numbers]


def torch_layer(answers, weights, momentum, epsilon, x, training):
    """Output and running statistics of a PyTorch layer that got the answer, on x, in training or not."""
    import torch
    from torch import nn

    state_dict, momentum, eps = answers.keras_to_torch(weights, momentum, epsilon)
    kind = {2: nn.BatchNorm1d, 3: nn.BatchNorm1d, 4: nn.BatchNorm2d, 5: nn.BatchNorm3d}[x.ndim]
    layer = kind(x.shape[1], eps=float(eps), momentum=float(momentum)).double()
    layer.load_state_dict(state_dict, strict=True)
    y = layer.train(training)(torch.tensor(x))
    return y.detach().numpy(), layer.running_mean.numpy(), layer.running_var.numpy()


def answer_in_arrays(answers, weights, momentum, epsilon):
    """The answer in plain arrays, without a counter."""
    state_dict, momentum, eps = answers.keras_to_torch(weights, momentum, epsilon)
    state = {name: value.detach().numpy() for name, value in state_dict.items() if name != "num_batches_tracked"}
    return state, float(momentum), float(eps)


def expected_move(weights, momentum, epsilon, x, training):
    """What Keras computes, in float64, one channel after the other; the variance that is learnt is the unbiased one."""
    y, new_mean, new_var = np.empty(x.shape), np.empty(x.shape[1]), np.empty(x.shape[1])
    for c, (gamma, beta, moving_mean, moving_variance) in enumerate(np.array(weights, np.float64).T):
        values = x[:, c]
        mean, var = (values.mean(), values.var()) if training else (moving_mean, moving_variance)
        y[:, c] = gamma * (values - mean) / np.sqrt(var + epsilon) + beta
        keep = momentum if training else 1.0
        new_mean[c] = keep * moving_mean + (1 - keep) * values.mean()
        new_var[c] = keep * moving_variance + (1 - keep) * values.var(ddof=1)
    return y, new_mean, new_var


def check_move(learner, shape, momentum=0.99, epsilon=1e-3, training=False, seed=0, dtype=np.float32):
    weights, x = keras_weights(shape[1], seed, dtype), random(*shape, seed=seed)
    got = learner.run(torch_layer, weights, momentum, epsilon, x, training)
    assert_close(got, expected_move(weights, momentum, epsilon, x, training), rtol=1e-6)
    assert not learner.changed, f"The call changed its argument {learner.changed[0]}."


@exercise("10.1", points=1)
def test_each_array_gets_its_name(learner):
    """Gamma becomes weight, beta bias, the moving mean running_mean and the moving variance running_var, numbers unchanged."""
    for channels, seed in [(1, 0), (3, 1)]:
        weights = keras_weights(channels, seed)
        wanted = dict(zip(("weight", "bias", "running_mean", "running_var"), weights))
        got, *_ = learner.run(answer_in_arrays, weights, 0.99, 1e-3)
        assert_close(got, wanted, rtol=1e-6)


@exercise("10.1", points=1)
def test_momentum_is_turned_round_and_epsilon_stays(learner):
    """Momentum 0.99 becomes 0.01, 0.9 becomes 0.1, 0 becomes 1 and 1 becomes 0; epsilon is what it was."""
    for momentum, epsilon in [(0.99, 1e-3), (0.9, 1e-5), (0.5, 0.25), (0.0, 1e-3), (1.0, 1e-2)]:
        _, *got = learner.run(answer_in_arrays, keras_weights(2), momentum, epsilon)
        assert_close(got, [1 - momentum, epsilon])


@exercise("10.1", points=1)
def test_equal_at_inference(learner):
    """At inference the PyTorch layer gives what the Keras layer gives, for features, sequences, images and volumes."""
    for seed, shape in enumerate(SHAPES):
        check_move(learner, shape, seed=seed)
    for epsilon in (1e-5, 0.5):
        check_move(learner, (4, 2), epsilon=epsilon, seed=9)


@exercise("10.1", points=1)
def test_equal_in_training(learner):
    """In training the outputs are equal, and the running mean moves as in Keras; the variance moves towards the unbiased one."""
    for seed, shape in enumerate(SHAPES):
        for momentum in (0.99, 0.8, 0.0):
            check_move(learner, shape, momentum, training=True, seed=seed)
    check_move(learner, (4, 2), 0.9, 0.5, training=True, seed=9)


@exercise("10.1", points=1)
@given(st.integers(1, 5), st.sampled_from([0.99, 0.9, 0.75]), st.sampled_from([1e-3, 1e-5, 0.1]), st.integers(0, 9))
def test_any_layer(learner, channels, momentum, epsilon, seed):
    """Any number of channels, any momentum and epsilon, float64 arrays too; the arrays stay as they are."""
    check_move(learner, (3, channels, 2, 2), momentum, epsilon, training=seed % 2 == 0, seed=seed, dtype=np.float64)


# 10.2 replace_batchnorm

guide(
    "10.2",
    hints=[
        "copy.deepcopy(model) is a model of its own, with the same modes and weights. All changes are made to the copy.",
        "named_modules() gives every module with its path, such as 'blocks.0.norm'. What stands before the last dot is the "
        "path of its parent: get_submodule(path) finds it, setattr(parent, name, module) puts a module in its place.",
        "Make a list of what is to be replaced before you replace anything, or you will find what the factory made.",
        "named_modules() and named_children() leave out a module that they have given before; named_modules has an argument for that.",
    ],
)


def new_model(answers, model, factory, training=True, norms_training=True, directly=False):
    """The answer for a model, described; and what became of the model that came in.

    `model` and `factory` are written as a learner would write them. `training` is the mode of the model, `norms_training`
    that of its batch normalizations. `directly`: the model is built with the new modules.
    """
    from types import SimpleNamespace

    import numpy as np
    import torch
    from torch import nn

    class Renamed(nn.BatchNorm2d):
        pass

    class MyBatchNorm2d(nn.BatchNorm2d):
        pass

    torch.manual_seed(0)
    called, norms = [], []
    make = eval(factory, {"nn": nn})

    def made(features):
        called.append(int(features))
        return make(features)

    def norm(kind):
        def build(features, **options):
            layer = made(features) if directly else kind(features, **options)
            if not directly:
                for number, tensor in enumerate([*layer.parameters(), *layer.buffers()]):
                    tensor.data.add_(1 + number)
            norms.append(layer)
            return layer

        return build

    kinds = nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.SyncBatchNorm
    layers = SimpleNamespace(**{**vars(nn), **{kind.__name__: norm(kind) for kind in kinds}})

    class Block(nn.Module):
        def __init__(self, skip):
            super().__init__()
            self.path = nn.Sequential(nn.Conv2d(2, 4, 1), layers.BatchNorm2d(4), nn.ReLU(), nn.Conv2d(4, 2, 1))
            self.norm = layers.BatchNorm2d(2)
            self.skip = nn.ModuleDict({"norm": layers.BatchNorm2d(2)}) if skip else None

        def forward(self, x):
            return self.norm(self.path(x)) + (x if self.skip is None else self.skip["norm"](x))

    class Tree(nn.Module):
        def __init__(self):
            super().__init__()
            self.blocks = nn.ModuleList([Block(False), Block(True)])
            self.head = nn.Sequential(nn.Sequential(nn.Sequential(layers.BatchNorm2d(2))), nn.Flatten())

        def forward(self, x):
            for block in self.blocks:
                x = block(x)
            return self.head(x)

    def block_twice():
        block = Block(True)
        return nn.Sequential(block, nn.ReLU(), block)

    described_in_words = {
        "a network with blocks of its own in an nn.ModuleList": Tree,
        "one block of its own that stands in two places": block_twice,
    }
    names = {"nn": layers, "Renamed": norm(Renamed), "MyBatchNorm2d": norm(MyBatchNorm2d)}

    def filled(model):
        numbers = np.random.default_rng(1)
        new = {part for layer in norms for part in layer.modules()}
        for module in model.modules():
            for tensor in module.parameters(recurse=False) if module not in new else ():
                tensor.data.copy_(torch.from_numpy(numbers.normal(size=tuple(tensor.shape))))
        return model

    def described(model):
        found, order = [], {}
        for path, module in model.named_modules(remove_duplicate=False):
            number = order.setdefault(id(module), len(order))
            text = type(module).__name__ if [*module.children()] else repr(module)
            place = path or "the model itself"
            found.append(f"{place}: {text}, {'training' if module.training else 'evaluation'}, module {number}")
        return found

    def state(model):
        return {name: tensor.tolist() for name, tensor in model.state_dict().items()}

    built = filled(described_in_words[model]() if model in described_in_words else eval(model, names))
    built.train(training)
    for layer in norms:
        layer.train(norms_training)
    new, different, changed = built, True, []
    if not directly:
        before = described(built), state(built)
        new = answers.replace_batchnorm(built, made)
        different = new is not built
        after = described(built), state(built)
        changed = [what for what, *two in zip(("modules or modes", "tensors"), before, after) if two[0] != two[1]]
    modules, tensors = described(new), state(new)
    calls = sorted(called)
    dimensions = 1 if "1d" in model else 3 if "3d" in model else 2
    shape = {1: (4, 2), 2: (2, 2, 3, 3), 3: (2, 2, 3, 3, 3)}[dimensions]
    x = torch.from_numpy(np.random.default_rng(2).normal(size=shape))
    with torch.no_grad():
        output = new.double()(x).numpy()  # small groups would magnify the rounding of float32
    if not directly:
        for tensor in [*new.parameters(), *new.buffers()]:
            tensor.data.add_(1)
        if "tensors" not in changed and state(built) != before[1]:
            changed.append("tensors, when the new model's are changed")
    return {
        "modules": modules, "tensors": tensors, "calls": calls, "output": output, "new": different, "changed": changed,
    }  # fmt: skip


FEATURES = "nn.Sequential(nn.Linear(2, 4), nn.BatchNorm1d(4), nn.ReLU(), nn.Linear(4, 6), nn.BatchNorm1d(6))"
IMAGES = "nn.Sequential(nn.Conv2d(2, 4, 2), nn.BatchNorm2d(4), nn.ReLU(), nn.Conv2d(4, 6, 1), nn.BatchNorm2d(6))"
VOLUMES = "nn.Sequential(nn.Conv3d(2, 4, 1), nn.BatchNorm3d(4), nn.Conv3d(4, 2, 2), nn.ReLU())"
TREE = "a network with blocks of its own in an nn.ModuleList"
ITSELF = "nn.BatchNorm2d(2)"
SHARED = [
    "nn.Sequential(one := nn.BatchNorm2d(2), nn.ReLU(), nn.Conv2d(2, 2, 1), one, nn.Sequential(one, nn.BatchNorm2d(2)))",
    "one block of its own that stands in two places",
]
KINDS = [
    "nn.Sequential(Renamed(2), MyBatchNorm2d(2), nn.Conv2d(2, 4, 1), nn.SyncBatchNorm(4))",
    "nn.Sequential(nn.BatchNorm2d(2, affine=False), nn.Conv2d(2, 2, 1))",
    "nn.Sequential(nn.BatchNorm2d(2, track_running_stats=False), nn.Dropout(0.0))",
    "nn.Sequential(nn.GroupNorm(2, 2), nn.InstanceNorm2d(2, affine=True, track_running_stats=True), "
    "nn.LocalResponseNorm(2), nn.BatchNorm2d(2), nn.LayerNorm(3))",
    "nn.Sequential(nn.Conv2d(2, 4, 1), nn.ReLU())",
]

PRELU = "nn.PReLU"
GROUP = "lambda channels: nn.GroupNorm(2, channels)"
IDENTITY = "lambda channels: nn.Identity()"
BATCH = "lambda channels: nn.BatchNorm2d(channels, momentum=0.5)"
NESTED = "lambda channels: nn.Sequential(nn.Dropout(0.0), nn.BatchNorm2d(channels, eps=0.5))"


def check_swap(learner, model, factory=PRELU, training=True, norms_training=True):
    given = model, factory, training, norms_training
    got, wanted = learner.run(new_model, *given), new_model(None, *given, True)
    assert got["new"], "The model that came back is the one that went in."
    assert not got["changed"], (
        f"Of the model that came in these are no longer as they were: {', '.join(got['changed'])}."
    )
    for line, wanted_line in zip(got["modules"], wanted["modules"]):
        assert line == wanted_line, f"The new model has “{line}” where “{wanted_line}” should be."
    assert len(got["modules"]) == len(wanted["modules"]), "The new model has other modules than it should."
    assert got["calls"] == wanted["calls"], f"factory was called with {got['calls']} instead of {wanted['calls']}."
    assert_close(got["tensors"], wanted["tensors"], message="The new model's state dict is another one.")
    assert_close(got["output"], wanted["output"])


@exercise("10.2", points=1)
def test_every_one_in_a_row_of_layers(learner):
    """In a row of layers every batch normalization is replaced, 1d, 2d and 3d; all else is a copy."""
    for model in (FEATURES, IMAGES, VOLUMES):
        check_swap(learner, model)
        check_swap(learner, model, IDENTITY)
    check_swap(learner, IMAGES, GROUP)


@exercise("10.2", points=2)
def test_at_any_depth(learner):
    """In blocks, lists, dictionaries and sequences inside of sequences too; a child that is None stays None."""
    for factory in (PRELU, GROUP):
        check_swap(learner, TREE, factory)


@exercise("10.2", points=1)
def test_modes_are_kept(learner):
    """Each new module is in the mode of the one it replaces, frozen ones included, and all others are in theirs."""
    for training, norms_training in [(False, False), (True, False), (False, True)]:
        for model in (IMAGES, TREE, ITSELF):
            check_swap(learner, model, PRELU, training, norms_training)


@exercise("10.2", points=1)
def test_a_model_that_is_one_itself(learner):
    """A model that is a batch normalization itself becomes what the factory makes."""
    check_swap(learner, ITSELF)
    check_swap(learner, ITSELF, NESTED)


@exercise("10.2", points=1)
def test_all_kinds_and_no_other(learner):
    """Derived classes, whatever they are called, and SyncBatchNorm are replaced, with or without γ, β and statistics; other
    normalizations stay."""
    for model in KINDS:
        check_swap(learner, model)


@exercise("10.2", points=1)
def test_one_used_twice_stays_one(learner):
    """A batch normalization used in several places becomes one new module in all of them; the factory is called once for it."""
    for model in SHARED:
        check_swap(learner, model)


@exercise("10.2", points=1)
def test_what_the_factory_makes_is_left_alone(learner):
    """A factory may make batch normalizations, bare or inside of something: these are not replaced again."""
    for factory in (BATCH, NESTED):
        check_swap(learner, IMAGES, factory)
        check_swap(learner, TREE, factory)


# 10.3 fold_batchnorm

guide(
    "10.3",
    hints=[
        "At inference y = scale · conv(x) + shift for each channel. Which two arrays are these, in terms of γ, β, the running "
        "statistics and ε?",
        "A filter that is multiplied by a number gives an output multiplied by it: the weight is (out, in / groups, height, width), "
        "so scale.view(-1, 1, 1, 1) multiplies each filter.",
        "The bias of the convolution goes through the normalization as well: it is multiplied by scale, then shifted.",
        "copy.deepcopy(conv) has stride, padding, dilation and groups already; it lacks the new weight and bias.",
    ],
    forbids=("torch.nn.utils.fusion", "torch.fx", "torch.ao"),
)


def folded(answers, conv, bn, dtype, conv_training, bn_training, seed, directly=False):
    """Output of the answer's convolution, and what was changed; `directly`: of convolution and normalization, in float64.

    `conv` and `bn` hold the arguments of the two layers.
    """
    import numpy as np
    import torch
    from torch import nn

    draw = np.random.default_rng(seed)
    channels, conv, bn = conv["in_channels"], nn.Conv2d(**conv), nn.BatchNorm2d(conv["out_channels"], **bn)
    conv, bn = conv.to(getattr(torch, dtype)), bn.to(getattr(torch, dtype))
    tensors = [conv.weight, conv.bias, bn.weight, bn.bias, bn.running_mean]
    for tensor in [tensor for tensor in tensors if tensor is not None]:
        tensor.data.copy_(torch.from_numpy(draw.normal(0.5, 1, tuple(tensor.shape))))
    bn.running_var.copy_(torch.from_numpy(draw.uniform(0.1, 3, bn.num_features)))
    if seed == 0:  # a channel that never varied
        bn.running_var[0] = 0.0
    x = torch.from_numpy(draw.normal(1, 1, (2, channels, 7, 6)).astype(dtype))
    if directly:
        with torch.no_grad():
            return bn.double().eval()(conv.double()(x.double())).numpy()
    conv.train(conv_training)
    bn.train(bn_training)

    def state():
        held = {f"conv.{name}": tensor.tolist() for name, tensor in conv.state_dict().items()}
        held |= {f"bn.{name}": tensor.tolist() for name, tensor in bn.state_dict().items()}
        held |= {
            "conv.training": conv.training,
            "bn.training": bn.training,
            "bn.momentum": bn.momentum,
            "bn.eps": bn.eps,
        }
        return held | {"conv's groups": conv.groups, "conv has a bias": conv.bias is not None}

    before = state()
    result = answers.fold_batchnorm(conv, bn)
    after = state()
    if not isinstance(result, nn.Conv2d):
        return {"kind": type(result).__name__}
    with torch.no_grad():
        y = nn.Conv2d.forward(result, x)
    changed = [name for name in {**before, **after} if before.get(name) != after.get(name)]
    return {"kind": "Conv2d", "y": y.numpy(), "dtype": str(y.dtype), "changed": changed}


def check_fold(learner, options=None, seed=1, dtype="float32", modes=(False, False), **settings):
    settings = {"in_channels": 2, "out_channels": 3, "kernel_size": 3, **settings}
    given = settings, options or {}, dtype, *modes, seed
    got = learner.run(folded, *given)
    assert got["kind"] == "Conv2d", f"The answer is a {got['kind']}; it should be one nn.Conv2d."
    exact = {"rtol": 1e-9, "atol": 1e-9} if dtype == "float64" else {"rtol": 1e-4, "atol": 1e-4}
    # A variance of 0 multiplies by 1/√ε, and float32's rounding with it.
    exact["atol"] *= 300 if seed == 0 else 1
    assert_close(got["y"], folded(None, *given, True), **exact)
    assert got["dtype"] == f"torch.{dtype}", f"The output is {got['dtype']}, the layers are torch.{dtype}."
    assert not got["changed"], f"After the call these are no longer as they were: {', '.join(got['changed'])}."


@exercise("10.3", points=1)
def test_one_filter_with_a_bias(learner):
    """One channel, one weight: with a bias and without."""
    for bias in (True, False):
        check_fold(learner, in_channels=1, out_channels=1, kernel_size=1, bias=bias)


@exercise("10.3", points=2)
def test_with_a_bias_and_without(learner):
    """Several channels, with a bias or none in the convolution; the new one always has a bias. As many inputs as outputs, more, and fewer."""
    for bias in (True, False):
        for inputs, outputs in [(2, 3), (3, 3), (3, 2)]:
            check_fold(learner, in_channels=inputs, out_channels=outputs, bias=bias)


@exercise("10.3", points=1)
def test_any_kernel_stride_padding_dilation_and_groups(learner):
    """Kernel, stride, padding, dilation and groups of the convolution hold for the new one, groups of one channel included."""
    check_fold(learner, kernel_size=(3, 2), stride=(2, 1), padding=(1, 2))
    check_fold(learner, kernel_size=(2, 3), dilation=(1, 2))
    check_fold(learner, stride=2)
    check_fold(learner, padding="same", dilation=2)
    check_fold(learner, in_channels=4, out_channels=6, groups=2, bias=False)
    check_fold(learner, in_channels=4, out_channels=4, groups=4)


@exercise("10.3", points=1)
def test_any_padding_mode(learner):
    """A border that is mirrored, repeated or wrapped around stays so."""
    for mode in ("reflect", "replicate", "circular"):
        check_fold(learner, padding=1, padding_mode=mode)


@exercise("10.3", points=1)
def test_eps_of_the_layer(learner):
    """ε is the layer's and stands under the root, for a channel too that never varied."""
    for eps in (0.5, 1e-3, 1e-5):
        check_fold(learner, {"eps": eps}, padding=1)
    check_fold(learner, {"eps": 1e-5}, seed=0, padding=1)
    check_fold(learner, {"eps": 1e-3}, seed=0, padding=1, bias=False)


@exercise("10.3", points=1)
def test_without_gamma_and_beta(learner):
    """A normalization without γ and β is folded too."""
    for bias in (True, False):
        check_fold(learner, {"affine": False}, bias=bias)


@exercise("10.3", points=1)
def test_the_mode_does_not_matter(learner):
    """Running statistics are folded in whatever mode the layers are, and both are left as they were, in their mode."""
    for modes in [(True, True), (False, True), (True, False)]:
        check_fold(learner, modes=modes, padding=1)


@exercise("10.3", points=1)
def test_float64_stays_float64(learner):
    """Layers in float64 become one in float64, exact to rounding."""
    for bias in (True, False):
        check_fold(learner, dtype="float64", bias=bias, padding=1)


# 10.4 export_with_parity

guide(
    "10.4",
    hints=[
        "In which mode should the exporter find the model, and in which should the model be when you compare? How can you have both "
        "without touching the model that came in?",
        "copy.deepcopy(model).eval() is a model of its own in evaluation mode: export it, and compare the program with it.",
        "One number for each batch, (program(images) - deployed(images)).abs().max(), and the largest of these.",
        "Python's max passes over a NaN: max(0.0, nan) is 0.0. A tensor's max() gives NaN if there is one, and isnan() tells it.",
    ],
)

HEAD = "nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3), nn.ReLU(), nn.Linear(3, 2))"
DROPPING = "nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3), nn.Dropout(1.0), nn.Linear(3, 2))"
PICTURES = (
    "nn.Sequential(nn.Conv2d(1, 2, 2), nn.BatchNorm2d(2), nn.ReLU(), nn.Sequential(nn.Conv2d(2, 2, 1), nn.BatchNorm2d(2)), "
    "nn.Flatten(), nn.Linear(8, 2))"
)


def exported(answers, model, exporter, shape, sizes, mode, directly=False):
    """The program of a model in float64, on new batches; the difference; and what became of the model that came in.

    `model` is written as a learner would write it, `exporter` says in words what becomes of the program's outputs. `mode` is that of
    the model; "frozen" is training, but for its normalizations. `directly`: both are computed here.
    """
    import copy

    import numpy as np
    import torch
    from torch import nn

    draw = np.random.default_rng(len(sizes))
    model = eval(model, {"nn": nn}).double()
    for tensor in [*model.parameters(), *model.buffers()]:
        values = torch.from_numpy(draw.uniform(0.5, 2, tuple(tensor.shape)))
        tensor.data.copy_(values * torch.from_numpy(draw.choice([-1, 1], tuple(tensor.shape))))
    for module in model.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            module.running_var.abs_()
            module.num_batches_tracked.fill_(7)
    batches = [torch.from_numpy(draw.normal(1, 1, (size, *shape))) for size in sizes]
    new = [torch.from_numpy(draw.normal(1, 1, (size, *shape))) for size in (5, 1 if len(shape) > 1 else 2)]

    def export(module, images):
        with torch.no_grad():
            module(images)  # as a tracer does: in training mode it moves the running statistics
            recorded = copy.deepcopy(module)
        if "evaluation mode by itself" in exporter:
            recorded.eval()

        def program(images):
            with torch.no_grad():
                y = recorded(images).clone()
            if "rounds to quarters" in exporter:
                y = torch.round(4 * y) / 4
            if "a single image comes out lower" in exporter and len(images) == 1:
                y[0, 1] -= 3
            if "NaN in batches of three" in exporter and len(images) == 3:
                y[1, 0] = float("nan")
            return y

        return program

    model.train(mode != "evaluation")
    for module in model.modules():
        if mode == "frozen" and isinstance(module, nn.modules.batchnorm._BatchNorm):
            module.eval()
    model.zero_grad()

    def state():
        return {
            "parameters and statistics": {name: tensor.tolist() for name, tensor in model.state_dict().items()},
            "modes": [module.training for module in model.modules()],
            ".grad": [None if one.grad is None else one.grad.tolist() for one in model.parameters()],
            "requires_grad": [one.requires_grad for one in model.parameters()],
            "hooks": [len(module._forward_hooks) + len(module._forward_pre_hooks) for module in model.modules()],
            "batches": [images.tolist() for images in batches],
            "gradient switch of PyTorch": torch.is_grad_enabled(),
        }  # fmt: skip

    with torch.enable_grad():
        before, given = state(), [*batches]
        if directly:
            deployed = copy.deepcopy(model).eval()
            program, gaps = export(deployed, batches[0]), []
            for images in batches:
                gaps += (program(images) - deployed(images)).detach().abs().flatten().tolist()
            pair = program, float("inf") if np.isnan(gaps).any() else max(gaps)
        else:
            pair = answers.export_with_parity(model, export, given)
        after = state()
    if not isinstance(pair, tuple | list) or len(pair) != 2 or not callable(pair[0]):
        return {"kind": type(pair).__name__}
    program, difference = pair
    changed = [name for name in before if before[name] != after[name]]
    if len(given) != len(batches) or any(one is not other for one, other in zip(given, batches)):
        changed.append("the list of batches")
    outputs = [program(images) for images in new]
    again = [program(images) for images in new]
    outputs, again = [[y.detach().numpy() for y in ys] for ys in (outputs, again)]
    verdict = isinstance(difference, bool) or getattr(difference, "dtype", None) in (torch.bool, np.dtype(bool))
    kind = "pair with a verdict" if verdict else "pair"
    return {"kind": kind, "outputs": outputs, "again": again, "difference": difference, "changed": changed}


def check_export(learner, model, exporter, sizes=(4, 3, 2), mode="training", asked="difference"):
    given = model, exporter, (1, 3, 3) if model == PICTURES else (2,), sizes, mode
    got, wanted = learner.run(exported, *given), exported(None, *given, True)
    assert "pair" in got["kind"], (
        f"The answer is of type {got['kind']}; it should be a pair, the program and the difference."
    )
    for name in ("outputs", "again"):
        words = "On new batches the program does not give what that of the model in evaluation mode gives."
        assert_close(got[name], wanted[name], rtol=1e-6, message=words)
    if asked == "difference":
        assert_close(got["difference"], wanted["difference"], rtol=1e-6, message="The difference is another one.")
    if asked == "model":
        assert not got["changed"], f"After the call these are no longer as they were: {', '.join(got['changed'])}."


@exercise("10.4", points=2)
def test_the_program_is_that_of_inference(learner):
    """In whatever mode the model comes, the program is that of the model in evaluation mode: normalization, dropout, one image alone."""
    for model in (HEAD, DROPPING, PICTURES):
        for mode in ("evaluation", "training"):
            check_export(
                learner, model, "records the mode it finds, and rounds to quarters", mode=mode, asked="program"
            )


@exercise("10.4", points=2)
def test_the_largest_difference_of_all_batches(learner):
    """The difference is the largest absolute one, in whichever batch it is: of several batches, and of one."""
    for sizes in [(1,), (2, 1, 4), (1, 3), (4, 2, 1)]:
        for model in (HEAD, PICTURES):
            exporter = "records the mode it finds; a single image comes out lower"
            check_export(learner, model, exporter, sizes, "evaluation")
    check_export(learner, HEAD, "records the mode it finds, and rounds to quarters", (3, 2, 5), "evaluation")


@exercise("10.4", points=1)
def test_compared_with_the_model_at_inference(learner):
    """Where the exporter switches to evaluation mode by itself, the program is compared with the model in evaluation mode too."""
    for mode in ("training", "frozen"):
        for model in (HEAD, DROPPING):
            check_export(learner, model, "switches to evaluation mode by itself, and rounds to quarters", mode=mode)


@exercise("10.4", points=1)
def test_what_is_not_a_number_proves_nothing(learner):
    """A NaN among the outputs makes the difference infinite, in whichever batch it stands."""
    for sizes in [(3, 2), (2, 3), (2, 3, 1), (3,)]:
        exporter = "records the mode it finds, and rounds to quarters; NaN in batches of three"
        check_export(learner, HEAD, exporter, sizes, "evaluation")


@exercise("10.4", points=1)
def test_the_model_stays_as_it_was(learner):
    """Parameters, statistics, gradients and the mode of each module are as before, frozen layers included."""
    for mode in ("frozen", "training", "evaluation"):
        for model in (PICTURES, DROPPING):
            check_export(learner, model, "records the mode it finds, and rounds to quarters", mode=mode, asked="model")
