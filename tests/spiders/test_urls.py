"""The spider of listed pages: the list is read once, and whole."""

from pathlib import Path

import pytest

from newscrawl.errors import NewscrawlError
from newscrawl.spiders.urls import UrlsSpider, read_url_file


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
