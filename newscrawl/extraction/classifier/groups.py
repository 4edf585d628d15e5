"""Lists and labels: how alike the siblings of a block's containers are, and what heads the part it is in.

A card of a list of teasers looks like a paragraph with a heading. What gives it away is that its siblings
look the same, and the label above them (`Read next`), which may be many blocks away.
"""

from __future__ import annotations

import numpy as np

from newscrawl.extraction.classifier.outline import Indexes, Outline, Row
from newscrawl.extraction.classifier.text_features import TEXT_COLUMNS

_COL = {name: at for at, name in enumerate(TEXT_COLUMNS)}
_MEASURED_FRAMES = 4
_MAX_SIBLINGS, _MAX_BLOCKS, _MAX_STEPS = 60.0, 60.0, 40.0
"Counts are limited to these, so that they do not grow with the page."
_LABEL_WORDS, _SENTENCE_WORDS = 7, 4
"A line of so many words is a label; if it ends like a sentence, one of so many."
_MOSTLY_LINKED = 0.8
_NO_LABEL = (-9.0, -1.0, -1.0, -1.0)
"In place of log odds, distance, steps and phrase of a label that there is not."
_STEPS = (-2, -1, 1, 2)


def sibling_columns(words: Row, outline: Outline) -> Row:
    """For the frames around each block, the frames beside them with the same path of tags and names.

    A frame has seven columns: how many such siblings there are, blocks and text in each, the share of text
    in links, shares of siblings with a heading and with a linked block, and how much their lengths differ.
    """
    mass = words[:, _COL["mass"]]
    blocks, text = outline.sums(np.ones(len(words))), outline.sums(mass)
    links = outline.sums(mass * words[:, _COL["linked"]])
    headings = outline.sums(words[:, _COL["is_h"]]) > 0
    linked = outline.sums((words[:, _COL["linked"]] > _MOSTLY_LINKED).astype(np.float64)) > 0
    group = _sibling_groups(outline)
    live = (blocks > 0).astype(np.float64)
    size = np.maximum(1.0, np.bincount(group, live))

    def per_sibling(values: Row) -> Row:
        return np.asarray(np.bincount(group, values * live) / size)

    mean_text, length = per_sibling(text), np.log1p(text)
    measures = (
        np.log1p(np.minimum(np.bincount(group, live), _MAX_SIBLINGS)),
        np.minimum(per_sibling(blocks), _MAX_BLOCKS),
        np.log1p(np.minimum(mean_text, 20_000.0)),
        per_sibling(links) / np.maximum(1 / size, mean_text),
        per_sibling(headings.astype(np.float64)),
        per_sibling(linked.astype(np.float64)),
        np.sqrt(np.maximum(0.0, per_sibling(length**2) - per_sibling(length) ** 2)),
    )
    places = [group[outline.above(steps)] for steps in range(_MEASURED_FRAMES)]
    return np.column_stack([measure[place] for place in places for measure in measures])


def _sibling_groups(outline: Outline) -> Indexes:
    """For each frame the number of its group: those with the same parent and the same path of names."""
    keys = outline.parent * (outline.signature.max() + 1) + outline.signature
    return np.unique(keys, return_inverse=True)[1].astype(np.intp)


def label_columns(words: Row, odds: Row, outline: Outline) -> Row:
    """The last label and the last heading above each block, and the log odds of the lines around it.

    Of a label: its log odds by its words, how many blocks and containers away it is, and whether it is a
    listed phrase. `words` begins with the columns of a block's text, `odds` has its log odds by its words.
    """
    count = words[:, _COL["words"]]
    is_sentence = (words[:, _COL["ends"]] > 0) & (words[:, _COL["colon"]] == 0)
    heads = words[:, _COL["is_h"]] > 0
    labels = heads | ((count <= _LABEL_WORDS) & ~(is_sentence & (count > _SENTENCE_WORDS)))
    phrases = words[:, _COL["phrase"]] + 2 * words[:, _COL["phrase_list"]]
    at, parent, last = outline.at.tolist(), outline.parent.tolist(), outline.last.tolist()
    is_label, is_head, phrase = labels.tolist(), heads.tolist(), phrases.tolist()
    log_odds, linked = odds.tolist(), words[:, _COL["linked"]].tolist()
    rows: list[tuple[float, ...]] = []
    label, head = -1, -1
    for here, inner in enumerate(at):
        row: tuple[float, ...] = ()
        for above in (label, head):
            if above < 0:
                row += _NO_LABEL
                continue
            if above == head == label and row:
                row += row
                continue
            frame, steps = at[above], 0
            while not frame <= inner <= last[frame]:
                frame, steps = parent[frame], steps + 1
            row += (log_odds[above], min(here - above, _MAX_STEPS), min(steps, _MAX_STEPS), phrase[above])
        rows.append((*row, linked[head] if head >= 0 else -1.0))
        label = here if is_label[here] else label
        head = here if is_head[here] else head
    padded = np.concatenate([np.zeros(2), odds, np.zeros(2)])
    around = [padded[2 + step : 2 + step + len(odds)] for step in _STEPS]
    return np.column_stack([np.array(rows, np.float64), *around])
