"""A page's witness is read in the record of its source; what cannot be read costs the witness alone."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

import pytest

from newscrawl.archive import story_records
from newscrawl.archive.story_records import (
    WITNESS_FIELD,
    WITNESS_MISSING,
    StoryRecords,
    complete_story,
    locate_witness,
    read_story,
)
from newscrawl.discovery.feeds import read_feed
from newscrawl.discovery.sources import REREAD_BYTES
from newscrawl.discovery.text import CONTENT_BYTES
from newscrawl.discovery.wordpress import posts_url, read_posts
from newscrawl.errors import MachineFault
from newscrawl.extraction.witness import Witness
from newscrawl.items import Link, WarcPointer, WitnessPointer
from newscrawl.warc.filenames import WarcNameTemplate
from newscrawl.warc.records import HttpExchange, OriginalResponse
from newscrawl.warc.story_parts import StoryPart
from newscrawl.warc.writer import WarcWriter

STARTED = datetime(2026, 3, 4, tzinfo=UTC)
FEED_URL, PAGE_URL = "http://news.test/feed", "http://news.test/2026/the-ferry"
CONTENT = "<p>The ferry left at dawn, and nobody on the quay had expected it.</p>"
FEED = f"""<?xml version="1.0"?><rss version="2.0" xmlns:content="http://purl.org/rss/1.0/modules/content/">
<channel><title>News</title><link>http://news.test/</link>
<item><title>The ferry</title><link>{PAGE_URL}</link><guid isPermaLink="false">f-1</guid>
<content:encoded><![CDATA[{CONTENT}]]></content:encoded></item>
<item><title>Another</title><link>http://news.test/2026/another</link><guid isPermaLink="false">f-1</guid>
<content:encoded><![CDATA[<p>Another story with the same id, as some feeds have it.</p>]]></content:encoded>
</item></channel></rss>""".encode()


@dataclass
class Archive:
    """A folder with one file, while it is written."""

    folder: Path

    def __post_init__(self) -> None:
        numbers = count()
        self.writer = WarcWriter(
            folder=self.folder,
            names=WarcNameTemplate(prefix="news", host="h", pid=1),
            info=(("software", "newscrawl/test"),),
            now=lambda: STARTED,
            new_id=lambda: f"<urn:uuid:00000000-0000-0000-0000-{next(numbers):012}>",
        )

    def add(
        self,
        url: str,
        body: bytes,
        kind: str = "text/html",
        notes: tuple[tuple[str, str], ...] = (),
        original: OriginalResponse | None = None,
    ) -> WarcPointer:
        head = f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n"
        exchange = HttpExchange(
            url=url,
            started=STARTED,
            sent=b"GET / HTTP/1.1\r\n\r\n",
            received=head.encode() + body,
            original=original,
            metadata=(("outcome", "ok"), *notes),
        )
        return self.writer.write(exchange)

    def add_page(self, witness: WitnessPointer | str | None) -> WarcPointer:
        link = json.dumps({"url": PAGE_URL, "via": "feed"})
        note = witness.model_dump_json() if isinstance(witness, WitnessPointer) else witness
        notes = (("discovery", link), *(((WITNESS_FIELD, note),) if note else ()))
        return self.add(PAGE_URL, b"<html><body><p>The page</p></body></html>", notes=notes)


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    return Archive(tmp_path / "news")


def located(link: Link, answer: WarcPointer) -> WitnessPointer:
    witness = locate_witness(link, "api" if link.via == "wp_api" else "feed", answer)
    assert witness
    return witness


def add_feed(archive: Archive) -> WitnessPointer:
    answer = archive.add(FEED_URL, FEED, "application/rss+xml")
    return located(read_feed(FEED, FEED_URL).links[0], answer)


def test_the_entry_of_a_feed_is_read_again(archive: Archive) -> None:
    witness = add_feed(archive)
    story = read_story(archive.folder, archive.add_page(witness))
    assert story.witness == Witness(html=CONTENT, source="feed", title="The ferry")
    assert story.flags == ()


def test_a_post_of_the_api_is_read_again(archive: Archive) -> None:
    url = posts_url("http://news.test/")
    post = {"id": 7, "link": PAGE_URL, "title": {"rendered": "The ferry"}, "content": {"rendered": CONTENT}}
    body = json.dumps([post]).encode()
    witness = located(read_posts(body, url).links[0], archive.add(url, body, "application/json"))
    story = read_story(archive.folder, archive.add_page(witness))
    assert story.witness == Witness(html=CONTENT, source="api", title="The ferry")


def test_a_json_feed_is_parsed_once_for_all_its_pages(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = "http://news.test/feed.json"
    items = [
        {"id": f"j-{number}", "url": f"{PAGE_URL}/{number}", "title": "The ferry", "content_html": CONTENT}
        for number in range(20)
    ]
    version = "https://jsonfeed.org/version/1.1"
    body = json.dumps({"version": version, "title": "News", "items": items}).encode()
    answer = archive.add(url, body, "application/feed+json")
    links = read_feed(body, url).links
    pages = [archive.add_page(located(link, answer)) for link in links]
    parsed: list[str] = []

    def count_reading(*arguments: object) -> object:
        parsed.append(str(arguments[1]))
        return read_feed(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(story_records, "read_feed", count_reading)
    stories = [read_story(archive.folder, page) for page in pages]
    assert [story.witness and story.witness.html for story in stories] == [CONTENT] * 20
    assert parsed == [url]


def test_a_revisit_leads_to_the_answer_that_it_repeats(archive: Archive) -> None:
    answer = archive.add(FEED_URL, FEED, "application/rss+xml")
    original = OriginalResponse(pointer=answer, url=FEED_URL, date=STARTED)
    again = archive.add(FEED_URL, FEED, "application/rss+xml", original=original)
    witness = located(read_feed(FEED, FEED_URL).links[0], again)
    story = read_story(archive.folder, archive.add_page(witness))
    assert story.witness
    assert story.witness.html == CONTENT


def test_without_a_note_nothing_is_missing(archive: Archive) -> None:
    story = read_story(archive.folder, archive.add_page(None))
    assert story == StoryRecords(page=story.page)


DAMAGES: dict[str, Callable[[WitnessPointer], WitnessPointer | str]] = {
    "no_json": lambda _: "{",
    "no_pointer": lambda _: "{}",
    "no_file": lambda witness: witness.model_copy(update={"file": "gone.warc.gz"}),
    "outside": lambda witness: witness.model_copy(update={"file": f"../news/{witness.file}"}),
    "absolute": lambda witness: witness.model_copy(update={"file": f"/{witness.file}"}),
    "other_record": lambda witness: witness.model_copy(update={"record_id": "<urn:uuid:1>"}),
    "no_place": lambda witness: witness.model_copy(update={"offset": 1 << 40}),
    "negative_place": lambda witness: witness.model_copy(update={"offset": -1}),
    "other_entry": lambda witness: witness.model_copy(update={"entry": "f-2"}),
    "other_story": lambda witness: witness.model_copy(update={"content_sha256": "0" * 64}),
    "other_kind": lambda witness: witness.model_copy(update={"source": "api"}),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_witness_that_cannot_be_read_is_missed(archive: Archive, damage: str) -> None:
    story = read_story(archive.folder, archive.add_page(DAMAGES[damage](add_feed(archive))))
    assert (story.witness, story.flags) == (None, (WITNESS_MISSING,))
    assert story.page.response.url == PAGE_URL


@pytest.mark.parametrize(
    "body",
    [b"", b"<html><body>moved</body></html>", FEED[:300], b"\x1f\x8b\x08" + FEED, b"<a " * 60_000],
    ids=["empty", "html", "cut", "packed", "long"],
)
def test_an_answer_that_is_no_feed_any_more_is_missed(archive: Archive, body: bytes) -> None:
    answer = archive.add(FEED_URL, body, "application/rss+xml")
    witness = located(read_feed(FEED, FEED_URL).links[0], answer)
    assert read_story(archive.folder, archive.add_page(witness)).flags == (WITNESS_MISSING,)


def test_the_note_of_another_program_is_not_followed(archive: Archive) -> None:
    story = read_story(archive.folder, archive.add_page(add_feed(archive)))
    del story.page.metadata["outcome"]
    assert complete_story(archive.folder, story.page) == StoryRecords(page=story.page)


def test_the_machine_is_to_blame_and_not_the_source(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = archive.add_page(add_feed(archive))

    def fail(*_: object) -> None:
        raise MachineFault("out of descriptors")

    monkeypatch.setattr("newscrawl.archive.story_records._read_entries", fail)
    with pytest.raises(MachineFault):
        read_story(archive.folder, page)


def test_a_teaser_and_a_story_that_was_cut_are_no_witnesses() -> None:
    answer = WarcPointer(file="f", offset=0, length=1, record_id="<r>")
    for content in (None, "", "x" * CONTENT_BYTES):
        assert locate_witness(Link(url=PAGE_URL, via="feed", content=content), "feed", answer) is None
    witness = locate_witness(Link(url=PAGE_URL, via="feed", content="x"), "feed", answer)
    assert witness
    assert witness.entry == PAGE_URL


POST_URL = "http://news.test/wp-json/wp/v2/posts/7"
POST = {
    "id": 7,
    "link": PAGE_URL,
    "title": {"rendered": "The ferry"},
    "content": {"rendered": CONTENT, "protected": False},
}
NODE = {
    "type": "node--article",
    "id": "7",
    "attributes": {"title": "The ferry", "body": {"processed": CONTENT}},
}


def add_form(
    archive: Archive, first: WarcPointer, body: bytes, form: str = "wordpress", **notes: str
) -> WarcPointer:
    part = StoryPart(first.record_id, 0, form)
    return archive.add(POST_URL, body, "application/json", notes=(*part.fields, *notes.items()))


@pytest.mark.parametrize(("form", "document"), [("wordpress", POST), ("drupal", {"data": NODE})])
def test_another_form_of_the_story_is_its_witness(archive: Archive, form: str, document: object) -> None:
    page = archive.add_page(None)
    record = add_form(archive, page, json.dumps(document).encode(), form)
    story = read_story(archive.folder, page, [record])
    assert story.witness == Witness(html=CONTENT, source="api", title="The ferry")
    assert (story.form_outcome, story.flags, story.following) == ("read", (), ())


def test_it_comes_before_what_a_feed_gave_only_in_part(archive: Archive) -> None:
    witness = add_feed(archive)
    page = archive.add_page(witness.model_copy(update={"file": "gone.warc.gz"}))
    assert read_story(archive.folder, page).flags == (WITNESS_MISSING,)
    story = read_story(archive.folder, page, [add_form(archive, page, json.dumps(POST).encode())])
    assert story.witness
    assert (story.witness.source, story.flags) == ("api", ())


@pytest.mark.parametrize(
    ("body", "form", "outcome"),
    [
        (json.dumps(POST | {"link": "http://news.test/2026/another"}), "wordpress", "other_story"),
        (json.dumps(POST | {"content": {"rendered": "", "protected": True}}), "wordpress", "no_story"),
        (json.dumps(POST), "drupal", "no_story"),
        (json.dumps(POST), "of_a_later_version", "no_story"),
        ("<html>", "wordpress", "no_story"),
        (json.dumps(POST) + " " * REREAD_BYTES, "wordpress", "unreadable"),
        ('<script custom-element="amp-access"></script>', "amp", "walled"),
    ],
)
def test_a_form_without_the_story_has_an_outcome(
    archive: Archive, body: str, form: str, outcome: str
) -> None:
    page = archive.add_page(None)
    story = read_story(archive.folder, page, [add_form(archive, page, body.encode(), form)])
    assert story == StoryRecords(page=story.page, form_outcome=outcome)


def test_an_amp_page_is_read_beside_the_page(archive: Archive) -> None:
    page = archive.add_page(None)
    story = read_story(archive.folder, page, [add_form(archive, page, b"<p>The ferry.</p>", "amp")])
    assert story.amp
    assert (story.amp.message.body, story.form_outcome) == (b"<p>The ferry.</p>", "read")


def test_what_reserves_the_answer_is_known_with_its_story(archive: Archive) -> None:
    page = archive.add_page(None)
    record = add_form(archive, page, json.dumps(POST).encode(), sourceRights="tdm-reservation=1 ai.txt=no")
    witness = read_story(archive.folder, page, [record]).witness
    assert witness
    assert witness.reserved_by == ("tdm-reservation=1", "ai.txt")
