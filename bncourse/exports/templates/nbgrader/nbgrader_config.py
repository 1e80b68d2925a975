"""Settings of nbgrader for this course."""

import os

from nbgrader.converters import Autograde
from nbgrader.preprocessors import Execute

from bncourse.exports.nbgrader_steps import GradeInSandbox, PutBackCells

c = get_config()  # noqa: F821

c.CourseDirectory.root = os.path.dirname(os.path.abspath(__file__))

# A notebook that is run here could forge its points: it is graded in the sandbox, as by `python -m bncourse grade`.
c.Autograde.sanitize_preprocessors = [PutBackCells, *Autograde.sanitize_preprocessors.default()]
c.Autograde.autograde_preprocessors = [
    GradeInSandbox if step is Execute else step for step in Autograde.autograde_preprocessors.default()
]
