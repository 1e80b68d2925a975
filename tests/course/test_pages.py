"""Every page: its form is that of the style guide."""

import contextlib
import io
import re

import pytest

from bncourse.course import curriculum
from bncourse.course.paths import ROOT
from tests.course.pages import CHAPTERS, TOUR, cells_of

every_chapter = pytest.mark.parametrize("page", CHAPTERS, ids=lambda page: page.stem)
every_page = pytest.mark.parametrize("page", [*CHAPTERS, TOUR], ids=lambda page: page.stem)
HIDDEN = {"hide-input", "remove-input", "hide-cell", "remove-cell"}


@every_chapter
def test_page_makes_the_closing_moves(page):
    text = page.read_text(encoding="utf-8")
    headings = re.findall(r"^## (.+)$", text, re.M)
    assert headings[-3:] == ["Pitfalls", "Your turn", "In short"]
    assert "What this does not show" in text
    assert re.search(r"\*\*Predict", text)


@every_chapter
def test_page_names_each_exercise_of_its_chapter(page):
    turn = page.read_text(encoding="utf-8").split("## Your turn")[1]
    for exercise in curriculum.of_chapter(page.stem):
        assert f"| {exercise.id} " in turn


@every_chapter
def test_page_says_how_many_points_and_minutes_its_exercises_have_in_all(page):
    turn = page.read_text(encoding="utf-8").split("## Your turn")[1]
    *rows, total = [line.strip("| ").split("|") for line in turn.splitlines() if re.match(r"\| (\d+\.\d|in all)", line)]
    exercises = list(curriculum.of_chapter(page.stem))
    points, bonus = (sum(each.points for each in exercises if each.bonus is extra) for extra in (False, True))
    assert int(total[-1]) == sum(int(row[-1]) for row in rows)
    assert len(rows) == len(exercises)
    assert re.findall(r"\d+", " ".join(total[1:-1])) == [str(points)] + [str(bonus)] * bool(bonus)


@every_page
def test_every_figure_has_an_alternative_text_and_a_caption(page):
    for source in re.findall(r"```\{code-cell\}.*?\n(.*?)```", page.read_text(encoding="utf-8"), re.S):
        if re.search(r"plt\.(subplots|show)|image_strip", source):
            assert "alt:" in source, source
            assert "caption:" in source, source


@pytest.mark.parametrize("page", sorted(ROOT.glob("book/*.md")), ids=lambda page: page.stem)
def test_no_line_of_prose_is_lost_as_a_comment(page):
    """A line that begins with % is a comment: a wrapped "12 %" would take the rest of its line with it."""
    prose = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.S | re.M)
    assert not re.findall(r"^%.*", prose, re.M)


def to_read(page):
    """The cells of a page that its readers see."""
    return [
        cell.source
        for cell in cells_of(page)
        if cell.cell_type == "code" and HIDDEN.isdisjoint(cell.metadata.get("tags", []))
    ]


def words_of(page):
    """What readers of a page read, captions and tables too: without code, formulas, addresses and names of roles."""
    text = page.read_text(encoding="utf-8").split("\n---\n", 1)[1]
    captions = re.findall(r"^: *caption: (.*)$", text, re.M)
    prose = re.sub(r"```\{code-cell\}.*?\n```$|\$\$.*?\$\$", "", text, flags=re.S | re.M)
    prose = re.sub(r"^```.*$|^:.*$|\]\([^)]*\)|\{[\w:]+\}| <[^>`]*>", "", prose, flags=re.M)
    return re.findall(r"[^\W_][\w.,’'-]*", " ".join([prose, *captions]))


def main_text_of(page):
    """The words of a page's main text: tables, figures, questions and what stands behind For the curious left out."""
    text = page.read_text(encoding="utf-8").split("\n---\n", 1)[1]
    text = re.sub(r"^## For the curious\n.*?(?=^## )", "", text, flags=re.S | re.M)
    text = re.sub(r"^```.*?^```$|^\$\$\n.*?^\$\$", "", text, flags=re.S | re.M)
    text = re.sub(r"^\|.*$", "", text, flags=re.M)
    text = re.sub(r"\{glue:text\}`[^`]*`|\$[^$\n]+\$", "number", text)
    chosen = re.compile(r"\{(?:sign|decided)\}`[^`?]* \? ([^`]*)`")  # what decides is not shown, one sentence is
    text = chosen.sub(lambda choice: max(choice[1].split("|"), key=len), text)
    text = re.sub(r"\]\([^)]*\)|\{[\w:]+\}| <[^>`]*>", "", text)
    return re.findall(r"[^\W_][\w.,’'-]*", text)


@every_chapter
def test_a_chapter_is_one_sitting(page):
    assert len(main_text_of(page)) <= (1400 if page.stem < "06" else 2500)


BOOKKEEPING = re.compile(r"\b(?:measured|evidence|parity|recorded|costs|glue)\(")


@every_page
def test_a_cell_that_a_page_shows_is_short_and_enters_nothing_into_the_ledger(page):
    for source in to_read(page):
        assert source.count("\n") < 30 and not BOOKKEEPING.search(source), source


LINK = re.compile(r"\{term\}`([^`<]*?)(?:\s*<([^`>]*)>)?`")
NO_TEXT = re.compile(r"\{[\w:]+\}`[^`]*`|`[^`]*`|\$[^$]*\$|\[[^\]]*\]\([^)]*\)")


def glossary():
    """The terms of the glossary, longer ones first."""
    text = (ROOT / "book" / "glossary.md").read_text(encoding="utf-8")
    entries = re.search(r"^```\{glossary\}\n(.*?)^```$", text, re.S | re.M)[1]
    return sorted(re.findall(r"^\S.*$", entries, re.M), key=len, reverse=True)


def not_linked(text, terms):
    """The terms that a text uses before it links to them; a term inside a longer one is no use of it."""
    text = " ".join(text.split())
    linked = {}
    for link in LINK.finditer(text):
        linked.setdefault((link[2] or link[1]).lower(), link.start())
    plain = NO_TEXT.sub(lambda match: " " * len(match[0]), text)
    found = []
    for term in terms:
        word = re.compile(rf"(?<![\w-]){re.escape(term)}(?:s|es)?(?![\w-])", re.I)
        first = word.search(plain)
        if first and first.start() < linked.get(term.lower(), len(text)):
            found.append(term)
        plain = word.sub(lambda match: " " * len(match[0]), plain)
    return found


@every_page
def test_a_term_is_linked_to_the_glossary_where_a_page_first_uses_it(page):
    text = page.read_text(encoding="utf-8").split("\n---\n", 1)[1]
    text = re.sub(r"^## Your turn\n.*?(?=^## )|^```.*?^```$|^\$\$.*?^\$\$[^\n]*$", "", text, flags=re.S | re.M)
    text = re.sub(r"^[|#:(].*$", "", text, flags=re.M)
    terms = glossary()
    assert len(terms) > 50
    assert not not_linked(text, terms)


def test_a_term_that_is_used_before_its_link_is_found():
    terms = ["batch normalization", "batch"]
    assert not_linked("A {term}`batch` of two: a batch normalization.", terms) == ["batch normalization"]
    assert not_linked("Batches, and only then a {term}`mini-batch <batch>`.", terms) == ["batch"]
    assert not_linked("{term}`Batch normalization <batch normalization>` of `batch` and $batch$.", terms) == []


def test_the_tour_is_one_sitting():
    assert 600 < len(words_of(TOUR)) <= 1200
    assert 2 <= TOUR.read_text(encoding="utf-8").count("caption:") <= 5


@pytest.mark.parametrize("source", to_read(TOUR), ids=range(len(to_read(TOUR))))
def test_a_cell_that_the_tour_shows_fits_on_a_screen_and_runs_alone(source, monkeypatch):
    """So that a reader can take it away: it uses nothing of the cells before it, nor of the course."""
    monkeypatch.setenv("KERAS_BACKEND", "torch")
    assert source.count("\n") < 30 and "bncourse" not in source
    with contextlib.redirect_stdout(io.StringIO()):
        exec(compile(source, "a cell of the tour", "exec"), {"__name__": "__main__"})


def test_the_tour_shows_cells_in_numpy_pytorch_and_keras():
    imports = " ".join(re.findall(r"^import (\w+)", "\n".join(to_read(TOUR)), re.M))
    assert {"numpy", "torch", "keras"} <= set(imports.split())
