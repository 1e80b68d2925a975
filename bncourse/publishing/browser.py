"""An answer checked in the reader's own browser: a chapter's notebook there, and the steps of `check` on a file.

Nothing here can interrupt what runs too long: the page ends the whole worker, and starts another.
"""

import builtins
import contextlib
import functools
import json
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

import numpy as np

from bncourse.checking import marks
from bncourse.checking.judging import judge_cells
from bncourse.checking.learner import Answers, Learner
from bncourse.checking.report import report
from bncourse.checking.status import Status
from bncourse.course import cells, curriculum, identity, notebooks
from bncourse.course.errors import CourseError
from bncourse.course.language import ENGLISH
from bncourse.course.quiet import LastWords, quiet


def _count_in_64_bits() -> None:
    """Let functions that count take int64 here too, where NumPy itself counts in 32 bits and refuses them."""

    def taking(function: Callable[..., Any], place: int) -> Callable[..., Any]:
        @functools.wraps(function)
        def narrowed(*args: Any, **kwargs: Any) -> Any:
            counts = [np.asarray(value) for value in args[place : place + 1]]
            whole = [value.astype(np.intp) if value.dtype.kind in "iu" else value for value in counts]
            return function(*args[:place], *whole, *args[place + 1 :], **kwargs)

        return narrowed

    np.bincount, np.repeat = taking(np.bincount, 0), taking(np.repeat, 1)


if np.intp(0).itemsize < 8:
    _count_in_64_bits()
ABSENT = {*marks.NUMPY_ONLY, "matplotlib", "torchvision"}  # what notebooks may have, and a page has not


class Absent:
    """A part of a library that is not here: imported and named as where it is; ModuleNotFoundError if it is called."""

    def __init__(self, library: str) -> None:
        self._library = library

    def __getattr__(self, name: str) -> "Absent":
        if name.startswith("__"):
            raise AttributeError(name)
        return Absent(self._library)

    def __instancecheck__(self, value: object) -> bool:
        return False

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        problem = f"No module named {self._library!r} in a page: an answer that needs it runs in the chapter's notebook"
        raise ModuleNotFoundError(problem, name=self._library)

    __mro_entries__ = __call__  # a class that derives from it


@contextlib.contextmanager
def _forgiving_imports() -> Iterator[None]:
    """Let the reader's code import what is absent, and no other code."""
    real = builtins.__import__

    def importing(name: str, names: Mapping[str, Any] | None = None, *args: Any, **kwargs: Any) -> Any:
        try:
            return real(name, names, *args, **kwargs)
        except ModuleNotFoundError as error:
            library = name.partition(".")[0]
            is_missing = library in ABSENT and str(error.name).partition(".")[0] == library
            if not is_missing or (names or {}).get("__name__") != "__main__":
                raise
            return Absent(library)

    vars(builtins)["__import__"] = importing
    try:
        yield
    finally:
        vars(builtins)["__import__"] = real


class Beating(Answers):
    """Answers that give a sign of life with each check, and when the diagnosis begins."""

    def __init__(self, namespace: Mapping[str, Any], beat: Callable[[], object]) -> None:
        super().__init__(namespace)
        self._beat = beat

    def learner(self, guide: marks.Guide) -> Learner:
        self._beat()
        return super().learner(guide)

    def overlaid(self, names: Mapping[str, Any]) -> Answers:
        self._beat()
        return super().overlaid(names)


def check(exercise_id: str, notebook: str, tries: int, beat: Callable[[], object], language: str = ENGLISH) -> str:
    """The verdict on one exercise of a notebook, as JSON: the fields of `check --json`, and the report in a language.

    `tries` is how often this reader's answer has failed before. `beat` is called between what may take long.
    """
    (exercise,) = curriculum.find(exercise_id)
    try:
        reading = identity.read(cells.parse(notebook.encode()), exercise.chapter, notebooks.asked())
    except ValueError as error:
        raise CourseError(f"this is not a notebook{error}") from None
    # Of other answers only what this one takes is run: each is judged by itself, whatever stands in the others.
    code = [
        replace(cell, role="learner") if cell.role == "answer" and cell.name != exercise.cell else cell
        for cell in reading.code
    ]
    definitions = cells.Definitions(code, misplaced=reading.problems)
    with _forgiving_imports():
        for cell in code:
            definitions.execute(cell)
        result = judge_cells([exercise], Beating(definitions.names, beat), definitions)[exercise.id]
    failed = tries + result.status.is_attempt  # one hint with each failed try after the first
    hints = () if result.status == Status.SOLVED else marks.guide_of(exercise).hints[: max(0, failed - 1)]
    content = report(result, hints, language)
    content.title = content.title.replace(
        "where the cell says YOUR CODE HERE, and run it", "where it says YOUR CODE HERE"
    )
    return json.dumps(result.as_json() | {"report": asdict(content)})


def answers_in(notebook: str, file_name: str) -> str:
    """The chapter of a notebook and the text of each answer in it, as JSON; CourseError if it is none of this course.

    A stub that nobody has touched is no answer.
    """
    try:
        reading = identity.read(cells.parse(notebook.encode()), file_name, notebooks.asked())
    except ValueError as error:
        raise CourseError(f"{file_name} is not a notebook{error}") from None
    if reading.chapter is None:
        raise CourseError(f"{file_name} is not an exercise notebook of this course: it has no cell named ex-…")
    answers = {cell.name: cell.source.strip("\n") for cell in reading.code if cell.role == "answer"}
    return json.dumps({"chapter": reading.chapter, "answers": answers})


def run(sources: Sequence[str], own: int = 0) -> str:
    """What the last of these cells prints or ends with, run after the others in one namespace, as JSON.

    Behind the first, `own` of them are the reader's answers: where one fails, only what needs it stops.
    """
    namespace: dict[str, Any] = {"__name__": "__main__"}
    printed, error = LastWords(), ""
    for number, source in enumerate(sources):
        printed = LastWords()
        try:
            with quiet(printed):
                exec(compile(cells.parsed(source, "<cell>"), "<cell>", "exec"), namespace)
        except BaseException as raised:  # a cell may raise anything
            error = "".join(traceback.format_exception_only(raised)).strip()
            lines = [frame.lineno for frame in traceback.extract_tb(raised.__traceback__) if frame.filename == "<cell>"]
            if lines and not isinstance(raised, SyntaxError):
                error += f" (line {lines[-1]})"
            if 0 < number <= own:
                error = ""
                continue
            if number < len(sources) - 1:
                error = f"a cell above stops: {error}"
            break
    return json.dumps({"printed": printed.getvalue(), "error": error})
