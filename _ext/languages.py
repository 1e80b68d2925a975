"""The course in other languages: what Sphinx's own translation leaves out is found, and put in."""

import dataclasses
import json
import re
from base64 import b64encode
from hashlib import sha256
from html import escape, unescape
from pathlib import Path
from typing import Any

from docutils import nodes
from myst_nb.core.render import MimeData, NbElementRenderer
from myst_nb.ext.glue.roles import PasteTextRole
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.transforms import SphinxTransform
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective
from sphinx.util.i18n import CatalogInfo

from bncourse.course.language import ENGLISH, Translate, folder_of, languages, read, translator
from bncourse.publishing import glued
from bncourse.publishing.sentences import DRAWN

log = logging.getLogger(__name__)

NAMES = {"en": "English", "ja": "日本語"}
THEME = "booktheme"  # the catalogue of what the theme says
ENGLISH_BY_THE_THEME = ("Main", "Page", "Toggle primary sidebar", "Toggle secondary sidebar")  # in every language
STATIC = Path(__file__).resolve().parent.parent / "book/_static"


def language_of(app: Sphinx) -> str:
    return app.config.language or ENGLISH


def site_words(app: Sphinx) -> Translate:
    """The translator of the words that the site itself says; it gives back what it does not know."""
    return translator(language_of(app), "site", "ledger")


def place_of(app: Sphinx, pagename: str, language: str = "") -> str:
    """Where a page lies on the site, in the language of this build unless another one is named."""
    code = language or language_of(app)
    return f"{'' if code == ENGLISH else code + '/'}{pagename}.html"


def is_translated(app: Sphinx, docname: str) -> bool:
    """Whether a page has a catalogue in the language of this build."""
    return language_of(app) == ENGLISH or (folder_of(language_of(app)) / f"{docname}.po").is_file()


SLUGS = "myst_slugs"  # where MyST keeps the names of a page's sections, for links such as `tour.md#what-it-buys`


class GlueText(PasteTextRole):  # type: ignore[misc]
    """`{glue:text}` that works in translated text too, which is parsed without the page's cells."""

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        if "nb_renderer" not in self.document and "::" not in self.text:
            key = self.text if ":" in self.text else f"{self.text}:s"
            self.text = f"/{self.document.settings.env.docname}.md::{key}"
        result: tuple[list[nodes.Node], list[nodes.system_message]] = super().run()
        return result


class GlueWords(SphinxPostTransform):
    """What `{glue:text}` has put into a translated page, in words of the page's language."""

    default_priority = 6  # what is glued into translated text is put in at 5

    def run(self, **kwargs: Any) -> None:
        if language_of(self.app) == ENGLISH or not is_translated(self.app, self.env.docname):
            return
        translate = glued.words_in(language_of(self.app))
        for part in self.document.findall(nodes.inline):
            if "pasted-text" in part["classes"]:
                part.children = [nodes.Text(translate(part.astext()))]


class BeforeTranslation(SphinxTransform):
    """Formulas are the same in all languages; a page's description is not."""

    default_priority = 9  # before messages are noted (10) and replaced (20)

    def apply(self, **kwargs: Any) -> None:
        metadata = self.env.metadata[self.env.docname]
        self.document.settings.names_of_sections = metadata.get(SLUGS)
        for formula in self.document.findall(nodes.math_block):
            formula["translatable"] = False
        matter = next(self.document.findall(nodes.field_list), None)
        if matter is None or matter.parent is not self.document:
            return
        for field in matter:
            for part in field.findall(nodes.TextElement):
                part["translatable"] = False  # or a key that is also a word of the page would be translated
            if field[0].astext() == "description":
                description = nodes.meta("", name="description", content=" ".join(field[1].astext().split()))
                description.source, description.line = self.document["source"], 1
                self.document.append(description)


class AfterToctrees(SphinxTransform):
    """Titles from `_toc.yml`, translated by the catalogue of the site."""

    default_priority = 101  # the table of contents is put in at 100

    def apply(self, **kwargs: Any) -> None:
        if (names := self.document.settings.names_of_sections) is not None:
            # The title of an admonition is translated as if it were a page, whose names then stand for the page's own.
            self.env.metadata[self.env.docname][SLUGS] = names
        _ = site_words(self.app)
        for toctree in self.document.findall(addnodes.toctree):
            toctree["entries"] = [(title and _(title), target) for title, target in toctree["entries"]]
            toctree["rawentries"] = []
            if not toctree.get("rawcaption"):
                toctree.attributes.pop("rawcaption", None)


def drawing(svg: str, _: Translate) -> str:
    """A drawing with its words in the language of the page."""
    return DRAWN.sub(lambda part: part[1] + escape(_(unescape(" ".join(part[2].split())))) + part[3], svg)


class Drawing(SphinxDirective):
    """`{drawing} exercise.svg` puts a drawing of `_static` into the page, its words translated."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        path = STATIC / self.arguments[0]
        self.env.note_dependency(str(path))
        return [nodes.raw("", drawing(path.read_text("utf8"), site_words(self.env.app)), format="html")]


def translate_settings(app: Sphinx, config: Config) -> None:
    """Words that stand in _config.yml; and pages are read again when the words of the site have changed."""
    if language_of(app) == ENGLISH:
        return
    theme = CatalogInfo(str(folder_of(language_of(app))), THEME, "utf-8")
    if theme.is_outdated():  # Sphinx would write it after the theme has asked for it
        theme.write_mo(language_of(app))
    app.add_message_catalog(THEME, str(Path(app.srcdir, "locale")))
    translate = site_words(app)
    words = [folder_of(language_of(app)) / f"{name}.po" for name in ("site", "ledger", "cells")]
    catalogues = b"".join(path.read_bytes() for path in words if path.is_file())
    config["site_words"] = sha256(catalogues + bytes([can_draw_figures()])).hexdigest()
    config["html_title"] = translate(config["html_title"])
    options = config.html_theme_options
    for place, name in ((options, "search_bar_text"), (options["logo"], "text"), (options, "extra_footer")):
        place[name] = translate(place[name])


def can_draw_figures() -> bool:
    """Whether there are letters for the words in figures; a build without says that figures stay English."""
    from bncourse.publishing import pictures  # with Matplotlib, which English pages do not need

    if not pictures.has_font():
        log.info("figures stay English: %s, which has the letters for them, is not installed", pictures.FONT)
    return pictures.has_font()


def load_messages(app: Sphinx) -> None:
    if language_of(app) != ENGLISH:
        app.add_js_file("messages.js", loading_method="defer")


def write_messages(app: Sphinx, error: Exception | None) -> None:
    """The words of the site's scripts, where Sphinx's own function `_` finds them."""
    words = folder_of(language_of(app)) / "site.po"
    if error or app.builder.format != "html" or language_of(app) == ENGLISH:
        return
    scripts = "".join(path.read_text("utf8") for path in sorted(STATIC.rglob("*.js")) if path.name != "editor.js")
    messages = read(words) if words.is_file() else {}
    used = {key: text for key, text in messages.items() if json.dumps(key, ensure_ascii=False)[1:-1] in scripts}
    used |= read(folder_of(language_of(app)) / "sphinx.po")  # what Sphinx's own scripts say, and its catalogue lacks
    content = json.dumps({"messages": used, "plural_expr": "0", "locale": language_of(app)}, ensure_ascii=False)
    Path(app.outdir, "_static/messages.js").write_text(f"Documentation.addTranslations({content});\n", "utf8")


def names_by_the_theme(page: str, language: str) -> str:
    """A page with the names of the theme's menus and buttons, which a screen reader says, in its language."""
    translate = translator(language, THEME)
    names = "|".join(ENGLISH_BY_THE_THEME)
    return re.sub(rf' (aria-label|title)="({names})"', lambda part: f' {part[1]}="{translate(part[2])}"', page)


def add_languages(
    app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: nodes.document | None
) -> None:
    """The same page in the other languages: English lies at the root of the site, others in a folder of their own."""
    here, site = language_of(app), app.config.html_baseurl
    context["named"] = lambda page: names_by_the_theme(page, here)
    up = "../" * (pagename.count("/") + (here != ENGLISH))
    paths = {code: place_of(app, pagename, code) for code in app.config.course_languages}
    context["switch"] = [(code, NAMES[code], up + path) for code, path in paths.items() if code != here]
    if site and len(paths) > 1 and doctree is not None:
        links = [f'<link rel="alternate" hreflang="{code}" href="{site}{path}"/>' for code, path in paths.items()]
        context["metatags"] = context.get("metatags", "") + "".join(links)
    context["metatags"] = re.sub(' translated="(True|False)"', "", context.get("metatags", ""))
    if here != ENGLISH:
        context["pageurl"] = f"{site}{place_of(app, pagename)}"
        if doctree is not None and not is_translated(app, pagename) and pagename != "book/references":
            _ = site_words(app)
            note = _("This page has not been translated yet.")
            body = context["body"].replace("</h1>", f'</h1><p class="untranslated" lang="{here}">{note}</p>', 1)
            context["body"] = f'<div lang="{ENGLISH}">{body}</div>'


def render_image(
    renderer: NbElementRenderer, data: MimeData, render: Any = NbElementRenderer.render_image
) -> list[nodes.Element]:
    """A cell's figure, drawn again in the language of the page if the cell kept it and its words are translated."""
    env = renderer.renderer.sphinx_env
    metadata = data.output_metadata.get(data.mime_type, {})
    figure = metadata.get("figure") if isinstance(metadata, dict) else None
    if figure and env and env.config.language not in (None, ENGLISH):
        from bncourse.publishing import pictures

        catalogue = folder_of(env.config.language) / "figures" / f"{Path(env.docname).name}.po"
        env.note_dependency(str(catalogue))
        if picture := pictures.in_language(figure, catalogue):
            data = dataclasses.replace(data, content=b64encode(picture).decode())
    nodes_made: list[nodes.Element] = render(renderer, data)
    return nodes_made


def setup(app: Sphinx) -> dict[str, bool]:
    NbElementRenderer.render_image = render_image  # MyST-NB has no door for it
    app.add_config_value("site_words", "", "env", str)
    app.add_config_value("course_languages", languages(), "html", list)
    app.add_transform(BeforeTranslation)
    app.add_transform(AfterToctrees)
    app.add_post_transform(GlueWords)
    app.add_role_to_domain("glue", "text", GlueText(), override=True)
    app.add_directive("drawing", Drawing)
    app.connect("config-inited", translate_settings)
    app.connect("builder-inited", load_messages)
    app.connect("build-finished", write_messages)
    app.connect("html-page-context", add_languages)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
