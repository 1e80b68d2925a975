"""What pages write to have the ledger on them: its tables, a claim, a sentence or number that follows from it."""

from docutils import nodes
from docutils.parsers.rst import directives
from docutils.statemachine import StringList
from languages import site_words
from ledger_tables import html
from sphinx.util.docutils import SphinxDirective, SphinxRole

from bncourse.ledger.claims import CLAIMS, Claim, claims
from bncourse.ledger.verdicts import Verdict


class Placeholder(nodes.General, nodes.Element):
    """What is made when all pages are executed; `kind` says which, `claim` for which claim."""


class Table(SphinxDirective):
    """`{verdicts}` counts the verdicts and lists their claims, `{costs}` lists all pages.

    `{gpu-run}` lists what each page took on a GPU, or says that no page has run on one.
    """

    option_spec = {"class": directives.class_option}

    def run(self) -> list[nodes.Node]:
        self.env.metadata[self.env.docname]["tables"] = True
        return [Placeholder(kind=self.name)]


class Claimed(SphinxDirective):
    """`{evidence} C2` shows a claim of `book/claims.yml`: the guide's sentence, the question, the answer, the verdict.

    The rest is folded: why this question, what speaks against it, all other measurements, the source.
    """

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        self.env.metadata[self.env.docname]["tables"] = True
        self.env.note_dependency(str(CLAIMS))
        (name,) = self.arguments
        if name not in claims():
            raise self.error(f"no claim {name} in {CLAIMS.name}")
        claim, _ = claims()[name], site_words(self.env.app)
        card = nodes.container(classes=["claim"])
        card += self.parsed(f"**The guide:** {claim.says}\n\n**Asked:** {claim.question}")
        card += Placeholder(kind="answer", claim=name)
        more = _("More on {claim}").format(claim=name)
        card += html(f'<details class="claim-more"><summary>{more}</summary>')
        card += self.parsed("\n\n".join(f"**{title}:** {text}" for title, text in remarks(claim) if text))
        card += Placeholder(kind="measurements", claim=name)
        if claim.left_out:
            lines = [f"- {what[:1].upper()}{what[1:]}: *{reason}.*" for what, reason in claim.left_out.items()]
            card += self.parsed("\n".join(["**No evidence on this claim:**", "", *lines]))
        card += html("</details>")
        return [card]

    def parsed(self, text: str) -> list[nodes.Node]:
        content = nodes.container()
        self.state.nested_parse(StringList(text.splitlines(), str(CLAIMS)), self.content_offset, content)
        return content.children


def remarks(claim: Claim) -> list[tuple[str, str]]:
    """What is said of a claim besides its question: titles, and texts or nothing."""
    plural = "s" if "–" in claim.lines else ""
    return [
        ("Why this question", claim.why),
        ("Against it", claim.caution),
        ("Changed", claim.changed),
        ("Its source", claim.source),
        ("In the guide", f"line{plural} {claim.lines}."),
    ]


class Choice(nodes.Inline, nodes.Element):
    """Sentences of which the page shows one; `kind` and `key` say what decides, each child says `when`."""


class ChoiceRole(SphinxRole):
    """A sentence chosen by what was measured.

    `{sign}` takes three: for an interval above no effect, one that contains it, one below. What was measured is a name
    of this page by `measured` with several values, or an entry of evidence: ``{sign}`ch06_held ? saves | cannot tell |
    costs` ``, ``{sign}`D7 / what was compared ? saves | cannot tell | costs` ``. `{decided}` takes one for each
    verdict of the ledger on a claim, and "else": ``{decided}`E4 ? opposite: it loses | else: it does not` ``.
    """

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        key, mark, texts = self.text.partition(" ? ")
        alternatives = [text.strip() for text in texts.split("|")]
        cases = ["above", "between", "below"]
        if self.name == "decided":
            cases, _, alternatives = map(list, zip(*(text.partition(": ") for text in alternatives)))
        known = {str(verdict) for verdict in Verdict} | {"else"}
        wrong = self.name == "decided" and (not set(cases) <= known or "else" not in cases)
        if not mark or len(alternatives) != len(cases) or not all(alternatives) or wrong:
            problem = self.inliner.reporter.error(f"{self.name}: {self.text!r} names no choice", line=self.lineno)
            return [], [problem]
        choice = Choice(kind=self.name, key=key)
        choice += [nodes.inline("", text, when=case) for case, text in zip(cases, alternatives)]
        if self.name == "decided":
            self.env.metadata[self.env.docname]["tables"] = True
        return [choice], []


class EffectRole(SphinxRole):
    """The number of a measurement in the ledger, on any page: ``{effect}`C2 / what was compared:.1f` ``."""

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        key, _, form = self.text.rpartition(":")
        self.env.metadata[self.env.docname]["tables"] = True
        return [Choice(kind=self.name, key=key, form=form)], []
