"""Hypothesis, set up so that a check judges alike each time: derandomised, no database, no deadline, few examples."""

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

settings.register_profile(
    "checks",
    derandomize=True,
    database=None,
    deadline=None,
    max_examples=12,
    phases=(Phase.generate, Phase.shrink),
    report_multiple_bugs=False,
    suppress_health_check=list(HealthCheck),
)
settings.load_profile("checks")

__all__ = ["given", "st"]
