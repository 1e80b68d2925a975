"""Exercises and cells in the page: the browser's verdicts are the kernel's, and a reader gets from text to green."""

import json

import pytest

from bncourse.checking import marks
from bncourse.checking.judging import judge, judge_notebook
from bncourse.checking.learner import Answers
from bncourse.course import cells, curriculum, notebooks
from bncourse.course.paths import EXERCISES, MISTAKES, SOLUTIONS, VARIANTS
from bncourse.publishing import classroom
from tests.cards import RIGHT, WRONG, Card, opened, wait_for_text
from tests.known import some, source_of

ASK = """async (requests) => {
    const { ask } = await import(new URL("../_static/classroom/runner.js", location));
    const answers = [];
    for (const request of requests) {
        const chapter = request.exercise.split(".")[0];  // whose exercises share a worker here
        const { status, points, failed_checks, diagnosis } = await ask(chapter, { ask: "check", ...request });
        answers.push({ status, points, failed_checks, diagnosis });
    }
    return answers;
}"""
STORE = "([exercise, entry]) => localStorage.setItem('bncourse-answer-' + exercise, entry)"


# The browser's verdicts


def notebook_with(exercise, text):
    """The solution notebook with this text behind the answer's own: what the answer may take is there."""
    notebook = json.loads((SOLUTIONS / f"{exercise.chapter}.ipynb").read_text(encoding="utf-8"))
    for cell in notebook["cells"]:
        cell.pop("outputs", None)
        if cell["id"] == exercise.cell:
            cell["source"] = text if "raise NotImplementedError" in text else f"{''.join(cell['source'])}\n\n\n{text}"
    return json.dumps(notebook)


def known(exercise, reference):
    """(name, text, the kernel's verdict) of the solution, the stub, mistakes and variants."""
    stub = next(
        cells.source_of(cell)
        for cell in notebooks.load(EXERCISES / f"{exercise.chapter}.ipynb")["cells"]
        if cells.name_of(cell) == exercise.cell
    )
    yield "solution", "", judge([exercise], reference)
    untouched = cells.Definitions()
    untouched.execute(cells.Cell(exercise.cell, "answer", stub))
    yield "stub", stub, judge([exercise], reference.overlaid(untouched.names))
    for folder, answers in ((MISTAKES, marks.mistakes_of(exercise)), (VARIANTS, marks.variants_of(exercise))):
        for number, answer in some(answers):
            verdict = judge([exercise], reference.overlaid({answer.name: answer.value}))
            yield f"{folder.name} {number}", source_of(answer, exercise, folder), verdict


def test_known_answers_to_each_exercise_get_the_kernels_verdict(site, context):
    page, differences, compared = opened(context, site), {}, 0
    for exercise in classroom.offered():
        reference = Answers(notebooks.execute(SOLUTIONS / f"{exercise.chapter}.ipynb").names)
        names, texts, verdicts = zip(*known(exercise, reference))
        asked = [{"exercise": exercise.id, "tries": 0, "notebook": notebook_with(exercise, text)} for text in texts]
        for name, verdict, answer in zip(names, verdicts, page.evaluate(ASK, asked), strict=True):
            expected = verdict[exercise.id].as_json()
            compared += 1
            if answer != {field: expected[field] for field in answer}:
                differences[exercise.id, name] = (answer, expected)
    assert differences == {}
    assert compared >= 7 * len(classroom.offered())
    assert page.errors == []


# A reader


def test_nothing_of_it_is_loaded_before_an_exercise_is_opened_and_no_python_before_a_check(site, context):
    page, asked = context.new_page(), []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"{site}/book/03_normalize.html")
    assert not [url for url in asked if "/classroom/" in url]
    Card(page, "3.1")
    assert [url for url in asked if "/classroom/editor.js" in url]
    assert not [url for url in asked if "pyodide" in url]


def test_from_text_to_green_by_the_keyboard_alone(site, context):
    page = opened(context, site)
    summary = page.locator("#exercise-3-1 > summary")
    summary.focus()
    page.keyboard.press("Enter")
    page.locator("#exercise-3-1 .cm-content").wait_for()
    page.keyboard.press("Tab")
    while not page.evaluate("document.activeElement.matches('.cm-content')"):
        page.keyboard.press("Tab")
    for text in (WRONG, RIGHT):
        page.keyboard.press("Control+a")
        page.keyboard.insert_text(text)
        page.keyboard.press("Shift+Enter")
        page.locator("#exercise-3-1 .report").wait_for()
        page.locator("#exercise-3-1 .status", has_text="").first.wait_for(state="attached")
        told = Card(page, "3.1").told()
        if text == WRONG:
            assert "not right yet, 2 of 5 points" in told and "ε stands outside the root" in told
    assert told.startswith("3.1: solved, 5 of 5 points")
    page.keyboard.press("Escape")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Check"
    page.reload()
    page.locator("#exercise-3-1.solved").wait_for()
    assert "np.sqrt(var + eps)" in Card(page, "3.1").editor.inner_text()
    page.goto(f"{site}/book/intro.html")
    wait_for_text(page.locator(".answered[data-page='03_normalize']"), "1 of 4 exercises")
    assert page.errors == []


def test_hints_come_after_the_second_failed_try_and_reset_can_be_undone(site, context):
    card = Card(opened(context, site), "3.1")
    assert "Hint" not in card.check(WRONG)
    assert "Hint 1" in card.check()
    card.press("Reset")
    assert "YOUR CODE HERE" in card.editor.inner_text()
    card.press("Undo reset")
    assert "np.sqrt(var) + eps" in card.editor.inner_text()
    card.press("Reset")
    card.write("")
    card.page.keyboard.type("a / b")  # key by key: a slash is no search here
    assert "a / b" in card.editor.inner_text()
    card.press("Reset")  # what was written since is not replaced by what was there before
    assert "YOUR CODE HERE" in card.editor.inner_text()


def test_an_answer_may_use_an_earlier_one_and_no_other_spoils_it(site, context):
    page = opened(context, site)
    Card(page, "3.1").check(RIGHT)
    uses = "def batch_normalize(x, eps=1e-5):\n"
    uses += "    flat = np.moveaxis(x, 1, -1).reshape(-1, x.shape[1]).astype(float)\n"
    uses += "    y = normalize(flat, flat.mean(0), flat.var(0), eps)\n"
    uses += "    return np.moveaxis(y.reshape(*np.moveaxis(x, 1, -1).shape), -1, 1)\n"
    Card(page, "3.3").write("while True:\n    pass\n")
    assert "solved, 7 of 7 points" in Card(page, "3.2").check(uses)


def test_what_goes_wrong_ends_well(site, context):
    card = Card(opened(context, site), "3.1")
    for body, told in {
        "import torch; torch.tensor(x)": "the answer calls torch",
        "return input('x? ')": "input() gets no answer",
        "raise SystemExit": "SystemExit",
        "a = []\n    while True: a.append(bytearray(10**8))": "MemoryError",
    }.items():
        assert told in card.check(f"def normalize(x, mean, var, eps=1e-5):\n    {body}\n")
    assert "solved, 5 of 5" in card.check(RIGHT)


LONGEST_FRAME = """() => new Promise((resolve) => {
    let longest = 0, last = performance.now();
    const end = last + 2000;
    const frame = (now) => {
        longest = Math.max(longest, now - last);
        last = now;
        if (now < end) requestAnimationFrame(frame); else resolve(longest);
    };
    requestAnimationFrame(frame);
})"""


def test_a_loop_that_never_ends_is_stopped_and_the_page_never_freezes(site, context):
    page = opened(context, site)
    card = Card(page, "3.1")
    card.check(RIGHT)
    for body in ("pass", "print('x' * 100)"):
        card.write(f"def normalize(x, mean, var, eps=1e-5):\n    while True: {body}\n")
        card.press("Check")
        page.wait_for_timeout(500)
        assert page.evaluate(LONGEST_FRAME) < 500  # ms; a quiet machine shows every frame
        card.press("Stop")
        assert card.told() == "Stopped. Nothing you wrote is lost."
        assert "while True" in card.editor.inner_text()
    assert "solved, 5 of 5" in card.check(RIGHT)


def test_who_waits_is_told_that_a_loop_never_ends(site, context):
    context.route("**/runner.js", lambda route: route.fulfill(
        response=(answer := route.fetch()), body=answer.text().replace("SECONDS = 30", "SECONDS = 2")
    ))  # fmt: skip
    card = Card(opened(context, site), "3.1")
    told = card.check("def normalize(x, mean, var, eps=1e-5):\n    while True: pass\n")
    assert told == "Not checked: still running after 2 s; is there a loop that never ends?"


def test_each_small_cell_prints_in_the_browser_what_it_printed_when_the_page_was_built(site, context, pages):
    found = {path: soup.select("div.cell.tag_run") for path, soup in pages.items()}
    stems = [path.removeprefix("book/").removesuffix(".html") for path, runnable in found.items() if runnable]
    assert {*stems} >= {"tour", "02_mean_variance", "03_normalize", "04_scale_shift", "14_alternatives"}
    for stem in stems:
        page = opened(context, site, stem)
        for exercise, answer in (("12.1", "ex-12-1"), ("12.2", "ex-12-2")) if stem.startswith("12") else ():
            source = notebooks.execute(SOLUTIONS / f"{stem}.ipynb").code
            text = next(one.source for one in source if one.name == answer)
            page.evaluate(STORE, [exercise, json.dumps({"text": text})])
        for cell in page.locator("div.cell.tag_run").all():
            if not cell.get_by_role("button", name="Change and run").is_visible():
                continue  # folded: it only prepares the others
            cell.get_by_role("button", name="Change and run").click()
            cell.locator(".cell-result:not(:empty)").wait_for()
            printed = cell.locator(".cell_output pre").all_text_contents()
            assert cell.locator(".cell-result").inner_text().strip() == "".join(printed).strip() or not printed, stem
        assert page.errors == []


def test_a_small_cell_can_be_changed_and_names_the_exercise_that_it_needs(site, context):
    page = opened(context, site, "12_small_batches")
    cell = page.locator("div.cell.tag_run").first
    cell.get_by_role("button", name="Change and run").click()
    cell.get_by_text("NameError: name 'ghost_batch_norm' is not defined").wait_for()
    assert "It is yours to write: exercise 12.1, below." in cell.locator(".cell-result").inner_text()
    cell.locator(".cm-content").click()
    page.keyboard.press("Control+a")
    page.keyboard.insert_text("print(np.arange(3) * 2)\n1 / 0")
    page.keyboard.press("Shift+Enter")
    page.locator("div.cell.tag_run").nth(1).get_by_role("button", name="Change and run").click()  # while that one runs
    page.get_by_text("a cell above stops: ZeroDivisionError").wait_for()
    cell.get_by_text("ZeroDivisionError: division by zero (line 2)").wait_for()
    assert "[0 2 4]" in cell.locator(".cell-result").inner_text()


# The chapter's notebook


def test_the_notebook_goes_out_and_comes_back(site, context, browser, tmp_path):
    page = opened(context, site)
    Card(page, "3.1").write(RIGHT)
    with page.expect_download() as download:
        page.get_by_role("button", name="Download my notebook").click()
    path = tmp_path / download.value.suggested_filename
    download.value.save_as(path)
    assert path.name == "03_normalize.ipynb"
    (exercise,) = curriculum.find("3.1")
    result = judge_notebook(notebooks.execute(path), [exercise])[exercise.id]
    assert (result.status.value, result.points) == ("solved", 5)
    (tmp_path / "other.ipynb").write_text("{")
    with browser.new_context() as elsewhere:
        elsewhere.set_default_timeout(60_000)
        page = opened(elsewhere, site)
        card, file = Card(page, "3.1"), page.locator(".exchange input[type=file]")
        file.set_input_files(path)
        page.get_by_text("Loaded: 3.1.").wait_for()
        assert "np.sqrt(var + eps)" in card.editor.inner_text()
        file.set_input_files(tmp_path / "other.ipynb")
        page.get_by_text("other.ipynb is not a notebook").wait_for()


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_axe_finds_nothing_where_cards_are_open_and_nothing_scrolls_sideways(site, browser, width, scheme):
    from axe_playwright_python.sync_playwright import Axe

    with browser.new_context(viewport={"width": width, "height": 844}, color_scheme=scheme) as context:
        context.set_default_timeout(90_000)
        page = opened(context, site)
        Card(page, "3.2")
        Card(page, "3.1").check(WRONG)
        violations = Axe().run(page, options={"resultTypes": ["violations"]}).response["violations"]
        assert [(found["id"], found["nodes"][0]["html"][:200]) for found in violations] == []
        assert page.evaluate("document.documentElement.scrollWidth") <= width
