"""Who handed in what: one Submission a student, from a folder or zip laid out by hand or by a learning platform."""

import itertools
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from bncourse.course.errors import CourseError
from bncourse.course.paths import shown
from bncourse.grading.handed_in import material, platforms
from bncourse.grading.handed_in.material import Material
from bncourse.grading.handed_in.platforms import Owned, is_handed_in
from bncourse.grading.handed_in.trees import LINK, Node, OnDisk, Unreadable, clean, short, visible

NBGRADER = {"nbgrader_config.py", "gradebook.db", "source", "release", "autograded", "feedback"}


@dataclass(frozen=True)
class Submission:
    """What one student handed in; `paths` are files, folders and zips, inside a zip as if that were a folder."""

    student: str
    name: str
    source: str
    ids: dict[str, str]
    paths: tuple[Path, ...]
    notes: tuple[str, ...] = ()

    def read(self) -> Material:
        """The notebooks, within limits, and a line for whatever was refused; never raises, writes nothing."""
        return material.read([(path, platforms.own_name(clean(path.name))) for path in self.paths])


def find(path: Path) -> list[Submission]:
    """The submissions in a folder, or in the zip of one, sorted by student; CourseError if there are none."""
    try:
        if path.is_dir():
            submissions = _submissions(OnDisk(path.resolve()))
        elif path.is_file():
            with path.open("rb") as file, material.class_zip(file, path.resolve()) as root:
                submissions = _submissions(root)
        else:
            raise CourseError(f"no such folder: {shown(path)}; name the folder or zip that holds the submissions")
    except (OSError, Unreadable) as error:
        why = error.strerror if isinstance(error, OSError) else error
        raise CourseError(f"cannot read {shown(path)}: {why}; name the folder that holds the submissions") from None
    if not submissions:
        raise CourseError(f"no submissions in {shown(path)}: it holds no student's folder, zip or notebook")
    return _distinct(submissions)


def _submission(owned: Owned, root: Path) -> Submission:
    paths = tuple(node.path for node in owned.nodes)
    names = [short(path.relative_to(root).as_posix()) for path in paths]
    source = f"{names[0]} and {len(names) - 1} more" if len(names) > 1 else "".join(names)
    student = short(owned.student)
    return Submission(student, short(owned.name) or student, source, owned.ids or {}, paths, tuple(owned.notes))


def _submissions(root: Node) -> list[Submission]:
    """Who has what below `root`, in whichever layouts are there, also several at once."""
    top, notes = _unwrapped(root)
    everybody, nodes = list[Owned](), visible(top)
    if any(node.name == platforms.GRADESCOPE for node in nodes):
        everybody, nodes = platforms.gradescope(nodes)
    by_moodle, by_blackboard, by_brightspace, by_canvas, files = [], [], [], [], []
    for node in nodes:
        if match := platforms.MOODLE.fullmatch(clean(node.name)):
            by_moodle.append((match, node))
        elif match := platforms.BLACKBOARD.fullmatch(clean(node.name)):
            by_blackboard.append((match, node))
        elif match := platforms.BRIGHTSPACE.fullmatch(clean(node.name)):
            by_brightspace.append((match, node))
        elif match := _canvas_match(node):
            by_canvas.append((match, node))
        elif is_handed_in(node):
            files.append(node)
        elif node.is_folder or node.refusal == LINK:
            everybody.append(Owned(clean(node.name), [node], notes=notes))
    if not any(is_handed_in(node) for _, node in by_canvas):
        by_canvas = []  # some other file with numbers in its name
    owner = top.name if isinstance(top, OnDisk) else re.sub(r"\.zip$", "", top.name, flags=re.I)
    everybody += platforms.moodle(by_moodle) + platforms.canvas(by_canvas) + platforms.loose(files, clean(owner))
    everybody += platforms.blackboard(by_blackboard) + platforms.brightspace(by_brightspace)
    return [_submission(owned, root.path) for owned in everybody]


def _canvas_match(node: Node) -> re.Match[str] | None:
    return None if node.is_folder else platforms.CANVAS.fullmatch(clean(node.name))


def _distinct(submissions: Iterable[Submission]) -> list[Submission]:
    """In order, each with a key of its own; of those that share a name each has a note that says so."""
    submissions = sorted(submissions, key=lambda each: (each.student.casefold(), each.student, each.source))
    sharing = Counter(submission.name for submission in submissions)
    keys, taken, distinct = {submission.student for submission in submissions}, set[str](), []
    for submission in submissions:
        key, name, notes = submission.student, submission.name, submission.notes
        if key in taken:
            numbered = (f"{submission.student} ({number})" for number in itertools.count(2))
            key = next(other for other in numbered if other not in keys and other not in taken)
        taken.add(key)
        if sharing[name] > 1:
            notes += (f"{sharing[name]} submissions are called {name}; this one is {key}",)
        distinct.append(replace(submission, student=key, notes=notes))
    return sorted(distinct, key=lambda each: (each.student.casefold(), each.student))


def _unwrapped(root: Node) -> tuple[Node, tuple[str, ...]]:
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
        except (OSError, Unreadable):
            return root, ()
        zipped_whole = not isinstance(root, OnDisk) and folders[0].name == root.path.stem
        if not _is_class(inner) and not (zipped_whole and _may_be_class(inner)):
            doubt = ("the only folder here: if it holds a class, name that folder instead",)
            return root, doubt if _may_be_class(inner) else ()
        root = folders[0]
    return root, ()


def _is_class(nodes: Iterable[Node]) -> bool:
    """Whether a platform laid this out, or file names speak of several students."""
    names = {node.name for node in nodes}
    by_platform = any(
        any(pattern.fullmatch(clean(node.name)) for pattern in platforms.ATTEMPTS)
        or (is_handed_in(node) and _canvas_match(node))
        for node in nodes
    )
    nbgrader = "submitted" in names and NBGRADER & names
    students = {platforms.student_of(node) for node in nodes if platforms.names_student_and_chapter(node)}
    return bool(platforms.GRADESCOPE in names or by_platform or nbgrader or len(students) > 1)


def _may_be_class(nodes: Iterable[Node]) -> bool:
    nobodys = any(is_handed_in(node) and not platforms.student_of(node) for node in nodes)
    return not nobodys and sum(node.is_folder or is_handed_in(node) for node in nodes) > 1
