"""The ledger's tables: what the executed pages measured, with the verdict on each claim, and what each page cost."""

from collections import defaultdict
from functools import cached_property
from pathlib import Path

from docutils import nodes
from docutils.parsers.rst import directives
from myst_nb.sphinx_ import NbMetadataCollector
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util.docutils import SphinxDirective

from bncourse import verdicts


class Placeholder(nodes.General, nodes.Element):
    """A table that is made when all pages are executed; `kind` says which, `claim` for which claim."""


class Table(SphinxDirective):
    """`{evidence} C2` shows what was measured for a claim; `{verdicts}` lists all claims, `{costs}` all pages."""

    optional_arguments = 1
    option_spec = {"class": directives.class_option}

    def run(self):
        self.env.metadata[self.env.docname]["tables"] = True
        return [Placeholder(kind=self.name, claim=" ".join(self.arguments))]


class FillTables(SphinxPostTransform):
    """Put the tables in the place of the placeholders."""

    default_priority = 8

    def run(self, **kwargs):
        for place in list(self.document.findall(Placeholder)):
            make = {"evidence": self.evidence, "verdicts": self.overview, "costs": self.costs}[place["kind"]]
            place.replace_self(make(place["claim"]))

    @cached_property
    def pages(self):
        """(docname, what `verdicts.glued` reads of it) for each executed page, in their order."""
        folder = Path(self.env.mystnb_config.output_folder)
        known = NbMetadataCollector.get_doc_data(self.env)
        names = sorted(name for name, data in known.items() if "glue" in data)
        return [(name, verdicts.glued(folder / f"{name}.glue.json")) for name in names]

    @cached_property
    def by_claim(self):
        """{claim: [(docname, values, entry), …]}, all pieces of evidence."""
        found = defaultdict(list)
        for docname, values in self.pages:
            for entry in verdicts.entries_in(values):
                found[entry["claim"]].append((docname, values, entry))
        return found

    def evidence(self, claim):
        found = self.by_claim[claim]
        told = verdicts.verdict([entry for _, _, entry in found])
        line = nodes.paragraph("", "Verdict: ", *badge(told), classes=["verdict"])
        if not found:
            return [line]
        rows = []
        for docname, values, entry in found:
            link = self.link(docname, docname.split("/")[-1][:2].lstrip("0"), f"cell-{entry['cell']}")
            again = other_seeds(docname, entry)
            rows.append(
                [
                    [nodes.Text(entry["what"]), nodes.Text("; "), nodes.emphasis("", entry["scale"])],
                    interval(entry),
                    badge(verdicts.verdict_of_entry(entry)),
                    in_words(again, verdicts.verdict_of_entry(entry)) if again else "–",
                    needed(entry),
                    f"{cost(values, entry['cell']):.0f}",
                    [link],
                ]
            )
        head = ("compared", "measured", "verdict", "other seeds", "no effect is", "s", "cell")
        return [line, table(head, rows, "evidence")]

    def overview(self, _):
        claims = self.document.findall(lambda node: isinstance(node, nodes.section) and node["names"])
        rows = []
        for section in claims:
            title = section.next_node(nodes.title).astext()
            claim, _, words = title.partition(": ")
            if words:
                found = self.by_claim[claim]
                told = verdicts.verdict([entry for _, _, entry in found])
                link = nodes.reference("", claim, internal=True, refid=section["ids"][0])
                rows.append([[link], words, badge(told), str(len(found))])
        return table(("id", "claim", "verdict", "measurements"), rows, "verdicts")

    def costs(self, _):
        rows = []
        for docname, values in self.pages:
            entries = verdicts.entries_in(values, "cost")
            if not entries:
                continue
            last, dearest = entries[-1], max(entries, key=lambda entry: entry["seconds"])
            title = self.env.titles[docname].astext()
            other = verdicts.stored(docname.split("/")[-1])
            again = f"{runs_of(other['seeds'])}, {'all' if other['full'] else 'as many as shown'}" if other else "–"
            rows.append(
                [
                    [self.link(docname, title)],
                    str(len(entries)),
                    f"{sum(entry['seconds'] for entry in entries):.0f}",
                    [self.link(docname, f"{dearest['seconds']:.0f}", f"cell-{dearest['cell']}")],
                    f"{last['peak']:.0f}",
                    runs_of(last["seeds"]),
                    last["date"],
                    again,
                ]
            )
        head = ("page", "cells", "processor seconds", "dearest cell, s", "memory, MiB", "seeds", "on", "stored run")
        return table(head, rows, "costs")

    def link(self, docname, words, anchor=""):
        target = self.app.builder.get_relative_uri(self.env.docname, docname)
        return nodes.reference("", words, internal=True, refuri=f"{target}#{anchor}" if anchor else target)


def cost(values, cell):
    """Processor seconds of the page up to and including a cell, since the cell before that entered evidence."""
    before = [entry["cell"] for entry in verdicts.entries_in(values) if entry["cell"] < cell]
    first = max(before, default=0)
    costs = verdicts.entries_in(values, "cost")
    return sum(entry["seconds"] for entry in costs if first < entry["cell"] <= cell)


def other_seeds(docname, entry):
    """The same measurement in the stored run with other seeds; None if there is none."""
    for other in verdicts.stored(docname.split("/")[-1]).get("evidence", []):
        if (other["claim"], other["what"]) == (entry["claim"], entry["what"]) and entry["unit"] != "parity":
            return other
    return None


def interval(entry):
    """An effect and its interval, as text."""
    if entry["unit"] == "parity":
        return f"{entry['high']:.1e}"
    numbers = [entry["effect"], entry["low"], entry["high"]]
    digits = 0 if min(abs(entry["low"]), abs(entry["high"])) >= 100 else 1 if abs(entry["effect"]) >= 1 else 2
    effect, low, high = (f"{number:.{digits}f}".replace("-", "−") for number in numbers)
    return f"{effect} [{low}, {high}] {words_of(entry['unit'])}".strip()


def in_words(again, verdict):
    """The interval of a stored measurement, with its own verdict where that is not this build's."""
    other = verdicts.verdict_of_entry(again)
    return interval(again) if other == verdict else f"{interval(again)}: {other}"


def needed(entry):
    """What the rule compares an entry with, as text."""
    if entry["unit"] == "parity":
        return f"at most {entry['null']:.0e}" if entry["null"] else "0"
    return f"{entry['null']:g}" if entry["guide"] is None else f"{entry['null']:g}; the guide: {entry['guide']:g}"


def words_of(unit):
    return "×" if unit == "x" else unit


def runs_of(numbers):
    """[0, 1, 2, 7] as "0–2, 7"."""
    runs = []
    for number in numbers:
        if runs and number == runs[-1][1] + 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    return ", ".join(f"{first}–{last}" if first < last else str(first) for first, last in runs) or "–"


def badge(verdict):
    return [nodes.inline("", verdict, classes=["verdict-badge", verdict.replace(" ", "-")])]


def table(head, rows, kind):
    """A table of texts, or lists of inline nodes, that scrolls inside its own box."""

    def row_of(cells):
        entries = []
        for cell in cells:
            content = [nodes.Text(cell)] if isinstance(cell, str) else cell
            entries.append(nodes.entry("", nodes.paragraph("", "", *content)))
        return nodes.row("", *entries)

    group = nodes.tgroup("", *[nodes.colspec(colwidth=1) for _ in head], cols=len(head))
    group += [nodes.thead("", row_of(head)), nodes.tbody("", *map(row_of, rows))]
    return nodes.table("", group, classes=["ledger", f"ledger-{kind}"])


def number_cells(app, doctree):
    """Give each cell of an executed page an id to link to: cell-1, cell-2, …"""
    cells = doctree.findall(lambda node: isinstance(node, nodes.container) and node.get("nb_element") == "cell_code")
    for number, cell in enumerate(cells, start=1):
        cell["ids"].append(f"cell-{number}")


def written_again(app, env):
    """The pages with tables, which follow from all the others."""
    return [docname for docname, metadata in env.metadata.items() if metadata.get("tables")]


def setup(app):
    for name in ("evidence", "verdicts", "costs"):
        app.add_directive(name, Table)
    app.add_node(Placeholder)
    app.add_post_transform(FillTables)
    app.connect("doctree-read", number_cells)
    app.connect("env-updated", written_again)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
