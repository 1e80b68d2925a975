"""One submission: its notebooks read, executed and judged, whatever is in them. The same function runs everywhere."""

import atexit
import contextlib
import io
import re
import time
import tokenize
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import PurePosixPath

from bncourse.checking import marks
from bncourse.checking.judging import Result, judge_cells, unavailable
from bncourse.checking.learner import AnswerCrashed
from bncourse.checking.report import Report, report
from bncourse.checking.status import Status
from bncourse.course import cells, curriculum
from bncourse.course import notebooks as course_notebooks
from bncourse.course.curriculum import Exercise
from bncourse.course.errors import CourseError
from bncourse.course.identity import Reading
from bncourse.course.language import ENGLISH
from bncourse.course.paths import SOLUTIONS
from bncourse.grading.digest import grading_digest
from bncourse.grading.handed_in.material import Material
from bncourse.grading.handed_in.submissions import Submission
from bncourse.grading.rows import ExerciseRow, Row
from bncourse.grading.sandbox.budget import WorkerDied
from bncourse.grading.sandbox.launch import Limits, Sandbox, protection
from bncourse.grading.sandbox.remote import RemoteAnswers, Submitted, read_cells

# What no answer needs; whoever uses it is shown to a human. Points do not depend on it.
SUSPICIOUS = re.compile(
    r"\b(?:[sg]etprofile|settrace|ctypes|_getframe|currentframe|tb_frame|gi_frame|f_back|f_globals|f_locals|__globals__"
    r"|__closure__|__subclasses__|__code__|__wrapped__|__traceback__|gc\.\w+|os\._exit|sys\.modules|subprocess|socket"
    r"|os\.(?:system|fork|kill|killpg|write|dup2?|close|closerange|fstat|open|environ|walk|listdir|exec\w+)|addaudithook"
    r"|__reduce\w*__|__array_interface__|bncourse\.(?:checking|grading|course|exports)|atexit|sys\.meta_path|builtins|__import__"
    r"|__builtins__|importlib|threading|_thread|multiprocessing|concurrent|mmap|fcntl|signal\.(?:signal|alarm|\w+_\w+)"
    r"|torch\.(?:_\w+|ops|jit|compile|library)|_VariableFunctions)\b|(?<![.\w])(?:exec|eval)(?=\()|/proc/|/etc/"
)
# The same in an answer that is to be written without PyTorch's gradients.
GRADIENTS = re.compile(
    r"\benable_grad|inference_mode|set_grad_enabled|run_backward|_execution_engine|\.backward(?=\()|autograd\.grad"
    r"|[vj][jv]p\b|jacobian|torch\.func\b"
)

MOST_OF_A_CHAPTER = 5  # notebooks


@dataclass(frozen=True)
class Options:
    """How to grade: the limits, the exercises (all where none is named), folders no submission may see.

    The language is that of the pages on students and on the class; no row, point or digest depends on it.
    """

    limits: Limits = field(default_factory=Limits)
    exercises: tuple[str, ...] = ()
    hidden: tuple[str, ...] = ()
    require_sandbox: bool = False
    language: str = ENGLISH

    @property
    def assignment(self) -> str:
        """The exercises asked for, in a few words."""
        return " ".join(self.exercises) or "all exercises"

    @property
    def digest(self) -> str:
        """A digest of all that decides points beside the submission."""
        return grading_digest(self.exercises, self.limits)


@dataclass
class Graded:
    """The row of a submission, and what the student is to read of each exercise."""

    row: Row
    reports: dict[str, Report]


@dataclass
class _Notebook:
    """A notebook of a submission, as far as it could be read."""

    name: str
    reading: Reading
    review: list[str]

    @property
    def started(self) -> int:
        """How many answers are no longer the stub."""
        return sum(cell.role == "answer" and "raise NotImplementedError(" not in cell.source for cell in self.code)

    @property
    def code(self) -> list[cells.Cell]:
        return self.reading.code

    @property
    def rank(self) -> tuple[object, ...]:
        """Where learners work comes first, then what holds most answers, then the last that was handed in."""
        folders = PurePosixPath(self.name).parts[:-1]
        return (
            "work" in folders,
            "exercises" not in folders,
            self.started,
            [*map(int, re.findall(r"\d{1,9}", self.name))],
        )


def grade_submission(submission: Submission, material: Material, options: Options) -> Graded:
    """Grade one submission, whose files are `material`; never raises for anything that is in it."""
    start = time.perf_counter()
    notes, review = [*submission.notes], [*material.problems]
    notebooks: list[_Notebook] = []
    unreadable: list[str] = []
    for name, content in sorted(material.files.items()):
        try:
            notebooks.append(_read(name, content, material, options))
        except ValueError as error:
            unreadable.append(f"{name}: {error}")
    results: dict[str, Result] = {}
    for of_chapter in _by_chapter(notebooks, review):
        results |= _best(of_chapter, options, notes)
        review += [line for notebook in of_chapter for line in notebook.review]
    row = Row(
        submission.student, submission.name, submission.source, submission.ids, material.digest, options.digest,
        status="graded" if results else "unreadable",
        reason="" if results else _why_nothing(material, notebooks, unreadable), assignment=options.assignment,
        exercises=[ExerciseRow.of(result) for result in results.values()],
        notes=notes, review=[*dict.fromkeys(review), *unreadable], seconds=round(time.perf_counter() - start, 3),
    )  # fmt: skip
    return Graded(row, {name: report(result, language=options.language) for name, result in results.items()})


def _read(name: str, content: bytes, material: Material, options: Options) -> _Notebook:
    """A notebook file; ValueError says why it is no notebook of the course."""
    path = PurePosixPath(name)
    reading = read_cells(_sandbox(marks.NUMPY_ONLY, options), content, path.stem, course_notebooks.asked())
    if reading.chapter is None:
        raise ValueError("not an exercise notebook of this course: it has no cell named ex-…")
    reading.modules = {
        beside.stem: text
        for other, text in material.modules.items()
        if (beside := PurePosixPath(other)).parent == path.parent
    }
    texts = [(f"cell {cell.name or 'without a name'}", cell) for cell in reading.code]
    texts += [(f"{module}.py", cells.Cell(module, "learner", text)) for module, text in reading.modules.items()]
    review = [
        f"{name}, {place} uses {', '.join(suspicious)[:200]}"
        for place, cell in texts
        if (suspicious := _suspicious(cell))
    ]
    if "solutions" in path.parts[:-1]:
        review.append(f"{name} lies in a folder of solutions")
    if _is_our_solution(reading):
        review.append(f"{name} holds, word for word, the course's own solution")
    return _Notebook(name, reading, review)


def _is_our_solution(reading: Reading) -> bool:
    """Whether all answers are those of the course, as far as that is known here."""
    return _answers(reading) == _our_answers(str(reading.chapter))


@cache
def _our_answers(chapter: str) -> dict[str, str] | None:
    path = SOLUTIONS / f"{chapter}.ipynb"
    return _answers(course_notebooks.read(path)) if path.exists() else None


def _answers(reading: Reading) -> dict[str, str]:
    """The text of each answer without spaces and line ends."""
    return {cell.name: "".join(cell.source.split()) for cell in reading.code if cell.role == "answer"}


def _suspicious(cell: cells.Cell) -> list[str]:
    """What in a cell's text no answer needs; comments aside."""
    if cell.role in ("check", "colab"):
        return []
    source = cell.source
    with contextlib.suppress(tokenize.TokenError, SyntaxError):
        tokens = tokenize.generate_tokens(io.StringIO(source).readline)
        source = " ".join(token.string for token in tokens if token.type != tokenize.COMMENT)
        source = re.sub(r" ?([.(]) ?", r"\1", source)
    suspicious = set(SUSPICIOUS.findall(source))
    exercise = next((exercise for exercise in curriculum.exercises().values() if exercise.cell == cell.name), None)
    if exercise and set(marks.AUTOGRAD) & set(marks.guide_of(exercise).forbids):
        suspicious |= set(GRADIENTS.findall(source))
    return sorted(suspicious)


def _by_chapter(notebooks: Iterable[_Notebook], review: list[str]) -> list[list[_Notebook]]:
    """The notebooks of each chapter that are to be judged, the likeliest first; the course's own only where alone."""
    chapters: dict[str, list[_Notebook]] = {}
    for notebook in sorted(notebooks, key=lambda notebook: (notebook.rank, notebook.name), reverse=True):
        chapters.setdefault(str(notebook.reading.chapter), []).append(notebook)
    for chapter, of_chapter in chapters.items():
        own = [notebook for notebook in of_chapter if not _is_ours(notebook)]
        for notebook in of_chapter if own else []:
            if notebook not in own:
                review.append(
                    f"{notebook.name} was not graded: it is the course's own, and another of its chapter is there"
                )
        started = [notebook for notebook in own if notebook.started]
        chapters[chapter] = (started or own or of_chapter)[:MOST_OF_A_CHAPTER]
    return [chapters[chapter] for chapter in sorted(chapters)]


def _is_ours(notebook: _Notebook) -> bool:
    in_solutions = "solutions" in PurePosixPath(notebook.name).parts[:-1]
    return _is_our_solution(notebook.reading) or (in_solutions and not SOLUTIONS.is_dir())


def _best(of_chapter: Sequence[_Notebook], options: Options, notes: list[str]) -> dict[str, Result]:
    """Results by exercise id, of several notebooks of one chapter the best of each exercise."""
    results: dict[str, Result] = {}
    source: dict[str, str] = {}
    for notebook in of_chapter:
        for exercise, result in _judge_in_sandbox(notebook, options).items():
            if exercise not in results or result.points > results[exercise].points:
                results[exercise], source[exercise] = result, notebook.name
        if all(result.status == Status.SOLVED for result in results.values()):
            break
    if len(of_chapter) > 1 and source:
        counts = ", ".join(
            f"{name} ({' '.join(exercise for exercise in source if source[exercise] == name)})"
            for name in dict.fromkeys(source.values())
        )
        notes.append(f"{len(of_chapter)} notebooks hold {of_chapter[0].reading.chapter}; these count: {counts}")
    return results


def _judge_in_sandbox(notebook: _Notebook, options: Options) -> dict[str, Result]:
    """Results by exercise id; what an exercise forbids is absent where it is judged."""
    wanted = [
        exercise
        for exercise in curriculum.of_chapter(str(notebook.reading.chapter))
        if not options.exercises or exercise.id in options.exercises
    ]
    by_worker: dict[tuple[str, ...], list[Exercise]] = {}
    for exercise in wanted:
        by_worker.setdefault(_absent_packages(exercise), []).append(exercise)
    results: dict[str, Result] = {}
    problems: list[str] = []
    for without, exercises in by_worker.items():
        try:
            guides = {exercise.cell: marks.guide_of(exercise) for exercise in exercises}
            with Submitted(_sandbox(without, options), notebook.reading, options.limits, guides) as submitted:
                if "torch" not in without:
                    import torch  # noqa: F401  tensors may come from there
                results |= judge_cells(exercises, RemoteAnswers(submitted), submitted)
                notebook.review += _incidents(notebook.name, submitted)
                problems.append(submitted.problem)
        except WorkerDied as error:
            crash = AnswerCrashed(RuntimeError(error))
            results |= {exercise.id: unavailable(exercise, crash) for exercise in exercises}
    notebook.review += _for_a_human(notebook, results, problems)
    return {exercise.id: results[exercise.id] for exercise in wanted}


def _for_a_human(notebook: _Notebook, results: Mapping[str, Result], problems: Iterable[str]) -> list[str]:
    """What a human should look at before points are lost that may not have been the answers' fault."""
    lines = []
    lost = [result for result in results.values() if result.status not in (Status.SOLVED, Status.UNSOLVED)]
    if results and all(result.status == Status.MISSING for result in results.values()):
        lines.append(f"{notebook.name}: no answer of {notebook.reading.chapter} was found in it")
    elif lost:
        lines += [f"{notebook.name}: {problem}" for problem in dict.fromkeys(problems) if problem]
        lines += [f"{notebook.name}: {result.failures[0].error}" for result in lost if result.status == Status.MISSING]
    lines += [
        f"{notebook.name}: {text}" for answer, text in notebook.reading.problems.items() if "is still the stub" in text
    ]
    return lines


def _incidents(name: str, submitted: Submitted) -> list[str]:
    """What happened while a notebook ran that a human should look at."""
    incidents = []
    if submitted.lives > 1:
        again = "once" if submitted.lives == 2 else f"{submitted.lives - 1} times"
        incidents.append(f"{name}: its process ended or had to be ended, {again}")
    if submitted.flags:
        incidents.append(f"{name}: while running it used {', '.join(sorted(submitted.flags))}")
    return incidents


def _absent_packages(exercise: Exercise) -> tuple[str, ...]:
    """What there is not in the worker that judges an exercise."""
    forbidden = set(marks.guide_of(exercise).forbids)
    if "torch" in forbidden:
        return marks.NUMPY_ONLY
    return marks.TORCH_NORMS if forbidden & set(marks.TORCH_NORMS) else ()


def _why_nothing(material: Material, notebooks: Sequence[_Notebook], unreadable: Sequence[str]) -> str:
    if unreadable:
        return unreadable[0]
    if notebooks:
        return "none of the exercises asked for is in it"
    return material.problems[0] if material.problems else "no notebook was handed in"


_sandboxes: dict[tuple[tuple[str, ...], Limits, tuple[str, ...]], Sandbox] = {}


def _sandbox(without: tuple[str, ...], options: Options) -> Sandbox:
    """The worker of this process that lacks these packages, started when first needed."""
    key = (without, options.limits, options.hidden)
    if key not in _sandboxes:
        if options.require_sandbox and protection():
            raise CourseError(f"--require-sandbox: {protection()}")
        _sandboxes[key] = Sandbox(*key)
    return _sandboxes[key]


@atexit.register
def close_sandboxes() -> None:
    """End the workers of this process."""
    for sandbox in _sandboxes.values():
        sandbox.close()
    _sandboxes.clear()
