"""What students and instructors read after grading: feedback pages, class.html, and gradebooks."""

import csv
import io
import re
from dataclasses import replace

import pytest
from bs4 import BeautifulSoup

from bncourse.checking import marks
from bncourse.checking.judging import judge
from bncourse.checking.learner import Answers
from bncourse.checking.report import as_html, report
from bncourse.checking.status import Status
from bncourse.course import curriculum, notebooks
from bncourse.course.errors import CourseError
from bncourse.course.paths import ROOT, SOLUTIONS
from bncourse.grading.reports import class_report, feedback, gradebook
from bncourse.grading.rows import STATUSES, ExerciseRow, Row

EVIL = "<script>alert(1)</script>\"'&\x00\x1b[31m\u202egpj.exe\ud800"


def entry(exercise, status="solved", points=5, full=5, diagnosis=None, failed=(), explains_all=True):
    return ExerciseRow(exercise, STATUSES[status], points, full, list(failed), diagnosis, explains_all)


def row(student, *exercises, **others):
    fields = {
        "name": student, "source": student, "ids": {}, "digest": "", "checks": "", "status": "graded", "seconds": 0.1,
    }  # fmt: skip
    return Row(student, exercises=list(exercises), **fields | others)


def unreadable(student, reason="03.ipynb is empty", **others):
    return row(student, status="unreadable", reason=reason, **others)


def soup(html):
    return BeautifulSoup(html, "html.parser")


def text_of(html):
    return " ".join(soup(html).get_text(" ").split())


@pytest.fixture(scope="module")
def wrong():
    """A row and its report: one exercise, answered by the first of its known mistakes."""
    exercise = curriculum.exercises()["3.1"]
    mistake = marks.mistakes_of(exercise)[0]
    reference = Answers(notebooks.execute(SOLUTIONS / "03_normalize.ipynb").namespace)
    result = judge([exercise], reference.overlaid({mistake.name: mistake.value}))["3.1"]
    return row("Anna", ExerciseRow.of(result)), report(result, marks.guides["3.1"].hints)


@pytest.fixture(scope="module")
def hostile():
    """The same for an answer that puts into prints, errors and names whatever could do harm."""

    def normalize(*args, **kwargs):
        print(EVIL * 1000)
        raise ValueError(EVIL + "z" * 100_000)

    exercise = curriculum.exercises()["3.1"]
    result = judge([exercise], Answers({"normalize": normalize}))["3.1"]
    return row(EVIL, ExerciseRow.of(result), notes=[EVIL], reason=EVIL, review=[EVIL]), report(result)


# A student's page


def test_page_names_the_student_the_points_and_each_exercise(wrong):
    page = soup(feedback.page(wrong[0], {"3.1": wrong[1]}))
    points = wrong[0].points
    assert page.html["lang"] == "en"
    assert page.title.text == f"Anna: {points} of 5 points"
    assert [heading.text for heading in page.find_all("h1")] == ["Anna"]
    overview = page.find("table")
    assert [" ".join(cell.text.split()) for cell in overview.tbody.find_all(["th", "td"])] == [
        "3.1", "✗ not right yet", f"{points} of 5"]  # fmt: skip
    assert all(head.get("scope") in ("row", "col") for head in page.find_all("th"))
    assert page.find(id="ex-3-1").text == "3.1 Normalise with given statistics"


def with_a_bonus():
    return row("Anna", entry("1.1", points=3), replace(entry("1.3", points=4, full=7), bonus=True))


def test_a_bonus_is_named_and_no_part_of_the_total():
    text = text_of(feedback.page(with_a_bonus(), {}))
    assert "5 of 5 points" in text and "4 of 7 (bonus)" in text
    assert "A bonus makes up for points lost in the other exercises of its chapter" in text


def test_a_bonus_is_neither_the_hardest_exercise_nor_one_that_nobody_solved():
    entries = [entry("1.1"), replace(entry("1.3", "unsolved", 0, 7), bonus=True)]
    content = class_report.content([row("Anna", *entries), row("Ben", *entries)])
    assert (content["total"], content["hardest"].exercise, content["nobody"]) == (5, "1.1", [])


def test_the_percentage_of_a_gradebook_ends_at_100(tmp_path):
    gradebook.write([with_a_bonus()], tmp_path)
    (line,) = csv.DictReader((tmp_path / "gradebook.csv").read_text(encoding="utf-8-sig").splitlines())
    assert (line["points"], line["max"], line["percent"], line["1.3"]) == ("5", "5", "100.0", "4")


def test_page_shows_what_the_learners_own_check_shows(wrong):
    shown, own = soup(feedback.page(wrong[0], {"3.1": wrong[1]})).find(class_="report"), soup(as_html(wrong[1]))
    assert shown.get_text("|") == own.get_text("|")
    assert wrong[1].diagnosis in shown.text


def test_failing_input_scrolls_in_a_box_that_the_keyboard_reaches(wrong):
    (box,) = soup(feedback.page(wrong[0], {"3.1": wrong[1]})).find_all(class_="scroll")
    assert box["tabindex"] == "0" and box["aria-label"] == "Failing input of 3.1"
    assert box.table.find("pre")


def test_page_shows_notes_and_reason_but_no_review_lines():
    html = feedback.page(
        row("Anna", entry("3.1"), notes=["a note"], reason="02.ipynb is empty", review=["looks copied"]), {}
    )
    assert "a note" in html and "02.ipynb is empty" in html
    assert "looks copied" not in html


def test_page_of_an_unreadable_submission_says_why():
    html = feedback.page(unreadable("Anna"), {})
    assert "No exercise could be graded" in html and "03.ipynb is empty" in html


def test_nothing_that_a_student_writes_is_markup_or_hidden(hostile):
    html = feedback.page(hostile[0], {"3.1": hostile[1]})
    assert len(html) < 60_000
    assert not soup(html).find_all(["script", "img", "iframe", "object", "link"], href=lambda url: url != "data:,")
    assert "\\x1b[31m\\u202egpj.exe" in soup(html).find(class_="report").text
    assert not set(html) & set("\x00\x1b\u202e\ud800")
    assert "alert(1)" in soup(html).h1.text


def test_pages_forbid_scripts_and_requests(wrong, tmp_path):
    class_report.write([wrong[0]], tmp_path / "class.html")
    for html in (feedback.page(wrong[0], {"3.1": wrong[1]}), (tmp_path / "class.html").read_text("utf8")):
        policy = soup(html).find("meta", attrs={"http-equiv": "Content-Security-Policy"})["content"]
        assert policy.startswith("default-src 'none'")
        assert not soup(html).find_all("script")
        assert "http://" not in html.replace("http://www.w3.org", "") and "https://" not in html


def test_pages_carry_the_logo_of_the_book(wrong):
    logo = soup((ROOT / "book/_static/logo.svg").read_text("utf8"))
    shown = soup(feedback.page(wrong[0], {"3.1": wrong[1]})).header.svg
    assert [part.attrs for part in shown.find_all(["rect", "path"])] == [
        part.attrs for part in logo.find_all(["rect", "path"])]  # fmt: skip


# Where a student's page lies

KEYS = [
    "anna", "Anna", "ANNA", "anna ", "änna", "李雷", "", ".", "..", "../anna", "a/b", "a\\b", "con", "CON", "nul.html",
    "lpt1", "x" * 60, "x" * 61, "x" * 62, "X" * 5000, "a-b", "a_b", "a.b", "a b", "\x00", "\ud800", "index", "🎓", "-a",
]  # fmt: skip


def test_slugs_are_safe_short_and_all_different():
    slugs = [feedback.slug(key) for key in KEYS]
    assert len({slug.lower() for slug in slugs}) == len(KEYS)
    for slug in slugs:
        assert slug.isascii() and 0 < len(slug) <= 80
        assert not set(slug) - set("abcdefghijklmnopqrstuvwxyz0123456789_-")
        assert slug not in ("con", "nul", "lpt1", "index")


def test_a_plain_key_is_its_own_slug_but_nobody_can_claim_anothers():
    assert feedback.slug("schmidt_12345") == "schmidt_12345"
    taken = feedback.slug("Anna Schmidt")
    assert taken.startswith("anna-schmidt-")
    assert feedback.slug(taken) != taken


# The class

FIRST = "ε stands outside the root."
CLASS = [
    row("Anna", entry("3.1"), entry("3.2", "failed", 2, 7, FIRST, ["test_eps_stands_under_the_root"])),
    row("Ben", entry("3.1"), entry("3.2", "failed", 1, 7, FIRST, ["test_unknown_check"], explains_all=False)),
    row("Chloé", entry("3.1", "failed", 0, 5, None, ["test_eps_stands_under_the_root"])),
    row("Dora", entry("3.1", "unsolved", 0), entry("3.2", "error", 0, 7), review=["tried to open a socket"]),
    unreadable("Émile"),
]


@pytest.fixture(scope="module")
def class_page(tmp_path_factory):
    def write(rows):
        path = tmp_path_factory.mktemp("class") / "class.html"
        class_report.write(rows, path)
        return path.read_text("utf8")

    return write


def test_class_page_sums_up(class_page):
    text = text_of(class_page(CLASS))
    assert "5 submissions, mean 3.2 and median 3.0 of 12 points" in text.replace(" ,", ",")
    assert "4 graded, 1 could not be read" in text
    assert "Nobody solved 3.2" in text


def test_class_page_counts_misconceptions_and_answers_that_no_known_mistake_fits(class_page):
    page = soup(class_page(CLASS))
    tables = {table.caption.text: table for table in page.find_all("table") if table.caption}
    cells = [cell.text.strip() for cell in tables["Wrong answers to 3.2"].tbody.find_all(["th", "td"])]
    assert cells[:2] == [f"{FIRST} (1 of them with other faults too)", "2"]
    assert cells[3:5] == ["No known mistake fits.", "1"]


def test_class_page_gives_checks_in_the_learners_words(class_page):
    text = text_of(class_page(CLASS))
    assert "You divide by √(σ² + ε)" in text
    assert "unknown check" in text


def test_class_page_lists_whom_a_human_should_look_at(class_page):
    people = soup(class_page(CLASS)).find(class_="people")
    assert [line.text for line in people.tbody.find_all("td")] == ["tried to open a socket", "03.ipynb is empty"]
    assert [link["href"] for link in people.find_all("a")] == [
        f"feedback/{feedback.slug(name)}.html" for name in ("Dora", "Émile")]  # fmt: skip


def test_class_page_has_every_student_and_exercise_a_missing_chapter_counted_as_0(class_page):
    grid = soup(class_page(CLASS)).find(class_="grid")
    assert [cell.text for cell in grid.thead.find_all("th")] == ["Student", "All", "3.1", "3.2"]
    lines = {line.th.text: [next(td.strings) for td in line.find_all("td")] for line in grid.tbody.find_all("tr")}
    assert lines["Chloé"] == ["0", "✗ 0", "– 0"]
    assert list(lines) == ["Anna", "Ben", "Chloé", "Dora", "Émile"]


def test_students_of_one_name_are_told_apart(class_page):
    two = [row(key, entry("3.1"), name="Anna") for key in ("anna_1", "anna_2")]
    grid = soup(class_page(two)).find(class_="grid")
    assert [line.th.text for line in grid.tbody.find_all("tr")] == ["Anna (anna_1)", "Anna (anna_2)"]


def test_figures_are_text_and_described_in_words(class_page):
    page = soup(class_page(CLASS))
    figures = page.find_all(role="img")
    labels = [figure["aria-label"] for figure in figures]
    assert [label.partition(".")[0] for label in labels] == [
        "Histogram of the points", "Points by exercise", "Answers by exercise"]  # fmt: skip
    assert "0 to 10 %: 2, 10 to 20 %: 0" in labels[0] and labels[0].endswith("90 to 100 %: 0.")
    assert labels[1].endswith("Mean share of full points. 3.1: 50 %, 3.2: 11 %.")
    assert labels[2].endswith(
        "3.1: 2 solved, 1 not right yet, 1 not solved yet; "
        "3.2: 2 not right yet, 1 stops with an error, 1 no answer found."
    )
    assert all(figure.get_text(strip=True) for figure in figures)
    ids = [tag["id"] for tag in page.find_all(id=True)]
    assert len(ids) == len(set(ids))


def lengths(bars):
    """In percent."""
    return [float(re.search(r"(?:width|height):([0-9.]+)%", bar["style"])[1]) for bar in bars]


def test_bars_are_as_long_as_their_numbers(class_page):
    histogram, shares, statuses = soup(class_page(CLASS)).find_all(role="img")
    assert lengths(histogram.find_all(class_="column")) == [87, 0, 0, 0, 0, 87, 0, 0, 0, 0]
    assert lengths(shares.find_all(class_="bar")) == [50, 10.7]
    parts = [track.find_all(class_="part") for track in statuses.find_all(class_="track")]
    assert [[part["class"][1] for part in of_exercise] for of_exercise in parts] == [
        ["solved", "failed", "unsolved"], ["failed", "error", "missing"]]  # fmt: skip
    assert [lengths(of_exercise) for of_exercise in parts] == [[50, 25, 25], [50, 25, 25]]


def test_each_status_has_its_own_colour_hatching_and_entry_in_the_legend(class_page):
    page = soup(class_page(CLASS))
    legend = page.find(class_="legend").find_all("li")
    assert [entry.text for entry in legend] == [status.words for status in Status]
    colours = {entry.span["style"] for entry in legend}
    assert colours == {f"background-color:{status.colour}" for status in Status} and len(colours) == len(Status)
    hatchings = re.findall(r"\.part\.(\w+) { background-image: (.*?); }", page.style.text)
    assert {name for name, _ in hatchings} == {"failed", "error", "unsolved"}, "the others differ by their colour alone"
    assert len({hatching for _, hatching in hatchings}) == 3


@pytest.mark.parametrize("rows", [[], CLASS[:1], CLASS[-1:], [row("Anna")]], ids=["none", "one", "unreadable", "empty"])
def test_class_page_of_hardly_anything(class_page, rows):
    assert "<h1>The class</h1>" in class_page(rows)


def test_class_page_of_a_thousand_stays_small(class_page):
    ids = [f"{chapter}.{i}" for chapter in range(1, 13) for i in range(1, 6)]
    exercises = [entry(id, "failed", 10, 12, "wrong " * 30, ["test_a"]) for id in ids]
    rows = [row(f"{i} {EVIL * 100}", *exercises) for i in range(1000)]
    for one in rows[::5]:
        one.review = ["x" * 5000] * 9
    html = class_page(rows)
    assert len(html.encode()) < 2_000_000
    assert not set(html) & set("\x00\x1b\u202e\ud800")


# Gradebooks


def read(path, encoding="utf-8", delimiter=","):
    return list(csv.reader(io.StringIO(path.read_text(encoding)), delimiter=delimiter))


def test_gradebook_counts_a_missing_chapter_as_0_of_its_points(tmp_path):
    assert gradebook.write(CLASS, tmp_path) == [tmp_path / "gradebook.csv"]
    table = read(tmp_path / "gradebook.csv", "utf-8-sig")
    assert table[0] == ["student", "name", "points", "max", "percent", "3.1", "3.2", "status", "reason", "review"]
    assert table[1] == ["Anna", "Anna", "7", "12", "58.3", "5", "2", "graded", "", ""]
    assert table[3] == ["Chloé", "Chloé", "0", "12", "0.0", "0", "0", "graded", "", ""]
    assert table[5] == ["Émile", "Émile", "0", "12", "0.0", "0", "0", "unreadable", "03.ipynb is empty", ""]


def test_exercises_stand_in_the_order_of_the_curriculum(tmp_path):
    gradebook.write([row("Anna", entry("10.1"), entry("2.10"), entry("2.9"))], tmp_path)
    assert read(tmp_path / "gradebook.csv", "utf-8-sig")[0][5:8] == ["2.9", "2.10", "10.1"]


def test_excel_reads_the_gradebook_as_utf8(tmp_path):
    gradebook.write(CLASS, tmp_path)
    assert (tmp_path / "gradebook.csv").read_bytes().startswith(b"\xef\xbb\xbf")


FORMULAS = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", " =1", "＝1", "Anna;=1", "Anna; -1"]


@pytest.mark.parametrize("formula", FORMULAS)
def test_no_cell_is_a_formula(tmp_path, formula):
    gradebook.write([row(formula, entry("3.1"), reason=formula, review=[formula])], tmp_path)
    for line in read(tmp_path / "gradebook.csv", "utf-8-sig")[1:]:
        for cell in (part.strip() for text in line for part in text.split(";")):
            assert cell[:1] not in tuple("=+-@＝")


def test_gradebooks_hold_no_hidden_characters_and_no_megabytes(tmp_path):
    gradebook.write([row(EVIL + "x" * 10**6, entry("3.1"), ids={"canvas": "1", "moodle": "2"}, reason=EVIL)], tmp_path)
    for path in tmp_path.iterdir():
        text = path.read_text("utf-8-sig")
        assert len(text) < 5000
        assert not set(text) & set("\x00\x1b\u202e\ud800")


def test_writing_leaves_no_other_files(tmp_path):
    gradebook.write(CLASS, tmp_path)
    gradebook.write(CLASS, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["gradebook.csv"]


# Canvas

IN_CANVAS = [
    row("=anna", entry("3.1", points=4), entry("3.2", points=7, full=7), ids={"canvas": "101"}),
    row("ben", entry("3.1", points=1), ids={"canvas": "102"}),
]


def test_canvas_file_is_in_the_form_of_its_import(tmp_path):
    gradebook.write(IN_CANVAS, tmp_path, assignment="Batch norm")
    assert read(tmp_path / "canvas.csv") == [
        ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", "Batch norm"],
        ["    Points Possible", "", "", "", "", "12"],
        ["'=anna", "101", "", "", "", "11"],
        ["ben", "102", "", "", "", "1"],
    ]


EXPORT = """\
Student,ID,SIS User ID,SIS Login ID,Section,Notes,Homework (7),Batch norm (8),Final Score
,,,,,,Manual Posting,,
    Points Possible,,,,,,10,{possible},(read only)
"Anna, A.",101,s1,anna,One,,3,,50
"Ben, B.",102,s2,ben,One,,4,2,60
"Cara, C.",103,s3,cara,One,,5,9,70
"""


def filled(tmp_path, export, assignment="Batch norm", rows=IN_CANVAS):
    path = tmp_path / "export.csv"
    path.write_text(export, encoding="utf-8-sig")
    gradebook.write(rows, tmp_path, path, assignment)
    return read(tmp_path / "canvas.csv", delimiter=";" if ";" in export else ",")


def test_canvas_export_is_filled_by_id_and_nothing_else_is_imported(tmp_path):
    table = filled(tmp_path, EXPORT.format(possible=12))
    assert table[0] == ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", "Batch norm (8)"]
    assert table[2] == ["    Points Possible", "", "", "", "", "12"]
    assert {line[1]: line[5] for line in table[3:]} == {"101": "11.0", "102": "1.0", "103": "9"}


def test_points_are_scaled_to_what_the_assignment_counts_in_canvas(tmp_path):
    table = filled(tmp_path, EXPORT.format(possible=100))
    assert {line[1]: line[5] for line in table[3:]} == {"101": "91.67", "102": "8.33", "103": "9"}


def test_canvas_export_with_semicolons_and_decimal_commas_is_read(tmp_path):
    export = EXPORT.replace('"Anna, A."', "Anna").replace('"Ben, B."', "Ben").replace('"Cara, C."', "Cara")
    table = filled(tmp_path, export.replace(",", ";").format(possible="24,00"))
    assert {line[1]: line[5] for line in table[3:]} == {"101": "22.0", "102": "2.0", "103": "9"}


def test_who_is_not_in_the_canvas_export_is_not_lost(tmp_path):
    stranger = row("Zoë", entry("3.1"), ids={"canvas": "999"})
    table = filled(tmp_path, EXPORT.format(possible=12), rows=[*IN_CANVAS, stranger])
    assert table[-1] == ["Zoë", "999", "", "", "", "5.0"]


@pytest.mark.parametrize("assignment", ["Homework 1", "Notes (3)"])
def test_an_assignment_that_canvas_does_not_know_is_named_with_those_it_knows(tmp_path, assignment):
    with pytest.raises(CourseError, match=r"no column '.*'; its assignments are: Homework \(7\), Batch norm \(8\)"):
        filled(tmp_path, EXPORT, assignment)


@pytest.mark.parametrize("content", [b"", b"a,b\n1,2\n", b"\xff\xfe\x00"])
def test_a_file_that_is_no_canvas_export_is_refused_in_one_line(tmp_path, content):
    path = tmp_path / "export.csv"
    path.write_bytes(content)
    with pytest.raises(CourseError) as error:
        gradebook.check_canvas_export(path, "Batch norm")
    assert "export.csv" in str(error.value) and "\n" not in str(error.value)


# Moodle


def test_moodle_worksheet_has_what_its_import_needs(tmp_path):
    rows = [
        row("anna", entry("3.1"), entry("3.2", "failed", 2, 7, "ε < 0."), ids={"moodle": "77", "email": "a@x.org"}),
        unreadable("ben", reason="<b>", ids={"moodle": "78"}),
    ]
    gradebook.write(rows, tmp_path)
    head, *lines = read(tmp_path / "moodle.csv")
    assert {"Identifier", "Grade", "Last modified (grade)", "Feedback comments"} <= set(head)
    anna, ben = (dict(zip(head, line)) for line in lines)
    assert (anna["Identifier"], anna["Email address"], anna["Grade"], anna["Maximum Grade"]) == (
        "Participant 77", "a@x.org", "7", "12")  # fmt: skip
    comment = "7 of 12 points.<br>3.1: solved, 5 of 5.<br>3.2: not right yet, 2 of 7. ε &lt; 0."
    assert anna["Feedback comments"] == comment
    assert (ben["Grade"], ben["Feedback comments"]) == ("0", "0 of 12 points.<br>&lt;b&gt;")


def test_of_two_submissions_under_one_id_the_better_one_counts(tmp_path):
    rows = [row(f"anna {i}", entry("3.1", points=i), ids={"moodle": "77"}) for i in (3, 5, 4)]
    gradebook.write(rows, tmp_path)
    assert [line[4] for line in read(tmp_path / "moodle.csv")] == ["Grade", "5"]


# In a browser


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_pages_fit_the_screen_ask_for_nothing_and_complain_of_nothing(browser, tmp_path, hostile, width, scheme):
    (tmp_path / "feedback.html").write_text(feedback.page(hostile[0], {"3.1": hostile[1]}), encoding="utf-8")
    class_report.write([*CLASS, hostile[0]], tmp_path / "class.html")
    page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
    requests, complaints = [], []
    page.on("request", lambda request: requests.append(request.url))
    page.on("console", lambda message: complaints.append(message.text))
    for name in ("feedback.html", "class.html"):
        page.goto((tmp_path / name).as_uri())
        page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert all(url.startswith(("file:", "data:")) for url in requests) and not complaints
    page.close()
