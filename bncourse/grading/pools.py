"""Where submissions are graded: processes of this machine, or the workers of a Dask cluster."""

import ctypes
import multiprocessing
import signal
import sys
import threading
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait

from bncourse.errors import CourseError

END_WITH_PARENT = 1


class Local:
    """`workers` processes of this machine, which end with this one."""

    def __init__(self, workers):
        self.workers = workers
        self.room = 2 * workers
        self._executor = None

    def __enter__(self):
        start = "fork" if sys.platform.startswith("linux") else "spawn"
        context = multiprocessing.get_context(start)
        self._executor = ProcessPoolExecutor(self.workers, context, initializer=_bind_to_parent)
        return self

    def __exit__(self, kind, *_):
        self._executor.shutdown(wait=kind is None, cancel_futures=True)

    def submit(self, function, *args):
        return self._executor.submit(function, *args)

    def first_done(self, waiting):
        return wait(waiting, return_when=FIRST_COMPLETED).done

    def renew(self):
        """New processes, after one has died: that breaks all of a pool."""
        self._executor.shutdown(wait=False, cancel_futures=True)
        self.__enter__()


def _bind_to_parent():
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if sys.platform.startswith("linux"):
        ctypes.CDLL(None).prctl(END_WITH_PARENT, signal.SIGKILL)


class Cluster:
    """The workers of a Dask cluster, each with this course installed."""

    def __init__(self, address):
        self.address = address

    def __enter__(self):
        try:
            from dask.distributed import Client
        except ImportError:
            raise CourseError("--scheduler needs Dask: pip install distributed") from None
        try:
            self._client = Client(self.address, timeout=5)
        except (OSError, ValueError, TypeError) as error:
            raise CourseError(f"no Dask scheduler answers at {self.address}: {error or type(error).__name__}") from None
        return self

    def __exit__(self, *_):
        self._client.close()

    @property
    def room(self):
        return 2 * max(1, sum(self._client.nthreads().values()))

    def submit(self, function, *args):
        return self._client.submit(one_at_a_time, function, *args, pure=False, retries=1)

    def first_done(self, waiting):
        from dask.distributed import wait as wait_for

        return wait_for(list(waiting), return_when="FIRST_COMPLETED").done

    def renew(self):
        """Dask replaces what it can by itself."""


_turn = threading.Lock()


def one_at_a_time(function, *args):
    """Checks run one after another in a process, however many threads a worker of the cluster has."""
    with _turn:
        return function(*args)
