"""Wrong answers to chapters 8 and 9; the docstring says what is wrong."""

# ruff: noqa: F811  one name has many answers

import copy

import torch
from torch import nn
from torch.nn import functional as F

from tests.course.honest_wrong import wrong


@wrong("8.1", "One normalization serves all layers")
def plain_network(depth, width, in_features, num_classes, batch_norm, activation):
    """One hidden layer and one normalization stand in all places: they share their parameters."""
    hidden = [nn.Linear(width, width)]
    norm = [nn.BatchNorm1d(width)] if batch_norm else []
    first = [nn.Linear(in_features, width), *norm, activation()]
    return nn.Sequential(*first, *(hidden + norm + [activation()]) * (depth - 1), nn.Linear(width, num_classes))


@wrong("8.1", "stand in a plain list")
def plain_network(depth, width, in_features, num_classes, batch_norm, activation):
    """A plain list of layers: parameters() knows the last one alone."""

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.hidden = []
            sizes = [in_features] + [width] * depth
            for i, o in zip(sizes[:-1], sizes[1:]):
                norm = nn.BatchNorm1d(o) if batch_norm else nn.Identity()
                self.hidden.append(nn.Sequential(nn.Linear(i, o), norm, activation()))
            self.out = nn.Linear(width, num_classes)

        def forward(self, x):
            for layer in self.hidden:
                x = layer(x)
            return self.out(x)

    return Net()


@wrong("8.1", "one hidden layer too many")
def plain_network(depth, width, in_features, num_classes, batch_norm, activation):
    """The layer from the input counts as one more, and the normalization stands behind the activation."""
    layers = [nn.Linear(in_features, width), activation()]
    for _ in range(depth):
        layers += [nn.Linear(width, width), activation()]
        if batch_norm:
            layers += [nn.BatchNorm1d(width)]
    layers.append(nn.Linear(width, num_classes))
    return nn.Sequential(*layers)


@wrong("8.2", "gradients that the caller had are lost")
def gradient_norms(model, loss):
    """The gradients are left in .grad, and old ones are deleted."""
    model.zero_grad()
    loss.backward()
    return [p.grad.norm(2).item() for name, p in model.named_parameters() if p.dim() == 2]


@wrong("8.2", "Everything called `weight`")
def gradient_norms(model, loss):
    """Chosen by the name: the gammas of normalizations are called weight, too."""
    weights = [p for name, p in model.named_parameters() if name.endswith("weight")]
    grads = torch.autograd.grad(loss, weights, retain_graph=True)
    return [torch.sqrt((g * g).sum()).item() for g in grads]


@wrong("8.2", "the root is missing")
def gradient_norms(model, loss):
    """The root is missing."""
    weights = [p for p in model.parameters() if p.ndim > 1]
    return [float((g**2).sum()) for g in torch.autograd.grad(loss, weights)]


def walk(sign=-1, restart=True, unit=False):
    """Twins along the gradient, with one or another slip."""

    def losses_and_gradients(model, loss_fn, step_sizes):
        twin = copy.deepcopy(model)
        here = torch.autograd.grad(loss_fn(twin), list(twin.parameters()))
        if unit:
            norm = torch.sqrt(sum((g**2).sum() for g in here))
            here = [g / (norm + 1e-12) for g in here]
        found = []
        for eta in step_sizes:
            if restart:
                twin = copy.deepcopy(model)
            with torch.no_grad():
                for p, g in zip(twin.parameters(), here):
                    p.add_(g, alpha=sign * eta)
            loss = loss_fn(twin)
            found.append((loss.item(), torch.autograd.grad(loss, list(twin.parameters()))))
        return here, found

    return losses_and_gradients


def ranged(**slips):
    def loss_range(model, loss_fn, step_sizes):
        losses = [loss for loss, _ in walk(**slips)(model, loss_fn, step_sizes)[1]]
        return min(losses), max(losses)

    return loss_range


wrong("8.3", "go uphill")(ranged(sign=1))  # walks up the gradient
wrong("8.3", "where the one before ended")(ranged(restart=False))  # each step begins where the last one ended
wrong("8.3", "brought to length 1")(ranged(unit=True))  # the gradient is normalised


@wrong("8.3", "the buffers are not")
def loss_range(model, loss_fn, step_sizes):
    """The parameters and gradients are put back, the buffers are not."""
    parameters = list(model.parameters())
    start = [p.detach().clone() for p in parameters]
    gradients = torch.autograd.grad(loss_fn(model), parameters)
    losses = []
    with torch.no_grad():
        for eta in step_sizes:
            for p, s, g in zip(parameters, start, gradients):
                p.copy_(s - eta * g)
            losses.append(loss_fn(model).item())
        for p, s in zip(parameters, start):
            p.copy_(s)
    return min(losses), max(losses)


def changed(of, **slips):
    def gradient_change(model, loss_fn, step_sizes):
        here, found = walk(**slips)(model, loss_fn, step_sizes)
        return max(of(here, there) for _, there in found)

    return gradient_change


def flat(gradients):
    return torch.cat([g.reshape(-1) for g in gradients])


wrong("8.4", "Only the parameter whose gradient changed most")(
    changed(lambda a, b: max((p - q).norm().item() for p, q in zip(a, b)))
)  # one parameter at a time
wrong("8.4", "lengths of the two gradients")(
    changed(lambda a, b: abs(flat(a).norm() - flat(b).norm()).item())
)  # the norms are compared
wrong("8.4", "where the one before ended")(
    changed(lambda a, b: (flat(a) - flat(b)).norm().item(), restart=False)
)  # the steps add up
wrong("8.4", "divided by the length of the first gradient")(
    changed(lambda a, b: ((flat(a) - flat(b)).norm() / flat(a).norm()).item())
)  # divided by the norm of g


@wrong("8.5", "norm is not squared")
def effective_learning_rate(lr, weight):
    """The norm is not squared."""
    return lr / torch.linalg.norm(weight.detach()).item()


@wrong("8.5", "One rate for each row")
def effective_learning_rate(lr, weight):
    """One number for each filter."""
    return lr / weight.detach().flatten(1).pow(2).sum(1)


@wrong("8.5", "mean of the squares")
def effective_learning_rate(lr, weight):
    """The mean of the squares."""
    return lr / (weight.detach() ** 2).mean().item()


def noise(kinds=nn.modules.batchnorm._BatchNorm, mode=None, dim=0, softmax=False, twin=True):
    """The deviation over the companies, with one or another slip."""

    def prediction_noise(model, image, companions):
        net = copy.deepcopy(model) if twin else model
        if mode is None:
            net.eval()
            for m in net.modules():
                if isinstance(m, kinds):
                    m.train()
        else:
            net.train(mode)
        answers = []
        with torch.no_grad():
            for company in companions:
                logits = net(torch.cat((image.unsqueeze(0), company)))
                answers.append(F.softmax(logits, 1)[0] if softmax else logits[0])
        return torch.stack(answers).std(dim)

    return prediction_noise


wrong("9.1", "dropout too")(noise(mode=True))  # dropout is on
wrong("9.1", "The noise is 0: whatever images")(
    noise(mode=False)
)  # the running statistics are used, the company makes no difference
wrong("9.1", "Only `BatchNorm2d`")(noise(kinds=nn.BatchNorm2d))  # 1d and 3d are left out
wrong("9.1", "These are probabilities")(noise(softmax=True))  # of probabilities
wrong("9.1", "runs over the classes")(noise(dim=1))  # over the classes
wrong("9.1", "they are those of the caller")(noise(twin=False))  # modes and statistics of the model are changed


def shift(mean_square=True, inverted=True, upside_down=False, correction=0, double=True):
    """The ratio of the variances, with one or another slip."""

    def variance_shift(x, p, eps=1e-5):
        x = x.double() if double else x
        axes = [i for i in range(x.dim()) if i != 1]
        mean, var = x.mean(axes), x.var(axes, correction=correction)
        keep = 1 - p
        training = var / keep + p * mean**2 / keep if mean_square else var / keep
        if not inverted:
            training = training * keep**2
        return (var + eps) / (training + eps) if upside_down else (training + eps) / (var + eps)

    return variance_shift


wrong("9.2", "factor 1/(1 - p) alone")(shift(mean_square=False))  # the mean is forgotten: only the variance is scaled
wrong("9.2", "division by 1 - p is missing")(shift(inverted=False))  # dropout without the division by 1 - p
wrong("9.2", "Upside down")(shift(upside_down=True))  # inference over training
wrong("9.2", "divides by m - 1")(shift(correction=1))  # n - 1


@wrong("9.2", "difference of two huge numbers")
def variance_shift(x, p, eps=1e-5):
    """Mean of squares minus square of the mean, in the precision of x."""
    axes = tuple(i for i in range(x.dim()) if i != 1)
    ex, ex2 = x.mean(axes), (x**2).mean(axes)
    return (ex2 / (1 - p) - ex**2 + eps) / (ex2 - ex**2 + eps)
