"""`python -m bncourse gpu` without a GPU: with BNCOURSE_EMULATOR=tests.course.emulated_gpu it sees the second device.

Trainings take two steps there, and the sizes are those of the CPU.
"""

import pytest
import torch

from bncourse.lab import training
from bncourse.ledger import entries
from tests.course import pages
from tests.course.second_device import SecondDevice


def install():
    """From here on, until the process ends."""
    patch, seeds = pytest.MonkeyPatch(), entries.seeds
    patch.setattr(torch.cuda, "is_available", lambda: True)
    patch.setattr(torch.cuda, "get_device_name", lambda: "an emulated GPU")
    patch.setattr(torch.cuda, "max_memory_allocated", lambda: 3 * 2**20)
    patch.setattr(torch.cuda, "synchronize", lambda *device: None)
    patch.setattr(training, "scale", lambda cpu, gpu: cpu)
    patch.setattr(entries, "seeds", lambda shown, full: seeds(min(shown, 2), full))
    pages.shorten(patch)
    SecondDevice().__enter__()
