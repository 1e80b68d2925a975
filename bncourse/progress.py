"""Progress bars that read well in a notebook, in a terminal and on a built page."""

import os
import sys


def on_page():
    """Whether the code runs while a page of the book is built."""
    return os.environ.get("BNCOURSE_PAGE") == "1"


def in_notebook():
    """Whether the code runs in a Jupyter kernel."""
    if "IPython" not in sys.modules:
        return False
    shell = sys.modules["IPython"].get_ipython()
    return shell is not None and hasattr(shell, "kernel")


def bar_options():
    """Arguments for tqdm: no bar on a page, standard output in a notebook, else only in a terminal."""
    if on_page():
        return {"disable": True}
    if in_notebook():
        return {"leave": False, "file": sys.stdout}
    return {"leave": False, "disable": None}
