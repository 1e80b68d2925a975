"""What surrounds a call of the learner's code: a time limit, and an eye on forbidden callables."""

import contextlib
import gc
import signal
import sys
import threading
import time
from collections.abc import Collection, Iterator
from types import FrameType
from typing import Any, Literal

from bncourse.course.cells import Cell
from bncourse.course.errors import CourseError

ProfileEvent = Literal["call", "return", "c_call", "c_return", "c_exception"]

LONGEST_IMPORT = 60.0


class TimeUp(BaseException):
    """One call ran longer than the exercise allows. Not an Exception, so that no `except Exception` hides it."""


@contextlib.contextmanager
def one_thread() -> Iterator[None]:
    """PyTorch, if it is there, on one thread: tensors as small as those of checks are several times faster so."""
    torch = sys.modules.get("torch")
    if torch is None:
        yield
        return
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


@contextlib.contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Raise TimeUp after so many seconds, where the system can interrupt a running function.

    An import is not interrupted, for it would leave a module in ruins that all later answers find: it has
    LONGEST_IMPORT seconds more, and what follows it has the whole time once more.
    """
    if not hasattr(signal, "setitimer") or threading.current_thread() is not threading.main_thread():
        yield
        return

    imports = iter(["the first"])
    waits = False

    def stop(signal_number: int, frame: FrameType | None) -> None:
        nonlocal waits
        if frame and frame.f_code.co_filename == __file__:
            # An error raised inside the watch would end the watch, and come out as another one.
            signal.setitimer(signal.ITIMER_REAL, 1e-4)
            return
        if _is_importing(frame) and time.monotonic() < start + seconds + LONGEST_IMPORT:
            waits = True
            signal.setitimer(signal.ITIMER_REAL, 0.02)
            return
        if waits and next(imports, None):
            signal.setitimer(signal.ITIMER_REAL, seconds)
            return
        raise TimeUp(f"still running after {seconds:.3g} s; is there a loop that never ends?")

    before = signal.signal(signal.SIGALRM, stop)
    start = time.monotonic()
    left, _ = signal.setitimer(signal.ITIMER_REAL, seconds)  # of a limit around this one, such as that of a cell
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        if left:
            signal.setitimer(signal.ITIMER_REAL, max(left - (time.monotonic() - start), 1e-4))


def _is_importing(frame: FrameType | None) -> bool:
    while frame:
        if frame.f_code.co_filename == "<frozen importlib._bootstrap>":
            return True
        frame = frame.f_back
    return False


@contextlib.contextmanager
def cell_limit(cell: Cell, seconds: float = 60) -> Iterator[None]:
    """The time limit of one cell of a learner's own notebook: importing PyTorch from a cold disk takes half of it."""
    try:
        with time_limit(seconds):
            yield
    except TimeUp as error:
        raise CourseError(f"the cell that begins with {cell.source.strip().splitlines()[0]!r} is {error}") from None


# Where a stand-in for a forbidden package notes its calls.
forbidden_calls: list[str] = []


# This function must stay the one that calls sys.setprofile: the sandbox's audit hook lets no other code do it.
@contextlib.contextmanager
def watching(forbidden: Collection[str], called: list[str]) -> Iterator[None]:
    """Append to `called` the names of forbidden callables that run inside the block."""
    before = sys.getprofile()
    exactly, inside = frozenset(forbidden), tuple(f"{entry}." for entry in forbidden)

    def profile(frame: FrameType, event: ProfileEvent, function: Any) -> None:
        if before:
            before(frame, event, function)
        if event == "call":
            name = f"{frame.f_globals.get('__name__', '')}.{frame.f_code.co_qualname}"
        elif event == "c_call":
            owner = getattr(function, "__module__", None) or _owner(function)
            name = f"{owner}.{function.__name__}"
        else:
            return
        if name in exactly or name.startswith(inside):
            called.append(name)

    if not forbidden:
        yield
        return
    forbidden_calls.clear()
    collecting = gc.isenabled()
    gc.disable()  # a finaliser of somebody else's objects must not look like a call of the learner's
    sys.setprofile(profile)
    try:
        yield
    finally:
        sys.setprofile(before)
        called += forbidden_calls
        if collecting:
            gc.enable()


def _owner(builtin: Any) -> str:
    """The module of a built-in method's class, such as torch._C for torch.batch_norm."""
    owner = builtin.__self__
    return str(getattr(owner, "__module__", None) or type(owner).__module__)
