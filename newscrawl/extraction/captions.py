"""Captions that no markup shows: lines that are a credit, or end with one."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import islice

from lxml.html import HtmlElement

from newscrawl.extraction.blocks import TextBlock

_CREDITED_CHARS = 300
"Longest caption with its credit."
_SENTENCE_CHARS = 60
"A shorter text before a credit is a caption, wherever it stands."
_SENTENCE_END = re.compile(r"[.!?…]\W{0,3}$")
_PICTURE_TAGS = ("img", "picture", "figure", "video", "amp-img")
_LEVELS = 4
"Elements around a paragraph that may begin with it, so that a picture may stand before them."
_IN_BRACKETS = re.compile(
    r"[(\[]\s?(?:image|photo|picture|pic|foto|bild|credit|crédit|crédits)s?\s?[:©/][^()\[\]]{0,80}[)\]]\s*$",
    re.I,
)
_AGENCY_IN_BRACKETS = re.compile(
    r"[(\[](?:AP|AFP|EPA|Reuters|Getty|PA|dpa|Xinhua|Keystone|Belga)(?:[ -](?:Photo|Image|Wire|EFE)s?)?\s?/"
    r"[^()\[\]]{2,80}[)\]]\s*$",
    re.I,
)
_AT_START = re.compile(
    r"^(?:image|picture|photo) (?:copyright|source|credit|caption)(?:$|\s?[,:©|–-]|\s(?-i:[^\Wa-z\d_]))", re.I
)
"A story may begin a paragraph so, and goes on with a small letter: `Image source is still unknown`."
_LABEL = (
    r"(?:(?:photo|image|picture|illustration|video)s?(?: (?:by|credits?|courtesy of|source))?|"
    r"fotos?(?:grafi[ea]|grafía|graf)?|bild(?:er|quelle|rechte)?|bilde|billede|kuvat?|imagen|immagine|"
    r"afbeelding|imagem|zdj(?:ęcie|\.)|fotó|фото|φωτο(?:γραφία)?|cr[ée]ditos?|cr[ée]dits?(?: photos?)?|"
    r"写真|사진|صورة|الصورة|तस्वीर)"
)
_AT_END = re.compile(
    rf"(?:^|(?<=[.!?)»”\"]\s)|(?<=\s[–—|-]\s))(?:{_LABEL}\s?[:：©]|©)\s?(?P<who>(?:[^.!?:：]|\.(?=\w)){{2,60}}\.?)$",
    re.I,
)
_WHOLE = re.compile(rf"^\W*(?:{_LABEL}\s?[:：©/|]+|©)\s?(?P<who>[^:：?!]{{2,90}})$", re.I)
_WITH_AGENCY = re.compile(
    r"(?:^|(?<=[.!?)»”]\s))(?P<who>[^.!?:/]{2,40}(?:/[^.!?:/]{2,30})?\s?"
    r"(?:/\s?(?:AFP|AP|dpa|Reuters|EPA|ANP|EFE|ANSA|Lusa|NTB|TT|Getty Images|Anadolu|Xinhua|Belga|Keystone)"
    r"(?: via (?:AP|AFP|Reuters|Getty Images))?|"
    r"via (?:AP|AFP|Reuters|Getty Images)))$"
)
_LABEL_MARKS = (":", "：", "©")
"What stands between a label and a name."
_SEPARATOR = re.compile(r"[\s/,|&+()\[\]]+")
# fmt: off
_SMALL_WORDS = frozenset({
    "dpa", "epa", "imago", "images", "image", "picture", "alliance", "picture-alliance", "archiv", "archive",
    "archives", "privat", "private", "zvg", "handout", "supplied", "screenshot", "stock.adobe.com", "getty",
    "file", "illustration", "photo", "courtesy", "via", "by", "of", "the", "and", "et", "und", "y", "e", "i",
    "og", "och", "en", "de", "du", "des", "di", "da", "do", "del", "la", "le", "van", "von", "der", "den",
    "ten", "af", "av", "el", "al", "bin", "ibn",
})
# fmt: on
_AGENCIES = frozenset({"dpa", "epa", "imago", "getty", "shutterstock", "pixabay", "unsplash", "keystone"})
_WHO_WORDS, _FEW_WORDS = 9, 3
"Words of a credit, and of one with common nouns such as `Gazette library`."


def has_credit(text: str) -> bool:
    """Whether the credit shows that a text is a caption, whatever its markup."""
    return len(text) <= _CREDITED_CHARS and _find_credit(text) is not None


def _find_credit(text: str) -> int | None:
    """Where the credit of a caption begins."""
    # Most texts lack the signs without which a pattern cannot match.
    has_bracket = "(" in text or "[" in text
    if has_bracket and (match := _IN_BRACKETS.search(text) or _AGENCY_IN_BRACKETS.search(text)):
        return match.start()
    if match := _AT_START.match(text):
        return match.start()
    has_mark, has_slash = any(mark in text for mark in _LABEL_MARKS), "/" in text
    found = (
        _AT_END.search(text) if has_mark else None,
        _WHOLE.match(text) if has_mark or has_slash or "|" in text else None,
        _WITH_AGENCY.search(text) if has_slash or "via " in text else None,
    )
    return next((match.start() for match in found if match is not None and _is_credited(match["who"])), None)


def find_credited_ending(blocks: Sequence[TextBlock]) -> TextBlock | None:
    """The last paragraph of a story, if the credit of a picture further up is glued to its end.

    A caption below the last picture of a page looks alike, but the picture stands right before it.
    """
    last = next((block for block in reversed(blocks) if _is_prose(block)), None)
    if last is None or not cut_credit(last.text) or _follows_picture(last.element):
        return None
    return last if any(_is_prose(block) for block in blocks if block is not last) else None


def _is_prose(block: TextBlock) -> bool:
    return block.kind in {"p", "li", "quote"} and len(block.text) >= _SENTENCE_CHARS


def cut_credit(text: str) -> str:
    """The sentences before the credit at the end of a text; empty if there is no credit or no sentence."""
    start = max(0, len(text) - _CREDITED_CHARS)
    at = _find_credit(text[start:])
    rest = text[: start + at].rstrip(" –—|-") if at else ""
    return rest if len(rest) >= _SENTENCE_CHARS and _SENTENCE_END.search(rest) else ""


def _follows_picture(element: HtmlElement) -> bool:
    """Whether a picture is in an element or is the last thing before it."""
    if _has_picture(element):
        return True
    for around in (element, *islice(element.iterancestors(), _LEVELS)):
        if around.tag in _PICTURE_TAGS:
            return True
        before = around.getprevious()
        while before is not None and not isinstance(before.tag, str):
            before = before.getprevious()
        if before is not None:
            return _has_picture(before)
    return False


def _has_picture(element: HtmlElement) -> bool:
    return next(element.iter(*_PICTURE_TAGS), None) is not None


def _is_credited(who: str) -> bool:
    """Whether a text names people, agencies or sites and does nothing else."""
    words = [word for word in _SEPARATOR.split(who.rstrip(" .")) if word]
    names = [word for word in words if not word.islower() or "." in word or word in _AGENCIES]
    is_site = len(words) == 1 and words[0].isalpha()
    is_short = 0 < len(words) <= _FEW_WORDS and words[0] in names and not who.endswith(".")
    return is_site or (
        0 < len(words) <= _WHO_WORDS
        and bool(names)
        and (is_short or all(word in names or word in _SMALL_WORDS for word in words))
        and not any(word[0].isdigit() for word in words)
    )
