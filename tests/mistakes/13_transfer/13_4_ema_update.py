"""Known wrong answers to exercise 13.4, each with the sentence that helps."""

import copy

import torch
from torch import nn

from bncourse.checking import mistake


class Averaging:
    """A right answer, cut into the parts in which people slip."""

    def pairs(self, average, model):
        return [*zip(average.parameters(), model.parameters())], [*zip(average.buffers(), model.buffers())]

    def mixed(self, old, new, decay):
        return decay * old + (1 - decay) * new.to(old.dtype)

    def parameter(self, old, new, decay):
        old.copy_(self.mixed(old, new, decay))

    def floating(self, old, new, decay):
        old.copy_(self.mixed(old, new, decay))

    def other(self, old, new, decay):
        old.copy_(new)

    def __call__(self, average, model, decay):
        parameters, buffers = self.pairs(average, model)
        with torch.no_grad():
            for old, new in parameters:
                self.parameter(old, new, decay)
            for old, new in buffers:
                (self.floating if old.is_floating_point() else self.other)(old, new, decay)
        return average


def nothing(self, old, new, decay):
    pass


def copied(self, old, new, decay):
    old.copy_(new)


def differing(name="Slip", /, **parts):
    """A right answer but for these parts."""
    return type(name, (Averaging,), parts)()


def batch_norms(model):
    return [module for module in model.modules() if isinstance(module, nn.modules.batchnorm._BatchNorm)]


# The buffers
@mistake("13.4", caught_by="test_running_statistics_are_averaged_and_counters_copied")
def ema_update(average, model, decay):
    """Only the parameters are averaged. The buffers stay those of the start: averaged weights meet the statistics of an untrained
    network."""
    return differing(floating=nothing, other=nothing)(average, model, decay)


@mistake("13.4")
def ema_update(average, model, decay):
    """The running statistics are copied, as PyTorch's `AveragedModel` does unless told otherwise: they belong to the weights of the last
    step. Average them like the weights."""
    return differing(floating=copied)(average, model, decay)


@mistake("13.4")
def ema_update(average, model, decay):
    """The buffers that are not floating-point numbers stay as they were: `num_batches_tracked` and masks are to be copied."""
    return differing(other=nothing)(average, model, decay)


@mistake("13.4")
def ema_update(average, model, decay):
    """Counters and masks of `average` are no copies: they are the tensors of the model, and move with them from now on."""

    def nothing_yet(self, old, new, decay):
        theirs.update({id(old): new})

    theirs = {}
    differing(other=nothing_yet)(average, model, decay)
    for part in average.modules():
        for name, old in part._buffers.items():
            if id(old) in theirs:
                part._buffers[name] = theirs[id(old)]
    return average


@mistake("13.4")
def ema_update(average, model, decay):
    """Counters are averaged too, and what is behind the point is cut off. An integer is copied."""

    def cut_off(self, old, new, decay):
        old.copy_(decay * old + (1 - decay) * new)

    return differing(other=cut_off)(average, model, decay)


@mistake("13.4")
def ema_update(average, model, decay):
    """A counter is multiplied in place by a number with a point, and PyTorch refuses: only what `is_floating_point()` is averaged, the
    rest is copied."""

    def in_place(self, old, new, decay):
        old.mul_(decay).add_(new, alpha=1 - decay)

    return differing(other=in_place)(average, model, decay)


@mistake("13.4")
def ema_update(average, model, decay):
    """The counter goes up by one with each update. It is to be a copy of the model's."""

    def one_more(self, old, new, decay):
        old.add_(1) if old.dtype == torch.int64 and old.ndim == 0 else old.copy_(new)

    return differing(other=one_more)(average, model, decay)


@mistake("13.4")
def ema_update(average, model, decay):
    """Standard deviations are averaged in place of variances: the root of each is taken first. Running variances are averaged as they are."""
    variances = {id(part.running_var) for part in average.modules() if getattr(part, "running_var", None) is not None}

    def of_roots(self, old, new, decay):
        if id(old) in variances:
            old.copy_(self.mixed(old.sqrt(), new.sqrt(), decay) ** 2)
        else:
            old.copy_(self.mixed(old, new, decay))

    return differing(floating=of_roots)(average, model, decay)


@mistake("13.4")
def ema_update(average, model, decay):
    """Running statistics move by the momentum of their layer. Here they move like the weights, by `1 - decay`."""
    momenta = {id(buffer): part.momentum or 0.1 for part in batch_norms(average) for buffer in part.buffers()}

    def by_momentum(self, old, new, decay):
        old.copy_(self.mixed(old, new, 1 - momenta[id(old)] if id(old) in momenta else decay))

    return differing(floating=by_momentum)(average, model, decay)


@mistake("13.4")
def ema_update(average, model, decay):
    """Of the buffers only those of batch normalizations are seen to. Other layers have some too: average.buffers() gives all."""
    theirs = {id(buffer) for part in batch_norms(average) for buffer in part.buffers()}

    def pairs(self, average, model):
        parameters, buffers = Averaging.pairs(self, average, model)
        return parameters, [pair for pair in buffers if id(pair[0]) in theirs]

    return differing(pairs=pairs)(average, model, decay)


@mistake("13.4", caught_by="test_other_buffers_and_frozen_parameters")
def ema_update(average, model, decay):
    """Only `running_mean` and `running_var` are averaged, every other buffer is copied. Other floating-point buffers are averaged too."""
    names = {id(buffer) for name, buffer in average.named_buffers() if "running" in name}

    def by_name(self, old, new, decay):
        old.copy_(self.mixed(old, new, decay) if id(old) in names else new)

    return differing(floating=by_name)(average, model, decay)


# Which parameters, and how far
@mistake("13.4", caught_by="test_parameters_are_averaged")
def ema_update(average, model, decay):
    """`decay` and `1 - decay` are swapped: the average keeps `decay` of itself and takes the rest from the model."""
    return Averaging()(average, model, 1 - decay)


@mistake("13.4")
def ema_update(average, model, decay):
    """Parameters and buffers of the model are copied, `decay` is not used: nothing is averaged."""
    average.load_state_dict(model.state_dict())
    return average


@mistake("13.4")
def ema_update(average, model, decay):
    """The parameters are copied and only the statistics averaged."""
    return differing(parameter=copied)(average, model, decay)


@mistake("13.4")
def ema_update(average, model, decay):
    """The average is not multiplied by `decay`: it keeps all of itself and grows with each step."""

    def mixed(self, old, new, decay):
        return old + (1 - decay) * new.to(old.dtype)

    return differing(mixed=mixed)(average, model, decay)


@mistake("13.4")
def ema_update(average, model, decay):
    """The model is added without the factor `1 - decay`: the two shares, of the average and of the model, have the sum 1."""

    def mixed(self, old, new, decay):
        return decay * old + new.to(old.dtype)

    return differing(mixed=mixed)(average, model, decay)


@mistake("13.4")
def ema_update(average, model, decay):
    """The decay is 0.999, whatever was given; the argument is ignored."""
    return Averaging()(average, model, 0.999)


@mistake("13.4")
def ema_update(average, model, decay):
    """Average and model are added in equal parts; `decay` is ignored."""
    return Averaging()(average, model, 0.5)


@mistake("13.4")
def ema_update(average, model, decay):
    """Only parameters of `average` that take a gradient are averaged. Those of an average are mostly switched off, and then it never moves."""

    def where_trained(self, old, new, decay):
        if old.requires_grad:
            old.copy_(self.mixed(old, new, decay))

    return differing(parameter=where_trained)(average, model, decay)


@mistake("13.4")
def ema_update(average, model, decay):
    """A parameter of the model that takes no gradient is left out. Frozen ones are averaged too: whether one moves is not for the average
    to know."""

    def where_trained(self, old, new, decay):
        if new.requires_grad:
            old.copy_(self.mixed(old, new, decay))

    return differing(parameter=where_trained)(average, model, decay)


@mistake("13.4", caught_by="test_what_stands_in_two_places_is_averaged_once")
def ema_update(average, model, decay):
    """A shared layer is averaged twice: a state dict holds it under each of its names. `parameters()` and `buffers()` give it once."""
    state = model.state_dict()
    for name, old in average.state_dict().items():
        new = state[name]
        old.copy_(decay * old + (1 - decay) * new.to(old.dtype) if old.is_floating_point() else new)
    return average


@mistake("13.4")
def ema_update(average, model, decay):
    """The parameters are averaged twice, once by themselves and once as part of the state dict."""
    Averaging()(average, model, decay)
    with torch.no_grad():
        for old, new in zip(average.parameters(), model.parameters()):
            old.copy_(decay * old + (1 - decay) * new.to(old.dtype))
    return average


# The type
@mistake("13.4", caught_by="test_computed_in_the_type_of_the_average")
def ema_update(average, model, decay):
    """`(1 - decay) * new` is computed in the type of the model and rounded to it: in bfloat16 two or three digits are left. Convert first, with
    `new.to(old.dtype)`."""

    def mixed(self, old, new, decay):
        return decay * old + (1 - decay) * new

    return differing(mixed=mixed)(average, model, decay)


@mistake("13.4")
def ema_update(average, model, decay):
    """All is computed in the type of the model: the average is rounded to it each time, and small steps are lost."""

    def mixed(self, old, new, decay):
        return decay * old.to(new.dtype) + (1 - decay) * new

    return differing(mixed=mixed)(average, model, decay)


@mistake("13.4")
def ema_update(average, model, decay):
    """`lerp_` wants both tensors of one type, and refuses where the model is in another: convert with `new.to(old.dtype)`."""

    def by_lerp(self, old, new, decay):
        old.lerp_(new, 1 - decay)

    return differing(parameter=by_lerp, floating=by_lerp)(average, model, decay)


# What else changes
@mistake("13.4", caught_by="test_step_by_step_and_all_else_stays")
def ema_update(average, model, decay):
    """The average becomes part of a graph: without `torch.no_grad()` it remembers every step of training, and memory grows until it ends."""
    for old, new in zip(average.parameters(), model.parameters()):
        if old.is_leaf and old.requires_grad:
            old.data.copy_(decay * old.data + (1 - decay) * new.data.to(old.dtype))
        else:
            old.mul_(decay).add_(new, alpha=1 - decay)
    for old, new in zip(average.buffers(), model.buffers()):
        old.copy_(decay * old + (1 - decay) * new.to(old.dtype) if old.is_floating_point() else new)
    return average


@mistake("13.4")
def ema_update(average, model, decay):
    """`no_grad` is missing: PyTorch refuses to change in place a parameter that takes a gradient; and one that takes none becomes part of
    a graph."""
    for old, new in zip(average.parameters(), model.parameters()):
        old.mul_(decay).add_(new, alpha=1 - decay)
    for old, new in zip(average.buffers(), model.buffers()):
        old.copy_(decay * old + (1 - decay) * new.to(old.dtype) if old.is_floating_point() else new)
    return average


@mistake("13.4")
def ema_update(average, model, decay):
    """A new model is returned and `average` stays as it was. The function changes `average` itself."""
    return Averaging()(copy.deepcopy(average), model, decay)


@mistake("13.4")
def ema_update(average, model, decay):
    """The names of the loop are bound to new tensors, `old = ...`, and nothing in `average` changes: copy into it, with `old.copy_(...)`."""
    for old, new in zip(average.parameters(), model.parameters()):
        old = decay * old + (1 - decay) * new
    for old, new in zip(average.buffers(), model.buffers()):
        if old.is_floating_point():
            old = decay * old + (1 - decay) * new
        else:
            old.copy_(new)
    return average


@mistake("13.4")
def ema_update(average, model, decay):
    """The model is moved, not the average. It is to stay as it came: training goes on with it."""
    with torch.no_grad():
        parameters, buffers = Averaging().pairs(average, model)
        for old, new in [*parameters, *buffers]:
            new.copy_(decay * old + (1 - decay) * new if old.is_floating_point() else new)
    return model


@mistake("13.4")
def ema_update(average, model, decay):
    """The model's tensors are multiplied in place by `1 - decay` on the way. It is to stay as it came."""
    with torch.no_grad():
        parameters, buffers = Averaging().pairs(average, model)
        for old, new in [*parameters, *buffers]:
            if old.is_floating_point():
                new.mul_(1 - decay)
                old.mul_(decay).add_(new)
            else:
                old.copy_(new)
    return average


@mistake("13.4")
def ema_update(average, model, decay):
    """The average is put into evaluation mode. That is right where it is used; here its modes are to stay as they were."""
    return Averaging()(average, model, decay).eval()


@mistake("13.4")
def ema_update(average, model, decay):
    """`requires_grad` of the average is switched off. It is to stay as it was."""
    return Averaging()(average, model, decay).requires_grad_(False)


@mistake("13.4")
def ema_update(average, model, decay):
    """The gradients of the model are cleared; the optimizer may still need them."""
    Averaging()(average, model, decay)
    model.zero_grad()
    return average
