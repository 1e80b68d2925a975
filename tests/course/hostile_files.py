"""Submissions that are no text, or that are odd as files and not in their code: made here, for test_grading_hostile.

Each function gets a right notebook of chapter 3 and gives it back as the student hands it in, or its bytes, or writes
what it likes into the student's folder.
"""

import json
import os
import zipfile
from dataclasses import dataclass

from bncourse.course.paths import SOLUTIONS

UNREADABLE = "unreadable"
MARK = "left-by-a-hostile-submission"
NORMALIZE = "03_normalize"


SPECIAL = []
# A layer that is its own work but for `normalised`, which the hostile cell after it defines.
LAYER = """\
import torch
from torch import nn


class BatchNorm(nn.Module):
    def __init__(self, num_features, eps=1e-5, momentum=0.1, affine=True, track_running_stats=True):
        super().__init__()
        self.eps, self.momentum = eps, momentum
        self.weight = nn.Parameter(torch.ones(num_features)) if affine else None
        self.bias = nn.Parameter(torch.zeros(num_features)) if affine else None
        self.register_buffer("running_mean", torch.zeros(num_features) if track_running_stats else None)
        self.register_buffer("running_var", torch.ones(num_features) if track_running_stats else None)
        self.register_buffer("num_batches_tracked", torch.tensor(0) if track_running_stats else None)

    def forward(self, x):
        tracked = self.running_mean is not None
        training, momentum = self.training or not tracked, self.momentum
        if self.training and tracked:
            self.num_batches_tracked += 1
            momentum = 1 / self.num_batches_tracked.item() if momentum is None else momentum
        state = self.running_mean, self.running_var, self.weight, self.bias
        return normalised(x, *state, training, momentum or 0.0, self.eps)


"""
WRONG = "import numpy as np\n\n\ndef {name}(x, *rest, **options):\n    return np.zeros(x.shape)\n"


@dataclass(frozen=True)
class Special:
    """How a submission is made, the points due to it, what is said of it, and its student, known by `key`."""

    write: object
    due: dict | str
    says: str
    review: str
    student: str
    key: str | None


def special(due, says="", review="", student=None, key=None):
    def mark(write):
        SPECIAL.append(Special(write, due, says, review, student or write.__name__, key))
        return write

    return mark


def cell(notebook, name):
    return next(one for one in notebook["cells"] if one.get("id") == name)


@special(UNREADABLE, "it is empty")
def empty(notebook):
    return b""


@special(UNREADABLE, "no notebook")
def only_a_report(notebook, folder):
    (folder / "report.pdf").write_bytes(b"%PDF")


@special(UNREADABLE, "breaks off")
def truncated(notebook):
    return json.dumps(notebook).encode()[:-2000]


@special(UNREADABLE, "not text")
def binary(notebook):
    return bytes(range(256)) * 400


@special(UNREADABLE, "no list of cells")
def no_object(notebook):
    return b"[1, 2, 3]"


@special(UNREADABLE, "not a notebook")
def nested_too_deep(notebook):
    return b"[" * 2_000_000


@special({})
def of_format_3(notebook):
    return {"nbformat": 3, "worksheets": [{"cells": notebook["cells"]}], "metadata": {}}


@special(UNREADABLE, "not an exercise notebook")
def of_another_course(notebook, folder):
    cells = [{"cell_type": "code", "id": f"q{i}", "source": "1 + 1", "metadata": {}} for i in range(3)]
    (folder / "homework.ipynb").write_text(json.dumps({"cells": cells, "metadata": {}, "nbformat": 4}))


@special(UNREADABLE, "larger than 100 MB")
def larger_than_any_notebook(notebook, folder):
    with (folder / f"{NORMALIZE}.ipynb").open("wb") as file:
        file.truncate(130_000_000)


@special({})
def large_outputs(notebook):
    """50 MB of pictures under right answers."""
    picture = {"output_type": "display_data", "data": {"image/png": "iVBORw0K" * 6_500_000}, "metadata": {}}
    cell(notebook, "ex-3-1")["outputs"] = [picture]
    return notebook


@special({})
def thousands_of_cells(notebook):
    extra = [{"cell_type": "code", "id": f"c{i}", "source": f"x{i} = {i}", "metadata": {}} for i in range(2000)]
    notebook["cells"] += extra
    return notebook


@special({"3.1": 0}, "more than 1 MiB")
def a_cell_of_megabytes(notebook):
    cell(notebook, "ex-3-1")["source"] += f"\nTABLE = '{'x' * 2_000_000}'"
    return notebook


@special({"3.1": 0}, "NameError")
def of_another_language(notebook):
    notebook["metadata"]["kernelspec"] = {"name": "ir", "display_name": "R", "language": "R"}
    cell(notebook, "ex-3-1")["source"] = "normalize <- function(x, mean, var, eps = 1e-5) (x - mean) / sqrt(var + eps)"
    return notebook


@special({})
def of_another_kernel(notebook):
    notebook["metadata"] = {"kernelspec": {"name": "julia-1.9", "language": "julia"}}
    return notebook


@special({})
def a_cell_renamed(notebook):
    cell(notebook, "ex-3-1")["id"] = "my-answer"
    return notebook


@special({"3.1": 0}, "no cell defines normalize")
def a_cell_deleted(notebook):
    notebook["cells"].remove(cell(notebook, "ex-3-1"))
    return notebook


@special({"3.1": 0})
def cells_twice(notebook):
    """The last of two cells of one name counts: a wrong one after the right one, and the other way round."""
    for id, name, place in (("ex-3-1", "normalize", 1), ("ex-3-3", "normalize_inference", 0)):
        first = notebook["cells"].index(cell(notebook, id))
        wrong = {**cell(notebook, id), "source": WRONG.format(name=name)}
        notebook["cells"].insert(first + place, wrong)
    return notebook


@special({})
def cells_in_reverse_order(notebook):
    notebook["cells"].reverse()
    return notebook


@special({})
def only_answers_left(notebook):
    notebook["cells"] = [one for one in notebook["cells"] if one.get("id", "").startswith("ex-")]
    cell(notebook, "ex-3-1")["source"] = "import numpy as np\n" + "".join(cell(notebook, "ex-3-1")["source"])
    return notebook


@special({"3.3": 0}, "SyntaxError")
def a_syntax_error(notebook):
    cell(notebook, "ex-3-3")["source"] = "def normalize_inference(x, moving_mean:\n    return x"
    return notebook


@special({"3.1": 0}, "null bytes")
def null_bytes(notebook):
    cell(notebook, "ex-3-1")["source"] = "x = 1\0"
    return notebook


@special({})
def text_that_is_no_unicode(notebook):
    answer = cell(notebook, "ex-3-1")
    answer["source"] = "".join(answer["source"]) + "\nname = '\ud800 \udfff'\n"
    return notebook


@special({})
def magics(notebook):
    answer = cell(notebook, "ex-3-1")
    answer["source"] = "%matplotlib inline\n!rm -rf /\n" + "".join(answer["source"]) + "\n?normalize\n"
    return notebook


@special({})
def fields_of_odd_types(notebook):
    odd = [
        {"cell_type": "code", "source": None, "metadata": []}, {"cell_type": "code", "id": 7, "source": {"a": 1}},
        {"cell_type": ["code"]}, {}, {"cell_type": "code", "id": ["ex-3-1"], "metadata": {"bncourse": "answer"}},
    ]  # fmt: skip
    notebook["cells"] = odd + notebook["cells"]
    notebook["metadata"]["bncourse"] = [{"chapter": NORMALIZE}]
    return notebook


def write_zip(folder, entries):
    with zipfile.ZipFile(folder / "work.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries.items():
            info = zipfile.ZipInfo(name) if isinstance(name, str) else name
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, content)


@special({}, review="leads out of the zip")
def a_zip_that_leads_out(notebook, folder):
    content = json.dumps(notebook)
    write_zip(folder, {f"../../{MARK}.ipynb": content, f"/{MARK}.ipynb": content, f"{NORMALIZE}.ipynb": content})


@special({}, review="larger than 100 MB")
def a_zip_bomb(notebook, folder):
    write_zip(folder, {"bomb.ipynb": bytes(150_000_000), f"{NORMALIZE}.ipynb": json.dumps(notebook)})


@special(UNREADABLE, "link")
def a_zip_with_a_link(notebook, folder):
    link = zipfile.ZipInfo(f"{NORMALIZE}.ipynb")
    link.external_attr = 0o120777 << 16
    write_zip(folder, {link: str(SOLUTIONS / f"{NORMALIZE}.ipynb")})


@special(UNREADABLE, "a link was not followed")
def links_to_others_work(notebook, folder):
    (folder / f"{NORMALIZE}.ipynb").symlink_to("../binary ~ neighbour/03_normalize.ipynb")
    (folder / "solution.ipynb").symlink_to(SOLUTIONS / f"{NORMALIZE}.ipynb")


@special(UNREADABLE, "not a regular file")
def a_pipe(notebook, folder):
    os.mkfifo(folder / f"{NORMALIZE}.ipynb")


@special({}, student="Ωμέγα 学生 🎓 ‮gnp")
def a_name_in_many_scripts(notebook):
    return notebook


@special({}, student="n" * 240)
def a_very_long_name(notebook):
    return notebook


@special({}, student="=HYPERLINK(0) <script>alert(1)<script> $(id) ;'\"")
def a_name_of_code(notebook):
    return notebook


@special({}, student="Zoë", key="Zoë (2)")
def a_name(notebook):
    return notebook


@special({"3.1": 0}, student="Zoe\u0308", key="Zoë")
def the_same_name_written_otherwise(notebook):
    """The same name in another normal form: another student, with points of its own."""
    cell(notebook, "ex-3-1")["source"] = WRONG.format(name="normalize")
    return notebook
