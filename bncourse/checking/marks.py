"""How checks, mistakes and right answers are marked, and the files that hold them."""

import importlib.util
import inspect
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar

from bncourse.course.curriculum import Exercise
from bncourse.course.errors import CourseError
from bncourse.course.paths import MISTAKES, VARIANTS

# What an exercise forbids that is to be written with NumPy alone: calls into any of these packages.
NUMPY_ONLY = ("torch", "scipy", "sklearn", "skimage", "keras", "tensorflow", "jax", "statsmodels", "pandas")

# What an exercise forbids that is to be written with PyTorch's tensors: the normalizations it has already.
TORCH_NORMS = (
    *(f"torch.nn.modules.{module}" for module in ("batchnorm", "instancenorm", "normalization")),
    *(f"torch.nn.functional.{kind}_norm" for kind in ("batch", "instance", "layer", "group", "rms", "local_response")),
    *(f"torch.{kind}_norm" for kind in ("batch", "instance", "layer", "group")),
    *(f"torch.native_{kind}_norm" for kind in ("batch", "layer", "group")),
    *("torch._ops", "torch._refs", "torch._decomp"),
)

# What an exercise forbids in which a gradient is to be written by hand.
AUTOGRAD = (
    *(f"torch.autograd.{name}" for name in ("grad", "functional", "gradcheck", "forward_ad")),
    *("torch.func", "torch._functorch.eager_transforms", "torch._functorch.apis"),
)


@dataclass(frozen=True)
class Guide:
    """Help and limits of one exercise."""

    hints: tuple[str, ...] = ()
    forbids: tuple[str, ...] = ()
    seconds: float = 10.0
    chance: bool = False
    free: Callable[[Sequence[Any], Any], Any] | None = None

    @property
    def effort(self) -> float:
        """How many times the usual time it needs; limits for a whole class grow by it."""
        return max(1.0, self.seconds / 10)


@dataclass(frozen=True)
class KnownAnswer:
    """A known answer to one exercise, right or wrong, with the sentence that explains it."""

    exercise: str
    name: str
    value: Any
    explanation: str
    caught_by: tuple[str, ...] = ()


guides: dict[str, Guide] = {}
_marked: list[KnownAnswer] = []

Value = TypeVar("Value", bound=Callable[..., Any])


def guide(
    exercise_id: str,
    *,
    hints: Iterable[str] = (),
    forbids: Iterable[str] = (),
    seconds: float = 10,
    chance: bool = False,
    free: Callable[[Sequence[Any], Any], Any] | None = None,
) -> None:
    """Give an exercise its hints (shown one by one), forbidden callables, and a time limit a call in seconds.

    A forbidden callable is named by its full name or any package or module that it lives in. `chance` says that wrong
    results may rest on random numbers, or be the noise that cancelling leaves: then a mistake need not give the same
    digits to be named, if it fails the same checks. `free` makes of arguments and result one that is as right.
    """
    guides[exercise_id] = Guide(tuple(hints), tuple(forbids), seconds, chance, free)


def exercise(exercise_id: str, *, points: int) -> Callable[[Value], Value]:
    """Mark a pytest function as a check of one exercise. Its docstring states the property for the learner."""
    pytest = sys.modules.get("pytest")  # only whoever runs the checks by it needs its mark
    mark: Callable[[Value], Value] = pytest.mark.exercise(exercise_id, points=points) if pytest else lambda check: check
    return mark


def _known_answer(exercise_id: str, caught_by: tuple[str, ...] = ()) -> Callable[[Value], Value]:
    def mark(value: Value) -> Value:
        explanation = " ".join((inspect.getdoc(value) or "").split())
        _marked.append(KnownAnswer(exercise_id, value.__name__, value, explanation, caught_by))
        return value

    return mark


def mistake(exercise_id: str, *, caught_by: str | tuple[str, ...] = ()) -> Callable[[Value], Value]:
    """Mark a wrong answer that people give; its docstring is what the learner will read.

    `caught_by` names the checks that it proves to be needed.
    """
    return _known_answer(exercise_id, (caught_by,) if isinstance(caught_by, str) else caught_by)


def variant(exercise_id: str) -> Callable[[Value], Value]:
    """Mark a right answer in another style, which every check must accept."""
    return _known_answer(exercise_id)


def mistakes_of(exercise: Exercise) -> list[KnownAnswer]:
    """The known wrong answers to one exercise."""
    paths = sorted((MISTAKES / exercise.chapter).glob(f"{exercise.id.replace('.', '_')}_*.py"))
    return [answer for path in paths for answer in _marked_in(path)]


def variants_of(exercise: Exercise) -> list[KnownAnswer]:
    """The known right answers to one exercise besides the solution."""
    paths = sorted(VARIANTS.glob(f"v_{exercise.chapter}*.py"))
    paths = [path for path in paths if f'@variant("{exercise.id}")' in path.read_text(encoding="utf-8")]
    return [answer for path in paths for answer in _marked_in(path) if answer.exercise == exercise.id]


def guide_of(exercise: Exercise) -> Guide:
    """The guide of one exercise; CourseError if its check file cannot be executed."""
    checks_of(exercise)
    return guides.get(exercise.id, Guide())


def checks_of(exercise: Exercise) -> list[Callable[..., None]]:
    """The functions that check one exercise; CourseError, whatever the reason, if there are none."""
    path = exercise.check_file
    try:
        module = _checks_in(path, path.stat().st_mtime_ns)
        if exercise.checks:
            return [getattr(module, check) for check in exercise.checks]
        reason = "it has no checks"
    except Exception as error:  # the file may be anything that an author is writing
        reason = f"{type(error).__name__}: {error}"
    raise CourseError(f"exercise {exercise.id} could not be checked: {reason}")


@lru_cache(maxsize=50)
def _checks_in(path: Path, changed: int) -> ModuleType:
    """A check file, executed once, and again when it has `changed`."""
    return _execute(path)


@cache
def _marked_in(path: Path) -> tuple[KnownAnswer, ...]:
    _marked.clear()
    _execute(path)
    return tuple(_marked)


def _execute(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
