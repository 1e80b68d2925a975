"""The ledger: every claim, no typed number, each verdict by the stated rule; and the runs behind it."""

import json
import re
from dataclasses import asdict, replace

import pytest
from bs4 import BeautifulSoup

from bncourse.__main__ import main
from bncourse.course.errors import CourseError
from bncourse.course.paths import ROOT
from bncourse.ledger import experiments, verdicts
from bncourse.ledger.entries import Evidence, entries_of_page

LEDGER = ROOT / "book" / "ledger.md"
CLAIMS = [f"{group}{number}" for group, last in zip("ABCDE", (7, 8, 8, 8, 10)) for number in range(1, last + 1)]


def entry(low, high, null=0.0, guide=None, unit="points", claim="C1"):
    return Evidence(claim, "a comparison", (low + high) / 2, low, high, 5, null, guide, unit, "small networks", cell=1)


@pytest.mark.parametrize(
    ("evidence", "verdict"),
    [
        (entry(1, 3), "reproduced"),
        (entry(1, 3, guide=2), "reproduced"),
        (entry(1, 3, guide=3), "reproduced"),
        (entry(1, 3, guide=4), "partly"),
        (entry(-1, 3), "not at this scale"),
        (entry(-1, 3, guide=2), "not at this scale"),
        (entry(0, 3), "not at this scale"),
        (entry(-3, -1), "disputed"),
        (entry(1.2, 3, null=1.0), "reproduced"),
        (entry(0.8, 3, null=1.0), "not at this scale"),
        (entry(1e-7, 1e-7, null=1e-6, unit="parity"), "reproduced"),
        (entry(0, 0, null=0, unit="parity"), "reproduced"),
        (entry(1e-5, 1e-5, null=1e-6, unit="parity"), "disputed"),
        (entry(float("nan"), float("nan")), "not at this scale"),
    ],
)
def test_one_measurement_has_the_verdict_of_its_interval(evidence, verdict):
    assert verdicts.verdict_of_entry(evidence) == verdict


@pytest.mark.parametrize(
    ("entries", "verdict"),
    [
        ([], "not written yet"),
        ([entry(1, 3), entry(2, 4)], "reproduced"),
        ([entry(1, 3), entry(-2, 4)], "partly"),
        ([entry(1, 3), entry(-2, -1)], "partly"),
        ([entry(1, 3, guide=4), entry(-2, 1)], "partly"),
        ([entry(-2, 4), entry(-2, -1)], "disputed"),
        ([entry(-2, -1)], "disputed"),
        ([entry(-2, 4), entry(-1, 1)], "not at this scale"),
    ],
)
def test_a_claim_has_the_verdict_that_its_measurements_agree_on(entries, verdict):
    assert verdicts.verdict(entries) == verdict


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


def by_the_rule_of_the_page(entry):
    """The rule once more, as its sentences read, apart from the code that wrote the page."""
    if entry.unit == "parity":
        return "reproduced" if entry.high <= entry.null else "disputed"
    above, below = entry.low > entry.null, entry.high < entry.null
    if above and entry.guide is not None and entry.high < entry.guide:
        return "partly"
    return "reproduced" if above else "disputed" if below else "not at this scale"


def test_each_verdict_on_the_page_follows_from_its_intervals(ledger, measured):
    for claim in CLAIMS:
        section = ledger.find(id=f"claim-{claim.lower()}").find_parent("section")
        badges = [badge.text for badge in section.select(".verdict-badge")]
        expected = [by_the_rule_of_the_page(entry) for entry in measured.get(claim, [])]
        assert badges[1:] == expected, claim
        if not expected:
            assert badges == ["not written yet"]
        elif len(set(expected)) == 1:
            assert badges[0] == expected[0], claim
        else:
            assert badges[0] == ("partly" if {"reproduced", "partly"} & set(expected) else "disputed"), claim


def test_each_number_on_the_page_is_one_that_a_cell_measured(ledger, measured):
    for claim in CLAIMS:
        table = ledger.find(id=f"claim-{claim.lower()}").find_parent("section").find("table")
        rows = table.select("tbody tr") if table else []
        assert len(rows) == len(measured.get(claim, []))
        for row, entry in zip(rows, measured.get(claim, [])):
            shown = row.select("td")[1].text.replace("−", "-")
            numbers = [float(number) for number in re.findall(r"-?\d+(?:\.\d+)?(?:e-?\d+)?", shown)]
            raw = [entry.high] if entry.unit == "parity" else [entry.effect, entry.low, entry.high]
            assert numbers[: len(raw)] == pytest.approx(raw, rel=0.1, abs=0.51), (claim, shown)


def test_every_piece_of_evidence_belongs_to_a_claim(measured):
    assert measured and not set(measured) - set(CLAIMS)


def test_the_overview_lists_every_claim_with_its_verdict(ledger):
    rows = [[cell.text for cell in row.select("td")] for row in ledger.select("table.ledger-verdicts tbody tr")]
    assert [row[0] for row in rows] == CLAIMS
    for claim, _, verdict, _ in rows:
        section = ledger.find(id=f"claim-{claim.lower()}").find_parent("section")
        assert verdict == section.select_one(".verdict-badge").text


def test_the_status_page_lists_every_page_with_cells_and_none_is_too_dear(book):
    status = BeautifulSoup((book / "book/status.html").read_text("utf8"), "html.parser")
    rows = [[cell.text for cell in row.select("td")] for row in status.select("table.ledger-costs tbody tr")]
    executed = list((book.parent / "jupyter_execute" / "book").glob("[0-9]*.glue.json"))
    assert len(rows) >= len(executed) > 0
    assert rows[0][0].startswith("The tour")  # in the order of the table of contents, where it comes first
    # The course promises 20 s; a machine that builds and tests at once may take twice as long.
    assert not [row for row in rows if float(row[3]) > 40]


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


STORED = sorted(path.stem for path in (ROOT / "book/results").glob("[0-9]*.json"))


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
