"""The words of the pages: each is there in both languages and used."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from newscrawl.package_data import read_package_toml
from newscrawl.view.words import LANGUAGES, choose_language, format_moment, name_language

WORDS = read_package_toml("newscrawl.view", "words.toml")
TEMPLATES = Path(__file__).parents[2] / "newscrawl" / "view" / "templates"
TEXT = "".join(path.read_text(encoding="utf-8") for path in TEMPLATES.glob("*.html"))
PREFIXES = ("facet_", "language_", "decider_", "order_", "diff_", "level_")
"Words whose keys are put together in templates."


@pytest.mark.parametrize("key", WORDS)
def test_a_text_has_both_languages_with_the_same_places(key: str) -> None:
    words = WORDS[key]
    assert sorted(words) == sorted(LANGUAGES)
    places = {language: set(re.findall(r"\{(\w+)\}", text)) for language, text in words.items()}
    assert places["en"] == places["fr"]
    assert re.search(rf"[\"']{key}[\"']", TEXT) or key.startswith(PREFIXES), "no template uses it"


def test_every_text_of_a_template_is_there() -> None:
    used = set(re.findall(r"\bt\([\"'](\w+)[\"'][,)]", TEXT))
    used |= set(re.findall(r"\b(?:fact|message)\([\"'](\w+)[\"'],", TEXT))
    assert len(used) > 100
    assert not used - WORDS.keys()


def test_french_has_its_typography() -> None:
    """A space before a colon or a question mark is one at which no line breaks."""
    for key, words in WORDS.items():
        assert not re.search(r" [:;?!»]|« ", words["fr"]), key
        assert "'" not in words["fr"], key


@pytest.mark.parametrize(
    ("wanted", "accepted", "language"),
    [
        ("fr", "en", "fr"),
        (None, "fr-BE", "fr"),
        (None, "", "en"),
        (None, "fr;q=0, en;q=0.1", "en"),
        (None, ",;=", "en"),
    ],
)
def test_the_language_of_the_pages(wanted: str | None, accepted: str, language: str) -> None:
    assert choose_language(wanted, accepted) == language


def test_names_of_languages_and_times() -> None:
    assert [name_language("fr", code) for code in ("fr", "mixed", "ewo", "x_%")] == [
        "français", "français et anglais", "éwondo", "x_%",
    ]  # fmt: skip
    assert format_moment("en", "2026-03-01T23:30:00-02:00") == "Mar 2, 2026, 01:30 UTC"
    assert format_moment("fr", "2026-03-01") == "1 mars 2026"
    assert format_moment("fr", "hier") == "hier"
    assert format_moment("fr", None) == "–"
