"""Every page: its training runs on any device, its form is that of the style guide."""

import contextlib
import copy
import io
import re

import pytest
import torch

from bncourse.course import curriculum
from bncourse.course.paths import ROOT
from bncourse.lab import runs, training
from tests.course import pages
from tests.course.pages import CHAPTERS, TOUR, cells_of

every_chapter = pytest.mark.parametrize("page", CHAPTERS, ids=lambda page: page.stem)
every_page = pytest.mark.parametrize("page", [*CHAPTERS, TOUR], ids=lambda page: page.stem)
HIDDEN = {"hide-input", "remove-input", "hide-cell", "remove-cell"}


def on_meta(nets):
    """A copy of an ensemble whose tensors are on the meta device."""
    twin = copy.deepcopy(nets)
    twin.device = torch.device("meta")
    for layer in twin.layers:
        for name, value in vars(layer).items():
            if value is not None:
                setattr(layer, name, value.detach().to("meta").requires_grad_(value.requires_grad))
    return twin


@pytest.fixture
def meta_first(monkeypatch):
    """Each training run first does a step on the meta device, which refuses tensors of the CPU, then two real ones."""
    seen = set()
    train_step, train = training.train_step, runs.train

    def step_on_meta(model, images, labels):
        step = repr(model), tuple(images.shape)
        if step in seen:
            return
        twin = copy.deepcopy(model).to("meta").train()
        images = torch.empty(images.shape, dtype=torch.float32, device="meta")
        labels = torch.empty(labels.shape, dtype=torch.int64, device="meta")
        loss = train_step(twin, images, labels, torch.optim.SGD(twin.parameters(), lr=0.1))
        assert loss.device.type == "meta"
        seen.add(step)

    def train_on_meta(nets, images, labels, batch_size, options):
        images, labels = torch.as_tensor(images, dtype=torch.float32), torch.as_tensor(labels)
        step = nets.norm, nets.activation, len(nets.layers), tuple(images.shape[1:]), nets.dropout_at, nets.ghost
        if step in seen:
            return
        twin, few = on_meta(nets), slice(0, 2 * batch_size)
        others = ("every", "evaluate", "test", "subset", "label")
        alone = {name: value for name, value in options.items() if name not in others}
        with contextlib.redirect_stdout(io.StringIO()):
            empty = [torch.empty_like(part[few], device="meta") for part in (images, labels)]
            assert train(twin, *empty, steps=1, batch_size=batch_size, **alone).device == "meta"
        seen.add(step)

    pages.shorten(monkeypatch, step_on_meta, train_on_meta)
    return seen


@every_page
def test_training_steps_run_on_any_device(page, meta_first, monkeypatch):
    monkeypatch.setenv("BNCOURSE_PAGE", "1")
    pages.run(page)
    assert meta_first


@every_chapter
def test_page_makes_the_closing_moves(page):
    text = page.read_text(encoding="utf-8")
    headings = re.findall(r"^## (.+)$", text, re.M)
    assert headings[-3:] == ["Pitfalls", "Your turn", "In short"]
    assert "What this does not show" in text
    assert re.search(r"\*\*Predict", text)


@every_chapter
def test_page_names_each_exercise_of_its_chapter(page):
    turn = page.read_text(encoding="utf-8").split("## Your turn")[1]
    for exercise in curriculum.of_chapter(page.stem):
        assert f"| {exercise.id} " in turn


@every_page
def test_every_figure_has_an_alternative_text_and_a_caption(page):
    for source in re.findall(r"```\{code-cell\}.*?\n(.*?)```", page.read_text(encoding="utf-8"), re.S):
        if re.search(r"plt\.(subplots|show)|image_strip", source):
            assert "alt:" in source, source
            assert "caption:" in source, source


def to_read(page):
    """The cells of a page that its readers see."""
    return [
        cell.source
        for cell in cells_of(page)
        if cell.cell_type == "code" and HIDDEN.isdisjoint(cell.metadata.get("tags", []))
    ]


def words_of(page):
    """What readers of a page read, captions and tables too: without code, formulas, addresses and names of roles."""
    text = page.read_text(encoding="utf-8").split("\n---\n", 1)[1]
    captions = re.findall(r"^: *caption: (.*)$", text, re.M)
    prose = re.sub(r"```\{code-cell\}.*?\n```$|\$\$.*?\$\$", "", text, flags=re.S | re.M)
    prose = re.sub(r"^```.*$|^:.*$|\]\([^)]*\)|\{[\w:]+\}| <[^>`]*>", "", prose, flags=re.M)
    return re.findall(r"[^\W_][\w.,’'-]*", " ".join([prose, *captions]))


def main_text_of(page):
    """The words of a page's main text: tables, figures, questions and what stands behind For the curious left out."""
    text = page.read_text(encoding="utf-8").split("\n---\n", 1)[1]
    text = re.sub(r"^## For the curious\n.*?(?=^## )", "", text, flags=re.S | re.M)
    text = re.sub(r"^```.*?^```$|^\$\$\n.*?^\$\$", "", text, flags=re.S | re.M)
    text = re.sub(r"^\|.*$", "", text, flags=re.M)
    text = re.sub(r"\{glue:text\}`[^`]*`|\$[^$\n]+\$", "number", text)
    text = re.sub(r"\{(?:sign|decided)\}`([^`]*)`", lambda choice: max(choice[1].split("|"), key=len), text)
    text = re.sub(r"\]\([^)]*\)|\{[\w:]+\}| <[^>`]*>", "", text)
    return re.findall(r"[^\W_][\w.,’'-]*", text)


@every_chapter
def test_a_chapter_is_one_sitting(page):
    assert len(main_text_of(page)) <= (1400 if page.stem < "06" else 2500)


BASIC = [ROOT / "book" / f"{stem}.md" for stem in ("03_normalize", "04_scale_shift", "05_batchnorm_layer")]
BOOKKEEPING = re.compile(r"\b(?:measured|evidence|parity|recorded)\(")


@pytest.mark.parametrize("page", BASIC, ids=lambda page: page.stem)
def test_a_cell_that_a_basic_chapter_shows_is_short_and_enters_nothing_into_the_ledger(page):
    for source in to_read(page):
        assert source.count("\n") < 30 and not BOOKKEEPING.search(source), source


def test_the_tour_is_one_sitting():
    assert 600 < len(words_of(TOUR)) <= 1200
    assert 2 <= TOUR.read_text(encoding="utf-8").count("caption:") <= 5


@pytest.mark.parametrize("source", to_read(TOUR), ids=range(len(to_read(TOUR))))
def test_a_cell_that_the_tour_shows_fits_on_a_screen_and_runs_alone(source, monkeypatch):
    """So that a reader can take it away: it uses nothing of the cells before it, nor of the course."""
    monkeypatch.setenv("KERAS_BACKEND", "torch")
    assert source.count("\n") < 30 and "bncourse" not in source
    with contextlib.redirect_stdout(io.StringIO()):
        exec(compile(source, "a cell of the tour", "exec"), {"__name__": "__main__"})


def test_the_tour_shows_cells_in_numpy_pytorch_and_keras():
    imports = " ".join(re.findall(r"^import (\w+)", "\n".join(to_read(TOUR)), re.M))
    assert {"numpy", "torch", "keras"} <= set(imports.split())
