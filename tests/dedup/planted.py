"""Copies planted on purpose: what desks do to an agency's story, and texts that only look alike.

Every text is made of the demo outlets' stories, of forms filled in, or of words drawn by a seeded dice.
"""

from __future__ import annotations

import random
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from newscrawl.demo.stories import read_desk

DESKS = ("deccan_wire", "fundy_courier", "kamer_echo", "val_sambre")
LONG_ENOUGH = 100
"Words of an original: shorter ones are trimmed to nothing."


@dataclass(frozen=True, kw_only=True)
class Planted:
    """A text, and the story it is of."""

    text: str
    story: str
    "Texts of the same story are copies; of different ones they are not."
    how: str
    outlet: str


def originals() -> dict[str, list[str]]:
    """Paragraphs of the demo outlets' own stories, by name."""
    found = {}
    for desk in DESKS:
        for story in read_desk(desk).story:
            paragraphs = [part.text for part in story.parts]
            if not story.copy_of and len(" ".join(paragraphs).split()) >= LONG_ENOUGH:
                found[f"{desk}/{story.id}"] = paragraphs
    return found


def copies(dice: random.Random) -> Iterator[Planted]:
    """Each original, and what five desks made of it."""
    for name, paragraphs in originals().items():
        yield Planted(text="\n\n".join(paragraphs), story=name, how="original", outlet="agency")
        for how, change in CHANGES.items():
            text = "\n\n".join(change(paragraphs, dice))
            yield Planted(text=text, story=name, how=how, outlet=f"outlet {how}")


def _verbatim(paragraphs: list[str], _: random.Random) -> list[str]:
    return paragraphs


def _retyped(paragraphs: list[str], dice: random.Random) -> list[str]:
    """Another headline printed as the first line, other quotes, capitals at the start."""
    first, *rest = paragraphs
    headline = " ".join(dice.sample(first.split(), 6)).upper()
    return [headline, f"({headline[:4]}) – {first}", *(each.replace("'", "’") for each in rest)]


def _trimmed(share: float) -> Callable[[list[str], random.Random], list[str]]:
    def change(paragraphs: list[str], _: random.Random) -> list[str]:
        """The first words, up to the end of a sentence where there is one near."""
        words = " ".join(paragraphs).split()
        return [" ".join(words[: max(45, round(len(words) * share))])]

    return change


def _without_middle(paragraphs: list[str], _: random.Random) -> list[str]:
    return [paragraphs[0], *paragraphs[-2:]]


def _with_more(paragraphs: list[str], dice: random.Random) -> list[str]:
    """Paragraphs of the desk's own before, between and after: as many words as the story has."""
    own = [drawn(dice, 60) for _ in range(max(2, len(" ".join(paragraphs).split()) // 60))]
    half = len(paragraphs) // 2
    return [own[0], *paragraphs[:half], *own[1:-1], *paragraphs[half:], own[-1]]


def _edited(paragraphs: list[str], dice: random.Random) -> list[str]:
    """One word in sixteen replaced, one sentence in eight gone."""
    edited = []
    for paragraph in paragraphs:
        kept = [sentence for sentence in paragraph.split(". ") if dice.random() > 1 / 8]
        words = " ".join(kept).split(" ")
        edited.append(" ".join(_word(dice) if dice.random() < 1 / 16 else word for word in words))
    return edited


def _updated(paragraphs: list[str], dice: random.Random) -> list[str]:
    """A later version: a new beginning, one figure put right."""
    return [drawn(dice, 40), paragraphs[0], f"{dice.randint(20, 90)} people came.", *paragraphs[1:]]


CHANGES: dict[str, Callable[[list[str], random.Random], list[str]]] = {
    "verbatim": _verbatim,
    "retyped": _retyped,
    "trimmed to two thirds": _trimmed(0.67),
    "trimmed to a third": _trimmed(0.34),
    "middle cut out": _without_middle,
    "paragraphs added": _with_more,
    "edited": _edited,
    "updated": _updated,
}
_SYLLABLES = (
    "ba",
    "co",
    "di",
    "fu",
    "ga",
    "le",
    "mi",
    "no",
    "pa",
    "re",
    "sa",
    "ti",
    "vo",
    "ran",
    "mel",
    "tor",
    "lin",
)


def _word(dice: random.Random) -> str:
    return "".join(dice.choice(_SYLLABLES) for _ in range(dice.randint(1, 4)))


def drawn(dice: random.Random, words: int) -> str:
    """A paragraph nobody else has."""
    return f"{' '.join(_word(dice) for _ in range(words)).capitalize()}."


TOWNS = (
    "Ambarpur", "Kolvik", "Douala", "Moncton", "Namur", "Garoua", "Bathurst", "Ruse", "Shivkot", "Dinant",
    "Bafia", "Miramichi", "Charleroi", "Kribi", "Edea", "Shediac",
)  # fmt: skip
EVENTS = tomllib.loads((Path(__file__).parent / "stories.toml").read_text(encoding="utf-8"))["event"]
"Events reported in both languages, each with other stories about the same people."
FORMS: dict[str, str] = tomllib.loads((Path(__file__).parent / "forms.toml").read_text(encoding="utf-8"))
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "lundi", "mardi", "mercredi", "jeudi")
_WINDS = ("north", "south", "east", "west", "higher", "lower", "nord", "sud")


def filled_forms(dice: random.Random, each: int) -> Iterator[Planted]:
    """Reports of many days and towns in the same words: no two are one story."""
    for form, text in FORMS.items():
        for number in range(each):
            town, other = dice.sample(TOWNS, 2)
            figures = {name: dice.randint(3, 99) for name in "abcdefhijkl"}
            filled = text.format(
                town=town, other=other, day=dice.choice(_DAYS), wind=dice.choice(_WINDS),
                g=dice.randint(100, 990), **figures,
            )  # fmt: skip
            yield Planted(
                text=filled, story=f"{form} {number}", how="form", outlet=f"outlet {form} {number % 3}"
            )


def with_a_common_quote(dice: random.Random) -> Iterator[Planted]:
    """Different stories that quote one statement, or end on one paragraph of background."""
    for name, paragraphs in originals().items():
        quote = paragraphs[1]
        rest = len(" ".join(paragraphs).split()) * 2
        for number in range(2):
            own = [drawn(dice, rest // 2), quote, drawn(dice, rest // 2)]
            yield Planted(
                text="\n\n".join(own),
                story=f"quoting {name} {number}",
                how="quoting",
                outlet=f"outlet {number}",
            )
