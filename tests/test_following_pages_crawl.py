"""Stories over several pages, crawled from a real server, replayed without one, and extracted again."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from paged_stories import PagedStory
from stories_made import TITLE
from typer.testing import CliRunner
from warcio.archiveiterator import ArchiveIterator
from wire.crawl import Crawl, crawl_urls
from wire.server import Answer, WireServer, page, serving

from newscrawl.cli import app

pytestmark = [pytest.mark.crawl, pytest.mark.slow]

GONE = Answer([b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"])
MOVED = Answer([b"HTTP/1.1 302 Found\r\nLocation: /moved/second-page/\r\nContent-Length: 0\r\n\r\n"])
RULES = b"User-agent: *\nDisallow: /forbidden/2/\n"
ROBOTS = Answer(
    [b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n%s" % (len(RULES), RULES)]
)
TWO = PagedStory(path="/two/", count=2, style="next")
THREE = PagedStory(path="/three/", style="french")
THIRTY = PagedStory(path="/thirty/", count=30)
LOST, CUT, FORBIDDEN, REDIRECTED = (
    PagedStory(path=path) for path in ("/lost/", "/cut/", "/forbidden/", "/moved/")
)
CHAIN = PagedStory(path="/chain/", count=4, style="next")
OTHER = PagedStory(path="/other/", count=2, style="next")
LOOP = PagedStory(path="/loop/", count=30)
BESIDE = PagedStory(path="/beside/", count=1)
STORIES = [TWO, THREE, THIRTY, LOST, CUT, FORBIDDEN, REDIRECTED, CHAIN, OTHER, LOOP, BESIDE]


def answer(html: str) -> Answer:
    return Answer([page(html.encode())])


def site(stories: list[PagedStory]) -> dict[str, Answer]:
    """All pages of the stories."""
    return {"/robots.txt": ROBOTS} | {
        story.address(number): answer(story.html(number))
        for story in stories
        for number in range(1, story.count + 1)
    }


def faulty_site() -> dict[str, Answer]:
    other = OTHER.html(2, links="").replace(TITLE, "A ferry runs aground in the fog of Lowmere")
    return site(STORIES) | {
        LOST.address(2): GONE,
        CUT.address(2): Answer([], close=True),
        REDIRECTED.address(2): MOVED,
        "/moved/second-page/": answer(REDIRECTED.html(2)),
        CHAIN.address(3): GONE,
        OTHER.address(2): answer(other.replace(f'href="{OTHER.address(2)}"', 'href="/ferry/"')),
        **{LOOP.address(number): answer(LOOP.html(1)) for number in range(2, 31)},
        "/beside/": answer(beside(0)),
        **{f"/beside/?page={number}": answer(beside(number)) for number in range(1, 9)},
    }


def beside(number: int) -> str:
    """A story on one page, with a list beside it that turns pages of its own."""
    teaser = f"In list {number}, a ferry waits at the pier of Lowmere until the fog has gone over the bay."
    pager = "".join(f'<li><a href="/beside/?page={at}">{at + 1}</a></li>' for at in range(9))
    return BESIDE.html(1, links=f"<div class=view><p>{teaser}</p><ul class=pager>{pager}</ul></div>")


@dataclass(frozen=True)
class Crawled:
    """A finished crawl, its lines by path, and the paths that the server was asked for."""

    done: Crawl
    lines: dict[str, dict[str, Any]]
    paths: list[str]


def crawl_site(
    answers: dict[str, Answer], stories: list[PagedStory], archives: Path, **settings: object
) -> Crawled:
    with serving(WireServer(answers)) as server:
        done = crawl_urls([server.base + story.path for story in stories], archives, **settings)
        paths = [exchange.path for exchange in server.log]
    assert done.code == 0, done.output
    lines = {"/" + line["url"].split("/", 3)[3]: line for line in done.articles}
    return Crawled(done, lines, paths)


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Crawled:
    return crawl_site(faulty_site(), STORIES, tmp_path_factory.mktemp("live"))


def texts(line: dict[str, Any]) -> list[str]:
    return [block["text"] for block in line["blocks"]]


def page_flags(line: dict[str, Any]) -> list[str]:
    return [flag for flag in line["quality"]["flags"] if flag.startswith("pages_")]


def text_of(story: PagedStory, *numbers: int) -> list[str]:
    return [line for number in numbers for line in story.lines(number)]


def is_there(line: dict[str, Any]) -> list[bool]:
    return [part["warc"] is not None for part in line["pages"]]


def lines_of(done: Crawl) -> bytes:
    return (done.folder / f"{done.report['run']}.jsonl").read_bytes()


def replay(recorded: Crawl, archives: Path, **settings: object) -> Crawl:
    listed = (recorded.folder.parent / "urls.txt").read_text(encoding="utf-8").splitlines()
    done = crawl_urls(listed, archives, NEWSCRAWL_REPLAY=recorded.folder, **settings)
    assert done.code == 0, done.output
    return done


def extract_again(recorded: Crawl, out: Path) -> bytes:
    done = CliRunner().invoke(app, ["extract", str(recorded.folder), "--out", str(out), "--jobs", "1"])
    assert done.exit_code == 0, done.output
    return out.read_bytes()


def archived(done: Crawl) -> dict[str, dict[str, str]]:
    """What another reader finds: the URI of each response and the metadata of its exchange, by record id."""
    found: dict[str, dict[str, str]] = {}
    for path in done.warcs:
        with path.open("rb") as stream:
            for record in ArchiveIterator(stream):
                headers = record.rec_headers
                if record.rec_type == "response":
                    found[headers["WARC-Record-ID"]] = {"uri": headers["WARC-Target-URI"]}
                elif record.rec_type == "metadata":
                    block = record.content_stream().read().decode()
                    fields = dict(line.split(": ", 1) for line in block.splitlines() if ": " in line)
                    found.setdefault(headers["WARC-Concurrent-To"], {}).update(fields)
    return found


@pytest.mark.parametrize("story", [TWO, THREE, THIRTY], ids=["2", "3", "30"])
def test_a_story_over_several_pages_is_one_article(live: Crawled, story: PagedStory) -> None:
    line = live.lines[story.path]
    assert texts(line) == story.text
    assert page_flags(line) == []
    assert is_there(line) == [True] * story.count
    assert [live.paths.count(story.address(number)) for number in range(1, story.count + 1)] == [
        1
    ] * story.count


def test_each_page_has_its_own_exchange_which_names_the_first(live: Crawled) -> None:
    records = archived(live.done)
    for story in (TWO, THREE, THIRTY):
        line = live.lines[story.path]
        assert line["pages"][0]["warc"] == line["warc"]
        for number, part in enumerate(line["pages"], 1):
            record = records[part["warc"]["record_id"]]
            assert record["uri"] == part["url"]
            if number > 1:
                assert (record["partOf"], record["pageNumber"]) == (line["warc"]["record_id"], str(number))
                assert "discovery" not in record
    assert len(live.done.articles) == len(STORIES)
    assert live.done.rejected == []


@pytest.mark.parametrize("story", [LOST, CUT], ids=["not_found", "no_answer"])
def test_a_missing_page_in_the_middle_is_a_flag(live: Crawled, story: PagedStory) -> None:
    line = live.lines[story.path]
    assert texts(line) == text_of(story, 1, 3)
    assert (is_there(line), page_flags(line)) == ([True, False, True], ["pages_missing"])


def test_a_chain_that_breaks_is_flagged(live: Crawled) -> None:
    line = live.lines[CHAIN.path]
    assert texts(line) == text_of(CHAIN, 1, 2)
    assert (is_there(line), page_flags(line)) == ([True, True, False], ["pages_missing"])


def test_no_page_is_fetched_that_robots_txt_forbids(live: Crawled) -> None:
    line = live.lines[FORBIDDEN.path]
    assert FORBIDDEN.address(2) not in live.paths
    assert texts(line) == text_of(FORBIDDEN, 1, 3)
    assert page_flags(line) == ["pages_missing"]


def test_a_page_behind_a_redirect_is_named_by_the_address_that_answered(live: Crawled) -> None:
    line = live.lines[REDIRECTED.path]
    assert texts(line) == REDIRECTED.text
    assert line["pages"][1]["url"].endswith("/moved/second-page/")
    assert page_flags(line) == []


def test_a_next_link_that_leads_to_another_story(live: Crawled) -> None:
    line = live.lines[OTHER.path]
    assert (texts(line), line["pages"], page_flags(line)) == (text_of(OTHER, 1), [], ["pages_unrelated"])


def test_the_pages_of_a_list_beside_a_story_are_no_pages_of_it(live: Crawled) -> None:
    line = live.lines["/beside/"]
    assert set(text_of(BESIDE, 1)) <= set(texts(line))
    assert (line["pages"], page_flags(line)) == ([], ["pages_repeated"])
    assert [path for path in live.paths if path.startswith("/beside/?")] == ["/beside/?page=1"]


def test_a_loop_ends(live: Crawled) -> None:
    """The site shows its first page whatever page is asked for."""
    line = live.lines[LOOP.path]
    assert (texts(line), line["pages"], page_flags(line)) == (text_of(LOOP, 1), [], ["pages_repeated"])
    assert LOOP.address(3) not in live.paths


def test_replay_and_extraction_give_the_same_lines(live: Crawled, tmp_path: Path) -> None:
    assert lines_of(replay(live.done, tmp_path / "again")) == lines_of(live.done)
    # Following pages came after that time.
    at = max(line["fetched"] for line in live.lines.values())
    assert lines_of(replay(live.done, tmp_path / "at", NEWSCRAWL_REPLAY_AT=at)) == lines_of(live.done)
    assert extract_again(live.done, tmp_path / "extracted.jsonl") == lines_of(live.done)


def test_following_pages_are_bounded(tmp_path: Path) -> None:
    story = PagedStory(count=6)
    few = crawl_site(site([story]), [story], tmp_path / "few", NEWSCRAWL_STORY_PAGES_MAX=3)
    line = few.lines[story.path]
    assert story.address(4) not in few.paths
    assert texts(line) == text_of(story, 1, 2, 3)
    assert (is_there(line), page_flags(line)) == ([True] * 3 + [False] * 3, ["pages_missing"])
    assert extract_again(few.done, tmp_path / "extracted.jsonl") == lines_of(few.done)


def test_following_pages_can_be_left(tmp_path: Path) -> None:
    story = PagedStory(count=3)
    alone = crawl_site(site([story]), [story], tmp_path / "alone", NEWSCRAWL_STORY_PAGES_MAX=1)
    line = alone.lines[story.path]
    assert story.address(2) not in alone.paths
    assert (texts(line), page_flags(line)) == (text_of(story, 1), ["pages_missing"])
    assert is_there(line) == [True, False, False]
    assert lines_of(replay(alone.done, tmp_path / "again")) == lines_of(alone.done)


def test_a_crawl_that_stops_between_two_pages_flags_the_story(tmp_path: Path) -> None:
    story = PagedStory(count=30)
    cut = crawl_site(site([story]), [story], tmp_path / "cut", CLOSESPIDER_PAGECOUNT=8)
    line = cut.lines[story.path]
    assert story.address(30) not in cut.paths
    assert page_flags(line) == ["pages_missing"]
    numbers = [number for number, there in enumerate(is_there(line), 1) if there]
    assert texts(line) == text_of(story, *numbers)
    assert numbers == list(range(1, len(numbers) + 1))
    assert "Traceback" not in cut.done.output
    assert lines_of(replay(cut.done, tmp_path / "again")) == lines_of(cut.done)
    assert extract_again(cut.done, tmp_path / "extracted.jsonl") == lines_of(cut.done)


def test_two_addresses_of_a_story_have_a_record_each_of_its_second_page(tmp_path: Path) -> None:
    story = PagedStory(count=2)
    with serving(WireServer(site([story]))) as server:
        urls = [f"{server.base}{story.path}", f"{server.base}{story.path}?from=mail"]
        done = crawl_urls(urls, tmp_path / "live")
    assert done.code == 0, done.output
    ids = [part["warc"]["record_id"] for line in done.articles for part in line["pages"] if part["warc"]]
    assert len(set(ids)) == len(ids) > 1
    assert lines_of(replay(done, tmp_path / "again")) == lines_of(done)
    assert extract_again(done, tmp_path / "extracted.jsonl") == lines_of(done)
