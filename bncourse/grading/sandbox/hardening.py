"""What a child of the worker takes from itself before it runs a stranger's code, and the packages it lacks."""

import contextlib
import ctypes
import importlib.abc
import importlib.machinery
import os
import re
import signal
import site
import sys
import types
import warnings
from collections.abc import Iterable, Mapping, Sequence
from typing import NoReturn, TypedDict

from bncourse.checking.watching import forbidden_calls, watching
from bncourse.grading.sandbox import codec, wire

NEW_MOUNTS, NEW_IPC, NEW_PROCESSES = 0x20000, 0x8000000, 0x20000000
PRIVATE_BELOW, NO_SETUID_NO_DEVICES = 1 << 18 | 1 << 14, 2 | 4
END_WITH_PARENT, DROP_FROM_BOUNDING, NO_NEW_PRIVILEGES, FILTER_CALLS, FILTER = 1, 24, 38, 22, 2
CAPABILITIES_VERSION = 0x20080522
SCRATCH = "/scratch"  # the one folder that can be written to, empty for every submission
SCRATCH_BYTES, OPEN_FILES, TASKS = 16 * 2**20, 64, 64
NOBODY = 65534


class Options(TypedDict):
    """What the grader asks of a worker."""

    isolate: bool  # namespaces for each child
    without: Sequence[str]  # packages that are absent
    memory: int  # bytes
    seconds: int  # of CPU time
    filter: bytes  # the forbidden system calls, as a compiled program, or nothing


def unshare() -> bool:
    """Namespaces of its own for the next child: processes, mounts, messages. False where the system has none."""
    if not sys.platform.startswith("linux"):
        return False
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(NEW_PROCESSES | NEW_MOUNTS | NEW_IPC) != 0:
        raise OSError(ctypes.get_errno(), "cannot separate submissions from each other")
    return True


def harden(end: int, options: Options, isolated: bool) -> None:
    """Leave this process nothing but the socket `end`, an empty folder, and its limits."""
    libc = ctypes.CDLL(None, use_errno=True) if sys.platform.startswith("linux") else None
    if libc:
        libc.prctl(END_WITH_PARENT, signal.SIGKILL)
    os.setsid()
    _keep_only(end)
    if isolated and libc:
        _own_folder(libc)
    elif hasattr(os, "setresuid") and os.geteuid() == 0:
        os.setgroups([])
        os.setresgid(NOBODY, NOBODY, NOBODY)
        os.setresuid(NOBODY, NOBODY, NOBODY)
    _limit(options)
    if libc:
        _give_up_rights(libc)
        _filter_calls(libc, options["filter"])
    _hide_ctypes()
    _keep_watch(end)


def _keep_only(end: int) -> None:
    silence = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(silence, standard)
    os.closerange(3, end)
    os.closerange(end + 1, 1024)


def _own_folder(libc: ctypes.CDLL) -> None:
    libc.mount(b"none", b"/", None, PRIVATE_BELOW, None)
    options = f"size={SCRATCH_BYTES},nr_inodes=4096,mode=700".encode()
    if libc.mount(b"tmpfs", SCRATCH.encode(), b"tmpfs", NO_SETUID_NO_DEVICES, options) != 0:
        raise OSError(ctypes.get_errno(), "cannot mount an empty folder")
    os.chdir(SCRATCH)


def _limit(options: Options) -> None:
    import resource  # which Windows lacks, where this module is imported too

    limits = {
        "RLIMIT_AS": options["memory"], "RLIMIT_CPU": options["seconds"], "RLIMIT_FSIZE": SCRATCH_BYTES,
        "RLIMIT_NOFILE": OPEN_FILES, "RLIMIT_NPROC": TASKS, "RLIMIT_CORE": 0,
    }  # fmt: skip
    for name, most in limits.items():
        kind = getattr(resource, name, None)
        if kind is None:
            continue
        hard = resource.getrlimit(kind)[1]
        most = most if hard == resource.RLIM_INFINITY else min(most, hard)
        with contextlib.suppress(ValueError, OSError):  # macOS takes no limit of address space
            resource.setrlimit(kind, (most, most))
    # Too much written is an error to the code that writes, not the end of it.
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)


def _give_up_rights(libc: ctypes.CDLL) -> None:
    for capability in range(64):
        libc.prctl(DROP_FROM_BOUNDING, capability, 0, 0, 0)
    header, none = (ctypes.c_uint32 * 2)(CAPABILITIES_VERSION, 0), (ctypes.c_uint32 * 6)()
    libc.capset(header, none)
    libc.prctl(NO_NEW_PRIVILEGES, 1, 0, 0, 0)


def _filter_calls(libc: ctypes.CDLL, program: bytes) -> None:
    """Install a filter of system calls: `program` is what libseccomp compiled, eight bytes an instruction."""
    if not program:
        return

    class Program(ctypes.Structure):
        _fields_ = [("length", ctypes.c_ushort), ("instructions", ctypes.c_char_p)]

    if libc.prctl(FILTER_CALLS, FILTER, ctypes.byref(Program(len(program) // 8, program)), 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "cannot filter system calls")


# What no answer does. The first would switch off the watch on forbidden calls, the next find it: they fail. Python
# itself does the first when the watch meets an error, which is one of recursion.
UNWATCHING = ("sys.setprofile", "sys.settrace")
REFUSED = ("gc.get_objects", "gc.get_referrers", "gc.get_referents")
SHOWN = (
    *("ctypes.dlopen", "ctypes.dlsym", "ctypes.cdata", "ctypes.string_at", "ctypes.addressof", "code.__new__"),
    *("function.__new__", "sys.addaudithook", "sys._current_frames", "sys.unraisablehook", "_thread.start_new_thread"),
    *("os.fork", "os.forkpty", "os.exec", "os.posix_spawn", "os.system", "os.kill", "os.killpg", "subprocess.Popen"),
    *("socket.__new__", "socket.connect", "socket.getaddrinfo", "signal.pthread_kill"),
)


def _keep_watch(end: int) -> None:
    """Install an audit hook, which cannot be removed: it tells the grader at once what a human should see."""
    frames = {event: wire.frame(codec.encode({"flag": event})) for event in (*REFUSED, *SHOWN)}
    # The watch itself sets and restores the profile function: it is known by its code, which nobody can put on. That of
    # the generator, which contextmanager keeps in __wrapped__: wrap or rename it, and the hook would refuse the watch.
    watch: types.CodeType = watching.__wrapped__.__code__  # type: ignore[attr-defined]
    unwatching, refused, sent = UNWATCHING, frozenset(REFUSED), set()
    write, caller = os.write, sys._getframe  # bound, as are these errors, before anybody can replace them
    error, recursion = PermissionError, RecursionError
    shown, installed = frozenset(SHOWN), (sys.prefix, sys.base_prefix, *site.getsitepackages(), "<frozen ")

    def importing(frame: types.FrameType | None) -> bool:
        """Whether an installed library does this as it is imported: no code of the learner's comes between."""
        while frame is not None and frame.f_code.co_filename.startswith(installed):
            if frame.f_code.co_filename == "<frozen importlib._bootstrap>":
                return True
            frame = frame.f_back
        return False

    def hook(event: str, arguments: tuple[object, ...]) -> None:
        frame = frames.get(event)
        if event in unwatching and caller(1).f_code is not watch:
            raise recursion("maximum recursion depth exceeded")
        if frame is None:
            return
        if event not in sent and not (event in shown and importing(caller(1))):
            sent.add(event)
            write(end, frame)
        if event in refused:
            raise error(f"{event} is not allowed here")

    sys.addaudithook(hook)


def _hide_ctypes() -> None:
    """Let ctypes be imported anew, which is seen; what it has at hand would reach any memory unseen."""
    for name in [name for name in sys.modules if name.partition(".")[0] in ("ctypes", "_ctypes")]:
        del sys.modules[name]


# PyTorch's own normalizations, where an exercise forbids them: their kernels are replaced before any answer runs, so
# that no way to them is left, be it through another name, a thread or compiled code.
NORM_KERNEL = re.compile(r"(batch|instance|layer|group|rms)_norm")
KEYS = ("CPU", "MkldnnCPU", "QuantizedCPU", *(f"Composite{kind}" for kind in (
    "ExplicitAutograd", "ImplicitAutograd", "ExplicitAutogradNonFunctional",
)))  # fmt: skip


def remove_norms() -> None:
    """Let every normalization kernel of PyTorch be a forbidden call."""
    import torch

    def refuse(*_: object, **__: object) -> NoReturn:
        forbidden_calls.append("one of PyTorch's normalizations")
        raise RuntimeError("PyTorch's normalizations are unavailable in this exercise")

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # kernels are replaced on purpose
        for operator in filter(NORM_KERNEL.search, torch._C._dispatch_get_all_op_names()):
            namespace, _, name = operator.partition("::")
            for key in KEYS:
                if torch._C._dispatch_has_kernel_for_dispatch_key(operator, key):
                    library = torch._C._dispatch_library("IMPL", namespace, key, __file__, 0)
                    library.impl(name, key, refuse)
                    # Whoever held it could let it go, and the kernel were back: nobody holds it, and it stays.
                    ctypes.pythonapi.Py_IncRef(ctypes.py_object(library))


# Packages that an exercise forbids do not exist beside its answer. Importing one succeeds, so that a notebook which
# also explores with it still runs; calling anything of it is a forbidden call.


class _Absent(type):
    """A class that stands for anything inside an absent package."""

    def __call__(cls, *args: object, **kwargs: object) -> NoReturn:
        name = f"{cls.__module__}.{cls.__qualname__}"
        forbidden_calls.append(name)
        raise RuntimeError(f"{name} is unavailable in this exercise")

    def __getattr__(cls, name: str) -> "_Absent":
        return _stand_in(f"{cls.__module__}.{cls.__qualname__}.{name}")


def _stand_in(full_name: str) -> "_Absent":
    module, _, name = full_name.rpartition(".")
    if name.startswith("__"):
        raise AttributeError(name)
    return _Absent(name, (), {"__module__": module})


class _AbsentModule(types.ModuleType):
    def __getattr__(self, name: str) -> _Absent:
        return _stand_in(f"{self.__name__}.{name}")


class _Absence(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    def __init__(self, packages: Iterable[str]) -> None:
        self.packages = frozenset(packages)

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: types.ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if name.partition(".")[0] in self.packages:
            return importlib.machinery.ModuleSpec(name, self, is_package=True)
        return None

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> types.ModuleType:
        return _AbsentModule(spec.name)

    def exec_module(self, module: types.ModuleType) -> None:
        pass


def make_absent(packages: Sequence[str]) -> None:
    """Let every import of these packages give an empty stand-in."""
    if packages:
        sys.meta_path.insert(0, _Absence(packages))


class Beside(importlib.abc.MetaPathFinder, importlib.abc.InspectLoader):
    """Modules that were handed in beside a notebook, by name; they come after all that is installed."""

    def __init__(self, modules: Mapping[str, str]) -> None:
        self.modules = modules

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: types.ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        return importlib.machinery.ModuleSpec(name, self) if name in self.modules else None

    def get_source(self, name: str) -> str:
        return self.modules[name]
