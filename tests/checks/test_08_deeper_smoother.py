"""What a right answer to chapter 8 must satisfy. Oracles: the network in float64 NumPy, and PyTorch's functions on plain tensors."""

import numpy as np
import torch
from torch.nn import functional as F

from bncourse.checking import assert_close, exercise, guide
from bncourse.checking.properties import given, st


def random(*shape, seed=0, spread=1.0):
    return spread * np.random.default_rng(seed).standard_normal(shape)


# 8.1 plain_network

guide(
    "8.1",
    hints=[
        "Collect the modules in a list, in the order in which they run, and end with `nn.Sequential(*layers)`.",
        "Only the first linear layer has in_features inputs; all later ones have width. A variable that says how many inputs the next layer gets saves a case distinction.",
        "`activation` is a class: call it, `activation()`, wherever a module is needed. Make each layer anew inside the loop.",
    ],
)

ACTIVATIONS = {
    "ReLU": lambda z: np.maximum(z, 0),
    "Tanh": np.tanh,
    "Sigmoid": lambda z: 1 / (1 + np.exp(-z)),
    "Bend": lambda z: z + 0.5 * z * z,
}


def network_of(answers, depth, width, in_features, num_classes, batch_norm, activation, x):
    """What the answer built, its linear layers and normalizations as they run, with numbers drawn for all that they hold; its outputs."""
    import numpy as np
    import torch
    from torch import nn
    from torch.nn.modules.module import register_module_forward_hook

    class Bend(nn.Module):
        def forward(self, z):
            return z + 0.5 * z * z

    torch.manual_seed(0)
    kind = Bend if activation == "Bend" else getattr(nn, activation)
    model = answers.plain_network(depth, width, in_features, num_classes, batch_norm, kind)
    x, found = torch.tensor(x, dtype=torch.float64), []

    def note(module, inputs, output):
        if isinstance(module, (nn.Linear, nn.BatchNorm1d)) and not any(module is other for other in found):
            found.append(module)

    handle = register_module_forward_hook(note)
    try:
        model.double().train()(x)
    finally:
        handle.remove()
    numbers = np.random.default_rng(1)
    layers = []
    for module in found:
        module.double()
        held = {}
        for name in ("weight", "bias", "running_mean", "running_var"):
            tensor = getattr(module, name, None)
            if tensor is None:
                held[name] = None
                continue
            low, high = (0.5, 2.0) if name == "running_var" else (-1.0, 1.0)
            tensor.data.copy_(torch.from_numpy(numbers.uniform(low, high, tuple(tensor.shape))))
            held[name] = tensor.detach().numpy().copy()
        layers.append({"kind": type(module).__name__, **held})
    with torch.no_grad():
        in_training = model.train()(x).numpy()
    for module, layer in zip(found, layers):
        if layer["running_mean"] is not None:  # training has moved them
            module.running_mean.copy_(torch.from_numpy(layer["running_mean"]))
            module.running_var.copy_(torch.from_numpy(layer["running_var"]))
    with torch.no_grad():
        in_evaluation = model.eval()(x).numpy()
    known = sum(parameter.numel() for parameter in model.parameters())
    return {"layers": layers, "training": in_training, "evaluation": in_evaluation, "parameters": known}


def expected_output(layers, activation, x, training):
    """The network in float64: its activation stands before each linear layer but the first."""
    for place, layer in enumerate(layers):
        if layer["kind"] == "Linear":
            x = x if place == 0 else ACTIVATIONS[activation](x)
            x = x @ layer["weight"].T + (0 if layer["bias"] is None else layer["bias"])
        else:
            mean, var = (x.mean(0), x.var(0)) if training else (layer["running_mean"], layer["running_var"])
            x = layer["weight"] * (x - mean) / np.sqrt(var + 1e-5) + layer["bias"]
    return x


def assert_parts(got, depth, width, in_features, num_classes, batch_norm):
    layers = got["layers"]
    shapes = [layer["weight"].shape for layer in layers if layer["kind"] == "Linear"]
    wanted = [(width, in_features), *[(width, width)] * (depth - 1), (num_classes, width)]
    assert shapes == wanted, f"The weights of the linear layers that ran have shapes {shapes} instead of {wanted}."
    kinds = [layer["kind"] for layer in layers]
    block = ["Linear", "BatchNorm1d"] if batch_norm else ["Linear"]
    assert kinds == block * depth + ["Linear"], f"Linear layers and normalizations run in the order {kinds}."


def built(learner, depth, width, in_features, num_classes, batch_norm, activation, seed=0):
    """The answer's network, its parts as they should be, and its input."""
    sizes = depth, width, in_features, num_classes, batch_norm
    x = random(4, in_features, seed=seed)
    got = learner.run(network_of, *sizes, activation, x)
    assert_parts(got, *sizes)
    return got, x


@exercise("8.1", points=1)
def test_hidden_layers_and_one_more_for_the_output(learner):
    """depth hidden layers of width units and one linear layer for the output, each with parameters of its own, in their order."""
    for depth in (1, 2, 5):
        for batch_norm in (False, True):
            got, x = built(learner, depth, 4, 3, 2, batch_norm, "ReLU")
            assert_close(got["training"].shape, (4, 2))


@exercise("8.1", points=1)
def test_output_without_normalization(learner):
    """Without normalization the output is linear, activation, linear, activation, …, linear: the activation after every hidden layer, nothing after the last."""
    for depth, width, in_features, num_classes in [(1, 2, 2, 2), (2, 3, 2, 4), (4, 3, 5, 2)]:
        got, x = built(learner, depth, width, in_features, num_classes, False, "ReLU", seed=depth)
        assert_close(got["training"], expected_output(got["layers"], "ReLU", x, True))
        assert_close(got["evaluation"], expected_output(got["layers"], "ReLU", x, False))


@exercise("8.1", points=1)
def test_normalization_stands_before_the_activation(learner):
    """With normalization each hidden layer is linear, normalization, activation, and the output layer is linear alone."""
    for depth, width, in_features, num_classes in [(1, 2, 2, 2), (2, 3, 2, 4), (4, 3, 5, 2)]:
        got, x = built(learner, depth, width, in_features, num_classes, True, "ReLU", seed=depth)
        assert_close(got["training"], expected_output(got["layers"], "ReLU", x, True), rtol=1e-4, atol=1e-6)


@exercise("8.1", points=1)
def test_normalization_keeps_running_statistics(learner):
    """In evaluation mode the output rests on the running statistics of each normalization."""
    for depth, width in [(1, 2), (3, 4)]:
        got, x = built(learner, depth, width, 3, 2, True, "Tanh", seed=depth)
        assert_close(got["evaluation"], expected_output(got["layers"], "Tanh", x, False))


@exercise("8.1", points=1)
def test_any_activation(learner):
    """The activation is the one that was asked for: ReLU, tanh, sigmoid, or one that nobody has seen before."""
    for activation in ("Sigmoid", "Tanh", "Bend", "ReLU"):
        for batch_norm in (False, True):
            got, x = built(learner, 2, 3, 2, 2, batch_norm, activation, seed=5)
            assert_close(got["training"], expected_output(got["layers"], activation, x, True), rtol=1e-4, atol=1e-6)


@exercise("8.1", points=1)
def test_the_model_knows_all_its_parameters(learner):
    """model.parameters() has the weights and biases of all layers, and γ and β of all normalizations, so that an optimizer trains them. Only a linear layer that normalization follows can do without a bias."""
    for depth in (1, 3):
        for batch_norm in (False, True):
            got, x = built(learner, depth, 4, 3, 2, batch_norm, "ReLU")
            held = [layer[name] for layer in got["layers"] for name in ("weight", "bias")]
            wanted = sum(tensor.size for tensor in held if tensor is not None)
            words = f"The layers that ran hold {wanted} numbers to train; model.parameters() has {got['parameters']}."
            assert_close(got["parameters"], wanted, message=words)
            followed = [layer["kind"] == "BatchNorm1d" for layer in got["layers"][1:]] + [False]
            bare = [layer["kind"] == "Linear" and layer["bias"] is None for layer in got["layers"]]
            assert not any(one and not norm for one, norm in zip(bare, followed)), (
                "A linear layer without a normalization behind it has no bias."
            )


# Models for 8.2 to 8.4: one small network, of which everything is given, and its loss on plain tensors


def tensors_of(sizes, batch_norm, seed=0):
    """Names and arrays of all parameters of a small network: weight, bias, and gamma and beta where normalised."""
    draw, held = np.random.default_rng(seed), {}
    for place, (inputs, outputs) in enumerate(zip(sizes, sizes[1:])):
        held[f"weight{place}"] = draw.normal(size=(outputs, inputs))
        held[f"bias{place}"] = draw.normal(size=outputs)
        if batch_norm and place < len(sizes) - 2:
            held[f"gamma{place}"] = draw.uniform(0.5, 2, outputs)
            held[f"beta{place}"] = draw.normal(size=outputs)
    return held


def statistics_of(sizes, seed=0):
    """Running mean and variance of each hidden layer."""
    draw = np.random.default_rng(seed + 100)
    return [(draw.normal(size=width), draw.uniform(0.5, 2, width)) for width in sizes[1:-1]]


def loss_of(held, statistics, x, y, training):
    """Cross-entropy of the network in float64, of tensors by name: linear, normalization, tanh, …, linear."""
    h, last = torch.from_numpy(x), max(int(name[-1]) for name in held)
    for place in range(last + 1):
        h = F.linear(h, held[f"weight{place}"], held[f"bias{place}"])
        if place < last:
            if f"gamma{place}" in held:
                mean, var = (torch.from_numpy(values.copy()) for values in statistics[place])
                h = F.batch_norm(h, mean, var, held[f"gamma{place}"], held[f"beta{place}"], training)
            h = torch.tanh(h)
    return F.cross_entropy(h, torch.from_numpy(y))


def expected_gradients(held, statistics, x, y, training):
    """Loss and its gradient by name, from arrays by name."""
    tensors = {name: torch.from_numpy(array.copy()).requires_grad_() for name, array in held.items()}
    loss = loss_of(tensors, statistics, x, y, training)
    gradients = torch.autograd.grad(loss, list(tensors.values()))
    return loss.item(), dict(zip(tensors, (gradient.numpy() for gradient in gradients)))


SIZES = (3, 4, 2, 3)


def problem(sizes=SIZES, batch_norm=True, count=6, seed=0):
    """Parameters, running statistics, x and y."""
    x, y = random(count, sizes[0], seed=seed + 50), np.arange(count) % sizes[-1]
    return tensors_of(sizes, batch_norm, seed), statistics_of(sizes, seed), x, y


def on_a_network(answers, name, model, tensors, statistics, x, y, training, old_grad, float32, argument):
    """The answer called `name` for a network with these tensors, whose .grad are `old_grad` everywhere (None: empty); what changed.

    8.3 and 8.4 get `argument` as their step sizes, 8.2 gets the loss times `argument`.
    """
    import torch
    from torch import nn
    from torch.nn import functional as F

    dtype = torch.float32 if float32 else torch.float64
    model = eval(model, {"nn": nn}).double()
    for parameter, values in zip(model.parameters(), tensors):
        parameter.data = torch.tensor(values)
    norms = [module for module in model.modules() if isinstance(module, nn.BatchNorm1d)]
    for norm, means_and_variances in zip(norms, statistics):
        norm.running_mean.data, norm.running_var.data = (torch.tensor(values) for values in means_and_variances)
        norm.num_batches_tracked += 7
    model = model.to(dtype).train(training)
    x, y = torch.tensor(x, dtype=dtype), torch.tensor(y)
    for parameter in model.parameters():
        parameter.grad = None if old_grad is None else torch.full_like(parameter, old_grad)

    def loss_fn(model):
        return F.cross_entropy(model(x), y)

    def state():
        return {
            "parameters": [parameter.tolist() for parameter in model.parameters()],
            "running statistics": [value.tolist() for key, value in model.named_buffers() if "running" in key],
            "num_batches_tracked": [value.tolist() for key, value in model.named_buffers() if "num" in key],
            ".grad": [None if value.grad is None else value.grad.tolist() for value in model.parameters()],
            "requires_grad": [parameter.requires_grad for parameter in model.parameters()],
            "modes": [module.training for module in model.modules()],
            "hooks": [len(module._forward_hooks) + len(module._backward_hooks) for module in model.modules()],
            "hooks of tensors": [len(value._backward_hooks or ()) for value in model.parameters()],
            "gradient switch of PyTorch": torch.is_grad_enabled(),
        }

    with torch.enable_grad():  # whatever the answer does to this switch, it ends here
        if name == "gradient_norms":
            loss = argument * loss_fn(model)
            before = state()
            result = answers.gradient_norms(model, loss)
        else:
            before = state()
            result = getattr(answers, name)(model, loss_fn, argument)
        after = state()
    changed = [key for key in before if before[key] != after[key]]
    return {"result": result, "changed": changed, "counters": after["num_batches_tracked"]}


def written(held):
    """The network of these tensors as a learner would write it."""
    last, blocks = max(int(name[-1]) for name in held), []
    for place in range(last + 1):
        outputs, inputs = held[f"weight{place}"].shape
        norm = f", nn.BatchNorm1d({outputs})" if f"gamma{place}" in held else ""
        blocks.append(f"nn.Sequential(nn.Linear({inputs}, {outputs}){norm}{', nn.Tanh()' if place < last else ''})")
    return f"nn.Sequential({', '.join(blocks)})"


def answered(learner, name, parts, *further):
    """What `on_a_network` gives for the parameters, statistics, x and y of a problem."""
    held, statistics, x, y = parts
    return learner.run(on_a_network, name, written(held), list(held.values()), statistics, x, y, *further)


def assert_untouched(got, watched=None):
    """Nothing that is watched, else nothing at all, was changed by the call."""
    changed = [key for key in got["changed"] if watched is None or key in watched]
    assert not changed, f"After the call these are no longer as they were: {', '.join(changed)}."


# 8.2 gradient_norms

guide(
    "8.2",
    hints=[
        "`torch.autograd.grad(loss, tensors)` returns the gradients and touches no `.grad`; `loss.backward()` would add to the old ones.",
        "γ of a batch normalization is called `weight` too. Not the name but the number of axes tells a weight matrix.",
    ],
)


def check_norms(learner, parts, training=True, old=None, factor=1.0, watched=None):
    held, statistics, x, y = parts
    got = answered(learner, "gradient_norms", parts, training, old, False, factor)
    _, gradients = expected_gradients(held, statistics, x, y, training)
    wanted = [factor * np.sqrt((gradient**2).sum()) for name, gradient in gradients.items() if "weight" in name]
    assert_close(got["result"], wanted, rtol=1e-6, atol=1e-12 * factor)
    assert_untouched(got, watched)


def line_of(answers, slopes):
    """The answer for a linear layer without bias, of one row, and the loss slopes · row."""
    import torch
    from torch import nn

    model = nn.Linear(len(slopes), 1, bias=False)
    model.weight.data = torch.arange(1.0, len(slopes) + 1)[None]
    with torch.enable_grad():
        return answers.gradient_norms(model, (model.weight * torch.tensor([slopes])).sum())


@exercise("8.2", points=1)
def test_one_matrix_by_hand(learner):
    """The loss 3w₁ + 4w₂ has the gradient (3, 4), whose L2 norm is 5."""
    for slopes, norm in [([3.0, 4.0], 5.0), ([2.0], 2.0), ([1.0, -2.0, 2.0], 3.0), ([0.0, 0.0], 0.0)]:
        assert_close(learner.run(line_of, slopes), [norm])


@exercise("8.2", points=1)
def test_each_weight_matrix_front_to_back(learner):
    """One number for each weight matrix, from the first layer to the last, biases left out."""
    for sizes in [(2, 2), (2, 3, 2), (3, 4, 2, 3), (2, 3, 3, 3, 3, 2)]:
        check_norms(learner, problem(sizes, batch_norm=False), watched=())


@exercise("8.2", points=1)
def test_gamma_and_beta_are_no_weight_matrices(learner):
    """γ and β of a batch normalization are left out, though γ is called weight too."""
    for sizes in [(2, 3, 2), (3, 4, 2, 3)]:
        for training in (True, False):
            check_norms(learner, problem(sizes), training, watched=())


@exercise("8.2", points=2)
def test_old_gradients_do_not_count_and_stay(learner):
    """Gradients that the parameters held before do not enter the answer and stay as they are; so does everything else in the model."""
    for old in (0.5, None, 0.0):
        check_norms(learner, problem((2, 3, 2), seed=1), old=old)
        check_norms(learner, problem((3, 3, 2), batch_norm=False, seed=2), training=False, old=old)


@exercise("8.2", points=1)
def test_tiny_and_huge_gradients(learner):
    """Vanishing and exploding gradients come out as they are: nothing is added, cut or rounded."""
    for factor in (1e-8, 1e6):
        check_norms(learner, problem((2, 3, 2), batch_norm=False, seed=3), factor=factor, watched=())


# 8.3 loss_range and 8.4 gradient_change

guide(
    "8.3",
    hints=[
        "`twin = copy.deepcopy(model)` may be changed at will, and `loss_fn(twin)` is the loss of the copy. The original needs no repair then.",
        "If you work on the model itself: `model.state_dict()` hands out the very tensors of the model, which move with it. `copy.deepcopy` it first.",
        "Take the gradient once, at the start, with `torch.autograd.grad(loss, list(model.parameters()))`, and begin every step at the same start.",
    ],
)

guide(
    "8.4",
    hints=[
        "The step is that of 8.3; at its end take the gradient once more. The distance is the norm of the difference, not the difference of the norms.",
        "One norm over all parameters: add up the squares of all differences, then take one root.",
    ],
)


def parabola_of(answers, name, start, curvature, power, step_sizes):
    """The answer for the loss Σ curvature · θ^power, with the parameter θ at start; whether θ is there afterwards."""
    import torch
    from torch import nn

    model = nn.Module()
    model.theta = nn.Parameter(torch.tensor(start, dtype=torch.float64))
    with torch.enable_grad():
        result = getattr(answers, name)(
            model, lambda model: (torch.tensor(curvature) * model.theta**power).sum(), step_sizes
        )
    return {"result": result, "there": model.theta.tolist()}


def expected_walk(parts, training, step_sizes):
    """Losses and distances of the gradient at each step size, in float64."""
    held, statistics, x, y = parts
    _, here = expected_gradients(held, statistics, x, y, training)
    losses, distances = [], []
    for step_size in step_sizes:
        moved = {name: array - step_size * here[name] for name, array in held.items()}
        loss, there = expected_gradients(moved, statistics, x, y, training)
        losses.append(loss)
        distances.append(np.sqrt(sum(((there[name] - here[name]) ** 2).sum() for name in here)))
    return losses, distances


def check_walk(learner, name, parts, step_sizes, training=True, old=None, single=False, watched=None):
    got = answered(learner, name, parts, training, old, single, step_sizes)
    losses, distances = expected_walk(parts, training, step_sizes)
    wanted = (min(losses), max(losses)) if name == "loss_range" else max(distances)
    tolerance = {"rtol": 1e-3, "atol": 1e-4} if single else {"rtol": 1e-7, "atol": 1e-9}
    assert_close(got["result"], wanted, **tolerance)
    assert_untouched(got, watched)


def check_parabola(learner, name, start, curvature, power, step_sizes, wanted):
    got = learner.run(parabola_of, name, start, curvature, power, step_sizes)
    assert_close(got["result"], wanted)
    assert_close(got["there"], start, rtol=0, atol=0, message="The parameter is no longer where it was.")


@exercise("8.3", points=1)
def test_one_parameter_by_hand(learner):
    """One parameter 3 with the loss θ²: the gradient is 6, step sizes 0.25 and 1 lead to 1.5 and -3, with losses 2.25 and 9."""
    for step_sizes in ([0.25, 1.0], [1.0, 0.25], [0.25, 0.5, 1.0, 0.75]):
        losses = [(3 - 6 * step_size) ** 2 for step_size in step_sizes]
        check_parabola(learner, "loss_range", [3.0], [1.0], 2, step_sizes, (min(losses), max(losses)))


@exercise("8.3", points=1)
def test_the_start_counts_only_with_step_size_0(learner):
    """The loss before any step counts only where 0 is among the step sizes; a single step size gives twice the same loss."""
    for step_sizes, wanted in [
        ([0.25], (2.25, 2.25)),
        ([0.25, 0.0], (2.25, 9.0)),
        ([2.0], (81.0, 81.0)),
        ([0.0], (9.0, 9.0)),
    ]:
        check_parabola(learner, "loss_range", [3.0], [1.0], 2, step_sizes, wanted)


@exercise("8.3", points=1)
def test_every_step_starts_at_the_same_place_with_the_same_gradient(learner):
    """Each step begins at the start and follows the gradient of the start, however many steps there are."""
    for start, step_sizes in [([2.0], [0.01, 0.03]), ([2.0, -1.0], [0.03, 0.01, 0.02]), ([-3.0], [0.04, 0.02])]:
        theta = np.array(start)
        losses = [((theta - step_size * 4 * theta**3) ** 4).sum() for step_size in step_sizes]
        check_parabola(learner, "loss_range", start, [1.0] * len(start), 4, step_sizes, (min(losses), max(losses)))


@exercise("8.3", points=1)
def test_the_gradient_is_used_as_it_is(learner):
    """The step is step size times gradient: steep losses move far, flat ones hardly; a negative step size goes uphill."""
    for curvature in ([0.01, 0.04], [5.0, 2.0]):
        for step_sizes in ([0.1, 0.3], [-0.1, 0.05]):
            start, slope = np.array([1.0, -2.0]), np.array(curvature)
            losses = [(slope * (start - step_size * 2 * slope * start) ** 2).sum() for step_size in step_sizes]
            check_parabola(learner, "loss_range", [1.0, -2.0], curvature, 2, step_sizes, (min(losses), max(losses)))


@exercise("8.3", points=1)
def test_all_parameters_move(learner):
    """In a network all parameters move: weights, biases, γ and β. In training mode it normalises with the batch."""
    for parts in (problem((2, 2), False), problem((2, 3, 2)), problem()):
        check_walk(learner, "loss_range", parts, [0.5, 1.0, 2.0, 4.0], watched=())


@exercise("8.3", points=1)
def test_evaluation_mode_stays_evaluation_mode(learner):
    """A model in evaluation mode normalises with its running statistics on the way, and is in evaluation mode afterwards."""
    for parts in (problem((2, 3, 2), seed=1), problem(seed=2)):
        check_walk(learner, "loss_range", parts, [0.3, 1.0], training=False, watched=("modes",))


@exercise("8.3", points=2)
def test_leaves_the_model_as_it_was(learner):
    """Parameters, `.grad`, modes, running statistics and their counter are as before, bit for bit; old gradients do not count."""
    for old in (0.5, None):
        for single in (False, True):
            check_walk(learner, "loss_range", problem((2, 3, 2), seed=3), [0.3, 1.0], old=old, single=single)


@exercise("8.4", points=1)
def test_one_gradient_by_hand(learner):
    """One parameter 3 with the loss θ²: the gradient is 6; step size 1 leads to -3, where it is -6, a distance of 12."""
    for step_sizes in ([1.0], [0.25], [0.25, 1.0], [1.0, 0.5, 0.25], [0.0]):
        check_parabola(learner, "gradient_change", [3.0], [1.0], 2, step_sizes, max(12 * one for one in step_sizes))


@exercise("8.4", points=1)
def test_the_largest_of_the_distances(learner):
    """The largest distance counts, wherever in the list it stands, and whichever way the step goes."""
    for step_sizes in ([0.01, 0.08, 0.03], [0.05, 0.12, 0.1], [-0.02, 0.01]):
        theta, gradient = 2.0, 32.0
        distances = [abs(4 * (theta - step_size * gradient) ** 3 - gradient) for step_size in step_sizes]
        check_parabola(learner, "gradient_change", [2.0], [1.0], 4, step_sizes, max(distances))


@exercise("8.4", points=1)
def test_one_norm_over_all_parameters_not_divided(learner):
    """The distance is one L2 norm over all entries, not divided by the gradient, the step or the number of entries."""
    for start, curvature in [([1.0, -2.0], [5.0, 2.0]), ([3.0, 4.0], [0.01, 0.04])]:
        slope, step_sizes = np.array(curvature), [0.1, 0.3]
        distances = [np.linalg.norm(step_size * 4 * slope**2 * np.array(start)) for step_size in step_sizes]
        check_parabola(learner, "gradient_change", start, curvature, 2, step_sizes, max(distances))


@exercise("8.4", points=1)
def test_the_gradients_of_all_parameters(learner):
    """In a network the gradients of all parameters count, and all parameters move: weights, biases, γ and β."""
    for parts in (problem((2, 2), False), problem((2, 3, 2)), problem()):
        check_walk(learner, "gradient_change", parts, [0.5, 1.0, 2.0, 4.0], watched=())


@exercise("8.4", points=1)
def test_the_change_in_evaluation_mode(learner):
    """A model in evaluation mode normalises with its running statistics on the way, and is in evaluation mode afterwards."""
    for parts in (problem((2, 3, 2), seed=1), problem(seed=2)):
        check_walk(learner, "gradient_change", parts, [0.3, 1.0], training=False, watched=("modes",))


@exercise("8.4", points=2)
def test_measuring_the_change_leaves_the_model_as_it_was(learner):
    """Parameters, `.grad`, modes, running statistics and their counter are as before, bit for bit; old gradients do not count."""
    for old in (0.5, None):
        for single in (False, True):
            check_walk(learner, "gradient_change", problem((2, 3, 2), seed=3), [0.3, 1.0], old=old, single=single)


# 8.5 effective_learning_rate

guide(
    "8.5",
    hints=[
        "Twice the weight gives a quarter of the effective learning rate: the squared norm is in the denominator.",
        "`weight.square().sum()` adds up all entries whatever the shape; `.item()` turns it into a float.",
    ],
)


def rate_of(answers, lr, entries, dtype, trains):
    """The answer for a weight with these entries; whether the weight is as it was."""
    import torch

    weight = torch.tensor(entries, dtype=getattr(torch, dtype), requires_grad=trains)
    before = weight.detach().clone()
    rate = answers.effective_learning_rate(lr, weight)
    same = torch.equal(before, weight.detach()) and weight.requires_grad == trains and weight.grad is None
    return {"rate": rate, "untouched": same}


def check_rate(learner, lr, entries, dtype="float64", trains=False, **tolerance):
    got = learner.run(rate_of, lr, entries, dtype, trains)
    assert_close(got["rate"], lr / sum(entry**2 for entry in np.ravel(entries).tolist()), **tolerance)
    assert got["untouched"], "The call changed the weight."


@exercise("8.5", points=1)
def test_four_entries_by_hand(learner):
    """0.1 with a weight of four twos is 0.1 / 16 = 0.00625; with a single 3 and rate 1 it is 1/9."""
    for lr, entries in [(0.1, [[2.0, 2.0], [2.0, 2.0]]), (1.0, [[3.0]]), (0.5, [[3.0, 4.0]])]:
        check_rate(learner, lr, np.array(entries))


@exercise("8.5", points=1)
def test_all_entries_of_any_shape(learner):
    """Weights of linear layers, of convolutions and single vectors: all entries count, also negative ones, whatever their mean."""
    for seed, shape in enumerate([(3,), (2, 3), (2, 3, 3, 3), (4, 1)]):
        check_rate(learner, 0.3, 0.5 + random(*shape, seed=seed))


@exercise("8.5", points=1)
@given(st.floats(0.01, 10), st.floats(0.1, 30))
def test_twice_the_weight_and_four_times_the_rate_is_the_same(learner, lr, factor):
    """A weight `a` times as long with `a²` times the rate has the same effective rate: that is what scale invariance says."""
    entries = random(2, 3, seed=7)
    check_rate(learner, lr, entries)
    check_rate(learner, factor**2 * lr, factor * entries)


@exercise("8.5", points=1)
def test_a_parameter_that_trains_is_taken_and_left_alone(learner):
    """float32 weights that require a gradient are taken; the weight is not changed; small and large weights come out right."""
    for scale in (1.0, 1e-6, 1e6):
        check_rate(learner, 0.2, scale * random(3, 2, seed=8), "float32", True, rtol=1e-4, atol=0)
