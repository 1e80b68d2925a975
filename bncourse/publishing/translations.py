"""Whether a catalogue is whole, in step with the English text, and written as the list of terms asks.

What a translation must keep: values of cells, code, formulas, targets of links and references, numbers.
What it must be: of the same Markdown blocks, with no markup that would be shown as text.
How it is written: `STYLE` and `FORBIDDEN`.
"""

import ast
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bncourse.authoring.editions import PARSER
from bncourse.course.language import ENTRY

ROLE = re.compile(r"\{([\w:-]+)\}`([^`]*)`")
CODE = re.compile(r"`[^`]+`")
FORMULA = re.compile(r"\$\$.+?\$\$|\$[^$]+\$", re.S)
LINK = re.compile(r"\]\(([^)\s]+)\)|<(https?://[^>]+)>")
PLACE = re.compile(r"\{\w*\}")
NUMBER = re.compile(r"(?<![A-Za-z_\d.])\d[\d,]*(?:\.\d+)*(?:e[+-]?\d+)?(?=(?:st|nd|rd|th)\b|(?![A-Za-z_]))")
NAME = re.compile(r"\b[A-Za-z]\w*(?:\.[A-Za-z]\w+)+\b|\b[A-Za-z]+(?:_[A-Za-z0-9]+)+\b|\b[a-z]\w*\(\)", re.ASCII)
WITHOUT_WORDS = re.compile(rf"{ROLE.pattern}|{CODE.pattern}|{FORMULA.pattern}|\{{\w+\}}|\(\S+\.md\S*\)", re.S)
PARAGRAPH = ["paragraph_open", "inline", "paragraph_close"]
CHOICES = ("sign", "decided")  # roles that hold sentences, of which a page shows one

JAPANESE = r"[ぁ-んァ-ヶー一-龥々]"
STYLE = {
    "a comma or point that is not 、 or 。": re.compile(rf"[，．]|{JAPANESE}[,.](?![\w*`])"),
    "a colon that is not ：": re.compile(rf"{JAPANESE}[:;]"),
    "！": re.compile("！"),
    "full-width letters or digits": re.compile(r"[０-９Ａ-Ｚａ-ｚ]"),
    "half-width katakana": re.compile(r"[ｦ-ﾟ]"),
    "a space between Japanese and other letters": re.compile(rf"{JAPANESE} [A-Za-z0-9`$]|[A-Za-z0-9`$] {JAPANESE}"),
    "a space beside a mark": re.compile(r"[、。（）「」：] | [、。（）「」：]"),
    "half-width brackets around Japanese": re.compile(rf"\({JAPANESE}+\)"),
    "a space before %": re.compile(r"\d %"),
}
FORBIDDEN = re.compile(
    "過剰適合|正規化効果|共分散シフト|スタイル転送|トレーニング|レイヤー(?!正規化)|チャンネル|ピクセル|閾値|パフォーマンス|"
    "深度|モーメンタム|パラメーター|フィルター|メモリー|サーバー|コンピューター|フォルダー|スキャナー|ユーザ(?!ー)|"
    "畳込|逆伝搬|シーケンスモデル|内部共変量偏移|標準化層"
)

SET_APART = re.compile(r"\*\*.+?\*\*|「[^」]*」|（[^）]*）")  # what leads a paragraph in, is quoted, or in brackets
POLITE = re.compile(r"(?:ます|です|ません|ました|でした|ましょう|でしょう|ください)[かね]?[*]*$")
PLAIN_FORM = re.compile(r"[うくぐすつぬぶむるただいん][*]*$")  # a verb, or だ, である, した, ない
LONG = 24  # words; a shorter text may be an entry of a table or an answer to choose, which are in the plain form


def has_words(message: str) -> bool:
    """Whether there is anything to translate: not only numbers, formulas, code, or values of cells."""
    words = re.search(r"[^\W\d_]{2}", WITHOUT_WORDS.sub("", message))
    roles = ROLE.findall(message)
    return bool(words) or any(name in (*CHOICES, "term") or "<" in content for name, content in roles)


def faults(path: Path) -> Iterator[str]:
    """What is wrong with a catalogue, one line a fault, each with the message that it is about."""
    from babel.messages.pofile import read_po

    entries = Counter(ast.literal_eval(f"({lines})") for lines, _ in ENTRY.findall(path.read_text("utf8")))
    yield from (f"said twice: {text[:90]}" for text, count in entries.items() if count > 1)
    with path.open("rb") as file:
        catalogue = read_po(file)
    kind = path.parent.name
    for message in catalogue:
        english, other = str(message.id), str(message.string or "")
        if not english:
            continue
        if message.fuzzy or not other:
            yield f"{'fuzzy' if message.fuzzy else 'not translated'}: {english[:90]}"
            continue
        if not has_words(english) and other == english:
            continue
        plain = kind not in ("book", "exercises") or "docstring" in message.auto_comments
        addresses_reader = any(comment.startswith(("mistake", "hint")) for comment in message.auto_comments)
        for fault in faults_of(english, other, plain, paragraph=kind == "book", addresses_reader=addresses_reader):
            yield f"{fault}\n    {english}\n    {other}"


def faults_of(
    english: str, other: str, plain: bool = False, paragraph: bool = False, addresses_reader: bool = False
) -> Iterator[str]:
    """What is wrong with the translation of one message.

    `plain` says that it is no Markdown; `paragraph` that it must be one paragraph of it, whatever the English text is:
    Sphinx takes no other, and would show the English text without a word of warning. `addresses_reader` says that
    it speaks to the reader however short it is, as a hint does.
    """
    yield from _lost(english, other)
    yield from _numbers(english, other)
    if plain:
        if "\n" in other and "\n" not in english:
            yield "a line break"
    else:
        yield from _markdown(english, other, paragraph)
    yield from _written(english, other)
    yield from _polite(other, addresses_reader or paragraph and len(english.split()) > LONG and english[0].isupper())


def _lost(english: str, other: str) -> Iterator[str]:
    """What must be kept and is not, or is new."""
    for kind in ("values and references", "code", "formulas", "targets", "places for values", "names"):
        before, after = _tokens(english)[kind], _tokens(other)[kind]
        if kind != "values and references":
            before, after = Counter(set(before)), Counter(set(after))
        if kind == "names":  # which a translation may explain
            after &= before
        lost, new = before - after, after - before
        if lost or new:
            differences = [f"lacks {', '.join(lost)}"] if lost else []
            yield f"{kind}: {'; '.join([*differences, *([f'has {chr(44).join(new)}'] if new else [])])}"


def _tokens(text: str) -> dict[str, Counter[str]]:
    rest, tokens = text, dict[str, Counter[str]]()
    tokens["values and references"] = Counter(_role(name, content) for name, content in ROLE.findall(rest))
    rest = ROLE.sub("", rest)
    for kind, pattern in (("formulas", FORMULA), ("code", CODE)):
        tokens[kind] = Counter(" ".join(snippet.split()) for snippet in pattern.findall(rest))
        rest = pattern.sub("", rest)
    tokens["targets"] = Counter(first or second for first, second in LINK.findall(rest))
    rest = LINK.sub("", rest)
    tokens["places for values"] = Counter(PLACE.findall(rest))
    tokens["names"] = Counter(NAME.findall(PLACE.sub("", rest)))
    return tokens


def _role(name: str, content: str) -> str:
    """What a translation must keep of a role: its name and target, not the words that a reader sees."""
    if name in CHOICES:
        key, _, texts = content.partition(" ? ")
        parts = texts.split("|")
        cases = [part.partition(":")[0].strip() for part in parts] if name == "decided" else [str(len(parts))]
        return f"{{{name}}}`{key} ? {' | '.join(cases)}`"
    titled = re.fullmatch(r".*<([^<>]+)>\s*", content, re.S)
    return f"{{{name}}}`{titled[1] if titled else ' '.join(content.split())}`"


def _plain(text: str) -> str:
    """The text with a letter for each role, formula, and piece of code; of sentences to choose from, all."""

    def shown(role: re.Match[str]) -> str:
        if role[1] in CHOICES:
            return re.sub(r"^[^?]*\? |\|", "", role[2])
        titled = re.fullmatch(r"(.*?)\s*<[^<>]+>\s*", role[2], re.S)
        return titled[1] if titled else "x"

    return re.sub(r"\]\([^)\s]+\)|<https?://[^>]+>", "]", CODE.sub("x", FORMULA.sub("x", ROLE.sub(shown, text))))


def _numbers(english: str, other: str) -> Iterator[str]:
    """Numbers that are lost, and larger ones that are new: "four" may become 4, "a hundred" 100."""
    before, after = (
        {number.rstrip(",").replace(",", "") for number in NUMBER.findall(PLACE.sub("", _plain(text)))}
        for text in (english, other)
    )
    if lost := before - after:
        yield f"numbers: lacks {', '.join(sorted(lost))}"
    in_words = r"\d+" if re.search("hundred|thousand|million|dozen", english) else r"\d\d?"
    if new := {number for number in after - before if not re.fullmatch(in_words, number)}:
        yield f"numbers: has {', '.join(sorted(new))}"


def _markdown(english: str, other: str, paragraph: bool) -> Iterator[str]:
    wanted, actual = PARSER.parse(english), PARSER.parse(other)
    if (kinds := [token.type for token in actual]) != (PARAGRAPH if paragraph else [token.type for token in wanted]):
        yield f"Markdown reads it as {', '.join(kind.removesuffix('_open') for kind in kinds if 'close' not in kind)}"
    both = wanted, actual
    parts: list[list[Any]] = [[part for token in tokens for part in token.children or ()] for tokens in both]
    before, after = ("".join(part.content for part in some if part.type == "text") for some in parts)
    for sign in "*`$":
        if after.count(sign) > before.count(sign):
            yield f"{sign} is shown as text"
    if any(part.type in ("softbreak", "hardbreak") for part in parts[1]) or "\n" in other and "\n" not in english:
        yield "a line break"
    if re.search(r"(?<![\w`])_[^_`]+_(?![\w`])", _plain(other)):
        yield "emphasis by _"


def _written(english: str, other: str) -> Iterator[str]:
    plain = re.sub(r"^#+ [\d.]* ?", "", PLACE.sub("x", _plain(other)))  # "## 6.1 " has one
    for fault, pattern in STYLE.items():
        if match := pattern.search(plain):
            yield f"style: {fault} ({match[0]})"
    if match := FORBIDDEN.search(plain):
        yield f"a word that the list of terms forbids: {match[0]}"
    if "精度" in plain and re.search("accura", english) and not re.search("precis|exact|digits", english):
        yield "a word that the list of terms forbids: 精度, for accuracy"
    if "正則化" in plain and not re.search("[Rr]egulari", english):
        yield "a word that the list of terms forbids: 正則化, for 正規化"
    if "回答" in plain and not re.search("[Qq]uestion|short answer", english):
        yield "a word that the list of terms forbids: 回答, for 解答"
    if not re.search(JAPANESE, plain) and len(re.findall(r"[^\W\d_]{2,}", _plain(english))) > 2:
        yield "no Japanese in it"


def _polite(other: str, addresses_reader: bool) -> Iterator[str]:
    """A sentence in the plain form where one reads です・ます, or where another sentence of the same text is in it."""
    sentences = re.split("[。？]", SET_APART.sub("x", _plain(re.sub(r"\{(?:sign|decided)\}`[^`]*`", "x", other))))[:-1]
    polite = [sentence for sentence in sentences if POLITE.search(sentence)]
    plain = [text for text in sentences if PLAIN_FORM.search(text) and text not in polite]
    if plain and (polite or addresses_reader):
        yield f"style: the plain form instead of です・ます ({plain[0][-12:]})"
