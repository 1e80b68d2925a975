"""The code editor of the exercise cards: what its one file holds, how it looks, and how it is used in a browser."""

import gzip
import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import yaml

from bncourse.course.paths import ROOT

SOURCE = ROOT / "editor"
PRODUCT = ROOT / "book/_static/classroom/editor.js"
LOCKED = json.loads((SOURCE / "package-lock.json").read_text("utf8"))["packages"]
ASKED = json.loads((SOURCE / "package.json").read_text("utf8"))
COLOURS = json.loads((SOURCE / "src/colours.json").read_text("utf8"))
NOT_TEXT = {"background", "selection", "border", "focus"}

# The file


def banner() -> str:
    """The comment that the file starts with."""
    return PRODUCT.read_text("utf8").partition("*/")[0]


def named() -> dict[str, str]:
    """The packages that the banner names, with their versions."""
    return dict(re.findall(r"^(\S+) (\d[\w.-]*), \S+$", banner(), re.M))


def test_the_editor_is_light() -> None:
    assert len(gzip.compress(PRODUCT.read_bytes())) <= 160_000


def test_the_editor_runs_no_text_and_asks_for_nothing() -> None:
    code = PRODUCT.read_text("utf8").partition("*/")[2]
    assert not re.findall(r"\beval\(|\bFunction\(|\bfetch\(|\bimport\(|XMLHttpRequest|WebSocket|sendBeacon", code)


def test_the_banner_names_what_was_locked_with_its_licence() -> None:
    assert set(ASKED["dependencies"]) <= set(named())
    for name, version in named().items():
        package = LOCKED[f"node_modules/{name}"]
        assert f"\n{name} {version}, {package['license']}\n" in banner() and version == package["version"]
    # After each group of names stands the text that holds for it.
    texts = re.split(r"(?:^\S+ \d\S*, \S+\n)+", banner(), flags=re.M)[1:]
    assert texts and all("Copyright" in text and "Permission is hereby granted" in text for text in texts)


def test_every_version_is_exact_and_every_package_has_a_reason() -> None:
    versions = ASKED["dependencies"] | ASKED["devDependencies"]
    assert not [version for version in versions.values() if not re.fullmatch(r"\d+\.\d+\.\d+", version)]
    reasons = dict(re.findall(r"^\| `(\S+)` \| (\S.*) \|$", (SOURCE / "README.md").read_text("utf8"), re.M))
    assert set(reasons) == set(versions)


def test_a_page_loads_the_editor_only_where_it_asks_for_it() -> None:
    config = yaml.safe_load((ROOT / "_config.yml").read_text("utf8"))["sphinx"]["config"]
    assert config["html_js_files"] == ["course.js"]
    assert "editor" in config["exclude_patterns"]
    assert "editor.js" not in (ROOT / "book/_static/course.js").read_text("utf8")


def ran(folder: Path, *command: str) -> None:
    program = shutil.which(command[0])
    assert program, f"{command[0]} is not installed: apt-get install npm"
    done = subprocess.run([program, *command[1:]], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the editor with the packages that it is locked to."""
    folder = tmp_path_factory.mktemp("made anew") / "editor"
    shutil.copytree(SOURCE, folder, ignore=shutil.ignore_patterns("node_modules"))
    ran(folder, "npm", "ci")
    return folder


@pytest.mark.needs_node
def test_the_file_is_what_its_sources_give_to_the_byte(installed: Path, tmp_path: Path) -> None:
    ran(installed, "npm", "run", "build", "--", os.fspath(tmp_path / "editor.js"))
    same = (tmp_path / "editor.js").read_bytes() == PRODUCT.read_bytes()
    assert same, "the editor is not made of editor/ as it is now: run 'make editor'"


@pytest.mark.needs_node
def test_the_banner_names_every_package_that_is_in_the_file(installed: Path, tmp_path: Path) -> None:
    told = tmp_path / "told.json"
    ran(
        installed, "npm", "exec", "--", "esbuild", "src/editor.js", "--bundle", "--minify", "--format=esm",
        f"--metafile={told}", f"--outfile={tmp_path / 'editor.js'}",
    )  # fmt: skip
    (output,) = json.loads(told.read_text("utf8"))["outputs"].values()
    given = [path for path, part in output["inputs"].items() if part["bytesInOutput"] and "node_modules" in path]
    in_file = {name for name in LOCKED for path in given if name and path.startswith(f"{name}/")}
    assert {name.removeprefix("node_modules/") for name in in_file} == set(named())


# Its colours


def luminance(colour: str) -> float:
    """The relative luminance of WCAG 2.2 of a colour such as #0b5d7a."""
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    darker, lighter = sorted([luminance(one), luminance(other)])
    return (lighter + 0.05) / (darker + 0.05)


def test_contrast_is_that_of_the_guideline() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") < 4.5 < contrast("#767676", "#ffffff")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_colour_can_be_told_from_its_background(scheme: str) -> None:
    colours = COLOURS[scheme]
    assert set(colours) == set(COLOURS["light"]) > NOT_TEXT
    for background in (colours["background"], colours["selection"]):
        ratios = {name: contrast(colours[name], background) for name in set(colours) - NOT_TEXT}
        assert min(ratios.values()) >= 4.5, ratios
    edges = {name: contrast(colours[name], colours["background"]) for name in ("border", "focus")}
    assert min(edges.values()) >= 3, edges


# Its use, under rules that forbid everything but its own script and style

ADDRESS = "http://editor.example"
RULES = "default-src 'none'; script-src 'self'; style-src 'unsafe-inline'"
PAGE = """<!doctype html><html lang="en" data-theme="SCHEME"><head><title>Editor</title>
<meta name="viewport" content="width=device-width, initial-scale=1"></head>
<body><main><h1>Exercise</h1><button id="before">Before</button>
<p id="keys">Tab indents. To leave the editor, press Escape, then Tab.</p>
<div id="card"></div><button id="after">Check</button></main>
<script type="module" src="start.js"></script></body></html>"""
START = """import { createEditor } from "./editor.js";
window.changes = []; window.runs = 0;
window.editor = createEditor({
  parent: document.getElementById("card"), text: "", label: "Your answer to 3.1", describedBy: "keys",
  onChange: (text) => changes.push(text), onRun: () => { runs += 1; },
});"""
EVERY_TOKEN = 'def f(x):  # why\n    return "text", 12.5, None, x\n'
SPANS = """(token) => [...document.querySelectorAll(".cm-line *")].filter((span) => span.textContent === token)
    .map((span) => getComputedStyle(span).color)[0]"""
STYLE = "([part, name, pseudo]) => getComputedStyle(document.querySelector(part), pseudo)[name]"

Open = Callable[..., Any]


def serve(route: Any, scheme: str) -> None:
    """Answer as a server that has nothing but the page and its two scripts."""
    files = {
        "/": ("text/html", PAGE.replace("SCHEME", scheme)),
        "/start.js": ("text/javascript", START),
        "/editor.js": ("text/javascript", PRODUCT.read_text("utf8")),
        "/favicon.ico": ("image/x-icon", ""),
    }
    kind, content = files[route.request.url.removeprefix(ADDRESS)]
    route.fulfill(body=content, content_type=f"{kind}; charset=utf-8", headers={"Content-Security-Policy": RULES})


@pytest.fixture
def opened(browser: Any) -> Iterator[Open]:
    """opened(scheme, **context) opens a page that holds the editor; nothing may have gone wrong in it at the end."""
    errors: list[str] = []
    with ExitStack() as stack:

        def open_page(scheme: str = "light", **context: Any) -> Any:
            page = stack.enter_context(browser.new_context(color_scheme=scheme, **context)).new_page()
            page.on("console", lambda message: errors.extend([message.text] * (message.type == "error")))
            page.on("pageerror", lambda error: errors.append(str(error)))
            page.route(f"{ADDRESS}/**", lambda route: serve(route, scheme))
            page.goto(f"{ADDRESS}/")
            page.wait_for_function("window.editor")
            return page

        yield open_page
    assert not errors


def text(page: Any) -> str:
    return page.evaluate("editor.text()")


def focused(page: Any) -> str:
    return page.evaluate("document.activeElement.id || document.activeElement.getAttribute('role')")


def test_python_is_indented_as_it_is_typed_and_undone(opened: Open) -> None:
    page = opened()
    page.get_by_role("textbox", name="Your answer to 3.1").focus()
    page.keyboard.type("def f():\nif x:\nreturn 1\nelse:")
    assert text(page) == "def f():\n    if x:\n        return 1\n    else:"
    assert page.evaluate("changes.at(-1)") == text(page)
    assert page.locator(".cm-lineNumbers .cm-gutterElement:visible").all_inner_texts() == ["1", "2", "3", "4"]
    page.keyboard.press("ControlOrMeta+z")
    undone = text(page)
    assert "def f():\n    if x:\n        return 1\n    else:".startswith(undone.rstrip()) and len(undone) < 40
    page.keyboard.press("ControlOrMeta+y")
    assert text(page).endswith("else:")


def test_brackets_show_their_match_and_tab_indents(opened: Open) -> None:
    page = opened()
    page.evaluate("editor.focus()")
    page.keyboard.type("f(x[0])")
    matching = page.locator(".cm-matchingBracket")
    assert matching.all_inner_texts() == ["(", ")"]
    assert matching.first.evaluate("bracket => getComputedStyle(bracket).outlineStyle") == "solid"
    page.keyboard.press("Tab")
    assert text(page) == "    f(x[0])" and focused(page) == "textbox"
    page.keyboard.press("Shift+Tab")
    assert text(page) == "f(x[0])" and focused(page) == "textbox"


@pytest.mark.parametrize("keys", ["Shift+Enter", "Control+Enter", "Meta+Enter"])
def test_a_key_runs_the_answer_and_types_nothing(opened: Open, keys: str) -> None:
    page = opened()
    page.evaluate("editor.focus()")
    page.keyboard.type("x = 1")
    page.keyboard.press(keys)
    assert page.evaluate("runs") == 1 and text(page) == "x = 1"


def test_escape_then_tab_leaves_however_long_it_takes(opened: Open) -> None:
    page = opened()
    page.locator("#before").focus()
    page.keyboard.press("Tab")
    assert focused(page) == "textbox"
    page.evaluate("const real = Date.now; Date.now = () => real() + window.waited; window.waited = 0")
    page.keyboard.press("Escape")
    page.evaluate("waited = 60_000")
    page.keyboard.press("Tab")
    assert focused(page) == "after" and text(page) == ""
    page.keyboard.press("Shift+Tab")
    assert focused(page) == "textbox"
    page.keyboard.press("Tab")
    assert focused(page) == "textbox" and text(page) == "    "
    page.keyboard.press("Escape")
    page.keyboard.press("Shift+Tab")
    assert focused(page) == "before"
    page.keyboard.press("Tab")
    page.keyboard.press("Escape")
    page.keyboard.type("y")
    page.keyboard.press("Tab")
    assert focused(page) == "textbox"


def test_a_text_is_set_undone_and_taken_away(opened: Open) -> None:
    page = opened()
    page.evaluate("editor.focus()")
    page.keyboard.type("mine")
    page.evaluate("editor.set('the stub\\r\\nagain')")
    assert text(page) == page.evaluate("changes.at(-1)") == "the stub\nagain"
    page.keyboard.press("ControlOrMeta+z")
    assert text(page) == "mine"
    page.evaluate("editor.destroy()")
    assert page.locator("#card *").count() == 0


def test_a_screen_reader_and_a_phones_keyboard_are_told_what_it_is(opened: Open) -> None:
    box = opened().get_by_role("textbox")
    expected = {
        "aria-label": "Your answer to 3.1", "aria-describedby": "keys", "aria-multiline": "true",
        "spellcheck": "false", "autocapitalize": "off", "autocorrect": "off",
    }  # fmt: skip
    assert {name: box.get_attribute(name) for name in expected} == expected


def rgb(colour: str) -> str:
    return "rgb({}, {}, {})".format(*(int(colour[place : place + 2], 16) for place in (1, 3, 5)))


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_follows_the_scheme_of_the_site_and_axe_finds_nothing(opened: Open, scheme: str) -> None:
    from axe_playwright_python.sync_playwright import Axe

    other = {"light": "dark", "dark": "light"}[scheme]
    page = opened(other)
    page.evaluate("([text, scheme]) => { editor.set(text); document.documentElement.dataset.theme = scheme; }",
                  [EVERY_TOKEN, scheme])  # fmt: skip
    page.add_style_tag(content="html[data-theme=dark] body { background: #14181e; color: #fff }")
    colours = {name: rgb(colour) for name, colour in COLOURS[scheme].items()}
    tokens = {"def": "keyword", "f": "definition", "# why": "comment", '"text"': "string", "12.5": "number",
              "None": "keyword"}  # fmt: skip
    assert {token: page.evaluate(SPANS, token) for token in tokens} == {
        token: colours[name] for token, name in tokens.items()
    }
    page.evaluate("editor.focus()")
    page.locator(".cm-focused").wait_for()
    places = {
        "background": (".cm-editor", "backgroundColor"), "border": (".cm-editor", "borderTopColor"),
        "focus": (".cm-editor", "outlineColor"), "text": (".cm-content", "caretColor"),
        "line-number": (".cm-gutters", "color"),
    }  # fmt: skip
    assert {name: page.evaluate(STYLE, place) for name, place in places.items()} == {
        name: colours[name] for name in places
    }
    assert page.evaluate(STYLE, [".cm-line", "color"]) == colours["text"]
    assert page.evaluate(STYLE, [".cm-gutters", "backgroundColor"]) == colours["background"]
    assert page.evaluate(STYLE, [".cm-line span", "backgroundColor", "::selection"]) == colours["selection"]
    violations = Axe().run(page, options={"resultTypes": ["violations"]}).response["violations"]
    assert not [(one["id"], one["nodes"][0]["html"]) for one in violations]


def test_on_a_phone_nothing_scrolls_sideways_and_editing_does_not_enlarge_the_page(opened: Open) -> None:
    page = opened(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    page.evaluate("editor.set('x = ' + 'a + '.repeat(100) + 'b'.repeat(300))")
    for part in ("document.documentElement", "document.querySelector('.cm-scroller')"):
        assert page.evaluate(f"{part}.scrollWidth - {part}.clientWidth") <= 0
    box = page.get_by_role("textbox")
    assert box.bounding_box()["height"] > 100
    assert float(box.evaluate("box => getComputedStyle(box).fontSize").removesuffix("px")) >= 16
    box.tap()
    assert focused(page) == "textbox"
