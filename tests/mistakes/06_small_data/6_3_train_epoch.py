"""Known wrong answers to exercise 6.3, each with the sentence that helps."""

import torch
from torch.nn import functional as F

from bncourse.checking import mistake


def train_as_asked(model, loader, optimizer, device, *, before=lambda: None, loss_of=F.cross_entropy, step=None):
    """The losses and sizes of the batches of an epoch with one part exchanged."""
    losses, sizes = [], []
    for images, labels in loader:
        images, labels = images.to(device), labels.to(device)
        before()
        loss = loss_of(model(images), labels)
        loss.backward()
        (step or optimizer.step)()
        losses.append(loss.item())
        sizes.append(len(labels))
    return losses, sizes


def weighted(losses, sizes):
    return sum(loss * size for loss, size in zip(losses, sizes)) / sum(sizes)


@mistake("6.3")
def train_epoch(model, loader, optimizer, device):
    """The result is the mean of the batch means: a smaller last batch counts as much as a full one. Weigh by the size of the batch."""
    model.train()
    losses = []
    for images, labels in loader:
        loss = F.cross_entropy(model(images.to(device)), labels.to(device))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return sum(losses) / len(losses)


@mistake("6.3")
def train_epoch(model, loader, optimizer, device):
    """Gradients pile up: `optimizer.zero_grad()` is missing, so each step also takes all the gradients before it."""
    model.train()
    return weighted(*train_as_asked(model, loader, optimizer, device))


@mistake("6.3")
def train_epoch(model, loader, optimizer, device):
    """zero_grad stands before the loop: from the second batch on, gradients pile up. It belongs into the loop."""
    model.train()
    optimizer.zero_grad()
    return weighted(*train_as_asked(model, loader, optimizer, device))


@mistake("6.3", caught_by="test_an_older_gradient_does_not_leak_in")
def train_epoch(model, loader, optimizer, device):
    """zero_grad is called only after the step: gradients left over from before the call enter the first step."""
    model.train()

    def step():
        optimizer.step()
        optimizer.zero_grad()

    return weighted(*train_as_asked(model, loader, optimizer, device, step=step))


@mistake("6.3")
def train_epoch(model, loader, optimizer, device):
    """Nothing is learnt: `optimizer.step()` is missing, or zero_grad stands between backward and step and wipes out the gradient."""
    model.train()
    return weighted(*train_as_asked(model, loader, optimizer, device, before=optimizer.zero_grad, step=lambda: None))


@mistake("6.3", caught_by="test_training_mode_whatever_the_mode_before")
def train_epoch(model, loader, optimizer, device):
    """The mode is left as it comes: a model that arrives in evaluation mode trains with running statistics and without dropout."""
    return weighted(*train_as_asked(model, loader, optimizer, device, before=optimizer.zero_grad))


@mistake("6.3")
def train_epoch(model, loader, optimizer, device):
    """The model is put into evaluation mode: normalization then uses running statistics and never updates them."""
    model.eval()
    return weighted(*train_as_asked(model, loader, optimizer, device, before=optimizer.zero_grad))


@mistake("6.3")
def train_epoch(model, loader, optimizer, device):
    """The loss is computed anew after the step. The exercise asks for the losses whose gradients were taken, from
    before it."""
    model.train()
    total = count = 0
    for images, labels in loader:
        images, labels = images.to(device), labels.to(device)
        optimizer.zero_grad()
        F.cross_entropy(model(images), labels).backward()
        optimizer.step()
        with torch.no_grad():
            total += F.cross_entropy(model(images), labels).item() * len(labels)
        count += len(labels)
    return total / count


@mistake("6.3", caught_by="test_the_mean_over_samples_of_the_losses_before_each_step")
def train_epoch(model, loader, optimizer, device):
    """The loss of the last batch is returned, not the mean over the epoch."""
    model.train()
    return train_as_asked(model, loader, optimizer, device, before=optimizer.zero_grad)[0][-1]


@mistake("6.3")
def train_epoch(model, loader, optimizer, device):
    """The sum of the batch losses is returned; it is never divided."""
    model.train()
    return sum(train_as_asked(model, loader, optimizer, device, before=optimizer.zero_grad)[0])


@mistake("6.3")
def train_epoch(model, loader, optimizer, device):
    """The sum over samples is divided by the number of batches, not by the number of samples."""
    model.train()
    losses, sizes = train_as_asked(model, loader, optimizer, device, before=optimizer.zero_grad)
    return sum(loss * size for loss, size in zip(losses, sizes)) / len(sizes)


@mistake("6.3", caught_by="test_one_batch_is_one_step")
def train_epoch(model, loader, optimizer, device):
    """The batch means are added and divided by the number of samples: the result shrinks with the size of the batches."""
    model.train()
    losses, sizes = train_as_asked(model, loader, optimizer, device, before=optimizer.zero_grad)
    return sum(losses) / sum(sizes)


@mistake("6.3")
def train_epoch(model, loader, optimizer, device):
    """Every batch is weighed with the size of the first: the last one may be smaller."""
    model.train()
    losses, sizes = train_as_asked(model, loader, optimizer, device, before=optimizer.zero_grad)
    return sum(losses) * sizes[0] / sum(sizes)


@mistake("6.3")
def train_epoch(model, loader, optimizer, device):
    """A softmax comes before the cross-entropy, which takes logits and has one inside: the gradient gets flat."""
    model.train()

    def loss_of(logits, labels):
        return F.cross_entropy(logits.softmax(1), labels)

    return weighted(*train_as_asked(model, loader, optimizer, device, before=optimizer.zero_grad, loss_of=loss_of))


@mistake("6.3")
def train_epoch(model, loader, optimizer, device):
    """nll_loss takes log-probabilities; on logits it is no loss: it falls without bound. Use cross_entropy."""
    model.train()
    return weighted(*train_as_asked(model, loader, optimizer, device, before=optimizer.zero_grad, loss_of=F.nll_loss))


@mistake("6.3")
def train_epoch(model, loader, optimizer, device):
    """The gradient is that of the summed loss: steps are as many times too long as the batch has images."""
    model.train()

    def loss_of(logits, labels):
        return F.cross_entropy(logits, labels, reduction="sum")

    losses, sizes = train_as_asked(model, loader, optimizer, device, before=optimizer.zero_grad, loss_of=loss_of)
    return sum(losses) / sum(sizes)


@mistake("6.3", caught_by="test_each_batch_takes_a_step_of_its_own")
def train_epoch(model, loader, optimizer, device):
    """There is one step for the whole epoch: the gradients of all batches are gathered first. Each batch takes its own step."""
    model.train()
    optimizer.zero_grad()
    result = weighted(*train_as_asked(model, loader, optimizer, device, step=lambda: None))
    optimizer.step()
    return result


@mistake("6.3")
def train_epoch(model, loader, optimizer, device):
    """Each epoch makes an optimizer of its own: the learning rate and the momentum of the given one are ignored."""
    model.train()
    fresh = torch.optim.SGD(model.parameters(), lr=0.1)
    return weighted(*train_as_asked(model, loader, fresh, device, before=fresh.zero_grad))


@mistake("6.3")
def train_epoch(model, loader, optimizer, device):
    """The last, smaller batch is left out: every batch counts."""
    model.train()
    batches = list(loader)
    whole = [batch for batch in batches if len(batch[1]) == len(batches[0][1])]
    return weighted(*train_as_asked(model, whole, optimizer, device, before=optimizer.zero_grad))


@mistake("6.3", caught_by="test_batches_come_to_the_device_and_losses_leave_their_history")
def train_epoch(model, loader, optimizer, device):
    """The batches are never moved to the device: on a GPU that ends in an error."""
    model.train()
    total = count = 0
    for images, labels in loader:
        loss = F.cross_entropy(model(images), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(labels)
        count += len(labels)
    return total / count


@mistake("6.3")
def train_epoch(model, loader, optimizer, device):
    """The losses are added as tensors with their history: the graphs of all batches stay in memory. Add `loss.item()`."""
    model.train()
    total = count = 0
    for images, labels in loader:
        images, labels = images.to(device), labels.to(device)
        loss = F.cross_entropy(model(images), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total = total + loss * len(labels)
        count += len(labels)
    return total / count


@mistake("6.3")
def train_epoch(model, loader, optimizer, device):
    """The sum is divided by len(loader.dataset): a loader that skips samples, or has no such attribute, gives another number.
    Count the samples you saw."""
    model.train()
    losses, sizes = train_as_asked(model, loader, optimizer, device, before=optimizer.zero_grad)
    return sum(loss * size for loss, size in zip(losses, sizes)) / len(loader.dataset)


@mistake("6.3", caught_by="test_the_optimizer_that_was_given_over_several_epochs")
def train_epoch(model, loader, optimizer, device):
    """The loader is walked through twice, once to count: a generator is empty the second time, and shuffling is done twice."""
    model.train()
    count = sum(len(labels) for _, labels in loader)
    losses, sizes = train_as_asked(model, loader, optimizer, device, before=optimizer.zero_grad)
    return sum(loss * size for loss, size in zip(losses, sizes)) / count


@mistake("6.3")
def train_epoch(model, loader, optimizer, device):
    """The batch means are added and divided by len(loader): a smaller last batch counts as much as a full one, and a generator has no
    len. Weigh each by its size, and count the images you saw."""
    model.train()
    return sum(train_as_asked(model, loader, optimizer, device, before=optimizer.zero_grad)[0]) / len(loader)
