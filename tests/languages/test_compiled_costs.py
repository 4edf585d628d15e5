"""The compiled forms of language detection give what the forms in Python give, to the last digit."""

from __future__ import annotations

import json
import pickle
import random
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from compilers import require_compiled

from newscrawl.demo.catalogue import demo_sites
from newscrawl.languages import detect_block_languages, ngrams, scores, viterbi
from newscrawl.languages.lexicon import load_lexicon
from newscrawl.languages.ngrams import FULL, LANE, STATES, pack_lanes
from newscrawl.languages.scores import EN, FR, WORD
from newscrawl.languages.viterbi import GUEST_COST

MODULE = "newscrawl.languages.compiled_costs"
GOLDENS = Path(__file__).parents[1] / "golden"
IN_PYTHON = f"""
import pickle, sys
sys.modules["{MODULE}"] = None
from newscrawl.languages import detect_block_languages, ngrams, scores, viterbi
for form in ("ngrams.ngram_costs", "scores.scale_costs", "scores.pack_word", "viterbi.cheapest_states"):
    assert eval(form) is eval(form + "_in_python"), form
for texts in pickle.load(sys.stdin.buffer):
    print(ascii(detect_block_languages(texts)))
"""
ALPHABETS = [
    "abcdefghijklmnopqrstuvwxyz",
    "àâæçéèêëîïôœùûüÿñßøåäö",
    "ąćęłńóśźżăâîșțğışčřůẹ̀ọ́ạị",
    "абвгдежзийклмнопрстуфхцчшщъыьэюя",
    "αβγδεζηθικλμνξοπρστυφχψως",
    "אבגדהוזחטיכלמנסעפצקרשת",
    "ابتثجحخدذرزسشصضطظعغفقكلمنهوي",
    "अआइईउकखगघचछजझटठडढतथदधनपफबभमयरलवशषसह",
    "かきくけこさしすせそ市民議会決定東京",
    "ሀለሐመሠረሰሸቀበተቸ",
    "\u0300\u0301\u0327\u0308\u00ad'’-_0123456789",
    "\ud800\udc00\udfff\U0001f642\U0001d400\U0010ffff\x00 .",
]
EDGES = [
    "",
    " ",
    "a",
    "é",
    "\ud800",
    "e\u0301",
    "ǅungla",
    "İSTANBUL",
    "ﬁn",
    "x" * 39,
    "x" * 40,
    "x" * 41,
    "y" * 5_000,
    "\x00\x00",
]


require_compiled(MODULE)


@cache
def documents() -> list[list[str]]:
    """The texts of goldens and of the embedded newsroom, by paragraph."""
    found = [[part.text for part in story.parts] for site in demo_sites() for story in site.desk.listed]
    for path in sorted(GOLDENS.glob("*.json")):
        texts = json.loads(path.read_text(encoding="utf-8")).get("text")
        if texts:
            found.append(texts if isinstance(texts, list) else texts.split("\n"))
    return found


def mutate(word: str, dice: random.Random) -> str:
    at = dice.randrange(len(word))
    letter = dice.choice(dice.choice(ALPHABETS))
    return dice.choice([word[:at] + letter + word[at:], word[:at] + word[at + 1 :], word[::-1], word.title()])


def random_words(dice: random.Random, number: int) -> Iterator[str]:
    for _ in range(number):
        alphabets = dice.choices(ALPHABETS, k=dice.choice([1, 1, 1, 2, 3]))
        word = "".join(dice.choices("".join(alphabets), k=dice.choice([1, 2, 3, 5, 8, 13, 45])))
        yield dice.choice([word, word.upper(), word.title()])


@cache
def words() -> list[str]:
    dice = random.Random(1)
    met = sorted({word for texts in documents() for text in texts for word in WORD.findall(text)})
    listed = dice.sample(sorted(load_lexicon().frequent), 1_000)
    return [*EDGES, *met, *listed, *(mutate(word, dice) for word in met), *random_words(dice, 3_000)]


def test_there_are_thousands_of_words_and_texts_of_all_kinds() -> None:
    assert len(words()) > 8_000
    assert len(documents()) > 100
    assert any(map(str.isascii, words()))
    assert max(max(word) for word in words() if word) == "\U0010ffff"


def test_every_word_has_the_same_costs() -> None:
    assert ngrams.ngram_costs is not ngrams.ngram_costs_in_python
    for _ in range(2):  # first computed, then from the tables
        for word in words():
            assert ngrams.ngram_costs(word) == ngrams.ngram_costs_in_python(word), ascii(word)


def test_more_letters_than_the_tables_hold_have_the_same_costs() -> None:
    dice = random.Random(2)
    many = ["".join(dice.choices(ALPHABETS[0] + ALPHABETS[1], k=30)) for _ in range(4_000)]
    for word in many:
        assert ngrams.ngram_costs(word) == ngrams.ngram_costs_in_python(word), word


def test_every_word_is_scaled_and_packed_alike() -> None:
    for word in words():
        costs = ngrams.ngram_costs_in_python(word)
        for kind in (list, tuple):
            for percent in (0, 10, 35, 70, 100):
                scaled = scores.scale_costs_in_python(kind(costs), percent)
                assert scores.scale_costs(kind(costs), percent) == scaled
            for bare in (word, word[1:], ""):
                packed = scores.pack_word_in_python(kind(costs), word, bare, len(word) % 2 == 0)
                assert scores.pack_word(kind(costs), word, bare, len(word) % 2 == 0) == packed, ascii(word)


@pytest.mark.parametrize("largest", [1, 3, 900, FULL])
def test_the_cheapest_path_is_the_same(largest: int) -> None:
    dice = random.Random(largest)
    for length in (0, 1, 2, 3, 10, 200, 3_000):
        totals = [
            pack_lanes([dice.randint(0, largest) for _ in range(len(STATES) + 8)]) for _ in range(length)
        ]
        turns = dice.choices([140, 350, 450, 700], k=length)
        for guests in range(viterbi.MAX_GUESTS + 1):
            states = [FR, EN, *dice.sample(range(EN + 1, len(STATES)), guests)]
            entry = [0, 0, *(dice.choice([0, GUEST_COST]) for _ in range(guests))]
            path = viterbi.cheapest_states_in_python(totals, turns, states, entry)
            assert viterbi.cheapest_states(totals, turns, states, entry) == path


def test_what_does_not_fit_is_an_error_and_no_other_number() -> None:
    costs = [0] * len(STATES)
    for wrong in (-1, FULL + 1):
        costs[3] = wrong
        with pytest.raises(OverflowError):
            scores.pack_word(costs, "word", "word", False)
    with pytest.raises(ValueError, match="room"):
        scores.scale_costs([0] * 33, 35)
    with pytest.raises(ValueError, match="room"):
        viterbi.cheapest_states([], [], list(range(9)), [0] * 9)
    broken = ngrams.NgramSums(
        lambda gram: 1 << LANE // 2, languages=1, longest=9, max_gap=9, scale=1, unit=1, floor=9, strange=9
    )
    with pytest.raises(OverflowError):
        broken("word")


def test_whole_texts_have_the_same_languages() -> None:
    dice = random.Random(3)
    mixed = [dice.sample(words(), 400) for _ in range(20)]
    texts = [*documents(), *([" ".join(some[:200]), *some[200:]] for some in mixed)]
    texts += [[part for some in dice.sample(documents(), 6) for part in some[:3]] for _ in range(20)]
    done = subprocess.run(
        [sys.executable, "-c", IN_PYTHON], input=pickle.dumps(texts), capture_output=True, check=True
    )
    in_python = done.stdout.decode().splitlines()
    assert len(in_python) == len(texts)
    for some, found in zip(texts, in_python, strict=True):
        assert ascii(detect_block_languages(some)) == found
