"""What a right answer to chapter 5 must satisfy. Oracles: PyTorch's own layers, and the definition in float64."""

from types import SimpleNamespace

import numpy as np

from bncourse.checking import AUTOGRAD, NUMPY_ONLY, TORCH_NORMS, assert_close, exercise, guide
from bncourse.checking.properties import given, st

SHAPES = [(4, 2), (3, 2, 4), (2, 3, 2, 4), (2, 2, 2, 3, 2)]  # (N, C, *S) with none to three spatial axes


def random(*shape, seed=0, offset=1.0, spread=2.0):
    return offset + spread * np.random.default_rng(seed).standard_normal(shape)


def parameters(channels):
    """gamma, beta, running_mean, running_var, all different from channel to channel."""
    steps = np.arange(1.0, channels + 1)
    return 0.5 + steps, -steps, steps**2, 1 / steps


# 5.1 and 5.2, forward and backward

guide(
    "5.1",
    hints=[
        "Write the two modes as: where do mean and variance come from? The rest, x̂ and y, is the same for both.",
        "Two variances leave the training forward: the biased one normalises, the unbiased one, times m / (m - 1), is stored.",
        "m is the number of values behind one statistic: x.size // x.shape[1].",
    ],
    forbids=NUMPY_ONLY,
)


def forward(answers, x, gamma, beta, running_mean, running_var, options):
    """y and the new running statistics; the cache is the learner's own."""
    y, running_mean, running_var, _ = answers.batchnorm_forward(x, gamma, beta, running_mean, running_var, **options)
    return y, running_mean, running_var


def expected_forward(x, gamma, beta, running_mean, running_var, training, momentum=0.1, eps=1e-5):
    """Forward in float64, one channel after the other."""
    y = np.empty(x.shape)
    new_mean, new_var = np.array(running_mean, np.float64), np.array(running_var, np.float64)
    for c in range(x.shape[1]):
        values = x[:, c].astype(np.float64)
        mean, var = (values.mean(), values.var()) if training else (running_mean[c], running_var[c])
        y[:, c] = gamma[c] * (values - mean) / np.sqrt(var + eps) + beta[c]
        if training:
            new_mean[c] += momentum * (mean - new_mean[c])
            new_var[c] += momentum * (values.var(ddof=1) - new_var[c])
    return y, new_mean, new_var


def check_forward(learner, x, options, tensors=None, **tolerance):
    tensors = tensors or parameters(x.shape[1])
    assert_close(learner.run(forward, x, *tensors, options), expected_forward(x, *tensors, **options), **tolerance)
    assert not learner.changed, f"The call changed its argument {learner.changed[0]}."


@exercise("5.1", points=1)
def test_four_numbers_in_training(learner):
    """2, 4, 6, 8 in training: y is -1.34, -0.45, 0.45, 1.34; the running mean moves from 0 to 0.5, the variance from 1 to 1.567."""
    x = np.array([[2.0], [4.0], [6.0], [8.0]])
    check_forward(learner, x, {"training": True}, (np.ones(1), np.zeros(1), np.zeros(1), np.ones(1)))


@exercise("5.1", points=1)
def test_training_uses_batch_statistics(learner):
    """In training each channel is normalised with the batch's own mean and biased variance, then scaled and shifted."""
    for seed, shape in enumerate(SHAPES):
        x, tensors = random(*shape, seed=seed), parameters(shape[1])
        got, *_ = learner.run(forward, x, *tensors, {"training": True})
        assert_close(got, expected_forward(x, *tensors, training=True)[0])


@exercise("5.1", points=1)
def test_running_statistics_move_by_momentum_to_the_unbiased_variance(learner):
    """Running statistics move by `momentum` towards the batch mean and the batch variance divided by m - 1."""
    for seed, shape in enumerate(SHAPES):
        for momentum in (0.3, 0.1, 1.0, 0.0):
            check_forward(learner, random(*shape, seed=seed), {"training": True, "momentum": momentum})


@exercise("5.1", points=1)
def test_momentum_is_a_tenth_unless_given(learner):
    """Without momentum in the call it is 0.1, the weight of the new batch, as in PyTorch."""
    check_forward(learner, random(3, 2, seed=4), {"training": True})


@exercise("5.1", points=1)
def test_inference_uses_running_statistics_and_moves_nothing(learner):
    """At inference running statistics normalise, for one image as for many, and come back as they went in."""
    for shape in [(1, 2), (1, 2, 1, 2), *SHAPES]:
        check_forward(learner, random(*shape, seed=5), {"training": False})


@exercise("5.1", points=1)
def test_eps_is_under_the_root_in_both_modes(learner):
    """You divide by √(σ² + ε) in both modes; ε is 1e-5 unless given, and may be 0; a constant channel gives β."""
    x = np.array([[1.0, 10.0], [3.0, 30.0], [1.0, 20.0]])
    faint = (np.ones(2), np.zeros(2), np.zeros(2), np.array([1e-6, 0.0]))
    small = (np.ones(2), np.zeros(2), np.zeros(2), np.array([1e-6, 4e-6]))
    for training in (True, False):
        check_forward(learner, x, {"training": training, "eps": 0.5})
        check_forward(learner, 1e-3 * x, {"training": training}, faint)
        check_forward(learner, 1e-3 * x, {"training": training, "eps": 0.0}, small)
    check_forward(learner, np.full((3, 2), 5.0), {"training": True})


@exercise("5.1", points=1)
def test_forward_survives_a_large_mean_in_float32(learner):
    """Values whose mean is 10,000 times their standard deviation in float32, or a million times in float64, come out right, output and running variance."""
    x = random(16, 2, 6, 6, seed=7, offset=1e4, spread=1.0).astype(np.float32)
    check_forward(learner, x, {"training": True}, rtol=0.03, atol=0.03)
    x = random(4, 2, 3, seed=8, offset=1e6, spread=1.0)
    check_forward(learner, x, {"training": True}, rtol=0.01, atol=0.01)


@exercise("5.1", points=1)
@given(st.lists(st.integers(1, 3), min_size=1, max_size=4), st.booleans(), st.integers(0, 9))
def test_any_shape_strided_too(learner, shape, training, seed):
    """Any number of channels and spatial axes, arrays with gaps too; no argument is changed, no call leaves a trace."""
    x = random(4, *shape, seed=seed)[::2]
    check_forward(learner, x, {"training": training, "momentum": 0.25})


guide(
    "5.2",
    hints=[
        "Chapter 4 has both halves: through γ and β first, then through the normalisation.",
        "Closed form for one channel: dx = γ / √(σ² + ε) · (dy - mean of dy - x̂ · mean of dy·x̂), means over the same axes "
        "as in the forward.",
    ],
    forbids=NUMPY_ONLY,
)


# A known mistake cannot read the cache of whoever it is compared with. It `reads_batch`, and is given that in its place.


def forward_then_backward(answers, x, gamma, beta, dy, eps):
    """dx, dgamma, dbeta of the training forward."""
    import numpy

    zeros, ones = numpy.zeros(x.shape[1]), numpy.ones(x.shape[1])
    *_, cache = answers.batchnorm_forward(x, gamma, beta, zeros, ones, training=True, eps=eps)
    if hasattr(answers.batchnorm_backward, "reads_batch"):
        cache = x.copy(), gamma, eps
    return answers.batchnorm_backward(dy, cache)


def two_forwards_then_two_backwards(answers, x, gamma, beta, dy):
    """The gradients of the first of two forwards, when both run before it."""
    import numpy

    zeros, ones = numpy.zeros(x.shape[1]), numpy.ones(x.shape[1])
    *_, first = answers.batchnorm_forward(x, gamma, beta, zeros, ones, training=True)
    *_, second = answers.batchnorm_forward(3 * x[::-1] + 1, gamma, beta, zeros, ones, training=True)
    if hasattr(answers.batchnorm_backward, "reads_batch"):
        first, second = (x.copy(), gamma, 1e-5), (3 * x[::-1] + 1, gamma, 1e-5)
    answers.batchnorm_backward(dy, second)
    return answers.batchnorm_backward(dy, first)


def one_cache_twice(answers, x, gamma, beta, dy):
    """The gradients from one forward, and whether a second backward with the same cache gives them again."""
    import numpy

    zeros, ones = numpy.zeros(x.shape[1]), numpy.ones(x.shape[1])
    *_, cache = answers.batchnorm_forward(x, gamma, beta, zeros, ones, training=True)
    if hasattr(answers.batchnorm_backward, "reads_batch"):
        cache = x.copy(), gamma, 1e-5
    once = [numpy.array(gradient) for gradient in answers.batchnorm_backward(dy, cache)]
    try:
        again = answers.batchnorm_backward(dy, cache)
        return once, all(numpy.allclose(*pair) for pair in zip(once, again))
    except Exception:
        return once, False


def expected_backward(x, gamma, beta, dy, eps=1e-5):
    """Gradients by the Jacobian of one channel, (I - 11ᵀ/m - x̂x̂ᵀ/m) / √(σ² + ε), in float64."""
    dx, dgamma, dbeta = np.empty(x.shape), np.empty(len(gamma)), np.empty(len(gamma))
    for c in range(x.shape[1]):
        values, upstream = x[:, c].astype(np.float64).ravel(), dy[:, c].astype(np.float64).ravel()
        scale = 1 / np.sqrt(values.var() + eps)
        x_hat = (values - values.mean()) * scale
        jacobian = scale * (np.eye(values.size) - 1 / values.size - np.outer(x_hat, x_hat) / values.size)
        dx[:, c] = (gamma[c] * jacobian @ upstream).reshape(x[:, c].shape)
        dgamma[c], dbeta[c] = upstream @ x_hat, upstream.sum()
    return dx, dgamma, dbeta


def check_backward(learner, x, dy, eps=1e-5, **tolerance):
    gamma, beta, *_ = parameters(x.shape[1])
    got = learner.run(forward_then_backward, x, gamma, beta, dy, eps)
    assert_close(got, expected_backward(x, gamma, beta, dy, eps), **tolerance)
    assert not learner.changed, f"The call changed its argument {learner.changed[0]}."


@exercise("5.2", points=1)
def test_gradients_of_one_feature(learner):
    """Four numbers, a random upstream gradient: dx, dγ and dβ are right."""
    check_backward(learner, np.array([[2.0], [4.0], [6.0], [8.0]]), np.array([[1.0], [-1.0], [0.5], [2.0]]))


@exercise("5.2", points=2)
def test_gradients_in_every_shape(learner):
    """dx, dγ and dβ are right for features, sequences, images and volumes."""
    for seed, shape in enumerate(SHAPES):
        check_backward(learner, random(*shape, seed=seed), random(*shape, seed=seed + 9))


@exercise("5.2", points=1)
def test_gradients_with_a_large_eps(learner):
    """ε stands in the backward as it does in the forward."""
    for eps in (2.0, 0.5):
        check_backward(learner, random(3, 2, seed=1), random(3, 2, seed=2), eps)


@exercise("5.2", points=1)
def test_gradients_where_x_hat_is_zero(learner):
    """Two equal samples: x̂ is 0, and dx is dy minus its mean, times γ/√ε; nothing is divided by 0."""
    check_backward(learner, np.full((2, 2), 3.0), np.array([[1.0, 2.0], [3.0, -2.0]]), 0.25)


@exercise("5.2", points=1)
@given(st.lists(st.integers(1, 3), min_size=1, max_size=4), st.integers(0, 9))
def test_gradients_for_strided_arrays(learner, shape, seed):
    """Arrays with gaps are taken, and no argument is changed."""
    check_backward(learner, random(4, *shape, seed=seed)[::2], random(4, *shape, seed=seed + 5)[1::2])


@exercise("5.2", points=1)
def test_the_cache_belongs_to_its_forward(learner):
    """Two forwards, then their backwards: each backward uses the cache of its own forward, and leaves it as it is."""
    x, dy = random(3, 2, seed=3), random(3, 2, seed=4)
    gamma, beta, *_ = parameters(2)
    got = learner.run(two_forwards_then_two_backwards, x, gamma, beta, dy)
    assert_close(got, expected_backward(x, gamma, beta, dy))
    got, again = learner.run(one_cache_twice, x, gamma, beta, dy)
    assert_close(got, expected_backward(x, gamma, beta, dy))
    assert again, "A second backward with the same cache gives other gradients, or fails."


# 5.3 numerical_gradient

guide(
    "5.3",
    hints=[
        "Start with a vector x: for i in range(len(x)), two copies of x, one with h added at i, one with h taken away.",
        "np.ndindex(*x.shape) walks through all indices of any shape; x.detach().clone() is a copy without history.",
    ],
    forbids=(*TORCH_NORMS, *AUTOGRAD, "torch.autograd.backward"),
)

# What `f` does below, in NumPy.
FUNCTIONS = {
    "square": lambda x: x**2,
    "cube": lambda x: x**3,
    "sum of products": lambda x: (x * x[::-1]).sum().reshape(1),
    "view": lambda x: x.ravel(),
    "norm": lambda x: np.array([np.sqrt((x**2).sum()), np.abs(x).sum()]),
}


def gradient_of(answers, name, x, dy, options, requires_grad=False):
    """The answer for one of a few functions, x afterwards, and how often f was called."""
    import torch

    calls = []

    def f(x):
        calls.append(1)
        if name == "square":
            return x**2
        if name == "cube":
            return x**3
        if name == "sum of products":
            return (x * x.flip(0)).sum().reshape(1)
        if name == "view":
            return x.view(-1)
        return torch.stack([x.norm(), x.abs().sum()])

    tensor = torch.from_numpy(x).requires_grad_(requires_grad)
    gradient = answers.numerical_gradient(f, tensor, torch.from_numpy(dy), **options)
    return gradient.detach().numpy()


def central_differences(name, x, dy, h=1e-5):
    """(L(x + h) - L(x - h)) / 2h for each entry, with NumPy's own copies."""
    f, gradient = FUNCTIONS[name], np.empty(x.shape)
    for index in np.ndindex(*x.shape):
        sums = []
        for step in (h, -h):
            moved = x.copy()
            moved[index] += step
            sums.append((f(moved) * dy).sum())
        gradient[index] = (sums[0] - sums[1]) / (2 * h)
    return gradient


def check_gradient(learner, name, x, dy, h=None, requires_grad=False):
    options = {} if h is None else {"h": h}
    expected = central_differences(name, x, dy, h or 1e-5)
    got = learner.run(gradient_of, name, x, dy, options, requires_grad)
    # In exact arithmetic equal; a sum taken in another order moves the last digits, which 1/h magnifies.
    assert_close(got, expected, rtol=1e-8, atol=1e-10 / (h or 1e-5) * 1e-3)
    assert not learner.changed, "x is no longer what it was, bit for bit."


@exercise("5.3", points=1)
def test_gradient_of_a_square(learner):
    """The gradient of x² with upstream 1 is 2x."""
    check_gradient(learner, "square", np.array([3.0]), np.array([1.0]))
    check_gradient(learner, "square", np.array([1.0, -2.0]), np.array([1.0, 1.0]))


@exercise("5.3", points=1)
def test_the_upstream_gradient_weighs_the_outputs(learner):
    """The loss is the sum of f(x) times dy: outputs count as dy says."""
    check_gradient(learner, "square", np.array([1.0, -2.0, 3.0]), np.array([0.5, 2.0, -1.0]))
    check_gradient(learner, "norm", np.array([1.0, -2.0, 3.0]), np.array([2.0, -1.0]), h=0.25)
    check_gradient(learner, "norm", np.array([1.0, -2.0, 3.0]), np.array([2.0, -1.0]))


@exercise("5.3", points=1)
def test_differences_are_central_and_h_is_used(learner):
    """The difference is (f(x + h) - f(x - h)) / 2h with the given h: for x³ it differs from the derivative by exactly h²."""
    x, dy = np.array([0.5, -2.0]), np.array([1.0, -2.0])
    for h in (0.5, 0.125):
        check_gradient(learner, "cube", x, dy, h)


@exercise("5.3", points=1)
def test_h_is_1e_minus_5_unless_given(learner):
    """Without h in the call it is 1e-5."""
    check_gradient(learner, "cube", np.array([1e-3]), np.array([1e6]))


@exercise("5.3", points=1)
def test_every_entry_of_every_shape(learner):
    """Each entry is moved by itself, in any shape; the result has the shape of x, whatever shape f returns, be it a view of its argument."""
    for shape in [(1, 1), (2, 3), (2, 1, 2, 2)]:
        check_gradient(learner, "sum of products", random(*shape, seed=1), np.array([1.5]))
        check_gradient(learner, "square", random(*shape, seed=2), random(*shape, seed=3))
        check_gradient(learner, "cube", random(*shape, seed=2), random(*shape, seed=3), h=0.25)
        check_gradient(learner, "view", random(*shape, seed=4), random(*shape, seed=5).ravel())
    check_gradient(learner, "square", random(4, 3, seed=2)[::2], random(2, 3, seed=3))


@exercise("5.3", points=1)
def test_x_is_left_bit_for_bit(learner):
    """x is afterwards what it was, even where adding and taking away h would round; it may require a gradient."""
    x = np.array([0.1, 1 / 3, 0.7, -2.3, 1.9, -0.6])
    check_gradient(learner, "square", x, np.ones(6), h=1e-3)
    check_gradient(learner, "cube", x, np.ones(6), h=1e-3)
    check_gradient(learner, "square", np.array([0.1, 0.7]), np.array([1.0, 2.0]), requires_grad=True)


# 5.4 BatchNorm

guide(
    "5.4",
    hints=[
        "register_buffer(name, tensor) makes a tensor part of the state dict and of .to(); register_buffer(name, None) is "
        "allowed too. nn.Parameter is for what the optimizer moves.",
        "Ask self.training, not the number of samples and not whether gradients are on.",
        "The batch statistics that enter the running ones are detached; those that normalise are not.",
        "With momentum None, after counting this batch, the weight of the new batch is 1 / num_batches_tracked.",
    ],
    forbids=TORCH_NORMS,
)


# Names are judged by the checks of names. The others take what stands where the named ones should.


def output_in_training(answers, settings, x):
    """Output of a new layer in training, and nothing of what it stores."""
    import torch

    layer = answers.BatchNorm(**settings).double()
    layer.train()
    return layer(torch.from_numpy(x)).detach().numpy()


def in_training(answers, settings, *batches):
    """Outputs of a new layer in training, one a batch, then its running mean and variance."""
    import torch

    layer = answers.BatchNorm(**settings).double()
    layer.train()
    outputs = [layer(torch.from_numpy(batch)).detach().numpy() for batch in batches]
    vectors = [one for one in layer.buffers() if one.dim() == 1] or [None, None]
    running = (layer.running_mean, layer.running_var) if hasattr(layer, "running_mean") else vectors
    return outputs, [None if one is None else one.detach().numpy() for one in running]


def batches_counted(answers, settings, *batches):
    """num_batches_tracked of a new layer after these training batches; None where there is no such thing."""
    import torch

    layer = answers.BatchNorm(**settings).double()
    for batch in batches:
        layer(torch.from_numpy(batch))
    counter = getattr(layer, "num_batches_tracked", None)
    return None if counter is None else int(counter)


def in_evaluation(answers, settings, mean, var, x):
    """Output in evaluation of a layer with these running statistics, and the names of what that moved."""
    import torch

    def held():
        plain = {name: getattr(layer, name) for name in ("running_mean", "running_var") if hasattr(layer, name)}
        return dict(layer.named_buffers()) | plain

    layer = answers.BatchNorm(**settings).double()
    vectors = [one for one in layer.buffers() if one.dim() == 1]
    running = (layer.running_mean, layer.running_var) if hasattr(layer, "running_mean") else vectors
    with torch.no_grad():
        for one, value in zip(running, (mean, var)):
            one.copy_(torch.from_numpy(value))
    layer.eval()
    before = {name: one.detach().clone() for name, one in held().items()}
    y = layer(torch.from_numpy(x)).detach().numpy()
    return y, [name for name, one in held().items() if not torch.equal(before[name], one)]


def with_parameters(answers, settings, weight, bias, x, training):
    """Output of a layer with this weight and bias, trained on x once or not at all."""
    import torch

    layer = answers.BatchNorm(**settings).double()
    tensors = (layer.weight, layer.bias) if hasattr(layer, "weight") else layer.parameters()
    with torch.no_grad():
        for one, value in zip(tensors, (weight, bias)):
            one.copy_(torch.from_numpy(value))
    layer.train(training)
    return layer(torch.from_numpy(x)).detach().numpy()


def gradients(answers, settings, x, dy, training):
    """Gradients of sum(y * dy) with respect to x, weight and bias (if any), weight and bias being 2 and 3."""
    import torch

    layer = answers.BatchNorm(**settings).double()
    layer.train(training)
    tensor = torch.from_numpy(x).requires_grad_()
    named = dict(layer.named_parameters())
    parameters = [named.pop(name) for name in ("weight", "bias") if name in named] + list(named.values())
    for parameter, value in zip(parameters, (2.0, 3.0)):
        torch.nn.init.constant_(parameter, value)
    (layer(tensor) * torch.from_numpy(dy)).sum().backward()
    return [None if one.grad is None else one.grad.numpy() for one in (tensor, *parameters)]


def parts(answers, settings):
    """What a new layer holds: names, shapes, types and first values of parameters and buffers, and the names of its state.

    First the names that PyTorch's layer has as attributes, as far as this one lacks them, and those which are None.
    """
    layer = answers.BatchNorm(**settings)
    names = ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")
    missing = [name for name in names if not hasattr(layer, name)]
    described = {"is None": {name: str(getattr(layer, name, "missing") is None) for name in names}}
    for kind, named in (("parameter", layer.named_parameters()), ("buffer", layer.named_buffers())):
        for name, tensor in named:
            described[f"{kind} {name}"] = [
                list(tensor.shape),
                str(tensor.dtype),
                tensor.detach().tolist(),
                tensor.requires_grad,
            ]
    return missing, described, sorted(layer.state_dict())


def state_after_training(answers, settings, x, *batches):
    """The state dict after training, in plain arrays, and the output in evaluation for x."""
    import torch

    layer = answers.BatchNorm(**settings)
    for batch in batches:
        layer(torch.from_numpy(batch))
    layer.eval()
    state = {name: tensor.numpy() for name, tensor in layer.state_dict().items()}
    return state, layer(torch.from_numpy(x)).detach().numpy()


def from_state(answers, settings, state, x):
    """Output in evaluation for x of a layer that loads this state dict, strictly."""
    import torch

    layer = answers.BatchNorm(**settings)
    layer.load_state_dict({name: torch.as_tensor(value) for name, value in state.items()}, strict=True)
    layer.eval()
    return layer(torch.from_numpy(x)).detach().numpy()


def history_of_running_statistics(answers, x):
    """Whether running statistics carry a gradient history after training, and whether the layer can be copied."""
    import copy

    import torch

    layer = answers.BatchNorm(x.shape[1]).double()
    tensor = torch.from_numpy(x).requires_grad_()
    for _ in range(2):
        layer(tensor).square().sum().backward()
    copied = copy.deepcopy(layer)
    vectors = [one for one in copied.buffers() if one.dim() == 1]
    statistics = (copied.running_mean, copied.running_var) if hasattr(copied, "running_mean") else vectors
    return [one.requires_grad for one in statistics], statistics[0].detach().numpy()


def modes_and_gradients_apart(answers, x):
    """Training without gradients, and a new layer in evaluation with them: outputs, each with the running mean."""
    import torch

    found, tensor = [], torch.from_numpy(x)
    for training in (True, False):
        layer = answers.BatchNorm(x.shape[1]).double().train(training)
        with torch.set_grad_enabled(not training):
            y = layer(tensor.clone().requires_grad_(not training))
        vectors = [one for one in layer.buffers() if one.dim() == 1]
        running_mean = layer.running_mean if hasattr(layer, "running_mean") else vectors[0]
        found.append([y.detach().numpy(), running_mean.detach().numpy()])
    return found


def two_layers(answers, x):
    """Running means of a second layer after the first one trained, then of the first."""
    import torch

    layers = answers.BatchNorm(x.shape[1]), answers.BatchNorm(x.shape[1])
    layers[1](torch.from_numpy(x).float())
    vectors = [[one for one in layer.buffers() if one.dim() == 1] for layer in layers]
    means = [layer.running_mean if hasattr(layer, "running_mean") else own[0] for layer, own in zip(layers, vectors)]
    return [mean.detach().numpy() for mean in means]


def torch_layer(x, *args, **kwargs):
    """PyTorch's own layer for inputs like x."""
    import torch

    kinds = {2: torch.nn.BatchNorm1d, 3: torch.nn.BatchNorm1d, 4: torch.nn.BatchNorm2d, 5: torch.nn.BatchNorm3d}
    return kinds[x.ndim](*args, **kwargs)


def layers_for(x):
    """PyTorch's layer for inputs like x, where a learner's answers have theirs."""
    return SimpleNamespace(BatchNorm=lambda *args, **kwargs: torch_layer(x, *args, **kwargs))


def as_torch(learner, probe, x, *args, rtol=1e-5, atol=1e-6):
    """The probe gives with the learner's layer what it gives with PyTorch's own."""
    got = learner.run(probe, *args)
    assert_close(got, probe(layers_for(x), *args), rtol=rtol, atol=atol)
    assert not learner.changed, "The layer changed its input."


def check_evaluation(learner, settings, mean, var, x):
    """The output in evaluation is that of PyTorch's layer; returns the names of what evaluation moved."""
    y, moved = learner.run(in_evaluation, settings, mean, var, x)
    assert_close(y, in_evaluation(layers_for(x), settings, mean, var, x)[0], rtol=1e-5, atol=1e-6)
    assert not learner.changed, "The layer changed its input."
    return moved


@exercise("5.4", points=1)
def test_output_in_training_is_that_of_pytorch(learner):
    """In training the output is that of torch.nn.BatchNorm1d, 2d and 3d, whatever the number of spatial axes."""
    for seed, shape in enumerate(SHAPES):
        x = random(*shape, seed=seed)
        as_torch(learner, output_in_training, x, {"num_features": shape[1]}, x)


@exercise("5.4", points=2)
def test_running_statistics_are_those_of_pytorch(learner):
    """After each training batch running mean, running variance (unbiased) and the counter are those of PyTorch."""
    for seed, shape in enumerate(SHAPES):
        batches = [random(*shape, seed=seed + 10 * k, offset=k) for k in range(3)]
        as_torch(learner, in_training, batches[0], {"num_features": shape[1]}, batches[0])
        as_torch(learner, in_training, batches[0], {"num_features": shape[1]}, *batches)
    as_torch(learner, batches_counted, batches[0], {"num_features": shape[1]}, *batches)


@exercise("5.4", points=1)
def test_momentum_is_the_weight_of_the_new_batch(learner):
    """Momentum is the weight of the new batch: 0.3, 1 and 0 do what they do in PyTorch."""
    batches = [random(3, 2, seed=k, offset=k) for k in range(3)]
    for momentum in (0.3, 1.0, 0.0):
        as_torch(learner, in_training, batches[0], {"num_features": 2, "momentum": momentum}, *batches)


@exercise("5.4", points=1)
def test_momentum_none_is_the_average_of_all_batches(learner):
    """With momentum=None running statistics are the plain average over all batches so far."""
    batches = [random(3, 2, seed=k, offset=k) for k in range(3)]
    for count in (1, 2, 3):
        as_torch(learner, in_training, batches[0], {"num_features": 2, "momentum": None}, *batches[:count])


@exercise("5.4", points=1)
def test_evaluation_uses_running_statistics_and_moves_nothing(learner):
    """In evaluation the output rests on the running statistics, for one image as for many, and nothing moves."""
    for shape in [(1, 2), (1, 2, 1, 2), *SHAPES]:
        x = random(*shape, seed=6)
        *_, mean, var = parameters(shape[1])
        moved = check_evaluation(learner, {"num_features": shape[1]}, mean, var, x)
        assert not moved, f"Evaluation moved {moved[0]}."


@exercise("5.4", points=1)
def test_weight_scales_then_bias_shifts(learner):
    """The output is weight times the normalised values plus bias, channel by channel, in both modes."""
    for training in (True, False):
        for shape in [(4, 2), (2, 3, 2, 4)]:
            x = random(*shape, seed=7)
            weight, bias, *_ = parameters(shape[1])
            as_torch(learner, with_parameters, x, {"num_features": shape[1]}, weight, bias, x, training)


@exercise("5.4", points=1)
def test_eps_and_its_default(learner):
    """ε is added under the root, in both modes; it is 1e-5 unless given; a constant channel gives 0."""
    x = np.array([[1.0, 10.0], [3.0, 30.0], [1.0, 20.0]])
    as_torch(learner, output_in_training, x, {"num_features": 2, "eps": 0.5}, x)
    as_torch(learner, output_in_training, x, {"num_features": 2}, 1e-3 * x)
    as_torch(learner, output_in_training, x, {"num_features": 2}, np.full((3, 2), 5.0))
    check_evaluation(learner, {"num_features": 2, "eps": 0.5}, np.ones(2), np.ones(2), x)
    check_evaluation(learner, {"num_features": 2}, np.zeros(2), np.array([1e-6, 0.0]), 1e-3 * x)


@exercise("5.4", points=2)
def test_gradients_are_those_of_pytorch(learner):
    """Gradients with respect to input, weight and bias are those of PyTorch, through the batch statistics, in both modes."""
    for seed, shape in enumerate(SHAPES):
        x, dy = random(*shape, seed=seed), random(*shape, seed=seed + 5)
        for training in (True, False):
            as_torch(learner, gradients, x, {"num_features": shape[1]}, x, dy, training)


@exercise("5.4", points=2)
def test_parameters_and_buffers_are_those_of_pytorch(learner):
    """Parameters, buffers and state dict have PyTorch's names, shapes, types and first values, for all settings."""
    x = random(2, 3)
    for settings in (
        {},
        {"affine": False},
        {"track_running_stats": False},
        {"affine": False, "track_running_stats": False},
    ):
        missing, *_ = learner.run(parts, {"num_features": 3, **settings})
        needed = "PyTorch's has it, under this very name, and it is None where there is nothing to hold."
        assert not missing, f"The layer has no attribute {missing[0]}. {needed}"
        as_torch(learner, parts, x, {"num_features": 3, **settings})


@exercise("5.4", points=1)
def test_state_goes_to_pytorch_and_back(learner):
    """After training the state dict loads into PyTorch's layer, and PyTorch's into yours, strictly, with equal outputs."""
    for shape in [(6, 3), (4, 3, 2, 2)]:
        x, settings = random(*shape, seed=1).astype(np.float32), {"num_features": 3}
        batches = [random(*shape, seed=k, offset=k).astype(np.float32) for k in range(2, 5)]
        state, y = learner.run(state_after_training, settings, x, *batches)
        theirs = layers_for(x)
        assert set(state) == {"weight", "bias", "running_mean", "running_var", "num_batches_tracked"}, (
            f"The state dict holds {list(state)}; PyTorch's has weight, bias, running_mean, running_var, num_batches_tracked."
        )
        assert_close(from_state(theirs, settings, state, x), y, rtol=1e-4, atol=1e-5)
        their_state, their_y = state_after_training(theirs, settings, x, *batches)
        assert_close(learner.run(from_state, settings, their_state, x), their_y, rtol=1e-4, atol=1e-5)


@exercise("5.4", points=1)
def test_without_tracking_batch_statistics_serve_both_modes(learner):
    """With track_running_stats=False the batch's statistics are used in evaluation too."""
    for affine in (True, False):
        x = random(3, 2, 4, seed=8)
        settings = {"num_features": 2, "track_running_stats": False, "affine": affine}
        as_torch(learner, gradients, x, settings, x, random(3, 2, 4, seed=9), False)
        as_torch(learner, in_training, x, settings, x)


@exercise("5.4", points=1)
def test_running_statistics_carry_no_history(learner):
    """Running statistics carry no gradient history, so that memory does not grow from step to step."""
    x = random(4, 2, seed=11)
    as_torch(learner, history_of_running_statistics, x, x)


@exercise("5.4", points=1)
def test_the_mode_is_self_training(learner):
    """The mode is self.training: without gradients the layer still trains, with gradients it still evaluates."""
    x = random(4, 2, seed=12)
    as_torch(learner, modes_and_gradients_apart, x, x)


@exercise("5.4", points=1)
def test_layers_share_nothing(learner):
    """Each layer has statistics of its own."""
    x = random(4, 2, seed=13)
    as_torch(learner, two_layers, x, x, rtol=1e-5, atol=1e-6)


@exercise("5.4", points=1)
def test_layer_survives_a_large_mean_in_float32(learner):
    """Values whose mean is 10,000 times their standard deviation in float32, or after `.double()` a million times in float64, come out right, output and running variance."""
    x = random(16, 2, 6, 6, seed=14, offset=1e4, spread=1.0).astype(np.float32)
    _, y = learner.run(state_after_training, {"num_features": 2, "momentum": 1.0}, x, x)
    double = x.astype(np.float64)
    var = double.var((0, 2, 3), ddof=1)
    expected = (double - double.mean((0, 2, 3), keepdims=True)) / np.sqrt(var.reshape(-1, 1, 1) + 1e-5)
    assert_close(y, expected, rtol=0.03, atol=0.03)
    x = random(16, 2, 4, 4, seed=15, offset=1e6, spread=1.0)
    as_torch(learner, in_training, x, {"num_features": 2, "momentum": 1.0}, x, rtol=0.01, atol=0.01)


# 5.5 BatchNormFunction

guide(
    "5.5",
    hints=[
        "ctx.save_for_backward takes tensors; what backward needs are x̂, γ and 1/√(σ² + ε).",
        "backward returns as many values as apply has arguments: dx, dγ, dβ and None for ε.",
    ],
    forbids=(*TORCH_NORMS, *AUTOGRAD),
)


def apply_forward(answers, x, gamma, beta, eps):
    """The output of apply."""
    import torch

    return answers.BatchNormFunction.apply(*(torch.from_numpy(one) for one in (x, gamma, beta)), eps).detach().numpy()


def apply_backward(answers, x, gamma, beta, dy, eps):
    """Gradients of sum(y * dy) with respect to x, gamma and beta."""
    import torch

    tensors = [torch.from_numpy(one).requires_grad_() for one in (x, gamma, beta)]
    (answers.BatchNormFunction.apply(*tensors, eps) * torch.from_numpy(dy)).sum().backward()
    return [one.grad.numpy() for one in tensors]


def apply_twice(answers, x, gamma, beta, dy):
    """Gradient with respect to x where the function is applied twice before either backward runs."""
    import torch

    tensor, gamma, beta, dy = (torch.from_numpy(one) for one in (x, gamma, beta, dy))
    tensor.requires_grad_()
    first = answers.BatchNormFunction.apply(tensor, gamma, beta, 1e-5)
    second = answers.BatchNormFunction.apply(first**2, gamma, beta, 1e-5)
    (first * dy + second * dy.flip(0)).sum().backward()
    return tensor.grad.numpy()


def backward_by_hand(answers, x, gamma, beta, dy):
    """What backward returns where PyTorch records no operations: dx, dgamma, dbeta and the gradient for eps.

    Then how many tensors were recorded all the same.
    """
    import torch

    def record(tensor):
        recorded.append(1)
        return tensor

    tensors, recorded = [torch.from_numpy(one).requires_grad_() for one in (x, gamma, beta)], []
    node = answers.BatchNormFunction.apply(*tensors, 1e-5).grad_fn
    with torch.inference_mode(), torch.autograd.graph.saved_tensors_hooks(record, lambda tensor: tensor):
        *found, for_eps = node.apply(torch.from_numpy(dy))
        return [one.numpy() for one in found], for_eps, len(recorded)


def expected_apply(x, gamma, beta, eps):
    ones = np.ones(len(gamma))
    return expected_forward(x, gamma, beta, 0 * ones, ones, True, eps=eps)[0]


@exercise("5.5", points=1)
def test_function_normalises_scales_and_shifts(learner):
    """The output is γ x̂ + β with the batch's mean and biased variance, in every shape."""
    for seed, shape in enumerate(SHAPES):
        x = random(*shape, seed=seed)
        gamma, beta, *_ = parameters(shape[1])
        for eps in (1e-5, 0.5):
            assert_close(learner.run(apply_forward, x, gamma, beta, eps), expected_apply(x, gamma, beta, eps))
            assert not learner.changed, "The function changed its input."
    assert_close(learner.run(apply_forward, 1e-3 * x, gamma, beta, 1e-5), expected_apply(1e-3 * x, gamma, beta, 1e-5))


@exercise("5.5", points=2)
def test_function_gradients_are_right_in_every_shape(learner):
    """Gradients with respect to x, γ and β are right for features, sequences, images and volumes, and for a large ε."""
    for seed, shape in enumerate(SHAPES):
        for eps in (0.5, 1e-5):
            x, dy = random(*shape, seed=seed), random(*shape, seed=seed + 5)
            gamma, beta, *_ = parameters(shape[1])
            got = learner.run(apply_backward, x, gamma, beta, dy, eps)
            assert_close(got, list(expected_backward(x, gamma, beta, dy, eps)), rtol=1e-6, atol=1e-9)


@exercise("5.5", points=1)
def test_functions_do_not_share_what_they_save(learner):
    """Applied twice before either backward runs, each backward uses what its own forward saved."""
    import torch

    x, dy = random(5, 2, seed=1), random(5, 2, seed=2)
    gamma, beta, *_ = parameters(2)
    tensor = torch.from_numpy(x).requires_grad_()
    weights = torch.from_numpy(gamma), torch.from_numpy(beta)
    first = torch.nn.functional.batch_norm(tensor, None, None, *weights, training=True)
    second = torch.nn.functional.batch_norm(first**2, None, None, *weights, training=True)
    (first * torch.from_numpy(dy) + second * torch.from_numpy(dy).flip(0)).sum().backward()
    assert_close(learner.run(apply_twice, x, gamma, beta, dy), tensor.grad.numpy(), rtol=1e-6, atol=1e-9)


@exercise("5.5", points=2)
def test_backward_is_written_by_hand(learner):
    """backward is arithmetic on what forward saved, without autograd; it returns dx, dγ, dβ and None for ε."""
    for shape in [(4, 2), (2, 3, 2, 4)]:
        x, dy = random(*shape, seed=3), random(*shape, seed=4)
        gamma, beta, *_ = parameters(shape[1])
        found, for_eps, recorded = learner.run(backward_by_hand, x, gamma, beta, dy)
        assert_close(found, list(expected_backward(x, gamma, beta, dy)), rtol=1e-6, atol=1e-9)
        assert for_eps is None, "The gradient for ε should be None: it is a number, not a tensor."
        assert not recorded, (
            "backward has PyTorch record operations, to differentiate them: here you write that yourself."
        )


@exercise("5.5", points=1)
def test_function_survives_a_large_mean_in_float32(learner):
    """float32 values whose mean is 10,000 times their standard deviation come out right."""
    x = random(16, 2, 6, 6, seed=7, offset=1e4, spread=1.0).astype(np.float32)
    ones = np.ones(2, np.float32)
    expected = expected_apply(x, ones, 0 * ones, 1e-5)
    assert_close(learner.run(apply_forward, x, ones, 0 * ones, 1e-5), expected, rtol=0.03, atol=0.03)
