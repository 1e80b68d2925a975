"""Known wrong answers to exercise 8.4, each with the sentence that helps."""

import copy

import torch

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


@mistake("8.4")
def gradient_change(model, loss_fn, step_sizes):
    """Each gradient is compared with that of the step before. All distances are from the gradient at the start."""
    before, models = ends(model, loss_fn, step_sizes)
    distances = []
    for end in models:
        after = gradients(end, loss_fn)
        distances.append((joined(after) - joined(before)).norm().item())
        before = after
    return max(distances)


@mistake("8.4")
def gradient_change(model, loss_fn, step_sizes):
    """You add up the distances of all steps; the exercise asks for the largest."""
    here, models = ends(model, loss_fn, step_sizes)
    return sum((joined(gradients(end, loss_fn)) - joined(here)).norm().item() for end in models)


@mistake("8.4")
def gradient_change(model, loss_fn, step_sizes):
    """You return how far the direction turned, one minus a cosine. That hides a gradient that only grows; the exercise
    asks for the distance."""
    here, models = ends(model, loss_fn, step_sizes)
    cosines = [torch.cosine_similarity(joined(gradients(end, loss_fn)), joined(here), 0).item() for end in models]
    return max(1 - cosine for cosine in cosines)


@mistake("8.4")
def gradient_change(model, loss_fn, step_sizes):
    """The step is not taken: the second derivative at the start times the step says how the gradient would change if the loss were a parabola."""
    twin = copy.deepcopy(model)
    parameters = list(twin.parameters())
    here = torch.autograd.grad(loss_fn(twin), parameters, create_graph=True)
    along = torch.autograd.grad(sum((one * one.detach()).sum() for one in here), parameters)
    return max(abs(step_size) * joined(along).norm().item() for step_size in step_sizes)


@mistake("8.4")
def gradient_change(model, loss_fn, step_sizes):
    """A parameter that requires a gradient must not be changed in place while a graph is recorded: do it inside `with torch.no_grad():`."""
    here, distances = gradients(copy.deepcopy(model), loss_fn), []
    for step_size in step_sizes:
        twin = copy.deepcopy(model)
        for parameter, gradient in zip(twin.parameters(), here):
            parameter -= step_size * gradient
        distances.append((joined(gradients(twin, loss_fn)) - joined(here)).norm().item())
    return max(distances)


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


def distances_at(models, loss_fn, here, distance=None):
    here = [tensor.detach().clone() for tensor in here]
    distance = distance or (lambda there, here: (joined(there) - joined(here)).norm().item())
    return [distance(gradients(model, loss_fn), here) for model in models]


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


@mistake("8.4")
def gradient_change(model, loss_fn, step_sizes):
    """The distance is divided by the length of the first gradient. That compares networks well; the exercise asks for
    the distance itself."""
    here = gradients(copy.deepcopy(model), loss_fn)
    return max(distances_at(models_along(model, loss_fn, step_sizes, here), loss_fn, here)) / joined(here).norm().item()


@mistake("8.4")
def gradient_change(model, loss_fn, step_sizes):
    """The distance is divided by the length of the step: that is the effective β-smoothness. The exercise asks for the
    distance itself."""
    here = gradients(copy.deepcopy(model), loss_fn)
    found = distances_at(models_along(model, loss_fn, step_sizes, here), loss_fn, here)
    length = joined(here).norm().item()
    return max(one / (abs(step_size) * length + 1e-30) for one, step_size in zip(found, step_sizes))


@mistake("8.4")
def gradient_change(model, loss_fn, step_sizes):
    """You subtract the lengths of the two gradients. A gradient that turns round keeps its length: take the length of the difference."""
    here = gradients(copy.deepcopy(model), loss_fn)
    distance = lambda there, here: abs(joined(there).norm() - joined(here).norm()).item()
    return max(distances_at(models_along(model, loss_fn, step_sizes, here), loss_fn, here, distance))


@mistake("8.4")
def gradient_change(model, loss_fn, step_sizes):
    """The squares are summed, but the root is missing."""
    here = gradients(copy.deepcopy(model), loss_fn)
    return max(distances_at(models_along(model, loss_fn, step_sizes, here), loss_fn, here)) ** 2


@mistake("8.4")
def gradient_change(model, loss_fn, step_sizes):
    """A norm is taken of each parameter and the norms are added. One root over all squares is asked for."""
    here = gradients(copy.deepcopy(model), loss_fn)
    distance = lambda there, here: sum((one - other).norm() for one, other in zip(there, here)).item()
    return max(distances_at(models_along(model, loss_fn, step_sizes, here), loss_fn, here, distance))


@mistake("8.4", caught_by="test_the_gradients_of_all_parameters")
def gradient_change(model, loss_fn, step_sizes):
    """Only the parameter whose gradient changed most is counted; the norm goes over all parameters together."""
    here = gradients(copy.deepcopy(model), loss_fn)
    distance = lambda there, here: max((one - other).norm().item() for one, other in zip(there, here))
    return max(distances_at(models_along(model, loss_fn, step_sizes, here), loss_fn, here, distance))


@mistake("8.4")
def gradient_change(model, loss_fn, step_sizes):
    """The entry that changed most is taken, the largest absolute difference; the exercise asks for the L2 norm, the
    root of all squares."""
    here = gradients(copy.deepcopy(model), loss_fn)
    distance = lambda there, here: (joined(there) - joined(here)).abs().max().item()
    return max(distances_at(models_along(model, loss_fn, step_sizes, here), loss_fn, here, distance))


@mistake("8.4", caught_by="test_one_norm_over_all_parameters_not_divided")
def gradient_change(model, loss_fn, step_sizes):
    """Absolute differences are summed, the L1 norm; the exercise asks for the L2 norm, the root of all squares."""
    here = gradients(copy.deepcopy(model), loss_fn)
    distance = lambda there, here: (joined(there) - joined(here)).abs().sum().item()
    return max(distances_at(models_along(model, loss_fn, step_sizes, here), loss_fn, here, distance))


@mistake("8.4")
def gradient_change(model, loss_fn, step_sizes):
    """The root of the mean of squares is taken; the L2 norm is the root of their sum."""
    here = gradients(copy.deepcopy(model), loss_fn)
    distance = lambda there, here: (joined(there) - joined(here)).square().mean().sqrt().item()
    return max(distances_at(models_along(model, loss_fn, step_sizes, here), loss_fn, here, distance))


@mistake("8.4")
def gradient_change(model, loss_fn, step_sizes):
    """You return the distances averaged over the step sizes; the exercise asks for the largest."""
    here = gradients(copy.deepcopy(model), loss_fn)
    found = distances_at(models_along(model, loss_fn, step_sizes, here), loss_fn, here)
    return sum(found) / len(found)


@mistake("8.4")
def gradient_change(model, loss_fn, step_sizes):
    """You return the smallest distance; the exercise asks for the largest."""
    here = gradients(copy.deepcopy(model), loss_fn)
    return min(distances_at(models_along(model, loss_fn, step_sizes, here), loss_fn, here))


@mistake("8.4")
def gradient_change(model, loss_fn, step_sizes):
    """You return the distance of the last step; it need not be the largest."""
    here = gradients(copy.deepcopy(model), loss_fn)
    return distances_at(models_along(model, loss_fn, step_sizes, here), loss_fn, here)[-1]


@mistake("8.4", caught_by="test_the_largest_of_the_distances")
def gradient_change(model, loss_fn, step_sizes):
    """You return the distance at the largest step size; the gradient may change more on the way there."""
    here = gradients(copy.deepcopy(model), loss_fn)
    return distances_at(models_along(model, loss_fn, [max(step_sizes)], here), loss_fn, here)[0]


@mistake("8.4")
def gradient_change(model, loss_fn, step_sizes):
    """You return all distances; the exercise asks for the largest."""
    here = gradients(copy.deepcopy(model), loss_fn)
    return distances_at(models_along(model, loss_fn, step_sizes, here), loss_fn, here)


@mistake("8.4")
def gradient_change(model, loss_fn, step_sizes):
    """You return the longest gradient at the ends of the steps; the exercise asks how far it is from the gradient at
    the start."""
    here = gradients(copy.deepcopy(model), loss_fn)
    return max(distances_at(models_along(model, loss_fn, step_sizes, here), loss_fn, [0 * tensor for tensor in here]))


@mistake("8.4")
def gradient_change(model, loss_fn, step_sizes):
    """You return how far the parameters moved, step size times gradient; the exercise asks how far the gradient
    moved."""
    length = joined(gradients(copy.deepcopy(model), loss_fn)).norm().item()
    return max(abs(step_size) * length for step_size in step_sizes)


@mistake("8.4")
def gradient_change(model, loss_fn, step_sizes):
    """You return how much the loss changed; the exercise asks how much its gradient did."""
    start, *losses = losses_at([copy.deepcopy(model), *models_along(model, loss_fn, step_sizes)], loss_fn)
    return max(abs(loss - start) for loss in losses)


@mistake("8.4")
def gradient_change(model, loss_fn, step_sizes):
    """The steps go uphill: θ + ηg. Down is minus the gradient."""
    here = gradients(copy.deepcopy(model), loss_fn)
    return max(distances_at(models_along(model, loss_fn, step_sizes, here, list(step_sizes)), loss_fn, here))


@mistake("8.4")
def gradient_change(model, loss_fn, step_sizes):
    """The gradient is brought to length 1 before the step; the exercise asks for the gradient as it is."""
    here = gradients(copy.deepcopy(model), loss_fn)
    unit = [tensor / (joined(here).norm() + 1e-30) for tensor in here]
    return max(distances_at(models_along(model, loss_fn, step_sizes, unit), loss_fn, here))


@mistake("8.4")
def gradient_change(model, loss_fn, step_sizes):
    """Each step begins where the one before ended. All of them begin at the same start: go back after each."""
    here = gradients(copy.deepcopy(model), loss_fn)
    sums = [-sum(step_sizes[: number + 1]) for number in range(len(step_sizes))]
    return max(distances_at(models_along(model, loss_fn, step_sizes, here, sums), loss_fn, here))


@mistake("8.4")
def gradient_change(model, loss_fn, step_sizes):
    """This is gradient descent: each step begins where the one before ended and takes a new gradient. The exercise asks
    for one line from one start."""
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
    return max(distances_at(models_along(model, loss_fn, step_sizes, moved), loss_fn, here, distance))


@mistake("8.4")
def gradient_change(model, loss_fn, step_sizes):
    """All parameters move, but only the gradients of those with two axes are compared: biases, γ and β count too."""
    here = gradients(copy.deepcopy(model), loss_fn)
    distance = lambda there, here: joined(
        [one - other for one, other in zip(there, here) if one.dim() == 2] or [torch.zeros(1)]
    ).norm().item()  # fmt: skip
    return max(distances_at(models_along(model, loss_fn, step_sizes, here), loss_fn, here, distance))


@mistake("8.4")
def gradient_change(model, loss_fn, step_sizes):
    """Evaluation mode is switched on for the way: normalizations then use their running statistics instead of the batch."""
    twin = copy.deepcopy(model).eval()
    here = gradients(twin, loss_fn)
    return max(distances_at(models_along(twin, loss_fn, step_sizes, here), loss_fn, here))


@mistake("8.4", caught_by="test_the_change_in_evaluation_mode")
def gradient_change(model, loss_fn, step_sizes):
    """Training mode is switched on for the way: normalizations then use the batch instead of their running statistics."""
    twin = copy.deepcopy(model).train()
    here = gradients(copy.deepcopy(twin), loss_fn)
    return max(distances_at(models_along(twin, loss_fn, step_sizes, here), loss_fn, here))


@mistake("8.4")
def gradient_change(model, loss_fn, step_sizes):
    """Nothing is put back: the model stays where the last step led."""
    here, at, found = gradients(model, loss_fn), 0.0, []
    for step_size in step_sizes:
        move(model, here, at - step_size)
        at = step_size
        found += distances_at([model], loss_fn, here)
    return max(found)


@mistake("8.4", caught_by="test_measuring_the_change_leaves_the_model_as_it_was")
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
    answer = max(distances_at(models_along(model, loss_fn, step_sizes, here), loss_fn, here))
    model.eval()
    return answer


@mistake("8.4")
def gradient_change(model, loss_fn, step_sizes):
    """Two things stay behind: your gradients in `.grad`, where the caller had others, and the running statistics, which move whenever the model runs in training mode. A copy of the model solves both."""

    def visit(here):
        model.zero_grad()
        loss_fn(model).backward()
        return (joined(parameter.grad for parameter in model.parameters()) - joined(here)).norm().item()

    return max(_by_hand(model, loss_fn, step_sizes, visit))


@mistake("8.4", caught_by="test_one_gradient_by_hand")
def gradient_change(model, loss_fn, step_sizes):
    """A step size of 0 is passed over, and alone it leaves no distance to take the largest of. It gives the distance 0."""
    here, models = ends(model, loss_fn, [step_size for step_size in step_sizes if step_size])
    return max((joined(gradients(there, loss_fn)) - joined(here)).norm().item() for there in models)


@mistake("8.4")
def gradient_change(model, loss_fn, step_sizes):
    """The distances are right, the traces stay: `backward` changes every `.grad`, running statistics move whenever the model runs, and θ - ηg + ηg
    is not θ bit for bit. Work on a copy.deepcopy."""
    model.zero_grad()
    loss_fn(model).backward()
    here, distances = [parameter.grad.clone() for parameter in model.parameters()], []
    for step_size in step_sizes:
        with torch.no_grad():
            for parameter, gradient in zip(model.parameters(), here):
                parameter -= step_size * gradient
        model.zero_grad()
        loss_fn(model).backward()
        squares = [((parameter.grad - one) ** 2).sum() for parameter, one in zip(model.parameters(), here)]
        distances.append(torch.sqrt(sum(squares)).item())
        with torch.no_grad():
            for parameter, gradient in zip(model.parameters(), here):
                parameter += step_size * gradient
    return max(distances)
