"""Make newscrawl/languages/words.txt: frequent words that identify a language, words of both, and names.

    pip install wordfreq spylls                        (3.1 and 0.1; in an environment of its own)
    apt-get install hunspell-fr-classical wamerican-large wbritish
    python tools/wordlists.py > newscrawl/languages/words.txt

A word is evidence for a language if it is much more frequent there than in the other languages. Words that
dictionaries spell only with a capital are names. The dictionaries are looked up; nothing of them is copied.
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
"Dictionary entries of personal names."
HOME = ("fr", "en")
GUESTS = ("es", "de", "pt", "it", "nl", "ro", "ca", "sv", "da", "nb", "pl", "tr", "id", "fil")
MAX_WORDS = 20_000
"At most for each home language."
GUEST_WORDS = 300
CANDIDATES = 100_000
STEPS = (1.5, 0.8)
FOREIGN = -1.5
"A word that is rarer by this than in a guest language is no word of French or English."
"By how many powers of ten a word is more frequent: strong evidence from the first on, weak from the second."
BOTH_WORDS = 2_500
NAMES = 6_000
RENAMED = {"fil": "tl", "nb": "no"}
"wordfreq's code to langdetect's."
HEADER = """\
# Frequent words that identify a language, made by tools/wordlists.py; do not edit.
#
# Made from the word frequencies of wordfreq 3.1.1 by Robyn Speer, https://github.com/rspeer/wordfreq, which
# compiles them from OpenSubtitles, Wikipedia, the Leeds Internet Corpus, Google Books Ngrams, ParaCrawl,
# SUBTLEX and others; changed: filtered, classed and without the figures. As that data, this file is under
# CC BY-SA 4.0, https://creativecommons.org/licenses/by-sa/4.0/. Names were distinguished from words
# with the dictionaries hunspell-fr (Dicollecte) and SCOWL.
#
# The words of a section are strong (2) or weak (1) evidence for its language; `both` are words of French and
# English alike, `names` are written with a capital: neither is evidence. `persons` are also personal names.
"""


def plain(word: str) -> str:
    """A word as typed without accents."""
    spread = unicodedata.normalize("NFD", word.replace("œ", "oe").replace("æ", "ae"))
    return "".join(letter for letter in spread if not unicodedata.combining(letter))


class Speller:
    """Dictionaries that tell which spellings are words, and which are names."""

    def __init__(self, root: Path) -> None:
        self._french = Dictionary.from_files(str(root / FRENCH))
        self._persons = {
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
        """Whether a word is written only with a capital, and is no word of either language."""
        if any(self.is_word(word, language) for language in HOME):
            return False
        return any(self.is_word(word.capitalize(), language) for language in HOME)

    def is_person(self, word: str) -> bool:
        """Whether a word is a personal name, whatever else it is."""
        return word in self._persons


def usable(word: str) -> bool:
    return word.isalpha() and len(word) > 1


def lead(word: str, language: str, others: tuple[str, ...]) -> float:
    """By how many powers of ten a word is more frequent in its language than in any of the others."""
    most = max(zipf_frequency(word, other) for other in others if other != language)
    return float(zipf_frequency(word, language) - most)


def home_lists(speller: Speller) -> dict[str, list[str]]:
    """The sections of French and English, by strength of evidence."""
    sections: dict[str, list[str]] = defaultdict(list)
    for language in HOME:
        count = 0
        for word in top_n_list(language, CANDIDATES):
            step = next((2 - at for at, bound in enumerate(STEPS) if lead(word, language, HOME) >= bound), 0)
            if step == 0 or not usable(word) or lead(word, language, GUESTS) < FOREIGN:
                continue
            if count == MAX_WORDS:
                break
            if not speller.is_word(word, language):
                continue
            count += 1
            sections[f"{language} {step}"].append(word)
    return sections


def add_unaccented(sections: dict[str, list[str]], speller: Speller) -> dict[str, list[str]]:
    """Add French words without their accents, unless that is another word or a name."""
    taken = {word for words in sections.values() for word in words}
    return {section: [*words, *iter_unaccented(words, taken, speller)] for section, words in sections.items()}


def iter_unaccented(words: list[str], taken: set[str], speller: Speller) -> Iterator[str]:
    for word in words:
        typed = plain(word)
        free = typed not in taken and not speller.is_word(typed, "en") and not speller.is_name(typed)
        if free and zipf_frequency(typed, "en") < zipf_frequency(word, "fr") - STEPS[1]:
            taken.add(typed)
            yield typed


def guest_list(language: str) -> list[str]:
    """The most frequent words that are in neither French nor English."""
    words = [
        word
        for word in top_n_list(language, 5 * GUEST_WORDS)
        if usable(word) and lead(word, language, HOME) >= STEPS[0]
    ]
    return words[:GUEST_WORDS]


def sort_by_frequency(words: Iterable[str], taken: set[str]) -> list[str]:
    """Sort words by frequency, without those that have a section already."""
    return sorted(
        {word for word in words if usable(word)} - taken,
        key=lambda word: (-max(zipf_frequency(word, language) for language in HOME), word),
    )


def both_list(candidates: set[str], taken: set[str], speller: Speller) -> list[str]:
    """The most frequent words of both languages."""
    shared = (word for word in sort_by_frequency(candidates, taken) if abs(lead(word, "fr", HOME)) < STEPS[1])
    words = (word for word in shared if any(speller.is_word(word, language) for language in HOME))
    return list(islice(words, BOTH_WORDS))


def wrap_lines(words: list[str]) -> Iterator[str]:
    line = ""
    for word in words:
        if len(line) + len(word) > 108:
            yield line
            line = ""
        line = f"{line} {word}".strip()
    yield line


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument(
        "--root", default="/", help="folder into which the packages of the dictionaries were unpacked"
    )
    speller = Speller(Path(parser.parse_args().root))
    sections = add_unaccented(home_lists(speller), speller)
    taken = {word for words in sections.values() for word in words}
    for language in GUESTS:
        sections[f"{RENAMED.get(language, language)} 1"] = guest_list(language)
    candidates = {word for language in HOME for word in top_n_list(language, CANDIDATES)}
    sections["both"] = both_list(candidates, taken, speller)
    sections["names"] = list(islice(filter(speller.is_name, sort_by_frequency(candidates, taken)), NAMES))
    sections["persons"] = sorted(filter(speller.is_person, taken))
    print(HEADER)
    for section, words in sections.items():
        print(f"[{section}]", *wrap_lines(sorted(set(words))), sep="\n")


if __name__ == "__main__":
    main()
