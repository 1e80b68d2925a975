"""How learning platforms and people name what was handed in.

Canvas (lib/content_zipper.rb) writes name_[LATE_]user_upload_file, or anon_id for name and user; Moodle (mod/assign) a
folder Name_number_assignsubmission_file_, or that before each file's name; Gradescope folders and a YAML file of names;
Blackboard title_user_attempt_time_file, beside a text about each; Brightspace folders "number-number - Name - time".
"""

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Sequence
from functools import cache
from typing import Any, NamedTuple

import yaml

from bncourse.course import curriculum
from bncourse.grading.handed_in.trees import MEGABYTE, Node, Unreadable, clean, why

CANVAS = re.compile(
    r"(?:(?P<late>late_)?anon_(?P<anonymous>[0-9a-z]+)|(?P<name>.+?)_(?P<too_late>late_)?(?P<user>\d+))_"
    r"(?:(?P<upload>[1-9]\d{2,})_(?P<file>.+)|(?P<text>(?:text|link)\.html))",
    re.I | re.S,
)
MOODLE = re.compile(r"(?P<name>.+?)(?:_(?P<id>\d+))?_assignsubmission_(?P<kind>[a-z]+)(?:_(?P<file>.*))?", re.S)
BLACKBOARD = re.compile(
    r"(?P<title>.+?)_(?P<user>[^_]+)_attempt_(?P<when>\d{4}(?:-\d\d){5})(?:_(?P<file>.+)|\.txt)?", re.S
)
BRIGHTSPACE = re.compile(r"(?P<id>\d+-\d+) - (?P<name>.+?) - (?P<when>(?=[^-]*\d{4})[^-]+?)(?: - (?P<file>.+))?", re.S)
ATTEMPTS = MOODLE, BLACKBOARD, BRIGHTSPACE
GRADESCOPE = "submission_metadata.yml"
ARCHIVES = (".zip", ".rar", ".7z", ".tar", ".tgz", ".gz", ".bz2", ".xz")


class Owned(NamedTuple):
    """Somebody's nodes of the tree; the key need not be unique yet."""

    student: str
    nodes: list[Node]
    name: str = ""
    ids: dict[str, str] | None = None
    notes: tuple[str, ...] = ()


Matches = Iterable[tuple[re.Match[str], Node]]


def is_handed_in(node: Node) -> bool:
    """Whether this is a notebook, or an archive in which there may be some."""
    return not node.is_folder and node.name.lower().endswith((".ipynb", *ARCHIVES))


def own_name(filename: str) -> str:
    """The name that a student gave to a file, without what a platform put before it."""
    match = next((match for pattern in (*ATTEMPTS, CANVAS) if (match := pattern.fullmatch(filename))), None)
    return (match["file"] if match else "") or filename


def canvas(matches: Matches) -> list[Owned]:
    """What each student owns, by (match, node) pairs; of resubmitted files the latest only."""
    students = defaultdict(list)
    for match, node in matches:
        key = f"anon_{match['anonymous']}" if match["anonymous"] else f"{match['name']}_{match['user']}"
        students[key].append((match, node))
    return [_canvas_student(key, files) for key, files in students.items()]


def _canvas_student(key: str, files: Sequence[tuple[re.Match[str], Node]]) -> Owned:
    names = {match["file"] for match, _ in files}
    series = defaultdict(list)
    for match, node in files:
        title, number = _resubmission(match["file"] or match["text"], names)
        series[title].append((int(match["upload"] or 0), number, own_name(clean(node.name)), node))
    notes, nodes = [], []
    for attempts in series.values():
        *earlier, (_, _, latest, node) = sorted(attempts, key=lambda attempt: attempt[:3])
        nodes.append(node)
        notes += [f"{name} was handed in again as {latest}, which counts" for _, _, name, _ in earlier]
    match = files[0][0]
    if any(match["late"] or match["too_late"] for match, _ in files):
        notes.append("late, says Canvas")
    return Owned(key, nodes, match["name"] or key, {"canvas": match["user"]} if match["user"] else {}, tuple(notes))


def _resubmission(file: str, names: Collection[str]) -> tuple[str, int]:
    """("03_normalize.ipynb", 1) for "03_normalize-1.ipynb"; a student's own "task-1.ipynb" is left alone.

    Canvas puts the number before the first full stop.
    """
    if match := re.fullmatch(r"([^.]+)-(\d{1,2})(\..+)", file, re.S):
        title = match[1] + match[3]
        if title in names or chapter().search(match[1]):
            return title, int(match[2])
    return file, 0


def blackboard(matches: Matches) -> list[Owned]:
    """What each student owns, by (match, node) pairs: the files of the last attempt."""
    students: dict[str, dict[str, list[Node]]] = defaultdict(lambda: defaultdict(list))
    for match, node in matches:
        students[match["user"]][match["when"]] += [node] if match["file"] else []
    everybody = []
    for user, attempts in students.items():
        *earlier, last = sorted(attempts)
        notes = (f"of {len(attempts)} attempts the last counts, {last}",) if earlier else ()
        everybody.append(Owned(user, attempts[last], user, {"blackboard": user}, notes))
    return everybody


def brightspace(matches: Matches) -> list[Owned]:
    """What each student owns, by (match, node) pairs, each attempt in a folder of its own or before the file's name."""
    students = defaultdict(list)
    for match, node in matches:
        students[match["name"], match["id"]].append(node)
    return [
        Owned(f"{name}_{number}", nodes, name, {"brightspace": number}) for (name, number), nodes in students.items()
    ]


def moodle(matches: Matches) -> list[Owned]:
    """What each student or group owns, by (match, node) pairs."""
    students = defaultdict(list)
    for match, node in matches:
        students[match["name"], match["id"]].append(node)
    names = {name for name, _ in students}
    anonymous = len(students) > 1 and len(names) == 1  # all are "Participant", in whatever language
    everybody = []
    for (name, number), nodes in students.items():
        key = f"{name}_{number}" if number else name
        everybody.append(Owned(key, nodes, key if anonymous else name, {"moodle": number} if number else {}))
    return everybody


def gradescope(nodes: Iterable[Node]) -> tuple[list[Owned], list[Node]]:
    """What each submitter owns, and the nodes that the file of names does not speak of."""
    by_name = {node.name: node for node in nodes}
    try:
        entries = _names(by_name.pop(GRADESCOPE))
    except Exception as error:  # a YAML parser has many
        note = f"the names in {GRADESCOPE} could not be read: {why(error)}"
        folders = [node for node in by_name.values() if node.is_folder]
        rest = [node for node in by_name.values() if not node.is_folder]
        return [Owned(clean(node.name), [node], notes=(note,)) for node in folders], rest
    everybody = []
    for key, entry in entries.items():
        node = by_name.pop(key, None)
        notes = () if node else (f"{clean(key)} is not in the export",)
        submitters = entry.get(":submitters")
        people = [_person(person, key) for person in submitters if isinstance(person, dict)] if submitters else []
        for name, ids in people or [(clean(key), {})]:
            others = ", ".join(other for other, _ in people if other != name)
            together = (f"handed in together with {others}",) if others else ()
            everybody.append(Owned(name, [node] if node else [], name, ids, notes + together))
    return everybody, list(by_name.values())


def _names(node: Node) -> dict[str, dict[str, Any]]:
    with node.open() as file:
        text = file.read(100 * MEGABYTE)
    # The base loader makes strings of everything: no tag runs code, and a number keeps its zeros.
    entries = yaml.load(text, Loader=getattr(yaml, "CBaseLoader", yaml.BaseLoader))
    if not isinstance(entries, dict) or not all(isinstance(entry, dict) for entry in entries.values()):
        raise Unreadable("it is no table of submissions")
    return entries


def _person(person: dict[str, object], key: str) -> tuple[str, dict[str, str]]:
    fields = {field: clean(str(person.get(f":{field}") or "")) for field in ("name", "email", "sid")}
    ids = {field: text for field, text in fields.items() if text not in ("", "null", "~")}
    name = ids.pop("name", ids.get("email", clean(key)))
    return name, ids


@cache
def chapter() -> re.Pattern[str]:
    """Matches a chapter in a file's name, together with what browsers and people put after it."""
    stems = []
    for stem in curriculum.chapters():
        number, *words = stem.split("_")
        stems.append("[ _.-]*".join([f"0*{int(number)}", *map(re.escape, words)]))
    # Every text can be taken apart in one way only, so that no name takes long.
    after = r"(?:[ _.-]*(?:\(\d+\)|copy|final|v?\d{1,2}(?!\d)))*(?![^\W_])"
    return re.compile(rf"(?<!\d)(?:{'|'.join(stems)}){after}", re.I)


def student_of(node: Node) -> str:
    """The student that a file's name speaks of: what is left without chapter and separators."""
    stem = _stem(node)
    return "_".join(part for side in chapter().split(stem, 1) if (part := side.strip(" _.,-")))


def names_student_and_chapter(node: Node) -> bool:
    return is_handed_in(node) and bool(chapter().search(_stem(node)) and student_of(node))


def _stem(node: Node) -> str:
    return re.sub(r"(?:\.tar)?\.[^.]+$", "", clean(node.name))


def loose(nodes: Iterable[Node], owner: str) -> list[Owned]:
    """Notebooks are grouped by student, and so are archives; files that name nobody are the folder owner's.

    Unless several of them hold one chapter: then they cannot be one student's, and each stands alone.
    """
    groups = defaultdict(list)
    for node in nodes:
        groups[student_of(node), node.name.lower().endswith(".ipynb")].append(node)
    everybody = []
    for (student, _), group in groups.items():
        if student:
            everybody.append(Owned(student, group))
        elif max(Counter(map(_chapter_in, group)).values()) == 1:
            everybody.append(Owned(owner, group, notes=("the files' names do not say whose they are",)))
        else:
            note = "the file's name does not say whose it is"
            everybody += [Owned(_stem(node), [node], notes=(note,)) for node in group]
    return everybody


def _chapter_in(node: Node) -> int | None:
    """The number of the chapter that a file's name speaks of."""
    match = chapter().search(_stem(node))
    return int(re.split(r"\D", match[0], maxsplit=1)[0]) if match else None
