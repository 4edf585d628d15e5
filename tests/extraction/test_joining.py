"""Joining: the pages of a story become one article, with nothing lost, repeated or invented."""

import hashlib
import json
from collections.abc import Mapping

import pytest
from paged_stories import BIO, STANDFIRST, PagedStory
from stories_made import TITLE

from newscrawl.extraction.extract import trace_extraction
from newscrawl.extraction.following_pages import StoryPlace, is_paging_line
from newscrawl.extraction.joining import FollowingPage, join_story
from newscrawl.items import Article, WarcPointer, reject_article

SITE = "https://selby.example"


def pointer(number: int) -> WarcPointer:
    return WarcPointer(file="a.warc.gz", offset=number, length=1, record_id=f"<urn:uuid:{number}>")


def join(story: PagedStory, html: Mapping[int, str | None]) -> Article:
    """The article of these pages, of which None is one that cannot be had."""

    def body(number: int) -> bytes:
        return (html[number] or "").encode()

    def read(number: int, url: str) -> FollowingPage | None:
        if html.get(number) is None:
            return None
        assert url == SITE + story.address(number)
        place = StoryPlace(number=number, base=first.links.place.base)
        trace = trace_extraction(body(number), url, place=place)
        item = trace.result.model_copy(update={"warc": pointer(number)})
        return FollowingPage(item=item, links=trace.links) if trace.links else None

    first = trace_extraction(body(1), SITE + story.path)
    assert isinstance(first.result, Article)
    assert first.links
    return join_story(first.result.model_copy(update={"warc": pointer(1)}), first.links, read).article


def all_pages(story: PagedStory) -> dict[int, str | None]:
    return {number: story.html(number) for number in range(1, story.count + 1)}


def texts(article: Article) -> list[str]:
    return [block.text for block in article.blocks]


@pytest.mark.parametrize("style", ["numbers", "next", "french"])
@pytest.mark.parametrize("count", [2, 3, 30])
def test_a_story_over_several_pages_is_one_text(style: str, count: int) -> None:
    story = PagedStory(count=count, style=style)  # type: ignore[arg-type]
    article = join(story, all_pages(story))
    assert texts(article) == story.text
    assert article.text == "\n\n".join(story.text)
    assert (article.title, article.lede, [author.name for author in article.authors]) == (
        TITLE,
        STANDFIRST,
        ["Ines Halder"],
    )
    assert [page.url for page in article.pages] == [
        SITE + story.address(number) for number in range(1, count + 1)
    ]
    assert [page.warc for page in article.pages] == [pointer(number) for number in range(1, count + 1)]
    assert not [flag for flag in article.quality.flags if flag.startswith("pages_")]


def test_counts_digest_and_languages_are_those_of_the_whole_text() -> None:
    story = PagedStory()
    article = join(story, all_pages(story))
    digest = hashlib.sha256(article.text.encode()).hexdigest()
    assert article.text_sha256 == digest
    assert article.id == hashlib.sha256(f"{article.url_norm}\n{digest}".encode()).hexdigest()[:32]
    assert (article.word_count, article.char_count) == (len(article.text.split()), len(article.text))
    assert (article.lang, {block.lang for block in article.blocks}) == ("en", {"en"})
    assert article.quality.score is not None
    assert "short_text" not in article.quality.flags
    assert article.warc == pointer(1)


def test_what_ends_every_page_ends_the_story_once() -> None:
    story = PagedStory(with_bio=True)
    article = join(story, all_pages(story))
    assert texts(article).count(BIO) <= 1
    assert [text for text in texts(article) if text != BIO] == story.text[:-1]


def test_a_paragraph_that_the_next_page_repeats_is_in_the_text_once() -> None:
    story = PagedStory(count=2)
    lines = [story.lines(1)[-1], *story.lines(2)]
    article = join(story, {1: story.html(1), 2: story.html(2, lines)})
    assert texts(article) == story.text


def test_a_missing_page_is_a_flag_and_the_rest_is_there() -> None:
    story = PagedStory()
    article = join(story, {1: story.html(1), 2: None, 3: story.html(3)})
    assert texts(article) == [*story.lines(1), *story.lines(3)]
    assert "pages_missing" in article.quality.flags
    assert [page.warc for page in article.pages] == [pointer(1), None, pointer(3)]
    assert article.pages[1].url == f"{SITE}/2026/wall/2/"


def test_a_page_that_cannot_be_read_is_missing_too() -> None:
    story = PagedStory(count=2)
    first = trace_extraction(story.html(1).encode(), SITE + story.path)
    place = StoryPlace(number=2, base=f"{SITE}/2026/wall")
    second = trace_extraction(story.html(2).encode(), SITE + story.address(2), place=place)
    assert isinstance(first.result, Article)
    assert first.links
    assert second.links
    rejection = reject_article(first.result, "extract", "bot_wall")
    page = FollowingPage(item=rejection, links=second.links)
    article = join_story(first.result, first.links, lambda _number, _url: page).article
    assert texts(article) == story.lines(1)
    assert "pages_missing" in article.quality.flags


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("Page 1 / 3 Next", True),
        ("Pages : 1 2 3 … 30 »", True),
        ("Page suivante", True),
        ("1 2 3", True),
        ("2", False),
        ("— — —", False),
        ("Next week the council votes.", False),
        ("Page 2 of the report was missing", False),
    ],
)
def test_lines_that_turn_pages(line: str, expected: bool) -> None:
    assert is_paging_line(line) is expected


def test_a_page_of_another_story_is_not_joined() -> None:
    story = PagedStory(count=2)
    other = story.html(2, links="").replace(TITLE, "A ferry runs aground in the fog of Lowmere")
    article = join(story, {1: story.html(1), 2: other.replace('href="/2026/wall/2/"', 'href="/2026/ferry/"')})
    assert texts(article) == story.lines(1)
    assert [flag for flag in article.quality.flags if "pages" in flag] == ["pages_unrelated"]
    assert article.pages == []


def test_a_page_that_shows_the_first_again_ends_the_story() -> None:
    story = PagedStory(count=9)
    article = join(story, dict.fromkeys(range(1, 10), story.html(1)))
    assert texts(article) == story.lines(1)
    assert [flag for flag in article.quality.flags if "pages" in flag] == ["pages_repeated"]
    assert article.pages == []


def test_a_first_page_by_itself_is_flagged() -> None:
    story = PagedStory()
    article = join(story, {1: story.html(1)})
    assert texts(article) == story.lines(1)
    assert "pages_missing" in article.quality.flags
    assert [page.warc for page in article.pages] == [pointer(1), None, None]


def test_a_story_on_one_page_is_not_touched() -> None:
    story = PagedStory(count=1)
    article = join(story, all_pages(story))
    assert (article.pages, texts(article)) == ([], story.text)


def test_the_byline_and_the_rights_of_a_later_page_count() -> None:
    story = PagedStory(count=2)
    first = story.html(1).replace("<p class=byline>By Ines Halder</p>", "")
    second = story.html(2).replace("<title>", '<meta name="tdm-reservation" content="1"><title>')
    article = join(story, {1: first, 2: second})
    assert [author.name for author in article.authors] == ["Ines Halder"]
    assert article.rights.tdm_reserved


def test_what_a_witness_has_of_later_pages_is_not_missing() -> None:
    story = PagedStory(count=2)
    first = trace_extraction(story.html(1).encode(), SITE + story.path)
    second = trace_extraction(
        story.html(2).encode(),
        SITE + story.address(2),
        place=StoryPlace(number=2, base=f"{SITE}/2026/wall"),
    )
    assert isinstance(first.result, Article)
    assert first.links
    assert second.links
    page = FollowingPage(item=second.result, links=second.links)
    only = [*story.lines(2), "A line that no page has."]
    article = join_story(first.result, first.links, lambda _number, _url: page, only).article
    assert article.quality.witness_only_chars == len(only[-1])
    assert article.quality.witness_only_sample == only[-1]


def live_page(story: PagedStory, number: int, *texts: str) -> str:
    updates = [
        {"@type": "BlogPosting", "articleBody": text, "datePublished": "2026-03-04T10:00:00Z"}
        for text in texts
    ]
    blog = {"@type": "LiveBlogPosting", "headline": TITLE, "liveBlogUpdate": updates}
    script = f'<script type="application/ld+json">{json.dumps(blog)}</script></head>'
    return story.html(number).replace("</head>", script, 1)


def test_the_entries_of_a_live_blog_in_parts_are_all_there_once() -> None:
    story = PagedStory(count=2)
    newer, older = "The last stone is set in the evening.", "The first stone is set at dawn."
    article = join(story, {1: live_page(story, 1, newer), 2: live_page(story, 2, newer, older)})
    assert article.page_type == "liveblog"
    assert [update.text for update in article.live_updates] == [newer, older]
    assert texts(article) == story.text


def test_a_gallery_in_parts_has_all_its_pictures() -> None:
    story = PagedStory(count=3, style="next")

    def picture(number: int) -> str:
        url = f"{SITE}/wall-{number}.jpg"
        return story.html(number).replace("<title>", f'<meta property="og:image" content="{url}"><title>', 1)

    article = join(story, {number: picture(number) for number in (1, 2, 3)})
    assert [image.url for image in article.images] == [f"{SITE}/wall-{number}.jpg" for number in (1, 2, 3)]
