"""What the converter of formulas gets wrong and how it is repaired: an upgrade that changes either is noticed here.

And how a number that a cell inserts into the text is set.
"""

import importlib.util
import re

import pytest
from latex2mathml.converter import convert

from bncourse.course.paths import ROOT

EQUAL = "<mo>&#x0003D;</mo>"
TABLE = '<mtable displaystyle="true" columnspacing="0em" rowspacing="3pt">'
LEFT, RIGHT, MIDDLE = (f'<mtd columnalign="{side}">' for side in ("left", "right", "center"))
OPEN, CLOSE = '<mo stretchy="false">&#x00028;</mo>', '<mo stretchy="false">&#x00029;</mo>'
X = "<mi>x</mi>"

# formula, what is wrong with it as the converter makes it, and how it is to be
REPAIRS = {
    "lines of aligned are rows of a table": (
        r"\begin{aligned} a &= b \\ c &= d \end{aligned}",
        '<mspace linebreak="newline" />',
        f"{TABLE}<mtr>{RIGHT}<mi>a</mi></mtd>{LEFT}<mi />{EQUAL}<mi>b</mi></mtd></mtr>"
        f"<mtr>{RIGHT}<mi>c</mi></mtd>{LEFT}<mi />{EQUAL}<mi>d</mi></mtd></mtr></mtable>",
    ),
    "lines of gathered are rows in the middle": (
        r"\begin{gathered} a \\ b \end{gathered}",
        '<mspace linebreak="newline" />',
        f"{TABLE}<mtr>{MIDDLE}<mi>a</mi></mtd></mtr><mtr>{MIDDLE}<mi>b</mi></mtd></mtr></mtable>",
    ),
    "a space between lines is no text": (
        r"\begin{split} a \\[1ex] b \end{split}",
        "<mn>1ex</mn>",
        f"{TABLE}<mtr>{RIGHT}<mi>a</mi></mtd></mtr><mtr>{RIGHT}<mi>b</mi></mtd></mtr></mtable>",
    ),
    "bars of a norm open and close": (
        r"\lVert x \rVert",
        f"<mo>&#x02016;</mo>{X}<mo>&#x02016;</mo>",
        f'<mo form="prefix" stretchy="false">‖</mo>{X}<mo form="postfix" stretchy="false">‖</mo>',
    ),
    "bars of a size open and close": (
        r"\lvert x \rvert",
        f"<mo>&#x0007C;</mo>{X}<mo>&#x0007C;</mo>",
        f'<mo form="prefix" stretchy="false">|</mo>{X}<mo form="postfix" stretchy="false">|</mo>',
    ),
    "a named operator has the space of a function": (
        r"\operatorname{Var} x",
        "<mo>Var</mo>",
        f'<mo form="prefix" lspace="0.17em" rspace="0.17em">Var</mo>{X}',
    ),
    "no space before the parenthesis of a function": (
        r"\operatorname{Var}(x)",
        "<mo>Var</mo>",
        f'<mo form="prefix" lspace="0.17em" rspace="0">Var</mo>{OPEN}{X}{CLOSE}',
    ),
    "a function is no variable": (
        r"\log(x)",
        "<mi>log</mi>",
        f'<mo form="prefix" lspace="0.17em" rspace="0">log</mo>{OPEN}{X}{CLOSE}',
    ),
}


@pytest.fixture(scope="module")
def formulas():
    spec = importlib.util.spec_from_file_location("formulas", ROOT / "_ext/formulas.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def mathml(formulas):
    return formulas.mathml


NUMBERS = {
    "-0.24": "−0.24",
    "5e-07": "5·10⁻⁷",
    "-1.5e+03": "−1.5·10³",
    "1e-05": "10⁻⁵",
    "none or -3": "none or −3",
    "GPT-2 of 2020-21": "GPT-2 of 2020-21",
    "cpu with PyTorch 2.13.0+cpu": "cpu with PyTorch 2.13.0+cpu",
}


@pytest.mark.parametrize("printed", NUMBERS)
def test_an_inserted_number_has_a_minus_sign_and_a_power_of_ten(formulas, printed):
    assert formulas.typeset(printed) == NUMBERS[printed]


@pytest.mark.parametrize(("latex", "fault", "repaired"), REPAIRS.values(), ids=REPAIRS)
def test_the_converter_needs_the_repair_and_gets_it(mathml, latex, fault, repaired):
    assert fault in convert(latex), "latex2mathml has changed: is the repair needed, and does it still find its place?"
    element = re.fullmatch(r"<math [^>]*><mrow>(.*)</mrow></math>", mathml(latex))
    assert element and element[1] == repaired
