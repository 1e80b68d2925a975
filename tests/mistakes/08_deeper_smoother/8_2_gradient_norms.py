"""Known wrong answers to exercise 8.2, each with the sentence that helps."""

import torch
from torch import nn

from bncourse.checking import mistake


def matrices(model):
    return [parameter for parameter in model.parameters() if parameter.dim() == 2]


def gradients_of(model, loss, parameters=None):
    return torch.autograd.grad(loss, parameters or matrices(model))


@mistake("8.2")
def gradient_norms(model, loss):
    """`.grad` holds what an earlier backward left there, not the gradient of this loss."""
    return [0.0 if weight.grad is None else weight.grad.norm().item() for weight in matrices(model)]


@mistake("8.2", caught_by="test_old_gradients_do_not_count_and_stay")
def gradient_norms(model, loss):
    """`loss.backward()` adds to the gradients that are there already: the norms are those of the sum, and the caller's `.grad` are changed."""
    loss.backward()
    return [weight.grad.norm().item() for weight in matrices(model)]


@mistake("8.2")
def gradient_norms(model, loss):
    """`zero_grad` and `backward` give the right norms, but the gradients that the caller had are lost. `torch.autograd.grad` touches none."""
    model.zero_grad()
    loss.backward()
    return [weight.grad.norm().item() for weight in matrices(model)]


@mistake("8.2")
def gradient_norms(model, loss):
    """The right norms, but at the end `zero_grad` empties the `.grad` of the caller. `torch.autograd.grad` touches none."""
    norms = [gradient.norm().item() for gradient in gradients_of(model, loss)]
    model.zero_grad()
    return norms


@mistake("8.2")
def gradient_norms(model, loss):
    """All parameters are counted, biases, γ and β too. A weight matrix has two axes."""
    return [gradient.norm().item() for gradient in gradients_of(model, loss, list(model.parameters()))]


@mistake("8.2", caught_by="test_gamma_and_beta_are_no_weight_matrices")
def gradient_norms(model, loss):
    """Everything called `weight` is counted, and so is the γ of each batch normalization. A weight matrix has two axes."""
    weights = [parameter for name, parameter in model.named_parameters() if name.endswith("weight")]
    return [gradient.norm().item() for gradient in gradients_of(model, loss, weights)]


@mistake("8.2", caught_by="test_each_weight_matrix_front_to_back")
def gradient_norms(model, loss):
    """Weight and bias of a layer are taken together into one norm. Only the weight matrix counts."""
    norms = []
    for module in model.modules():
        if isinstance(module, nn.Linear):
            both = torch.autograd.grad(loss, list(module.parameters()), retain_graph=True)
            norms.append(torch.cat([gradient.flatten() for gradient in both]).norm().item())
    return norms


@mistake("8.2")
def gradient_norms(model, loss):
    """The squares are summed, but the root is missing."""
    return [gradient.square().sum().item() for gradient in gradients_of(model, loss)]


@mistake("8.2")
def gradient_norms(model, loss):
    """These are the norms of the weights, not of their gradients."""
    return [weight.norm().item() for weight in matrices(model)]


@mistake("8.2")
def gradient_norms(model, loss):
    """The list runs back to front, as backpropagation does; the exercise asks for front to back."""
    return [gradient.norm().item() for gradient in gradients_of(model, loss)][::-1]


@mistake("8.2")
def gradient_norms(model, loss):
    """You take the root of the mean of squares; the L2 norm is the root of their sum."""
    return [gradient.square().mean().sqrt().item() for gradient in gradients_of(model, loss)]


@mistake("8.2")
def gradient_norms(model, loss):
    """You take the mean of the absolute values; the L2 norm is the root of the sum of squares."""
    return [gradient.abs().mean().item() for gradient in gradients_of(model, loss)]


@mistake("8.2")
def gradient_norms(model, loss):
    """You sum absolute values, the L1 norm; the L2 norm is the root of the sum of squares."""
    return [gradient.abs().sum().item() for gradient in gradients_of(model, loss)]


@mistake("8.2")
def gradient_norms(model, loss):
    """You take the largest absolute value; the L2 norm is the root of the sum of squares."""
    return [gradient.abs().max().item() for gradient in gradients_of(model, loss)]


@mistake("8.2")
def gradient_norms(model, loss):
    """The 2-norm of a matrix (`matrix_norm(..., 2)`, `linalg.norm(..., 2)`) is its largest singular value. The norm asked for treats the
    matrix as one long vector."""
    return [torch.linalg.matrix_norm(gradient, 2).item() for gradient in gradients_of(model, loss)]


@mistake("8.2")
def gradient_norms(model, loss):
    """A norm is taken of each row and the norms are added; one root over all squares is asked for."""
    return [gradient.norm(dim=1).sum().item() for gradient in gradients_of(model, loss)]


@mistake("8.2")
def gradient_norms(model, loss):
    """A norm is taken of each row; the exercise asks for one number for a whole matrix."""
    return [gradient.norm(dim=1).tolist() for gradient in gradients_of(model, loss)]


@mistake("8.2")
def gradient_norms(model, loss):
    """One norm over all matrices together; the exercise asks for one for each."""
    return [torch.cat([gradient.flatten() for gradient in gradients_of(model, loss)]).norm().item()]


@mistake("8.2")
def gradient_norms(model, loss):
    """Each norm is divided by the norm of its weights. That is a sensible measure, but not the one asked for."""
    weights = matrices(model)
    return [(gradient.norm() / weight.norm()).item() for gradient, weight in zip(gradients_of(model, loss), weights)]


@mistake("8.2")
def gradient_norms(model, loss):
    """The norms are rounded: a gradient of 1e-9 comes out as 0, and that it vanishes by layers cannot be seen."""
    return [round(gradient.norm().item(), 6) for gradient in gradients_of(model, loss)]


@mistake("8.2")
def gradient_norms(model, loss):
    """The norms come out of `clip_grad_norm_`, which shortens gradients and writes into `.grad`. Measure, do not clip."""
    model.zero_grad()
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    return [weight.grad.norm().item() for weight in matrices(model)]


@mistake("8.2")
def gradient_norms(model, loss):
    """The last matrix is left out. The output layer has a weight matrix too."""
    return [gradient.norm().item() for gradient in gradients_of(model, loss)][:-1]


def matrix_gradients(model, loss):
    matrices = [parameter for parameter in model.parameters() if parameter.dim() == 2]
    return torch.autograd.grad(loss, matrices)


@mistake("8.2")
def gradient_norms(model, loss):
    """Each norm is divided by the number of entries. That compares layers of different size, but is not the norm."""
    return [(gradient.norm() / gradient.numel()).item() for gradient in matrix_gradients(model, loss)]


@mistake("8.2")
def gradient_norms(model, loss):
    """Each norm is divided by the sum of all, so that you return shares. The exercise asks for the norms themselves."""
    found = [gradient.norm().item() for gradient in matrix_gradients(model, loss)]
    return [norm / (sum(found) or 1) for norm in found]


@mistake("8.2")
def gradient_norms(model, loss):
    """You return logarithms of the norms. Draw them on a logarithmic axis, but return the norms themselves."""
    return [gradient.norm().log10().item() for gradient in matrix_gradients(model, loss)]


@mistake("8.2")
def gradient_norms(model, loss):
    """The list is sorted by size. The exercise asks for front to back, in the order of the layers."""
    return sorted(gradient.norm().item() for gradient in matrix_gradients(model, loss))


@mistake("8.2")
def gradient_norms(model, loss):
    """`grad` is called once for each matrix, but the graph is gone after the first: ask for all gradients in one call."""
    return [
        torch.autograd.grad(loss, parameter)[0].norm().item()
        for parameter in model.parameters()
        if parameter.dim() == 2
    ]


@mistake("8.2")
def gradient_norms(model, loss):
    """`model.children()` holds only what lies on top: layers inside nn.Sequential, or a model that is one layer, are not found. `model.parameters()` goes all the way down."""
    weights = [module.weight for module in model.children() if isinstance(module, nn.Linear)]
    return [gradient.norm().item() for gradient in torch.autograd.grad(loss, weights)]


@mistake("8.2")
def gradient_norms(model, loss):
    """A small number is added under the root, as against a division by 0. A vanished gradient then looks alive."""
    return [(gradient.square().sum() + 1e-12).sqrt().item() for gradient in matrix_gradients(model, loss)]


@mistake("8.2", caught_by="test_one_matrix_by_hand")
def gradient_norms(model, loss):
    """A gradient of 0 is left out of the list. Its norm is 0, and its matrix has a number like the others."""
    return [gradient.norm().item() for gradient in gradients_of(model, loss) if gradient.any()]


@mistake("8.2", caught_by="test_tiny_and_huge_gradients")
def gradient_norms(model, loss):
    """A small number is added under the root. Nothing is divided here, and gradients that have all but vanished come out too large."""
    return [(gradient.square().sum() + 1e-20).sqrt().item() for gradient in gradients_of(model, loss)]


@mistake("8.2")
def gradient_norms(model, loss):
    """Two slips: γ of a normalization is called `weight` too, so go by the number of axes; and `zero_grad` and `backward` lose the gradients
    that the caller had, which `torch.autograd.grad` does not touch."""
    model.zero_grad()
    loss.backward()
    return [value.grad.norm().item() for name, value in model.named_parameters() if "weight" in name]


@mistake("8.2")
def gradient_norms(model, loss):
    """Two slips: γ of a normalization is called `weight` too, so go by the number of axes; and `backward` adds to the gradients that are there
    already, which `torch.autograd.grad` does not touch."""
    loss.backward()
    return [value.grad.norm().item() for name, value in model.named_parameters() if "weight" in name]
