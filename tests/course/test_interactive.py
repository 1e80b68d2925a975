"""Figures to play with and questions in the page: by keyboard alone, without scripts, with storage blocked."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from bncourse.course import curriculum
from bncourse.course.errors import CourseError
from bncourse.course.paths import ROOT
from bncourse.publishing import pdf
from tests.cards import wait_for_text

FIGURES = ROOT / "book" / "_static" / "figures"
STORED = "localStorage.getItem('bncourse-answered')"
BLOCKED = "Object.defineProperty(window, 'localStorage', {get() { throw new DOMException('blocked'); }})"
FULL = "Storage.prototype.setItem = () => { throw new DOMException('full'); }"
SET = """(inputs, value) => inputs.forEach((input) => {
    input.type = "text"; input.value = value; input.dispatchEvent(new Event("input"));
})"""
PRINT = "import sys, pathlib; from bncourse.publishing import pdf; pdf.write(*map(pathlib.Path, sys.argv[1:]))"


@pytest.fixture(scope="session")
def figures(pages):
    """(path of the page, name of the figure) of each figure that can be played with."""
    return [(path, tag["data-figure"]) for path, soup in pages.items() for tag in soup.select("figure.live")]


@pytest.fixture
def quiz_page(pages):
    """A page with questions."""
    return next(path for path, soup in pages.items() if soup.select("form.quiz"))


def test_the_course_has_its_figures_and_each_is_small(figures):
    names = {name for _, name in figures}
    assert names >= {"shift", "batch_mean", "pipeline", "backward", "rates", "heatmap", "batch_size", "axes"}
    assert {path.stem for path in FIGURES.glob("*.js")} >= names
    assert not {path.name: path.stat().st_size for path in FIGURES.glob("*.js") if path.stat().st_size >= 8192}


def test_each_slider_is_driven_by_the_keyboard_and_the_summary_follows(book, figures, phone):
    errors = []
    phone.on("pageerror", lambda error: errors.append(str(error)))
    for path, name in figures:
        if name == "playground":
            continue  # it has a clock of its own: test_playground.py
        phone.goto((book / path).as_uri())
        figure = phone.locator(f"figure.live[data-figure={name}]").first
        summary, changed = figure.locator(".summary"), set()
        for slider in figure.locator("input[type=range]").all():
            slider.focus()
            for key in ("Home", "ArrowRight", "End"):
                phone.keyboard.press(key)
                changed.add(summary.inner_text())
        for select in figure.locator("select").all():
            for place in range(select.locator("option").count()):
                select.select_option(index=place)
                changed.add(summary.inner_text())
        assert len(changed) >= 3, (path, name)
        assert not [text for text in changed if re.search(r"NaN|undefined|Infinity", text)], (path, name)
        assert not re.search(r"NaN|undefined|Infinity", figure.locator("svg").first.evaluate("svg => svg.outerHTML"))
    assert not errors


def test_figures_take_any_value(book, figures, phone):
    errors = []
    phone.on("pageerror", lambda error: errors.append(str(error)))
    for path, name in figures:
        phone.goto((book / path).as_uri())
        figure = phone.locator(f"figure.live[data-figure={name}]").first
        for value in ("", "abc", "1e999", "-5", "0.5", "NaN"):
            figure.locator("input").evaluate_all(SET, value)
            assert not re.search(r"NaN|undefined|Infinity", figure.locator(".summary").inner_text()), (name, value)
            drawing = figure.locator("svg").first.evaluate("svg => svg.outerHTML")
            assert not re.search(r"NaN|undefined|Infinity", drawing), (name, value)
    assert not errors


def test_without_scripts_still_pictures_answers_and_reasons_are_there(book, figures, quiz_page, browser):
    with browser.new_context(java_script_enabled=False) as context:
        page = context.new_page()
        for path, name in figures:
            page.goto((book / path).as_uri())
            still = page.locator(f"figure.live[data-figure={name}] .still").first
            assert still.is_visible() and still.locator("svg, img").count() == 1, (path, name)
        page.goto((book / quiz_page).as_uri())
        for why in page.locator("form.quiz .why").all():
            assert why.is_visible() and why.inner_text().strip()
        for quiz in page.locator("form.quiz").all():
            marked = quiz.locator(".answer:has(.mark)")
            assert marked.locator("input").get_attribute("value") == quiz.get_attribute("data-right")


def test_a_drawing_without_scripts_is_the_figure_at_its_start(book, phone):
    phone.set_viewport_size({"width": 1280, "height": 900})
    phone.goto((book / "book/intro.html").as_uri())
    drawn = phone.locator("figure.live > svg").first.inner_html()
    still = phone.locator("figure.live .still svg").first.inner_html()
    assert still.partition("</title>")[2] == drawn


def answer(page, quiz, right):
    """Walk to a question by Tab, choose an answer by arrow keys, submit by Tab and Enter; returns what is told."""
    radios = quiz.locator("input[type=radio]")
    place = int(quiz.get_attribute("data-right")) - 1
    wanted = place if right else (place + 1) % radios.count()
    radios.first.focus()
    page.keyboard.press("Space")
    for _ in range(wanted):
        page.keyboard.press("ArrowDown")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    return quiz.locator("output").inner_text()


def test_a_question_is_answered_by_keyboard_alone_and_explains_a_wrong_answer(book, quiz_page, phone):
    phone.goto((book / quiz_page).as_uri())
    quiz = phone.locator("form.quiz").first
    told = answer(phone, quiz, right=False)
    assert told.startswith("Not this one.") and len(told) > 30
    assert phone.evaluate(STORED) is None
    told = answer(phone, quiz, right=True)
    assert told.startswith("Right.") and told.count("Right") == 1 and len(told) > 20
    assert list(json.loads(phone.evaluate(STORED)).values()) == [True]
    phone.reload()
    wait_for_text(quiz.locator("output"), "Answered before.")
    phone.goto((book / "book/intro.html").as_uri())
    wait_for_text(phone.locator(f".answered[data-page='{Path(quiz_page).stem}']"), "1 of")


def test_the_map_follows_what_is_answered_in_another_tab(site, quiz_page, context):
    map_, other = context.new_page(), context.new_page()
    map_.goto(f"{site}/book/intro.html")
    told = map_.locator(f".answered[data-page='{Path(quiz_page).stem}']")
    wait_for_text(told, "0 of")
    other.goto(f"{site}/{quiz_page}")
    answer(other, other.locator("form.quiz").first, right=True)
    wait_for_text(told, "1 of")


@pytest.mark.parametrize("storage", [BLOCKED, FULL], ids=["blocked", "full"])
def test_a_page_works_where_the_browser_stores_nothing(book, quiz_page, browser, storage):
    with browser.new_context(viewport={"width": 390, "height": 844}, color_scheme="light") as context:
        context.add_init_script(storage)
        page, errors = context.new_page(), []
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto((book / quiz_page).as_uri())
        assert answer(page, page.locator("form.quiz").first, right=True).startswith("Right.")
        page.locator(".primary-toggle").click()
        page.locator("#pst-primary-sidebar-modal nav a").first.wait_for(state="visible")
        page.keyboard.press("Escape")
        page.locator(".theme-switch-button").first.press("Enter")
        page.wait_for_function("document.documentElement.dataset.mode !== 'auto'")
        assert not errors


def test_each_chapter_asks_two_questions_and_each_answer_has_a_reason(pages):
    for chapter in curriculum.chapters():
        quizzes = pages[f"book/{chapter}.html"].select("form.quiz")
        assert len(quizzes) >= 2, chapter
        for quiz in quizzes:
            reasons = [why.get_text(strip=True) for why in quiz.select(".why")]
            assert len(reasons) >= 3 and all(reasons) and len(set(reasons)) == len(reasons), (chapter, quiz["id"])
            assert ["Right" in reason for reason in reasons].count(True) == 1, (chapter, quiz["id"])


@pytest.mark.needs_browser
def test_the_course_is_one_pdf_with_an_outline_and_no_path_of_this_machine(book, pages, tmp_path):
    from pypdf import PdfReader

    # In a process of its own, since this one drives a browser already.
    subprocess.run([sys.executable, "-c", PRINT, str(book), str(tmp_path / "course.pdf")], cwd=ROOT, check=True)
    reader = PdfReader(tmp_path / "course.pdf")
    assert len(reader.pages) > 2 * len(pages)
    texts = [" ".join(page.extract_text().split()) for page in reader.pages]
    assert not [number for number, text in enumerate(texts, start=1) if len(text) < 20]
    answers = [label.get_text() for soup in pages.values() for label in soup.select("form.quiz label")]
    plain = [" ".join(answer.split()) for answer in answers if answer.isascii() and "ff" not in answer]
    assert sum(any(answer in text for text in texts) for answer in plain) > 0.9 * len(plain) > 50
    titles = [entry.title for entry in reader.outline if not isinstance(entry, list)]
    assert {soup.h1.find(string=True).strip() for soup in pages.values()} <= {title.strip() for title in titles}
    notes = [note.get_object() for page in reader.pages for note in page.get("/Annots", [])]
    links = [note.get("/A", {}).get("/URI", "") for note in notes]
    assert any(links) and not [link for link in links if link.startswith("file:")]


def test_a_pdf_without_a_site_says_what_to_run(tmp_path):
    with pytest.raises(CourseError, match="run 'make book' first"):
        pdf.write(tmp_path)
