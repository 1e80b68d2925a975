"""One submission: its notebooks read, executed and judged, whatever is in them. The same function runs everywhere."""

import atexit
import hashlib
import re
import time
from dataclasses import dataclass, field
from functools import cache
from pathlib import PurePosixPath

from bncourse import cells, curriculum
from bncourse.checking import registry
from bncourse.checking.files import judge_defined, lost
from bncourse.checking.learner import AnswerCrashed
from bncourse.checking.report import report
from bncourse.errors import CourseError
from bncourse.grading.remote import Ended, RemoteAnswers, Submitted, read_cells
from bncourse.grading.sandbox import Limits, Sandbox, protection
from bncourse.paths import CHECKS, MISTAKES, ROOT

# What no answer needs; whoever uses it is shown to a human. Points do not depend on it.
SUSPICIOUS = re.compile(
    r"\b(?:[sg]etprofile|settrace|ctypes|_getframe|currentframe|tb_frame|gi_frame|f_back|f_globals|f_locals|__globals__"
    r"|__closure__|__subclasses__|__code__|__wrapped__|__traceback__|gc\.\w+|os\._exit|sys\.modules|subprocess|socket"
    r"|os\.(?:system|fork|kill|killpg|write|dup2?|close|closerange|fstat|open|environ|walk|listdir|exec\w+)|addaudithook"
    r"|__reduce\w*__|__array_interface__|bncourse\.(?:checking|grading|cells)|atexit|sys\.meta_path|builtins|__import__"
    r"|__builtins__|importlib|threading|_thread|multiprocessing|concurrent|mmap|fcntl|signal\.(?:signal|alarm|\w+_\w+)"
    r"|torch\.(?:_\w+|ops|jit|compile|library)|_VariableFunctions)\b|(?<![.\w])(?:exec|eval)(?=\()|/proc/|/etc/"
)
# The same in an answer that is to be written without PyTorch's gradients.
GRADIENTS = re.compile(
    r"\benable_grad|inference_mode|set_grad_enabled|run_backward|_execution_engine|\.backward(?=\()|autograd\.grad"
    r"|[vj][jv]p\b|jacobian|torch\.func\b"
)


@dataclass(frozen=True)
class Options:
    """How to grade: the limits, the exercises (all where none is named), folders no submission may see."""

    limits: Limits = field(default_factory=Limits)
    exercises: tuple[str, ...] = ()
    hidden: tuple[str, ...] = ()
    require_sandbox: bool = False


@dataclass
class Graded:
    """One line of the results, and what the student is told of each exercise."""

    row: dict
    reports: list


@dataclass
class _Notebook:
    """A notebook of a submission, as far as it could be read."""

    name: str
    chapter: str
    cells: list
    review: list

    @property
    def started(self):
        """How many answers are no longer the stub."""
        return sum(cell.role == "answer" and "YOUR CODE HERE" not in cell.source for cell in self.cells)


def grade_submission(submission, options):
    """Judge one Submission; never raises for anything that is in it."""
    start = time.perf_counter()
    material = submission.read()
    notes, review = [*submission.notes], [*material.problems]
    notebooks, unread = [], []
    for name, content in sorted(material.files.items()):
        try:
            notebooks.append(_read(name, content, options))
        except ValueError as error:
            unread.append(f"{name}: {error}")
    results = {}
    for chosen in _one_a_chapter(notebooks, notes):
        results |= _judge(chosen, options)
        review += chosen.review
    reason = "" if results else _why_nothing(material, notebooks, unread)
    reports = [report(result) for result in results.values()]
    row = {
        "student": submission.student, "name": submission.name, "source": submission.source, "ids": submission.ids,
        "digest": material.digest, "checks": checks_digest(options.exercises),
        "status": "graded" if results else "unreadable", "reason": reason,
        "points": sum(result.points for result in results.values()),
        "max": sum(result.max for result in results.values()),
        "exercises": [result.as_json() | {"explains_all": result.explains_all} for result in results.values()],
        "notes": notes, "review": [*review, *unread], "seconds": round(time.perf_counter() - start, 3),
    }  # fmt: skip
    return Graded(row, reports)


def _read(name, content, options):
    found, names, marked = read_cells(_sandbox(registry.NUMPY_ONLY, options), content)
    stems = curriculum.chapters()
    chapter = cells.chapter_among(stems, names, marked, PurePosixPath(name).stem)
    if chapter is None:
        raise ValueError("not an exercise notebook of this course: it has no cell named ex-…")
    review = []
    for cell in found:
        if words := _words_for_a_human(cell):
            review.append(f"{name}, cell {cell.name or 'without a name'} uses {', '.join(words)[:200]}")
    return _Notebook(name, chapter, found, review)


def _words_for_a_human(cell):
    """What in a cell's text no answer needs."""
    if cell.role in ("check", "colab"):
        return []
    words = set(SUSPICIOUS.findall(cell.source))
    exercise = next((one for one in curriculum.exercises().values() if one.cell == cell.name), None)
    if exercise and set(registry.AUTOGRAD) & set(registry.guide_of(exercise).forbids):
        words |= set(GRADIENTS.findall(cell.source))
    return sorted(words)


def _one_a_chapter(notebooks, notes):
    """Of several notebooks of one chapter, the one with most answers; of equals the last by name."""
    chosen = {}
    for notebook in sorted(notebooks, key=lambda one: (one.started, one.name)):
        if notebook.chapter in chosen:
            other = chosen[notebook.chapter].name
            notes.append(f"{notebook.name} was graded, not {other}: both hold {notebook.chapter}")
        chosen[notebook.chapter] = notebook
    return [chosen[chapter] for chapter in sorted(chosen)]


def _judge(notebook, options):
    """Results by exercise id; what an exercise forbids is not there where it is judged."""
    wanted = [
        exercise
        for exercise in curriculum.of_chapter(notebook.chapter)
        if not options.exercises or exercise.id in options.exercises
    ]
    kinds, results = {}, {}
    for exercise in wanted:
        kinds.setdefault(_lacking(exercise), []).append(exercise)
    for without, exercises in kinds.items():
        try:
            sandbox = _sandbox(without, options)
            guides = {exercise.cell: registry.guide_of(exercise) for exercise in exercises}
            with Submitted(sandbox, notebook.cells, options.limits, guides) as submitted:
                answers = RemoteAnswers(submitted)
                results |= judge_defined(exercises, answers, submitted.answers, submitted.errors)
                if submitted.lives > 1:
                    again = "once" if submitted.lives == 2 else f"{submitted.lives - 1} times"
                    notebook.review.append(f"{notebook.name}: its process ended or had to be ended, {again}")
                if submitted.flags:
                    used = ", ".join(sorted(submitted.flags))
                    notebook.review.append(f"{notebook.name}: while running it used {used}")
        except Ended as error:
            results |= {exercise.id: lost(exercise, AnswerCrashed(RuntimeError(error))) for exercise in exercises}
    return {exercise.id: results[exercise.id] for exercise in wanted}


def _lacking(exercise):
    """What there is not in the worker that judges an exercise."""
    forbidden = set(registry.guide_of(exercise).forbids)
    if "torch" in forbidden:
        return registry.NUMPY_ONLY
    return registry.TORCH_NORMS if forbidden & set(registry.TORCH_NORMS) else ()


def _why_nothing(material, notebooks, unread):
    if unread:
        return unread[0]
    if notebooks:
        return "none of the exercises asked for is in it"
    return material.problems[0] if material.problems else "no notebook was handed in"


_sandboxes = {}


def _sandbox(without, options):
    """The worker of this process that lacks these packages, started when first needed."""
    key = (without, options.limits, options.hidden)
    if key not in _sandboxes:
        if options.require_sandbox and protection():
            raise CourseError(f"--require-sandbox: {protection()}")
        _sandboxes[key] = Sandbox(without, options.limits, options.hidden)
    return _sandboxes[key]


@atexit.register
def close_sandboxes():
    """End the workers of this process."""
    for sandbox in _sandboxes.values():
        sandbox.close()
    _sandboxes.clear()


@cache
def checks_digest(exercises):
    """A digest of all that decides points and diagnoses: rows made with another one are graded again."""
    digest = hashlib.sha256(repr(exercises).encode())
    for folder in (CHECKS, MISTAKES, ROOT / "bncourse" / "checking"):
        for path in sorted(folder.glob("*.py")):
            digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:16]
