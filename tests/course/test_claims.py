"""The file of claims: one question each, asked of a measurement that the pages enter."""

import re

import pytest

from bncourse.course.errors import CourseError
from bncourse.course.paths import ROOT
from bncourse.ledger.claims import CLAIMS, claims
from bncourse.ledger.experiments import stored

RUNS = [stored(path.stem) for path in sorted((ROOT / "book/results").glob("[0-9]*.json"))]
STORED = {entry.measurement: (entry, run) for run in RUNS for entry in run.evidence}

SAME = "row: D4 | GN against BN of 2 images a device, IoU of boxes"


def test_each_question_is_asked_of_a_measurement_with_a_margin_in_its_unit():
    for of in claims().values():
        assert (of.margin is None) == (of.row is None or of.row not in STORED or STORED[of.row][0].is_parity), of.id
        if of.margin and STORED[of.row][0].unit == "x":
            assert 1 < of.margin < 2, of.id
        assert of.number is None or (of.row and of.number.least <= of.number.most)


def test_a_claim_that_has_been_measured_is_decided_by_twenty_seeds_or_more():
    for of in claims().values():
        if of.margin:
            measured, run = STORED[of.row]
            assert max(measured.count, len(run.seeds)) >= 20, of.id


def test_what_is_left_out_does_not_decide_and_has_a_reason():
    for of in claims().values():
        assert of.row is None or of.row[1] not in of.left_out
        assert all(len(reason.split()) >= 3 for reason in of.left_out.values()), of.id


def test_no_claim_repeats_the_measurement_of_another():
    rows = [of.row for of in claims().values() if of.row]
    assert len(rows) == len(set(rows))
    decisive = [STORED[of.row][0] for of in claims().values() if of.margin]
    numbers = [(entry.effect, entry.low, entry.high) for entry in decisive]
    assert len(numbers) == len(set(numbers))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda text: "- " + text, "claims.yml: "),
        (lambda text: re.sub(r"^  says: .*\n", "", text, count=1, flags=re.M), "A1: .*'says'"),
        (lambda text: text.replace("{about: 14}", "{roughly: 14}"), "C2: a number is about"),
        (lambda text: text.replace("  lines: 25\n", "", 1), "A1: 'lines'"),
        (lambda text: text.replace("  margin: 2\n", "  margins: 2\n", 1), "A1: .*margins"),
        (
            lambda text: text.replace("row: GN against BN of 2 images a device, IoU of masks", SAME),
            "more than one claim",
        ),
    ],
)
def test_a_claims_file_that_cannot_be_read_is_named_in_one_line(change, message, tmp_path):
    path = tmp_path / "claims.yml"
    path.write_text(change(CLAIMS.read_text("utf8")), "utf8")
    with pytest.raises(CourseError, match=f"claims.yml: .*{message}|{message}") as failure:
        claims(path)
    assert "\n" not in str(failure.value)
