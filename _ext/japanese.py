"""Search in Japanese, which has no spaces: its words are all pairs of letters, in the index and in what is asked."""

import re

from sphinx.application import Sphinx
from sphinx.search import SearchLanguage

LETTERS = r"[\u3040-\u30ff\u3400-\u9fff\uff66-\uff9f\u3005]+|[A-Za-z0-9_]+"


class Japanese(SearchLanguage):
    lang, language_name, stopwords = "ja", "Japanese", set[str]()
    js_stemmer_code = "class Stemmer { stemWord(word) { return word; } }"
    js_splitter_code = (
        f"var splitQuery = (query) => (query.match(/{LETTERS}/g) || []).flatMap((word) => "
        "/^[A-Za-z0-9_]+$/.test(word) || word.length < 3 ? [word] "
        ": [...word].slice(0, -1).map((_, i) => word.substr(i, 2)));"
    )

    def split(self, text: str) -> list[str]:
        words = []
        for word in re.findall(LETTERS, text):
            if word.isascii():
                words.append(word)
                continue
            words += [word] if len(word) < 3 else [word[i : i + 2] for i in range(len(word) - 1)]
            words += [sign for sign in word if "\u3400" <= sign <= "\u9fff"]
        return words

    def stem(self, word: str) -> str:
        return word.lower()

    def word_filter(self, word: str) -> bool:
        return len(word) > 1 or word >= "\u3400"


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_search_language(Japanese)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
