"""Comparing what a learner's function gave with what an independent oracle expects."""

import sys
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray


class Mismatch(AssertionError):
    """A value is not the expected one, or its `form`: type, shape, length. `location` is where, as in "[1]"."""

    def __init__(self, problem: str, got: object, expected: object, location: str = "", form: bool = False) -> None:
        super().__init__(problem)
        self.problem, self.got, self.expected, self.location, self.form = problem, got, expected, location, form


def assert_close(got: Any, expected: Any, rtol: float = 1e-5, atol: float = 1e-8, message: str | None = None) -> None:
    """Raise Mismatch unless `got` has the shape and, within tolerance, the values of `expected`.

    Result dtypes are not compared. Tuples and lists are compared element by element. NaN equals NaN.
    `message`, if given, is the sentence that the learner reads instead of the general one.
    """
    _compare(got, expected, rtol, atol, message, "")


def _compare(got: Any, expected: Any, rtol: float, atol: float, message: str | None, location: str) -> None:
    if got is None and expected is not None:
        raise Mismatch("The result is None: is a return missing?", got, expected, location, True)
    if isinstance(expected, (tuple, list)):
        _compare_items(got, expected, rtol, atol, message, location)
        return
    if isinstance(expected, dict):
        if not isinstance(got, dict) or got.keys() != expected.keys():
            raise Mismatch(message or "The names differ.", list(got), list(expected), location)
        for name, value in expected.items():
            _compare(got[name], value, rtol, atol, message, f"{location}[{name!r}]")
        return
    if expected is None or isinstance(expected, str):
        if type(got) is not type(expected) or got != expected:
            raise Mismatch(message or "The result is another one.", got, expected, location)
        return
    wanted = as_array(expected)
    try:
        actual = as_array(got)
    except (TypeError, ValueError) as error:
        problem = f"The result is of type {type(got).__name__}, not an array."
        raise Mismatch(problem, got, expected, location, True) from error
    if actual.shape != wanted.shape:
        problem = f"The result has shape {actual.shape} instead of {wanted.shape}."
        raise Mismatch(problem, got, expected, location, True)
    if not np.isclose(actual, wanted, rtol=rtol, atol=atol, equal_nan=True).all():
        raise Mismatch(message or "The values differ.", got, expected, location)


def _compare_items(got: Any, expected: Any, rtol: float, atol: float, message: str | None, location: str) -> None:
    if not isinstance(got, (tuple, list)) and not (isinstance(got, np.ndarray) and got.ndim):
        problem = f"The result is of type {type(got).__name__}, not a sequence of {len(expected)}."
        raise Mismatch(problem, got, expected, location, True)
    if len(got) != len(expected):
        raise Mismatch(f"The result has {len(got)} elements instead of {len(expected)}.", got, expected, location, True)
    for i, (item, wanted) in enumerate(zip(got, expected)):
        _compare(item, wanted, rtol, atol, message, f"{location}[{i}]")


def as_array(value: Any) -> NDArray[Any]:
    """A number, array, tensor or nested list of numbers as a NumPy array of numbers; TypeError otherwise."""
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(value, torch.Tensor):
        value = value.detach().cpu()
        value = value.double().numpy() if value.is_floating_point() else value.numpy()
    try:
        if isinstance(value, (list, tuple)) and _holds_text(value):
            raise TypeError("text")  # of which NumPy would make an array as wide as the longest one
        array = np.asarray(value)
    except Exception as error:  # such as RuntimeError, for a list of tensors that require gradients, or one of itself
        raise TypeError(f"not numbers: {error}") from error
    if array.dtype.kind not in "biuf":
        raise TypeError(f"not numbers: {array.dtype}")
    return array.astype(np.float64) if array.dtype.kind in "iuf" else array


def _holds_text(values: Sequence[object]) -> bool:
    return any(isinstance(item, str | bytes) or isinstance(item, list | tuple) and _holds_text(item) for item in values)


def same(first: Any, second: Any, rtol: float = 1e-4, rounding: float = 1e-7) -> bool:
    """Whether two results agree in structure and, loosely, in value: by `rtol`, or `rounding` of the largest value."""
    if isinstance(first, (tuple, list)) and isinstance(second, (tuple, list)):
        return len(first) == len(second) and all(same(a, b, rtol, rounding) for a, b in zip(first, second))
    if isinstance(first, dict) and isinstance(second, dict):
        return first.keys() == second.keys() and all(same(first[key], second[key], rtol, rounding) for key in first)
    if first is None or second is None or isinstance(first, str) or isinstance(second, str):
        return type(first) is type(second) and bool(first == second)
    try:
        first, second = as_array(first), as_array(second)
    except (TypeError, ValueError):
        return False
    if first.shape != second.shape:
        return False
    finite = np.abs(second[np.isfinite(second)]) if second.dtype.kind == "f" else np.zeros(0)
    atol = rounding * finite.max(initial=0.0) + 1e-12
    return bool(np.isclose(first, second, rtol=rtol, atol=atol, equal_nan=True).all())


def oddities(value: Any) -> set[str]:
    """Which odd numbers are in a result: some that are not finite, some below 0."""
    try:
        numbers = as_array(value)
    except (TypeError, ValueError):
        return set()
    return {name for name, odd in (("infinite", ~np.isfinite(numbers)), ("negative", numbers < 0)) if odd.any()}


def amount(value: Any) -> int:
    """How many different numbers that no coincidence gives, neither 0 nor 1, are in a result."""
    if isinstance(value, dict):
        value = [*value.values()]
    try:
        numbers = np.abs(as_array(value).astype(np.float64))
    except (TypeError, ValueError):
        return sum(map(amount, value)) if isinstance(value, (list, tuple)) else 0
    return int(np.unique(numbers[np.isfinite(numbers) & (numbers != 0) & (numbers != 1)]).size)


def in_single_precision(value: Any) -> bool:
    """Whether there is an array of float32, or of less, among arguments."""
    if isinstance(value, (list, tuple)):
        return any(map(in_single_precision, value))
    return str(getattr(value, "dtype", "")).removeprefix("torch.") in ("float32", "float16", "bfloat16")
