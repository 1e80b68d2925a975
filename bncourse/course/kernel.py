"""Where the code runs: on a page of the book, in a notebook or in a terminal; and progress bars that fit there."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell


def on_page() -> bool:
    """Whether the code runs while a page of the book is built."""
    return os.environ.get("BNCOURSE_PAGE") == "1"


def shell() -> InteractiveShell | None:
    """The IPython shell that the code runs in, if it runs in one; IPython is not imported for it."""
    ipython = sys.modules.get("IPython")
    running: InteractiveShell | None = ipython.get_ipython() if ipython else None
    return running


def in_notebook() -> bool:
    """Whether the code runs in a Jupyter kernel."""
    return hasattr(shell(), "kernel")


def bar_options() -> dict[str, Any]:
    """Arguments for tqdm: no bar on a page, standard output in a notebook, else only in a terminal."""
    if on_page():
        return {"disable": True}
    if in_notebook():
        return {"leave": False, "file": sys.stdout}
    return {"leave": False, "disable": None}
