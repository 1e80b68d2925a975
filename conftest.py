"""How tests are named, chosen and dealt out: markers by chapter and exercise, and what a machine may lack.

`pytest -m ex_3_1` runs all that concerns exercise 3.1, `-m ch_3` all of chapter 3, `-m "not slow"` all but what takes
longest; `pytest --of 3` is quicker, since it reads nothing of other chapters. Tests that need Chromium, bubblewrap,
Lighthouse or Node are left out where that is missing, with a line at the end that says so; where CI=true they run, and
fail.
"""

import gc
import os
import re
import sys
from pathlib import Path, PurePath

import numpy as np
import pytest

from bncourse.checking.learner import BY_DEFAULT
from bncourse.course import curriculum
from bncourse.course.errors import CourseError
from tests import chosen
from tests.needs import NEEDS, missing

# jsonschema would compile this grammar of web addresses for a second and a half in every process; no test needs it.
sys.modules.setdefault("rfc3987_syntax", None)

# Each of these groups is run by one process: its tests share what takes long to make. They begin in this order: while
# one process builds the book, the next runs what needs none.
GROUPS = {
    "test_site": "site",
    "test_grading_hostile": "hostile", "test_grading_nbgrader": "nbgrader", "test_grading_gradescope": "gradescope",
    "test_classroom": "classroom", "test_classroom_safety": "classroom", "test_classroom_warm": "classroom",
    "test_interactive": "interactive", "test_japanese_site": "japanese", "test_lighthouse": "lighthouse",
    "test_ledger": "ledger", "test_playground": "playground", "test_editor": "editor",
}  # fmt: skip


TURNS = [*dict.fromkeys(GROUPS.values()), None]
TURNS.insert(TURNS.index("classroom"), "slow exercises")

# Their tests share nothing and take long: whichever process is free runs the next.
APART = {"test_build", "test_devices", "test_gpu", "test_pages"}

# The exercise that a test is about, in its name: test_solution_gets_full_points[3.1], or [returns None-3.1]
OF_EXERCISE = re.compile(r"[\[-](\d+\.\d+)(?=[-\]])")

# What the slow tests buy: that answers which train networks or run in several processes are
# judged as themselves; and that the whole book is executed, rendered and opened in a browser.
SLOW_EXERCISES = {"15.1", "11.5"}
SLOW_FIXTURES = {"book", "visits", "built_by"}

# What is asked of every chapter; other files are about the package.
OF_CHAPTERS = {"test_exercises", "test_notebooks", "test_pages", "test_devices"}


@pytest.fixture(autouse=True)
def as_a_process_begins():
    """What a notebook that an earlier test ran here told NumPy, the folder it went to, and its figures are gone."""
    here = Path.cwd()
    np.seterr(**BY_DEFAULT)
    if pyplot := sys.modules.get("matplotlib.pyplot"):
        pyplot.close("all")
    yield
    os.chdir(here)


def pytest_addoption(parser):
    parser.addoption("--of", metavar="NAME", help="only what concerns a chapter, such as 3, or an exercise, 3.1")


def pytest_configure(config):
    if name := config.getoption("--of"):
        try:
            curriculum.find(name)
        except CourseError as error:
            raise pytest.UsageError(str(error)) from None
        os.environ[chosen.OF] = name
    for exercise in curriculum.exercises().values():
        config.addinivalue_line("markers", f"{mark_of(exercise)}: all that concerns exercise {exercise.id}")
    for stem in curriculum.chapters():
        config.addinivalue_line("markers", f"ch_{int(stem[:2])}: all that concerns chapter {stem}")
    for name, need in NEEDS.items():
        config.addinivalue_line("markers", f"{name}: needs {need.what}")
    config.left_out = {}


def pytest_ignore_collect(collection_path, config):
    """With --of, nothing of other chapters is read, and nothing that is about no chapter."""
    if not config.getoption("--of") or collection_path.is_dir():
        return None
    stem = collection_path.stem
    return None if stem in OF_CHAPTERS or stem.removeprefix("test_") in chosen.chapters() else True


def mark_of(exercise):
    """The marker of an exercise: "3.1" -> "ex_3_1"."""
    return f"ex_{exercise.id.replace('.', '_')}"


def pytest_collection_modifyitems(config, items):
    for item in items:
        for name in names_of(item):
            item.add_marker(name)
    if config.getoption("--of"):
        keep_chosen(config, items)
    leave_out(config, items)
    items.sort(key=turn_of)


def turn_of(item):
    """The tests that share the most go first; the slow exercises, which need no book, before whatever waits for it."""
    group, exercise = GROUPS.get(item.path.stem), OF_EXERCISE.search(item.nodeid)
    if group is None and exercise and exercise[1] in SLOW_EXERCISES:
        group = "slow exercises"
    return TURNS.index(group)


def pytest_collection_finish(session):
    """Thousands of tests are no garbage: whoever collects it, as IPython does, need not look at them again."""
    gc.collect()
    gc.freeze()


def names_of(item):
    """The markers that a test gets from its parameters, its file, or what it uses."""
    values = list(getattr(getattr(item, "callspec", None), "params", {}).values())
    marker = item.get_closest_marker("exercise")
    exercises = [value for value in values if isinstance(value, curriculum.Exercise)]
    exercises += [curriculum.exercises()[marker.args[0]]] if marker else []
    stems = {exercise.chapter for exercise in exercises} | {PurePath(item.path).stem.removeprefix("test_")}
    stems |= {value.stem if isinstance(value, Path) else value for value in values if isinstance(value, (str, Path))}
    yield from map(mark_of, exercises)
    yield from (f"ch_{int(stem[:2])}" for stem in stems if stem in curriculum.chapters())
    fixtures = set(getattr(item, "fixturenames", ()))
    if "browser" in fixtures:
        yield "needs_browser"
    if fixtures & SLOW_FIXTURES or {exercise.id for exercise in exercises} & SLOW_EXERCISES:
        yield "slow"


def keep_chosen(config, items):
    """Deselect what concerns no chapter, and with `--of 3.1` what concerns only other exercises of the chapter."""
    exercises = {mark_of(exercise) for exercise in chosen.exercises().values()}
    chapters = {f"ch_{int(stem[:2])}" for stem in chosen.chapters()}
    leaving = []
    for item in items:
        names = {mark.name for mark in item.iter_markers()}
        of_exercises = {name for name in names if name.startswith("ex_")}
        if names.isdisjoint(chapters) or (of_exercises and of_exercises.isdisjoint(exercises)):
            leaving.append(item)
    deselect(config, items, leaving)


def deselect(config, items, leaving):
    if leaving:
        config.hook.pytest_deselected(items=leaving)
        items[:] = [item for item in items if item not in set(leaving)]


# What a machine lacks


def leave_out(config, items):
    """Deselect the tests that cannot run here, unless this is CI, where a missing part fails."""
    if os.environ.get("CI") == "true":
        return
    leaving = []
    for item in items:
        lacking = [name for name in NEEDS if item.get_closest_marker(name) and missing(name)]
        if lacking:
            leaving.append(item)
        for name in lacking:
            config.left_out[name] = config.left_out.get(name, 0) + 1
    deselect(config, items, leaving)


def pytest_sessionfinish(session):
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["left_out"] = session.config.left_out


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node):
    node.config.left_out.update(getattr(node, "workeroutput", {}).get("left_out", {}))


@pytest.hookimpl(trylast=True)
def pytest_terminal_summary(terminalreporter, config):
    for name, count in config.left_out.items():
        need = NEEDS[name]
        line = f"left out: {count} tests that need {need.what}; to run them: {need.way}"
        terminalreporter.write_line(line, yellow=True)


# Who runs what


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """Like `--dist loadgroup`, whose own marks pytest 9.2 no longer passes on to the scheduler."""
    from xdist.scheduler import LoadScopeScheduling

    class ByGroup(LoadScopeScheduling):
        def _split_scope(self, nodeid):
            path = PurePath(nodeid.partition("::")[0])
            if path.suffix == ".ipynb":  # its cells are run one after the other
                return str(path)
            exercise = OF_EXERCISE.search(nodeid)
            # What known mistakes answer is kept: who asks for an exercise again is told at once.
            own = exercise and exercise[1] in curriculum.exercises()
            return GROUPS.get(path.stem, exercise[1] if own else nodeid if path.stem in APART else str(path))

    return ByGroup(config, log) if config.getvalue("dist") == "loadgroup" else None
