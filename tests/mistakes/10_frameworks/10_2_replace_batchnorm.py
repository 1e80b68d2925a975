"""Known wrong answers to exercise 10.2, each with the sentence that helps."""

import copy

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm, _NormBase

from bncourse.checking import mistake


def places(model, kinds=_BatchNorm):
    """Parent, name and module of each module of these kinds in a model, a shared one in all its places."""
    found = []
    for path, module in model.named_modules(remove_duplicate=False):
        if path and isinstance(module, kinds):
            parent, _, name = path.rpartition(".")
            found.append((model.get_submodule(parent), name, module))
    return found


def made(factory, norm):
    return factory(norm.num_features).train(norm.training)


def replaced(model, factory, make=made, kinds=_BatchNorm, where=None):
    """A right answer, cut into the parts in which people slip; `where` filters the places."""
    if isinstance(model, kinds):
        return make(factory, model)
    new, new_norms = copy.deepcopy(model), {}
    for parent, name, norm in (where or (lambda found: found))(places(new, kinds)):
        if norm not in new_norms:
            new_norms[norm] = make(factory, norm)
        setattr(parent, name, new_norms[norm])
    return new


def has(model, path):
    try:
        model.get_submodule(path)
    except AttributeError:
        return False
    return True


def by_children(model, factory, make=made, kinds=_BatchNorm):
    """The recursion over named_children that one writes first; changes model."""
    for name, child in model.named_children():
        if isinstance(child, kinds):
            setattr(model, name, make(factory, child))
        else:
            by_children(child, factory, make, kinds)
    return model


def without_mode(factory, norm):
    return factory(norm.num_features)


# Which ones
@mistake("10.2", caught_by="test_at_any_depth")
def replace_batchnorm(model, factory):
    """Only the model's own children are looked at: a batch normalization inside a block stays."""

    def top(found):
        return [place for place in found if place[0] is found_parent(found)]

    def found_parent(found):
        return new_model[0]

    new_model = [copy.deepcopy(model)]
    if isinstance(model, _BatchNorm):
        return made(factory, model)
    new_norms = {}
    for parent, name, norm in top(places(new_model[0])):
        if norm not in new_norms:
            new_norms[norm] = made(factory, norm)
        setattr(parent, name, new_norms[norm])
    return new_model[0]


@mistake("10.2")
def replace_batchnorm(model, factory):
    """Only children and their children are looked at; a model may be nested deeper."""
    if isinstance(model, _BatchNorm):
        return made(factory, model)
    new, new_norms = copy.deepcopy(model), {}
    for path, norm in list(new.named_modules(remove_duplicate=False)):
        if isinstance(norm, _BatchNorm) and path.count(".") < 2:
            parent, _, name = path.rpartition(".")
            if norm not in new_norms:
                new_norms[norm] = made(factory, norm)
            setattr(new.get_submodule(parent), name, new_norms[norm])
    return new


@mistake("10.2")
def replace_batchnorm(model, factory):
    """Only what stands in an nn.Sequential is replaced; an attribute of a block of one's own, a list or a dictionary holds some too."""
    return replaced(
        model, factory, where=lambda found: [place for place in found if isinstance(place[0], nn.Sequential)]
    )


@mistake("10.2")
def replace_batchnorm(model, factory):
    """Only nn.BatchNorm2d is replaced; 1d, 3d and SyncBatchNorm are batch normalizations too."""
    return replaced(model, factory, kinds=nn.BatchNorm2d)


@mistake("10.2")
def replace_batchnorm(model, factory):
    """Only nn.BatchNorm1d and 2d are replaced; 3d and SyncBatchNorm are batch normalizations too. All derive from `_BatchNorm`."""
    return replaced(model, factory, kinds=(nn.BatchNorm1d, nn.BatchNorm2d))


@mistake("10.2")
def replace_batchnorm(model, factory):
    """Only nn.BatchNorm3d is replaced; 1d, 2d and SyncBatchNorm are batch normalizations too."""
    return replaced(model, factory, kinds=nn.BatchNorm3d)


@mistake("10.2")
def replace_batchnorm(model, factory):
    """SyncBatchNorm is left out: it is a batch normalization too."""
    return replaced(model, factory, kinds=(nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d))


@mistake("10.2")
def replace_batchnorm(model, factory):
    """`type(module) is` or `==` passes over classes derived from a batch normalization; isinstance finds them."""
    exact = nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.SyncBatchNorm
    return replaced(model, factory, where=lambda found: [place for place in found if type(place[2]) in exact])


@mistake("10.2")
def replace_batchnorm(model, factory):
    """The class is looked up by its name: one that is derived and called otherwise is passed over."""
    return replaced(
        model, factory, where=lambda found: [place for place in found if "BatchNorm" in type(place[2]).__name__]
    )


@mistake("10.2")
def replace_batchnorm(model, factory):
    """Instance normalization is replaced as well: in PyTorch it shares a base class, _NormBase, with batch normalization."""
    return replaced(model, factory, kinds=_NormBase)


@mistake("10.2", caught_by="test_all_kinds_and_no_other")
def replace_batchnorm(model, factory):
    """Every normalization is replaced; group and layer normalization should stay."""
    if isinstance(model, _BatchNorm):
        return made(factory, model)
    new, new_norms = copy.deepcopy(model), {}
    for parent, name, norm in places(new, (_NormBase, nn.GroupNorm, nn.LayerNorm)):
        if norm not in new_norms:
            features = getattr(norm, "num_features", None) or getattr(norm, "num_channels", None) or 2
            new_norms[norm] = factory(features).train(norm.training)
        setattr(parent, name, new_norms[norm])
    return new


@mistake("10.2")
def replace_batchnorm(model, factory):
    """One with running statistics or γ of its own is looked for by these; with affine=False or track_running_stats=False they are None."""
    return replaced(
        model,
        factory,
        where=lambda found: [p for p in found if p[2].weight is not None and p[2].running_mean is not None],
    )


@mistake("10.2")
def replace_batchnorm(model, factory):
    """The number of features is the length of `weight`, which is None with affine=False. num_features is always there."""
    return replaced(model, factory, make=lambda factory, norm: factory(len(norm.weight)).train(norm.training))


@mistake("10.2")
def replace_batchnorm(model, factory):
    """The number of features is the length of `running_mean`, which is None with track_running_stats=False."""
    return replaced(model, factory, make=lambda factory, norm: factory(len(norm.running_mean)).train(norm.training))


@mistake("10.2")
def replace_batchnorm(model, factory):
    """After the first one the search ends: there is a return or break inside the loop."""
    return replaced(model, factory, where=lambda found: found[:1])


@mistake("10.2")
def replace_batchnorm(model, factory):
    """A model that is a batch normalization itself comes back unreplaced: it is nobody's child."""
    return copy.deepcopy(model) if isinstance(model, _BatchNorm) else replaced(model, factory)


@mistake("10.2", caught_by="test_one_used_twice_stays_one")
def replace_batchnorm(model, factory):
    """One that stands in two places is replaced in the first alone: named_children and named_modules give a module only once."""

    def first_places(found):
        seen, kept = set(), []
        for parent, name, norm in found:
            if norm not in seen:
                kept.append((parent, name, norm))
            seen.add(norm)
        return kept

    return replaced(model, factory, where=first_places)


@mistake("10.2")
def replace_batchnorm(model, factory):
    """One that stands in two places becomes two new modules, which will train apart. Remember what has been made for which."""
    if isinstance(model, _BatchNorm):
        return made(factory, model)
    new = copy.deepcopy(model)
    for parent, name, norm in places(new):
        setattr(parent, name, made(factory, norm))
    return new


@mistake("10.2")
def replace_batchnorm(model, factory):
    """named_children gives a module only once: one that stands twice in the same parent is replaced in the first place alone. And
    where it stands in two parents it becomes two. Go by named_modules(remove_duplicate=False), and remember what you made for which."""
    return made(factory, model) if isinstance(model, _BatchNorm) else by_children(copy.deepcopy(model), factory)


@mistake("10.2")
def replace_batchnorm(model, factory):
    """The recursion is right for a plain model. Missing are the mode, which the new module takes from the old one; a model that is a
    batch normalization itself; and one that stands in two places, which named_children gives only once."""
    return by_children(copy.deepcopy(model), factory, without_mode)


@mistake("10.2")
def replace_batchnorm(model, factory):
    """The recursion is right for a plain model. Missing is a model that is a batch normalization itself, and one that stands in two
    places, which named_children gives only once."""
    return by_children(copy.deepcopy(model), factory)


@mistake("10.2")
def replace_batchnorm(model, factory):
    """The loop is right for a plain model. Missing are the mode, which the new module takes from the old one; a model that is a
    batch normalization itself, with the path ""; and one that stands in two places, which named_modules gives only once."""
    new = copy.deepcopy(model)
    for path, module in list(new.named_modules()):
        if isinstance(module, _BatchNorm):
            parent, _, name = path.rpartition(".")
            setattr(new.get_submodule(parent), name, factory(module.num_features))
    return new


# What comes in their place
@mistake("10.2")
def replace_batchnorm(model, factory):
    """All with the same number of features get one and the same new module. Two batch normalizations get two."""
    by_size = {}

    def make(factory, norm):
        if norm.num_features not in by_size:
            by_size[norm.num_features] = made(factory, norm)
        return by_size[norm.num_features]

    return replaced(model, factory, make=make)


@mistake("10.2")
def replace_batchnorm(model, factory):
    """What the factory made is searched again, and a batch normalization in it is replaced, again and again. First collect, then
    replace."""
    new = copy.deepcopy(model)

    def walk(module):
        if isinstance(module, _BatchNorm):
            return walk(made(factory, module))
        for name, child in module.named_children():
            setattr(module, name, walk(child))
        return module

    return walk(new)


@mistake("10.2")
def replace_batchnorm(model, factory):
    """The new modules are in training mode, as the factory made them, whatever the model's mode is."""
    return replaced(model, factory, make=lambda factory, norm: factory(norm.num_features))


@mistake("10.2", caught_by="test_modes_are_kept")
def replace_batchnorm(model, factory):
    """The new modules get the mode of the whole model; one that was frozen, in evaluation inside a model in training, loses it."""
    training = model.training
    return replaced(model, factory, make=lambda factory, norm: factory(norm.num_features).train(training))


@mistake("10.2")
def replace_batchnorm(model, factory):
    """The new model is in evaluation mode throughout. The modes should be those of the old one."""
    return replaced(model, factory).eval()


@mistake("10.2")
def replace_batchnorm(model, factory):
    """The new model is in training mode throughout: train() reaches every module, also those that were in evaluation."""
    return replaced(model, factory).train()


@mistake("10.2")
def replace_batchnorm(model, factory):
    """The factory gets the module; it wants a number, num_features."""
    return replaced(model, factory, make=lambda factory, norm: factory(norm).train(norm.training))


@mistake("10.2")
def replace_batchnorm(model, factory):
    """The factory itself is put into the model, not what it makes: call it."""
    return replaced(model, factory, make=lambda factory, norm: factory)


@mistake("10.2")
def replace_batchnorm(model, factory):
    """The batch normalizations are taken out and nothing of the factory's is put in."""
    return replaced(model, factory, make=lambda factory, norm: nn.Identity().train(norm.training))


@mistake("10.2")
def replace_batchnorm(model, factory):
    """γ and β were carried over. The new modules should stay as the factory made them."""

    def make(factory, norm):
        new = made(factory, norm)
        if norm.weight is not None and getattr(new, "weight", None) is not None:
            new.weight.data.copy_(norm.weight.data[: len(new.weight)])
        if norm.bias is not None and getattr(new, "bias", None) is not None:
            new.bias.data.copy_(norm.bias.data)
        return new

    return replaced(model, factory, make=make)


# The model that came in
@mistake("10.2")
def replace_batchnorm(model, factory):
    """The model that came in is changed, and comes back. Work on a copy: copy.deepcopy(model)."""
    if isinstance(model, _BatchNorm):
        return made(factory, model)
    new_norms = {}
    for parent, name, norm in places(model):
        if norm not in new_norms:
            new_norms[norm] = made(factory, norm)
        setattr(parent, name, new_norms[norm])
    return model


@mistake("10.2")
def replace_batchnorm(model, factory):
    """The model that came in is changed: copy it once, before the recursion begins. Missing are also the mode, which the new module
    takes from the old one; a model that is a batch normalization itself; and one that stands in two places."""
    return by_children(model, factory, without_mode)


@mistake("10.2")
def replace_batchnorm(model, factory):
    """copy.copy copies the outermost module alone: inside it the old blocks are changed. copy.deepcopy copies all."""
    if isinstance(model, _BatchNorm):
        return made(factory, model)
    new, new_norms = copy.copy(model), {}
    new._modules = dict(model._modules)
    for parent, name, norm in places(new):
        if norm not in new_norms:
            new_norms[norm] = made(factory, norm)
        setattr(parent, name, new_norms[norm])
    return new


@mistake("10.2")
def replace_batchnorm(model, factory):
    """The new model shares its weights with the old one: training one trains the other."""
    new = replaced(model, factory)
    old = dict(model.named_parameters(remove_duplicate=False))
    if isinstance(model, _BatchNorm):
        return new
    for path, _ in list(new.named_parameters(remove_duplicate=False)):
        parent, _, name = path.rpartition(".")
        was_norm = isinstance(model.get_submodule(parent), _BatchNorm) if has(model, parent) else True
        if not was_norm:
            setattr(new.get_submodule(parent), name, old[path])
    return new


@mistake("10.2")
def replace_batchnorm(model, factory):
    """All other layers start anew: their weights were drawn again. The new model is a copy with other normalizations."""
    new = replaced(model, factory)
    for module in new.modules():
        if isinstance(module, (nn.Linear, nn.Conv2d, nn.Conv3d)):
            module.reset_parameters()
    return new


@mistake("10.2")
def replace_batchnorm(model, factory):
    """Every round of the recursion works on a copy of its own, and those made for the children are thrown away: only the outermost
    row is replaced. Copy once, before the recursion begins."""

    def walk(parent):
        new = copy.deepcopy(parent)
        for name, child in new.named_children():
            if isinstance(child, _BatchNorm):
                setattr(new, name, factory(child.num_features))
            else:
                walk(child)
        return new

    return walk(model)


# Not where it belongs
@mistake("10.2")
def replace_batchnorm(model, factory):
    """The new module is put into the old one, `setattr(child, name, ...)`, and nothing is replaced. Set it in the parent."""

    def walk(parent):
        for name, child in parent.named_children():
            if isinstance(child, _BatchNorm):
                setattr(child, name, factory(child.num_features))
            else:
                walk(child)
        return parent

    return walk(copy.deepcopy(model))


@mistake("10.2")
def replace_batchnorm(model, factory):
    """Only nn.BatchNorm2d is looked for, and not even that is replaced: the new module is put into the old one,
    `setattr(child, name, ...)`. Set it in the parent."""

    def walk(parent):
        for name, child in parent.named_children():
            if isinstance(child, nn.BatchNorm2d):
                setattr(child, name, factory(child.num_features))
            else:
                walk(child)
        return parent

    return walk(copy.deepcopy(model))


@mistake("10.2")
def replace_batchnorm(model, factory):
    """The loop's variable got the new module, the model did not: `module = factory(...)` changes a name, not the parent. Set it there."""
    new = copy.deepcopy(model)
    for module in new.modules():
        if isinstance(module, _BatchNorm):
            module = factory(module.num_features)
    return new


@mistake("10.2")
def replace_batchnorm(model, factory):
    """setattr does not follow a path such as "blocks.0.norm": the new module is put beside the old one, which still runs, under this
    whole name. Find the parent with get_submodule, and set the last name there."""
    if isinstance(model, _BatchNorm):
        return made(factory, model)
    new, new_norms = copy.deepcopy(model), {}
    for path, norm in list(new.named_modules(remove_duplicate=False)):
        if isinstance(norm, _BatchNorm):
            if norm not in new_norms:
                new_norms[norm] = made(factory, norm)
            setattr(new, path, new_norms[norm])
    return new


@mistake("10.2", caught_by="test_every_one_in_a_row_of_layers")
def replace_batchnorm(model, factory):
    """`nn.BatchNorm3d` is forgotten: models of volumes keep theirs. All kinds derive from one class, `_BatchNorm`."""
    return replaced(model, factory, kinds=(nn.BatchNorm1d, nn.BatchNorm2d, nn.SyncBatchNorm))


@mistake("10.2", caught_by="test_a_model_that_is_one_itself")
def replace_batchnorm(model, factory):
    """Where the model is a batch normalization itself, you also search what the factory made of it, and replace inside. That is done already."""
    if isinstance(model, _BatchNorm):
        new = made(factory, model)
        return new if isinstance(new, _BatchNorm) else replaced(new, factory)
    return replaced(model, factory)


@mistake("10.2", caught_by="test_what_the_factory_makes_is_left_alone")
def replace_batchnorm(model, factory):
    """You go through the new model a second time, and what the factory made is replaced again."""
    new = replaced(model, factory)
    return new if isinstance(model, _BatchNorm) else replaced(new, factory)


@mistake("10.2")
def replace_batchnorm(model, factory):
    """One new module for each number of features serves all layers of that width: two batch normalizations get two. Missing are also a model
    that is a batch normalization itself, and one that stands in two places, which named_children gives only once."""
    by_size = {}

    def make(factory, norm):
        by_size.setdefault(norm.num_features, made(factory, norm))
        return by_size[norm.num_features]

    return by_children(copy.deepcopy(model), factory, make)


@mistake("10.2")
def replace_batchnorm(model, factory):
    """Only the model's own children are looked at: a batch normalization inside a block stays, and so does a model that is one itself,
    which is nobody's child."""
    new = copy.deepcopy(model)
    for name, child in new.named_children():
        if isinstance(child, _BatchNorm):
            setattr(new, name, made(factory, child))
    return new


@mistake("10.2")
def replace_batchnorm(model, factory):
    """The model that came in is changed: copy it once, before the recursion begins. And one that stands in two places becomes two, or is
    replaced in the first alone, as named_children gives it only once."""
    return made(factory, model) if isinstance(model, _BatchNorm) else by_children(model, factory)


@mistake("10.2")
def replace_batchnorm(model, factory):
    """Only nn.BatchNorm2d is replaced; all kinds derive from `_BatchNorm`. Missing are also the mode, which the new module takes from the
    old one; a model that is a batch normalization itself; and one that stands in two places, which named_children gives only once."""
    return by_children(copy.deepcopy(model), factory, without_mode, nn.BatchNorm2d)


@mistake("10.2")
def replace_batchnorm(model, factory):
    """The model that came in is changed: copy it once, before the recursion begins. Missing are also a model that is a batch
    normalization itself, and one that stands in two places, which named_children gives only once."""
    return by_children(model, factory)


@mistake("10.2")
def replace_batchnorm(model, factory):
    """Only modules whose class is exactly nn.BatchNorm2d are replaced: isinstance(module, _BatchNorm) finds the other kinds, and classes
    derived from them. And named_modules gives one that stands in two places only once."""
    if type(model) is nn.BatchNorm2d:
        return made(factory, model)
    new = copy.deepcopy(model)
    for path, module in list(new.named_modules()):
        if type(module) is nn.BatchNorm2d:
            parent, _, name = path.rpartition(".")
            setattr(new.get_submodule(parent), name, made(factory, module))
    return new


@mistake("10.2")
def replace_batchnorm(model, factory):
    """What you made for which is remembered, but named_children gives a module only once: where one stands twice in the same parent,
    the second place keeps the old one. Go through `_modules.items()`."""
    new_norms = {}

    def swapped(module):
        if isinstance(module, _BatchNorm):
            if module not in new_norms:
                new_norms[module] = made(factory, module)
            return new_norms[module]
        for name, child in module.named_children():
            setattr(module, name, swapped(child))
        return module

    return swapped(copy.deepcopy(model))
