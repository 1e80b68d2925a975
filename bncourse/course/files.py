"""Writing files: whole or not at all."""

import contextlib
import os
import secrets
from pathlib import Path

from bncourse.course.errors import CourseError
from bncourse.course.paths import shown


def write_whole(path: Path, content: str | bytes, encoding: str = "utf-8") -> None:
    """Write a file that readers see whole or not at all; line ends stay as they are.

    CourseError if it cannot be written; what was there before is then unchanged.
    """
    unfinished = path.with_name(f".{secrets.token_hex(8)}.unfinished")
    try:
        unfinished.write_bytes(content.encode(encoding) if isinstance(content, str) else content)
        os.replace(unfinished, path)
    except OSError as error:
        raise CourseError(f"cannot write {shown(path)}: {error.strerror or error}") from None
    finally:
        with contextlib.suppress(OSError):
            unfinished.unlink(missing_ok=True)
