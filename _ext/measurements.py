"""The ledger's tables: what the executed pages measured, with the verdict on each claim, and what each page cost."""

from collections import defaultdict
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from docutils import nodes
from docutils.parsers.rst import directives
from myst_nb.sphinx_ import NbMetadataCollector
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util.docutils import SphinxDirective

from bncourse.ledger.entries import Entries, Evidence, entries_of_page
from bncourse.ledger.experiments import StoredRun, stored
from bncourse.ledger.verdicts import Verdict, verdict, verdict_of_entry
from bncourse.publishing import gpu

Cell = str | list[nodes.Node]


class Placeholder(nodes.General, nodes.Element):
    """A table that is made when all pages are executed; `kind` says which, `claim` for which claim."""


class Table(SphinxDirective):
    """`{evidence} C2` shows what was measured for a claim; `{verdicts}` lists all claims, `{costs}` all pages.

    `{gpu-run}` lists what each page took on a GPU, or says that no page has run on one.
    """

    optional_arguments = 1
    option_spec = {"class": directives.class_option}

    def run(self) -> list[nodes.Node]:
        self.env.metadata[self.env.docname]["tables"] = True
        return [Placeholder(kind=self.name, claim=" ".join(self.arguments))]


class FillTables(SphinxPostTransform):
    """Put the tables in the place of the placeholders."""

    default_priority = 8

    def run(self, **kwargs: Any) -> None:
        for placeholder in list(self.document.findall(Placeholder)):
            make = {"evidence": self.evidence, "verdicts": self.overview, "costs": self.costs}.get(
                placeholder["kind"], self.gpu
            )
            placeholder.replace_self(make(placeholder["claim"]))

    @cached_property
    def pages(self) -> dict[str, Entries]:
        """What each executed page entered, by docname, in the order of the table of contents."""
        folder = Path(self.env.mystnb_config.output_folder)
        executed, root = NbMetadataCollector.get_doc_data(self.env), self.env.config.root_doc
        docnames = [name for name in (root, *self.env.toctree_includes[root]) if "glue" in executed.get(name, {})]
        return {docname: entries_of_page(folder / f"{docname}.glue.json") for docname in docnames}

    @cached_property
    def stored_runs(self) -> dict[str, StoredRun | None]:
        """Each page's run with other seeds, by docname."""
        return {docname: stored(docname.split("/")[-1]) for docname in self.pages}

    @cached_property
    def by_claim(self) -> dict[str, list[tuple[str, Evidence]]]:
        """{claim: [(docname, entry), …]}, all pieces of evidence."""
        claims = defaultdict(list)
        for docname, entries in self.pages.items():
            for entry in entries.evidence:
                claims[entry.claim].append((docname, entry))
        return claims

    def verdict_on(self, claim: str) -> Verdict:
        return verdict(entry for _, entry in self.by_claim[claim])

    def evidence(self, claim: str) -> list[nodes.Node]:
        line = nodes.paragraph("", "Verdict: ", *badge(self.verdict_on(claim)), classes=["verdict"])
        rows = [self.evidence_row(docname, entry) for docname, entry in self.by_claim[claim]]
        head = ("compared", "measured", "verdict", "other seeds", "no effect is", "s", "cell")
        return [line, table(head, rows, "evidence")] if rows else [line]

    def evidence_row(self, docname: str, entry: Evidence) -> list[Cell]:
        link = self.link(docname, docname.split("/")[-1][:2].lstrip("0"), f"cell-{entry.cell}")
        stored_run, own_verdict = self.stored_runs[docname], verdict_of_entry(entry)
        again = stored_run.again(entry) if stored_run else None
        trained = f" ({self.pages[docname].trained})" if self.pages[docname].trained else ""
        return [
            [nodes.Text(entry.what), nodes.Text("; "), nodes.emphasis("", entry.scale), nodes.Text(trained)],
            interval(entry),
            badge(own_verdict),
            interval_and_verdict(again, own_verdict) if again else "–",
            no_effect(entry),
            f"{cost(self.pages[docname], entry.cell):.0f}",
            [link],
        ]

    def overview(self, _: str) -> nodes.Node:
        sections = self.document.findall(lambda node: isinstance(node, nodes.section) and node["names"])
        rows = []
        for section in sections:
            claim, _, sentence = section.next_node(nodes.title).astext().partition(": ")
            if sentence:
                link = nodes.reference("", claim, internal=True, refid=section["ids"][0])
                rows.append([[link], sentence, badge(self.verdict_on(claim)), str(len(self.by_claim[claim]))])
        return table(("id", "claim", "verdict", "measurements"), rows, "verdicts")

    def costs(self, _: str) -> nodes.Node:
        rows = [self.cost_row(docname, entries) for docname, entries in self.pages.items() if entries.costs]
        head = (
            "page",
            "cells",
            "processor seconds",
            "dearest cell, s",
            "memory, MiB",
            "seeds",
            "trained on",
            "on",
            "stored run",
        )
        return table(head, rows, "costs")

    def cost_row(self, docname: str, entries: Entries) -> list[Cell]:
        last, dearest = entries.costs[-1], max(entries.costs, key=lambda cost: cost.seconds)
        other = self.stored_runs[docname]
        return [
            [self.link(docname, self.env.titles[docname].astext())],
            str(len(entries.costs)),
            f"{sum(cost.seconds for cost in entries.costs):.0f}",
            [self.link(docname, f"{dearest.seconds:.0f}", f"cell-{dearest.cell}")],
            f"{last.peak:.0f}",
            ranges(last.seeds),
            entries.trained or "–",
            last.date,
            f"{ranges(other.seeds)}, {'all' if other.full else 'as many as shown'}" if other else "–",
        ]

    def gpu(self, _: str) -> list[nodes.Node]:
        run = gpu.stored()
        if run is None:
            return [nodes.paragraph("", "The pages have never run on a GPU.")]
        versions = ", ".join(f"{name} {version}" for name, version in run.versions.items())
        words = f"Run on {run.device}, driver {run.driver}, in {run.precision}; {versions}; commit {run.commit}."
        docnames = {docname.split("/")[-1]: docname for docname in self.pages}
        rows = [
            [
                [self.link(docnames[page.page], self.env.titles[docnames[page.page]].astext())],
                f"{page.seconds:.0f}",
                f"{page.peak:.0f}",
                "; ".join(page.trained) or "–",
                page.date,
                page.error or "; ".join(page.disputed) or "–",
            ]
            for page in run.pages
        ]
        head = ("page", "seconds", "memory on the GPU, MiB", "trained on", "on", "failed")
        return [nodes.paragraph("", words), table(head, rows, "gpu")]

    def link(self, docname: str, text: str, anchor: str = "") -> nodes.Node:
        target = self.app.builder.get_relative_uri(self.env.docname, docname)
        return nodes.reference("", text, internal=True, refuri=f"{target}#{anchor}" if anchor else target)


def cost(entries: Entries, cell: int) -> float:
    """Processor seconds of the page up to and including a cell, since the cell before that entered evidence."""
    first = max((entry.cell for entry in entries.evidence if entry.cell < cell), default=0)
    return sum(cost.seconds for cost in entries.costs if first < cost.cell <= cell)


def interval(entry: Evidence) -> str:
    """An effect and its interval, as text."""
    if entry.is_parity:
        return f"{entry.high:.1e}"
    digits = 0 if min(abs(entry.low), abs(entry.high)) >= 100 else 1 if abs(entry.effect) >= 1 else 2
    numbers = (entry.effect, entry.low, entry.high)
    effect, low, high = (f"{number:.{digits}f}".replace("-", "−") for number in numbers)
    unit = "×" if entry.unit == "x" else entry.unit
    return f"{effect} [{low}, {high}] {unit}".strip()


def interval_and_verdict(again: Evidence, here: Verdict) -> str:
    """The interval of a stored measurement, with its own verdict where that is not this build's."""
    there = verdict_of_entry(again)
    return interval(again) if there == here else f"{interval(again)}: {there}"


def no_effect(entry: Evidence) -> str:
    """What the rule compares an entry with, as text."""
    if entry.is_parity:
        return f"at most {entry.null:.0e}" if entry.null else "0"
    return f"{entry.null:g}" if entry.guide is None else f"{entry.null:g}; the guide: {entry.guide:g}"


def ranges(numbers: list[int]) -> str:
    """[0, 1, 2, 7] as "0–2, 7"."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][1] + 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    return ", ".join(f"{first}–{last}" if first < last else str(first) for first, last in runs) or "–"


def badge(verdict: Verdict) -> list[nodes.Node]:
    return [nodes.inline("", verdict, classes=["verdict-badge", verdict.replace(" ", "-")])]


def table(head: Sequence[str], rows: Sequence[Sequence[Cell]], kind: str) -> nodes.Node:
    """A table of texts, or lists of inline nodes, that scrolls inside its own box."""

    def row_of(cells: Sequence[Cell]) -> nodes.Node:
        entries = []
        for cell in cells:
            content = [nodes.Text(cell)] if isinstance(cell, str) else cell
            entries.append(nodes.entry("", nodes.paragraph("", "", *content)))
        return nodes.row("", *entries)

    group = nodes.tgroup("", *[nodes.colspec(colwidth=1) for _ in head], cols=len(head))
    group += [nodes.thead("", row_of(head)), nodes.tbody("", *map(row_of, rows))]
    return nodes.table("", group, classes=["ledger", f"ledger-{kind}"])


def number_cells(app: Sphinx, doctree: nodes.document) -> None:
    """Give each cell of an executed page an id to link to: cell-1, cell-2, …"""
    cells = doctree.findall(lambda node: isinstance(node, nodes.container) and node.get("nb_element") == "cell_code")
    for number, cell in enumerate(cells, start=1):
        cell["ids"].append(f"cell-{number}")


def written_again(app: Sphinx, env: BuildEnvironment) -> list[str]:
    """The pages with tables, which follow from all the others."""
    return [docname for docname, metadata in env.metadata.items() if metadata.get("tables")]


def setup(app: Sphinx) -> dict[str, bool]:
    for name in ("evidence", "verdicts", "costs", "gpu-run"):
        app.add_directive(name, Table)
    app.add_node(Placeholder)
    app.add_post_transform(FillTables)
    app.connect("doctree-read", number_cells)
    app.connect("env-updated", written_again)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
