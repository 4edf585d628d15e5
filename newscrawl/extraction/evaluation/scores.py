"""The annotation of a page, and how much a text has in common with it.

The measure for whole texts is that of the article-extraction-benchmark (Scrapinghub 2020): multisets of
shingles, four consecutive words each. The measure for segments is that of trafilatura's evaluation
(Barbaresi, ACL 2021): wanted segments that the text holds, and unwanted ones.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any, Literal, NamedTuple, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

SHINGLE_WORDS = 4
MAX_CHOICES = 4
"Of up to so many optional paragraphs every choice is tried; of more only all and none."

_UNSPACED = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_UNSPACED += "\U00020000-\U0003ffff"
"Thai, Lao, Burmese, Khmer, kana, Chinese characters: scripts without spaces between words."
_WORD = re.compile(rf"[^\W{_UNSPACED}]+|(?=\w)[{_UNSPACED}]")
_INVISIBLE = dict.fromkeys(map(ord, "\u00ad\u200b\u200c\u200d\u2060\ufeff"))
"Soft hyphens, joiners and the like: no reader sees them, and programs differ about them."

Shingles = Counter[tuple[str, ...]]


class Truth(BaseModel):
    """What a person, or a selector made by hand, says about the text of a page."""

    model_config = ConfigDict(frozen=True, strict=True)

    dataset: str = Field(default="pages", min_length=1)
    "The corpus, by which figures are grouped."
    site: str | None = None
    "Pages of a site are no independent observations."
    page_type: str | None = None
    "Such as article, forum, product, listing; None: an article."
    kind: Literal["full", "segments"]
    text: str | None = None
    "The whole text, its paragraphs divided by line ends. Pages of kind full have it, or `paragraphs`."
    paragraphs: list[str] | None = None
    optional: list[int] = []
    "Paragraphs, counted from 0, that may be missing."
    wanted: list[str] = Field(default=[], alias="with")
    "Segments of the text, for pages of kind segments."
    unwanted: list[str] = Field(default=[], alias="without")
    "Segments of the page that are no part of the text."

    @model_validator(mode="after")
    def _check_kind(self) -> Self:
        if self.kind == "full" and self.text is None and self.paragraphs is None:
            raise ValueError("text: missing, and there are no paragraphs, on a page of kind full")
        if self.kind == "segments" and not self.wanted and not self.unwanted:
            raise ValueError("with: missing or empty, and so is without, on a page of kind segments")
        for key, segments in (("with", self.wanted), ("without", self.unwanted)):
            if not all(map(str.strip, segments)):
                raise ValueError(f"{key}: has an empty segment")
        if wrong := [at for at in self.optional if not 0 <= at < len(self.paragraphs or ())]:
            raise ValueError(f"optional: there is no paragraph {wrong[0]}")
        return self

    def variants(self) -> Iterator[str]:
        """The whole texts that are right, one for each choice of optional paragraphs, all of them first."""
        paragraphs = self.paragraphs
        if not self.optional or paragraphs is None:
            yield "\n\n".join(paragraphs or ()) if self.text is None else self.text
            return
        optional = sorted(set(self.optional))
        sizes = range(len(optional) + 1) if len(optional) <= MAX_CHOICES else (0, len(optional))
        for size in sizes:
            for left_out in combinations(optional, size):
                yield "\n\n".join(text for at, text in enumerate(paragraphs) if at not in left_out)


def parse_truth(record: Mapping[str, Any]) -> Truth:
    """The annotation in a line of a corpus; ValueError names the first key that is wrong."""
    try:
        return Truth.model_validate(record)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(map(str, first["loc"]))
        message = first["msg"].removeprefix("Value error, ")
        raise ValueError(f"{key}: {message}" if key else message) from error


@dataclass(frozen=True, kw_only=True, slots=True)
class TextScore:
    """A text compared with the whole truth, all between 0 and 1."""

    precision: float
    recall: float
    f1: float
    variant: int
    "Which of the truth's variants it was compared with."
    has_words: bool
    truth_has_words: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class SegmentScore:
    """A text compared with segments: how many there are of each kind."""

    found: int
    "Wanted, and in the text."
    missing: int
    "Wanted, and not in it."
    leaked: int
    "Unwanted, and in it."
    avoided: int
    "Unwanted, and not in it."
    has_words: bool

    @property
    def f1(self) -> float:
        return ratio(2 * self.found, 2 * self.found + self.leaked + self.missing)

    def __add__(self, other: SegmentScore) -> SegmentScore:
        return SegmentScore(
            found=self.found + other.found,
            missing=self.missing + other.missing,
            leaked=self.leaked + other.leaked,
            avoided=self.avoided + other.avoided,
            has_words=self.has_words or other.has_words,
        )


Score = TextScore | SegmentScore


class Part(NamedTuple):
    """A piece of a text, and whether the other text has it too."""

    text: str
    is_common: bool


def score_text(text: str, truth: Truth) -> Score:
    """Compare a text with the annotation; of several right texts the one that suits it best counts."""
    if truth.kind == "segments":
        return _score_segments(text, truth)
    shingles = _shingles(visible_words(text))
    scores = (_compare(shingles, number, text) for number, text in enumerate(truth.variants()))
    return max(scores, key=lambda score: score.f1)


def _compare(shingles: Shingles, variant: int, true_text: str) -> TextScore:
    true = _shingles(visible_words(true_text))
    common, size, true_size = (true & shingles).total(), shingles.total(), true.total()
    is_empty = not size and not true_size
    return TextScore(
        precision=1.0 if is_empty else ratio(common, size),
        recall=1.0 if is_empty else ratio(common, true_size),
        f1=1.0 if is_empty else ratio(2 * common, size + true_size),
        variant=variant,
        has_words=size > 0,
        truth_has_words=true_size > 0,
    )


def _score_segments(text: str, truth: Truth) -> SegmentScore:
    lacks = text_lacks(text)
    missing, avoided = sum(map(lacks, truth.wanted)), sum(map(lacks, truth.unwanted))
    return SegmentScore(
        found=len(truth.wanted) - missing,
        missing=missing,
        leaked=len(truth.unwanted) - avoided,
        avoided=avoided,
        has_words=bool(text.strip()),
    )


def text_lacks(text: str) -> Callable[[str], bool]:
    """A test whether a segment is missing from the text, whatever the white space in both."""
    line = " ".join(text.split())
    return lambda segment: " ".join(segment.split()) not in line


def visible_text(text: str) -> str:
    """The text as it is compared: in Unicode's form C, without invisible characters."""
    return unicodedata.normalize("NFC", text).translate(_INVISIBLE)


def visible_words(text: str) -> list[str]:
    """Words in their own case; in scripts without spaces each character is a word."""
    return _WORD.findall(visible_text(text))


def _shingles(words: Sequence[str]) -> Shingles:
    """A text of fewer words than a shingle has is a single shingle."""
    if not words:
        return Counter()
    last = max(1, len(words) - SHINGLE_WORDS + 1)
    return Counter(tuple(words[at : at + SHINGLE_WORDS]) for at in range(last))


def compare_parts(text: str, other: str) -> list[Part]:
    """The visible text in pieces, cut where it begins or ends to agree with the other text.

    A word is common when it lies in a shingle that both have; the second copy of a passage is common only if
    the other text has two as well. Joined, the pieces are `visible_text(text)`.
    """
    text = visible_text(text)
    matches = list(_WORD.finditer(text))
    words = [match.group() for match in matches]
    left = _shingles(visible_words(other))
    covered = [False] * len(words)
    for at in range(max(1, len(words) - SHINGLE_WORDS + 1) if words else 0):
        shingle = tuple(words[at : at + SHINGLE_WORDS])
        if left[shingle] > 0:
            left[shingle] -= 1
            covered[at : at + len(shingle)] = [True] * len(shingle)
    parts: list[Part] = []
    begin, state = 0, covered[0] if covered else True
    for match, is_common in zip(matches, covered, strict=True):
        if is_common != state:
            parts.append(Part(text[begin : match.start()], state))
            begin, state = match.start(), is_common
    return [part for part in [*parts, Part(text[begin:], state)] if part.text]


def ratio(count: float, total: float) -> float:
    """The share, or 0 of nothing."""
    return count / total if total else 0.0
