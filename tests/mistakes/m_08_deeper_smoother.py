"""Known wrong answers to 8.1, 8.2 and 8.5, each with the sentence that helps. Those to 8.3 and 8.4 stand in the file beside."""

import torch
from torch import nn

from bncourse.checking import mistake

# 8.1: a right network with one part exchanged


def hidden(inputs, width, batch_norm, activation):
    """One hidden layer, as a list of modules."""
    return [nn.Linear(inputs, width), *([nn.BatchNorm1d(width)] if batch_norm else []), activation()]


def network(depth, width, in_features, num_classes, batch_norm, activation, layer=hidden):
    inputs = [in_features, *[width] * (depth - 1)]
    return [
        *(module for size in inputs for module in layer(size, width, batch_norm, activation)),
        nn.Linear(width, num_classes),
    ]


@mistake("8.1")
def plain_network(depth, width, in_features, num_classes, batch_norm, activation):
    """One hidden layer too few: the layer of the output does not count as one of `depth`."""
    if depth == 1:
        return nn.Sequential(nn.Linear(in_features, num_classes))
    return nn.Sequential(*network(depth - 1, width, in_features, num_classes, batch_norm, activation))


@mistake("8.1")
def plain_network(depth, width, in_features, num_classes, batch_norm, activation):
    """One hidden layer too many: the first, which has in_features inputs, is one of `depth`; only depth - 1 follow it."""
    return nn.Sequential(*network(depth + 1, width, in_features, num_classes, batch_norm, activation))


@mistake("8.1")
def plain_network(depth, width, in_features, num_classes, batch_norm, activation):
    """The normalization stands behind the activation; here it stands before: linear, normalization, activation."""

    def layer(inputs, width, batch_norm, activation):
        linear, *norm, bend = hidden(inputs, width, batch_norm, activation)
        return [linear, bend, *norm]

    return nn.Sequential(*network(depth, width, in_features, num_classes, batch_norm, activation, layer))


@mistake("8.1")
def plain_network(depth, width, in_features, num_classes, batch_norm, activation):
    """The normalization stands before the linear layer, on its inputs; here it stands behind it: linear, normalization, activation."""

    def layer(inputs, width, batch_norm, activation):
        norm = [nn.BatchNorm1d(inputs)] if batch_norm else []
        return [*norm, nn.Linear(inputs, width), activation()]

    return nn.Sequential(*network(depth, width, in_features, num_classes, batch_norm, activation, layer))


@mistake("8.1")
def plain_network(depth, width, in_features, num_classes, batch_norm, activation):
    """The output is normalised too. Logits must be free to take any size; nothing stands behind the last linear layer."""
    norm = [nn.BatchNorm1d(num_classes)] if batch_norm else []
    return nn.Sequential(*network(depth, width, in_features, num_classes, batch_norm, activation), *norm)


@mistake("8.1")
def plain_network(depth, width, in_features, num_classes, batch_norm, activation):
    """An activation stands behind the last linear layer: a ReLU there forbids negative logits. The output is linear."""
    return nn.Sequential(*network(depth, width, in_features, num_classes, batch_norm, activation), activation())


@mistake("8.1")
def plain_network(depth, width, in_features, num_classes, batch_norm, activation):
    """A softmax stands at the end. The network returns logits; cross_entropy takes them and does the rest itself."""
    return nn.Sequential(*network(depth, width, in_features, num_classes, batch_norm, activation), nn.Softmax(1))


@mistake("8.1")
def plain_network(depth, width, in_features, num_classes, batch_norm, activation):
    """No activation stands behind the last hidden layer; every hidden layer has one."""
    *layers, _, last = network(depth, width, in_features, num_classes, batch_norm, activation)
    return nn.Sequential(*layers, last)


@mistake("8.1")
def plain_network(depth, width, in_features, num_classes, batch_norm, activation):
    """There is no activation at all: linear layers in a row are one linear layer, however deep."""
    layers = network(depth, width, in_features, num_classes, batch_norm, activation)
    return nn.Sequential(*(module for module in layers if isinstance(module, (nn.Linear, nn.BatchNorm1d))))


@mistake("8.1")
def plain_network(depth, width, in_features, num_classes, batch_norm, activation):
    """`activation` is ignored: the network always has ReLU."""
    return nn.Sequential(*network(depth, width, in_features, num_classes, batch_norm, nn.ReLU))


@mistake("8.1")
def plain_network(depth, width, in_features, num_classes, batch_norm, activation):
    """`batch_norm` is ignored: the network is never normalised."""
    return nn.Sequential(*network(depth, width, in_features, num_classes, False, activation))


@mistake("8.1")
def plain_network(depth, width, in_features, num_classes, batch_norm, activation):
    """`batch_norm` is ignored: the network is always normalised."""
    return nn.Sequential(*network(depth, width, in_features, num_classes, True, activation))


@mistake("8.1")
def plain_network(depth, width, in_features, num_classes, batch_norm, activation):
    """Only the first hidden layer is normalised; all of them should be."""
    first, *rest = [in_features, *[width] * (depth - 1)]
    layers = hidden(first, width, batch_norm, activation)
    for inputs in rest:
        layers += hidden(inputs, width, False, activation)
    return nn.Sequential(*layers, nn.Linear(width, num_classes))


@mistake("8.1")
def plain_network(depth, width, in_features, num_classes, batch_norm, activation):
    """The first hidden layer is not normalised; all of them should be."""
    first, *rest = [in_features, *[width] * (depth - 1)]
    layers = hidden(first, width, False, activation)
    for inputs in rest:
        layers += hidden(inputs, width, batch_norm, activation)
    return nn.Sequential(*layers, nn.Linear(width, num_classes))


@mistake("8.1")
def plain_network(depth, width, in_features, num_classes, batch_norm, activation):
    """`[layer] * n` repeats one and the same module: all later hidden layers share their weights. Make each anew in a loop."""
    layers = hidden(in_features, width, batch_norm, activation)
    layers += hidden(width, width, batch_norm, activation) * (depth - 1)
    return nn.Sequential(*layers, nn.Linear(width, num_classes))


@mistake("8.1")
def plain_network(depth, width, in_features, num_classes, batch_norm, activation):
    """One normalization serves all layers: its γ, β and running statistics belong to none of them. Make one for each layer."""
    norm = nn.BatchNorm1d(width)

    def layer(inputs, width, batch_norm, activation):
        return [nn.Linear(inputs, width), *([norm] if batch_norm else []), activation()]

    return nn.Sequential(*network(depth, width, in_features, num_classes, batch_norm, activation, layer))


@mistake("8.1")
def plain_network(depth, width, in_features, num_classes, batch_norm, activation):
    """The layers stand in a plain Python list, where PyTorch does not see them: model.parameters() is empty. Use nn.Sequential or nn.ModuleList."""

    class Network(nn.Module):
        def __init__(self):
            super().__init__()
            self.layers = network(depth, width, in_features, num_classes, batch_norm, activation)

        def forward(self, x):
            for layer in self.layers:
                x = layer.to(x.dtype).train(self.training)(x)
            return x

    return Network()


@mistake("8.1")
def plain_network(depth, width, in_features, num_classes, batch_norm, activation):
    """`affine=False` takes γ and β away from the normalization; the layer asked for has both."""

    def layer(inputs, width, batch_norm, activation):
        norm = [nn.BatchNorm1d(width, affine=False)] if batch_norm else []
        return [nn.Linear(inputs, width), *norm, activation()]

    return nn.Sequential(*network(depth, width, in_features, num_classes, batch_norm, activation, layer))


@mistake("8.1")
def plain_network(depth, width, in_features, num_classes, batch_norm, activation):
    """`track_running_stats=False`: in evaluation mode the network still normalises with its batch, and answers depend on the company."""

    def layer(inputs, width, batch_norm, activation):
        norm = [nn.BatchNorm1d(width, track_running_stats=False)] if batch_norm else []
        return [nn.Linear(inputs, width), *norm, activation()]

    return nn.Sequential(*network(depth, width, in_features, num_classes, batch_norm, activation, layer))


@mistake("8.1")
def plain_network(depth, width, in_features, num_classes, batch_norm, activation):
    """Layer normalization stands where batch normalization was asked for."""

    def layer(inputs, width, batch_norm, activation):
        return [nn.Linear(inputs, width), *([nn.LayerNorm(width)] if batch_norm else []), activation()]

    return nn.Sequential(*network(depth, width, in_features, num_classes, batch_norm, activation, layer))


@mistake("8.1")
def plain_network(depth, width, in_features, num_classes, batch_norm, activation):
    """Every hidden layer expects in_features inputs. From the second on, its input is the layer before, with `width` units."""
    layers = [module for _ in range(depth) for module in hidden(in_features, width, batch_norm, activation)]
    return nn.Sequential(*layers, nn.Linear(width, num_classes))


# 8.2: the weight matrices, and what is taken of each


def matrices(model):
    return [parameter for parameter in model.parameters() if parameter.dim() == 2]


def gradients_of(model, loss, parameters=None):
    return torch.autograd.grad(loss, parameters or matrices(model))


@mistake("8.2")
def gradient_norms(model, loss):
    """`.grad` holds what an earlier backward left there, not the gradient of this loss."""
    return [0.0 if weight.grad is None else weight.grad.norm().item() for weight in matrices(model)]


@mistake("8.2")
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


@mistake("8.2")
def gradient_norms(model, loss):
    """Everything called `weight` is counted, and so is the γ of each batch normalization. A weight matrix has two axes."""
    weights = [parameter for name, parameter in model.named_parameters() if name.endswith("weight")]
    return [gradient.norm().item() for gradient in gradients_of(model, loss, weights)]


@mistake("8.2")
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
    """The list runs back to front, as backpropagation does; asked for is front to back."""
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
    """`torch.linalg.matrix_norm(..., 2)` is the largest singular value. The norm asked for treats the matrix as one long vector."""
    return [torch.linalg.matrix_norm(gradient, 2).item() for gradient in gradients_of(model, loss)]


@mistake("8.2")
def gradient_norms(model, loss):
    """A norm is taken of each row and the norms are added; one root over all squares is asked for."""
    return [gradient.norm(dim=1).sum().item() for gradient in gradients_of(model, loss)]


@mistake("8.2")
def gradient_norms(model, loss):
    """A norm is taken of each row; asked for is one number for a whole matrix."""
    return [gradient.norm(dim=1).tolist() for gradient in gradients_of(model, loss)]


@mistake("8.2")
def gradient_norms(model, loss):
    """One norm over all matrices together; asked for is one for each."""
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


# 8.5


@mistake("8.5")
def effective_learning_rate(lr, weight):
    """The norm is not squared: you divide by ‖w‖ instead of ‖w‖²."""
    return lr / weight.detach().norm().item()


@mistake("8.5")
def effective_learning_rate(lr, weight):
    """You multiply by ‖w‖². A longer weight turns more slowly, so the norm stands below."""
    return lr * weight.detach().square().sum().item()


@mistake("8.5")
def effective_learning_rate(lr, weight):
    """You divide by the mean of the squares; ‖w‖² is their sum."""
    return lr / weight.detach().square().mean().item()


@mistake("8.5")
def effective_learning_rate(lr, weight):
    """You square the sum of the entries; ‖w‖² is the sum of their squares."""
    return lr / weight.detach().sum().square().item()


@mistake("8.5")
def effective_learning_rate(lr, weight):
    """You sum absolute values and square the sum: that is the L1 norm. ‖w‖² is the sum of squares."""
    return lr / weight.detach().abs().sum().square().item()


@mistake("8.5")
def effective_learning_rate(lr, weight):
    """The mean is subtracted first, as in a variance. ‖w‖² is the sum of the squares themselves."""
    weight = weight.detach()
    return lr / (weight - weight.mean()).square().sum().item()


@mistake("8.5")
def effective_learning_rate(lr, weight):
    """`matrix_norm(..., 2)` is the largest singular value. ‖w‖² treats the weight as one long vector: the sum of all squares."""
    return (
        lr
        / torch.linalg.matrix_norm(weight.detach().flatten(1) if weight.dim() > 1 else weight.detach()[None], 2).item()
        ** 2
    )


@mistake("8.5")
def effective_learning_rate(lr, weight):
    """One rate for each row, or filter; asked for is one number for the whole weight."""
    return lr / weight.detach().flatten(1).square().sum(1) if weight.dim() > 1 else lr / weight.detach().square()


@mistake("8.5")
def effective_learning_rate(lr, weight):
    """Only the first two axes are summed. A convolution's weight has four, and all entries count."""
    return lr / weight.detach().square().sum((0, 1) if weight.dim() > 1 else 0)


@mistake("8.5")
def effective_learning_rate(lr, weight):
    """1 + ‖w‖² stands below, as if to avoid a division by 0. Then a rescaled weight no longer has the rescaled rate."""
    return lr / (1 + weight.detach().square().sum().item())


@mistake("8.5")
def effective_learning_rate(lr, weight):
    """A small constant is added below. A small weight, 1e-6 say, drowns in it."""
    return lr / (weight.detach().square().sum().item() + 1e-8)


@mistake("8.5")
def effective_learning_rate(lr, weight):
    """The norm is squared twice: `norm()` squared is ‖w‖², its fourth power is too much."""
    return lr / weight.detach().norm().item() ** 4


@mistake("8.5")
def effective_learning_rate(lr, weight):
    """`lr` is left out: 1 / ‖w‖² is only the factor."""
    return 1 / weight.detach().square().sum().item()


@mistake("8.5")
def effective_learning_rate(lr, weight):
    """The weight is brought to length 1 in place: the caller's tensor is changed."""
    with torch.no_grad():
        square = weight.square().sum().item()
        weight /= square**0.5
    return lr / square


@mistake("8.5")
def effective_learning_rate(lr, weight):
    """`weight.numpy()` refuses a tensor that requires a gradient: `weight.detach()` first, or stay with tensors and call `.item()`."""
    import numpy as np

    return lr / np.sum(weight.numpy() ** 2)


@mistake("8.5")
def effective_learning_rate(lr, weight):
    """The largest entry is taken for the norm."""
    return lr / weight.detach().abs().max().item() ** 2
