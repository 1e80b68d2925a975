"""Known wrong answers to exercise 1.3, each with the sentence that helps."""

from bncourse.checking import mistake


def _watched(model, x, layer_type, pair, watch=None):
    """pair(module, inputs, output) of each module of the type, in forward order, on a copy of the model."""
    import copy

    import torch

    twin, pairs = copy.deepcopy(model), []
    for module in watch(twin) if watch else twin.modules():
        if isinstance(module, layer_type):
            module.register_forward_hook(lambda *call: pairs.append(pair(*call)))
    with torch.no_grad():
        twin(x)
    return pairs


def _mean_and_std(module, inputs, output):
    return output.mean().item(), output.std().item()


def _hooked(model, x, layer_type, run, remove=True):
    """Hooks on the model itself; run(model, x) is what the mistake does between."""
    pairs, handles = [], []
    for module in model.modules():
        if isinstance(module, layer_type):
            handles.append(module.register_forward_hook(lambda *call: pairs.append(_mean_and_std(*call))))
    run(model, x)
    if remove:
        for handle in handles:
            handle.remove()
    return pairs


def _in_evaluation_mode(model, x):
    import torch

    modes = {module: module.training for module in model.modules()}
    model.eval()
    with torch.no_grad():
        model(x)
    for module, mode in modes.items():
        module.training = mode


@mistake("1.3")
def layer_statistics(model, x, layer_type):
    """The statistics are those of what goes into the modules; the exercise asks for what comes out."""
    return _watched(model, x, layer_type, lambda module, inputs, output: _mean_and_std(module, inputs, inputs[0]))


@mistake("1.3")
def layer_statistics(model, x, layer_type):
    """Mean and variance; the exercise asks for mean and standard deviation, its root."""
    return _watched(model, x, layer_type, lambda m, i, output: (output.mean().item(), output.var().item()))


@mistake("1.3")
def layer_statistics(model, x, layer_type):
    """The two numbers of each pair have changed places: the mean comes first."""
    return _watched(model, x, layer_type, lambda m, i, output: (output.std().item(), output.mean().item()))


@mistake("1.3")
def layer_statistics(model, x, layer_type):
    """The statistics are those of the weights; the exercise asks for those of the outputs."""

    def pair(module, inputs, output):
        values = getattr(module, "weight", output)
        return values.mean().item(), values.std(unbiased=False).item()

    return _watched(model, x, layer_type, pair)


@mistake("1.3")
def layer_statistics(model, x, layer_type):
    """One pair for each sample or feature: the statistics are taken along an axis, not over all values of the output."""
    return _watched(model, x, layer_type, lambda m, i, o: (o.mean(0).tolist(), o.std(0).tolist()))


@mistake("1.3")
def layer_statistics(model, x, layer_type):
    """Only direct children of the model are searched: modules further down are missed, and so is the model itself. `modules()` meets all."""
    return _watched(model, x, layer_type, _mean_and_std, watch=lambda twin: twin.children())


@mistake("1.3", caught_by="test_a_model_that_is_itself_the_layer")
def layer_statistics(model, x, layer_type):
    """The model itself is left out: `modules()` meets it first, and it may be of the type that is asked for."""
    return _watched(model, x, layer_type, _mean_and_std, watch=lambda twin: list(twin.modules())[1:])


@mistake("1.3", caught_by="test_all_modules_of_the_type_at_any_depth_and_no_others")
def layer_statistics(model, x, layer_type):
    """Types are compared with `==` or `is`, so subclasses are missed; `isinstance(module, layer_type)` counts them."""
    return _watched(
        model, x, layer_type, _mean_and_std, watch=lambda twin: [m for m in twin.modules() if type(m) is layer_type]
    )


@mistake("1.3")
def layer_statistics(model, x, layer_type):
    """The layer type is ignored: every module that has no children is counted."""
    return _watched(
        model, x, object, _mean_and_std, watch=lambda twin: [m for m in twin.modules() if not list(m.children())]
    )


@mistake("1.3", caught_by="test_pairs_stand_in_the_order_in_which_modules_run")
def layer_statistics(model, x, layer_type):
    """The pairs stand in the order in which the modules were registered; the exercise asks for the order in which they
    run."""
    import copy

    import torch

    twin, found = copy.deepcopy(model), {}
    watched = [module for module in twin.modules() if isinstance(module, layer_type)]
    for module in watched:
        module.register_forward_hook(lambda module, i, output: found.update({module: _mean_and_std(module, i, output)}))
    with torch.no_grad():
        twin(x)
    return [found[module] for module in watched if module in found]


@mistake("1.3")
def layer_statistics(model, x, layer_type):
    """A module that never runs gets a pair too; without an output it has none."""
    import copy

    import torch

    twin, found = copy.deepcopy(model), {}
    watched = [module for module in twin.modules() if isinstance(module, layer_type)]
    for module in watched:
        module.register_forward_hook(lambda module, i, output: found.update({module: _mean_and_std(module, i, output)}))
    with torch.no_grad():
        twin(x)
    return list(found.values()) + [(0.0, 0.0) for module in watched if module not in found]


@mistake("1.3")
def layer_statistics(model, x, layer_type):
    """Each module is run by itself on x, or one after the other as they were registered; only `model(x)` knows how they are joined."""
    import copy

    import torch

    twin, pairs = copy.deepcopy(model), []
    with torch.no_grad():
        for module in twin.modules():
            if not list(module.children()):
                x = module(x)
                if isinstance(module, layer_type):
                    pairs.append(_mean_and_std(module, None, x))
    return pairs


@mistake("1.3", caught_by="test_the_output_as_its_module_returned_it")
def layer_statistics(model, x, layer_type):
    """Outputs are kept and looked at after the whole model ran; by then an in-place ReLU has overwritten them. Take the numbers inside the hook."""
    outputs = _watched(model, x, layer_type, lambda module, inputs, output: output)
    return [(output.mean().item(), output.std().item()) for output in outputs]


@mistake("1.3", caught_by="test_the_numbers_are_floats")
def layer_statistics(model, x, layer_type):
    """The numbers are tensors: `.item()` makes a float of each. (And a tensor that requires a gradient keeps the whole graph alive.)"""
    return _watched(model, x, layer_type, lambda module, inputs, output: (output.mean(), output.std()))


@mistake("1.3")
def layer_statistics(model, x, layer_type):
    """Your hook returns what it computed, and PyTorch puts that in the place of the output: everything behind it sees other values. Let it return nothing."""
    import copy

    import torch

    twin, pairs = copy.deepcopy(model), []

    def hook(module, inputs, output):
        pairs.append(_mean_and_std(module, inputs, output))
        return output.mean() + 0 * output

    for module in twin.modules():
        if isinstance(module, layer_type):
            module.register_forward_hook(hook)
    with torch.no_grad():
        twin(x)
    return pairs


@mistake("1.3")
def layer_statistics(model, x, layer_type):
    """Your hooks are still on the model: each later run calls them again. Keep what `register_forward_hook` returns, and call `.remove()`."""
    return _hooked(model, x, layer_type, _in_evaluation_mode, remove=False)


@mistake("1.3")
def layer_statistics(model, x, layer_type):
    """Two things stay behind: your hooks, which nothing removes, and the buffers of batch normalizations, which a run in training mode updates. A copy of the model solves both."""
    import torch

    with torch.no_grad():
        return _hooked(model, x, layer_type, lambda model, x: model(x), remove=False)


@mistake("1.3")
def layer_statistics(model, x, layer_type):
    """Outputs are kept and looked at too late, the numbers are tensors, and your hooks stay on the model. Inside the hook take `.mean().item()` and `.std().item()`, and run a copy of the model."""
    outputs = []
    for module in model.modules():
        if isinstance(module, layer_type):
            module.register_forward_hook(lambda module, inputs, output: outputs.append(output))
    model(x)
    return [(output.mean(), output.std()) for output in outputs]


@mistake("1.3")
def layer_statistics(model, x, layer_type):
    """The numbers are tensors (take `.item()`), and your hooks stay on the model (run a copy of it, or remove them)."""
    pairs = []
    for module in model.modules():
        if isinstance(module, layer_type):
            module.register_forward_hook(lambda module, i, output: pairs.append((output.mean(), output.std())))
    model(x)
    return pairs


@mistake("1.3")
def layer_statistics(model, x, layer_type):
    """Your hooks stay on the model, and it is left in evaluation mode. A copy of the model may be changed as you like."""
    import torch

    model.eval()
    with torch.no_grad():
        return _hooked(model, x, layer_type, lambda model, x: model(x), remove=False)


@mistake("1.3")
def layer_statistics(model, x, layer_type):
    """You clear all hooks, those that the model had before too: remove only your own."""
    pairs = _hooked(model, x, layer_type, _in_evaluation_mode)
    for module in model.modules():
        module._forward_hooks.clear()
    return pairs


@mistake("1.3")
def layer_statistics(model, x, layer_type):
    """The model is left in evaluation mode."""
    import torch

    model.eval()
    with torch.no_grad():
        return _hooked(model, x, layer_type, lambda model, x: model(x))


@mistake("1.3")
def layer_statistics(model, x, layer_type):
    """`model.train(...)` at the end sets all modules to one mode; before, some were training and some were not. Note the mode of each."""
    import torch

    was_training = model.training
    model.eval()
    with torch.no_grad():
        pairs = _hooked(model, x, layer_type, lambda model, x: model(x))
    model.train(was_training)
    return pairs


@mistake("1.3", caught_by="test_leaves_the_model_as_it_was")
def layer_statistics(model, x, layer_type):
    """Running a model in training mode updates the buffers of its batch normalizations, `no_grad` or not: put them back, or run a copy."""
    import torch

    with torch.no_grad():
        return _hooked(model, x, layer_type, lambda model, x: model(x))


@mistake("1.3")
def layer_statistics(model, x, layer_type):
    """Gradients are switched off with `torch.set_grad_enabled(False)` and stay off for the whole program. `with torch.no_grad():` ends by itself."""
    import torch

    pairs = _watched(model, x, layer_type, _mean_and_std)
    torch.set_grad_enabled(False)
    return pairs


@mistake("1.3")
def layer_statistics(model, x, layer_type):
    """`model.zero_grad()` threw away the gradients that the caller had: there is no need to touch them."""
    pairs = _hooked(model, x, layer_type, _in_evaluation_mode)
    model.zero_grad()
    return pairs


@mistake("1.3")
def layer_statistics(model, x, layer_type):
    """`requires_grad_(False)` freezes the caller's weights; `with torch.no_grad():` leaves them alone."""
    model.requires_grad_(False)
    return _hooked(model, x, layer_type, _in_evaluation_mode)


@mistake("1.3")
def layer_statistics(model, x, layer_type):
    """Outputs are kept and looked at after the whole model ran, when an in-place ReLU has overwritten them; and that run updated the buffers of batch normalizations. Take the numbers inside the hook, and run a copy."""
    import torch

    outputs, handles = [], []
    for module in model.modules():
        if isinstance(module, layer_type):
            handles.append(module.register_forward_hook(lambda module, inputs, output: outputs.append(output)))
    with torch.no_grad():
        model(x)
    for handle in handles:
        handle.remove()
    return [_mean_and_std(None, None, output) for output in outputs]


@mistake("1.3")
def layer_statistics(model, x, layer_type):
    """You look modules up in the order in which they were registered, and one that never runs raises a KeyError. Let each hook append its pair to a list: that is the order in which they run."""
    import copy

    import torch

    twin, found = copy.deepcopy(model), {}
    names = [name for name, module in twin.named_modules() if isinstance(module, layer_type)]
    for name in names:
        twin.get_submodule(name).register_forward_hook(
            lambda *call, name=name: found.update({name: _mean_and_std(*call)})
        )
    with torch.no_grad():
        twin(x)
    return [found[name] for name in names]


@mistake("1.3")
def layer_statistics(model, x, layer_type):
    """Two slips: types are compared with `is` or `==`, so subclasses are missed; and `model.train(...)` at the end sets all modules to one mode, where some were training and some were not."""
    import torch

    found, was = [], model.training
    model.eval()
    handles = [
        module.register_forward_hook(lambda *call: found.append(_mean_and_std(*call)))
        for module in model.modules()
        if type(module) is layer_type
    ]
    with torch.no_grad():
        model(x)
    for handle in handles:
        handle.remove()
    model.train(was)
    return found


@mistake("1.3")
def layer_statistics(model, x, layer_type):
    """You run the model's direct children one after the other, which only nn.Sequential lets you do, and modules further down are missed. Put hooks on all `modules()`, and call the model."""
    import copy

    import torch

    found, twin, out = [], copy.deepcopy(model), x
    with torch.no_grad():
        for layer in twin:
            out = layer(out)
            if isinstance(layer, layer_type):
                found.append((out.mean().item(), out.std().item()))
    return found


@mistake("1.3")
def layer_statistics(model, x, layer_type):
    """Your hooks stay on the model: take each off by its handle. And `model.train(...)` at the end sets all modules to one mode; note the mode of each."""
    import torch

    was = model.training
    model.eval()
    with torch.no_grad():
        pairs = _hooked(model, x, layer_type, lambda model, x: model(x), remove=False)
    model.train(was)
    return pairs
