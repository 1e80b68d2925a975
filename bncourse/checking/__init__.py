"""One learner's answers against the checks, and the diagnosis.

What the authors of checks, mistakes and variants import stands here.
"""

from bncourse.checking.compare import assert_close
from bncourse.checking.marks import AUTOGRAD, NUMPY_ONLY, TORCH_NORMS, exercise, guide, mistake, variant

__all__ = ["AUTOGRAD", "NUMPY_ONLY", "TORCH_NORMS", "assert_close", "exercise", "guide", "mistake", "variant"]
