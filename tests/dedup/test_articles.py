"""An article as copies are looked for: what is odd in a line costs nothing but itself."""

from __future__ import annotations

from datetime import datetime

import pytest
from lines_made import article

from newscrawl.dedup.documents import make_document

FETCHED = "2026-03-04T05:06:07.000000Z"


@pytest.mark.parametrize("published", ["9999-12-31", "soon", None])
def test_a_date_of_no_use_gives_way_to_the_fetch(published: str | None) -> None:
    found = make_document(article(1, published=published, fetched=FETCHED))
    assert found
    assert found.published == found.fetched_at == int(datetime.fromisoformat(FETCHED).timestamp())
