"""How learning platforms and people name what was handed in.

Canvas (lib/content_zipper.rb) writes name_[LATE_]user_upload_file, or anon_id for name and user; Moodle (mod/assign) a
folder Name_number_assignsubmission_file_, or that before each file's name; Gradescope folders and a YAML file of names.
"""

import re
from collections import Counter, defaultdict
from functools import cache
from typing import NamedTuple

import yaml

from bncourse import curriculum
from bncourse.grading.trees import MEGABYTE, Refused, clean, why

CANVAS = re.compile(
    r"(?:(?P<late>late_)?anon_(?P<anonymous>[0-9a-z]+)|(?P<name>.+?)_(?P<too_late>late_)?(?P<user>\d+))_"
    r"(?:(?P<upload>[1-9]\d{2,})_(?P<file>.+)|(?P<text>(?:text|link)\.html))",
    re.I | re.S,
)
MOODLE = re.compile(r"(?P<name>.+?)(?:_(?P<id>\d+))?_assignsubmission_(?P<kind>[a-z]+)(?:_(?P<file>.*))?", re.S)
GRADESCOPE = "submission_metadata.yml"
ARCHIVES = (".zip", ".rar", ".7z", ".tar", ".tgz", ".gz", ".bz2", ".xz")


class Found(NamedTuple):
    """Somebody's nodes of the tree; the key need not be unique yet."""

    student: str
    nodes: list
    name: str = ""
    ids: dict | None = None
    notes: tuple = ()


def is_handed_in(node):
    """Whether this is a notebook, or an archive in which there may be some."""
    return not node.is_folder and node.name.lower().endswith((".ipynb", *ARCHIVES))


def own_name(filename):
    """The name that a student gave to a file, without what a platform put before it."""
    match = MOODLE.fullmatch(filename) or CANVAS.fullmatch(filename)
    return (match and match["file"]) or filename


# Canvas


def canvas(matches):
    """One Found a student from (match, node) pairs, of resubmitted files the latest only."""
    students = defaultdict(list)
    for match, node in matches:
        key = f"anon_{match['anonymous']}" if match["anonymous"] else f"{match['name']}_{match['user']}"
        students[key].append((match, node))
    return [_canvas_student(key, files) for key, files in students.items()]


def _canvas_student(key, files):
    given = {match["file"] for match, _ in files}
    series = defaultdict(list)
    for match, node in files:
        title, number = _resubmission(match["file"] or match["text"], given)
        series[title].append((number, int(match["upload"] or 0), own_name(clean(node.name)), node))
    notes, nodes = [], []
    for attempts in series.values():
        *earlier, (_, _, latest, node) = sorted(attempts, key=lambda attempt: attempt[:3])
        nodes.append(node)
        notes += [f"{name} was handed in again as {latest}, which counts" for _, _, name, _ in earlier]
    match = files[0][0]
    if any(match["late"] or match["too_late"] for match, _ in files):
        notes.append("late, says Canvas")
    return Found(key, nodes, match["name"] or key, {"canvas": match["user"]} if match["user"] else {}, tuple(notes))


def _resubmission(file, given):
    """("03_normalize.ipynb", 1) for "03_normalize-1.ipynb"; a student's own "task-1.ipynb" is left alone."""
    if match := re.fullmatch(r"(.+)-(\d{1,2})(\.\w+)", file, re.S):
        title = match[1] + match[3]
        if title in given or chapter().search(match[1]):
            return title, int(match[2])
    return file, 0


# Moodle


def moodle(matches):
    """One Found a student or group from (match, node) pairs."""
    students = defaultdict(list)
    for match, node in matches:
        students[match["name"], match["id"]].append(node)
    names = {name for name, _ in students}
    anonymous = len(students) > 1 and len(names) == 1  # all are "Participant", in whatever language
    found = []
    for (name, id), nodes in students.items():
        key = f"{name}_{id}" if id else name
        found.append(Found(key, nodes, key if anonymous else name, {"moodle": id} if id else {}))
    return found


# Gradescope


def gradescope(nodes):
    """One Found a submitter, and the nodes that the file of names does not speak of."""
    by_name = {node.name: node for node in nodes}
    try:
        about = _names(by_name.pop(GRADESCOPE))
    except Exception as error:  # a YAML parser has many
        note = f"the names in {GRADESCOPE} could not be read: {why(error)}"
        folders = [node for node in by_name.values() if node.is_folder]
        rest = [node for node in by_name.values() if not node.is_folder]
        return [Found(clean(node.name), [node], notes=(note,)) for node in folders], rest
    found = []
    for key, entry in about.items():
        node = by_name.pop(key, None)
        nodes, notes = ([node], ()) if node else ([], (f"{clean(key)} is not in the export",))
        submitters = entry.get(":submitters")
        people = [_person(one, key) for one in submitters if isinstance(one, dict)] if submitters else []
        for name, ids in people or [(clean(key), {})]:
            others = ", ".join(other for other, _ in people if other != name)
            together = (f"handed in together with {others}",) if others else ()
            found.append(Found(name, nodes, name, ids, notes + together))
    return found, list(by_name.values())


def _names(node):
    with node.open() as file:
        text = file.read(100 * MEGABYTE)
    # The base loader makes strings of everything: no tag runs code, and a number keeps its zeros.
    about = yaml.load(text, Loader=getattr(yaml, "CBaseLoader", yaml.BaseLoader))
    if not isinstance(about, dict) or not all(isinstance(entry, dict) for entry in about.values()):
        raise Refused("it is no table of submissions")
    return about


def _person(person, key):
    known = {field: clean(str(person.get(f":{field}") or "")) for field in ("name", "email", "sid")}
    known = {field: value for field, value in known.items() if value not in ("", "null", "~")}
    name = known.pop("name", known.get("email", clean(key)))
    return name, known


# Names that people give to loose files


@cache
def chapter():
    """Matches a chapter in a file's name, together with what browsers and people put after it."""
    stems = []
    for stem in curriculum.chapters():
        number, *words = stem.split("_")
        stems.append("[ _.-]*".join([f"0*{int(number)}", *map(re.escape, words)]))
    # Every text can be taken apart in one way only, so that no name takes long.
    after = r"(?:[ _.-]*(?:\(\d+\)|copy|final|v?\d{1,2}(?!\d)))*(?![^\W_])"
    return re.compile(rf"(?<!\d)(?:{'|'.join(stems)}){after}", re.I)


def student_of(node):
    """The student that a file's name speaks of: what is left without chapter and separators."""
    stem = _stem(node)
    return "_".join(part for side in chapter().split(stem, 1) if (part := side.strip(" _.,-")))


def names_student_and_chapter(node):
    return is_handed_in(node) and bool(chapter().search(_stem(node)) and student_of(node))


def _stem(node):
    return re.sub(r"(?:\.tar)?\.[^.]+$", "", clean(node.name))


def loose(nodes, owner):
    """Notebooks are grouped by student, and so are archives; files that name nobody are the folder owner's.

    Unless several of them hold one chapter: then they cannot be one student's, and each stands alone.
    """
    groups = defaultdict(list)
    for node in nodes:
        groups[student_of(node), node.name.lower().endswith(".ipynb")].append(node)
    found = []
    for (student, _), group in groups.items():
        chapters = Counter(match and int(re.match(r"\d+", match[0])[0]) for match in map(_chapter_in, group))
        if student:
            found.append(Found(student, group))
        elif max(chapters.values()) == 1:
            found.append(Found(owner, group, notes=("the files' names do not say whose they are",)))
        else:
            found += [Found(_stem(node), [node], notes=("the file's name does not say whose it is",)) for node in group]
    return found


def _chapter_in(node):
    return chapter().search(_stem(node))
