"""What a right answer to chapter 12 must satisfy. Oracles: float64 NumPy, sample by sample, and what became of a trained network."""

import numpy as np

from bncourse.checking import NUMPY_ONLY, assert_close, exercise, guide
from bncourse.checking.learner import AnswerCrashed
from bncourse.checking.properties import given, st


def random(*shape, seed=0, offset=1.0, spread=2.0):
    return offset + spread * np.random.default_rng(seed).standard_normal(shape)


def uneven(*shape, seed=0):
    """Random values whose mean and deviation differ from sample to sample, channel to channel and place to place."""
    places = np.indices(shape)
    return random(*shape, seed=seed) * (1 + places[0] + 2 * places[1]) + 3 * places[-1] + 2 * places[0]


def read_only(array):
    array.flags.writeable = False
    return array


def unusual(*shape, seed=0):
    """Arrays of one shape: ordinary, strided, backwards, read-only, float32, and the first again."""
    first = uneven(*shape, seed=seed)
    strided = uneven(*(2 * size for size in shape), seed=seed + 1)[tuple(slice(None, None, 2) for _ in shape)]
    return first, strided, first[::-1, ::-1], read_only(uneven(*shape, seed=seed + 2)), first.astype(np.float32), first


# 12.1 ghost_batch_norm

guide(
    "12.1",
    hints=[
        "For one ghost batch the axes are those of exercise 3.2: 0 and all from 2 on.",
        "`range(0, len(x), ghost_size)` yields where the ghost batches begin; `x[start : start + ghost_size]` is one of them.",
        "Collect the normalised ghost batches in a list; np.concatenate puts them back in their order.",
    ],
    forbids=NUMPY_ONLY,
)


def in_ghosts(x, ghost_size, eps=1e-5):
    """Each value against the mean and variance of the values that share its ghost batch and channel, in float64."""
    sample, channel = np.indices(x.shape)[:2]
    ghost, result = sample // ghost_size, np.empty(x.shape)
    for g, c in np.ndindex(ghost.max() + 1, x.shape[1]):
        together = (ghost == g) & (channel == c)
        values = x[together].astype(np.float64)
        result[together] = (values - values.mean()) / np.sqrt(values.var() + eps)
    return result


@exercise("12.1", points=1)
def test_four_numbers_in_two_ghosts(learner):
    """2, 4, 6, 8 in ghost batches of two becomes -1, 1, -1, 1: each pair has its own mean and variance, divided by n."""
    x = np.array([[2.0], [4.0], [6.0], [8.0]])
    assert_close(learner.ghost_batch_norm(x, 2), in_ghosts(x, 2))
    x = np.array([[1.0, 10.0], [3.0, 30.0], [0.0, 5.0], [8.0, 7.0], [2.0, 0.0], [4.0, 0.0]])
    assert_close(learner.ghost_batch_norm(x, 2), in_ghosts(x, 2))
    assert_close(learner.ghost_batch_norm(x, 3), in_ghosts(x, 3))


@exercise("12.1", points=2)
@given(st.integers(1, 3), st.integers(2, 4), st.lists(st.integers(1, 3), min_size=1, max_size=4), st.integers(0, 3))
def test_neighbours_share_statistics(learner, ghosts, size, rest, seed):
    """For features, sequences, images and volumes, consecutive samples share the statistics of each channel, over all positions."""
    for shape in [(4, 3, 2), (ghosts * size, *rest)]:
        ghost_size = 2 if shape == (4, 3, 2) else size
        x = uneven(*shape, seed=seed)
        assert_close(learner.ghost_batch_norm(x, ghost_size), in_ghosts(x, ghost_size))


@exercise("12.1", points=1)
def test_one_ghost_is_the_whole_batch(learner):
    """A ghost batch as large as the batch gives ordinary batch normalization; a ghost batch of one image uses its positions."""
    for shape, ghost_size in [((6, 3), 6), ((4, 2, 3, 3), 4), ((3, 2, 2, 3), 1), ((8, 1), 8)]:
        x = uneven(*shape, seed=4)
        assert_close(learner.ghost_batch_norm(x, ghost_size), in_ghosts(x, ghost_size))


@exercise("12.1", points=1)
def test_ghost_eps(learner):
    """You divide by √(σ² + ε) with the ε that is given, 1e-5 if none is; where a ghost batch does not vary, 0 comes out."""
    x = uneven(4, 2, 3, seed=5)
    for eps in (0.5, 2.0):
        assert_close(learner.ghost_batch_norm(x, 2, eps=eps), in_ghosts(x, 2, eps))
    assert_close(learner.ghost_batch_norm(1e-3 * x, 2), in_ghosts(1e-3 * x, 2))
    x[:2] = 5.0
    assert_close(learner.ghost_batch_norm(x, 2), in_ghosts(x, 2))


@exercise("12.1", points=1)
def test_samples_that_are_left_over(learner):
    """Samples that are left over, such as one of seven in threes, are a last ghost batch of their own, or a ValueError says that they do not fit."""
    for size, ghost_size in [(7, 3), (9, 4), (10, 4)]:
        x = uneven(size, 2, 4, seed=6)
        try:
            assert_close(learner.ghost_batch_norm(x, ghost_size), in_ghosts(x, ghost_size))
        except AnswerCrashed as error:
            if not isinstance(error.cause, ValueError):
                raise
    assert_close(learner.ghost_batch_norm(x[:6], 3), in_ghosts(x[:6], 3))


@exercise("12.1", points=1)
def test_ghosts_leave_their_input_alone(learner):
    """Strided, read-only and float32 arrays are taken; x is not changed; earlier calls leave no trace."""
    for x in unusual(4, 3, 2, seed=7):
        assert_close(learner.ghost_batch_norm(x, 2, 0.1), in_ghosts(x, 2, 0.1), rtol=1e-4, atol=1e-4)
        assert not learner.changed, f"The call changed its argument {learner.changed[0]}."


# 12.2 masked_batch_norm

guide(
    "12.2",
    hints=[
        "`x[mask.astype(bool)]` has the shape (real steps, C): all real steps of all sequences, one below the other.",
        "The mean and the variance of that array over axis 0 are what you want. What is missing is the way back: np.zeros(x.shape), filled where the mask is true.",
        "Without indexing: weights = mask[..., None]; the mean is (weights * x).sum((0, 1)) / weights.sum(). For the variance, mask the deviations too.",
    ],
    forbids=NUMPY_ONLY,
)


def over_real_steps(x, mask, eps=1e-5):
    """Real steps against the mean and variance of all real steps, one feature after the other, in float64."""
    result = np.zeros(x.shape)
    steps = [(n, t) for n, t in np.ndindex(mask.shape) if mask[n, t]]
    for c in range(x.shape[2]):
        values = np.array([x[n, t, c] for n, t in steps], dtype=np.float64)
        deviation = np.sqrt(np.mean((values - values.mean()) ** 2) + eps)
        for n, t in steps:
            result[n, t, c] = (x[n, t, c] - values.mean()) / deviation
    return result


def padded(lengths, channels, seed=0, steps=None, filling=0.0):
    """Sequences of these lengths, and their mask; each step, feature and sequence has its own level."""
    steps = steps or max(lengths)
    mask = np.arange(steps) < np.reshape(lengths, (-1, 1))
    x = uneven(len(lengths), steps, channels, seed=seed)
    return np.where(mask[..., None], x, filling), mask.astype(float)


def masked_as_expected(learner, x, mask, eps=1e-5, **tolerance):
    options = {} if eps == 1e-5 else {"eps": eps}
    assert_close(learner.masked_batch_norm(x, mask, **options), over_real_steps(x, mask, eps), **tolerance)


@exercise("12.2", points=1)
def test_three_real_numbers(learner):
    """2, 4 and 6 with one step of padding: mean 4, variance 8/3, over three numbers and not over four."""
    masked_as_expected(learner, np.array([[[2.0], [4.0]], [[6.0], [0.0]]]), np.array([[1.0, 1.0], [1.0, 0.0]]))
    x = np.array([[[2.0, 1.0], [4.0, 3.0], [5.0, 9.0]], [[6.0, 0.0], [0.0, 0.0], [0.0, 0.0]]])
    masked_as_expected(learner, x, np.array([[1.0, 1.0, 1.0], [1.0, 0.0, 0.0]]))


@exercise("12.2", points=1)
def test_without_padding_it_is_batch_normalization(learner):
    """Where every step is real, each feature gets mean 0 and variance 1 over all sequences and steps."""
    for shape in [(2, 2, 2), (3, 4, 2), (1, 5, 3), (4, 1, 2)]:
        masked_as_expected(learner, uneven(*shape, seed=1), np.ones(shape[:2]))


@exercise("12.2", points=2)
@given(st.lists(st.integers(1, 5), min_size=2, max_size=5), st.integers(1, 3), st.integers(0, 3))
def test_every_real_step_counts_the_same(learner, lengths, channels, seed):
    """One mean and variance a feature over all real steps together: long sequences count more, padding not at all, and comes out 0."""
    for sizes in ([1, 3], lengths):
        masked_as_expected(learner, *padded(sizes, channels, seed))


@exercise("12.2", points=1)
def test_what_stands_in_the_padding_plays_no_part(learner):
    """Padding may hold any numbers, real steps may hold zeros, and more padding behind all sequences changes nothing."""
    for filling in (7.0, -1e4):
        masked_as_expected(learner, *padded([2, 1, 3], 2, seed=2, filling=filling))
    x, mask = padded([2, 3], 2, seed=3)
    x[0, 1] = 0.0
    masked_as_expected(learner, x, mask)
    masked_as_expected(learner, *padded([2, 3], 2, seed=3, steps=6))


@exercise("12.2", points=1)
def test_the_mask_may_have_any_form(learner):
    """Padding may stand before or between real steps, a sequence may be all padding, and the mask may hold bools or integers."""
    mask = np.array([[0, 1, 1, 0], [1, 0, 0, 1], [0, 0, 0, 0]])
    for kind in (bool, np.float32, np.int64, np.uint8):
        masked_as_expected(learner, uneven(3, 4, 2, seed=4), mask.astype(kind))


@exercise("12.2", points=1)
def test_masked_eps(learner):
    """You divide by √(σ² + ε) with the ε that is given, 1e-5 if none is; a single real step comes out 0."""
    x, mask = padded([3, 1, 2], 2, seed=5)
    masked_as_expected(learner, 1e-3 * x, mask)
    for eps in (0.5, 2.0):
        masked_as_expected(learner, x, mask, eps)
    masked_as_expected(learner, x[1:2], mask[1:2], atol=2e-3)  # some add 1e-8 to the count, and may


@exercise("12.2", points=1)
def test_masked_leaves_its_inputs_alone(learner):
    """Strided, read-only and float32 arrays are taken; x and mask are not changed; earlier calls leave no trace."""
    for x in unusual(2, 3, 2, seed=6):
        masked_as_expected(learner, x, np.array([[1.0, 1.0, 0.0], [1.0, 0.0, 0.0]]), 0.1, rtol=1e-4, atol=1e-4)
        assert not learner.changed, f"The call changed its argument {learner.changed[0]}."


# 12.3 recompute_statistics

guide(
    "12.3",
    hints=[
        "A forward pre-hook of a layer sees its inputs: layer.register_forward_pre_hook(lambda layer, inputs: ...). The handle that it returns removes it.",
        "Of a batch you need the count, the mean and the variance of each channel; exercise 2.4 merges two such triples exactly. Or gather all inputs in a list and concatenate them at the end.",
        "model.train() sets every module. Note [(module, module.training) for module in model.modules()] before, and put it back after; the same goes for momentum if you set it.",
    ],
)


def recomputed(answers, network, batches, in_training, looked_at):
    """Running statistics that the answer left in a network, what its layers saw, and other traces if they are looked at."""
    import numpy as np
    import torch
    from torch import nn

    class Watched(nn.Module):
        """Hands on what it gets, and notes whether gradients are recorded."""

        def forward(self, x):
            grad.append(torch.is_grad_enabled())
            return x

    class Loader:
        walks = 0

        def __iter__(self):
            Loader.walks += 1
            for x in batches:
                yield torch.from_numpy(x).float(), torch.zeros(len(x), dtype=torch.int64)

    torch.manual_seed(0)
    grad, channels = [], batches[0].shape[1]
    layer = {2: nn.BatchNorm1d, 3: nn.BatchNorm1d, 4: nn.BatchNorm2d, 5: nn.BatchNorm3d}[batches[0].ndim]
    if network == "one normalization":
        model = nn.Sequential(layer(channels))
    elif network == "features, two normalizations":
        first, last = nn.Sequential(nn.Linear(channels, 4), nn.BatchNorm1d(4)), nn.BatchNorm1d(3, momentum=None)
        model = nn.Sequential(Watched(), first, nn.ReLU(), nn.Linear(4, 3), nn.Sequential(last))
    elif network == "images, two normalizations":
        convolution = nn.Conv2d(channels, 3, 3)
        model = nn.Sequential(layer(channels), nn.Sequential(convolution, nn.BatchNorm2d(3, momentum=0.7)), nn.Tanh())
    elif network == "two normalizations, one without running statistics":
        model = nn.Sequential(layer(channels, track_running_stats=False), nn.Linear(channels, 2), nn.BatchNorm1d(2))
    layers = [module for module in model.modules() if isinstance(module, layer) and module.track_running_stats]
    with torch.no_grad():
        for module in layers:
            module.weight.uniform_(0.5, 2.0)
            module.bias.uniform_(-1, 1)
            module.running_mean.fill_(5.0)
            module.running_var.fill_(9.0)
    for place, module in enumerate(model.modules()):
        module.training = bool(in_training[place % len(in_training)])
    for parameter in model.parameters():
        parameter.grad = torch.ones_like(parameter)
    known = {"running_mean", "running_var", "num_batches_tracked"}

    def others():
        return {
            "weights": [parameter.tolist() for parameter in model.parameters()],
            ".grad": [None if parameter.grad is None else parameter.grad.tolist() for parameter in model.parameters()],
            "the modes of the modules": [module.training for module in model.modules()],
            "momentum": [str(module.momentum) for module in layers],
            "hooks": [len(m._forward_hooks) + len(m._forward_pre_hooks) for m in model.modules()],
            "what is tracked": [
                (m.track_running_stats, m.running_mean is None) for m in model.modules() if isinstance(m, layer)
            ],
            "requires_grad": [parameter.requires_grad for parameter in model.parameters()],
            "further buffers": sorted(n for n, _ in model.named_buffers() if n.split(".")[-1] not in known),
            "the gradient switch of PyTorch": torch.is_grad_enabled(),
        }

    twin = []
    with torch.enable_grad():  # whatever the answer does to this switch, it ends here
        before = others()
        try:
            result = answers.recompute_statistics(model, Loader())
        except AttributeError as error:  # which of the two comes of None depends on what is done with it
            raise TypeError(str(error)).with_traceback(error.__traceback__) from None
        after = others()
    got = [(module.running_mean.double().numpy(), module.running_var.double().numpy()) for module in layers]
    model.train()
    for module in layers:
        module.register_forward_pre_hook(lambda module, inputs: twin.append((module, inputs[0].detach().numpy())))
    with torch.no_grad():
        for x in batches:
            model(torch.from_numpy(x).float())
    saw = [[np.moveaxis(x, 1, 0).reshape(x.shape[1], -1) for one, x in twin if one is module] for module in layers]
    inputs = [np.concatenate(each, 1).astype(np.float64) for each in saw]

    def divided_by_n(var, seen):
        """`var`, or what it would be had it been divided by n and not by n - 1."""
        biased, n = seen.var(1), seen.shape[1]
        unbiased = biased * n / (n - 1)
        return biased if var.shape == biased.shape and np.allclose(var, unbiased, rtol=1e-3, atol=1e-4) else var

    facts = {"inputs": inputs, "another model came back": isinstance(result, nn.Module) and result is not model}
    if looked_at == "means, and variances to 3 %":  # how far off it is beyond that, is chance
        facts["means"] = [mean for mean, _ in got]
        facts["within 3 %"] = all(np.allclose(var, seen.var(1), rtol=0.03) for (_, var), seen in zip(got, inputs))
        return facts
    facts["statistics"] = [(mean, divided_by_n(var, seen)) for (mean, var), seen in zip(got, inputs)]
    changed = {name for name in before if before[name] != after[name]}
    if looked_at == "statistics and modes":
        facts["changed"] = sorted(changed & {"the modes of the modules"})
    elif looked_at == "everything":
        facts |= {"changed": sorted(changed), "walks": Loader.walks, "gradients recorded": any(grad)}
    return facts


ALONE, FEATURES, IMAGES_TOO = "one normalization", "features, two normalizations", "images, two normalizations"


def check_statistics(learner, network, batches, in_training=(1,), looked_at="statistics"):
    """The statistics of every layer are those of what it saw, the variance divided by n or by n - 1; returns all traces."""
    got = learner.run(recomputed, network, batches, list(in_training), looked_at)
    for place, ((mean, var), seen) in enumerate(zip(got["statistics"], got["inputs"])):
        which = f"of layer {place + 1}" if len(got["statistics"]) > 1 else "of the layer"
        seen = np.asarray(seen, dtype=np.float64)
        words = f"The running mean {which} is not the mean of all inputs that it sees."
        assert_close(mean, seen.mean(1), rtol=1e-3, atol=1e-4, message=words)
        words = f"The running variance {which} is not the variance of all inputs that it sees, divided by n or n - 1."
        assert_close(var, seen.var(1), rtol=1e-3, atol=1e-4, message=words)
    return got


def uneven_batches(sizes, *rest, seed=0):
    return [uneven(size, *rest, seed=seed + i) + 4 * i for i, size in enumerate(sizes)]


@exercise("12.3", points=1)
def test_one_batch(learner):
    """After a pass over one batch the statistics are those of the batch, whatever they were before, for features, sequences and images."""
    for shape in [(4, 2), (5, 3), (3, 2, 4), (3, 2, 3, 3), (2, 2, 2, 2, 2)]:
        check_statistics(learner, ALONE, uneven_batches([shape[0]], *shape[1:]))


@exercise("12.3", points=2)
def test_batches_of_unequal_sizes(learner):
    """Over batches of unequal sizes the mean and the variance are those of all inputs together, however they were cut."""
    for sizes in ([3, 2], [6, 2], [5, 3, 2], [2, 2, 7], [2, 2]):
        check_statistics(learner, ALONE, uneven_batches(sizes, 2, seed=1))
    for sizes in ([1, 3], [4, 4, 1]):
        check_statistics(learner, ALONE, uneven_batches(sizes, 2, 3, 2, seed=2))


@exercise("12.3", points=1)
def test_layers_behind_layers(learner):
    """Every normalization at any depth gets the statistics of what it sees when those before it use batch statistics."""
    check_statistics(learner, FEATURES, uneven_batches([6, 4], 3, seed=3))
    check_statistics(learner, FEATURES, uneven_batches([5, 3, 2], 3, seed=4), in_training=(0,))
    check_statistics(learner, IMAGES_TOO, uneven_batches([3, 2], 2, 4, 5, seed=5))


@exercise("12.3", points=1)
def test_inputs_far_from_zero(learner):
    """Where the mean is ten thousand times the standard deviation, the variance is right to 3 %."""
    for sizes in ([64], [40, 24, 8]):
        batches = [random(size, 3, seed=9 + i, offset=1e4 + i, spread=1.0) for i, size in enumerate(sizes)]
        got = learner.run(recomputed, ALONE, batches, [1], "means, and variances to 3 %")
        words = "The running mean of the layer is not the mean of all inputs that it sees."
        assert_close(got["means"][0], got["inputs"][0].mean(1), rtol=1e-5, message=words)
        assert got["within 3 %"], "Inputs of mean 10,000 and deviation 1: the running variance is more than 3 % off."


@exercise("12.3", points=1)
def test_modes_are_as_before(learner):
    """A model in training mode, one in evaluation mode and one with some modules in each: all end in the modes in which they came."""
    for in_training in [(1,), (0,), (1, 0), (0, 1, 1)]:
        batches = uneven_batches([4, 2], 2, seed=6)
        got = check_statistics(learner, FEATURES, batches, in_training, "statistics and modes")
        assert not got["changed"], "A module is not in the mode in which it came."


@exercise("12.3", points=1)
def test_nothing_else_changes(learner):
    """Weights, .grad, momentum and hooks are as they were; no gradient is recorded; the loader is walked through once."""
    for network, rest in [(IMAGES_TOO, (2, 4, 4)), (FEATURES, (3,))]:
        got = check_statistics(learner, network, uneven_batches([4, 3], *rest, seed=7), (0,), "everything")
        assert not got["changed"], f"After the call these are no longer as they were: {', '.join(got['changed'])}."
        assert_close(got["walks"], 1, message="The loader is not walked through exactly once.")
        assert_close(got["gradients recorded"], False, message="The model ran with gradients on.")


@exercise("12.3", points=1)
def test_layers_without_running_statistics_are_left_alone(learner):
    """A normalization that keeps no running statistics gets none, and does not stop the others from getting theirs."""
    network = "two normalizations, one without running statistics"
    got = check_statistics(learner, network, uneven_batches([4, 3], 3, seed=8), looked_at="everything")
    assert not got["changed"], f"After the call these are no longer as they were: {', '.join(got['changed'])}."


# 12.4 to 12.9, clinic_1 to clinic_6

guide(
    "12.4",
    hints=[
        "In which mode is the model when it is returned, and which statistics does a normalization use in that mode?",
        "model.eval() reaches every module inside of the model; it returns the model.",
    ],
)
guide(
    "12.5",
    hints=[
        "Which of its tensors does a module put into its state dict? Look at OwnNorm(norm).state_dict().keys().",
        "self.register_buffer(name, tensor), in the place of self.name = tensor, makes a tensor part of the state dict.",
    ],
)
guide(
    "12.6",
    hints=[
        "Which batch has nothing to average? It is known by len(x).",
        "Skip that batch, or join it to the one before. A list of batches can be walked through again and again, a generator only once.",
    ],
)
guide(
    "12.7",
    hints=[
        "model.parameters() yields weights, γ and β. Which tensors of the state dict are missing?",
        "Average the buffers as well, or recompute them at the end: by your answer to 12.3, or by torch.optim.swa_utils.update_bn.",
        "num_batches_tracked is a buffer too, of whole numbers, and cannot be averaged.",
    ],
)
guide(
    "12.8",
    hints=[
        "The forward pass runs a second time inside backward(). What does it change, beside computing values that are known already?",
        "In a loop of your own: clone all buffers before backward(), and copy them back after it.",
        "Or give checkpoint a context_fn: it returns two contexts, one around each of the two passes.",
    ],
)
guide(
    "12.9",
    hints=[
        "BothDomains gets `domain` and does not use it.",
        "Two copies of each normalization, in an nn.ModuleList so that both are in the state dict, in a module that knows which one to use.",
        "`exchange` puts such a module into the place of each normalization; BothDomains.forward tells all of them the domain before it calls the network.",
    ],
)

CLASSES = 3


def cluster(labels, shape, draw, shift, stretch):
    """Samples (N, *shape) around a centre for each class, then shifted and stretched as a scanner might."""
    centres = 1.5 * np.random.default_rng(5).standard_normal((CLASSES, *shape))
    return (stretch * (centres[labels] + 0.4 * draw.standard_normal((len(labels), *shape))) + shift).astype(np.float32)


class Batches(tuple):
    """Batches (x, y) or (x, y, domain), of which a report says no more than how many there are, and their shapes."""

    def __repr__(self):
        first, last = self[0][0].shape, self[-1][0].shape
        return f"{len(self)}, x of shape {first}" + (f", the last {last}" if last != first else "")

    def __reduce__(self):
        return tuple, (tuple(self),)


def batches_of(*sizes, shape=(5,), seed=0, scanners=((2.0, 2.0),)):
    """Mixed batches (x, y), or (x, y, domain) where there are two scanners (shift, stretch), which then take turns."""
    draw, batches = np.random.default_rng(seed), []
    for place, size in enumerate(sizes):
        domain = place % len(scanners)
        labels = draw.permutation(np.arange(size) % CLASSES)
        pair = cluster(labels, shape, draw, *scanners[domain]), labels
        batches.append((*pair, domain) if len(scanners) > 1 else pair)
    return Batches(batches)


def sorted_test(shape=(5,), seed=99, scanner=(2.0, 2.0), each=20):
    labels = np.repeat(np.arange(CLASSES), each)
    return cluster(labels, shape, np.random.default_rng(seed), *scanner), labels


def trained_and_tested(answers, function, batches, tests, options):
    """What a mended training function makes of a small network, told in numbers."""
    import copy
    import io

    import numpy as np
    import torch
    from torch import nn
    from torch.optim.optimizer import register_optimizer_step_post_hook
    from torch.utils.checkpoint import CheckpointError
    from torch.utils.module_tracker import ModuleTracker

    momentum, shape, batches = options.get("momentum", 0.2), batches[0][0].shape[1:], list(batches)
    made, path, steps, drawn, samples, again = [], [], [], [], [], {}

    def note(module, inputs):
        if module.training and torch.is_grad_enabled():
            samples.append(len(inputs[0]))
        if made and module is made[0] and module.training:
            path.append([parameter.detach().clone() for parameter in module.parameters()])

    def note_again(module, inputs):
        if ModuleTracker().is_bw:
            again[module] = again.get(module, 0) + 1

    def make_model():
        if len(shape) == 1:
            layers = [nn.BatchNorm1d(shape[0], momentum=momentum), nn.Linear(shape[0], 12, bias=False)]
            model = nn.Sequential(
                nn.Sequential(*layers), nn.Sequential(nn.BatchNorm1d(12, momentum=momentum), nn.ReLU())
            )
        else:
            layers = [nn.BatchNorm2d(shape[0], momentum=momentum), nn.Conv2d(shape[0], 6, 2, bias=False)]
            model = nn.Sequential(
                nn.Sequential(*layers), nn.Sequential(nn.BatchNorm2d(6, momentum=momentum), nn.ReLU())
            )
            model.append(nn.AdaptiveAvgPool2d(1) if options.get("pooled") else nn.AdaptiveAvgPool2d(2)).append(
                nn.Flatten()
            )
            if options.get("pooled"):
                model.append(nn.BatchNorm1d(6, momentum=momentum))
        model.append(nn.Linear(12 if len(shape) == 1 else 6 if options.get("pooled") else 24, 3))
        model.register_forward_pre_hook(note)
        for module in model.modules() if options.get("computed again") else ():
            module.register_forward_pre_hook(note_again)
        made.append(model)
        return model

    class Loader:
        def __len__(self):
            return len(batches)

        def __iter__(self):
            for place, (x, y, *domain) in enumerate(batches):
                drawn.append(place)
                yield torch.from_numpy(x).clone(), torch.from_numpy(y).clone(), *domain

    def trained():
        try:
            model = getattr(answers, function)(make_model, Loader())
        except CheckpointError as error:  # whose message fills a page
            words = "checkpoint finds other tensors in the second pass than in the first"
            raise ValueError(words).with_traceback(error.__traceback__) from None
        if not isinstance(model, nn.Module):
            raise TypeError(f"{function} returns {type(model).__name__}, not the trained network")
        return model

    def logits(model, x, *domain, size=20):
        with torch.no_grad():
            return np.concatenate(
                [model(torch.from_numpy(part), *domain).numpy() for part in np.split(x, range(size, len(x), size))]
            )

    def state(model):
        entries = dict(model.state_dict())
        for name, value in model.state_dict().items():
            if isinstance(value, dict):  # get_extra_state may give one
                entries |= {f"{name}.{key}": inner for key, inner in value.items()}
        return {name: each.detach().clone() for name, each in entries.items() if isinstance(each, torch.Tensor)}

    torch.manual_seed(0)
    handle = register_optimizer_step_post_hook(lambda *args: steps.append(len(drawn)))
    try:
        model = trained()
    finally:
        handle.remove()
    facts = {"steps": len(steps) or len(drawn), "looks again": bool(steps) and len(drawn) - steps[-1] >= len(batches)}
    if options.get("samples"):
        facts["samples"] = sum(samples)
    if options.get("computed again"):
        facts["computed again"] = max(again.values(), default=0)
        facts["momentum"] = [float(m.momentum) for m in model.modules() if getattr(m, "momentum", None) is not None]
    if options.get("as returned"):
        modes = {module.training for module in model.modules()}
        facts["mode"] = "mixed" if len(modes) > 1 else "training" if modes.pop() else "evaluation"
        facts["gradients"] = all(parameter.requires_grad for parameter in model.parameters())
        x, before = tests[0][0], state(model)
        facts["as returned"] = [logits(model, x, size=size) for size in options["as returned"]]
        facts["unchanged by use"] = all(torch.equal(before[name], value) for name, value in state(model).items())
    model.eval()
    facts["logits"] = [logits(model, x, *domain) for x, _, *domain in tests]
    learnt = {name for name, parameter in model.named_parameters() if parameter.requires_grad}
    kept = [v for name, v in state(model).items() if name not in learnt and v.is_floating_point()]
    facts["vectors"] = np.array([v.numpy() for v in kept if tuple(v.shape) == (shape[0],)]).reshape(-1, shape[0])
    facts["counts"] = [int(v) for name, v in state(model).items() if name.endswith("num_batches_tracked")]
    facts["buffers"] = sum(b.numel() for b in model.buffers() if b.is_floating_point())
    facts["matrices"] = sum(p.numel() for p in model.parameters() if p.dim() > 1)
    single = make_model()
    facts["buffers of one"] = sum(b.numel() for b in single.buffers() if b.is_floating_point())
    facts["matrices of one"] = sum(p.numel() for p in single.parameters() if p.dim() > 1)
    if options.get("path"):
        last = [parameter.detach() for parameter in made[0].parameters()]
        low = [torch.stack(each).amin(0) - 1e-5 for each in zip(*path, last)]
        high = [torch.stack(each).amax(0) + 1e-5 for each in zip(*path, last)]
        own = [parameter.detach() for parameter in model.parameters()]
        facts["among those on the way"] = all(bool(((a <= p) & (p <= b)).all()) for a, p, b in zip(low, own, high))
        moments = [
            place
            for place, then in enumerate([*path, last])
            if all(torch.allclose(p, q, atol=1e-7) for p, q in zip(own, then))
        ]
        facts["those of one moment"] = (
            "none" if not moments else "the last" if moments[-1] == len(path) else "an earlier one"
        )
    if options.get("saved"):
        file = io.BytesIO()
        torch.save(copy.deepcopy(model.state_dict()), file)
        file.seek(0)
        batches[:] = [(-x, y) for x, y in batches]
        other = trained().eval()
        facts["before loading"] = logits(other, tests[0][0])
        other.load_state_dict(torch.load(file, weights_only=True))
        facts["loaded"] = logits(other.eval(), tests[0][0])
    return facts


def trained(learner, function, batches, tests, options):
    """`trained_and_tested` by an answer."""
    return learner.run(trained_and_tested, function, batches, Batches(tests), options)


def assert_reads(logits, labels, what, least=0.9):
    right = np.mean(np.asarray(logits).argmax(1) == labels)
    assert right >= least, f"{what}: {right:.0%} of the answers are right, where at least {least:.0%} should be."


def near(facts, values, places=None):
    """Whether the state dict holds the mean and the variance of these samples (N, C, ...), roughly."""
    values = np.moveaxis(np.asarray(values, dtype=np.float64), 1, 0).reshape(values.shape[1], -1)
    mean, var = values.mean(1), values.var(1)
    means = any(np.abs(vector - mean).max() < 0.4 * np.sqrt(var).mean() for vector in facts["vectors"])
    variances = any(np.abs(np.log(np.abs(vector / var) + 1e-9)).mean() < np.log(1.35) for vector in facts["vectors"])
    return means and variances


def all_of(batches, domain=None):
    return np.concatenate([x for x, _, *rest in batches if domain is None or rest == [domain]])


NOT_THOSE = "The statistics of the first normalization, in the state dict, are not near those of the training data."
IMAGES = (2, 4, 4)


@exercise("12.4", points=1)
def test_1_sorted_batches(learner):
    """The network reads batches of one class, in the mode in which it is returned, as it reads mixed ones, and does not change by being used."""
    batches, test = batches_of(*[12] * 16), sorted_test()
    got = trained(learner, "clinic_1", batches, [test], {"as returned": [10, 4]})
    for size, logits in zip((10, 4), got["as returned"]):
        assert_reads(logits, test[1], f"Sorted by class, batches of {size}")
    assert got["unchanged by use"], "The running statistics move while the model is being used."
    assert near(got, all_of(batches)), NOT_THOSE


@exercise("12.4", points=1)
def test_1_single_images(learner):
    """The network reads images one by one, and by sevens, and gives each the same answer whatever images come with it."""
    batches, test = batches_of(*[12] * 16, shape=IMAGES), sorted_test(IMAGES)
    got = trained(learner, "clinic_1", batches, [test], {"as returned": [1, 7]})
    assert_reads(got["as returned"][0], test[1], "One by one")
    assert_close(
        got["as returned"][1],
        got["as returned"][0],
        rtol=1e-3,
        atol=1e-3,
        message="An image's logits depend on the images that come with it.",
    )
    assert near(got, all_of(batches)), NOT_THOSE


@exercise("12.5", points=1)
def test_2_statistics_in_the_state_dict(learner):
    """The statistics of each normalization are in the state dict, and the network reads well in evaluation mode."""
    batches, test = batches_of(*[12] * 16, shape=IMAGES), sorted_test(IMAGES)
    got = trained(learner, "clinic_2", batches, [test], {})
    assert_reads(got["logits"][0], test[1], "In evaluation mode, sorted by class")
    assert near(got, all_of(batches)), NOT_THOSE


@exercise("12.5", points=1)
def test_2_survives_saving_and_loading(learner):
    """Saved, and loaded into another network that the function made, it gives the same answers."""
    batches, test = batches_of(*[12] * 16, seed=1), sorted_test()
    got = trained(learner, "clinic_2", batches, [test], {"saved": True})
    assert_close(
        got["loaded"],
        got["logits"][0],
        rtol=1e-3,
        atol=1e-3,
        message="After loading, the logits are others than before saving.",
    )
    assert_reads(got["loaded"], test[1], "After loading")


@exercise("12.6", points=1)
def test_3_a_last_batch_of_one(learner):
    """The training comes to its end where the last batch has one sample, which leaves no trace of its own in the statistics; no other batch is left out."""
    batches, test = batches_of(*[32] * 6, 1, seed=2), sorted_test()
    got = trained(learner, "clinic_3", batches, [test], {"momentum": 0.5})
    assert_reads(got["logits"][0], test[1], "In evaluation mode")
    assert near(got, all_of(batches)), NOT_THOSE
    tracked = min(got["counts"], default=0)
    assert tracked >= 0.75 * got["steps"], f"{got['steps']} steps were taken, but the statistics moved {tracked} times."
    whole = batches[:-1]
    samples, there = trained(learner, "clinic_3", whole, [test], {"samples": True})["samples"], len(all_of(whole))
    words = "Where no batch has one sample, each epoch is to take all samples"
    assert samples % there == 0, f"{words}: the network was trained on {samples}, and there are {there}."


@exercise("12.6", points=1)
def test_3_a_single_image_after_pooling(learner):
    """The training goes on where the last image leaves only one value a channel to a later normalization, not to the first."""
    batches, test = batches_of(*[24] * 6, 1, shape=IMAGES, seed=3), sorted_test(IMAGES)
    got = trained(learner, "clinic_3", batches, [test], {"pooled": True})
    assert_reads(got["logits"][0], test[1], "In evaluation mode")
    assert near(got, all_of(batches)), NOT_THOSE
    tracked = min(got["counts"], default=0)
    assert tracked >= 0.75 * got["steps"], f"{got['steps']} steps were taken, but the statistics moved {tracked} times."


@exercise("12.7", points=1)
def test_4_the_average_reads(learner):
    """The average has statistics near those of its data, and reads well in evaluation mode."""
    batches, test = batches_of(*[12] * 16, shape=IMAGES, seed=4), sorted_test(IMAGES)
    got = trained(learner, "clinic_4", batches, [test], {})
    assert_reads(got["logits"][0], test[1], "The average")
    assert near(got, all_of(batches)), NOT_THOSE


@exercise("12.7", points=1)
def test_4_it_is_an_average(learner):
    """The weights lie between those that the network had on its way, and are those of no single moment; the average reads well."""
    batches, test = batches_of(*[12] * 16, seed=5), sorted_test()
    got = trained(learner, "clinic_4", batches, [test], {"path": True})
    words = "Which moment of the training do all weights come from? An average comes from none."
    assert_close(got["those of one moment"], "none", message=words)
    assert got["among those on the way"], "A weight lies outside of all values that it had on its way: no average does."
    assert_reads(got["logits"][0], test[1], "The average")


def once_a_step(batches, steps, momentum):
    """Running mean and variance of a first normalization that moves once a step, in PyTorch's convention."""
    mean, var = 0.0, 1.0
    for step in range(steps):
        x = batches[step % len(batches)][0].astype(np.float64)
        x = np.moveaxis(x, 1, 0).reshape(x.shape[1], -1)
        mean, var = mean + momentum * (x.mean(1) - mean), var + momentum * (x.var(1, ddof=1) - var)
    return mean, var


def assert_counted_once(got):
    assert got["counts"], "No normalization with num_batches_tracked is left."
    words = "num_batches_tracked is not the number of steps."
    assert_close(got["counts"], [got["steps"]] * len(got["counts"]), message=words)


@exercise("12.8", points=1)
def test_5_moved_once(learner):
    """The running statistics are those of one update a step, and every normalization has counted each step once."""
    batches = batches_of(*[12] * 12, seed=7)
    got = trained(learner, "clinic_5", batches, [], {"momentum": 0.05})
    for name, value in zip(("mean", "variance"), once_a_step(batches, got["steps"], 0.05)):
        distance = [np.abs(vector - value).max() for vector in got["vectors"]]
        nearest = got["vectors"][int(np.argmin(distance))] if distance else None
        words = f"The running {name} of the first normalization is not that of one update a step."
        assert_close(nearest, value, rtol=1e-3, atol=1e-3, message=words)
    assert_counted_once(got)


@exercise("12.8", points=1)
def test_5_saves_memory(learner):
    """Images: each step is counted once, though in every step the network, or a part of it, is computed again inside of backward()."""
    batches, test = batches_of(*[12] * 12, shape=IMAGES, seed=6), sorted_test(IMAGES)
    got = trained(learner, "clinic_5", batches, [test], {"computed again": True})
    assert_counted_once(got)
    assert_reads(got["logits"][0], test[1], "In evaluation mode")
    words = f"Of {got['steps']} steps, no part of the network was computed again inside of backward() in more than"
    assert got["computed again"] >= got["steps"], f"{words} {got['computed again']}: elsewhere all has been kept."


SCANNERS = ((2.0, 1.0), (-6.0, 3.0))


@exercise("12.9", points=1)
def test_6_reads_both_domains(learner):
    """The network reads the samples of each domain in evaluation mode, in sorted batches."""
    batches = batches_of(*[12] * 20, shape=IMAGES, seed=8, scanners=SCANNERS)
    tests = [(*sorted_test(IMAGES, scanner=scanner), domain) for domain, scanner in enumerate(SCANNERS)]
    got = trained(learner, "clinic_6", batches, tests, {})
    for domain, logits in enumerate(got["logits"]):
        assert_reads(logits, tests[domain][1], f"Domain {domain}, sorted by class")


@exercise("12.9", points=1)
def test_6_two_sets_of_statistics(learner):
    """The state dict holds statistics of each domain, two sets for every normalization, and one set of weights."""
    batches = batches_of(*[12] * 20, seed=9, scanners=SCANNERS)
    tests = [(*sorted_test(scanner=scanner), domain) for domain, scanner in enumerate(SCANNERS)]
    got = trained(learner, "clinic_6", batches, tests, {})
    for domain in (0, 1):
        assert near(got, all_of(batches, domain)), f"No statistics in the state dict are near those of domain {domain}."
    assert got["buffers"] >= 2 * got["buffers of one"], "Not every normalization has statistics for both domains."
    assert_close(
        got["matrices"], got["matrices of one"], message="The weights are not one set that serves both domains."
    )
