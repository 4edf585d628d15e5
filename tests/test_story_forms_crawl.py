"""Other forms of a story, where the outlet asks for them: live, in a replay, and extracted again."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner
from wire.crawl import Crawl, crawl
from wire.story_form_sites import NODES, POSTS, FormsSite
from wire.witness_sites import whole_content, write_outlet

from newscrawl.archive.form_records import find_form_records
from newscrawl.archive.lines import json_line
from newscrawl.archive.linked_records import iter_pages
from newscrawl.archive.pages import find_archive_files, read_any_page
from newscrawl.archive.reextract import extract_at, extract_page
from newscrawl.archive.story_records import StoryRecords
from newscrawl.cli import app
from newscrawl.demo.server import Newsroom, serve_in_thread
from newscrawl.demo.stories import Story
from newscrawl.extraction.metadata.rights import apply_rights_policy
from newscrawl.items import Article
from newscrawl.outlet import Outlet, read_outlet
from newscrawl.warc.reader import read_record

pytestmark = [pytest.mark.crawl, pytest.mark.slow]

WORDPRESS, DRUPAL, AMP = (f'story_forms = ["{form}"]' for form in ("wordpress", "drupal", "amp"))


@dataclass
class Crawled:
    """A crawled outlet, whose server is stopped."""

    site: FormsSite
    base: str
    done: Crawl
    outlet: Outlet
    paths: list[str]
    "What the server was asked for, in order."

    def url(self, story: Story) -> str:
        return self.base + self.site.story_path(story)

    def line(self, story: Story) -> dict[str, Any]:
        lines = (*self.done.articles, *self.done.rejected)
        return next(line for line in lines if line["url_requested"] == self.url(story))

    def is_exact(self, story: Story) -> bool:
        return self.line(story).get("text") == self.site.text(story)

    def asked(self, start: str) -> list[str]:
        return [path for path in self.paths if path.startswith(start)]


def crawl_site(site: FormsSite, folder: Path, keys: str = "", **settings: object) -> Crawled:
    with serve_in_thread(Newsroom([site])) as newsroom:
        base = newsroom.bases[site.id]
        write_outlet(site, base, folder / "outlets", keys)
        done = crawl(site.id, archives=folder / "a", NEWSCRAWL_OUTLETS=folder / "outlets", **settings)
        paths = [one.received.split(b" ", 2)[1].decode() for one in newsroom.log]
    assert done.code == 0, done.output
    return Crawled(site, base, done, read_outlet(folder / "outlets" / f"{site.id}.toml"), paths)


def written(done: Crawl) -> list[bytes]:
    return (done.folder / f"{done.report['run']}.jsonl").read_bytes().splitlines(keepends=True)


def extract_again(crawled: Crawled) -> list[bytes]:
    places = iter_pages(find_archive_files([crawled.done.folder]))
    items = [extract_at(place.folder, place.pointer, crawled.outlet, parts=place.parts) for place in places]
    articles = (item for item in items if isinstance(item, Article))
    return [json_line(apply_rights_policy(article, "no-export")) for article in articles]


def check_archive(crawled: Crawled) -> None:
    """Replay and re-extraction give the lines of the crawl."""
    run, archives = crawled.done.report["run"], str(crawled.done.folder.parent)
    assert CliRunner().invoke(app, ["replay", run, "--archives", archives]).output == "identical\n"
    assert sorted(extract_again(crawled)) == sorted(written(crawled.done))


@pytest.mark.parametrize(
    ("form", "key", "start"), [("wordpress", WORDPRESS, POSTS), ("drupal", DRUPAL, NODES)]
)
def test_the_json_of_a_story_makes_its_text_exact(form: str, key: str, start: str, tmp_path: Path) -> None:
    crawled = crawl_site(FormsSite("forms", form=form), tmp_path, key)
    stories = crawled.site.desk.listed
    assert all(map(crawled.is_exact, stories))
    assert {line["quality"]["witness"] for line in crawled.done.articles} == {"api"}
    assert sorted(crawled.asked(start)) == sorted(map(crawled.site.form_path, stories))
    assert crawled.done.report["story_forms"] == {f"{form}/read": len(stories)}
    for place in iter_pages(find_archive_files([crawled.done.folder])):
        (record,) = place.parts
        assert find_form_records(place.folder, place.pointer) == [record]
        assert read_record(place.folder, record)[1]["storyForm"] == form
    check_archive(crawled)


def test_an_outlet_that_does_not_ask_is_as_it_was(tmp_path: Path) -> None:
    crawled = crawl_site(FormsSite("forms"), tmp_path)
    assert crawled.asked(POSTS) == []
    places = list(iter_pages(find_archive_files([crawled.done.folder])))
    assert not any(place.parts for place in places)
    bare = [
        json_line(extract_page(StoryRecords(page=read_any_page(place.folder, place.pointer)), crawled.outlet))
        for place in places
    ]
    assert sorted(bare) == sorted(written(crawled.done))
    assert not any(map(crawled.is_exact, crawled.site.desk.listed[:3]))


@pytest.mark.proof
def test_nothing_is_asked_for_that_a_feed_has_given(tmp_path: Path) -> None:
    crawled = crawl_site(FormsSite("forms", whole_content), tmp_path, WORDPRESS)
    assert crawled.asked(POSTS) == []
    assert all(map(crawled.is_exact, crawled.site.desk.listed))


def test_a_look_up_that_fails_costs_the_page_nothing(tmp_path: Path) -> None:
    site = FormsSite("forms")
    gone, locked, other, forbidden, excluded, *rest = site.desk.listed
    site.statuses[gone.id] = 404
    site.rules["/robots.txt"] = f"User-agent: *\nDisallow: {site.form_path(forbidden)}\n".encode()
    site.posts[locked.id] = {"content": {"rendered": "", "protected": True}}
    site.posts[other.id] = {"link": "/2026/01/01/quite-another-story/"}
    keys = f"{WORDPRESS}\nexclude_urls = ['{site.form_path(excluded)}$']"
    crawled = crawl_site(site, tmp_path, keys)
    for story in (gone, locked, other, forbidden, excluded):
        assert crawled.line(story)["quality"]["witness"] == "none"
        was_asked = story not in (forbidden, excluded)
        assert crawled.asked(site.form_path(story)) == [site.form_path(story)] * was_asked
    assert all(map(crawled.is_exact, rest))
    counts = {"http_404": 1, "no_story": 1, "other_story": 1, "robots_txt": 1, "not_asked": 1}
    counts["read"] = len(rest)
    assert crawled.done.report["story_forms"] == {
        f"wordpress/{name}": count for name, count in counts.items()
    }
    check_archive(crawled)


@pytest.mark.proof
@pytest.mark.parametrize(("status", "least"), [(401, 1), (404, 5)])
def test_a_site_that_refuses_or_fails_is_not_asked_on(status: int, least: int, tmp_path: Path) -> None:
    site = FormsSite("forms")
    site.statuses = {story.id: status for story in site.desk.story}
    crawled = crawl_site(site, tmp_path, WORDPRESS, CONCURRENT_REQUESTS=1)
    stories = crawled.site.desk.listed
    # Some may be under way when the answer comes that ends it.
    assert least <= len(crawled.asked(POSTS)) < least + len(stories) / 2
    assert len(crawled.done.articles) == len(stories)
    assert crawled.asked("/amp") == []
    check_archive(crawled)


def test_nothing_is_asked_for_behind_a_wall(tmp_path: Path) -> None:
    site = FormsSite("forms")
    paid, *others = site.desk.listed
    site.asks_for_pay.add(paid.id)
    crawled = crawl_site(site, tmp_path, WORDPRESS)
    assert crawled.asked(site.form_path(paid)) == []
    unshown = site.text(paid).split("\n\n")[1:]
    assert not any(part in json.dumps(crawled.line(paid), ensure_ascii=False) for part in unshown)
    assert all(map(crawled.is_exact, others))


def test_the_amp_page_gives_the_text_that_a_page_lacks(tmp_path: Path) -> None:
    site = FormsSite("forms")
    shell, paid, guarded, foreign, refused, *others = site.desk.listed
    site.shells = {story.id for story in (shell, paid, guarded, foreign, refused)}
    site.asks_for_pay.add(paid.id)
    site.amp_heads[guarded.id] = '<script async custom-element="amp-subscriptions" src="/s.js"></script>'
    site.canonicals[foreign.id] = "/2026/01/01/quite-another-story/"
    site.statuses[refused.id] = 403
    crawled = crawl_site(site, tmp_path, AMP, CONCURRENT_ITEMS=1)
    line = crawled.line(shell)
    assert line["text"] == site.text(shell)
    assert line["url"] == crawled.url(shell)
    assert [part["url"] for part in line["pages"]] == [line["url"], crawled.base + site.amp_path(shell)]
    assert line["pages"][0]["warc"] == line["warc"] != line["pages"][1]["warc"]
    assert "amp_text" in line["quality"]["flags"]
    for story in (paid, guarded, foreign, refused):
        assert "reason" in crawled.line(story)
    assert crawled.asked(site.amp_path(paid)) == []
    assert crawled.asked(POSTS) == []
    assert not any(crawled.asked(site.amp_path(story)) for story in others)
    check_archive(crawled)


def test_a_feed_that_gives_more_than_the_page_is_recorded_and_reserves(tmp_path: Path) -> None:
    site = FormsSite("forms", whole_content)
    paid, *others = site.desk.listed
    site.asks_for_pay.add(paid.id)
    site.feed_headers = (("X-Robots-Tag", "noindex, noai"),)
    crawled = crawl_site(site, tmp_path)
    line = crawled.line(paid)
    unshown = site.text(paid).split("\n\n")[1:]
    assert not any(part in json.dumps(line["blocks"], ensure_ascii=False) for part in unshown)
    assert "witness_has_more" in line["quality"]["flags"]
    for story in (paid, *others):
        line = crawled.line(story)
        assert (line["rights"]["reserved_by"], line["rights"]["robots_meta"]) == (["noai"], [])
        assert line["rights"]["policy"] == "no-export"
        assert "witness_reserved" in line["quality"]["flags"]
        assert ("witness_has_more" in line["quality"]["flags"]) == (story is paid)
    check_archive(crawled)


@pytest.mark.proof
def test_what_a_site_says_of_its_feed_alone_holds_for_what_the_feed_gives(tmp_path: Path) -> None:
    site = FormsSite("forms", whole_content)
    site.rules["/ai.txt"] = b"User-Agent: *\nDisallow: /feed/\n"
    crawled = crawl_site(site, tmp_path)
    assert {tuple(line["rights"]["reserved_by"]) for line in crawled.done.articles} == {("ai.txt",)}
    assert {line["rights"]["ai_txt"] for line in crawled.done.articles} == {None}
    check_archive(crawled)
