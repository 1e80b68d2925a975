"""What the pages say of several seeds: means with their intervals."""

import numpy as np
from numpy.typing import ArrayLike


def confidence_interval(values: ArrayLike) -> float:
    """Half width of the 95 % confidence interval of the mean of `values` `(S,)` (Student's t); of one, nan."""
    from scipy import stats  # a second to import: whoever only reads entries does without

    values = np.asarray(values, dtype=float)
    count = len(values)
    if count < 2:
        return float("nan")
    return float(stats.t.ppf(0.975, count - 1) * values.std(ddof=1) / np.sqrt(count))
