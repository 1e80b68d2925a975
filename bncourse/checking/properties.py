"""Hypothesis, set up so that a check judges alike each time: derandomised, no database, no deadline, few examples."""

from collections.abc import Callable
from typing import Any

import hypothesis
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st

__all__ = ["given", "st"]

CHECKS = settings(
    derandomize=True, database=None, deadline=None, max_examples=12, phases=(Phase.generate, Phase.shrink),
    report_multiple_bugs=False, suppress_health_check=list(HealthCheck),
)  # fmt: skip


def given(
    *arguments: st.SearchStrategy[Any], **keywords: st.SearchStrategy[Any]
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """`hypothesis.given` with these settings, whatever the profile of whoever runs the check."""

    def decorate(check: Callable[..., None]) -> Callable[..., None]:
        return CHECKS(hypothesis.given(*arguments, **keywords)(check))

    return decorate
