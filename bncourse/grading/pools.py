"""Where submissions are graded: processes of this machine, or the workers of a Dask cluster."""

import ctypes
import multiprocessing
import signal
import sys
import threading
from collections.abc import Callable
from concurrent.futures import BrokenExecutor, Future, ProcessPoolExecutor
from typing import Self, TypeVar

from bncourse.course.errors import CourseError
from bncourse.grading.digest import environment

END_WITH_PARENT = 1
WAY_OUT = "install there what is installed here, or leave that worker out"
Returned = TypeVar("Returned")


class Local:
    """`workers` processes of this machine, which end with this one."""

    def __init__(self, workers: int) -> None:
        self.workers = workers
        self._executor = self._started()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._executor.shutdown(wait=kind is None, cancel_futures=True)

    @property
    def room(self) -> int:
        """How many submissions may be under way, so that no process waits for the next one."""
        return 2 * self.workers

    def submit(self, function: Callable[..., Returned], *args: object) -> Future[Returned]:
        """The future of a call; it fails if a process has died, which breaks all of them."""
        try:
            return self._executor.submit(function, *args)
        except BrokenExecutor as error:
            future: Future[Returned] = Future()
            future.set_exception(error)
            return future

    def renew(self) -> None:
        """New processes, after one has died."""
        self._executor.shutdown(wait=False, cancel_futures=True)
        self._executor = self._started()

    def _started(self) -> ProcessPoolExecutor:
        context = multiprocessing.get_context("fork" if sys.platform.startswith("linux") else "spawn")
        return ProcessPoolExecutor(self.workers, context, initializer=_bind_to_parent)


def _bind_to_parent() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if sys.platform.startswith("linux"):
        ctypes.CDLL(None).prctl(END_WITH_PARENT, signal.SIGKILL)


class Cluster:
    """The workers of a Dask cluster, each with this very course installed: one that has another is refused by name."""

    def __init__(self, address: str) -> None:
        try:
            from distributed import Client
        except ImportError:
            raise CourseError("--scheduler needs Dask: pip install distributed") from None
        try:
            self._client = Client(address, timeout=5)
        except (OSError, ValueError, TypeError) as error:
            raise CourseError(f"no Dask scheduler answers at {address}: {error or type(error).__name__}") from None
        self._executor = self._client.get_executor(pure=False)

    def __enter__(self) -> Self:
        self.renew()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._executor.shutdown(wait=kind is None)
        self._client.close()

    @property
    def room(self) -> int:
        threads: dict[str, int] = self._client.nthreads()
        return 2 * max(1, sum(threads.values()))

    def submit(self, function: Callable[..., Returned], *args: object) -> Future[Returned]:
        # Once more in the worker itself, which may have joined since.
        future: Future[Returned] = self._executor.submit(alike_and_in_turn, environment(), function, *args)
        return future

    def renew(self) -> None:
        """Dask replaces a worker by itself; but it may have been one without this course."""
        for address, reply in self._client.run(environment, on_error="return").items():
            _refuse_stranger(address, reply, environment())


def _refuse_stranger(address: str, reply: dict[str, str] | Exception, expected: dict[str, str]) -> None:
    """CourseError if the worker there, whose environment is `reply`, cannot give the points of the expected one."""
    if isinstance(reply, Exception):
        raise CourseError(f"the worker at {address} lacks this course ({type(reply).__name__}: {reply}); {WAY_OUT}")
    differences = [
        f"{name} {reply.get(name, 'none')} instead of {version}"
        for name, version in expected.items()
        if reply.get(name) != version
    ]
    if differences:
        raise CourseError(f"the worker at {address} has {', '.join(differences)}; {WAY_OUT}")


Pool = Local | Cluster
_turn = threading.Lock()


def alike_and_in_turn(expected: dict[str, str], function: Callable[..., Returned], *args: object) -> Returned:
    """Call a function in a worker of a cluster whose environment is the expected one.

    Checks run one after another in a process, however many threads a worker has.
    """
    from distributed import get_worker

    _refuse_stranger(get_worker().address, environment(), expected)
    with _turn:
        return function(*args)
