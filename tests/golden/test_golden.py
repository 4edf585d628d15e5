"""Golden pages: each field comes out as a reader of the page has confirmed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from newscrawl import settings
from newscrawl.archive.reextract import extract_page
from newscrawl.archive.story_records import StoryRecords
from newscrawl.cli.fixture import read_fixture
from newscrawl.extraction.parse import ParsedPage, parse_page
from newscrawl.items import Article, Rejection
from newscrawl.outlet import find_outlet
from newscrawl.warc.verify import verify_warcs

HERE = Path(__file__).parent
NAMES = sorted(path.stem for path in HERE.glob("*.json"))
FIELDS = ("title", "lede", "text", "authors", "published", "lang", "notice")
FEWEST = 40
SHAPES = (
    "elementor_tv", "portal", "wordpress", "spip", "arc", "drupal", "joomla", "blogger", "ghost", "wmaker",
    "liveblog", "very_short", "split_containers", "second_article", "related_inside", "tweets", "table",
    "captions", "author_bio", "gallery", "table_layout_br", "windows1252", "paywall", "axeptio",
    "script_zh", "script_ja", "script_ar", "script_th",
)  # fmt: skip
"Beginnings of names: each must have a golden."


@cache
def golden(name: str) -> dict[str, Any]:
    return json.loads((HERE / f"{name}.json").read_text(encoding="utf-8"))


@cache
def extracted(name: str) -> Article | Rejection:
    outlet = golden(name).get("outlet")
    rules = find_outlet(outlet, [Path(folder) for folder in settings.NEWSCRAWL_OUTLETS]) if outlet else None
    return extract_page(StoryRecords(page=read_fixture(HERE / f"{name}.warc.gz")), rules)


def field_value(article: Article, field: str) -> object:
    named = {
        "text": [block.text for block in article.text_blocks],
        "authors": [author.name for author in article.authors],
        "notice": article.syndication.notice,
    }
    return named[field] if field in named else getattr(article, field)


@contextmanager
def expected_miss(name: str, field: str) -> Iterator[None]:
    """Allow a check to fail if its golden gives a reason; a check that passes again is an error."""
    reason = golden(name).get("misses", {}).get(field)
    try:
        yield
    except AssertionError:
        if reason is None:
            raise
        pytest.xfail(reason)
    if reason is not None:
        pytest.fail(f"{name} is right about {field} now: remove the reason from its golden")


@pytest.mark.parametrize("field", FIELDS)
@pytest.mark.parametrize("name", NAMES)
def test_a_field_is_as_expected(name: str, field: str) -> None:
    result = extracted(name)
    if "rejected" in golden(name):
        assert isinstance(result, Rejection)
        assert result.reason == golden(name)["rejected"]
    else:
        assert isinstance(result, Article), f"rejected: {result.reason}: {result.detail}"
        with expected_miss(name, field):
            assert field_value(result, field) == golden(name)[field]


@pytest.mark.parametrize("name", NAMES)
def test_absent_text_is_on_the_page_and_not_in_the_story(name: str) -> None:
    message, absent = read_fixture(HERE / f"{name}.warc.gz").message, golden(name).get("absent", [])
    parsed = parse_page(message.content, message.by_name)
    assert isinstance(parsed, ParsedPage)
    page = " ".join("".join(parsed.tree.itertext()).split())
    assert [text for text in absent if text not in page] == []
    result = extracted(name)
    story = f"{result.title}\n{result.lede}\n{result.text}" if isinstance(result, Article) else ""
    with expected_miss(name, "absent"):
        assert [text for text in absent if text in story] == []


@pytest.mark.parametrize("name", NAMES)
def test_its_text_is_made_of_its_blocks(name: str) -> None:
    result = extracted(name)
    if isinstance(result, Article):
        assert result.text == "\n\n".join(block.text for block in result.text_blocks)


def test_every_golden_was_reviewed() -> None:
    assert len(NAMES) >= FEWEST
    assert [name for name in NAMES if golden(name).get("reviewed") is not True] == []
    assert {path.name.removesuffix(".warc.gz") for path in HERE.glob("*.warc.gz")} == set(NAMES)


def test_every_shape_has_a_golden() -> None:
    assert [shape for shape in SHAPES if not any(name.startswith(shape) for name in NAMES)] == []


def test_the_archives_are_valid() -> None:
    assert list(verify_warcs(sorted(HERE.glob("*.warc.gz")))) == []
