"""TensorFlow itself, and Keras on three backends, beside PyTorch and this course's own layer: `make tensorflow`.

Outputs, gradients and the next moving statistics, for features and pictures, in float32 and float64. The reference is
PyTorch in float64. TensorFlow and JAX get an environment of their own in _build/frameworks, more than a gigabyte; the
result goes to book/results/frameworks.json, with the versions that it holds for.
"""

import json
import os
import platform
import subprocess
import sys
import tempfile
import time
import venv
from pathlib import Path
from typing import Any

import numpy as np
import torch
from frameworks_side import EPSILON, MOMENTUM
from rich.console import Console
from rich.table import Table
from torch.nn import functional as F

from bncourse.course import notebooks
from bncourse.course.files import write_whole
from bncourse.course.paths import RESULTS, ROOT, SOLUTIONS, shown
from bncourse.ledger.experiments import commit

SHAPES = {"features": (32, 3), "pictures": (8, 6, 5, 3)}
PLACE = ROOT / "_build" / "frameworks"
SIDE = Path(__file__).with_name("frameworks_side.py")
BACKENDS = ("torch", "tensorflow", "jax")

Arrays = dict[str, np.ndarray]


def cases() -> dict[str, Arrays]:
    """Arrays by case, such as "pictures float32": far from mean 0 and variance 1, channels last."""
    drawn = {}
    for kind, shape in SHAPES.items():
        draw, channels = np.random.default_rng(0), shape[-1]
        arrays = {
            "x": draw.normal(3, 2, shape), "dy": draw.normal(0, 1, shape),
            "gamma": draw.normal(1, 1, channels), "beta": draw.normal(0, 1, channels),
            "mean": draw.normal(3, 1, channels), "var": draw.uniform(1, 4, channels),
        }  # fmt: skip
        for dtype in ("float32", "float64"):
            drawn[f"{kind} {dtype}"] = {name: array.astype(dtype) for name, array in arrays.items()}
    return drawn


def reference(case: Arrays) -> Arrays:
    """What PyTorch computes in float64; its kept variance brought from n - 1 to n, by which Keras divides."""
    first = {name: np.moveaxis(array, -1, 1) if array.ndim > 1 else array for name, array in case.items()}
    tensors = {name: torch.tensor(array, dtype=torch.float64) for name, array in first.items()}
    parts = [tensors[name].requires_grad_() for name in ("x", "gamma", "beta")]
    x, gamma, beta = parts
    mean, var = tensors["mean"].clone(), tensors["var"].clone()
    y = F.batch_norm(x, mean, var, gamma, beta, training=True, momentum=1 - MOMENTUM, eps=EPSILON)
    by_part = torch.autograd.grad((tensors["dy"] * y).sum(), parts)
    inference = F.batch_norm(x, tensors["mean"], tensors["var"], gamma, beta, training=False, eps=EPSILON)
    count = x.numel() / x.shape[1]
    biased = (var - MOMENTUM * tensors["var"]) * (count - 1) / count + MOMENTUM * tensors["var"]
    batch = ((var - MOMENTUM * tensors["var"]) / (1 - MOMENTUM)) * (count - 1) / count
    named = {
        "output": y, "next mean": mean, "next variance": biased, "output at inference": inference,
        "variance of the batch": batch,
    }  # fmt: skip
    named |= {f"gradient by {name}": value for name, value in zip(("x", "gamma", "beta"), by_part)}
    return {name: channels_last(value.detach().numpy()) for name, value in named.items()}


def channels_last(array: np.ndarray) -> np.ndarray:
    return np.moveaxis(array, 1, -1) if array.ndim > 1 else array


def of_the_course(case: Arrays) -> Arrays:
    """What the reference answers to exercises 5.1 and 5.2 compute."""
    answers = notebooks.execute(SOLUTIONS / "05_batchnorm_layer.ipynb").namespace
    forward, backward = answers["batchnorm_forward"], answers["batchnorm_backward"]
    x, dy = (np.moveaxis(case[name], -1, 1) for name in ("x", "dy"))
    parts = x, case["gamma"], case["beta"], case["mean"], case["var"]
    options = {"momentum": 1 - MOMENTUM, "eps": EPSILON}
    y, mean, var, cache = forward(*parts, training=True, **options)
    count = x.size // x.shape[1]
    dx, dgamma, dbeta = backward(dy, cache)
    named = {
        "output": y, "next mean": mean, "output at inference": forward(*parts, training=False, **options)[0],
        "next variance": (var - MOMENTUM * case["var"]) * (count - 1) / count + MOMENTUM * case["var"],
        "gradient by x": dx, "gradient by gamma": dgamma, "gradient by beta": dbeta,
    }  # fmt: skip
    return {name: channels_last(array) for name, array in named.items()}


def python_for(backend: str) -> Path:
    """The Python that has this backend; the environment is made where it is not there yet."""
    if backend == "torch":
        return Path(sys.executable)
    python = PLACE / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    ready = PLACE / "ready"
    if not ready.exists():
        print(f"TensorFlow and JAX are installed into {shown(PLACE)}, more than a gigabyte")
        venv.create(PLACE, with_pip=True, clear=True)
        requirements = ROOT / "requirements-frameworks.txt"
        subprocess.run([python, "-m", "pip", "install", "--quiet", "--requirement", requirements], check=True)
        ready.touch()
    return python


def computed_by(backend: str, inputs: Path, folder: Path) -> tuple[Arrays, dict[str, Any]]:
    """What a backend computes from the arrays in a file; its versions, and the type that Keras mixes there."""
    outputs = folder / f"{backend}.npz"
    environment = os.environ | {"KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": ""}
    command = [python_for(backend), SIDE, inputs, outputs]
    done = subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE, text=True)
    with np.load(outputs) as arrays:
        return dict(arrays), json.loads(done.stdout.splitlines()[-1])


def largest_differences(computed: Arrays, references: dict[str, Arrays]) -> list[dict[str, object]]:
    """Rows: what was computed, in which precision, and its largest difference from the reference over the shapes."""
    largest: dict[tuple[str, str, str], float] = {}
    for key, array in computed.items():
        what, case, name = key.split("/")
        row = what, name, case.split()[1]
        difference = float(np.abs(array - references[case][name]).max())
        largest[row] = max(largest.get(row, 0), difference)
    return [
        {"computed by": what, "quantity": name, "precision": precision, "difference": float(f"{difference:.2g}")}
        for (what, name, precision), difference in largest.items()
    ]


def main() -> None:
    drawn = cases()
    references = {case: reference(arrays) for case, arrays in drawn.items()}
    computed = {
        f"exercises 5.1 and 5.2/{case}/{name}": array
        for case, arrays in drawn.items()
        for name, array in of_the_course(arrays).items()
    }
    versions, mixed = {"python": platform.python_version()}, {}
    with tempfile.TemporaryDirectory() as folder:
        inputs = Path(folder) / "cases.npz"
        arrays = {f"{case}/{name}": array for case, named in drawn.items() for name, array in named.items()}
        np.savez(inputs, **arrays)
        for backend in BACKENDS:
            arrays, about = computed_by(backend, inputs, Path(folder))
            computed |= arrays
            versions |= about["versions"]
            mixed[backend] = about["float64 and float32"]
    content = {
        "date": time.strftime("%Y-%m-%d"),
        "commit": commit(),
        "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} processors",
        "versions": versions,
        "float64 and float32": mixed,
        "differences": largest_differences(computed, references),
    }
    path = RESULTS / "frameworks.json"
    write_whole(path, json.dumps(content, indent=1) + "\n")
    table = Table("computed by", "quantity", "precision", "difference", box=None)
    for row in content["differences"]:
        table.add_row(*map(str, row.values()))
    Console().print(table)
    print(f"stored in {shown(path)}")


if __name__ == "__main__":
    main()
