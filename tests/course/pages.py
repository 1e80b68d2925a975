"""The pages, and their cells run without what takes long: each training two steps, some with few seeds as well."""

import contextlib
import io

import matplotlib.pyplot
from myst_nb.core.read import read_myst_markdown_notebook

from bncourse.course.paths import ROOT
from bncourse.lab import runs, training
from tests import chosen

matplotlib.use("Agg")
CHAPTERS = [ROOT / "book" / f"{stem}.md" for stem in chosen.chapters()]
TOUR = ROOT / "book" / "tour.md"
STEPS = 2


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


def shorten(monkeypatch, before_step=None, before_train=None):
    """Let each training on a page take two steps at most.

    Before the first step of a `fit`, and before each `train_step` that a page takes itself, `before_step(model,
    images, labels)` is called; before a `train` of an ensemble `before_train(nets, images, labels, batch_size,
    options)`.
    """
    fit, train_step, train = training.fit, training.train_step, runs.train

    def short_fit(model, images, labels, *, steps, batch_size=64, every=None, **options):
        if before_step:
            before_step(model, images[:batch_size], labels[:batch_size])
        return fit(model, images, labels, steps=min(steps, STEPS), batch_size=batch_size, every=every and 1, **options)

    def announced_step(model, images, labels, optimizer, exact=False):
        if before_step:
            before_step(model, images, labels)
        return train_step(model, images, labels, optimizer, exact)

    def short_train(nets, images, labels, *, steps, batch_size=64, every=None, **options):
        if before_train:
            before_train(nets, images, labels, batch_size, options)
        return train(nets, images, labels, steps=min(steps, STEPS), batch_size=batch_size, every=every and 1, **options)

    monkeypatch.setattr(runs, "train", short_train)
    monkeypatch.setattr(training, "fit", short_fit)
    monkeypatch.setattr(training, "train_step", announced_step)
