"""Cells that were split, merged, moved, or typed again."""

import copy
import uuid

from tests.course.honest.notebooks import cell, change, code, codes, honest, place, put, stub


@honest()
def answer_and_check_merged(notebook):
    """JupyterLab's Merge Cell Below on an answer."""
    at = place(notebook, "ex-3-1")
    merged = code(notebook["cells"][at]["source"] + "\n\n" + notebook["cells"][at + 1]["source"])
    notebook["cells"][at : at + 2] = [merged]
    return notebook


@honest()
def merged_into_the_check(notebook):
    """Merge Cell Above on a check: its marks stay."""
    at = place(notebook, "ex-3-2")
    answer, check = notebook["cells"][at : at + 2]
    check["source"] = answer["source"] + "\n\n" + check["source"]
    del notebook["cells"][at]
    return notebook


@honest()
def two_answers_in_one_cell(notebook):
    """Merged, since the second needs the first."""
    one, two = cell(notebook, "ex-3-1"), cell(notebook, "ex-3-2")
    one["source"] += "\n\n\n" + two["source"]
    notebook["cells"].remove(two)
    return notebook


@honest()
def two_answers_in_the_second_cell(notebook):
    """The same the other way round: then the first check has nothing to check, until it is run again."""
    one, two = cell(notebook, "ex-3-3"), cell(notebook, "ex-3-4")
    two["source"] = one["source"] + "\n\n\n" + two["source"]
    notebook["cells"].remove(one)
    return notebook


@honest()
def all_in_one_cell(notebook):
    """Everything merged, checks and all."""
    merged = code("\n\n".join(one["source"] for one in codes(notebook) if "google.colab" not in one["source"]))
    notebook["cells"] = [one for one in notebook["cells"] if one["cell_type"] != "code"] + [merged]
    return notebook


@honest()
def setup_merged_into_the_first_answer(notebook):
    """The imports stand where they are used."""
    setup = next(one for one in codes(notebook) if "from bncourse import check" in one["source"])
    notebook["cells"].remove(setup)
    first = cell(notebook, "ex-3-1")
    first["source"] = setup["source"] + "\n\n\n" + first["source"]
    return notebook


@honest()
def a_helper_split_off(notebook):
    """Split Cell, and a helper in the upper half."""
    change(notebook, "ex-3-1", "np.sqrt(var + eps)", "root(var, eps)")
    return put(notebook, "ex-3-1", "def root(var, eps):\n    return np.sqrt(var + eps)")


@honest()
def a_helper_below_the_check(notebook):
    """Defined later: by the time anybody checks again, it is there."""
    change(notebook, "ex-3-1", "np.sqrt(var + eps)", "root(var, eps)")
    return put(notebook, "q-3-2", "def root(var, eps):\n    return np.sqrt(var + eps)")


@honest()
def answer_in_a_cell_below_the_stub(notebook):
    """Esc, B, and typed there."""
    put(notebook, "check-3-1", cell(notebook, "ex-3-1")["source"])
    cell(notebook, "ex-3-1")["source"] = stub("ex-3-1")
    return notebook


@honest()
def answer_behind_the_check(notebook):
    """Typed into the next cell that was free."""
    put(notebook, "q-3-2", cell(notebook, "ex-3-1")["source"])
    cell(notebook, "ex-3-1")["source"] = stub("ex-3-1")
    return notebook


@honest()
def deleted_and_typed_again(notebook):
    """The cell of the answer was deleted by mistake."""
    source = cell(notebook, "ex-3-2")["source"]
    notebook["cells"].remove(cell(notebook, "ex-3-2"))
    return put(notebook, "check-3-2", source)


@honest()
def answers_at_the_end(notebook):
    """All code below all text."""
    answers = [one for one in notebook["cells"] if one["id"].startswith("ex-")]
    notebook["cells"] = [one for one in notebook["cells"] if one not in answers] + answers
    return notebook


@honest()
def answers_before_the_text(notebook):
    """All answers in the setup's neighbourhood."""
    answers = [one for one in notebook["cells"] if one["id"].startswith("ex-")]
    rest = [one for one in notebook["cells"] if one not in answers]
    at = rest.index(next(one for one in rest if "from bncourse import check" in one["source"])) + 1
    notebook["cells"] = rest[:at] + answers + rest[at:]
    return notebook


@honest()
def no_text_is_left(notebook):
    """Only code."""
    notebook["cells"] = codes(notebook)
    return notebook


@honest()
def no_check_is_left(notebook):
    """The checks were thought to be the teacher's."""
    notebook["cells"] = [one for one in notebook["cells"] if not one["id"].startswith("check-")]
    return notebook


@honest()
def each_check_twice(notebook):
    """Copied, to try again lower down."""
    for name in ("check-3-1", "check-3-3"):
        notebook["cells"].append({**copy.deepcopy(cell(notebook, name)), "id": uuid.uuid4().hex[:8]})
    return notebook


@honest()
def the_chapter_is_checked_at_once(notebook):
    """check("3") at the end, and no other."""
    notebook["cells"] = [one for one in notebook["cells"] if not one["id"].startswith("check-")] + [code('check("3")')]
    return notebook


@honest()
def an_older_attempt_above(notebook):
    """A copy of the cell with the first, wrong, attempt; it kept the marks, the second lost them."""
    answer = cell(notebook, "ex-3-1")
    older = copy.deepcopy(answer) | {
        "id": "a1b2c3d4",
        "source": "def normalize(x, mean, var, eps=1e-5):\n    return x - mean",
    }
    notebook["cells"].insert(place(notebook, "ex-3-1"), older)
    answer["id"], answer["metadata"] = "d4c3b2a1", {}
    return notebook


@honest()
def a_wrong_attempt_below(notebook):
    """The last that ran before the check is a wrong one: the kernel says so too."""
    return put(notebook, "check-3-1", "def normalize(x, mean, var, eps=1e-5):\n    return x - mean")


@honest()
def a_wrong_attempt_behind_the_check(notebook):
    """Tried later, below; the check had been passed."""
    return put(notebook, "q-3-2", "def normalize(x, mean, var, eps=1e-5):\n    return x - mean")


@honest()
def the_name_is_reused_for_a_number(notebook):
    """normalize holds something else at the end."""
    notebook["cells"].append(code("normalize = 3\nbatch_normalize = normalize + 1"))
    return notebook


@honest()
def cells_of_ones_own(notebook):
    """Notes, raw cells, empty cells, trials that fail."""
    put(notebook, "q-3-2", "normalize(np.ones((3, 2)), np.zeros(2), np.ones(2))")
    put(notebook, "q-3-2", "assert normalize(2, 1, 1) == 5, 'my idea was wrong'")
    put(notebook, "q-3-3", "")
    put(notebook, "q-3-3", "# later", cell_type="markdown")
    put(notebook, "q-3-4", "raw text", cell_type="raw")
    return put(notebook, "q-3-4", "this is a note, and it is in a code cell")


@honest()
def renamed_all_over(notebook):
    """A helper of another name is what the answer calls."""
    change(notebook, "ex-3-1", "def normalize(", "def norm(")
    cell(notebook, "ex-3-1")["source"] += "\n\n\nnormalize = norm"
    return notebook
