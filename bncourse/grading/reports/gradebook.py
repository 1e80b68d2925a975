"""Tables of points: for a spreadsheet, and in the forms that Canvas and Moodle import."""

import csv
import html
import io
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from bncourse.course.errors import CourseError
from bncourse.course.files import write_whole
from bncourse.course.paths import shown
from bncourse.grading.reports.rendering import one_line
from bncourse.grading.rows import Row, by_name, full_marks, full_points

CANVAS_COLUMNS = ["Student", "ID", "SIS User ID", "SIS Login ID", "Section"]
NAMES = {"Student", "LastName", "FirstName"}
WHO_IN_CANVAS = {*CANVAS_COLUMNS, *NAMES, "Integration ID", "Root Account"}
MOODLE_COLUMNS = [
    "Identifier", "Full name", "Email address", "Status", "Grade", "Maximum Grade", "Grade can be changed",
    "Last modified (submission)", "Last modified (grade)", "Feedback comments",
]  # fmt: skip
ASSIGNMENT = "Batch normalization course"
Table = list[list[object]]


def write(
    rows: Iterable[Row], folder: Path, canvas_export: Path | None = None, assignment: str = ASSIGNMENT
) -> list[Path]:
    """Write gradebook.csv, and canvas.csv and moodle.csv where submissions carry such ids; the paths written.

    `canvas_export` is a gradebook exported from Canvas, whose column `assignment` is then filled, by ID, in points of
    what that assignment counts there.
    """
    rows = by_name(rows)
    # With a byte-order mark, since Excel takes UTF-8 without one for the system's old code page.
    tables = {"gradebook.csv": (_gradebook(rows), "utf-8-sig")}
    if canvas_export:
        tables["canvas.csv"] = (_filled(canvas_export, assignment, rows), "utf-8")
    elif any("canvas" in row.ids for row in rows):
        tables["canvas.csv"] = (_canvas(rows, assignment), "utf-8")
    if any("moodle" in row.ids for row in rows):
        tables["moodle.csv"] = (_moodle(rows), "utf-8")
    for name, (text, encoding) in tables.items():
        write_whole(folder / name, text, encoding)
    return [folder / name for name in tables]


def check_canvas_export(path: Path, assignment: str) -> None:
    """CourseError unless `path` is a gradebook exported from Canvas with such a column; to be known before grading."""
    table, _ = _read_export(path)
    _column(table[0], assignment, path)


def _gradebook(rows: Sequence[Row]) -> str:
    full = full_points(rows)
    total = full_marks(rows)
    table: Table = [["student", "name", "points", "max", "percent", *full, "status", "reason", "review"]]
    for row in rows:
        points = {exercise.exercise: exercise.points for exercise in row.exercises}
        percent = round(100 * row.points / total, 1) if total else ""
        table.append([
            cell(row.student), cell(row.name), row.points, total, percent, *(points.get(name, 0) for name in full),
            row.status, cell(row.reason, 1000), cell("; ".join(row.review), 2000),
        ])  # fmt: skip
    return _csv(table)


def cell(text: str, most: int = 300) -> str:
    """A text for a cell that no spreadsheet takes for a formula, where a semicolon splits cells neither."""
    return re.sub(r"(^|;)(\s*)(?=[=+@＝＋－＠-])", r"\1\2'", one_line(text, most))


def _csv(table: Iterable[Iterable[object]], delimiter: str = ",") -> str:
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter, lineterminator="\r\n").writerows(table)
    return text.getvalue()


def _by_id(rows: Iterable[Row], platform: str) -> dict[str, Row]:
    """One row for each id; of several submissions under one id, that with the most points."""
    best: dict[str, Row] = {}
    for row in rows:
        number = row.ids.get(platform)
        if number and (number not in best or row.points > best[number].points):
            best[number] = row
    return best


def _canvas(rows: Sequence[Row], assignment: str) -> str:
    table: Table = [[*CANVAS_COLUMNS, assignment]]
    table.append(["    Points Possible", "", "", "", "", full_marks(rows)])
    table += [[cell(row.name), number, "", "", "", row.points] for number, row in _by_id(rows, "canvas").items()]
    return _csv(table)


def _filled(path: Path, assignment: str, rows: Sequence[Row]) -> str:
    """Who is who from the export, and the one column; others are left out, so that importing changes no other grade."""
    table, delimiter = _read_export(path)
    header = table[0]
    column = _column(header, assignment, path)
    columns = [i for i, name in enumerate(header) if name in WHO_IN_CANVAS] + [column]
    factor = _factor(table, column, rows)
    graded, id_column = _by_id(rows, "canvas"), header.index("ID")
    filled: Table = []
    for texts in table:
        line: list[object] = [*texts, *[""] * (len(header) - len(texts))]
        row = graded.pop(str(line[id_column]), None)
        if line[id_column]:
            line = [cell(str(text)) if name in NAMES else text for name, text in zip(header, line)]
        if row:
            line[column] = round(row.points * factor, 2)
        filled.append([line[i] for i in columns])
    for number, row in graded.items():  # handed in, but not in the export: Canvas asks who that is
        entries = {"Student": cell(row.name), "ID": number, header[column]: round(row.points * factor, 2)}
        filled.append([entries.get(header[i], "") for i in columns])
    return _csv(filled, delimiter)


def _read_export(path: Path) -> tuple[list[list[str]], str]:
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


def _column(header: Sequence[str], assignment: str, path: Path) -> int:
    """The number of the column that is called so, with or without the number that Canvas appends."""
    columns = [i for i, name in enumerate(header) if assignment in (name, re.sub(r" \(\d+\)$", "", name))]
    if len(columns) == 1:
        return columns[0]
    numbered = ", ".join(name for name in header if re.search(r" \(\d+\)$", name)) or "none"
    many = "more than one column" if columns else "no column"
    raise CourseError(f"{shown(path)} has {many} '{assignment}'; its assignments are: {numbered}")


def _factor(table: Iterable[Sequence[str]], column: int, rows: Iterable[Row]) -> float:
    """Points of Canvas for one of ours: 1 unless the assignment counts otherwise there."""
    total = full_marks(rows)
    counts = next((line[column] for line in table if "Points Possible" in line[0]), "").replace(",", ".")
    return float(counts) / total if total and re.fullmatch(r"[0-9.]*[1-9][0-9.]*", counts) else 1


def _moodle(rows: Sequence[Row]) -> str:
    """Moodle's grading worksheet. It goes by identifier, and refuses a file without "Last modified (grade)"."""
    total = full_marks(rows)
    table: Table = [[*MOODLE_COLUMNS]]
    for number, row in _by_id(rows, "moodle").items():
        who = [f"Participant {number}", cell(row.name), cell(row.ids.get("email", ""))]
        table.append([*who, "Submitted for grading", row.points, total, "Yes", "", "", _comment(row, total)])
    return _csv(table)


def _comment(row: Row, total: int) -> str:
    """Feedback in few lines, as HTML, which is what Moodle takes it for."""
    lines = [f"{row.points} of {total} points.", *([row.reason] if row.reason else [])]
    for exercise in row.exercises:
        diagnosis = f" {exercise.diagnosis}" if exercise.diagnosis else ""
        standing = f"{exercise.status.words}, {exercise.points} of {exercise.max}"
        lines.append(f"{exercise.exercise}: {standing}.{diagnosis}")
    return "<br>".join(html.escape(one_line(line, 600)) for line in lines)
