"""Known wrong answers to exercise 8.1, each with the sentence that helps."""

from torch import nn

from bncourse.checking import mistake


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


@mistake("8.1", caught_by="test_normalization_stands_before_the_activation")
def plain_network(depth, width, in_features, num_classes, batch_norm, activation):
    """The normalization comes after the activation; here it comes before: linear, normalization, activation."""

    def layer(inputs, width, batch_norm, activation):
        linear, *norm, bend = hidden(inputs, width, batch_norm, activation)
        return [linear, bend, *norm]

    return nn.Sequential(*network(depth, width, in_features, num_classes, batch_norm, activation, layer))


@mistake("8.1")
def plain_network(depth, width, in_features, num_classes, batch_norm, activation):
    """The normalization comes before the linear layer, on its inputs; here it comes after it: linear, normalization,
    activation."""

    def layer(inputs, width, batch_norm, activation):
        norm = [nn.BatchNorm1d(inputs)] if batch_norm else []
        return [*norm, nn.Linear(inputs, width), activation()]

    return nn.Sequential(*network(depth, width, in_features, num_classes, batch_norm, activation, layer))


@mistake("8.1")
def plain_network(depth, width, in_features, num_classes, batch_norm, activation):
    """The output is normalised too. Logits must be free to take any size; nothing comes after the last linear layer."""
    norm = [nn.BatchNorm1d(num_classes)] if batch_norm else []
    return nn.Sequential(*network(depth, width, in_features, num_classes, batch_norm, activation), *norm)


@mistake("8.1")
def plain_network(depth, width, in_features, num_classes, batch_norm, activation):
    """An activation comes after the last linear layer: a ReLU there forbids negative logits. The output is linear."""
    return nn.Sequential(*network(depth, width, in_features, num_classes, batch_norm, activation), activation())


@mistake("8.1")
def plain_network(depth, width, in_features, num_classes, batch_norm, activation):
    """A softmax stands at the end. The network returns logits; cross_entropy takes them and does the rest itself."""
    return nn.Sequential(*network(depth, width, in_features, num_classes, batch_norm, activation), nn.Softmax(1))


@mistake("8.1")
def plain_network(depth, width, in_features, num_classes, batch_norm, activation):
    """No activation comes after the last hidden layer; every hidden layer has one."""
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


@mistake("8.1", caught_by="test_hidden_layers_and_one_more_for_the_output")
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


@mistake("8.1", caught_by="test_normalization_keeps_running_statistics")
def plain_network(depth, width, in_features, num_classes, batch_norm, activation):
    """`track_running_stats=False`: in evaluation mode the network still normalises with its batch, and answers depend
    on the other images of the batch."""

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


def network_of_layers(depth, width, in_features, num_classes, norm, activation, bias=True, before=lambda size: ()):
    """Modules of a network; `norm(size)` and `before(size)` make what stands behind and before each hidden linear layer."""
    layers, inputs = [], in_features
    for _ in range(depth):
        layers += [*before(inputs), nn.Linear(inputs, width, bias=bias), *norm(width), activation()]
        inputs = width
    return [*layers, nn.Linear(inputs, num_classes)]


def norms(batch_norm, **options):
    return lambda size: [nn.BatchNorm1d(size, **options)] if batch_norm else []


@mistake("8.1")
def plain_network(depth, width, in_features, num_classes, batch_norm, activation):
    """ε of the normalizations is 1e-3, the habit of Keras. An `nn.BatchNorm1d` as it comes has 1e-5."""
    return nn.Sequential(
        *network_of_layers(depth, width, in_features, num_classes, norms(batch_norm, eps=1e-3), activation)
    )


@mistake("8.1")
def plain_network(depth, width, in_features, num_classes, batch_norm, activation):
    """You return a list of layers. `nn.Sequential(*layers)` makes one module of them, which runs them in a row."""
    return network_of_layers(depth, width, in_features, num_classes, norms(batch_norm), activation)


@mistake("8.1")
def plain_network(depth, width, in_features, num_classes, batch_norm, activation):
    """`activation` is a class, and the class itself stands among the layers. Call it, `activation()`, to make a module."""
    return nn.Sequential(
        *network_of_layers(depth, width, in_features, num_classes, norms(batch_norm), lambda: activation)
    )


@mistake("8.1")
def plain_network(depth, width, in_features, num_classes, batch_norm, activation):
    """A normalization is made for the number of inputs of its layer. It comes after the linear layer and gets `width`
    features."""
    layers, inputs = [], in_features
    for _ in range(depth):
        layers += [nn.Linear(inputs, width), *norms(batch_norm)(inputs), activation()]
        inputs = width
    return nn.Sequential(*layers, nn.Linear(inputs, num_classes))


@mistake("8.1")
def plain_network(depth, width, in_features, num_classes, batch_norm, activation):
    """Behind the first linear layer stands neither normalization nor activation: it and the next are one linear layer. The first is a hidden layer like all others."""
    layers = network_of_layers(depth, width, in_features, num_classes, norms(batch_norm), activation)
    return nn.Sequential(layers[0], *layers[3 if batch_norm else 2 :])


@mistake("8.1")
def plain_network(depth, width, in_features, num_classes, batch_norm, activation):
    """There are residual connections: layers add their input to their output. A plain network has none."""

    class Block(nn.Sequential):
        def forward(self, x):
            y = super().forward(x)
            return x + y if x.shape == y.shape else y

    def block(inputs):
        return Block(nn.Linear(inputs, width), *norms(batch_norm)(width), activation())

    sizes = [in_features, *[width] * (depth - 1)]
    return nn.Sequential(*map(block, sizes), nn.Linear(width, num_classes))


@mistake("8.1", caught_by="test_output_without_normalization")
def plain_network(depth, width, in_features, num_classes, batch_norm, activation):
    """There is dropout in the network, which the exercise does not ask for: in training mode its outputs are random."""

    def bend():
        return nn.Sequential(activation(), nn.Dropout(0.1))

    return nn.Sequential(*network_of_layers(depth, width, in_features, num_classes, norms(batch_norm), bend))


@mistake("8.1")
def plain_network(depth, width, in_features, num_classes, batch_norm, activation):
    """The input of the network is normalised too. Only what comes out of the hidden linear layers is."""
    first = norms(batch_norm)(in_features)
    return nn.Sequential(
        *first, *network_of_layers(depth, width, in_features, num_classes, norms(batch_norm), activation)
    )


@mistake("8.1")
def plain_network(depth, width, in_features, num_classes, batch_norm, activation):
    """The layer of the output is missing: behind `depth` hidden layers stands one more linear layer, with num_classes outputs."""
    return nn.Sequential(*network_of_layers(depth, width, in_features, num_classes, norms(batch_norm), activation)[:-1])


@mistake("8.1")
def plain_network(depth, width, in_features, num_classes, batch_norm, activation):
    """The last linear layer has `width` outputs. It has one for each class, num_classes."""
    return nn.Sequential(*network_of_layers(depth, width, in_features, width, norms(batch_norm), activation))


@mistake("8.1")
def plain_network(depth, width, in_features, num_classes, batch_norm, activation):
    """An activation comes before each linear layer, so the first one bends the input of the network and none the last
    hidden layer."""
    layers = network_of_layers(
        depth, width, in_features, num_classes, norms(batch_norm), nn.Identity, before=lambda _: [activation()]
    )
    return nn.Sequential(*layers)


@mistake("8.1")
def plain_network(depth, width, in_features, num_classes, batch_norm, activation):
    """An activation comes before the first linear layer and bends the input of the network. The first layer is
    linear."""
    layers = network_of_layers(depth, width, in_features, num_classes, norms(batch_norm), activation)
    return nn.Sequential(activation(), *layers)


@mistake("8.1", caught_by="test_the_model_knows_all_its_parameters")
def plain_network(depth, width, in_features, num_classes, batch_norm, activation):
    """Hidden layers have no bias, with normalization or without: where no β comes after a linear layer, it needs its
    own."""
    return nn.Sequential(
        *network_of_layers(depth, width, in_features, num_classes, norms(batch_norm), activation, bias=False)
    )


@mistake("8.1")
def plain_network(depth, width, in_features, num_classes, batch_norm, activation):
    """The layer of the output has no bias. No normalization comes after it, so nothing replaces it."""
    *layers, _ = network_of_layers(depth, width, in_features, num_classes, norms(batch_norm), activation)
    return nn.Sequential(*layers, nn.Linear(width, num_classes, bias=False))


@mistake("8.1", caught_by="test_any_activation")
def plain_network(depth, width, in_features, num_classes, batch_norm, activation):
    """Only ReLU and tanh are handled, and all others become a ReLU. `activation()` makes a module of any class."""
    activation = activation if activation in (nn.ReLU, nn.Tanh) else nn.ReLU
    return nn.Sequential(*network(depth, width, in_features, num_classes, batch_norm, activation))


# As they are often written
@mistake("8.1")
def plain_network(depth, width, in_features, num_classes, batch_norm, activation):
    """The layers stand in a plain list, which PyTorch does not look into: the model knows none of their parameters. Put them into an
    nn.Sequential or an nn.ModuleList."""

    class Network(nn.Module):
        def __init__(self):
            super().__init__()
            self.layers = network(depth, width, in_features, num_classes, batch_norm, activation)

        def forward(self, x):
            for layer in self.layers:
                x = layer(x)
            return x

    return Network()


@mistake("8.1")
def plain_network(depth, width, in_features, num_classes, batch_norm, activation):
    """The first linear layer has neither normalization nor activation behind it, and `depth` more follow it. It is one of `depth`, like the
    others."""
    layers = [nn.Linear(in_features, width)]
    for _ in range(depth):
        layers += hidden(width, width, batch_norm, activation)
    return nn.Sequential(*layers, nn.Linear(width, num_classes))


@mistake("8.1")
def plain_network(depth, width, in_features, num_classes, batch_norm, activation):
    """`[...] * (depth - 1)` repeats one and the same layer: all hidden layers but the first share their weights. And only the first is
    normalised. Make each in a loop."""
    first = hidden(in_features, width, batch_norm, activation)
    return nn.Sequential(*first, *[nn.Linear(width, width), activation()] * (depth - 1), nn.Linear(width, num_classes))


@mistake("8.1")
def plain_network(depth, width, in_features, num_classes, batch_norm, activation):
    """The first linear layer is one of `depth`, but `depth` more follow it, which makes one hidden layer too many. And
    the normalization comes after the activation: linear, normalization, activation is asked for."""
    layers = [nn.Linear(in_features, width), activation()]
    for _ in range(depth):
        layers += [nn.Linear(width, width), activation(), *norms(batch_norm)(width)]
    return nn.Sequential(*layers, nn.Linear(width, num_classes))


@mistake("8.1")
def plain_network(depth, width, in_features, num_classes, batch_norm, activation):
    """The last hidden layer is treated like the output: no activation comes after it. And the logits are normalised:
    nothing comes after the last linear layer."""
    sizes, layers = [in_features, *[width] * depth, num_classes], []
    for i in range(depth + 1):
        layers += [nn.Linear(sizes[i], sizes[i + 1]), *norms(batch_norm)(sizes[i + 1])]
        layers += [activation()] if i < depth - 1 else []
    return nn.Sequential(*layers)


@mistake("8.1")
def plain_network(depth, width, in_features, num_classes, batch_norm, activation):
    """One normalization serves all layers, and one hidden linear layer stands in all places behind the first: `[...] * (depth - 1)` repeats
    the same modules. Make new ones in a loop."""
    hidden, norm = nn.Linear(width, width), norms(batch_norm)(width)
    first = [nn.Linear(in_features, width), *norm, activation()]
    return nn.Sequential(*first, *[hidden, *norm, activation()] * (depth - 1), nn.Linear(width, num_classes))


@mistake("8.1")
def plain_network(depth, width, in_features, num_classes, batch_norm, activation):
    """One hidden layer too few from depth 2 on: the first is one of `depth`, and depth - 1 follow it, not depth - 2."""
    return nn.Sequential(*network(max(depth - 1, 1), width, in_features, num_classes, batch_norm, activation))


@mistake("8.1")
def plain_network(depth, width, in_features, num_classes, batch_norm, activation):
    """nn.ReLU is written into the network, and the `activation` that the caller asks for is never used."""

    def layer(inputs, width, batch_norm, activation):
        linear = nn.Linear(inputs, width, bias=not batch_norm)
        return [linear, *hidden(inputs, width, batch_norm, nn.ReLU)[1:]]

    return nn.Sequential(*network(depth, width, in_features, num_classes, batch_norm, activation, layer))
