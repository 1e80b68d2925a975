"""Ignores or blocks every signal, switches the alarm off, then sleeps for a year. The process is ended from
outside."""

DUE = {"3.1": 0}
SAYS = "still running after"

# %% exercise="3.1"
import contextlib
import signal
import time


def normalize(x, mean, var, eps=1e-5):
    signal.setitimer(signal.ITIMER_REAL, 0)
    for number in signal.valid_signals():
        with contextlib.suppress(OSError, ValueError):
            signal.signal(number, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    while True:
        time.sleep(365 * 24 * 3600)
