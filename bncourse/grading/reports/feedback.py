"""The page that tells one student what the checks found."""

import hashlib
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import replace

from markupsafe import Markup

from bncourse.checking.report import Report, as_html
from bncourse.course.language import ENGLISH, Translate
from bncourse.grading.reports.rendering import harmless, render, words
from bncourse.grading.rows import Row, by_chapter, of_chapter

RESERVED = {"con", "prn", "aux", "nul", "index", *(f"{port}{i}" for port in ("com", "lpt") for i in range(10))}


def slug(student: str) -> str:
    """File name, without its ending, of a student's page: ASCII, at most 80 characters, another one for every key."""
    changed = unicodedata.normalize("NFKD", student).encode("ascii", "ignore").decode().lower()
    changed = re.sub(r"[^a-z0-9_]+", "-", changed).strip("-")[:60].rstrip("-")
    if changed and changed == student and changed not in RESERVED and not re.search(r"-[0-9a-f]{16}$", changed):
        return changed
    digest = hashlib.sha256(student.encode("utf-8", "surrogatepass")).hexdigest()[:16]
    return f"{changed or 'student'}-{digest}"


def page(row: Row, reports: Mapping[str, Report], language: str = ENGLISH) -> str:
    """A complete HTML document for one row and the reports on its exercises; opens offline, runs no script.

    The reports are in the language already.
    """
    chapters = by_chapter(row.exercises)
    _ = words(language)
    shown = {exercise: _shown(report, exercise, _) for exercise, report in reports.items()}
    return render("feedback.html", language, row=row, chapters=chapters, total=of_chapter, reports=shown)


def _shown(report: Report, exercise_id: str, _: Translate) -> Markup:
    """What the learner's own check shows; the failing input scrolls in a box that the keyboard reaches."""
    label = _("Failing input of {exercise}").format(exercise=exercise_id)
    box = Markup('<div class="scroll" tabindex="0" role="group" aria-label="{}"><table').format(label)
    html = as_html(_harmless_report(report, _))
    return Markup(html.replace("<table", box, 1).replace("</table>", "</table></div>", 1))


def _harmless_report(report: Report, _: Translate) -> Report:
    """The report as it may be shown; that the sandbox ended a process, which no check says, in the page's language."""
    errors = ((name, _(value) if name == _("error") else value) for name, value in report.details)
    return replace(
        report,
        title=harmless(report.title, 600),
        diagnosis=report.diagnosis and harmless(report.diagnosis),
        passed=[harmless(sentence) for sentence in report.passed],
        failed=[harmless(sentence) for sentence in report.failed],
        hints=[harmless(hint) for hint in report.hints],
        details=[(harmless(name, 200), harmless(value)) for name, value in errors],
    )
