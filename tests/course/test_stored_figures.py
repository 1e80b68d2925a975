"""Figures that a page keeps are drawn again with other words, and their words are found."""

import base64
import importlib.util
import pickle
import warnings
import zlib
from io import BytesIO
from types import SimpleNamespace

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib import font_manager
from matplotlib.ft2font import FT2Font
from PIL import Image

from bncourse.course.language import LOCALE, read
from bncourse.course.paths import ROOT
from bncourse.lab import stored_figures
from bncourse.publishing import messages, pictures, sentences

WORDS = {"training step": "学習ステップ", "one": "一"}


@pytest.fixture
def figure():
    figure, ax = plt.subplots()
    ax.plot([1, 2, 3], label="with BN")
    ax.set_xlabel("training step")
    ax.set_xticks([0, 1], ["one", "two"])
    ax.legend()
    pickled = base64.b64encode(zlib.compress(pickle.dumps(figure), 9)).decode()
    plt.close(figure)
    return pickled


def pixels(picture):
    return np.asarray(Image.open(BytesIO(picture)).convert("L"))


def test_the_words_of_a_figure_are_found(figure):
    assert {"training step", "one", "two", "with BN"} <= set(stored_figures.texts_of(figure))


def test_a_figure_is_drawn_with_other_words(figure):
    assert importlib.util.find_spec("matplotlib_fontja"), "pip install -r requirements.txt"
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # as where a letter is not in the font
        one = stored_figures.redrawn(figure, lambda text: WORDS.get(text, text))
        other = stored_figures.redrawn(figure, lambda text: text.replace("one", "二"))
    assert one and other
    assert pixels(one).min() < 100 and not np.array_equal(pixels(one), pixels(other))


def test_a_figure_without_translated_words_stays_the_picture_that_it_is(figure):
    assert stored_figures.redrawn(figure, lambda text: text) is None
    assert not plt.get_fignums()


@pytest.fixture
def catalogue(tmp_path, monkeypatch):
    monkeypatch.setattr(pictures, "DRAWN", tmp_path / "drawn")
    path = tmp_path / "page.po"
    entries = (f'msgid "{label}"\nmsgstr "{words}"\n' for label, words in WORDS.items())
    path.write_text(messages.HEADER.format(language="ja") + "\n".join(entries), "utf8")
    return path


def test_a_figure_is_drawn_once_for_each_catalogue(figure, catalogue, monkeypatch):
    first = pictures.in_language(figure, catalogue)
    with monkeypatch.context() as patched:
        patched.setattr(stored_figures, "redrawn", None)
        assert first and pictures.in_language(figure, catalogue) == first
    catalogue.write_text(catalogue.read_text("utf8").replace("学習ステップ", "ステップ"), "utf8")
    assert pictures.in_language(figure, catalogue) not in (None, first)


def test_without_the_font_figures_stay_english_and_the_build_says_so(figure, catalogue, monkeypatch):
    spec = importlib.util.spec_from_file_location("languages", ROOT / "_ext/languages.py")
    languages = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(languages)
    said = []
    monkeypatch.setattr(languages, "log", SimpleNamespace(info=lambda text, *values: said.append(text % values)))
    assert languages.can_draw_figures() and not said
    monkeypatch.setattr(pictures, "FONT", "a-font-that-nobody-has")
    assert not languages.can_draw_figures() and pictures.in_language(figure, catalogue) is None
    assert said == ["figures stay English: a-font-that-nobody-has, which has the letters for them, is not installed"]


LABELS = {
    "lamp\n80 %\n|s| = 0.98": ("lamp\n{0} %\n|s| = {1}", ["80", "0.98"]),
    "rate 1:\nat least 6.0 times": ("rate {0}:\nat least {1} times", ["1", "6.0"]),
    "ε = 1e-07": ("ε = {0}", ["1e-07"]),
    "mean −0.5 of 1,000": ("mean {0} of {1}", ["−0.5", "1,000"]),
    "2–4 digits, AP50, float32": ("{0}–{1} digits, AP50, float32", ["2", "4"]),
    "$\\mathdefault{10^{-2}}$": ("$\\mathdefault{{0}^{{1}}}$", ["10", "-2"]),
}


@pytest.mark.parametrize("label", LABELS)
def test_a_label_is_found_whatever_its_numbers_are(label):
    assert sentences.numbers_apart(label) == LABELS[label]
    assert pictures.words_of({})(label) == pictures.words_of({LABELS[label][0]: LABELS[label][0]})(label) == label


def test_numbers_stand_where_the_translation_has_them():
    translate = pictures.words_of({"rate {0}:\n{1} times": "{1}倍\n（学習率{0}）"})
    assert translate("rate 0.3:\n2.4 times") == "2.4倍\n（学習率0.3）"
    assert translate("rate 0.3:\nat least 2.4 times") == "rate 0.3:\nat least 2.4 times"


def test_the_fonts_have_all_letters_of_the_catalogues():
    fonts = [FT2Font(font_manager.findfont(name)) for name in ("DejaVu Sans", stored_figures._japanese())]
    letters = {chr(code) for font in fonts for code in font.get_charmap()}
    for path in sorted(LOCALE.glob("*/LC_MESSAGES/figures/*.po")):
        assert {*"".join(read(path).values())} - letters <= {"\n"}, path.stem


def test_a_label_that_this_machine_does_not_draw_stays_in_its_catalogue(tmp_path, monkeypatch):
    monkeypatch.setattr(messages, "folder_of", lambda code: tmp_path)
    path = tmp_path / "figures/page.po"
    messages.update("ja", "figures/page", [messages.Message("at least {0} times", "page.md")])
    path.write_text(path.read_text("utf8").replace('msgstr ""\n', 'msgstr "{0}倍以上"\n'), "utf8")
    messages.update("ja", "figures/page", [messages.Message("{0} times", "page.md")])
    assert {"at least {0} times": "{0}倍以上"}.items() <= read(path).items()
    assert '"{0} times"' in path.read_text("utf8")
