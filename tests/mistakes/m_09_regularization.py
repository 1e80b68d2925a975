"""Known wrong answers to exercise 9.1: other statistics, other batches, other numbers; each with the sentence that helps."""

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
    """All of the model is in evaluation mode: its normalizations use running statistics, so the company cannot matter
    and the noise is 0. Put them, and only them, into training mode."""
    return _rows(copy.deepcopy(model).eval(), image, companions).std(0)


@mistake("9.1")
def prediction_noise(model, image, companions):
    """All of the model is in training mode, dropout too: its noise comes on top of the company's. `eval()` first, then
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


@mistake("9.1")
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


@mistake("9.1")
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
    """The company goes through first and the image alone after it, with the company's statistics. In its batch the image
    counts too: join it, and run both at once."""
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


@mistake("9.1")
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
    """The companies pile up: each batch holds all companions so far. Each company is to be seen by itself."""
    return _rows(_twin(model), image, [torch.cat(list(companions[: k + 1])) for k in range(len(companions))]).std(0)


@mistake("9.1")
def prediction_noise(model, image, companions):
    """Each companion makes a batch of two with the image; asked for is one batch with all of them together."""
    return _rows(_twin(model), image, [other[None] for others in companions for other in others]).std(0)


@mistake("9.1")
def prediction_noise(model, image, companions):
    """The image stands in the batch as often as there are companions, so half of the statistics are its own. Once is
    enough."""
    return _rows(_twin(model), image, [torch.cat([image.expand_as(o)[1:], o]) for o in companions]).std(0)


@mistake("9.1")
def prediction_noise(model, image, companions):
    """The image takes the place of the first companion. It is to join them: the batch has B + 1 images."""
    return _rows(_twin(model), image, [others[1:] if len(others) > 1 else others for others in companions]).std(0)


@mistake("9.1")
def prediction_noise(model, image, companions):
    """The logits are those of a companion: your image stands last, but row 0 is read."""
    twin = _twin(model)
    with torch.no_grad():
        return torch.stack([twin(torch.cat([others, image[None]]))[0] for others in companions]).std(0)


@mistake("9.1")
def prediction_noise(model, image, companions):
    """The deviation runs over all images of all batches. Only the rows of your image count."""
    twin = _twin(model)
    with torch.no_grad():
        return torch.cat([twin(_joined(image, others)) for others in companions]).std(0)


@mistake("9.1")
def prediction_noise(model, image, companions):
    """The logits are averaged over the batch before the deviation is taken. Only the row of your image counts."""
    twin = _twin(model)
    with torch.no_grad():
        return torch.stack([twin(_joined(image, others)).mean(0) for others in companions]).std(0)


@mistake("9.1")
def prediction_noise(model, image, companions):
    """The deviation runs over the images of one batch, averaged over batches. Asked for is the one over companies, for
    one and the same image."""
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
    """This is the noise of log-probabilities; asked for is that of the logits, as the model returns them."""
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
    """This is the mean of the answers, not their deviation."""
    return _rows(_twin(model), image, companions).mean(0)


@mistake("9.1")
def prediction_noise(model, image, companions):
    """This is the range, largest minus smallest answer; it grows with the number of companies, the deviation does not."""
    rows = _rows(_twin(model), image, companions)
    return rows.amax(0) - rows.amin(0)


@mistake("9.1")
def prediction_noise(model, image, companions):
    """This is the mean distance from the mean; the deviation is the root of the mean square."""
    rows = _rows(_twin(model), image, companions)
    return (rows - rows.mean(0)).abs().mean(0)


@mistake("9.1")
def prediction_noise(model, image, companions):
    """The deviation is divided by √K: that is the uncertainty of the mean answer, not the noise of one."""
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
    """The deviation runs over the classes, one number a company. Companies stand along axis 0 of (K, num_classes)."""
    return _rows(_twin(model), image, companions).std(1)


@mistake("9.1")
def prediction_noise(model, image, companions):
    """One number for all classes: each logit has a noise of its own."""
    return _rows(_twin(model), image, companions).std(0).mean()


@mistake("9.1")
def prediction_noise(model, image, companions):
    """One number, the deviation of all logits of all classes together. Each logit has a noise of its own."""
    return _rows(_twin(model), image, companions).std()
