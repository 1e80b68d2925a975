"""IPython's own language, in setup and answer cells."""

from tests.course.honest.notebooks import cell, change, codes, honest, put


def setup(notebook, source, after=False):
    one = next(one for one in codes(notebook) if "from bncourse import check" in one["source"])
    one["source"] = f"{one['source']}\n{source}" if after else f"{source}\n{one['source']}"
    return notebook


@honest()
def plots_in_line(notebook):
    """%matplotlib inline first."""
    return setup(notebook, "%matplotlib inline")


@honest()
def plots_and_words(notebook):
    """Matplotlib is imported, a curve is drawn, and a comment speaks of threading and subprocess."""
    setup(notebook, "import matplotlib.pyplot as plt  # without threading or subprocess", after=True)
    return put(notebook, "q-3-2", "plt.plot(normalize(np.ones(3), 1.0, 1.0))\nplt.show()")


@honest()
def modules_are_reloaded(notebook):
    """The two lines that everybody copies."""
    return setup(notebook, "%load_ext autoreload\n%autoreload 2")


@honest()
def a_time_is_kept(notebook):
    """r = %timeit -o …"""
    cell(notebook, "ex-3-1")["source"] += "\n\n\nr = %timeit -o -n 1 -r 1 normalize(1.0, 0.0, 1.0)"
    return notebook


@honest()
def help_is_asked_for(notebook):
    """np.sqrt? in the cell of the answer."""
    cell(notebook, "ex-3-1")["source"] = "np.sqrt?\n" + cell(notebook, "ex-3-1")["source"]
    return notebook


@honest()
def the_source_is_asked_for(notebook):
    """normalize?? behind it."""
    cell(notebook, "ex-3-1")["source"] += "\nnormalize??"
    return notebook


@honest()
def a_command_over_two_lines(notebook):
    """!echo … \\ in the setup cell."""
    return setup(notebook, "!echo one \\\n   two")


@honest()
def a_command_without_its_sign(notebook):
    """pip --version alone in a cell, which IPython takes as a command."""
    return put(notebook, "ex-3-1", "pip --version")


@honest()
def a_listing_is_kept(notebook):
    """files = !ls"""
    cell(notebook, "ex-3-1")["source"] = "files = !ls\n" + cell(notebook, "ex-3-1")["source"]
    return notebook


@honest()
def the_cell_is_timed(notebook):
    """%%time on top of the answer."""
    cell(notebook, "ex-3-1")["source"] = "%%time\n" + cell(notebook, "ex-3-1")["source"]
    return notebook


@honest()
def what_is_printed_is_caught(notebook):
    """%%capture on top of it."""
    cell(notebook, "ex-3-2")["source"] = "%%capture out\n" + cell(notebook, "ex-3-2")["source"]
    return notebook


@honest()
def a_remainder_begins_a_line(notebook):
    """Arithmetic whose line begins with %, beside a magic."""
    source = "%matplotlib inline\nSEVEN = (17\n         % 10)\n" + cell(notebook, "ex-3-1")["source"]
    cell(notebook, "ex-3-1")["source"] = source.replace("eps=1e-5", "eps=SEVEN / 7e5")
    return notebook


@honest()
def something_is_displayed(notebook):
    """display(…) where the answer stands."""
    cell(notebook, "ex-3-1")["source"] += "\n\n\ndisplay(normalize(1.0, 0.0, 1.0))"
    return notebook


@honest()
def the_answer_displays(notebook):
    """display(…) inside of it."""
    return change(notebook, "ex-3-1", "    return", "    display(mean)\n    return")


@honest()
def the_shell_is_asked(notebook):
    """get_ipython() in the setup cell, and its result used."""
    return setup(notebook, 'get_ipython().run_line_magic("matplotlib", "inline")')


@honest()
def something_is_awaited(notebook):
    """await at the top of the answer's cell."""
    source = "import asyncio\n\nawait asyncio.sleep(0)\n" + cell(notebook, "ex-3-1")["source"]
    cell(notebook, "ex-3-1")["source"] = source
    return notebook


@honest()
def annotations_from_the_future(notebook):
    """from __future__ import annotations first."""
    change(notebook, "ex-3-1", "def normalize(x, mean", "def normalize(x: np.ndarray, mean: np.ndarray")
    return setup(notebook, "from __future__ import annotations")
