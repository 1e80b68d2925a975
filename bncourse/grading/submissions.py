"""Who handed in what: one Submission a student, from a folder or zip laid out by hand or by a learning platform."""

import itertools
import re
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path

from bncourse.errors import CourseError
from bncourse.grading import material
from bncourse.grading.material import Material
from bncourse.grading.platforms import (
    CANVAS,
    GRADESCOPE,
    MOODLE,
    Found,
    canvas,
    gradescope,
    is_handed_in,
    loose,
    moodle,
    names_student_and_chapter,
    own_name,
    student_of,
)
from bncourse.grading.trees import LINK, OnDisk, Refused, clean, short, visible
from bncourse.paths import shown

__all__ = ["Material", "Submission", "find"]

NBGRADER = {"nbgrader_config.py", "gradebook.db", "source", "release", "autograded", "feedback"}


@dataclass(frozen=True)
class Submission:
    """What one student handed in; `places` are files, folders and zips, inside a zip as if that were a folder."""

    student: str
    name: str
    source: str
    ids: dict
    places: tuple[Path, ...]
    notes: tuple[str, ...] = ()

    def read(self) -> Material:
        """The notebooks, within limits, and a line for whatever was refused; never raises, writes nothing."""
        return material.read([(place, own_name(clean(place.name))) for place in self.places])


def find(folder):
    """The submissions in a folder, or in the zip of one, sorted by student; CourseError if there are none."""
    path = Path(folder)
    try:
        if path.is_dir():
            found = _submissions(OnDisk(path.resolve()))
        elif path.is_file():
            with path.open("rb") as file, material.class_zip(file, path.resolve()) as root:
                found = _submissions(root)
        else:
            raise CourseError(f"no such folder: {shown(path)}; name the folder or zip that holds the submissions")
    except (OSError, Refused) as error:
        why = error.strerror if isinstance(error, OSError) else error
        raise CourseError(f"cannot read {shown(path)}: {why}; name the folder that holds the submissions") from None
    if not found:
        raise CourseError(f"no submissions in {shown(path)}: it holds no student's folder, zip or notebook")
    return _distinct(found)


def _submissions(root):
    return [_submission(found, root.path) for found in _layout(root)]


def _submission(found, root):
    places = tuple(node.path for node in found.nodes)
    names = [short(place.relative_to(root).as_posix()) for place in places]
    source = f"{names[0]} and {len(names) - 1} more" if len(names) > 1 else "".join(names)
    student = short(found.student)
    return Submission(student, short(found.name) or student, source, found.ids or {}, places, tuple(found.notes))


def _layout(root):
    """Who has what below `root`, in whichever layouts are there, also several at once."""
    top, notes = _unwrapped(root)
    found, nodes = [], visible(top)
    if any(node.name == GRADESCOPE for node in nodes):
        found, nodes = gradescope(nodes)
    by_moodle, by_canvas, files = [], [], []
    for node in nodes:
        if match := MOODLE.fullmatch(clean(node.name)):
            by_moodle.append((match, node))
        elif match := _canvas_match(node):
            by_canvas.append((match, node))
        elif is_handed_in(node):
            files.append(node)
        elif node.is_folder or node.refusal == LINK:
            found.append(Found(clean(node.name), [node], notes=notes))
    if not any(is_handed_in(node) for _, node in by_canvas):
        by_canvas = []  # some other file with numbers in its name
    owner = top.name if isinstance(top, OnDisk) else re.sub(r"\.zip$", "", top.name, flags=re.I)
    return found + moodle(by_moodle) + canvas(by_canvas) + loose(files, clean(owner))


def _canvas_match(node):
    return None if node.is_folder else CANVAS.fullmatch(clean(node.name))


def _distinct(submissions):
    """In order, each with a key of its own; those that share a name are told so."""
    submissions = sorted(submissions, key=lambda one: (one.student.casefold(), one.student, one.source))
    sharing = Counter(one.name for one in submissions)
    given, taken, result = {one.student for one in submissions}, set(), []
    for one in submissions:
        numbered = (f"{one.student} ({number})" for number in itertools.count(2))
        key = one.student
        if key in taken:
            key = next(other for other in numbered if other not in given and other not in taken)
        taken.add(key)
        called = f"{sharing[one.name]} submissions are called {one.name}; this one is {key}"
        result.append(replace(one, student=key, notes=one.notes + ((called,) if sharing[one.name] > 1 else ())))
    return sorted(result, key=lambda one: (one.student.casefold(), one.student))


# Folders around the one that is meant


def _unwrapped(root):
    """The folder that holds the submissions, at or below `root`, and notes for a student that may be a class."""
    for _ in range(5):
        nodes = visible(root)
        folders = [node for node in nodes if node.is_folder]
        names = {node.name for node in nodes}
        submitted = [folder for folder in folders if folder.name == "submitted"]
        if submitted and (len(folders) == 1 or NBGRADER & names):
            return submitted[0], ()
        if len(folders) != 1 or any(is_handed_in(node) for node in nodes) or _is_class(nodes):
            return root, ()
        try:
            inner = visible(folders[0])
        except (OSError, Refused):
            return root, ()
        zipped_whole = not isinstance(root, OnDisk) and folders[0].name == root.path.stem
        if not _is_class(inner) and not (zipped_whole and _may_be_class(inner)):
            doubt = ("the only folder here: if it holds a class, name that folder instead",)
            return root, doubt if _may_be_class(inner) else ()
        root = folders[0]
    return root, ()


def _is_class(nodes):
    """Whether a platform laid this out, or file names speak of several students."""
    names = {node.name for node in nodes}
    by_platform = any(
        MOODLE.fullmatch(clean(node.name)) or (is_handed_in(node) and _canvas_match(node)) for node in nodes
    )
    nbgrader = "submitted" in names and NBGRADER & names
    students = {student_of(node) for node in nodes if names_student_and_chapter(node)}
    return bool(GRADESCOPE in names or by_platform or nbgrader or len(students) > 1)


def _may_be_class(nodes):
    nobodys = any(is_handed_in(node) and not student_of(node) for node in nodes)
    return not nobodys and sum(node.is_folder or is_handed_in(node) for node in nodes) > 1
