"""Python is loaded ahead of the first check where it is in the browser already, and nowhere else."""

import time

import pytest

from tests.cards import RIGHT, WRONG, Card, Site, opened

KEPT = ["wasm32.whl", "course.zip?v=", "pyodide-lock.json", "asm.wasm", "stdlib.zip", "asm.js", "pyodide.mjs"]
COMPILED = ["compiled_library.zip?v=", "compiled_modules.zip?v="]
ADDRESSES = "async () => (await (await caches.open('bncourse')).keys()).map(({ url }) => url)"
SPOIL = """async () => {
    const cache = await caches.open("bncourse");
    for (const { url } of await cache.keys()) {
        if (url.includes("compiled_")) await cache.put(url, new Response("spoilt"));
    }
}"""
PLENTY = 1500  # ms, in which a worker would have been started
SAVES_DATA = "Object.defineProperty(navigator, 'connection', {value: {saveData: true}})"
NO_SPARE = "Object.defineProperty(navigator, 'deviceMemory', {value: 2})"  # so that workers can be counted


@pytest.fixture
def returning(site, context):
    """A context whose reader has checked an answer before, on another page; Site.asked notes what comes from now on."""
    context.add_init_script(NO_SPARE)
    page = opened(context, site)
    assert "solved" in Card(page, "3.1").check(RIGHT)
    wait_until_it_keeps(page, KEPT)
    page.wait_for_function("navigator.serviceWorker.controller")
    page.close()
    Site.asked.clear()
    return context


def keeps(page, names):
    """Whether the browser keeps a file of each of these names."""
    kept = page.evaluate(ADDRESSES)
    return all(any(name in address for address in kept) for name in names)


def wait_until_it_keeps(page, names, kept=True):
    end = time.monotonic() + 90
    while keeps(page, names) != kept:
        assert time.monotonic() < end, names
        page.wait_for_timeout(100)


def started(page):
    """The workers that the page starts from now on, those that ended included."""
    workers = []
    page.on("worker", lambda worker: workers.append(worker))
    return workers


def large():
    return [path for path in Site.asked if "pyodide" in path or "course.zip" in path]


def test_who_comes_back_gets_python_with_the_first_edit_and_the_check_finds_it(site, returning):
    page = opened(returning, site, "02_mean_variance")
    workers = started(page)
    card = Card(page, "2.1")
    page.wait_for_timeout(PLENTY)
    assert workers == []  # an exercise that is only read starts nothing
    with page.expect_worker():
        card.editor.click()
    card.write("mean = 0\n")
    page.wait_for_timeout(PLENTY)
    assert card.check().startswith("2.1: no answer found")
    assert card.check().startswith("2.1: no answer found")
    assert len(workers) == 1
    assert large() == []  # all of it is from this browser
    assert page.errors == []


def test_a_page_that_is_only_opened_starts_nothing(site, returning):
    page = opened(returning, site)
    workers = started(page)
    page.wait_for_timeout(PLENTY)
    assert workers == []
    assert not [path for path in Site.asked if "/classroom/" in path]


def test_at_the_first_visit_writing_starts_and_fetches_nothing(site, context):
    Site.asked.clear()
    page = opened(context, site)
    workers = started(page)
    Card(page, "3.1").write(WRONG)
    page.wait_for_timeout(PLENTY)
    assert workers == []
    assert large() == []


def test_who_saves_data_waits_for_the_check(site, returning):
    returning.add_init_script(SAVES_DATA)
    page = opened(returning, site)
    workers = started(page)
    card = Card(page, "3.1")
    card.write(WRONG)
    page.wait_for_timeout(PLENTY)
    assert workers == []
    assert "not right yet" in card.check()


def test_where_the_site_is_newer_than_what_is_kept_nothing_is_fetched_before_the_check(site, returning):
    returning.route("**/classroom.json", lambda route: route.fulfill(
        response=(answer := route.fetch()), json=answer.json() | {"digest": "newer"}
    ))  # fmt: skip
    page = opened(returning, site)
    workers = started(page)
    card = Card(page, "3.1")
    card.write(WRONG)
    page.wait_for_timeout(PLENTY)
    assert workers == []
    assert large() == []
    assert "not right yet" in card.check()
    assert [path for path in large() if "newer" in path]


def test_without_a_network_it_comes_with_the_first_edit_too(site, returning):
    page = opened(returning, site)
    card = Card(page, "3.1")
    returning.set_offline(True)
    workers = started(page)
    with page.expect_worker():
        card.editor.click()
    assert "not right yet" in card.check(WRONG)
    assert len(workers) == 1


def test_what_the_first_visit_compiled_serves_the_second_and_is_dropped_where_it_is_spoilt(site, context):
    page = opened(context, site)
    assert "solved" in Card(page, "3.1").check(RIGHT)
    wrong = "def batch_normalize(x, eps=1e-5):\n    return x\n"
    assert "not right yet" in Card(page, "3.2").check(wrong)  # which need not wait for what is compiled
    assert page.errors == []
    wait_until_it_keeps(page, COMPILED)
    page.reload()
    card = Card(page, "3.1")
    assert "ε stands outside the root" in card.check(WRONG)
    assert keeps(page, COMPILED)
    page.evaluate(SPOIL)
    page.add_init_script(SAVES_DATA)  # so that the check meets what is spoilt, and no worker ahead of it
    page.reload()
    assert Card(page, "3.1").check(RIGHT).startswith("Not checked")
    wait_until_it_keeps(page, COMPILED, kept=False)
    assert "solved" in card.check()
