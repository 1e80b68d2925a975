"""Starting the untrusted side: a worker under bubblewrap, which sees libraries, nothing else, and no network."""

import contextlib
import errno
import functools
import os
import shutil
import signal
import site
import socket
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bncourse.course.errors import CourseError
from bncourse.course.paths import ROOT
from bncourse.grading.sandbox.hardening import SCRATCH, Options

STARTING_SECONDS = 120
ENVIRONMENT = {
    "HOME": SCRATCH, "TMPDIR": SCRATCH, "PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "MPLBACKEND": "Agg",
    "OMP_NUM_THREADS": "1", "OMP_THREAD_LIMIT": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1",
}  # fmt: skip
START = """
import socket, sys
sys.path.insert(0, {root!r})
from bncourse.grading.sandbox.worker import serve
serve(socket.socket(fileno={fd}), {options!r})
"""
# Nothing that an exercise asks for needs another program, process or thread, a socket, or memory that no limit counts.
FORBIDDEN_CALLS = (
    *("fork", "vfork", "execve", "execveat", "ptrace", "process_vm_readv", "process_vm_writev", "process_madvise"),
    *("pidfd_open", "pidfd_getfd", "unshare", "setns", "mount", "umount2", "move_mount", "fsopen", "fsmount"),
    *("open_tree", "pivot_root", "chroot", "bpf", "io_uring_setup", "userfaultfd", "perf_event_open", "keyctl"),
    *("add_key", "request_key", "memfd_create", "memfd_secret", "shmget", "shmat", "msgget", "semget", "mq_open"),
    *("socket", "socketpair", "connect", "bind", "listen", "accept", "accept4", "personality", "swapon", "reboot"),
    *("init_module", "finit_module", "kexec_load", "quotactl", "name_to_handle_at", "open_by_handle_at"),
    *("syslog", "io_setup", "sched_setaffinity", "sched_setscheduler", "setpriority", "ioprio_set"),
)


@dataclass(frozen=True)
class Limits:
    """What a submission may use: seconds for one check and for all, GiB of memory."""

    check: float = 10.0
    submission: float = 60.0
    memory: float = 2.0


class Sandbox:
    """A worker that lacks the packages `without`; `child()` gives a process that has run nobody's code yet.

    `hidden` are folders that no submission may see. The worker is started when first needed.
    """

    def __init__(self, without: Sequence[str], limits: Limits, hidden: Sequence[str] = ()) -> None:
        self.without, self.limits, self.hidden = tuple(without), limits, tuple(hidden)
        self._worker: _Worker | None = None

    def child(self) -> socket.socket:
        """A socket to the present child, which is fresh; `end` is to be called when it no longer is."""
        try:
            return self._running().child()
        except OSError:  # the worker is gone, which happens once in a long run
            self.close()
        try:
            return self._running().child()
        except OSError:
            self.close()
            raise

    def end(self) -> None:
        """End the present child and everything that it started, and have the next one made."""
        try:
            if self._worker:
                self._worker.end_child()
        except OSError:
            self.close()

    def close(self) -> None:
        """End the worker."""
        if self._worker:
            self._worker.close()
        self._worker = None

    def _running(self) -> "_Worker":
        self._worker = self._worker or _start(self.without, self.limits, self.hidden)
        return self._worker


class _Worker:
    """A process that makes one child after the other, the next while the grader still reads what the last one said."""

    def __init__(self, process: subprocess.Popen[bytes], control: socket.socket) -> None:
        self.process, self.control = process, control
        self._child: socket.socket | None = None
        self._is_ending = False  # the last child, of which the worker has not yet said that it is gone

    def child(self) -> socket.socket:
        if self._is_ending:
            self._is_ending = False
            if self.control.recv(1) != b"E":
                raise ConnectionResetError
        self._child = self._child or self._fork()
        return self._child

    def end_child(self) -> None:
        if self._child is None:
            return
        self._child.close()
        self._child = None
        self.control.sendall(b"K")
        self._is_ending = True
        self._child = self._fork()

    def _fork(self) -> socket.socket:
        ours, theirs = socket.socketpair()
        with theirs:
            socket.send_fds(self.control, [b"F"], [theirs.fileno()])
        return ours

    def close(self) -> None:
        if self._child:
            self._child.close()
        self.control.close()
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


def _start(without: Sequence[str], limits: Limits, hidden: Sequence[str]) -> _Worker:
    """A worker that is ready; CourseError, with the last line that it wrote, if it does not start."""
    ours, theirs = socket.socketpair()
    isolate = protection() is None
    options: Options = {
        "without": without, "isolate": isolate, "memory": int(limits.memory * 2**30),
        "seconds": int(6 * limits.submission) + 5, "filter": _filter(),
    }  # fmt: skip
    code = START.format(root=str(ROOT), fd=theirs.fileno(), options=options)
    command = [*(_bubblewrap(without, hidden) if isolate else ()), sys.executable, "-I", "-B", "-c", code]
    with theirs, tempfile.TemporaryFile() as output:
        process = subprocess.Popen(
            command, pass_fds=[theirs.fileno()], env=ENVIRONMENT, start_new_session=True,
            stdin=subprocess.DEVNULL, stdout=output, stderr=output,
        )  # fmt: skip
        worker = _Worker(process, ours)
        theirs.close()
        ours.settimeout(STARTING_SECONDS)
        with contextlib.suppress(OSError):
            if ours.recv(1) == b"R":
                return worker
        worker.close()
        output.seek(0)
        lines = output.read().decode(errors="replace").strip().splitlines() or ["no reason given"]
        raise CourseError(f"the worker for submissions does not start: {lines[-1]}")


@functools.cache
def protection() -> str | None:
    """None where bubblewrap isolates submissions here; else one line on what is weaker without it."""
    weaker = (
        "submissions run as ordinary processes, with limits, but able to read this user's files, to use the network, "
        "and to disturb each other"
    )
    if not sys.platform.startswith("linux") or not shutil.which("bwrap"):
        return f"bubblewrap is not installed (apt install bubblewrap): {weaker}"
    code = f"import sys; sys.path.insert(0, {str(ROOT)!r}); from bncourse.grading.sandbox.hardening import unshare"
    code += "; unshare()"
    command = [*_bubblewrap((), ()), sys.executable, "-I", "-B", "-c", code]
    trial = subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True)
    if trial.returncode:
        reason = (trial.stderr.strip().splitlines() or ["it fails"])[-1]
        return f"bubblewrap does not work here ({reason}): {weaker}"
    return None


def _bubblewrap(without: Sequence[str], hidden: Sequence[str]) -> list[str]:
    """The command that shows a worker the Python installation and this package, and nothing else of this machine."""
    system = [Path(name) for name in ("/usr", "/lib", "/lib64", "/lib32", "/bin", "/sbin")]
    libraries = [Path(folder) for folder in (*site.getsitepackages(), site.getusersitepackages())]
    inside = [Path(sys.base_prefix), Path(sys.prefix), *libraries]
    command = ["bwrap", "--unshare-all", "--die-with-parent", "--new-session", "--cap-add", "CAP_SYS_ADMIN"]
    for path in system:
        if path.is_symlink():
            command += ["--symlink", os.readlink(path), str(path)]
        elif path.is_dir():
            command += ["--ro-bind", str(path), str(path)]
    mounted = [Path("/usr")]
    for path in dict.fromkeys(path for path in inside if path.is_dir() and not path.is_relative_to(ROOT)):
        if not any(path.is_relative_to(other) for other in mounted):
            command += ["--ro-bind", str(path), str(path)]
            mounted.append(path)
    for path in (ROOT, *map(Path, hidden)):
        if any(path.is_relative_to(other) for other in mounted):
            command += ["--tmpfs", str(path)]
    for path in dict.fromkeys([*inside, ROOT / "bncourse"]):
        if path.is_relative_to(ROOT) and path.is_dir() and not any(path.is_relative_to(other) for other in mounted):
            command += ["--ro-bind", str(path), str(path)]
            mounted.append(path)
    for folder in libraries:
        for package in without:
            if (folder / package).is_dir():
                command += ["--tmpfs", str(folder / package)]
    for device in ("null", "zero", "random", "urandom"):
        command += ["--dev-bind", f"/dev/{device}", f"/dev/{device}"]
    return [*command, "--dir", SCRATCH, "--chdir", SCRATCH, "--remount-ro", "/", "--"]


@functools.cache
def _filter() -> bytes:
    """The filter of system calls, compiled by libseccomp; empty where that library is missing."""
    try:
        import pyseccomp as seccomp
    except (ImportError, RuntimeError, OSError):
        return b""
    rules = seccomp.SyscallFilter(seccomp.ALLOW)
    for name in FORBIDDEN_CALLS:
        with contextlib.suppress(OSError, ValueError):  # unknown to this kernel's architecture
            rules.add_rule(seccomp.ERRNO(1), name)
    # Without threads none can be made by the thousand, and none runs on unwatched; a limit would not hold for root.
    rules.add_rule(seccomp.ERRNO(errno.ENOSYS), "clone3")
    rules.add_rule(seccomp.ERRNO(errno.EAGAIN), "clone")
    with tempfile.TemporaryFile() as compiled:
        rules.export_bpf(compiled)
        compiled.seek(0)
        return compiled.read()


def warn_if_weaker(required: bool) -> None:
    """One line on standard error where submissions are not isolated; CourseError where they must be."""
    missing = protection()
    if missing and required:
        raise CourseError(f"--require-sandbox: {missing}")
    if missing:
        print(f"warning: {missing}", file=sys.stderr)
    elif not _filter():
        print("warning: pyseccomp is missing: system calls are not filtered", file=sys.stderr)
