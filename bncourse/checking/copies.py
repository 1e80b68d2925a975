"""Copies of arguments, so that a call can be made again and a change of its inputs be seen."""

import copy
import sys
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray


def clone(value: Any) -> Any:
    """A copy that shares nothing with `value`; arrays keep strides and the read-only flag."""
    if isinstance(value, np.ndarray):
        return laid_out(value, value.strides, value.flags.writeable)
    if isinstance(value, (tuple, list)):
        return type(value)(clone(item) for item in value)
    if isinstance(value, dict):
        return {key: clone(item) for key, item in value.items()}
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(value, torch.Tensor):
        return value.detach().clone().requires_grad_(value.requires_grad)
    return copy.deepcopy(value)


def laid_out(array: NDArray[Any], strides: Sequence[int], writeable: bool) -> NDArray[Any]:
    """A copy of `array` in memory of its own with these strides (bytes) and this read-only flag."""
    if array.dtype == object or array.size == 0:
        return array.copy()
    reach = [stride * (length - 1) for stride, length in zip(strides, array.shape)]
    buffer = bytearray(sum(map(abs, reach)) + array.itemsize)
    offset = -sum(step for step in reach if step < 0)
    twin: NDArray[Any] = np.ndarray(array.shape, array.dtype, buffer, offset, strides)
    twin[...] = array
    twin.flags.writeable = writeable
    return twin


def layouts(value: Any) -> list[tuple[Sequence[int], bool]]:
    """Strides and flag of each array in `value`, which an equal one need not share: sums and writing depend on them."""
    if isinstance(value, np.ndarray):
        return [(value.strides, value.flags.writeable)]
    items = value.values() if isinstance(value, dict) else value if isinstance(value, (tuple, list)) else ()
    return [layout for item in items for layout in layouts(item)]


def same_bits(before: Any, after: Any) -> bool:
    """Whether `after`, which once was a copy of `before`, still has its values, shapes and types."""
    if isinstance(before, (tuple, list)):
        return len(before) == len(after) and all(map(same_bits, before, after))
    if isinstance(before, dict):
        return before.keys() == after.keys() and all(same_bits(before[key], after[key]) for key in before)
    if isinstance(before, np.ndarray):
        same_kind = before.shape == after.shape and before.dtype == after.dtype
        return bool(same_kind and before.tobytes() == after.tobytes())
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(before, torch.Tensor):
        return bool(before.shape == after.shape and torch.equal(before, after))
    return True
