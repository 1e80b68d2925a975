"""The Japanese edition of the site: built strictly, searched in Japanese, and leading to the same page in English."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from bs4 import BeautifulSoup
from filelock import FileLock

from bncourse.course.language import folder_of, read
from bncourse.course.paths import ROOT
from bncourse.publishing import messages, pictures, sentences, translations
from tests.links import dead_links

BUILD = (
    "import sys, pathlib; from bncourse.publishing.site import build; "
    "build(output=pathlib.Path(sys.argv[1]), language='ja', languages=['en', 'ja'])"
)
ENGLISH, JAPANESE = re.compile(r"[a-z]{3,}"), re.compile("[\u3040-\u30ff]")
TRANSLATED = sorted(path.stem for path in (folder_of("ja") / "book").glob("*.po"))


@pytest.fixture(scope="session")
def japanese(book):
    """Folder of the Japanese site, built from what the English one left in the cache; by one process for all."""
    folder = book.parent / "ja" / "html"
    folder.parent.mkdir(exist_ok=True)
    with FileLock(f"{folder.parent}.lock"):
        if not (folder.parent / "built").exists():
            (folder_of("ja") / "booktheme.mo").unlink(missing_ok=True)  # as in a new clone
            command = [sys.executable, "-c", BUILD, str(folder)]
            environment = os.environ | {"PYTHONPATH": str(ROOT)}
            done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
            assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
            assert "executing" not in done.stdout, "the Japanese edition takes the outputs of the English one"
            (folder.parent / "built").touch()
    return folder


@pytest.fixture(scope="session")
def soups(japanese):
    return {path.stem: BeautifulSoup(path.read_text("utf8"), "html.parser") for path in japanese.glob("book/*.html")}


@pytest.mark.parametrize("term", ["正規化", "移動平均", "標準偏差", "層"])
def test_search_finds_japanese_words(japanese, phone, term):
    phone.goto(f"{(japanese / 'search.html').as_uri()}?q={term}")
    phone.locator('#search-results a[href^="book/"]').first.wait_for(timeout=15_000)


def test_a_page_leads_to_itself_in_english(soups):
    for name, soup in soups.items():
        assert soup.html["lang"] == "ja"
        assert [link["href"] for link in soup.select("a.language-switch")] == [f"../../book/{name}.html"]
        assert soup.select_one('link[rel="canonical"]')["href"].endswith(f"/ja/book/{name}.html")
        assert {link["hreflang"] for link in soup.select('link[rel="alternate"]')} == {"en", "ja"}


def test_menus_buttons_and_links_to_a_place_have_japanese_names(soups):
    for name, soup in soups.items():
        tags = [tag for kind in ("nav", "button", "a.headerlink") for tag in soup.select(kind)]
        named = [tag[kind] for tag in tags for kind in ("aria-label", "title") if tag.has_attr(kind)]
        assert len(named) > 5
        assert not [text for text in named if not re.search(translations.JAPANESE, text)], name
        assert "修正を提案" in soup.select_one(".dropdown-source-buttons").get_text()


def test_no_link_inside_the_japanese_site_is_dead(japanese, soups):
    pages = {f"book/{name}.html": soup for name, soup in soups.items()}
    assert not dead_links(japanese, pages, but=".language-switch")  # which leads out of this folder


def test_a_page_without_a_translation_is_in_english_and_says_so(soups):
    for name, soup in soups.items():
        if name not in (*TRANSLATED, "references"):
            assert soup.select_one(".untranslated") and soup.select_one(
                'article [lang="en"] h1, [lang="en"] article h1'
            )


@pytest.mark.parametrize("name", sorted({*TRANSLATED} - {"references"}))  # titles of papers stay as they are
def test_a_translated_page_has_no_english_paragraph(soups, name):
    assert not soups[name].select(".untranslated")
    paragraphs = [part.get_text() for part in soups[name].select("article p") if not part.find_parent(class_="cell")]
    assert not [text for text in paragraphs if len(ENGLISH.findall(text)) > 8 and not JAPANESE.search(text)]


def test_no_cell_puts_english_words_into_a_sentence(soups):
    word, names = re.compile("(?<![A-Za-z0-9.])[a-z]{3,}(?![A-Za-z0-9])"), {"cpu", "cuda", "mps", "nan", "inf"}
    texts = [(name, part.get_text()) for name in TRANSLATED for part in soups[name].select("article .pasted-text")]
    assert len(texts) > 1000 and any("これらのシードからは" in text for _, text in texts)
    assert not [(name, text) for name, text in texts if {*word.findall(text)} - names]


def test_the_ledger_says_in_japanese_what_was_compared(soups, pages):
    assert not [text for text in (part.get_text() for part in soups["ledger"].select("p.verdict")) if ". " in text]
    rows = "table.ledger-evidence tbody tr"
    compared = [row.select_one("td").get_text() for row in soups["ledger"].select(rows)]
    assert len(compared) == len(pages["book/ledger.html"].select(rows)) > 0
    assert not [text for text in compared if not JAPANESE.search(text)]


NAMES = re.compile(r"PyTorch|Keras|Welford|tanh|float\d+|GroupNorm|eval\(\)")  # the same in all languages


def catalogue_of(page):
    return folder_of("ja") / "figures" / f"{page.stem}.po"


@pytest.fixture(scope="module")
def executed(book):
    """Each page that kept figures, and its cells with their outputs."""
    return {page: cells for page, cells in messages.executed_pages() if any(sentences.kept_in(cells))}


@pytest.fixture(scope="module")
def labels(executed):
    """What the figures of each page say."""
    return {page: list(sentences.of_figures(page, cells)) for page, cells in executed.items()}


def test_every_word_in_a_figure_is_in_japanese(labels):
    assert len(labels) > 15
    english = []
    for page, found in labels.items():
        words = read(catalogue_of(page)) if catalogue_of(page).is_file() else {}
        texts = [label.text for label in found if translations.has_words(label.text)]
        english += [(page.stem, text) for text in texts if text not in words]
        for text in (text for text in texts if ENGLISH.search(NAMES.sub("", text))):
            if not re.search(translations.JAPANESE, words.get(text, "")):
                english.append((page.stem, text))
    assert not english, "run `make messages`, and translate these"


def test_catalogues_of_figures_are_what_the_command_would_write(labels, tmp_path, monkeypatch):
    monkeypatch.setattr(messages, "folder_of", lambda code: tmp_path)
    (tmp_path / "figures").mkdir()
    for page, found in labels.items():
        copy = shutil.copy(catalogue_of(page), tmp_path / "figures")
        messages.update("ja", f"figures/{page.stem}", found)
        assert Path(copy).read_bytes() == catalogue_of(page).read_bytes(), "run `make messages`"


def test_the_site_shows_the_figures_that_were_drawn_again(executed, soups, pages):
    for page, cells in executed.items():
        drawn = [pictures.in_language(figure, catalogue_of(page)) for figure in sentences.kept_in(cells)]
        languages = pages[f"book/{page.stem}.html"], soups[page.stem]
        english, japanese = ({image["src"] for image in soup.select(".cell_output img")} for soup in languages)
        assert len(japanese - english) == len([*filter(None, drawn)]), page.stem


def test_a_page_weighs_little_more_in_japanese(soups, book, japanese):
    for name in soups:
        english, other = ((site / f"book/{name}.html").stat().st_size for site in (book, japanese))
        assert other - english < 40_000, name  # the kept figures stay in the cache


def test_figures_and_questions_speak_japanese(japanese, phone):
    phone.goto((japanese / "book/03_normalize.html").as_uri())
    phone.locator("figure.live .summary").first.wait_for()
    assert "標準偏差" in phone.locator("figure.live .summary").first.inner_text()
    question = phone.locator("form.quiz").first
    question.locator("button").click()
    assert question.locator("output").inner_text() == "先に答えを選んでください。"


def test_a_solved_exercise_is_marked_in_japanese_and_style_sheets_say_no_word(soups):
    points = soups["03_normalize"].select("details.exercise > summary .points")
    assert len(points) == 4 and {tag["data-solved"] for tag in points} == {"正解 ✓"}
    sheets = "".join(path.read_text("utf8") for path in (ROOT / "book/_static").rglob("*.css"))
    assert "attr(data-solved)" in sheets and not re.findall(r'content: *"[^"]*[a-z]{2}', sheets)


def test_the_printed_course_has_japanese_letters(japanese, browser, tmp_path):
    from pypdf import PdfReader

    page = browser.new_page()
    page.goto((japanese / "book/glossary.html").as_uri())
    (tmp_path / "page.pdf").write_bytes(page.pdf())
    page.close()
    assert "正規化" in "".join(sheet.extract_text() for sheet in PdfReader(tmp_path / "page.pdf").pages)


def test_each_page_fits_a_narrow_phone_and_axe_finds_nothing_on_it(japanese, soups, phone):
    from axe_playwright_python.sync_playwright import Axe

    phone.set_viewport_size({"width": 320, "height": 844})
    axe, found = Axe(), {}
    phone.on("pageerror", lambda error: found.setdefault(phone.url, []).append(str(error)))
    options = {"resultTypes": ["violations"], "rules": {"color-contrast": {"enabled": False}}}  # looked at in English
    for name in soups:
        phone.goto((japanese / f"book/{name}.html").as_uri())
        wide = phone.evaluate("document.documentElement.scrollWidth - innerWidth") > 0
        violations = axe.run(phone, options=options).response["violations"]
        if wide or violations:
            found[name] = wide, [(one["id"], one["nodes"][0]["html"][:160]) for one in violations]
    assert not found
