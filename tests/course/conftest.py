"""What several tests of the course share."""

import gc
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import threading
from functools import partial
from http.server import ThreadingHTTPServer

import pytest
import yaml
from bs4 import BeautifulSoup
from filelock import FileLock

from bncourse.course.paths import EXERCISES, ROOT
from bncourse.publishing import pdf
from tests.cards import Site

BUILD = "import sys, pathlib; from bncourse.publishing.site import build; build(output=pathlib.Path(sys.argv[1]))"


def build_book(folder, output):
    """Build the book of a checkout in a process of its own, and return what came of it."""
    command = [sys.executable, "-c", BUILD, str(output)]
    environment = os.environ | {"PYTHONPATH": str(folder)}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)


@pytest.fixture(scope="session")
def built_by():
    """built_by(folder, output) builds the book of a checkout."""
    return build_book


@pytest.fixture(scope="session")
def book(tmp_path_factory):
    """Folder of the site: every page rendered, warnings as errors, executed only where the cache is out of date.

    It is built once, by whichever process of the tests needs it first; the others wait for it and take the same.
    """
    own = tmp_path_factory.getbasetemp()
    shared = own.parent if "PYTEST_XDIST_WORKER" in os.environ else own
    folder = shared.resolve() / "book" / "html"
    with FileLock(f"{folder.parent}.lock"):
        if not (folder.parent / "built").exists():
            built = build_book(ROOT, folder)
            assert built.returncode == 0, built.stdout[-2000:] + built.stderr[-4000:]
            (folder.parent / "built").touch()
    return folder


@pytest.fixture(scope="session")
def pages(book):
    """The pages of the table of contents, parsed, by their paths within the site."""
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text("utf8"))
    names = [toc["root"], *(chapter["file"] for chapter in toc["chapters"])]
    soups = {f"{name}.html": BeautifulSoup((book / f"{name}.html").read_text("utf8"), "html.parser") for name in names}
    gc.freeze()  # millions of objects, in which no collection need look for garbage
    return soups


@pytest.fixture(scope="session")
def browser():
    # Neither is skipped over when missing: a site that nobody opened has not been tested.
    if importlib.util.find_spec("playwright") is None:
        pytest.fail("playwright is not installed: pip install -r requirements.txt -c constraints.txt")
    from playwright.sync_api import Error, sync_playwright

    executable = next(filter(None, map(shutil.which, pdf.BROWSERS)), None)
    with sync_playwright() as playwright:
        try:
            browser = playwright.chromium.launch(executable_path=executable, args=pdf.FLAGS)
        except Error:
            pytest.fail("no browser found: apt-get install chromium, or python -m playwright install chromium")
        yield browser
        browser.close()


@pytest.fixture
def phone(browser):
    with browser.new_context(viewport={"width": 390, "height": 844}) as context:
        yield context.new_page()


@pytest.fixture(scope="session")
def serve():
    """serve(folder) -> the address at which a server of its own shows it."""
    servers = []

    def started(folder):
        servers.append(ThreadingHTTPServer(("127.0.0.1", 0), partial(Site, directory=folder)))
        threading.Thread(target=servers[-1].serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{servers[-1].server_port}", servers[-1]

    yield started
    for server in servers:
        server.shutdown()


@pytest.fixture(scope="session")
def site(serve, book):
    return serve(book)[0]


@pytest.fixture
def context(browser):
    with browser.new_context(viewport={"width": 1280, "height": 900}) as context:
        context.set_default_timeout(90_000)
        yield context
        context.unroute_all(behavior="ignoreErrors")  # an answer that is still on its way would fail the next test


@pytest.fixture
def notebook(tmp_path):
    """notebook("03_normalize", {"ex-3-1": source}) writes a notebook filled in like that; None deletes a cell."""

    def fill(chapter, cells, name=None):
        content = json.loads((EXERCISES / f"{chapter}.ipynb").read_text(encoding="utf-8"))
        content["cells"] = [cell for cell in content["cells"] if cells.get(cell["id"], "") is not None]
        for cell in content["cells"]:
            cell["source"] = cells.get(cell["id"], cell["source"])
        path = tmp_path / (name or f"{chapter}.ipynb")
        path.write_text(json.dumps(content), encoding="utf-8")
        return path

    return fill
