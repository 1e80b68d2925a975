"""The ledger: each claim with its verdict and what the executed pages measured of it; and what each page cost."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

from docutils import nodes
from languages import site_words
from ledger_directives import Choice, ChoiceRole, Claimed, EffectRole, Placeholder, Table
from ledger_tables import Cell, badge, promise, ranges, shown, table
from myst_nb.sphinx_ import NbMetadataCollector
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util import logging

from bncourse.course.language import Translate
from bncourse.ledger.claims import CLAIMS, Claim, claims
from bncourse.ledger.entries import Entries, Evidence, entries_of_page
from bncourse.ledger.experiments import StoredRun, stored
from bncourse.ledger.verdicts import FALSE_DISCOVERIES, Agreement, Verdict, agreement, verdicts
from bncourse.publishing import gpu

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Row:
    """A measurement as a build has it, the page it is from, and the stored run of that page."""

    docname: str
    build: Evidence
    run: StoredRun | None

    @property
    def again(self) -> Evidence | None:
        """The same measurement in the stored run."""
        return self.run.again(self.build) if self.run else None

    @property
    def decisive(self) -> Evidence:
        """What a verdict rests on: the stored run; the build where nothing is stored, as of formulas."""
        return self.again or self.build


class FillTables(SphinxPostTransform):
    """Put the tables in the place of the placeholders, and one sentence or number in the place of each choice."""

    default_priority = 8

    def run(self, **kwargs: Any) -> None:
        for placeholder in list(self.document.findall(Placeholder)):
            kind = placeholder["kind"]
            if kind in ("answer", "measurements"):
                make = self.answer if kind == "answer" else self.measurements
                placeholder.replace_self(make(self.claims[placeholder["claim"]]))
            else:
                tables = {"verdicts": self.counts, "costs": self.costs, "gpu-run": self.gpu}
                placeholder.replace_self(tables[kind]())
        for choice in list(self.document.findall(Choice)):
            if choice["kind"] == "effect":
                choice.replace_self(nodes.Text(self.effect(choice["key"], choice["form"])))
                continue
            case = self.sign(choice["key"]) if choice["kind"] == "sign" else self.decided(choice["key"])
            texts = {child["when"]: child.astext() for child in choice.children}
            choice.replace_self(nodes.Text(texts.get(case) or texts["else"]))
        if "glue" in NbMetadataCollector.get_doc_data(self.env).get(self.env.docname, {}):
            self.name_precision(entries_of_page(self.glued(self.env.docname)).trained)

    def name_precision(self, trained: str) -> None:
        """At the end of a page on which networks train: on what, in which precision, and where that is explained."""
        end: nodes.Element = self.document
        while end.children and isinstance(end.children[-1], nodes.section):
            end = end.children[-1]
        if trained:
            _ = self.translate
            words = _("Trained on {trained}.").format(trained=trained)
            end += nodes.paragraph("", "", self.link("book/status", words), classes=["trained-on"])

    def sign(self, key: str) -> str:
        """Where the interval of a measurement lies: above no effect, below it, or between, so that it contains it."""
        claim, slash, what = key.partition(" / ")
        if slash and (claim, what) in self.rows:
            entry = self.rows[claim, what].build
            low, high, null = entry.low, entry.high, entry.null
        elif interval := means_of_page(self.glued(self.env.docname)).get(key):
            (low, high), null = interval, 0.0
        else:
            log.warning("no cell measured %r with an interval", key, location=self.env.docname)
            return "between"
        return "above" if low > null else "below" if high < null else "between"

    def effect(self, key: str, form: str) -> str:
        """The mean effect of a measurement in this build, as text."""
        claim, _, what = key.partition(" / ")
        if (claim, what) not in self.rows:
            log.warning("no page enters %r", key, location=self.env.docname)
            return "?"
        return format(self.rows[claim, what].build.effect, form).replace("-", "−")

    def decided(self, claim: str) -> str:
        if claim not in self.verdicts:
            log.warning("no claim %r", claim, location=self.env.docname)
        return str(self.verdicts.get(claim, "else"))

    def glued(self, docname: str) -> Path:
        """What the cells of a page handed on."""
        return Path(self.env.mystnb_config.output_folder) / f"{docname}.glue.json"

    @cached_property
    def translate(self) -> Translate:
        return site_words(self.app)

    @cached_property
    def claims(self) -> dict[str, Claim]:
        return _claims(_changed(CLAIMS))

    @cached_property
    def pages(self) -> dict[str, Entries]:
        """What each executed page entered, by docname, in the order of the table of contents."""
        executed, root = NbMetadataCollector.get_doc_data(self.env), self.env.config.root_doc
        docnames = [
            name for name in (root, *self.env.toctree_includes.get(root, ())) if "glue" in executed.get(name, {})
        ]
        return {docname: _entries(path, _changed(path)) for docname in docnames for path in [self.glued(docname)]}

    @cached_property
    def stored_runs(self) -> dict[str, StoredRun | None]:
        """Each page's run with other seeds, by docname."""
        return {docname: stored(docname.split("/")[-1]) for docname in self.pages}

    @cached_property
    def rows(self) -> dict[tuple[str, str], Row]:
        """All measurements, by the claim that they were entered under and what they compare."""
        return {
            entry.measurement: Row(docname, entry, self.stored_runs[docname])
            for docname, entries in self.pages.items()
            for entry in entries.evidence
        }

    @cached_property
    def verdicts(self) -> dict[str, Verdict]:
        """The verdict on each claim; a row that no page enters is a warning."""
        for claim in self.claims.values():
            named = [claim.row] if claim.row else []
            for row in [*named, *((claim.id, what) for what in claim.left_out)]:
                if row not in self.rows:
                    log.warning("%s: no page enters %r", CLAIMS.name, " | ".join(row), location=self.env.docname)
        rows = {claim: self.row_of(claim) for claim in self.claims.values()}
        return verdicts({claim: row.decisive if row else None for claim, row in rows.items()})

    def row_of(self, claim: Claim) -> Row | None:
        """The measurement that decides a claim."""
        return self.rows.get(claim.row) if claim.row else None

    def agreement_on(self, claim: Claim) -> Agreement | None:
        """What this build says of the stored run that decides a claim; None where nothing is stored."""
        row = self.row_of(claim)
        return agreement(claim, row.again, row.build) if row and row.again else None

    def answer(self, claim: Claim) -> nodes.Node:
        row, _ = self.row_of(claim), self.translate
        words: list[nodes.Node] = [nodes.strong("", _("Measured:")), nodes.Text(" ")]
        if row is None:
            words += [nodes.Text(_("nothing that answers it. "))]
        else:
            words += [nodes.Text(_("{effect}. ").format(effect=shown(row.decisive, _) + promise(claim.number, _)))]
        words += badge(self.verdicts[claim.id], _)
        again = self.agreement_on(claim)
        if again:
            words += [nodes.Text(_(" This build {agrees}.").format(agrees=_(again)))]
        return nodes.paragraph("", "", *words, classes=["verdict"])

    def measurements(self, claim: Claim) -> list[nodes.Node]:
        """All that was measured of a claim, the decisive row first, and where the stored run of that is from."""
        first = self.row_of(claim)
        others = [
            row
            for (name, what), row in self.rows.items()
            if name == claim.id and what not in claim.left_out and row is not first
        ]
        rows = [self.measurement(row, decides=row is first) for row in ([first] if first else []) + others]
        if not rows:
            return []
        _ = self.translate
        head = (_("compared"), _("stored run"), _("this build"), _("cell"))
        parts: list[nodes.Node] = [table(head, rows, "evidence")]
        if first and first.run and first.again:
            run = first.run
            text = _(
                "Stored run: {date}, commit {commit}, {machine}, seeds {seeds}, {seconds} s for the page."
            ).format(
                date=run.date, commit=run.commit, machine=run.machine, seeds=ranges(run.seeds),
                seconds=run.processor_seconds,
            )  # fmt: skip
            parts.append(nodes.paragraph("", text, classes=["provenance"]))
        return parts

    def measurement(self, row: Row, decides: bool) -> list[Cell]:
        entry, number = row.build, row.docname.split("/")[-1][:2].lstrip("0")
        _ = self.translate
        what: list[nodes.Node] = [nodes.strong("", _("Decides: "))] if decides else []
        trained = f" ({self.pages[row.docname].trained})" if self.pages[row.docname].trained else ""
        what += [nodes.Text(f"{_(entry.what)}; "), nodes.emphasis("", _(entry.scale)), nodes.Text(trained)]
        again = shown(row.again, _) if row.again else "–"
        return [what, again, shown(entry, _), [self.link(row.docname, number, f"cell-{entry.cell}")]]

    def counts(self) -> list[nodes.Node]:
        """How many claims have which verdict, and which; then how many of these may be wrong."""
        rows: list[Sequence[Cell]] = []
        _ = self.translate
        for verdict in Verdict:
            names = [name for name, own in self.verdicts.items() if own == verdict]
            links: list[nodes.Node] = []
            for name in names:
                link = nodes.reference("", name, internal=True, refid=f"claim-{name.lower()}")
                links += [nodes.Text(", "), link] if links else [link]
            if names:
                rows.append([badge(verdict, _), str(len(names)), links])
        directions = sum(verdict.has_direction for verdict in self.verdicts.values())
        again = [agreement for claim in self.claims.values() if (agreement := self.agreement_on(claim))]
        numbers = {kind: again.count(kind) for kind in Agreement}
        text = _(
            "Of the {directions} verdicts that name a direction, at most {wrong} should be wrong. Of the {stored} that "
            "rest on a stored run, this build with its few seeds agrees with {agrees}, cannot tell {undecided}, and "
            "disagrees with {disagrees}."
        ).format(
            directions=directions, wrong=f"{FALSE_DISCOVERIES * directions:.0f}", stored=len(again),
            agrees=numbers[Agreement.AGREES], undecided=numbers[Agreement.CANNOT_TELL],
            disagrees=numbers[Agreement.DISAGREES],
        )  # fmt: skip
        return [table((_("verdict"), _("claims"), _("which")), rows, "verdicts"), nodes.paragraph("", text)]

    def costs(self) -> nodes.Node:
        rows = [self.cost_row(docname, entries) for docname, entries in self.pages.items() if entries.costs]
        _ = self.translate
        head = (
            _("page"), _("cells"), _("processor seconds"), _("dearest cell, s"), _("memory, MiB"), _("seeds"),
            _("trained on"), _("on"), _("stored run"),
        )  # fmt: skip
        return table(head, rows, "costs")

    def cost_row(self, docname: str, entries: Entries) -> list[Cell]:
        _ = self.translate
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
            ranges(other.seeds) + (_(", all") if other.full else _(", as many as shown")) if other else "–",
        ]

    def gpu(self) -> list[nodes.Node]:
        run, _ = gpu.stored(), self.translate
        if run is None:
            return [nodes.paragraph("", _("The pages have never run on a GPU."))]
        versions = ", ".join(f"{name} {version}" for name, version in run.versions.items())
        words = _("Run on {device}, driver {driver}, in {precision}; {versions}; commit {commit}.").format(
            device=run.device, driver=run.driver, precision=run.precision, versions=versions, commit=run.commit
        )
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
        head = (_("page"), _("seconds"), _("memory on the GPU, MiB"), _("trained on"), _("on"), _("failed"))
        return [nodes.paragraph("", words), table(head, rows, "gpu")]

    def link(self, docname: str, text: str, anchor: str = "") -> nodes.Node:
        target = self.app.builder.get_relative_uri(self.env.docname, docname)
        return nodes.reference("", text, internal=True, refuri=f"{target}#{anchor}" if anchor else target)


def means_of_page(path: Path) -> dict[str, tuple[float, float]]:
    """{name: (low, high)} of what a page measured with several values, from the `.glue.json` that the build keeps."""
    outputs = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    texts = {name: output["data"].get("text/plain", "") for name, output in outputs.items()}
    means = {name: (float(texts[name]), float(texts[f"{name}_ci"])) for name in texts if f"{name}_ci" in texts}
    return {name: (mean - half, mean + half) for name, (mean, half) in means.items()}


def number_cells(app: Sphinx, doctree: nodes.document) -> None:
    """Give each cell of an executed page an id to link to: cell-1, cell-2, …"""
    cells = doctree.findall(lambda node: isinstance(node, nodes.container) and node.get("nb_element") == "cell_code")
    for number, cell in enumerate(cells, start=1):
        cell["ids"].append(f"cell-{number}")


def written_again(app: Sphinx, env: BuildEnvironment) -> list[str]:
    """The pages with tables, which follow from all the others."""
    return [docname for docname, metadata in env.metadata.items() if metadata.get("tables")]


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_directive("evidence", Claimed)
    for name in ("verdicts", "costs", "gpu-run"):
        app.add_directive(name, Table)
    for name in ("sign", "decided"):
        app.add_role(name, ChoiceRole())
    app.add_role("effect", EffectRole())
    app.add_node(Placeholder)
    app.add_node(Choice)
    app.add_post_transform(FillTables)
    app.connect("doctree-read", number_cells)
    app.connect("env-updated", written_again)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


# Nine pages ask for them in one build; they are read once.


def _changed(path: Path) -> int:
    return path.stat().st_mtime_ns if path.exists() else 0


@lru_cache(maxsize=100)
def _entries(path: Path, changed: int) -> Entries:
    return entries_of_page(path)


@lru_cache(maxsize=2)
def _claims(changed: int) -> dict[str, Claim]:
    return claims()
