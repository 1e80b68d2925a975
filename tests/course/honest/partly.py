"""Notebooks in which not all is right."""

import json

from bncourse.course.paths import EXERCISES
from tests.course.honest.notebooks import STEM, cell, change, honest, plain, put, stub


@honest()
def half_of_it_is_done(notebook):
    """Two stubs are left."""
    for name in ("ex-3-3", "ex-3-4"):
        cell(notebook, name)["source"] = stub(name)
    return notebook


@honest()
def one_answer_is_no_python(notebook):
    """A colon is missing."""
    return change(notebook, "ex-3-3", "eps=1e-5):", "eps=1e-5)")


@honest()
def one_answer_is_wrong(notebook):
    """ε outside of the root."""
    return change(notebook, "ex-3-1", "np.sqrt(var + eps)", "(np.sqrt(var) + eps)")


@honest()
def one_answer_has_another_name(notebook):
    """normalise, as the British write."""
    return change(notebook, "ex-3-1", "def normalize", "def normalise")


@honest()
def one_answer_is_text(notebook):
    """Esc, M by mistake."""
    cell(notebook, "ex-3-1")["cell_type"] = "markdown"
    return notebook


@honest()
def one_answer_is_gone(notebook):
    """Deleted."""
    notebook["cells"].remove(cell(notebook, "ex-3-3"))
    return notebook


@honest()
def a_renamed_copy_beside_the_stub(notebook):
    """normalize_mine is right, normalize is the stub."""
    source = cell(notebook, "ex-3-1")["source"].replace("def normalize", "def normalize_mine")
    cell(notebook, "ex-3-1")["source"] = stub("ex-3-1")
    return put(notebook, "check-3-1", source)


@honest()
def one_answer_stops(notebook):
    """A slip of the pen: a name that is not there."""
    return change(notebook, "ex-3-2", "(x - mean)", "(x - men)")


@honest()
def the_untouched_notebook(notebook):
    """Handed in by mistake."""
    return plain(json.loads((EXERCISES / f"{STEM}.ipynb").read_text("utf8")))
