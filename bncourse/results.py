"""Numbers that a page measured, handed to its text."""

import numpy as np

from bncourse.figures import confidence_interval


def measured(name, value):
    """Make a measured number available to the page's text under `name`, by glue.

    A number is given as it is. Of several, one a seed `(S,)`, the text gets the mean as `name` and the half width of
    its 95 % confidence interval (Student's t) as `name_ci`.
    """
    from myst_nb import glue

    values = np.asarray(value)
    if values.ndim:
        glue(f"{name}_ci", confidence_interval(values), display=False)
        values = values.mean()
    glue(name, values.item(), display=False)
