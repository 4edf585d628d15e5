"""What is computed from the blocks of a story: its text, the digest of that, its counts and languages."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

from newscrawl.items import Block
from newscrawl.languages import detect_block_languages, is_mixed

BOX = "box"
"Kind of the blocks that are beside the text."


def compute_text_fields(blocks: Sequence[Block], identity: str) -> dict[str, Any]:
    """The fields of an article that its blocks decide; `identity` is its `url_norm`.

    The languages of boxes are detected apart, so that they change nothing about those of the text.
    """
    in_text = [block.text for block in blocks if block.kind != BOX]
    boxes = [block.text for block in blocks if block.kind == BOX]
    text = "\n\n".join(in_text)
    digest = hashlib.sha256(text.encode("utf-8")).hexdigest()
    languages = detect_block_languages(in_text)
    codes, box_codes = iter(languages.codes), iter(detect_block_languages(boxes).codes if boxes else ())
    return {
        "id": hashlib.sha256(f"{identity}\n{digest}".encode()).hexdigest()[:32],
        "text": text,
        "blocks": [
            block.model_copy(update={"lang": next(box_codes if block.kind == BOX else codes)})
            for block in blocks
        ],
        "word_count": len(text.split()),
        "char_count": len(text),
        "lang": languages.lang,
        "lang_score": languages.score,
        "lang_mix": languages.mix,
        "is_mixed": is_mixed(languages.mix),
        "text_sha256": digest,
    }
