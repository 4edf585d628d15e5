"""Makes newscrawl/languages/words.txt: frequent words that tell a language, words of both, and names.

    pip install wordfreq spylls                        (3.1 and 0.1; in an environment of its own)
    apt-get install hunspell-fr-classical wamerican-large wbritish
    python tools/wordlists.py > newscrawl/languages/words.txt

A word speaks for a language by how much more frequent it is there than in the other languages. Dictionaries
say which words are names: those they write with a capital only. They are asked, nothing of them is copied.
"""

from __future__ import annotations

import argparse
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

from spylls.hunspell import Dictionary
from wordfreq import top_n_list, zipf_frequency

FRENCH = "usr/share/hunspell/fr"
ENGLISH = ("usr/share/dict/american-english-large", "usr/share/dict/british-english")
PERSON = re.compile(r"^[A-ZÀ-Þ].*\bpo:(?:prn|patr)\b")
"Entries of persons' names."
HOME = ("fr", "en")
GUESTS = ("es", "de", "pt", "it", "nl", "ro", "ca", "sv", "da", "nb", "pl", "tr", "id", "fil")
WORDS = 20_000
"Of each home language, at most."
GUEST_WORDS = 300
LOOKED_AT = 100_000
STEPS = (1.5, 0.8)
FOREIGN = -1.5
"A word so much rarer than in a guest's language is not taken for one of ours."
"Powers of ten a word is more frequent by: from the first on it is sure, from the second on it leans."
BOTH_WORDS = 2_500
NAMES = 6_000
RENAMED = {"fil": "tl", "nb": "no"}
"wordfreq's code to langdetect's."
HEADER = """\
# Frequent words that tell a language, made by tools/wordlists.py; do not edit.
#
# Made from the word frequencies of wordfreq 3.1.1 by Robyn Speer, https://github.com/rspeer/wordfreq, which
# compiles them from OpenSubtitles, Wikipedia, the Leeds Internet Corpus, Google Books Ngrams, ParaCrawl,
# SUBTLEX and others; changed: filtered, classed and without the figures. As that data, this file is under
# CC BY-SA 4.0, https://creativecommons.org/licenses/by-sa/4.0/. Names were told from words with the
# dictionaries hunspell-fr (Dicollecte) and SCOWL.
#
# A section's words speak surely (2) or weakly (1) for its language; `both` are words of French and English
# alike, `names` are written with a capital: neither says anything. `persons` are words that name persons too.
"""


def plain(word: str) -> str:
    """As it is typed without accents."""
    spread = unicodedata.normalize("NFD", word.replace("œ", "oe").replace("æ", "ae"))
    return "".join(letter for letter in spread if not unicodedata.combining(letter))


class Speller:
    """Which spellings are words, and which are names: those written with a capital only, or that way too."""

    def __init__(self, root: Path) -> None:
        self._french = Dictionary.from_files(str(root / FRENCH))
        self._given = {
            line.split("/")[0].lower()
            for line in (root / f"{FRENCH}.dic").read_text(encoding="utf-8").splitlines()
            if PERSON.search(line)
        }
        self._english = {
            line for path in ENGLISH for line in (root / path).read_text(encoding="utf-8").splitlines()
        }

    def is_word(self, word: str, language: str) -> bool:
        return self._french.lookup(word) if language == "fr" else word in self._english

    def is_name(self, word: str) -> bool:
        """And no word of either language."""
        if any(self.is_word(word, language) for language in HOME):
            return False
        return any(self.is_word(word.capitalize(), language) for language in HOME)

    def is_given(self, word: str) -> bool:
        """A person's name, whatever else it is."""
        return word in self._given


def usable(word: str) -> bool:
    return word.isalpha() and len(word) > 1


def lead(word: str, language: str, others: tuple[str, ...]) -> float:
    """How many powers of ten more frequent a word is in its language than in any other of them."""
    most = max(zipf_frequency(word, other) for other in others if other != language)
    return float(zipf_frequency(word, language) - most)


def home_lists(speller: Speller) -> dict[str, list[str]]:
    """Sections of French and English, with accent-less spellings where they mean nothing else."""
    found: dict[str, list[str]] = defaultdict(list)
    for language in HOME:
        taken = 0
        for word in top_n_list(language, LOOKED_AT):
            step = next((2 - at for at, bound in enumerate(STEPS) if lead(word, language, HOME) >= bound), 0)
            if step == 0 or not usable(word) or lead(word, language, GUESTS) < FOREIGN:
                continue
            if taken == WORDS:
                break
            if not speller.is_word(word, language):
                continue
            taken += 1
            found[f"{language} {step}"].append(word)
    return found


def with_bare(sections: dict[str, list[str]], speller: Speller) -> dict[str, list[str]]:
    """The sections with French words also without their accents, where that is no other word or name."""
    taken = {word for words in sections.values() for word in words}
    return {section: [*words, *bare(words, taken, speller)] for section, words in sections.items()}


def bare(words: list[str], taken: set[str], speller: Speller) -> Iterator[str]:
    for word in words:
        typed = plain(word)
        free = typed not in taken and not speller.is_word(typed, "en") and not speller.is_name(typed)
        if free and zipf_frequency(typed, "en") < zipf_frequency(word, "fr") - STEPS[1]:
            taken.add(typed)
            yield typed


def guest_list(language: str) -> list[str]:
    """The most frequent words that neither French nor English has."""
    found = [
        word
        for word in top_n_list(language, 5 * GUEST_WORDS)
        if usable(word) and lead(word, language, HOME) >= STEPS[0]
    ]
    return found[:GUEST_WORDS]


def frequent(words: Iterable[str], taken: set[str]) -> list[str]:
    """Those not taken, the most frequent first."""
    return sorted(
        {word for word in words if usable(word)} - taken,
        key=lambda word: (-max(zipf_frequency(word, language) for language in HOME), word),
    )


def both_list(looked_at: set[str], taken: set[str], speller: Speller) -> list[str]:
    """Words frequent in both languages."""
    shared = (word for word in frequent(looked_at, taken) if abs(lead(word, "fr", HOME)) < STEPS[1])
    words = (word for word in shared if any(speller.is_word(word, language) for language in HOME))
    return list(islice(words, BOTH_WORDS))


def wrapped(words: list[str]) -> Iterator[str]:
    line = ""
    for word in words:
        if len(line) + len(word) > 108:
            yield line
            line = ""
        line = f"{line} {word}".strip()
    yield line


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--root", default="/", help="folder the dictionaries' packages were unpacked into")
    speller = Speller(Path(parser.parse_args().root))
    sections = with_bare(home_lists(speller), speller)
    taken = {word for words in sections.values() for word in words}
    for language in GUESTS:
        sections[f"{RENAMED.get(language, language)} 1"] = guest_list(language)
    looked_at = {word for language in HOME for word in top_n_list(language, LOOKED_AT)}
    sections["both"] = both_list(looked_at, taken, speller)
    sections["names"] = list(islice(filter(speller.is_name, frequent(looked_at, taken)), NAMES))
    sections["persons"] = sorted(filter(speller.is_given, taken))
    print(HEADER)
    for section, words in sections.items():
        print(f"[{section}]", *wrapped(sorted(set(words))), sep="\n")


if __name__ == "__main__":
    main()
