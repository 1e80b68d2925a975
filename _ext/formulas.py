"""Formulas as MathML, which browsers set by themselves and screen readers read: no script, one small font.

And the numbers that cells insert into the text, set as the text beside them is.
"""

import re
from importlib.metadata import distribution
from pathlib import Path

from docutils import nodes
from fontTools import subset
from latex2mathml.converter import convert
from sphinx.application import Sphinx
from sphinx.locale import _ as said
from sphinx.util.math import get_node_equation_number
from sphinx.writers.html5 import HTML5Translator

FONT = "stix-two-math.woff2"
# Letters and operators, and the italic ones that <mi> turns letters into.
UPRIGHT = ((0x20, 0x7F), (0xAF, 0xB8), (0xD7, 0xD8), (0x302, 0x305), (0x391, 0x3CA), (0x2016, 0x2033), (0x2200, 0x2268))
BRACES = ((0x23DF, 0x23E0),)
ITALIC = ((0x1D434, 0x1D468), (0x1D6A4, 0x1D6A6), (0x1D6E2, 0x1D71C), (0x210E, 0x210F))

# Names of functions, which the converter sets like variables or like signs; before a parenthesis no space follows.
FUNCTION = re.compile(r'<m([io])>([A-Za-z]{2,})</m\1>(?P<called>(?=<mo stretchy="false">&#x00028;))?')
# Bars that open and bars that close: a character that no formula uses, the form, and what is shown.
BARS = {
    "lVert": ("\ue000", "prefix", "‖"),
    "rVert": ("\ue001", "postfix", "‖"),
    "lvert": ("\ue002", "prefix", "|"),
    "rvert": ("\ue003", "postfix", "|"),
}
RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def mathml(latex: str, display: str = "inline") -> str:
    """The formula as a <math> element; `aligned` and `gathered` are made of the `split` that the converter knows."""
    gathered = "{gathered}" in latex
    latex = re.sub(r"\\\\\[\w+\]", r"\\\\", re.sub("{aligned}|{gathered}", "{split}", latex))
    for name, (character, _, _) in BARS.items():
        latex = latex.replace(f"\\{name}", character)
    element: str = convert(latex, display=display)
    for character, form, bar in BARS.values():
        element = element.replace(f"<mi>{character}</mi>", f'<mo form="{form}" stretchy="false">{bar}</mo>')
    element = FUNCTION.sub(spaced, element.replace("\\_", "_"))  # in the words of \\text, the converter leaves it
    return element.replace('columnalign="right"', 'columnalign="center"') if gathered else element


def spaced(function: re.Match[str]) -> str:
    after = "0" if function["called"] is not None else "0.17em"
    return f'<mo form="prefix" lspace="0.17em" rspace="{after}">{function[2]}</mo>'


def inline(translator: HTML5Translator, node: nodes.math) -> None:
    translator.body.append(f'<span class="math">{mathml(node.astext())}</span>')
    raise nodes.SkipNode


def block(translator: HTML5Translator, node: nodes.math_block) -> None:
    translator.body.append(translator.starttag(node, "div", CLASS="math"))
    translator.body.append(mathml(node.astext(), "block"))
    if node["number"]:
        number = get_node_equation_number(translator, node)
        translator.body.append(f'<span class="eqno">({number})')
        translator.add_permalink_ref(node, said("Link to this equation"))
        translator.body.append("</span>")
    translator.body.append("</div>\n")
    raise nodes.SkipNode


def write_font(app: Sphinx, error: Exception | None) -> None:
    """Put the letters and signs of STIX Two Math that formulas use into the site."""
    if error or app.builder.format != "html":
        return
    target = Path(app.outdir, "_static", FONT)
    source = Path(str(distribution("ziamath").locate_file("ziamath/fonts/STIXTwoMath-Regular.ttf")))
    if target.exists() and target.stat().st_mtime > max(file.stat().st_mtime for file in (source, Path(__file__))):
        return
    options = subset.Options(flavor="woff2", layout_features=["ssty"], notdef_outline=True)
    font = subset.load_font(source, options)
    cut = subset.Subsetter(options)
    cut.populate(unicodes=[code for first, last in UPRIGHT + BRACES + ITALIC for code in range(first, last)])
    cut.subset(font)
    subset.save_font(font, target, options)


def typeset(text: str) -> str:
    """A number as Python prints it with a minus sign for the hyphen and a power of ten for the exponent."""

    def power(number: re.Match[str]) -> str:
        raised = f"10{str(int(number[2])).translate(RAISED)}"
        return raised if number[1] == "1" else f"{number[1]}·{raised}"

    text = re.sub(r"(\d+(?:\.\d+)?)e([+-]\d+)", power, text)
    return re.sub(r"(?<![\w.])-(?=\d)", "−", text)


def set_numbers(app: Sphinx, document: nodes.document, docname: str) -> None:
    """Set the numbers that cells of a page inserted into its text."""
    for inserted in document.findall(nodes.inline):
        if "pasted-text" in inserted["classes"] and typeset(inserted.astext()) != inserted.astext():
            inserted.children = [nodes.Text(typeset(inserted.astext()))]


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_html_math_renderer("mathml", (inline, None), (block, None))
    app.connect("doctree-resolved", set_numbers)  # those of translated text are there only now
    app.connect("build-finished", write_font)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
