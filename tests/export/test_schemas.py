"""Other tools' names: every key theirs, every value ours."""

from __future__ import annotations

import json

import pytest
from lines_made import article

from newscrawl.export.schemas import COLUMNS, SHAPES, datatrove, flat, fundus, newsplease, schemaorg, zyte
from newscrawl.items import Block
from newscrawl.schema import ARTICLE

KEYS = {
    "zyte": "url canonicalUrl headline description articleBody inLanguage datePublished datePublishedRaw "
    "dateModified authors breadcrumbs mainImage images metadata",
    "newsplease": "authors date_download date_modify date_publish description filename image_url language "
    "localpath maintext source_domain text title title_page title_rss url",
    "fundus": "title body plaintext authors publishing_date topics free_access lang publisher url",
    "datatrove": "text id metadata",
    "huggingface": " ".join(COLUMNS),
}


@pytest.mark.parametrize("name", KEYS)
def test_the_keys_are_those_of_the_tool(name: str) -> None:
    assert set(SHAPES[name](ARTICLE)) == set(KEYS[name].split())


@pytest.mark.parametrize("name", SHAPES)
def test_a_bare_article_has_a_shape_too(name: str) -> None:
    bare = type(ARTICLE)(
        id="0",
        url_requested="u",
        url="u",
        url_norm="u",
        text="t",
        text_sha256="0",
        extractor=ARTICLE.extractor,
    )
    assert "t" in json.dumps(SHAPES[name](bare))


def test_zyte() -> None:
    row = zyte(ARTICLE)
    assert row["authors"] == [
        {
            "name": "Aïcha Mbarga",
            "nameRaw": "Aïcha Mbarga",
            "url": "https://www.example.org/auteurs/aicha-mbarga",
        }
    ]
    assert (row["inLanguage"], row["metadata"]) == ("en", {"dateDownloaded": "2026-03-04T05:06:09Z"})
    assert row["mainImage"] == {"url": "https://www.example.org/img/jetee.jpg"}


def test_schemaorg() -> None:
    row = schemaorg(ARTICLE)
    assert (row["@type"], row["inLanguage"]) == ("NewsArticle", ["en", "fr"])
    assert row["author"][0]["@type"] == "Person"
    assert row["publisher"] == {"@type": "Organization", "name": "Example Presse"}


def test_newsplease_times_are_utc_without_a_zone() -> None:
    row = newsplease(ARTICLE)
    assert (row["date_publish"], row["date_download"]) == ("2026-03-03 17:05:00", "2026-03-04 05:06:09")
    assert newsplease(article(published="2026-03-03"))["date_publish"] == "2026-03-03 00:00:00"
    assert newsplease(article(published=None))["date_publish"] is None


def test_fundus_headings_open_sections() -> None:
    made = [("p", "A"), ("h", "Head"), ("p", "B"), ("p", "C")]
    row = fundus(article(blocks=[Block(kind=kind, text=text) for kind, text in made]))  # type: ignore[arg-type]
    assert row["body"]["sections"] == [
        {"headline": [], "paragraphs": ["A"]},
        {"headline": ["Head"], "paragraphs": ["B", "C"]},
    ]


def test_datatrove_has_no_key_its_readers_take_for_themselves() -> None:
    row = datatrove(ARTICLE)
    assert not {"text", "id", "media", "metadata"} & set(row["metadata"])


def test_flat_values_have_the_types_of_their_columns() -> None:
    kinds = {"text": str, "int": int, "float": float, "bool": bool, "texts": list}
    for name, value in flat(ARTICLE).items():
        assert value is None or type(value) is kinds[COLUMNS[name][0]], name
