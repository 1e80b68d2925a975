"""The learning rate of an arm, chosen on seeds and images of its own, and an interval that knows it was chosen.

A long run chooses, and the page trains at what it chose; `book/experiments.md` explains the rule.
"""

import json
import os
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from itertools import product
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

from bncourse.lab.training import device
from bncourse.ledger.entries import FULL, enter_choice

CHOOSING = range(1000, 1016)  # seeds that choose a rate on the pages; none of them is reported
EXTENSIONS = 3  # how often a list may be extended, each time by one rate
CONTENDS = 0.05  # a rate that is chosen in this share of resampled choices, or in more, might as well have been chosen
DRAWS = 500

Scores = Callable[[Sequence[float]], ArrayLike]


@dataclass(frozen=True)
class Choice:
    """A learning rate, and what it was chosen from.

    Of the `rates` tried, in rising order: `means`, the mean score of each over `seeds` choosing seeds, more is better;
    `shares`, in which share of resampled choices each was the best. `offered` is the list before it was extended.
    """

    offered: tuple[float, ...]
    rates: tuple[float, ...]
    means: tuple[float, ...]
    shares: tuple[float, ...]
    seeds: int

    @classmethod
    def of(cls, offered: Sequence[float], rates: Sequence[float], scores: np.ndarray) -> "Choice":
        """From the scores `(rates, seeds)`; the choosing seeds are resampled as in a bootstrap."""
        count = scores.shape[1]
        drawn = np.random.default_rng(0).multinomial(count, np.full(count, 1 / count), DRAWS)
        best = (scores @ drawn.T).argmax(0)
        shares = np.bincount(best, minlength=len(rates)) / DRAWS
        return cls(
            tuple(offered),
            tuple(rates),
            tuple(float(f"{mean:.6g}") for mean in scores.mean(1)),
            tuple(shares.tolist()),
            count,
        )

    @property
    def rate(self) -> float:
        """The rate with the best mean score."""
        return self.rates[int(np.argmax(self.means))]

    @property
    def at_the_end(self) -> bool:
        """Whether the best rate is still the first or the last of the list."""
        return self.rate in (self.rates[0], self.rates[-1])

    @property
    def contenders(self) -> dict[float, float]:
        """{rate: weight} of the chosen rate, first, and of all that other seeds might have chosen; they sum to 1.

        A weight goes with the square of the share, which keeps the mean close to what the best rate gives.
        """
        shares = dict(zip(self.rates, self.shares))
        contending = [self.rate, *(rate for rate in self.rates if rate != self.rate and shares[rate] >= CONTENDS)]
        total = sum(shares[rate] ** 2 for rate in contending)
        return {rate: shares[rate] ** 2 / total for rate in contending}

    def __str__(self) -> str:
        shares = dict(zip(self.rates, self.shares))
        others = [f"{rate:g} in {100 * shares[rate]:.0f} %" for rate in self.contenders if rate != self.rate]
        tried = f"best of {', '.join(f'{rate:g}' for rate in self.rates)} on {self.seeds} seeds"
        return f"{self.rate:g}, {tried}" + (f"; resampled seeds choose {', '.join(others)}" if others else "")


def at_best_rate(scores: Scores, rates: Sequence[float]) -> Choice:
    """Choose among `rates`, in rising order, by their mean score; a list whose end is best is extended.

    `scores(rates)` trains the choosing seeds at these rates and returns `(rates, seeds)`: how good each was on images
    that choose, more is better. A list is extended by the factor between its last two rates, three times at most.
    Raises ValueError for fewer than ten choosing seeds or two rates.
    """
    tried = [float(rate) for rate in rates]
    if len(tried) < 2 or tried != sorted(tried):
        raise ValueError("two rates or more are needed, in rising order")
    by_rate = np.asarray(scores(tried), dtype=float)
    if by_rate.ndim != 2 or len(by_rate) != len(tried) or by_rate.shape[1] < 10:
        raise ValueError(f"scores are (rates, seeds) of ten seeds or more, not {by_rate.shape}")
    for _ in range(EXTENSIONS):
        best = int(by_rate.mean(1).argmax())
        if 0 < best < len(tried) - 1:
            break
        further = tried[0] ** 2 / tried[1] if best == 0 else tried[-1] ** 2 / tried[-2]
        further, place = float(f"{further:.2g}"), 0 if best == 0 else len(tried)
        by_rate = np.insert(by_rate, place, np.asarray(scores([further]), dtype=float)[0], axis=0)
        tried.insert(place, further)
    return Choice.of([float(rate) for rate in rates], tried, by_rate)


def chosen(stored: Path, name: str, scores: Scores, rates: Sequence[float]) -> Choice:
    """The learning rate of the arm `name` among `rates`: from the stored run of the page, or chosen now.

    `scores` as in `at_best_rate`. It is chosen now in a long run, on a GPU, where networks are
    larger, and where `stored` holds no choice of that name among the same rates.
    """
    choice = None if os.environ.get(FULL) or device().type != "cpu" else read_choice(stored, name)
    if choice is None or choice.offered != tuple(map(float, rates)):
        choice = at_best_rate(scores, rates)
    enter_choice(name, asdict(choice))
    return choice


def read_choice(stored: Path, name: str) -> Choice | None:
    """A choice of a stored run; None where there is none of that name."""
    content = json.loads(stored.read_text(encoding="utf-8")) if stored.exists() else {}
    fields = content.get("choices", {}).get(name)
    if fields is None:
        return None
    lists = {key: tuple(fields[key]) for key in ("offered", "rates", "means", "shares")}
    return Choice(**lists, seeds=fields["seeds"])


def tuned(choices: Sequence[Choice], results: Callable[..., ArrayLike]) -> np.ndarray:
    """What arms gave at their chosen rates, and an interval that knows the choices: (effect, low, high).

    `results(*rates)` is one number for each reported seed `(S,)`, given the rate of each arm: of two arms their paired
    difference for instance. It is asked for every combination of contenders, which counts by their weights. To the
    variance over seeds is added that between combinations, less what the seeds alone make of it; Student's t has the
    degrees of freedom of the fewer seeds, choosing or reported. In simulated worlds the interval holds the effect at
    the truly best rates in 93 to 97 of 100.
    """
    from scipy import stats  # a second to import: whoever only chooses does without

    weighted = [
        (float(np.prod(weights)), np.asarray(results(*rates), dtype=float))
        for rates, weights in (zip(*arms) for arms in product(*(choice.contenders.items() for choice in choices)))
    ]
    values = np.asarray(sum(weight * gains for weight, gains in weighted))
    count = len(values)
    seen = sum(weight * (gains - values).mean() ** 2 for weight, gains in weighted)
    noise = sum(weight * (gains - values).var(ddof=1) / count for weight, gains in weighted)
    error = np.sqrt(values.var(ddof=1) / count + max(0.0, seen - noise))
    half = stats.t.ppf(0.975, min(count, *(choice.seeds for choice in choices)) - 1) * error
    return np.asarray(values.mean() + half * np.array([0, -1, 1]))
