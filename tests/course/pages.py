"""The pages, and their cells run without what takes long: each training two steps, some with few seeds as well."""

import contextlib
import io

import matplotlib.pyplot
import numpy as np
from myst_nb.core.read import read_myst_markdown_notebook

from bncourse.course.paths import ROOT
from bncourse.lab import data, runs, scenes, training
from bncourse.lab.vision import scenes as vision
from bncourse.lab.vision import segmenter
from bncourse.ledger import costs, equal_fit, rates
from tests import chosen

matplotlib.use("Agg")
CHAPTERS = [ROOT / "book" / f"{stem}.md" for stem in chosen.chapters()]
TOUR = ROOT / "book" / "tour.md"
STEPS = 2
IMAGES, SCENES = 1000, 400  # of a set, where a page takes more on a GPU
TESTED = 100  # images, where a network of its own is tested on more


def cells_of(page):
    return read_myst_markdown_notebook(page.read_text(encoding="utf-8")).cells


def code_of(page):
    return [cell.source for cell in cells_of(page) if cell.cell_type == "code"]


def run(page, refused=None):
    """Run the code cells of a page. With a list `refused` a cell that fails does not end it; it is noted there."""
    namespace = {"__name__": "__main__", "display": lambda *things: None}
    with contextlib.redirect_stdout(io.StringIO()):
        for number, source in enumerate(code_of(page)):
            try:
                exec(compile(source, f"{page.name}, cell {number}", "exec"), namespace)
            except Exception as error:
                if refused is None:
                    raise
                refused.append(f"cell {number}: {type(error).__name__}: {error}")
            matplotlib.pyplot.close("all")


def shorten(monkeypatch):
    """Let each training on a page take two steps at most, and each of its tests a hundred images."""
    fit, train, accuracy = training.fit, runs.train, training.accuracy

    def short_fit(model, images, labels, *, steps, every=None, **options):
        return fit(model, images, labels, steps=min(steps, STEPS), every=every and 1, **options)

    def short_train(nets, images, labels, *, steps, every=None, **options):
        return train(nets, images, labels, steps=min(steps, STEPS), every=every and 1, **options)

    def short_accuracy(model, images, labels, **options):
        return accuracy(model, images[:TESTED], labels[:TESTED], **options)

    for module in (runs, equal_fit):  # which has imported it
        monkeypatch.setattr(module, "train", short_train)
    monkeypatch.setattr(training, "fit", short_fit)
    monkeypatch.setattr(training, "accuracy", short_accuracy)


def shrink(monkeypatch):
    """Let a page at the size for a GPU take fewer images, each of them as large; CIFAR-10 is noise.

    What it times is called once, since there it is as large as a GPU needs it, and of the learning rates that it
    chooses among one is trained, with two seeds.
    """

    def only_one(scores, offered):
        return rates.Choice.of(offered, offered[:1], np.asarray(scores(offered[:1]), dtype=float))

    def once(works, rounds, **options):
        return {name: costs.seconds_of(work) * np.array([1.0, 1.1]) for name, work in works.items()}

    def cifar10():
        draw, labels = np.random.default_rng(0), np.arange(IMAGES) % 10
        train, test = draw.random((2, IMAGES, 3, 32, 32), np.float32)
        about = {"classes": data.CIFAR10_CLASSES, "name": "CIFAR-10", "licence": "", "source": "noise"}
        return data.Images(train, labels, test, labels, **about)

    def fewer(made):
        return lambda count, *arguments, **options: made(min(count, SCENES), *arguments, **options)

    monkeypatch.setattr(rates, "at_best_rate", only_one)
    for module in (rates, equal_fit):
        monkeypatch.setattr(module, "CHOOSING", module.CHOOSING[:2])
    monkeypatch.setattr(costs, "taking_turns", once)
    monkeypatch.setattr(data, "cifar10", cifar10)
    for module, name in ((scenes, "detection_scenes"), (vision, "digit_scenes"), (segmenter, "labelled_scenes")):
        monkeypatch.setattr(module, name, fewer(getattr(module, name)))
