"""The context of a page: its rule, its response and how it was discovered."""

import datetime as dt

from newscrawl.extraction.context import (
    build_extractor,
    build_http,
    read_discovery,
    replace_surrogates,
    rule_at,
)
from newscrawl.items import Link
from newscrawl.outlet import Outlet


def outlet(**more: object) -> Outlet:
    return Outlet.model_validate(
        {
            "id": "echo",
            "title": "Echo",
            "home": "https://echo.example/",
            "country": "CM",
            "languages": ["fr"],
            "timezone": "Africa/Douala",
            "kind": "national",
            **more,
        }
    )


DATED = outlet(rules=[{"valid_until": dt.date(2025, 3, 1), "body": "div.old"}, {"body": "div.new"}])


def test_the_capture_date_selects_the_rule() -> None:
    assert rule_at(DATED, dt.datetime(2025, 2, 28, 23, tzinfo=dt.UTC)).body == "div.old"
    assert rule_at(DATED, dt.datetime(2025, 3, 1, tzinfo=dt.UTC)).body == "div.new"
    assert rule_at(DATED, None).body == "div.new"
    assert rule_at(None, None).body is None


def test_the_extractor_names_the_rule_and_its_digest_changes_with_it() -> None:
    old, new = (build_extractor(DATED, rule) for rule in DATED.rules)
    assert (old.rules, new.rules) == ("until 2025-03-01", "current")
    assert old.config_hash != new.config_hash
    assert build_extractor(outlet(), rule_at(None, None)).rules is None


def test_the_response_is_recorded_in_normalized_strings() -> None:
    found = build_http({"ETag": ' "x"\u00a0', "content-type": "text/html"}, 200, "utf-8")
    assert (found.status, found.content_type, found.etag, found.last_modified) == (
        200,
        "text/html",
        '"x"',
        None,
    )


def test_a_link_with_half_a_surrogate_pair_can_still_be_written() -> None:
    found = read_discovery(Link(url="https://echo.example/a", via="feed", title="x\ud800", guid="1"))
    assert found is not None
    assert (found.feed_title, found.guid) == ("x?", "1")
    assert read_discovery(None) is None
    assert replace_surrogates("\udfff") == "?"
