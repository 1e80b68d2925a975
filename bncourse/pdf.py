"""The whole course as one PDF: the built pages, one after another, without hidden code, printed by a browser."""

import logging
import shutil
from io import BytesIO
from pathlib import Path
from urllib.parse import urldefrag

from bncourse.errors import CourseError
from bncourse.site import BUILD, SITE

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
FOOTER = '<p style="width:100%;text-align:center;font-size:8px"><span class="pageNumber"></span></p>'


def write(site=SITE, output=BUILD / "batch-normalization.pdf"):
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
            margin = {"top": "18mm", "bottom": "18mm", "left": "16mm", "right": "16mm"}
            printed = page.pdf(
                format="A4", margin=margin, outline=True, tagged=True,
                display_header_footer=True, header_template="<p></p>", footer_template=FOOTER,
            )  # fmt: skip
            browser.close()
    except Error as error:
        raise CourseError(f"no PDF was made ({str(error).splitlines()[0]}): apt-get install chromium") from None
    finally:
        whole.unlink()
    logging.getLogger("pypdf").setLevel(logging.ERROR)  # it warns of a count of objects that the browser gets wrong
    book = PdfWriter(clone_from=BytesIO(printed))
    _mend(book.root_object["/Outlines"]["/First"], [tag.get_text() for tag in content.select("h1, h2, h3, h4")])
    book.write(output)
    return output


def _mend(entry, headings):
    """Give the entries of an outline the headings' own words: the browser glues broken lines, and may repeat them."""
    from pypdf.generic import NameObject, TextStringObject

    known = {"".join(heading.split()): heading.strip() for heading in headings}
    while entry is not None:
        entry = entry.get_object()
        title = "".join(str(entry["/Title"]).split())
        title = known.get(title) or known.get(title[: len(title) // 2]) or str(entry["/Title"])
        entry[NameObject("/Title")] = TextStringObject(title)
        if "/First" in entry:
            _mend(entry["/First"], headings)
        entry = entry.get("/Next")


def joined(site):
    """All pages of a built site as one, parsed, in the order of the table of contents; for a file beside them."""
    from bs4 import BeautifulSoup

    def parsed(name):
        return BeautifulSoup((site / "book" / name).read_text(encoding="utf-8"), "html.parser")

    first = parsed("intro.html")
    names = ["intro.html", *dict.fromkeys(link["href"] for link in first.select("nav.bd-links a[href]"))]
    names = [name for name in dict.fromkeys(names) if name.endswith(".html") and (site / "book" / name).exists()]
    body = first.new_tag("main", attrs={"class": "bd-content whole-course"})
    for name in names:
        article = parsed(name).select_one("article.bd-article")
        article["id"] = place(name)
        for tag in article.select("script, .headerlink, button, .prev-next-footer, details.hide"):
            tag.decompose()
        for tag in article.select("[id]"):
            if tag is not article:
                tag["id"] = place(name, tag["id"])
        for tag in article.select("[href^='#']"):
            tag["href"] = f"#{place(name, tag['href'][1:])}"
        for tag in article.select("a[href]"):
            target, fragment = urldefrag(tag["href"])
            if target in names:
                tag["href"] = f"#{place(target, fragment)}"
            elif ":" not in target and target:
                del tag["href"]
        body.append(article)
    for tag in first.select("script"):
        tag.decompose()
    first.html["data-theme"] = "light"
    first.body.clear()
    first.body.append(body)
    return first


def place(name, fragment=""):
    """The id, within the whole course, of a page or of a place in it."""
    return f"{Path(name).stem}--{fragment}" if fragment else f"page-{Path(name).stem}"
