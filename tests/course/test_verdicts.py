"""The rule of verdicts: what each verdict needs, that noise helps no claim, and how often it errs."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given as drawn_from
from hypothesis import strategies as st
from scipy import stats

from bncourse.course.paths import ROOT
from bncourse.ledger.claims import Claim, Number, claims
from bncourse.ledger.entries import Evidence
from bncourse.ledger.experiments import stored
from bncourse.ledger.verdicts import Agreement, Verdict, agreement, interval, probability, verdict_alone, verdicts

RUNS = [stored(path.stem) for path in sorted((ROOT / "book/results").glob("[0-9]*.json"))]
STORED = {entry.measurement: (entry, run) for run in RUNS for entry in run.evidence}

ABOUT, UP_TO, AT_LEAST = Number("about", 6, 6), Number("up to", -np.inf, 6), Number("at least", 6, np.inf)
BETWEEN = Number("between", 3, 6)


def claim(number=None, margin=2.0):
    return Claim("C1", "it helps", "1", "does it?", "because", "none", ("C1", "a row"), margin, number)


def entry(low, high, null=0.0, unit="points", count=20):
    return Evidence("C1", "a row", (low + high) / 2, low, high, count, null, unit, "small networks", cell=1)


@pytest.mark.parametrize(
    ("of", "measured", "verdict"),
    [
        (claim(), entry(1, 3), "reproduced"),
        (claim(), entry(0, 3), "undecided"),
        (claim(), entry(-1, 3), "undecided"),
        (claim(), entry(-30, 31), "undecided"),
        (claim(), entry(-1, 1), "no effect here"),
        (claim(), entry(-3, -1), "opposite"),
        (claim(), entry(-0.3, -0.1), "opposite"),
        (claim(ABOUT), entry(5, 8), "reproduced"),
        (claim(ABOUT), entry(1, 3.9), "smaller"),
        (claim(ABOUT), entry(1, 5), "undecided"),
        (claim(ABOUT), entry(1, 20), "undecided"),
        (claim(ABOUT), entry(9.1, 20), "larger"),
        (claim(ABOUT), entry(-1, 1), "no effect here"),
        (claim(ABOUT), entry(-9, -5), "opposite"),
        (claim(UP_TO), entry(1, 8), "reproduced"),
        (claim(UP_TO), entry(1, 20), "undecided"),
        (claim(UP_TO), entry(10, 20), "larger"),
        (claim(AT_LEAST), entry(5, 80), "reproduced"),
        (claim(AT_LEAST), entry(1, 3), "smaller"),
        (claim(BETWEEN), entry(2.1, 8.9), "reproduced"),
        (claim(BETWEEN), entry(1.9, 8.9), "undecided"),
        (claim(margin=1.1), entry(1.2, 3, null=1.0, unit="x"), "reproduced"),
        (claim(margin=1.1), entry(0.95, 1.05, null=1.0, unit="x"), "no effect here"),
        (claim(margin=1.1), entry(0.9, 1.05, null=1.0, unit="x"), "undecided"),
        (claim(margin=1.1), entry(0.5, 0.9, null=1.0, unit="x"), "opposite"),
        (claim(margin=None), entry(1e-7, 1e-7, null=1e-6, unit="parity"), "holds"),
        (claim(margin=None), entry(0, 0, null=0, unit="parity"), "holds"),
        (claim(margin=None), entry(1e-5, 1e-5, null=1e-6, unit="parity"), "does not hold"),
        (claim(), entry(float("nan"), float("nan")), "undecided"),
        (claim(), None, "not tested"),
    ],
)
def test_an_interval_has_the_verdict_that_is_true_of_all_of_it(of, measured, verdict):
    assert verdict_alone(of, measured) == verdict


numbers = st.sampled_from([None, ABOUT, UP_TO, AT_LEAST, BETWEEN])
ends = st.floats(-30, 30).filter(lambda value: value != 0)


@drawn_from(numbers, ends, ends, st.floats(0, 20), st.floats(0, 20))
def test_a_wider_interval_never_has_a_better_verdict(number, first, second, left, right):
    low, high = sorted((first, second))
    narrow, wide = (verdict_alone(claim(number), entry(*pair)) for pair in ((low, high), (low - left, high + right)))
    if wide not in (Verdict.UNDECIDED, Verdict.NO_EFFECT):
        assert narrow == wide


def test_only_the_row_that_decides_has_a_vote():
    """Other measurements of a claim are not even handed to the rule."""
    of = claim()
    assert verdicts({of: entry(-3, -1)}) == {"C1": Verdict.OPPOSITE}


def test_over_many_claims_a_direction_needs_more_than_its_own_interval():
    weak, others = replace(claim(), id="weak"), [replace(claim(), id=f"other {number}") for number in range(30)]
    barely = entry(0.01, 4)
    assert verdicts({weak: barely}) == {"weak": Verdict.REPRODUCED}
    assert verdicts({weak: barely} | {other: entry(-1, 1) for other in others})["weak"] == Verdict.UNDECIDED
    assert verdicts({weak: barely} | {other: entry(3, 4) for other in others})["weak"] == Verdict.REPRODUCED


def test_an_interval_at_95_per_cent_is_itself_and_at_99_wider():
    of = entry(1, 3, count=5)
    assert interval(of, 0.95) == pytest.approx((1, 3))
    values = np.random.default_rng(0).normal(2, 1, 5)
    low, high = (stats.t.interval(level, 4, values.mean(), stats.sem(values)) for level in (0.95, 0.99))
    of = replace(entry(*low, count=5), effect=values.mean())
    assert interval(of, 0.99) == pytest.approx(high)
    assert probability(of) == pytest.approx(stats.ttest_1samp(values, 0).pvalue)
    ratio = replace(entry(1, 4, null=1.0, unit="x", count=1), effect=2.0)
    assert interval(ratio, 0.99) == pytest.approx((2 ** (1 - 2.5758 / 1.96), 2 ** (1 + 2.5758 / 1.96)), rel=1e-4)


@pytest.mark.parametrize(
    ("build", "expected"),
    [
        (entry(1, 5), Agreement.AGREES),
        (entry(-1, 5), Agreement.CANNOT_TELL),
        (entry(-5, -3), Agreement.DISAGREES),
        (entry(9, 9.1), Agreement.DISAGREES),
    ],
)
def test_a_build_agrees_or_cannot_tell_or_disagrees(build, expected):
    assert agreement(claim(), entry(1, 3), build) == expected


def test_a_build_that_is_undecided_as_the_stored_run_is_cannot_tell():
    assert agreement(claim(), entry(-1, 3), entry(-1, 3)) == Agreement.CANNOT_TELL


# The rule, tried on the ledger's own claims with measurements that are drawn


def decisive():
    """{claim: the stored measurement that decides it}, formulas and untested sentences left out."""
    rows = {of: STORED.get(of.row) for of in claims().values() if of.row}
    return {of: row[0] for of, row in rows.items() if row and not row[0].is_parity}


def drawn(rng, of, measured, effect):
    """The same measurement once more, as noisy, in a world with this effect: its mean and interval over new seeds."""
    logs = measured.unit == "x"
    low, high, middle = (np.log(value) if logs else value for value in (measured.low, measured.high, effect))
    spread = (high - low) / 2 / stats.norm.ppf(0.975)
    if measured.count > 1:
        sample = rng.normal(middle, spread * np.sqrt(measured.count), measured.count)
        ends = stats.t.interval(0.95, measured.count - 1, sample.mean(), stats.sem(sample))
        values = sample.mean(), *ends
    else:
        mean = rng.normal(middle, spread)
        values = mean, mean - (high - low) / 2, mean + (high - low) / 2
    mean, low, high = np.exp(values) if logs else values
    return replace(measured, effect=mean, low=low, high=high)


def promised(of, measured):
    """The effect that the guide names, or where it names none the smallest that matters."""
    if of.number:
        ends = [end for end in (of.number.least, of.number.most) if np.isfinite(end)]
        return sum(ends) / len(ends)
    return of.margin if measured.unit == "x" else measured.null + of.margin


def simulated(effect, repeats=100):
    """How often each verdict comes out, as a share, if every claim has `effect(claim, measurement)`."""
    rng, rows, counts = np.random.default_rng(0), decisive(), Counter()
    for _ in range(repeats):
        counts.update(verdicts({of: drawn(rng, of, row, effect(of, row)) for of, row in rows.items()}).values())
    return {verdict: count / repeats / len(rows) for verdict, count in counts.items()}


def test_without_any_effect_hardly_a_claim_is_said_to_have_one():
    shares = simulated(lambda of, row: row.null)
    print({str(verdict): f"{share:.1%}" for verdict, share in shares.items()})
    assert sum(share for verdict, share in shares.items() if verdict.has_direction) <= 0.05
    assert shares[Verdict.NO_EFFECT] > 1 / 3  # for so many the ledger's intervals are narrow enough to say so


def test_with_the_effects_of_the_guide_most_claims_are_reproduced():
    shares = simulated(promised)
    print({str(verdict): f"{share:.1%}" for verdict, share in shares.items()})
    assert shares[Verdict.REPRODUCED] > 0.5
    assert shares.get(Verdict.OPPOSITE, 0) < 0.01


def test_half_of_the_claims_true_the_wrong_directions_stay_few():
    """The share of claims without effect among all that are said to have one, on average over ledgers."""
    rng, rows, shares = np.random.default_rng(1), list(decisive().items()), []
    for _ in range(100):
        truth = {of.id: rng.random() < 0.5 for of, _ in rows}
        given = verdicts({of: drawn(rng, of, row, promised(of, row) if truth[of.id] else row.null) for of, row in rows})
        named = [name for name, verdict in given.items() if verdict.has_direction]
        shares.append(sum(not truth[name] for name in named) / max(1, len(named)))
    assert np.mean(shares) <= 0.05
