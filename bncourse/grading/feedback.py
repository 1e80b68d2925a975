"""The page that tells one student what the checks found."""

import hashlib
import re
import unicodedata
from dataclasses import replace

from markupsafe import Markup

from bncourse.checking.report import as_html
from bncourse.checking.terminal import SAID
from bncourse.grading.pages import harmless, render, title_of

RESERVED = {"con", "prn", "aux", "nul", "index", *(f"{port}{i}" for port in ("com", "lpt") for i in range(10))}


def slug(student):
    """File name, without its ending, of a student's page: ASCII, at most 80 characters, another one for every key."""
    changed = unicodedata.normalize("NFKD", student).encode("ascii", "ignore").decode().lower()
    changed = re.sub(r"[^a-z0-9_]+", "-", changed).strip("-")[:60].rstrip("-")
    if changed and changed == student and changed not in RESERVED and not re.search(r"-[0-9a-f]{16}$", changed):
        return changed
    digest = hashlib.sha256(student.encode("utf-8", "surrogatepass")).hexdigest()[:16]
    return f"{changed or 'student'}-{digest}"


def page(row, reports):
    """A complete HTML document for one row and the reports on its exercises; opens offline, runs no script."""
    found = {report.title.partition(":")[0]: report for report in reports}
    chapters = {}
    for one in row["exercises"]:
        report = found.get(one["exercise"])
        shown = one | {"said": SAID[one["status"]], "report": report and _shown(report, one["exercise"])}
        chapters.setdefault(one["exercise"].partition(".")[0], []).append(shown)
    chapters = [_chapter(number, exercises) for number, exercises in chapters.items()]
    return render("feedback.html", row=row, chapters=chapters)


def _chapter(number, exercises):
    points, full = sum(one["points"] for one in exercises), sum(one["max"] for one in exercises)
    title = f"Chapter {number}" + (f": {title_of(number)}" if title_of(number) else "")
    return {"number": number, "title": title, "exercises": exercises, "points": points, "max": full}


def _shown(report, exercise_id):
    """What the learner's own check shows; the failing input scrolls in a box that the keyboard reaches."""
    box = Markup('<div class="scroll" tabindex="0" role="group" aria-label="Failing input of {}"><table').format(
        exercise_id
    )
    html = as_html(_harmless_report(report))
    return Markup(html.replace("<table", box, 1).replace("</table>", "</table></div>", 1))


def _harmless_report(report):
    lists = {name: [harmless(words) for words in getattr(report, name)] for name in ("passed", "failed", "hints")}
    details = [(harmless(name, 200), harmless(value)) for name, value in report.details]
    diagnosis = report.diagnosis and harmless(report.diagnosis)
    return replace(report, title=harmless(report.title, 600), diagnosis=diagnosis, details=details, **lists)
