"""Wrong answers to 10.4, as people check an exported model."""

# ruff: noqa: F811  one name has many answers

import copy

import numpy as np
import torch

from tests.course.honest_wrong import wrong


@wrong("10.4", "Two things: the model is left in evaluation mode, and a NaN")
def export_with_parity(model, export, batches):
    """Two slips: the model stays in evaluation mode, and max passes over a NaN."""
    model.eval()
    program = export(model, batches[0])
    difference = 0.0
    with torch.no_grad():
        for images in batches:
            difference = max(difference, (program(images) - model(images)).abs().max().item())
    return program, difference


@wrong("10.4", "Two things: `model.train()` at the end thaws a frozen layer")
def export_with_parity(model, export, batches):
    """Two slips: a frozen layer is thawed by train(), and max passes over a NaN."""
    was_training = model.training
    model.eval()
    program = export(model, batches[0])
    worst = 0
    for x in batches:
        with torch.no_grad():
            gap = torch.max(torch.abs(program(x) - model(x)))
        if gap > worst:
            worst = gap.item()
    model.train(was_training)
    return program, worst


@wrong("10.4", "The model itself is exported as it comes, without `eval()`")
def export_with_parity(model, export, batches):
    """Nothing is done about the mode, and max passes over a NaN."""
    program = export(model, batches[0])
    difference = max((program(x) - model(x)).abs().max().item() for x in batches)
    return program, difference


@wrong("10.4", "The model is exported, and compared, in the mode in which it comes")
def export_with_parity(model, export, batches):
    """The mode is forgotten, on a copy; NaN is seen to."""
    twin = copy.deepcopy(model)
    program = export(twin, batches[0])
    with torch.no_grad():
        gaps = torch.stack([(program(x) - twin(x)).abs().max() for x in batches])
    return program, float("inf") if gaps.isnan().any() else gaps.max().item()


@wrong("10.4", "A NaN is passed over: Python's `max` keeps")
def export_with_parity(model, export, batches):
    """All is right but for a NaN, over which max passes."""
    twin = copy.deepcopy(model)
    twin.eval()
    program = export(twin, batches[0])
    largest = 0.0
    for images in batches:
        with torch.no_grad():
            expected = twin(images)
        largest = max(largest, float((program(images) - expected).abs().max()))
    return program, largest


@wrong("10.4", "The difference comes out as NaN where an output is NaN.")
def export_with_parity(model, export, batches):
    """NaN comes out as NaN."""
    inference = copy.deepcopy(model).eval()
    program = export(inference, batches[0])
    with torch.no_grad():
        differences = [np.abs(program(x).numpy() - inference(x).numpy()).max() for x in batches]
    return program, float(np.max(differences))


@wrong("10.4", "NaN is replaced by 0 (`nan_to_num`, `nanmax`)")
def export_with_parity(model, export, batches):
    """nanmax leaves a NaN out."""
    inference = copy.deepcopy(model).eval()
    program = export(inference, batches[0])
    with torch.no_grad():
        gaps = np.concatenate([(program(x) - inference(x)).abs().flatten().numpy() for x in batches])
    return program, float(np.nanmax(gaps))


@wrong("10.4", "All batches are joined to one and compared at once.")
def export_with_parity(model, export, batches):
    """All batches at once."""
    deployed = copy.deepcopy(model).eval()
    program = export(deployed, batches[0])
    x = torch.cat(batches)
    with torch.no_grad():
        gap = (program(x) - deployed(x)).abs().max()
    return program, float("inf") if torch.isnan(gap) else gap.item()


@wrong("10.4", "Only the first batch is compared, the one that was recorded.")
def export_with_parity(model, export, batches):
    """Only the batch that was recorded is compared."""
    deployed = copy.deepcopy(model).eval()
    program = export(deployed, batches[0])
    with torch.no_grad():
        gap = (program(batches[0]) - deployed(batches[0])).abs().max().item()
    return program, gap if gap == gap else float("inf")


@wrong("10.4", "The model is left in evaluation mode: whoever trains it on")
def export_with_parity(model, export, batches):
    """The copy is exported, the model is put into evaluation mode for the comparison and stays there."""
    program = export(copy.deepcopy(model).eval(), batches[0])
    model.eval()
    with torch.no_grad():
        gap = torch.stack([(program(x) - model(x)).abs().max() for x in batches]).max().item()
    return program, gap if gap == gap else float("inf")


@wrong("10.4", "The model is in training mode when it is compared")
def export_with_parity(model, export, batches):
    """The program is compared with the model as it came, which in training moves its statistics."""
    program = export(copy.deepcopy(model).eval(), batches[0])
    with torch.no_grad():
        gap = torch.stack([(program(x) - model(x)).abs().max() for x in batches]).max().item()
    return program, gap if gap == gap else float("inf")


@wrong("10.4", "The difference is the mean over all outputs of all batches", named=False)
def export_with_parity(model, export, batches):
    """The mean over everything, and NaN as it comes."""
    deployed = copy.deepcopy(model).eval()
    program = export(deployed, batches[0])
    with torch.no_grad():
        gaps = torch.cat([(program(x) - deployed(x)).abs().flatten() for x in batches])
    return program, gaps.mean().item()


@wrong("10.4", "The program's outputs are subtracted from the model's and the sign is kept")
def export_with_parity(model, export, batches):
    """Without an absolute value."""
    deployed = copy.deepcopy(model).eval()
    program = export(deployed, batches[0])
    with torch.no_grad():
        gap = max((deployed(x) - program(x)).max().item() for x in batches)
    return program, gap


@wrong("10.4", "The difference is 0 whatever the exporter did")
def export_with_parity(model, export, batches):
    """Nothing is compared."""
    return export(copy.deepcopy(model).eval(), batches[0]), 0.0
