"""What the figures share: intervals, and plots that show every seed."""

import matplotlib
import numpy as np
import pytest

matplotlib.use("Agg")

from matplotlib import pyplot as plt

from bncourse.lab import figures
from bncourse.lab.statistics import confidence_interval


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


def test_interval_is_students():
    # Student's t for 4 degrees of freedom, from a printed table: 2.776.
    values = np.array([1.0, 2.0, 3.0, 4.0, 5.0])
    assert confidence_interval(values) == pytest.approx(2.776 * np.sqrt(2.5) / np.sqrt(5), rel=1e-3)
    assert confidence_interval(list(10 * values + 7)) == pytest.approx(10 * confidence_interval(values))


def test_interval_of_one_value_is_not_a_number():
    assert np.isnan(confidence_interval([3.0]))


def test_every_seed_is_drawn_thin_and_the_mean_thick():
    _, ax = plt.subplots()
    figures.plot_seeds(ax, [0, 1], [[1, 2], [3, 6], [5, 1]], "arm", 1)
    *seeds, mean = ax.lines
    assert [list(line.get_ydata()) for line in seeds] == [[1, 2], [3, 6], [5, 1]]
    assert list(mean.get_ydata()) == [3, 3]
    assert mean.get_linewidth() > 2 * max(line.get_linewidth() for line in seeds)
    assert mean.get_label() == "arm"


def test_groups_show_every_seed_and_their_mean():
    _, ax = plt.subplots()
    figures.plot_groups(ax, [[1, 3], [10, 20, 30]], "arm")
    assert [list(line.get_ydata()) for line in ax.lines] == [[1, 3], [10, 20, 30], []]
    assert [segment[0][1] for segment in ax.collections[0].get_segments()] == [2, 20]


def test_series_differ_in_grey():
    """Neither dashes nor markers repeat, so that colour is not needed to tell them apart."""
    assert len({str(line) for line in figures.LINES}) == len(set(figures.MARKERS)) == len(figures.COLOURS)


@pytest.mark.parametrize("shape", [(5, 8, 8), (5, 1, 8, 8), (5, 3, 8, 8)])
def test_strip_shows_each_image_with_its_title(shape):
    figure = figures.image_strip(np.zeros(shape), titles=list("abcde"), rows=2)
    shown = [ax for ax in figure.axes if ax.images]
    assert [ax.get_title() for ax in shown] == list("abcde")
    assert shown[0].images[0].get_array().shape[:2] == (8, 8)
    assert shown[0].images[0].get_clim() == (0, 1)
