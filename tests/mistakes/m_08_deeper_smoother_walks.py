"""Known wrong answers to 8.3 and 8.4, each with the sentence that helps: a right walk along the gradient with one part exchanged."""

import copy

import torch
from torch import nn

from bncourse.checking import mistake


def gradients(model, loss_fn):
    return torch.autograd.grad(loss_fn(model), list(model.parameters()))


def move(model, direction, factor):
    with torch.no_grad():
        for parameter, change in zip(model.parameters(), direction):
            parameter += factor * change


def ends(model, loss_fn, step_sizes, direction=None, factors=None):
    """A copy of the model at the end of each step."""
    direction = direction or gradients(copy.deepcopy(model), loss_fn)
    for factor in factors or [-step_size for step_size in step_sizes]:
        twin = copy.deepcopy(model)
        move(twin, direction, factor)
        yield twin


def losses_at(models, loss_fn):
    models = list(models)
    with torch.no_grad():
        return [loss_fn(model).item() for model in models]


def in_range(losses):
    return min(losses), max(losses)


def joined(tensors):
    return torch.cat([tensor.detach().flatten() for tensor in tensors])


def distances_at(models, loss_fn, here, distance=None):
    here = [tensor.detach().clone() for tensor in here]
    distance = distance or (lambda there, here: (joined(there) - joined(here)).norm().item())
    return [distance(gradients(model, loss_fn), here) for model in models]


def by_state_dict(model):
    """Puts parameters and buffers back to what they are now."""
    state = copy.deepcopy(model.state_dict())
    return lambda: model.load_state_dict(state)


# 8.3


@mistake("8.3")
def loss_range(model, loss_fn, step_sizes):
    """The loss at the start is always counted; it counts only if 0 is among the step sizes."""
    return in_range(losses_at([copy.deepcopy(model), *ends(model, loss_fn, step_sizes)], loss_fn))


@mistake("8.3")
def loss_range(model, loss_fn, step_sizes):
    """The steps go uphill: θ + ηg. Down is minus the gradient."""
    return in_range(losses_at(ends(model, loss_fn, step_sizes, factors=list(step_sizes)), loss_fn))


@mistake("8.3")
def loss_range(model, loss_fn, step_sizes):
    """The gradient is brought to length 1 before the step; asked for is the gradient as it is."""
    here = gradients(copy.deepcopy(model), loss_fn)
    length = joined(here).norm()
    return in_range(losses_at(ends(model, loss_fn, step_sizes, [tensor / length for tensor in here]), loss_fn))


@mistake("8.3")
def loss_range(model, loss_fn, step_sizes):
    """Only the sign of the gradient is used; asked for is the gradient as it is."""
    here = gradients(copy.deepcopy(model), loss_fn)
    return in_range(losses_at(ends(model, loss_fn, step_sizes, [tensor.sign() for tensor in here]), loss_fn))


@mistake("8.3")
def loss_range(model, loss_fn, step_sizes):
    """Each step begins where the one before ended. All of them begin at the same start: go back after each."""
    sums = [-sum(step_sizes[: number + 1]) for number in range(len(step_sizes))]
    return in_range(losses_at(ends(model, loss_fn, step_sizes, factors=sums), loss_fn))


@mistake("8.3")
def loss_range(model, loss_fn, step_sizes):
    """This is gradient descent: each step begins where the one before ended and takes a new gradient. Asked for is one line from one start."""
    twin, losses = copy.deepcopy(model), []
    for step_size in step_sizes:
        move(twin, gradients(twin, loss_fn), -step_size)
        losses += losses_at([twin], loss_fn)
    return in_range(losses)


@mistake("8.3")
def loss_range(model, loss_fn, step_sizes):
    """The loss never changes: it is taken before the step, or nothing moves. (`parameter = parameter - step` only makes a new tensor; `parameter -= step` moves.)"""
    return in_range(losses_at([copy.deepcopy(model) for _ in step_sizes], loss_fn))


@mistake("8.3")
def loss_range(model, loss_fn, step_sizes):
    """The answer is (max, min); asked for is (min, max)."""
    return in_range(losses_at(ends(model, loss_fn, step_sizes), loss_fn))[::-1]


@mistake("8.3")
def loss_range(model, loss_fn, step_sizes):
    """You return the width max - min; asked for are both ends, (min, max)."""
    low, high = in_range(losses_at(ends(model, loss_fn, step_sizes), loss_fn))
    return high - low


@mistake("8.3")
def loss_range(model, loss_fn, step_sizes):
    """You return the losses of the first and the last step. Neither need be the smallest or the largest."""
    losses = losses_at(ends(model, loss_fn, step_sizes), loss_fn)
    return losses[0], losses[-1]


@mistake("8.3")
def loss_range(model, loss_fn, step_sizes):
    """You return the losses at the smallest and the largest step size; along the line the loss may go down and up again."""
    losses = losses_at(ends(model, loss_fn, sorted(step_sizes)), loss_fn)
    return in_range([losses[0], losses[-1]])


@mistake("8.3")
def loss_range(model, loss_fn, step_sizes):
    """You return all losses; asked for are the smallest and the largest."""
    return tuple(losses_at(ends(model, loss_fn, step_sizes), loss_fn))


@mistake("8.3")
def loss_range(model, loss_fn, step_sizes):
    """Only parameters with two axes move. θ is all parameters: biases, γ and β move too."""
    here = gradients(copy.deepcopy(model), loss_fn)
    moved = [tensor if tensor.dim() == 2 else 0 * tensor for tensor in here]
    return in_range(losses_at(ends(model, loss_fn, step_sizes, moved), loss_fn))


@mistake("8.3")
def loss_range(model, loss_fn, step_sizes):
    """γ and β of the normalizations stay behind. θ is all parameters, so they move too."""
    here, names = gradients(copy.deepcopy(model), loss_fn), []
    for module in model.modules():
        names += [isinstance(module, nn.BatchNorm1d)] * len(list(module.parameters(recurse=False)))
    moved = [0 * tensor if stays else tensor for tensor, stays in zip(here, names)]
    return in_range(losses_at(ends(model, loss_fn, step_sizes, moved), loss_fn))


@mistake("8.3")
def loss_range(model, loss_fn, step_sizes):
    """A copy moves, but `loss_fn` is called with the model that stayed: the loss never changes, and its running statistics do."""
    losses = []
    for _ in ends(model, loss_fn, step_sizes):
        losses.append(loss_fn(model).item())
    return in_range(losses)


@mistake("8.3")
def loss_range(model, loss_fn, step_sizes):
    """Evaluation mode is switched on for the way: normalizations then use their running statistics instead of the batch."""
    twin = copy.deepcopy(model).eval()
    return in_range(losses_at(ends(twin, loss_fn, step_sizes), loss_fn))


@mistake("8.3")
def loss_range(model, loss_fn, step_sizes):
    """Training mode is switched on for the way: normalizations then use the batch instead of their running statistics."""
    twin = copy.deepcopy(model).train()
    return in_range(losses_at(ends(twin, loss_fn, step_sizes), loss_fn))


@mistake("8.3")
def loss_range(model, loss_fn, step_sizes):
    """Nothing is put back: the model stays where the last step led."""
    here, at, losses = gradients(model, loss_fn), 0.0, []
    for step_size in step_sizes:
        move(model, here, at - step_size)
        at = step_size
        losses += losses_at([model], loss_fn)
    return in_range(losses)


@mistake("8.3")
def loss_range(model, loss_fn, step_sizes):
    """`model.state_dict()` hands out the model's own tensors, which move with it: loading them puts nothing back, so each step begins where the last one ended. `copy.deepcopy` the state first."""
    state, losses = model.state_dict(), []
    here = gradients(model, loss_fn)
    for step_size in step_sizes:
        move(model, here, -step_size)
        losses += losses_at([model], loss_fn)
        model.load_state_dict(state)
    return in_range(losses)


@mistake("8.3")
def loss_range(model, loss_fn, step_sizes):
    """The way back is taken by adding what was subtracted. Rounding leaves other bits behind: keep copies of the parameters and put them back."""
    restore = {name: buffer.clone() for name, buffer in model.named_buffers()}
    here, losses = gradients(model, loss_fn), []
    for step_size in step_sizes:
        move(model, here, -step_size)
        losses += losses_at([model], loss_fn)
        move(model, here, step_size)
    for name, buffer in model.named_buffers():
        buffer.copy_(restore[name])
    return in_range(losses)


@mistake("8.3")
def loss_range(model, loss_fn, step_sizes):
    """The parameters are put back, the buffers are not: each time the model ran in training mode, its running statistics moved."""
    start, losses = [parameter.detach().clone() for parameter in model.parameters()], []
    here = gradients(model, loss_fn)
    for step_size in step_sizes:
        with torch.no_grad():
            for parameter, value, gradient in zip(model.parameters(), start, here):
                parameter.copy_(value - step_size * gradient)
        losses += losses_at([model], loss_fn)
    with torch.no_grad():
        for parameter, value in zip(model.parameters(), start):
            parameter.copy_(value)
    return in_range(losses)


@mistake("8.3")
def loss_range(model, loss_fn, step_sizes):
    """Everything is put back but what is no float: num_batches_tracked has counted your visits."""
    floats = {name: value.clone() for name, value in model.state_dict().items() if value.is_floating_point()}
    here, losses = gradients(model, loss_fn), []
    for step_size in step_sizes:
        move(model, here, -step_size)
        losses += losses_at([model], loss_fn)
        model.load_state_dict(floats, strict=False)
    return in_range(losses)


@mistake("8.3")
def loss_range(model, loss_fn, step_sizes):
    """The state is put back after each step, but kept too late: taking the first gradient has moved the running statistics already."""
    here = gradients(model, loss_fn)
    put_back, losses = by_state_dict(model), []
    for step_size in step_sizes:
        move(model, here, -step_size)
        losses += losses_at([model], loss_fn)
        put_back()
    return in_range(losses)


@mistake("8.3")
def loss_range(model, loss_fn, step_sizes):
    """`backward` adds to the gradients that are there already: you walk along a sum, and the caller's `.grad` are changed. `torch.autograd.grad` touches none."""
    put_back, losses = by_state_dict(model), []
    loss_fn(model).backward()
    here = [parameter.grad.clone() for parameter in model.parameters()]
    put_back()
    for step_size in step_sizes:
        move(model, here, -step_size)
        losses += losses_at([model], loss_fn)
        put_back()
    return in_range(losses)


@mistake("8.3")
def loss_range(model, loss_fn, step_sizes):
    """`zero_grad` and `backward` take the right gradient, but the `.grad` that the caller had are lost. `torch.autograd.grad` touches none."""
    put_back, losses = by_state_dict(model), []
    model.zero_grad()
    loss_fn(model).backward()
    here = [parameter.grad.clone() for parameter in model.parameters()]
    put_back()
    for step_size in step_sizes:
        move(model, here, -step_size)
        losses += losses_at([model], loss_fn)
        put_back()
    return in_range(losses)


@mistake("8.3")
def loss_range(model, loss_fn, step_sizes):
    """Everything is right, but the model is left in evaluation mode."""
    answer = in_range(losses_at(ends(model, loss_fn, step_sizes), loss_fn))
    model.eval()
    return answer


@mistake("8.3")
def loss_range(model, loss_fn, step_sizes):
    """Everything is right, but the model is left in training mode."""
    answer = in_range(losses_at(ends(model, loss_fn, step_sizes), loss_fn))
    model.train()
    return answer


# 8.4


@mistake("8.4")
def gradient_change(model, loss_fn, step_sizes):
    """The distance is divided by the length of the first gradient. That compares networks well; asked for is the distance itself."""
    here = gradients(copy.deepcopy(model), loss_fn)
    return max(distances_at(ends(model, loss_fn, step_sizes, here), loss_fn, here)) / joined(here).norm().item()


@mistake("8.4")
def gradient_change(model, loss_fn, step_sizes):
    """The distance is divided by the length of the step: that is the effective β-smoothness. Asked for is the distance itself."""
    here = gradients(copy.deepcopy(model), loss_fn)
    found = distances_at(ends(model, loss_fn, step_sizes, here), loss_fn, here)
    length = joined(here).norm().item()
    return max(one / (abs(step_size) * length + 1e-30) for one, step_size in zip(found, step_sizes))


@mistake("8.4")
def gradient_change(model, loss_fn, step_sizes):
    """You subtract the lengths of the two gradients. A gradient that turns round keeps its length: take the length of the difference."""
    here = gradients(copy.deepcopy(model), loss_fn)
    distance = lambda there, here: abs(joined(there).norm() - joined(here).norm()).item()
    return max(distances_at(ends(model, loss_fn, step_sizes, here), loss_fn, here, distance))


@mistake("8.4")
def gradient_change(model, loss_fn, step_sizes):
    """The squares are summed, but the root is missing."""
    here = gradients(copy.deepcopy(model), loss_fn)
    return max(distances_at(ends(model, loss_fn, step_sizes, here), loss_fn, here)) ** 2


@mistake("8.4")
def gradient_change(model, loss_fn, step_sizes):
    """A norm is taken of each parameter and the norms are added. One root over all squares is asked for."""
    here = gradients(copy.deepcopy(model), loss_fn)
    distance = lambda there, here: sum((one - other).norm() for one, other in zip(there, here)).item()
    return max(distances_at(ends(model, loss_fn, step_sizes, here), loss_fn, here, distance))


@mistake("8.4")
def gradient_change(model, loss_fn, step_sizes):
    """Only the parameter whose gradient changed most is counted; the norm goes over all parameters together."""
    here = gradients(copy.deepcopy(model), loss_fn)
    distance = lambda there, here: max((one - other).norm().item() for one, other in zip(there, here))
    return max(distances_at(ends(model, loss_fn, step_sizes, here), loss_fn, here, distance))


@mistake("8.4")
def gradient_change(model, loss_fn, step_sizes):
    """The entry that changed most is taken, the largest absolute difference; asked for is the L2 norm, the root of all squares."""
    here = gradients(copy.deepcopy(model), loss_fn)
    distance = lambda there, here: (joined(there) - joined(here)).abs().max().item()
    return max(distances_at(ends(model, loss_fn, step_sizes, here), loss_fn, here, distance))


@mistake("8.4")
def gradient_change(model, loss_fn, step_sizes):
    """Absolute differences are summed, the L1 norm; asked for is the L2 norm, the root of all squares."""
    here = gradients(copy.deepcopy(model), loss_fn)
    distance = lambda there, here: (joined(there) - joined(here)).abs().sum().item()
    return max(distances_at(ends(model, loss_fn, step_sizes, here), loss_fn, here, distance))


@mistake("8.4")
def gradient_change(model, loss_fn, step_sizes):
    """The root of the mean of squares is taken; the L2 norm is the root of their sum."""
    here = gradients(copy.deepcopy(model), loss_fn)
    distance = lambda there, here: (joined(there) - joined(here)).square().mean().sqrt().item()
    return max(distances_at(ends(model, loss_fn, step_sizes, here), loss_fn, here, distance))


@mistake("8.4")
def gradient_change(model, loss_fn, step_sizes):
    """You return the distances averaged over the step sizes; asked for is the largest."""
    here = gradients(copy.deepcopy(model), loss_fn)
    found = distances_at(ends(model, loss_fn, step_sizes, here), loss_fn, here)
    return sum(found) / len(found)


@mistake("8.4")
def gradient_change(model, loss_fn, step_sizes):
    """You return the smallest distance; asked for is the largest."""
    here = gradients(copy.deepcopy(model), loss_fn)
    return min(distances_at(ends(model, loss_fn, step_sizes, here), loss_fn, here))


@mistake("8.4")
def gradient_change(model, loss_fn, step_sizes):
    """You return the distance of the last step; it need not be the largest."""
    here = gradients(copy.deepcopy(model), loss_fn)
    return distances_at(ends(model, loss_fn, step_sizes, here), loss_fn, here)[-1]


@mistake("8.4")
def gradient_change(model, loss_fn, step_sizes):
    """You return the distance at the largest step size; the gradient may change more on the way there."""
    here = gradients(copy.deepcopy(model), loss_fn)
    return distances_at(ends(model, loss_fn, [max(step_sizes)], here), loss_fn, here)[0]


@mistake("8.4")
def gradient_change(model, loss_fn, step_sizes):
    """You return all distances; asked for is the largest."""
    here = gradients(copy.deepcopy(model), loss_fn)
    return distances_at(ends(model, loss_fn, step_sizes, here), loss_fn, here)


@mistake("8.4")
def gradient_change(model, loss_fn, step_sizes):
    """You return the longest gradient at the ends of the steps; asked for is how far it is from the gradient at the start."""
    here = gradients(copy.deepcopy(model), loss_fn)
    return max(distances_at(ends(model, loss_fn, step_sizes, here), loss_fn, [0 * tensor for tensor in here]))


@mistake("8.4")
def gradient_change(model, loss_fn, step_sizes):
    """You return how far the parameters moved, step size times gradient; asked for is how far the gradient moved."""
    length = joined(gradients(copy.deepcopy(model), loss_fn)).norm().item()
    return max(abs(step_size) * length for step_size in step_sizes)


@mistake("8.4")
def gradient_change(model, loss_fn, step_sizes):
    """You return how much the loss changed; asked for is how much its gradient did."""
    start, *losses = losses_at([copy.deepcopy(model), *ends(model, loss_fn, step_sizes)], loss_fn)
    return max(abs(loss - start) for loss in losses)


@mistake("8.4")
def gradient_change(model, loss_fn, step_sizes):
    """The steps go uphill: θ + ηg. Down is minus the gradient."""
    here = gradients(copy.deepcopy(model), loss_fn)
    return max(distances_at(ends(model, loss_fn, step_sizes, here, list(step_sizes)), loss_fn, here))


@mistake("8.4")
def gradient_change(model, loss_fn, step_sizes):
    """The gradient is brought to length 1 before the step; asked for is the gradient as it is."""
    here = gradients(copy.deepcopy(model), loss_fn)
    unit = [tensor / (joined(here).norm() + 1e-30) for tensor in here]
    return max(distances_at(ends(model, loss_fn, step_sizes, unit), loss_fn, here))


@mistake("8.4")
def gradient_change(model, loss_fn, step_sizes):
    """Each step begins where the one before ended. All of them begin at the same start: go back after each."""
    here = gradients(copy.deepcopy(model), loss_fn)
    sums = [-sum(step_sizes[: number + 1]) for number in range(len(step_sizes))]
    return max(distances_at(ends(model, loss_fn, step_sizes, here, sums), loss_fn, here))


@mistake("8.4")
def gradient_change(model, loss_fn, step_sizes):
    """This is gradient descent: each step begins where the one before ended and takes a new gradient. Asked for is one line from one start."""
    twin, found = copy.deepcopy(model), []
    here = gradients(twin, loss_fn)
    for step_size in step_sizes:
        move(twin, gradients(twin, loss_fn), -step_size)
        found += distances_at([twin], loss_fn, here)
    return max(found)


@mistake("8.4")
def gradient_change(model, loss_fn, step_sizes):
    """The first gradient is kept without a copy: the second backward writes into the same tensors, and the distance is 0. `clone` it, or use `torch.autograd.grad`."""
    twin = copy.deepcopy(model)
    for parameter in twin.parameters():
        parameter.grad = torch.zeros_like(parameter)
    loss_fn(twin).backward()
    here = [parameter.grad for parameter in twin.parameters()]
    found = []
    for step_size in step_sizes:
        move(twin, here, -step_size)
        twin.zero_grad(set_to_none=False)
        loss_fn(twin).backward()
        found.append(max((parameter.grad - before).norm().item() for parameter, before in zip(twin.parameters(), here)))
    return max(found)


@mistake("8.4")
def gradient_change(model, loss_fn, step_sizes):
    """The second `backward` adds to the first gradient, since nothing empties `.grad` between: the difference is the second gradient itself, or a sum of several."""
    put_back, found = by_state_dict(model), []
    grads = [None if parameter.grad is None else parameter.grad.clone() for parameter in model.parameters()]
    model.zero_grad()
    loss_fn(model).backward()
    here = [parameter.grad.clone() for parameter in model.parameters()]
    put_back()
    for step_size in step_sizes:
        move(model, here, -step_size)
        loss_fn(model).backward()
        found.append((joined(parameter.grad for parameter in model.parameters()) - joined(here)).norm().item())
        put_back()
    for parameter, grad in zip(model.parameters(), grads):
        parameter.grad = grad
    return max(found)


@mistake("8.4")
def gradient_change(model, loss_fn, step_sizes):
    """Only parameters with two axes count and move. θ is all parameters: biases, γ and β too."""
    here = gradients(copy.deepcopy(model), loss_fn)
    kept = [tensor.dim() == 2 for tensor in here]
    moved = [tensor if keep else 0 * tensor for tensor, keep in zip(here, kept)]
    distance = lambda there, here: joined(
        [one - other for one, other, keep in zip(there, here, kept) if keep] or [torch.zeros(1)]
    ).norm().item()  # fmt: skip
    return max(distances_at(ends(model, loss_fn, step_sizes, moved), loss_fn, here, distance))


@mistake("8.4")
def gradient_change(model, loss_fn, step_sizes):
    """All parameters move, but only the gradients of those with two axes are compared: biases, γ and β count too."""
    here = gradients(copy.deepcopy(model), loss_fn)
    distance = lambda there, here: joined(
        [one - other for one, other in zip(there, here) if one.dim() == 2] or [torch.zeros(1)]
    ).norm().item()  # fmt: skip
    return max(distances_at(ends(model, loss_fn, step_sizes, here), loss_fn, here, distance))


@mistake("8.4")
def gradient_change(model, loss_fn, step_sizes):
    """Evaluation mode is switched on for the way: normalizations then use their running statistics instead of the batch."""
    twin = copy.deepcopy(model).eval()
    here = gradients(twin, loss_fn)
    return max(distances_at(ends(twin, loss_fn, step_sizes, here), loss_fn, here))


@mistake("8.4")
def gradient_change(model, loss_fn, step_sizes):
    """Training mode is switched on for the way: normalizations then use the batch instead of their running statistics."""
    twin = copy.deepcopy(model).train()
    here = gradients(copy.deepcopy(twin), loss_fn)
    return max(distances_at(ends(twin, loss_fn, step_sizes, here), loss_fn, here))


@mistake("8.4")
def gradient_change(model, loss_fn, step_sizes):
    """Nothing is put back: the model stays where the last step led."""
    here, at, found = gradients(model, loss_fn), 0.0, []
    for step_size in step_sizes:
        move(model, here, at - step_size)
        at = step_size
        found += distances_at([model], loss_fn, here)
    return max(found)


@mistake("8.4")
def gradient_change(model, loss_fn, step_sizes):
    """The parameters are put back, the buffers are not: each time the model ran in training mode, its running statistics moved."""
    start, found = [parameter.detach().clone() for parameter in model.parameters()], []
    here = gradients(model, loss_fn)
    for step_size in step_sizes:
        move(model, here, -step_size)
        found += distances_at([model], loss_fn, here)
        with torch.no_grad():
            for parameter, value in zip(model.parameters(), start):
                parameter.copy_(value)
    return max(found)


@mistake("8.4")
def gradient_change(model, loss_fn, step_sizes):
    """The way back is taken by adding what was subtracted. Rounding leaves other bits behind: keep copies of the parameters and put them back."""
    buffers = [buffer.clone() for buffer in model.buffers()]
    here, found = gradients(model, loss_fn), []
    for step_size in step_sizes:
        move(model, here, -step_size)
        found += distances_at([model], loss_fn, here)
        move(model, here, step_size)
    for buffer, value in zip(model.buffers(), buffers):
        buffer.copy_(value)
    return max(found)


@mistake("8.4")
def gradient_change(model, loss_fn, step_sizes):
    """`zero_grad` and `backward` take the right gradients, but the `.grad` that the caller had are lost. `torch.autograd.grad` touches none."""
    put_back, found = by_state_dict(model), []

    def fresh():
        model.zero_grad()
        loss_fn(model).backward()
        return joined(parameter.grad for parameter in model.parameters()).clone()

    vector = fresh()
    here = [parameter.grad.clone() for parameter in model.parameters()]
    put_back()
    for step_size in step_sizes:
        move(model, here, -step_size)
        found.append((fresh() - vector).norm().item())
        put_back()
    return max(found)


@mistake("8.4")
def gradient_change(model, loss_fn, step_sizes):
    """Everything is right, but the model is left in evaluation mode."""
    here = gradients(copy.deepcopy(model), loss_fn)
    answer = max(distances_at(ends(model, loss_fn, step_sizes, here), loss_fn, here))
    model.eval()
    return answer


# Two slips that come together


def _by_hand(model, loss_fn, step_sizes, visit):
    """What a first attempt does: backward, steps on the model itself, parameters put back."""
    model.zero_grad()
    loss_fn(model).backward()
    start = [parameter.detach().clone() for parameter in model.parameters()]
    here = [parameter.grad.clone() for parameter in model.parameters()]
    found = []
    for step_size in step_sizes:
        move(model, here, -step_size)
        found.append(visit(here))
        with torch.no_grad():
            for parameter, value in zip(model.parameters(), start):
                parameter.copy_(value)
    return found


@mistake("8.3")
def loss_range(model, loss_fn, step_sizes):
    """Two things stay behind: your gradients in `.grad`, where the caller had others, and the running statistics, which move whenever the model runs in training mode. A copy of the model solves both."""
    return in_range(_by_hand(model, loss_fn, step_sizes, lambda here: loss_fn(model).item()))


@mistake("8.4")
def gradient_change(model, loss_fn, step_sizes):
    """Two things stay behind: your gradients in `.grad`, where the caller had others, and the running statistics, which move whenever the model runs in training mode. A copy of the model solves both."""

    def visit(here):
        model.zero_grad()
        loss_fn(model).backward()
        return (joined(parameter.grad for parameter in model.parameters()) - joined(here)).norm().item()

    return max(_by_hand(model, loss_fn, step_sizes, visit))
