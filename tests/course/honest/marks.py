"""Who leaves which ids and marks."""

import json
import uuid

import nbformat

from tests.course.honest.notebooks import bare, cell, codes, honest, renewed, through_jupytext, without_ids


@honest()
def as_it_is(notebook):
    """Nobody changed anything."""
    return notebook


@honest()
def ids_are_renewed(notebook):
    """Some front ends give every cell a new id when they save."""
    return renewed(notebook)


@honest()
def ids_are_gone(notebook):
    """Format 4.4, which has none."""
    return without_ids(notebook)


@honest()
def only_the_grade_ids_are_left(notebook):
    """A tool that keeps nbgrader's metadata alone."""
    for one in notebook["cells"]:
        one["metadata"].pop("bncourse", None)
    return renewed(notebook)


@honest()
def only_the_marks_of_the_course_are_left(notebook):
    """nbgrader's validation extension, asked to remove its metadata."""
    for one in notebook["cells"]:
        one["metadata"].pop("nbgrader", None)
    return renewed(notebook)


@honest()
def nothing_tells_the_cells_apart(notebook):
    """Cells copied one by one into a new notebook of that name."""
    notebook["metadata"] = {}
    return bare(notebook)


@honest("Untitled.ipynb")
def a_new_notebook_without_a_name(notebook):
    """Cells copied into File > New."""
    notebook["metadata"] = {}
    return bare(notebook)


@honest()
def through_jupytext_percent(notebook):
    """Kept as a script, and converted back to hand it in."""
    return through_jupytext(notebook, "py:percent")


@honest()
def through_jupytext_light(notebook):
    """The same in jupytext's light format."""
    return through_jupytext(notebook, "py:light")


@honest()
def through_jupytext_markdown(notebook):
    """The same in Markdown."""
    return through_jupytext(notebook, "md")


@honest("Kopie von 03_normalize.ipynb")
def from_colab(notebook):
    """Colab keeps ids in the metadata, and names copies so."""
    for one in notebook["cells"]:
        one["metadata"] = {"id": one.pop("id")}
    notebook["nbformat_minor"] = 0
    notebook["metadata"] = {"colab": {"provenance": []}, "kernelspec": {"name": "python3", "display_name": "Python 3"}}
    return notebook


@honest()
def from_colab_with_ids_of_its_own(notebook):
    """A notebook made new in Colab has ids like this."""
    for one in notebook["cells"]:
        one["metadata"] = {"id": uuid.uuid4().hex[:12], "outputId": str(uuid.uuid4())}
    return without_ids(notebook)


@honest()
def from_kaggle(notebook):
    """Kaggle marks each execution and forgets ids."""
    for one in codes(notebook):
        one["metadata"] = {
            "_uuid": uuid.uuid4().hex,
            "execution": {"iopub.status.busy": "2026-11-02T10:00:00Z"},
            "trusted": True,
        }
    return without_ids(notebook)


@honest()
def from_vs_code(notebook):
    """VS Code writes ids of its own for cells that it touched."""
    for one in notebook["cells"]:
        one["metadata"]["vscode"] = {"languageId": "python"}
        one["id"] = uuid.uuid4().hex[:8]
    return notebook


@honest()
def from_pycharm(notebook):
    """PyCharm's metadata, and no ids."""
    for one in notebook["cells"]:
        one["metadata"] = {"collapsed": False, "pycharm": {"name": "#%%\n"}}
    return without_ids(notebook)


@honest()
def from_deepnote(notebook):
    """Deepnote names cells in its own way."""
    for one in notebook["cells"]:
        one["metadata"] = {"cell_id": uuid.uuid4().hex, "deepnote_cell_type": "code"}
    return without_ids(notebook)


@honest()
def through_nbstripout(notebook):
    """nbstripout --drop-empty-cells numbers the cells."""
    for number, one in enumerate(notebook["cells"]):
        one["id"], one["metadata"] = str(number), {}
    return notebook


@honest()
def of_format_3(notebook):
    """Saved by the IPython notebook of 2014, or for it."""
    return json.loads(nbformat.v3.writes_json(nbformat.convert(nbformat.from_dict(notebook), 3)))


@honest()
def of_format_4_0(notebook):
    """The oldest of format 4."""
    notebook["nbformat_minor"] = 0
    return without_ids(notebook)


@honest()
def sources_in_lines(notebook):
    """As Jupyter itself writes them."""
    for one in notebook["cells"]:
        one["source"] = one["source"].splitlines(keepends=True)
    return notebook


@honest()
def lines_end_as_on_windows(notebook):
    """Git for Windows with autocrlf inside of strings, or an editor's doing."""
    for one in notebook["cells"]:
        one["source"] = one["source"].replace("\n", "\r\n")
    return notebook


@honest()
def with_outputs(notebook):
    """Everything that was printed is still in it."""
    for number, one in enumerate(codes(notebook)):
        one["execution_count"] = number
        one["outputs"] = [{"output_type": "stream", "name": "stdout", "text": ["a line\n"] * 500}]
    return notebook


@honest()
def with_widgets_and_attachments(notebook):
    """What ipywidgets and pasted pictures leave."""
    notebook["metadata"]["widgets"] = {"application/vnd.jupyter.widget-state+json": {"state": {}}}
    cell(notebook, "q-3-1")["attachments"] = {"a.png": {"image/png": "iVBORw0KGgo="}}
    return notebook


@honest("03_normalize (1).ipynb")
def downloaded_twice(notebook):
    """Browsers number what is there already."""
    return renewed(notebook)


@honest("03_normalize-Copy1.ipynb")
def a_copy_by_jupyterlab(notebook):
    """JupyterLab's Duplicate."""
    return bare(notebook)


@honest("submission_ada.ipynb")
def named_as_the_teacher_asked(notebook):
    """The file's name says nothing of the chapter; the cells do."""
    return bare(notebook)
