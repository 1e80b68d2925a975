"""The ledger: every claim, no typed number, each verdict by the stated rule; and the runs behind it."""

import copy
import json
import re
from dataclasses import asdict, replace

import pytest
import yaml
from bs4 import BeautifulSoup

from bncourse.__main__ import main
from bncourse.course.errors import CourseError
from bncourse.course.paths import ROOT
from bncourse.ledger import experiments
from bncourse.ledger.entries import entries_of_page
from bncourse.ledger.verdicts import probability
from bncourse.publishing.keys import pins

LEDGER = ROOT / "book" / "ledger.md"
STORED = sorted(path.stem for path in (ROOT / "book/results").glob("[0-9]*.json"))
CLAIMS = [f"{group}{number}" for group, last in zip("ABCDE", (7, 8, 8, 8, 10)) for number in range(1, last + 1)]


def test_every_claim_has_a_row_and_no_other_claim_has_one():
    assert re.findall(r"^### (\S+):", LEDGER.read_text("utf8"), re.M) == CLAIMS
    assert re.findall(r"^```\{evidence\} (\S+)$", LEDGER.read_text("utf8"), re.M) == CLAIMS


def test_the_ledger_types_no_number_but_what_it_quotes():
    """Numbers stand where the guide and its sources are quoted; what was measured comes from the pages."""
    rows = LEDGER.read_text("utf8").split("\n## Why normalise\n")[1]
    quoted = r"^\*\*(The guide|Its source):\*\* .*$|^\(claim-\w+\)=$|^#+ .*$|^```(\{evidence\} \w+)?$"
    assert not re.sub(quoted, "", rows, flags=re.M).strip()
    for heading in re.findall(r"^### \w+: (.*)$", rows, re.M):
        assert not re.search(r"\d", heading.replace("BatchNorm1d`, `2d`, `3d", "").replace("mean 0 and variance 1", ""))


@pytest.fixture(scope="module")
def measured(book):
    """Every piece of evidence that the pages of the built book entered, by claim, in the order of the pages."""
    claims = {}
    for path in sorted((book.parent / "jupyter_execute" / "book").glob("*.glue.json")):
        for entry in entries_of_page(path).evidence:
            claims.setdefault(entry.claim, []).append(entry)
    return claims


@pytest.fixture(scope="module")
def ledger(book):
    return BeautifulSoup((book / "book/ledger.html").read_text("utf8"), "html.parser")


@pytest.fixture(scope="module")
def rows(measured):
    """{(claim, what): (as this build has it, as the stored run of its page has it or None)}."""
    runs = [experiments.stored(stem) for stem in STORED]
    again = {entry.measurement: entry for run in runs for entry in run.evidence if not entry.is_parity}
    entries = [entry for entries in measured.values() for entry in entries]
    return {entry.measurement: (entry, again.get(entry.measurement)) for entry in entries}


def fields(claim):
    return yaml.safe_load((ROOT / "book/claims.yml").read_text("utf8"))[claim]


def decides(claim, rows):
    """The measurement that the file names, as the stored run has it, or this build where nothing is stored."""
    name = fields(claim).get("row")
    own, bar, what = (name or "").partition(" | ")
    build, again = rows[(own, what) if bar else (claim, name)] if name else (None, None)
    return again or build, again and build


def by_the_rule_of_the_page(claim, entry):
    """The rule once more, as its sentences read, apart from the code that wrote the page."""
    if entry is None:
        return "not tested"
    if entry.unit == "parity":
        return "holds" if entry.high <= entry.null else "does not hold"
    margin, number = fields(claim)["margin"], fields(claim).get("number", {})
    if entry.high < entry.null:
        return "opposite"
    if entry.low > entry.null:
        low = {"about": lambda g: g, "at least": lambda g: g, "between": lambda g: g[0]}
        high = {"about": lambda g: g, "up to": lambda g: g, "between": lambda g: g[1]}
        least = max([low[words](value) / 1.5 for words, value in number.items() if words in low], default=-float("inf"))
        most = min([high[words](value) * 1.5 for words, value in number.items() if words in high], default=float("inf"))
        sizes = {"smaller": entry.high < least, "larger": entry.low > most}
        sizes["reproduced"] = least <= entry.low and entry.high <= most
        return next((verdict for verdict, true in sizes.items() if true), "undecided")
    ends = (1 / margin, margin) if entry.unit == "x" else (-margin, margin)
    return "no effect here" if ends[0] < entry.low and entry.high < ends[1] else "undecided"


def section_of(claim, ledger):
    return ledger.find(id=f"claim-{claim.lower()}").find_parent("section")


def beyond_benjamini_and_hochberg(rows):
    """Claims whose p-value is not among those that the procedure lets pass."""
    entries = {claim: entry for claim in CLAIMS if (entry := decides(claim, rows)[0]) and entry.unit != "parity"}
    values = sorted((probability(entry), claim) for claim, entry in entries.items())
    passed = [rank for rank, (value, _) in enumerate(values, 1) if value <= 0.05 * rank / len(values)]
    return {claim for _, claim in values[max(passed) :]}


def test_each_verdict_on_the_page_follows_from_the_measurement_that_decides(ledger, rows):
    beyond = beyond_benjamini_and_hochberg(rows)
    for claim in CLAIMS:
        badges = [badge.text for badge in section_of(claim, ledger).select(".verdict-badge")]
        alone = by_the_rule_of_the_page(claim, decides(claim, rows)[0])
        directed = alone in ("reproduced", "smaller", "larger", "opposite")
        assert badges == ["undecided" if directed and claim in beyond else alone], claim


def plain(text):
    return " ".join(text.replace("’", "'").split())


def shown_numbers(text):
    return [float(number) for number in re.findall(r"-?\d+(?:\.\d+)?(?:e-?\d+)?", text.replace("−", "-"))]


def assert_shows(text, entry):
    raw = [entry.high] if entry.unit == "parity" else [entry.effect, entry.low, entry.high]
    assert shown_numbers(text)[: len(raw)] == pytest.approx(raw, rel=0.1, abs=0.51), (entry.measurement, text)


def test_the_answer_to_each_question_is_the_measurement_that_decides(ledger, rows):
    for claim in CLAIMS:
        answer, entry = section_of(claim, ledger).select_one("p.verdict").text, decides(claim, rows)[0]
        assert answer.startswith("Measured: ")
        if entry is None:
            assert "nothing that answers it" in answer
        else:
            assert_shows(answer, entry)


def test_the_page_says_whether_this_build_repeats_the_stored_run(ledger, rows):
    for claim in CLAIMS:
        stored, build = decides(claim, rows)
        answer = section_of(claim, ledger).select_one("p.verdict").text
        assert ("This build" in answer) == (build is not None), claim
        if build and build.low <= stored.high and stored.low <= build.high:
            assert "disagrees" not in answer, claim
        if build and "agrees." in answer.replace("disagrees.", ""):
            assert by_the_rule_of_the_page(claim, build) == by_the_rule_of_the_page(claim, stored), claim


def test_all_other_measurements_are_folded_shown_and_without_a_vote(ledger, rows):
    for claim in CLAIMS:
        folded = section_of(claim, ledger).select_one("details.claim-more")
        assert not folded.has_attr("open") and not folded.select(".verdict-badge")
        left_out = fields(claim).get("left out", {})
        expected = [pair for (name, what), pair in rows.items() if name == claim and what not in left_out]
        first = decides(claim, rows)[0]
        if first and first.claim != claim:
            expected.insert(0, rows[first.measurement])
        shown = {row.select("td")[0].text: row.select("td")[1:3] for row in folded.select("tbody tr")}
        assert len(shown) == len(expected), claim
        for build, again in expected:
            (text,) = [text for text in shown if text.removeprefix("Decides: ").startswith(f"{build.what}; ")]
            assert text.startswith("Decides: ") == (build.measurement == (first.measurement if first else None))
            assert_shows(shown[text][1].text, build)
            if again:
                assert_shows(shown[text][0].text, again)
        for what, reason in left_out.items():
            assert plain(reason) in plain(folded.text), claim
            assert not [text for text in shown if what in text]


def test_the_ledger_is_read_in_ten_minutes_on_a_phone(ledger):
    """What is not folded has at most 240 words a minute."""
    article = copy.copy(ledger.select_one("article.bd-article"))
    for folded in article.select("details"):
        folded.decompose()
    assert len(article.text.split()) <= 2400
    assert [table for table in article.select("table") if len(table.select("tr")[0].select("th")) > 3] == []


def test_every_piece_of_evidence_belongs_to_a_claim(measured):
    assert measured and not set(measured) - set(CLAIMS)


DECIDED = re.compile(r"\{decided\}`(\w+) \? ([^`]+)`")


def test_sentences_on_a_verdict_are_those_of_the_ledger(book, ledger):
    texts = {path.stem: path.read_text("utf8") for path in LEDGER.parent.glob("*.md")}
    chosen = [(stem, *match) for stem, text in texts.items() for match in DECIDED.findall(text)]
    assert len(chosen) >= 4
    for stem, claim, alternatives in chosen:
        page = BeautifulSoup((book / f"book/{stem}.html").read_text("utf8"), "html.parser")
        sentences = dict(text.strip().split(": ", 1) for text in alternatives.split("|"))
        verdict = section_of(claim, ledger).select_one(".verdict-badge").text
        assert plain(sentences.get(verdict, sentences["else"])) in plain(page.select_one("article").text)


def test_the_overview_counts_every_claim_under_its_verdict(ledger):
    for row in ledger.select("table.ledger-verdicts tbody tr"):
        verdict, count, names = (cell.text for cell in row.select("td"))
        assert len(names.split(", ")) == int(count)
        for claim in names.split(", "):
            assert section_of(claim, ledger).select_one(".verdict-badge").text == verdict
    listed = [cell.text for cell in ledger.select("table.ledger-verdicts tbody a")]
    assert sorted(listed) == sorted(CLAIMS)


def test_the_status_page_lists_every_page_with_cells_and_none_is_too_dear(book):
    status = BeautifulSoup((book / "book/status.html").read_text("utf8"), "html.parser")
    rows = [[cell.text for cell in row.select("td")] for row in status.select("table.ledger-costs tbody tr")]
    executed = list((book.parent / "jupyter_execute" / "book").glob("[0-9]*.glue.json"))
    assert len(rows) >= len(executed) > 0
    assert rows[0][0].startswith("The tour")  # in the order of the table of contents, where it comes first
    # The course promises 20 s; a machine that builds and tests at once may take twice as long.
    assert not [row for row in rows if float(row[3]) > 40]


def test_every_page_says_on_what_and_in_which_precision_it_trained(book):
    status = BeautifulSoup((book / "book/status.html").read_text("utf8"), "html.parser")
    for row in status.select("table.ledger-costs tbody tr"):
        trained, address = row.select("td")[6].text, row.select_one("a")["href"]
        page = (book / "book" / address).read_text("utf8")
        said = re.findall(r'<p class="trained-on"><a [^>]*href="status.html"[^>]*>(.*?)</a></p>', page)
        assert said == [f"Trained on {trained}."] * (trained != "–"), address


PAGE = """---
file_format: mystnb
kernelspec:
  name: python3
---

# A page

```{code-cell} python
from bncourse.ledger.entries import evidence, seeds

runs = seeds(2, 5)
evidence("C1", "seeds", [float(seed) for seed in runs], unit="points", scale="nothing")
```
"""


@pytest.fixture
def small_course(tmp_path, monkeypatch):
    (tmp_path / "07_small.md").write_text(PAGE)
    (tmp_path / "08_silent.md").write_text(PAGE.replace("evidence(", "print("))
    monkeypatch.setattr(experiments, "PAGES", tmp_path)
    monkeypatch.setattr(experiments, "RESULTS", tmp_path / "results")
    return tmp_path


@pytest.mark.parametrize(("options", "expected"), [([], 102.0), (["--shown"], 100.5), (["--first-seed", "7"], 9.0)])
def test_experiments_run_the_pages_with_other_seeds_and_say_which(small_course, options, expected, capfd):
    assert main(["experiments", "7", *options]) == 0
    content = json.loads((small_course / "results/07_small.json").read_text())
    assert content["evidence"][0]["effect"] == expected
    assert content["seeds"][0] == (7 if "7" in options else 100)
    assert content["full"] is ("--shown" not in options)
    assert {"date", "commit", "machine", "versions", "processor_seconds"} <= set(content)
    assert "07_small.json" in capfd.readouterr().out


def test_a_page_without_experiments_is_named(small_course, capsys):
    assert main(["experiments", "8"]) == 2
    assert capsys.readouterr().err.strip() == "no experiments in 08; there are some in 07_small"


def test_a_failing_cell_is_named_and_nothing_is_written(small_course, capsys):
    (small_course / "07_small.md").write_text(PAGE.replace("runs = seeds(2, 5)", "runs = 1 / 0"))
    assert main(["experiments", "7"]) == 2
    assert "07_small.md failed: ZeroDivisionError" in capsys.readouterr().err
    assert not (small_course / "results/07_small.json").exists()


@pytest.mark.parametrize("stem", STORED)
def test_a_stored_run_is_written_as_it_was_read(stem):
    text = (ROOT / "book/results" / f"{stem}.json").read_text("utf8")
    assert json.dumps(asdict(experiments.stored(stem)), indent=1) + "\n" == text


@pytest.mark.parametrize("stem", STORED)
def test_a_stored_run_fits_the_page_that_it_is_of(stem, book):
    """Evidence that no cell enters any more would never be shown; and the ledger says that more seeds are behind it."""
    run = experiments.stored(stem)
    assert run.full and run.page == stem and run.seeds
    page = entries_of_page(book.parent / "jupyter_execute" / "book" / f"{stem}.glue.json")
    assert [entry.measurement for entry in run.evidence] == [entry.measurement for entry in page.evidence]


def test_the_same_measurement_is_found_in_a_stored_run_by_claim_and_what():
    run = experiments.stored("07_faster_training")
    entry = run.evidence[3]
    assert run.again(replace(entry, effect=-1.0, cell=99)) is entry
    assert run.again(replace(entry, what=f"{entry.what}, renamed")) is None
    assert run.again(replace(entry, unit="parity")) is None


@pytest.mark.parametrize(
    "content", ["", "[]", "{}", '{"evidence": [{"claim": "C1"}]}', '{"evidence": [], "page": "x"}']
)
def test_a_file_that_is_no_stored_run_is_named(content, tmp_path, monkeypatch):
    monkeypatch.setattr(experiments, "RESULTS", tmp_path)
    assert experiments.stored("07_faster_training") is None
    (tmp_path / "07_faster_training.json").write_text(content)
    with pytest.raises(CourseError, match="07_faster_training.json is no stored run: .*make experiments") as failure:
        experiments.stored("07_faster_training")
    assert "\n" not in str(failure.value)


def test_the_stored_comparison_of_frameworks_is_of_the_versions_that_are_pinned():
    stored = json.loads((ROOT / "book/results/frameworks.json").read_text("utf8"))["versions"]
    theirs = pins((ROOT / "requirements-frameworks.txt").read_text("utf8"))
    ours = pins((ROOT / "constraints.txt").read_text("utf8"))
    pinned = {name.removesuffix("-cpu"): version.removeprefix("==") for name, version in {**ours, **theirs}.items()}
    for name in ("keras", "tensorflow", "jax", "torch", "numpy"):
        assert stored[name].split("+")[0] == pinned[name], f"{name}: make tensorflow is due"
    assert theirs["keras"] == ours["keras"]
