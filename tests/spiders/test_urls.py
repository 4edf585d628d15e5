"""The spider of listed pages: the list is read once, and whole."""

from pathlib import Path

import pytest
from scrapy.settings import Settings
from wire.crawl import crawl

from newscrawl.cli.probe import make_user_agent
from newscrawl.cli.target import find_page
from newscrawl.errors import NewscrawlError, RefusedOutlet
from newscrawl.spiders.base import check_allowed
from newscrawl.spiders.urls import UrlsSpider, read_url_file

SECRET = "kola-nut"
WITH_SECRET = [
    f"https://paul:{SECRET}@example.org/",
    f"https://{SECRET}@example.org/",
    f"  https://:{SECRET}@example.org:8443/story#top",
    f"HTTPS://paul:{SECRET}@EXAMPLE.org/",
    f"https://pa\tul:{SECRET}@example.org/",
    f"ftp://paul:{SECRET}@example.org/",
    f"https:/paul:{SECRET}@example.org/",
    f"https://paul:{SECRET}@[example.org/",
    f"paul:{SECRET}@example.org",
]


def test_a_file_holds_a_url_a_line(tmp_path: Path) -> None:
    path = tmp_path / "urls.txt"
    path.write_text("# ours\nhttp://a/1\n\n  http://a/2#top  \n")
    assert read_url_file(path) == ["http://a/1", "http://a/2"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "no URL in it"),
        ("# nothing\n", "no URL in it"),
        ("http://a/\nfile:///etc/passwd\n", "line 2: 'file:"),
    ],
)
def test_a_file_without_urls_is_a_clear_error(tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "urls.txt"
    path.write_text(text)
    with pytest.raises(NewscrawlError, match=says):
        read_url_file(path)


def test_the_spider_is_made_again_without_reading_the_file_again(tmp_path: Path) -> None:
    path = tmp_path / "urls.txt"
    path.write_text("http://a/1\nhttp://a/2\n")
    first = UrlsSpider(file=str(path))
    path.unlink()
    assert list(UrlsSpider(**first.restart_arguments()).first_urls()) == ["http://a/1", "http://a/2"]


def test_what_it_does_not_know_is_refused() -> None:
    with pytest.raises(NewscrawlError, match="no such spider argument: name"):
        UrlsSpider(url="http://a/", name="../escape")


@pytest.mark.parametrize("url", WITH_SECRET)
@pytest.mark.parametrize("way", ["url", "urls", "file"])
def test_a_password_in_a_url_is_refused_and_never_repeated(tmp_path: Path, url: str, way: str) -> None:
    path = tmp_path / "urls.txt"
    path.write_text(f"http://a/1\n{url}\n")
    arguments = {way: str(path) if way == "file" else f"http://a/1\n{url}" if way == "urls" else url}
    with pytest.raises(NewscrawlError) as refused:
        UrlsSpider(**arguments)
    text = str(refused.value)
    assert SECRET not in text
    assert text.startswith(f"{path}, line 2: " if way == "file" else "-a url: ")
    assert "user or a password" in text or "is not an http(s) URL" in text


def test_a_sign_in_a_path_is_no_password() -> None:
    assert UrlsSpider(url="http://a/@paul:x@b?c=d@e").urls == ["http://a/@paul:x@b?c=d@e"]


@pytest.mark.crawl
def test_a_crawl_of_a_url_with_a_password_writes_it_nowhere(tmp_path: Path) -> None:
    done = crawl("urls", "-a", f"url=http://paul:{SECRET}@127.0.0.1:9/", archives=tmp_path)
    assert done.code == 2
    assert "-a url: the URL contains a user or a password" in done.output
    assert SECRET not in done.output
    assert not list(tmp_path.rglob("*"))


@pytest.mark.crawl
def test_a_url_that_is_taken_for_an_outlet_is_not_repeated(tmp_path: Path) -> None:
    done = crawl(f"http://paul:{SECRET}@127.0.0.1:9/", archives=tmp_path)
    assert done.code == 2
    assert "a URL is no outlet id" in done.output
    assert SECRET not in done.output


def test_a_saved_page_does_not_get_a_url_with_a_password(tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    page.write_text("<p>story</p>")
    with pytest.raises(NewscrawlError, match="--url: the URL contains a user or a password") as refused:
        find_page(str(page), url=f"https://paul:{SECRET}@example.org/", archives=tmp_path, at=None)
    assert SECRET not in str(refused.value)


def test_a_contact_with_a_password_is_not_sent_to_anybody() -> None:
    contact = f"https://paul:{SECRET}@example.org/"
    with pytest.raises(RefusedOutlet, match="contains a user or a password") as refused:
        check_allowed(Settings({"NEWSCRAWL_CONTACT": contact}), ["https://example.org/"])
    assert SECRET not in str(refused.value)
    with pytest.raises(NewscrawlError, match="contains a user or a password"):
        make_user_agent(contact)
    check_allowed(Settings({"NEWSCRAWL_CONTACT": "paul@example.org"}), ["https://example.org/"])
