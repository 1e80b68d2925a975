"""What surrounds a call of the learner's code: silence, a time limit, and an eye on forbidden callables."""

import contextlib
import gc
import signal
import sys
import threading
import warnings


class TimeUp(BaseException):
    """One call ran longer than the exercise allows. Not an Exception, so that no `except Exception` hides it."""


@contextlib.contextmanager
def quiet(printed):
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@contextlib.contextmanager
def one_thread():
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
def time_limit(seconds):
    """Raise TimeUp after so many seconds, where the system can interrupt a running function."""
    if not hasattr(signal, "setitimer") or threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(signal_number, frame):
        if frame.f_code.co_filename == __file__:
            # An error raised inside the watch would end the watch, and come out as another one.
            signal.setitimer(signal.ITIMER_REAL, 1e-4)
            return
        raise TimeUp(f"still running after {seconds:.3g} s; is there a loop that never ends?")

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


# Where a stand-in for a forbidden package notes its calls.
forbidden_calls = []


@contextlib.contextmanager
def watching(forbidden, called):
    """Append to `called` the names of forbidden callables that run inside the block."""
    before = sys.getprofile()
    exactly, inside = frozenset(forbidden), tuple(f"{entry}." for entry in forbidden)

    def profile(frame, event, function):
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


def _owner(builtin):
    """The module of a built-in method's class, such as torch._C for torch.batch_norm."""
    owner = builtin.__self__
    return getattr(owner, "__module__", None) or type(owner).__module__
