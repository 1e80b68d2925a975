"""The one error that users see."""


class CourseError(Exception):
    """Something the user can mend: one line that names the thing and the way out."""

    def _render_traceback_(self) -> list[str]:
        """Shown by IPython instead of a traceback."""
        return [str(self)]
