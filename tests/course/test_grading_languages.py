"""A class that works in two languages: notebooks of either get the same points, and pages are in the one asked for."""

import json
import re
from dataclasses import asdict, replace

import pytest
from bs4 import BeautifulSoup

from bncourse.authoring import editions
from bncourse.checking import marks
from bncourse.checking.report import Report
from bncourse.checking.status import Status
from bncourse.course import curriculum
from bncourse.course.paths import EXERCISES, MISTAKES
from bncourse.grading import run
from bncourse.grading.grade import Options
from bncourse.grading.reports import feedback
from bncourse.grading.rows import ExerciseRow, Row
from tests.known import source_of

CHAPTER = "03_normalize"
ASKED = ("3.1", "3.2")
LANGUAGES = ("en", "ja")
NOTEBOOKS = {"en": EXERCISES / f"{CHAPTER}.ipynb", "ja": editions.folder("ja") / f"{CHAPTER}.ipynb"}
RIGHT = "def normalize(x, mean, var, eps=1e-5):\n    return (x - mean) / np.sqrt(var + eps)"
JAPANESE = re.compile("[\u3040-\u30ff]")


def wrong():
    """The first known mistake of 3.1, and its sentence."""
    exercise = curriculum.exercises()["3.1"]
    mistake = marks.mistakes_of(exercise)[0]
    return source_of(mistake, exercise, MISTAKES), mistake.explanation


def handed_in(language, answer):
    """The exercise notebook in a language, with one answer written in it and the other left as it is."""
    notebook = json.loads(NOTEBOOKS[language].read_text("utf8"))
    (cell,) = (cell for cell in notebook["cells"] if cell["id"] == curriculum.exercises()["3.1"].cell)
    cell["source"] = answer
    return json.dumps(notebook)


@pytest.fixture(scope="module")
def graded(tmp_path_factory):
    """What grading in each language left: {language: (folder, {student: row})}."""
    folder = tmp_path_factory.mktemp("class") / "submissions"
    for language in LANGUAGES:
        for name, answer in (("right", RIGHT), ("wrong", wrong()[0])):
            (folder / f"{name}_{language}").mkdir(parents=True)
            (folder / f"{name}_{language}" / f"{CHAPTER}.ipynb").write_text(handed_in(language, answer), "utf8")
    (folder / "nothing").mkdir()
    (folder / "nothing" / "essay.pdf").write_bytes(b"%PDF")
    found = {}
    for language in LANGUAGES:
        out = folder.parent / language
        rows = run.grade(folder, out, Options(exercises=ASKED, language=language))
        found[language] = out, {row.student: row for row in rows}
    return found


def judged(row):
    return [asdict(exercise) for exercise in row.exercises]


def test_the_same_answers_get_the_same_points_in_notebooks_of_either_language(graded):
    for _, rows in graded.values():
        assert set(rows) == {"nothing", "right_en", "right_ja", "wrong_en", "wrong_ja"}
        for name in ("right", "wrong"):
            assert judged(rows[f"{name}_en"]) == judged(rows[f"{name}_ja"])
        assert rows["right_ja"].points > rows["wrong_ja"].points
        assert rows["wrong_ja"].exercises[0].diagnosis == wrong()[1]


def test_rows_do_not_depend_on_the_language_of_the_pages(graded):
    english, japanese = (
        {name: asdict(row) | {"seconds": 0} for name, row in rows.items()} for _, rows in graded.values()
    )
    assert english == japanese


def text_of(path):
    page = BeautifulSoup(path.read_text("utf8"), "html.parser")
    for style in page("style"):
        style.decompose()
    return page.html["lang"], " ".join(page.get_text(" ").split())


def test_pages_are_in_the_language_asked_for(graded):
    english, japanese = (
        {name: text_of(out / f"{name}.html") for name in ("class", "feedback/wrong_en", "feedback/nothing")}
        for out, _ in graded.values()
    )
    assert not any(JAPANESE.search(text) for _, text in english.values())
    assert {language for language, _ in japanese.values()} == {"ja"}
    assert "εが根号の外にあります" in japanese["feedback/wrong_en"][1]
    assert "εが根号の外にあります" in japanese["class"][1]
    for words in ("一覧", "第3章：正規化", "3.1 与えられた統計量による正規化", "まだ正しくない"):
        assert words in japanese["feedback/wrong_en"][1]
    assert "ノートブックが入っていません。入っているのはessay.pdfだけです" in japanese["feedback/nothing"][1]


ENGLISH = re.compile(r"\b[a-z]{3,}\b")


def test_no_english_is_left_in_the_frame_of_a_page(graded, tmp_path):
    out = graded["ja"][0]
    row = replace(graded["ja"][1]["right_ja"], notes=["late, says Canvas"])
    (tmp_path / "page.html").write_text(feedback.page(row, {}, "ja"), "utf8")
    for path in (tmp_path / "page.html", out / "class.html"):
        text = re.sub(r"\S*_(?:en|ja)\b|nothing|essay\.pdf", "", text_of(path)[1])
        assert not ENGLISH.findall(text), text


def test_a_page_tells_what_the_sandbox_and_the_reader_said_and_leaves_a_strangers_text_alone():
    ended = "the code ended its own process (out of memory, or ended on purpose)"
    told = Report("3.1", "3.1", False, None, "", [], ["x"], [("エラー", ended), ("出力", "a: b")], [], "ja")
    row = Row("Ada", "Ada", "", {}, "", "", "graded", reason="not a zip, or damaged: a.zip", notes=["from: Ada"])
    row.exercises = [ExerciseRow("3.1", Status.ERROR, 0, 5, [], None, False)]
    page = feedback.page(row, {"3.1": told}, "ja")
    assert "zipではないか、壊れています：a.zip" in page and "from: Ada" in page
    assert "コードが自分のプロセスを終了させました" in page and ended not in page and "a: b" in page
