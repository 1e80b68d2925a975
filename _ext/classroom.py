"""Exercises in the page: text and stub from the notebook's source, and what the built site needs to check answers."""

from html import escape
from pathlib import Path
from typing import Any

from docutils import nodes
from docutils.statemachine import StringList
from languages import language_of, site_words
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from bncourse.authoring import editions
from bncourse.course import cells, curriculum, notebooks
from bncourse.course.errors import CourseError
from bncourse.publishing import classroom
from bncourse.publishing.needs import needs_torch


def html(text: str) -> nodes.raw:
    return nodes.raw("", text, format="html")


class Exercises(SphinxDirective):
    """`{exercises} 3` holds a card for each exercise of a chapter, unless the site is built without."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        if not self.config.exercise_cards:
            return []
        exercises = curriculum.find(self.arguments[0])
        chapter = exercises[0].chapter
        path = editions.notebook(chapter, language_of(self.env.app))
        _ = site_words(self.env.app)
        for file in (path, exercises[0].check_file):  # which tells whether PyTorch is needed
            self.env.note_dependency(str(file))
        here = [exercise.id for exercise in exercises if not needs_torch(exercise)]
        self.env.metadata[self.env.docname]["exercises"] = here
        texts = {cells.name_of(cell): cells.source_of(cell) for cell in notebooks.load(path)["cells"]}
        words = _("Or solve them here: open one, write, and check. What you write stays in this browser.")
        parts: list[nodes.Node] = [html(f'<div class="exercises">{f"<p>{words}</p>" if here else ""}')]
        # A bonus comes last, as in the notebook.
        for exercise in sorted(exercises, key=lambda exercise: exercise.bonus):
            parts += self.card(exercise, texts)
        status = '<span class="status" role="status"></span>'
        tools = f'<div class="exchange" data-chapter="{chapter}" hidden>{status}</div>' if here else ""
        return [*parts, html(f"{tools}</div>")]

    def card(self, exercise: curriculum.Exercise, texts: dict[str, str]) -> list[nodes.Node]:
        question = texts[exercise.cell.replace("ex-", "q-")]
        title, _, text = question.lstrip("# ").partition("\n")
        number, _, title = title.partition(" ")
        points, _, text = text.strip().partition("\n")
        _ = site_words(self.env.app)
        name, here = f"exercise-{number.replace('.', '-')}", not needs_torch(exercise)
        data = f'data-exercise="{number}" data-chapter="{exercise.chapter}"'
        data += f' data-answer="{exercise.cell}"' if here else ""
        solved = _("solved ✓")  # what the style sheet shows once it is
        summary = f'{number} {escape(title)} <span class="points" data-solved="{solved}">{points.strip("*")}</span>'
        body = nodes.container()
        lines = StringList(text.splitlines(), source=str(exercise.chapter))
        self.state.nested_parse(lines, self.content_offset, body)
        for part in body.findall(nodes.TextElement):
            part["translatable"] = False  # it is from the notebook, which has a catalogue of its own
        stub = escape(texts[exercise.cell], quote=False)
        if here:
            keys = _("Shift + Enter checks. Tab indents; Escape, then Tab, leaves the editor.")
            no_script = _("To solve it here, let this page run scripts; or take the chapter's notebook.")
            below = (
                f'<div class="editor" hidden></div><p class="keys" id="{name}-keys" hidden>{keys}</p>'
                '<div class="tools" hidden></div><p class="kept"></p><p class="status" role="status"></p>'
                '<p class="amount" aria-hidden="true"></p><div class="result" role="status"></div>'
                f'<p class="no-script">{no_script}</p>'
            )
        else:
            file = f"../exercises/{exercise.chapter}.ipynb"
            words = _("It needs PyTorch, which no browser runs: solve it in the chapter's notebook.")
            take = _("Take it from here.")
            below = f'<p>{words} <a href="{file}" download>{take}</a></p>'
        label = _("what is given")
        code = f'<pre class="stub" tabindex="0" aria-label="{label}">{stub}</pre>'
        start = html(f'<details class="exercise" id="{name}" {data}><summary>{summary}</summary>')
        return [start, *body.children, html(f"{code}{below}</details>")]


class Places(SphinxDirective):
    """`{exercise-places}` lists all exercises, with their points and where each can be solved."""

    def run(self) -> list[nodes.Node]:
        rows, _ = [], site_words(self.env.app)
        page, notebook = _("in the page, or in the notebook"), _("in the notebook: it needs PyTorch")
        for exercise in curriculum.exercises().values():
            name = notebooks.asked()[exercise.chapter][exercise.cell]
            place = notebook if needs_torch(exercise) else page
            points = f"{exercise.points}{', ' + _('bonus') if exercise.bonus else ''}"
            rows.append(f"<tr><td>{exercise.id}<td><code>{escape(name)}</code><td>{points}<td>{place}")
        here = sum(row.endswith(page) for row in rows)
        words = _("{here} of {all} exercises are solved in the page, by anyone, with nothing installed.")
        count = f"<p>{words.format(here=here, all=len(rows))}</p>"
        names = (_("exercise"), _("you write"), _("points"), _("solved"))
        head = f"<thead><tr>{''.join(f'<th>{name}' for name in names)}</thead>"
        table = f'<table class="table">{head}<tbody>{"".join(rows)}</tbody></table>'
        return [html(f'{count}<div class="pst-scrollable-table-container">{table}</div>')]


def write_classroom(app: Sphinx, error: Exception | None) -> None:
    """Without Python for the browser the site is built all the same; its exercises then say so."""
    if error or app.builder.format != "html" or not app.config.exercise_cards:
        return
    try:
        classroom.write(Path(app.outdir), language_of(app))
    except CourseError as problem:
        print(f"note: {problem}", flush=True)


def setup(app: Sphinx) -> dict[str, Any]:
    app.add_config_value("exercise_cards", True, "env", bool)
    app.add_directive("exercises", Exercises)
    app.add_directive("exercise-places", Places)
    app.connect("build-finished", write_classroom)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
