"""Known wrong answers to exercise 9.1, each with the sentence that helps."""

import copy

import torch
from torch import nn

from bncourse.checking import mistake


def _twin(model, batch_norms=(nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)):
    """A copy in evaluation mode, but for its batch normalizations."""
    twin = copy.deepcopy(model).eval()
    for module in twin.modules():
        if isinstance(module, batch_norms):
            module.train()
    return twin


def _joined(image, others):
    return torch.cat([image[None], others])


def _rows(twin, image, companions):
    """The logits of the image in each company, (K, num_classes)."""
    with torch.no_grad():
        return torch.stack([twin(_joined(image, others))[0] for others in companions])


# Which statistics normalise
@mistake("9.1")
def prediction_noise(model, image, companions):
    """The noise is 0: whatever images come with it, the image gets the same logits. Its normalizations, and only they, have to be
    in training mode, and each group of companions goes through the network in a batch of its own, with the image."""
    return _rows(copy.deepcopy(model).eval(), image, companions).std(0)


@mistake("9.1", caught_by="test_only_the_company_makes_noise")
def prediction_noise(model, image, companions):
    """All of the model is in training mode, dropout too: its noise is added to that of the batch. `eval()` first, then
    `.train()` for the batch normalizations."""
    return _rows(copy.deepcopy(model).train(), image, companions).std(0)


@mistake("9.1")
def prediction_noise(model, image, companions):
    """The mode is left to the caller: a model that comes in evaluation mode makes no noise, one in training mode has
    dropout on. Set the modes yourself, on a copy."""
    return _rows(copy.deepcopy(model), image, companions).std(0)


@mistake("9.1")
def prediction_noise(model, image, companions):
    """Only `BatchNorm2d` is put into training mode; 1d and 3d go on with running statistics. `isinstance` takes a tuple
    of all three."""
    return _rows(_twin(model, nn.BatchNorm2d), image, companions).std(0)


@mistake("9.1")
def prediction_noise(model, image, companions):
    """Only `BatchNorm1d` is put into training mode; 2d and 3d go on with running statistics. `isinstance` takes a tuple
    of all three."""
    return _rows(_twin(model, nn.BatchNorm1d), image, companions).std(0)


@mistake("9.1", caught_by="test_every_batch_normalization_uses_batch_statistics")
def prediction_noise(model, image, companions):
    """`BatchNorm3d` is left out: a model of volumes goes on with running statistics."""
    return _rows(_twin(model, (nn.BatchNorm1d, nn.BatchNorm2d)), image, companions).std(0)


@mistake("9.1")
def prediction_noise(model, image, companions):
    """Only direct children are searched: a normalization inside a block stays in evaluation mode. `modules()` meets all."""
    twin = copy.deepcopy(model).eval()
    for module in twin.children():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            module.train()
    return _rows(twin, image, companions).std(0)


@mistake("9.1")
def prediction_noise(model, image, companions):
    """Only the first normalization gets batch statistics; the others stay in evaluation mode."""
    twin = copy.deepcopy(model).eval()
    for module in twin.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            module.train()
            break
    return _rows(twin, image, companions).std(0)


@mistake("9.1", caught_by="test_dropout_is_off")
def prediction_noise(model, image, companions):
    """Only `nn.Dropout` is switched off; `Dropout2d`, `AlphaDropout` and the like still draw masks. Evaluation mode for
    all but the normalizations is safer."""
    twin = copy.deepcopy(model).train()
    for module in twin.modules():
        if type(module) is nn.Dropout:
            module.eval()
    return _rows(twin, image, companions).std(0)


@mistake("9.1")
def prediction_noise(model, image, companions):
    """The companions run first, and the image alone after them, with their statistics. The image is part of its batch:
    join it to them, and run both at once."""
    answers = []
    for others in companions:
        twin = _twin(model)
        for module in twin.modules():
            if isinstance(module, nn.modules.batchnorm._BatchNorm):
                if not module.track_running_stats:
                    module.track_running_stats, width = True, module.num_features
                    module.register_buffer("running_mean", torch.zeros(width, dtype=others.dtype))
                    module.register_buffer("running_var", torch.ones(width, dtype=others.dtype))
                    module.register_buffer("num_batches_tracked", torch.tensor(0))
                module.momentum = 1.0
        with torch.no_grad():
            twin(torch.cat([others, others]))
            answers.append(twin.eval()(image[None])[0])
    return torch.stack(answers).std(0)


@mistake("9.1", caught_by="test_a_normalization_may_have_any_options")
def prediction_noise(model, image, companions):
    """`track_running_stats = False` in evaluation mode does not bring in batch statistics: PyTorch goes on using the
    running ones as long as they are there. Training mode does. (And the setting stays behind.)"""
    model.eval()
    for module in model.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            module.track_running_stats = False
    return _rows(model, image, companions).std(0)


# Which batch
@mistake("9.1")
def prediction_noise(model, image, companions):
    """The batches pile up: each holds all companions so far. Run the image with each set of companions separately."""
    return _rows(_twin(model), image, [torch.cat(list(companions[: k + 1])) for k in range(len(companions))]).std(0)


@mistake("9.1")
def prediction_noise(model, image, companions):
    """Each companion makes a batch of two with the image; the exercise asks for one batch with all of them together."""
    return _rows(_twin(model), image, [other[None] for others in companions for other in others]).std(0)


@mistake("9.1")
def prediction_noise(model, image, companions):
    """The image stands in the batch as often as there are companions, so half of the statistics are its own. Once is
    enough."""
    return _rows(_twin(model), image, [torch.cat([image.expand_as(o)[1:], o]) for o in companions]).std(0)


@mistake("9.1")
def prediction_noise(model, image, companions):
    """The image takes the place of the first companion. It should join them: the batch has B + 1 images."""
    return _rows(_twin(model), image, [others[1:] if len(others) > 1 else others for others in companions]).std(0)


@mistake("9.1")
def prediction_noise(model, image, companions):
    """The logits are those of a companion: your image stands last, but row 0 is read."""
    twin = _twin(model)
    with torch.no_grad():
        return torch.stack([twin(torch.cat([others, image[None]]))[0] for others in companions]).std(0)


@mistake("9.1")
def prediction_noise(model, image, companions):
    """The standard deviation runs over all images of all batches. Only the rows of your image count."""
    twin = _twin(model)
    with torch.no_grad():
        return torch.cat([twin(_joined(image, others)) for others in companions]).std(0)


@mistake("9.1")
def prediction_noise(model, image, companions):
    """The logits are averaged over the batch before the standard deviation is
    taken. Only the row of your image counts.
    """
    twin = _twin(model)
    with torch.no_grad():
        return torch.stack([twin(_joined(image, others)).mean(0) for others in companions]).std(0)


@mistake("9.1")
def prediction_noise(model, image, companions):
    """The standard deviation runs over the images of one batch, averaged over
    batches. The exercise asks for the standard deviation over the batches, for one
    and the same image.
    """
    twin = _twin(model)
    with torch.no_grad():
        return torch.stack([twin(_joined(image, others)).std(0) for others in companions]).mean(0)


# Which number
@mistake("9.1")
def prediction_noise(model, image, companions):
    """These are probabilities (softmax); asked for is the noise of the logits."""
    return _rows(_twin(model), image, companions).softmax(1).std(0)


@mistake("9.1")
def prediction_noise(model, image, companions):
    """This is the noise of log-probabilities; the exercise asks for that of the logits, as the model returns them."""
    return _rows(_twin(model), image, companions).log_softmax(1).std(0)


@mistake("9.1")
def prediction_noise(model, image, companions):
    """This is the variance; the standard deviation is its root."""
    return _rows(_twin(model), image, companions).var(0)


@mistake("9.1")
def prediction_noise(model, image, companions):
    """This is the biased variance; the standard deviation is its root."""
    return _rows(_twin(model), image, companions).var(0, correction=0)


@mistake("9.1")
def prediction_noise(model, image, companions):
    """This is the mean of the answers, not their standard deviation."""
    return _rows(_twin(model), image, companions).mean(0)


@mistake("9.1")
def prediction_noise(model, image, companions):
    """This is the range, largest minus smallest answer; it grows with the number of batches, the standard deviation
    does not."""
    rows = _rows(_twin(model), image, companions)
    return rows.amax(0) - rows.amin(0)


@mistake("9.1")
def prediction_noise(model, image, companions):
    """This is the mean distance from the mean; the standard deviation is the root of the mean square."""
    rows = _rows(_twin(model), image, companions)
    return (rows - rows.mean(0)).abs().mean(0)


@mistake("9.1", caught_by="test_one_pixel_by_hand")
def prediction_noise(model, image, companions):
    """The standard deviation is divided by √K: that is the uncertainty of the mean answer, not the noise of one."""
    return _rows(_twin(model), image, companions).std(0) / len(companions) ** 0.5


@mistake("9.1")
def prediction_noise(model, image, companions):
    """Distances are taken from the answer in evaluation mode, not from the mean of the answers: a common offset of all
    companies counts as noise."""
    still = copy.deepcopy(model).eval()
    with torch.no_grad():
        inference = still(image[None])[0]
    return ((_rows(_twin(model), image, companions) - inference) ** 2).mean(0).sqrt()


@mistake("9.1")
def prediction_noise(model, image, companions):
    """The standard deviation runs over the classes, one number for each set of
    companions. These run along axis 0 of (K, num_classes).
    """
    return _rows(_twin(model), image, companions).std(1)


@mistake("9.1")
def prediction_noise(model, image, companions):
    """One number for all classes: each logit has a noise of its own."""
    return _rows(_twin(model), image, companions).std(0).mean()


@mistake("9.1")
def prediction_noise(model, image, companions):
    """One number, the standard deviation of all logits of all classes together. Each logit has a noise of its own."""
    return _rows(_twin(model), image, companions).std()


NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)


def norms_of(model):
    return [module for module in model.modules() if isinstance(module, NORMS)]


def by_momentum_of_one(model, batches, answer_of):
    """Answers in evaluation mode, after each batch has become the running statistics."""
    twin, answers = copy.deepcopy(model), []
    for norm in norms_of(twin):
        norm.momentum = 1.0
    with torch.no_grad():
        for batch in batches:
            twin.eval()
            for norm in norms_of(twin):
                norm.train()
            twin(batch)
            answers.append(answer_of(twin.eval(), batch))
    return torch.stack(answers).std(0)


@mistake("9.1")
def prediction_noise(model, image, companions):
    """Your image is not in the batch: the companions run without it. Join it to them with `torch.cat`."""
    twin = _twin(model)
    with torch.no_grad():
        return torch.stack([twin(others).mean(0) for others in companions]).std(0)


@mistake("9.1")
def prediction_noise(model, image, companions):
    """Your image runs alone, the companions not at all: a batch of one has no other images. Join both with
    `torch.cat`."""
    twin = _twin(model)
    with torch.no_grad():
        return torch.stack([twin(image[None])[0] for _ in companions]).std(0)


@mistake("9.1")
def prediction_noise(model, image, companions):
    """The shapes do not fit: `image` is (C, H, W), the companions are (B, C, H, W). `image[None]` makes a batch of one of it."""
    twin = _twin(model)
    with torch.no_grad():
        return torch.stack([twin(torch.cat([image, others]))[0] for others in companions]).std(0)


@mistake("9.1")
def prediction_noise(model, image, companions):
    """The same seed before each run gives dropout the same mask, but it is still on, and other batch sizes get other masks. Switch it off."""
    twin, answers = copy.deepcopy(model).train(), []
    state = torch.random.get_rng_state()
    with torch.no_grad():
        for others in companions:
            torch.manual_seed(0)
            answers.append(twin(_joined(image, others))[0])
    torch.random.set_rng_state(state)
    return torch.stack(answers).std(0)


@mistake("9.1", caught_by="test_logits_of_the_image_over_its_companies")
def prediction_noise(model, image, companions):
    """Only the first two companies are used. All of them count."""
    return _rows(_twin(model), image, companions[:2]).std(0)


@mistake("9.1")
def prediction_noise(model, image, companions):
    """This is how much the verdict, the class with the largest logit, jumps about. The exercise asks for the noise of
    the logits."""
    return _rows(_twin(model), image, companions).argmax(1).double().std()


@mistake("9.1")
def prediction_noise(model, image, companions):
    """The noise is divided by the size of the logit. A logit may be 0, and what counts is how far it moves: leave it undivided."""
    logits = _rows(_twin(model), image, companions)
    return logits.std(0) / logits.mean(0).abs()


@mistake("9.1")
def prediction_noise(model, image, companions):
    """This is the median distance from the median, a robust spread. The exercise asks for the standard deviation."""
    logits = _rows(_twin(model), image, companions)
    return (logits - logits.median(0).values).abs().median(0).values


@mistake("9.1")
def prediction_noise(model, image, companions):
    """Momentum 1 makes running statistics of each batch, but with the unbiased variance, and normalizations behind the first then see other numbers than in training. Run in training mode instead."""
    batches = [_joined(image, others) for others in companions]
    return by_momentum_of_one(model, batches, lambda twin, batch: twin(batch)[0])


@mistake("9.1")
def prediction_noise(model, image, companions):
    """The statistics are those of the companions alone. In training the image is a part of its own batch and moves them too."""
    return by_momentum_of_one(model, companions, lambda twin, batch: twin(image[None])[0])


@mistake("9.1")
def prediction_noise(model, image, companions):
    """`track_running_stats = False` makes the caller's normalizations use each batch, and stays so. Change a copy."""
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    for norm in norms_of(model):
        norm.track_running_stats = False
        norm.train()
    with torch.no_grad():
        noise = torch.stack([model(_joined(image, others))[0] for others in companions]).std(0)
    for module, mode in modes:
        module.training = mode
    return noise


def _deviation(model, image, companions):
    """The noise of the image in the model as it stands."""
    with torch.no_grad():
        return torch.stack([model(torch.cat([image[None], others]))[0] for others in companions]).std(0)


def _noise(model, image, companions):
    """The right answer, on a copy."""
    twin = copy.deepcopy(model).eval()
    for module in twin.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            module.train()
    return _deviation(twin, image, companions)


def _on_the_model(model, image, companions):
    """The right noise, on the model itself; all is put back but running statistics and counters."""
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    for module in model.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            module.train()
    noise = _deviation(model, image, companions)
    for module, mode in modes:
        module.training = mode
    return noise


def _kept(model, part=""):
    """Copies of the buffers whose names end in `part`."""
    return [(buffer, buffer.clone()) for name, buffer in model.named_buffers() if name.endswith(part)]


def _put_back(kept):
    for buffer, value in kept:
        buffer.copy_(value)


@mistake("9.1")
def prediction_noise(model, image, companions):
    """The model's running statistics have moved: in training mode each run updates them, `no_grad` or not. A state dict
    kept aside does not help without `.clone()`, for it holds the very same tensors."""
    return _on_the_model(model, image, companions)


@mistake("9.1")
def prediction_noise(model, image, companions):
    """Running means and variances are right again, but `num_batches_tracked` has counted your runs. (A momentum of 0
    does not stop it either.)"""
    kept = _kept(model, "running_mean") + _kept(model, "running_var")
    noise = _on_the_model(model, image, companions)
    _put_back(kept)
    return noise


@mistake("9.1", caught_by="test_running_statistics_stay")
def prediction_noise(model, image, companions):
    """The running means are put back, the running variances and counters are not."""
    kept = _kept(model, "running_mean")
    noise = _on_the_model(model, image, companions)
    _put_back(kept)
    return noise


@mistake("9.1")
def prediction_noise(model, image, companions):
    """The running statistics start afresh (`reset_running_stats()`): what the model had learned is gone."""
    noise = _on_the_model(model, image, companions)
    for module in model.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            module.reset_running_stats()
    return noise


@mistake("9.1")
def prediction_noise(model, image, companions):
    """The running statistics of the caller's model are taken away (set to `None`), so it can no longer run in evaluation
    mode as before. Do that on a copy."""
    noise = _noise(model, image, companions)
    for module in model.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            module.running_mean = module.running_var = None
    return noise


@mistake("9.1")
def prediction_noise(model, image, companions):
    """Momentum is set to 0 so that running statistics stay, and is left so: they will never move again."""
    noise = _noise(model, image, companions)
    for module in model.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            module.momentum = 0.0
    return noise


@mistake("9.1")
def prediction_noise(model, image, companions):
    """The modes are not put back: the model is left in evaluation mode, its normalizations in training mode."""
    noise = _noise(model, image, companions)
    model.eval()
    for module in model.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            module.train()
    return noise


@mistake("9.1", caught_by="test_leaves_all_else_as_it_was")
def prediction_noise(model, image, companions):
    """The model is left in training mode."""
    noise = _noise(model, image, companions)
    model.train()
    return noise


@mistake("9.1")
def prediction_noise(model, image, companions):
    """The model is left in evaluation mode."""
    noise = _noise(model, image, companions)
    model.eval()
    return noise


@mistake("9.1")
def prediction_noise(model, image, companions):
    """`model.train(...)` at the end sets all modules to one mode; before, some were training and some were not. Note the
    mode of each, or work on a copy."""
    noise = _noise(model, image, companions)
    model.train(model.training)
    return noise


@mistake("9.1")
def prediction_noise(model, image, companions):
    """Dropout is switched off by `p = 0` and stays so: the caller's model has lost it."""
    noise = _noise(model, image, companions)
    for module in model.modules():
        if isinstance(module, nn.modules.dropout._DropoutNd):
            module.p = 0.0
    return noise


@mistake("9.1")
def prediction_noise(model, image, companions):
    """`zero_grad()` threw away the gradients that the caller had: there is no need to touch them."""
    noise = _noise(model, image, companions)
    model.zero_grad()
    return noise


@mistake("9.1")
def prediction_noise(model, image, companions):
    """`requires_grad_(False)` freezes the caller's weights; `with torch.no_grad():` leaves them alone."""
    noise = _noise(model, image, companions)
    model.requires_grad_(False)
    return noise


@mistake("9.1")
def prediction_noise(model, image, companions):
    """Gradients are switched off with `torch.set_grad_enabled(False)` and stay off for the whole program.
    `with torch.no_grad():` ends by itself."""
    noise = _noise(model, image, companions)
    torch.set_grad_enabled(False)
    return noise


@mistake("9.1")
def prediction_noise(model, image, companions):
    """`torch.manual_seed` inside the function starts the caller's random numbers anew. Nothing here needs chance."""
    torch.manual_seed(0)
    return _noise(model, image, companions)


@mistake("9.1")
def prediction_noise(model, image, companions):
    """The dropout modules of the caller's model are replaced by `nn.Identity()`, for good. Do that on a copy."""
    noise = _noise(model, image, companions)
    for module in list(model.modules()):
        for name, child in list(module.named_children()):
            if isinstance(child, nn.modules.dropout._DropoutNd):
                setattr(module, name, nn.Identity())
    return noise


@mistake("9.1")
def prediction_noise(model, image, companions):
    """The image is overwritten: its batch shares its memory, or it was standardised in place. Work on a copy."""
    noise = _noise(model, image, companions)
    image -= image.mean()
    return noise


# As they are often written, on the model itself
@mistake("9.1")
def prediction_noise(model, image, companions):
    """`model.train()` puts all of the model into training mode and leaves it there: dropout makes noise of its own, and running statistics
    move. Take a copy.deepcopy, `eval()` it, then `train()` its batch normalizations alone."""
    return _rows(model.train(), image, companions).std(0)


@mistake("9.1")
def prediction_noise(model, image, companions):
    """`model.train()` puts all of the model into training mode: dropout makes noise of its own, and running statistics move, which the mode
    put back at the end does not undo. Take a copy.deepcopy, `eval()` it, then `train()` its batch normalizations alone."""
    before = model.training
    noise = _rows(model.train(), image, companions).std(0)
    model.train(before)
    return noise


@mistake("9.1")
def prediction_noise(model, image, companions):
    """The right layers are in training mode, but they are those of the caller: running statistics and counters move, and modes stay changed. Do
    the same with a copy.deepcopy."""
    model.eval()
    for module in model.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            module.train()
    return _rows(model, image, companions).std(0)


@mistake("9.1")
def prediction_noise(model, image, companions):
    """All companions are joined into one batch, and the standard deviation is over
    the logits of its images. Run the image once with each batch of companions, and
    compare the image's own logits.
    """
    with torch.no_grad():
        return _twin(model)(torch.cat([image[None], *companions])).std(0)


@mistake("9.1")
def prediction_noise(model, image, companions):
    """The logits are those of a companion: your image stands first, but the last row is read."""
    twin = _twin(model)
    with torch.no_grad():
        return torch.stack([twin(_joined(image, others))[-1] for others in companions]).std(0)


@mistake("9.1")
def prediction_noise(model, image, companions):
    """`train()` for the whole model switches dropout on too. Putting the state of the random numbers back hides from others that it drew, but its noise is in the answer."""
    state = torch.get_rng_state()
    rows = _rows(copy.deepcopy(model).train(), image, companions)
    torch.set_rng_state(state)
    return rows.std(0)
