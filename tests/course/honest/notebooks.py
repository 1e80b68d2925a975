"""One solved notebook of chapter 3, as editors, converters, platforms and people leave it.

Each function of the modules beside this one gets it, as a dict whose cells have their sources as text, and gives it
back changed; its docstring says who leaves notebooks like that. What counts is what the kernel says, so nothing there
says what the points are.
"""

import json
import uuid

import jupytext
import nbformat

from bncourse.course.paths import EXERCISES, SOLUTIONS

STEM = "03_normalize"
NOTEBOOKS = {}
FILES = {}  # name -> {name of a file beside the notebook: its text}
NAMES = {}  # name -> name of the notebook file


def honest(file_name=f"{STEM}.ipynb", **beside):
    def mark(leave):
        NOTEBOOKS[leave.__name__] = leave
        NAMES[leave.__name__] = file_name
        FILES[leave.__name__] = {f"{name}.py": text for name, text in beside.items()}
        return leave

    return mark


def solved():
    """The solution of the chapter, as a learner's notebook."""
    notebook = plain(json.loads((SOLUTIONS / f"{STEM}.ipynb").read_text("utf8")))
    cell(notebook, "ex-3-4")["source"] += "\n# in my own words"
    return notebook


def plain(notebook):
    for cell in notebook["cells"]:
        cell["source"] = "".join(cell["source"])
    return notebook


def cell(notebook, name):
    return next(cell for cell in notebook["cells"] if cell.get("id") == name)


def place(notebook, name):
    return notebook["cells"].index(cell(notebook, name))


def code(source, **fields):
    fields = {"id": uuid.uuid4().hex[:8], "metadata": {}, "outputs": [], "execution_count": 1, **fields}
    return {"cell_type": "code", "source": source, **fields}


def put(notebook, before, source, **fields):
    notebook["cells"].insert(place(notebook, before), code(source, **fields))
    return notebook


def change(notebook, name, old, new):
    one = cell(notebook, name)
    assert old in one["source"]
    one["source"] = one["source"].replace(old, new)
    return notebook


def stub(name):
    notebook = plain(json.loads((EXERCISES / f"{STEM}.ipynb").read_text("utf8")))
    return cell(notebook, name)["source"]


def codes(notebook):
    return [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]


def without_ids(notebook):
    for one in notebook["cells"]:
        one.pop("id", None)
    notebook["nbformat_minor"] = 4
    return notebook


def renewed(notebook):
    for one in notebook["cells"]:
        one["id"] = uuid.uuid4().hex[:8]
    return notebook


def bare(notebook):
    """Neither ids nor marks."""
    for one in notebook["cells"]:
        one["metadata"] = {}
    return renewed(notebook)


def through_jupytext(notebook, form):
    read = jupytext.reads(jupytext.writes(nbformat.from_dict(notebook), fmt=form), fmt=form)
    return plain(json.loads(nbformat.writes(read)))
