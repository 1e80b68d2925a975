"""Batch normalization as one framework computes it, for arrays in a file: frameworks.py runs this, one backend a time.

python frameworks_side.py CASES.npz RESULTS.npz, with KERAS_BACKEND=tensorflow, jax or torch. Channels are last.
"""

import json
import os
import sys
from collections.abc import Callable, Iterator

import numpy as np

BACKEND = os.environ.get("KERAS_BACKEND", "torch")
EPSILON, MOMENTUM = 1e-3, 0.99

Arrays = dict[str, np.ndarray]


def keras_layer(case: Arrays) -> Arrays:
    """`keras.layers.BatchNormalization`: in training, what it keeps then, and at inference."""
    import keras

    layer = keras.layers.BatchNormalization(momentum=MOMENTUM, epsilon=EPSILON, dtype=str(case["x"].dtype))
    layer.build(case["x"].shape)
    layer.set_weights([case[name] for name in ("gamma", "beta", "mean", "var")])
    inference = layer(case["x"], training=False)
    state = [variable.value for variable in layer.non_trainable_variables]

    def forward(x, gamma, beta):
        return layer.stateless_call([gamma, beta], state, x, training=True)[0]

    y, (mean, var) = layer.stateless_call(
        [variable.value for variable in layer.trainable_variables], state, case["x"], training=True
    )
    named = {"output": y, "next mean": mean, "next variance": var, "output at inference": inference}
    return {name: keras.ops.convert_to_numpy(value) for name, value in named.items()} | gradients(forward, case)


def gradients(forward: Callable, case: Arrays) -> Arrays:
    """The gradients of sum(dy · y) by x, gamma and beta."""
    parts, dy = [case[name] for name in ("x", "gamma", "beta")], case["dy"]
    if BACKEND == "tensorflow":
        import tensorflow as tf

        tensors = [tf.constant(part) for part in parts]
        with tf.GradientTape() as tape:
            tape.watch(tensors)
            loss = tf.reduce_sum(dy * forward(*tensors))
        by_part = [gradient.numpy() for gradient in tape.gradient(loss, tensors)]
    elif BACKEND == "jax":
        import jax

        by_part = jax.grad(lambda *tensors: (dy * forward(*tensors)).sum(), argnums=(0, 1, 2))(*parts)
    else:
        import torch

        tensors = [torch.tensor(part, requires_grad=True) for part in parts]
        by_part = torch.autograd.grad((torch.tensor(dy) * forward(*tensors)).sum(), tensors)
    return {f"gradient by {name}": np.asarray(value) for name, value in zip(("x", "gamma", "beta"), by_part)}


def tensorflow_function(case: Arrays) -> Arrays:
    """`tf.nn.batch_normalization` with the moments of the batch, and with kept ones."""
    import tensorflow as tf

    axes = list(range(case["x"].ndim - 1))

    def forward(x, gamma, beta):
        return tf.nn.batch_normalization(x, *tf.nn.moments(x, axes), beta, gamma, EPSILON)

    state = [case[name] for name in ("mean", "var", "beta", "gamma")]
    named = {
        "output": forward(case["x"], case["gamma"], case["beta"]),
        "output at inference": tf.nn.batch_normalization(case["x"], *state, EPSILON),
    }
    return {name: value.numpy() for name, value in named.items()} | gradients(forward, case)


def tensorflow_fused(case: Arrays) -> Arrays:
    """`tf.compat.v1.nn.fused_batch_norm`, the kernel for pictures in float32: output, and the variance it hands on."""
    import tensorflow as tf

    y, _, var = tf.compat.v1.nn.fused_batch_norm(case["x"], case["gamma"], case["beta"], epsilon=EPSILON)
    return {"output": y.numpy(), "variance of the batch": var.numpy()}


def functions(case: Arrays) -> Iterator[tuple[str, Callable[[Arrays], Arrays]]]:
    yield f"Keras's layer on {BACKEND}", keras_layer
    if BACKEND == "tensorflow":
        yield "tf.nn.batch_normalization", tensorflow_function
        if case["x"].ndim == 4 and case["x"].dtype == np.float32:
            yield "TensorFlow's fused kernel", tensorflow_fused


def main(cases: str, results: str) -> None:
    if BACKEND == "jax":
        import jax

        jax.config.update("jax_enable_x64", True)
    by_case: dict[str, Arrays] = {}
    for key, value in np.load(cases).items():
        case, name = key.split("/")
        by_case.setdefault(case, {})[name] = value
    computed = {}
    for case, arrays in by_case.items():
        for what, function in functions(arrays):
            computed |= {f"{what}/{case}/{name}": value for name, value in function(arrays).items()}
    np.savez(results, **computed)
    from importlib import metadata

    packages = {"torch": ["torch"], "jax": ["jax"], "tensorflow": ["tensorflow", "tensorflow-cpu"]}[BACKEND]
    installed = {dist.metadata["Name"].lower().replace("_", "-") for dist in metadata.distributions()}
    names = [name for name in ("keras", "numpy", *packages) if name in installed]
    from keras.src.backend import result_type

    versions = {name.removesuffix("-cpu"): metadata.version(name) for name in names}
    print(json.dumps({"versions": versions, "float64 and float32": result_type("float64", "float32")}))


if __name__ == "__main__":
    main(*sys.argv[1:])
