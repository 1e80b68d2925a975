"""What a right answer to chapter 6 must satisfy. Oracles: exact turns and sampled formulas, and training in the open."""

import math
from types import SimpleNamespace

import numpy as np
import torch

from bncourse.checking import assert_close, exercise, guide
from bncourse.checking.properties import given, st

# 6.1 relight_and_rotate

guide(
    "6.1",
    hints=[
        "Light first: `images ** gammas.view(-1, 1, 1, 1)` raises each image to its own power.",
        "F.affine_grid takes one 2x3 matrix an image, (N, 2, 3). For square images its left part is the rotation [[cos, -sin], [sin, cos]].",
        "A step of 1 in the grid is W/2 pixels to the right but H/2 pixels down. The entry that turns y into x is therefore -sin · H/W, the "
        "one that turns x into y is sin · W/H.",
    ],
)


def relit_and_turned(answers, images, gammas, degrees):
    """The answer's result for tensors that share the memory of these arrays."""
    import torch

    return answers.relight_and_rotate(*map(torch.from_numpy, (images, gammas, degrees)))


def arrays(images, gammas, degrees, dtype=np.float32):
    return [np.asarray(values).astype(dtype) for values in (images, gammas, degrees)]


def pictures(count, height, width, seed=0):
    return np.random.default_rng(seed).uniform(0.05, 0.95, (count, 1, height, width))


@exercise("6.1", points=1)
def test_each_image_has_a_light_of_its_own(learner):
    """With an angle of 0 each image is raised to its own gamma; black stays black, and white white."""
    ramp = np.array([[0.0, 0.25], [0.5, 1.0]])
    for gammas in ([2.0], [1.0], [0.5, 3.0], [0.3, 1.0, 4.0]):
        images = np.stack([ramp[None]] * len(gammas))
        got = learner.run(relit_and_turned, *arrays(images, gammas, 0.0 * np.array(gammas)))
        assert_close(got, images ** np.reshape(gammas, (-1, 1, 1, 1)), rtol=1e-4, atol=1e-4)


@exercise("6.1", points=1)
def test_half_a_turn_and_none(learner):
    """180 degrees turn an image upside down, 360 degrees leave it as it is, for wide and for high images too."""
    for shape in [(2, 2), (3, 3), (2, 4), (5, 3), (4, 7)]:
        images = pictures(2, *shape)
        got = learner.run(relit_and_turned, *arrays(images, [1.0, 1.0], [180.0, 360.0]))
        assert_close(got, np.stack([images[0, :, ::-1, ::-1], images[1]]), rtol=1e-3, atol=1e-3)


def turned(answers, images, gammas, degrees, inside):
    """The answer's images where `inside` is 1; positive degrees turn clockwise, whatever direction the answer has."""
    import torch

    images, gammas, degrees, inside = map(torch.from_numpy, (images, gammas, degrees, inside))
    corner, one = torch.zeros(1, 1, 3, 3, dtype=images.dtype), torch.ones(1, dtype=images.dtype)
    corner[0, 0, 0, 0] = 1
    quarter = answers.relight_and_rotate(corner, one, 90 * one)
    clockwise = bool(quarter[0, 0, 0, -1] >= quarter[0, 0, -1, 0])
    got = answers.relight_and_rotate(images, gammas, degrees if clockwise else -degrees)
    shape = list(got.shape)
    return {"shape": shape, "inside": torch.as_tensor(got) * inside if shape == list(images.shape) else None}


def assert_turned(learner, images, degrees, expected, inside, atol):
    """Images of gamma 1, turned clockwise, are as expected where `inside` is 1."""
    given = arrays(images, np.ones(len(images)), degrees)
    got = learner.run(turned, *given, inside.astype(np.float32))
    assert_close(got["shape"], list(np.shape(images)), message="The result has another shape than the images.")
    assert_close(got["inside"], expected * inside, rtol=0, atol=atol)


@exercise("6.1", points=2)
def test_a_quarter_of_a_turn(learner):
    """90 degrees turn the square in the middle of an image, pixel by pixel, whatever the sides of the image; -90 turn the other way."""
    for height, width in [(3, 3), (4, 4), (4, 6), (8, 4), (5, 9)]:
        images, side = pictures(2, height, width), min(height, width)
        top, left = (height - side) // 2, (width - side) // 2
        inside, expected = np.zeros((height, width)), np.zeros(images.shape)
        square = np.s_[..., top : top + side, left : left + side]
        inside[square] = 1
        expected[square] = np.stack([np.rot90(images[square][n], k, (1, 2)) for n, k in enumerate((-1, 1))])
        assert_turned(learner, images, [90.0, -90.0], expected, inside, atol=1e-3)


def blob(height, width, degrees):
    """A bright spot beside the centre, turned clockwise as a picture on paper is turned: a formula, not an image."""
    angle = math.radians(degrees)
    down, right = np.mgrid[:height, :width] - np.reshape([(height - 1) / 2, (width - 1) / 2], (2, 1, 1))
    x = math.cos(angle) * right + math.sin(angle) * down
    y = -math.sin(angle) * right + math.cos(angle) * down
    spot = np.exp(-((x - 5) ** 2 / (2 * 7**2) + (y + 2) ** 2 / (2 * 4**2)))
    return (0.1 + 0.8 * spot)[None], right**2 + down**2 <= (min(height, width) / 2 - 1.5) ** 2


@exercise("6.1", points=2)
def test_any_angle_turns_and_does_not_shear(learner):
    """Images of any sides are turned by their own angles about their centres: inside the largest circle all pixels are right."""
    for height, width, degrees in [(21, 21, [30.0, -30.0]), (17, 29, [50.0, -20.0, 130.0]), (29, 19, [-75.0, 20.0])]:
        plain, inside = blob(height, width, 0)
        expected = np.stack([blob(height, width, angle)[0] for angle in degrees])
        assert_turned(learner, [plain] * len(degrees), degrees, expected, inside, atol=0.075)


@exercise("6.1", points=1)
@given(st.integers(1, 3), st.sampled_from([(2, 2), (2, 4), (6, 4)]), st.integers(0, 99))
def test_light_and_angle_together(learner, count, shape, seed):
    """Any number of images, each with a gamma and half turns of its own; float64 too; no argument is changed."""
    generator = np.random.default_rng(seed)
    images, gammas = pictures(count, *shape, seed=seed), generator.uniform(0.4, 2.5, count)
    halves = generator.integers(-1, 3, count)
    expected = np.stack([image if half % 2 == 0 else image[:, ::-1, ::-1] for image, half in zip(images, halves)])
    got = learner.run(relit_and_turned, *arrays(images, gammas, 180.0 * halves, np.float64))
    assert_close(got, expected ** gammas.reshape(-1, 1, 1, 1), rtol=1e-3, atol=1e-3)
    assert not learner.changed, f"The call changed its argument {learner.changed[0]}."


# 6.2 make_cnn

guide(
    "6.2",
    hints=[
        "A helper that returns the list [nn.Conv2d(...), nn.BatchNorm2d(...), nn.ReLU()] keeps both networks alike; nn.Sequential(*list) takes it.",
        "bias=not batch_norm says it in three words.",
        "nn.AdaptiveAvgPool2d(1) makes (N, C, 1, 1) of feature maps of any size; nn.Flatten() and nn.Linear(C, num_classes) follow.",
    ],
)


def looked_at(answers, num_classes, batch_norm, height, width):
    """What can be said of a new network without knowing how deep or wide it is."""
    import torch
    from torch import nn

    def share(flags):
        flags = list(flags)
        return "none" if not any(flags) else "every" if all(flags) else "some"

    torch.manual_seed(0)
    model = answers.make_cnn(num_classes, batch_norm)
    generator = torch.Generator().manual_seed(1)
    x = torch.rand(8, 1, height, width, generator=generator) * torch.linspace(0.2, 1, 8).view(-1, 1, 1, 1)
    leaves = [module for module in model.modules() if not list(module.children())]
    norms = [module for module in leaves if "norm" in type(module).__name__.lower()]
    calls = []
    for module in leaves:
        if module in norms or isinstance(module, (nn.Conv2d, nn.Linear)):
            module.register_forward_hook(
                lambda module, inputs, output: calls.append(
                    (module, inputs[0].detach().clone(), output.detach().clone())
                )
            )
    found = {"training mode": all(module.training for module in model.modules())}
    logits = model(x)
    weighted = [call for call in calls if isinstance(call[0], (nn.Conv2d, nn.Linear))]
    convolutions = [call for call in weighted[:-1] if isinstance(call[0], nn.Conv2d)]
    normalised = [call for call in calls if call[0] in norms]
    found |= {
        "two or more convolutions": len(convolutions) > 1,
        "a bias": share(call[0].bias is not None for call in convolutions),
        "normalization": share(any(torch.equal(call[2], norm[1]) for norm in normalised) for call in convolutions),
        "what is normalised comes from a convolution": share(
            any(torch.equal(norm[1], call[2]) for call in convolutions) for norm in normalised
        ),
        "normalization of its own": len({norm[0] for norm in normalised}) == len(normalised),
        "normalised over the batch": share(
            norm[2].dim() == 4
            and bool(norm[2].mean((0, 2, 3)).abs().max() < 1e-3)
            and bool(norm[2].mean((2, 3)).abs().max() > 1e-2)
            for norm in normalised
        ),
        "each image normalised": share(
            norm[2].dim() == 4 and bool(norm[2].mean((2, 3)).abs().max() < 1e-3) for norm in normalised
        ),
        "gamma and beta": share(len(list(norm[0].parameters())) == 2 for norm in normalised),
        "layers that get negative values": share(bool((call[1] < 0).any()) for call in weighted[1:]),
    }
    if logits.requires_grad:
        (logits * torch.randn(logits.shape, generator=generator)).sum().backward()
    found["parameters without a gradient"] = any(
        parameter.grad is None or not parameter.grad.any() for parameter in model.parameters()
    )
    model.eval()
    with torch.no_grad():
        together, alone = model(x), model(x[:1])
        found["logits"] = [list(logits.shape), list(alone.shape)]
        found["an image depends on its batch at inference"] = not torch.allclose(
            together[:1], alone, rtol=1e-3, atol=1e-4
        )
        for parameter in weighted[-1][0].parameters():
            parameter *= 3
        found["nothing follows the last layer"] = torch.allclose(model(x), 3 * together, rtol=1e-3, atol=1e-4)
    ids = {id(parameter) for parameter in model.parameters()}
    found["shared with another network"] = any(
        id(parameter) in ids for parameter in answers.make_cnn(num_classes, batch_norm).parameters()
    )
    return found


def shapes_of_convolutions(answers, batch_norm):
    """Shapes of the convolutions' weights, in the order in which they run."""
    import torch
    from torch import nn

    shapes, model = [], answers.make_cnn(2, batch_norm)
    for module in model.modules():
        if isinstance(module, nn.Conv2d):
            module.register_forward_hook(lambda module, inputs, output: shapes.append(list(module.weight.shape)))
    model(torch.rand(2, 1, 12, 12))
    return shapes


def shapes_of_logits(answers, num_classes, sizes):
    """Shapes of what one network puts out for images of several sizes, one size after the other."""
    import torch

    model = answers.make_cnn(num_classes, True)
    return [list(model(torch.rand(2, 1, *size)).shape) for size in sizes]


def assert_found(learner, expected, words, num_classes=2, batch_norm=True, height=24, width=24):
    found = learner.run(looked_at, num_classes, batch_norm, height, width)
    assert_close({name: found.get(name) for name in expected}, expected, message=words)


@exercise("6.2", points=1)
def test_one_logit_a_class(learner):
    """The network turns (N, 1, H, W) into (N, num_classes), one image alone as well, with normalization and without."""
    for batch_norm in (False, True):
        for classes in (2, 3, 10):
            expected = {"logits": [[8, classes], [1, classes]], "two or more convolutions": True}
            assert_found(learner, expected, "The logits have another shape.", classes, batch_norm)


@exercise("6.2", points=1)
def test_images_of_any_size(learner):
    """Images of 28 x 28, 12 x 12 and 13 x 20 go through one and the same kind of network."""
    for height, width in [(28, 28), (12, 12), (13, 20)]:
        expected = {"logits": [[8, 4], [1, 4]], "two or more convolutions": True}
        assert_found(learner, expected, "The logits have another shape.", 4, True, height, width)
    got = learner.run(shapes_of_logits, 4, [(16, 16), (13, 20)])
    assert_close(got, [[2, 4], [2, 4]], message="The logits of one network have another shape.")


@exercise("6.2", points=1)
def test_logits_are_not_squeezed(learner):
    """What the last layer puts out is returned as it is: no softmax, no ReLU, no normalization behind it."""
    for batch_norm in (False, True):
        expected = {"nothing follows the last layer": True, "two or more convolutions": True}
        words = "With the last layer's weights times 3, the network's output is not 3 times what it was."
        assert_found(learner, expected, words, 3, batch_norm)


@exercise("6.2", points=2)
def test_convolution_then_normalization_then_relu(learner):
    """Every convolution of a block is followed at once by a batch normalization of its own, and that by a ReLU."""
    where = {"normalization": "every", "what is normalised comes from a convolution": "every"}
    assert_found(learner, where, "Batch normalization does not stand right behind each convolution.")
    assert_found(learner, {"normalization of its own": True}, "One layer of normalization serves several convolutions.")
    relu = {"layers that get negative values": "none"}
    assert_found(learner, relu, "A later layer gets negative values: a ReLU is missing before it.")


@exercise("6.2", points=1)
def test_no_bias_where_beta_follows(learner):
    """A convolution that normalization follows has no bias."""
    expected = {"a bias": "none", "normalization": "every"}
    assert_found(learner, expected, "Convolutions that normalization follows have a bias.")


@exercise("6.2", points=1)
def test_normalization_has_all_its_parts(learner):
    """It normalises each channel over the batch, has γ and β, and running statistics for inference."""
    kind = {"normalised over the batch": "every"}
    assert_found(learner, kind, "In training, each channel should have mean 0 over the batch, but not in each image.")
    parts = {"gamma and beta": "every", "an image depends on its batch at inference": False}
    assert_found(learner, parts, "γ and β, or the running statistics, are missing.")


@exercise("6.2", points=1)
def test_without_normalization_the_rest_stays(learner):
    """With batch_norm=False the convolutions and ReLUs are the same, have a bias each, and nothing normalises."""
    expected = {"normalization": "none", "normalised over the batch": "none", "a bias": "every"}
    words = "Without normalization, every convolution has a bias and none is followed by normalization."
    assert_found(learner, expected, words, batch_norm=False)
    relu = {"layers that get negative values": "none"}
    assert_found(learner, relu, "A later layer gets negative values: a ReLU is missing before it.", batch_norm=False)
    shapes = learner.run(shapes_of_convolutions, True)
    words = "With and without normalization the convolutions differ in shape or number."
    assert_close(learner.run(shapes_of_convolutions, False), shapes, message=words)


@exercise("6.2", points=1)
def test_a_new_network_ready_to_be_trained(learner):
    """Each call makes a network of its own, in training mode, and a gradient reaches all its parameters."""
    for batch_norm in (True, False):
        expected = {"training mode": True, "parameters without a gradient": False, "shared with another network": False}
        assert_found(learner, expected, "The network cannot be trained as it comes.", 3, batch_norm)


# 6.3 train_epoch

guide(
    "6.3",
    hints=[
        "A step is: loss, zero_grad, backward, step. Where zero_grad stands between the last step and this backward does not matter.",
        "The loss of a batch of n images is a mean over n. Add loss.item() * n, and divide at the end by the number of images you saw.",
        "loss.item() is a plain number. The tensor `loss` holds on to everything it was computed from.",
    ],
)


def after_epochs(answers, batches, settings):
    """Losses that were returned, and what became of a small model."""
    import torch
    from torch import nn

    class Elsewhere(torch.Tensor):
        """A tensor as if on another device: it tells its shape, and comes over with .to(device); no more."""

        @classmethod
        def __torch_function__(cls, function, types, args=(), kwargs=None):
            name, kwargs = getattr(function, "__name__", ""), kwargs or {}
            with torch._C.DisableTorchFunctionSubclass():
                if name in ("to", "cpu"):
                    return function(args[0].as_subclass(torch.Tensor), *args[1:], **kwargs)
                if name in ("size", "dim", "numel", "__len__", "__get__"):
                    return function(*args, **kwargs)
                if name in ("long", "double", "type", "contiguous", "detach"):
                    return function(*args, **kwargs).as_subclass(Elsewhere)
            raise RuntimeError("Expected all tensors to be on the same device, but found at least two devices")

    class Loader:
        def __init__(self):
            self.walks = 0
            self.dataset = range(1000)

        def __len__(self):
            return len(batches)

        def __iter__(self):
            self.walks += 1
            for images, labels in batches:
                pair = torch.from_numpy(images), torch.from_numpy(labels)
                yield [one.as_subclass(Elsewhere) for one in pair] if settings.get("elsewhere") else pair

    torch.manual_seed(0)
    pixels, classes = batches[0][0][0].size, settings.get("classes", 3)
    inner = [nn.BatchNorm1d(pixels)] if settings.get("batch_norm") else []
    inner += [nn.Dropout(0.5)] if settings.get("dropout") else []
    model = nn.Sequential(nn.Flatten(), *inner, nn.Linear(pixels, classes)).double()
    optimizer = torch.optim.SGD(
        model.parameters(), lr=settings.get("rate", 0.5), momentum=settings.get("momentum", 0.0)
    )
    model.train(settings.get("training", True))
    if settings.get("stale"):
        model(torch.ones(2, pixels, dtype=torch.float64)).square().sum().backward()
    loader, losses = Loader(), []
    for _ in range(settings.get("epochs", 1)):
        torch.manual_seed(1)
        given = iter(loader) if settings.get("generator") else loader
        losses.append(answers.train_epoch(model, given, optimizer, torch.device("cpu")))
    return {
        "loss": [float(loss) for loss in losses],
        "parameters": [parameter.detach().numpy() for parameter in model.parameters()],
        "buffers": [buffer.numpy() for buffer in model.buffers()],
        "walks": loader.walks,
        "history": any(getattr(loss, "requires_grad", False) for loss in losses),
    }


def one_epoch(model, loader, optimizer, device):
    """What is asked for, written in another way than the solution: by the sum of the log-likelihoods."""
    model.train()
    losses = []
    for images, labels in loader:
        optimizer.zero_grad(set_to_none=True)
        log_likelihood = model(images.to(device)).log_softmax(1)[torch.arange(len(labels)), labels.to(device)]
        (-log_likelihood.mean()).backward()
        optimizer.step()
        losses += (-log_likelihood.detach()).tolist()
    return sum(losses) / len(losses)


def batches_of(*sizes, seed=0, classes=3, pixels=(1, 2, 2)):
    generator = np.random.default_rng(seed)
    return [(generator.normal(size=(size, *pixels)), generator.integers(0, classes, size)) for size in sizes]


def as_expected(learner, batches, parts, words=None, **settings):
    got = learner.run(after_epochs, batches, settings)
    expected = after_epochs(SimpleNamespace(train_epoch=one_epoch), batches, settings)
    for part in parts:
        assert_close(got[part], expected[part], rtol=1e-5, atol=1e-7, message=words)


@exercise("6.3", points=1)
def test_one_batch_is_one_step(learner):
    """One batch: the parameters take one step of the optimizer down the gradient of the mean cross-entropy, and that is returned."""
    for sizes in ([1], [4]):
        as_expected(learner, batches_of(*sizes), ["loss", "parameters"])


@exercise("6.3", points=1)
def test_each_batch_takes_a_step_of_its_own(learner):
    """Several batches: one step each, in order, each with its own gradient alone."""
    as_expected(learner, batches_of(2, 2), ["parameters"])
    as_expected(learner, batches_of(3, 3, 3, seed=1), ["parameters"])


@exercise("6.3", points=2)
def test_the_mean_over_samples_of_the_losses_before_each_step(learner):
    """Returned is the mean over samples, not over batches, of the losses before the steps: a smaller batch counts less."""
    for sizes in ([2, 2], [3, 1], [4, 4, 2, 1]):
        as_expected(learner, batches_of(*sizes, seed=2), ["loss", "parameters"])


@exercise("6.3", points=1)
def test_an_older_gradient_does_not_leak_in(learner):
    """Gradients that an earlier backward left in the model enter no step."""
    as_expected(learner, batches_of(2, seed=3), ["loss", "parameters"], stale=True)
    as_expected(learner, batches_of(2, 3, seed=3), ["loss", "parameters"], stale=True)


@exercise("6.3", points=1)
def test_training_mode_whatever_the_mode_before(learner):
    """Normalization uses the batch's statistics and moves the running ones, dropout drops, even if the model came in evaluation mode."""
    for training in (True, False):
        as_expected(
            learner, batches_of(4, 3, seed=4), ["loss", "parameters", "buffers"], batch_norm=True, training=training
        )
    as_expected(learner, batches_of(4, 3, seed=5), ["loss", "parameters"], dropout=True, training=False)


@exercise("6.3", points=1)
def test_the_optimizer_that_was_given_over_several_epochs(learner):
    """The steps are those of the given optimizer, whose momentum lives on from epoch to epoch; the loader, which may be a generator, is walked
    through once an epoch."""
    for generator in (True, False):
        settings = {"momentum": 0.9, "rate": 0.1, "epochs": 3, "generator": generator}
        as_expected(learner, batches_of(3, 2, seed=6), ["loss", "parameters", "walks"], **settings)


@exercise("6.3", points=1)
def test_batches_come_to_the_device_and_losses_leave_their_history(learner):
    """Images and labels are moved to the device; what is returned is a number that holds no graph."""
    batches = batches_of(3, 2, seed=7)
    words = "The loss that is returned still holds its graph; .item() makes a plain number of it."
    as_expected(learner, batches, ["history"], words)
    as_expected(learner, batches, ["loss", "parameters"], elsewhere=True)


# 6.4 evaluate

guide(
    "6.4",
    hints=[
        "Three things: model.eval() for the layers, torch.no_grad() for the gradients, and the modes back at the end.",
        "model.train(was_training) sets all modules at once. To give each its own mode back, note them before: "
        "[(module, module.training) for module in model.modules()].",
    ],
)


def after_the_test(answers, weights, statistics, batches, settings):
    """Accuracy that was returned, and every trace that the call left."""
    import torch
    from torch import nn

    class Placed(torch.Tensor):
        """A tensor as if on one of two devices: the loader's, which is the CPU, or the model's, which is called cpu:0."""

        @classmethod
        def __torch_function__(cls, function, types, args=(), kwargs=None):
            name, kwargs = getattr(function, "__name__", ""), kwargs or {}
            kinds = {type(one) for one in flat((args, kwargs)) if isinstance(one, Placed)}
            if name in ("to", "cpu"):
                kinds = {destination(name, [*args[1:], *kwargs.values()], cls)}
            elif len(kinds) > 1:
                raise RuntimeError("Expected all tensors to be on the same device, but found at least two devices")
            elif name in ("numpy", "__array__") and kinds == {OnModelsDevice}:
                raise TypeError("can't convert a device tensor to numpy: use Tensor.cpu() first")
            elif function == torch.Tensor.device.__get__:
                return torch.device("cpu", 0) if cls is OnModelsDevice else torch.device("cpu")
            with torch._C.DisableTorchFunctionSubclass():
                result = function(*args, **kwargs)
            return placed(result, *kinds) if name not in ("__get__", "__set__") else result

    class OnLoadersDevice(Placed):
        pass

    class OnModelsDevice(Placed):
        pass

    def flat(value):
        if isinstance(value, dict):
            value = value.values()
        return (
            [one for part in value for one in flat(part)]
            if isinstance(value, (tuple, list, type({}.values())))
            else [value]
        )

    def placed(result, kind):
        if isinstance(result, torch.Tensor):
            return result.as_subclass(kind)
        return type(result)([placed(one, kind) for one in result]) if type(result) in (tuple, list) else result

    def destination(name, arguments, kind):
        for one in ["cpu"] if name == "cpu" else arguments:
            if isinstance(one, Placed):
                return type(one)
            if isinstance(one, (str, torch.device)):
                return OnLoadersDevice if torch.device(one).index is None else OnModelsDevice
        return kind

    class Entrance(nn.Flatten):
        def forward(self, x):
            if isinstance(x, OnLoadersDevice):
                raise RuntimeError("Expected all tensors to be on the same device, but found at least two devices")
            return super().forward(x.as_subclass(torch.Tensor))

    class Watched(nn.Identity):
        def forward(self, x):
            recording.append(torch.is_grad_enabled())
            return x.as_subclass(OnModelsDevice) if two_devices else x

    class Loader:
        walks, dataset = 0, range(1000)

        def __len__(self):
            return len(batches)

        def __iter__(self):
            Loader.walks += 1
            for images, labels in batches:
                pair = torch.from_numpy(images), torch.from_numpy(labels)
                yield [one.as_subclass(OnLoadersDevice) for one in pair] if two_devices else pair

    recording, loader, two_devices = [], Loader(), settings.get("two devices")
    norm, linear = nn.BatchNorm1d(weights.shape[1]).double(), nn.Linear(*weights.shape[::-1], bias=False).double()
    model = nn.Sequential(Entrance(), norm, nn.Dropout(0.5), nn.Sequential(linear, Watched()))
    with torch.no_grad():
        linear.weight.copy_(torch.from_numpy(weights))
        norm.running_mean.copy_(torch.from_numpy(statistics[0]))
        norm.running_var.copy_(torch.from_numpy(statistics[1]))
    linear.weight.grad = torch.ones_like(linear.weight)
    for module, mode in zip(model.modules(), settings["modes"]):
        module.training = mode

    def state():
        return {
            "modes": [module.training for module in model.modules()],
            "parameters": [parameter.tolist() for parameter in model.parameters()],
            "requires_grad": [parameter.requires_grad for parameter in model.parameters()],
            "running statistics": [buffer.tolist() for buffer in model.buffers()],
            ".grad": [None if parameter.grad is None else parameter.grad.tolist() for parameter in model.parameters()],
            "the gradient switch of PyTorch": torch.is_grad_enabled(),
        }

    torch.manual_seed(0)
    with torch.enable_grad():  # whatever the answer does to this switch, it ends here
        before = state()
        given = iter(loader) if settings.get("generator") else loader
        accuracy = answers.evaluate(model, given, torch.device("cpu", 0) if two_devices else torch.device("cpu"))
        after = state()
    return {
        "accuracy": None if accuracy is None else float(accuracy),
        "changed": sorted(name for name in before if before[name] != after[name]),
        "modes": after["modes"],
        "gradients recorded": any(recording),
        "walks": Loader.walks,
    }


MODES = [
    [True] * 7,
    [False] * 7,
    [True, True, False, True, True, True, True],
    [False, False, False, True, False, False, False],
]


def images_for(*sizes, seed=0, classes=3, pixels=(1, 2, 2)):
    """Weights, running statistics and batches whose accuracy depends on the statistics used."""
    generator = np.random.default_rng(seed)
    size = int(np.prod(pixels))
    weights, mean = generator.normal(size=(classes, size)), generator.normal(0, 2, size)
    statistics = mean, generator.uniform(0.2, 4, size)
    batches = [(generator.normal(size=(n, *pixels)), generator.integers(0, classes, n)) for n in sizes]
    return weights, statistics, batches


def right_accuracy(weights, statistics, batches):
    """One image after the other."""
    mean, var = statistics
    right = [
        int(np.argmax(weights @ ((image.ravel() - mean) / np.sqrt(var + 1e-5))) == label)
        for images, labels in batches
        for image, label in zip(images, labels)
    ]
    return sum(right) / len(right)


def check_accuracy(learner, case, words=None, modes=MODES[0], **settings):
    got = learner.run(after_the_test, *case, {"modes": modes, **settings})
    assert_close(got["accuracy"], right_accuracy(*case), message=words)
    return got


@exercise("6.4", points=1)
def test_share_of_right_answers(learner):
    """For one image the accuracy is 0 or 1; for one batch it is the share of images whose largest logit is their label's."""
    for seed in range(4):
        check_accuracy(learner, images_for(1, seed=seed), modes=MODES[1])
    # With two classes each is the verdict on some images, with logits of either sign.
    for seed, classes in [(53, 2), (66, 2), (11, 3), (12, 5)]:
        check_accuracy(learner, images_for(12, seed=seed, classes=classes), modes=MODES[1])


@exercise("6.4", points=1)
def test_batches_of_different_sizes(learner):
    """Over several batches every image counts the same, whatever the size of its batch; the loader may be a generator."""
    for sizes in ([3, 3], [4, 1], [5, 3, 2]):
        for seed in range(3):
            got = check_accuracy(learner, images_for(*sizes, seed=seed), modes=MODES[1])
            assert_close(got["walks"], 1, message="The loader is walked through more than once.")
    check_accuracy(learner, images_for(5, 3, 2), modes=MODES[1], generator=True)


@exercise("6.4", points=2)
def test_statistics_of_inference_and_no_dropout(learner):
    """Normalization uses its running statistics and dropout is off, in whatever mode the model comes."""
    for modes in MODES:
        for seed in range(3):
            check_accuracy(learner, images_for(8, 3, seed=20 + seed), modes=modes)


@exercise("6.4", points=1)
def test_the_mode_found_is_the_mode_left(learner):
    """A model in training is in training afterwards, one in evaluation stays so."""
    for modes in MODES[:2]:
        got = check_accuracy(learner, images_for(6, seed=30), modes=modes)
        assert_close(got["modes"], modes, message="The model is not in the mode in which it came.")


@exercise("6.4", points=1)
def test_every_module_keeps_its_own_mode(learner):
    """A layer frozen in evaluation mode inside a model in training stays frozen; and one in training inside the other way round."""
    for modes in MODES[2:]:
        got = check_accuracy(learner, images_for(6, seed=31), modes=modes)
        assert_close(got["modes"], modes, message="A module inside the model is not in the mode in which it came.")


@exercise("6.4", points=1)
def test_no_gradient_and_no_trace(learner):
    """No gradient is recorded; parameters, running statistics, .grad and PyTorch's gradient switch are as before."""
    for modes in MODES[:2]:
        got = check_accuracy(learner, images_for(6, 2, seed=32), modes=modes)
        left = [name for name in got["changed"] if name != "modes"]
        assert not left, f"After the call these are no longer as they were: {', '.join(left)}."
        assert_close(got["gradients recorded"], False, message="The model ran with gradients on.")


@exercise("6.4", points=1)
def test_batches_are_moved_to_the_device(learner):
    """Images are moved to the device, and verdicts meet labels on one device, whichever."""
    check_accuracy(learner, images_for(5, 2, seed=33), modes=MODES[1], **{"two devices": True})
