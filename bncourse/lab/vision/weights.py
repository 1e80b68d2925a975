"""Networks kept in the tree: half-precision arrays in an .npz, and beside it a record that holds their checksum."""

import hashlib
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from bncourse.course.errors import CourseError
from bncourse.course.files import write_whole
from bncourse.course.paths import shown


def store(path: Path, model: nn.Module, record: dict[str, Any]) -> None:
    """Write weights and buffers of `model` to `path` with the ending .npz, and `record` with their SHA-256 to `path`.

    Floats are rounded to float16, a relative change of at most 1/2000.
    """
    arrays = {name: tensor.cpu().numpy() for name, tensor in model.state_dict().items()}
    arrays = {
        name: values.astype(np.float16) if values.dtype.kind == "f" else values for name, values in arrays.items()
    }
    content = io.BytesIO()
    np.savez_compressed(content, **arrays)
    write_whole(path.with_suffix(".npz"), content.getvalue())
    record = {**record, "sha256": hashlib.sha256(content.getvalue()).hexdigest()}
    write_whole(path, json.dumps(record, indent=1) + "\n")


def record_of(path: Path) -> dict[str, Any]:
    """The record at `path`. Raises CourseError where there is none."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CourseError(f"{shown(path)} is no record of a training: 'make experiments' writes it anew") from error
    if not isinstance(content, dict) or "sha256" not in content:
        raise CourseError(f"{shown(path)} names no checksum: 'make experiments' writes it anew")
    return content


def load(path: Path, model: nn.Module) -> dict[str, Any]:
    """Put the weights that belong to the record at `path` into `model`, and return the record.

    Nothing of the file is executed. Raises CourseError where its checksum is not that of the record, or where the
    weights are those of another network.
    """
    record, file = record_of(path), path.with_suffix(".npz")
    try:
        content = file.read_bytes()
    except OSError as error:
        raise CourseError(f"cannot read {shown(file)}: 'make experiments' writes it anew") from error
    if hashlib.sha256(content).hexdigest() != record["sha256"]:
        raise CourseError(
            f"{shown(file)} is not the file that {shown(path)} names: 'make experiments' writes both anew"
        )
    with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
        state = {name: torch.from_numpy(arrays[name]) for name in arrays.files}
    try:
        model.load_state_dict(state)
    except RuntimeError as error:
        raise CourseError(f"{shown(file)} holds the weights of another network") from error
    return record
