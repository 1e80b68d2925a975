"""The built site, in a real browser: it works from a folder, offline, on a phone, in light and dark."""

import itertools
import os
import re
import zlib
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

import pytest
import yaml

from bncourse.course.paths import ROOT
from tests.links import dead_links

FAULT = re.compile(r"\\|\dex\b|\[\d")  # a command or a length that the converter took for text
WIDTHS = {"desktop": 1280, "phone": 390}


# Colours follow the scheme and not the width, so contrast, the slowest rule by far, is looked at once in each scheme.
CONTRAST = {"color-contrast": {"enabled": False}}
RULES = {
    ("desktop", "light"): {},
    ("desktop", "dark"): {"runOnly": {"type": "rule", "values": [*CONTRAST]}},
    ("phone", "light"): {"rules": CONTRAST},
    ("phone", "dark"): {"rules": CONTRAST},
}


def visit(page, url, rules):
    """Open `url` and return what happened, and what axe finds by these rules."""
    from axe_playwright_python.sync_playwright import Axe

    errors, requests = [], []
    page.on("console", lambda message: message.type == "error" and errors.append(message.text))
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("request", lambda request: requests.append(request.url))
    page.goto(url)
    seen = {
        "theme": page.evaluate("document.documentElement.dataset.theme"),
        "overflow": page.evaluate("document.documentElement.scrollWidth - innerWidth"),
        "formulas": page.locator(".math").count(),
        "set formulas": page.locator(".math > math").count(),
        "faulty formulas": [text for text in page.locator("math").all_text_contents() if FAULT.search(text)],
        "lost line breaks": page.locator("math mspace[linebreak]").count(),
    }
    # While the colours of a scheme fade in, their contrast is anything.
    page.wait_for_function("document.getAnimations().every(one => one.playState !== 'running')")
    seen |= {"errors": list(errors), "requests": list(requests)}  # what axe fetches from now on is not the page's
    found = Axe().run(page, options={"resultTypes": ["violations"], **rules}).response["violations"]
    violations = [(rule["id"], rule["nodes"][0]["html"][:160], len(rule["nodes"])) for rule in found]
    return seen | {"violations": violations}


@pytest.fixture(scope="module")
def visits(book, pages, browser):
    """What each page did, by (path, device, colour scheme)."""
    visits = {}
    for device, scheme in itertools.product(WIDTHS, ("light", "dark")):
        with browser.new_context(viewport={"width": WIDTHS[device], "height": 844}, color_scheme=scheme) as context:
            for path in [*pages, "search.html"]:
                page = context.new_page()
                visits[path, device, scheme] = visit(page, (book / path).as_uri(), RULES[device, scheme])
                page.close()
    return visits


def test_no_page_reports_an_error_to_the_console(visits):
    assert not {where: seen["errors"] for where, seen in visits.items() if seen["errors"]}


def test_no_page_asks_another_host_for_anything(visits):
    requests = [(where, url) for where, seen in visits.items() for url in seen["requests"]]
    assert not [request for request in requests if not request[1].startswith(("file:", "data:"))]


def test_a_page_fetches_one_font_at_most(visits):
    fonts = {where: {url for url in seen["requests"] if "woff" in url} for where, seen in visits.items()}
    assert not {where: urls for where, urls in fonts.items() if len(urls) > 1}


def test_a_first_visit_is_light(visits, book):
    """600 kB compressed; a rough sum over the files that a page asked for."""
    heavy = {}
    for where, seen in visits.items():
        files = {Path(url2pathname(urlsplit(url).path)) for url in seen["requests"] if url.startswith("file:")}
        weight = sum(len(zlib.compress(file.read_bytes())) for file in files if file.is_file())
        if weight > 600_000:
            heavy[where] = weight
    assert not heavy


def test_no_page_scrolls_sideways(visits):
    assert not {where: seen["overflow"] for where, seen in visits.items() if seen["overflow"] > 0}


def test_text_fits_into_320_pixels(book, pages, phone):
    """What a page that is 1280 wide has left when it is enlarged to 400 %."""
    phone.set_viewport_size({"width": 320, "height": 844})
    wide = []
    for path in pages:
        phone.goto((book / path).as_uri())
        wide += [path] * (phone.evaluate("document.documentElement.scrollWidth - innerWidth") > 0)
    assert not wide


def test_axe_finds_nothing_on_any_page(visits):
    assert not {where: seen["violations"] for where, seen in visits.items() if seen["violations"]}


def test_pages_follow_the_reader_in_light_and_dark(visits):
    assert not [where for where, seen in visits.items() if seen["theme"] != where[2]]


def test_every_formula_is_set(visits):
    assert not [where for where, seen in visits.items() if seen["lost line breaks"]]
    assert not {where: seen["faulty formulas"] for where, seen in visits.items() if seen["faulty formulas"]}
    assert not [where for where, seen in visits.items() if seen["set formulas"] != seen["formulas"]]


def test_every_picture_says_in_words_what_it_shows(pages):
    pictures = [(path, picture) for path, soup in pages.items() for picture in soup.select("article :is(img, svg)")]
    assert pictures
    assert not [(path, str(picture)[:100]) for path, picture in pictures if not (picture.get("alt") or picture.title)]


def test_no_link_inside_the_site_is_dead(book, pages):
    assert not dead_links(book, pages)


def test_the_front_door_leads_to_the_first_page(book, pages, phone):
    phone.goto((book / "index.html").as_uri())
    phone.wait_for_url((book / next(iter(pages))).as_uri())


def test_every_page_tells_search_engines_what_it_is_about(pages):
    assert not [path for path, soup in pages.items() if not soup.select('meta[name="description"]')]


def test_the_tour_comes_first_and_the_introduction_says_so_before_anything_else(pages):
    assert list(pages)[:2] == ["book/intro.html", "book/tour.html"]
    opening = pages["book/intro.html"].select_one("article h2").find_all_previous("a", href="tour.html")
    assert any(link.find_parent("article") for link in opening)


def test_the_introduction_leads_to_the_printed_course(pages):
    site = yaml.safe_load((ROOT / "_config.yml").read_text("utf8"))["html"]["baseurl"]
    assert pages["book/intro.html"].select(f'article a[href="{site}batch-normalization.pdf"]')


def test_every_page_has_a_card_an_edit_button_and_a_way_to_report(pages):
    for path, soup in pages.items():
        card = {tag["property"]: tag["content"] for tag in soup.select("meta[property]")}
        assert {"og:title", "og:description", "og:image", "og:url"} <= set(card), path
        assert all(card.values()) and card["og:url"].endswith(path)
        links = [link["href"] for link in soup.select("header a[href], .article-header-buttons a[href]")]
        assert any("/edit/main/" in link and Path(path).stem in link for link in links), path
        assert any("/issues/new" in link for link in links), path


def test_no_page_shows_a_warning_from_its_cells(pages):
    assert not [(path, tag.text) for path, soup in pages.items() for tag in soup.select(".cell_output .stderr")]


@pytest.mark.parametrize("side", ["primary", "secondary"])
def test_the_menus_open_and_close_on_a_phone(book, pages, phone, side):
    phone.goto((book / next(iter(pages))).as_uri())
    link = phone.locator(f"#pst-{side}-sidebar, #pst-{side}-sidebar-modal").locator("nav a").first
    assert not link.is_visible()
    phone.locator(f".{side}-toggle").click()
    link.wait_for(state="visible")
    phone.keyboard.press("Escape")
    link.wait_for(state="hidden")


def test_headings_nest(pages):
    for path, soup in pages.items():
        levels = [int(tag.name[1]) for tag in soup.select("article :is(h1, h2, h3, h4, h5, h6)")]
        assert levels[0] == 1 and levels.count(1) == 1, path
        assert all(after <= before + 1 for before, after in itertools.pairwise(levels)), path


def test_every_table_has_headers(pages):
    tables = [(path, table) for path, soup in pages.items() for table in soup.select("article table")]
    assert tables
    assert not [(path, table.get_text(" ", strip=True)[:60]) for path, table in tables if not table.select("thead th")]


def test_screen_readers_meet_no_empty_header_no_outdated_role_and_no_label_over_a_text(pages):
    for path, soup in pages.items():
        assert not [header for header in soup.select("article th") if not header.get_text(strip=True)], path
        assert not soup.select("[role=doc-biblioentry], .citation-list[role], summary[aria-label]"), path
    for place in ("thead td", ".citation-list .citation", "details.hide > summary"):  # where there was one
        assert any(soup.select(f"article {place}") for soup in pages.values()), place


TERMS = {
    "AdaBN": "13_transfer", "bootstrap": "07_faster_training", "covariate": "01_covariate_shift",
    "dropout": "09_regularization", "federated": "13_transfer", "folding": "10_frameworks",
    "ghost": "12_small_batches", "instance": "14_alternatives", "Keras": "10_frameworks",
    "Lipschitz": "08_deeper_smoother", "momentum": "02_mean_variance", "segmenter": "11_vision_tasks",
}  # fmt: skip


def test_search_finds_what_a_reader_would_look_for(book, pages, phone):
    for term, stem in TERMS.items():
        phone.goto(f"{(book / 'search.html').as_uri()}?q={term}")
        phone.locator(f'#search-results a[href^="book/{stem}.html"]').first.wait_for(timeout=5000)


def test_search_finds_each_page_by_a_word_of_its_title(book, pages, phone):
    errors = []
    phone.on("console", lambda message: message.type == "error" and errors.append(message.text))
    for path, soup in pages.items():
        word = max(soup.h1.find(string=True).split(), key=len)
        phone.goto(f"{(book / 'search.html').as_uri()}?q={word}")
        phone.locator(f'#search-results a[href^="{path}"]').first.wait_for(timeout=5000)
    assert not errors


def test_a_chapter_offers_its_notebook_in_colab_in_binder_and_as_a_download(book, pages, phone):
    repository = yaml.safe_load((ROOT / "_config.yml").read_text("utf8"))["repository"]["url"]
    colab = repository.replace("github.com", "colab.research.google.com/github") + "/blob/main/exercises"
    for path, soup in pages.items():
        buttons = [link["href"] for link in soup.select(".exercise-buttons a")]
        notebook = ROOT / "exercises" / f"{Path(path).stem}.ipynb"
        if not notebook.exists():
            assert not buttons
            continue
        binder = f"{repository.replace('github.com', 'mybinder.org/v2/gh')}/main?labpath=exercises%2F{notebook.name}"
        assert buttons == [f"{colab}/{notebook.name}", binder, f"../exercises/{notebook.name}"]
        phone.goto((book / path).as_uri())
        with phone.expect_download(timeout=5000) as download:
            phone.get_by_role("link", name="Download").click()
        assert download.value.suggested_filename == notebook.name
        assert Path(download.value.path()).read_bytes() == notebook.read_bytes()


def seconds(built_by, output):
    """Processor seconds of a build, which other work on the machine does not change much."""
    before = os.times()
    built = built_by(ROOT, output)
    after = os.times()
    assert built.returncode == 0, built.stderr
    used = after.children_user - before.children_user + after.children_system - before.children_system
    assert used > 1
    return used, built.stdout


def test_executed_pages_are_rendered_soon_and_an_edited_one_at_once(book, pages, built_by, tmp_path):
    whole, _ = seconds(built_by, tmp_path / "html")
    assert whole < 40
    edited = max(pages, key=lambda path: (book / path).stat().st_size)
    (ROOT / edited).with_suffix(".md").touch()
    again, told = seconds(built_by, tmp_path / "html")
    assert again < whole / 2
    assert "0 added, 1 changed, 0 removed" in told
