"""Tables of points: for a spreadsheet, and in the forms that Canvas and Moodle import."""

import csv
import html
import io
import re

from bncourse.checking.terminal import SAID
from bncourse.errors import CourseError
from bncourse.grading.pages import one_line, put
from bncourse.paths import shown

CANVAS_COLUMNS = ["Student", "ID", "SIS User ID", "SIS Login ID", "Section"]
NAMES = {"Student", "LastName", "FirstName"}
WHO_IN_CANVAS = {*CANVAS_COLUMNS, *NAMES, "Integration ID", "Root Account"}
MOODLE_COLUMNS = [
    "Identifier", "Full name", "Email address", "Status", "Grade", "Maximum Grade", "Grade can be changed",
    "Last modified (submission)", "Last modified (grade)", "Feedback comments",
]  # fmt: skip


ASSIGNMENT = "Batch normalization course"


def write(rows, folder, canvas_export=None, assignment=ASSIGNMENT):
    """Write gradebook.csv, and canvas.csv and moodle.csv where submissions carry such ids; the paths written.

    `canvas_export` is a gradebook exported from Canvas, whose column `assignment` is then filled, by ID, in points of
    what that assignment counts there.
    """
    rows = sorted(rows, key=lambda row: (row["name"].casefold(), row["student"]))
    # With a byte-order mark, since Excel takes UTF-8 without one for the system's old code page.
    tables = {"gradebook.csv": (_gradebook(rows), "utf-8-sig")}
    if canvas_export:
        tables["canvas.csv"] = (_filled(canvas_export, assignment, rows), "utf-8")
    elif any("canvas" in row["ids"] for row in rows):
        tables["canvas.csv"] = (_canvas(rows, assignment), "utf-8")
    if any("moodle" in row["ids"] for row in rows):
        tables["moodle.csv"] = (_moodle(rows), "utf-8")
    for name, (text, encoding) in tables.items():
        put(folder / name, text, encoding)
    return [folder / name for name in tables]


def check_canvas_export(path, assignment):
    """CourseError unless `path` is a gradebook exported from Canvas with such a column; to be known before grading."""
    table, _ = _read_export(path)
    _column(table[0], assignment, path)


def full_points(rows):
    """Exercise id -> its points, over all exercises of all rows, in the order of the curriculum."""
    full = {}
    for row in rows:
        for one in row["exercises"]:
            full[one["exercise"]] = max(one["max"], full.get(one["exercise"], 0))
    return dict(sorted(full.items(), key=lambda item: tuple(map(int, item[0].split(".")))))


def _gradebook(rows):
    full = full_points(rows)
    total = sum(full.values())
    table = [["student", "name", "points", "max", "percent", *full, "status", "reason", "review"]]
    for row in rows:
        points = {one["exercise"]: one["points"] for one in row["exercises"]}
        who = [cell(row["student"]), cell(row["name"])]
        said = [row["status"], cell(row["reason"], 1000), cell("; ".join(row["review"]), 2000)]
        percent = round(100 * row["points"] / total, 1) if total else ""
        table.append([*who, row["points"], total, percent, *(points.get(id, 0) for id in full), *said])
    return _csv(table)


def cell(text, most=300):
    """A text for a cell that no spreadsheet takes for a formula, where a semicolon splits cells neither."""
    return re.sub(r"(^|;)(\s*)(?=[=+@＝＋－＠-])", r"\1\2'", one_line(text, most))


def _csv(table, delimiter=","):
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter, lineterminator="\r\n").writerows(table)
    return text.getvalue()


def _by_id(rows, kind):
    """One row for each id; of several submissions under one id, that with the most points."""
    best = {}
    for row in rows:
        id = row["ids"].get(kind)
        if id and (id not in best or row["points"] > best[id]["points"]):
            best[id] = row
    return best


def _canvas(rows, assignment):
    table = [[*CANVAS_COLUMNS, assignment], ["    Points Possible", "", "", "", "", sum(full_points(rows).values())]]
    table += [[cell(row["name"]), id, "", "", "", row["points"]] for id, row in _by_id(rows, "canvas").items()]
    return _csv(table)


def _filled(path, assignment, rows):
    """Who is who from the export, and the one column; others are left out, so that importing changes no other grade."""
    table, delimiter = _read_export(path)
    header = table[0]
    column = _column(header, assignment, path)
    keep = [i for i, name in enumerate(header) if name in WHO_IN_CANVAS] + [column]
    factor = _factor(table, column, rows)
    graded, id_column = _by_id(rows, "canvas"), header.index("ID")
    filled = []
    for line in table:
        line += [""] * (len(header) - len(line))
        row = graded.pop(line[id_column], None)
        if line[id_column]:
            line = [cell(text) if name in NAMES else text for name, text in zip(header, line)]
        if row:
            line[column] = round(row["points"] * factor, 2)
        filled.append([line[i] for i in keep])
    for id, row in graded.items():  # handed in, but not in the export: Canvas asks who that is
        known = {"Student": cell(row["name"]), "ID": id, header[column]: round(row["points"] * factor, 2)}
        filled.append([known.get(header[i], "") for i in keep])
    return _csv(filled, delimiter)


def _read_export(path):
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise CourseError(f"cannot read {shown(path)}: {error}; export the gradebook from Canvas again") from None
    first = text.partition("\n")[0]
    delimiter = ";" if first.count(";") > first.count(",") else ","
    table = [line for line in csv.reader(io.StringIO(text), delimiter=delimiter) if any(line)]
    if not table or "ID" not in table[0] or "Section" not in table[0]:
        raise CourseError(f"{shown(path)} is no gradebook of Canvas: its first line has no columns ID and Section")
    return table, delimiter


def _column(header, assignment, path):
    """The place of the column that is called so, with or without the number that Canvas appends."""
    places = [i for i, name in enumerate(header) if assignment in (name, re.sub(r" \(\d+\)$", "", name))]
    if len(places) == 1:
        return places[0]
    numbered = ", ".join(name for name in header if re.search(r" \(\d+\)$", name)) or "none"
    many = "more than one column" if places else "no column"
    raise CourseError(f"{shown(path)} has {many} '{assignment}'; its assignments are: {numbered}")


def _factor(table, column, rows):
    """Points of Canvas for one of ours: 1 unless the assignment counts otherwise there."""
    total = sum(full_points(rows).values())
    counts = next((line[column] for line in table if "Points Possible" in line[0]), "").replace(",", ".")
    return float(counts) / total if total and re.fullmatch(r"[0-9.]*[1-9][0-9.]*", counts) else 1


def _moodle(rows):
    """Moodle's grading worksheet. It goes by identifier, and refuses a file without "Last modified (grade)"."""
    total = sum(full_points(rows).values())
    table = [MOODLE_COLUMNS]
    for id, row in _by_id(rows, "moodle").items():
        who = [f"Participant {id}", cell(row["name"]), cell(row["ids"].get("email", ""))]
        grade = ["Submitted for grading", row["points"], total, "Yes", "", ""]
        table.append([*who, *grade, _comment(row, total)])
    return _csv(table)


def _comment(row, total):
    """Feedback in few lines, as HTML, which is what Moodle takes it for."""
    lines = [f"{row['points']} of {total} points."]
    lines += [row["reason"]] if row["reason"] else []
    for one in row["exercises"]:
        diagnosis = f" {one['diagnosis']}" if one["diagnosis"] else ""
        lines.append(f"{one['exercise']}: {SAID[one['status']]}, {one['points']} of {one['max']}.{diagnosis}")
    return "<br>".join(html.escape(one_line(line, 600)) for line in lines)
