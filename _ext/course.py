"""What the course adds to Sphinx: pages executed when what they use has changed, exercise buttons, plainer HTML."""

import os
import shutil
from base64 import b64encode
from functools import cache, partial
from html import escape
from logging import getLogger
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pybtex.plugin
from docutils import nodes
from languages import language_of, place_of, site_words
from myst_nb.sphinx_ import HideCodeCellNode, SphinxEnvType, depart_HideCellInput, visit_HideCellInput
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util import logging
from sphinx.writers.html5 import HTML5Translator

from bncourse.authoring import editions
from bncourse.course.paths import ROOT
from bncourse.publishing import execution, pictures
from bncourse.publishing.keys import PageKeys, cell_code

log = logging.getLogger(__name__)


def cache_folder(app: Sphinx) -> Path:
    return Path(app.config.nb_execution_cache_path or Path(app.outdir).parent / ".jupyter_cache")


def open_cache(app: Sphinx) -> None:
    execution.open_cache(cache_folder(app))


def execute_pages(keys: PageKeys, app: Sphinx, env: BuildEnvironment, docnames: list[str]) -> None:
    """Execute the pages that Sphinx is about to read and that have no outputs in the cache.

    A single one is left to Sphinx, which shows why a cell fails.
    """
    pages = []
    for path in map(Path, map(env.doc2path, docnames)):
        text = keys.keyed(path.read_text("utf8"))
        if text is not None:
            pages.append(execution.Page(path, text))
    cache = cache_folder(app)
    missing = execution.without_outputs(pages, cache)
    if len(missing) < 2:
        return
    log.info("executing %d pages, %d at a time", len(missing), app.parallel)
    results = execution.execute(missing, cache, app.parallel, app.config.nb_execution_timeout)
    for number, (page, outcome) in enumerate(results, start=1):
        log.info("%s: %s (%d of %d)", page.path.stem, outcome, number, len(missing))


def add_key(keys: PageKeys, app: Sphinx, docname: str, source: list[str]) -> None:
    """Put the key of a page with cells into its front matter; have it read again when what the key is of changes."""
    code, keyed = cell_code(source[0]), keys.keyed(source[0])
    if code is None:
        return
    if keyed is None:
        log.warning("its front matter lacks 'kernelspec:' with 'name: python3' on a line below it", location=docname)
        return
    for file in [*keys.files(code), keys.constraints]:
        app.env.note_dependency(str(file))
    source[0] = keyed


def note_exercise(app: Sphinx, doctree: nodes.document) -> None:
    """Render a page again when the notebook named in its front matter changes; warn if there is none."""
    exercise = app.env.metadata[app.env.docname].get("exercise")
    if exercise:
        app.env.note_dependency(str(ROOT / exercise))
        app.env.note_dependency(str(editions.notebook(Path(exercise).stem, language_of(app))))
        if not (ROOT / exercise).is_file():
            log.warning("%s does not exist: run 'make notebooks'", exercise, location=app.env.docname)


def visit_entry(translator: HTML5Translator, node: nodes.entry) -> None:
    """A header of a table without words is a plain cell: it tells screen readers nothing."""
    type(translator).visit_entry(translator, node)
    if translator.body[-1].startswith("<th") and not node.astext().strip():
        translator.body[-1], translator.context[-1] = "<td>", "</td>\n"


def visit_citation(translator: HTML5Translator, node: nodes.citation) -> None:
    """A list of references is text: without the roles of list and entry, which screen readers know no longer."""
    start = len(translator.body)
    type(translator).visit_citation(translator, node)
    without(translator, start, ' role="list"', ' role="doc-biblioentry"')


def visit_hidden_cell(translator: HTML5Translator, node: HideCodeCellNode) -> None:
    """The button that shows a hidden cell is called what is written on it."""
    start, translate = len(translator.body), site_words(translator.builder.app)
    for prompt in ("prompt_show", "prompt_hide"):
        node[prompt] = translate(node[prompt])
    visit_HideCellInput(translator, node)
    without(translator, start, ' aria-label="Toggle hidden content"')


def without(translator: HTML5Translator, start: int, *attributes: str) -> None:
    """Take the attributes out of what was written since `start`."""
    for attribute in attributes:
        translator.body[start:] = [part.replace(attribute, "") for part in translator.body[start:]]


def add_page_context(app: Sphinx, pagename: str, template: str, context: dict[str, Any], doctree: nodes.Node) -> None:
    """Pass the front matter on: the description to search engines and cards, the exercise to exercise-buttons.html."""
    meta = context.get("meta") or {}
    descriptions = doctree.findall(nodes.meta) if doctree else []  # translated, where there is a translation
    if words := next((tag["content"] for tag in descriptions if tag.get("name") == "description"), ""):
        add_card(context, app.config.html_baseurl, place_of(app, pagename), escape(words))
    for script in context["script_files"]:
        if pagename == "search":  # its own scripts, which do not wait, call these
            script.attributes.pop("defer", None)
        elif script.filename and "documentation_options" not in script.filename:
            script.attributes["defer"] = "defer"  # a page is shown before its scripts are there
    if "exercise" in meta and (ROOT / meta["exercise"]).is_file():
        add_exercise(app, context, meta["exercise"])


def add_card(context: dict[str, Any], site: str, place: str, description: str) -> None:
    """What search engines say of a page, and what is shown where someone links to it."""
    card = {
        "og:title": escape(context.get("title", "")),
        "og:description": description,
        "og:type": "article",
        "og:url": f"{site}{place}",
        "og:image": f"{site}_static/card.png",
    }
    context["metatags"] += "".join(f'<meta property="{name}" content="{value}">' for name, value in card.items())


def add_exercise(app: Sphinx, context: dict[str, Any], exercise: str) -> None:
    """Buttons below the title that open the notebook `exercise` elsewhere, or fetch it."""
    options = app.config.html_theme_options
    repository = options["repository_url"].removeprefix("https://github.com/")
    branch = options["repository_branch"]
    own = editions.notebook(Path(exercise).stem, language_of(app)).relative_to(ROOT).as_posix()
    context["exercise_colab"] = f"https://colab.research.google.com/github/{repository}/blob/{branch}/{own}"
    context["exercise_binder"] = f"https://mybinder.org/v2/gh/{repository}/{branch}?labpath={quote(own, safe='')}"
    context["exercise_file"] = context["pathto"](exercise, 1)
    context["exercise_data"] = b64encode((ROOT / own).read_bytes()).decode()
    buttons = app.builder.templates.render("exercise-buttons.html", context | {"say": site_words(app)})
    context["body"] = context["body"].replace("</h1>", f"</h1>{buttons}", 1)


def copy_files(app: Sphinx, error: Exception | None) -> None:
    """Add to the built site what no page brings: the exercise notebooks."""
    if error or app.builder.format != "html":
        return
    folder = Path(app.outdir)
    for meta in app.env.metadata.values():
        if "exercise" in meta and (ROOT / meta["exercise"]).is_file():
            (folder / meta["exercise"]).parent.mkdir(exist_ok=True)
            own = editions.notebook(Path(meta["exercise"]).stem, language_of(app))
            shutil.copyfile(own, folder / meta["exercise"])
    # Half a megabyte for the dozen icons that course.css draws.
    (folder / "_static/scripts/fontawesome.js").write_text("")


def lighten_figures(app: Sphinx, env: SphinxEnvType) -> None:
    """Make light what is not: the figures of a page that Sphinx itself executed."""
    for picture in Path(env.mystnb_config.output_folder).rglob("*.png"):
        as_it_is = picture.read_bytes()
        if (made_light := pictures.light(as_it_is)) != as_it_is:
            times = picture.stat().st_atime_ns, picture.stat().st_mtime_ns
            picture.write_bytes(made_light)
            os.utime(picture, ns=times)  # a newer picture would have its page read again


def setup(app: Sphinx) -> dict[str, bool]:
    os.environ.update(BNCOURSE_PAGE="1", OMP_NUM_THREADS="1")
    os.environ.pop("MPLBACKEND", None)  # another backend than that of the kernels would leave pages without figures
    execution.quiet_kernels()
    # Loaded with the table of contents; it keeps nothing between pages, and does not say so.
    app.extensions["sphinx_multitoc_numbering"].parallel_read_safe = True
    for noisy in ("myst_parser.sphinx_ext.main", "myst_nb.sphinx_ext"):  # all their settings, at every build
        getLogger(f"sphinx.{noisy}").setLevel("WARNING")
    # It looks through all that is installed for the style of each citation, a tenth of a build.
    pybtex.plugin._load_entry_point = cache(pybtex.plugin._load_entry_point)
    keys = PageKeys()
    app.connect("builder-inited", open_cache)
    app.connect("env-before-read-docs", partial(execute_pages, keys))
    app.connect("source-read", partial(add_key, keys))
    app.connect("doctree-read", note_exercise)
    app.connect("env-updated", lighten_figures)
    app.connect("html-page-context", add_page_context)
    app.connect("build-finished", copy_files)
    app.add_node(nodes.entry, override=True, html=(visit_entry, None))
    app.add_node(nodes.citation, override=True, html=(visit_citation, None))
    app.add_node(HideCodeCellNode, override=True, html=(visit_hidden_cell, depart_HideCellInput))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
