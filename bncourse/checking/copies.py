"""Copies of arguments, so that a call can be made again and a change of its inputs be seen."""

import copy
import sys

import numpy as np


def clone(value):
    """A copy that shares nothing with `value`; arrays keep strides and the read-only flag."""
    if isinstance(value, np.ndarray):
        return _clone_array(value)
    if isinstance(value, (tuple, list)):
        return type(value)(clone(item) for item in value)
    if isinstance(value, dict):
        return {key: clone(item) for key, item in value.items()}
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(value, torch.Tensor):
        return value.detach().clone().requires_grad_(value.requires_grad)
    return copy.deepcopy(value)


def _clone_array(array):
    return laid_out(array, array.strides, array.flags.writeable)


def laid_out(array, strides, writeable):
    """A copy of `array` in memory of its own with these strides (bytes) and this read-only flag."""
    if array.dtype == object or array.size == 0:
        return array.copy()
    reach = [stride * (length - 1) for stride, length in zip(strides, array.shape)]
    buffer = bytearray(sum(map(abs, reach)) + array.itemsize)
    offset = -sum(step for step in reach if step < 0)
    twin = np.ndarray(array.shape, array.dtype, buffer, offset, strides)
    twin[...] = array
    twin.flags.writeable = writeable
    return twin


def same_bits(before, after):
    if isinstance(before, (tuple, list)):
        return len(before) == len(after) and all(map(same_bits, before, after))
    if isinstance(before, dict):
        return before.keys() == after.keys() and all(same_bits(before[key], after[key]) for key in before)
    if isinstance(before, np.ndarray):
        kept = before.shape == after.shape and before.dtype == after.dtype
        return kept and before.tobytes() == after.tobytes()
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(before, torch.Tensor):
        return before.shape == after.shape and torch.equal(before, after)
    return True
