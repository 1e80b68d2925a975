"""Comparing what a learner's function gave with what an independent oracle expects."""

import sys

import numpy as np


class Mismatch(AssertionError):
    """A value is not the expected one. `place` says where in a nested answer, as in "[1]"."""

    def __init__(self, problem, got, expected, place=""):
        super().__init__(problem)
        self.problem, self.got, self.expected, self.place = problem, got, expected, place


def assert_close(got, expected, rtol=1e-5, atol=1e-8, words=None):
    """Raise Mismatch unless `got` has the shape and, within tolerance, the values of `expected`.

    Result dtypes are not compared. Tuples and lists are compared element by element. NaN equals NaN.
    `words`, if given, is the sentence that the learner reads instead of the general one.
    """
    _compare(got, expected, rtol, atol, words, "")


def _compare(got, expected, rtol, atol, words, place):
    if got is None and expected is not None:
        raise Mismatch("The result is None: is a return missing?", got, expected, place)
    if isinstance(expected, (tuple, list)):
        _compare_items(got, expected, rtol, atol, words, place)
        return
    if isinstance(expected, dict):
        if not isinstance(got, dict) or got.keys() != expected.keys():
            raise Mismatch(words or "The names differ.", list(got), list(expected), place)
        for name, value in expected.items():
            _compare(got[name], value, rtol, atol, words, f"{place}[{name!r}]")
        return
    if expected is None or isinstance(expected, str):
        if type(got) is not type(expected) or got != expected:
            raise Mismatch(words or "The result is another one.", got, expected, place)
        return
    wanted = as_array(expected)
    try:
        given = as_array(got)
    except (TypeError, ValueError) as error:
        raise Mismatch(f"The result is of type {type(got).__name__}, not an array.", got, expected, place) from error
    if given.shape != wanted.shape:
        problem = f"The result has shape {given.shape} instead of {wanted.shape}."
        raise Mismatch(problem, got, expected, place)
    if not np.isclose(given, wanted, rtol=rtol, atol=atol, equal_nan=True).all():
        raise Mismatch(words or "The values differ.", got, expected, place)


def _compare_items(got, expected, rtol, atol, words, place):
    if not isinstance(got, (tuple, list)) and not (isinstance(got, np.ndarray) and got.ndim):
        problem = f"The result is of type {type(got).__name__}, not a sequence of {len(expected)}."
        raise Mismatch(problem, got, expected, place)
    if len(got) != len(expected):
        raise Mismatch(f"The result has {len(got)} elements instead of {len(expected)}.", got, expected, place)
    for i, (one, wanted) in enumerate(zip(got, expected)):
        _compare(one, wanted, rtol, atol, words, f"{place}[{i}]")


def as_array(value):
    """A number, array, tensor or nested list of numbers as a NumPy array of numbers; TypeError otherwise."""
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(value, torch.Tensor):
        value = value.detach().cpu()
        value = value.double().numpy() if value.is_floating_point() else value.numpy()
    if isinstance(value, (list, tuple)) and _holds_text(value):
        raise TypeError("not numbers: text")  # of which NumPy would make an array as wide as the longest one
    try:
        array = np.asarray(value)
    except Exception as error:  # such as RuntimeError, for a list of tensors that require gradients
        raise TypeError(f"not numbers: {error}") from error
    if array.dtype.kind not in "biuf":
        raise TypeError(f"not numbers: {array.dtype}")
    return array.astype(np.float64) if array.dtype.kind in "iuf" else array


def _holds_text(values):
    return any(isinstance(v, (str, bytes)) or isinstance(v, (list, tuple)) and _holds_text(v) for v in values)


def same(one, other, rtol=1e-4):
    """Whether two results agree in structure and, loosely, in value: the test that a diagnosis rests on."""
    if isinstance(one, (tuple, list)) and isinstance(other, (tuple, list)):
        return len(one) == len(other) and all(same(a, b, rtol) for a, b in zip(one, other))
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key], rtol) for key in one)
    if one is None or other is None or isinstance(one, str) or isinstance(other, str):
        return type(one) is type(other) and one == other
    try:
        one, other = as_array(one), as_array(other)
    except (TypeError, ValueError):
        return False
    if one.shape != other.shape:
        return False
    finite = np.abs(other[np.isfinite(other)]) if other.dtype.kind == "f" else np.zeros(0)
    scale = finite.max(initial=0.0)
    return bool(np.isclose(one, other, rtol=rtol, atol=rtol * 1e-3 * scale + 1e-12, equal_nan=True).all())
