"""The whole course as one PDF: the built pages, one after another, without hidden code, printed by a browser."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Collection, Mapping
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urldefrag

from bncourse.course.errors import CourseError
from bncourse.publishing.site import BUILD, SITE

if TYPE_CHECKING:
    from bs4 import BeautifulSoup, Tag
    from pypdf.generic import PdfObject

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
FOOTER = '<p style="width:100%;text-align:center;font-size:8px"><span class="pageNumber"></span></p>'


def write(site: Path = SITE, output: Path = BUILD / "batch-normalization.pdf") -> Path:
    """Print the built site to `output`, with an outline and links that lead to pages of the same file; return its path.

    Raises CourseError where there is no site, no Playwright or no browser.
    """
    if not (site / "book" / "intro.html").exists():
        raise CourseError("no book to print: run 'make book' first")
    try:
        from playwright.sync_api import Error, sync_playwright
        from pypdf import PdfWriter
    except ModuleNotFoundError as error:
        raise CourseError(f"{error.name} is not installed: pip install -r requirements-test.txt") from None
    whole, content = site / "book" / "whole-course.html", joined(site)
    whole.write_text(str(content), encoding="utf-8")
    executable = next(filter(None, map(shutil.which, BROWSERS)), None)
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=executable, args=FLAGS)
            page = browser.new_page(color_scheme="light")
            page.goto(whole.as_uri(), timeout=120_000)
            printed = page.pdf(
                format="A4", margin={"top": "18mm", "bottom": "18mm", "left": "16mm", "right": "16mm"},
                outline=True, tagged=True,
                display_header_footer=True, header_template="<p></p>", footer_template=FOOTER,
            )  # fmt: skip
            browser.close()
    except Error as error:
        raise CourseError(f"no PDF was made ({str(error).splitlines()[0]}): apt-get install chromium") from None
    finally:
        whole.unlink()
    logging.getLogger("pypdf").setLevel(logging.ERROR)  # it warns of a count of objects that the browser gets wrong
    book = PdfWriter(clone_from=BytesIO(printed))
    headings = [heading.get_text() for heading in content.select("h1, h2, h3, h4")]
    name_entries(book.root_object["/Outlines"], {"".join(heading.split()): heading.strip() for heading in headings})
    book.write(output)
    return output


def name_entries(outline: PdfObject, headings: Mapping[str, str]) -> None:
    """Give the entries of an outline, at any depth, the words of the headings, {without spaces: heading}.

    The browser glues broken lines together, and may repeat them.
    """
    from pypdf.generic import DictionaryObject, NameObject, NullObject, TextStringObject

    if not isinstance(outline, DictionaryObject) or "/First" not in outline:
        return
    entry: PdfObject | None = outline["/First"]
    while isinstance(entry, DictionaryObject):
        glued = "".join(str(entry["/Title"]).split())
        title = headings.get(glued) or headings.get(glued[: len(glued) // 2]) or str(entry["/Title"])
        entry[NameObject("/Title")] = TextStringObject(title)
        name_entries(entry, headings)
        entry = entry.get("/Next", NullObject()).get_object()


def joined(site: Path) -> BeautifulSoup:
    """All pages of a built site as one, parsed, in the order of the table of contents; for a file beside them."""
    from bs4 import BeautifulSoup

    def parsed(name: str) -> BeautifulSoup:
        return BeautifulSoup((site / "book" / name).read_text(encoding="utf-8"), "html.parser")

    whole = parsed("intro.html")
    links = [str(link["href"]) for link in whole.select("nav.bd-links a[href$='.html']")]
    names = [name for name in dict.fromkeys(["intro.html", *links]) if (site / "book" / name).exists()]
    pages = whole.new_tag("main", attrs={"class": "bd-content whole-course"})
    pages.extend([article(parsed(name), name, names) for name in names])
    for script in whole.select("script"):
        script.decompose()
    assert whole.html and whole.body
    whole.html["data-theme"] = "light"
    whole.body.clear()
    whole.body.append(pages)
    return whole


def article(page: BeautifulSoup, name: str, names: Collection[str]) -> Tag:
    """The article of the page `name` without what paper cannot do, its ids and links made for the whole course."""
    (content,) = page.select("article.bd-article")
    for tag in content.select("script, .headerlink, button, .prev-next-footer, details.hide"):
        tag.decompose()
    for tag in content.select("details.claim-more"):
        tag["open"] = ""  # paper cannot unfold it
    for tag in content.select("[id]"):
        tag["id"] = anchor(name, str(tag["id"]))
    content["id"] = anchor(name)
    for tag in content.select("a[href], [href^='#']"):
        target, fragment = urldefrag(str(tag["href"]))
        if not target or target in names:
            tag["href"] = f"#{anchor(target or name, fragment)}"
        elif ":" not in target:
            del tag["href"]
    return content


def anchor(name: str, fragment: str = "") -> str:
    """The id, within the whole course, of a page or of a place in it."""
    return f"{Path(name).stem}--{fragment}" if fragment else f"page-{Path(name).stem}"
