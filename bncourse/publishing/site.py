"""Build the book, in each language, into a folder of pages that need no network; serve it to this machine's browser."""

import os
import shutil
import sys
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from bncourse.course.errors import CourseError
from bncourse.course.language import ENGLISH, LOCALE
from bncourse.course.paths import ROOT, shown

BUILD = ROOT / "_build"
SITE = BUILD / "html"
CACHE = BUILD / ".jupyter_cache"  # the outputs of pages
CONFIG = ROOT / "_config.yml"
PROCESSES = min(4, os.cpu_count() or 1)  # each may hold a network and its data: more of them need much memory


def build_all(languages: Sequence[str], cards: bool = True) -> Path:
    """Build the book in these languages, English at the root of the site, each other in a folder; its first page.

    English pages are executed; the others take the outputs that these left in the cache. The languages that are not
    asked for are not on the site afterwards.
    """
    first = SITE / "index.html"
    for other in LOCALE.glob("*"):
        shutil.rmtree(SITE / other.name, ignore_errors=True)
    if ENGLISH in languages:
        build(cards=cards, languages=languages)
    for language in languages:
        if language == ENGLISH:
            continue
        apart = BUILD / language / "html"
        build(output=apart, cards=cards, language=language, languages=languages)
        shutil.copytree(apart, SITE / language)
        first = first if ENGLISH in languages else SITE / language / "index.html"
    return first


def build(
    strict: bool = True,
    output: Path = SITE,
    cards: bool = True,
    builder: str = "html",
    language: str = ENGLISH,
    languages: Sequence[str] = (ENGLISH,),
) -> Path:
    """Execute and render the book into `output`; return the path of its index.html.

    Pages link to themselves in the other `languages`, which lie beside them on the site.

    `cards` says whether exercises are solved in the page as well. With `strict`, a warning fails the build.
    Executed pages are kept in `_build/.jupyter_cache`, whatever `output` is.
    Raises CourseError if the build fails; what was wrong is printed before that.
    """
    if not CONFIG.exists():
        raise CourseError(f"{CONFIG} is missing: build the book from a clone of the course")
    # jsonschema would compile this grammar of web addresses for a second and a half; no notebook has a field for it.
    sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]
    try:
        import yaml
        from jupyter_book.sphinx import build_sphinx
    except ModuleNotFoundError as error:
        raise CourseError(f"{error.name} is not installed: pip install -r requirements.txt") from None
    doctrees = _fresh_unless_clean(output.parent / ".doctrees")
    if (output / "_static").is_file():  # the logo, which a build that failed early leaves in the folder's place
        (output / "_static").unlink()
    settings = {
        "exercise_cards": cards,
        "external_toc_path": "_toc.yml",
        "latex_individualpages": False,
        "nb_execution_cache_path": str(CACHE),
        # A strict build names every page with a failing cell, since the warning fails it; else the first one stops it.
        "nb_execution_raise_on_error": not strict,
        "nitpicky": strict,
        "language": language,
        "course_languages": [*languages],
    }
    options = {"doctreedir": doctrees, "warningiserror": strict, "keep_going": True, "jobs": PROCESSES}
    try:
        failed = build_sphinx(
            ROOT, output, noconfig=True, path_config=CONFIG, confoverrides=settings, builder=builder, **options
        )
    except yaml.YAMLError as error:
        raise CourseError(f"{shown(CONFIG)} cannot be read: {' '.join(str(error).split())}") from None
    if failed:
        raise CourseError("the book was not built: see the messages above")
    (doctrees / "clean").touch()
    return output / "index.html"


def _fresh_unless_clean(doctrees: Path) -> Path:
    """Sphinx's memory of the last build, emptied unless that build succeeded; marked as unfinished until this one does.

    Sphinx warns about a page when it reads it, and does not read an unchanged page again: the build after a
    failed one would succeed with nothing mended.
    """
    try:
        doctrees.mkdir(parents=True, exist_ok=True)
        if not (doctrees / "clean").exists():
            shutil.rmtree(doctrees)
        (doctrees / "clean").unlink(missing_ok=True)
    except OSError as error:
        raise CourseError(f"cannot write to {shown(doctrees.parent)}: {error.strerror}") from None
    return doctrees


def serve(port: int = 8000) -> None:
    """Serve the built book at http://localhost:PORT until interrupted."""
    if not (SITE / "index.html").exists():
        raise CourseError(f"no book in {shown(SITE)}: run 'make book' first")
    try:
        server = ThreadingHTTPServer(("127.0.0.1", port), partial(SimpleHTTPRequestHandler, directory=SITE))
    except OSError as error:
        raise CourseError(f"cannot serve at port {port} ({error.strerror}): choose another with --port") from None
    print(f"http://localhost:{port}  (stop with Ctrl+C)", flush=True)
    with server, suppress(KeyboardInterrupt):
        server.serve_forever()
