"""How checks, mistakes and right answers are marked, and where the marked ones are kept."""

import importlib.util
import inspect
from dataclasses import dataclass
from functools import cache

from bncourse.paths import MISTAKES, VARIANTS

# What an exercise forbids that is to be written with NumPy alone: calls into any of these packages.
NUMPY_ONLY = ("torch", "scipy", "sklearn", "skimage", "keras", "tensorflow", "jax", "statsmodels", "pandas")


# What an exercise forbids that is to be written with PyTorch's tensors: the normalizations it has already.
TORCH_NORMS = (
    *(f"torch.nn.modules.{module}" for module in ("batchnorm", "instancenorm", "normalization")),
    *(f"torch.nn.functional.{kind}_norm" for kind in ("batch", "instance", "layer", "group", "rms", "local_response")),
    *(
        f"torch.{name}"
        for name in ("batch_norm", "native_batch_norm", "instance_norm", "layer_norm", "native_layer_norm")
    ),
    *(f"torch.{name}" for name in ("group_norm", "native_group_norm", "_ops", "_refs", "_decomp")),
)

# What an exercise forbids in which a gradient is to be written by hand.
AUTOGRAD = (
    *(f"torch.autograd.{name}" for name in ("grad", "functional", "gradcheck", "forward_ad")),
    *("torch.func", "torch._functorch.eager_transforms", "torch._functorch.apis"),
)


@dataclass(frozen=True)
class Guide:
    """Help and limits of one exercise."""

    hints: tuple = ()
    forbids: tuple = ()
    seconds: float = 10.0

    @property
    def effort(self):
        """How many times the usual time it needs; limits for a whole class grow by it."""
        return max(1.0, self.seconds / 10)


@dataclass(frozen=True)
class Answer:
    """A known answer to one exercise, right or wrong, with the sentence that explains it."""

    exercise: str
    name: str
    value: object
    words: str


guides: dict[str, Guide] = {}
_collected: list[Answer] = []


def guide(exercise_id, *, hints=(), forbids=(), seconds=10.0):
    """Give an exercise its hints (shown one by one), forbidden callables, and a time limit a call in seconds.

    A forbidden callable is named by its full name or any package or module that it lives in.
    """
    guides[exercise_id] = Guide(tuple(hints), tuple(forbids), seconds)


def exercise(exercise_id, *, points):
    """Mark a pytest function as a check of one exercise. Its docstring states the property for the learner."""
    import pytest

    return pytest.mark.exercise(exercise_id, points=points)


def _known_answer(exercise_id):
    def mark(value):
        words = " ".join((inspect.getdoc(value) or "").split())
        _collected.append(Answer(exercise_id, value.__name__, value, words))
        return value

    return mark


def mistake(exercise_id):
    """Mark a wrong answer that people give; its docstring is what the learner will read."""
    return _known_answer(exercise_id)


def variant(exercise_id):
    """Mark a right answer in another style, which every check must accept."""
    return _known_answer(exercise_id)


def mistakes_of(exercise):
    """The known wrong answers to one exercise."""
    return _answers(MISTAKES, f"m_{exercise.chapter}*.py", exercise.id)


def variants_of(exercise):
    """The known right answers to one exercise besides the solution."""
    return _answers(VARIANTS, f"v_{exercise.chapter}*.py", exercise.id)


def guide_of(exercise):
    """The guide of one exercise, before any of its checks has run."""
    if exercise.id not in guides:
        spec = importlib.util.spec_from_file_location(exercise.check_file.stem, exercise.check_file)
        spec.loader.exec_module(importlib.util.module_from_spec(spec))
    return guides.setdefault(exercise.id, Guide())


def _answers(folder, pattern, exercise_id):
    paths = sorted(folder.glob(pattern))
    return [answer for path in paths for answer in _load(path) if answer.exercise == exercise_id]


@cache
def _load(path):
    _collected.clear()
    spec = importlib.util.spec_from_file_location(path.stem, path)
    spec.loader.exec_module(importlib.util.module_from_spec(spec))
    return tuple(_collected)
