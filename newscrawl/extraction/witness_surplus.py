"""Whether a witness gives more of a story than its page shows, as a feed may that has what a site sells."""

from __future__ import annotations

from collections.abc import Sequence

from newscrawl.extraction.blocks import TextBlock
from newscrawl.extraction.head import PageHead
from newscrawl.extraction.witness import Witness, comparable_words, read_witness
from newscrawl.extraction.witness_alignment import align_blocks

WITNESS_HAS_MORE = "witness_has_more"
"Flag of an article whose page shows less than its witness gives; nothing of that is in the text."
MIN_MORE_CHARS = 400
"A witness with fewer characters beyond the page is no other version: captions and links differ too."
MIN_MORE_SHARE = 0.2
"Share of its characters that must be beyond the page."
FIRST_UNITS = 3
"Of so many first paragraphs the page must show one, or the witness is of another page."


def gives_more(witness: Witness | str | None, head: PageHead, blocks: Sequence[TextBlock]) -> bool:
    """Whether a witness is of this page and has much that readers of the page do not see.

    `blocks` are those that they see. A string is the HTML of a feed's entry.
    """
    if witness is None or not blocks:
        return False
    witness = Witness(html=witness) if isinstance(witness, str) else witness
    text = read_witness(witness)
    size = sum(len(unit.text) for unit in text.units)
    if text.is_cut or size < MIN_MORE_CHARS or not _shares_title(witness, head):
        return False
    aligned = align_blocks(blocks, text.units, [0.5] * len(blocks))
    missing = sum(len(unit.text) for unit in aligned.missing if unit.kind != "caption")
    if missing < max(MIN_MORE_CHARS, MIN_MORE_SHARE * size):
        return False
    placed = {unit for unit in aligned.units if unit is not None}
    return bool(placed & set(range(FIRST_UNITS)))


def _shares_title(witness: Witness, head: PageHead) -> bool:
    theirs = set(comparable_words(witness.title or ""))
    ours = set(comparable_words(" ".join(filter(None, (head.meta("og:title"), head.title)))))
    return not theirs or not ours or bool(theirs & ours)
