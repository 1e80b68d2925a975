"""What honest students hand in, and how learning platforms and archivers pack it: folders and zips with notebooks.

Each function gives {path: content} below the folder of a class, where a dict is a zip in which names are bytes as some
archiver wrote them; `due` says who is to be found and which notebook of theirs is to count, by a word for its state.
"""

import json
import struct
import zlib

from bncourse.course.paths import EXERCISES, SOLUTIONS
from tests.course.honest.notebooks import STEM, cell, solved, stub

WORK = "work"  # where make lab puts the notebooks
HAND_INS = {}
UNTOUCHED = (EXERCISES / f"{STEM}.ipynb").read_bytes()
OURS = (SOLUTIONS / f"{STEM}.ipynb").read_bytes()


def due(**students):
    """{student: the state of the notebook that counts}, or (state, "review") where a human is asked too."""

    def mark(pack):
        HAND_INS[pack.__name__] = pack, students
        return pack

    return mark


def notebook(*left):
    """A learner's notebook, of which these exercises are still stubs: "3.3"."""
    content = solved()
    for exercise in left:
        name = f"ex-{exercise.replace('.', '-')}"
        cell(content, name)["source"] = stub(name)
    return json.dumps(content).encode()


WRONG_HALF = b"def normalize_half(x, eps=1e-5):\n    return x\n"
ALL, NOT_4, NOT_1, NOTHING = notebook(), notebook("3.4"), notebook("3.1"), UNTOUCHED
POINTS = {"all": 23, "not 3.4": 18, "not 3.1": 18, "nothing": 0}


def archive(files, marked=False):
    """A zip whose names are bytes, with the mark of UTF-8 or without."""
    body, table = b"", b""
    for name, content in files.items():
        flags, crc = (0x800 if marked else 0), zlib.crc32(content)
        fields = struct.pack("<HHHHHIIIHH", 20, flags, 0, 0, 33, crc, len(content), len(content), len(name), 0)
        table += b"PK\1\2" + struct.pack("<H", 20) + fields + struct.pack("<HHHII", 0, 0, 0, 0, len(body)) + name
        body += b"PK\3\4" + fields + name + content
    count = len(files)
    return body + table + b"PK\5\6" + struct.pack("<HHHHIIH", 0, 0, count, count, len(table), len(body), 0)


# Whole copies of the course


@due(ada=("nothing", "review"))
def the_clone_zipped_with_nothing_done():
    """work/ as make lab filled it, beside everything that the repository holds."""
    return {
        f"ada/bn/{WORK}/{STEM}.ipynb": UNTOUCHED,
        f"ada/bn/exercises/{STEM}.ipynb": UNTOUCHED,
        f"ada/bn/solutions/{STEM}.ipynb": OURS,
    }


@due(ada=("all", "review"))
def the_clone_with_work_done():
    """The same with answers in work/."""
    return {
        f"ada/bn/{WORK}/{STEM}.ipynb": ALL,
        f"ada/bn/exercises/{STEM}.ipynb": UNTOUCHED,
        f"ada/bn/solutions/{STEM}.ipynb": OURS,
    }


@due(ada=("not 3.4", "review"))
def the_clone_with_work_done_in_exercises():
    """Who never ran make lab works there."""
    return {f"ada/exercises/{STEM}.ipynb": NOT_4, f"ada/solutions/{STEM}.ipynb": OURS}


@due(ada=("nothing", "review"))
def solutions_copied_beside_the_work():
    """To compare with, renamed."""
    return {f"ada/{STEM}.ipynb": UNTOUCHED, f"ada/{STEM}_official.ipynb": OURS}


@due(ada=("all", "review"))
def nothing_but_the_courses_solution():
    """The wrong file picked in the dialog, or not an honest one: a human sees it."""
    return {f"ada/{STEM}.ipynb": OURS}


@due(ada="all")
def a_folder_called_solutions_of_ones_own():
    """My solutions."""
    return {f"ada/my work/{STEM}.ipynb": ALL}


# Several notebooks of one chapter


@due(ada="all")
def two_halves():
    """3.1 in one copy, 3.4 in another: the best of each exercise."""
    return {f"ada/{STEM}.ipynb": NOT_4, f"ada/{STEM}-Copy1.ipynb": NOT_1}


@due(ada="all")
def the_finished_and_the_fresh_copy():
    """A fresh copy was taken to look something up."""
    return {f"ada/{STEM}.ipynb": ALL, f"ada/{STEM}-Copy1.ipynb": UNTOUCHED}


@due(ada="all")
def checkpoints_beside_it():
    """JupyterLab's own."""
    return {f"ada/{STEM}.ipynb": ALL, f"ada/.ipynb_checkpoints/{STEM}-checkpoint.ipynb": NOT_1}


@due(ada="all")
def three_versions():
    """v1, v2, final."""
    return {f"ada/{STEM}_v1.ipynb": UNTOUCHED, f"ada/{STEM}_v2.ipynb": NOT_4, f"ada/{STEM}_final.ipynb": ALL}


@due(ada="all")
def a_helper_beside_it():
    """The answer needs helper.py, which was handed in too."""
    content = solved()
    cell(content, "ex-3-1")["source"] = "from helper import normalize"
    helper = b"def normalize(x, mean, var, eps=1e-5):\n    return (x - mean) / (var + eps) ** 0.5\n"
    return {f"ada/{STEM}.ipynb": json.dumps(content).encode(), "ada/helper.py": helper}


@due(ada="all", bob="not 3.4")
def helpers_of_one_name():
    """Each student's helper.py is that student's."""
    content = solved()
    cell(content, "ex-3-1")["source"] = "from helper import normalize"
    right = b"def normalize(x, mean, var, eps=1e-5):\n    return (x - mean) / (var + eps) ** 0.5\n"
    theirs = solved()
    cell(theirs, "ex-3-4")["source"] = "from helper import normalize_half"
    return {
        f"ada/{STEM}.ipynb": json.dumps(content).encode(), "ada/helper.py": right,
        f"bob/{STEM}.ipynb": json.dumps(theirs).encode(), "bob/helper.py": WRONG_HALF,
    }  # fmt: skip


# Platforms


@due(**{"lovelaceada_11": "all"})
def canvas_numbers_before_the_first_full_stop():
    """03_normalize.v2.ipynb handed in again is 03_normalize-1.v2.ipynb; the later upload counts."""
    return {f"lovelaceada_11_1001_{STEM}.v2.ipynb": NOT_1, f"lovelaceada_11_1002_{STEM}-1.v2.ipynb": ALL}


@due(**{"lovelaceada_11": "not 3.4"})
def canvas_handed_in_again_with_less():
    """What was handed in last counts, by upload number and not by name."""
    return {f"lovelaceada_11_1009_{STEM}.ipynb": NOT_4, f"lovelaceada_11_1002_{STEM}-1.ipynb": ALL}


@due(ada23="all", bob7="not 3.1")
def blackboard():
    """Download of all attempts: the last of each student, beside texts about them."""
    head = "BN week 3_{}_attempt_2026-11-0{}-10-30-00"
    return {
        head.format("ada23", 1) + ".txt": b"Name: Ada", head.format("ada23", 1) + f"_{STEM}.ipynb": UNTOUCHED,
        head.format("ada23", 2) + ".txt": b"Name: Ada", head.format("ada23", 2) + f"_{STEM}.ipynb": ALL,
        head.format("bob7", 1) + ".txt": b"Name: Bob", head.format("bob7", 1) + f"_{STEM}.ipynb": NOT_1,
    }  # fmt: skip


@due(**{"Ada Lovelace_123-77": "all", "Bob Smith_124-77": "not 3.4"})
def brightspace_folders():
    """A folder an attempt; two attempts of Ada, of which each exercise's best counts."""
    return {
        f"123-77 - Ada Lovelace - 3 November, 2026 1030 AM/{STEM}.ipynb": NOT_4,
        f"123-77 - Ada Lovelace - 4 November, 2026 900 AM/{STEM}.ipynb": ALL,
        f"124-77 - Bob Smith - 3 November, 2026 1031 AM/{STEM}.ipynb": NOT_4,
        "index.html": b"<html></html>",
    }


@due(**{"Ada Lovelace_123-77": "all", "Bob Smith_124-77": "not 3.4"})
def brightspace_files():
    """The same before each file's name."""
    return {
        f"123-77 - Ada Lovelace - Nov 3, 2026 1030 AM - {STEM}.ipynb": ALL,
        f"124-77 - Bob Smith - Nov 3, 2026 1031 AM - {STEM}.ipynb": NOT_4,
    }


@due(**{"Ada Lovelace_5": "all"})
def moodle_with_a_zip():
    """A zip in the folder of the student."""
    return {"Ada Lovelace_5_assignsubmission_file_/mine.zip": archive({f"{STEM}.ipynb".encode(): ALL})}


# Archivers


def class_of(encoding, **students):
    names = {f"{name}/{STEM}.ipynb".encode(encoding): content for name, content in students.items()}
    return archive(names)


@due(**{"山田": "all", "ソン": "not 3.4", "ソフィア": "not 3.1", "能見": "nothing"})
def a_zip_by_windows_in_japan():
    """cp932 without a mark; the second byte of ソ, 表, 能 and 十 is a backslash."""
    return class_of("cp932", 山田=ALL, ソン=NOT_4, ソフィア=NOT_1, 能見=NOTHING)


@due(**{"Müller": "all", "Åse": "not 3.4"})
def a_zip_by_windows_in_europe():
    """cp437, as Explorer writes it."""
    return class_of("cp437", Müller=ALL, Åse=NOT_4)


@due(**{"Élodie": "all", "François": "not 3.4"})
def a_zip_by_an_old_archiver():
    """cp1252."""
    return class_of("cp1252", Élodie=ALL, François=NOT_4)


@due(**{"山田": "all", "Zoë": "not 3.4"})
def a_zip_by_macos():
    """UTF-8 without a mark."""
    return class_of("utf-8", 山田=ALL, Zoë=NOT_4)


@due(ada="all", bob="not 3.1")
def folders_with_backslashes():
    """An archiver of Windows that writes them."""
    return archive({f"ada\\{STEM}.ipynb".encode(): ALL, f"bob\\{STEM}.ipynb".encode(): NOT_1})


@due(ada="all")
def a_zip_with_the_folder_of_macos():
    """__MACOSX beside it."""
    return {"ada.zip": archive({f"{STEM}.ipynb".encode(): ALL, f"__MACOSX/._{STEM}.ipynb".encode(): b"\0\5\26\7"})}


@due(ada="all")
def a_text_beside_it():
    """A README and a picture."""
    return {f"ada/{STEM}.ipynb": ALL, "ada/README.txt": b"please", "ada/plot.png": b"\x89PNG"}
