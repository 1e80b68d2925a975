"""One learner's answers against the checks, and the diagnosis.

What the authors of checks, mistakes and variants import stands here.
"""

from bncourse.checking.compare import assert_close
from bncourse.checking.registry import NUMPY_ONLY, exercise, guide, mistake, variant

__all__ = ["NUMPY_ONLY", "assert_close", "exercise", "guide", "mistake", "variant"]
