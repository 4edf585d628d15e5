"""Spiders come from outlet files; an error in a file is named and affects no other outlet."""

from pathlib import Path

import pytest
from scrapy.settings import Settings

from newscrawl.errors import NewscrawlError, OutletError, RefusedOutlet, UnknownOutlet
from newscrawl.outlet import OUTLETS
from newscrawl.spiders.base import check_allowed
from newscrawl.spiders.loader import OutletSpiderLoader
from newscrawl.spiders.outlet import OutletSpider

GOOD = """
title = "Echo"
home = "https://echo.example/"
country = "CM"
languages = ["fr", "en"]
timezone = "Africa/Douala"
kind = "regional"
feeds = ["https://echo.example/feed/"]
platform = "wordpress"
"""


@pytest.fixture
def loader(tmp_path: Path) -> OutletSpiderLoader:
    (tmp_path / "echo.toml").write_text(GOOD)
    (tmp_path / "broken.toml").write_text(GOOD.replace("feeds", "feed"))
    (tmp_path / "special.toml").write_text(GOOD + 'spider = "newscrawl.spiders.nothing.Here"\n')
    (tmp_path / "function.toml").write_text(GOOD + 'spider = "newscrawl.urls.absolute_url"\n')
    return OutletSpiderLoader.from_settings(Settings({"NEWSCRAWL_OUTLETS": [str(tmp_path)]}))


def test_a_file_is_a_spider(loader: OutletSpiderLoader) -> None:
    spider = loader.load("echo")
    assert issubclass(spider, OutletSpider)
    assert (spider.name, spider.outlet.title) == ("echo", "Echo")


def test_broken_files_are_listed_and_stop_only_themselves(loader: OutletSpiderLoader) -> None:
    assert loader.list() == ["broken", "echo", "function", "special", "urls"]
    with pytest.raises(OutletError, match=r"broken\.toml: feed: there is no such key; did you mean feeds"):
        loader.load("broken")
    with pytest.raises(OutletError, match=r"special\.toml: spider: "):
        loader.load("special")
    with pytest.raises(OutletError, match=r"function\.toml: spider: newscrawl\.urls\.absolute_url is not"):
        loader.load("function")


def test_similar_names_are_suggested(loader: OutletSpiderLoader) -> None:
    with pytest.raises(UnknownOutlet, match=r"no outlet is named 'ecko' \(near: echo\)"):
        loader.load("ecko")


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(NewscrawlError, match=r"no such folder of outlet files: .*nowhere"):
        OutletSpiderLoader([tmp_path / "nowhere"]).load("echo")


def test_the_shipped_outlets_all_make_spiders() -> None:
    loader = OutletSpiderLoader([OUTLETS])
    names = loader.list()
    assert len(names) > 60
    for name in names:
        assert loader.load(name).name == name


@pytest.mark.parametrize(
    ("settings", "urls", "why"),
    [
        ({}, ["https://echo.example/"], "NEWSCRAWL_CONTACT"),
        ({}, ["http://127.0.0.1/", "https://echo.example/"], "NEWSCRAWL_CONTACT"),
        ({}, ["http://127.0.0.1:8600/", "http://[::1]/"], None),
        ({"NEWSCRAWL_CONTACT": "desk@echo.example"}, ["https://echo.example/"], None),
        ({"NEWSCRAWL_REPLAY": "archives"}, ["https://echo.example/"], None),
    ],
)
def test_a_real_outlet_needs_a_contact(settings: dict[str, str], urls: list[str], why: str | None) -> None:
    if why is None:
        check_allowed(Settings(settings), urls)
        return
    with pytest.raises(RefusedOutlet, match=why):
        check_allowed(Settings(settings), urls)
