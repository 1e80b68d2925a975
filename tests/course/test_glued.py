"""What cells put into sentences is found in their source, and said in the language of the page."""

import re

import pytest

from bncourse.course.language import folder_of, read
from bncourse.publishing import glued

PAGE = """\
Text: {{glue:text}}`a_told:s`, {{glue:text}}`a_number:.1f`, {{glue:text}}`a_count`.

```{{code-cell}} python
:tags: [hide-input]
{cell}
```
"""
FUNCTION = 'def told(x, more):\n    if not x:\n        return "cannot tell"\n    return more\n'
CELLS = {
    "a text": ('measured("a_told", "it helps")', ["it helps"]),
    "a number": ('measured("a_count", max(3, len("some words")))', []),
    "a text that no sentence shows": ('measured("a_number", "it helps")', []),
    "one of two": ('measured("a_told", "it helps" if x else "it harms")', ["it helps", "it harms"]),
    "one of two in a sentence": (
        "measured(\"a_told\", f\"BN was {'ahead' if x else 'behind'}\")",
        ["BN was ahead", "BN was behind"],
    ),
    "values": ('measured("a_told", f"{some} of {len(all)}")', ["{0} of {1}"]),
    "values of a format": ('measured("a_told", "{:.1f} to {}".format(1, 2))', ["{0} to {1}"]),
    "a function of the page": (
        f'{FUNCTION}measured("a_told", told(3, "more with it"))',
        ["cannot tell", "more with it"],
    ),
    "a name of several": (
        'for key, words in zip([1, 2], ["first one", "second one"]):\n    measured(f"a_{key}", words)',
        ["first one", "second one"],
    ),
    "a name in a live figure": (
        'names = {"none": "no norm"}\n'
        'recorded("heat", {"arms": [{"name": names[norm], "id": "some id"} for norm in names]})',
        ["no norm"],
    ),
    "another loop's name": ('for words in ["no answer"]:\n    pass\nmeasured("a_told", 3)', []),
    "a list that is joined": (
        'some = []\nfor kind in ["sigmoid", "ReLU"]:\n    some.append(f"{kind}s")\n'
        'measured("a_told", " and ".join(some) or "neither")',
        ["{0} and {1}", "sigmoids", "ReLUs", "neither"],
    ),
    "keys of a dictionary": (
        'arms = {f"{size}\\nmixed": [] for size in (1, 8)}\narms["ten\\nalike"] = []\n'
        'best, second = sorted(arms)[:2]\nmeasured("a_told", best.replace("\\n", " "))',
        ["{0} mixed", "ten alike"],
    ),
    "a word before a value": (
        'word = "at least " if x else ""\nmeasured("a_told", f"{word}{y:.1f}")',
        ["at least {0}"],
    ),
}


@pytest.mark.parametrize("case", CELLS)
def test_all_texts_that_a_sentence_may_show_are_found(case, tmp_path):
    cell, texts = CELLS[case]
    path = tmp_path / "page.md"
    path.write_text(PAGE.format(cell=cell), "utf8")
    assert glued.words_of(path) == texts


SAID = {
    "these seeds cannot tell": "これらのシードからはわかりません",
    "k = 0.9 or k = 0.99, corrected, these seeds cannot tell": (
        "k = 0.9またはk = 0.99（補正あり）で、どちらかはこれらのシードからはわかりません"
    ),
    "10 of one class and 1 mixed": "10枚（1種類だけ）と1枚（混ざった数字）",
    "2.4 at rate 0.1; at least 6.0 at rate 1": "学習率0.1で2.4倍、学習率1で少なくとも6.0倍",
    "260 (4 of 6)": "260（6回中4回）",
    "128": "128",
}


def test_what_cells_have_joined_is_said_part_by_part():
    translate = glued.words_in("ja")
    assert {text: translate(text) for text in SAID} == SAID
    assert [glued.words_in("en")(text) for text in SAID] == list(SAID)


def test_no_text_of_a_cell_holds_a_joint_by_itself():
    """Or it would be taken apart."""
    for text in read(folder_of("ja") / "cells.po"):
        if any(joint in text for joint in glued.JOINTS):
            assert re.fullmatch(r"\{0\}( and |; )\{1\}", text)
