"""The report's judgements: what made a run fail, and which expectations it did not keep."""

from types import SimpleNamespace

import pytest
from scrapy.settings import Settings

from newscrawl.extensions.report import broken_bounds
from newscrawl.outlet import Expect
from newscrawl.spiders.given import settings_digest


def a_run(articles: int, rejected: int) -> object:
    return SimpleNamespace(
        articles=SimpleNamespace(count=articles), reasons={"too_short": rejected, "not_modified": 9}
    )


@pytest.mark.parametrize(
    ("expect", "articles", "rejected", "alarms"),
    [
        (Expect(), 0, 9, []),
        (Expect(articles_min=5), 5, 0, []),
        (Expect(articles_min=5), 4, 0, ["4 articles, at least 5 expected"]),
        (Expect(body_filled=0.9), 9, 1, []),
        (Expect(body_filled=0.9), 1, 1, ["50% of pages are articles, 90% expected"]),
        (Expect(body_filled=0.9), 0, 0, []),
    ],
)
def test_broken_bounds_are_said(expect: Expect, articles: int, rejected: int, alarms: list[str]) -> None:
    assert broken_bounds(expect, a_run(articles, rejected)) == alarms  # type: ignore[arg-type]


def test_a_run_that_knows_of_others_need_not_find_all_articles() -> None:
    assert broken_bounds(Expect(articles_min=5), a_run(0, 0), anew=False) == []  # type: ignore[arg-type]


def digest(**changed: object) -> str:
    settings = Settings()
    settings.setmodule("newscrawl.settings")
    settings.setdict(changed, priority="cmdline")
    return settings_digest(settings)


def test_the_digest_tells_settings_that_change_what_is_written() -> None:
    assert digest() == digest(NEWSCRAWL_ARCHIVES="/elsewhere", NEWSCRAWL_CONTACT="a@b.example")
    different = [
        digest(),
        digest(NEWSCRAWL_BODY_MIN_CHARS=9000),
        digest(NEWSCRAWL_EXTRACT_SECONDS=1),
        digest(ITEM_PIPELINES={}),
        digest(RETRY_TIMES=9),
    ]
    assert len(set(different)) == len(different)
