"""Exercises in the page where code is hostile, where nothing is stored, without a network, and on two pages at once."""

import shutil

import pytest

from bncourse.publishing import pdf
from tests.cards import RIGHT, WRONG, Card, Site, opened, wait_for_text

BLOCKED = "Object.defineProperty(window, 'localStorage', {get() { throw new DOMException('blocked'); }})"
FULL = "Storage.prototype.setItem = () => { throw new DOMException('full'); }"


# What the reader's code may not do

HOSTILE = """
def normalize(x, mean, var, eps=1e-5):
    import js
    for text in (
        "fetch('{0}/fetch')", "import('{0}/import.js')", "new WebSocket('{1}/socket')", "new EventSource('{0}/events')",
        "importScripts('{0}/scripts.js')", "new Worker('{0}/worker.js')", "caches.open('bncourse')",
        "indexedDB.open('a')", "Object.getPrototypeOf(self).fetch.call(self, '{0}/prototype')",
        "new Function('return fetch')()('{0}/function')",
        "(() => {{ const r = new XMLHttpRequest(); r.open('GET', '{0}/xhr', false); r.send(); }})()",
        "setTimeout(() => import('{0}/later.js'))", "postMessage({{answer: {{status: 'solved'}}}})",
    ):
        try:
            js.eval(text)
            print("ran", text[:30])
        except BaseException as error:
            pass
    return (x - mean) / np.sqrt(var + eps)
"""


def test_nothing_leaves_the_browser_whatever_the_code_does(site, serve, context, tmp_path):
    (tmp_path / "import.js").write_text("")
    other, _ = serve(tmp_path)
    page = opened(context, site)
    Site.asked.clear()
    card = Card(page, "3.1")
    told = card.check(HOSTILE.format(other, other.replace("http", "ws")))
    assert "solved" in told
    page.wait_for_function("navigator.serviceWorker.controller")
    page.evaluate(f"navigator.serviceWorker.controller.postMessage({{keep: ['{other}/kept', '/robots-own.txt']}})")
    page.wait_for_timeout(1000)
    assert "/robots-own.txt" in Site.asked  # so the message was read
    attempts = ("/fetch", "/import.js", "/socket", "/events", "/scripts.js", "/worker.js", "/prototype", "/function")
    assert not [path for path in Site.asked if path.startswith((*attempts, "/xhr", "/later.js", "/kept"))]
    # The same import from a page without the policy does arrive: what is measured can be seen.
    free = context.new_page()
    free.goto(f"{site}/book/glossary.html")
    free.evaluate(f"fetch('{other}/import.js', {{mode: 'no-cors'}}).catch(() => {{}})")
    free.wait_for_timeout(500)
    assert "/import.js" in Site.asked


def test_a_spoilt_check_tells_nothing_of_another_exercise(site, context):
    page = opened(context, site)
    spoils = WRONG + (
        "import bncourse.checking.judging as judging\n"
        "judging.Result.failures = property(lambda self: [], lambda self, value: None)\n"
    )
    assert "3.1: solved" in Card(page, "3.1").check(spoils)  # who fools himself may
    wrong = "def batch_normalize(x, eps=1e-5):\n    return x\n"
    assert "not right yet" in Card(page, "3.2").check(wrong)
    assert "solved" not in (page.locator("#exercise-3-2").get_attribute("class") or "")


# Where a browser keeps nothing, or has no network


@pytest.mark.parametrize("below", ["", "/html"], ids=["at the root", "below a path"])
def test_it_works_without_a_network_after_the_first_visit(below, serve, book, context):
    root, server = serve(book.parent if below else book)
    address = root + below
    Site.asked.clear()
    page = opened(context, address)
    assert "solved" in Card(page, "3.1").check(RIGHT)
    page.wait_for_function(
        "async () => (await (await caches.open('bncourse')).keys()).some(({url}) => url.includes('wasm32.whl'))"
    )
    page.wait_for_timeout(2000)
    context.set_offline(True)
    server.shutdown()
    server.server_close()
    page.reload()
    card = Card(page, "3.1")
    assert "np.sqrt(var + eps)" in card.editor.inner_text()
    assert "not right yet" in card.check(WRONG)
    page.goto(f"{address}/book/04_scale_shift.html")
    assert "no network" in page.locator("body").inner_text()
    assert below == "" or not [path for path in Site.asked if not path.startswith(("/html/", "/favicon"))]


@pytest.mark.parametrize("storage", [BLOCKED, FULL], ids=["blocked", "full"])
def test_where_nothing_is_stored_it_says_so_and_works(site, context, storage):
    context.add_init_script(storage)
    card = Card(opened(context, site), "3.1")
    assert "solved" in card.check(RIGHT)
    assert "keeps nothing" in card.card.locator(".kept").inner_text()


@pytest.mark.parametrize("entry", ["{", "5", '{"text": 5, "tries": "a", "solved": 1}', '{"text": {}, "tries": 1e99}'])
def test_what_is_stored_may_be_anything(site, context, entry):
    page = opened(context, site)
    page.evaluate("entry => localStorage.setItem('bncourse-answer-3.1', entry)", entry)
    page.reload()
    card = Card(page, "3.1")
    assert "YOUR CODE HERE" in card.editor.inner_text()
    assert "solved" not in card.card.get_attribute("class")


def test_two_pages_do_not_undo_each_other(site, context):
    first, second = opened(context, site), opened(context, site)
    one, other = Card(first, "3.1"), Card(second, "3.1")
    Card(second, "3.2").write("second = 2\n")
    one.write("first = 1\n")
    wait_for_text(other.editor, "first = 1")
    first.reload()
    assert "first = 1" in Card(first, "3.1").editor.inner_text()
    assert "second = 2" in Card(first, "3.2").editor.inner_text()


def test_a_reload_in_the_middle_of_a_check_loses_nothing(site, context):
    page = opened(context, site)
    card = Card(page, "3.1")
    card.write(WRONG)
    card.press("Check")
    page.reload()
    assert "np.sqrt(var) + eps" in Card(page, "3.1").editor.inner_text()


@pytest.fixture
def remembering(browser):
    """A context of a browser that shows a page again as it was left, which those of other tests do not."""
    flags = {"args": pdf.FLAGS, "ignore_default_args": ["--disable-back-forward-cache"]}
    executable = next(filter(None, map(shutil.which, pdf.BROWSERS)), None)
    with browser.browser_type.launch(executable_path=executable, **flags) as own, own.new_context() as context:
        context.set_default_timeout(90_000)
        context.add_init_script("Object.defineProperty(navigator, 'deviceMemory', {value: 2})")  # no worker to spare
        yield context
        context.unroute_all(behavior="ignoreErrors")


def test_who_leaves_the_page_in_the_middle_of_a_check_and_comes_back_finds_it_going_on(site, remembering):
    seconds = 6
    remembering.route("**/runner.js", lambda route: route.fulfill(
        response=(answer := route.fetch()), body=answer.text().replace("SECONDS = 30", f"SECONDS = {seconds}")
    ))  # fmt: skip
    page = opened(remembering, site)
    card = Card(page, "3.1")
    card.write("def normalize(x, mean, var, eps=1e-5):\n    while True: pass\n")
    card.press("Check")
    card.card.get_by_text("Checking …").wait_for()
    page.evaluate("addEventListener('pageshow', ({ persisted }) => { window.asItWas = persisted; })")
    page.goto(f"{site}/book/glossary.html")
    page.wait_for_timeout(1000 * seconds + 2000)
    page.go_back(wait_until="commit")
    page.wait_for_timeout(1000)
    assert page.evaluate("window.asItWas")
    assert card.card.locator(".status").first.inner_text() == "Checking …"  # the time away does not count
    assert card.told() == f"Not checked: still running after {seconds} s; is there a loop that never ends?"
    assert "while True" in card.editor.inner_text()
    assert "solved" in card.check(RIGHT)


def test_opened_from_a_folder_or_without_scripts_the_page_says_what_to_do(book, context, browser):
    page = context.new_page()
    page.goto((book / "book/03_normalize.html").as_uri())
    page.locator("#exercise-3-1 > summary").click()
    page.get_by_text("make serve shows this site where they do").first.wait_for()
    with browser.new_context(java_script_enabled=False) as still:
        page = still.new_page()
        page.goto((book / "book/03_normalize.html").as_uri())
        page.locator("#exercise-3-1 > summary").click()
        assert page.locator("#exercise-3-1 pre.stub").is_visible()
        assert page.locator("#exercise-3-1").get_by_text("let this page run scripts").is_visible()
