"""The choice of a learning rate: ten seeds, a list that does not end at its best, an interval that knows the choice."""

import json
from functools import partial

import numpy as np
import pytest
from scipy import stats

from bncourse.ledger import rates
from bncourse.ledger.rates import CHOOSING, Choice, at_best_rate, tuned

BEST = 0.3


def hill(rates, seeds=12):
    """Scores that are highest at `BEST`, on a logarithmic scale of rates."""
    return np.tile(-(np.log10(np.array(rates) / BEST)[:, None] ** 2), seeds)


@pytest.mark.parametrize(
    ("offered", "tried"),
    [
        ((0.1, 0.3, 1.0), (0.1, 0.3, 1.0)),
        ((0.03, 0.1), (0.03, 0.1, 0.33, 1.1)),
        ((1.0, 3.0), (0.11, 0.33, 1.0, 3.0)),
    ],
)
def test_a_list_is_extended_until_its_best_rate_is_not_at_its_end(offered, tried):
    choice = at_best_rate(hill, offered)
    assert choice.offered == offered and choice.rates == pytest.approx(tried)
    assert choice.rate == pytest.approx(BEST, rel=0.11)
    assert not choice.at_the_end and choice.seeds == 12 and len(choice.means) == len(tried)


def test_a_list_that_never_turns_ends_after_three_more_rates_and_says_so():
    choice = at_best_rate(lambda rates: np.tile(np.array(rates)[:, None], 10), (1.0, 10.0))
    assert choice.rates == (1.0, 10.0, 100.0, 1000.0, 10000.0) and choice.at_the_end


@pytest.mark.parametrize(
    ("scores", "rates"),
    [
        (lambda rates: hill(rates, 9), (0.1, 1.0)),
        (hill, (0.1,)),
        (hill, (1.0, 0.1)),
        (lambda rates: [1] * 12, (0.1, 1)),
    ],
)
def test_few_seeds_or_rates_are_refused(scores, rates):
    with pytest.raises(ValueError, match="ten seeds|two rates"):
        at_best_rate(scores, rates)


def test_a_page_trains_at_what_its_stored_run_chose_and_a_long_run_chooses_anew(tmp_path, monkeypatch):
    entered, asked = {}, []
    monkeypatch.setattr(rates, "enter_choice", entered.__setitem__)
    stored = tmp_path / "06_page.json"

    def scores(tried):
        asked.append(tried)
        return hill(tried)

    first = rates.chosen(stored, "with BN", scores, (0.1, 0.3, 1.0))
    assert asked == [[0.1, 0.3, 1.0]] and rates.read_choice(stored, "with BN") is None
    stored.write_text(json.dumps({"choices": entered}))
    assert rates.chosen(stored, "with BN", scores, (0.1, 0.3, 1.0)) == first and len(asked) == 1
    assert rates.chosen(stored, "with BN", scores, (0.1, 0.3)).offered == (0.1, 0.3) and len(asked) > 1
    before = len(asked)
    monkeypatch.setenv("BNCOURSE_FULL", "1")
    assert rates.chosen(stored, "with BN", scores, (0.1, 0.3, 1.0)) == first and len(asked) == before + 1


def test_only_a_close_rate_is_a_contender_and_the_choice_says_so():
    clear = Choice.of((0.1, 0.3), (0.1, 0.3), np.array([np.zeros(10), np.ones(10)]))
    assert clear.rate == 0.3 and clear.contenders == {0.3: 1.0}
    assert str(clear) == "0.3, best of 0.1, 0.3 on 10 seeds"
    close = Choice.of((0.1, 0.3), (0.1, 0.3), np.array([np.zeros(10), np.linspace(-1, 1.2, 10)]))
    assert list(close.contenders) == [0.3, 0.1] and sum(close.contenders.values()) == pytest.approx(1)
    assert "resampled seeds choose 0.1 in" in str(close)


def test_a_clear_choice_leaves_students_interval_of_paired_differences():
    rng, clear = np.random.default_rng(0), Choice.of((0.1, 0.3), (0.1, 0.3), np.array([np.zeros(10), np.ones(10)]))
    first, second = rng.normal(size=(2, 8))
    effect, low, high = tuned([clear, clear], lambda *at: first - second if at == (0.3, 0.3) else None)
    assert effect == pytest.approx((first - second).mean())
    expected = stats.t.interval(0.95, 7, (first - second).mean(), stats.sem(first - second))
    assert (low, high) == pytest.approx(expected)


def drawn_arm(rng, means, shared, choosing, reported):
    """An arm whose rates have these `means`; `shared` is what a reported seed adds to every rate of both arms."""
    tried = tuple(0.01 * 3.0 ** np.arange(len(means)))
    draws = np.array(means)[:, None] + rng.normal(size=(len(means), choosing + reported))
    return Choice.of(tried, tried, draws[:, :choosing]), dict(zip(tried, draws[:, choosing:] + shared))


# How far the best rate of each of two arms lies above its neighbours, in standard deviations of one seed.
GAPS = {"clear": (2.0, 2.0), "close": (0.5, 0.3), "one close": (2.0, 0.4), "hardly any": (0.1, 0.1), "tied": (0, 0)}


def apart(of_first, of_second, first, second):
    return of_first[first] - of_second[second]


def coverage(gaps, choosing, reported, worlds=2500):
    """The share of worlds in which the interval holds the difference at the truly best rates."""
    rng, held = np.random.default_rng(2), 0
    for _ in range(worlds):
        shared = rng.normal(size=reported)
        (first, of_first), (second, of_second) = (
            drawn_arm(rng, (top - 3, top - gap, top, top - gap, top - 3), shared, choosing, reported)
            for top, gap in zip((2.0, 1.0), gaps)
        )
        _, low, high = tuned([first, second], partial(apart, of_first, of_second))
        held += low <= 1.0 <= high
    return held / worlds


@pytest.mark.parametrize("gaps", GAPS.values(), ids=list(GAPS))
@pytest.mark.parametrize("reported", [30, 10])
def test_the_interval_holds_the_true_effect_in_93_to_97_of_100_worlds(gaps, reported):
    share = coverage(gaps, len(CHOOSING), reported)
    print(f"{gaps}, {reported} reported: {share:.1%}")
    assert 0.93 <= share <= 0.97
