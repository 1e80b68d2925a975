"""Known wrong answers to exercise 8.3, each with the sentence that helps."""

import copy

import torch
from torch import nn

from bncourse.checking import mistake


def gradients(model, loss_fn):
    return torch.autograd.grad(loss_fn(model), list(model.parameters()))


def ends(model, loss_fn, step_sizes, length=1.0):
    """The gradient, and a copy of the model at the end of each step along it, whose sizes are multiplied by `length`."""
    here, models = gradients(copy.deepcopy(model), loss_fn), []
    for step_size in step_sizes:
        models.append(copy.deepcopy(model))
        with torch.no_grad():
            for parameter, gradient in zip(models[-1].parameters(), here):
                parameter -= step_size * length * gradient
    return here, models


def joined(tensors):
    return torch.cat([tensor.detach().flatten() for tensor in tensors])


@mistake("8.3")
def loss_range(model, loss_fn, step_sizes):
    """The step sizes are taken as shares of the length of the weights, the scale-free form of the page. The exercise
    asks for θ - ηg."""
    here = joined(gradients(copy.deepcopy(model), loss_fn))
    unit = joined(model.parameters()).norm() / here.norm()
    losses = [loss_fn(end).item() for end in ends(model, loss_fn, step_sizes, unit)[1]]
    return min(losses), max(losses)


@mistake("8.3")
def loss_range(model, loss_fn, step_sizes):
    """The loss at the start is subtracted from all. The exercise asks for the losses themselves."""
    start = loss_fn(copy.deepcopy(model)).item()
    losses = [loss_fn(end).item() - start for end in ends(model, loss_fn, step_sizes)[1]]
    return min(losses), max(losses)


@mistake("8.3")
def loss_range(model, loss_fn, step_sizes):
    """A parameter that requires a gradient must not be changed in place while a graph is recorded: do it inside `with torch.no_grad():`."""
    here, losses = gradients(copy.deepcopy(model), loss_fn), []
    for step_size in step_sizes:
        twin = copy.deepcopy(model)
        for parameter, gradient in zip(twin.parameters(), here):
            parameter -= step_size * gradient
        losses.append(loss_fn(twin).item())
    return min(losses), max(losses)


def move(model, direction, factor):
    with torch.no_grad():
        for parameter, change in zip(model.parameters(), direction):
            parameter += factor * change


def models_along(model, loss_fn, step_sizes, direction=None, factors=None):
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


def by_state_dict(model):
    """Puts parameters and buffers back to what they are now."""
    state = copy.deepcopy(model.state_dict())
    return lambda: model.load_state_dict(state)


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
    """The loss at the start is always counted; it counts only if 0 is among the step sizes."""
    return in_range(losses_at([copy.deepcopy(model), *models_along(model, loss_fn, step_sizes)], loss_fn))


@mistake("8.3")
def loss_range(model, loss_fn, step_sizes):
    """The steps go uphill: θ + ηg. Down is minus the gradient."""
    return in_range(losses_at(models_along(model, loss_fn, step_sizes, factors=list(step_sizes)), loss_fn))


@mistake("8.3")
def loss_range(model, loss_fn, step_sizes):
    """The gradient is brought to length 1 before the step; the exercise asks for the gradient as it is."""
    here = gradients(copy.deepcopy(model), loss_fn)
    length = joined(here).norm()
    return in_range(losses_at(models_along(model, loss_fn, step_sizes, [tensor / length for tensor in here]), loss_fn))


@mistake("8.3")
def loss_range(model, loss_fn, step_sizes):
    """Only the sign of the gradient is used; the exercise asks for the gradient as it is."""
    here = gradients(copy.deepcopy(model), loss_fn)
    return in_range(losses_at(models_along(model, loss_fn, step_sizes, [tensor.sign() for tensor in here]), loss_fn))


@mistake("8.3")
def loss_range(model, loss_fn, step_sizes):
    """Each step begins where the one before ended. All of them begin at the same start: go back after each."""
    sums = [-sum(step_sizes[: number + 1]) for number in range(len(step_sizes))]
    return in_range(losses_at(models_along(model, loss_fn, step_sizes, factors=sums), loss_fn))


@mistake("8.3")
def loss_range(model, loss_fn, step_sizes):
    """This is gradient descent: each step begins where the one before ended and takes a new gradient. The exercise asks
    for one line from one start."""
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
    """The answer is (max, min); the exercise asks for (min, max)."""
    return in_range(losses_at(models_along(model, loss_fn, step_sizes), loss_fn))[::-1]


@mistake("8.3")
def loss_range(model, loss_fn, step_sizes):
    """You return the width max - min; the exercise asks for both ends, (min, max)."""
    low, high = in_range(losses_at(models_along(model, loss_fn, step_sizes), loss_fn))
    return high - low


@mistake("8.3")
def loss_range(model, loss_fn, step_sizes):
    """You return the losses of the first and the last step. Neither need be the smallest or the largest."""
    losses = losses_at(models_along(model, loss_fn, step_sizes), loss_fn)
    return losses[0], losses[-1]


@mistake("8.3", caught_by="test_one_parameter_by_hand")
def loss_range(model, loss_fn, step_sizes):
    """You return the losses at the smallest and the largest step size; along the line the loss may go down and up again."""
    losses = losses_at(models_along(model, loss_fn, sorted(step_sizes)), loss_fn)
    return in_range([losses[0], losses[-1]])


@mistake("8.3")
def loss_range(model, loss_fn, step_sizes):
    """You return all losses; the exercise asks for the smallest and the largest."""
    return tuple(losses_at(models_along(model, loss_fn, step_sizes), loss_fn))


@mistake("8.3")
def loss_range(model, loss_fn, step_sizes):
    """Only parameters with two axes move. θ is all parameters: biases, γ and β move too."""
    here = gradients(copy.deepcopy(model), loss_fn)
    moved = [tensor if tensor.dim() == 2 else 0 * tensor for tensor in here]
    return in_range(losses_at(models_along(model, loss_fn, step_sizes, moved), loss_fn))


@mistake("8.3")
def loss_range(model, loss_fn, step_sizes):
    """γ and β of the normalizations stay behind. θ is all parameters, so they move too."""
    here, names = gradients(copy.deepcopy(model), loss_fn), []
    for module in model.modules():
        names += [isinstance(module, nn.BatchNorm1d)] * len(list(module.parameters(recurse=False)))
    moved = [0 * tensor if stays else tensor for tensor, stays in zip(here, names)]
    return in_range(losses_at(models_along(model, loss_fn, step_sizes, moved), loss_fn))


@mistake("8.3")
def loss_range(model, loss_fn, step_sizes):
    """A copy moves, but `loss_fn` is called with the model that stayed: the loss never changes, and its running statistics do."""
    losses = []
    for _ in models_along(model, loss_fn, step_sizes):
        losses.append(loss_fn(model).item())
    return in_range(losses)


@mistake("8.3", caught_by="test_all_parameters_move")
def loss_range(model, loss_fn, step_sizes):
    """Evaluation mode is switched on for the way: normalizations then use their running statistics instead of the batch."""
    twin = copy.deepcopy(model).eval()
    return in_range(losses_at(models_along(twin, loss_fn, step_sizes), loss_fn))


@mistake("8.3", caught_by="test_evaluation_mode_stays_evaluation_mode")
def loss_range(model, loss_fn, step_sizes):
    """Training mode is switched on for the way: normalizations then use the batch instead of their running statistics."""
    twin = copy.deepcopy(model).train()
    return in_range(losses_at(models_along(twin, loss_fn, step_sizes), loss_fn))


@mistake("8.3", caught_by="test_every_step_starts_at_the_same_place_with_the_same_gradient")
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


@mistake("8.3", caught_by="test_leaves_the_model_as_it_was")
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
    answer = in_range(losses_at(models_along(model, loss_fn, step_sizes), loss_fn))
    model.eval()
    return answer


@mistake("8.3")
def loss_range(model, loss_fn, step_sizes):
    """Everything is right, but the model is left in training mode."""
    answer = in_range(losses_at(models_along(model, loss_fn, step_sizes), loss_fn))
    model.train()
    return answer


@mistake("8.3")
def loss_range(model, loss_fn, step_sizes):
    """Two things stay behind: your gradients in `.grad`, where the caller had others, and the running statistics, which move whenever the model runs in training mode. A copy of the model solves both."""
    return in_range(_by_hand(model, loss_fn, step_sizes, lambda here: loss_fn(model).item()))


@mistake("8.3", caught_by="test_the_start_counts_only_with_step_size_0")
def loss_range(model, loss_fn, step_sizes):
    """A step size of 0 is passed over. It asks for the loss at the start, which counts like that of any other step."""
    _, models = ends(model, loss_fn, [step_size for step_size in step_sizes if step_size])
    losses = [loss_fn(there).item() for there in models]
    return min(losses), max(losses)


@mistake("8.3", caught_by="test_the_gradient_is_used_as_it_is")
def loss_range(model, loss_fn, step_sizes):
    """The sign of a step size is lost. A negative one goes uphill, against the usual direction."""
    _, models = ends(model, loss_fn, [abs(step_size) for step_size in step_sizes])
    losses = [loss_fn(there).item() for there in models]
    return min(losses), max(losses)


@mistake("8.3")
def loss_range(model, loss_fn, step_sizes):
    """The steps are right, the traces stay: `backward` changes every `.grad`, running statistics move whenever the model runs, and θ - ηg + ηg is
    not θ bit for bit, or far from it for a large η. Work on a copy.deepcopy."""
    model.zero_grad()
    loss_fn(model).backward()
    losses = []
    with torch.no_grad():
        for step_size in step_sizes:
            for parameter in model.parameters():
                parameter -= step_size * parameter.grad
            losses.append(loss_fn(model).item())
            for parameter in model.parameters():
                parameter += step_size * parameter.grad
    return min(losses), max(losses)


@mistake("8.3")
def loss_range(model, loss_fn, step_sizes):
    """The answer is (max, min), where (min, max) is asked for. And the loss at the start is always counted; it counts only if 0 is among
    the step sizes."""
    losses = [loss_fn(copy.deepcopy(model)).item()]
    losses += [loss_fn(end).item() for end in ends(model, loss_fn, step_sizes)[1]]
    return max(losses), min(losses)
