"""The other languages: catalogues are whole and in step with the English text, and what is wrong with one is found."""

import json
import re
import subprocess
import sys

import nbformat
import numpy as np
import pytest

from bncourse.authoring import editions, sources
from bncourse.checking.judging import judge
from bncourse.checking.learner import Answers
from bncourse.checking.marks import mistakes_of
from bncourse.checking.report import as_html, as_text, report
from bncourse.course import columns, curriculum, language, notebooks
from bncourse.course.errors import CourseError
from bncourse.course.paths import ROOT
from bncourse.publishing import classroom, messages, translations

CATALOGUES = sorted(language.LOCALE.rglob("*.po"))
BY_THE_THEME = ("sphinx", "booktheme")  # what the theme says: its messages are not ours
HEADER = messages.HEADER.format(language="ja")


@pytest.mark.parametrize("path", CATALOGUES, ids=lambda path: path.relative_to(language.LOCALE).as_posix())
def test_a_catalogue_is_whole_and_says_what_the_english_text_says(path):
    assert not list(translations.faults(path))


@pytest.fixture(scope="module")
def found_in_code():
    """All messages of the sources that are found without building the book, by catalogue."""
    return dict(messages.of_code())


def test_catalogues_are_what_the_command_would_write(found_in_code, tmp_path, monkeypatch):
    written = {path: path.read_bytes() for path in CATALOGUES if path.stem not in BY_THE_THEME}
    monkeypatch.setattr(messages, "folder_of", lambda code: tmp_path / code)
    for path, before in written.items():
        code, _, *names = path.relative_to(language.LOCALE).with_suffix("").parts
        if (name := "/".join(names)) in found_in_code:
            copy = tmp_path / code / f"{name}.po"
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(before)
            messages.update(code, name, found_in_code[name])
            assert copy.read_bytes() == before, f"{name}: run `make messages`"


def test_the_command_says_what_is_missing(capsys):
    from bncourse.__main__ import main

    assert main(["messages", "--no-pages"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == len(dict(messages.of_code())) * (len(language.languages()) - 1)
    assert any("checks/report.po: " in line and line.endswith("complete") for line in lines)


ENGLISH = (
    "Of 400 digits, {glue:text}`ch03_count` are read by `eval()`; see [chapter 7](07_x.md), {numref}`fig` and $x^2$."
)
RIGHT = (
    "400個の数字のうち、{glue:text}`ch03_count`個を`eval()`で読めます。"
    "[第7章](07_x.md)、{numref}`fig`、$x^2$も見てください。"
)
FAULTS = {
    "a value is lost": ("{glue:text}`ch03_count`個を", "いくつかを"),
    "a value is shown twice": ("読めます", "読めます（{glue:text}`ch03_count`個）"),
    "a key is misspelt": ("ch03_count", "ch3_count"),
    "a reference is lost": ("{numref}`fig`、", ""),
    "a target is another one": ("07_x.md", "08_x.md"),
    "code is translated": ("`eval()`", "`評価()`"),
    "a formula is changed": ("$x^2$", "$x^3$"),
    "a number is another one": ("400個", "4000個"),
    "a list begins": ("400個の", "1. 400個の"),
    "asterisks are shown": ("読めます。", "は**「読めます」**です。"),
    "a space stands beside a letter": ("`eval()`で", "`eval()` で"),
    "a word is forbidden": ("数字の", "ピクセルの"),
    "a term is another one": ("400個の数字", "正則化した400個の数字"),
    "a comma is full-width": ("うち、", "うち，"),
    "one sentence is in the plain form": ("読めます。", "読めます。速いのである。"),
    "a line breaks": ("読めます。", "読めます。\n"),
}


def catalogue_of(tmp_path, translation, flags=""):
    path = tmp_path / "book" / "page.po"
    path.parent.mkdir(exist_ok=True)
    message, translated = (json.dumps(text, ensure_ascii=False) for text in (ENGLISH, translation))
    path.write_text(f"{HEADER}{flags}msgid {message}\nmsgstr {translated}\n", "utf8")
    return path


def test_a_right_translation_has_no_fault(tmp_path):
    assert not list(translations.faults(catalogue_of(tmp_path, RIGHT)))


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_found(fault, tmp_path):
    before, after = FAULTS[fault]
    assert before in RIGHT
    assert list(translations.faults(catalogue_of(tmp_path, RIGHT.replace(before, after))))


def test_what_is_said_twice_is_found(tmp_path):
    path = catalogue_of(tmp_path, RIGHT)
    path.write_text(path.read_text("utf8") + path.read_text("utf8").removeprefix(HEADER).join("\n\n"), "utf8")
    assert [fault[:10] for fault in translations.faults(path)] == ["said twice"]


@pytest.mark.parametrize(
    "english, translation, told, found",
    [
        ("The mean of 4 numbers is taken.", "4つの数の平均を取る。", True, 1),  # a hint
        ("The mean of 4 numbers is taken.", "4つの数の平均を取る。", False, 0),  # what a check asks for
        ("The mean of 4 numbers is taken.", "**平均を取る。** 4つの数の平均を取ります。", False, 0),
        ("The mean is taken of 4 numbers " + "and again " * 20, "4つの数の平均を取る。", False, 1),
        ("the mean is taken of 4 numbers " + "and again " * 20, "4つの数の平均を取る。", False, 0),  # a cell of a table
    ],
)
def test_what_speaks_to_a_reader_is_polite(english, translation, told, found):
    faults = list(translations.faults_of(english, translation, paragraph=True, addresses_reader=told))
    assert len(faults) == found and all("です・ます" in fault for fault in faults)


@pytest.mark.parametrize("translation, flags", [("", ""), (RIGHT, "#, fuzzy\n")])
def test_what_is_empty_or_fuzzy_is_found(translation, flags, tmp_path):
    assert list(translations.faults(catalogue_of(tmp_path, translation, flags)))


SIGN, DECIDED = "{sign}`a ? helps | may help | harms`", "{decided}`C2 ? opposite: lost | else: kept`"
TERM = "a {term}`batch`"


@pytest.mark.parametrize(
    "english, right, wrong",
    [
        (SIGN, "{sign}`a ? 役立つ | 不明 | 害になる`", "{sign}`a ? 役立つ | 害になる`"),
        (DECIDED, "{decided}`C2 ? opposite: 失う | else: 保つ`", "{decided}`C2 ? 反対: 失う | else: 保つ`"),
        (TERM, "{term}`バッチ <batch>`", "{term}`バッチ`"),
    ],
)
def test_roles_keep_what_decides_and_where_they_lead(english, right, wrong):
    assert not list(translations.faults_of(english, right))
    assert list(translations.faults_of(english, wrong))


def test_a_changed_sentence_keeps_its_translation_as_one_to_look_at(tmp_path, monkeypatch):
    monkeypatch.setattr(messages, "folder_of", lambda code: tmp_path)
    first = messages.Message("The mean of the batch is subtracted.", "page.md")
    messages.update("ja", "book/page", [first])
    path = tmp_path / "book/page.po"
    path.write_text(path.read_text("utf8").replace('msgstr ""\n', 'msgstr "バッチの平均を引きます。"\n'), "utf8")
    changed = messages.Message("The mean of the whole batch is subtracted.", "page.md")
    state = messages.update("ja", "book/page", [changed])
    assert (state.messages, state.empty, state.fuzzy) == (1, 0, 1)
    assert "バッチの平均を引きます。" in path.read_text("utf8") and "fuzzy" in path.read_text("utf8")


# What a check says


@pytest.fixture
def spoken(tmp_path, monkeypatch):
    """A course in which one chapter's catalogue has three sentences."""
    folder = tmp_path / "ja/LC_MESSAGES/checks"
    folder.mkdir(parents=True)
    report_words = language.LOCALE / "ja/LC_MESSAGES/checks/report.po"
    (folder / "report.po").write_bytes(report_words.read_bytes())
    entries = {
        "ε stands outside the root: you divide by √σ² + ε instead of √(σ² + ε).": "εが根号の外にあります。",
        "The call changed its argument {0}.": "呼び出しによって引数{0}が書き換えられました。",
    }
    texts = [f"msgid {json.dumps(key)}\nmsgstr {json.dumps(words)}\n" for key, words in entries.items()]
    (folder / "03_normalize.po").write_text(HEADER + "\n".join(texts), "utf8")
    monkeypatch.setattr(language, "LOCALE", tmp_path)
    language._catalogue.cache_clear()
    yield
    language._catalogue.cache_clear()


def outside_the_root(x, mean, var, eps=1e-5):
    return (x - mean) / (np.sqrt(var) + eps)


def changes_x(x, mean, var, eps=1e-5):
    result = (x - mean) / np.sqrt(var + eps)
    x[...] = 0
    return result


def judged(answer):
    exercise = curriculum.exercises()["3.1"]
    return judge([exercise], Answers({"normalize": answer}))["3.1"]


def test_a_report_speaks_the_language_that_it_is_asked_for(spoken):
    result = judged(outside_the_root)
    told = report(result, ("a hint",), "ja")
    assert told.diagnosis == "εが根号の外にあります。"
    assert told.title.startswith("3.1: まだ正しくありません")
    assert "不合格" in as_text(told) and "期待される値" in as_html(told) and "ヒント1" in as_html(told)


def test_a_sentence_with_a_value_is_found_by_its_pattern(spoken):
    details = dict(report(judged(changes_x), (), "ja").details)
    assert "呼び出しによって引数xが書き換えられました。" in details.values()


def test_an_argument_without_a_name_is_counted_in_the_language_of_the_report():
    told = {code: dict(report(judged(lambda x: x), (), code).details) for code in ("en", "ja")}
    assert told["en"]["call"].startswith("normalize(x, argument 2, argument 3") and "  argument 3" in told["en"]
    assert told["ja"]["呼び出し"].startswith("normalize(x, 引数2, 引数3") and "  引数3" in told["ja"]


def test_points_and_json_do_not_depend_on_the_language(spoken, monkeypatch):
    english = judged(outside_the_root).as_json()
    monkeypatch.setenv("BNCOURSE_LANG", "ja")
    assert judged(outside_the_root).as_json() == english


def test_columns_are_as_wide_as_their_letters(spoken):
    lines = as_text(report(judged(outside_the_root), (), "ja")).splitlines()
    marked = [line for line in lines if line.startswith(("  合格", "  不合格"))]
    before = [line[: -len(line[2:].split(maxsplit=1)[1])] for line in marked]
    widths = set(map(columns.cells_of, before))
    assert len(marked) > 1 and len(widths) == 1


def test_the_language_is_the_learners_choice_and_never_that_of_the_system(tmp_path, monkeypatch):
    for name in ("LANG", "LC_ALL", "LANGUAGE"):
        monkeypatch.setenv(name, "ja_JP.UTF-8")
    monkeypatch.delenv("BNCOURSE_LANG", raising=False)
    monkeypatch.setattr(language, "NOTE", tmp_path / ".language")
    assert language.chosen() == "en"
    language.NOTE.write_text("ja\n")
    assert language.chosen() == "ja"
    monkeypatch.setenv("BNCOURSE_LANG", "en")
    assert language.chosen() == "en"
    monkeypatch.setenv("BNCOURSE_LANG", "xx")
    assert language.chosen() == "en"


def test_make_lab_notes_the_language(tmp_path, monkeypatch):
    for module in (notebooks, language):
        monkeypatch.setattr(module, "WORK", tmp_path)
    monkeypatch.setattr(notebooks, "NOTE_OF_LANGUAGE", tmp_path / ".language")
    notebooks.copy_missing("ja")
    assert (tmp_path / ".language").read_text() == "ja\n"
    with pytest.raises(CourseError, match="there is no language 'xx'; the course has en, ja"):
        notebooks.copy_missing("xx")


def test_check_speaks_japanese_in_the_terminal():
    command = [sys.executable, "-m", "bncourse", "check", "99"]
    for code, words in (("ja", "という演習や章はありません"), ("en", "unknown exercise or chapter '99'")):
        environment = {"BNCOURSE_LANG": code, "PYTHONPATH": str(ROOT), "PATH": ""}
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, encoding="utf8")
        assert words in done.stderr


def test_help_is_in_the_learners_language(capsys, monkeypatch):
    from bncourse.__main__ import main

    def helped(code, *command):
        monkeypatch.setenv("BNCOURSE_LANG", code)
        with pytest.raises(SystemExit):
            main([*command, "--help"])
        return capsys.readouterr().out

    assert helped("en").startswith("usage: ") and "build the site" in helped("en")
    commands = re.findall(r"^    ([a-z]+)\b", helped("en"), re.M)
    assert {"check", "lab", "book", "grade"} <= {*commands}
    for command in ([], *([name] for name in commands)):
        assert helped("ja", *command).startswith("使い方：")
        assert not re.findall(r"[a-z]{2,} [a-z]{2,} [a-z]{2,}", helped("ja", *command)), command


@pytest.mark.parametrize(
    "arguments, words",
    [
        (["check", "--bar"], "--barという引数はありません。python -m bncourse --helpを見てください"),
        (["grade", "work"], "引数--outが足りません。python -m bncourse grade --helpを見てください"),
        (["lab", "--language"], "引数--language：値が1つ必要です。python -m bncourse lab --helpを見てください"),
    ],
)
def test_a_wrong_use_is_told_in_the_learners_language(arguments, words, capsys, monkeypatch):
    from bncourse.__main__ import main

    monkeypatch.setenv("BNCOURSE_LANG", "ja")
    assert main(arguments) == 2
    assert capsys.readouterr().err == f"{words}\n"


def test_lines_of_japanese_break_by_cells_and_begin_with_no_mark():
    lines = columns.lines_of("作ったサイトを、このPCで開けるようにします。", 14)
    assert lines == ["作ったサイトを、", "このPCで開ける", "ようにします。"]


@pytest.mark.parametrize(
    "chapter", [path.stem for path in CATALOGUES if path.parent.name == "checks" and path.stem != "report"]
)
def test_every_mistake_and_hint_is_told_in_japanese(chapter):
    translate = language.of_checks("ja", chapter)
    for exercise in curriculum.of_chapter(chapter):
        said = [mistake.explanation for mistake in mistakes_of(exercise)]
        assert [words for words in said if translate(words) == words] == []


# Notebooks


@pytest.mark.parametrize("stem", editions.translated("ja"))
def test_a_japanese_notebook_is_the_english_one_in_other_words(stem):
    english, japanese = sources.build_exercise(stem), editions.build(stem, "ja")
    assert [cell.id for cell in japanese.cells] == [cell.id for cell in english.cells]
    assert [cell.metadata for cell in japanese.cells] == [cell.metadata for cell in english.cells]
    for one, other in zip(english.cells, japanese.cells):
        if one.cell_type == "code":
            assert other.source.count("\n") == one.source.count("\n")
    path = editions.folder("ja") / f"{stem}.ipynb"
    assert path.read_text("utf8") == nbformat.writes(japanese) + "\n", "run `make notebooks`"


def test_text_is_translated_block_by_block():
    text = "# Title\n\nTwo lines\nof text.\n\n- one\n  item\n- two\n\n$$x$$\n\n*5 points*"
    assert editions.blocks(text) == [
        ["# Title"],
        ["Two lines of text."],
        ["- one item", "- two"],
        ["$$x$$"],
        ["*5 points*"],
    ]
    words = {"Two lines of text.": "文。", "- two": "- 二", "*{points} points*": "*{points}点*"}
    translated = editions.in_language(text, lambda message: words.get(message, message))
    assert translated == "# Title\n\n文。\n\n- one item\n- 二\n\n$$x$$\n\n*5点*"


def test_the_browser_gets_the_sentences_of_its_language_alone():
    assert b"report.po" in classroom.pack("ja")
    assert b"report.po" not in classroom.pack()
