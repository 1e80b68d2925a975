"""Known wrong answers to exercise 6.4, each with the sentence that helps."""

import copy

import torch
from torch import nn

from bncourse.checking import mistake


def right_answers(model, loader, device, axis=1):
    """Right verdicts and number of images of each batch."""
    rights, sizes = [], []
    for images, labels in loader:
        verdicts = model(images.to(device)).argmax(axis)
        rights.append((verdicts == labels.to(device)).sum().item())
        sizes.append(len(labels))
    return rights, sizes


class Kept:
    """Evaluation mode and no gradient inside the `with`; all modes as before behind it."""

    def __init__(self, model, recording=False):
        self.model, self.switch = model, torch.set_grad_enabled(recording)

    def __enter__(self):
        self.modes = [(module, module.training) for module in self.model.modules()]
        self.model.eval()

    def __exit__(self, *error):
        self.switch.__exit__(*error)
        for module, mode in self.modes:
            module.training = mode


@mistake("6.4", caught_by="test_statistics_of_inference_and_no_dropout")
def evaluate(model, loader, device):
    """`model.eval()` is missing: batch statistics and dropout decide, and the running statistics move."""
    with torch.no_grad():
        rights, sizes = right_answers(model, loader, device)
    return sum(rights) / sum(sizes)


@mistake("6.4")
def evaluate(model, loader, device):
    """The model is left in evaluation mode: the next epoch would train with running statistics and without dropout."""
    model.eval()
    with torch.no_grad():
        rights, sizes = right_answers(model, loader, device)
    return sum(rights) / sum(sizes)


@mistake("6.4", caught_by="test_the_mode_found_is_the_mode_left")
def evaluate(model, loader, device):
    """The model is always left in training mode, also when it came in evaluation mode."""
    model.eval()
    with torch.no_grad():
        rights, sizes = right_answers(model, loader, device)
    model.train()
    return sum(rights) / sum(sizes)


@mistake("6.4", caught_by="test_every_module_keeps_its_own_mode")
def evaluate(model, loader, device):
    """`train(mode)` reaches all modules inside: with that of the outermost one, given last, all have its mode, and a frozen layer thaws.
    Give each module its own `training` back."""
    training = model.training
    model.eval()
    with torch.no_grad():
        rights, sizes = right_answers(model, loader, device)
    model.train(training)
    return sum(rights) / sum(sizes)


@mistake("6.4")
def evaluate(model, loader, device):
    """Only the outermost module gets its mode back; those inside it stay in evaluation mode."""
    training = model.training
    model.eval()
    with torch.no_grad():
        rights, sizes = right_answers(model, loader, device)
    model.training = training
    return sum(rights) / sum(sizes)


@mistake("6.4")
def evaluate(model, loader, device):
    """The modes of the outermost module and of the layers right inside it are put back; modules deeper down are forgotten.
    `model.modules()` meets all."""
    modes = [(module, module.training) for module in (model, *model.children())]
    model.eval()
    with torch.no_grad():
        rights, sizes = right_answers(model, loader, device)
    for module, mode in modes:
        module.training = mode
    return sum(rights) / sum(sizes)


@mistake("6.4", caught_by="test_no_gradient_and_no_trace")
def evaluate(model, loader, device):
    """Gradients are recorded: eval() does not switch them off, torch.no_grad() does."""
    with Kept(model, recording=True):
        rights, sizes = right_answers(model, loader, device)
    return sum(rights) / sum(sizes)


@mistake("6.4")
def evaluate(model, loader, device):
    """no_grad() is taken for eval(), with the mode set by hand to training: normalization uses the statistics of each batch."""
    with Kept(model):
        model.train()
        rights, sizes = right_answers(model, loader, device)
    return sum(rights) / sum(sizes)


@mistake("6.4")
def evaluate(model, loader, device):
    """Gradients are switched off for good: after the call nothing can be trained. Use `with torch.no_grad():`."""
    with Kept(model):
        rights, sizes = right_answers(model, loader, device)
    torch.set_grad_enabled(False)
    return sum(rights) / sum(sizes)


@mistake("6.4")
def evaluate(model, loader, device):
    """requires_grad of the parameters is switched off and stays so: the model could not be trained on."""
    model.requires_grad_(False)
    with Kept(model):
        rights, sizes = right_answers(model, loader, device)
    return sum(rights) / sum(sizes)


@mistake("6.4")
def evaluate(model, loader, device):
    """The gradients that were in the model are wiped out: a test has no business with `.grad`."""
    model.zero_grad()
    with Kept(model):
        rights, sizes = right_answers(model, loader, device)
    return sum(rights) / sum(sizes)


@mistake("6.4")
def evaluate(model, loader, device):
    """The result is the mean of the batches' accuracies: images of a smaller batch count more than others."""
    with Kept(model):
        rights, sizes = right_answers(model, loader, device)
    return sum(right / size for right, size in zip(rights, sizes)) / len(sizes)


@mistake("6.4")
def evaluate(model, loader, device):
    """Two slips: gradients are recorded, for eval() does not switch them off; and the model is left in evaluation mode."""
    model.eval()
    rights, sizes = right_answers(model, loader, device)
    return sum(rights) / sum(sizes)


@mistake("6.4")
def evaluate(model, loader, device):
    """Two slips: the mean of the batches' accuracies lets images of a smaller batch count more than others; and the model is left in evaluation
    mode."""
    model.eval()
    with torch.no_grad():
        rights, sizes = right_answers(model, loader, device)
    return sum(right / size for right, size in zip(rights, sizes)) / len(sizes)


@mistake("6.4")
def evaluate(model, loader, device):
    """Three slips: the mean of the batches' accuracies lets images of a smaller batch count more than others; gradients are recorded; and the
    model is left in evaluation mode."""
    model.eval()
    rights, sizes = right_answers(model, loader, device)
    return sum(right / size for right, size in zip(rights, sizes)) / len(sizes)


@mistake("6.4")
def evaluate(model, loader, device):
    """The result is the number of right answers, not their share."""
    with Kept(model):
        return float(sum(right_answers(model, loader, device)[0]))


@mistake("6.4")
def evaluate(model, loader, device):
    """The result is in percent; the exercise asks for a share from 0 to 1."""
    with Kept(model):
        rights, sizes = right_answers(model, loader, device)
    return 100 * sum(rights) / sum(sizes)


@mistake("6.4")
def evaluate(model, loader, device):
    """The result is the share of wrong answers, the error."""
    with Kept(model):
        rights, sizes = right_answers(model, loader, device)
    return 1 - sum(rights) / sum(sizes)


@mistake("6.4")
def evaluate(model, loader, device):
    """The result is the accuracy of the last batch alone."""
    with Kept(model):
        rights, sizes = right_answers(model, loader, device)
    return rights[-1] / sizes[-1]


@mistake("6.4")
def evaluate(model, loader, device):
    """The right answers are divided by the number of batches, not of images."""
    with Kept(model):
        rights, sizes = right_answers(model, loader, device)
    return sum(rights) / len(sizes)


@mistake("6.4")
def evaluate(model, loader, device):
    """The right answers are divided by the first batch's size times the number of batches: the last batch may be smaller."""
    with Kept(model):
        rights, sizes = right_answers(model, loader, device)
    return sum(rights) / (sizes[0] * len(sizes))


@mistake("6.4")
def evaluate(model, loader, device):
    """The right answers are divided by len(loader.dataset), which need not be what the loader yields. Count the images you saw."""
    with Kept(model):
        rights, _ = right_answers(model, loader, device)
    return sum(rights) / len(loader.dataset)


@mistake("6.4")
def evaluate(model, loader, device):
    """argmax(0) goes down the batch: the verdict on an image is argmax(1), over its logits."""
    rights, sizes = [], []
    with Kept(model):
        for images, labels in loader:
            best = model(images.to(device)).argmax(0)
            verdicts = torch.zeros_like(labels)
            verdicts[: len(best)] = best[: len(labels)]
            rights.append((verdicts == labels.to(device)).sum().item())
            sizes.append(len(labels))
    return sum(rights) / sum(sizes)


@mistake("6.4")
def evaluate(model, loader, device):
    """The sign of the second logit decides: right for two classes at best, and only if the first logit is 0."""
    rights, sizes = [], []
    with Kept(model):
        for images, labels in loader:
            verdicts = (model(images.to(device))[:, 1] > 0).long()
            rights.append((verdicts == labels.to(device)).sum().item())
            sizes.append(len(labels))
    return sum(rights) / sum(sizes)


@mistake("6.4")
def evaluate(model, loader, device):
    """The smallest logit is taken for the verdict."""
    rights, sizes = [], []
    with Kept(model):
        for images, labels in loader:
            verdicts = model(images.to(device)).argmin(1)
            rights.append((verdicts == labels.to(device)).sum().item())
            sizes.append(len(labels))
    return sum(rights) / sum(sizes)


@mistake("6.4")
def evaluate(model, loader, device):
    """Only layers of normalization go into evaluation mode: dropout goes on dropping. model.eval() reaches all."""
    modes = [(module, module.training) for module in model.modules()]
    for module in model.modules():
        if isinstance(module, nn.BatchNorm1d):
            module.eval()
    with torch.no_grad():
        rights, sizes = right_answers(model, loader, device)
    for module, mode in modes:
        module.training = mode
    return sum(rights) / sum(sizes)


@mistake("6.4", caught_by="test_batches_are_moved_to_the_device")
def evaluate(model, loader, device):
    """The images, or the labels that their verdicts are compared with, are never moved: on a GPU that ends in an error, for two tensors can only
    be compared on one device."""
    twin = copy.deepcopy(model).eval()
    right = count = 0
    with torch.no_grad():
        for images, labels in loader:
            right += (twin(images).argmax(1) == labels).sum().item()
            count += len(labels)
    return right / count


@mistake("6.4", caught_by="test_batches_of_different_sizes")
def evaluate(model, loader, device):
    """The loader is walked through twice, once to count: a generator is empty the second time."""
    count = sum(len(labels) for _, labels in loader)
    with Kept(model):
        rights, _ = right_answers(model, loader, device)
    return sum(rights) / count


@mistake("6.4", caught_by="test_share_of_right_answers")
def evaluate(model, loader, device):
    """With two classes the first logit alone decides for you, by its sign. Of two logits the larger decides, be both positive or negative."""
    right, count = 0, 0
    with Kept(model):
        for images, labels in loader:
            logits = model(images.to(device))
            verdicts = (logits[:, 0] < 0).long() if logits.shape[1] == 2 else logits.argmax(1)
            right += (verdicts == labels.to(device)).sum().item()
            count += len(labels)
    return right / count


@mistake("6.4")
def evaluate(model, loader, device):
    """`argmax(0)` goes down the batch and gives one number for each class, not for each image. The verdicts are `argmax(1)`."""
    right, count = 0, 0
    with Kept(model):
        for images, labels in loader:
            right += (model(images.to(device)).argmax(0) == labels.to(device)).sum().item()
            count += len(labels)
    return right / count


@mistake("6.4")
def evaluate(model, loader, device):
    """Two slips: the mean of the batches' accuracies lets images of a smaller batch count more; and `model.train(...)` at the end sets all modules to one mode, where each had its own."""
    was_training = model.training
    model.eval()
    with torch.no_grad():
        rights, sizes = right_answers(model, loader, device)
    model.train(was_training)
    return sum(right / size for right, size in zip(rights, sizes, strict=True)) / len(sizes)
