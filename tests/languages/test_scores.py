"""Tables of the evidence of words."""

from __future__ import annotations

import pytest

from newscrawl.languages import scores
from newscrawl.languages.scores import EvidenceTable, sentence_weight


def test_a_full_table_forgets_what_is_rare_and_counts_everything_alike(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(scores, "MAX_TABLE_WORDS", 10)
    weighed: list[str] = []

    def weigh(word: str, familiarity: int) -> int:
        weighed.append(word)
        return sentence_weight(word, familiarity)

    table, large = EvidenceTable(weigh), EvidenceTable(sentence_weight)
    for number in range(60):
        rare = "mot" + chr(97 + number // 26) + chr(97 + number % 26)
        for word in ("maire", rare):
            assert table[word] == large.setdefault(word, scores._weigh_token(word, sentence_weight))
        assert len(table) <= 10
    assert weighed.count("maire") == 1
    before = len(weighed)
    assert table["motaa"] == large["motaa"]
    assert len(weighed) > before
