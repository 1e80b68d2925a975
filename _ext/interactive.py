"""Figures that can be played with, questions that answer, and the map that shows how far a reader has come."""

import json
from html import escape
from pathlib import Path

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective

from bncourse import verdicts

FIGURES = "figures"
log = logging.getLogger(__name__)


class LiveData(nodes.General, nodes.Element):
    """What is known only when all pages are executed: data `key` of the page, or the map of the course."""


def html(text):
    return nodes.raw("", text, format="html")


class Live(SphinxDirective):
    """`{live} shift` runs `_static/figures/shift.js`; its content is the still picture for readers without scripts.

    `data` names what a cell of the page recorded by `bncourse.results.recorded`; `label` says what the figure is;
    `uses` names scripts that the figure's own needs before it.
    """

    required_arguments = 1
    has_content = True
    option_spec = {
        "data": directives.unchanged,
        "label": directives.unchanged_required,
        "uses": directives.unchanged_required,
    }

    def run(self):
        (name,) = self.arguments
        scripts = [*self.options.get("uses", "").split(), name]
        self.env.metadata[self.env.docname].setdefault("figures", []).extend(scripts)
        still = nodes.container(classes=["still"])
        self.state.nested_parse(self.content, self.content_offset, still)
        label = escape(self.options.get("label", name), quote=True)
        start = html(f'<figure class="live" data-figure="{escape(name, quote=True)}" data-label="{label}">')
        data = [LiveData(key=self.options["data"])] if "data" in self.options else []
        return [start, *data, still, html("</figure>")]


class Quiz(SphinxDirective):
    """A question with answers, one of them right.

    The argument names the question within its page. The content is the question, then a list: the first paragraph of an
    item is an answer, the rest says why it is right or wrong. `right` counts the right one from 1.
    """

    required_arguments = 1
    has_content = True
    option_spec = {"right": directives.positive_int}

    def run(self):
        content = nodes.container()
        self.state.nested_parse(self.content, self.content_offset, content)
        lists = [node for node in content.children if isinstance(node, nodes.bullet_list)]
        items = lists[0].children if lists else []
        right = self.options.get("right", 0)
        if len(lists) != 1 or not 1 <= right <= len(items) or any(len(item) < 2 for item in items):
            raise self.error("a quiz has a question, one list of answers with a reason below each, and :right: NUMBER")
        page = self.env.docname.split("/")[-1]
        self.env.metadata[self.env.docname].setdefault("quizzes", []).append(self.arguments[0])
        id = f"quiz-{self.arguments[0]}"
        parts = [
            html(f'<form class="quiz" id="{id}" data-page="{page}" data-right="{right}"><fieldset><legend>'),
            *[node for node in content.children if node is not lists[0]],
            html("</legend>"),
        ]
        for number, item in enumerate(items, start=1):
            place = f"{id}-{number}"
            radio = f'<input type="radio" name="{id}" id="{place}" value="{number}" aria-describedby="{place}-why">'
            parts += [html(f'<div class="answer">{radio}<label for="{place}">'), *item[0].children]
            parts += [html(f'</label><div class="why" id="{place}-why">'), *item.children[1:], html("</div></div>")]
        ending = '<button type="submit" hidden>Check</button> <output class="result" role="status"></output></form>'
        return [*parts, html(f"</fieldset>{ending}")]


class CourseMap(SphinxDirective):
    """`{coursemap}` lists the chapters, with the questions of each that this reader has answered."""

    def run(self):
        self.env.metadata[self.env.docname]["map"] = True
        return [LiveData(key="")]


class FillLiveData(SphinxPostTransform):
    """Put in what the pages recorded, and the map."""

    default_priority = 8

    def run(self, **kwargs):
        for place in list(self.document.findall(LiveData)):
            place.replace_self(self.data(place["key"]) if place["key"] else self.course_map())

    def data(self, key):
        docname = self.env.docname
        values = verdicts.glued(Path(self.env.mystnb_config.output_folder) / f"{docname}.glue.json")
        if f"data {key}" not in values:
            log.warning("no cell of this page recorded %r", key, location=docname)
            return []
        safe = values[f"data {key}"].replace("<", "\\u003c")
        return [html(f'<script type="application/json">{safe}</script>')]

    def course_map(self):
        items = []
        for docname in self.env.toctree_includes.get(self.env.config.root_doc, self.env.titles):
            quizzes = self.env.metadata[docname].get("quizzes", [])
            page = docname.split("/")[-1]
            if not quizzes:
                continue
            target = self.app.builder.get_relative_uri(self.env.docname, docname)
            names = escape(json.dumps(quizzes), quote=True)
            title = escape(self.env.titles[docname].astext())
            items.append(
                f'<li><a href="{target}">{title}</a> <span class="answered" data-page="{page}" '
                f'data-quizzes="{names}">{len(quizzes)} questions</span></li>'
            )
        return [html(f'<ol class="course-map">{"".join(items)}</ol>')]


def add_scripts(app, pagename, templatename, context, doctree):
    """Load what a page uses, and nothing else."""
    metadata = app.env.metadata.get(pagename, {})
    figures = dict.fromkeys(metadata.get("figures", []))
    for name in ["live", *figures] if figures else []:
        app.add_js_file(f"{FIGURES}/{name}.js", loading_method="defer")
    if metadata.get("quizzes") or metadata.get("map"):
        app.add_js_file("quiz.js", loading_method="defer")


def written_again(app, env):
    """The pages that show the map, which follows from all the others."""
    return [docname for docname, metadata in env.metadata.items() if metadata.get("map")]


def setup(app):
    app.add_directive("live", Live)
    app.add_directive("quiz", Quiz)
    app.add_directive("coursemap", CourseMap)
    app.add_node(LiveData)
    app.add_post_transform(FillLiveData)
    app.connect("html-page-context", add_scripts)
    app.connect("env-updated", written_again)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
