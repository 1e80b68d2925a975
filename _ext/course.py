"""What the course adds to Sphinx: an execution cache that sees changed helpers, and exercise buttons."""

import ast
import hashlib
import os
import re
import shutil
from base64 import b64encode
from html import escape
from logging import getLogger
from pathlib import Path
from urllib.parse import quote

from jupyter_cache import get_cache
from jupyter_client import KernelManager
from myst_nb.core.read import is_myst_markdown_notebook, read_myst_markdown_notebook
from PIL import Image
from sphinx.util import logging

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = "bncourse"
PINS = ROOT / "constraints.txt"
KERNELSPEC = re.compile(r"^kernelspec:\n(?=( +)\S)", re.M)
MINE = re.compile(r"""\bmine\(["'](\d+)\.\d+["']\)""")
EMPTY_HEADER = re.compile(r"<th[^>]*>(<p>\s*</p>)?</th>")
ROLES = re.compile(r' role="(doc-biblioentry|list)"')
MAGIC = re.compile(r"^\s*[%!].*$", re.M)
log = logging.getLogger(__name__)


def module_file(name):
    """The file of a module in this checkout; None for anything else, such as a function of a module."""
    path = ROOT.joinpath(*name.split("."))
    return next((file for file in (path.with_suffix(".py"), path / "__init__.py") if file.is_file()), None)


def imported_names(nodes, package):
    """Dotted names from the course's package that `nodes` import; `package` is where relative imports start."""
    for node in nodes:
        if isinstance(node, ast.Import):
            names = [f"{alias.name}.*" for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            parents = package.split(".")
            base = parents[: len(parents) + 1 - node.level] if node.level else []
            names = [".".join([*base, *filter(None, [node.module]), alias.name]) for alias in node.names]
        else:
            continue
        yield from (name for name in names if name.split(".")[0] == PACKAGE)


def helper_files(code):
    """Every file of the package that `code` may run: the modules it imports, those that they import, and so on.

    What `__init__.py` imports inside its functions counts only where something other than a module is
    imported from it: `from bncourse import check` needs the checks, `from bncourse import data` does not.
    """
    files, seen = set(), set()
    waiting = list(imported_names(ast.walk(ast.parse(code)), ""))
    while waiting:
        name = waiting.pop()
        if not name or name in seen:
            continue
        seen.add(name)
        parent = name.rpartition(".")[0]
        waiting.append(parent)
        module = name if module_file(name) else parent
        file = module_file(module)
        if file is None:
            continue
        files.add(file)
        tree = ast.parse(file.read_text("utf8"))
        is_package = file.name == "__init__.py"
        nodes = tree.body if is_package and module == name else ast.walk(tree)
        waiting += imported_names(nodes, module if is_package else module.rpartition(".")[0])
    return files


def key_cache(app, docname, source):
    """Put a digest of helpers and pinned versions where the execution cache looks: in the page's kernelspec."""
    if not is_myst_markdown_notebook(source[0]):
        return
    place = KERNELSPEC.search(source[0])
    if not place:
        log.warning("its front matter lacks 'kernelspec:' with 'name: python3' on a line below it", location=docname)
        return
    notebook = read_myst_markdown_notebook(source[0])
    cells = [MAGIC.sub("", cell.source) for cell in notebook.cells if cell.cell_type == "code"]
    code = "\n".join(cells)
    try:
        files = sorted(helper_files(code))
    except SyntaxError:
        files = []  # the cell fails when it runs, and says so better
    # On a page, mine("5.4") is the reference solution.
    files += [file for chapter in MINE.findall(code) for file in ROOT.glob(f"solutions/{int(chapter):02}_*.ipynb")]
    digest = hashlib.sha256()
    for file in [*files, PINS]:
        app.env.note_dependency(str(file))
        digest.update(file.read_bytes() if file.exists() else b"")
    line = f"{place[1]}digest: {digest.hexdigest()[:16]}\n"
    source[0] = source[0][: place.end()] + line + source[0][place.end() :]


def open_cache(app):
    """Create the cache's database before parallel readers fork, or they all try to."""
    folder = app.config.nb_execution_cache_path or Path(app.outdir).parent / ".jupyter_cache"
    _ = get_cache(folder).db


def note_exercise(app, doctree):
    """Render a page again when the notebook named in its front matter changes; warn if there is none."""
    exercise = app.env.metadata[app.env.docname].get("exercise")
    if exercise:
        app.env.note_dependency(str(ROOT / exercise))
        if not (ROOT / exercise).is_file():
            log.warning("%s does not exist: run 'make notebooks'", exercise, location=app.env.docname)


def add_page_context(app, pagename, templatename, context, doctree):
    """Pass the front matter on: the description to search engines and cards, the exercise to exercise-buttons.html."""
    meta = context.get("meta") or {}
    # For screen readers: a header without words is a cell, a list of references is text, a summary has its own words.
    body = ROLES.sub("", EMPTY_HEADER.sub("<td></td>", context.get("body", "")))
    context["body"] = body.replace(' aria-label="Toggle hidden content"', "")
    if "description" in meta:
        site, words = app.config.html_baseurl, escape(meta["description"])
        cards = {
            "og:title": escape(context.get("title", "")),
            "og:description": words,
            "og:type": "article",
            "og:url": f"{site}{pagename}.html",
            "og:image": f"{site}_static/card.png",
        }
        context["metatags"] += f'<meta name="description" content="{words}">'
        context["metatags"] += "".join(f'<meta property="{name}" content="{value}">' for name, value in cards.items())
    for script in context["script_files"]:
        if pagename == "search":  # its own scripts, which do not wait, call these
            script.attributes.pop("defer", None)
        elif script.filename and "documentation_options" not in script.filename:
            script.attributes["defer"] = "defer"  # a page is shown before its scripts are there
    if "exercise" in meta and (ROOT / meta["exercise"]).is_file():
        options = app.config.html_theme_options
        repository = options["repository_url"].removeprefix("https://github.com/")
        place = f"{repository}/blob/{options['repository_branch']}/{meta['exercise']}"
        context["exercise_colab"] = f"https://colab.research.google.com/github/{place}"
        branch, path = options["repository_branch"], quote(meta["exercise"], safe="")
        context["exercise_binder"] = f"https://mybinder.org/v2/gh/{repository}/{branch}?labpath={path}"
        context["exercise_file"] = context["pathto"](meta["exercise"], 1)
        context["exercise_data"] = b64encode((ROOT / meta["exercise"]).read_bytes()).decode()
        buttons = app.builder.templates.render("exercise-buttons.html", context)
        context["body"] = context["body"].replace("</h1>", f"</h1>{buttons}", 1)


def copy_files(app, error):
    """Add to the built site what no page brings: the exercise notebooks."""
    if error or app.builder.format != "html":
        return
    out = Path(app.outdir)
    for meta in app.env.metadata.values():
        if "exercise" in meta and (ROOT / meta["exercise"]).is_file():
            (out / meta["exercise"]).parent.mkdir(exist_ok=True)
            shutil.copyfile(ROOT / meta["exercise"], out / meta["exercise"])
    # Half a megabyte for the dozen icons that course.css draws.
    (out / "_static/scripts/fontawesome.js").write_text("")


def lighten_figures(app, env):
    """Store the figures of executed cells with 256 colours, which is enough for them and half as heavy, or less."""
    for picture in Path(env.mystnb_config.output_folder).rglob("*.png"):
        with Image.open(picture) as image:
            if image.mode == "P":
                continue
            light = image.convert("RGB").quantize(256, Image.Quantize.MAXCOVERAGE)  # or it loses rare colours
        times = picture.stat().st_atime_ns, picture.stat().st_mtime_ns
        light.save(picture, optimize=True)
        os.utime(picture, ns=times)  # a newer picture would have its page read again


def setup(app):
    os.environ.update(BNCOURSE_PAGE="1", OMP_NUM_THREADS="1")
    os.environ.pop("MPLBACKEND", None)  # another backend than that of the kernels would leave pages without figures
    if hasattr(KernelManager, "transport_encryption"):  # off by default, and each kernel warns of that
        KernelManager.transport_encryption.default_value = "auto"
    # Loaded with the table of contents; it keeps nothing between pages, and does not say so.
    app.extensions["sphinx_multitoc_numbering"].parallel_read_safe = True
    for noisy in ("myst_parser.sphinx_ext.main", "myst_nb.sphinx_ext"):  # all their settings, at every build
        getLogger(f"sphinx.{noisy}").setLevel("WARNING")
    app.connect("builder-inited", open_cache)
    app.connect("source-read", key_cache)
    app.connect("doctree-read", note_exercise)
    app.connect("env-updated", lighten_figures)
    app.connect("html-page-context", add_page_context)
    app.connect("build-finished", copy_files)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
