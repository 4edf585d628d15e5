"""What another document of the outlet says a story is: the entry of a feed, or the answer of an API.

WordPress, and every feed with full texts, gives the story without the page around it. Its text units are
compared with the blocks of the page (`witness_alignment.py`), and where it is whole it decides which of them
are the story (`witness_vote.py`). Nothing of it is ever copied into the text.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from html import unescape

from newscrawl.extraction.blocks import TextBlock
from newscrawl.extraction.rich_text import mark_paragraphs
from newscrawl.extraction.script_story import read_blocks
from newscrawl.items import BlockKind, WitnessSource

MAX_WITNESS_CHARS = 300_000
"A longer witness is cut, so that it does not decide."
_MAX_LEFT_OUT = 3
"Lines at the foot of a witness that may be links back to the page."
_END_CHARS = 400
"Characters at the end of a witness that may lead to the rest."
_UNSPACED_LETTERS = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
)
_WORDS = re.compile(rf"[^\W_{_UNSPACED_LETTERS}]+|[{_UNSPACED_LETTERS}]")
_LIGATURES = str.maketrans({"œ": "oe", "æ": "ae", "ß": "ss", "\u00ad": "", "\u200b": "", "\u2060": ""})
_CAPTION_SHORTCODE = re.compile(
    r"\[(?:wp_)?caption\b[^\[\]]{0,1000}\](.{0,2000}?)\[/(?:wp_)?caption\]", re.IGNORECASE | re.DOTALL
)
_EMBED_SHORTCODE = re.compile(
    r"\[(embed|youtube|video|audio|playlist|tweet)\b[^\[\]]{0,1000}\][^\[\]]{0,1000}\[/\1\]", re.IGNORECASE
)
_SHORTCODE = re.compile(
    r"\[/[a-z][\w-]{1,40}\]|\[[a-z][\w-]{1,40}\s[^\[\]=]{0,200}=[^\[\]]{0,1000}\]|"
    r"\[(?:gallery|embed|video|audio|playlist|caption|vc_\w{1,40}|et_pb_\w{1,40}|fusion_\w{1,40})/?\]",
    re.IGNORECASE,
)
"Closing tags, opening tags with attributes, and the bare names of common plug-ins; `[sic]` is none of them."
_FIRST_APPEARED = re.compile(
    r"^(?:the (?:post|article|story)\b.{0,400}\b(?:appeared|was published|published) first (?:on|at|in)\b|"
    r"the (?:post|article)\b.{0,400}\bfirst appeared (?:on|at|in)\b|"
    r"(?:l['’]\s?(?:article|actualité)|cet article)\b.{0,400}\best apparu en premier (?:sur|dans)\b|"
    r"la entrada\b.{0,400}\b(?:se publicó primero|apareció primero) en\b|"
    r"der beitrag\b.{0,400}\berschien zuerst auf\b|"
    r"l['’]articolo\b.{0,400}\b(?:proviene da|sembra essere il primo su)\b|"
    r"o post\b.{0,400}\bapareceu primeiro em\b|"
    r"(?:source|read (?:it|the original) (?:at|on)|cet article a été publié (?:sur|par))\s?:?\s?https?://)",
    re.IGNORECASE,
)
_READ_MORE = (
    r"(?:read (?:the )?(?:more|full|rest|whole)\b.{0,60}|continue reading\b.{0,200}|keep reading\b.{0,60}|"
    r"full story\b.{0,40}|more\s?(?:»|›|→|\.\.\.)|"
    r"lire (?:la suite|plus|l['’]article|l['’]int[ée]gralit[ée])\b.{0,200}|en savoir plus\b.{0,60}|"
    r"voir plus\b.{0,40}|seguir leyendo\b.{0,60}|leer m[áa]s\b.{0,60}|"
    r"weiterlesen\b.{0,60}|mehr lesen\b.{0,60}|leia mais\b.{0,60}|continua a leggere\b.{0,60}|"
    r"leggi tutto\b.{0,60})$"
)
_READ_MORE_LINE = re.compile(rf"(?:^|[.!?…\])»”\"]\s{{0,3}})[^\w\s]{{0,4}}\s?{_READ_MORE}", re.IGNORECASE)
_READ_MORE_LINK = re.compile(rf"\s[^\w\s]{{0,4}}\s?{_READ_MORE}", re.IGNORECASE)
"The same where nothing but a space stands before it, for lines with a link."
_ELLIPSIS = re.compile(r"(?:…|\.\.\.|\[\s?(?:…|\.{3})\s?\]|\(\s?(?:…|\.{3})\s?\))\W{0,4}$")


@dataclass(frozen=True, kw_only=True, slots=True)
class Witness:
    """A story as its outlet gives it outside of the page."""

    html: str
    "HTML, or plain text with a line for each paragraph."
    source: WitnessSource = "feed"
    "`feed`: an entry of RSS, Atom or JSON Feed; `api`: an answer of an API; `page`: data in the page itself."
    title: str | None = None
    "The headline of the entry, as plain text."
    published: str | None = None
    "Its date, verbatim."
    authors: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    "Authors and categories that it names."
    reserved_by: tuple[str, ...] = ()
    "What reserves the answer that it is from, as in `Rights.reserved_by`: headers, and files of the site."


@dataclass(frozen=True, kw_only=True, slots=True)
class WitnessUnit:
    """A paragraph or another piece of a witness."""

    kind: BlockKind
    text: str
    words: tuple[str, ...]
    "In the form of `comparable_words`."


@dataclass(frozen=True, kw_only=True, slots=True)
class WitnessText:
    """A witness that was read."""

    units: list[WitnessUnit]
    "In order, without empty ones and without the link back to the page."
    is_cut: bool
    "Whether it ends in an ellipsis or in a link to the rest, or is too long."


def comparable_words(text: str) -> tuple[str, ...]:
    """The words of a text as they are compared: no case, ligatures, punctuation or invisible characters.

    In scripts without spaces each letter is a word.
    """
    folded = text if text.isascii() else unicodedata.normalize("NFKC", text)
    return tuple(_WORDS.findall(folded.casefold().translate(_LIGATURES)))


def read_witness(witness: Witness) -> WitnessText:
    """The text units of a witness. Broken HTML is read as browsers do; what cannot be read gives no units."""
    html = witness.html[:MAX_WITNESS_CHARS].encode("utf-8", "replace").decode()
    html = _CAPTION_SHORTCODE.sub(r"<figcaption>\1</figcaption>", html)
    html = _SHORTCODE.sub(" ", _EMBED_SHORTCODE.sub(" ", html))
    blocks = read_blocks(mark_paragraphs(html))
    for _ in range(_MAX_LEFT_OUT):
        if blocks and _FIRST_APPEARED.search(blocks[-1].text):
            blocks.pop()
    units = [
        WitnessUnit(kind=block.kind, text=block.text, words=words)
        for block in blocks
        if (words := comparable_words(unescape(block.text)))
    ]
    is_cut = len(witness.html) > MAX_WITNESS_CHARS or (bool(blocks) and _is_cut(blocks[-1]))
    return WitnessText(units=units, is_cut=is_cut)


def _is_cut(last: TextBlock) -> bool:
    """Whether the last block of a witness leads to the rest of the story."""
    end = last.text[-_END_CHARS:]
    patterns = (_ELLIPSIS, _READ_MORE_LINE, *((_READ_MORE_LINK,) if last.link_count else ()))
    return any(pattern.search(end) for pattern in patterns)
