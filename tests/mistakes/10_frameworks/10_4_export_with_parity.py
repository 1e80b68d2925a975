"""Known wrong answers to exercise 10.4, each with the sentence that helps."""

import copy

import torch
from torch import nn

from bncourse.checking import mistake

INFINITE = float("inf")


def restored(model, modes):
    for module, mode in modes:
        module.training = mode
    return model


class Exporting:
    """A right answer, cut into the parts in which people slip."""

    def exported(self, model):
        return copy.deepcopy(model).eval()

    def compared(self, model):
        return copy.deepcopy(model).eval()

    def chosen(self, batches):
        return batches

    def gap(self, ours, theirs):
        return (ours - theirs).abs().max()

    def joined(self, gaps):
        largest = torch.stack(gaps).max()
        return INFINITE if largest.isnan() else largest.item()

    def __call__(self, model, export, batches):
        with torch.no_grad():
            program = export(self.exported(model), batches[0])
            compared = self.compared(model)
            gaps = [self.gap(compared(images), program(images)) for images in self.chosen(batches)]
        return program, self.joined(gaps)


class PassingOver(Exporting):
    """Python's max, which keeps its first argument where the second is NaN."""

    def joined(self, gaps):
        worst = 0.0
        for gap in gaps:
            worst = max(worst, gap.item())
        return worst


# The mode
@mistake("10.4", caught_by="test_the_program_is_that_of_inference")
def export_with_parity(model, export, batches):
    """The model is exported in the mode in which it comes. In training mode the program normalises with its batch, for ever: put a
    copy into evaluation mode first."""

    class Slip(Exporting):
        def exported(self, model):
            return copy.deepcopy(model)

    return Slip()(model, export, batches)


@mistake("10.4")
def export_with_parity(model, export, batches):
    """The model is exported, and compared, in the mode in which it comes: two programs that normalise with the batch agree, and
    both are wrong at inference. Put a copy into evaluation mode before both; `no_grad` does not do that."""

    class Slip(Exporting):
        def exported(self, model):
            return copy.deepcopy(model)

        def compared(self, model):
            return copy.deepcopy(model)

    return Slip()(model, export, batches)


@mistake("10.4")
def export_with_parity(model, export, batches):
    """The model itself is exported as it comes, without `eval()`: in training mode the exporter records the statistics of the batch,
    and its run moves the running statistics of the model besides."""
    with torch.no_grad():
        program = export(model, batches[0])
        gaps = [(model(images) - program(images)).abs().max() for images in batches]
    return program, Exporting().joined(gaps)


@mistake("10.4")
def export_with_parity(model, export, batches):
    """The mode is set after the export. The exporter has recorded the model by then, in the mode in which it found it."""
    twin = copy.deepcopy(model)
    with torch.no_grad():
        program = export(twin, batches[0])
        twin.eval()
        gaps = [(twin(images) - program(images)).abs().max() for images in batches]
    return program, Exporting().joined(gaps)


@mistake("10.4", caught_by="test_compared_with_the_model_at_inference")
def export_with_parity(model, export, batches):
    """The program is right, but it is compared with the model in the mode in which that comes. In training mode the two must
    differ: compare with the model in evaluation mode."""

    class Slip(Exporting):
        def compared(self, model):
            return copy.deepcopy(model)

    return Slip()(model, export, batches)


@mistake("10.4")
def export_with_parity(model, export, batches):
    """Only the batch normalizations are put into evaluation mode; dropout, too, has another mode in training: `model.eval()`
    switches all of them."""

    class Slip(Exporting):
        def exported(self, model):
            twin = copy.deepcopy(model)
            for module in twin.modules():
                if isinstance(module, nn.modules.batchnorm._BatchNorm):
                    module.eval()
            return twin

    return Slip()(model, export, batches)


# The model that came in
@mistake("10.4")
def export_with_parity(model, export, batches):
    """The model is left in evaluation mode: whoever trains it on does so without the statistics of the batch, and without dropout."""
    result = Exporting()(model, export, batches)
    model.eval()
    return result


@mistake("10.4", caught_by="test_the_model_stays_as_it_was")
def export_with_parity(model, export, batches):
    """Afterwards `model.train()` puts every module into training mode, a frozen layer too: each has a mode of its own to go back to."""
    was_training = model.training
    result = Exporting()(model.eval(), export, batches)
    model.train(was_training)
    return result


@mistake("10.4")
def export_with_parity(model, export, batches):
    """Afterwards the model is put into training mode, even if it came in evaluation mode. Go back to the mode that you found."""
    result = Exporting()(model.eval(), export, batches)
    model.train()
    return result


@mistake("10.4")
def export_with_parity(model, export, batches):
    """The model is in training mode when it is compared: the program of the model at inference must differ from that, and each
    comparison moves the running statistics of the model."""
    modes = [(module, module.training) for module in model.modules()]
    with torch.no_grad():
        program = export(model.eval(), batches[0])
        restored(model, modes)
        gaps = [(model(images) - program(images)).abs().max() for images in batches]
    return program, Exporting().joined(gaps)


@mistake("10.4")
def export_with_parity(model, export, batches):
    """The gradient switch of PyTorch is left off: use `with torch.no_grad():`, which turns it on again at its end."""
    torch.set_grad_enabled(False)
    return Exporting()(model, export, batches)


@mistake("10.4")
def export_with_parity(model, export, batches):
    """The list of batches is emptied on the way. Read it, and leave it as it is."""
    first = batches.pop(0)
    return Exporting()(model, export, [first, *batches])


# The difference
@mistake("10.4", caught_by="test_the_largest_difference_of_all_batches")
def export_with_parity(model, export, batches):
    """Only the first batch is compared, the one that was recorded. Errors show on others: another size, a single image."""

    class Slip(Exporting):
        def chosen(self, batches):
            return batches[:1]

    return Slip()(model, export, batches)


@mistake("10.4")
def export_with_parity(model, export, batches):
    """The difference is that of the last batch: each batch overwrites the one before. The largest of all is asked for."""

    class Slip(Exporting):
        def chosen(self, batches):
            return batches[-1:]

    return Slip()(model, export, batches)


@mistake("10.4")
def export_with_parity(model, export, batches):
    """The first batch is recorded and not compared. It counts too, and where there is one batch alone it is the whole proof."""

    class Slip(Exporting):
        def chosen(self, batches):
            return batches[1:]

        def joined(self, gaps):
            return super().joined(gaps) if gaps else 0.0

    return Slip()(model, export, batches)


@mistake("10.4")
def export_with_parity(model, export, batches):
    """All batches are joined to one and compared at once. Errors that depend on the size of a batch stay hidden: run the program
    on each batch as it is."""

    class Slip(Exporting):
        def chosen(self, batches):
            return [torch.cat(batches)]

    return Slip()(model, export, batches)


@mistake("10.4")
def export_with_parity(model, export, batches):
    """Differences are taken with their sign: an output that is too low hides. The absolute difference counts."""

    class Slip(Exporting):
        def gap(self, ours, theirs):
            return (theirs - ours).max()

    return Slip()(model, export, batches)


@mistake("10.4")
def export_with_parity(model, export, batches):
    """The program's outputs are subtracted from the model's and the sign is kept: an output that is too high hides. The absolute
    difference counts."""

    class Slip(Exporting):
        def gap(self, ours, theirs):
            return (ours - theirs).max()

    return Slip()(model, export, batches)


@mistake("10.4")
def export_with_parity(model, export, batches):
    """The difference is a mean over the outputs, in which one wrong output hides. The largest is asked for."""

    class Slip(Exporting):
        def gap(self, ours, theirs):
            return (ours - theirs).abs().mean()

    return Slip()(model, export, batches)


@mistake("10.4")
def export_with_parity(model, export, batches):
    """The difference is the mean of the batches' largest ones. The largest of all is asked for."""

    class Slip(Exporting):
        def joined(self, gaps):
            return super().joined([torch.stack(gaps).mean()])

    return Slip()(model, export, batches)


@mistake("10.4")
def export_with_parity(model, export, batches):
    """The differences of all batches are added up; the largest one is asked for."""

    class Slip(Exporting):
        def joined(self, gaps):
            return super().joined([torch.stack(gaps).sum()])

    return Slip()(model, export, batches)


@mistake("10.4")
def export_with_parity(model, export, batches):
    """The difference is squared: the absolute one is asked for."""

    class Slip(Exporting):
        def gap(self, ours, theirs):
            return ((ours - theirs) ** 2).max()

    return Slip()(model, export, batches)


@mistake("10.4")
def export_with_parity(model, export, batches):
    """The difference is divided by the size of the output; the absolute one is asked for."""

    class Slip(Exporting):
        def gap(self, ours, theirs):
            return ((ours - theirs).abs() / ours.abs()).max()

    return Slip()(model, export, batches)


@mistake("10.4")
def export_with_parity(model, export, batches):
    """The difference is the length of the vector of all differences of a batch (its norm). The largest single one is asked for."""

    class Slip(Exporting):
        def gap(self, ours, theirs):
            return (ours - theirs).norm()

    return Slip()(model, export, batches)


@mistake("10.4")
def export_with_parity(model, export, batches):
    """The difference is the smallest one of the batches. One batch that agrees proves nothing for the others: take the largest."""

    class Slip(Exporting):
        def joined(self, gaps):
            return super().joined([torch.stack(gaps).min()])

    return Slip()(model, export, batches)


@mistake("10.4")
def export_with_parity(model, export, batches):
    """You say whether program and model agree, by `allclose`. How far they are apart is asked for, a number."""
    program, _ = Exporting()(model, export, batches)
    twin = copy.deepcopy(model).eval()
    with torch.no_grad():
        return program, all(torch.allclose(program(images), twin(images)) for images in batches)


@mistake("10.4")
def export_with_parity(model, export, batches):
    """The difference is 0 whatever the exporter did: nothing is compared, and an exporter may round or have errors."""
    return Exporting()(model, export, batches)[0], 0.0


@mistake("10.4")
def export_with_parity(model, export, batches):
    """The program is compared with itself, so the difference is 0 whatever the exporter did. Compare it with the model."""
    program, _ = Exporting()(model, export, batches)
    return program, max((program(images) - program(images)).abs().max().item() for images in batches)


@mistake("10.4", caught_by="test_what_is_not_a_number_proves_nothing")
def export_with_parity(model, export, batches):
    """A NaN is passed over: Python's `max` keeps its first argument where the second is NaN. A program that gives NaN would pass."""
    return PassingOver()(model, export, batches)


@mistake("10.4")
def export_with_parity(model, export, batches):
    """Two things: the model is left in evaluation mode, and a NaN is passed over by Python's `max`."""
    result = PassingOver()(model, export, batches)
    model.eval()
    return result


@mistake("10.4")
def export_with_parity(model, export, batches):
    """Two things: `model.train()` at the end thaws a frozen layer, since each module has a mode of its own to go back to; and a NaN is
    passed over, by `max` or by `>`."""
    was_training = model.training
    result = PassingOver()(model.eval(), export, batches)
    model.train(was_training)
    return result


@mistake("10.4")
def export_with_parity(model, export, batches):
    """The difference comes out as NaN where an output is NaN. Every test `difference > limit` is then false, and the program
    passes: return infinity."""

    class Slip(Exporting):
        def joined(self, gaps):
            return torch.stack(gaps).max().item()

    return Slip()(model, export, batches)


@mistake("10.4")
def export_with_parity(model, export, batches):
    """Whether a NaN is seen depends on the batch in which it stands: Python's `max` over a list keeps a NaN only if it comes first. Ask
    `isnan()` of all of them."""

    class Slip(Exporting):
        def joined(self, gaps):
            worst = max(gap.item() for gap in gaps)
            return worst if worst == worst else INFINITE

    return Slip()(model, export, batches)


@mistake("10.4")
def export_with_parity(model, export, batches):
    """NaN is replaced by 0 (`nan_to_num`, `nanmax`), so that a program without an answer has no difference. Make it infinite."""

    class Slip(Exporting):
        def gap(self, ours, theirs):
            return (ours - theirs).nan_to_num().abs().max()

    return Slip()(model, export, batches)


# What is returned
@mistake("10.4")
def export_with_parity(model, export, batches):
    """The two are returned in the other order: (program, difference) is asked for."""
    return Exporting()(model, export, batches)[::-1]


@mistake("10.4")
def export_with_parity(model, export, batches):
    """Only the program is returned; the difference, which is the proof, is missing."""
    return Exporting()(model, export, batches)[0]


@mistake("10.4")
def export_with_parity(model, export, batches):
    """A copy of the model in evaluation mode is returned in place of the program that the exporter made."""
    return copy.deepcopy(model).eval(), Exporting()(model, export, batches)[1]


@mistake("10.4")
def export_with_parity(model, export, batches):
    """One difference for each batch is returned; one number is asked for, the largest of them."""

    class Slip(Exporting):
        def joined(self, gaps):
            return [super(Slip, self).joined([gap]) for gap in gaps]

    return Slip()(model, export, batches)


@mistake("10.4")
def export_with_parity(model, export, batches):
    """Two things: the program is compared with the model in the mode in which that comes, where it should be in evaluation mode; and
    Python's `max` over a list keeps a NaN only if it comes first."""

    class Slip(Exporting):
        def compared(self, model):
            return copy.deepcopy(model)

        def joined(self, gaps):
            return max(gap.item() for gap in gaps)

    return Slip()(model, export, batches)


@mistake("10.4")
def export_with_parity(model, export, batches):
    """The difference is the mean over all outputs of all batches, in which one wrong output hides. The largest is asked for."""

    class Slip(Exporting):
        def gap(self, ours, theirs):
            return (ours - theirs).abs().flatten()

        def joined(self, gaps):
            return super().joined([torch.cat(gaps).mean()])

    return Slip()(model, export, batches)
