"""What a page declares about its story, as the judge is told it."""

import json

from lxml.html import document_fromstring

from newscrawl.extraction.classifier.wording import MAX_BODY_CHARS, Hints, hints_of
from newscrawl.extraction.head import head_of


def hints(body: str) -> Hints:
    story = json.dumps({"@type": "NewsArticle", "articleBody": body})
    script = f'<script type="application/ld+json">{story}</script>'
    tree = document_fromstring(f"<html><head><title>Le pont neuf</title>{script}</head><body>x</body></html>")
    return hints_of(head_of(tree, "https://echo.example/a", {}))


def test_the_declared_body_is_letters_without_anything_between() -> None:
    found = hints("Le pont, <b>dit-on</b>, est neuf.")
    assert found.body == "lepontditonestneuf"
    assert found.title == {"le", "pont", "neuf"}


def test_of_a_body_without_end_the_beginning_is_compared() -> None:
    assert len(hints("mot" * (MAX_BODY_CHARS // 2)).body) == MAX_BODY_CHARS
