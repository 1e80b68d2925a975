"""Figures that can be played with, questions that answer, and the map that shows how far a reader has come."""

import json
from html import escape
from pathlib import Path
from typing import Any

from docutils import nodes
from docutils.parsers.rst import directives
from languages import drawing, language_of, site_words
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective
from sphinx.writers.html5 import HTML5Translator

from bncourse.course.language import Translate
from bncourse.ledger.entries import entries_of_page
from bncourse.publishing.glued import words_in

FIGURES = "figures"
STATIC = Path(__file__).resolve().parent.parent / "book/_static"
log = logging.getLogger(__name__)


class Later(nodes.General, nodes.Element):
    """What is put in when all pages are executed; `kind` names the method that makes it of `key`."""


class Sentence(nodes.General, nodes.TextElement):
    """A line of text without an element around it, such as an answer in its label; translated like a paragraph."""


class Opening(addnodes.translatable, nodes.Element):
    """The opening tag of a figure, with the label that says what it is; translated like a paragraph."""

    def preserve_original_messages(self) -> None:
        self["original"] = self["label"]

    def extract_original_messages(self) -> list[str]:
        return [self["original"]]

    def apply_translated_message(self, original: str, translated: str) -> None:
        self["label"] = translated


def html(text: str) -> nodes.raw:
    return nodes.raw("", text, format="html")


def named(data: Any, translate: Translate) -> Any:
    """Recorded data with the names in it translated."""
    if isinstance(data, list):
        return [named(part, translate) for part in data]
    if isinstance(data, dict):
        return {
            key: translate(value) if key == "name" and isinstance(value, str) else named(value, translate)
            for key, value in data.items()
        }
    return data


def nothing(translator: HTML5Translator, node: nodes.Node) -> None:
    """Nothing stands before or behind the node's children."""


def open_figure(translator: HTML5Translator, node: Opening) -> None:
    name, label = (escape(node[key], quote=True) for key in ("name", "label"))
    translator.body.append(f'<figure class="live" data-figure="{name}" data-label="{label}">')


def sentence_of(paragraph: nodes.paragraph) -> Sentence:
    sentence = Sentence(paragraph.rawsource, "", *paragraph.children)
    sentence.source, sentence.line = paragraph.source, paragraph.line
    return sentence


class Live(SphinxDirective):
    """`{live} shift` runs `_static/figures/shift.js`; its content is the caption.

    `data` names what a cell of the page recorded by `ledger.entries.recorded`; `label` says what the figure is;
    `still`, what readers without scripts see, names a figure of the page or a drawing in `_static`; `uses` names
    scripts that the figure's own needs before it.
    """

    required_arguments = 1
    has_content = True
    option_spec = {
        "data": directives.unchanged,
        "label": directives.unchanged_required,
        "still": directives.unchanged_required,
        "uses": directives.unchanged_required,
    }

    def run(self) -> list[nodes.Node]:
        (name,) = self.arguments
        scripts = [*self.options.get("uses", "").split(), name]
        self.env.metadata[self.env.docname].setdefault("figures", []).extend(scripts)
        if missing := {"label", "still"} - set(self.options):
            raise self.error(f"a figure to play with needs :{':, :'.join(sorted(missing))}:")
        caption = nodes.container()
        self.state.nested_parse(self.content, self.content_offset, caption)
        start = Opening(name=name, label=self.options["label"])
        start.source, start.line = self.get_source_info()
        data = [Later(kind="data", key=self.options["data"])] if "data" in self.options else []
        still = Later(kind="still", key=self.options["still"])
        figcaption = [html("<figcaption>"), *caption.children, html("</figcaption>")] if self.content else []
        return [start, *data, still, *figcaption, html("</figure>")]


class Quiz(SphinxDirective):
    """A question with answers, one of them right.

    The argument names the question within its page. The content is the question, then a list: the first paragraph of an
    item is an answer, the rest says why it is right or wrong. `right` counts the right one from 1; readers without
    scripts find it marked.
    """

    required_arguments = 1
    has_content = True
    option_spec = {"right": directives.positive_int}

    def run(self) -> list[nodes.Node]:
        content = nodes.container()
        self.state.nested_parse(self.content, self.content_offset, content)
        lists = [node for node in content.children if isinstance(node, nodes.bullet_list)]
        items = lists[0].children if lists else []
        right = self.options.get("right", 0)
        if len(lists) != 1 or not 1 <= right <= len(items) or any(len(item) < 2 for item in items):
            raise self.error("a quiz has a question, one list of answers with a reason below each, and :right: NUMBER")
        page = self.env.docname.split("/")[-1]
        self.env.metadata[self.env.docname].setdefault("quizzes", []).append(self.arguments[0])
        quiz_id, _ = f"quiz-{self.arguments[0]}", site_words(self.env.app)
        praise, check = _("Right."), _("Check")
        parts = [
            html(f'<form class="quiz" id="{quiz_id}" data-page="{page}" data-right="{right}"><fieldset><legend>'),
            *[node for node in content.children if node is not lists[0]],
            html("</legend>"),
        ]
        for number, item in enumerate(items, start=1):
            answer_id = f"{quiz_id}-{number}"
            radio = (
                f'<input type="radio" name="{quiz_id}" id="{answer_id}" value="{number}" '
                f'aria-describedby="{answer_id}-why">'
            )
            parts += [html(f'<div class="answer">{radio}<label for="{answer_id}">'), sentence_of(item[0])]
            mark = f'<span class="mark">{praise}</span>' if number == right else ""
            why = html(f'</label><div class="why" id="{answer_id}-why">{mark}')
            parts += [why, *item.children[1:], html("</div></div>")]
        button = f'<button type="submit" hidden>{check}</button>'
        ending = f'{button} <output class="result" role="status"></output></form>'
        return [*parts, html(f"</fieldset>{ending}")]


class CourseMap(SphinxDirective):
    """`{coursemap}` lists the chapters, with the questions of each that this reader has answered."""

    def run(self) -> list[nodes.Node]:
        self.env.metadata[self.env.docname]["map"] = True
        return [Later(kind="course_map", key="")]


class FillIn(SphinxPostTransform):
    """Put in what the pages recorded, still pictures, and the map."""

    default_priority = 8

    def run(self, **kwargs: Any) -> None:
        for later in list(self.document.findall(Later)):
            make = {"data": self.data, "still": self.still, "course_map": self.course_map}[later["kind"]]
            later.replace_self(make(later["key"]))

    def data(self, key: str) -> list[nodes.Node]:
        docname = self.env.docname
        recorded = entries_of_page(Path(self.env.mystnb_config.output_folder) / f"{docname}.glue.json").data
        if key not in recorded:
            log.warning("no cell of this page recorded %r", key, location=docname)
            return []
        data = named(recorded[key], words_in(language_of(self.app)))
        safe = json.dumps(data, separators=(",", ":")).replace("<", "\\u003c")
        return [html(f'<script type="application/json">{safe}</script>')]

    def still(self, key: str) -> list[nodes.Node]:
        if key.endswith(".svg"):
            return [html(f'<div class="still">{drawing((STATIC / key).read_text("utf8"), site_words(self.app))}</div>')]
        figures = [figure for figure in self.document.findall(nodes.figure) if key in figure["ids"]]
        if not figures:
            log.warning("no figure of this page is named %r", key, location=self.env.docname)
            return []
        # A browser that runs scripts does not fetch it.
        picture = figures[0].next_node(nodes.image).deepcopy()
        return [html('<noscript><div class="still">'), picture, html("</div></noscript>")]

    def course_map(self, key: str) -> list[nodes.Node]:
        items, _ = [], site_words(self.app)
        for docname in self.env.toctree_includes.get(self.env.config.root_doc, self.env.titles):
            quizzes = self.env.metadata[docname].get("quizzes", [])
            exercises = self.env.metadata[docname].get("exercises", [])
            page = docname.split("/")[-1]
            if not quizzes and not exercises:
                continue
            target = self.app.builder.get_relative_uri(self.env.docname, docname)
            names, numbers = (escape(json.dumps(some), quote=True) for some in (quizzes, exercises))
            title = escape(self.env.titles[docname].astext())
            count = _("{count} questions").format(count=len(quizzes))
            items.append(
                f'<li><a href="{target}">{title}</a> <span class="answered" data-page="{page}" '
                f'data-quizzes="{names}" data-exercises="{numbers}">{count}</span></li>'
            )
        return [html(f'<ol class="course-map">{"".join(items)}</ol>')]


def add_scripts(
    app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: nodes.document | None
) -> None:
    """Load what a page uses, and nothing else."""
    metadata = app.env.metadata.get(pagename, {})
    figures = dict.fromkeys(metadata.get("figures", []))
    for name in ["live", *figures] if figures else []:
        app.add_js_file(f"{FIGURES}/{name}.js", loading_method="defer")
    if metadata.keys() & {"quizzes", "exercises", "map"}:
        app.add_js_file("quiz.js", loading_method="defer")


def written_again(app: Sphinx, env: BuildEnvironment) -> list[str]:
    """The pages that show the map, which follows from all the others."""
    return [docname for docname, metadata in env.metadata.items() if metadata.get("map")]


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_directive("live", Live)
    app.add_directive("quiz", Quiz)
    app.add_directive("coursemap", CourseMap)
    app.add_node(Later)
    app.add_node(Sentence, html=(nothing, nothing))
    app.add_node(Opening, html=(open_figure, nothing))
    app.add_post_transform(FillIn)
    app.connect("html-page-context", add_scripts)
    app.connect("env-updated", written_again)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
