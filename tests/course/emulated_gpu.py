"""`python -m bncourse gpu` without a GPU: with BNCOURSE_EMULATOR=tests.course.emulated_gpu it sees the second device.

The sizes are those for a GPU; there is less work of them: trainings take two steps, data sets have few images.
"""

import pytest
import torch

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
    patch.setenv(
        "KERAS_TORCH_DEVICE", "cpu"
    )  # it draws its numbers in PyTorch's own code, which knows no emulated card
    patch.setattr(entries, "seeds", lambda shown, full: seeds(min(shown, 2), full))
    pages.shorten(patch)
    pages.shrink(patch)
    SecondDevice().__enter__()
